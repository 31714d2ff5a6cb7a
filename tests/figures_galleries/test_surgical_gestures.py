"""The gallery of surgical gestures."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_lib.data.phantoms.surgical_gestures import make_surgical_trials
from course_lib.figures.galleries.surgical_gestures import plot_surgical_trials


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def test_it_draws_a_band_a_skill_two_ways_and_signals() -> None:
    cases = make_surgical_trials(15)
    figure = plot_surgical_trials(cases)
    figure.canvas.draw()
    bands, ways, signals = figure.axes[:3], figure.axes[3:5], figure.axes[5:]
    assert [ax.get_title().split(",")[0] for ax in bands] == ["novice", "intermediate", "expert"]
    assert bands[2].get_xlabel() == "time (s)"
    assert len(bands[0].patches) == 1 + (np.diff(cases.gestures[0]) != 0).sum()
    assert sum(bar.get_width() for bar in bands[0].patches) == pytest.approx(cases.seconds[0])
    assert all(ax.get_title().startswith("Right tool") for ax in ways)
    assert [ax.get_ylabel() for ax in signals] == ["height (mm)", "speed (mm/s)", "opening (°)"]
    assert "G3 pushing needle through tissue" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_knots_are_drawn_with_their_own_gestures() -> None:
    figure = plot_surgical_trials(make_surgical_trials(1, task="knot tying"))
    assert "G13 making C loop around right hand" in [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(figure.axes) == 5


def test_nothing_to_draw_is_told() -> None:
    with pytest.raises(ValueError, match="needs at least one recording, got none"):
        plot_surgical_trials(make_surgical_trials(0))
