"""DenseNet against table 1 of the paper and the published weights, and its saving of memory."""

import hashlib

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from course_lib.arithmetic import conv_output_size, pool_output_size
from course_lib.models.densenet import (
    DENSENET_TABLE,
    DenseBlock,
    DenseLayer,
    DenseNet,
    RecomputingDenseBlock,
    densenet121,
    densenet161,
    densenet169,
    densenet201,
)
from course_lib.summary import summarize

EVERY = {121: densenet121, 161: densenet161, 169: densenet169, 201: densenet201}
TOTAL = {121: 7_978_856, 161: 28_681_000, 169: 14_149_480, 201: 20_013_928}
MACS = {121: 2_834_161_664, 161: 7_727_907_072, 169: 3_359_843_328, 201: 4_291_365_888}

# Of the published weights: the number of tensors, and a digest of their names and shapes in the file's order.
PUBLISHED = {
    121: (727, "d52aa585c6714985"),
    161: (967, "726b4d40ddb188d1"),
    169: (1015, "04c0da21c3018d60"),
    201: (1207, "8fd3fcb6e2757522"),
}


def on_meta(make, *arguments) -> nn.Module:
    with torch.device("meta"):
        return make(*arguments)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def small(*, recompute: bool = False) -> DenseNet:
    torch.manual_seed(0)
    return DenseNet((2, 3), growth_rate=4, num_classes=3, recompute=recompute)


def images(size: int, batch: int = 2) -> Tensor:
    return torch.rand(batch, 3, size, size, generator=torch.Generator().manual_seed(1))


# Counts


@pytest.mark.parametrize("depth", EVERY)
def test_parameters_of_the_whole_net(depth: int) -> None:
    assert count(on_meta(EVERY[depth])) == TOTAL[depth]


@pytest.mark.parametrize("depth", EVERY)
def test_each_block_and_transition_has_its_parameters(depth: int) -> None:
    k = 48 if depth == 161 else 32
    channels = 2 * k
    by_hand = {"conv0": 49 * 3 * channels, "norm0": 2 * channels}
    for i, layers in enumerate(DENSENET_TABLE[depth], start=1):
        block = 0
        for _ in range(layers):
            block += 2 * channels + channels * 4 * k + 2 * 4 * k + 9 * 4 * k * k  # norm, 1×1, norm, 3×3
            channels += k
        by_hand[f"denseblock{i}"] = block
        if i < 4:
            by_hand[f"transition{i}"] = 2 * channels + channels * channels // 2
            channels //= 2
    by_hand["norm5"] = 2 * channels
    net = on_meta(EVERY[depth])
    assert {name: count(layer) for name, layer in net.features.named_children() if count(layer)} == by_hand
    assert count(net.classifier) == channels * 1000 + 1000


@pytest.mark.parametrize("depth", EVERY)
def test_names_and_shapes_are_those_of_the_published_weights_in_their_order(depth: int) -> None:
    state = on_meta(EVERY[depth]).state_dict()
    listing = "".join(f"{name} {tuple(tensor.shape)}\n" for name, tensor in state.items())
    assert (len(state), hashlib.sha256(listing.encode()).hexdigest()[:16]) == PUBLISHED[depth]


def test_a_layer_names_its_tensors_as_the_published_weights() -> None:
    names = [name for name in on_meta(densenet121).state_dict() if "denseblock1.denselayer2." in name]
    assert [name for name in names if name.endswith("weight")] == [
        f"features.denseblock1.denselayer2.{name}.weight" for name in ("norm1", "conv1", "norm2", "conv2")
    ]


