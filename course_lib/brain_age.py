"""Brain age: the error that leans on age, its correction, and the joining of many patches into one answer.

The gap is predicted minus chronological age, in years. A net that is unsure answers nearer to the mean of what it was
trained on, so it makes the young older and the old younger, and the gap leans on age itself. Fit every correction and
every ensemble on validation subjects, apply it to others: on its own subjects it flatters.

Three corrections, two questions to ask first. Is the true age known where it is applied? Then `BiasCorrection`; else
`PredictedAgeBiasCorrection`. Does the slope stay near 1? Else keep off `DividingBiasCorrection`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.metrics.door import as_measurements, same_shape

__all__ = [
    "BiasCorrection",
    "DividingBiasCorrection",
    "LinearEnsemble",
    "PredictedAgeBiasCorrection",
    "best_patches",
    "brain_age_gap",
    "mean_ensemble",
    "patch_errors",
]


def brain_age_gap(age_years: ArrayLike, predicted_years: ArrayLike) -> NDArray[np.float64]:
    """Predicted minus chronological age: above 0, the brain looks older than it is.

    Parameters
    ----------
    age_years, predicted_years : (N,) array or tensor
        Chronological and predicted age of each subject.

    Returns
    -------
    (N,) array of float64
        In years; empty if there is no subject.

    Raises
    ------
    ValueError
        If a value is NaN or infinite, or the shapes are not (N,) or differ.
    TypeError
        If these are not real numbers.

    Examples
    --------
    >>> brain_age_gap([60, 70], [64, 69])
    array([ 4., -1.])
    """
    ages, predicted = _ages(age_years, predicted_years)
    return predicted - ages


@dataclass(frozen=True)
class BiasCorrection:
    """Take from each prediction the error that is usual at the subject's true age: Y − (α · age + β).

    It needs the true age where it is applied, and hands it over: a net that answers 60 to everyone has the error
    60 − age, a perfect line, and is exact for all after correction. Errors and R² that were measured after it say
    nothing of the net; report those before it too. The corrected gap is for comparing groups of subjects.

    Parameters
    ----------
    slope : float
        α, years of error for each year of age; below 0 where the old look too young.
    intercept_years : float
        β, the error at age 0 by that line.

    References
    ----------
    I. Beheshti et al., "Bias-adjustment in neuroimaging-based brain age frameworks: a robust scheme", NeuroImage:
    Clinical 24, 2019; the danger: E. R. Butler et al., "Pitfalls in brain age analyses", Human Brain Mapping 42, 2021.

    Examples
    --------
    >>> correction = BiasCorrection.fit([50, 60, 70], [55, 60, 65])
    >>> correction, correction.apply([52.5, 68.5], age_years=[45, 75])
    (BiasCorrection(slope=-0.5, intercept_years=30.0), array([45., 76.]))
    """

    slope: float
    intercept_years: float

    @classmethod
    def fit(cls, age_years: ArrayLike, predicted_years: ArrayLike) -> "BiasCorrection":
        """Least squares of the error, predicted − true, on the true age, over at least 2 subjects of 2 ages.

        `ValueError` for one subject or equal ages, which leave the line undetermined.
        """
        ages, predicted = _subjects_to_fit(age_years, predicted_years)
        return cls(*_line(ages, predicted - ages))

    def apply(self, predicted_years: ArrayLike, *, age_years: ArrayLike) -> NDArray[np.float64]:
        """Corrected age of each of N subjects, (N,), in years."""
        ages, predicted = _ages(age_years, predicted_years)
        return predicted - (self.slope * ages + self.intercept_years)


@dataclass(frozen=True)
class PredictedAgeBiasCorrection:
    """Take from each prediction the error that is usual at that predicted age: Y − (α · Y + β); true ages not needed.

    It makes no use of what it should not know, so errors after it may be reported. It undoes a wrong scale and a wrong
    mean, and no more: the size of the correlation with age stays the same, and a net that answers nearly at random is
    drawn in to the mean age. The gap is then free of the predicted age, and still leans on the true one.

    Parameters
    ----------
    slope : float
        α, years of error for each year of predicted age.
    intercept_years : float
        β, the error at predicted age 0 by that line.

    References
    ----------
    A.-M. G. de Lange and J. H. Cole, "Commentary: correction procedures in brain-age prediction", NeuroImage: Clinical
    26, 2020, sets the forms of correction side by side.

    Examples
    --------
    >>> correction = PredictedAgeBiasCorrection.fit([50, 60, 70], [55, 60, 65])
    >>> correction.apply([52.5, 68.5])
    array([45., 77.])
    """

    slope: float
    intercept_years: float

    @classmethod
    def fit(cls, age_years: ArrayLike, predicted_years: ArrayLike) -> "PredictedAgeBiasCorrection":
        """Least squares of the error, predicted − true, on the predicted age, over at least 2 subjects of 2 ages.

        `ValueError` for one subject, equal ages or equal predictions.
        """
        ages, predicted = _subjects_to_fit(age_years, predicted_years)
        if predicted.min() == predicted.max():
            raise ValueError(f"all predictions are {predicted[0]:g} years: they do not tell how the error leans")
        return cls(*_line(predicted, predicted - ages))

    def apply(self, predicted_years: ArrayLike) -> NDArray[np.float64]:
        """Corrected age of each of N subjects, (N,), in years."""
        predicted = as_measurements("predicted_years", predicted_years)
        return predicted - (self.slope * predicted + self.intercept_years)


@dataclass(frozen=True)
class DividingBiasCorrection:
    """Turn the line of predictions around: fit Y = a · age + b, answer (Y − b) / a; true ages not needed.

    The danger: what is not age is divided by a too. The less a net knows of age, the smaller is a, and the larger the
    errors become: by `noise_gain`, 5 at a = 0.2, without bound near 0. The mean gap is 0 at each age then, and a single
    answer may lie beyond any human age. Look at `noise_gain` before you use it.

    Parameters
    ----------
    slope : float
        a, predicted years for each year of age; 1 in a net without bias, above 0.
    intercept_years : float
        b, the predicted age at age 0 by that line.

    References
    ----------
    J. H. Cole et al., "Brain age predicts mortality", Molecular Psychiatry 23, 2018, uses it; A.-M. G. de Lange and
    J. H. Cole, NeuroImage: Clinical 26, 2020, compare it.

    Examples
    --------
    >>> correction = DividingBiasCorrection.fit([50, 60, 70], [58, 60, 62])
    >>> correction.apply([61, 62]), correction.noise_gain  # one year more becomes five
    (array([65., 70.]), 5.0)
    """

    slope: float
    intercept_years: float

    @classmethod
    def fit(cls, age_years: ArrayLike, predicted_years: ArrayLike) -> "DividingBiasCorrection":
        """Least squares of the predicted on the true age, over at least 2 subjects of 2 ages.

        `ValueError` for one subject, equal ages, or predictions that do not rise with age.
        """
        ages, predicted = _subjects_to_fit(age_years, predicted_years)
        slope, intercept_years = _line(ages, predicted)
        if slope <= 0:
            raise ValueError(f"predictions must rise with age to be divided by their slope, got slope {slope:.3g}")
        return cls(slope, intercept_years)

    def apply(self, predicted_years: ArrayLike) -> NDArray[np.float64]:
        """Corrected age of each of N subjects, (N,), in years."""
        return (as_measurements("predicted_years", predicted_years) - self.intercept_years) / self.slope

    @property
    def noise_gain(self) -> float:
        """How many times larger it makes whatever in a prediction is not age: 1 / a."""
        return 1 / self.slope


def patch_errors(age_years: ArrayLike, predicted_years: ArrayLike) -> NDArray[np.float64]:
    """Mean absolute error of the net of each patch: the map of where in the brain age can be read.

    Parameters
    ----------
    age_years : (N,) array or tensor
        Chronological age of each subject.
    predicted_years : (P, N) array or tensor
        What each patch's net answers for each subject.

    Returns
    -------
    (P,) array of float64
        In years; NaN if there is no subject.

    Raises
    ------
    ValueError
        If a value is NaN or infinite, or the numbers of subjects differ.
    TypeError
        If these are not real numbers.

    Examples
    --------
    >>> patch_errors([60, 70], [[62, 69], [60, 71]])
    array([1.5, 0.5])
    """
    ages, predicted = _patches(age_years, predicted_years)
    if len(ages) == 0:
        return np.full(len(predicted), np.nan)
    return np.abs(predicted - ages).mean(axis=1)


def best_patches(age_years: ArrayLike, predicted_years: ArrayLike, *, num_patches: int) -> NDArray[np.int64]:
    """Select the patches with the smallest mean absolute error, best first; of equal ones the earlier.

    Select on validation subjects. Then `mean_ensemble(predicted[selected])` is the mean of the selected, and
    `LinearEnsemble.fit(ages, predicted[selected])` their regression.

    Parameters
    ----------
    age_years : (N,) array or tensor
        Chronological age of each subject; N is at least 1.
    predicted_years : (P, N) array or tensor
        What each patch's net answers for each subject.
    num_patches : int
        How many to select, 1 … P.

    Returns
    -------
    (num_patches,) array of int64
        Their rows.

    Raises
    ------
    ValueError
        If there is no subject, `num_patches` is outside its range, a value is NaN or infinite, or the numbers of
        subjects differ.
    TypeError
        If these are not real numbers.

    Examples
    --------
    >>> best_patches([60, 70], [[62, 69], [60, 71], [50, 90]], num_patches=2)
    array([1, 0])
    """
    errors = patch_errors(age_years, predicted_years)
    if not 1 <= num_patches <= len(errors):
        raise ValueError(f"num_patches must be 1 to {len(errors)}, the patches there are, got {num_patches}")
    if np.isnan(errors).any():
        raise ValueError("selecting patches needs at least 1 subject, got 0")
    return np.argsort(errors, kind="stable")[:num_patches]


def mean_ensemble(predicted_years: ArrayLike) -> NDArray[np.float64]:
    """Mean of what all patches answer: what they share stays, what each gets wrong in its own way cancels.

    Parameters
    ----------
    predicted_years : (P, N) array or tensor
        What each patch's net answers for each subject; P is at least 1.

    Returns
    -------
    (N,) array of float64
        Predicted age of each subject in years.

    Raises
    ------
    ValueError
        If there is no patch, a value is NaN or infinite, or the shape is not (P, N).
    TypeError
        If these are not real numbers.

    Examples
    --------
    >>> mean_ensemble([[62, 69], [60, 71]])
    array([61., 70.])
    """
    predicted = as_measurements("predicted_years", predicted_years, axes=("P", "N"))
    if len(predicted) == 0:
        raise ValueError("the mean of patches needs at least 1 patch, got 0")
    return predicted.mean(axis=0)


@dataclass(frozen=True, eq=False)
class LinearEnsemble:
    """Weighted sum of what the patches answer, plus a constant, fitted by least squares.

    It undoes the pull to the mean that a mean of patches keeps, and sets patches against each other, so weights may be
    negative. It has P + 1 numbers to fit: with few subjects for them it learns these subjects by heart.

    Parameters
    ----------
    weights : (P,) float64 array
        Of each patch.
    intercept_years : float
        The constant.

    References
    ----------
    K.-M. Bintsi et al., "Patch-based brain age estimation from MR images", MLCN 2020, joins patches by a mean and by
    regression.

    Examples
    --------
    >>> ensemble = LinearEnsemble.fit([50, 60, 70, 80], [[55, 60, 65, 70], [1, -1, -1, 1]])
    >>> ensemble.apply([[57.5], [0]]).round(6)
    array([55.])
    """

    weights: NDArray[np.float64]
    intercept_years: float

    @classmethod
    def fit(cls, age_years: ArrayLike, predicted_years: ArrayLike) -> "LinearEnsemble":
        """Least squares of N true ages on the (P, N) answers; of several solutions, that with the smallest weights.

        `ValueError` unless there are at least P + 2 subjects, of more than one age.
        """
        ages, predicted = _patches(age_years, predicted_years)
        if len(ages) < len(predicted) + 2:
            raise ValueError(
                f"{len(predicted)} weights and a constant need at least {len(predicted) + 2} subjects, "
                f"got {len(ages)}: select fewer patches"
            )
        _refuse_equal_ages(ages)
        centre = predicted.mean(axis=1)
        weights = np.linalg.lstsq((predicted - centre[:, None]).T, ages - ages.mean())[0]
        return cls(weights, float(ages.mean() - weights @ centre))

    def apply(self, predicted_years: ArrayLike) -> NDArray[np.float64]:
        """Age of each of N subjects, (N,), from the (P, N) answers, in years."""
        predicted = as_measurements("predicted_years", predicted_years, axes=("P", "N"))
        if len(predicted) != len(self.weights):
            raise ValueError(f"predicted_years needs {len(self.weights)} patches, as fitted, got {len(predicted)}")
        return self.weights @ predicted + self.intercept_years


def _ages(age_years: ArrayLike, predicted_years: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    ages, predicted = as_measurements("age_years", age_years), as_measurements("predicted_years", predicted_years)
    same_shape(age_years=ages, predicted_years=predicted)
    return ages, predicted


def _subjects_to_fit(
    age_years: ArrayLike, predicted_years: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    ages, predicted = _ages(age_years, predicted_years)
    if len(ages) < 2:
        raise ValueError(f"a bias correction needs at least 2 subjects, got {len(ages)}")
    _refuse_equal_ages(ages)
    return ages, predicted


def _refuse_equal_ages(ages: NDArray[np.float64]) -> None:
    if ages.min() == ages.max():
        raise ValueError(f"all subjects are {ages[0]:g} years old: from equal ages nothing is learned of age")


def _patches(age_years: ArrayLike, predicted_years: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    ages = as_measurements("age_years", age_years)
    predicted = as_measurements("predicted_years", predicted_years, axes=("P", "N"))
    if predicted.shape[1] != len(ages):
        raise ValueError(f"predicted_years needs {len(ages)} subjects in each row, got shape {predicted.shape}")
    return ages, predicted


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and intercept of the least-squares line of y on x."""
    centred = x - x.mean()
    slope = float(centred @ (y - y.mean()) / (centred @ centred))
    return slope, float(y.mean() - slope * x.mean())
