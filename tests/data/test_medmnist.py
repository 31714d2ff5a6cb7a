"""The npz layout of MedMNIST: every array is checked before it is believed."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from course_lib.data.medmnist import read_medmnist
from course_lib.errors import CourseError

COUNTS = {"train": 5, "val": 3, "test": 4}


def _arrays(size: tuple[int, ...] = (8, 8), columns: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in COUNTS.items():
        arrays[f"{part}_images"] = rng.integers(0, 256, (count, *size)).astype(np.uint8)
        arrays[f"{part}_labels"] = rng.integers(0, 2, (count, columns)).astype(np.uint8)
    return arrays


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("size", [(8, 8), (8, 8, 3), (8, 8, 8)])
def test_grey_colour_and_volumes_come_back(tmp_path: Path, save: object, size: tuple[int, ...]) -> None:
    arrays = _arrays(size)
    save(tmp_path / "über mnist.npz", **arrays)  # type: ignore[operator]
    data = read_medmnist(tmp_path / "über mnist.npz")
    for part, count in COUNTS.items():
        images, labels = getattr(data, f"{part}_images"), getattr(data, f"{part}_labels")
        assert (images.dtype, images.shape, labels.dtype) == (np.uint8, (count, *size), np.int64)
        assert np.array_equal(images, arrays[f"{part}_images"])
        assert np.array_equal(labels, arrays[f"{part}_labels"][:, 0])
        assert images.flags.writeable
    assert (data.name, data.num_classes, data.is_multilabel) == ("über mnist", 2, False)


def test_fourteen_findings_at_once_are_truth_values(tmp_path: Path) -> None:
    arrays = _arrays(columns=14)
    np.savez(tmp_path / "chestmnist.npz", **arrays)
    data = read_medmnist(tmp_path / "chestmnist.npz")
    assert (data.val_labels.shape, data.val_labels.dtype) == ((3, 14), bool)
    assert np.array_equal(data.val_labels, arrays["val_labels"] == 1)
    assert (data.num_classes, data.is_multilabel) == (14, True)


def test_the_classes_of_all_parts_are_counted(tmp_path: Path) -> None:
    arrays = _arrays()
    arrays["test_labels"][0] = 7
    np.savez(tmp_path / "a.npz", **arrays)
    assert read_medmnist(tmp_path / "a.npz").num_classes == 8


def test_arrays_in_fortran_order_and_other_arrays_do_no_harm(tmp_path: Path) -> None:
    arrays = _arrays()
    images = np.asfortranarray(arrays["val_images"])
    np.savez(tmp_path / "a.npz", **{**arrays, "val_images": images, "more": np.array(["x"])})
    assert np.array_equal(read_medmnist(tmp_path / "a.npz").val_images, arrays["val_images"])


@pytest.mark.parametrize(
    ("key", "array", "words"),
    [
        ("val_images", None, "lacks val_images; a MedMNIST file holds train_images, train_labels, val_images"),
        ("val_images", np.zeros((3, 8, 8), np.float32), "val_images needs whole numbers, got float32"),
        ("val_labels", np.array([[None]] * 3, dtype=object), "val_labels needs whole numbers, got object"),
        ("val_images", np.zeros((3, 8, 8), np.int16), "val_images needs uint8, got int16"),
        ("val_images", np.zeros((3, 8), np.uint8), r"val_images needs square or cubic images, .* got \(3, 8\)"),
        ("val_images", np.zeros((3, 8, 9), np.uint8), "val_images needs square or cubic images"),
        ("val_images", np.zeros((3, 8, 8, 4), np.uint8), "val_images needs square or cubic images"),
        ("val_images", np.zeros((0, 8, 8), np.uint8), "val_images needs square or cubic images"),
        (
            "val_images",
            np.zeros((3, 9, 9), np.uint8),
            r"val_images needs the size of train_images, \(8, 8\), got \(9, 9\)",
        ),
        ("val_labels", np.zeros(3, np.uint8), r"val_labels needs shape \(N, 1\), got \(3,\)"),
        ("val_labels", np.zeros((3, 2), np.uint8), r"val_labels needs shape \(N, 1\), got \(3, 2\)"),
        ("train_labels", np.zeros(5, np.uint8), r"train_labels needs shape \(N, 1\), got \(5,\)"),
        ("val_labels", np.zeros((4, 1), np.uint8), "val_labels needs one row an image, 3, got 4"),
        ("val_labels", np.full((3, 1), -1), "val_labels needs classes from 0 to 10,000, got -1 to -1"),
    ],
)
def test_an_array_that_does_not_fit_is_named(tmp_path: Path, key: str, array: np.ndarray | None, words: str) -> None:
    arrays = _arrays()
    arrays.pop(key)
    np.savez(tmp_path / "a b.npz", **arrays, **({} if array is None else {key: array}))
    with pytest.raises(CourseError, match=rf"a b\.npz: {words}") as caught:
        read_medmnist(tmp_path / "a b.npz")
    assert "\n" not in str(caught.value)


def test_a_finding_is_there_or_not(tmp_path: Path) -> None:
    arrays = _arrays(columns=14)
    arrays["test_labels"][2, 3] = 2
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(CourseError, match="test_labels needs 0 or 1, got 0 to 2"):
        read_medmnist(tmp_path / "a.npz")


def _with_member(path: Path, key: str, content: bytes) -> Path:
    """Write a good file in which one array is other bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in _arrays().items():
            file = io.BytesIO()
            np.save(file, array)
            archive.writestr(f"{name}.npy", content if name == key else file.getvalue())
    return path


def test_a_file_that_swells_is_refused_by_what_it_declares(tmp_path: Path) -> None:
    path = _with_member(tmp_path / "a.npz", "val_images", bytes(3_000_000))
    with pytest.raises(CourseError, match=r"would unpack to 0\.003 GB, more than the 0\.001 allowed; .*max_gb=1\)"):
        read_medmnist(path, max_gb=0.001)
    with pytest.raises(ValueError, match="max_gb needs a number above 0, got 0"):
        read_medmnist(path, max_gb=0)


def test_an_array_that_promises_more_than_it_holds_is_refused_before_memory_is_asked_for(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**6, 10**6)})
    path = _with_member(tmp_path / "a.npz", "val_images", file.getvalue() + bytes(9))
    with pytest.raises(CourseError, match="val_images promises 1000000000000000000 bytes, 9 are there"):
        read_medmnist(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has zero bytes"),
        (b"<html>", "is not .npz"),
        (b"\x93NUMPY\x01\x00", "is not .npz"),
        (b"PK\x03\x04", "is cut short or damaged .File is not a zip file"),
    ],
)
def test_a_file_of_another_kind_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(CourseError, match=rf"a\.npz: {words}"):
        read_medmnist(tmp_path / "a.npz")
    with pytest.raises(CourseError, match=r"none\.npz: cannot be read \(No such file"):
        read_medmnist(tmp_path / "none.npz")
    with pytest.raises(CourseError, match="is cut short or damaged"):
        read_medmnist(_with_member(tmp_path / "b.npz", "val_images", b"no array"))


@pytest.mark.real_data
def test_the_real_chest_x_rays_have_the_counts_of_their_card(data_dir: Path) -> None:
    data = read_medmnist(data_dir / "pneumoniamnist_modified" / "pneumoniamnist.npz")
    assert data.train_images.shape == (3882, 28, 28)
    for part, counts in (("train", [388, 3494]), ("val", [135, 389]), ("test", [234, 390])):
        assert np.bincount(getattr(data, f"{part}_labels")).tolist() == counts
    assert data.num_classes == 2
    assert 100 < data.train_images.mean() < 180
