"""A class from folder to results, with a grader that only counts."""

import csv
import errno
import json
import os
import sqlite3
import zipfile

import pytest

from course_lib.classroom import gradebook
from course_lib.classroom.gradebook import Terms, grade_folder
from course_lib.classroom.grading import GradingPlan, SubmissionResult
from course_lib.classroom.judging import RequirementResult, TaskResult
from course_lib.classroom.session import TimeLimits
from course_lib.errors import CourseError

PLAN = GradingPlan()


class Grader:
    """Gives a point for each character of the first cell, at most 7; notes whom it graded."""

    def __init__(self):
        self.graded, self.problem, self.stop_after = [], {}, None

    def __call__(self, lesson, submissions, *, plan, executed, workers):
        for one in submissions:
            if self.stop_after == len(self.graded):
                raise KeyboardInterrupt
            self.graded.append(one.student)
            points = float(min(7, len(one.cells[0][1]))) if one.cells else 0.0
            need = RequirementResult("visible", "doubles", points, 7.0, "passed" if points == 7 else "failed", "")
            problem = one.problem or self.problem.get(one.student, "")
            tasks = () if problem else (TaskResult("double", points, 7.0, (need,)),)
            yield SubmissionResult(
                one.student, one.page, lesson.topic, 0.0 if problem else points, 7.0, tasks, problem, True, 0.1
            )


@pytest.fixture
def grader(monkeypatch):
    one = Grader()
    monkeypatch.setattr(gradebook, "grade_class", one)
    return one


@pytest.fixture
def class_(tmp_path):
    """Give a function that writes submissions: name=text of the only cell."""

    def write(**texts):
        folder = tmp_path / "class"
        folder.mkdir(exist_ok=True)
        for name, text in texts.items():
            cells = [{"cell_type": "code", "source": text}]
            (folder / f"{name}.ipynb").write_text(json.dumps({"cells": cells}))
        return folder

    return write


@pytest.fixture
def grade(grader, doubling, tmp_path):
    """Give a function that grades and returns whom it graded, and the rows of results.csv by student."""

    def run(folder=None, *, plan=PLAN, lesson=doubling, out="out", **terms):
        before, remarks = len(grader.graded), []
        grade_folder(
            lesson, folder or tmp_path / "class", tmp_path / out, plan=plan, terms=Terms(**terms), remark=remarks.append
        )
        with (tmp_path / out / "results.csv").open(newline="") as file:
            rows = {row["student"]: row for row in csv.DictReader(file)}
        run.remarks = remarks
        return grader.graded[before:], rows

    return run


def table(path, text):
    path.write_text(text)
    return path


def test_an_unchanged_class_is_not_graded_again(grade, class_):
    class_(ada="xxx", bo="yyyyyyyyy")
    graded, rows = grade()
    assert (graded, rows["ada"]["points"], rows["bo"]["points"]) == (["ada", "bo"], "3", "7")
    assert grade() == ([], rows)
    assert grade(regrade=True) == (["ada", "bo"], rows)


def test_what_changed_is_graded_again(grade, class_, doubling, tmp_path, monkeypatch):
    class_(ada="x", bo="y")
    grade()
    class_(ada="xx")
    graded, rows = grade()
    assert (graded, rows["ada"]["points"]) == (["ada"], "2")
    assert grade(plan=GradingPlan(times=TimeLimits(cell_s=1)))[0] == ["ada", "bo"]
    assert grade()[0] == ["ada", "bo"]
    monkeypatch.setattr(gradebook, "_library", lambda: "another version")
    assert grade()[0] == ["ada", "bo"]


def test_another_exercise_source_is_graded_again(grade, class_, doubling, tmp_path):
    import dataclasses

    class_(ada="x")
    source = tmp_path / "01_doubling.py"
    source.write_text(doubling.path.read_text())
    lesson = dataclasses.replace(doubling, path=source)
    grade(lesson=lesson)
    assert grade(lesson=lesson)[0] == []
    source.write_text(source.read_text() + "\n# another check\n")
    assert grade(lesson=lesson)[0] == ["ada"]


