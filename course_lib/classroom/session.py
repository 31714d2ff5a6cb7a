"""One submission and its kernel: papermill runs the cells, then the grader asks; a crash costs what caused it.

A cell that ends the kernel or does not stop is left out when the kernel is started again (its definitions are tried
once), and the cells before it are run anew. Restarts and total time are bounded.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import nbformat
from jupyter_core.utils import run_sync
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook

from course_lib.classroom.kernels import KernelLostError, KernelTimeoutError, StudentKernel
from course_lib.classroom.standin import Interruption, read_reply
from course_lib.classroom.student_side import MIME
from course_lib.classroom.wire import WireError

__all__ = ["KernelCrashed", "SessionOver", "StudentSession", "TimeLimits", "TookTooLong", "Unreadable"]

_ANSWER = "__import__('course_lib.classroom.student_side', fromlist=['answer']).answer({!r})"
_ENGINE = "course-grading"
_MOST_OUTPUT = 500_000
_log = logging.getLogger("course_lib.classroom.session")
_log.addHandler(logging.NullHandler())
_log.propagate = False


@dataclass(frozen=True)
class TimeLimits:
    """Seconds for one cell, one call of a student's function, a whole submission; how often a kernel may restart."""

    cell_s: float = 60
    call_s: float = 20
    submission_s: float = 900
    restarts: int = 12

    def __post_init__(self) -> None:
        for name in ("cell_s", "call_s", "submission_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} needs a time above 0 s, got {getattr(self, name)!r}")


class TookTooLong(Interruption):
    """A call did not end in time."""


class KernelCrashed(Interruption):
    """A call ended the kernel."""


class Unreadable(Interruption):
    """A call gave back something too large to travel, or nothing that can be read."""


class SessionOver(Interruption):
    """The submission has used up its time or its restarts."""


