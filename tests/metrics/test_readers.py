"""A model among readers: by hand, beside a plain loop, and the verdict on panels made to differ or not."""

from collections.abc import Callable
from math import isnan

import numpy as np
import pytest
from sklearn.metrics import f1_score

from course_lib.metrics.bootstrap import resample_counts
from course_lib.metrics.readers import compare_with_readers


def panel(rng: np.random.Generator, skills: list[float], num_cases: int = 420) -> np.ndarray:
    """Labels of members who each call a case rightly with their own chance; a quarter of the cases is ill."""
    ill = rng.random(num_cases) < 0.25
    return np.array([np.where(rng.random(num_cases) < skill, ill, ~ill) for skill in skills])


def test_two_readers_and_a_model_by_hand() -> None:
    result = compare_with_readers([[1, 1, 0, 0], [1, 0, 0, 0]], [1, 1, 0, 0], seed=0, num_resamples=50)
    # first against second: 2·1 / (2 + 1); first against model: 1; second against model: 2/3
    assert [reader.value for reader in result.readers] == pytest.approx([5 / 6, 2 / 3])
    assert result.mean_reader.value == pytest.approx(3 / 4)
    assert result.model.value == pytest.approx(5 / 6)
    assert result.difference.value == pytest.approx(1 / 12)


def test_each_resample_is_that_of_a_loop_over_scikit_learn() -> None:
    labels = panel(np.random.default_rng(0), [0.85, 0.8, 0.9, 0.75, 0.9], num_cases=60)
    result = compare_with_readers(labels[:4], labels[4], seed=7, num_resamples=6)
    ((drawn,),) = resample_counts([60], num_resamples=6, seed=7)
    for row, times in enumerate(drawn):
        again = np.repeat(labels, times, axis=1)
        f1 = [np.mean([f1_score(again[j], again[i]) for j in range(5) if j != i]) for i in range(5)]
        assert [reader.resampled[row] for reader in result.readers] == pytest.approx(f1[:4], rel=1e-12)
        assert result.model.resampled[row] == pytest.approx(f1[4], rel=1e-12)
        assert result.difference.resampled[row] == pytest.approx(f1[4] - np.mean(f1[:4]), abs=1e-12)


def test_a_better_model_is_told_from_four_readers_of_420_images() -> None:
    rng = np.random.default_rng(1)
    labels = panel(rng, [0.8, 0.8, 0.82, 0.85, 0.93])
    result = compare_with_readers(labels[:4], labels[4], seed=0, num_resamples=2000)
    assert result.difference.interval.low > 0
    assert result.model.interval.low < result.model.value < result.model.interval.high
    narrow = result.difference.interval.high - result.difference.interval.low
    assert narrow < result.model.interval.high - result.model.interval.low  # the same patients: what is shared cancels


def test_a_reader_like_the_others_is_not_called_better_more_often_than_the_interval_says() -> None:
    rng = np.random.default_rng(2)
    called = 0
    for seed in range(200):
        labels = panel(rng, [0.85] * 5, num_cases=200)
        interval = compare_with_readers(labels[:4], labels[4], seed=seed, num_resamples=200).difference.interval
        called += not interval.low <= 0 <= interval.high
    assert called <= 22  # 5% are 10


def test_a_panel_that_calls_nothing_positive_has_no_score() -> None:
    result = compare_with_readers(np.zeros((2, 5)), np.ones(5), seed=0, num_resamples=10)
    assert isnan(result.readers[0].value)
    assert isnan(result.mean_reader.value)
    assert result.model.value == 0.0
    assert isnan(result.difference.interval.low)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: compare_with_readers([[0, 1]], [0, 1], seed=0),
            r"readers need shape \(R, N\) with at least 2 readers",
        ),
        (lambda: compare_with_readers([0, 1], [0, 1], seed=0), r"readers need shape \(R, N\)"),
        (lambda: compare_with_readers([[0], [1]], [0, 1], seed=0), "model needs one label for each of the 1 cases"),
        (lambda: compare_with_readers([[0, 2], [1, 0]], [0, 1], seed=0), "readers needs labels 0 and 1, got 2"),
        (lambda: compare_with_readers([[0], [1]], [0.5], seed=0), "model needs labels 0 and 1, got 0.5"),
    ],
)
def test_panels_that_make_no_sense_are_refused_with_the_reason(call: Callable, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