def test_a_run_that_is_stopped_goes_on_where_it_was(grade, grader, class_, tmp_path):
    class_(ada="x", bo="yy", cy="zzz")
    grader.stop_after = 2
    with pytest.raises(KeyboardInterrupt):
        grade()
    assert len((tmp_path / "out" / "results.csv").read_text().splitlines()) == 3
    grader.stop_after = None
    graded, rows = grade()
    assert (graded, list(rows)) == (["cy"], ["ada", "bo", "cy"])


def test_a_regrade_that_is_stopped_goes_on_and_keeps_the_old_marks_meanwhile(grade, grader, class_):
    class_(ada="x", bo="yy")
    grade()
    grader.stop_after = 3
    with pytest.raises(KeyboardInterrupt):
        grade(regrade=True)
    grader.stop_after = None
    graded, rows = grade()
    assert (graded, [row["points"] for row in rows.values()]) == (["bo"], ["1", "2"])


def test_what_the_machine_was_at_fault_for_is_tried_again(grade, grader, class_):
    (class_(ada="x") / "broken.ipynb").write_text("{")
    grader.problem["ada"] = "the grader's own process ended while this was graded"
    assert grade()[0] == ["ada", "broken"]
    grader.problem.clear()
    graded, rows = grade()
    assert (graded, rows["ada"]["problem"]) == (["ada"], "")


def test_who_takes_their_file_back_is_not_shown_and_comes_back_ungraded(grade, class_):
    folder = class_(ada="x", bo="y")
    grade()
    (folder / "bo.ipynb").rename(folder.parent / "bo.ipynb")
    assert list(grade()[1]) == ["ada"]
    (folder.parent / "bo.ipynb").rename(folder / "bo.ipynb")
    assert grade()[0] == []


def test_lateness_tries_and_points_by_hand_hold_until_said_anew(grade, class_, tmp_path):
    folder = class_(ada="xxxx", ada__2="xx", bo="y" * 7)
    for name, moment in {"ada": 1_795_176_000, "ada__2": 1_795_176_000, "bo": 1_795_176_000 + 90_000}.items():
        os.utime(folder / f"{name}.ipynb", (moment, moment))
    hand = table(tmp_path / "hand.csv", "student,points,comment\nada,0.5,Nice <b>plot</b>\n")
    _, rows = grade(deadline="2026-11-20T12:00Z", late="10:50", tries="best", manual=hand)
    assert (rows["ada"]["points"], rows["ada"]["try"], rows["bo"]["points"]) == ("4.5", "1", "5.6")
    assert grade()[1] == rows
    assert grade(regrade=True)[1] == rows
    _, rows = grade(tries="last", deadline="none")
    assert (rows["ada"]["points"], rows["ada"]["try"], rows["bo"]["points"]) == ("2.5", "2", "7")
    pages = tmp_path / "out" / "feedback"
    assert "Your teacher writes: Nice &lt;b&gt;plot" in (pages / "ada__2.html").read_text()
    assert "This is try 1; try 2 counts." in (pages / "ada.html").read_text()


def test_a_copied_file_makes_nobody_late(grade, class_):
    folder = class_(ada="x" * 7)
    os.utime(folder / "ada.ipynb", (1_795_000_000, 1_795_000_000))
    grade(deadline="2026-11-20T12:00Z", late="10")
    os.utime(folder / "ada.ipynb", (1_800_000_000, 1_800_000_000))
    assert grade(regrade=True)[1]["ada"]["late_days"] == "0"
    class_(ada="y" * 7)
    os.utime(folder / "ada.ipynb", (1_795_300_000, 1_795_300_000))
    assert grade()[1]["ada"]["late_days"] == "2"


