"""The one contract that every kernel of a student's has to hold, however it was started: tried out, not believed.

`course_lib.classroom.forbidden` says what must not be possible. Here bait is laid out on the host (a private file, a
secret in the environment, a server on the loopback, another kernel beside), each attempt is made inside a kernel, and
what came of it is told. Cold and warm kernels, and containers, pass through the same door.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from course_lib.classroom.containers import ContainerClient, Containers
from course_lib.classroom.forbidden import FORBIDDEN
from course_lib.classroom.kernels import KernelLostError, KernelTimeoutError, StudentKernel
from course_lib.classroom.sandbox import SandboxLimits
from course_lib.classroom.warm import WarmClient, WarmProcess

__all__ = ["LIMITS", "Outcome", "StartKernel", "canaries", "kernels", "try_everything"]

LIMITS = SandboxLimits(resident_mb=800, disk_mb=16, cpu_seconds=40)
"""Small bounds, so that coming up against them takes little; of address space CUDA's build of torch maps a lot."""
StartKernel = Callable[[SandboxLimits], StudentKernel]
_PACKAGE = Path(__file__).parents[1]
_NEIGHBOUR = """
import os, socket, subprocess
os.environ["COURSE_NEIGHBOUR"] = "seen"
for path in {paths!r}:
    open(path, "w").close()
line = socket.socket(socket.AF_UNIX)
line.bind("\\0{mark}-next")
line.listen()
child = subprocess.Popen(["sleep", "{sleep}"])
"""
_DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.execvp("sleep", ["sleep", "{sleep}"])
"""
_HOARD = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        hoard = b"x" * {size}
        time.sleep(60)
time.sleep(60)
"""


@dataclass(frozen=True)
class Outcome:
    """What came of one attempt: `words` are the kernel's own; `why` says what a submission could do with it.

    Examples
    --------
    >>> print(Outcome("read a file", True, "FileNotFoundError: [Errno 2] No such file or directory: '/a'", ""))
    ✓ refused: read a file (No such file or directory)
    >>> print(Outcome("read a file", False, "b'answers'", "it could copy"))
    ✗ NOT refused: read a file: it could copy (b'answers')
    """

    name: str
    refused: bool
    words: str
    why: str

    def __str__(self) -> str:
        words = " ".join(self.words.split())[:120]
        if not self.refused:
            return f"✗ NOT refused: {self.name}: {self.why} ({words})"
        plain = re.sub(r"^\w+: (\[Errno \d+\] )?(?=.)", "", words).partition(": '")[0].rstrip(":")
        return f"✓ refused: {self.name} ({plain})"


@contextlib.contextmanager
def canaries() -> Iterator[dict[str, Any]]:
    """Lay out bait on this machine, and take it away in the end; start kernels inside, so that they could inherit it.

    Yields
    ------
    dict
        Paths, ports and words for `course_lib.classroom.forbidden`.
    """
    mark = f"course-canary-{secrets.token_hex(6)}"
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=mark))
        private = _bait(Path(folder, "private"), 0o600)
        public = _bait(Path(tempfile.gettempdir(), f"{mark}-public"), 0o644)
        at_home, here = (_bait(place / f".{mark}", 0o644, instead=Path(folder)) for place in (Path.home(), Path.cwd()))
        for path in (private, public, at_home, here):
            stack.callback(path.unlink, missing_ok=True)
        os.environ["COURSE_SECRET"] = f"secret-{mark}"
        stack.callback(os.environ.pop, "COURSE_SECRET", None)
        port = stack.enter_context(_listener(socket.AF_INET, ("127.0.0.1", 0))).getsockname()[1]
        stack.enter_context(_listener(socket.AF_UNIX, "\0" + mark))
        stack.enter_context(_listener(socket.AF_UNIX, f"{folder}/socket"))
        held = stack.enter_context(open(private, "rb"))
        os.set_inheritable(held.fileno(), True)
        checkout = _PACKAGE.parent
        yield {
            "mark": mark, "private": str(private), "public": str(public), "at_home": str(at_home), "here": str(here),
            "secret": f"secret-{mark}", "port": port, "socket": f"{folder}/socket", "grader": _command_line(),
            "others": [os.getpid()],
            "checkout": [str(checkout), [one.name for one in checkout.iterdir() if one.name not in _seen(checkout)]],
        }  # fmt: skip


@contextlib.contextmanager
def kernels(package: Path, *, engine: str = "") -> Iterator[dict[str, StartKernel]]:
    """Give what starts each kind of kernel that grading can use, by its name; `package` is what the kernels see.

    With the name of an engine (docker, podman) that is one kind: a container a kernel.
    """
    if engine:
        Containers(engine, package, limits=LIMITS)  # says why it cannot be, before anything is tried

        def contained(limits: SandboxLimits) -> StudentKernel:
            return StudentKernel(package, limits=limits, warm=ContainerClient(engine, package, limits=limits))

        yield {engine: contained}
        return
    with WarmProcess(package, limits=LIMITS) as warm:

        def cold(limits: SandboxLimits) -> StudentKernel:
            return StudentKernel(package, limits=limits)

        def forked(limits: SandboxLimits) -> StudentKernel:
            return StudentKernel(package, limits=limits, warm=WarmClient(warm.client.address, limits=limits))

        yield {"cold": cold, "warm": forked}


