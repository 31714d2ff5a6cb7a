"""AlexNet against the papers, layer by layer: one tower and two."""

import math
import re

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from course_lib.arithmetic import conv_macs, conv_output_size, conv_parameters, linear_parameters, pool_output_size
from course_lib.models.alexnet import AlexNet, ResponseNorm, TwoTowerAlexNet, alexnet
from course_lib.summary import summarize

BOTH = pytest.mark.parametrize("make", [AlexNet, TwoTowerAlexNet])
SIZES = {AlexNet: 224, TwoTowerAlexNet: 227}
DENSE = [linear_parameters(9216, 4096), linear_parameters(4096, 4096), linear_parameters(4096, 1000)]


def parameters_of(net: nn.Module) -> list[int]:
    """Parameters of each layer that has some, in order."""
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    return [sum(p.numel() for p in layer.parameters()) for layer in layers]


def shapes_of(net: nn.Module, size: int) -> list[tuple[int, ...]]:
    """What each layer but the in-place ones and dropout gives, batch left out."""
    with torch.device("meta"):
        rows = summarize(net, torch.zeros(1, 3, size, size)).rows
    return [row.output_shape[1:] for row in rows if row.type not in ("ReLU", "Dropout", "ResponseNorm")]


def on_meta(make: type[nn.Module]) -> nn.Module:
    with torch.device("meta"):
        return make()


# Sizes and counts


def test_one_tower_has_the_published_parameters_layer_by_layer() -> None:
    convolutions = [
        conv_parameters(3, 64, 11),
        conv_parameters(64, 192, 5),
        conv_parameters(192, 384, 3),
        conv_parameters(384, 256, 3),
        conv_parameters(256, 256, 3),
    ]
    assert convolutions == [23_296, 307_392, 663_936, 884_992, 590_080]
    assert parameters_of(on_meta(AlexNet)) == convolutions + DENSE
    assert sum(convolutions + DENSE) == 61_100_840


def test_two_towers_have_the_parameters_of_2012_layer_by_layer() -> None:
    convolutions = [
        conv_parameters(3, 96, 11),
        conv_parameters(96, 256, 5, groups=2),
        conv_parameters(256, 384, 3),
        conv_parameters(384, 384, 3, groups=2),
        conv_parameters(384, 256, 3, groups=2),
    ]
    assert convolutions == [34_944, 307_456, 885_120, 663_936, 442_624]
    assert parameters_of(on_meta(TwoTowerAlexNet)) == convolutions + DENSE
    assert sum(convolutions + DENSE) == 60_965_224


def test_dense_layers_hold_most_of_the_parameters() -> None:
    assert DENSE == [37_752_832, 16_781_312, 4_097_000]
    assert sum(DENSE) / 61_100_840 == pytest.approx(0.96, abs=0.005)


def test_each_layer_of_the_one_tower_gives_the_shape_of_its_comment() -> None:
    assert shapes_of(on_meta(AlexNet), 224) == [
        (64, 55, 55),
        (64, 27, 27),
        (192, 27, 27),
        (192, 13, 13),
        (384, 13, 13),
        (256, 13, 13),
        (256, 13, 13),
        (256, 6, 6),
        (256, 6, 6),
        (4096,),
        (4096,),
        (1000,),
    ]


def test_each_layer_of_the_two_towers_gives_the_shape_of_figure_2() -> None:
    assert shapes_of(on_meta(TwoTowerAlexNet), 227) == [
        (96, 55, 55),
        (96, 27, 27),
        (256, 27, 27),
        (256, 13, 13),
        (384, 13, 13),
        (384, 13, 13),
        (256, 13, 13),
        (256, 6, 6),
        (256, 6, 6),
        (4096,),
        (4096,),
        (1000,),
    ]


def test_the_first_maps_are_55_for_227_or_with_padding_224_and_never_for_224_alone() -> None:
    assert conv_output_size(227, 11, stride=4) == 55
    assert conv_output_size(224, 11, stride=4, padding=2) == 55
    assert conv_output_size(224, 11, stride=4) == 54
    assert math.ceil(224 / 4) == 56  # what "same" padding gives with a stride


def test_two_towers_have_the_papers_650_000_units_if_the_first_maps_are_55() -> None:
    shapes = shapes_of(on_meta(TwoTowerAlexNet), 227)
    units = [math.prod(shapes[index]) for index in (0, 2, 4, 5, 6, 9, 10, 11)]
    assert units[1:5] == [186_624, 64_896, 64_896, 43_264]  # as printed in section 3.5
    assert units[0] == 290_400  # the paper prints 253,440, which is 96 maps of 55 times 48
    assert sum(units) == 659_272


