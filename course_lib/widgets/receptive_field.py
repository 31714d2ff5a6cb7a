"""A stack of layers that can be made deeper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt

from course_lib.arithmetic import Layer, receptive_field
from course_lib.figures import plot_receptive_field
from course_lib.widgets.explorer import explore
from course_lib.widgets.light import lighten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["receptive_field_explorer"]


def receptive_field_explorer() -> None:
    """Stack equal layers: how many input pixels one cell of the last layer sees.

    Examples
    --------
    >>> receptive_field_explorer()  # doctest: +ELLIPSIS
    Four rows of cells...
    """
    explore(
        _draw_receptive_field,
        alt="Four rows of cells: the input and three layers with kernels of 3. One cell of the last layer depends on "
        "3, then 5, then 7 cells of the rows below it: it sees 7 input pixels. The stack has 27 weights, one kernel of "
        "7 by 7 has 49.",
        layers=(1, 6),
        kernel_size=(2, 7),
        stride=(1, 2),
        dilation=(1, 3),
    )


def _draw_receptive_field(*, layers: int = 3, kernel_size: int = 3, stride: int = 1, dilation: int = 1) -> Figure:
    """Draw the cone of cells below one cell of a stack of equal layers, and what the stack saves."""
    extras = (stride > 1) + (dilation > 1)
    figure = plt.figure(figsize=(7.2, 4.2), layout="none")
    ax = figure.add_axes((0.185 + 0.09 * extras, 0.26, 0.6 - 0.09 * extras, 0.64))
    stack = [Layer(kernel_size, stride=stride, dilation=dilation)] * layers
    plot_receptive_field(stack, ax)
    figure.text(0.02, 0.93, ax.get_title(loc="left"), fontsize=11)
    ax.set_title("", loc="left")
    size = receptive_field(stack).size
    lines = [
        "Weights in two dimensions, for one channel:",
        f"    this stack {layers} × {kernel_size} × {kernel_size} = {layers * kernel_size**2:,}; "
        f"one kernel as wide as the field {size:,} × {size:,} = {size**2:,}",
    ]
    for height, line in zip((0.08, 0.025), lines, strict=True):
        figure.text(0.02, height, line)
    return lighten(figure)
