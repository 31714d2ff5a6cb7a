"""A Jupyter kernel for a student's code: started in a sandbox, asked, interrupted, killed.

The grader opens the kernel's sockets in a folder of its own and hands only the open descriptors over: the sandbox
shares no folder and no network with anything. `StudentKernel.manager` is an ordinary `jupyter_client` kernel manager,
so papermill and nbclient can run a notebook on it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from queue import Empty
from types import TracebackType
from typing import Any, BinaryIO

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_client.session import Session

from course_lib.classroom.containers import ContainerClient
from course_lib.classroom.sandbox import SandboxLimits, kernel_environment, own_user, sandbox_command
from course_lib.classroom.student_side import LEAVE, PORTS, REQUEST
from course_lib.classroom.warm import ForkedKernel, WarmClient
from course_lib.classroom.wire import LIMITS
from course_lib.errors import CourseError

__all__ = ["KernelLostError", "KernelTimeoutError", "StudentKernel"]

_PORT_OF = dict(zip(("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"), PORTS, strict=True))
_LARGEST_MESSAGE = 128 * 2**20
_GRACE_S = 2.0
_SECONDS_TO_END = 10
_MOST_BEFORE_WELCOME = 1_000
_NOTHING = {"kind": "evaluate", "expression": "None"}


class KernelLostError(Exception):
    """The kernel ended, or says what no kernel says."""


class KernelTimeoutError(Exception):
    """The kernel did not answer in time; it may still be busy."""


class _Manager(KernelManager):
    """A kernel manager with one fixed command line; it interrupts by message, for signals do not cross the sandbox."""

    command: tuple[str, ...] = ()

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(argv=list(self.command), display_name="Python 3", language="python", interrupt_mode="message")


class _Client(AsyncKernelClient):
    """A client without the heart's channel: its thread would wait for ever on a line that the kernel has broken."""

    def start_channels(self, *arguments: bool, **channels: bool) -> None:
        super().start_channels(*arguments, **{**channels, "hb": False})

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel welcomes the subscription to its outputs; Jupyter's own waits for 0.2 s of silence."""
        with contextlib.suppress(Empty):
            for _ in range(_MOST_BEFORE_WELCOME):
                if (await self.iopub_channel.get_msg(timeout=1))["msg_type"] == "iopub_welcome":
                    return
        await super().wait_for_ready(timeout)  # an older kernel, which welcomes nobody


