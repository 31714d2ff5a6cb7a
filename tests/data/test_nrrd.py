"""NRRD: what is right is read in its place, what is wrong is told in one line."""

import bz2
import gzip
from pathlib import Path

import nrrd
import numpy as np
import pytest

from course_lib.data.nrrd import read_nrrd, read_nrrd_mask
from course_lib.errors import CourseError

VOXELS = np.random.default_rng(3).integers(-1000, 1000, (5, 4, 3)).astype("<i2")
FIELDS = {
    "type": "short",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "5 4 3",
    "space directions": "(0,2,0) (0,0,-3) (5,0,0)",
    "endian": "little",
    "encoding": "raw",
    "space origin": "(10,-20,30)",
}


def _write(path: Path, voxels: bytes = VOXELS.tobytes("F"), **fields: str | None) -> Path:
    """Write a file with other header fields than the good one; None takes a field away."""
    changed = {**FIELDS, **{name.replace("_", " "): value for name, value in fields.items()}}
    lines = ["NRRD0004", "# a comment"] + [f"{name}: {value}" for name, value in changed.items() if value is not None]
    path.write_bytes("\n".join(lines).encode() + b"\n\n" + voxels)
    return path


def test_patient_left_and_back_become_right_and_front(tmp_path: Path) -> None:
    image = read_nrrd(_write(tmp_path / "Über den Bauch 肝.nrrd"))
    assert image.array.dtype == np.float32
    assert np.array_equal(image.array, VOXELS)
    assert image.affine.tolist() == [[0, 0, -5, -10], [-2, 0, 0, 20], [0, -3, 0, 30], [0, 0, 0, 1]]
    assert (image.axis_codes, image.name) == ("PIL", "Über den Bauch 肝")
    assert image.reoriented_to_ras().spacing_mm.tolist() == [5, 2, 3]


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("RAS", (1, 1, 1)),
        ("LPS", (-1, -1, 1)),
        ("left-anterior-superior", (-1, 1, 1)),
        ("Right-Anterior-Superior", (1,) * 3),
    ],
)
def test_each_space_of_the_body_is_turned_to_ras(tmp_path: Path, space: str, signs: tuple[int, ...]) -> None:
    image = read_nrrd(_write(tmp_path / "a.nrrd", space=space))
    assert image.affine[:3, 3].tolist() == [10 * signs[0], -20 * signs[1], 30 * signs[2]]
    assert image.affine[:3, 2].tolist() == [5 * signs[0], 0, 0]


def test_an_oblique_scan_stays_oblique(tmp_path: Path) -> None:
    c, s = np.cos(0.3), np.sin(0.3)
    image = read_nrrd(_write(tmp_path / "a.nrrd", space_directions=f"({c},{s},0) ({-2 * s},{2 * c},0) (0,0,6.5)"))
    assert image.spacing_mm.tolist() == pytest.approx([1, 2, 6.5])
    assert image.voxel_ml == pytest.approx(0.013)
    assert image.affine[:3, 0].tolist() == pytest.approx([-c, -s, 0])


@pytest.mark.parametrize(
    ("encoding", "pack"), [("raw", bytes), ("gzip", gzip.compress), ("gz", gzip.compress), ("bzip2", bz2.compress)]
)
def test_packed_voxels_are_unpacked(tmp_path: Path, encoding: str, pack: object) -> None:
    packed = pack(VOXELS.tobytes("F"))  # type: ignore[operator]
    assert np.array_equal(read_nrrd(_write(tmp_path / "a.nrrd", packed, encoding=encoding)).array, VOXELS)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("signed char", "i1"),
        ("uchar", "u1"),
        ("unsigned short", "u2"),
        ("int", "i4"),
        ("unsigned int", "u4"),
        ("long long", "i8"),
        ("uint64_t", "u8"),
        ("float", "f4"),
        ("double", "f8"),
    ],
)
@pytest.mark.parametrize("endian", ["little", "big"])
def test_every_stored_type_becomes_float32_or_a_label(tmp_path: Path, name: str, dtype: str, endian: str) -> None:
    voxels = np.arange(60).reshape(5, 4, 3)
    stored = voxels.astype(("<" if endian == "little" else ">") + dtype)
    path = _write(tmp_path / "a.nrrd", stored.tobytes("F"), type=name, endian=endian)
    assert np.array_equal(read_nrrd(path).array, voxels)
    assert read_nrrd(path).array.dtype == np.dtype("float32")
    assert np.array_equal(read_nrrd_mask(path).array, voxels)
    assert read_nrrd_mask(path).array.dtype == np.dtype("int32")


