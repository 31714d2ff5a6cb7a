"""The gallery of outlines."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_lib.data.phantoms.crowd_masks import ask_readers
from course_lib.figures.galleries.crowd_masks import plot_reader_masks
from course_lib.metrics import dice_score


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.mark.parametrize("axes", [2, 3])
def test_it_draws_outlines_agreement_and_dice(axes: int) -> None:
    truth = np.sqrt(((np.indices((24,) * axes) - 12) ** 2).sum(axis=0)) < 8
    readers = ask_readers(truth, spacing_mm=(2.0,) * axes, num_readers=4)
    figure = plot_reader_masks(readers)
    figure.canvas.draw()
    lines, share, scores, _ = figure.axes
    assert lines.get_title() == "4 readers, truth dashed"
    assert (share.get_xlabel(), share.get_ylabel()) == ("mm", "mm")
    assert scores.patches[1].get_width() == pytest.approx(dice_score(truth, readers.masks[1]))
    assert len(scores.get_yticklabels()) == 4


def test_nothing_to_draw_is_told() -> None:
    with pytest.raises(ValueError, match="needs at least one reader and a truth that is not empty"):
        plot_reader_masks(ask_readers(np.zeros((9, 9)), spacing_mm=(1, 1)))
