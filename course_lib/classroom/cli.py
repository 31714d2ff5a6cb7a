"""The command `course`: parse, call, print. Each command is one pair of functions, `_add_NAME` and `_NAME`.

Whatever a person can put right ends in one line on stderr and status 2, without a traceback. Libraries are imported
where they are used, so that `course --help` is fast and works with the plain installation.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from course_lib.classroom.data_commands import add_data
from course_lib.classroom.grading_commands import add_check, add_demo, add_grade
from course_lib.errors import CourseError

__all__ = ["build_parser", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Parameters
    ----------
    arguments
        Words after `course`; those of the command line by default.

    Returns
    -------
    int
        0 when all is well, 1 when something was found that is not (as the command says), 2 when it could not be done.

    Examples
    --------
    >>> main(["build", "--root", "/nowhere"])
    2
    """
    options = build_parser().parse_args(arguments)
    # torch's threads wait in a busy loop by default; beside another program on the same cores that is 12 times slower
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        with _a_polite_end():
            return int(options.command(options))
    except CourseError as error:
        print(f"course: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("course_lib", ""):
            raise
        print(
            f"course: the package {error.name!r} is not installed; wanted the extra that builds, runs and grades: "
            "python -m pip install --editable '.[classroom]'",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("course: stopped", file=sys.stderr)
        return 130


@contextmanager
def _a_polite_end() -> Iterator[None]:
    """Let the signal that asks a program to end (a shutdown, `kill`) tidy up just as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():  # only it may say what a signal does
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `course` and all its commands.

    Returns
    -------
    argparse.ArgumentParser
        Its result has `command`, the function that carries the command out.

    Examples
    --------
    >>> build_parser().parse_args(["build", "--check"]).check
    True
    """
    parser = argparse.ArgumentParser(
        prog="course", description="Build, run, check and grade the lessons of the course."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_add_start, _add_build, _add_run, add_check, add_grade, add_demo, add_data, _add_doctor):
        add(commands)
    return parser


def _root(options: argparse.Namespace) -> Path:
    from course_lib.classroom.topics import find_root

    return find_root(options.root or ".")


def _add_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", metavar="DIR", help="the checkout; found from the working folder upwards by default")


def _add_start(commands: Any) -> None:
    parser = commands.add_parser("start", help="the map of the lessons, your progress, and where to go on")
    parser.add_argument("--path", action="store_true", help="print only the notebook to go on with")
    _add_root(parser)
    parser.set_defaults(command=_start)


def _start(options: argparse.Namespace) -> int:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from course_lib.classroom.slow_imports import skip_slow_imports
    from course_lib.classroom.start import course_map, next_notebook

    skip_slow_imports()
    root = _root(options)
    stops = course_map(root)
    onward = next_notebook(stops)
    if options.path:
        print(onward)
        return 0
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("", "", "lesson", "minutes", "after", "tasks right"):
        table.add_column(name, justify="right" if name == "minutes" else "left", no_wrap=name != "lesson")
    for stop in stops:
        sign = "✓" if stop.done else "→" if onward in (stop.lecture, stop.exercise) else ""
        after = " ".join(topic[:2] for topic in stop.needs)
        tasks = f"{stop.right} of {stop.tasks}" if stop.tasks else "no exercise"
        row = (sign, stop.topic[:2], stop.question, str(stop.minutes or ""), after, tasks)
        table.add_row(*map(Text, row), style="bold" if sign == "→" else "")
    Console().print(table)
    print("minutes: your time for the lecture; after: the lessons that it builds on")
    print(f"go on: {onward.relative_to(root)}")
    return 0


def _add_build(commands: Any) -> None:
    parser = commands.add_parser("build", help="make the notebooks whose source or library changed")
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="03_convolution, convolution or 03; all by default")
    parser.add_argument("--check", action="store_true", help="execute nothing; say which notebooks are out of date")
    parser.add_argument("--force", action="store_true", help="execute also what is current")
    parser.add_argument(
        "--format", choices=("nbgrader",), help="write nbgrader's source tree of the exercises into --out instead"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="with --format: the folder of the nbgrader course")
    parser.add_argument("--missing", action="store_true", help="make only what is not there; touch nothing else")
    _add_root(parser)
    parser.set_defaults(command=_build)


def _build(options: argparse.Namespace) -> int:
    from course_lib.classroom.build import build, build_check, build_missing

    root = _root(options)
    if options.format or options.out:
        return _build_for_nbgrader(options, root)
    if options.check:
        report = build_check(root, options.topics)
    elif options.missing:
        with _cell_progress() as progress:
            report = build_missing(root, progress=progress)
    else:
        with _cell_progress() as progress:
            report = build(root, options.topics, force=options.force, progress=progress)
    signs = {"current": "✓", "built": "✓", "prose": "✓", "stale": "✗", "failed": "✗"}
    for entry in report.entries:
        if options.missing and entry.state == "current":  # before the first lesson, only what took time is news
            continue
        took = f" ({entry.seconds:.0f} s)" if entry.state == "built" else ""
        line = f"{signs[entry.state]} {entry.source}: {entry.state}{took}" + (
            f": {entry.message}" if entry.message else ""
        )
        print(line, file=sys.stderr if entry.state == "failed" else sys.stdout)
    if not report.entries:
        print(f"no lesson in {root.name}/notebooks or {root.name}/solutions yet")
    if any(entry.state == "failed" for entry in report.entries):
        return 2
    return 0 if report.ok else 1


def _build_for_nbgrader(options: argparse.Namespace, root: Path) -> int:
    from course_lib.classroom.lesson import read_lesson
    from course_lib.classroom.nbgrader import write_nbgrader_source
    from course_lib.classroom.slow_imports import skip_slow_imports
    from course_lib.classroom.topics import find_topics

    if not (options.format and options.out):
        raise CourseError("wanted both --format nbgrader and --out DIR, the folder of the nbgrader course")
    skip_slow_imports()
    paths = [root / "solutions" / f"{topic}.py" for topic in find_topics(root, options.topics)]
    lessons = [read_lesson(path) for path in paths if path.is_file() or options.topics]
    if not lessons:
        raise CourseError(f"no exercise in {root.name}/solutions yet")
    for path in write_nbgrader_source(lessons, options.out):
        print(f"✓ {path}")
    print(f"next: cd {options.out} && nbgrader generate_assignment {lessons[0].topic}")
    return 0


def _add_run(commands: Any) -> None:
    parser = commands.add_parser("run", help="run a notebook from its first cell to its last, and keep the result")
    parser.add_argument("notebook", metavar="NOTEBOOK", help="a path that ends in .ipynb, or a topic: its lecture")
    parser.add_argument(
        "-p",
        "--parameter",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="another value for a name of the parameters cell, such as -p FAST False",
    )
    parser.add_argument("--out", metavar="FILE", help="where to write it; runs/NOTEBOOK by default")
    _add_root(parser)
    parser.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    from course_lib.classroom.run import parse_parameters, run_notebook

    root = _root(options) if options.root else None
    values = parse_parameters(options.parameter)
    result = run_notebook(options.notebook, out=options.out, parameters=values, root=root)
    print(f"✓ {result.cells} cells in {result.seconds:.0f} s: {result.path}")
    return 0


def _add_doctor(commands: Any) -> None:
    parser = commands.add_parser("doctor", help="say what this machine has, what it lacks, and the cure")
    parser.add_argument(
        "--sandbox",
        nargs="?",
        const="bubblewrap",
        choices=("bubblewrap", "docker", "podman"),
        help="try out that a submission can do no harm: everything it could try; in bubblewrap by default",
    )
    parser.set_defaults(command=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    from course_lib.classroom.doctor import examine

    if options.sandbox:
        return _doctor_sandbox("" if options.sandbox == "bubblewrap" else options.sandbox)
    lacking = 0
    with _bar("looking; at last a kernel loads torch") as advance:
        for finding in examine():
            print(finding, flush=True)
            advance()
            lacking += finding.state == "lacks"
    print("All that is needed is here." if not lacking else f"{lacking} to mend, as the arrows say.")
    return 1 if lacking else 0


def _doctor_sandbox(engine: str) -> int:
    from course_lib.classroom.sandbox_trial import count_attempts, try_sandbox
    from course_lib.classroom.slow_imports import skip_slow_imports

    skip_slow_imports()
    good = True
    with _bar("trying", total=count_attempts(engine)) as advance:
        for well, line in try_sandbox(engine):
            print(line, flush=True)
            good = good and well
            if line.startswith("  "):  # an attempt; the others are headings
                advance()
    return 0 if good else 1


@contextmanager
def _bar(what: str, *, total: int | None = None) -> Iterator[Callable[[], None]]:
    """Show on a terminal's stderr that something goes on; give the function that moves it by one."""
    from course_lib.classroom.terminal import bars

    try:
        import rich.progress  # noqa: F401 - is it there?
    except ModuleNotFoundError:  # the doctor also looks at a machine that lacks it
        yield lambda: None
        return
    with bars() as shown:
        task = shown.add_task(what, total=total)
        yield lambda: shown.advance(task)


@contextmanager
def _cell_progress() -> Iterator[Any]:
    """Show a bar of the cells that run, on stderr; give the function that moves it."""
    from course_lib.classroom.terminal import bars

    with bars() as shown:
        known: dict[str, Any] = {}

        def move(source: str, cell: int, cells: int) -> None:
            if source not in known:
                known[source] = shown.add_task(source, total=cells)
                if shown.disable:  # a log gets one line in place of the bar
                    print(f"{source}: executing {cells} cells", file=sys.stderr, flush=True)
            shown.update(known[source], completed=cell, total=cells)

        yield move
