"""Scenes: frames stand where the windows are, the map lies where its windows look, and what does not fit is refused."""

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes

from course_lib import figures
from course_lib.figures.scenes import plot_scene, plot_score_map

mpl.use("Agg")


@pytest.fixture
def ax() -> Iterator[Axes]:
    """An empty axis in the style of the course."""
    with plt.rc_context():
        figures.use_course_style()
        yield plt.figure().add_subplot()
        plt.close("all")


def test_a_frame_surrounds_the_pixels_of_its_window(ax: Axes) -> None:
    plot_scene(torch.zeros(48, 60), ax, corners=[(4, 8), (20, 30)], names=[7, "?"], window_size=10)
    first = ax.patches[0]
    assert (first.get_x(), first.get_y(), first.get_width(), first.get_height()) == (7.5, 3.5, 10, 10)
    assert [text.get_text() for text in ax.texts] == ["7", "?"]
    assert [text.get_position()[0] < side for text, side in zip(ax.texts, (8, 30), strict=True)] == [True, True]
    assert ax.get_xlabel() == "column (pixels)"
    assert ax.get_ylabel() == "row (pixels)"


def test_a_scene_without_windows_is_the_image_alone(ax: Axes) -> None:
    assert plot_scene(np.zeros((5, 6)), ax) is ax
    assert not ax.patches
    assert ax.images[0].get_clim() == (0, 1)


def test_frames_need_no_names(ax: Axes) -> None:
    plot_scene(np.zeros((48, 60)), ax, corners=np.zeros((3, 2), dtype=int))
    assert len(ax.patches) == 3
    assert not ax.texts


@pytest.mark.parametrize(
    ("image", "how", "words"),
    [
        (np.zeros(5), {}, "image needs rows and columns"),
        (np.zeros((5, 5)), {"corners": [(1, 2, 3), (4, 5, 6)]}, "corners needs \\(row, column\\)"),
        (np.zeros((5, 5)), {"corners": [(1, 2)], "names": [1, 2]}, "each of the 1 windows, got 2"),
        (np.zeros((5, 5)), {"names": ["a"]}, "each of the 0 windows, got 1"),
        (np.zeros((5, 5)), {"window_size": 0}, "at least 1 pixel, got 0"),
    ],
)
def test_a_scene_that_does_not_fit_is_refused(ax: Axes, image: np.ndarray, how: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        plot_scene(image, ax, **how)


def test_each_cell_lies_at_the_middle_of_its_window(ax: Axes) -> None:
    plot_score_map(np.zeros((32, 40)), torch.rand(3, 5), ax, window_size=24, stride=4)
    left, right, bottom, top = ax.images[-1].get_extent()
    assert ((left + right) / 2, (bottom + top) / 2) == ((0 + 39) / 2, (0 + 31) / 2)
    centre_of_the_first = (left + 2, top + 2)
    assert centre_of_the_first == (11.5, 11.5)  # between pixels 11 and 12 of a window of 24
    assert ax.get_xlim() == (-0.5, 39.5)
    assert ax.figure.axes[-1].get_ylabel() == "probability of a digit"


def test_nothing_is_clear_and_the_image_shines_through_certainty(ax: Axes) -> None:
    plot_score_map(np.zeros((24, 28)), np.array([[0.0, 1.0]]), ax, window_size=24, stride=4)
    drawn = ax.images[-1].to_rgba(np.array([0.0, 1.0]))
    assert drawn[0, 3] == 0
    assert 0.5 < drawn[1, 3] < 0.9


def test_a_map_of_another_size_is_refused(ax: Axes) -> None:
    with pytest.raises(ValueError, match="a cell for each window, 3 × 5, got the shape \\(3, 4\\)"):
        plot_score_map(np.zeros((32, 40)), np.zeros((3, 4)), ax, window_size=24, stride=4)
