"""The gallery of touching nuclei: images above, truth below."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_lib.data.phantoms.touching_cells import TouchingCells, contact_masks, make_touching_cells
from course_lib.figures.galleries.touching_cells import plot_touching_cells


def test_nuclei_are_outlined_and_contacts_marked() -> None:
    cases = make_touching_cells(6, seed=2, size=64)
    figure = plot_touching_cells(cases)
    assert len(figure.axes) == 8
    place = plt.rcParams["axes.titlelocation"]
    for index in range(4):
        above, below = figure.axes[index], figure.axes[4 + index]
        assert above.get_title(loc=place) == f"{cases.num_nuclei[index]} nuclei"
        assert np.array_equal(above.images[0].get_array(), cases.images[index, 0])
        assert len(below.collections) == cases.num_nuclei[index] + 1
        assert len(below.collections[-1].get_offsets()) == contact_masks(cases.labels)[index].sum()
    assert "64 × 64 pixels" in figure.get_suptitle()
    plt.close(figure)


def test_an_image_without_nuclei_is_drawn() -> None:
    figure = plot_touching_cells(TouchingCells(np.ones((1, 1, 8, 8), np.float32), np.zeros((1, 8, 8), np.int32)))
    assert figure.axes[0].get_title(loc=plt.rcParams["axes.titlelocation"]) == "0 nuclei"
    plt.close(figure)


def test_no_images_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="cases needs at least one image, got 0"):
        plot_touching_cells(make_touching_cells(0))
