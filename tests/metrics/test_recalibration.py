"""Temperature and priors: by hand, at the edges, and beside a plain search for the likeliest temperature."""

from collections.abc import Callable
from math import inf, log, nan

import numpy as np
import pytest
import scipy.optimize
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.metrics.calibration import reliability_curve, top_label
from course_lib.metrics.curves import roc_auc
from course_lib.metrics.recalibration import TemperatureScaling, shift_prior


def negative_log_likelihood(temperature: float, logits: np.ndarray, y_true: np.ndarray) -> float:
    return torch.nn.functional.cross_entropy(
        torch.from_numpy(logits) / temperature, torch.from_numpy(y_true), reduction="sum"
    ).item()


def test_a_model_that_is_right_three_times_of_four_should_say_75_percent() -> None:
    scaling = TemperatureScaling.fit([4.0, 4.0, 4.0, -4.0], [1, 1, 0, 0])
    assert scaling.temperature == pytest.approx(4 / log(3))
    assert scaling.apply([4.0, -4.0]) == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize("sharpness", [0.01, 0.5, 3.0, 200.0])
def test_the_temperature_is_the_likeliest_one_of_a_plain_search(sharpness: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(200, 4))
    y_true = np.array([rng.choice(4, p=row) for row in TemperatureScaling(1.0).apply(logits)])
    found = TemperatureScaling.fit(logits * sharpness, y_true).temperature
    search = scipy.optimize.minimize_scalar(
        lambda t: negative_log_likelihood(np.exp(t), logits * sharpness, y_true),
        bounds=(log(sharpness) - 3, log(sharpness) + 3),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert found == pytest.approx(np.exp(search.x), rel=1e-5)
    assert found == pytest.approx(sharpness, rel=0.3)


def test_a_single_logit_is_that_of_class_1_against_0() -> None:
    rng = np.random.default_rng(1)
    logits = 5 * rng.normal(size=300)
    y_true = (rng.random(300) < 1 / (1 + np.exp(-logits / 5))).astype(int)
    alone = TemperatureScaling.fit(torch.from_numpy(logits), y_true)
    pair = TemperatureScaling.fit(np.column_stack([np.zeros(300), logits]), y_true)
    assert alone.temperature == pytest.approx(pair.temperature, rel=1e-12)
    np.testing.assert_allclose(alone.apply(logits), pair.apply(np.column_stack([np.zeros(300), logits]))[:, 1])


def test_it_mends_calibration_and_leaves_the_order() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(4000, 3)) * 2
    y_true = np.array([rng.choice(3, p=row) for row in TemperatureScaling(1.0).apply(logits)])
    before, after = (
        TemperatureScaling(1.0).apply(4 * logits),
        TemperatureScaling.fit(4 * logits, y_true).apply(4 * logits),
    )
    errors = []
    for probabilities in (before, after):
        top = top_label(y_true, probabilities)
        errors.append(reliability_curve(top.right, top.confidence).expected_calibration_error)
    assert errors[1] < 0.02 < 0.1 < errors[0]
    np.testing.assert_array_equal(before.argmax(axis=1), after.argmax(axis=1))


def test_large_logits_do_not_overflow() -> None:
    scaling = TemperatureScaling.fit([1e4, 1e4, 1e4, -1e4], [1, 1, 0, 0])
    assert scaling.temperature == pytest.approx(1e4 / log(3))
    assert TemperatureScaling(1.0).apply([[1e4, 0.0]]).tolist() == [[1.0, 0.0]]


def test_a_prior_by_hand() -> None:
    # odds 1 become 1/9; odds 9 become 1
    assert shift_prior([0.5, 0.9, 0.0, 1.0], prior_train=0.5, prior_deploy=0.1) == pytest.approx([0.1, 0.5, 0.0, 1.0])
    three = shift_prior([[0.2, 0.3, 0.5]], prior_train=[0.25, 0.25, 0.5], prior_deploy=[0.5, 0.25, 0.25])
    assert three == pytest.approx(np.array([[0.4, 0.3, 0.25]]) / 0.95)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
