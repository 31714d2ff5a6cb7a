"""Curves over the epochs of a training run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from course_lib.figures.numbers import as_array
from course_lib.figures.page import BLUE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

__all__ = ["plot_accuracy_curves", "plot_learning_curves"]


def plot_learning_curves(history: Any, ax: Axes) -> Axes:
    """Draw the training and validation loss of each epoch, and mark the best epoch.

    Parameters
    ----------
    history : History
        Anything with `train_loss` (E,), and, where there was a validation set, `val_loss` (E,).
    ax : matplotlib Axes
        Where to draw.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If there is no epoch, or the two curves differ in length.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from types import SimpleNamespace
    >>> run = SimpleNamespace(train_loss=[2.3, 0.9, 0.4], val_loss=[2.2, 1.0, 0.8])
    >>> plot_learning_curves(run, Figure().add_subplot()).get_ylabel()
    'loss'
    """
    train, val = _curve(history.train_loss), _curve(getattr(history, "val_loss", None))
    _plot_two_curves(train, val, ax, name="loss")
    if np.isfinite(val).any():
        best = int(np.nanargmin(val))
        label = f"lowest validation loss, {val[best]:.3g}, in epoch {best + 1}"
        ax.axvline(best + 1, color="#888888", linestyle=":", linewidth=1.2, zorder=0, label=label)
    bottom, top = min(0.0, _lowest(train, val)), -_lowest(-train, -val)
    ax.set_ylim(bottom, top + 0.06 * (top - bottom or 1))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, ncols=3)  # above, where no curve can be
    return ax


def plot_accuracy_curves(history: Any, ax: Axes) -> Axes:
    """Draw the training and validation accuracy of each epoch in percent.

    Parameters
    ----------
    history : History
        Anything with `train_accuracy` (E,) in [0, 1], and, where there was a validation set, `val_accuracy` (E,).
    ax : matplotlib Axes
        Where to draw.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If there is no epoch, or the two curves differ in length.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from types import SimpleNamespace
    >>> run = SimpleNamespace(train_accuracy=[0.2, 0.8], val_accuracy=[0.3, 0.7])
    >>> plot_accuracy_curves(run, Figure().add_subplot()).get_ylabel()
    'accuracy (%)'
    """
    train, val = _curve(history.train_accuracy), _curve(getattr(history, "val_accuracy", None))
    _plot_two_curves(100 * train, 100 * val, ax, name="accuracy (%)")
    gap = max(100 - 100 * _lowest(train, val), 1.0)
    ax.set_ylim(100 - 1.06 * gap, 100 + 0.03 * gap)
    ax.legend(loc="lower right")
    return ax


def _curve(values: ArrayLike | None) -> NDArray[np.float64]:
    """One number an epoch; no curve (None, empty, all NaN) is an empty array."""
    curve = np.zeros(0) if values is None else np.atleast_1d(as_array(values)).astype(np.float64)
    return curve[:0] if np.isnan(curve).all() else curve


def _plot_two_curves(train: NDArray[np.float64], val: NDArray[np.float64], ax: Axes, *, name: str) -> None:
    if not train.size or train.ndim != 1:
        raise ValueError(f"history needs one training value for each epoch, at least one; got the shape {train.shape}")
    if val.size and val.shape != train.shape:
        raise ValueError(f"history needs as many validation as training values, got {val.size} and {train.size}")
    epochs = np.arange(1, len(train) + 1)
    every = max(1, len(train) // 12)
    ax.plot(epochs, train, color=BLUE, linestyle="-", marker="o", markevery=every, label="training")
    if val.size:
        ax.plot(epochs, val, color=VERMILION, linestyle="--", marker="s", markevery=every, label="validation")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set(xlabel="epoch", ylabel=name)


def _lowest(*curves: NDArray[np.float64]) -> float:
    values = np.concatenate(curves)
    return float(values[np.isfinite(values)].min(initial=np.inf if np.isfinite(values).any() else 0.0))
