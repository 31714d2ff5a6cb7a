"""Labels of a crowd: annotators who are careful, sloppy, biased, careless or contrary, and the truth they were shown.

A phantom of people: give it the true labels of any data, real or not, and it answers as a crowd would. An annotator is
a confusion matrix, as Dawid and Skene have it: rows are the truth, columns the answer. Hard items move every annotator
towards their habit, so that errors go together, which that model does not know of. Everybody sees only some items.

Numbers: the median Cohen's kappa of experts is 0.48 to 0.79, depending on what they look for, and that of a crowd is
about as high (Kentley 2023, structures in pigmented lesions: 0.395 to 0.798). Chosen: the matrices, how many of each
kind, hardness, three to seven votes an item.

Lacks: learning and tiring, time per item, copying from each other, and items that are hard in one way only.

References
----------
A. P. Dawid and A. M. Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm", Applied
Statistics 28, 1979 (the model); S. Albarqouni and others, "AggNet: deep learning from crowds for mitosis detection",
IEEE Transactions on Medical Imaging 35, 2016 (the lecture's case); J. R. Landis and G. G. Koch, "The measurement of
observer agreement for categorical data", Biometrics 33, 1977 (words for kappa); J. Kentley and others, "Agreement
between experts and an untrained crowd for identifying dermoscopic features", JMIR Medical Informatics 11, 2023.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["ANNOTATOR_KINDS", "DEFAULT_CROWD", "CrowdLabels", "ask_crowd", "make_crowd_labels"]

ANNOTATOR_KINDS = ("expert", "sloppy", "biased", "spammer", "adversary")
"""On easy items right 95 % of the time; 80 %; leaning to the last class; answering without looking; wrong 80 %."""
DEFAULT_CROWD = (*["expert"] * 2, *["sloppy"] * 6, *["biased"] * 3, *["spammer"] * 3, "adversary")
"""Fifteen annotators."""
NO_VOTE = -1


@dataclass(frozen=True, eq=False)
class CrowdLabels:
    """What a crowd said of N items, and the truth.

    Parameters
    ----------
    votes : (N, A) int64 array
        The label that each of A annotators gave, or −1 where they were not asked.
    truth : (N,) int64 array, 0 … K − 1
    hardness : (N,) float32 array, 0 … 1
        How far an item moves everybody from their skill towards their habit.
    confusions : (A, K, K) float64 array
        Truth about the annotators, averaged over the hardness: row t holds the probabilities of each answer when t is
        true, and adds up to 1.
    kinds : tuple of A names
        Of `ANNOTATOR_KINDS`.
    """

    votes: NDArray[np.int64]
    truth: NDArray[np.int64]
    hardness: NDArray[np.float32]
    confusions: NDArray[np.float64]
    kinds: tuple[str, ...]

    @property
    def counts(self) -> NDArray[np.int64]:
        """(N, K) how many votes each label got."""
        return (self.votes[:, :, None] == np.arange(self.confusions.shape[2])).sum(axis=1)


def make_crowd_labels(
    count: int,
    *,
    seed: int = 0,
    prevalences: tuple[float, ...] = (0.7, 0.3),
    crowd: tuple[str, ...] = DEFAULT_CROWD,
    votes_per_item: tuple[int, int] = (3, 7),
    max_hardness: float = 0.3,
) -> CrowdLabels:
    """Draw true labels, and ask a crowd for them.

    Parameters
    ----------
    count : int
        Number of items, at least 0; more of them never change the first ones.
    seed : int
        The same seed gives the same items, annotators and votes.
    prevalences : tuple of K numbers
        Share of each class, above 0, 1 in sum; at least two.
    crowd, votes_per_item, max_hardness
        As for `ask_crowd`.

    Returns
    -------
    CrowdLabels
        `count` items.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> answers = make_crowd_labels(100)
    >>> answers.votes.shape, int((answers.votes >= 0).sum(axis=1).min())
    ((100, 15), 3)
    """
    if count < 0:
        raise ValueError(f"count is at least 0, got {count}")
    shares = np.asarray(prevalences, dtype=np.float64)
    if shares.ndim != 1 or len(shares) < 2 or not (shares > 0).all() or not np.isclose(shares.sum(), 1):
        raise ValueError(f"prevalences are two shares or more, above 0, that add up to 1, got {prevalences}")
    drawn = np.random.default_rng([seed, 0]).random(count)
    truth = np.minimum(np.searchsorted(np.cumsum(shares), drawn, side="right"), len(shares) - 1)
    return ask_crowd(
        truth,
        seed=seed,
        num_classes=len(shares),
        crowd=crowd,
        votes_per_item=votes_per_item,
        max_hardness=max_hardness,
    )


def ask_crowd(
    labels: ArrayLike,
    *,
    seed: int = 0,
    num_classes: int,
    crowd: tuple[str, ...] = DEFAULT_CROWD,
    votes_per_item: tuple[int, int] = (3, 7),
    max_hardness: float = 0.3,
) -> CrowdLabels:
    """Ask a crowd for the labels of items whose truth is known, such as real nuclei.

    Parameters
    ----------
    labels : (N,) array of whole numbers, 0 … K − 1
        The truth.
    seed : int
        The same seed gives the same annotators and votes.
    num_classes : int
        K, at least 2.
    crowd : tuple of names
        The kind of each annotator, of `ANNOTATOR_KINDS`.
    votes_per_item : (int, int)
        Fewest and most annotators asked for an item, between 1 and the size of the crowd; who and how many is drawn.
    max_hardness : float
        Hardness is uniform from 0 to here, 0 … 1; 0 is exactly the model of Dawid and Skene.

    Returns
    -------
    CrowdLabels
        One row of votes an item; no row depends on another.

    Raises
    ------
    ValueError
        If an argument is outside its range.
    TypeError
        If the labels are not whole numbers.

    Examples
    --------
    >>> ask_crowd([0, 1, 2], num_classes=3, crowd=("expert", "spammer"), votes_per_item=(2, 2)).counts.sum(axis=1)
    array([2, 2, 2])
    """
    truth = np.asarray(labels)
    _check(truth, num_classes, crowd, votes_per_item, max_hardness)
    truth, size = truth.astype(np.int64), len(crowd)
    hard, who, how_many, said = (np.random.default_rng([seed, stream]) for stream in range(1, 5))
    hardness = max_hardness * hard.random(len(truth))
    skills = np.stack([_skill(kind, num_classes, [seed, 5, place]) for place, kind in enumerate(crowd)])  # (A, K, K)
    habits = skills.mean(axis=1)  # (A, K): what each tends to say
    weight = hardness[:, None, None]
    chances = (1 - weight) * skills[:, truth].transpose(1, 0, 2) + weight * habits  # (N, A, K)
    answers = (said.random((len(truth), size, 1)) > np.cumsum(chances, axis=2)[..., :-1]).sum(axis=2)
    asked = how_many.integers(votes_per_item[0], votes_per_item[1] + 1, size=len(truth))
    rank = who.random((len(truth), size)).argsort(axis=1).argsort(axis=1)
    votes = np.where(rank < asked[:, None], answers, NO_VOTE)
    mean = max_hardness / 2
    confusions = (1 - mean) * skills + mean * habits[:, None, :]
    return CrowdLabels(votes, truth, hardness.astype(np.float32), confusions, tuple(crowd))


def _skill(kind: str, num_classes: int, seed: list[int]) -> NDArray[np.float64]:
    """Confusion matrix of an annotator on the easiest item; people of one kind differ a little."""
    rng = np.random.default_rng(seed)
    if kind == "spammer":  # one says always the same, the next says anything
        same = np.eye(num_classes)[rng.integers(num_classes)]
        return np.tile(same if rng.random() < 0.5 else np.full(num_classes, 1 / num_classes), (num_classes, 1))
    right = {"expert": 0.95, "sloppy": 0.8, "biased": 0.9, "adversary": 0.2}[kind] + rng.uniform(-0.04, 0.04)
    wrong = rng.dirichlet(np.full(num_classes - 1, 5.0), size=num_classes) * (1 - right)  # (K, K − 1)
    matrix = right * np.eye(num_classes)
    matrix[~np.eye(num_classes, dtype=bool)] = wrong.ravel()
    if kind == "biased":
        matrix = 0.65 * matrix + 0.35 * np.eye(num_classes)[-1]
    return matrix


def _check(
    truth: NDArray[Any],
    num_classes: int,
    crowd: tuple[str, ...],
    votes_per_item: tuple[int, int],
    max_hardness: float,
) -> None:
    if num_classes < 2:
        raise ValueError(f"num_classes is at least 2, got {num_classes}")
    if truth.size and truth.dtype.kind not in "iub":
        raise TypeError(f"labels need whole numbers, got {truth.dtype}")
    if truth.ndim != 1 or (truth.size and not (truth.min() >= 0 and truth.max() < num_classes)):
        raise ValueError(f"labels are a row of numbers from 0 to {num_classes - 1}, got {truth.tolist()!r:.60}")
    unknown = [kind for kind in crowd if kind not in ANNOTATOR_KINDS]
    if not crowd or unknown:
        raise ValueError(
            f"crowd needs names of {', '.join(ANNOTATOR_KINDS)}, got {unknown[0] if crowd else 'nobody'!r}"
        )
    fewest, most = votes_per_item
    if not 1 <= fewest <= most <= len(crowd):
        raise ValueError(f"votes_per_item needs 1 ≤ fewest ≤ most ≤ {len(crowd)} annotators, got {votes_per_item}")
    if not 0 <= max_hardness <= 1:
        raise ValueError(f"max_hardness is a share from 0 to 1, got {max_hardness}")
