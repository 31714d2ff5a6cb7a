"""Metrics of segmentation on real images: nuclei under the microscope, vessels of the retina."""

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from course_lib.metrics import (
    dice_score,
    instance_average_precision,
    label_lesions,
    match_lesions,
    surface_distances,
)

pytestmark = pytest.mark.real_data


def nuclei(data_dir: Path, image: str) -> np.ndarray:
    """The map of one image: 0 outside, a number for each nucleus."""
    with zipfile.ZipFile(data_dir / "dsb2018_nuclei" / "stage1_train_subset.zip") as archive:
        names = sorted(name for name in archive.namelist() if f"/{image}/masks/" in name and name.endswith(".png"))
        masks = [np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("L")) > 0 for name in names]
    labels = np.zeros(masks[0].shape, dtype=np.int64)
    for number, mask in enumerate(masks, start=1):
        labels[mask] = number
    return labels


@pytest.fixture(scope="module")
def rows(data_dir: Path) -> list[dict[str, str]]:
    with (data_dir / "dsb2018_nuclei" / "index.csv").open(encoding="utf-8", newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: int(row["n_nuclei"]))[::10]


def test_nuclei_that_touch_are_one_for_connected_parts_and_cost_average_precision(data_dir: Path, rows) -> None:
    for row in rows:
        true = nuclei(data_dir, row["image_id"])
        assert len(np.unique(true)) - 1 == int(row["n_nuclei"])
        assert instance_average_precision(true, true).tolist() == [1.0] * 10
        parts = label_lesions(true > 0)
        assert parts.max() == ndimage.label(true > 0, structure=np.ones((3, 3)))[1]
        if int(row["touching_pairs_4conn"]) > 0:
            assert parts.max() < int(row["n_nuclei"])
            assert instance_average_precision(true, parts).mean() < 1


def test_half_of_the_nuclei_found_is_half_of_the_recall(data_dir: Path, rows) -> None:
    true = nuclei(data_dir, rows[2]["image_id"])
    numbers = np.unique(true)[1:]
    found = np.where(np.isin(true, numbers[: len(numbers) // 2]), true, 0)
    at_each = instance_average_precision(true, found)
    assert at_each == pytest.approx([len(numbers) // 2 / len(numbers)] * 10)


def test_vessels_moved_by_two_pixels_are_at_most_as_far_and_as_far_as_the_distance_transform_says(
    data_dir: Path,
) -> None:
    path = sorted((data_dir / "chase_db1" / "masks").iterdir())[0]
    vessels = np.asarray(Image.open(path).convert("L"))[::6, ::6] > 127  # 6 printed pixels are 2 of the camera
    moved = np.roll(vessels, 2, axis=1)
    distances = surface_distances(vessels, moved, spacing_mm=(0.02, 0.02))
    cross = ndimage.generate_binary_structure(2, 1)
    borders = [mask & ~ndimage.binary_erosion(mask, cross, border_value=0) for mask in (vessels, moved)]
    there = ndimage.distance_transform_edt(~borders[1], sampling=0.02)[borders[0]]
    back = ndimage.distance_transform_edt(~borders[0], sampling=0.02)[borders[1]]
    assert distances.max_mm() == pytest.approx(max(there.max(), back.max()), rel=1e-12)
    assert distances.mean_mm() == pytest.approx(np.concatenate([there, back]).mean(), rel=1e-12)
    assert 0 < distances.mean_mm() < 0.04 + 1e-12
    assert 0.2 < dice_score(vessels, moved) < 0.95


def test_each_nucleus_is_found_by_a_mask_that_holds_it(data_dir: Path, rows) -> None:
    true = nuclei(data_dir, rows[-1]["image_id"])
    wider = label_lesions(ndimage.binary_dilation(true > 0, iterations=1))
    counts = match_lesions(true, wider).counts()
    assert counts.recall == 1
    assert counts.precision == 1
