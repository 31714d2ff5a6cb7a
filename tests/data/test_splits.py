"""Splits that do not leak."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.data import Split, assert_no_overlap, load_digits, stratified_split

LABELS = np.repeat([0, 1, 2], [100, 50, 10])


def parts(split: Split) -> list[np.ndarray]:
    return [split.train, split.val, split.test]


def test_every_case_is_in_exactly_one_part() -> None:
    everything = np.concatenate(parts(stratified_split(LABELS)))
    assert sorted(everything.tolist()) == list(range(160))


def test_each_class_has_its_share_in_each_part() -> None:
    counts = [np.bincount(LABELS[part]).tolist() for part in parts(stratified_split(LABELS))]
    assert counts == [[60, 30, 6], [20, 10, 2], [20, 10, 2]]


def test_the_digits_leave_more_than_350_images_for_the_test() -> None:
    split = stratified_split(load_digits(8).labels)
    assert [len(part) for part in parts(split)] == [1079, 359, 359]


def test_indices_are_rising_int64_arrays() -> None:
    for part in parts(stratified_split(LABELS)):
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()


def test_the_seed_decides() -> None:
    one, same, other = (stratified_split(LABELS, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one.test, same.test)
    assert not np.array_equal(one.test, other.test)


def test_the_global_random_numbers_are_left_alone() -> None:
    before = np.random.get_state()[1].copy()
    stratified_split(LABELS)
    assert np.array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("labels", [LABELS.tolist(), torch.from_numpy(LABELS), LABELS.astype(np.uint8)])
def test_labels_may_be_a_list_a_tensor_or_small_numbers(labels) -> None:
    assert np.array_equal(stratified_split(labels).val, stratified_split(LABELS).val)


def test_a_part_without_a_share_is_empty() -> None:
    split = stratified_split(LABELS, val_fraction=0)
    assert [len(part) for part in parts(split)] == [128, 0, 32]
    assert split.val.dtype == np.int64


@given(
    st.lists(st.integers(7, 40), min_size=1, max_size=5),
    st.floats(0.1, 0.4),
    st.floats(0.1, 0.4),
    st.integers(0, 2**32),
)
@settings(max_examples=50, deadline=None)
def test_shares_are_right_to_the_nearest_case_for_any_classes(sizes, val_fraction, test_fraction, seed) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    split = stratified_split(labels, val_fraction=val_fraction, test_fraction=test_fraction, seed=seed)
    assert sorted(np.concatenate(parts(split)).tolist()) == list(range(len(labels)))
    for part, fraction in ((split.val, val_fraction), (split.test, test_fraction)):
        assert (np.abs(np.bincount(labels[part], minlength=len(sizes)) - fraction * np.array(sizes)) <= 0.5).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"labels": []}, r"row of whole numbers, got float64 of shape \(0,\)"),
        ({"labels": [[0, 1]]}, r"of shape \(1, 2\)"),
        ({"labels": [0.5, 1.5]}, "got float64"),
        ({"labels": LABELS, "val_fraction": -0.1}, "leave something for training, got val_fraction=-0.1"),
        ({"labels": LABELS, "val_fraction": 0.5, "test_fraction": 0.5}, "leave something for training"),
        ({"labels": LABELS, "test_fraction": float("nan")}, "test_fraction=nan"),
        ({"labels": [0] * 50 + [1] * 2}, "class 1 has 2: use larger fractions"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        stratified_split(**arguments)


SPLIT = Split(np.array([0, 1, 2]), np.array([3]), np.array([4, 5]))


def test_subjects_on_one_side_only_pass() -> None:
    assert_no_overlap(SPLIT, ["Ann", "Ann", "Bob", "Cem", "Dee", "Dee"])


@pytest.mark.parametrize(
    ("subjects", "words"),
    [
        (["Ann", "Ann", "Bob", "Ann", "Dee", "Dee"], "subject 'Ann' is in both train and val"),
        ([7, 7, 8, 9, 7, 8], "subject 7 and 1 more is in both train and test: split by subject, not by image"),
        (["Ann", "Ann", "Bob", "Cem", "Cem", "Dee"], "subject 'Cem' is in both val and test"),
    ],
)
def test_a_subject_on_both_sides_is_named_with_both_parts(subjects, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        assert_no_overlap(SPLIT, subjects)


def test_a_random_split_of_slices_is_caught() -> None:
    """Ten patients of twenty slices, split as if slices were independent."""
    patients = np.repeat(np.arange(10), 20)
    with pytest.raises(ValueError, match="subject 0 and 9 more is in both train and val"):
        assert_no_overlap(stratified_split(np.tile([0, 1], 100)), patients)


def test_each_case_needs_a_subject() -> None:
    with pytest.raises(ValueError, match="test points at case 5, but there are 5 subjects"):
        assert_no_overlap(SPLIT, ["Ann", "Ann", "Bob", "Cem", "Dee"])
    with pytest.raises(ValueError, match=r"one entry a case, got shape \(2, 3\)"):
        assert_no_overlap(SPLIT, [[1, 2, 3], [4, 5, 6]])


def test_empty_parts_share_nobody() -> None:
    nothing = np.array([], dtype=np.int64)
    assert_no_overlap(Split(np.array([0, 1]), nothing, nothing), ["Ann", "Ann"])
