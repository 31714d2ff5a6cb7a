"""Any net as a table: its layers in the order of their calls, with sizes, parameters, operations, receptive fields.

What is counted, and what is not:

- Parameters: all that the model holds, each once, also when two layers share them or nothing called them.
- MACs (multiplications, each with its addition): calls of convolution, transposed convolution and linear layers, for
  the whole batch that was given. A function such as `F.conv2d`, attention or a recurrent layer is not counted (–).
- Receptive field: as long as only convolution, pooling and what treats each position by itself (an activation, batch
  normalisation, a selection of channels) lie between the input and here. Branches may join where all of them are the
  same chain. After a skip connection, a reshape, upsampling or anything global: –.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html import escape
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakTensorKeyDictionary

from course_lib.arithmetic import Layer, conv_macs, receptive_field

__all__ = ["Row", "Summary", "summarize"]

Shape = tuple[int, ...]
Chain = tuple[tuple[Layer, ...], ...]  # of each layer, one Layer for each axis


@dataclass(frozen=True)
class Row:
    """One call of one layer.

    Attributes
    ----------
    name : str
        Where the layer stands in the model (`features.0`), `(model)` for the model itself.
    type : str
        Name of its class.
    output_shape : tuple of int, tuple of tuples of int, or None
        Shape of its output, batch first; one for each tensor if there are several; None if there is none.
    parameters, trainable : int
        Parameters that no row above has counted, and those among them that training changes.
    macs : int or None
        Multiply–accumulates of this call for the whole batch; None where they are not counted.
    receptive_field : tuple of int or None
        Input pixels that one output cell sees, along each axis; None where no plain chain leads here.
    called : bool
        False if the model holds parameters here that this pass did not call as a layer.
    counted_above : bool
        True if it has parameters and rows above have counted all of them.
    """

    name: str
    type: str
    output_shape: Shape | tuple[Shape, ...] | None
    parameters: int
    trainable: int
    macs: int | None
    receptive_field: Shape | None
    called: bool = True
    counted_above: bool = False


@dataclass(frozen=True, repr=False)
class Summary:
    """A net as a table; printed it is text, as the last line of a notebook cell a table of the page.

    Attributes
    ----------
    model : str
        Name of the model's class.
    input_shapes : tuple of tuples of int
        One for each tensor that was given.
    rows : tuple of Row
        In the order of the calls; layers that were not called come last.
    """

    model: str
    input_shapes: tuple[Shape, ...]
    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        """All parameters of the model, each counted once."""
        return sum(row.parameters for row in self.rows)

    @property
    def trainable(self) -> int:
        """Parameters that training changes."""
        return sum(row.trainable for row in self.rows)

    @property
    def macs(self) -> int:
        """Multiply–accumulates of all rows that count them, for the whole batch."""
        return sum(row.macs or 0 for row in self.rows)

    def __str__(self) -> str:
        cells = [_HEADINGS, *(_cells(row) for row in self.rows), self._totals()]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(map(_justify, line, widths, _ALIGNED)).rstrip() for line in cells]
        rule = "─" * (sum(widths) + 2 * len(widths) - 2)
        return "\n".join(
            [self._title(), rule, lines[0], rule, *lines[1:-1], rule, lines[-1], self._trainable(), *_NOTES]
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Give the same table as HTML; colours are those of the page, so that it is readable on light and dark."""
        head = "".join(
            f'<th scope="col" style="text-align: {side}">{text}</th>'
            for side, text in zip(_ALIGNED, _HEADINGS, strict=True)
        )
        body = "\n".join(f"<tr>{_html_cells(_cells(row))}</tr>" for row in self.rows)
        return (
            f'<table>\n<caption style="text-align: left">{escape(self._title())}</caption>\n'
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n"
            f'<tfoot><tr style="border-top: 1px solid">{_html_cells(self._totals())}</tr></tfoot>\n</table>\n'
            f"<p><small>{self._trainable()} {' '.join(_NOTES)}</small></p>"
        )

    def _title(self) -> str:
        return f"{self.model}, input {_shape(self.input_shapes)}"

    def _totals(self) -> list[str]:
        return ["total", "", "", f"{self.parameters:,}", f"{self.macs:,}", ""]

    def _trainable(self) -> str:
        return f"{self.trainable:,} of {self.parameters:,} parameters are trainable."


