"""A pyramid of JPEG tiles in one TIFF, written strip by strip: the picture is never in memory as a whole.

Level 0 is the picture, level 1 a quarter of its width, level 2 a sixteenth, each a directory of its own with tiles of
256×256 pixels, as OpenSlide's "generic tiled TIFF" wants it (Adobe, "TIFF Revision 6.0", 1992, with JPEG as in
Technical Note 2). tifffile would ask for a codec of its own, so the few tags are written here.
Lacks: BigTIFF, a thumbnail, a label and a macro picture, which scanners add.
"""

import io
import os
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm  # type: ignore[import-untyped]  # it comes without types

from course_lib.errors import CourseError

__all__ = ["SHRINK", "TILE", "write_pyramid"]

TILE, SHRINK = 256, 4
_BLOCK = TILE * SHRINK  # painted at once; it becomes one tile of level 1
_LARGEST = 80_000  # at a width of so many pixels the offsets may outgrow their 32 bits


def write_pyramid(
    path: str | os.PathLike[str],
    paint: Callable[[int, int, int, int], NDArray[np.uint8]],
    *,
    size: int,
    mpp: float,
    quality: int = 80,
    progress: bool = True,
) -> None:
    """Write a square picture with three levels; the file appears only when it is whole.

    Parameters
    ----------
    path : path
        A .tif or .tiff file; what was there is replaced.
    paint : function
        Takes x, y, width and height in pixels of level 0, gives (height, width, 3 or more) uint8.
    size : int
        Width and height in pixels, a multiple of 16, up to 80,000.
    mpp : float
        Micrometres a pixel of level 0, above 0.
    quality : int
        Of the JPEG tiles, 1 … 95.
    progress : bool
        Whether to draw a bar.

    Raises
    ------
    ValueError
        If the size is no multiple of 16, or mpp or quality are out of range.
    CourseError
        If the file cannot be written.

    Examples
    --------
    >>> path = Path(tempfile.mkdtemp()) / "grey.tif"
    >>> write_pyramid(path, lambda x, y, w, h: np.full((h, w, 3), 128, np.uint8), size=512, mpp=0.5, progress=False)
    >>> import tifffile
    >>> with tifffile.TiffFile(path) as file:
    ...     [page.shape for page in file.pages]
    [(512, 512, 3), (128, 128, 3), (32, 32, 3)]
    """
    if not 16 <= size <= _LARGEST or size % 16:
        raise ValueError(f"size needs a multiple of 16 pixels up to {_LARGEST}, got {size}")
    if not (np.isfinite(mpp) and mpp > 0):
        raise ValueError(f"mpp needs a number of micrometres above 0, got {mpp}")
    if not 1 <= quality <= 95:
        raise ValueError(f"quality needs to be 1 to 95, got {quality}")
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        try:
            _write(name, paint, size, mpp, quality, progress)
            os.chmod(name, 0o644)
            os.replace(name, path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise CourseError(
            f"{path}: cannot be written ({error.strerror or error}); give a file in a folder of yours with enough room"
        ) from None


def _write(
    name: str,
    paint: Callable[[int, int, int, int], NDArray[np.uint8]],
    size: int,
    mpp: float,
    quality: int,
    progress: bool,
) -> None:
    """Write header, tiles in the order in which they come, then one directory a level."""
    sides = [size // SHRINK**level for level in range(3)]
    places = [np.zeros((2, -(-side // TILE), -(-side // TILE)), np.uint32) for side in sides]  # offset, length
    small = np.empty((sides[2], sides[2], 3), np.uint8)
    with open(name, "wb") as file:
        file.write(struct.pack("<2sHI", b"II", 42, 0))

        def put(level: int, row: int, column: int, picture: Image.Image, x: int, y: int) -> None:
            tile = _jpeg(picture, x, y, quality)
            places[level][:, row, column] = file.tell(), len(tile)
            file.write(tile)

        starts = range(0, size, _BLOCK)
        for y in tqdm(starts, desc="slide", unit="strip", disable=not progress):
            for x in starts:
                block = Image.fromarray(paint(x, y, min(_BLOCK, size - x), min(_BLOCK, size - y))[..., :3].copy())
                for row, column in np.ndindex(-(-block.height // TILE), -(-block.width // TILE)):
                    put(0, y // TILE + row, x // TILE + column, block, column * TILE, row * TILE)
                quarter = block.reduce(SHRINK)
                put(1, y // _BLOCK, x // _BLOCK, quarter, 0, 0)
                least = np.asarray(quarter.reduce(SHRINK))
                top, left = y // SHRINK**2, x // SHRINK**2
                small[top : top + least.shape[0], left : left + least.shape[1]] = least
        for row, column in np.ndindex(places[2].shape[1:]):
            put(2, row, column, Image.fromarray(small), column * TILE, row * TILE)
        link = 4  # where the place of the next directory is noted
        for level, side in enumerate(sides):
            link = _write_directory(file, link, level, side, mpp * SHRINK**level, places[level])


def _write_directory(file: BinaryIO, link: int, level: int, side: int, mpp: float, places: NDArray[np.uint32]) -> int:
    """Write the tags of a level (TIFF 6.0, sections 2, 8, 15, 21, 22) and return where it links to the next one."""
    offsets, lengths = places.reshape(2, -1)
    per_cm = struct.pack("<II", round(1e4 / mpp * 1000), 1000)
    short, long, rational = (3, "<u2"), (4, "<u4"), (5, "u1")
    tags = [
        (254, long, [1 if level else 0]),  # a smaller copy?
        (256, long, [side]),
        (257, long, [side]),
        (258, short, [8, 8, 8]),
        (259, short, [7]),  # JPEG
        (262, short, [6]),  # YCbCr
        (277, short, [3]),
        (282, rational, list(per_cm)),
        (283, rational, list(per_cm)),
        (284, short, [1]),
        (296, short, [3]),  # a centimetre
        (322, long, [TILE]),
        (323, long, [TILE]),
        (324, long, offsets),
        (325, long, lengths),
        (530, short, [2, 2]),  # colour at half the resolution
    ]
    file.seek(0, os.SEEK_END)
    entries = []
    for tag, (kind, form), values in tags:
        content = np.asarray(values).astype(form).tobytes()
        count = len(content) // {3: 2, 4: 4, 5: 8}[kind]
        if len(content) > 4:
            place = file.tell() + file.tell() % 2
            file.seek(place)
            file.write(content)
            content = struct.pack("<I", place)
        entries.append(struct.pack("<HHI4s", tag, kind, count, content))
    start = file.tell() + file.tell() % 2
    file.seek(start)
    file.write(struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", 0))
    end = file.tell()
    file.seek(link)
    file.write(struct.pack("<I", start))
    return end - 4


def _jpeg(picture: Image.Image, x: int, y: int, quality: int) -> bytes:
    """Encode one tile; beyond the border the last pixel is repeated, so that no edge rings into the picture."""
    tile = picture.crop((x, y, min(x + TILE, picture.width), min(y + TILE, picture.height)))
    if tile.size != (TILE, TILE):
        missing = ((0, TILE - tile.height), (0, TILE - tile.width), (0, 0))
        tile = Image.fromarray(np.pad(np.asarray(tile), missing, mode="edge"))
    stream = io.BytesIO()
    tile.save(stream, "JPEG", quality=quality, subsampling="4:2:0")
    return stream.getvalue()
