"""The explorer of lesson 10: contours are spoilt as asked, and each measure says what it says elsewhere."""

import itertools
import time

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_lib.metrics import label_lesions, overlap, surface_distances
from course_lib.widgets import segmentation_error
from course_lib.widgets.explorer import _drawn, _quick_png
from course_lib.widgets.segmentation_error import disturb_mask, segmentation_error_explorer

mpl.use("Agg")

DISC = np.hypot(*(np.indices((48, 50)) - 24)) < 9


def drawn(**values: int) -> list[str]:
    """Every word of the figure."""
    figure = segmentation_error._draw_errors(**values)
    plt.close(figure)
    return [text.get_text() for ax in figure.axes for text in ax.texts] + [text.get_text() for text in figure.texts]


@pytest.mark.parametrize("shift", [-60, -3, 0, 4, 60])
def test_a_shift_moves_the_mask_and_loses_what_leaves_the_image(shift: int) -> None:
    moved = disturb_mask(DISC, shift=shift)
    expected = {(r, c + shift) for r, c in np.argwhere(DISC) if 0 <= c + shift < DISC.shape[1]}
    assert {tuple(each) for each in np.argwhere(moved)} == expected


def test_growing_adds_and_shrinking_takes_away_all_round() -> None:
    larger, smaller = disturb_mask(DISC, grow=2), disturb_mask(DISC, grow=-2)
    assert (larger & DISC).sum() == DISC.sum() < larger.sum()
    assert (smaller & DISC).sum() == smaller.sum() < DISC.sum()
    assert surface_distances(DISC, larger, spacing_mm=(1, 1)).max_mm() <= 2
    assert not disturb_mask(DISC, grow=-20).any()


@pytest.mark.parametrize("number", [1, 3])
def test_holes_lie_inside_and_islands_outside(number: int) -> None:
    holes, islands = disturb_mask(DISC, holes=number), disturb_mask(DISC, islands=number)
    assert not (holes & ~DISC).any()
    assert DISC.sum() - holes.sum() == islands.sum() - DISC.sum() == 9 * number
    assert label_lesions(islands).max() == 1 + number
    assert label_lesions(~holes, connectivity=2).max() == 1 + number  # no hole is open to the outside


def test_volumes_are_spoilt_too_and_nothing_asked_is_nothing_done() -> None:
    ball = np.hypot(np.hypot(*(np.indices((20, 20, 20))[:2] - 10)), np.indices((20, 20, 20))[2] - 10) < 6
    assert (disturb_mask(ball) == ball).all()
    assert disturb_mask(ball, islands=1).sum() > ball.sum()


def test_an_empty_or_full_mask_and_more_holes_than_room_are_no_trouble() -> None:
    assert disturb_mask(np.zeros((9, 9)), holes=2, islands=1).sum() == 9
    assert disturb_mask(np.ones((9, 9)), islands=2).all()
    assert not disturb_mask(np.ones((3, 3)), holes=5).any()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="two or three axes"):
        disturb_mask(np.ones(4))
    with pytest.raises(ValueError, match="numbers from 0"):
        disturb_mask(DISC, holes=-1)


def test_it_starts_with_the_numbers_of_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    words = drawn()
    assert [word for word in words if word[0].isdigit()] == ["0.937", "0.881", "1.2 mm", "2.0 mm", "2.0 mm", "2.0 mm"]
    segmentation_error_explorer()
    plt.close("all")
    said = capsys.readouterr().out
    assert all(number in said for number in ("0.94", "0.88", "1.2 mm", "2 mm"))


def test_the_tasks_of_the_lecture_can_be_done() -> None:
    rows, columns = np.indices((96, 96))
    organ = np.hypot(rows - 47.5, columns - 47.5) < 20
    astray, moved = disturb_mask(organ, islands=1), disturb_mask(organ, shift=9)
    distances = surface_distances(organ, astray, spacing_mm=(1, 1))
    assert overlap(organ, astray).dice() > 0.98
    assert distances.max_mm() > 20
    assert distances.worse_percentile_mm() - distances.pooled_percentile_mm() > 10
    assert overlap(organ, moved).rvd() == 0
    assert overlap(organ, moved).dice() < 0.8


def test_every_corner_of_the_controls_can_be_drawn() -> None:
    for values in itertools.product((6, 60), (0, 20), (-5, 5), (0, 6), (0, 6)):
        words = drawn(**dict(zip(("diameter_mm", "shift_mm", "grow_mm", "holes", "islands"), values, strict=True)))
        assert "nan" not in " ".join(words)
    assert "infinite" in drawn(diameter_mm=6, grow_mm=-5)


def test_a_moved_slider_is_drawn_at_once() -> None:
    times = []
    for shift in range(6):
        start = time.process_time()
        _drawn(segmentation_error._draw_errors, {"shift_mm": shift, "islands": 3}, encode=_quick_png)
        times.append(time.process_time() - start)
    assert min(times) < 0.2  # under 0.1 on a quiet core
