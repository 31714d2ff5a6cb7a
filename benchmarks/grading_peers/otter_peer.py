"""Otter-Grader without its containers (`otter.api.grade_submission`), three at once; run by its own Python."""

import json
import subprocess
import sys
from pathlib import Path

TEST_FILE = """
from otter.test_files import test_case

OK_FORMAT = False
name = {name!r}
points = None
"""
TEST = """

@test_case(points={points!r}, hidden={hidden!r})
def test_{number}(env):
    import numpy as np

    exec({source!r}, {{**env, "rng": np.random.default_rng(0), "there": eval}})
"""


def prepare(lesson, students, folder: Path, python: str) -> None:
    from grading_peers.students import cell, notebook

    (folder / "tests").mkdir()
    for task in lesson.tasks:
        text = TEST_FILE.format(name=task.name)
        for number, check in enumerate(task.checks):
            hidden = check.kind == "hidden"
            text += TEST.format(points=check.points, hidden=hidden, number=number, source=check.source)
        (folder / "tests" / f"{task.name}.py").write_text(text)
    otter = str(Path(python).with_name("otter"))
    subprocess.run([otter, "generate", "-t", "tests", "-o", "autograder.zip"], cwd=folder, check=True)
    for one in students:
        left, cells = list(one.answers), [cell("code", "import otter\ngrader = otter.Notebook()")]
        for part in lesson.cells:
            if part.role in ("setup", "parameters", "code"):
                cells.append(cell("code", part.source))
            elif part.role == "markdown":
                cells.append(cell("markdown", part.source))
            elif part.role == "task" and left:
                cells.append(cell("code", left.pop(0)))
                cells.append(cell("code", f'grader.check("{part.task}")'))
        text = json.dumps(notebook(cells)) if one.file is None else one.file
        (folder / f"{one.name}.ipynb").write_text(text)


def command(_lesson, folder: Path, python: str) -> list[str]:
    return [python, __file__, str(folder)]


def marks(folder: Path, _python: str) -> dict[str, float]:
    return json.loads((folder / "marks.json").read_text())


def grade(path: Path) -> float:
    from otter.api import grade_submission

    try:
        return float(grade_submission(str(path), str(path.parent / "autograder.zip"), quiet=True).total)
    except Exception as problem:
        print(path.stem, type(problem).__name__, problem, file=sys.stderr)
        return 0.0


if __name__ == "__main__":
    from papermill_peer import grade_all

    grade_all(Path(sys.argv[1]), grade)
