"""What runs in the student's kernel: its launcher, and the door through which the grader asks it.

The launcher sets the resource limits, then starts an ordinary Jupyter kernel on sockets that the grader opened
beforehand, so that no folder is shared with the sandbox. `answer` carries out one request (call, attribute, item, …)
and gives back plain data; what is no plain data stays here under a number. Nothing in this file is trusted: a
submission can change all of it, and gains nothing, because the grader judges what arrives.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback
from collections.abc import Iterator
from functools import cache, partial
from types import SimpleNamespace
from typing import Any, NoReturn

from course_lib.classroom import namespaces
from course_lib.classroom.wire import WireError, decode, encode

__all__ = ["LEAVE", "PORTS", "REQUEST", "answer", "kernel_application", "main", "start_kernel"]

PORTS = (1, 2, 3, 4, 5)
"""Numbers that stand for a kernel's sockets: shell, iopub, stdin, control, heartbeat."""
REQUEST = "course_request"
"""Type of the message, beside Jupyter's own, after which the kernel answers requests until it is told to leave."""
LEAVE = b"leave"

_kept: list[Any] = []


def _stand_at_the_door(door: int) -> None:
    """Answer requests, a line each (a number, a space, JSON text), until told to leave or nobody is there."""
    kernel = os.getpid()
    with open(door, "rb", closefd=False) as requests, open(door, "wb", closefd=False) as answers:
        while True:
            with contextlib.suppress(KeyboardInterrupt):  # it came between two requests
                line = requests.readline().strip()
                if line in (LEAVE, b""):
                    return
                number, _, text = line.partition(b" ")
                outcome = answer(text.decode()).encode()
                if os.getpid() != kernel:
                    os._exit(0)  # a process that the student's code forked; it must not answer for the kernel
                answers.write(number + b" " + outcome + b"\n")
                answers.flush()


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


def answer(request: str) -> str:
    """Carry out one request, written by `course_lib.classroom.standin`, and return its outcome as JSON text."""
    with contextlib.redirect_stdout(_Nowhere()), contextlib.redirect_stderr(_Nowhere()):
        try:
            outcome = _carry_out(json.loads(request))
            return '{"value":' + encode(outcome, unknown=_keep) + "}"
        except WireError as problem:
            return json.dumps({"error": {"type": "WireError", "message": str(problem)[:500], "line": None}})
        except BaseException as problem:  # whatever a student's code raises is an outcome like any other
            return json.dumps({"error": _describe(problem)})


def _carry_out(request: dict[str, Any]) -> Any:
    kind = request["kind"]
    if kind == "name":
        return _student_names()[request["name"]]
    if kind == "evaluate":
        return _evaluate(request["expression"])
    target = _read(request["target"])
    if kind == "call":
        arguments, keywords = _read(request["arguments"])
        return target(*arguments, **keywords)
    if kind == "attribute":
        return getattr(target, request["name"])
    if kind == "item":
        return target[_read(request["key"])]
    if kind == "contains":
        return _read(request["key"]) in target
    if kind == "length":
        return len(target)
    if kind == "iterate":
        return _Iterator(target)
    if kind == "next":
        return target.more(request["count"])
    raise ValueError(f"unknown request {kind!r}")


class _Iterator:
    """An iterator that is kept here; one item is fetched at a time, so that an endless one is no danger."""

    def __init__(self, items: Any) -> None:
        self.items = iter(items)

    def more(self, count: int) -> list[Any]:
        found = []
        for _ in range(count):
            try:
                found.append(next(self.items))
            except StopIteration:
                break
        return found


def _read(text: str) -> Any:
    return decode(text, resolve=_resolve)


def _resolve(kind: str, payload: Any) -> Any:
    return _student_names()[payload] if kind == "name" else _kept[payload[0]]


def _keep(thing: object) -> dict[str, Any]:
    _kept.append(thing)
    return {"ref": [len(_kept) - 1, type(thing).__name__[:100], callable(thing)]}


def _student_names() -> dict[str, Any]:
    from IPython import get_ipython

    return get_ipython().user_ns


def _evaluate(expression: str) -> Any:
    import numpy

    libraries: dict[str, Any] = {"np": numpy, "numpy": numpy}
    if "torch" in expression:
        import torch

        libraries["torch"] = torch
    return eval(expression, libraries)


def _describe(problem: BaseException) -> dict[str, Any]:
    """Return type, words and last line of the student's own code; each step may be sabotaged and has a fallback."""
    kinds = [kind.__name__ for kind in type(problem).__mro__]
    try:
        message = str(problem)[:500]
    except BaseException:
        message = ""
    line = None
    with contextlib.suppress(BaseException):
        frames = traceback.extract_tb(problem.__traceback__)
        own = [
            frame for frame in frames if "ipykernel_" in frame.filename or frame.filename.startswith("<ipython-input")
        ]
        line = (own[-1].line or "")[:200] if own else None
    return {"type": kinds[0][:100], "kinds": [kind[:100] for kind in kinds[:20]], "message": message, "line": line}


