"""Whether notebooks from strangers can be graded on this machine: what `course doctor --sandbox` tries and prints."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from course_lib.classroom.doctor import examine_sandbox
from course_lib.errors import CourseError

__all__ = ["count_attempts", "try_sandbox"]

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


def count_attempts(engine: str = "") -> int:
    """Return how many attempts `try_sandbox` makes: each on every kind of kernel.

    >>> count_attempts() == 2 * count_attempts("docker")
    True
    """
    from course_lib.classroom.forbidden import FORBIDDEN

    return (len(FORBIDDEN) + 4) * (1 if engine else 2)


def _refuse_without_sandbox(engine: str) -> None:
    from course_lib.classroom.containers import why_no_container
    from course_lib.classroom.sandbox import why_no_sandbox

    why = why_no_container(engine) if engine else why_no_sandbox()
    if why:
        raise CourseError(why)
    if engine:
        return
    finding = examine_sandbox()
    if finding.state == "lacks":
        raise CourseError(f"{finding.name}: {finding.value}; {finding.cure}")
