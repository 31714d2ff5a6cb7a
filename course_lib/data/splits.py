"""Splits that do not leak: which cases are trained on, which choose, which judge."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Split", "assert_no_overlap", "stratified_split"]


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

    Cases are taken as independent: with several images of one patient, check the result with `assert_no_overlap`.

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
    classes = np.asarray(labels)
    if classes.ndim != 1 or classes.size == 0 or classes.dtype.kind not in "iub":
        raise ValueError(f"labels are a row of whole numbers, got {classes.dtype} of shape {classes.shape}")
    if not (val_fraction >= 0 and test_fraction >= 0 and val_fraction + test_fraction < 1):
        came = f"val_fraction={val_fraction} and test_fraction={test_fraction}"
        raise ValueError(f"the two fractions are at least 0 and leave something for training, got {came}")
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
            more = f" and {len(shared) - 1} more" if len(shared) > 1 else ""
            raise ValueError(
                f"subject {shared[0]!r}{more} is in both {first} and {second}: split by subject, not by image"
            )
