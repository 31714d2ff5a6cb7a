"""Graded, killed at any moment, started again until it is done: the same database as of a run that nobody disturbed.

`COURSE_KILLS=50` for the long form.
"""

import csv
import json
import os
import random
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
GRADE = """
import sys
from pathlib import Path
from course_lib.classroom.gradebook import Terms, grade_folder
from course_lib.classroom.grading import GradingPlan
from course_lib.classroom.lesson import read_lesson
from course_lib.classroom.session import TimeLimits
plan = GradingPlan(times=TimeLimits(cell_s=2, call_s=1))
source, folder, out = map(Path, sys.argv[1:])
grade_folder(read_lesson(source), folder, out, plan=plan, workers=2, terms=Terms(exports=["canvas", "json"]))
"""


def start(lesson, folder, out, temporary):
    command = [sys.executable, "-c", GRADE, str(lesson.path), str(folder), str(out)]
    with open(f"{temporary}/said", "w") as said:
        return subprocess.Popen(command, start_new_session=True, stderr=said, env={**os.environ, "TMPDIR": temporary})


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


@pytest.mark.sandbox
def test_kills_at_any_moment_lose_and_repeat_nothing(doubling, tmp_path):
    folder, temporary = tmp_path / "class", tempfile.mkdtemp(prefix="k")
    write_class(doubling, folder)
    (folder / "ada__2.ipynb").write_bytes((folder / "ada.ipynb").read_bytes())
    for slow in ("endless", "waiting", "fault", "crash", "boris", "chen", "dana", "eli"):  # only the time they take
        (folder / f"{slow}.ipynb").unlink()
    try:
        began = time.monotonic()
        undisturbed = start(doubling, folder, tmp_path / "whole", temporary)
        assert undisturbed.wait(300) == 0, Path(temporary, "said").read_text()
        seconds = time.monotonic() - began
        whole = everything(tmp_path / "whole")
        assert {row[0] for row in whole} == {path.name for path in folder.iterdir()}

        draw, kills, runs = random.Random(7), 0, 0
        out = tmp_path / "out-0"
        while kills < KILLS or out.exists():
            process = start(doubling, folder, out, temporary)
            try:
                finished = process.wait(draw.uniform(0.1, seconds * 0.9) if kills < KILLS else 300)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                kills += 1
                out.mkdir(exist_ok=True)
                assert_nothing_is_half_written(out, whole)
                continue
            assert finished == 0, Path(temporary, "said").read_text()
            assert everything(out) == whole
            assert_nothing_is_half_written(out, whole)
            for name in ("results.csv", "canvas.csv", "index.html"):
                assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
            runs += 1
            out = tmp_path / f"out-{runs}"
        print(f"{kills} kills in {runs} classes; undisturbed: {seconds:.1f} s")
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
