"""What every net asks of its arguments and of its input, checked once, before any layer is made or runs."""

from collections.abc import Iterable

from torch import Tensor

__all__ = ["check_arguments", "check_batch"]

_AXES = {2: "H, W", 3: "D, H, W"}


def check_arguments(**sizes: int) -> None:
    """Refuse a net without classes, channels or units.

    Parameters
    ----------
    **sizes : int
        Arguments of the net by their names.

    Raises
    ------
    ValueError
        If one of them is below 1: all are named with what came.

    Examples
    --------
    >>> check_arguments(num_classes=0, in_channels=3)
    Traceback (most recent call last):
    ValueError: num_classes and in_channels are at least 1, got 0 and 3
    """
    if min(sizes.values()) < 1:
        raise ValueError(f"{_and(sizes)} are at least 1, got {_and(sizes.values())}")


def check_batch(x: Tensor, *, channels: int, min_size: int, dims: int = 2) -> None:
    """Refuse what is not a batch of images, or of volumes, that the net can read.

    Parameters
    ----------
    x : (B, channels, H, W) or (B, channels, D, H, W) floating-point tensor
    channels : int
        What the first layer reads.
    min_size : int
        The smallest size along each axis of the image, in pixels, for which every layer has an output.
    dims : 2 or 3
        Axes of an image.

    Raises
    ------
    TypeError
        If x is not a floating-point tensor.
    ValueError
        If it has another number of axes or channels, or is too small: what came, what fits, what to do.

    Examples
    --------
    >>> import torch
    >>> check_batch(torch.zeros(1, 1, 64, 64), channels=3, min_size=63)
    Traceback (most recent call last):
    ValueError: wanted a batch (B, 3, H, W) of at least 63 pixels along H, W, got (1, 1, 64, 64): 1 channel ...
    """
    least = f"{min_size} pixel" if min_size == 1 else f"{min_size} pixels"
    wanted = f"wanted a batch (B, {channels}, {_AXES[dims]}) of at least {least} along {_AXES[dims]}"
    if not isinstance(x, Tensor) or not x.is_floating_point():
        came = f"{x.dtype}" if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"{wanted}, as a floating-point tensor, got {came}: convert it first")
    got = f"got {tuple(x.shape)}"
    if x.ndim == dims + 1 and x.shape[0] == channels:
        raise ValueError(f"{wanted}, {got}: a single one becomes a batch of one by x[None]")
    if x.ndim != dims + 2:
        raise ValueError(f"{wanted}, {got}: that is {x.ndim} axes, and {dims + 2} are needed")
    if x.shape[1] != channels:
        came = "1 channel" if x.shape[1] == 1 else f"{x.shape[1]} channels"
        raise ValueError(f"{wanted}, {got}: {came} where the first layer reads {channels}; see in_channels")
    if min(x.shape[2:]) < min_size:
        raise ValueError(f"{wanted}, {got}: too small for the layers of this net, resize or pad it")


def _and(words: Iterable[object]) -> str:
    *first, last = map(str, words)
    return f"{', '.join(first)} and {last}" if first else last
