import csv
import io
import json

from course_lib.classroom.exports import canvas_csv, json_text, moodle_csv, plain_csv
from course_lib.classroom.grading import SubmissionResult
from course_lib.classroom.judging import RequirementResult, TaskResult
from course_lib.classroom.marks import Mark
from course_lib.classroom.roster import Student

ROSTER = {"ada": Student("ada", "Lovelace, Ada", "ada@example.org", "A", "123", "S1", "al01")}


def mark(student="ada", points=5.25, *, problem="", handed_in=True, **rest):
    need = RequirementResult("visible", "adds", 7.0, 10.0, "passed", "")
    tasks = (TaskResult("sizes", 7.0, 10.0, (need,)),)
    result = SubmissionResult(student, student, "01_sizes", 7.0, 10.0, tasks, problem, True, 1.0)
    values = {"counted": 1, "tries": 1, "late_days": 0, "late_percent": 0.0, "manual": 0.0, "comment": ""} | rest
    return Mark(student, points, 10.0, result if handed_in else None, **values)


def rows(text):
    return list(csv.reader(io.StringIO(text)))


def test_the_plain_csv_has_one_row_a_student():
    late = mark(tries=2, counted=2, late_days=3, late_percent=25.0, comment="good, really")
    assert rows(plain_csv([late, mark("bo", 0.0, handed_in=False)], tasks=["sizes"])) == [
        ["student", "points", "max_points", "percent", "sizes", "problem", "sandboxed", "try", "tries", "late_days",
         "late_percent", "manual", "comment"],
        ["ada", "5.25", "10", "52.5", "7", "", "yes", "2", "2", "3", "25", "0", "good, really"],
        ["bo", "0", "10", "0.0", "0", "nothing handed in", "", "1", "1", "0", "0", "0", ""],
    ]  # fmt: skip


def test_no_spreadsheet_takes_a_cell_for_a_formula():
    text = plain_csv([mark("=cmd()", comment="@x"), mark("-rf", manual=-1.0, problem="+1 x")], tasks=["sizes"])
    cells = [cell for row in rows(text) for cell in row]
    assert {"'=cmd()", "'@x", "'-rf", "'+1 x", "-1"} <= set(cells)


def test_canvas_reads_students_points_possible_and_the_assignment():
    marks = [mark(), mark("bobo_99", 3.0), mark("cy", handed_in=False)]
    text = canvas_csv(marks, assignment="Sizes (4711)", max_points=10.0, roster=ROSTER)
    assert rows(text) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Sizes (4711)"],
        ["    Points Possible", "", "", "", "", "10"],
        ["Lovelace, Ada", "123", "S1", "al01", "A", "5.25"],
        ["bobo_99", "99", "", "", "", "3"],
    ]


def test_moodle_reads_its_own_layout_with_points_and_feedback():
    late = mark(late_days=2, late_percent=20.0, comment="good")
    assert rows(moodle_csv([late, mark("cy", handed_in=False)], assignment="Sizes", roster=ROSTER)) == [
        ["First name", "Last name", "ID number", "Email address", "Assignment: Sizes (Real)",
         "Assignment: Sizes (Feedback)"],
        ["Ada", "Lovelace", "S1", "ada@example.org", "5.25", "2 day(s) late: 20 % off. good"],
    ]  # fmt: skip


def test_json_holds_everything():
    (one,) = json.loads(json_text([mark()], topic="01_sizes"))["students"]
    assert (one["student"], one["points"], one["problem"]) == ("ada", 5.25, "")
    assert one["result"]["tasks"][0]["requirements"][0]["text"] == "adds"
