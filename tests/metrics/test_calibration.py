"""Calibration: by hand, at the edges, beside plain loops and scikit-learn, and what its terms must sum to."""

from collections.abc import Callable
from math import nan

import numpy as np
import pytest
import sklearn.calibration
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.metrics.calibration import (
    brier_decomposition,
    brier_score,
    equal_count_edges,
    reliability_curve,
    top_label,
)

forecasts = st.lists(st.tuples(st.booleans(), st.integers(0, 20).map(lambda i: i / 20)), min_size=1, max_size=40)


def columns(pairs: list[tuple[bool, float]]) -> tuple[np.ndarray, np.ndarray]:
    y_true, y_prob = zip(*pairs, strict=True)
    return np.array(y_true), np.array(y_prob)


def calibration_error_by_loop(y_true: np.ndarray, y_prob: np.ndarray, num_bins: int) -> float:
    """Slow and obvious: equation 3 of Guo and others, bins open below and closed above, 0 in the first."""
    error = 0.0
    for i in range(num_bins):
        low, high = np.linspace(0, 1, num_bins + 1)[i : i + 2]
        inside = (y_prob > low) & (y_prob <= high) | ((i == 0) & (y_prob == 0))
        if inside.any():
            error += inside.mean() * abs(y_true[inside].mean() - y_prob[inside].mean())
    return error


def test_two_bins_by_hand() -> None:
    curve = reliability_curve([0, 1, 1, 1], [0.3, 0.3, 0.8, 0.9], edges=[0, 0.5, 0.6, 1])
    assert curve.counts.tolist() == [2, 0, 2]
    np.testing.assert_allclose(curve.mean_probability, [0.3, nan, 0.85])
    np.testing.assert_allclose(curve.share_positive, [0.5, nan, 1.0])
    np.testing.assert_allclose(curve.gaps, [0.2, nan, 0.15])
    assert curve.expected_calibration_error == pytest.approx(0.175)
    assert curve.maximum_calibration_error == pytest.approx(0.2)


def test_a_probability_on_a_border_belongs_to_the_bin_below_and_0_to_the_first() -> None:
    assert reliability_curve([0, 0, 0, 0], [0, 0.5, 0.500001, 1], edges=[0, 0.5, 1]).counts.tolist() == [2, 2]


def test_perfect_forecasts_have_no_error_and_sure_wrong_ones_all_of_it() -> None:
    right, wrong = reliability_curve([0, 1], [0.0, 1.0]), reliability_curve([1, 0], [0.0, 1.0])
    assert (right.expected_calibration_error, right.maximum_calibration_error) == (0, 0)
    assert (wrong.expected_calibration_error, wrong.maximum_calibration_error) == (1, 1)
    assert (brier_score([0, 1], [0.0, 1.0]), brier_score([1, 0], [0.0, 1.0])) == (0, 1)


@given(forecasts, st.integers(1, 12))
@settings(deadline=None)
def test_the_calibration_error_is_that_of_the_plain_loop(pairs: list[tuple[bool, float]], num_bins: int) -> None:
    y_true, y_prob = columns(pairs)
    curve = reliability_curve(y_true, y_prob, edges=np.linspace(0, 1, num_bins + 1))
    assert curve.expected_calibration_error == pytest.approx(
        calibration_error_by_loop(y_true, y_prob, num_bins), abs=1e-12
    )
    assert curve.counts.sum() == len(y_true)
    assert curve.expected_calibration_error <= curve.maximum_calibration_error + 1e-12


@given(forecasts)
@settings(deadline=None)
def test_curve_and_score_are_those_of_scikit_learn(pairs: list[tuple[bool, float]]) -> None:
    y_true, y_prob = columns(pairs)
    curve = reliability_curve(y_true, y_prob)
    share, mean = sklearn.calibration.calibration_curve(y_true, y_prob, n_bins=10)
    filled = curve.counts > 0
    np.testing.assert_allclose(curve.share_positive[filled], share, rtol=1e-9)
    np.testing.assert_allclose(curve.mean_probability[filled], mean, rtol=1e-9)
    wanted = sklearn.metrics.brier_score_loss(y_true, y_prob, pos_label=True)
    assert brier_score(y_true, y_prob) == pytest.approx(wanted, rel=1e-9)


@given(forecasts, st.integers(1, 12))
@settings(deadline=None)
def test_the_terms_of_the_brier_score_sum_to_it(pairs: list[tuple[bool, float]], num_bins: int) -> None:
    y_true, y_prob = columns(pairs)
    score = brier_score(y_true, y_prob)
    distinct = brier_decomposition(y_true, y_prob)
    assert distinct.within_bins == 0
    assert distinct.score == pytest.approx(score, abs=1e-12)
    assert distinct.uncertainty == pytest.approx(y_true.mean() * (1 - y_true.mean()))
    assert -1e-12 <= distinct.resolution <= distinct.uncertainty + 1e-12
    binned = brier_decomposition(y_true, y_prob, edges=np.linspace(0, 1, num_bins + 1))
    assert binned.score == pytest.approx(score, abs=1e-12)


