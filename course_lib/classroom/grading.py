"""From a submission to marks: papermill runs it in its sandbox, the asserts of `solutions/NN_topic.py` run here, on the trusted side.

A requirement is all or nothing. The names in its source are stand-ins for the student's objects; `there`, `rng`,
`explain` and `hint_for` are there too. Hidden checks, expected values and other students' work are never in a process
or a file system that a submission can see. What a student's notebook prints, or its own copies of the checks, never
changes a mark.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import multiprocessing
import re
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType
from typing import Any

from course_lib.classroom.kernels import StudentKernel
from course_lib.classroom.lesson import Lesson, Requirement, Task, read_lesson
from course_lib.classroom.messages import explain, hint_for
from course_lib.classroom.sandbox import SandboxLimits, why_no_sandbox
from course_lib.classroom.session import (
    KernelCrashed,
    SessionOver,
    StudentSession,
    TimeLimits,
    TookTooLong,
    Unreadable,
)
from course_lib.classroom.standin import NotAttempted, StudentError, bind, there_for
from course_lib.classroom.submission import Submission
from course_lib.classroom.withhold import copy_without
from course_lib.errors import CourseError

__all__ = [
    "GradingPlan",
    "RequirementResult",
    "SubmissionResult",
    "TaskResult",
    "grade_class",
    "grade_submission",
    "judge_task",
    "library_copy",
    "trusted_names",
]

_CHECK = "<check>"
_MOST_INTERRUPTIONS = 2


@dataclass(frozen=True)
class RequirementResult:
    """`state` is "passed", "failed", "not attempted", "error" or "time"; `message` what the student may read about it."""

    kind: str
    text: str
    points: float
    max_points: float
    state: str
    message: str


@dataclass(frozen=True)
class TaskResult:
    """Marks of one task and how they came about; points are in [0, max_points]."""

    name: str
    points: float
    max_points: float
    requirements: tuple[RequirementResult, ...]

    @property
    def state(self) -> str:
        """Return "full", "part", "none" or "not attempted"."""
        if all(one.state == "not attempted" for one in self.requirements):
            return "not attempted"
        return "full" if self.points == self.max_points else "part" if self.points else "none"


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
    seed : int
        Draws other random inputs for all hidden checks.
    """

    times: TimeLimits = field(default_factory=TimeLimits)
    limits: SandboxLimits = field(default_factory=SandboxLimits)
    sandboxed: bool = True
    seed: int = 0


def library_copy(lesson: Lesson, folder: Path) -> Path:
    """Make the copy of `course_lib` that students' kernels see: without what the lesson's tasks withhold."""
    return copy_without((name for task in lesson.tasks for name in task.withhold), folder / "course_lib")


def trusted_names(lesson: Lesson) -> dict[str, Any]:
    """Run the lesson's parameters and set-up cells here, without their magics; return the names that they bind."""
    names: dict[str, Any] = {"__name__": "check", "explain": explain, "hint_for": hint_for}
    for source in _setup_cells(lesson):
        exec(compile(_without_magics(source), f"<set-up of {lesson.topic}>", "exec"), names)
    return names


