"""Lesson 09: its facts by the numbers, what it claims of places, prices and intervals, and its checks by seed."""

import contextlib
import io
from pathlib import Path
from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.stats import norm

from course_lib import metrics
from course_lib.classroom.lesson import read_lesson
from course_lib.figures.rates import at_prevalence

mpl.use("Agg")

ROOT = Path(__file__).parents[2]
LECTURE = read_lesson(ROOT / "notebooks" / "09_classification_metrics.py")
EXERCISE = read_lesson(ROOT / "solutions" / "09_classification_metrics.py")
PROSE = "\n".join(cell.source for cell in LECTURE.cells if cell.kind == "markdown")

FOUR = {
    "A": metrics.Counts(tp=63, fn=37, fp=28, tn=72),
    "B": metrics.Counts(tp=77, fn=23, fp=77, tn=23),
    "C": metrics.Counts(tp=24, fn=76, fp=88, tn=12),
    "C′": metrics.Counts(tp=76, fn=24, fp=12, tn=88),
}


@pytest.fixture(scope="module")
def lecture() -> SimpleNamespace:
    """All names of the lecture, run from top to bottom with five epochs."""
    room: dict[str, object] = {}
    with plt.rc_context(), contextlib.redirect_stdout(io.StringIO()) as output:
        for cell in (cell for cell in LECTURE.cells if cell.kind == "code"):
            fails = pytest.raises(ValueError, match="only class 0") if "raises-exception" in cell.tags else None
            with fails or contextlib.nullcontext():
                exec(cell.source, room)
            if cell.role == "parameters":
                room["EPOCHS"] = 5
    plt.close("all")
    return SimpleNamespace(**room, output=output.getvalue())


# R23: precision, trueness, robustness


def test_r23_the_second_instrument_is_precise_and_not_true(lecture: SimpleNamespace) -> None:
    first, second, third = (lecture.errors[name] for name in ("first", "second", "third"))
    assert second.bias > 1.8
    assert second.standard_deviation < 0.5 < first.standard_deviation
    assert not second.limits.low <= 0 <= second.limits.high
    assert max(abs(first.bias), abs(third.bias)) < 0.3


def test_r23_noise_costs_both_classifiers_and_an_artefact_costs_the_threshold_only(lecture: SimpleNamespace) -> None:
    assert max(lecture.losses[2]) < min(lecture.losses[0]) - 0.05
    assert metrics.roc_auc(lecture.y_test, lecture.artefact) == metrics.roc_auc(lecture.y_test, lecture.other)
    assert lecture.now.tnr < lecture.then.tnr - 0.1


# R24: every rate of the table


def test_r24_every_rate_of_the_table_follows_from_four_counts() -> None:
    tp, fn, fp, tn = 63, 37, 28, 72
    by_hand = {
        "tpr": tp / (tp + fn),
        "fnr": fn / (tp + fn),
        "tnr": tn / (tn + fp),
        "fpr": fp / (tn + fp),
        "ppv": tp / (tp + fp),
        "fdr": fp / (tp + fp),
        "npv": tn / (tn + fn),
        "false_omission_rate": fn / (tn + fn),
        "prevalence": (tp + fn) / 200,
        "accuracy": (tp + tn) / 200,
        "balanced_accuracy": (0.63 + 0.72) / 2,
        "f1": 2 * tp / (2 * tp + fp + fn),
        "fowlkes_mallows": np.sqrt(63 / 91 * 0.63),
        "threat_score": tp / (tp + fp + fn),
        "mcc": (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)),
        "informedness": 0.63 + 0.72 - 1,
        "markedness": 63 / 91 + 72 / 109 - 1,
        "lr_plus": 0.63 / 0.28,
        "lr_minus": 0.37 / 0.72,
        "diagnostic_odds_ratio": (0.63 / 0.28) / (0.37 / 0.72),
    }
    for name, value in by_hand.items():
        assert getattr(FOUR["A"], name) == pytest.approx(value), name


def test_r24_the_lecture_shows_every_one_of_them(lecture: SimpleNamespace) -> None:
    shown = [rate for rates in lecture.owners.values() for rate in rates]
    assert len(shown) == len(set(shown)) == 20


def test_r24_the_printed_formula_of_mcc_needs_fdr_where_dor_stands(lecture: SimpleNamespace) -> None:
    assert lecture.printed == pytest.approx(0.06, abs=0.005)
    assert lecture.with_fdr == pytest.approx(FOUR["A"].mcc)
    assert FOUR["B"].mcc == pytest.approx(0)
    assert FOUR["C"].mcc == pytest.approx(-FOUR["C′"].mcc)


def test_r24_a_table_read_crosswise_misses_nobody(lecture: SimpleNamespace) -> None:
    assert lecture.table.tolist() == [[2, 0], [1, 2]]
    assert "read crosswise: 1.000" in lecture.output


