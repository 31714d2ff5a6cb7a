"""Percent text to cells: each with its role, its attributes and its line, checked one by one.

jupytext reads the text; this file finds the line numbers and refuses what is not understood, so that a slip in an
attribute is an error in one line and never a cell that silently means something else.
"""

import ast
import copyreg
import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from course_lib.classroom.markers import find_regions, looks_like_a_marker
from course_lib.errors import CourseError

__all__ = ["ROLES", "Cell", "did_you_mean", "fail_at", "parse_code", "read_cells", "shown_path"]

# role: (its attributes besides `tags`, those of them that must be there)
ROLES = {
    "task": (("task", "points", "defines", "withhold"), ("points",)),
    "check": (("check", "requirement", "points", "after"), ("requirement",)),
    "hidden": (("hidden", "requirement", "points"), ("requirement",)),
    "right": (("right",), ()),
    "wrong": (("wrong", "hint"), ("hint",)),
    "hint": (("hint", "step"), ("step",)),
    "picture": (("picture", "alt"), ("alt",)),
}
_ATTRIBUTES = sorted({name for names, _ in ROLES.values() for name in names} | {"tags"})
_TAGS = (
    "hide-input",
    "nbval-check-output",
    "nbval-ignore-output",
    "nbval-raises-exception",
    "nbval-skip",
    "parameters",
    "raises-exception",
    "setup",
)
_NUMBER = int | float
_HEADER: dict[str, Any] = {  # what the `course` part of the header may say, and its type
    "title": str,
    "level": str,
    "minutes_cpu": _NUMBER,
    "minutes_gpu": _NUMBER,
    "download_mb": _NUMBER,
    "needs": list,
    "facts": list,
}
_CELL_LINE = re.compile(r"# %%( .*)?$")
_NEARLY_CELL_LINE = re.compile(r"\s*#+\s*%%+(?![a-z])")
_HEADER_FORM = "wanted `#   course: {title: …, level: …}` under `# jupyter:`"


def _read_only(values: dict[str, Any]) -> MappingProxyType[str, Any]:
    return MappingProxyType(values)


# lessons travel to the processes that grade, and pickle does not know this one part of them
copyreg.pickle(MappingProxyType, lambda view: (_read_only, (dict(view),)))


@dataclass(frozen=True)
class Cell:
    """One cell of a source.

    `role` is "code", "markdown", "setup", "parameters" or one of the exercise's roles ("task", "check", "hidden",
    "right", "wrong", "hint", "picture"); `task` is the task it belongs to, else None; `line` is the number of its
    `# %%` line.
    """

    kind: str
    source: str
    role: str
    line: int
    task: str | None
    tags: tuple[str, ...]
    attributes: Mapping[str, Any]


def read_cells(path: Path) -> tuple[dict[str, Any], tuple[Cell, ...]]:
    """Read the `course` part of the header and the cells of a source.

    Parameters
    ----------
    path
        A file in percent text.

    Returns
    -------
    tuple
        The header's `course` values and the cells in the order of the file.

    Raises
    ------
    CourseError
        With file and line number, for whatever is not understood.

    Examples
    --------
    >>> read_cells(Path("no/such/lesson.py"))
    Traceback (most recent call last):
    course_lib.errors.CourseError: such/lesson.py: there is no such file; wanted a source in percent text: mend the name
    """
    place = shown_path(path)
    text = _text_of(path, place)
    chunks = _chunks(text, place)
    metadata, raw = _percent(text, place, chunks)
    if len(raw) != len(chunks):
        raise CourseError(
            f"{place}: {len(chunks)} lines begin with '# %%', but jupytext finds {len(raw)} cells; "
            "wanted no such line inside a string: reword it"
        )
    return metadata, tuple(_cell(item, lines, place, at) for item, (at, lines) in zip(raw, chunks, strict=True))


