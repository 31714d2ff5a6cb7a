"""The brain-age net against its paper; three views and the orthogonal mean against the same thing done by hand."""

import copy

import pytest
import torch
from torch import nn

from course_lib.models.lenet import PlainLeNet
from course_lib.models.unet import liver_net
from course_lib.models.volumes import OrthoMean, ThreeViews, VolumeClassifier, VolumeRegressor, orthogonal_views


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def image_net(num_outputs: int = 3, *, seed: int = 0) -> nn.Module:
    """A tiny net for images of 6×6."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(32, num_outputs))


def slice_net(num_classes: int = 3, *, seed: int = 0) -> nn.Module:
    """A tiny net that scores each pixel of a slice of any size."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Tanh(), nn.Conv2d(2, num_classes, 1))


# 3-D nets

BLOCKS = [  # channels, and parameters of the two convolutions and of the batch normalisation
    (8, 224, 1_736, 16),
    (16, 3_472, 6_928, 32),
    (32, 13_856, 27_680, 64),
    (64, 55_360, 110_656, 128),
    (128, 221_312, 442_496, 256),
]
SIZES = [(91, 109, 91), (45, 54, 45), (22, 27, 22), (11, 13, 11), (5, 6, 5)]


def test_each_block_is_that_of_the_paper() -> None:
    with torch.device("meta"):
        net = VolumeRegressor()
    for block, (channels, first, second, norm) in zip(net.features, BLOCKS, strict=True):
        kinds = [nn.Conv3d, nn.ReLU, nn.Conv3d, nn.BatchNorm3d, nn.ReLU, nn.MaxPool3d]
        assert [type(layer) for layer in block] == kinds
        assert [count(layer) for layer in block] == [first, 0, second, norm, 0, 0]
        assert block[2].out_channels == channels
    assert count(net.head) == 128 * 5 * 6 * 5 + 1
    assert count(net) == 903_417


def test_each_block_gives_the_size_that_is_written_beside_it() -> None:
    shapes = []
    with torch.device("meta"):
        net = VolumeClassifier(num_classes=3)
        for block in net.features:
            block.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape)))
        assert net(torch.zeros(2, 1, 182, 218, 182)).shape == (2, 3)
    assert shapes == [(2, channels, *size) for (channels, *_), size in zip(BLOCKS, SIZES, strict=True)]
    assert count(net) == 884_216 + 3 * 19_201


def test_macs_of_one_brain(count_macs) -> None:
    assert count_macs(VolumeRegressor, (1, 1, 182, 218, 182)) == 31_142_717_760


def test_ages_come_as_a_batch_of_numbers() -> None:
    net = VolumeRegressor(input_size=(32, 33, 40))
    ages = torch.tensor([30.0, 50.0, 70.0])
    predicted = net(torch.rand(3, 1, 32, 33, 40))
    assert predicted.shape == (3,) == ages.shape
    assert (predicted - ages).shape == (3,)  # and not (3, 3)


def test_the_regressor_learns(assert_learns) -> None:
    torch.manual_seed(0)
    x, ages = torch.rand(2, 1, 32, 64, 32), torch.tensor([1.0, 3.0])
    assert_learns(VolumeRegressor(input_size=(32, 64, 32)), x, lambda out: nn.functional.mse_loss(out, ages))


def test_the_classifier_learns(assert_learns) -> None:
    torch.manual_seed(0)
    x, labels = torch.rand(4, 2, 32, 32, 64), torch.tensor([0, 1, 2, 0])
    net = VolumeClassifier(3, 2, input_size=(32, 32, 64))
    assert_learns(net, x, lambda scores: nn.functional.cross_entropy(scores, labels))


def test_gradients_of_3d_nets(assert_gradients_are_right) -> None:
    torch.manual_seed(0)
    x = torch.rand(2, 1, 4, 6, 5)
    assert_gradients_are_right(VolumeRegressor(input_size=(4, 6, 5), channels=(2, 3)), x)
    assert_gradients_are_right(VolumeClassifier(3, input_size=(4, 6, 5), channels=(2, 3)), x)


def test_3d_nets_travel(assert_travels) -> None:
    torch.manual_seed(0)
    assert_travels(VolumeRegressor(input_size=(8, 8, 9), channels=(2, 3)), torch.rand(2, 1, 8, 8, 9))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1, 1, 31, 40, 40), r"wanted a batch \(B, 1, D, H, W\) of at least 32 .* too small"),
        ((1, 1, 40, 40, 33), r"reads volumes of \(40, 40, 32\) voxels, got \(1, 1, 40, 40, 33\): resample or crop"),
        ((1, 2, 40, 40, 32), "2 channels where the first layer reads 1"),
        ((1, 40, 40, 32), r"a single one becomes a batch of one by x\[None\]"),
        ((40, 40, 32), "that is 3 axes, and 5 are needed"),
    ],
)
@pytest.mark.parametrize("make", [VolumeRegressor, VolumeClassifier])
def test_3d_nets_refuse(make, shape, words, assert_refuses) -> None:
    with torch.device("meta"):
        net, x = make(input_size=(40, 40, 32)), torch.zeros(shape)
    assert_refuses(net, x, words)


