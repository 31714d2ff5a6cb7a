"""Lectures and exercises as pages: the built notebooks as they are, with what should cost a click folded away."""

import base64
import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from course_lib.classroom.colab import find_release
from course_lib.classroom.lesson import Lesson, read_lesson
from course_lib.classroom.markers import without_markers
from course_lib.classroom.start import course_map
from course_lib.classroom.topics import find_topics

STILL = "*Here the explorer stands still. In the notebook (link at the top) it moves.*"
BADGE = re.compile(r"\[!\[Open [^\]]*in Colab\]\([^)]*\)\]\([^)]*\)\n*")
PICTURE = re.compile(r"(!\[[^\]]*\]\()data:image/png;base64,([^)\s]+)\)")


def write_lessons(root: Path, out: Path) -> None:
    """Write `lectures/` and `exercises/`, and the notebooks to download beside them.

    Parameters
    ----------
    root
        The checkout, with its notebooks built.
    out
        The folder of Sphinx's sources.
    """
    for topic in find_topics(root):
        for kind, folder in (("lectures", "notebooks"), ("exercises", "exercises")):
            path = root / folder / f"{topic}.ipynb"
            copy = out / "downloads" / folder / path.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            notebook = nbformat.read(path, as_version=4)
            if kind == "lectures":
                notebook.cells = list(_lecture(notebook))
            else:
                pictures = out / kind / "pictures"
                notebook.cells = list(_exercise(notebook, read_lesson(root / "solutions" / f"{topic}.py"), pictures))
            first = notebook.cells[0]
            first.source = f"{BADGE.sub('', first.source)}\n\n{_links(root, topic, kind)}"
            page = out / kind / f"{topic}.ipynb"
            page.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, page)


def lesson_table(root: Path) -> str:
    """Return the map of the lessons as a table in Markdown."""
    rows = ["| lesson | level | your time | builds on | exercise |", "|---|---|---|---|---|"]
    for stop in course_map(root):
        level = read_lesson(root / "notebooks" / f"{stop.topic}.py").metadata.get("level", "")
        needs = ", ".join(f"[{topic[:2]}](lectures/{topic}.ipynb)" for topic in stop.needs) or "nothing"
        title = f"[{stop.topic[:2]} · {stop.question}](lectures/{stop.topic}.ipynb)"
        tasks = f"[{stop.tasks} tasks](exercises/{stop.topic}.ipynb)"
        rows.append(f"| {title} | {level} | {stop.minutes} min | {needs} | {tasks} |")
    return "\n".join(rows)


def _links(root: Path, topic: str, kind: str) -> str:
    """Return the line under a title: both notebooks, Colab where the course has an address, and the other page."""
    folder, other, name = (
        ("notebooks", "exercises", "Exercise") if kind == "lectures" else ("exercises", "lectures", "Lecture")
    )
    links = [
        f"{{download}}`Download the lecture <../downloads/notebooks/{topic}.ipynb>`",
        f"{{download}}`Download the exercise <../downloads/exercises/{topic}.ipynb>`",
        f"[{name}](../{other}/{topic}.ipynb)",
    ]
    release = find_release(root)
    address = release.in_colab(f"{folder}/{topic}.ipynb") if release else ""
    if address:
        links.insert(2, f"[Open in Colab]({address})")
    return "{.links}\n" + " · ".join(links)


def _lecture(notebook: Any) -> Iterator[Any]:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            _describe(cell)
            if re.search(r"\breveal\(", cell.source):
                _fold(cell, "output", "Show the answer", "Hide the answer")
        yield cell
        if cell.cell_type == "code" and re.search(r"\bwidgets\.\w+_explorer\(", cell.source):
            yield nbformat.v4.new_markdown_cell(STILL)


def _exercise(notebook: Any, lesson: Lesson, pictures: Path) -> Iterator[Any]:
    """Yield the cells, and after the last of each task its answer."""
    last = {_task(cell): place for place, cell in enumerate(notebook.cells) if _task(cell)}
    answers = {cell.task: without_markers(cell.source) for cell in lesson.cells if cell.role == "task"}
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            cell.source = PICTURE.sub(lambda found: f"{found[1]}{_picture(found[2], pictures)})", cell.source)
        elif "check" in cell.metadata.get("course", {}):
            _fold(cell, "input", f"Show the check: {cell.source.splitlines()[0].partition(': ')[2]}", "Hide the check")
        yield cell
        if _task(cell) and last[_task(cell)] == place:
            answer = nbformat.v4.new_code_cell(answers[_task(cell)])
            _fold(answer, "input", "Show an answer", "Hide the answer")
            yield answer


def _task(cell: Any) -> str:
    course = cell.metadata.get("course", {})
    return str(course.get("task") or course.get("check") or "")


def _describe(cell: Any) -> None:
    """Give the picture of a cell the text that its output carries for those who do not see it."""
    texts = [output.get("metadata", {}).get("image/png", {}).get("alt") for output in cell.outputs]
    for text in filter(None, texts):
        cell.metadata["mystnb"] = {"image": {"alt": text}}


def _fold(cell: Any, what: str, show: str, hide: str) -> None:
    """Put a cell's input or output behind a click."""
    cell.metadata["tags"] = [*cell.metadata.get("tags", []), f"hide-{what}"]
    prompts = {"code_prompt_show": show.replace("`", ""), "code_prompt_hide": hide}
    cell.metadata["mystnb"] = {**cell.metadata.get("mystnb", {}), **prompts}


def _picture(png: str, folder: Path) -> str:
    """Write a picture that stands inside of a notebook into a file; return its name as the page says it."""
    data = base64.b64decode(png)
    name = f"{hashlib.sha256(data).hexdigest()[:16]}.png"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return f"{folder.name}/{name}"
