"""The gallery of the mammogram phantom: one woman a row, both breasts in both views, lesions outlined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from course_lib.data.phantoms.mammogram import MAMMOGRAM_SIDES, MAMMOGRAM_VIEWS
from course_lib.figures.page import ORANGE, SKY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from course_lib.data.phantoms.mammogram import MammogramPairs

__all__ = ["plot_mammogram_pairs"]


def plot_mammogram_pairs(women: MammogramPairs) -> Figure:
    """Draw examinations: the right and the left breast back to back, CC then MLO; masses blue, specks orange.

    Parameters
    ----------
    women : MammogramPairs
        One row each, in their order.

    Returns
    -------
    matplotlib Figure
        The title of a film names side, view and BI-RADS category; axes are in mm.

    Raises
    ------
    ValueError
        If there is no woman.

    Examples
    --------
    >>> from course_lib.data.phantoms.mammogram import make_mammogram_pairs
    >>> len(plot_mammogram_pairs(make_mammogram_pairs(2, size=64)).axes)
    8
    """
    number = len(women.images)
    if number == 0:
        raise ValueError("women needs at least one examination to draw, got none")
    figure = Figure(figsize=(6.4, 2.75 * number + 0.5))
    figure.set_layout_engine("constrained", w_pad=0.01, wspace=0.01)
    for i in range(number):
        for view in (0, 1):
            for side in (0, 1):
                ax = figure.add_subplot(number, 4, 4 * i + 2 * view + side + 1)
                _film(women, (i, side, view), ax)
                if view or side:
                    ax.set_yticklabels([])
                else:
                    percent = women.percent_densities[i].mean()
                    ax.set_ylabel(f"density {'abcd'[women.densities[i]]}, {percent:.0f} % gland\nmm", fontsize=8)
    handles = [Line2D([], [], color=colour, label=name) for colour, name in ((SKY, "mass"), (ORANGE, "calcifications"))]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _film(women: MammogramPairs, index: tuple[int, int, int], ax: Axes) -> None:
    i, side, view = index
    high, wide = (size * mm for size, mm in zip(women.images.shape[3:], women.spacing_mm, strict=True))
    ax.imshow(women.images[index], cmap="gray", vmin=0, vmax=1, extent=(0, wide, high, 0), interpolation="bilinear")
    for masks, colour in ((women.mass_masks, SKY), (women.calcification_masks, ORANGE)):
        if masks[index].any():
            ax.contour(
                masks[index].astype(float), levels=[0.5], colors=[colour], linewidths=0.9, extent=(0, wide, 0, high)
            )
    cancer = ", cancer" if women.malignant[i, side] else ""
    name = f"{MAMMOGRAM_SIDES[side]} {MAMMOGRAM_VIEWS[view]}\nBI-RADS {women.birads[i, side]}{cancer}"
    ax.set_title(name, fontsize=8)
    ax.set_xticks([0, 50])
    ax.set_yticks([0, 50, 100, 150, 200])
    ax.tick_params(labelsize=7, length=2)
