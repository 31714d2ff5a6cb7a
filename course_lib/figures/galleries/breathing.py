"""The gallery of the breathing pairs: both scans from the front, their difference, and the true motion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from course_lib.data.windows import CT_WINDOWS
from course_lib.figures.page import ORANGE, SKY

if TYPE_CHECKING:
    from course_lib.data.phantoms.breathing import BreathingPairs

__all__ = ["plot_breathing_pairs"]


def plot_breathing_pairs(pairs: BreathingPairs) -> Figure:
    """Draw each pair in a row of coronal slices: breathed in, breathed out, inhale minus exhale, motion.

    Parameters
    ----------
    pairs : BreathingPairs
        At least one pair. The slice lies in the middle of the chest.

    Returns
    -------
    matplotlib Figure
        Scans in the lung window with landmarks near the slice in orange, lines in blue from where each was before
        breathing in; the difference from −800 to 800 HU; the motion down in mm. Axes are in mm.

    Raises
    ------
    ValueError
        If there is no pair.

    Examples
    --------
    >>> from course_lib.data.phantoms.breathing import make_breathing_pairs
    >>> figure = plot_breathing_pairs(make_breathing_pairs(1, size=32))
    >>> [ax.get_title() for ax in figure.axes[1:3]]
    ['breathed out', 'in minus out']
    """
    number = len(pairs.inhale)
    if number == 0:
        raise ValueError("pairs needs at least one pair to draw, got none")
    figure = Figure(figsize=(11.5, 2.45 * number + 0.4), layout="constrained")
    axes = figure.subplots(number, 4, squeeze=False)
    y = pairs.inhale.shape[3] // 2
    high, _, wide = (np.array(pairs.inhale.shape[2:]) * pairs.spacing_mm).tolist()
    extent = (0.0, wide, 0.0, high)
    lung = CT_WINDOWS["lung"]
    for case in range(number):
        inhale, exhale = (scan[case, 0, :, y] for scan in (pairs.inhale, pairs.exhale))
        for ax, scan in zip(axes[case, :2], (inhale, exhale), strict=True):
            ax.imshow(
                scan,
                cmap="gray",
                vmin=lung.low_hu,
                vmax=lung.high_hu,
                extent=extent,
                origin="lower",
                interpolation="bilinear",
            )
        axes[case, 2].imshow(inhale - exhale, cmap="gray", vmin=-800, vmax=800, extent=extent, origin="lower")
        down = -pairs.displacements_mm[case, 0, :, y]
        image = axes[case, 3].imshow(down, cmap="viridis", extent=extent, origin="lower")
        figure.colorbar(image, ax=axes[case, 3], label="down (mm)")
        near = np.abs(pairs.landmarks_exhale_mm[case, :, 1] - y * pairs.spacing_mm[1]) < 20
        shift = pairs.spacing_mm / 2
        start, stop = (places[case, near] + shift for places in (pairs.landmarks_exhale_mm, pairs.landmarks_inhale_mm))
        axes[case, 1].plot(start[:, 2], start[:, 0], ".", color=ORANGE, markersize=4)
        axes[case, 0].plot([start[:, 2], stop[:, 2]], [start[:, 0], stop[:, 0]], "-", color=SKY, linewidth=0.9)
        axes[case, 0].plot(stop[:, 2], stop[:, 0], ".", color=ORANGE, markersize=4)
        axes[case, 0].set_title(f"pair {case}: breathed in")
        axes[case, 1].set_title("breathed out")
        axes[case, 2].set_title("in minus out")
        axes[case, 3].set_title(f"landmarks: {pairs.landmark_ways_mm[case].mean():.1f} mm")
        axes[case, 0].set_ylabel("up (mm)")
    for ax in axes[-1]:
        ax.set_xlabel("to the patient's left (mm)")
    return figure
