"""Lesson 11: its facts by the numbers (R27, R28, K04), what its lecture claims, and the form of its two sources."""

import ast
import re
from pathlib import Path
from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_lib import data
from course_lib.classroom.lesson import read_lesson
from course_lib.data.phantoms.chest_findings import CHEST_FINDINGS
from course_lib.metrics import compare_with_readers, roc_auc_per_label
from course_lib.models.densenet import DENSENET_TABLE, DenseNet, densenet121

mpl.use("Agg")

ROOT = Path(__file__).parents[2]
LECTURE = read_lesson(ROOT / "notebooks" / "11_chest_xray.py")
EXERCISE = read_lesson(ROOT / "solutions" / "11_chest_xray.py")
CODE = [cell for cell in LECTURE.cells if cell.kind == "code"]
PROSE = "\n".join(cell.source for cell in LECTURE.cells if cell.kind == "markdown")
FACTS = ["R27", "R28", "K04"]

# What the lecture's slides print (R28): AUC of Wang, Yao and CheXNet.
SLIDE_AREAS = """
Atelectasis .716 .772 .8094 Cardiomegaly .807 .904 .9248 Effusion .784 .859 .8638 Infiltration .609 .695 .7345
Mass .706 .792 .8676 Nodule .671 .717 .7802 Pneumonia .633 .713 .7680 Pneumothorax .806 .841 .8887
Consolidation .708 .788 .7901 Edema .835 .882 .8878 Emphysema .815 .829 .9371 Fibrosis .769 .767 .8047
Pleural_Thickening .708 .765 .8062 Hernia .767 .914 .9164
"""
SLIDE_F1 = {
    "radiologist 1": (0.383, 0.309, 0.453),
    "radiologist 2": (0.356, 0.282, 0.428),
    "radiologist 3": (0.365, 0.291, 0.435),
    "radiologist 4": (0.442, 0.390, 0.492),
    "mean radiologist": (0.387, 0.330, 0.442),
    "CheXNet": (0.435, 0.387, 0.481),
}

# A tenth of the films and one epoch: enough to see that everything runs and counts rightly, not what the net learns.
SMALLER = {
    "EPOCHS = None": "EPOCHS = 1",
    "(64, 1600)": "(64, 400)",
    "make_chest_xrays(400,": "make_chest_xrays(64,",
    "make_chest_xrays(200,": "make_chest_xrays(120,",
    "draws=400": "draws=20",
}


@pytest.fixture(scope="module")
def lecture() -> SimpleNamespace:
    """What the lecture computes on few films with one epoch."""
    names: dict[str, object] = {}
    with plt.rc_context():  # the lecture switches on the style of the course
        for cell in CODE:
            source = cell.source
            for words, fewer in SMALLER.items():
                source = source.replace(words, fewer)
            if "raises-exception" not in cell.tags:
                exec(compile(source, f"lecture, line {cell.line}", "exec"), names)
    plt.close("all")
    return SimpleNamespace(**names)


def test_the_smaller_lecture_is_made_of_words_that_are_still_there() -> None:
    source = "\n".join(cell.source for cell in CODE)
    assert [words for words in SMALLER if words not in source] == []


# R27: data sets of chest films


@pytest.mark.parametrize(
    "words",
    [
        "JSRT | 247", "Open-I | 8,121", "112,120 of more than 30,000 patients, 14 labels", "MIMIC-CXR-JPG | 369,188",
        "VinDr-CXR | 18,000, with boxes", "CheXpert | 224,316", "PadChest | 160,000",
    ],
)  # fmt: skip
def test_r27_the_sizes_of_the_data_sets_are_told_as_reported(words: str) -> None:
    assert words in PROSE
    assert "**as reported**" in PROSE


def test_r27_the_reader_of_the_real_layout_is_tried_on_a_small_folder(lecture: SimpleNamespace) -> None:
    small = lecture.small
    assert small.labels.sum(axis=1).tolist() == [2, 0, 1]
    assert small.labels[0, [1, 2]].all()  # cardiomegaly and effusion
    assert small.patient_ids.tolist() == ["7", "7", "8"]
    assert np.isnan(small.ages_years[2])
    assert small.load_image(0, size=64).shape == (64, 64)
    assert data.CHEST_XRAY14_FINDINGS == CHEST_FINDINGS


# R28: CheXNet


def test_r28_the_reported_areas_are_those_of_the_slide_in_its_order_of_studies(lecture: SimpleNamespace) -> None:
    rows = np.array(SLIDE_AREAS.split()).reshape(14, 4)
    assert lecture.reported == {row[0]: tuple(float(number) for number in row[1:]) for row in rows}
    assert tuple(lecture.reported) == CHEST_FINDINGS  # so a row of the table is one finding on both sides
    assert float(np.mean(lecture.studies["CheXNet 2017"])) == pytest.approx(0.841, abs=5e-4)
    assert "0.841 (our arithmetic" in PROSE