@pytest.mark.parametrize("input_size", [(31, 40, 40), (40, 40)])
def test_the_size_of_the_volumes_is_three_numbers_of_at_least_32(input_size) -> None:
    with pytest.raises(ValueError, match="input_size needs 3 numbers of at least 32, got"):
        VolumeRegressor(input_size=input_size)


@pytest.mark.parametrize("arguments", [{"num_classes": 0}, {"in_channels": 0}])
def test_there_is_at_least_one_class_and_one_channel(arguments) -> None:
    with pytest.raises(ValueError, match="at least 1 output and 1 input channel, got"):
        VolumeClassifier(**arguments)


# Three views


def test_the_views_are_the_slices_through_the_middle_voxel() -> None:
    x = torch.rand(2, 3, 6, 6, 6)
    views = orthogonal_views(x, size=6)  # no resizing
    assert torch.equal(views, torch.stack([x[:, :, 3], x[:, :, :, 3], x[:, :, :, :, 3]]))


def test_the_views_of_an_uneven_volume_are_brought_to_one_square() -> None:
    """Each voxel holds its own place along one axis: rows and columns of each view run along the axes they name."""
    sizes = (5, 30, 20)
    for number, size in enumerate(sizes):
        place = torch.arange(size).float().reshape([-1 if axis == number else 1 for axis in range(3)])
        views = orthogonal_views(place.expand(1, 1, *sizes), size=12)
        assert views.shape == (3, 1, 1, 12, 12)
        for view, (rows, columns) in zip(views[:, 0, 0], [(1, 2), (0, 2), (0, 1)], strict=True):
            if number == rows:
                assert (view.diff(dim=0) >= 0).all()
                assert view.std(dim=1).max() < 1e-4 < view.std(dim=0).min()
            elif number == columns:
                assert (view.diff(dim=1) >= 0).all()
                assert view.std(dim=0).max() < 1e-4 < view.std(dim=1).min()
            else:
                torch.testing.assert_close(view, torch.full((12, 12), float(size // 2)))  # the slice itself


def test_shrinking_smooths_instead_of_skipping_pixels() -> None:
    stripes = torch.arange(64).remainder(2).float().expand(1, 1, 64, 64, 64)
    axial = orthogonal_views(stripes, size=16)[0]
    assert axial[..., 2:-2].sub(0.5).abs().max() < 0.05


def test_one_net_sees_three_views_and_its_scores_are_averaged() -> None:
    net, x = image_net(), torch.rand(4, 1, 7, 9, 6)
    wanted = torch.stack([net(view) for view in orthogonal_views(x, size=6)]).mean(dim=0)
    torch.testing.assert_close(ThreeViews(net, size=6)(x), wanted)
    assert count(ThreeViews(net, size=6)) == count(net)


def test_three_nets_see_one_view_each() -> None:
    nets, x = [image_net(seed=n) for n in range(3)], torch.rand(4, 1, 7, 9, 6)
    model = ThreeViews(nets, size=6)
    axial, coronal, sagittal = orthogonal_views(x, size=6)
    torch.testing.assert_close(model(x), (nets[0](axial) + nets[1](coronal) + nets[2](sagittal)) / 3)
    assert count(model) == 3 * count(nets[0])
    same = ThreeViews([copy.deepcopy(nets[0]) for _ in range(3)], size=6)
    torch.testing.assert_close(same(x), ThreeViews(nets[0], size=6)(x))


def test_turning_the_volume_changes_nothing_for_a_shared_net_that_sees_turned_views() -> None:
    """A cube with its axes moved round shows the same three slices, one of them on its side."""
    net, x = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)), torch.rand(2, 1, 5, 5, 5)
    turned = x.permute(0, 1, 3, 4, 2)
    torch.testing.assert_close(ThreeViews(net, size=5)(turned), ThreeViews(net, size=5)(x))


@pytest.mark.parametrize("number", [1, 3])
def test_three_views_learn_are_right_and_travel(
    number, assert_learns, assert_gradients_are_right, assert_travels
) -> None:
    nets = [image_net(seed=n) for n in range(number)]
    model, labels = ThreeViews(nets if number == 3 else nets[0], size=6), torch.tensor([0, 2])
    x = torch.rand(2, 1, 7, 9, 6, generator=torch.Generator().manual_seed(0))
    assert_learns(model, x, lambda scores: nn.functional.cross_entropy(scores, labels))
    assert_travels(model, x)
    assert_gradients_are_right(model, x)


def test_macs_of_three_views_are_three_times_those_of_one(count_macs) -> None:
    of_one = count_macs(PlainLeNet, (1, 1, 32, 32))
    assert count_macs(lambda: ThreeViews(PlainLeNet(), size=32), (1, 1, 20, 40, 30)) == 3 * of_one


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1, 2, 8, 8, 8), "2 channels where the first layer reads 1"),
        ((2, 1, 8, 8), "that is 4 axes, and 5 are needed"),
        ((1, 1, 8, 0, 8), "at least 1 pixel along D, H, W"),
    ],
)
@pytest.mark.parametrize("make", [lambda: ThreeViews(image_net(), size=6), lambda: OrthoMean(slice_net())])
def test_what_is_no_batch_of_volumes_is_refused(make, shape, words, assert_refuses) -> None:
    assert_refuses(make(), torch.zeros(shape), words)


