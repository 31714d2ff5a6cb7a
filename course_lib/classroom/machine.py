"""Where a lesson runs: versions, device, memory, and the minutes to expect."""

import os
import platform
from importlib import metadata
from pathlib import Path

__all__ = ["cores", "memory_gb", "version_of", "where_am_i"]


def where_am_i(minutes_cpu: float | None = None, minutes_gpu: float | None = None) -> None:
    """Print versions, device and memory of this machine, and how long the lesson takes on it.

    Parameters
    ----------
    minutes_cpu, minutes_gpu
        Minutes of the lesson on two CPU cores and on a GPU; nothing is said where they are not given.
    """
    import torch

    names = {"torch": torch.__version__, "numpy": version_of("numpy"), "course_lib": version_of("course-lib")}
    versions = " · ".join(f"{name} {version}" for name, version in names.items())
    gpu = _gpu_here(torch)
    lines = [
        f"Python {platform.python_version()} · {versions}",
        f"{cores()} CPU cores · {memory_gb():.0f} GB of memory · {gpu or 'no GPU, and none is needed'}",
    ]
    minutes = minutes_gpu if gpu and minutes_gpu is not None else minutes_cpu
    if minutes is not None:
        lines.append(f"This lesson takes about {minutes:g} minute{'' if minutes == 1 else 's'} here.")
    _show("\n".join(lines))


def _show(text: str) -> None:
    """Print; in a notebook as an output that the build does not store, since it is true of this machine only."""
    try:
        from IPython import get_ipython
        from IPython.display import publish_display_data
    except ModuleNotFoundError:
        print(text)
        return
    if get_ipython() is None:
        print(text)
    else:
        publish_display_data({"text/plain": text}, {"course": {"machine": True}})


def _gpu_here(torch: object) -> str:
    """Name the GPU that this process would use; empty for none."""
    cuda, backends = getattr(torch, "cuda", None), getattr(torch, "backends", None)
    if cuda is not None and cuda.is_available():
        return f"GPU {cuda.get_device_name()}"
    return "GPU of this Mac" if backends is not None and backends.mps.is_available() else ""


def version_of(package: str) -> str:
    """Return the version of an installed package; empty where it is not installed.

    Examples
    --------
    >>> version_of("no-such-package")
    ''
    """
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def cores() -> int:
    """Count the cores that this process may use; in a container its share, not the machine's.

    Examples
    --------
    >>> cores() >= 1
    True
    """
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _read("/sys/fs/cgroup/cpu.max").partition(" ")
    if quota.isdigit() and period.strip().isdigit():
        here = min(here, max(1, round(int(quota) / int(period))))
    return here


def memory_gb() -> float:
    """Return the memory that this process may use, in GB; 0 where nobody tells.

    Examples
    --------
    >>> memory_gb() >= 0
    True
    """
    found = []
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    limit = _read("/sys/fs/cgroup/memory.max")
    if limit.isdigit():
        found.append(int(limit))
    return min(found, default=0) / 1e9


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
