"""`Lesson` to notebooks: the lecture, the exercise that students get, the solution that teachers show.

Nothing is executed here. The same lesson always gives the same notebook: cell ids come from names and contents,
metadata is fixed, and no time or machine is written. An exercise is searched for leaks before it is returned.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from course_lib.classroom.cells import Cell, shown_path
from course_lib.classroom.lesson import Lesson, Task
from course_lib.classroom.markers import find_regions, without_markers
from course_lib.errors import CourseError

__all__ = ["StillPicture", "exercise_notebook", "fixed_metadata", "hints_of", "lecture_notebook", "solution_notebook"]

LOAD = "%load_ext course_lib.classroom"

_RUNGS = {1: "a question", 2: "a smaller case by hand", 3: "a piece of the code"}


@dataclass(frozen=True)
class StillPicture:
    """A PNG in base64 and its text for those who do not see it."""

    png: str
    alt: str


def lecture_notebook(lesson: Lesson) -> Any:
    """Make the lecture: prose and code as written.

    Parameters
    ----------
    lesson
        Read from `notebooks/`; without tasks.

    Returns
    -------
    nbformat.NotebookNode
        Not executed.

    Raises
    ------
    CourseError
        When the lesson has tasks.
    """
    if lesson.tasks:
        raise CourseError(
            f"{shown_path(lesson.path)}:{lesson.tasks[0].line}: a lecture has no tasks; wanted them in "
            f"solutions/{lesson.path.name}: move the cell"
        )
    writer = _Writer(lesson)
    for cell in lesson.cells:
        if cell.role == "setup":
            writer.code(cell.source, cell, name="setup")
        else:
            writer.plain(cell)
    return writer.notebook()


def solution_notebook(lesson: Lesson) -> Any:
    """Make the solution: tasks solved, visible and hidden checks to read, hints; no other right or wrong answers.

    Parameters
    ----------
    lesson
        Read from `solutions/`; with tasks.

    Returns
    -------
    nbformat.NotebookNode
        Not executed.

    Raises
    ------
    CourseError
        When the lesson has no task.
    """
    writer = _Writer(_with_tasks(lesson))
    for cell in lesson.cells:
        if cell.role in ("right", "wrong"):
            continue
        if cell.role == "task":
            writer.code(without_markers(cell.source), cell, name=f"task-{cell.task}")
        elif cell.role in ("check", "hidden"):
            writer.check(cell, frozen=False)
        elif cell.role == "picture":
            writer.code(cell.source, cell, name=f"picture-{cell.task}")
        else:
            writer.common(cell)
    writer.ending(hand_in=False)
    return writer.notebook()


def exercise_notebook(lesson: Lesson, *, pictures: Mapping[str, StillPicture]) -> Any:
    """Make what students get: stubs, visible checks, hints folded away, the picture that is expected.

    Parameters
    ----------
    lesson
        Read from `solutions/`; with tasks.
    pictures
        The picture of each task that has one, drawn from its solution.

    Returns
    -------
    nbformat.NotebookNode
        Not executed; without a line of a solution, a hidden check or an answer.

    Raises
    ------
    CourseError
        When the lesson has no task, and when a secret line or a mark is found in the notebook.
    """
    writer = _Writer(_with_tasks(lesson))
    for cell in lesson.cells:
        if cell.role in ("hidden", "right", "wrong"):
            continue
        if cell.role == "task":
            writer.code(lesson.task(str(cell.task)).stub, cell, name=f"task-{cell.task}", deletable=False)
        elif cell.role == "check":
            writer.check(cell, frozen=True)
        elif cell.role == "picture":
            writer.picture(cell, pictures[str(cell.task)])
        else:
            writer.common(cell)
    writer.ending(hand_in=True)
    notebook = writer.notebook()
    _refuse_leaks(lesson, notebook)
    return notebook


def fixed_metadata() -> dict[str, Any]:
    """Return kernel and language without version numbers, so that another Python makes no difference.

    Examples
    --------
    >>> fixed_metadata()["kernelspec"]["name"]
    'python3'
    """
    from nbformat import from_dict

    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    language = {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    }
    return dict(from_dict({"kernelspec": kernel, "language_info": language}))


class _Writer:
    """Collects the cells of one notebook and gives each a stable id."""

    def __init__(self, lesson: Lesson) -> None:
        self.lesson = lesson
        self.cells: list[Any] = []
        self.used: dict[str, int] = {}

    def add(self, kind: str, source: str, *, line: int, name: str = "", **metadata: Any) -> Any:
        from nbformat.v4 import new_code_cell, new_markdown_cell

        make = new_code_cell if kind == "code" else new_markdown_cell
        digest = hashlib.sha256(source.encode()).hexdigest()[:8]
        cell = make(source, id=self._id(name or f"{'code' if kind == 'code' else 'text'}-{digest}"))
        cell.metadata.update({key: value for key, value in metadata.items() if value not in (None, [], ())})
        cell.metadata["source_line"] = line  # for messages; taken out before the notebook is written
        self.cells.append(cell)
        return cell

    def _id(self, name: str) -> str:
        name = name[:48]
        self.used[name] = self.used.get(name, 0) + 1
        return name if self.used[name] == 1 else f"{name}-{self.used[name]}"

    def code(self, source: str, cell: Cell, *, name: str, **metadata: Any) -> None:
        course = {"task": cell.task} if cell.task else None
        self.add("code", source, line=cell.line, name=name, tags=list(cell.tags), course=course, **metadata)

    def plain(self, cell: Cell) -> None:
        self.add(cell.kind, cell.source, line=cell.line, tags=list(cell.tags))

    def common(self, cell: Cell) -> None:
        """Write the cells that exercise and solution share."""
        if cell.role == "setup":
            source = cell.source if LOAD in cell.source else f"{LOAD}\n{cell.source}"
            self.code(source, cell, name="setup")
        elif cell.role == "hint":
            if cell.attributes["step"] == 1:
                text = hints_of(self.lesson.task(str(cell.task)))
                self.add("markdown", text, line=cell.line, name=f"hints-{cell.task}", course={"task": cell.task})
        else:
            self.plain(cell)

    def check(self, cell: Cell, *, frozen: bool) -> None:
        lines = [f"%%check {cell.task}: {cell.attributes['requirement']}"]
        if cell.role == "hidden":
            lines.append("# graded only: the notebook handed out does not have this cell")
        lines.append(cell.source)
        if cell.attributes.get("after"):
            lines.append(f"# after: {cell.attributes['after']}")
        fixed: dict[str, Any] = {"tags": ["nbval-check-output"]}
        if (
            frozen
        ):  # JupyterLab folds it to its first line, so that known slips and their hints do not stand in the open
            fixed = {"deletable": False, "editable": False, "jupyter": {"source_hidden": True}}
        course = {"check": cell.task}
        self.add("code", "\n".join(lines), line=cell.line, name=f"{cell.role}-{cell.task}", course=course, **fixed)

    def picture(self, cell: Cell, picture: StillPicture) -> None:
        """Write the picture into the text itself: Colab and nbviewer do not show cell attachments."""
        alt = re.sub(r"([\[\]])", r"\\\1", picture.alt)
        text = f"**What it looks like when `{cell.task}` is right**\n\n![{alt}](data:image/png;base64,{picture.png})"
        self.add("markdown", text, line=cell.line, name=f"picture-{cell.task}", course={"task": cell.task})

    def ending(self, *, hand_in: bool) -> None:
        counts = {task.name: sum(item.kind == "visible" for item in task.checks) for task in self.lesson.tasks}
        if not hand_in:  # the solution runs the hidden ones too
            counts = {task.name: len(task.checks) for task in self.lesson.tasks}
        points = sum(task.points for task in self.lesson.tasks)
        text = "## What is done\n\nRun the cell below: it shows the state of every task."
        if hand_in:
            text += (
                f"\n\nHand in this notebook, saved, under its own name (`{self.lesson.topic}.ipynb`). Only the tasks\n"
                f"are marked ({points:g} points in all), by the checks above and by others of the same kind; an open\n"
                "task costs only its own points. Keep the names of the functions."
            )
        self.add("markdown", text, line=1, name="ending")
        line = " ".join(f"{name}={count}" for name, count in counts.items())
        tags = None if hand_in else ["nbval-check-output"]
        self.add("code", f"%progress {line}", line=1, name="progress", tags=tags)

    def notebook(self) -> Any:
        from nbformat.v4 import new_notebook

        return new_notebook(
            cells=self.cells,
            metadata={"course": {**self.lesson.metadata, "topic": self.lesson.topic}, **fixed_metadata()},
            nbformat_minor=5,
        )


def _with_tasks(lesson: Lesson) -> Lesson:
    if not lesson.tasks:
        raise CourseError(
            f'{shown_path(lesson.path)}: an exercise without a task; wanted `# %% task="…" points=…` cells: write one, '
            "or move the file to notebooks/"
        )
    return lesson


def hints_of(task: Task) -> str:
    """Write the hints of a task in Markdown, as nested folds: opening one shows the next."""
    number = len(task.hints)
    parts = [f"**Hints for `{task.name}`**: open one, try again, and only then the next."]
    for step, hint in enumerate(task.hints, start=1):
        rung = f": {_RUNGS[step]}" if number == 3 else ""
        parts.append(f"<details>\n<summary>Hint {step} of {number}{rung}</summary>\n\n{hint}")
    return "\n\n".join(parts) + "\n\n" + "\n".join(["</details>"] * number)


def _refuse_leaks(lesson: Lesson, notebook: Any) -> None:
    """Search the exercise for marks and for every line that only teachers may see: the last net."""
    public, secret = _public_and_secret(lesson)
    for cell in notebook.cells:
        for text in cell.source.splitlines():
            if text.strip() in secret - public:
                raise CourseError(
                    f"{shown_path(lesson.path)}:{cell.metadata['source_line']}: the exercise would show a line of a "
                    f"solution, a hidden check or an answer, {text.strip()!r}; nothing was written: please report this"
                )
    if re.search(r"(begin|end)[\s_-]*solution", json.dumps(notebook), flags=re.IGNORECASE):
        raise CourseError(f"{shown_path(lesson.path)}: the exercise would show a solution mark; nothing was written")


def _public_and_secret(lesson: Lesson) -> tuple[set[str], set[str]]:
    public: list[str] = []
    secret: list[str] = []
    for cell in lesson.cells:
        lines = cell.source.splitlines()
        if cell.role in ("hidden", "right", "wrong"):
            secret += lines
        elif cell.role == "task":
            done = 0
            for region in find_regions(lines, place=shown_path(lesson.path), line=cell.line + 1):
                public += lines[done : region.first]
                secret += lines[region.first : region.last + 1]
                done = region.last + 1
            public += lines[done:]
        else:
            public += lines
    return _stripped(public), _stripped(secret)


def _stripped(lines: Iterable[str]) -> set[str]:
    return {line.strip() for line in lines if line.strip()}
