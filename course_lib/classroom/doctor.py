"""What this machine has, what it lacks, and the cure: what `course doctor` prints."""

import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from course_lib.classroom.machine import cores, memory_gb, version_of

__all__ = ["Finding", "examine", "examine_sandbox"]

_LEAST_MEMORY_GB = 4
_LEAST_DISK_GB = 2
_PORT = 8888
_SYSCTL = Path("/proc/sys")
# Where a Linux may keep ordinary users from namespaces: the setting, the value that does, the value that lets them.
_SETTINGS = (
    ("kernel.apparmor_restrict_unprivileged_userns", 1, 0),
    ("kernel.unprivileged_userns_clone", 0, 1),
    ("user.max_user_namespaces", 0, 10_000),
)
# What the kernel is asked: torch is loaded there, never here.
_ASK_KERNEL = """
import sys, torch
print(sys.executable, torch.__version__, torch.get_num_threads(), sep="|", end="|")
print(torch.cuda.get_device_name() if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "")
"""


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `state` is "has", "lacks" (with its cure) or "optional" (nice to have, not there).

    Examples
    --------
    >>> print(Finding("memory", "lacks", "2 GB", "close other programs"))
    ✗ memory: 2 GB → close other programs
    """

    name: str
    state: str
    value: str
    cure: str = ""

    def __str__(self) -> str:
        sign = {"has": "✓", "lacks": "✗", "optional": "○"}[self.state]
        value = " ".join(self.value.split())  # the words of another program may be several lines
        return f"{sign} {self.name}: {value}" + (f" → {self.cure}" if self.cure else "")


def examine(root: Path | None = None) -> Iterator[Finding]:
    """Look at this machine, one finding at a time, quickest first.

    Parameters
    ----------
    root
        The checkout, for what can be saved there; the working folder by default.

    Yields
    ------
    Finding
        What it has, lacks or could have; the last two start programs (bubblewrap, a kernel) and take seconds.
    """
    folder = root or Path.cwd()
    yield _python(sys.version_info[:3])
    yield from _packages()
    yield _memory()
    yield Finding("CPU cores", "has", str(cores()))
    yield _disk(folder)
    yield _writable(folder)
    yield _port()
    yield examine_sandbox()
    yield from _kernel()


def examine_sandbox() -> Finding:
    """Start bubblewrap for a moment.

    Returns
    -------
    Finding
        Whether it can isolate, and if not, what keeps it from it.
    """
    from course_lib.classroom.sandbox import why_no_sandbox

    if sys.platform != "linux":
        cure = "nothing to do for lessons; grade on Linux, or in a container or virtual machine with it"
        return Finding("sandbox for grading", "optional", "needs Linux", cure)
    why = why_no_sandbox()
    if why:
        return Finding("sandbox for grading", "lacks", *why.split(": ", 1)) if ": " in why else _no_sandbox(why)
    command = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return _no_sandbox(f"bubblewrap does not start ({error})")
    if result.returncode:
        what = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        return Finding("sandbox for grading", "lacks", f"bubblewrap cannot isolate ({what})", _allow_namespaces())
    return Finding("sandbox for grading", "has", "bubblewrap isolates")


def _python(version: tuple[int, ...]) -> Finding:
    good = (3, 11) <= version < (3, 14)
    cure = "" if good else "wanted 3.11 to 3.13: make clean, then make lab PYTHON=python3.12"
    return Finding("Python", "has" if good else "lacks", ".".join(map(str, version)), cure)


def _packages() -> Iterator[Finding]:
    """Compare what is installed with what the package asks for."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(text) for text in metadata.requires("course-lib") or []]
    except metadata.PackageNotFoundError:
        yield Finding("course-lib", "lacks", "not installed", _install("dev"))
        return
    yield Finding("course-lib", "has", version_of("course-lib"))
    for extra in ("", "classroom", "lab", "cluster", "slides"):
        names, bad = [], []
        for item in wanted:
            marker = item.marker
            if marker is None if extra else marker is not None:
                continue
            if marker is not None and not marker.evaluate({"extra": extra}):
                continue
            version = version_of(item.name)
            names.append(f"{item.name} {version}")
            if not version or not item.specifier.contains(version, prereleases=True):
                bad.append(f"{item.name} {version or 'missing'} (wanted {item.specifier or 'any'})")
        yield _package_finding(extra, names, bad)


def _package_finding(extra: str, names: list[str], bad: list[str]) -> Finding:
    what = {
        "": "packages",
        "classroom": "to build and grade",
        "lab": "to work in the browser",
        "cluster": "many machines",
        "slides": "scanners' slide files",
    }
    name = what[extra]
    if not bad:
        return Finding(name, "has", ", ".join(names))
    return Finding(name, "optional" if extra in ("cluster", "slides") else "lacks", ", ".join(bad), _install(extra))


