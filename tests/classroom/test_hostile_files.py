"""Files that are no notebooks, or odd ones: each is graded for what it says, or refused with its student and the reason."""

import csv
import json
import os
import socket
import zipfile
from pathlib import Path

import pytest

from course_lib.classroom.gradebook import grade_folder
from course_lib.classroom.grading import GradingPlan
from course_lib.classroom.sandbox import SandboxLimits
from course_lib.classroom.session import TimeLimits

# ruff: noqa: E501 - files as data
PLAN = GradingPlan(
    times=TimeLimits(cell_s=3, call_s=2, submission_s=60), limits=SandboxLimits(memory_mb=4_096, resident_mb=800)
)
CELLS = [
    "def double(x):\n    return 2 * x",
    "class Counter:\n    count = 0\n    def add(self, n):\n        self.count += n",
    "answer = 42",
]


def cell(source, **more) -> dict:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source, **more}


def notebook(*cells, **more) -> str:
    """Return a notebook's text; a right one where no cells are given."""
    return json.dumps({"cells": list(cells) or [cell(source) for source in CELLS], "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more})  # fmt: skip


def each(**more) -> str:
    """Return a right notebook with more in each of its cells."""
    return notebook(*(cell(source, **more) for source in CELLS))


RIGHT = notebook()
NOT_JSON, NO_CELLS = "its content is not JSON", "its JSON has no list of cells"
# name: the file's content, the points (of 7), and what is said where it is refused
FILES = {
    "right": (RIGHT, 7, ""),
    "not JSON": ("import numpy", 0, NOT_JSON),
    "truncated": (RIGHT[:200], 0, NOT_JSON),
    "empty": ("", 0, "the file is empty"),
    "blank": (" \n\t\n", 0, "the file is empty"),
    "a list": ("[]", 0, NO_CELLS),
    "a number": ("3", 0, NO_CELLS),
    "a text": ('"cells"', 0, NO_CELLS),
    "null": ("null", 0, NO_CELLS),
    "an empty object": ("{}", 0, NO_CELLS),
    "cells that are a number": ('{"cells": 3}', 0, NO_CELLS),
    "cells that are a dict": ('{"cells": {"0": {}}}', 0, NO_CELLS),
    "nested too deeply": ("[" * 100_000 + "]" * 100_000, 0, NOT_JSON),
    "nested too deeply in metadata": (RIGHT.replace('"metadata": {}', '"metadata": ' + '{"a":' * 50_000 + "1" + "}" * 50_000, 1), 0, NOT_JSON),
    "a number of 100,000 digits": (RIGHT.replace("null", "9" * 100_000, 1), 0, NOT_JSON),
    "too many cells": (notebook(*[cell("x = 1")] * 2_001), 0, "2,001 cells: 2,000 are allowed"),
    "a web page": ("<!DOCTYPE html><html><body>Notebook</body></html>", 0, NOT_JSON),
    "a Python script": ("\n".join(CELLS), 0, NOT_JSON),
    "bytes": (b"\x89PNG\r\n\x1a\n\x00\xff", 0, NOT_JSON),
    "UTF-16": (RIGHT.encode("utf-16"), 0, NOT_JSON),
    "Latin-1": (notebook(cell("x = 'é'")).replace("\\u00e9", "é").encode("latin-1"), 0, NOT_JSON),
    "null bytes": (b"\0" * 1000, 0, NOT_JSON),
    "two notebooks in one file": (RIGHT + RIGHT, 0, NOT_JSON),
    "with a byte-order mark": (b"\xef\xbb\xbf" + RIGHT.encode(), 7, ""),
    "NaN and Infinity": (RIGHT.replace("null", "NaN", 1).replace("null", "-Infinity", 1), 7, ""),
    "keys given twice": (RIGHT.replace('"metadata"', '"cells": [], "metadata"', 1).replace('"cells": []', '"x": 1', 1), 7, ""),
    "an old format": (json.dumps({"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "language": "python", "input": source} for source in CELLS]}]}), 7, ""),
    "a future format": (notebook(nbformat=99, nbformat_minor=7), 7, ""),
    "a format of words": (notebook(nbformat="four", nbformat_minor=None), 7, ""),
    "no format": (json.dumps({"cells": [{"cell_type": "code", "source": source} for source in CELLS]}), 7, ""),
    "no kernelspec": (notebook(metadata={"language_info": {}}), 7, ""),
    "a foreign kernelspec": (notebook(metadata={"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}), 7, ""),
    "a hostile kernelspec": (notebook(metadata={"kernelspec": {"name": "../../bin/sh", "argv": ["sh"]}}), 7, ""),
    "metadata of wrong types": (notebook(metadata=[1, 2], nbformat=4.5), 7, ""),
    "cells' metadata of wrong types": (each(metadata=7), 7, ""),
    "ids given twice": (each(id="a"), 7, ""),
    "ids of wrong types": (each(id={"a": 1}), 7, ""),
    "no ids, no outputs": (notebook(*({"cell_type": "code", "source": source} for source in CELLS)), 7, ""),
    "outputs of wrong types": (each(outputs="none", execution_count="many"), 7, ""),
    "forged outputs": (each(outputs=[{"output_type": "stream", "name": "stdout", "text": "✓ 7 of 7 points"}]), 7, ""),
    "sources as lists of lines": (notebook(*(cell(source.splitlines(keepends=True)) for source in CELLS)), 7, ""),
    "sources of wrong types": (notebook(cell(3), cell(None), cell({"a": 1}), cell([1, "x = 1"]), *map(cell, CELLS)), 7, ""),
    "cells of wrong types": (notebook(None, 3, [], "x", {}, {"cell_type": "raw", "source": "1"}, *map(cell, CELLS)), 7, ""),
    "tags to skip cells": (each(metadata={"tags": ["skip-execution", "raises-exception", "injected-parameters", "parameters"]}), 7, ""),
    "points and flags of the course's own": (each(metadata={"points": 99, "course": {"state": "right"}, "nbgrader": {"grade": True, "points": 99}}), 7, ""),
    "points without answers": (notebook(cell("x = 1", metadata={"points": 99, "course": {"task": "double", "points": 99}}), metadata={"course": {"points": 99}}), 0, ""),
    "papermill's own words": (notebook(metadata={"papermill": {"parameters": {"x": 1}, "input_path": "/etc/passwd"}}), 7, ""),
    "attachments": (notebook({"cell_type": "markdown", "source": "![x](attachment:x)", "attachments": {"x": {"image/png": 3}}}, *map(cell, CELLS)), 7, ""),
    "markdown only": (notebook({"cell_type": "markdown", "source": "answer = 42"}), 0, ""),
    "no cells": (json.dumps({"cells": [], "metadata": {}, "nbformat": 4}), 0, ""),
    "half characters": (notebook(cell("x = '\ud800'"), *map(cell, CELLS)), 7, ""),
    "large outputs": (each(outputs=[{"output_type": "stream", "name": "stdout", "text": "x" * 4_000_000}]), 7, ""),
    "a cell of four million characters": (notebook(cell("# " + "x" * 4_000_000), *map(cell, CELLS)), 7, ""),
}  # fmt: skip
NAMES = ["a..b", "-rf", "--out=x", "{x}", "$(touch owned)", "a'b\"c", "CON", "=cmd()", "+1", "@x", "🙂", "Zoë", "Zoé",
         "x" * 200, "a\nb", "a\tb", "\u202egnp", "<img src=x onerror=alert(1)>", "%2e%2e%2fetc", "a\\b", "~root", "*", " ", "ADA", "ada"]  # fmt: skip


@pytest.fixture(scope="module")
def class_(doubling, tmp_path_factory):
    """The class of all these files, graded; its results, the result folder, and where the files are."""
    folder, out = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("out")
    for name, (content, _, _) in FILES.items():
        (folder / f"{name}.ipynb").write_bytes(content.encode() if isinstance(content, str) else content)
    for name in NAMES:
        (folder / f"{name}.ipynb").write_text(notebook(cell("answer = 42")))
    _odd_files(folder, tmp_path_factory.mktemp("elsewhere"))
    before = {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*")}
    results = grade_folder(doubling, folder, out, plan=PLAN, workers=2)
    assert {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*")} == before
    return {one.student: one for one in results}, out, folder


def _odd_files(folder: Path, elsewhere: Path) -> None:
    (elsewhere / "answers.ipynb").write_text(RIGHT)
    (folder / "link.ipynb").symlink_to(elsewhere / "answers.ipynb")
    (folder / "link to secrets.ipynb").symlink_to("/etc/shadow")
    (folder / "link to nothing.ipynb").symlink_to("/nowhere")
    (folder / "link to itself.ipynb").symlink_to("link to itself.ipynb")
    (folder / "link to a folder").symlink_to(elsewhere)
    (folder / "link to a folder.ipynb").symlink_to(elsewhere)
    (folder / "link inside").mkdir()
    (folder / "link inside" / "x.ipynb").symlink_to(elsewhere / "answers.ipynb")
    (elsewhere / "passwords").write_text("root:x")
    os.link(elsewhere / "passwords", folder / "hard link.ipynb")
    os.mkfifo(folder / "pipe.ipynb")
    with socket.socket(socket.AF_UNIX) as line:
        place = os.getcwd()
        os.chdir(folder)
        line.bind("socket.ipynb")
        os.chdir(place)
    with (folder / "huge.ipynb").open("wb") as file:
        file.truncate(100 * 2**20)
    with zipfile.ZipFile(folder / "traversal.zip", "w") as file:
        file.writestr("../../escaped.ipynb", RIGHT)
        file.writestr("/tmp/escaped.ipynb", RIGHT)
    (folder / "zipped.ipynb").write_bytes((folder / "traversal.zip").read_bytes())
    (folder / "report.pdf").write_text("%PDF")
    (folder / "no ending").write_text(RIGHT)
    (folder / "nothing inside").mkdir()
    (folder / "folder.ipynb").mkdir()
    for name, files in {
        "renamed": ["My copy (2).ipynb"],
        "two": ["a.ipynb", "b.ipynb"],
        "draft": ["01_doubling.ipynb", "draft.ipynb"],
    }.items():
        (folder / name).mkdir()
        for file in files:
            (folder / name / file).write_text(RIGHT)
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "ada-checkpoint.ipynb").write_text(RIGHT)


ODD = {
    "link": "it is a link to another file",
    "link to secrets": "it is a link to another file",
    "link to nothing": "it is a link to another file",
    "link to itself": "it is a link to another file",
    "link to a folder": "not a notebook: wanted a file that ends in .ipynb",
    "link to a folder (2)": "it is a link to another file",
    "link inside": "it is a link to another file",
    "hard link": NOT_JSON,
    "pipe": "it is not a plain file",
    "socket": "cannot be read",
    "huge": "too large: 100 MB, 20 MB are allowed",
    "traversal": "not a notebook: wanted a file that ends in .ipynb",
    "zipped": NOT_JSON,
    "report": "not a notebook: wanted a file that ends in .ipynb",
    "no ending": "not a notebook: wanted a file that ends in .ipynb",
    "nothing inside": "no notebook in this folder",
    "folder.ipynb": "no notebook in this folder",
    "two": "2 notebooks, none named 01_doubling.ipynb: hand in one",
}


@pytest.mark.sandbox
@pytest.mark.parametrize("name", FILES)
def test_a_file_is_graded_for_what_it_says_or_refused_with_the_reason(class_, name):
    _, points, problem = FILES[name]
    result = class_[0][name]
    assert (result.points, problem in result.problem, bool(result.problem)) == (points, True, bool(problem))


@pytest.mark.sandbox
@pytest.mark.parametrize("name", ODD)
def test_what_is_no_file_of_the_students_own_is_refused(class_, name):
    result = class_[0][name]
    assert result.points == 0
    assert ODD[name] in result.problem


@pytest.mark.sandbox
def test_renamed_files_and_drafts_are_graded(class_):
    assert class_[0]["renamed"].points == class_[0]["draft"].points == 7
    assert not [name for name in class_[0] if "checkpoint" in name]


@pytest.mark.sandbox
def test_names_do_no_harm(class_):
    results, out, folder = class_
    assert sum(one.points == 1 for one in results.values()) == len(NAMES)
    assert len(results) == len(FILES) + len(NAMES) + len(ODD) + 2
    assert len({one.page.casefold() for one in results.values()}) == len(results)
    pages = [*(out / "feedback").iterdir(), *(out / "executed").iterdir()]
    safe = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
    assert all(path.is_file() and set(path.name) <= safe for path in pages)
    assert {path.name for path in out.iterdir()} >= {"results.csv", "index.html", "feedback", "executed"}
    assert "<img src=x" not in "".join(path.read_text() for path in out.rglob("*.html"))
    assert not list(folder.parent.rglob("escaped*")) + list(folder.parent.rglob("owned"))


@pytest.mark.sandbox
def test_every_student_has_one_line_that_no_spreadsheet_takes_for_a_formula(class_):
    results, out, _ = class_
    with (out / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(results) == len({row["student"] for row in rows})
    assert not [row for row in rows for value in row.values() if value.startswith(("=", "+", "-", "@"))]
