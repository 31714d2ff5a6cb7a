"""The gallery of the mammogram phantom."""

import pytest

from course_lib.data.phantoms.mammogram import make_mammogram_pairs
from course_lib.figures.galleries.mammogram import plot_mammogram_pairs


def test_each_woman_is_a_row_of_four_films_with_her_lesions_outlined() -> None:
    women = make_mammogram_pairs(3, size=64, lesion_share=1, densities=[0, 1, 3])
    figure = plot_mammogram_pairs(women)
    axes = figure.axes
    assert len(axes) == 12
    assert [ax.get_title().split("\n")[0] for ax in axes[:4]] == ["right CC", "left CC", "right MLO", "left MLO"]
    assert [ax.get_ylabel().split(",")[0] for ax in axes[::4]] == ["density a", "density b", "density d"]
    for i in range(3):
        for k, ax in enumerate(axes[4 * i : 4 * i + 4]):
            view, side = divmod(k, 2)
            index = (i, side, view)
            outlines = int(women.mass_masks[index].any()) + int(women.calcification_masks[index].any())
            assert len(ax.collections) == outlines
            assert ax.get_title().endswith("cancer") == women.malignant[i, side]
            assert f"BI-RADS {women.birads[i, side]}" in ax.get_title()
            assert ax.images[0].get_extent() == [0, 100, 200, 0]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["mass", "calcifications"]


def test_nobody_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="at least one examination to draw, got none"):
        plot_mammogram_pairs(make_mammogram_pairs(0, size=64))
