"""The figures and the explorer of lesson 08: a frontier with its ties, who reads whom, channels of a block."""

import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from course_lib.figures.dense import find_frontier, plot_frontier, plot_reuse, plot_swap
from course_lib.widgets import dense_block
from course_lib.widgets.dense_block import dense_block_explorer

mpl.use("Agg")


def test_equal_nets_do_not_beat_each_other_and_equal_costs_do_not_save_the_worse() -> None:
    assert find_frontier([1, 1, 2, 3, 3], [70, 65, 70, 80, 80]).tolist() == [True, False, False, True, True]


def test_the_frontier_does_not_depend_on_the_order_and_agrees_with_a_slow_search() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        costs, scores = rng.integers(1, 8, size=(2, 9))
        slow = [
            not any(
                costs[b] <= costs[a] and scores[b] >= scores[a] and (costs[b], scores[b]) != (costs[a], scores[a])
                for b in range(9)
            )
            for a in range(9)
        ]
        assert find_frontier(costs, scores).tolist() == slow


def test_only_nets_on_the_frontier_are_named() -> None:
    ax = Figure().add_subplot()
    plot_frontier([1, 2, 3], [70, 60, 80], ["A", "B", "C"], ["x", "x", "y"], ax, cost="ms", score="%")
    assert [text.get_text() for text in ax.texts] == ["A", "C"]
    assert ax.get_xlabel() == "ms"


def test_names_of_neighbours_on_the_frontier_stand_apart_above_all_points() -> None:
    figure = Figure(figsize=(7.6, 3.4))
    costs = [9, 70, 72, 74, 75, 300]
    ax = plot_frontier(costs, range(70, 76), list("abcdef"), ["x"] * 6, figure.add_subplot(), cost="ms", score="%")
    figure.draw_without_rendering()
    places = [ax.transData.transform(text.get_position()) for text in ax.texts]
    assert all(right[0] - left[0] > 12 for left, right in itertools.pairwise(places))  # at 100 dots an inch
    assert all(text.get_position()[1] > 75 for text in ax.texts)
    assert ax.texts[0].get_position()[0] == pytest.approx(9)  # whoever has room stays where it is


def test_a_swap_is_named_and_joined() -> None:
    ax = plot_swap([1, 2, 3], [9, 8, 20], ["A", "B", "C"], ["x", "y", "y"], Figure().add_subplot(), swap=("A", "B"))
    assert [text.get_text() for text in ax.texts] == ["A", "B"]
    assert list(ax.lines[-1].get_xdata()) == [1, 2]


def test_more_than_six_families_are_refused() -> None:
    with pytest.raises(ValueError, match="families"):
        plot_swap([1] * 7, [1] * 7, list("abcdefg"), list("abcdefg"), Figure().add_subplot(), swap=("a", "b"))


def test_reuse_names_sources_and_readers_and_leaves_out_what_is_not_read() -> None:
    ax = plot_reuse([[0.1, 0.2], [np.nan, 0.3]], Figure().add_subplot(), largest=0.3, title="block 1")
    assert [text.get_text() for text in ax.texts] == ["0.10", "0.20", "0.30"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["input", "layer 1"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "next"]


def test_the_explorer_starts_with_the_first_block_of_densenet_121(capsys: pytest.CaptureFixture[str]) -> None:
    figure = dense_block._draw_block()
    plt.close(figure)
    title = figure.axes[0].get_title(loc="left")
    assert "64 → 256" in title
    assert "331,776" in title
    assert "1,040" in title
    dense_block_explorer()
    plt.close("all")
    assert "331,776" in capsys.readouterr().out


def test_every_corner_of_the_explorer_can_be_drawn() -> None:
    for values in itertools.product((8, 512), (4, 64), (1, 48), (False, True)):
        names = ("in_channels", "growth_rate", "layers", "bottleneck")
        figure = dense_block._draw_block(**dict(zip(names, values, strict=True)))
        plt.close(figure)
        assert "→" in figure.axes[0].get_title(loc="left")
        assert all(place == round(place) for place in figure.axes[0].get_xticks())
