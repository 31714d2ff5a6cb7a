"""The gallery of nodules and microbleeds."""

import pytest

from course_lib.data.phantoms.small_lesions import make_lung_nodules, make_microbleeds
from course_lib.figures.galleries.small_lesions import plot_small_lesions


def test_a_lesion_its_mimics_and_the_projection_are_drawn() -> None:
    figure = plot_small_lesions(make_microbleeds(2, seed=3))
    titles = [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes]
    assert len(titles) == 8
    assert [title.split(",")[0] for title in titles[:4]] == [
        "lesion",
        "calcification",
        "vessel",
        "darkest of all slices",
    ]
    assert titles[0].endswith(" mm")


def test_lung_is_drawn_in_its_window_with_lesions_circled_in_orange() -> None:
    cases = make_lung_nodules(1, seed=3)
    figure = plot_small_lesions(cases)
    assert figure.axes[0].images[0].get_clim() == (-1350, 150)
    assert figure.axes[0].lines[0].get_color() == "#E69F00"
    assert figure.axes[1].lines[0].get_color() == "#56B4E9"
    assert figure.axes[3].get_xlim() == (0, 64)


def test_no_case_is_refused() -> None:
    with pytest.raises(ValueError, match="cases needs at least one case to draw, got none"):
        plot_small_lesions(make_microbleeds(0))
