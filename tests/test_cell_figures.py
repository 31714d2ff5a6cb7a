"""Figures of cells: outlines that part what touches, weights with a scale, a bent grid, precision by overlap."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from course_lib.figures.cells import plot_bent_grid, plot_cells, plot_precision_by_overlap, plot_weights

mpl.use("Agg")


def test_an_outline_runs_along_the_edges_of_the_pixels_and_between_cells_that_touch() -> None:
    ax = plot_cells(
        np.zeros((3, 4)), Figure().add_subplot(), labels=np.array([[0, 0, 0, 0], [0, 1, 2, 0], [0, 0, 0, 0]])
    )
    segments = {tuple(map(tuple, each.tolist())) for each in ax.collections[0].get_segments()}
    assert len(segments) == 7  # two squares that share a side
    assert ((1.5, 0.5), (1.5, 1.5)) in segments  # between them
    assert ((0.5, 0.5), (0.5, 1.5)) in segments  # to the left of the first


def test_a_cell_at_the_edge_of_the_image_is_closed() -> None:
    ax = plot_cells(np.eye(2), Figure().add_subplot(), labels=np.ones((2, 2), int))
    assert len(ax.collections[0].get_segments()) == 8


def test_an_image_is_drawn_in_ten_shades_from_its_darkest_to_its_brightest() -> None:
    drawn = plot_cells(np.linspace(-3, 5, 400).reshape(20, 20), Figure().add_subplot()).images[0].get_array()
    assert np.unique(drawn).tolist() == list(range(10))
    assert plot_cells(np.ones((2, 2)), Figure().add_subplot()).images[0].get_array().max() == 0


def test_weights_have_a_scale_from_zero() -> None:
    figure = Figure()
    image = plot_weights(np.array([[1.0, 7]]), figure.add_subplot(), title="w").images[0]
    assert image.get_clim() == (0, 7)
    assert plot_weights(np.ones((2, 2)), figure.add_subplot(), largest=3).images[0].get_clim() == (0, 3)


def test_a_grid_without_a_field_is_straight_and_with_one_it_is_where_pixels_are_fetched() -> None:
    field = np.zeros((2, 9, 9))
    field[1] = 2
    ax = plot_bent_grid(field, Figure().add_subplot(), step_px=4)
    lines = ax.collections[0].get_segments()
    assert len(lines) == 6
    assert lines[0][0].tolist() == [2, 0]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # rows downwards


def test_a_method_with_seeds_has_a_band_and_one_without_has_none() -> None:
    ax = plot_precision_by_overlap(
        {"net": [[1, 0.5], [0.6, 0.1]], "threshold": [0.4, 0.2]}, [0.5, 0.9], Figure().add_subplot()
    )
    assert [line.get_label() for line in ax.lines] == ["net", "threshold"]
    assert ax.lines[0].get_ydata().tolist() == pytest.approx([0.8, 0.3])
    assert len(ax.collections) == 1
    assert ax.get_xlabel() == "overlap (IoU) that a pair needs"


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda ax: plot_cells(np.zeros(4), ax), r"image needs rows and columns, \(H, W\), got the shape \(4,\)"),
        (
            lambda ax: plot_cells(np.zeros((4, 4)), ax, labels=np.zeros((4, 5))),
            r"shape of the image, \(4, 4\), got \(4, 5\)",
        ),
        (lambda ax: plot_weights(np.zeros((0, 4)), ax), "weights needs rows and columns"),
        (lambda ax: plot_bent_grid(np.zeros((4, 4)), ax), r"field needs the shape \(2, H, W\)"),
        (lambda ax: plot_bent_grid(np.zeros((2, 4, 4)), ax, step_px=0), "step_px at least 1"),
        (lambda ax: plot_precision_by_overlap({}, [0.5], ax), "one to 4 methods, got 0"),
        (lambda ax: plot_precision_by_overlap({"net": [1, 2]}, [0.5], ax), "net needs 1 values a row"),
    ],
)
def test_what_does_not_fit_is_refused(draw: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        draw(Figure().add_subplot())  # type: ignore[operator]
