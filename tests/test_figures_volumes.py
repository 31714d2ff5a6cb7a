"""Slices in millimetres: right is left, and a mask lies where its own affine says."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from course_lib.data.medical_image import MedicalImage
from course_lib.data.windows import CtWindow
from course_lib.figures.volumes import plot_slice, plot_window


def volume(*, flipped: bool = False) -> MedicalImage:
    """One bright voxel at (-4, 6, 9) mm among 5 × 6 × 7 voxels of 2 × 3 × 3 mm."""
    array = np.zeros((5, 6, 7), np.float32)
    array[1, 3, 4] = 1  # x = -6 + 2, y = -3 + 9, z = -3 + 12
    affine = np.diag([2.0, 3.0, 3.0, 1.0])
    affine[:3, 3] = (-6, -3, -3)
    if flipped:  # the same places, stored from left to right the other way, axes turned
        array, affine = array[::-1].transpose(2, 0, 1), affine @ np.diag([-1.0, 1, 1, 1])
        affine[0, 3] = -6 + 4 * 2
        affine = affine[:, [2, 0, 1, 3]]
    return MedicalImage(np.ascontiguousarray(array), affine)


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize(
    ("plane", "at_mm", "place"), [("axial", 9, (-4, 6)), ("coronal", 6, (-4, 9)), ("sagittal", -4, (6, 9))]
)
def test_a_voxel_is_drawn_at_its_millimetres_however_it_is_stored(
    plane: str, at_mm: float, place: tuple[float, float], flipped: bool
) -> None:
    ax = plot_slice(volume(flipped=flipped), Figure().add_subplot(), plane=plane, at_mm=at_mm)
    image = ax.images[0]
    pixels, (left, right, bottom, top) = np.asarray(image.get_array()), image.get_extent()
    (row, column) = np.argwhere(pixels > 0.5)[0]
    across = left + (column + 0.5) * (right - left) / pixels.shape[1]
    up = bottom + (row + 0.5) * (top - bottom) / pixels.shape[0]
    assert (across, up) == pytest.approx(place)


@pytest.mark.parametrize(("plane", "letters"), [("axial", "RLAP"), ("coronal", "RLSI"), ("sagittal", "APSI")])
def test_the_sides_of_the_patient_stand_at_the_edges(plane: str, letters: str) -> None:
    ax = plot_slice(volume(), Figure().add_subplot(), plane=plane)
    assert [text.get_text() for text in ax.texts] == list(letters)
    low, high = ax.get_xlim()
    assert low > high  # mm grow to the left of the picture: right, and front, is at the left
    assert ax.get_xlabel().endswith("(mm)")


def test_an_outline_on_another_grid_lies_at_its_own_millimetres() -> None:
    mask = np.zeros((10, 6, 7), np.uint8)
    mask[4:6, 3, 4] = 1  # x = -5 and -4
    affine = np.diag([1.0, 3.0, 3.0, 1.0])
    affine[:3, 3] = (-9, -3, -3)
    ax = plot_slice(volume(), Figure().add_subplot(), at_mm=9, outline=MedicalImage(mask, affine))
    x, y = np.vstack([path.vertices for path in ax.collections[0].get_paths()]).mean(axis=0)
    assert (x, y) == pytest.approx((-4.5, 6), abs=0.6)
    empty = MedicalImage(np.zeros_like(mask), affine)
    assert not plot_slice(volume(), Figure().add_subplot(), at_mm=9, outline=empty).collections


def test_marks_are_named_rings_at_their_place() -> None:
    ax = plot_slice(volume(), Figure().add_subplot(), at_mm=9, marks={"lesion": (-4, 6, 9)})
    assert ax.lines[0].get_xydata().tolist() == [[-4, 6]]
    assert "lesion" in [text.get_text() for text in ax.texts]


def test_what_cannot_be_drawn_is_refused_with_its_reason() -> None:
    ax = Figure().add_subplot()
    with pytest.raises(ValueError, match="one of axial, coronal, sagittal, got 'oblique'"):
        plot_slice(volume(), ax, plane="oblique")
    with pytest.raises(ValueError, match="-3 to 15 mm in this volume, got 40"):
        plot_slice(volume(), ax, at_mm=40)
    turned = np.eye(4)
    turned[:2, :2] = [[0.8, -0.6], [0.6, 0.8]]
    with pytest.raises(ValueError, match="askew"):
        plot_slice(MedicalImage(np.zeros((3, 3, 3), np.float32), turned), ax)
    with pytest.raises(ValueError, match=r"\(X, Y, Z\), got \(3, 3, 3, 2\)"):
        plot_slice(MedicalImage(np.zeros((3, 3, 3, 2), np.float32), np.eye(4)), ax)


def test_the_ramp_of_a_window_goes_from_black_to_white_between_its_ends() -> None:
    figure = Figure()
    plot_window(np.array([-850.0, 40, 40]), figure.add_subplot(), CtWindow(40, 400))
    ramp = figure.axes[1].lines[0].get_xydata()
    assert ramp[1:3].tolist() == [[-160, 0], [240, 1]]
    (bars,) = figure.axes[0].patches
    assert sum(bars.get_data().values) == 3