def _set_limits(limits: dict[str, int]) -> None:
    import resource

    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_AS: limits["memory_mb"] * 2**20,
        resource.RLIMIT_FSIZE: limits["disk_mb"] * 2**20,
        resource.RLIMIT_NPROC: limits["processes"],
        resource.RLIMIT_CPU: limits["cpu_seconds"],
        resource.RLIMIT_NOFILE: limits["open_files"],
    }
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


@cache
def kernel_application() -> Any:
    """
    Return the class of the kernel's application, which leaves out what a student's kernel cannot need.

    It has no command line, no configuration file and no log; and after a fork each module or logger that is looked at
    is a page to copy. Its `opened` maps port numbers to file descriptors that it listens on.
    """
    import zmq
    from ipykernel.kernelapp import IPKernelApp

    class KernelApplication(IPKernelApp):
        name = "ipython-kernel"
        opened: dict[int, int]

        def parse_command_line(self, argv: Any = None) -> None:
            pass

        def load_config_file(self, *_: Any, **__: Any) -> None:
            pass

        def _configure_logging(self) -> None:
            pass

        def init_code(self) -> None:
            shell: Any = self.shell
            shell.user_ns_hidden.update(shell.user_ns)
            # No `_sys_modules_keys`: without that list `%reset -s` leaves every module alone.

        def _try_bind_socket(self, socket: Any, port: int) -> int:
            socket.setsockopt(zmq.USE_FD, self.opened[port])
            socket.bind(f"ipc:///tmp/kernel-{port}")
            return port

    return KernelApplication


def _use_open_sockets(application: Any, opened: dict[int, int]) -> None:
    """Let the kernel, and its heart, listen on sockets that were opened for it: port number → file descriptor."""
    from ipykernel.heartbeat import Heartbeat

    def bind_heartbeat(heartbeat: Heartbeat) -> None:
        application._try_bind_socket(heartbeat.socket, heartbeat.port)

    application.opened = opened
    setattr(Heartbeat, "_try_bind_socket", bind_heartbeat)  # noqa: B010 - to a type checker a method is no variable


@contextlib.contextmanager
def _no_list_of_modules() -> Iterator[None]:
    """Spare the kernel the list of files for its debugger: after a fork, each module looked at is a page to copy."""
    from ipykernel import ipkernel

    setattr(ipkernel, "sys", SimpleNamespace(**{**vars(sys), "modules": {}}))  # noqa: B010 - as above
    try:
        yield
    finally:
        setattr(ipkernel, "sys", sys)  # noqa: B010 - as above


def _mend_streams(**streams: Any) -> None:
    """Give back the streams that a cell took away: without them the kernel cannot end the cell."""
    for name, stream in streams.items():
        if not callable(getattr(getattr(sys, name, None), "flush", None)):
            setattr(sys, name, stream)


def _leave(code: Any = None) -> None:
    """Leave the cell, as in a plain program; the kernel goes on with the next one."""
    raise SystemExit(code)


def start_kernel(connection: dict[str, Any], sockets: list[int], limits: dict[str, int]) -> None:
    """Set the limits, then be a Jupyter kernel on sockets that were opened for it, until it ends.

    Parameters
    ----------
    connection : dict
        What a connection file holds.
    sockets : list of int
        File descriptors in the order of `PORTS`, and the one on which requests come.
    limits : dict
        The fields of `course_lib.classroom.sandbox.SandboxLimits`.
    """
    _set_limits(limits)
    path = os.path.join(os.environ["HOME"], ".connection.json")
    with open(path, "w") as file:
        json.dump(connection, file)
    *ports, door = sockets
    sys.argv[1:] = []
    sys.path.insert(0, "")
    app = kernel_application().instance(connection_file=path)
    _use_open_sockets(app, dict(zip(PORTS, ports, strict=True)))
    app.config.HistoryManager.enabled = False
    with _no_list_of_modules():
        app.initialize()
    app.shell.user_ns.update(exit=_leave, quit=_leave)
    app.shell.events.register("post_execute", partial(_mend_streams, stdout=sys.stdout, stderr=sys.stderr))

    app.kernel.shell_handlers[REQUEST] = lambda *_: _stand_at_the_door(door)
    app.start()


def _bury(kernel: int) -> NoReturn:
    """Be the first process: reap what the kernel leaves, and end with it, which ends all the others."""
    namespaces.be_unreadable()
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    while os.wait()[0] != kernel:
        pass
    os._exit(0)


def main() -> None:
    """Start the kernel that the grader described in the file descriptor named by the first argument."""
    if os.getpid() == 1 and (kernel := os.fork()):
        _bury(kernel)
    with os.fdopen(int(sys.argv[1])) as file:
        plan = json.load(file)
    if plan["walls"]:
        namespaces.give_up_rights(None)
    start_kernel(plan["connection"], plan["sockets"], plan["limits"])


if __name__ == "__main__":
    main()
