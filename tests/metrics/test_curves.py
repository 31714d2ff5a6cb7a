"""ROC and precision-recall curves: by hand, at the edges, by counting pairs, by their laws, and beside scikit-learn."""

from collections.abc import Callable
from math import inf, isnan, nan

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from course_lib.metrics.curves import (
    RocCurve,
    average_precision,
    precision_recall_curve,
    roc_auc,
    roc_curve,
)
from course_lib.metrics.rates import Counts

# few distinct scores, so that ties are common
cases = st.lists(st.tuples(st.booleans(), st.integers(-5, 5)), min_size=2, max_size=40).filter(
    lambda pairs: len({positive for positive, _ in pairs}) == 2
)


def columns(pairs: list[tuple[bool, int]]) -> tuple[np.ndarray, np.ndarray]:
    y_true, y_score = zip(*pairs, strict=True)
    return np.array(y_true), np.array(y_score, dtype=float)


def auc_by_pairs(y_true: np.ndarray, y_score: np.ndarray) -> float:
    """Slow and obvious: each positive against each negative, a tie counts half."""
    pairs = [(p, n) for p in y_score[y_true] for n in y_score[~y_true]]
    return sum(1.0 if p > n else 0.5 if p == n else 0.0 for p, n in pairs) / len(pairs)


def average_precision_by_thresholds(y_true: np.ndarray, y_score: np.ndarray) -> float:
    """Slow and obvious: call positive what reaches each distinct score in turn."""
    area, found = 0.0, 0
    for threshold in sorted(set(y_score), reverse=True):
        called = y_score >= threshold
        tp = int(np.sum(called & y_true))
        area += (tp - found) / y_true.sum() * tp / called.sum()
        found = tp
    return area


def test_a_curve_by_hand_with_a_tie_between_the_classes() -> None:
    curve = roc_curve([0, 1, 0, 1, 1], [0.1, 0.4, 0.4, 0.8, 0.9])
    assert curve.thresholds.tolist() == [inf, 0.9, 0.8, 0.4, 0.1]
    assert curve.tp.tolist() == [0, 1, 2, 3, 3]
    assert curve.fp.tolist() == [0, 0, 0, 1, 2]
    assert curve.auc == (6 - 0.5) / 6
    assert curve.tpr.tolist() == [0, 1 / 3, 2 / 3, 1, 1]
    assert curve.counts.specificity == pytest.approx([1, 1, 1, 0.5, 0])


def test_a_tie_between_one_sick_and_one_well_is_a_coin_toss() -> None:
    assert roc_auc([0, 1], [0.5, 0.5]) == 0.5
    assert roc_auc([0, 0, 1, 1], [1, 1, 1, 1]) == 0.5


def test_all_right_is_1_and_all_wrong_is_0() -> None:
    assert roc_auc([0, 0, 1], [-3, -2, -1]) == average_precision([0, 0, 1], [-3, -2, -1]) == 1
    assert roc_auc([0, 0, 1], [3, 2, 1]) == 0


@given(cases)
@settings(deadline=None)
def test_the_area_is_the_share_of_pairs_in_order_and_that_of_scikit_learn(pairs: list[tuple[bool, int]]) -> None:
    y_true, y_score = columns(pairs)
    assert roc_auc(y_true, y_score) == pytest.approx(auc_by_pairs(y_true, y_score), rel=1e-12)
    assert roc_auc(y_true, y_score) == pytest.approx(sklearn.metrics.roc_auc_score(y_true, y_score), rel=1e-9)
    ours = average_precision(y_true, y_score)
    assert ours == pytest.approx(average_precision_by_thresholds(y_true, y_score), rel=1e-12)
    assert ours == pytest.approx(sklearn.metrics.average_precision_score(y_true, y_score), rel=1e-9)


@given(cases)
@settings(deadline=None)
def test_both_curves_are_those_of_scikit_learn(pairs: list[tuple[bool, int]]) -> None:
    y_true, y_score = columns(pairs)
    fpr, tpr, thresholds = sklearn.metrics.roc_curve(y_true, y_score, drop_intermediate=False)
    roc = roc_curve(y_true, y_score)
    np.testing.assert_allclose(roc.fpr, fpr, rtol=1e-12)
    np.testing.assert_allclose(roc.tpr, tpr, rtol=1e-12)
    np.testing.assert_array_equal(roc.thresholds, thresholds)
    precision, recall, thresholds = sklearn.metrics.precision_recall_curve(y_true, y_score)
    curve = precision_recall_curve(y_true, y_score)
    np.testing.assert_allclose(curve.precision[::-1], precision[:-1], rtol=1e-12)
    np.testing.assert_allclose(curve.recall[::-1], recall[:-1], rtol=1e-12)
    np.testing.assert_array_equal(curve.thresholds[::-1], thresholds)


