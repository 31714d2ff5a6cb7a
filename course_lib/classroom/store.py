"""`results.sqlite`: every result, stored whole as soon as it is known, so that a killed run goes on where it was.

One row a submission and one a requirement, written in one transaction (SQLite in write-ahead mode: others may read
meanwhile). What was decided for the class (roster, deadline, manual points) is kept here too. The order of results is
that of their numbers, never of a clock.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any

from course_lib.classroom.grading import SubmissionResult
from course_lib.classroom.judging import RequirementResult, TaskResult
from course_lib.errors import CourseError

__all__ = ["ResultStore", "Stored"]

_WAIT_S = 5.0
# One step a version: step number n leads from version n to n + 1. Never change a step that was released: add one.
_STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
        "CREATE TABLE submissions (id INTEGER PRIMARY KEY, file TEXT NOT NULL UNIQUE, student TEXT NOT NULL,"
        " page TEXT NOT NULL, points REAL NOT NULL, max_points REAL NOT NULL, problem TEXT NOT NULL,"
        " sandboxed INTEGER NOT NULL, seconds REAL NOT NULL, fingerprint TEXT NOT NULL, content TEXT NOT NULL,"
        " handed_in REAL NOT NULL, final INTEGER NOT NULL, present INTEGER NOT NULL, gradings INTEGER NOT NULL,"
        " graded_at TEXT NOT NULL)",
        "CREATE TABLE requirements (submission INTEGER NOT NULL REFERENCES submissions(id) ON DELETE CASCADE,"
        " place INTEGER NOT NULL, task TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, points REAL NOT NULL,"
        " max_points REAL NOT NULL, state TEXT NOT NULL, message TEXT NOT NULL, PRIMARY KEY (submission, place))",
        "CREATE TABLE pages (page TEXT PRIMARY KEY, made_of TEXT NOT NULL)",
        "CREATE TABLE manual (student TEXT PRIMARY KEY, points REAL NOT NULL, comment TEXT NOT NULL)",
    ),
)


@dataclass(frozen=True)
class Stored:
    """
    A result and what is known of its file.

    `file` is the file's or folder's name among the submissions, `fingerprint` what the result depends on, `content`
    what the student wrote, `handed_in` seconds since 1970 (0 where nobody knows), `final` False where the machine was
    at fault, so that the next run tries again.
    """

    result: SubmissionResult
    file: str
    fingerprint: str
    content: str
    handed_in: float
    final: bool = True


class ResultStore:
    """
    The results of one exercise of one class; a context manager.

    Parameters
    ----------
    path : Path
        The database; made if there is none.
    topic : str
        Name of the exercise; a database of another one is refused.

    Raises
    ------
    CourseError
        One line: no database, one of another exercise or of a newer version of the course, in use by another program,
        or a full disk. An older one is brought up to date; a copy of it stays beside it.
    """

    def __init__(self, path: Path, *, topic: str) -> None:
        self.path = path
        with self._plainly():
            self._database = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
            try:
                self._open(topic)
            except BaseException:
                self._database.close()
                raise

    def __enter__(self) -> ResultStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def add(self, one: Stored) -> None:
        """Store one result with all its requirements, in the place of an earlier one of the same file, or nothing."""
        result = one.result
        row = (
            one.file, _plain(result.student), result.page, result.points, result.max_points, _plain(result.problem),
            result.sandboxed, result.seconds, one.fingerprint, one.content, one.handed_in, one.final,
            time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )  # fmt: skip
        needs = [(task.name, need) for task in result.tasks for need in task.requirements]
        with self._all_or_nothing():
            (number,) = self._database.execute(
                "INSERT INTO submissions (file, student, page, points, max_points, problem, sandboxed, seconds,"
                " fingerprint, content, handed_in, final, graded_at, present, gradings)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 1) ON CONFLICT (file) DO UPDATE SET"
                " student = excluded.student, page = excluded.page, points = excluded.points,"
                " max_points = excluded.max_points, problem = excluded.problem, sandboxed = excluded.sandboxed,"
                " seconds = excluded.seconds, fingerprint = excluded.fingerprint, content = excluded.content,"
                " handed_in = excluded.handed_in, final = excluded.final, graded_at = excluded.graded_at,"
                " present = 1, gradings = gradings + 1 RETURNING id", row,
            ).fetchone()  # fmt: skip
            self._database.execute("DELETE FROM requirements WHERE submission = ?", (number,))
            self._database.executemany(
                "INSERT INTO requirements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (number, place, task, need.kind, need.text, need.points, need.max_points, need.state,
                     _plain(need.message))
                    for place, (task, need) in enumerate(needs)
                ],
            )  # fmt: skip

    def present(self, files: Sequence[str]) -> None:
        """Note which files are among the submissions now; results of others are kept, but not shown."""
        with self._all_or_nothing():
            self._database.execute("UPDATE submissions SET present = 0")
            self._database.executemany("UPDATE submissions SET present = 1 WHERE file = ?", [(one,) for one in files])

    def distrust(self, files: Sequence[str]) -> None:
        """Note that these results are to be made anew; until then they are kept."""
        with self._all_or_nothing():
            self._database.executemany("UPDATE submissions SET final = 0 WHERE file = ?", [(one,) for one in files])

    def results(self, *, all_files: bool = False) -> list[Stored]:
        """Return the results of the files that are present (or of all), in the order in which they were first known."""
        where = "" if all_files else "WHERE present"
        with self._plainly():
            rows = self._database.execute(
                "SELECT id, file, student, page, points, max_points, problem, sandboxed, seconds, fingerprint, content,"
                f" handed_in, final FROM submissions {where} ORDER BY id"
            ).fetchall()
            needs = self._database.execute(
                "SELECT submission, task, kind, text, points, max_points, state, message FROM requirements"
                " ORDER BY submission, place"
            ).fetchall()
        tasks = {number: _tasks(group) for number, group in groupby(needs, key=lambda need: need[0])}
        topic = self.value("topic")
        return [
            Stored(
                SubmissionResult(
                    student, page, topic, points, max_points, tasks.get(number, ()), problem, bool(sandboxed), seconds
                ),
                file, fingerprint, content, handed_in, bool(final),
            )
            for number, file, student, page, points, max_points, problem, sandboxed, seconds, fingerprint, content,
            handed_in, final in rows
        ]  # fmt: skip

    def keep_pages(self, made_of: Mapping[str, str]) -> None:
        """Note what each page was made of, so that the same page is not made again."""
        with self._all_or_nothing():
            self._database.executemany("INSERT OR REPLACE INTO pages VALUES (?, ?)", made_of.items())

    def take_pages(self) -> dict[str, str]:
        """Return what each page was made of, and forget it: a run that is killed leaves pages to be made anew."""
        with self._all_or_nothing():
            pages = dict(self._database.execute("SELECT page, made_of FROM pages"))
            self._database.execute("DELETE FROM pages")
        return pages

    def gradings(self) -> dict[str, int]:
        """Return how often each file was graded."""
        with self._plainly():
            return dict(self._database.execute("SELECT file, gradings FROM submissions"))

    def value(self, name: str) -> Any:
        """Return something kept for the class, None if nothing was."""
        with self._plainly():
            row = self._database.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def keep(self, values: Mapping[str, Any], *, manual: Mapping[str, tuple[float, str]] | None = None) -> None:
        """Keep what was decided for the class, and points and comments by student, until they are said anew."""
        with self._all_or_nothing():
            self._database.executemany(
                "INSERT OR REPLACE INTO about VALUES (?, ?)",
                [(name, json.dumps(value, default=asdict)) for name, value in values.items()],
            )
            self._database.executemany(
                "INSERT OR REPLACE INTO manual VALUES (?, ?, ?)",
                [(student, points, _plain(comment)) for student, (points, comment) in (manual or {}).items()],
            )

    def manual(self) -> dict[str, tuple[float, str]]:
        """Return the points and comments that a teacher gave, by student."""
        with self._plainly():
            rows = self._database.execute("SELECT student, points, comment FROM manual").fetchall()
        return {student: (points, comment) for student, points, comment in rows}

    def _open(self, topic: str) -> None:
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version > len(_STEPS):
            raise CourseError(
                f"{self.path} was written by a newer version of the course (its version {version}, "
                f"{len(_STEPS)} is known here): update the course, or name another folder with --out"
            )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("PRAGMA foreign_keys = ON")
        if version < len(_STEPS):
            if version:
                self._back_up(version)
            with self._all_or_nothing():
                for statement in (one for step in _STEPS[version:] for one in step):
                    self._database.execute(statement)
                self._database.execute(f"PRAGMA user_version = {len(_STEPS)}")
        known = self.value("topic")
        if known is None:
            self.keep({"topic": topic})
        elif known != topic:
            raise CourseError(f"{self.path} holds the results of {known}: name another folder with --out for {topic}")

    def _back_up(self, version: int) -> None:
        part = self.path.with_name(f".{self.path.name}.part")
        part.unlink(missing_ok=True)
        copy = sqlite3.connect(part)
        try:
            self._database.backup(copy)
        finally:
            copy.close()
        os.replace(part, self.path.with_name(f"{self.path.name}.version-{version}"))

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        with self._plainly():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        """Turn what SQLite says into one line that says what to do."""
        try:
            yield
        except sqlite3.Error as problem:
            said = str(problem)
            if "locked" in said or "busy" in said:
                advice = "another program uses it: close that program and run this again"
            elif "full" in said or "disk I/O" in said:
                advice = "the disk is full or fails: make room and run this again"
            elif "not a database" in said or "malformed" in said:
                advice = "it is no results file, or it is damaged: move it away, or name another folder with --out"
            else:
                advice = "look whether the folder may be written, or name another one with --out"
            raise CourseError(f"{self.path}: {said}; {advice}. What was stored before is kept") from None


def _tasks(needs: Iterator[tuple[Any, ...]]) -> tuple[TaskResult, ...]:
    found = []
    for name, group in groupby(needs, key=lambda need: need[1]):
        own = tuple(RequirementResult(*need[2:]) for need in group)
        points, most = (math.fsum(part) for part in zip(*((one.points, one.max_points) for one in own), strict=True))
        found.append(TaskResult(name, points, most, own))
    return tuple(found)


def _plain(text: str) -> str:
    """Return text without the half characters that no database takes."""
    return text.encode("utf-8", "replace").decode("utf-8")
