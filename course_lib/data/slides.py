"""Whole slides, region by region: a slide of 20,000×20,000 pixels is 1.2 GB, and no lesson needs it all at once.

Tiled TIFFs are read here, tile by tile: tifffile finds the tiles, Pillow decodes JPEG, and tifffile what it can by
itself (deflate, no compression). Scanners' own formats (.svs, .ndpi, .mrxs and others) are read by OpenSlide
(Goode et al., "OpenSlide: a vendor-neutral software foundation for digital pathology", 2013), if it is installed.

As in OpenSlide, the corner of a region is given in pixels of level 0 whatever the level, its size in pixels of the
level. Differs: outside of the slide there is white glass instead of transparency; a corner between two pixels of a
level is moved to the upper left one instead of blending four.
"""

import io
import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from course_lib.data.door import short_reason
from course_lib.errors import CourseError

__all__ = ["Slide", "SlideLevel", "open_slide"]

_SCANNERS = (".bif", ".dcm", ".mrxs", ".ndpi", ".scn", ".svs", ".svslide", ".vms", ".vmu")
_ONE_LEVEL = 4096  # pixels of width up to which a pyramid is not missed
_LARGEST_TILE = 8192
_UNITS_UM = {2: 25_400.0, 3: 10_000.0}  # inch, centimetre
_RGB, _YCBCR, _JPEG = 2, 6, 7


@dataclass(frozen=True)
class SlideLevel:
    """One size of the picture.

    Parameters
    ----------
    width, height : int
        In pixels of the level.
    downsample : float
        Pixels of level 0 a pixel of the level, at least 1.
    """

    width: int
    height: int
    downsample: float


class _Source(Protocol):
    levels: tuple[SlideLevel, ...]
    mpp: float

    def read(self, x: int, y: int, width: int, height: int, level: int) -> NDArray[np.uint8]: ...

    def close(self) -> None: ...


class Slide:
    """An open slide; close it, or use it in a ``with``. Made by `open_slide`.

    Parameters
    ----------
    path : Path
        Its file.
    source : object
        What reads it.
    """

    def __init__(self, path: Path, source: _Source) -> None:
        self.path, self._source = path, source

    def __enter__(self) -> "Slide":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def levels(self) -> tuple[SlideLevel, ...]:
        """The sizes, largest first."""
        return self._source.levels

    @property
    def mpp(self) -> float:
        """Micrometres a pixel of level 0."""
        return self._source.mpp

    def close(self) -> None:
        """Close the file; twice does no harm."""
        self._source.close()

    def read_region(self, x: int, y: int, width: int, height: int, *, level: int = 0) -> NDArray[np.uint8]:
        """Read a rectangle; only the tiles that it touches are decoded.

        Parameters
        ----------
        x, y : int
            Upper left corner, in pixels of level 0. What lies outside of the slide is white.
        width, height : int
            In pixels of the level, at least 1.
        level : int
            0 is the full resolution.

        Returns
        -------
        (height, width, 3) uint8 array

        Raises
        ------
        ValueError
            If there is no such level, or the size is below 1.
        CourseError
            If a tile is damaged.
        """
        if not 0 <= level < len(self.levels):
            raise ValueError(f"level needs to be 0 to {len(self.levels) - 1} for this slide, got {level}")
        if width < 1 or height < 1:
            raise ValueError(f"a region needs a width and a height of at least 1 pixel, got {width} and {height}")
        return self._source.read(int(x), int(y), int(width), int(height), level)

    def thumbnail(self, *, size: int = 1024) -> NDArray[np.uint8]:
        """Give the whole slide in small, from the smallest level that is large enough.

        Parameters
        ----------
        size : int
            Of the longer side, at least 1; a slide that is smaller is not enlarged.

        Returns
        -------
        (h, w, 3) uint8 array

        Raises
        ------
        ValueError
            If the size is below 1.
        """
        if size < 1:
            raise ValueError(f"a thumbnail needs a size of at least 1 pixel, got {size}")
        enough = [i for i, one in enumerate(self.levels) if max(one.width, one.height) >= size]
        level = enough[-1] if enough else 0
        one = self.levels[level]
        picture = Image.fromarray(self.read_region(0, 0, one.width, one.height, level=level))
        picture.thumbnail((size, size), Image.Resampling.BOX)
        return np.array(picture)


