"""A class graded by a Dask cluster: each worker keeps a desk, and each submission is one task.

To the workers travel the text of the exercise, the plan, and the students' cells; back come results and executed
notebooks, pickled between processes that are all the teacher's. No path travels, and no student's code runs outside of
the sandbox of a desk. Dask gives the submissions of a lost worker to another one; what lost its worker several times is
tried once more with no neighbour, and then given up.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import queue
import re
import time
import warnings
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dask
from distributed import CancelledError, Client, Future, KilledWorker, Security
from distributed.comm.core import connect

from course_lib.classroom.cluster_worker import SAME_VERSIONS, Desks, compare_versions, grade_there, look
from course_lib.classroom.desk import ClassWork, DeskEndedError, Graded, longest_s, versions
from course_lib.classroom.grading import GradingPlan, SubmissionResult, ungraded
from course_lib.classroom.lesson import Lesson
from course_lib.classroom.submission import Submission
from course_lib.classroom.whole_files import write_whole
from course_lib.classroom.workers import libraries_of
from course_lib.errors import CourseError

__all__ = ["grade_on_cluster"]

_SECONDS_TO_CONNECT = 10
_SECONDS_FOR_WORKERS = 60.0
_SECONDS_TO_ANSWER = 120.0
_LOOK_S = 5.0
_MORE_TRIES = 2


def grade_on_cluster(
    lesson: Lesson, submissions: Sequence[Submission], *, plan: GradingPlan, executed: Path, address: str
) -> Iterator[SubmissionResult]:
    """
    Grade a class on the workers of a Dask cluster; results come as they are ready.

    Parameters
    ----------
    lesson, submissions, plan, executed
        As for `course_lib.classroom.workers.grade_class`.
    address : str
        Of the scheduler, such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    CourseError
        No cluster there, or none that can grade: one line. Results that came before are the caller's.
    """
    executed.mkdir(parents=True, exist_ok=True)
    for one in submissions:
        if one.problem:
            yield ungraded(lesson, one, one.problem, plan)
    readable = [one for one in submissions if not one.problem]
    if not readable:
        return
    work = ClassWork(lesson.topic, lesson.path.read_text("utf-8"), plan, tuple(libraries_of(lesson, readable)))
    with _connected(address) as cluster:
        _check_workers(cluster, plan)
        desks = Desks(work)
        cluster.ask("register_plugin", desks)
        run = _Run(cluster, desks.name, readable, longest_s(plan))
        try:
            for one, graded in run.results():
                if isinstance(graded, str):
                    yield ungraded(lesson, one, graded, plan)
                    continue
                if graded.notebook is not None:
                    write_whole(executed / f"{one.page}.ipynb", graded.notebook.decode())
                yield graded.result
        finally:
            run.stop()
            with contextlib.suppress(CourseError):
                cluster.ask("unregister_worker_plugin", desks.name)


class _Cluster:
    """The cluster as the grader sees it; every question to it is bounded in time."""

    def __init__(self, address: str, client: Client) -> None:
        self.address, self.client = address, client

    def ask(self, name: str, *arguments: Any, **more: Any) -> Any:
        """Call a method of the client."""
        call = getattr(self.client, name)
        try:
            return self.client.sync(call, *arguments, callback_timeout=_SECONDS_TO_ANSWER, **more)
        except (OSError, TimeoutError, CancelledError) as problem:
            raise self.gone(type(problem).__name__) from None

    def slots(self) -> int:
        """Return how many submissions can be graded at the same time."""
        return sum(self.ask("nthreads").values())

    def gone(self, why: str) -> CourseError:
        return CourseError(f"{self.address}: the cluster is gone ({why}); start it, then the same command again")


@contextlib.contextmanager
def _connected(address: str) -> Iterator[_Cluster]:
    if not re.fullmatch(r"(tcp|tls)://\S+:\d+", address):
        raise CourseError(f"--cluster needs tcp://HOST:PORT or tls://HOST:PORT, got {address}")
    logs = {log: log.level for log in map(logging.getLogger, ("distributed", "distributed.client"))}
    for log in logs:
        log.setLevel(logging.CRITICAL + 1)  # what matters of it is said in one line
    try:
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GiB"}):
            cluster = _Cluster(address, _client(address))
            try:
                yield cluster
            finally:
                cluster.client.close(timeout=_SECONDS_TO_CONNECT)
    finally:
        for log, level in logs.items():
            log.setLevel(level)


async def _shake_hands(address: str) -> None:
    """Meet the scheduler, bounded in time: a client would wait for ever where something silent listens."""
    greeting = connect(address, timeout=_SECONDS_TO_CONNECT, **Security().get_connection_args("client"))
    await (await asyncio.wait_for(greeting, 2 * _SECONDS_TO_CONNECT)).close()


def _client(address: str) -> Client:
    try:
        asyncio.run(_shake_hands(address))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other versions: said in one line below
            return Client(address, timeout=_SECONDS_TO_CONNECT, set_as_default=False, name="course-grade")
    except (OSError, TimeoutError) as problem:
        why = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise CourseError(
            f"no cluster answers at {address} ({why}): start `dask scheduler`, or mend the address"
        ) from None
    except (TypeError, ValueError, RuntimeError) as problem:
        raise CourseError(
            f"{address} cannot be used: {str(problem).splitlines()[0]}; mend the address or its TLS settings"
        ) from None


def _check_workers(cluster: _Cluster, plan: GradingPlan) -> None:
    """Wait a little for the first worker; every one that is there must be able to grade this class."""
    until = time.monotonic() + _SECONDS_TO_CONNECT
    while not cluster.slots():
        if time.monotonic() > until:
            raise CourseError(f"{cluster.address} has no workers: start some with `dask worker {cluster.address}`")
        time.sleep(0.2)
    for worker, found in cluster.ask("run", look, on_error="return").items():
        if not isinstance(found, tuple):
            raise CourseError(f"the worker {worker} cannot grade ({type(found).__name__}: {found}): {SAME_VERSIONS}")
        compare_versions(worker, found[0], versions())
        if plan.sandboxed and found[1]:
            raise CourseError(f"the worker {worker}: {found[1]}")


class _Run:
    """The submissions on their way: few enough at a time that none waits long at a worker that is lost."""

    def __init__(self, cluster: _Cluster, desks: str, submissions: Sequence[Submission], longest: float) -> None:
        self._cluster, self._desks, self._patience = cluster, desks, longest + 2 * _SECONDS_TO_ANSWER
        self._waiting, self._suspects = list(reversed(submissions)), list[Submission]()
        self._again: set[str] = set()
        self._pending: dict[Hashable, tuple[Future, Submission]] = {}
        self._done: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._heard = self._seen = time.monotonic()
        self._next_look, self._room = 0.0, 0

    def results(self) -> Iterator[tuple[Submission, Graded | str]]:
        """Give each submission once, with its result, or with a line that says why there is none."""
        while self._waiting or self._suspects or self._pending:
            if time.monotonic() >= self._next_look:
                yield from self._look()
            self._send()
            try:
                future = self._done.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
            if future.key in self._pending:
                _, one = self._pending.pop(future.key)
                yield from self._take(future, one)
                self._heard = time.monotonic()

    def stop(self) -> None:
        """Take back what is not graded yet."""
        futures = [future for future, _ in self._pending.values()]
        with contextlib.suppress(CourseError):
            self._cluster.ask("cancel", futures)

    def _look(self) -> Iterator[tuple[Submission, str]]:
        """See how many workers there are, and whether they still give results."""
        slots, now = self._cluster.slots(), time.monotonic()
        if slots:
            self._seen = now
        elif now - self._seen > _SECONDS_FOR_WORKERS:
            raise CourseError(f"{self._cluster.address} has no worker left: start some, then the same command again")
        if now - self._heard > self._patience:
            late = [one for _, one in self._pending.values()]
            self.stop()
            self._pending.clear()
            self._heard = now
            for one in late:
                yield from self._once_more(one, f"the cluster gave no result in {self._patience:.0f} s")
        self._room, self._next_look = 2 * slots, now + _LOOK_S

    def _send(self) -> None:
        while self._waiting and len(self._pending) < self._room:
            self._submit(self._waiting.pop())
        if self._suspects and not self._pending and self._room:
            self._submit(self._suspects.pop())

    def _submit(self, one: Submission) -> None:
        here = dataclasses.replace(one, path=Path(f"{one.page}.ipynb"))
        try:
            future = self._cluster.client.submit(grade_there, self._desks, here, pure=False, retries=_MORE_TRIES)
        except Exception as problem:  # the client has lost its scheduler
            raise self._cluster.gone(type(problem).__name__) from None
        self._pending[future.key] = (future, one)
        future.add_done_callback(self._done.put)

    def _take(self, future: Future, one: Submission) -> Iterator[tuple[Submission, Graded | str]]:
        try:
            answer = future.result(timeout=self._patience)
        except KilledWorker:
            yield from self._once_more(one, "the cluster's workers ended each time that this was graded")
        except DeskEndedError:
            yield one, "the grader's own process ended while this was graded"
        except CourseError:
            raise
        except (OSError, TimeoutError, CancelledError) as problem:
            raise self._cluster.gone(type(problem).__name__) from None
        except Exception as problem:
            what = f"{type(problem).__name__}: {str(problem)[:200]}"
            raise CourseError(f"a worker of {self._cluster.address} fails ({what}): {SAME_VERSIONS}") from None
        else:
            yield one, answer

    def _once_more(self, one: Submission, problem: str) -> Iterator[tuple[Submission, str]]:
        """Keep it for the end, when it has no neighbour that could be the cause; the second time, give it up."""
        if one.page in self._again:
            yield one, problem
        else:
            self._again.add(one.page)
            self._suspects.append(one)
