"""Every rate of the 2×2 table: the lecture's table, the empty cells, the laws between rates, and scikit-learn."""

from collections.abc import Callable
from math import inf, isnan, nan

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.metrics.rates import Counts

# The four classifiers of the lecture's slide, and what stands below each of them.
SLIDE = {
    "A": (Counts(tp=63, fn=37, fp=28, tn=72), (0.63, 0.28, 0.69, 0.66, 0.68)),
    "B": (Counts(tp=77, fn=23, fp=77, tn=23), (0.77, 0.77, 0.50, 0.61, 0.50)),
    "C": (Counts(tp=24, fn=76, fp=88, tn=12), (0.24, 0.88, 0.21, 0.23, 0.18)),
    "C'": (Counts(tp=76, fn=24, fp=12, tn=88), (0.76, 0.12, 0.86, 0.81, 0.82)),
}
RATES = (
    *("tpr", "fnr", "tnr", "fpr", "ppv", "fdr", "npv", "false_omission_rate", "prevalence", "accuracy"),
    *("balanced_accuracy", "f1", "threat_score", "fowlkes_mallows", "mcc", "informedness", "markedness"),
    *("lr_plus", "lr_minus", "diagnostic_odds_ratio"),
)
cells = st.integers(0, 30)
tables = st.builds(lambda tp, fn, fp, tn: Counts(tp=tp, fn=fn, fp=fp, tn=tn), cells, cells, cells, cells)


def test_the_four_classifiers_of_the_slide_have_its_rates_to_two_decimals() -> None:
    for counts, slide in SLIDE.values():
        rates = (counts.tpr, counts.fpr, counts.ppv, counts.f1, counts.accuracy)
        assert tuple(float(f"{rate + 1e-12:.2f}") for rate in rates) == slide  # the slide rounds 0.675 up
    c, inverted = SLIDE["C"][0], SLIDE["C'"][0]
    assert inverted == Counts(tp=c.fn, fn=c.tp, fp=c.tn, tn=c.fp)


def test_the_whole_table_of_classifier_a_by_hand() -> None:
    a = SLIDE["A"][0]
    assert (a.positives, a.negatives, a.support, a.total) == (100, 100, 100, 200)
    wanted = {
        **{"tpr": 63 / 100, "fnr": 37 / 100, "tnr": 72 / 100, "fpr": 28 / 100},
        **{"ppv": 63 / 91, "fdr": 28 / 91, "npv": 72 / 109, "false_omission_rate": 37 / 109},
        **{"prevalence": 1 / 2, "accuracy": 135 / 200, "balanced_accuracy": 135 / 200, "f1": 126 / 191},
        **{"threat_score": 63 / 128, "fowlkes_mallows": 63 / 9100**0.5, "mcc": 3500 / (100 * 100 * 91 * 109) ** 0.5},
        **{"informedness": 0.35, "markedness": 63 / 91 + 72 / 109 - 1},
        **{"lr_plus": 63 / 28, "lr_minus": 37 / 72, "diagnostic_odds_ratio": 63 * 72 / (28 * 37)},
    }
    assert set(wanted) == set(RATES)
    assert {name: getattr(a, name) for name in RATES} == pytest.approx(wanted, rel=1e-12)


def test_each_rate_has_its_usual_names() -> None:
    a = SLIDE["A"][0]
    assert a.sensitivity == a.recall == a.hit_rate == a.tpr
    assert a.specificity == a.selectivity == a.tnr
    assert (a.miss_rate, a.fall_out) == (a.fnr, a.fpr)
    assert (a.precision, a.false_discovery_rate) == (a.ppv, a.fdr)
    assert (a.dice, a.youden) == (a.f1, a.informedness)
    assert a.jaccard == a.critical_success_index == a.threat_score
    assert a.matthews == a.phi == a.mcc


