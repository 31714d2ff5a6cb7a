"""Tumours put into the liver of any CT, the real one included."""

from pathlib import Path

import numpy as np
import pytest

from course_lib.data.medical_image import MedicalImage
from course_lib.data.nifti import read_nifti, read_nifti_mask
from course_lib.data.phantoms.liver_tumours import insert_liver_tumours


def block(shape: tuple[int, int, int] = (60, 60, 60), spacing_mm: float = 2.0) -> tuple[MedicalImage, MedicalImage]:
    """A CT that is 60 HU everywhere, with a liver that leaves a margin of two voxels."""
    affine = np.diag([spacing_mm, spacing_mm, spacing_mm, 1])
    liver = np.zeros(shape, np.uint8)
    liver[2:-2, 2:-2, 2:-2] = 1
    return MedicalImage(np.full(shape, 60, np.float32), affine), MedicalImage(liver, affine)


def test_a_tumour_has_the_volume_of_its_ball() -> None:
    found = insert_liver_tumours(*block(), diameters_mm=(40, 20, 10))
    balls_ml = np.pi / 6 * np.array([4.0, 2.0, 1.0]) ** 3
    assert found.diameters_mm.tolist() == [40, 20, 10]
    assert found.volumes_ml == pytest.approx(balls_ml, rel=0.15)
    voxels_ml = np.bincount(found.labels.array.ravel())[1:] * found.labels.voxel_ml
    assert voxels_ml == pytest.approx(found.volumes_ml, rel=0.1)


def test_the_longest_axial_line_is_that_of_the_voxels() -> None:
    found = insert_liver_tumours(*block(), diameters_mm=(30,))
    corners = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])
    longest = 0.0
    for z in range(60):  # the slow way: all corners against all
        pixels = np.argwhere(found.labels.array[..., z])
        points = 2.0 * (pixels[:, None] + corners).reshape(-1, 2)
        if len(points):
            longest = max(longest, np.linalg.norm(points[:, None] - points[None], axis=-1).max())
    assert found.longest_axial_mm == pytest.approx([longest])
    assert 28 < longest < 45


def test_tumours_are_20_to_50_hu_darker_and_softened_at_the_border() -> None:
    found = insert_liver_tumours(*block(), diameters_mm=(30, 25))
    assert ((found.darker_hu >= 20) & (found.darker_hu <= 50)).all()
    taken = 60 - found.image.array
    for number, darker in enumerate(found.darker_hu, start=1):
        assert taken[found.labels.array == number].mean() == pytest.approx(darker, rel=0.25)
    assert (taken[found.labels.array == 0] > 5).any()  # voxels that hold a little of a tumour
    assert taken.min() >= 0


def test_tumours_stay_in_the_liver_and_apart() -> None:
    image, liver = block()
    found = insert_liver_tumours(image, liver, count=12, seed=3)
    assert (liver.array[found.image.array != image.array] == 1).all()
    assert set(np.unique(found.labels.array)) == set(range(len(found.diameters_mm) + 1))
    assert (image.array == 60).all()  # the given one is left as it was


def test_more_tumours_never_change_the_first_ones() -> None:
    few, many = (insert_liver_tumours(*block(), count=count, seed=5) for count in (2, 4))
    assert many.diameters_mm[:2].tolist() == few.diameters_mm.tolist()
    assert np.array_equal(many.labels.array == 1, few.labels.array == 1)


def test_a_tumour_smaller_than_a_voxel_still_has_one() -> None:
    found = insert_liver_tumours(*block(spacing_mm=8), diameters_mm=(4, 0.1))
    assert np.bincount(found.labels.array.ravel())[1:].tolist() == [1, 1]


def test_where_there_is_no_room_there_is_no_tumour() -> None:
    found = insert_liver_tumours(*block((16, 16, 16)), diameters_mm=(60, 8))
    assert found.diameters_mm.tolist() == [8]
    assert insert_liver_tumours(*block(), count=0).volumes_ml.shape == (0,)


def test_a_later_scan_has_the_same_tumours_at_other_sizes() -> None:
    sizes_mm = (36.0, 30.0, 24.0)
    before, smaller, larger = (
        insert_liver_tumours(*block(), diameters_mm=sizes_mm, seed=2, times=times) for times in (1, 0.6, 1.3)
    )
    assert smaller.diameters_mm == pytest.approx(0.6 * before.diameters_mm)
    assert smaller.volumes_ml == pytest.approx(0.6**3 * before.volumes_ml, rel=0.05)
    assert smaller.longest_axial_mm == pytest.approx(0.6 * before.longest_axial_mm, rel=0.15)
    assert larger.longest_axial_mm.sum() > 1.2 * before.longest_axial_mm.sum()
    assert (before.labels.array > 0)[smaller.labels.array > 0].mean() > 0.99
    assert smaller.darker_hu.tolist() == before.darker_hu.tolist()
    assert (block()[1].array[larger.labels.array > 0] == 1).all()


def test_wrong_arguments_are_named() -> None:
    image, liver = block((8, 8, 8))
    with pytest.raises(TypeError, match="image needs float32 Hounsfield units, got int32"):
        insert_liver_tumours(MedicalImage(image.array.astype(np.int32), image.affine), liver)
    with pytest.raises(ValueError, match=r"one 3-D grid, got the shapes \(8, 8, 8\) and \(9, 8, 8\)"):
        insert_liver_tumours(image, block((9, 8, 8))[1])
    with pytest.raises(ValueError, match="liver needs at least one voxel above 0"):
        insert_liver_tumours(image, MedicalImage(np.zeros_like(liver.array), liver.affine))
    with pytest.raises(ValueError, match="count needs 0 tumours or more, got -1"):
        insert_liver_tumours(image, liver, count=-1)
    with pytest.raises(ValueError, match=r"times needs a number above 0 and at most 1.5, got 1.6"):
        insert_liver_tumours(image, liver, times=1.6)
    with pytest.raises(ValueError, match="diameters_mm needs numbers above 0"):
        insert_liver_tumours(image, liver, diameters_mm=(5.0, 0.0))


@pytest.mark.real_data
def test_tumours_can_be_put_into_a_real_liver(data_dir: Path) -> None:
    folder = data_dir / "totalsegmentator_ct"
    image = read_nifti(folder / "example_ct.nii.gz")
    liver = read_nifti_mask(folder / "example_seg_v1_2022" / "liver.nii.gz")
    found = insert_liver_tumours(image, liver, count=4, seed=1)
    assert len(found.diameters_mm) == 4
    assert ((found.labels.array > 0) <= (liver.array > 0)).all()
    assert np.array_equal(found.image.affine, image.affine)
    large = int(found.diameters_mm.argmax())
    inside = found.labels.array == large + 1
    assert (image.array - found.image.array)[inside].mean() == pytest.approx(found.darker_hu[large], rel=0.25)
