"""Large pages change nothing but the cost of a fork."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from course_lib.classroom.huge_pages import use_huge_pages


def in_huge_pages_kb() -> int:
    return int(re.findall(r"^AnonHugePages: +(\d+) kB", Path("/proc/self/smaps_rollup").read_text(), re.MULTILINE)[0])


def test_what_was_written_is_still_there_here_and_in_a_fork():
    numbers = np.arange(2**21)
    moved = use_huge_pages()
    assert np.array_equal(numbers, np.arange(2**21))
    child = os.fork()
    if child == 0:
        numbers += 1
        os._exit(0 if numbers[-1] == 2**21 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert numbers[-1] == 2**21 - 1
    if moved == 0:
        pytest.skip("needs a Linux that moves pages on demand")
    assert in_huge_pages_kb() >= 2 * 1024


def test_without_a_list_of_regions_nothing_is_moved(monkeypatch):
    def refuse(*_: object) -> str:
        raise OSError

    monkeypatch.setattr(Path, "read_text", refuse)
    assert use_huge_pages() == 0
