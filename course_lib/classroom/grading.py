"""From a submission to marks: papermill runs it in its sandbox, then each task is judged on the trusted side.

Hidden checks, expected values and other students' work are never in a process or a file system that a submission can
see. What a student's notebook prints, or its own copies of the checks, never changes a mark.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.classroom.judging import TaskResult, judge_task, setup_cells
from course_lib.classroom.kernels import StudentKernel
from course_lib.classroom.lesson import Lesson
from course_lib.classroom.nbgrader import CHECK_LINE
from course_lib.classroom.sandbox import SandboxLimits
from course_lib.classroom.session import StudentSession, TimeLimits
from course_lib.classroom.submission import Submission
from course_lib.classroom.warm import WarmClient
from course_lib.classroom.withhold import copy_without
from course_lib.errors import CourseError

__all__ = ["GradingPlan", "SubmissionResult", "grade_submission", "library_copy", "ungraded"]


@dataclass(frozen=True)
class SubmissionResult:
    """Marks of one submission; `problem` is one line where the file could not be graded (then there are no tasks)."""

    student: str
    page: str
    topic: str
    points: float
    max_points: float
    tasks: tuple[TaskResult, ...]
    problem: str
    sandboxed: bool
    seconds: float


@dataclass(frozen=True)
class GradingPlan:
    """
    How a class is graded.

    Parameters
    ----------
    times, limits
        What each submission may take and use.
    sandboxed : bool
        False only by the teacher's explicit wish; every report says so.
    engine : str
        docker or podman: each kernel in a container of its own, instead of bubblewrap.
    seed : int
        Draws other random inputs for all hidden checks.
    """

    times: TimeLimits = field(default_factory=TimeLimits)
    limits: SandboxLimits = field(default_factory=SandboxLimits)
    sandboxed: bool = True
    engine: str = ""
    seed: int = 0


def library_copy(lesson: Lesson, folder: Path) -> Path:
    """Make the copy of `course_lib` that students' kernels see: without what the lesson's tasks withhold."""
    return copy_without((name for task in lesson.tasks for name in task.withhold), folder / "course_lib")


def grade_submission(
    lesson: Lesson,
    submission: Submission,
    *,
    package: Path,
    plan: GradingPlan,
    names: dict[str, Any],
    executed: Path,
    warm: WarmClient | None = None,
) -> SubmissionResult:
    """
    Grade one submission.

    Parameters
    ----------
    lesson : Lesson
        The exercise with its hidden checks.
    submission : Submission
        As read by `course_lib.classroom.submission`.
    package : Path
        What `library_copy` made.
    names : dict
        What `trusted_names` returned.
    executed : Path
        Where the executed notebook is written.
    warm : WarmClient, optional
        Forks its kernels; else each is started anew.

    Returns
    -------
    SubmissionResult
        0 points and a `problem` for a file that cannot be graded.
    """
    started = time.monotonic()
    if submission.problem:
        return ungraded(lesson, submission, submission.problem, plan)
    try:
        with StudentSession(
            lambda: StudentKernel(package, limits=plan.limits, sandboxed=plan.sandboxed, warm=warm), times=plan.times
        ) as session:
            session.run_notebook(_cells_to_run(lesson, submission), output=executed)
            seed = f"{plan.seed}:{submission.digest}"
            tasks = tuple(judge_task(lesson, task, session, names=names, seed=seed) for task in lesson.tasks)
    except CourseError:
        raise
    except Exception as problem:  # one submission never stops the class, whatever it found
        return ungraded(
            lesson, submission, f"could not be graded: {type(problem).__name__}: {str(problem)[:200]}", plan
        )
    return _result(lesson, submission, tasks, "", plan, started)


def ungraded(lesson: Lesson, submission: Submission, problem: str, plan: GradingPlan) -> SubmissionResult:
    """Return the result of a submission that cannot be graded: 0 points and the reason."""
    return _result(lesson, submission, (), problem, plan, time.monotonic())


def _cells_to_run(lesson: Lesson, submission: Submission) -> list[tuple[str, str]]:
    """Return our set-up cells, then the student's cells without their copies of set-up, checks and progress."""
    setup = [source.strip() for source in setup_cells(lesson)]
    cells = [("code", source) for source in setup]
    for kind, text in submission.cells:
        if kind == "code" and re.match(rf"\s*(%%check|{CHECK_LINE})\b", text):
            cells.append(("markdown", "*(A check stood here; the grader runs its own.)*"))
        elif text.strip() not in setup and not (kind == "code" and re.fullmatch(r"%progress\b.*", text.strip())):
            cells.append((kind, text))
    return cells


def _result(
    lesson: Lesson,
    submission: Submission,
    tasks: tuple[TaskResult, ...],
    problem: str,
    plan: GradingPlan,
    started: float,
) -> SubmissionResult:
    return SubmissionResult(
        student=submission.student,
        page=submission.page,
        topic=lesson.topic,
        points=sum(task.points for task in tasks),
        max_points=float(sum(task.points for task in lesson.tasks)),
        tasks=tasks,
        problem=problem,
        sandboxed=plan.sandboxed,
        seconds=time.monotonic() - started,
    )
