"""What a module costs, layer by layer; and what one change did, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.figures.numbers import as_array
from course_lib.figures.page import BLUE, GREY, INK, ORANGE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["plot_effects", "plot_operations"]

COLOURS = (BLUE, ORANGE, SKY, VERMILION, GREY)
MILLION = 1_000_000


def plot_operations(ways: Mapping[str, Mapping[str, int]], ax: Axes) -> Axes:
    """Draw what several ways to the same maps cost: a bar for each way, a piece of it for each layer.

    Parameters
    ----------
    ways : dict of dicts
        From the name of a way to its layers, each with its multiplications, at least 0; the first is on top.
    ax : matplotlib Axes
        Where to draw.

    Returns
    -------
    matplotlib Axes
        The same `ax`; x counts millions of multiplications.

    Raises
    ------
    ValueError
        If there is no way, or a layer has fewer than 0 multiplications.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_operations({"direct": {"5×5": 112_896_000}}, Figure().add_subplot())
    >>> [text.get_text() for text in ax.texts]
    ['112.9']
    """
    if not ways or any(macs < 0 for layers in ways.values() for macs in layers.values()):
        raise ValueError(f"ways needs at least one way, with 0 or more multiplications a layer, got {ways}")
    names = list(dict.fromkeys(layer for layers in ways.values() for layer in layers))
    ends = np.zeros(len(ways))
    for number, name in enumerate(names):
        widths = np.array([layers.get(name, 0) for layers in ways.values()]) / MILLION
        ax.barh(range(len(ways)), widths, left=ends, color=COLOURS[number % len(COLOURS)], label=name, height=0.6)
        ends += widths
    for row, end in enumerate(ends):
        ax.text(end + 0.01 * ends.max(), row, f"{end:,.1f}", va="center", color=INK, fontsize=9)
    ax.set_yticks(range(len(ways)), list(ways))
    ax.set(xlabel="million multiplications an image", xlim=(0, 1.12 * max(ends.max(), 1e-9)))
    ax.invert_yaxis()
    ax.legend(loc="best")
    return ax


def plot_effects(effects: Mapping[str, ArrayLike], intervals: Mapping[str, Any], ax: Axes, *, unit: str) -> Axes:
    """Draw what each change did: a point for each seed, the mean, its interval, and a line at no effect.

    Parameters
    ----------
    effects : dict of (S,) arrays
        From the name of a change to its effect in each of S runs.
    intervals : dict of intervals
        Of the same names, each with `low` and `high`.
    ax : matplotlib Axes
        Where to draw; the first change is on top.
    unit : str
        What an effect is measured in: the label of the x axis.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If there is no change, or a change has no interval.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from matplotlib.figure import Figure
    >>> interval = SimpleNamespace(low=-1.0, high=3.0)
    >>> plot_effects({"heads": [0, 1, 2]}, {"heads": interval}, Figure().add_subplot(), unit="points").get_xlabel()
    'points'
    """
    if not effects or set(effects) != set(intervals):
        raise ValueError(f"each change needs an interval, got {list(effects)} and {list(intervals)}")
    for row, (name, values) in enumerate(effects.items()):
        points = as_array(values).astype(float)
        low, high = intervals[name].low, intervals[name].high
        first = row == 0
        ax.plot(
            points,
            np.full(points.shape, row - 0.16),
            "o",
            color=SKY,
            markeredgecolor=BLUE,
            label="one seed" if first else None,
        )
        ax.plot(
            [low, high],
            [row + 0.16] * 2,
            color=VERMILION,
            linestyle="-",
            linewidth=2,
            label="95% interval of the mean" if first else None,
        )
        ax.plot(points.mean(), row + 0.16, "D", color=VERMILION, label="mean" if first else None)
    ax.axvline(0, color=GREY, linestyle=":", zorder=0)
    ax.set_yticks(range(len(effects)), list(effects))
    ax.set(xlabel=unit, ylim=(len(effects) - 0.5, -0.5))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=3)
    return ax
