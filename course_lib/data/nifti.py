"""NIfTI files (.nii, .nii.gz): intensities or labels, checked before anything is believed.

Follows the NIfTI-1 standard (Cox et al., "A (sort of) new image data format standard", 2004) and NIfTI-2; nibabel
reads the header. Differs: nibabel repairs a spacing of zero silently and invents an affine where there is none; here
both are errors, since every volume and distance in mm would be wrong.
"""

import gzip
import os
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from course_lib.data.door import finite_voxels, label_voxels, open_file, placed_image, short_reason
from course_lib.data.medical_image import MedicalImage
from course_lib.errors import CourseError

__all__ = ["read_nifti", "read_nifti_mask"]

_LONGEST_HEADER = 540  # of NIfTI-2; that of NIfTI-1 has 348 bytes
_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # unknown, metre, millimetre, micrometre


def read_nifti(path: str | os.PathLike[str], *, fill: float | None = None) -> MedicalImage:
    """Read an image: float32 intensities (HU for CT), scaled as the header says.

    Parameters
    ----------
    path : path
        A .nii or .nii.gz file with three or four dimensions.
    fill : float, optional
        What to put in place of NaN and infinite voxels; without it they are an error.

    Returns
    -------
    MedicalImage
        Axes as they are stored; `MedicalImage.reoriented_to_ras` turns them to right, front, up.

    Raises
    ------
    CourseError
        If the file is missing, empty, cut short, damaged or of another kind, has no affine, a spacing of zero, or
        voxels that are no finite numbers.
    ValueError
        If `fill` is not finite.

    References
    ----------
    https://nifti.nimh.nih.gov/nifti-1

    Examples
    --------
    >>> import nibabel, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "ct.nii.gz"
    >>> nibabel.save(nibabel.Nifti1Image(np.full((4, 3, 2), -1000, np.int16), np.diag([-1.0, -1.0, 5.0, 1.0])), path)
    >>> ct = read_nifti(path).reoriented_to_ras()
    >>> ct.array.dtype, ct.array.shape, ct.spacing_mm.tolist()
    (dtype('float32'), (4, 3, 2), [1.0, 1.0, 5.0])
    """
    path = Path(path)
    stored, header = _read(path)
    with np.errstate(all="ignore"):
        values = _scaled(path, stored, header)
    return _image(path, finite_voxels(path, values, fill=fill, reader="read_nifti"), header)


def read_nifti_mask(path: str | os.PathLike[str]) -> MedicalImage:
    """Read a mask: int32 labels, 0 for the background.

    Parameters
    ----------
    path : path
        A .nii or .nii.gz file with three or four dimensions that holds whole numbers, in whatever type.

    Returns
    -------
    MedicalImage
        Axes as they are stored.

    Raises
    ------
    CourseError
        As `read_nifti`; and if a voxel is no whole number, as after interpolation.

    Examples
    --------
    >>> import nibabel, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "liver.nii"
    >>> nibabel.save(nibabel.Nifti1Image(np.ones((10, 10, 10), np.float32), np.diag([3.0, 3.0, 3.0, 1.0])), path)
    >>> liver = read_nifti_mask(path)
    >>> round(float(liver.array.sum() * liver.voxel_ml), 3)  # ml
    27.0
    """
    path = Path(path)
    stored, header = _read(path)
    with np.errstate(all="ignore"):
        values = _scaled(path, stored, header)
    return _image(path, label_voxels(path, values, reader="read_nifti"), header)


def _read(path: Path) -> tuple[NDArray[Any], Any]:
    """Return the stored numbers of a file and its header, after checking that the one fits the other."""
    with open_file(path, wanted="a .nii or .nii.gz file") as file:
        packed = file.read(2) == b"\x1f\x8b"
        if path.suffix == ".gz" and not packed:
            raise CourseError(f"{path}: is called .gz but is not gzip; rename it to .nii, or download it again")
        file.seek(0)
        source = gzip.GzipFile(fileobj=file) if packed else file
        try:
            content = _taken(source, _LONGEST_HEADER)
            header = _header(path, content)
            shape, dtype, offset = _layout(path, header)
            needed = offset + int(np.prod(shape, dtype=object)) * dtype.itemsize
            content += _taken(source, needed - len(content))
            while packed and source.read(2**20):
                pass  # to the end, where gzip keeps its checksum
        except (OSError, EOFError, zlib.error) as error:
            what = "gzip is cut short or damaged" if packed else "cannot be read"
            raise CourseError(f"{path}: {what} ({short_reason(error)}); copy or download it again") from None
    if len(content) < needed:
        raise CourseError(
            f"{path}: cut short: the header promises {needed} bytes, {len(content)} are there; download it again"
        )
    stored = np.frombuffer(content, dtype, count=int(np.prod(shape)), offset=offset)
    return stored.reshape(shape, order="F"), header


