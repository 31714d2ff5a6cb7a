"""Labels of a crowd: who said what, how good each annotator is, and when the majority is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from course_lib.data.phantoms.crowd_labels import CrowdLabels
from course_lib.figures.page import BLUE, GREY, INK, ORANGE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_crowd_labels"]

CLASS_COLOURS = (SKY, VERMILION, "#009E73", ORANGE, "#CC79A7", BLUE)


def plot_crowd_labels(cases: CrowdLabels) -> Figure:
    """Draw the votes of the first items, the share of right answers of each annotator, and the majority's.

    Parameters
    ----------
    cases : CrowdLabels
        At least 10 items of at most 6 classes.

    Returns
    -------
    matplotlib Figure
        Three axes.

    Raises
    ------
    ValueError
        If there are fewer than 10 items or more than 6 classes.

    Examples
    --------
    >>> from course_lib.data.phantoms.crowd_labels import make_crowd_labels
    >>> len(plot_crowd_labels(make_crowd_labels(50)).axes)
    3
    >>> plt.close()
    """
    num_classes = cases.confusions.shape[1]
    if len(cases.truth) < 10 or num_classes > len(CLASS_COLOURS):
        raise ValueError(
            f"the figure needs 10 items or more of 6 classes or fewer, got {len(cases.truth)}, {num_classes}"
        )
    figure, (votes, people, majority) = plt.subplots(1, 3, figsize=(12, 4.6), width_ratios=(1.3, 1.2, 1))
    _plot_votes(cases, votes)
    _plot_annotators(cases, people)
    _plot_majority(cases, majority)
    return figure


def _plot_votes(cases: CrowdLabels, ax: Axes) -> None:
    """One row an item, sorted by the truth, which stands in the column on the left."""
    items = np.arange(min(40, len(cases.truth)))
    items = items[np.argsort(cases.truth[items], kind="stable")]
    num_classes, size = cases.confusions.shape[1], cases.votes.shape[1]
    colours = ListedColormap(["#F4F4F4", *CLASS_COLOURS[:num_classes]])
    shown = np.column_stack([cases.truth[items], np.full(len(items), -1), cases.votes[items]]) + 1
    ax.pcolormesh(shown[:, :], cmap=colours, vmin=0, vmax=num_classes, edgecolors="white", linewidth=0.8)
    ax.set_xticks([0.5, *(np.arange(size) + 2.5)], ["truth", *cases.kinds], rotation=90)
    ax.invert_yaxis()
    ax.tick_params(length=0)
    ax.set(title=f"Votes on {len(items)} items", ylabel="items, sorted by the truth", yticks=[])
    named = [Patch(color=CLASS_COLOURS[k], label=f"class {k}") for k in range(num_classes)]
    ax.legend(
        handles=[*named, Patch(color="#F4F4F4", label="not asked")],
        loc="lower center",
        ncols=num_classes + 1,
        bbox_to_anchor=(0.5, -0.5),
        fontsize=8,
    )
    for side in ax.spines.values():
        side.set_visible(False)


def _plot_annotators(cases: CrowdLabels, ax: Axes) -> None:
    shares = np.bincount(cases.truth, minlength=cases.confusions.shape[1]) / len(cases.truth)
    expected = np.einsum("k,akk->a", shares, cases.confusions)
    asked = cases.votes >= 0
    right = (cases.votes == cases.truth[:, None]) & asked
    rows = np.arange(len(cases.kinds))
    ax.barh(rows, right.sum(axis=0) / np.maximum(asked.sum(axis=0), 1), color="#C8C8C8", label="right, of those asked")
    ax.plot(expected, rows, "D", color=BLUE, markersize=5, label="expected from the confusion matrix")
    ax.axvline(shares.max(), color=VERMILION, linestyle="--", linewidth=1.2, label="always the most frequent class")
    ax.set_yticks(rows, cases.kinds)
    ax.tick_params(axis="y", length=0)
    ax.set(title="How often each one is right", xlabel="share of right answers")
    ax.set_xlim(0, 1)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, -0.46), fontsize=8)


def _plot_majority(cases: CrowdLabels, ax: Axes) -> None:
    """Draw the share of items whose label a majority finds, ties counted by their chance, over the hardness."""
    best = cases.counts == cases.counts.max(axis=1, keepdims=True)
    found = best[np.arange(len(best)), cases.truth] / best.sum(axis=1)
    edges = np.quantile(cases.hardness, np.linspace(0, 1, 6))
    place = np.clip(np.searchsorted(edges, cases.hardness, side="right") - 1, 0, 4)
    groups = [place == k for k in range(5) if (place == k).any()]
    centres = [cases.hardness[group].mean() for group in groups]
    ax.plot(centres, [found[group].mean() for group in groups], "o-", color=BLUE)
    ax.axhline(found.mean(), color=GREY, linestyle=":", linewidth=1.4)
    ax.annotate(
        f"all: {found.mean():.2f}",
        (0.98, found.mean()),
        xycoords=("axes fraction", "data"),
        xytext=(0, 4),
        textcoords="offset points",
        color=INK,
        fontsize=9,
        ha="right",
    )
    ax.set(
        title="The majority is less sure of hard items",
        xlabel="hardness (0 … 1)",
        ylabel="majority right (ties by chance)",
    )
    ax.set_ylim(0.5, 1)
