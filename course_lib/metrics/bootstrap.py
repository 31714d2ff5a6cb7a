"""Bootstrap intervals: how much a number would move if other patients had come.

Cases are drawn again with replacement, many times; the middle 95% of the numbers so found are the interval (percentile
method: B. Efron and R. J. Tibshirani, "An introduction to the bootstrap", Chapman & Hall 1993, chapter 13). A resample
is kept as how often each case was drawn, so that all resamples of a block are measured by one array operation.
Cases should be independent: one a patient.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.metrics.curves import roc_auc
from course_lib.metrics.door import as_array, as_binary, as_scores, same_shape
from course_lib.metrics.intervals import Interval

__all__ = [
    "BootstrapDifference",
    "BootstrapEstimate",
    "bootstrap_auc",
    "bootstrap_auc_difference",
    "bootstrap_mean",
    "estimate",
    "resample_counts",
]

BLOCK = 2**20  # drawn cases that are held at a time


@dataclass(frozen=True, eq=False)
class BootstrapEstimate:
    """The number measured on all cases, its interval, and `resampled`: the number in each resample."""

    value: float
    interval: Interval
    resampled: NDArray[np.float64]

    @property
    def standard_error(self) -> float:
        """Standard deviation over the resamples in which the number is defined; NaN if there are fewer than 2."""
        defined = self.resampled[~np.isnan(self.resampled)]
        return float(np.std(defined, ddof=1)) if len(defined) > 1 else float("nan")


@dataclass(frozen=True, eq=False)
class BootstrapDifference:
    """Two models measured on the same resamples, and their difference a − b."""

    a: BootstrapEstimate
    b: BootstrapEstimate
    difference: BootstrapEstimate


def bootstrap_auc(
    y_true: ArrayLike, y_score: ArrayLike, *, seed: int, num_resamples: int = 1000, confidence: float = 0.95
) -> BootstrapEstimate:
    """Area under the ROC curve with its stratified bootstrap interval: each class keeps its number of cases.

    Parameters
    ----------
    y_true : (N,) array of 0 and 1, or bool
        Truth; one case a patient.
    y_score : (N,) array of float
        Score of the positive class; only its order matters.
    seed : int
        Of the draws: the same seed gives the same interval.
    num_resamples : int
        At least 2; 1000 or more for an interval.
    confidence : float
        Between 0 and 1, both excluded.

    Returns
    -------
    BootstrapEstimate
        All within 0 to 1. Where all pairs are in order, each resample's are too and the interval is the point 1.

    Raises
    ------
    ValueError
        If a class is missing (it is named), a score is NaN, a label is neither 0 nor 1, the shapes differ, or a number
        is out of its range.
    TypeError
        If the values are not real numbers.

    References
    ----------
    `pROC::ci.auc(method="bootstrap")` in R, which stratifies too.

    Examples
    --------
    >>> estimate = bootstrap_auc([0, 0, 1, 1, 0, 1], [0.1, 0.4, 0.35, 0.8, 0.2, 0.7], seed=0)
    >>> f"{estimate.value:.3f} from {estimate.interval.low:.3f} to {estimate.interval.high:.3f}"
    '0.889 from 0.556 to 1.000'
    """
    areas, resampled = _resampled_areas(seed, num_resamples, y_true, y_score=y_score)
    return estimate(areas[0], resampled[0], confidence=confidence)


def bootstrap_auc_difference(
    y_true: ArrayLike,
    y_score_a: ArrayLike,
    y_score_b: ArrayLike,
    *,
    seed: int,
    num_resamples: int = 1000,
    confidence: float = 0.95,
) -> BootstrapDifference:
    """Areas under the ROC curves of two models that scored the same cases, on the same resamples.

    Parameters
    ----------
    y_true : (N,) array of 0 and 1, or bool
        Truth; one case a patient.
    y_score_a, y_score_b : (N,) array of float
        Scores of the two models for these cases in this order; each on a scale of its own.
    seed : int
        Of the draws.
    num_resamples : int
        At least 2; 1000 or more for an interval.
    confidence : float
        Between 0 and 1, both excluded.

    Returns
    -------
    BootstrapDifference
        The difference lies within −1 to 1; 0 in its interval means that the data do not tell the models apart.

    Raises
    ------
    ValueError
        If a class is missing (it is named), a score is NaN, a label is neither 0 nor 1, the shapes differ, or a number
        is out of its range.
    TypeError
        If the values are not real numbers.

    Examples
    --------
    >>> y_true = [0, 0, 0, 1, 1, 1]
    >>> both = bootstrap_auc_difference(y_true, [1, 2, 4, 3, 7, 8], [5, 2, 4, 3, 1, 8], seed=0)
    >>> f"{both.difference.value:.3f}", both.difference.interval.low <= 0
    ('0.444', True)
    """
    areas, resampled = _resampled_areas(seed, num_resamples, y_true, y_score_a=y_score_a, y_score_b=y_score_b)
    a, b = (estimate(area, values, confidence=confidence) for area, values in zip(areas, resampled, strict=True))
    difference = estimate(areas[0] - areas[1], resampled[0] - resampled[1], confidence=confidence)
    return BootstrapDifference(a=a, b=b, difference=difference)


def bootstrap_mean(
    values: ArrayLike, *, seed: int, num_resamples: int = 1000, confidence: float = 0.95
) -> BootstrapEstimate:
    """Mean of one number a case, such as Dice or the error of an age, with its bootstrap interval.

    Parameters
    ----------
    values : (N,) array of float
        One finite number a case, at least one.
    seed : int
        Of the draws.
    num_resamples : int
        At least 2; 1000 or more for an interval.
    confidence : float
        Between 0 and 1, both excluded.

    Returns
    -------
    BootstrapEstimate
        Within the range of the values; of a single case the point itself, which says nothing about others.

    Raises
    ------
    ValueError
        If a value is NaN or infinite, there is none, the shape is not (N,), or a number is out of its range.
    TypeError
        If the values are not real numbers.

    Examples
    --------
    >>> bootstrap_mean([0.9, 0.9, 0.9], seed=0).interval
    Interval(low=0.9, high=0.9)
    """
    measured = as_scores("values", values)
    if measured.ndim != 1 or not len(measured):
        raise ValueError(f"values need shape (N,) with at least one case, got {measured.shape}")
    if np.isinf(measured).any():
        raise ValueError(f"values must be finite, got {measured[np.isinf(measured)][0]}: their mean is not a number")
    centre = float(measured.mean())
    blocks = resample_counts([len(measured)], num_resamples=num_resamples, seed=seed)
    resampled = np.concatenate([drawn @ (measured - centre) / len(measured) for (drawn,) in blocks])
    return estimate(centre, centre + resampled, confidence=confidence)


def resample_counts(
    sizes: Sequence[int], *, num_resamples: int, seed: int | np.random.Generator
) -> Iterator[tuple[NDArray[np.int64], ...]]:
    """Draw cases again, stratum by stratum, and give how often each was drawn: any weighted sum is then one product.

    Parameters
    ----------
    sizes : sequence of int
        Number of cases of each stratum, at least 1 each; a stratum keeps its size in each resample.
    num_resamples : int
        At least 2.
    seed : int or numpy Generator
        Of the draws.

    Returns
    -------
    iterator of tuples of (B, size) arrays of int
        One array a stratum, whose rows sum to its size; blocks of B resamples, `num_resamples` in all.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Examples
    --------
    >>> sick, healthy = next(resample_counts([3, 5], num_resamples=4, seed=0))
    >>> sick.shape, healthy.sum(axis=1).tolist()
    ((4, 3), [5, 5, 5, 5])
    """
    if num_resamples < 2:
        raise ValueError(f"num_resamples must be at least 2, such as 1000, got {num_resamples}")
    if min(sizes) < 1:
        raise ValueError(f"each stratum needs at least one case, got {list(sizes)}")
    rng = np.random.default_rng(seed)
    rows = max(1, BLOCK // sum(sizes))
    for start in range(0, num_resamples, rows):
        yield tuple(_times_drawn(rng, min(rows, num_resamples - start), size) for size in sizes)


def estimate(value: float, resampled: NDArray[np.float64], *, confidence: float) -> BootstrapEstimate:
    """Give a measured number the percentile interval of its resamples.

    Parameters
    ----------
    value : float
        The number on all cases.
    resampled : (R,) array of float
        The number in each resample; NaN where it was undefined there, which the interval leaves out.
    confidence : float
        Between 0 and 1, both excluded.

    Returns
    -------
    BootstrapEstimate
        The interval is from NaN to NaN if the number was defined in no resample.

    Raises
    ------
    ValueError
        If `confidence` is out of its range.

    Examples
    --------
    >>> estimate(0.5, np.array([0.4, 0.5, 0.6]), confidence=0.5).interval
    Interval(low=0.45, high=0.55)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, such as 0.95, got {confidence}")
    defined = resampled[~np.isnan(resampled)]
    tail = (1 - confidence) / 2
    low, high = np.quantile(defined, [tail, 1 - tail]).tolist() if len(defined) else (np.nan, np.nan)
    return BootstrapEstimate(value=value, interval=Interval(low=low, high=high), resampled=resampled)