@pytest.mark.parametrize("wrapper", [ThreeViews, OrthoMean])
def test_two_nets_do_not_fit_three_views(wrapper) -> None:
    with pytest.raises(ValueError, match="need one net that they share, or three, got 2"):
        wrapper([slice_net(), slice_net()])


class TwoHeads(nn.Module):
    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"scores": x.mean((2, 3)), "aux1": x.mean((2, 3))}


@pytest.mark.parametrize("wrapper", [ThreeViews, OrthoMean])
def test_a_net_with_second_heads_is_refused(wrapper) -> None:
    with pytest.raises(TypeError, match="gives a tensor of scores, got dict: without second heads"):
        wrapper(TwoHeads())(torch.zeros(1, 1, 8, 8, 8))


# Segmentation in three directions


def mean_by_hand(nets: list[nn.Module], x: torch.Tensor) -> torch.Tensor:
    """Slice by slice, voxel by voxel: what `OrthoMean` must give, as probabilities."""
    total = torch.zeros(x.shape[0], 3, *x.shape[2:])
    for d in range(x.shape[2]):
        total[:, :, d] += nets[0](x[:, :, d]).softmax(dim=1)
    for h in range(x.shape[3]):
        total[:, :, :, h] += nets[1](x[:, :, :, h]).softmax(dim=1)
    for w in range(x.shape[4]):
        total[:, :, :, :, w] += nets[2](x[:, :, :, :, w]).softmax(dim=1)
    return total / 3


@pytest.mark.parametrize("slices_per_pass", [1, 4, 100])
def test_the_orthogonal_mean_is_that_of_the_probabilities_of_each_slice(slices_per_pass) -> None:
    nets, x = [slice_net(seed=n) for n in range(3)], torch.rand(2, 1, 5, 7, 6)
    with torch.no_grad():
        scores = OrthoMean(nets, slices_per_pass=slices_per_pass)(x)
        torch.testing.assert_close(scores.softmax(dim=1), mean_by_hand(nets, x))
        torch.testing.assert_close(scores.exp(), mean_by_hand(nets, x))
        shared = OrthoMean(nets[0], slices_per_pass=slices_per_pass)(x)
        torch.testing.assert_close(shared.exp(), mean_by_hand([nets[0]] * 3, x))


def test_three_liver_nets_segment_a_volume() -> None:
    with torch.device("meta"):
        model, x = OrthoMean([liver_net().eval() for _ in range(3)]), torch.zeros(1, 1, 8, 24, 16)
        assert model(x).shape == (1, 2, 8, 24, 16)
    assert count(model) == 3 * 9_054_082


@pytest.mark.parametrize("number", [1, 3])
def test_the_orthogonal_mean_learns_is_right_and_travels(
    number, assert_learns, assert_gradients_are_right, assert_travels
) -> None:
    nets = [slice_net(seed=n) for n in range(number)]
    model = OrthoMean(nets if number == 3 else nets[0], slices_per_pass=4)
    x = torch.rand(2, 1, 4, 5, 3, generator=torch.Generator().manual_seed(0))
    assert_learns(model, x, lambda scores: nn.functional.cross_entropy(scores, (x[:, 0] * 3).long()))
    assert_travels(model, x)
    assert_gradients_are_right(model, x)


@pytest.mark.parametrize("net", [slice_net(1), nn.Conv2d(1, 2, 3)])
def test_each_pixel_of_a_slice_needs_scores_of_two_classes_or_more(net) -> None:
    with pytest.raises(ValueError, match=r"slices \(7, 6\) gives scores of 2 classes or more for each .* got \(5, "):
        OrthoMean(net)(torch.rand(1, 1, 5, 7, 6))


def test_at_least_one_slice_passes_at_a_time() -> None:
    with pytest.raises(ValueError, match="slices_per_pass is at least 1, got 0"):
        OrthoMean(slice_net(), slices_per_pass=0)
