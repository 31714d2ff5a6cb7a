"""Scores of two challenges: points beside a human's errors, and the columns of LiTS. Ranks stand in `ranking`.

Follows for the points T. Heimann et al., "Comparison and evaluation of methods for liver segmentation from CT datasets"
(SLIVER07, the MICCAI workshop of 2007), IEEE Trans. Medical Imaging 28, 2009, section II-D; for the columns P. Bilic
et al., "The liver tumor segmentation benchmark (LiTS)", Medical Image Analysis 84, 2023.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from course_lib.metrics.lesions import LesionCounts, label_lesions, match_lesions
from course_lib.metrics.segmentation import Overlap, dice_global, dice_per_case, overlap
from course_lib.metrics.surfaces import SurfaceDistances, surface_distances

__all__ = [
    "LITS_HIGHER_IS_BETTER",
    "SLIVER07_HUMAN",
    "LitsScores",
    "lits_scores",
    "miccai_points",
    "miccai_score",
]

# Errors of a trained human who outlined the livers of SLIVER07 a second time: each is worth 75 points.
SLIVER07_HUMAN = MappingProxyType({"voe": 0.064, "rvd": 0.047, "assd_mm": 1.0, "rmsd_mm": 1.8, "msd_mm": 19.0})


def miccai_points(error: float, *, human_error: float) -> float:
    """Turn an error into points: 100 without error, 75 for a human's, 0 from four times a human's on.

    Parameters
    ----------
    error : float
        Its size counts, not its sign; infinite gives 0 points.
    human_error : float
        Error of a trained human in the same unit, above 0.

    Returns
    -------
    float
        0 to 100; NaN for a NaN error.

    Raises
    ------
    ValueError
        If the human error is not above 0.

    Examples
    --------
    >>> miccai_points(0.5, human_error=1.0)
    87.5
    """
    if not human_error > 0:
        raise ValueError(f"human_error must be above 0, got {human_error}")
    return nan if isnan(error) else max(0.0, 100 - 25 * abs(error) / human_error)


def miccai_score(
    counts: Overlap, distances: SurfaceDistances, *, human_errors: Mapping[str, float] = SLIVER07_HUMAN
) -> float:
    """Mean of the points for VOE, RVD, ASSD, RMSD and MSD of one case.

    Parameters
    ----------
    counts : Overlap
        Of the case.
    distances : SurfaceDistances
        Of the same case.
    human_errors : mapping of str to float
        A trained human's `voe` and `rvd` (shares), `assd_mm`, `rmsd_mm` and `msd_mm`; those of SLIVER07's livers by
        default.

    Returns
    -------
    float
        0 to 100, 75 for a trained human; NaN for two empty masks, 0 for one.

    Raises
    ------
    ValueError
        If a human error is missing, unknown, or not above 0.

    Examples
    --------
    >>> mask = [[1, 1, 0], [1, 1, 0]]
    >>> miccai_score(overlap(mask, mask), surface_distances(mask, mask, spacing_mm=(1, 1)))
    100.0
    """
    errors = {
        "voe": counts.voe(),
        "rvd": counts.rvd(),
        "assd_mm": distances.mean_mm(),
        "rmsd_mm": distances.rms_mm(),
        "msd_mm": distances.max_mm(),
    }
    if set(human_errors) != set(errors):
        raise ValueError(f"human_errors needs {', '.join(errors)}, got {', '.join(human_errors)}")
    return sum(miccai_points(error, human_error=human_errors[name]) for name, error in errors.items()) / len(errors)


@dataclass(frozen=True)
class LitsScores:
    """The columns of the LiTS table for lesions; RVD is signed, precision and recall are at "> 50 %" and "> 0"."""

    dice_per_case: float
    dice_global: float
    voe: float
    rvd: float
    assd_mm: float
    msd_mm: float
    rmsd_mm: float
    precision_50: float
    recall_50: float
    precision_0: float
    recall_0: float


# Whether more is better, column by column; RVD is ranked by its size.
LITS_HIGHER_IS_BETTER = (True, True, False, False, False, False, False, True, True, True, True)


def lits_scores(
    masks_true: Iterable[ArrayLike],
    masks_pred: Iterable[ArrayLike],
    *,
    spacings_mm: Iterable[Sequence[float]],
    empty_dice: float = nan,
) -> LitsScores:
    """Judge the lesion masks of several cases as the liver tumour challenge does.

    Dice is of whole masks. VOE, RVD and distances are means over the detected lesions: the pairs that overlap by more
    than half. Precision and recall count the lesions of all cases together.

    Parameters
    ----------
    masks_true, masks_pred : iterable of ([D,] H, W) array of bool, or of 0 and 1
        One mask a case.
    spacings_mm : iterable of sequence of float
        Spacing of each case, one value an axis.
    empty_dice : float
        Dice of a case without true and predicted lesion; left at NaN, one such case makes `dice_per_case` NaN.

    Returns
    -------
    LitsScores
        Means over detected lesions are NaN if none was detected.

    Raises
    ------
    ValueError
        If there are not as many masks and spacings, or one of them does not fit.

    References
    ----------
    P. Bilic et al., section 3.3. Differs: pieces of a lesion are not merged before matching.

    Examples
    --------
    >>> mask = [[1, 1, 0, 0], [1, 1, 0, 1]]
    >>> scores = lits_scores([mask], [[[1, 1, 0, 0], [1, 0, 0, 0]]], spacings_mm=[(1, 1)])
    >>> scores.voe, scores.rvd, scores.precision_50, scores.recall_50
    (0.25, -0.25, 1.0, 0.5)
    """
    overlaps, pairs = [], []
    at_50 = at_0 = LesionCounts(0, 0, 0, 0)
    for true, pred, spacing_mm in zip(masks_true, masks_pred, spacings_mm, strict=True):
        overlaps.append(overlap(true, pred))
        lesions_true, lesions_pred = label_lesions(true), label_lesions(pred)
        matches = match_lesions(lesions_true, lesions_pred)
        at_50, at_0 = at_50 + matches.counts(min_overlap=0.5), at_0 + matches.counts()
        boxes_true, boxes_pred = ndimage.find_objects(lesions_true), ndimage.find_objects(lesions_pred)
        for m in np.flatnonzero(matches.partners(min_overlap=0.5)):
            i, j = matches.pair_true[m], matches.pair_pred[m]
            box = tuple(
                slice(min(a.start, b.start), max(a.stop, b.stop))
                for a, b in zip(boxes_true[i], boxes_pred[j], strict=True)
            )
            lesion_true, lesion_pred = lesions_true[box] == i + 1, lesions_pred[box] == j + 1
            distances = surface_distances(lesion_true, lesion_pred, spacing_mm=spacing_mm)
            pair = overlap(lesion_true, lesion_pred)
            pairs.append((pair.voe(), pair.rvd(), distances.mean_mm(), distances.max_mm(), distances.rms_mm()))
    voe, rvd, assd_mm, msd_mm, rmsd_mm = map(float, np.mean(pairs, axis=0)) if pairs else (nan,) * 5
    return LitsScores(
        dice_per_case=dice_per_case(overlaps, empty=empty_dice),
        dice_global=dice_global(overlaps),
        voe=voe,
        rvd=rvd,
        assd_mm=assd_mm,
        msd_mm=msd_mm,
        rmsd_mm=rmsd_mm,
        precision_50=at_50.precision,
        recall_50=at_50.recall,
        precision_0=at_0.precision,
        recall_0=at_0.recall,
    )
