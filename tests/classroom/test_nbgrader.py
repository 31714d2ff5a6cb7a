"""Exercises as nbgrader's own: the source tree is written, nbgrader itself releases and grades it, the marks agree."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course_lib.classroom.cli import main
from course_lib.classroom.example_class import known_marks
from course_lib.classroom.lesson import read_lesson
from course_lib.classroom.nbgrader import CHECK_LINE, nbgrader_notebook, write_nbgrader_source
from course_lib.classroom.submission import class_folder, find_submissions
from course_lib.errors import CourseError

ROOT = Path(__file__).parents[2]
TOPIC = "03_convolution"
EXERCISES = sorted(path.stem for path in (ROOT / "solutions").glob("*.py"))
NBGRADER = ("nbgrader==0.9.6",)
# What it imports and this environment lacks.
ITS_NEEDS = ("alembic==1.20.1", "mako==1.4.3", "notebook==7.6.5", "rapidfuzz==3.14.6", "sqlalchemy==2.1.9")


@pytest.fixture(scope="module")
def lesson():
    return read_lesson(ROOT / "solutions" / f"{TOPIC}.py")


@pytest.mark.parametrize("topic", EXERCISES)
def test_every_exercise_is_a_notebook_that_nbgrader_can_read(topic):
    lesson = read_lesson(ROOT / "solutions" / f"{topic}.py")
    notebook = nbgrader_notebook(lesson)
    nbformat.validate(notebook)
    graded = {
        about["grade_id"]: (cell, about)
        for cell in notebook.cells
        if (about := cell.metadata.get("nbgrader")) is not None
    }
    assert len(graded) == len(lesson.tasks) + sum(len(task.checks) for task in lesson.tasks)
    for task in lesson.tasks:
        cell, about = graded[task.name]
        assert about["solution"]
        assert not about["grade"]
        assert "### BEGIN SOLUTION" in cell.source
        tests = [graded[f"{task.name}-{number}"] for number in range(1, len(task.checks) + 1)]
        assert sum(about["points"] for _, about in tests) == pytest.approx(task.points)
        for (cell, about), check in zip(tests, task.checks, strict=True):
            assert about["locked"]
            assert cell.source.startswith(CHECK_LINE)
            assert ("### BEGIN HIDDEN TESTS" in cell.source) == (check.kind == "hidden")
            assert check.source in cell.source


def test_known_answers_are_not_in_it(lesson):
    text = "\n".join(cell.source for cell in nbgrader_notebook(lesson).cells)
    for task in lesson.tasks:
        assert not any(wrong.source in text for wrong in task.wrongs)


def test_the_command_writes_the_tree_and_keeps_a_configuration_that_is_there(tmp_path, capsys):
    (tmp_path / "nbgrader_config.py").write_text("# mine\n")
    assert main(["build", "--format", "nbgrader", "--out", str(tmp_path), TOPIC, "--root", str(ROOT)]) == 0
    assert (tmp_path / "source" / TOPIC / f"{TOPIC}.ipynb").is_file()
    assert (tmp_path / "nbgrader_config.py").read_text() == "# mine\n"
    assert f"nbgrader generate_assignment {TOPIC}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--format", "nbgrader"], ["--out", "x"]])
def test_one_option_without_the_other_is_one_line(words, capsys):
    assert main(["build", *words, "--root", str(ROOT)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_lecture_is_no_assignment():
    with pytest.raises(CourseError, match="no tasks"):
        nbgrader_notebook(read_lesson(ROOT / "notebooks" / f"{TOPIC}.py"))


def test_a_place_that_cannot_be_written_is_one_line(lesson, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CourseError, match="cannot be written"):
        write_nbgrader_source([lesson], tmp_path / "file")


def test_a_folder_laid_out_by_nbgrader_is_a_class(tmp_path):
    for place in ("source", f"submitted/ada/{TOPIC}", "submitted/ada/other", "submitted/bob/other"):
        (tmp_path / place).mkdir(parents=True)
    notebook = json.dumps({"cells": [{"cell_type": "code", "source": "x = 1"}]})
    (tmp_path / "submitted" / "ada" / TOPIC / f"{TOPIC}.ipynb").write_text(notebook)
    found = {one.student: one.problem for one in find_submissions(class_folder(tmp_path), TOPIC)}
    assert found == {"ada": "", "bob": "no notebook in this folder"}
    assert class_folder(tmp_path / "submitted") == tmp_path / "submitted"


@pytest.mark.registry
@pytest.mark.sandbox
def test_nbgrader_releases_and_grades_it_and_gives_the_marks_that_course_grade_gives(lesson, tmp_path):
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--target", str(tmp_path / "peer"), *NBGRADER, *ITS_NEEDS], check=True)
    course = tmp_path / "course"
    write_nbgrader_source([lesson], course)
    environment = {
        **os.environ,
        "PYTHONPATH": f"{tmp_path / 'peer'}",
        "PATH": f"{tmp_path / 'peer' / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
    }

    def nbgrader(*words: str) -> None:
        line = [sys.executable, "-c", "from nbgrader.apps.nbgraderapp import main; main()", *words]
        done = subprocess.run(line, cwd=course, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2_000:]

    nbgrader("generate_assignment", TOPIC)
    released = json.loads((course / "release" / TOPIC / f"{TOPIC}.ipynb").read_text())
    assert "HIDDEN TESTS" not in json.dumps(released)
    assert "BEGIN SOLUTION" not in json.dumps(released)

    right, stubs = [task.source for task in lesson.tasks], [task.stub for task in lesson.tasks]
    answers = {
        "right": right,
        "another": [task.rights[0] for task in lesson.tasks],
        "blank": stubs,
        "half": right[:3] + stubs[3:],
        "wrong": [task.wrongs[0].source for task in lesson.tasks],
        "slip": [*right[:-1], "def unfinished(:\n    pass"],
    }
    for student, cells in answers.items():
        folder = course / "submitted" / student / TOPIC
        folder.mkdir(parents=True)
        (folder / f"{TOPIC}.ipynb").write_text(json.dumps(_answered(released, lesson, cells)))
    nbgrader("autograde", TOPIC)
    nbgrader("generate_feedback", TOPIC)
    nbgrader("export")

    assert main(["grade", TOPIC, str(course), "--out", str(tmp_path / "marks"), "--root", str(ROOT)]) == 0
    theirs = _marks(course / "grades.csv", "student_id", "score")
    ours = _marks(tmp_path / "marks" / "results.csv", "student", "points")
    known = {student: known_marks(lesson, tuple(cells)) for student, cells in answers.items()}
    assert ours == pytest.approx(known)
    assert theirs == pytest.approx(known)
    assert (course / "feedback" / "right" / TOPIC / f"{TOPIC}.html").is_file()


def _answered(released, lesson, answers):
    by_task = dict(zip((task.name for task in lesson.tasks), answers, strict=True))
    copy = json.loads(json.dumps(released))
    for cell in copy["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = by_task.get(name, cell["source"])
    return copy


def _marks(path, student, points):
    with path.open() as file:
        return {row[student]: float(row[points] or 0) for row in csv.DictReader(file)}
