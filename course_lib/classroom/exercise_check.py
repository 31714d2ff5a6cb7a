"""`course check`: proofs that an exercise marks rightly.

For every task: the stub is "not attempted" and gets 0 points, the solution and every other right answer get full
points, every known wrong answer loses points and is told its hint. All goes the way that submissions go, through
stand-ins into a sandboxed kernel, one kernel a lesson.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.classroom.grading import GradingPlan, library_copy
from course_lib.classroom.judging import TaskResult, judge_task, trusted_names
from course_lib.classroom.kernels import StudentKernel
from course_lib.classroom.lesson import Cell, Lesson, Task
from course_lib.classroom.sandbox import why_no_sandbox
from course_lib.classroom.session import StudentSession
from course_lib.errors import CourseError

__all__ = ["Proof", "check_exercise"]


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
class _Variant:
    name: str
    source: str
    hint: str | None = None


def check_exercise(
    lesson: Lesson, *, plan: GradingPlan | None = None, report: Callable[[Proof], None] = lambda proof: None
) -> tuple[Proof, ...]:
    """
    Prove every task of an exercise.

    Parameters
    ----------
    lesson : Lesson
        The exercise; a lecture has no tasks and nothing to prove.
    plan : GradingPlan, optional
        Limits and sandbox; the usual ones by default.
    report : callable
        Called with each proof as it is known.

    Returns
    -------
    tuple of Proof
        In the order of the file.

    Raises
    ------
    CourseError
        No sandbox here, or the set-up cell fails on the trusted side.
    """
    plan = plan or GradingPlan()
    if plan.sandboxed and why_no_sandbox():
        raise CourseError(why_no_sandbox())
    if not lesson.tasks:
        return ()
    proofs: list[Proof] = []
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        Path(folder).chmod(0o755)
        package = library_copy(lesson, Path(folder))
        names = trusted_names(lesson)

        def start() -> StudentKernel:
            return StudentKernel(package, limits=plan.limits, sandboxed=plan.sandboxed)

        with StudentSession(start, times=plan.times) as session:
            for cell in lesson.cells:
                if cell.role in ("parameters", "setup", "code", "task"):
                    _must_run(lesson, cell, session.run_cell(cell.source))
            for task in lesson.tasks:
                for variant in _variants(task):
                    started = time.monotonic()
                    session.run_cell(variant.source)
                    result = judge_task(lesson, task, session, names=names, seed="check")
                    proofs.append(_proof(lesson, task, variant, result, time.monotonic() - started))
                    report(proofs[-1])
                session.run_cell(task.source)
    return tuple(proofs)


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
