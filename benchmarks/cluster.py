"""Two workers of a local Dask cluster beside the two built-in workers, in turn; then what docs/scale.md counts.

    python benchmarks/cluster.py [--submissions 60] [--rounds 3] [--topic 03_convolution]

The class is that of `grading.py` (right, wrong, broken; no two files are equal). Each round grades it once here and
once on the cluster, and the next round begins with the other; every grading starts anew, warm processes included, on a
cluster that stands. Two throughputs are compared within a round: of the whole, and from the first graded submission to
the last, which is what a large class sees. The processor seconds of both are counted too (Linux, as root): where other
programs use the machine, they say more than the clock. Marks and messages must be the same.
"""

import argparse
import contextlib
import dataclasses
import json
import math
import os
import pickle
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from distributed import Client, LocalCluster
from grading_peers.measured import memory_kb, new_group, processor_seconds
from grading_peers.students import handed_in, make_class

from course_lib.classroom.cluster import grade_on_cluster
from course_lib.classroom.desk import Graded
from course_lib.classroom.gradebook import grade_folder
from course_lib.classroom.grading import GradingPlan, SubmissionResult
from course_lib.classroom.lesson import Lesson, read_lesson
from course_lib.classroom.slow_imports import skip_slow_imports
from course_lib.classroom.store import ResultStore, Stored
from course_lib.classroom.submission import Submission, find_submissions
from course_lib.classroom.workers import grade_class

ROOT = Path(__file__).parents[1]
PLAN = GradingPlan()


@dataclass(frozen=True)
class Grading:
    """One grading of the class: seconds of clock and processor, of the whole and from first to last; the results."""

    whole_s: float
    steady_s: float
    whole_processor_s: float
    steady_processor_s: float
    results: tuple[SubmissionResult, ...]


def grade(
    grader: Callable[..., Iterator[SubmissionResult]], lesson: Lesson, class_: Sequence[Submission], group: Path | None
) -> Grading:
    with tempfile.TemporaryDirectory(prefix="bench-") as executed:
        began, results = (time.perf_counter(), processor_seconds(group)), []
        graded = []
        for one in grader(lesson, class_, plan=PLAN, executed=Path(executed)):
            if not one.problem:
                graded.append((time.perf_counter(), processor_seconds(group)))
            results.append(dataclasses.replace(one, seconds=0))
        first, last, ended = graded[0], graded[-1], (time.perf_counter(), processor_seconds(group))
        return Grading(
            ended[0] - began[0], last[0] - first[0], ended[1] - began[1], last[1] - first[1],
            tuple(sorted(results, key=lambda one: one.page)),
        )  # fmt: skip


def compare(lesson: Lesson, class_: Sequence[Submission], client: Client, rounds: int, group: Path | None) -> None:
    graders = {
        "built-in": partial(grade_class, workers=2),
        "cluster": partial(grade_on_cluster, address=client.scheduler.address),
    }
    kinds = {
        "of the whole, by the clock": "whole_s",
        "from first to last, by the clock": "steady_s",
        "of the whole, by processor seconds": "whole_processor_s",
        "from first to last, by processor seconds": "steady_processor_s",
    }
    ratios: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        names = list(graders)[:: -1 if number % 2 else 1]
        got = {name: grade(graders[name], lesson, class_, group) for name in names}
        here, there = got["built-in"], got["cluster"]
        if here.results != there.results:
            raise SystemExit("the cluster's results are others")
        for kind, name in kinds.items():
            ratios[kind].append(getattr(here, name) / (getattr(there, name) or math.nan))
        print(f"round {number + 1}, load {os.getloadavg()[0]:.1f}:")
        for name, one in got.items():
            print(
                f"  {name}: {one.whole_s:.1f} s, {one.steady_s:.1f} from first to last; of the processor "
                f"{one.whole_processor_s:.1f} and {one.steady_processor_s:.1f}", flush=True,
            )  # fmt: skip
    for name, found in ratios.items():
        print(
            f"Throughput of the cluster {name}: {statistics.median(found):.2f} times the built-in workers' "
            f"({min(found):.2f} to {max(found):.2f}; wanted: at least 0.90)"
        )


