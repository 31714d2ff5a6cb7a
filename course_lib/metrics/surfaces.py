"""Segmentation judged by distance: how far the surfaces of two masks lie apart, measured once; many numbers from that.

A mask's surface is its border: the voxels with a face neighbour outside the mask or outside the image. Each border
voxel of one mask has a distance, in mm between voxel centres, to the nearest border voxel of the other.

Follows T. Heimann et al., "Comparison and evaluation of methods for liver segmentation from CT datasets", IEEE Trans.
Medical Imaging 28, 2009, section II-C, and for the surface Dice S. Nikolov et al., "Clinically applicable segmentation
of head and neck anatomy for radiotherapy", J. Medical Internet Research 23, 2021.
Differs: Nikolov's surface Dice weighs each border voxel by the area of the surface in it; here each counts the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, floor, inf, isnan, nan, prod, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree

from course_lib.metrics.door import as_labels, as_mask, same_shape
from course_lib.metrics.segmentation import overlap_per_class
from course_lib.metrics.spacing import as_spacing

__all__ = ["SurfaceDistances", "surface_distances", "surface_distances_per_class"]


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Distances from each border voxel of one mask to the border of the other, in mm, smallest first.

    "Pooled" takes both directions as one set, so that the larger surface counts more; "worse" takes the direction that
    came out larger. Every number is NaN if both masks are empty.
    """

    true_to_pred_mm: NDArray[np.float64]
    pred_to_true_mm: NDArray[np.float64]

    @property
    def pooled_mm(self) -> NDArray[np.float64]:
        """All distances of both directions, smallest first."""
        return np.sort(np.concatenate([self.true_to_pred_mm, self.pred_to_true_mm]))

    def mean_mm(self) -> float:
        """Average symmetric surface distance (ASSD): mean of the pooled distances; 0 is best."""
        return float(pooled.mean()) if (pooled := self.pooled_mm).size else nan

    def rms_mm(self) -> float:
        """Root mean square symmetric surface distance (RMSD) of the pooled distances; 0 is best."""
        return sqrt((pooled**2).mean()) if (pooled := self.pooled_mm).size else nan

    def max_mm(self) -> float:
        """Largest distance (MSD), which is Hausdorff's: one voxel astray decides it; 0 is best."""
        return float(pooled[-1]) if (pooled := self.pooled_mm).size else nan

    def pooled_percentile_mm(self, percent: float = 95) -> float:
        """Percentile of the pooled distances: the HD95 of medpy."""
        return _percentile(self.pooled_mm, percent)

    def worse_percentile_mm(self, percent: float = 95) -> float:
        """Larger of the two directions' percentiles: the HD95 of MONAI and DeepMind, never below the pooled one."""
        directed = [_percentile(each, percent) for each in (self.true_to_pred_mm, self.pred_to_true_mm)]
        return max((each for each in directed if not isnan(each)), default=nan)

    def surface_dice(self, tolerance_mm: float) -> float:
        """Share of both borders that lies within the tolerance, its end included: 0 to 1 (best)."""
        if not tolerance_mm >= 0:
            raise ValueError(f"tolerance_mm must be at least 0, got {tolerance_mm}")
        return float((pooled <= tolerance_mm).mean()) if (pooled := self.pooled_mm).size else nan


def surface_distances(
    mask_true: ArrayLike, mask_pred: ArrayLike, *, spacing_mm: Sequence[float], one_empty_mm: float = inf
) -> SurfaceDistances:
    """Measure how far the borders of two masks lie apart, in both directions.

    Parameters
    ----------
    mask_true, mask_pred : ([D,] H, W) array of bool, or of 0 and 1
        Masks of the same shape.
    spacing_mm : sequence of float
        Distance between voxel centres along each axis, in the order of the axes.
    one_empty_mm : float
        Distance of each border voxel if the other mask is empty: infinite, or `image_diagonal_mm(shape, spacing_mm)`
        where a mean over cases has to stay finite.

    Returns
    -------
    SurfaceDistances
        Exact. Without any distance if both masks are empty: all its numbers are NaN then.

    Raises
    ------
    ValueError
        If the shapes differ, there are not 2 or 3 axes, a value is neither 0 nor 1, or the spacing does not fit.

    Examples
    --------
    >>> distances = surface_distances([[1, 1, 0, 0]], [[1, 1, 1, 1]], spacing_mm=(1.0, 0.5))
    >>> distances.max_mm(), distances.mean_mm()
    (1.0, 0.25)
    """
    true, pred = as_mask("mask_true", mask_true), as_mask("mask_pred", mask_pred)
    same_shape(mask_true=true, mask_pred=pred)
    if true.ndim not in (2, 3):
        raise ValueError(f"mask_true needs shape (H, W) or (D, H, W), one mask a call, got {true.shape}")
    spacing = as_spacing(spacing_mm, axes=true.ndim)
    if isnan(one_empty_mm) or one_empty_mm < 0:
        raise ValueError(f"one_empty_mm must be a distance, at least 0, got {one_empty_mm}")
    boxes = [box for mask in (true, pred) if (box := _bounding_box(mask))]
    if not boxes:
        return SurfaceDistances(np.empty(0), np.empty(0))
    shifts, lengths_mm = _near_shifts(spacing)
    margin = int(np.abs(shifts).max())  # so that no shift leaves the crop
    crop = tuple(slice(min(s.start for s in sides), max(s.stop for s in sides)) for sides in zip(*boxes, strict=True))
    borders = [_border(np.pad(mask[crop], margin)) for mask in (true, pred)]
    if len(boxes) == 1:
        return SurfaceDistances(*(np.full(np.count_nonzero(each), float(one_empty_mm)) for each in borders))
    return SurfaceDistances(
        _directed_mm(borders[0], borders[1], shifts, lengths_mm, spacing),
        _directed_mm(borders[1], borders[0], shifts, lengths_mm, spacing),
    )