def grade_submission(
    lesson: Lesson, submission: Submission, *, package: Path, plan: GradingPlan, names: dict[str, Any], executed: Path
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

    Returns
    -------
    SubmissionResult
        0 points and a `problem` for a file that cannot be graded.
    """
    started = time.monotonic()
    if submission.problem:
        return _ungraded(lesson, submission, submission.problem, plan, started)
    try:
        with StudentSession(
            lambda: StudentKernel(package, limits=plan.limits, sandboxed=plan.sandboxed), times=plan.times
        ) as session:
            session.run_notebook(_cells_to_run(lesson, submission), output=executed)
            seed = f"{plan.seed}:{submission.digest}"
            tasks = tuple(judge_task(lesson, task, session, names=names, seed=seed) for task in lesson.tasks)
    except CourseError:
        raise
    except Exception as problem:  # one submission never stops the class, whatever it found
        return _ungraded(
            lesson, submission, f"could not be graded: {type(problem).__name__}: {str(problem)[:200]}", plan, started
        )
    return _result(lesson, submission, tasks, "", plan, started)


def judge_task(lesson: Lesson, task: Task, session: StudentSession, *, names: dict[str, Any], seed: str) -> TaskResult:
    """Run all requirements of a task on the trusted side against the student's kernel."""
    results: list[RequirementResult] = []
    interruptions = 0
    for requirement in task.checks:
        if interruptions >= _MOST_INTERRUPTIONS:
            state, message = "error", "Not tried: your code had to be stopped for the requirements above."
        else:
            state, message = _judge(lesson, task, requirement, session, names, seed)
            interruptions += (state in ("time", "error") and "kernel" in message) or state == "time"
        points = requirement.points if state == "passed" else 0.0
        results.append(
            RequirementResult(requirement.kind, requirement.text, points, requirement.points, state, message)
        )
    total = task.points if all(one.state == "passed" for one in results) else sum(one.points for one in results)
    return TaskResult(task.name, float(total), float(task.points), tuple(results))


def grade_class(
    lesson: Lesson, submissions: Sequence[Submission], *, plan: GradingPlan, executed: Path, workers: int = 1
) -> Iterator[SubmissionResult]:
    """
    Grade a class in worker processes; results come as they are ready.

    A worker that hangs or dies is ended and replaced; its submission gets a `problem`.

    Raises
    ------
    CourseError
        No sandbox where one is wanted, or no kernel starts.
    """
    if plan.sandboxed and why_no_sandbox():
        raise CourseError(why_no_sandbox())
    if workers < 1:
        raise CourseError(f"--workers needs a number of at least 1, got {workers}")
    executed.mkdir(parents=True, exist_ok=True)
    waiting = list(reversed(submissions))
    crew: list[_Worker] = []
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        Path(folder).chmod(0o755)
        package = library_copy(lesson, Path(folder))
        try:
            crew += [_Worker(lesson, package, plan) for _ in range(min(workers, len(waiting)))]
            while waiting or any(worker.busy for worker in crew):
                for place, worker in enumerate(crew):
                    if worker.lost:
                        crew[place] = worker = worker.replaced()
                    if not worker.busy and waiting:
                        one = waiting.pop()
                        worker.begin(one, executed / f"{one.page}.ipynb")
                wait([worker.connection for worker in crew if worker.busy], timeout=0.5)
                for worker in crew:
                    result = worker.finished()
                    if result is not None:
                        yield result
        finally:
            for worker in crew:
                worker.stop()


class _Worker:
    """A process that grades one submission after another; the parent watches its time."""

    def __init__(self, lesson: Lesson, package: Path, plan: GradingPlan) -> None:
        self.lesson, self.package, self.plan = lesson, package, plan
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, lesson.path, package, plan), daemon=False)
        self.process.start()
        theirs.close()
        self.current: Submission | None = None
        self.deadline = math.inf
        self.lost = False

    @property
    def busy(self) -> bool:
        return self.current is not None

    def begin(self, submission: Submission, executed: Path) -> None:
        self.current = submission
        self.deadline = time.monotonic() + self.plan.times.submission_s * 1.2 + 60
        with contextlib.suppress(OSError):  # a dead worker is noticed below
            self.connection.send((submission, executed))

    def finished(self) -> SubmissionResult | None:
        """Return the result if there is one; what went wrong with the worker itself is a result too."""
        if self.current is None:
            return None
        if self.connection.poll():
            try:
                answer = self.connection.recv()
            except (EOFError, OSError):
                return self._give_up("the grader's own process ended while this was graded")
            self.current = None
            if isinstance(answer, CourseError):
                raise answer
            return answer if isinstance(answer, SubmissionResult) else None
        if not self.process.is_alive():
            return self._give_up("the grader's own process ended while this was graded")
        if time.monotonic() > self.deadline:
            return self._give_up(f"took longer than {self.plan.times.submission_s:g} s altogether")
        return None

    def replaced(self) -> _Worker:
        return _Worker(self.lesson, self.package, self.plan)

    def stop(self) -> None:
        if self.process.is_alive() and not self.busy:
            with contextlib.suppress(OSError):
                self.connection.send(None)
            self.process.join(3)
        self.process.kill()
        self.process.join()
        self.process.close()
        self.connection.close()

    def _give_up(self, problem: str) -> SubmissionResult:
        assert self.current is not None
        submission, self.current, self.lost = self.current, None, True
        self.stop()
        return _ungraded(self.lesson, submission, problem, self.plan, time.monotonic())


