"""Volumes on another grid: resampled to a spacing, cropped, padded; every voxel keeps its place in the patient.

The new grid begins at the same outer corner as the old one and covers all of it: an image of 3 voxels of 2 mm becomes
6 of 1 mm. Intensities are interpolated linearly; where voxels grow, the interpolated line is averaged over the length
that the new voxel has more than the old, so that no old voxel is skipped and noise falls as in a thicker slice.
Differs: sampling by points (`scipy.ndimage.zoom`, order 1) aligns the centres of the outermost voxels, which stretches
the patient, and skips voxels where they grow.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from course_lib.data.medical_image import MedicalImage

__all__ = ["crop_or_pad", "crop_to_mask", "resample_linear", "resample_mask", "resample_nearest"]


def resample_linear(image: MedicalImage, *, spacing_mm: Sequence[float]) -> MedicalImage:
    """Resample intensities by linear interpolation, averaging where the new voxels are larger.

    Parameters
    ----------
    image : MedicalImage
        float32, 3-D or 4-D; time is left as it is.
    spacing_mm : three floats
        New spacing along each array axis, in mm.

    Returns
    -------
    MedicalImage
        float32 on the new grid; no value lies outside the range of the old ones.

    Raises
    ------
    TypeError
        If the image holds labels: the mean of liver and spleen is no organ.
    ValueError
        If a spacing is not above 0.

    Examples
    --------
    >>> image = MedicalImage(np.array([0, 4], np.float32).reshape(2, 1, 1), np.diag([2.0, 1.0, 1.0, 1.0]))
    >>> resample_linear(image, spacing_mm=(1, 1, 1)).array.ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    if image.array.dtype != np.float32:
        raise TypeError(
            f"resample_linear needs float32 intensities, got {image.array.dtype}; "
            "for labels take resample_mask or resample_nearest"
        )
    return _on_grid(image, _mixed(image.array, _ratios(image, spacing_mm), _linear_weights), spacing_mm)


def resample_nearest(labels: MedicalImage, *, spacing_mm: Sequence[float]) -> MedicalImage:
    """Resample labels: each new voxel takes the label of the old voxel that its centre lies in.

    Parameters
    ----------
    labels : MedicalImage
        Any number of labels, 3-D or 4-D.
    spacing_mm : three floats
        New spacing along each array axis, in mm.

    Returns
    -------
    MedicalImage
        Same labels and dtype. Volumes are kept on average only, and what is thinner than a new voxel can vanish:
        `resample_mask` keeps the volume of one structure.

    Raises
    ------
    ValueError
        If a spacing is not above 0.

    Examples
    --------
    >>> labels = MedicalImage(np.array([1, 2], np.uint8).reshape(2, 1, 1), np.diag([2.0, 1.0, 1.0, 1.0]))
    >>> resample_nearest(labels, spacing_mm=(1, 1, 1)).array.ravel().tolist()
    [1, 1, 2, 2]
    """
    ratios = _ratios(labels, spacing_mm)
    chosen = []
    for ratio, size in zip(ratios, labels.array.shape[:3], strict=True):
        centers = _centers(size, ratio)
        chosen.append(np.clip(np.floor(centers + 0.5 + 1e-9).astype(int), 0, size - 1))
    return _on_grid(labels, labels.array[np.ix_(*chosen)], spacing_mm)


def resample_mask(mask: MedicalImage, *, spacing_mm: Sequence[float]) -> MedicalImage:
    """Resample one structure so that its volume is kept: as many new voxels as the volume asks for, the fullest first.

    Parameters
    ----------
    mask : MedicalImage
        3-D, 0 and 1.
    spacing_mm : three floats
        New spacing along each array axis, in mm.

    Returns
    -------
    MedicalImage
        0 and 1, same dtype; its volume differs by half a new voxel at most, and by rounding what is smaller than
        half a voxel vanishes. Where new voxels are thicker than the structure, its thin parts lose what its thick
        parts gain. An empty mask stays empty.

    Raises
    ------
    ValueError
        If the mask holds other values than 0 and 1, is not 3-D, or a spacing is not above 0.

    Examples
    --------
    >>> mask = MedicalImage(np.ones((10, 10, 10), np.uint8), np.eye(4))
    >>> resample_mask(mask, spacing_mm=(2, 2, 2.5)).array.sum() * 10  # mm³
    np.uint64(1000)
    """
    if mask.array.ndim != 3 or not np.isin(mask.array, (0, 1)).all():
        raise ValueError(
            f"resample_mask needs a 3-D mask of 0 and 1, got {mask.array.ndim} dimensions and values from "
            f"{mask.array.min()} to {mask.array.max()}; give one label at a time, or take resample_nearest"
        )
    ratios = _ratios(mask, spacing_mm)
    fullness = _mixed(mask.array, ratios, _overlap_weights)
    fullness += 1e-3 * _mixed(mask.array, ratios, _linear_weights)  # of voxels equally full, the inner ones
    count = min(fullness.size, math.floor(int(mask.array.sum()) / math.prod(ratios) + 0.5))
    out = np.zeros(fullness.size, dtype=mask.array.dtype)
    if count:
        out[np.argpartition(-fullness.ravel(), count - 1)[:count]] = 1
    return _on_grid(mask, out.reshape(fullness.shape), spacing_mm)