def test_a_roster_shows_who_handed_in_nothing_and_who_is_not_on_it(grade, class_, tmp_path):
    class_(ada="x", ghost="y")
    _, rows = grade(roster=table(tmp_path / "r.csv", "id,name\nada,Ada\nzoe,Zoe\n"))
    assert (rows["zoe"]["problem"], rows["zoe"]["points"]) == ("nothing handed in", "0")
    assert grade.remarks == ["ghost: not on the roster; graded all the same"]
    assert "zoe" in grade()[1]


def test_two_submissions_by_one_student_are_said(grade, class_):
    folder = class_(ada="x")
    (folder / "ada").mkdir()
    (folder / "ada" / "x.ipynb").write_text((folder / "ada.ipynb").read_text())
    _, rows = grade()
    assert set(rows) == {"ada", "ada (2)"}
    assert grade.remarks == ["two submissions by ada: ada and ada.ipynb: keep one, or name a later try ada__2"]


def test_a_slip_in_a_list_changes_nothing(grade, class_, tmp_path):
    class_(ada="x")
    _, rows = grade(late="10")
    for slip, said in [
        ({"manual": table(tmp_path / "h.csv", "student,points\nghost,1\n"), "late": "50"}, "row 2: no student 'ghost'"),
        (
            {"roster": table(tmp_path / "r.csv", "id\nada\nada\n"), "late": "50"},
            "row 3: the id 'ada' stands there twice",
        ),
        ({"late": "50", "deadline": "soon"}, "--deadline needs a date"),
        ({"exports": ["excel"]}, "--export needs one of canvas, moodle, json, got excel"),
    ]:
        with pytest.raises(CourseError, match=said):
            grade(**slip)
    assert grade() == ([], rows)
    database = sqlite3.connect(tmp_path / "out" / "results.sqlite")
    assert database.execute("SELECT value FROM about WHERE name = 'late'").fetchone() == ("[10.0, 100.0]",)
    database.close()


def test_a_page_is_made_again_when_it_is_gone_or_would_be_another(grade, class_, tmp_path, monkeypatch):
    made = []
    real = gradebook.write_feedback
    monkeypatch.setattr(
        gradebook, "write_feedback", lambda one, *a, **b: (made.append(one.student), real(one, *a, **b))
    )
    class_(ada="x", bo="y")
    grade()
    grade()
    assert sorted(made) == ["ada", "bo"]
    (tmp_path / "out" / "feedback" / "bo.html").unlink()
    grade()
    assert made[2:] == ["bo"]
    grade(manual=table(tmp_path / "hand.csv", "student,points\nada,1\n"))
    assert made[3:] == ["ada"]


def test_pages_show_what_cells_printed_and_the_class_page_who_fell_and_who_is_missing(grade, class_, tmp_path):
    class_(ada="x" * 7, bo="y", cy="zzzzzz")
    executed = tmp_path / "out" / "executed"
    executed.mkdir(parents=True)
    output = {"output_type": "stream", "text": "seen by ada alone"}
    cell = {"cell_type": "code", "source": "def double(value): ...", "outputs": [output]}
    (executed / "ada.ipynb").write_text(json.dumps({"cells": [cell]}))
    (tmp_path / "before").mkdir()
    table(tmp_path / "before" / "results.csv", "student,percent,problem\nada,95,\nbo,95,\ncy,90,\n")
    grade(earlier=[tmp_path / "before"], roster=table(tmp_path / "r.csv", "id\nada\nbo\ncy\nzoe\n"))
    assert "seen by ada alone" in (tmp_path / "out" / "feedback" / "ada.html").read_text()
    assert "seen by ada alone" not in (tmp_path / "out" / "feedback" / "bo.html").read_text()
    page = (tmp_path / "out" / "index.html").read_text()
    assert "bo</a>: 14 % here, 95 % in earlier topics" in page
    assert "<h2>Nothing handed in: 1</h2>\n<p>zoe</p>" in page
    grade()
    assert (tmp_path / "out" / "index.html").read_text() == page  # said once, it holds