def test_r28_the_reported_f1_and_the_mean_of_four_radiologists(lecture: SimpleNamespace) -> None:
    assert lecture.f1 == SLIDE_F1
    assert lecture.mean_of_four == pytest.approx(0.387, abs=6e-4)
    assert lecture.overlap
    assert SLIDE_F1["radiologist 4"][0] > SLIDE_F1["CheXNet"][0]  # as the prose says


def test_r28_the_method_of_the_f1_table_is_in_the_library() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(60) < 0.4
    panel = [truth ^ (rng.random(60) < 0.2) for _ in range(5)]
    result = compare_with_readers(panel[:4], panel[4], seed=0, num_resamples=50)
    assert len(result.readers) == 4
    assert result.mean_reader.value == pytest.approx(np.mean([reader.value for reader in result.readers]))


def test_r28_the_loss_is_the_sum_of_14_binary_cross_entropies() -> None:
    torch.manual_seed(0)
    scores, labels = torch.randn(5, 14), (torch.rand(5, 14) < 0.3).float()
    chances = scores.sigmoid()
    by_hand = -(labels * chances.log() + (1 - labels) * (1 - chances).log()).sum(dim=1).mean()
    torch.testing.assert_close(14 * F.binary_cross_entropy_with_logits(scores, labels), by_hand)


def test_r28_the_large_net_is_densenet_121_with_14_answers(lecture: SimpleNamespace) -> None:
    assert DENSENET_TABLE[121] == (6, 12, 24, 16)
    with torch.device("meta"):
        count = sum(p.numel() for p in densenet121(14, 1).parameters())
    assert lecture.chexnet.parameters == count == 6_961_934
    assert lecture.ours.parameters == sum(p.numel() for p in DenseNet((2, 4), 8, 14, 1).parameters()) == 21_550
    assert 300 < count / lecture.ours.parameters < 330
    assert lecture.shapes == [(16, 16, 16), (32, 16, 16), (16, 8, 8), (48, 8, 8)]


def test_r28_class_activation_maps_agree_with_the_scores(lecture: SimpleNamespace) -> None:
    rows = lecture.split.test[:3]
    cells = lecture.net.eval().relu(lecture.net.features(torch.as_tensor(lecture.films.images[rows])))
    weight, bias = lecture.net.classifier.weight[2], lecture.net.classifier.bias[2]
    score = torch.einsum("c,nchw->nhw", weight, cells).mean(dim=(1, 2)) + bias
    np.testing.assert_allclose(score.detach().numpy(), lecture.said[:3, 2], rtol=1e-3, atol=1e-4)
    assert lecture.votes_for(2, rows).shape == (3, 64, 64)


# K04: age


def test_k04_the_contest_is_told_as_reported_and_run_on_own_films(lecture: SimpleNamespace) -> None:
    for words in ("13.5 years", "6.0", "0.79", "0.95"):
        assert words in PROSE
    assert set(lecture.errors) == {"median age", "grey percentiles", "grid of 16 × 16", "net"}
    assert lecture.errors["grid of 16 × 16"].mean() < lecture.errors["median age"].mean()
    assert all(len(row) == 4 for row in lecture.moved_errors.values())


def test_k04_a_shift_moves_the_film_to_the_lower_right_and_repeats_the_border(lecture: SimpleNamespace) -> None:
    images = np.random.default_rng(0).random((1, 1, 64, 64))
    moved = lecture.shifted(images, 4)
    np.testing.assert_array_equal(moved[0, 0, 4:, 4:], images[0, 0, :-4, :-4])
    np.testing.assert_array_equal(moved[0, 0, 0, 4:], images[0, 0, 0, :-4])


# what the lecture claims


def test_soft_max_makes_findings_compete(lecture: SimpleNamespace) -> None:
    assert lecture.ann.numpy().round(3).tolist() == pytest.approx([0.488, 0.488, 0.024])
    assert lecture.ben.numpy().round(3).tolist() == pytest.approx([0.881, 0.881, 0.269])


def test_sigmoid_twice_never_falls_below_0_313(lecture: SimpleNamespace) -> None:
    assert lecture.once[0].item() == pytest.approx(0.018, abs=5e-4)
    assert lecture.twice[0].item() == pytest.approx(0.318, abs=5e-4)
    assert lecture.twice[-1].item() == pytest.approx(np.log(1 + np.exp(-1)), abs=1e-6)


