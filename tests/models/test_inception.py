"""Inception v2 against table 1 of the paper, v3 against the published weights, and the parts that make them cheap."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.arithmetic import Layer, conv_macs, receptive_field
from course_lib.models.googlenet import ConvBatchNorm, ConvReLU, auxiliary_cross_entropy
from course_lib.models.inception import (
    INCEPTION_V2_TABLE,
    INCEPTION_V3_TABLE,
    BatchNormHead,
    Conv,
    Head,
    Inception,
    MaxPool,
    Mixed,
    ParallelBranches,
    Row,
    inception_v2,
    inception_v3,
)
from course_lib.summary import summarize

BOTH = pytest.mark.parametrize("make", [inception_v2, inception_v3])

# What comes out of each layer, and its parameters.
V2_LAYERS = {
    "conv1": ((32, 149, 149), 928),
    "conv2": ((32, 147, 147), 9_280),
    "conv3": ((64, 147, 147), 18_560),
    "pool1": ((64, 73, 73), 0),
    "conv4": ((80, 71, 71), 46_240),
    "conv5": ((192, 35, 35), 138_624),
    "conv6": ((288, 35, 35), 498_240),
    "grid35_1": ((288, 35, 35), 236_000),
    "grid35_2": ((288, 35, 35), 236_000),
    "grid35_3": ((288, 35, 35), 236_000),
    "reduction17": ((768, 17, 17), 1_024_896),
    "grid17_1": ((768, 17, 17), 1_297_408),
    "grid17_2": ((768, 17, 17), 1_691_008),
    "grid17_3": ((768, 17, 17), 1_691_008),
    "grid17_4": ((768, 17, 17), 1_691_008),
    "grid17_5": ((768, 17, 17), 2_141_952),
    "reduction8": ((1280, 8, 8), 1_513_600),
    "grid8_1": ((2048, 8, 8), 5_044_608),
    "grid8_2": ((2048, 8, 8), 6_076_800),
    "avgpool": ((2048, 1, 1), 0),
    "dropout": ((2048,), 0),
    "fc": ((1000,), 2_049_000),
}
V3_LAYERS = {
    "Conv2d_1a_3x3": ((32, 149, 149), 928),
    "Conv2d_2a_3x3": ((32, 147, 147), 9_280),
    "Conv2d_2b_3x3": ((64, 147, 147), 18_560),
    "maxpool1": ((64, 73, 73), 0),
    "Conv2d_3b_1x1": ((80, 73, 73), 5_280),
    "Conv2d_4a_3x3": ((192, 71, 71), 138_624),
    "maxpool2": ((192, 35, 35), 0),
    "Mixed_5b": ((256, 35, 35), 255_904),
    "Mixed_5c": ((288, 35, 35), 277_472),
    "Mixed_5d": ((288, 35, 35), 285_152),
    "Mixed_6a": ((768, 17, 17), 1_153_280),
    "Mixed_6b": ((768, 17, 17), 1_297_408),
    "Mixed_6c": ((768, 17, 17), 1_691_008),
    "Mixed_6d": ((768, 17, 17), 1_691_008),
    "Mixed_6e": ((768, 17, 17), 2_141_952),
    "Mixed_7a": ((1280, 8, 8), 1_698_304),
    "Mixed_7b": ((2048, 8, 8), 5_044_608),
    "Mixed_7c": ((2048, 8, 8), 6_076_800),
    "avgpool": ((2048, 1, 1), 0),
    "dropout": ((2048,), 0),
    "fc": ((1000,), 2_049_000),
}

# Table 1 of the paper: how often each row stands there, and the size of its input.
PRINTED = [
    ("conv", 1, (3, 299)),
    ("conv", 1, (32, 149)),
    ("conv", 1, (32, 147)),
    ("pool", 1, (64, 147)),
    ("conv", 1, (64, 73)),
    ("conv", 1, (80, 71)),
    ("conv", 1, (192, 35)),
    ("grid35", 3, (288, 35)),
    ("grid17", 5, (768, 17)),
    ("grid8", 2, (1280, 8)),
    ("avgpool", 1, (2048, 8)),
    ("fc", 1, (2048, 1)),
]

# A row of each kind, few channels; 15 pixels are the least, 71 in training with the head.
SMALL: dict[str, Row] = {
    "conv": Conv(4, 3, stride=2),
    "pool": MaxPool(3, stride=2),
    "mixed": Mixed(
        {
            "branch1x1": [Conv(3, 1)],
            "branch3x3": [Conv(2, 1), (Conv(2, (1, 3), padding=(0, 1)), Conv(2, (3, 1), padding=(1, 0)))],
            "branch_pool": [Conv(2, 1)],
        },
        pool=lambda: nn.AvgPool2d(3, stride=1, padding=1),
    ),
    "head": Head(5, conv=ConvReLU),
    "reduction": Mixed({"branch3x3": [Conv(4, 3, stride=2)], "branch_pool": []}, pool=lambda: nn.MaxPool2d(3, 2)),
}


def small_net(*, aux: bool = True) -> Inception:
    torch.manual_seed(0)
    return Inception(SMALL, num_classes=3, aux=aux, min_size=15, min_size_with_head=71)


def random_images(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


# The nets


@pytest.mark.parametrize(
    ("make", "without_head", "with_head"),
    [(inception_v2, 25_641_160, 30_042_544), (inception_v3, 23_834_568, 27_161_264)],
)
def test_parameters_with_and_without_head(make, without_head, with_head) -> None:
    with torch.device("meta"):
        assert count(make(aux=False)) == without_head
        assert count(make()) == with_head


@pytest.mark.parametrize(("make", "layers"), [(inception_v2, V2_LAYERS), (inception_v3, V3_LAYERS)], ids=["v2", "v3"])
def test_each_layer_has_its_shape_its_parameters_and_its_place(make, layers) -> None:
    with torch.device("meta"):
        rows = summarize(make(aux=False), torch.zeros(1, 3, 299, 299), depth=1).rows
    expected = [(name, (1, *shape), parameters) for name, (shape, parameters) in layers.items()]
    assert [(row.name, row.output_shape, row.parameters) for row in rows] == expected


def test_v2_has_the_rows_of_table_1_with_their_inputs() -> None:
    with torch.device("meta"):
        net, inputs = inception_v2().eval(), {}
        for name, layer in net.named_children():
            layer.register_forward_pre_hook(lambda _, args, name=name: inputs.__setitem__(name, args[0].shape))
        net(torch.zeros(1, 3, 299, 299))
    rows = [name for name in inputs if not name.startswith(("reduction", "dropout"))]
    for kind, times, (channels, size) in PRINTED:
        these, rows = rows[:times], rows[times:]
        assert all(name.startswith(kind) for name in these)
        assert tuple(inputs[these[0]][:3]) == ((1, channels, size) if kind != "fc" else (1, channels))
    assert not rows


def test_macs_of_the_whole_nets(count_macs) -> None:
    assert count_macs(inception_v2, (1, 3, 299, 299)) == 6_451_782_240
    assert count_macs(inception_v3, (1, 3, 299, 299)) == 5_713_216_096


def test_48_layers_lie_between_image_and_scores() -> None:
    class Counts(nn.Module):
        """Stands in for a layer: the same shape, and one more than the largest number that came in."""

        def __init__(self, layer: nn.Module) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor) -> Tensor:
            return torch.zeros_like(self.layer(x)) + x.max() + 1

    net = inception_v3(num_classes=2, aux=False).eval()
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, ConvBatchNorm | nn.Linear):
                setattr(parent, name, Counts(child))
    with torch.no_grad():
        assert net(torch.zeros(1, 3, 75, 75)).max() == 48


@BOTH
def test_first_weights_are_those_of_he(make) -> None:
    torch.manual_seed(0)
    net = make(num_classes=2, aux=False)
    for name, layer in net.named_modules():
        if isinstance(layer, nn.Conv2d) and layer.weight.numel() > 50_000:
            he = math.sqrt(2 / layer.weight[0].numel())
            assert layer.weight.std().item() == pytest.approx(he, rel=0.05), name


# The parts


def test_two_3x3_see_as_far_as_5x5_and_take_28_of_100_less() -> None:
    assert receptive_field([Layer(3), Layer(3)]).size == receptive_field([Layer(5)]).size
    assert 2 * conv_macs(64, 64, 3, 35) / conv_macs(64, 64, 5, 35) == 18 / 25


def test_a_row_and_a_column_see_as_far_as_7x7_and_take_2_of_7() -> None:
    assert conv_macs(128, 128, (1, 7), 17) + conv_macs(128, 128, (7, 1), 17) == conv_macs(128, 128, 7, 17) * 2 / 7
    torch.manual_seed(0)
    x = torch.zeros(1, 1, 15, 15)
    x[..., 7, 7] = 1
    row, column = (
        nn.Conv2d(1, 1, (1, 7), padding=(0, 3), bias=False),
        nn.Conv2d(1, 1, (7, 1), padding=(3, 0), bias=False),
    )
    reached = column(row(x)) != 0
    assert reached.sum() == 49
    assert reached[..., 4:11, 4:11].all()


@pytest.mark.parametrize("table", [INCEPTION_V2_TABLE, INCEPTION_V3_TABLE], ids=["v2", "v3"])
def test_kernels_on_the_17x17_grid_are_rows_and_columns_of_7(table) -> None:
    modules = [
        row for name, row in table.items() if name.startswith("grid17") or name in {f"Mixed_6{c}" for c in "bcde"}
    ]
    kernels = {conv.kernel_size for row in modules for chain in row.branches.values() for conv in chain}
    assert len(modules) == (5 if table is INCEPTION_V2_TABLE else 4)
    assert kernels == {1, (1, 7), (7, 1)}


def test_only_the_published_net_has_a_5x5() -> None:
    with torch.device("meta"):
        sizes = {
            make: {m.kernel_size for m in make(aux=False).modules() if isinstance(m, nn.Conv2d)}
            for make in (inception_v2, inception_v3)
        }
    assert sizes[inception_v3] - sizes[inception_v2] == {(5, 5)}
    assert sizes[inception_v2] == {(1, 1), (3, 3), (1, 7), (7, 1), (1, 3), (3, 1)}


def test_grid_reduction_keeps_the_pooled_input_beside_what_it_filters() -> None:
    torch.manual_seed(0)
    reduction, x = ParallelBranches(4, SMALL["reduction"]).eval(), random_images(2, 4, 9, 9)
    y = reduction(x)
    assert reduction.out_channels == 8
    assert torch.equal(y[:, :4], reduction.branch3x3(x))
    assert torch.equal(y[:, 4:], F.max_pool2d(x, kernel_size=3, stride=2))


def test_a_pair_of_convolutions_ends_a_branch_side_by_side() -> None:
    torch.manual_seed(0)
    module, x = ParallelBranches(4, SMALL["mixed"]).eval(), random_images(2, 4, 9, 9)
    ones, rows, columns, pooled = module(x).split([3, 2, 2, 2], dim=1)
    reduced = module.branch3x3_1(x)
    assert torch.equal(ones, module.branch1x1(x))
    assert torch.equal(rows, module.branch3x3_2a(reduced))
    assert torch.equal(columns, module.branch3x3_2b(reduced))
    assert torch.equal(pooled, module.branch_pool(F.avg_pool2d(x, 3, stride=1, padding=1)))


def test_the_head_of_v3_has_batch_norm_in_its_dense_layer_and_that_of_v2_has_not() -> None:
    with torch.device("meta"):
        v2, v3 = inception_v2().head, inception_v3().AuxLogits
    assert isinstance(v3.conv1, ConvBatchNorm)
    assert isinstance(v2.conv1, ConvReLU)
    assert isinstance(v2.conv0, ConvBatchNorm)
    assert v2.pool(torch.zeros(1, 768, 17, 17)).shape == (1, 768, 5, 5)
    assert (v3.fc.in_features, v2.fc.in_features) == (768, 1024)


# What goes in and what comes out


@BOTH
def test_training_names_the_scores_of_net_and_head_and_the_smallest_inputs_pass(make, assert_refuses) -> None:
    with torch.device("meta"):
        net = make(num_classes=5)
        outputs = net.train()(torch.zeros(2, 3, 299, 299))
        assert {name: tuple(scores.shape) for name, scores in outputs.items()} == {"scores": (2, 5), "aux1": (2, 5)}
        assert_refuses(net, torch.zeros(2, 3, 299, 298), "at least 299 pixels along H, W, got .* too small")
        assert net.eval()(torch.zeros(2, 3, 75, 75)).shape == (2, 5)
        assert_refuses(net, torch.zeros(2, 3, 75, 74), "at least 75 pixels along H, W, got .* too small")
        net.min_size = net.min_size_with_head = 1
        for training, size in ((True, 298), (False, 74)):  # rightly so: a layer would have nothing to give
            with pytest.raises(RuntimeError, match=r"(?i)output size|kernel size"):
                net.train(training)(torch.zeros(2, 3, size, size))


@BOTH
def test_a_net_without_its_head_gives_a_tensor_in_training_too(make) -> None:
    with torch.device("meta"):
        net = make(num_classes=5, aux=False).train()
        assert net(torch.zeros(2, 3, 75, 75)).shape == (2, 5)
    assert not [m for m in net.modules() if isinstance(m, BatchNormHead)]


def test_the_head_takes_larger_images() -> None:
    assert small_net().train()(random_images(2, 3, 111, 90))["aux1"].shape == (2, 3)


@BOTH
def test_bad_input_is_named_before_any_layer_runs(make, assert_refuses) -> None:
    with torch.device("meta"):
        net = make(in_channels=1).eval()
        assert_refuses(net, torch.zeros(1, 3, 299, 299), "3 channels where the first layer reads 1")
        assert_refuses(net, torch.zeros(1, 299, 299), r"a single one becomes a batch of one by x\[None\]")
        assert_refuses(net, torch.zeros(1, 1, 299, 299, dtype=torch.uint8), "got torch.uint8", TypeError)


@BOTH
@pytest.mark.parametrize("arguments", [{"num_classes": 0}, {"in_channels": 0}])
def test_there_is_at_least_one_class_and_one_channel(make, arguments) -> None:
    with pytest.raises(ValueError, match="num_classes and in_channels are at least 1, got"):
        make(**arguments)


def test_an_empty_batch_gives_an_empty_answer() -> None:
    assert small_net().eval()(torch.zeros(0, 3, 15, 15)).shape == (0, 3)


# Learning and travelling


@BOTH
def test_one_training_step_lowers_the_loss(make, assert_learns) -> None:
    torch.manual_seed(0)
    net, labels = make(num_classes=3), torch.tensor([0, 2])

    def loss_of(outputs):
        return auxiliary_cross_entropy(outputs, labels, label_smoothing=0.1)

    assert_learns(net, random_images(2, 3, 299, 299), loss_of)


def test_gradients_agree_with_differences(assert_gradients_are_right) -> None:
    assert_gradients_are_right(small_net(aux=False), random_images(2, 3, 19, 19))
    torch.manual_seed(0)
    head = BatchNormHead(2, 3, SMALL["head"])
    nn.init.constant_(head.conv1.conv.bias, 0.1)
    assert_gradients_are_right(head, random_images(2, 2, 17, 17))


def test_copies_compiled_and_exported_nets_give_the_same(assert_travels) -> None:
    assert_travels(small_net(), random_images(2, 3, 33, 33))


def test_a_compiled_net_names_its_outputs_in_training() -> None:
    net, x = small_net().train(), random_images(2, 3, 71, 71)
    compiled = torch.compile(net, backend="eager", fullgraph=True)
    torch.manual_seed(1)
    wanted = net(x)
    torch.manual_seed(1)
    outputs = compiled(x)
    assert list(outputs) == ["scores", "aux1"]
    torch.testing.assert_close(outputs, wanted)


def test_channels_last_stays_channels_last_and_gives_the_same() -> None:
    net, x, seen = small_net().eval(), random_images(2, 3, 33, 33), []
    with torch.no_grad():
        wanted = net(x)
        net.to(memory_format=torch.channels_last)
        for name in ("mixed", "reduction"):
            net.get_submodule(name).register_forward_hook(
                lambda _, __, out: seen.append(out.is_contiguous(memory_format=torch.channels_last))
            )
        torch.testing.assert_close(net(x.to(memory_format=torch.channels_last)), wanted, rtol=1e-4, atol=1e-5)
    assert seen == [True, True]
