"""Dense nets and the zoo: who reads whom, and which nets nobody beats at their price."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from scipy.optimize import isotonic_regression

from course_lib.figures.numbers import as_array
from course_lib.figures.page import BLUE, GREY, INK, ORANGE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from numpy.typing import ArrayLike, NDArray

__all__ = ["find_frontier", "plot_frontier", "plot_reuse", "plot_swap"]

LOOKS = ((BLUE, "o"), (VERMILION, "s"), (ORANGE, "^"), (SKY, "D"), (INK, "v"), (GREY, "P"))


def find_frontier(costs: ArrayLike, scores: ArrayLike) -> NDArray[np.bool_]:
    """Say which nets nobody beats: no other is at least as cheap and as good, and better in one of the two.

    Parameters
    ----------
    costs, scores : (N,) arrays
        What each net costs (less is better) and what it reaches (more is better).

    Returns
    -------
    (N,) bool array

    Examples
    --------
    >>> find_frontier([1, 2, 3], [70, 60, 80]).tolist()
    [True, False, True]
    """
    cost, score = as_array(costs).astype(float), as_array(scores).astype(float)
    as_good = (cost[:, None] <= cost) & (score[:, None] >= score)  # row: the other net
    better = (cost[:, None] < cost) | (score[:, None] > score)
    beaten: NDArray[np.bool_] = np.any(as_good & better, axis=0)
    return np.logical_not(beaten)


def plot_frontier(
    costs: ArrayLike,
    scores: ArrayLike,
    names: Sequence[str],
    families: Sequence[str],
    ax: Axes,
    *,
    cost: str,
    score: str,
) -> Axes:
    """Draw a point for each net, and a stair through those that nobody beats; their names stand above, side by side.

    Parameters
    ----------
    costs, scores : (N,) arrays
        Costs above 0, on a logarithmic axis.
    names, families : sequences of str
        Up to six families have a colour and a mark each.
    ax : matplotlib Axes
    cost, score : str
        What is drawn, with its unit, and whether it was measured or reported.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If there are more than six families.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().add_subplot()
    >>> plot_frontier([1, 2], [70, 60], ["A", "B"], ["F", "F"], ax, cost="s", score="%").get_xscale()
    'log'
    """
    price, reached = as_array(costs).astype(float), as_array(scores).astype(float)
    _plot_families(price, reached, families, ax)
    best = np.flatnonzero(find_frontier(price, reached))
    best = best[np.argsort(price[best])]
    ax.plot(price[best], reached[best], color=GREY, linestyle="--", linewidth=1, drawstyle="steps-post", zorder=0)
    span = max(float(np.ptp(reached)), 1.0)
    ax.set(xscale="log", xlabel=cost, ylabel=score, ylim=(reached.min() - 0.1 * span, reached.max() + 0.75 * span))
    low, high = reached.max() + 0.1 * span, reached.max() + 0.2 * span  # between the last point and the names
    for net, side in zip(best, _stand_apart(price[best], ax), strict=True):
        ax.plot(
            [price[net], price[net], side],
            [reached[net], low, high],
            color=GREY,
            linestyle="-",
            linewidth=0.5,
            zorder=0,
        )
        ax.text(side, high, names[int(net)], rotation=60, rotation_mode="anchor", va="center", fontsize=8, color=INK)
    _number_plainly(ax.xaxis)
    return ax


def plot_reuse(weights: ArrayLike, ax: Axes, *, largest: float, title: str) -> Axes:
    """Draw how strongly each layer of a dense block reads each source before it.

    Parameters
    ----------
    weights : (S, T) array
        Row: source (first the block's input, then its layers); column: reader. NaN where nothing is read.
    ax : matplotlib Axes
    largest : float
        The value that is drawn darkest, the same for all panels that are compared.
    title : str

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> len(plot_reuse([[0.1, 0.2], [np.nan, 0.3]], Figure().add_subplot(), largest=0.3, title="block 1").texts)
    3
    """
    values = as_array(weights).astype(float)
    ax.imshow(values, cmap="Blues", vmin=0, vmax=largest)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if value > 0.6 * largest else INK
            ax.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=colour)
    sources, readers = values.shape
    ax.set_yticks(range(sources), ["input", *(f"layer {i}" for i in range(1, sources))])
    ax.set_xticks(range(readers), [*(str(i) for i in range(1, readers)), "next"])
    ax.set(title=title, xlabel="read by layer", ylabel="maps made by")
    return ax


def plot_swap(
    macs: ArrayLike, latency: ArrayLike, names: Sequence[str], families: Sequence[str], ax: Axes, *, swap: Sequence[str]
) -> Axes:
    """Draw latency against operations, and join two nets whose order differs in the two.

    Parameters
    ----------
    macs, latency : (N,) arrays
        Billions of multiplications (counted) and milliseconds (measured), above 0.
    names, families : sequences of str
        Up to six families.
    ax : matplotlib Axes
    swap : two names
        They are named in the figure.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_swap([1, 2], [9, 8], ["A", "B"], ["F", "G"], Figure().add_subplot(), swap=("A", "B"))
    >>> [text.get_text() for text in ax.texts]
    ['A', 'B']
    """
    work, wait = as_array(macs).astype(float), as_array(latency).astype(float)
    _plot_families(work, wait, families, ax)
    places = [list(names).index(name) for name in swap]
    ax.plot(work[places], wait[places], color=GREY, linestyle="--", linewidth=1, zorder=0)
    for net, (shift, side) in zip(places, ((-8, "right"), (8, "left")), strict=True):
        ax.annotate(
            names[net], (work[net], wait[net]), xytext=(shift, -3), textcoords="offset points", ha=side, fontsize=9
        )
    ax.set(xscale="log", yscale="log", xlabel="billion MACs an image (counted)", ylabel="latency (ms, measured here)")
    for axis in (ax.xaxis, ax.yaxis):
        _number_plainly(axis)
    ax.legend(loc="upper left", ncols=2)
    return ax


def _stand_apart(places: NDArray[np.float64], ax: Axes) -> NDArray[np.float64]:
    """Move places on a logarithmic axis, in ascending order, as little as gives each name its room."""
    left, right = np.log(ax.get_xlim())
    wanted = 0.04 * (right - left) * np.arange(len(places))
    moved = isotonic_regression(np.log(places) - wanted).x + wanted  # the nearest steps that never go down
    apart: NDArray[np.float64] = np.exp(moved)
    return apart


def _number_plainly(axis: Axis) -> None:
    """Write 1, 2, 5, 10, 20, … on a logarithmic axis."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _plot_families(x: NDArray[np.float64], y: NDArray[np.float64], families: Sequence[str], ax: Axes) -> None:
    """Draw a point for each net in the colour and the mark of its family."""
    kinds = list(dict.fromkeys(families))
    if len(kinds) > len(LOOKS):
        raise ValueError(f"up to {len(LOOKS)} families can be told apart, got {kinds}")
    for kind, (colour, mark) in zip(kinds, LOOKS, strict=False):
        chosen = np.array([family == kind for family in families])
        ax.plot(x[chosen], y[chosen], mark, color=colour, linestyle="none", markersize=7, label=kind)