def fail_at(place: str, line: int, message: str) -> NoReturn:
    """Raise the one-line error of a source: file, line number, message.

    Examples
    --------
    >>> fail_at("a.py", 3, "wanted tea")
    Traceback (most recent call last):
    course_lib.errors.CourseError: a.py:3: wanted tea
    """
    raise CourseError(f"{place}:{line}: {message}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that names the nearest known word; empty if none is near.

    Examples
    --------
    >>> did_you_mean("chekc", ["check", "hint"])
    '; did you mean "check"?'
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


def shown_path(path: Path) -> str:
    """Return folder and file, the form in which messages name a source.

    Examples
    --------
    >>> shown_path(Path("/a/b/solutions/03_sums.py"))
    'solutions/03_sums.py'
    """
    return f"{path.parent.name}/{path.name}" if path.parent.name else path.name


def parse_code(source: str, *, place: str, line: int) -> ast.Module:
    """Parse the code of a cell whose `# %%` stands in `line`; a syntax error is a CourseError.

    Examples
    --------
    >>> parse_code("1 +", place="a.py", line=3)
    Traceback (most recent call last):
    course_lib.errors.CourseError: a.py:4: this is not Python: invalid syntax; wanted plain code, ...
    """
    try:
        # `await` at the top is allowed in notebooks, so `ast.parse` is not enough.
        flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        tree: ast.Module = compile(source, place, "exec", flags=flags)
    except (SyntaxError, ValueError) as error:
        at = line + (getattr(error, "lineno", None) or 1)
        what = getattr(error, "msg", None) or str(error)
        fail_at(
            place, at, f"this is not Python: {what}; wanted plain code, magics as comments (# %matplotlib …): mend it"
        )
    return tree


def _text_of(path: Path, place: str) -> str:
    if not path.is_file():
        raise CourseError(f"{place}: there is no such file; wanted a source in percent text: mend the name")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CourseError(f"{place}: not UTF-8 text (byte {error.start}): save it as UTF-8") from None
    for number, line in enumerate(text.split("\n"), start=1):
        odd = [character for character in line if character in "\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"]
        if odd:
            fail_at(place, number, f"{odd[0]!r} ends a line for some programs and not for others: take it out")
    return text


def _chunks(text: str, place: str) -> list[tuple[int, list[str]]]:
    """Return the number of each `# %%` line and the raw lines below it."""
    chunks: list[tuple[int, list[str]]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if _CELL_LINE.match(line):
            chunks.append((number, []))
        elif _NEARLY_CELL_LINE.match(line):
            fail_at(
                place, number, f"{line.strip()!r} is nearly the start of a cell; wanted '# %%' at column 0: mend it"
            )
        elif chunks:
            chunks[-1][1].append(line)
        elif line.strip() and not line.startswith("#"):
            fail_at(place, number, "text before the first cell; wanted '# %%' after the header: add it above this line")
    if not chunks:
        raise CourseError(f"{place}: no cell at all; wanted cells that begin with a line '# %%': write the first one")
    return chunks


def _percent(text: str, place: str, chunks: list[tuple[int, list[str]]]) -> tuple[dict[str, Any], list[Any]]:
    import jupytext
    from nbformat import ValidationError
    from yaml import YAMLError  # type: ignore[import-untyped]  # comes with jupytext

    try:
        notebook = jupytext.reads(text, fmt="py:percent")
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "unreadable"
        line = mark.line + 2 if mark else 1
        fail_at(place, line, f"the header is not YAML ({what}): put values that hold ? : # or , in double quotes")
    except ValidationError as error:
        fail_at(place, _invalid_line(text, chunks), f"no notebook can hold this: {error.message}: mend the attribute")
    course = notebook.metadata.get("course")
    if not isinstance(course, dict):
        fail_at(place, 1, f"the header has no `course` part; {_HEADER_FORM}: add it")
    for name, value in course.items():
        if name not in _HEADER:
            known = ", ".join(_HEADER)
            fail_at(place, 1, f"unknown {name!r} in the header; wanted {known}{did_you_mean(str(name), _HEADER)}")
        if not isinstance(value, _HEADER[name]) or isinstance(value, bool):
            wanted = {str: "text", list: "a list"}.get(_HEADER[name], "a number")
            fail_at(place, 1, f"`{name}` in the header is {value!r}; wanted {wanted}: mend it")
    if not course.get("title"):
        fail_at(place, 1, f"the header has no `title`; {_HEADER_FORM}: add it")
    return dict(course), list(notebook.cells)


def _invalid_line(text: str, chunks: list[tuple[int, list[str]]]) -> int:
    """Return the number of the first `# %%` line whose cell jupytext refuses alone."""
    import jupytext
    from nbformat import ValidationError

    for number, _ in chunks:
        try:
            jupytext.reads(text.split("\n")[number - 1] + "\nx\n", fmt="py:percent")
        except ValidationError:
            return number
    return 1


def _cell(raw: Any, lines: list[str], place: str, line: int) -> Cell:
    metadata = {name: value for name, value in raw.metadata.items() if name != "lines_to_next_cell"}
    _check_form(raw.cell_type, metadata, place, line)
    tags = metadata.pop("tags", [])
    _check_tags(tags, place, line)
    role = _role_of(raw.cell_type, metadata, tags, place, line)
    if role in ROLES:
        _check_attributes(role, metadata, place, line)
    if role in ROLES and not raw.source.strip():
        fail_at(place, line, f"this {role} cell is empty: write it, or take its line out")
    _check_marks(role, raw.source, lines, place, line)
    if raw.cell_type == "code" and "raises-exception" not in tags:
        parse_code("\n".join(lines), place=place, line=line)
    task = metadata[role] if role in ROLES else None
    return Cell(raw.cell_type, raw.source, role, line, task, tuple(tags), MappingProxyType(metadata))


def _check_form(kind: str, metadata: dict[str, Any], place: str, line: int) -> None:
    if kind not in ("code", "markdown"):
        fail_at(place, line, f"a {kind} cell; wanted code or [markdown]: use one of these")
    for name in ("title", "incorrectly_encoded_metadata", "cell_depth"):
        if name in metadata:
            wanted = 'wanted attributes as in `# %% task="name" points=4`, text in double quotes'
            fail_at(place, line, f"{metadata[name]!r} after '# %%' is not understood; {wanted}: write it so")


def _check_tags(tags: Any, place: str, line: int) -> None:
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        fail_at(place, line, f'tags={tags!r}; wanted a list as in tags=["setup"]: mend it')
    for tag in tags:
        if tag not in _TAGS:
            fail_at(place, line, f'unknown tag "{tag}"; wanted {", ".join(_TAGS)}{did_you_mean(tag, _TAGS)}')


def _role_of(kind: str, metadata: dict[str, Any], tags: list[str], place: str, line: int) -> str:
    for name in metadata:
        if name not in _ATTRIBUTES:
            known = ", ".join(_ATTRIBUTES)
            fail_at(place, line, f'unknown attribute "{name}"; wanted {known}{did_you_mean(name, _ATTRIBUTES)}')
    roles = [role for role in ROLES if role in metadata and not (role == "hint" and "wrong" in metadata)]
    if len(roles) > 1:
        fail_at(place, line, f"a cell has one role, this one has {' and '.join(roles)}: make two cells of it")
    if not roles and metadata:
        fail_at(place, line, f'"{next(iter(metadata))}" stands alone; wanted it beside one of {", ".join(ROLES)}')
    role = roles[0] if roles else next((tag for tag in ("setup", "parameters") if tag in tags), kind)
    if kind == "code" and role == "hint":
        fail_at(place, line, "a hint is text; wanted `# %% [markdown] hint=… step=…`: add [markdown]")
    if kind == "markdown" and role not in ("hint", "markdown"):
        fail_at(place, line, f"a {role} cell is code, this one is text: take [markdown] out")
    return role


def _check_attributes(role: str, metadata: dict[str, Any], place: str, line: int) -> None:
    allowed, needed = ROLES[role]
    for name in metadata:
        if name not in allowed:
            fail_at(place, line, f'a {role} cell has no attribute "{name}"; wanted {", ".join(allowed)}: take it out')
    for name in needed:
        if name not in metadata:
            example = {"points": "4", "step": "1"}.get(name, '"…"')
            fail_at(place, line, f'this {role} cell has no "{name}"; wanted {name}={example}: add it')
    for name, value in metadata.items():
        if name in ("points", "step"):
            if isinstance(value, bool) or not isinstance(value, _NUMBER) or not 0 < value < math.inf:
                fail_at(place, line, f"{name}={value!r}; wanted a number above 0: mend it")
        elif not isinstance(value, str) or not value.strip():
            fail_at(place, line, f"{name}={value!r}; wanted text in double quotes, not empty: mend it, or leave it out")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", metadata[role]):
        what = f'{role}="{metadata[role]}"'
        fail_at(
            place, line, f"{what}; wanted a task name of small letters, digits and _, such as output_size: rename it"
        )


def _check_marks(role: str, source: str, lines: list[str], place: str, line: int) -> None:
    """Refuse marks outside of task cells: they would do nothing there, or be shown."""
    if role == "task":
        find_regions(lines, place=place, line=line + 1)
        return
    text = role in ("markdown", "hint")
    for index, raw in enumerate(source.split("\n") if text else lines):
        # a heading of level 3 and a magic are no marks
        if looks_like_a_marker(re.sub(r"^\s*#+", "#", raw) if text else raw):
            fail_at(
                place,
                line + 1 + index,
                f"{raw.strip()!r} looks like a solution mark; wanted marks, and lines with three hashes, in task cells "
                "only: move it, or reword the line",
            )
