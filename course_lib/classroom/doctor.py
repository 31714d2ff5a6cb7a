"""What this machine has, what it lacks, and the cure: what `course doctor` prints."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from course_lib.classroom.machine import cores, memory_gb, version_of
from course_lib.errors import CourseError

__all__ = ["Finding", "examine", "try_sandbox"]

_LEAST_MEMORY_GB = 4
_LEAST_DISK_GB = 2
# What the kernel is asked: torch is loaded there, never here.
_ASK_KERNEL = """
import sys, torch
print(sys.executable, torch.__version__, torch.get_num_threads(), sep="|", end="|")
print(torch.cuda.get_device_name() if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "")
"""


_WHAT_IS_TRIED = """\
Every submission is graded in a sandbox: a closed room with Python, the libraries and itself in it.
Now each thing that a hostile notebook could try is tried on this machine, with bait laid out for it: secrets to read,
servers to reach, another notebook to disturb. Nothing is changed. It takes about a minute."""
_KINDS = {
    "cold": "In a kernel that starts anew (used where a fork is not possible):",
    "warm": "In a kernel forked from a process that has loaded the libraries (what `course grade` uses):",
    "docker": "In a kernel in a container of its own (what `course grade --sandbox docker` uses):",
    "podman": "In a kernel in a container of its own (what `course grade --sandbox podman` uses):",
}
_DO_NOT_GRADE = (
    "→ Do not grade notebooks from strangers here: update Linux and {sandbox} and try again, grade in a virtual "
    "machine, or on another computer; each line with ✗ says what could happen"
)


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
        return f"{sign} {self.name}: {self.value}" + (f" → {self.cure}" if self.cure else "")


def examine(root: Path | None = None) -> Iterator[Finding]:
    """Look at this machine, one finding at a time, quickest first.

    Parameters
    ----------
    root
        The checkout, for the free space beside it; the working folder by default.

    Yields
    ------
    Finding
        What it has, lacks or could have; the last two start programs (bubblewrap, a kernel) and take seconds.
    """
    yield _python(sys.version_info[:3])
    yield from _packages()
    memory = memory_gb()
    enough = memory >= _LEAST_MEMORY_GB
    cure = "" if enough else f"wanted {_LEAST_MEMORY_GB} GB: close other programs, or use Colab"
    yield Finding("memory", "has" if enough else "lacks", f"{memory:.1f} GB", cure)
    yield Finding("CPU cores", "has", str(cores()))
    free = shutil.disk_usage(root or Path.cwd()).free / 1e9
    cure = "" if free >= _LEAST_DISK_GB else f"wanted {_LEAST_DISK_GB} GB: make room"
    yield Finding("free disk", "lacks" if cure else "has", f"{free:.1f} GB", cure)
    yield _sandbox()
    yield from _kernel()


def try_sandbox(engine: str = "") -> Iterator[tuple[bool, str]]:
    """Try on this machine what no student's notebook may do, on each kind of kernel, and say what came of it.

    Parameters
    ----------
    engine : str
        docker or podman: tries their containers; else bubblewrap.

    Yields
    ------
    tuple of (bool, str)
        Whether all is well so far as the line says, and the line.

    Raises
    ------
    CourseError
        There is no sandbox here, or no kernel starts.
    """
    from course_lib.classroom.contract import canaries, kernels, try_everything
    from course_lib.classroom.withhold import copy_without

    _refuse_without_sandbox(engine)
    yield True, _WHAT_IS_TRIED
    tried = holes = 0
    with tempfile.TemporaryDirectory(prefix="course-") as folder, canaries() as bait:
        Path(folder).chmod(0o755)
        with kernels(copy_without([], Path(folder, "course_lib")), engine=engine) as kinds:
            for kind, start in kinds.items():
                yield True, f"\n{_KINDS[kind]}"
                for outcome in try_everything(start, bait):
                    tried, holes = tried + 1, holes + (not outcome.refused)
                    yield outcome.refused, f"  {outcome}"
    yield (
        not holes,
        f"\n{holes} of {tried} attempts are NOT refused. {_DO_NOT_GRADE.format(sandbox=engine or 'bubblewrap')}"
        if holes
        else (f"\nAll {tried} attempts are refused: notebooks from strangers can be graded on this machine."),
    )


def _refuse_without_sandbox(engine: str) -> None:
    from course_lib.classroom.containers import why_no_container
    from course_lib.classroom.sandbox import why_no_sandbox

    why = why_no_container(engine) if engine else why_no_sandbox()
    if why:
        raise CourseError(why)
    if engine:
        return
    finding = _sandbox()
    if finding.state == "lacks":
        raise CourseError(f"{finding.name}: {finding.value}; {finding.cure}")


def _python(version: tuple[int, ...]) -> Finding:
    good = (3, 11) <= version < (3, 14)
    cure = "" if good else "wanted 3.11 to 3.13: make PYTHON=python3.12 lab"
    return Finding("Python", "has" if good else "lacks", ".".join(map(str, version)), cure)


def _packages() -> Iterator[Finding]:
    """Compare what is installed with what the package asks for."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(text) for text in metadata.requires("course-lib") or []]
    except metadata.PackageNotFoundError:
        yield Finding("course-lib", "lacks", "not installed", "python -m pip install --editable '.[dev]'")
        return
    yield Finding("course-lib", "has", version_of("course-lib"))
    for extra in ("", "classroom", "lab", "cluster"):
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
    }
    name = what[extra]
    if not bad:
        return Finding(name, "has", ", ".join(names))
    cure = f"python -m pip install --editable '.[{extra}]'" if extra else "python -m pip install --editable ."
    return Finding(name, "lacks" if extra != "cluster" else "optional", ", ".join(bad), cure)


