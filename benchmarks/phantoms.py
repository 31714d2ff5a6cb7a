"""How fast each phantom is made: two processes on two cores, median of three rounds, compared with what is asked.

Asked: 200 images a second at 128² for pictures, 20 a second at 64³ for volumes. Each process makes half of the cases,
as two workers of a lesson would.
"""

import importlib
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

# phantom: maker, what is made, keyword arguments, cases a process, cases a second asked (0: nothing is asked)
CASES = {
    "chest_xray": ("make_chest_xrays", "128² films", {"size": 128}, 128, 200),
    "mammogram": ("make_mammogram_pairs", "examinations of 4 views at 128×64", {"size": 128}, 32, 50),
    "fundus": ("make_fundus_images", "128² eyes", {"size": 128}, 128, 200),
    "touching_cells": ("make_touching_cells", "128² images", {"size": 128}, 128, 200),
    "slide_patches": ("make_slide_patches", "128² patches", {"size": 128}, 256, 200),
    "liver_ct": ("make_liver_ct", "64³ volumes", {}, 16, 20),
    "small_lesions": ("make_lung_nodules", "64³ volumes", {}, 24, 20),
    "breathing": ("make_breathing_pairs", "pairs of 64³", {}, 16, 10),
    "surgical_gestures": ("make_surgical_trials", "recordings of 76 channels", {}, 20, 0),
    "survival": ("make_survival_cohort", "patients", {}, 50_000, 0),
    "reading_room": ("make_reading_room", "studies", {}, 50_000, 0),
    "crowd_labels": ("make_crowd_labels", "items", {}, 50_000, 0),
}
ROUNDS = 3


def make(name: str, seed: int) -> None:
    maker, _, options, count, _ = CASES[name]
    getattr(importlib.import_module(f"course_lib.data.phantoms.{name}"), maker)(count, seed=seed, **options)


def seconds(pool: ProcessPoolExecutor, name: str, round_number: int) -> float:
    started = time.perf_counter()
    list(pool.map(partial(make, name), (2 * round_number, 2 * round_number + 1)))
    return time.perf_counter() - started


def main() -> int:
    slow = []
    with ProcessPoolExecutor(2) as pool:
        for name, (_, what, _, count, asked) in CASES.items():
            list(pool.map(partial(make, name), (90, 91)))  # imports, and whatever is made once
            a_second = 2 * count / statistics.median(seconds(pool, name, number) for number in range(ROUNDS))
            verdict = "" if not asked else f"asked {asked}" if a_second >= asked else f"asked {asked}: TOO SLOW"
            print(f"{name:18} {a_second:12,.0f} {what} a second  {verdict}", flush=True)
            slow += [name] * ("SLOW" in verdict)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
