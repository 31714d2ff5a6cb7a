"""Overlap of masks: by hand, at the edges, by the laws between the rates, and beside scikit-learn and a loop."""

from collections.abc import Callable
from math import inf, isnan, nan

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from course_lib.metrics.segmentation import (
    Overlap,
    dice_global,
    dice_per_case,
    dice_score,
    jaccard_score,
    overlap,
    overlap_per_class,
)

MASKS = hnp.arrays(bool, (2, 5, 6))
few = settings(max_examples=40, deadline=None)


def test_two_squares_by_hand() -> None:
    # 4 voxels each, one shared; the union has 7
    true = [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    pred = [[0, 0, 0], [0, 1, 1], [0, 1, 1]]
    counts = overlap(true, pred)
    assert counts == Overlap(voxels_true=4, voxels_pred=4, voxels_both=1)
    assert counts.voxels_either == 7
    assert counts.dice() == dice_score(true, pred) == 2 / 8
    assert counts.jaccard() == jaccard_score(true, pred) == 1 / 7
    assert counts.voe() == 6 / 7
    assert counts.rvd() == 0.0  # as large as the true one, though mostly elsewhere


def test_rvd_is_positive_for_a_prediction_that_is_too_large() -> None:
    assert overlap([1, 1, 0, 0], [1, 1, 1, 0]).rvd() == 0.5
    assert overlap([1, 1, 0, 0], [1, 0, 0, 0]).rvd() == -0.5
    assert overlap([1, 1], [0, 0]).rvd() == -1.0


def test_two_empty_masks_are_nan_or_what_is_asked_for() -> None:
    empty = np.zeros((3, 4))
    assert isnan(dice_score(empty, empty))
    assert isnan(jaccard_score(empty, empty))
    assert isnan(overlap(empty, empty).voe())
    assert isnan(overlap(empty, empty).rvd())
    assert isnan(dice_score([], []))
    assert dice_score(empty, empty, empty=1.0) == jaccard_score(empty, empty, empty=1.0) == 1.0
    assert overlap(empty, empty).voe(empty=0.0) == overlap(empty, empty).rvd(empty=0.0) == 0.0


def test_one_empty_mask_is_0_whatever_two_empty_ones_get() -> None:
    full, empty = np.ones((3, 4)), np.zeros((3, 4))
    for pair in ((full, empty), (empty, full)):
        assert dice_score(*pair, empty=1.0) == jaccard_score(*pair, empty=1.0) == 0.0
        assert overlap(*pair).voe(empty=0.0) == 1.0
    assert overlap(empty, full).rvd() == inf


@given(MASKS, MASKS)
@few
def test_rates_are_those_of_scikit_learn_and_keep_their_laws(true: np.ndarray, pred: np.ndarray) -> None:
    counts = overlap(true, pred)
    assert counts == Overlap(int(true.sum()), int(pred.sum()), int((true & pred).sum()))
    if counts.voxels_either:
        assert counts.dice() == pytest.approx(sklearn.metrics.f1_score(true.ravel(), pred.ravel()), rel=1e-12)
        assert counts.jaccard() == pytest.approx(sklearn.metrics.jaccard_score(true.ravel(), pred.ravel()), rel=1e-12)
        assert counts.jaccard() == pytest.approx(counts.dice() / (2 - counts.dice()), rel=1e-12)
        assert counts.voe() == pytest.approx(1 - counts.jaccard(), rel=1e-12)
        assert counts.dice() == overlap(pred, true).dice()
        assert 0 <= counts.jaccard() <= counts.dice() <= 1
    if true.any():
        assert dice_score(true, true) == jaccard_score(true, true) == 1.0


@pytest.mark.parametrize("form", [bool, np.uint8, np.int16, np.int64, np.float16, np.float32, np.float64])
def test_masks_of_any_type_count_the_same(form: type) -> None:
    rng = np.random.default_rng(0)
    true, pred = rng.random((2, 40, 50)) < 0.4
    assert overlap(true.astype(form), pred) == overlap(true, pred)
    assert overlap(torch.tensor(true.astype(form)), torch.tensor(pred)) == overlap(true, pred)


def test_masks_larger_than_a_block_and_of_any_memory_order_count_the_same() -> None:
    rng = np.random.default_rng(1)
    true, pred = rng.random((2, 9, 300, 301)) < 0.4
    wanted = Overlap(int(true.sum()), int(pred.sum()), int((true & pred).sum()))
    assert overlap(true, pred) == wanted
    assert overlap(np.asfortranarray(true), np.asfortranarray(pred)) == wanted
    assert overlap(np.asfortranarray(true), pred) == wanted
    assert overlap(true[::-1], pred[::-1]) == wanted
    assert overlap(true.astype(np.uint8).transpose(2, 0, 1), pred.transpose(2, 0, 1)) == wanted


def test_a_billion_voxels_do_not_overflow() -> None:
    # The counts as narrow numbers of numpy, whose own product and sum would wrap around.
    billion = np.int32(2_000_000_000)
    counts = Overlap(billion, billion, np.int32(1_900_000_000))
    assert counts.dice() == pytest.approx(0.95, rel=1e-12)
    assert counts.jaccard() == pytest.approx(19 / 21, rel=1e-12)
    assert counts.rvd() == 0.0
    assert (counts + counts + counts).voxels_either == 6_300_000_000


def test_adding_many_large_cases_stays_exact() -> None:
    large = Overlap(10**9, 10**9, 9 * 10**8)
    assert sum([large] * 1000, Overlap(0, 0, 0)) == Overlap(10**12, 10**12, 9 * 10**11)
    assert dice_global([large] * 1000) == 0.9


@given(
    hnp.arrays(np.uint8, (4, 7), elements=st.integers(0, 3)), hnp.arrays(np.int64, (4, 7), elements=st.integers(0, 3))
)
@few
def test_each_class_of_a_label_map_counts_as_its_own_mask(true: np.ndarray, pred: np.ndarray) -> None:
    classes = overlap_per_class(true, pred, num_classes=5)
    assert classes == tuple(overlap(true == k, pred == k) for k in range(5))
    assert isnan(classes[4].dice())  # a class that nobody has keeps its place


def test_labels_near_255_do_not_overflow_their_bytes() -> None:
    labels = np.array([200, 255, 255], dtype=np.uint8)
    assert overlap_per_class(labels, labels, num_classes=256)[255] == Overlap(2, 2, 2)


def test_per_case_each_patient_counts_and_globally_each_voxel() -> None:
    small, large = Overlap(10, 10, 10), Overlap(1000, 1000, 500)
    assert dice_per_case([small, large]) == (1.0 + 0.5) / 2
    assert dice_global([small, large]) == 2 * 510 / 2020


def test_a_case_without_lesion_makes_the_mean_nan_unless_its_value_is_given() -> None:
    cases = [Overlap(10, 10, 5), Overlap(0, 0, 0)]
    assert isnan(dice_per_case(cases))
    assert dice_per_case(cases, empty=1.0) == 0.75
    assert dice_global(cases) == 0.5
    assert isnan(dice_per_case([]))
    assert isnan(dice_global([]))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: dice_score([0, 1], [0, 1, 1]), ValueError, r"same shape, got \(2,\) and \(3,\)"),
        (lambda: dice_score([0, 2], [0, 1]), ValueError, "mask_true needs .* 0 and 1, got 2"),
        (lambda: dice_score(np.uint8([0, 255]), [0, 1]), ValueError, "mask_true needs .* 0 and 1, got 255"),
        (lambda: dice_score([0, 1], [0, 0.5]), ValueError, "mask_pred needs .* 0 and 1, got 0.5"),
        (lambda: dice_score([0, 1], [0, nan]), ValueError, "mask_pred needs .* 0 and 1, got nan"),
        (lambda: jaccard_score([0, -1], [0, 1]), ValueError, "mask_true needs .* 0 and 1, got -1"),
        (lambda: dice_score(["a"], ["b"]), TypeError, "mask_true needs .* 0 and 1, got <U1"),
        (lambda: overlap_per_class([0, 3], [0, 1], num_classes=3), ValueError, "labels_true needs .* 0 to 2, got 3"),
        (lambda: overlap_per_class([0, 1], [0, -1], num_classes=3), ValueError, "labels_pred needs .*, got -1"),
        (lambda: overlap_per_class([0.5], [0], num_classes=3), TypeError, "labels_true needs whole numbers"),
        (lambda: overlap_per_class([0], [0], num_classes=0), ValueError, "num_classes must be at least 1, got 0"),
        (lambda: Overlap(3, 2, 3), ValueError, "voxels_both must lie between 0 and the smaller mask"),
        (lambda: Overlap(3, 2, -1), ValueError, "voxels_both must lie between 0 and the smaller mask"),
    ],
)
def test_masks_that_make_no_sense_are_refused_with_the_reason(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
