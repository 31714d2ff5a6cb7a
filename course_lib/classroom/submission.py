"""Submissions as files: found in a folder, read without trusting anything, told apart by name.

Whatever is wrong with one file becomes one line in `Submission.problem`; it never stops the class. Of a notebook only
the kind and the text of its cells are kept: metadata, outputs, tags and cell ids are the student's to change.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError

__all__ = ["Submission", "class_folder", "find_submissions", "read_submission"]

_LARGEST_FILE = 20 * 2**20
_MOST_CELLS = 2_000


@dataclass(frozen=True)
class Submission:
    """
    One student's file.

    `student` is the name shown, `page` the same made safe for file names, `cells` (kind, text) pairs with kind "code"
    or "markdown", `digest` the SHA-256 of the code (seeds this submission's random inputs), `problem` empty or one
    line.
    """

    student: str
    page: str
    path: Path
    cells: tuple[tuple[str, str], ...] = ()
    digest: str = ""
    problem: str = ""


def find_submissions(folder: Path, topic: str) -> list[Submission]:
    """
    List and read the submissions of a class, sorted by name.

    Parameters
    ----------
    folder : Path
        Holds STUDENT.ipynb files, or STUDENT/ folders with TOPIC.ipynb (or one other notebook) or, as nbgrader has
        it, TOPIC/TOPIC.ipynb in each; or is one notebook.
    topic : str
        Name of the exercise, such as ``03_convolution``.

    Raises
    ------
    CourseError
        No such folder, or nothing in it.
    """
    if not folder.exists():
        raise CourseError(f"{folder}: there is no such folder; wanted the folder that holds the students' notebooks")
    paths = [folder] if folder.is_file() else sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if not paths:
        raise CourseError(f"{folder}: the folder is empty; wanted STUDENT.ipynb files or STUDENT/{topic}.ipynb")
    found = [
        _from_folder(path, topic) if path.is_dir() and not path.is_symlink() else _from_file(path, path.stem)
        for path in paths
    ]
    return _told_apart(found)


def class_folder(folder: Path) -> Path:
    """Return where the submissions lie: `submitted/` for the folder of an nbgrader course, else the folder itself.

    >>> class_folder(Path("/nowhere")).name
    'nowhere'
    """
    inner = folder / "submitted"
    return inner if inner.is_dir() and (folder / "source").is_dir() else folder


def read_submission(path: Path, student: str) -> Submission:
    """
    Read one notebook; what is wrong with it is said in `problem`.

    >>> read_submission(Path("nowhere.ipynb"), "Ada").problem
    'cannot be read: No such file or directory'
    """
    return _from_file(path, student)


def _from_folder(folder: Path, topic: str) -> Submission:
    student = folder.name
    inner = folder / topic  # where nbgrader keeps a student's answers to one of several exercises
    if inner.is_dir() and not inner.is_symlink():
        folder = inner
    notebooks = sorted(path for path in folder.glob("*.ipynb") if not path.name.startswith("."))
    named = [path for path in notebooks if path.name == f"{topic}.ipynb"]
    chosen = named or notebooks
    if len(chosen) == 1:
        return _from_file(chosen[0], student)
    problem = (
        f"{len(chosen)} notebooks, none named {topic}.ipynb: hand in one" if chosen else "no notebook in this folder"
    )
    return _named(folder, student, problem=problem)


def _from_file(path: Path, student: str) -> Submission:
    try:
        cells = _cells(_content(path))
    except _UnreadableError as problem:
        return _named(path, student, problem=str(problem))
    code = "\0".join(text for kind, text in cells if kind == "code")
    return _named(path, student, cells=cells, digest=hashlib.sha256(code.encode()).hexdigest())


class _UnreadableError(Exception):
    pass


def _content(path: Path) -> bytes:
    if path.suffix != ".ipynb":
        raise _UnreadableError(f"not a notebook: wanted a file that ends in .ipynb, got {_clean(path.name)}")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as problem:
        reason = "it is a link to another file" if path.is_symlink() else problem.strerror
        raise _UnreadableError(f"cannot be read: {reason}") from None
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise _UnreadableError("cannot be read: it is not a plain file")
        if about.st_size > _LARGEST_FILE:
            raise _UnreadableError(
                f"too large: {about.st_size / 2**20:.0f} MB, {_LARGEST_FILE / 2**20:.0f} MB are allowed; "
                "clear the outputs"
            )
        content = file.read(_LARGEST_FILE + 1)
    if not content.strip():
        raise _UnreadableError("the file is empty")
    return content


def _cells(content: bytes) -> tuple[tuple[str, str], ...]:
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise _UnreadableError(
            "not a notebook: its content is not JSON; save it again from Jupyter and hand that in"
        ) from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if cells is None and isinstance(notebook, dict) and isinstance(notebook.get("worksheets"), list):  # format 3
        sheets = [sheet.get("cells") for sheet in notebook["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    if not isinstance(cells, list):
        raise _UnreadableError("not a notebook: its JSON has no list of cells")
    if len(cells) > _MOST_CELLS:
        raise _UnreadableError(f"{len(cells):,} cells: {_MOST_CELLS:,} are allowed")
    return tuple(cell for cell in map(_cell, cells) if cell is not None)


def _cell(cell: Any) -> tuple[str, str] | None:
    if not isinstance(cell, dict) or cell.get("cell_type") not in ("code", "markdown"):
        return None
    text = cell.get("source", cell.get("input", ""))
    if isinstance(text, list):
        text = "".join(part for part in text if isinstance(part, str))
    if not isinstance(text, str):
        return None
    return cell["cell_type"], text.encode("utf-8", "replace").decode("utf-8")


def _named(path: Path, student: str, **rest: Any) -> Submission:
    return Submission(student=_clean(student), page=_safe(student), path=path, **rest)


def _clean(name: str) -> str:
    """Return the name without control characters and half characters, at most 100 long."""
    name = name.encode("utf-8", "replace").decode("utf-8")
    return (
        "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))[:100].strip() or "?"
    )


def _safe(name: str) -> str:
    clean = re.sub(r"[^A-Za-z0-9_-]+", "_", unicodedata.normalize("NFKD", name))[:60].strip("_")
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return clean if clean == name else f"{clean}-{mark}".lstrip("-")


def _told_apart(found: list[Submission]) -> list[Submission]:
    """Give a second Ada a number; pages must differ even where capitals do not count."""
    students: set[str] = set()
    pages: set[str] = set()
    result = []
    for one in found:
        student = _free(one.student, "{} ({})", lambda name: name in students)
        page = _free(one.page, "{}-{}", lambda name: name.casefold() in pages)
        students.add(student)
        pages.add(page.casefold())
        result.append(replace(one, student=student, page=page))
    return result


def _free(name: str, numbered: str, taken: Callable[[str], bool]) -> str:
    """Return the name, or with the first number from 2 on that nobody has."""
    number, free = 1, name
    while taken(free):
        number += 1
        free = numbered.format(name, number)
    return free
