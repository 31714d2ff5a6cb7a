"""A container for each kernel of a student's: docker or podman in the place of bubblewrap, under the same contract.

The engine gives the walls that bubblewrap gives: a read-only system without network, users, capabilities, bounded
folders in memory. The kernel filters its own system calls, as everywhere. A container that could hold a warm process,
whose forks raise walls of their own, would need the rights to make namespaces: the very ones that are to be kept from
it. So every kernel starts anew, in a container of its own, and imports what the class imports, which takes seconds.

References
----------
docker-run(1), podman-run(1), unix(7) on open files sent as messages.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from course_lib.classroom.sandbox import WRITABLE, SandboxLimits, kernel_environment, own_user
from course_lib.classroom.warm import ForkedKernel, WarmClient, WarmProcess, listen
from course_lib.errors import CourseError

__all__ = [
    "ENGINES",
    "IMAGE",
    "ContainedKernel",
    "ContainerClient",
    "Containers",
    "container_command",
    "kernels_from",
    "why_no_container",
]

ENGINES = {"docker": (20, 10), "podman": (4, 0)}
"""The programs that can start containers, and the oldest version of each that will do."""
IMAGE = "course-kernel"
_LIBRARY = "/course"
_DOOR = "/course-door"
_SECONDS_TO_START = 60
_VERSION = {"docker": "{{.Server.Version}}", "podman": "{{.Client.Version}}"}
_CURES = {
    "docker": "start its daemon (sudo systemctl start docker) and let your account use it "
    "(sudo usermod -aG docker YOU, then log in again)",
    "podman": "mend it until `podman info` works",
}


class ContainedKernel(ForkedKernel):
    """The first process of a container, together with the engine's program that waits for its end.

    Parameters
    ----------
    descriptor : int
        The process's pidfd.
    lifeline : int
        The line to it; when that closes, the container ends.
    engine : subprocess.Popen
        ``docker run`` or ``podman run``.
    folder : Path
        What the engine used meanwhile; it is taken away in the end.
    """

    def __init__(self, descriptor: int, lifeline: int, engine: subprocess.Popen[bytes], folder: Path) -> None:
        super().__init__(descriptor, lifeline)
        self._engine, self._folder = engine, folder

    def send_signal(self, number: int) -> None:
        """End it, whatever the signal: an ordinary user has no right to send one, but everybody can hang up."""
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._lifeline)) as line:
            line.shutdown(socket.SHUT_RDWR)

    def wait(self, timeout: float = 10) -> int:
        """Wait until it has ended and the engine has taken the container away."""
        super().wait(timeout)
        _end(self._engine, self._folder, timeout)
        return 1


class ContainerClient(WarmClient):
    """
    Starts each kernel in a new container; it can be handed to another process of the grader.

    Parameters
    ----------
    engine : str
        Of `ENGINES`.
    package : Path
        Copy of `course_lib` that the kernels may see.
    limits : SandboxLimits
        What each kernel may use.
    libraries : sequence of str
        Which of `course_lib.classroom.fork_server.LIBRARIES` each finds imported; none by default.
    """

    def __init__(self, engine: str, package: Path, *, limits: SandboxLimits, libraries: Sequence[str] = ()) -> None:
        super().__init__(Path(_DOOR), limits=limits)
        self.engine, self.package, self.libraries = engine, package, tuple(libraries)
        self._program = shutil.which(engine) or engine  # found once: all who grade this class ask the same one

    def fork(self, *, connection: dict[str, Any], sockets: list[int], words: int) -> ForkedKernel:
        """Start a kernel that listens on `sockets` and whose last words go to the file `words`.

        Raises
        ------
        CourseError
            The container does not start: one line with the engine's last words.
        """
        plan = json.dumps({"connection": connection, "limits": vars(self.limits)}).encode()
        folder = Path(tempfile.mkdtemp(prefix="course-"))
        door, said = folder / "door", folder / "said"
        command = container_command(self.engine, package=self.package, door=door, limits=self.limits)
        command[0] = self._program
        command += self.libraries
        with listen(door) as listener, said.open("wb") as words_of_engine:
            door.chmod(0o666)  # the folder around it is private, and the container's user is nobody's
            engine = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=words_of_engine, stderr=words_of_engine, cwd=folder,
                start_new_session=True,
            )  # fmt: skip
            try:
                with _first_caller(listener, engine) as line:
                    socket.send_fds(line, [plan], [words, *sockets])
                    _, (first,), _, _ = socket.recv_fds(line, 4096, 1)
                    return ContainedKernel(first, line.detach(), engine, folder)
            except BaseException as problem:
                engine.kill()
                why = _last_line(said.read_text("utf-8", "replace"))
                _end(engine, folder, 10)
                if not isinstance(problem, (OSError, ValueError)):
                    raise
                raise CourseError(
                    f"{self.engine} does not start a container: {why}; see `course doctor --sandbox {self.engine}`"
                ) from None


class Containers:
    """
    Stands where a `WarmProcess` stands; between two kernels nothing runs.

    Parameters
    ----------
    engine, package, limits, libraries
        As for `ContainerClient`.

    Raises
    ------
    CourseError
        Containers cannot be started here: one line that says what to do.
    """

    def __init__(self, engine: str, package: Path, *, limits: SandboxLimits, libraries: Sequence[str] = ()) -> None:
        problem = why_no_container(engine)
        if problem:
            raise CourseError(problem)
        self.client = ContainerClient(engine, package, limits=limits, libraries=libraries)

    def __enter__(self) -> Containers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def check(self) -> None:
        """Do nothing: there is no process that could have ended."""

    def stop(self) -> None:
        """Do nothing: each container ends with its kernel."""


def kernels_from(
    engine: str, package: Path, *, limits: SandboxLimits, libraries: Sequence[str] = ()
) -> Containers | WarmProcess:
    """Return what starts a class's kernels: containers of the engine, or (without a name) a process in bubblewrap."""
    if engine:
        return Containers(engine, package, limits=limits, libraries=libraries)
    return WarmProcess(package, limits=limits, libraries=libraries)


