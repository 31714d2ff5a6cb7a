"""Lesson 16: its fact by the numbers (L05), and what its lecture claims."""

import contextlib
import re
from pathlib import Path
from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image

from course_lib.classroom.lesson import read_lesson
from course_lib.losses import border_weight_map
from course_lib.models.unet import UNet
from course_lib.summary import summarize

mpl.use("Agg")

ROOT = Path(__file__).parents[2]
LECTURE = read_lesson(ROOT / "notebooks" / "16_unet.py")
CODE = [cell for cell in LECTURE.cells if cell.kind == "code"]
PROSE = "\n".join(cell.source for cell in LECTURE.cells if cell.kind == "markdown")


@pytest.fixture(scope="module")
def lecture() -> SimpleNamespace:
    """What the lecture computes, with one epoch of 25 steps in place of four."""
    names: dict[str, object] = {}
    with plt.rc_context():  # the lecture switches on the style of the course
        for cell in CODE:
            source = cell.source.replace("EPOCHS = None", "EPOCHS = 1") if cell.role == "parameters" else cell.source
            if "raises-exception" not in cell.tags:
                exec(compile(source, f"lecture, line {cell.line}", "exec"), names)
    return SimpleNamespace(**names)


# L05: the U-Net, its two paths, its thirty images of 512 × 512, its weight map, its elastic deformation


def test_l05_every_map_of_the_net_built_in_the_lecture_is_that_of_figure_1(lecture: SimpleNamespace) -> None:
    made = [row.output_shape[1:] for row in lecture.layers]
    assert made == [(channels, size, size) for channels, size in lecture.figure_1]
    assert made[0] == (64, 570, 570)
    assert made[9] == (1024, 28, 28)
    assert made[-1] == (2, 388, 388)
    assert len(made) == 23
    assert lecture.published.parameters == 31_030_658


def test_l05_our_net_and_the_librarys_are_the_same_function(lecture: SimpleNamespace) -> None:
    torch.manual_seed(1)
    ours, image = lecture.OurUNet((8, 16, 32)).eval(), torch.randn(2, 1, 60, 60)
    torch.testing.assert_close(ours(image), lecture.into_library(ours, lecture.SMALL)(image))
    with torch.device("meta"):
        theirs = summarize(UNet(), torch.zeros(1, 1, 572, 572))
    assert (theirs.parameters, theirs.macs) == (lecture.published.parameters, lecture.published.macs)


def test_l05_its_first_weights_have_the_deviation_of_the_paper(lecture: SimpleNamespace) -> None:
    torch.manual_seed(0)
    net = lecture.OurUNet((16, 32, 64))
    assert net.contracting.levels[2][2].weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.05)
    assert net.expanding.up_convolutions[0].weight.std().item() == pytest.approx((2 / 64) ** 0.5, rel=0.05)
    assert not any(parameter.any() for name, parameter in net.named_parameters() if name.endswith("bias"))


def test_l05_images_of_512_do_not_fit_and_sizes_that_fit_lie_16_apart(lecture: SimpleNamespace) -> None:
    assert lecture.fitting == [(size, size - 184) for size in (572, 588, 604, 620, 636)]
    with pytest.raises(ValueError, match=r"508 .* and 524"):
        lecture.U_NET.output_size(512)
    assert "30 images of 512 × 512" in PROSE


def test_l05_the_weight_map_is_the_formula_pixel_by_pixel(lecture: SimpleNamespace) -> None:
    labels = lecture.opened[lecture.crowded][:40, :40]
    term = lecture.border_term(labels)
    places = {number: np.argwhere(labels == number) for number in np.unique(labels[labels > 0])}
    for row, column in np.argwhere(labels == 0)[::37]:
        near = sorted(np.hypot(*(own - (row, column)).T).min() for own in places.values())
        assert term[row, column] == pytest.approx(10 * np.exp(-((near[0] + near[1]) ** 2) / 50))
    assert not term[labels > 0].any()
    np.testing.assert_allclose(border_weight_map(labels) - border_weight_map(labels, w0=0), term, atol=1e-4)
    assert not lecture.border_term((labels == labels[labels > 0][0]).astype(int)).any()  # one cell alone


def test_l05_the_square_of_the_sum_and_not_the_sum_of_the_squares(lecture: SimpleNamespace) -> None:
    assert (round(lecture.right, 2), round(lecture.wrong, 2)) == (6.07, 7.71)


