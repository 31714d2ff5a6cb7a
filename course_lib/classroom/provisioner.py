"""Warm kernels at the desk: papermill, nbclient, nbval and JupyterLab start the kernel `course-warm` in half a second.

One process a user imports the libraries and forks the kernels that are asked for; it ends when nobody has asked for ten
minutes. There are no walls around these kernels: they run with the rights of whoever starts them, as any kernel does.
Where forking is not possible (not Linux), or the process does not start, the kernel starts as any other.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from course_lib.classroom.warm import ask_for_kernel, listen

__all__ = ["WarmProvisioner"]

_IDLE_S = 600
_PACKAGE = Path(__file__).parents[1]
# What libraries read only once, when they are imported: another value needs another process.
_READ_AT_IMPORT = ("OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "CUDA_", "PYTHONPATH", "PYTHONHASHSEED", "PYTHONWARNINGS")


class WarmProvisioner(LocalProvisioner):
    """A kernel provisioner of `jupyter_client`, named in the kernelspec `course-warm`."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork the kernel from the warm process; start it as usual where that cannot be done."""
        try:
            environment = dict(kwargs.get("env") or os.environ)
            request = {
                "walls": None, "arguments": cmd[cmd.index("ipykernel_launcher") + 1 :], "environment": environment,
                "folder": str(kwargs.get("cwd") or os.getcwd()),
            }  # fmt: skip
            words: Any = kwargs.get("stderr")
            words = words if isinstance(words, int) else words.fileno() if words else 2
            forked: Any = ask_for_kernel(_warm_process(environment), request, [words])
        except (OSError, ValueError, AttributeError) as problem:
            self.log.warning("the kernel starts without a warm process: %s", problem)
            return await super().launch_kernel(cmd, **kwargs)
        self.process, self.pid = forked, forked.pid
        return self.connection_info


def _warm_process(environment: dict[str, str]) -> Path:
    """Return the address of this user's warm process, started if need be."""
    folder = _folder()
    address = folder / _key(environment)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _answers(address):
            address.unlink(missing_ok=True)
            _start(address, environment)
    return address


def _start(address: Path, environment: dict[str, str]) -> None:
    with listen(address) as listener, address.with_suffix(".log").open("wb") as words:
        subprocess.run(
            [sys.executable, "-P", "-m", "course_lib.classroom.fork_server", str(listener.fileno()), str(_IDLE_S)],
            pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL, stdout=words, stderr=words, cwd="/",
            env=environment, start_new_session=True, check=False,
        )  # fmt: skip


def _answers(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        try:
            line.connect(str(address))
        except OSError:
            return False
    return True


def _folder() -> Path:
    """Return a folder of this user's own."""
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"course-warm-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise OSError(f"{folder} is not a folder of this user's own")
    return folder


def _key(environment: dict[str, str]) -> str:
    """Return a name that changes with this Python, with the library's files, and with what is read at import."""
    files = sorted((str(path), path.stat().st_mtime_ns) for path in _PACKAGE.rglob("*.py"))
    settings = sorted((name, value) for name, value in environment.items() if name.startswith(_READ_AT_IMPORT))
    return hashlib.sha256(repr((sys.executable, files, settings)).encode()).hexdigest()[:16]
