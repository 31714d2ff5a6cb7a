"""The CT slice that comes inside pydicom."""

import socket
from pathlib import Path

import numpy as np
import pydicom
import pytest

from course_lib.data import CtSlice, load_ct_slice
from course_lib.errors import CourseError


@pytest.fixture
def ct(monkeypatch: pytest.MonkeyPatch) -> CtSlice:
    def no_network(*_: object) -> None:
        raise AssertionError("load_ct_slice asked the network")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    return load_ct_slice()


def test_the_file_lies_in_the_installed_package() -> None:
    inside = Path(pydicom.__file__).parent / "data" / "test_files" / "CT_small.dcm"
    assert inside.is_file()


def test_stored_numbers_become_hounsfield_units(ct: CtSlice) -> None:
    assert ct.hu.dtype == np.float32
    assert ct.hu.shape == (128, 128)
    assert (ct.hu.min(), ct.hu.max()) == (128 - 1024, 2191 - 1024)


def test_lung_muscle_and_bone_have_the_values_of_lung_muscle_and_bone(ct: CtSlice) -> None:
    lung, muscle, bone = ct.hu[5:25, 5:25], ct.hu[80:90, 20:40], ct.hu[10:16, 55:65]
    assert -950 < lung.mean() < -700
    assert 20 < muscle.mean() < 100
    assert bone.mean() > 150


def test_pixels_are_two_thirds_of_a_millimetre_and_the_slice_is_5_mm_thick(ct: CtSlice) -> None:
    assert ct.spacing_mm.tolist() == pytest.approx([0.661468, 0.661468])
    assert ct.thickness_mm == 5
    assert ct.modality == "CT"


def test_slope_comes_before_intercept_and_rows_before_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled file has slope 1 and square pixels, which would hide both mistakes."""
    file = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm", download=False))
    stored = int(file.pixel_array[0, 0])
    file.RescaleSlope, file.RescaleIntercept, file.PixelSpacing = "2", "-1024", ["0.5", "3"]
    file.save_as(tmp_path / "other.dcm")
    monkeypatch.setattr("pydicom.data.get_testdata_file", lambda *_, **__: str(tmp_path / "other.dcm"))
    other = load_ct_slice()
    assert other.hu[0, 0] == 2 * stored - 1024
    assert other.spacing_mm.tolist() == [0.5, 3.0]


def test_a_pydicom_without_its_files_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pydicom.data.get_testdata_file", lambda *_, **__: None)
    with pytest.raises(
        CourseError, match=r"without its example CT_small\.dcm: reinstall it with `pip install pydicom`"
    ):
        load_ct_slice()
