import json
import multiprocessing
import re
import time
from pathlib import Path

import nbformat
import pytest

from course_lib.classroom.grading import GradingPlan, grade_submission, library_copy
from course_lib.classroom.judging import trusted_names
from course_lib.classroom.lesson import read_lesson
from course_lib.classroom.session import TimeLimits
from course_lib.classroom.submission import Submission, find_submissions
from course_lib.classroom.workers import grade_class
from course_lib.errors import CourseError

SOURCE = Path(__file__).parents[1] / "notebooks" / "01_doubling.txt"
PLAN = GradingPlan(times=TimeLimits(cell_s=2, call_s=1, submission_s=60))
DOUBLE = "def double(x):\n    return 2 * x"
COUNTER = """class Counter:
    def __init__(self):
        self.count = 0
    def add(self, n):
        self.count += n"""
ANSWER = "answer = 42"
ALL = {"double": 4.0, "counter": 2.0, "answer": 1.0}

# name: cells, points of each task that differ from ALL; test_hostile_*.py has many more, on warm kernels
CASES = {
    "everything right": ([DOUBLE, COUNTER, ANSWER], {}),
    "the kernel is ended by a cell": ([DOUBLE, "import os\nos._exit(1)", ANSWER], {"counter": 0}),
    "a segmentation fault in a function": (
        ["import ctypes\ndef double(x):\n    return ctypes.string_at(0)", COUNTER, ANSWER],
        {"double": 0},
    ),
    "an endless loop that swallows interrupts, in a function": (
        [
            "def double(x):\n    while True:\n        try:\n            while True:\n                pass\n"
            "        except BaseException:\n            pass",
            COUNTER,
            ANSWER,
        ],
        {"double": 0},
    ),
}


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    path = tmp_path_factory.mktemp("solutions") / "01_doubling.py"
    path.write_text(SOURCE.read_text())
    return read_lesson(path)


@pytest.fixture(scope="module")
def package(lesson, tmp_path_factory):
    return library_copy(lesson, tmp_path_factory.mktemp("library"))


@pytest.fixture
def grade(lesson, package, tmp_path):
    def run(*cells, plan=PLAN):
        submission = Submission("ada", "ada", tmp_path / "ada.ipynb", tuple(("code", cell) for cell in cells), "digest")
        return grade_submission(
            lesson, submission, package=package, plan=plan, names=trusted_names(lesson), executed=tmp_path / "out.ipynb"
        )

    return run


def test_a_count_of_right_answers_is_not_shown_where_no_check_has_run(grade, tmp_path):
    grade(DOUBLE, "%progress double counter answer", "print('%progress')")
    printed = [
        output["text"] for cell in nbformat.read(tmp_path / "out.ipynb", 4).cells for output in cell.get("outputs", ())
    ]
    assert printed == ["%progress\n"]


def messages(result):
    return {one.text: one.message for task in result.tasks for one in task.requirements}


def states(result):
    return {one.text: one.state for task in result.tasks for one in task.requirements}


@pytest.mark.sandbox
@pytest.mark.parametrize("case", CASES)
def test_each_submission_gets_the_marks_that_it_earned(grade, case, tmp_path):
    cells, differ = CASES[case]
    result = grade(*cells)
    assert result.problem == ""
    assert {task.name: task.points for task in result.tasks} == ALL | differ
    assert result.points == sum((ALL | differ).values())
    assert (tmp_path / "out.ipynb").stat().st_size < 2_000_000
    nbformat.read(tmp_path / "out.ipynb", as_version=4)


@pytest.mark.sandbox
def test_the_stub_is_not_attempted(grade, lesson):
    result = grade(*(task.stub for task in lesson.tasks))
    assert result.points == 0
    assert {task.state for task in result.tasks} == {"not attempted"}


@pytest.mark.sandbox
def test_what_a_student_is_told(grade):
    result = grade(
        "def double(x):\n    return x**2 if type(x) is int else 1 / 0", "class Counter: pass\nwhile True: pass"
    )
    said = messages(result)
    assert said["doubles three"] == "double(3) gave 9. Wanted: 6. Did you square it?"
    assert said["works for arrays and any number"] == "Your code raised ZeroDivisionError."
    assert said["counts"].startswith("Your code raised AttributeError: 'Counter' object has no attribute 'add'.")
    assert states(result)["is the answer"] == "not attempted"
    assert "A cell that ended the kernel or did not stop defines nothing." in said["is the answer"]


@pytest.mark.sandbox
def test_a_slow_call_is_told_its_limit_and_the_rest_of_its_task_is_not_tried(grade):
    result = grade("import time\ndef double(x):\n    time.sleep(9)", COUNTER, ANSWER)
    assert messages(result)["doubles three"] == "Your code took longer than 1 s."
    assert states(result)["doubles three"] == "time"
    assert result.points == 3


