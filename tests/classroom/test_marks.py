import pytest

from course_lib.classroom.grading import SubmissionResult
from course_lib.classroom.marks import MarkRules, final_marks, read_late, read_moment, student_of
from course_lib.classroom.roster import Student
from course_lib.classroom.store import Stored
from course_lib.errors import CourseError

DAY = 86_400.0
DEADLINE = 1_000_000.0


def one(name="ada", points=10.0, *, late_days=0.0, problem=""):
    result = SubmissionResult(name, name, "01_sizes", points, 10.0, (), problem, True, 1.0)
    return Stored(result, f"{name}.ipynb", "p", "c", DEADLINE + late_days * DAY)


def marks(*results, roster=None, manual=None, **rules):
    found = final_marks(results, rules=MarkRules(**rules), roster=roster or {}, manual=manual or {}, max_points=10.0)
    return {mark.student: mark for mark in found}


@pytest.mark.parametrize(
    ("late_days", "points", "days"),
    [(-1, 10, 0), (0, 10, 0), (1e-4, 9, 1), (1, 9, 1), (1.5, 8, 2), (30, 5, 30)],
)
def test_each_day_begun_takes_its_share_up_to_the_cap(late_days, points, days):
    mark = marks(one(late_days=late_days), deadline=DEADLINE, late_percent=10, late_cap=50)["ada"]
    assert (mark.points, mark.late_days) == (points, days)


def test_without_a_deadline_or_a_time_nobody_is_late():
    assert marks(one(late_days=99), late_percent=10)["ada"].points == 10
    unknown = Stored(one().result, "ada.ipynb", "p", "c", 0.0)
    assert marks(unknown, deadline=DEADLINE, late_percent=10)["ada"].late_days == 0


def test_a_students_own_deadline_and_hand_in_time_win():
    roster = {
        "ada": Student("ada", deadline=DEADLINE + 3 * DAY),
        "bo": Student("bo", submitted=DEADLINE - 1),
        "cy": Student("cy", deadline=DEADLINE - 3 * DAY),
    }
    found = marks(
        one("ada", late_days=2), one("bo", late_days=2), one("cy"), one("dee", late_days=2),
        roster=roster, deadline=DEADLINE, late_percent=10,
    )  # fmt: skip
    assert {name: mark.points for name, mark in found.items()} == {"ada": 10, "bo": 10, "cy": 7, "dee": 8}


def test_the_last_or_the_best_try_counts_after_its_penalty():
    tries = one("ada__2", 9.0, late_days=5), one("ada", 8.0), one("ada__10", 6.0, late_days=5)
    last = marks(*tries)["ada"]
    assert (last.points, last.counted, last.tries) == (6, 10, 3)
    assert marks(*tries, tries="best")["ada"].counted == 2
    assert marks(*tries, tries="best", deadline=DEADLINE, late_percent=10)["ada"].counted == 1


def test_a_broken_try_counts_only_where_all_are_broken():
    broken = one("ada__2", 0.0, problem="the file is empty")
    assert marks(one("ada", 3.0), broken)["ada"].points == 3
    assert marks(one("ada", 0.0, problem="no"), broken)["ada"].problem == "the file is empty"


def test_points_by_hand_come_last_and_no_mark_is_below_zero():
    manual = {"ada": (1.5, "good"), "bo": (-99.0, ""), "cy": (2.0, "oral")}
    found = marks(
        one("ada", late_days=1), one("bo"), manual=manual, roster={"cy": Student("cy")}, deadline=DEADLINE,
        late_percent=10,
    )  # fmt: skip
    assert (found["ada"].points, found["ada"].comment) == (10.5, "good")
    assert found["bo"].points == 0
    assert (found["cy"].points, found["cy"].problem) == (2, "nothing handed in")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("ada__3", ("ada", 3)), ("ada__0", ("ada__0", 1)), ("ada_2", ("ada_2", 1)), ("__2", ("__2", 1)),
        ("a__b__2", ("a__b", 2)), ("Zoe\u0308", ("Zoë", 1)), ("ada__1000", ("ada__1000", 1)),
    ],
)  # fmt: skip
def test_the_number_of_a_try_is_the_end_of_the_name(name, wanted):
    assert student_of(name) == wanted


def test_a_day_without_a_time_ends_with_its_last_second():
    assert read_moment("2026-11-21", where="x") - read_moment("2026-11-20T23:59:59", where="x") == DAY


@pytest.mark.parametrize("text", ["tomorrow", "", "2026-13-01", "20.11.2026"])
def test_a_date_that_is_none_is_one_line(text):
    with pytest.raises(CourseError, match="--deadline needs a date such as 2026-11-20 or"):
        read_moment(text, where="--deadline")


@pytest.mark.parametrize("text", ["ten", "", "-1", "101", "10:x", "1:2:3", "nan"])
def test_a_penalty_that_is_none_is_one_line(text):
    with pytest.raises(CourseError, match="--late needs percent a day"):
        read_late(text)


def test_tries_are_last_or_best():
    with pytest.raises(CourseError, match="--tries needs last or best, got first"):
        MarkRules(tries="first")
