"""A desk: one process that grades for one class, with a warm process of its own; it needs no command line around it.

Whoever opens a desk sends the class once (the exercise as text, the plan) and then one submission after another. The
desk makes the library copy itself, so that no path of another machine is needed. It ends with whoever opened it, and
when nothing has come for a while.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import platform
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from course_lib.classroom.grading import GradingPlan, SubmissionResult, library_copy
from course_lib.classroom.judging import imported_by
from course_lib.classroom.lesson import read_lesson
from course_lib.classroom.slow_imports import skip_slow_imports
from course_lib.classroom.submission import Submission
from course_lib.classroom.warm import WarmProcess
from course_lib.classroom.workers import grade_what_comes
from course_lib.errors import CourseError

__all__ = ["ClassWork", "Desk", "DeskEndedError", "Graded", "longest_s", "main", "versions"]

_IDLE_S = 600.0
_SECONDS_TO_OPEN = 120.0
_SECONDS_TO_CLOSE = 10.0


@dataclass(frozen=True)
class ClassWork:
    """What a desk must know of a class: the exercise's text, the plan, and what warm kernels import beforehand."""

    topic: str
    source: str
    plan: GradingPlan
    libraries: tuple[str, ...]


@dataclass(frozen=True)
class Graded:
    """A result, and the executed notebook as it was written; None where none was."""

    result: SubmissionResult
    notebook: bytes | None


class DeskEndedError(Exception):
    """The desk ended, or did not open, before there was a result."""


class Desk:
    """
    A grading process, opened.

    Parameters
    ----------
    work : ClassWork
        The class.

    Raises
    ------
    CourseError
        The exercise or its library cannot be used here: one line.
    DeskEndedError
        It did not open.
    """

    def __init__(self, work: ClassWork) -> None:
        self._longest_s, self._folder = longest_s(work.plan), ""
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", "-m", "course_lib.classroom.desk", str(theirs.fileno())]
            self._process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._line = Connection(ours.detach())
        try:
            self._send(work)
            self._folder = self._answer(_SECONDS_TO_OPEN)
        except BaseException as problem:
            self.close()
            if isinstance(problem, TimeoutError):
                raise DeskEndedError from None
            raise

    def grade(self, submission: Submission) -> Graded:
        """
        Grade one submission; close the desk after anything that is raised.

        Raises
        ------
        CourseError
            Nothing can be graded here: the set-up cell fails, or no kernel starts.
        DeskEndedError
            The desk ended meanwhile.
        TimeoutError
            It did not end in the time that the plan gives, and a little more.
        """
        executed = Path(self._folder, "executed.ipynb")
        self._send((submission, executed))
        try:
            result = self._answer(self._longest_s)
        except CourseError:
            with contextlib.suppress(DeskEndedError, TimeoutError):
                self._send(None)
                self._answer(_SECONDS_TO_CLOSE)  # raises the last words of the warm process, if that was it
            raise
        try:
            notebook = executed.read_bytes()
            executed.unlink()
        except FileNotFoundError:
            notebook = None
        return Graded(result, notebook)

    def waits(self) -> bool:
        """Return whether it is still there."""
        return self._process.poll() is None

    def end(self) -> None:
        """Ask the desk to end now, from any thread; whoever waits for a result gets `DeskEndedError`."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def close(self) -> None:
        """End the desk, its kernels and its folder."""
        self.end()
        try:
            self._process.wait(_SECONDS_TO_CLOSE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._line.close()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)  # left there by a desk that was killed

    def _send(self, what: Any) -> None:
        try:
            self._line.send(what)
        except OSError:
            raise DeskEndedError from None

    def _answer(self, seconds: float) -> Any:
        try:
            if not self._line.poll(seconds):
                raise TimeoutError
            answer = self._line.recv()
        except (EOFError, ConnectionError):
            raise DeskEndedError from None
        if isinstance(answer, CourseError):
            raise answer
        return answer


def longest_s(plan: GradingPlan) -> float:
    """Return after how many seconds a submission is given up from outside."""
    return plan.times.submission_s * 1.2 + 60


def versions() -> dict[str, str]:
    """Return what must be the same on two machines that grade one class."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes() + b"\0")
    found = {"Python": platform.python_version(), "course_lib": digest.hexdigest()[:12]}
    for name in ("numpy", "scipy", "torch"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def main() -> None:
    """Be a desk. Argument of the command: the file descriptor of the line to whoever opened it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    skip_slow_imports()
    line = Connection(int(sys.argv[1]))
    threading.Thread(target=_end_with, args=(line.fileno(),), daemon=True).start()
    with (
        contextlib.suppress(EOFError, ConnectionError),
        tempfile.TemporaryDirectory(prefix="course-") as folder,
        contextlib.ExitStack() as stack,
    ):
        try:
            _serve(line, line.recv(), Path(folder), stack)
        except CourseError as problem:
            line.send(problem)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # nothing stops the tidying up


def _serve(line: Connection, work: ClassWork, folder: Path, stack: contextlib.ExitStack) -> None:
    source = folder / f"{work.topic}.py"
    source.write_text(work.source, "utf-8")
    lesson = read_lesson(source)
    package, plan, warm = library_copy(lesson, folder), work.plan, None
    if plan.sandboxed:
        warm = stack.enter_context(WarmProcess(package, limits=plan.limits, libraries=work.libraries))
    for name in ("course_lib.classroom.engine", *imported_by(lesson)):
        with contextlib.suppress(Exception):  # the set-up cell says so
            importlib.import_module(name)
    if warm is not None:
        warm.check()
    line.send(str(folder))
    grade_what_comes(line, lesson, package, plan, warm.client if warm else None, idle_s=_IDLE_S)
    if warm is not None:
        warm.check()


def _end_with(line: int) -> None:
    """End this process in good order once the other end of the line is gone, and at once if that takes long."""
    watch = select.poll()
    watch.register(line, select.POLLHUP)
    watch.poll()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_CLOSE)
    os._exit(1)


if __name__ == "__main__":
    main()
