"""The commands `course check`, `course grade` and `course demo`: parse, call, print."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.errors import CourseError

if TYPE_CHECKING:
    from course_lib.classroom.exercise_check import TaskCheck
    from course_lib.classroom.grading import GradingPlan, SubmissionResult
    from course_lib.classroom.lesson import Lesson

__all__ = ["add_check", "add_demo", "add_grade"]

_UNSAFE = "WARNING: graded without a sandbox; the students' code ran with your own rights"


def add_check(commands: Any) -> None:
    """Add `course check [TOPIC ...]`."""
    parser = commands.add_parser("check", help="prove that every task marks its known answers rightly")
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="03_convolution, convolution or 03; all by default")
    parser.add_argument("--no-mutants", action="store_true", help="do not try slips in the solutions; faster")
    parser.add_argument(
        "--least",
        metavar="P",
        type=float,
        default=90,
        help="per cent of these slips that must be caught; 90 by default",
    )
    _add_common(parser)
    parser.set_defaults(command=_check)


def add_grade(commands: Any) -> None:
    """Add `course grade TOPIC SUBMISSIONS --out DIR`."""
    parser = commands.add_parser("grade", help="grade a folder of notebooks, each in a sandbox of its own")
    parser.add_argument("topic", metavar="TOPIC", help="03_convolution, convolution or 03")
    parser.add_argument(
        "submissions",
        metavar="SUBMISSIONS",
        type=Path,
        help="STUDENT.ipynb or STUDENT/TOPIC.ipynb in it (later tries: STUDENT__2); or the zip from Canvas or Moodle",
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="gets results.sqlite, results.csv, index.html, feedback/"
    )
    parser.add_argument(
        "--workers", metavar="N", type=int, default=0, help="at the same time; one more than cores by default"
    )
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        default="",
        help="tcp://HOST:PORT of a Dask scheduler whose workers grade instead",
    )
    parser.add_argument(
        "--time-limit", metavar="S", type=float, default=60, help="seconds that one cell may run; 60 by default"
    )
    parser.add_argument(
        "--sandbox",
        choices=("bubblewrap", "docker", "podman"),
        default="bubblewrap",
        help="what closes the students' code in; bubblewrap by default, and by far the fastest",
    )
    _add_terms(parser)
    _add_common(parser)
    parser.set_defaults(command=_grade)


def _add_terms(parser: argparse.ArgumentParser) -> None:
    terms = parser.add_argument_group("the class", "what is said once holds for --out until it is said anew")
    terms.add_argument("--roster", metavar="CSV", type=Path, help="column id; name, email, canvas_id, deadline, …")
    terms.add_argument("--deadline", metavar="WHEN", help="2026-11-20 or 2026-11-20T18:00+01:00; none takes it back")
    terms.add_argument("--late", metavar="P[:CAP]", help="percent off for each day begun, at most CAP; 0 by default")
    terms.add_argument("--tries", choices=("last", "best"), help="which try counts; last by default")
    terms.add_argument("--marks", metavar="CSV", type=Path, help="points and comments by hand: student,points,comment")
    terms.add_argument(
        "--export", action="append", default=[], choices=("canvas", "moodle", "json"), help="may be given several times"
    )
    terms.add_argument(
        "--earlier", metavar="DIR", type=Path, action="append", default=[],
        help="the --out of an earlier topic: who falls far below it is listed; may be given several times",
    )  # fmt: skip
    terms.add_argument("--assignment", metavar="NAME", help="its name in Canvas or Moodle; the title by default")
    terms.add_argument("--regrade", action="store_true", help="grade also what is unchanged")


def add_demo(commands: Any) -> None:
    """Add `course demo --out DIR`."""
    parser = commands.add_parser("demo", help="run a lecture, grade an example class of known marks, compare")
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("demo"), help="a new folder; demo by default")
    parser.add_argument("--topic", metavar="TOPIC", default="04_lenet", help="04_lenet by default")
    _add_common(parser)
    parser.set_defaults(command=_demo)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", metavar="DIR", help="the checkout; found from the working folder upwards by default")
    parser.add_argument(
        "--no-sandbox", action="store_true", help="let the code run with your own rights; only if you trust all of it"
    )


def _check(options: argparse.Namespace) -> int:
    from course_lib.classroom.exercise_check import check_exercise

    if not 0 <= options.least <= 100:
        raise CourseError(f"--least needs per cent from 0 to 100, got {options.least:g}")
    most = {"most_mutants": 0} if options.no_mutants else {}
    broken: list[str] = []
    for lesson in _exercises(options, options.topics):
        with _table(lesson.topic, ("task", "variant", "wanted", "got"), shrinks="wanted") as add:
            checks = check_exercise(lesson, plan=_plan(options), report=lambda one: _add_check(one, add), **most)
        broken += [one.broken for check in checks for one in check.proofs if one.broken]
        for line in (line for check in checks for line in check.survivors):
            print(line)
        caught, tried = (sum(getattr(one, name) for one in checks) for name in ("caught", "mutants"))
        if tried:
            print(f"{lesson.topic}: {caught} of {tried} slips in the solutions are caught ({caught / tried:.0%})")
        if 100 * caught < options.least * tried:
            broken.append(
                f"{lesson.topic}: wanted {options.least:g} % caught; which input would tell the others apart?"
            )
    for line in broken:
        print(f"✗ {line}")
    return 1 if broken else 0


def _add_check(check: TaskCheck, add: Callable[..., None]) -> None:
    """Add the rows of one task to the table."""
    for one in check.proofs:
        add("✗" if one.broken else "✓", one.task, one.variant, one.wanted, one.got)
    if check.mutants:
        sign = "✓" if check.caught == check.mutants else "·"
        add(sign, check.task, "mutants", "caught", f"{check.caught} of {check.mutants}")


def _grade(options: argparse.Namespace) -> int:
    from course_lib.classroom.gradebook import EXPORTS, Terms, grade_folder
    from course_lib.classroom.machine import cores

    if options.cluster and options.sandbox != "bubblewrap":
        raise CourseError(f"--cluster grades with bubblewrap; leave out --sandbox {options.sandbox}")
    if options.cluster and options.workers:
        raise CourseError("--cluster grades on all workers of the cluster; leave --workers out")
    (lesson,) = _exercises(options, [options.topic])
    workers = options.workers or cores() + 1
    terms = Terms(
        roster=options.roster, manual=options.marks, deadline=options.deadline, late=options.late, tries=options.tries,
        exports=options.export, earlier=options.earlier, assignment=options.assignment, regrade=options.regrade,
    )  # fmt: skip
    remarks: list[str] = []
    with _bar(lesson.topic) as progress:
        results = grade_folder(
            lesson, options.submissions, options.out, plan=_plan(options), workers=workers, cluster=options.cluster,
            progress=progress, terms=terms, remark=remarks.append,
        )  # fmt: skip
    for line in remarks:
        print(f"! {line}")
    problems = [one for one in results if one.problem]
    for one in sorted(problems, key=lambda one: one.student):
        print(f"✗ {one.student}: {one.problem}")
    if options.no_sandbox:
        print(_UNSAFE)
    print(f"✓ {len(results) - len(problems)} of {len(results)} submissions graded: {options.out / 'index.html'}")
    for name in options.export:
        print(f"✓ for {name}: {options.out / EXPORTS[name]}")
    return 0


def _demo(options: argparse.Namespace) -> int:
    import dataclasses

    from course_lib.classroom.demo import grade_example_class
    from course_lib.classroom.run import run_notebook
    from course_lib.classroom.session import TimeLimits
    from course_lib.classroom.topics import find_root, find_topics

    root = find_root(options.root or ".")
    (topic,) = find_topics(root, [options.topic])
    if options.out.exists() and any(options.out.iterdir()):
        raise CourseError(f"{options.out} is not empty; name a new folder with --out, or take this one away")
    lecture = run_notebook(topic, out=options.out / f"{topic}.ipynb", root=root)
    (lesson,) = _exercises(options, [topic])
    plan = dataclasses.replace(_plan(options), times=TimeLimits(cell_s=20, call_s=10))
    with _bar(lesson.topic) as progress:
        graded = grade_example_class(lesson, options.out, plan=plan, progress=progress)
    got = {one.student: one for one in graded.results}
    with _table(f"{lesson.topic}: an example class", ("student", "story", "wanted", "got"), shrinks="story") as add:
        for one in graded.known:
            result = got.get(one.student)
            mine = "-" if result is None else "cannot be graded" if result.problem else f"{result.points:g}"
            wrong = any(line.startswith(f"{one.student}:") for line in graded.differences)
            add(
                "✗" if wrong else "✓",
                one.student,
                one.story,
                "cannot be graded" if one.problem else f"{one.points:g}",
                mine,
            )
    for line in graded.differences:
        print(f"✗ {line}")
    if options.no_sandbox:
        print(_UNSAFE)
    print(f"lecture, executed  {lecture.path}")
    print(f"marks              {options.out / 'results' / 'results.csv'}")
    print(f"class overview     {options.out / 'results' / 'index.html'}")
    print(f"feedback pages     {options.out / 'results' / 'feedback'}")
    return 1 if graded.differences else 0


def _exercises(options: argparse.Namespace, topics: list[str]) -> list[Lesson]:
    """Read the exercises asked for; a topic named by hand must have one."""
    from course_lib.classroom.lesson import read_lesson
    from course_lib.classroom.slow_imports import skip_slow_imports
    from course_lib.classroom.topics import find_root, find_topics

    skip_slow_imports()
    root = find_root(options.root or ".")
    paths = [root / "solutions" / f"{topic}.py" for topic in find_topics(root, topics)]
    if topics:
        return [read_lesson(path) for path in paths]
    return [read_lesson(path) for path in paths if path.is_file()]


def _plan(options: argparse.Namespace) -> GradingPlan:
    from course_lib.classroom.grading import GradingPlan
    from course_lib.classroom.session import TimeLimits

    seconds = getattr(options, "time_limit", 60)
    if not seconds > 0:
        raise CourseError(f"--time-limit needs a number of seconds above 0, got {seconds:g}")
    sandbox = getattr(options, "sandbox", "bubblewrap")
    engine = "" if sandbox == "bubblewrap" else sandbox
    if engine and options.no_sandbox:
        raise CourseError(f"--sandbox {engine} and --no-sandbox contradict each other; leave one out")
    times = TimeLimits(cell_s=seconds, call_s=min(20, seconds))
    return GradingPlan(times=times, sandboxed=not options.no_sandbox, engine=engine)


@contextmanager
def _bar(title: str) -> Iterator[Callable[[SubmissionResult, int, int], None]]:
    """Show a bar of the submissions on stderr; give the function that moves it."""
    from course_lib.classroom.terminal import bars

    with bars() as shown:
        bar = shown.add_task(title, total=None)
        yield lambda result, done, total: shown.update(bar, completed=done, total=total)


@contextmanager
def _table(title: str, columns: tuple[str, ...], *, shrinks: str) -> Iterator[Callable[..., None]]:
    """Give a function that adds a row (sign first); print the table at the end, also after an error."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows: list[tuple[str, ...]] = []
    try:
        yield lambda *cells: rows.append(cells)
    finally:
        table = Table(title=title, title_justify="left")
        for place, name in enumerate(("", *columns)):
            width = None if name == shrinks else max([len(name), *(len(row[place]) for row in rows)])
            table.add_column(name, overflow="fold", no_wrap=name != shrinks, min_width=width)
        for row in rows:
            table.add_row(*map(Text, row))
        if rows:
            Console().print(table)
