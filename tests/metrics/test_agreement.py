"""Agreement of readers and of measurements: published tables, edges, invariants, and beside scikit-learn and scipy."""

from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from course_lib.metrics.agreement import (
    bland_altman,
    cohen_kappa_score,
    intraclass_correlation,
    linear_kappa_score,
    quadratic_kappa_score,
    spearman_correlation,
)
from course_lib.metrics.intervals import Interval

KAPPAS = {cohen_kappa_score: None, linear_kappa_score: "linear", quadratic_kappa_score: "quadratic"}
grade_pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)

# Peak expiratory flow in l/min, Wright's meter and the mini meter: Bland and Altman 1986, table 1, first readings
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]

# Shrout and Fleiss 1979, table 2: six targets (rows), four judges
JUDGES = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def pair_kappa(first: NDArray, second: NDArray, cost: Callable[[int, int], float]) -> float:
    """1 − mean cost within a case / mean cost over all pairs of a label of one and a label of the other."""
    seen = np.mean([cost(a, b) for a, b in zip(first, second, strict=True)])
    return float(1 - seen / np.mean([cost(a, b) for a in first for b in second]))


def recist_response(baseline_mm: float, smallest_mm: float, now_mm: float) -> int:
    """RECIST 1.1, target lesions, sum of diameters: 0 complete, 1 partial, 2 stable, 3 progressive."""
    if now_mm >= 1.2 * smallest_mm and now_mm >= smallest_mm + 5:
        return 3
    if now_mm == 0:
        return 0
    return 1 if now_mm <= 0.7 * baseline_mm else 2


# Kappa