def summarize(model: nn.Module, *inputs: Any, depth: int | None = None) -> Summary:
    """Run a model once and write down what each layer made of the input.

    The pass runs in evaluation mode and without gradients. Afterwards the model is as it was: modes, buffers, hooks and
    the state of torch's random generators.

    Parameters
    ----------
    model : torch.nn.Module
        Any; containers are folded into their layers.
    *inputs : tensors or whatever the model takes
        An example input on the model's device, such as `torch.zeros(1, 1, 32, 32)`.
    depth : int, optional
        Show whole blocks at this depth as one row (1: the model's direct children); every layer if not given.

    Returns
    -------
    Summary
        Rows and totals. A model without layers has one row or none.

    Raises
    ------
    TypeError
        If the model is not a torch.nn.Module.
    ValueError
        If there is no input, a layer is lazy and does not know its sizes yet, or `depth` is below 1.

    Examples
    --------
    >>> summary = summarize(nn.Sequential(nn.Conv2d(1, 6, 5), nn.AvgPool2d(2)), torch.zeros(1, 1, 32, 32))
    >>> [(row.output_shape, row.parameters, row.macs, row.receptive_field) for row in summary.rows]
    [((1, 6, 28, 28), 156, 117600, (5, 5)), ((1, 6, 14, 14), 0, None, (6, 6))]
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"summarize needs a torch.nn.Module, got {type(model).__name__}")
    if not inputs:
        raise ValueError("summarize needs an example input to follow, such as torch.zeros(1, 1, 32, 32), got none")
    if depth is not None and depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth}")
    for name, parameter in [*model.named_parameters(), *model.named_buffers()]:
        if is_lazy(parameter):
            raise ValueError(f"the size of {name} is not known yet (a lazy layer): run the model once before summarize")
    fields, counts = _Fields(model, inputs), _Counts(model, depth)
    rows: list[Row] = []

    def after_call(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        given = args[0] if args else next(iter(kwargs.values()), None)
        fields.pass_on(module, given, output)
        counts.add_macs(module, given, output)
        if counts.has_row(module):
            rows.append(counts.row(module, output, fields.sizes(output)))

    with _left_as_it_was(model, inputs), ExitStack() as hooks:
        for module in model.modules():
            hooks.callback(module.register_forward_hook(after_call, with_kwargs=True).remove)
        with fields:
            model(*inputs)
    rows += counts.rows_of_the_uncalled()
    return Summary(type(model).__name__, tuple(tuple(tensor.shape) for tensor in _tensors(inputs)), tuple(rows))


# The classes that are counted or followed, with their number of axes.
_CONVOLUTIONS: dict[Any, int] = {nn.Conv1d: 1, nn.Conv2d: 2, nn.Conv3d: 3}
_TRANSPOSED: dict[Any, int] = {nn.ConvTranspose1d: 1, nn.ConvTranspose2d: 2, nn.ConvTranspose3d: 3}
_MAX_POOLS: dict[Any, int] = {nn.MaxPool1d: 1, nn.MaxPool2d: 2, nn.MaxPool3d: 3}
_POOLS: dict[Any, int] = _MAX_POOLS | {nn.AvgPool1d: 1, nn.AvgPool2d: 2, nn.AvgPool3d: 3}
_AXES = _CONVOLUTIONS | _TRANSPOSED | _POOLS

# Functions and methods that make each value from the values at the same place; += is "iadd", relu_ is "relu".
_NAMES = """
    add radd iadd sub rsub isub mul rmul imul div rdiv idiv truediv rtruediv itruediv neg pow square abs exp clamp
    relu relu6 leaky_relu prelu elu selu celu gelu silu mish softplus hardtanh hardswish hardsigmoid sigmoid tanh
    dropout dropout1d dropout2d dropout3d alpha_dropout clone contiguous detach to float double half
