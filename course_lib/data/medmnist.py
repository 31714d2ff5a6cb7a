"""MedMNIST files (.npz): small medical images, already divided into training, validation and test.

Follows Yang et al., "MedMNIST v2 – A large-scale lightweight benchmark for 2D and 3D biomedical image classification",
2023, and its larger sizes (64, 128 and 224 pixels). An .npz file is a zip of arrays; each array's shape and size is
checked before it is unpacked, and nothing in it is ever executed (no pickle).
"""

import os
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.data.door import open_file, short_reason
from course_lib.errors import CourseError

__all__ = ["MedMnist", "read_medmnist"]

_PARTS = ("train", "val", "test")
_KEYS = tuple(f"{part}_{what}" for part in _PARTS for what in ("images", "labels"))


@dataclass(frozen=True, eq=False)
class MedMnist:
    """The three parts of a MedMNIST set.

    Parameters
    ----------
    train_images, val_images, test_images : (N, H, W), (N, H, W, 3) or (N, D, H, W) uint8 array, 0 … 255
        Grey, colour, or volumes; the same kind and size in all parts.
    train_labels, val_labels, test_labels : (N,) int64 array, or (N, K) bool array
        The class, 0 … K − 1; or, where findings can come together (ChestMNIST), which of K there are.
    name : str
        The file's name without its ending.
    """

    train_images: NDArray[np.uint8]
    train_labels: NDArray[Any]
    val_images: NDArray[np.uint8]
    val_labels: NDArray[Any]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[Any]
    name: str

    @property
    def is_multilabel(self) -> bool:
        """Whether an image can have several labels at once."""
        return self.train_labels.ndim == 2

    @property
    def num_classes(self) -> int:
        """K: how many classes there are in all parts together, or findings."""
        if self.is_multilabel:
            return int(self.train_labels.shape[1])
        return 1 + max(int(labels.max()) for labels in (self.train_labels, self.val_labels, self.test_labels))


def read_medmnist(path: str | os.PathLike[str], *, max_gb: float = 4) -> MedMnist:
    """Read a MedMNIST file whole.

    Parameters
    ----------
    path : path
        A file such as ``pneumoniamnist.npz`` or ``chestmnist_64.npz``.
    max_gb : float
        How many gigabytes (10⁹ bytes) it may take in memory; the file itself says how many it would.

    Returns
    -------
    MedMnist
        Images and labels of training, validation and test.

    Raises
    ------
    CourseError
        If the file is missing, damaged or of another kind, lacks one of its six arrays, or an array has another
        type, shape or number of entries than its fellows; or if it would take more memory than allowed.
    ValueError
        If `max_gb` is no number above 0.

    References
    ----------
    https://medmnist.com

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "tinymnist.npz"
    >>> arrays = {f"{part}_images": np.zeros((2, 28, 28), np.uint8) for part in ("train", "val", "test")}
    >>> labels = {f"{part}_labels": np.array([[0], [1]], np.uint8) for part in ("train", "val", "test")}
    >>> np.savez(path, **arrays, **labels)
    >>> data = read_medmnist(path)
    >>> data.train_images.shape, data.train_labels.tolist(), data.num_classes
    ((2, 28, 28), [0, 1], 2)
    """
    if not max_gb > 0:
        raise ValueError(f"max_gb needs a number above 0, got {max_gb}")
    path = Path(path)
    with open_file(path, wanted="a MedMNIST .npz file") as file:
        if file.read(2) != b"PK":
            raise CourseError(f"{path}: is not .npz (a zip of arrays); give a MedMNIST .npz file")
        try:
            with warnings.catch_warnings(), zipfile.ZipFile(file) as archive:
                warnings.simplefilter("ignore")
                _check_size(path, archive, max_gb)
                arrays = {key: _array(path, archive, key) for key in _KEYS}
        except CourseError:
            raise
        except Exception as error:  # a damaged zip makes zipfile and numpy raise almost anything
            raise CourseError(
                f"{path}: is cut short or damaged ({short_reason(error)}); copy or download it again"
            ) from None
    return _checked(path, arrays)


