"""From results to marks: which try counts, what lateness costs, what a teacher added by hand.

Three rules. ``ada__2.ipynb`` (or the folder ``ada__2``) is Ada's second try; the last try that could be graded counts,
or the best one. Each day begun after the deadline takes a share of the points earned, up to a cap. Points given by hand
are added after that, may be negative, and no mark is below 0.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from course_lib.classroom.grading import SubmissionResult
from course_lib.classroom.roster import Student
from course_lib.classroom.store import Stored
from course_lib.errors import CourseError

__all__ = ["Mark", "MarkRules", "final_marks", "read_late", "read_moment", "student_of"]

_DAY_S = 86_400


@dataclass(frozen=True)
class MarkRules:
    """`deadline` in seconds since 1970 (None: nobody is late), percent a day begun and at most, "last" or "best"."""

    deadline: float | None = None
    late_percent: float = 0
    late_cap: float = 100
    tries: str = "last"

    def __post_init__(self) -> None:
        if self.tries not in ("last", "best"):
            raise CourseError(f"--tries needs last or best, got {self.tries}")


@dataclass(frozen=True)
class Mark:
    """One student's mark: `points` is final, `result` the counted try (None: nothing handed in)."""

    student: str
    points: float
    max_points: float
    result: SubmissionResult | None
    counted: int
    tries: int
    late_days: int
    late_percent: float
    manual: float
    comment: str

    @property
    def problem(self) -> str:
        """Return why there is no automatic mark, or nothing."""
        return "nothing handed in" if self.result is None else self.result.problem


def student_of(name: str) -> tuple[str, int]:
    """
    Return the student and the number of the try.

    >>> student_of("ada"), student_of("ada__2")
    (('ada', 1), ('ada', 2))
    """
    found = re.fullmatch(r"(.+?)__([1-9]\d{0,2})", name, re.DOTALL)
    student, number = (found[1], int(found[2])) if found else (name, 1)
    return unicodedata.normalize("NFC", student), number


def final_marks(
    results: Sequence[Stored],
    *,
    rules: MarkRules,
    roster: Mapping[str, Student],
    manual: Mapping[str, tuple[float, str]],
    max_points: float,
) -> tuple[Mark, ...]:
    """
    Return one mark a student, sorted by name; those of the roster who handed in nothing have 0 points.

    Parameters
    ----------
    results : sequence of Stored
        All tries of all students.
    rules : MarkRules
        Deadline, penalty, and which try counts.
    roster : mapping
        Students by id; their own deadlines and hand-in times win.
    manual : mapping
        Points and comment by student.
    max_points : float
        Of the exercise.
    """
    tries: dict[str, list[tuple[int, Stored]]] = {student: [] for student in roster}
    for one in results:
        student, number = student_of(one.result.student)
        tries.setdefault(student, []).append((number, one))
    return tuple(
        _mark(student, sorted(own, key=lambda pair: pair[0]), rules, roster.get(student), manual, max_points)
        for student, own in sorted(tries.items(), key=lambda pair: (pair[0].casefold(), pair[0]))
    )


def _mark(
    student: str,
    tries: list[tuple[int, Stored]],
    rules: MarkRules,
    known: Student | None,
    manual: Mapping[str, tuple[float, str]],
    max_points: float,
) -> Mark:
    added, comment = manual.get(student, (0.0, ""))
    if not tries:
        return Mark(student, max(0.0, added), max_points, None, 0, 0, 0, 0, added, comment)
    late = [_days_late(one, rules, known) for _, one in tries]
    shares = [min(rules.late_cap, rules.late_percent * days) for days in late]
    earned = [one.result.points * (1 - share / 100) for (_, one), share in zip(tries, shares, strict=True)]
    graded = [place for place, (_, one) in enumerate(tries) if not one.result.problem] or list(range(len(tries)))
    place = graded[-1] if rules.tries == "last" else max(graded, key=lambda one: (earned[one], one))
    number, counted = tries[place]
    points = max(0.0, round(earned[place] + added, 9))
    return Mark(
        student, points, counted.result.max_points, counted.result, number, len(tries), late[place], shares[place],
        added, comment,
    )  # fmt: skip


def _days_late(one: Stored, rules: MarkRules, known: Student | None) -> int:
    deadline = known.deadline if known and known.deadline is not None else rules.deadline
    handed_in = known.submitted if known and known.submitted is not None else one.handed_in
    if deadline is None or not handed_in:
        return 0
    return max(0, math.ceil((handed_in - deadline) / _DAY_S))


def read_moment(text: str, *, where: str) -> float:
    """
    Return a date and time as seconds since 1970; without an offset it is this machine's time, without a time 23:59:59.

    >>> read_moment("2026-11-20T12:00Z", where="--deadline")
    1795176000.0
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        if len(text.strip()) <= 10:
            moment = moment.replace(hour=23, minute=59, second=59)
        return moment.timestamp()
    except (ValueError, OverflowError, OSError):
        raise CourseError(f"{where} needs a date such as 2026-11-20 or 2026-11-20T18:00+01:00, got {text!r}") from None


def read_late(text: str) -> tuple[float, float]:
    """
    Return percent a day and at most, from ``10`` or ``10:50``.

    >>> read_late("10:50")
    (10.0, 50.0)
    """
    try:
        percent, cap = (float(part) for part in (text if ":" in text else f"{text}:100").split(":"))
    except ValueError:
        percent = cap = math.nan
    if not (0 <= percent <= 100 and 0 <= cap <= 100):
        raise CourseError(f"--late needs percent a day, or percent:cap, of 0 to 100, such as 10:50, got {text!r}")
    return percent, cap
