"""Accuracy and confusion: by hand, at the edges, and beside scikit-learn."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.metrics import accuracy_score, confusion_matrix

label_pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


def test_a_confusion_matrix_has_true_classes_in_rows() -> None:
    # three cats (0), two dogs (1): one cat is called a dog, one dog a bird (2)
    matrix = confusion_matrix([0, 0, 0, 1, 1], [0, 0, 1, 1, 2], num_classes=3)
    assert matrix.tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 0]]
    assert matrix.dtype == np.int64


def test_accuracy_is_the_share_on_the_diagonal() -> None:
    assert accuracy_score([0, 0, 0, 1, 1], [0, 0, 1, 1, 2]) == 3 / 5


def test_without_cases_accuracy_is_nan_and_nothing_is_confused() -> None:
    assert np.isnan(accuracy_score([], []))
    assert confusion_matrix([], [], num_classes=2).tolist() == [[0, 0], [0, 0]]


@given(label_pairs)
def test_both_agree_with_scikit_learn_and_with_counting(pairs: list[tuple[int, int]]) -> None:
    y_true, y_pred = zip(*pairs, strict=True)
    matrix = confusion_matrix(y_true, y_pred, num_classes=5)
    assert matrix.tolist() == [[pairs.count((row, column)) for column in range(5)] for row in range(5)]
    np.testing.assert_array_equal(matrix, sklearn.metrics.confusion_matrix(y_true, y_pred, labels=range(5)))
    assert accuracy_score(y_true, y_pred) == pytest.approx(sklearn.metrics.accuracy_score(y_true, y_pred))
    assert accuracy_score(y_true, y_pred) == pytest.approx(matrix.trace() / matrix.sum())


@given(label_pairs)
def test_exchanging_truth_and_prediction_turns_the_matrix(pairs: list[tuple[int, int]]) -> None:
    y_true, y_pred = zip(*pairs, strict=True)
    turned = confusion_matrix(y_pred, y_true, num_classes=5)
    np.testing.assert_array_equal(confusion_matrix(y_true, y_pred, num_classes=5), turned.T)


@pytest.mark.parametrize("form", [np.uint8, np.int8, np.int32, ">i4", np.uint64, bool])
def test_labels_of_any_whole_type_count_the_same(form: type | str) -> None:
    y_true, y_pred = np.array([0, 1, 1, 0, 1], dtype=form), np.array([0, 1, 0, 1, 1], dtype=form)
    assert confusion_matrix(y_true, y_pred, num_classes=2).tolist() == [[1, 1], [1, 2]]
    assert accuracy_score(y_true, y_pred) == 0.6


def test_many_classes_do_not_overflow_small_labels() -> None:
    labels = np.array([200, 255], dtype=np.uint8)
    assert confusion_matrix(labels, labels, num_classes=256)[[200, 255], [200, 255]].tolist() == [1, 1]


def test_tensors_are_taken_as_they_are() -> None:
    assert accuracy_score(torch.tensor([1, 0]), torch.tensor([1, 1])) == 0.5


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: accuracy_score([0, 1], [0]), ValueError, "one label for each case, got 2 and 1 labels"),
        (
            lambda: accuracy_score([0, 1], [[0.2, 0.8], [0.5, 0.5]]),
            ValueError,
            r"y_pred needs shape \(N,\), got \(2, 2\)",
        ),
        (lambda: accuracy_score(0, 0), ValueError, r"y_true needs shape \(N,\), got \(\)"),
        (lambda: accuracy_score([0, 1], [0.2, 0.8]), TypeError, "y_pred needs whole numbers as labels, got float64"),
        (lambda: accuracy_score(["cat"], ["dog"]), TypeError, "y_true needs whole numbers as labels, got <U3"),
        (lambda: confusion_matrix([0, 3], [0, 1], num_classes=3), ValueError, "y_true needs labels from 0 to 2, got 3"),
        (lambda: confusion_matrix([0, 1], [0, -1], num_classes=3), ValueError, "y_pred needs labels .*, got -1"),
        (lambda: confusion_matrix([0], [0, 1], num_classes=3), ValueError, "got 1 and 2 labels"),
        (lambda: confusion_matrix([], [], num_classes=0), ValueError, "num_classes must be at least 1, got 0"),
    ],
)
def test_labels_that_make_no_sense_are_refused_with_the_reason(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_a_confusion_matrix_of_many_labels_needs_little_memory_and_loses_none_between_blocks() -> None:
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(0, 5, (2, 1_000_003), dtype=np.uint8)
    tracemalloc.start()
    matrix = confusion_matrix(y_true, y_pred, num_classes=5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4e6
    wanted = [[np.count_nonzero((y_true == row) & (y_pred == column)) for column in range(5)] for row in range(5)]
    assert matrix.tolist() == wanted


def test_unsigned_labels_of_64_bits_are_labels() -> None:
    labels = np.array([0, 1], dtype=np.uint64)
    assert confusion_matrix(labels, labels, num_classes=2).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(("form", "label"), [(np.int8, -128), (np.int8, -1), (np.int16, -1), (np.int64, -(2**63))])
def test_a_label_below_0_is_found_however_many_classes_there_are(form: type, label: int) -> None:
    for num_classes in (2, 200, 300):
        with pytest.raises(ValueError, match=f"y_pred needs labels from 0 to {num_classes - 1}, got {label}"):
            confusion_matrix(np.array([0, 1], form), np.array([1, label], form), num_classes=num_classes)
    with pytest.raises(ValueError, match="y_true needs labels from 0 to 299, got 300"):
        confusion_matrix(np.array([300], np.uint16), np.array([0], np.uint16), num_classes=300)


def test_the_largest_label_of_a_small_type_is_a_label() -> None:
    labels = np.array([127, 0], np.int8)
    assert confusion_matrix(labels, labels, num_classes=300).trace() == 2


def test_labels_that_lie_apart_in_memory_are_labels() -> None:
    both = np.array([[0, 1], [1, 1], [1, 0]])
    assert confusion_matrix(both[:, 0], both[::-1, 1], num_classes=2).tolist() == [[1, 0], [0, 2]]
