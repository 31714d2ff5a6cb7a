"""Lesson 15: its facts by the numbers (R31–R33), its lecture's claims, its exercise on the real table of ages."""

import csv
from pathlib import Path
from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from course_lib import brain_age, explain
from course_lib.classroom.lesson import Task, read_lesson
from course_lib.metrics.regression import mean_absolute_error, pearson_correlation

mpl.use("Agg")

ROOT = Path(__file__).parents[2]
LECTURE = read_lesson(ROOT / "notebooks" / "15_brain_age.py")
EXERCISE = read_lesson(ROOT / "solutions" / "15_brain_age.py")
CODE = [cell for cell in LECTURE.cells if cell.kind == "code"]
FACTS = ["R31", "R32", "R33"]

FEWER = (
    ("EPOCHS = None", "EPOCHS = 8"),
    ("people = 520", "people = 208"),
    ("make_ageing_brains(120,", "make_ageing_brains(40,"),
    ("make_ageing_brains(12,", "make_ageing_brains(4,"),
    ("[age] * 12", "[age] * 4"),
)


@pytest.fixture(scope="module")
def lecture() -> SimpleNamespace:
    """What the lecture computes, with fewer people and epochs and without its explorer."""
    names: dict[str, object] = {}
    with plt.rc_context():  # the lecture switches on the style of the course
        for cell in CODE:
            source = cell.source
            for long, short in FEWER:
                source = source.replace(long, short)
            if "raises-exception" not in cell.tags and "age_bias_explorer(" not in source:
                exec(compile(source, f"lecture, line {cell.line}", "exec"), names)
            plt.close("all")
    return SimpleNamespace(**names)


def test_the_shortened_lecture_replaces_what_it_means_to() -> None:
    sources = "\n".join(cell.source for cell in CODE)
    assert [long for long, _ in FEWER if long not in sources] == []


# R31: the gap and its correction


def test_r31_the_gap_is_predicted_minus_true_age() -> None:
    assert brain_age.brain_age_gap([70], [75]).tolist() == [5]


def test_r31_the_correction_is_the_two_lines_of_the_slide(lecture: SimpleNamespace) -> None:
    alpha, beta = np.polyfit(lecture.age_val, lecture.said_val - lecture.age_val, 1)
    assert lecture.correction.slope == pytest.approx(alpha)
    assert lecture.correction.intercept_years == pytest.approx(beta)
    np.testing.assert_allclose(lecture.corrected, lecture.said_test - (alpha * lecture.age_test + beta))
    assert (lecture.by_hand.slope, lecture.by_hand.intercept_years) == (-0.5, 30)


def test_r31_the_young_look_too_old_and_the_correction_takes_the_trend_out(lecture: SimpleNamespace) -> None:
    assert lecture.trend[0] < -0.2
    assert abs(lecture.left_slope) < abs(lecture.trend[0])
    own = lecture.correction.apply(lecture.said_val, age_years=lecture.age_val) - lecture.age_val
    assert np.polyfit(lecture.age_val, own, 1)[0] == pytest.approx(0, abs=1e-9)


def test_r31_a_reader_that_knows_nothing_is_perfect_after_correction(lecture: SimpleNamespace) -> None:
    assert lecture.blind_after == pytest.approx(0, abs=1e-9)
    assert lecture.blind.slope == pytest.approx(-1)
    assert lecture.after[0] == pytest.approx(0, abs=1e-9)
    assert (np.diff(lecture.after) > 0).all()


def test_r31_the_correction_knows_no_more_of_the_brain(lecture: SimpleNamespace) -> None:
    assert lecture.knows[0] == pytest.approx(lecture.knows[1])


def test_r31_dividing_fails_where_a_net_knows_little(lecture: SimpleNamespace) -> None:
    assert lecture.weak_mae > lecture.mean_mae
    (cell,) = (cell for cell in CODE if "raises-exception" in cell.tags)
    with pytest.raises(ValueError, match="predictions must rise with age to be divided by their slope, got slope 0"):
        exec(cell.source, vars(lecture))


