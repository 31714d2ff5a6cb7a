"""Metrics of classification, from true and predicted labels.

Names and meanings are those of scikit-learn, which is the oracle in the tests. Differs: the number of classes is given,
never guessed from the labels, so that a class nobody met keeps its place; and an empty input has an answer.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.metrics.door import as_array, as_labels

__all__ = ["accuracy_score", "confusion_matrix"]

BLOCK = 65_536


def accuracy_score(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of the cases that got their own label.

    Parameters
    ----------
    y_true, y_pred : (N,) array of int or bool
        True and predicted class of each case.

    Returns
    -------
    float
        0 (all wrong) to 1 (all right); NaN if there is no case.

    Raises
    ------
    ValueError
        If the shapes are not (N,), or the lengths differ.
    TypeError
        If the labels are not whole numbers, such as scores or names.

    References
    ----------
    `sklearn.metrics.accuracy_score`, which refuses an empty input.

    Examples
    --------
    >>> accuracy_score([0, 1, 2, 2], [0, 1, 1, 2])
    0.75
    """
    true, predicted = _label_pair(y_true, y_pred)
    return float(np.mean(true == predicted)) if len(true) else float("nan")


def confusion_matrix(y_true: ArrayLike, y_pred: ArrayLike, *, num_classes: int) -> NDArray[np.int64]:
    """Count the cases of each true class (row) that were given each label (column).

    Parameters
    ----------
    y_true, y_pred : (N,) array of int or bool
        True and predicted class of each case, 0 to `num_classes` − 1.
    num_classes : int
        Number of classes K, at least 1.

    Returns
    -------
    (K, K) array of int64
        Right answers lie on the diagonal, the sum is N; zeros only if there is no case.

    Raises
    ------
    ValueError
        If the shapes are not (N,), the lengths differ, or a label is outside 0 to K − 1.
    TypeError
        If the labels are not whole numbers, such as scores or names.

    References
    ----------
    `sklearn.metrics.confusion_matrix` with `labels=range(num_classes)`.

    Examples
    --------
    >>> confusion_matrix([0, 1, 1, 1], [0, 0, 1, 1], num_classes=3).tolist()
    [[1, 0, 0], [1, 2, 0], [0, 0, 0]]
    """
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, got {num_classes}")
    true, predicted = _label_pair(y_true, y_pred)
    counts = np.zeros(num_classes**2, dtype=np.int64)
    block = max(BLOCK, num_classes**2)  # it stays in the processor's cache, and needs no memory to speak of
    cells = np.empty(min(block, len(true)), dtype=np.int64)
    for start in range(0, len(true), block):
        rows, columns = true[start : start + block], predicted[start : start + block]
        _check_range("y_true", rows, num_classes)
        _check_range("y_pred", columns, num_classes)
        cells = cells[: len(rows)]
        np.multiply(rows, num_classes, out=cells, dtype=np.int64)
        np.add(cells, columns, out=cells, dtype=np.int64)
        counts += np.bincount(cells, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def _check_range(name: str, labels: NDArray[np.integer[Any]], num_classes: int) -> None:
    # Read without its sign a label below 0 is beyond all that its type can count to: one pass tells of both ends.
    unsigned = labels.view(labels.dtype.str.replace("i", "u"))
    if unsigned.max() >= min(num_classes, np.iinfo(labels.dtype).max + 1):
        outside = labels[(labels < 0) | (labels >= num_classes)][0]
        raise ValueError(f"{name} needs labels from 0 to {num_classes - 1}, got {outside}: is num_classes right?")


def _label_pair(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[NDArray[np.integer[Any]], NDArray[np.integer[Any]]]:
    true, predicted = _labels("y_true", y_true), _labels("y_pred", y_pred)
    if len(true) != len(predicted):
        raise ValueError(f"y_true and y_pred need one label for each case, got {len(true)} and {len(predicted)} labels")
    return true, predicted


def _labels(name: str, values: ArrayLike) -> NDArray[np.integer[Any]]:
    array = as_array(name, values)
    if array.ndim != 1:
        raise ValueError(f"{name} needs shape (N,), got {array.shape}: scores become labels by argmax(axis=1)")
    return as_labels(name, array)
