"""Brain age: corrections by hand and on simulated cohorts as reported, their dangers, and ensembles of patches."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from course_lib.brain_age import (
    BiasCorrection,
    DividingBiasCorrection,
    LinearEnsemble,
    PredictedAgeBiasCorrection,
    best_patches,
    brain_age_gap,
    mean_ensemble,
    patch_errors,
)
from course_lib.metrics.regression import mean_absolute_error, pearson_correlation, r2_score

CORRECTIONS = (BiasCorrection, PredictedAgeBiasCorrection, DividingBiasCorrection)
cohorts = st.integers(0, 10**6).map(lambda seed: np.random.default_rng(seed).uniform(45, 80, (2, 12)))


def cohort(num_subjects: int, *, seed: int, slope: float = -0.17, noise_years: float = 3.06) -> tuple[NDArray, NDArray]:
    """Ages and predictions: ages of 6.8 years' spread around 62, an error that leans on age, and noise."""
    rng = np.random.default_rng(seed)
    ages = rng.normal(62, 6.8, num_subjects)
    return ages, ages + slope * (ages - 62) + rng.normal(0, noise_years, num_subjects)


def leaning(ages: NDArray, predicted: NDArray) -> float:
    return float(np.polyfit(ages, predicted - ages, 1)[0])


# The correction of the lecture


def test_the_correction_by_hand() -> None:
    # errors +6, +1, −4: half a year less for each year of age; the line is −0.5 · age + 31
    correction = BiasCorrection.fit([50, 60, 70], [56, 61, 66])
    assert (correction.slope, correction.intercept_years) == pytest.approx((-0.5, 31))
    assert correction.apply([56, 61, 66], age_years=[50, 60, 70]) == pytest.approx([50, 60, 70])
    assert correction.apply([60.0], age_years=[40]) == pytest.approx([60 - (-0.5 * 40 + 31)])


def test_what_was_reported_follows_from_an_error_that_leans_on_age() -> None:
    # MAE 2.64 → 2.43 and R² .77 → .80, from validation subjects to others
    correction = BiasCorrection.fit(*cohort(20_000, seed=0))
    ages, predicted = cohort(20_000, seed=1)
    corrected = correction.apply(predicted, age_years=ages)
    assert mean_absolute_error(ages, predicted) == pytest.approx(2.60, abs=0.06)
    assert mean_absolute_error(ages, corrected) == pytest.approx(2.44, abs=0.03)
    assert r2_score(ages, predicted) == pytest.approx(0.77, abs=0.005)
    assert r2_score(ages, corrected) == pytest.approx(0.80, abs=0.005)


def test_the_young_look_older_and_the_old_younger_until_corrected() -> None:
    ages, predicted = cohort(5_000, seed=2)
    gap, young, old = brain_age_gap(ages, predicted), ages < 55, ages > 69
    assert gap[young].mean() > 1
    assert gap[old].mean() < -1
    corrected = brain_age_gap(ages, BiasCorrection.fit(ages, predicted).apply(predicted, age_years=ages))
    assert abs(corrected[young].mean()) < 0.2
    assert abs(corrected[old].mean()) < 0.2


@settings(max_examples=50, deadline=None)
@given(cohorts)
def test_on_its_own_subjects_the_corrected_gap_has_no_slope_and_no_mean(drawn: NDArray) -> None:
    ages, predicted = drawn
    correction = BiasCorrection.fit(ages, predicted)
    assert (correction.slope, correction.intercept_years) == pytest.approx(np.polyfit(ages, predicted - ages, 1))
    corrected = correction.apply(predicted, age_years=ages)
    assert leaning(ages, corrected) == pytest.approx(0, abs=1e-9)
    assert (corrected - ages).mean() == pytest.approx(0, abs=1e-9)
    again = BiasCorrection.fit(ages, corrected).apply(corrected, age_years=ages)
    assert again == pytest.approx(corrected)


def test_a_predictor_without_bias_is_left_as_it_is() -> None:
    correction = BiasCorrection.fit([50.0, 60.0, 70.0], [50.0, 60.0, 70.0])
    assert (correction.slope, correction.intercept_years) == (0, 0)
    assert correction.apply([58.0], age_years=[64.0]).tolist() == [58.0]


def test_its_danger_a_net_that_knows_nothing_becomes_perfect() -> None:
    ages = np.array([50.0, 60.0, 70.0, 80.0])
    same_for_all = np.full(4, 61.0)
    assert r2_score(ages, same_for_all) < 0
    correction = BiasCorrection.fit(ages, same_for_all)
    assert correction.apply(same_for_all, age_years=ages) == pytest.approx(ages)  # the age was handed to it


# Where the true age is not known


def test_the_variant_on_predicted_age_by_hand() -> None:
    # predicted 55, 60, 65 for 50, 60, 70: errors 5, 0, −5 on the line −1 · predicted + 60
    correction = PredictedAgeBiasCorrection.fit([50, 60, 70], [55, 60, 65])
    assert (correction.slope, correction.intercept_years) == pytest.approx((-1, 60))
    assert correction.apply([55, 57.5]) == pytest.approx([50, 55])


