"""From a folder of submissions to a folder of results.

In the result folder: `results.csv`, `index.html` (the class), `feedback/STUDENT.html`, `executed/STUDENT.ipynb`. Every
line and page is written as its submission is done, so that an interrupted run keeps what is known.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from course_lib.classroom.grading import GradingPlan, SubmissionResult
from course_lib.classroom.lesson import Lesson
from course_lib.classroom.report import write_feedback, write_overview
from course_lib.classroom.submission import find_submissions
from course_lib.classroom.workers import grade_class
from course_lib.errors import CourseError

__all__ = ["Gradebook", "grade_folder"]


class Gradebook:
    """
    `results.csv` while it is written; a context manager.

    Columns: student, points, max_points, percent, one a task, problem, sandboxed.
    """

    def __init__(self, path: Path, *, tasks: tuple[str, ...]) -> None:
        self.path, self.tasks = path, tasks
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file)
        self._row(["student", "points", "max_points", "percent", *tasks, "problem", "sandboxed"])

    def __enter__(self) -> Gradebook:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, result: SubmissionResult) -> None:
        """Write one line and hand it to the system at once."""
        marks = {task.name: f"{task.points:g}" for task in result.tasks}
        percent = 100 * result.points / result.max_points if result.max_points else 0
        self._row([
            _text(result.student), f"{result.points:g}", f"{result.max_points:g}", f"{percent:.1f}",
            *(marks.get(task, "0") for task in self.tasks), _text(result.problem), "yes" if result.sandboxed else "no",
        ])  # fmt: skip

    def _row(self, values: list[str]) -> None:
        self._writer.writerow(values)
        self._file.flush()


def grade_folder(
    lesson: Lesson,
    submissions: Path,
    out: Path,
    *,
    plan: GradingPlan,
    workers: int = 1,
    progress: Callable[[SubmissionResult, int, int], None] = lambda result, done, total: None,
) -> tuple[SubmissionResult, ...]:
    """
    Grade a class and write everything about it.

    Parameters
    ----------
    lesson : Lesson
        The exercise.
    submissions, out : Path
        Where the notebooks are, and where the results go (made if need be).
    plan : GradingPlan
        Limits and sandbox.
    workers : int
        Submissions graded at the same time.
    progress : callable
        Called with each result, the number done and the number of all.

    Returns
    -------
    tuple of SubmissionResult
        In the order in which they were done.

    Raises
    ------
    CourseError
        A lecture, no submissions, results among the submissions, or no sandbox.
    """
    if not lesson.tasks:
        raise CourseError(f"{lesson.topic} has no tasks to grade; wanted a topic with exercises")
    if out.resolve().is_relative_to(submissions.resolve()):
        raise CourseError(f"--out {out} lies among the submissions; name a folder outside of {submissions}")
    found = find_submissions(submissions, lesson.topic)
    title, tasks = str(lesson.metadata["title"]), tuple(task.name for task in lesson.tasks)
    out.mkdir(parents=True, exist_ok=True)
    results: list[SubmissionResult] = []
    try:
        with Gradebook(out / "results.csv", tasks=tasks) as book:
            for result in grade_class(lesson, found, plan=plan, executed=out / "executed", workers=workers):
                results.append(result)
                book.add(result)
                write_feedback(result, out / "feedback", title=title)
                progress(result, len(results), len(found))
    finally:
        write_overview(results, out / "index.html", title=title, tasks=tasks)
    return tuple(results)


def _text(value: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t")) else value
