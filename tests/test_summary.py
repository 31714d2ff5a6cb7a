"""Any net as a table: counts beside torch's own counter, fields beside gradients, and a model that stays as it was."""

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.utils.flop_counter import FlopCounterMode

from course_lib.models.lenet import LeNet5
from course_lib.summary import Row, summarize

IMAGE = torch.zeros(2, 1, 32, 32)


class Forward(nn.Module):
    """Layers by name, and what to do with them: f(layers, *inputs)."""

    def __init__(self, forward: Callable[..., object], **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self._given = forward

    def forward(self, *inputs: object) -> object:
        return self._given(self, *inputs)


def fields(summary_of: nn.Module, *inputs: Tensor) -> list[tuple[int, ...] | None]:
    return [row.receptive_field for row in summarize(summary_of, *inputs).rows]


def test_a_small_net_is_printed_as_an_aligned_table() -> None:
    net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(1176, 10))
    net[0].bias.requires_grad_(False)
    rule = "─" * 70
    assert str(summarize(net, torch.zeros(1, 1, 32, 32))).splitlines()[:-2] == [
        "Sequential, input (1, 1, 32, 32)",
        rule,
        "layer  type       output shape    parameters     MACs  receptive field",
        rule,
        "0      Conv2d     (1, 6, 28, 28)         156  117,600            5 × 5",
        "1      Tanh       (1, 6, 28, 28)           0        –            5 × 5",
        "2      AvgPool2d  (1, 6, 14, 14)           0        –            6 × 6",
        "3      Flatten    (1, 1176)                0        –                –",
        "4      Linear     (1, 10)             11,770   11,760                –",
        rule,
        "total                                 11,926  129,360",
        "11,920 of 11,926 parameters are trainable.",
    ]


def test_lenet_folded_to_its_layers_reads_like_the_table_of_the_paper() -> None:
    rows = [row for row in summarize(LeNet5(), IMAGE[:1], depth=1).rows if row.name != "squash"]
    assert [(row.name, row.parameters, row.receptive_field) for row in rows] == [
        ("c1", 156, (5, 5)),
        ("s2", 12, (6, 6)),
        ("c3", 1_516, (14, 14)),
        ("s4", 32, (16, 16)),
        ("c5", 48_120, (32, 32)),
        ("f6", 10_164, None),
        ("output", 0, None),
    ]
    assert [row.macs for row in rows] == [117_600, None, 240_000, None, 48_000, 10_080, None]  # C3 with its zeros


COUNTED = {
    "grouped": (nn.Sequential(nn.Conv2d(4, 8, 3, groups=2), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8)), (3, 4, 17, 12)),
    "dilated and strided": (nn.Conv2d(2, 5, (3, 4), stride=(2, 1), padding=(3, 0), dilation=(2, 3)), (2, 2, 19, 16)),
    "one axis": (nn.Sequential(nn.Conv1d(3, 4, 5, padding="same"), nn.MaxPool1d(2), nn.Conv1d(4, 2, 3)), (2, 3, 21)),
    "three axes": (nn.Sequential(nn.Conv3d(1, 2, (1, 2, 3)), nn.AvgPool3d(2), nn.Conv3d(2, 3, 2)), (2, 1, 7, 8, 9)),
    "transposed": (
        nn.ConvTranspose2d(6, 4, 3, stride=2, padding=1, output_padding=1, groups=2, dilation=2),
        (2, 6, 7, 5),
    ),
    "transposed, three axes": (nn.ConvTranspose3d(2, 3, (1, 2, 3), stride=(1, 2, 3)), (1, 2, 3, 4, 5)),
    "linear on a sequence": (nn.Sequential(nn.Linear(5, 7), nn.Linear(7, 2, bias=False)), (3, 11, 5)),
    "one image without a batch axis": (nn.Conv2d(1, 2, 3), (1, 9, 8)),
    "LeNet-5": (LeNet5(), (2, 1, 32, 32)),
}


