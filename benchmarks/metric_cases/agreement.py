"""Kappa and rank correlation."""

from typing import Any

import numpy as np

from course_lib.metrics.agreement import quadratic_kappa_score, spearman_correlation
from metric_cases import Case


def grades(num_cases: int) -> tuple[np.ndarray, np.ndarray]:
    """Two readers of five grades, at most one step apart."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, 5, num_cases)
    return first, np.clip(first + rng.integers(-1, 2, num_cases), 0, 4)


def sklearn_kappa(first: np.ndarray, second: np.ndarray) -> Any:
    from sklearn.metrics import cohen_kappa_score

    return cohen_kappa_score(first, second, weights="quadratic", labels=np.arange(5))


def torchmetrics_kappa(first: np.ndarray, second: np.ndarray) -> Any:
    import torch
    from torchmetrics.functional.classification import multiclass_cohen_kappa

    readers = torch.from_numpy(first), torch.from_numpy(second)
    return multiclass_cohen_kappa(*readers, num_classes=5, weights="quadratic").item()


def scipy_spearman(first: np.ndarray, second: np.ndarray) -> Any:
    from scipy.stats import spearmanr

    return spearmanr(first, second).statistic


def ours(first: np.ndarray, second: np.ndarray) -> float:
    return quadratic_kappa_score(first, second, num_classes=5)


def about(one: float, other: float) -> bool:
    """Whether two answers are the same in the single precision of one of the peers."""
    return abs(one - other) < 1e-5


PEERS = {"scikit-learn": sklearn_kappa, "torchmetrics": torchmetrics_kappa}

CASES = [
    Case("quadratic kappa, 1,000 cases", lambda quick: grades(1_000), ours, 10, PEERS, about),
    Case("quadratic kappa, 10⁶ cases", lambda quick: grades(10**5 if quick else 10**6), ours, 10, PEERS, about),
    Case(
        "Spearman, 10⁵ cases with ties",
        *(lambda quick: grades(10**4 if quick else 10**5), spearman_correlation, 1, {"scipy": scipy_spearman}),
    ),
]