def test_macs_of_the_one_tower(count_macs) -> None:
    by_hand = conv_macs(3, 64, 11, 55) + conv_macs(64, 192, 5, 27) + conv_macs(192, 384, 3, 13)
    by_hand += conv_macs(384, 256, 3, 13) + conv_macs(256, 256, 3, 13) + 9216 * 4096 + 4096 * 4096 + 4096 * 1000
    assert count_macs(AlexNet, (1, 3, 224, 224)) == by_hand == 714_188_480


def test_macs_of_the_two_towers(count_macs) -> None:
    by_hand = conv_macs(3, 96, 11, 55) + conv_macs(96, 256, 5, 27, groups=2) + conv_macs(256, 384, 3, 13)
    by_hand += conv_macs(384, 384, 3, 13, groups=2) + conv_macs(384, 256, 3, 13, groups=2)
    by_hand += 9216 * 4096 + 4096 * 4096 + 4096 * 1000
    assert count_macs(TwoTowerAlexNet, (1, 3, 227, 227)) == by_hand == 724_406_816


def test_the_published_name_builds_the_one_tower() -> None:
    with torch.device("meta"):
        net = alexnet(7, 2, dropout=0.25)
        shapes = [(key, value.shape) for key, value in net.state_dict().items()]
        assert shapes == [(key, value.shape) for key, value in AlexNet(7, 2).state_dict().items()]
    assert isinstance(net, AlexNet)
    assert {layer.p for layer in net.modules() if isinstance(layer, nn.Dropout)} == {0.25}


# What the layers do


def test_response_normalisation_is_the_equation_of_the_paper() -> None:
    a = 20 * torch.rand(1, 8, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted = torch.empty_like(a)
    for i in range(8):
        neighbours = a[:, max(0, i - 2) : min(7, i + 2) + 1]  # n = 5
        wanted[:, i] = a[:, i] / (2 + 1e-4 * neighbours.square().sum(dim=1)) ** 0.75
    torch.testing.assert_close(ResponseNorm()(a), wanted, rtol=1e-12, atol=0)
    of_torch = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)  # five times as large: it takes the mean
    torch.testing.assert_close(of_torch(a), wanted, rtol=1e-12, atol=0)


def test_response_normalisation_follows_the_relu_of_the_first_two_convolutions() -> None:
    types = [type(layer) for layer in on_meta(TwoTowerAlexNet).features]
    assert types[:4] == types[4:8] == [nn.Conv2d, nn.ReLU, ResponseNorm, nn.MaxPool2d]
    assert types.count(ResponseNorm) == 2


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_response_normalisation_of_fewer_maps_than_neighbours(channels: int) -> None:
    a = torch.rand(2, channels, 2, 2)
    wanted = a / (2 + 1e-4 * a.square().sum(dim=1, keepdim=True)) ** 0.75
    torch.testing.assert_close(ResponseNorm()(a), wanted)


def test_pools_overlap() -> None:
    for make in (AlexNet, TwoTowerAlexNet):
        pools = [layer for layer in on_meta(make).modules() if isinstance(layer, nn.MaxPool2d)]
        assert [(pool.kernel_size, pool.stride) for pool in pools] == [(3, 2)] * 3


