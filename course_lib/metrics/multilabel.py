"""Curve areas of many labels at once: several findings an image, or one class against the rest.

A label that all cases have, or none, has no area: it is NaN, its counts say why, and a mean leaves it out only on
request. Labels are never thrown on one heap: each finding has a scale of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.metrics.averages import macro_average, weighted_average
from course_lib.metrics.curves import average_precision, roc_auc
from course_lib.metrics.door import as_array, as_binary, as_labels, as_scores, same_shape

__all__ = ["LabelScores", "average_precision_per_label", "one_vs_rest", "roc_auc_per_label"]


@dataclass(frozen=True, eq=False)
class LabelScores:
    """One number for each of L labels (NaN where a class is missing), and how many cases it rests on.

    `values`, `positives` and `negatives` are arrays (L,).
    """

    values: NDArray[np.float64]
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]

    def macro(self, *, skip_undefined: bool = False) -> float:
        """Mean in which each label counts the same; NaN if one is undefined and not skipped."""
        return macro_average(self.values, skip_undefined=skip_undefined)

    def weighted(self, *, skip_undefined: bool = False) -> float:
        """Mean in which each label counts by its positives; NaN if one is undefined and not skipped."""
        return weighted_average(self.values, support=self.positives, skip_undefined=skip_undefined)


def roc_auc_per_label(y_true: ArrayLike, y_score: ArrayLike) -> LabelScores:
    """Area under the ROC curve of each label, see `roc_auc`.

    Parameters
    ----------
    y_true : (N, L) array of 0 and 1, or bool
        Truth: several labels a case allowed. For classes that exclude each other see `one_vs_rest`.
    y_score : (N, L) array of float
        Score of each label; only the order within a label matters.

    Returns
    -------
    LabelScores
        0 to 1 each; NaN for a label of one class only, or without cases.

    Raises
    ------
    ValueError
        If a score is NaN, a label is neither 0 nor 1, or the shapes differ or are not (N, L).
    TypeError
        If the values are not real numbers.

    References
    ----------
    `sklearn.metrics.roc_auc_score` with `average=None`.

    Examples
    --------
    >>> areas = roc_auc_per_label([[0, 0], [1, 0], [1, 0]], [[0.1, 0.3], [0.7, 0.2], [0.6, 0.9]])
    >>> areas.values.tolist(), areas.positives.tolist(), areas.macro(skip_undefined=True)
    ([1.0, nan], [2, 0], 1.0)
    """
    return _per_label(roc_auc, y_true, y_score)


def average_precision_per_label(y_true: ArrayLike, y_score: ArrayLike) -> LabelScores:
    """Average precision of each label, see `average_precision`.

    Parameters
    ----------
    y_true : (N, L) array of 0 and 1, or bool
        Truth: several labels a case allowed. For classes that exclude each other see `one_vs_rest`.
    y_score : (N, L) array of float
        Score of each label; only the order within a label matters.

    Returns
    -------
    LabelScores
        0 to 1 each; NaN for a label of one class only, or without cases.

    Raises
    ------
    ValueError
        If a score is NaN, a label is neither 0 nor 1, or the shapes differ or are not (N, L).
    TypeError
        If the values are not real numbers.

    References
    ----------
    `sklearn.metrics.average_precision_score` with `average=None`.

    Examples
    --------
    >>> average_precision_per_label([[0, 1], [1, 0]], [[0.1, 0.3], [0.7, 0.9]]).values.tolist()
    [1.0, 0.5]
    """
    return _per_label(average_precision, y_true, y_score)


def one_vs_rest(y_true: ArrayLike, *, num_classes: int) -> NDArray[np.bool_]:
    """Turn one class a case into one yes-or-no question a class.

    Parameters
    ----------
    y_true : (N,) array of int
        Class of each case, 0 to `num_classes` − 1.
    num_classes : int
        Number of classes K; given, since a class may be missing among the labels.

    Returns
    -------
    (N, K) array of bool
        Exactly one True a row.

    Raises
    ------
    ValueError
        If a label is outside 0 to K − 1, or the shape is not (N,).
    TypeError
        If the labels are not whole numbers.

    Examples
    --------
    >>> one_vs_rest([2, 0], num_classes=3).astype(int).tolist()
    [[0, 0, 1], [1, 0, 0]]
    """
    labels = as_labels("y_true", y_true)
    if labels.ndim != 1:
        raise ValueError(f"y_true needs shape (N,), got {labels.shape}")
    outside = labels[(labels < 0) | (labels >= num_classes)]
    if len(outside):
        raise ValueError(f"y_true needs labels from 0 to {num_classes - 1}, got {outside[0]}: is num_classes right?")
    return labels[:, np.newaxis] == np.arange(num_classes)


def _per_label(score: Callable[..., float], y_true: ArrayLike, y_score: ArrayLike) -> LabelScores:
    for name, values in (("y_true", y_true), ("y_score", y_score)):
        shape = as_array(name, values).shape
        if len(shape) != 2:
            raise ValueError(f"{name} needs shape (N, L), one column a label, got {shape}")
    true, scores = as_binary("y_true", y_true), as_scores("y_score", y_score)
    num_cases, num_labels = same_shape(y_true=true, y_score=scores)
    positives = np.count_nonzero(true, axis=0)
    values = np.full(num_labels, np.nan)
    for label in np.flatnonzero((positives > 0) & (positives < num_cases)):
        values[label] = score(true[:, label], scores[:, label])
    return LabelScores(values=values, positives=positives, negatives=num_cases - positives)
