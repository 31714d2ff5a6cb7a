"""Cross-validation that does not leak."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.data.folds import site_folds, stratified_folds, stratified_subject_folds, subject_folds
from course_lib.data.splits import assert_no_overlap

CASES = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 1), st.integers(0, 3)), min_size=1, max_size=80)
TOO_SMALL = ("folds need", "is not in fold", "nothing is left", "needs two sites")


def folds_or_none(make, *arguments, **options):
    """The folds, or none where the function says that something is too small."""
    try:
        return make(*arguments, **options)
    except ValueError as error:
        if not any(words in str(error) for words in TOO_SMALL):
            raise
        return []


@given(CASES, st.integers(2, 6), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_no_fold_shares_a_subject_and_each_case_is_tested_once(cases, num_folds, seed) -> None:
    subjects, labels, sites = ([case[column] for case in cases] for column in range(3))
    for make, rows in ((subject_folds, [subjects]), (stratified_subject_folds, [labels, subjects])):
        folds = folds_or_none(make, *rows, num_folds=num_folds, seed=seed)
        for fold in folds:
            assert_no_overlap(fold, subjects)
        if folds:
            assert len(folds) == num_folds
            assert sorted(np.concatenate([fold.test for fold in folds]).tolist()) == list(range(len(cases)))
            assert all(len(fold.train) + len(fold.test) == len(cases) for fold in folds)
    for fold in folds_or_none(site_folds, sites, subjects):
        assert_no_overlap(fold, subjects)
        assert_no_overlap(fold, sites)


def test_each_class_has_its_share_in_each_fold() -> None:
    labels = np.repeat([0, 1], [80, 20])
    assert [np.bincount(labels[fold.test]).tolist() for fold in stratified_folds(labels)] == [[16, 4]] * 5
    patients = np.repeat(np.arange(50), 2)
    folds = stratified_subject_folds(labels, patients)
    assert [np.bincount(labels[fold.test]).tolist() for fold in folds] == [[16, 4]] * 5


@pytest.mark.parametrize("make", [stratified_folds, subject_folds])
def test_the_seed_decides(make) -> None:
    row = np.repeat(np.arange(10), 10)
    one, same, other = (make(row, seed=seed)[0].test for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_folds_are_rising_int64_arrays_without_val() -> None:
    for fold in subject_folds([3, 1, 2, 1, 3], num_folds=3):
        assert fold.train.dtype == fold.test.dtype == fold.val.dtype == np.int64
        assert fold.val.size == 0
        assert (np.diff(fold.train) > 0).all()
        assert (np.diff(fold.test) > 0).all()


@pytest.mark.parametrize(
    ("make", "arguments", "words"),
    [
        (stratified_folds, {"labels": [0] * 9 + [1]}, "5 folds need 5 cases of each class, but class 1 has 1"),
        (stratified_folds, {"labels": [0, 0], "num_folds": 1}, "at least 2, got 1"),
        (stratified_folds, {"labels": [0, 0], "num_folds": 2.0}, "whole number of at least 2, got 2.0"),
        (subject_folds, {"subjects": [1, 1, 2], "num_folds": 3}, "3 folds need 3 subjects, but there are 2"),
        (subject_folds, {"subjects": [None, 1]}, "nobody at case 0"),
        (
            stratified_subject_folds,
            {"labels": [0, 1, 1, 1], "subjects": [1, 2, 2, 2], "num_folds": 2},
            "2 folds need 2 subjects of each class, but class 0 has 1",
        ),
        (stratified_subject_folds, {"labels": [0, 1], "subjects": [1]}, "got 2 and 1"),
        (site_folds, {"sites": ["A", "A"], "subjects": [1, 2]}, "all cases are from 'A'"),
        (site_folds, {"sites": ["A", "B"], "subjects": [1, 1]}, "nothing is left for training"),
    ],
)
def test_what_is_too_small_is_named(make, arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make(**arguments)
