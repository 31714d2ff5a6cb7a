"""Confusion, curves and their intervals."""

from typing import Any

import numpy as np

from course_lib.metrics.bootstrap import bootstrap_auc
from course_lib.metrics.classification import confusion_matrix
from course_lib.metrics.curves import average_precision, roc_auc
from course_lib.metrics.delong import compare_auc, delong_auc
from course_lib.metrics.multilabel import roc_auc_per_label
from metric_cases import Case


def scored(num_cases: int, *shape: int, prevalence: float = 0.1) -> tuple[np.ndarray, ...]:
    """Labels as bool, which the peers take quickest, and scores of 64 bits within 0 to 1, as one of them wants."""
    rng = np.random.default_rng(0)
    y_true = rng.random((num_cases, *shape)) < prevalence
    return y_true, 1 / (1 + np.exp(-rng.normal(y_true, 1)))


def sklearn_auc(y_true: np.ndarray, y_score: np.ndarray) -> Any:
    from sklearn.metrics import roc_auc_score

    return roc_auc_score(y_true, y_score, average=None)


def scipy_auc(y_true: np.ndarray, y_score: np.ndarray) -> Any:
    from scipy.stats import mannwhitneyu

    positives, negatives = y_score[y_true], y_score[~y_true]
    return mannwhitneyu(positives, negatives, method="asymptotic").statistic / len(positives) / len(negatives)


def torchmetrics_auc(y_true: np.ndarray, y_score: np.ndarray) -> Any:
    import torch
    from torchmetrics.functional.classification import binary_auroc, multilabel_auroc

    score, true = torch.from_numpy(y_score), torch.from_numpy(y_true).long()
    if y_true.ndim == 1:
        return binary_auroc(score, true).item()
    return multilabel_auroc(score, true, num_labels=y_true.shape[1], average=None).numpy()


def monai_auc(y_true: np.ndarray, y_score: np.ndarray) -> Any:
    import torch
    from monai.metrics import compute_roc_auc

    return compute_roc_auc(torch.from_numpy(y_score), torch.from_numpy(y_true).long())


def sklearn_average_precision(y_true: np.ndarray, y_score: np.ndarray) -> Any:
    from sklearn.metrics import average_precision_score

    return average_precision_score(y_true, y_score)


def torchmetrics_average_precision(y_true: np.ndarray, y_score: np.ndarray) -> Any:
    import torch
    from torchmetrics.functional.classification import binary_average_precision

    return binary_average_precision(torch.from_numpy(y_score), torch.from_numpy(y_true).long()).item()


def bootstrap_by_loop(y_true: np.ndarray, y_score: np.ndarray, num_resamples: int) -> Any:
    """Draw and ask scikit-learn, again and again."""
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    classes, areas = [np.flatnonzero(y_true), np.flatnonzero(~y_true)], []
    for _ in range(num_resamples):
        drawn = np.concatenate([rng.choice(members, len(members)) for members in classes])
        areas.append(roc_auc_score(y_true[drawn], y_score[drawn]))
    return np.quantile(areas, [0.025, 0.975])


def bootstrap_by_scipy(y_true: np.ndarray, y_score: np.ndarray, num_resamples: int) -> Any:
    """Let scipy draw both classes; its statistic is the share of pairs, all resamples of a batch at once."""
    from scipy.stats import bootstrap

    def area(positives: np.ndarray, negatives: np.ndarray, axis: int) -> np.ndarray:
        apart = positives[..., :, np.newaxis] - negatives[..., np.newaxis, :]
        return np.mean((apart > 0) + 0.5 * (apart == 0), axis=(-2, -1))

    samples = y_score[y_true], y_score[~y_true]
    found = bootstrap(samples, area, n_resamples=num_resamples, method="percentile", vectorized=True, batch=50, rng=0)
    return found.confidence_interval.low, found.confidence_interval.high


def midranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, ties in the middle, by walking through the sorted values, as Sun and Xu write it."""
    order, ranks, i = np.argsort(values), np.empty(len(values)), 0
    ranked = values[order]
    while i < len(values):
        j = i
        while j < len(values) and ranked[j] == ranked[i]:
            j += 1
        ranks[i:j] = (i + j + 1) / 2
        i = j
    placed = np.empty(len(values))
    placed[order] = ranks
    return placed


def delong_by_midranks(y_true: np.ndarray, *y_scores: np.ndarray) -> np.ndarray:
    """Areas and their covariance by midranks: the published fast algorithm."""
    num_positives, num_negatives = np.count_nonzero(y_true), np.count_nonzero(~y_true)
    v10, v01 = [], []
    for score in y_scores:
        positives, negatives = score[y_true], score[~y_true]
        together = midranks(np.concatenate([positives, negatives]))
        v10.append((together[:num_positives] - midranks(positives)) / num_negatives)
        v01.append(1 - (together[num_positives:] - midranks(negatives)) / num_positives)
    covariance = np.atleast_2d(np.cov(v10)) / num_positives + np.atleast_2d(np.cov(v01)) / num_negatives
    signs = np.array([1.0, -1.0])[: len(y_scores)]
    return np.array([signs @ np.mean(v10, axis=1), np.sqrt(signs @ covariance @ signs)])


def delong_by_pairs(y_true: np.ndarray, *y_scores: np.ndarray) -> np.ndarray:
    """Areas and their covariance from each pair: the definition, one positive at a time."""
    v10, v01 = [], []
    for score in y_scores:
        positives, negatives = score[y_true], score[~y_true]
        beaten, beating = [], np.zeros(len(negatives))
        for positive in positives:
            wins = (positive > negatives) + 0.5 * (positive == negatives)
            beaten.append(wins.mean())
            beating += wins
        v10.append(beaten)
        v01.append(beating / len(positives))
    covariance = np.atleast_2d(np.cov(v10)) / len(v10[0]) + np.atleast_2d(np.cov(v01)) / len(v01[0])
    signs = np.array([1.0, -1.0])[: len(y_scores)]
    return np.array([signs @ np.mean(v10, axis=1), np.sqrt(signs @ covariance @ signs)])


def our_delong(y_true: np.ndarray, *y_scores: np.ndarray) -> tuple[float, float]:
    if len(y_scores) == 1:
        alone = delong_auc(y_true, *y_scores)
        return alone.auc, alone.standard_error
    both = compare_auc(y_true, *y_scores)
    return both.difference, both.standard_error


def two_models(quick: bool) -> tuple[np.ndarray, ...]:
    y_true, first = scored(2_000 if quick else 100_000, prevalence=0.3)
    return y_true, first, first + np.random.default_rng(1).normal(size=len(first)) / 5


def our_bootstrap(y_true: np.ndarray, y_score: np.ndarray, num_resamples: int) -> tuple[float, float]:
    interval = bootstrap_auc(y_true, y_score, seed=0, num_resamples=num_resamples).interval
    return interval.low, interval.high


def sklearn_confusion(y_true: np.ndarray, y_pred: np.ndarray) -> Any:
    from sklearn.metrics import confusion_matrix as theirs

    return theirs(y_true, y_pred, labels=np.arange(10))


def torchmetrics_confusion(y_true: np.ndarray, y_pred: np.ndarray) -> Any:
    import torch
    from torchmetrics.functional.classification import multiclass_confusion_matrix as theirs

    return theirs(torch.from_numpy(y_pred), torch.from_numpy(y_true), num_classes=10).numpy()


def classes(quick: bool) -> tuple[np.ndarray, np.ndarray]:
    y_true, y_pred = np.random.default_rng(0).integers(0, 10, (2, 200_000 if quick else 10_000_000))
    return y_true, y_pred


def nearly(ours: Any, theirs: Any) -> bool:
    """Whether two intervals of other draws are about the same."""
    return np.allclose(ours, theirs, atol=0.03)


def single(ours: Any, theirs: Any) -> bool:
    """Whether two answers are the same in single precision, in which torchmetrics answers."""
    return np.allclose(ours, theirs, rtol=1e-5)


AUC_PEERS = {"scikit-learn": sklearn_auc, "scipy mannwhitneyu": scipy_auc, "torchmetrics": torchmetrics_auc}
LABEL_PEERS = {"scikit-learn": sklearn_auc, "torchmetrics": torchmetrics_auc}
DELONG_PEERS = {"midranks by loop (Sun and Xu)": delong_by_midranks, "all pairs": delong_by_pairs}

CASES = [
    Case("ROC AUC, 10⁶ scores", lambda quick: scored(50_000 if quick else 10**6), roc_auc, 3, AUC_PEERS, single),
    Case("ROC AUC, 20,000 scores", lambda quick: scored(20_000), roc_auc, 10, AUC_PEERS, single),
    Case("ROC AUC, 500 scores", lambda quick: scored(500), roc_auc, 10, {**AUC_PEERS, "monai": monai_auc}, single),
    Case(
        "ROC AUC, 14 labels × 112,120 images",
        lambda quick: scored(5_000 if quick else 112_120, 14),
        lambda y_true, y_score: roc_auc_per_label(y_true, y_score).values,
        *(3, LABEL_PEERS, single),
    ),
    Case(
        "average precision, 10⁶ scores",
        lambda quick: scored(50_000 if quick else 10**6),
        average_precision,
        2.5,
        {"scikit-learn": sklearn_average_precision, "torchmetrics": torchmetrics_average_precision},
        single,
    ),
    Case(
        "bootstrap interval of an AUC, 1,000 resamples, n = 420",
        lambda quick: (*scored(420, prevalence=0.3), 200 if quick else 1000),
        our_bootstrap,
        15,
        {"scikit-learn in a loop": bootstrap_by_loop, "scipy bootstrap": bootstrap_by_scipy},
        nearly,
    ),
    Case("DeLong, n = 10⁵", lambda quick: two_models(quick)[:2], our_delong, 10, DELONG_PEERS),
    Case("DeLong, two models, n = 10⁵", two_models, our_delong, 10, DELONG_PEERS),
    Case(
        "confusion matrix, 10⁷ labels, 10 classes",
        *(classes, lambda y_true, y_pred: confusion_matrix(y_true, y_pred, num_classes=10), 30),
        {"scikit-learn": sklearn_confusion, "torchmetrics": torchmetrics_confusion},
    ),
]
