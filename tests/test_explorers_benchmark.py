"""What makes an explorer slow stays out of it, and the benchmark that measures them runs."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from course_lib.widgets import explorer

SPEC = importlib.util.spec_from_file_location(
    "explorers_benchmark", Path(__file__).parent.parent / "benchmarks" / "explorers.py"
)
benchmark: ModuleType = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(benchmark)

MOST_TEXTS = 12  # each one is laid out twice at each drawing


@pytest.mark.parametrize("name", benchmark.EXPLORERS)
def test_what_a_slider_draws_is_light(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No layout is solved at each drawing, and few texts are set one by one."""
    drawn: list[Any] = []
    render = explorer._quick_png
    monkeypatch.setattr(explorer, "_quick_png", lambda figure: drawn.append(figure) or render(figure))
    with benchmark.shown(name) as (knobs, picture):
        assert benchmark.redrawings_ms(knobs, picture)
    assert drawn
    for figure in drawn:
        placed_by_hand = all(ax.get_subplotspec() is None for ax in figure.axes)
        assert figure.get_layout_engine() is None or placed_by_hand
        texts = [*figure.texts, *(text for ax in figure.axes for text in ax.texts)]
        assert sum(text.get_visible() for text in texts) <= MOST_TEXTS
        axes = [ax for ax in figure.axes if ax.axison]
        assert not any(axis.get_visible() for ax in axes for axis in (ax.xaxis, ax.yaxis))


def test_the_benchmark_prints_a_row_for_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    few = {name: benchmark.EXPLORERS[name] for name in ("bottleneck.bottleneck_explorer",)}
    monkeypatch.setattr(benchmark, "EXPLORERS", few)
    monkeypatch.setattr(sys, "argv", ["explorers.py", "--rounds", "1"])
    benchmark.main()
    (row,) = capsys.readouterr().out.splitlines()[2:]
    assert row.startswith("| bottleneck.bottleneck_explorer | ")
