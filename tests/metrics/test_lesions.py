"""Lesions and cells: by hand where one meets many, at the edges, beside a naive loop and the best assignment."""

from collections.abc import Callable
from math import isnan

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from course_lib.metrics.lesions import (
    DSB2018_IOUS,
    LesionCounts,
    LesionMatches,
    instance_average_precision,
    label_lesions,
    match_lesions,
)

MAPS = hnp.arrays(np.uint8, (5, 6), elements=st.integers(0, 5))
few = settings(max_examples=60, deadline=None)


def naive_iou(true: np.ndarray, pred: np.ndarray) -> dict[tuple[int, int], float]:
    """Overlap of each pair that shares a voxel, one pair after the other."""
    pairs = {}
    for i in set(true[true > 0].tolist()):
        for j in set(pred[pred > 0].tolist()):
            shared = np.sum((true == i) & (pred == j))
            if shared:
                pairs[i, j] = shared / np.sum((true == i) | (pred == j))
    return pairs


def test_a_shared_voxel_finds_a_lesion_and_half_of_either_is_asked_for_more() -> None:
    #        found at > 50 %      touched only   missed
    true = [[1, 1, 1, 1, 0, 0], [0, 2, 2, 2, 2, 0], [3, 3, 0, 0, 0, 0]]
    pred = [[0, 7, 7, 7, 0, 0], [0, 0, 0, 0, 8, 8], [0, 0, 0, 9, 9, 0]]
    matches = match_lesions(true, pred)
    assert matches.voxels_true.tolist() == [4, 4, 2]
    assert matches.voxels_pred.tolist() == [3, 2, 2]
    assert matches.iou.tolist() == [3 / 4, 1 / 5]
    assert matches.found(min_overlap=0.5).tolist() == [True, False, False]
    assert matches.counts() == LesionCounts(true=3, found=2, predicted=3, right=2)
    half = matches.counts(min_overlap=0.5)
    assert half == LesionCounts(true=3, found=1, predicted=3, right=1)
    assert half.recall == half.precision == half.f1 == 1 / 3


def test_exactly_half_is_not_more_than_half() -> None:
    matches = match_lesions([1, 1], [1, 0])
    assert matches.iou.tolist() == [0.5]
    assert matches.counts(min_overlap=0.5).found == 0
    assert matches.counts(min_overlap=0.49).found == 1
    assert matches.instance_precision(min_iou=0.5) == 1.0  # cells: at least


def test_one_blob_over_two_lesions_finds_both_and_is_right_once() -> None:
    matches = match_lesions([1, 1, 0, 2, 2], [5, 5, 5, 5, 5])
    assert matches.counts() == LesionCounts(true=2, found=2, predicted=1, right=1)
    assert matches.counts(min_overlap=0.5) == LesionCounts(true=2, found=0, predicted=1, right=0)
    assert matches.one_to_one(min_iou=0.3) == 1


def test_one_lesion_in_two_pieces_is_found_once_by_two_right_predictions() -> None:
    matches = match_lesions([1, 1, 1, 1, 1], [5, 5, 0, 6, 6])
    assert matches.counts() == LesionCounts(true=1, found=1, predicted=2, right=2)
    assert matches.counts(min_overlap=0.5).found == 0
    assert matches.one_to_one(min_iou=0.3) == 1
    assert matches.instance_precision(min_iou=0.3) == 1 / 2


def test_without_lesions_a_rate_is_nan_only_where_nothing_could_be_counted() -> None:
    empty, one = np.zeros(4, dtype=int), np.array([0, 1, 1, 0])
    neither = match_lesions(empty, empty).counts()
    assert all(map(isnan, (neither.recall, neither.precision, neither.f1)))
    missed, false = match_lesions(one, empty).counts(), match_lesions(empty, one).counts()
    assert (missed.recall, isnan(missed.precision), missed.f1) == (0.0, True, 0.0)
    assert (isnan(false.recall), false.precision, false.f1) == (True, 0.0, 0.0)
    assert isnan(match_lesions(empty, empty).instance_precision())
    assert match_lesions(one, empty).instance_precision() == match_lesions(empty, one).instance_precision() == 0.0


