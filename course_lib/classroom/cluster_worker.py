"""What a worker of a cluster does: it keeps desks for a class, each made when a submission first needs it.

A desk is a process of its own, so neither the threads nor the daemonic processes of Dask matter to it.
"""

from __future__ import annotations

import threading
import uuid
from typing import Any

from distributed import WorkerPlugin, get_worker

from course_lib.classroom.desk import ClassWork, Desk, Graded, versions
from course_lib.classroom.sandbox import why_no_sandbox
from course_lib.classroom.submission import Submission
from course_lib.errors import CourseError

__all__ = ["SAME_VERSIONS", "Desks", "compare_versions", "grade_there", "look"]

SAME_VERSIONS = "install the same versions there as here, with `pip install 'course-lib[classroom,cluster]'`"
"""What to do about a worker that differs."""


class Desks(WorkerPlugin):
    """
    The desks that a worker keeps for a class: one for each submission that it grades at the same time.

    Parameters
    ----------
    work : ClassWork
        The class.
    """

    def __init__(self, work: ClassWork) -> None:
        self.work, self.wanted = work, versions()
        self.name = f"course-{uuid.uuid4().hex}"

    def setup(self, worker: Any) -> None:
        """Begin on a worker: no desk is open yet."""
        self._worker, self._lock, self._closed = worker.address, threading.Lock(), False
        self._free: list[Desk] = []
        self._busy: set[Desk] = set()

    def teardown(self, worker: Any) -> None:
        """End all desks; each of them tidies up after itself."""
        with self._lock:
            self._closed = True
            for desk in [*self._free, *self._busy]:
                desk.end()
            self._free.clear()

    def grade(self, submission: Submission) -> Graded | str:
        """Grade at a free desk, or at a new one; a line instead of a result says what went wrong for good."""
        desk = self._take()
        try:
            graded = desk.grade(submission)
        except BaseException as problem:
            with self._lock:
                self._busy.discard(desk)
            desk.close()
            if isinstance(problem, TimeoutError):
                return f"took longer than {self.work.plan.times.submission_s:g} s altogether"
            raise
        with self._lock:
            self._busy.discard(desk)
            if self._closed:
                desk.end()
            else:
                self._free.append(desk)
        return graded

    def _take(self) -> Desk:
        with self._lock:
            desk = self._free.pop() if self._free else None
        if desk is None or not desk.waits():
            if desk is not None:
                desk.close()
            compare_versions(self._worker, versions(), self.wanted)
            desk = Desk(self.work)
        with self._lock:
            if self._closed:
                desk.end()
            self._busy.add(desk)
        return desk


def grade_there(name: str, submission: Submission) -> Graded | str:
    """Do the task of a worker."""
    desks = get_worker().plugins[name]
    assert isinstance(desks, Desks)
    return desks.grade(submission)


def look() -> tuple[dict[str, str], str]:
    """Return what a worker grades with, and what keeps its sandbox from working."""
    return versions(), why_no_sandbox()


def compare_versions(worker: str, found: dict[str, str], wanted: dict[str, str]) -> None:
    """Raise a CourseError that names what a worker has otherwise."""
    other = [f"{name} {found.get(name)}, not {one}" for name, one in wanted.items() if found.get(name) != one]
    if other:
        raise CourseError(f"the worker {worker} has {'; '.join(other)}: {SAME_VERSIONS}")
