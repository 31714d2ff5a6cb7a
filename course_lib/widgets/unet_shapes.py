"""A U-Net's sizes: how deep, how large the image, padded or not, and what that makes of every map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from course_lib.figures.page import BLUE, GREY, ORANGE, VERMILION
from course_lib.models.tiles import UFigure
from course_lib.widgets.explorer import explore
from course_lib.widgets.light import lighten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["UShapes", "draw_u", "u_shapes", "unet_shapes_explorer"]

_Arrow = tuple[tuple[float, float], tuple[float, float], str]  # from, to, colour


@dataclass(frozen=True)
class UShapes:
    """Sizes along one axis of the maps of a U, level by level.

    Attributes
    ----------
    down : tuple of tuples of int
        From the image to the bottom: what comes into the level, then what each convolution makes.
    up : tuple of tuples of int
        From the bottom to the top: what the up-convolution makes, then what each convolution makes.
    """

    down: tuple[tuple[int, ...], ...]
    up: tuple[tuple[int, ...], ...]

    @property
    def output_size(self) -> int:
        """Pixels that get a score."""
        return self.up[-1][-1]

    @property
    def crops(self) -> tuple[tuple[int, int], ...]:
        """Size of the map that is copied across and the size it is cropped to, from the bottom to the top."""
        return tuple((left[-1], right[0]) for left, right in zip(self.down[-2::-1], self.up, strict=True))


def u_shapes(input_size: int, *, levels: int = 5, convolutions: int = 2, padding: bool = False) -> UShapes:
    """Follow one axis of an image down and up a U of 3×3 convolutions, 2×2 pools and 2×2 up-convolutions.

    Parameters
    ----------
    input_size : int
        Pixels of the image.
    levels : int
        At least 2; there is one pool less.
    convolutions : int
        At each level on each side, at least 1.
    padding : bool
        Whether a convolution keeps the size, as in today's U-Nets, or takes two pixels, as published.

    Returns
    -------
    UShapes

    Raises
    ------
    ValueError
        If a number is too small, or the image does not fit; it names the nearest sizes that do.

    Examples
    --------
    >>> shapes = u_shapes(572)
    >>> shapes.output_size, shapes.down[-1], shapes.crops
    (388, (32, 30, 28), ((64, 56), (136, 104), (280, 200), (568, 392)))
    """
    if levels < 2 or convolutions < 1 or input_size < 1:
        raise ValueError(
            f"a U needs 2 levels, a convolution and a pixel or more, got {levels}, {convolutions} and {input_size}"
        )
    taken = 0 if padding else 2
    if padding:
        step = 2 ** (levels - 1)
        if input_size % step:
            near = [size for size in (input_size // step * step, -(-input_size // step) * step) if size]
            raise ValueError(
                f"a side of {input_size} cannot be halved {levels - 1} times: the nearest that fit are "
                f"{' and '.join(map(str, near))}"
            )
    else:
        one = (1,) * convolutions
        UFigure(down=(one,) * levels, up_convolutions=(1,) * (levels - 1), up=(one,) * (levels - 1)).output_size(
            input_size
        )
    down, size = [], input_size
    for _ in range(levels):
        down.append(tuple(size - taken * n for n in range(convolutions + 1)))
        size = down[-1][-1] // 2
    up, size = [], down[-1][-1]
    for _ in range(levels - 1):
        up.append(tuple(2 * size - taken * n for n in range(convolutions + 1)))
        size = up[-1][-1]
    return UShapes(tuple(down), tuple(up))


def draw_u(*, input_size: int = 572, levels: int = 5, convolutions: int = 2, padding: bool = False) -> Figure:
    """Draw each level of a U as two bars, as long as its maps are wide, with the sizes written in them.

    Parameters
    ----------
    input_size, levels, convolutions, padding
        As in `u_shapes`; the net as published unless given.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ValueError
        As in `u_shapes`.

    Examples
    --------
    >>> draw_u(input_size=92, levels=3).axes[0].get_title()
    '92 pixels in, 52 scored (40 fewer); inputs that fit lie 4 apart'
    """
    shapes = u_shapes(input_size, levels=levels, convolutions=convolutions, padding=padding)
    figure = plt.figure(figsize=(8.4, 5.4), layout="none")
    ax = figure.add_axes((0.005, 0.05, 0.99, 0.9))
    scale = 0.88 / input_size
    for level, sizes in enumerate(shapes.down):
        _bar(ax, 0.5 if level < levels - 1 else 1.1, level, sizes, scale, colour=BLUE)
    for level, sizes in zip(range(levels - 2, -1, -1), shapes.up, strict=True):
        _bar(ax, 1.7, level, sizes, scale, colour=ORANGE)
    arrows: list[_Arrow] = []
    for level, (copied, kept) in zip(range(levels - 2, -1, -1), shapes.crops, strict=True):
        arrows.append(((0.96, level), (1.24, level), GREY))
        words = f"copy {copied}" if copied == kept else f"crop {copied} → {kept}"
        ax.text(1.1, level - 0.12, words, ha="center", va="bottom", fontsize=8, color="#444444")
        last = level == levels - 2
        arrows.append(((0.5, level + 0.3), (1.0 if last else 0.5, level + 0.7), VERMILION))
        arrows.append(((1.2 if last else 1.7, level + 0.7), (1.7, level + 0.3), BLUE))
    _draw_arrows(arrows, ax)
    ax.set(xlim=(0, 2.2), ylim=(levels - 0.4, -0.6))
    ax.set_axis_off()
    lost = input_size - shapes.output_size
    step = 2 ** (levels - 1)
    told = f"{lost} fewer" if lost else "none lost"
    ax.set_title(f"{input_size} pixels in, {shapes.output_size} scored ({told}); inputs that fit lie {step} apart")
    figure.text(
        0.5, 0.02, "along one axis; red arrows: 2 × 2 pool, blue: 2 × 2 up-convolution, grey: the skip", ha="center"
    )
    return lighten(figure)


def unet_shapes_explorer() -> None:
    """Set depth, input size, convolutions a level and padding: every map's size, or the nearest input that fits.

    Examples
    --------
    >>> unet_shapes_explorer()  # doctest: +ELLIPSIS
    A U of five levels...
    """
    explore(
        draw_u,
        alt="A U of five levels without padding. On the left an image of 572 pixels becomes 570 and 568, is pooled to "
        "284, 282, 280, then 140, 138, 136, then 68, 66, 64, and 32, 30, 28 at the bottom. On the right 56, 54, 52, "
        "then 104, 102, 100, then 200, 198, 196, then 392, 390 and 388. Across, 64 is cropped to 56, 136 to 104, 280 "
        "to 200 and 568 to 392.",
        input_size=(16, 700, 2),  # an odd one never fits
        levels=(2, 6),
        convolutions=(1, 3),
        padding=False,
    )


def _bar(ax: Axes, middle: float, level: int, sizes: tuple[int, ...], scale: float, *, colour: str) -> None:
    width = max(sizes[0] * scale, 0.02)
    ax.add_patch(Rectangle((middle - width / 2, level - 0.27), width, 0.54, facecolor=colour, alpha=0.28))
    ax.text(middle, level, " → ".join(map(str, sizes)), ha="center", va="center", fontsize=9)


def _draw_arrows(arrows: list[_Arrow], ax: Axes) -> None:
    """Draw arrows from a place to another in a colour, all at once."""
    starts, ends, colours = (list(part) for part in zip(*arrows, strict=True))
    x, y = np.transpose(starts)
    along, down = np.transpose(np.subtract(ends, starts))
    look: dict[str, Any] = {
        "width": 2,
        "headwidth": 5,
        "headlength": 5,
        "headaxislength": 5,
        "units": "dots",
        "minlength": 0,
    }
    ax.quiver(x, y, along, down, color=colours, angles="xy", scale_units="xy", scale=1, **look)