def test_l05_the_gaps_are_few_pixels_and_weigh_several_times_their_share(lecture: SimpleNamespace) -> None:
    assert 0.002 < lecture.share < 0.005
    assert lecture.carried > 4 * lecture.in_gap.mean()


def test_l05_image_and_labels_bend_by_one_field(lecture: SimpleNamespace) -> None:
    assert (lecture.as_image == lecture.as_labels).all()
    assert 0.3 * (lecture.as_labels > 0).sum() < lecture.torn.sum() < (lecture.as_labels > 0).sum()
    image, labels = lecture.bend(lecture.crowded, 5)
    inside, outside = image[labels > 0].mean(), image[labels == 0].mean()
    assert inside > 2 * outside


# what the lecture claims


def test_a_perfect_mask_loses_a_quarter_of_the_cells_and_open_gaps_bring_them_back(lecture: SimpleNamespace) -> None:
    assert 0.6 < lecture.perfect[:, 0].mean() < 0.8
    assert lecture.cut[:, 0].mean() > 0.99


def test_no_image_is_on_two_sides(lecture: SimpleNamespace) -> None:
    parts = [set(lecture.cells.owners[part]) for part in (lecture.split.train, lecture.split.val, lecture.split.test)]
    assert sum(map(len, parts)) == len(set.union(*parts))
    assert all(parts)


def test_the_cut_at_waists_parts_two_discs_that_overlap(lecture: SimpleNamespace) -> None:
    rows, columns = np.indices((40, 60))
    mask = (np.hypot(rows - 20, columns - 20) < 11) | (np.hypot(rows - 20, columns - 38) < 11)
    parted = lecture.split_at_waists(mask)
    assert ((parted > 0) == mask).all()
    assert len(np.unique(parted)) == 3
    assert parted[20, 12] != parted[20, 46]


def test_the_corner_crop_looks_at_other_tissue(lecture: SimpleNamespace) -> None:
    assert lecture.middle[0, :, 0, 0].tolist() == [4, 4]
    assert lecture.corner[0, :, 0, 0].tolist() == [0, 0]


def test_a_tile_and_its_target_are_the_same_tissue(lecture: SimpleNamespace) -> None:
    places = torch.arange(3 * 128 * 128, dtype=torch.float32).reshape(3, 1, 128, 128)
    tiles = lecture.Tiles(places, places.repeat(1, 2, 1, 1), steps=5)
    torch.manual_seed(3)
    batches = list(tiles)
    assert len(batches) == len(tiles) == 5
    for inputs, targets in batches:
        assert inputs.shape == (4, 1, 104, 104)
        assert (inputs[:, 0, 20:84, 20:84] == targets[:, 0]).all()
    torch.manual_seed(3)
    assert all((one[0] == other[0]).all() for one, other in zip(batches, tiles, strict=True))


def test_without_the_map_all_weights_are_one_and_the_classes_are_the_same(lecture: SimpleNamespace) -> None:
    plain, border = lecture.targets[False], lecture.targets[True]
    assert (plain[:, 1] == 1).all()
    assert (plain[:, 0] == border[:, 0]).all()
    assert border[:, 1].max() > 8


def test_steps_of_128_give_the_whole_and_steps_of_126_do_not(lecture: SimpleNamespace) -> None:
    assert lecture.differences[128] < 1e-3 < lecture.differences[126]
    torch.testing.assert_close(lecture.by_library, lecture.whole, rtol=1e-4, atol=1e-4)


def test_an_image_that_is_no_multiple_of_the_step_is_scored_to_its_edge(lecture: SimpleNamespace) -> None:
    source = np.random.default_rng(0).normal(size=(150, 203)).astype(np.float32)
    tiled = np.full_like(source, np.nan)
    lecture.score_in_tiles(lecture.small, source, tiled, 128)
    scores = lecture.overlap_tile(lecture.small, torch.tensor(source)[None, None], tile_size=168)[0]
    np.testing.assert_allclose(tiled, (scores[1] - scores[0]).numpy(), atol=1e-4)


def test_the_memory_of_the_whole_grows_with_its_area(lecture: SimpleNamespace) -> None:
    assert lecture.memory[1024] / lecture.memory[512] == pytest.approx(4, abs=0.1)
    assert lecture.memory[1024] > 50 * lecture.memory[128]


