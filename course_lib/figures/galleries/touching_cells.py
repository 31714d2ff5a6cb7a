"""Gallery of touching nuclei: what the microscope shows, where each nucleus ends, which borders are contacts."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_lib.data.phantoms.touching_cells import TouchingCells, contact_masks, count_touching_pairs
from course_lib.figures.page import SKY, VERMILION

__all__ = ["plot_touching_cells"]


def plot_touching_cells(cases: TouchingCells) -> Figure:
    """Draw the first four images, above as they are, below with the truth.

    Parameters
    ----------
    cases : TouchingCells
        At least one image.

    Returns
    -------
    matplotlib Figure
        Nuclei outlined in sky blue; contacts, where two nuclei touch, in vermilion.

    Raises
    ------
    ValueError
        If there is no image.

    Examples
    --------
    >>> from course_lib.data.phantoms.touching_cells import make_touching_cells
    >>> figure = plot_touching_cells(make_touching_cells(2))
    >>> [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes[:2]]
    ['3 nuclei', '8 nuclei']
    """
    number = min(4, len(cases.images))
    if not number:
        raise ValueError("cases needs at least one image, got 0")
    contacts = contact_masks(cases.labels[:number])
    size = cases.labels.shape[-1]
    figure = plt.figure(figsize=(2.4 * number, 5.3))
    grid = figure.subplots(2, number, squeeze=False)
    for index in range(number):
        labels, (above, below) = cases.labels[index], grid[:, index]
        for ax in (above, below):
            ax.imshow(cases.images[index, 0], vmin=0, vmax=float(cases.images[index].max()))
            ax.set_axis_off()
        for nucleus in range(1, labels.max() + 1):
            inside = np.pad(labels == nucleus, 1).astype(float)
            places = np.arange(-1, size + 1)
            below.contour(places, places, inside, levels=[0.5], colors=SKY, linewidths=0.9)
        rows, columns = np.nonzero(contacts[index])
        below.scatter(columns, rows, s=3, color=VERMILION, marker="s", linewidths=0)
        above.set_title(f"{labels.max()} nuclei")
        below.set_title(f"{count_touching_pairs(labels)} pairs touch")
    figure.suptitle(f"{size} × {size} pixels; below: outlines (blue), contacts (vermilion)", fontsize=10)
    return figure
