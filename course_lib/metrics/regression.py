"""How far predicted numbers are from the true ones: an age in years, a volume in millilitres.

Names and meanings are those of scikit-learn, which is the oracle in the tests. Differs: what is 0/0 is NaN. R² of equal
true values is NaN, where scikit-learn answers 1 or 0; an empty input has an answer, and an infinite value has none.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.metrics.door import as_measurements, same_shape

__all__ = ["mean_absolute_error", "pearson_correlation", "r2_score", "root_mean_squared_error"]


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean distance between prediction and truth, in the unit of both.

    Parameters
    ----------
    y_true, y_pred : (N,) array or tensor
        True and predicted value of each case, finite.

    Returns
    -------
    float
        0 (all exact) or more; NaN if there is no case.

    Raises
    ------
    ValueError
        If a value is NaN or infinite, or the shapes are not (N,) or differ.
    TypeError
        If these are not real numbers.

    References
    ----------
    `sklearn.metrics.mean_absolute_error`.

    Examples
    --------
    >>> mean_absolute_error([60, 70], [62, 69])
    1.5
    """
    true, predicted = _pair(y_true, y_pred)
    return float(np.abs(predicted - true).mean()) if len(true) else float("nan")


def root_mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Root of the mean squared distance, in the unit of both: a few large errors weigh more than in the mean.

    Parameters
    ----------
    y_true, y_pred : (N,) array or tensor
        True and predicted value of each case, finite.

    Returns
    -------
    float
        0 (all exact) or more, never less than the mean absolute error; NaN if there is no case.

    Raises
    ------
    ValueError
        If a value is NaN or infinite, or the shapes are not (N,) or differ.
    TypeError
        If these are not real numbers.

    References
    ----------
    `sklearn.metrics.root_mean_squared_error`.

    Examples
    --------
    >>> root_mean_squared_error([60, 70, 80], [62, 69, 78])
    1.7320508075688772
    """
    true, predicted = _pair(y_true, y_pred)
    return float(np.sqrt(((predicted - true) ** 2).mean())) if len(true) else float("nan")


def r2_score(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Coefficient of determination R²: how much of the variance of the truth the prediction explains.

    1 minus the squared errors over those of always answering the mean of these same cases. It is no square: worse than
    the mean is negative. It grows with the range of the truth, so values from two cohorts cannot be compared.

    Parameters
    ----------
    y_true, y_pred : (N,) array or tensor
        True and predicted value of each case, finite.

    Returns
    -------
    float
        1 (all exact) or less, without a lower bound; NaN if all true values are equal, or there is no case.

    Raises
    ------
    ValueError
        If a value is NaN or infinite, or the shapes are not (N,) or differ.
    TypeError
        If these are not real numbers.

    References
    ----------
    `sklearn.metrics.r2_score`, which answers 1 or 0 for equal true values.

    Examples
    --------
    >>> r2_score([60, 70, 80], [62, 69, 78])
    0.955
    """
    true, predicted = _pair(y_true, y_pred)
    if _all_equal(true):
        return float("nan")
    return float(1 - ((predicted - true) ** 2).sum() / ((true - true.mean()) ** 2).sum())


def pearson_correlation(x: ArrayLike, y: ArrayLike) -> float:
    """How closely two measurements lie on a straight line; it says nothing of whether they agree.

    Parameters
    ----------
    x, y : (N,) array or tensor
        Two measurements of each case, finite.

    Returns
    -------
    float
        −1 (a falling line) to 1 (a rising line); NaN if all values of one are equal, or there is no case.

    Raises
    ------
    ValueError
        If a value is NaN or infinite, or the shapes are not (N,) or differ.
    TypeError
        If these are not real numbers.

    References
    ----------
    `scipy.stats.pearsonr`.

    Examples
    --------
    >>> pearson_correlation([1, 2, 3], [10, 30, 20])
    0.5
    """
    one, other = as_measurements("x", x), as_measurements("y", y)
    same_shape(x=one, y=other)
    if _all_equal(one) or _all_equal(other):
        return float("nan")
    one, other = _centred(one), _centred(other)
    correlation = one @ other / np.sqrt((one @ one) * (other @ other))
    return float(np.clip(correlation, -1, 1))  # rounding would leave 1 + 2e-16


def _pair(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    true, predicted = as_measurements("y_true", y_true), as_measurements("y_pred", y_pred)
    same_shape(y_true=true, y_pred=predicted)
    return true, predicted


def _all_equal(values: NDArray[np.float64]) -> bool:
    # Asked of the values themselves: the variance of three times 0.1 is not exactly 0.
    return len(values) == 0 or bool(values.min() == values.max())


def _centred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = values - values.mean()
    return centred / np.abs(centred).max()  # a correlation has no unit; squares neither overflow nor vanish