def _sandbox() -> Finding:
    from course_lib.classroom.sandbox import why_no_sandbox

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
        return Finding(
            "sandbox for grading",
            "lacks",
            f"bubblewrap cannot isolate ({what})",
            "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1; in a container, start it with "
            "--security-opt seccomp=unconfined), or grade on another machine",
        )
    return Finding("sandbox for grading", "has", "bubblewrap isolates")


def _no_sandbox(why: str) -> Finding:
    return Finding("sandbox for grading", "lacks", why, "install bubblewrap with the system's package manager")


def _kernel() -> Iterator[Finding]:
    """Start a kernel, and ask it for torch and a GPU."""
    answer = _ask_kernel()
    if isinstance(answer, Finding):
        yield answer
        return
    executable, torch, threads, gpu = answer
    if Path(executable).absolute() != Path(sys.executable).absolute():
        cure = "python -m ipykernel install --sys-prefix --name python3"
        yield Finding("Jupyter kernel", "lacks", f"python3 starts another Python, {executable}", cure)
    else:
        yield Finding("Jupyter kernel", "has", "python3 starts this Python")
    yield Finding("torch", "has", f"{torch}, {threads} threads")
    if gpu:
        yield Finding("GPU", "has", gpu)
    else:
        yield Finding("GPU", "optional", "none; all lessons run without one")


def _ask_kernel() -> tuple[str, ...] | Finding:
    try:
        from jupyter_client.manager import start_new_kernel
    except ModuleNotFoundError:
        return Finding(
            "Jupyter kernel", "lacks", "no jupyter_client", "python -m pip install --editable '.[classroom]'"
        )
    lines: list[str] = []
    try:
        manager, client = start_new_kernel(kernel_name="python3", extra_arguments=["--log-level=ERROR"])
    except Exception as error:  # whatever keeps it from starting is the finding
        cure = "python -m ipykernel install --sys-prefix --name python3"
        return Finding("Jupyter kernel", "lacks", f"python3 does not start ({error})", cure)
    try:
        reply = client.execute_interactive(
            _ASK_KERNEL, timeout=120, output_hook=lambda message: lines.append(message["content"].get("text", ""))
        )
    except TimeoutError:
        return Finding("Jupyter kernel", "lacks", "python3 starts and does not answer", "restart the machine")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if reply["content"]["status"] != "ok":
        cure = "python -m pip install --editable ."
        return Finding("torch", "lacks", f"{reply['content'].get('evalue', 'it cannot be loaded')}", cure)
    return tuple("".join(lines).strip("\n").split("|"))