"""
_EACH_POSITION = frozenset(_NAMES.split())


class _Counts:
    """Parameters and operations of one model, each counted in the row that its layer belongs to."""

    def __init__(self, model: nn.Module, depth: int | None) -> None:
        self.names = {module: name or "(model)" for name, module in model.named_modules()}
        self.owners = _owners(model, depth)
        self.folded = {owner for module, owner in self.owners.items() if module is not owner}
        self.macs: dict[nn.Module, int] = {}  # of each row, since it was last written
        self.counted: set[int] = set()

    def has_row(self, module: nn.Module) -> bool:
        if self.owners[module] is not module:
            return False
        holds = any(True for _ in self._parameters(module))
        return holds or module in self.folded or module in self.macs or not any(True for _ in module.children())

    def add_macs(self, module: nn.Module, given: Any, output: Any) -> None:
        macs = _macs(module, given, output)
        if macs is not None:
            owner = self.owners[module]
            self.macs[owner] = self.macs.get(owner, 0) + macs

    def row(self, module: nn.Module, output: Any, field: Shape | None, *, called: bool = True) -> Row:
        everything = list(self._parameters(module))
        new = [parameter for parameter in everything if id(parameter) not in self.counted]
        self.counted |= {id(parameter) for parameter in new}
        shapes = tuple(tuple(tensor.shape) for tensor in _tensors(output))
        return Row(
            name=self.names[module],
            type=type(module).__name__,
            output_shape=shapes[0] if len(shapes) == 1 else shapes or None,
            parameters=sum(parameter.numel() for parameter in new),
            trainable=sum(parameter.numel() for parameter in new if parameter.requires_grad),
            macs=self.macs.pop(module, None),
            receptive_field=field,
            called=called,
            counted_above=bool(everything) and not new,
        )

    def rows_of_the_uncalled(self) -> Iterator[Row]:
        """Give what has not been counted yet: layers nothing called, blocks whose layers were called one by one."""
        for module in self.owners:
            uncounted = any(id(parameter) not in self.counted for parameter in self._parameters(module))
            if self.owners[module] is module and (uncounted or module in self.macs):
                yield self.row(module, None, None, called=False)

    def _parameters(self, module: nn.Module) -> Iterator[nn.Parameter]:
        return module.parameters(recurse=module in self.folded)


class _Fields(TorchFunctionMode):
    """Follows the chain of convolutions and pools behind each tensor, and loses it where something else happens."""

    def __init__(self, model: nn.Module, inputs: Sequence[Any]) -> None:
        super().__init__()
        self.chains: Any = WeakTensorKeyDictionary()  # from tensor to chain
        for tensor in _tensors(inputs):
            self.chains[tensor] = ()
        self.held = {id(tensor) for tensor in (*model.parameters(), *model.buffers())}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run a function of torch; what it returns, or writes into its first argument, gets its chain or loses it."""
        result = func(*args, **(kwargs or {}))
        sources = _tensors([*args, *(kwargs or {}).values()])
        written = result if result is not None else sources[0] if sources else None
        if isinstance(written, Tensor):
            activations = [tensor for tensor in sources if id(tensor) not in self.held]
            chains = {self.chains.get(tensor) for tensor in activations}
            chain = chains.pop() if len(chains) == 1 else None
            kept = chain is not None and _keeps_positions(func, args, kwargs or {}, activations, written, chain)
            self._set(written, chain if kept else None)
        return result

    def pass_on(self, module: nn.Module, given: Any, output: Any) -> None:
        """Lengthen the chain at a convolution or a pool; batch normalisation in evaluation mode leaves it as it is."""
        if not (isinstance(given, Tensor) and isinstance(output, Tensor)):
            return
        chain = self.chains.get(given)
        is_batch_norm = type(module).forward is nn.BatchNorm1d.forward  # that of all three classes
        if is_batch_norm and module.running_mean is not None:
            self._set(output, chain)
        layers = _layers(module)
        if layers and chain is not None and all(len(before) == len(layers) for before in chain):
            self._set(output, (*chain, layers))

    def sizes(self, output: Any) -> Shape | None:
        chain = self.chains.get(output) if isinstance(output, Tensor) else None
        return tuple(receptive_field(axis).size for axis in zip(*chain, strict=True)) if chain else None

    def _set(self, tensor: Tensor, chain: Chain | None) -> None:
        if chain is None:
            self.chains.pop(tensor, None)
        else:
            self.chains[tensor] = chain