def _work(connection: Connection, source: Path, package: Path, plan: GradingPlan) -> None:
    """Do what a worker process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers
    tempfile.tempdir = str(package.parent)
    lesson: Lesson | None = None
    while (job := connection.recv()) is not None:
        submission, executed = job
        try:
            if lesson is None:
                lesson = read_lesson(source)
                names = trusted_names(lesson)
            answer: Any = grade_submission(
                lesson, submission, package=package, plan=plan, names=names, executed=executed
            )
        except CourseError as problem:
            answer = problem
        except Exception as problem:
            answer = CourseError(
                f"{source.name}: the set-up cell fails on the grader's side: {type(problem).__name__}: {problem}"
            )
        connection.send(answer)


def _judge(
    lesson: Lesson, task: Task, requirement: Requirement, session: StudentSession, names: dict[str, Any], seed: str
) -> tuple[str, str]:
    """Return state and message of one requirement."""
    hidden = requirement.kind == "hidden"
    try:
        with _alarm(session.times.call_s * 3 + 10):
            bound = {name: bind(session, name) for name in task.defines}
            rng = _generator(lesson.topic, seed, requirement.text)
            own = {**names, **bound, "there": there_for(session), "rng": rng}
            exec(compile(requirement.source, _CHECK, "exec"), own)
    except NotAttempted as problem:
        lost = [
            name for name in task.defines if any(re.search(rf"\b{re.escape(name)}\b", cell) for cell in session.lost)
        ]
        if lost and "not defined" in str(problem):
            return "error", f"The cell that defines `{lost[0]}` ended the kernel or did not stop."
        return "not attempted", str(problem)[:500]
    except (TookTooLong, _OutOfTime) as problem:
        return "time", f"Your code {problem}." if isinstance(problem, TookTooLong) else "Checking took too long."
    except KernelCrashed:
        return "error", "Your code ended the kernel."
    except SessionOver as problem:
        return "time", f"Stopped: {problem}."
    except Unreadable as problem:
        return "error", f"Your code gave back something that cannot be read: {problem}."
    except StudentError as problem:
        return "error", _about_error(problem, hidden)
    except AssertionError as problem:
        own_words = _last_file(problem) == _CHECK and problem.args
        return "failed", str(problem.args[0])[:2_000] if own_words else "This requirement is not met."
    except Exception as problem:  # the check could not work with what the student's code gave
        detail = "" if hidden else f" ({type(problem).__name__}: {str(problem)[:200]})"
        return "failed", f"Your code gave back something of a kind that was not expected{detail}."
    return "passed", ""


def _about_error(problem: StudentError, hidden: bool) -> str:
    if hidden:
        return f"Your code raised {problem.kind}."
    place = f"\nIn the line `{problem.line}`" if problem.line else ""
    return f"Your code raised {problem.kind}: {problem.message}.{place}"


def _last_file(problem: BaseException) -> str:
    trace = problem.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_filename if trace is not None else ""


def _generator(topic: str, seed: str, requirement: str) -> Any:
    import numpy as np

    digest = hashlib.sha256(f"{topic}\0{seed}\0{requirement}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest))


class _OutOfTime(BaseException):
    pass


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Stop what the check itself does after `seconds`; only the main thread of a process has an alarm."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise _OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _setup_cells(lesson: Lesson) -> list[str]:
    return [cell.source for cell in lesson.cells if cell.role in ("parameters", "setup")]


def _without_magics(source: str) -> str:
    """Return the code without lines that only a notebook understands; their indentation keeps a `pass`."""
    return "\n".join(re.sub(r"^(\s*)[%!].*$", r"\1pass", line) for line in source.split("\n"))


def _cells_to_run(lesson: Lesson, submission: Submission) -> list[tuple[str, str]]:
    """Return our set-up cells, then the student's cells without their copies of set-up and checks."""
    setup = [source.strip() for source in _setup_cells(lesson)]
    cells = [("code", source) for source in setup]
    for kind, text in submission.cells:
        if kind == "code" and re.match(r"\s*%%check\b", text):
            cells.append(("markdown", "*(A check stood here; the grader runs its own.)*"))
        elif text.strip() not in setup:
            cells.append((kind, text))
    return cells


def _ungraded(
    lesson: Lesson, submission: Submission, problem: str, plan: GradingPlan, started: float
) -> SubmissionResult:
    return _result(lesson, submission, (), problem, plan, started)


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