def test_an_mae_does_not_travel_between_cohorts(lecture: SimpleNamespace) -> None:
    assert lecture.skill == pytest.approx({"A": 0.733, "B": -0.2}, abs=1e-3)


# the hidden gap


def test_the_same_person_twice_tells_more_of_the_gap_than_people_between_them(lecture: SimpleNamespace) -> None:
    assert lecture.r_within > 0.7
    assert lecture.r_within > max(lecture.r_clinic, lecture.r_healthy)
    assert pearson_correlation(lecture.within, lecture.clinic_delta) == pytest.approx(lecture.r_within)


def test_the_people_of_the_parts_are_others(lecture: SimpleNamespace) -> None:
    parts = [set(lecture.subjects[part].tolist()) for part in (lecture.split.train, lecture.split.val)]
    test = set(lecture.subjects[lecture.split.test].tolist())
    assert test
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & test


# R32: patches and their ensembles


def test_r32_patches_are_equal_parts_of_the_volume(lecture: SimpleNamespace) -> None:
    volume = torch.arange(24 * 28 * 24).reshape(1, 1, 24, 28, 24)
    patches = lecture.cut(volume)
    assert patches.shape == (1, 36, 8, 7, 8)
    for number, (a, b, c) in enumerate(np.ndindex(3, 4, 3)):
        box = volume[0, 0, 8 * a : 8 * a + 8, 7 * b : 7 * b + 7, 8 * c : 8 * c + 8]
        assert torch.equal(patches[0, number], box)


def test_r32_a_patch_net_sees_its_own_patch_only(lecture: SimpleNamespace) -> None:
    net = lecture.make_patch_nets().eval()
    assert sum(p.numel() for p in net.parameters()) == 36 * (8 * 27 + 8 + 512 + 1) == lecture.count
    one, other = torch.zeros(2, 1, 36, 8, 7, 8)
    other[0, 5] = 1
    with torch.no_grad():
        changed = (net(one) != net(other))[0]
    assert changed.nonzero().flatten().tolist() == [5]


def test_r32_the_middle_predicts_and_the_corners_do_not(lecture: SimpleNamespace) -> None:
    errors = lecture.errors.reshape(3, 4, 3)
    assert errors[1:, 1:3, 1].min() < errors[[0, 0, 2, 2], 0][:, [0, 2]].min() - 2


def test_r32_the_four_ensembles_stand_beside_the_reported_numbers(lecture: SimpleNamespace) -> None:
    assert lecture.reported == {
        "mean of all": (2.66, 0.78),
        "mean of selected": (2.28, 0.83),
        "regression of all": (2.13, 0.85),
        "regression of selected": (2.16, 0.85),
    }
    assert list(lecture.measured) == list(lecture.reported)
    mean_of_selected = lecture.patch_test[lecture.selected].mean(axis=0)
    error = mean_absolute_error(lecture.age_test, mean_of_selected)
    assert lecture.measured["mean of selected"][0] == pytest.approx(error)
    assert lecture.measured["mean of all"][0] > lecture.measured["mean of selected"][0]


def test_r32_patches_are_chosen_on_validation_people(lecture: SimpleNamespace) -> None:
    errors = np.abs(lecture.patch_val - lecture.age_val).mean(axis=1)
    assert set(lecture.selected.tolist()) == set(np.argsort(errors)[:8].tolist())


# R33: importance


def test_r33_a_linear_net_bears_noise_where_its_weight_is_small(lecture: SimpleNamespace) -> None:
    assert lecture.toy_map.argmin() == 2
    assert lecture.toy_map[0] == pytest.approx(lecture.toy_map[3], abs=0.05)
    assert lecture.toy_map[0] > lecture.toy_map[1]


