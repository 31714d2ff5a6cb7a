"""Lesions and cells as objects: which true ones were found, which predicted ones are right, at any wanted overlap.

Two objects are partners if their overlap, the voxels they share by the voxels of either (IoU), is large enough. All
pairs are counted once, in one pass over the volume, and judged in two ways:

- **Lesions** (`found`, `right`, `counts`): more than `min_overlap`, and one object may have several partners. A true
  lesion is found if it has one; a predicted lesion is right if it has one. So at "> 0" a blob over two lesions finds
  both and is one right prediction; a lesion that came in two pieces is found once, by two right predictions. From 0.5
  on no object can have two partners. P. Bilic et al., "The liver tumor segmentation benchmark (LiTS)", Medical Image
  Analysis 84, 2023.
- **Cells** (`instance_precision`): at least `min_iou`, one to one, so that splitting and merging cost. J. C. Caicedo
  et al., "Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl", Nature Methods 16, 2019.

Differs: the program of LiTS merges the pieces of a lesion before it measures their overlap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from course_lib.metrics.door import as_array, as_labels, as_mask, same_shape

__all__ = [
    "DSB2018_IOUS",
    "LesionCounts",
    "LesionMatches",
    "instance_average_precision",
    "label_lesions",
    "match_lesions",
]

DSB2018_IOUS = tuple(percent / 100 for percent in range(50, 100, 5))  # 0.50, 0.55, … 0.95


@dataclass(frozen=True)
class LesionCounts:
    """True lesions and how many of them were found, predicted lesions and how many of them are right; cases add up."""

    true: int
    found: int
    predicted: int
    right: int

    def __add__(self, other: "LesionCounts") -> "LesionCounts":
        return LesionCounts(
            self.true + other.true,
            self.found + other.found,
            self.predicted + other.predicted,
            self.right + other.right,
        )

    @property
    def recall(self) -> float:
        """Share of the true lesions that were found: 0 to 1; NaN without a true lesion."""
        return self.found / self.true if self.true else nan

    @property
    def precision(self) -> float:
        """Share of the predicted lesions that are right: 0 to 1; NaN without a predicted lesion."""
        return self.right / self.predicted if self.predicted else nan

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall: 0 if nothing was right, NaN only without any lesion."""
        if self.true + self.predicted == 0:
            return nan
        if self.found == 0:
            return 0.0
        return 2 * self.precision * self.recall / (self.precision + self.recall)


