"""FCS: real tubes are read, compensation is worked by hand, what is wrong is told in one line."""

from pathlib import Path

import numpy as np
import pytest

from course_lib.data.fcs import FlowSample, arcsinh_transform, compensate, read_fcs, write_fcs
from course_lib.errors import CourseError

SPILLOVER = np.array([[1, 0.1, 0.02], [0.05, 1, 0.2], [0, 0.3, 1]])
CHANNELS = ("FSC-A", "FITC-A", "PE-A", "APC-A")


@pytest.fixture
def sample() -> FlowSample:
    events = np.random.default_rng(0).normal(500, 300, (50, 4)).astype(np.float32)
    return FlowSample(
        events, CHANNELS, ("", "CD3", "CD4 / CD8", ""), SPILLOVER, CHANNELS[1:], {"cyt": "Aria", "é": "1/2"}
    )


@pytest.fixture
def good(tmp_path: Path, sample: FlowSample) -> bytes:
    write_fcs(tmp_path / "good.fcs", sample)
    return (tmp_path / "good.fcs").read_bytes()


def _swapped(content: bytes, old: str, new: str) -> bytes:
    """Another word of the same length, so that every place in the file stays where the file says."""
    assert len(old) == len(new)
    assert content.count(old.encode()) == 1, old
    return content.replace(old.encode(), new.encode())


@pytest.mark.parametrize("name", ["tube.fcs", "Über den Bauch 肝.fcs"])
def test_a_tube_comes_back_as_it_was_written(tmp_path: Path, sample: FlowSample, name: str) -> None:
    write_fcs(tmp_path / name, sample)
    back = read_fcs(tmp_path / name)
    assert back.events.dtype == np.float32
    assert np.array_equal(back.events, sample.events)
    assert (back.channels, back.markers) == (sample.channels, sample.markers)
    assert np.array_equal(back.spillover, SPILLOVER)
    assert back.spillover_channels == CHANNELS[1:]
    assert dict(back.metadata) == dict(sample.metadata)


def test_a_tube_without_spillover_comes_back_without(tmp_path: Path) -> None:
    write_fcs(tmp_path / "a.fcs", FlowSample(np.ones((2, 1), np.float32), ("PE-A",), ("",)))
    assert read_fcs(str(tmp_path / "a.fcs")).spillover is None


def test_compensation_worked_by_hand() -> None:
    # true cells (100, 0), (0, 200); 10 % of dye 1 in detector 2, 25 % of dye 2 in detector 1
    matrix = np.array([[1, 0.1], [0.25, 1]])
    measured = np.array([[7, 100, 10], [7, 50, 200]], np.float32)
    result = compensate(FlowSample(measured, ("FSC-A", "A", "B"), ("", "", ""), matrix, ("A", "B")))
    assert np.allclose(result.events, [[7, 100, 0], [7, 0, 200]], atol=1e-5)
    assert result.spillover is None
    assert result.spillover_channels == ()


def test_rows_of_the_matrix_go_by_name_not_by_place() -> None:
    matrix = np.array([[1, 0.25], [0.1, 1]])  # rows and columns B, A
    measured = np.array([[100, 10], [50, 200]], np.float32)
    result = compensate(FlowSample(measured, ("A", "B"), ("", ""), matrix, ("B", "A")))
    assert np.allclose(result.events, [[100, 0], [0, 200]], atol=1e-5)


def test_spilling_and_compensating_is_a_round_trip(sample: FlowSample) -> None:
    true = sample.events.copy()
    true[:, 1:] = true[:, 1:] @ SPILLOVER
    back = compensate(FlowSample(true, sample.channels, sample.markers, SPILLOVER, CHANNELS[1:]))
    assert np.allclose(back.events, sample.events, rtol=1e-4, atol=1e-3)


def test_nobody_compensates_twice(sample: FlowSample) -> None:
    with pytest.raises(ValueError, match="has it been compensated already"):
        compensate(compensate(sample))


def test_arcsinh_is_odd_and_logarithmic_far_from_zero() -> None:
    values = np.array([0, 1, 150, 1e5], np.float32)
    result = arcsinh_transform(values)
    assert result.dtype == np.float32
    assert np.allclose(arcsinh_transform(-values), -result)
    assert result[1] == pytest.approx(1 / 150, rel=1e-3)
    assert result[3] == pytest.approx(np.log(2e5 / 150), rel=1e-4)
    assert arcsinh_transform([5], cofactor=5)[0] == pytest.approx(np.arcsinh(1))


