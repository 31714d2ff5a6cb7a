"""Judging a task: the asserts of `solutions/NN_topic.py` run here, on the trusted side, against stand-ins.

A requirement is all or nothing. The names in its source are stand-ins for the student's objects; `there`, `rng`,
`explain` and `hint_for` are there too. Of a hidden requirement only its hint is said, of an exception only the type.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import re
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import CodeType, FrameType
from typing import Any

from course_lib.classroom.lesson import Lesson, Requirement, Task
from course_lib.classroom.messages import explain, hint_for
from course_lib.classroom.session import KernelCrashed, SessionOver, StudentSession, TookTooLong, Unreadable
from course_lib.classroom.standin import NotAttempted, StudentError, bind, there_for

__all__ = ["RequirementResult", "TaskResult", "imported_by", "judge_task", "setup_cells", "trusted_names"]

_CHECK = "<check>"
_ENDED = "Your code ended the kernel."
_MOST_INTERRUPTIONS = 2


@dataclass(frozen=True)
class RequirementResult:
    """`state` is "passed", "failed", "not attempted", "error" or "time"; `message` is what the student may read."""

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


def trusted_names(lesson: Lesson) -> dict[str, Any]:
    """Run the lesson's parameters and set-up cells here, without their magics; return the names that they bind."""
    names: dict[str, Any] = {"__name__": "check", "explain": explain, "hint_for": hint_for}
    for source in setup_cells(lesson):
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(_without_magics(source), f"<set-up of {lesson.topic}>", "exec"), names)
    return names


def imported_by(lesson: Lesson) -> list[str]:
    """Return the modules that the lesson's set-up cells import or its checks ask for, to be imported beforehand."""
    checks = (check.source for task in lesson.tasks for check in task.checks)
    # An optimiser would ask for 2 s of imports: `later` spares them, once torch is there.
    found = ["torch", "course_lib.classroom.later"] if any("torch.optim" in check for check in checks) else []
    for source in setup_cells(lesson):
        for node in ast.walk(ast.parse(_without_magics(source))):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.append(node.module)
    return found


def judge_task(lesson: Lesson, task: Task, session: StudentSession, *, names: dict[str, Any], seed: str) -> TaskResult:
    """Run all requirements of a task on the trusted side against the student's kernel."""
    results: list[RequirementResult] = []
    interruptions = 0
    for requirement in task.checks:
        if interruptions >= _MOST_INTERRUPTIONS:
            state, message = "error", "Not tried: your code had to be stopped for the requirements above."
        else:
            state, message = _judge(lesson, task, requirement, session, names, seed)
            interruptions += state == "time" or message == _ENDED
        points = requirement.points if state == "passed" else 0.0
        results.append(
            RequirementResult(requirement.kind, requirement.text, points, requirement.points, state, message)
        )
    total = task.points if all(one.state == "passed" for one in results) else sum(one.points for one in results)
    return TaskResult(task.name, float(total), float(task.points), tuple(results))


def setup_cells(lesson: Lesson) -> list[str]:
    """Return the sources of the parameters and set-up cells."""
    return [cell.source for cell in lesson.cells if cell.role in ("parameters", "setup")]


def _without_magics(source: str) -> str:
    """Return the code without lines that only a notebook understands; their indentation keeps a `pass`."""
    return "\n".join(re.sub(r"^(\s*)[%!].*$", r"\1pass", line) for line in source.split("\n"))


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
            exec(_compiled(requirement.source), own)
    except NotAttempted as problem:
        lost = [
            name for name in task.defines if any(re.search(rf"\b{re.escape(name)}\b", cell) for cell in session.lost)
        ]
        if lost and "not defined" in str(problem):
            return "error", f"The cell that defines `{lost[0]}` ended the kernel or did not stop."
        if session.lost and "not defined" in str(problem):
            return "not attempted", f"{problem} A cell that ended the kernel or did not stop defines nothing."
        return "not attempted", str(problem)[:500]
    except (TookTooLong, _OutOfTime) as problem:
        return "time", f"Your code {problem}." if isinstance(problem, TookTooLong) else "Checking took too long."
    except KernelCrashed:
        return "error", _ENDED
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


@cache
def _compiled(check: str) -> CodeType:
    """Return a check's code; the same few hundred lines are run for each student."""
    return compile(check, _CHECK, "exec")


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
