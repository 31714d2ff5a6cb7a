"""The explorer of lesson 09: its numbers are those of the metrics, and every place says something."""

import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_lib.metrics import Counts, roc_curve
from course_lib.widgets import prevalence
from course_lib.widgets.prevalence import PER_MILLE, prevalence_explorer

mpl.use("Agg")

RNG = np.random.default_rng(0)
Y = np.repeat([1, 0], [40, 60])
CURVE = roc_curve(Y, RNG.normal(size=100) + 1.5 * Y)


def written(wanted: float, per_mille: int) -> str:
    figure = prevalence._draw(CURVE, wanted, per_mille)
    plt.close(figure)
    return "\n".join(text.get_text() for text in (*figure.texts, *(ax.title for ax in figure.axes)))


def titles(wanted: float, per_mille: int) -> list[str]:
    figure = prevalence._draw(CURVE, wanted, per_mille)
    plt.close(figure)
    return [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes]


def test_the_area_and_the_sensitivity_stay_and_the_alarms_do_not() -> None:
    rare, common = (written(0.9, per_mille).split("\n") for per_mille in (10, 500))
    assert rare[0] == common[0]
    assert rare[1] != common[1]
    assert titles(0.9, 10)[0] == titles(0.9, 500)[0]


def test_the_written_precision_is_bayes_rule() -> None:
    point = CURVE.at_sensitivity(0.8).counts
    ppv = 0.01 * point.tpr / (0.01 * point.tpr + 0.99 * point.fpr)
    assert f"{100 * ppv:.1f} % of the alarms are right" in written(0.8, 10)


@pytest.mark.parametrize("per_mille", PER_MILLE.values())
def test_a_thousand_people_stay_a_thousand(per_mille: int) -> None:
    counts = Counts(tp=3 * per_mille, fn=per_mille, fp=1000 - per_mille, tn=3 * (1000 - per_mille))
    crowd = prevalence._crowd(counts)
    assert crowd.total == 1000
    assert crowd.positives == per_mille


def test_every_corner_of_the_controls_can_be_drawn() -> None:
    for wanted, per_mille in itertools.product((0.0, 0.5, 1.0), PER_MILLE.values()):
        assert "nan" not in written(wanted, per_mille)


def test_at_no_sensitivity_there_is_no_alarm() -> None:
    assert "no alarm at all" in written(0.0, 10)


def test_the_words_for_those_who_do_not_see_it_are_true(capsys: pytest.CaptureFixture[str]) -> None:
    scores = RNG.normal(size=100) + Y
    prevalence_explorer(Y, scores)
    words = capsys.readouterr().out
    curve = roc_curve(Y, scores)
    assert f"{curve.auc:.3f}" in words
    assert f"sensitivity of {curve.at_sensitivity(0.9).counts.tpr:.2f}" in words
