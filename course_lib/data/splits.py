"""Splits that do not leak: which cases are trained on, which choose, which judge."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Split",
    "assert_no_overlap",
    "stratified_split",
    "stratified_subject_split",
    "subject_split",
]


@dataclass(frozen=True, eq=False)
class Split:
    """Places of the cases in three parts, as rising int64 arrays; a part may be empty.

    Parameters
    ----------
    train : (N_train,) int64 array
        What the net learns from.
    val : (N_val,) int64 array
        What chooses between nets, epochs and thresholds.
    test : (N_test,) int64 array
        What judges, once, at the end.
    """

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]


def stratified_split(
    labels: ArrayLike, *, val_fraction: float = 0.2, test_fraction: float = 0.2, seed: int = 0
) -> Split:
    """Split at random so that each class has its share in each part (to the nearest whole case).

    Cases are taken as independent: with several images of one patient, use `stratified_subject_split`.

    Parameters
    ----------
    labels : (N,) whole numbers
        The class of each case.
    val_fraction, test_fraction : float
        Shares of the two parts, 0 … 1 (0 gives an empty part); what is left, more than nothing, is for training.
    seed : int
        The same seed gives the same split.

    Returns
    -------
    Split
        Every case is in exactly one part.

    Raises
    ------
    ValueError
        If the labels or fractions are not these, or a class is too small to be in every part asked for.

    Examples
    --------
    >>> split = stratified_split([0, 0, 0, 0, 0, 1, 1, 1, 1, 1], seed=0)
    >>> len(split.train), len(split.val), len(split.test)
    (6, 2, 2)
    """
    classes = _classes(labels)
    _check_fractions(val_fraction, test_fraction)
    generator = np.random.default_rng(seed)
    parts: list[list[NDArray[np.int64]]] = [[], [], []]
    for label in np.unique(classes):
        places = generator.permutation(np.flatnonzero(classes == label))
        num_val, num_test = (round(fraction * len(places)) for fraction in (val_fraction, test_fraction))
        pieces = np.split(places, [len(places) - num_val - num_test, len(places) - num_test])
        for part, piece, share in zip(parts, pieces, (1, val_fraction, test_fraction), strict=True):
            if share > 0 and len(piece) == 0:
                came = f"class {label} has {len(places)}"
                raise ValueError(
                    f"each class needs a case in each part, but {came}: use larger fractions, or drop the class"
                )
            part.append(piece)
    train, val, test = (np.sort(np.concatenate(part)).astype(np.int64) for part in parts)
    return Split(train, val, test)


def subject_split(
    subjects: ArrayLike, *, val_fraction: float = 0.2, test_fraction: float = 0.2, seed: int = 0
) -> Split:
    """Split at random by subject: all images of a patient are in one part.

    Parameters
    ----------
    subjects : (N,) names or numbers
        Whose image each case is.
    val_fraction, test_fraction : float
        Shares of the subjects (not of the images) in the two parts; 0 gives an empty part.
    seed : int
        The same seed gives the same split.

    Returns
    -------
    Split
        Every case is in exactly one part, and so is every subject.

    Raises
    ------
    ValueError
        If a case has no subject, or there are too few subjects for one in each part asked for.

    Examples
    --------
    >>> split = subject_split(["Ann", "Ann", "Bob", "Bob", "Cem"], val_fraction=0.3, test_fraction=0.3)
    >>> len(split.train) + len(split.val) + len(split.test)
    5
    """
    owners = _numbered(subjects, "subjects")
    _check_fractions(val_fraction, test_fraction)
    num_subjects = int(owners.max()) + 1
    num_val, num_test = (round(fraction * num_subjects) for fraction in (val_fraction, test_fraction))
    num_train = num_subjects - num_val - num_test
    for count, share in ((num_train, 1), (num_val, val_fraction), (num_test, test_fraction)):
        if share > 0 and count < 1:
            raise ValueError(f"each part needs a subject, but there are {num_subjects}: use other fractions")
    order = np.random.default_rng(seed).permutation(num_subjects)
    part_of_subject = np.zeros(num_subjects, dtype=np.int64)
    part_of_subject[order[num_train : num_train + num_val]] = 1
    part_of_subject[order[num_train + num_val :]] = 2
    return _split_from(part_of_subject[owners])


def stratified_subject_split(
    labels: ArrayLike,
    subjects: ArrayLike,
    *,
    val_fraction: float = 0.2,
    test_fraction: float = 0.2,
    seed: int = 0,
) -> Split:
    """Split by subject so that each class has about its share of the images in each part.

    Subjects are dealt one by one, those with most images first and ties at random, each to the part that then comes
    nearest to its wanted number of images of every class. A subject may have images of several classes.

    Parameters
    ----------
    labels : (N,) whole numbers
        The class of each case.
    subjects : (N,) names or numbers
        Whose image each case is.
    val_fraction, test_fraction : float
        Shares of each class's images in the two parts; 0 gives an empty part.
    seed : int
        The same seed gives the same split.

    Returns
    -------
    Split
        Every case is in exactly one part, and so is every subject.

    Raises
    ------
    ValueError
        If rows differ in length, or a class has too few subjects to be in each part asked for.

    Examples
    --------
    >>> split = stratified_subject_split([0] * 10 + [1] * 10, np.repeat(np.arange(10), 2))
    >>> np.asarray([0] * 10 + [1] * 10)[split.test].tolist()
    [0, 0, 1, 1]
    """
    classes, owners = _classes(labels), _numbered(subjects, "subjects")
    _check_lengths(labels=classes, subjects=owners)
    _check_fractions(val_fraction, test_fraction)
    values, places = np.unique(classes, return_inverse=True)
    counts = np.zeros((int(owners.max()) + 1, len(values)))
    np.add.at(counts, (owners, places), 1)
    shares = np.array([1 - val_fraction - test_fraction, val_fraction, test_fraction])
    part_of_subject = _deal(counts, shares, seed)
    for part in np.flatnonzero(shares):
        for value, found in zip(values, counts[part_of_subject == part].sum(axis=0), strict=True):
            if found == 0:
                came = f"class {value} has {np.count_nonzero(counts[:, values == value])}"
                raise ValueError(f"each class needs a subject in each part, but {came}: use larger fractions")
    return _split_from(part_of_subject[owners])


def assert_no_overlap(split: Split, subjects: ArrayLike) -> None:
    """Stop if a subject (patient, writer, surgeon) is in more than one part of the split.

    Parameters
    ----------
    split : Split
    subjects : (N,) names or numbers
        Whose image each case is, for all cases that the split points at.

    Raises
    ------
    ValueError
        If a subject is in two parts (the message names it and both parts), or the split points outside ``subjects``.

    Examples
    --------
    >>> split = Split(np.array([0, 1]), np.array([2]), np.array([3]))
    >>> assert_no_overlap(split, ["Ann", "Ann", "Bob", "Cem"])
    """
    names = np.asarray(subjects)
    if names.ndim != 1:
        raise ValueError(f"subjects are a row with one entry a case, got shape {names.shape}")
    owners = {}
    for part, places in (("train", split.train), ("val", split.val), ("test", split.test)):
        if places.size and not (places.min() >= 0 and places.max() < len(names)):
            raise ValueError(
                f"{part} points at case {places.max()}, but there are {len(names)} subjects: one a case is needed"
            )
        owners[part] = set(names[places].tolist())
    for first, second in (("train", "val"), ("train", "test"), ("val", "test")):
        shared = sorted(owners[first] & owners[second], key=str)
        if shared:
            who = f"{shared[0]!r} and {len(shared) - 1} more are" if len(shared) > 1 else f"{shared[0]!r} is"
            raise ValueError(f"subject {who} in both {first} and {second}: split by subject, not by image")


def _classes(labels: ArrayLike) -> NDArray[np.integer]:
    classes = np.asarray(labels)
    if classes.ndim != 1 or classes.size == 0 or classes.dtype.kind not in "iub":
        raise ValueError(f"labels are a row of whole numbers, got {classes.dtype} of shape {classes.shape}")
    return classes


def _numbered(names: ArrayLike, what: str) -> NDArray[np.int64]:
    """Give each different name a number, 0 … K − 1; a case without a name would be everybody's."""
    row = np.asarray(names)
    if row.ndim != 1 or row.size == 0:
        raise ValueError(f"{what} are a row with one entry a case, got shape {row.shape}")
    for place, name in enumerate(row.tolist()):
        if name is None or name != name or name == "":
            raise ValueError(f"{what} names nobody at case {place} ({name!r}): fill it in, or leave the case out")
    return np.unique(row.astype(str) if row.dtype.kind == "O" else row, return_inverse=True)[1].astype(np.int64)


