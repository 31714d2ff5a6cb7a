"""NRRD files (.nrrd) as 3D Slicer and ITK write them: intensities or labels, turned from LPS to our RAS affine.

Follows the definition of NRRD 5 (Teem, "Definition of NRRD File Format"); pynrrd reads the header. Differs: a space
other than LPS, RAS or LAS, or none, is an error, since left and right would be unknown; so are detached headers
(.nhdr), skipped lines or bytes, and the encodings hex and text, which medical images hardly use.
"""

import bz2
import io
import os
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.data.door import file_bytes, finite_voxels, label_voxels, placed_image, short_reason
from course_lib.data.medical_image import MedicalImage
from course_lib.errors import CourseError

__all__ = ["read_nrrd", "read_nrrd_mask"]

_DTYPES = {
    name: dtype
    for dtype, names in {
        "i1": "signed char, int8, int8_t",
        "u1": "uchar, unsigned char, uint8, uint8_t",
        "i2": "short, short int, signed short, signed short int, int16, int16_t",
        "u2": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
        "i4": "int, signed int, int32, int32_t",
        "u4": "uint, unsigned int, uint32, uint32_t",
        "i8": "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t",
        "u8": "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t",
        "f4": "float",
        "f8": "double",
    }.items()
    for name in names.split(", ")
}

# Which way x and y grow in each space; z grows to the head in all three.
_TO_RAS = {
    "lps": (-1.0, -1.0, 1.0),
    "left-posterior-superior": (-1.0, -1.0, 1.0),
    "ras": (1.0, 1.0, 1.0),
    "right-anterior-superior": (1.0, 1.0, 1.0),
    "las": (-1.0, 1.0, 1.0),
    "left-anterior-superior": (-1.0, 1.0, 1.0),
}

_MM_PER_UNIT = {"": 1.0, "mm": 1.0, "millimeter": 1.0, "millimeters": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001}


def read_nrrd(path: str | os.PathLike[str], *, fill: float | None = None) -> MedicalImage:
    """Read an image: float32 intensities (HU for CT).

    Parameters
    ----------
    path : path
        A .nrrd file with three axes in space and at most one more (times or components), which becomes the last.
    fill : float, optional
        What to put in place of NaN and infinite voxels; without it they are an error.

    Returns
    -------
    MedicalImage
        Axes as they are stored; `MedicalImage.reoriented_to_ras` turns them to right, front, up.

    Raises
    ------
    CourseError
        If the file is missing, empty, cut short, damaged or of another kind, has no space, origin or direction, a
        spacing of zero, or voxels that are no finite numbers.
    ValueError
        If `fill` is not finite.

    References
    ----------
    https://teem.sourceforge.net/nrrd/format.html

    Examples
    --------
    >>> import nrrd, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mr.nrrd"
    >>> header = {"space": "left-posterior-superior", "space directions": np.diag([1.0, 1.0, 5.0]),
    ...           "space origin": [10.0, 20.0, 30.0]}
    >>> nrrd.write(str(path), np.ones((4, 3, 2), np.int16), header)
    >>> mr = read_nrrd(path)
    >>> mr.array.dtype, mr.axis_codes, mr.spacing_mm.tolist(), mr.affine[:3, 3].tolist()
    (dtype('float32'), 'LPS', [1.0, 1.0, 5.0], [-10.0, -20.0, 30.0])
    """
    path = Path(path)
    stored, header = _read(path)
    return _image(path, finite_voxels(path, stored, fill=fill, reader="read_nrrd"), header)


def read_nrrd_mask(path: str | os.PathLike[str]) -> MedicalImage:
    """Read a mask: int32 labels, 0 for the background.

    Parameters
    ----------
    path : path
        A .nrrd file that holds whole numbers, in whatever type.

    Returns
    -------
    MedicalImage
        Axes as they are stored.

    Raises
    ------
    CourseError
        As `read_nrrd`; and if a voxel is no whole number, as after interpolation.

    Examples
    --------
    >>> import nrrd, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "tumour.nrrd"
    >>> header = {"space": "RAS", "space directions": np.diag([3.0, 3.0, 3.0]), "space origin": [0.0, 0.0, 0.0]}
    >>> nrrd.write(str(path), np.ones((10, 10, 10), np.uint8), header)
    >>> tumour = read_nrrd_mask(path)
    >>> round(float(tumour.array.sum() * tumour.voxel_ml), 3)  # ml
    27.0
    """
    path = Path(path)
    stored, header = _read(path)
    return _image(path, label_voxels(path, stored, reader="read_nrrd"), header)


def _read(path: Path) -> tuple[NDArray[Any], Mapping[str, Any]]:
    """Return the stored numbers of a file, the axis that is not in space last, and the header."""
    content = file_bytes(path, wanted="a .nrrd file")
    header, body = _header(path, content)
    shape, dtype = _layout(path, header)
    needed = int(np.prod(shape, dtype=object)) * dtype.itemsize
    voxels = _unpacked(path, _word(header, "encoding"), body, needed)
    if len(voxels) != needed:
        what = "cut short" if len(voxels) < needed else "damaged"
        there = f"{len(voxels)} are there" if len(voxels) < needed else "more are there"
        raise CourseError(f"{path}: {what}: the header promises {needed} bytes, {there}; download it again")
    stored = np.frombuffer(voxels, dtype).reshape(shape, order="F")
    return (np.moveaxis(stored, _other_axis(header), -1) if len(shape) == 4 else stored), header


