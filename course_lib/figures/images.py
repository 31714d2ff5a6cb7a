"""Images: a CT slice in millimetres, a contact sheet, the kernels of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import Rectangle

from course_lib.figures.numbers import as_array, written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar
    from matplotlib.image import AxesImage
    from numpy.typing import ArrayLike, NDArray

__all__ = ["plot_ct", "plot_image_grid", "plot_kernels"]


def plot_ct(ct_slice: Any, ax: Axes, *, centre_hu: float = 40, width_hu: float = 400) -> Axes:
    """Draw a CT slice in millimetres through a window of Hounsfield units.

    Parameters
    ----------
    ct_slice : CtSlice
        Anything with `hu` (H, W) in Hounsfield units and `spacing_mm` (2,): the distance of the rows, of the columns.
    ax : matplotlib Axes
        Where to draw; a scale is put beside it.
    centre_hu, width_hu : float
        The window: what lies below centre − width/2 is black, above centre + width/2 white.

    Returns
    -------
    matplotlib Axes
        The same `ax`; the corner of the first pixel is at (0, 0) mm.

    Raises
    ------
    ValueError
        If `hu` is not two-dimensional, the spacing is not two positive numbers, or the width not positive.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from types import SimpleNamespace
    >>> ct = SimpleNamespace(hu=np.zeros((2, 3)), spacing_mm=(2.0, 1.0))
    >>> plot_ct(ct, Figure().add_subplot()).get_title(loc="left")
    'window −160 to 240 HU'
    """
    hu, spacing = as_array(ct_slice.hu), as_array(ct_slice.spacing_mm)
    if hu.ndim != 2 or not hu.size:
        raise ValueError(f"hu needs rows and columns, (H, W), got the shape {hu.shape}")
    if spacing.shape != (2,) or not (spacing > 0).all():
        raise ValueError(f"spacing_mm needs 2 positive numbers, row and column distance, got {ct_slice.spacing_mm!r}")
    if not width_hu > 0:
        raise ValueError(f"width_hu needs a positive number of Hounsfield units, got {width_hu!r}")
    low, high = centre_hu - width_hu / 2, centre_hu + width_hu / 2
    extent = (0, hu.shape[1] * spacing[1], hu.shape[0] * spacing[0], 0)
    image = ax.imshow(hu, cmap="gray", vmin=low, vmax=high, extent=extent)
    ax.set_aspect("equal")
    ax.set(xlabel="x (mm)", ylabel="y (mm)")
    ax.set_title(f"window {written(low, digits=6)} to {written(high, digits=6)} HU", loc="left")
    _add_scale(image, "attenuation (HU)", ax, ends="both")
    return ax


def plot_image_grid(images: ArrayLike, ax: Axes, *, titles: Sequence[object] | None = None, columns: int = 8) -> Axes:
    """Lay images out in rows like a contact sheet, all on one scale of grey.

    Parameters
    ----------
    images : (N, H, W), (N, 1, H, W) or (N, 3, H, W) array or tensor
        Grey images in any unit, or colour images in [0, 1].
    ax : matplotlib Axes
        Where to draw.
    titles : sequence of N things that can be written, optional
        One short title above each image.
    columns : int
        Images in a row, at least 1.

    Returns
    -------
    matplotlib Axes
        The same `ax`, without an axis: its unit is a pixel.

    Raises
    ------
    ValueError
        If there is no image, the shape is another one, or the number of titles differs.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_image_grid(np.eye(4)[None].repeat(3, axis=0), Figure().add_subplot(), titles=[7, 1, 7])
    >>> [text.get_text() for text in ax.texts]
    ['7', '1', '7']
    """
    pictures = _pictures(images)
    number, height, width = pictures.shape[:3]
    if columns < 1:
        raise ValueError(f"columns needs at least 1 image in a row, got {columns}")
    if titles is not None and len(titles) != number:
        raise ValueError(f"titles needs one for each of the {number} images, got {len(titles)}")
    gap = max(1.0, 0.08 * width)
    head = 0.0 if titles is None else _title_height(ax, min(columns, number) * (width + gap))
    sheet = _Sheet(min(columns, number), width, height, across=width + gap, down=height + gap + head)
    low, high = float(np.nanmin(pictures)), float(np.nanmax(pictures))
    for index, picture in enumerate(pictures):
        sheet.draw(picture, index, ax, cmap="gray", vmin=low, vmax=max(high, low + 1e-12))
        if titles is not None:
            sheet.name(titles[index], index, ax)
    sheet.fit(number, head, ax)
    return ax


def plot_kernels(weights: ArrayLike, ax: Axes) -> Axes:
    """Draw the kernels of a layer on one scale that is symmetric about zero: blue below zero, red above.

    Parameters
    ----------
    weights : (K, H, W) or (out_channels, in_channels, H, W) array or tensor
        With several input channels there is one row for each output channel.
    ax : matplotlib Axes
        Where to draw; a scale is put beside it.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If the shape is another one, or empty.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = plot_kernels(np.ones((6, 1, 5, 5)), Figure().add_subplot())
    >>> [text.get_text() for text in ax.texts]
    ['1', '2', '3', '4', '5', '6']
    """
    kernels = as_array(weights)
    if kernels.ndim not in (3, 4) or not kernels.size:
        raise ValueError(f"weights needs (K, H, W) or (out_channels, in_channels, H, W), got the shape {kernels.shape}")
    table = kernels.ndim == 4 and kernels.shape[1] > 1
    columns = kernels.shape[1] if table else min(8, len(kernels))
    kernels = kernels.reshape(-1, *kernels.shape[-2:])
    limit = float(np.abs(kernels).max()) or 1.0
    number, height, width = kernels.shape
    gap = 0.2 * width
    head = _title_height(ax, columns * (width + gap))
    sheet = _Sheet(columns, width, height, across=width + gap, down=height + gap + (0 if table else head))
    for index, kernel in enumerate(kernels):
        image = sheet.draw(kernel, index, ax, cmap="RdBu_r", vmin=-limit, vmax=limit)
        if not table:
            sheet.name(index + 1, index, ax)
    for channel in range(columns if table else 0):
        sheet.name(f"in {channel + 1}", channel, ax)
    for row in range(number // columns if table else 0):
        ax.text(-gap / 2, row * sheet.down + height / 2, f"out {row + 1}", ha="right", va="center", fontsize=9)
    sheet.fit(number, head, ax)
    scale = _add_scale(image, "weight", ax)
    scale.set_ticks([-limit, 0, limit], labels=[written(limit * sign, digits=2) for sign in (-1, 0, 1)])
    return ax


@dataclass(frozen=True)
class _Sheet:
    """A contact sheet: pictures of one size, so many a row, a step across and a step down apart, in pixels."""

    columns: int
    width: int
    height: int
    across: float
    down: float

    def corner(self, index: int) -> tuple[float, float]:
        row, column = divmod(index, self.columns)
        return column * self.across, row * self.down

    def draw(self, picture: NDArray[Any], index: int, ax: Axes, **scale: Any) -> AxesImage:
        left, top = self.corner(index)
        ax.add_patch(Rectangle((left, top), self.width, self.height, fill=False, edgecolor="#999999", linewidth=0.6))
        return ax.imshow(picture, extent=(left, left + self.width, top + self.height, top), **scale)

    def name(self, name: object, index: int, ax: Axes) -> None:
        left, top = self.corner(index)
        gap = self.across - self.width
        ax.text(left + self.width / 2, top - gap / 3, str(name), ha="center", va="bottom", fontsize=9)

    def fit(self, number: int, head: float, ax: Axes) -> None:
        rows = -(-number // self.columns)
        ax.set_xlim(-0.1, (self.columns - 1) * self.across + self.width + 0.1)
        ax.set_ylim((rows - 1) * self.down + self.height + 0.1, -head - 0.1)
        ax.set_aspect("equal")
        ax.set_axis_off()


def _pictures(images: ArrayLike) -> NDArray[Any]:
    """Images as (N, H, W) or, in colour, (N, H, W, 3)."""
    pictures = as_array(images)
    if pictures.ndim == 4 and pictures.shape[1] in (1, 3):
        pictures = pictures[:, 0] if pictures.shape[1] == 1 else np.moveaxis(pictures, 1, -1)
    elif pictures.ndim != 3:
        raise ValueError(f"images needs (N, H, W), (N, 1, H, W) or (N, 3, H, W), got the shape {pictures.shape}")
    if not pictures.size:
        raise ValueError(f"images needs at least one image, got the shape {pictures.shape}")
    return pictures


def _title_height(ax: Axes, units_across: float) -> float:
    """Height of a line of text in the unit of a grid that is `units_across` wide."""
    return 0.16 * units_across / ax.get_window_extent().width * ax.figure.dpi


def _add_scale(image: AxesImage, label: str, ax: Axes, *, ends: str = "neither") -> Colorbar:
    """Put a scale of colours, as high as the picture, to its right."""
    beside = ax.inset_axes((1.03, 0.0, 0.035, 1.0))
    return ax.figure.colorbar(image, cax=beside, label=label, extend=ends)
