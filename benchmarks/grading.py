"""Grading a class beside nbgrader, Otter and bare papermill: throughput, processor time, memory, right marks.

Run with `make bench`, or

    python benchmarks/grading.py --nbgrader PYTHON --otter PYTHON [--submissions 30] [--rounds 3] [--only NAME ...]
    python benchmarks/grading.py --thousand

Without options: ours and papermill, on 15 submissions. The peers live in environments of their own:

    python3 -m venv PEER && PEER/bin/pip install PACKAGE torch numpy matplotlib scikit-learn scipy ipykernel

with PACKAGE nbgrader==0.9.6 or otter-grader==7.0.0; PYTHON is PEER/bin/python. The class answers an exercise of the
course (`--topic`, 03_convolution: six tasks in numpy; 04_lenet: five with torch, as later ones): right, half, known
wrong answers, stubs, a syntax error, a cell that ends its kernel, files that are no notebook; no endless loops, for
the peers have no short limit. No two files are equal.
Every grader gets the same answers and all checks, visible and hidden, uses three processes (one more than cores here,
for each waits now and then), and starts anew each time; start-up is part of its time. In each round each of them
grades the class once, and each round begins with another one;
medians are printed, and ratios are taken within a round. Ours grades in its sandbox and writes feedback pages,
nbgrader writes feedback and has no sandbox, Otter and papermill have neither. Marks are held against those that
`course_lib.classroom.example_class.known_marks` works out. How cost is counted: `grading_peers/measured.py`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from grading_peers import nbgrader_peer, otter_peer, ours, papermill_peer
from grading_peers.students import Student, make_class

from course_lib.classroom.lesson import Lesson, read_lesson
from course_lib.classroom.sandbox import WRITABLE, SandboxLimits, own_user, sandbox_command, shown_folders

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "grading_peers"


@dataclass(frozen=True)
class Grader:
    """A grader, the Python that it lives in, and its version."""

    name: str
    module: ModuleType
    python: str
    version: str


@dataclass(frozen=True)
class Cost:
    """What one grading of the class took, and how many marks were right."""

    seconds: float
    processor_s: float
    peak_mb: float
    right: int


def find_graders(options: argparse.Namespace) -> list[Grader]:
    found = [
        Grader("ours", ours, sys.executable, version("course-lib")),
        Grader("papermill", papermill_peer, sys.executable, version("papermill")),
    ]
    for name, module, package in (("nbgrader", nbgrader_peer, "nbgrader"), ("otter", otter_peer, "otter-grader")):
        if python := getattr(options, name):
            ask = [python, "-c", f"from importlib.metadata import version; print(version({package!r}))"]
            found.append(Grader(name, module, python, subprocess.check_output(ask, text=True).strip()))
    return [grader for grader in found if not options.only or grader.name in options.only]


def grade(grader: Grader, lesson: Lesson, students: Sequence[Student]) -> Cost:
    """Write the class for this grader, let it grade, and count."""
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        folder, report, log = Path(place, "class"), Path(place, "report.json"), Path(place, "log")
        folder.mkdir()
        grader.module.prepare(lesson, students, folder, grader.python)
        command = grader.module.command(lesson, folder, grader.python)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as it is on a user's machine
        with log.open("w") as words:
            subprocess.run(
                [sys.executable, str(PEERS / "measured.py"), str(report), *command],
                env=environment, cwd=folder, stdout=words, stderr=words,
            )  # fmt: skip
        marks = grader.module.marks(folder, grader.python)
        right = sum(abs(marks.get(one.name, 0.0) - one.points) < 1e-6 for one in students)
        cost = json.loads(report.read_text())
        if not marks:
            raise SystemExit(f"{grader.name} graded nobody; its last words:\n{log.read_text()[-3000:]}")
        return Cost(cost["seconds"], cost["processor_s"], cost["peak_mb"], right)


def compare(graders: Sequence[Grader], lesson: Lesson, students: Sequence[Student], rounds: int) -> None:
    costs: dict[str, list[Cost]] = {grader.name: [] for grader in graders}
    for number in range(rounds):
        shift = number % len(graders)
        for grader in [*graders[shift:], *graders[:shift]]:
            cost = grade(grader, lesson, students)
            costs[grader.name].append(cost)
            print(f"round {number + 1}: {grader.name} {cost.seconds:.1f} s, load {os.getloadavg()[0]:.1f}", flush=True)
    count = len(students)
    print(f"\n{lesson.topic}, {count} submissions, {len(lesson.tasks)} tasks, rounds: {rounds}; medians\n")
    print(
        "| grader | s a submission | CPU-s a submission | peak memory, MB | right marks | ours: times the throughput |"
    )
    print("|---|---|---|---|---|---|")
    for grader in graders:
        mine = costs[grader.name]
        seconds, processor, peak = (
            statistics.median(getattr(cost, name) for cost in mine) for name in ("seconds", "processor_s", "peak_mb")
        )
        ratios = sorted(
            theirs.seconds / cost.seconds for theirs, cost in zip(mine, costs.get("ours", []), strict=False)
        )
        ratio = f"{statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})" if ratios else ""
        right = min(cost.right for cost in mine)
        print(
            f"| {grader.name} {grader.version} | {seconds / count:.2f} | {processor / count:.2f} | {peak:.0f} "
            f"| {right} of {count} | {ratio} |"
        )
    print()


def walls() -> None:
    """Print what the walls add to a start; median of 30 in turn with and without."""
    limits, user = SandboxLimits(), own_user() if os.geteuid() == 0 else None
    wanted = {"user": user, "folders": WRITABLE, "size_mb": limits.disk_mb, "keep": shown_folders()}
    command = [sys.executable, "-P", "-c", (PEERS / "walls.py").read_text(), json.dumps(wanted)]
    inside = sandbox_command(command, package=ROOT / "course_lib", limits=limits, user=None, keeps_rights=True)
    pairs = json.loads(subprocess.check_output(inside, text=True))
    for place, name in enumerate(("clock", "processor")):
        with_walls, without = ([1000 * start[place] for start in starts] for starts in zip(*pairs, strict=True))
        added = statistics.median(one - other for one, other in zip(with_walls, without, strict=True))
        print(
            f"Walls, ms of the {name}: {statistics.median(with_walls):.1f} with, {statistics.median(without):.1f} "
            f"without; they add {added:.1f} (asked: under 80)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nbgrader", metavar="PYTHON", help="of an environment with nbgrader")
    parser.add_argument("--otter", metavar="PYTHON", help="of an environment with Otter-Grader")
    parser.add_argument("--submissions", metavar="N", type=int, help="30 where a peer is named, else 15")
    parser.add_argument("--rounds", metavar="N", type=int, default=1)
    parser.add_argument("--only", metavar="NAME", nargs="+", help="of: ours, papermill, nbgrader, otter")
    parser.add_argument("--topic", default="03_convolution")
    parser.add_argument("--thousand", action="store_true", help="ours alone, with 1,000 submissions")
    options = parser.parse_args()
    lesson = read_lesson(ROOT / "solutions" / f"{options.topic}.py")
    graders = find_graders(options)
    if options.thousand:
        graders = graders[:1]
    count = 1000 if options.thousand else options.submissions or (30 if options.nbgrader or options.otter else 15)
    print(time.strftime("%Y-%m-%d %H:%M"), f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores\n", flush=True)
    compare(graders, lesson, make_class(lesson, count), options.rounds)
    if any(grader.name == "ours" for grader in graders):
        walls()


if __name__ == "__main__":
    main()