def open_slide(path: str | os.PathLike[str], *, mpp: float | None = None) -> Slide:
    """Open a slide: a tiled TIFF, or a scanner's own format through OpenSlide.

    Parameters
    ----------
    path : path
        A .tif or .tiff with tiles of 8-bit red, green and blue, or a file that OpenSlide knows.
    mpp : float, optional
        Micrometres a pixel, for a file that does not say it or says it wrongly.

    Returns
    -------
    Slide

    Raises
    ------
    CourseError
        If the file is missing, empty, cut short, damaged, of another kind or without tiles; if a large one has no
        smaller levels; if it does not say how large a pixel is; if OpenSlide is needed and not installed.
    ValueError
        If `mpp` is not above 0.

    References
    ----------
    https://openslide.org/api/openslide_8h.html

    Examples
    --------
    >>> import tempfile, tifffile
    >>> path, white = Path(tempfile.mkdtemp()) / "glass.tif", np.full((512, 512, 3), 255, np.uint8)
    >>> how = {"tile": (256, 256), "photometric": "rgb", "resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}
    >>> tifffile.imwrite(path, white, **how)
    >>> with open_slide(path) as slide:
    ...     slide.mpp, slide.levels, slide.read_region(500, 0, 20, 10).shape
    (0.5, (SlideLevel(width=512, height=512, downsample=1.0),), (10, 20, 3))
    """
    path = Path(path)
    if mpp is not None and not (math.isfinite(mpp) and mpp > 0):
        raise ValueError(f"mpp needs a number of micrometres above 0, got {mpp}")
    try:
        with open(path, "rb") as file:
            begin = file.read(4)
    except OSError as error:
        raise CourseError(f"{path}: cannot be read ({error.strerror}); give the path of a slide") from None
    if not begin:
        raise CourseError(f"{path}: has zero bytes; copy or download it again")
    if path.suffix.lower() in _SCANNERS:
        return Slide(path, _OpenSlideSource(path, mpp))
    if begin[:2] not in (b"II", b"MM"):
        raise CourseError(f"{path}: is not a TIFF; give a tiled TIFF or a file of a slide scanner")
    return Slide(path, _TiffSource(path, mpp))


