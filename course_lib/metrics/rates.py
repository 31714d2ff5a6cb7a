"""Every rate of the 2×2 table: counted once, then one formula each.

Names are those of the table in T. Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27, 2006,
pages 861-874, and of D. M. W. Powers, "Evaluation: from precision, recall and F-measure to ROC, informedness,
markedness and correlation", Journal of Machine Learning Technologies 2, 2011, pages 37-63. Differs from scikit-learn:
0/0 is NaN in each of them, never 0 or 1, and labels other than 0 and 1 are an error.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.metrics.door import as_array, as_binary, as_labels, same_shape

__all__ = ["Counts"]

Whole: TypeAlias = int | NDArray[np.int64]
Rate: TypeAlias = float | NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Counts:
    """True and false positives and negatives of one question, or of many: one array entry a class or label.

    Each rate is a float for one question and an array for many. 0/0 is NaN; a number over 0 is infinite. Formulas are
    worked out in float64, so counts of 10⁹ pixels and more overflow nothing.

    Parameters
    ----------
    tp, fn, fp, tn : int or array of int, all of one shape
        True positives, false negatives, false positives, true negatives, at least 0.

    Raises
    ------
    ValueError
        If a count is below 0 or the shapes differ.
    TypeError
        If a count is not a whole number.

    Examples
    --------
    >>> counts = Counts(tp=63, fn=37, fp=28, tn=72)
    >>> f"{counts.sensitivity:.2f} {counts.precision:.2f} {counts.f1:.2f}"
    '0.63 0.69 0.66'
    """

    tp: Whole
    fn: Whole
    fp: Whole
    tn: Whole

    def __post_init__(self) -> None:
        cells = {name: as_array(name, getattr(self, name)) for name in ("tp", "fn", "fp", "tn")}
        same_shape(**cells)
        for name, cell in cells.items():
            if cell.dtype.kind not in "iu" and cell.size:
                raise TypeError(f"{name} needs whole numbers of cases, got {cell.dtype}")
            if (cell < 0).any():
                raise ValueError(f"{name} must be at least 0, got {cell.min()}")
            object.__setattr__(self, name, int(cell) if cell.ndim == 0 else cell.astype(np.int64))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Counts):
            return NotImplemented
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in ("tp", "fn", "fp", "tn"))

    __hash__ = None  # type: ignore[assignment]  # Python's way to say that it has no hash: it may hold arrays

    @classmethod
    def from_labels(cls, y_true: ArrayLike, y_pred: ArrayLike) -> "Counts":
        """Count the cases of one yes-or-no question, or of each label where a case may have several.

        Parameters
        ----------
        y_true, y_pred : (N,) or (N, L) array of 0 and 1, or bool
            Truth and prediction; for label maps pass `.ravel()`.

        Returns
        -------
        Counts
            Of ints for (N,), of arrays (L,) for (N, L). All 0 if there is no case.

        Raises
        ------
        ValueError
            If a label is neither 0 nor 1, or the shapes differ or have another number of axes.
        TypeError
            If the labels are not numbers.

        Examples
        --------
        >>> Counts.from_labels([1, 1, 0, 0], [1, 0, 0, 0])
        Counts(tp=1, fn=1, fp=0, tn=2)
        """
        true, predicted = as_binary("y_true", y_true), as_binary("y_pred", y_pred)
        shape = same_shape(y_true=true, y_pred=predicted)
        if len(shape) not in (1, 2):
            raise ValueError(f"labels need shape (N,) or (N, L), got {shape}")
        tp = np.count_nonzero(true & predicted, axis=0)
        positives, called = np.count_nonzero(true, axis=0), np.count_nonzero(predicted, axis=0)
        return cls(tp=tp, fn=positives - tp, fp=called - tp, tn=len(true) - positives - called + tp)

    @classmethod
    def from_matrix(cls, matrix: ArrayLike) -> "Counts":
        """Count each class against all others.

        Parameters
        ----------
        matrix : (K, K) array of int
            Confusion matrix with true classes in rows.

        Returns
        -------
        Counts
            Of arrays (K,), one entry a class.

        Raises
        ------
        ValueError
            If the matrix is not square, or holds a count below 0.
        TypeError
            If it does not hold whole numbers.

        Examples
        --------
        >>> Counts.from_matrix([[2, 1, 0], [0, 1, 1], [0, 0, 0]]).tp.tolist()
        [2, 1, 0]
        """
        counts = as_labels("matrix", matrix).astype(np.int64)
        if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
            raise ValueError(f"matrix needs shape (K, K), got {counts.shape}")
        tp = counts.diagonal()
        fn, fp = counts.sum(axis=1) - tp, counts.sum(axis=0) - tp
        return cls(tp=tp, fn=fn, fp=fp, tn=counts.sum() - tp - fn - fp)

    def summed(self) -> "Counts":
        """Give one table of all classes together, whose rates are the micro averages."""
        tp, fn, fp, tn = (int(np.sum(cell)) for cell in (self.tp, self.fn, self.fp, self.tn))
        return Counts(tp=tp, fn=fn, fp=fp, tn=tn)

    @property
    def positives(self) -> Whole:
        """Cases that are positive, tp + fn: the support."""
        return self.tp + self.fn

    @property
    def negatives(self) -> Whole:
        """Cases that are negative, tn + fp."""
        return self.tn + self.fp

    @property
    def total(self) -> Whole:
        """All cases."""
        return self.positives + self.negatives

    support = positives

    # What the truth knows: one row of the table.

    @property
    def tpr(self) -> Rate:
        """Sensitivity, recall, hit rate: positives that were found. 0 to 1; NaN without positives."""
        return _ratio(self.tp, self.positives)

    @property
    def fnr(self) -> Rate:
        """Miss rate: positives that were missed. 0 to 1; NaN without positives."""
        return _ratio(self.fn, self.positives)

    @property
    def tnr(self) -> Rate:
        """Specificity, selectivity: negatives that were left alone. 0 to 1; NaN without negatives."""
        return _ratio(self.tn, self.negatives)

    @property
    def fpr(self) -> Rate:
        """Fall-out, false alarm rate: negatives that were called positive. 0 to 1; NaN without negatives."""
        return _ratio(self.fp, self.negatives)

    sensitivity = recall = hit_rate = tpr
    miss_rate = fnr
    specificity = selectivity = tnr
    fall_out = fpr

    # What the prediction promises: one column of the table.

    @property
    def ppv(self) -> Rate:
        """Precision, positive predictive value: alarms that were right. 0 to 1; NaN without an alarm."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def fdr(self) -> Rate:
        """False discovery rate: alarms that were false. 0 to 1; NaN without an alarm."""
        return _ratio(self.fp, self.tp + self.fp)

    @property
    def npv(self) -> Rate:
        """Negative predictive value: all-clears that were right. 0 to 1; NaN without an all-clear."""
        return _ratio(self.tn, self.tn + self.fn)

    @property
    def false_omission_rate(self) -> Rate:
        """FOR: all-clears that were false. 0 to 1; NaN without an all-clear."""
        return _ratio(self.fn, self.tn + self.fn)

    precision = ppv
    false_discovery_rate = fdr

    # The whole table in one number.

    @property
    def prevalence(self) -> Rate:
        """Share of the cases that are positive. 0 to 1; NaN without cases."""
        return _ratio(self.positives, self.total)

    @property
    def accuracy(self) -> Rate:
        """Share of the answers that are right. 0 to 1; NaN without cases."""
        return _ratio(self.tp + self.tn, self.total)

    @property
    def balanced_accuracy(self) -> Rate:
        """Mean of sensitivity and specificity. 0 to 1, 0.5 by chance; NaN if a class is missing."""
        return (self.tpr + self.tnr) / 2

    @property
    def f1(self) -> Rate:
        """Dice: harmonic mean of precision and recall. 0 to 1; NaN if nothing is positive and nothing called so."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def threat_score(self) -> Rate:
        """Jaccard, critical success index, tp of all but tn. 0 to 1; NaN as f1."""
        return _ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def fowlkes_mallows(self) -> Rate:
        """FM: geometric mean of precision and recall. 0 to 1; NaN if one of them is."""
        return _plain(np.sqrt(np.multiply(self.ppv, self.tpr)))

    @property
    def mcc(self) -> Rate:
        """Matthews' (phi) correlation of truth and answer. −1 to 1, 0 by chance; NaN if a row or column is empty."""
        tp, fn, fp, tn = (np.asarray(cell, dtype=np.float64) for cell in (self.tp, self.fn, self.fp, self.tn))
        # A root each, since the product of the four sums would overflow long before a float64 does.
        rows, columns = np.sqrt(tp + fn) * np.sqrt(tn + fp), np.sqrt(tp + fp) * np.sqrt(tn + fn)
        return _ratio(tp * tn - fp * fn, rows * columns)

    @property
    def informedness(self) -> Rate:
        """BM, Youden's J: sensitivity + specificity − 1. −1 to 1, 0 by chance; NaN if a class is missing."""
        return self.tpr + self.tnr - 1

    @property
    def markedness(self) -> Rate:
        """MK: precision + negative predictive value − 1. −1 to 1, 0 by chance; NaN if an answer was never given."""
        return self.ppv + self.npv - 1

    @property
    def lr_plus(self) -> Rate:
        """LR+: factor by which an alarm raises the odds of disease. 1 says nothing; infinite without false alarms."""
        return _ratio(self.tpr, self.fpr)

    @property
    def lr_minus(self) -> Rate:
        """LR−: factor by which an all-clear lowers them. 0 is best, 1 says nothing; infinite if all of them err."""
        return _ratio(self.fnr, self.tnr)

    @property
    def diagnostic_odds_ratio(self) -> Rate:
        """DOR: LR+ / LR−. 1 says nothing; infinite without errors of one kind; NaN where it is 0/0."""
        tp, fn, fp, tn = (np.asarray(cell, dtype=np.float64) for cell in (self.tp, self.fn, self.fp, self.tn))
        return _ratio(tp * tn, fp * fn)

    dice = f1
    jaccard = critical_success_index = threat_score
    matthews = phi = mcc
    youden = informedness

    def f_beta(self, beta: float) -> Rate:
        """Weighted harmonic mean of precision and recall; recall counts `beta` times as much. 0 to 1; NaN as f1."""
        if not beta > 0:
            raise ValueError(f"beta must be more than 0, such as 2 where misses are worse, got {beta}")
        weighed = (1 + beta**2) * self.tp
        return _ratio(weighed, weighed + beta**2 * self.fn + self.fp)


def _ratio(part: ArrayLike, whole: ArrayLike) -> Rate:
    with np.errstate(divide="ignore", invalid="ignore"):
        return _plain(np.asarray(part, dtype=np.float64) / np.asarray(whole, dtype=np.float64))


def _plain(values: Any) -> Rate:
    return float(values) if np.ndim(values) == 0 else values