def test_it_keeps_the_correlation_and_cannot_make_ignorance_perfect() -> None:
    ages, predicted = cohort(2_000, seed=3)
    corrected = PredictedAgeBiasCorrection.fit(ages, predicted).apply(predicted)
    assert pearson_correlation(ages, corrected) == pytest.approx(pearson_correlation(ages, predicted))
    assert mean_absolute_error(ages, corrected) < mean_absolute_error(ages, predicted)
    assert pearson_correlation(corrected, corrected - ages) == pytest.approx(0, abs=1e-9)
    assert leaning(ages, corrected) < -0.1  # on the true age it still leans
    noise = np.random.default_rng(0).uniform(50, 75, 2_000)
    drawn_in = PredictedAgeBiasCorrection.fit(ages, noise).apply(noise)
    assert drawn_in.std() < 1
    assert abs(r2_score(ages, drawn_in)) < 0.01


def test_it_is_the_regression_of_age_on_prediction() -> None:
    ages, predicted = cohort(300, seed=4)
    slope, intercept = np.polyfit(predicted, ages, 1)
    wanted = slope * predicted + intercept
    assert PredictedAgeBiasCorrection.fit(ages, predicted).apply(predicted) == pytest.approx(wanted)


# Dividing


def test_dividing_by_hand_turns_the_line_around() -> None:
    correction = DividingBiasCorrection.fit([50, 60, 70], [55, 60, 65])
    assert (correction.slope, correction.intercept_years, correction.noise_gain) == pytest.approx((0.5, 30, 2))
    assert correction.apply([55, 62]) == pytest.approx([50, 64])


@settings(max_examples=50, deadline=None)
@given(cohorts)
def test_dividing_too_leaves_no_slope_and_no_mean_and_stretches_the_corrected_gap(drawn: NDArray) -> None:
    ages, predicted = drawn
    predicted = 0.5 * ages + 0.3 * predicted
    subtracted = BiasCorrection.fit(ages, predicted).apply(predicted, age_years=ages)
    dividing = DividingBiasCorrection.fit(ages, predicted)
    divided = dividing.apply(predicted)
    assert leaning(ages, divided) == pytest.approx(0, abs=1e-8)
    assert divided - ages == pytest.approx((subtracted - ages) * dividing.noise_gain, abs=1e-8)


def test_its_danger_the_less_is_known_the_larger_the_errors() -> None:
    errors = []
    for known in (0.9, 0.5, 0.2, 0.05):
        ages, predicted = cohort(4_000, seed=5, slope=known - 1, noise_years=4)
        correction = DividingBiasCorrection.fit(ages, predicted)
        assert correction.noise_gain == pytest.approx(1 / known, rel=0.3)
        errors.append(mean_absolute_error(ages, correction.apply(predicted)))
    assert errors == sorted(errors)
    assert errors[0] < 4 < 40 < errors[-1]  # years
    assert mean_absolute_error(ages, predicted) < 7  # as it was before the correction


def test_predictions_that_do_not_rise_cannot_be_divided() -> None:
    for predicted in ([60, 60, 60], [70, 60, 50]):
        with pytest.raises(ValueError, match="must rise with age to be divided by their slope, got slope"):
            DividingBiasCorrection.fit([50, 60, 70], predicted)


# What no line can be fitted to


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_one_subject_and_equal_ages_are_refused(correction: type) -> None:
    with pytest.raises(ValueError, match="a bias correction needs at least 2 subjects, got 1"):
        correction.fit([60], [62])
    with pytest.raises(ValueError, match="needs at least 2 subjects, got 0"):
        correction.fit([], [])
    with pytest.raises(ValueError, match=r"all subjects are 60\.1 years old: from equal ages nothing is learned"):
        correction.fit([60.1, 60.1, 60.1], [62, 58, 61])


def test_tensors_come_as_they_are() -> None:
    ages, predicted = torch.tensor([50, 60, 70]), torch.tensor([56.0, 61.0, 66.0], requires_grad=True)
    correction = BiasCorrection.fit(ages, predicted)
    corrected = correction.apply(predicted, age_years=ages)
    assert corrected.dtype == np.float64
    assert corrected == pytest.approx([50, 60, 70])


# Patches


def patches(num_subjects: int, *, seed: int) -> tuple[NDArray, NDArray]:
    """24 patches that see age ever less well, each pulled to the mean, with an error that all share."""
    rng = np.random.default_rng(seed)
    ages, noise = rng.normal(62, 6.8, num_subjects), np.linspace(2.2, 9.0, 24)
    shared = rng.normal(0, 1.2, num_subjects)
    seen = ages - 62 + shared + rng.normal(0, 1, (24, num_subjects)) * noise[:, None]
    return ages, 62 + seen * (6.8**2 / (6.8**2 + noise**2))[:, None]


def test_patches_by_hand() -> None:
    ages, predicted = [60, 70], [[62, 69], [60, 71], [40, 90]]
    assert patch_errors(ages, predicted).tolist() == [1.5, 0.5, 20]
    assert best_patches(ages, predicted, num_patches=2).tolist() == [1, 0]
    assert mean_ensemble(predicted) == pytest.approx([54, 230 / 3])
    assert mean_ensemble(np.array(predicted)[[1, 0]]).tolist() == [61, 70]


