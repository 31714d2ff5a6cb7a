import pytest

from course_lib.classroom.marks import read_moment
from course_lib.classroom.roster import Student, read_manual, read_roster
from course_lib.errors import CourseError


@pytest.fixture
def roster(tmp_path):
    def read(content):
        path = tmp_path / "roster.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_roster(path, moment=read_moment)

    return read


@pytest.fixture
def manual(tmp_path):
    def read(text):
        path = tmp_path / "marks.csv"
        path.write_text(text)
        return read_manual(path, students={"ada", "bo"})

    return read


def test_a_roster_as_spreadsheets_write_it(roster):
    text = '\ufeffID;Name;deadline\r\nada;"Lovelace, Ada";2026-11-20T12:00Z\r\n\r\nZoe\u0308;;\r\n'
    assert roster(text) == {"ada": Student("ada", "Lovelace, Ada", deadline=1795176000.0), "Zoë": Student("Zoë")}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,name\nada,A\nada,B\n", "row 3: the id 'ada' stands there twice"),
        ("id,name\nada,A\n,B\n", "row 3: the id is missing"),
        ("name\nAda\n", "there is no column 'id'"),
        ("id,dead line\nada,x\n", "column 'dead line' is unknown or double; wanted id, name"),
        ("id,id\nada,x\n", "column 'id' is unknown or double"),
        ("id,deadline\nada,soon\n", "row 2, deadline needs a date"),
        ("id,name\nada,Lovelace, Ada\n", "row 2: 3 cells, but 2 columns; put quotes around commas"),
        ('id,name\nada,"x" y\n', "row 2: not readable as CSV"),
        ("id\n", "there is no student in it"),
        ("", "there is no column 'id'"),
        ("id\nZoë\n".encode("latin-1"), "not UTF-8; in the spreadsheet choose"),
    ],
)
def test_every_slip_in_a_roster_is_one_line_with_its_row(roster, content, said):
    with pytest.raises(CourseError, match=said) as found:
        roster(content)
    assert "\n" not in str(found.value)


def test_a_roster_that_is_not_there_is_said(tmp_path):
    with pytest.raises(CourseError, match="cannot be read: No such file"):
        read_roster(tmp_path / "no.csv", moment=read_moment)


def test_points_and_comments_by_hand(manual):
    assert manual('student,points,comment\nada,1.5,"good, really"\nbo,,see me\n') == {
        "ada": (1.5, "good, really"),
        "bo": (0.0, "see me"),
    }
    assert manual("student;points\nada;-2\n") == {"ada": (-2.0, "")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("student,points\nada,1\nghost,2\n", "row 3: no student 'ghost' in this class"),
        ("student,points\nada,two\n", "row 2: points needs a number such as 1.5 or -2, got 'two'"),
        ("student,points\nada,nan\n", "row 2: points needs a number"),
        ("student,points\nada,1\nada,2\n", "row 3: the student 'ada' stands there twice"),
        ("name,points\nada,1\n", "column 'name' is unknown"),
    ],
)
def test_every_slip_in_points_by_hand_is_one_line_with_its_row(manual, text, said):
    with pytest.raises(CourseError, match=said):
        manual(text)
