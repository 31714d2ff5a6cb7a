"""Slices become a volume in their order in the patient; what does not fit together is told."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

from course_lib.data.dicom_series import read_dicom_series
from course_lib.errors import CourseError

AXIAL = [1, 0, 0, 0, 1, 0]


def _write(path: Path, number: int, **fields: object) -> None:
    """Write a slice of 4 rows and 3 columns whose pixels are its number, 2.5 mm above the slice before."""
    file = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
    file.remove_private_tags()
    file.Rows, file.Columns = 4, 3
    stored = np.full((4, 3), 100 * number, np.int16)
    stored[0, 2] = -7
    file.PixelData = stored.tobytes()
    file.ImagePositionPatient, file.ImageOrientationPatient = [-10, -20, 30 + 2.5 * number], AXIAL
    file.PixelSpacing, file.RescaleSlope, file.RescaleIntercept = [0.5, 2], 2, -1024
    if "DataSetTrailingPadding" in file:
        del file.DataSetTrailingPadding
    for name, value in fields.items():
        if value is None:
            delattr(file, name)
        else:
            setattr(file, name, value)
    file.save_as(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "Bauch & Über 肝"
    folder.mkdir()
    for name, number in zip("dbace", range(5), strict=True):
        _write(folder / name, number)
    return folder


def test_slices_are_sorted_by_their_place_and_become_hounsfield_units(folder: Path) -> None:
    ct = read_dicom_series(folder)
    assert ct.array.dtype == np.float32
    assert ct.array.shape == (3, 4, 5)
    assert ct.array[0, 0].tolist() == [200.0 * number - 1024 for number in range(5)]
    assert ct.array[2, 0, 0] == 2 * -7 - 1024, "columns come first"
    assert ct.spacing_mm.tolist() == [2, 0.5, 2.5]
    assert ct.axis_codes == "LPS"
    assert ct.affine[:3, 3].tolist() == [10, 20, 30]
    assert (ct.name, ct.metadata["modality"]) == (folder.name, "CT")
    assert ct.reoriented_to_ras().array[0, 3, 0] == 2 * -7 - 1024


def test_a_tilted_gantry_gives_a_sheared_affine(folder: Path) -> None:
    for name, number in zip("dbace", range(5), strict=True):
        _write(folder / name, number, ImagePositionPatient=[-10, -20 + number, 30 + 2.5 * number])
    assert read_dicom_series(folder).affine[:3, 2].tolist() == pytest.approx([0, -1, 2.5])


def test_sagittal_slices_run_through_the_patient_from_side_to_side(folder: Path) -> None:
    for name, number in zip("dbace", range(5), strict=True):
        _write(
            folder / name,
            number,
            ImagePositionPatient=[3.0 * number, 0, 0],
            ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
        )
    ct = read_dicom_series(folder)
    assert ct.axis_codes == "PIR"
    assert ct.array[0, 0, 0] == 800 - 1024


def test_mr_needs_no_rescaling(tmp_path: Path) -> None:
    _write(tmp_path / "x", 3, Modality="MR", RescaleSlope=None, RescaleIntercept=None)
    assert read_dicom_series(tmp_path).array[0, 0, 0] == 300


def test_hidden_files_and_the_directory_of_a_disc_are_passed_over(folder: Path) -> None:
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "DICOMDIR").write_bytes(b"x")
    (folder / "more").mkdir()
    assert read_dicom_series(folder).array.shape == (3, 4, 5)


def test_one_of_several_series_can_be_chosen(folder: Path) -> None:
    _write(folder / "x", 9, SeriesInstanceUID="1.2.3")
    with pytest.raises(CourseError, match=r"holds 2 series: 1\.2\.3 \(1 slices\), .* choose one with series_uid="):
        read_dicom_series(folder)
    assert read_dicom_series(folder, series_uid="1.2.3").array.shape == (3, 4, 1)
    with pytest.raises(CourseError, match=r"has no series 9\.9; it holds 1\.2\.3"):
        read_dicom_series(folder, series_uid="9.9")


def test_a_missing_slice_is_told_with_its_neighbours(folder: Path) -> None:
    (folder / "a").unlink()
    with pytest.raises(
        CourseError, match=r"c: is 5\.00 mm from b, where others are 2\.50 mm apart; a slice is missing"
    ):
        read_dicom_series(folder)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ImagePositionPatient": [-10, -20, 32.5]}, "x: lies at the same place as b; keep one"),
        ({"ImagePositionPatient": [-10, 20, 42.5]}, "lies beside the line of the others"),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, "x: lies in another direction than a"),
        ({"PixelSpacing": [0.5, 0.5]}, "x: has another size or spacing than a"),
        ({"Rows": 3}, "x: has another size or spacing than a"),
        ({"PixelSpacing": [0, 1]}, "x: spacing needs numbers above 0"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "directions at right angles"),
        ({"ImagePositionPatient": None}, "x: cannot be read as a slice .*ImagePositionPatient"),
        ({"PixelSpacing": None}, "x: cannot be read as a slice .*PixelSpacing"),
        ({"NumberOfFrames": 2}, "several frames or colours"),
        ({"SamplesPerPixel": 3}, "several frames or colours"),
        ({"RescaleSlope": None}, "x: is CT without rescale slope and intercept"),
        ({"RescaleIntercept": None}, "x: is CT without rescale slope and intercept"),
        ({"PixelData": b"\0\0"}, "x: pixels cannot be decoded"),
    ],
)
def test_a_slice_that_does_not_fit_is_named(folder: Path, fields: dict[str, object], words: str) -> None:
    _write(folder / "x", 5, **fields)
    with pytest.raises(CourseError, match=words) as caught:
        read_dicom_series(folder)
    assert "\n" not in str(caught.value)


def test_a_single_slice_needs_its_thickness(tmp_path: Path) -> None:
    _write(tmp_path / "x", 0, SliceThickness=None)
    with pytest.raises(CourseError, match="x: is the only slice and has no thickness"):
        read_dicom_series(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "x: has zero bytes"),
        (b"patients: see README", "x: is not DICOM"),
        (b"\0" * 128 + b"DICM", "x: cannot be read"),
    ],
)
def test_files_that_are_no_slices_are_named(folder: Path, content: bytes, words: str) -> None:
    (folder / "x").write_bytes(content)
    with pytest.raises(CourseError, match=words):
        read_dicom_series(folder)


def test_a_folder_without_slices_is_told(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="holds no files"):
        read_dicom_series(tmp_path)
    with pytest.raises(CourseError, match="is no folder"):
        read_dicom_series(tmp_path / "none")


def test_damaged_copies_are_read_or_refused_and_nothing_else(folder: Path) -> None:
    content = (folder / "a").read_bytes()
    rng = np.random.default_rng(5)
    messages = []
    for round_ in range(250):
        copy = bytearray(content)
        for place in rng.integers(128, len(copy), size=1 + round_ % 8):
            copy[place] ^= 1 << int(rng.integers(8))
        if round_ % 5 == 0:
            copy = copy[: rng.integers(len(copy))]
        (folder / "a").write_bytes(copy)
        try:
            assert read_dicom_series(folder).array.size
        except CourseError as error:
            messages.append(str(error))
    assert len(messages) > 30
    assert not [message for message in messages if "\n" in message or not message.startswith(str(folder))]


@pytest.mark.real_data
def test_a_real_series_in_jpeg_2000_is_in_hounsfield_units(data_dir: Path) -> None:
    ct = read_dicom_series(data_dir / "totalsegmentator_ct" / "example_ct_dicom")
    assert ct.array.shape == (512, 512, 20)
    assert ct.spacing_mm.tolist() == pytest.approx([0.9766, 0.9766, 2], abs=1e-3)
    assert ct.array.min() == -1024
    assert -1024 <= np.median(ct.array) < 100
    body = ct.array[200:312, 200:312]
    assert -150 < np.median(body) < 100
