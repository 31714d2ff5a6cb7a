"""ResNet and the plain nets against table 1 of the paper and the published weights."""

import hashlib

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from course_lib.models.resnet import (
    RESNET_TABLE,
    BasicBlock,
    Bottleneck,
    PlainBlock,
    Projection,
    ResNet,
    Stage,
    first_weights,
    plain18,
    plain34,
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    zero_last_gammas,
)
from course_lib.models.resnet_cifar import PaddedBlock
from course_lib.summary import summarize

RESIDUAL = [resnet18, resnet34, resnet50, resnet101, resnet152]
EVERY = [*RESIDUAL, plain18, plain34]

# Of the published weights: the number of tensors, and a digest of their names and shapes in the file's order.
PUBLISHED = {
    resnet18: (122, "761022b221a39ceb"),
    resnet34: (218, "1a060acae7a42530"),
    resnet50: (320, "3fa57287149b51c4"),
    resnet101: (626, "0e9191dd134cb07d"),
    resnet152: (932, "47360b6062c7afaa"),
}

# Trained numbers of conv1, bn1, conv2_x … conv5_x and fc.
PARAMETERS = {
    resnet18: (9_408, 128, 147_968, 525_568, 2_099_712, 8_393_728, 513_000),
    resnet34: (9_408, 128, 221_952, 1_116_416, 6_822_400, 13_114_368, 513_000),
    resnet50: (9_408, 128, 215_808, 1_219_584, 7_098_368, 14_964_736, 2_049_000),
    resnet101: (9_408, 128, 215_808, 1_219_584, 26_090_496, 14_964_736, 2_049_000),
    resnet152: (9_408, 128, 215_808, 2_339_840, 40_613_888, 14_964_736, 2_049_000),
    plain18: (9_408, 128, 147_968, 517_120, 2_066_432, 8_261_632, 513_000),
    plain34: (9_408, 128, 221_952, 1_107_968, 6_789_120, 12_982_272, 513_000),
}
TOTAL = {
    resnet18: 11_689_512,
    resnet34: 21_797_672,
    resnet50: 25_557_032,
    resnet101: 44_549_160,
    resnet152: 60_192_808,
    plain18: 11_515_688,
    plain34: 21_623_848,
}
MACS = {
    resnet18: 1_814_073_344,
    resnet34: 3_663_761_408,
    resnet50: 4_089_184_256,
    resnet101: 7_801_405_440,
    resnet152: 11_513_626_624,
}


def on_meta(make, *arguments) -> nn.Module:
    with torch.device("meta"):
        return make(*arguments)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def small(block=BasicBlock) -> ResNet:
    torch.manual_seed(0)
    return ResNet(block, (1, 1, 1, 1), num_classes=3)


def images(size: int, batch: int = 2) -> Tensor:
    return torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(1))


# Counts


@pytest.mark.parametrize("make", EVERY)
def test_each_stage_has_its_parameters(make) -> None:
    net = on_meta(make)
    assert tuple(count(layer) for layer in net.children() if count(layer)) == PARAMETERS[make]
    assert count(net) == TOTAL[make] == sum(PARAMETERS[make])


@pytest.mark.parametrize("make", RESIDUAL)
def test_names_and_shapes_are_those_of_the_published_weights_in_their_order(make) -> None:
    state = on_meta(make).state_dict()
    listing = "".join(f"{name} {tuple(tensor.shape)}\n" for name, tensor in state.items())
    assert (len(state), hashlib.sha256(listing.encode()).hexdigest()[:16]) == PUBLISHED[make]


def test_a_bottleneck_with_a_projection_names_its_layers_as_the_published_weights() -> None:
    names = [name for name in on_meta(resnet50).state_dict() if name.startswith("layer2.0.") and "bn" not in name]
    assert [name for name in names if name.endswith("weight")] == [
        "layer2.0.conv1.weight",
        "layer2.0.conv2.weight",
        "layer2.0.conv3.weight",
        "layer2.0.downsample.0.weight",
        "layer2.0.downsample.1.weight",
    ]


