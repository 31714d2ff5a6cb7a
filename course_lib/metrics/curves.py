"""ROC and precision-recall curves: one sort, then every number that can be read off them.

A case is called positive when its score ≥ threshold. Counts are whole numbers of 64 bits, which 10⁹ cases do not
overflow, and ties are exact: cases of equal score change sides together. Scores are ranked as they come, infinite ones
too, and never passed through a sigmoid; a NaN is an error.
T. Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27, 2006, pages 861-874; J. Davis and
M. Goadrich, "The relationship between precision-recall and ROC curves", ICML 2006. Differs from scikit-learn: a class
that is missing is an error, also for average precision, and the precision-recall curve has no invented last point.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.metrics.door import as_array, as_binary, as_scores, same_shape
from course_lib.metrics.rates import Counts

__all__ = [
    "OperatingPoint",
    "PrecisionRecallCurve",
    "RocCurve",
    "average_precision",
    "precision_recall_curve",
    "roc_auc",
    "roc_curve",
]


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold, and how the cases fall when score ≥ threshold is called positive: `counts` has every rate."""

    threshold: float
    counts: Counts


@dataclass(frozen=True, eq=False)
class _Sweep:
    """Cases called positive at each threshold, from the highest to the lowest."""

    thresholds: NDArray[np.float64]
    tp: NDArray[np.int64]
    fp: NDArray[np.int64]

    @property
    def positives(self) -> int:
        """Cases that are positive."""
        return int(self.tp[-1])

    @property
    def negatives(self) -> int:
        """Cases that are negative."""
        return int(self.fp[-1])

    @property
    def counts(self) -> Counts:
        """The 2×2 table at each threshold, as arrays."""
        return Counts(tp=self.tp, fn=self.positives - self.tp, fp=self.fp, tn=self.negatives - self.fp)

    def point(self, index: int | np.integer) -> OperatingPoint:
        """Give the operating point at one place of the curve."""
        tp, fp = int(self.tp[index]), int(self.fp[index])
        counts = Counts(tp=tp, fn=self.positives - tp, fp=fp, tn=self.negatives - fp)
        return OperatingPoint(threshold=float(self.thresholds[index]), counts=counts)


@dataclass(frozen=True, eq=False)
class RocCurve(_Sweep):
    """Sensitivity against false positive rate, from (0, 0) to (1, 1), with one point for each distinct score.

    `thresholds`, `tp` and `fp` are arrays (M + 1,), thresholds falling. The first point calls nobody positive: its
    threshold is infinite, or NaN where a score is infinite itself, since no threshold lies above that.
    """

    @property
    def tpr(self) -> NDArray[np.float64]:
        """Sensitivity at each threshold, rising from 0 to 1."""
        return self.tp / self.positives

    @property
    def fpr(self) -> NDArray[np.float64]:
        """1 − specificity at each threshold, rising from 0 to 1."""
        return self.fp / self.negatives

    @property
    def auc(self) -> float:
        """Area: chance that a positive outranks a negative, ties counted half. 0 all wrong, 0.5 chance, 1 all right."""
        twice = np.dot(np.diff(self.fp), self.tp[1:] + self.tp[:-1])  # trapezoids in whole numbers: nothing is rounded
        return int(twice) / (2 * self.positives * self.negatives)

    def partial_auc(self, *, max_fpr: float) -> float:
        """Area left of `max_fpr` (above 0, at most 1), from 0 to `max_fpr`; max_fpr²/2 by chance."""
        if not 0 < max_fpr <= 1:
            raise ValueError(f"max_fpr must lie above 0 and be at most 1, got {max_fpr}")
        fpr, tpr = self.fpr, self.tpr
        left = int(np.searchsorted(fpr, max_fpr, side="right"))
        x, y = np.append(fpr[:left], max_fpr), np.append(tpr[:left], np.interp(max_fpr, fpr, tpr))
        return float(np.dot(np.diff(x), y[1:] + y[:-1]) / 2)

    def standardised_partial_auc(self, *, max_fpr: float) -> float:
        """Partial area on the scale of the whole: 0.5 by chance, 1 at best (D. K. McClish, Med Decis Making, 1989)."""
        chance = max_fpr**2 / 2
        return (1 + (self.partial_auc(max_fpr=max_fpr) - chance) / (max_fpr - chance)) / 2

    def at_sensitivity(self, wanted: float) -> OperatingPoint:
        """Highest threshold whose sensitivity is at least `wanted` (0 to 1): the most specific such point."""
        _check_share("wanted sensitivity", wanted)
        return self.point(np.argmax(self.tpr >= wanted))

    def at_specificity(self, wanted: float) -> OperatingPoint:
        """Lowest threshold whose specificity is at least `wanted` (0 to 1): the most sensitive such point."""
        _check_share("wanted specificity", wanted)
        return self.point(np.flatnonzero((self.negatives - self.fp) / self.negatives >= wanted)[-1])

    def youden(self) -> OperatingPoint:
        """Point of the largest sensitivity + specificity − 1; of equal ones the highest threshold."""
        return self.point(np.argmax(self.tp * self.negatives - self.fp * self.positives))

    def corners(self) -> "RocCurve":
        """Give the same curve without the points that lie on a straight line between others: quick to draw."""
        up, right = np.diff(self.tp), np.diff(self.fp)
        kept = np.concatenate([[True], up[:-1] * right[1:] != up[1:] * right[:-1], [True]])
        return RocCurve(thresholds=self.thresholds[kept], tp=self.tp[kept], fp=self.fp[kept])


