"""Bootstrap intervals: the draws, the areas beside a loop over scikit-learn, their laws, and how often they cover."""

from collections.abc import Callable
from math import isnan, nan

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics

from course_lib.metrics import bootstrap
from course_lib.metrics.bootstrap import (
    bootstrap_auc,
    bootstrap_auc_difference,
    bootstrap_mean,
    estimate,
    resample_counts,
)
from course_lib.metrics.delong import compare_auc, delong_auc
from course_lib.metrics.intervals import Interval


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y_true = np.arange(120) < 40
    shared = rng.normal(y_true, 1)
    a, b = (np.round(shared + rng.normal(size=120) / 2, 1) for _ in range(2))  # with ties
    return y_true, a, b


def test_each_resample_keeps_the_size_of_each_stratum_and_blocks_lose_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "BLOCK", 30)
    blocks = list(resample_counts([3, 7], num_resamples=8, seed=0))
    assert [len(sick) for sick, _ in blocks] == [3, 3, 2]
    for sick, healthy in blocks:
        assert (sick.sum(axis=1) == 3).all()
        assert (healthy.sum(axis=1) == 7).all()


def test_each_case_is_drawn_once_on_average() -> None:
    (drawn,) = next(resample_counts([20], num_resamples=5000, seed=1))
    assert drawn.mean(axis=0) == pytest.approx(1, abs=0.07)
    assert drawn.var(axis=0) == pytest.approx(19 / 20, abs=0.12)  # of a binomial


def test_each_area_is_that_of_scikit_learn_on_the_same_resample(scored: tuple[np.ndarray, ...]) -> None:
    y_true, a, b = scored
    both = bootstrap_auc_difference(y_true, a, b, seed=5, num_resamples=40)
    (blocks,) = resample_counts([40, 80], num_resamples=40, seed=5)
    for row, (positives, negatives) in enumerate(zip(*blocks, strict=True)):
        times = np.concatenate([positives, negatives])  # the positives come first in `scored`
        drawn = np.repeat(np.arange(120), times)
        wanted = [sklearn.metrics.roc_auc_score(y_true[drawn], scores[drawn]) for scores in (a, b)]
        found = [both.a.resampled[row], both.b.resampled[row]]
        assert found == pytest.approx(wanted, rel=1e-12)
        assert both.difference.resampled[row] == pytest.approx(wanted[0] - wanted[1], abs=1e-12)
    assert both.a.value == pytest.approx(sklearn.metrics.roc_auc_score(y_true, a))


def test_it_says_about_the_same_as_delong(scored: tuple[np.ndarray, ...]) -> None:
    y_true, a, b = scored
    alone = bootstrap_auc(y_true, a, seed=0, num_resamples=4000)
    assert alone.value == pytest.approx(delong_auc(y_true, a).auc)
    assert alone.standard_error == pytest.approx(delong_auc(y_true, a).standard_error, rel=0.05)
    difference = bootstrap_auc_difference(y_true, a, b, seed=0, num_resamples=4000).difference
    assert difference.standard_error == pytest.approx(compare_auc(y_true, a, b).standard_error, rel=0.05)


def test_the_order_of_the_cases_counts_for_nothing_but_the_draw_and_the_scale_for_nothing_at_all(
    scored: tuple[np.ndarray, ...],
) -> None:
    y_true, a, _ = scored
    one = bootstrap_auc(y_true, a, seed=3)
    np.testing.assert_array_equal(bootstrap_auc(y_true, np.exp(a) * 2 - 1, seed=3).resampled, one.resampled)
    assert bootstrap_auc(y_true, a, seed=3).interval == one.interval
    assert bootstrap_auc(y_true, a, seed=4).interval != one.interval
    wide = bootstrap_auc(y_true, a, seed=3, confidence=0.99).interval
    assert wide.low < one.interval.low < one.value < one.interval.high < wide.high


def test_perfect_order_gives_a_point() -> None:
    found = bootstrap_auc([0, 0, 1, 1], [1, 2, 3, np.inf], seed=0)
    assert (found.value, found.interval, found.standard_error) == (1.0, Interval(1.0, 1.0), 0.0)


def test_intervals_of_the_area_cover_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(4)
    y_true, truth = np.arange(150) < 60, scipy.stats.norm.cdf(1 / np.sqrt(2))
    intervals = [bootstrap_auc(y_true, rng.normal(y_true, 1), seed=i, num_resamples=400).interval for i in range(500)]
    assert 0.92 <= np.mean([interval.low <= truth <= interval.high for interval in intervals]) <= 0.97


def test_the_interval_of_a_mean_is_that_of_scipy() -> None:
    values = np.random.default_rng(0).gamma(2, size=80)
    ours = bootstrap_mean(values, seed=0, num_resamples=20_000)
    theirs = scipy.stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=1)
    low, high = theirs.confidence_interval
    assert (ours.interval.low, ours.interval.high) == pytest.approx((low, high), rel=0.01)
    assert ours.standard_error == pytest.approx(theirs.standard_error, rel=0.03)
    assert ours.value == values.mean()
    assert bootstrap_mean([3.0], seed=0).interval == Interval(3.0, 3.0)


def test_resamples_without_an_answer_are_left_out() -> None:
    found = estimate(0.5, np.array([nan, 0.4, 0.6]), confidence=0.9)
    assert found.interval == Interval(pytest.approx(0.41), pytest.approx(0.59))
    assert found.standard_error == pytest.approx(np.std([0.4, 0.6], ddof=1))
    nothing = estimate(nan, np.array([nan, nan]), confidence=0.9)
    assert isnan(nothing.interval.low)
    assert isnan(nothing.standard_error)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: bootstrap_auc([0, 0], [1, 2], seed=0), ValueError, r"y_true holds only class 0 \(2 cases\)"),
        (lambda: bootstrap_auc([0, 1], [1, nan], seed=0), ValueError, "y_score is NaN at index 1"),
        (lambda: bootstrap_auc([0, 1], [1, 2, 3], seed=0), ValueError, "y_true and y_score need the same shape"),
        (lambda: bootstrap_auc([[0, 1]], [[1, 2]], seed=0), ValueError, r"y_true needs shape \(N,\)"),
        (
            lambda: bootstrap_auc([0, 1], [1, 2], seed=0, num_resamples=1),
            ValueError,
            "num_resamples must be at least 2",
        ),
        (
            lambda: bootstrap_auc([0, 1], [1, 2], seed=0, confidence=1),
            ValueError,
            "confidence must lie between 0 and 1",
        ),
        (
            lambda: bootstrap_auc_difference([0, 1], [1, 2], [1], seed=0),
            ValueError,
            "y_true and y_score_b need the same shape",
        ),
        (lambda: bootstrap_mean([], seed=0), ValueError, r"values need shape \(N,\) with at least one case"),
        (lambda: bootstrap_mean([1, np.inf], seed=0), ValueError, "values must be finite, got inf"),
        (lambda: bootstrap_mean([1, nan], seed=0), ValueError, "values is NaN at index 1"),
        (lambda: list(resample_counts([3, 0], num_resamples=5, seed=0)), ValueError, "each stratum needs at least one"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_reason(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