def test_lesions_of_a_billion_voxels_do_not_overflow() -> None:
    billion, first = np.array([2_000_000_000]), np.array([0])
    matches = LesionMatches(first + 1, first + 1, billion, billion, first, first, billion // 2)
    assert matches.iou.tolist() == [1 / 3]
    assert matches.counts(min_overlap=0.33).recall == 1.0


def test_counts_of_cases_add_up() -> None:
    total = LesionCounts(2, 1, 4, 2) + LesionCounts(1, 1, 0, 0)
    assert total == LesionCounts(3, 2, 4, 2)
    assert (total.recall, total.precision) == (2 / 3, 1 / 2)
    assert total.f1 == pytest.approx(2 / (3 / 2 + 2))


@given(MAPS, MAPS, st.sampled_from([0.0, 0.2, 0.5, 0.7]))
@few
def test_matching_is_that_of_the_naive_loop(true: np.ndarray, pred: np.ndarray, min_overlap: float) -> None:
    matches, naive = match_lesions(true, pred), naive_iou(true, pred)
    pairs = zip(matches.ids_true[matches.pair_true].tolist(), matches.ids_pred[matches.pair_pred].tolist(), strict=True)
    assert dict(zip(pairs, matches.iou.tolist(), strict=True)) == naive
    close = [pair for pair, iou in naive.items() if iou > min_overlap]
    counts = matches.counts(min_overlap=min_overlap)
    assert counts.true == len(set(true[true > 0].tolist()))
    assert counts.predicted == len(set(pred[pred > 0].tolist()))
    assert counts.found == len({i for i, _ in close})
    assert counts.right == len({j for _, j in close})
    if min_overlap >= 0.5:
        assert counts.found == counts.right == len(close)  # no lesion has two partners


@given(MAPS, MAPS, st.sampled_from([0.1, 0.25, 0.5, 0.75]))
@few
def test_one_to_one_is_the_best_assignment(true: np.ndarray, pred: np.ndarray, min_iou: float) -> None:
    reached = np.zeros((6, 6))
    for pair, iou in naive_iou(true, pred).items():
        reached[pair] = iou >= min_iou
    best = int(reached[linear_sum_assignment(-reached)].sum())
    matches = match_lesions(true, pred)
    assert matches.one_to_one(min_iou=min_iou) == best
    objects = len(matches.ids_true) + len(matches.ids_pred)
    if objects:
        assert matches.instance_precision(min_iou=min_iou) == best / (objects - best)


@given(MAPS, MAPS)
@few
def test_exchanging_maps_exchanges_recall_and_precision_and_new_numbers_change_nothing(
    true: np.ndarray, pred: np.ndarray
) -> None:
    counts, exchanged = match_lesions(true, pred).counts(), match_lesions(pred, true).counts()
    assert (counts.true, counts.found) == (exchanged.predicted, exchanged.right)
    renumbered = np.array([0, 10**12, 7, 3, 10**9, 99])[true]
    assert match_lesions(renumbered, pred).counts() == counts


def test_axes_in_another_order_or_memory_change_nothing() -> None:
    true, pred = ndimage.label(np.random.default_rng(0).random((2, 8, 9, 10)) < 0.3)[0]
    wanted = match_lesions(true, pred).counts()
    assert match_lesions(true.T, pred.T).counts() == wanted
    assert match_lesions(np.asfortranarray(true), pred).counts() == wanted
    assert match_lesions(torch.tensor(true), torch.tensor(pred)).counts() == wanted


def test_equal_maps_are_perfect() -> None:
    labels = label_lesions(np.random.default_rng(1).random((12, 13)) < 0.4)
    counts = match_lesions(labels, labels).counts(min_overlap=0.99)
    assert counts.recall == counts.precision == counts.f1 == 1.0
    assert instance_average_precision(labels, labels).tolist() == [1.0] * len(DSB2018_IOUS)


def test_cells_are_judged_at_each_overlap() -> None:
    # IoU 3/4, 2/4 and one false cell
    true, pred = [1, 1, 1, 0, 2, 2, 2, 2, 0, 0], [7, 7, 7, 7, 0, 0, 8, 8, 9, 0]
    result = instance_average_precision(true, pred, min_ious=(0.5, 0.6, 0.75, 0.8))
    np.testing.assert_allclose(result, [2 / 3, 1 / 4, 1 / 4, 0])
    assert DSB2018_IOUS == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


def test_lesions_that_touch_at_a_corner_are_two_or_one_as_asked() -> None:
    mask = np.zeros((2, 2, 2))
    mask[0, 0, 0] = mask[1, 1, 1] = 1
    assert [label_lesions(mask, connectivity=k).max() for k in (1, 2, 3)] == [2, 2, 1]
    assert label_lesions(np.zeros((3, 3))).max() == 0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: match_lesions([0, 1], [1]), ValueError, r"same shape, got \(2,\) and \(1,\)"),
        (lambda: match_lesions([0, -1], [0, 1]), ValueError, "lesions_true needs numbers of lesions.*got -1"),
        (lambda: match_lesions([0, 1], [0, 0.5]), TypeError, "lesions_pred needs whole numbers"),
        (lambda: match_lesions([True], [1]), TypeError, r"lesions_true needs numbered lesions.*label_lesions\(mask\)"),
        (lambda: match_lesions([1], [1]).counts(min_overlap=50), ValueError, "min_overlap must be a share.*got 50"),
        (lambda: match_lesions([1], [1]).one_to_one(min_iou=0), ValueError, "min_iou must lie above 0.*got 0"),
        (lambda: instance_average_precision([1], [1], min_ious=(1.5,)), ValueError, "min_iou must lie .*got 1.5"),
        (lambda: label_lesions([[0, 2]]), ValueError, "mask needs .* 0 and 1, got 2"),
        (lambda: label_lesions([[0, 1]], connectivity=3), ValueError, "between 1 and 2 for a 2-D mask, got 3"),
    ],
)
def test_maps_that_make_no_sense_are_refused_with_the_reason(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
