"""The figures of lesson 15: predicted ages and gaps over age, which patch predicts, where a map lies in the brain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import Rectangle

from course_lib.figures.numbers import as_array
from course_lib.figures.page import BLUE, GREY, INK, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

__all__ = ["plot_ages", "plot_brain_map", "plot_gaps", "plot_patch_errors"]

SHADES = 16  # steps of grey: the notebook stays small, and the eye sees no difference


def plot_ages(age_years: ArrayLike, predicted_years: ArrayLike, ax: Axes) -> Axes:
    """Draw predicted over true age, with the line of perfect answers and the line that the answers lie along.

    Parameters
    ----------
    age_years, predicted_years : (N,) arrays
        At least two subjects of two ages.
    ax : matplotlib Axes

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If the shapes differ, or there are fewer than two subjects.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> len(plot_ages([30, 60, 80], [40, 60, 70], Figure().add_subplot()).lines)
    3
    """
    ages, predicted = _pair(age_years, predicted_years)
    ends = np.array([ages.min(), ages.max()])
    ax.plot(ages, predicted, "o", color=BLUE, markersize=3.5, alpha=0.7, label="a subject")
    ax.plot(ends, ends, color=INK, linewidth=1, label="perfect")
    ax.plot(ends, np.polyval(np.polyfit(ages, predicted, 1), ends), "--", color=VERMILION, label="line of the answers")
    ax.set(xlabel="age (years)", ylabel="predicted age (years)")
    ax.set_aspect("equal", adjustable="datalim")
    ax.legend(fontsize=8)
    return ax


def plot_gaps(age_years: ArrayLike, gap_years: ArrayLike, ax: Axes, *, line: tuple[float, float] | None = None) -> Axes:
    """Draw the gap, predicted minus true age, over the true age, with zero and a line of bias.

    Parameters
    ----------
    age_years, gap_years : (N,) arrays
        At least two subjects.
    ax : matplotlib Axes
    line : (slope, intercept_years), optional
        Of the bias: years of gap for each year of age, and the gap at age 0.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If the shapes differ, or there are fewer than two subjects.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> len(plot_gaps([30, 60], [5, -5], Figure().add_subplot(), line=(-0.3, 15)).lines)
    3
    """
    ages, gaps = _pair(age_years, gap_years)
    ends = np.array([ages.min(), ages.max()])
    ax.plot(ages, gaps, "o", color=BLUE, markersize=3.5, alpha=0.7)
    ax.plot(ends, np.zeros(2), color=INK, linewidth=1)
    if line is not None:
        ax.plot(ends, line[0] * ends + line[1], "--", color=VERMILION, label=f"{line[0]:+.2f} years a year")
        ax.legend(fontsize=8)
    ax.set(xlabel="age (years)", ylabel="gap (years)")
    return ax


def plot_patch_errors(errors_years: ArrayLike, brain: ArrayLike, axes: Sequence[Axes]) -> None:
    """Draw for each layer of patches an axial slice through its middle, and each patch with its error.

    Parameters
    ----------
    errors_years : (A, B, C) array
        Mean absolute error of each patch: A layers from foot to head, B rows from front to back, C columns.
    brain : (D, H, W) array
        The mean image, of which each patch is an equal part.
    axes : sequence of A Axes
        One for each layer, from the lowest up.

    Raises
    ------
    ValueError
        If there is not one Axes a layer, or the brain cannot be cut into such patches.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots(1, 2)
    >>> plot_patch_errors(np.arange(4.0).reshape(2, 1, 2), np.zeros((4, 3, 6)), axes)
    >>> [text.get_text() for text in axes[1].texts]
    ['2.0', '3.0']
    """
    errors, volume = as_array(errors_years), as_array(brain)
    if errors.ndim != 3 or volume.ndim != 3 or any(a % b for a, b in zip(volume.shape, errors.shape, strict=True)):
        raise ValueError(f"brain of shape {volume.shape} cannot be cut into patches {errors.shape}")
    if len(axes) != len(errors):
        raise ValueError(f"axes needs one for each of {len(errors)} layers, got {len(axes)}")
    depth, height, width = (a // b for a, b in zip(volume.shape, errors.shape, strict=True))
    low, high = errors.min(), max(errors.max(), errors.min() + 1e-9)
    for layer, ax in enumerate(axes):
        _grey(volume[layer * depth + depth // 2], volume, ax)
        for (row, column), error in np.ndenumerate(errors[layer]):
            good = float((high - error) / (high - low))
            corner = (column * width - 0.5, row * height - 0.5)
            ax.add_patch(Rectangle(corner, width, height, facecolor=BLUE, alpha=0.65 * good, linewidth=0))
            ax.add_patch(Rectangle(corner, width, height, fill=False, edgecolor="white", linewidth=0.8))
            centre = corner[0] + width / 2, corner[1] + height / 2
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.85}
            ax.text(*centre, f"{error:.1f}", ha="center", va="center", fontsize=9, color=INK, bbox=box)


def plot_brain_map(values: ArrayLike, brain: ArrayLike, axes: Sequence[Axes], *, slices: Sequence[int]) -> None:
    """Lay a map over axial slices of the brain in orange: the stronger, the higher its value.

    Parameters
    ----------
    values, brain : (D, H, W) arrays
        The map, 0 where nothing is to be laid over, and the anatomy.
    axes : sequence of Axes
        One for each slice.
    slices : sequence of int
        Which axial slices.

    Raises
    ------
    ValueError
        If the shapes or the numbers differ, or a value is below 0.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().add_subplot()
    >>> plot_brain_map(np.ones((2, 3, 3)), np.zeros((2, 3, 3)), [ax], slices=[1])
    >>> len(ax.images)
    2
    """
    over, volume = as_array(values).astype(np.float64), as_array(brain)
    if over.shape != volume.shape or over.ndim != 3 or len(axes) != len(slices):
        raise ValueError(
            f"a map {over.shape} on a brain {volume.shape}, {len(axes)} axes for {len(slices)} slices: these must fit"
        )
    if not (over >= 0).all():
        raise ValueError(f"values need to be at least 0, got {over.min():g}")
    for number, ax in zip(slices, axes, strict=True):
        _grey(volume[number], volume, ax)
        colour = np.empty((*over.shape[1:], 4))
        colour[..., :3] = (0.90, 0.62, 0.0)
        colour[..., 3] = (8 * np.clip(over[number] / (over.max() or 1), 0, 1)).round() / 8
        ax.imshow(colour, interpolation="nearest")


def _grey(picture: NDArray[Any], volume: NDArray[Any], ax: Axes) -> None:
    low, high = float(volume.min()), float(volume.max())
    shades = (SHADES * (picture - low) / max(high - low, 1e-9)).round()
    ax.imshow(shades, cmap="gray", vmin=0, vmax=SHADES, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    for side in ax.spines.values():
        side.set(visible=True, color=GREY, linewidth=0.6)


def _pair(one: ArrayLike, other: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, second = as_array(one).astype(np.float64), as_array(other).astype(np.float64)
    if first.ndim != 1 or first.shape != second.shape or len(first) < 2:
        raise ValueError(
            f"two numbers for each of at least 2 subjects are needed, got {first.shape} and {second.shape}"
        )
    return first, second