def test_kappa_of_two_radiologists_by_hand() -> None:
    # 20 and 15 of 50 cases are given the same label; chance gives .5 · .6 + .5 · .4 = .5 of them
    first, second = [1] * 25 + [0] * 25, [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert cohen_kappa_score(first, second, num_classes=2) == pytest.approx((0.7 - 0.5) / (1 - 0.5))


def test_a_disagreement_of_two_grades_weighs_four_times_in_the_quadratic_kappa() -> None:
    # proliferation of tumours, grades 1 to 3 written as 0 to 2: one case of four is two grades off; by chance, each of
    # the 16 pairs of a grade of one and a grade of the other is as likely
    first, second = [0, 1, 2, 2], [0, 1, 2, 0]
    assert linear_kappa_score(first, second, num_classes=3) == pytest.approx(1 - (2 / 4) / (16 / 16))
    assert quadratic_kappa_score(first, second, num_classes=3) == pytest.approx(1 - (4 / 4) / (26 / 16))


@pytest.mark.parametrize("kappa", KAPPAS)
def test_kappa_of_two_readers_constant_in_one_class_is_nan_and_in_two_classes_0(kappa: Callable) -> None:
    assert np.isnan(kappa([1, 1, 1], [1, 1, 1], num_classes=3))
    assert np.isnan(kappa([], [], num_classes=3))
    assert kappa([1, 1, 1], [2, 2, 2], num_classes=3) == 0
    assert kappa([1, 1, 1], [0, 1, 2], num_classes=3) == 0


@settings(max_examples=60, deadline=None)
@given(grade_pairs)
def test_kappas_agree_with_scikit_learn_and_with_pairs(drawn: list[tuple[int, int]]) -> None:
    first, second = np.array(drawn).T
    costs = (lambda a, b: a != b, lambda a, b: abs(a - b), lambda a, b: (a - b) ** 2)
    for (kappa, weights), cost in zip(KAPPAS.items(), costs, strict=True):
        ours = kappa(first, second, num_classes=4)
        if len(set(first) | set(second)) == 1:
            assert np.isnan(ours)
            continue
        theirs = sklearn.metrics.cohen_kappa_score(first, second, weights=weights, labels=range(4))
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)
        assert ours == pytest.approx(pair_kappa(first, second, cost), rel=1e-9, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(grade_pairs, st.permutations(range(4)))
def test_kappa_is_symmetric_and_knows_no_names_and_weighted_ones_no_direction(
    drawn: list[tuple[int, int]], names: list[int]
) -> None:
    first, second = np.array(drawn).T
    for kappa in KAPPAS:
        assert kappa(second, first, num_classes=4) == pytest.approx(kappa(first, second, num_classes=4), nan_ok=True)
        turned = kappa(3 - first, 3 - second, num_classes=4)
        assert turned == pytest.approx(kappa(first, second, num_classes=4), nan_ok=True)
        assert kappa(first, second, num_classes=9) == pytest.approx(kappa(first, second, num_classes=4), nan_ok=True)
    renamed = np.array(names)[first], np.array(names)[second]
    wanted = cohen_kappa_score(first, second, num_classes=4)
    assert cohen_kappa_score(*renamed, num_classes=4) == pytest.approx(wanted, nan_ok=True)


def test_the_same_answers_are_1_and_two_grades_have_one_kappa() -> None:
    labels, others = np.array([0, 1, 1, 0, 1]), np.array([0, 1, 0, 0, 1])
    assert [kappa(labels, labels, num_classes=2) for kappa in KAPPAS] == [1, 1, 1]
    assert len({kappa(labels, others, num_classes=2) for kappa in KAPPAS}) == 1


def test_small_types_of_many_cases_do_not_overflow() -> None:
    labels = torch.arange(256, dtype=torch.uint8).repeat(4000)
    other = labels.flip(0)
    assert quadratic_kappa_score(labels, labels, num_classes=256) == 1
    assert quadratic_kappa_score(labels, other, num_classes=256) == pytest.approx(-1)


def test_readers_of_responses_agree_less_than_their_millimetres() -> None:
    rng = np.random.default_rng(0)
    baseline = rng.uniform(30, 90, 400)
    now = baseline * rng.choice([0.0, 0.6, 0.75, 1.0, 1.15, 1.3], 400)
    readers = [now * rng.normal(1, 0.07, 400) for _ in range(2)]  # each measures with 7% error
    classes = [[recist_response(b, b, m) for b, m in zip(baseline, reader, strict=True)] for reader in readers]
    assert set(classes[0]) == {0, 1, 2, 3}
    kappa = cohen_kappa_score(*classes, num_classes=4)
    assert 0.6 < kappa < quadratic_kappa_score(*classes, num_classes=4)
    assert kappa < 0.9 < 0.97 < intraclass_correlation(np.transpose(readers)).icc_2_1


def test_responses_are_those_of_recist() -> None:
    assert [recist_response(100, 100, now) for now in (0, 70, 71, 119, 120)] == [0, 1, 2, 2, 3]
    assert recist_response(100, 20, 24) == 1  # 20% more than the smallest, though not 5 mm
    assert recist_response(100, 50, 60) == 3  # progressive, though still far below the baseline


# Spearman


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=2, max_size=30))
def test_spearman_with_ties_is_that_of_scipy(drawn: list[tuple[int, int]]) -> None:
    x, y = np.array(drawn).T
    ours = spearman_correlation(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert np.isnan(ours)
    else:
        assert ours == pytest.approx(scipy.stats.spearmanr(x, y).statistic, rel=1e-9, abs=1e-12)
        assert spearman_correlation(np.exp(x), y.astype(float) ** 3) == ours  # only the order counts


def test_spearman_ranks_infinite_values_and_sees_ties_exactly() -> None:
    assert spearman_correlation([-np.inf, 0, np.inf], [1, 2, 3]) == 1
    assert spearman_correlation([1, 1 + 2e-16, 1 + 5e-16], [3, 2, 1]) == -1
    assert np.isnan(spearman_correlation([], []))


# Bland–Altman


def test_peak_flow_meters_of_bland_and_altman() -> None:
    flow = bland_altman(WRIGHT, MINI)
    assert flow.bias == pytest.approx(-2.1, abs=0.05)
    assert flow.standard_deviation == pytest.approx(38.8, abs=0.05)
    assert (flow.bias_interval.low, flow.bias_interval.high) == pytest.approx((-22.0, 17.8), abs=0.1)
    # the paper rounds 1.96 to 2 and the variance of a limit to 3 s²/n
    assert (flow.limits.low, flow.limits.high) == pytest.approx((-79.7, 75.5), abs=1.7)
    assert (flow.low_limit_interval.low, flow.low_limit_interval.high) == pytest.approx((-114.3, -45.1), abs=2.0)
    assert (flow.high_limit_interval.low, flow.high_limit_interval.high) == pytest.approx((40.9, 110.1), abs=2.0)


def test_bland_altman_by_hand() -> None:
    result = bland_altman([1.0, 3.0], [0.0, 1.0])
    assert result.means.tolist() == [0.5, 2.0]
    assert result.differences.tolist() == [1.0, 2.0]
    z, quantile = 1.959963984540054, 12.706204736432095  # Student, one degree of freedom
    assert (result.bias, result.standard_deviation) == pytest.approx((1.5, 0.5**0.5))
    assert result.limits.high == pytest.approx(1.5 + z * 0.5**0.5)
    assert result.bias_interval.low == pytest.approx(1.5 - quantile * 0.5)
    half = quantile * (0.5 * (1 / 2 + z**2 / 2)) ** 0.5
    assert result.high_limit_interval.high == pytest.approx(result.limits.high + half)
    assert result.low_limit_interval.low == pytest.approx(result.limits.low - half)


def test_equal_differences_leave_no_width_and_exchanged_measurements_turn_the_sign() -> None:
    same = bland_altman([1, 2, 3], [0, 1, 2])
    assert same.limits == same.bias_interval == same.low_limit_interval == Interval(1.0, 1.0)
    one, other = bland_altman(WRIGHT, MINI), bland_altman(MINI, WRIGHT)
    assert (other.limits.low, other.bias_interval.high) == pytest.approx((-one.limits.high, -one.bias_interval.low))


def test_intervals_of_bias_and_limits_cover_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    hits = np.zeros(3)
    for _ in range(600):
        result = bland_altman(rng.normal(2, 3, 40), np.zeros(40))
        truths = {2.0: result.bias_interval}
        truths |= {2 - 1.96 * 3: result.low_limit_interval, 2 + 1.96 * 3: result.high_limit_interval}
        hits += [interval.low <= truth <= interval.high for truth, interval in truths.items()]
    assert (hits / 600 > 0.925).all()
    assert (hits / 600 < 0.975).all()


# Intra-class correlation


def test_judges_of_shrout_and_fleiss() -> None:
    judges = intraclass_correlation(JUDGES)
    assert [round(value, 2) for value in (judges.icc_1_1, judges.icc_2_1, judges.icc_3_1)] == [0.17, 0.29, 0.71]
    assert [round(value, 2) for value in (judges.icc_1_k, judges.icc_2_k, judges.icc_3_k)] == [0.44, 0.62, 0.91]
    squares = (judges.between_cases, judges.within_cases, judges.between_raters, judges.residual)
    assert squares == pytest.approx((11.24, 6.26, 32.49, 1.02), abs=0.005)


def test_the_mean_of_raters_follows_spearman_and_brown() -> None:
    judges = intraclass_correlation(JUDGES)
    for single, mean in ((judges.icc_1_1, judges.icc_1_k), (judges.icc_2_1, judges.icc_2_k)):
        assert mean == pytest.approx(4 * single / (1 + 3 * single))
    assert judges.icc_3_k == pytest.approx(4 * judges.icc_3_1 / (1 + 3 * judges.icc_3_1))


def test_a_biased_rater_is_consistent_and_does_not_agree() -> None:
    first = np.array([1.0, 2.0, 3.0, 7.0])
    biased = intraclass_correlation(np.stack([first, first + 10], axis=1))
    assert biased.icc_3_1 == pytest.approx(1)
    assert biased.icc_2_1 < 0.2
    assert biased.icc_1_1 < 0


def test_equal_raters_are_1_and_equal_ratings_nan() -> None:
    equal = intraclass_correlation([[0.1, 0.1], [0.3, 0.3], [0.7, 0.7]])
    assert [equal.icc_1_1, equal.icc_2_1, equal.icc_3_1, equal.icc_1_k] == pytest.approx([1, 1, 1, 1])
    flat = intraclass_correlation([[0.1] * 3] * 7)  # whose mean is not exactly 0.1
    assert np.isnan([flat.icc_1_1, flat.icc_2_1, flat.icc_3_1, flat.icc_1_k, flat.icc_2_k, flat.icc_3_k]).all()


def test_a_variance_estimated_below_0_gives_nan_and_not_a_correlation_of_2() -> None:
    opposite = intraclass_correlation([[1, 2], [2, 1]])
    assert np.isnan([opposite.icc_2_1, opposite.icc_2_k]).all()
    assert (opposite.icc_1_1, opposite.icc_3_1) == (-1, -1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 10), st.floats(-100, 100))
