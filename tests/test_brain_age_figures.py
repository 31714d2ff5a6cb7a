"""The figures of lesson 15: ages, gaps, patches, maps."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from course_lib.figures.brain_age import plot_ages, plot_brain_map, plot_gaps, plot_patch_errors

mpl.use("Agg")


def test_answers_of_a_net_that_shrinks_lie_on_a_flatter_line() -> None:
    ax = plot_ages([30, 50, 70], [40, 50, 60], Figure().add_subplot())
    _, perfect, flatter = ax.lines
    assert list(perfect.get_ydata()) == [30, 70]
    assert list(flatter.get_ydata()) == pytest.approx([40, 60])
    assert "years" in ax.get_xlabel()


def test_the_line_of_the_bias_is_named_with_its_slope() -> None:
    ax = plot_gaps([30, 70], [10, -10], Figure().add_subplot(), line=(-0.5, 25))
    assert list(ax.lines[2].get_ydata()) == [10, -10]
    assert ax.lines[2].get_label() == "-0.50 years a year"
    assert len(plot_gaps([30, 70], [10, -10], Figure().add_subplot()).lines) == 2


def test_every_patch_has_its_number_at_its_place_and_the_best_is_the_bluest() -> None:
    errors = np.arange(8.0).reshape(2, 2, 2)
    axes = Figure().subplots(1, 2)
    plot_patch_errors(errors, np.zeros((4, 6, 8)), axes)
    texts = axes[0].texts
    assert [text.get_text() for text in texts] == ["0.0", "1.0", "2.0", "3.0"]
    assert texts[1].get_position() == (5.5, 1.0)
    filled = [patch.get_alpha() for patch in axes[0].patches if patch.get_alpha() is not None]
    assert filled == sorted(filled, reverse=True)


def test_a_map_is_seen_where_it_is_above_zero() -> None:
    values = np.zeros((3, 4, 4))
    values[1, 2, 3] = 2
    ax = Figure().add_subplot()
    plot_brain_map(values, np.ones((3, 4, 4)), [ax], slices=[1])
    alpha = np.asarray(ax.images[1].get_array())[..., 3]
    assert alpha[2, 3] == 1
    assert alpha.sum() == 1


def test_what_does_not_fit_is_refused() -> None:
    ax = Figure().add_subplot()
    with pytest.raises(ValueError, match="at least 2 subjects"):
        plot_ages([30], [40], ax)
    with pytest.raises(ValueError, match="at least 2 subjects"):
        plot_gaps([30, 40], [40], ax)
    with pytest.raises(ValueError, match="cannot be cut into patches"):
        plot_patch_errors(np.zeros((2, 2, 2)), np.zeros((4, 5, 4)), [ax, ax])
    with pytest.raises(ValueError, match="one for each of 2 layers, got 1"):
        plot_patch_errors(np.zeros((2, 2, 2)), np.zeros((4, 4, 4)), [ax])
    with pytest.raises(ValueError, match="these must fit"):
        plot_brain_map(np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), [ax], slices=[0, 1])
    with pytest.raises(ValueError, match="at least 0, got -1"):
        plot_brain_map(-np.ones((2, 2, 2)), np.zeros((2, 2, 2)), [ax], slices=[0])
