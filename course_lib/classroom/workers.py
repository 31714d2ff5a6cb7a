"""A class graded by worker processes: one that hangs or dies costs one submission, never the class."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import signal
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from course_lib.classroom.containers import Containers, kernels_from
from course_lib.classroom.fork_server import libraries_named
from course_lib.classroom.grading import GradingPlan, SubmissionResult, grade_submission, library_copy, ungraded
from course_lib.classroom.judging import imported_by, setup_cells, trusted_names
from course_lib.classroom.lesson import Lesson
from course_lib.classroom.sandbox import why_no_sandbox
from course_lib.classroom.slow_imports import skip_slow_imports
from course_lib.classroom.submission import Submission
from course_lib.classroom.warm import WarmClient, WarmProcess
from course_lib.errors import CourseError

__all__ = ["grade_class", "grade_what_comes", "libraries_of"]


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
    if plan.sandboxed and not plan.engine and why_no_sandbox():
        raise CourseError(why_no_sandbox())
    if workers < 1:
        raise CourseError(f"--workers needs a number of at least 1, got {workers}")
    executed.mkdir(parents=True, exist_ok=True)
    waiting = list(reversed(submissions))
    crew: list[_Worker] = []
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        Path(folder).chmod(0o755)
        _import_beforehand(lesson)
        package = library_copy(lesson, Path(folder))
        libraries = libraries_of(lesson, submissions)
        warm = kernels_from(plan.engine, package, limits=plan.limits, libraries=libraries) if plan.sandboxed else None
        try:
            crew += [_Worker(lesson, package, plan, warm) for _ in range(min(workers, len(waiting)))]
            while waiting or any(worker.busy for worker in crew):
                if warm is not None:
                    warm.check()
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
            if warm is not None:
                warm.stop()


def libraries_of(lesson: Lesson, submissions: Iterable[Submission]) -> list[str]:
    """Return which of `course_lib.classroom.fork_server.LIBRARIES` the lesson, its checks or a submission ask for."""
    checks = (check.source for task in lesson.tasks for check in task.checks)
    cells = (text for one in submissions for kind, text in one.cells if kind == "code")
    return libraries_named([*setup_cells(lesson), *checks, *cells]) or ["numpy"]


def _import_beforehand(lesson: Lesson) -> None:
    """Let the process that workers are forked from begin with its imports, while other things are made ready."""
    forkserver.set_forkserver_preload(["course_lib.classroom.trusted_side", *imported_by(lesson)])
    forkserver.ensure_running()


class _Worker:
    """A process that grades one submission after another; the parent watches its time."""

    def __init__(self, lesson: Lesson, package: Path, plan: GradingPlan, warm: WarmProcess | Containers | None) -> None:
        self.lesson, self.package, self.plan, self.warm = lesson, package, plan, warm
        context = multiprocessing.get_context("forkserver")
        self.connection, theirs = context.Pipe()
        client = warm.client if warm else None
        self.process = context.Process(
            target=grade_what_comes, args=(theirs, lesson, package, plan, client), daemon=False
        )
        self.process.start()
        theirs.close()
        self.current: Submission | None = None
        self.deadline = math.inf
        self.lost = self.stopped = False

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
        return _Worker(self.lesson, self.package, self.plan, self.warm)

    def stop(self) -> None:
        if self.stopped:
            return
        self.stopped = True
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
        return ungraded(self.lesson, submission, problem, self.plan)


def _bound_memory(size: int) -> None:
    """Let a check that multiplies a student's array by its own fail here, before the machine runs out of memory."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))


def grade_what_comes(
    connection: Connection,
    lesson: Lesson,
    package: Path,
    plan: GradingPlan,
    warm: WarmClient | None,
    *,
    idle_s: float | None = None,
) -> None:
    """Do what a worker process does, until None comes, or nothing for `idle_s` seconds."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers
    _bound_memory(plan.limits.resident_mb * 2**20)
    tempfile.tempdir = str(package.parent)
    skip_slow_imports()
    names: dict[str, Any] = {}
    while connection.poll(idle_s) and (job := connection.recv()) is not None:
        submission, executed = job
        try:
            names = names or trusted_names(lesson)
            answer: Any = grade_submission(
                lesson, submission, package=package, plan=plan, names=names, executed=executed, warm=warm
            )
        except CourseError as problem:
            answer = problem
        except Exception as problem:
            answer = CourseError(
                f"{lesson.path.name}: the set-up cell fails on the grader's side: {type(problem).__name__}: {problem}"
            )
        connection.send(answer)
