"""Exercises in nbgrader's own form, for those who grade with it: a `source/` tree from `solutions/NN_topic.py`.

nbgrader takes solutions and hidden tests out by the marks that it knows, and gives a test cell's points to a cell that
raises nothing; our checks are plain asserts, so they need no change. What it does not have is said in
`docs/instructor.md`: it has no sandbox, and nothing of the library is withheld.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from course_lib.classroom.cells import Cell
from course_lib.classroom.lesson import Lesson
from course_lib.classroom.notebooks import fixed_metadata, hints_of
from course_lib.errors import CourseError

__all__ = ["CHECK_LINE", "nbgrader_notebook", "write_nbgrader_source"]

CHECK_LINE = "# course check"
"""How the first line of every check begins; `course grade` leaves such cells out and runs its own."""

_NAMES = """\
import numpy as np
from course_lib.classroom import explain, hint_for, there

rng = np.random.default_rng(0)
"""
_CONFIG = """\
# The course as nbgrader knows it: `nbgrader generate_assignment TOPIC`, then release/TOPIC is what students get.
c = get_config()
c.CourseDirectory.course_id = "deep_learning_in_medical_imaging"
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError()"}
"""


def nbgrader_notebook(lesson: Lesson) -> Any:
    """Make the source notebook of one assignment.

    Parameters
    ----------
    lesson
        Read from `solutions/`; with tasks.

    Returns
    -------
    nbformat.NotebookNode
        Not executed. A task is a cell to be graded by the cells after it, one for each requirement, with its points;
        hidden requirements stand between nbgrader's marks. Pictures, and answers known to be right or wrong, are left
        out.

    Raises
    ------
    CourseError
        When the lesson has no task.
    """
    from nbformat.v4 import new_notebook

    if not lesson.tasks:
        raise CourseError(f"{lesson.topic} has no tasks; wanted an exercise, a topic of solutions/")
    cells: list[Any] = []
    for cell in lesson.cells:
        if cell.role == "task":
            _add_task(cells, lesson, cell)
        elif cell.role == "hint" and cell.attributes["step"] == 1:
            cells.append(_cell("markdown", hints_of(lesson.task(str(cell.task)))))
        elif cell.role in ("code", "markdown", "setup", "parameters"):
            cells.append(_cell(cell.kind, cell.source))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return new_notebook(cells=cells, metadata=fixed_metadata(), nbformat_minor=5)


def write_nbgrader_source(lessons: Sequence[Lesson], out: Path) -> list[Path]:
    """Write `out/source/TOPIC/TOPIC.ipynb` for each lesson, and `out/nbgrader_config.py` where there is none.

    Returns
    -------
    list of Path
        The notebooks.

    Raises
    ------
    CourseError
        A lesson without tasks, or a folder that cannot be written.
    """
    import nbformat

    written = []
    try:
        for lesson in lessons:
            path = out / "source" / lesson.topic / f"{lesson.topic}.ipynb"
            notebook = nbgrader_notebook(lesson)
            path.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, path)
            written.append(path)
        config = out / "nbgrader_config.py"
        if not config.exists():
            config.write_text(_CONFIG, "utf-8")
    except OSError as problem:
        raise CourseError(f"--out {out} cannot be written: {problem.strerror}; name another folder") from None
    return written


def _add_task(cells: list[Any], lesson: Lesson, cell: Cell) -> None:
    """Add a task's cell, with its solution between marks, and a cell for each of its requirements."""
    task = lesson.task(str(cell.task))
    cells.append(_cell("code", cell.source, grade_id=task.name, solution=True))
    for number, check in enumerate(task.checks, start=1):
        hidden = check.kind == "hidden"
        source = f"### BEGIN HIDDEN TESTS\n{check.source}\n### END HIDDEN TESTS" if hidden else check.source
        first = f"{CHECK_LINE} {task.name}: {'graded only' if hidden else check.text}"
        cells.append(
            _cell("code", f"{first}\n{_NAMES}\n{source}", grade_id=f"{task.name}-{number}", points=check.points)
        )


def _cell(kind: str, source: str, *, grade_id: str = "", solution: bool = False, points: float | None = None) -> Any:
    from nbformat.v4 import new_code_cell, new_markdown_cell

    cell = (new_code_cell if kind == "code" else new_markdown_cell)(source)
    if grade_id:
        cell.metadata["nbgrader"] = {
            "schema_version": 3, "grade_id": grade_id, "task": False, "solution": solution, "grade": points is not None,
            "locked": points is not None, **({} if points is None else {"points": points}),
        }  # fmt: skip
    return cell
