"""Survival times: how two hearts move, what the delay does to the hazard, and Kaplan–Meier beside the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from course_lib.data.phantoms.survival import SurvivalCohort
from course_lib.figures.page import BLUE, GREY, VERMILION
from course_lib.metrics.survival import kaplan_meier

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_survival_cohort"]


def plot_survival_cohort(cases: SurvivalCohort) -> Figure:
    """Draw the motion of two patients, the first followed patients, the hazard over the delay, and survival curves.

    Parameters
    ----------
    cases : SurvivalCohort
        At least 10 patients.

    Returns
    -------
    matplotlib Figure
        Five axes: two hearts, the follow-up of 25 patients, delay and hazard, survival.

    Raises
    ------
    ValueError
        If there are fewer than 10 patients.

    Examples
    --------
    >>> from course_lib.data.phantoms.survival import make_survival_cohort
    >>> len(plot_survival_cohort(make_survival_cohort(100)).axes)
    5
    >>> plt.close()
    """
    if len(cases.event) < 10:
        raise ValueError(f"the figure needs at least 10 patients, got {len(cases.event)}")
    figure = plt.figure(figsize=(12, 6.4))
    grid = figure.add_gridspec(2, 3)
    together, apart = (figure.add_subplot(grid[0, column]) for column in range(2))
    _plot_heart(cases, int(np.abs(cases.delay_percent).argmin()), together)
    _plot_heart(cases, int(np.argsort(cases.delay_percent)[-len(cases.event) // 10]), apart)
    top = 1.35 * max(together.get_ylim()[1], apart.get_ylim()[1])
    for ax in (together, apart):
        ax.set_ylim(-6, top)
    _plot_delay(cases, figure.add_subplot(grid[0, 2]))
    _plot_follow_up(cases, figure.add_subplot(grid[1, 0]))
    _plot_curves(cases, figure.add_subplot(grid[1, 1:]))
    return figure


def _plot_heart(cases: SurvivalCohort, patient: int, ax: Axes) -> None:
    phases = np.arange(20) * 5
    ax.plot(phases, cases.motion[patient, 0], "o-", color=BLUE, label="septum")
    ax.plot(phases, cases.motion[patient, 1], "s--", color=VERMILION, label="free wall")
    delay = float(cases.delay_percent[patient])
    late = "free wall" if delay > 0 else "septum"
    ax.set(
        title="Both walls contract together" if abs(delay) < 3 else f"The {late} is {abs(delay):.0f} % of a beat late"
    )
    ax.set(xlabel="phase of the recorded beat (%)", ylabel="shortening (%)")
    ax.legend(loc="upper right", ncols=2)


def _plot_delay(cases: SurvivalCohort, ax: Axes) -> None:
    died = cases.event
    ax.plot(
        cases.delay_percent[~died], np.exp(cases.log_hazard[~died]), "o", color=GREY, alpha=0.5, label="last seen alive"
    )
    ax.plot(cases.delay_percent[died], np.exp(cases.log_hazard[died]), "D", color=VERMILION, alpha=0.7, label="died")
    order = np.argsort(cases.delay_percent)
    alone = np.exp(cases.motion_log_hazard[order])
    ax.plot(cases.delay_percent[order], alone, color=BLUE, linestyle="-", label="the delay alone")
    ax.set_yscale("log")
    ax.set(
        title="Early and late are both bad", xlabel="delay of the free wall (% of a beat)", ylabel="true hazard ratio"
    )
    ax.legend(loc="upper center", fontsize=8)
    ax.set_ylim(top=ax.get_ylim()[1] * 12)


def _plot_follow_up(cases: SurvivalCohort, ax: Axes) -> None:
    shown = min(25, len(cases.event))
    rows = np.argsort(cases.time_days[:shown])
    for row, patient in enumerate(rows):
        died = bool(cases.event[patient])
        colour = VERMILION if died else GREY
        ax.plot([0, cases.time_days[patient]], [row, row], color=colour, linestyle="-", linewidth=1.4)
        ax.plot(cases.time_days[patient], row, "D" if died else "o", color=colour, markersize=4.5)
    ax.set(title=f"Follow-up of {shown} patients", xlabel="days since diagnosis", ylabel="patients", yticks=[])
    ax.plot([], [], "D", color=VERMILION, label="died")
    ax.plot([], [], "o", color=GREY, label="last seen alive")
    ax.set_xlim(left=0)
    ax.legend(loc="lower right")


def _plot_curves(cases: SurvivalCohort, ax: Axes) -> None:
    """Kaplan–Meier of the half with the lower and the half with the higher true risk, with the true curves of both."""
    days = np.linspace(0, np.quantile(cases.time_days, 0.95), 200)
    high = cases.log_hazard > np.median(cases.log_hazard)
    for chosen, colour, name in ((~high, BLUE, "lower"), (high, VERMILION, "higher")):
        curve = kaplan_meier(cases.time_days[chosen], cases.event[chosen])
        times, low, top = (
            np.concatenate(([start], row)) for start, row in ((0.0, curve.time), (1.0, curve.low), (1.0, curve.high))
        )
        ax.fill_between(times, low, top, step="post", color=colour, alpha=0.15, linewidth=0)
        steps = np.concatenate(([1.0], curve.survival))
        ax.step(times, steps, where="post", color=colour, linestyle="-", label=f"{name} true risk: Kaplan–Meier, 95 %")
        truth = cases.true_survival(days)[chosen].mean(axis=0)
        ax.plot(
            days,
            truth,
            color="black",
            linestyle="--",
            linewidth=1.3,
            label="true survival" if name == "higher" else None,
        )
        alive = chosen & ~cases.event
        ax.plot(cases.time_days[alive], curve.at(cases.time_days[alive]), "|", color=colour, markersize=5, alpha=0.6)
    ax.set(title="Survival of the two halves", xlabel="days since diagnosis", ylabel="share alive")
    ax.set_xlim(0, days[-1])
    ax.set_ylim(0, 1.02)
    ax.legend(loc="lower left")
