"""The gallery of nodules and microbleeds: lesions and mimics in one slice, and the whole cube seen through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from course_lib.data.windows import CT_WINDOWS
from course_lib.figures.page import ORANGE, SKY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from course_lib.data.phantoms.small_lesions import SmallLesions

__all__ = ["plot_small_lesions"]

_NAMES = ("lesion", "vessel", "calcification")


def plot_small_lesions(cases: SmallLesions) -> Figure:
    """Draw each case in a row: a lesion, two mimics, and the projection of the whole cube.

    Parameters
    ----------
    cases : SmallLesions
        At least one case. Lung is drawn in the lung window with the projection of the highest HU, brain from 0 to 1.4
        with the projection of the darkest voxels.

    Returns
    -------
    matplotlib Figure
        What the title names is circled: a lesion in orange, a mimic in blue; in the projection, lesions only. Axes
        are in mm.

    Raises
    ------
    ValueError
        If there is no case.

    Examples
    --------
    >>> from course_lib.data.phantoms.small_lesions import make_lung_nodules
    >>> len(plot_small_lesions(make_lung_nodules(1)).axes)
    4
    """
    number = len(cases.images)
    if number == 0:
        raise ValueError("cases needs at least one case to draw, got none")
    figure = Figure(figsize=(10, 2.6 * number + 0.3), layout="constrained")
    axes = figure.subplots(number, 4, squeeze=False)
    for case in range(number):
        rows = np.flatnonzero(cases.cases == case)
        inside = ((cases.centers[rows] >= 3) & (cases.centers[rows] < cases.images.shape[-1] - 3)).all(axis=1)
        lesions, vessels, others = (rows[inside & (cases.kinds[rows] == kind)] for kind in range(3))
        widest = vessels[np.argsort(-cases.diameters_mm[vessels])]
        for ax, row in zip(axes[case], [lesions[0], *others[:1], *widest[:2]][:3], strict=False):
            _draw_slice(ax, cases, int(row))
        _draw_projection(axes[case, 3], cases, case, lesions.tolist())
        axes[case, 0].set_ylabel(f"case {case}: rows (mm)")
    for ax in axes[-1]:
        ax.set_xlabel("columns (mm)")
    return figure


def _draw_slice(ax: Axes, cases: SmallLesions, row: int) -> None:
    z = round(float(cases.centers[row, 0]))
    _show(ax, cases.images[cases.cases[row], 0, z], cases)
    kind = int(cases.kinds[row])
    ax.set_title(f"{_NAMES[kind]}, {cases.diameters_mm[row]:.1f} mm")
    _circle(ax, cases, row, SKY if kind else ORANGE)


def _draw_projection(ax: Axes, cases: SmallLesions, case: int, lesions: list[int]) -> None:
    cube = cases.images[case, 0]
    _show(ax, cube.max(axis=0) if _is_lung(cases) else cube.min(axis=0), cases)
    ax.set_title("highest of all slices" if _is_lung(cases) else "darkest of all slices")
    for row in lesions:
        _circle(ax, cases, row, ORANGE)


def _show(ax: Axes, picture: np.ndarray, cases: SmallLesions) -> None:
    low, high = (CT_WINDOWS["lung"].low_hu, CT_WINDOWS["lung"].high_hu) if _is_lung(cases) else (0.0, 1.4)
    side = picture.shape[0] * float(cases.spacing_mm[1])
    ax.imshow(picture, cmap="gray", vmin=low, vmax=high, extent=(0, side, side, 0), interpolation="bilinear")


def _circle(ax: Axes, cases: SmallLesions, row: int, colour: str) -> None:
    _, y, x = (cases.centers[row] + 0.5) * cases.spacing_mm
    size = 0.75 * cases.diameters_mm[row] + 2
    turn = np.linspace(0, 2 * np.pi, 60)
    ax.plot(x + size * np.cos(turn), y + size * np.sin(turn), color=colour, linestyle="-", linewidth=1.4)
    side = cases.images.shape[-1] * float(cases.spacing_mm[1])
    ax.set(xlim=(0, side), ylim=(side, 0))


def _is_lung(cases: SmallLesions) -> bool:
    return bool(np.median(cases.images[0]) < -100)
