"""Run where MONAI can be imported: prints how far from ours its curves and its rates of the 2×2 table are.

Each line is {"name", "difference"}: the largest relative difference over random cases with ties, rare and frequent
positives, and several types. What MONAI does otherwise is left out on purpose: 0/0 is 0 or infinite there.
"""

import json
from collections.abc import Iterator

import numpy as np
import torch
from monai.metrics import compute_average_precision, compute_confusion_matrix_metric, compute_roc_auc
from numpy.typing import ArrayLike, NDArray

from course_lib.metrics.curves import average_precision, roc_auc
from course_lib.metrics.multilabel import average_precision_per_label, roc_auc_per_label
from course_lib.metrics.rates import Counts

RATES = {
    "tpr": "sensitivity",
    "fnr": "miss rate",
    "tnr": "specificity",
    "fpr": "fall out",
    "ppv": "precision",
    "fdr": "false discovery rate",
    "npv": "negative predictive value",
    "false_omission_rate": "false omission rate",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1": "f1 score",
    "threat_score": "threat score",
    "fowlkes_mallows": "fowlkes mallows index",
    "mcc": "matthews correlation coefficient",
    "informedness": "informedness",
    "markedness": "markedness",
}


def cases() -> Iterator[tuple[NDArray, NDArray]]:
    """Labels and scores, at least two cases of each class."""
    rng = np.random.default_rng(0)
    for num_cases, prevalence in ((40, 0.5), (300, 0.1), (1000, 0.02), (1000, 0.9)):
        for form in (np.float32, np.float64, np.int64):
            y_true = rng.permutation(np.arange(num_cases) < prevalence * num_cases)
            yield y_true, np.round(rng.normal(10 * y_true, 20)).astype(form)


def relative(ours: ArrayLike, theirs: ArrayLike) -> float:
    """Give the largest difference over the size of theirs."""
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    return float((np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-300)).max())


def differences() -> Iterator[tuple[str, float]]:
    """Compare each number with MONAI's."""
    columns = []
    for y_true, y_score in cases():
        true, score = torch.from_numpy(y_true).long(), torch.from_numpy(y_score)
        yield "ROC AUC, MONAI", relative(roc_auc(y_true, y_score), compute_roc_auc(score, true))
        wanted = compute_average_precision(score, true)
        yield "average precision, MONAI", relative(average_precision(y_true, y_score), wanted)
        counts = Counts.from_labels(y_true, y_score > 5)
        table = torch.tensor([counts.tp, counts.fp, counts.tn, counts.fn], dtype=torch.float64)
        for name, theirs in RATES.items():
            wanted = compute_confusion_matrix_metric(theirs, table)
            yield f"{theirs}, MONAI", relative(getattr(counts, name), wanted)
        if len(y_true) == 1000:
            columns.append((y_true, y_score))
    true, score = (np.column_stack(parts).astype(float) for parts in zip(*columns, strict=True))
    for ours, theirs in (
        (roc_auc_per_label, compute_roc_auc),
        (average_precision_per_label, compute_average_precision),
    ):
        wanted = theirs(torch.from_numpy(score), torch.from_numpy(true).long(), average="none")
        yield f"{ours.__name__}, MONAI", relative(ours(true, score).values, wanted)


def main() -> None:
    torch.set_num_threads(1)
    largest: dict[str, float] = {}
    for name, difference in differences():
        largest[name] = max(difference, largest.get(name, 0.0))
    for name, difference in largest.items():
        print(json.dumps({"name": name, "difference": difference}), flush=True)


if __name__ == "__main__":
    main()
