"""Sizes, receptive fields, parameters and operations of layers, with the standard library alone.

Sizes follow V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016 (arXiv 1603.07285),
and agree with `torch.nn`, which also decides what is refused. Receptive fields follow A. Araujo, W. Norris and J. Sim,
"Computing receptive fields of convolutional neural networks", Distill, 2019 (doi 10.23915/distill.00021).

A size is one number for one axis, or a tuple with one number for each axis; the answer has the same form. Beside a
tuple, a single number (`stride=2`) holds for every axis.
"""

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

__all__ = [
    "Layer",
    "ReceptiveField",
    "conv_macs",
    "conv_output_size",
    "conv_parameters",
    "linear_parameters",
    "pool_output_size",
    "receptive_field",
    "transposed_output_size",
]

Size = TypeVar("Size", int, tuple[int, ...])
PerAxis = int | tuple[int, ...]


def conv_output_size(
    input_size: Size,
    kernel_size: PerAxis,
    *,
    stride: PerAxis = 1,
    padding: PerAxis | str = 0,
    dilation: PerAxis = 1,
) -> Size:
    """Count the positions that a convolution's kernel can take: floor((i + 2p − d(k−1) − 1) / s) + 1.

    Parameters
    ----------
    input_size : int or tuple of int
        Cells of the input i, at least 1.
    kernel_size : int or tuple of int
        Weights of the kernel k, at least 1.
    stride : int or tuple of int
        Step between two positions s, at least 1.
    padding : int, tuple of int, "same" or "valid"
        Zeros added on each of the two sides p, at least 0. `"valid"` adds none; `"same"` adds as many as keep the size,
        and needs a stride of 1.
    dilation : int or tuple of int
        Step between two weights of the kernel d, at least 1.

    Returns
    -------
    int or tuple of int
        Cells of the output, at least 1, in the form of `input_size`.

    Raises
    ------
    ValueError
        If a number is too small, the kernel spans more than the padded input, or `"same"` meets a stride.
    TypeError
        If a number is not whole.

    Examples
    --------
    >>> conv_output_size((512, 384), kernel_size=3, stride=2, padding=1)
    (256, 192)
    """
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f'padding needs a whole number, "same" or "valid", got {padding!r}')
        one_axis, padding = (_same_axis if padding == "same" else _conv_axis), 0
    else:
        one_axis = _conv_axis
    axes = _per_axis(input_size=input_size, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    return _in_form_of(input_size, [one_axis(*axis) for axis in axes])


def transposed_output_size(
    input_size: Size,
    kernel_size: PerAxis,
    *,
    stride: PerAxis = 1,
    padding: PerAxis = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
) -> Size:
    """Count the cells that a transposed convolution makes: (i − 1)s − 2p + d(k−1) + output_padding + 1.

    A convolution with a stride brings several sizes to the same one; `output_padding` says to which of them the
    transposed convolution goes back.

    Parameters
    ----------
    input_size : int or tuple of int
        Cells of the input i, at least 1.
    kernel_size : int or tuple of int
        Weights of the kernel k, at least 1.
    stride : int or tuple of int
        Factor of upsampling s, at least 1.
    padding : int or tuple of int
        Cells taken away from each of the two sides p, at least 0.
    output_padding : int or tuple of int
        Cells added on the far side, at least 0 and smaller than the stride or the dilation.
    dilation : int or tuple of int
        Step between two weights of the kernel d, at least 1.

    Returns
    -------
    int or tuple of int
        Cells of the output, at least 1, in the form of `input_size`.

    Raises
    ------
    ValueError
        If a number is too small, `output_padding` is too large, or the padding takes every cell away.
    TypeError
        If a number is not whole.

    Examples
    --------
    >>> [transposed_output_size(14, 3, stride=2, padding=1, output_padding=extra) for extra in (0, 1)]
    [27, 28]
    """
    axes = _per_axis(
        input_size=input_size,
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
    )
    return _in_form_of(input_size, [_transposed_axis(*axis) for axis in axes])


def pool_output_size(
    input_size: Size,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
) -> Size:
    """Count the windows of a pooling layer; with `ceil_mode` a last window may hang over the far edge.

    Such a window must still begin inside the input or its near padding, otherwise it is dropped.

    Parameters
    ----------
    input_size : int or tuple of int
        Cells of the input, at least 1.
    kernel_size : int or tuple of int
        Cells of the window, at least 1.
    stride : int or tuple of int, optional
        Step between two windows, at least 1; the window's own size if not given.
    padding : int or tuple of int
        Cells added on each of the two sides, from 0 to half the window.
    dilation : int or tuple of int
        Step between two cells of the window, at least 1 (torch has it for max pooling only).
    ceil_mode : bool
        Round the count up instead of down.

    Returns
    -------
    int or tuple of int
        Windows, at least 1, in the form of `input_size`.

    Raises
    ------
    ValueError
        If a number is too small, the padding is more than half the window, or no window fits.
    TypeError
        If a number is not whole.

    Examples
    --------
    >>> pool_output_size(32, 3, stride=2), pool_output_size(32, 3, stride=2, ceil_mode=True)
    (15, 16)
    """
    axes = _per_axis(
        input_size=input_size,
        kernel_size=kernel_size,
        stride=kernel_size if stride is None else stride,
        padding=padding,
        dilation=dilation,
    )
    return _in_form_of(input_size, [_pool_axis(*axis, ceil_mode=ceil_mode) for axis in axes])


@dataclass(frozen=True)
class Layer:
    """What a receptive field needs to know of a convolution or a pooling layer, along one axis.

    Parameters
    ----------
    kernel_size, stride, dilation : int
        At least 1.
    padding : int
        Cells added before the first one, at least 0.

    Raises
    ------
    ValueError
        If a number is too small.
    TypeError
        If a number is not whole.

    Examples
    --------
    >>> Layer(kernel_size=3, stride=2)
    Layer(kernel_size=3, stride=2, padding=0, dilation=1)
    """

    kernel_size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            _whole(name, value)


@dataclass(frozen=True)
class ReceptiveField:
    """What one cell of the last layer sees of the input, along one axis.

    Attributes
    ----------
    size : int
        Input pixels from the first to the last one seen, both included.
    jump : int
        Input pixels from one output cell's centre to the next one's.
    start : float
        Centre of the first output cell in input pixels, where 0.0 is the centre of the first pixel; padding moves it
        towards or beyond the edge. Output cell n is centred at `start + n * jump`.
    """

    size: int
    jump: int
    start: float


def receptive_field(layers: Iterable[Layer]) -> ReceptiveField:
    """Follow one output cell back to the input pixels that it can see, through a chain of layers.

    Each layer adds d(k−1) steps of the grid that it reads, and its stride stretches the steps of all layers after it.

    Parameters
    ----------
    layers : iterable of Layer
        From the input to the output.

    Returns
    -------
    ReceptiveField
        Of no layers: one pixel, `ReceptiveField(size=1, jump=1, start=0.0)`.

    Raises
    ------
    TypeError
        If something in `layers` is not a `Layer`.

    References
    ----------
    Araujo, Norris and Sim, Distill, 2019 (there the edges of the field are followed, here its centre).

    Examples
    --------
    >>> receptive_field([Layer(5), Layer(2, stride=2), Layer(5)])
    ReceptiveField(size=14, jump=2, start=6.5)
    """
    size, jump, start = 1, 1, 0.0
    for layer in layers:
        if not isinstance(layer, Layer):
            raise TypeError(f"receptive_field needs Layer(kernel_size, stride, …) for each layer, got {layer!r}")
        reach = layer.dilation * (layer.kernel_size - 1)
        size += reach * jump
        start += (reach / 2 - layer.padding) * jump
        jump *= layer.stride
    return ReceptiveField(size, jump, start)


def conv_parameters(
    in_channels: int,
    out_channels: int,
    kernel_size: PerAxis,
    *,
    groups: int = 1,
    bias: bool = True,
    dims: int = 2,
) -> int:
    """Count the trainable numbers of a convolution: out · (in / groups · kernel + 1 for the bias).

    A transposed convolution has as many weights, and one bias for each output channel too.

    Parameters
    ----------
    in_channels, out_channels : int
        At least 1.
    kernel_size : int or tuple of int
        One number stands for `dims` equal axes, a tuple has its own number of axes.
    groups : int
        Groups that do not see each other; must divide both numbers of channels.
    bias : bool
        One more parameter for each output channel.
    dims : int
        Axes of the kernel where `kernel_size` is one number.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        If a number is too small, or `groups` does not divide the channels.
    TypeError
        If a number is not whole.

    Examples
    --------
    >>> conv_parameters(3, 4, kernel_size=5, bias=False)
    300
    """
    _check_channels(in_channels, out_channels, groups)
    dims = len(kernel_size) if isinstance(kernel_size, tuple | list) else _whole("dims", dims)
    kernel = _spread("kernel_size", kernel_size, dims)
    return out_channels * (in_channels // groups * prod(kernel) + bool(bias))


def conv_macs(
    in_channels: int,
    out_channels: int,
    kernel_size: PerAxis,
    output_size: PerAxis,
    *,
    groups: int = 1,
    dims: int = 2,
) -> int:
    """Count the multiplications (each with its addition) of a convolution on one image; the bias is left out.

    For a transposed convolution exchange the roles: its input size as `output_size`.

    Parameters
    ----------
    in_channels, out_channels : int
        At least 1.
    kernel_size, output_size : int or tuple of int
        One number stands for equal axes: as many as the other tuple has, or `dims` if neither is a tuple.
    groups : int
        Groups that do not see each other; must divide both numbers of channels.
    dims : int
        Axes where neither `kernel_size` nor `output_size` is a tuple.

    Returns
    -------
    int
        Multiply–accumulate operations, at least 1. Floating-point operations are twice as many.

    Raises
    ------
    ValueError
        If a number is too small, `groups` does not divide the channels, or two tuples differ in length.
    TypeError
        If a number is not whole.

    Examples
    --------
    >>> conv_macs(1, 6, kernel_size=5, output_size=(28, 28))
    117600
    """
    _check_channels(in_channels, out_channels, groups)
    for value in (kernel_size, output_size):
        dims = len(value) if isinstance(value, tuple | list) else _whole("dims", dims)
    kernel, output = _spread("kernel_size", kernel_size, dims), _spread("output_size", output_size, dims)
    return out_channels * (in_channels // groups) * prod(kernel) * prod(output)


def linear_parameters(in_features: int, out_features: int, *, bias: bool = True) -> int:
    """Count the trainable numbers of a dense layer: out · (in + 1 for the bias).

    Parameters
    ----------
    in_features, out_features : int
        At least 1.
    bias : bool
        One more parameter for each output.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ValueError
        If a number is too small.
    TypeError
        If a number is not whole.

    Examples
    --------
    >>> linear_parameters(120, 84)
    10164
    """
    return _whole("out_features", out_features) * (_whole("in_features", in_features) + bool(bias))


def _conv_axis(size: int, kernel_size: int, stride: int, padding: int, dilation: int) -> int:
    span, padded = dilation * (kernel_size - 1) + 1, size + 2 * padding
    if span > padded:
        raise ValueError(
            f"the kernel spans {span} cells (kernel_size={kernel_size}, dilation={dilation}) but the padded input has "
            f"{padded} ({size} and {padding} on each side): use a smaller kernel or dilation, or more padding"
        )
    return (padded - span) // stride + 1


def _same_axis(size: int, kernel_size: int, stride: int, padding: int, dilation: int) -> int:
    if stride != 1:
        raise ValueError(f'padding="same" needs stride=1, got stride={stride}: give the padding as a number')
    return size


def _transposed_axis(size: int, kernel_size: int, stride: int, padding: int, output_padding: int, dilation: int) -> int:
    if output_padding >= max(stride, dilation):
        raise ValueError(
            f"output_padding must be smaller than the stride or the dilation, so at most {max(stride, dilation) - 1} "
            f"(stride={stride}, dilation={dilation}), got {output_padding}"
        )
    made = (size - 1) * stride + dilation * (kernel_size - 1) + 1 + output_padding
    if made <= 2 * padding:
        raise ValueError(
            f"padding={padding} takes {2 * padding} cells away but the layer makes only {made}: "
            f"use padding of at most {(made - 1) // 2}"
        )
    return made - 2 * padding


def _pool_axis(size: int, kernel_size: int, stride: int, padding: int, dilation: int, *, ceil_mode: bool) -> int:
    if 2 * padding > kernel_size:
        raise ValueError(
            f"padding of a pool must be at most half of kernel_size={kernel_size}, so at most {kernel_size // 2}, "
            f"got {padding}: a window may not see padding alone"
        )
    span, padded = dilation * (kernel_size - 1) + 1, size + 2 * padding
    windows = (padded - span + (stride - 1 if ceil_mode else 0)) // stride + 1
    if windows < 1:
        raise ValueError(
            f"no window fits: it spans {span} cells (kernel_size={kernel_size}, dilation={dilation}) but the padded "
            f"input has {padded} ({size} and {padding} on each side): use a smaller kernel or dilation"
        )
    begins_outside = (windows - 1) * stride >= size + padding
    return windows - 1 if begins_outside else windows


_LOWEST = {"padding": 0, "output_padding": 0}


def _whole(name: str, value: Any) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} needs a whole number, got {value!r}") from None
    if number < _LOWEST.get(name, 1):
        raise ValueError(f"{name} must be at least {_LOWEST.get(name, 1)}, got {number}")
    return number


def _spread(name: str, value: PerAxis, dims: int) -> tuple[int, ...]:
    """Give every axis its number: one number holds for all of them, a tuple must have one for each."""
    if not isinstance(value, tuple | list):
        return (_whole(name, value),) * dims
    if len(value) != dims or not value:
        raise ValueError(f"{name} needs one number, or one for each axis (axes: {dims}), got {value!r}")
    return tuple(_whole(name, number) for number in value)


def _per_axis(**arguments: PerAxis) -> list[tuple[int, ...]]:
    """Turn arguments, of which one is `input_size`, into a row of whole numbers for each axis, in their order."""
    input_size = arguments["input_size"]
    dims = len(input_size) if isinstance(input_size, tuple | list) else 1
    return list(zip(*(_spread(name, value, dims) for name, value in arguments.items()), strict=True))


def _in_form_of(input_size: Size, sizes: list[int]) -> Size:
    return tuple(sizes) if isinstance(input_size, tuple | list) else sizes[0]


def _check_channels(in_channels: int, out_channels: int, groups: int) -> None:
    for name, value in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
        _whole(name, value)
    if in_channels % groups or out_channels % groups:
        raise ValueError(
            f"groups must divide in_channels and out_channels, got groups={groups} for {in_channels} and {out_channels}"
        )
