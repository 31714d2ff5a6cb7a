import zipfile

import pytest

from course_lib.classroom.lms_zip import unpack
from course_lib.classroom.roster import Student
from course_lib.errors import CourseError

ROSTER = [Student("al01", "Lovelace, Ada", canvas_id="123"), Student("zm02", "Zoë Müller", canvas_id="77")]


@pytest.fixture
def unpacked(tmp_path):
    """Give a function that zips names (with their content) and unpacks them; the files that came out, and remarks."""

    def run(*names, roster=(), content=b"{}"):
        with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
            for name in names:
                archive.writestr(name, content)
        found = unpack(tmp_path / "d.zip", tmp_path / "out" / "submissions", roster=roster)
        files = sorted(str(path.relative_to(found.folder)) for path in found.folder.rglob("*"))
        return [name for name in files if not any(other.startswith(f"{name}/") for other in files)], found.remarks

    return run


@pytest.fixture(autouse=True)
def out(tmp_path):
    (tmp_path / "out").mkdir()


def test_a_canvas_download(unpacked):
    names = "lovelaceada_123_456_01_sizes.ipynb", "bobo_9_457_01_sizes-1.ipynb", "mullerzoe_LATE_77_458_essay.pdf"
    assert unpacked(*names) == (
        ["bobo_9/01_sizes-1.ipynb", "lovelaceada_123/01_sizes.ipynb", "mullerzoe_77"],
        ("mullerzoe_77: late, says Canvas, but not since when: give it in the roster (submitted)",),
    )
    assert unpacked(*names, roster=ROSTER)[0] == ["al01/01_sizes.ipynb", "bobo_9/01_sizes-1.ipynb", "zm02"]


def test_a_moodle_download_with_and_without_folders(unpacked):
    names = (
        "Ada Lovelace_12345_assignsubmission_file_/my work.ipynb",
        "Zoë Müller_12346_assignsubmission_file_x.ipynb",
        "Bo_12347_assignsubmission_onlinetext_/onlinetext.html",
    )
    assert unpacked(*names, roster=ROSTER)[0] == ["Bo_12347", "al01/my work.ipynb", "zm02/x.ipynb"]
    assert unpacked(*names)[0][0] == "Ada Lovelace_12345/my work.ipynb"


def test_two_students_of_one_name_stay_two(unpacked):
    twins = [Student("a1", "Ada Lovelace"), Student("a2", "Ada Lovelace")]
    names = [f"Ada Lovelace_{number}_assignsubmission_file_/x.ipynb" for number in (1, 2)]
    assert unpacked(*names, roster=twins)[0] == ["Ada Lovelace_1/x.ipynb", "Ada Lovelace_2/x.ipynb"]


def test_any_other_zip_has_a_file_or_folder_a_student(unpacked):
    assert unpacked("ada.ipynb", "bo/x.ipynb", "bo/y.ipynb", "__MACOSX/ada.ipynb", "bo/.DS_Store")[0] == [
        "ada/ada.ipynb",
        "bo/x.ipynb",
        "bo/y.ipynb",
    ]


@pytest.mark.parametrize(
    "name", ["../../escaped.ipynb", "/tmp/escaped.ipynb", "a/../../x.ipynb", "..\\x_1_2_y.ipynb", "a_1_2_../x.ipynb"]
)
def test_nothing_is_written_outside(unpacked, tmp_path, name):
    files, _ = unpacked(name, "bo_1_2_x.ipynb")
    assert [one for one in files if "bo_1" in one] == ["bo_1/x.ipynb"]
    assert {path.name for path in tmp_path.iterdir()} == {"d.zip", "out"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"submissions"}


def test_odd_names_come_out_safe(unpacked):
    names = "x\ny_1_2_a\x07b.ipynb", "\u202egnp_3_4_x.ipynb", "🙂_5_6_" + "x" * 300 + ".ipynb", "_8_9_...ipynb"
    files, _ = unpacked(*names)
    assert len(files) == 4
    assert all(len(part.encode()) < 256 and part.isprintable() for file in files for part in file.split("/"))


def test_names_of_code_page_437_and_of_unmarked_utf_8(tmp_path):
    for wanted, raw in {"Müller": "Müller".encode("cp437"), "Zoë": "Zoë".encode()}.items():
        info = "N" * len(raw) + "_1_assignsubmission_file_/x.ipynb"
        with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
            archive.writestr(info, b"{}")
        content = (tmp_path / "d.zip").read_bytes().replace(b"N" * len(raw), raw)
        (tmp_path / "d.zip").write_bytes(content)
        found = unpack(tmp_path / "d.zip", tmp_path / "out" / "submissions")
        assert [path.name for path in found.folder.iterdir()] == [f"{wanted}_1"]


def test_links_locked_and_huge_files_are_left_out_with_a_line(unpacked, tmp_path):
    link = zipfile.ZipInfo("ada_1_2_x.ipynb")
    link.external_attr = 0o120777 << 16
    files, remarks = unpacked(link, content=b"/etc/passwd")
    assert (files, len(remarks)) == (["ada_1"], 1)
    assert "a link, encrypted or above 20 MB; left out" in remarks[0]


def test_a_second_download_replaces_the_first(unpacked):
    unpacked("ada_1_2_x.ipynb", "bo_3_4_x.ipynb")
    assert unpacked("ada_1_2_x-1.ipynb")[0] == ["ada_1/x-1.ipynb"]


def test_a_damaged_download_leaves_the_first_alone(unpacked, tmp_path):
    unpacked("ada_1_2_x.ipynb")
    (tmp_path / "broken.zip").write_bytes((tmp_path / "d.zip").read_bytes()[:-30])
    with pytest.raises(CourseError, match="not a zip, or damaged"):
        unpack(tmp_path / "broken.zip", tmp_path / "out" / "submissions")
    assert (tmp_path / "out" / "submissions" / "ada_1" / "x.ipynb").exists()
    with pytest.raises(CourseError, match="there is no such file"):
        unpack(tmp_path / "no.zip", tmp_path / "out" / "submissions")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(CourseError, match="nothing in this zip"):
        unpack(tmp_path / "empty.zip", tmp_path / "out" / "submissions")
