"""Calibration: whether of the cases to which a model gives 70%, 70% are ill.

A ranking can be perfect while every probability is wrong; the area under the ROC curve does not see it. C. Guo,
G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017; A. H. Murphy, "A new
vector partition of the probability score", Journal of Applied Meteorology 12, 1973, pages 595-600. Probabilities are
taken as they come: logits are an error, never passed through a sigmoid by guess.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.metrics.door import as_array, as_binary, as_labels, as_scores, same_shape

__all__ = [
    "BrierDecomposition",
    "ReliabilityCurve",
    "TopLabel",
    "brier_decomposition",
    "brier_score",
    "equal_count_edges",
    "reliability_curve",
    "top_label",
]


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """Cases sorted into bins by their probability; arrays (B,), with `edges` (B + 1,).

    `counts` is how many fell into each bin, `mean_probability` what they were given on average, `share_positive` how
    many of them were positive; both are NaN in an empty bin.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    mean_probability: NDArray[np.float64]
    share_positive: NDArray[np.float64]

    @property
    def gaps(self) -> NDArray[np.float64]:
        """Share of positives less mean probability: below 0 the model was too sure of disease. NaN in an empty bin."""
        return self.share_positive - self.mean_probability

    @property
    def expected_calibration_error(self) -> float:
        """Mean size of the gaps, weighted by cases: 0 at best, at most 1. It depends on the bins: name them."""
        filled = self.counts > 0
        return float(np.dot(np.abs(self.gaps[filled]), self.counts[filled]) / self.counts.sum())

    @property
    def maximum_calibration_error(self) -> float:
        """Size of the largest gap: 0 at best, at most 1; a bin of few cases can make it large."""
        return float(np.nanmax(np.abs(self.gaps)))


@dataclass(frozen=True, eq=False)
class TopLabel:
    """Whether the likeliest class was `right`, and its probability `confidence`; arrays (N,)."""

    right: NDArray[np.bool_]
    confidence: NDArray[np.float64]


