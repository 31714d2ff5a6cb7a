"""What `fit` and `predict` give back."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Epoch", "History", "Predictions"]


class Epoch(NamedTuple):
    """One row of a history; NaN for what was not measured."""

    train_loss: float
    val_loss: float
    train_accuracy: float
    val_accuracy: float
    seconds: float


@dataclass(frozen=True, eq=False)
class History:
    """What each of E epochs gave; the means are over images, not over batches.

    Parameters
    ----------
    train_loss, train_accuracy : (E,) float64 arrays
        Measured while the weights change and with dropout on, so usually a little worse than one would measure
        afterwards.
    val_loss, val_accuracy : (E,) float64 arrays
        Measured after the epoch; NaN without validation data. Accuracies, 0 … 1, are NaN where the targets are not
        classes.
    seconds : (E,) float64 array
        Duration of each epoch, with its validation.
    best_epoch : int
        Row with the lowest validation loss (training loss without validation data); the first row is 0.
    stopped_early : bool
        True if patience ran out before the last epoch asked for.

    Examples
    --------
    >>> losses, unknown, seconds = np.array([2.3, 0.9, 1.1]), np.full(3, np.nan), np.ones(3)
    >>> History(losses, unknown, unknown, unknown, seconds, best_epoch=1, stopped_early=False).train_loss[-1]
    np.float64(1.1)
    """

    train_loss: NDArray[np.float64]
    val_loss: NDArray[np.float64]
    train_accuracy: NDArray[np.float64]
    val_accuracy: NDArray[np.float64]
    seconds: NDArray[np.float64]
    best_epoch: int
    stopped_early: bool


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a net says of N cases, beside the truth.

    Parameters
    ----------
    y_true : (N, …) array
        The targets, in the order of the loader.
    scores : (N, K, …) float32 array
        What the net returned: any real numbers, not probabilities.

    Examples
    --------
    >>> Predictions(np.array([1, 0]), np.array([[0.2, 3.0], [0.1, 0.4]], dtype=np.float32)).y_pred
    array([1, 1])
    """

    y_true: NDArray[Any]
    scores: NDArray[np.float32]

    @property
    def y_pred(self) -> NDArray[np.int64]:
        """The class with the largest score, (N, …); the first of them where several are equal."""
        return self.scores.argmax(axis=1)
