"""Splits by site and by time that share no subject."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.data.shifts import site_split, time_split
from course_lib.data.splits import Split, assert_no_overlap

# Tables of cases: whose each is, its site and its year, in any mixture.
CASES = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 3), st.integers(2015, 2024)), min_size=1, max_size=80)


def parts(split: Split) -> list[np.ndarray]:
    return [split.train, split.val, split.test]


def split_or_none(make, *arguments, **options) -> Split | None:
    """The split, or None where it says that something is too small."""
    try:
        return make(*arguments, **options)
    except ValueError as error:
        if not re.search("nothing is left|no case is from", str(error)):
            raise
        return None


@given(CASES, st.booleans())
@settings(max_examples=100, deadline=None)
def test_splits_by_site_share_neither_site_nor_subject(cases, with_val) -> None:
    subjects, sites = [case[0] for case in cases], np.array([case[1] for case in cases])
    split = split_or_none(site_split, sites, subjects, val_sites=[1] if with_val else [], test_sites=[0])
    if split is not None:
        assert_no_overlap(split, subjects)
        assert_no_overlap(split, sites)
        assert split.test.tolist() == np.flatnonzero(sites == 0).tolist()


@given(CASES, st.integers(2016, 2020), st.integers(2021, 2024))
@settings(max_examples=100, deadline=None)
def test_splits_by_time_share_no_subject_and_train_on_the_past(cases, val_from, test_from) -> None:
    subjects, years = [case[0] for case in cases], np.array([case[2] for case in cases])
    split = split_or_none(time_split, years, subjects, val_from=val_from, test_from=test_from)
    if split is not None:
        assert_no_overlap(split, subjects)
        assert years[split.train].max() < val_from <= years[split.val].min()
        assert years[split.val].max() < test_from <= years[split.test].min()
        assert split.train.tolist() == np.flatnonzero(years < val_from).tolist()


def test_a_traveller_between_sites_is_left_out_of_training() -> None:
    split = site_split(["A", "A", "B", "C"], ["Ann", "Bob", "Ann", "Cem"], val_sites=["C"], test_sites=["B"])
    assert [part.tolist() for part in parts(split)] == [[1], [3], [2]]


def test_sites_may_be_arrays() -> None:
    sites = np.array(["A", "B", "C", "D"])
    split = site_split(sites, np.arange(4), val_sites=sites[:1], test_sites=sites[2:])
    assert [part.tolist() for part in parts(split)] == [[1], [0], [2, 3]]


def test_who_was_trained_on_is_left_out_of_the_later_test() -> None:
    days = ["2020-01-01", "2021-06-30", "2021-07-01", "2022-01-01"]
    split = time_split(days, ["Ann", "Bob", "Cem", "Ann"], test_from="2021-07-01")
    assert [part.tolist() for part in parts(split)] == [[0, 1], [], [2]]
    same = time_split(np.array(days, dtype="datetime64[D]"), [1, 2, 3, 1], test_from=np.datetime64("2021-07-01"))
    assert np.array_equal(same.test, split.test)


@pytest.mark.parametrize(
    ("make", "arguments", "words"),
    [
        (site_split, {"sites": ["A", "B"], "subjects": [1, 2], "test_sites": []}, "the first not empty"),
        (site_split, {"sites": ["A", "B"], "subjects": [1, 2], "test_sites": "B"}, "are lists of sites"),
        (site_split, {"sites": ["A", "B"], "subjects": [1, 2], "test_sites": ["C"]}, "no case is from site 'C'"),
        (
            site_split,
            {"sites": ["A", "B"], "subjects": [1, 2], "test_sites": ["B"], "val_sites": ["B"]},
            "'B' is in val_sites and in test_sites",
        ),
        (site_split, {"sites": ["A", "B"], "subjects": [1, 1], "test_sites": ["B"]}, "nothing is left for training"),
        (site_split, {"sites": ["A"], "subjects": [1, 1], "test_sites": ["A"]}, "got 1 and 2"),
        (time_split, {"times": [1, 2], "subjects": [1, 2], "test_from": 3}, "nothing is left for test"),
        (time_split, {"times": [1, 2], "subjects": [1, 2], "test_from": 1}, "nothing is left for training"),
        (time_split, {"times": [1, 2], "subjects": [1, 2], "val_from": 2, "test_from": 2}, "before test_from, got 2"),
        (time_split, {"times": [1, float("nan")], "subjects": [1, 2], "test_from": 2}, "none missing"),
        (time_split, {"times": ["May", "June"], "subjects": [1, 2], "test_from": 2}, "dates like 2024-05-31"),
        (time_split, {"times": [1, 2], "subjects": [1, 2], "test_from": "2020-01-01"}, "of the kind of times"),
    ],
)
def test_what_is_too_small_or_wrong_is_named(make, arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make(**arguments)