def _check_size(path: Path, archive: zipfile.ZipFile, max_gb: float) -> None:
    """Raise if arrays are missing, or would need too much memory (zipfile unpacks no more than is declared)."""
    names = archive.namelist()
    missing = [key for key in _KEYS if f"{key}.npy" not in names]
    if missing:
        raise CourseError(f"{path}: lacks {', '.join(missing)}; a MedMNIST file holds {', '.join(_KEYS)}")
    gigabytes = sum(archive.getinfo(f"{key}.npy").file_size for key in _KEYS) / 1e9
    if gigabytes > max_gb:
        raise CourseError(
            f"{path}: would unpack to {gigabytes:.3g} GB, more than the {max_gb:g} allowed; if you trust it, "
            f"use read_medmnist(path, max_gb={np.ceil(gigabytes):g})"
        )


def _array(path: Path, archive: zipfile.ZipFile, key: str) -> NDArray[Any]:
    """Unpack one array, if it holds what its own header promises."""
    name = f"{key}.npy"
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran_order, dtype = read_header(file)
        if dtype.kind not in "uib":
            raise CourseError(f"{path}: {key} needs whole numbers, got {dtype}; download the file again")
        needed = int(np.prod(shape, dtype=object)) * dtype.itemsize
        there = archive.getinfo(name).file_size - file.tell()
        if needed != there:
            raise CourseError(f"{path}: {key} promises {needed} bytes, {there} are there; download the file again")
        content = file.read()
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran_order else "C")


def _checked(path: Path, arrays: Mapping[str, NDArray[Any]]) -> MedMnist:
    """Put the parts together, if they fit each other."""
    size, columns = arrays["train_images"].shape[1:], arrays["train_labels"].shape[1:]
    for part in _PARTS:
        _check_images(path, f"{part}_images", arrays[f"{part}_images"], size)
        _check_labels(path, f"{part}_labels", arrays[f"{part}_labels"], len(arrays[f"{part}_images"]), columns)
    images = {key: np.array(values) for key, values in arrays.items() if key.endswith("images")}
    labels = {key: _labels(values) for key, values in arrays.items() if key.endswith("labels")}
    return MedMnist(name=path.name.removesuffix(".npz"), **images, **labels)


def _check_images(path: Path, key: str, images: NDArray[Any], size: tuple[int, ...]) -> None:
    """Raise unless these are square or cubic images, grey or in colour, of the size of the training images."""
    if images.dtype != np.uint8:
        raise CourseError(f"{path}: {key} needs uint8, got {images.dtype}; download the file again")
    edges = images.shape[1:3] if images.ndim == 4 and images.shape[-1] == 3 else images.shape[1:]
    if images.ndim not in (3, 4) or images.size == 0 or len(set(edges)) != 1:
        raise CourseError(
            f"{path}: {key} needs square or cubic images, (N, H, W), (N, H, W, 3) or (N, D, H, W), got {images.shape}"
        )
    if images.shape[1:] != size:
        raise CourseError(f"{path}: {key} needs the size of train_images, {size}, got {images.shape[1:]}")


def _check_labels(path: Path, key: str, labels: NDArray[Any], count: int, columns: tuple[int, ...]) -> None:
    """Raise unless each image has one class, or a 0 or 1 for each of several findings."""
    if labels.ndim != 2 or labels.shape[1:] != columns or labels.shape[1] < 1:
        raise CourseError(f"{path}: {key} needs shape (N, {columns[0] if columns else 1}), got {labels.shape}")
    if len(labels) != count:
        raise CourseError(f"{path}: {key} needs one row an image, {count}, got {len(labels)}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or (labels.shape[1] > 1 and high > 1) or high > 10_000:
        wanted = "0 or 1" if labels.shape[1] > 1 else "classes from 0 to 10,000"
        raise CourseError(f"{path}: {key} needs {wanted}, got {low} to {high}; download the file again")


def _labels(columns: NDArray[Any]) -> NDArray[Any]:
    """Return classes from one column, findings from several."""
    return columns[:, 0].astype(np.int64) if columns.shape[1] == 1 else columns.astype(bool)
