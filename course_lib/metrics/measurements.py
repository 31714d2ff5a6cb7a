"""The door for measurements: ages, volumes, times, of which each must be a finite number."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.metrics.door import as_scores

__all__ = ["as_measurements"]


def as_measurements(name: str, values: ArrayLike, *, axes: tuple[str, ...] = ("N",)) -> NDArray[np.float64]:
    """Give measurements as float64, each finite, in the wanted number of axes.

    Parameters
    ----------
    name : str
        What an error calls the values.
    values : array-like or tensor
        Real numbers.
    axes : tuple of str
        The names of the axes, as an error tells them.

    Returns
    -------
    array of float64
        The same shape; empty where nothing came.

    Raises
    ------
    ValueError
        If a value is NaN or infinite (an infinite one leaves no mean), or the number of axes differs.
    TypeError
        If these are not real numbers.

    Examples
    --------
    >>> as_measurements("age_years", [63, 70.5])
    array([63. , 70.5])
    """
    measured = as_scores(name, values)
    if measured.ndim != len(axes):
        raise ValueError(f"{name} needs shape ({', '.join(axes)}{',' * (len(axes) == 1)}), got {measured.shape}")
    if not np.isfinite(measured).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(measured))[0])
        where = index[0] if len(index) == 1 else index
        raise ValueError(f"{name} is infinite at index {where}: leave out what was not measured")
    return measured
