"""Where the course is, and which topics it has."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from course_lib.classroom.cells import did_you_mean
from course_lib.errors import CourseError

__all__ = ["course_settings", "find_root", "find_topics"]


def find_root(start: Path | str = ".") -> Path:
    """Find the checkout: the nearest folder, from `start` upwards, whose pyproject.toml has `[tool.course]`.

    Raises
    ------
    CourseError
        When there is none.

    Examples
    --------
    >>> find_root("/")
    Traceback (most recent call last):
    course_lib.errors.CourseError: no course at / or above it; wanted a folder whose pyproject.toml has ...
    """
    start = Path(start).resolve()
    for folder in (start, *start.parents):
        if course_settings(folder) is not None:
            return folder
    raise CourseError(
        f"no course at {start} or above it; wanted a folder whose pyproject.toml has [tool.course]: "
        "go into the checkout, or name it with --root"
    )


def find_topics(root: Path, names: Sequence[str] = ()) -> tuple[str, ...]:
    """List the topics of a course, or those asked for.

    Parameters
    ----------
    root
        The checkout.
    names
        Topics as `03_convolution`, `convolution` or `03`; empty for all.

    Returns
    -------
    tuple of str
        Stems of the sources, sorted.

    Raises
    ------
    CourseError
        For a name that is no topic: the nearest ones are named.

    Examples
    --------
    >>> find_topics(Path("/nowhere"))
    ()
    """
    topics = sorted({path.stem for folder in ("notebooks", "solutions") for path in (root / folder).glob("*.py")})
    found: list[str] = []
    for name in names:
        fitting = [topic for topic in topics if name in (topic, topic[:2], topic[3:])]
        if not fitting:
            near = did_you_mean(name, [*topics, *(topic[3:] for topic in topics)])
            raise CourseError(f'no topic "{name}"; wanted one of {", ".join(topics) or "(none there yet)"}{near}')
        found += fitting
    return tuple(sorted(set(found))) if names else tuple(topics)


def course_settings(folder: Path) -> dict[str, Any] | None:
    """Return the `[tool.course]` of a folder's pyproject.toml, or None where there is none.

    Examples
    --------
    >>> course_settings(Path("/nowhere")) is None
    True
    """
    try:
        settings = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    course = settings.get("tool", {}).get("course")
    return course if isinstance(course, dict) else None