def crop_or_pad(image: MedicalImage, *, shape: Sequence[int], fill: float = 0) -> MedicalImage:
    """Cut or pad around the middle to a shape; what is padded takes one value.

    Parameters
    ----------
    image : MedicalImage
        3-D or 4-D; time is left as it is.
    shape : three ints
        New number of voxels along each axis, at least 1. Where the difference is odd, the far side gets the larger
        part.
    fill : float
        Value outside: −1000 for CT, 0 for labels.

    Returns
    -------
    MedicalImage
        What is kept stays where it was in mm.

    Raises
    ------
    ValueError
        If the shape is not three numbers of at least 1, or the labels cannot hold `fill`.

    Examples
    --------
    >>> image = MedicalImage(np.ones((2, 2, 2), np.float32), np.eye(4))
    >>> padded = crop_or_pad(image, shape=(4, 2, 1), fill=-1000)
    >>> padded.array[:, 0, 0].tolist(), padded.affine[0, 3]
    ([-1000.0, 1.0, 1.0, -1000.0], np.float64(-1.0))
    """
    if len(shape) != 3 or any(int(size) != size or size < 1 for size in shape):
        raise ValueError(f"shape needs 3 whole numbers of at least 1, got {tuple(shape)}")
    starts = [(old - int(new)) // 2 for old, new in zip(image.array.shape[:3], shape, strict=True)]
    return _boxed(image, starts, [int(size) for size in shape], fill)


def crop_to_mask(image: MedicalImage, mask: MedicalImage, *, margin_mm: float = 0) -> MedicalImage:
    """Cut the box around a mask out of an image on the same grid.

    Parameters
    ----------
    image : MedicalImage
        3-D or 4-D.
    mask : MedicalImage
        3-D labels on the grid of the image; the box holds all that is above 0.
    margin_mm : float
        How much more to keep on every side, in mm, as far as the image goes.

    Returns
    -------
    MedicalImage
        What is kept stays where it was in mm.

    Raises
    ------
    ValueError
        If the grids differ, the mask is empty, or the margin is below 0.

    Examples
    --------
    >>> mask = MedicalImage(np.eye(4, dtype=np.uint8)[:, :, None], np.eye(4))
    >>> mask.array[3] = 0
    >>> crop_to_mask(mask, mask).array.shape
    (3, 3, 1)
    """
    if (
        mask.array.ndim != 3
        or mask.array.shape != image.array.shape[:3]
        or not np.allclose(mask.affine, image.affine, atol=1e-3)
    ):
        raise ValueError("mask needs the grid of the image (shape and affine); resample or reorient one of them first")
    if not (np.isfinite(margin_mm) and margin_mm >= 0):
        raise ValueError(f"margin_mm needs a number of at least 0, got {margin_mm}")
    inside = np.argwhere(mask.array > 0)
    if not len(inside):
        raise ValueError("mask needs at least one voxel above 0, got none")
    margin = np.ceil(margin_mm / image.spacing_mm - 1e-6).astype(int)
    first = np.maximum(inside.min(axis=0) - margin, 0)
    last = np.minimum(inside.max(axis=0) + margin, np.array(mask.array.shape) - 1)
    return _boxed(image, first.tolist(), (last - first + 1).tolist(), 0)


def _ratios(image: MedicalImage, spacing_mm: Sequence[float]) -> list[float]:
    """Return how many old voxels a new one is long, per axis."""
    new_mm = np.array(spacing_mm, dtype=np.float64)
    if new_mm.shape != (3,) or not (np.isfinite(new_mm) & (new_mm > 0)).all():
        raise ValueError(f"spacing_mm needs 3 values above 0, got {spacing_mm}")
    return [float(ratio) for ratio in new_mm / image.spacing_mm]


def _centers(size: int, ratio: float) -> NDArray[np.float64]:
    """Centres of the new voxels along an axis, in old indices; the last new voxel may reach over the edge."""
    count = max(1, math.ceil(size / ratio - 1e-3))
    return np.asarray((np.arange(count) + 0.5) * ratio - 0.5, dtype=np.float64)


def _mixed(array: NDArray[Any], ratios: Sequence[float], weigh: Callable[[int, float], Any]) -> NDArray[np.float32]:
    """Mix the old voxels along one axis after the other, first where most vanish."""
    out = array.astype(np.float32)
    for axis in sorted(range(3), key=lambda axis: -ratios[axis]):
        moved = np.moveaxis(out, axis, 0)
        mixed = weigh(len(moved), ratios[axis]) @ np.ascontiguousarray(moved).reshape(len(moved), -1)
        out = np.moveaxis(mixed.reshape(-1, *moved.shape[1:]), 0, axis)
    return np.ascontiguousarray(out)


def _linear_weights(size: int, ratio: float) -> Any:
    """Return the (new, old) matrix that interpolates; rows sum to 1, beyond the edge the outermost voxel goes on."""
    centers, old = _neighbours(size, ratio)
    half = (ratio - 1) / 2
    if half < 1e-6:
        weights = np.maximum(0, 1 - np.abs(centers - old))
    else:
        weights = (_hat_integral(centers + half - old) - _hat_integral(centers - half - old)) / (2 * half)
    return _matrix(weights, np.clip(old, 0, size - 1), size)


def _overlap_weights(size: int, ratio: float) -> Any:
    """Return the (new, old) matrix of the part of each new voxel that lies in each old one."""
    centers, old = _neighbours(size, ratio)
    high = np.minimum(centers + ratio / 2, old + 0.5)
    low = np.maximum(centers - ratio / 2, old - 0.5)
    weights = np.maximum(0, high - low) / ratio
    weights[(old < 0) | (old >= size)] = 0
    return _matrix(weights, np.clip(old, 0, size - 1), size)


def _neighbours(size: int, ratio: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Centres of the new voxels, (new, 1), and the old indices that they may touch, (new, few)."""
    centers = _centers(size, ratio)[:, None]
    reach = math.ceil(ratio / 2 + 1)
    return centers, np.floor(centers).astype(np.int64) + np.arange(-reach, reach + 1)


def _hat_integral(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integral of the triangle 1 − |t| from −1 to t."""
    t = np.clip(t, -1, 1)
    return np.where(t < 0, (t + 1) ** 2 / 2, 1 - (1 - t) ** 2 / 2)


def _matrix(weights: NDArray[np.float64], columns: NDArray[np.int64], size: int) -> Any:
    """Return the sparse matrix of the weights; those of the same old voxel are added."""
    rows = np.repeat(np.arange(len(weights)), weights.shape[1])
    return csr_array((weights.astype(np.float32).ravel(), (rows, columns.ravel())), shape=(len(weights), size))


def _on_grid(image: MedicalImage, array: NDArray[Any], spacing_mm: Sequence[float]) -> MedicalImage:
    """Return the array with the affine of the new grid, whose outer corner is that of the old one."""
    ratios = np.array(_ratios(image, spacing_mm))
    affine = image.affine.copy()
    affine[:3, :3] *= ratios
    affine[:3, 3] += image.affine[:3, :3] @ (ratios / 2 - 0.5)
    return replace(image, array=array, affine=affine)


def _boxed(image: MedicalImage, starts: Sequence[int], shape: Sequence[int], fill: float) -> MedicalImage:
    """Return a box of the image, which may reach over its edges."""
    value = np.array(fill).astype(image.array.dtype)
    if image.array.dtype.kind in "iu" and value != fill:
        raise ValueError(f"fill needs a value that {image.array.dtype} can hold, got {fill}")
    array = np.full((*shape, *image.array.shape[3:]), value)
    old, new = [], []
    for start, size, length in zip(starts, shape, image.array.shape[:3], strict=True):
        low, high = max(start, 0), min(start + size, length)
        old.append(slice(low, high))
        new.append(slice(low - start, high - start))
    array[tuple(new)] = image.array[tuple(old)]
    affine = image.affine.copy()
    affine[:3, 3] += image.affine[:3, :3] @ np.array(starts, dtype=np.float64)
    return replace(image, array=array, affine=affine)
