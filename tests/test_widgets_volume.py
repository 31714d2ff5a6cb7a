"""The explorers of lesson 01: every slider position draws, and a misreading puts the patient where it would."""

import matplotlib as mpl
import numpy as np
import pytest

from course_lib.data.medical_image import MedicalImage
from course_lib.widgets import volume

mpl.use("Agg")


@pytest.fixture
def patient() -> MedicalImage:
    affine = np.diag([20.0, 20, 20, 1])
    affine[:3, 3] = (-80, -80, -80)
    return MedicalImage(np.zeros((9, 8, 10), np.float32), affine)


@pytest.mark.parametrize(("centre_hu", "width_hu"), [(40, 400), (-1000, 20), (1000, 3000)])
def test_the_slice_is_drawn_through_every_window(centre_hu: int, width_hu: int) -> None:
    figure = volume._draw_window(centre_hu=centre_hu, width_hu=width_hu)
    low, high = centre_hu - width_hu // 2, centre_hu + width_hu // 2
    assert figure.axes[0].get_title(loc="left") == f"window {low} to {high} HU".replace("-", "−")


def test_both_explorers_say_in_words_what_they_show(patient: MedicalImage, capsys: pytest.CaptureFixture[str]) -> None:
    volume.window_explorer()
    volume.volume_explorer(patient, alt="A black square.")
    said = capsys.readouterr().out
    assert "soft-tissue window" in said
    assert "A black square." in said


def test_each_way_to_read_moves_the_patient_as_it_should(patient: MedicalImage) -> None:
    assert volume._misread(patient, volume.READINGS[0]) is patient
    lps = volume._misread(patient, volume.READINGS[1])
    assert (lps.affine @ [1, 1, 1, 1]).tolist() == [60, 60, -60, 1]
    without = volume._misread(patient, volume.READINGS[2])
    assert without.spacing_mm.tolist() == [20, 20, 20]
    assert (without.affine @ [4, 3.5, 4.5, 1]).tolist() == [0, 0, 0, 1]
