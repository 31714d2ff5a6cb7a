"""The door of the metrics: what passes it, and what is sent back with which words."""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch

from course_lib.metrics.door import as_array, as_binary, as_labels, as_mask, as_scores, same_shape


def test_lists_arrays_and_tensors_are_the_same_numbers() -> None:
    wanted = [0.5, 1.0]
    for values in (wanted, np.array(wanted), torch.tensor(wanted), torch.tensor(wanted, requires_grad=True)):
        assert as_array("x", values).tolist() == wanted
        assert as_scores("x", values).dtype == np.float64


@pytest.mark.parametrize(
    "dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64, torch.int8, torch.uint8]
)
def test_tensors_of_every_precision_pass(dtype: torch.dtype) -> None:
    assert as_scores("x", torch.tensor([0, 1, 3], dtype=dtype)).tolist() == [0, 1, 3]


def test_what_fits_is_not_copied() -> None:
    scores, labels, mask = np.zeros((2, 3)), np.zeros(4, np.int32), np.zeros((2, 2), bool)
    assert as_scores("x", scores) is scores
    assert as_labels("x", labels) is labels
    assert as_mask("x", mask) is mask
    assert np.shares_memory(as_labels("x", mask), mask)


def test_infinite_scores_pass_in_both_directions() -> None:
    assert as_scores("x", [-np.inf, 0, np.inf]).tolist() == [-np.inf, 0, np.inf]
    assert as_scores("x", [1e308, 1e308]).tolist() == [1e308, 1e308]  # whose sum overflows


@pytest.mark.parametrize("form", [bool, np.uint8, np.int64, np.float16, np.float64])
def test_zeros_and_ones_of_any_type_are_binary(form: type) -> None:
    assert as_binary("x", np.array([[0, 1], [1, 0]], form)).tolist() == [[False, True], [True, False]]


def test_nothing_stays_nothing() -> None:
    assert as_labels("x", []).dtype == np.int64
    assert as_binary("x", []).dtype == bool
    assert as_scores("x", []).dtype == np.float64


def test_a_masked_array_without_hidden_entries_passes() -> None:
    assert as_array("x", np.ma.masked_array([1, 2], mask=[False, False])).tolist() == [1, 2]


def test_the_door_does_not_load_torch() -> None:
    code = "import sys; import course_lib.metrics.door; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: as_scores("y_score", [0.1, np.nan]), ValueError, "y_score is NaN at index 1: a number is needed"),
        (lambda: as_scores("x", [[np.inf, -np.inf], [np.nan, 0]]), ValueError, r"x is NaN at index \(1, 0\)"),
        (lambda: as_scores("x", ["high"]), TypeError, "x needs real numbers, got <U4"),
        (lambda: as_scores("x", [1j]), TypeError, "x needs real numbers, got complex128"),
        (lambda: as_scores("x", [None, 1.0]), TypeError, "x needs real numbers, got object"),
        (lambda: as_labels("x", [0.0, 1.0]), TypeError, "x needs whole numbers as labels, got float64"),
        (lambda: as_binary("y_true", [0, 2]), ValueError, "y_true needs labels 0 and 1, got 2: compare with a label"),
        (lambda: as_binary("x", [-1, 1]), ValueError, "x needs labels 0 and 1, got -1"),
        (lambda: as_binary("x", [0.0, 0.7]), ValueError, "x needs labels 0 and 1, got 0.7"),
        (lambda: as_binary("x", [0.0, np.nan]), ValueError, "x needs labels 0 and 1, got nan"),
        (lambda: as_binary("x", ["yes"]), TypeError, "x needs labels 0 and 1, got <U3"),
        (lambda: as_mask("mask", np.uint8([[0, 255]])), ValueError, "mask needs voxels 0 and 1, got 255"),
        (lambda: as_mask("mask", 1), ValueError, "mask needs at least one axis, got a single number"),
        (lambda: as_array("x", [[1], [1, 2]]), ValueError, "x needs rows of the same length"),
        (lambda: as_array("x", np.ma.masked_array([1, 2], mask=[0, 1])), ValueError, "x hides entries behind a mask"),
        (
            lambda: same_shape(y_true=np.zeros(2), y_score=np.zeros((2, 1))),
            ValueError,
            r"y_true and y_score need the same shape, got \(2,\) and \(2, 1\)",
        ),
    ],
)
def test_what_makes_no_sense_is_sent_back_with_the_reason(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
