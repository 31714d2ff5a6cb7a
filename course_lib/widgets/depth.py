"""How large signal and gradient are at each layer of a net, before it has learned anything."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import torch
from torch import nn

from course_lib.data import load_digits
from course_lib.figures.depth import plot_by_layer
from course_lib.figures.page import GREY, INK
from course_lib.models.resnet import PlainBlock, zero_last_gammas
from course_lib.models.resnet_cifar import CifarResNet, PaddedBlock
from course_lib.training.machine import one_thread
from course_lib.training.signals import Signals, measure_signals, without_batch_norm
from course_lib.widgets.explorer import explore
from course_lib.widgets.light import lighten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["depth_explorer"]


def depth_explorer() -> None:
    """Set depth, block, batch normalisation and first weights of a net, and see what arrives at each layer.

    Examples
    --------
    >>> depth_explorer()  # doctest: +ELLIPSIS
    Two curves...
    """
    explore(
        _draw_depth,
        alt="Two curves over the layers of a plain net of 38 layers with batch normalisation, before training. The "
        "signal stays between 0.3 and 1 at every layer; the gradient of the weights is some "
        "hundred times longer at the first layer than at the last.",
        depth=(8, 56, 6),
        shortcuts=False,
        batch_norm=True,
        zero_last_gamma=False,
        seed=(0, 9),
    )


def _draw_depth(
    *,
    depth: int = 38,
    shortcuts: bool = False,
    batch_norm: bool = True,
    zero_last_gamma: bool = False,
    seed: int = 0,
) -> Figure:
    """Draw signal and gradient by layer, and say what they come to."""
    if zero_last_gamma and not (shortcuts and batch_norm):
        raise ValueError("a last gamma of zero needs batch norm to have a gamma, and shortcuts to let anything through")
    found = _measured(depth, shortcuts, batch_norm, zero_last_gamma, seed)
    figure = plt.figure(figsize=(7.4, 4.0), layout="none")
    ax = figure.add_axes((0.1, 0.27, 0.87, 0.64))
    plot_by_layer({"gradient of the weights": found.gradient, "signal that arrives": found.signal}, ax, name="size")
    ax.set(xlim=(0, 57), ylim=(1e-8, 1e5))
    ax.legend(loc="lower left", ncols=2)
    kind = "residual" if shortcuts else "plain"
    ax.set_title(f"{kind} net of {depth} layers, {'with' if batch_norm else 'without'} batch norm, untrained")
    first, last = found.gradient[0], found.gradient[-1]
    times = 0 if last == 0 else first / last
    ratio = "the last layer has none" if last == 0 else f"{times:,.{0 if times >= 10 else 2}f} times that of the last"
    figure.text(0.03, 0.08, f"Gradient at the first layer {first:.2g}: {ratio}.", color=INK)
    figure.text(0.03, 0.02, f"Loss {found.loss:.3g}; ten classes guessed evenly would cost 2.3.", color=GREY)
    return lighten(figure)


@lru_cache(maxsize=128)
def _measured(depth: int, shortcuts: bool, batch_norm: bool, zero_last_gamma: bool, seed: int) -> Signals:
    """Make such a net and measure it; a slider comes back to most of its places."""
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net: nn.Module = CifarResNet(PaddedBlock if shortcuts else PlainBlock, depth, in_channels=1)
        if zero_last_gamma:
            zero_last_gammas(net)
        return measure_signals(net if batch_norm else without_batch_norm(net), *_some_digits())


@lru_cache(maxsize=1)
def _some_digits() -> tuple[torch.Tensor, torch.Tensor]:
    """Read 32 images and their labels once, not at every redrawing."""
    digits = load_digits(image_size=8)
    return digits.images[:32], digits.labels[:32]
