"""NIfTI: what is right is read, what is wrong is told in one line."""

import gzip
import tracemalloc
from pathlib import Path

import nibabel
import numpy as np
import pytest

from course_lib.data.nifti import read_nifti, read_nifti_mask
from course_lib.errors import CourseError

AFFINE = np.array([[0, 0, -5.0, 10], [-2, 0, 0, 20], [0, 3, 0, -30], [0, 0, 0, 1]])


@pytest.fixture
def voxels() -> np.ndarray:
    return np.random.default_rng(3).integers(-1000, 1000, (5, 4, 3)).astype(np.int16)


@pytest.fixture
def good(tmp_path: Path, voxels: np.ndarray) -> bytes:
    nibabel.save(nibabel.Nifti1Image(voxels, AFFINE), tmp_path / "good.nii")
    return (tmp_path / "good.nii").read_bytes()


def _changed(good: bytes, path: Path, **fields: object) -> Path:
    """Write the good file with other header fields, unchecked by nibabel."""
    header = nibabel.Nifti1Header(good[:348], check=False)
    for name, value in fields.items():
        header[name] = value
    path.write_bytes(header.binaryblock + good[348:])
    return path


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("name", ["a.nii", "b.nii.gz", "Über den Bauch 肝.nii.gz"])
@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 4, 3, 2)])
def test_an_image_comes_back_with_its_place(tmp_path: Path, kind: type, name: str, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    nibabel.save(kind(array, AFFINE), tmp_path / name)
    image = read_nifti(tmp_path / name)
    assert image.array.dtype == np.float32
    assert np.array_equal(image.array, array)
    assert np.allclose(image.affine, AFFINE)
    assert image.name == name.split(".")[0]
    assert image.reoriented_to_ras().spacing_mm.tolist() == pytest.approx([5, 2, 3])


def test_turning_to_ras_agrees_with_nibabel(tmp_path: Path, voxels: np.ndarray) -> None:
    nibabel.save(nibabel.Nifti1Image(voxels, AFFINE), tmp_path / "a.nii.gz")
    ours = read_nifti(tmp_path / "a.nii.gz").reoriented_to_ras()
    theirs = nibabel.as_closest_canonical(nibabel.load(tmp_path / "a.nii.gz"))
    assert np.array_equal(ours.array, theirs.get_fdata())
    assert np.allclose(ours.affine, theirs.affine)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint16, np.float64, ">i2", ">f4"])
def test_every_stored_type_becomes_float32(tmp_path: Path, dtype: object) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    header = nibabel.Nifti1Header(
        endianness=array.dtype.newbyteorder("=").byteorder.replace("|", "<").replace("=", "<")
    )
    if str(dtype).startswith(">"):
        header = nibabel.Nifti1Header(endianness=">")
    header.set_data_dtype(array.dtype)
    nibabel.save(nibabel.Nifti1Image(array, AFFINE, header), tmp_path / "a.nii")
    image = read_nifti(tmp_path / "a.nii")
    assert image.array.dtype == np.dtype("float32")
    assert np.array_equal(image.array, array)


def test_slope_and_intercept_of_the_header_are_used(tmp_path: Path, good: bytes, voxels: np.ndarray) -> None:
    path = _changed(good, tmp_path / "a.nii", scl_slope=2, scl_inter=-1024)
    assert np.array_equal(read_nifti(path).array, 2.0 * voxels - 1024)


@pytest.mark.parametrize("slope", [0, np.nan])
def test_a_slope_of_0_or_nan_means_not_scaled(tmp_path: Path, good: bytes, voxels: np.ndarray, slope: float) -> None:
    path = _changed(good, tmp_path / "a.nii", scl_slope=slope, scl_inter=0)
    assert np.array_equal(read_nifti(path).array, voxels)


def test_a_nan_that_signals_is_told_without_a_warning(tmp_path: Path, good: bytes) -> None:
    copy = bytearray(good)
    copy[80:84] = (0x7FA00000).to_bytes(4, "little")  # the first spacing
    (tmp_path / "a.nii").write_bytes(copy)
    with pytest.raises(CourseError, match="spacing needs numbers above 0, got"):
        read_nifti(tmp_path / "a.nii")


def test_a_file_in_metres_is_read_in_millimetres(tmp_path: Path, good: bytes) -> None:
    path = _changed(good, tmp_path / "a.nii", xyzt_units=1)
    assert read_nifti(path).spacing_mm.tolist() == pytest.approx([2000, 3000, 5000])