def test_r33_the_population_map_is_mean_and_threshold_and_lies_where_the_phantom_ages(
    lecture: SimpleNamespace,
) -> None:
    np.testing.assert_allclose(lecture.population, explain.population_map(lecture.maps, share=0.05))
    kept = lecture.population > 0
    assert kept.mean() == pytest.approx(0.05, abs=0.002)
    np.testing.assert_allclose(lecture.population[kept], lecture.maps.mean(axis=0)[kept], rtol=1e-5)
    assert lecture.ages_most.sum() == pytest.approx(0.2 * lecture.brain_voxels.sum(), abs=2)
    assert lecture.hit == pytest.approx(100 * lecture.ages_most[kept & lecture.brain_voxels].mean())
    assert lecture.hit > 26  # 20 by lot in the brain
    assert lecture.importance["ventricles"] > lecture.importance["whole brain"] + 0.05
    assert lecture.importance["cortex (grey matter)"] > lecture.importance["air"] + 0.1


def test_r33_the_first_layer_reads_every_voxel_equally_often(lecture: SimpleNamespace) -> None:
    (layer,) = (module for module in lecture.net if isinstance(module, torch.nn.Conv3d))
    assert (layer.kernel_size, layer.stride, layer.padding) == ((4, 4, 4), (2, 2, 2), (1, 1, 1))
    probe = torch.nn.Conv3d(1, 1, kernel_size=4, stride=2, padding=1, bias=False)
    torch.nn.init.ones_(probe.weight)
    volume = torch.zeros(1, 1, 24, 28, 24, requires_grad=True)
    probe(volume).sum().backward()
    assert volume.grad is not None
    assert volume.grad[..., 1:-1, 1:-1, 1:-1].unique().tolist() == [8]  # twice along each axis


# the exercise


def test_the_header_names_the_facts() -> None:
    assert LECTURE.metadata["facts"] == EXERCISE.metadata["facts"] == FACTS
    assert EXERCISE.metadata["needs"] == ["15_brain_age"]


def test_no_compared_cell_depends_on_training() -> None:
    trained = ("said_", "patch_val", "patch_test", "maps[", "maps.", "history")
    compared = [cell.source for cell in CODE if "nbval-check-output" in cell.tags]
    assert [source for source in compared if any(name in source for name in trained)] == []


def message(answer: str, check: str, seed: int) -> str:
    """What a check says to an answer; empty if it holds."""
    names: dict[str, object] = {"rng": np.random.default_rng(seed)}
    exec(EXERCISE.setup(), names)
    exec(answer, names)
    try:
        exec(check, names)
    except AssertionError as error:
        return str(error) or "refused"
    return ""


@pytest.mark.parametrize("task", EXERCISE.tasks, ids=lambda task: task.name)
def test_right_answers_pass_and_known_mistakes_are_refused_for_every_seed(task: Task) -> None:
    for seed in range(4):
        for check in task.checks:
            for right in (task.source, *(getattr(each, "source", each) for each in task.rights)):
                assert message(right, check.source, seed) == ""
        for wrong in task.wrongs:
            assert any(message(wrong.source, check.source, seed) for check in task.checks), wrong.source


def test_the_exercise_cleans_the_real_table_of_ixi(data_dir: Path) -> None:
    """619 rows of 593 people: 28 without an age, 1 of 26 doubles with ages that are years apart."""
    with open(data_dir / "ixi_age_sex" / "ixi_age_sex.csv", encoding="utf-8") as file:
        rows = [{"id": row["IXI_ID"], "age": row["AGE"]} for row in csv.DictReader(file)]
    (task,) = (task for task in EXERCISE.tasks if task.name == "clean_ages")
    names: dict[str, object] = {}
    exec(task.source, names)
    people = names["clean_ages"](rows)  # type: ignore[operator]  # made by exec
    assert (len(rows), len(people)) == (619, 564)
    assert 219 not in dict(people)  # 53.1 or 58.1 years
    assert dict(people)[328] == pytest.approx(61.785, abs=1e-3)  # the other row says 62.08, and another sex
    assert min(age for _, age in people) > 19