def _times_drawn(rng: np.random.Generator, rows: int, size: int) -> NDArray[np.int64]:
    drawn = rng.integers(0, size, (rows, size))
    drawn += size * np.arange(rows)[:, np.newaxis]  # each row counts in bins of its own
    return np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size)


def _resampled_areas(
    seed: int, num_resamples: int, y_true: ArrayLike, **y_scores: ArrayLike
) -> tuple[list[float], NDArray[np.float64]]:
    """Area of each model on all cases, and (models, resamples) areas on the same resamples."""
    true = as_binary("y_true", y_true)
    scores = {name: as_scores(name, as_array(name, values)) for name, values in y_scores.items()}
    same_shape(y_true=true, **scores)
    areas = [roc_auc(true, score) for score in scores.values()]
    pairs = [_Pairs(score[true], score[~true]) for score in scores.values()]
    sizes = [int(np.count_nonzero(true)), int(np.count_nonzero(~true))]
    blocks = resample_counts(sizes, num_resamples=num_resamples, seed=seed)
    resampled = [[pair.areas(*drawn) for pair in pairs] for drawn in blocks]
    return areas, np.concatenate(resampled, axis=1)


class _Pairs:
    """Which negatives lie below each positive: found once, whatever is drawn."""

    def __init__(self, positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> None:
        self.order = np.argsort(negatives)
        ranked = negatives[self.order]
        self.below = np.searchsorted(ranked, positives, side="left")
        self.not_above = np.searchsorted(ranked, positives, side="right")

    def areas(self, positives: NDArray[np.int64], negatives: NDArray[np.int64]) -> NDArray[np.float64]:
        """Area of each resample, from how often each positive (B, P) and each negative (B, Q) was drawn."""
        rows, num_negatives = negatives.shape
        lower = np.zeros((rows, num_negatives + 1), dtype=np.int64)  # drawn negatives among the first of the order
        np.cumsum(negatives[:, self.order], axis=1, out=lower[:, 1:])
        twice = np.einsum("bp,bp->b", positives, lower[:, self.below] + lower[:, self.not_above])
        return twice / (2 * positives.shape[1] * num_negatives)
