"""Marks for other programs: a plain CSV, JSON, and the layouts that Canvas and Moodle read.

Canvas ("Export and import of the gradebook"; `GradebookExporter` of canvas-lms): columns Student, ID, SIS User ID,
SIS Login ID, Section, the assignment; a second row "Points Possible". Moodle ("Grade import", CSV): the layout of its
own export, with the assignment's columns (Real) and (Feedback); its documentation asks to import both together.
Who handed in nothing is left out of these two, so that nothing there is overwritten.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from course_lib.classroom.marks import Mark
from course_lib.classroom.roster import Student

__all__ = ["canvas_csv", "json_text", "moodle_csv", "plain_csv"]


def plain_csv(marks: Sequence[Mark], *, tasks: Sequence[str]) -> str:
    """
    Return `results.csv`: one row a student.

    Columns: student, points (final), max_points, percent, one a task (of the counted try), problem, sandboxed, try,
    tries, late_days, late_percent, manual, comment.
    """
    heading = ["student", "points", "max_points", "percent", *tasks, "problem", "sandboxed"]
    rows = []
    for one in marks:
        points = {task.name: _number(task.points) for task in one.result.tasks} if one.result else {}
        rows.append([
            one.student, _number(one.points), _number(one.max_points), _percent(one),
            *(points.get(task, "0") for task in tasks), one.problem,
            "" if one.result is None else "yes" if one.result.sandboxed else "no",
            one.counted, one.tries, one.late_days, _number(one.late_percent), _number(one.manual), one.comment,
        ])  # fmt: skip
    return _csv([*heading, "try", "tries", "late_days", "late_percent", "manual", "comment"], rows)


def canvas_csv(marks: Sequence[Mark], *, assignment: str, max_points: float, roster: Mapping[str, Student]) -> str:
    """
    Return what Canvas imports into its gradebook.

    `assignment` is its name there, with its number in brackets if known: ``Sizes (4711)``. Students are known by the
    roster's canvas_id, sis_id and login, else by the number at the end of a name from a Canvas download, else by name.
    """
    rows = [["    Points Possible", "", "", "", "", _number(max_points)]]
    for one in (mark for mark in marks if mark.result):
        known = roster.get(one.student, Student(one.student))
        number = re.search(r"_(\d+)$", one.student)
        rows.append([
            known.name or one.student, known.canvas_id or (number[1] if number else ""), known.sis_id, known.login,
            known.section, _number(one.points),
        ])  # fmt: skip
    return _csv(["Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment], rows)


def moodle_csv(marks: Sequence[Mark], *, assignment: str, roster: Mapping[str, Student]) -> str:
    """Return what Moodle's grade import reads; map ``ID number`` or ``Email address`` to the user there."""
    rows = []
    for one in (mark for mark in marks if mark.result):
        known = roster.get(one.student, Student(one.student))
        first, last = _first_and_last(known.name or one.student)
        rows.append([first, last, known.sis_id or known.id, known.email, _number(one.points), _feedback(one)])
    name = f"Assignment: {assignment}"
    return _csv(["First name", "Last name", "ID number", "Email address", f"{name} (Real)", f"{name} (Feedback)"], rows)


def json_text(marks: Sequence[Mark], *, topic: str) -> str:
    """Return everything that is known of every student's mark, requirement by requirement."""
    lines = [json.dumps({**vars(one), "problem": one.problem}, ensure_ascii=False, default=vars) for one in marks]
    students = ",\n".join(lines)
    return f'{{"topic": {json.dumps(topic)}, "students": [\n{students}\n]}}\n'


def _feedback(one: Mark) -> str:
    late = f"{one.late_days} day(s) late: {_number(one.late_percent)} % off" if one.late_days else ""
    return ". ".join(part for part in (one.problem, late, one.comment) if part)


def _first_and_last(name: str) -> tuple[str, str]:
    """
    Take a name apart, written either way round.

    >>> _first_and_last("Lovelace, Ada"), _first_and_last("Ada Lovelace")
    (('Ada', 'Lovelace'), ('Ada', 'Lovelace'))
    """
    last, comma, first = name.partition(",")
    if not comma:
        first, _, last = name.rpartition(" ")
    return first.strip(), last.strip()


def _percent(one: Mark) -> str:
    return f"{100 * one.points / one.max_points:.1f}" if one.max_points else "0.0"


def _number(value: float) -> str:
    """
    Return a number with at most two decimals, without an exponent.

    >>> _number(7.0), _number(1234567), _number(2 / 3)
    ('7', '1234567', '0.67')
    """
    return f"{round(value, 2):.2f}".rstrip("0").rstrip(".")


def _csv(heading: list[str], rows: Iterable[list[Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([_text(one) for one in heading])
    writer.writerows(
        [_text(cell) if isinstance(cell, str) and not _is_number(cell) else cell for cell in row] for row in rows
    )
    return text.getvalue()


def _is_number(value: str) -> bool:
    return bool(re.fullmatch(r"-?\d+(\.\d+)?", value))


def _text(value: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
