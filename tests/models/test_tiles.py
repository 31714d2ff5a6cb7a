"""Sizes that fit a U without padding, and tiles that leave no seam."""

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.models.tiles import TileSize, UFigure, mirror_pad, overlap_tile
from course_lib.models.unet import U_NET, U_NET_3D, UNet

SMALL = UFigure(down=((2, 3), (3, 4)), up_convolutions=(3,), up=((3, 2),))  # steps of 2, the smallest 18 gives 2
DEEP = UFigure(down=((2, 2), (2, 2), (3, 3)), up_convolutions=(2, 2), up=((2, 2), (2, 2)))  # steps of 4


@pytest.mark.parametrize(("input_size", "output_size"), [(572, 388), (188, 4), (204, 20), (1196, 1012)])
def test_sizes_of_2015(input_size: int, output_size: int) -> None:
    assert U_NET.output_size(input_size) == output_size


def test_sizes_of_2016() -> None:
    assert [U_NET_3D.output_size(size) for size in (132, 116, 92)] == [44, 28, 4]


@pytest.mark.parametrize("figure", [SMALL, DEEP, UFigure(((2, 2, 2), (2,)), (2,), ((),))])
def test_exactly_the_sizes_that_run_are_those_that_fit(figure: UFigure) -> None:
    """The oracle: try each size, and see whether each pooling finds an even number and each layer a pixel."""

    def by_hand(size: int) -> int | None:
        across = []
        for level in figure.down[:-1]:
            size -= 2 * len(level)
            if size < 2 or size % 2:
                return None
            across.append(size)
            size //= 2
        size -= 2 * len(figure.down[-1])
        for level in figure.up:
            size = 2 * size - 2 * len(level)
            if size < 1:
                return None
        return size if size > 0 else None

    net = UNet(figure=figure).eval()
    for size in range(1, 80):
        wanted = by_hand(size)
        if wanted is None:
            with pytest.raises(ValueError, match="cannot pass"):
                figure.output_size(size)
        else:
            assert figure.output_size(size) == wanted
            assert net(torch.zeros(1, 1, size, size)).shape[2:] == (wanted, wanted)


def test_what_does_not_fit_is_answered_with_the_nearest_that_do() -> None:
    assert U_NET.smallest_tile == TileSize(188, 4)
    with pytest.raises(ValueError, match=r"571 pixels cannot .* 4 poolings .* 556 \(gives 372\) and 572 \(gives 388\)"):
        U_NET.output_size(571)
    with pytest.raises(ValueError, match=r"187 pixels .*: the smallest that fits is 188 \(gives 4\)"):
        U_NET.output_size(187)


@pytest.mark.parametrize(
    ("down", "up_convolutions", "up", "words"),
    [
        (((1,), (2,)), (1, 1), ((1,),), "a U of 2 levels goes up 1 times, got 2 up-convolutions and 1 levels"),
        (((1,), (2,), (3,)), (2, 1), ((1,),), "a U of 3 levels goes up 2 times, got 2 up-convolutions and 1 levels"),
        (((1,), ()), (1,), ((1,),), r"each level on the left needs a convolution, got \(\(1,\), \(\)\)"),
    ],
)
def test_a_u_has_two_sides_of_one_height(down, up_convolutions, up, words) -> None:
    with pytest.raises(ValueError, match=words):
        UFigure(down, up_convolutions, up)


@pytest.mark.parametrize("shape", [(5, 7), (2, 3), (1, 4), (3, 2, 5)])
def test_mirroring_is_that_of_numpy(shape: tuple[int, ...]) -> None:
    x = torch.rand(2, 3, *shape)
    before, after = [9, 0, 4][: len(shape)], [3, 8, 11][: len(shape)]
    wanted = np.pad(x.numpy(), [(0, 0), (0, 0), *zip(before, after, strict=True)], mode="reflect")
    assert torch.equal(mirror_pad(x, before, after), torch.from_numpy(wanted))


