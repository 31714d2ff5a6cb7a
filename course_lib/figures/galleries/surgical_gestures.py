"""Surgical gestures: which one when, the way of the right tool, and the signals that a net sees."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Patch

from course_lib.data.phantoms.surgical_gestures import CHANNELS, SKILLS, SurgicalTrials
from course_lib.data.phantoms.surgical_grammar import GESTURES
from course_lib.figures.page import BLUE, GREY, INK, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["plot_surgical_trials"]

# One colour a gesture (Okabe and Ito, and paler or darker ones); each band also carries its number.
COLOURS = dict(
    zip(
        range(1, 16),
        (
            *("#0072B2", "#E69F00", "#56B4E9", "#CC79A7", "#999999", "#009E73", "#444444", "#F0E442"),
            *("#D55E00", "#004D7A", "#BFBFBF", "#8FD0B8", "#F2B98C", "#A05A86", "#B5DDF5"),
        ),
        strict=True,
    )
)


def plot_surgical_trials(cases: SurgicalTrials) -> Figure:
    """Draw one recording of each skill as a band of gestures, two of them as ways of the right tool, and signals.

    Parameters
    ----------
    cases : SurgicalTrials
        At least one recording; the first of each skill is drawn.

    Returns
    -------
    matplotlib Figure
        A band a skill, up to two ways (the first and the last skill), and three rows of signals.

    Raises
    ------
    ValueError
        If there is no recording.

    Examples
    --------
    >>> from course_lib.data.phantoms.surgical_gestures import make_surgical_trials
    >>> figure = plot_surgical_trials(make_surgical_trials(1))
    >>> figure.axes[0].get_title().split(",")[0]
    'novice'
    >>> plt.close()
    """
    if not cases.gestures:
        raise ValueError("the figure needs at least one recording, got none")
    shown = [int(np.flatnonzero(cases.skills == skill)[0]) for skill in range(3) if (cases.skills == skill).any()]
    figure = plt.figure(figsize=(12, 8.2))
    halves = figure.add_gridspec(2, 1, height_ratios=(1, 2))
    bands = halves[0].subgridspec(len(shown), 1)
    longest = max(cases.seconds[trial] for trial in shown)
    for row, trial in enumerate(shown):
        _plot_band(cases, trial, figure.add_subplot(bands[row]), longest, last=row == len(shown) - 1)
    ways = sorted({shown[0], shown[-1]}, key=shown.index)
    columns = halves[1].subgridspec(1, len(ways) + 1, width_ratios=[*[1] * len(ways), 1.3])
    for column, trial in enumerate(ways):
        _plot_way(cases, trial, figure.add_subplot(columns[column]))
    rows = columns[len(ways)].subgridspec(3, 1)
    _plot_signals(cases, shown[-1], [figure.add_subplot(rows[row]) for row in range(3)])
    seen = sorted({int(gesture) for trial in shown for gesture in np.unique(cases.gestures[trial])})
    named = [Patch(color=COLOURS[gesture], label=f"G{gesture} {GESTURES[gesture]}") for gesture in seen]
    figure.legend(handles=named, loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _segments(gestures: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """First frame, frame after the last, gesture."""
    cuts = [0, *(np.flatnonzero(np.diff(gestures)) + 1).tolist(), len(gestures)]
    return [(start, stop, int(gestures[start])) for start, stop in pairwise(cuts)]


def _plot_band(cases: SurgicalTrials, trial: int, ax: Axes, longest: float, *, last: bool) -> None:
    for start, stop, gesture in _segments(cases.gestures[trial]):
        left, width = start / cases.rate_hz, (stop - start) / cases.rate_hz
        ax.barh(0, width, left=left, height=1, color=COLOURS[gesture], edgecolor="white", linewidth=0.6)
        if width > longest / 55:
            dark = gesture in (1, 6, 7, 9, 10, 14)
            ax.text(
                left + width / 2, 0, f"G{gesture}", ha="center", va="center", fontsize=7, color="white" if dark else INK
            )
    ax.set_title(f"{SKILLS[cases.skills[trial]]}, {cases.seconds[trial]:.0f} s")
    ax.set(yticks=[], xlim=(0, longest), ylim=(-0.5, 0.5))
    ax.spines["left"].set_visible(False)
    if last:
        ax.set_xlabel("time (s)")
    else:
        ax.set_xticks([])


def _plot_way(cases: SurgicalTrials, trial: int, ax: Axes) -> None:
    """Draw the right tool from above, around the middle of its way: the model lies a little differently each time."""
    place = 1000 * cases.kinematics[trial][:, CHANNELS.index("tool right x") :][:, :2]
    x, y = (place - np.median(place, axis=0)).T
    for start, stop, gesture in _segments(cases.gestures[trial]):
        ax.plot(x[start : stop + 1], y[start : stop + 1], color=COLOURS[gesture], linestyle="-", linewidth=1.1)
    way = float(np.hypot(np.diff(x), np.diff(y)).sum()) / 1000
    ax.set(title=f"Right tool, {SKILLS[cases.skills[trial]]}: {way:.1f} m", xlabel="right (mm)", ylabel="away (mm)")
    ax.set(aspect="equal", xlim=(-36, 36), ylim=(-36, 36))


def _plot_signals(cases: SurgicalTrials, trial: int, axes: list[Axes]) -> None:
    """Height, speed and opening of both tools over 30 seconds, on the colours of the gestures."""
    frames = slice(int(10 * cases.rate_hz), int(40 * cases.rate_hz))
    seconds = np.arange(len(cases.gestures[trial]))[frames] / cases.rate_hz
    for side, colour, line in (("left", BLUE, "-"), ("right", VERMILION, "--")):
        start = CHANNELS.index(f"tool {side} x")
        tool = cases.kinematics[trial][frames, start : start + 19]
        speed = np.linalg.norm(tool[:, 12:15], axis=1)
        for ax, values in zip(axes, (1000 * tool[:, 2], 1000 * speed, np.degrees(tool[:, 18])), strict=True):
            ax.plot(seconds, values, color=colour, linestyle=line, linewidth=1.1, label=f"{side} tool")
    for ax, name in zip(axes, ("height (mm)", "speed (mm/s)", "opening (°)"), strict=True):
        for begin, stop, gesture in _segments(cases.gestures[trial][frames]):
            ax.axvspan(seconds[begin], seconds[min(stop, len(seconds) - 1)], color=COLOURS[gesture], alpha=0.25, lw=0)
        ax.set(ylabel=name, xlim=(seconds[0], seconds[-1]))
        ax.grid(axis="x", color=GREY, alpha=0.2)
    for ax in axes[:-1]:
        ax.set_xticklabels([])
    axes[-1].set_xlabel("time (s)")
    axes[0].set_title(f"Signals, {SKILLS[cases.skills[trial]]}")
    axes[0].legend(loc="upper right", ncols=2, fontsize=8)
    axes[0].set_ylim(top=axes[0].get_ylim()[1] * 1.3)