def try_everything(start: StartKernel, bait: dict[str, Any], *, limits: SandboxLimits = LIMITS) -> Iterator[Outcome]:
    """
    Try each forbidden thing on a kernel, with another kernel beside it; then what several kernels or their end need.

    Parameters
    ----------
    start : callable
        Starts a kernel with the limits that it is given.
    bait : dict
        From `canaries`.
    limits : SandboxLimits
        Bounds to run up against.

    Yields
    ------
    Outcome
        One for each thing tried.
    """
    sleep = f"{900 + secrets.randbits(40) / 2**40:.13f}"  # a number of seconds that names a process of ours
    left = [f"{folder}/{bait['mark']}" for folder in ("/tmp", "/dev/shm")]
    # The kernel that computes without end needs seconds of a core and nothing else: it does so beside the others.
    with ThreadPoolExecutor(max_workers=1) as beside, start(limits) as neighbour:
        burning = beside.submit(_burns_in_a_thread, start, limits)
        neighbour.execute(_NEIGHBOUR.format(paths=left, mark=bait["mark"], sleep=sleep), time_limit_s=20)
        others = [*bait["others"], neighbour.process()]
        known = {**bait, **vars(limits), "neighbours": left, "others": others, "sleep": sleep}
        with start(limits) as kernel:
            for place in range(len(FORBIDDEN)):
                yield _outcome(kernel, place, known)
        yield burning.result()
    yield _hoards(start, limits)
    yield from _survives(start, limits, sleep)


def _outcome(kernel: StudentKernel, place: int, bait: dict[str, Any]) -> Outcome:
    one = FORBIDDEN[place]
    expression = f"__import__('course_lib.classroom.forbidden', fromlist=['x']).try_one({place}, {bait!r})"
    try:
        reply = json.loads(kernel.ask({"kind": "evaluate", "expression": expression}, time_limit_s=30))
    except (KernelLostError, KernelTimeoutError, ValueError) as problem:
        return Outcome(one.name, False, f"the kernel did not get through it: {problem}", one.why)
    if "error" not in reply:
        return Outcome(one.name, False, str(reply.get("value")), one.why)
    words = f"{reply['error']['type']}: {reply['error']['message']}"
    return Outcome(one.name, bool(re.search(one.refusal, words)), words, one.why)


def _hoards(start: StartKernel, limits: SandboxLimits) -> Outcome:
    why = "one submission could take the machine from all others"
    source = _HOARD.format(size=limits.resident_mb * 2**20 // 4)
    return _ended_by(start, limits, source, Outcome("hold more memory than allowed, in many processes", False, "", why))


def _burns(start: StartKernel, limits: SandboxLimits) -> Outcome:
    source = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True:\n    pass"
    outcome = Outcome("compute for longer than allowed", False, "", "one submission could keep the machine busy")
    return _ended_by(start, replace(limits, cpu_seconds=4), source, outcome)


def _burns_in_a_thread(start: StartKernel, limits: SandboxLimits) -> Outcome:
    try:
        return _burns(start, limits)
    finally:
        asyncio.get_event_loop().close()  # the one that jupyter_client has made for this thread


def _ended_by(start: StartKernel, limits: SandboxLimits, source: str, outcome: Outcome) -> Outcome:
    with start(limits) as kernel:
        try:
            kernel.execute(source, time_limit_s=40)
        except KernelLostError as problem:
            return replace(outcome, refused=True, words=str(problem))
        except KernelTimeoutError as problem:
            return replace(outcome, words=str(problem))
    return replace(outcome, words="it ran to its end")


def _survives(start: StartKernel, limits: SandboxLimits, sleep: str) -> Iterator[Outcome]:
    """Leave a daemon behind, and see what is there after the kernel's end."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        tempfile.tempdir = folder
        try:
            with start(limits) as kernel:
                kernel.execute(_DAEMON.format(sleep=sleep), time_limit_s=20)
                began = _wait_until(lambda: bool(_running(sleep)))
        finally:
            tempfile.tempdir = before
        left = [path.name for path in Path(folder).iterdir()]
    ended = _wait_until(lambda: not _running(sleep))
    words = "ended with its kernel" if ended else f"processes {', '.join(_running(sleep))}"
    words = words if began else "it did not even begin, so nothing is known"
    yield Outcome("leave a process behind", began and ended, words, "it could wait for the next submission")
    yield Outcome("leave files behind", not left, ", ".join(left) or "nothing left", "each class would fill the disk")


def _wait_until(true: Callable[[], bool], *, seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


def _running(mark: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found += [process.name] if mark.encode() in (process / "cmdline").read_bytes() else []
    return found


def _bait(path: Path, rights: int, *, instead: Path | None = None) -> Path:
    try:
        path.write_text("a secret of the host")
    except OSError:
        if instead is None:
            raise
        return _bait(instead / path.name, rights)
    path.chmod(rights)
    return path


def _listener(family: int, address: Any) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    one.bind(address)
    one.listen()
    return one


def _command_line() -> str:
    return Path("/proc/self/cmdline").read_bytes()[:300].decode("utf-8", "replace")


def _seen(checkout: Path) -> set[str]:
    """Return what a kernel may see of the checkout: the library, and a Python that lies in it."""
    pythons = {Path(folder).relative_to(checkout).parts[0] for folder in (sys.prefix, sys.base_prefix)
               if Path(folder).is_relative_to(checkout)}  # fmt: skip
    return {_PACKAGE.name, *pythons}
