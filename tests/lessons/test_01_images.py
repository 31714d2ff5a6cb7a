"""Lesson 01: its facts, its numbers, how much too good a split by slice looks, and the form of its two sources."""

from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from course_lib import data
from course_lib.classroom.lesson import Lesson, read_lesson
from course_lib.data.mni152 import find_mni152_file, load_mni152_ventricles
from course_lib.training import fit, predict

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def lecture() -> Lesson:
    return read_lesson(ROOT / "notebooks" / "01_images.py")


@pytest.fixture(scope="module")
def exercise() -> Lesson:
    return read_lesson(ROOT / "solutions" / "01_images.py")


@pytest.fixture(scope="module")
def brain() -> data.MedicalImage:
    return data.read_nifti(find_mni152_file())


@pytest.fixture(scope="module")
def ventricles() -> data.MedicalImage:
    return load_mni152_ventricles()


def prose(lecture: Lesson) -> str:
    return " ".join(cell.source for cell in lecture.cells if cell.kind == "markdown").lower().replace("\n", " ")


def room_after(lecture: Lesson, phrase: str, **room: Any) -> dict[str, Any]:
    """What a cell of the lecture leaves behind."""
    exec(next(cell.source for cell in lecture.cells if cell.kind == "code" and phrase in cell.source), room)
    return room


# C01: what is asked of an image


def test_c01_the_lecture_has_an_answer_of_its_own_shape_for_each_of_the_five_tasks(lecture: Lesson) -> None:
    targets = room_after(lecture, "targets = {", np=np)["targets"]
    assert list(targets) == ["detection", "classification", "segmentation", "prediction", "recommendation"]  # C01
    assert targets["segmentation"].size == 197 * 233 * 189 == 8_675_289
    kinds = {task: (target.dtype.kind, target.ndim) for task, target in targets.items()}
    assert kinds["detection"] == ("b", 0)
    assert kinds["classification"] == ("i", 0)
    assert kinds["prediction"] == ("f", 0)
    assert sorted(targets["recommendation"]) == [0, 1, 2]  # an order of the options


def test_c01_the_exercise_names_the_five_tasks_again(exercise: Lesson) -> None:
    last = exercise.cells[-1].source.replace("\n# ", " ").replace("\n", " ")
    assert "detection, classification, segmentation, prediction, recommendation" in last


# R01, L01, H01: what the lectures list


def test_r01_the_tasks_by_kind_of_answer_are_named(lecture: Lesson) -> None:
    for word in ("modality", "sequence", "pass or fail", "disease", "age", "quality", "anomalies", "organs"):
        assert word in prose(lecture), word  # R01


def test_l01_modalities_and_challenges_are_named(lecture: Lesson) -> None:
    text = prose(lecture)
    modalities = "ct mr pet/ct histology|flow cytometry|ultrasound|x-ray|optical coherence tomography"
    for word in (*modalities.split("|")[0].split(), *modalities.split("|")[1:]):
        assert word in text, word  # L01
    for challenge in ("people differ", "studies are small", "bodies develop", "many faces", "labels need experts"):
        assert challenge in text, challenge  # L01


def test_h01_the_card_has_its_four_entries_in_order_and_all_are_filled(lecture: Lesson) -> None:
    card = room_after(lecture, "card = {", fill=fill)["card"]
    assert list(card) == ["value", "knowledge", "data", "target"]  # H01
    assert all(len(answer) > 40 for answer in card.values())


# the numbers that the prose says


def test_the_order_of_slope_and_intercept_shows_with_slope_2_and_not_with_slope_1() -> None:
    assert 2 * 1000 - 1024 == 976
    assert 2 * (1000 - 1024) == -48
    ct = data.load_ct_slice()
    assert ct.hu[120:125, 60:65].mean() < -50  # fat
    assert ct.hu[10:15, 95:100].mean() > 100  # aorta with contrast agent, at larger columns than the vertebra


def test_fat_is_a_dark_grey_and_half_a_width_makes_it_lighter(lecture: Lesson) -> None:
    window = room_after(lecture, "def window(", np=np, hu=0, data=data, reveal=lambda *_: None, predicted_shade=None)
    assert window["window"](-100, 40, 400) == pytest.approx(0.15)
    assert (-100 + 360) / 800 == 0.325


def test_index_and_millimetres_lead_into_each_other(lecture: Lesson, brain: data.MedicalImage) -> None:
    room = room_after(lecture, "def to_mm(", np=np, brain=brain, reveal=lambda *_, **__: None, predicted_mm=None)
    assert room["to_mm"](brain.affine, (68, 114, 82)).tolist() == [-30, -20, 10]
    assert room["to_index"](brain.affine, (-30, -20, 10)) == pytest.approx([68, 114, 82])


def test_a_mirror_image_of_the_template_cannot_be_noticed(brain: data.MedicalImage) -> None:
    assert (brain.array[::-1] != brain.array).sum() == 0


def test_the_mask_laid_on_corner_by_corner_lies_on_anything_but_fluid(
    brain: data.MedicalImage, ventricles: data.MedicalImage
) -> None:
    common = tuple(slice(0, min(sizes)) for sizes in zip(brain.array.shape, ventricles.array.shape, strict=True))
    under = brain.array[common][ventricles.array[common] > 0].mean()
    assert under > 170
    assert brain.array[brain.array > 0].mean() == pytest.approx(177, abs=0.5)
    assert np.diag(ventricles.affine)[:3].tolist() == [0, -1, 0]


