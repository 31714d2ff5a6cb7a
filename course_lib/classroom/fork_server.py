"""The warm process: it imports the libraries once, then forks a ready Jupyter kernel for each request.

A client's request is a JSON object and, beside it, open files: for its last words, a lifeline, the kernel's sockets.
The answer is the new process as a descriptor (`pidfd`), which means the same process in every namespace. The warm
process runs no student code itself, so every kernel begins as the first one did. A kernel ends when its lifeline
closes, the warm process when its control socket closes.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
import threading
import traceback
from typing import Any, NoReturn

import numpy
import torch

from course_lib.classroom import namespaces
from course_lib.classroom.student_side import start_kernel

__all__ = ["LIBRARIES", "main"]

LIBRARIES = (
    "numpy", "scipy.ndimage", "scipy.signal", "scipy.stats", "pandas", "PIL.Image", "pydicom", "nibabel", "tqdm.auto",
    "sklearn.datasets", "sklearn.linear_model", "sklearn.metrics", "sklearn.model_selection",
    "matplotlib.pyplot", "matplotlib_inline.backend_inline",
    "torch", "torch.nn.functional", "torch.utils.data", "lightning_fabric",
    "course_lib.arithmetic", "course_lib.brain_age", "course_lib.classroom.session", "course_lib.data",
    "course_lib.figures", "course_lib.metrics", "course_lib.models.lenet", "course_lib.summary", "course_lib.training",
    "course_lib.widgets",
    "ipykernel.debugger", "ipykernel.ipkernel", "ipykernel.kernelapp", "ipywidgets", "jupyter_client.session",
    "IPython.core.completer", "IPython.core.completerlib", "IPython.core.debugger", "IPython.core.oinspect",
    "IPython.extensions.storemagic", "tornado.platform.asyncio",
)  # fmt: skip
"""What a kernel finds imported; a lesson that needs more imports it as always."""

_LARGEST_REQUEST = 2**16
_MOST_FILES = 16


def main() -> None:
    """Import the libraries, say so, and fork until the control socket named by the first argument closes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    for name in LIBRARIES:
        with contextlib.suppress(Exception):  # missing or withheld: the cell that imports it says so
            importlib.import_module(name)
    threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries the dead
    gc.collect()
    gc.freeze()  # what is there now is not looked at again, so its memory stays shared
    control.send(json.dumps({"threads": threads}).encode())
    clients = [control]
    while True:
        for client in select.select(clients, [], [])[0]:
            text, files, _, _ = socket.recv_fds(client, _LARGEST_REQUEST, _MOST_FILES)
            if client is control:
                if not text:
                    return
                clients.append(socket.socket(fileno=files[0]))
            elif not text:
                client.close()
                clients.remove(client)
            else:
                if os.fork() == 0:
                    _be_a_kernel(client, json.loads(text), files)
                for file in files:
                    os.close(file)


def _be_a_kernel(client: socket.socket, request: dict[str, Any], files: list[int]) -> NoReturn:
    """Do what the new process does, to its end; whatever goes wrong is its last words on stderr."""
    try:
        walls, (words, lifeline, *sockets) = request["walls"], files
        for stream in (1, 2):
            os.dup2(words, stream)
        first = namespaces.own_processes(own_user=walls["user"] is None) if walls else os.fork()
        if first:
            handed = os.pidfd_open(first)
            socket.send_fds(client, [b"{}"], [handed])
            os._exit(0)
        _close_all_but(lifeline, *sockets)
        if walls:
            namespaces.isolate(walls["folders"], size_mb=walls["size_mb"])
        kernel = os.fork()
        if kernel:
            _watch(kernel, lifeline)
        os.close(lifeline)
        _begin_anew()
        if walls:
            namespaces.give_up_rights(walls["user"])
        os.chdir(request["folder"])
        start_kernel(request["connection"], sockets, request["limits"])
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def _watch(kernel: int, lifeline: int) -> NoReturn:
    """Be the kernel's parent: end with it, and end it when whoever asked for it is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
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
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    random.seed()
    numpy.random.seed()
    torch.seed()


if __name__ == "__main__":
    main()
