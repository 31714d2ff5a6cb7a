"""Every kind of kernel holds the one contract, and the bait with which it is tried out is real."""

import os
from pathlib import Path

import pytest

from course_lib.classroom import contract
from course_lib.classroom.contract import LIMITS, canaries, kernels, try_everything
from course_lib.classroom.forbidden import FORBIDDEN
from course_lib.classroom.kernels import StudentKernel
from course_lib.classroom.withhold import copy_without

# Of what is forbidden, that which does no harm where nothing forbids it.
HARMLESS = (
    "read a private file in the temporary folder",
    "read a file that all may read, in the temporary folder",
    "read a file in the home folder",
    "read a file in the working folder (results, gradebook)",
    "see the checkout (answers, tests)",
    "read it through a symbolic link",
    "reach it through the roots of processes",
    "see the grader's processes",
    "send a signal to the grader, or to another kernel",
    "reach a server on this machine",
    "reach a local socket that has a name only",
    "reach a local socket that is a file",
    "hold memory that is counted nowhere",
    "keep any capability, or escape the filter",
)


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    return copy_without([], tmp_path_factory.mktemp("library") / "course_lib")


@pytest.mark.sandbox
@pytest.mark.parametrize("kind", ["cold", "warm"])
def test_everything_that_is_forbidden_is_refused(package, kind):
    with canaries() as bait, kernels(package) as kinds:
        outcomes = list(try_everything(kinds[kind], bait))
    assert [str(one) for one in outcomes if not one.refused] == []
    assert len(outcomes) >= len(FORBIDDEN) + 4


@pytest.mark.sandbox
def test_without_walls_the_bait_can_be_had(package):
    with canaries() as bait, StudentKernel(package, limits=LIMITS, sandboxed=False) as kernel:
        bait |= {**vars(LIMITS), "neighbours": [], "sleep": "-"}
        bait["grader"] = "student_side"  # the name of any process that is seen
        places = [place for place, one in enumerate(FORBIDDEN) if one.name in HARMLESS]
        outcomes = [contract._outcome(kernel, place, bait) for place in places]
    assert len(outcomes) == len(HARMLESS)
    assert [str(one) for one in outcomes if one.refused] == []


def test_the_bait_is_taken_away_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with canaries() as bait:
        assert Path(bait["here"]).parent == tmp_path
        assert Path(bait["private"]).stat().st_mode & 0o777 == 0o600
        assert bait["secret"] in os.environ.values()
    assert not [path for path in ("private", "public", "at_home", "here", "socket") if Path(bait[path]).exists()]
    assert bait["secret"] not in os.environ.values()


def test_names_are_told_apart_and_each_says_why():
    assert len({one.name for one in FORBIDDEN}) == len(FORBIDDEN) > 60
    assert all(one.why and one.refusal for one in FORBIDDEN)


@pytest.mark.parametrize(
    ("reply", "refused", "words"),
    [
        ('{"value":"b\'answers\'"}', False, "b'answers'"),
        ('{"error":{"type":"FileNotFoundError","message":"no"}}', True, "FileNotFoundError: no"),
        ('{"error":{"type":"TypeError","message":"odd"}}', False, "TypeError: odd"),
        ("{", False, "the kernel did not get through it"),
    ],
)
def test_only_the_refusal_that_is_wanted_counts(reply, refused, words):
    class Kernel:
        def ask(self, request, *, time_limit_s):
            return reply

    outcome = contract._outcome(Kernel(), 0, {})
    assert outcome.refused is refused
    assert words in outcome.words
