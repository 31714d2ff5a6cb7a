"""Masks that tell one nucleus from the next, and pictures with one mask a nucleus as the Data Science Bowl keeps them.

Follows the layout of Caicedo et al., "Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl",
2019: a folder an image, ``NAME/images/NAME.png`` and ``NAME/masks/*.png``, each mask white on black for one nucleus.
"""

import os
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.data.door import file_bytes, open_file, open_picture, short_reason
from course_lib.errors import CourseError

__all__ = ["NucleiImage", "labels_from_masks", "masks_from_labels", "read_nuclei", "touching_pairs"]

_MAX_PICTURE_BYTES = 200_000_000


@dataclass(frozen=True, eq=False)
class NucleiImage:
    """A microscopy image in which each nucleus has a number of its own.

    Parameters
    ----------
    name : str
        The folder's name.
    image : (H, W, 3) uint8 array, 0 … 255
        Red, green, blue; grey images have the same value three times.
    labels : (H, W) int32 array
        0 background, 1 … K the nuclei, in the order of their files' names.
    """

    name: str
    image: NDArray[np.uint8]
    labels: NDArray[np.int32]

    @property
    def num_nuclei(self) -> int:
        """K, how many nuclei there are."""
        return int(self.labels.max(initial=0))


def read_nuclei(path: str | os.PathLike[str]) -> list[NucleiImage]:
    """Read images of nuclei with their masks.

    Parameters
    ----------
    path : path
        A folder of image folders, or a .zip of one (it is read in place, not unpacked), at any depth.

    Returns
    -------
    list of NucleiImage
        By name.

    Raises
    ------
    CourseError
        If there is no image, an image has no masks or not one picture, a picture is damaged, a mask is empty, of
        another size or neither black nor white, or two masks overlap.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp()) / "cell"
    >>> for kind, value in (("images", 90), ("masks", 255)):
    ...     (folder / kind).mkdir(parents=True)
    ...     Image.new("L", (5, 4), value).save(folder / kind / "cell.png")
    >>> cells = read_nuclei(folder.parent)
    >>> cells[0].name, cells[0].image.shape, cells[0].num_nuclei
    ('cell', (4, 5, 3), 1)
    """
    path = Path(path)
    if path.is_dir():
        names = sorted(str(file.relative_to(path).as_posix()) for file in path.rglob("*") if file.is_file())
        return _read_all(path, names, lambda name: file_bytes(path / name, wanted="a .png file"))
    with open_file(path, wanted="a folder of images, or a .zip of one") as file:
        if file.read(2) != b"PK":
            raise CourseError(f"{path}: is neither a folder nor a zip; give a folder of images, or a .zip of one")
        try:
            with warnings.catch_warnings(), zipfile.ZipFile(file) as archive:
                warnings.simplefilter("ignore")
                return _read_all(path, sorted(archive.namelist()), lambda name: _member(path, archive, name))
        except CourseError:
            raise
        except Exception as error:  # a damaged zip makes zipfile and zlib raise almost anything
            raise CourseError(
                f"{path}: is cut short or damaged ({short_reason(error)}); copy or download it again"
            ) from None


def labels_from_masks(masks: NDArray[Any] | Sequence[NDArray[Any]]) -> NDArray[np.int32]:
    """Give each of the masks of single objects a number: mask k becomes label k + 1.

    Parameters
    ----------
    masks : (K, H, W) array, or K arrays of shape (H, W)
        Above 0 inside; at least one mask.

    Returns
    -------
    (H, W) int32 array
        0 background, 1 … K.

    Raises
    ------
    ValueError
        If there is no mask, one is empty or of another shape, or two overlap.

    Examples
    --------
    >>> labels_from_masks([np.array([[1, 0, 0]]), np.array([[0, 1, 1]])]).tolist()
    [[1, 2, 2]]
    """
    shapes = {np.shape(mask) for mask in masks}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise ValueError(f"masks need one shape (H, W), at least one mask, got {sorted(shapes)}")
    labels = np.zeros(shapes.pop(), dtype=np.int32)
    for number, mask in enumerate(masks, start=1):
        inside = np.asarray(mask) > 0
        if not inside.any():
            raise ValueError(f"masks need a pixel above 0 each, mask {number - 1} has none")
        taken = labels[inside]
        if taken.any():
            other = int(taken[taken > 0][0]) - 1
            raise ValueError(f"masks may not overlap, masks {other} and {number - 1} share {(taken > 0).sum()} pixels")
        labels[inside] = number
    return labels


