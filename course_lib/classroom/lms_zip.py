r"""A download of all submissions from Canvas or Moodle, as a folder with one folder a student.

Canvas names files ``lovelaceada_123_456_topic.ipynb`` (student and file by number, ``LATE_`` before them where so);
Moodle makes folders ``Ada Lovelace_12345_assignsubmission_file_``. In any other zip each file or folder is a student.
Nothing is ever written under a name that stands in the zip: only notebooks are taken, with names made here. A zip does
not reliably say when something was handed in, so its files count as in time; the roster's column ``submitted`` says it.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from course_lib.classroom.roster import Student
from course_lib.errors import CourseError

__all__ = ["UnpackedZip", "unpack"]

_LARGEST_FILE = 20 * 2**20
_LARGEST_ZIP = 4 * 2**30
_MOST_FILES = 50_000
_CANVAS = re.compile(r"(?P<name>[^/]+?)_(?P<late>LATE_)?(?P<number>\d+)_(?P<file>\d+)_(?P<rest>[^/]+)", re.IGNORECASE)
_MOODLE = re.compile(r"(?P<name>[^/]+?)_(?P<number>\d+)_assignsubmission_[a-z]+_/?(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True)
class UnpackedZip:
    """The folder of submissions, and one line for each thing that a teacher should know."""

    folder: Path
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class _Found:
    student: str
    file: str
    late: bool = False


def unpack(path: Path, folder: Path, *, roster: Iterable[Student] = ()) -> UnpackedZip:
    """
    Unpack a download into `folder`, whole or not at all; what was there from an earlier download is replaced.

    Parameters
    ----------
    path : Path
        The zip.
    folder : Path
        Gets one folder a student with the notebooks in it; it is empty for who handed in something else.
    roster : iterable of Student
        Gives the students their ids: by canvas_id, or by name as Moodle writes it.

    Raises
    ------
    CourseError
        No zip, nothing in it, too large, or damaged.
    """
    students = list(roster)
    new = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(new, ignore_errors=True)
    try:
        with zipfile.ZipFile(path) as archive:
            remarks = _take(archive, path, new, students)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as problem:
        raise CourseError(f"{path}: not a zip, or damaged ({problem}); download it again") from None
    except FileNotFoundError:
        raise CourseError(f"{path}: there is no such file; wanted the zip that Canvas or Moodle gave") from None
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(new, folder)
    return UnpackedZip(folder, tuple(remarks))


def _take(archive: zipfile.ZipFile, path: Path, new: Path, students: list[Student]) -> list[str]:
    entries = [one for one in archive.infolist() if not one.is_dir() and not _is_litter(one.filename)]
    if not entries:
        raise CourseError(f"{path}: nothing in this zip; wanted the submissions of a class")
    if len(entries) > _MOST_FILES or sum(one.file_size for one in entries) > _LARGEST_ZIP:
        raise CourseError(f"{path}: more than {_MOST_FILES:,} files or {_LARGEST_ZIP // 2**30} GB: grade it in parts")
    new.mkdir(parents=True)
    remarks = []
    for entry in entries:
        name = _name(entry)
        found = _whose(name, students)
        shown = repr(name[:120])
        if found is None or ".." in re.split(r"[/\\]", name) or name.startswith("/"):
            remarks.append(f"{shown}: not a name that Canvas or Moodle gives; left out")
            continue
        own = new / found.student
        own.mkdir(exist_ok=True)
        if found.late:
            remarks.append(f"{found.student}: late, says Canvas, but not since when: give it in the roster (submitted)")
        if not found.file.lower().endswith(".ipynb"):
            continue
        if stat.S_ISLNK(entry.external_attr >> 16) or entry.flag_bits & 1 or entry.file_size > _LARGEST_FILE:
            remarks.append(f"{shown}: a link, encrypted or above {_LARGEST_FILE // 2**20} MB; left out")
            continue
        target = _free(own / found.file)
        with archive.open(entry) as source:
            target.write_bytes(source.read(_LARGEST_FILE))
        os.utime(target, (0, 0))
    return remarks


def _whose(name: str, students: list[Student]) -> _Found | None:
    """Return whose file it is, under names that are safe to write."""
    moodle, canvas = _MOODLE.fullmatch(name), _CANVAS.fullmatch(name)
    if moodle:
        ids = [one.id for one in students if _key(moodle["name"]) in _names(one)]
        student = ids[0] if len(ids) == 1 else f"{moodle['name']}_{moodle['number']}"
        return _found(student, moodle["rest"])
    if canvas:
        ids = [one.id for one in students if one.canvas_id == canvas["number"]]
        return _found(
            ids[0] if ids else f"{canvas['name']}_{canvas['number']}", canvas["rest"], late=bool(canvas["late"])
        )
    first, _, rest = name.partition("/")
    return _found(first if rest else PurePosixPath(first).stem, rest or first)


def _found(student: str, file: str, *, late: bool = False) -> _Found | None:
    student, file = _safe(student), _safe(re.split(r"[/\\]", file)[-1], ending=".ipynb")
    return _Found(student, file, late) if student and file else None


def _safe(name: str, *, ending: str = "") -> str:
    """Return a name without folders, control characters and dots before it, that every file system takes."""
    name = "".join(
        "_" if c in '/\\:*?"<>|' else c for c in unicodedata.normalize("NFC", name) if unicodedata.category(c)[0] != "C"
    )
    stem = name[: -len(ending)] if ending and name.lower().endswith(ending) else name
    ending = ending if stem != name else ""
    stem = stem.encode("utf-8", "replace")[:150].decode("utf-8", "ignore").strip().lstrip(".")
    return f"{stem}{ending}" if stem else ""


def _free(path: Path) -> Path:
    """Return the path, or one with a number where something is there already."""
    number = 1
    free = path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem} ({number}){path.suffix}")
    return free


def _name(entry: zipfile.ZipInfo) -> str:
    """Return the entry's name; without the mark for UTF-8 it may be that all the same, else it is of code page 437."""
    name = entry.filename
    if not entry.flag_bits & 0x800:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = entry.filename
    return unicodedata.normalize("NFC", name)


def _is_litter(name: str) -> bool:
    return name.startswith("__MACOSX/") or PurePosixPath(name).name in (".DS_Store", "Thumbs.db", "desktop.ini")


def _names(student: Student) -> set[str]:
    last, comma, first = student.name.partition(",")
    return {_key(student.name), _key(f"{first} {last}") if comma else _key(student.name)} - {""}


def _key(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())
