"""The gallery of the chest X-ray phantom: one film a panel, with its findings named and outlined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from course_lib.data.phantoms.chest_findings import CHEST_FINDINGS
from course_lib.figures.page import ORANGE, SKY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from course_lib.data.phantoms.chest_xray import ChestXrays

__all__ = ["plot_chest_xrays"]


def plot_chest_xrays(films: ChestXrays, *, columns: int = 5) -> Figure:
    """Draw films in grey; findings are outlined in blue, the lungs of films without a finding in orange.

    Parameters
    ----------
    films : ChestXrays
        One panel each, in their order.
    columns : int
        Panels in a row, at least 1.

    Returns
    -------
    matplotlib Figure
        The title of a panel names view, age and findings; axes are in mm.

    Raises
    ------
    ValueError
        If there is no film, or no column.

    Examples
    --------
    >>> from course_lib.data.phantoms.chest_xray import make_chest_xrays
    >>> len(plot_chest_xrays(make_chest_xrays(2, size=32)).axes)
    2
    """
    number = len(films.images)
    if number == 0:
        raise ValueError("films needs at least one film to draw, got none")
    if columns < 1:
        raise ValueError(f"columns needs at least 1 film in a row, got {columns}")
    columns = min(columns, number)
    rows = -(-number // columns)
    figure = Figure(figsize=(1.9 * columns + 0.5, 2.12 * rows + 0.55), layout="constrained")
    high, wide = (size * mm for size, mm in zip(films.images.shape[2:], films.spacing_mm, strict=True))
    for i in range(number):
        ax = figure.add_subplot(rows, columns, i + 1)
        ax.imshow(films.images[i, 0], cmap="gray", vmin=0, vmax=1, extent=(0, wide, high, 0), interpolation="bilinear")
        found = np.flatnonzero(films.labels[i])
        for k in found:
            _outline(films.masks_of(CHEST_FINDINGS[k])[i], (wide, high), ax, SKY)
        if not len(found):
            _outline(films.lung_masks[i], (wide, high), ax, ORANGE)
        names = ", ".join(CHEST_FINDINGS[k].replace("_", " ").lower() for k in found) or "no finding"
        view = "AP" if films.ap_views[i] else "PA"
        ax.set_title(
            f"{names}\n{view}, {'F' if films.females[i] else 'M'}, {films.ages_years[i]:.0f} years", fontsize=8
        )
        ax.tick_params(labelsize=7, length=2)
        ax.set_xticks([0, 100, 200, 300], ["0", "100", "200", "300 mm"] if i // columns == rows - 1 else [])
        ax.set_yticks([0, 100, 200, 300], None if i % columns == 0 else [])
    return figure


def _outline(mask: NDArray[np.bool_], size_mm: tuple[float, float], ax: Axes, colour: str) -> None:
    if mask.any() and not mask.all():
        ax.contour(
            mask.astype(float), levels=[0.5], colors=[colour], linewidths=0.8, extent=(0, size_mm[0], 0, size_mm[1])
        )
