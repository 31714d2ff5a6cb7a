"""The gallery of the chest X-ray phantom."""

import numpy as np
import pytest

from course_lib.data.phantoms.chest_findings import CHEST_FINDINGS
from course_lib.data.phantoms.chest_xray import make_chest_xrays
from course_lib.figures.galleries.chest_xray import plot_chest_xrays


def test_each_film_is_drawn_named_and_outlined() -> None:
    labels = np.zeros((3, 14))
    labels[1, CHEST_FINDINGS.index("Effusion")] = 1
    labels[2, [CHEST_FINDINGS.index("Mass"), CHEST_FINDINGS.index("Pleural_Thickening")]] = 1
    films = make_chest_xrays(3, size=64, labels=labels, ap_share=0)
    axes = plot_chest_xrays(films).axes
    names = [ax.get_title(loc="left") or ax.get_title() for ax in axes]
    assert [name.split("\n")[0] for name in names] == ["no finding", "effusion", "mass, pleural thickening"]
    assert names[0].split("\n")[1] == f"PA, {'F' if films.females[0] else 'M'}, {films.ages_years[0]:.0f} years"
    assert [len(ax.collections) for ax in axes] == [1, 1, 2]
    assert all(ax.images[0].get_extent() == [0, 350, 350, 0] for ax in axes)
    assert axes[0].get_xticklabels()[-1].get_text() == "300 mm"


@pytest.mark.parametrize(
    ("count", "columns", "words"), [(0, 5, "at least one film to draw, got none"), (1, 0, "at least 1 film in a row")]
)
def test_what_cannot_be_drawn_is_refused(count: int, columns: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        plot_chest_xrays(make_chest_xrays(count, size=32), columns=columns)