@pytest.mark.parametrize("name", COUNTED)
def test_macs_are_half_of_the_operations_that_torch_counts(name: str) -> None:
    net, shape = COUNTED[name]
    with FlopCounterMode(display=False) as counter:
        net(torch.zeros(shape))
    assert 2 * summarize(net, torch.zeros(shape)).macs == counter.get_total_flops() > 0


@pytest.mark.parametrize("name", COUNTED)
def test_parameters_are_those_of_the_model(name: str) -> None:
    net, shape = COUNTED[name]
    summary = summarize(net, torch.zeros(shape))
    assert summary.parameters == summary.trainable == sum(p.numel() for p in net.parameters())


def test_parameters_held_by_a_layer_that_has_layers_are_counted_in_a_row_of_its_own() -> None:
    net = Forward(lambda self, x: self.scale * self.conv(x), conv=nn.Conv2d(1, 2, 3))
    net.scale = nn.Parameter(torch.ones(2, 1, 1))
    conv, whole = summarize(net, IMAGE).rows
    assert (conv.name, conv.parameters, whole.name, whole.parameters) == ("conv", 20, "(model)", 2)
    assert whole.receptive_field == (3, 3)


def test_a_layer_called_twice_has_two_rows_and_its_parameters_once() -> None:
    net = Forward(lambda self, x: self.conv(self.conv(x)), conv=nn.Conv2d(1, 1, 3))
    summary = summarize(net, IMAGE)
    assert [(row.name, row.parameters, row.counted_above) for row in summary.rows] == [
        ("conv", 10, False),
        ("conv", 0, True),
    ]
    assert summary.parameters == 10
    assert summary.macs == 2 * 9 * (30 * 30 + 28 * 28), "work is done at every call"
    assert "above" in str(summary).splitlines()[5]


def test_weights_shared_by_two_layers_are_counted_once() -> None:
    net = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4))
    net[1].weight = net[0].weight
    summary = summarize(net, torch.zeros(1, 4))
    assert [row.parameters for row in summary.rows] == [16, 4]
    assert [row.counted_above for row in summary.rows] == [False, False]


def test_layers_that_nothing_called_are_listed_and_counted() -> None:
    net = Forward(lambda self, x: self.used(x), used=nn.Conv2d(1, 2, 3), spare=nn.Linear(5, 1), idle=nn.ReLU())
    summary = summarize(net, IMAGE)
    assert summary.rows[1:] == (Row("spare", "Linear", None, 6, 6, None, None, called=False),)
    assert summary.parameters == 26
    assert "not called" in str(summary)


def test_frozen_parameters_are_told_apart() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 1, 3))
    net[0].requires_grad_(False)
    summary = summarize(net, IMAGE)
    assert (summary.parameters, summary.trainable) == (39, 19)


def test_a_layer_with_a_computed_weight_is_counted_whole() -> None:
    net = parametrizations.weight_norm(nn.Conv2d(1, 2, 3, bias=False))
    summary = summarize(net, IMAGE)
    assert summary.parameters == sum(p.numel() for p in net.parameters()) == 20
    assert summary.macs == 2 * 2 * 9 * 900
    assert summary.rows[-1].called


@pytest.mark.parametrize(
    ("depth", "names"),
    [(1, ["stem", "blocks.0", "blocks.1"]), (None, ["stem.0", "stem.1", "blocks.0.0", "blocks.1.0", "blocks.1.1"])],
)
def test_blocks_are_folded_at_the_depth_that_was_asked_for(depth: int | None, names: list[str]) -> None:
    net = Forward(
        lambda self, x: self.blocks[1](self.blocks[0](self.stem(x))),
        stem=nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()),
        blocks=nn.ModuleList(
            [nn.Sequential(nn.Conv2d(4, 4, 3)), nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(4, 2, 1))],
        ),
    )
    summary, whole = summarize(net, IMAGE, depth=depth), summarize(net, IMAGE)
    assert [row.name for row in summary.rows] == names
    assert (summary.parameters, summary.macs) == (whole.parameters, whole.macs)
    assert summary.rows[-1].receptive_field == whole.rows[-1].receptive_field == (6, 6)


