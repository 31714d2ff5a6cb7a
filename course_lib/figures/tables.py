"""Numbers in cells: a small matrix, a confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from course_lib.figures.numbers import as_array, written
from course_lib.figures.page import BLUE, GREY, INK, ORANGE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

__all__ = ["plot_confusion_matrix", "plot_matrix"]


def plot_matrix(matrix: ArrayLike, ax: Axes, *, title: str = "", highlight: Any = None) -> Axes:
    """Draw a small matrix as cells with their numbers in them: brighter is higher, as in an image.

    Parameters
    ----------
    matrix : (H, W) array or tensor
        Numbers; whole ones are written as they are, others with three digits, or three decimals where that is shorter.
    ax : matplotlib Axes
        Where to draw.
    title : str
        Above the matrix.
    highlight : index into the matrix, optional
        The cells to frame: `(row, column)`, `(slice, slice)` or a boolean (H, W) mask.

    Returns
    -------
    matplotlib Axes
        The same `ax`; the cell in row r and column c has its centre at x = c, y = r.

    Raises
    ------
    ValueError
        If the matrix is not two-dimensional, or empty.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_matrix([[0, 1, 2], [2, 2, 0]], Figure().add_subplot(), title="kernel", highlight=(1, 1))
    >>> len(ax.texts), len(ax.patches)
    (6, 1)
    """
    values = as_array(matrix)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"matrix needs rows and columns, (H, W), got the shape {values.shape}")
    height, width = values.shape
    low, high = np.nanmin(values), np.nanmax(values)
    brightness = 0.74 + 0.26 * (values - low) / (high - low) if high > low else np.full(values.shape, 0.96)
    ax.imshow(brightness, cmap="gray", vmin=0, vmax=1)
    words = [_short(value, largest=max(abs(low), abs(high))) for value in values.ravel()]
    points = _ink_size(values.shape, max(map(len, words)), ax)
    for (row, column), word in zip(np.ndindex(values.shape), words, strict=True):
        ax.text(column, row, word, ha="center", va="center", color=INK, fontsize=points)
    for row, column in np.argwhere(_highlight_mask(highlight, values.shape)):
        frame = Rectangle(
            (column - 0.5, row - 0.5), 1, 1, facecolor=(*to_rgb(ORANGE), 0.35), edgecolor=VERMILION, lw=1.6
        )
        ax.add_patch(frame)
    ax.set_xticks(np.arange(width + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(height + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="#C8C8C8", linewidth=0.6)
    ax.tick_params(which="both", length=0)
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, loc="left")
    ax.spines[:].set(visible=True, color=INK, linewidth=1.2)
    return ax


def plot_confusion_matrix(matrix: ArrayLike, ax: Axes, *, class_names: Sequence[object]) -> Axes:
    """Draw the counts of a confusion matrix: right answers blue, mistakes orange, darker for a larger share of the row.

    Parameters
    ----------
    matrix : (K, K) array of counts
        Row = true class, column = predicted class.
    ax : matplotlib Axes
        Where to draw.
    class_names : sequence of K names
        In the order of the rows.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If the matrix is not square, holds anything but counts, or the number of names differs.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_confusion_matrix([[50, 2], [5, 43]], Figure().add_subplot(), class_names=["healthy", "ill"])
    >>> [text.get_text() for text in ax.texts]
    ['50', '2', '5', '43']
    """
    counts = as_array(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ValueError(f"matrix needs as many rows as columns, (K, K), got the shape {counts.shape}")
    if (counts < 0).any() or (counts != np.round(counts)).any():
        raise ValueError("matrix needs counts: whole numbers from 0 up, not shares")
    if len(class_names) != len(counts):
        raise ValueError(f"class_names needs {len(counts)} names, one a row, got {len(class_names)}")
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = np.eye(len(counts), dtype=bool)
    colour = np.where(right[..., None], to_rgb(BLUE), to_rgb(VERMILION))
    strength = np.where(counts > 0, 0.12 + 0.88 * share ** np.where(right, 1, 0.5), 0.0)[..., None]
    shown = 1 - strength * (1 - colour)
    ax.imshow(shown)
    for (row, column), count in np.ndenumerate(counts):
        ink = GREY if count == 0 else _readable_on(shown[row, column])
        ax.text(column, row, f"{int(count)}", ha="center", va="center", color=ink, fontsize=9)
    names = [str(name) for name in class_names]
    ax.set_xticks(range(len(names)), names)
    if max(map(len, names)) * 0.09 * len(names) > ax.get_window_extent().width / ax.figure.dpi:
        plt.setp(ax.get_xticklabels(), rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(length=0)
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.spines[:].set_visible(False)
    return ax


def _short(value: float, *, largest: float) -> str:
    """Write a number in at most six letters where three decimals still say enough."""
    text = written(value)
    too_long = len(text) > 6 and not float(value).is_integer()
    return written(round(float(value), 3) + 0.0) if too_long and largest >= 0.1 else text


def _ink_size(shape: tuple[int, ...], longest: int, ax: Axes) -> float:
    """Size of letters in points that fits words of so many letters into the cells."""
    room = ax.get_window_extent()
    cell = 72 / ax.figure.dpi * min(room.height / shape[0], room.width / shape[1])
    return float(min(11, 0.42 * cell, 1.4 * cell / longest))


def _highlight_mask(highlight: Any, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = np.zeros(shape, dtype=bool)
    if highlight is not None:
        mask[highlight] = True
    return mask


def _readable_on(colour: NDArray[np.float64]) -> str:
    """Black or white ink, whichever has the better contrast (WCAG 2 relative luminance)."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return "white" if linear @ (0.2126, 0.7152, 0.0722) < 0.179 else "black"
