"""Where files enter the course: what every reader checks in the same way and says in the same words."""

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from course_lib.data.medical_image import MedicalImage
from course_lib.errors import CourseError

__all__ = ["file_bytes", "finite_voxels", "label_voxels", "open_file", "open_picture", "placed_image", "short_reason"]

_MAX_PIXELS = 50_000_000


def open_file(path: Path, *, wanted: str) -> BinaryIO:
    """Open a file for reading.

    Parameters
    ----------
    path : Path
        The file.
    wanted : str
        What should have been given: ``"a .nii or .nii.gz file"``.

    Returns
    -------
    binary file
        At its beginning, and not empty; to be closed by ``with``.

    Raises
    ------
    CourseError
        If the file is missing, a folder, not to be read, or empty.

    Examples
    --------
    >>> open_file(Path("none.nii"), wanted="a .nii file")
    Traceback (most recent call last):
        ...
    course_lib.errors.CourseError: none.nii: cannot be read (No such file or directory); give the path of a .nii file
    """
    try:
        file = path.open("rb")
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = getattr(error, "strerror", None) or error
        raise CourseError(f"{path}: cannot be read ({reason}); give the path of {wanted}") from None
    if not file.read(1):
        file.close()
        raise CourseError(f"{path}: has zero bytes; copy or download it again")
    file.seek(0)
    return file


def file_bytes(path: Path, *, wanted: str) -> bytes:
    """Read a file whole.

    Parameters
    ----------
    path, wanted
        As in `open_file`.

    Returns
    -------
    bytes
        At least one.

    Raises
    ------
    CourseError
        As `open_file`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.txt"
    >>> _ = path.write_bytes(b"HU")
    >>> file_bytes(path, wanted="a text")
    b'HU'
    """
    with open_file(path, wanted=wanted) as file:
        return file.read()


def finite_voxels(path: Path, values: NDArray[Any], *, fill: float | None, reader: str) -> NDArray[np.float32]:
    """Give intensities as float32, all of them finite.

    Parameters
    ----------
    path : Path
        The file, for messages.
    values : array
        Real numbers, any shape.
    fill : float or None
        What to put in place of NaN and infinite voxels; None makes them an error.
    reader : str
        The function whose argument ``fill`` the message recommends.

    Returns
    -------
    float32 array
        A copy, of the same shape.

    Raises
    ------
    CourseError
        If a voxel is NaN or infinite, or too large for float32, and there is no `fill`.
    ValueError
        If `fill` is not finite itself.

    Examples
    --------
    >>> finite_voxels(Path("ct.nii"), np.array([1.0, np.nan]), fill=-1000, reader="read_nifti").tolist()
    [1.0, -1000.0]
    """
    if fill is not None and not abs(fill) <= float(np.finfo(np.float32).max):
        raise ValueError(f"fill needs a finite number, got {fill}")
    with np.errstate(all="ignore"):  # what overflows is infinite, and found below
        array = _in_c_order(values, np.float32)
        extremes = [array.min(), array.max()] if array.size else []  # ten times as fast as to look at each voxel
    if np.isfinite(extremes).all():
        return array
    finite = np.isfinite(array)
    if fill is None:
        raise CourseError(
            f"{path}: {finite.size - int(finite.sum())} of {finite.size} voxels are NaN or infinite; "
            f"mend the file, or replace them with `{reader}(path, fill=0)`"
        )
    array[~finite] = fill
    return array