def _install(extra: str = "") -> str:
    """Return the command that installs into this Python, as one would type it here."""
    return f"{_this_python()} -m pip install --editable " + (f"'.[{extra}]'" if extra else ".")


def _this_python() -> str:
    python, here = Path(sys.executable), Path.cwd()
    return str(python.relative_to(here) if python.is_relative_to(here) else python)


def _memory() -> Finding:
    memory = memory_gb()
    if memory == 0:
        return Finding("memory", "optional", "this system does not tell", f"see that it has {_LEAST_MEMORY_GB} GB")
    enough = memory >= _LEAST_MEMORY_GB
    cure = "" if enough else f"wanted {_LEAST_MEMORY_GB} GB: close other programs, or use Colab"
    return Finding("memory", "has" if enough else "lacks", f"{memory:.1f} GB", cure)


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free / 1e9
    cure = "" if free >= _LEAST_DISK_GB else f"wanted {_LEAST_DISK_GB} GB: make room, such as with pip cache purge"
    return Finding("free disk", "lacks" if cure else "has", f"{free:.1f} GB", cure)


def _writable(folder: Path) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Finding("folder", "has", "what you do can be saved here")
    except OSError as error:
        cure = "copy the course into a folder of your own, and work there"
        return Finding("folder", "lacks", f"nothing can be saved in {folder} ({error.strerror})", cure)


def _port(port: int = _PORT) -> Finding:
    with socket.socket() as one:
        if one.connect_ex(("127.0.0.1", port)):
            return Finding("port", "has", f"{port} is free for JupyterLab")
    cure = "JupyterLab takes the next one and prints its address; to choose: make lab PORT=8899"
    return Finding("port", "optional", f"another program has {port}", cure)


def _no_sandbox(why: str) -> Finding:
    return Finding("sandbox for grading", "lacks", why, "install bubblewrap with the system's package manager")


def _allow_namespaces() -> str:
    """Return how this Linux lets ordinary users make namespaces, which it does not do now."""
    for name, refuses, allows in _SETTINGS:
        path = _SYSCTL.joinpath(*name.split("."))
        if path.is_file() and path.read_text().strip() == str(refuses):
            return f"allow user namespaces: sudo sysctl {name}={allows}"
    return "in a container, start it with --security-opt seccomp=unconfined; else grade on another machine"


def _kernel() -> Iterator[Finding]:
    """Start a kernel, and ask it for torch and a GPU."""
    answer = _ask_kernel()
    if isinstance(answer, Finding):
        yield answer
        return
    executable, torch, threads, gpu = answer
    if Path(executable).absolute() != Path(sys.executable).absolute():
        yield Finding("Jupyter kernel", "lacks", f"python3 starts another Python, {executable}", _register())
    else:
        yield Finding("Jupyter kernel", "has", "python3 starts this Python")
    yield Finding("torch", "has", f"{torch}, {threads} threads")
    if gpu:
        yield Finding("GPU", "has", gpu)
    elif shutil.which("nvidia-smi"):
        cure = (
            "lessons run without it; to use it, update its driver, or install the torch that pytorch.org names for it"
        )
        yield Finding("GPU", "optional", f"NVIDIA's is here, torch {torch} cannot use it", cure)
    else:
        yield Finding("GPU", "optional", "none; all lessons run without one")


def _ask_kernel() -> tuple[str, ...] | Finding:
    try:
        from jupyter_client.manager import start_new_kernel
    except ModuleNotFoundError:
        return Finding("Jupyter kernel", "lacks", "no jupyter_client", _install("classroom"))
    lines: list[str] = []
    try:
        manager, client = start_new_kernel(kernel_name="python3", extra_arguments=["--log-level=ERROR"])
    except Exception as error:  # whatever keeps it from starting is the finding
        cure = "make that folder writable, or name another: export JUPYTER_RUNTIME_DIR=$(mktemp -d)"
        cure = cure if isinstance(error, PermissionError) else _register()
        return Finding("Jupyter kernel", "lacks", f"python3 does not start ({error})", cure)
    try:
        reply = client.execute_interactive(
            _ASK_KERNEL, timeout=120, output_hook=lambda message: lines.append(message["content"].get("text", ""))
        )
    except TimeoutError:
        return Finding(
            "Jupyter kernel",
            "lacks",
            "python3 starts and does not answer",
            "close other programs, or restart the machine",
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if reply["content"]["status"] != "ok":
        return Finding("torch", "lacks", f"{reply['content'].get('evalue', 'it cannot be loaded')}", _install())
    return tuple("".join(lines).strip("\n").split("|"))


def _register() -> str:
    return f"{_this_python()} -m ipykernel install --sys-prefix --name python3"
