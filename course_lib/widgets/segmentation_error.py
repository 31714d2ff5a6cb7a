"""Errors that contours have (shifted, too large, with holes, with islands), and what each measure says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from scipy import ndimage

from course_lib.figures.page import BLUE, GREY, INK, VERMILION
from course_lib.metrics.segmentation import overlap
from course_lib.metrics.surfaces import surface_distances
from course_lib.widgets.explorer import explore
from course_lib.widgets.light import lighten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

__all__ = ["disturb_mask", "segmentation_error_explorer"]

SIDE = 96  # pixels of 1 mm in the explorer
PATCH = 3  # voxels along each side of a hole or an island
BOTH = (0.62, 0.62, 0.62)
MISSED, TOO_MUCH = (0.0, 0.447, 0.698), (0.835, 0.369, 0.0)  # blue, vermilion


def disturb_mask(mask: ArrayLike, *, shift: int = 0, grow: int = 0, holes: int = 0, islands: int = 0) -> NDArray[Any]:
    """Make the contour of a mask wrong in known ways; the same arguments give the same errors.

    Parameters
    ----------
    mask : ([D,] H, W) array
        The truth; above 0 is inside.
    shift : int
        Voxels along the last axis, towards its end if positive; what leaves the image is lost.
    grow : int
        Voxels added all round, or taken away if negative, counted along the axes.
    holes : int
        Pieces of 3 voxels a side cut out, the first at the deepest place, the next as deep as there is room.
    islands : int
        Such pieces added outside, the first where there is most room.

    Returns
    -------
    ([D,] H, W) bool array

    Raises
    ------
    ValueError
        If the mask has not two or three axes, or holes or islands are below 0.

    Examples
    --------
    >>> disc = np.hypot(*(np.indices((40, 40)) - 20)) < 8
    >>> [int(disturb_mask(disc, **each).sum() - disc.sum()) for each in ({"holes": 1}, {"islands": 2})]
    [-9, 18]
    """
    truth = np.asarray(mask) > 0
    if truth.ndim not in (2, 3) or not truth.size:
        raise ValueError(f"mask needs two or three axes and a voxel, got the shape {truth.shape}")
    if holes < 0 or islands < 0:
        raise ValueError(f"holes and islands are numbers from 0, got {holes} and {islands}")
    wrong = np.zeros_like(truth)
    width = truth.shape[-1]
    step = max(-width, min(width, shift))
    wrong[..., max(step, 0) : width + min(step, 0)] = truth[..., max(-step, 0) : width - max(step, 0)]
    if grow > 0:
        wrong = ndimage.binary_dilation(wrong, iterations=grow)
    elif grow < 0:
        wrong = ndimage.binary_erosion(wrong, iterations=-grow)
    for places, number, value in ((wrong, holes, False), (~(wrong | truth), islands, True)):
        for box in _deepest(places, number):
            wrong[box] = value
    return wrong


def segmentation_error_explorer() -> None:
    """Spoil the contour of a round organ and see which measure moves.

    Examples
    --------
    >>> segmentation_error_explorer()  # doctest: +ELLIPSIS
    A disc...
    """
    explore(
        _draw_errors,
        alt="A disc of 40 mm and a contour that is shifted by 2 mm: a blue sickle is missed, an orange one is too "
        "much. Bars: Dice 0.94, IoU 0.88; ASSD 1.2 mm, both HD95 and HD 2 mm.",
        diameter_mm=(6, 60, 2),
        shift_mm=(0, 20),
        grow_mm=(-5, 5),
        holes=(0, 6),
        islands=(0, 6),
    )


def _draw_errors(
    *, diameter_mm: int = 40, shift_mm: int = 2, grow_mm: int = 0, holes: int = 0, islands: int = 0
) -> Figure:
    """Draw what both contours share, what is missed and what is too much; beside it two groups of bars."""
    rows, columns = np.indices((SIDE, SIDE))
    truth = np.hypot(rows - SIDE / 2 + 0.5, columns - SIDE / 2 + 0.5) < diameter_mm / 2
    drawn = disturb_mask(truth, shift=shift_mm, grow=grow_mm, holes=holes, islands=islands)
    counts = overlap(truth, drawn)
    distances = surface_distances(truth, drawn, spacing_mm=(1, 1))
    shares = {"Dice": counts.dice(), "IoU": counts.jaccard()}
    lengths = {
        "ASSD": distances.mean_mm(),
        "HD95, pooled": distances.pooled_percentile_mm(),
        "HD95, worse": distances.worse_percentile_mm(),
        "HD": distances.max_mm(),
    }
    figure = plt.figure(figsize=(7.6, 3.7), layout="none")
    picture = figure.add_axes((0.07, 0.14, 0.4, 0.82))
    colours = np.ones((SIDE, SIDE, 3))
    for mask, colour in ((truth & drawn, BOTH), (truth & ~drawn, MISSED), (drawn & ~truth, TOO_MUCH)):
        colours[mask] = colour
    picture.imshow(colours, extent=(0, SIDE, SIDE, 0), interpolation="nearest")
    picture.set(xlabel="mm", ylabel="mm", xticks=(0, 40, 80), yticks=(0, 40, 80))
    picture.text(2, 5, "missed", color=BLUE, va="center")
    picture.text(94, 5, "too much", color=VERMILION, va="center", ha="right")
    bars = figure.add_axes((0.66, 0.14, 0.3, 0.76))
    bars.set_axis_off()  # each bar has its number: two axes less to draw while a slider moves
    bars.set(xlim=(0, 1.25), ylim=(6.5, -0.5))
    _bars(shares, bars, top=0, limit=1.0, form="{:.3f}")
    _bars(lengths, bars, top=2.7, limit=60.0, form="{:.1f} mm")
    figure.text(0.5, 0.94, f"volume {100 * counts.rvd():+.0f}%", color=INK)
    return lighten(figure)


def _bars(values: dict[str, float], ax: Axes, *, top: float, limit: float, form: str) -> None:
    """Draw a bar for each measure, its name before it and its number behind; an infinite one has its full length."""
    for row, (name, value) in enumerate(values.items()):
        length = min(value, limit) / limit if np.isfinite(value) else 1.0
        ax.barh([top + row], [length], color=GREY, height=0.62)
        ax.text(-0.03, top + row, name, va="center", ha="right")
        words = form.format(value) if np.isfinite(value) else "infinite"
        ax.text(length + 0.03, top + row, words, va="center", color=INK)


def _deepest(places: NDArray[np.bool_], number: int) -> list[tuple[slice, ...]]:
    """Find boxes of `PATCH` voxels a side in `places`, each as far from the border and from the others as can be."""
    boxes: list[tuple[slice, ...]] = []
    free = places.copy()
    while len(boxes) < number and free.any():
        depth = ndimage.distance_transform_edt(np.pad(free, 1))
        middle = np.array(np.unravel_index(int(depth.argmax()), depth.shape)) - 1
        boxes.append(tuple(slice(max(0, int(at) - PATCH // 2), int(at) + PATCH // 2 + 1) for at in middle))
        free[boxes[-1]] = False
    return boxes
