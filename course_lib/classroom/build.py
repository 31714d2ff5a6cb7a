"""Sources to notebooks: `build` executes what changed and writes, `build_check` only compares.

Of each notebook two hashes are kept in its metadata (`course.built_from`): of the code that was executed, and of the
part of the library which that code reaches. Prose can change without executing anything again. A third hash tells
outputs that the build did not make.
"""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.classroom.cells import shown_path
from course_lib.classroom.colab import add_colab, find_release, is_colab_cell
from course_lib.classroom.dependencies import code_alone, library_files
from course_lib.classroom.execution import Progress, check_outcomes, execute, prove_run_all
from course_lib.classroom.lesson import Lesson, read_lesson
from course_lib.classroom.notebooks import (
    StillPicture,
    exercise_notebook,
    fixed_metadata,
    lecture_notebook,
    solution_notebook,
)
from course_lib.classroom.outputs import clean_outputs
from course_lib.classroom.topics import course_settings, find_topics
from course_lib.errors import CourseError

__all__ = ["BuildReport", "Built", "build", "build_check", "build_missing"]


@dataclass(frozen=True)
class Built:
    """What became of one source.

    `state` is "built", "prose" (written without executing), "current", "stale" or "failed".
    """

    source: str
    state: str
    message: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class BuildReport:
    """One entry a source, in order.

    Examples
    --------
    >>> BuildReport((Built("notebooks/03_sums.py", "current"),)).ok
    True
    """

    entries: tuple[Built, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed and nothing is stale."""
        return all(entry.state not in ("stale", "failed") for entry in self.entries)


def build(
    root: Path, topics: Sequence[str] | None = None, *, force: bool = False, progress: Progress | None = None
) -> BuildReport:
    """Make the notebooks whose source or library changed; one that fails keeps its old notebooks and stops no other.

    Parameters
    ----------
    root
        The checkout, with `notebooks/` and `solutions/`.
    topics
        Which; all by default.
    force
        Execute even what is current.
    progress
        Called with the source, the cell that begins and the number of cells.

    Returns
    -------
    BuildReport
        One entry for each lecture and each exercise.

    Raises
    ------
    CourseError
        For an unknown topic or a folder without a course.
    """
    return _each(root, topics, lambda kind, path: _build_one(root, kind, path, force=force, progress=progress))


def build_missing(root: Path, *, progress: Progress | None = None) -> BuildReport:
    """Make the notebooks that are not there; one that is there is left as it is, with whatever a reader wrote into it.

    Parameters
    ----------
    root, progress
        As for `build`.

    Returns
    -------
    BuildReport
        Entries are "built", "current" (all its notebooks are there) or "failed".

    Raises
    ------
    CourseError
        For a folder without a course.
    """

    def one(kind: str, path: Path) -> Built:
        if all(target.is_file() for target in _targets(root, kind, path)):
            return Built(shown_path(path), "current")
        return _build_one(root, kind, path, force=True, progress=progress, keep=True)

    return _each(root, None, one)


def build_check(root: Path, topics: Sequence[str] | None = None) -> BuildReport:
    """Compare the notebooks with what their sources would give, without executing anything.

    Parameters
    ----------
    root, topics
        As for `build`.

    Returns
    -------
    BuildReport
        Entries are "current", "stale" (with the reason) or "failed" (the source has a slip).

    Raises
    ------
    CourseError
        For an unknown topic or a folder without a course.
    """
    report = _each(root, topics, lambda kind, path: _check_one(root, kind, path))
    orphans = () if topics else tuple(_orphans(root))
    return BuildReport(report.entries + orphans)


def _each(root: Path, topics: Sequence[str] | None, work: Callable[[str, Path], Built]) -> BuildReport:
    if course_settings(root) is None:
        raise CourseError(f"{root} holds no course; wanted a folder whose pyproject.toml has [tool.course]: name it")
    entries = []
    for topic in find_topics(root, topics or ()):
        for kind in ("notebooks", "solutions"):
            path = root / kind / f"{topic}.py"
            if not path.is_file():
                continue
            started = time.monotonic()
            try:
                entry = work(kind, path)
            except CourseError as error:
                entry = Built(shown_path(path), "failed", str(error))
            entries.append(Built(entry.source, entry.state, entry.message, time.monotonic() - started))
    return BuildReport(tuple(entries))


def _targets(root: Path, kind: str, path: Path) -> list[Path]:
    """Return the notebooks that are made from a source."""
    made = [path.with_suffix(".ipynb")]
    return made if kind == "notebooks" else [*made, root / "exercises" / made[0].name]


def _build_one(
    root: Path, kind: str, path: Path, *, force: bool, progress: Progress | None, keep: bool = False
) -> Built:
    lesson = read_lesson(path)
    made = _main_notebook(root, kind, lesson)
    reason = "asked for" if force else _reason_to_execute(path.with_suffix(".ipynb"), made)
    if reason:
        execute(made, folder=path.parent, place=shown_path(path), progress=progress)
        check_outcomes(made, shown_path(path))
    else:
        _take_outputs(made, path.with_suffix(".ipynb"))
    _describe_pictures(lesson, made)
    clean_outputs(made, place=shown_path(path), root=root)
    notebooks = {path.with_suffix(".ipynb"): made}
    if kind == "solutions":
        exercise = _exercise(root, lesson, made)
        if reason:
            prove_run_all(exercise, folder=root / "exercises", place=shown_path(path))
        notebooks[root / "exercises" / f"{lesson.topic}.ipynb"] = exercise
    if keep:
        notebooks = {target: notebook for target, notebook in notebooks.items() if not target.is_file()}
    changed = [_write(_finished(root, target, notebook), target) for target, notebook in notebooks.items()]
    state = "built" if reason else "prose" if any(changed) else "current"
    return Built(shown_path(path), state, reason)


def _check_one(root: Path, kind: str, path: Path) -> Built:
    lesson = read_lesson(path)
    made = _main_notebook(root, kind, lesson)
    target = path.with_suffix(".ipynb")
    reason = _reason_to_execute(target, made)
    if not reason:
        _take_outputs(made, target)
        clean_outputs(made, place=shown_path(path), root=root)
        wanted = {target: made}
        if kind == "solutions":
            wanted[root / "exercises" / f"{lesson.topic}.ipynb"] = _exercise(root, lesson, made)
        for file, notebook in wanted.items():
            reason = reason or _difference(file, _finished(root, file, notebook))
    return Built(shown_path(path), "stale" if reason else "current", reason and f"{reason}: run `make build`")


def _orphans(root: Path) -> Iterable[Built]:
    for folder, source in (("notebooks", "notebooks"), ("solutions", "solutions"), ("exercises", "solutions")):
        for path in sorted((root / folder).glob("*.ipynb")):
            wanted = root / source / f"{path.stem}.py"
            if not wanted.is_file():
                yield Built(shown_path(path), "stale", f"its source {shown_path(wanted)} is gone: delete this notebook")


def _main_notebook(root: Path, kind: str, lesson: Lesson) -> Any:
    """Return the notebook that is executed, with the hashes of what it is built from."""
    made = lecture_notebook(lesson) if kind == "notebooks" else solution_notebook(lesson)
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    library = library_files(root, [cell.source for cell in code])
    stubs = [task.stub for task in lesson.tasks]  # a moved mark changes only these, and they are run once too
    made.metadata["course"]["built_from"] = {
        "code": _hash([[cell.source, cell.metadata.get("tags", [])] for cell in code] + [[stub] for stub in stubs]),
        "library": _hash([[file.relative_to(root).as_posix(), _counted(file)] for file in library]),
    }
    return made


def _counted(file: Path) -> str:
    """Return what of a library's file can change a notebook."""
    text = file.read_text(encoding="utf-8")
    return code_alone(text) if file.suffix == ".py" else text


def _exercise(root: Path, lesson: Lesson, solution: Any) -> Any:
    made = exercise_notebook(lesson, pictures=dict(_pictures(lesson, solution)))
    made.metadata["course"]["built_from"] = solution.metadata["course"]["built_from"]
    return made


def _pictures(lesson: Lesson, solution: Any) -> Iterable[tuple[str, StillPicture]]:
    cells = {cell.id: cell for cell in solution.cells}
    for task in lesson.tasks:
        if task.picture is None:
            continue
        outputs = cells[f"picture-{task.name}"[:48]].outputs
        images = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
        if len(images) != 1:
            raise CourseError(
                f'{shown_path(lesson.path)}:{task.picture.line}: the picture of "{task.name}" draws {len(images)} '
                "figures; wanted one: end the cell in figures.show(figure, alt=…)"
            )
        yield task.name, StillPicture("".join(images[0].split()), task.picture.alt)


def _describe_pictures(lesson: Lesson, notebook: Any) -> None:
    """Give the figure of a picture cell the text of its attribute, where the cell gave none."""
    alts = {f"picture-{task.name}"[:48]: task.picture.alt for task in lesson.tasks if task.picture}
    for cell in notebook.cells:
        for output in cell.get("outputs", []) if cell.id in alts else []:
            if "image/png" in output.get("data", {}):
                output.metadata.setdefault("image/png", {}).setdefault("alt", alts[cell.id])


def _reason_to_execute(path: Path, made: Any) -> str:
    """Say why the stored notebook's outputs cannot be used; empty when they can."""
    stored = _stored(path)
    if stored is None:
        return f"{shown_path(path)} is missing or no notebook"
    built_from = stored.metadata.get("course", {}).get("built_from", {})
    wanted = made.metadata["course"]["built_from"]
    if built_from.get("code") != wanted["code"]:
        return "its code changed"
    if built_from.get("library") != wanted["library"]:
        return "the part of course_lib that it uses changed"
    if built_from.get("outputs") != _hash(_outputs(stored)):
        return f"the outputs of {shown_path(path)} were changed by hand"
    return ""


def _outputs(notebook: Any) -> list[Any]:
    return [[cell.execution_count, cell.outputs] for cell in _executed(notebook)]


def _executed(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code" and not is_colab_cell(cell)]


def _take_outputs(made: Any, path: Path) -> None:
    """Put the stored outputs into the notebook; both have the same code cells in the same order."""
    for cell, before in zip(_executed(made), _executed(_stored(path)), strict=True):
        cell.outputs, cell.execution_count = before.outputs, before.execution_count


def _stored(path: Path) -> Any:
    import nbformat

    try:
        return nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    except (OSError, UnicodeDecodeError, nbformat.reader.NotJSONError, nbformat.ValidationError, AttributeError):
        return None


def _difference(path: Path, wanted: Any) -> str:
    stored = _stored(path)
    if stored is None:
        return f"{shown_path(path)} is missing or no notebook"
    if stored.cells != wanted.cells:
        return f"{shown_path(path)} is not what its source gives"
    return "" if stored == wanted else f"the metadata of {shown_path(path)} are not what its source gives"


def _finished(root: Path, target: Path, notebook: Any) -> Any:
    """Take out what was only for messages, keep the hash of the outputs, and add what Colab needs."""
    for cell in notebook.cells:
        cell.metadata.pop("source_line", None)
        if cell.cell_type == "code":
            cell.metadata.pop("execution", None)
    notebook.metadata.pop("widgets", None)
    notebook.metadata.update(fixed_metadata())  # the kernel wrote its own, with version numbers
    built_from = dict(notebook.metadata["course"]["built_from"])
    built_from["outputs"] = _hash(_outputs(notebook))
    notebook.metadata["course"]["built_from"] = built_from
    if release := find_release(root):
        add_colab(notebook, release, path=target.relative_to(root).as_posix())
    return notebook


def _write(notebook: Any, path: Path) -> bool:
    """Write a notebook in one step; False when the file holds just that already."""
    import nbformat

    text = nbformat.writes(notebook).rstrip("\n") + "\n"
    path.parent.mkdir(exist_ok=True)
    if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
        return False
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, suffix=".part", delete=False) as file:
        file.write(text)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)
    return True


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