def test_a_block_whose_layers_are_called_one_by_one_loses_nothing() -> None:
    net = Forward(lambda self, x: self.block[1](self.block[0](x)), block=nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()))
    (row,) = summarize(net, IMAGE, depth=1).rows
    assert (row.name, row.called, row.parameters, row.macs) == ("block", False, 20, 2 * 18 * 900)


def test_outputs_of_any_form_are_described() -> None:
    def forward(self: nn.Module, x: Tensor) -> object:
        out, (hidden, _) = self.rnn(x)
        return {"all": out, "last": [hidden], "note": "text"}

    net = Forward(forward, rnn=nn.LSTM(3, 4, batch_first=True))
    net.gain = nn.Parameter(torch.ones(()))
    rnn, whole = summarize(net, torch.zeros(2, 7, 3)).rows
    assert rnn.output_shape == ((2, 7, 4), (1, 2, 4), (1, 2, 4))
    assert whole.output_shape == ((2, 7, 4), (1, 2, 4))
    assert rnn.macs is None


def test_a_model_that_returns_no_tensor_has_no_shape() -> None:
    (row,) = summarize(Forward(lambda self, x: "text"), IMAGE).rows
    assert row.output_shape is None
    assert row.called


def test_several_inputs_and_names_are_possible() -> None:
    net = Forward(lambda self, x, scale, note: self.conv(input=x["image"]) * scale, conv=nn.Conv2d(1, 2, 3))
    summary = summarize(net, {"image": IMAGE}, torch.ones(1), "note")
    assert summary.input_shapes == ((2, 1, 32, 32), (1,))
    assert summary.macs == 2 * 18 * 900


