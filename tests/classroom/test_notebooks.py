"""The three notebooks that a lesson gives, before anything is executed."""

import json
import re
from dataclasses import replace

import nbformat
import pytest

from course_lib.classroom.lesson import read_lesson
from course_lib.classroom.notebooks import StillPicture, exercise_notebook, lecture_notebook, solution_notebook
from course_lib.errors import CourseError

PICTURES = {"output_size": StillPicture("AAAA", "A row of [dots] that rises.")}
LECTURE = "# ---\n# jupyter:\n#   course: {title: Sums}\n# ---\n\n# %% [markdown]\n# # Sums\n"
LECTURE += '\n# %% tags=["setup"]\nimport os\n'


@pytest.fixture
def lesson(make_course, example_source):
    return read_lesson(make_course({"solutions/01_sizes.py": example_source}) / "solutions" / "01_sizes.py")


@pytest.fixture
def exercise(lesson):
    return exercise_notebook(lesson, pictures=PICTURES)


def cell_of(notebook, name):
    (cell,) = [cell for cell in notebook.cells if cell.id == name]
    return cell


def test_an_exercise_has_stub_check_hints_picture_and_progress_in_the_order_of_the_source(exercise):
    assert [re.sub("-[0-9a-f]{8}$", "", cell.id) for cell in exercise.cells] == [
        "text",
        "setup",
        "task-output_size",
        "check-output_size",
        "hints-output_size",
        "picture-output_size",
        "text",
        "task-answer",
        "check-answer",
        "ending",
        "progress",
    ]
    for cell in exercise.cells:
        cell.metadata.pop("source_line")
    nbformat.validate(exercise)


def test_the_set_up_cell_of_an_exercise_loads_the_checks_first(exercise, lesson):
    source = cell_of(exercise, "setup").source
    assert source.startswith("%load_ext course_lib.classroom\nimport numpy as np")
    assert source.count("%load_ext") == 1


def test_a_set_up_cell_that_loads_the_checks_itself_is_left_alone(make_course, example_source):
    text = example_source.replace("import numpy as np\n", "import numpy as np\n# %load_ext course_lib.classroom\n")
    lesson = read_lesson(make_course({"solutions/01_sizes.py": text}) / "solutions" / "01_sizes.py")
    assert cell_of(exercise_notebook(lesson, pictures=PICTURES), "setup").source.count("%load_ext") == 1


def test_a_check_names_task_and_requirement_and_keeps_the_question_for_after(exercise):
    lines = cell_of(exercise, "check-output_size").source.splitlines()
    assert lines[0] == "%%check output_size: counts both sides"
    assert lines[-1] == "# after: Why would padding once be lopsided?"
    assert cell_of(exercise, "check-output_size").metadata["editable"] is False
    assert cell_of(exercise, "check-output_size").metadata["jupyter"] == {"source_hidden": True}
    assert cell_of(exercise, "task-output_size").metadata["deletable"] is False
    assert cell_of(exercise, "task-output_size").metadata["course"] == {"task": "output_size"}


def test_hints_are_one_cell_of_nested_folds(exercise):
    text = cell_of(exercise, "hints-output_size").source
    assert text.count("<details>") == text.count("</details>") == 2
    first, second = text.index("<summary>Hint 1 of 2</summary>"), text.index("<summary>Hint 2 of 2</summary>")
    assert first < second < text.index("</details>")
    assert "\n\nHow many positions has a window of 1?\n\n" in text


def test_the_picture_is_in_the_text_itself_with_its_description(exercise):
    text = cell_of(exercise, "picture-output_size").source
    assert text.endswith(r"![A row of \[dots\] that rises.](data:image/png;base64,AAAA)")


def test_progress_names_every_task_with_its_visible_checks_and_the_end_says_what_to_hand_in(exercise):
    assert cell_of(exercise, "progress").source == "%progress output_size=1 answer=1"
    assert "`01_sizes.ipynb`" in cell_of(exercise, "ending").source
    assert "6 points in all" in cell_of(exercise, "ending").source


