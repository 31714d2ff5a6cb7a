"""The figures of lesson 07: blocks, numbers by layer, errors over seeds."""

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from course_lib.figures.depth import plot_blocks, plot_by_layer, plot_errors

mpl.use("Agg")


def test_only_the_residual_block_has_a_plus_and_a_shortcut() -> None:
    ax = plot_blocks(Figure().add_subplot())
    words = [text.get_text() for text in ax.texts]
    assert words.count("+") == 1
    assert words.count("x") == 2
    assert any("F(x) = H(x) − x" in each for each in words)
    assert len(ax.lines) == 1


def test_layers_are_counted_from_one_and_zeros_lie_on_the_edge() -> None:
    ax = plot_by_layer({"plain": torch.tensor([9.0, 3, 1]), "zero": [1.0, 0.0]}, Figure().add_subplot(), name="length")
    first, second = ax.lines
    assert list(first.get_xdata()) == [1, 2, 3]
    assert list(second.get_ydata()) == [1, 1e-12]
    assert ax.get_ylabel() == "length"


@pytest.mark.parametrize("nets", [{}, {"a": [-1.0]}, {"a": [np.nan]}, {name: [1.0] for name in "abcde"}])
def test_numbers_that_a_logarithm_cannot_show_are_refused(nets: dict[str, list[float]]) -> None:
    with pytest.raises(ValueError, match="one to four nets"):
        plot_by_layer(nets, Figure().add_subplot(), name="length")


def test_errors_have_a_line_a_seed_and_one_for_the_mean() -> None:
    ax = plot_errors({"plain": [[60.0, 30], [50, 40]], "residual": [[9.0, 1], [9, 3]]}, Figure().add_subplot())
    assert len(ax.lines) == 6
    assert list(ax.lines[2].get_ydata()) == [55, 35]
    assert list(ax.lines[2].get_xdata()) == [1, 2]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["plain", "residual"]
    assert "%" in ax.get_ylabel()


def test_lines_of_four_nets_differ_in_colour_and_two_shapes() -> None:
    nets = {name: [[1.0, 2]] for name in "abcd"}
    means = plot_errors(nets, Figure().add_subplot()).lines[1::2]
    assert len({line.get_color() for line in means}) == 4
    assert len({(line.get_marker(), line.get_linestyle()) for line in means}) == 4


@pytest.mark.parametrize("nets", [{}, {"a": [1.0, 2]}])
def test_errors_need_two_axes(nets: dict[str, list[float]]) -> None:
    with pytest.raises(ValueError, match="seeds, epochs"):
        plot_errors(nets, Figure().add_subplot())