@pytest.mark.parametrize("depth", RESNET_TABLE)
def test_layers_with_weights_are_as_many_as_the_name_says(depth: int) -> None:
    net = on_meta({18: resnet18, 34: resnet34, 50: resnet50, 101: resnet101, 152: resnet152}[depth])
    layers = [name for name, module in net.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len([name for name in layers if "downsample" not in name]) == depth


@pytest.mark.parametrize("make", [plain18, plain34])
def test_a_plain_net_lacks_only_the_projections(make) -> None:
    residual = on_meta({plain18: resnet18, plain34: resnet34}[make])
    names = [name for name in residual.state_dict() if "downsample" not in name]
    assert list(on_meta(make).state_dict()) == names
    projections = sum(count(module) for module in residual.modules() if isinstance(module, Projection))
    assert count(residual) - projections == TOTAL[make]


def test_with_padded_shortcuts_residual_and_plain_net_have_the_same_parameters() -> None:
    padded = on_meta(ResNet, PaddedBlock, RESNET_TABLE[34])
    assert count(padded) == TOTAL[plain34]


@pytest.mark.parametrize("make", MACS)
def test_macs_at_224(make, count_macs) -> None:
    assert count_macs(make, (1, 3, 224, 224)) == MACS[make]


def test_halving_in_the_first_1x1_gives_the_operations_that_the_paper_prints(count_macs) -> None:
    def halving_first() -> ResNet:
        net = resnet50()
        for block in net.modules():
            if isinstance(block, Bottleneck):
                block.conv1.stride, block.conv2.stride = block.conv2.stride, (1, 1)
        return net

    assert count_macs(halving_first, (1, 3, 224, 224)) == pytest.approx(3.8e9, rel=0.02)


# Shapes


@pytest.mark.parametrize(("make", "factor"), [(resnet18, 1), (plain18, 1), (resnet50, 4)])
def test_shapes_are_those_of_the_comments_and_of_table_1(make, factor: int) -> None:
    with torch.device("meta"):
        rows = summarize(make(), torch.zeros(1, 3, 224, 224), depth=1).rows
    assert {row.name: row.output_shape for row in rows if row.name != "relu"} == {
        "conv1": (1, 64, 112, 112),
        "bn1": (1, 64, 112, 112),
        "maxpool": (1, 64, 56, 56),
        "layer1": (1, 64 * factor, 56, 56),
        "layer2": (1, 128 * factor, 28, 28),
        "layer3": (1, 256 * factor, 14, 14),
        "layer4": (1, 512 * factor, 7, 7),
        "avgpool": (1, 512 * factor, 1, 1),
        "fc": (1, 1000),
    }


@pytest.mark.parametrize("block", [PlainBlock, BasicBlock, Bottleneck, PaddedBlock])
def test_every_size_from_1_pixel_on_has_an_output(block, assert_refuses) -> None:
    net = small(block).eval()
    with torch.no_grad():
        assert net(images(1)).shape == (2, 3)
        assert net(torch.zeros(2, 3, 1, 37)).shape == (2, 3)
    assert_refuses(net, torch.zeros(2, 3, 0, 32), r"at least 1 pixel along H, W, got \(2, 3, 0, 32\): too small")


def test_below_33_pixels_the_last_maps_are_single_pixels() -> None:
    net = on_meta(small)
    sizes = {}
    net.layer4.register_forward_hook(lambda _, given, out: sizes.__setitem__(size, tuple(out.shape[2:])))
    for size in (32, 33):
        net(torch.zeros(2, 3, size, size, device="meta"))
    assert sizes == {32: (1, 1), 33: (2, 2)}


def test_grey_images_and_other_classes() -> None:
    net = ResNet(BasicBlock, (1, 1, 1, 1), num_classes=7, in_channels=1)
    assert net(torch.rand(2, 1, 40, 33)).shape == (2, 7)


def test_an_empty_batch_gives_an_empty_answer() -> None:
    assert small().eval()(torch.zeros(0, 3, 33, 33)).shape == (0, 3)


# The blocks


def test_a_basic_block_adds_its_input_to_what_the_plain_block_gives_before_the_relu() -> None:
    torch.manual_seed(0)
    basic, plain = BasicBlock(4, 4).eval(), PlainBlock(4, 4).eval()
    plain.load_state_dict(basic.state_dict())
    x = torch.randn(2, 4, 6, 6)
    assert torch.equal(plain(x), plain.residual(x).relu())
    assert torch.equal(basic(x), (plain.residual(x) + x).relu())


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
def test_where_the_shape_changes_the_input_is_projected(block) -> None:
    torch.manual_seed(0)
    net = block(4, 8, 2).eval()
    x = torch.randn(2, 4, 6, 6)
    convolution, norm = net.downsample
    assert (convolution.kernel_size, convolution.stride, convolution.bias) == ((1, 1), (2, 2), None)
    assert torch.equal(net(x), (net.residual(x) + norm(convolution(x))).relu())


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
def test_a_block_leaves_its_input_as_it_was(block) -> None:
    x = torch.randn(2, 16, 6, 6)
    before = x.clone()
    block(16, 4 if block is Bottleneck else 16).train()(x)
    assert torch.equal(x, before)


def test_a_bottleneck_halves_the_image_in_its_3x3() -> None:
    block = Bottleneck(256, 128, stride=2)
    layers = [block.conv1, block.conv2, block.conv3]
    assert [layer.kernel_size[0] for layer in layers] == [1, 3, 1]
    assert [layer.stride[0] for layer in layers] == [1, 2, 1]
    assert [layer.out_channels for layer in layers] == [128, 128, 512]


def test_only_the_first_block_of_a_stage_changes_the_shape() -> None:
    stage = Stage(BasicBlock, 3, 8, 16, 2)
    assert [block.conv1.stride[0] for block in stage] == [2, 1, 1]
    assert [type(block.downsample) for block in stage] == [Projection, nn.Identity, nn.Identity]


# First weights


def test_first_weights_have_the_variance_of_he_and_norms_begin_as_the_identity() -> None:
    torch.manual_seed(0)
    net = resnet18(num_classes=2)
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d):
            outputs = module.out_channels * module.kernel_size[0] ** 2
            assert module.weight.std().item() == pytest.approx((2 / outputs) ** 0.5, rel=0.05), name
            assert abs(module.weight.mean().item()) < 0.1 * module.weight.std().item(), name
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all(), name
            assert (module.bias == 0).all(), name


