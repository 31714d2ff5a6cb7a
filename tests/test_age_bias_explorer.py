"""The explorer of lesson 15: its words are true, and its line does what it says."""

import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_lib.widgets import age_bias
from course_lib.widgets.age_bias import age_bias_explorer

mpl.use("Agg")

AGES = np.array([25.0, 45, 65, 85])


def titles(predicted: np.ndarray, *, slope: float, gap_at_55: float) -> tuple[str, str, str]:
    """Titles of both panels, and what is written below the second."""
    figure = age_bias._draw_correction(AGES, predicted, slope=slope, gap_at_55=gap_at_55)
    plt.close(figure)
    before, after = figure.axes
    return before.get_title(loc="left"), after.get_title(loc="left"), after.get_xlabel()


def test_the_words_for_those_who_do_not_see_it_are_true(capsys: pytest.CaptureFixture[str]) -> None:
    age_bias_explorer(AGES, 55 + 0.5 * (AGES - 55))
    assert "The line lies flat at zero, so both are alike" in capsys.readouterr().out
    before, after, _ = titles(55 + 0.5 * (AGES - 55), slope=0, gap_at_55=0)
    assert before.removeprefix("before") == after.removeprefix("after")


def test_the_right_line_takes_the_trend_out() -> None:
    before, after, below = titles(55 + 0.5 * (AGES - 55), slope=-0.5, gap_at_55=0)
    assert before == "before: MAE 10.0 years, R² 0.75"
    assert after == "after: MAE 0.0 years, R² 1.00"
    assert "+0.00 a year" in below.replace("-0.00", "+0.00")


def test_a_reader_that_knows_nothing_becomes_perfect_with_a_slope_of_minus_one() -> None:
    before, after, _ = titles(np.full(4, 55.0), slope=-1, gap_at_55=0)
    assert "R² 0.00" in before
    assert after == "after: MAE 0.0 years, R² 1.00"


def test_every_corner_of_the_controls_can_be_drawn() -> None:
    for predicted, slope, gap in itertools.product((AGES, np.full(4, 55.0)), (-1.0, 0.5), (-10.0, 10.0)):
        assert "nan" not in " ".join(titles(predicted, slope=slope, gap_at_55=gap))
