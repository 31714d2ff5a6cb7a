"""What no submission may do, as a table: each row is one attempt of a burglar's, with how its refusal looks and why.

The attempts run inside a student's kernel (`course_lib.classroom.contract` sends them there), so this file uses the
standard library only. An attempt that succeeds returns what it got; one that is refused raises. `canaries` holds what
was laid out on the host as bait: paths, ports, process numbers, and words that must not be found.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import glob
import mmap
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.classroom.namespaces import forbidden_calls

__all__ = ["FORBIDDEN", "Forbidden", "try_one"]

Bait = dict[str, Any]
_GONE, _DENIED, _READ_ONLY = "FileNotFoundError", "PermissionError", r"OSError: \[Errno 30\]"
_NO_WRITING = f"{_READ_ONLY}|{_DENIED}"
_REFUSED_CALL = r"Errno 1\]"
_NO_SOCKET = rf"{_DENIED}|Errno {errno.EAFNOSUPPORT}\]|Errno {errno.ESOCKTNOSUPPORT}\]"


@dataclass(frozen=True)
class Forbidden:
    """
    One thing that no submission may do.

    Parameters
    ----------
    name : str
        What is tried.
    attempt : callable
        Gets the canaries; returns what it got, or raises.
    refusal : str
        Regular expression that type and message of the exception match where it is refused.
    why : str
        What a submission could do with it.
    """

    name: str
    attempt: Callable[[Bait], object]
    refusal: str
    why: str


def try_one(place: int, canaries: Bait) -> object:
    """Carry out one attempt of `FORBIDDEN`, inside the kernel."""
    got = FORBIDDEN[place].attempt(canaries)
    return repr(got)[:300]


def _call(name: str, *arguments: int) -> int:
    """Make a system call by its number, so that no library stands between."""
    libc = ctypes.CDLL(None, use_errno=True)
    result = int(libc.syscall(ctypes.c_long(forbidden_calls()[name]), *map(ctypes.c_long, arguments)))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _found(things: object) -> object:
    """Return what was found; nothing found is a refusal."""
    if not things:
        raise LookupError("nothing found")
    return things


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(1000) or b"(empty)"


def _append(path: str) -> str:
    with open(path, "ab") as file:
        file.write(b"\n")
    return f"wrote to {path}"


def _make(path: str) -> str:
    with open(path, "xb"):
        return f"made {path}"


def _processes() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit()]


def _in_environment(wanted: str) -> object:
    return _found([name for name, value in os.environ.items() if wanted in value])


def _in_processes(part: str, wanted: str) -> object:
    """Look for a word in the same file of every process."""
    seen = []
    for process in _processes():
        with suppress(OSError):
            seen += [process] if wanted.encode() in Path("/proc", process, part).read_bytes() else []
    return _found(seen)


def _through_processes(path: str) -> object:
    """Reach for a file through the root and the working folder of every process."""
    ways = [f"/proc/{process}/{way}{path}" for process in _processes() for way in ("root", "cwd/../../../..")]
    return _found([way for way in ways if os.path.exists(way)])


def _walk(mark: str) -> object:
    """Walk all folders but the system's own for a file with the mark in its name."""
    system = {"/proc", "/sys", "/usr", sys.prefix, sys.base_prefix}
    found = []
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in system]
        found += [os.path.join(folder, name) for name in (*folders, *files) if mark in name]
    return _found(found)


def _foreign_descriptors() -> object:
    """Read every open file that is not of this kernel's own view; it may write its last words, and read nothing."""
    got = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            target = os.readlink(f"/proc/self/fd/{name}")
            if not target.startswith("/") or os.path.exists(target):
                continue
            got.append((target, os.listdir(int(name)) if os.path.isdir(f"/proc/self/fd/{name}") else b""))
            if not got[-1][1]:
                got[-1] = (target, os.pread(int(name), 100, 0) and b"read")
    return _found([one for one in got if one[1]])


