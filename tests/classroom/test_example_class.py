import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from course_lib.classroom.demo import grade_example_class
from course_lib.classroom.example_class import compare, known_marks, write_class
from course_lib.classroom.grading import GradingPlan, SubmissionResult
from course_lib.classroom.lesson import read_lesson
from course_lib.classroom.session import TimeLimits
from course_lib.errors import CourseError

SOURCE = Path(__file__).parents[1] / "notebooks" / "01_doubling.txt"


@pytest.fixture
def lesson(tmp_path):
    path = tmp_path / "01_doubling.py"
    path.write_text(SOURCE.read_text())
    return read_lesson(path)


def test_the_marks_are_worked_out_without_the_grader(lesson):
    right = [task.source for task in lesson.tasks]
    assert known_marks(lesson, right) == 7
    assert known_marks(lesson, [task.stub for task in lesson.tasks]) == 0
    assert known_marks(lesson, [lesson.tasks[0].wrongs[1].source, *right[1:]]) == 4
    assert known_marks(lesson, ["", *right[1:]]) == 3


def test_the_class_has_every_kind_of_student_and_its_marks_beside_it(lesson, tmp_path):
    known = write_class(lesson, tmp_path / "class")
    stories = " ".join(one.story for one in known)
    for kind in ("everything right", "wrong answers", "as received", "ends its kernel", "endless loop", "half a file"):
        assert kind in stories
    with (tmp_path / "expected.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["student"], float(row["points"])) for row in rows] == [(one.student, one.points) for one in known]
    assert {Path(path).stem for path in (tmp_path / "class").iterdir()} == {one.student for one in known}


def test_the_same_seed_writes_the_same_class(lesson, tmp_path):
    def texts(folder):
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    write_class(lesson, tmp_path / "a", seed=5)
    write_class(lesson, tmp_path / "b", seed=5)
    write_class(lesson, tmp_path / "c", seed=6)
    assert texts(tmp_path / "a") == texts(tmp_path / "b")
    assert texts(tmp_path / "a") != texts(tmp_path / "c")


def test_no_notebook_of_the_class_holds_a_hidden_check(lesson, tmp_path):
    write_class(lesson, tmp_path / "class")
    texts = [path.read_text() for path in (tmp_path / "class").glob("*.ipynb")]
    assert any("%%check double" in text for text in texts)
    assert not any("31337" in text for text in texts)


def test_a_folder_in_use_and_a_lecture_are_refused(lesson, tmp_path):
    with pytest.raises(CourseError, match="is not empty; an example class needs a new folder"):
        write_class(lesson, tmp_path)
    with pytest.raises(CourseError, match="has no tasks"):
        write_class(replace(lesson, tasks=()), tmp_path / "class")


def test_every_difference_is_one_line(lesson, tmp_path):
    known = write_class(lesson, tmp_path / "class")
    results = [
        SubmissionResult(
            one.student, "page", lesson.topic, one.points, 7.0, (), "broken" if one.problem else "", True, 1.0
        )
        for one in known
    ]
    assert compare(known, results) == []
    raised = [replace(one, points=one.points + 1) if one.student == "blank" else one for one in results]
    assert compare(known, raised) == ["blank: got 1, wanted 0: handed in as received"]
    assert compare(known, [one for one in results if one.student != "ada"]) == ["ada: no result; wanted 7"]
    assert compare(known[1:], results) == [f"{known[0].student}: graded, but not in the class"]


@pytest.mark.sandbox
def test_the_grader_gives_the_whole_class_its_known_marks(lesson, tmp_path):
    plan = GradingPlan(times=TimeLimits(cell_s=3, call_s=1))
    graded = grade_example_class(lesson, tmp_path / "demo", plan=plan)
    assert graded.differences == ()
    assert len(graded.results) == len(graded.known) == 17
    page = (tmp_path / "demo" / "results" / "index.html").read_text()
    assert "17 submissions" in page
    notebook = json.loads((tmp_path / "demo" / "results" / "executed" / "crash.ipynb").read_text())
    assert "This cell ended the kernel." in str(notebook)