def test_input_and_output_lie_on_the_disk(lecture: SimpleNamespace) -> None:
    assert isinstance(lecture.source, np.memmap)
    assert isinstance(lecture.target, np.memmap)
    assert np.isfinite(lecture.target).all()
    assert (lecture.target != 0).mean() > 0.99
    assert lecture.memory[128] < lecture.ALLOWED_MB < lecture.at_once


def test_failures_are_counted_by_kind(lecture: SimpleNamespace) -> None:
    true, pred = np.zeros((2, 30, 30), int)
    true[2:8, 2:8], true[2:8, 8:14] = 1, 2  # two that touch …
    pred[2:8, 2:14] = 5  # … merged
    true[12:20, 2:10] = 3
    pred[12:16, 2:10], pred[16:20, 2:10] = 6, 7  # split
    true[22:26, 2:6] = 4  # missed
    pred[22:26, 20:24] = 8  # invented
    assert lecture.count_failures(true, pred).tolist() == [2, 1, 1, 1]
    assert lecture.count_failures(true, true).tolist() == [0, 0, 0, 0]


def test_dust_is_swept(lecture: SimpleNamespace) -> None:
    numbers = np.zeros((10, 10), int)
    numbers[0, 0], numbers[3:7, 3:7] = 1, 2
    assert np.unique(lecture.without_dust(numbers)).tolist() == [0, 2]


def test_real_images_are_cut_and_keep_their_owner(
    lecture: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, ground, size in (("dark", 20, (140, 300)), ("bright", 200, (140, 150))):
        for kind in ("images", "masks"):
            (tmp_path / name / kind).mkdir(parents=True)
        Image.new("RGB", size[::-1], (ground,) * 3).save(tmp_path / name / "images" / f"{name}.png")
        for number, (row, column) in enumerate([(10, 10), (40, 40), (10, 140), (50, 200)]):
            mask = np.zeros(size, np.uint8)
            mask[row : row + 9, column : column + 9] = 255
            if mask.any():
                Image.fromarray(mask).save(tmp_path / name / "masks" / f"{number}.png")
    monkeypatch.setattr(lecture.data, "fetch", lambda name: tmp_path)
    cut = lecture.real_cells()
    assert cut.images.shape == cut.labels.shape == (2, 128, 128)
    assert cut.images.max() < 0.1  # the bright one, stained tissue, was left out
    assert [np.unique(each).tolist() for each in cut.labels] == [[0, 1, 2], [0, 1, 2]]
    assert cut.owners.tolist() == [0, 0]


def test_the_crop_that_was_forgotten_fails_where_maps_are_joined(lecture: SimpleNamespace) -> None:
    (cell,) = (cell for cell in CODE if "raises-exception" in cell.tags)
    raised = lecture.ours.expanding.up_convolutions[0](lecture.bottom)
    with pytest.raises(RuntimeError, match="Expected size 40 but got size 32"):
        exec(cell.source, {"torch": torch, "across_2": lecture.across_2, "raised": raised})


@pytest.mark.parametrize(
    ("fast", "gain", "holds"), [(True, 0.19, True), (True, 0.0, False), (False, -0.02, True), (False, 0.19, True)]
)
def test_the_claims_on_the_map_are_asserted_for_the_small_and_the_wide_net(
    fast: bool, gain: float, holds: bool
) -> None:
    (cell,) = (cell for cell in CODE if "as_given =" in cell.source)
    names = {"EPOCHS": None, "BATCH_SIZE": 4, "LEARNING_RATE": 0.003, "CELLS": "phantom", "FAST": fast}
    tables = {"border": np.full(3, 0.7), "baselines": {"threshold, cut at waists": np.full(3, 0.5)}}
    with contextlib.nullcontext() if holds else pytest.raises(AssertionError, match="small net"):
        exec(cell.source, names | tables | {"gain": SimpleNamespace(value=gain)})


def test_no_compared_cell_depends_on_training() -> None:
    trained = ("train(", "find_cells(", "cells_found", "nets[", "memory", "score_in_tiles")
    compared = [cell.source for cell in CODE if "nbval-check-output" in cell.tags]
    assert [source for source in compared if any(name in source for name in trained)] == []


@pytest.mark.parametrize("words", ["These are phantoms", "CC0 1.0", "MICCAI 2015", "reported", "one field", "mirrored"])
def test_the_lecture_says(words: str) -> None:
    assert words in re.sub(r"\s+", " ", PROSE)
