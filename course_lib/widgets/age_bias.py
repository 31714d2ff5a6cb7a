"""Correct the bias of a brain-age net by hand: what a line does to the gap, and what it does to a net without eyes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from course_lib.figures.brain_age import plot_gaps
from course_lib.metrics.regression import mean_absolute_error, r2_score
from course_lib.widgets.explorer import explore
from course_lib.widgets.light import lighten

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

__all__ = ["age_bias_explorer"]

MIDDLE_YEARS = 55.0


def age_bias_explorer(age_years: ArrayLike, predicted_years: ArrayLike) -> None:
    """Move a line of bias by its slope and its height at 55 years, and see the gap, the error and R² that it leaves.

    The line is subtracted at the *true* age of each subject. A second reader answers the mean age to everyone.

    Parameters
    ----------
    age_years, predicted_years : (N,) arrays
        Of at least 2 subjects, of two ages.

    Examples
    --------
    >>> age_bias_explorer([30, 50, 70], [38, 50, 62])  # doctest: +ELLIPSIS
    Two panels...
    """
    ages, predicted = np.asarray(age_years, np.float64), np.asarray(predicted_years, np.float64)

    def draw(*, reader: str = "the net", slope: float = 0.0, gap_at_55: float = 0.0) -> Figure:
        answers = predicted if reader == "the net" else np.full(len(ages), ages.mean())
        return _draw_correction(ages, answers, slope=slope, gap_at_55=gap_at_55)

    explore(
        draw,
        alt="Two panels, the gap over age before and after a line is subtracted. The line lies flat at zero, so both "
        "are alike: dots fall from above zero in the young to below zero in the old. The title names error and R².",
        reader=["the net", "always the mean age"],
        slope=(-1.0, 0.5, 0.05),
        gap_at_55=(-10.0, 10.0, 0.5),
    )


def _draw_correction(ages: np.ndarray, predicted: np.ndarray, *, slope: float, gap_at_55: float) -> Figure:
    """Draw the gaps before, with the line, and after."""
    intercept = gap_at_55 - slope * MIDDLE_YEARS
    corrected = predicted - (slope * ages + intercept)
    figure = plt.figure(figsize=(8.2, 3.3), layout="none")
    axes = [figure.add_axes((left, 0.15, 0.42, 0.75)) for left in (0.075, 0.565)]
    plot_gaps(ages, predicted - ages, axes[0], line=(slope, intercept))
    plot_gaps(ages, corrected - ages, axes[1])
    trend = np.polyfit(ages, corrected - ages, 1)[0]
    for ax, answers, name in ((axes[0], predicted, "before"), (axes[1], corrected, "after")):
        error, explained = mean_absolute_error(ages, answers), r2_score(ages, answers)
        ax.set_title(f"{name}: MAE {error:.1f} years, R² {explained:.2f}", loc="left", fontsize=10)
    limit = 1.08 * max(1.0, float(np.abs(predicted - ages).max()), float(np.abs(corrected - ages).max()))
    for ax in axes:
        ax.set_ylim(-limit, limit)
    axes[1].set_ylabel("")
    axes[1].tick_params(labelleft=False)
    axes[1].set_xlabel(f"age (years); trend left {trend:+.2f} a year")
    return lighten(figure)
