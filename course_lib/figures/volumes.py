"""Volumes: a slice in millimetres with the sides of the patient written on it, and the window that it is seen through.

Slices lie as radiologists look at them: axial from the feet and coronal from the front, so that the patient's right is
at the left of the picture; sagittal with the face to the left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from course_lib.data.medical_image import MedicalImage
from course_lib.figures.numbers import as_array, written
from course_lib.figures.page import BLUE, INK, ORANGE, RUST, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from course_lib.data.windows import CtWindow

__all__ = ["plot_slice", "plot_window"]

_PLANES = {  # fixed axis, horizontal axis, vertical axis, letters at left, right, top, bottom of the picture
    "axial": (2, 0, 1, "RLAP"),
    "coronal": (1, 0, 2, "RLSI"),
    "sagittal": (0, 1, 2, "APSI"),
}


_SHADES = 16  # steps of grey: the notebook stays small, and the eye sees no difference


def plot_slice(
    image: MedicalImage,
    ax: Axes,
    *,
    plane: str = "axial",
    at_mm: float = 0,
    window: tuple[float, float] | None = None,
    outline: MedicalImage | None = None,
    marks: Mapping[str, Sequence[float]] | None = None,
) -> Axes:
    """Draw one slice of a volume where its affine says that it lies, with R, L, A, P, S and I at the edges.

    Parameters
    ----------
    image : MedicalImage
        3-D, its axes along those of the body, in any order and direction.
    ax : matplotlib Axes
        Where to draw.
    plane : "axial", "coronal" or "sagittal"
        Which way to cut.
    at_mm : float
        Where to cut: z, y or x of the slice in mm; the nearest slice is taken.
    window : (low, high), optional
        What becomes black and what white; the whole range without it.
    outline : MedicalImage, optional
        A 3-D mask on any grid, outlined.
    marks : mapping from a name to (x, y, z) in mm, optional
        Places to mark with a ring, whatever their distance to the slice.

    Returns
    -------
    matplotlib Axes
        The same `ax`, in mm of the patient.

    Raises
    ------
    ValueError
        If the plane has another name, the volume is not 3-D or lies askew, or the slice lies outside.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> image = MedicalImage(np.zeros((4, 3, 2), np.float32), np.diag([-1.0, -1.0, 5.0, 1.0]))
    >>> plot_slice(image, Figure().add_subplot(), at_mm=5).get_xlabel()
    'x (mm)'
    """
    if plane not in _PLANES:
        raise ValueError(f"plane needs one of {', '.join(_PLANES)}, got {plane!r}")
    _, across, up, letters = _PLANES[plane]
    pixels, extent = _cut(image, plane, at_mm)
    low, high = window or (float(pixels.min()), float(pixels.max()))
    shades = np.clip((pixels - low) / max(high - low, 1e-6), 0, 1)
    shades = (_SHADES * shades).round() / _SHADES
    ax.imshow(shades, cmap="gray", vmin=0, vmax=1, origin="lower", extent=extent)
    if outline is not None:
        _draw_outline(outline, ax, plane, at_mm)
    for name, place in (marks or {}).items():
        ax.plot(place[across], place[up], "o", markersize=11, markerfacecolor="none", markeredgecolor=VERMILION, mew=2)
        look: dict[str, Any] = {
            "color": RUST,
            "ha": "center",
            "fontsize": 9,
            "bbox": {"fc": "white", "ec": "none", "pad": 1},
        }
        ax.annotate(name, (place[across], place[up]), (0, 11), textcoords="offset points", **look)
    ax.set_xlim(extent[1], extent[0])  # mm grow to the left of the picture, see the module
    ax.set_ylim(extent[2], extent[3])
    ax.set(xlabel=f"{'xyz'[across]} (mm)", ylabel=f"{'xyz'[up]} (mm)")
    ax.set_title(f"{plane}, {'xyz'[_PLANES[plane][0]]} = {written(at_mm)} mm")
    ax.set_aspect("equal")
    for letter, (x, y) in zip(letters, ((0.03, 0.5), (0.97, 0.5), (0.5, 0.96), (0.5, 0.04)), strict=True):
        ax.text(x, y, letter, transform=ax.transAxes, color=SKY, fontweight="bold", ha="center", va="center")
    return ax


def plot_window(hu: ArrayLike, ax: Axes, window: CtWindow) -> Axes:
    """Draw how often each Hounsfield unit occurs, and the ramp from black to white that a window lays over them.

    Parameters
    ----------
    hu : array
        Hounsfield units, any shape.
    ax : matplotlib Axes
        Where to draw.
    window : CtWindow
        Its centre and width.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Examples
    --------
    >>> from course_lib.data.windows import CtWindow
    >>> from matplotlib.figure import Figure
    >>> plot_window(np.zeros((4, 4)), Figure().add_subplot(), CtWindow(40, 400)).get_xlabel()
    'attenuation (HU)'
    """
    edges = np.linspace(-1100, 1900, 121)
    counts, _ = np.histogram(as_array(hu), edges)
    ax.stairs(counts, edges, fill=True, color="#BBBBBB")
    grey = ax.twinx()
    grey.plot([-1100, window.low_hu, window.high_hu, 1900], [0, 0, 1, 1], color=BLUE)
    grey.set(ylim=(-0.04, 1.04), ylabel="shade (0 black, 1 white)")
    grey.yaxis.label.set_color(BLUE)
    grey.spines["right"].set_visible(True)
    ax.set(xlabel="attenuation (HU)", ylabel="pixels", xlim=(-1100, 1900), xticks=(-1000, 0, 1000))
    ax.yaxis.label.set_color(INK)
    return ax


def _cut(image: MedicalImage, plane: str, at_mm: float) -> tuple[NDArray[Any], tuple[float, float, float, float]]:
    """Return the slice nearest to `at_mm` as rows from bottom to top, and its edges in mm."""
    if image.array.ndim != 3:
        raise ValueError(f"image needs shape (X, Y, Z), got {image.array.shape}; choose one time first")
    ras = image if image.axis_codes == "RAS" else image.reoriented_to_ras()
    spacing, origin = ras.spacing_mm, ras.affine[:3, 3]
    if not np.allclose(ras.affine[:3, :3], np.diag(spacing), atol=1e-3):
        raise ValueError("image lies askew in the patient: resample it to axes along the body before drawing it")
    fixed, across, up, _ = _PLANES[plane]
    index = round(float((at_mm - origin[fixed]) / spacing[fixed]))
    size = ras.array.shape[fixed]
    if not 0 <= index < size:
        last = origin[fixed] + (size - 1) * spacing[fixed]
        raise ValueError(f"at_mm needs {origin[fixed]:g} to {last:g} mm in this volume, got {at_mm:g}")
    pixels = np.take(ras.array, index, axis=fixed)  # (across, up): the order of the axes is kept
    low = origin - spacing / 2
    high = low + spacing * ras.array.shape
    return pixels.T, (float(low[across]), float(high[across]), float(low[up]), float(high[up]))


def _draw_outline(mask: MedicalImage, ax: Axes, plane: str, at_mm: float) -> None:
    pixels, (left, right, bottom, top) = _cut(mask, plane, at_mm)
    if not pixels.any():
        return
    height, width = pixels.shape
    x = left + (np.arange(width) + 0.5) * (right - left) / width
    y = bottom + (np.arange(height) + 0.5) * (top - bottom) / height
    ax.contour(x, y, pixels > 0, levels=[0.5], colors=ORANGE, linewidths=1.4)
