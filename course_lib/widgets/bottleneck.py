"""A 1×1 convolution in front of a large kernel: when it saves, and when it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt

from course_lib.arithmetic import conv_macs
from course_lib.figures.inception import plot_operations
from course_lib.widgets.explorer import explore
from course_lib.widgets.light import lighten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["bottleneck_explorer"]


def bottleneck_explorer() -> None:
    """Set channels, bottleneck and kernel: the multiplications with and without the 1×1 convolution in front.

    Examples
    --------
    >>> bottleneck_explorer()  # doctest: +ELLIPSIS
    Two bars...
    """
    explore(
        _draw_bottleneck,
        alt="Two bars. Directly, a 5 by 5 convolution from 480 to 48 channels on a grid of 14 by 14 takes 112.9 "
        "million multiplications; with a bottleneck of 16 channels it takes 5.3 million, 1.5 of "
        "them for the bottleneck. It saves as long as it has fewer than 342.9 channels.",
        in_channels=(16, 832, 16),
        bottleneck=(4, 512, 4),
        out_channels=(16, 384, 16),
        kernel_size=[1, 3, 5, 7],
        grid=(7, 56, 7),
    )


def _draw_bottleneck(
    *, in_channels: int = 480, bottleneck: int = 16, out_channels: int = 48, kernel_size: int = 5, grid: int = 14
) -> Figure:
    """Draw the two ways as bars, with the largest bottleneck that still saves."""
    direct = conv_macs(in_channels, out_channels, kernel_size, grid)
    first = conv_macs(in_channels, bottleneck, 1, grid)
    then = conv_macs(bottleneck, out_channels, kernel_size, grid)
    kernel = f"{kernel_size}×{kernel_size}"
    figure = plt.figure(figsize=(7.2, 3.2), layout="none")
    ax = figure.add_axes((0.1, 0.15, 0.88, 0.74))
    plot_operations({"directly": {kernel: direct}, "by 1×1": {kernel: then, "1×1 in front": first}}, ax)
    ax.legend(loc="lower right")
    limit = in_channels * out_channels * kernel_size**2 / (in_channels + out_channels * kernel_size**2)
    verdict = f"{direct / (first + then):.1f} times fewer" if first + then < direct else "nothing is saved"
    ax.set_title(
        f"{in_channels} → {bottleneck} → {out_channels} channels on {grid} × {grid}: {verdict}. "
        f"Saves below {limit:.1f} channels",
        loc="left",
        fontsize=10,
    )
    return lighten(figure)