def masks_from_labels(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Take the objects apart again: label k becomes mask k − 1.

    Parameters
    ----------
    labels : (H, W) integer array
        0 background, 1 … K, none left out.

    Returns
    -------
    (K, H, W) bool array
        One mask an object; (0, H, W) where there is only background.

    Raises
    ------
    ValueError
        If the labels are no whole numbers, below 0, not 2-D, or one of 1 … K is not there.

    Examples
    --------
    >>> masks_from_labels(np.array([[1, 2, 2]])).astype(int).tolist()
    [[[1, 0, 0]], [[0, 1, 1]]]
    """
    _check_labels(labels)
    numbers = np.unique(labels[labels > 0])
    if not np.array_equal(numbers, np.arange(1, len(numbers) + 1)):
        raise ValueError(f"labels need to be 1 … K, none left out, got {len(numbers)} up to {numbers[-1]}")
    return np.asarray(labels[None] == numbers[:, None, None])


def touching_pairs(labels: NDArray[Any]) -> NDArray[np.int32]:
    """Find which objects touch: a pixel of the one is above, below or beside a pixel of the other.

    Parameters
    ----------
    labels : (H, W) integer array
        0 background.

    Returns
    -------
    (P, 2) int32 array
        Pairs of labels, the smaller first, rising; (0, 2) where none touch.

    Raises
    ------
    ValueError
        If the labels are no whole numbers, below 0, or not 2-D.

    Examples
    --------
    >>> touching_pairs(np.array([[1, 2, 0], [3, 0, 4]])).tolist()
    [[1, 2], [1, 3]]
    """
    _check_labels(labels)
    down = np.stack([labels[:-1].ravel(), labels[1:].ravel()], axis=1)
    right = np.stack([labels[:, :-1].ravel(), labels[:, 1:].ravel()], axis=1)
    pairs = np.sort(np.concatenate([down, right]), axis=1)
    pairs = pairs[(pairs[:, 0] > 0) & (pairs[:, 0] != pairs[:, 1])]
    return np.unique(pairs, axis=0).astype(np.int32).reshape(-1, 2)


def _check_labels(labels: NDArray[Any]) -> None:
    if not isinstance(labels, np.ndarray) or labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer):
        came = f"{labels.dtype} {labels.shape}" if isinstance(labels, np.ndarray) else type(labels).__name__
        raise ValueError(f"labels need an (H, W) array of whole numbers, got {came}")
    if labels.size and labels.min() < 0:
        raise ValueError(f"labels need numbers from 0, got {labels.min()}")


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    """Unpack one picture; zipfile gives no more bytes than the file declares."""
    size = archive.getinfo(name).file_size
    if size > _MAX_PICTURE_BYTES:
        raise CourseError(f"{path}/{name}: would unpack to {size / 1e6:.0f} MB; it is damaged or a trap")
    return archive.read(name)


def _read_all(path: Path, names: Sequence[str], read: Callable[[str], bytes]) -> list[NucleiImage]:
    """Sort the files by their image, and read each image with its masks."""
    found: dict[str, dict[str, list[str]]] = {}
    for name in names:
        match = re.fullmatch(r"(?:.*/)?([^/]+)/(images|masks)/[^/.][^/]*\.png", name, flags=re.IGNORECASE)
        if match and not name.startswith("__MACOSX/"):
            if len(name) > 300 or not name.isprintable():
                raise CourseError(f"{path}: {name[:60]!r} is no name of a picture; copy or download it again")
            files = found.setdefault(name.rsplit("/", 2)[0], {"images": [], "masks": []})
            files[match[2].lower()].append(name)
    if not found:
        raise CourseError(f"{path}: holds no NAME/images/*.png; give the folder (or zip) of the images' folders")
    return [_read_one(path, folder, files, read) for folder, files in sorted(found.items())]


def _read_one(path: Path, folder: str, files: Mapping[str, Sequence[str]], read: Callable[[str], bytes]) -> NucleiImage:
    """Read one image and number its masks."""
    if len(files["images"]) != 1 or not files["masks"]:
        counts = f"{len(files['images'])} and {len(files['masks'])}"
        raise CourseError(
            f"{path}/{folder}: needs one picture in images and some in masks, got {counts}; copy it again"
        )
    file = files["images"][0]
    picture = open_picture(f"{path}/{file}", read(file))
    if picture.mode not in ("L", "P", "RGB", "RGBA"):
        raise CourseError(f"{path}/{file}: needs 8 bits grey or colour, got mode {picture.mode}; save it as RGB")
    image = np.array(picture.convert("RGB"))
    labels = np.zeros(image.shape[:2], dtype=np.int32)
    for number, file in enumerate(files["masks"], start=1):
        inside = _mask(f"{path}/{file}", read(file), labels.shape)
        if labels[inside].any():
            other = files["masks"][int(labels[inside].max()) - 1].rsplit("/")[-1]
            count = int((labels[inside] > 0).sum())
            raise CourseError(f"{path}/{file}: overlaps {other} in {count} pixels; give each pixel to one nucleus")
        labels[inside] = number
    return NucleiImage(folder.rsplit("/")[-1], image, labels)


def _mask(where: str, content: bytes, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return where a mask is white."""
    picture = open_picture(where, content)
    values = np.asarray(picture if picture.mode in ("1", "L") else picture.convert("RGB"))
    values = values.max(axis=-1) if values.ndim == 3 else values
    if values.shape != shape:
        raise CourseError(f"{where}: needs the size of its image, {shape}, got {values.shape}; copy it again")
    inside = np.asarray(values > 0)
    if not inside.any():
        raise CourseError(f"{where}: is empty, so there is no nucleus; take it away")
    if (values[inside] != values.max()).any():
        raise CourseError(f"{where}: needs black and one white, got grey; save the mask without smoothing")
    return inside