# R25: A, B, C, C′


def test_r25_the_twenty_rates_of_the_slide() -> None:
    slide = {
        "A": (0.63, 0.28, 0.69, 0.66, 0.68),
        "B": (0.77, 0.77, 0.50, 0.61, 0.50),
        "C": (0.24, 0.88, 0.21, 0.23, 0.18),
        "C′": (0.76, 0.12, 0.86, 0.81, 0.82),
    }
    for name, rates in slide.items():
        c = FOUR[name]
        assert tuple(float(f"{rate:.2f}") for rate in (c.tpr, c.fpr, c.ppv, c.f1, c.accuracy)) == rates


def test_r25_the_lecture_has_these_four_and_c_inverted_is_c_prime(lecture: SimpleNamespace) -> None:
    assert lecture.four == FOUR
    assert lecture.turned == FOUR["C′"]


# R26: the area under the curve


def test_r26_the_area_is_0_all_wrong_1_all_right_and_blind_to_scale(lecture: SimpleNamespace) -> None:
    y, s = lecture.y_test, lecture.score
    assert metrics.roc_auc(y, y) == 1
    assert metrics.roc_auc(y, -y) == 0
    assert metrics.roc_auc(y, 1000 * s + 7) == metrics.roc_auc(y, np.exp(s / 10)) == metrics.roc_auc(y, s)
    assert metrics.roc_auc(y, -s) == pytest.approx(1 - metrics.roc_auc(y, s))


def test_r26_the_area_is_invariant_to_the_threshold_but_labels_have_another_one() -> None:
    y, s = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.7, 0.9])
    assert metrics.roc_auc(y, s) == 1
    assert metrics.roc_auc(y, (s > 0.5).astype(int)) == 0.75
    assert metrics.roc_auc([0, 1], [0.5, 0.5]) == 0.5


# K03: proliferation


def test_k03_quadratic_kappa_and_plain_kappa_prefer_different_programs(lecture: SimpleNamespace) -> None:
    careful, bold, lazy = (lecture.kappas[name] for name in ("careful", "bold", "always grade 1"))
    assert bold[0] > careful[0] + 0.05
    assert careful[2] > bold[2] + 0.05
    assert np.abs(lazy).max() < 1e-12


def test_the_micro_f1_of_grades_is_the_agreement_and_the_macro_f1_is_not(lecture: SimpleNamespace) -> None:
    agreement = metrics.accuracy_score(lecture.truth_grade, lecture.programs["always grade 1"])
    assert lecture.by_grade.summed().f1 == pytest.approx(agreement)
    assert metrics.macro_average(lecture.by_grade.f1) < agreement / 1.5


def test_k03_spearman_does_not_mind_an_exponential(lecture: SimpleNamespace) -> None:
    growth, activity = lecture.growth, lecture.activity
    plain = metrics.spearman_correlation(growth, activity)
    assert metrics.spearman_correlation(growth, np.exp(activity)) == pytest.approx(plain)
    assert (
        abs(metrics.pearson_correlation(growth, np.exp(activity)) - metrics.pearson_correlation(growth, activity))
        > 0.01
    )


def test_k03_the_reported_values_are_quoted_as_reported() -> None:
    last = PROSE[PROSE.index("| | reported | by whom") :]
    assert "0.567, 0.534, 0.462, 0.417" in last
    assert "0.677, 0.516, 0.503, 0.488, 0.474" in last


# what the lecture claims


def test_a_prevalence_moves_ppv_and_leaves_the_roc_curve(lecture: SimpleNamespace) -> None:
    assert lecture.screened.ppv == pytest.approx(9 / 108)
    for ill, counts in lecture.places.items():
        assert (counts.tpr, counts.tnr) == (0.9, 0.9)
        assert counts.prevalence == ill / 1000
    assert [round(c.ppv, 3) for c in lecture.places.values()] == [0.9, 0.5, 0.083, 0.009]
    assert lecture.common_area == lecture.rare_area
    assert lecture.rare.average_precision < lecture.here.average_precision - 0.1


def test_weighting_to_one_per_cent_is_the_same_as_copying_the_healthy() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([1, 0], [10, 30])
    s = np.round(rng.normal(size=40) + y, 1)
    copied = np.concatenate([np.flatnonzero(y == 1), np.repeat(np.flatnonzero(y == 0), 33)])  # 10 of 1000
    weighted = at_prevalence(metrics.precision_recall_curve(y, s), per_mille=10)
    assert metrics.average_precision(y[copied], s[copied]) == pytest.approx(weighted.average_precision)
    assert weighted.point(-1).counts.prevalence == 0.01


def test_the_threshold_is_higher_where_few_are_ill_and_the_tests_own_best_is_cheaper(lecture: SimpleNamespace) -> None:
    assert lecture.best["screening"].threshold > lecture.best["clinic"].threshold
    assert lecture.rosy <= lecture.honest


