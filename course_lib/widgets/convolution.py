"""A kernel that can be moved over a small image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from course_lib.arithmetic import conv_output_size
from course_lib.figures.page import GREY, INK, ORANGE, RUST, VERMILION
from course_lib.widgets.explorer import explore
from course_lib.widgets.light import lighten, write_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["convolution_explorer"]

# The input and the kernel of the lecture, the input inside a larger one, the kernel among others of its kind.
PIXELS = np.array(
    [
        [3, 3, 2, 1, 0, 1, 2, 0],
        [0, 0, 1, 3, 1, 0, 3, 2],
        [3, 1, 2, 2, 3, 1, 0, 1],
        [2, 0, 0, 2, 2, 3, 1, 0],
        [2, 0, 0, 0, 1, 2, 0, 3],
        [1, 3, 0, 2, 0, 1, 1, 2],
        [0, 2, 1, 1, 3, 0, 2, 1],
        [1, 0, 2, 3, 0, 2, 1, 0],
    ]
)
KERNELS = {
    1: np.array([[2]]),
    2: np.array([[1, 2], [0, 1]]),
    3: np.array([[0, 1, 2], [2, 2, 0], [0, 1, 2]]),
    4: np.array([[0, 1, 2, 1], [2, 2, 0, 1], [0, 1, 2, 0], [1, 0, 1, 2]]),
    5: np.array([[0, 1, 2, 1, 0], [2, 2, 0, 1, 1], [0, 1, 2, 0, 2], [1, 0, 1, 2, 0], [1, 1, 0, 2, 1]]),
}


def convolution_explorer() -> None:
    """Move a kernel over a small image: which pixels it covers, what it computes there, how large the output is.

    Examples
    --------
    >>> convolution_explorer()  # doctest: +ELLIPSIS
    A 5 by 5 input...
    """
    explore(
        _draw_convolution,
        alt="A 5 by 5 input of small numbers; the 3 by 3 kernel lies on its upper left corner. The nine products add "
        "up to 12, the first cell of the 3 by 3 output. Below, the formula of the output size: "
        "(5 + 2·0 − 1·(3 − 1) − 1) / 1 + 1 = 3.",
        input_size=(3, 8),
        kernel_size=(1, 5),
        stride=(1, 3),
        padding=(0, 2),
        dilation=(1, 3),
        row=(1, 12),
        column=(1, 12),
    )


def _draw_convolution(
    *,
    input_size: int = 5,
    kernel_size: int = 3,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    row: int = 1,
    column: int = 1,
) -> Figure:
    """Draw input, kernel and output of a small convolution, and how one output cell comes about."""
    output_size = conv_output_size(input_size, kernel_size, stride=stride, padding=padding, dilation=dilation)
    pixels = np.pad(PIXELS[:input_size, :input_size], padding)
    kernel = KERNELS[kernel_size]
    covered = stride * np.arange(output_size)[:, None] + dilation * np.arange(kernel_size)  # (output, kernel)
    output = _cross_correlation(pixels, kernel, covered)
    row, column = min(row, output_size) - 1, min(column, output_size) - 1
    rows, columns = covered[row], covered[column]
    sizes = f"({input_size} + 2·{padding} − {dilation}·({kernel_size} − 1) − 1) / {stride}"
    lines = {
        "output size = ⌊(input + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1": GREY,
        f"output size = ⌊{sizes}⌋ + 1 = {output_size}": INK,
        f"row {row + 1}, column {column + 1} = {_sum_of_products(pixels[np.ix_(rows, columns)], kernel)}": RUST,
    }
    figure = _page(lines)
    (ax,) = figure.axes
    left, top = len(pixels) + 2.0, max(0, len(pixels) - output_size) / 2
    side = _scale_to_fit(left + output_size, max(len(pixels), output_size), ax)
    padded = f", padded to {len(pixels)} × {len(pixels)}" if padding else ""
    _draw_grid(pixels, (0, 0), ax, name=f"input {input_size} × {input_size}{padded}", side=side, border=padding)
    _draw_kernel(kernel, rows, columns, ax, side=side)
    _join(rows, columns, (left + column, top + row), ax)
    _draw_grid(output, (left, top), ax, name=f"output {output_size} × {output_size}", side=side)
    ax.add_patch(Rectangle((left + column, top + row), 1, 1, facecolor=ORANGE, alpha=0.35))
    _frame(left + column, top + row, 1, 1, ax)
    return lighten(figure)


def _cross_correlation(pixels: NDArray[Any], kernel: NDArray[Any], covered: NDArray[Any]) -> NDArray[Any]:
    """Return the sums of products of the kernel with what it covers at each place, (output, output)."""
    windows = pixels[np.ix_(covered.ravel(), covered.ravel())].reshape(*covered.shape, *covered.shape)
    return np.einsum("iajb,ab->ij", windows, kernel)


def _page(lines: dict[str, str]) -> Figure:
    """Return a figure with room for a drawing and, below it, lines of text with their colours."""
    figure = plt.figure(figsize=(7.2, 4.2), layout="none")
    figure.add_axes((0.01, 0.2, 0.98, 0.8)).set_axis_off()
    for number, (line, colour) in enumerate(lines.items()):
        figure.text(0.02, 0.135 - 0.055 * number, line, color=colour)
    return figure


def _scale_to_fit(width: float, height: float, ax: Axes) -> float:
    """Make room for cells of the same size in both grids and return the side of a cell in points."""
    ax.set(xlim=(-0.1, width + 0.1), ylim=(height + 0.1, -0.9), aspect="equal")
    return 72 * min(7.05 / (width + 0.2), 3.35 / (height + 1))


def _draw_grid(
    values: NDArray[Any], corner: tuple[float, float], ax: Axes, *, name: str, side: float, border: int = 0
) -> None:
    """Draw numbers in cells, brighter for more; the border of padding is white with pale numbers."""
    size, (left, top) = len(values), corner
    rows, columns = np.indices(values.shape)
    padding = np.minimum.reduce([rows, columns, size - 1 - rows, size - 1 - columns]) < border
    brightness = np.where(padding, 1.0, 0.74 + 0.26 * values / max(values.max(), 1))
    edges, inner = np.arange(size + 1), size - 2 * border
    ax.pcolormesh(
        left + edges, top + edges, brightness, cmap="gray", vmin=0, vmax=1, edgecolors="#C8C8C8", linewidth=0.6
    )
    ax.add_patch(Rectangle((left + border, top + border), inner, inner, fill=False, linewidth=1.2, edgecolor=INK))
    places = np.stack([left + columns.ravel() + 0.5, top + rows.ravel() + 0.5], axis=-1)
    colours = [GREY if pale else INK for pale in padding.ravel()]
    write_words([str(value) for value in values.ravel()], places, ax, points=min(13, 0.42 * side), colours=colours)
    ax.text(left, top - 0.2, name)


def _draw_kernel(kernel: NDArray[Any], rows: NDArray[Any], columns: NDArray[Any], ax: Axes, *, side: float) -> None:
    """Tint the covered cells, write each weight into its corner, and frame the reach of the kernel."""
    for row in rows:
        ax.broken_barh([(column, 1) for column in columns], (row, 1), facecolor=ORANGE, alpha=0.35)
    places = np.stack(np.meshgrid(columns + 0.76, rows + 0.8), axis=-1).reshape(-1, 2)
    weights = [f"×{weight}" for weight in kernel.ravel()]
    write_words(weights, places, ax, points=min(9, 0.3 * side), colours=[RUST])
    _frame(columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1, ax)


def _frame(left: float, top: float, width: float, height: float, ax: Axes) -> None:
    ax.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=VERMILION, linewidth=2, zorder=4))


def _join(rows: NDArray[Any], columns: NDArray[Any], cell: tuple[float, float], ax: Axes) -> None:
    """Draw two lines from the reach of the kernel to the output cell, below what is drawn later."""
    for start, end in ((rows[0], cell[1]), (rows[-1] + 1, cell[1] + 1)):
        ax.plot([columns[-1] + 1, cell[0]], [start, end], color=VERMILION, linestyle="-", linewidth=0.9, zorder=1)


def _sum_of_products(covered: NDArray[Any], kernel: NDArray[Any]) -> str:
    total = int((covered * kernel).sum())
    if kernel.size > 9:
        return f"sum of {kernel.size} products = {total}"
    return " + ".join(f"{x}·{w}" for x, w in zip(covered.ravel(), kernel.ravel(), strict=True)) + f" = {total}"