@pytest.mark.parametrize("cofactor", [0, -1, np.nan, np.inf])
def test_a_cofactor_that_is_none_is_refused(cofactor: float) -> None:
    with pytest.raises(ValueError, match="cofactor needs a number above 0, got"):
        arcsinh_transform([1], cofactor=cofactor)


def test_fluorescence_is_neither_scatter_nor_time() -> None:
    names = ("FSC-A", "SSC-H", "PE-A", "Time")
    assert FlowSample(np.ones((1, 4), np.float32), names, ("",) * 4).fluorescence_channels == ("PE-A",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"events": np.ones((2, 3), np.float32)}, r"a column for each of the 4 channels, got \(2, 3\)"),
        ({"events": np.ones(4, np.float32)}, r"got \(4,\)"),
        ({"events": np.full((2, 4), np.nan, np.float32)}, "8 of 8 values are NaN or infinite"),
        ({"markers": ("",)}, "markers needs one for each of the 4 channels"),
        ({"channels": ("A", "A", "B", "C")}, "a name of its own, got 'A' more than once"),
        ({"spillover_channels": ("X", "PE-A", "APC-A")}, "names the channel 'X', which is not among FSC-A, FITC-A"),
        ({"spillover_channels": ("PE-A", "PE-A", "APC-A")}, "got 'PE-A' more than once"),
        ({"spillover": np.eye(2)}, r"a row and a column for each of 3 channels, got \(2, 2\)"),
        ({"spillover": np.ones((3, 3))}, "spillover is singular"),
        ({"spillover": np.full((3, 3), np.inf)}, "spillover needs finite numbers"),
    ],
)
def test_a_sample_that_cannot_be_is_refused(sample: FlowSample, change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FlowSample(**(vars(sample) | change))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"channels": ("A,B", "B", "C", "D")}, "channels: 'A,B' cannot be written; leave out"),
        ({"markers": ("CD3/", "", "", "")}, "markers: 'CD3/' cannot be written"),
        ({"metadata": {"cost": "5 $"}}, "metadata: '5 [$]' cannot be written"),
        ({"metadata": {"empty": ""}}, "metadata: '' cannot be written"),
        ({"events": np.ones((0, 4), np.float32)}, "at least 1 event, got 0"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, change: dict[str, object], words: str) -> None:
    keep = {"events": np.ones((2, 4), np.float32), "channels": CHANNELS, "markers": ("",) * 4}
    with pytest.raises(ValueError, match=words):
        write_fcs(tmp_path / "a.fcs", FlowSample(**(keep | change)))
    assert not (tmp_path / "a.fcs").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, sample: FlowSample) -> None:
    with pytest.raises(CourseError, match=r"a\.fcs: cannot be written \(No such file"):
        write_fcs(tmp_path / "nowhere" / "a.fcs", sample)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has zero bytes; copy or download it again"),
        (b"\x89PNG and more", "is not FCS"),
        (b"FCS4.0" + b" " * 100, "needs FCS 2.0, 3.0 or 3.1, got '4.0'"),
        (b"FCS3.1", "is cut short or damaged"),
        (b"FCS3.1" + b" " * 100, "is cut short or damaged"),
    ],
)
def test_another_kind_of_file_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a.fcs").write_bytes(content)
    with pytest.raises(CourseError, match=rf"a\.fcs: {words}"):
        read_fcs(tmp_path / "a.fcs")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"a\.fcs: cannot be read \(No such file"):
        read_fcs(tmp_path / "a.fcs")
    with pytest.raises(CourseError, match="cannot be read"):
        read_fcs(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("$TOT/50/", "$TOT/51/", "needs the 51 events that it promises, got 50"),
        ("$TOT/50/", "$TOT/xx/", "is cut short or damaged"),
        ("$PAR/4/", "$PAR/3/", "needs names for the 3 channels that it promises, got 4"),
        ("$BYTEORD/1,2,3,4/", "$BYTEORD/3,4,1,2/", "is cut short or damaged .*unsupported byte order"),
        ("$MODE/L/", "$MODE/C/", "holds histograms, events are wanted"),
        ("$NEXTDATA/0/", "$NEXTDATA/9/", "holds several data sets, one is wanted; export each"),
        ("$P3N/PE-A/", "$P3N/FSC-/", "spillover names the channel 'PE-A', which is not among FSC-A, FITC-A, FSC-"),
        (
            "$P4N/APC-A/",
            "$P4N/FSC-A/",
            "each channel needs a name of its own, got 'FSC-A' more than once; export the tube again",
        ),
        ("SPILLOVER/3,", "SPILLOVER/2,", "spillover needs a size K, K names and K·K numbers, got '2'"),
        ("SPILLOVER/3,", "SPILLOVER/x,", "spillover needs a size K, K names and K·K numbers, got 'x'"),
        ("A,1.0,0.1,", "A,1.0,xxx,", "spillover needs numbers after its names"),
        ("A,1.0,0.1,", "A,1.0,nan,", "spillover needs finite numbers"),
        ("A,1.0,0.1,0.02,0.05,1.0,0.2", "A,0.0,0.0,0.00,0.05,1.0,0.2", "spillover is singular"),
    ],
)
def test_a_damaged_header_is_told(tmp_path: Path, good: bytes, old: str, new: str, words: str) -> None:
    (tmp_path / "a.fcs").write_bytes(_swapped(good, old, new))
    with pytest.raises(CourseError, match=rf"a\.fcs: {words}") as caught:
        read_fcs(tmp_path / "a.fcs")
    assert "\n" not in str(caught.value)


