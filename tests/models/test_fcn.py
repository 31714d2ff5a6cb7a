"""Classifiers turned into fully convolutional nets: the same scores, and windows found again by brute force."""

import copy
import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from course_lib.arithmetic import Layer, receptive_field
from course_lib.models.alexnet import AlexNet, TwoTowerAlexNet
from course_lib.models.fcn import FullyConvolutional, Window, fully_convolutional, input_window
from course_lib.models.lenet import PlainLeNet
from course_lib.models.nin import nin_imagenet
from course_lib.models.vgg import VGG, VGG11_BLOCKS, vgg16

CLASSIFIERS = {  # how to make it, and the size it was made for
    "AlexNet": (lambda: AlexNet(5, hidden_units=16), 224),
    "TwoTowerAlexNet": (lambda: TwoTowerAlexNet(5, hidden_units=16), 227),
    "VGG-11": (lambda: VGG(VGG11_BLOCKS, 5, hidden_units=16), 224),
    "small VGG": (lambda: VGG(((4,), (6,)), 5, hidden_units=16), 28),
    "small VGG, batch norm": (lambda: VGG(((4,), (6,)), 5, batch_norm=True, hidden_units=16), 28),
}
EACH = pytest.mark.parametrize("name", CLASSIFIERS)
H, W = 45, 51  # the pools of the small net leave a row over, and a column twice


def classifier(name: str) -> nn.Module:
    torch.manual_seed(0)
    return CLASSIFIERS[name][0]().eval()


def small(in_channels: int = 1) -> FullyConvolutional:
    torch.manual_seed(0)
    return fully_convolutional(VGG(((2,), (3,)), 2, in_channels, hidden_units=4)).eval()


def all_positive(net: nn.Module) -> nn.Module:
    """No weight is negative and no bias is left: what goes in anywhere comes out, nothing cancels."""
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.copy_(torch.zeros_like(parameter) if name.endswith("bias") else parameter.abs() + 0.1)
    return net.eval()


def averaging(net: nn.Module) -> nn.Module:
    """The same net with mean pools, through which every input has a gradient."""
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                pool = nn.AvgPool2d(child.kernel_size, child.stride, child.padding, ceil_mode=child.ceil_mode)
                setattr(module, name, pool)
    return net


def window_by_gradient(net: nn.Module, x: Tensor, row: int, column: int) -> tuple[int, int, int, int]:
    """Brute force: the box around the pixels that a change of which changes the cell."""
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net(x)[:, :, row, column].sum(), x)
    rows = gradient.abs().amax(dim=(0, 1, 3)).nonzero().flatten().tolist()
    columns = gradient.abs().amax(dim=(0, 1, 2)).nonzero().flatten().tolist()
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def box(window: Window) -> tuple[int, int, int, int]:
    return window.top, window.bottom, window.left, window.right


# The same scores


@EACH
def test_scores_on_the_size_of_training_are_those_of_the_classifier(name: str) -> None:
    net, size = classifier(name), CLASSIFIERS[name][1]
    converted, x = fully_convolutional(net), torch.rand(2, 3, size, size)
    with torch.no_grad():
        scores = net(x)
        torch.testing.assert_close(converted(x), scores[:, :, None, None], rtol=1e-5, atol=1e-5)
        assert scores.std() > 1e-3


@EACH
def test_only_the_shapes_of_the_dense_weights_change(name: str) -> None:
    before, after = classifier(name).state_dict(), fully_convolutional(classifier(name)).state_dict()
    assert list(after) == list(before)
    for key, value in after.items():
        assert torch.equal(value.flatten(), before[key].flatten())
        assert value.shape == before[key].shape or (key.startswith("classifier") and value.ndim == 4)


def test_vgg16_as_in_the_lecture_is_a_7x7_convolution_and_two_1x1() -> None:
    with torch.device("meta"):
        net = fully_convolutional(vgg16())
    shapes = [tuple(layer.weight.shape) for layer in net.classifier if isinstance(layer, nn.Conv2d)]
    assert shapes == [(4096, 512, 7, 7), (4096, 4096, 1, 1), (1000, 4096, 1, 1)]
    assert sum(p.numel() for p in net.parameters()) == 138_357_544
    assert net(torch.zeros(1, 3, 224, 320, device="meta")).shape == (1, 1000, 1, 4)  # (320 − 224) / 32 + 1
    assert net.features(torch.zeros(1, 3, 224, 320, device="meta")).shape == (1, 512, 7, 10)