def _checkout(folder: str, names: list[str]) -> object:
    return _found(sorted(set(os.listdir(folder)) & set(names)))


def _connect(family: int, address: Any) -> str:
    with socket.socket(family, socket.SOCK_STREAM) as line:
        line.settimeout(2)
        line.connect(address)
        return f"connected to {address!r}"


def _socket(family: int, kind: int, protocol: int = 0) -> str:
    with socket.socket(family, kind, protocol):
        return "opened"


def _signal_all(processes: list[int]) -> object:
    reached = []
    for process in processes:
        with suppress(OSError):
            os.kill(process, 0)
            reached.append(process)
    return _found(reached)


def _device() -> object:
    os.mknod("/tmp/device", stat.S_IFBLK | 0o600, os.makedev(8, 0))
    return _read("/tmp/device")


def _no_rights() -> object:
    """Look for a capability, for a way to gain one, for a missing filter."""
    lines = Path("/proc/self/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    kept = {name: status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb") if int(status[name], 16)}
    missing = {name: status[name] for name, wanted in (("NoNewPrivs", "1"), ("Seccomp", "2")) if status[name] != wanted}
    return _found(kept | missing)


def _setuid_program() -> object:
    """Run a program that is installed to run as root, and see as whom it runs."""
    for path in glob.glob("/usr/bin/*"):
        if os.stat(path).st_mode & stat.S_ISUID:
            with subprocess.Popen([path], stdin=-3, stdout=-3, stderr=-3, start_new_session=True) as program:
                with suppress(OSError):
                    as_whom = Path(f"/proc/{program.pid}/status").read_text().split("Uid:\t")[1].split("\t")[1]
                    if as_whom == "0":
                        return path
                program.kill()
    raise LookupError("they run with this user's rights")


def _hard_link(path: str) -> str:
    os.link(path, "/tmp/link")
    return "linked"


def _link(path: str) -> bytes:
    link = f"/tmp/link-{os.getpid()}"
    os.symlink(path, link)
    try:
        return _read(link)
    finally:
        os.unlink(link)


def _clone(flags: int) -> str:
    number = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
    child = ctypes.CDLL(None, use_errno=True).syscall(number, flags | signal.SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    if child < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    os.waitpid(child, 0)
    return "made a namespace"


def _all_calls() -> object:
    """Make every call of the filter's table without arguments; each has to be refused before it looks at them."""
    open_ones = []
    for name in forbidden_calls():
        try:
            _call(name, 0, 0, 0, 0, 0, 0)
            open_ones.append(name)
        except OSError as problem:
            if problem.errno not in (errno.EPERM, errno.ENOSYS):
                open_ones.append(name)
    return _found(open_ones)


def _raise_limits() -> object:
    """Ask for more of whatever is bounded."""
    raised = []
    for name in ("AS", "FSIZE", "NPROC", "CPU", "NOFILE", "CORE"):
        kind = getattr(resource, f"RLIMIT_{name}")
        soft, hard = resource.getrlimit(kind)
        if hard == resource.RLIM_INFINITY:
            raised.append(name)
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (soft, hard + 1))
            raised.append(name)
    return _found(raised)


def _fill(folder: str, megabytes: int) -> str:
    """Write many files of 1 MiB; take them away again."""
    files = [f"{folder}/fill-{number}" for number in range(megabytes)]
    try:
        for path in files:
            with open(path, "wb") as file:
                file.write(bytes(2**20))
    finally:
        for path in files:
            with suppress(OSError):
                os.unlink(path)
    return f"wrote {megabytes} MiB"


def _many_processes(number: int) -> str:
    children: list[int] = []
    try:
        while len(children) < number:
            child = os.fork()
            if child == 0:
                time.sleep(20)
                os._exit(0)
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return f"started {number} processes"


def _many_threads(number: int) -> str:
    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait, daemon=True) for _ in range(number)]
    try:
        for thread in threads:
            thread.start()
    finally:
        stop.set()
        for thread in threads:
            if thread.ident:
                thread.join()
    return f"started {number} threads"