@dataclass(frozen=True, eq=False)
class PrecisionRecallCurve(_Sweep):
    """Precision against recall, with one point for each distinct score; arrays (M,), thresholds falling."""

    @property
    def precision(self) -> NDArray[np.float64]:
        """Share of right alarms at each threshold, 0 to 1; the prevalence at the last one."""
        return self.tp / (self.tp + self.fp)

    @property
    def recall(self) -> NDArray[np.float64]:
        """Share of positives found at each threshold, rising to 1."""
        return self.tp / self.positives

    @property
    def average_precision(self) -> float:
        """Precision averaged over the steps of recall, without interpolation: the prevalence by chance, 1 at best."""
        return float(np.dot(np.diff(self.tp, prepend=0), self.precision)) / self.positives

    def at_recall(self, wanted: float) -> OperatingPoint:
        """Highest threshold whose recall is at least `wanted` (0 to 1)."""
        _check_share("wanted recall", wanted)
        return self.point(np.argmax(self.recall >= wanted))

    def at_precision(self, wanted: float) -> OperatingPoint:
        """Lowest threshold whose precision is at least `wanted` (0 to 1); an error if none is."""
        _check_share("wanted precision", wanted)
        reached = np.flatnonzero(self.precision >= wanted)
        if not len(reached):
            raise ValueError(f"no threshold has a precision of {wanted}, the best is {self.precision.max():.4g}")
        return self.point(reached[-1])

    def best_f1(self) -> OperatingPoint:
        """Point of the largest F1; of equal ones the highest threshold. Chosen on the test set it flatters."""
        return self.point(np.argmax(2 * self.tp / (self.tp + self.fp + self.positives)))


def roc_curve(y_true: ArrayLike, y_score: ArrayLike) -> RocCurve:
    """Trace sensitivity against false positives while the threshold falls.

    Parameters
    ----------
    y_true : (N,) array of 0 and 1, or bool
        Truth.
    y_score : (N,) array of float
        Score of the positive class, larger for more suspicion; any scale, infinite allowed.

    Returns
    -------
    RocCurve
        From which areas and operating points are read.

    Raises
    ------
    ValueError
        If one class is missing (it is named), a score is NaN, a label is neither 0 nor 1, or the shapes differ.
    TypeError
        If the values are not real numbers.

    References
    ----------
    `sklearn.metrics.roc_curve` with `drop_intermediate=False`.

    Examples
    --------
    >>> curve = roc_curve([0, 1, 0, 1], [0.1, 0.4, 0.4, 0.8])
    >>> curve.tpr.tolist(), curve.fpr.tolist(), curve.thresholds.tolist()
    ([0.0, 0.5, 1.0, 1.0], [0.0, 0.0, 0.5, 1.0], [inf, 0.8, 0.4, 0.1])
    """
    thresholds, tp, fp = _sweep(*_cases(y_true, y_score, "a ROC curve"))
    first = np.nan if thresholds[0] == np.inf else np.inf
    start = np.zeros(1, dtype=np.int64)
    return RocCurve(
        thresholds=np.append(first, thresholds), tp=np.concatenate([start, tp]), fp=np.concatenate([start, fp])
    )


