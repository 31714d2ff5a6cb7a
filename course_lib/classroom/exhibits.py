"""What a student's page shows beside the marks: what their own cells printed and drew, and the picture expected.

Own output is read from the executed notebook and trusted in nothing: plain text and PNG pictures alone, bounded. The
expected pictures are those of the exercise notebook, which the student has anyway.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.classroom.judging import setup_cells
from course_lib.classroom.lesson import Lesson

__all__ = ["Exhibit", "ExpectedPicture", "expected_pictures", "own_outputs"]

_LARGEST_FILE = 5 * 2**20
_MOST_TEXT = 3_000
_MOST_PICTURES = 2
_LARGEST_PICTURE = 60_000
_PNG = b"\x89PNG\r\n\x1a\n"
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Exhibit:
    """What the cells of one task printed and drew; `pictures` are PNG in base64, `cut` where something was left out."""

    text: str = ""
    pictures: tuple[str, ...] = ()
    cut: bool = False


@dataclass(frozen=True)
class ExpectedPicture:
    """A PNG in base64, and its text for those who do not see it."""

    png: str
    alt: str


def own_outputs(executed: Path, lesson: Lesson) -> dict[str, Exhibit]:
    """
    Return what a student's cells printed and drew, by task: from the cell that defines the task to the next such cell.

    Parameters
    ----------
    executed : Path
        The executed notebook; one that is missing, unreadable or larger than 5 MB shows nothing.
    lesson : Lesson
        The exercise; the output of the cells that it gave is left out.
    """
    given = {cell.source.strip() for cell in lesson.cells if cell.role == "code"}
    given |= {source.strip() for source in setup_cells(lesson)}
    found: dict[str, list[Any]] = {}
    current = None
    for cell in _cells(executed):
        source = _text(cell.get("source"))
        if cell.get("cell_type") != "code" or source.strip() in given:
            continue
        current = next((task.name for task in lesson.tasks if _binds(source, task.defines)), current)
        outputs = cell.get("outputs")
        if current and isinstance(outputs, list):
            found.setdefault(current, []).extend(one for one in outputs if isinstance(one, dict))
    exhibits = {name: _exhibit(outputs) for name, outputs in found.items()}
    return {name: one for name, one in exhibits.items() if one != Exhibit()}


def expected_pictures(lesson: Lesson) -> dict[str, ExpectedPicture]:
    """Return the expected picture of each task that has one, from the exercise notebook; empty where none is built."""
    path = lesson.path.parents[1] / "exercises" / f"{lesson.topic}.ipynb"
    alts = {task.name: task.picture.alt for task in lesson.tasks if task.picture}
    pictures = {}
    for cell in _cells(path):
        task = _mapping(_mapping(cell.get("metadata")).get("course")).get("task")
        image = re.search(r"!\[.*\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", _text(cell.get("source")))
        if cell.get("cell_type") == "markdown" and task in alts and image:
            pictures[task] = ExpectedPicture(image[1], alts[task])
    return pictures


def _cells(path: Path) -> list[dict[str, Any]]:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            return []
        cells = _mapping(json.loads(path.read_bytes())).get("cells")
    except (OSError, ValueError, RecursionError):
        return []
    return [cell for cell in cells if isinstance(cell, dict)] if isinstance(cells, list) else []


def _binds(source: str, names: Sequence[str]) -> bool:
    words = "|".join(map(re.escape, names))
    return bool(re.search(rf"^(?:(?:async\s+)?def\s+|class\s+)?(?:{words})\b\s*[(:=]", source, re.MULTILINE))


def _exhibit(outputs: Sequence[Mapping[str, Any]]) -> Exhibit:
    """Gather text and pictures as far as there is room."""
    texts: list[str] = []
    pictures: list[str] = []
    cut = False
    for one in outputs:
        data = _mapping(one.get("data"))
        image = "".join(_text(data.get("image/png")).split())
        if one.get("output_type") == "error":
            texts.append(f"{_text(one.get('ename'))[:100]}: {_text(one.get('evalue'))[:500]}\n")
        elif image:
            if len(pictures) < _MOST_PICTURES and _is_png(image):
                pictures.append(image)
            else:
                cut = True
        else:
            text = _text(one.get("text")) or _text(data.get("text/plain"))
            texts.append(text if text.endswith("\n") else f"{text}\n")
    whole = _COLOURS.sub("", "".join(texts)).strip("\n")
    text = "".join(sign for sign in whole[:_MOST_TEXT] if sign in "\n\t" or sign.isprintable())
    return Exhibit(text, tuple(pictures), cut or len(whole) > _MOST_TEXT)


def _is_png(image: str) -> bool:
    try:
        return len(image) <= _LARGEST_PICTURE and base64.b64decode(image, validate=True).startswith(_PNG)
    except (binascii.Error, ValueError):
        return False


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    """Return notebook text, which is a string or a list of strings."""
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""
