"""One classifier in many places: threshold and prevalence are moved, the ROC curve and its area are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np

from course_lib.figures.page import BLUE, GREY, INK, RUST, VERMILION
from course_lib.figures.rates import at_prevalence, plot_crowd
from course_lib.metrics.curves import PrecisionRecallCurve, roc_curve
from course_lib.metrics.rates import Counts
from course_lib.widgets.explorer import explore
from course_lib.widgets.light import lighten

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

__all__ = ["prevalence_explorer"]

PER_MILLE = {"0.1 %": 1, "1 %": 10, "5 %": 50, "10 %": 100, "20 %": 200, "37 %": 370, "50 %": 500, "80 %": 800}


def prevalence_explorer(y_true: ArrayLike, y_score: ArrayLike) -> None:
    """Choose how sensitive a classifier is to be and how common the disease is, and see 1000 people pass.

    Parameters
    ----------
    y_true : (N,) array of 0 and 1
    y_score : (N,) array of float
        Larger for more suspicion.

    Raises
    ------
    ValueError
        If one class is missing, or the shapes differ.

    Examples
    --------
    >>> prevalence_explorer([0, 0, 1, 1], [0.1, 0.6, 0.5, 0.9])  # doctest: +ELLIPSIS
    Left, the ROC curve...
    """
    curve = roc_curve(y_true, y_score)

    def draw(*, sensitivity_at_least: float = 0.9, prevalence: int = 10) -> Figure:
        return _draw(curve, sensitivity_at_least, prevalence)

    start = at_prevalence(curve, per_mille=10).at_sensitivity(0.9).counts
    crowd = _crowd(start)
    explore(
        draw,
        alt=f"Left, the ROC curve with an area of {curve.auc:.3f} and the chosen point at a sensitivity of "
        f"{start.tpr:.2f} and a false positive rate of {start.fpr:.2f}. Middle, precision against recall at a "
        f"prevalence of 1 %: at this point {start.ppv:.3f}. Right, 1000 people: {crowd.tp} ill and found, {crowd.fn} "
        f"ill and missed, {crowd.fp} false alarms.",
        sensitivity_at_least=(0.0, 1.0, 0.01),
        prevalence=PER_MILLE,
    )


def _draw(curve: Any, wanted: float, per_mille: int) -> Figure:
    """Draw the curve, precision at this prevalence, and 1000 people."""
    here = at_prevalence(curve, per_mille=per_mille)
    point = here.at_sensitivity(wanted).counts
    figure = plt.figure(figsize=(9.2, 4.3), layout="none")
    left, middle, right = (
        figure.add_axes(place)
        for place in ((0.07, 0.25, 0.25, 0.62), (0.4, 0.25, 0.25, 0.62), (0.68, 0.16, 0.31, 0.78))
    )
    left.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    left.plot(curve.fpr, curve.tpr, color=BLUE, linestyle="-")
    left.plot([point.fpr], [point.tpr], "o", color=INK, markersize=9, clip_on=False)
    left.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="false positive rate", ylabel="sensitivity")
    left.set_title(f"ROC: area {here.auc:.3f}")
    alarms = PrecisionRecallCurve(thresholds=here.thresholds[1:], tp=here.tp[1:], fp=here.fp[1:])
    middle.step(alarms.recall, alarms.precision, where="pre", color=VERMILION, linestyle="-")
    middle.axhline(per_mille / 1000, color=GREY, linestyle=":", linewidth=1)
    if point.tp + point.fp:
        middle.plot([point.tpr], [point.ppv], "o", color=INK, markersize=9, clip_on=False)
    middle.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall = sensitivity", ylabel="precision")
    middle.set_title(f"average precision {alarms.average_precision:.3f}")
    crowd = _crowd(point)
    with plt.rc_context({"legend.fontsize": 8}):
        plot_crowd(crowd, right, columns=40)
    right.set_title(f"1000 people, {per_mille / 10:g} % ill")
    ppv = f"{100 * point.ppv:.1f} % of the alarms are right" if point.tp + point.fp else "no alarm at all"
    npv = f"{100 * point.npv:.2f} % of the all-clears" if point.tn + point.fn else "no all-clear at all"
    figure.text(
        0.03,
        0.075,
        f"Sensitivity {point.tpr:.2f}, specificity {point.tnr:.2f}: they do not mind the prevalence.",
        color=INK,
    )
    figure.text(0.03, 0.02, f"In this place {ppv}, and {npv}.", color=RUST, fontweight="bold")
    return lighten(figure)


def _crowd(counts: Counts) -> Counts:
    """Bring weighted counts down to 1000 people; the ill and the healthy are rounded apart, so 1000 stay 1000."""
    ill = int(np.rint(1000 * counts.prevalence))
    tp, fp = int(np.rint(ill * counts.tpr)), int(np.rint((1000 - ill) * counts.fpr))
    return Counts(tp=tp, fn=ill - tp, fp=fp, tn=1000 - ill - fp)