def surface_distances_per_class(
    labels_true: ArrayLike,
    labels_pred: ArrayLike,
    *,
    num_classes: int,
    spacing_mm: Sequence[float],
    one_empty_mm: float = inf,
) -> tuple[SurfaceDistances, ...]:
    """Measure the distances of each class of two label maps, one class after the other.

    Parameters
    ----------
    labels_true, labels_pred : ([D,] H, W) array of int
        Label maps of the same shape: classes 0 (background) to `num_classes` − 1.
    num_classes : int
        Number of classes K, the background included.
    spacing_mm : sequence of float
        Distance between voxel centres along each axis, in the order of the axes.
    one_empty_mm : float
        Distance of each border voxel of a class that the other map lacks.

    Returns
    -------
    tuple of K SurfaceDistances
        One a class, the background's too; without distances for a class that neither map has.

    Raises
    ------
    ValueError
        If the shapes differ, a label is outside 0 to K − 1, or the spacing does not fit.
    TypeError
        If the labels are not whole numbers.

    Examples
    --------
    >>> pair = [[1, 1, 0, 2]], [[1, 0, 0, 2]]
    >>> [each.max_mm() for each in surface_distances_per_class(*pair, num_classes=3, spacing_mm=(1, 1))]
    [1.0, 1.0, 0.0]
    """
    overlap_per_class(labels_true, labels_pred, num_classes=num_classes)  # refuses what are no labels of these classes
    true, pred = as_labels("labels_true", labels_true), as_labels("labels_pred", labels_pred)
    return tuple(
        surface_distances(true == k, pred == k, spacing_mm=spacing_mm, one_empty_mm=one_empty_mm)
        for k in range(num_classes)
    )


def _bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, ...] | None:
    """Smallest box around the mask; None if it is empty."""
    box = []
    for _ in range(mask.ndim):
        inside = np.flatnonzero(mask.any(axis=tuple(range(1, mask.ndim))))
        if not len(inside):
            return None
        box.append(slice(int(inside[0]), int(inside[-1]) + 1))
        mask = np.logical_or.reduce(mask[box[-1]], axis=0)  # what is left to measure has one axis fewer
    return tuple(box)


def _border(padded: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels with a face neighbour outside; `padded` is False at the edge of the array."""
    border = np.zeros_like(padded)
    for k in range(1, len(padded) - 1):  # plane by plane: each stays in the processor's cache
        plane = padded[k]
        inner = padded[k - 1] & plane & padded[k + 1]
        for axis in range(plane.ndim):
            along, ours = plane.swapaxes(0, axis), inner.swapaxes(0, axis)
            ours[1:-1] &= along[:-2]
            ours[1:-1] &= along[2:]
        np.not_equal(plane, inner, out=border[k])
    return border


def _near_shifts(spacing: tuple[float, ...]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """List the steps to the voxels of a ball, nearest first, with their lengths; its radius is 4 of the shortest."""
    shifts = np.array(list(product(range(-4, 5), repeat=len(spacing))))
    lengths_mm = np.sqrt(((shifts * spacing) ** 2).sum(axis=1))
    order = np.argsort(lengths_mm, kind="stable")
    order = order[lengths_mm[order] <= 4 * min(spacing)]
    return shifts[order], lengths_mm[order]


def _directed_mm(
    start: NDArray[np.bool_],
    goal: NDArray[np.bool_],
    shifts: NDArray[np.int64],
    lengths_mm: NDArray[np.float64],
    spacing: tuple[float, ...],
) -> NDArray[np.float64]:
    """Distances from the voxels of `start` to the nearest of `goal`: near ones by looking, the rest by a tree."""
    strides = np.array([prod(start.shape[axis + 1 :]) for axis in range(start.ndim)])
    flat, rest = goal.ravel(), np.flatnonzero(start)
    counts = np.zeros(len(shifts), dtype=np.int64)
    for k, step in enumerate(shifts @ strides):
        arrived = flat[rest + step]  # the shortest step that arrives is the distance
        counts[k] = np.count_nonzero(arrived)
        rest = rest[~arrived]
    near_mm = np.repeat(lengths_mm, counts)
    if not len(rest):
        return near_mm
    goal_mm, rest_mm = (
        np.stack(np.unravel_index(places, start.shape), axis=1) * spacing for places in (np.flatnonzero(flat), rest)
    )
    tree = KDTree(goal_mm, leafsize=32, balanced_tree=False, compact_nodes=False)  # quick to build, asked once
    return np.concatenate([near_mm, np.sort(tree.query(rest_mm)[0])])


def _percentile(ordered: NDArray[np.float64], percent: float) -> float:
    """Linear between two neighbours, as numpy's; NaN without any, and infinite between infinite ones."""
    if not 0 <= percent <= 100:
        raise ValueError(f"percent must lie between 0 and 100, got {percent}")
    if not len(ordered):
        return nan
    place = percent / 100 * (len(ordered) - 1)
    low, high = float(ordered[floor(place)]), float(ordered[ceil(place)])
    return low if low == high else low + (high - low) * (place - floor(place))
