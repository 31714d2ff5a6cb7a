"""Large images in which a net has looked everywhere: what it found where, and its map of scores over the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.patches import Rectangle

from course_lib.figures.numbers import as_array
from course_lib.figures.page import ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["plot_scene", "plot_score_map"]

# What lies below stays visible, where the map says 1 as well.
_CLEAR_TO_ORANGE = LinearSegmentedColormap.from_list("clear to orange", [(*to_rgb(ORANGE), 0), (*to_rgb(ORANGE), 0.75)])


def plot_scene(
    image: ArrayLike,
    ax: Axes,
    *,
    corners: ArrayLike = (),
    names: Sequence[object] = (),
    window_size: int = 24,
    colour: str = ORANGE,
) -> Axes:
    """Draw an image in grey, and frames around some of its windows with a name beside each.

    Parameters
    ----------
    image : (H, W) array or tensor, 0 … 1
        0 is black.
    ax : matplotlib Axes
        Where to draw.
    corners : (N, 2) array of int
        Row and column of the upper left pixel of each window.
    names : sequence of N things that can be written, optional
        Written at the left of the frames, where the next line of a text does not hide them.
    window_size : int
        Height and width of a window in pixels, at least 1.
    colour : colour of matplotlib
        Of frames and names.

    Returns
    -------
    matplotlib Axes
        The same `ax`; the centre of the first pixel is at (0, 0).

    Raises
    ------
    ValueError
        If the image has no rows and columns, a corner is not two numbers, or the number of names differs.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_scene(np.zeros((48, 60)), Figure().add_subplot(), corners=[(4, 8)], names=[7])
    >>> [text.get_text() for text in ax.texts], len(ax.patches)
    (['7'], 1)
    """
    pixels, places = as_array(image), np.asarray(corners).reshape(-1, 2) if np.size(corners) else np.zeros((0, 2))
    if pixels.ndim != 2 or not pixels.size:
        raise ValueError(f"image needs rows and columns, (H, W), got the shape {pixels.shape}")
    if np.size(corners) and np.shape(corners)[-1] != 2:
        raise ValueError(f"corners needs (row, column) for each window, got the shape {np.shape(corners)}")
    if len(names) not in (0, len(places)):
        raise ValueError(f"names needs one for each of the {len(places)} windows, got {len(names)}")
    if window_size < 1:
        raise ValueError(f"window_size needs at least 1 pixel, got {window_size}")
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=1)
    for number, (row, column) in enumerate(places):
        frame = (column - 0.5, row - 0.5), window_size, window_size
        ax.add_patch(Rectangle(*frame, fill=False, edgecolor=colour, linewidth=1.4))
        if names:
            ax.text(column - 3, row + 1, str(names[number]), color=colour, fontsize=9, ha="right", va="top")
    ax.set(xlabel="column (pixels)", ylabel="row (pixels)")
    return ax


def plot_score_map(image: ArrayLike, score_map: ArrayLike, ax: Axes, *, window_size: int, stride: int) -> Axes:
    """Lay a map of probabilities over the image, each cell at the middle of the window that it judges.

    Parameters
    ----------
    image : (H, W) array or tensor, 0 … 1
        Drawn in grey.
    score_map : (rows, columns) array or tensor, 0 … 1
        Probabilities: clear at 0, orange at 1.
    ax : matplotlib Axes
        Where to draw; a scale is put beside it.
    window_size, stride : int
        Pixels of a window, and from one window to the next, at least 1.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If the windows of the map do not lie within the image.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_score_map(np.zeros((32, 40)), np.zeros((3, 5)), Figure().add_subplot(), window_size=24, stride=4)
    >>> [float(edge) for edge in ax.images[-1].get_extent()]
    [9.5, 29.5, 21.5, 9.5]
    """
    scores = as_array(score_map)
    plot_scene(image, ax)
    wanted = [(size - window_size) // stride + 1 for size in np.shape(as_array(image))]
    if list(scores.shape) != wanted:
        raise ValueError(
            f"score_map needs a cell for each window, {wanted[0]} × {wanted[1]}, got the shape {scores.shape}"
        )
    first = window_size / 2 - 0.5 - stride / 2  # edge of the first cell, in pixels
    rows, columns = scores.shape
    extent = (first, first + stride * columns, first + stride * rows, first)
    limits = ax.get_xlim(), ax.get_ylim()
    picture = ax.imshow(scores, cmap=_CLEAR_TO_ORANGE, vmin=0, vmax=1, extent=extent)
    ax.set(xlim=limits[0], ylim=limits[1])
    figure = ax.figure
    figure.colorbar(picture, ax=ax, label="probability of a digit", fraction=0.046, pad=0.03)
    return ax
