"""Outlines by several readers: where they run, and how many readers hold a pixel to be inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from course_lib.data.phantoms.crowd_masks import ReaderMasks
from course_lib.figures.page import BLUE, GREY, VERMILION
from course_lib.metrics.segmentation import dice_score

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_reader_masks"]


def plot_reader_masks(cases: ReaderMasks) -> Figure:
    """Draw the outlines of all readers, how many of them agree, and how well each and their majority match the truth.

    Parameters
    ----------
    cases : ReaderMasks
        At least one reader and a truth that is not empty; of a volume the slice with the largest area is shown, and all
        of it is measured.

    Returns
    -------
    matplotlib Figure
        Three axes and a colour bar.

    Raises
    ------
    ValueError
        If there is no reader, or the truth is empty.

    Examples
    --------
    >>> from course_lib.data.phantoms.crowd_masks import ask_readers
    >>> disc = np.hypot(*(np.indices((40, 40)) - 20)) < 12
    >>> len(plot_reader_masks(ask_readers(disc, spacing_mm=(1, 1))).axes)
    4
    >>> plt.close()
    """
    if not len(cases.masks) or not cases.truth.any():
        raise ValueError("the figure needs at least one reader and a truth that is not empty")
    masks, truth = cases.masks, cases.truth
    if truth.ndim == 3:
        largest = int(truth.sum(axis=(1, 2)).argmax())
        masks, truth = masks[:, largest], truth[largest]
    height, width = (n * size for n, size in zip(truth.shape, cases.spacing_mm[-2:], strict=True))
    place = {"extent": (0, width, height, 0), "interpolation": "nearest"}
    figure, (lines, share, scores) = plt.subplots(1, 3, figsize=(12, 3.8), width_ratios=(1, 1.15, 1))
    lines.imshow(np.where(truth, 0.8, 0.95), cmap="gray", vmin=0, vmax=1, **place)
    rows, columns = ((np.arange(n) + 0.5) * size for n, size in zip(truth.shape, cases.spacing_mm[-2:], strict=True))
    for mask in masks:
        lines.contour(columns, rows, mask, levels=[0.5], colors=[BLUE], linewidths=0.9)
    lines.contour(columns, rows, truth, levels=[0.5], colors=["black"], linewidths=1.6, linestyles="--")
    lines.set_title(f"{len(masks)} readers, truth dashed")
    shown = share.imshow(masks.mean(axis=0), cmap="cividis", vmin=0, vmax=1, **place)
    share.contour(columns, rows, truth, levels=[0.5], colors=["white"], linewidths=1.2, linestyles="--")
    share.set_title("Share of readers who say inside")
    figure.colorbar(shown, ax=share)
    for ax in (lines, share):
        ax.set(xlabel="mm", ylabel="mm")
    dice = [dice_score(cases.truth, mask) for mask in cases.masks]
    scores.barh(range(len(dice)), dice, color=GREY, label="one reader")
    majority = dice_score(cases.truth, cases.masks.mean(axis=0) > 0.5)
    scores.axvline(majority, color=VERMILION, linestyle="--", label="majority of the readers")
    scores.set_yticks(range(len(dice)), [f"reader {k}: {habit:+.1f} mm" for k, habit in enumerate(cases.habits_mm)])
    scores.tick_params(axis="y", length=0)
    scores.set_xlim(max(0.0, min([*dice, majority]) - 0.1), 1)
    scores.set_ylim(len(dice) - 0.4, -1.9)
    scores.set(title="Dice with the truth", xlabel="Dice")
    scores.locator_params(axis="x", nbins=4)
    scores.legend(loc="upper left", fontsize=8)
    return figure
