"""The gallery of the ageing brain: each subject cut three ways, as radiologists look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from course_lib.figures.page import SKY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from course_lib.data.phantoms.ageing_brain import AgeingBrains

__all__ = ["plot_ageing_brains"]

CUTS_MM = {"axial": 102, "coronal": 108, "sagittal": 88}  # from the lower, front and right face of the field


def plot_ageing_brains(brains: AgeingBrains) -> Figure:
    """Draw an axial, a coronal and a sagittal slice of each subject in grey, lateral ventricles outlined in blue.

    Parameters
    ----------
    brains : AgeingBrains
        One column each, in their order; ventricles are outlined if tissues were asked for.

    Returns
    -------
    matplotlib Figure
        The title of a column names age, brain-age gap and volume of the ventricles; axes are in mm. The patient's right
        is on the left; sagittal slices look to the left.

    Raises
    ------
    ValueError
        If there is no subject.

    Examples
    --------
    >>> from course_lib.data.phantoms.ageing_brain import make_ageing_brains
    >>> len(plot_ageing_brains(make_ageing_brains(2, spacing_mm=4)).axes)
    6
    """
    number = len(brains.images)
    if number == 0:
        raise ValueError("brains needs at least one subject to draw, got none")
    figure = Figure(figsize=(1.75 * number + 0.5, 6.0), layout="constrained")
    axes = figure.subplots(3, number, squeeze=False, height_ratios=[224, 192, 192])
    for column in range(number):
        for ax, name in zip(axes[:, column], CUTS_MM, strict=True):
            _draw(_cut(brains.images[column], name, brains.spacing_mm), brains.spacing_mm, ax)
            if brains.tissues is not None:
                _outline(_cut(brains.tissues[column, 3], name, brains.spacing_mm), brains.spacing_mm, ax)
            if column == 0:
                ax.set_ylabel(name, fontsize=8)
            else:
                ax.set_yticks([])
        gap = f"{brains.brain_age_gap_years[column]:+.1f}".replace("-", "−")
        axes[0, column].set_title(
            f"{brains.age_years[column]:.0f} years, δ {gap}\nventricles {brains.ventricles_ml[column]:.0f} ml",
            fontsize=8,
        )
    return figure


def _cut(volume: NDArray, name: str, spacing_mm: float) -> NDArray:
    """One slice, head or forehead up."""
    place = int(CUTS_MM[name] / spacing_mm)
    if name == "axial":
        return volume[place]
    return volume[::-1, place] if name == "coronal" else volume[::-1, :, place]


def _extent(image: NDArray, spacing_mm: float) -> tuple[float, float, float, float]:
    return (0, image.shape[1] * spacing_mm, image.shape[0] * spacing_mm, 0)


def _draw(image: NDArray, spacing_mm: float, ax: Axes) -> None:
    ax.imshow(image, cmap="gray", vmin=0, vmax=1.05, extent=_extent(image, spacing_mm), interpolation="bilinear")
    ax.set_xticks([0, 100], ["0", "100 mm"])
    ax.set_yticks([0, 100])
    ax.tick_params(labelsize=7, length=2)


def _outline(fraction: NDArray, spacing_mm: float, ax: Axes) -> None:
    if fraction.max() > 0.5:
        left, right, bottom, top = _extent(fraction, spacing_mm)
        ax.contour(fraction, levels=[0.5], colors=[SKY], linewidths=0.8, extent=(left, right, top, bottom))
