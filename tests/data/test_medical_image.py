"""A volume and where its voxels lie."""

import itertools

import numpy as np
import pytest

from course_lib.data.medical_image import MedicalImage


def _oblique() -> np.ndarray:
    """Axes P, R, I with spacings 3, 1 and 2 mm, turned by 10 degrees about the first."""
    turn = np.array([[1, 0, 0], [0, np.cos(0.17), -np.sin(0.17)], [0, np.sin(0.17), np.cos(0.17)]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.array([[0, 1, 0], [-3, 0, 0], [0, 0, -2]])
    affine[:3, 3] = 7, -20, 31
    return affine


def test_spacing_and_voxel_volume_come_from_the_affine() -> None:
    image = MedicalImage(np.zeros((2, 2, 2), np.uint8), _oblique())
    assert image.spacing_mm.tolist() == pytest.approx([3, 1, 2])
    assert image.voxel_ml == pytest.approx(0.006)
    assert image.axis_codes == "PRI"


@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 4, 5, 2)])
def test_no_voxel_moves_in_the_patient_when_axes_are_turned(shape: tuple[int, ...]) -> None:
    image = MedicalImage(np.arange(np.prod(shape), dtype=np.int32).reshape(shape), _oblique(), "head", {"a": 1})
    ras = image.reoriented_to_ras()
    assert ras.axis_codes == "RAS"
    assert (ras.name, ras.metadata) == ("head", {"a": 1})
    assert ras.array.shape == (4, 3, 5, *shape[3:])

    def places(one: MedicalImage) -> dict[int, tuple[float, ...]]:
        indices = itertools.product(*map(range, one.array.shape))
        return {int(one.array[index]): tuple(np.round(one.affine @ [*index[:3], 1], 6) + 0.0) for index in indices}

    assert places(ras) == places(image)


def test_an_image_in_ras_stays_as_it_is() -> None:
    image = MedicalImage(np.arange(8, dtype=np.float32).reshape(2, 2, 2), np.diag([1, 2, 3, 1]))
    ras = image.reoriented_to_ras()
    assert np.array_equal(ras.array, image.array)
    assert np.array_equal(ras.affine, image.affine)


@pytest.mark.parametrize("array", [np.zeros((2, 2, 2)), np.zeros((2, 2, 2), bool), [[[1]]]])
def test_an_array_of_another_kind_is_refused(array: object) -> None:
    with pytest.raises(TypeError, match=r"array needs float32 \(intensities\) or integers \(labels\), got"):
        MedicalImage(array, np.eye(4))  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(2, 2), (2, 2, 0), (1, 1, 1, 1, 1)])
def test_an_array_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"array needs shape \(X, Y, Z\) or \(X, Y, Z, T\)"):
        MedicalImage(np.zeros(shape, np.float32), np.eye(4))


@pytest.mark.parametrize(
    ("affine", "words"),
    [
        (np.eye(3), r"affine needs shape \(4, 4\)"),
        (np.diag([1, np.nan, 1, 1]), "affine needs finite numbers"),
        (np.diag([1, 1, 1, 2]), "last row 0 0 0 1"),
        (np.diag([1, 0, 1, 1]), "spacing above 0 mm"),
        (np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "three different directions"),
    ],
)
def test_an_affine_that_cannot_be_one_is_refused(affine: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MedicalImage(np.zeros((1, 1, 1), np.float32), affine)