def test_of_equal_patches_the_earlier_is_selected_and_without_subjects_errors_are_nan() -> None:
    assert best_patches([60, 70], [[61, 71], [60, 70], [61, 71]], num_patches=2).tolist() == [1, 0]
    assert best_patches([60, 70], np.full((40, 2), 65), num_patches=40).tolist() == list(range(40))
    assert np.isnan(patch_errors([], np.empty((3, 0)))).all()


def test_ensembles_rank_as_reported() -> None:
    # single patches 2.45 to 4.2; mean 2.66, of selected ones 2.28; regression of all 2.13, corrected 1.96
    ages, predicted = patches(3_000, seed=0)
    test_ages, test_predicted = patches(3_000, seed=1)
    selected = best_patches(ages, predicted, num_patches=8)
    regression = LinearEnsemble.fit(ages, predicted)
    single = patch_errors(test_ages, test_predicted)
    of_all = mean_absolute_error(test_ages, mean_ensemble(test_predicted))
    of_selected = mean_absolute_error(test_ages, mean_ensemble(test_predicted[selected]))
    by_regression = regression.apply(test_predicted)
    correction = BiasCorrection.fit(ages, regression.apply(predicted))
    corrected = mean_absolute_error(test_ages, correction.apply(by_regression, age_years=test_ages))
    assert corrected < mean_absolute_error(test_ages, by_regression) < of_selected < of_all
    assert of_selected < single.min() < of_all < np.median(single)


def test_a_regression_finds_the_weights_that_made_the_ages() -> None:
    rng = np.random.default_rng(0)
    predicted = rng.uniform(40, 80, (3, 30))
    ensemble = LinearEnsemble.fit(np.array([0.7, -0.2, 0.5]) @ predicted + 4, predicted)
    assert ensemble.weights == pytest.approx([0.7, -0.2, 0.5])
    assert ensemble.intercept_years == pytest.approx(4)


def test_a_regression_is_never_worse_than_a_mean_on_its_own_subjects() -> None:
    ages, predicted = patches(100, seed=2)
    fitted = LinearEnsemble.fit(ages, predicted).apply(predicted)
    assert ((fitted - ages) ** 2).mean() < ((mean_ensemble(predicted) - ages) ** 2).mean()
    assert (fitted - ages).mean() == pytest.approx(0, abs=1e-9)


def test_the_same_patch_twice_shares_its_weight() -> None:
    ages, predicted = cohort(50, seed=6)
    once, twice = LinearEnsemble.fit(ages, [predicted]), LinearEnsemble.fit(ages, [predicted, predicted])
    assert twice.weights == pytest.approx([once.weights[0] / 2] * 2)
    assert twice.apply([predicted, predicted]) == pytest.approx(once.apply([predicted]))


def test_patches_that_cannot_be_joined_are_refused() -> None:
    few = np.random.default_rng(0).uniform(50, 70, (9, 10))
    with pytest.raises(ValueError, match="9 weights and a constant need at least 11 subjects, got 10: select fewer"):
        LinearEnsemble.fit(np.arange(50, 60), few)
    with pytest.raises(ValueError, match="all subjects are 50 years old"):
        LinearEnsemble.fit(np.full(10, 50), few[:2])
    with pytest.raises(ValueError, match="needs 2 patches, as fitted, got 3"):
        LinearEnsemble.fit(np.arange(50, 60), few[:2]).apply(few[:3])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: brain_age_gap([60], [62, 63]), ValueError, "age_years and predicted_years need the same shape"),
        (lambda: BiasCorrection(0, 1).apply([60], age_years=[60, 61]), ValueError, "need the same shape"),
        (lambda: BiasCorrection.fit([60, np.nan], [62, 63]), ValueError, "age_years is NaN at index 1"),
        (lambda: DividingBiasCorrection.fit([60, 70], [62, np.inf]), ValueError, "predicted_years is infinite"),
        (lambda: PredictedAgeBiasCorrection.fit([60, 70], [62, 62]), ValueError, "all predictions are 62 years"),
        (lambda: patch_errors([60, 70], [[60, 70, 80]]), ValueError, r"needs 2 subjects in each row, got .*\(1, 3\)"),
        (lambda: mean_ensemble([60, 70]), ValueError, r"predicted_years needs shape \(P, N\), got \(2,\)"),
        (lambda: mean_ensemble(np.empty((0, 3))), ValueError, "at least 1 patch, got 0"),
        (lambda: best_patches([60], [[61]], num_patches=2), ValueError, "num_patches must be 1 to 1, .* got 2"),
        (lambda: best_patches([60], [[61]], num_patches=0), ValueError, "num_patches must be 1 to 1, .* got 0"),
        (lambda: best_patches([], np.empty((3, 0)), num_patches=1), ValueError, "at least 1 subject, got 0"),
    ],
)
def test_ages_that_make_no_sense_are_refused_with_the_reason(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