@contextmanager
def _left_as_it_was(model: nn.Module, inputs: Sequence[Any]) -> Iterator[None]:
    """Put the model into evaluation mode without gradients; afterwards give back modes, buffers and random states."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [
        (module, name, tensor, tensor.clone())
        for module in model.modules()
        for name, tensor in module.named_buffers(recurse=False)
    ]
    devices = {tensor.device for tensor in (*model.parameters(), *_tensors(inputs)) if tensor.is_cuda}
    with torch.no_grad(), torch.random.fork_rng(devices=list(devices)):
        try:
            for module, _ in modes:
                module.training = False  # not .eval(): some models override it
            yield
        finally:
            for module, training in modes:
                module.training = training
            for module, name, tensor, before in buffers:
                if not tensor.is_meta and not torch.equal(tensor, before):
                    tensor.copy_(before)
                setattr(module, name, tensor)


def _owners(model: nn.Module, depth: int | None) -> dict[nn.Module, nn.Module]:
    """Say in whose row each module is counted: its own, or that of the block that is folded at `depth`."""
    owners: dict[nn.Module, nn.Module] = {}

    def walk(module: nn.Module, level: int, block: nn.Module | None) -> None:
        if module in owners:
            return  # a shared module stays with the first that holds it
        owners[module] = block or module
        is_list = isinstance(module, nn.ModuleList | nn.ModuleDict)  # never called, so it cannot have the row
        if level == depth and not is_list:
            block = block or module
        for child in module.children():
            walk(child, level if is_list else level + 1, block)

    walk(model, 0, None)
    return owners


def _kind(module: nn.Module, kinds: Mapping[Any, int]) -> Any:
    """Find the class of the table that a module belongs to, or None."""
    return next((kind for kind in kinds if isinstance(module, kind)), None)


def _macs(module: Any, given: Any, output: Any) -> int | None:
    if isinstance(module, nn.Linear):
        return output.numel() * module.in_features
    kind = _kind(module, _CONVOLUTIONS | _TRANSPOSED)
    if kind is None:
        return None
    places = given if kind in _TRANSPOSED else output  # each weight of a channel is used once at each of them
    size, batch = places.shape[-_AXES[kind] :], prod(places.shape[: -_AXES[kind] - 1])
    return batch * conv_macs(module.in_channels, module.out_channels, module.kernel_size, size, groups=module.groups)


def _layers(module: Any) -> tuple[Layer, ...] | None:
    """Give the numbers of a convolution or a pool of torch, one Layer for each axis; None for anything else."""
    kind = _kind(module, _CONVOLUTIONS | _POOLS)
    if kind is None or type(module).forward is not kind.forward:
        return None  # a class with a forward of its own may do anything
    columns = (module.kernel_size, module.stride, getattr(module, "dilation", 1))
    axes = [column if isinstance(column, tuple) else (column,) * _AXES[kind] for column in columns]
    # Padding moves a field and does not change its size.
    return tuple(Layer(kernel, stride, dilation=dilation) for kernel, stride, dilation in zip(*axes, strict=True))


def _keeps_positions(
    func: Any, args: Any, kwargs: Any, sources: Sequence[Tensor], result: Tensor, chain: Chain
) -> bool:
    name = getattr(func, "__name__", "").strip("_")
    if name in _EACH_POSITION:
        return all(source.shape == result.shape for source in sources)
    if not chain:
        return False
    channels = result.ndim - len(chain[0]) - 1  # the axis before those of the image
    if name in ("cat", "concat", "concatenate"):
        dim = kwargs.get("dim", args[1] if len(args) > 1 else 0)
        return dim in (channels, channels - result.ndim)
    if name == "getitem" and isinstance(args[1], tuple):  # x[:, [0, 2]] selects channels, and nothing moves
        ahead_of_the_image = len(args[1]) <= channels + 1 and not any(index is Ellipsis for index in args[1])
        return ahead_of_the_image and result.ndim == sources[0].ndim
    return False


def _tensors(value: Any) -> list[Tensor]:
    """Find the tensors in nested tuples, lists and dictionaries, in their order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [tensor for item in value for tensor in _tensors(item)] if isinstance(value, list | tuple) else []


_NOTES = (
    "MACs: multiply-accumulates of convolution, transposed convolution and linear layers for the whole batch.",
    "–: not counted; no receptive field where more than a plain chain of convolution and pooling lies before.",
)
_HEADINGS = ["layer", "type", "output shape", "parameters", "MACs", "receptive field"]
_ALIGNED = ["left", "left", "left", "right", "right", "right"]


def _cells(row: Row) -> list[str]:
    field = " × ".join(map(str, row.receptive_field)) if row.receptive_field else "–"
    return [
        row.name,
        row.type,
        _shape(row.output_shape) if row.called else "not called",
        "above" if row.counted_above else f"{row.parameters:,}",
        "–" if row.macs is None else f"{row.macs:,}",
        field,
    ]


def _shape(shape: Any) -> str:
    if shape is None:
        return "–"
    return ", ".join(map(str, shape)) if shape and isinstance(shape[0], tuple) else str(shape)


def _justify(text: str, width: int, side: str) -> str:
    return text.ljust(width) if side == "left" else text.rjust(width)


def _html_cells(texts: Sequence[str]) -> str:
    """Give one row of the table; its first cell is the heading of the row."""
    cells = [f'style="text-align: {side}">{escape(text)}' for side, text in zip(_ALIGNED, texts, strict=True)]
    return f'<th scope="row" {cells[0]}</th>' + "".join(f"<td {cell}</td>" for cell in cells[1:])
