"""The figures of lesson 09: what is weighted, counted, named and drawn."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from course_lib.figures import rates
from course_lib.metrics import Counts, precision_recall_curve, reliability_curve, roc_curve

mpl.use("Agg")

Y, S = np.array([0, 0, 1, 1, 0, 1]), np.array([0.1, 0.6, 0.6, 0.9, 0.3, 0.2])


@pytest.mark.parametrize("per_mille", [1, 10, 500, 999])
def test_a_weighted_curve_has_the_prevalence_and_keeps_rates_and_area(per_mille: int) -> None:
    curve = roc_curve(Y, S)
    weighted = rates.at_prevalence(curve, per_mille=per_mille)
    assert weighted.counts.prevalence == pytest.approx(per_mille / 1000)
    assert weighted.auc == pytest.approx(curve.auc)
    np.testing.assert_allclose(weighted.tpr, curve.tpr)
    np.testing.assert_allclose(weighted.fpr, curve.fpr)


def test_precision_at_a_prevalence_is_bayes_rule() -> None:
    curve = precision_recall_curve(Y, S)
    weighted = rates.at_prevalence(curve, per_mille=10)
    tpr, fpr = curve.tp / 3, curve.fp / 3
    np.testing.assert_allclose(weighted.precision, 0.01 * tpr / (0.01 * tpr + 0.99 * fpr))


@pytest.mark.parametrize("per_mille", [0, 1000, -3])
def test_a_place_without_ill_or_healthy_people_is_refused(per_mille: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 999"):
        rates.at_prevalence(roc_curve(Y, S), per_mille=per_mille)


def test_a_crowd_has_a_mark_for_each_person() -> None:
    ax = rates.plot_crowd(Counts(tp=3, fn=2, fp=10, tn=50), Figure().add_subplot(), columns=10)
    assert [len(marks.get_offsets()) for marks in ax.collections] == [3, 2, 10, 50]
    places = np.concatenate([marks.get_offsets() for marks in ax.collections])
    assert len(np.unique(places, axis=0)) == 65


@pytest.mark.parametrize("tn", [0, 2001])
def test_a_crowd_of_nobody_or_of_too_many_is_refused(tn: int) -> None:
    with pytest.raises(ValueError, match="1 to 2,000"):
        rates.plot_crowd(Counts(tp=0, fn=0, fp=0, tn=tn), Figure().add_subplot())


def test_curves_are_named_with_their_areas() -> None:
    ax = rates.plot_roc({"net": roc_curve(Y, S)}, Figure().add_subplot())
    assert ax.get_legend().get_texts()[1].get_text() == f"net, area {roc_curve(Y, S).auc:.3f}"
    ax = rates.plot_precision_recall({"net": precision_recall_curve(Y, S)}, Figure().add_subplot())
    assert "average precision" in ax.get_legend().get_texts()[0].get_text()


def test_reliability_leaves_empty_bins_out() -> None:
    ax = rates.plot_reliability({"net": reliability_curve(Y, S, edges=[0, 0.4, 0.5, 1])}, Figure().add_subplot())
    (marks,) = ax.collections
    assert len(marks.get_offsets()) == 2


def test_an_interval_that_misses_what_was_expected_looks_different() -> None:
    rows = [("in", 0.5, 0.4, 0.6), ("out", 0.2, 0.1, 0.3)]
    ax = rates.plot_estimates(rows, Figure().add_subplot(), name="F1", expected=0.5)
    hit, miss = ax.lines[1], ax.lines[3]
    assert hit.get_color() != miss.get_color()
    assert hit.get_marker() != miss.get_marker()
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first row is on top


def test_scores_and_profiles_name_their_axes() -> None:
    ax = rates.plot_scores(Y, S, Figure().add_subplot(), name="logit", threshold=0.5)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("logit", "lumps")
    values = np.column_stack([S, -S])
    ax = rates.plot_profiles(values, Y, [3, 5], ["a", "b"], Figure().add_subplot(), titles=["first", "second"])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["a", "b"]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), values[3])
