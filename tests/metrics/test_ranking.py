"""Ranks and their stability: by hand, beside scipy, and the order of the lectures' tables."""

from collections.abc import Callable
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import rankdata

from course_lib.metrics.intervals import Interval
from course_lib.metrics.ranking import challenge_table, rank_stability

VALUES = hnp.arrays(
    float, st.tuples(st.integers(1, 6), st.just(3)), elements=st.sampled_from([0.0, 0.1, 0.3, 1.0, inf])
)
few = settings(max_examples=60, deadline=None)


def table(values: list[list[float]], higher: list[bool]):
    return challenge_table(
        values,
        teams=[str(row) for row in range(len(values))],
        columns=["a", "b", "c"][: len(higher)],
        higher_is_better=higher,
    )


def test_equal_teams_share_the_mean_of_their_ranks_and_the_better_place() -> None:
    ranked = table([[0.9], [0.7], [0.7], [0.5]], [True])
    assert ranked.ranks[:, 0].tolist() == [1, 2.5, 2.5, 4]
    assert ranked.places.tolist() == [1, 2, 2, 4]
    assert table([[0.9], [0.7], [0.7], [0.5]], [False]).places.tolist() == [4, 2, 2, 1]


def test_the_mean_of_ranks_decides_and_infinite_errors_come_last() -> None:
    ranked = table([[0.9, inf], [0.8, 1.0], [0.1, 2.0]], [True, False])
    assert ranked.mean_rank.tolist() == [2, 1.5, 2.5]
    assert ranked.places.tolist() == [2, 1, 3]


@given(VALUES)
@few
def test_ranks_are_those_of_scipy_and_keep_their_sum(values: np.ndarray) -> None:
    ranked = table(values.tolist(), [True, False, False])
    np.testing.assert_array_equal(ranked.ranks[:, 0], rankdata(-values[:, 0]))
    np.testing.assert_array_equal(ranked.ranks[:, 1:], rankdata(values[:, 1:], axis=0))
    teams = len(values)
    assert ranked.ranks.sum(axis=0).tolist() == [teams * (teams + 1) / 2] * 3
    np.testing.assert_array_equal(ranked.places, rankdata(ranked.mean_rank.round(9), method="min"))


def test_the_proliferation_challenge_is_ranked_by_agreement_with_the_pathologists() -> None:
    kappa = [0.567, 0.534, 0.462, 0.417]  # quadratic weighted, of the mitosis-based score
    spearman = [0.677, 0.516, 0.503, 0.488, 0.474]  # of the gene-expression score
    assert table([[value] for value in kappa], [True]).places.tolist() == [1, 2, 3, 4]
    assert table([[value] for value in reversed(spearman)], [True]).places.tolist() == [5, 4, 3, 2, 1]


def test_a_team_that_is_best_in_each_case_always_comes_first() -> None:
    rng = np.random.default_rng(0)
    second = rng.random((30, 1))
    stability = rank_stability([second + 0.1, second, second - 0.2], higher_is_better=[True])
    assert stability.places.tolist() == [1, 2, 3]
    assert stability.first_share.tolist() == [1, 0, 0]
    assert stability.interval == (Interval(1, 1), Interval(2, 2), Interval(3, 3))
    np.testing.assert_array_equal(stability.ahead_share, [[0, 1, 1], [0, 0, 1], [0, 0, 0]])


def test_teams_that_differ_by_chance_change_places() -> None:
    values = np.random.default_rng(1).normal(size=(4, 25, 2))
    one = rank_stability(values, higher_is_better=[True, False], seed=7)
    again = rank_stability(values, higher_is_better=[True, False], seed=7)
    assert one.interval == again.interval
    np.testing.assert_array_equal(one.ahead_share, again.ahead_share)
    assert (one.first_share < 1).all()
    assert any(interval.low < interval.high for interval in one.interval)
    assert 1 <= one.first_share.sum() <= 4  # ties for the first place count for each
    np.testing.assert_array_less(one.ahead_share + one.ahead_share.T, 1 + 1e-12)
    means = values.mean(axis=1) * [1, -1]
    np.testing.assert_array_equal(one.places, rankdata(rankdata(-means, axis=0).mean(axis=1), method="min"))


def test_equal_teams_are_never_ahead_of_each_other() -> None:
    values = np.random.default_rng(2).random((1, 10, 3)).repeat(3, axis=0)
    stability = rank_stability(values, higher_is_better=[True] * 3, num_resamples=50)
    assert stability.ahead_share.tolist() == np.zeros((3, 3)).tolist()
    assert stability.first_share.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: table([[nan]], [True]), "values is NaN at index"),
        (lambda: table([[1, 2], [3, 4]], [True]), r"shape \(2 teams, 1 columns\), got \(2, 2\)"),
        (lambda: table([], [True]), r"shape \(0 teams, 1 columns\)"),
        (
            lambda: challenge_table([[1]], teams=["A"], columns=["a"], higher_is_better=[True, False]),
            "higher_is_better needs 1 values, one a column, got 2",
        ),
        (lambda: rank_stability([[1]], higher_is_better=[True]), r"shape \(teams, cases, columns\), got \(1, 1\)"),
        (lambda: rank_stability([[[inf]]], higher_is_better=[True]), "case_values needs finite values"),
        (lambda: rank_stability([[[nan]]], higher_is_better=[True]), "case_values is NaN"),
        (lambda: rank_stability([[[1]]], higher_is_better=[]), "needs 1 values, one a column, got 0"),
        (lambda: rank_stability([[[1]]], higher_is_better=[True], num_resamples=0), "at least 1, got 0"),
        (lambda: rank_stability([[[1]]], higher_is_better=[True], confidence=95), "between 0 and 1.*got 95"),
    ],
)
def test_tables_that_make_no_sense_are_refused_with_the_reason(call: Callable, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