@dataclass(frozen=True)
class BrierDecomposition:
    """Brier score = reliability − resolution + uncertainty + within_bins.

    `reliability` is the squared distance from calibration (0 at best), `resolution` how far the bins' shares of
    positives lie apart (larger is better, at most `uncertainty`), `uncertainty` the variance of the truth, which no
    model can change. `within_bins` is what the bins hide: 0 where each bin holds a single probability.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float

    @property
    def score(self) -> float:
        """Brier score, put together again."""
        return self.reliability - self.resolution + self.uncertainty + self.within_bins


def reliability_curve(y_true: ArrayLike, y_prob: ArrayLike, *, edges: ArrayLike | None = None) -> ReliabilityCurve:
    """Compare the probabilities of a model with what happened, bin by bin.

    Parameters
    ----------
    y_true : (N,) array of 0 and 1, or bool
        Truth, or, for the top label of many classes, whether it was right: see `top_label`.
    y_prob : (N,) array of float
        Probability of being positive, 0 to 1.
    edges : (B + 1,) array of float, rising from 0 to 1
        Borders of the bins; a probability on a border belongs to the bin below it, 0 to the first. Ten bins of equal
        width unless given; see `equal_count_edges`.

    Returns
    -------
    ReliabilityCurve
        Empty bins hold NaN.

    Raises
    ------
    ValueError
        If a probability is NaN or outside 0 to 1, a label is neither 0 nor 1, there is no case, the shapes differ, or
        the edges do not rise from 0 to 1.
    TypeError
        If the values are not real numbers.

    References
    ----------
    Guo and others 2017, equations 2 to 5. `sklearn.calibration.calibration_curve`, which leaves empty bins out.

    Examples
    --------
    >>> curve = reliability_curve([0, 1, 1, 1], [0.3, 0.3, 0.8, 0.9], edges=[0, 0.5, 1])
    >>> curve.share_positive.tolist(), f"{curve.expected_calibration_error:.3f}"
    ([0.5, 1.0], '0.175')
    """
    true, prob = _cases(y_true, y_prob)
    borders = np.linspace(0, 1, 11) if edges is None else as_scores("edges", edges)
    if borders.ndim != 1 or len(borders) < 2 or borders[0] != 0 or borders[-1] != 1 or (np.diff(borders) <= 0).any():
        raise ValueError(f"edges must rise from 0 to 1, got {borders.tolist()}")
    groups = np.searchsorted(borders[1:-1], prob, side="left")
    counts, probabilities, positives = _per_group(groups, len(borders) - 1, true, prob)
    with np.errstate(invalid="ignore"):
        mean_probability, share_positive = probabilities / counts, positives / counts
    return ReliabilityCurve(borders, counts, mean_probability=mean_probability, share_positive=share_positive)


def equal_count_edges(y_prob: ArrayLike, *, num_bins: int = 10) -> NDArray[np.float64]:
    """Give edges between which about equally many cases lie, so that no bin rests on a handful.

    Parameters
    ----------
    y_prob : (N,) array of float
        Probabilities, 0 to 1, at least one.
    num_bins : int
        Bins wanted, at least 1; where many cases share a probability there are fewer.

    Returns
    -------
    (B + 1,) array of float
        Quantiles of the probabilities, rising from 0 to 1.

    Raises
    ------
    ValueError
        If a probability is NaN or outside 0 to 1, there is none, or `num_bins` is below 1.
    TypeError
        If the values are not real numbers.

    Examples
    --------
    >>> equal_count_edges([0.1, 0.2, 0.3, 0.9], num_bins=2).tolist()
    [0.0, 0.25, 1.0]
    """
    if num_bins < 1:
        raise ValueError(f"num_bins must be at least 1, got {num_bins}")
    inner = np.quantile(_probabilities("y_prob", y_prob), np.arange(1, num_bins) / num_bins)
    return np.unique(np.concatenate([[0.0], inner, [1.0]]))


def top_label(y_true: ArrayLike, y_prob: ArrayLike) -> TopLabel:
    """Keep of many classes only whether the likeliest one was right, and how sure the model was of it.

    Parameters
    ----------
    y_true : (N,) array of int
        Class of each case, 0 to K − 1.
    y_prob : (N, K) array of float
        Probability of each class, 0 to 1; each row sums to 1 (within 0.01, for half precision).

    Returns
    -------
    TopLabel
        For `reliability_curve(top.right, top.confidence)`; of equal probabilities the first class counts.

    Raises
    ------
    ValueError
        If a probability is NaN or outside 0 to 1, a row does not sum to 1, a label is outside 0 to K − 1, or the shapes
        do not fit.
    TypeError
        If the labels are not whole numbers.

    Examples
    --------
    >>> top = top_label([0, 2], [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]])
    >>> top.right.tolist(), top.confidence.tolist()
    ([True, False], [0.7, 0.6])
    """
    labels, prob = as_labels("y_true", y_true), as_array("y_prob", y_prob)
    if prob.ndim != 2 or labels.shape != prob.shape[:1] or not prob.size:
        raise ValueError(f"y_true and y_prob need shapes (N,) and (N, K), got {labels.shape} and {prob.shape}")
    num_classes = int(prob.shape[1])
    prob = _probabilities("y_prob", prob.ravel()).reshape(-1, num_classes)
    sums = prob.sum(axis=1)
    if (abs(sums - 1) > 0.01).any():
        raise ValueError(f"each row of y_prob must sum to 1, got {sums[np.argmax(abs(sums - 1))]:g}: soft-max missing?")
    if labels.min() < 0 or labels.max() >= num_classes:
        outside = labels[(labels < 0) | (labels >= num_classes)][0]
        raise ValueError(f"y_true needs labels from 0 to {num_classes - 1}, got {outside}")
    return TopLabel(right=prob.argmax(axis=1) == labels, confidence=prob.max(axis=1))


def brier_score(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """Mean squared distance of the probabilities from the truth.

    Parameters
    ----------
    y_true : (N,) array of 0 and 1, or bool
        Truth.
    y_prob : (N,) array of float
        Probability of being positive, 0 to 1.

    Returns
    -------
    float
        0 (sure and right) to 1 (sure and wrong); 0.25 where every case is given one half.

    Raises
    ------
    ValueError
        If a probability is NaN or outside 0 to 1, a label is neither 0 nor 1, there is no case, or the shapes differ.
    TypeError
        If the values are not real numbers.

    References
    ----------
    G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78, 1950, whose
    score is twice this one. `sklearn.metrics.brier_score_loss`.

    Examples
    --------
    >>> brier_score([0, 1], [0.5, 0.5])
    0.25
    """
    true, prob = _cases(y_true, y_prob)
    return float(np.mean((prob - true) ** 2))


def brier_decomposition(y_true: ArrayLike, y_prob: ArrayLike, *, edges: ArrayLike | None = None) -> BrierDecomposition:
    """Split the Brier score into what calibration costs, what telling cases apart gains, and what nature decides.

    Parameters
    ----------
    y_true : (N,) array of 0 and 1, or bool
        Truth.
    y_prob : (N,) array of float
        Probability of being positive, 0 to 1.
    edges : (B + 1,) array of float, rising from 0 to 1
        Bins as of `reliability_curve`. Unless given, each distinct probability is a bin of its own, which suits few
        distinct ones: where no two cases share one, everything looks resolved.

    Returns
    -------
    BrierDecomposition
        Its terms sum to `brier_score`, with any bins.

    Raises
    ------
    ValueError
        As `reliability_curve`.
    TypeError
        If the values are not real numbers.

    References
    ----------
    Murphy 1973; for the terms within bins D. B. Stephenson, C. A. S. Coelho and I. T. Jolliffe, "Two extra components
    in the Brier score decomposition", Weather and Forecasting 23, 2008, pages 752-757.

    Examples
    --------
    >>> parts = brier_decomposition([0, 1, 1, 1], [0.5, 0.5, 1.0, 1.0])
    >>> parts.reliability, parts.resolution, parts.uncertainty, parts.score
    (0.0, 0.0625, 0.1875, 0.125)
    """
    true, prob = _cases(y_true, y_prob)
    if edges is None:
        groups = np.unique(prob, return_inverse=True)[1]
        counts, probabilities, positives = _per_group(groups, int(groups.max()) + 1, true, prob)
    else:
        curve = reliability_curve(true, prob, edges=edges)
        filled = curve.counts > 0
        counts = curve.counts[filled]
        probabilities, positives = curve.mean_probability[filled] * counts, curve.share_positive[filled] * counts
    share, mean = positives / counts, true.mean()
    reliability = float(np.average((probabilities / counts - share) ** 2, weights=counts))
    resolution = float(np.average((share - mean) ** 2, weights=counts))
    uncertainty = float(mean * (1 - mean))
    hidden = brier_score(true, prob) - (reliability - resolution + uncertainty)
    return BrierDecomposition(reliability, resolution, uncertainty, within_bins=0.0 if edges is None else hidden)


def _per_group(
    groups: NDArray[np.intp], num_groups: int, true: NDArray[np.bool_], prob: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Cases, sum of probabilities and positives of each group."""
    probabilities, positives = (
        np.bincount(groups, weights=weights, minlength=num_groups).astype(np.float64) for weights in (prob, true)
    )
    return np.bincount(groups, minlength=num_groups), probabilities, positives


def _cases(y_true: ArrayLike, y_prob: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    true, prob = as_binary("y_true", y_true), _probabilities("y_prob", y_prob)
    same_shape(y_true=true, y_prob=prob)
    return true, prob


def _probabilities(name: str, values: ArrayLike) -> NDArray[np.float64]:
    prob = as_scores(name, values)
    if prob.ndim != 1 or not len(prob):
        raise ValueError(f"{name} needs shape (N,) with at least one case, got {prob.shape}")
    outside = prob[(prob < 0) | (prob > 1)]
    if len(outside):
        raise ValueError(f"{name} needs probabilities from 0 to 1, got {outside[0]:g}: are these logits?")
    return prob
