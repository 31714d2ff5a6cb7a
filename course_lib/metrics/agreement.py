"""Do two readers, or two measurements, agree? Kappa for classes, Bland–Altman and intra-class correlation for numbers.

Differs from scikit-learn: the number of classes is given, never guessed from the labels, and each weighting of kappa is
a function of its own.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from course_lib.metrics.classification import confusion_matrix
from course_lib.metrics.door import as_labels, as_measurements, as_scores, same_shape
from course_lib.metrics.intervals import Interval
from course_lib.metrics.regression import pearson_correlation

__all__ = [
    "BlandAltman",
    "IntraclassCorrelation",
    "bland_altman",
    "cohen_kappa_score",
    "intraclass_correlation",
    "linear_kappa_score",
    "quadratic_kappa_score",
    "spearman_correlation",
]


def cohen_kappa_score(first: ArrayLike, second: ArrayLike, *, num_classes: int) -> float:
    """Agreement of two readers on classes without order, beyond what chance would give; every disagreement counts 1.

    Parameters
    ----------
    first, second : (N,) array of int or bool, or tensor
        The class that each reader gave to each case, 0 to `num_classes` − 1.
    num_classes : int
        Number of classes K, at least 1.

    Returns
    -------
    float
        1 (all the same), 0 (as by chance), down to −1 (always opposite, at best). It is 0/0, so NaN, if both readers
        gave one and the same class throughout, or there is no case; 0 if each gave one class, but not the same.

    Raises
    ------
    ValueError
        If the shapes are not (N,) or differ, or a label is outside 0 to K − 1.
    TypeError
        If the labels are not whole numbers.

    References
    ----------
    J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20, 1960.

    Examples
    --------
    >>> cohen_kappa_score([0, 0, 1, 1], [0, 0, 1, 0], num_classes=2)
    0.5
    """
    return _kappa(_table(first, second, num_classes), (_steps(num_classes) > 0).astype(float))


def linear_kappa_score(first: ArrayLike, second: ArrayLike, *, num_classes: int) -> float:
    """Agreement of two readers on ordered grades, beyond chance; a disagreement counts the steps between the grades.

    Parameters
    ----------
    first, second : (N,) array of int or bool, or tensor
        The grade that each reader gave to each case, 0 to `num_classes` − 1, in their order.
    num_classes : int
        Number of grades K, at least 1.

    Returns
    -------
    float
        1 (all the same), 0 (as by chance), down to −1. It is 0/0, so NaN, if both readers gave one and the same grade
        throughout, or there is no case; 0 if each gave one grade, but not the same.

    Raises
    ------
    ValueError
        If the shapes are not (N,) or differ, or a grade is outside 0 to K − 1.
    TypeError
        If the grades are not whole numbers.

    References
    ----------
    J. Cohen, "Weighted kappa", Psychological Bulletin 70, 1968.

    Examples
    --------
    >>> linear_kappa_score([0, 1, 2, 2], [0, 1, 2, 1], num_classes=3)
    0.7142857142857143
    """
    return _kappa(_table(first, second, num_classes), _steps(num_classes))


def quadratic_kappa_score(first: ArrayLike, second: ArrayLike, *, num_classes: int) -> float:
    """Agreement of two readers on ordered grades, beyond chance; a disagreement counts its steps squared.

    Two steps apart weigh four times one step: the measure of contests on grades such as tumour proliferation.

    Parameters
    ----------
    first, second : (N,) array of int or bool, or tensor
        The grade that each reader gave to each case, 0 to `num_classes` − 1, in their order.
    num_classes : int
        Number of grades K, at least 1; a grade that nobody gave changes nothing.

    Returns
    -------
    float
        1 (all the same), 0 (as by chance), down to −1. It is 0/0, so NaN, if both readers gave one and the same grade
        throughout, or there is no case; 0 if each gave one grade, but not the same.

    Raises
    ------
    ValueError
        If the shapes are not (N,) or differ, or a grade is outside 0 to K − 1.
    TypeError
        If the grades are not whole numbers.

    References
    ----------
    J. Cohen, "Weighted kappa", Psychological Bulletin 70, 1968.

    Examples
    --------
    >>> quadratic_kappa_score([0, 1, 2, 2], [0, 1, 2, 1], num_classes=3)
    0.8
    """
    return _kappa(_table(first, second, num_classes), _steps(num_classes) ** 2)


def spearman_correlation(x: ArrayLike, y: ArrayLike) -> float:
    """Do two measurements put the cases into the same order? Pearson's correlation of their ranks.

    Parameters
    ----------
    x, y : (N,) array or tensor
        Two measurements of each case. Equal ones, exactly equal, share the mean of their ranks; infinite ones are
        ranked.

    Returns
    -------
    float
        −1 (reversed) to 1 (the same order); NaN if all values of one are equal, or there is no case.

    Raises
    ------
    ValueError
        If a value is NaN, or the shapes are not (N,) or differ.
    TypeError
        If these are not real numbers.

    References
    ----------
    C. Spearman, "The proof and measurement of association between two things", American Journal of Psychology 15, 1904.

    Examples
    --------
    >>> spearman_correlation([1, 2, 3], [1, 4, float("inf")])
    1.0
    """
    one, other = as_scores("x", x), as_scores("y", y)
    if len(same_shape(x=one, y=other)) != 1:
        raise ValueError(f"x and y need shape (N,), got {one.shape}")
    return pearson_correlation(_ranks(one), _ranks(other))


@dataclass(frozen=True, eq=False)
class BlandAltman:
    """Difference of two measurements of the same N cases, first − second, in their unit.

    Parameters
    ----------
    means, differences : (N,) float64 arrays
        Of each case: what the plot of this name shows against each other.
    bias : float
        Mean difference.
    standard_deviation : float
        Of the differences, with N − 1.
    limits : Interval
        Limits of agreement, bias ± 1.96 standard deviations: about 95% of new differences, if they are normal.
    bias_interval, low_limit_interval, high_limit_interval : Interval
        How sure the bias and either limit are.

    Examples
    --------
    >>> bland_altman([1.0, 2.0, 6.0], [1.0, 2.0, 3.0]).differences
    array([0., 0., 3.])
    """

    means: NDArray[np.float64]
    differences: NDArray[np.float64]
    bias: float
    standard_deviation: float
    limits: Interval
    bias_interval: Interval
    low_limit_interval: Interval
    high_limit_interval: Interval


def bland_altman(first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95) -> BlandAltman:
    """Bias and limits of agreement of two measurements of the same cases, each with its interval.

    Parameters
    ----------
    first, second : (N,) array or tensor
        Two measurements of each case in one unit, finite; N is at least 2.
    confidence : float
        Of the three intervals, between 0 and 1; the limits themselves stay at 1.96 standard deviations.

    Returns
    -------
    BlandAltman
        All limits and intervals shrink to the bias if all differences are equal.

    Raises
    ------
    ValueError
        If there are fewer than 2 cases, a value is NaN or infinite, the shapes are not (N,) or differ, or `confidence`
        is outside its range.
    TypeError
        If these are not real numbers.

    References
    ----------
    J. M. Bland and D. G. Altman, "Statistical methods for assessing agreement between two methods of clinical
    measurement", Lancet 327, 1986; the variance of a limit is that of section 3 of "Measuring agreement in method
    comparison studies", Statistical Methods in Medical Research 8, 1999, of which the first paper rounds 2.92 to 3.

    Examples
    --------
    >>> agreement = bland_altman([10.0, 12.0, 14.0, 13.0], [11.0, 12.0, 13.0, 12.0])
    >>> agreement.bias, round(agreement.limits.high, 2)
    (0.25, 2.13)
    """
    one, other = as_measurements("first", first), as_measurements("second", second)
    (n,) = same_shape(first=one, second=other)
    if n < 2:
        raise ValueError(f"limits of agreement need at least 2 cases, got {n}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, such as 0.95, got {confidence}")
    differences = one - other
    bias, deviation = float(differences.mean()), float(differences.std(ddof=1))
    z = ndtri(0.975)
    quantile = stdtrit(n - 1, (1 + confidence) / 2)
    limits = _around(bias, z * deviation)
    half = quantile * deviation * sqrt(1 / n)
    half_of_a_limit = quantile * deviation * sqrt(1 / n + z**2 / (2 * (n - 1)))
    return BlandAltman(
        means=(one + other) / 2,
        differences=differences,
        bias=bias,
        standard_deviation=deviation,
        limits=limits,
        bias_interval=_around(bias, half),
        low_limit_interval=_around(limits.low, half_of_a_limit),
        high_limit_interval=_around(limits.high, half_of_a_limit),
    )


@dataclass(frozen=True)
class IntraclassCorrelation:
    """Mean squares of N cases, each measured by the same number of raters, and the six correlations made of them.

    The first number of a name is the model: 1, each case had other raters; 2, the same raters for all, drawn from many,
    whose biases count as error; 3, these raters and no others, whose biases do not count. The second number is 1 for
    the reliability of a single rater and k for that of the mean of all. Each is 1 at best, may be negative, and is NaN
    where its denominator is not above 0, as when all ratings are equal: no variance, or an estimate below 0.

    Parameters
    ----------
    between_cases, within_cases, between_raters, residual : float
        Mean squares of the two-way table; `within_cases` holds the last two together.
    num_cases, num_raters : int
        N and k, at least 2 each.

    References
    ----------
    P. E. Shrout and J. L. Fleiss, "Intraclass correlations: uses in assessing rater reliability", Psychological
    Bulletin 86, 1979, whose table 2 is in the tests.

    Examples
    --------
    >>> IntraclassCorrelation(between_cases=9.0, within_cases=1.0, between_raters=1.0, residual=1.0, num_cases=3,
    ...     num_raters=2).icc_1_1
    0.8
    """

    between_cases: float
    within_cases: float
    between_raters: float
    residual: float
    num_cases: int
    num_raters: int

    @property
    def icc_1_1(self) -> float:
        """ICC(1,1): other raters for each case, one rater."""
        signal = self.between_cases - self.within_cases
        return _ratio(signal, signal + self.num_raters * self.within_cases)

    @property
    def icc_1_k(self) -> float:
        """ICC(1,k): other raters for each case, mean of k."""
        return _ratio(self.between_cases - self.within_cases, self.between_cases)

    @property
    def icc_2_1(self) -> float:
        """ICC(2,1): raters drawn from many, one rater; absolute agreement."""
        signal = self.between_cases - self.residual
        bias = (self.between_raters - self.residual) / self.num_cases
        return _ratio(signal, signal + self.num_raters * (self.residual + bias))

    @property
    def icc_2_k(self) -> float:
        """ICC(2,k): raters drawn from many, mean of k; absolute agreement."""
        bias = (self.between_raters - self.residual) / self.num_cases
        return _ratio(self.between_cases - self.residual, self.between_cases + bias)

    @property
    def icc_3_1(self) -> float:
        """ICC(3,1): these raters only, one rater; consistency."""
        signal = self.between_cases - self.residual
        return _ratio(signal, signal + self.num_raters * self.residual)

    @property
    def icc_3_k(self) -> float:
        """ICC(3,k): these raters only, mean of k; consistency, which is Cronbach's alpha."""
        return _ratio(self.between_cases - self.residual, self.between_cases)


