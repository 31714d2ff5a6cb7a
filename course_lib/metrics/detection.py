"""Detections with a score: sensitivity against false positives an image (FROC), precision against recall.

A detection is a box or a point with a score, and hits a lesion or nothing; what counts as a hit is decided before, for
example by a box's overlap or by `labels[points]` of a lesion map. While the threshold falls, a lesion is found by its
first hit. Further hits of the same lesion are neither right nor wrong on the FROC curve, and wrong for precision.

Follows B. E. Bejnordi et al., "Diagnostic assessment of deep learning algorithms for detection of lymph node
metastases in women with breast cancer" (CAMELYON16), JAMA 318, 2017; A. A. A. Setio et al., "Validation, comparison,
and combination of algorithms for automatic detection of pulmonary nodules" (LUNA16), Medical Image Analysis 42, 2017;
M. Everingham et al., "The PASCAL Visual Object Classes (VOC) challenge", Int. J. Computer Vision 88, 2010.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from course_lib.metrics.door import as_labels, as_scores
from course_lib.metrics.intervals import Interval

__all__ = [
    "CAMELYON16_RATES",
    "LUNA16_RATES",
    "Detections",
    "FrocCurve",
    "FrocIntervals",
    "froc_curve",
    "froc_intervals",
]

CAMELYON16_RATES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # false positives an image at which a challenge looks
LUNA16_RATES = (0.125, *CAMELYON16_RATES[:-1], 8.0)


@dataclass(frozen=True, eq=False)
class Detections:
    """D detections in N images: score, image and hit lesion of each; lesions of each image. Arrays, lists or tensors.

    `y_score` (D,) is larger for more suspicion; `image` (D,) runs from 0 to N − 1; `lesion` (D,) is the number of the
    hit lesion in its image, from 0 on, or −1 if it hits nothing; `lesions_per_image` (N,) includes images without one.
    What does not fit is refused: NaN scores (infinite ones are ranked), other lengths, numbers out of range.
    """

    y_score: NDArray[np.float64]
    image: NDArray[np.int64]
    lesion: NDArray[np.int64]
    lesions_per_image: NDArray[np.int64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "y_score", as_scores("y_score", self.y_score))
        for name in ("image", "lesion", "lesions_per_image"):
            object.__setattr__(self, name, as_labels(name, getattr(self, name)).astype(np.int64))
        for name in ("y_score", "image", "lesion", "lesions_per_image"):
            if getattr(self, name).ndim != 1:
                raise ValueError(f"{name} needs one axis, got shape {getattr(self, name).shape}")
        if not len(self.y_score) == len(self.image) == len(self.lesion):
            lengths = f"{len(self.y_score)}, {len(self.image)} and {len(self.lesion)}"
            raise ValueError(f"y_score, image and lesion need one value for each detection, got {lengths}")
        if not len(self.lesions_per_image):
            raise ValueError("lesions_per_image needs at least one image")
        if self.lesions_per_image.min() < 0:
            raise ValueError(f"lesions_per_image must be at least 0, got {self.lesions_per_image.min()}")
        if len(self.image) and not 0 <= self.image.min() <= self.image.max() < len(self.lesions_per_image):
            wrong = self.image.min() if self.image.min() < 0 else self.image.max()
            raise ValueError(f"image needs numbers from 0 to {len(self.lesions_per_image) - 1}, got {wrong}")
        outside = np.flatnonzero((self.lesion < -1) | (self.lesion >= self.lesions_per_image[self.image]))
        if len(outside):
            image, lesion = self.image[outside[0]], self.lesion[outside[0]]
            count = self.lesions_per_image[image]
            raise ValueError(f"lesion needs −1 or a number below {count}, the lesions of image {image}, got {lesion}")


@dataclass(frozen=True, eq=False)
class FrocCurve:
    """What is found at each threshold, (M,) arrays: first without any detection (threshold infinite), then falling.

    `found` counts lesions, `repeated` further hits of a found lesion, `false` detections that hit nothing.
    """

    thresholds: NDArray[np.float64]
    found: NDArray[np.int64]
    repeated: NDArray[np.int64]
    false: NDArray[np.int64]
    num_lesions: int
    num_images: int

    @property
    def sensitivity(self) -> NDArray[np.float64]:
        """Share of all lesions found: 0 to 1, rising; NaN without a lesion."""
        return self.found / self.num_lesions if self.num_lesions else np.full(len(self.found), nan)

    @property
    def false_positives_per_image(self) -> NDArray[np.float64]:
        """Detections that hit nothing, by images: from 0 on, rising."""
        return self.false / self.num_images

    def sensitivity_at(self, rate: float) -> float:
        """Sensitivity at `rate` false positives an image; beyond the last point that of all detections.

        Between two points the straight line, as in the challenges; of several points at the same rate the highest.
        """
        if not rate >= 0:
            raise ValueError(f"rate must be at least 0 false positives an image, got {rate}")
        return float(np.interp(rate, self.false_positives_per_image, self.sensitivity))

    def score(self, *, rates: Sequence[float] = CAMELYON16_RATES) -> float:
        """Mean of the sensitivities at the rates: 0 to 1; NaN without a lesion."""
        if not len(rates):
            raise ValueError("rates needs at least one rate of false positives")
        return sum(self.sensitivity_at(rate) for rate in rates) / len(rates)

    @property
    def precision(self) -> NDArray[np.float64]:
        """Found lesions by all detections, repeated ones included: 0 to 1; NaN before the first detection."""
        detections = self.found + self.repeated + self.false
        return np.divide(self.found, detections, out=np.full(len(detections), nan), where=detections > 0)

    @property
    def average_precision(self) -> float:
        """Precision averaged over the steps of recall, without interpolation; NaN without a lesion."""
        if self.num_lesions == 0:
            return nan
        return float(np.dot(np.diff(self.found), self.precision[1:])) / self.num_lesions

    @property
    def interpolated_average_precision(self) -> float:
        """The same with the best precision at this or a larger recall (VOC from 2010 on); NaN without a lesion."""
        if self.num_lesions == 0:
            return nan
        best = np.maximum.accumulate(self.precision[:0:-1])[::-1]
        return float(np.dot(np.diff(self.found), best)) / self.num_lesions


@dataclass(frozen=True)
class FrocIntervals:
    """Interval of the sensitivity at each rate of false positives, and of their mean, the score."""

    rates: tuple[float, ...]
    sensitivity: tuple[Interval, ...]
    score: Interval


def froc_curve(detections: Detections) -> FrocCurve:
    """Trace the free-response curve through all thresholds: one sort, exact for equal scores.

    Parameters
    ----------
    detections : Detections
        Scores, images and hit lesions.

    Returns
    -------
    FrocCurve
        One point for each distinct score after the first, which is that of no detection.

    References
    ----------
    D. P. Chakraborty, "Maximum likelihood analysis of free-response receiver operating characteristic (FROC) data",
    Medical Physics 16, 1989, pages 561-568.

    Examples
    --------
    >>> curve = froc_curve(Detections([0.9, 0.8, 0.3], image=[0, 1, 1], lesion=[0, -1, 0], lesions_per_image=[2, 1]))
    >>> curve.sensitivity_at(0), curve.sensitivity_at(0.5), curve.average_precision
    (0.3333333333333333, 0.6666666666666666, 0.5555555555555555)
    """
    order, first, ends = _fall(detections)
    hits = detections.lesion[order] >= 0
    return FrocCurve(
        thresholds=np.concatenate([[np.inf], detections.y_score[order][ends]]),
        found=_counted(first, ends),
        repeated=_counted(hits & ~first, ends),
        false=_counted(~hits, ends),
        num_lesions=int(detections.lesions_per_image.sum()),
        num_images=len(detections.lesions_per_image),
    )


def froc_intervals(
    detections: Detections,
    *,
    rates: Sequence[float] = CAMELYON16_RATES,
    num_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int | np.random.Generator = 0,
) -> FrocIntervals:
    """Say how sure a free-response curve is, by drawing the images anew with replacement.

    Lesions and detections of one image belong together, so that whole images are drawn.

    Parameters
    ----------
    detections : Detections
        Scores, images and hit lesions.
    rates : sequence of float
        False positives an image, at least one.
    num_resamples : int
        Drawn sets of images; those without any lesion have no sensitivity and are left out.
    confidence : float
        Share of the resamples inside, between 0 and 1.
    seed : int or generator
        For the draws.

    Returns
    -------
    FrocIntervals
        Percentile intervals, within 0 to 1; NaN if no resample has a lesion.

    Raises
    ------
    ValueError
        If a number is outside its range.

    References
    ----------
    F. W. Samuelson and N. Petrick, "Comparing image detection algorithms using resampling", IEEE Int. Symposium on
    Biomedical Imaging 2006, pages 1312-1315; it is the interval of LUNA16.

    Examples
    --------
    >>> image, lesion = [0, 1, 2, 3], [0, 0, -1, 0]
    >>> detections = Detections([0.9, 0.8, 0.7, 0.6], image=image, lesion=lesion, lesions_per_image=[1, 1, 1, 1])
    >>> froc_intervals(detections, rates=(1.0,)).score
    Interval(low=0.25, high=1.0)
    """
    if num_resamples < 1:
        raise ValueError(f"num_resamples must be at least 1, got {num_resamples}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, such as 0.95, got {confidence}")
    froc_curve(detections).score(rates=rates)  # refuses wrong rates before the work
    order, first, ends = _fall(detections)
    image, false = detections.image[order], detections.lesion[order] < 0
    num_images = len(detections.lesions_per_image)
    draws = np.random.default_rng(seed).multinomial(num_images, np.full(num_images, 1 / num_images), size=num_resamples)
    resampled = []
    for times in draws[draws @ detections.lesions_per_image > 0]:  # how often each image was drawn
        drawn = times[image]
        sensitivity = _counted(drawn * first, ends) / (times @ detections.lesions_per_image)
        resampled.append(np.interp(rates, _counted(drawn * false, ends) / num_images, sensitivity))
    if not resampled:
        unknown = Interval(nan, nan)
        return FrocIntervals(tuple(rates), (unknown,) * len(rates), unknown)
    at_rates = np.array(resampled)
    return FrocIntervals(
        rates=tuple(rates),
        sensitivity=tuple(_percentile_interval(column, confidence) for column in at_rates.T),
        score=_percentile_interval(at_rates.mean(axis=1), confidence),
    )


def _fall(detections: Detections) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """Order of falling scores; in that order, whether each is the first hit of its lesion; last place of each score."""
    order = np.argsort(-detections.y_score, kind="stable")
    score, image, lesion = detections.y_score[order], detections.image[order], detections.lesion[order]
    offsets = np.cumsum(detections.lesions_per_image) - detections.lesions_per_image
    hits = np.flatnonzero(lesion >= 0)
    first = np.zeros(len(order), dtype=bool)
    first[hits[np.unique(offsets[image[hits]] + lesion[hits], return_index=True)[1]]] = True
    ends = np.flatnonzero(np.append(score[1:] != score[:-1], True)) if len(score) else np.empty(0, dtype=np.int64)
    return order, first, ends


def _counted(amounts: NDArray[np.generic], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sum the amounts up to each end, after a first 0."""
    return np.concatenate([[0], np.cumsum(amounts, dtype=np.int64)[ends]])


def _percentile_interval(values: NDArray[np.float64], confidence: float) -> Interval:
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))