@pytest.mark.parametrize("form", [np.float32, np.float64, np.float16, np.int32, np.uint8])
@pytest.mark.parametrize("prevalence", [0.003, 0.3, 0.9])
def test_many_cases_of_any_type_and_balance_agree_with_scikit_learn(form: type, prevalence: float) -> None:
    rng = np.random.default_rng(7)
    y_true = rng.random(5000) < prevalence
    y_score = np.clip(rng.normal(100 + 20 * y_true, 30), 0, 255).astype(form)
    assert roc_auc(y_true, y_score) == pytest.approx(sklearn.metrics.roc_auc_score(y_true, y_score), rel=1e-9)
    wanted = sklearn.metrics.average_precision_score(y_true, y_score)
    assert average_precision(y_true, y_score) == pytest.approx(wanted, rel=1e-9)


@given(cases)
@settings(deadline=None)
def test_only_the_order_matters_and_inverted_scores_give_the_rest(pairs: list[tuple[bool, int]]) -> None:
    y_true, y_score = columns(pairs)
    area = roc_auc(y_true, y_score)
    assert roc_auc(y_true, np.exp(y_score) - 7) == area
    assert roc_auc(y_true, -y_score) == pytest.approx(1 - area)
    assert roc_auc(~y_true, y_score) == pytest.approx(1 - area)
    assert average_precision(y_true, y_score**3) == average_precision(y_true, y_score)
    turned = np.random.default_rng(0).permutation(len(y_true))
    assert roc_auc(y_true[turned], y_score[turned]) == area


@given(cases, st.floats(0.05, 1))
@settings(deadline=None)
def test_the_partial_area_is_that_of_scikit_learn(pairs: list[tuple[bool, int]], max_fpr: float) -> None:
    y_true, y_score = columns(pairs)
    curve = roc_curve(y_true, y_score)
    assume(max_fpr < 1)
    wanted = sklearn.metrics.roc_auc_score(y_true, y_score, max_fpr=max_fpr)
    assert curve.standardised_partial_auc(max_fpr=max_fpr) == pytest.approx(wanted, rel=1e-9)


def test_partial_areas_by_hand() -> None:
    curve = roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])  # (0, 0) (0, 1/2) (1/2, 1/2) (1/2, 1) (1, 1)
    assert curve.partial_auc(max_fpr=0.5) == 0.25
    assert curve.partial_auc(max_fpr=0.75) == 0.5
    assert curve.partial_auc(max_fpr=1) == curve.auc == 0.75
    chance = roc_curve([0, 1], [1, 1])
    assert chance.partial_auc(max_fpr=0.2) == pytest.approx(0.02)
    assert chance.standardised_partial_auc(max_fpr=0.2) == pytest.approx(0.5)


def test_operating_points_by_hand() -> None:
    curve = roc_curve([0, 0, 0, 0, 1, 1, 1, 1], [1, 2, 3, 6, 4, 5, 7, 8])
    assert curve.at_sensitivity(0.5).threshold == 7
    assert curve.at_sensitivity(0.51).threshold == 5
    point = curve.at_sensitivity(1.0)
    assert (point.threshold, point.counts) == (4.0, Counts(tp=4, fn=0, fp=1, tn=3))
    assert curve.at_specificity(1.0).threshold == 7
    assert curve.at_specificity(0.75).counts.sensitivity == 1.0
    assert curve.youden() == point
    assert curve.at_sensitivity(0).threshold == inf
    assert curve.at_specificity(0).threshold == 1
    precise = precision_recall_curve([0, 0, 0, 0, 1, 1, 1, 1], [1, 2, 3, 6, 4, 5, 7, 8])
    assert precise.at_precision(0.8).counts == point.counts
    assert precise.at_recall(0.5).threshold == 7
    assert precise.best_f1().counts == point.counts


@given(cases, st.floats(0, 1))
@settings(deadline=None)
def test_an_operating_point_keeps_its_promise_and_is_the_best_that_does(
    pairs: list[tuple[bool, int]], wanted: float
) -> None:
    y_true, y_score = columns(pairs)
    curve = roc_curve(y_true, y_score)
    rates = [Counts.from_labels(y_true, y_score >= threshold) for threshold in curve.thresholds]
    sensitive, specific, youden = curve.at_sensitivity(wanted), curve.at_specificity(wanted), curve.youden()
    assert sensitive.counts == Counts.from_labels(y_true, y_score >= sensitive.threshold)
    assert sensitive.counts.specificity == max(c.specificity for c in rates if c.sensitivity >= wanted)
    assert specific.counts.sensitivity == max(c.sensitivity for c in rates if c.specificity >= wanted)
    assert youden.counts.youden == pytest.approx(max(c.youden for c in rates))


@given(cases)
@settings(deadline=None)
def test_corners_draw_the_same_curve(pairs: list[tuple[bool, int]]) -> None:
    curve = roc_curve(*columns(pairs))
    corners = curve.corners()
    assert corners.auc == pytest.approx(curve.auc)
    kept = np.isin(curve.thresholds, corners.thresholds)
    np.testing.assert_array_equal(curve.tp[kept], corners.tp)
    x = np.linspace(0, 1, 41)  # away from the steps both give the same height
    x = x[~np.isin(np.round(x, 9), np.round(curve.fpr, 9))]
    np.testing.assert_allclose(np.interp(x, corners.fpr, corners.tpr), np.interp(x, curve.fpr, curve.tpr), atol=1e-12)


