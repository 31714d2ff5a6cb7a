"""DeLong's standard error of the area under the ROC curve: of one model, and of the difference of two.

Each positive case is placed among the negatives (the share of them that it outranks, ties half), each negative among
the positives; the area is the mean of the places, and their spread gives its variance. E. R. DeLong, D. M. DeLong and
D. L. Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating characteristic curves: a
nonparametric approach", Biometrics 44, 1988, pages 837-845; places by sorting as in X. Sun and W. Xu, "Fast
implementation of DeLong's algorithm", IEEE Signal Processing Letters 21, 2014, pages 1389-1393.
"""

from dataclasses import dataclass
from math import erfc, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.metrics.door import as_array, as_binary, as_scores, same_shape
from course_lib.metrics.intervals import Interval

__all__ = ["AucDifference", "AucEstimate", "compare_auc", "delong_auc"]


@dataclass(frozen=True)
class AucEstimate:
    """Area under a ROC curve, its standard error, and the interval that these give."""

    auc: float
    standard_error: float
    interval: Interval


@dataclass(frozen=True)
class AucDifference:
    """Areas of two models on the same cases; `difference` is a − b, with its standard error, interval and test."""

    auc_a: float
    auc_b: float
    difference: float
    standard_error: float
    interval: Interval
    z: float
    p_value: float


def delong_auc(y_true: ArrayLike, y_score: ArrayLike, *, confidence: float = 0.95) -> AucEstimate:
    """Area under the ROC curve with DeLong's standard error and the normal interval.

    Parameters
    ----------
    y_true : (N,) array of 0 and 1, or bool
        Truth; one case a patient, since cases of one patient are no independent draws.
    y_score : (N,) array of float
        Score of the positive class; only its order matters.
    confidence : float
        Share of such intervals that should cover the true area, between 0 and 1, both excluded.

    Returns
    -------
    AucEstimate
        Area 0 to 1, standard error at least 0, interval cut to 0 … 1. Where all pairs are in order (area 1) or none is,
        the places do not vary: the standard error is 0 and the interval is the point, which is too sure of itself.

    Raises
    ------
    ValueError
        If a class has fewer than 2 cases, a score is NaN, a label is neither 0 nor 1, the shapes differ, or
        `confidence` is out of range.
    TypeError
        If the values are not real numbers.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson 1988, equations 1 to 5; `pROC::ci.auc` in R.

    Examples
    --------
    >>> estimate = delong_auc([0, 0, 1, 1, 0, 1], [0.1, 0.4, 0.35, 0.8, 0.2, 0.7])
    >>> f"{estimate.auc:.3f} {estimate.standard_error:.3f}"
    '0.889 0.157'
    """
    true, (scores,) = _cases(y_true, y_score=y_score)
    places = _places(true, scores)
    auc, error = float(places[true].mean()), _standard_error(true, places)
    half = _z(confidence) * error
    return AucEstimate(
        auc=auc, standard_error=error, interval=Interval(low=max(auc - half, 0), high=min(auc + half, 1))
    )


def compare_auc(
    y_true: ArrayLike, y_score_a: ArrayLike, y_score_b: ArrayLike, *, confidence: float = 0.95
) -> AucDifference:
    """Test whether two models that scored the same cases differ in their area under the ROC curve.

    The same hard cases hurt both: places are subtracted case by case, so what both share cancels.

    Parameters
    ----------
    y_true : (N,) array of 0 and 1, or bool
        Truth; one case a patient.
    y_score_a, y_score_b : (N,) array of float
        Scores of the two models for these cases in this order; each on a scale of its own.
    confidence : float
        Share of such intervals that should cover the true difference, between 0 and 1, both excluded.

    Returns
    -------
    AucDifference
        Difference −1 to 1, p-value 0 to 1 (two-sided). Equal areas have z 0 and p-value 1, also where no case changes
        its place; if all cases change theirs alike, the standard error is 0, z infinite and the p-value 0.

    Raises
    ------
    ValueError
        If a class has fewer than 2 cases, a score is NaN, a label is neither 0 nor 1, the shapes differ, or
        `confidence` is out of range.
    TypeError
        If the values are not real numbers.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson 1988; `pROC::roc.test(paired=TRUE)` in R.

    Examples
    --------
    >>> y_true = [0, 0, 0, 1, 1, 1]
    >>> result = compare_auc(y_true, [0.1, 0.2, 0.4, 0.3, 0.7, 0.8], [0.5, 0.2, 0.4, 0.3, 0.1, 0.8])
    >>> f"{result.difference:.3f}, p = {result.p_value:.2f}"
    '0.444, p = 0.16'
    """
    true, scores = _cases(y_true, y_score_a=y_score_a, y_score_b=y_score_b)
    places_a, places_b = (_places(true, score) for score in scores)
    auc_a, auc_b = float(places_a[true].mean()), float(places_b[true].mean())
    difference, error = auc_a - auc_b, _standard_error(true, places_a - places_b)
    z = 0.0 if difference == 0 else difference / error if error else np.copysign(np.inf, difference).item()
    half = _z(confidence) * error
    return AucDifference(
        auc_a=auc_a,
        auc_b=auc_b,
        difference=difference,
        standard_error=error,
        interval=Interval(low=max(difference - half, -1), high=min(difference + half, 1)),
        z=z,
        p_value=erfc(abs(z) / sqrt(2)),
    )


def _places(true: NDArray[np.bool_], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each positive the share of negatives below it, for each negative the share of positives above it."""
    order = np.argsort(scores)
    ranked = scores[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))  # cases of equal score share a place
    size = np.diff(starts, append=len(ranked))
    positives = np.add.reduceat(true[order], starts, dtype=np.int64)
    negatives = size - positives
    positives_below, negatives_below = np.cumsum(positives) - positives, np.cumsum(negatives) - negatives
    of_positive = (negatives_below + negatives / 2) / negatives.sum()
    of_negative = 1 - (positives_below + positives / 2) / positives.sum()
    places = np.empty(len(ranked))
    places[order] = np.where(true[order], np.repeat(of_positive, size), np.repeat(of_negative, size))
    return places


def _standard_error(true: NDArray[np.bool_], places: NDArray[np.float64]) -> float:
    return sqrt(sum(np.var(part, ddof=1) / len(part) for part in (places[true], places[~true])))


def _z(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, such as 0.95, got {confidence}")
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _cases(y_true: ArrayLike, **y_scores: ArrayLike) -> tuple[NDArray[np.bool_], list[NDArray[np.float64]]]:
    """Check truth and the scores of each model at the door."""
    true = as_binary("y_true", y_true)
    scores = {name: as_scores(name, as_array(name, values)) for name, values in y_scores.items()}
    shape = same_shape(y_true=true, **scores)
    if len(shape) != 1:
        raise ValueError(f"y_true needs shape (N,), got {shape}")
    positives = int(np.count_nonzero(true))
    for label, count in ((1, positives), (0, len(true) - positives)):
        if count < 2:
            raise ValueError(f"a variance needs at least 2 cases of each class, got {count} of class {label}")
    return true, list(scores.values())