@pytest.mark.parametrize(
    ("counts", "undefined"),
    [
        (Counts(tp=0, fn=0, fp=0, tn=0), set(RATES)),
        (
            Counts(tp=0, fn=0, fp=2, tn=3),  # no positives
            {"tpr", "fnr", "balanced_accuracy", "fowlkes_mallows", "mcc", "informedness", "lr_plus", "lr_minus"}
            | {"diagnostic_odds_ratio"},
        ),
        (
            Counts(tp=2, fn=3, fp=0, tn=0),  # no negatives
            {"tnr", "fpr", "balanced_accuracy", "mcc", "informedness", "lr_plus", "lr_minus", "diagnostic_odds_ratio"},
        ),
        (
            Counts(tp=0, fn=2, fp=0, tn=3),  # no alarm
            {"ppv", "fdr", "fowlkes_mallows", "mcc", "markedness", "lr_plus", "diagnostic_odds_ratio"},
        ),
        (
            Counts(tp=2, fn=0, fp=3, tn=0),  # always an alarm
            {"npv", "false_omission_rate", "mcc", "markedness", "lr_minus", "diagnostic_odds_ratio"},
        ),
    ],
)
def test_zero_by_zero_is_nan_in_every_rate(counts: Counts, undefined: set[str]) -> None:
    assert {name for name in RATES if isnan(getattr(counts, name))} == undefined


def test_a_rate_over_nothing_is_infinite() -> None:
    assert Counts(tp=3, fn=1, fp=0, tn=4).lr_plus == inf
    assert Counts(tp=3, fn=1, fp=0, tn=4).diagnostic_odds_ratio == inf
    assert Counts(tp=0, fn=4, fp=3, tn=0).lr_minus == inf


def test_a_billion_pixels_overflow_nothing() -> None:
    billion = 10**9
    counts = Counts(tp=billion, fn=billion, fp=billion, tn=3 * billion)
    assert counts.mcc == pytest.approx(2 / (2 * 4 * 2 * 4) ** 0.5, rel=1e-12)
    assert counts.diagnostic_odds_ratio == 3
    many = Counts(tp=[billion], fn=[billion], fp=[billion], tn=[3 * billion])
    assert many.mcc == pytest.approx(counts.mcc)
    small = np.full(4, 200, np.uint8)  # whose sums would not fit into their own type
    assert Counts(tp=small, fn=small, fp=small, tn=small).summed().total == 3200


@given(tables)
@settings(deadline=None)
def test_the_rates_keep_their_laws(counts: Counts) -> None:
    mirrored = Counts(tp=counts.tn, fn=counts.fp, fp=counts.fn, tn=counts.tp)
    turned = Counts(tp=counts.tp, fn=counts.fp, fp=counts.fn, tn=counts.tn)
    pairs = [
        *((counts.tpr + counts.fnr, 1), (counts.ppv + counts.fdr, 1), (counts.npv + counts.false_omission_rate, 1)),
        *((counts.tnr, mirrored.tpr), (counts.npv, mirrored.ppv), (counts.mcc, mirrored.mcc), (counts.mcc, turned.mcc)),
        (counts.jaccard, counts.dice / (2 - counts.dice)),
        (counts.diagnostic_odds_ratio, np.divide(counts.lr_plus, counts.lr_minus) if counts.lr_minus else nan),
        (abs(counts.mcc), np.sqrt(max(counts.informedness * counts.markedness, 0))),
        (counts.f_beta(1), counts.f1),
    ]
    for left, right in pairs:
        assert isnan(left) or isnan(right) or left == pytest.approx(right, rel=1e-9, abs=1e-12)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