def _many_files(number: int) -> str:
    files = []
    try:
        for _ in range(number):
            files.append(os.open("/dev/null", os.O_RDONLY))
    finally:
        for file in files:
            os.close(file)
    return f"opened {number} files"


def _hidden_memory() -> str:
    """Hold memory that no process is seen to hold: files in memory without a name."""
    held = os.memfd_create("hoard")
    os.close(held)
    return "a file in memory"


def _whole_mapping(size: int) -> str:
    mmap.mmap(-1, size).close()
    return f"mapped {size >> 20} MiB"


def _above(what: Callable[[], object]) -> object:
    """Try what only a process with more rights may do to itself."""
    what()
    return "done"


def _make_group() -> object:
    """Make a group of processes in any tree of them that is seen, for bounds of its own."""
    made = []
    for tree in ("/sys/fs/cgroup", *glob.glob("/sys/fs/cgroup/*/")):
        with suppress(OSError):
            os.mkdir(f"{tree}/mine")
            made.append(tree)
    return _found(made)


def _terminal() -> str:
    with open("/dev/tty", "wb") as terminal:
        fcntl.ioctl(terminal, 0x5412, b"x")  # TIOCSTI: type for whoever sits there
    return "typed on the terminal"


def _of_the_library() -> str:
    import course_lib

    return str(course_lib.__file__)


def _of_a_package() -> str:
    import numpy

    return numpy.__file__