def test_similar_submissions_are_compared_once_of_each_student_the_counted_try(grade, class_, tmp_path, monkeypatch):
    compared = []
    real = gradebook.similar_pairs
    monkeypatch.setattr(
        gradebook,
        "similar_pairs",
        lambda class_, lesson: (compared.append([s.page for s in class_]), real(class_, lesson))[1],
    )
    code = "def double(value):\n" + "".join(
        f"    value.sort(key=lambda {c}: -{c} ** 2 // 3 or {c} & 5)\n" * 3 for c in "abc"
    )
    class_(ada=code, ada__2=code + "#", bo=code.replace("value", "x"), cy="y")
    grade()
    assert compared == [["ada__2", "bo", "cy"]]
    assert "1 pair of similar submissions" in (tmp_path / "out" / "index.html").read_text()
    assert "ada and bo" in (tmp_path / "out" / "similar.html").read_text()
    assert not any("similar" in path.read_text() for path in (tmp_path / "out" / "feedback").iterdir())
    grade()
    assert len(compared) == 1
    class_(cy=code + "x")
    grade()
    assert compared[1:] == [["ada__2", "bo", "cy"]]


def test_exports_are_made_from_the_database(grade, class_, tmp_path):
    class_(ada="xxx")
    grade()
    assert grade(exports=["canvas", "moodle", "json"], assignment="Sizes (4711)")[0] == []
    out = tmp_path / "out"
    assert (out / "canvas.csv").read_text().splitlines()[0].endswith("Section,Sizes (4711)")
    assert "Assignment: Sizes (4711) (Real)" in (out / "moodle.csv").read_text()
    assert json.loads((out / "results.json").read_text())["students"][0]["points"] == 3


def test_a_download_from_canvas_is_graded(grade, class_, tmp_path):
    notebook = (class_(x="yyyyy") / "x.ipynb").read_bytes()
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("lovelaceada_123_456_01_doubling.ipynb", notebook)
        archive.writestr("../../escaped.ipynb", notebook)
    roster = table(tmp_path / "r.csv", "id,canvas_id\nada,123\n")
    graded, rows = grade(tmp_path / "d.zip", roster=roster, deadline="2020-01-01", late="10")
    assert (graded, rows["ada"]["points"], rows["ada"]["late_days"]) == (["ada"], "5", "0")
    assert grade.remarks == ["'../../escaped.ipynb': not a name that Canvas or Moodle gives; left out"]
    assert grade(tmp_path / "d.zip")[0] == []


def test_a_second_run_at_the_same_time_is_refused(grade, class_, tmp_path):
    class_(ada="x")
    grade()
    with gradebook._one_run(tmp_path / "out"), pytest.raises(CourseError, match=r"another run is writing to .*: wait"):
        grade()
    assert grade()[0] == []


def test_a_full_disk_is_one_line_and_nothing_is_lost(grade, class_, monkeypatch):
    class_(ada="x", bo="y")
    real, calls = gradebook.write_feedback, []

    def full(*arguments, **more):
        calls.append(1)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device", "feedback/bo.html")
        return real(*arguments, **more)

    monkeypatch.setattr(gradebook, "write_feedback", full)
    with pytest.raises(CourseError, match=r"feedback/bo.html: No space left on device; make room and run this again"):
        grade()
    monkeypatch.setattr(gradebook, "write_feedback", real)
    graded, rows = grade()
    assert (graded, set(rows)) == ([], {"ada", "bo"})


def test_nothing_is_left_half_written(grade, class_, tmp_path):
    class_(ada="x")
    grade()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "results.sqlite", "results.csv", "index.html", "feedback"
    }  # fmt: skip


def test_a_missing_folder_makes_nothing(grade, tmp_path):
    with pytest.raises(CourseError, match="there is no such folder"):
        grade(tmp_path / "nowhere")
    assert not (tmp_path / "out").exists()