def on_the_whole_mirrored_image(net: UNet, images: torch.Tensor) -> torch.Tensor:
    """Mirror once, run once, crop: what tiles must equal."""
    first, step = net.figure.smallest_tile, net.figure.multiple
    margin = (first.input_size - first.output_size) // 2
    sizes = images.shape[2:]
    fit = [first.input_size + max(-(-(size - first.output_size) // step), 0) * step for size in sizes]
    mirrored = mirror_pad(
        images, [margin] * len(sizes), [n - margin - size for n, size in zip(fit, sizes, strict=True)]
    )
    return net(mirrored)[(..., *(slice(size) for size in sizes))]


@pytest.mark.parametrize(
    ("figure", "shape", "tile_size"),
    [
        (SMALL, (1, 1, 31, 45), 26),  # neither side divides
        (SMALL, (3, 1, 20, 20), 22),
        (SMALL, (1, 1, 1, 3), 20),  # mirrored many times
        (SMALL, (2, 1, 16, 50), (20, 40)),
        (DEEP, (1, 1, 37, 50), 56),
        (DEEP, (2, 1, 41, 30), (52, 72)),
        (SMALL, (2, 1, 9, 14, 11), (20, 22, 26)),
        (DEEP, (1, 1, 13, 8, 10), 52),
    ],
)
@pytest.mark.parametrize("batch_size", [1, 3])
def test_tiles_give_what_the_net_gives_on_the_whole_mirrored_image(figure, shape, tile_size, batch_size) -> None:
    torch.manual_seed(0)
    net = UNet(3, figure=figure, dims=len(shape) - 2).double().eval()
    images = torch.rand(shape, dtype=torch.float64)
    whole = on_the_whole_mirrored_image(net, images)
    scores = overlap_tile(net, images, tile_size=tile_size, batch_size=batch_size)
    assert scores.shape == (shape[0], 3, *shape[2:])
    torch.testing.assert_close(scores, whole)


def test_tiles_of_the_published_depth_with_three_channels() -> None:
    torch.manual_seed(0)
    thin = UFigure(
        down=((2, 2), (2, 2), (2, 2), (2, 2), (2, 2)), up_convolutions=(2, 2, 2, 2), up=((2, 2), (2, 2), (2, 2), (2, 2))
    )
    net = UNet(2, 3, figure=thin).double().eval()
    images = torch.rand(1, 3, 70, 45, dtype=torch.float64)
    whole = on_the_whole_mirrored_image(net, images)
    torch.testing.assert_close(overlap_tile(net, images, tile_size=220), whole)


def test_tiles_need_no_gradient_and_leave_the_net_as_it_was() -> None:
    net = UNet(figure=SMALL).eval()
    assert not overlap_tile(net, torch.rand(1, 1, 9, 9), tile_size=20).requires_grad
    assert not net.training
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("shape", "settings", "words"),
    [
        ((1, 1, 30, 30), {"tile_size": 21}, r"21 pixels cannot pass 1 poolings .* 20 \(gives 4\) and 22 \(gives 6\)"),
        ((1, 1, 30, 30), {"tile_size": (20, 22, 24)}, r"tile_size is one number or 2, .* got \(20, 22, 24\)"),
        ((1, 1, 30, 30), {"tile_size": 20, "batch_size": 0}, "batch_size is at least 1, got 0"),
        ((1, 2, 30, 30), {"tile_size": 20}, "2 channels where the first layer reads 1"),
        ((30, 30), {"tile_size": 20}, "that is 2 axes"),
        ((1, 1, 0, 30), {"tile_size": 20}, "at least 1 pixel along"),
    ],
)
def test_what_does_not_fit_is_refused(shape, settings, words) -> None:
    with pytest.raises(ValueError, match=words):
        overlap_tile(UNet(figure=SMALL).eval(), torch.zeros(shape), **settings)


def test_a_tile_that_gives_less_than_a_step_is_refused_with_one_that_gives_enough() -> None:
    with torch.device("meta"):
        net, images = UNet().eval(), torch.zeros(1, 1, 512, 512)
    with pytest.raises(ValueError, match="step by multiples of 16, so 188 is too small a tile_size: take 204"):
        overlap_tile(net, images, tile_size=188)
    assert overlap_tile(net, images, tile_size=572).shape == (1, 2, 512, 512)


def test_a_net_that_is_training_is_refused() -> None:
    net = UNet(figure=SMALL)
    assert isinstance(net.down[0][-1], nn.Dropout)
    with pytest.raises(ValueError, match=r"evaluation mode, got one that is training: call net.eval\(\)"):
        overlap_tile(net, torch.zeros(1, 1, 30, 30), tile_size=20)
