"""Slides: the regions that were asked for, as OpenSlide gives them; what is wrong is told in one line."""

import io
import struct
import sys
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile
from PIL import Image

from course_lib.data.phantoms.pyramid import write_pyramid
from course_lib.data.slides import open_slide
from course_lib.errors import CourseError

SIZE = 1200
RESOLUTION = {"resolution": (20000, 20000), "resolutionunit": "CENTIMETER"}


def picture(x: int, y: int, width: int, height: int) -> np.ndarray:
    """Coloured waves that differ everywhere."""
    down, right = np.mgrid[y : y + height, x : x + width].astype(np.float64)
    waves = [np.sin(down / 40), np.sin(right / 60), np.sin((down + 2 * right) / 150)]
    return np.rint(128 + 100 * np.stack(waves, axis=-1)).astype(np.uint8)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slides") / "Schnitt 切片.tif"
    write_pyramid(path, picture, size=SIZE, mpp=0.5, progress=False)
    return path


def on_white(region: Image.Image) -> np.ndarray:
    glass = Image.new("RGB", region.size, "white")
    glass.paste(region, mask=region.getchannel("A"))
    return np.asarray(glass)


@pytest.mark.parametrize("suffix", [".tif", ".svs"])
def test_regions_are_those_of_openslide_at_every_level_and_beyond_the_border(path: Path, suffix: str) -> None:
    """With .svs the file goes through OpenSlide."""
    copy = path.with_suffix(suffix)
    if suffix != ".tif":
        copy.write_bytes(path.read_bytes())
    rng = np.random.default_rng(0)
    with openslide.OpenSlide(path) as theirs, open_slide(copy) as ours:
        assert [(level.width, level.height) for level in ours.levels] == list(theirs.level_dimensions)
        assert [level.downsample for level in ours.levels] == list(theirs.level_downsamples)
        assert ours.mpp == pytest.approx(0.5) == float(theirs.properties["openslide.mpp-x"])
        for level, scale in enumerate((1, 4, 16)):
            for _ in range(8):
                x, y = (int(place) * scale for place in rng.integers(-200 // scale, (SIZE + 100) // scale, 2))
                width, height = (int(side) for side in rng.integers(1, 500, 2))
                region = ours.read_region(x, y, width, height, level=level)
                assert region.dtype == np.uint8
                assert region.shape == (height, width, 3)
                assert np.array_equal(region, on_white(theirs.read_region((x, y), level, (width, height))))


def test_the_picture_comes_back_as_jpeg_leaves_it(path: Path) -> None:
    with open_slide(path) as slide:
        found = slide.read_region(300, 200, 400, 300).astype(int)
        assert np.abs(found - picture(300, 200, 400, 300)).mean() < 6
        small = slide.read_region(320, 160, 40, 30, level=2).astype(int)
    expected = picture(320, 160, 640, 480).reshape(30, 16, 40, 16, 3).mean(axis=(1, 3))
    assert np.abs(small - expected).mean() < 6


def test_a_corner_between_pixels_of_a_level_goes_to_the_upper_left(path: Path) -> None:
    with open_slide(path) as slide:
        assert np.array_equal(slide.read_region(67, 35, 9, 9, level=1), slide.read_region(64, 32, 9, 9, level=1))
        outside = slide.read_region(-300, 0, 200, 10)
    assert (outside == 255).all()


def test_a_thumbnail_shows_the_whole_slide(path: Path) -> None:
    with open_slide(path) as slide:
        assert slide.thumbnail(size=75).shape == (75, 75, 3)
        small = slide.thumbnail(size=100).astype(int)
        assert slide.thumbnail(size=9999).shape == (SIZE, SIZE, 3)
        with pytest.raises(ValueError, match="a thumbnail needs a size of at least 1 pixel, got 0"):
            slide.thumbnail(size=0)
    expected = picture(0, 0, SIZE, SIZE).reshape(100, 12, 100, 12, 3).mean(axis=(1, 3))
    assert np.abs(small - expected).mean() < 6


@pytest.mark.parametrize(
    ("how", "tolerance"), [({}, 0), ({"compression": "zlib"}, 0), ({"predictor": True, "compression": "zlib"}, 0)]
)
@pytest.mark.parametrize("channels", [3, 4])
def test_other_tiled_tiffs_are_read_too(tmp_path: Path, how: dict[str, object], tolerance: int, channels: int) -> None:
    array = np.concatenate([picture(0, 0, 700, 500), np.full((500, 700, 1), 255, np.uint8)], axis=-1)[..., :channels]
    tifffile.imwrite(tmp_path / "a.tif", array, tile=(128, 256), photometric="rgb", **RESOLUTION, **how)
    with open_slide(tmp_path / "a.tif") as slide:
        assert np.array_equal(slide.read_region(90, 100, 500, 399), array[100:499, 90:590, :3])
        assert np.array_equal(slide.read_region(600, 450, 200, 100)[:50, :100], array[450:, 600:, :3])


def test_levels_below_the_first_directory_are_found(tmp_path: Path) -> None:
    array = picture(0, 0, 512, 512)
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as file:
        file.write(array, tile=(256, 256), photometric="rgb", subifds=1, **RESOLUTION)
        file.write(array[::2, ::2], tile=(256, 256), photometric="rgb", subfiletype=1)
    with open_slide(tmp_path / "a.ome.tif") as slide:
        assert [level.downsample for level in slide.levels] == [1, 2]
        assert np.array_equal(slide.read_region(100, 100, 50, 50, level=1), array[100:200:2, 100:200:2])


@pytest.mark.parametrize(
    ("tags", "unit", "mpp"), [((20000, 20000), "CENTIMETER", 0.5), ((101600, 101600), "INCH", 0.25)]
)
def test_the_resolution_is_read_in_its_unit(tmp_path: Path, tags: tuple[int, int], unit: str, mpp: float) -> None:
    white = np.full((256, 256, 3), 255, np.uint8)
    tifffile.imwrite(
        tmp_path / "a.tif", white, tile=(256, 256), photometric="rgb", resolution=tags, resolutionunit=unit
    )
    with open_slide(tmp_path / "a.tif") as slide:
        assert slide.mpp == pytest.approx(mpp)
    with open_slide(tmp_path / "a.tif", mpp=1.5) as slide:
        assert slide.mpp == 1.5


def _tiff(**how: object) -> bytes:
    stream = io.BytesIO()
    side = how.pop("side", 256)
    array = how.pop("array", None)
    white = np.full((side, side, 3), 255, np.uint8) if array is None else array
    tifffile.imwrite(stream, white, **({"photometric": "rgb", "tile": (256, 256)} | RESOLUTION | how))
    return stream.getvalue()


def _png() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: b"", "has zero bytes; copy or download it again"),
        (_png, "is not a TIFF; give a tiled TIFF or a file of a slide scanner"),
        (lambda: b"<html>404 Not Found</html>", "is not a TIFF"),
        (lambda: b"II*\0", "is damaged or of another kind"),
        (lambda: _tiff()[:50], "is damaged or of another kind"),
        (lambda: _tiff()[:-100], r"cut short: needs \d+ bytes, \d+ are there; download it again"),
        (lambda: _tiff(tile=None), "has no tiles, so no region can be read by itself"),
        (lambda: _tiff(side=4352, compression="zlib"), "holds no smaller levels; convert it to a pyramid"),
        (lambda: _tiff(resolution=None, resolutionunit=None), "does not say how large a pixel is; .*mpp=0.5"),
        (lambda: _tiff(resolution=(72, 72), resolutionunit="INCH"), "says 352.8 µm a pixel, as no microscope has"),
        (lambda: _tiff(array=np.zeros((256, 256, 3), np.uint16)), "needs 8 bits of red, green and blue"),
        (lambda: _tiff(array=np.zeros((256, 256), np.uint8), photometric="minisblack"), "needs 8 bits of red, green"),
    ],
)
def test_a_file_that_is_no_slide_is_told_in_one_line(tmp_path: Path, make: object, words: str) -> None:
    path = tmp_path / "node of today.tif"
    path.write_bytes(make())  # type: ignore[operator]
    with pytest.raises(CourseError, match=rf"node of today\.tif: .*{words}") as caught:
        open_slide(path)
    assert "\n" not in str(caught.value)


