"""The papermill engine of the grader: it runs a notebook on a session's kernel and goes on after whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from jupyter_core.utils import run_sync
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook

from course_lib.classroom.session import SessionOver, StudentSession

__all__ = ["execute_cells"]

_ENGINE = "course-grading"
_MOST_OUTPUT = 500_000
_DEEPEST = 50
_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())
_log.propagate = False


def execute_cells(cells: Sequence[tuple[str, str]], *, session: StudentSession, output: Path) -> None:
    """Run cells of (kind, text) by papermill; the executed notebook is written to `output`, whole or not at all."""
    notebook = {
        "cells": [_cell(place, kind, text) for place, (kind, text) in enumerate(cells)],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4, "nbformat_minor": 5,
    }  # fmt: skip
    papermill_engines.register(_ENGINE, _GradingEngine)
    part = output.with_name(f".{output.name}")
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        # a cell that raised is no failure here: the notebook says so, and the tasks are judged one by one
        unexecuted = Path(folder) / "unexecuted.ipynb"
        unexecuted.write_text(json.dumps(notebook))
        with contextlib.suppress(PapermillExecutionError):
            execute_notebook(
                _literal(unexecuted), _literal(part), engine_name=_ENGINE, kernel_name="python3", language="python",
                progress_bar=False, request_save_on_cell_execute=False, session=session,
            )  # fmt: skip
    if part.exists():
        part.replace(output)


def _cell(place: int, kind: str, text: str) -> dict[str, Any]:
    """Return what nbformat's own functions make, without checking each against the schema: papermill checks all."""
    more: dict[str, Any] = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"id": f"cell-{place}", "cell_type": kind, "metadata": {}, "source": text, **more}


class _GradingEngine(Engine):
    """papermill engine that runs on the kernel of a StudentSession and goes on after whatever a cell does."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, *, session: StudentSession, **_: Any) -> None:
        client: _Client | None = None
        try:
            for index, cell in enumerate(nb_man.nb.cells):
                if cell.cell_type != "code" or not cell.source.strip():
                    continue
                if client is None:
                    kernel = session.kernel()
                    client = _Client(nb_man, km=kernel.manager, log=_log, allow_errors=True, startup_timeout=60)
                    client.reset_execution_trackers()
                    client.start_new_kernel_client()
                nb_man.cell_start(cell, index)
                if not _run(client, cell, index, session):
                    _close(client)
                    client = None
                nb_man.cell_complete(cell, cell_index=index)
        except SessionOver as problem:
            nb_man.nb.cells.append(
                nbformat.v4.new_markdown_cell(f"Stopped here: {problem}.", metadata={"papermill": {}})
            )
            nb_man.nb.cells[-1].metadata["papermill"] = {"status": nb_man.COMPLETED}
        finally:
            _close(client)


def _run(client: _Client, cell: Any, index: int, session: StudentSession) -> bool:
    """Run one cell; return whether the client can go on."""
    limit = session.seconds(session.times.cell_s)
    client.timeout_func = lambda _cell: limit  # `timeout` takes whole seconds only
    client.room = _MOST_OUTPUT
    try:
        client.execute_cell(cell, index)
    except CellTimeoutError:
        _say(cell, f"This cell was stopped: it ran longer than {limit:.3g} s.")
        session.cell_failed(cell.source, timed_out=True)
    except DeadKernelError:
        _say(cell, "This cell ended the kernel.")
        session.cell_failed(cell.source, timed_out=False)
    except Exception as problem:  # a forged or unreadable message: treat the kernel as lost
        _say(cell, f"The kernel could not be understood here ({type(problem).__name__}).")
        session.cell_failed(cell.source, timed_out=False)
    else:
        session.cell_done(cell.source)
        return True
    return False


class _Client(PapermillNotebookClient):
    """nbclient with a bound on what a cell may say."""

    room = _MOST_OUTPUT
    listening: asyncio.Task[None] | None = None

    async def _async_poll_output_msg(self, *arguments: Any) -> None:
        self.listening = asyncio.current_task()
        await super()._async_poll_output_msg(*arguments)

    async def async_stop_listening(self) -> None:
        """End what nbclient leaves running after a cell that failed."""
        if self.listening is not None and self.listening.cancel():
            await asyncio.wait([self.listening])

    stop_listening = run_sync(async_stop_listening)

    def process_message(self, message: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Take a message in while there is room: what a kernel says stays in the grader's memory, and is written."""
        if message["msg_type"] == "status":  # says when the cell is done, and needs no room
            state = {"execution_state": message["content"].get("execution_state")}
            return super().process_message({**message, "content": state}, cell, cell_index)
        if message["msg_type"].startswith("comm"):  # of widgets, which nobody is here to move
            return None
        room, self.room = self.room, self.room - _size(message)
        if self.room > 0:
            return super().process_message(message, cell, cell_index)
        if room > 0:
            _say(cell, "\n… the rest of the output was left out.")
        return None


def _size(message: dict[str, Any]) -> int:
    """Characters that a message takes; more than there ever are for what is nested too deeply to be copied."""
    content = message["content"]
    inner = [content]
    for _ in range(_DEEPEST):
        inner = [
            value
            for each in inner
            if isinstance(each, dict | list)
            for value in (each.values() if isinstance(each, dict) else each)
        ]
    if inner:
        return _MOST_OUTPUT
    return len(json.dumps(content, default=str))


def _close(client: _Client | None) -> None:
    if client is not None and client.kc is not None:
        client.stop_listening()
        client.kc.stop_channels()


def _say(cell: Any, text: str) -> None:
    cell.outputs = [*cell.get("outputs", []), nbformat.v4.new_output("stream", name="stderr", text=text + "\n")]


def _literal(path: Path) -> str:
    """Return a path in which papermill finds no parameters to fill in."""
    return str(path.resolve()).replace("{", "{{").replace("}", "}}")
