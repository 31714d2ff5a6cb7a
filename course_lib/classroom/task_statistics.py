"""What the marks of a class say about its tasks: how hard each is, and whether it tells who knows from who does not.

Classical test theory (F. M. Lord and M. R. Novick, Statistical Theories of Mental Test Scores, 1968, chapter 15):
the difficulty p of a task is the mean share of its points, so that a hard task has a small p; its discrimination is
the corrected item-rest correlation, Pearson's r between the points of the task and the points of all other tasks.
The rest, not the total: a task correlates with a total that holds it even where it measures something else.
What was not attempted counts as 0 points; files that could not be graded do not count.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.classroom.grading import SubmissionResult
from course_lib.classroom.judging import TaskResult

__all__ = ["FEW", "Hint", "TaskStatistics", "commonest_hints", "item_rest_correlation", "task_statistics"]

FEW = 30
"""Below so many students a correlation is a rough guide: its standard error is above 0.18."""

_FEWEST = 5  # of fewer students no share says anything about a task
_TOO_HARD = 0.4
_TOO_WEAK = 0.1


@dataclass(frozen=True)
class TaskStatistics:
    """
    One task in one class.

    `students` were graded, `attempted` of them tried the task, `full` met all of it. `difficulty` is in [0, 1],
    1 means that everyone got all; `discrimination` is in [-1, 1]. Both are NaN where nothing can be said.
    """

    name: str
    students: int
    attempted: int
    full: int
    difficulty: float
    discrimination: float

    @property
    def concern(self) -> str:
        """Return what a teacher should ask about this task; empty when there is nothing to ask."""
        if self.students >= _FEWEST and self.difficulty < _TOO_HARD:
            if 2 * self.attempted < self.students:
                return "most did not try it: was there time, was it understood?"
            return "most of its points were missed: teach it again?"
        if self.students >= FEW and self.discrimination < 0:
            return "who does well elsewhere does worse here: is a check wrong, or the text misleading?"
        if self.students >= FEW and self.discrimination < _TOO_WEAK:
            return "says little about who can do the rest: does it ask for something else?"
        return ""


@dataclass(frozen=True)
class Hint:
    """A message that students got: `text` as the most of them read it, `students` how many."""

    text: str
    students: int


def task_statistics(results: Sequence[SubmissionResult], tasks: Sequence[str]) -> tuple[TaskStatistics, ...]:
    """
    Describe each task by the marks of a class.

    Parameters
    ----------
    results : sequence of SubmissionResult
        May be empty; those with a problem are left out.
    tasks : sequence of str
        Names of the tasks, in the order wanted.

    Returns
    -------
    tuple of TaskStatistics
        One a task. Without students the difficulty is NaN; the discrimination is NaN for fewer than three students,
        and where all got the same for the task or for the rest.
    """
    graded = [{task.name: task for task in one.tasks} for one in results if not one.problem]
    totals = [sum(task.points for task in own.values()) for own in graded]
    return tuple(_one_task(name, [own.get(name) for own in graded], totals) for name in tasks)


def item_rest_correlation(points: Sequence[float], totals: Sequence[float]) -> float:
    """
    Return Pearson's r between the points of one task and the points of all other tasks, in [-1, 1].

    Parameters
    ----------
    points : sequence of float
        Of the task, one a student.
    totals : sequence of float
        Of all tasks, this one among them, in the same order.

    Returns
    -------
    float
        NaN for fewer than three students, and where one side is the same for all.

    Examples
    --------
    >>> round(item_rest_correlation([0, 1, 2, 2], [0, 3, 4, 7]), 3)
    0.802
    """
    if len(points) != len(totals):
        raise ValueError(f"points and totals need one value a student, got {len(points)} and {len(totals)}")
    if len(points) < 3:
        return math.nan
    rest = [total - own for own, total in zip(points, totals, strict=True)]
    mine, others = _centred(points), _centred(rest)
    spread = math.sqrt(math.fsum(x * x for x in mine) * math.fsum(y * y for y in others))
    if not spread:
        return math.nan
    return max(-1.0, min(1.0, math.fsum(x * y for x, y in zip(mine, others, strict=True)) / spread))


def commonest_hints(results: Sequence[SubmissionResult], task: str, *, most: int = 3) -> tuple[Hint, ...]:
    """
    Return the messages that most students got in a task, the commonest first.

    Messages that differ only in their numbers are one hint; a student counts once for each.
    """
    said: dict[str, Counter[str]] = {}
    for one in results:
        own = {_same_but_numbers(text): text for text in _messages(one, task)}
        for kind, text in own.items():
            said.setdefault(kind, Counter())[text] += 1
    hints = [Hint(min(texts, key=lambda text: (-texts[text], text)), texts.total()) for texts in said.values()]
    return tuple(sorted(hints, key=lambda hint: (-hint.students, hint.text))[:most])


def _one_task(name: str, found: Sequence[TaskResult | None], totals: Sequence[float]) -> TaskStatistics:
    points = [task.points if task else 0.0 for task in found]
    most = math.fsum(task.max_points for task in found if task)
    states = Counter(task.state if task else "not attempted" for task in found)
    return TaskStatistics(
        name,
        students=len(found),
        attempted=len(found) - states["not attempted"],
        full=states["full"],
        difficulty=math.fsum(points) / most if most else math.nan,
        discrimination=item_rest_correlation(points, totals),
    )


def _centred(values: Sequence[float]) -> list[float]:
    """Return the distances from the mean; exact zeros where all values are about the same."""
    mean = math.fsum(values) / len(values)
    if all(math.isclose(value, mean, rel_tol=1e-9, abs_tol=1e-9) for value in values):
        return [0.0] * len(values)
    return [value - mean for value in values]


def _messages(result: SubmissionResult, task: str) -> list[str]:
    return [
        need.message
        for own in result.tasks
        if own.name == task
        for need in own.requirements
        if need.message and need.state not in ("passed", "not attempted")
    ]


def _same_but_numbers(text: str) -> str:
    return re.sub(r"-?\d+(?:[.,]\d+)*(?:e[+-]?\d+)?", "0", text)