class StudentSession:
    """
    The door to one student's code; a context manager.

    Parameters
    ----------
    start : callable
        Starts a fresh `StudentKernel`.
    times : TimeLimits
        Its time limits.
    """

    def __init__(self, start: Callable[[], StudentKernel], *, times: TimeLimits) -> None:
        self._start, self.times = start, times
        self._deadline = time.monotonic() + times.submission_s
        self._kernel: StudentKernel | None = None
        self._generation = self._starts = 0
        self._done: list[str] = []
        self.lost: list[str] = []

    def __enter__(self) -> StudentSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop_kernel()

    def generation(self) -> int:
        """Return a number that changes when what the kernel kept is lost."""
        return self._generation

    def ask(self, request: dict[str, Any]) -> Any:
        """Put a question to the student's code; see `course_lib.classroom.standin.Door`."""
        kernel, limit = self.kernel(), self.seconds(self.times.call_s)
        try:
            found = kernel.evaluate(_ANSWER.format(json.dumps(request)), time_limit_s=limit)
        except KernelTimeoutError:
            if not kernel.interrupt():
                self.drop_kernel()
            raise TookTooLong(f"took longer than {limit:.3g} s") from None
        except KernelLostError:
            self.drop_kernel()
            raise KernelCrashed("ended the kernel") from None
        except BaseException:  # an alarm or Ctrl-C: the kernel still works on the question
            self.drop_kernel()
            raise
        try:
            data = found.get("data")
            return read_reply(self, data.get(MIME) if isinstance(data, dict) else None)  # type: ignore[arg-type]
        except WireError as problem:
            raise Unreadable(str(problem)) from None

    def kernel(self) -> StudentKernel:
        """Return the kernel, started and brought to where it was if need be."""
        while self._kernel is None:
            if self._starts > self.times.restarts:
                raise SessionOver(f"the kernel had to be started again more than {self.times.restarts} times")
            self.seconds(1)
            self._starts += 1
            self._kernel = self._start()
            self._replay()
        return self._kernel

    def drop_kernel(self) -> None:
        """End the kernel; the next question starts another."""
        if self._kernel is not None:
            self._kernel.stop()
            self._kernel = None
            self._generation += 1

    def run_cell(self, source: str) -> dict[str, Any]:
        """Run one cell and keep it for restarts; return the kernel's reply, status "lost" or "time" if none came."""
        limit = self.seconds(self.times.cell_s)
        kernel = self.kernel()
        try:
            reply = kernel.execute(source, time_limit_s=limit)
        except (KernelLostError, KernelTimeoutError) as problem:
            self.cell_failed(source, timed_out=isinstance(problem, KernelTimeoutError))
            return {"status": "time" if isinstance(problem, KernelTimeoutError) else "lost"}
        self._done.append(source)
        return reply

    def cell_done(self, source: str) -> None:
        """Remember a cell that ran to its end (with or without an exception)."""
        self._done.append(source)

    def cell_failed(self, source: str, *, timed_out: bool) -> None:
        """Remember a cell that ended the kernel or did not stop: only its definitions are run again."""
        self.lost.append(source)
        if not (timed_out and self._kernel is not None and self._kernel.interrupt()):
            self.drop_kernel()
        self._done.append(_definitions_of(source))

    def run_notebook(self, cells: Sequence[tuple[str, str]], *, output: Path) -> None:
        """Run cells of (kind, text) by papermill; the executed notebook is written to `output`."""
        notebook = nbformat.v4.new_notebook(
            cells=[
                nbformat.v4.new_code_cell(text) if kind == "code" else nbformat.v4.new_markdown_cell(text)
                for kind, text in cells
            ],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        papermill_engines.register(_ENGINE, _GradingEngine)
        with tempfile.TemporaryDirectory(prefix="course-") as folder, contextlib.suppress(PapermillExecutionError):
            # a cell that raised is no failure here: the notebook says so, and the tasks are judged one by one
            unexecuted = Path(folder) / "unexecuted.ipynb"
            nbformat.write(notebook, unexecuted)
            execute_notebook(
                _literal(unexecuted), _literal(output), engine_name=_ENGINE, kernel_name="python3", language="python",
                progress_bar=False, request_save_on_cell_execute=False, session=self,
            )  # fmt: skip

    def seconds(self, wanted: float) -> float:
        """Return the smaller of `wanted` and what is left of the submission's time."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise SessionOver(f"the whole submission took longer than {self.times.submission_s:g} s")
        return min(wanted, left)

    def _replay(self) -> None:
        for place, source in enumerate(self._done):
            if not source.strip():
                continue
            assert self._kernel is not None
            try:
                self._kernel.execute(source, time_limit_s=self.seconds(self.times.cell_s))
            except (KernelLostError, KernelTimeoutError):
                self._done[place] = ""
                self.lost.append(source)
                self.drop_kernel()
                return


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
    client.timeout = session.seconds(session.times.cell_s)
    client.room = _MOST_OUTPUT
    try:
        client.execute_cell(cell, index)
    except CellTimeoutError:
        _say(cell, f"This cell was stopped: it ran longer than {client.timeout:.3g} s.")
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
    """nbclient with a bound on what a cell may print."""

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

    def output(self, outs: list[Any], message: dict[str, Any], display_id: str, cell_index: int) -> Any:
        room, self.room = self.room, self.room - len(json.dumps(message.get("content"), default=str))
        if self.room > 0:
            return super().output(outs, message, display_id, cell_index)
        if room > 0:
            outs.append(
                nbformat.v4.new_output("stream", name="stderr", text="\n… the rest of the output was left out.\n")
            )
        return None


def _close(client: _Client | None) -> None:
    if client is not None and client.kc is not None:
        client.stop_listening()
        client.kc.stop_channels()


def _say(cell: Any, text: str) -> None:
    cell.outputs = [*cell.get("outputs", []), nbformat.v4.new_output("stream", name="stderr", text=text + "\n")]


def _literal(path: Path) -> str:
    """Return a path in which papermill finds no parameters to fill in."""
    return str(path.resolve()).replace("{", "{{").replace("}", "}}")


def _definitions_of(source: str) -> str:
    """Return the imports, functions and classes of a cell, without what it does besides."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    kept: list[ast.stmt] = [
        node
        for node in body
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    ]
    return ast.unparse(ast.Module(kept, []))
