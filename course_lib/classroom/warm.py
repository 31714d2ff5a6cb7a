"""Warm kernels for the grader: one process imports the libraries inside the sandbox's view, and forks ready kernels.

The outer wall is bubblewrap's, the same as around a cold kernel: it decides what can be seen at all. Each fork raises
walls of its own around itself (`course_lib.classroom.namespaces`) before it runs a line of a student's code.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase

from course_lib.classroom.sandbox import HOME, WRITABLE, SandboxLimits, own_user, sandbox_command
from course_lib.errors import CourseError

__all__ = ["ForkedKernel", "ForkedProvisioner", "WarmClient", "WarmProcess"]

_SECONDS_TO_IMPORT = 180
_SECONDS_TO_FORK = 20


class ForkedKernel:
    """A kernel's process, known by a descriptor that cannot come to mean another one."""

    def __init__(self, descriptor: int, lifeline: int) -> None:
        self._descriptor, self._lifeline = descriptor, lifeline

    @property
    def pid(self) -> int:
        """Its number as seen from here; 0 once it has ended."""
        for line in Path(f"/proc/self/fdinfo/{self._descriptor}").read_text().splitlines():
            if line.startswith("Pid:"):
                return max(int(line.split()[1]), 0)
        return 0

    def is_alive(self) -> bool:
        """Whether it runs."""
        return not select.select([self._descriptor], [], [], 0)[0]

    def kill(self, *, timeout_s: float = 10) -> None:
        """End it and all that it started, and wait for it."""
        if self._descriptor < 0:
            return
        if self.is_alive():
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            select.select([self._descriptor], [], [], timeout_s)
        os.close(self._descriptor)
        os.close(self._lifeline)
        self._descriptor = -1


class ForkedProvisioner(KernelProvisionerBase):
    """What a `jupyter_client` kernel manager needs to know of a kernel that is running already."""

    def __init__(self, kernel: ForkedKernel) -> None:
        super().__init__(kernel_id="", kernel_spec=KernelSpec())
        self.kernel: ForkedKernel | None = kernel

    @property
    def has_process(self) -> bool:
        """Whether there is a kernel that nobody has ended."""
        return self.kernel is not None

    @property
    def pid(self) -> int:
        """The process's number as seen from here; 0 once it has ended."""
        return self.kernel.pid if self.kernel else 0

    async def poll(self) -> int | None:
        """Return None while it runs."""
        return None if self.kernel and self.kernel.is_alive() else 1

    async def wait(self) -> int | None:
        """End it; there is nothing to wait for."""
        await self.kill()
        return None

    async def send_signal(self, signum: int) -> None:
        """Only an end is sent; interruptions go by message, since signals stop at the walls."""
        if signum in (signal.SIGKILL, signal.SIGTERM):
            await self.kill()

    async def kill(self, restart: bool = False) -> None:
        """End it and all that it started."""
        if self.kernel:
            self.kernel.kill()
            self.kernel = None

    async def terminate(self, restart: bool = False) -> None:
        """End it, as `kill` does."""
        await self.kill()

    async def cleanup(self, restart: bool = False) -> None:
        """End it, as `kill` does."""
        await self.kill()

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Refuse: this kernel was started before."""
        raise NotImplementedError("the kernel is running already")


@dataclass(frozen=True)
class WarmClient:
    """
    A line to the warm process; it can be handed to another process of the grader.

    Parameters
    ----------
    requests : socket
        Carries one request and one answer at a time.
    limits : SandboxLimits
        What each kernel may use.
    """

    requests: socket.socket
    limits: SandboxLimits

    def fork(self, *, connection: dict[str, Any], sockets: list[int], words: int) -> ForkedKernel:
        """Start a kernel that listens on `sockets` and whose last words go to the file `words`."""
        user = own_user() if os.geteuid() == 0 else None
        request = {
            "connection": connection, "limits": vars(self.limits), "folder": HOME,
            "walls": {"user": user, "folders": WRITABLE, "size_mb": self.limits.disk_mb},
        }  # fmt: skip
        lifeline, theirs = os.pipe()
        try:
            socket.send_fds(self.requests, [json.dumps(request).encode()], [words, lifeline, *sockets])
            _, (kernel,) = _receive(self.requests, _SECONDS_TO_FORK)
        except (OSError, ValueError) as problem:
            os.close(theirs)
            raise CourseError(f"the process that starts students' kernels is gone ({problem}): grade again") from None
        finally:
            os.close(lifeline)
        return ForkedKernel(kernel, theirs)

    def close(self) -> None:
        """Hang up; kernels that were forked go on."""
        self.requests.close()


class WarmProcess:
    """
    A process that has imported the libraries and forks kernels; a context manager that ends it and them.

    Parameters
    ----------
    package : Path
        Copy of `course_lib` that the kernels may see.
    limits : SandboxLimits
        What each of them may use.

    Raises
    ------
    CourseError
        bubblewrap is missing, or the process does not start.
    """

    def __init__(self, package: Path, *, limits: SandboxLimits) -> None:
        self.limits = limits
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - `stop` closes it
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-P", "-m", "course_lib.classroom.fork_server", str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(
                sandbox_command(command, package=package, limits=limits, user=None, keeps_rights=True),
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=self._words, stderr=self._words, cwd="/",
            )  # fmt: skip

    def __enter__(self) -> WarmProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait_until_ready(self) -> None:
        """Wait for the libraries to be imported."""
        try:
            _receive(self._control, _SECONDS_TO_IMPORT)
        except (OSError, ValueError) as problem:
            self._words.seek(0)
            said = self._words.read().decode("utf-8", "replace").strip().splitlines()
            raise CourseError(
                f"the process that starts students' kernels fails: {said[-1][:300] if said else problem}; "
                "`course doctor --sandbox` says more"
            ) from None

    def connect(self) -> WarmClient:
        """Open another line to it."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(self._control, [b"{}"], [theirs.fileno()])
        return WarmClient(ours, self.limits)

    def stop(self) -> None:
        """End the process and every kernel that it forked."""
        self._control.close()
        self._process.kill()
        self._process.wait()
        self._words.close()


def _receive(requests: socket.socket, timeout_s: float) -> tuple[Any, list[int]]:
    requests.settimeout(timeout_s)
    text, files, _, _ = socket.recv_fds(requests, 4096, 1)
    if not text:
        raise ValueError("it ended")
    return json.loads(text), files
