"""Bare papermill: the notebook is run with all checks in it, in three processes at once; no feedback, no sandbox.

The cells of students may raise; a check prints whether it passed. Run by the course's own Python.
"""

import json
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path

CHECK = """
try:
    exec({source!r}, {{**globals(), "rng": np.random.default_rng(0), "there": eval}})
except Exception as problem:
    print("not met:", problem)
else:
    print("points: {points}")
"""


def prepare(lesson, students, folder: Path, _python: str) -> None:
    from grading_peers.students import cell, notebook

    for one in students:
        left, cells = list(one.answers), []
        for part in lesson.cells:
            if part.role in ("setup", "parameters", "code"):
                cells.append(cell("code", part.source))
            elif part.role == "markdown":
                cells.append(cell("markdown", part.source))
            elif part.role == "task" and left:
                cells.append(cell("code", left.pop(0), tags=["raises-exception"]))
                checks = lesson.task(part.task).checks
                cells += [cell("code", CHECK.format(source=check.source, points=check.points)) for check in checks]
        text = json.dumps(notebook(cells)) if one.file is None else one.file
        (folder / f"{one.name}.ipynb").write_text(text)


def command(_lesson, folder: Path, _python: str) -> list[str]:
    return [sys.executable, __file__, str(folder)]


def marks(folder: Path, _python: str) -> dict[str, float]:
    return json.loads((folder / "marks.json").read_text())


def grade(path: Path) -> float:
    from papermill import execute_notebook

    out = path.with_suffix(".executed.ipynb")
    with suppress(Exception):  # a file that is no notebook, a kernel that died: what was run until then counts
        execute_notebook(str(path), str(out), kernel_name="python3", progress_bar=False)
    if not out.exists():
        return 0.0
    printed = "".join(
        "".join(output.get("text", ""))
        for one in json.loads(out.read_text())["cells"]
        for output in one.get("outputs", [])
    )
    return sum(map(float, re.findall(r"^points: (\S+)$", printed, re.MULTILINE)))


def grade_all(folder: Path, grade) -> None:
    """Grade every notebook of the folder in three processes that live as long as the class."""
    paths = sorted(folder.glob("*.ipynb"))
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        marks = dict(zip([path.stem for path in paths], pool.map(grade, paths), strict=True))
    (folder / "marks.json").write_text(json.dumps(marks))


if __name__ == "__main__":
    grade_all(Path(sys.argv[1]), partial(grade))