@dataclass(frozen=True, eq=False)
class LesionMatches:
    """Sizes of T true and P predicted lesions, and the M pairs of them that share a voxel.

    `ids_true` (T,) and `ids_pred` (P,) are their numbers in the maps, rising; `voxels_true` and `voxels_pred` their
    sizes. Pair m are the lesions at `pair_true[m]` and `pair_pred[m]` of these lists, which share `voxels_shared[m]`.
    """

    ids_true: NDArray[np.int64]
    ids_pred: NDArray[np.int64]
    voxels_true: NDArray[np.int64]
    voxels_pred: NDArray[np.int64]
    pair_true: NDArray[np.int64]
    pair_pred: NDArray[np.int64]
    voxels_shared: NDArray[np.int64]

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of each pair, above 0 to 1."""
        either = self.voxels_true[self.pair_true] + self.voxels_pred[self.pair_pred] - self.voxels_shared
        return self.voxels_shared / either

    def partners(self, *, min_overlap: float = 0.0) -> NDArray[np.bool_]:
        """Whether each pair overlaps by more than `min_overlap`, 0 to below 1."""
        if not 0 <= min_overlap < 1:
            raise ValueError(f"min_overlap must be a share from 0 to below 1, such as 0.5, got {min_overlap}")
        return self.iou > min_overlap

    def found(self, *, min_overlap: float = 0.0) -> NDArray[np.bool_]:
        """Whether each true lesion has a partner, (T,)."""
        return np.isin(np.arange(len(self.ids_true)), self.pair_true[self.partners(min_overlap=min_overlap)])

    def right(self, *, min_overlap: float = 0.0) -> NDArray[np.bool_]:
        """Whether each predicted lesion has a partner, (P,)."""
        return np.isin(np.arange(len(self.ids_pred)), self.pair_pred[self.partners(min_overlap=min_overlap)])

    def counts(self, *, min_overlap: float = 0.0) -> LesionCounts:
        """Count the lesions, the found and the right ones, at "> 0", "> 50 %" (0.5) or any other overlap."""
        found, right = self.found(min_overlap=min_overlap), self.right(min_overlap=min_overlap)
        return LesionCounts(len(found), int(found.sum()), len(right), int(right.sum()))

    def one_to_one(self, *, min_iou: float = 0.5) -> int:
        """Count the most pairs of IoU ≥ `min_iou`, above 0 to 1, that leave each lesion in one pair only."""
        if not 0 < min_iou <= 1:
            raise ValueError(f"min_iou must lie above 0 and not above 1, got {min_iou}")
        close = self.iou >= min_iou
        shape = (len(self.ids_true), len(self.ids_pred))
        graph = coo_array((close[close], (self.pair_true[close], self.pair_pred[close])), shape=shape).tocsr()
        return int(np.count_nonzero(maximum_bipartite_matching(graph) >= 0))

    def instance_precision(self, *, min_iou: float = 0.5) -> float:
        """Pairs by pairs + missed + false, TP / (TP + FP + FN): 0 to 1; NaN without any object."""
        pairs, objects = self.one_to_one(min_iou=min_iou), len(self.ids_true) + len(self.ids_pred)
        return pairs / (objects - pairs) if objects else nan


def label_lesions(mask: ArrayLike, *, connectivity: int = 1) -> NDArray[np.int32]:
    """Give each connected part of a mask its number.

    Parameters
    ----------
    mask : array of bool, or of 0 and 1
        All lesions of one case.
    connectivity : int
        Neighbours share a face (1, as in LiTS), also an edge (2), also a corner (3, in 3-D).

    Returns
    -------
    array of int32
        The same shape: 0 outside, 1 to the number of lesions inside; all 0 for an empty mask.

    Raises
    ------
    ValueError
        If a value is neither 0 nor 1, or there is no such connectivity.

    Examples
    --------
    >>> label_lesions([[1, 1, 0], [0, 0, 1]]).tolist()
    [[1, 1, 0], [0, 0, 2]]
    >>> label_lesions([[1, 1, 0], [0, 0, 1]], connectivity=2).tolist()
    [[1, 1, 0], [0, 0, 1]]
    """
    inside = as_mask("mask", mask)
    if not 1 <= connectivity <= inside.ndim:
        raise ValueError(
            f"connectivity must lie between 1 and {inside.ndim} for a {inside.ndim}-D mask, got {connectivity}"
        )
    labels: NDArray[np.int32] = ndimage.label(inside, ndimage.generate_binary_structure(inside.ndim, connectivity))[0]
    return labels


def match_lesions(lesions_true: ArrayLike, lesions_pred: ArrayLike) -> LesionMatches:
    """Measure the lesions of two maps, and every pair that shares a voxel.

    Parameters
    ----------
    lesions_true, lesions_pred : array of int
        Maps of the same shape: 0 outside, another number for each lesion, gaps allowed. Not masks, which
        `label_lesions` numbers first.

    Returns
    -------
    LesionMatches
        Without lesions or pairs where there are none.

    Raises
    ------
    ValueError
        If the shapes differ, or a number is below 0.
    TypeError
        If these are masks of bool, or not whole numbers.

    Examples
    --------
    >>> matches = match_lesions([1, 1, 1, 0, 2, 2], [7, 7, 7, 7, 0, 9])
    >>> matches.iou.tolist()
    [0.75, 0.5]
    >>> matches.counts(min_overlap=0.5)
    LesionCounts(true=2, found=1, predicted=2, right=1)
    """
    true, pred = _lesion_map("lesions_true", lesions_true), _lesion_map("lesions_pred", lesions_pred)
    same_shape(lesions_true=true, lesions_pred=pred)
    # In the order of the memory, if that is the same for both.
    order: Literal["K", "C"] = "K" if true.strides == pred.strides else "C"
    true, pred = true.ravel(order), pred.ravel(order)
    inside = np.flatnonzero(true != 0)
    ids_true, row, voxels_true = np.unique(true[inside], return_inverse=True, return_counts=True)
    ids_pred, voxels_pred = np.unique(pred[pred != 0], return_counts=True)
    partner = pred[inside]
    rows, columns = row[partner != 0], np.searchsorted(ids_pred, partner[partner != 0])
    voxels = np.ones(len(rows), dtype=np.int64)
    shape = (len(ids_true), len(ids_pred))
    shared = coo_array((voxels, (rows, columns)), shape=shape).tocsr().tocoo()  # adds up what stands in the same place
    sizes = (ids_true, ids_pred, voxels_true, voxels_pred, shared.row, shared.col, shared.data)
    return LesionMatches(*(each.astype(np.int64) for each in sizes))


def instance_average_precision(
    labels_true: ArrayLike, labels_pred: ArrayLike, *, min_ious: Sequence[float] = DSB2018_IOUS
) -> NDArray[np.float64]:
    """Judge segmented cells: TP / (TP + FP + FN) at each wanted overlap.

    A pair of IoU at or above the wanted one is a true positive, each cell in one pair at most; a cell without partner
    is missed or false. Published as "average precision", although it is a ratio of counts and not an area.

    Parameters
    ----------
    labels_true, labels_pred : array of int
        Maps of one image: 0 outside, another number for each cell.
    min_ious : sequence of float
        Wanted overlaps, above 0 to 1; those of the Data Science Bowl by default, whose score is the mean of the result.

    Returns
    -------
    array of float64
        One value an overlap, 0 to 1; NaN if neither map has a cell.

    Raises
    ------
    ValueError
        If the shapes differ, a number is below 0, or an overlap outside its range.
    TypeError
        If these are masks of bool, or not whole numbers.

    References
    ----------
    J. C. Caicedo et al., Nature Methods 16, 2019; C. Stringer et al., "Cellpose", Nature Methods 18, 2021.

    Examples
    --------
    >>> instance_average_precision([1, 1, 1, 0, 2, 2], [7, 7, 7, 7, 0, 9], min_ious=(0.5, 0.75, 0.9)).round(2).tolist()
    [1.0, 0.33, 0.0]
    """
    matches = match_lesions(labels_true, labels_pred)
    return np.array([matches.instance_precision(min_iou=min_iou) for min_iou in min_ious])


def _lesion_map(name: str, values: ArrayLike) -> NDArray[np.integer[Any]]:
    array = as_array(name, values)
    if array.dtype == bool:
        raise TypeError(f"{name} needs numbered lesions, got a mask of bool: label_lesions(mask) numbers them")
    labels = as_labels(name, array)
    if labels.size and labels.min() < 0:
        raise ValueError(f"{name} needs numbers of lesions, 0 outside, got {labels.min()}")
    return labels
