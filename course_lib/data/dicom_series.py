"""A folder of DICOM slices becomes one volume, or a line that says why it cannot.

Follows DICOM PS3.3, C.7.6.2 (image plane: position, orientation, spacing) and C.11.1 (rescale to Hounsfield units).
Slices are sorted by their place in the patient, never by file name or instance number, which promise nothing.
"""

import math
import os
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.data.door import short_reason
from course_lib.data.medical_image import MedicalImage
from course_lib.errors import CourseError

__all__ = ["read_dicom_series"]

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class _Slice:
    path: Path
    dataset: Any
    series_uid: str
    shape: tuple[int, int]  # rows, columns
    position: NDArray[np.float64]  # (3,), mm, LPS: centre of the first pixel
    orientation: NDArray[np.float64]  # (2, 3): direction along a row, direction down a column
    spacing_mm: NDArray[np.float64]  # (2,): between rows, between columns
    thickness_mm: float  # NaN where the file tells none
    num_planes: int  # frames times colours
    rescale: tuple[float, float]  # slope and intercept; NaN where the file tells none
    modality: str
    description: str


def read_dicom_series(folder: str | os.PathLike[str], *, series_uid: str | None = None) -> MedicalImage:
    """Read one series of slices: float32, Hounsfield units for CT.

    Parameters
    ----------
    folder : path
        A folder of single-slice DICOM files, in any order and with any names. Hidden files and DICOMDIR are passed
        over.
    series_uid : str, optional
        Which series to take where the folder holds several.

    Returns
    -------
    MedicalImage
        Axes (columns, rows, slices); the metadata name modality, series and description, and nothing of the patient.

    Raises
    ------
    CourseError
        If a file is empty, damaged or not DICOM; if the folder holds several series, several orientations or sizes,
        two slices at one place, a gap, or no slice at all.

    Examples
    --------
    >>> import shutil, tempfile
    >>> from pydicom.data import get_testdata_file
    >>> folder = tempfile.mkdtemp()
    >>> _ = shutil.copy(get_testdata_file("CT_small.dcm", download=False), folder)
    >>> ct = read_dicom_series(folder)
    >>> ct.array.shape, ct.axis_codes, ct.spacing_mm.round(2).tolist()
    ((128, 128, 1), 'LPS', [0.66, 0.66, 5.0])
    """
    folder = Path(folder)
    slices = _one_series(folder, [_read(path) for path in _files(folder)], series_uid)
    _check_alike(slices)
    normal = np.cross(*slices[0].orientation)
    slices.sort(key=lambda one: float(one.position @ normal))
    step = _step(slices, normal)
    affine = np.eye(4)
    affine[:3, 0] = slices[0].orientation[0] * slices[0].spacing_mm[1]
    affine[:3, 1] = slices[0].orientation[1] * slices[0].spacing_mm[0]
    affine[:3, 2] = step
    affine[:3, 3] = slices[0].position
    rows, columns = slices[0].shape
    array = np.empty((columns, rows, len(slices)), dtype=np.float32)
    for index, one in enumerate(slices):
        array[:, :, index] = _values(one).T
    metadata = {
        "modality": slices[0].modality,
        "series_uid": slices[0].series_uid,
        "description": slices[0].description,
    }
    try:
        return MedicalImage(array, _LPS_TO_RAS @ affine, folder.name, metadata)
    except ValueError as error:
        raise CourseError(f"{folder}: {error}; export the series again") from None


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder, by name."""
    if not folder.is_dir():
        raise CourseError(f"{folder}: is no folder; give the folder that holds the slices of one series")
    paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    paths = [path for path in paths if path.name.upper() != "DICOMDIR"]
    if not paths:
        raise CourseError(f"{folder}: holds no files; give the folder that holds the slices of one series")
    return paths


def _read(path: Path) -> _Slice:
    """Read a file as far as its place in the patient; the pixels are decoded later."""
    import pydicom

    if path.stat().st_size == 0:
        raise CourseError(f"{path}: has zero bytes; copy or download it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path)
            one = _Slice(
                path,
                dataset,
                str(dataset.get("SeriesInstanceUID", "")),
                (int(dataset.Rows), int(dataset.Columns)),
                np.array(dataset.ImagePositionPatient, dtype=np.float64).reshape(3),
                np.array(dataset.ImageOrientationPatient, dtype=np.float64).reshape(2, 3),
                np.array(dataset.PixelSpacing, dtype=np.float64).reshape(2),
                float(_told(dataset, "SliceThickness", math.nan)),
                int(_told(dataset, "NumberOfFrames", 1)) * int(_told(dataset, "SamplesPerPixel", 1)),
                (float(_told(dataset, "RescaleSlope", math.nan)), float(_told(dataset, "RescaleIntercept", math.nan))),
                str(dataset.get("Modality", "")),
                str(dataset.get("SeriesDescription", "")),
            )
    except pydicom.errors.InvalidDicomError:
        raise CourseError(f"{path}: is not DICOM; move it out of the folder, or copy it again") from None
    except Exception as error:  # a damaged file makes pydicom raise almost anything
        raise CourseError(f"{path}: cannot be read as a slice ({short_reason(error)}); export it again") from None
    _check_slice(one)
    return one


def _told(dataset: Any, name: str, otherwise: float) -> Any:
    """Return what a header tells, also where the field is there and empty."""
    value = dataset.get(name)
    return otherwise if value is None or value == "" else value


def _check_slice(one: _Slice) -> None:
    """Raise unless the slice has pixels, a place, two directions at right angles, and a spacing."""
    if one.num_planes != 1:
        raise CourseError(f"{one.path}: holds several frames or colours; give single slices in grey")
    if min(one.shape) < 1 or not np.isfinite(one.position).all():
        raise CourseError(f"{one.path}: needs pixels and a place in the patient; export it again")
    if not (np.isfinite(one.spacing_mm) & (one.spacing_mm > 0)).all():
        raise CourseError(f"{one.path}: spacing needs numbers above 0, got {one.spacing_mm.tolist()}; export it again")
    directions = one.orientation
    with np.errstate(all="ignore"):
        right = np.isfinite(directions).all() and np.allclose(directions @ directions.T, np.eye(2), atol=1e-3)
    if not right:
        raise CourseError(f"{one.path}: rows and columns need directions at right angles; export it again")


def _one_series(folder: Path, slices: list[_Slice], series_uid: str | None) -> list[_Slice]:
    """Return the slices of the series that is asked for, or of the only one."""
    counts = Counter(one.series_uid for one in slices)
    found = ", ".join(f"{uid or 'unnamed'} ({count} slices)" for uid, count in sorted(counts.items()))
    if series_uid is None and len(counts) > 1:
        raise CourseError(f"{folder}: holds {len(counts)} series: {found}; choose one with series_uid=")
    if series_uid is not None and series_uid not in counts:
        raise CourseError(f"{folder}: has no series {series_uid}; it holds {found}")
    return [one for one in slices if series_uid in (None, one.series_uid)]


def _check_alike(slices: Sequence[_Slice]) -> None:
    """Raise at the first slice that looks another way, or has another size or spacing, than the one before."""
    first = slices[0]
    for one in slices[1:]:
        if not np.allclose(one.orientation, first.orientation, atol=1e-3):
            raise CourseError(
                f"{one.path}: lies in another direction than {first.path.name}; keep one direction a folder"
            )
        if one.shape != first.shape or not np.allclose(one.spacing_mm, first.spacing_mm, rtol=1e-3):
            raise CourseError(
                f"{one.path}: has another size or spacing than {first.path.name}; keep one series a folder"
            )


def _step(slices: Sequence[_Slice], normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the way from a slice to the next, (3,), in mm, after checking that it is the same everywhere."""
    if len(slices) == 1:
        if not 0 < slices[0].thickness_mm < math.inf:
            raise CourseError(f"{slices[0].path}: is the only slice and has no thickness; give the whole series")
        return normal * slices[0].thickness_mm
    positions = np.array([one.position for one in slices])
    gaps = np.diff(positions @ normal)
    usual = float(np.median(gaps))
    for index, gap in enumerate(gaps):
        here, there = slices[index].path, slices[index + 1].path
        if gap < 1e-3:
            raise CourseError(f"{there}: lies at the same place as {here.name}; keep one of them")
        if abs(gap - usual) > max(0.1 * usual, 0.02):
            raise CourseError(
                f"{there}: is {gap:.2f} mm from {here.name}, where others are {usual:.2f} mm apart; "
                "a slice is missing or too many, export the series again"
            )
    step = (positions[-1] - positions[0]) / (len(slices) - 1)
    astray = np.linalg.norm(positions - positions[0] - np.arange(len(slices))[:, None] * step, axis=1)
    if astray.max() > max(0.5 * usual, 0.02):
        raise CourseError(
            f"{slices[int(astray.argmax())].path}: lies beside the line of the others; export the series again"
        )
    return np.asarray(step, dtype=np.float64)


def _values(one: _Slice) -> NDArray[np.float32]:
    """Return slope · stored + intercept, (rows, columns)."""
    slope, intercept = one.rescale
    if math.isnan(slope) or math.isnan(intercept):
        if one.modality == "CT":
            raise CourseError(f"{one.path}: is CT without rescale slope and intercept, so not in HU; export it again")
        slope, intercept = 1.0, 0.0
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            values = one.dataset.pixel_array.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    except Exception as error:  # so do its decoders
        raise CourseError(f"{one.path}: pixels cannot be decoded ({short_reason(error)}); export it again") from None
    if values.shape != one.shape or not np.isfinite(values).all():
        raise CourseError(f"{one.path}: pixels are damaged (not {one.shape} finite numbers); export it again")
    return np.asarray(values, dtype=np.float32)
