"""Errors of predicted numbers: by hand, at the edges, and beside scikit-learn and scipy."""

from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.metrics.door import as_measurements
from course_lib.metrics.regression import (
    mean_absolute_error,
    pearson_correlation,
    r2_score,
    root_mean_squared_error,
)

ALL = (mean_absolute_error, root_mean_squared_error, r2_score, pearson_correlation)
pairs = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=30)


def test_three_subjects_by_hand() -> None:
    ages, predicted = [60, 70, 80], [62, 69, 78]  # errors +2, −1, −2
    assert mean_absolute_error(ages, predicted) == pytest.approx(5 / 3)
    assert root_mean_squared_error(ages, predicted) == pytest.approx(3**0.5)
    assert r2_score(ages, predicted) == pytest.approx(1 - 9 / 200)
    deviations = np.array([62, 69, 78]) - 209 / 3
    assert pearson_correlation(ages, predicted) == pytest.approx(160 / (200 * (deviations**2).sum()) ** 0.5)


def test_all_exact_is_the_best_value() -> None:
    ages = np.array([0.1, 0.7, 33.3, 90.2])
    assert [metric(ages, ages) for metric in ALL] == [0, 0, 1, 1]


def test_the_mean_answered_to_everyone_explains_nothing_and_worse_is_negative() -> None:
    assert r2_score([60, 70, 80], [70, 70, 70]) == 0
    assert r2_score([60, 70, 80], [80, 70, 60]) == -3


def test_without_cases_each_is_nan() -> None:
    assert np.isnan([metric([], []) for metric in ALL]).all()


def test_equal_true_values_have_no_variance_to_explain_though_rounding_says_so() -> None:
    tenths = [0.1, 0.1, 0.1]  # their mean is not exactly 0.1
    assert np.isnan(r2_score(tenths, [0.1, 0.2, 0.3]))
    assert np.isnan(r2_score(tenths, tenths))
    assert np.isnan(pearson_correlation(tenths, [0.1, 0.2, 0.3]))
    assert np.isnan(pearson_correlation([0.1, 0.2, 0.3], tenths))
    assert mean_absolute_error(tenths, tenths) == 0


@settings(max_examples=60, deadline=None)
@given(pairs)
def test_they_agree_with_scikit_learn_and_scipy(drawn: list[tuple[int, int]]) -> None:
    y_true, y_pred = np.array(drawn, dtype=float).T / 7
    assert mean_absolute_error(y_true, y_pred) == pytest.approx(sklearn.metrics.mean_absolute_error(y_true, y_pred))
    assert root_mean_squared_error(y_true, y_pred) == pytest.approx(
        sklearn.metrics.root_mean_squared_error(y_true, y_pred)
    )
    if len(set(y_true)) > 1:
        assert r2_score(y_true, y_pred) == pytest.approx(sklearn.metrics.r2_score(y_true, y_pred), rel=1e-9)
    if len(set(y_true)) > 1 and len(set(y_pred)) > 1:
        wanted = scipy.stats.pearsonr(y_true, y_pred).statistic
        assert pearson_correlation(y_true, y_pred) == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(pairs, st.floats(0.01, 100), st.floats(-1000, 1000))
def test_units_change_errors_by_their_factor_and_correlation_not_at_all(
    drawn: list[tuple[int, int]], scale: float, shift: float
) -> None:
    y_true, y_pred = np.array(drawn, dtype=float).T
    moved = y_true * scale + shift, y_pred * scale + shift
    assert mean_absolute_error(*moved) == pytest.approx(scale * mean_absolute_error(y_true, y_pred), abs=1e-9)
    assert root_mean_squared_error(y_true, y_pred) >= mean_absolute_error(y_true, y_pred) - 1e-12
    if len(set(y_true)) > 1 and len(set(y_pred)) > 1:
        correlation = pearson_correlation(y_true, y_pred)
        assert pearson_correlation(*moved) == pytest.approx(correlation, abs=1e-9)
        assert pearson_correlation(-y_true, y_pred) == pytest.approx(-correlation, abs=1e-12)
        assert pearson_correlation(y_pred, y_true) == correlation


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_a_correlation_neither_overflows_nor_vanishes(size: float) -> None:
    x = np.array([1.0, 2.0, 3.0]) * size
    assert pearson_correlation(x, [10, 30, 20]) == pytest.approx(0.5)


@pytest.mark.parametrize("form", [np.float32, np.uint8, np.int64])
def test_values_of_any_real_type_measure_the_same(form: type) -> None:
    y_true, y_pred = np.array([60, 70, 80], dtype=form), np.array([62, 69, 78], dtype=form)
    assert mean_absolute_error(y_true, y_pred) == pytest.approx(5 / 3)  # 69 − 70 does not wrap around to 255


def test_tensors_come_as_they_are() -> None:
    ages = torch.tensor([60.0, 70.0, 80.0], requires_grad=True)
    assert r2_score(torch.tensor([60, 70, 80]), ages) == 1
    assert mean_absolute_error(ages.bfloat16(), ages) == 0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: mean_absolute_error([1, 2], [1]), ValueError, r"y_true and y_pred need .* same shape"),
        (lambda: r2_score([[1, 2]], [[1, 2]]), ValueError, r"y_true needs shape \(N,\), got \(1, 2\)"),
        (lambda: r2_score([1, 2], [1, np.nan]), ValueError, "y_pred is NaN at index 1"),
        (lambda: pearson_correlation([1, np.inf], [1, 2]), ValueError, "x is infinite at index 1: leave out"),
        (lambda: pearson_correlation([1, 2], [1, 2, 3]), ValueError, "x and y need the same shape"),
        (lambda: root_mean_squared_error(["old"], [1]), TypeError, "y_true needs real numbers"),
        (
            lambda: as_measurements("volumes_ml", [[1, 2], [3, -np.inf]], axes=("N", "k")),
            ValueError,
            r"volumes_ml is infinite at index \(1, 1\)",
        ),
        (lambda: as_measurements("ratings", [1, 2], axes=("N", "k")), ValueError, r"ratings needs shape \(N, k\)"),
    ],
)
def test_values_that_make_no_sense_are_refused_with_the_reason(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
