import pytest

from course_lib.classroom.earlier import read_earlier
from course_lib.errors import CourseError


@pytest.fixture
def topic(tmp_path):
    """Give a function that writes the result folder of a topic."""

    def write(name, text):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.csv").write_text(text)
        return tmp_path / name

    return write


def test_earlier_topics_are_averaged_and_what_was_never_handed_in_does_not_count(topic):
    one = topic("01", "student,points,percent,problem\nada,9,90.0,\nbo,0,0.0,nothing handed in\n")
    two = topic("02", "student,points,percent,problem\nada,5,50.0,\nbo,4,40.0,\n")
    assert read_earlier([one, two]) == {"ada": 70.0, "bo": 40.0}
    assert read_earlier([]) == {}


@pytest.mark.parametrize(
    "text", ["student,points\nada,1\n", "student,percent\nada,much\n", "student,percent\nada,nan\n"]
)
def test_another_table_is_refused(topic, text):
    with pytest.raises(CourseError, match=r"results\.csv: row 2: wanted student and percent"):
        read_earlier([topic("01", text)])


def test_a_folder_without_results_is_refused(tmp_path, topic):
    with pytest.raises(CourseError, match=r"results.csv: No such file or directory; --earlier needs the result folder"):
        read_earlier([tmp_path])
    (topic("01", "") / "results.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(CourseError, match="not UTF-8"):
        read_earlier([tmp_path / "01"])
