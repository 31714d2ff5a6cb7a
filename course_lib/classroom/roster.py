"""Lists that a teacher writes: the roster of the class, and points and comments given by hand.

Plain CSV with a heading, comma or semicolon, UTF-8. Every slip is one line that names the row; then nothing is taken.
"""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError

__all__ = ["Student", "read_manual", "read_roster"]

_LARGEST = 20 * 2**20
_TEXTS = ("id", "name", "email", "section", "canvas_id", "sis_id", "login")
_TIMES = ("deadline", "submitted")
_MANUAL = ("student", "points", "comment")


@dataclass(frozen=True)
class Student:
    """A row of the roster: `id` is the name of the student's file; times are seconds since 1970, None if not given."""

    id: str
    name: str = ""
    email: str = ""
    section: str = ""
    canvas_id: str = ""
    sis_id: str = ""
    login: str = ""
    deadline: float | None = None
    submitted: float | None = None


def read_roster(path: Path, *, moment: Callable[..., float]) -> dict[str, Student]:
    """
    Read the roster: column ``id``, and if wanted name, email, section, canvas_id, sis_id, login, deadline, submitted.

    Parameters
    ----------
    path : Path
        The CSV.
    moment : callable
        Reads a date and time, such as `course_lib.classroom.marks.read_moment`.

    Raises
    ------
    CourseError
        A missing or double id, an unknown column, a date that is none: one line with the row.
    """
    students: dict[str, Student] = {}
    for where, row in _rows(path, known=_TEXTS + _TIMES, needed="id"):
        if not row["id"]:
            raise CourseError(f"{where}: the id is missing; wanted the name of the student's file, such as ada")
        if row["id"] in students:
            raise CourseError(f"{where}: the id {row['id']!r} stands there twice; wanted each student once")
        deadline, submitted = (
            moment(row[name], where=f"{where}, {name}") if row.get(name) else None for name in _TIMES
        )
        own, name, email, section, canvas_id, sis_id, login = (row.get(column, "") for column in _TEXTS)
        students[own] = Student(own, name, email, section, canvas_id, sis_id, login, deadline, submitted)
    if not students:
        raise CourseError(f"{path}: there is no student in it")
    return students


def read_manual(path: Path, *, students: Collection[str]) -> dict[str, tuple[float, str]]:
    """
    Read points and comments given by hand: columns ``student``, ``points`` (to be added, may be empty), ``comment``.

    Parameters
    ----------
    path : Path
        The CSV.
    students : collection of str
        Those of the class; anyone else is refused.

    Raises
    ------
    CourseError
        An unknown or double student, text where a number belongs: one line with the row.
    """
    found: dict[str, tuple[float, str]] = {}
    for where, row in _rows(path, known=_MANUAL, needed="student"):
        student, points = row["student"], row.get("points", "")
        if student not in students:
            raise CourseError(f"{where}: no student {student!r} in this class; write the id as in results.csv")
        if student in found:
            raise CourseError(f"{where}: the student {student!r} stands there twice; wanted each student once")
        try:
            number = float(points or 0)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise CourseError(f"{where}: points needs a number such as 1.5 or -2, got {points!r}")
        found[student] = (number, row.get("comment", ""))
    return found


def _rows(path: Path, *, known: tuple[str, ...], needed: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield where a row stands and its cells by column, checked against the columns that are known."""
    text = _text(path)
    heading = text.partition("\n")[0]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=";" if heading.count(";") > heading.count(",") else ",", strict=True
    )
    try:
        columns = [cell.strip().casefold() for cell in next(reader, [])]
        for name in columns:
            if name not in known or columns.count(name) > 1:
                raise CourseError(f"{path}: column {name!r} is unknown or double; wanted {', '.join(known)}")
        if needed not in columns:
            raise CourseError(f"{path}: there is no column {needed!r}; wanted a heading of {', '.join(known)}")
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            where = f"{path}, row {reader.line_num}"
            if len(row) > len(columns):
                raise CourseError(f"{where}: {len(row)} cells, but {len(columns)} columns; put quotes around commas")
            cells = [unicodedata.normalize("NFC", cell.strip()) for cell in row]
            yield where, dict(zip(columns, cells + [""] * (len(columns) - len(cells)), strict=True))
    except csv.Error as problem:
        raise CourseError(f"{path}, row {reader.line_num}: not readable as CSV ({problem}); save it again") from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as problem:
        raise CourseError(f"{path}: cannot be read: {problem.strerror}") from None
    if len(content) > _LARGEST:
        raise CourseError(f"{path}: larger than {_LARGEST // 2**20} MB; wanted a CSV with one row a student")
    try:
        return content.decode("utf-8-sig").replace("\0", "")
    except UnicodeDecodeError:
        raise CourseError(f"{path}: not UTF-8; in the spreadsheet choose “Save as CSV UTF-8”") from None