def test_macs_stay_the_same_on_the_size_of_training_and_are_shared_on_a_larger_image(count_macs) -> None:
    def make() -> nn.Module:
        return fully_convolutional(vgg16())

    assert count_macs(make, (1, 3, 224, 224)) == 15_470_264_320
    assert count_macs(make, (1, 3, 448, 448)) < 64 * 15_470_264_320 / 8  # an 8×8 map of scores


def test_the_weights_are_a_copy() -> None:
    net = classifier("small VGG")
    converted, x = fully_convolutional(net), torch.rand(1, 3, 28, 28)
    before = net(x)
    with torch.no_grad():
        for parameter in converted.parameters():
            parameter.zero_()
    assert torch.equal(net(x), before)


def test_mode_type_and_frozen_weights_are_carried_over() -> None:
    net = classifier("small VGG").double().train()
    net.classifier[0].weight.requires_grad_(False)
    converted = fully_convolutional(net)
    assert all(module.training for module in converted.modules())
    assert {p.dtype for p in converted.parameters()} == {torch.float64}
    frozen = [name for name, p in converted.named_parameters() if not p.requires_grad]
    assert frozen == ["classifier.0.weight"]
    assert not fully_convolutional(net.eval()).training


# The map of scores


def test_a_larger_image_gives_a_cell_each_four_pixels() -> None:
    assert small()(torch.zeros(2, 1, 28, 28)).shape == (2, 2, 1, 1)
    assert small()(torch.zeros(2, 1, 31, 32)).shape == (2, 2, 1, 2)
    assert small()(torch.zeros(2, 1, H, W)).shape == (2, 2, 5, 6)


def test_a_shifted_image_shifts_the_map() -> None:
    net, x = small(), torch.rand(1, 1, 80, 80)
    with torch.no_grad():
        scores, shifted = net(x), net(x[:, :, 4:, 8:])
    assert scores.shape == (1, 2, 14, 14)
    inner = [
        (row, column)
        for row, column in itertools.product(range(13), range(12))
        if not any(vars(input_window(net, (76, 72), row=row, column=column))[f"clipped_{side}"] for side in SIDES)
    ]
    assert len(inner) == 110
    for row, column in inner:
        torch.testing.assert_close(shifted[..., row, column], scores[..., row + 1, column + 2], rtol=1e-4, atol=1e-5)


def test_a_cell_of_a_larger_map_differs_from_the_classifier_on_the_piece_whose_edge_was_padded() -> None:
    net, x = small(), torch.rand(1, 1, 80, 80)
    with torch.no_grad():
        cell, piece = net(x)[:, :, 4, 4], net(x[:, :, 16:44, 16:44])[:, :, 0, 0]
    assert not torch.allclose(cell, piece, rtol=1e-3)


# Windows

SIDES = ("top", "bottom", "left", "right")
CHAINS = {
    "small VGG": small,
    "strides that leave pixels over": lambda: nn.Sequential(
        nn.Conv2d(1, 2, 3, stride=2), nn.ReLU(), nn.Conv2d(2, 2, 3, padding=1), nn.MaxPool2d(3, stride=2)
    ),
    "ceil mode": lambda: nn.Sequential(nn.MaxPool2d(3, stride=2, ceil_mode=True), nn.Conv2d(1, 1, 3, padding=1)),
    "padded pool": lambda: nn.Sequential(nn.Conv2d(1, 1, 2), nn.MaxPool2d(3, stride=2, padding=1), nn.Tanh()),
    "other along rows than along columns": lambda: nn.Sequential(
        nn.Conv2d(1, 2, (3, 5), stride=(1, 2), padding=(0, 2)), nn.Dropout(), nn.MaxPool2d((2, 1))
    ),
    "dilation": lambda: nn.Sequential(nn.Conv2d(1, 1, 3, dilation=3, padding=2), nn.Conv2d(1, 1, 3, padding=1)),
}


