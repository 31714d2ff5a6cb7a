"""U-Net against its figures, number by number; the liver net's field of 94 by arithmetic and by brute force."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from course_lib.arithmetic import Layer, receptive_field
from course_lib.models.tiles import UFigure
from course_lib.models.unet import LIVER_NET, U_NET, U_NET_3D, PaddedUNet, ShortSkip, UNet, liver_net, unet3d

SMALL = UFigure(down=((2, 3), (3, 4)), up_convolutions=(3,), up=((3, 2),))
EVEN = UFigure(down=((2, 2), (3, 3)), up_convolutions=(3,), up=((2, 2),))  # equal ends: short skips are possible


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def on_meta(make) -> nn.Module:
    with torch.device("meta"):
        return make()


def thin(figure: UFigure, factor: int) -> UFigure:
    """The same U with fewer channels."""
    return UFigure(
        tuple(tuple(max(channels // factor, 1) for channels in level) for level in figure.down),
        tuple(max(channels // factor, 1) for channels in figure.up_convolutions),
        tuple(tuple(max(channels // factor, 1) for channels in level) for level in figure.up),
    )


def in_order_of_calls(net: nn.Module, x: torch.Tensor) -> list[tuple[nn.Module, tuple[int, ...]]]:
    """The convolutions that ran, each with the shape of its output."""
    ran = []
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d):
            layer.register_forward_hook(lambda layer, _, out: ran.append((layer, tuple(out.shape))))
    net(x)
    return ran


def cross_entropy(labels: torch.Tensor):
    return lambda scores: nn.functional.cross_entropy(scores, labels)


# U-Net as published in 2015

FIGURE_1 = [  # channels, side and parameters behind each arrow of the figure
    (64, 570, 640), (64, 568, 36_928),
    (128, 282, 73_856), (128, 280, 147_584),
    (256, 138, 295_168), (256, 136, 590_080),
    (512, 66, 1_180_160), (512, 64, 2_359_808),
    (1024, 30, 4_719_616), (1024, 28, 9_438_208),
    (512, 56, 2_097_664), (512, 54, 4_719_104), (512, 52, 2_359_808),
    (256, 104, 524_544), (256, 102, 1_179_904), (256, 100, 590_080),
    (128, 200, 131_200), (128, 198, 295_040), (128, 196, 147_584),
    (64, 392, 32_832), (64, 390, 73_792), (64, 388, 36_928),
    (2, 388, 130),
]  # fmt: skip


def test_each_convolution_has_the_channels_the_size_and_the_parameters_of_figure_1() -> None:
    net = on_meta(UNet)
    ran = in_order_of_calls(net, torch.zeros(1, 1, 572, 572, device="meta"))
    assert [(shape[1], shape[2], count(layer)) for layer, shape in ran] == FIGURE_1
    assert all(shape[2] == shape[3] for _, shape in ran)
    assert len(ran) == 23  # "In total the network has 23 convolutional layers"
    assert count(net) == 31_030_658


@pytest.mark.parametrize(
    ("make", "shape", "macs"),
    [
        (UNet, (1, 1, 572, 572), 150_428_424_448),
        (unet3d, (1, 3, 132, 132, 116), 266_731_018_496),
        (liver_net, (1, 1, 96, 96), 5_388_042_240),
        (lambda: PaddedUNet(4, figure=U_NET_3D, dims=3), (1, 1, 64, 64, 64), 244_267_876_352),
    ],
    ids=["2015", "2016", "liver", "padded 3-D"],
)
def test_macs(make, shape, macs, count_macs) -> None:
    assert count_macs(make, shape) == macs


def test_macs_of_2015_from_the_figure() -> None:
    sides = [572, *(side for _, side, _ in FIGURE_1)]
    total = 0
    for before, (channels, side, parameters) in zip(sides, FIGURE_1, strict=False):
        places = before if side == 2 * before else side  # an up-convolution works once at each pixel below
        total += (parameters - channels) * places**2
    assert total == 150_428_424_448


def test_the_sizes_written_beside_the_figures() -> None:
    shapes = [shape[2:] for _, shape in in_order_of_calls(on_meta(unet3d), torch.zeros(1, 3, 132, 132, 116).to("meta"))]
    ends = [shapes[number] for number in (1, 3, 5, 7)] + [shapes[number] for number in (8, 11, 14)] + shapes[10::3]
    assert ends == [
        (128, 128, 112), (60, 60, 52), (26, 26, 22), (9, 9, 7),
        (18, 18, 14), (28, 28, 20), (48, 48, 32),
        (14, 14, 10), (24, 24, 16), (44, 44, 28),
    ]  # fmt: skip
    shapes = [shape[2] for _, shape in in_order_of_calls(on_meta(liver_net), torch.zeros(1, 1, 96, 96).to("meta"))]
    assert shapes == [96] * 3 + [48] * 2 + [24] * 2 + [12] * 2 + [24] * 3 + [48] * 3 + [96] * 2


def test_dropout_stands_behind_the_two_lowest_levels() -> None:
    net = on_meta(UNet)
    places = [(name, layer.p) for name, layer in net.named_modules() if isinstance(layer, nn.Dropout)]
    assert places == [("down.3.4", 0.5), ("down.4.4", 0.5)]


def test_first_weights_have_the_variance_that_the_paper_asks_for() -> None:
    torch.manual_seed(0)
    net = UNet(figure=thin(U_NET, 4))
    for name, layer in net.named_modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            assert not layer.bias.any()
            # A pixel of an up-convolution reads one pixel below, through all its channels.
            added = layer.in_channels if isinstance(layer, nn.ConvTranspose2d) else layer.weight[0].numel()
            spread = 4 / math.sqrt(2 * layer.weight.numel())
            assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / added), rel=spread), name


def test_the_skip_is_cropped_to_its_middle_and_stands_before_what_came_up() -> None:
    net, seen = UNet(figure=SMALL).eval(), {}
    net.down[0].register_forward_hook(lambda _, __, out: seen.__setitem__("down", out))
    net.up_convolutions[0].register_forward_hook(lambda _, __, out: seen.__setitem__("up", out))
    net.up[0].register_forward_pre_hook(lambda _, args: seen.__setitem__("joined", args[0]))
    net(torch.rand(1, 1, 26, 30))
    assert seen["down"].shape == (1, 3, 22, 26)
    assert seen["up"].shape == (1, 3, 14, 18)
    assert torch.equal(seen["joined"], torch.cat([seen["down"][:, :, 4:18, 4:22], seen["up"]], dim=1))


def test_scores_of_a_part_are_that_part_of_the_scores() -> None:
    torch.manual_seed(0)
    net = UNet(figure=thin(U_NET, 32)).double().eval()
    x = torch.rand(1, 1, 236, 220, dtype=torch.float64)
    whole = net(x)  # (1, 2, 52, 36)
    torch.testing.assert_close(net(x[:, :, 16:236, 0:204]), whole[:, :, 16:52, 0:20])
    with torch.no_grad():
        other = net(x[:, :, 1:205, 0:204])  # one pixel further, poolings see other pairs
    assert not torch.allclose(other, whole[:, :, 1:21, 0:20])


def test_the_published_net_learns(assert_learns) -> None:
    torch.manual_seed(0)
    labels = torch.tensor([0, 1]).repeat_interleave(8).reshape(1, 4, 4)
    assert_learns(UNet(), torch.rand(1, 1, 188, 188), cross_entropy(labels))


def test_3d_unet_learns(assert_learns) -> None:
    torch.manual_seed(0)
    labels = torch.arange(2 * 64).reshape(2, 4, 4, 4) % 3
    net = UNet(3, 3, figure=thin(U_NET_3D, 16), dims=3, batch_norm=True)
    assert_learns(net, torch.rand(2, 3, 92, 92, 92), cross_entropy(labels))


@pytest.mark.parametrize("dims", [2, 3])
def test_gradients_of_a_net_without_padding(dims, assert_gradients_are_right) -> None:
    torch.manual_seed(0)
    net = UNet(figure=SMALL, dims=dims, batch_norm=dims == 3)
    assert_gradients_are_right(net, torch.rand(1, 1, *[18] * dims))


def test_a_net_without_padding_travels(assert_travels) -> None:
    torch.manual_seed(0)
    assert_travels(UNet(figure=SMALL), torch.rand(2, 1, 20, 22))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1, 572, 572), r"wanted a batch \(B, 1, H, W\) of at least 188 .* got \(1, 572, 572\): a single one"),
        ((1, 3, 572, 572), "3 channels where the first layer reads 1"),
        ((1, 1, 572, 187), "too small"),
        ((1, 1, 572, 200), r"200 pixels cannot pass 4 poolings .* 188 \(gives 4\) and 204 \(gives 20\)"),
        ((1, 1, 512, 572), r"512 pixels .* nearest that fit are 508 \(gives 324\) and 524 \(gives 340\)"),
    ],
)
def test_the_published_net_refuses(shape, words, assert_refuses) -> None:
    assert_refuses(on_meta(UNet), torch.zeros(shape, device="meta"), words)


def test_the_smallest_sizes_work() -> None:
    assert on_meta(UNet)(torch.zeros(1, 1, 188, 204, device="meta")).shape == (1, 2, 4, 20)
    assert on_meta(unet3d)(torch.zeros(1, 3, 92, 100, 92, device="meta")).shape == (1, 3, 4, 12, 4)
    assert on_meta(liver_net)(torch.zeros(1, 1, 8, 16, device="meta")).shape == (1, 2, 8, 16)
    assert on_meta(PaddedUNet)(torch.zeros(1, 1, 16, 32, device="meta")).shape == (1, 2, 16, 32)


@pytest.mark.parametrize("make", [UNet, PaddedUNet])
@pytest.mark.parametrize("arguments", [{"num_classes": 0}, {"in_channels": 0}])
def test_there_is_at_least_one_class_and_one_channel(make, arguments) -> None:
    with pytest.raises(ValueError, match="are at least 1, got"):
        make(**arguments)


@pytest.mark.parametrize("make", [UNet, PaddedUNet])
def test_images_have_two_axes_or_three(make) -> None:
    with pytest.raises(ValueError, match=r"dims is 2 \(images\) or 3 \(volumes\), got 1"):
        make(dims=1)


# 3D U-Net as published in 2016

FIGURE_2 = [  # channels in and out, and weights, of each convolution and up-convolution
    (3, 32, 2_592), (32, 64, 55_296), (64, 64, 110_592), (64, 128, 221_184),
    (128, 128, 442_368), (128, 256, 884_736), (256, 256, 1_769_472), (256, 512, 3_538_944),
    (512, 512, 2_097_152), (768, 256, 5_308_416), (256, 256, 1_769_472),
    (256, 256, 524_288), (384, 128, 1_327_104), (128, 128, 442_368),
    (128, 128, 131_072), (192, 64, 331_776), (64, 64, 110_592),
    (64, 3, 192),
]  # fmt: skip


def test_each_convolution_of_the_3d_unet_has_the_channels_and_weights_of_figure_2() -> None:
    net = on_meta(unet3d)
    ran = in_order_of_calls(net, torch.zeros(1, 3, 132, 132, 116, device="meta"))
    assert [(layer.in_channels, layer.out_channels, layer.weight.numel()) for layer, _ in ran] == FIGURE_2
    assert ran[-1][1] == (1, 3, 44, 44, 28)


def test_both_counts_of_the_3d_unet() -> None:
    net = on_meta(unet3d)
    of_batch_norm = sum(count(layer) for layer in net.modules() if isinstance(layer, nn.BatchNorm3d))
    of_up_biases = sum(layer.bias.numel() for layer in net.modules() if isinstance(layer, nn.ConvTranspose3d))
    assert (count(net), of_batch_norm, of_up_biases) == (19_075_523, 4_672, 896)
    assert count(net) - of_batch_norm - of_up_biases == 19_069_955  # section 2 of the paper
    weights = sum(number for _, _, number in FIGURE_2)
    assert weights + 2_336 + 3 == 19_069_955  # with one bias a channel of the convolutions, and three of the last


def test_a_3d_net_on_a_volume_that_does_not_change_with_depth_is_the_2d_net() -> None:
    torch.manual_seed(0)
    flat = UNet(figure=SMALL).double().eval()
    deep = UNet(figure=SMALL, dims=3).double().eval()
    with torch.no_grad():
        for layer_2d, layer_3d in zip(flat.modules(), deep.modules(), strict=True):
            if isinstance(layer_2d, nn.Conv2d | nn.ConvTranspose2d):
                adds_up = layer_3d.kernel_size[0] if isinstance(layer_2d, nn.Conv2d) else 1
                layer_3d.weight.copy_(layer_2d.weight.unsqueeze(2).expand_as(layer_3d.weight) / adds_up)
                layer_3d.bias.copy_(layer_2d.bias)
        image = torch.rand(2, 1, 22, 26, dtype=torch.float64)
        scores = deep(image.unsqueeze(2).expand(2, 1, 20, 22, 26))
        torch.testing.assert_close(scores, flat(image).unsqueeze(2).expand_as(scores))


# The padded form


def test_the_padded_form_of_2015_has_its_parameters_and_two_more_for_each_normalised_channel() -> None:
    assert count(on_meta(lambda: PaddedUNet(batch_norm=False))) == 31_030_658
    normalised = 2 * (64 + 128 + 256 + 512) + 1024  # channels of each convolution, both sides and the bottom
    assert count(on_meta(PaddedUNet)) == 31_030_658 + 2 * 2 * normalised
    assert count(on_meta(lambda: PaddedUNet(short_skips=True))) == count(on_meta(PaddedUNet))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("short_skips", [False, True])
def test_the_padded_form_keeps_the_size_and_learns(dims, short_skips, assert_learns) -> None:
    torch.manual_seed(0)
    net = PaddedUNet(3, 2, figure=thin(U_NET, 16), dims=dims, short_skips=short_skips, dropout=0.2)
    x = torch.rand(2, 2, *[16] * (dims - 1), 32)
    assert net(x).shape == (2, 3, *x.shape[2:])
    assert_learns(net, x, cross_entropy((x[:, 0] * 3).long()))


@pytest.mark.parametrize("dims", [2, 3])
def test_gradients_of_the_padded_form(dims, assert_gradients_are_right) -> None:
    torch.manual_seed(0)
    net = PaddedUNet(figure=EVEN, dims=dims, short_skips=True, dropout=0.5)
    assert_gradients_are_right(net, torch.rand(2, 1, *[6] * dims))


def test_the_padded_form_travels(assert_travels) -> None:
    torch.manual_seed(0)
    assert_travels(PaddedUNet(figure=EVEN, dims=3, short_skips=True), torch.rand(2, 1, 8, 6, 10))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1, 1, 684, 512), r"multiples of 16, .* halved 4 times, got \(1, 1, 684, 512\): crop 684 to 672 or .* 688"),
        ((1, 1, 512, 17), "crop 17 to 16 or pad it to 32"),
        ((1, 1, 15, 16), "at least 16 pixels"),
        ((1, 2, 32, 32), "2 channels where the first layer reads 1"),
        ((1, 1, 16, 16, 16), "that is 5 axes, and 4 are needed"),
    ],
)
def test_the_padded_form_refuses(shape, words, assert_refuses) -> None:
    assert_refuses(on_meta(PaddedUNet), torch.zeros(shape, device="meta"), words)


def test_whole_numbers_are_no_images(assert_refuses) -> None:
    assert_refuses(on_meta(PaddedUNet), torch.zeros(1, 1, 16, 16, dtype=torch.uint8), "convert", TypeError)


def test_padding_and_no_padding_agree_where_no_zero_is_seen() -> None:
    torch.manual_seed(0)
    valid, padded = UNet(figure=SMALL).double().eval(), PaddedUNet(figure=SMALL, batch_norm=False).double().eval()
    for ours, theirs in zip(valid.parameters(), padded.parameters(), strict=True):
        theirs.data.copy_(ours.data)
    x = torch.rand(1, 1, 42, 42, dtype=torch.float64)
    torch.testing.assert_close(padded(x)[:, :, 8:34, 8:34], valid(x))


def test_a_short_skip_passes_on_what_the_others_do_not_change() -> None:
    torch.manual_seed(0)
    net = PaddedUNet(figure=EVEN, short_skips=True).eval()
    level = net.down[0]
    assert isinstance(level, ShortSkip)
    x = torch.randn(1, 1, 4, 4)
    change = level.others(level.first(x))
    assert (change < 0).any()  # it ends before its activation
    assert torch.equal(level(x), (level.first(x) + change).relu())
    nn.init.zeros_(level.others[0].weight)
    assert torch.equal(level(x), level.first(x))


@pytest.mark.parametrize("make", [lambda: UNet(figure=thin(U_NET, 16)), lambda: PaddedUNet(figure=thin(U_NET, 16))])
def test_images_pass_channels_last_from_layer_to_layer(make) -> None:
    net = make().to(memory_format=torch.channels_last)
    for layer in net.modules():
        if not list(layer.children()):
            layer.register_forward_hook(
                lambda _, __, out: passed.append(out.is_contiguous(memory_format=torch.channels_last))
            )
    passed: list[bool] = []
    side = 188 if isinstance(net, UNet) else 32
    net(torch.rand(2, 1, side, side).to(memory_format=torch.channels_last))
    assert passed
    assert all(passed)


def test_a_short_skip_needs_equal_channels_at_both_ends() -> None:
    with pytest.raises(ValueError, match=r"equal channels at both ends of a level, got \(32, 64\)"):
        PaddedUNet(figure=U_NET_3D, short_skips=True)


@pytest.mark.parametrize("dims", [2, 3])
def test_spatial_dropout_drops_whole_maps_behind_each_concatenation(dims) -> None:
    torch.manual_seed(0)
    net = PaddedUNet(figure=thin(U_NET, 16), dims=dims, dropout=0.5)
    assert [type(level[0]) for level in net.up] == [{2: nn.Dropout2d, 3: nn.Dropout3d}[dims]] * 4
    maps = net.up[0][0](torch.ones(2, 64, *[4] * dims)).flatten(2)
    assert torch.equal(maps.amin(2), maps.amax(2))
    assert set(maps.unique().tolist()) == {0.0, 2.0}


# The liver net and its field


def test_the_liver_net_is_what_the_lecture_says() -> None:
    net = on_meta(liver_net)
    assert len(net.down) == 4  # resolution levels
    assert {layer.kernel_size for layer in net.modules() if type(layer) is nn.Conv2d} == {(3, 3), (1, 1)}
    assert sum(isinstance(layer, ShortSkip) for layer in net.modules()) == 6
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in net.modules()) == 13  # behind each 3×3
    assert [level[0].p for level in net.up] == [0.5] * 3
    assert count(net) == 9_054_082
    assert [count(level) for level in net.down] == [74_880, 221_952, 886_272, 3_542_016]
    assert [count(layer) for layer in net.up_convolutions] == [1_049_088, 262_400, 65_664]
    assert [count(level) for level in net.up] == [2_360_832, 590_592, 0]
    halved = replace(LIVER_NET, up_convolutions=(256, 128, 64))
    assert count(on_meta(lambda: PaddedUNet(figure=halved, short_skips=True))) == 7_628_098


def test_the_liver_net_learns(assert_learns) -> None:
    torch.manual_seed(0)
    x = torch.rand(2, 1, 16, 16)
    assert_learns(liver_net(), x, cross_entropy((x[:, 0] > 0.5).long()))


Counts = tuple[tuple[int, ...], int, tuple[int, ...]]  # 3×3 convolutions: down, at the bottom, up from the bottom


def counts_of(figure: UFigure) -> Counts:
    return tuple(map(len, figure.down[:-1])), len(figure.down[-1]), tuple(map(len, figure.up))


def usual_sum(counts: Counts) -> int:
    """The field as it is usually counted: all convolutions and poolings in a chain, up-convolutions left out."""
    down, bottom, up = counts
    layers = []
    for here, there in zip(down, reversed(up), strict=True):
        layers += [Layer(3)] * (here + there) + [Layer(2, stride=2)]
    return receptive_field(layers + [Layer(3)] * bottom).size


def field(counts: Counts, pixel: int) -> int:
    """The pixels that one output pixel sees along an axis, followed back from its own place."""
    down, bottom, up = counts
    first = last = pixel
    for convolutions in reversed(up):
        first, last = (first - convolutions) // 2, (last + convolutions) // 2
    first, last = first - bottom, last + bottom
    for convolutions in reversed(down):
        first, last = 2 * first - convolutions, 2 * last + 1 + convolutions
    return last - first + 1


def fields(counts: Counts) -> list[int]:
    return [field(counts, pixel) for pixel in range(2 ** len(counts[0]))]


USUAL = ((2, 2, 2), 2, (2, 2, 2))


def test_the_usual_sum_gives_96_for_two_convolutions_a_level_and_94_for_the_liver_net() -> None:
    assert usual_sum(USUAL) == 96
    assert usual_sum(counts_of(LIVER_NET)) == 94


def test_by_arithmetic_each_pixel_of_the_liver_net_sees_94_and_of_the_usual_net_92_or_100() -> None:
    assert set(fields(counts_of(LIVER_NET))) == {94}
    assert sorted(fields(USUAL)) == [92] * 4 + [100] * 4


@pytest.mark.parametrize(
    "counts", [USUAL, counts_of(LIVER_NET), counts_of(U_NET), ((1, 3), 2, (0, 5)), ((4,), 1, (3,))]
)
def test_the_usual_sum_is_the_mean_over_the_output_pixels(counts) -> None:
    assert sum(fields(counts)) / len(fields(counts)) == usual_sum(counts)


def test_no_other_net_of_one_first_convolution_and_blocks_of_two_sees_94_from_each_pixel() -> None:
    found = [
        ((stem + blocks[0], *blocks[1:3]), blocks[3], blocks[4:])
        for stem in (0, 1)
        for blocks in itertools.product((0, 2), repeat=7)
    ]
    assert [counts for counts in found if set(fields(counts)) == {94}] == [counts_of(LIVER_NET)]


def seen_by(net: PaddedUNet, row: int, column: int, *, side: int) -> torch.Tensor:
    """Where a float64 image of all ones changes one score: True for each pixel with a gradient.

    With positive weights and mean pooling nothing cancels, and no maximum hides a pixel.
    """
    net = net.double().eval().requires_grad_(False)
    net.pool = nn.AvgPool2d(2)
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.weight.abs_()
    image = torch.ones(1, net.in_channels, side, side, dtype=torch.float64, requires_grad=True)
    net(image)[0, 0, row, column].backward()
    return image.grad[0].abs().sum(dim=0) > 0


def box(seen: torch.Tensor) -> tuple[int, int]:
    """Height and width of what is seen, which has no holes."""
    height, width = int(seen.any(dim=1).sum()), int(seen.any(dim=0).sum())
    assert int(seen.sum()) == height * width
    return height, width


def test_by_brute_force_the_liver_net_sees_94_by_94() -> None:
    torch.manual_seed(0)
    assert box(seen_by(liver_net(), 53, 50, side=104)) == (94, 94)


def test_by_brute_force_each_pixel_of_the_liver_net_sees_94_by_94() -> None:
    torch.manual_seed(0)
    net = PaddedUNet(figure=thin(LIVER_NET, 32), short_skips=True)
    assert {box(seen_by(net, 56 + n, 63 - n, side=120)) for n in range(8)} == {(94, 94)}


def test_by_brute_force_the_usual_net_sees_92_or_100() -> None:
    torch.manual_seed(0)
    two_a_level = UFigure(down=((2, 2), (2, 2), (4, 4), (4, 4)), up_convolutions=(4, 2, 2), up=((4, 4), (2, 2), (2, 2)))
    net = PaddedUNet(figure=two_a_level)
    found = [box(seen_by(net, 56 + n, 56 + n, side=120))[0] for n in range(8)]
    assert found == [field(USUAL, 56 + n) for n in range(8)]


def test_with_maximum_pooling_a_bright_pixel_inside_the_94_is_seen_and_one_outside_is_not() -> None:
    torch.manual_seed(0)
    net = PaddedUNet(figure=thin(LIVER_NET, 32), short_skips=True).double().eval()
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.weight.data.abs_()
    seen = seen_by(PaddedUNet(figure=thin(LIVER_NET, 32), short_skips=True), 57, 60, side=120)
    top, left = (int(seen.any(dim=axis).nonzero()[0]) for axis in (1, 0))
    rows_and_columns = [(top, left), (top + 93, left + 93), (top - 1, left), (top + 94, left), (top, left + 94)]
    with torch.no_grad():
        images = torch.rand(6, 1, 120, 120, dtype=torch.float64)[:1].repeat(6, 1, 1, 1)
        for image, (row, column) in zip(images[1:], rows_and_columns, strict=True):
            image[0, row, column] = 1e6
        scores = net(images)[:, 0, 57, 60]
    assert (scores != scores[0]).tolist() == [False, True, True, False, False, False]