def test_youden_is_the_best_point_for_a_miss_that_costs_17_recalls_at_37_per_cent() -> None:
    rng = np.random.default_rng(1)
    y = np.repeat([1, 0], [373, 627])
    curve = metrics.roc_curve(y, rng.normal(size=1000) + y)
    cost = 627 / 373 * curve.counts.fn + curve.counts.fp
    assert round(627 / 373, 1) == 1.7
    assert cost.min() == pytest.approx(cost[curve.tp == curve.youden().counts.tp].min())


def test_few_ill_and_a_high_area_372_of_1000_intervals_miss_and_all_lie_above(lecture: SimpleNamespace) -> None:
    rng, shift = np.random.default_rng(0), np.sqrt(2) * norm.ppf(0.99)
    labels, above, below, points = np.repeat([1, 0], [8, 100]), 0, 0, 0
    for _ in range(1000):
        interval = metrics.delong_auc(labels, rng.normal(size=108) + shift * labels).interval
        above, below = above + (interval.low > 0.99), below + (interval.high < 0.99)
        points += interval.low == interval.high == 1
    assert (above, below, points) == (372, 0, 192)
    assert lecture.caught[0.99, 8, 100] == 1000 - 372
    assert 900 < lecture.caught[0.85, 50, 50] < 960


def test_copies_of_an_image_narrow_an_interval_by_the_root_of_ten(lecture: SimpleNamespace) -> None:
    by_patient = lecture.by_patient.high - lecture.by_patient.low
    by_image = lecture.by_image.high - lecture.by_image.low
    assert by_patient == pytest.approx(0.17, abs=0.02)
    assert by_patient / by_image == pytest.approx(np.sqrt(10), rel=0.15)


def test_two_models_on_the_same_lumps_are_compared_pair_by_pair(lecture: SimpleNamespace) -> None:
    assert lecture.paired.standard_error < lecture.unpaired
    assert np.sqrt(0.0008 - 0.0006) == pytest.approx(0.0141, abs=5e-5)
    assert np.sqrt(0.0008) == pytest.approx(0.0283, abs=5e-5)


def test_a_temperature_keeps_the_area_and_a_prior_moves_70_per_cent_to_4(lecture: SimpleNamespace) -> None:
    assert metrics.roc_auc(lecture.y_test, lecture.mended) == pytest.approx(
        metrics.roc_auc(lecture.y_test, lecture.score)
    )
    assert lecture.moved == pytest.approx(0.038, abs=0.001)
    assert lecture.two_bins.expected_calibration_error == pytest.approx(0.05)


def test_chexnets_table_is_quoted_and_its_mean_is_that_of_four_readers(lecture: SimpleNamespace) -> None:
    assert [row[1:] for row in lecture.reported] == [
        (0.383, 0.309, 0.453),
        (0.356, 0.282, 0.428),
        (0.365, 0.291, 0.435),
        (0.442, 0.390, 0.492),
        (0.387, 0.330, 0.442),
        (0.435, 0.387, 0.481),
    ]
    assert np.mean([row[1] for row in lecture.reported[:4]]) == pytest.approx(0.387, abs=0.0006)


def test_nobody_is_on_two_sides_and_the_scaler_saw_the_training_part_only(lecture: SimpleNamespace) -> None:
    parts = [set(getattr(lecture.split, part).tolist()) for part in ("train", "val", "test")]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 569
    assert np.abs(lecture.inputs[lecture.split.train].mean(axis=0)).max() < 1e-5
    assert lecture.truth["test"].sum() == 64


def test_the_header_names_the_facts_and_no_compared_cell_depends_on_training() -> None:
    assert LECTURE.metadata["facts"] == ["R23", "R24", "R25", "R26", "K03"]
    compared = [cell.source for cell in LECTURE.cells if "nbval-check-output" in cell.tags]
    assert [source for source in compared if "scores[" in source or "y_test" in source] == []


# the exercise, seed by seed


def _message(source: str, check: str, seed: int) -> str:
    """What a check says to an answer; empty if it holds."""
    names: dict[str, object] = {"rng": np.random.default_rng(seed)}
    exec(EXERCISE.setup(), names)
    exec(source, names)
    try:
        exec(check, names)
    except AssertionError as error:
        return str(error) or "refused"
    return ""


@pytest.mark.parametrize("task", EXERCISE.tasks, ids=lambda task: task.name)
def test_right_answers_pass_and_known_mistakes_are_refused_for_every_seed(task) -> None:
    hidden = [check.source for check in task.checks if check.kind == "hidden"]
    for seed in range(8):
        for answer in (task.source, *task.rights):
            for check in task.checks:
                assert _message(getattr(answer, "source", answer), check.source, seed) == "", check.text
        for wrong in task.wrongs:
            assert all(_message(wrong.source, check, seed) for check in hidden), wrong.source
