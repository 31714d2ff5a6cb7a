"""One submission and its kernel: papermill runs the cells, then the grader asks; a crash costs what caused it.

A cell that ends the kernel or does not stop is left out when the kernel is started again (its definitions are tried
once), and the cells before it are run anew. Restarts and total time are bounded.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from course_lib.classroom.kernels import KernelLostError, KernelTimeoutError, StudentKernel
from course_lib.classroom.slow_imports import skip_slow_imports
from course_lib.classroom.standin import Interruption, read_reply
from course_lib.classroom.wire import WireError

__all__ = ["KernelCrashed", "SessionOver", "StudentSession", "TimeLimits", "TookTooLong", "Unreadable"]


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
            text = kernel.ask(request, time_limit_s=limit)
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
            return read_reply(self, text)
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
        skip_slow_imports()
        from course_lib.classroom.engine import execute_cells

        execute_cells(cells, session=self, output=output)

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