def test_towers_see_each_other_in_the_third_convolution_only() -> None:
    torch.manual_seed(0)
    net = TwoTowerAlexNet(2, hidden_units=2)
    met = {}
    for name in ("4", "8", "10", "12"):
        conv = net.features.get_submodule(name)
        x = torch.rand(1, conv.in_channels, 3, 3)
        other = x.clone()
        other[:, conv.in_channels // 2 :] += 1  # the maps of the second tower
        change = (conv(other) - conv(x)).abs().amax(dim=(0, 2, 3)) > 0
        met[name] = bool(change[: len(change) // 2].any())
        assert change[len(change) // 2 :].all()
    assert met == {"4": False, "8": True, "10": False, "12": False}


def test_two_towers_start_with_the_numbers_of_section_5() -> None:
    torch.manual_seed(0)
    net = TwoTowerAlexNet(10, hidden_units=64)
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert [layer.bias.unique().tolist() for layer in layers] == [[0], [1], [0], [1], [1], [1], [1], [0]]
    for layer in layers:
        assert layer.weight.mean().item() == pytest.approx(0, abs=0.0015)
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.1)


def test_one_tower_starts_with_he_weights() -> None:
    torch.manual_seed(0)
    net = AlexNet(10, hidden_units=64)
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            fan_in = layer.weight[0].numel()
            assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / fan_in), rel=0.1)
            assert not layer.bias.any()


@BOTH
def test_adaptive_pooling_does_nothing_at_the_published_size(make) -> None:
    net = make(2, hidden_units=2).eval()
    with torch.no_grad():
        maps = net.features(torch.rand(1, 3, SIZES[make], SIZES[make]))
    assert maps.shape[2:] == (6, 6)
    assert torch.equal(net.avgpool(maps), maps)


# Input


def _smallest(first_padding: int) -> int:
    """The smallest image for which every layer has an output, by trying."""

    def fits(size: int) -> bool:
        try:
            size = conv_output_size(size, 11, stride=4, padding=first_padding)
            for _ in range(3):  # the convolutions after the first keep the size
                size = pool_output_size(size, 3, stride=2)
        except ValueError:
            return False
        return True

    return next(size for size in range(1, 300) if fits(size))


@pytest.mark.parametrize(("make", "padding"), [(AlexNet, 2), (TwoTowerAlexNet, 0)])
def test_the_smallest_image_is_the_stated_one(make, padding: int, assert_refuses) -> None:
    net, size = make(3, hidden_units=4).eval(), _smallest(padding)
    assert size == make.min_size
    assert net(torch.zeros(1, 3, size, size)).shape == (1, 3)
    assert net(torch.zeros(1, 3, size, size + 90)).shape == (1, 3)
    assert_refuses(net, torch.zeros(1, 3, size, size - 1), f"at least {size} pixels along H, W, got .*: too small")


@BOTH
def test_wrong_input_is_refused_before_any_layer_runs(make, assert_refuses) -> None:
    net = make(3, in_channels=1, hidden_units=4)
    assert_refuses(net, torch.zeros(1, 3, 100, 100), re.escape("got (1, 3, 100, 100): 3 channels"))
    assert_refuses(net, torch.zeros(1, 100, 100), r"x\[None\]")
    assert_refuses(net, torch.zeros(1, 1, 100, 100, dtype=torch.uint8), "got torch.uint8", TypeError)


@BOTH
@pytest.mark.parametrize("arguments", [{"num_classes": 0}, {"in_channels": 0}, {"hidden_units": 0}])
def test_numbers_below_1_are_refused(make, arguments) -> None:
    numbers = {"num_classes": 1000, "in_channels": 3, "hidden_units": 4096} | arguments
    came = "{num_classes}, {in_channels} and {hidden_units}".format(**numbers)
    with pytest.raises(ValueError, match=f"are at least 1, got {came}"):
        make(**arguments)


@BOTH
def test_a_dropout_that_is_no_share_is_refused(make) -> None:
    with pytest.raises(ValueError, match=r"dropout probability has to be between 0 and 1, but got 1\.5"):
        make(3, hidden_units=4, dropout=1.5)


# What every net must do


@BOTH
def test_a_training_step_lowers_the_loss(make, assert_learns) -> None:
    torch.manual_seed(0)
    net = make(5, in_channels=1, hidden_units=64)
    assert_learns(net, torch.rand(2, 1, 67, 67), lambda scores: cross_entropy(scores, torch.tensor([1, 4])))


@BOTH
def test_gradients_agree_with_differences(make, assert_gradients_are_right) -> None:
    torch.manual_seed(0)
    assert_gradients_are_right(make(2, in_channels=1, hidden_units=3), torch.rand(1, 1, 67, 67))


@BOTH
def test_copy_compiled_and_exported_net_give_the_same(make, assert_travels) -> None:
    torch.manual_seed(0)
    assert_travels(make(3, hidden_units=8), torch.rand(2, 3, 67, 67))


@BOTH
def test_channels_last_gives_the_same_scores(make) -> None:
    torch.manual_seed(0)
    net, x = make(3, hidden_units=8).eval(), torch.rand(2, 3, 67, 80)
    with torch.no_grad():
        wanted = net(x)
        got = net.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5)


@BOTH
def test_bfloat16_gives_nearly_the_same_scores(make) -> None:
    torch.manual_seed(0)
    net, x = make(3, hidden_units=8).eval(), torch.rand(2, 3, 67, 67)
    with torch.no_grad():
        torch.testing.assert_close(net.bfloat16()(x.bfloat16()).float(), net.float()(x), rtol=0.02, atol=0.02)


@BOTH
def test_an_empty_batch_gives_an_empty_answer(make) -> None:
    assert make(3, hidden_units=4).eval()(torch.zeros(0, 3, 67, 67)).shape == (0, 3)
