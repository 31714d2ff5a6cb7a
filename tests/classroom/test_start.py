import json
import shutil
from dataclasses import replace
from pathlib import Path

import nbclient
import nbformat
import pytest

from course_lib.classroom.build import BuildReport, Built
from course_lib.classroom.cli import main
from course_lib.classroom.start import course_map, next_notebook
from course_lib.errors import CourseError

ROOT = Path(__file__).parents[2]
TOPIC = "03_convolution"


@pytest.fixture
def checkout(tmp_path):
    """Two lessons of the course, with their exercises."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for topic in ("02_neurons", TOPIC):
        for place in (f"notebooks/{topic}.py", f"exercises/{topic}.ipynb"):
            (tmp_path / place).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / place, tmp_path / place)
    return tmp_path


def say(path, *states):
    """Write outcomes into the first checks of an exercise, as `%%check` does."""
    notebook = json.loads(path.read_text())
    checks = [cell for cell in notebook["cells"] if "check" in cell["metadata"].get("course", {})]
    for cell, state in zip(checks, states, strict=False):
        cell["outputs"] = [{"output_type": "display_data", "data": {}, "metadata": {"course": {"state": state}}}]
    path.write_text(json.dumps(notebook))


def test_the_map_of_the_real_course_has_every_lecture_with_question_and_time():
    stops = course_map(ROOT)
    assert [stop.topic for stop in stops] == sorted(path.stem for path in (ROOT / "notebooks").glob("*.py"))
    known = {stop.topic for stop in stops}
    for stop in stops:
        assert stop.question.endswith("?")
        assert 30 <= stop.minutes <= 180, stop.topic
        assert set(stop.needs) <= known
        assert stop.tasks >= 4


def test_a_fresh_checkout_begins_with_the_first_lecture(checkout):
    stops = course_map(checkout)
    assert [(stop.right, stop.checked) for stop in stops] == [(0, 0.0), (0, 0.0)]
    assert next_notebook(stops).name == "02_neurons.ipynb"
    assert next_notebook(stops).parent.name == "notebooks"


def test_a_task_is_right_when_all_its_checks_are(checkout):
    exercise = checkout / "exercises" / f"{TOPIC}.ipynb"
    say(exercise, "right", "not yet")
    assert course_map(checkout)[1].right == 0
    say(exercise, "right", "right")
    stop = course_map(checkout)[1]
    assert (stop.right, stop.tasks, stop.done) == (1, 6, False)
    assert stop.checked > 0
    assert next_notebook(course_map(checkout)) == exercise


def test_what_is_done_leads_to_the_next_lecture_and_the_last_one_back_to_the_first(checkout):
    say(checkout / "exercises" / "02_neurons.ipynb", *["right"] * 50)
    stops = course_map(checkout)
    assert stops[0].done
    assert next_notebook(stops).name == f"{TOPIC}.ipynb"
    all_done = [replace(stop, right=stop.tasks) for stop in stops]
    assert next_notebook(all_done) == stops[0].lecture


@pytest.mark.parametrize("content", ["", "[]", '{"cells": [3]}', '{"cells": [{"metadata": {"course": 3}}]}', None])
def test_an_exercise_that_cannot_be_read_counts_as_not_begun(checkout, content):
    exercise = checkout / "exercises" / "02_neurons.ipynb"
    exercise.unlink() if content is None else exercise.write_text(content)
    assert course_map(checkout)[0].tasks == 0
    assert next_notebook(course_map(checkout)).name == "02_neurons.ipynb"


def test_a_folder_without_lectures_is_one_line(tmp_path):
    with pytest.raises(CourseError, match="no lecture"):
        course_map(tmp_path)


def test_the_command_prints_the_map_and_where_to_go_on(checkout, capsys):
    say(checkout / "exercises" / f"{TOPIC}.ipynb", "right", "right", "not yet")
    assert main(["start", "--root", str(checkout)]) == 0
    out = capsys.readouterr().out
    assert "Why convolve?" in out.replace("\n", " ")
    assert "1 of 6" in out
    assert out.rstrip().splitlines()[-1] == f"go on: exercises/{TOPIC}.ipynb"


def test_the_command_prints_the_path_alone_for_make(checkout, capsys):
    assert main(["start", "--path", "--root", str(checkout)]) == 0
    assert capsys.readouterr().out == str(checkout / "notebooks" / "02_neurons.ipynb") + "\n"


def test_before_the_map_only_what_was_made_is_told(checkout, capsys, monkeypatch):
    report = BuildReport(
        (Built("notebooks/02_neurons.py", "current"), Built("notebooks/03_convolution.py", "built", "", 7))
    )
    monkeypatch.setattr("course_lib.classroom.build.build_missing", lambda root, progress: report)
    assert main(["build", "--missing", "--root", str(checkout)]) == 0
    assert capsys.readouterr().out == "✓ notebooks/03_convolution.py: built (7 s)\n"


def test_the_outcome_is_read_from_what_a_real_check_leaves_in_the_notebook(checkout):
    """The form of the outcome is not assumed: the exercise is answered, run and saved by a kernel."""
    exercise = checkout / "exercises" / f"{TOPIC}.ipynb"
    notebook = nbformat.read(exercise, as_version=4)
    task = next(cell for cell in notebook.cells if cell.id == "task-output_size")
    solution = nbformat.read(ROOT / "solutions" / f"{TOPIC}.ipynb", as_version=4)
    task.source = next(cell.source for cell in solution.cells if cell.id == "task-output_size")
    kept = {"setup", "task-output_size", "check-output_size", "check-output_size-2"}
    wanted = [cell for cell in notebook.cells if cell.id in kept]
    part = nbformat.v4.new_notebook(cells=wanted, metadata=notebook.metadata)
    nbclient.NotebookClient(part, resources={"metadata": {"path": str(checkout)}}).execute()
    nbformat.write(notebook, exercise)
    assert course_map(checkout)[1].right == 1
