"""A source as a `Lesson`: its cells, and its tasks with their checks, answers and hints.

A lecture (`notebooks/NN_topic.py`) is prose and code. An exercise (`solutions/NN_topic.py`) also has cells with the
attributes `task`, `check`, `hidden`, `right`, `wrong`, `hint` and `picture`; CONTRIBUTING shows one of each.
Every slip is one line: file and line number, what was wanted, what came, what to do.
"""

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from course_lib.classroom.cells import ROLES, Cell, did_you_mean, fail_at, parse_code, read_cells, shown_path
from course_lib.classroom.markers import bound_names, make_stub
from course_lib.errors import CourseError

__all__ = ["Cell", "Lesson", "Picture", "Requirement", "Task", "WrongAnswer", "read_lesson"]


@dataclass(frozen=True)
class Requirement:
    """One thing that a task must meet, all or nothing: `source` is plain asserts, `text` names it on the feedback page.

    `kind` is "visible" or "hidden"; `after` is the question shown once it is met (visible ones only, may be empty).
    """

    kind: str
    text: str
    points: float
    source: str
    after: str
    line: int


@dataclass(frozen=True)
class WrongAnswer:
    """An answer that students really give: it must lose points and be told a message that holds `hint`."""

    source: str
    hint: str
    line: int


@dataclass(frozen=True)
class Picture:
    """Code that draws the expected result from the solution, and its text for those who do not see it."""

    source: str
    alt: str
    line: int


@dataclass(frozen=True)
class Task:
    """One task of an exercise.

    `source` is the solved cell with its marks, `stub` what students get. `checks` are in the order of the file, and
    their points add up to `points`. `defines` are the names that a submission must bind, `withhold` the dotted names of
    the library that it must not reach.
    """

    name: str
    points: float
    defines: tuple[str, ...]
    withhold: tuple[str, ...]
    source: str
    stub: str
    checks: tuple[Requirement, ...]
    rights: tuple[str, ...]
    wrongs: tuple[WrongAnswer, ...]
    hints: tuple[str, ...]
    picture: Picture | None
    line: int


@dataclass(frozen=True)
class Lesson:
    """A source as read: `topic` is the file's stem, `metadata` the `course` part of its header.

    A lecture has no tasks.
    """

    topic: str
    path: Path
    metadata: Mapping[str, Any]
    cells: tuple[Cell, ...]
    tasks: tuple[Task, ...]

    def setup(self) -> str:
        """Return the code of the set-up cell; empty for a lesson without one."""
        return "\n".join(cell.source for cell in self.cells if cell.role == "setup")

    def task(self, name: str) -> Task:
        """Return the task of that name; a CourseError names the nearest one."""
        names = [task.name for task in self.tasks]
        if name not in names:
            known = ", ".join(names) or "none"
            where = shown_path(self.path)
            raise CourseError(f'{where}: no task "{name}"; wanted one of {known}{did_you_mean(name, names)}')
        return self.tasks[names.index(name)]


def read_lesson(path: Path | str) -> Lesson:
    r"""Read and check one source in percent text.

    Parameters
    ----------
    path
        `notebooks/NN_topic.py` or `solutions/NN_topic.py`. A file with a `task` cell is an exercise.

    Returns
    -------
    Lesson
        Frozen; cells in the order of the file.

    Raises
    ------
    CourseError
        For a missing file and every slip in it: file and line number, what was wanted, what came, what to do.

    Examples
    --------
    >>> import tempfile
    >>> source = Path(tempfile.mkdtemp()) / "01_sums.py"
    >>> _ = source.write_text('# ---\n# jupyter:\n#   course: {title: Sums}\n# ---\n\n# %%\n1 + 1\n')
    >>> read_lesson(source).cells[0].source
    '1 + 1'
    """
    path = Path(path)
    place = shown_path(path)
    if not re.fullmatch(r"\d\d_[a-z0-9_]+\.py", path.name):
        raise CourseError(f"{place}: wanted a source named NN_topic.py, such as 03_convolution.py: rename it")
    metadata, cells = read_cells(path)
    for role in ("setup", "parameters"):
        found = [cell.line for cell in cells if cell.role == role]
        if len(found) > 1:
            fail_at(place, found[1], f"a second {role} cell (the first is in line {found[0]}); wanted one: join them")
    tasks = tuple(_task(group, place) for group in _groups(cells, place).values())
    if tasks and not any(cell.role == "setup" for cell in cells):
        fail_at(
            place, 1, 'an exercise without a set-up cell; wanted one `# %% tags=["setup"]` with the imports: add it'
        )
    return Lesson(path.stem, path, MappingProxyType(metadata), cells, tasks)


def _groups(cells: Iterable[Cell], place: str) -> dict[str, dict[str, list[Cell]]]:
    """Sort the cells by task and role; what belongs to a task stands below it."""
    groups: dict[str, dict[str, list[Cell]]] = {}
    for cell in cells:
        if cell.task is None:
            continue
        if cell.role == "task" and cell.task in groups:
            first = groups[cell.task]["task"][0].line
            fail_at(place, cell.line, f'a second task "{cell.task}" (the first is in line {first}): rename one')
        if cell.role == "task":
            groups[cell.task] = {role: [] for role in ROLES}
        if cell.task not in groups:
            near = did_you_mean(cell.task, groups) or "; mend the name, or move the cell below its task"
            known = ", ".join(groups) or "none"
            fail_at(place, cell.line, f'{cell.role}="{cell.task}", but the tasks above it are: {known}{near}')
        groups[cell.task][cell.role].append(cell)
    return groups


