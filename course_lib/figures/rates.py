"""Classifiers judged: a crowd of people, the ROC plane, precision at a prevalence, calibration, intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from course_lib.figures.numbers import as_array
from course_lib.figures.page import BLUE, GREY, INK, ORANGE, PALE, SKY, VERMILION
from course_lib.metrics.curves import PrecisionRecallCurve, RocCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from course_lib.metrics.calibration import ReliabilityCurve
    from course_lib.metrics.rates import Counts

__all__ = [
    "at_prevalence",
    "plot_crowd",
    "plot_estimates",
    "plot_precision_recall",
    "plot_profiles",
    "plot_reliability",
    "plot_roc",
    "plot_scores",
]

Curve = TypeVar("Curve", RocCurve, PrecisionRecallCurve)
LOOKS = ((BLUE, "-", "o"), (VERMILION, "--", "s"), (INK, "-.", "^"), (ORANGE, ":", "D"), (SKY, (0, (5, 1)), "v"))
PEOPLE = 1000


def at_prevalence(curve: Curve, *, per_mille: int) -> Curve:
    """Give the curve of the same cases, weighted as if so many of 1000 were ill.

    Each ill case counts equally often, each healthy one too, in whole numbers, so nothing is rounded. Right only if the
    ill look as ill there, and the healthy as healthy: sensitivity and false positive rate are taken along.

    Parameters
    ----------
    curve : RocCurve or PrecisionRecallCurve
    per_mille : int
        Ill people of 1000, from 1 to 999.

    Returns
    -------
    a curve of the same kind
        Whose `counts` have that prevalence; an interval from them would be far too narrow.

    Raises
    ------
    ValueError
        If `per_mille` is out of its range.

    Examples
    --------
    >>> from course_lib.metrics import roc_curve
    >>> rare = at_prevalence(roc_curve([0, 0, 1, 1], [0.1, 0.6, 0.7, 0.9]), per_mille=10)
    >>> rare.auc, rare.point(-1).counts.prevalence
    (1.0, 0.01)
    """
    if not 1 <= per_mille <= PEOPLE - 1:
        raise ValueError(f"per_mille must lie between 1 and 999, such as 10 for one in a hundred, got {per_mille}")
    ill, healthy = per_mille * curve.negatives, (PEOPLE - per_mille) * curve.positives
    return replace(curve, tp=curve.tp * ill, fp=curve.fp * healthy)


def plot_crowd(counts: Counts, ax: Axes, *, columns: int = 50) -> Axes:
    """Draw a dot for each person: the ill first, then false alarms, then those who are rightly left alone.

    Parameters
    ----------
    counts : Counts
        At most 2,000 people; rates are written by the caller.
    ax : matplotlib Axes
    columns : int
        People a row.

    Returns
    -------
    matplotlib Axes
        The same `ax`, without axes.

    Raises
    ------
    ValueError
        If there is nobody, or more than 2,000.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from course_lib.metrics import Counts
    >>> ax = plot_crowd(Counts(tp=9, fn=1, fp=99, tn=891), Figure().add_subplot())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['9 ill, found', '1 ill, missed', '99 healthy, alarmed', '891 healthy, left alone']
    """
    total = int(counts.total)
    if not 1 <= total <= 2000:
        raise ValueError(f"a crowd needs 1 to 2,000 people, got {total}")
    groups: tuple[tuple[int, str, dict[str, Any]], ...] = (
        (int(counts.tp), "ill, found", {"color": BLUE, "marker": "s"}),
        (int(counts.fn), "ill, missed", {"color": INK, "marker": "X"}),
        (int(counts.fp), "healthy, alarmed", {"color": VERMILION, "marker": "^"}),
        (int(counts.tn), "healthy, left alone", {"color": "#C9C9C9", "marker": "."}),
    )
    start = 0
    for number, name, look in groups:
        place = np.arange(start, start + number)
        ax.scatter(place % columns, -(place // columns), s=22, label=f"{number} {name}", linewidths=0, **look)
        start += number
    ax.set(xlim=(-1, columns), ylim=(-((total - 1) // columns) - 1, 1))
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2, handletextpad=0.2)
    return ax


def plot_roc(
    curves: Mapping[str, RocCurve], ax: Axes, *, points: Mapping[str, tuple[float, float]] | None = None
) -> Axes:
    """Draw ROC curves, or single classifiers as named points, in the plane of false alarms and finds.

    Parameters
    ----------
    curves : mapping from a name to a RocCurve
        Up to five; the area is written beside the name.
    ax : matplotlib Axes
    points : mapping from a name to (false positive rate, sensitivity), optional

    Returns
    -------
    matplotlib Axes
        The same `ax`, with the diagonal of chance.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_roc({}, Figure().add_subplot(), points={"A": (0.28, 0.63)})
    >>> [text.get_text() for text in ax.texts]
    ['A']
    """
    ax.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, zorder=0, label="no better than a coin")
    for (name, curve), (colour, line, _) in zip(curves.items(), LOOKS, strict=False):
        drawn = curve.corners()
        ax.plot(drawn.fpr, drawn.tpr, color=colour, linestyle=line, label=f"{name}, area {curve.auc:.3f}")
    for name, (fpr, tpr) in (points or {}).items():
        ax.plot([fpr], [tpr], "o", color=INK, markersize=8, clip_on=False)
        ax.annotate(name, (fpr, tpr), xytext=(8, -4), textcoords="offset points", fontweight="bold")
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    ax.set(xlabel="false positive rate (healthy, alarmed)", ylabel="sensitivity (ill, found)")
    ax.legend(loc="lower right")
    return ax


def plot_precision_recall(curves: Mapping[str, PrecisionRecallCurve], ax: Axes) -> Axes:
    """Draw the share of right alarms against the share of ill that were found.

    Parameters
    ----------
    curves : mapping from a name to a PrecisionRecallCurve
        Up to five; the average precision is written beside the name, the prevalence is drawn as a dotted line.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from course_lib.metrics import precision_recall_curve
    >>> curve = precision_recall_curve([0, 1], [0.2, 0.9])
    >>> plot_precision_recall({"net": curve}, Figure().add_subplot()).get_ylabel()
    'precision (alarms that are right)'
    """
    for (name, curve), (colour, line, _) in zip(curves.items(), LOOKS, strict=False):
        label = f"{name}, average precision {curve.average_precision:.3f}"
        ax.step(curve.recall, curve.precision, where="pre", color=colour, linestyle=line, label=label)
        ax.axhline(float(curve.precision[-1]), color=colour, linestyle=":", linewidth=1, zorder=0)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    ax.set(xlabel="recall (ill, found)", ylabel="precision (alarms that are right)")
    ax.legend(loc="upper right")
    return ax


def plot_scores(y_true: ArrayLike, y_score: ArrayLike, ax: Axes, *, name: str, threshold: float | None = None) -> Axes:
    """Draw the scores of ill and healthy cases as two histograms, and a threshold.

    Parameters
    ----------
    y_true : (N,) array of 0 and 1
    y_score : (N,) array of float
    ax : matplotlib Axes
    name : str
        What the score is, with its unit if it has one.
    threshold : float, optional
        From here on a case is called ill.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> plot_scores([0, 1], [0.2, 0.9], Figure().add_subplot(), name="score").get_ylabel()
    'lumps'
    """
    true, scores = as_array(y_true).astype(bool), as_array(y_score)
    bins = np.linspace(scores.min(), scores.max(), 31).tolist()
    ax.hist(scores[~true], bins=bins, color=BLUE, alpha=0.55, label="benign")
    ax.hist(scores[true], bins=bins, color=VERMILION, alpha=0.55, hatch="//", label="malignant")
    if threshold is not None:
        ax.axvline(threshold, color=INK, linestyle="--", linewidth=1.4, label="threshold")
    ax.set(xlabel=name, ylabel="lumps")
    ax.legend()
    return ax


def plot_reliability(curves: Mapping[str, ReliabilityCurve], ax: Axes) -> Axes:
    """Draw what happened against what was said, bin by bin; a larger mark holds more cases.

    Parameters
    ----------
    curves : mapping from a name to a ReliabilityCurve
        Up to five.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
        The same `ax`; on the diagonal a probability is what it says.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from course_lib.metrics import reliability_curve
    >>> curve = reliability_curve([0, 1, 1], [0.3, 0.8, 0.9])
    >>> plot_reliability({"net": curve}, Figure().add_subplot()).get_xlabel()
    'probability that was given'
    """
    ax.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1, zorder=0, label="what is said is what happens")
    for (name, curve), (colour, line, mark) in zip(curves.items(), LOOKS, strict=False):
        filled = curve.counts > 0
        x, y = curve.mean_probability[filled], curve.share_positive[filled]
        ax.plot(x, y, color=colour, linestyle=line, linewidth=1.2)
        ax.scatter(x, y, s=14 + 2 * curve.counts[filled], color=colour, marker=mark, alpha=0.75)
        label = f"{name}: calibration error {curve.expected_calibration_error:.3f}"
        ax.plot([], [], color=colour, linestyle=line, marker=mark, label=label)
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    ax.set(xlabel="probability that was given", ylabel="share that is malignant")
    ax.legend(loc="upper left", bbox_to_anchor=(0.0, -0.17))
    return ax


def plot_estimates(
    rows: Sequence[tuple[str, float, float, float]], ax: Axes, *, name: str, expected: float | None = None
) -> Axes:
    """Draw numbers with their intervals under each other.

    Parameters
    ----------
    rows : sequence of (name, value, low, high)
        From the top down.
    ax : matplotlib Axes
    name : str
        What was measured, with its unit.
    expected : float, optional
        A line to compare with; intervals that do not reach it are drawn in another colour.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_estimates([("reader", 0.4, 0.3, 0.5)], Figure().add_subplot(), name="F1")
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['reader']
    """
    for place, (_, value, low, high) in enumerate(rows):
        misses = expected is not None and not low <= expected <= high
        colour, mark = (VERMILION, "s") if misses else (BLUE, "o")
        ax.plot([low, high], [place, place], color=colour, linestyle="-", linewidth=1.6)
        ax.plot([value], [place], mark, color=colour, markersize=5)
    if expected is not None:
        ax.axvline(expected, color=INK, linestyle=":", linewidth=1.2, zorder=0)
    ax.set_yticks(range(len(rows)), [row[0] for row in rows])
    ax.set(xlabel=name, ylim=(len(rows) - 0.4, -0.6))
    return ax


def plot_profiles(
    z_scores: ArrayLike,
    y_true: ArrayLike,
    chosen: Sequence[int],
    names: Sequence[str],
    ax: Axes,
    *,
    titles: Sequence[str],
) -> Axes:
    """Draw single cases, measurement by measurement, on the middle half of all benign and all malignant cases.

    Parameters
    ----------
    z_scores : (N, F) array
        Standardised measurements.
    y_true : (N,) array of 0 and 1
    chosen : sequence of int
        Up to five cases.
    names : F names
    ax : matplotlib Axes
    titles : sequence of str
        One for each chosen case.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().add_subplot()
    >>> plot_profiles([[0, 1], [2, 1]], [0, 1], [1], ["a", "b"], ax, titles=["missed"]).get_ylabel()
    'standard deviations from the mean'
    """
    values, true, place = as_array(z_scores), as_array(y_true).astype(bool), np.arange(len(names))
    for group, colour, name, shift in ((~true, BLUE, "benign", -0.14), (true, VERMILION, "malignant", 0.14)):
        low, high = np.quantile(values[group], [0.25, 0.75], axis=0)
        hatch = "//" if name == "malignant" else None
        ax.bar(
            place + shift,
            high - low,
            0.26,
            bottom=low,
            color=colour,
            alpha=0.4,
            hatch=hatch,
            label=f"half of all {name}",
        )
    looks = ((INK, "-", "o"), (GREY, "--", "s"), (INK, ":", "^"), (GREY, "-.", "D"), (INK, (0, (5, 1)), "v"))
    for case, title, (colour, line, mark) in zip(chosen, titles, looks, strict=False):
        ax.plot(place, values[case], color=colour, linestyle=line, marker=mark, label=title)
    ax.axhline(0, color=PALE, linewidth=1, zorder=0)
    ax.set_xticks(place, names)
    ax.set_ylabel("standard deviations from the mean")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax
