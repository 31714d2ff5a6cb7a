"""The gallery of the marrow: three views a tube, the leukaemic cells counted and drawn."""

import matplotlib.pyplot as plt
import pytest

from course_lib.data.phantoms.flow_cytometry import make_flow_samples
from course_lib.figures.galleries.flow_cytometry import plot_flow_samples
from course_lib.figures.page import VERMILION


def test_each_tube_has_three_views_and_its_leukaemic_cells_are_all_drawn() -> None:
    cases = make_flow_samples(2, num_events=30_000, mrd_fraction=0.003)
    figure = plot_flow_samples(cases)
    assert len(figure.axes) == 6
    first = figure.axes[0]
    assert (first.get_xlabel(), first.get_ylabel()) == ("CD45 (arcsinh)", "SSC-A (arcsinh)")
    assert {text.get_text() for text in first.texts} == {"granulocyte", "monocyte", "T or NK", "erythroid"}
    drawn = first.collections[-1]
    assert len(drawn.get_offsets()) == cases.mrd_counts[0]
    assert plt.matplotlib.colors.to_hex(drawn.get_facecolor()[0]).upper() == VERMILION
    assert (
        figure.axes[1].get_title(loc=plt.rcParams["axes.titlelocation"]) == f"{cases.mrd_counts[0]} leukaemic of 30,000"
    )
    assert [text.get_text() for text in figure.legends[0].get_texts()][-1] == "leukaemic cells"
    plt.close(figure)


def test_no_more_than_three_tubes_are_drawn() -> None:
    figure = plot_flow_samples(make_flow_samples(5, num_events=50))
    assert len(figure.axes) == 9
    plt.close(figure)


def test_no_tubes_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="cases needs at least one tube, got 0"):
        plot_flow_samples(make_flow_samples(0))