def test_what_bins_hide_is_variance_less_covariance_within_them() -> None:
    rng = np.random.default_rng(0)
    y_prob = rng.random(300)
    y_true = rng.random(300) < y_prob
    parts = brier_decomposition(y_true, y_prob, edges=[0, 0.3, 1])
    hidden = 0.0
    for inside in (y_prob <= 0.3, y_prob > 0.3):
        spread = y_prob[inside] - y_prob[inside].mean()
        hidden += np.sum(spread**2 - 2 * spread * (y_true[inside] - y_true[inside].mean())) / 300
    assert parts.within_bins == pytest.approx(hidden, abs=1e-12)


def test_true_probabilities_are_nearly_calibrated() -> None:
    rng = np.random.default_rng(1)
    y_prob = rng.random(50_000)
    y_true = rng.random(50_000) < y_prob
    assert reliability_curve(y_true, y_prob).expected_calibration_error < 0.01
    assert reliability_curve(y_true, y_prob**2).expected_calibration_error > 0.1
    assert brier_decomposition(y_true, y_prob, edges=np.linspace(0, 1, 11)).reliability < 1e-4


def test_bins_of_equal_counts_hold_about_equally_many() -> None:
    rng = np.random.default_rng(2)
    y_prob = rng.beta(0.5, 5, size=1000)
    curve = reliability_curve(rng.random(1000) < y_prob, y_prob, edges=equal_count_edges(y_prob, num_bins=8))
    assert curve.counts.tolist() == [125] * 8
    assert equal_count_edges([0.4] * 5 + [0.0, 1.0], num_bins=4).tolist() == [0.0, 0.4, 1.0]
    assert equal_count_edges([0.4], num_bins=1).tolist() == [0.0, 1.0]


def test_the_top_label_of_many_classes() -> None:
    probabilities = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.5, 0.5, 0.0]])
    top = top_label(torch.tensor([0, 2, 0]), probabilities)
    assert top.right.tolist() == [True, False, True]
    np.testing.assert_allclose(top.confidence, [0.7, 0.6, 0.5], rtol=1e-6)
    assert reliability_curve(top.right, top.confidence).counts.sum() == 3


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: reliability_curve([0, 1], [0.2, 3.5]),
            ValueError,
            "y_prob needs probabilities from 0 to 1, got 3.5: are",
        ),
        (lambda: brier_score([0, 1], [-0.2, 0.5]), ValueError, "y_prob needs probabilities from 0 to 1, got -0.2"),
        (lambda: brier_score([0, 1], [nan, 0.5]), ValueError, "y_prob is NaN at index 0"),
        (lambda: brier_score([0, 2], [0.1, 0.5]), ValueError, "y_true needs labels 0 and 1, got 2"),
        (lambda: brier_score([], []), ValueError, r"y_prob needs shape \(N,\) with at least one case"),
        (lambda: brier_score([0], [0.1, 0.5]), ValueError, "y_true and y_prob need the same shape"),
        (lambda: brier_decomposition([0, 1], [0.1, 5]), ValueError, "are these logits"),
        (
            lambda: reliability_curve([0], [0.1], edges=[0, 0.5]),
            ValueError,
            r"edges must rise from 0 to 1, got \[0.0, 0.5",
        ),
        (lambda: reliability_curve([0], [0.1], edges=[0, 0.5, 0.5, 1]), ValueError, "edges must rise from 0 to 1"),
        (lambda: equal_count_edges([0.5], num_bins=0), ValueError, "num_bins must be at least 1, got 0"),
        (lambda: top_label([0], [0.5]), ValueError, r"need shapes \(N,\) and \(N, K\), got \(1,\) and \(1,\)"),
        (
            lambda: top_label([0], [[0.5, 0.2]]),
            ValueError,
            "each row of y_prob must sum to 1, got 0.7: soft-max missing?",
        ),
        (lambda: top_label([0], [[5.0, -4.0]]), ValueError, "are these logits"),
        (lambda: top_label([2], [[0.5, 0.5]]), ValueError, "y_true needs labels from 0 to 1, got 2"),
        (lambda: top_label([0.0], [[0.5, 0.5]]), TypeError, "y_true needs whole numbers"),
    ],
)
def test_probabilities_that_make_no_sense_are_refused_with_the_reason(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
