"""Warm kernels for the grader: one process imports the libraries inside the sandbox's view, and forks ready kernels.

The outer wall is bubblewrap's, the same as around a cold kernel: it decides what can be seen at all. Each fork raises
walls of its own around itself (`course_lib.classroom.namespaces`) before it runs a line of a student's code.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from course_lib.classroom.sandbox import HOME, WRITABLE, SandboxLimits, own_user, sandbox_command, shown_folders
from course_lib.errors import CourseError

__all__ = ["ForkedKernel", "WarmClient", "WarmProcess", "ask_for_kernel", "listen"]

_SECONDS_TO_IMPORT = 180


class ForkedKernel:
    """A kernel's process, known by a descriptor that cannot come to mean another one; used like a `subprocess.Popen`.

    Parameters
    ----------
    descriptor : int
        Its pidfd.
    lifeline : int
        The open end of a pipe; when it closes, the kernel and all that it started are ended.
    """

    stdin = stdout = stderr = None

    def __init__(self, descriptor: int, lifeline: int) -> None:
        self._descriptor, self._lifeline = descriptor, lifeline

    @property
    def pid(self) -> int:
        """Its number as seen from here; 0 once it has ended."""
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/self/fdinfo/{self._descriptor}").read_text().splitlines():
                if line.startswith("Pid:"):
                    return max(int(line.split()[1]), 0)
        return 0

    def poll(self) -> int | None:
        """Return None while it runs."""
        return 1 if self._has_ended(0) else None

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self._descriptor >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)

    def kill(self) -> None:
        """End it and all that it started."""
        self.send_signal(signal.SIGKILL)
        self._hang_up()

    terminate = kill

    def wait(self, timeout: float = 10) -> int:
        """Wait for its end, and let go of it."""
        self._has_ended(timeout)
        self._hang_up()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        return 1

    def _has_ended(self, timeout_s: float) -> bool:
        return self._descriptor < 0 or bool(select.select([self._descriptor], [], [], timeout_s)[0])

    def _hang_up(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1


class WarmClient:
    """
    The way to a warm process; it can be handed to another process of the grader.

    Parameters
    ----------
    address : Path
        The socket that the warm process listens on.
    limits : SandboxLimits
        What each kernel may use.
    """

    def __init__(self, address: Path, *, limits: SandboxLimits) -> None:
        self.address, self.limits = address, limits

    def fork(self, *, connection: dict[str, Any], sockets: list[int], words: int) -> ForkedKernel:
        """Start a kernel that listens on `sockets` and whose last words go to the file `words`."""
        user = own_user() if os.geteuid() == 0 else None
        request = {
            "connection": connection, "limits": vars(self.limits), "folder": HOME,
            "walls": {"user": user, "folders": WRITABLE, "size_mb": self.limits.disk_mb, "keep": shown_folders()},
        }  # fmt: skip
        try:
            return ask_for_kernel(self.address, request, [words, *sockets])
        except (OSError, ValueError) as problem:
            raise CourseError(f"the process that starts students' kernels is gone ({problem}): grade again") from None


class WarmProcess:
    """
    A process that has imported the libraries and forks kernels; a context manager that ends it and them.

    Parameters
    ----------
    package : Path
        Copy of `course_lib` that the kernels may see.
    limits : SandboxLimits
        What each of them may use.
    libraries : sequence of str
        Which of `course_lib.classroom.fork_server.LIBRARIES` to import beforehand; all by default.

    Raises
    ------
    CourseError
        bubblewrap is missing, or the process does not start.
    """

    def __init__(self, package: Path, *, limits: SandboxLimits, libraries: Sequence[str] = ()) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="course-"))
        self.client = WarmClient(self._folder / "warm", limits=limits)
        with listen(self.client.address) as listener, (self._folder / "last_words").open("wb") as words:
            command = [sys.executable, "-P", "-m", "course_lib.classroom.fork_server", str(listener.fileno()), "0"]
            command += libraries
            self._process = subprocess.Popen(
                sandbox_command(command, package=package, limits=limits, user=None, keeps_rights=True),
                pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL, stdout=words, stderr=words, cwd="/",
            )  # fmt: skip

    def __enter__(self) -> WarmProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def check(self) -> None:
        """Say why it ended, if it has.

        Raises
        ------
        CourseError
            In one line, with its last words.
        """
        if self._process.poll() is not None:
            said = (self._folder / "last_words").read_text("utf-8", "replace").strip().splitlines()
            why = said[-1][:300] if said else "it ended without a word"
            raise CourseError(f"the process that starts students' kernels fails: {why}; see `course doctor --sandbox`")

    def stop(self) -> None:
        """End the process and every kernel that it forked."""
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def listen(address: Path) -> socket.socket:
    """Open the socket on which a warm process will listen; whoever connects before it does waits for it."""
    one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        one.bind(str(address))
        one.listen(64)
    except OSError:
        one.close()
        raise
    return one


def ask_for_kernel(address: Path, request: dict[str, Any], files: list[int]) -> ForkedKernel:
    """Send one request to a warm process (`course_lib.classroom.fork_server`); return the kernel.

    Raises
    ------
    OSError, ValueError
        Nobody is there, or nobody answers in time; the libraries may still be being imported.
    """
    lifeline, theirs = os.pipe()
    words, *sockets = files
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
            line.settimeout(_SECONDS_TO_IMPORT)
            line.connect(str(address))
            socket.send_fds(line, [json.dumps(request).encode()], [words, lifeline, *sockets])
            _, (kernel,), _, _ = socket.recv_fds(line, 4096, 1)
    except (OSError, ValueError):
        os.close(theirs)
        raise
    finally:
        os.close(lifeline)
    return ForkedKernel(kernel, theirs)