def _task(group: dict[str, list[Cell]], place: str) -> Task:
    (cell,) = group["task"]
    name = str(cell.task)
    defines = tuple(str(cell.attributes.get("defines", name)).split())
    for answer in [cell, *group["right"], *group["wrong"]]:
        _check_defines(answer, defines, place)
    return Task(
        name=name,
        points=cell.attributes["points"],
        defines=defines,
        withhold=_withhold(cell, place),
        source=cell.source,
        stub=make_stub(cell.source, task=name, defines=defines, place=place, line=cell.line + 1),
        checks=_requirements(cell, group["check"] + group["hidden"], place),
        rights=tuple(item.source for item in group["right"]),
        wrongs=tuple(WrongAnswer(item.source, item.attributes["hint"], item.line) for item in group["wrong"]),
        hints=_hints(group["hint"], place),
        picture=_picture(group["picture"], place),
        line=cell.line,
    )


def _check_defines(cell: Cell, defines: tuple[str, ...], place: str) -> None:
    bound = bound_names(parse_code(cell.source, place=place, line=cell.line).body)
    missing = [name for name in defines if name not in bound]
    if missing:
        what = (
            "the task" if cell.role == "task" else f"this {cell.role} answer replaces the whole cell of the task, which"
        )
        fail_at(
            place,
            cell.line,
            f'{what} defines "{" ".join(defines)}", but {", ".join(missing)} is not bound here '
            f"(bound: {', '.join(sorted(bound)) or 'nothing'}): mend `defines` or the code",
        )


def _withhold(cell: Cell, place: str) -> tuple[str, ...]:
    names = tuple(str(cell.attributes.get("withhold", "")).split())
    for name in names:
        if not re.fullmatch(r"course_lib(\.[A-Za-z_]\w*)+", name):
            wanted = "wanted dotted names of the library, such as course_lib.arithmetic.Layer"
            fail_at(place, cell.line, f'withhold has "{name}"; {wanted}: mend it')
    return names


def _hints(cells: list[Cell], place: str) -> tuple[str, ...]:
    steps = [cell.attributes["step"] for cell in cells]
    if steps != list(range(1, len(steps) + 1)):
        came = ", ".join(f"{step:g}" for step in steps)
        fail_at(
            place, cells[0].line, f'hints of "{cells[0].task}" have the steps {came}; wanted 1, 2, 3 …: number them so'
        )
    return tuple(cell.source for cell in cells)


def _picture(cells: list[Cell], place: str) -> Picture | None:
    if len(cells) > 1:
        fail_at(place, cells[1].line, f'a second picture of "{cells[1].task}"; wanted one: draw both in one figure')
    return Picture(cells[0].source, cells[0].attributes["alt"], cells[0].line) if cells else None


def _requirements(task: Cell, cells: list[Cell], place: str) -> tuple[Requirement, ...]:
    if not any(cell.role == "check" for cell in cells):
        wanted = f'`# %% check="{task.task}" requirement="…"`'
        fail_at(place, task.line, f'the task "{task.task}" has no check; wanted at least one cell {wanted}: add it')
    cells = sorted(cells, key=lambda cell: cell.line)
    texts = [cell.attributes["requirement"] for cell in cells]
    for cell, text in zip(cells, texts, strict=True):
        if texts.count(text) > 1:
            fail_at(place, cell.line, f'two requirements "{text}" of "{cell.task}"; wanted different words: reword one')
        _check_asserts(cell, place)
    share = _share(task, cells, place)
    return tuple(
        Requirement(
            kind="visible" if cell.role == "check" else "hidden",
            text=cell.attributes["requirement"],
            points=float(cell.attributes.get("points", share)),
            source=cell.source,
            after=cell.attributes.get("after", ""),
            line=cell.line,
        )
        for cell in cells
    )


def _share(task: Cell, cells: list[Cell], place: str) -> float:
    """Points of each requirement that names none: an equal share of what the others leave."""
    given = [cell.attributes["points"] for cell in cells if "points" in cell.attributes]
    rest, without = task.attributes["points"] - sum(given), len(cells) - len(given)
    if (without and rest <= 1e-9) or (not without and abs(rest) > 1e-9):
        came = " + ".join(f"{item:g}" for item in given) + f" = {sum(given):g}"
        came += f", and {without} without a number" if without else ""
        points = f'the task "{task.task}" has {task.attributes["points"]:g} points, its requirements {came}'
        fail_at(place, task.line, f"{points}; wanted the same sum: mend the points")
    return rest / max(without, 1)


def _check_asserts(cell: Cell, place: str) -> None:
    tree = parse_code(cell.source, place=place, line=cell.line)
    asserts = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    if not asserts:
        fail_at(
            place, cell.line, f'this {cell.role} of "{cell.task}" asserts nothing; wanted `assert …, hint`: add one'
        )
    for node in asserts:
        if node.msg is None:
            fail_at(
                place, cell.line + node.lineno, "an assert without a message; wanted `assert …, hint`: add the hint"
            )
