"""Segmentation judged by volume: what two masks share, counted once; Dice, Jaccard, VOE and RVD as formulas on it.

Follows T. Heimann et al., "Comparison and evaluation of methods for liver segmentation from CT datasets", IEEE Trans.
Medical Imaging 28, 2009, section II-C. Distances between surfaces stand in `surfaces`.
Differs: what cannot be measured (two empty masks) is NaN unless a value is given; errors are shares, not per cent; the
sign of RVD is kept.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf, nan
from operator import index
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.metrics.door import as_array, as_labels, as_mask, same_shape

__all__ = [
    "Overlap",
    "dice_global",
    "dice_per_case",
    "dice_score",
    "jaccard_score",
    "overlap",
    "overlap_per_class",
]


@dataclass(frozen=True)
class Overlap:
    """Voxels of the true mask, of the predicted mask and of both; overlaps of several cases can be added.

    The counts are Python's whole numbers, which never overflow.
    """

    voxels_true: int
    voxels_pred: int
    voxels_both: int

    def __post_init__(self) -> None:
        for name in ("voxels_true", "voxels_pred", "voxels_both"):
            object.__setattr__(self, name, index(getattr(self, name)))
        if not 0 <= self.voxels_both <= min(self.voxels_true, self.voxels_pred):
            raise ValueError(f"voxels_both must lie between 0 and the smaller mask, got {self}")

    def __add__(self, other: "Overlap") -> "Overlap":
        return Overlap(
            self.voxels_true + other.voxels_true,
            self.voxels_pred + other.voxels_pred,
            self.voxels_both + other.voxels_both,
        )

    @property
    def voxels_either(self) -> int:
        """Voxels of the union: those in at least one mask."""
        return self.voxels_true + self.voxels_pred - self.voxels_both

    def dice(self, *, empty: float = nan) -> float:
        """Twice what both share, by the sum of both: 0 (nothing shared) to 1 (equal); `empty` for two empty masks."""
        total = self.voxels_true + self.voxels_pred
        return 2 * self.voxels_both / total if total else empty

    def jaccard(self, *, empty: float = nan) -> float:
        """Intersection by union, Dice / (2 − Dice): 0 to 1; `empty` for two empty masks."""
        return self.voxels_both / self.voxels_either if self.voxels_either else empty

    def voe(self, *, empty: float = nan) -> float:
        """Volumetric overlap error, 1 − Jaccard: 0 (equal) to 1 (nothing shared); `empty` for two empty masks."""
        either = self.voxels_either
        return (either - self.voxels_both) / either if either else empty

    def rvd(self, *, empty: float = nan) -> float:
        """Relative volume difference, (predicted − true) / true: above 0 if the prediction is too large, −1 if empty.

        0 does not mean a good segmentation. `empty` for two empty masks, infinite if only the true mask is empty.
        """
        if self.voxels_true == 0:
            return inf if self.voxels_pred else empty
        return (self.voxels_pred - self.voxels_true) / self.voxels_true


def overlap(mask_true: ArrayLike, mask_pred: ArrayLike) -> Overlap:
    """Count the voxels of two masks and what they share, in one pass.

    Parameters
    ----------
    mask_true, mask_pred : array of bool, or of 0 and 1
        Masks of the same shape, of any number of axes.

    Returns
    -------
    Overlap
        All 0 where nothing came.

    Raises
    ------
    ValueError
        If the shapes differ, or a value is neither 0 nor 1, such as another label or a probability.
    TypeError
        If these are not real numbers.

    Examples
    --------
    >>> overlap([1, 1, 1, 0], [0, 1, 1, 1])
    Overlap(voxels_true=3, voxels_pred=3, voxels_both=2)
    """
    voxels_true = voxels_pred = voxels_both = 0
    for block_true, block_pred in _blocks(mask_true=mask_true, mask_pred=mask_pred):
        true, pred = _block_mask("mask_true", block_true), _block_mask("mask_pred", block_pred)
        voxels_true += int(np.count_nonzero(true))
        voxels_pred += int(np.count_nonzero(pred))
        voxels_both += int(np.count_nonzero(true & pred))
    return Overlap(voxels_true, voxels_pred, voxels_both)


def overlap_per_class(labels_true: ArrayLike, labels_pred: ArrayLike, *, num_classes: int) -> tuple[Overlap, ...]:
    """Count the overlap of each class of two label maps, in one pass.

    Parameters
    ----------
    labels_true, labels_pred : array of int
        Label maps of the same shape: classes 0 (background) to `num_classes` − 1.
    num_classes : int
        Number of classes K, the background included, at least 1.

    Returns
    -------
    tuple of K Overlap
        One a class; all 0 for a class that neither map has.

    Raises
    ------
    ValueError
        If the shapes differ, or a label is outside 0 to K − 1.
    TypeError
        If the labels are not whole numbers.

    Examples
    --------
    >>> [each.dice() for each in overlap_per_class([0, 1, 1, 2], [0, 1, 2, 2], num_classes=3)]
    [1.0, 0.6666666666666666, 0.6666666666666666]
    """
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1, got {num_classes}")
    counts = np.zeros((num_classes, num_classes), dtype=np.int64)
    for block_true, block_pred in _blocks(labels_true=labels_true, labels_pred=labels_pred):
        true = _block_labels("labels_true", block_true, num_classes)
        pred = _block_labels("labels_pred", block_pred, num_classes)
        counts += np.bincount(true * num_classes + pred, minlength=num_classes**2).reshape(counts.shape)
    return tuple(map(Overlap, counts.sum(axis=1).tolist(), counts.sum(axis=0).tolist(), counts.diagonal().tolist()))


def dice_score(mask_true: ArrayLike, mask_pred: ArrayLike, *, empty: float = nan) -> float:
    """Dice's coefficient of two masks: the F1 score of their voxels.

    Parameters
    ----------
    mask_true, mask_pred : array of bool, or of 0 and 1
        Masks of the same shape.
    empty : float
        What two empty masks get: NaN, as nothing was measured, or 1 in some challenges.

    Returns
    -------
    float
        0 (nothing shared, or one mask empty) to 1 (equal).

    Raises
    ------
    ValueError
        If the shapes differ, or a value is neither 0 nor 1.

    References
    ----------
    L. R. Dice, "Measures of the amount of ecologic association between species", Ecology 26, 1945, pages 297-302.

    Examples
    --------
    >>> dice_score([[1, 1], [0, 0]], [[0, 1], [0, 1]])
    0.5
    """
    return overlap(mask_true, mask_pred).dice(empty=empty)


def jaccard_score(mask_true: ArrayLike, mask_pred: ArrayLike, *, empty: float = nan) -> float:
    """Jaccard's index of two masks, intersection over union (IoU).

    Parameters
    ----------
    mask_true, mask_pred : array of bool, or of 0 and 1
        Masks of the same shape.
    empty : float
        What two empty masks get.

    Returns
    -------
    float
        0 (nothing shared, or one mask empty) to 1 (equal), never above Dice.

    Raises
    ------
    ValueError
        If the shapes differ, or a value is neither 0 nor 1.

    References
    ----------
    P. Jaccard, "The distribution of the flora in the alpine zone", New Phytologist 11, 1912, pages 37-50.

    Examples
    --------
    >>> jaccard_score([1, 1, 1, 0], [0, 1, 1, 1])
    0.5
    """
    return overlap(mask_true, mask_pred).jaccard(empty=empty)


def dice_per_case(overlaps: Iterable[Overlap], *, empty: float = nan) -> float:
    """Mean of the cases' Dice: each patient counts the same, however small the lesion.

    Parameters
    ----------
    overlaps : iterable of Overlap
        One a case, such as `map(overlap, masks_true, masks_pred)` of two batches.
    empty : float
        Dice of a case whose two masks are empty; left at NaN, one such case makes the mean NaN.

    Returns
    -------
    float
        0 to 1; NaN without a case.

    Examples
    --------
    >>> masks_true, masks_pred = [[1, 1, 0], [1, 0, 0]], [[1, 1, 0], [0, 0, 1]]
    >>> dice_per_case(map(overlap, masks_true, masks_pred))
    0.5
    """
    scores = [each.dice(empty=empty) for each in overlaps]
    return sum(scores) / len(scores) if scores else nan


def dice_global(overlaps: Iterable[Overlap], *, empty: float = nan) -> float:
    """Dice of all cases taken as one volume: each voxel counts the same, large lesions decide.

    Parameters
    ----------
    overlaps : iterable of Overlap
        One a case.
    empty : float
        The result if every mask is empty, or there is no case.

    Returns
    -------
    float
        0 to 1.

    Examples
    --------
    >>> round(dice_global([Overlap(10, 10, 10), Overlap(1000, 1000, 500)]), 3)
    0.505
    """
    return sum(overlaps, Overlap(0, 0, 0)).dice(empty=empty)


def _blocks(**pair: ArrayLike) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Both arrays piece by piece: pieces of 256 kB stay in the processor's cache, and no copy of the volume is made."""
    arrays = {name: as_array(name, values) for name, values in pair.items()}
    same_shape(**arrays)
    first, second = arrays.values()
    # In the order of the memory, if that is the same for both: a file's axes often run the other way round.
    order: Literal["K", "C"] = "K" if first.strides == second.strides else "C"
    first, second = first.ravel(order), second.ravel(order)
    step = 1 << 18
    for start in range(0, len(first), step):
        yield first[start : start + step], second[start : start + step]


def _block_mask(name: str, block: NDArray[Any]) -> NDArray[np.bool_]:
    # The usual stored mask: bytes 0 and 1 are what bool is made of.
    return block.view(bool) if block.dtype == np.uint8 and block.max() <= 1 else as_mask(name, block)


def _block_labels(name: str, block: NDArray[Any], num_classes: int) -> NDArray[np.int64]:
    labels = as_labels(name, block)
    outside = labels.min() if labels.min() < 0 else labels.max()
    if not 0 <= outside < num_classes:
        raise ValueError(f"{name} needs labels from 0 to {num_classes - 1}, got {outside}: is num_classes right?")
    return labels.astype(np.int64)