def test_intraclass_correlation_has_no_unit_and_no_order_of_raters(seed: int, scale: float, shift: float) -> None:
    ratings = np.random.default_rng(seed).normal(size=(6, 3))
    one, other = intraclass_correlation(ratings), intraclass_correlation(ratings[:, ::-1] * scale + shift)
    for form in ("icc_1_1", "icc_1_k", "icc_2_1", "icc_2_k", "icc_3_1", "icc_3_k"):
        assert getattr(other, form) == pytest.approx(getattr(one, form), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: cohen_kappa_score([0, 2], [0, 1], num_classes=2), ValueError, "first needs labels from 0 to 1, got 2"),
        (lambda: quadratic_kappa_score([0, -1], [0, 1], num_classes=2), ValueError, "first needs labels .* got -1"),
        (lambda: cohen_kappa_score([0, 1], [0, 2], num_classes=2), ValueError, "second needs labels from 0 to 1"),
        (lambda: linear_kappa_score([0.5], [1], num_classes=2), TypeError, "first needs whole numbers as labels"),
        (lambda: cohen_kappa_score([0, 1], [0], num_classes=2), ValueError, "first and second need the same shape"),
        (lambda: cohen_kappa_score([[0, 1]], [[0, 1]], num_classes=2), ValueError, r"first needs shape \(N,\)"),
        (lambda: cohen_kappa_score([], [], num_classes=0), ValueError, "num_classes must be at least 1, got 0"),
        (lambda: spearman_correlation([1, np.nan], [1, 2]), ValueError, "x is NaN at index 1"),
        (lambda: spearman_correlation([[1, 2]], [[1, 2]]), ValueError, r"x and y need shape \(N,\), got \(1, 2\)"),
        (lambda: bland_altman([1], [2]), ValueError, "at least 2 cases, got 1"),
        (lambda: bland_altman([1, 2], [2, 3], confidence=95), ValueError, "confidence must lie between 0 and 1"),
        (lambda: bland_altman([1, np.inf], [2, 3]), ValueError, "first is infinite at index 1"),
        (lambda: intraclass_correlation([[1, 2]]), ValueError, "at least 2 cases and 2 raters, got 1 and 2"),
        (lambda: intraclass_correlation([1, 2]), ValueError, r"ratings needs shape \(N, k\), got \(2,\)"),
        (lambda: intraclass_correlation([[1, 2], [np.nan, 2]]), ValueError, r"ratings is NaN at index \(1, 0\)"),
    ],
)
def test_readings_that_make_no_sense_are_refused_with_the_reason(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