def label_voxels(path: Path, values: NDArray[Any], *, reader: str) -> NDArray[np.int32]:
    """Give labels as int32, in whatever type of numbers they are stored.

    Parameters
    ----------
    path : Path
        The file, for messages.
    values : array
        Whole numbers below 2³¹, any shape.
    reader : str
        The function that the message recommends for images.

    Returns
    -------
    int32 array
        Same shape.

    Raises
    ------
    CourseError
        If a voxel is no whole number, as after interpolation.

    Examples
    --------
    >>> label_voxels(Path("liver.nii"), np.array([0.0, 1.0]), reader="read_nifti").tolist()
    [0, 1]
    """
    if np.issubdtype(values.dtype, np.integer) and np.can_cast(values.dtype, np.int32):
        return _in_c_order(values, np.int32)
    with np.errstate(all="ignore"):
        whole = np.isfinite(values) & (np.trunc(values) == values) & (np.abs(values) < 2**31)
    if not whole.all():
        example = values[~whole].flat[0]
        raise CourseError(f"{path}: a mask needs whole numbers, got {example:g}; read an image with `{reader}`")
    return _in_c_order(values, np.int32)


def placed_image(
    path: Path, array: NDArray[Any], affine: NDArray[np.float64], *, name: str, metadata: Mapping[str, Any]
) -> MedicalImage:
    """Put voxels where a file says that they lie.

    Parameters
    ----------
    path : Path
        The file, for messages.
    array, affine, name, metadata
        As in `MedicalImage`.

    Returns
    -------
    MedicalImage
        The image.

    Raises
    ------
    CourseError
        If the affine cannot be one.

    Examples
    --------
    >>> placed_image(Path("a.nii"), np.zeros((1, 1, 1), np.int32), np.eye(4), name="a", metadata={}).voxel_ml
    0.001
    """
    try:
        return MedicalImage(np.ascontiguousarray(array), affine, name, metadata)
    except ValueError as error:
        raise CourseError(f"{path}: {error}; save the file again with its true spacing and affine") from None


def open_picture(where: str, content: bytes) -> Image.Image:
    """Decode a picture (PNG, JPEG, …) whole, so that nothing can go wrong later.

    Parameters
    ----------
    where : str
        The file, for messages.
    content : bytes
        The file's content.

    Returns
    -------
    PIL.Image.Image
        The picture, in the mode in which it is stored.

    Raises
    ------
    CourseError
        If it is no picture, is cut short or damaged, or has more than 50 million pixels.

    Examples
    --------
    >>> file = io.BytesIO()
    >>> Image.new("L", (3, 2)).save(file, "PNG")
    >>> open_picture("a.png", file.getvalue()).size
    (3, 2)
    """
    if not content:
        raise CourseError(f"{where}: has zero bytes; copy or download it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(content))
            width, height = picture.size
            if width * height <= _MAX_PIXELS:
                picture.load()
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, EOFError and more, by format
        reason = "unknown kind of picture" if "cannot identify" in str(error) else short_reason(error)
        raise CourseError(f"{where}: no picture, or damaged ({reason}); copy or download it again") from None
    if width * height > _MAX_PIXELS:
        raise CourseError(f"{where}: claims {width} × {height} pixels, more than 50 million; it is damaged or a trap")
    return picture


def short_reason(error: Exception) -> str:
    r"""Say in a few printable words of one line what a library raised at a damaged file.

    Parameters
    ----------
    error : Exception
        What was raised; its message may quote the file at any length.

    Returns
    -------
    str
        At most 100 characters, at least the name of the exception.

    Examples
    --------
    >>> short_reason(ValueError("bad magic:\n\x1b[0m")), short_reason(EOFError())
    ('bad magic: [0m', 'EOFError')
    """
    text = "".join(letter for letter in " ".join(f"{error}".split()) if letter.isprintable())
    return text[:97] + "…" * (len(text) > 97) or type(error).__name__


def _in_c_order(values: NDArray[Any], dtype: type) -> NDArray[Any]:
    """Copy to another type, from the order of files (first axis fastest) in slabs: a third of the time."""
    if values.flags.c_contiguous or values.ndim < 3:
        return np.array(values, dtype=dtype, order="C")
    out: NDArray[Any] = np.empty(values.shape, dtype=dtype)
    for start in range(0, values.shape[2], 8):
        out[:, :, start : start + 8] = values[:, :, start : start + 8]
    return out