def _check_lengths(**rows: NDArray[np.generic]) -> None:
    (first, one), (second, other) = rows.items()
    if len(one) != len(other):
        raise ValueError(f"{first} and {second} have one entry a case each, got {len(one)} and {len(other)}")


def _check_fractions(val_fraction: float, test_fraction: float) -> None:
    if not (val_fraction >= 0 and test_fraction >= 0 and val_fraction + test_fraction < 1):
        came = f"val_fraction={val_fraction} and test_fraction={test_fraction}"
        raise ValueError(f"the two fractions are at least 0 and leave something for training, got {came}")


def _deal(counts: NDArray[np.float64], shares: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """Deal subjects (S, K images of each class) to the parts, near to their shares; the part of each, (S,)."""
    wanted = shares[:, None] * counts.sum(axis=0)
    part_of_subject = np.zeros(len(counts), dtype=np.int64)
    order = np.random.default_rng(seed).permutation(len(counts))
    for subject in order[np.argsort(-counts[order].sum(axis=1), kind="stable")]:
        mine = counts[subject]
        # The change of Σ (missing / all of the class)², were the subject to go to each part.
        change = ((mine * (mine - 2 * wanted)) / counts.sum(axis=0) ** 2).sum(axis=1)
        part = int(np.argmin(np.where(shares > 0, change, np.inf)))
        part_of_subject[subject] = part
        wanted[part] -= mine
    return part_of_subject


def _split_from(parts: NDArray[np.int64]) -> Split:
    """Make the split from the part of each case: 0 train, 1 val, 2 test, below 0 none."""
    train, val, test = (np.flatnonzero(parts == part).astype(np.int64) for part in range(3))
    return Split(train, val, test)
