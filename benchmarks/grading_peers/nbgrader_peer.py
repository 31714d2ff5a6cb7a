"""nbgrader: `autograde` and `generate_feedback`, three at once, each on a course folder with a third of the class.

The source notebook is the lesson: each requirement is an autograder test cell, hidden ones between nbgrader's marks.
`generate_assignment` comes before, unmeasured, and so does the export of the marks after.
"""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

ASSIGNMENT = "exercise"
PARTS = 3
INPUTS = "rng, there = np.random.default_rng(0), eval\n"
HIDDEN = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS\n"


def prepare(lesson, students, folder: Path, python: str) -> None:
    source = json.dumps(source_notebook(lesson))
    for part in range(PARTS):
        course = folder / str(part)
        (course / "source" / ASSIGNMENT).mkdir(parents=True)
        (course / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").write_text(source)
        run(python, course, "generate_assignment", ASSIGNMENT)
        released = json.loads((course / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_text())
        for one in students[part::PARTS]:
            place = course / "submitted" / one.name / ASSIGNMENT
            place.mkdir(parents=True)
            text = json.dumps(answered(released, lesson, one.answers)) if one.file is None else one.file
            (place / f"{ASSIGNMENT}.ipynb").write_text(text)


def command(_lesson, folder: Path, python: str) -> list[str]:
    return [sys.executable, __file__, str(folder), python]


def marks(folder: Path, python: str) -> dict[str, float]:
    found = {}
    for part in map(str, range(PARTS)):
        run(python, folder / part, "export")
        with (folder / part / "grades.csv").open() as file:
            found.update({row["student_id"]: float(row["score"] or 0) for row in csv.DictReader(file)})
    return found


def source_notebook(lesson) -> dict:
    from grading_peers.students import cell, notebook

    cells = []
    for part in lesson.cells:
        if part.role in ("setup", "parameters", "code"):
            cells.append(cell("code", part.source))
        elif part.role == "markdown":
            cells.append(cell("markdown", part.source))
        elif part.role == "task":
            cells.append(cell("code", part.source, nbgrader=about(part.task, solution=True)))
            for number, check in enumerate(lesson.task(part.task).checks):
                text = INPUTS + (HIDDEN.format(check.source) if check.kind == "hidden" else check.source)
                cells.append(cell("code", text, nbgrader=about(f"{part.task}-{number}", points=check.points)))
    return notebook(cells)


def about(grade_id: str, *, solution: bool = False, points: float | None = None) -> dict:
    found = {"schema_version": 3, "grade_id": grade_id, "solution": solution, "task": False, "locked": not solution}
    return {**found, "grade": not solution, **({} if points is None else {"points": points})}


def answered(released: dict, lesson, answers) -> dict:
    by_task = dict(zip([task.name for task in lesson.tasks], answers, strict=True))
    copy = json.loads(json.dumps(released))
    for one in copy["cells"]:
        name = one["metadata"].get("nbgrader", {}).get("grade_id")
        if name in by_task:
            one["source"] = by_task[name]
    return copy


def run(python: str, course: Path, *words: str) -> None:
    """Run one nbgrader command; a submission that it cannot grade makes it fail at the end."""
    with (course / "log").open("a") as log:
        subprocess.run(["nbgrader", *words], cwd=course, env=found_first(python), stdout=log, stderr=log)


def found_first(python: str) -> dict[str, str]:
    """Return the environment in which commands beside this Python are found first: nbgrader looks for alembic."""
    return {**os.environ, "PATH": f"{Path(python).parent}:{os.environ['PATH']}"}


def main() -> None:
    folder, python = sys.argv[1:]
    both = f"nbgrader autograde {ASSIGNMENT} >>log 2>&1; nbgrader generate_feedback {ASSIGNMENT} >>log 2>&1"
    parts = [
        subprocess.Popen(["sh", "-c", both], cwd=Path(folder, str(part)), env=found_first(python))
        for part in range(PARTS)
    ]
    for part in parts:
        part.wait()


if __name__ == "__main__":
    main()
