"""GoogLeNet against table 1 of the paper and against the published weights, layer by layer; the loss of its heads."""

import functools
import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.arithmetic import conv_macs
from course_lib.models.googlenet import (
    GOOGLENET_TABLE,
    AuxiliaryHead,
    ConvBatchNorm,
    ConvReLU,
    InceptionModule,
    auxiliary_cross_entropy,
    googlenet,
    googlenet_paper,
)
from course_lib.summary import summarize
from course_lib.training import fit, predict

BOTH = pytest.mark.parametrize("make", [googlenet_paper, googlenet])

# What comes out of each layer, and its parameters: in the paper's form, in the published one.
LAYERS = {
    "conv1": ((64, 112, 112), 9_472, 9_536),
    "maxpool1": ((64, 56, 56), 0, 0),
    "norm1": ((64, 56, 56), 0, 0),
    "conv2": ((64, 56, 56), 4_160, 4_224),
    "conv3": ((192, 56, 56), 110_784, 110_976),
    "norm2": ((192, 56, 56), 0, 0),
    "maxpool2": ((192, 28, 28), 0, 0),
    "inception3a": ((256, 28, 28), 163_696, 155_872),
    "inception3b": ((480, 28, 28), 388_736, 340_224),
    "maxpool3": ((480, 14, 14), 0, 0),
    "inception4a": ((512, 14, 14), 376_176, 364_512),
    "inception4b": ((512, 14, 14), 449_160, 425_232),
    "inception4c": ((512, 14, 14), 510_104, 486_192),
    "inception4d": ((528, 14, 14), 605_376, 573_312),
    "inception4e": ((832, 14, 14), 868_352, 803_840),
    "maxpool4": ((832, 7, 7), 0, 0),
    "inception5a": ((832, 7, 7), 1_043_456, 978_944),
    "inception5b": ((1024, 7, 7), 1_444_080, 1_347_040),
    "avgpool": ((1024, 1, 1), 0, 0),
    "dropout": ((1024,), 0, 0),
    "fc": ((1000,), 1_025_000, 1_025_000),
}

# The column "ops" of table 1 in millions. Its numbers for the first layer (34) and for 5a (54) do not follow from the
# widths beside them (118 and 51), and are left out.
OPS = {"3a": 128, "3b": 304, "4a": 73, "4b": 88, "4c": 100, "4d": 119, "4e": 170, "5b": 71}


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


@pytest.fixture
def images() -> Tensor:
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


# The nets


@pytest.mark.parametrize(
    ("make", "without_heads", "with_heads"),
    [(googlenet_paper, 6_998_552, 13_378_280), (googlenet, 6_624_904, 13_004_888)],
)
def test_parameters_with_and_without_heads(make, without_heads, with_heads) -> None:
    with torch.device("meta"):
        assert count(make(aux=False)) == without_heads
        assert count(make()) == with_heads


@BOTH
def test_each_layer_has_its_shape_its_parameters_and_its_place(make) -> None:
    with torch.device("meta"):
        rows = summarize(make(aux=False), torch.zeros(1, 3, 224, 224), depth=1).rows
    column = 1 if make is googlenet_paper else 2
    expected = [(name, (1, *row[0]), row[column]) for name, row in LAYERS.items()]
    assert [(row.name, row.output_shape, row.parameters) for row in rows] == expected


def test_the_modules_take_the_operations_that_the_paper_prints() -> None:
    with torch.device("meta"):
        rows = summarize(googlenet_paper(aux=False), torch.zeros(1, 3, 224, 224), depth=1).rows
    macs = {row.name.removeprefix("inception"): row.macs for row in rows if row.macs}
    assert {name: macs[name] / 1e6 for name in OPS} == pytest.approx(OPS, abs=0.7)
    assert (macs["conv2"] + macs["conv3"]) / 1e6 == pytest.approx(360, abs=0.7)


def test_macs_of_the_whole_nets(count_macs) -> None:
    assert count_macs(googlenet, (1, 3, 224, 224)) == 1_498_376_192
    assert count_macs(googlenet_paper, (1, 3, 224, 224)) == 1_582_671_872


def test_a_1x1_convolution_first_saves_95_of_100_multiplications_of_the_5x5_branch_of_4a() -> None:
    assert conv_macs(480, 48, 5, 14) == 112_896_000
    with torch.device("meta"):
        rows = summarize(googlenet_paper().inception4a, torch.zeros(1, 480, 14, 14)).rows
    branch = [row.macs for row in rows if row.name.startswith("branch3") and row.macs]
    assert branch == [1_505_280, 3_763_200]
    assert sum(branch) == 5_268_480