def memory_mb(worker: int) -> float:
    """Return the proportional set size of a worker's process and all below it, MiB."""
    total, waiting = 0, [Path("/proc", str(worker))]
    while waiting:
        process = waiting.pop()
        total += memory_kb(process)
        with contextlib.suppress(OSError):  # it ended meanwhile
            for task in (process / "task").iterdir():
                waiting += [Path("/proc", child) for child in (task / "children").read_text().split()]
    return total / 1024


def count(lesson: Lesson, class_: Sequence[Submission], client: Client, folder: Path) -> None:
    """Print what one submission, one worker and the gradebook cost."""
    (worker, *_) = client.run(os.getpid).values()
    peak, sent, taken = 0.0, [], []
    executed = folder / "executed"
    for one in grade_on_cluster(lesson, class_, plan=PLAN, executed=executed, address=client.scheduler.address):
        peak = max(peak, memory_mb(worker))
        notebook = executed / f"{one.page}.ipynb"
        taken.append((one, notebook.read_bytes() if notebook.exists() else None))
    sent = [len(pickle.dumps(one)) for one in class_]
    back = [len(pickle.dumps(Graded(*one))) for one in taken]
    print(f"\nmemory of one worker with all that it started: {peak:.0f} MiB at most")
    print(f"to a worker, bytes a submission: {statistics.mean(sent):,.0f}")
    print(f"from a worker, bytes a result with its executed notebook: {statistics.mean(back):,.0f}")
    times = 20
    with ResultStore(folder / "results.sqlite", topic=lesson.topic) as store:
        began, processor = time.perf_counter(), time.process_time()
        for copy in range(times):
            for one, _ in taken:
                store.add(Stored(one, f"{one.page}{copy}", "f" * 64, "c" * 64, 0.0))
        seconds, processor = time.perf_counter() - began, time.process_time() - processor
    stored = times * len(taken)
    print(f"results stored: {stored / seconds:,.0f} a second; processor, ms each: {1e3 * processor / stored:.1f}")
    database = sqlite3.connect(folder / "results.sqlite")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    print(f"gradebook, bytes a result: {(folder / 'results.sqlite').stat().st_size / stored:,.0f}")


def count_writing(lesson: Lesson, class_: Sequence[Submission], folder: Path, submissions: Path) -> None:
    """Print how fast results are stored with all that follows each, by a grader that takes no time."""
    from course_lib.classroom import gradebook

    known = {one.page: one for one in grade_class(lesson, class_, plan=PLAN, executed=folder / "executed", workers=2)}

    def at_once(_lesson, found, **_):
        return (known[one.page] for one in found)

    gradebook.grade_class = at_once
    began, processor = time.perf_counter(), time.process_time()
    grade_folder(lesson, submissions, folder / "out", plan=PLAN)
    seconds, processor = time.perf_counter() - began, time.process_time() - processor
    pages = [path.stat().st_size for path in (folder / "out" / "feedback").iterdir()]
    print(
        f"submissions read, results stored, feedback pages written: {len(class_) / seconds:,.0f} a second; "
        f"processor, ms each: {1e3 * processor / len(class_):.1f}"
    )
    print(f"feedback page, bytes: {statistics.mean(pages):,.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", metavar="N", type=int, default=60)
    parser.add_argument("--rounds", metavar="N", type=int, default=3)
    parser.add_argument("--topic", default="03_convolution")
    options = parser.parse_args()
    skip_slow_imports()
    lesson = read_lesson(ROOT / "solutions" / f"{options.topic}.py")
    group = new_group()
    if group:
        (group / "cgroup.procs").write_text(str(os.getpid()))  # and all that is started from here on
    print(time.strftime("%Y-%m-%d %H:%M"), f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        submissions = Path(place, "class")
        submissions.mkdir()
        for one in make_class(lesson, options.submissions):
            text = json.dumps(handed_in(lesson, one.answers)) if one.file is None else one.file
            (submissions / f"{one.name}.ipynb").write_text(text)
        class_ = find_submissions(submissions, lesson.topic)
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            compare(lesson, class_, client, options.rounds, group)
            count(lesson, class_, client, Path(place))
        count_writing(lesson, class_, Path(place, "writing"), submissions)
    if group:
        (group.parent / "cgroup.procs").write_text(str(os.getpid()))
        with contextlib.suppress(OSError):  # a resource tracker may still be in it
            group.rmdir()


if __name__ == "__main__":
    main()
