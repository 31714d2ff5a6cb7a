"""Averages of a rate over classes or labels.

The micro average needs no function here: it is the rate of all classes' counts together, `counts.summed().f1`. Differs
from scikit-learn: a class whose rate is undefined makes the mean undefined, unless it is left out on request.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.metrics.door import as_array, as_scores, same_shape

__all__ = ["macro_average", "weighted_average"]


def macro_average(rates: ArrayLike, *, skip_undefined: bool = False) -> float:
    """Mean over classes in which each class counts the same, however rare.

    Parameters
    ----------
    rates : (K,) array of float
        One rate a class, such as `Counts.from_matrix(matrix).f1`.
    skip_undefined : bool
        Leave out classes whose rate is NaN. Without this one undefined class makes the mean NaN.

    Returns
    -------
    float
        Within the range of the rates; NaN if one is NaN (with `skip_undefined`: if all are), or there is none.

    Raises
    ------
    ValueError
        If the shape is not (K,).

    Examples
    --------
    >>> macro_average([0.8, float("nan")], skip_undefined=True)
    0.8
    """
    values = _rates(rates)
    return weighted_average(values, support=np.ones(len(values), dtype=np.int64), skip_undefined=skip_undefined)


def weighted_average(rates: ArrayLike, *, support: ArrayLike, skip_undefined: bool = False) -> float:
    """Mean over classes in which each class counts as often as it occurs.

    Parameters
    ----------
    rates : (K,) array of float
        One rate a class.
    support : (K,) array of int
        Cases of each class, such as `counts.support`.
    skip_undefined : bool
        Leave out classes whose rate is NaN, with their weight.

    Returns
    -------
    float
        Within the range of the rates; NaN if one is NaN (also one without cases) and not skipped, or no case is left.

    Raises
    ------
    ValueError
        If the shapes differ, or a support is below 0.

    Examples
    --------
    >>> weighted_average([0.5, 1.0], support=[3, 1])
    0.625
    """
    values, weights = _rates(rates), as_scores("support", support)
    same_shape(rates=values, support=weights)
    if (weights < 0).any():
        raise ValueError(f"support must be at least 0, got {weights.min():g}")
    kept = ~np.isnan(values) if skip_undefined else np.ones(len(values), dtype=bool)
    total = weights[kept].sum()
    return float(np.dot(values[kept], weights[kept]) / total) if total else float("nan")


def _rates(rates: ArrayLike) -> NDArray[np.float64]:
    values = as_array("rates", rates).astype(np.float64)
    if values.ndim != 1:
        raise ValueError(f"rates need shape (K,), one for each class, got {values.shape}")
    return values
