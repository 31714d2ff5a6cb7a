"""The explorer of lesson 02: its numbers are those of the lesson, and every control says something."""

import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_lib.widgets import descent
from course_lib.widgets.descent import DOWNHILL, STARTS, UPHILL, X, Y, descent_explorer

mpl.use("Agg")


def written(**values: object) -> str:
    """All that stands below the two pictures."""
    figure = descent._draw_descent(**values)  # type: ignore[arg-type]
    plt.close(figure)
    return "\n".join(text.get_text() for text in figure.texts)


def test_the_first_step_is_the_one_worked_by_hand() -> None:
    path = descent._walk(X, (0.0, 0.0), learning_rate=0.1, steps=1)
    assert path == pytest.approx(np.array([[0, 0], [1.3, 0.8]]))


def test_steps_below_the_bound_arrive_and_steps_above_it_leave() -> None:
    for rate, arrives in ((0.28, True), (0.3, False)):
        weight, bias = descent._walk(X, (0.0, 0.0), learning_rate=rate, steps=1000)[-1]
        assert (np.hypot(weight - 2, bias - 1) < 1) == arrives


def test_the_bound_is_written_and_standardised_inputs_widen_it() -> None:
    assert "0.292" in written()
    assert "1.000" in written(standardised_input=True)


def test_the_sign_of_the_slide_climbs() -> None:
    assert "higher than before" in written(sign=UPHILL)
    assert "lower than before" in written(sign=DOWNHILL)
    assert "as high as before" in written(steps=0)


def test_every_corner_of_the_controls_can_be_drawn() -> None:
    corners = itertools.product((0.01, 0.6), (0, 40), (DOWNHILL, UPHILL), STARTS.values(), (False, True))
    for rate, steps, sign, start, standardised in corners:
        words = written(learning_rate=rate, steps=steps, sign=sign, start=start, standardised_input=standardised)
        assert "nan" not in words


def test_the_words_for_those_who_do_not_see_it_are_true(capsys: pytest.CaptureFixture[str]) -> None:
    descent_explorer()
    words = capsys.readouterr().out
    path = descent._walk(X, (0.0, 0.0), learning_rate=0.1, steps=10)
    losses = np.square(path[:, :1] * X + path[:, 1:] - Y).mean(axis=1)
    assert "from 17 to 0.002" in words
    assert losses[0] == 17
    assert losses[-1] == pytest.approx(0.002, abs=0.0005)
    assert losses[4] < 0.01
