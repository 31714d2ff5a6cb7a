"""Time of the ageing brains: how long 1,000 subjects take at 2 mm, everything from the first import included.

Run with `python benchmarks/ageing_brain.py [--subjects N] [--spacing-mm 2|4] [--threads N]`. The subjects are streamed,
so memory stays small; it is measured too (largest resident size, Linux). With fewer subjects than 1,000 the time of
1,000 is extrapolated from what a subject took after the set-up.
"""

import argparse
import os
import resource
import sys
import time

if __name__ == "__main__" and os.environ.get("OMP_NUM_THREADS") != "1":  # read when numpy is loaded, so begin again
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | threads)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=100)
    parser.add_argument("--spacing-mm", type=int, default=2, choices=(2, 4))
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    start, start_busy = time.perf_counter(), time.process_time()
    from course_lib.data.phantoms.ageing_brain import stream_ageing_brains

    brains = stream_ageing_brains(arguments.subjects + 1, spacing_mm=arguments.spacing_mm, threads=arguments.threads)
    next(brains)
    ready, ready_busy = time.perf_counter(), time.process_time()
    folded = sum(int(brain.smallest_jacobian[0] <= 0) for brain in brains)
    end, end_busy = time.perf_counter(), time.process_time()
    each, each_busy = (end - ready) / arguments.subjects, (end_busy - ready_busy) / arguments.subjects
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{arguments.subjects} subjects at {arguments.spacing_mm} mm, {arguments.threads} threads, {folded} folded")
    print(f"set-up {ready - start:.1f} s (processor {ready_busy - start_busy:.1f} s)")
    print(f"a subject {each:.3f} s (processor {each_busy:.3f} s), {1 / each:.1f} a second")
    print(f"1,000 subjects {ready - start + 1000 * each:.0f} s; largest resident size {memory:.2f} GB")


if __name__ == "__main__":
    main()