def test_the_qform_is_used_where_the_sform_is_unset(tmp_path: Path, voxels: np.ndarray) -> None:
    image = nibabel.Nifti1Image(voxels, AFFINE)
    image.set_qform(AFFINE, 1)
    image.set_sform(None, 0)
    nibabel.save(image, tmp_path / "a.nii")
    assert np.allclose(read_nifti(tmp_path / "a.nii").affine, AFFINE, atol=1e-4)


def test_fourth_dimensions_of_one_are_dropped(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 3, 4, 1, 1), np.float32), AFFINE), tmp_path / "a.nii")
    assert read_nifti(tmp_path / "a.nii").array.shape == (2, 3, 4)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_labels_are_whole_numbers_whatever_their_type(tmp_path: Path, dtype: type) -> None:
    labels = np.arange(24).reshape(2, 3, 4)
    nibabel.save(nibabel.Nifti1Image(labels.astype(dtype), AFFINE), tmp_path / "a.nii.gz")
    mask = read_nifti_mask(tmp_path / "a.nii.gz")
    assert mask.array.dtype == np.int32
    assert np.array_equal(mask.array, labels)


@pytest.mark.parametrize(("value", "words"), [(0.5, "got 0.5"), (np.nan, "got nan"), (3e9, "got 3e")])
def test_a_mask_of_other_numbers_is_refused(tmp_path: Path, value: float, words: str) -> None:
    nibabel.save(nibabel.Nifti1Image(np.full((2, 2, 2), value, np.float32), AFFINE), tmp_path / "a.nii")
    with pytest.raises(CourseError, match=rf"a\.nii: a mask needs whole numbers, {words}"):
        read_nifti_mask(tmp_path / "a.nii")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_voxels_that_are_no_numbers_are_counted_or_filled(tmp_path: Path, value: float) -> None:
    array = np.ones((2, 2, 2))
    array[0, 0, 0] = value
    nibabel.save(nibabel.Nifti1Image(array, AFFINE), tmp_path / "a.nii")
    with pytest.raises(CourseError, match=r"a\.nii: 1 of 8 voxels are NaN or infinite; .*fill=0"):
        read_nifti(tmp_path / "a.nii")
    assert read_nifti(tmp_path / "a.nii", fill=-5).array[0, 0].tolist() == [[-5, 1], [1, 1]][0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"sform_code": 0, "qform_code": 0}, "has no affine"),
        ({"pixdim": [1, 2, 0, 5, 1, 1, 1, 1]}, "spacing needs numbers above 0"),
        ({"pixdim": [1, 2, np.nan, 5, 1, 1, 1, 1]}, "spacing needs numbers above 0"),
        ({"srow_x": [0, 0, 0, 0]}, "spacing above 0 mm"),
        ({"srow_x": [0, 0, np.inf, 0]}, "affine needs finite numbers"),
        ({"sform_code": 0, "qform_code": 1, "quatern_b": 5}, "the orientation is damaged"),
        ({"xyzt_units": 7}, "the unit of length"),
        ({"datatype": 999}, "needs? to be real numbers, got NIfTI type 999"),
        ({"datatype": 128}, "real numbers, got NIfTI type 128"),
        ({"datatype": 32}, "real numbers, got NIfTI type 32"),
        ({"dim": [2, 5, 12, 1, 1, 1, 1, 1]}, "needs 3 or 4 dimensions"),
        ({"dim": [5, 5, 4, 1, 1, 3, 1, 1]}, "needs 3 or 4 dimensions"),
        ({"dim": [3, 5, -4, 3, 1, 1, 1, 1]}, "needs 3 or 4 dimensions"),
        ({"dim": [9, 5, 4, 3, 1, 1, 1, 1]}, "needs 3 or 4 dimensions"),
        ({"dim": [4, 32767, 32767, 32767, 32767, 1, 1, 1]}, "cut short: the header promises"),
        ({"vox_offset": 0}, "voxels begin at byte 0"),
        ({"vox_offset": np.inf}, "voxels begin at byte inf"),
        ({"scl_slope": np.inf}, "scaling needs finite numbers"),
        ({"magic": b"ni1"}, "is the header of a .hdr/.img pair"),
        ({"magic": b"dcm"}, "is not NIfTI"),
        ({"sizeof_hdr": 349}, "is not NIfTI"),
    ],
)
def test_a_wrong_header_is_told_in_one_line_with_the_file(
    tmp_path: Path, good: bytes, fields: dict[str, object], words: str
) -> None:
    path = _changed(good, tmp_path / "scan of today.nii", **fields)
    for read in (read_nifti, read_nifti_mask):
        with pytest.raises(CourseError, match=rf"scan of today\.nii: .*{words}") as caught:
            read(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("a.nii", lambda good: b"", "has zero bytes"),
        ("a.nii.gz", lambda good: b"", "has zero bytes"),
        ("a.nii", lambda good: good[:-1], "cut short: the header promises 472 bytes, 471 are there"),
        ("a.nii", lambda good: good[:347] + b"", "is not NIfTI"),
        ("a.nii.gz", lambda good: gzip.compress(good)[:-20], "gzip is cut short or damaged"),
        ("a.nii.gz", lambda good: gzip.compress(good[:-1]), "cut short: the header promises"),
        ("a.nii.gz", lambda good: good, "is called .gz but is not gzip"),
        ("a.nii", lambda good: b"<html>404 Not Found</html>", "is not NIfTI"),
    ],
)
def test_a_file_cut_short_or_of_another_kind_is_told(
    tmp_path: Path, good: bytes, name: str, make: object, words: str
) -> None:
    (tmp_path / name).write_bytes(make(good))  # type: ignore[operator]
    with pytest.raises(CourseError, match=rf"{name}: {words}"):
        read_nifti(tmp_path / name)


