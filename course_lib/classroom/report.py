"""Pages: what a student reads about their marks, what a teacher sees of the class, and what resembles what.

Each page is one HTML file without scripts or anything fetched. Whatever comes from a submission is escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import isnan
from pathlib import Path
from statistics import median
from typing import Any

from course_lib.classroom.attention import who_needs_a_look
from course_lib.classroom.exhibits import Exhibit, ExpectedPicture
from course_lib.classroom.grading import SubmissionResult
from course_lib.classroom.judging import RequirementResult, TaskResult
from course_lib.classroom.messages import as_html
from course_lib.classroom.similarity import LENGTH, Pair
from course_lib.classroom.task_statistics import FEW, TaskStatistics, commonest_hints, task_statistics
from course_lib.classroom.whole_files import write_whole

__all__ = ["LARGEST_PAGE", "write_feedback", "write_overview", "write_similar"]

LARGEST_PAGE = 300_000
"""Bytes of a student's page at most: pictures that do not fit are left out, the page says so."""

_BANDS = ((0, 20), (20, 40), (40, 60), (60, 80), (80, 100))
_MARKS = {
    "passed": "✓ met",
    "failed": "✗ not yet",
    "error": "✗ error",
    "time": "✗ too slow",
    "not attempted": "○ not attempted",
}


@dataclass(frozen=True)
class _Times:
    """Seconds of grading: of the middle submission, of the one that a tenth exceed, and the longest ones."""

    middle_s: float
    tenth_s: float
    longest: tuple[SubmissionResult, ...]


@dataclass(frozen=True)
class _Missed:
    task: str
    text: str
    missed: int
    tried: int
    message: str


def write_feedback(
    result: SubmissionResult,
    folder: Path,
    *,
    title: str,
    remarks: Sequence[str] = (),
    own: Mapping[str, Exhibit] | None = None,
    expected: Mapping[str, ExpectedPicture] | None = None,
) -> Path:
    """
    Write the page of one student, of less than `LARGEST_PAGE` bytes.

    Parameters
    ----------
    result : SubmissionResult
        Marks and messages; of hidden requirements it holds the words and the hint only.
    folder : Path
        Gets ``PAGE.html``.
    title : str
        Title of the exercise.
    remarks : sequence of str
        Said below the marks: lateness, points and comments by hand.
    own : mapping of str to Exhibit, optional
        What the student's cells printed and drew, by task.
    expected : mapping of str to ExpectedPicture, optional
        What a right answer draws, by task; shown beside what is not yet right.

    Returns
    -------
    Path
        The page.
    """
    attempted = [task for task in result.tasks if task.state != "not attempted"]
    full = sum(task.state == "full" for task in result.tasks)
    open_tasks = len(result.tasks) - len(attempted)
    summary = f"{full} of {len(result.tasks)} tasks complete" + (
        f", {open_tasks} not attempted." if open_tasks else "."
    )
    shown = {"result": result, "title": title, "summary": summary, "remarks": remarks}
    path = folder / f"{result.page}.html"
    own, expected = own or {}, expected or {}
    for less_own, less_expected in ((own, expected), (_without_pictures(own), expected), ({}, {})):
        text = _render("feedback.html", **shown, own=less_own, expected=less_expected)
        if len(text.encode("utf-8", "replace")) < LARGEST_PAGE:
            break
    return write_whole(path, text)


def write_overview(
    results: Sequence[SubmissionResult],
    path: Path,
    *,
    title: str,
    tasks: Sequence[str],
    absent: Sequence[str] = (),
    earlier: Mapping[str, float] | None = None,
    similar: int | None = None,
) -> Path:
    """
    Write the page of the class: problems, tasks, who needs a look, distribution, hints, time, everyone.

    Parameters
    ----------
    results : sequence of SubmissionResult
        May be empty.
    path : Path
        The page; it links to ``feedback/PAGE.html`` beside it.
    title : str
        Title of the exercise.
    tasks : sequence of str
        Names of the tasks in their order.
    absent : sequence of str
        Who is on the roster and handed in nothing.
    earlier : mapping of str to float, optional
        Per cent of the points in earlier topics, by student.
    similar : int, optional
        Pairs on ``similar.html`` beside it; None where there is no such page.
    """
    ordered = sorted(results, key=lambda one: one.student.casefold())
    graded = [one for one in ordered if not one.problem]
    statistics = task_statistics(graded, tasks)
    return write_whole(
        path,
        _render(
            "index.html",
            title=title,
            tasks=tasks,
            results=ordered,
            graded=graded,
            problems=[one for one in ordered if one.problem],
            absent=absent,
            similar=similar,
            unsafe=any(not one.sandboxed for one in ordered),
            median=median(one.points for one in graded) if graded else 0,
            statistics=statistics,
            first=_look_at_first(statistics),
            few=len(graded) < FEW,
            looks=who_needs_a_look(ordered, earlier=earlier),
            distribution=_distribution(graded),
            hardest=_hardest(graded),
            hints=[(task, commonest_hints(graded, task)) for task in tasks],
            times=_times(graded),
        ),
    )


