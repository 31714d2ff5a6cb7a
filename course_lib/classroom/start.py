"""The map of the lessons with the student's own progress, and where to go on: what `course start` shows.

Progress is what the saved exercise says: `%%check` writes its outcome into its own output. Nothing else is kept, so
progress travels with the notebook.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.classroom.lesson import read_lesson
from course_lib.classroom.topics import find_topics
from course_lib.errors import CourseError

__all__ = ["Stop", "course_map", "next_notebook"]


@dataclass(frozen=True)
class Stop:
    """A lesson on the map.

    `minutes` is a student's time for the lecture, `needs` are topics; `right` of `tasks` are right in the saved
    exercise, and `checked` is when it was last saved with an outcome in it (seconds since 1970; 0: never).
    """

    topic: str
    question: str
    minutes: int
    needs: tuple[str, ...]
    tasks: int
    right: int
    checked: float
    lecture: Path
    exercise: Path

    @property
    def done(self) -> bool:
        """Whether every task is right; a lesson without exercise is never done."""
        return 0 < self.tasks == self.right


def course_map(root: Path) -> tuple[Stop, ...]:
    """
    Return the lessons of a course in their order.

    Parameters
    ----------
    root : Path
        The checkout.

    Returns
    -------
    tuple of Stop
        An exercise that is missing, or that cannot be read, has no task right.

    Raises
    ------
    CourseError
        No lecture is there, or a slip in the source of one.
    """
    stops = []
    for topic in find_topics(root):
        source = root / "notebooks" / f"{topic}.py"
        if source.is_file():
            stops.append(_stop(root, source))
    if not stops:
        raise CourseError(f"no lecture in {root}/notebooks; wanted a checkout of the course")
    return tuple(stops)


def next_notebook(stops: Sequence[Stop]) -> Path:
    """Return where to go on: the exercise that was last worked on, if open; else the first lesson not yet done.

    >>> stop = Stop("01_images", "What?", 90, (), 5, 5, 1.0, Path("notebooks/01.ipynb"), Path("exercises/01.ipynb"))
    >>> next_notebook([stop]).as_posix()
    'notebooks/01.ipynb'
    """
    begun = [stop for stop in stops if stop.checked and not stop.done]
    if begun:
        return max(begun, key=lambda stop: stop.checked).exercise
    return next((stop for stop in stops if not stop.done), stops[0]).lecture


def _stop(root: Path, source: Path) -> Stop:
    lesson = read_lesson(source)
    first = next((cell.source for cell in lesson.cells if cell.kind == "markdown"), "")
    minutes = re.search(r"your time\*{0,2}\s+about\s+(\d+)\s+minutes", first)
    exercise = root / "exercises" / f"{lesson.topic}.ipynb"
    tasks, right, checked = _progress(exercise)
    return Stop(
        topic=lesson.topic,
        question=str(lesson.metadata.get("title", "")),
        minutes=int(minutes[1]) if minutes else 0,
        needs=tuple(lesson.metadata.get("needs", ())),
        tasks=tasks,
        right=right,
        checked=checked,
        lecture=source.with_suffix(".ipynb"),
        exercise=exercise,
    )


def _progress(exercise: Path) -> tuple[int, int, float]:
    """Return the number of tasks, of right ones, and when an outcome was last saved; zeros for what cannot be read."""
    try:
        cells = json.loads(exercise.read_text("utf-8"))["cells"]
        checks = [(cell["metadata"]["course"]["check"], _state(cell)) for cell in cells if _is_check(cell)]
        saved = exercise.stat().st_mtime
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # somebody's notebook: anything may stand in it
        return 0, 0, 0.0
    tasks = {task for task, _ in checks}
    right = tasks - {task for task, state in checks if state != "right"}
    return len(tasks), len(right), saved if any(state for _, state in checks) else 0.0


def _is_check(cell: dict[str, Any]) -> bool:
    return "check" in cell["metadata"].get("course", {})


def _state(cell: dict[str, Any]) -> str:
    """Return the outcome that a check's output says; empty where it was not run."""
    for output in cell.get("outputs", []):
        state = output.get("metadata", {}).get("course", {}).get("state")
        if isinstance(state, str):
            return state
    return ""