class StudentKernel:
    """
    One kernel and everything that belongs to it; a context manager that leaves nothing behind.

    Parameters
    ----------
    package : Path
        Copy of `course_lib` that the kernel may see.
    limits : SandboxLimits
        What it may use.
    sandboxed : bool
        False runs it as an ordinary process of this user (with the resource limits only).
    warm : WarmClient, optional
        Forks the kernel from a process that has imported the libraries; else Python starts anew.

    Raises
    ------
    CourseError
        bubblewrap is missing, or the kernel does not start: one line with its last words.
    """

    def __init__(
        self,
        package: Path,
        *,
        limits: SandboxLimits,
        sandboxed: bool = True,
        warm: WarmClient | None = None,
        start_timeout_s: float = 60,
    ) -> None:
        self.limits = limits
        self._stopped = threading.Event()
        self._door, self._their_door = socket.socketpair()
        self._at_the_door, self._number, self._heard, self._searched = False, 0, bytearray(), 0
        self._folder = Path(tempfile.mkdtemp(prefix="course-"))
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        shared = zmq.asyncio.Context()  # for nbclient's asynchronous client
        for context in (self._context, shared):
            context.setsockopt(zmq.LINGER, 0)
            context.setsockopt(zmq.MAXMSGSIZE, _LARGEST_MESSAGE)
            context.setsockopt(zmq.RCVHWM, 50)
            context.setsockopt(zmq.SNDTIMEO, round(1000 * _GRACE_S))  # who has broken the line does not hold us up
        self.manager = _Manager(
            context=shared,
            transport="ipc",
            ip=str(self._folder / "k"),
            connection_file=str(self._folder / "connection.json"),
            client_class=f"{__name__}._Client",
            **_PORT_OF,
        )
        try:
            self._start(package, sandboxed, warm)
            self._session = Session(key=self.manager.session.key)
            self._shell, self._control = (
                self._socket(zmq.DEALER, "shell_port"),
                self._socket(zmq.DEALER, "control_port"),
            )
            self._wait_until_ready(start_timeout_s)
            self._alone = len(_family(self.process()))
            if not isinstance(warm, ContainerClient):  # an engine bounds its containers' memory itself
                threading.Thread(target=self._watch_memory, args=(self.process(),), daemon=True).start()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> StudentKernel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def execute(self, source: str, *, time_limit_s: float) -> dict[str, Any]:
        """Run a cell without keeping its outputs; return the content of the kernel's reply (`status`, `ename`, …)."""
        return self._run(source, time_limit_s)

    def ask(self, request: dict[str, Any], *, time_limit_s: float) -> Any:
        """Put a request to `course_lib.classroom.student_side.answer`; return what should be its JSON text."""
        deadline = time.monotonic() + time_limit_s
        if not self._at_the_door:
            self._send(self._shell, REQUEST)
            self._at_the_door = True
        self._number += 1
        self._say(f"{self._number} {json.dumps(request)}".encode())
        wanted = str(self._number).encode()
        while True:
            number, _, text = self._hear(deadline, time_limit_s).partition(b" ")
            if number == wanted:
                return text.decode("ascii", "replace")

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return bool(self.manager.is_alive())

    def process(self) -> int:
        """Return the number of its process; 0 where there is none."""
        provisioner: Any = self.manager.provisioner
        return int(provisioner.process.pid) if provisioner and provisioner.process else 0

    def interrupt(self, *, grace_s: float = _GRACE_S) -> bool:
        """Interrupt what runs; return whether the kernel is free within `grace_s` seconds, with no process left."""
        try:
            self._send(self._control, "interrupt_request")
            self.ask(_NOTHING, time_limit_s=grace_s) if self._at_the_door else self._run("", grace_s)
        except (KernelLostError, KernelTimeoutError):
            return False
        return len(_family(self.process())) <= self._alone

    def stop(self) -> None:
        """End the kernel and all that it started, and remove its folder."""
        self._stopped.set()
        provisioner: Any = self.manager.provisioner
        if provisioner and isinstance(provisioner.process, ForkedKernel):  # Jupyter's way looks but ten times a second
            provisioner.process.kill()
            provisioner.process.wait(_SECONDS_TO_END)
            provisioner.process = None
        elif self.manager.has_kernel:
            self.manager.shutdown_kernel(now=True)
        self._door.close()
        self._their_door.close()
        self._context.destroy(linger=0)
        self.manager.context.destroy(linger=0)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, package: Path, sandboxed: bool, warm: WarmClient | None) -> None:
        listening = [_listen(f"{self.manager.ip}-{port}") for port in PORTS]
        connection = {
            **_PORT_OF,
            "transport": "ipc",
            "ip": "/tmp/kernel",
            "signature_scheme": self.manager.session.signature_scheme,
            "key": self.manager.session.key.decode("ascii"),
        }
        sockets = [one.fileno() for one in (*listening, self._their_door)]
        try:
            with open(self._folder / "last_words", "wb") as words:
                if warm is None:
                    self._start_cold(package, sandboxed, connection, sockets, words)
                else:
                    kernel = warm.fork(connection=connection, sockets=sockets, words=words.fileno())
                    provisioner: Any = LocalProvisioner(kernel_id="", kernel_spec=KernelSpec())
                    provisioner.process = kernel
                    self.manager.provisioner = provisioner
        finally:
            for one in (*listening, self._their_door):
                one.close()

    def _start_cold(
        self, package: Path, sandboxed: bool, connection: dict[str, Any], sockets: list[int], words: BinaryIO
    ) -> None:
        plan = {"connection": connection, "limits": vars(self.limits), "sockets": sockets, "walls": sandboxed}
        handed = os.memfd_create("plan")
        try:
            os.write(handed, json.dumps(plan).encode())
            os.lseek(handed, 0, os.SEEK_SET)
            command = [sys.executable, "-P", "-m", "course_lib.classroom.student_side", str(handed)]
            environment: dict[str, str] = {}
            folder = "/"
            if sandboxed:
                user = own_user() if os.geteuid() == 0 else None
                self.manager.command = tuple(sandbox_command(command, package=package, limits=self.limits, user=user))
            else:
                home = self._folder / "home"
                home.mkdir()
                self.manager.command = tuple(command)
                environment = {**kernel_environment(str(home)), "PYTHONPATH": str(package.parent)}
                folder = str(home)
            self.manager.start_kernel(
                env=environment, cwd=folder, pass_fds=(handed, *sockets), stdout=words, stderr=words
            )
        finally:
            os.close(handed)

    def _watch_memory(self, process: int) -> None:
        """End the kernel once all its processes together hold more memory than they may."""
        allowed_kb = self.limits.resident_mb * 1024
        while not self._stopped.wait(0.25):
            if _memory_kb(process, enough_kb=allowed_kb) > allowed_kb:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
                return

    def _wait_until_ready(self, timeout_s: float) -> None:
        try:
            self._run("", timeout_s)
        except (KernelLostError, KernelTimeoutError) as problem:
            words = (self._folder / "last_words").read_text("utf-8", "replace").strip().splitlines()
            why = words[-1][:300] if words else str(problem)
            raise CourseError(
                f"the kernel for students' code does not start: {why}; `course doctor` says what is missing"
            ) from None

    def _socket(self, kind: int, port: str) -> zmq.Socket[bytes]:
        one = self._context.socket(kind)
        one.connect(f"ipc://{self.manager.ip}-{_PORT_OF[port]}")
        return one

    def _run(self, source: str, time_limit_s: float) -> dict[str, Any]:
        content = {
            "code": source, "silent": True, "store_history": False, "user_expressions": {}, "allow_stdin": False,
            "stop_on_error": False,
        }  # fmt: skip
        return self._ask("execute_request", content, time_limit_s)

    def _send(self, line: zmq.Socket[bytes], message: str | dict[str, Any]) -> None:
        try:
            self._session.send(line, message)
        except zmq.ZMQError as problem:
            raise KernelLostError(f"the kernel does not listen: {problem}") from None

    def _say(self, line: bytes) -> None:
        self._door.settimeout(_GRACE_S)
        try:
            self._door.sendall(line + b"\n")
        except OSError as problem:
            raise KernelLostError(f"the kernel does not listen: {problem}") from None

    def _hear(self, deadline: float, time_limit_s: float) -> bytes:
        """Read one line; a stranger may have written it."""
        while (end := self._heard.find(b"\n", self._searched)) < 0:
            self._searched = len(self._heard)
            if self._searched > LIMITS.characters + 100:
                raise KernelLostError("the kernel's answer has no end")
            self._door.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                more = self._door.recv(2**20)
            except TimeoutError:
                raise KernelTimeoutError(f"no answer within {time_limit_s:g} s") from None
            except OSError:
                more = b""
            if not more:
                raise KernelLostError("the kernel ended")
            self._heard += more
        line, self._searched = bytes(self._heard[:end]), 0
        del self._heard[: end + 1]
        return line

    def _ask(self, kind: str, content: dict[str, Any], time_limit_s: float) -> dict[str, Any]:
        if self._at_the_door:
            self._say(LEAVE)
            self._at_the_door = False
        request = self._session.msg(kind, content)
        wanted = request["header"]["msg_id"]
        self._send(self._shell, request)
        deadline = time.monotonic() + time_limit_s
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise KernelTimeoutError(f"no answer within {time_limit_s:g} s")
            if self._shell.poll(round(1000 * min(left, 0.25)) + 1):
                reply = self._read()
                if reply.get("parent_header", {}).get("msg_id") == wanted:
                    return reply["content"] if isinstance(reply.get("content"), dict) else {}
            elif not self.is_alive():
                raise KernelLostError("the kernel ended")

    def _read(self) -> dict[str, Any]:
        """Read one message; a stranger may have written it."""
        try:
            _, message = self._session.feed_identities(self._shell.recv_multipart(copy=True))
            reply = self._session.deserialize(message)
        except (
            Exception
        ) as problem:  # bad signature, bad JSON, nested too deeply: whatever it is, no kernel speaks like this
            raise KernelLostError(f"the kernel's answer cannot be read: {type(problem).__name__}") from None
        return reply if isinstance(reply.get("parent_header"), dict) else {}


