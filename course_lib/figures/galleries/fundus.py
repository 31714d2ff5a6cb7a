"""Gallery of the fundus: what the camera sees, arteries and veins, and where two graders differ."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from course_lib.data.phantoms.fundus import FundusImages
from course_lib.figures.page import BLUE, ORANGE, SKY, VERMILION

__all__ = ["plot_fundus_images"]


def plot_fundus_images(cases: FundusImages) -> Figure:
    """Draw the first four eyes: the image, arteries and veins on the green channel, the two graders.

    Parameters
    ----------
    cases : FundusImages
        At least one eye.

    Returns
    -------
    matplotlib Figure
        Three rows; arteries vermilion, veins blue; grey where the graders agree.

    Raises
    ------
    ValueError
        If there is no eye.

    Examples
    --------
    >>> from course_lib.data.phantoms.fundus import make_fundus_images
    >>> len(plot_fundus_images(make_fundus_images(2)).axes)
    6
    >>> plt.close()
    """
    number = min(4, len(cases.images))
    if not number:
        raise ValueError("cases needs at least one eye, got 0")
    width_mm = cases.spacing_mm * cases.images.shape[-1]
    figure = plt.figure(figsize=(2.4 * number, 8.2))
    grid = figure.subplots(3, number, squeeze=False)
    for index in range(number):
        truth, second = cases.vessels[index], cases.second_grader[index]
        green = np.repeat(cases.images[index, 1][..., None], 3, axis=2) / max(float(cases.images[index, 1].max()), 1e-6)
        trees = _tinted(_tinted(green, cases.arteries[index], VERMILION), cases.veins[index], BLUE)
        graders = _tinted(np.ones_like(green), truth & second, "#8C8C8C")
        graders = _tinted(_tinted(graders, truth & ~second, SKY), second & ~truth, ORANGE)
        for ax, picture in zip(grid[:, index], (cases.images[index].transpose(1, 2, 0), trees, graders), strict=True):
            ax.imshow(picture, extent=(0, width_mm, width_mm, 0))
            ax.set_axis_off()
        field = cases.field_of_view[index]
        grid[0, index].set_title(f"eye {index + 1}")
        grid[1, index].set_title(f"vessels: {100 * truth.sum() / field.sum():.1f} % of field")
        overlap = 2 * (truth & second).sum() / max(1, truth.sum() + second.sum())
        grid[2, index].set_title(f"graders: Dice {overlap:.2f}")
    names = {
        "artery": VERMILION,
        "vein": BLUE,
        "both graders": "#8C8C8C",
        "first grader only": SKY,
        "second grader only": ORANGE,
    }
    handles = [Patch(color=colour, label=name) for name, colour in names.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=5 if number > 2 else 2)
    figure.suptitle(f"each picture {width_mm:.1f} mm wide", fontsize=10)
    return figure


def _tinted(picture: NDArray[np.floating], mask: NDArray[np.bool_], colour: str) -> NDArray[np.floating]:
    """Return the picture with the mask in a colour."""
    rgb = np.array(to_rgb(colour), np.float32)
    return np.where(mask[..., None], rgb, picture)
