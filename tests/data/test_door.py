"""What every reader checks alike."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_lib.data.door import (
    file_bytes,
    finite_voxels,
    label_voxels,
    open_file,
    open_picture,
    placed_image,
    short_reason,
)
from course_lib.errors import CourseError


def _png(width: int = 3, height: int = 2) -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height), 7).save(file, "PNG")
    return file.getvalue()


def test_a_file_is_read_whole_or_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_bytes(tmp_path / "a", wanted="a file") == b"abc"
    (tmp_path / "b").touch()
    for path, words in (
        (tmp_path / "b", "b: has zero bytes; copy or download it again"),
        (tmp_path, r"cannot be read \(Is a directory\); give the path of a file"),
        (tmp_path / "c", r"c: cannot be read \(No such file or directory\)"),
        (Path("a\0b"), r"cannot be read \(embedded null byte\)"),
    ):
        with pytest.raises(CourseError, match=words):
            file_bytes(path, wanted="a file")
    with open_file(tmp_path / "a", wanted="a file") as file:
        assert file.read() == b"abc"


def test_intensities_are_finite_copies() -> None:
    values = np.array([1.0, 2.0], dtype=np.float32)
    array = finite_voxels(Path("a"), values, fill=None, reader="read")
    array[0] = 9
    assert values.tolist() == [1, 2]
    with pytest.raises(CourseError, match=r"a: 1 of 2 voxels are NaN or infinite; .*`read\(path, fill=0\)`"):
        finite_voxels(Path("a"), np.array([1, np.inf]), fill=None, reader="read")


@pytest.mark.parametrize("fill", [np.nan, -np.inf, 1e39])
def test_what_fills_is_finite_itself(fill: float) -> None:
    with pytest.raises(ValueError, match=f"fill needs a finite number, got {fill}".replace("+", r"\+")):
        finite_voxels(Path("a"), np.array([1.0]), fill=fill, reader="read")


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint32, np.int64, np.float64])
def test_labels_keep_their_values_whatever_their_type(dtype: type) -> None:
    assert label_voxels(Path("a"), np.array([0, 7, 127], dtype), reader="read").tolist() == [0, 7, 127]


def test_labels_are_whole() -> None:
    assert label_voxels(Path("a"), np.array([3], np.uint64), reader="read").dtype == np.int32
    with pytest.raises(CourseError, match=r"a: a mask needs whole numbers, got 0\.5; read an image with `read`"):
        label_voxels(Path("a"), np.array([0.5]), reader="read")


def test_a_place_that_is_none_is_told_with_the_file() -> None:
    with pytest.raises(CourseError, match=r"a: affine needs a spacing above 0 mm .* true spacing and affine"):
        placed_image(
            Path("a"), np.zeros((1, 1, 1), np.int32), np.zeros((4, 4)) + np.diag([0, 1, 1, 1]), name="", metadata={}
        )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "a: has zero bytes"),
        (b"GIF87a", "a: no picture, or damaged"),
        (b"hello", "a: no picture, or damaged .unknown kind of picture"),
        (_png()[:-30], "a: no picture, or damaged"),
        (_png(20_000, 10_000), "a: no picture, or damaged .Image size .* exceeds limit"),
        (_png(8000, 8000), "a: claims 8000 × 8000 pixels, more than 50 million"),
    ],
)
def test_what_is_no_picture_is_told(content: bytes, words: str) -> None:
    with pytest.raises(CourseError, match=words) as caught:
        open_picture("a", content)
    assert "\n" not in str(caught.value)


def test_a_picture_is_decoded_at_once() -> None:
    assert np.asarray(open_picture("a", _png())).tolist() == [[7, 7, 7], [7, 7, 7]]


def test_a_reason_is_short_printable_and_never_empty() -> None:
    assert short_reason(KeyError()) == "KeyError"
    assert short_reason(ValueError("a\nb\x00\x1b c")) == "a b c"
    long = short_reason(ValueError("x" * 500))
    assert (len(long), long[-2:]) == (98, "x…")
