"""The course's own grader, as a teacher starts it: sandbox, hidden checks, feedback pages, three workers."""

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from grading_peers.students import Student, handed_in

from course_lib.classroom.lesson import Lesson


def prepare(lesson: Lesson, students: Sequence[Student], folder: Path, _python: str) -> None:
    for one in students:
        text = json.dumps(handed_in(lesson, one.answers)) if one.file is None else one.file
        (folder / "submissions").mkdir(exist_ok=True)
        (folder / "submissions" / f"{one.name}.ipynb").write_text(text)


def command(lesson: Lesson, folder: Path, _python: str) -> list[str]:
    course = str(Path(sys.executable).with_name("course"))
    root, out = str(lesson.path.parents[1]), str(folder / "results")
    return [course, "grade", lesson.topic, str(folder / "submissions"), "--out", out, "--workers", "3", "--root", root]


def marks(folder: Path, _python: str) -> dict[str, float]:
    with (folder / "results" / "results.csv").open() as file:
        return {row["student"]: float(row["points"]) for row in csv.DictReader(file)}
