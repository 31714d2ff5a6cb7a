"""Time to event: worked by hand, counted pair by pair, with Fractions, and beside autograd."""

from collections.abc import Callable
from fractions import Fraction
from itertools import combinations, permutations
from math import log

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from course_lib.metrics.survival import (
    ConcordanceCounts,
    breslow_log_likelihood,
    concordance_counts,
    concordance_index,
    efron_log_likelihood,
    kaplan_meier,
)

# time, event, risk: few values each, so that every kind of tie is met
cases = st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.integers(-3, 3)), min_size=1, max_size=25)

# Weeks of remission on 6-MP of Freireich et al. 1963, as in Cox 1972, table 1; a plus sign there is a 0 here
WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSE = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
# and on placebo, where each relapsed
PLACEBO_WEEKS = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def count_pairs(time: NDArray, event: NDArray, risk: NDArray) -> ConcordanceCounts:
    """Look at each pair in turn."""
    concordant = discordant = tied_risk = tied_time = 0
    for i, j in combinations(range(len(time)), 2):
        first, later = (i, j) if (time[i], not event[i]) <= (time[j], not event[j]) else (j, i)
        if not event[first]:
            continue
        if event[later] and time[first] == time[later]:
            tied_time += 1
        elif risk[first] == risk[later]:
            tied_risk += 1
        elif risk[first] > risk[later]:
            concordant += 1
        else:
            discordant += 1
    return ConcordanceCounts(concordant, discordant, tied_risk, tied_time)


def split(drawn: list[tuple[int, bool, int]]) -> tuple[NDArray, NDArray, NDArray]:
    time, event, risk = zip(*drawn, strict=True)
    return np.array(time), np.array(event), np.array(risk)


# Concordance


def test_five_patients_by_hand() -> None:
    #       A   B   C   D   E      A died first and had the highest risk: 4 pairs
    time = [1, 3, 3, 5, 6]  #      B died when C was last seen: B with C, D and E; of equal risk with D
    event = [1, 1, 0, 1, 0]  #     C says nothing of who lived longer; D died before E
    risk = [9, 4, 6, 4, 1]
    assert concordance_counts(time, event, risk) == ConcordanceCounts(6, 1, 1, 0)
    assert concordance_index(time, event, risk) == 6.5 / 8


def test_two_events_at_one_time_are_not_comparable_whatever_their_risks() -> None:
    assert concordance_counts([2, 2, 3], [1, 1, 1], [1, 5, 0]) == ConcordanceCounts(2, 0, 0, 1)
    assert concordance_counts([2, 2], [1, 1], [4, 4]) == ConcordanceCounts(0, 0, 0, 1)


def test_there_is_no_hidden_tolerance_between_risks() -> None:
    assert concordance_index([1, 2], [1, 1], [1 + 1e-12, 1]) == 1
    assert concordance_index([1, 2], [1, 1], [1, 1 + 1e-12]) == 0
    assert concordance_index([1, 2], [1, 1], [1, 1]) == 0.5


def test_infinite_risks_are_ranked() -> None:
    assert concordance_index([1, 2, 3, 4], [1, 1, 1, 1], [np.inf, np.inf, 0, -np.inf]) == 5.5 / 6


@pytest.mark.parametrize(
    ("time", "event"), [([], []), ([3], [1]), ([1, 2, 3], [0, 0, 0]), ([2, 2], [1, 1]), ([1, 2], [0, 1])]
)
def test_without_a_comparable_pair_there_is_no_index(time: list[int], event: list[int]) -> None:
    with pytest.raises(ValueError, match="no pair of cases is comparable"):
        concordance_index(time, event, np.arange(len(time)))
    counts = concordance_counts(time, event, np.arange(len(time)))
    assert counts.comparable == 0
    assert np.isnan(counts.index)


@settings(max_examples=200, deadline=None)
@given(cases)
def test_the_pairs_are_those_found_one_by_one(drawn: list[tuple[int, bool, int]]) -> None:
    time, event, risk = split(drawn)
    assert concordance_counts(time, event, risk) == count_pairs(time, event, risk)


@pytest.mark.parametrize("num_risks", [1, 2, 37, 10**6])
def test_hundreds_of_cases_are_counted_as_one_by_one(num_risks: int) -> None:
    rng = np.random.default_rng(num_risks)
    time, event, risk = rng.integers(0, 90, 300), rng.random(300) < 0.6, rng.integers(0, num_risks, 300)
    assert concordance_counts(time, event, risk) == count_pairs(time, event, risk)