def widest_gradient(net: nn.Module, *inputs: Tensor) -> tuple[int, ...]:
    """Extent of the input pixels that the middle output cell depends on, along each axis of the image."""
    image = inputs[0].clone().requires_grad_()
    out = net.eval()(image, *inputs[1:])
    middle = tuple(size // 2 for size in out.shape[2:])
    (gradient,) = torch.autograd.grad(out[(slice(None), slice(None), *middle)].sum(), image)
    seen = gradient.abs().sum(dim=(0, 1)).nonzero()
    return tuple((seen.max(dim=0).values - seen.min(dim=0).values + 1).tolist())


def all_ones(net: nn.Module) -> nn.Module:
    for parameter in net.parameters():
        nn.init.ones_(parameter)
    return net


def swish(self: nn.Module, x: Tensor) -> Tensor:
    x = self.a(x)
    return self.b(x * torch.sigmoid(x / 1e4))


CHAINS: dict[str, nn.Module] = {
    "strides and dilation": nn.Sequential(
        nn.Conv2d(1, 2, (3, 5), padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(2, 1, 3, dilation=(1, 2), stride=2)
    ),
    "same padding and batch norm": nn.Sequential(
        nn.Conv2d(1, 2, (3, 5), padding="same"), nn.BatchNorm2d(2), nn.Dropout(), nn.Conv2d(2, 1, 3, padding="valid")
    ),
    "pool with its own stride": nn.Sequential(nn.Conv2d(1, 1, 3), nn.AvgPool2d(3, stride=1, padding=1), nn.Identity()),
    "functions between layers": Forward(
        lambda self, x: self.b(F.relu(self.a(2 * x - 1) + 1, inplace=True)), a=nn.Conv2d(1, 2, 5), b=nn.Conv2d(2, 1, 2)
    ),
    "a gate made of the same chain": Forward(swish, a=nn.Conv2d(1, 2, 3), b=nn.Conv2d(2, 1, 3)),
    "branches that are the same chain": Forward(
        lambda self, x: self.c(torch.cat([self.a(x)[:, [0, 1]], self.b(x)[:, 1:]], dim=1)),
        a=nn.Conv2d(1, 2, 3),
        b=nn.Conv2d(1, 2, 3),
        c=nn.Conv2d(3, 1, 3),
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_the_receptive_field_is_what_gradients_show(name: str) -> None:
    net = all_ones(CHAINS[name])
    image = torch.ones(1, 1, 40, 41)
    assert fields(net, image)[-1] == widest_gradient(net, image)


def test_one_and_three_axes_have_fields_too() -> None:
    assert fields(nn.Sequential(nn.Conv1d(1, 1, 3, stride=2), nn.MaxPool1d(3)), torch.zeros(1, 1, 40)) == [(3,), (7,)]
    assert fields(nn.Conv3d(1, 1, (1, 2, 3)), torch.zeros(1, 1, 5, 5, 5)) == [(1, 2, 3)]


def skip(self: nn.Module, x: Tensor) -> Tensor:
    return self.a(x) + x


def skip_in_place(self: nn.Module, x: Tensor) -> Tensor:
    out = self.a(x)
    out += x
    return out


def written_over(self: nn.Module, x: Tensor) -> Tensor:
    out = self.a(x)
    out[..., :4, :4] = x[..., -4:, -4:]
    return out


LOST: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {
    "skip connection": skip,
    "skip connection in place": skip_in_place,
    "written over": written_over,
    "weighed by a global mean": lambda self, x: self.a(x) * x.mean(dim=(2, 3), keepdim=True),
    "flipped": lambda self, x: self.a(x).flip(3),
    "moved by an index": lambda self, x: self.a(x)[..., list(range(39, -1, -1))],
    "moved by a tensor": lambda self, x: self.a(x)[:, :, torch.arange(39, -1, -1)],
    "cropped": lambda self, x: self.a(x)[:, :, :30],
    "joined along the image": lambda self, x: torch.cat([self.a(x), self.a(x)], dim=3),
    "functional convolution": lambda self, x: F.conv2d(self.a(x), self.a.weight),
    "normalised over the image": lambda self, x: F.group_norm(self.a(x), 1),
    "upsampled": lambda self, x: F.interpolate(self.a(x), scale_factor=2),
    "reshaped": lambda self, x: self.a(x).reshape(1, 1, 20, 80),
    "through numpy": lambda self, x: torch.from_numpy(self.a(x).numpy()[:, :, ::-1].copy()),
}


@pytest.mark.parametrize("name", LOST)
def test_no_field_is_claimed_where_more_than_a_plain_chain_lies_before(name: str) -> None:
    net = Forward(LOST[name], a=nn.Conv2d(1, 1, 3, padding=1), last=nn.Conv2d(1, 1, 3))
    inner, net._given = net._given, lambda self, x: self.last(inner(self, x))
    rows = summarize(net, torch.ones(1, 1, 40, 40)).rows
    assert next(row for row in rows if row.name == "a").receptive_field == (3, 3)
    assert next(row for row in rows if row.name == "last").receptive_field is None


def test_no_field_is_claimed_where_an_image_grows_by_broadcasting() -> None:
    net = Forward(lambda self, x: self.wide(x) * self.column, wide=nn.Conv2d(1, 1, (32, 1)))
    net.column = nn.Parameter(torch.ones(8, 1))
    assert fields(net, IMAGE) == [(32, 1), None]


class PaddedInside(nn.Conv2d):
    """Says padding=0 and pads all the same."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, (2, 2, 2, 2)))


class UsesTheBatch(nn.BatchNorm2d):
    """Normalises over the image also in evaluation."""

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, None, None, training=True)


@pytest.mark.parametrize(
    "layer",
    [
        PaddedInside(1, 1, 3),
        UsesTheBatch(1),
        nn.BatchNorm2d(1, track_running_stats=False),
        nn.InstanceNorm2d(1),
        nn.AdaptiveAvgPool2d(4),
        nn.ConvTranspose2d(1, 1, 2),
        nn.Softmax(dim=3),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_no_field_is_claimed_behind_a_layer_of_another_kind(layer: nn.Module) -> None:
    assert fields(nn.Sequential(nn.Conv2d(1, 1, 3), layer, nn.Conv2d(1, 1, 3)), IMAGE) == [(3, 3), None, None]


class Counter(nn.Module):
    """Changes one buffer in place, puts another in the place of the second, and draws random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("last", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.last = x.mean().reshape(1)
        return F.dropout(x, training=True)


def test_the_model_is_left_as_it_was() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), Counter(), nn.Dropout())
    net.train()
    net[1].eval()
    modes, buffers = [module.training for module in net.modules()], dict(net.named_buffers())
    before = {name: value.clone() for name, value in net.state_dict().items()}
    random_state = torch.get_rng_state()
    summarize(net, torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert [module.training for module in net.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(value is buffers[name] for name, value in net.named_buffers())
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(parameter.grad is None and parameter.requires_grad for parameter in net.parameters())
    assert not any(module._forward_hooks for module in net.modules())
    assert torch.is_grad_enabled()


def test_a_model_in_training_mode_takes_a_batch_of_one() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 32), nn.BatchNorm2d(2)).train()
    assert summarize(net, IMAGE[:1]).rows[-1].output_shape == (1, 2, 1, 1)
    assert net[1].num_batches_tracked == 0


def test_an_error_inside_the_model_comes_through_and_leaves_it_as_it_was() -> None:
    net = nn.Sequential(nn.BatchNorm2d(1), Counter(), nn.Linear(7, 1)).train()
    random_state = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        summarize(net, IMAGE)
    assert all(module.training and not module._forward_hooks for module in net.modules())
    assert net[1].calls == 0
    assert torch.equal(torch.get_rng_state(), random_state)


def test_a_model_on_the_meta_device_needs_no_memory() -> None:
    with torch.device("meta"):
        net = nn.Sequential(nn.Conv2d(3, 50_000, 3), nn.BatchNorm2d(50_000), nn.Conv2d(50_000, 50_000, 3))
    summary = summarize(net, torch.zeros(1, 3, 512, 512, device="meta"))
    assert summary.parameters == sum(p.numel() for p in net.parameters()) > 20e9
    assert summary.rows[-1].receptive_field == (5, 5)


class Reader(HTMLParser):
    """Collects rows of cells as (tag, scope, text), and the tags that were opened."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.rows: list[list[list[str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append([tag, dict(attrs).get("scope"), ""])

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1] and data.strip():
            self.rows[-1][-1][2] += data


def test_the_page_holds_the_same_table_with_a_caption_and_headings() -> None:
    summary = summarize(LeNet5(), IMAGE[:1])
    html = summary._repr_html_()
    reader = Reader(html)
    assert "<caption" in html
    assert "LeNet5, input (1, 1, 32, 32)</caption>" in html
    assert [cell[:2] for cell in reader.rows[0]] == [["th", "col"]] * 6
    assert all([cell[:2] for cell in row] == [["th", "row"]] + [["td", None]] * 5 for row in reader.rows[1:])
    assert len(reader.rows) == 1 + len(summary.rows) + 1
    assert [cell[2] for cell in reader.rows[1]] == ["c1", "Conv2d", "(1, 6, 28, 28)", "156", "117,600", "5 × 5"]
    assert reader.rows[-1][3][2] == "60,000"
    assert "color" not in html, "colours are those of the page, light or dark"


def test_names_are_escaped_on_the_page() -> None:
    net = type("<script>", (nn.Sequential,), {})()
    net.add_module("<b>", type("<i>", (nn.ReLU,), {})())
    html = summarize(net, IMAGE)._repr_html_()
    assert {"script", "b", "i"}.isdisjoint(Reader(html).tags)
    assert "&lt;script&gt;" in html
    assert "&lt;b&gt;" in html
    assert "&lt;i&gt;" in html


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: summarize(torch.relu, IMAGE), TypeError, "needs a torch.nn.Module, got builtin_function_or_method"),
        (lambda: summarize(nn.ReLU), TypeError, "needs a torch.nn.Module, got type"),
        (lambda: summarize(nn.ReLU()), ValueError, r"needs an example input .* such as torch.zeros\(1, 1, 32, 32\)"),
        (lambda: summarize(nn.ReLU(), IMAGE, depth=0), ValueError, "depth must be at least 1, got 0"),
        (
            lambda: summarize(nn.LazyLinear(3), IMAGE),
            ValueError,
            "size of weight is not known yet .* run the model once",
        ),
    ],
)
def test_what_cannot_be_summarized_is_refused_with_the_reason(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