class _TiffSource:
    """Tiles of a TIFF."""

    def __init__(self, path: Path, mpp: float | None) -> None:
        import tifffile  # here, since it takes a tenth of a second

        self._path = path
        with _as_one_line(path), _quiet():
            self._file = tifffile.TiffFile(path)
        try:
            with _as_one_line(path), _quiet():
                self._pages = _levels_of(path, self._file)
                self.mpp = mpp or _resolution(path, self._pages[0])
        except BaseException:
            self._file.close()
            raise
        first = self._pages[0]
        self.levels = tuple(
            SlideLevel(
                page.imagewidth,
                page.imagelength,
                (first.imagewidth / page.imagewidth + first.imagelength / page.imagelength) / 2,
            )
            for page in self._pages
        )

    def close(self) -> None:
        self._file.close()

    def read(self, x: int, y: int, width: int, height: int, level: int) -> NDArray[np.uint8]:
        page, scale = self._pages[level], self.levels[level].downsample
        left, top = math.floor(x / scale), math.floor(y / scale)
        out = np.full((height, width, 3), 255, np.uint8)
        across = -(-page.imagewidth // page.tilewidth)
        for row, rows in _cuts(top, height, page.imagelength, page.tilelength):
            for column, columns in _cuts(left, width, page.imagewidth, page.tilewidth):
                tile = self._tile(page, row * across + column)
                if tile is not None:
                    down, right = row * page.tilelength, column * page.tilewidth
                    out[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = tile[
                        rows.start - down : rows.stop - down, columns.start - right : columns.stop - right
                    ]
        return out

    def _tile(self, page: Any, index: int) -> NDArray[np.uint8] | None:
        """Return a tile as (h, w, 3), or nothing where the file holds none."""
        offset, length = page.dataoffsets[index], page.databytecounts[index]
        if not length:
            return None
        with _as_one_line(self._path):
            handle = self._file.filehandle
            handle.seek(offset)
            content = handle.read(length)
            if page.compression != _JPEG:
                return np.asarray(page.decode(content, index)[0])[0, ..., :3]
            picture = JpegImageFile(io.BytesIO(_whole_jpeg(content, page)))
            if picture.size != (page.tilewidth, page.tilelength) or picture.mode != "RGB":
                raise CourseError(f"{self._path}: a tile is not what the header promises; download it again")
            return np.asarray(picture)


class _OpenSlideSource:
    """A scanner's own format."""

    def __init__(self, path: Path, mpp: float | None) -> None:
        try:
            import openslide
        except (ImportError, OSError):
            raise CourseError(
                f"{path}: a {path.suffix} file needs OpenSlide, which is not installed; pip install course-lib[slides]"
            ) from None
        with _as_one_line(path):
            self._slide = openslide.OpenSlide(path)
        known = mpp or float(self._slide.properties.get(openslide.PROPERTY_NAME_MPP_X, 0))
        if not known > 0:
            self._slide.close()
            raise CourseError(_no_resolution(path))
        self._path, self.mpp = path, known
        sizes = zip(self._slide.level_dimensions, self._slide.level_downsamples, strict=True)
        self.levels = tuple(SlideLevel(width, height, scale) for (width, height), scale in sizes)

    def close(self) -> None:
        self._slide.close()

    def read(self, x: int, y: int, width: int, height: int, level: int) -> NDArray[np.uint8]:
        scale = self.levels[level].downsample
        corner = round(math.floor(x / scale) * scale), round(math.floor(y / scale) * scale)
        with _as_one_line(self._path):
            region = self._slide.read_region(corner, level, (width, height))
        glass = Image.new("RGB", region.size, (255, 255, 255))
        glass.paste(region, mask=region.getchannel("A"))
        return np.array(glass)


def _levels_of(path: Path, file: Any) -> list[Any]:
    """Return the pages of the pyramid, largest first, after checking that they can be read."""
    first = file.pages[0]
    if not first.is_tiled:
        raise CourseError(f"{path}: has no tiles, so no region can be read by itself; convert it to a tiled TIFF")
    others = [*file.pages[1:], *(first.pages or ())]
    shape = first.imagewidth / first.imagelength
    pages = [first] + [
        page
        for page in others
        if page.is_tiled and page.is_reduced and abs(page.imagewidth / page.imagelength / shape - 1) < 0.05
    ]
    pages.sort(key=lambda page: -page.imagewidth)
    if len(pages) == 1 and max(first.imagewidth, first.imagelength) > _ONE_LEVEL:
        raise CourseError(f"{path}: holds no smaller levels; convert it to a pyramid: vips tiffsave --tile --pyramid")
    size = file.filehandle.size
    for page in pages:
        if page.dtype != np.uint8 or page.samplesperpixel not in (3, 4) or page.planarconfig != 1:
            raise CourseError(f"{path}: a slide needs 8 bits of red, green and blue, interleaved; convert it")
        if max(page.tilewidth, page.tilelength) > _LARGEST_TILE:
            raise CourseError(f"{path}: has tiles of {page.tilewidth}×{page.tilelength} pixels; convert it to 256×256")
        tiles = -(-page.imagewidth // page.tilewidth) * -(-page.imagelength // page.tilelength)
        if len(page.dataoffsets) != tiles or len(page.databytecounts) != tiles:
            raise CourseError(f"{path}: promises {tiles} tiles, lists {len(page.dataoffsets)}; download it again")
        needed = max(offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True))
        if needed > size:
            raise CourseError(f"{path}: cut short: needs {needed} bytes, {size} are there; download it again")
    return pages


def _cuts(start: int, length: int, extent: int, tile: int) -> Iterator[tuple[int, slice]]:
    """Give the tiles that an interval touches along an axis, and the part of the axis that each of them serves."""
    first, last = max(0, start), min(extent, start + length)
    for number in range(first // tile, -(-last // tile) if last > first else 0):
        yield number, slice(max(first, number * tile), min(last, (number + 1) * tile))


def _resolution(path: Path, page: Any) -> float:
    """Return micrometres a pixel, as the tags say."""
    tags = {name: page.tags[name].value for name in ("XResolution", "ResolutionUnit") if name in page.tags}
    above, below = tags.get("XResolution", (0, 1))
    unit = _UNITS_UM.get(int(tags.get("ResolutionUnit", 2)))
    if unit is None or not above or not below:
        raise CourseError(_no_resolution(path))
    mpp = unit * below / above
    if not 0.01 <= mpp <= 100:
        raise CourseError(
            f"{path}: says {mpp:.4g} µm a pixel, as no microscope has; give it: open_slide(path, mpp=0.5)"
        )
    return float(mpp)


def _no_resolution(path: Path) -> str:
    return f"{path}: does not say how large a pixel is; give it in micrometres: open_slide(path, mpp=0.5)"


def _whole_jpeg(content: bytes, page: Any) -> bytes:
    """Put tables that are shared by all tiles, and the mark of RGB without YCbCr, into a tile's JPEG."""
    tables = page.jpegtables
    if tables:
        content = tables[:-2] + content[2:]
    if page.photometric == _RGB and b"Adobe" not in content[:64]:
        content = content[:2] + b"\xff\xee\x00\x0eAdobe\x00d\x00\x00\x00\x00\x00" + content[2:]
    return content


@contextmanager
def _as_one_line(path: Path) -> Iterator[None]:
    """Turn whatever a damaged file makes a reader raise into one line."""
    try:
        yield
    except CourseError:
        raise
    except Exception as error:
        why = short_reason(error)
        raise CourseError(f"{path}: is damaged or of another kind ({why}); copy or download it again") from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep tifffile from logging what is told in one line anyway."""
    logger = logging.getLogger("tifffile")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