def intraclass_correlation(ratings: ArrayLike) -> IntraclassCorrelation:
    """Compare the spread between cases with that between raters, as far as one rater can stand for another.

    Parameters
    ----------
    ratings : (N, k) array or tensor
        What each of k raters measured in each of N cases, finite; both at least 2.

    Returns
    -------
    IntraclassCorrelation
        With ICC(1,1) as `.icc_1_1`, ICC(2,1) as `.icc_2_1`, and so on; name the form when you report one.

    Raises
    ------
    ValueError
        If there are fewer than 2 cases or raters, a rating is NaN or infinite, or the shape is not (N, k).
    TypeError
        If these are not real numbers.

    References
    ----------
    P. E. Shrout and J. L. Fleiss, "Intraclass correlations: uses in assessing rater reliability", Psychological
    Bulletin 86, 1979, table 1.

    Examples
    --------
    >>> biased = intraclass_correlation([[1, 3], [2, 4], [3, 5]])
    >>> biased.icc_3_1, round(biased.icc_2_1, 3)
    (1.0, 0.333)
    """
    measured = as_measurements("ratings", ratings, axes=("N", "k"))
    num_cases, num_raters = measured.shape
    if num_cases < 2 or num_raters < 2:
        raise ValueError(f"ratings needs at least 2 cases and 2 raters, got {num_cases} and {num_raters}")
    measured = measured - measured[0, 0]  # so that equal ratings have squares of exactly 0
    of_case, of_rater = measured.mean(axis=1, keepdims=True), measured.mean(axis=0)
    within = ((measured - of_case) ** 2).sum()
    between_raters = num_cases * ((of_rater - measured.mean()) ** 2).sum()
    residual = ((measured - of_case - of_rater + measured.mean()) ** 2).sum()
    return IntraclassCorrelation(
        between_cases=float(num_raters * ((of_case - measured.mean()) ** 2).sum() / (num_cases - 1)),
        within_cases=float(within / (num_cases * (num_raters - 1))),
        between_raters=float(between_raters / (num_raters - 1)),
        residual=float(residual / ((num_cases - 1) * (num_raters - 1))),
        num_cases=num_cases,
        num_raters=num_raters,
    )


