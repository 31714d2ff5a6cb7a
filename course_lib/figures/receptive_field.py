"""What one cell of a deep layer sees of the input."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb

from course_lib.arithmetic import Layer, receptive_field
from course_lib.figures.page import BLUE, INK, ORANGE, PALE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["plot_receptive_field"]

Corners = list[tuple[float, float]]
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
    rows = [_Row(seen + shift, jump, depth) for depth, (seen, jump) in enumerate(zip(centres, jumps, strict=True))]
    cones = [_cone(above, below) for below, above in pairwise(rows)]
    pale = [box for row in rows for box in _boxes(row, _neighbours(row, size))] if size <= CELLS_DRAWN else []
    *deeper, top = [_boxes(row, row.seen) if size <= CELLS_DRAWN else [_bar(row)] for row in rows]
    _draw(cones, ax, facecolor=(*to_rgb(SKY), 0.25), edgecolor="none")
    _draw(pale, ax, facecolor=PALE, edgecolor="#BBBBBB")
    _draw([box for row in deeper for box in row], ax, facecolor=SKY, edgecolor=BLUE)
    _draw(top, ax, facecolor=ORANGE, edgecolor=VERMILION)
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


class _Row(NamedTuple):
    """The cells of one layer that are seen: their centres and distance in input pixels, and the height of the row."""

    seen: NDArray[np.float64]
    jump: int
    depth: int


def _neighbours(row: _Row, size: int) -> NDArray[np.float64]:
    """Centres of the cells in sight that the last cell does not depend on."""
    first = np.ceil((0.5 - _margin(size) - row.seen[0]) / row.jump)
    last = np.floor((0.5 + _margin(size) + size - row.seen[0]) / row.jump)
    all_cells = row.seen[0] + row.jump * np.arange(first, last + 1)
    return all_cells[~np.isclose(all_cells[:, None], row.seen).any(axis=1)]


def _boxes(row: _Row, centres: NDArray[np.float64]) -> list[Corners]:
    return [_box(centre - 0.42 * row.jump, centre + 0.42 * row.jump, row.depth) for centre in centres]


def _bar(row: _Row) -> Corners:
    return _box(row.seen[0] - row.jump / 2, row.seen[-1] + row.jump / 2, row.depth)


def _box(left: float, right: float, depth: int) -> Corners:
    return [(left, depth - 0.2), (right, depth - 0.2), (right, depth + 0.2), (left, depth + 0.2)]


def _cone(above: _Row, below: _Row) -> Corners:
    """Corners of the way from the seen cells of one row to those of the row below."""
    upper, lower = (
        _box(row.seen[0] - 0.42 * row.jump, row.seen[-1] + 0.42 * row.jump, row.depth) for row in (above, below)
    )
    return [*upper[:2], *lower[2:]]


def _draw(polygons: list[Corners], ax: Axes, **colours: Any) -> None:
    """Draw many polygons at once; not snapped to pixels, so that narrow cells keep equal distances."""
    ax.add_collection(PolyCollection(polygons, linewidth=0.8, snap=False, **colours), autolim=False)


def _title(depth: int, size: int, *, used: int) -> str:
    after = f"One cell after {depth} layer{'s' * (depth != 1)}"
    if used == size:
        return f"{after} sees {size:,} input pixel{'s' * (size != 1)}"
    return f"{after} spans {size:,} input pixels and uses {used:,} of them"


def _layer_name(number: int, layer: Layer) -> str:
    extras = [f"stride {layer.stride}"] * (layer.stride != 1) + [f"dilation {layer.dilation}"] * (layer.dilation != 1)
    return f"layer {number}: " + ", ".join([f"kernel {layer.kernel_size}", *extras])
