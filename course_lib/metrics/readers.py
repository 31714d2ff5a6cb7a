"""A model among human readers, where no truth exists but what the readers say.

Each member of the panel, the readers and the model, is judged against each other member in turn, whose labels stand for
the truth; the mean of these F1 is its score. Patients are drawn again to see how sure this is, the whole panel on the
same patients, so that the difference between model and mean reader has an interval of its own. The method is that of
P. Rajpurkar and others, "CheXNet: radiologist-level pneumonia detection on chest X-rays with deep learning",
arXiv:1711.05225, 2017, section 3: 420 images, four radiologists, 10,000 resamples.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.metrics.bootstrap import BootstrapEstimate, estimate, resample_counts
from course_lib.metrics.door import as_binary

__all__ = ["ReaderComparison", "compare_with_readers"]


@dataclass(frozen=True, eq=False)
class ReaderComparison:
    """Score of each reader, of the mean reader and of the model, and the difference model − mean reader.

    The model differs from the mean reader, as far as these patients tell, if 0 lies outside `difference.interval`.
    """

    readers: tuple[BootstrapEstimate, ...]
    mean_reader: BootstrapEstimate
    model: BootstrapEstimate
    difference: BootstrapEstimate


def compare_with_readers(
    readers: ArrayLike, model: ArrayLike, *, seed: int, num_resamples: int = 10_000, confidence: float = 0.95
) -> ReaderComparison:
    """Score a model and each reader by their mean F1 against all others of the panel.

    Parameters
    ----------
    readers : (R, N) array of 0 and 1, or bool
        What each of R readers, at least 2, said of each of N cases; one case a patient.
    model : (N,) array of 0 and 1, or bool
        What the model said, at a threshold chosen on other cases.
    seed : int
        Of the draws.
    num_resamples : int
        At least 2.
    confidence : float
        Between 0 and 1, both excluded.

    Returns
    -------
    ReaderComparison
        Scores 0 to 1, difference −1 to 1. NaN if two of the panel call nothing positive (F1 is 0/0); resamples in which
        this happens are left out of the interval.

    Raises
    ------
    ValueError
        If a label is neither 0 nor 1, there are fewer than 2 readers or no case, the lengths differ, or a number is out
        of its range.
    TypeError
        If the labels are not numbers.

    References
    ----------
    Rajpurkar and others 2017, table 1. A panel agrees with itself for good or bad: this is not yet the truth.

    Examples
    --------
    >>> result = compare_with_readers([[1, 1, 0, 0], [1, 0, 0, 0]], [1, 1, 0, 0], seed=0, num_resamples=100)
    >>> round(result.model.value, 3), round(result.mean_reader.value, 3)
    (0.833, 0.75)
    """
    read, said = as_binary("readers", readers), as_binary("model", model)
    if read.ndim != 2 or read.shape[0] < 2 or not read.size:
        raise ValueError(f"readers need shape (R, N) with at least 2 readers and one case, got {read.shape}")
    if said.shape != read.shape[1:]:
        raise ValueError(f"model needs one label for each of the {read.shape[1]} cases, got shape {said.shape}")
    panel = np.vstack([read, said]).astype(np.float64)
    once = np.ones((1, panel.shape[1]))
    value = _scores(panel, once)[:, 0]
    blocks = resample_counts([panel.shape[1]], num_resamples=num_resamples, seed=seed)
    resampled = np.concatenate([_scores(panel, drawn) for (drawn,) in blocks], axis=1)
    estimates = [
        estimate(float(now), again, confidence=confidence)
        for now, again in zip(_with_summary(value), _with_summary(resampled), strict=True)
    ]
    *each, mean_reader, model_score, difference = estimates
    return ReaderComparison(readers=tuple(each), mean_reader=mean_reader, model=model_score, difference=difference)


def _scores(panel: NDArray[np.float64], drawn: NDArray[np.number]) -> NDArray[np.float64]:
    """Mean F1 of each member (M,) in each resample (B,), from how often each case was drawn (B, N)."""
    members, pairs = len(panel), list(combinations(range(len(panel)), 2))
    positives = panel @ drawn.T  # (M, B)
    total = np.zeros_like(positives)
    for a, b in pairs:
        with np.errstate(invalid="ignore"):
            f1 = 2 * ((panel[a] * panel[b]) @ drawn.T) / (positives[a] + positives[b])
        total[a] += f1
        total[b] += f1
    return total / (members - 1)


def _with_summary(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Readers, mean reader, model, and model − mean reader, from the scores of readers and model."""
    readers, model = scores[:-1], scores[-1:]
    mean = readers.mean(axis=0, keepdims=True)
    return np.concatenate([readers, mean, model, model - mean])
