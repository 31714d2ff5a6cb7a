"""Writing a whole slide, and reading regions of it beside OpenSlide.

Run with `make bench`, or `python benchmarks/slides.py [--full] [--regions N] [--slide FILE]`; it prints Markdown tables
for docs/measurements.md. --full writes 20,000×20,000 pixels, otherwise 4,000×4,000. The slide is written in a process
of its own, whose largest resident memory is told (Linux). Regions of 512×512 pixels lie at random; in each round both
readers read the same region of a level, in turn the one or the other first. OpenSlide keeps decoded tiles, ours does
not. The clock's time is told: other programs on the machine disturb it.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.data.slides import open_slide

SIDE = 512
WRITE = """
import resource, sys, time
from course_lib.data.phantoms.whole_slide import write_slide
start, busy = time.perf_counter(), time.process_time()
write_slide(sys.argv[1], size=int(sys.argv[2]), progress=False)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(time.perf_counter() - start, time.process_time() - busy, peak / 1024)
"""


def write(path: Path, size: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITE, str(path), str(size)], capture_output=True, text=True, check=True
    )
    seconds, busy, megabytes = map(float, done.stdout.split())
    print("| slide, pixels | written in, s | of the processor, s | peak memory, MiB | file, MB |")
    print("|---|---|---|---|---|")
    print(f"| {size}×{size} | {seconds:.1f} | {busy:.1f} | {megabytes:.0f} | {path.stat().st_size / 1e6:.0f} |\n")


def milliseconds(read: Callable[[], Any]) -> tuple[float, np.ndarray]:
    start = time.process_time()
    region = read()
    return 1e3 * (time.process_time() - start), np.asarray(region)[..., :3]


def read(path: Path, regions: int) -> None:
    try:
        import openslide
    except ImportError:
        raise SystemExit("the peer is missing: pip install course-lib[slides]") from None
    rng = np.random.default_rng(0)
    print(
        "| level | pixels | ours, ms: median, worst | OpenSlide, ms: median, worst | OpenSlide / ours | same pixels |"
    )
    print("|---|---|---|---|---|---|")
    with open_slide(path) as ours, openslide.OpenSlide(path) as theirs:
        for number, level in enumerate(ours.levels):
            scale, side = round(level.downsample), min(SIDE, level.width)
            times: tuple[list[float], list[float]] = ([], [])
            same = True
            for round_ in range(regions):
                x, y = (int(place) * scale for place in rng.integers(0, level.width - side + 1, 2))
                readers = [
                    lambda x=x, y=y: ours.read_region(x, y, side, side, level=number),  # noqa: B023 - called in this very round
                    lambda x=x, y=y: theirs.read_region((x, y), number, (side, side)),  # noqa: B023 - called in this very round
                ]
                found: dict[int, np.ndarray] = {}
                for which in (0, 1) if round_ % 2 else (1, 0):
                    taken, found[which] = milliseconds(readers[which])
                    times[which].append(taken)
                same &= np.array_equal(found[0], found[1])
            ratio = statistics.median(theirs_ / ours_ for ours_, theirs_ in zip(*times, strict=True))
            words = [f"{statistics.median(one):.1f}, {max(one):.1f}" for one in times]
            print(
                f"| {number} | {level.width}×{level.height} | {words[0]} | {words[1]} | {ratio:.1f} | "
                f"{'yes' if same else 'NO'} |"
            )
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("tifffile", "pillow", "openslide-python"))
    print(f"\n{regions} regions of {SIDE}×{SIDE} a level, Python {platform.python_version()}, {versions}")
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--full", action="store_true", help="20,000×20,000 pixels")
    parser.add_argument("--regions", type=int, default=100, metavar="N")
    parser.add_argument("--slide", type=Path, metavar="FILE", help="read this one, write none")
    chosen = parser.parse_args()
    if chosen.slide:
        read(chosen.slide, chosen.regions)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "node.tif"
        write(path, 20_000 if chosen.full else 4_000)
        read(path, chosen.regions)


if __name__ == "__main__":
    main()
