"""Figures of lesson 11: a map over a film in mm, areas with intervals, reported columns without."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_lib.figures.chest import plot_activation, plot_areas, plot_reported_areas
from course_lib.metrics import delong_auc

mpl.use("Agg")


@pytest.fixture
def ax() -> Axes:
    return Figure().add_subplot()


def test_the_peak_of_the_map_is_marked_in_the_middle_of_its_pixel_in_mm(ax: Axes) -> None:
    votes = np.zeros((4, 6))
    votes[1, 4] = 3
    plot_activation(np.zeros((4, 6)), votes, ax, spacing_mm=(10, 5))
    (cross,) = ax.lines
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (22.5, 15)
    assert ax.get_ylim() == (40, 0)


def test_the_truth_is_outlined_where_there_is_some(ax: Axes) -> None:
    mask = np.zeros((6, 6), bool)
    plot_activation(np.zeros((6, 6)), np.zeros((6, 6)), ax, mask=mask)
    before = len(ax.collections)
    mask[2:4, 2:4] = True
    plot_activation(np.zeros((6, 6)), np.zeros((6, 6)), ax, mask=mask)
    assert len(ax.collections) == before + 1


def test_a_map_of_another_shape_is_refused(ax: Axes) -> None:
    with pytest.raises(ValueError, match=r"need one shape \(H, W\), got \(4, 4\), \(4, 5\) and \(4, 4\)"):
        plot_activation(np.zeros((4, 4)), np.zeros((4, 5)), ax)


def test_each_area_stands_on_its_interval_and_the_first_is_on_top(ax: Axes) -> None:
    areas = [delong_auc([0, 0, 1, 1], scores) for scores in ([0.1, 0.4, 0.3, 0.9], [0.1, 0.2, 0.3, 0.1])]
    plot_areas(["Mass", "Pleural_Thickening"], areas, ax, baseline=[0.6, 0.5])
    spans = [line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 2][:2]
    assert [tuple(span) for span in spans] == [(area.interval.low, area.interval.high) for area in areas]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Mass", "Pleural Thickening"]
    low, high = ax.get_ylim()
    assert low > high


def test_a_baseline_of_another_length_is_refused(ax: Axes) -> None:
    area = delong_auc([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.9])
    with pytest.raises(ValueError, match=r"need one entry a finding, got \[1, 2\] entries"):
        plot_areas(["Mass"], [area], ax, baseline=[0.5, 0.5])
    with pytest.raises(ValueError, match="need one entry a finding"):
        plot_areas([], [], ax)


def test_studies_have_different_markers_and_names(ax: Axes) -> None:
    plot_reported_areas(["Mass", "Nodule"], {"2016": [0.6, 0.7], "2017": [0.8, 0.7]}, ax)
    studies = [line for line in ax.lines if line.get_label() in ("2016", "2017")]
    assert len({line.get_marker() for line in studies}) == 2


def test_a_column_of_another_length_and_too_many_columns_are_refused(ax: Axes) -> None:
    with pytest.raises(ValueError, match="2017 needs one area for each of 2 findings, got 1"):
        plot_reported_areas(["Mass", "Nodule"], {"2017": [0.8]}, ax)
    with pytest.raises(ValueError, match="columns needs 1 to 6 studies, got 0"):
        plot_reported_areas(["Mass"], {}, ax)