def test_the_ventricles_have_17_6_ml_and_a_fifth_of_the_voxels_with_slices_of_5_mm(
    ventricles: data.MedicalImage,
) -> None:
    assert ventricles.array.sum() * ventricles.voxel_ml == pytest.approx(17.594)
    thick = data.resample_mask(ventricles.reoriented_to_ras(), spacing_mm=(1, 1, 5))
    assert thick.array.sum() / 1000 == pytest.approx(17.594 / 5, abs=0.01)
    assert thick.array.sum() * thick.voxel_ml == pytest.approx(17.594, abs=0.01)


def test_189_slices_of_1_mm_become_38_of_5_mm(brain: data.MedicalImage) -> None:
    assert data.resample_linear(brain, spacing_mm=(1, 1, 5)).array.shape == (197, 233, 38)


def test_thin_horns_vanish_in_cubes_of_10_mm_and_not_in_slices(ventricles: data.MedicalImage) -> None:
    mask = ventricles.reoriented_to_ras()
    soft = data.MedicalImage(mask.array.astype(np.float32), mask.affine)
    ml = {}
    for spacing_mm in ((1, 1, 10), (10, 10, 10)):
        mixed = data.resample_linear(soft, spacing_mm=spacing_mm)
        ml[spacing_mm[0]] = (mixed.array >= 0.5).sum() * mixed.voxel_ml
    assert ml[1] == pytest.approx(17.6, abs=0.5)
    assert ml[10] < 17.6 * 2 / 3


def test_labels_are_not_mixed(ventricles: data.MedicalImage) -> None:
    with pytest.raises(TypeError, match="resample_mask"):
        data.resample_linear(ventricles, spacing_mm=(1, 1, 5))


def test_the_z_score_of_the_body_does_not_see_the_field_of_view(brain: data.MedicalImage) -> None:
    narrow = brain.array[:, :, 82]
    wide = np.pad(narrow, 60)
    inside = [float(data.z_score(scan, mask=scan > 0)[at]) for scan, at in ((narrow, (62, 100)), (wide, (122, 160)))]
    outside = [float(data.z_score(scan)[at]) for scan, at in ((narrow, (62, 100)), (wide, (122, 160)))]
    assert inside[0] == pytest.approx(inside[1], abs=1e-5) == pytest.approx(0.99, abs=0.01)
    assert outside[1] > outside[0] > 1.3


# leakage


def accuracy(*, by_slice: bool, disease: float, seed: int, make_net: Any) -> float:
    """The experiment of part 11, once."""
    drawn = data.make_patient_slices(100, 6, disease=disease, seed=seed)
    images = data.LabelledImages(torch.from_numpy(drawn.images), torch.from_numpy(drawn.labels), ("healthy", "ill"))
    shares = {"val_fraction": 0.2, "test_fraction": 0.3}
    if by_slice:
        split = data.stratified_split(drawn.labels, seed=seed, **shares)
    else:
        split = data.stratified_subject_split(drawn.labels, drawn.subjects, seed=seed, **shares)
    train, test = images.subset(split.train), images.subset(split.test)
    torch.manual_seed(seed)
    net = make_net()
    loader = data.make_loader(train, batch_size=32, shuffle=True)
    fit(net, loader, epochs=12, learning_rate=0.003, seed=seed, progress=False)
    answers = predict(net, data.make_loader(test, batch_size=32))
    return float((answers.y_pred == answers.y_true).mean())


@pytest.mark.parametrize("disease", [0.02, 0.0])
def test_slices_dealt_out_look_at_least_25_points_too_good_with_and_without_a_disease(
    lecture: Lesson, disease: float
) -> None:
    images = data.LabelledImages(torch.zeros(3, 1, 16, 16), torch.zeros(3, dtype=torch.int64), ("healthy",))
    make_net = room_after(lecture, "def make_net(", nn=nn, images=images)["make_net"]
    leaking = accuracy(by_slice=True, disease=disease, seed=0, make_net=make_net)
    honest = accuracy(by_slice=False, disease=disease, seed=0, make_net=make_net)
    assert leaking > 0.85
    assert honest < 0.7
    assert leaking - honest > 0.25


def test_the_net_has_the_numbers_that_the_lecture_says(lecture: Lesson) -> None:
    images = data.LabelledImages(torch.zeros(3, 1, 16, 16), torch.zeros(3, dtype=torch.int64), ("healthy",))
    net = room_after(lecture, "def make_net(", nn=nn, images=images)["make_net"]()
    assert sum(numbers.numel() for numbers in net.parameters()) == 8_802
    assert "8,802 numbers to learn" in prose(lecture)


def test_the_cell_that_is_meant_to_fail_fails_for_a_patient_on_two_sides(lecture: Lesson) -> None:
    (cell,) = (cell for cell in lecture.cells if "raises-exception" in cell.tags)
    drawn = data.make_patient_slices(100, 6, seed=0)
    split = data.stratified_split(drawn.labels, val_fraction=0.2, test_fraction=0.3, seed=0)
    with pytest.raises(ValueError, match="split by subject, not by image"):
        exec(cell.source, {"data": data, "splits": {"by slice": split}, "patients": drawn})


# the form of the sources


def test_the_lecture_names_its_facts(lecture: Lesson) -> None:
    assert {"R01", "L01", "C01", "H01"} <= set(lecture.metadata["facts"])


def test_the_exercise_has_its_six_tasks(exercise: Lesson) -> None:
    assert len(exercise.tasks) == 6
