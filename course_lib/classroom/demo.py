"""`course demo`: a lecture run, an example class graded, and the marks held against the known ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from course_lib.classroom.example_class import Known, compare, write_class
from course_lib.classroom.gradebook import grade_folder
from course_lib.classroom.grading import GradingPlan, SubmissionResult
from course_lib.classroom.lesson import Lesson
from course_lib.classroom.session import TimeLimits

__all__ = ["GradedClass", "grade_example_class"]


@dataclass(frozen=True)
class GradedClass:
    """The class, its results, and `differences`: one line for each mark that is not the known one."""

    known: tuple[Known, ...]
    results: tuple[SubmissionResult, ...]
    differences: tuple[str, ...]


def grade_example_class(
    lesson: Lesson,
    out: Path,
    *,
    plan: GradingPlan | None = None,
    workers: int = 2,
    seed: int = 0,
    progress: Callable[[SubmissionResult, int, int], None] = lambda result, done, total: None,
) -> GradedClass:
    """
    Write an example class to ``out/submissions``, grade it into ``out/results`` and compare.

    Endless loops are given up after 20 s a cell and 10 s a call, unless `plan` says otherwise.

    Raises
    ------
    CourseError
        As `write_class` and `grade_folder`.
    """
    known = write_class(lesson, out / "submissions", seed=seed)
    plan = plan or GradingPlan(times=TimeLimits(cell_s=20, call_s=10))
    results = grade_folder(lesson, out / "submissions", out / "results", plan=plan, workers=workers, progress=progress)
    return GradedClass(known, results, tuple(compare(known, results)))
