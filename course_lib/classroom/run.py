"""Run a notebook from the command line with papermill, with other parameters if wished, and keep the result."""

import ast
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.classroom.cells import did_you_mean, shown_path
from course_lib.classroom.topics import find_root, find_topics
from course_lib.errors import CourseError

__all__ = ["Run", "find_notebook", "parse_parameters", "run_notebook"]


@dataclass(frozen=True)
class Run:
    """A notebook that ran to its end: where it lies, how many cells it has, and the seconds it took."""

    path: Path
    cells: int
    seconds: float


def parse_parameters(pairs: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Read values as papermill's own command does: True, False, None and numbers as such, all else as text.

    Parameters
    ----------
    pairs
        Name and value of each parameter, as typed.

    Returns
    -------
    dict
        Values by name; the last wins.

    Examples
    --------
    >>> parse_parameters([("FAST", "False"), ("EPOCHS", "3"), ("DATA_DIR", "~/data")])
    {'FAST': False, 'EPOCHS': 3, 'DATA_DIR': '~/data'}
    """
    return {name: _value(text) for name, text in pairs}


def _value(text: str) -> Any:
    fixed = {"True": True, "False": False, "None": None}
    if text in fixed:
        return fixed[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def find_notebook(name: Path | str, *, root: Path | None = None) -> Path:
    """Find a notebook by its path, or the lecture of a topic.

    Parameters
    ----------
    name
        A path that ends in .ipynb, or a topic such as 04_lenet, lenet or 04.
    root
        The checkout; found from the working folder upwards by default.

    Returns
    -------
    Path
        Of an existing file.

    Raises
    ------
    CourseError
        When there is no such file or topic, or the lecture was not built yet.

    Examples
    --------
    >>> find_notebook("missing.ipynb")
    Traceback (most recent call last):
    course_lib.errors.CourseError: there is no notebook missing.ipynb; wanted the path of one, or a topic: mend the name
    """
    path = Path(name)
    if path.suffix == ".ipynb":
        if not path.is_file():
            raise CourseError(f"there is no notebook {path}; wanted the path of one, or a topic: mend the name")
        return path
    root = root or find_root()
    found = find_topics(root, [str(name)])
    path = root / "notebooks" / f"{found[0]}.ipynb"
    if not path.is_file():
        raise CourseError(f"{shown_path(path)} is not built yet: run `course build {found[0]}`")
    return path


def run_notebook(
    path_or_topic: Path | str,
    *,
    out: Path | str | None = None,
    parameters: Mapping[str, Any] | None = None,
    root: Path | None = None,
    progress: bool = True,
) -> Run:
    """Run a notebook in a fresh kernel, in its own folder.

    Parameters
    ----------
    path_or_topic
        As for `find_notebook`.
    out
        Where the executed notebook is written; runs/NAME.ipynb in the checkout by default.
    parameters
        Values for names of the notebook's `parameters` cell.
    root
        The checkout; found from the working folder upwards by default.
    progress
        Show a bar on stderr.

    Returns
    -------
    Run
        Only for a notebook that ran to its end.

    Raises
    ------
    CourseError
        For what is no notebook, an unknown parameter or one of another kind, a kernel that does not start, and a cell
        that fails; in the last case the notebook up to there is kept.
    """
    path = find_notebook(path_or_topic, root=root)
    notebook = _read(path)
    values = dict(parameters or {})
    _check_parameters(notebook, values, path)
    target = Path(out) if out else (root or _root_or_here()) / "runs" / path.name
    if target.resolve() == path.resolve():
        raise CourseError(f"{target} would be written over itself; wanted another place: name one with --out")
    target.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    _papermill(path, target, values, progress=progress)
    return Run(target, len(notebook.cells), time.monotonic() - started)


def _root_or_here() -> Path:
    try:
        return find_root()
    except CourseError:
        return Path.cwd()


def _read(path: Path) -> Any:
    import nbformat

    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        nbformat.validate(notebook)
    except (nbformat.reader.NotJSONError, UnicodeDecodeError):
        raise CourseError(f"{path} is not JSON; wanted a notebook: save it again from Jupyter") from None
    except (nbformat.ValidationError, AttributeError, TypeError, KeyError) as error:
        what = str(error).splitlines()[0][:120]
        raise CourseError(f"{path} is JSON, but no notebook ({what}); wanted one: save it again from Jupyter") from None
    return notebook


def _check_parameters(notebook: Any, values: dict[str, Any], path: Path) -> None:
    defaults = _defaults(notebook)
    for name, value in values.items():
        if name not in defaults:
            known = ", ".join(f"{key}={_as_code(default)}" for key, default in defaults.items()) or "(it has none)"
            near = did_you_mean(name, defaults)
            raise CourseError(f'{path.name} has no parameter "{name}"; wanted one of {known}{near}')
        default = defaults[name]
        if isinstance(default, str):
            values[name] = str(value)
        kinds = {bool: (bool,), int: (int,), float: (int, float)}.get(type(default))
        if kinds and value is not None and (not isinstance(value, kinds) or isinstance(value, bool) != (bool in kinds)):
            kind = {bool: "True or False", int: "a whole number", float: "a number"}[type(default)]
            raise CourseError(f"parameter {name} of {path.name} got {value!r}; wanted {kind}, such as {default!r}")


def _defaults(notebook: Any) -> dict[str, Any]:
    """Names and default values of the cell tagged `parameters`; `...` for what is no plain value."""
    found: dict[str, Any] = {}
    for cell in notebook.cells:
        if cell.cell_type != "code" or "parameters" not in cell.metadata.get("tags", []):
            continue
        for node in ast.parse(cell.source).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            for target in targets:
                if isinstance(target, ast.Name):
                    found[target.id] = _literal(getattr(node, "value", None))
    return found


def _literal(node: Any) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return ...


def _as_code(value: Any) -> str:
    return "…" if value is ... else repr(value)


def _papermill(path: Path, target: Path, values: dict[str, Any], *, progress: bool) -> None:
    import papermill
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    cure = "wanted the kernel of this environment: python -m ipykernel install --sys-prefix --name python3"
    try:
        papermill.execute_notebook(
            str(path),
            str(target),
            values,
            cwd=str(path.parent),
            progress_bar=progress,
            extra_arguments=["--log-level=ERROR"],  # kernels on this machine alone need not warn of plain TCP
        )
    except PapermillExecutionError as error:
        if _only_meant_to_fail(target):
            return
        first = next((line for line in str(error.source).splitlines() if line.strip()), "")
        raise CourseError(
            f"{path.name}: cell {error.cell_index + 1} (`{first[:60]}`) fails with {error.ename}: "
            f"{_first_line(error.evalue)}; the notebook up to there is {target}: look at that cell"
        ) from None
    except DeadKernelError:
        raise CourseError(
            f"{path.name}: the kernel died (out of memory?); the notebook up to there is {target}: "
            "close other programs or take smaller parameters"
        ) from None
    except NoSuchKernel as error:
        raise CourseError(f"{path.name} asks for the kernel {error.name!r}, which is not here; {cure}") from None
    except ValueError as error:
        if "kernel name" not in str(error):
            raise
        raise CourseError(f"{path.name} names no kernel; {cure}") from None
    except (OSError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "ernel" not in str(error):
            raise
        raise CourseError(f"{path.name}: its kernel does not start ({_first_line(str(error))}); {cure}") from None


def _only_meant_to_fail(target: Path) -> bool:
    """Whether all cells ran and only those tagged `raises-exception` failed, which papermill takes for a failure.

    Its notes on the failure are then taken out of the notebook.
    """
    import nbformat

    notebook = _read(target)
    for cell in notebook.cells:
        failed = any(output.output_type == "error" for output in cell.get("outputs", []))
        failed = failed or cell.metadata.get("papermill", {}).get("exception") is True
        if failed and "raises-exception" not in cell.metadata.get("tags", []):
            return False
    notebook.cells = [
        cell for cell in notebook.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])
    ]
    nbformat.write(notebook, target)
    return True


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or ["(no message)"])[0][:200]
