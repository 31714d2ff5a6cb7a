"""Graded, killed at any moment, started again until it is done: the same database as of a run that nobody disturbed.

Once with the real grader, once with one that makes results up fast, so that most kills fall among the writing.
`COURSE_KILLS=50` for the long form.
"""

import csv
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from course_lib.classroom.example_class import write_class

KILLS = int(os.environ.get("COURSE_KILLS", "8"))
REAL, MADE_UP = "real", "made up"
GRADE = """
import random, sys, time
from pathlib import Path
from course_lib.classroom import gradebook
from course_lib.classroom.grading import GradingPlan, SubmissionResult
from course_lib.classroom.judging import RequirementResult, TaskResult
from course_lib.classroom.lesson import read_lesson
from course_lib.classroom.session import TimeLimits

def made_up(lesson, submissions, *, plan, executed, workers):
    for one in submissions:
        time.sleep(0.01)
        needs = tuple(RequirementResult("visible", f"{place}", 1.0, 1.0, "passed", "") for place in range(20))
        task = TaskResult("double", 20.0, 20.0, needs)
        yield SubmissionResult(one.student, one.page, lesson.topic, 20.0, 20.0, (task,), one.problem, True, 1.0)

source, folder, out, grader = sys.argv[1:]
if grader == "made up":
    gradebook.grade_class = made_up
plan = GradingPlan(times=TimeLimits(cell_s=2, call_s=1))
terms = gradebook.Terms(exports=["canvas", "json"])
gradebook.grade_folder(read_lesson(Path(source)), Path(folder), Path(out), plan=plan, workers=2, terms=terms)
"""


class Run:
    """A run in a process group of its own."""

    def __init__(self, lesson, folder, out, temporary, grader):
        self.out, self.said = out, Path(temporary, "said")
        command = [sys.executable, "-c", GRADE, str(lesson.path), str(folder), str(out), grader]
        with self.said.open("w") as said:
            self.process = subprocess.Popen(
                command, start_new_session=True, stderr=said, env={**os.environ, "TMPDIR": temporary}
            )

    def ends(self, seconds):
        try:
            assert self.process.wait(seconds) == 0, self.said.read_text()
        except subprocess.TimeoutExpired:
            return False
        return True

    def ends_before(self, draw, seconds):
        """Wait for any moment, or for one soon after a new result; return whether it ended before."""
        if draw.random() < 0.3:
            return self.ends(draw.uniform(0, seconds))
        before = self.pages()
        while self.pages() == before:
            if self.ends(0.02):
                return True
        return self.ends(draw.uniform(0, 0.3 * seconds))

    def pages(self):
        return {(path.name, path.stat().st_mtime_ns) for path in self.out.glob("feedback/*.html")}

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def everything(out):
    """Return all that the database holds, without times."""
    database = sqlite3.connect(out / "results.sqlite")
    try:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = database.execute(
            "SELECT s.file, s.student, s.page, s.points, s.max_points, s.problem, s.fingerprint, s.content, s.final,"
            " s.present, s.gradings, r.place, r.task, r.kind, r.text, r.points, r.max_points, r.state, r.message"
            " FROM submissions s LEFT JOIN requirements r ON r.submission = s.id ORDER BY s.file, r.place"
        ).fetchall()
        (orphans,) = database.execute(
            "SELECT count(*) FROM requirements WHERE submission NOT IN (SELECT id FROM submissions)"
        ).fetchone()
        assert orphans == 0
        return rows
    finally:
        database.close()


def without_times(path):
    """Return what a file says but for how long the grading took."""
    return re.sub(r'<section class="card" id="time">.*?</section>', "", path.read_text(), flags=re.DOTALL)


def assert_nothing_is_half_written(out, whole):
    wanted = {row[0]: [other for other in whole if other[0] == row[0]] for row in whole}
    if (out / "results.sqlite").exists():
        database = sqlite3.connect(out / "results.sqlite")
        begun = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'submissions'").fetchone()[0]
        database.close()
        rows = everything(out) if begun else []
        for file in {row[0] for row in rows}:
            assert [row for row in rows if row[0] == file] == wanted[file]
    for path in (path for path in out.rglob("*") if path.is_file() and not path.name.startswith(".")):
        if path.suffix == ".html":
            assert path.read_text().rstrip().endswith("</html>"), path
        elif path.suffix in (".ipynb", ".json"):
            json.loads(path.read_text())
        elif path.suffix == ".csv":
            with path.open(newline="") as file:
                assert len({len(row) for row in csv.reader(file)}) == 1, path


def kill_again_and_again(lesson, folder, tmp_path, grader, kills):
    temporary, draw = tempfile.mkdtemp(prefix="k"), random.Random(7)
    try:
        began = time.monotonic()
        assert Run(lesson, folder, tmp_path / "whole", temporary, grader).ends(300)
        seconds = time.monotonic() - began
        whole = everything(tmp_path / "whole")
        assert {row[0] for row in whole} == {path.name for path in folder.iterdir()}

        killed = runs = 0
        out = tmp_path / "out-0"
        while killed < kills or out.exists():
            run = Run(lesson, folder, out, temporary, grader)
            if not (run.ends_before(draw, seconds) if killed < kills else run.ends(300)):
                run.kill()
                killed += 1
                out.mkdir(exist_ok=True)
                assert_nothing_is_half_written(out, whole)
                print(f"kill {killed}: {len(list(out.glob('feedback/*.html')))} pages", flush=True)
                continue
            assert everything(out) == whole
            assert_nothing_is_half_written(out, whole)
            for name in ("results.csv", "canvas.csv", "index.html"):
                assert without_times(out / name) == without_times(tmp_path / "whole" / name)
            runs += 1
            out = tmp_path / f"out-{runs}"
        print(f"{killed} kills in {runs} classes; undisturbed: {seconds:.1f} s")
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@pytest.mark.sandbox
def test_kills_at_any_moment_lose_and_repeat_nothing(doubling, tmp_path):
    folder = tmp_path / "class"
    write_class(doubling, folder)
    (folder / "ada__2.ipynb").write_bytes((folder / "ada.ipynb").read_bytes())
    for slow in ("endless", "waiting", "fault", "crash", "boris", "chen", "dana", "eli"):  # only the time they take
        (folder / f"{slow}.ipynb").unlink()
    kill_again_and_again(doubling, folder, tmp_path, REAL, max(3, KILLS // 2))


def test_kills_among_the_writing_lose_and_repeat_nothing(doubling, tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    for number in range(60):
        (folder / f"student{number:02}.ipynb").write_text('{"cells": []}')
    kill_again_and_again(doubling, folder, tmp_path, MADE_UP, KILLS)