def test_first_weights_leave_other_layers_alone() -> None:
    layer = nn.Linear(3, 2)
    before = layer.weight.clone()
    first_weights(layer)
    assert torch.equal(layer.weight, before)


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck, PaddedBlock])
def test_with_last_gammas_of_0_a_block_begins_as_its_shortcut(block) -> None:
    net = small(block)
    zero_last_gammas(net)
    x = torch.rand(2, 64, 6, 6)
    for part in net.modules():
        if isinstance(part, BasicBlock | Bottleneck):
            with torch.no_grad():
                assert torch.equal(part(x), part.downsample(x).relu())
                x = part(x)
    zeros = [name for name, p in net.named_parameters() if name.endswith("weight") and not p.any()]
    last = "bn3" if block is Bottleneck else "bn2"
    assert zeros == [f"layer{i}.0.{last}.weight" for i in (1, 2, 3, 4)]


def test_a_plain_net_cannot_begin_with_gammas_of_0() -> None:
    with pytest.raises(ValueError, match="wanted a net with residual blocks, got ResNet without any"):
        zero_last_gammas(small(PlainBlock))


# What every net must do


@pytest.mark.parametrize("make", EVERY)
def test_one_training_step_lowers_the_loss(make, assert_learns) -> None:
    torch.manual_seed(0)
    labels = torch.tensor([0, 2])
    assert_learns(make(num_classes=3), images(33), lambda scores: cross_entropy(scores, labels))


def away_from_the_kinks(net: nn.Module) -> nn.Module:
    """Give norms a bias: a map of zeros would meet the next ReLU at 0, where it has no derivative."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.bias)
    return net


@pytest.mark.parametrize("block", [PlainBlock, BasicBlock, Bottleneck])
def test_gradients_of_the_blocks_agree_with_differences(block, assert_gradients_are_right) -> None:
    torch.manual_seed(0)
    assert_gradients_are_right(away_from_the_kinks(block(3, 2, 2)), images(5))


def test_gradients_of_a_net_agree_with_differences(assert_gradients_are_right) -> None:
    assert_gradients_are_right(away_from_the_kinks(small()), images(9, batch=1))


def test_copy_compiled_and_exported_net_give_the_same(assert_travels) -> None:
    assert_travels(small(Bottleneck), images(33))


@pytest.mark.parametrize("block", [PlainBlock, BasicBlock, Bottleneck, PaddedBlock])
def test_channels_last_stays_channels_last_and_gives_the_same(block) -> None:
    net, x = small(block).eval(), images(64)
    with torch.no_grad():
        wanted = net(x)
        kept = []
        net.layer4.register_forward_hook(
            lambda _, __, out: kept.append(out.is_contiguous(memory_format=torch.channels_last))
        )
        scores = net.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(scores, wanted, rtol=1e-4, atol=1e-5)
    assert kept == [True]


@pytest.mark.parametrize(
    ("x", "words", "error"),
    [
        (torch.zeros(3, 64, 64), r"got \(3, 64, 64\): .* batch of one", ValueError),
        (torch.zeros(2, 1, 64, 64), r"got \(2, 1, 64, 64\): 1 channel where the first layer reads 3", ValueError),
        (torch.zeros(2, 3, 64, 64, dtype=torch.uint8), "got torch.uint8: convert", TypeError),
    ],
)
def test_bad_input_is_named_before_any_layer_runs(x, words, error, assert_refuses) -> None:
    assert_refuses(on_meta(resnet18), x, words, error)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"num_classes": 0}, "num_classes and in_channels are at least 1, got 0 and 3"),
        ({"in_channels": -1}, "num_classes and in_channels are at least 1, got 1000 and -1"),
        ({"repeats": (2, 2, 2)}, r"blocks of 4 stages, such as \(2, 2, 2, 2\), got \(2, 2, 2\)"),
        ({"repeats": (2, 2, 0, 2)}, r"blocks of 4 stages, such as \(2, 2, 2, 2\), got \(2, 2, 0, 2\)"),
    ],
)
def test_a_net_that_cannot_be_is_refused(arguments, words) -> None:
    with pytest.raises(ValueError, match=words):
        ResNet(**{"block": BasicBlock, "repeats": (1, 1, 1, 1)} | arguments)