def _taken(source: gzip.GzipFile | BinaryIO, most: int) -> bytearray:
    """Read piece by piece, so that no more memory is asked for than there are bytes, nor than are wanted."""
    content = bytearray()
    while len(content) < most and (piece := source.read(min(most - len(content), 2**24))):
        content += piece
    return content


def _header(path: Path, content: bytearray) -> Any:
    """Return the header, of NIfTI-1 or NIfTI-2, as it stands: unrepaired."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    orders: tuple[tuple[Literal["little", "big"], str], ...] = (("little", "<"), ("big", ">"))
    for kind, magic, place in ((Nifti1Header, b"n+1\0", 344), (Nifti2Header, b"n+2\0", 4)):
        size = kind.template_dtype.itemsize
        if content[place : place + 4] != magic:
            continue
        if len(content) < size:
            raise CourseError(f"{path}: cut short within the header; copy or download it again")
        sizes = {int.from_bytes(content[:4], order): code for order, code in orders}
        if size in sizes:
            return kind(content[:size], endianness=sizes[size], check=False)
    if content[344:348] in (b"ni1\0", b"ni2\0"):
        raise CourseError(
            f"{path}: is the header of a .hdr/.img pair; save it as one .nii file (nibabel.load, nibabel.save)"
        )
    raise CourseError(f"{path}: is not NIfTI (its magic is missing or wrong); give a .nii or .nii.gz file")


def _layout(path: Path, header: Any) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Return shape, type and first byte of the voxels."""
    num_dims = int(header["dim"][0])
    shape = [int(size) for size in header["dim"][1 : 1 + max(0, num_dims)]]
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    if not 1 <= num_dims <= 7 or len(shape) not in (3, 4) or min(shape) < 1:
        raise CourseError(
            f"{path}: needs 3 or 4 dimensions of at least 1 voxel, got {shape}; give a volume or a time series"
        )
    try:
        dtype = header.get_data_dtype()
    except Exception:  # nibabel raises its own error, or KeyError, by version
        dtype = np.dtype("V")
    if dtype.kind not in "iuf":
        code = int(header["datatype"])
        raise CourseError(f"{path}: voxels need to be real numbers, got NIfTI type {code}; save it as int16 or float32")
    offset = float(header["vox_offset"])
    if not (np.isfinite(offset) and offset >= header.template_dtype.itemsize):
        raise CourseError(f"{path}: the header is damaged (voxels begin at byte {offset:g}); copy or download it again")
    return tuple(shape), dtype, int(offset)


def _scaled(path: Path, stored: NDArray[Any], header: Any) -> NDArray[Any]:
    """Return slope · stored + intercept; a slope of 0 or NaN means: not scaled."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or np.isnan(slope) or (slope, intercept) == (1, 0):
        return stored
    if not (np.isfinite(slope) and np.isfinite(intercept)):
        raise CourseError(f"{path}: scaling needs finite numbers, got {slope:g} and {intercept:g}; save the file again")
    return stored.astype(np.float64) * slope + intercept


def _image(path: Path, array: NDArray[Any], header: Any) -> MedicalImage:
    """Put the array where the header says that it lies."""
    name = path.name.removesuffix(".gz").removesuffix(".nii")
    metadata = {"file": str(path), "stored_dtype": header.get_data_dtype().name}
    return placed_image(path, array, _affine(path, header), name=name, metadata=metadata)


def _affine(path: Path, header: Any) -> NDArray[np.float64]:
    """Return voxel → mm from the sform, else from the qform."""
    with np.errstate(invalid="ignore"):  # a damaged number may be a NaN that signals
        spacing = header["pixdim"][1:4].astype(np.float64)
    if not (np.isfinite(spacing) & (spacing > 0)).all():
        raise CourseError(
            f"{path}: spacing needs numbers above 0, got {spacing.tolist()}; save the file again with its true spacing"
        )
    if header["sform_code"] <= 0 and header["qform_code"] <= 0:
        raise CourseError(
            f"{path}: has no affine (sform and qform are unset), so left and right are unknown; "
            "save it again with `nibabel.Nifti1Image(array, affine)`"
        )
    units = _MM_PER_UNIT.get(int(header["xyzt_units"]) & 7)
    if units is None:
        raise CourseError(f"{path}: the unit of length is unknown to NIfTI; save the file again in mm")
    try:
        with np.errstate(all="ignore"):
            affine = np.array(header.get_sform() if header["sform_code"] > 0 else header.get_qform(), dtype=np.float64)
            affine[:3] *= units
    except Exception as error:  # a quaternion that is none
        raise CourseError(
            f"{path}: the orientation is damaged ({short_reason(error)}); save the file again with its affine"
        ) from None
    return affine
