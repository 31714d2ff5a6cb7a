"""The front door of the metrics."""

import importlib
import re
from pathlib import Path

from course_lib import metrics

FILES = {path.stem for path in Path(metrics.__file__).parent.glob("*.py")} - {"__init__"}
INSIDE = {"door"}  # what metrics ask of their input
NOT_AT_THE_DOOR = {"as_spacing", "equal_count_edges", "estimate", "resample_counts"}  # parts of other metrics


def test_the_map_names_every_file() -> None:
    assert set(re.findall(r"^`(\w+)`", metrics.__doc__ or "", flags=re.MULTILINE)) == FILES


def test_every_metric_can_be_had_from_the_door() -> None:
    names = [name for file in FILES - INSIDE for name in importlib.import_module(f"course_lib.metrics.{file}").__all__]
    assert len(names) == len(set(names))
    assert set(names) - NOT_AT_THE_DOOR == set(metrics.__all__)
