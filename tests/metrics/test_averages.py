"""Averages over classes: undefined ones, weights, and scikit-learn."""

from collections.abc import Callable
from math import isnan, nan

import numpy as np
import pytest
import sklearn.metrics

from course_lib.metrics.averages import macro_average, weighted_average
from course_lib.metrics.classification import confusion_matrix
from course_lib.metrics.rates import Counts


def test_averages_over_classes_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    y_true, y_pred = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    counts = Counts.from_matrix(confusion_matrix(y_true, y_pred, num_classes=4))
    for name, peer in (("f1", sklearn.metrics.f1_score), ("ppv", sklearn.metrics.precision_score)):
        rates = getattr(counts, name)
        np.testing.assert_allclose(rates, peer(y_true, y_pred, average=None), rtol=1e-12)
        assert macro_average(rates) == pytest.approx(peer(y_true, y_pred, average="macro"))
        weighted = weighted_average(rates, support=counts.support)
        assert weighted == pytest.approx(peer(y_true, y_pred, average="weighted"))
        assert getattr(counts.summed(), name) == pytest.approx(peer(y_true, y_pred, average="micro"))


def test_an_undefined_class_makes_the_mean_undefined_unless_it_is_skipped() -> None:
    assert isnan(macro_average([0.8, nan]))
    assert macro_average([0.8, nan], skip_undefined=True) == 0.8
    assert isnan(macro_average([nan], skip_undefined=True))
    assert isnan(macro_average([]))
    assert isnan(weighted_average([0.8, nan], support=[1, 0]))
    assert weighted_average([0.5, nan, 1.0], support=[1, 5, 1], skip_undefined=True) == 0.75
    assert isnan(weighted_average([0.8], support=[0]))


def test_the_mean_radiologist_of_the_lecture() -> None:
    assert macro_average([0.383, 0.356, 0.365, 0.442]) == pytest.approx(0.387, abs=1e-3)  # all rounded


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: macro_average(0.5), r"rates need shape \(K,\)"),
        (lambda: weighted_average([1.0], support=[1, 2]), "rates and support need the same shape"),
        (lambda: weighted_average([1.0], support=[-1]), "support must be at least 0, got -1"),
    ],
)
def test_rates_that_make_no_mean_are_refused_with_the_reason(call: Callable, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
