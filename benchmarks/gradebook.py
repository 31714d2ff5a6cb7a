"""Seconds for a class of 1,000 beyond the grading itself: results stored, pages and exports made; then nothing changed.

The results are made up: 8 tasks of 5 requirements each. Run: python benchmarks/gradebook.py
"""

import json
import random
import shutil
import tempfile
import time
from pathlib import Path

from course_lib.classroom import gradebook
from course_lib.classroom.gradebook import Terms, grade_folder
from course_lib.classroom.grading import GradingPlan, SubmissionResult
from course_lib.classroom.judging import RequirementResult, TaskResult
from course_lib.classroom.lesson import read_lesson

STUDENTS, TASKS, REQUIREMENTS = 1_000, 8, 5
SOURCE = Path(__file__).parents[1] / "solutions" / "03_convolution.py"
HINT = "`f(3)` gave 9. Wanted: 6. Did you square it? What is 3 + 3, and how often does the kernel meet the border?"


def made_up(lesson, submissions, *, plan, executed, workers):
    """Give results as the grader would, at once."""
    draw = random.Random(0)
    for one in submissions:
        tasks = []
        for task in range(TASKS):
            states = [draw.choice(("passed", "passed", "failed")) for _ in range(REQUIREMENTS)]
            needs = tuple(
                RequirementResult(
                    "visible", f"requirement {place} of task {task}", float(state == "passed"), 1.0, state,
                    "" if state == "passed" else HINT,
                )
                for place, state in enumerate(states)
            )  # fmt: skip
            tasks.append(TaskResult(f"task_{task}", sum(need.points for need in needs), float(REQUIREMENTS), needs))
        points = sum(task.points for task in tasks)
        yield SubmissionResult(
            one.student, one.page, lesson.topic, points, float(TASKS * REQUIREMENTS), tuple(tasks), "", True, 1.0
        )


def main() -> None:
    """Print the seconds of a first run and of a second one over the same class."""
    gradebook.grade_class = made_up
    lesson = read_lesson(SOURCE)
    folder = Path(tempfile.mkdtemp())
    try:
        text = json.dumps({"cells": [{"cell_type": "code", "source": task.source} for task in lesson.tasks]})
        (folder / "class").mkdir()
        for number in range(STUDENTS):
            (folder / "class" / f"student{number:04}.ipynb").write_text(text)
        for name in ("first run ", "unchanged "):
            began, processor = time.perf_counter(), time.process_time()
            results = grade_folder(
                lesson, folder / "class", folder / "out", plan=GradingPlan(),
                terms=Terms(exports=("canvas", "moodle", "json"), deadline="2020-01-01", late="10:50"),
            )  # fmt: skip
            print(
                f"{name} {len(results):,} results: {time.perf_counter() - began:.1f} s "
                f"({time.process_time() - processor:.1f} s of processor time)"
            )
        for name in ("results.sqlite", "index.html", "feedback/student0000.html"):
            print(f"{name} {(folder / 'out' / name).stat().st_size / 1e3:.0f} kB")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
