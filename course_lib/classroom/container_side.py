"""The first process of a container: it fetches what the kernel needs from the grader, starts it and ends with it.

No open file can be handed to a container by way of a daemon. The grader hands them over on a socket instead: the
kernel's own sockets, a file for its last words. The line stays open; once the grader has hung up, or died, all in the
container ends.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import sys
from typing import NoReturn

from course_lib.classroom import namespaces
from course_lib.classroom.fork_server import LIBRARIES
from course_lib.classroom.student_side import start_kernel

__all__ = ["main"]

_LARGEST_PLAN = 2**16
_MOST_FILES = 16


def main() -> None:
    """Be a kernel as the grader says that listens on the socket named by the first argument.

    The other arguments are the libraries that the kernel finds imported, as in a fork of a warm process: a call has
    only some seconds, and whoever imports a library in it should not need them all for that.
    """
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.connect(sys.argv[1])
    text, (words, *sockets), _, _ = socket.recv_fds(line, _LARGEST_PLAN, _MOST_FILES)
    plan = json.loads(text)
    for stream in (1, 2):
        os.dup2(words, stream)
    os.close(words)
    first = os.pidfd_open(os.getpid())  # means this process to the grader too, whatever its number is there
    socket.send_fds(line, [b"{}"], [first])
    os.close(first)
    if kernel := os.fork():
        for one in sockets:
            os.close(one)
        _watch(kernel, line)
    line.close()
    os.chdir(os.environ["HOME"])  # not the engine's --workdir: it would make the folder, as its own
    namespaces.give_up_rights(None)
    for name in (name for library in sys.argv[2:] for name in LIBRARIES[library]):
        with contextlib.suppress(Exception):  # missing or withheld: the cell that imports it says so
            importlib.import_module(name)
    start_kernel(plan["connection"], sockets, plan["limits"])


def _watch(kernel: int, line: socket.socket) -> NoReturn:
    """Be the first process, whose end is the end of all the others; when memory runs out, it is the first to go."""
    with open("/proc/self/oom_score_adj", "w") as rank:
        rank.write("1000")
    namespaces.be_unreadable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ended = os.pidfd_open(kernel)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries what the kernel leaves
    select.select([ended, line.fileno()], [], [])
    os._exit(0)


if __name__ == "__main__":
    main()