@settings(deadline=None)
def test_going_there_and_back_changes_nothing_and_the_odds_change_by_the_odds(
    y_prob: list[float], there: float, here: float
) -> None:
    shifted = shift_prior(y_prob, prior_train=there, prior_deploy=here)
    np.testing.assert_allclose(
        shift_prior(shifted, prior_train=here, prior_deploy=there), y_prob, rtol=1e-6, atol=1e-12
    )
    inside = np.array([0.001 < p < 0.999 for p in y_prob])
    p, q = np.array(y_prob)[inside], shifted[inside]
    np.testing.assert_allclose(q / (1 - q), p / (1 - p) * here / there * (1 - there) / (1 - here), rtol=1e-8)
    pairs = shift_prior(
        np.column_stack([1 - np.array(y_prob), y_prob]), prior_train=[1 - there, there], prior_deploy=[1 - here, here]
    )
    np.testing.assert_allclose(pairs[:, 1], shifted, rtol=1e-9, atol=1e-12)


def test_corrected_probabilities_are_calibrated_where_disease_is_rarer() -> None:
    rng = np.random.default_rng(3)

    def patients(prevalence: float) -> tuple[np.ndarray, np.ndarray]:
        y_true = rng.random(40_000) < prevalence
        log_odds = 2 * rng.normal(y_true, 1) - 1  # of two normals one apart, at equal priors
        return y_true, 1 / (1 + np.exp(-log_odds / 2))

    y_true, y_prob = patients(0.1)
    corrected = shift_prior(y_prob, prior_train=0.5, prior_deploy=0.1)
    assert reliability_curve(y_true, y_prob).expected_calibration_error > 0.25
    assert reliability_curve(y_true, corrected).expected_calibration_error < 0.01
    assert roc_auc(y_true, corrected) == pytest.approx(roc_auc(y_true, y_prob), abs=1e-9)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: TemperatureScaling.fit([2.0, -1.0], [1, 0]),
            ValueError,
            "every case is right: no temperature is likeliest",
        ),
        (lambda: TemperatureScaling.fit([2.0, -1.0], [0, 1]), ValueError, "no better than chance"),
        (lambda: TemperatureScaling.fit([2.0, inf], [0, 1]), ValueError, "logits must be finite, got inf"),
        (lambda: TemperatureScaling.fit([2.0, nan], [0, 1]), ValueError, "logits is NaN at index 1"),
        (lambda: TemperatureScaling.fit([[2.0, 1.0]], [2]), ValueError, "y_true needs labels from 0 to 1, got 2"),
        (lambda: TemperatureScaling.fit([2.0], [2]), ValueError, "y_true needs labels 0 and 1, got 2"),
        (lambda: TemperatureScaling.fit([[2.0, 1.0]], [0, 1]), ValueError, "one label for each row of logits"),
        (lambda: TemperatureScaling.fit([], []), ValueError, "at least one"),
        (
            lambda: TemperatureScaling(1.0).apply(np.zeros((1, 2, 3))),
            ValueError,
            r"logits need shape \(N,\) or \(N, K\)",
        ),
        (lambda: TemperatureScaling(0.0), ValueError, "temperature must be above 0 and finite, got 0.0"),
        (lambda: TemperatureScaling(nan), ValueError, "temperature must be above 0 and finite, got nan"),
        (lambda: shift_prior([1.5], prior_train=0.5, prior_deploy=0.1), ValueError, "got 1.5: are these logits"),
        (
            lambda: shift_prior([0.5], prior_train=0, prior_deploy=0.1),
            ValueError,
            "prior_train must lie between 0 and 1",
        ),
        (
            lambda: shift_prior([0.5], prior_train=0.5, prior_deploy=1),
            ValueError,
            "prior_deploy must lie between 0 and 1",
        ),
        (
            lambda: shift_prior([0.5], prior_train=[0.5, 0.5], prior_deploy=0.1),
            ValueError,
            r"prior_train needs shape \(\)",
        ),
        (
            lambda: shift_prior([[0.5, 0.5]], prior_train=[0.5, 0.4], prior_deploy=[0.5, 0.5]),
            ValueError,
            "prior_train must sum to 1, got 0.9",
        ),
        (
            lambda: shift_prior([[0.5, 0.2]], prior_train=[0.5, 0.5], prior_deploy=[0.5, 0.5]),
            ValueError,
            "each row of y_prob must sum to 1",
        ),
        (
            lambda: shift_prior(0.5, prior_train=0.5, prior_deploy=0.1),
            ValueError,
            r"y_prob needs shape \(N,\) or \(N, K\)",
        ),
    ],
)
def test_what_cannot_be_mended_is_refused_with_the_reason(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