def test_nothing_that_only_teachers_may_see_is_in_an_exercise(exercise):
    text = json.dumps(exercise)
    for secret in (
        "2 * padding",
        "given * 7",
        "works for every size",
        "rng.integers",
        "len(range",
        "SOLUTION",
        "withhold",
    ):
        assert secret not in text


def test_a_solution_shows_answers_and_all_checks_and_no_marks_or_other_answers(lesson):
    solution = solution_notebook(lesson)
    text = json.dumps(solution)
    assert "2 * padding" in cell_of(solution, "task-output_size").source
    hidden = cell_of(solution, "hidden-output_size")
    assert hidden.source.startswith("%%check output_size: works for every size\n# graded only")
    assert hidden.metadata["tags"] == ["nbval-check-output"]
    assert cell_of(solution, "progress").source == "%progress output_size=2 answer=1"
    for absent in ("len(range", "SOLUTION", "input_size + padding - kernel"):
        assert absent not in text
    assert "plt.plot" in cell_of(solution, "picture-output_size").source


def test_the_same_lesson_gives_the_same_notebook_and_every_id_once(lesson, make_course, example_source):
    twice = example_source + "\n# %% [markdown]\n# ## A number\n"
    lesson = read_lesson(make_course({"solutions/01_sizes.py": twice}) / "solutions" / "01_sizes.py")
    made = [exercise_notebook(lesson, pictures=PICTURES) for _ in range(2)]
    assert made[0] == made[1]
    ids = [cell.id for cell in made[0].cells]
    assert len(set(ids)) == len(ids)
    assert sum(re.fullmatch(r"text-[0-9a-f]{8}(-2)?", name) is not None for name in ids) == 3


def test_kernel_and_language_have_no_version(exercise):
    assert exercise.metadata["kernelspec"]["name"] == "python3"
    assert "version" not in exercise.metadata["language_info"]
    assert exercise.metadata["course"]["title"] == "How large is a map?"


def test_a_lecture_is_prose_and_code_as_written(make_course):
    root = make_course({"notebooks/01_sums.py": LECTURE})
    made = lecture_notebook(read_lesson(root / "notebooks" / "01_sums.py"))
    assert [cell.source for cell in made.cells] == ["# Sums", "import os"]


def test_tasks_in_a_lecture_and_an_exercise_without_tasks_are_refused(lesson, make_course):
    with pytest.raises(
        CourseError, match=r"01_sizes\.py:17: a lecture has no tasks; wanted them in solutions/01_sizes\.py"
    ):
        lecture_notebook(lesson)
    empty = read_lesson(make_course({"solutions/01_sums.py": LECTURE}) / "solutions" / "01_sums.py")
    for make in (solution_notebook, lambda lesson: exercise_notebook(lesson, pictures={})):
        with pytest.raises(CourseError, match="an exercise without a task; wanted `# %% task="):
            make(empty)


def test_the_last_net_refuses_an_exercise_that_shows_a_secret_line(lesson, monkeypatch):
    (task, other) = lesson.tasks
    leaky = replace(lesson, tasks=(replace(task, stub=task.stub + "\n    both = 2 * padding"), other))
    with pytest.raises(CourseError, match=r"01_sizes\.py:17: the exercise would show a line .*'both = 2 \* padding'"):
        exercise_notebook(leaky, pictures=PICTURES)
    leaky = replace(lesson, tasks=(replace(task, stub="### BEGIN solution"), other))
    with pytest.raises(CourseError, match="the exercise would show a solution mark; nothing was written"):
        exercise_notebook(leaky, pictures=PICTURES)


def test_a_line_that_is_also_public_is_no_leak(make_course, example_source):
    text = example_source.replace("    both = 2 * padding\n", "    import numpy as np\n    both = 2 * padding\n")
    lesson = read_lesson(make_course({"solutions/01_sizes.py": text}) / "solutions" / "01_sizes.py")
    assert exercise_notebook(lesson, pictures=PICTURES)