def why_no_container(engine: str) -> str:
    """Return what keeps an engine from starting our containers here, and what to do; empty where it can.

    Examples
    --------
    >>> why_no_container("lxc")
    "--sandbox needs bubblewrap, docker or podman, got 'lxc'"
    """
    if engine not in ENGINES:
        return f"--sandbox needs bubblewrap, docker or podman, got {engine!r}"
    if sys.platform != "linux":
        return "containers are handed open sockets, which no virtual machine passes on: grade on Linux itself"
    if shutil.which(engine) is None:
        return f"{engine} is missing: install it, or leave out --sandbox {engine} (bubblewrap needs no engine)"
    asked = _ask(engine, "version", "--format", _VERSION[engine])
    if asked.returncode:
        return f"{engine} does not work here ({_last_line(asked.stderr)}): {_CURES[engine]}"
    version = asked.stdout.strip()
    least = ".".join(map(str, ENGINES[engine]))
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < ENGINES[engine]:
        return f"{engine} {version} is too old, or another program under that name: wanted {least} or newer"
    if _ask(engine, "image", "inspect", IMAGE).returncode:
        return (
            f"{engine} has no image {IMAGE}: build it once, in the checkout: {engine} build --tag {IMAGE} --file "
            "course_lib/classroom/container/Dockerfile ."
        )
    return ""


def container_command(engine: str, *, package: Path, door: Path, limits: SandboxLimits) -> list[str]:
    """
    Command line that starts a kernel's container.

    Parameters
    ----------
    engine : str
        Of `ENGINES`.
    package : Path
        The copy of `course_lib` that the kernel sees.
    door : Path
        The socket on which the grader waits for it.
    limits : SandboxLimits
        The engine bounds all processes together; the kernel's launcher sets the bounds of each.
    """
    user = 60_600 + own_user() % 500  # numbers that no account has, also below those of an ordinary user's own podman
    private = [f"{folder}:rw,exec,nosuid,nodev,size={limits.disk_mb}m,mode=1777" for folder in WRITABLE]
    memory = f"{limits.resident_mb + len(WRITABLE) * limits.disk_mb}m"  # what lies in these folders is memory too
    environment = {
        **kernel_environment(), "PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": _LIBRARY,
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # a kernel's own, before anything is imported
    }  # fmt: skip
    return [
        engine, "run", "--rm", "--pull", "never", "--log-driver", "none",
        "--network", "none", "--ipc", "private", "--hostname", "course", "--workdir", "/",
        "--user", f"{user}:{user}", "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges", "--security-opt", "label=disable",  # SELinux would keep the door shut
        "--memory", memory, "--memory-swap", memory, "--pids-limit", str(limits.processes + 16),
        *(word for name in ("nofile", "nproc", "core") for word in ("--ulimit", f"{name}={_bound(name, limits)}")),
        "--read-only", *(["--read-only-tmpfs=false", "--http-proxy=false"] if engine == "podman" else []),
        *(word for folder in private for word in ("--tmpfs", folder)),
        "--mount", f"type=bind,source={package},target={_LIBRARY}/course_lib,readonly",
        "--mount", f"type=bind,source={door},target={_DOOR},readonly",
        IMAGE, "env", "-i", *(f"{name}={value}" for name, value in environment.items()),
        "python3", "-P", "-m", "course_lib.classroom.container_side", _DOOR,
    ]  # fmt: skip


def _bound(name: str, limits: SandboxLimits) -> str:
    bound = {"nofile": limits.open_files, "nproc": limits.processes, "core": 0}[name]
    return f"{bound}:{bound}"


def _ask(engine: str, *words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run([engine, *words], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        return subprocess.CompletedProcess([engine, *words], 1, "", str(problem))


def _first_caller(listener: socket.socket, engine: subprocess.Popen[bytes]) -> socket.socket:
    """Wait for the container to call, as long as there is hope."""
    deadline = time.monotonic() + _SECONDS_TO_START
    while not select.select([listener], [], [], 0.1)[0]:
        if engine.poll() is not None or time.monotonic() > deadline:
            raise OSError("nobody called")
    line = listener.accept()[0]
    line.settimeout(_SECONDS_TO_START)
    return line


def _end(engine: subprocess.Popen[bytes], folder: Path, timeout: float) -> None:
    """Wait for the engine's program, and tidy up."""
    try:
        engine.wait(timeout)
    except subprocess.TimeoutExpired:
        engine.kill()
        engine.wait()
    shutil.rmtree(folder, ignore_errors=True)


def _last_line(text: str) -> str:
    """Return the last line that tells of an error; the engines add where to read on."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if "rror" in line or "annot" in line] or lines or ["no reason given"]
    return told[-1][:300].rstrip(".")
