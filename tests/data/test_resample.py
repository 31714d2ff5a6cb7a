"""Resampling, cropping and padding keep the patient's millimetres and millilitres."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from course_lib.data.medical_image import MedicalImage
from course_lib.data.nifti import read_nifti, read_nifti_mask
from course_lib.data.resample import crop_or_pad, crop_to_mask, resample_linear, resample_mask, resample_nearest

SPACINGS = [(1, 1, 1), (1.5, 1.5, 3), (2, 2, 2), (4, 4, 4), (0.7, 0.9, 5), (3.3, 2.7, 1.1)]


def _ball(radius_mm: float = 24, spacing_mm: tuple[float, float, float] = (2, 3, 2.5)) -> MedicalImage:
    """Draw a ball at (10, −20, 5) mm on a grid that is turned and flipped."""
    affine = np.zeros((4, 4))
    affine[0, 1], affine[1, 0], affine[2, 2], affine[3, 3] = -spacing_mm[1], spacing_mm[0], spacing_mm[2], 1
    shape = (40, 30, 34)
    affine[:3, 3] = [10, -20, 5] - affine[:3, :3] @ (np.array(shape) / 2)
    places = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    inside = np.linalg.norm(places - [10, -20, 5], axis=-1) <= radius_mm
    return MedicalImage(inside.astype(np.uint8), affine, "ball")


def _ml(mask: MedicalImage) -> float:
    return float(mask.array.sum() * mask.voxel_ml)


def _middle_mm(mask: MedicalImage) -> np.ndarray:
    return (mask.affine @ [*np.argwhere(mask.array).mean(axis=0), 1])[:3]


@pytest.mark.parametrize("spacing_mm", SPACINGS)
def test_the_volume_of_a_mask_is_kept_within_1_percent(spacing_mm: tuple[float, ...]) -> None:
    ball = _ball()
    out = resample_mask(ball, spacing_mm=spacing_mm)
    assert out.spacing_mm.tolist() == pytest.approx(spacing_mm)
    assert abs(_ml(out) - _ml(ball)) <= out.voxel_ml / 2 + 1e-9
    assert _ml(out) == pytest.approx(_ml(ball), rel=0.01)
    assert np.abs(_middle_mm(out) - [10, -20, 5]).max() < 0.5
    assert out.array.dtype == np.uint8


@pytest.mark.parametrize("spacing_mm", SPACINGS)
def test_the_resampled_mask_is_the_ball_that_it_was(spacing_mm: tuple[float, ...]) -> None:
    out = resample_mask(_ball(), spacing_mm=spacing_mm)
    places = np.argwhere(out.array) @ out.affine[:3, :3].T + out.affine[:3, 3]
    assert np.linalg.norm(places - [10, -20, 5], axis=1).max() < 24 + max(3, *spacing_mm)


def test_a_thin_vessel_survives_where_nearest_loses_it() -> None:
    array = np.zeros((20, 21, 21), np.uint8)
    array[:, 10, 10] = 1
    vessel = MedicalImage(array, np.eye(4))
    assert _ml(resample_mask(vessel, spacing_mm=(1, 2, 2))) == pytest.approx(_ml(vessel))
    assert _ml(resample_nearest(vessel, spacing_mm=(1, 4, 4))) in (0, pytest.approx(16 * _ml(vessel)))


def test_an_empty_mask_stays_empty_and_a_full_one_full() -> None:
    empty, full = (MedicalImage(np.full((4, 4, 4), value, np.int32), np.eye(4)) for value in (0, 1))
    assert not resample_mask(empty, spacing_mm=(0.5, 2, 2)).array.any()
    assert resample_mask(full, spacing_mm=(0.5, 2, 2)).array.all()


@pytest.mark.parametrize("spacing_mm", SPACINGS)
def test_a_ramp_in_mm_stays_that_ramp(spacing_mm: tuple[float, ...]) -> None:
    """Intensity = x + 2y − z of the patient, read at the new places: the affine and the voxels move together."""
    ball = _ball()
    slope = np.array([1, 2, -1])

    def ramp(image: MedicalImage) -> np.ndarray:
        places = np.moveaxis(np.indices(image.array.shape), 0, -1) @ image.affine[:3, :3].T + image.affine[:3, 3]
        return places @ slope

    image = MedicalImage(ramp(ball).astype(np.float32), ball.affine)
    out = resample_linear(image, spacing_mm=spacing_mm)
    inner = (slice(4, -4),) * 3
    assert np.abs(out.array - ramp(out))[inner].max() < 1e-3
    assert image.array.min() - 1e-4 <= out.array.min() <= out.array.max() <= image.array.max() + 1e-4


def test_the_field_of_view_is_covered_from_corner_to_corner() -> None:
    image = MedicalImage(np.zeros((7, 5, 3), np.float32), np.diag([2.0, 2.0, 2.0, 1.0]))
    out = resample_linear(image, spacing_mm=(1, 3, 6))
    assert out.array.shape == (14, 4, 1)
    assert out.affine[:3, 3].tolist() == pytest.approx([-0.5, 0.5, 2])


def test_linear_agrees_with_points_computed_one_by_one() -> None:
    rng = np.random.default_rng(1)
    image = MedicalImage(rng.normal(size=(4, 3, 5)).astype(np.float32), np.diag([2.0, 3.0, 2.0, 1.0]))
    out = resample_linear(image, spacing_mm=(1.1, 1.3, 2))
    for index in itertools.product(*map(range, out.array.shape)):
        place = np.linalg.solve(image.affine, out.affine @ [*index, 1])[:3]
        place = np.clip(place, 0, np.array(image.array.shape) - 1)
        expected = 0.0
        for corner in itertools.product((0, 1), repeat=3):
            old = np.minimum(np.floor(place).astype(int) + corner, np.array(image.array.shape) - 1)
            part = place - np.floor(place)
            expected += image.array[tuple(old)] * np.prod(np.where(corner, part, 1 - part))
        assert out.array[index] == pytest.approx(expected, abs=1e-5)


def test_large_voxels_hold_the_mean_and_not_a_sample() -> None:
    noise = np.random.default_rng(0).normal(40, 20, (32, 32, 32)).astype(np.float32)
    out = resample_linear(MedicalImage(noise, np.eye(4)), spacing_mm=(4, 4, 4))
    assert out.array.mean() == pytest.approx(40, abs=1)
    assert out.array.std() < 5


def test_nearest_agrees_with_the_voxel_that_each_centre_lies_in() -> None:
    labels = MedicalImage(np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.diag([-2.0, 3.0, 1.5, 1.0]))
    out = resample_nearest(labels, spacing_mm=(1.3, 1.7, 2.2))
    for index in itertools.product(*map(range, out.array.shape)):
        place = np.linalg.solve(labels.affine, out.affine @ [*index, 1])[:3]
        old = np.clip(np.floor(place + 0.5).astype(int), 0, np.array(labels.array.shape) - 1)
        assert out.array[index] == labels.array[tuple(old)]


@pytest.mark.parametrize("resample", [resample_linear, resample_nearest])
def test_the_own_spacing_changes_nothing_and_time_is_left_alone(resample) -> None:  # type: ignore[no-untyped-def]
    array = np.random.default_rng(0).normal(size=(4, 5, 6, 2)).astype(np.float32)
    image = MedicalImage(array, np.diag([0.7, 0.9, 5.0, 1.0]), "series", {"a": 1})
    same = resample(image, spacing_mm=(0.7, 0.9, 5))
    assert np.allclose(same.array, array)
    assert np.allclose(same.affine, image.affine)
    other = resample(image, spacing_mm=(1.4, 0.9, 2.5))
    assert other.array.shape == (2, 5, 12, 2)
    assert (other.name, other.metadata) == ("series", {"a": 1})


def test_cropping_and_padding_leave_every_voxel_in_its_place() -> None:
    ball = _ball()
    for shape in [(50, 20, 34), (33, 31, 35), (26, 26, 26)]:
        out = crop_or_pad(ball, shape=shape)
        assert out.array.shape == shape
        assert _middle_mm(out) == pytest.approx(_middle_mm(ball))
        assert _ml(out) == pytest.approx(_ml(ball))


def test_padding_takes_the_value_that_it_is_given() -> None:
    image = MedicalImage(np.zeros((1, 1, 1, 2), np.float32), np.eye(4))
    out = crop_or_pad(image, shape=(3, 1, 1), fill=-1000)
    assert out.array[:, 0, 0, 1].tolist() == [-1000, 0, -1000]
    assert out.affine[0, 3] == -1


def test_the_box_of_a_mask_has_its_margin_in_mm_and_ends_at_the_edge() -> None:
    ball = _ball(radius_mm=10)
    tight = crop_to_mask(ball, ball)
    loose = crop_to_mask(ball, ball, margin_mm=6)
    assert [b - a for a, b in zip(tight.array.shape, loose.array.shape, strict=True)] == [6, 4, 6]
    assert _middle_mm(loose) == pytest.approx(_middle_mm(ball))
    assert _ml(tight) == _ml(ball)
    assert crop_to_mask(ball, ball, margin_mm=1000).array.shape == ball.array.shape


@pytest.mark.parametrize("spacing_mm", [(1, 1), (1, 0, 1), (1, 1, -1), (1, 1, np.nan), 2.0])
@pytest.mark.parametrize("resample", [resample_mask, resample_nearest])
def test_a_spacing_that_cannot_be_one_is_refused(resample, spacing_mm) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="spacing_mm needs 3 values above 0, got"):
        resample(_ball(), spacing_mm=spacing_mm)


def test_labels_are_not_interpolated_and_intensities_are_no_mask() -> None:
    with pytest.raises(TypeError, match="resample_linear needs float32 intensities, got uint8; for labels take"):
        resample_linear(_ball(), spacing_mm=(1, 1, 1))
    with pytest.raises(
        ValueError, match="resample_mask needs a 3-D mask of 0 and 1, got 3 dimensions and values from 0 to 2"
    ):
        resample_mask(MedicalImage(np.array([[[0, 2]]]), np.eye(4)), spacing_mm=(1, 1, 1))


def test_boxes_that_cannot_be_cut_are_refused() -> None:
    ball = _ball()
    with pytest.raises(ValueError, match="shape needs 3 whole numbers of at least 1"):
        crop_or_pad(ball, shape=(4, 0, 4))
    with pytest.raises(ValueError, match="fill needs a value that uint8 can hold, got -1000"):
        crop_or_pad(ball, shape=(50, 50, 50), fill=-1000)
    with pytest.raises(ValueError, match="mask needs the grid of the image"):
        crop_to_mask(ball, crop_or_pad(ball, shape=(41, 30, 34)))
    with pytest.raises(ValueError, match="mask needs at least one voxel above 0"):
        crop_to_mask(ball, MedicalImage(np.zeros_like(ball.array), ball.affine))
    with pytest.raises(ValueError, match="margin_mm needs a number of at least 0, got -1"):
        crop_to_mask(ball, ball, margin_mm=-1)


@pytest.mark.real_data
@pytest.mark.parametrize("organ", ["liver", "aorta", "adrenal_gland_right"])
@pytest.mark.parametrize("spacing_mm", [(1.5, 1.5, 1.5), (2, 2, 5), (4, 4, 4)])
def test_real_organs_keep_their_volume(data_dir: Path, organ: str, spacing_mm: tuple[float, ...]) -> None:
    mask = read_nifti_mask(data_dir / "totalsegmentator_ct" / "example_seg_v1_2022" / f"{organ}.nii.gz")
    out = resample_mask(mask, spacing_mm=spacing_mm)
    assert abs(_ml(out) - _ml(mask)) <= max(0.01 * _ml(mask), out.voxel_ml / 2)
    assert np.linalg.norm(_middle_mm(out) - _middle_mm(mask)) < out.spacing_mm.max() / 2


@pytest.mark.real_data
def test_a_real_liver_keeps_its_hounsfield_units(data_dir: Path) -> None:
    folder = data_dir / "totalsegmentator_ct"
    ct = resample_linear(read_nifti(folder / "example_ct.nii.gz"), spacing_mm=(2, 2, 4))
    liver = resample_mask(read_nifti_mask(folder / "example_seg_v1_2022" / "liver.nii.gz"), spacing_mm=(2, 2, 4))
    assert ct.array.shape == liver.array.shape
    assert ct.array[liver.array == 1].mean() == pytest.approx(44, abs=3)  # its rim mixes with fat