@settings(max_examples=60, deadline=None)
@given(cases, st.randoms(use_true_random=False))
def test_the_order_is_all_that_counts(drawn: list[tuple[int, bool, int]], random) -> None:
    time, event, risk = split(drawn)
    counts = concordance_counts(time, event, risk)
    assert concordance_counts(np.exp(time), event, np.exp(risk)) == counts
    shuffled = random.sample(drawn, len(drawn))
    assert concordance_counts(*split(shuffled)) == counts
    if counts.comparable:
        assert concordance_index(time, event, -risk) == pytest.approx(1 - counts.index)


def test_perfect_risks_are_1_and_pairs_of_many_cases_do_not_overflow() -> None:
    time = np.arange(100_000, dtype=np.int32)
    counts = concordance_counts(time, np.ones_like(time), -time)
    assert counts == ConcordanceCounts(100_000 * 99_999 // 2, 0, 0, 0)
    assert counts.index == 1


def test_without_censoring_and_with_two_times_it_is_the_area_under_the_roc_curve() -> None:
    sick, score = np.array([0, 0, 1, 1, 0, 1]), np.array([0.1, 0.4, 0.4, 0.8, 0.5, 0.9])
    wins = [(a > b) + (a == b) / 2 for a in score[sick == 1] for b in score[sick == 0]]
    assert concordance_index(np.where(sick, 1, 2), sick, score) == pytest.approx(np.mean(wins))


def test_a_learned_risk_beats_one_number_in_a_cohort_of_302() -> None:
    # cardiac motion: 302 patients, C .75 of a net beside .59 of the conventional measure
    rng = np.random.default_rng(2)
    hazard = rng.normal(0, 1.2, 302)
    time, last_seen = rng.exponential(np.exp(-hazard)), rng.exponential(2, 302)
    observed, event = np.minimum(time, last_seen), time <= last_seen
    learned, conventional = hazard + rng.normal(0, 0.5, 302), hazard + rng.normal(0, 3, 302)
    assert concordance_index(observed, event, learned) == pytest.approx(0.75, abs=0.03)
    assert concordance_index(observed, event, conventional) == pytest.approx(0.59, abs=0.03)


def test_tensors_and_small_types_count_the_same() -> None:
    wanted = concordance_counts([1, 3, 3, 200], [1, 1, 0, 1], [9, 4, 6, 4])
    time = torch.tensor([1, 3, 3, 200], dtype=torch.uint8)
    risk = torch.tensor([9.0, 4.0, 6.0, 4.0], requires_grad=True)
    assert concordance_counts(time, torch.tensor([True, True, False, True]), risk.bfloat16()) == wanted


# Kaplan–Meier


def test_remission_on_6_mp_as_published() -> None:
    curve = kaplan_meier(WEEKS, RELAPSE)
    steps = curve.events > 0
    assert curve.time[steps].tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.at_risk[steps].tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert curve.survival[steps] == pytest.approx([0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=5e-4)
    assert curve.median == 23
    assert kaplan_meier(PLACEBO_WEEKS, np.ones(21)).median == 8


def test_greenwoods_interval_by_hand() -> None:
    curve = kaplan_meier([1, 2, 3], [1, 0, 1])  # after 1: S = 2/3, Σ d / n(n − d) = 1 / (3 · 2)
    theta, half = log(-log(2 / 3)), 1.959963984540054 * (1 / 6) ** 0.5 / -log(2 / 3)
    assert curve.low[0] == pytest.approx(np.exp(-np.exp(theta + half)))
    assert curve.high[0] == pytest.approx(np.exp(-np.exp(theta - half)))
    assert np.isnan([curve.low[2], curve.high[2]]).all()  # nobody is left


def test_before_the_first_event_all_are_there_for_sure() -> None:
    curve = kaplan_meier([1, 2, 3], [0, 1, 0])
    assert (curve.survival[0], curve.low[0], curve.high[0]) == (1, 1, 1)
    assert curve.censored.tolist() == [1, 0, 1]
    assert curve.median == 2
    assert kaplan_meier([1, 2], [0, 0]).median == np.inf


def test_the_curve_is_read_at_any_time() -> None:
    curve = kaplan_meier([1, 2, 4, 4], [1, 0, 1, 0])
    assert curve.at([0, 0.9, 1, 3.9, 4]).tolist() == [1, 1, 0.75, 0.75, 0.375]
    assert np.isnan(curve.at(4.1)).all()  # nobody was seen for so long
    assert kaplan_meier([1, 2], [1, 1]).at([2, 50]).tolist() == [0, 0]
    with pytest.raises(ValueError, match="at least 0, got -1"):
        curve.at([-1, 2])


@settings(max_examples=80, deadline=None)
@given(cases)
def test_survival_is_the_product_of_fractions_and_falls(drawn: list[tuple[int, bool, int]]) -> None:
    time, event, _ = split(drawn)
    curve, survival = kaplan_meier(time, event), Fraction(1)
    for row, moment in enumerate(sorted(set(time.tolist()))):
        there, left = int((time >= moment).sum()), int(event[time == moment].sum())
        survival *= Fraction(there - left, there)
        assert curve.survival[row] == pytest.approx(float(survival), rel=1e-12)
        assert (curve.median <= moment) == (survival <= Fraction(1, 2))
    inside = (curve.survival > 0) & (curve.survival < 1)
    assert (curve.low[inside] >= 0).all()
    assert (curve.low[inside] < curve.survival[inside]).all()
    assert (curve.survival[inside] < curve.high[inside]).all()
    assert (curve.high[inside] <= 1).all()


def test_the_median_is_exact_where_rounding_leaves_a_hair_above_one_half() -> None:
    for n in range(2, 200, 2):
        assert kaplan_meier(np.arange(n), np.ones(n)).median == n / 2 - 1


def test_the_interval_covers_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(800):
        time, last_seen = rng.exponential(1, 80), rng.exponential(2, 80)
        curve = kaplan_meier(np.minimum(time, last_seen), time <= last_seen)
        row = np.searchsorted(curve.time, 0.7, side="right") - 1
        hits += curve.low[row] <= np.exp(-0.7) <= curve.high[row]
    assert 0.93 < hits / 800 < 0.97


# Cox


def obvious_likelihood(time: NDArray, event: NDArray, log_risk: NDArray, *, efron: bool) -> float:
    """One fraction after the other, as the formula stands."""
    total, risk = 0.0, np.exp(log_risk)
    for moment in set(time[event]):
        tied = event & (time == moment)
        for place in range(tied.sum()):
            left_out = place / tied.sum() * risk[tied].sum() if efron else 0
            total -= log(risk[time >= moment].sum() - left_out)
        total += log_risk[tied].sum()
    return total


@settings(max_examples=80, deadline=None)
@given(cases)
def test_both_likelihoods_are_the_formula(drawn: list[tuple[int, bool, int]]) -> None:
    time, event, risk = split(drawn)
    breslow, efron = breslow_log_likelihood(time, event, risk), efron_log_likelihood(time, event, risk)
    assert breslow == pytest.approx(obvious_likelihood(time, event, risk, efron=False), rel=1e-9, abs=1e-12)
    assert efron == pytest.approx(obvious_likelihood(time, event, risk, efron=True), rel=1e-9, abs=1e-12)
    assert breslow <= efron + 1e-12
    assert efron <= 1e-12


def test_efron_leaves_out_half_of_two_tied_events() -> None:
    # risks 1, 2 and 3; the first two die together
    log_risk = np.log([1, 2, 3])
    assert breslow_log_likelihood([1, 1, 2], [1, 1, 0], log_risk) == pytest.approx(log(1 / 6) + log(2 / 6))
    assert efron_log_likelihood([1, 1, 2], [1, 1, 0], log_risk) == pytest.approx(log(1 / 6) + log(2 / 4.5))


def test_efron_is_closer_to_all_orders_of_tied_events() -> None:
    log_risk = np.array([0.5, -0.2, 0.9, 0.0, 0.3, -0.4])
    orders = [
        breslow_log_likelihood([*order, 9, 9, 9], [1, 1, 1, 0, 0, 0], log_risk) for order in permutations([1, 2, 3])
    ]
    exact = np.log(np.mean(np.exp(orders)))
    tied = [1, 1, 1, 9, 9, 9], [1, 1, 1, 0, 0, 0], log_risk
    assert abs(efron_log_likelihood(*tied) - exact) < 0.05 < 0.2 < abs(breslow_log_likelihood(*tied) - exact)


def test_without_ties_both_are_one_and_without_events_an_empty_sum() -> None:
    time, event, risk = [3, 1, 4, 2], [1, 1, 0, 1], [0.3, 1.0, -2.0, 0.5]
    assert efron_log_likelihood(time, event, risk) == breslow_log_likelihood(time, event, risk)
    for likelihood in (breslow_log_likelihood, efron_log_likelihood):
        assert likelihood([1, 2], [0, 0], [1, 2]) == 0
        assert likelihood([], [], []) == 0


@pytest.mark.parametrize("likelihood", [breslow_log_likelihood, efron_log_likelihood])
def test_large_risks_do_not_overflow_and_a_constant_changes_nothing(likelihood: Callable) -> None:
    risk = np.array([0.3, 1.0, -2.0, 0.5])
    wanted = likelihood([1, 1, 2, 3], [1, 1, 1, 0], risk)
    for shift in (1e4, -1e4):
        assert likelihood([1, 1, 2, 3], [1, 1, 1, 0], risk + shift) == pytest.approx(wanted, rel=1e-9)
    assert likelihood([1, 2], [1, 0], [-2000.0, 2000.0]) == -4000
    assert likelihood([1, 2], [1, 0], [2000.0, -2000.0]) == 0


def test_cox_finds_the_effect_of_6_mp_that_was_published() -> None:
    # the hazard ratio of placebo is exp(1.51) by Breslow's form and exp(1.57) by Efron's
    time = np.array(WEEKS + PLACEBO_WEEKS)
    event = np.array(RELAPSE + [1] * 21)
    placebo = np.repeat([0, 1], 21)
    slopes = np.linspace(1, 2, 101)
    best = [
        slopes[np.argmax([likelihood(time, event, slope * placebo) for slope in slopes])]
        for likelihood in (breslow_log_likelihood, efron_log_likelihood)
    ]
    assert best == pytest.approx([1.51, 1.57])


def test_a_loss_written_in_torch_has_this_value() -> None:
    time, event = torch.tensor([5.0, 3.0, 4.0, 1.0]), torch.tensor([1.0, 0.0, 1.0, 1.0])
    log_risk = torch.tensor([0.2, -1.0, 0.7, 1.5], requires_grad=True)
    latest_first = time.argsort(descending=True)
    at_risk = log_risk[latest_first].logcumsumexp(0)
    loss = -((log_risk[latest_first] - at_risk) * event[latest_first]).sum()
    assert loss.item() == pytest.approx(-breslow_log_likelihood(time, event, log_risk), rel=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: concordance_index([1, 2], [1, 2], [1, 2]), ValueError, "event needs labels 0 and 1, got 2"),
        (lambda: concordance_index([1, 2], [1, 0.5], [1, 2]), ValueError, "event needs labels 0 and 1, got 0.5"),
        (lambda: concordance_index([1, 2], [1, 0], [np.nan, 2]), ValueError, "risk is NaN at index 0"),
        (lambda: concordance_index([1, np.nan], [1, 0], [1, 2]), ValueError, "time is NaN at index 1"),
        (lambda: concordance_index([1, np.inf], [1, 0], [1, 2]), ValueError, "time is infinite at index 1"),
        (lambda: concordance_index([1, 2], [1, 0], [1, 2, 3]), ValueError, "time and risk need the same shape"),
        (lambda: concordance_index([1, 2], [1], [1, 2]), ValueError, "time and event need the same shape"),
        (lambda: concordance_index([[1, 2]], [[1, 0]], [[1, 2]]), ValueError, r"time needs shape \(N,\)"),
        (lambda: kaplan_meier([], []), ValueError, "at least 1 case, got 0"),
        (lambda: kaplan_meier([-1, 2], [1, 1]), ValueError, "time needs values of at least 0, got -1"),
        (lambda: kaplan_meier([1, 2], [1, 1], confidence=1), ValueError, "confidence must lie between 0 and 1"),
        (lambda: efron_log_likelihood([1], [1], [np.inf]), ValueError, "log_risk is infinite at index 0"),
        (lambda: breslow_log_likelihood([1, 2], [1, 0], [1]), ValueError, "time and log_risk need the same shape"),
    ],
)
def test_cases_that_make_no_sense_are_refused_with_the_reason(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