@pytest.mark.parametrize("name", CHAINS)
def test_windows_are_those_that_the_gradient_shows(name: str) -> None:
    torch.manual_seed(0)
    net = averaging(all_positive(CHAINS[name]()))
    height, width = (H, W) if name == "small VGG" else (17, 22)
    x = 0.01 * torch.rand(1, 1, height, width)  # small: tanh keeps a gradient
    rows, columns = net(x).shape[2:]
    for row, column in itertools.product(range(rows), range(columns)):
        window = input_window(net, (height, width), row=row, column=column)
        assert box(window) == window_by_gradient(net, x, row, column), (row, column)


@pytest.mark.parametrize("name", CHAINS)
def test_windows_are_those_from_which_light_gets_through_maximum_pools(name: str) -> None:
    torch.manual_seed(0)
    net = all_positive(CHAINS[name]())
    height, width = (H, W) if name == "small VGG" else (17, 22)
    with torch.no_grad():
        rows_lit = net(torch.eye(height)[:, None, :, None].expand(-1, -1, -1, width)).any(dim=1)  # one row an image
        columns_lit = net(torch.eye(width)[:, None, None, :].expand(-1, -1, height, -1)).any(dim=1)
    for row, column in itertools.product(*map(range, rows_lit.shape[1:])):
        rows, columns = (lit[:, row, column].nonzero().flatten().tolist() for lit in (rows_lit, columns_lit))
        window = input_window(net, (height, width), row=row, column=column)
        assert box(window) == (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1), (row, column)


def test_a_change_outside_the_window_changes_nothing_and_one_inside_does() -> None:
    net, x = small(), torch.rand(1, 1, H, W)
    scores = net(x)
    for row, column in itertools.product(range(5), range(6)):
        window = input_window(net, (H, W), row=row, column=column)
        inside = torch.zeros_like(x, dtype=torch.bool)
        inside[..., window.top : window.bottom, window.left : window.right] = True
        outside_changed = net(torch.where(inside, x, 1 - x))
        torch.testing.assert_close(outside_changed[..., row, column], scores[..., row, column], rtol=1e-5, atol=1e-6)
        inside_changed = net(torch.where(inside, 1 - x, x))
        assert (inside_changed[..., row, column] - scores[..., row, column]).abs().max() > 1e-3


def test_window_and_clipped_parts_are_as_large_as_the_receptive_field() -> None:
    net = small()
    layers = [Layer(3, padding=1), Layer(2, stride=2), Layer(3, padding=1), Layer(2, stride=2), Layer(7)]
    field = receptive_field(layers)
    assert field.size == 34
    for row, column in itertools.product(range(5), range(6)):
        w = input_window(net, (H, W), row=row, column=column)
        assert w.clipped_top + w.bottom - w.top + w.clipped_bottom == field.size
        assert w.clipped_left + w.right - w.left + w.clipped_right == field.size
        assert min(w.clipped_top, w.clipped_bottom, w.clipped_left, w.clipped_right) >= 0


def test_windows_of_neighbours_lie_one_jump_apart() -> None:
    net = small()
    windows = [input_window(net, (100, 100), row=row, column=3) for row in (3, 4)]
    assert [box(window) for window in windows] == [(9, 43, 9, 43), (13, 47, 9, 43)]
    assert not any(vars(windows[0])[f"clipped_{side}"] for side in SIDES)


def test_at_the_size_of_training_vgg16_sees_everything_and_90_pixels_of_padding_on_each_side() -> None:
    with torch.device("meta"):
        net = fully_convolutional(vgg16())
    assert input_window(net, (224, 224), row=0, column=0) == Window(0, 224, 0, 224, 90, 90, 90, 90)  # 404 in all
    inner = input_window(net, (1024, 1024), row=5, column=6)
    assert inner == Window(70, 474, 102, 506, 0, 0, 0, 0)


def test_windows_of_alexnet() -> None:
    with torch.device("meta"):
        one, two = fully_convolutional(AlexNet()), fully_convolutional(TwoTowerAlexNet())
    assert input_window(one, (224, 224), row=0, column=0) == Window(0, 224, 0, 224, 66, 65, 66, 65)
    assert input_window(two, (227, 227), row=0, column=0) == Window(0, 227, 0, 227, 64, 64, 64, 64)  # 355 in all