def test_a_straight_piece_of_the_curve_keeps_only_its_ends() -> None:
    curve = roc_curve([1, 1, 1, 0, 0, 0], [6, 5, 4, 3, 2, 1]).corners()
    assert (curve.tp.tolist(), curve.fp.tolist()) == ([0, 3, 3], [0, 0, 3])


def test_large_logits_keep_their_order_though_a_sigmoid_would_make_them_equal() -> None:
    assert roc_auc([0, 0, 1, 1], [97.0, 98.0, 99.0, 100.0]) == 1.0
    assert roc_auc([0, 1], torch.tensor([98.0, 98.5], requires_grad=True)) == 1.0


def test_infinite_scores_are_ranked() -> None:
    assert roc_auc([0, 0, 1, 1], [-inf, 0, 1, inf]) == 1.0
    assert roc_auc([0, 1], [inf, inf]) == 0.5
    curve = roc_curve([0, 0, 1, 1], [-inf, inf, 1, inf])
    assert isnan(curve.thresholds[0])  # nothing lies above inf
    assert curve.thresholds[1:].tolist() == [inf, 1, -inf]
    assert curve.at_specificity(1.0).counts == Counts(tp=0, fn=2, fp=0, tn=2)
    assert isnan(curve.at_specificity(1.0).threshold)
    assert average_precision([0, 1], [-inf, inf]) == 1.0


def test_signed_zeros_and_neighbouring_numbers_are_told_apart_as_numbers_are() -> None:
    assert roc_auc([0, 1], [-0.0, 0.0]) == 0.5
    assert roc_auc([0, 1], [1.0, np.nextafter(1.0, 2)]) == 1.0


def test_a_billion_pairs_and_more_are_counted_in_whole_numbers() -> None:
    half = 3 * 10**8
    curve = RocCurve(
        thresholds=np.array([inf, 1.0, 0.0]), tp=np.array([0, half, 2 * half]), fp=np.array([0, 0, 2 * half])
    )
    assert curve.auc == 0.75
    assert curve.youden().threshold == 1.0


@pytest.mark.parametrize("measure", [roc_auc, roc_curve, average_precision, precision_recall_curve])
@pytest.mark.parametrize(
    ("y_true", "y_score", "error", "words"),
    [
        ([0, 0], [0.1, 0.2], ValueError, r"y_true holds only class 0 \(2 cases\): .* needs both classes"),
        ([1, 1, 1], [0.1, 0.2, 0.3], ValueError, r"y_true holds only class 1 \(3 cases\)"),
        ([], [], ValueError, "y_true holds no case"),
        ([0, 1], [0.1, nan], ValueError, "y_score is NaN at index 1"),
        ([0, 2], [0.1, 0.2], ValueError, "y_true needs labels 0 and 1, got 2"),
        ([-1, 1], [0.1, 0.2], ValueError, "y_true needs labels 0 and 1, got -1"),
        ([0, 0.5], [0.1, 0.2], ValueError, "y_true needs labels 0 and 1, got 0.5"),
        ([0, 1], [0.1, 0.2, 0.3], ValueError, "y_true and y_score need the same shape"),
        ([0, 1], [[0.9, 0.1], [0.2, 0.8]], ValueError, r"y_score needs shape \(N,\), got \(2, 2\): take one column"),
        ([0, 1], ["low", "high"], TypeError, "y_score needs real numbers"),
    ],
)
def test_cases_that_make_no_curve_are_refused_with_the_reason(
    measure: Callable, y_true: object, y_score: object, error: type, words: str
) -> None:
    with pytest.raises(error, match=words):
        measure(y_true, y_score)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda c, p: c.partial_auc(max_fpr=0), "max_fpr must lie above 0 and be at most 1, got 0"),
        (lambda c, p: c.standardised_partial_auc(max_fpr=1.5), "max_fpr must lie above 0 and be at most 1, got 1.5"),
        (lambda c, p: c.at_sensitivity(95), "wanted sensitivity must lie between 0 and 1, such as 0.95, got 95"),
        (lambda c, p: c.at_specificity(-0.1), "wanted specificity must lie between 0 and 1"),
        (lambda c, p: p.at_recall(nan), "wanted recall must lie between 0 and 1"),
        (lambda c, p: p.at_precision(2), "wanted precision must lie between 0 and 1"),
        (lambda c, p: p.at_precision(0.9), "no threshold has a precision of 0.9, the best is 0.6667"),
    ],
)
def test_points_that_no_curve_has_are_refused_with_the_reason(call: Callable, words: str) -> None:
    y_true, y_score = [0, 1, 1], [3, 2, 1]
    with pytest.raises(ValueError, match=words):
        call(roc_curve(y_true, y_score), precision_recall_curve(y_true, y_score))
