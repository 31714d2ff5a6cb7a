"""The instructor's guide: its commands are read by the real command line, and its lists by the real readers."""

import re
import shlex
from pathlib import Path

import pytest

from course_lib.classroom import gradebook
from course_lib.classroom.cli import build_parser, main
from course_lib.classroom.grading import SubmissionResult
from course_lib.classroom.marks import read_moment
from course_lib.classroom.roster import read_manual, read_roster

GUIDE = (Path(__file__).parents[2] / "docs" / "instructor.md").read_text("utf-8")
COMMANDS = re.findall(r"^course .*$", GUIDE, re.MULTILINE)
LISTS = re.findall(r"```text\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture
def lists(tmp_path):
    roster, by_hand = (tmp_path / "roster.csv", tmp_path / "by_hand.csv")
    roster.write_text(LISTS[0], "utf-8")
    by_hand.write_text(LISTS[1], "utf-8")
    return roster, by_hand


def test_every_command_is_one_that_the_command_line_knows():
    assert len(COMMANDS) == 6
    for command in COMMANDS:
        build_parser().parse_args(shlex.split(command, comments=True)[1:])


def test_the_lists_are_read(lists):
    roster = read_roster(lists[0], moment=read_moment)
    assert list(roster) == ["al01", "zm02"]
    assert read_manual(lists[1], students=roster)["zm02"] == (-1.0, "See me about task 3")


def test_the_way_from_grading_to_the_exports(lists, tmp_path, monkeypatch, capsys):
    """The guide's commands in their order, by a grader that gives full points at once."""

    def full(lesson, submissions, **_):
        most = float(sum(task.points for task in lesson.tasks))
        for one in submissions:
            yield SubmissionResult(one.student, one.page, lesson.topic, most, most, (), "", True, 0.1)

    root = Path(__file__).parents[2]
    monkeypatch.setattr(gradebook, "grade_class", full)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "submissions").mkdir()
    for student in ("al01", "al01__2", "zm02"):
        (tmp_path / "submissions" / f"{student}.ipynb").write_text('{"cells": []}')
    for command in (one for one in COMMANDS if one.startswith("course grade")):
        assert main([*shlex.split(command, comments=True)[1:], "--root", str(root)]) == 0
    assert "3 of 3 submissions graded" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "marks").iterdir()} >= {
        "results.sqlite", "results.csv", "index.html", "canvas.csv", "moodle.csv", "results.json", "feedback"
    }  # fmt: skip
    assert "zm02" in (tmp_path / "marks" / "results.csv").read_text()