@pytest.mark.parametrize("axis", [0, 3])
def test_times_or_components_become_the_last_axis(tmp_path: Path, axis: int) -> None:
    series = np.arange(120, dtype="<i2").reshape(5, 4, 3, 2)
    directions = FIELDS["space directions"].split()
    directions.insert(axis, "none")
    stored = np.moveaxis(series, -1, axis)
    sizes = " ".join(map(str, stored.shape))
    path = _write(
        tmp_path / "a.nrrd", stored.tobytes("F"), dimension="4", sizes=sizes, space_directions=" ".join(directions)
    )
    assert np.array_equal(read_nrrd(path).array, series)
    assert read_nrrd(path).spacing_mm.tolist() == [2, 3, 5]


def test_what_pynrrd_wrote_comes_back(tmp_path: Path) -> None:
    header = {"space": "LPS", "space directions": np.diag([1.0, 2.0, 3.0]), "space origin": [0, 0, 0]}
    nrrd.write(str(tmp_path / "a.nrrd"), VOXELS, header)
    assert np.array_equal(read_nrrd(tmp_path / "a.nrrd").array, nrrd.read(str(tmp_path / "a.nrrd"))[0])


def test_a_file_in_centimetres_is_read_in_millimetres(tmp_path: Path) -> None:
    assert read_nrrd(_write(tmp_path / "a.nrrd", space_units='"cm" "cm" "cm"')).spacing_mm.tolist() == [20, 30, 50]


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_voxels_that_are_no_numbers_are_counted_or_filled(tmp_path: Path, value: float) -> None:
    voxels = np.ones((5, 4, 3))
    voxels[0, 0, 0] = value
    path = _write(tmp_path / "a.nrrd", voxels.tobytes("F"), type="double")
    with pytest.raises(
        CourseError, match=r"a\.nrrd: 1 of 60 voxels are NaN or infinite; .*`read_nrrd\(path, fill=0\)`"
    ):
        read_nrrd(path)
    assert read_nrrd(path, fill=-5).array[0, 0].tolist() == [-5, 1, 1]
    with pytest.raises(CourseError, match=r"a\.nrrd: a mask needs whole numbers, got .*`read_nrrd`"):
        read_nrrd_mask(path)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"space": None}, "has no affine .space needs LPS, RAS or LAS, got none."),
        ({"space": "scanner-xyz"}, "has no affine .space needs LPS, RAS or LAS, got scanner-xyz."),
        ({"space_directions": None}, "has no affine .it needs three space directions"),
        ({"space_directions": "none (0,0,1) (1,0,0)"}, "has no affine .it needs three space directions"),
        ({"space_directions": "(1,0) (0,1) (1,1)"}, "space directions need 3 numbers each, got 2"),
        ({"space_origin": None}, "and a space origin of 3 numbers"),
        ({"space_directions": "(0,0,0) (0,0,1) (1,0,0)"}, r"spacing needs numbers above 0, got \[0\.0, 1\.0, 1\.0\]"),
        ({"space_directions": "(inf,0,0) (0,0,1) (1,0,0)"}, "spacing needs numbers above 0"),
        ({"space_directions": "(1,0,0) (1,0,0) (1,0,0)"}, "three different directions"),
        ({"space_origin": "(nan,0,0)"}, "affine needs finite numbers"),
        ({"space_units": '"ft" "ft" "ft"'}, "the unit of length is unknown, got 'ft'"),
        ({"sizes": "5 12", "dimension": "2"}, r"needs 3 or 4 dimensions of at least 1 voxel, got \[5, 12\]"),
        ({"sizes": "5 -4 3"}, "needs 3 or 4 dimensions"),
        ({"sizes": None}, "needs 3 or 4 dimensions"),
        ({"dimension": "4"}, "needs 3 or 4 dimensions"),
        ({"sizes": "5 4 4"}, "cut short: the header promises 160 bytes, 120 are there"),
        ({"sizes": "90000000 90000000 90000000"}, "cut short: the header promises"),
        ({"sizes": "5 4 2"}, "damaged: the header promises 80 bytes, more are there"),
        ({"type": "block"}, "real numbers, got NRRD type block"),
        ({"type": None}, "real numbers, got NRRD type none"),
        ({"endian": None}, "the order of bytes needs to be little or big, got none"),
        ({"encoding": "hex"}, "encoding needs raw, gzip or bzip2, got hex"),
        ({"encoding": "gzip"}, "gzip is cut short or damaged"),
        ({"encoding": "bz2"}, "bz2 is cut short or damaged"),
        ({"data_file": "a.raw"}, "is a header whose voxels lie in another file; save it as one"),
        ({"byte_skip": "-1"}, "skips lines or bytes"),
        ({"space_origin": "10 20"}, "the header is damaged .Vector should be enclosed"),
    ],
)
def test_a_wrong_header_is_told_in_one_line_with_the_file(tmp_path: Path, fields: dict[str, str], words: str) -> None:
    path = _write(tmp_path / "scan of today.nrrd", **fields)
    for read in (read_nrrd, read_nrrd_mask):
        with pytest.raises(CourseError, match=rf"scan of today\.nrrd: .*{words}") as caught:
            read(path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has zero bytes"),
        (b"<html>404 Not Found</html>", "is not NRRD"),
        (b"NRRD0009\ntype: short\n\n", "the header is damaged .Unsupported NRRD file version"),
        (b"NRRD0004\ntype: short\ntype: short\n\n", "the header is damaged .Duplicate header field"),
    ],
)
def test_a_file_of_another_kind_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a.nrrd").write_bytes(content)
    with pytest.raises(CourseError, match=rf"a\.nrrd: {words}"):
        read_nrrd(tmp_path / "a.nrrd")
    with pytest.raises(CourseError, match=r"b\.nrrd: cannot be read \(No such file or directory\)"):
        read_nrrd(tmp_path / "b.nrrd")


