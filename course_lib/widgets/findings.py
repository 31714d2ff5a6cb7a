"""One film, fourteen answers: choose a film, a finding and a threshold, and see who is called ill and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FixedFormatter, FixedLocator

from course_lib.figures.chest import plot_activation
from course_lib.figures.numbers import as_array
from course_lib.figures.page import BLUE, ORANGE
from course_lib.widgets.explorer import explore
from course_lib.widgets.light import lighten

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

__all__ = ["findings_explorer"]


def findings_explorer(
    images: ArrayLike,
    probabilities: ArrayLike,
    activations: ArrayLike,
    masks: ArrayLike,
    *,
    finding_names: Sequence[str],
    spacing_mm: tuple[float, float],
    start: tuple[int, int] = (0, 0),
) -> None:
    """Choose a film, a finding and a threshold: its activation map with the truth, and what is called at all.

    Parameters
    ----------
    images : (N, H, W) array, 0 … 1
        The films.
    probabilities : (N, L) array, 0 … 1
        What a net says of each finding.
    activations : (N, L, H, W) array
        Where it found each.
    masks : (N, L, H, W) array of bool
        Where each truly is; empty where it is absent.
    finding_names : sequence of L names
        In the order of the columns.
    spacing_mm : (float, float)
        Height and width of a pixel.
    start : (int, int)
        Film and finding at first.

    Raises
    ------
    ValueError
        If the shapes do not fit each other, or there is no such film or finding at first.

    Examples
    --------
    >>> maps = np.zeros((1, 2, 4, 4))
    >>> findings_explorer(maps[:, 0], [[0.7, 0.2]], maps, maps > 0, finding_names=["Mass", "Edema"], spacing_mm=(1, 1))
    Film 0 with the map of Mass, probability 70%; 1 of 2 findings are at 50% or more.
    """
    films, said = as_array(images), as_array(probabilities)
    votes, truth = as_array(activations), as_array(masks).astype(bool)
    shape = (len(films), len(finding_names), *films.shape[1:])
    if films.ndim != 3 or votes.shape != shape or truth.shape != shape or said.shape != shape[:2]:
        raise ValueError(
            f"wanted probabilities {shape[:2]}, activations and masks {shape} for films {films.shape} and "
            f"{len(finding_names)} names, got {said.shape}, {votes.shape} and {truth.shape}"
        )
    if not (0 <= start[0] < shape[0] and 0 <= start[1] < shape[1]):
        raise ValueError(f"start needs a film below {shape[0]} and a finding below {shape[1]}, got {start}")
    names = [name.replace("_", " ") for name in finding_names]
    present: NDArray[np.bool_] = np.asarray(truth.any(axis=(2, 3)))

    def draw(*, film: int = start[0], finding: str = names[start[1]], threshold_percent: int = 50) -> Figure:
        k = names.index(finding)
        figure = plt.figure(figsize=(8.4, 3.8), layout="none")
        left, right = figure.add_axes((0.07, 0.13, 0.36, 0.76)), figure.add_axes((0.68, 0.13, 0.29, 0.76))
        plot_activation(films[film], votes[film, k], left, mask=truth[film, k], spacing_mm=spacing_mm)
        left.set_title(f"{finding}: {'on this film' if present[film, k] else 'not on this film'}", fontsize=10)
        called = 100 * said[film] >= threshold_percent
        colours = [ORANGE if yes else BLUE for yes in called]
        right.hlines(range(len(names)), 0, 100 * said[film], colors=colours, linewidth=160 / len(names))
        right.axvline(threshold_percent, color="black", linewidth=1, linestyle="--")
        marks = [f"{name} ●" if there else name for name, there in zip(names, present[film], strict=True)]
        right.yaxis.set(major_locator=FixedLocator(range(len(names))), major_formatter=FixedFormatter(marks))
        right.tick_params(axis="y", labelsize=8)
        right.set(xlim=(0, 100), xlabel="probability (%); ● = truly there")
        right.set_ylim(len(names) - 0.4, -0.6)
        hits = int((called & present[film]).sum())
        right.set_title(
            f"called {int(called.sum())}, of which right {hits}; truly {int(present[film].sum())}", fontsize=9
        )
        return lighten(figure)

    first = said[start[0]]
    explore(
        draw,
        alt=f"Film {start[0]} with the map of {names[start[1]]}, probability {first[start[1]]:.0%}; "
        f"{int((first >= 0.5).sum())} of {len(names)} findings are at 50% or more.",
        film=(0, len(films) - 1) if len(films) > 1 else [0],
        finding=names,
        threshold_percent=(1, 99),
    )
