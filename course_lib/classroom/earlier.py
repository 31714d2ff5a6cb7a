"""What a class got in earlier topics, from their result folders."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from course_lib.errors import CourseError

__all__ = ["read_earlier"]


def read_earlier(folders: Sequence[Path]) -> dict[str, float]:
    """
    Return the mean per cent of the points of each student over earlier topics; who handed in nothing there has none.

    Parameters
    ----------
    folders : sequence of Path
        What ``--out`` was for each topic; each holds a ``results.csv``.

    Raises
    ------
    CourseError
        No such file, or one without the columns student and percent: one line.
    """
    found: dict[str, list[float]] = {}
    for path in (folder / "results.csv" for folder in folders):
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        except (OSError, UnicodeDecodeError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else "not UTF-8"
            raise CourseError(f"{path}: {reason}; --earlier needs the result folder of an earlier topic") from None
        for number, row in enumerate(rows, 2):
            percent = _number(row.get("percent"))
            if not row.get("student") or not math.isfinite(percent):
                raise CourseError(f"{path}: row {number}: wanted student and percent; was it made by course grade?")
            if not row.get("problem"):
                found.setdefault(row["student"], []).append(percent)
    return {student: fmean(percents) for student, percents in found.items()}


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return math.nan
