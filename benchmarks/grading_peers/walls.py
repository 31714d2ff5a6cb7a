"""What the walls around a warm fork cost; sent as text into the sandbox of a warm process, where no file of ours is.

Argument: what a request to the warm process says of its walls, as JSON. Each start is a fork of a process that has
imported the libraries, as in `course_lib.classroom.fork_server`, and ends where the kernel would begin; in turn with
walls and without. Printed: two lists of (seconds of the clock, processor seconds of all processes of the start).
"""

import contextlib
import gc
import importlib
import json
import os
import resource
import sys
import time

from course_lib.classroom import namespaces
from course_lib.classroom.fork_server import LIBRARIES
from course_lib.classroom.huge_pages import use_huge_pages

STARTS = 30


def start(walls) -> tuple[float, float]:
    before, began = used(), time.perf_counter()
    ready, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        if walls and (first := namespaces.own_processes(own_user=walls["user"] is None)):
            os.waitpid(first, 0)
            os._exit(0)
        if walls:
            namespaces.isolate(walls["folders"], size_mb=walls["size_mb"], keep=walls["keep"])
        if kernel := os.fork():
            os.waitpid(kernel, 0)
            os._exit(0)
        if walls:
            namespaces.give_up_rights(walls["user"])
        os.write(theirs, b".")
        os._exit(0)
    os.read(ready, 1)
    seconds = time.perf_counter() - began
    os.waitpid(child, 0)
    os.close(ready)
    os.close(theirs)
    return seconds, used() - before


def used() -> float:
    total = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in total)


def main() -> None:
    walls = json.loads(sys.argv[1])
    for name in LIBRARIES:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    use_huge_pages()
    start(walls), start(None)
    print(json.dumps([(start(walls), start(None)) for _ in range(STARTS)]))


main()
