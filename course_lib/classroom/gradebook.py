"""Results on disk: one CSV line a submission, written as it comes, so that an interrupted run keeps what is known."""

from __future__ import annotations

import csv
from pathlib import Path
from types import TracebackType

from course_lib.classroom.grading import SubmissionResult

__all__ = ["Gradebook"]


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
        """Write one line and make sure that it is on the disk."""
        marks = {task.name: f"{task.points:g}" for task in result.tasks}
        percent = 100 * result.points / result.max_points if result.max_points else 0
        self._row([
            _text(result.student), f"{result.points:g}", f"{result.max_points:g}", f"{percent:.1f}",
            *(marks.get(task, "0") for task in self.tasks), _text(result.problem), "yes" if result.sandboxed else "no",
        ])  # fmt: skip

    def _row(self, values: list[str]) -> None:
        self._writer.writerow(values)
        self._file.flush()


def _text(value: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t")) else value
