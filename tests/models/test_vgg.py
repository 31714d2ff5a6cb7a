"""VGG against table 1 and table 2 of the paper."""

import re

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from course_lib.arithmetic import conv_macs
from course_lib.models.vgg import (
    VGG,
    VGG11_BLOCKS,
    VGG13_BLOCKS,
    VGG16_BLOCKS,
    VGG19_BLOCKS,
    vgg11,
    vgg11_bn,
    vgg13,
    vgg13_bn,
    vgg16,
    vgg16_bn,
    vgg19,
    vgg19_bn,
)
from course_lib.summary import summarize

# Columns of table 1, as printed: one word a layer, M for the pool.
PRINTED = {
    "A": "64 M 128 M 256 256 M 512 512 M 512 512 M",
    "B": "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    "D": "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    "E": "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}
BLOCKS = {"A": VGG11_BLOCKS, "B": VGG13_BLOCKS, "D": VGG16_BLOCKS, "E": VGG19_BLOCKS}
NETS = {  # constructor: column, layers with weights, parameters
    vgg11: ("A", 11, 132_863_336),
    vgg13: ("B", 13, 133_047_848),
    vgg16: ("D", 16, 138_357_544),
    vgg19: ("E", 19, 143_667_240),
    vgg11_bn: ("A", 11, 132_868_840),
    vgg13_bn: ("B", 13, 133_053_736),
    vgg16_bn: ("D", 16, 138_365_992),
    vgg19_bn: ("E", 19, 143_678_248),
}
EACH = pytest.mark.parametrize("make", NETS, ids=lambda make: make.__name__)
SMALL = ((2, 3), (4,))


def on_meta(make) -> VGG:
    with torch.device("meta"):
        return make()


def small(num_classes: int = 3, in_channels: int = 1, *, batch_norm: bool = False) -> VGG:
    torch.manual_seed(0)
    return VGG(SMALL, num_classes, in_channels, batch_norm=batch_norm, hidden_units=5)


def weighted(net: nn.Module) -> list[nn.Module]:
    return [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


def count(*layers: nn.Module) -> int:
    return sum(p.numel() for layer in layers for p in layer.parameters())


# Sizes and counts


@pytest.mark.parametrize("column", PRINTED)
def test_the_lists_are_the_columns_of_table_1(column: str) -> None:
    words = " M ".join(" ".join(map(str, block)) for block in BLOCKS[column]) + " M"
    assert words == PRINTED[column]


@EACH
def test_each_net_has_its_layers_and_parameters(make) -> None:
    column, layers, parameters = NETS[make]
    net = on_meta(make)
    assert count(net) == parameters
    assert len(weighted(net)) == layers
    widths = [layer.out_channels for layer in weighted(net) if isinstance(layer, nn.Conv2d)]
    assert widths == [maps for block in BLOCKS[column] for maps in block]


@EACH
def test_batch_norm_stands_between_each_convolution_and_its_relu_where_the_name_says_so(make) -> None:
    types = [type(layer) for layer in on_meta(make).features]
    normed = make.__name__.endswith("_bn")
    for place, kind in enumerate(types):
        if kind is nn.Conv2d:
            after = types[place + 1 : place + 3]
            assert after == [nn.BatchNorm2d, nn.ReLU] if normed else after[0] is nn.ReLU
    assert types.count(nn.BatchNorm2d) == (types.count(nn.Conv2d) if normed else 0)


def test_vgg16_block_by_block() -> None:
    net = on_meta(vgg16)
    blocks, layers = [[]], list(net.features)
    for layer in layers:
        blocks[-1].append(layer)
        if isinstance(layer, nn.MaxPool2d):
            blocks.append([])
    assert [count(*block) for block in blocks[:-1]] == [38_720, 221_440, 1_475_328, 5_899_776, 7_079_424]
    assert [count(layer) for layer in net.classifier if count(layer)] == [102_764_544, 16_781_312, 4_097_000]


@pytest.mark.parametrize(
    ("make", "millions"), [(vgg11, 133), (vgg13, 133), (vgg16, 138), (vgg19, 144)], ids=["A", "B", "D", "E"]
)
def test_parameters_round_to_those_of_table_2(make, millions: int) -> None:
    assert round(count(on_meta(make)) / 1e6) == millions


@EACH
def test_each_block_halves_the_maps(make) -> None:
    net = on_meta(make)
    rows = summarize(net, torch.zeros(1, 3, 224, 224, device="meta")).rows
    assert [row.output_shape for row in rows if row.type == "MaxPool2d"] == [
        (1, 64, 112, 112),
        (1, 128, 56, 56),
        (1, 256, 28, 28),
        (1, 512, 14, 14),
        (1, 512, 7, 7),
    ]
    assert [row.output_shape for row in rows if row.type == "Linear"] == [(1, 4096), (1, 4096), (1, 1000)]
    assert next(row.output_shape for row in rows if row.type == "AdaptiveAvgPool2d") == (1, 512, 7, 7)


def test_one_cell_of_the_last_maps_of_vgg16_sees_212_pixels() -> None:
    rows = summarize(on_meta(vgg16), torch.zeros(1, 3, 224, 224, device="meta")).rows
    assert next(row.receptive_field for row in rows if row.name == "features.30") == (212, 212)


def test_macs_of_vgg16(count_macs) -> None:
    by_hand, channels, size = 0, 3, 224
    for block in VGG16_BLOCKS:
        for maps in block:
            by_hand += conv_macs(channels, maps, 3, size)
            channels = maps
        size //= 2
    by_hand += 25_088 * 4096 + 4096 * 4096 + 4096 * 1000
    assert count_macs(vgg16, (1, 3, 224, 224)) == by_hand == 15_470_264_320


def test_batch_norm_adds_two_numbers_a_map_and_no_macs(count_macs) -> None:
    maps = sum(map(sum, VGG16_BLOCKS))
    assert count(on_meta(vgg16_bn)) - count(on_meta(vgg16)) == 2 * maps
    assert count_macs(vgg16_bn, (1, 3, 224, 224)) == 15_470_264_320


@EACH
def test_named_nets_pass_on_their_arguments(make) -> None:
    with torch.device("meta"):
        net = make(7, 1, dropout=0.25)
    assert net(torch.zeros(1, 1, 32, 32, device="meta")).shape == (1, 7)
    assert {layer.p for layer in net.modules() if isinstance(layer, nn.Dropout)} == {0.25}


def test_first_weights_are_he_and_biases_0() -> None:
    torch.manual_seed(0)
    net = VGG(((64, 64), (128,)), 10, hidden_units=64)
    for layer in weighted(net):
        assert layer.weight.std().item() == pytest.approx((2 / layer.weight[0].numel()) ** 0.5, rel=0.1)
        assert not layer.bias.any()


def test_adaptive_pooling_does_nothing_at_the_published_size() -> None:
    maps = torch.rand(1, 512, 7, 7)
    with torch.device("meta"):
        assert vgg16().features(torch.zeros(1, 3, 224, 224)).shape == maps.shape
    assert torch.equal(small().avgpool(maps), maps)


# Input


@EACH
def test_32_pixels_are_enough_and_31_are_not(make, assert_refuses) -> None:
    net = on_meta(make).eval()
    assert net.min_size == 32
    assert net(torch.zeros(1, 3, 32, 45, device="meta")).shape == (1, 1000)
    assert_refuses(
        net, torch.zeros(1, 3, 31, 32, device="meta"), r"at least 32 pixels .*got \(1, 3, 31, 32\): too small"
    )


def test_fewer_blocks_take_smaller_images(assert_refuses) -> None:
    net = small().eval()
    assert net.min_size == 4
    assert net(torch.zeros(2, 1, 4, 4)).shape == (2, 3)
    assert_refuses(net, torch.zeros(2, 1, 4, 3), "at least 4 pixels")


def test_wrong_input_is_refused_before_any_layer_runs(assert_refuses) -> None:
    assert_refuses(small(), torch.zeros(1, 3, 32, 32), re.escape("got (1, 3, 32, 32): 3 channels"))
    assert_refuses(small(), torch.zeros(1, 32, 32), r"x\[None\]")
    assert_refuses(small(), torch.zeros(1, 1, 32, 32, dtype=torch.int64), "got torch.int64", TypeError)


@pytest.mark.parametrize("blocks", [(), ((64,), ()), ((64, 0),)])
def test_blocks_without_maps_are_refused(blocks) -> None:
    with pytest.raises(ValueError, match="blocks names the maps, at least 1, .*got " + re.escape(str(blocks))):
        VGG(blocks)


@pytest.mark.parametrize("arguments", [{"num_classes": 0}, {"in_channels": 0}, {"hidden_units": 0}])
def test_numbers_below_1_are_refused(arguments) -> None:
    numbers = {"num_classes": 1000, "in_channels": 3, "hidden_units": 4096} | arguments
    came = "{num_classes}, {in_channels} and {hidden_units}".format(**numbers)
    with pytest.raises(ValueError, match=f"are at least 1, got {came}"):
        VGG(SMALL, **arguments)


# What every net must do


@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch norm"])
@pytest.mark.parametrize("column", BLOCKS)
def test_a_training_step_lowers_the_loss(column: str, batch_norm: bool, assert_learns) -> None:
    torch.manual_seed(0)
    net = VGG(BLOCKS[column], 5, batch_norm=batch_norm, hidden_units=32)
    assert_learns(net, torch.rand(2, 3, 32, 32), lambda scores: cross_entropy(scores, torch.tensor([1, 4])))


@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch norm"])
def test_gradients_agree_with_differences(batch_norm: bool, assert_gradients_are_right) -> None:
    assert_gradients_are_right(small(batch_norm=batch_norm), torch.rand(2, 1, 9, 8))


@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch norm"])
def test_copy_compiled_and_exported_net_give_the_same(batch_norm: bool, assert_travels) -> None:
    assert_travels(small(batch_norm=batch_norm), torch.rand(2, 1, 30, 28))


def test_channels_last_gives_the_same_scores() -> None:
    net, x = small(in_channels=3).eval(), torch.rand(2, 3, 30, 28)
    with torch.no_grad():
        wanted = net(x)
        got = net.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)


def test_an_empty_batch_gives_an_empty_answer() -> None:
    assert small().eval()(torch.zeros(0, 1, 8, 8)).shape == (0, 3)
