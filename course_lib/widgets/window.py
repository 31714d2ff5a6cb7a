"""A window that can be moved over a large image, beside the cell of the score map that it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator

from course_lib.figures.numbers import as_array
from course_lib.figures.page import BLUE, ORANGE, VERMILION
from course_lib.figures.scenes import plot_scene
from course_lib.widgets.explorer import explore
from course_lib.widgets.light import lighten

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

__all__ = ["window_explorer"]


def window_explorer(
    image: ArrayLike,
    probabilities: ArrayLike,
    *,
    class_names: Sequence[str],
    window_size: int,
    stride: int,
    start: tuple[int, int] = (0, 0),
) -> None:
    """Choose a cell of a map of probabilities: the window of the image that it sees, and what it says.

    Parameters
    ----------
    image : (H, W) array or tensor, 0 … 1
        The large image.
    probabilities : (K, rows, columns) array or tensor, 0 … 1
        What each cell says of each class; the last class means "nothing".
    class_names : sequence of K names
        In the order of the classes.
    window_size, stride : int
        Pixels of a window, and from one window to the next, at least 1.
    start : (int, int)
        Row and column of the cell at first.

    Raises
    ------
    ValueError
        If the number of names differs, or there is no such cell at first.

    Examples
    --------
    >>> shares = np.full((2, 3, 5), 0.5)
    >>> window_explorer(np.zeros((32, 40)), shares, class_names=("digit", "nothing"), window_size=24, stride=4)
    Cell (0, 0) of a map of 3 by 5 cells sees rows 0 to 23, columns 0 to 23, and says digit with a probability of 50%.
    """
    scene, shares = as_array(image), as_array(probabilities)
    if shares.ndim != 3 or len(class_names) != len(shares):
        raise ValueError(f"class_names needs one for each class of (K, rows, columns), got {len(class_names)} names "
                         f"for the shape {shares.shape}")  # fmt: skip
    rows, columns = shares.shape[1:]
    if not (0 <= start[0] < rows and 0 <= start[1] < columns):
        raise ValueError(
            f"start needs a cell of the map, rows 0 to {rows - 1}, columns 0 to {columns - 1}, got {start}"
        )

    def draw(*, row: int = start[0], column: int = start[1]) -> Figure:
        figure = plt.figure(figsize=(8.4, 3.3), layout="none")
        left, middle, right = (
            figure.add_axes(box)
            for box in ((0.07, 0.14, 0.29, 0.74), (0.43, 0.14, 0.28, 0.74), (0.79, 0.14, 0.19, 0.74))
        )
        top, side = row * stride, column * stride
        plot_scene(scene, left, corners=[(top, side)], window_size=window_size)
        left.set_title(f"rows {top} to {top + window_size - 1}, columns {side} to {side + window_size - 1}", fontsize=9)
        middle.imshow(1 - shares[-1], cmap="Blues", vmin=0, vmax=1)
        middle.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=VERMILION, linewidth=1.6))
        middle.set(xlabel="column of the map", ylabel="row of the map")
        middle.set_title(f"cell ({row}, {column}): not “{class_names[-1]}” {1 - shares[-1, row, column]:.0%}")
        said = shares[:, row, column]
        best = int(said.argmax())
        colours = [ORANGE if k == best else BLUE for k in range(len(said))]
        right.hlines(range(len(said)), 0, 100 * said, colors=colours, linewidth=140 / len(said))
        right.yaxis.set(major_locator=FixedLocator(range(len(said))), major_formatter=FixedFormatter(class_names))
        right.set(xlim=(0, 100), xlabel="probability (%)", ylim=(len(said) - 0.4, -0.6))
        right.set_title(f"it says {class_names[best]}")
        return lighten(figure)

    said = shares[:, start[0], start[1]]
    word = class_names[int(said.argmax())]
    top, side = start[0] * stride, start[1] * stride
    explore(
        draw,
        alt=f"Cell ({start[0]}, {start[1]}) of a map of {rows} by {columns} cells sees rows {top} to "
        f"{top + window_size - 1}, columns {side} to {side + window_size - 1}, and says {word} "
        f"with a probability of {float(np.max(said)):.0%}.",
        row=(0, rows - 1),
        column=(0, columns - 1),
    )