def _header(path: Path, content: bytes) -> tuple[Mapping[str, Any], bytes]:
    """Return the fields of the header and the bytes behind it."""
    import nrrd

    if not content.startswith(b"NRRD000"):
        raise CourseError(f"{path}: is not NRRD (its magic is missing); give a .nrrd file")
    file = io.BytesIO(content)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            header = nrrd.read_header(file)
    except Exception as error:  # a damaged header makes pynrrd raise almost anything
        raise CourseError(f"{path}: the header is damaged ({short_reason(error)}); copy or download it again") from None
    if "data file" in header or "datafile" in header:
        raise CourseError(
            f"{path}: is a header whose voxels lie in another file; save it as one .nrrd file (nrrd.read, nrrd.write)"
        )
    skips = ("line skip", "lineskip", "byte skip", "byteskip")
    if any(header.get(skip, 0) != 0 for skip in skips):
        raise CourseError(f"{path}: skips lines or bytes before its voxels; save it again (nrrd.read, nrrd.write)")
    return header, file.read()


def _word(header: Mapping[str, Any], field: str) -> str:
    """Return a field in small letters, fit to be printed."""
    text = " ".join(str(header.get(field, "none")).lower().split())
    return "".join(letter for letter in text if letter.isprintable())[:60]


def _layout(path: Path, header: Mapping[str, Any]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and type of the voxels as they are stored."""
    shape = tuple(int(size) for size in header.get("sizes", ()))
    if len(shape) not in (3, 4) or min(shape) < 1 or header.get("dimension") != len(shape):
        raise CourseError(
            f"{path}: needs 3 or 4 dimensions of at least 1 voxel, got {list(shape)}; give a volume or a time series"
        )
    name = _word(header, "type")
    if name not in _DTYPES:
        raise CourseError(f"{path}: voxels need to be real numbers, got NRRD type {name}; save it as short or float")
    dtype = np.dtype(_DTYPES[name])
    endian = _word(header, "endian")
    if dtype.itemsize > 1 and endian not in ("little", "big"):
        raise CourseError(f"{path}: the order of bytes needs to be little or big, got {endian}; save the file again")
    return shape, dtype.newbyteorder("big" if endian == "big" else "little")


def _unpacked(path: Path, encoding: str, body: bytes, needed: int) -> bytes:
    """Return the voxels' bytes; one more than needed shows that there are too many."""
    enough = min(needed + 1, 2**62)
    try:
        if encoding == "raw":
            return body[:enough]
        if encoding in ("gzip", "gz"):
            return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, enough)
        if encoding in ("bzip2", "bz2"):
            return bz2.BZ2Decompressor().decompress(body, enough)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise CourseError(
            f"{path}: {encoding} is cut short or damaged ({short_reason(error)}); download it again"
        ) from None
    raise CourseError(f"{path}: encoding needs raw, gzip or bzip2, got {encoding}; save the file again")


def _in_space(header: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Return which axes have a direction in space, one truth an axis."""
    directions = header.get("space directions")
    if directions is None or np.ndim(directions) != 2:
        return np.zeros(0, dtype=bool)
    return np.asarray(~np.isnan(np.asarray(directions, dtype=np.float64)).all(axis=1))


def _other_axis(header: Mapping[str, Any]) -> int:
    """Return the axis of times or components; the last, where the file has none or several (an error later on)."""
    others = np.flatnonzero(~_in_space(header))
    return int(others[0]) if len(others) == 1 else -1


def _image(path: Path, array: NDArray[Any], header: Mapping[str, Any]) -> MedicalImage:
    """Put the array where the header says that it lies."""
    metadata = {"file": str(path), "stored_dtype": str(header["type"])}
    return placed_image(path, array, _affine(path, header), name=path.name.removesuffix(".nrrd"), metadata=metadata)


def _affine(path: Path, header: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return voxel → mm in RAS from space, directions, origin and units."""
    space = _word(header, "space")
    if space not in _TO_RAS:
        raise CourseError(
            f"{path}: has no affine (space needs LPS, RAS or LAS, got {space}), so left and right are "
            "unknown; save it again with its space"
        )
    in_space, origin = _in_space(header), np.ravel(header.get("space origin", ()))
    if in_space.sum() != 3 or len(in_space) != len(header["sizes"]) or origin.shape != (3,):
        raise CourseError(
            f"{path}: has no affine (it needs three space directions and a space origin of 3 numbers); "
            "save it again with them"
        )
    directions = np.asarray(header["space directions"], dtype=np.float64)[in_space]
    if directions.shape != (3, 3):
        raise CourseError(f"{path}: space directions need 3 numbers each, got {directions.shape[1]}; save it again")
    affine = np.eye(4)
    with np.errstate(all="ignore"):
        affine[:3, :3], affine[:3, 3] = directions.T, origin
        spacing = np.linalg.norm(directions, axis=1)
        affine[:3] *= (np.array(_TO_RAS[space]) * _mm_per_unit(path, header))[:, None]
    if not (np.isfinite(spacing) & (spacing > 0)).all():
        raise CourseError(
            f"{path}: spacing needs numbers above 0, got {spacing.tolist()}; save the file again with its true spacing"
        )
    return affine


def _mm_per_unit(path: Path, header: Mapping[str, Any]) -> float:
    """Return the length of the one unit of space."""
    units = {str(unit).strip().lower() for unit in header.get("space units", [""])}
    if len(units) != 1 or not units <= set(_MM_PER_UNIT):
        raise CourseError(f"{path}: the unit of length is unknown, got {ascii(sorted(units))[1:60]}; save it in mm")
    return _MM_PER_UNIT[units.pop()]