def _rows() -> Iterator[Forbidden]:
    files = "a submission could hand in what others wrote, or the answers"
    row = Forbidden
    yield row("read a private file in the temporary folder", lambda c: _read(c["private"]), _GONE, files)
    yield row("read a file that all may read, in the temporary folder", lambda c: _read(c["public"]), _GONE, files)
    yield row("read a file in the home folder", lambda c: _read(c["at_home"]), _GONE, files)
    yield row("read a file in the working folder (results, gradebook)", lambda c: _read(c["here"]), _GONE, files)
    yield row("see the checkout (answers, tests)", lambda c: _checkout(*c["checkout"]), f"{_GONE}|LookupError", files)
    yield row("find any of these on a walk through all folders", lambda c: _walk(c["mark"]), "LookupError", files)
    yield row("read it through a symbolic link", lambda c: _link(c["public"]), _GONE, files)
    yield row(
        "reach it through the roots of processes", lambda c: _through_processes(c["public"]), "LookupError", files
    )
    yield row("read files left open by the grader", lambda c: _foreign_descriptors(), "LookupError", files)
    yield row("read the accounts' passwords", lambda c: _read("/etc/shadow"), _GONE, "it could try them out")

    secret = "keys and tokens stand in there"
    yield row("find a secret in its own environment", lambda c: _in_environment(c["secret"]), "LookupError", secret)
    yield row("find it in the environment of any process", lambda c: _in_processes("environ", c["secret"]),
              "LookupError", secret)  # fmt: skip
    yield row("read the memory of the first process", lambda c: _read("/proc/1/mem"), _DENIED, secret)
    yield row("read the memory map of the first process", lambda c: _read("/proc/1/maps"), _DENIED, secret)
    yield row("list the open files of the first process", lambda c: os.listdir("/proc/1/fd"), _DENIED, secret)

    other = "a submission could spoil or copy another that runs at the same time"
    yield row("see the grader's processes", lambda c: _in_processes("cmdline", c["grader"]), "LookupError", other)
    yield row("see another kernel's processes", lambda c: _in_processes("cmdline", c["sleep"]), "LookupError", other)
    yield row("send a signal to the grader, or to another kernel", lambda c: _signal_all(c["others"]), "LookupError",
              "it could end the run")  # fmt: skip
    yield row("see another kernel's files", lambda c: _found([p for p in c["neighbours"] if os.path.exists(p)]),
              "LookupError", other)  # fmt: skip
    yield row("find what an earlier kernel left in the environment",
              lambda c: _found(os.environ.get("COURSE_NEIGHBOUR")), "LookupError", other)  # fmt: skip
    yield row("reach another kernel's socket", lambda c: _connect(socket.AF_UNIX, "\0" + c["mark"] + "-next"),
              "ConnectionRefusedError", other)  # fmt: skip
    yield row("share memory by System V's numbers", lambda c: _call("shmget", 0x5EC, 4096, 0o1666), _REFUSED_CALL,
              other)  # fmt: skip
    yield row("debug the first process", lambda c: _call("ptrace", 16, 1, 0, 0), _REFUSED_CALL, other)
    yield row("take an open file out of another process", lambda c: _call("pidfd_getfd", 0, 0, 0), _REFUSED_CALL,
              other)  # fmt: skip
    yield row("read the keys of whoever grades", lambda c: _call("keyctl", 0, -3, 0), _REFUSED_CALL, secret)

    net = "it could ask others for the answers, or attack them"
    yield row("reach the internet", lambda c: _connect(socket.AF_INET, ("192.0.2.1", 80)), "OSError|TimeoutError", net)
    yield row("reach a server on this machine", lambda c: _connect(socket.AF_INET, ("127.0.0.1", c["port"])),
              "ConnectionRefusedError", net)  # fmt: skip
    yield row("the same by IPv6", lambda c: _connect(socket.AF_INET6, ("::1", c["port"])), "OSError|Refused", net)
    yield row("reach a local socket that has a name only", lambda c: _connect(socket.AF_UNIX, "\0" + c["mark"]),
              "ConnectionRefusedError", net)  # fmt: skip
    yield row("reach a local socket that is a file", lambda c: _connect(socket.AF_UNIX, c["socket"]), _GONE, net)
    yield row("open a raw socket", lambda c: _socket(socket.AF_INET, socket.SOCK_RAW, 1), _NO_SOCKET, net)
    yield row("open a packet socket", lambda c: _socket(socket.AF_PACKET, socket.SOCK_RAW), _NO_SOCKET, net)
    yield row("open a socket to the virtual machine's host", lambda c: _socket(socket.AF_VSOCK, socket.SOCK_STREAM),
              _NO_SOCKET, net)  # fmt: skip
    yield row("open a socket to the kernel's audit log", lambda c: _socket(socket.AF_NETLINK, socket.SOCK_RAW, 9),
              _NO_SOCKET, net)  # fmt: skip

    rights = "with more rights every wall could be taken down"
    yield row("become root", lambda c: _above(lambda: os.setresuid(0, 0, 0)), f"{_DENIED}|{_REFUSED_CALL}|Errno 22",
              rights)  # fmt: skip
    yield row("keep any capability, or escape the filter", lambda c: _no_rights(), "LookupError", rights)
    yield row("gain rights by a program that runs as root", lambda c: _setuid_program(), "LookupError", rights)
    yield row("make a user namespace", lambda c: _clone(0x10000000), _REFUSED_CALL, rights)
    yield row("make a mount namespace", lambda c: _clone(0x00020000), _REFUSED_CALL, rights)
    yield row("make one by clone3, whose flags no filter sees", lambda c: _call("clone3", 0, 0), "Errno 38", rights)
    yield row("make any call on the filter's list", lambda c: _all_calls(), "LookupError", rights)
    yield row("make a device", lambda c: _device(), _DENIED, rights)
    yield row("change the root folder", lambda c: os.chroot("/tmp"), _DENIED, rights)
    yield row("name a program for crashes", lambda c: _append("/proc/sys/kernel/core_pattern"), _NO_WRITING, rights)
    yield row("change a setting of the system", lambda c: _append("/proc/sys/vm/overcommit_memory"), _NO_WRITING,
              rights)  # fmt: skip
    yield row("press the system's emergency keys", lambda c: _append("/proc/sysrq-trigger"),
              f"{_NO_WRITING}|{_GONE}", rights)  # fmt: skip
    yield row("change groups of processes", lambda c: _make_group(), "LookupError", rights)
    yield row("set the clock", lambda c: _above(lambda: time.clock_settime(time.CLOCK_REALTIME, time.time())), _DENIED,
              rights)  # fmt: skip
    yield row("name the machine", lambda c: _above(lambda: socket.sethostname("mine")), _DENIED, rights)
    yield row("go first on the processor", lambda c: _above(lambda: os.setpriority(os.PRIO_PROCESS, 0, -5)), _DENIED,
              rights)  # fmt: skip
    yield row("type on the teacher's terminal", lambda c: _terminal(), r"OSError: \[Errno (6|5|2)\]|FileNotFound|Perm",
              rights)  # fmt: skip

    change = "what is changed stays changed for all who are graded after it"
    yield row("write to the root folder", lambda c: _make("/mine"), _NO_WRITING, change)
    yield row("write to the system", lambda c: _make("/usr/mine"), _NO_WRITING, change)
    yield row("write among the devices", lambda c: _make("/dev/mine"), _NO_WRITING, change)
    yield row("write to this Python", lambda c: _make(f"{sys.prefix}/mine"), _NO_WRITING, change)
    yield row("write to the course's library", lambda c: _append(_of_the_library()), _NO_WRITING, change)
    yield row("write to a package", lambda c: _append(_of_a_package()), _NO_WRITING, change)
    yield row("write beside a package's compiled files", lambda c: _make(f"{Path(_of_a_package()).parent}/mine"),
              _NO_WRITING, change)  # fmt: skip
    yield row("write compiled files of the library",
              lambda c: _make(f"{Path(_of_the_library()).parent}/__pycache__/mine"), f"{_NO_WRITING}|{_GONE}",
              change)  # fmt: skip
    yield row("change a file's rights", lambda c: os.chmod(_of_a_package(), 0o777), _NO_WRITING, change)
    yield row("make a hard link to a package", lambda c: _hard_link(_of_a_package()), rf"{_DENIED}|Errno 18\]", change)

    bound = "one submission could take the machine from all others"
    yield row("hold more memory than allowed, in one process", lambda c: len(bytearray(c["memory_mb"] * 2**20)),
              "MemoryError", bound)  # fmt: skip
    yield row("map more memory than allowed", lambda c: _whole_mapping(c["memory_mb"] * 2**20), r"Errno 12\]|Memory",
              bound)  # fmt: skip
    yield row("hold memory that is counted nowhere", lambda c: _hidden_memory(), _REFUSED_CALL, bound)
    yield row("write a larger file than allowed", lambda c: _fill_one("/tmp/large", c["disk_mb"]), r"Errno (27|28)\]",
              bound)  # fmt: skip
    yield row("fill the temporary folder", lambda c: _fill("/tmp", 2 * c["disk_mb"]), r"Errno 28\]", bound)
    yield row("fill its home", lambda c: _fill(os.environ["HOME"], 2 * c["disk_mb"]), r"Errno 28\]", bound)
    yield row("fill the shared memory", lambda c: _fill("/dev/shm", 2 * c["disk_mb"]), r"Errno 28\]", bound)
    yield row("start processes without end", lambda c: _many_processes(c["processes"]), "BlockingIOError", bound)
    yield row("start threads without end", lambda c: _many_threads(c["processes"]), "RuntimeError: can't start", bound)
    yield row("open files without end", lambda c: _many_files(c["open_files"]), r"Errno 24\]", bound)
    yield row("raise its own bounds", lambda c: _raise_limits(), "LookupError", bound)


def _fill_one(path: str, megabytes: int) -> str:
    try:
        with open(path, "wb") as file:
            for _ in range(megabytes + 1):
                file.write(bytes(2**20))
    finally:
        with suppress(OSError):
            os.unlink(path)
    return f"wrote {megabytes + 1} MiB"


FORBIDDEN: tuple[Forbidden, ...] = tuple(_rows())
