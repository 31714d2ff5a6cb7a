"""The gallery of the ageing brain."""

import pytest

from course_lib.data.phantoms.ageing_brain import make_ageing_brains
from course_lib.figures.galleries.ageing_brain import plot_ageing_brains


def test_each_subject_is_cut_three_ways_and_named() -> None:
    brains = make_ageing_brains(2, spacing_mm=4, age_years=[25, 85], with_tissues=True)
    axes = plot_ageing_brains(brains).axes
    assert len(axes) == 6
    assert [axes[row * 2].get_ylabel() for row in range(3)] == ["axial", "coronal", "sagittal"]
    title = axes[1].get_title() or axes[1].get_title(loc="left")
    assert title.startswith("85 years, δ ")
    assert title.endswith(f"ventricles {brains.ventricles_ml[1]:.0f} ml")
    assert axes[0].images[0].get_extent() == [0, 192, 224, 0]
    assert len(axes[0].collections) == len(axes[1].collections) == 1, "the ventricles are outlined in axial slices"


def test_without_tissues_nothing_is_outlined() -> None:
    assert not any(ax.collections for ax in plot_ageing_brains(make_ageing_brains(1, spacing_mm=4)).axes)


def test_nobody_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="at least one subject to draw, got none"):
        plot_ageing_brains(make_ageing_brains(0, spacing_mm=4))
