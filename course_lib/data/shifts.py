"""Splits that ask for more than a random one: a new hospital, a later year."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.data.splits import Split, _check_lengths, _numbered, _split_from

__all__ = ["site_split", "time_split"]


def site_split(sites: ArrayLike, subjects: ArrayLike, *, val_sites: ArrayLike = (), test_sites: ArrayLike) -> Split:
    """Leave whole sites (hospitals, scanners) out of the training, to see how a net does where it has never been.

    The test sites keep all their cases. Of a subject seen at sites of two parts, the cases at the other sites are in
    no part: out of training if also in val or test, out of val if also in test.

    Parameters
    ----------
    sites : (N,) names or numbers
        Where each case comes from.
    subjects : (N,) names or numbers
        Whose image each case is.
    val_sites, test_sites : names or numbers
        The sites left out, at least one for the test; all other sites are for training.

    Returns
    -------
    Split
        No site and no subject is in two parts.

    Raises
    ------
    ValueError
        If a site is unknown or in both lists, or nothing is left for a part.

    Examples
    --------
    >>> site_split(["A", "A", "B", "C"], [1, 2, 3, 4], test_sites=["B"]).train.tolist()
    [0, 1, 3]
    """
    owners = _numbered(subjects, "subjects")
    _check_lengths(sites=_numbered(sites, "sites"), subjects=owners)
    val, test, names = (np.asarray(row).tolist() for row in (val_sites, test_sites, sites))
    if not isinstance(val, list) or not isinstance(test, list) or not test:
        raise ValueError(f"test_sites and val_sites are lists of sites, the first not empty, got {test_sites!r}")
    unknown = [site for site in (*val, *test) if site not in names]
    if unknown:
        raise ValueError(f"no case is from site {unknown[0]!r}: the sites are {sorted(set(names), key=str)}")
    twice = [site for site in val if site in test]
    if twice:
        raise ValueError(f"site {twice[0]!r} is in val_sites and in test_sites: choose one")
    parts = np.array([2 if site in test else 1 if site in val else 0 for site in names])
    last = np.zeros(int(owners.max()) + 1, dtype=np.int64)
    np.maximum.at(last, owners, parts)
    parts = np.where(parts == last[owners], parts, -1)
    return _filled(parts, [0, *([1] if val else []), 2])


def time_split(times: ArrayLike, subjects: ArrayLike, *, val_from: object = None, test_from: object) -> Split:
    """Train on the past and test on what came later, as a net will be used.

    Of a subject seen in two parts, the later cases are in no part: their owner is known already.

    Parameters
    ----------
    times : (N,) numbers, numpy dates, or dates as text in the form 2024-05-31
        When each case was acquired.
    subjects : (N,) names or numbers
        Whose image each case is.
    val_from, test_from : as times
        The first moment of the two parts; without ``val_from``, val is empty.

    Returns
    -------
    Split
        All times in train are before all in val, and these before all in test; no subject is in two parts.

    Raises
    ------
    ValueError
        If a time is missing, the two moments are not in order, or nothing is left for a part.

    Examples
    --------
    >>> split = time_split([2019, 2020, 2021, 2021], ["Ann", "Bob", "Ann", "Cem"], test_from=2021)
    >>> split.train.tolist(), split.test.tolist()
    ([0, 1], [3])
    """
    owners, moments = _numbered(subjects, "subjects"), _moments(times)
    _check_lengths(times=moments, subjects=owners)
    starts = [_moments(np.asarray([start]))[0] for start in (val_from, test_from) if start is not None]
    if any((start.dtype.kind == "M") != (moments.dtype.kind == "M") for start in starts):
        raise ValueError(f"val_from and test_from are of the kind of times ({moments.dtype}), got {starts[-1]!r}")
    if len(starts) == 2 and not starts[0] < starts[1]:
        raise ValueError(f"val_from is before test_from, got {val_from} and {test_from}")
    parts = np.where(moments >= starts[-1], 2, np.where(moments >= starts[0], 1, 0))
    first = np.full(int(owners.max()) + 1, 2)
    np.minimum.at(first, owners, parts)
    parts = np.where(parts == first[owners], parts, -1)
    return _filled(parts, [0, *([1] if len(starts) == 2 else []), 2])


def _moments(times: ArrayLike) -> NDArray[np.generic]:
    row = np.asarray(times)
    try:
        row = row.astype("datetime64[s]") if row.dtype.kind in "UOM" else row.astype(np.float64)
    except (ValueError, TypeError) as error:
        raise ValueError(f"times are numbers or dates like 2024-05-31, got {row.tolist()[:1]!r} ({error})") from None
    if row.ndim != 1 or row.size == 0 or (row != row).any():
        raise ValueError(f"times are a row with one entry a case, none missing, got shape {row.shape}")
    return row


def _filled(parts: NDArray[np.int64], asked: list[int]) -> Split:
    for part in asked:
        if not (parts == part).any():
            name = ("training", "val", "test")[part]
            raise ValueError(f"nothing is left for {name}: choose other sites or times, or see who is in two parts")
    return _split_from(parts)
