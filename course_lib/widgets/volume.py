"""Explorers of lesson 01: a CT slice through any window, and a volume cut anywhere, read well or badly."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from course_lib.data.dicom import load_ct_slice
from course_lib.data.windows import CtWindow
from course_lib.figures.images import plot_ct
from course_lib.figures.numbers import written
from course_lib.figures.volumes import plot_slice, plot_window
from course_lib.widgets.explorer import explore
from course_lib.widgets.light import lighten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.data.medical_image import MedicalImage

__all__ = ["volume_explorer", "window_explorer"]

READINGS = ["as its affine says", "x and y taken for LPS", "affine thrown away"]
_CUTS = {"axial": 2, "coronal": 1, "sagittal": 0}


def window_explorer() -> None:
    """See the CT slice of the course through any window, with the ramp over its histogram.

    Examples
    --------
    >>> window_explorer()  # doctest: +ELLIPSIS
    Left, the CT slice...
    """
    explore(
        _draw_window,
        alt="Left, the CT slice with a vertebra in the soft-tissue window, centre 40, width 400 HU. Right, its "
        "histogram: a peak of lung near −850 HU and one of soft tissue near 50 HU, with a blue ramp from black at "
        "−160 to white at 240 HU.",
        centre_hu=(-1000, 1000, 10),
        width_hu=(20, 3000, 20),
    )


def _draw_window(*, centre_hu: int = 40, width_hu: int = 400) -> Figure:
    """Draw the slice and its histogram."""
    ct = load_ct_slice()
    figure = plt.figure(figsize=(6.8, 2.6), layout="none")
    left, right = figure.add_axes((0.065, 0.17, 0.32, 0.71)), figure.add_axes((0.61, 0.19, 0.3, 0.69))
    plot_ct(ct, left, centre_hu=centre_hu, width_hu=width_hu)
    plot_window(ct.hu, right, CtWindow(centre_hu, width_hu))
    return lighten(figure)


def volume_explorer(image: MedicalImage, *, alt: str, centre: float = 150, width: float = 200) -> None:
    """Cut a volume anywhere, in any plane and window, and see what it looks like when its axes are misread.

    Parameters
    ----------
    image : MedicalImage
        3-D, its axes along those of the body.
    alt : str
        What there is to see in the axial slice at z = 10 mm, for those who cannot see it.
    centre, width : float
        The window at the start, in the unit of the image; the sliders reach as far as twice these numbers.

    Examples
    --------
    >>> from course_lib.data.medical_image import MedicalImage
    >>> brain = MedicalImage(np.zeros((9, 9, 9), np.float32), np.diag([25.0, 25.0, 25.0, 1.0]))
    >>> volume_explorer(brain, alt="A black square.")
    A black square.
    """

    def draw(
        *,
        plane: str = "axial",
        position_mm: int = 10,
        centre: float = centre,
        width: float = width,
        read: str = READINGS[0],
    ) -> Figure:
        figure = plt.figure(figsize=(4.4, 3.8), layout="none")
        ax = figure.add_axes((0.16, 0.14, 0.82, 0.75))
        misread = _misread(image, read)
        plot_slice(misread, ax, plane=plane, at_mm=position_mm, window=(centre - width / 2, centre + width / 2))
        ax.set_title(f"{'xyz'[_CUTS[plane]]} = {written(position_mm)} mm, {read}", fontsize=10)
        return lighten(figure)

    explore(
        draw,
        alt=alt,
        plane=list(_CUTS),
        position_mm=(-60, 75),
        centre=(0.0, 2.0 * centre),
        width=(2.0, 2.0 * width),
        read=READINGS,
    )


def _misread(image: MedicalImage, read: str) -> MedicalImage:
    """Return the volume as a program sees it that reads its axes in this way."""
    if read == READINGS[1]:
        return replace(image, affine=np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine)
    if read == READINGS[2]:
        middle = -(np.array(image.array.shape) - 1) / 2 * image.spacing_mm
        affine = np.diag([*image.spacing_mm, 1.0])
        affine[:3, 3] = middle
        return replace(image, affine=affine)
    return image
