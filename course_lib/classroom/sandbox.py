"""What a submission may see, write, reach and use.

bubblewrap gives every kernel its own user, processes, network (none), temporary folders and a read-only system of which
it sees only what Python needs: nothing of the checkout, no other submission, no answers, no gradebook, no environment
variable. Resource limits bound memory, processes, file sizes and processor time. Started as root, the kernel runs under
a user number that nobody else has; started by an ordinary user, in a user namespace of its own.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError

__all__ = [
    "HOME",
    "WRITABLE",
    "SandboxLimits",
    "kernel_environment",
    "own_user",
    "sandbox_command",
    "shown_folders",
    "why_no_sandbox",
]

HOME = "/home/student"
WRITABLE = ("/tmp", HOME, "/dev/shm")
"""The folders that a kernel can write: private, in memory, bounded, gone with it."""
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/localtime",
)
_USERS = itertools.count()
_INSTALL = "install it (Debian, Ubuntu: sudo apt install bubblewrap; Fedora: sudo dnf install bubblewrap)"


@dataclass(frozen=True)
class SandboxLimits:
    """
    What one kernel may use.

    Parameters
    ----------
    memory_mb : int
        Address space of each process, MiB. torch alone maps about 2,000 (its CUDA build more).
    resident_mb : int
        Memory really used by all processes together, MiB; the grader looks five times a second.
    processes : int
        Processes and threads together.
    disk_mb : int
        Each of its two private folders (home and /tmp) and its shared memory, MiB; also the largest single file.
    cpu_seconds : int
        Processor time of one process.
    open_files : int
        Files and sockets that one process has open at the same time.
    """

    memory_mb: int = 8_192
    resident_mb: int = 3_072
    processes: int = 96
    disk_mb: int = 256
    cpu_seconds: int = 900
    open_files: int = 512

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} needs a whole number of at least 1, got {value!r}")


def why_no_sandbox() -> str:
    """Return what keeps a sandbox from working here, and what to do; empty where it works."""
    if sys.platform != "linux":
        return "the sandbox needs Linux with bubblewrap; grade in a Linux machine or container, or pass --no-sandbox"
    if shutil.which("bwrap") is None:
        return (
            f"bubblewrap (the program bwrap) is missing: {_INSTALL}, or pass --no-sandbox if you trust every submission"
        )
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return "setpriv is missing, so root cannot hand a kernel to another user: install util-linux"
    return ""


def own_user() -> int:
    """Return a user number that belongs to no account, to this process only, and is another one with each call."""
    try:
        lines = [list(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
        roomy = any(first + count > 2**31 for first, _, count in lines)
    except (OSError, ValueError):
        roomy = True
    number = os.getpid() * 16 + next(_USERS) % 16
    return 1_900_000_000 + number if roomy else 60_000 + number % 5_000


def kernel_environment(home: str = HOME) -> dict[str, str]:
    """Return all environment variables that a kernel gets."""
    return {
        "HOME": home, "TMPDIR": "/tmp", "PATH": f"{sys.prefix}/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "USER": "student",
        "IPYTHONDIR": f"{home}/.ipython", "JUPYTER_PLATFORM_DIRS": "1", "MPLCONFIGDIR": f"{home}/.matplotlib",
        "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "COURSE_GRADING": "1",
    }  # fmt: skip


def sandbox_command(
    command: list[str],
    *,
    package: Path,
    limits: SandboxLimits,
    user: int | None,
    extra: Mapping[str, str] | None = None,
    keeps_rights: bool = False,
) -> list[str]:
    """
    Command line that runs `command` inside a fresh sandbox.

    Parameters
    ----------
    command : list of str
        Program and arguments, as seen inside.
    package : Path
        The copy of `course_lib` that the kernel sees where the real one lies.
    limits : SandboxLimits
        Sizes of its folders; the other limits are set by the kernel's launcher before any student code runs.
    user : int or None
        As root: the user number to run under. None: an ordinary user's own user namespace.
    extra : mapping
        More environment variables.
    keeps_rights : bool
        For a process of ours that raises walls inside these: it keeps the capabilities that this needs.

    Raises
    ------
    CourseError
        bubblewrap is missing: one line that says how to install it.
    """
    problem = why_no_sandbox()
    if problem:
        raise CourseError(problem)
    size = str(limits.disk_mb * 2**20)
    private = [word for folder in WRITABLE for word in ("--perms", "1777", "--size", size, "--tmpfs", folder)]
    return [
        str(shutil.which("bwrap")), "--die-with-parent", "--new-session",
        "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--unshare-cgroup-try",
        "--hostname", "course",
        # An ordinary user's kernel could take bubblewrap's own first process over, so the launcher is the first itself.
        *(["--as-pid-1"] if user is None and not keeps_rights else []),
        *(["--unshare-user"] if user is None and not (keeps_rights and os.geteuid() == 0) else []),
        *(["--cap-add", "ALL"] if keeps_rights else []),
        *_system(), "--proc", "/proc", "--dev", "/dev", *private, *_python(package),
        "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME, "--clearenv",
        *(w for name, value in {**kernel_environment(), **(extra or {})}.items() for w in ("--setenv", name, value)),
        "--", *([] if user is None else _as_user(user)), *command,
    ]  # fmt: skip


def shown_folders() -> list[str]:
    """Return the folders outside of the system's that a kernel sees: this Python's; last, the course's library."""
    folders = {sys.base_prefix, sys.prefix, str(Path(sys.executable).resolve().parent.parent)}
    return [*sorted(folder for folder in folders if not folder.startswith("/usr")), str(Path(__file__).parents[1])]


def _system() -> list[str]:
    words = []
    for folder in map(Path, _SYSTEM):
        if folder.is_symlink():
            words += ["--symlink", os.readlink(folder), str(folder)]
        elif folder.is_dir():
            words += ["--ro-bind", str(folder), str(folder)]
    return [
        *words,
        "--perms",
        "0755",
        "--dir",
        "/etc",
        *(word for path in _SETTINGS for word in ("--ro-bind-try", path, path)),
    ]


def _python(package: Path) -> list[str]:
    """Show this Python and its packages where they lie, and the copied package in the place of the real one."""
    *outside, real = shown_folders()
    parents = {parent for folder in [*outside, real] for parent in Path(folder).parents} - {Path("/")}
    own = sorted(one for one in parents if not any(one.is_relative_to(folder) for folder in ["/usr", *outside]))
    return [
        *(word for parent in own for word in ("--perms", "0755", "--dir", str(parent))),
        *(word for folder in outside for word in ("--ro-bind", folder, folder)),
        *("--ro-bind", str(package), real),
    ]


def _as_user(user: int) -> list[str]:
    return [
        str(shutil.which("setpriv")), "--reuid", str(user), "--regid", str(user), "--clear-groups",
        "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs",
    ]  # fmt: skip
