"""A class of right, partly right, wrong and broken submissions whose marks are known, for any number of students."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from course_lib.classroom.example_class import known_marks
from course_lib.classroom.lesson import Lesson

VARIETY = 60  # after so many students answers come again, with a small change
ENDS_THE_KERNEL = "import os\nos._exit(1)"


@dataclass(frozen=True)
class Student:
    """`answers` holds one cell a task; `file` is what is handed in where that is no notebook; points are known."""

    name: str
    answers: tuple[str, ...]
    points: float
    file: str | None = None


def make_class(lesson: Lesson, count: int) -> list[Student]:
    """In every fifteen: 2 right, 1 blank, 1 half done, 8 with known wrong answers, 3 broken in different ways."""
    marks = cache(lambda answers: known_marks(lesson, answers))
    return [student(lesson, number, marks) for number in range(count)]


def student(lesson: Lesson, number: int, marks) -> Student:
    kind, rng = number % 15, random.Random(number % VARIETY)
    right, tasks = [task.source for task in lesson.tasks], lesson.tasks
    answers = list(right)
    place = rng.randrange(len(tasks))
    if kind == 1:
        answers = [rng.choice(task.rights or [task.source]) for task in tasks]
    elif kind == 2:
        answers = [task.stub for task in tasks]
    elif kind == 3:
        answers = right[:3] + [task.stub for task in tasks[3:]]
    elif kind < 12 and kind > 3:
        answers = [rng.choice([task.source, *(wrong.source for wrong in task.wrongs)]) for task in tasks]
    elif kind == 12:
        answers[place] = "def unfinished(:\n    pass"
    elif kind == 13:
        answers[place] = ENDS_THE_KERNEL
    name, signed = f"s{number:04}", [f"{answer}\n# s{number:04}" for answer in answers]
    if kind == 14:
        return Student(name, (), 0.0, "" if number % 2 else '{"cells": [{"cell_type": "code", "sour')
    surviving = tuple("" if answer == ENDS_THE_KERNEL else answer for answer in answers)
    return Student(name, tuple(signed), marks(surviving))


def cell(kind: str, source: str, **metadata: Any) -> dict[str, Any]:
    more: dict[str, Any] = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": metadata, "source": source, **more}


def notebook(cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": list(cells), "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}


def handed_in(lesson: Lesson, answers: Sequence[str]) -> dict[str, Any]:
    """Return the exercise as our students hand it in."""
    left, cells = list(answers), []
    for one in lesson.cells:
        if one.role in ("setup", "parameters", "code"):
            cells.append(cell("code", one.source))
        elif one.role == "task":
            cells.append(cell("code", left.pop(0)))
        elif one.role == "check":
            cells.append(cell("code", f"%%check {one.task}\n{one.source}"))
        elif one.role == "markdown":
            cells.append(cell("markdown", one.source))
    return notebook(cells)