@pytest.mark.parametrize("depth", EVERY)
def test_layers_with_weights_are_as_many_as_the_name_says(depth: int) -> None:
    layers = [module for module in on_meta(EVERY[depth]).modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len(layers) == depth


def test_macs_of_densenet121_at_224(count_macs) -> None:
    assert count_macs(densenet121, (1, 3, 224, 224)) == MACS[121]


@pytest.mark.parametrize("depth", EVERY)
def test_macs_are_the_weights_times_the_places_where_they_are_used(depth: int) -> None:
    sizes = {"conv0": 112, "denseblock1": 56, "denseblock2": 28, "denseblock3": 14, "denseblock4": 7}
    sizes |= {"transition1": 56, "transition2": 28, "transition3": 14}  # before their pooling
    net = on_meta(EVERY[depth])
    macs = net.classifier.weight.numel()
    for name, part in net.features.named_children():
        weights = sum(module.weight.numel() for module in part.modules() if isinstance(module, nn.Conv2d))
        macs += weights * sizes.get(name, 0) ** 2
    assert macs == MACS[depth]


# Shapes


def test_shapes_are_those_of_the_comments_and_of_table_1() -> None:
    with torch.device("meta"):
        rows = summarize(densenet121(), torch.zeros(1, 3, 224, 224), depth=2).rows
    shapes = {row.name.removeprefix("features."): row.output_shape for row in rows}
    shapes.pop("relu")
    assert shapes == {
        "conv0": (1, 64, 112, 112),
        "norm0": (1, 64, 112, 112),
        "relu0": (1, 64, 112, 112),
        "pool0": (1, 64, 56, 56),
        "denseblock1": (1, 256, 56, 56),
        "transition1": (1, 128, 28, 28),
        "denseblock2": (1, 512, 28, 28),
        "transition2": (1, 256, 14, 14),
        "denseblock3": (1, 1024, 14, 14),
        "transition3": (1, 512, 7, 7),
        "denseblock4": (1, 1024, 7, 7),
        "norm5": (1, 1024, 7, 7),
        "avgpool": (1, 1024, 1, 1),
        "classifier": (1, 1000),
    }


def last_map(size: int, blocks: int) -> int:
    """Follow the size of the image through the layers that change it."""
    size = conv_output_size(size, 7, stride=2, padding=3)
    size = pool_output_size(size, 3, stride=2, padding=1)
    for _ in range(blocks - 1):
        size //= 2
    return size


@pytest.mark.parametrize("blocks", [1, 2, 3, 4])
def test_the_smallest_image_is_the_first_that_leaves_a_pixel(blocks: int, assert_refuses) -> None:
    smallest = next(size for size in range(1, 100) if last_map(size, blocks) >= 1)
    net = DenseNet((1,) * blocks, growth_rate=2, num_classes=3).eval()
    assert net.min_size == smallest
    assert net(images(smallest)).shape == (2, 3)
    pixels = "1 pixel" if smallest == 1 else f"{smallest} pixels"
    words = rf"at least {pixels} along H, W, got .*: too small"
    assert_refuses(net, torch.zeros(2, 3, 64, smallest - 1), words)


def test_published_nets_read_29_pixels_and_train_alone_from_61() -> None:
    assert on_meta(densenet121).min_size == 29
    assert [last_map(size, 4) for size in (28, 29, 60, 61)] == [0, 1, 1, 2]


def test_grey_images_and_other_classes() -> None:
    assert DenseNet((1, 1), 4, num_classes=7, in_channels=1)(torch.rand(2, 1, 40, 33)).shape == (2, 7)


def test_an_empty_batch_gives_an_empty_answer() -> None:
    assert small().eval()(torch.zeros(0, 3, 29, 29)).shape == (0, 3)


# The block


@pytest.mark.parametrize("make", [DenseBlock, RecomputingDenseBlock])
def test_each_layer_reads_the_input_and_all_layers_before_it(make) -> None:
    torch.manual_seed(0)
    block = make(3, 5, growth_rate=2).eval()
    x = torch.rand(2, 5, 4, 4)
    first, second, third = block.children()
    one = first(x)
    two = second(torch.cat([x, one], dim=1))
    three = third(torch.cat([x, one, two], dim=1))
    assert torch.equal(block(x), torch.cat([x, one, two, three], dim=1))
    assert block.out_channels == 11


def test_a_layer_normalises_before_it_convolves_and_leaves_its_input_as_it_was() -> None:
    torch.manual_seed(0)
    layer, x = DenseLayer(6, growth_rate=2), torch.randn(4, 6, 5, 5)
    before = x.clone()
    narrow = layer.conv1(nn.functional.batch_norm(x, None, None, training=True).relu())
    wanted = layer.conv2(nn.functional.batch_norm(narrow, None, None, training=True).relu())
    torch.testing.assert_close(layer(x), wanted)
    assert torch.equal(x, before)
    assert (narrow.shape, wanted.shape) == ((4, 8, 5, 5), (4, 2, 5, 5))


def test_first_weights_have_the_variance_of_he_and_norms_begin_as_the_identity() -> None:
    torch.manual_seed(0)
    net = densenet121(num_classes=2)
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d):
            inputs = module.in_channels * module.kernel_size[0] ** 2
            assert module.weight.std().item() == pytest.approx((2 / inputs) ** 0.5, rel=0.05), name
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all(), name
            assert (module.bias == 0).all(), name
    assert (net.classifier.bias == 0).all()


