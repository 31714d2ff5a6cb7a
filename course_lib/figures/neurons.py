"""Neurons and how they learn: two pipelines, a walk down a loss, measured shares with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import FancyBboxPatch

from course_lib.figures.numbers import as_array
from course_lib.figures.page import BLUE, GREY, INK, ORANGE, PALE, VERMILION
from course_lib.metrics.intervals import wilson_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["plot_descent", "plot_pipelines", "plot_shares"]

WEIGHTS, BIASES = (-1.5, 5.0), (-1.5, 5.5)  # what `plot_descent` shows of the plane


def plot_pipelines(ax: Axes) -> Axes:
    """Draw the classical pipeline above the learned one; what is fitted to data is orange.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw, best about three times as wide as high.

    Returns
    -------
    matplotlib Axes
        The same `ax`, without axes: it holds boxes, arrows and words.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> len(plot_pipelines(Figure().add_subplot()).patches)
    8
    """
    classical = ("image", "preprocess", "hand-made\nfeatures", "classifier", "answer")
    for column, name in enumerate(classical):
        _draw_box(name, (2 * column, 1.5), 1.5, ax, learned=name == "classifier")
    _draw_box("image", (0, 0), 1.5, ax)
    _draw_box("net: features and classifier, learned together", (2, 0), 5.5, ax, learned=True)
    _draw_box("answer", (8, 0), 1.5, ax)
    arrows = [(2 * column + 1.5, 2 * column + 2, 1.5) for column in range(4)] + [(1.5, 2, 0), (7.5, 8, 0)]
    for start, end, row in arrows:
        arrow = {"arrowstyle": "->", "color": INK, "shrinkA": 2, "shrinkB": 2}
        ax.annotate("", (end, row + 0.45), (start, row + 0.45), arrowprops=arrow)
    ax.text(0, 2.6, "classical: a person decides what to measure", color=INK)
    ax.text(0, 1.1, "learned: the data decide", color=INK)
    ax.set(xlim=(-0.15, 9.65), ylim=(-0.2, 2.95))
    ax.set_axis_off()
    return ax


def _draw_box(name: str, corner: tuple[float, float], width: float, ax: Axes, *, learned: bool = False) -> None:
    colour = ORANGE if learned else PALE
    outline = 2.0 if learned else 0.8
    box = FancyBboxPatch(
        corner, width, 0.9, boxstyle="round,pad=0.02", facecolor=colour, edgecolor=INK, linewidth=outline
    )
    ax.add_patch(box)
    ax.text(corner[0] + width / 2, corner[1] + 0.45, name, ha="center", va="center", color=INK)


def plot_descent(path: ArrayLike, x: ArrayLike, y: ArrayLike, ax: Axes) -> Axes:
    """Draw the mean squared loss of a neuron without activation over its weight and bias, and a walk on it.

    Parameters
    ----------
    path : (T, 2) array
        Weight and bias before the first step, after it, and so on; at least the start. Parts outside the picture, or
        not finite, are left out.
    x, y : (N,) arrays
        The data: one input and one target a case.
    ax : matplotlib Axes
        Where to draw; the lowest point of the loss gets a cross.

    Returns
    -------
    matplotlib Axes
        The same `ax`, weight to the right, bias upwards.

    Raises
    ------
    ValueError
        If the path has no rows of two numbers, or `x` and `y` are not rows of the same length.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_descent([[0, 0], [1.3, 0.8]], [1, 2], [3, 5], Figure().add_subplot())
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('weight', 'bias')
    """
    walk, inputs, targets = (as_array(values).astype(np.float64) for values in (path, x, y))
    if walk.ndim != 2 or walk.shape[1] != 2 or not len(walk):
        raise ValueError(f"path needs rows of weight and bias, (T, 2), got the shape {walk.shape}")
    if inputs.ndim != 1 or inputs.shape != targets.shape or not inputs.size:
        raise ValueError(f"x and y need one number a case each, got the shapes {inputs.shape} and {targets.shape}")
    weight, bias = np.meshgrid(np.linspace(*WEIGHTS, 131), np.linspace(*BIASES, 141))
    errors = weight[..., None] * inputs + bias[..., None] - targets
    levels = [0.01, 0.1, 0.3, 1, 3, 10, 30, 100]
    loss = np.square(errors).mean(axis=-1)
    lines = ax.contour(weight, bias, loss, levels=levels, colors="#9A9A9A", linewidths=0.8, linestyles="-")
    ax.clabel(lines, levels=levels[2:-1], fontsize=8, fmt="%g", colors=GREY)
    (best_weight, best_bias), *_ = np.linalg.lstsq(
        np.stack([inputs, np.ones_like(inputs)], axis=1), targets, rcond=None
    )
    ax.plot(best_weight, best_bias, marker="+", markersize=12, markeredgewidth=2, color=INK, linestyle="none")
    with np.errstate(invalid="ignore"):
        walk = walk[np.isfinite(walk).all(axis=1) & (np.abs(walk) < 1e6).all(axis=1)]
    ax.plot(walk[:, 0], walk[:, 1], color=BLUE, linestyle="-", marker="o", markersize=4, linewidth=1.2)
    ax.plot(*walk[:1].T, color=VERMILION, marker="s", markersize=7, linestyle="none")
    ax.set(xlim=WEIGHTS, ylim=BIASES, xlabel="weight", ylabel="bias")
    return ax


def plot_shares(counts: Mapping[str, tuple[int, int]], ax: Axes) -> Axes:
    """Draw shares in percent, one below the other, each with its 95 % interval by Wilson.

    Parameters
    ----------
    counts : dict of name → (successes, trials)
        At least one; drawn from the top down.
    ax : matplotlib Axes
        Where to draw.

    Returns
    -------
    matplotlib Axes
        The same `ax`, with the name and the share of each row written at its left.

    Raises
    ------
    ValueError
        If there is no row, or a row counts nothing.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_shares({"a coin": (5, 10), "a good coin": (9, 10)}, Figure().add_subplot())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['a coin, 50.0%', 'a good coin, 90.0%']
    """
    if not counts or not all(trials > 0 for _, trials in counts.values()):
        raise ValueError(f"counts needs at least one row, and trials in each, got {dict(counts)}")
    labels = []
    for row, (name, (successes, trials)) in enumerate(counts.items()):
        share, interval = 100 * successes / trials, wilson_interval(successes, trials)
        ax.plot([100 * interval.low, 100 * interval.high], [row, row], color=BLUE, linestyle="-", linewidth=2)
        ax.plot(share, row, color=BLUE, marker="o", markersize=7, linestyle="none")
        labels.append(f"{name}, {share:.1f}%")
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.grid(axis="x")
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("right (%), with 95% interval")
    return ax