@BOTH
def test_22_layers_lie_between_image_and_scores(make, images) -> None:
    class Counts(nn.Module):
        """Stands in for a layer: the same shape, and one more than the largest number that came in."""

        def __init__(self, layer: nn.Module) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor) -> Tensor:
            return torch.zeros_like(self.layer(x)) + x.max() + 1

    net = make(aux=False).eval()
    net.norm1 = net.norm2 = nn.Identity()
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, ConvReLU | ConvBatchNorm | nn.Linear):
                setattr(parent, name, Counts(child))
    with torch.no_grad():
        assert net(torch.zeros_like(images)).max() == 22


def test_the_paper_has_5x5_kernels_and_biases_and_no_batch_norm() -> None:
    with torch.device("meta"):
        net = googlenet_paper()
    kernels = {name: m.kernel_size for name, m in net.named_modules() if isinstance(m, nn.Conv2d)}
    assert {kernels[f"inception{name}.branch3.1.conv"] for name in GOOGLENET_TABLE} == {(5, 5)}
    assert all(m.bias is not None for m in net.modules() if isinstance(m, nn.Conv2d))
    assert not [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    assert isinstance(net.norm1, nn.LocalResponseNorm)
    assert isinstance(net.norm2, nn.LocalResponseNorm)


def test_the_published_form_has_3x3_kernels_and_batch_norm_and_no_biases() -> None:
    with torch.device("meta"):
        net = googlenet()
    kernels = {name: m.kernel_size for name, m in net.named_modules() if isinstance(m, nn.Conv2d)}
    assert {kernels[f"inception{name}.branch3.1.conv"] for name in GOOGLENET_TABLE} == {(3, 3)}
    assert all(m.bias is None for m in net.modules() if isinstance(m, nn.Conv2d))
    assert {m.eps for m in net.modules() if isinstance(m, nn.BatchNorm2d)} == {0.001}
    assert not [m for m in net.modules() if isinstance(m, nn.LocalResponseNorm)]


def test_normalisation_stands_behind_the_first_pooling_and_before_the_second() -> None:
    with torch.device("meta"):
        net, ran = googlenet_paper(), []
        for name, layer in net.named_children():
            layer.register_forward_hook(lambda *_, name=name: ran.append(name))
        net.eval()(torch.zeros(1, 3, 224, 224))
    assert ran[:8] == ["conv1", "maxpool1", "norm1", "conv2", "conv3", "norm2", "maxpool2", "inception3a"]


def test_a_module_is_its_four_branches_side_by_side() -> None:
    torch.manual_seed(0)
    module, x = InceptionModule(5, (1, 2, 3, 4, 6, 7), conv=ConvReLU), torch.rand(2, 5, 8, 9)
    parts = module(x).split([1, 3, 6, 7], dim=1)
    assert torch.equal(parts[0], F.relu(module.branch1.conv(x)))
    assert torch.equal(parts[2], module.branch3[1](module.branch3[0](x)))
    assert torch.equal(parts[3], module.branch4[1](F.max_pool2d(x, 3, stride=1, padding=1)))


def test_the_heads_of_the_paper_pool_14x14_by_windows_of_5_every_3() -> None:
    maps = torch.rand(2, 512, 14, 14)
    with torch.device("meta"):
        net = googlenet_paper()
    assert torch.equal(net.aux1.pool(maps), F.avg_pool2d(maps, kernel_size=5, stride=3))
    assert net.aux1.pool(maps).shape == (2, 512, 4, 4)


@pytest.mark.parametrize(
    ("make", "last", "heads"), [(googlenet_paper, 0.4, 0.7), (googlenet, 0.2, 0.7)], ids=["paper", "published"]
)
def test_dropout_is_that_of_the_form(make, last, heads) -> None:
    with torch.device("meta"):
        net, other = make(), make(dropout=0.1, dropout_aux=0.2)
    assert (net.dropout.p, net.aux1.dropout.p, net.aux2.dropout.p) == (last, heads, heads)
    assert (other.dropout.p, other.aux1.dropout.p, other.aux2.dropout.p) == (0.1, 0.2, 0.2)


@BOTH
def test_first_weights_are_those_of_he(make) -> None:
    torch.manual_seed(0)
    net = make(num_classes=2)
    for layer in (net.conv1.conv, net.inception4e.branch2[1].conv, net.aux2.conv.conv):
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / layer.weight[0].numel()), rel=0.05)
        assert layer.bias is None or not layer.bias.any()


# What goes in and what comes out


@BOTH
def test_training_names_the_scores_of_net_and_heads_and_evaluation_gives_a_tensor(make) -> None:
    net, x = make(num_classes=5), torch.rand(2, 3, 79, 79)
    outputs = net.train()(x)
    assert {name: tuple(scores.shape) for name, scores in outputs.items()} == dict.fromkeys(
        ["scores", "aux1", "aux2"], (2, 5)
    )
    with torch.no_grad():
        assert net.eval()(x).shape == (2, 5)
        without = make(num_classes=5, aux=False)
        assert without.train()(x).shape == (2, 5)
    assert not [name for name in without.state_dict() if name.startswith("aux")]


