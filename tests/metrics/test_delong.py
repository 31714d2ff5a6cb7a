"""DeLong's standard error: by hand, by the definition over all pairs, by its laws, and by how often it covers."""

from collections.abc import Callable
from math import inf, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from course_lib.metrics.curves import roc_auc
from course_lib.metrics.delong import compare_auc, delong_auc
from course_lib.metrics.intervals import Interval

cases = st.lists(st.tuples(st.booleans(), st.integers(-4, 4), st.integers(-4, 4)), min_size=4, max_size=40).filter(
    lambda rows: 2 <= sum(row[0] for row in rows) <= len(rows) - 2
)


def columns(rows: list[tuple[bool, int, int]]) -> list[np.ndarray]:
    return [np.array(column) for column in zip(*rows, strict=True)]


def covariance_by_pairs(y_true: np.ndarray, y_scores: list[np.ndarray]) -> np.ndarray:
    """Slow and obvious: the paper's matrices V10 and V01 from ψ of each pair, and their covariances."""
    v10, v01 = [], []
    for score in y_scores:
        apart = score[y_true][:, None] - score[~y_true][None, :]
        psi = (apart > 0) + 0.5 * (apart == 0)
        v10.append(psi.mean(axis=1))
        v01.append(psi.mean(axis=0))
    return np.cov(v10) / y_true.sum() + np.cov(v01) / (~y_true).sum()


def test_three_against_three_by_hand() -> None:
    # places of the positives: 3/3, 2/3, 1 - all negatives below, one above, all below
    estimate = delong_auc([0, 0, 1, 1, 0, 1], [0.1, 0.4, 0.35, 0.8, 0.2, 0.7])
    assert estimate.auc == pytest.approx(8 / 9)
    variance = np.var([2 / 3, 1, 1], ddof=1)  # and for the negatives the same: 1, 2/3, 1
    assert estimate.standard_error == pytest.approx(sqrt(2 * variance / 3))
    assert estimate.interval == Interval(pytest.approx(8 / 9 - 1.959964 * estimate.standard_error), 1)


@given(cases)
@settings(deadline=None)
def test_it_is_the_paper_s_definition_over_all_pairs(rows: list[tuple[bool, int, int]]) -> None:
    y_true, a, b = columns(rows)
    covariance = covariance_by_pairs(y_true, [a, b])
    alone, both = delong_auc(y_true, a), compare_auc(y_true, a, b)
    assert alone.auc == both.auc_a == pytest.approx(roc_auc(y_true, a))
    assert alone.standard_error == pytest.approx(sqrt(covariance[0, 0]), abs=1e-9)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert both.standard_error == pytest.approx(sqrt(max(variance, 0)), abs=1e-7)


@given(cases)
@settings(deadline=None)
def test_only_the_order_matters_and_exchanging_the_models_turns_the_sign(rows: list[tuple[bool, int, int]]) -> None:
    y_true, a, b = columns(rows)
    one, other = compare_auc(y_true, a, b), compare_auc(y_true, np.exp(b), a * 3.0 - 1)
    assert (other.difference, other.z) == (-one.difference, -one.z)
    assert other.p_value == one.p_value
    assert delong_auc(y_true, -a).standard_error == pytest.approx(delong_auc(y_true, a).standard_error, abs=1e-12)


def test_a_model_does_not_differ_from_itself() -> None:
    same = compare_auc([0, 1, 0, 1, 1], [1, 2, 3, 4, 5], [10, 20, 30, 40, 50])
    assert (same.difference, same.standard_error, same.z, same.p_value) == (0, 0, 0, 1)


def test_all_right_against_all_wrong_leaves_no_doubt() -> None:
    result = compare_auc([0, 0, 1, 1], [1, 2, 3, 4], [4, 3, 2, 1])
    assert (result.difference, result.z, result.p_value) == (1, inf, 0)
    assert compare_auc([0, 0, 1, 1], [4, 3, 2, 1], [1, 2, 3, 4]).z == -inf


def test_a_p_value_far_out_is_small_and_not_rounded_to_0() -> None:
    rng = np.random.default_rng(0)
    y_true = np.arange(2000) < 1000
    result = compare_auc(y_true, rng.normal(y_true, 0.5), rng.normal(size=2000))
    assert result.z > 20
    assert result.p_value == pytest.approx(2 * norm.sf(result.z), rel=1e-9)
    assert result.p_value > 0


def test_perfect_order_gives_a_point_that_is_too_sure() -> None:
    estimate = delong_auc([0, 0, 1, 1], [1, 2, 3, 4])
    assert (estimate.auc, estimate.standard_error, estimate.interval) == (1, 0, Interval(1, 1))


def test_pairing_makes_the_error_of_a_difference_smaller() -> None:
    rng = np.random.default_rng(0)
    y_true = np.arange(200) < 80
    hard = rng.normal(size=200)  # what makes a case hard, for both
    a, b = (y_true + hard + 0.2 * rng.normal(size=200) for _ in range(2))
    unpaired = sqrt(delong_auc(y_true, a).standard_error ** 2 + delong_auc(y_true, b).standard_error ** 2)
    assert compare_auc(y_true, a, b).standard_error < unpaired / 2


def test_intervals_cover_the_true_area_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    y_true, truth = np.arange(150) < 60, 0.7602499389065233  # Φ(1/√2)
    intervals = [delong_auc(y_true, rng.normal(y_true, 1)).interval for _ in range(1000)]
    covered = sum(interval.low <= truth <= interval.high for interval in intervals)
    assert 925 <= covered <= 970


def test_equal_models_are_called_different_about_as_often_as_p_says() -> None:
    rng = np.random.default_rng(3)
    y_true = np.arange(150) < 60
    called = 0
    for _ in range(1000):
        shared = rng.normal(y_true, 1)
        called += compare_auc(y_true, *(shared + rng.normal(size=(2, 150)))).p_value < 0.05
    assert 30 <= called <= 75


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: delong_auc([0, 0, 1], [1, 2, 3]), ValueError, "at least 2 cases of each class, got 1 of class 1"),
        (lambda: delong_auc([1, 1], [1, 2]), ValueError, "at least 2 cases of each class, got 0 of class 0"),
        (lambda: delong_auc([0, 0, 1, 1], [1, 2, nan, 4]), ValueError, "y_score is NaN at index 2"),
        (lambda: delong_auc([0, 0, 1, 2], [1, 2, 3, 4]), ValueError, "y_true needs labels 0 and 1, got 2"),
        (lambda: delong_auc([[0, 1]], [[1, 2]]), ValueError, r"y_true needs shape \(N,\), got \(1, 2\)"),
        (
            lambda: delong_auc([0, 0, 1, 1], [1, 2, 3, 4], confidence=95),
            ValueError,
            "confidence must lie between 0 and",
        ),
        (
            lambda: compare_auc([0, 0, 1, 1], [1, 2, 3, 4], [1, 2]),
            ValueError,
            "y_true and y_score_b need the same shape",
        ),
        (lambda: compare_auc([0, 0, 1, 1], [1, 2, 3, 4], "abcd"), TypeError, "y_score_b needs real numbers"),
    ],
)
def test_cases_that_make_no_estimate_are_refused_with_the_reason(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