def write_similar(pairs: Sequence[Pair], path: Path, *, title: str, compared: int) -> Path:
    """
    Write the page of the pairs to look at, beside each other.

    Parameters
    ----------
    pairs : sequence of Pair
        As `course_lib.classroom.similarity` lists them; may be empty.
    path : Path
        The page; it links to ``feedback/PAGE.html`` beside it.
    title : str
        Title of the exercise.
    compared : int
        How many submissions were compared.
    """
    return write_whole(path, _render("similar.html", title=title, pairs=pairs, compared=compared, length=LENGTH))


def _without_pictures(own: Mapping[str, Exhibit]) -> dict[str, Exhibit]:
    return {name: Exhibit(one.text, (), one.cut or bool(one.pictures)) for name, one in own.items()}


def _look_at_first(statistics: Sequence[TaskStatistics]) -> list[TaskStatistics]:
    """Return the tasks that a teacher should ask something about, the hardest first."""
    return sorted((one for one in statistics if one.concern), key=lambda one: one.difficulty)


def _times(graded: Sequence[SubmissionResult]) -> _Times | None:
    if not graded:
        return None
    ordered = sorted(graded, key=lambda one: -one.seconds)
    return _Times(
        middle_s=median(one.seconds for one in graded),
        tenth_s=ordered[len(ordered) // 10].seconds,
        longest=tuple(ordered[:3]),
    )


def _distribution(graded: Sequence[SubmissionResult]) -> list[tuple[str, int, int]]:
    counts = [
        sum(low <= _percent(one) < high or high == 100 == _percent(one) for one in graded) for low, high in _BANDS
    ]
    most = max([*counts, 1])
    return [
        (f"{low} to {high} %", count, round(100 * count / most))
        for (low, high), count in zip(_BANDS, counts, strict=True)
    ]


def _hardest(graded: Sequence[SubmissionResult]) -> list[_Missed]:
    tried: Counter[tuple[str, str]] = Counter()
    messages: dict[tuple[str, str], Counter[str]] = {}
    for task in (task for one in graded for task in one.tasks if task.state != "not attempted"):
        for one in task.requirements:
            tried[task.name, one.text] += 1
            if one.state != "passed":
                messages.setdefault((task.name, one.text), Counter())[one.message] += 1
    missed = [
        _Missed(*key, missed=said.total(), tried=tried[key], message=said.most_common(1)[0][0])
        for key, said in messages.items()
    ]
    return sorted(missed, key=lambda one: (-one.missed, one.task, one.text))[:8]


def _render(template: str, **values: Any) -> str:
    return str(_environment().get_template(template).render(**values))


@cache
def _environment() -> Any:
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        points=lambda value: f"{value:g}",
        seconds=_seconds,
        share=lambda value: "–" if isnan(value) else f"{100 * value:.0f} %",
        signed=lambda value: "–" if isnan(value) else f"{value:+.2f}".replace("-", "−"),
        percent=_percent,
        words=lambda name: name.replace("_", " ").capitalize(),
        capitalise=lambda text: text[:1].upper() + text[1:],
        mark=_mark,
        rich=lambda text: Markup(as_html(text)),
        task=_task,
    )
    return environment


def _seconds(value: float) -> str:
    """Return a time as a teacher reads it."""
    return f"{value:.1f} s" if value < 10 else f"{value:.0f} s" if value < 120 else f"{value / 60:.1f} min"


def _percent(result: SubmissionResult) -> int:
    """Return the share of the points in whole percent; 100 only for all of them."""
    if not result.max_points:
        return 0
    share = 100 * result.points / result.max_points
    return 100 if result.points >= result.max_points else min(99, round(share))


def _mark(one: RequirementResult) -> str:
    return _MARKS[one.state]


def _task(result: SubmissionResult, name: str) -> TaskResult | None:
    return next((task for task in result.tasks if task.name == name), None)