@pytest.mark.parametrize(
    ("make", "training", "aux", "smallest"),
    [
        (googlenet_paper, False, True, 31),
        (googlenet_paper, True, False, 31),
        (googlenet_paper, True, True, 79),
        (googlenet, False, True, 15),
        (googlenet, True, True, 15),
    ],
)
def test_the_smallest_input_passes_and_a_smaller_one_is_refused(make, training, aux, smallest, assert_refuses) -> None:
    with torch.device("meta"):
        net = make(aux=aux).train(training)
        net(torch.zeros(2, 3, smallest, smallest))
        x = torch.zeros(2, 3, smallest, smallest - 1)
        assert_refuses(net, x, rf"at least {smallest} pixels along H, W, got .* too small")
        net.min_size = net.min_size_with_heads = 1
        with pytest.raises(RuntimeError, match=r"(?i)output size"):  # and rightly so: a layer has nothing to give
            net(x)


def test_other_sizes_than_those_of_the_paper_pass() -> None:
    with torch.device("meta"):
        for make in (googlenet_paper, googlenet):
            assert make().train()(torch.zeros(2, 3, 299, 512))["aux2"].shape == (2, 1000)


@BOTH
def test_bad_input_is_named_before_any_layer_runs(make, assert_refuses) -> None:
    with torch.device("meta"):
        net = make(in_channels=1).eval()
        assert_refuses(net, torch.zeros(1, 3, 224, 224), "3 channels where the first layer reads 1")
        assert_refuses(net, torch.zeros(1, 224, 224), r"a single one becomes a batch of one by x\[None\]")
        assert_refuses(net, torch.zeros(1, 1, 224, 224, dtype=torch.uint8), "got torch.uint8", TypeError)


@BOTH
@pytest.mark.parametrize("arguments", [{"num_classes": 0}, {"in_channels": 0}])
def test_there_is_at_least_one_class_and_one_channel(make, arguments) -> None:
    with pytest.raises(ValueError, match="num_classes and in_channels are at least 1, got"):
        make(**arguments)


def test_an_empty_batch_gives_an_empty_answer(images) -> None:
    for make in (googlenet_paper, googlenet):
        assert make(num_classes=3).eval()(images[:0]).shape == (0, 3)


# Learning and travelling


@pytest.mark.parametrize(("make", "size"), [(googlenet_paper, 79), (googlenet, 64)], ids=["paper", "published"])
def test_one_training_step_lowers_the_loss(make, size, assert_learns) -> None:
    torch.manual_seed(0)
    net, labels = make(num_classes=3), torch.tensor([0, 2])
    assert_learns(net, torch.rand(2, 3, size, size), lambda outputs: auxiliary_cross_entropy(outputs, labels))


@pytest.mark.parametrize("conv", [ConvReLU, ConvBatchNorm])
def test_gradients_of_the_parts_agree_with_differences(conv, assert_gradients_are_right) -> None:
    torch.manual_seed(0)
    module = InceptionModule(3, (1, 2, 3, 2, 2, 1), conv=conv)
    head = AuxiliaryHead(3, 2, conv=conv, pool=nn.AvgPool2d(5, stride=3), dropout=0.7)
    for name, parameter in (*module.named_parameters(), *head.named_parameters()):
        if name.endswith("bias"):  # at 0, the kink of ReLU, there is no slope to compare with
            nn.init.uniform_(parameter, 0.1, 0.2)
    assert_gradients_are_right(module, torch.rand(2, 3, 5, 5))
    assert_gradients_are_right(head, torch.rand(2, 3, 14, 14))


@pytest.fixture
def short_net() -> nn.Module:
    """GoogLeNet with 4a and 5a only: the other seven modules are a convolution each."""
    torch.manual_seed(0)
    net, channels = googlenet(num_classes=3), 192
    for name, widths in GOOGLENET_TABLE.items():
        out = widths[0] + widths[2] + widths[4] + widths[5]
        if name not in ("4a", "5a"):
            setattr(net, f"inception{name}", ConvBatchNorm(channels, out, kernel_size=1))
        channels = out
    return net


def test_copies_compiled_and_exported_nets_give_the_same(short_net, images, assert_travels) -> None:
    assert_travels(short_net, images[:1])


@BOTH
def test_channels_last_stays_channels_last_and_gives_the_same(make, images) -> None:
    torch.manual_seed(0)
    net = make(num_classes=3).eval()
    with torch.no_grad():
        wanted = net(images)
        net.to(memory_format=torch.channels_last)
        seen = []
        for block in (net.conv3, net.inception3b, net.inception5b):
            block.register_forward_hook(
                lambda _, __, out: seen.append(out.is_contiguous(memory_format=torch.channels_last))
            )
        assert torch.allclose(net(images.to(memory_format=torch.channels_last)), wanted, rtol=1e-4, atol=1e-5)
    assert seen == [True, True, True]


