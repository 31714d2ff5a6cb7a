"""The reading room: arrivals over the day, the length of the queue, and who waits how long with and without a net."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from course_lib.data.phantoms.reading_room import HOURLY_PROFILE, ReadingRoom, Readings, read_studies
from course_lib.figures.page import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["plot_reading_room"]


def plot_reading_room(cases: ReadingRoom, *, num_radiologists: int = 2) -> Figure:
    """Draw arrivals by the hour, three days of the queue, and waiting times of bleedings with and without the net.

    Parameters
    ----------
    cases : ReadingRoom
        Studies of three days or more look best.
    num_radiologists : int
        Who read them.

    Returns
    -------
    matplotlib Figure
        Three axes.

    Raises
    ------
    ValueError
        If no study shows a bleeding that was not ordered as urgent: nothing could be compared.

    Examples
    --------
    >>> from course_lib.data.phantoms.reading_room import make_reading_room
    >>> len(plot_reading_room(make_reading_room(500)).axes)
    3
    >>> plt.close()
    """
    feared = cases.urgent & ~cases.ordered_urgent
    if not feared.any():
        raise ValueError("the figure needs a bleeding that was not ordered as urgent, got none: make more studies")
    ordered, triage = (
        read_studies(cases.arrival_minutes, cases.reading_minutes, priority, num_radiologists=num_radiologists)
        for priority in (cases.ordered_priority, cases.triage_priority)
    )
    figure, (day, queue, waits) = plt.subplots(1, 3, figsize=(12, 3.6), width_ratios=(1, 1.2, 1.3))
    _plot_day(cases, day)
    _plot_queue(cases, ordered, queue)
    _plot_waits(cases, ordered, triage, waits)
    return figure


def _plot_day(cases: ReadingRoom, ax: Axes) -> None:
    days = max(1.0, cases.arrival_minutes[-1] / 1440)
    hours = np.arange(24)
    arrived = np.bincount((cases.arrival_minutes % 1440 // 60).astype(int), minlength=24) / days
    ax.bar(hours + 0.5, arrived, width=0.9, color="#B8B8B8", label="arrived")
    expected = np.array(HOURLY_PROFILE) * arrived.mean()
    ax.step(np.append(hours, 24), np.append(expected, expected[-1]), where="post", color=BLUE, label="expected")
    ax.set(title="Arrivals by the hour", xlabel="hour of the day", ylabel="studies an hour", xticks=range(0, 25, 6))
    ax.set_ylim(0, 1.35 * max(arrived.max(), expected.max()))
    ax.legend(loc="upper left")


def _plot_queue(cases: ReadingRoom, readings: Readings, ax: Axes) -> None:
    """How many wait, each hour of the first three days; the sum of steps up at arrivals and down at starts."""
    minutes = np.arange(0, min(3 * 1440, cases.arrival_minutes[-1]), 10)
    waiting = np.searchsorted(cases.arrival_minutes, minutes, side="right")
    waiting = waiting - np.searchsorted(np.sort(readings.start_minutes), minutes, side="right")
    ax.fill_between(minutes / 1440, waiting, step="post", color="#CFE3EF")
    ax.plot(minutes / 1440, waiting, color=BLUE, drawstyle="steps-post", linestyle="-")
    ax.set(title="The queue, first three days", xlabel="time (days)", ylabel="studies that wait")
    ax.set_ylim(bottom=0)


def _plot_waits(cases: ReadingRoom, ordered: Readings, triage: Readings, ax: Axes) -> None:
    missed = cases.urgent & ~cases.ordered_urgent
    groups = {
        "bleeding, flagged by the net": missed & cases.flagged,
        "bleeding, missed by the net": missed & ~cases.flagged,
        "no bleeding, flagged": ~cases.urgent & ~cases.ordered_urgent & cases.flagged,
        "no bleeding, not flagged": ~cases.urgent & ~cases.ordered_urgent & ~cases.flagged,
        "ordered as urgent": cases.ordered_urgent,
    }
    groups = {name: chosen for name, chosen in groups.items() if chosen.any()}
    for row, chosen in enumerate(groups.values()):
        before, after = (float(np.median(_hours(readings, chosen))) for readings in (ordered, triage))
        ax.plot([before, after], [row, row], color=GREY, linestyle="-", linewidth=1.2, zorder=1)
        ax.plot(before, row, "o", color=ORANGE, markersize=8, label="as ordered" if not row else None)
        ax.plot(after, row, "D", color=BLUE, markersize=7, label="with the net" if not row else None)
    ax.set_yticks(range(len(groups)), list(groups))
    ax.tick_params(axis="y", length=0)
    ax.set(title="Median time to the report (rows 1–4: routine orders)", xlabel="from arrival to report (hours)")
    ax.set_xlim(left=0)
    ax.set_ylim(len(groups) - 0.4, -0.9)
    ax.legend(loc="lower right")


def _hours(readings: Readings, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    return (readings.wait_minutes + readings.end_minutes - readings.start_minutes)[chosen] / 60
