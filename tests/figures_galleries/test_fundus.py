"""The gallery of the fundus: image, vessels, graders, each labelled."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from course_lib.data.phantoms.fundus import make_fundus_images
from course_lib.figures.galleries.fundus import plot_fundus_images
from course_lib.figures.page import BLUE, ORANGE


def test_each_eye_is_shown_with_its_vessels_and_both_graders() -> None:
    cases = make_fundus_images(2, size=64)
    figure = plot_fundus_images(cases)
    images, trees, graders = (np.asarray(figure.axes[2 * row].images[0].get_array()) for row in range(3))
    assert np.allclose(images, cases.images[0].transpose(1, 2, 0))
    assert np.allclose(trees[cases.veins[0]], to_rgb(BLUE))
    assert np.allclose(graders[cases.second_grader[0] & ~cases.vessels[0]], to_rgb(ORANGE))
    place = plt.rcParams["axes.titlelocation"]
    share = 100 * cases.vessels[0].sum() / cases.field_of_view[0].sum()
    assert figure.axes[2].get_title(loc=place) == f"vessels: {share:.1f} % of field"
    assert "mm wide" in figure.get_suptitle()
    assert [text.get_text() for text in figure.legends[0].get_texts()][:2] == ["artery", "vein"]
    plt.close(figure)


def test_no_eyes_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="cases needs at least one eye, got 0"):
        plot_fundus_images(make_fundus_images(0))
