"""The figures of lesson 06: bars that add up, effects with their intervals."""

from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from course_lib.figures.inception import plot_effects, plot_operations

mpl.use("Agg")


def test_the_pieces_of_a_bar_stand_behind_each_other_and_the_sum_is_written() -> None:
    ways = {"directly": {"5×5": 112_896_000}, "by 1×1": {"5×5": 3_763_200, "1×1": 1_505_280}}
    ax = plot_operations(ways, Figure().add_subplot())
    pieces = [[(bar.get_x(), bar.get_width()) for bar in layer] for layer in ax.containers]
    assert pieces == pytest.approx(np.array([[(0, 112.896), (0, 3.7632)], [(112.896, 0), (3.7632, 1.50528)]]))
    assert [text.get_text() for text in ax.texts] == ["112.9", "5.3"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["directly", "by 1×1"]
    assert "million" in ax.get_xlabel()


def test_the_first_way_is_on_top() -> None:
    low, high = plot_operations({"a": {"x": 1}, "b": {"x": 2}}, Figure().add_subplot()).get_ylim()
    assert low > high


@pytest.mark.parametrize("ways", [{}, {"a": {"x": -1}}])
def test_operations_need_a_way_and_no_negative_numbers(ways: dict[str, dict[str, int]]) -> None:
    with pytest.raises(ValueError, match="at least one way"):
        plot_operations(ways, Figure().add_subplot())


def test_a_way_that_costs_nothing_is_drawn() -> None:
    assert plot_operations({"a": {"x": 0}}, Figure().add_subplot()).texts[0].get_text() == "0.0"


def test_each_change_has_its_points_its_interval_and_its_mean() -> None:
    interval = SimpleNamespace(low=-1.0, high=5.0)
    ax = plot_effects({"heads": torch.tensor([0.0, 2, 4])}, {"heads": interval}, Figure().add_subplot(), unit="points")
    points, bar, mean, _ = ax.lines
    assert list(points.get_xdata()) == [0, 2, 4]
    assert list(bar.get_xdata()) == [-1, 5]
    assert list(mean.get_xdata()) == [2]
    assert ax.get_xlabel() == "points"


def test_two_changes_share_one_legend() -> None:
    interval = SimpleNamespace(low=0.0, high=1.0)
    ax = plot_effects({"a": [0.5], "b": [0.2]}, dict.fromkeys("ab", interval), Figure().add_subplot(), unit="points")
    assert len(ax.get_legend().get_texts()) == 3


@pytest.mark.parametrize(("effects", "intervals"), [({}, {}), ({"a": [1]}, {"b": None})])
def test_each_change_needs_an_interval(effects: dict[str, list[int]], intervals: dict[str, None]) -> None:
    with pytest.raises(ValueError, match="needs an interval"):
        plot_effects(effects, intervals, Figure().add_subplot(), unit="points")
