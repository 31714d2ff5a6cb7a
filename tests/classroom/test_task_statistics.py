import math
import random
import statistics

import pytest

from course_lib.classroom.grading import SubmissionResult
from course_lib.classroom.judging import RequirementResult, TaskResult
from course_lib.classroom.task_statistics import (
    FEW,
    Hint,
    commonest_hints,
    item_rest_correlation,
    task_statistics,
)  # fmt: skip


def student(name="ada", problem="", messages=(), tried=True, **points):
    """A result with tasks of at most 4 points each; `messages` are those of every task."""
    tasks = []
    for task, own in points.items():
        state = "passed" if own == 4 else "failed" if tried or own else "not attempted"
        needs = [RequirementResult("visible", "all", own, 4.0, state, "")]
        needs += [RequirementResult("visible", text, 0.0, 0.0, "failed", text) for text in messages]
        tasks.append(TaskResult(task, float(own), 4.0, tuple(needs)))
    total = float(sum(points.values()))
    return SubmissionResult(name, name, "t", total, 4.0 * len(points), tuple(tasks), problem, True, 1.0)


def slow_item_rest(table, place):
    """Sums of products and squares as in a school book, on the table of students by tasks."""
    xs = [row[place] for row in table]
    ys = [sum(value for other, value in enumerate(row) if other != place) for row in table]
    n = len(table)
    top = n * sum(x * y for x, y in zip(xs, ys, strict=True)) - sum(xs) * sum(ys)
    return top / math.sqrt((n * sum(x * x for x in xs) - sum(xs) ** 2) * (n * sum(y * y for y in ys) - sum(ys) ** 2))


def test_three_students_by_hand():
    one, two = task_statistics([student(a=0, b=1), student(a=2, b=2), student(a=4, b=3)], ["a", "b"])
    assert (one.students, one.attempted, one.full) == (3, 3, 1)
    assert one.difficulty == pytest.approx(6 / 12)
    assert two.difficulty == pytest.approx(6 / 12)
    assert one.discrimination == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(20))
def test_discrimination_agrees_with_a_slow_oracle_and_the_standard_library(seed):
    draw = random.Random(seed)
    table = [[draw.randint(0, 4) for _ in range(4)] for _ in range(draw.randint(5, 40))]
    class_ = [student(**dict(zip("abcd", row, strict=True))) for row in table]
    for place, one in enumerate(task_statistics(class_, "abcd")):
        assert one.difficulty == pytest.approx(statistics.fmean(row[place] for row in table) / 4)
        assert one.discrimination == pytest.approx(slow_item_rest(table, place))
        rest = [sum(row) - row[place] for row in table]
        assert one.discrimination == pytest.approx(statistics.correlation([row[place] for row in table], rest))


def test_a_task_is_not_correlated_with_itself():
    """With the total instead of the rest, a task of pure chance would seem to discriminate."""
    draw = random.Random(1)
    table = [[draw.choice((0, 4)), draw.choice((0, 4))] for _ in range(2_000)]
    chance, _ = task_statistics([student(a=a, b=b) for a, b in table], "ab")
    assert abs(chance.discrimination) < 0.05
    assert statistics.correlation([a for a, _ in table], [a + b for a, b in table]) > 0.6


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_students_have_no_discrimination(count):
    (one,) = task_statistics([student(a=place) for place in range(count)], ["a"])
    assert math.isnan(one.discrimination)
    assert math.isnan(one.difficulty) == (count == 0)


def test_a_task_that_is_the_same_for_all_or_stands_alone_has_no_discrimination():
    class_ = [student(a=4, b=place) for place in (0.1, 0.2, 0.3, 0.4)]
    constant, other = task_statistics(class_, ["a", "b"])
    assert math.isnan(constant.discrimination)
    assert math.isnan(other.discrimination)
    (alone,) = task_statistics([student(a=place) for place in (0.1, 0.2, 0.3)], ["a"])
    assert math.isnan(alone.discrimination)


def test_a_correlation_needs_pairs():
    with pytest.raises(ValueError, match="need one value a student, got 1 and 2"):
        item_rest_correlation([1], [1, 2])


def test_files_that_could_not_be_graded_do_not_count_and_untried_tasks_are_0():
    class_ = [student(a=4), student(a=0, tried=False), student("bo", problem="the file is empty")]
    (one,) = task_statistics(class_, ["a"])
    assert (one.students, one.attempted, one.full, one.difficulty) == (2, 1, 1, 0.5)


def test_a_task_of_no_points_has_no_difficulty():
    empty = SubmissionResult("ada", "ada", "t", 0.0, 0.0, (TaskResult("a", 0.0, 0.0, ()),), "", True, 1.0)
    (one,) = task_statistics([empty], ["a"])
    assert math.isnan(one.difficulty)
    assert one.concern == ""


def test_what_to_ask_about_a_task():
    hard, untried, fine = ([student(a=1, b=2)] * 9, [student(a=0, tried=False)] * 9, [student(a=4, b=3)] * 9)
    assert "teach it again" in task_statistics(hard, "a")[0].concern
    assert "did not try" in task_statistics(untried, "a")[0].concern
    assert task_statistics(fine, "a")[0].concern == ""
    assert task_statistics([], "a")[0].concern == task_statistics(hard[:4], "a")[0].concern == ""


def test_a_correlation_is_asked_about_only_where_it_is_no_chance():
    backwards = [student(a=4 - place % 4, b=place % 4) for place in range(FEW)]
    assert "who does well elsewhere does worse here" in task_statistics(backwards, "a")[0].concern
    assert task_statistics(backwards[: FEW - 1], "a")[0].concern == ""
    every_pair = [student(a=a, b=b) for a in (2, 4) for b in (2, 4)] * FEW
    assert "says little" in task_statistics(every_pair, "a")[0].concern


def test_hints_that_differ_in_numbers_only_are_one_and_a_student_counts_once():
    first, second = "`f(3)` gave 9. Did you square it?", "`f(4)` gave -1.6e-01. Did you square it?"
    class_ = [student(a=0, messages=[first, second]), student(a=0, messages=[second]), student(a=0, messages=["Why?"])]
    assert commonest_hints(class_, "a") == (Hint(second, 2), Hint("Why?", 1))
    assert commonest_hints(class_, "a", most=1) == (Hint(second, 2),)
    assert commonest_hints(class_, "b") == ()
    assert commonest_hints([], "a") == ()
