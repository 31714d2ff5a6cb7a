"""Pages: what a student reads about their marks, and what a teacher sees of the class.

Each page is one HTML file without scripts or anything fetched. Whatever comes from a submission is escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from course_lib.classroom.grading import SubmissionResult
from course_lib.classroom.judging import RequirementResult, TaskResult
from course_lib.classroom.whole_files import write_whole

__all__ = ["write_feedback", "write_overview"]

_BANDS = ((0, 20), (20, 40), (40, 60), (60, 80), (80, 100))
_MARKS = {
    "passed": "✓ met",
    "failed": "✗ not yet",
    "error": "✗ error",
    "time": "✗ too slow",
    "not attempted": "○ not attempted",
}


@dataclass(frozen=True)
class _Missed:
    task: str
    text: str
    missed: int
    tried: int
    message: str


def write_feedback(result: SubmissionResult, folder: Path, *, title: str, remarks: Sequence[str] = ()) -> Path:
    """
    Write the page of one student.

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
    return _write(
        folder / f"{result.page}.html", "feedback.html", result=result, title=title, summary=summary,
        remarks=remarks,
    )  # fmt: skip


def write_overview(results: Sequence[SubmissionResult], path: Path, *, title: str, tasks: Sequence[str]) -> Path:
    """
    Write the page of the class: problems first, distribution, what was missed most often, everyone.

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
    """
    ordered = sorted(results, key=lambda one: one.student.casefold())
    graded = [one for one in ordered if not one.problem]
    return _write(
        path,
        "index.html",
        title=title,
        tasks=tasks,
        results=ordered,
        graded=graded,
        problems=[one for one in ordered if one.problem],
        unsafe=any(not one.sandboxed for one in ordered),
        median=median(one.points for one in graded) if graded else 0,
        distribution=_distribution(graded),
        hardest=_hardest(graded),
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


def _write(path: Path, template: str, **values: Any) -> Path:
    return write_whole(path, _environment().get_template(template).render(**values))


@cache
def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        points=lambda value: f"{value:g}",
        percent=_percent,
        words=lambda name: name.replace("_", " ").capitalize(),
        capitalise=lambda text: text[:1].upper() + text[1:],
        mark=_mark,
        rich=_rich,
        task=_task,
    )
    return environment


def _percent(result: SubmissionResult) -> int:
    """Return the share of the points in whole percent; 100 only for all of them."""
    if not result.max_points:
        return 0
    share = 100 * result.points / result.max_points
    return 100 if result.points >= result.max_points else min(99, round(share))


def _rich(text: str) -> Any:
    """Escape text and set what stands between backticks as code."""
    from markupsafe import Markup, escape

    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts)
    )


def _mark(one: RequirementResult) -> str:
    return _MARKS[one.state]


def _task(result: SubmissionResult, name: str) -> TaskResult | None:
    return next((task for task in result.tasks if task.name == name), None)
