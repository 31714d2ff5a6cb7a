"""What one cell of a deep layer sees of the input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import Polygon

from course_lib.arithmetic import Layer, receptive_field
from course_lib.figures.page import BLUE, INK, ORANGE, PALE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["plot_receptive_field"]

CELLS_DRAWN = 72  # a wider receptive field is drawn as bars: its cells would be too small to see


def plot_receptive_field(layers: Sequence[Layer], ax: Axes) -> Axes:
    """Draw, along one axis, which cells of each layer one cell of the last layer depends on, down to the input.

    Parameters
    ----------
    layers : sequence of Layer
        From the input up, at least one.
    ax : matplotlib Axes
        Where to draw: the input below, the last layer above.

    Returns
    -------
    matplotlib Axes
        The same `ax`; x counts the input pixels that are seen, from 1.

    Raises
    ------
    ValueError
        If there is no layer.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_receptive_field([Layer(3), Layer(3)], Figure().add_subplot())
    >>> ax.get_title(loc="left")
    'One cell after 2 layers sees 5 input pixels'
    """
    if not layers:
        raise ValueError("layers needs at least one Layer to draw a receptive field, got none")
    fields = [receptive_field(layers[:depth]) for depth in range(1, len(layers) + 1)]
    size = fields[-1].size
    jumps = [1, *(field.jump for field in fields)]
    centres = _cells_seen(layers, jumps)
    shift = 1 - centres[0].min()
    for depth, seen in enumerate(centres):
        face, edge = (ORANGE, VERMILION) if depth == len(layers) else (SKY, BLUE)
        _draw_cells(seen + shift, jumps[depth], depth, size, ax, facecolor=face, edgecolor=edge)
    for depth in range(1, len(centres)):
        _draw_cone(centres[depth] + shift, jumps[depth], centres[depth - 1] + shift, jumps[depth - 1], depth, ax)
    for depth, field in enumerate(fields, start=1):
        note = f"each sees {field.size:,} pixel{'s' * (field.size != 1)}"
        ax.text(1.015, depth, note, transform=ax.get_yaxis_transform(), va="center", color=INK, fontsize=9)
    ax.set_yticks(range(len(centres)), ["input", *(_layer_name(i, layer) for i, layer in enumerate(layers, start=1))])
    ax.set_xticks(sorted({1, size}), [f"{pixel:,}" for pixel in sorted({1, size})])
    ax.set_xlim(0.5 - _margin(size), size + 0.5 + _margin(size))
    ax.set_ylim(-0.6, len(layers) + 0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("input pixel")
    ax.set_title(_title(len(layers), size, used=len(centres[0])), loc="left")
    return ax


def _cells_seen(layers: Sequence[Layer], jumps: Sequence[int]) -> list[NDArray[np.float64]]:
    """Centres (in input pixels) of the cells that one last cell at 0 depends on, from the input up."""
    centres = [np.zeros(1)]
    for layer, jump in zip(reversed(layers), reversed(jumps[:-1]), strict=True):
        taps = (np.arange(layer.kernel_size) - (layer.kernel_size - 1) / 2) * layer.dilation * jump
        centres.append(np.unique(np.add.outer(centres[-1], taps)))
    return centres[::-1]


def _margin(size: int) -> float:
    return max(1.0, 0.06 * size)


def _draw_cells(seen: NDArray[np.float64], jump: int, depth: int, size: int, ax: Axes, **colours: Any) -> None:
    """Draw one row: the cells that are seen in colour, their neighbours pale."""
    if size > CELLS_DRAWN:
        ax.broken_barh([(seen[0] - jump / 2, np.ptp(seen) + jump)], (depth - 0.2, 0.4), lw=0.8, snap=False, **colours)
        return
    before = np.ceil((0.5 - _margin(size) - seen[0]) / jump)
    after = np.floor((0.5 + _margin(size) + size - seen[0]) / jump)
    row = seen[0] + jump * np.arange(before, after + 1)
    others = row[~np.isclose(row[:, None], seen).any(axis=1)]
    pale: dict[str, Any] = {"facecolor": PALE, "edgecolor": "#BBBBBB"}
    for centres, look in ((others, pale), (seen, colours)):
        ax.broken_barh(
            [(centre - 0.42 * jump, 0.84 * jump) for centre in centres], (depth - 0.2, 0.4), lw=0.8, snap=False, **look
        )


def _draw_cone(
    above: NDArray[np.float64], jump_above: int, below: NDArray[np.float64], jump_below: int, depth: int, ax: Axes
) -> None:
    """Shade the way from the seen cells of one row to those of the row below."""
    corners = [
        (above[0] - 0.42 * jump_above, depth - 0.2),
        (above[-1] + 0.42 * jump_above, depth - 0.2),
        (below[-1] + 0.42 * jump_below, depth - 0.8),
        (below[0] - 0.42 * jump_below, depth - 0.8),
    ]
    ax.add_patch(Polygon(corners, closed=True, facecolor=SKY, alpha=0.25, edgecolor="none"))


def _title(depth: int, size: int, *, used: int) -> str:
    after = f"One cell after {depth} layer{'s' * (depth != 1)}"
    if used == size:
        return f"{after} sees {size:,} input pixel{'s' * (size != 1)}"
    return f"{after} spans {size:,} input pixels and uses {used:,} of them"


def _layer_name(number: int, layer: Layer) -> str:
    extras = [f"stride {layer.stride}"] * (layer.stride != 1) + [f"dilation {layer.dilation}"] * (layer.dilation != 1)
    return f"layer {number}: " + ", ".join([f"kernel {layer.kernel_size}", *extras])
