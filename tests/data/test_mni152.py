"""The MNI152 template as nilearn brings it, and its ventricles."""

import numpy as np
import pytest

from course_lib.data import mni152
from course_lib.data.medical_image import MedicalImage
from course_lib.data.nifti import read_nifti
from course_lib.errors import CourseError


@pytest.fixture(scope="module")
def brain() -> MedicalImage:
    return read_nifti(mni152.find_mni152_file())


@pytest.fixture(scope="module")
def ventricles() -> MedicalImage:
    return mni152.load_mni152_ventricles()


def test_the_template_is_a_volume_of_1_mm_that_points_right_front_and_up(brain: MedicalImage) -> None:
    assert brain.array.shape == (197, 233, 189)
    assert brain.spacing_mm.tolist() == [1, 1, 1]
    assert brain.axis_codes == "RAS"
    assert (brain.array.min(), brain.array.max()) == (0, 255)


def test_the_template_is_its_own_mirror_image(brain: MedicalImage) -> None:
    assert np.array_equal(brain.array, brain.array[::-1])


def test_the_mask_lies_on_dark_fluid_when_both_affines_are_used(brain: MedicalImage, ventricles: MedicalImage) -> None:
    mm = np.argwhere(ventricles.array) @ ventricles.affine[:3, :3].T + ventricles.affine[:3, 3]
    index = (mm - brain.affine[:3, 3]).round().astype(int)
    assert brain.array[tuple(index.T)].mean() < 100
    assert brain.array[brain.array > 0].mean() > 160


def test_the_mask_is_as_large_on_both_sides_and_in_the_middle_of_the_brain(ventricles: MedicalImage) -> None:
    x = np.argwhere(ventricles.array) @ ventricles.affine[0, :3] + ventricles.affine[0, 3]
    assert (x > 0).sum() == (x < 0).sum()
    assert ventricles.axis_codes == "SPL"
    assert 15 < ventricles.array.sum() * ventricles.voxel_ml < 20


def test_a_nilearn_without_the_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mni152, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match="reinstall"):
        mni152.find_mni152_file()
