"""Network in network against its own table, the published counts and a dense net slid over the image."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, linear, unfold

from course_lib.arithmetic import conv_macs, conv_output_size, conv_parameters, pool_output_size
from course_lib.models.nin import CIFAR10_LAYERS, IMAGENET_LAYERS, MlpConv, NiN, nin_cifar10, nin_imagenet
from course_lib.summary import summarize

BOTH = pytest.mark.parametrize("make", [nin_imagenet, nin_cifar10], ids=lambda make: make.__name__)
SMALL = (
    MlpConv(kernel_size=3, padding=1, maps=(3, 4, 3), dropout=True),
    MlpConv(kernel_size=3, padding=1, maps=(4, 3, None)),
)


def on_meta(make) -> NiN:
    with torch.device("meta"):
        return make()


def small() -> NiN:
    torch.manual_seed(0)
    return NiN(SMALL, num_classes=3, in_channels=2)


def convolutions(net: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]


def parameters_of(net: nn.Module) -> list[int]:
    return [sum(p.numel() for p in conv.parameters()) for conv in convolutions(net)]


# Sizes and counts


def test_imagenet_form_has_its_parameters_layer_by_layer() -> None:
    wanted = [
        *(conv_parameters(3, 96, 11), conv_parameters(96, 96, 1), conv_parameters(96, 96, 1)),
        *(conv_parameters(96, 256, 5), conv_parameters(256, 256, 1), conv_parameters(256, 256, 1)),
        *(conv_parameters(256, 384, 3), conv_parameters(384, 384, 1), conv_parameters(384, 384, 1)),
        *(conv_parameters(384, 1024, 3), conv_parameters(1024, 1024, 1), conv_parameters(1024, 1000, 1)),
    ]
    assert parameters_of(on_meta(nin_imagenet)) == wanted
    assert [sum(wanted[i : i + 3]) for i in (0, 3, 6, 9)] == [53_568, 746_240, 1_180_800, 5_614_568]
    assert sum(wanted) == 7_595_176


def test_cifar10_form_has_its_parameters_layer_by_layer() -> None:
    wanted = [
        *(conv_parameters(3, 192, 5), conv_parameters(192, 160, 1), conv_parameters(160, 96, 1)),
        *(conv_parameters(96, 192, 5), conv_parameters(192, 192, 1), conv_parameters(192, 192, 1)),
        *(conv_parameters(192, 192, 3), conv_parameters(192, 192, 1), conv_parameters(192, 10, 1)),
    ]
    assert parameters_of(on_meta(nin_cifar10)) == wanted
    assert sum(wanted) == 966_986


def test_imagenet_form_gives_54_27_13_and_6_cells() -> None:
    rows = summarize(on_meta(nin_imagenet), torch.zeros(1, 3, 224, 224, device="meta"), depth=2).rows
    shapes = {row.name.removeprefix("features."): row.output_shape[1:] for row in rows}
    assert shapes == {
        "mlpconv1": (96, 54, 54),
        "pool1": (96, 27, 27),
        "mlpconv2": (256, 27, 27),
        "pool2": (256, 13, 13),
        "mlpconv3": (384, 13, 13),
        "pool3": (384, 6, 6),
        "dropout3": (384, 6, 6),
        "mlpconv4": (1000, 6, 6),
    }


def test_cifar10_form_gives_32_16_and_8_cells() -> None:
    rows = summarize(on_meta(nin_cifar10), torch.zeros(1, 3, 32, 32, device="meta"), depth=2).rows
    shapes = {row.name.removeprefix("features."): row.output_shape[1:] for row in rows}
    assert shapes == {
        "mlpconv1": (96, 32, 32),
        "pool1": (96, 16, 16),
        "dropout1": (96, 16, 16),
        "mlpconv2": (192, 16, 16),
        "pool2": (192, 8, 8),
        "dropout2": (192, 8, 8),
        "mlpconv3": (10, 8, 8),
    }


def test_every_convolution_has_its_relu() -> None:
    for make in (nin_imagenet, nin_cifar10):
        leaves = [layer for layer in on_meta(make).modules() if not list(layer.children())]
        after = [type(leaves[i + 1]) for i, leaf in enumerate(leaves) if isinstance(leaf, nn.Conv2d)]
        assert set(after) == {nn.ReLU}


def test_macs_of_the_imagenet_form(count_macs) -> None:
    by_hand = conv_macs(3, 96, 11, 54) + 2 * conv_macs(96, 96, 1, 54)
    by_hand += conv_macs(96, 256, 5, 27) + 2 * conv_macs(256, 256, 1, 27)
    by_hand += conv_macs(256, 384, 3, 13) + 2 * conv_macs(384, 384, 1, 13)
    by_hand += conv_macs(384, 1024, 3, 6) + conv_macs(1024, 1024, 1, 6) + conv_macs(1024, 1000, 1, 6)
    assert count_macs(nin_imagenet, (1, 3, 224, 224)) == by_hand


def test_macs_of_the_cifar10_form(count_macs) -> None:
    by_hand = conv_macs(3, 192, 5, 32) + conv_macs(192, 160, 1, 32) + conv_macs(160, 96, 1, 32)
    by_hand += conv_macs(96, 192, 5, 16) + 2 * conv_macs(192, 192, 1, 16)
    by_hand += conv_macs(192, 192, 3, 8) + conv_macs(192, 192, 1, 8) + conv_macs(192, 10, 1, 8)
    assert count_macs(nin_cifar10, (1, 3, 32, 32)) == by_hand


def test_mean_over_maps_needs_no_parameters_where_alexnet_needs_58_million() -> None:
    assert not [layer for layer in on_meta(nin_imagenet).modules() if isinstance(layer, nn.Linear)]


# What the layers do


def test_an_mlpconv_layer_is_a_dense_net_slid_over_the_image() -> None:
    block, x = small().features.mlpconv1, torch.rand(2, 2, 5, 6)
    patches = unfold(x, kernel_size=3, padding=1).transpose(1, 2)  # (B, places, 2 · 3 · 3)
    for conv in convolutions(block):
        patches = linear(patches, conv.weight.flatten(1), conv.bias).relu()
    torch.testing.assert_close(block(x), patches.transpose(1, 2).reshape(2, 3, 5, 6))


def test_scores_are_the_means_of_the_last_maps_and_never_negative() -> None:
    net = small().eval()
    x = torch.rand(4, 2, 12, 12)
    maps = net.features(x)
    torch.testing.assert_close(net(x), maps.flatten(2).mean(dim=2))
    assert (maps >= 0).all()
    assert maps.max() > 0


def test_first_weights_are_he_and_narrow_in_the_last_layer() -> None:
    torch.manual_seed(0)
    *hidden, last = convolutions(nin_cifar10())
    for conv in hidden:
        fan_in = conv.weight[0].numel()
        assert conv.weight.std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.1)
        assert not conv.bias.any()
    assert last.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert (last.bias == 1).all()


@pytest.mark.parametrize("seed", range(3))
def test_every_class_starts_with_a_map_that_training_can_reach(seed: int) -> None:
    torch.manual_seed(seed)
    with torch.no_grad():
        maps = nin_cifar10().eval().features(torch.rand(2, 3, 16, 16))
    assert (maps > 0).all()


# Input


def _smallest(layers) -> int:
    """The smallest image for which every layer has an output, by trying."""

    def fits(size: int) -> bool:
        try:
            for number, layer in enumerate(layers):
                if number:
                    size = pool_output_size(size, 3, stride=2, ceil_mode=True)
                size = conv_output_size(size, layer.kernel_size, stride=layer.stride, padding=layer.padding)
        except ValueError:
            return False
        return True

    return next(size for size in range(1, 300) if fits(size))


@pytest.mark.parametrize(
    ("make", "layers", "size"), [(nin_imagenet, IMAGENET_LAYERS, 39), (nin_cifar10, CIFAR10_LAYERS, 4)]
)
def test_the_smallest_image_is_the_stated_one(make, layers, size: int, assert_refuses) -> None:
    net = on_meta(make).eval()
    assert _smallest(layers) == net.min_size == size
    assert net(torch.zeros(1, 3, size, size + 5, device="meta")).shape[0] == 1
    words = f"at least {size} pixels along H, W, got .*: too small"
    assert_refuses(net, torch.zeros(1, 3, size - 1, size, device="meta"), words)


def test_the_smallest_image_of_another_table(assert_refuses) -> None:
    net = small().eval()
    assert net.min_size == _smallest(SMALL) == 2
    assert net(torch.zeros(1, 2, 2, 2)).shape == (1, 3)
    assert_refuses(net, torch.zeros(1, 2, 1, 2), "too small")


def test_wrong_input_is_refused_before_any_layer_runs(assert_refuses) -> None:
    assert_refuses(small(), torch.zeros(1, 3, 32, 32), r"got \(1, 3, 32, 32\): 3 channels")
    assert_refuses(small(), torch.zeros(2, 32, 32), r"x\[None\]")
    assert_refuses(small(), torch.zeros(1, 2, 32, 32, dtype=torch.uint8), "got torch.uint8", TypeError)


@pytest.mark.parametrize("arguments", [{"num_classes": 0}, {"in_channels": 0}])
def test_numbers_below_1_are_refused(arguments) -> None:
    numbers = {"num_classes": 1000, "in_channels": 3} | arguments
    with pytest.raises(ValueError, match="are at least 1, got {num_classes} and {in_channels}".format(**numbers)):
        NiN(SMALL, **arguments)


@pytest.mark.parametrize("layers", [(), SMALL[:1], SMALL[1:] * 2])
def test_a_table_that_does_not_end_in_the_classes_is_refused(layers) -> None:
    with pytest.raises(ValueError, match="ends in None, for the classes, in the last layer and in no other, got"):
        NiN(layers)


# What every net must do


@BOTH
def test_a_training_step_lowers_the_loss(make, assert_learns) -> None:
    torch.manual_seed(0)
    net = make(5)
    assert_learns(net, torch.rand(2, 3, 40, 40), lambda scores: cross_entropy(scores, torch.tensor([1, 4])))


def test_gradients_agree_with_differences(assert_gradients_are_right) -> None:
    net = small()
    for conv in convolutions(net)[:-1]:
        nn.init.uniform_(conv.bias, 0.1, 0.2)  # where all inputs are 0, a bias of 0 lies on the corner of the ReLU
    assert_gradients_are_right(net, torch.rand(2, 2, 9, 8))


def test_copy_compiled_and_exported_net_give_the_same(assert_travels) -> None:
    assert_travels(small(), torch.rand(2, 2, 9, 8))


def test_channels_last_gives_the_same_scores() -> None:
    net, x = small().eval(), torch.rand(2, 2, 12, 11)
    with torch.no_grad():
        wanted = net(x)
        got = net.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)


def test_an_empty_batch_gives_an_empty_answer() -> None:
    assert small().eval()(torch.zeros(0, 2, 8, 8)).shape == (0, 3)
