"""How long an explorer takes to redraw: the processor's milliseconds, which other programs disturb least.

Run with `make bench`, or

    python benchmarks/explorers.py [--rounds 3]

Each explorer is shown as in a notebook, each of its controls moved to the next value and back, what cannot be drawn
left out; the first round, in which files are read and letters measured, does not count. 100 ms are asked.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from unittest import mock

import ipywidgets
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from course_lib import data
from course_lib.data.mni152 import find_mni152_file
from course_lib.data.phantoms.chest_findings import CHEST_FINDINGS

SOME = np.random.default_rng(0)
SHARES = SOME.dirichlet(np.ones(11), size=(43, 43)).transpose(2, 0, 1)
ILL, AGES = SOME.integers(0, 2, 171), SOME.uniform(20, 90, 120)
FILMS = np.kron(SOME.random((6, 14, 4, 4)), np.ones((32, 32)))

# With arguments as large as those of the lectures.
EXPLORERS: dict[str, Callable[[Any], None]] = {
    "volume.window_explorer": lambda show: show(),
    "volume.volume_explorer": lambda show: show(data.read_nifti(find_mni152_file()), alt="A brain."),
    "descent.descent_explorer": lambda show: show(),
    "convolution.convolution_explorer": lambda show: show(),
    "receptive_field.receptive_field_explorer": lambda show: show(),
    "window.window_explorer": lambda show: show(
        SOME.random((192, 192)), SHARES, class_names=[*"0123456789", "nothing"], window_size=24, stride=4, start=(5, 5)
    ),
    "bottleneck.bottleneck_explorer": lambda show: show(),
    "depth.depth_explorer": lambda show: show(),
    "dense_block.dense_block_explorer": lambda show: show(),
    "prevalence.prevalence_explorer": lambda show: show(ILL, ILL + SOME.normal(size=171)),
    "segmentation_error.segmentation_error_explorer": lambda show: show(),
    "findings.findings_explorer": lambda show: show(
        FILMS[:, 0], SOME.random((6, 14)), FILMS, FILMS > 0.9, finding_names=CHEST_FINDINGS, spacing_mm=(2.8, 2.8)
    ),
    "age_bias.age_bias_explorer": lambda show: show(AGES, 55 + 0.6 * (AGES - 55) + SOME.normal(0, 8, 120)),
    "unet_shapes.unet_shapes_explorer": lambda show: show(),
}


@contextmanager
def shown(name: str) -> Iterator[tuple[list[Any], Any]]:
    """Show an explorer as in a notebook; give its controls and its picture."""
    plt.close(plt.figure())  # Matplotlib asks at its first figure for the notebook that is only played here
    module, function = name.split(".")
    here, there = mock.patch("IPython.get_ipython", object), mock.patch("IPython.display.display")
    with here, there as display:
        EXPLORERS[name](getattr(import_module(f"course_lib.widgets.{module}"), function))
        model = display.call_args.args[0]["application/vnd.jupyter.widget-view+json"]["model_id"]
        panel, _, picture = ipywidgets.widgets.widget._instances[model].children
        yield list(panel.children), picture


def another(knob: Any) -> Any:
    """A value beside the present one."""
    if hasattr(knob, "options"):
        return next(value for _, value in knob.options if value != knob.value)
    if isinstance(knob.value, bool):
        return not knob.value
    return knob.value + knob.step if knob.value + knob.step <= knob.max else knob.value - knob.step


def redrawings_ms(knobs: list[Any], picture: Any) -> list[float]:
    """Move each control there and back; what cannot be drawn does not count."""
    took = []
    for knob in knobs:
        for value in (another(knob), knob.value):
            before, start = picture.value, time.process_time()
            knob.value = value
            took += [1000 * (time.process_time() - start)] if picture.value != before else []
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    mpl.use("Agg")
    print("| explorer | median, ms | worst, ms |\n|---|---|---|")
    for name in EXPLORERS:
        with shown(name) as (knobs, picture):
            redrawings_ms(knobs, picture)
            took = [ms for _ in range(options.rounds) for ms in redrawings_ms(knobs, picture)]
        print(f"| {name} | {statistics.median(took):.0f} | {max(took):.0f} |", flush=True)


if __name__ == "__main__":
    main()
