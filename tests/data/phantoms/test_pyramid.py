"""Pyramids of tiles: written as TIFF wants it, or not at all."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from course_lib.data.phantoms.pyramid import write_pyramid
from course_lib.errors import CourseError


def grey(x: int, y: int, width: int, height: int) -> np.ndarray:
    return np.full((height, width, 4), 200, np.uint8)


def test_three_levels_with_their_tags(tmp_path: Path) -> None:
    write_pyramid(tmp_path / "a.tif", grey, size=1040, mpp=0.25, progress=False)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert [page.shape for page in file.pages] == [(1040, 1040, 3), (260, 260, 3), (65, 65, 3)]
        assert [bool(page.is_reduced) for page in file.pages] == [False, True, True]
        assert all(page.is_tiled and page.compression == 7 and page.photometric == 6 for page in file.pages)
        assert [page.tags["XResolution"].value[0] / 1000 for page in file.pages] == [40000, 10000, 2500]
        assert {page.tags["ResolutionUnit"].value for page in file.pages} == {3}
        assert [len(page.dataoffsets) for page in file.pages] == [25, 4, 1]


def test_pillow_reads_it_through_libtiff(tmp_path: Path) -> None:
    write_pyramid(tmp_path / "a.tif", grey, size=512, mpp=0.5, progress=False)
    with Image.open(tmp_path / "a.tif") as image:
        assert image.size == (512, 512)
        assert np.abs(np.asarray(image.convert("RGB")).astype(int) - 200).max() <= 2


def test_a_file_that_fails_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"old")

    def fails(x: int, y: int, width: int, height: int) -> np.ndarray:
        raise RuntimeError("no paint")

    with pytest.raises(RuntimeError, match="no paint"):
        write_pyramid(tmp_path / "a.tif", fails, size=512, mpp=0.5, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
    assert (tmp_path / "a.tif").read_bytes() == b"old"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"none/a\.tif: cannot be written \(No such file or directory\)"):
        write_pyramid(tmp_path / "none" / "a.tif", grey, size=512, mpp=0.5, progress=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": 500}, "size needs a multiple of 16 pixels up to 80000, got 500"),
        ({"size": 160_000}, "size needs a multiple of 16 pixels up to 80000"),
        ({"mpp": 0}, "mpp needs a number of micrometres above 0, got 0"),
        ({"quality": 100}, "quality needs to be 1 to 95, got 100"),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path: Path, arguments: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        write_pyramid(tmp_path / "a.tif", grey, **({"size": 512, "mpp": 0.5} | arguments))  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_the_bar_is_drawn_on_request(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_pyramid(tmp_path / "a.tif", grey, size=512, mpp=0.5, progress=False)
    assert capfd.readouterr() == ("", "")
    write_pyramid(tmp_path / "a.tif", grey, size=512, mpp=0.5)
    assert "slide" in capfd.readouterr().err
