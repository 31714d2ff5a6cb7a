"""Cells: their outlines on the image, the weight of each pixel, a field that bends, precision by overlap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection

from course_lib.figures.numbers import as_array
from course_lib.figures.page import BLUE, GREY, ORANGE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

__all__ = ["plot_bent_grid", "plot_cells", "plot_precision_by_overlap", "plot_weights"]

SHADES = 10  # of grey: the noise of a microscope would make the page large, and nobody sees the difference
LINES = ((BLUE, "-", "o"), (VERMILION, "--", "s"), (GREY, ":", "^"), (ORANGE, "-.", "D"))


def plot_cells(
    image: ArrayLike, ax: Axes, *, labels: ArrayLike | None = None, colour: str = SKY, title: str = ""
) -> Axes:
    """Draw an image of cells and the outline of each, along the edges of the pixels.

    Parameters
    ----------
    image : (H, W) array
        Grey values in any unit, stretched from the darkest to the brightest and drawn in ten shades.
    ax : matplotlib Axes
        Where to draw.
    labels : (H, W) array of int, optional
        0 outside, another number for each cell; two cells that touch have a line between them.
    colour : str
        Of the outlines.
    title : str
        Above the image.

    Returns
    -------
    matplotlib Axes
        The same `ax`, without an axis: its unit is a pixel.

    Raises
    ------
    ValueError
        If the image is not two-dimensional, or the labels have another shape.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_cells(np.eye(3), Figure().add_subplot(), labels=np.eye(3, dtype=int), title="three cells")
    >>> ax.get_title(), len(ax.collections[0].get_segments())
    ('three cells', 12)
    """
    pixels = _plane("image", image)
    low, high = float(pixels.min()), float(pixels.max())
    shades = np.round((pixels - low) / max(high - low, 1e-12) * (SHADES - 1))
    ax.imshow(shades, cmap="gray", vmin=0, vmax=SHADES - 1, interpolation="nearest")
    if labels is not None:
        cells = as_array(labels)
        if cells.shape != pixels.shape:
            raise ValueError(f"labels need the shape of the image, {pixels.shape}, got {cells.shape}")
        ax.add_collection(LineCollection(list(_edges(cells)), colors=colour, linewidths=1.1, antialiaseds=False))
    ax.set_title(title, fontsize=10)
    ax.set_axis_off()
    return ax


def plot_weights(weights: ArrayLike, ax: Axes, *, title: str = "", largest: float | None = None) -> Axes:
    """Draw how much each pixel counts in the loss, with its scale.

    Parameters
    ----------
    weights : (H, W) array
        At least 0.
    ax : matplotlib Axes
        Where to draw; a scale is put beside it.
    title : str
        Above the map.
    largest : float, optional
        Upper end of the scale; the largest weight unless given.

    Returns
    -------
    matplotlib Axes
        The same `ax`, without an axis: its unit is a pixel.

    Raises
    ------
    ValueError
        If the map is not two-dimensional.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure = Figure()
    >>> ax = plot_weights(np.ones((4, 4)), figure.add_subplot())
    >>> figure.axes[1].get_ylabel()
    'weight of the pixel'
    """
    values = _plane("weights", weights)
    image = ax.imshow(values, cmap="viridis", vmin=0, vmax=largest or float(values.max()), interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, label="weight of the pixel", shrink=0.85)
    ax.set_title(title, fontsize=10)
    ax.set_axis_off()
    return ax


def plot_bent_grid(field: ArrayLike, ax: Axes, *, step_px: int = 8, title: str = "") -> Axes:
    """Draw the lines of a square grid as a field bends them.

    Parameters
    ----------
    field : (2, H, W) array
        From which row and column, counted from its own place, each pixel is fetched.
    ax : matplotlib Axes
        Where to draw.
    step_px : int
        Distance of the lines before they are bent, in pixels, at least 1.
    title : str
        Above the grid.

    Returns
    -------
    matplotlib Axes
        The same `ax`, in pixels, rows downwards.

    Raises
    ------
    ValueError
        If the shape is another one, or the step below 1.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_bent_grid(np.zeros((2, 16, 24)), Figure().add_subplot(), step_px=8)
    >>> ax.get_xlabel(), len(ax.collections[0].get_segments())
    ('fetched from column (pixels)', 5)
    """
    bend = as_array(field)
    if bend.ndim != 3 or bend.shape[0] != 2 or step_px < 1:
        raise ValueError(f"field needs the shape (2, H, W) and step_px at least 1, got {bend.shape} and {step_px}")
    rows, columns = np.indices(bend.shape[1:]) + bend
    lines = [np.column_stack([columns[row], rows[row]]) for row in range(0, bend.shape[1], step_px)]
    lines += [np.column_stack([columns[:, column], rows[:, column]]) for column in range(0, bend.shape[2], step_px)]
    ax.add_collection(LineCollection(lines, colors=BLUE, linewidths=0.9))
    ax.set(xlabel="fetched from column (pixels)", ylabel="fetched from row (pixels)", aspect="equal")
    ax.set_xlim(columns.min() - 1, columns.max() + 1)
    ax.set_ylim(rows.max() + 1, rows.min() - 1)
    ax.set_title(title, fontsize=10)
    return ax


def plot_precision_by_overlap(curves: Mapping[str, ArrayLike], min_ious: ArrayLike, ax: Axes) -> Axes:
    """Draw instance precision against the overlap that a pair must have, one line a method, with its spread.

    Parameters
    ----------
    curves : mapping of names to (R, T) or (T,) arrays
        At most four methods; rows are repetitions, such as seeds: the line is their mean, the band reaches from the
        lowest to the highest.
    min_ious : (T,) array
        Wanted overlaps, 0 to 1.
    ax : matplotlib Axes
        Where to draw.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If there are no curves or more than four, or their lengths are not that of `min_ious`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_precision_by_overlap({"net": [[0.9, 0.5], [0.8, 0.3]]}, [0.5, 0.75], Figure().add_subplot())
    >>> ax.lines[0].get_ydata().round(2).tolist()
    [0.85, 0.4]
    """
    overlaps = as_array(min_ious)
    if not 1 <= len(curves) <= len(LINES):
        raise ValueError(f"curves needs one to {len(LINES)} methods, got {len(curves)}")
    for (name, values), (colour, dashes, marker) in zip(curves.items(), LINES, strict=False):
        rows = np.atleast_2d(as_array(values))
        if rows.shape[1:] != overlaps.shape:
            raise ValueError(f"{name} needs {len(overlaps)} values a row, one an overlap, got the shape {rows.shape}")
        ax.plot(overlaps, rows.mean(axis=0), color=colour, linestyle=dashes, marker=marker, markersize=4, label=name)
        if len(rows) > 1:
            ax.fill_between(overlaps, rows.min(axis=0), rows.max(axis=0), color=colour, alpha=0.18, linewidth=0)
    ax.set(xlabel="overlap (IoU) that a pair needs", ylabel="TP / (TP + FP + FN)", ylim=(0, 1.02))
    ax.legend(fontsize=8)
    return ax


def _plane(name: str, values: ArrayLike) -> NDArray[Any]:
    pixels = as_array(values)
    if pixels.ndim != 2 or not pixels.size:
        raise ValueError(f"{name} needs rows and columns, (H, W), got the shape {pixels.shape}")
    return pixels


def _edges(labels: NDArray[Any]) -> NDArray[np.float64]:
    """Give the sides of pixels at which the label changes, (N, 2, 2): two ends, each with x and y."""
    framed = np.pad(labels, 1)
    rows, columns = np.nonzero(framed[:, 1:] != framed[:, :-1])
    upright = np.stack([np.stack([columns, rows - 1], axis=1), np.stack([columns, rows], axis=1)], axis=1)
    rows, columns = np.nonzero(framed[1:] != framed[:-1])
    level = np.stack([np.stack([columns - 1, rows], axis=1), np.stack([columns, rows], axis=1)], axis=1)
    return np.concatenate([upright, level]) - 0.5
