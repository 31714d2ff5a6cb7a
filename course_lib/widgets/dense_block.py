"""A dense block: how many channels each layer reads, and what the block costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from course_lib.arithmetic import conv_macs, conv_parameters
from course_lib.figures.page import BLUE, ORANGE
from course_lib.widgets.explorer import explore
from course_lib.widgets.light import lighten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["dense_block_explorer"]


def dense_block_explorer() -> None:
    """Set input channels, growth rate, layers and bottleneck: what each layer reads, and what the block costs.

    Examples
    --------
    >>> dense_block_explorer()  # doctest: +ELLIPSIS
    Six bars...
    """
    explore(
        _draw_block,
        alt="Six bars, the layers of a dense block. Each reads the 64 maps that came in and 32 of each earlier one: "
        "64, 96, 128, 160, 192, 224; 256 go out. The title counts 331,776 weights and 1,040 million multiplications.",
        in_channels=(8, 512, 8),
        growth_rate=(4, 64, 4),
        layers=(1, 48),
        bottleneck=True,
        grid=(7, 56, 7),
    )


def _draw_block(
    *, in_channels: int = 64, growth_rate: int = 32, layers: int = 6, bottleneck: bool = True, grid: int = 56
) -> Figure:
    """Draw what each layer reads: the input below, what earlier layers of the block have made above."""
    read = in_channels + growth_rate * np.arange(layers)
    weights = macs = 0
    for channels in read:
        chain = [(int(channels), growth_rate, 3)]
        if bottleneck:
            chain = [(int(channels), 4 * growth_rate, 1), (4 * growth_rate, growth_rate, 3)]
        weights += sum(conv_parameters(*sizes, bias=False) for sizes in chain)
        macs += sum(conv_macs(*sizes, grid) for sizes in chain)
    figure = plt.figure(figsize=(7.4, 3.4), layout="none")
    ax = figure.add_axes((0.09, 0.15, 0.89, 0.75))
    # Stairs that come down to the ground between two layers: bars, but drawn in one stroke.
    sides = np.add.outer(np.arange(1, layers + 1), (-0.4, 0.4)).ravel()
    between = np.arange(2 * layers - 1) % 2 == 1
    ax.stairs(np.where(between, 0, in_channels), sides, fill=True, color=BLUE, label="the block's input")
    ax.stairs(
        np.where(between, in_channels, read.repeat(2)[:-1]),
        sides,
        baseline=in_channels,
        fill=True,
        color=ORANGE,
        hatch="//",
        label="made by earlier layers",
    )
    ax.set(xlabel="layer of the block", ylabel="channels that it reads", xlim=(0.4, layers + 0.6))
    ax.set_ylim(0, 1.25 * read[-1])
    ax.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, min_n_ticks=1))  # no layer two and a half
    ax.legend(loc="upper left", ncols=2)
    ax.set_title(
        f"{in_channels} → {in_channels + layers * growth_rate} channels: {weights:,} weights, "
        f"{macs / 1e6:,.0f} million multiplications",
        loc="left",
        fontsize=10,
    )
    return lighten(figure)
