"""Areas of many labels at once: labels that are missing, no common heap, and scikit-learn."""

from collections.abc import Callable
from math import isnan, nan

import numpy as np
import pytest
import sklearn.metrics
import torch

from course_lib.metrics.curves import average_precision, roc_auc
from course_lib.metrics.multilabel import average_precision_per_label, one_vs_rest, roc_auc_per_label


def test_labels_are_not_thrown_on_one_heap() -> None:
    y_true, y_score = np.array([[0, 0], [1, 1]]), np.array([[0.1, 0.8], [0.2, 0.9]])
    assert roc_auc_per_label(y_true, y_score).macro() == 1.0
    assert roc_auc(y_true.ravel(), y_score.ravel()) == 0.75


@pytest.mark.parametrize("measure", [roc_auc_per_label, average_precision_per_label])
def test_a_label_of_one_class_is_nan_with_its_count_and_skipped_only_on_request(measure: Callable) -> None:
    y_true = [[1, 0, 1], [0, 0, 1], [1, 0, 1]]
    found = measure(y_true, [[0.9, 0.1, 0.5], [0.2, 0.3, 0.5], [0.8, 0.2, 0.5]])
    np.testing.assert_array_equal(found.values, [1.0, nan, nan])
    assert found.positives.tolist() == [2, 0, 3]
    assert found.negatives.tolist() == [1, 3, 0]
    assert isnan(found.macro())
    assert isnan(found.weighted())
    assert found.macro(skip_undefined=True) == found.weighted(skip_undefined=True) == 1.0


def test_without_cases_each_label_is_undefined() -> None:
    found = roc_auc_per_label(np.zeros((0, 2)), np.zeros((0, 2)))
    assert np.isnan(found.values).tolist() == [True, True]
    assert isnan(found.macro(skip_undefined=True))


def test_many_labels_agree_with_one_at_a_time_and_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    y_true = rng.random((400, 14)) < rng.uniform(0.02, 0.4, 14)
    y_score = np.round(rng.normal(y_true, 1), 1)  # with ties
    areas = roc_auc_per_label(torch.from_numpy(y_true), torch.from_numpy(y_score))
    precisions = average_precision_per_label(y_true, y_score)
    for label in range(14):
        assert areas.values[label] == roc_auc(y_true[:, label], y_score[:, label])
        assert precisions.values[label] == average_precision(y_true[:, label], y_score[:, label])
    peers = {
        average: sklearn.metrics.roc_auc_score(y_true, y_score, average=average) for average in ("macro", "weighted")
    }
    assert (areas.macro(), areas.weighted()) == pytest.approx((peers["macro"], peers["weighted"]), rel=1e-9)
    wanted = sklearn.metrics.average_precision_score(y_true, y_score, average="macro")
    assert precisions.macro() == pytest.approx(wanted, rel=1e-9)


def test_classes_against_the_rest_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    y_true = rng.integers(0, 4, 300)
    y_score = rng.dirichlet(np.ones(4), 300)
    ours = roc_auc_per_label(one_vs_rest(y_true, num_classes=4), y_score).macro()
    assert ours == pytest.approx(sklearn.metrics.roc_auc_score(y_true, y_score, multi_class="ovr"), rel=1e-9)


def test_a_class_that_nobody_has_keeps_its_column() -> None:
    assert one_vs_rest([0, 2], num_classes=4).sum(axis=0).tolist() == [1, 0, 1, 0]
    assert one_vs_rest([], num_classes=2).shape == (0, 2)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: roc_auc_per_label([0, 1], [0.1, 0.2]), ValueError, r"y_true needs shape \(N, L\), one column a label"),
        (lambda: roc_auc_per_label([[0], [1]], [[0.1], [nan]]), ValueError, r"y_score is NaN at index \(1, 0\)"),
        (lambda: roc_auc_per_label([[0], [2]], [[0.1], [1]]), ValueError, "y_true needs labels 0 and 1, got 2"),
        (lambda: roc_auc_per_label([[0, 1]], [[0.1]]), ValueError, "y_true and y_score need the same shape"),
        (lambda: one_vs_rest([0, 3], num_classes=3), ValueError, "y_true needs labels from 0 to 2, got 3"),
        (lambda: one_vs_rest([0, -1], num_classes=3), ValueError, "y_true needs labels from 0 to 2, got -1"),
        (lambda: one_vs_rest([[0]], num_classes=3), ValueError, r"y_true needs shape \(N,\)"),
        (lambda: one_vs_rest([0.5], num_classes=3), TypeError, "y_true needs whole numbers"),
    ],
)
def test_labels_that_make_no_sense_are_refused_with_the_reason(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
