"""Chest films with what a net says of them: an activation map over a film, areas with intervals, reported columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from course_lib.figures.numbers import as_array
from course_lib.figures.page import BLUE, GREY, ORANGE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from course_lib.metrics.delong import AucEstimate

__all__ = ["plot_activation", "plot_areas", "plot_reported_areas"]

_CLEAR_TO_ORANGE = LinearSegmentedColormap.from_list("clear to orange", [(*to_rgb(ORANGE), 0), (*to_rgb(ORANGE), 0.75)])
_MARKERS = "^sDovP"


def plot_activation(
    image: ArrayLike,
    activation: ArrayLike,
    ax: Axes,
    *,
    mask: ArrayLike | None = None,
    spacing_mm: tuple[float, float] = (1.0, 1.0),
) -> Axes:
    """Draw a film in grey, where a net found a finding in orange, its peak as a cross, the truth outlined in blue.

    Parameters
    ----------
    image : (H, W) array, 0 … 1
        0 is black.
    activation : (H, W) array
        The map, drawn in five steps: values of 0 and less stay clear, its largest one is full orange.
    ax : matplotlib Axes
        Where to draw.
    mask : (H, W) array of bool, optional
        Where the finding truly is.
    spacing_mm : (float, float)
        Height and width of a pixel.

    Returns
    -------
    matplotlib Axes
        The same `ax`, in mm.

    Raises
    ------
    ValueError
        If the three are not of one shape (H, W).

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_activation(np.zeros((8, 8)), np.eye(8), Figure().add_subplot(), spacing_mm=(2, 2))
    >>> ax.get_xlim() == (0, 16)
    True
    """
    film, votes = as_array(image), as_array(activation)
    truth = np.zeros(film.shape, bool) if mask is None else as_array(mask).astype(bool)
    if film.ndim != 2 or not film.size or not film.shape == votes.shape == truth.shape:
        shapes = f"{film.shape}, {votes.shape} and {truth.shape}"
        raise ValueError(f"image, activation and mask need one shape (H, W), got {shapes}")
    high, wide = (pixels * mm for pixels, mm in zip(film.shape, spacing_mm, strict=True))
    extent = (0.0, float(wide), float(high), 0.0)
    # Few shades of grey and of orange: 48 times 5 fit into the palette of a small file.
    shades, steps = np.round(47 * film) / 47, np.round(4 * votes.clip(0) / max(float(votes.max()), 1e-9)) / 4
    ax.imshow(shades, cmap="gray", vmin=0, vmax=1, extent=extent, interpolation="nearest")
    ax.imshow(steps, cmap=_CLEAR_TO_ORANGE, vmin=0, vmax=1, extent=extent, interpolation="nearest")
    if truth.any() and not truth.all():
        middle = [(np.arange(n) + 0.5) * mm for n, mm in zip(film.shape, spacing_mm, strict=True)]
        ax.contour(middle[1], middle[0], truth.astype(float), levels=[0.5], colors=[SKY], linewidths=1.3)
    row, column = np.unravel_index(int(votes.argmax()), votes.shape)
    peak = (float(column) + 0.5) * spacing_mm[1], (float(row) + 0.5) * spacing_mm[0]
    ax.plot(*peak, "x", color=VERMILION, markersize=8, markeredgewidth=2)
    ax.set(xlim=extent[:2], ylim=extent[2:], xlabel="mm", ylabel="mm")
    return ax


def plot_areas(
    names: Sequence[str], areas: Sequence[AucEstimate], ax: Axes, *, baseline: Sequence[float] | None = None
) -> Axes:
    """Draw the area under the ROC curve of each finding with its interval, the first on top.

    Parameters
    ----------
    names : sequence of L names
        Of the findings.
    areas : sequence of L results of `course_lib.metrics.delong_auc`
        What was measured.
    ax : matplotlib Axes
        Where to draw.
    baseline : sequence of L numbers, optional
        The areas of a simpler method, drawn as open circles.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If the lengths differ, or there is no finding.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from course_lib.metrics import delong_auc
    >>> area = delong_auc([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.9])
    >>> ax = plot_areas(["Mass"], [area], Figure().add_subplot())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['Mass']
    """
    lengths = {len(names), len(areas), len(names if baseline is None else baseline)}
    if len(lengths) > 1 or not names:
        raise ValueError(f"names, areas and baseline need one entry a finding, got {sorted(lengths)} entries")
    place = np.arange(len(names))
    for row, area in zip(place, areas, strict=True):
        span = [area.interval.low, area.interval.high]
        ax.plot(span, [row, row], "-", color=BLUE, linewidth=2.2, solid_capstyle="butt")
    ax.plot([area.auc for area in areas], place, "o", color=BLUE, label="net, 95% interval")
    if baseline is not None:
        ax.plot(baseline, place, "o", mfc="none", color=VERMILION, label="baseline")
    _rows_of_findings(ax, names)
    return ax


def plot_reported_areas(names: Sequence[str], columns: Mapping[str, Sequence[float]], ax: Axes) -> Axes:
    """Draw areas that others have reported, without intervals: a marker a study, the first finding on top.

    Parameters
    ----------
    names : sequence of L names
        Of the findings.
    columns : mapping from the name of a study to L numbers
        At most six studies.
    ax : matplotlib Axes
        Where to draw.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If a column has another length, or there are no columns or too many.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_reported_areas(["Mass"], {"2017": [0.7]}, Figure().add_subplot())
    >>> ax.get_xlabel()
    'area under the ROC curve'
    """
    if not 1 <= len(columns) <= len(_MARKERS):
        raise ValueError(f"columns needs 1 to {len(_MARKERS)} studies, got {len(columns)}")
    for study, values in columns.items():
        if len(values) != len(names):
            raise ValueError(f"{study} needs one area for each of {len(names)} findings, got {len(values)}")
    for (study, values), marker, colour in zip(columns.items(), _MARKERS, [GREY, SKY, VERMILION] * 2, strict=False):
        ax.plot(values, np.arange(len(names)), marker, color=colour, markersize=5, label=study)
    _rows_of_findings(ax, names)
    return ax


def _rows_of_findings(ax: Axes, names: Sequence[str]) -> None:
    ax.axvline(0.5, color=GREY, linewidth=1, linestyle=":")
    ax.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    ax.set(xlabel="area under the ROC curve", xlim=(0.35, 1.02), ylim=(len(names) - 0.4, -0.6))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=8, frameon=False)
