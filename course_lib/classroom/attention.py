"""Who of a class needs a look, and why: said in words, so that a teacher decides what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from course_lib.classroom.grading import SubmissionResult
from course_lib.classroom.judging import TaskResult

__all__ = ["Look", "who_needs_a_look"]

_FALLS_BY = 30.0


@dataclass(frozen=True)
class Look:
    """A student and the reasons to look at what they handed in."""

    student: str
    page: str
    reasons: tuple[str, ...]


def who_needs_a_look(
    results: Sequence[SubmissionResult], *, earlier: Mapping[str, float] | None = None
) -> tuple[Look, ...]:
    """
    List the graded submissions that a number alone does not explain, those with most reasons first.

    Parameters
    ----------
    results : sequence of SubmissionResult
        Those that could not be graded are left out: they have a list of their own.
    earlier : mapping of str to float, optional
        Per cent of the points in earlier topics by student. Who falls 30 points further than the middle of the class
        is listed.

    Returns
    -------
    tuple of Look
        Empty where nobody stands out.
    """
    graded = [one for one in results if not one.problem]
    mixed = len({one.sandboxed for one in graded}) > 1
    falls = {one.page: earlier[one.student] - _percent(one) for one in graded if earlier and one.student in earlier}
    usual = median(falls.values()) if falls else 0.0
    found = []
    for one in graded:
        reasons = _reasons(one)
        if mixed and not one.sandboxed:
            reasons.append("graded without a sandbox, others with one")
        if earlier and falls.get(one.page, usual) - usual >= _FALLS_BY:
            reasons.append(f"{_percent(one):.0f} % here, {earlier[one.student]:.0f} % in earlier topics")
        if reasons:
            found.append(Look(one.student, one.page, tuple(reasons)))
    return tuple(sorted(found, key=lambda look: (-len(look.reasons), look.student.casefold())))


def _reasons(one: SubmissionResult) -> list[str]:
    if one.tasks and all(task.state == "not attempted" for task in one.tasks):
        return ["nothing attempted: the file handed out, or the wrong file?"]
    reasons = []
    ended = [task.name for task in one.tasks if any("ended the kernel" in need.message for need in task.requirements)]
    slow = [task.name for task in one.tasks if any(need.state == "time" for need in task.requirements)]
    fitted = [task.name for task in one.tasks if _fits_the_examples_only(task)]
    if ended:
        reasons.append(f"the kernel was ended in {_named(ended)}")
    if slow:
        reasons.append(f"stopped for time in {_named(slow)}")
    if len(fitted) > 1:
        reasons.append(f"right only where the checks could be read: {_named(fitted)}")
    return reasons


def _fits_the_examples_only(task: TaskResult) -> bool:
    """Whether all visible requirements are met and no hidden one is."""
    met = {kind: {need.state == "passed" for need in task.requirements if need.kind == kind}
           for kind in ("visible", "hidden")}  # fmt: skip
    return met == {"visible": {True}, "hidden": {False}}


def _named(tasks: Sequence[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in tasks)


def _percent(one: SubmissionResult) -> float:
    return 100 * one.points / one.max_points if one.max_points else 0.0
