"""Gallery of the marrow in the flow cytometer: where the populations lie, and the few cells that matter."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from course_lib.data.fcs import arcsinh_transform, compensate
from course_lib.data.phantoms.flow_cytometry import FLOW_CHANNELS, FLOW_MARKERS, FLOW_POPULATIONS, FlowCases
from course_lib.figures.page import BLUE, INK, VERMILION

__all__ = ["plot_flow_samples"]

_VIEWS = (("CD45", "SSC-A"), ("CD19", "CD10"), ("CD81", "CD38"))
_PROGENITOR, _LEUKAEMIC = 5, 7
_DRAWN = 20_000  # of the events that are not leukaemic: more make the figure larger, not clearer


def plot_flow_samples(cases: FlowCases) -> Figure:
    """Draw a row a tube (the first three): CD45 and side scatter, CD19 and CD10, CD81 and CD38 of the CD19-positive.

    Parameters
    ----------
    cases : FlowCases
        At least one tube.

    Returns
    -------
    matplotlib Figure
        Compensated, arcsinh scale; healthy cells grey, B-cell progenitors blue, leukaemic cells vermilion.

    Raises
    ------
    ValueError
        If there is no tube.

    Examples
    --------
    >>> from course_lib.data.phantoms.flow_cytometry import make_flow_samples
    >>> figure = plot_flow_samples(make_flow_samples(1, num_events=500))
    >>> [ax.get_xlabel() for ax in figure.axes]
    ['CD45 (arcsinh)', 'CD19 (arcsinh)', 'CD81 (arcsinh)']
    """
    number = min(3, len(cases.events))
    if not number:
        raise ValueError("cases needs at least one tube, got 0")
    figure = plt.figure(figsize=(9, 3.1 * number))
    grid: Any = figure.subplots(number, len(_VIEWS), squeeze=False)
    for index, row in enumerate(grid):
        values, labels = arcsinh_transform(compensate(cases.sample(index)).events), cases.labels[index]
        for view, ax in zip(_VIEWS, row, strict=True):
            _draw_view(values, labels, view, ax)
        _name_populations(values, labels, row[0])
        share = f"{cases.mrd_fractions[index]:.1e}" if cases.mrd_fractions[index] else "0"
        row[0].set_title(f"tube {index + 1}: all cells")
        row[1].set_title(f"{cases.mrd_counts[index]:,} leukaemic of {len(labels):,}")
        row[2].set_title(f"marrow's share {share}: CD19-positive")
    handles = grid[0, 2].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=3, markerscale=4)
    return figure


def _draw_view(values: NDArray[Any], labels: NDArray[np.uint8], view: tuple[str, str], ax: Axes) -> None:
    columns = [_column(name) for name in view]
    kept = values[:, _column("CD19")] > 2 if view == ("CD81", "CD38") else np.ones(len(labels), bool)
    kept[_DRAWN:] &= labels[_DRAWN:] == _LEUKAEMIC
    groups = (
        ("other cells", ~np.isin(labels, (_PROGENITOR, _LEUKAEMIC)), "#8C8C8C", 0.6),
        ("B-cell progenitors (healthy)", labels == _PROGENITOR, BLUE, 0.8),
        ("leukaemic cells", labels == _LEUKAEMIC, VERMILION, 7),
    )
    for name, group, colour, size in groups:
        x, y = values[kept & group][:, columns].T
        ax.scatter(x, y, s=size, color=colour, linewidths=0, label=name, rasterized=True)
    ax.set_xlabel(f"{view[0]} (arcsinh)")
    ax.set_ylabel(f"{view[1]} (arcsinh)")
    ax.set_xlim(-2, 8)
    ax.set_ylim((3, 8.5) if view[1] == "SSC-A" else (-2, 8))


def _name_populations(values: NDArray[Any], labels: NDArray[np.uint8], ax: Axes) -> None:
    """Write each large population's name above its middle."""
    for place in (0, 1, 2, 4):
        cells = values[labels == place]
        if len(cells):
            x, y = np.median(cells[:, [_column("CD45"), _column("SSC-A")]], axis=0)
            name = " ".join(FLOW_POPULATIONS[place].split()[:-1]) or FLOW_POPULATIONS[place]
            box = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.8}
            ax.text(x, y + 0.55, name, ha="center", va="bottom", fontsize=7.5, color=INK, bbox=box)


def _column(name: str) -> int:
    return FLOW_MARKERS.index(name) if name in FLOW_MARKERS else FLOW_CHANNELS.index(name)
