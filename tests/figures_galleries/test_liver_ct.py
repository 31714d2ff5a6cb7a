"""The gallery of the liver CT."""

import numpy as np
import pytest

from course_lib.data.phantoms.liver_ct import make_liver_ct
from course_lib.figures.galleries.liver_ct import plot_liver_cts


def test_each_case_has_a_row_of_four_slices_with_its_tumours_named() -> None:
    cases = make_liver_ct(2, size=48, slices=48)
    figure = plot_liver_cts(cases)
    assert len(figure.axes) == 8
    titles = [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes]
    assert titles[0] == f"case 0: liver {cases.liver_hu[0]:.0f} HU"
    assert titles[5].startswith("tumours of ")
    assert titles[5].endswith(" mm")
    assert titles[2:4] == ["coronal", "liver window"]
    assert figure.axes[4].get_ylabel() == "to the back (mm)"


def test_outlines_are_drawn_in_their_columns_only() -> None:
    figure = plot_liver_cts(make_liver_ct(1, size=48, slices=48))
    assert [len(ax.collections) > 0 for ax in figure.axes] == [False, True, True, False]
    assert figure.axes[1].images[0].get_clim() == (-150, 250)
    assert figure.axes[3].images[0].get_clim() == (-45, 105)


def test_a_case_without_tumours_is_drawn_and_none_is_refused() -> None:
    figure = plot_liver_cts(make_liver_ct(1, size=32, slices=32, max_tumours=0))
    assert "no tumour" in {ax.get_title(loc="left") or ax.get_title() for ax in figure.axes}
    assert np.isfinite(figure.axes[0].images[0].get_array()).all()
    with pytest.raises(ValueError, match="cases needs at least one case to draw, got none"):
        plot_liver_cts(make_liver_ct(0))
