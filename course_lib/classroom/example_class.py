"""A class of invented students whose marks are known: for trying the grader, and for proving it.

Their answers are the lesson's own: solutions, other right answers, known wrong answers, stubs. Some crash, some never
end, some files are broken. The marks are worked out here without kernel, stand-ins or sandbox: the answers and the
checks run in one plain namespace, so that the grader is compared with something that it does not share.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.classroom.grading import SubmissionResult
from course_lib.classroom.judging import trusted_names
from course_lib.classroom.lesson import Lesson, Task
from course_lib.errors import CourseError

__all__ = ["Known", "compare", "known_marks", "write_class"]

_EXIT = "import os\nos._exit(1)"
_ENDLESS = "while True:\n    pass"
_FAULT = "def {name}(*arguments, **more):\n    import ctypes\n\n    return ctypes.string_at(0)"
_NEVER = "def {name}(*arguments, **more):\n    while True:\n        pass"


@dataclass(frozen=True)
class Known:
    """What a student of the class must get; `problem` is True where the file cannot be graded."""

    student: str
    points: float
    problem: bool
    story: str


@dataclass(frozen=True)
class _Student:
    """A story, the cell handed in for each task, and what is left of each when crashes and loops are taken out."""

    name: str
    story: str
    cells: tuple[str, ...]
    surviving: tuple[str, ...]


def write_class(lesson: Lesson, folder: Path, *, seed: int = 0) -> tuple[Known, ...]:
    """
    Write the notebooks of the class and ``expected.csv`` beside the folder.

    Parameters
    ----------
    lesson : Lesson
        An exercise.
    folder : Path
        Gets the notebooks; must be new or empty.
    seed : int
        Chooses who gives which wrong answer.

    Returns
    -------
    tuple of Known
        Sorted by student.

    Raises
    ------
    CourseError
        The folder is not empty, or the lesson has no tasks.
    """
    if not lesson.tasks:
        raise CourseError(f"{lesson.topic} has no tasks; an example class needs an exercise")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise CourseError(f"{folder} is not empty; an example class needs a new folder")
    known = []
    for student in _students(lesson, random.Random(seed)):
        content = json.dumps(_notebook(lesson, student.cells), ensure_ascii=False, indent=1)
        (folder / f"{student.name}.ipynb").write_text(content, "utf-8")
        known.append(Known(student.name, known_marks(lesson, student.surviving), False, student.story))
    known += _broken_files(folder)
    known.sort(key=lambda one: one.student)
    with (folder.parent / "expected.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["student", "points", "problem", "story"])
        rows.writerows([one.student, f"{one.points:g}", "yes" if one.problem else "no", one.story] for one in known)
    return tuple(known)


def known_marks(lesson: Lesson, cells: Sequence[str]) -> float:
    """Return the points of these answers, one cell a task, worked out in one plain namespace of this process."""
    from course_lib.classroom.feedback import there

    names = {**trusted_names(lesson), "there": there}
    for source in [cell.source for cell in lesson.cells if cell.role == "code"] + list(cells):
        _passes(source, names)
    return float(sum(one.points for task in lesson.tasks for one in task.checks if _meets(one.source, names)))


def compare(known: Sequence[Known], results: Sequence[SubmissionResult]) -> list[str]:
    """Return one line for each student whose result is not the known one; empty when all are right."""
    got = {one.student: one for one in results}
    lines = [f"{name}: graded, but not in the class" for name in sorted(got.keys() - {one.student for one in known})]
    for one in known:
        result = got.get(one.student)
        if result is None:
            lines.append(f"{one.student}: no result; wanted {one.points:g}")
        elif bool(result.problem) != one.problem or abs(result.points - one.points) > 1e-9:
            problem = f" ({result.problem})" if result.problem else ""
            lines.append(f"{one.student}: got {result.points:g}{problem}, wanted {one.points:g}: {one.story}")
    return lines


def _students(lesson: Lesson, rng: random.Random) -> list[_Student]:
    tasks = lesson.tasks
    right = [task.source for task in tasks]
    stubs = [task.stub for task in tasks]
    others = [rng.choice(task.rights) if task.rights else task.source for task in tasks]
    middle, last = len(tasks) // 2, len(tasks) - 1
    half = [right[place] if place <= middle else stubs[place] for place in range(len(tasks))]
    return [
        _plain("ada", "everything right", right),
        _plain("emmy", "everything right, in other ways", others),
        _plain("blank", "handed in as received", stubs),
        _plain("halfway", f"the first {middle + 1} of {len(tasks)} tasks", half),
        *(
            _plain(name, "some known wrong answers", _some_wrong(tasks, rng))
            for name in ("boris", "chen", "dana", "eli")
        ),
        _plain("zoë 🙂", "everything right, a name with an emoji", right),
        _lost("crash", "task {} ends its kernel", right, 0, tasks, _EXIT),
        _lost("fault", "task {} is a function that ends its kernel", right, last, tasks, _FAULT),
        _lost("endless", "task {} is an endless loop", right, last, tasks, _ENDLESS),
        _lost("waiting", "task {} is a function that never ends", right, 0, tasks, _NEVER),
    ]


def _plain(name: str, story: str, cells: Sequence[str]) -> _Student:
    return _Student(name, story, tuple(cells), tuple(cells))


def _lost(name: str, story: str, right: Sequence[str], place: int, tasks: Sequence[Task], cell: str) -> _Student:
    """Replace one cell by something that costs this task; what uses its names is lost with it."""
    instead = "\n\n\n".join(cell.format(name=one) for one in tasks[place].defines) if "{name}" in cell else cell
    cells, surviving = list(right), list(right)
    cells[place], surviving[place] = instead, ""
    return _Student(name, story.format(tasks[place].name), tuple(cells), tuple(surviving))


def _some_wrong(tasks: Sequence[Task], rng: random.Random) -> list[str]:
    return [rng.choice([task.source, *(wrong.source for wrong in task.wrongs)]) for task in tasks]


def _notebook(lesson: Lesson, answers: Sequence[str]) -> dict[str, Any]:
    """Return the exercise as a student hands it in."""
    left = list(answers)
    cells = []
    for cell in lesson.cells:
        if cell.role in ("setup", "parameters", "code"):
            cells.append(_cell("code", cell.source))
        elif cell.role == "task":
            cells.append(_cell("code", left.pop(0)))
        elif cell.role == "check":
            cells.append(_cell("code", f"%%check {cell.task}\n{cell.source}"))
        elif cell.role == "markdown":
            cells.append(_cell("markdown", cell.source))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}


def _cell(kind: str, source: str) -> dict[str, Any]:
    more: dict[str, Any] = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source, **more}


def _broken_files(folder: Path) -> list[Known]:
    (folder / "truncated.ipynb").write_text('{"cells": [{"cell_type": "code", "sour', "utf-8")
    (folder / "empty.ipynb").write_text("", "utf-8")
    (folder / "essay.docx").write_text("My answers", "utf-8")
    (folder / "forgot").mkdir()
    stories = {
        "truncated": "half a file",
        "empty": "an empty file",
        "essay": "not a notebook",
        "forgot": "a folder without a notebook",
    }
    return [Known(name, 0.0, True, story) for name, story in stories.items()]


def _meets(source: str, names: dict[str, Any]) -> bool:
    import numpy as np

    return _passes(source, {**names, "rng": np.random.default_rng(0)})


def _passes(source: str, names: dict[str, Any]) -> bool:
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            exec(compile(source, "<answer>", "exec"), names)
    except Exception:  # a wrong answer may raise anything
        return False
    return True