def test_a_small_file_that_swells_is_not_unpacked_further_than_it_promises(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    with pytest.raises(CourseError, match="damaged: the header promises 120 bytes, more are there"):
        read_nrrd(_write(tmp_path / "a.nrrd", bomb, encoding="gzip"))


@pytest.mark.real_data
def test_real_tumours_have_the_volumes_that_their_voxels_give(data_dir: Path) -> None:
    """Voxel counts are those of the collection; ml by hand: 4137 × 0.78125² × 6.5 / 1000 = 16.41."""
    folder = data_dir / "pyradiomics_tumours"
    for name, shape, spacing, voxels, ml in (
        ("brain1", (256, 256, 25), (0.78125, 0.78125, 6.5), 4137, 16.41),
        ("brain2", (256, 256, 23), (0.78125, 0.78125, 6.5), 453, 1.797),
        ("breast1", (45, 120, 21), (0.664062, 0.664062, 2.1), 143, 0.1324),
    ):
        image, mask = read_nrrd(folder / f"{name}_image.nrrd"), read_nrrd_mask(folder / f"{name}_label.nrrd")
        assert image.array.shape == mask.array.shape == shape
        assert mask.spacing_mm.tolist() == pytest.approx(spacing)
        assert np.array_equal(image.affine, mask.affine)
        assert (mask.array == 1).sum() == voxels
        assert (mask.array == 1).sum() * mask.voxel_ml == pytest.approx(ml, rel=1e-3)
        assert np.array_equal(image.array, nrrd.read(str(folder / f"{name}_image.nrrd"))[0])
    brain = read_nrrd(folder / "brain1_image.nrrd")
    assert brain.axis_codes == "LAS"
    assert brain.affine[:3, 3].tolist() == pytest.approx([99.609375, -99.609375, -78])
    prostate = read_nrrd_mask(folder / "prostate_phantom_subvolume-label.nrrd")
    assert (prostate.array.shape, prostate.axis_codes) == ((82, 67, 13), "RAS")
    labels, counts = np.unique(prostate.array, return_counts=True)
    assert (labels.tolist(), counts.tolist()) == ([0, 1, 7, 8, 9], [58999, 168, 170, 2997, 9088])
