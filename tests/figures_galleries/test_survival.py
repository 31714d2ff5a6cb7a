"""The gallery of the survival phantom."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_lib.data.phantoms.survival import make_survival_cohort
from course_lib.figures.galleries.survival import plot_survival_cohort


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def test_it_draws_hearts_follow_up_and_curves_with_units() -> None:
    figure = plot_survival_cohort(make_survival_cohort(300))
    figure.canvas.draw()
    together, apart, delay, follow_up, curves = figure.axes
    assert together.get_title() == "Both walls contract together"
    assert "late" in apart.get_title()
    assert together.get_ylabel() == "shortening (%)"
    assert together.get_ylim() == apart.get_ylim()
    assert delay.get_xlabel() == "delay of the free wall (% of a beat)"
    assert follow_up.get_title() == "Follow-up of 25 patients"
    assert curves.get_xlabel() == "days since diagnosis"
    labels = [text.get_text() for text in curves.get_legend().get_texts()]
    assert labels[-1] == "true survival"


def test_the_true_curve_is_drawn_beside_kaplan_meier() -> None:
    cohort = make_survival_cohort(300)
    curves = plot_survival_cohort(cohort).axes[4]
    low = cohort.log_hazard <= np.median(cohort.log_hazard)
    drawn = curves.lines[1]
    assert drawn.get_ydata() == pytest.approx(cohort.true_survival(drawn.get_xdata())[low].mean(axis=0))


def test_too_few_patients_are_named() -> None:
    with pytest.raises(ValueError, match="needs at least 10 patients, got 9"):
        plot_survival_cohort(make_survival_cohort(9))