def test_a_slide_that_lost_its_end_is_told(tmp_path: Path, path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(CourseError, match=r"a\.tif: "):
        open_slide(tmp_path / "a.tif")


def test_missing_files_and_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"none\.tif: cannot be read \(No such file or directory\)"):
        open_slide(tmp_path / "none.tif")
    with pytest.raises(CourseError, match=r"cannot be read \(Is a directory\)"):
        open_slide(tmp_path)


def test_a_damaged_tile_is_told_when_it_is_read(tmp_path: Path, path: Path) -> None:
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        offset = file.pages[0].dataoffsets[0]
    content[offset : offset + 4] = b"\0\0\0\0"
    (tmp_path / "a.tif").write_bytes(content)
    with open_slide(tmp_path / "a.tif") as slide:
        with pytest.raises(CourseError, match=r"a\.tif: is damaged or of another kind"):
            slide.read_region(0, 0, 10, 10)
        assert slide.read_region(600, 600, 10, 10).std() > 0


def test_a_scanners_format_needs_openslide_and_says_how_to_get_it(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "a.svs"
    copy.write_bytes(b"nothing of a slide")
    with pytest.raises(CourseError, match=r"a\.svs: is damaged or of another kind"):
        open_slide(copy)
    white = np.full((256, 256, 3), 255, np.uint8)
    tifffile.imwrite(copy, white, tile=(256, 256), photometric="rgb")
    with pytest.raises(CourseError, match=r"a\.svs: does not say how large a pixel is"):
        open_slide(copy)
    monkeypatch.setitem(sys.modules, "openslide", None)
    with pytest.raises(CourseError, match=r"a\.svs: .* pip install course-lib\[slides\]$"):
        open_slide(copy)


def test_arguments_out_of_range_are_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="mpp needs a number of micrometres above 0, got 0"):
        open_slide(path, mpp=0)
    with open_slide(path) as slide:
        with pytest.raises(ValueError, match="level needs to be 0 to 2 for this slide, got 3"):
            slide.read_region(0, 0, 10, 10, level=3)
        with pytest.raises(ValueError, match="a width and a height of at least 1 pixel, got 0 and 5"):
            slide.read_region(0, 0, 0, 5)


def test_damaged_copies_are_read_or_refused_and_nothing_else(
    tmp_path: Path, path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = path.read_bytes()
    (start,) = struct.unpack("<I", content[4:8])
    rng, messages = np.random.default_rng(4), []
    for round_ in range(150):
        copy = bytearray(content)
        for place in rng.integers(start - 900, len(copy), size=1 + round_ % 4):
            copy[place] ^= 1 << int(rng.integers(8))
        if round_ % 5 == 0:
            copy = copy[: rng.integers(len(copy))]
        (tmp_path / "copy.tif").write_bytes(copy)
        try:
            with open_slide(tmp_path / "copy.tif") as slide:
                assert slide.read_region(100, 100, 50, 50).shape == (50, 50, 3)
        except CourseError as error:
            messages.append(str(error))
    assert len(messages) > 50
    assert all(message.startswith(str(tmp_path)) and "\n" not in message for message in messages)
    assert capfd.readouterr() == ("", "")
