"""The gallery of the whole slide says what it shows, with the truth outlined."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_lib.data.phantoms.whole_slide import SlideTruth, write_slide
from course_lib.data.slides import open_slide
from course_lib.figures.galleries.whole_slide import plot_whole_slide


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("slide") / "node.tif"


@pytest.fixture(scope="module")
def truth(path: Path) -> SlideTruth:
    return write_slide(path, size=1600, seed=1, progress=False)


def test_the_overview_has_millimetres_and_outlines_and_the_details_have_bars(path: Path, truth: SlideTruth) -> None:
    with open_slide(path) as slide:
        figure = plot_whole_slide(slide, truth)
    overview, *details = figure.axes
    assert (overview.get_xlabel(), overview.get_ylabel()) == ("x (mm)", "y (mm)")
    assert overview.get_title(loc="left") == "slide with its truth"
    assert [text.get_text() for text in overview.get_legend().get_texts()] == [
        "metastasis",
        "germinal centre",
        "mitosis",
    ]
    assert [text.get_text() for text in overview.texts] == [f"micro, {truth.metastases[0].diameter_mm:.1f} mm"]
    outline = np.vstack([truth.metastases[0].outline_xy, truth.metastases[0].outline_xy[:1]]) * 0.5 / 1000
    assert any(np.allclose(line.get_xydata(), outline) for line in overview.lines if len(line.get_xydata()) > 9)
    assert [ax.get_title(loc="left") for ax in details] == [
        "lymphocytes",
        "germinal centre and its mantle",
        "capsule, sinus and fat",
        "metastasis",
        "edge of the metastasis",
        "mitosis",
    ]
    assert [ax.texts[0].get_text() for ax in details] == ["50 µm"] * 5 + ["20 µm"]
    assert all(ax.images[0].get_array().std() > 10 for ax in details)
    figure.canvas.draw()
    plt.close(figure)


def test_a_slide_without_metastases_leaves_their_details_empty(tmp_path: Path) -> None:
    truth = write_slide(tmp_path / "a.tif", size=1008, mpp=1.0, num_micro=0, progress=False)
    with open_slide(tmp_path / "a.tif") as slide:
        figure = plot_whole_slide(slide, truth)
    assert [len(ax.images) for ax in figure.axes[4:]] == [0, 0, 0]
    plt.close(figure)


def test_the_truth_of_another_slide_is_refused(tmp_path: Path, path: Path, truth: SlideTruth) -> None:
    write_slide(tmp_path / "a.tif", size=512, progress=False)
    with open_slide(tmp_path / "a.tif") as slide, pytest.raises(ValueError, match="1600×1600 pixels, got 512×512"):
        plot_whole_slide(slide, truth)
