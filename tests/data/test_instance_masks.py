"""Nuclei with one mask each: numbers and masks into each other, and the folders of the Data Science Bowl."""

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_lib.data.instance_masks import labels_from_masks, masks_from_labels, read_nuclei, touching_pairs
from course_lib.errors import CourseError

LABELS = np.array([[1, 1, 0, 3], [0, 2, 2, 3], [0, 0, 0, 0]], dtype=np.int32)


def _png(array: np.ndarray, mode: str | None = None) -> bytes:
    file = io.BytesIO()
    picture = Image.fromarray(array)
    (picture.convert(mode) if mode else picture).save(file, "PNG")
    return file.getvalue()


def _files() -> dict[str, bytes]:
    """Two images: one with three nuclei, one with one."""
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    files = {"set/b ü/images/b ü.png": _png(grey, "RGBA"), "set/a/images/x.png": _png(grey)}
    for number in (1, 2, 3):
        files[f"set/b ü/masks/{number}.png"] = _png((number == LABELS).astype(np.uint8) * 255)
    files["set/a/masks/m.png"] = _png(LABELS == 3)
    return files


def _write(path: Path, files: dict[str, bytes]) -> Path:
    """Write a zip, if the path is called so, or else a folder."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["nuclei.zip", "die Kerne"])
def test_a_folder_and_a_zip_give_the_same_numbered_nuclei(tmp_path: Path, name: str) -> None:
    files = {**_files(), "__MACOSX/set/a/masks/._m.png": b"x", "set/a/masks/.DS_Store": b"x", "set/readme.txt": b"x"}
    first, second = read_nuclei(_write(tmp_path / name, files))
    assert (first.name, first.num_nuclei, second.name, second.num_nuclei) == ("a", 1, "b ü", 3)
    assert (second.labels.dtype, second.image.dtype, second.image.shape) == (np.int32, np.uint8, (3, 4, 3))
    assert np.array_equal(second.labels, LABELS)
    assert np.array_equal(first.labels, LABELS == 3)
    assert second.image[2, 3].tolist() == [220, 220, 220]


@pytest.mark.parametrize("name", ["nuclei.zip", "Kerne"])
@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("set/a/masks/n.png", _png((LABELS > 1) * np.uint8(255)), "n.png: overlaps m.png in 2 pixels; give each pixel"),
        ("set/a/masks/m.png", _png(LABELS > 9), "m.png: is empty, so there is no nucleus"),
        ("set/a/masks/m.png", _png(LABELS[:2] > 1), r"m.png: needs the size of its image, \(3, 4\), got \(2, 4\)"),
        ("set/a/masks/m.png", _png(LABELS.astype(np.uint8)), "m.png: needs black and one white, got grey"),
        ("set/a/masks/m.png", b"", "m.png: has zero bytes"),
        ("set/a/masks/m.png", b"hello", "m.png: no picture, or damaged"),
        ("set/a\nb/images/y.png", b"x", r"'set/a\\nb/images/y.png' is no name of a picture"),
        ("set/a/images/y.png", _png(LABELS > 1), "set/a: needs one picture in images and some in masks, got 2 and 1"),
        ("set/c/images/y.png", _png(LABELS > 1), "set/c: needs one picture in images and some in masks, got 1 and 0"),
        ("set/a/images/x.png", _png(np.zeros((3, 4), np.uint16)), "x.png: needs 8 bits grey or colour, got mode I;16"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, name: str, file: str, content: bytes, words: str) -> None:
    path = _write(tmp_path / name, {**_files(), file: content})
    with pytest.raises(CourseError, match=words) as caught:
        read_nuclei(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_what_holds_no_nuclei_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04")
    for path, words in (
        (tmp_path, "holds no NAME/images/"),
        (_write(tmp_path / "b.zip", {"a.txt": b""}), "b.zip: holds no NAME/images/"),
        (tmp_path / "file", "is neither a folder nor a zip"),
        (tmp_path / "a.zip", "a.zip: is cut short or damaged"),
        (tmp_path / "none", "none: cannot be read"),
    ):
        with pytest.raises(CourseError, match=words):
            read_nuclei(path)


def test_a_picture_that_swells_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course_lib.data.instance_masks._MAX_PICTURE_BYTES", 10)
    with pytest.raises(CourseError, match=r"png: would unpack to 0 MB; it is damaged or a trap"):
        read_nuclei(_write(tmp_path / "a.zip", _files()))


def test_labels_become_masks_and_masks_become_labels_again() -> None:
    masks = masks_from_labels(LABELS)
    assert (masks.dtype, masks.shape, masks.sum(axis=(1, 2)).tolist()) == (bool, (3, 3, 4), [2, 2, 2])
    assert np.array_equal(labels_from_masks(masks), LABELS)
    assert np.array_equal(labels_from_masks(list(masks.astype(float))), LABELS)
    assert masks_from_labels(np.zeros((2, 3), int)).shape == (0, 2, 3)


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        ([], r"masks need one shape \(H, W\), at least one mask, got \[\]"),
        ([np.ones((2, 2)), np.ones((2, 3))], r"masks need one shape .* got \[\(2, 2\), \(2, 3\)\]"),
        (np.ones((2, 2)), r"masks need one shape .* got \[\(2,\)\]"),
        (np.zeros((1, 2, 2)), "masks need a pixel above 0 each, mask 0 has none"),
        (np.ones((2, 2, 2)), "masks may not overlap, masks 0 and 1 share 4 pixels"),
    ],
)
def test_masks_that_are_none_are_refused(masks: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        labels_from_masks(masks)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.array([[0.0]]), r"labels need an \(H, W\) array of whole numbers, got float64 \(1, 1\)"),
        (np.array([1]), r"got int64 \(1,\)"),
        ([[1]], "got list"),
        (np.array([[-1]]), "labels need numbers from 0, got -1"),
        (np.array([[1, 3]]), "labels need to be 1 … K, none left out, got 2 up to 3"),
    ],
)
def test_labels_that_are_none_are_refused(labels: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        masks_from_labels(labels)


def test_touching_agrees_with_a_slow_and_obvious_count() -> None:
    labels = np.random.default_rng(0).integers(0, 9, (12, 15))
    slow = set()
    for row in range(12):
        for column in range(15):
            for down, right in ((0, 1), (1, 0)):
                if row + down < 12 and column + right < 15:
                    pair = sorted((int(labels[row, column]), int(labels[row + down, column + right])))
                    if 0 < pair[0] < pair[1]:
                        slow.add(tuple(pair))
    assert [tuple(pair) for pair in touching_pairs(labels).tolist()] == sorted(slow)
    assert touching_pairs(np.zeros((3, 3), int)).shape == (0, 2)
    assert touching_pairs(LABELS).tolist() == [[1, 2], [2, 3]]
    with pytest.raises(ValueError, match="labels need an"):
        touching_pairs(np.zeros(3))


@pytest.mark.real_data
def test_fifty_real_images_have_2106_nuclei_of_which_445_pairs_touch(data_dir: Path) -> None:
    folder = data_dir / "dsb2018_nuclei"
    images = {one.name: one for one in read_nuclei(folder / "stage1_train_subset.zip")}
    with (folder / "index.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(images) == len(rows) == 50
    for row in rows:
        one = images[row["image_id"]]
        assert one.image.shape == (int(row["height"]), int(row["width"]), 3)
        assert one.num_nuclei == int(row["n_nuclei"])
        assert len(touching_pairs(one.labels)) == int(row["touching_pairs_4conn"])
    assert sum(one.num_nuclei for one in images.values()) == 2106
    assert sum(len(touching_pairs(one.labels)) for one in images.values()) == 445
