"""From voxels to millimetres and millilitres: the spacing of a grid, checked, and what follows from it."""

from collections.abc import Sequence
from math import hypot, isfinite, prod

import numpy as np
from numpy.typing import ArrayLike

from course_lib.metrics.door import as_array, as_mask

__all__ = ["as_spacing", "image_diagonal_mm", "volume_ml"]


def volume_ml(mask: ArrayLike, *, spacing_mm: Sequence[float]) -> float:
    """Volume of a mask in millilitres: voxels × the volume of one.

    Parameters
    ----------
    mask : (D, H, W) array of bool, or of 0 and 1
        One volume; a millilitre needs three axes.
    spacing_mm : sequence of 3 float
        Distance between voxel centres along each axis, in the order of the axes.

    Returns
    -------
    float
        In ml, 0 for an empty mask.

    Raises
    ------
    ValueError
        If the mask has not three axes or another value than 0 and 1, or the spacing does not fit.

    Examples
    --------
    >>> volume_ml([[[1, 1], [1, 1]]], spacing_mm=(5.0, 10.0, 10.0))
    2.0
    """
    voxels = as_mask("mask", mask)
    if voxels.ndim != 3:
        raise ValueError(f"mask needs shape (D, H, W) to have a volume, got {voxels.shape}")
    return int(np.count_nonzero(voxels)) * prod(as_spacing(spacing_mm, axes=3)) / 1000


def image_diagonal_mm(shape: Sequence[int], spacing_mm: Sequence[float]) -> float:
    """Length of an image's diagonal: what some challenges give a case with one empty mask.

    Parameters
    ----------
    shape : sequence of int
        Voxels along each axis.
    spacing_mm : sequence of float
        Distance between voxel centres along each axis.

    Returns
    -------
    float
        In mm.

    Raises
    ------
    ValueError
        If the spacing does not fit the shape.

    References
    ----------
    The brain tumour challenge BraTS gives 373.13 mm, the diagonal of its 240 × 240 × 155 voxels of 1 mm.

    Examples
    --------
    >>> round(image_diagonal_mm((155, 240, 240), (1, 1, 1)), 2)
    373.13
    """
    return hypot(*(size * step for size, step in zip(shape, as_spacing(spacing_mm, axes=len(shape)), strict=True)))


def as_spacing(spacing_mm: Sequence[float], *, axes: int) -> tuple[float, ...]:
    """Give the spacing of a grid as floats, one for each axis.

    Parameters
    ----------
    spacing_mm : sequence of float
        Distance between voxel centres along each axis, in mm.
    axes : int
        How many axes the mask has.

    Returns
    -------
    tuple of float
        As many as there are axes.

    Raises
    ------
    ValueError
        If there are more or fewer values than axes, or one is not above 0 and finite.

    Examples
    --------
    >>> as_spacing([5, 0.7, 0.7], axes=3)
    (5.0, 0.7, 0.7)
    """
    spacing = tuple(float(value) for value in np.atleast_1d(as_array("spacing_mm", spacing_mm)))
    if len(spacing) != axes:
        raise ValueError(f"spacing_mm needs {axes} values for a {axes}-D mask, got {spacing}")
    if not all(isfinite(value) and value > 0 for value in spacing):
        raise ValueError(f"spacing_mm needs distances above 0 mm, got {spacing}")
    return spacing