def test_pixels_that_a_stride_leaves_over_belong_to_no_window() -> None:
    with torch.device("meta"):
        net = fully_convolutional(TwoTowerAlexNet())
    window = input_window(net, (230, 230), row=0, column=0)  # 55 kernels, 4 pixels apart, end at pixel 227
    assert window == Window(0, 227, 0, 227, 64, 64, 64, 64)


def test_nets_without_dense_layers_have_windows_too() -> None:
    with torch.device("meta"):
        features = nin_imagenet().features
    first, last = (input_window(features, (224, 224), row=cell, column=cell) for cell in (0, 5))
    assert (first.top, last.bottom) == (0, 223)  # 54 kernels, 4 pixels apart: the last row is read by none


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [(5, 0, "45 pixels has the output rows 0 to 4, got 5"), (0, -1, "51 pixels has the output columns 0 to 5, got -1")],
)
def test_a_cell_that_is_not_there_is_refused(row: int, column: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        input_window(small(), (H, W), row=row, column=column)


def test_an_image_that_is_too_small_has_no_windows() -> None:
    with pytest.raises(ValueError, match="the kernel spans 7 cells"):
        input_window(small(), (27, 40), row=0, column=0)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.Linear(3, 3), "got a layer of another kind: Linear"),
        (nn.AdaptiveAvgPool2d(1), "got a layer of another kind: AdaptiveAvgPool2d"),
        (nn.Conv2d(1, 1, 3, padding="same"), "by a number of pixels, got Conv2d"),
        (nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"), "padded with zeros, .*got Conv2d"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_layers_that_have_no_window_are_refused(layer: nn.Module, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        input_window(nn.Sequential(nn.ReLU(), layer), (9, 9), row=0, column=0)


def test_a_cell_that_sees_padding_alone_has_no_window() -> None:
    with pytest.raises(ValueError, match="output row 0 sees nothing but padding"):
        input_window(nn.Sequential(nn.Conv2d(1, 1, 1, padding=1)), (4, 4), row=0, column=2)


def test_a_window_is_a_value() -> None:
    window = input_window(small(), (H, W), row=0, column=0)
    assert window == copy.copy(window)
    with pytest.raises(AttributeError):
        window.top = 1


# Input


@pytest.mark.parametrize(("name", "size"), [("AlexNet", 223), ("TwoTowerAlexNet", 227), ("VGG-11", 224)])
def test_the_smallest_image_is_that_of_the_first_dense_layer(name: str, size: int, assert_refuses) -> None:
    with torch.device("meta"):
        net = fully_convolutional(CLASSIFIERS[name][0]()).eval()
        assert net.min_size == size
        assert net(torch.zeros(1, 3, size, size)).shape == (1, 5, 1, 1)
        assert_refuses(net, torch.zeros(1, 3, size, size - 1), f"at least {size} pixels along H, W, got .*: too small")


def test_wrong_input_is_refused_before_any_layer_runs(assert_refuses) -> None:
    assert_refuses(small(), torch.zeros(1, 3, 40, 40), r"got \(1, 3, 40, 40\): 3 channels")
    assert_refuses(small(), torch.zeros(1, 40, 40), r"x\[None\]")
    assert_refuses(small(), torch.zeros(1, 1, 40, 40, dtype=torch.uint8), "got torch.uint8", TypeError)


def test_other_nets_are_refused() -> None:
    with pytest.raises(TypeError, match="knows AlexNet, TwoTowerAlexNet and VGG, got PlainLeNet"):
        fully_convolutional(PlainLeNet())


# What every net must do


def test_a_training_step_on_maps_of_labels_lowers_the_loss(assert_learns) -> None:
    labels = torch.tensor([[[0, 1, 1], [1, 0, 1]]])
    assert_learns(small(), torch.rand(1, 1, 33, 37), lambda scores: cross_entropy(scores, labels))


def test_gradients_agree_with_differences(assert_gradients_are_right) -> None:
    assert_gradients_are_right(small(), torch.rand(1, 1, 29, 33))


def test_copy_compiled_and_exported_net_give_the_same(assert_travels) -> None:
    assert_travels(small(), torch.rand(2, 1, 33, 37))


def test_an_empty_batch_gives_an_empty_answer() -> None:
    assert small()(torch.zeros(0, 1, 30, 30)).shape == (0, 2, 1, 1)
