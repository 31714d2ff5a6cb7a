"""`course check`: proofs that an exercise marks rightly, and a count of the slips that its checks overlook.

For every task: the stub is "not attempted" and gets 0 points, the solution and every other right answer get full
points, every known wrong answer loses points and is told its hint. Then mutants of the solution
(`course_lib.classroom.mutation`) are judged: a mutant that gets full points is a mistake that nobody would be told of.
All goes the way that submissions go, through stand-ins into a sandboxed kernel.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from course_lib.classroom.fork_server import libraries_named
from course_lib.classroom.grading import GradingPlan, library_copy
from course_lib.classroom.judging import TaskResult, imported_by, judge_task, setup_cells, trusted_names
from course_lib.classroom.kernels import StudentKernel
from course_lib.classroom.lesson import Cell, Lesson, Task
from course_lib.classroom.mutation import Mutant, mutants
from course_lib.classroom.sandbox import why_no_sandbox
from course_lib.classroom.session import StudentSession
from course_lib.classroom.slow_imports import skip_slow_imports
from course_lib.classroom.warm import WarmClient, WarmProcess
from course_lib.errors import CourseError

__all__ = ["Proof", "TaskCheck", "check_exercise"]

_SECONDS_FOR_A_MUTANT = 3.0  # for one call; what takes longer has most likely no end


@dataclass(frozen=True)
class Proof:
    """One variant of one task: what it must get, what it got; `broken` is one line, empty where the proof holds."""

    topic: str
    task: str
    variant: str
    wanted: str
    got: str
    broken: str


@dataclass(frozen=True)
class TaskCheck:
    """
    What is known of one task's checks.

    `mutants` counts those that were judged and have no excuse; `survivors` names those among them that pass all
    checks, a line each.
    """

    task: str
    proofs: tuple[Proof, ...]
    mutants: int
    survivors: tuple[str, ...]

    @property
    def caught(self) -> int:
        """Return how many mutants lose points."""
        return self.mutants - len(self.survivors)


@dataclass(frozen=True)
class _Variant:
    name: str
    source: str
    hint: str | None = None


@dataclass(frozen=True)
class _Job:
    """What a worker needs to check one task: a lesson itself cannot travel."""

    lesson: Lesson
    task: str
    package: Path
    plan: GradingPlan
    warm: WarmClient | None
    most_mutants: int


def check_exercise(
    lesson: Lesson,
    *,
    plan: GradingPlan | None = None,
    most_mutants: int = 100,
    workers: int = 2,
    report: Callable[[TaskCheck], None] = lambda check: None,
) -> tuple[TaskCheck, ...]:
    """
    Prove every task of an exercise, and count which mutants of its solution are caught.

    Parameters
    ----------
    lesson : Lesson
        The exercise; a lecture has no tasks and nothing to prove.
    plan : GradingPlan, optional
        Limits and sandbox; the usual ones by default.
    most_mutants : int
        Of each task; 0 proves the known answers only.
    workers : int
        How many tasks are checked at the same time.
    report : callable
        Called with each task as it is known.

    Returns
    -------
    tuple of TaskCheck
        In the order of the file.

    Raises
    ------
    CourseError
        No sandbox here, the set-up cell fails on the trusted side, or an excuse in a solution is needed by no mutant.
    """
    plan = plan or GradingPlan()
    if plan.sandboxed and why_no_sandbox():
        raise CourseError(why_no_sandbox())
    if not lesson.tasks:
        return ()
    trusted_names(lesson)  # what is wrong with the set-up cell is better said before anything starts
    checks: list[TaskCheck] = []
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        Path(folder).chmod(0o755)
        package = library_copy(lesson, Path(folder))
        context = multiprocessing.get_context("forkserver")
        tensors = any("torch" in source for task in lesson.tasks for source in task.rights)  # which torch reads here
        libraries = [*imported_by(lesson), *(["torch"] if tensors else [])]
        context.set_forkserver_preload(["course_lib.classroom.trusted_side", *libraries])
        warm_libraries = libraries_named([lesson.path.read_text(encoding="utf-8")])
        walls = WarmProcess(package, limits=plan.limits, libraries=warm_libraries) if plan.sandboxed else nullcontext()
        with walls as warm:
            client = warm.client if warm else None
            jobs = [_Job(lesson, task.name, package, plan, client, most_mutants) for task in lesson.tasks]
            crew = ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context)
            try:
                for check in crew.map(_check_task, jobs):
                    checks.append(check)
                    report(check)
            except CourseError:
                if warm:
                    warm.check()  # it knows better why no kernel starts
                raise
            except BrokenProcessPool:
                raise CourseError(f"{lesson.path.name}: the process that checks it was ended: try again") from None
            finally:
                crew.shutdown(cancel_futures=True)
    return tuple(checks)


def _check_task(job: _Job) -> TaskCheck:
    """Check one task in a process and kernels of its own."""
    skip_slow_imports()
    lesson = job.lesson
    task = lesson.task(job.task)
    names = trusted_names(lesson)

    def begin() -> StudentSession:
        return StudentSession(
            lambda: StudentKernel(job.package, limits=job.plan.limits, sandboxed=job.plan.sandboxed, warm=job.warm),
            times=job.plan.times,
        )

    with begin() as session:
        _run_lesson(lesson, session)
        proofs = list(_proofs(lesson, task, session, names))
    found = mutants(task.source, most=job.most_mutants, seed=task.name) if job.most_mutants else []
    if any(one.broken for one in proofs if one.variant == "solution"):
        found = []  # what is near a wrong solution proves nothing
    survivors = _survivors(lesson, task, found, begin, names)
    proofs += [_broken_excuse(lesson, task, one) for one in found if one.excuse and one not in survivors]
    return TaskCheck(
        task.name,
        tuple(proofs),
        mutants=sum(not one.excuse for one in found),
        survivors=tuple(
            f"{_place(lesson, task, one)}: {_change(one)} passes all checks" for one in survivors if not one.excuse
        ),
    )


def _run_lesson(lesson: Lesson, session: StudentSession) -> None:
    for cell in lesson.cells:
        if cell.role in ("parameters", "setup", "code", "task"):
            _must_run(lesson, cell, session.run_cell(cell.source))


def _proofs(lesson: Lesson, task: Task, session: StudentSession, names: dict[str, Any]) -> Iterator[Proof]:
    for variant in _variants(task):
        started = time.monotonic()
        session.run_cell(variant.source)
        result = judge_task(lesson, task, session, names=names, seed="check")
        yield _proof(lesson, task, variant, result, time.monotonic() - started)


def _survivors(
    lesson: Lesson, task: Task, found: Sequence[Mutant], begin: Callable[[], StudentSession], names: dict[str, Any]
) -> list[Mutant]:
    """Return the mutants that pass all checks; each begins where the set-up cells end, in a kernel that lives."""
    waiting = list(reversed(found))
    survivors = []
    anew = "\n".join([*setup_cells(lesson), *(f"globals().pop({name!r}, None)" for name in task.defines)])
    while waiting:
        with begin() as session:
            _run_lesson(lesson, session)
            shortest = min(_SECONDS_FOR_A_MUTANT, session.times.call_s)
            session.times = replace(session.times, cell_s=shortest, call_s=shortest)
            first = session.generation()
            while waiting and session.generation() == first:
                mutant = waiting.pop()
                session.run_cell(anew)
                session.run_cell(mutant.source)
                if _passes(lesson, task, session, names):
                    survivors.append(mutant)
    return survivors


def _passes(lesson: Lesson, task: Task, session: StudentSession, names: dict[str, Any]) -> bool:
    """Whether all requirements are met; the first that is not ends the trial."""
    singly = (replace(task, checks=(one,), points=one.points) for one in task.checks)
    return all(judge_task(lesson, one, session, names=names, seed="check").state == "full" for one in singly)


def _broken_excuse(lesson: Lesson, task: Task, mutant: Mutant) -> Proof:
    why = f"{_place(lesson, task, mutant)}: {_change(mutant)} is caught, so it is not equivalent: take the comment away"
    return Proof(lesson.topic, task.name, "excuse", "no check can tell", "caught", why)


def _place(lesson: Lesson, task: Task, mutant: Mutant) -> str:
    return f"{lesson.path.name}:{task.line + mutant.line}"


def _change(mutant: Mutant) -> str:
    return f"`{mutant.before}` → `{mutant.after}`"


def _must_run(lesson: Lesson, cell: Cell, reply: dict[str, Any]) -> None:
    if reply.get("status") != "ok" and "raises-exception" not in cell.tags:
        why = f"{reply.get('ename', reply.get('status'))}: {reply.get('evalue', 'the kernel ended')}"
        raise CourseError(f"{lesson.path.name}:{cell.line}: this {cell.role} cell fails in the sandbox: {why}")


def _variants(task: Task) -> list[_Variant]:
    return [
        _Variant("stub", task.stub),
        _Variant("solution", task.source),
        *(_Variant(f"right {number}", source) for number, source in enumerate(task.rights, 1)),
        *(_Variant(f"wrong {number}", wrong.source, wrong.hint) for number, wrong in enumerate(task.wrongs, 1)),
    ]


def _proof(lesson: Lesson, task: Task, variant: _Variant, result: TaskResult, seconds: float) -> Proof:
    wanted, broken = _verdict(task, variant, result)
    if broken:
        broken = f"{lesson.path.name}:{_line(task, variant)}: task {task.name!r}, {variant.name}: {broken}"
    got = f"{result.points:g} of {result.max_points:g}, {result.state} ({seconds:.1f} s)"
    return Proof(lesson.topic, task.name, variant.name, wanted, got, broken)


def _verdict(task: Task, variant: _Variant, result: TaskResult) -> tuple[str, str]:
    """Return what was wanted, and what is wrong with what came."""
    failed = [one for one in result.requirements if one.state != "passed"]
    said = " | ".join(f"[{one.text}: {one.state}] {' '.join(one.message.split())}" for one in failed)
    if variant.name == "stub":
        fine = result.points == 0 and result.state == "not attempted"
        passed = ", ".join(one.text for one in result.requirements if one.state == "passed")
        why = f"wanted 0 points and 'not attempted' everywhere; passed: {passed or 'nothing'}; {said}"
        return "not attempted, 0", "" if fine else why
    if variant.hint is None:
        return f"{task.points:g}, full", "" if result.state == "full" else f"wanted full points; {said}"
    if not failed:
        return (
            f"hint {variant.hint!r}",
            "wanted lost points, it gets all of them: add a check whose input tells it apart",
        )
    told = any(variant.hint.casefold() in one.message.casefold() for one in failed)
    return f"hint {variant.hint!r}", "" if told else f"wanted the hint {variant.hint!r}; it is told: {said}"


def _line(task: Task, variant: _Variant) -> int:
    kind, _, number = variant.name.partition(" ")
    return task.wrongs[int(number) - 1].line if kind == "wrong" else task.line