@pytest.mark.sandbox
def test_a_submission_that_uses_up_its_time_is_stopped(grade):
    plan = GradingPlan(times=TimeLimits(cell_s=60, call_s=60, submission_s=3))
    started = time.monotonic()
    result = grade("while True:\n    pass", DOUBLE, plan=plan)
    assert time.monotonic() - started < 20
    assert result.points == 0
    assert "the whole submission took longer than 3 s" in messages(result)["doubles three"]


@pytest.mark.sandbox
def test_hidden_checks_are_in_no_file_that_is_written(lesson, package, tmp_path):
    from course_lib.classroom.gradebook import grade_folder

    spy = (
        "import sys, gc\ndef double(x):\n"
        "    frame, seen = sys._getframe(), []\n    while frame:\n"
        "        seen.append(str(frame.f_locals)[:9000])\n        frame = frame.f_back\n"
        "    raise ValueError('|'.join(seen) + str(gc.get_objects())[:9000])"
    )
    folder = tmp_path / "class"
    folder.mkdir()
    cells = [{"cell_type": "code", "source": source} for source in (spy, "double(3)")]
    (folder / "spy.ipynb").write_text(json.dumps({"cells": cells}))
    (result,) = grade_folder(lesson, folder, tmp_path / "out", plan=PLAN)
    assert result.points == 0
    for path in (tmp_path / "out").rglob("*"):
        text = path.read_text(errors="replace") if path.is_file() else ""
        assert re.findall(r"(?<!\d)31337(?!\d)|secret_input|allclose|hint_for", text) == [], path


@pytest.mark.sandbox
def test_a_class_is_graded_by_workers_and_no_file_stops_it(lesson, tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    cells = [{"cell_type": "code", "source": source} for source in (DOUBLE, COUNTER, ANSWER)]
    for name in ("ada", "zoë 🙂"):
        (folder / f"{name}.ipynb").write_text(json.dumps({"cells": cells}))
    (folder / "broken.ipynb").write_text("{")
    found = find_submissions(folder, lesson.topic)
    results = {one.student: one for one in grade_class(lesson, found, plan=PLAN, executed=tmp_path / "out", workers=2)}
    assert {name: one.points for name, one in results.items()} == {"ada": 7, "zoë 🙂": 7, "broken": 0}
    assert "not JSON" in results["broken"].problem
    assert multiprocessing.active_children() == []


@pytest.mark.sandbox
def test_a_worker_that_dies_costs_one_submission(lesson, tmp_path, monkeypatch):
    """The set-up cell ends the process that runs it: every submission says so, and the class comes to its end."""
    path = tmp_path / "01_doubling.py"
    path.write_text(SOURCE.read_text().replace("import numpy as np\n", "import numpy as np\nimport os\nos._exit(1)\n"))
    found = [
        Submission(name, name, path, (("code", ANSWER),), name, problem)
        for name, problem in (("ada", ""), ("bo", "no file"))
    ]
    results = list(grade_class(read_lesson(path), found, plan=PLAN, executed=tmp_path / "out"))
    ended = "the grader's own process ended while this was graded"
    assert [(one.student, one.problem) for one in results] == [("ada", ended), ("bo", ended)]


@pytest.mark.sandbox
def test_a_set_up_cell_that_fails_here_is_said_once_and_clearly(tmp_path):
    path = tmp_path / "01_doubling.py"
    path.write_text(SOURCE.read_text().replace("import numpy as np\n", "import numpy as np\nnowhere\n"))
    found = [Submission("ada", "ada", path, (("code", ANSWER),), "d")]
    with pytest.raises(CourseError, match="the set-up cell fails on the grader's side: NameError"):
        list(grade_class(read_lesson(path), found, plan=PLAN, executed=tmp_path / "out"))


def test_without_a_sandbox_nothing_is_graded_unless_asked_for(lesson, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CourseError, match="bubblewrap"):
        list(grade_class(lesson, [], plan=PLAN, executed=tmp_path))


def test_the_number_of_workers_must_be_positive(lesson, tmp_path):
    with pytest.raises(CourseError, match="--workers needs a number of at least 1, got -1"):
        list(grade_class(lesson, [], plan=GradingPlan(sandboxed=False), executed=tmp_path, workers=-1))


@pytest.mark.parametrize("name", ["cell_s", "call_s", "submission_s"])
def test_time_limits_are_above_zero(name):
    with pytest.raises(ValueError, match=rf"{name} needs a time above 0 s, got 0"):
        TimeLimits(**{name: 0})
