"""Where numbers enter the metrics: arrays, lists or tensors in, checked numpy arrays out.

Each check is made once, here, and says what was wanted, what came and where. Nothing is guessed: a score is not passed
through a sigmoid, a label is not rounded, a mask is not thresholded. An array that fits is handed on without a copy.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["as_array", "as_binary", "as_labels", "as_mask", "as_measurements", "as_scores", "same_shape"]


def as_array(name: str, values: ArrayLike) -> NDArray[Any]:
    """Give an array of any shape and type; a tensor comes from its device and leaves its gradient behind.

    Parameters
    ----------
    name : str
        What an error calls the values.
    values : array-like or tensor
        Numbers of any shape; bfloat16, which numpy lacks, becomes float32.

    Returns
    -------
    array
        Not a copy where none is needed; empty where nothing came.

    Raises
    ------
    ValueError
        If a masked array hides entries, or the rows are of different lengths.

    Examples
    --------
    >>> as_array("volumes_ml", [1.5, 20]).dtype
    dtype('float64')
    """
    if hasattr(values, "detach"):  # a tensor, known by what it can do: torch is not loaded for this
        tensor = values.detach().cpu()
        values = (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError(f"{name} hides entries behind a mask: leave them out, for example with .compressed()")
    try:
        return np.asarray(values)
    except ValueError as reason:
        raise ValueError(f"{name} needs rows of the same length: {reason}") from None


def as_scores(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Give scores or measurements as float64; infinite ones are allowed and take their place in the order.

    Parameters
    ----------
    name : str
        What an error calls the values.
    values : array-like or tensor
        Real numbers of any shape. Whole numbers beyond 2⁵³ are rounded to the nearest float64.

    Returns
    -------
    array of float64
        The same shape, without NaN; empty where nothing came.

    Raises
    ------
    ValueError
        If a score is NaN; its index is named.
    TypeError
        If these are not real numbers.

    Examples
    --------
    >>> as_scores("y_score", [0, 1, float("inf")])
    array([ 0.,  1., inf])
    """
    array = as_array(name, values)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} needs real numbers, got {array.dtype}")
    scores = array.astype(np.float64, copy=False)
    # A sum is quicker than a look at each; it is NaN too where +inf meets −inf, so only then each is looked at.
    with np.errstate(invalid="ignore", over="ignore"):
        suspicious = array.dtype.kind == "f" and np.isnan(scores.sum())
    if suspicious and np.isnan(scores).any():
        where = _first_place(np.isnan(scores))
        raise ValueError(f"{name} is NaN at index {where}: a number is needed for each case")
    return scores


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
        where = _first_place(~np.isfinite(measured))
        raise ValueError(f"{name} is infinite at index {where}: leave out what was not measured")
    return measured


def as_labels(name: str, values: ArrayLike) -> NDArray[np.integer[Any]]:
    """Give class labels as whole numbers of the type they came in (bool as uint8).

    Parameters
    ----------
    name : str
        What an error calls the values.
    values : array-like or tensor
        Whole numbers or bool, of any shape.

    Returns
    -------
    array of int
        The same shape; int64 where nothing came.

    Raises
    ------
    TypeError
        If the labels are not whole numbers, such as scores or names.

    Examples
    --------
    >>> as_labels("grade", [True, False])
    array([1, 0], dtype=uint8)
    """
    array = as_array(name, values)
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind not in "iub":
        raise TypeError(f"{name} needs whole numbers as labels, got {array.dtype}")
    return array.view(np.uint8) if array.dtype == bool else array


def as_binary(name: str, values: ArrayLike) -> NDArray[np.bool_]:
    """Give labels that are 0 or 1 as bool.

    Parameters
    ----------
    name : str
        What an error calls the values.
    values : array-like or tensor
        0 and 1 of any real type, or bool, of any shape.

    Returns
    -------
    array of bool
        The same shape; empty where nothing came.

    Raises
    ------
    ValueError
        If a value is neither 0 nor 1, such as −1, 2, 0.7 or NaN; it is named.
    TypeError
        If these are not real numbers.

    Examples
    --------
    >>> as_binary("y_true", [0, 1.0])
    array([False,  True])
    """
    return _zeros_and_ones(name, values, "labels")


def as_mask(name: str, values: ArrayLike) -> NDArray[np.bool_]:
    """Give a mask, 1 inside and 0 outside, as bool.

    Parameters
    ----------
    name : str
        What an error calls the values.
    values : array-like or tensor
        0 and 1 of any real type, or bool, with at least one axis.

    Returns
    -------
    array of bool
        The same shape; empty where nothing came.

    Raises
    ------
    ValueError
        If a value is neither 0 nor 1, such as another label, 255 or a probability; it is named. If it has no axis.
    TypeError
        If these are not real numbers.

    Examples
    --------
    >>> as_mask("mask_true", [[0, 1], [1, 1]]).sum()
    np.int64(3)
    """
    mask = _zeros_and_ones(name, values, "voxels")
    if mask.ndim == 0:
        raise ValueError(f"{name} needs at least one axis, got a single number")
    return mask


def same_shape(**arrays: NDArray[Any]) -> tuple[int, ...]:
    """Give the shape that all arrays have.

    Parameters
    ----------
    **arrays : array
        At least one array, under the name that an error calls it.

    Returns
    -------
    tuple of int
        The shape of each.

    Raises
    ------
    ValueError
        If one differs from the first.

    Examples
    --------
    >>> same_shape(y_true=np.zeros((2, 3)), y_score=np.ones((2, 3)))
    (2, 3)
    """
    (first, wanted), *others = ((name, array.shape) for name, array in arrays.items())
    for name, shape in others:
        if shape != wanted:
            raise ValueError(f"{first} and {name} need the same shape, got {wanted} and {shape}")
    return wanted


def _zeros_and_ones(name: str, values: ArrayLike, what: str) -> NDArray[np.bool_]:
    array = as_array(name, values)
    if array.dtype == bool:
        return array
    if array.size == 0:
        return array.astype(bool)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} needs {what} 0 and 1, got {array.dtype}")
    ones = array == 1
    others = np.count_nonzero(array) - np.count_nonzero(ones)  # NaN counts as not zero
    if others:
        odd = array[(array != 0) & ~ones].flat[0]
        raise ValueError(f"{name} needs {what} 0 and 1, got {odd.item():g}: compare with a label or a threshold first")
    return ones


def _first_place(found: NDArray[np.bool_]) -> int | tuple[int, ...]:
    """Give the index of the first True: a number for one axis, else a tuple."""
    index = tuple(int(i) for i in np.argwhere(found)[0])
    return index[0] if len(index) == 1 else index