# The loss of nets with heads


def test_the_loss_of_heads_worked_by_hand() -> None:
    labels = torch.tensor([0, 1])
    outputs = {
        "scores": torch.tensor([[0.0, 0.0], [0.0, 0.0]]),
        "aux1": torch.tensor([[math.log(3), 0.0], [0.0, 0.0]]),
        "aux2": torch.tensor([[0.0, math.log(3)], [0.0, 0.0]]),
    }
    half, quarter, three_quarters = math.log(2), math.log(4), math.log(4 / 3)
    aux1, aux2 = (three_quarters + half) / 2, (quarter + half) / 2
    assert auxiliary_cross_entropy(outputs, labels).item() == pytest.approx(half + 0.3 * (aux1 + aux2), rel=1e-6)
    assert auxiliary_cross_entropy(outputs, labels, weight=0).item() == pytest.approx(half, rel=1e-6)
    del outputs["aux2"]
    assert auxiliary_cross_entropy(outputs, labels, weight=0.4).item() == pytest.approx(half + 0.4 * aux1, rel=1e-6)


def test_the_loss_of_a_tensor_is_cross_entropy() -> None:
    scores, labels = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 4
    assert torch.equal(auxiliary_cross_entropy(scores, labels), F.cross_entropy(scores, labels))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5, 1.0])
def test_label_smoothing_is_its_formula(smoothing) -> None:
    scores, labels = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 4
    target = (1 - smoothing) * F.one_hot(labels, 4) + smoothing / 4
    by_hand = -(target * scores.log_softmax(dim=1)).sum(dim=1).mean()
    assert torch.allclose(auxiliary_cross_entropy(scores, labels, label_smoothing=smoothing), by_hand)
    with_head = auxiliary_cross_entropy({"scores": scores, "aux1": scores}, labels, label_smoothing=smoothing)
    assert torch.allclose(with_head, 1.3 * by_hand)


def test_with_label_smoothing_the_loss_is_lowest_at_a_probability_below_1() -> None:
    def slope(probability: float) -> float:
        scores = torch.tensor([[probability, (1 - probability) / 2, (1 - probability) / 2]]).log().requires_grad_()
        auxiliary_cross_entropy(scores, torch.tensor([0]), label_smoothing=0.1).backward()
        return scores.grad[0, 0].item()

    assert slope(0.9 + 0.1 / 3) == pytest.approx(0, abs=1e-6)
    assert slope(0.99) > 0 > slope(0.9)


def test_the_loss_of_an_empty_batch_is_nan() -> None:
    assert auxiliary_cross_entropy(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)).isnan()


@pytest.mark.parametrize(
    "arguments", [{"weight": -0.1}, {"weight": math.nan}, {"label_smoothing": -0.1}, {"label_smoothing": 1.1}]
)
def test_weight_and_label_smoothing_are_in_range(arguments) -> None:
    with pytest.raises(ValueError, match="weight is at least 0 and label_smoothing from 0 to 1, got weight="):
        auxiliary_cross_entropy(torch.zeros(1, 3), torch.tensor([0]), **arguments)


@pytest.mark.parametrize(
    ("outputs", "came"),
    [({"logits": torch.zeros(1, 3)}, r"a dict of \['logits'\]"), ((torch.zeros(1, 3),), "tuple"), (None, "NoneType")],
)
def test_outputs_without_scores_are_named(outputs, came) -> None:
    with pytest.raises(ValueError, match=rf"a dict with 'scores' and auxiliary heads, got {came}"):
        auxiliary_cross_entropy(outputs, torch.tensor([0]))


class Small(nn.Module):
    """What GoogLeNet returns, from two dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.main, self.aux = nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor | dict[str, Tensor]:
        return {"scores": self.main(x), "aux1": self.aux(x)} if self.training else self.main(x)


def test_fit_trains_a_net_with_heads_and_validates_it_without_them() -> None:
    torch.manual_seed(0)
    net, batch = Small(), (torch.eye(2), torch.tensor([0, 1]))
    loss = functools.partial(auxiliary_cross_entropy, label_smoothing=0.1)
    history = fit(net, [batch], [batch], epochs=5, learning_rate=0.1, loss_function=loss, device="cpu", progress=False)
    assert history.train_loss[-1] < history.train_loss[0]
    assert history.val_loss[-1] < history.val_loss[0]
    assert 0 <= history.val_accuracy[-1] <= 1
    assert predict(net, [batch], device="cpu").scores.shape == (2, 2)