def test_films_of_a_patient_are_in_one_part_and_follow_each_other(lecture: SimpleNamespace) -> None:
    patients = lecture.films.patients
    train, test = (set(patients[part]) for part in (lecture.split.train, lecture.split.test))
    assert not train & test
    of_test = patients[lecture.split.test]
    assert (of_test[::2] == of_test[1::2]).all()
    assert len(set(of_test)) * 2 == len(of_test) == lecture.pairs.size


def test_weights_are_healthy_over_sick_and_move_scores_not_the_order(lecture: SimpleNamespace) -> None:
    labels = lecture.films.labels[lecture.split.train]
    np.testing.assert_allclose(lecture.weight, (1 - labels.mean(axis=0)) / labels.mean(axis=0))
    without, weighted = lecture.judged.values()
    assert weighted[1] > without[1]
    assert weighted[2] > without[2]


def test_the_table_holds_the_areas_of_each_finding(lecture: SimpleNamespace) -> None:
    expected = roc_auc_per_label(lecture.truth, lecture.said).values
    np.testing.assert_allclose([area.auc for area in lecture.areas], expected)
    for area in lecture.areas:
        assert area.interval.low <= area.auc <= area.interval.high


def test_the_pin_always_hits_a_heart_and_chance_is_the_share_of_the_film(lecture: SimpleNamespace) -> None:
    assert lecture.hits.shape == (14, 3)
    assert lecture.hits[CHEST_FINDINGS.index("Cardiomegaly"), 1] > 0.95
    assert (lecture.hits[:, 2] > 0).all()
    assert lecture.by_class.tolist() == [[0, 0], [0, 4]]


def test_the_three_exams_show_the_same_patients(lecture: SimpleNamespace) -> None:
    same, none, turned = lecture.exams.values()
    assert (same.labels == turned.labels).all()
    assert (same.ages_years == none.ages_years).all()
    assert np.mean(same.sites != turned.sites) > 0.7
    sick = same.labels[:, lecture.PNEUMONIA]
    assert same.sites[sick].mean() > 0.8 > 0.2 > turned.sites[sick].mean()


def test_the_letters_are_inside_what_is_painted(lecture: SimpleNamespace) -> None:
    images = lecture.exams["same tie"].images
    corners = np.concatenate([images[:, 0, :12, :12], images[:, 0, :12, -12:]])
    assert (corners > 0.97).any()
    painted = lecture.without_letters(images)[:, 0]
    assert not (np.concatenate([painted[:, :12, :12], painted[:, :12, -12:]]) > 0.97).any()
    np.testing.assert_array_equal(painted[:, 16:], images[:, 0, 16:])


def test_subgroups_are_counted_by_hospital_and_truth(lecture: SimpleNamespace) -> None:
    exam = lecture.exams["same tie"]
    shares = lecture.subgroup_table(lecture.cheat, exam)
    calls = lecture.answers(lecture.cheat, exam.images)[:, 0] > 0
    assert shares[1, "sick"] == pytest.approx(calls[(exam.sites == 1) & lecture.ill].mean())
    assert set(shares) == {(0, "sick"), (0, "others"), (1, "sick"), (1, "others")}


# the form of the sources


def test_the_header_names_the_facts() -> None:
    assert LECTURE.metadata["facts"] == FACTS
    assert LECTURE.metadata["needs"] == ["08_densenet", "09_classification_metrics"]
    assert EXERCISE.metadata["facts"] == FACTS[:2]
    assert EXERCISE.metadata["needs"] == ["11_chest_xray"]


def test_no_compared_cell_depends_on_training() -> None:
    compared = [cell.source for cell in CODE if "nbval-check-output" in cell.tags]
    assert len(compared) >= 10
    trained = re.compile(r"\b(said|net|cheat|honest|history|answers|hits|areas)\b(?!_)")
    names = {
        node.id for source in compared for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)
    }  # fmt: skip
    assert [name for name in names if trained.fullmatch(name)] == []


def test_the_cell_that_is_meant_to_fail_says_that_probabilities_were_wanted() -> None:
    (cell,) = (cell for cell in CODE if "raises-exception" in cell.tags)
    names = {"F": F, "scores": torch.tensor([2.0, 2.0, -1.0]), "truth_by_hand": torch.tensor([1.0, 0, 0])}
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        exec(cell.source, names)


@pytest.mark.parametrize(
    "words", ["REPORTED", "phantoms", "Do not compare across the line", "by patient", "not learned", "straw man"]
)
def test_the_lecture_says(words: str) -> None:
    assert words in PROSE + "\n".join(cell.source for cell in CODE)
