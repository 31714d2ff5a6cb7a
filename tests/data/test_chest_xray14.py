"""The table of ChestX-ray14: findings into truth values, patients kept together, mistakes told by their line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from course_lib.data.chest_xray14 import CHEST_XRAY14_FINDINGS, ChestXray14, read_chest_xray14
from course_lib.errors import CourseError

# The first line of the edition of 2017, whose brackets and commas are as odd as this.
HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)
ROWS = [
    "1_000.png,Cardiomegaly|Emphysema,0,1,058Y,M,PA,2682,2749,0.143,0.143,",
    "1_001.png,No Finding,1,1,59,M,AP,2894,2729,0.143,0.143,",
    "2_000.png,Hernia,0,2,006M,F,PA,2500,2048,0.168,0.168,",
    "3_000.png,Pleural_Thickening|Mass,0,3,414,F,PA,2500,2048,0.168,0.168,",
    "4_000.png,No Finding,0,4,,,,2500,2048,0.168,0.168,",
]


def _write(folder: Path, rows: list[str] = ROWS, header: str = HEADER, encoding: str = "utf-8") -> Path:
    """Write the table, and an X-ray for each of `ROWS` into images_001/images, the last two into images_002/images."""
    folder.mkdir(exist_ok=True)
    (folder / "Data_Entry_2017.csv").write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
    for number, row in enumerate(ROWS):
        place = folder / ("images_001" if number < 3 else "images_002") / "images"
        place.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 51 * number).save(place / row.split(",")[0])
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return _write(tmp_path / "Röntgen bilder")


def _lists(
    folder: Path, train_val: str = "1_000.png\n1_001.png\n3_000.png\n", test: str = "2_000.png\n4_000.png"
) -> None:
    (folder / "train_val_list.txt").write_text(train_val, encoding="utf-8")
    (folder / "test_list.txt").write_text(test, encoding="utf-8")


def test_findings_become_fourteen_truth_values(folder: Path) -> None:
    data = read_chest_xray14(folder)
    assert (data.labels.shape, data.labels.dtype) == ((5, 14), bool)
    names = [[name for name, there in zip(CHEST_XRAY14_FINDINGS, row, strict=True) if there] for row in data.labels]
    assert names == [["Cardiomegaly", "Emphysema"], [], ["Hernia"], ["Mass", "Pleural_Thickening"], []]


def test_ages_sexes_and_views_are_read_and_the_impossible_is_nan(folder: Path) -> None:
    data = read_chest_xray14(folder)
    assert data.ages_years.dtype == np.float32
    assert data.ages_years.tolist() == pytest.approx([58, 59, 0.5, np.nan, np.nan], nan_ok=True)
    assert data.patient_ids.tolist() == ["1", "1", "2", "3", "4"]
    assert data.sexes.tolist() == ["M", "M", "F", "F", ""]
    assert data.views.tolist() == ["PA", "AP", "PA", "PA", ""]
    assert (len(data), data.num_missing, data.train_val, data.test) == (5, 0, None, None)


def test_tables_of_excel_and_of_2020_are_read_too(tmp_path: Path) -> None:
    header = HEADER.replace("Patient Gender", "Patient Sex")
    _write(tmp_path / "x", ["", *(row.replace(",M,", ',"M",') for row in ROWS)], header, encoding="utf-8-sig")
    assert read_chest_xray14(tmp_path / "x").sexes.tolist() == ["M", "M", "F", "F", ""]


def test_images_are_loaded_when_asked_for(folder: Path) -> None:
    data = read_chest_xray14(folder)
    image = data.load_image(2)
    assert (image.shape, image.dtype) == ((8, 8), np.float32)
    assert image[0, 0] == pytest.approx(0.4)
    assert data.load_image(3, size=4).shape == (4, 4)
    assert data.load_image(3, size=16)[9, 9] == pytest.approx(0.6)


def test_making_smaller_averages(folder: Path) -> None:
    board = (np.indices((8, 8)).sum(axis=0) % 2 * 255).astype(np.uint8)
    Image.fromarray(board).save(folder / "images_001" / "images" / "1_000.png")
    assert read_chest_xray14(folder).load_image(0, size=2) == pytest.approx(np.full((2, 2), 0.5), abs=0.05)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "I;16"])
def test_grey_that_is_stored_otherwise_is_grey(folder: Path, mode: str) -> None:
    array = np.full((8, 8), 51 if mode != "I;16" else 13107, np.uint8 if mode != "I;16" else np.uint16)
    picture = Image.fromarray(array)
    picture = picture if mode == "I;16" else picture.convert(mode)
    picture.save(folder / "images_001" / "images" / "1_000.png")
    assert read_chest_xray14(folder).load_image(0)[3, 3] == pytest.approx(0.2, abs=0.002)


@pytest.mark.parametrize(
    ("index", "size", "words"),
    [
        (5, None, "index needs a row from 0 to 4, got 5"),
        (-1, None, "index needs a row from 0 to 4, got -1"),
        (0, 0, "size needs 1 to 8192 pixels, got 0"),
    ],
)
def test_rows_and_sizes_that_are_none_are_refused(folder: Path, index: int, size: int | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_chest_xray14(folder).load_image(index, size=size)


def test_an_x_ray_that_is_damaged_is_told_when_it_is_loaded(folder: Path) -> None:
    place = folder / "images_001" / "images"
    (place / "1_000.png").write_bytes(b"hello")
    Image.new("1", (8, 8)).save(place / "1_001.png")
    data = read_chest_xray14(folder)
    with pytest.raises(CourseError, match=r"1_000\.png: no picture, or damaged"):
        data.load_image(0)
    with pytest.raises(CourseError, match=r"1_001\.png: needs 8 or 16 bits of grey, got mode 1"):
        data.load_image(1)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("9.png,Masss,0,9,58,M,PA", "line 3: unknown finding 'Masss'; the findings are Atelectasis, .* or No Finding"),
        ("9.png,,0,9,58,M,PA", "line 3: unknown finding ''"),
        ("9.png,Mass|No Finding,0,9,58,M,PA", "line 3: 'No Finding' stands beside findings in 'Mass|No Finding'"),
        ("9.png,Mass|Mass,0,9,58,M,PA", "line 3: a finding stands twice in 'Mass|Mass'"),
        ("1_000.png,Mass,0,9,58,M,PA", "line 3: 1_000.png stands in line 2 already; keep one of them"),
        ("9.png,Mass,0,9,old,M,PA", "line 3: Patient Age needs a number such as 58 or 058Y, got 'old'"),
        ("9.png,Mass,0,9,-5,M,PA", "line 3: Patient Age needs a number"),
        ("9.png,Mass,0,9,58,X,PA", "line 3: Patient Gender needs F, M or nothing, got 'X'"),
        ("9.png,Mass,0,9,58,M,LL", "line 3: View Position needs PA, AP or nothing, got 'LL'"),
        ("9.png,Mass,0,,58,M,PA", "line 3: needs an Image Index and a Patient ID, got '9.png' and ''"),
        ("9.png,Mass", "line 3: needs 12 columns, got 2"),
        ('"9.png,Mass', "line 3: is damaged .unexpected end of data"),
        ("9.png,Mass\x00,0,9,58,M,PA", r"line 3: is damaged .a cell holds 5 characters, 'Mass\\x00' …"),
        (f"9.png,{'x' * 301},0,9,58,M,PA", "line 3: is damaged .a cell holds 301 characters, 'xxxxxxxxxxxxxxxxxxxx' …"),
        ("x" * 200_000, "line 3: is damaged .field larger than field limit"),
    ],
)
def test_a_wrong_row_is_told_by_its_line(tmp_path: Path, row: str, words: str) -> None:
    folder = _write(tmp_path / "x", [ROWS[0], row])
    with pytest.raises(CourseError, match=words.replace("|", r"\|")) as caught:
        read_chest_xray14(folder)
    assert str(caught.value).startswith(f"{folder / 'Data_Entry_2017.csv'}, line 3: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has zero bytes"),
        (HEADER.encode(), "holds no X-rays below its first line"),
        (b"Image Index,Patient ID\n", "lacks the columns Finding Labels, Patient Age, Patient Gender, View Position"),
        (b"\xff\xfe\x00", r"is no text in UTF-8 \(byte 0\)"),
    ],
)
def test_a_table_that_is_none_is_told(folder: Path, content: bytes, words: str) -> None:
    (folder / "Data_Entry_2017.csv").write_bytes(content)
    with pytest.raises(CourseError, match=rf"Data_Entry_2017\.csv: {words}"):
        read_chest_xray14(folder)


def test_the_table_is_found_or_named(folder: Path, tmp_path: Path) -> None:
    (folder / "Data_Entry_2017.csv").rename(tmp_path / "mine.csv")
    with pytest.raises(CourseError, match=r"needs one table Data_Entry_2017\*\.csv, got none; name yours with table="):
        read_chest_xray14(folder)
    with pytest.raises(CourseError, match="got none"):
        read_chest_xray14(tmp_path / "none")
    assert len(read_chest_xray14(folder, table=tmp_path / "mine.csv")) == 5
    with pytest.raises(CourseError, match=r"none\.csv: cannot be read .*; give the path of a table \.csv"):
        read_chest_xray14(folder, table="none.csv")


def test_missing_x_rays_are_counted_or_left_out(folder: Path) -> None:
    _lists(folder)
    for path in (folder / "images_001" / "images").iterdir():
        path.unlink()
    with pytest.raises(CourseError, match=r"lacks 3 of 5 X-rays of Data_Entry_2017\.csv, the first is 1_000\.png"):
        read_chest_xray14(folder)
    data = read_chest_xray14(folder, skip_missing=True)
    assert (len(data), data.num_missing, data.patient_ids.tolist()) == (2, 3, ["3", "4"])
    assert data.train_val is not None
    assert data.test is not None
    assert (data.train_val.tolist(), data.test.tolist()) == ([0], [1])
    for path in (folder / "images_002" / "images").iterdir():
        path.unlink()
    with pytest.raises(CourseError, match="lacks 5 of 5 X-rays"):
        read_chest_xray14(folder, skip_missing=True)


def test_x_rays_may_lie_in_one_folder_but_not_in_two(folder: Path) -> None:
    (folder / "images").mkdir()
    for number in (1, 2):
        for path in (folder / f"images_00{number}" / "images").iterdir():
            path.rename(folder / "images" / path.name)
    assert isinstance(read_chest_xray14(folder), ChestXray14)
    (folder / "images_002" / "1_000.png").write_bytes(b"x")
    with pytest.raises(CourseError, match=r"images_002.1_000\.png: lies in .*images too; keep one"):
        read_chest_xray14(folder)


def test_the_official_lists_become_rows(folder: Path) -> None:
    _lists(folder)
    data = read_chest_xray14(folder)
    assert data.train_val is not None
    assert data.test is not None
    assert (data.train_val.tolist(), data.test.tolist(), data.test.dtype) == ([0, 1, 3], [2, 4], np.int64)


@pytest.mark.parametrize(
    ("train_val", "test", "words"),
    [
        (
            "1_000.png\n",
            "1_001.png\n",
            "patient 1 stands in both train_val_list.txt and test_list.txt, and so do 0 more",
        ),
        ("1_000.png\nzz.png\n", "2_000.png\n", "train_val_list.txt, line 2: 'zz.png' is not in the table"),
        ("1_000.png\n\n\nzz.png\n", "2_000.png\n", "train_val_list.txt, line 4: 'zz.png' is not in the table"),
        ("1_000.png\n", "2_000.png\n", "3 X-rays of the table stand neither in .*txt, the first is 1_001.png"),
        ("1_000.png\n", "", "test_list.txt: has zero bytes"),
    ],
)
def test_lists_that_do_not_fit_are_told(folder: Path, train_val: str, test: str, words: str) -> None:
    _lists(folder, train_val, test)
    with pytest.raises(CourseError, match=words):
        read_chest_xray14(folder)
    (folder / "test_list.txt").unlink()
    with pytest.raises(
        CourseError, match=r"holds train_val_list\.txt without the other of train_val_list\.txt and test_"
    ):
        read_chest_xray14(folder)
