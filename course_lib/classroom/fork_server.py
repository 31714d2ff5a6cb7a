"""The warm process: it imports the libraries once, then forks a ready Jupyter kernel for each request.

A client's request is a JSON object and, beside it, open files: for its last words, a lifeline, the kernel's sockets.
The answer is the new process as a descriptor (`pidfd`), which means the same process in every namespace. The warm
process runs no student code itself, so every kernel begins as the first one did. A kernel ends when its lifeline
closes.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import re
import select
import signal
import socket
import sys
import traceback
from collections.abc import Iterable
from typing import Any, NoReturn

from course_lib.classroom import namespaces
from course_lib.classroom.huge_pages import use_huge_pages
from course_lib.classroom.student_side import kernel_application, start_kernel

__all__ = ["LIBRARIES", "libraries_named", "main"]

LIBRARIES = {
    "numpy": ("numpy",),
    "scipy": ("scipy.ndimage", "scipy.signal", "scipy.stats"),
    "pandas": ("pandas",),
    "PIL": ("PIL.Image",),
    "pydicom": ("pydicom",),
    "nibabel": ("nibabel",),
    "tqdm": ("tqdm.auto",),
    "sklearn": ("sklearn.datasets", "sklearn.linear_model", "sklearn.metrics", "sklearn.model_selection"),
    "matplotlib": ("matplotlib.pyplot",),
    "torch": ("torch", "torch.nn.functional", "torch.utils.data"),
    "torch.optim": ("course_lib.classroom.later",),  # the first optimiser would ask for 2 s of imports
    "course_lib.arithmetic": ("course_lib.arithmetic",),
    "course_lib.brain_age": ("course_lib.brain_age",),
    "course_lib.data": ("course_lib.data",),
    "course_lib.figures": ("course_lib.figures",),
    "course_lib.metrics": ("course_lib.metrics",),
    "course_lib.models": ("course_lib.models.lenet",),
    "course_lib.summary": ("course_lib.summary",),
    "course_lib.training": ("course_lib.training", "lightning_fabric"),
    "course_lib.widgets": ("course_lib.widgets", "ipywidgets"),
}
"""What a kernel can find imported, by the name that a cell imports; whatever else it needs it imports as always."""

_KERNEL = (
    "course_lib.classroom.session", "numpy", "ipykernel.debugger", "ipykernel.ipkernel", "ipykernel.kernelapp",
    "IPython.core.completer", "IPython.core.completerlib", "IPython.core.debugger", "IPython.core.oinspect",
    "IPython.extensions.storemagic", "jupyter_client.session", "tornado.platform.asyncio",
)  # fmt: skip
_LARGEST_REQUEST = 2**16
_MOST_FILES = 16
_BACKEND = "module://matplotlib_inline.backend_inline"


def main() -> None:
    """Import the libraries, then fork kernels for whoever connects.

    Arguments of the command: the file descriptor of a listening socket; after how many seconds without a client to end
    (0: never, it belongs to whoever started it); which of the libraries to import, all by default.
    """
    listener, idle_s = socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2])
    if idle_s and os.fork():
        return  # nobody waits for a process that serves a whole desk
    os.environ["MPLBACKEND"] = _BACKEND  # as a kernel sets it before anything is imported
    for name in (*_KERNEL, *(name for library in sys.argv[3:] or LIBRARIES for name in LIBRARIES[library])):
        with contextlib.suppress(Exception):  # missing or withheld: the cell that imports it says so
            importlib.import_module(name)
    kernel_application()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries the dead
    gc.collect()
    gc.freeze()  # what is there now is not looked at again, so its memory stays shared
    use_huge_pages()
    clients: list[socket.socket] = []
    while ready := select.select([listener, *clients], [], [], None if clients or not idle_s else idle_s)[0]:
        for client in ready:
            if client is listener:
                clients.append(listener.accept()[0])
            elif not _serve(client):
                client.close()
                clients.remove(client)


def libraries_named(cells: Iterable[str]) -> list[str]:
    """Return the keys of `LIBRARIES` that the sources of cells import, or, as `torch.optim`, use.

    Examples
    --------
    >>> libraries_named(["import os, torch.nn as nn", "from course_lib.data import load_digits"])
    ['torch', 'course_lib.data']
    """
    text = "\n".join(cells)
    found = {
        name.split()[0]
        for line in re.findall(r"^[ \t]*(?:from|import)[ \t]+(.+)", text, flags=re.MULTILINE)
        for name in line.split(" import ")[0].split(",")
        if name.strip()
    }
    if re.search(r"\btorch\.optim\b|\bfrom torch import .*\boptim\b", text):
        found.add("torch.optim")
    return [key for key in LIBRARIES if any(name == key or name.startswith(f"{key}.") for name in found)]


def _serve(client: socket.socket) -> bool:
    """Fork a kernel as a client asks for it; return False once the client has hung up."""
    try:
        text, files, _, _ = socket.recv_fds(client, _LARGEST_REQUEST, _MOST_FILES)
    except ConnectionError:
        return False
    if text and os.fork() == 0:
        _be_a_kernel(client, json.loads(text), files)
    for file in files:
        os.close(file)
    return bool(text)


def _be_a_kernel(client: socket.socket, request: dict[str, Any], files: list[int]) -> NoReturn:
    """Do what the new process does, to its end; whatever goes wrong is its last words on stderr."""
    try:
        walls, (words, lifeline, *sockets) = request["walls"], files
        for stream in (1, 2):
            os.dup2(words, stream)
        if walls and (first := namespaces.own_processes(own_user=walls["user"] is None)):
            _answer(client, first)  # whose end is the end of all that is inside
            os._exit(0)
        if walls:
            namespaces.isolate(walls["folders"], size_mb=walls["size_mb"], keep=walls["keep"])
        kernel = os.fork()
        if kernel:
            if not walls:
                _answer(client, kernel)
            _watch(kernel, lifeline)
        _close_all_but(*sockets)
        _begin_anew()
        os.chdir(request["folder"])
        if walls:
            namespaces.give_up_rights(walls["user"])
            start_kernel(request["connection"], sockets, request["limits"])
        else:
            _be_a_plain_kernel(request["arguments"], request["environment"])
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def _answer(client: socket.socket, process: int) -> None:
    handed = os.pidfd_open(process)
    socket.send_fds(client, [b"{}"], [handed])
    os.close(handed)


def _be_a_plain_kernel(arguments: list[str], environment: dict[str, str]) -> None:
    """Be the kernel that ``python -m ipykernel_launcher ARGUMENTS`` would have been."""
    from ipykernel.kernelapp import launch_new_instance

    os.environ.clear()
    os.environ.update({"MPLBACKEND": _BACKEND, **environment})
    sys.argv[1:] = arguments
    sys.path.insert(0, "")
    launch_new_instance()


def _watch(kernel: int, lifeline: int) -> NoReturn:
    """Be the kernel's parent: end with it, and end it when whoever asked for it is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the kernel
    namespaces.be_unreadable()
    watched = os.pidfd_open(kernel)
    _close_all_but(lifeline, watched)
    while True:
        select.select([watched, lifeline], [], [], 1)
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG)[0]) not in (0, kernel):
                pass  # an orphan that the kernel left
            if ended == kernel:
                os._exit(0)
        if select.select([lifeline], [], [], 0)[0]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(kernel, signal.SIGKILL)
            os._exit(0)


def _close_all_but(*kept: int) -> None:
    """Close every open file but these and the standard streams."""
    below = 3
    for file in [*sorted(kept), os.sysconf("SC_OPEN_MAX")]:
        os.closerange(below, file)
        below = file + 1


def _begin_anew() -> None:
    """Give the new process what a fork would share: signals, sessions, the state of random numbers."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    random.seed()
    for library, name in (("numpy.random", "seed"), ("torch", "seed")):
        if library in sys.modules:
            getattr(sys.modules[library], name)()


if __name__ == "__main__":
    main()
