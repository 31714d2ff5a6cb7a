"""Wilson's interval: by hand, at the edges, beside scipy, and by how often it covers."""

from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from course_lib.metrics import Interval, wilson_interval


def test_half_of_four_by_hand() -> None:
    z = 1.959963984540054
    half = z * sqrt(1 + z**2 / 4) / (4 + z**2)
    interval = wilson_interval(2, 4)
    assert (interval.low, interval.high) == pytest.approx((0.5 - half, 0.5 + half))
    assert (interval.low, interval.high) == pytest.approx((0.1500, 0.8500), abs=5e-5)


def test_without_success_it_begins_at_0_and_without_failure_it_ends_at_1() -> None:
    assert wilson_interval(0, 10).low == 0.0
    assert wilson_interval(10, 10).high == 1.0
    assert wilson_interval(0, 10).high == pytest.approx(0.27753, abs=5e-6)
    assert wilson_interval(10, 10).low == pytest.approx(1 - 0.27753, abs=5e-6)


def test_without_trials_nothing_is_known() -> None:
    assert wilson_interval(0, 0) == Interval(0.0, 1.0)


@given(st.integers(1, 3000), st.floats(0, 1), st.floats(0.5, 0.999))
def test_it_is_that_of_scipy(trials: int, share: float, confidence: float) -> None:
    successes = round(share * trials)
    ours = wilson_interval(successes, trials, confidence=confidence)
    theirs = binomtest(successes, trials).proportion_ci(confidence_level=confidence, method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@given(st.integers(1, 1000), st.floats(0, 1))
def test_it_holds_the_measured_share_and_mirrors_failures(trials: int, share: float) -> None:
    successes = round(share * trials)
    interval, mirrored = wilson_interval(successes, trials), wilson_interval(trials - successes, trials)
    assert 0 <= interval.low <= successes / trials <= interval.high <= 1
    assert (1 - mirrored.high, 1 - mirrored.low) == pytest.approx((interval.low, interval.high), abs=1e-12)


def test_more_cases_or_less_confidence_make_it_narrower() -> None:
    few, many, bold = wilson_interval(9, 10), wilson_interval(900, 1000), wilson_interval(9, 10, confidence=0.5)
    assert few.high - few.low > 5 * (many.high - many.low)
    assert few.low < bold.low < bold.high < few.high


@pytest.mark.parametrize("proportion", [0.1, 0.5, 0.97])
def test_it_covers_the_true_proportion_about_as_often_as_it_says(proportion: float) -> None:
    trials = 360
    intervals = [wilson_interval(k, trials) for k in range(trials + 1)]
    covers = np.array([interval.low <= proportion <= interval.high for interval in intervals])
    assert 0.93 < binom.pmf(np.arange(trials + 1), trials, proportion)[covers].sum() < 0.975


def test_counts_of_numpy_are_counts() -> None:
    assert wilson_interval(np.int64(9), np.array(10)) == wilson_interval(9, 10)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: wilson_interval(11, 10), ValueError, "successes cannot be more than trials, got 11 of 10"),
        (lambda: wilson_interval(-1, 10), ValueError, "successes must be at least 0, got -1"),
        (lambda: wilson_interval(0, -1), ValueError, "trials must be at least 0, got -1"),
        (lambda: wilson_interval(0.9, 10), TypeError, "successes needs a whole number of cases, got 0.9"),
        (lambda: wilson_interval(9, 10, confidence=95), ValueError, "confidence must lie between 0 and 1.*got 95"),
        (lambda: wilson_interval(0, 0, confidence=1.0), ValueError, "confidence must lie between 0 and 1.*got 1.0"),
    ],
)
def test_counts_that_make_no_sense_are_refused_with_the_reason(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