def test_values_that_are_no_numbers_are_told(tmp_path: Path, good: bytes) -> None:
    (tmp_path / "a.fcs").write_bytes(good[:-4] + np.array([np.nan], "<f4").tobytes())
    with pytest.raises(CourseError, match=r"a\.fcs: 1 of 200 values are NaN or infinite; export the tube again"):
        read_fcs(tmp_path / "a.fcs")


@pytest.mark.parametrize("kept", [6, 57, 58, 200, 300, 700, -400, -1])
def test_a_file_cut_short_is_told(tmp_path: Path, good: bytes, kept: int) -> None:
    (tmp_path / "a.fcs").write_bytes(good[:kept])
    with pytest.raises(CourseError, match=r"a\.fcs: is cut short or damaged"):
        read_fcs(tmp_path / "a.fcs")


def test_flipped_bits_give_a_sample_or_the_one_error(tmp_path: Path, good: bytes) -> None:
    random, refused = np.random.default_rng(7), 0
    for _ in range(300):
        copy = bytearray(good)
        for place in random.integers(0, len(good) - 800, 2):  # headers, mostly
            copy[place] ^= 1 << random.integers(8)
        (tmp_path / "a.fcs").write_bytes(copy)
        refused += _is_refused_in_one_line(tmp_path / "a.fcs")
    assert 50 < refused < 300


def _is_refused_in_one_line(path: Path) -> bool:
    try:
        read_fcs(path)
    except CourseError as error:
        words = str(error)
        return words.startswith(f"{path}: ") and "\n" not in words
    return False


@pytest.mark.real_data
def test_a_facscalibur_tube_is_read(data_dir: Path) -> None:
    tube = read_fcs(data_dir / "flowkit_fcs" / "data1.fcs")
    assert tube.events.shape == (13367, 8)
    assert tube.channels[:3] == ("FSC-H", "SSC-H", "FL1-H")
    assert tube.markers[2:5] == ("CD4 FITC", "CD8 B PE", "CD3 PerCP")
    assert tube.spillover is None
    assert tube.events[:, 2].min() == 1  # four decades, undone: from 1
    assert 1000 <= tube.events[:, 2].max() < 10_000


@pytest.mark.real_data
def test_a_facsaria_tube_is_compensated(data_dir: Path, tmp_path: Path) -> None:
    tube = read_fcs(data_dir / "flowkit_fcs" / "100715.fcs")
    assert tube.events.shape == (65016, 16)
    assert tube.spillover is not None
    assert tube.spillover.shape == (13, 13)
    assert tube.spillover_channels == tube.fluorescence_channels
    assert dict(zip(tube.channels, tube.markers, strict=True))["R780-A"] == "CD3"
    done = compensate(tube)
    assert np.array_equal(done.events[:, :3], tube.events[:, :3])  # scatter stays
    assert np.allclose(done.events[:, 3:] @ tube.spillover, tube.events[:, 3:], rtol=1e-3, atol=2)
    write_fcs(tmp_path / "copy.fcs", tube)
    assert np.array_equal(read_fcs(tmp_path / "copy.fcs").events, tube.events)