# Saving of memory


def train(net: DenseNet, steps: int) -> list[float]:
    net.double().train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(steps):
        loss = cross_entropy(net(images(21, batch=4).double()), torch.tensor([0, 1, 2, 0]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_recomputing_gives_the_same_loss_and_the_same_gradients() -> None:
    nets = [small(), small(recompute=True)]
    losses = [train(net, steps=1) for net in nets]
    assert losses[0] == losses[1]
    for (name, one), other in zip(nets[0].named_parameters(), nets[1].parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, msg=lambda text, name=name: f"{name}: {text}")


def test_after_a_step_the_running_statistics_are_the_same_to_the_bit_and_after_three_all_weights_agree() -> None:
    nets = [small(), small(recompute=True)]
    for net in nets:
        train(net, steps=1)
    for (name, one), other in zip(nets[0].named_buffers(), nets[1].buffers(), strict=True):
        assert torch.equal(one, other), name
    for net in nets:
        train(net, steps=2)
    torch.testing.assert_close(nets[1].state_dict(), nets[0].state_dict())
    assert {int(b) for name, b in nets[1].named_buffers() if name.endswith("tracked")} == {3}


def test_recomputing_leaves_the_running_statistics_also_when_the_backward_pass_fails() -> None:
    block = RecomputingDenseBlock(2, 4, growth_rate=2)
    y = block(torch.rand(2, 4, 5, 5))
    statistics = dict(block.named_buffers())
    values = {name: value.clone() for name, value in statistics.items()}
    block.denselayer1.norm1.register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        y.sum().backward()
    for name, value in block.named_buffers():
        assert value is statistics[name], name
        assert torch.equal(value, values[name]), name


def test_recomputing_twice_gives_the_same_gradients_twice() -> None:
    block, x = RecomputingDenseBlock(2, 4, growth_rate=2), torch.rand(2, 4, 5, 5, requires_grad=True)
    y = block(x).square().sum()
    first, second = (torch.autograd.grad(y, x, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
    assert int(block.denselayer1.norm1.num_batches_tracked) == 1


def bytes_kept(block: nn.Module, x: Tensor) -> int:
    """Bytes that a forward pass keeps for the backward pass, weights left out."""
    weights = {p.untyped_storage().data_ptr() for p in block.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        y = block(x)  # held, so that no storage is used twice
    del y
    return sum(kept.values())


def test_recomputing_keeps_a_memory_that_grows_with_the_layers_and_not_with_their_square() -> None:
    x = torch.rand(2, 16, 8, 8)
    one_map = 2 * 8 * 8 * 4  # bytes
    for layers in (8, 16):
        joined = sum(16 + 8 * i for i in range(layers))  # maps that are read in all
        kept = {make: bytes_kept(make(layers, 16, 8), x) for make in (DenseBlock, RecomputingDenseBlock)}
        bottlenecks = layers * 2 * 32  # before and after the normalisation of the 4k maps
        own = 16 + 8 * (layers - 1)  # the maps themselves, each once
        assert kept[DenseBlock] == pytest.approx((2 * joined + bottlenecks) * one_map, rel=0.1)
        assert kept[RecomputingDenseBlock] == pytest.approx((own + bottlenecks) * one_map, rel=0.1)


def test_recomputing_gives_the_same_without_gradients_and_in_evaluation_mode() -> None:
    plain, saving = small().eval(), small(recompute=True).eval()
    x = images(21).requires_grad_()
    with torch.no_grad():
        assert torch.equal(saving(x), plain(x))
    by_input = [torch.autograd.grad(net(x).sum(), x)[0] for net in (plain, saving)]
    torch.testing.assert_close(by_input[1], by_input[0])


def test_recomputing_under_autocast_gives_the_same_loss_and_statistics() -> None:
    nets = [small(), small(recompute=True)]
    scores = []
    for net in nets:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scores.append(net(images(29)))
        scores[-1].float().sum().backward()
    assert torch.equal(scores[0], scores[1])
    assert all(torch.equal(one, other) for one, other in zip(nets[0].buffers(), nets[1].buffers(), strict=True))
    assert all(p.grad is not None for p in nets[1].parameters())


# What every net must do


@pytest.mark.parametrize("depth", EVERY)
def test_one_training_step_lowers_the_loss(depth: int, assert_learns) -> None:
    torch.manual_seed(0)
    labels = torch.tensor([0, 2])
    assert_learns(EVERY[depth](num_classes=3), images(61), lambda scores: cross_entropy(scores, labels))


@pytest.mark.parametrize("recompute", [False, True])
def test_gradients_agree_with_differences(recompute: bool, assert_gradients_are_right) -> None:
    net = small(recompute=recompute)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(
                module.bias
            )  # a norm reads zeros of the ReLU before it: away from the kink of its own ReLU
    assert_gradients_are_right(net, images(9))


def test_copy_compiled_and_exported_net_give_the_same(assert_travels) -> None:
    assert_travels(small(), images(21))


def test_a_net_that_recomputes_can_be_compiled_for_training() -> None:
    plain, saving = small(), small(recompute=True)
    torch.compiler.reset()
    compiled = torch.compile(saving, backend="aot_eager", fullgraph=True)
    for net in (plain, compiled):
        cross_entropy(net(images(21)), torch.tensor([0, 2])).backward()
    for (name, one), other in zip(plain.named_parameters(), saving.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, rtol=1e-3, atol=1e-5, msg=lambda t, name=name: f"{name}: {t}")
    torch.testing.assert_close(dict(saving.named_buffers()), dict(plain.named_buffers()))


def test_channels_last_stays_channels_last_and_gives_the_same() -> None:
    net, x, kept = small().eval(), images(37), []
    wanted = net(x)
    for layer in net.modules():
        if isinstance(layer, DenseBlock | DenseLayer):
            layer.register_forward_hook(
                lambda _, __, out: kept.append(out.is_contiguous(memory_format=torch.channels_last))
            )
    scores = net.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(scores, wanted, rtol=1e-4, atol=1e-5)
    assert kept == [True] * 7


@pytest.mark.parametrize(
    ("x", "words", "error"),
    [
        (torch.zeros(3, 64, 64), r"got \(3, 64, 64\): .* batch of one", ValueError),
        (torch.zeros(2, 1, 64, 64), r"got \(2, 1, 64, 64\): 1 channel where the first layer reads 3", ValueError),
        (torch.zeros(2, 3, 64, 64, dtype=torch.uint8), "got torch.uint8: convert", TypeError),
    ],
)
def test_bad_input_is_named_before_any_layer_runs(x, words, error, assert_refuses) -> None:
    assert_refuses(small(), x, words, error)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"num_classes": 0}, "num_classes and in_channels are at least 1, got 0 and 3"),
        ({"in_channels": 0}, "num_classes and in_channels are at least 1, got 1000 and 0"),
        ({"layers": ()}, r"each block has at least 1 layer .* got \(\)"),
        ({"layers": (6, 0)}, r"each block has at least 1 layer .* got \(6, 0\)"),
        ({"growth_rate": 0}, r"growth_rate is at least 1, got \(1, 1\) and 0"),
    ],
)
def test_a_net_that_cannot_be_is_refused(arguments, words) -> None:
    with pytest.raises(ValueError, match=words):
        DenseNet(**{"layers": (1, 1)} | arguments)
