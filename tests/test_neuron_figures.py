"""The figures of lesson 02: what is written, where it stands, and what is refused."""

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from course_lib import figures
from course_lib.figures.neurons import plot_descent, plot_pipelines, plot_shares
from course_lib.figures.page import ORANGE
from course_lib.metrics import wilson_interval

mpl.use("Agg")


@pytest.fixture
def ax() -> Iterator[Axes]:
    """An empty axis in the style of the course."""
    with plt.rc_context():
        figures.use_course_style()
        yield plt.figure().add_subplot()
        plt.close("all")


def test_the_classical_pipeline_learns_one_box_and_the_net_the_middle_one(ax: Axes) -> None:
    plot_pipelines(ax)
    learned = [patch for patch in ax.patches if to_hex(patch.get_facecolor()).upper() == ORANGE]
    assert len(learned) == 2
    narrow, wide = sorted(patch.get_path().get_extents().width for patch in learned)  # type: ignore[attr-defined]
    assert wide > 3 * narrow
    words = {text.get_text() for text in ax.texts}
    assert {"image", "preprocess", "hand-made\nfeatures", "classifier", "answer"} <= words


def test_the_cross_of_a_descent_is_the_least_squares_answer(ax: Axes) -> None:
    plot_descent([[0, 0]], [1, 2], [3, 5], ax)
    assert np.allclose(ax.lines[0].get_xydata(), [[2, 1]])


def test_the_walk_of_a_descent_is_drawn_step_by_step_from_its_start(ax: Axes) -> None:
    path = [[0, 0], [1.3, 0.8], [1.7, 1.0]]
    plot_descent(path, [1, 2], [3, 5], ax)
    _, walk, start = ax.lines
    assert np.allclose(walk.get_xydata(), path)
    assert np.allclose(start.get_xydata(), [[0, 0]])


def test_steps_that_are_no_numbers_any_more_are_left_out(ax: Axes) -> None:
    plot_descent([[0, 0], [1e9, 0], [np.nan, np.inf]], [1, 2], [3, 5], ax)
    assert len(ax.lines[1].get_xydata()) == 1


@pytest.mark.parametrize("path", [[], [0, 0], [[0, 0, 0]]])
def test_a_path_without_rows_of_two_is_refused(ax: Axes, path: list[float]) -> None:
    with pytest.raises(ValueError, match="rows of weight and bias"):
        plot_descent(path, [1, 2], [3, 5], ax)


@pytest.mark.parametrize(("x", "y"), [([], []), ([1, 2], [3]), ([[1], [2]], [[3], [5]])])
def test_data_that_are_no_rows_of_the_same_length_are_refused(ax: Axes, x: list[float], y: list[float]) -> None:
    with pytest.raises(ValueError, match="one number a case"):
        plot_descent([[0, 0]], x, y, ax)


def test_shares_stand_in_their_order_with_their_intervals(ax: Axes) -> None:
    plot_shares({"first": (310, 359), "second": (350, 359)}, ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["first, 86.4%", "second, 97.5%"]
    interval = wilson_interval(310, 359)
    assert np.allclose(ax.lines[0].get_xdata(), [100 * interval.low, 100 * interval.high])
    bottom, top = ax.get_ylim()
    assert bottom > top  # the first row is the upper one


@pytest.mark.parametrize("counts", [{}, {"nobody": (0, 0)}])
def test_shares_of_nothing_are_refused(ax: Axes, counts: dict[str, tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        plot_shares(counts, ax)