def _table(first: ArrayLike, second: ArrayLike, num_classes: int) -> NDArray[np.int64]:
    """How often the first reader gave this grade (row) and the second that one (column)."""
    readers = {"first": as_labels("first", first), "second": as_labels("second", second)}
    same_shape(**readers)
    for name, labels in readers.items():
        if labels.ndim != 1:
            raise ValueError(f"{name} needs shape (N,), got {labels.shape}")
        if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
            outside = labels[(labels < 0) | (labels >= num_classes)][0]
            raise ValueError(f"{name} needs labels from 0 to {num_classes - 1}, got {outside}: is num_classes right?")
    return confusion_matrix(readers["first"], readers["second"], num_classes=num_classes)


def _steps(num_classes: int) -> NDArray[np.float64]:
    grades = np.arange(num_classes, dtype=np.float64)
    return np.abs(grades[:, None] - grades)


def _kappa(counts: NDArray[np.int64], cost: NDArray[np.float64]) -> float:
    """Give 1 − cost of what was seen / cost of what chance would give; whole numbers in float64 cannot overflow."""
    seen = (cost * counts).sum()
    by_chance = counts.sum(axis=1) @ cost @ counts.sum(axis=0)
    return 1 - _ratio(float(seen * counts.sum()), float(by_chance))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1; equal values share the mean of theirs."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    return (sizes.cumsum() - (sizes - 1) / 2)[group]


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else float("nan")


def _around(centre: float, half: float) -> Interval:
    return Interval(float(centre - half), float(centre + half))