def test_a_small_file_that_swells_costs_no_more_memory_than_it_promises(tmp_path: Path, good: bytes) -> None:
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(good + bytes(100_000_000), 1))
    tracemalloc.start()
    image = read_nifti(tmp_path / "a.nii.gz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert image.array.shape == (5, 4, 3)
    assert peak < 20_000_000


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"none\.nii: cannot be read \(No such file or directory\)"):
        read_nifti(tmp_path / "none.nii")
    with pytest.raises(CourseError, match=r"cannot be read \(Is a directory\)"):
        read_nifti(tmp_path)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_damaged_copies_are_read_or_refused_and_nothing_else(
    tmp_path: Path, voxels: np.ndarray, kind: type, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Bit flips, mostly in the header, and truncation: a MedicalImage or a CourseError, no warning, no word printed."""
    nibabel.save(kind(voxels, AFFINE), tmp_path / f"good{suffix}")
    content = (tmp_path / f"good{suffix}").read_bytes()
    path = tmp_path / f"copy{suffix}"
    rng = np.random.default_rng(11)
    messages = []
    for round_ in range(400):
        copy = bytearray(content)
        for place in rng.integers(0, min(len(copy), 600), size=1 + round_ % 4):
            copy[place] ^= 1 << int(rng.integers(8))
        if round_ % 5 == 0:
            copy = copy[: rng.integers(len(copy))]
        path.write_bytes(copy)
        for read in (read_nifti, read_nifti_mask):
            try:
                assert read(path).array.size
            except CourseError as error:
                messages.append(str(error))
    assert len(messages) > 100
    assert all(message.startswith(str(path)) and "\n" not in message for message in messages)
    assert capfd.readouterr() == ("", "")


@pytest.mark.real_data
def test_a_real_ct_is_in_hounsfield_units_with_a_liver_of_1123_ml(data_dir: Path) -> None:
    folder = data_dir / "totalsegmentator_ct"
    ct = read_nifti(folder / "example_ct.nii.gz").reoriented_to_ras()
    liver = read_nifti_mask(folder / "example_seg_v1_2022" / "liver.nii.gz").reoriented_to_ras()
    assert ct.array.shape == liver.array.shape == (122, 101, 112)
    assert (ct.array.min(), ct.array.max()) == (-1207, 3382)
    assert ct.spacing_mm.tolist() == pytest.approx([3, 3, 3], abs=1e-3)
    assert liver.array.sum() * liver.voxel_ml == pytest.approx(1123, abs=1)
    assert ct.array[liver.array == 1].mean() == pytest.approx(44, abs=1)
    right_mm = (liver.affine @ [*np.argwhere(liver.array).mean(axis=0), 1])[0]
    middle_mm = (ct.affine @ [*(np.array(ct.array.shape) / 2), 1])[0]
    assert right_mm > middle_mm + 30, "the liver lies on the right"