def roc_auc(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Chance that a positive case gets a higher score than a negative one, ties counted half.

    Parameters
    ----------
    y_true : (N,) array of 0 and 1, or bool
        Truth.
    y_score : (N,) array of float
        Score of the positive class; only its order matters, infinite allowed.

    Returns
    -------
    float
        0 (all pairs wrong) over 0.5 (chance) to 1 (all pairs right).

    Raises
    ------
    ValueError
        If one class is missing (it is named), a score is NaN, a label is neither 0 nor 1, or the shapes differ.
    TypeError
        If the values are not real numbers.

    References
    ----------
    J. A. Hanley and B. J. McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC)
    curve", Radiology 143, 1982, pages 29-36. `sklearn.metrics.roc_auc_score`.

    Examples
    --------
    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    true, scores = _cases(y_true, y_score, "a ROC curve")
    positives, negatives = scores.compress(true), scores.compress(~true)  # several times as fast as scores[true]
    positives.sort()
    negatives.sort()
    below = np.searchsorted(negatives, positives, side="left")  # negatives below each positive
    # Ties are few as a rule: only the positives that meet an equal negative are looked up again.
    tied = positives[negatives.take(below, mode="clip") == positives]
    ties = np.searchsorted(negatives, tied, side="right") - np.searchsorted(negatives, tied, side="left")
    return (2 * int(below.sum()) + int(ties.sum())) / (2 * len(positives) * len(negatives))


def precision_recall_curve(y_true: ArrayLike, y_score: ArrayLike) -> PrecisionRecallCurve:
    """Trace precision against recall while the threshold falls.

    Parameters
    ----------
    y_true : (N,) array of 0 and 1, or bool
        Truth.
    y_score : (N,) array of float
        Score of the positive class, larger for more suspicion; any scale, infinite allowed.

    Returns
    -------
    PrecisionRecallCurve
        From which average precision and operating points are read.

    Raises
    ------
    ValueError
        If one class is missing (it is named), a score is NaN, a label is neither 0 nor 1, or the shapes differ.
    TypeError
        If the values are not real numbers.

    References
    ----------
    `sklearn.metrics.precision_recall_curve`, which begins at the lowest threshold and adds the point (0, 1).

    Examples
    --------
    >>> curve = precision_recall_curve([0, 1, 0, 1], [0.1, 0.4, 0.6, 0.8])
    >>> curve.recall.tolist(), curve.precision.round(2).tolist()
    ([0.5, 0.5, 1.0, 1.0], [1.0, 0.5, 0.67, 0.5])
    """
    thresholds, tp, fp = _sweep(*_cases(y_true, y_score, "a precision-recall curve"))
    return PrecisionRecallCurve(thresholds=thresholds, tp=tp, fp=fp)


def average_precision(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Area under the steps of the precision-recall curve, without interpolation.

    Parameters
    ----------
    y_true : (N,) array of 0 and 1, or bool
        Truth.
    y_score : (N,) array of float
        Score of the positive class; only its order matters, infinite allowed.

    Returns
    -------
    float
        Above 0, to 1 (all positives first); about the prevalence by chance.

    Raises
    ------
    ValueError
        If one class is missing (it is named), a score is NaN, a label is neither 0 nor 1, or the shapes differ.
    TypeError
        If the values are not real numbers.

    References
    ----------
    `sklearn.metrics.average_precision_score`, which answers 0 where no case is positive.

    Examples
    --------
    >>> f"{average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]):.3f}"
    '0.833'
    """
    return precision_recall_curve(y_true, y_score).average_precision


def _cases(y_true: ArrayLike, y_score: ArrayLike, what: str) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Check truth and scores of one question at the door."""
    for name, values in (("y_true", y_true), ("y_score", y_score)):
        shape = as_array(name, values).shape
        if len(shape) != 1:
            raise ValueError(
                f"{name} needs shape (N,), got {shape}: take one column, or a function that ends in _per_label"
            )
    true, scores = as_binary("y_true", y_true), as_scores("y_score", y_score)
    same_shape(y_true=true, y_score=scores)
    positives = np.count_nonzero(true)
    if positives in (0, len(true)):
        only = f"only class {int(positives > 0)} ({len(true)} cases)" if len(true) else "no case"
        raise ValueError(f"y_true holds {only}: {what} needs both classes")
    return true, scores


def _sweep(
    true: NDArray[np.bool_], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Distinct scores, falling, and the true and false positives at and above each."""
    # Numbers are sorted several times faster without their places: so each class for itself, and then the stable sort,
    # which is quick on two sorted runs, merges them. A place beyond the negatives is that of a positive.
    classes = [np.sort(scores[np.flatnonzero(members)]) for members in (~true, true)]
    both = np.concatenate(classes)
    order = np.argsort(both, kind="stable")[::-1]
    ranked = both[order]
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    tp = np.cumsum(order >= len(classes[0]), dtype=np.int64)[ends]
    return ranked[ends], tp, ends + 1 - tp


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must lie between 0 and 1, such as 0.95, got {value}")