@settings(deadline=None)
def test_rates_agree_with_scikit_learn_where_they_are_defined(pairs: list[tuple[bool, bool]]) -> None:
    y_true, y_pred = (np.array(column) for column in zip(*pairs, strict=True))
    counts = Counts.from_labels(y_true, y_pred)
    assert counts == Counts(
        tp=sum(t and p for t, p in pairs),
        fn=sum(t and not p for t, p in pairs),
        fp=sum(p and not t for t, p in pairs),
        tn=sum(not p and not t for t, p in pairs),
    )
    peers = {
        "tpr": sklearn.metrics.recall_score(y_true, y_pred, zero_division=nan),
        "ppv": sklearn.metrics.precision_score(y_true, y_pred, zero_division=nan),
        "f1": sklearn.metrics.f1_score(y_true, y_pred, zero_division=nan),
        "jaccard": sklearn.metrics.jaccard_score(y_true, y_pred, zero_division=0) if counts.tn != len(pairs) else nan,
        "accuracy": sklearn.metrics.accuracy_score(y_true, y_pred),
    }
    if counts.positives and counts.negatives:
        peers["balanced_accuracy"] = sklearn.metrics.balanced_accuracy_score(y_true, y_pred)
        if counts.tp + counts.fp and counts.tn + counts.fn:
            peers["mcc"] = sklearn.metrics.matthews_corrcoef(y_true, y_pred)
    if not isnan(counts.f1):
        assert counts.f_beta(2) == pytest.approx(sklearn.metrics.fbeta_score(y_true, y_pred, beta=2, zero_division=0))
    ours = {name: getattr(counts, name) for name in peers}
    assert ours == pytest.approx(peers, rel=1e-9, abs=1e-12, nan_ok=True)


def test_many_labels_are_counted_at_once() -> None:
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.random((50, 3)) < 0.4, rng.random((50, 3)) < 0.5
    together = Counts.from_labels(torch.from_numpy(y_true), y_pred)
    for label in range(3):
        alone = Counts.from_labels(y_true[:, label], y_pred[:, label])
        assert [getattr(together, name)[label] for name in RATES] == [getattr(alone, name) for name in RATES]


def test_perfect_answers_have_the_best_value_of_every_rate() -> None:
    perfect = Counts.from_labels([0, 0, 1, 1, 1], [0, 0, 1, 1, 1])
    best = dict.fromkeys(RATES, 1.0) | dict.fromkeys(("fnr", "fpr", "fdr", "false_omission_rate", "lr_minus"), 0.0)
    best |= {"prevalence": 0.6, "lr_plus": inf, "diagnostic_odds_ratio": inf}
    assert {name: getattr(perfect, name) for name in RATES} == pytest.approx(best)


def test_counts_are_compared_by_their_cells_and_rates_are_plain_floats() -> None:
    assert Counts(tp=[1, 2], fn=[0, 0], fp=[0, 0], tn=[3, 3]) == Counts(tp=[1, 2], fn=[0, 0], fp=[0, 0], tn=[3, 3])
    assert Counts(tp=1, fn=2, fp=3, tn=4) != Counts(tp=1, fn=2, fp=3, tn=5)
    assert Counts(tp=1, fn=2, fp=3, tn=4) != "counts"
    assert {type(getattr(SLIDE["A"][0], name)) for name in RATES} == {float}
    assert Counts.from_labels([], []) == Counts(tp=0, fn=0, fp=0, tn=0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Counts(tp=-1, fn=0, fp=0, tn=0), ValueError, "tp must be at least 0, got -1"),
        (lambda: Counts(tp=0.5, fn=0, fp=0, tn=0), TypeError, "tp needs whole numbers of cases, got float64"),
        (lambda: Counts(tp=[1], fn=[1, 2], fp=[0], tn=[0]), ValueError, "tp and fn need the same shape"),
        (lambda: Counts.from_labels([0, 2], [0, 1]), ValueError, "y_true needs labels 0 and 1, got 2"),
        (lambda: Counts.from_labels([0, 1], [0.2, 0.9]), ValueError, "y_pred needs labels 0 and 1, got 0.2"),
        (lambda: Counts.from_labels([0, 1], [0]), ValueError, "y_true and y_pred need the same shape"),
        (lambda: Counts.from_labels([[[0]]], [[[1]]]), ValueError, r"labels need shape \(N,\) or \(N, L\)"),
        (lambda: Counts.from_matrix([[1, 2]]), ValueError, r"matrix needs shape \(K, K\), got \(1, 2\)"),
        (lambda: Counts.from_matrix([[1.5]]), TypeError, "matrix needs whole numbers"),
        (lambda: SLIDE["A"][0].f_beta(0), ValueError, "beta must be more than 0"),
    ],
)
def test_counts_that_make_no_sense_are_refused_with_the_reason(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
