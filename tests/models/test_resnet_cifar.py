"""The residual and plain nets for small images against section 4.2 and table 6 of the paper."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from course_lib.models.resnet import BasicBlock, PlainBlock, zero_last_gammas
from course_lib.models.resnet_cifar import (
    CifarResNet,
    PaddedBlock,
    PaddedIdentity,
    plain20,
    plain32,
    plain44,
    plain56,
    plain110,
    resnet20,
    resnet32,
    resnet44,
    resnet56,
    resnet110,
)
from course_lib.summary import summarize

TOTAL = {20: 269_722, 32: 464_154, 44: 658_586, 56: 853_018, 110: 1_727_962}
TABLE_6 = {20: 0.27, 32: 0.46, 44: 0.66, 56: 0.85, 110: 1.7}  # million parameters as the paper prints them
RESIDUAL = {20: resnet20, 32: resnet32, 44: resnet44, 56: resnet56, 110: resnet110}
PLAIN = {20: plain20, 32: plain32, 44: plain44, 56: plain56, 110: plain110}
EVERY = [*RESIDUAL.values(), *PLAIN.values()]


def on_meta(make, *arguments) -> nn.Module:
    with torch.device("meta"):
        return make(*arguments)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def small(block=PaddedBlock) -> CifarResNet:
    torch.manual_seed(0)
    return CifarResNet(block, 8, num_classes=3)


def images(size: int, batch: int = 2) -> Tensor:
    return torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(1))


# Counts


@pytest.mark.parametrize("depth", TOTAL)
@pytest.mark.parametrize("family", [RESIDUAL, PLAIN], ids=["residual", "plain"])
def test_parameters_are_those_of_table_6(family, depth: int) -> None:
    net = on_meta(family[depth])
    assert count(net) == TOTAL[depth]
    assert TOTAL[depth] / 1e6 == pytest.approx(TABLE_6[depth], abs=0.05 if depth == 110 else 0.005)


@pytest.mark.parametrize("depth", TOTAL)
def test_each_stage_has_its_parameters(depth: int) -> None:
    n = (depth - 2) // 6
    net = on_meta(RESIDUAL[depth])
    by_hand = {
        "conv1": 3 * 9 * 16,
        "bn1": 2 * 16,
        "layer1": 2 * n * (16 * 9 * 16 + 2 * 16),
        "layer2": (16 * 9 * 32 + 2 * 32) + (2 * n - 1) * (32 * 9 * 32 + 2 * 32),
        "layer3": (32 * 9 * 64 + 2 * 64) + (2 * n - 1) * (64 * 9 * 64 + 2 * 64),
        "fc": 64 * 10 + 10,
    }
    assert {name: count(layer) for name, layer in net.named_children() if count(layer)} == by_hand


@pytest.mark.parametrize("depth", TOTAL)
@pytest.mark.parametrize("family", [RESIDUAL, PLAIN], ids=["residual", "plain"])
def test_layers_with_weights_are_as_many_as_the_name_says(family, depth: int) -> None:
    layers = [module for module in on_meta(family[depth]).modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len(layers) == depth


def test_macs_of_resnet20_worked_by_hand(count_macs) -> None:
    stages = 6 * 2_304 * 32**2 + (4_608 + 5 * 9_216) * 16**2 + (18_432 + 5 * 36_864) * 8**2
    assert count_macs(resnet20, (1, 3, 32, 32)) == 432 * 32**2 + stages + 640 == 40_551_040
    assert count_macs(plain20, (1, 3, 32, 32)) == 40_551_040


def test_the_weights_of_a_residual_net_fit_the_plain_one() -> None:
    residual, plain = small(), small(PlainBlock)
    plain.load_state_dict(residual.state_dict())
    assert not torch.equal(plain.eval()(images(32)), residual.eval()(images(32)))


# Shapes


@pytest.mark.parametrize("make", [resnet20, plain20])
def test_shapes_are_those_of_the_comments_and_of_section_4_2(make) -> None:
    with torch.device("meta"):
        rows = summarize(make(), torch.zeros(1, 3, 32, 32), depth=1).rows
    assert {row.name: row.output_shape for row in rows if row.name != "relu"} == {
        "conv1": (1, 16, 32, 32),
        "bn1": (1, 16, 32, 32),
        "layer1": (1, 16, 32, 32),
        "layer2": (1, 32, 16, 16),
        "layer3": (1, 64, 8, 8),
        "avgpool": (1, 64, 1, 1),
        "fc": (1, 10),
    }


@pytest.mark.parametrize("block", [PaddedBlock, PlainBlock])
def test_every_size_from_1_pixel_on_has_an_output(block, assert_refuses) -> None:
    net = small(block).eval()
    assert net(images(1)).shape == (2, 3)
    assert net(torch.zeros(2, 3, 1, 37)).shape == (2, 3)
    assert net(torch.zeros(0, 3, 8, 8)).shape == (0, 3)
    assert_refuses(net, torch.zeros(2, 3, 32, 0), r"at least 1 pixel along H, W, got \(2, 3, 32, 0\): too small")


def test_below_5_pixels_the_last_maps_are_single_pixels() -> None:
    net, sizes = small().eval(), []
    net.layer3.register_forward_hook(lambda _, given, out: sizes.append(tuple(out.shape[2:])))
    net(images(4))
    net(images(5))
    assert sizes == [(1, 1), (2, 2)]


def test_grey_images_and_other_classes() -> None:
    assert resnet20(num_classes=2, in_channels=1)(torch.rand(2, 1, 28, 28)).shape == (2, 2)


# The shortcuts


def test_a_padded_shortcut_worked_by_hand() -> None:
    x = torch.arange(18.0).reshape(1, 2, 3, 3)
    wanted = [[[[0, 2], [6, 8]], [[9, 11], [15, 17]], [[0, 0], [0, 0]]]]
    assert PaddedIdentity(2, 3, stride=2)(x).tolist() == wanted


def test_a_padded_shortcut_drops_no_channels() -> None:
    with pytest.raises(ValueError, match="can add channels and drop none, got 4 in and 2 out"):
        PaddedIdentity(4, 2, stride=1)


def test_shortcuts_have_no_parameters_and_thin_out_only_between_stages() -> None:
    net = CifarResNet(PaddedBlock, 20)
    shortcuts = [block.downsample for block in net.modules() if isinstance(block, BasicBlock)]
    assert [type(shortcut) for shortcut in shortcuts] == [
        *[nn.Identity] * 3,
        *[PaddedIdentity, nn.Identity, nn.Identity] * 2,
    ]
    assert sum(count(shortcut) for shortcut in shortcuts) == 0


def test_with_last_gammas_of_0_the_net_is_its_shortcuts() -> None:
    net = small().eval()
    zero_last_gammas(net)
    x = images(32)
    stem = net.bn1(net.conv1(x)).relu()
    thinned = nn.functional.pad(stem[:, :, ::4, ::4], (0, 0, 0, 0, 0, 48))
    torch.testing.assert_close(net(x), net.fc(thinned.mean((2, 3))))


# What every net must do


@pytest.mark.parametrize("make", EVERY)
def test_one_training_step_lowers_the_loss(make, assert_learns) -> None:
    torch.manual_seed(0)
    labels = torch.tensor(
        [0, 2]
    )  # float64: the first gradients of plain110 are so long that float32 rounds their step off
    assert_learns(make(num_classes=3).double(), images(9).double(), lambda scores: cross_entropy(scores, labels))


def test_the_first_gradients_grow_with_the_depth_of_a_plain_net_and_not_of_a_residual_one() -> None:
    lengths = {}
    for make in (plain20, plain56, resnet20, resnet56):
        torch.manual_seed(0)
        net = make().double()
        cross_entropy(net(images(16, batch=8).double()), torch.arange(8)).backward()
        lengths[make] = sum(p.grad.square().sum().item() for p in net.parameters()) ** 0.5
    assert lengths[plain56] > 100 * lengths[plain20]
    assert lengths[resnet56] < 10 * lengths[resnet20]


@pytest.mark.parametrize("block", [PaddedBlock, PlainBlock])
def test_gradients_agree_with_differences(block, assert_gradients_are_right) -> None:
    net = small(block)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.bias)  # a map of zeros would meet the next ReLU at its kink
    assert_gradients_are_right(net, images(9))


def test_copy_compiled_and_exported_net_give_the_same(assert_travels) -> None:
    assert_travels(small(), images(12))


def test_channels_last_stays_channels_last_and_gives_the_same() -> None:
    net, x, kept = small().eval(), images(16), []
    wanted = net(x)
    for layer in net.modules():
        if isinstance(layer, BasicBlock | PaddedIdentity):
            layer.register_forward_hook(
                lambda _, __, out: kept.append(out.is_contiguous(memory_format=torch.channels_last))
            )
    scores = net.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(scores, wanted, rtol=1e-4, atol=1e-5)
    assert kept == [True] * 5


@pytest.mark.parametrize(
    ("x", "words", "error"),
    [
        (torch.zeros(3, 32, 32), r"got \(3, 32, 32\): .* batch of one", ValueError),
        (torch.zeros(2, 1, 32, 32), r"got \(2, 1, 32, 32\): 1 channel where the first layer reads 3", ValueError),
        ([[0.0]], "got list: convert", TypeError),
    ],
)
def test_bad_input_is_named_before_any_layer_runs(x, words, error, assert_refuses) -> None:
    assert_refuses(small(), x, words, error)


@pytest.mark.parametrize(
    ("depth", "arguments", "words"),
    [
        (21, {}, "depth is 6n \\+ 2, such as 8, 14, 20, 32, 44, 56 or 110, got 21"),
        (2, {}, "depth is 6n \\+ 2, .* got 2$"),
        (-4, {}, "depth is 6n \\+ 2, .* got -4"),
        (20, {"num_classes": 0}, "num_classes and in_channels are at least 1, got 0 and 3"),
        (20, {"in_channels": 0}, "num_classes and in_channels are at least 1, got 10 and 0"),
    ],
)
def test_a_net_that_cannot_be_is_refused(depth: int, arguments, words) -> None:
    with pytest.raises(ValueError, match=words):
        CifarResNet(PaddedBlock, depth, **arguments)
