"""Time and memory of the metrics beside the libraries that people use today.

Run with `make bench`, or `python benchmarks/metrics.py [--full] [--only WORD ...] [--rounds N] [--topics NAME ...]`; it
prints Markdown tables for docs/measurements.md. Sizes are small unless --full is given. Peers that are not installed
are named and left out; all of them come with: pip install scikit-learn scipy monai medpy SimpleITK scikit-survival
lifelines torchmetrics, in an environment of their own, with PYTHONPATH at the root of this repository.

Everything runs in one process on one thread. In each round each variant runs once, or as often as makes 20 ms, and each
round begins with another variant. A ratio is taken within a round; its median and range are printed, and more than 1
means that ours is faster. A time is the processor's: other programs disturb it less than the clock's. Memory is the
largest that Python and numpy held above the start (`tracemalloc`), in a run of its own; what torch and SimpleITK take
is not seen there, so for peers built on them it is left open.
"""

import argparse
import gc
import os
import platform
import statistics
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

if __name__ == "__main__" and os.environ.get("OMP_NUM_THREADS") != "1":  # read when numpy is loaded, so begin again
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | threads)

AT_LEAST_SECONDS = 0.02  # of one timing
UNSEEN = ("monai", "torch", "torchmetrics", "SimpleITK")  # whose memory tracemalloc does not see
TOO_SLOW_SECONDS = 20.0  # such a peer runs once, and its memory is not measured


@dataclass(frozen=True)
class Variant:
    """Ours or a peer, ready to run."""

    name: str
    run: Callable[[], Any]
    times: int

    def seconds(self) -> float:
        start = time.process_time()
        for _ in range(self.times):
            self.run()
        return (time.process_time() - start) / self.times


def load(topic: str) -> list[Any]:
    """Give the cases of a file; its neighbours and the repository can be imported from there."""
    here = Path(__file__).parent
    for folder in (here.parent, here):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    return import_module(f"metric_cases.{topic}").CASES


def ready(name: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Variant, Any, float]:
    """Run once, for caches and imports, and if that was quick once more for the time that it takes."""
    seconds = 0.0
    for _ in range(2):
        start = time.process_time()
        answer = function(*arguments)
        seconds = time.process_time() - start
        if seconds > 1:
            break
    times = max(1, round(AT_LEAST_SECONDS / max(seconds, 1e-6)))
    return Variant(name, lambda: function(*arguments), times), answer, seconds


def peak_megabytes(variant: Variant) -> float:
    gc.collect()
    tracemalloc.start()
    variant.run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def measure(case: Any, *, quick: bool, rounds: int) -> tuple[list[str], list[str]]:
    """Give table rows, one a peer, and the names of peers that are not installed."""
    arguments = case.make(quick)
    ours, answer, _ = ready("ours", case.ours, arguments)
    peers, missing, slow = [], [], set()
    for name, function in case.peers.items():
        try:
            peer, theirs, seconds = ready(name, function, arguments)
        except ImportError:
            missing.append(name)
            continue
        if case.agree is not None and not case.agree(answer, theirs):
            raise SystemExit(f"{case.name}: {name} answers {theirs}, ours {answer}")
        peers.append(peer)
        if seconds > TOO_SLOW_SECONDS:
            slow.add(name)
    seconds_of: dict[str, list[float]] = {variant.name: [] for variant in (ours, *peers)}
    for number in range(rounds):
        variants = [ours, *(peer for peer in peers if number == 0 or peer.name not in slow)]
        turn = number % len(variants)
        for variant in variants[turn:] + variants[:turn]:
            seconds_of[variant.name].append(variant.seconds())
    medians = {name: statistics.median(seconds) for name, seconds in seconds_of.items()}
    best = min(peers, key=lambda peer: medians[peer.name], default=None)
    our_memory = peak_megabytes(ours)
    rows = []
    for peer in sorted(peers, key=lambda peer: medians[peer.name]):
        pairs = zip(seconds_of["ours"], seconds_of[peer.name], strict=False)  # a slow peer has fewer rounds
        ratios = sorted(theirs / mine for mine, theirs in pairs)
        open_ = peer.name in slow or peer.name.split()[0] in UNSEEN
        memory = "?" if open_ else f"{peak_megabytes(peer):.1f}"
        middle = statistics.median(ratios)
        verdict = "" if quick else ": yes" if middle >= case.wanted else ": NO"  # asked of the full size alone
        wanted = f"{case.wanted:g}{verdict}" if peer is best else ""
        rows.append(
            f"| {case.name} | {peer.name} | {milliseconds(medians['ours'])} | {milliseconds(medians[peer.name])} | "
            f"{middle:.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f}) | {wanted} | {our_memory:.1f} | {memory} |"
        )
    if not peers:
        rows.append(f"| {case.name} | none here | {milliseconds(medians['ours'])} | | | | {our_memory:.1f} | |")
    return rows, missing


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g}"


def versions(names: Sequence[str]) -> str:
    """Versions of the distributions that the peers' names begin with."""
    found = {"numpy": metadata.version("numpy")}
    for name in names:
        try:
            found[name.split()[0]] = metadata.version(name.split()[0])
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(f"{name} {version}" for name, version in sorted(found.items()))


def main() -> None:
    topics = sorted(path.stem for path in (Path(__file__).parent / "metric_cases").glob("[a-z]*.py"))
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--full", action="store_true", help="the sizes of docs/measurements.md")
    sizes.add_argument("--quick", action="store_true", help="small sizes, as without any option")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="cases whose name holds one of these words")
    parser.add_argument("--topics", nargs="+", metavar="NAME", choices=topics, default=topics)
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")  # what peers say of themselves
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    missing, named = set(), set()
    if not chosen.full:
        print("Small sizes: the names tell those of --full.\n")
    print("| what | peer | ours, ms | peer, ms | peer / ours | wanted | ours, MB | peer, MB |")
    print("|---|---|---|---|---|---|---|---|")
    for topic in chosen.topics:
        for case in load(topic):
            if chosen.only and not any(word in case.name for word in chosen.only):
                continue
            rows, absent = measure(case, quick=not chosen.full, rounds=chosen.rounds)
            print(*rows, sep="\n", flush=True)
            missing |= set(absent)
            named |= set(case.peers)
    print(
        f"\n{chosen.rounds} rounds, one thread, Python {platform.python_version()}, {versions(sorted(named - missing))}"
    )
    if missing:
        print(f"Not installed, left out: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main()
