"""Contours and what is measured of them: outlines, readers, distances with their percentiles, boxes, FROC, places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from course_lib.figures.numbers import as_array
from course_lib.figures.page import BLUE, GREY, INK, ORANGE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike


__all__ = ["plot_boxes", "plot_contours", "plot_froc", "plot_percentiles", "plot_places", "plot_readers"]

SHADES = 6  # of the background, which is smoothed: the outlines are looked at, and the notebook stays small
DASHES: tuple[Any, ...] = ("-", "--", ":", "-.", (0, (7, 1.5, 1, 1.5, 1, 1.5)))
READERS = tuple(zip((BLUE, INK, BLUE, INK, BLUE), DASHES, strict=True))  # two colours only: the notebook stays small


def plot_contours(
    image: ArrayLike, ax: Axes, *, mask_true: ArrayLike, mask_pred: ArrayLike, spacing_mm: Sequence[float]
) -> Axes:
    """Draw the outlines of two masks over a slice: the true one blue, the predicted one orange and dashed.

    Parameters
    ----------
    image : (H, W) array
        Grey; darker is lower. It is shown a little smoothed, in few shades.
    ax : matplotlib Axes
        Where to draw.
    mask_true, mask_pred : (H, W) array of bool
        An empty mask has no outline.
    spacing_mm : sequence of 2 float
        Distance of the rows, of the columns.

    Returns
    -------
    matplotlib Axes
        The same `ax`, in mm.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> mask = np.pad(np.ones((2, 2), bool), 2)
    >>> ax = Figure().add_subplot()
    >>> plot_contours(mask, ax, mask_true=mask, mask_pred=mask, spacing_mm=(2, 1)).get_xlabel()
    'mm'
    """
    _one_shape(image, mask_true, mask_pred)
    _background(image, ax, spacing_mm)
    for mask, colour, line in ((mask_true, SKY, "-"), (mask_pred, ORANGE, "--")):
        _outline(mask, ax, spacing_mm, colors=[colour], linestyles=[line], linewidths=1.6)
    return ax


def plot_readers(image: ArrayLike, ax: Axes, *, masks: ArrayLike, spacing_mm: Sequence[float]) -> Axes:
    """Draw the outlines that up to five readers gave to one slice, each with a pattern of dashes of its own.

    Parameters
    ----------
    image : (H, W) array
        Grey; darker is lower. It is shown pale, a little smoothed, in few shades.
    ax : matplotlib Axes
        Where to draw.
    masks : (R, H, W) array of bool
        One mask a reader, 1 to 5 of them; an empty one has no outline, but a line in the legend.
    spacing_mm : sequence of 2 float
        Distance of the rows, of the columns.

    Returns
    -------
    matplotlib Axes
        The same `ax`, in mm, without a legend: call ``ax.legend()``.

    Raises
    ------
    ValueError
        If the shapes differ, or there is no reader, or more than five.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> mask = np.pad(np.ones((2, 2), bool), 2)
    >>> ax = plot_readers(mask, Figure().add_subplot(), masks=[mask, ~mask], spacing_mm=(2, 1))
    >>> ax.get_legend_handles_labels()[1]
    ['reader 1', 'reader 2']
    """
    readers = list(np.asarray(masks))
    if not 1 <= len(readers) <= len(READERS):
        raise ValueError(f"masks needs 1 to {len(READERS)} readers, got {len(readers)}")
    _one_shape(image, *readers)
    _background(image, ax, spacing_mm, darkest=-3 * SHADES)
    for number, (mask, (colour, line)) in enumerate(zip(readers, READERS, strict=False), start=1):
        _outline(mask, ax, spacing_mm, colors=[colour], linestyles=[line], linewidths=1.3)
        ax.plot([], [], color=colour, linestyle=line, linewidth=1.3, label=f"reader {number}")
    return ax


def plot_percentiles(distances: Any, ax: Axes, *, percent: float = 95, lowest: float = 0) -> Axes:
    """Draw which share of the border lies within which distance, in each direction and pooled, and one percentile.

    Parameters
    ----------
    distances : SurfaceDistances
        Anything with `true_to_pred_mm`, `pred_to_true_mm`, `pooled_mm` and the two percentile methods.
    ax : matplotlib Axes
        Where to draw.
    percent : float
        0 to 100.
    lowest : float
        Where the y axis starts, below `percent`.

    Returns
    -------
    matplotlib Axes
        The same `ax`; x is mm, y per cent.

    Raises
    ------
    ValueError
        If there is no distance, or the axis would not show the percentile.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from course_lib.metrics import SurfaceDistances
    >>> distances = SurfaceDistances(np.array([0.0] * 9 + [10]), np.zeros(10))
    >>> [text.get_text() for text in plot_percentiles(distances, Figure().add_subplot()).texts]
    ['pooled 0.5 mm', 'worse 5.5 mm']
    """
    if not len(distances.pooled_mm):
        raise ValueError("distances needs at least one distance, got two empty masks")
    if not lowest < percent:
        raise ValueError(f"lowest must be below the percentile {percent}, got {lowest}")
    lines = {
        "from true to drawn": (distances.true_to_pred_mm, BLUE, "-"),
        "from drawn to true": (distances.pred_to_true_mm, ORANGE, "--"),
        "both pooled": (distances.pooled_mm, INK, ":"),
    }
    for name, (values, colour, line) in lines.items():
        shares = np.linspace(0, 100, len(values)) if len(values) > 1 else np.full(len(values), 100.0)
        ax.plot(values, shares, color=colour, linestyle=line, label=name)  # as the percentile is interpolated
    ax.axhline(percent, color=GREY, linestyle="-", linewidth=0.8)
    two = {"pooled": distances.pooled_percentile_mm(percent), "worse": distances.worse_percentile_mm(percent)}
    for (name, value), up in zip(two.items(), (18, 4), strict=True):  # read off at the foot, where no curve runs
        ax.plot([value, value], [lowest, percent], color=GREY, linestyle="-", linewidth=0.8)
        ax.plot([value], [percent], "o", color=VERMILION)
        ax.annotate(f"{name} {value:.1f} mm", (value, lowest), (5, up), textcoords="offset points", color=INK)
    ax.set(xlabel="distance to the other border (mm)", ylabel="share of the border (%)")
    ax.set_ylim(lowest, 100 + 0.02 * (100 - lowest))
    ax.set_xlim(left=-0.02 * max(float(distances.pooled_mm[-1]), 1e-6))
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 0.16))
    return ax


def plot_boxes(groups: Mapping[str, ArrayLike], ax: Axes, *, label: str) -> Axes:
    """Draw a box for each group (quartiles, median) with every case as a point upon it.

    Parameters
    ----------
    groups : dict of (N,) arrays
        From the name of a group to the values of its cases, finite; the first is on the left.
    ax : matplotlib Axes
        Where to draw.
    label : str
        What is measured, with its unit.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If there is no group, or a group has no case.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_boxes({"1": [0.8, 0.9], "9": [0.9, 0.95]}, Figure().add_subplot(), label="Dice")
    >>> ax.get_ylabel()
    'Dice'
    """
    values = {name: as_array(each).astype(float).ravel() for name, each in groups.items()}
    if not values or any(not len(each) for each in values.values()):
        raise ValueError(f"groups needs at least one group and a case in each, got {list(groups)}")
    looks: dict[str, Any] = {name: {"color": GREY, "linestyle": "-"} for name in ("boxprops", "whiskerprops")}
    median = {"color": VERMILION, "linewidth": 2, "linestyle": "-"}
    ax.boxplot(list(values.values()), showfliers=False, widths=0.55, medianprops=median, **looks)
    for place, each in enumerate(values.values(), start=1):
        aside = np.linspace(-0.12, 0.12, len(each)) if len(each) > 1 else np.zeros(1)
        ax.plot(place + aside, each, "o", color=BLUE, markersize=3.5, alpha=0.7)
    ax.set_xticks(range(1, len(values) + 1), list(values))
    ax.set_ylabel(label)
    return ax


def plot_froc(curve: Any, ax: Axes, *, intervals: Any = None, most: float = 8) -> Axes:
    """Draw the share of lesions that are found against false alarms an image, with intervals at chosen rates.

    Parameters
    ----------
    curve : FrocCurve
        With `sensitivity` and `false_positives_per_image`.
    ax : matplotlib Axes
        Where to draw.
    intervals : FrocIntervals, optional
        With `rates` and `sensitivity`.
    most : float
        End of the x axis, above 0.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If the axis would have no length.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from course_lib.metrics import Detections, froc_curve
    >>> found = froc_curve(Detections([0.9, 0.8], image=[0, 0], lesion=[0, -1], lesions_per_image=[2]))
    >>> plot_froc(found, Figure().add_subplot()).get_xlabel()
    'false alarms a patient'
    """
    if not most > 0:
        raise ValueError(f"most needs a rate above 0, got {most}")
    rates, sensitivity = np.asarray(curve.false_positives_per_image), np.asarray(curve.sensitivity)
    ax.plot([*rates, most], 100 * np.append(sensitivity, sensitivity[-1]), color=BLUE, linestyle="-")
    if intervals is not None:
        for rate, interval in zip(intervals.rates, intervals.sensitivity, strict=True):
            ax.plot([rate, rate], [100 * interval.low, 100 * interval.high], color=VERMILION, linestyle="-")
            ax.plot([rate], [100 * curve.sensitivity_at(rate)], "o", color=VERMILION)
    ax.set(xlabel="false alarms a patient", ylabel="lesions found (%)", xlim=(0, 1.02 * most), ylim=(0, 102))
    return ax


def plot_places(teams: Sequence[str], stability: Any, ax: Axes) -> Axes:
    """Draw the place of each team as a point, and in which places it would have ended with other cases.

    Parameters
    ----------
    teams : sequence of T str
        Names, in the order of `stability`.
    stability : RankStability
        With `places`, `interval` and `first_share`.
    ax : matplotlib Axes
        Where to draw; the winner is on top.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If there is not one name a team.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from course_lib.metrics import rank_stability
    >>> stability = rank_stability([[[0.9], [0.8]], [[0.6], [0.5]]], higher_is_better=[True])
    >>> [text.get_text() for text in plot_places("AB", stability, Figure().add_subplot()).texts]
    ['first in 100%', 'first in 0%']
    """
    if len(teams) != len(stability.places):
        raise ValueError(f"teams needs {len(stability.places)} names, got {len(teams)}")
    order = np.argsort(stability.places, kind="stable")
    for row, team in enumerate(order):
        interval = stability.interval[team]
        ax.plot([interval.low, interval.high], [row, row], color=SKY, linestyle="-", linewidth=6)
        ax.plot([stability.places[team]], [row], "o", color=INK)
        words = f"first in {100 * stability.first_share[team]:.0f}%"
        ax.text(len(teams) + 0.4, row, words, va="center", fontsize=9)
    ax.set_yticks(range(len(order)), [str(teams[team]) for team in order])
    ax.set(xlabel="place: point of all cases, bar 95% of the draws", xlim=(0.7, len(teams) + 1.8))
    ax.set(xticks=range(1, len(teams) + 1), ylim=(len(order) - 0.5, -0.5))
    return ax


def _one_shape(*arrays: ArrayLike) -> None:
    shapes = {np.shape(each) for each in arrays}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise ValueError(f"image and masks need one shape (H, W), got {sorted(shapes)}")


def _background(image: ArrayLike, ax: Axes, spacing_mm: Sequence[float], *, darkest: float = 0) -> None:
    """Show the image in mm; what is lowest in it is black, or paler the farther `darkest` lies below 0."""
    height, width = (n * size for n, size in zip(np.shape(image), spacing_mm, strict=True))
    calm = ndimage.gaussian_filter(as_array(image).astype(float), 1)
    steps = np.round((SHADES - 1) * (calm - calm.min()) / max(np.ptp(calm), 1e-9))
    grey: dict[str, Any] = {"vmin": darkest, "vmax": SHADES - 1} if darkest < 0 else {}
    ax.imshow(steps, cmap="gray", extent=(0, width, height, 0), interpolation="nearest", **grey)
    ax.set(xlabel="mm", ylabel="mm", xlim=(0, width), ylim=(height, 0))


def _outline(mask: ArrayLike, ax: Axes, spacing_mm: Sequence[float], **looks: Any) -> None:
    """Draw the line half-way between the voxels inside and outside."""
    if np.any(mask):
        rows, columns = ((np.arange(n) + 0.5) * size for n, size in zip(np.shape(mask), spacing_mm, strict=True))
        ax.contour(columns, rows, np.asarray(mask, dtype=float), levels=[0.5], **looks)
