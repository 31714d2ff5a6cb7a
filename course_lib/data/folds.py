"""Cross-validation that does not leak: each subject is in the test part of exactly one fold.

scikit-learn's splitters do the dealing (StratifiedKFold, GroupKFold, StratifiedGroupKFold).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.data.shifts import site_split
from course_lib.data.splits import Split, _check_lengths, _classes, _numbered

__all__ = ["site_folds", "stratified_folds", "stratified_subject_folds", "subject_folds"]


def stratified_folds(labels: ArrayLike, *, num_folds: int = 5, seed: int = 0) -> list[Split]:
    """Deal independent cases into folds so that each class has its share in each.

    With several images of one patient use `stratified_subject_folds`.

    Parameters
    ----------
    labels : (N,) whole numbers
        The class of each case.
    num_folds : int
        At least 2.
    seed : int
        The same seed gives the same folds.

    Returns
    -------
    list of Split
        One a fold: the fold is ``test``, all others are ``train``, ``val`` is empty.

    Raises
    ------
    ValueError
        If a class has fewer cases than there are folds.

    Examples
    --------
    >>> [len(fold.test) for fold in stratified_folds([0, 0, 0, 1, 1, 1], num_folds=3)]
    [2, 2, 2]
    """
    from sklearn.model_selection import StratifiedKFold  # here, since it takes a second

    classes = _classes(labels)
    _check_num_folds(num_folds)
    _check_classes(classes, np.arange(len(classes)), num_folds, "cases")
    splitter = StratifiedKFold(num_folds, shuffle=True, random_state=seed)
    return [_fold(test, len(classes)) for _, test in splitter.split(classes, classes)]


def subject_folds(subjects: ArrayLike, *, num_folds: int = 5, seed: int = 0) -> list[Split]:
    """Deal subjects into folds at random: all images of a patient are in one fold.

    Parameters
    ----------
    subjects : (N,) names or numbers
        Whose image each case is.
    num_folds : int
        At least 2, at most the number of subjects.
    seed : int
        The same seed gives the same folds.

    Returns
    -------
    list of Split
        One a fold: the fold is ``test``, all others are ``train``, ``val`` is empty.

    Raises
    ------
    ValueError
        If there are fewer subjects than folds, or a case has no subject.

    Examples
    --------
    >>> folds = subject_folds(["Ann", "Ann", "Bob", "Bob"], num_folds=2)
    >>> sorted(fold.test.tolist() for fold in folds)
    [[0, 1], [2, 3]]
    """
    from sklearn.model_selection import GroupKFold

    owners = _numbered(subjects, "subjects")
    _check_num_folds(num_folds)
    if owners.max() + 1 < num_folds:
        raise ValueError(f"{num_folds} folds need {num_folds} subjects, but there are {owners.max() + 1}")
    splitter = GroupKFold(num_folds, shuffle=True, random_state=seed)
    return [_fold(test, len(owners)) for _, test in splitter.split(owners, groups=owners)]


def stratified_subject_folds(
    labels: ArrayLike, subjects: ArrayLike, *, num_folds: int = 5, seed: int = 0
) -> list[Split]:
    """Deal subjects into folds so that each class has about its share of the images in each.

    Parameters
    ----------
    labels : (N,) whole numbers
        The class of each case; a subject may have several.
    subjects : (N,) names or numbers
        Whose image each case is.
    num_folds : int
        At least 2; each class needs as many subjects.
    seed : int
        The same seed gives the same folds.

    Returns
    -------
    list of Split
        One a fold: the fold is ``test``, all others are ``train``, ``val`` is empty.

    Raises
    ------
    ValueError
        If a class has fewer subjects than there are folds, or could not be dealt to each fold.

    Examples
    --------
    >>> folds = stratified_subject_folds([0, 0, 1, 1], ["Ann", "Bob", "Cem", "Dee"], num_folds=2)
    >>> [len(fold.test) for fold in folds]
    [2, 2]
    """
    from sklearn.model_selection import StratifiedGroupKFold

    classes, owners = _classes(labels), _numbered(subjects, "subjects")
    _check_lengths(labels=classes, subjects=owners)
    _check_num_folds(num_folds)
    _check_classes(classes, owners, num_folds, "subjects")
    splitter = StratifiedGroupKFold(num_folds, shuffle=True, random_state=seed)
    folds = [_fold(test, len(classes)) for _, test in splitter.split(classes, classes, owners)]
    for number, fold in enumerate(folds):
        missing = sorted(set(classes.tolist()) - set(classes[fold.test].tolist()))
        if missing:
            raise ValueError(f"class {missing[0]} is not in fold {number}: use fewer folds than {num_folds}")
    return folds


def site_folds(sites: ArrayLike, subjects: ArrayLike) -> list[Split]:
    """Leave each site out once: one fold a site, in the order of their names.

    Parameters
    ----------
    sites : (N,) names or numbers
        Where each case comes from.
    subjects : (N,) names or numbers
        Whose image each case is; of a subject seen at two sites, only the cases at the test site are kept.

    Returns
    -------
    list of Split
        One a site: the site is ``test``, all others are ``train``, ``val`` is empty.

    Raises
    ------
    ValueError
        If there is only one site, or a site shares its subjects with all others.

    Examples
    --------
    >>> [fold.test.tolist() for fold in site_folds(["B", "A", "B"], ["Ann", "Bob", "Cem"])]
    [[1], [0, 2]]
    """
    _numbered(sites, "sites")
    names = sorted(set(np.asarray(sites).tolist()), key=str)
    if len(names) < 2:
        raise ValueError(f"leaving a site out needs two sites, but all cases are from {names[0]!r}")
    return [site_split(sites, subjects, test_sites=[name]) for name in names]


def _check_num_folds(num_folds: int) -> None:
    if isinstance(num_folds, bool) or not isinstance(num_folds, int | np.integer) or num_folds < 2:
        raise ValueError(f"num_folds is a whole number of at least 2, got {num_folds!r}")


def _check_classes(classes: NDArray[np.integer], owners: NDArray[np.int64], num_folds: int, what: str) -> None:
    for value in np.unique(classes):
        found = len(np.unique(owners[classes == value]))
        if found < num_folds:
            raise ValueError(f"{num_folds} folds need {num_folds} {what} of each class, but class {value} has {found}")


def _fold(test: NDArray[np.int64], num_cases: int) -> Split:
    train = np.setdiff1d(np.arange(num_cases, dtype=np.int64), test)
    return Split(train, np.array([], dtype=np.int64), np.sort(test).astype(np.int64))
