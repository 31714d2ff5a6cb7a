"""Lesson 10: its facts by the numbers (C05–C07, L13, H02), what its lecture claims, and the real data's way."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import ndimage

from course_lib import metrics
from course_lib.classroom.lesson import read_lesson
from course_lib.data.phantoms.crowd_masks import ask_readers

mpl.use("Agg")

ROOT = Path(__file__).parents[2]
LECTURE = read_lesson(ROOT / "notebooks" / "10_segmentation_metrics.py")
EXERCISE = read_lesson(ROOT / "solutions" / "10_segmentation_metrics.py")
CODE = [cell for cell in LECTURE.cells if cell.kind == "code"]
PROSE = "\n".join(cell.source for cell in LECTURE.cells if cell.kind == "markdown")

SLIDE_RANKS = {  # the places among 28 teams that the slide prints in brackets (C06)
    "leHealth": (1, 5, 11, 18, 12, 5, 8, 14, 3),
    "hchen": (2, 1, 3, 17, 5, 1, 2, 4, 4),
    "hans.meine": (3, 4, 10, 12, 8, 12, 9, 2, 5),
}


def run(**parameters: object) -> SimpleNamespace:
    """Run all cells of the lecture that do not fail on purpose, with other parameters."""
    names: dict[str, object] = {}
    with plt.rc_context():  # the lecture switches on the style of the course
        for cell in CODE:
            if "raises-exception" not in cell.tags:
                exec(compile(cell.source, f"lecture, line {cell.line}", "exec"), names)
            if cell.role == "parameters":
                assert set(parameters) <= set(names)
                names.update(parameters)
    return SimpleNamespace(**names)


def run_until(words: str, **parameters: object) -> SimpleNamespace:
    """Run the code before the first prose in which the words stand."""
    names: dict[str, object] = {}
    with plt.rc_context():
        for cell in LECTURE.cells:
            if cell.kind == "markdown" and words in cell.source:
                return SimpleNamespace(**names)
            if cell.kind == "code" and "raises-exception" not in cell.tags:
                exec(compile(cell.source, f"lecture, line {cell.line}", "exec"), names)
                if cell.role == "parameters":
                    names.update(parameters)
    raise AssertionError(f"nowhere does the lecture say {words!r}")


@pytest.fixture(scope="module")
def lecture() -> SimpleNamespace:
    """What the lecture computes, with one epoch in place of three."""
    return run(EPOCHS=1)


# C05: reported results beside what people do


@pytest.mark.parametrize(
    "words", ["79 points", "trained human 75", "Dice 0.58 per case, 0.69 per tumour", "0.70 and 0.72", "0.94–0.95",
              "Dice 0.65", "0.90–0.93"]
)  # fmt: skip
def test_c05_every_reported_number_is_quoted(words: str) -> None:
    reported = PROSE[PROSE.index("what is *reported* elsewhere") :]
    assert words in reported


def test_c05_a_human_has_75_points_and_79_are_an_error_a_sixth_smaller() -> None:
    for error in metrics.SLIVER07_HUMAN.values():
        assert metrics.miccai_points(error, human_error=error) == 75
    assert metrics.miccai_points(0.84, human_error=1.0) == pytest.approx(79)


def test_c05_readers_with_the_wobble_of_the_lecture_agree_about_as_people_do() -> None:
    ball = np.linalg.norm(np.indices((72, 72, 72)) - 35.5, axis=0) * 2 < 71  # 1,500 ml at 2 mm: a liver
    tumour = np.linalg.norm(np.indices((42, 42, 42)) - 20.5, axis=0) < 15  # 30 mm at 1 mm
    for mask, size, wobble, habit, low, high in ((ball, 2, 2.3, 1.2, 0.92, 0.96), (tumour, 1, 0.7, 0.35, 0.88, 0.95)):
        readers = ask_readers(
            mask, spacing_mm=(size,) * 3, num_readers=4, wobble_mm=wobble, habit_mm=habit, smooth_mm=12
        )
        dice = [metrics.dice_score(a, b) for k, a in enumerate(readers.masks) for b in readers.masks[:k]]
        assert low < np.mean(dice) < high


# C06: the columns of LiTS


def test_c06_the_three_rows_are_those_of_the_slide(lecture: SimpleNamespace) -> None:
    assert lecture.reported == {
        "leHealth": (0.702, 0.794, 0.394, 5.921, 1.189, 6.682, 1.726, 0.156, 0.437),
        "hchen": (0.686, 0.829, 0.356, 5.164, 1.073, 6.055, 1.562, 0.409, 0.408),
        "hans.meine": (0.676, 0.796, 0.383, 0.464, 1.143, 7.322, 1.728, 0.496, 0.397),
    }


def test_c06_our_ranks_are_in_the_order_of_the_slides_ranks_in_every_column(lecture: SimpleNamespace) -> None:
    printed = np.array([SLIDE_RANKS[team] for team in lecture.lits.teams])
    assert (lecture.lits.ranks == 1 + np.argsort(np.argsort(printed, axis=0), axis=0)).all()
    assert lecture.lits.teams[int(np.argmin(lecture.lits.mean_rank))] == "hchen"


def test_c06_all_columns_are_computed_for_our_own_contest(lecture: SimpleNamespace) -> None:
    for team, scores in lecture.scores.items():
        one = metrics.lits_scores(
            lecture.cases.tumours > 0, lecture.entries[team], spacings_mm=[lecture.size] * len(lecture.cases.tumours)
        )
        assert one == scores
        assert np.isfinite(lecture.contest.values).all()


def test_c06_dice_per_case_and_global_precision_and_recall_by_hand() -> None:
    true = [np.array([[1, 1, 1, 1, 0, 1, 0, 0]]), np.array([[0, 0, 1, 0, 0, 0, 0, 0]])]
    pred = [np.array([[1, 1, 1, 0, 0, 0, 0, 0]]), np.array([[0, 0, 0, 0, 0, 0, 1, 1]])]
    scores = metrics.lits_scores(true, pred, spacings_mm=[(1, 1)] * 2)
    assert scores.dice_per_case == pytest.approx((6 / 8 + 0) / 2)
    assert scores.dice_global == pytest.approx(6 / 11)
    assert (scores.voe, scores.rvd) == (0.25, -0.25)
    assert (scores.precision_50, scores.recall_50) == (0.5, pytest.approx(1 / 3))
    assert (scores.assd_mm, scores.msd_mm, scores.rmsd_mm) == pytest.approx((1 / 7, 1, np.sqrt(1 / 7)))


# C07: observers, and RECIST 1.1


@pytest.mark.parametrize(
    ("sums", "wanted"),
    [((100, 60, 75), "PD"), ((100, 60), "PR"), ((100, 70), "PR"), ((100, 71), "SD"), ((100, 0), "CR"),
     ((20, 12, 16), "SD"), ((100, 50, 60), "PD"), ((40, 0, 12), "PD")],
)  # fmt: skip
def test_c07_the_classes_of_recist(sums: tuple[int, ...], wanted: str, lecture: SimpleNamespace) -> None:
    assert lecture.response(sums) == wanted


def test_c07_the_second_visit_has_the_classes_that_the_lecture_names(lecture: SimpleNamespace) -> None:
    named = {times: lecture.response((lecture.sums[1.0], lecture.sums[times])) for times in (0.6, 0.71, 0.85)}
    assert named == {0.6: "PR", 0.71: "SD", 0.85: "SD"}
    for times in (0.6, 0.71, 0.85):
        assert lecture.sums[times] / lecture.sums[1.0] == pytest.approx(times, abs=0.03)


def test_c07_readers_agree_far_from_the_limit_and_differ_near_it(lecture: SimpleNamespace) -> None:
    assert set(lecture.classes[0.6]) == {"PR"}
    assert set(lecture.classes[0.85]) == {"SD"}
    assert set(lecture.classes[0.71]) == {"PR", "SD"}


def test_c07_a_habit_is_a_bias_and_icc_2_1_counts_it(lecture: SimpleNamespace) -> None:
    assert lecture.agreement.limits.low < lecture.agreement.bias < lecture.agreement.limits.high
    assert lecture.correlation.icc_2_1 <= lecture.correlation.icc_3_1


def test_c07_the_length_of_a_disc_is_its_diameter(lecture: SimpleNamespace) -> None:
    disc = np.hypot(*(np.indices((40, 40)) - 19.5)) < 12
    assert lecture.longest_mm(disc[None], np.array([1.0, 1.0])) == pytest.approx(24, abs=1)
    assert lecture.longest_mm(np.zeros((1, 4, 4), bool), np.array([1.0, 1.0])) == 0


# L13: challenges


@pytest.mark.parametrize("words", ["VISCERAL", "The Cancer Imaging Archive", "grand-challenge", "states the task"])
def test_l13_what_makes_a_challenge_is_said(words: str) -> None:
    assert words in PROSE


def test_l13_the_same_hand_twice_is_no_sure_order(lecture: SimpleNamespace) -> None:
    teams = list(lecture.entries)
    steady, twin = teams.index("steady"), teams.index("twin")
    ahead = lecture.stability.ahead_share
    assert max(ahead[steady, twin], ahead[twin, steady]) < 0.975
    assert lecture.stability.places[teams.index("generous")] >= 4
    assert lecture.stability.places.min() == 1


# H02: the parotid study's set-ups, on livers


def test_h02_region_and_largest_piece_are_judged_by_dice_and_assd(lecture: SimpleNamespace) -> None:
    assert set(lecture.four) == {"box", "box, one piece", "full", "full, one piece"}
    assert all(rows.shape == (len(lecture.split.test), 3) for rows in lecture.four.values())
    assert lecture.four["box"][:, 1].mean() <= lecture.four["full"][:, 1].mean()  # a true box only takes errors away


def test_h02_the_largest_piece_is_the_largest(lecture: SimpleNamespace) -> None:
    mask = np.zeros((3, 9, 9), bool)
    mask[1, 1:3, 1:3] = mask[1, 5:8, 5:8] = True
    kept = lecture.largest_piece(mask)
    assert kept.sum() == 9
    assert ndimage.label(kept)[1] == 1
    assert not lecture.largest_piece(np.zeros_like(mask)).any()


def test_h02_patients_of_the_test_are_new_and_training_sets_grow(lecture: SimpleNamespace) -> None:
    train, val, test = (set(each) for each in (lecture.split.train, lecture.split.val, lecture.split.test))
    assert not train & val | train & test | val & test
    assert (len(train), len(val), len(test)) == (9, 3, 12)
    assert {"1 patient", "3 patients", "all patients", "two views"} <= set(lecture.judged)


# what the lecture claims of measures


def test_each_error_moves_the_measures_that_the_lecture_names(lecture: SimpleNamespace) -> None:
    table = lecture.table
    assert max(table, key=lambda name: table[name]["HD"]) == "an island"
    assert table["an island"]["Dice"] > 0.999
    assert table["an island"]["HD95"] == 0
    assert table["a leak"]["HD"] > 20
    assert table["shifted"]["RVD (%)"] == 0
    assert table["too large"]["RVD (%)"] > 5 > -5 > table["too small"]["RVD (%)"]
    assert table["ten holes"]["Dice"] > 0.99
    assert table["ten holes"]["HD"] > 20


def test_the_two_contours_of_the_start_have_one_dice(lecture: SimpleNamespace) -> None:
    left, right = (metrics.dice_score(lecture.organ, each) for each in (lecture.shifted, lecture.astray))
    assert left == pytest.approx(right, abs=0.002)
    assert lecture.far_mm["right"] > 10 * lecture.far_mm["left"]


def test_both_hd95_on_one_pair_and_on_one_picture(lecture: SimpleNamespace) -> None:
    by_hand = metrics.SurfaceDistances(np.array([0.0] * 9 + [10]), np.zeros(10))
    assert (by_hand.worse_percentile_mm(), by_hand.pooled_percentile_mm()) == pytest.approx((5.5, 0.5))
    assert lecture.two["worse"] > 2 * lecture.two["pooled"]


def test_the_same_hand_has_a_lower_dice_on_small_things_and_the_same_distance(lecture: SimpleNamespace) -> None:
    dice = [each["Dice"] for each in lecture.by_size.values()]
    assert dice == sorted(dice)
    assert dice[0] < 0.7
    assert dice[-1] > 0.97
    assert {round(each["ASSD"], 1) for each in lecture.by_size.values()} == {1.0}


def test_empty_cases_give_three_means(lecture: SimpleNamespace) -> None:
    assert [round(float(value), 2) for value in lecture.rules.values()] == [0.33, 0.5, 0.25]


def test_per_case_and_global(lecture: SimpleNamespace) -> None:
    assert metrics.dice_per_case(lecture.patients) == 0.5
    assert round(metrics.dice_global(lecture.patients), 2) == 0.98


def test_a_perfect_mask_has_wrong_counts(lecture: SimpleNamespace) -> None:
    assert lecture.seen < lecture.there
    assert np.mean([row[2] for row in lecture.instance]) < 0.95


def test_double_hits_find_nothing_new_and_the_detector_is_far_from_perfect(lecture: SimpleNamespace) -> None:
    assert lecture.six.lesions_per_image.sum() == 2
    curve = metrics.froc_curve(lecture.six)
    assert (curve.sensitivity[-1], curve.false_positives_per_image[-1]) == (0.5, pytest.approx(4 / 3))
    assert 0.3 < lecture.curve.sensitivity_at(1.0) < 0.9
    assert lecture.intervals.score.low < lecture.curve.score() < lecture.intervals.score.high


# what is trained, with one epoch only: the lecture's cell asserts the rest


def test_one_epoch_already_lowers_the_loss(lecture: SimpleNamespace) -> None:
    assert lecture.history.train_loss[0] < 0.68
    assert lecture.summary.parameters < 20_000


# real data


def test_the_same_lecture_runs_on_a_real_liver_and_real_nuclei(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DATA_DIR", os.fspath(data_dir))
    real = run_until("## 7 When there is nothing", REAL_DATA=True)
    assert real.spacing_mm == pytest.approx((3, 3, 3))
    assert metrics.volume_ml(real.truth, spacing_mm=real.spacing_mm) == pytest.approx(1123, abs=2)
    assert 0 < real.image[real.truth].mean() < 100  # HU: image and mask lie on each other
    rows = np.argwhere(real.truth)
    assert rows[:, 2].mean() < real.truth.shape[2] / 2  # the liver is on the patient's right: the left of the picture
    assert max(real.table, key=lambda name: real.table[name]["HD"]) == "an island"
    assert real.table["shifted"]["RVD (%)"] == 0
    assert real.two["worse"] > real.two["pooled"]
    assert sum(int(labels.max()) for labels in real.nuclei) == 2106
    small = np.array(real.dice_of_nucleus)[np.argsort(real.across)]
    assert small[: len(small) // 3].mean() < small[-len(small) // 3 :].mean()
