"""Gallery of the whole-slide phantom: the slide with its truth, and six places at high magnification."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D

from course_lib.figures.page import BLUE, INK, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from course_lib.data.phantoms.whole_slide import SlideTruth
    from course_lib.data.slides import Slide

__all__ = ["plot_whole_slide"]

_ZOOM_UM = 160.0  # width of a detail
_CLOSE_UM = 60.0  # of a mitosis


def plot_whole_slide(slide: Slide, truth: SlideTruth) -> Figure:
    """Draw the slide with the outlines of its metastases and germinal centres, and details of what they hold.

    Parameters
    ----------
    slide : Slide
        What `write_slide` wrote, open.
    truth : SlideTruth
        What it returned.

    Returns
    -------
    matplotlib Figure
        The overview on the left; lymphocytes, a germinal centre's edge, the capsule, a metastasis, its edge and a
        mitosis on the right. A detail without its subject in the slide is left empty.

    Raises
    ------
    ValueError
        If the slide has another size than the truth.
    """
    if (slide.levels[0].width, slide.levels[0].height) != (truth.size, truth.size):
        found = f"{slide.levels[0].width}×{slide.levels[0].height}"
        raise ValueError(f"slide needs the size of its truth, {truth.size}×{truth.size} pixels, got {found}")
    figure = plt.figure(figsize=(11.6, 5.2), layout="constrained")
    left, right = np.ravel(np.asarray(figure.subfigures(1, 2, width_ratios=(1, 1.32)), dtype=object))
    _draw_overview(slide, truth, left.add_subplot())
    axes = right.subplots(2, 3).ravel()
    for ax, (title, place, width_um) in zip(axes, _places(slide, truth), strict=True):
        _draw_detail(slide, truth, ax, title, place, width_um)
    return figure


def _draw_overview(slide: Slide, truth: SlideTruth, ax: Axes) -> None:
    width_mm = truth.size * truth.mpp / 1000
    extent = (0, width_mm, width_mm, 0)
    ax.imshow(slide.thumbnail(size=625), extent=extent, interpolation="antialiased")
    if truth.centre_mask.any():
        places = (np.arange(len(truth.centre_mask)) + 0.5) * truth.mask_step * truth.mpp / 1000
        ax.contour(places, places, truth.centre_mask, levels=[0.5], colors=SKY, linewidths=0.9)
    for metastasis in truth.metastases:
        corners = np.vstack([metastasis.outline_xy, metastasis.outline_xy[:1]]) * truth.mpp / 1000
        ax.plot(*corners.T, color=INK, lw=1.5, ls="-" if metastasis.size_class == "macro" else "--")
        ax.annotate(
            f"{metastasis.size_class}, {metastasis.diameter_mm:.1f} mm",
            corners[corners[:, 1].argmin()],
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8,
            color=INK,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.8},
        )
    ax.plot(*(truth.mitoses_xy.T * truth.mpp / 1000), ls="", marker=".", ms=2.5, color=BLUE)
    names = (
        Line2D([], [], color=INK, label="metastasis"),
        Line2D([], [], color=SKY, label="germinal centre"),
        Line2D([], [], color=BLUE, ls="", marker=".", label="mitosis"),
    )
    ax.legend(handles=names, loc="upper left", fontsize=7.5, frameon=True, framealpha=0.9, edgecolor="none")
    ax.set(xlabel="x (mm)", ylabel="y (mm)")
    ax.set_title("slide with its truth", loc="left")


def _draw_detail(
    slide: Slide, truth: SlideTruth, ax: Axes, title: str, place: NDArray[np.float64] | None, width_um: float
) -> None:
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, loc="left", fontsize=9.5)
    if place is None:
        ax.set_axis_off()
        return
    width = max(16, round(width_um / truth.mpp))
    x, y = (int(value) - width // 2 for value in place)
    ax.imshow(slide.read_region(x, y, width, width), extent=(0, width_um, width_um, 0))
    bar_um = 20 if width_um < 100 else 50
    bottom = 0.94 * width_um
    ax.plot(
        [0.05 * width_um, 0.05 * width_um + bar_um],
        [bottom, bottom],
        color="white",
        lw=5,
        ls="-",
        solid_capstyle="butt",
    )
    ax.plot(
        [0.05 * width_um, 0.05 * width_um + bar_um], [bottom, bottom], color=INK, lw=2.5, ls="-", solid_capstyle="butt"
    )
    ax.text(
        0.05 * width_um + bar_um / 2,
        bottom - 0.025 * width_um,
        f"{bar_um} µm",
        ha="center",
        va="bottom",
        fontsize=7.5,
        color=INK,
        bbox={"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.75},
    )
    if title == "mitosis":
        ax.plot(width_um / 2, width_um / 2, marker="o", ms=46, mfc="none", mec=VERMILION, mew=1.4)


def _places(slide: Slide, truth: SlideTruth) -> list[tuple[str, NDArray[np.float64] | None, float]]:
    """Return title, place in pixels of level 0 and width of each detail."""
    normal = truth.node_mask & ~truth.tumour_mask & ~truth.centre_mask
    biggest = truth.metastases[0] if truth.metastases else None
    inside = biggest.center_xy if biggest else None
    edge = biggest.outline_xy[len(biggest.outline_xy) // 3] if biggest else None
    mitosis = truth.mitoses_xy[len(truth.mitoses_xy) // 2].astype(np.float64) if len(truth.mitoses_xy) else None
    return [
        ("lymphocytes", _darkest(slide, truth, normal), _ZOOM_UM),
        ("germinal centre and its mantle", _border(truth, truth.centre_mask), 1.6 * _ZOOM_UM),
        ("capsule, sinus and fat", _border(truth, truth.node_mask), 1.6 * _ZOOM_UM),
        ("metastasis", inside, _ZOOM_UM),
        ("edge of the metastasis", edge, 1.6 * _ZOOM_UM),
        ("mitosis", mitosis, _CLOSE_UM),
    ]


def _darkest(slide: Slide, truth: SlideTruth, mask: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Return the place in a mask whose surroundings are darkest, away from the mask's border."""
    from scipy.ndimage import binary_erosion, gaussian_filter

    grey = slide.thumbnail(size=len(mask)).mean(axis=-1)
    inner = binary_erosion(mask, iterations=3)
    if grey.shape != mask.shape or not inner.any():
        return None
    row, column = np.unravel_index(np.where(inner, gaussian_filter(grey, 2), np.inf).argmin(), mask.shape)
    return (np.array([column, row]) + 0.5) * truth.mask_step


def _border(truth: SlideTruth, mask: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Return a place on the right border of a mask."""
    if not mask.any():
        return None
    row, column = np.argwhere(mask)[mask.sum() // 2]
    beyond = np.flatnonzero(~mask[row, column:])
    return (np.array([column + (beyond[0] if len(beyond) else 0), row]) + 0.5) * truth.mask_step
