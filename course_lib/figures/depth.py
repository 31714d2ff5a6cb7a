"""Deep nets: two blocks side by side, what arrives at each layer, training errors over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import FancyBboxPatch

from course_lib.figures.numbers import as_array
from course_lib.figures.page import BLUE, INK, ORANGE, PALE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["plot_blocks", "plot_by_layer", "plot_errors"]

# plain nets are vermilion, residual nets blue; the deep one of each is dark and its line is whole
LOOKS: tuple[dict[str, Any], ...] = (
    {"color": ORANGE, "linestyle": "--", "marker": "s"},
    {"color": VERMILION, "linestyle": "-", "marker": "s"},
    {"color": SKY, "linestyle": "--", "marker": "o"},
    {"color": BLUE, "linestyle": "-", "marker": "o"},
)
SMALLEST = 1e-12  # what a logarithm can still show of a zero


def plot_blocks(ax: Axes) -> Axes:
    """Draw a plain block and, beside it, the same block with a shortcut.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw, best about as wide as 1.8 times its height.

    Returns
    -------
    matplotlib Axes
        The same `ax`, without axes.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> len(plot_blocks(Figure().add_subplot()).patches)
    5
    """
    arrow = {"arrowstyle": "->", "color": INK, "shrinkA": 0, "shrinkB": 0}
    for left, title in ((0.0, "plain: the layers make H(x)"), (5.0, "residual: they make F(x) = H(x) − x")):
        for bottom, words in ((3.1, "3×3, batch norm, ReLU"), (1.7, "3×3, batch norm")):
            box = FancyBboxPatch((left, bottom), 2.6, 0.7, boxstyle="round,pad=0.03", facecolor=PALE, edgecolor=INK)
            ax.add_patch(box)
            ax.text(left + 1.3, bottom + 0.35, words, ha="center", va="center", color=INK)
        last = ((1.65, 0.75), (0.55, 0.0)) if left else ((1.65, 0.0),)
        for top, end in ((4.5, 3.85), (3.05, 2.45), *last):
            ax.annotate("", (left + 1.3, end), (left + 1.3, top), arrowprops=arrow)
        ax.text(left + 1.15, 4.3, "x", ha="right", va="center", color=INK)
        ax.text(left + 1.1, 0.25, "ReLU", ha="right", va="center", color=INK)
        ax.text(left - 0.2, 5.0, title, color=INK)
    ax.text(0.9, 1.2, "H(x)", ha="right", va="center", color=INK)
    ax.text(5.9, 1.2, "F(x)", ha="right", va="center", color=INK)
    ax.text(6.3, 0.65, "+", ha="center", va="center", fontsize=15, color=BLUE)
    shortcut = {"arrowstyle": "->", "color": BLUE, "linewidth": 2}
    ax.plot([6.3, 8.2, 8.2], [4.2, 4.2, 0.65], color=BLUE, linestyle="-", linewidth=2)
    ax.annotate("", (6.5, 0.65), (8.2, 0.65), arrowprops=shortcut)
    ax.text(8.35, 2.4, "x, as it is", color=BLUE, va="center")
    round_plus = FancyBboxPatch((6.17, 0.6), 0.26, 0.12, boxstyle="round,pad=0.1", fill=False, edgecolor=BLUE)
    ax.add_patch(round_plus)
    ax.set(xlim=(-0.3, 9.9), ylim=(-0.1, 5.4))
    ax.set_axis_off()
    return ax


def plot_by_layer(nets: Mapping[str, ArrayLike], ax: Axes, *, name: str) -> Axes:
    """Draw one number for each layer of some nets, on a logarithmic axis.

    Parameters
    ----------
    nets : dict of (L,) arrays
        From the name of a net to its numbers, at least 0, the first layer first; nets may differ in depth. Zeros lie on
        the lower edge.
    ax : matplotlib Axes
    name : str
        What the numbers are, with their unit.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If there are no nets, more than four, or a number is negative or not finite.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> plot_by_layer({"plain": [9.0, 3.0, 1.0]}, Figure().add_subplot(), name="gradient").get_yscale()
    'log'
    """
    series = {net: as_array(values).astype(np.float64) for net, values in nets.items()}
    bad = [net for net, values in series.items() if not (np.isfinite(values).all() and (values >= 0).all())]
    if not 1 <= len(series) <= len(LOOKS) or bad:
        raise ValueError(f"one to four nets with finite numbers of at least 0 can be drawn, got {list(series)}")
    for (net, values), look in zip(series.items(), _looks(len(series)), strict=True):
        layers = np.arange(1, len(values) + 1)
        ax.plot(
            layers, np.maximum(values, SMALLEST), markersize=4, markevery=max(1, len(values) // 10), label=net, **look
        )
    ax.set(yscale="log", xlabel="layer (1 is at the image)", ylabel=name)
    ax.legend()
    return ax


def plot_errors(nets: Mapping[str, ArrayLike], ax: Axes) -> Axes:
    """Draw training errors epoch by epoch: a thin line for each seed, a thick one for their mean.

    Parameters
    ----------
    nets : dict of (S, E) arrays
        From the name of a net to its errors in per cent: a row for each seed, a column for each epoch.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If there are no nets, more than four, or an array has not two axes.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> len(plot_errors({"plain 20": [[60, 30], [50, 40]]}, Figure().add_subplot()).lines)
    3
    """
    series = {net: as_array(values).astype(np.float64) for net, values in nets.items()}
    if not 1 <= len(series) <= len(LOOKS) or any(values.ndim != 2 for values in series.values()):
        raise ValueError(f"one to four nets with errors (seeds, epochs) can be drawn, got {list(series)}")
    for (net, values), look in zip(series.items(), _looks(len(series)), strict=True):
        epochs = np.arange(1, values.shape[1] + 1)
        for row in values:
            ax.plot(epochs, row, color=look["color"], linestyle="-", linewidth=0.7, alpha=0.6)
        ax.plot(epochs, values.mean(axis=0), linewidth=2.2, markersize=5, label=net, **look)
    ax.set(xlabel="epoch", ylabel="training error (%)", ylim=(-3, 100))
    ax.set_xticks(epochs if len(epochs) <= 12 else epochs[::5])
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def _looks(number: int) -> tuple[dict[str, Any], ...]:
    """Choose lines that can be told apart: two nets are a plain and a residual one."""
    return {1: LOOKS[3:], 2: LOOKS[1::2], 3: LOOKS[1:]}.get(number, LOOKS)
