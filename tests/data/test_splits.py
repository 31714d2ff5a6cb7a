"""Splits that do not leak."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.data import Split, assert_no_overlap, load_digits, stratified_split
from course_lib.data.splits import stratified_subject_split, subject_split

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
        ([7, 7, 8, 9, 7, 8], "subject 7 and 1 more are in both train and test: split by subject, not by image"),
        (["Ann", "Ann", "Bob", "Cem", "Cem", "Dee"], "subject 'Cem' is in both val and test"),
    ],
)
def test_a_subject_on_both_sides_is_named_with_both_parts(subjects, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        assert_no_overlap(SPLIT, subjects)


def test_a_random_split_of_slices_is_caught() -> None:
    """Ten patients of twenty slices, split as if slices were independent."""
    patients = np.repeat(np.arange(10), 20)
    with pytest.raises(ValueError, match="subject 0 and 9 more are in both train and val"):
        assert_no_overlap(stratified_split(np.tile([0, 1], 100)), patients)


def test_each_case_needs_a_subject() -> None:
    with pytest.raises(ValueError, match="test points at case 5, but there are 5 subjects"):
        assert_no_overlap(SPLIT, ["Ann", "Ann", "Bob", "Cem", "Dee"])
    with pytest.raises(ValueError, match=r"one entry a case, got shape \(2, 3\)"):
        assert_no_overlap(SPLIT, [[1, 2, 3], [4, 5, 6]])


def test_empty_parts_share_nobody() -> None:
    nothing = np.array([], dtype=np.int64)
    assert_no_overlap(Split(np.array([0, 1]), nothing, nothing), ["Ann", "Ann"])


# Tables of cases: whose each is and its class, in any mixture.
CASES = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 1)), min_size=1, max_size=80)
SEEDS = st.integers(0, 2**32 - 1)


def split_or_none(make, *arguments, **options) -> Split | None:
    """The split, or None where it says that something is too small."""
    try:
        return make(*arguments, **options)
    except ValueError as error:
        if not re.search("needs a subject", str(error)):
            raise
        return None


@given(CASES, st.floats(0, 0.45), st.floats(0, 0.45), SEEDS)
@settings(max_examples=100, deadline=None)
def test_splits_by_subject_never_share_a_subject(cases, val_fraction, test_fraction, seed) -> None:
    subjects, labels = [case[0] for case in cases], [case[1] for case in cases]
    options = {"val_fraction": val_fraction, "test_fraction": test_fraction, "seed": seed}
    for make, rows in ((subject_split, [subjects]), (stratified_subject_split, [labels, subjects])):
        split = split_or_none(make, *rows, **options)
        if split is not None:
            assert_no_overlap(split, subjects)
            assert sorted(np.concatenate(parts(split)).tolist()) == list(range(len(cases)))


def test_a_split_by_subject_has_its_share_of_subjects_and_follows_the_seed() -> None:
    patients = np.repeat(np.arange(10), 20)
    one, same, other = (subject_split(patients, seed=seed) for seed in (0, 0, 1))
    assert [len(np.unique(patients[part])) for part in parts(one)] == [6, 2, 2]
    assert np.array_equal(one.test, same.test)
    assert not np.array_equal(one.test, other.test)


def test_a_stratified_split_by_subject_keeps_the_shares_of_a_rare_class() -> None:
    """100 patients of 1 to 12 slices, one in five ill: each part has the classes' shares within 2 % of all."""
    sizes = np.random.default_rng(0).integers(1, 13, size=100)
    patients = np.repeat(np.arange(100), sizes)
    labels = (patients % 5 == 0).astype(int)
    for seed in range(5):
        split = stratified_subject_split(labels, patients, seed=seed)
        for part, share in zip(parts(split), (0.6, 0.2, 0.2), strict=True):
            found = np.bincount(labels[part]) / np.bincount(labels)
            assert np.abs(found - share).max() < 0.02
    other = stratified_subject_split(labels, patients, seed=9)
    assert not np.array_equal(split.test, other.test)


def test_subjects_may_have_images_of_both_classes() -> None:
    """Both eyes of 40 people, one eye of each second one ill."""
    people = np.repeat(np.arange(40), 2)
    labels = np.tile([0, 0, 0, 1], 20)
    split = stratified_subject_split(labels, people)
    assert_no_overlap(split, people)
    assert [int(labels[part].sum()) for part in parts(split)] == [12, 4, 4]


@pytest.mark.parametrize(
    ("make", "arguments", "words"),
    [
        (subject_split, {"subjects": []}, r"subjects are a row with one entry a case, got shape \(0,\)"),
        (subject_split, {"subjects": ["Ann", None]}, r"subjects names nobody at case 1 \(None\)"),
        (subject_split, {"subjects": [1.0, float("nan")]}, r"nobody at case 1 \(nan\)"),
        (subject_split, {"subjects": ["Ann", ""]}, "nobody at case 1"),
        (subject_split, {"subjects": [1, 1, 2]}, "each part needs a subject, but there are 2"),
        (subject_split, {"subjects": [1, 2], "val_fraction": 1}, "leave something for training"),
        (stratified_subject_split, {"labels": [0, 1], "subjects": [1]}, "one entry a case each, got 2 and 1"),
        (stratified_subject_split, {"labels": [0.5], "subjects": [1]}, "got float64"),
        (stratified_subject_split, {"labels": [0] * 9 + [1], "subjects": range(10)}, "class 1 has 1: use larger"),
    ],
)
def test_what_is_too_small_or_wrong_is_named(make, arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make(**arguments)