def _memory_kb(process: int, *, enough_kb: int) -> int:
    """Return the memory that a process and all that it started hold, in KiB, exact only where it is above `enough_kb`.

    A quick look counts pages that processes share more than once; the exact one, which counts them once, is slow.
    """
    family = _family(process)
    quick = sum(_resident_kb(folder) for folder in family)
    return quick if quick <= enough_kb else sum(_own_kb(folder) for folder in family)


def _family(process: int) -> list[Path]:
    found, waiting = [], [str(process)]
    while waiting:
        folder = Path("/proc", waiting.pop())
        found.append(folder)
        with contextlib.suppress(OSError):  # it ended meanwhile
            for task in (folder / "task").iterdir():
                waiting += (task / "children").read_text().split()
    return found


def _resident_kb(folder: Path) -> int:
    try:
        return int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    except (OSError, IndexError):  # it ended meanwhile
        return 0


def _own_kb(folder: Path) -> int:
    try:
        held = (folder / "smaps_rollup").read_text()
    except PermissionError:  # then shared pages count more than once
        held = (folder / "status").read_text()
    except OSError:  # it ended meanwhile
        return 0
    return sum(int(kb) for kb in re.findall(r"^(?:Pss_|Rss)(?:Anon|Shmem):\s+(\d+) kB", held, re.MULTILINE))


def _listen(path: str) -> socket.socket:
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    one.bind(path)
    one.listen(16)
    os.set_blocking(one.fileno(), False)
    return one
