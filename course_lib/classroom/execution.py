"""Run a notebook in a fresh kernel, and say in one line what stopped it."""

import copy
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError

__all__ = ["Progress", "check_outcomes", "execute", "prove_run_all"]

SECONDS_A_CELL = 1200

Progress = Callable[[str, int, int], None]
"""Called with the source, the number of the cell that begins, and the number of cells."""


def execute(notebook: Any, *, folder: Path, place: str, progress: Progress | None = None) -> None:
    """Run all cells of a notebook in place, in a fresh kernel in the lesson's folder.

    Parameters
    ----------
    notebook
        Gets outputs; each cell's metadata may hold `source_line` for messages.
    folder
        Where the kernel works; made when it is missing.
    place
        The source, for messages.
    progress
        Called before each cell.

    Raises
    ------
    CourseError
        For a cell that fails, runs too long or kills the kernel, and for a kernel that does not start.
    """
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    folder.mkdir(exist_ok=True)
    at = {"line": 1}

    def begin(cell: Any, cell_index: int) -> None:
        at["line"] = cell.metadata.get("source_line", 1)
        if progress:
            progress(place, cell_index + 1, len(notebook.cells))

    client = NotebookClient(
        notebook,
        timeout=SECONDS_A_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        store_widget_state=False,
        on_cell_start=begin,
        shutdown_kernel="immediate",  # asked in the middle of a cell, it would answer with a traceback
        extra_arguments=["--log-level=ERROR"],  # kernels on this machine alone need not warn of plain TCP
    )
    with tempfile.TemporaryDirectory() as scratch:
        settings = {"IPYTHONDIR": scratch, "PYTHONHASHSEED": "0", "TZ": "UTC", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        try:
            client.reset_execution_trackers()
            # Not `client.execute`: at Ctrl-C it takes the kernel away under its own feet.
            with client.setup_kernel(env={**os.environ, **settings}):
                for index, cell in enumerate(notebook.cells):
                    client.execute_cell(cell, index, execution_count=client.code_cells_executed + 1)
        except CellExecutionError as error:
            tail = re.sub(r"\x1b\[[0-9;]*m", "", str(error.traceback)).strip().splitlines()[-12:]
            what = f"{place}:{at['line']}: the cell fails with {error.ename}: {error.evalue}".splitlines()[0]
            raise CourseError("\n    ".join([f"{what}; the old notebook was kept: mend the cell", *tail])) from None
        except CellTimeoutError:
            limit = f"more than {SECONDS_A_CELL} s"
            raise CourseError(f"{place}:{at['line']}: the cell runs {limit}; the old notebook was kept") from None
        except DeadKernelError:
            raise CourseError(f"{place}:{at['line']}: the kernel died in this cell (out of memory?)") from None
        except NoSuchKernel:
            raise CourseError(
                "no Jupyter kernel named python3; wanted the one of this environment: "
                "python -m ipykernel install --sys-prefix"
            ) from None


def check_outcomes(notebook: Any, place: str) -> None:
    """Refuse a solution that does not meet its own checks, visible and hidden."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            outcome = output.get("metadata", {}).get("course", {})
            if "state" in outcome and outcome["state"] != "right":
                text = " ".join(output.data["text/plain"].split())
                raise CourseError(
                    f"{place}:{cell.metadata['source_line']}: the solution does not meet its own check: {text}; "
                    "mend the solution or the check"
                )


def prove_run_all(exercise: Any, *, folder: Path, place: str) -> None:
    """Run the exercise as handed out, so that no open task stops the notebook; its outputs are thrown away."""
    try:
        execute(copy.deepcopy(exercise), folder=folder, place=place)
    except CourseError as error:
        raise CourseError(f"in the notebook handed out, with every task open: {error}") from None
