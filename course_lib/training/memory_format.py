"""Which order of the numbers in memory is faster for a net: channel by channel, or pixel by pixel.

In torch's own order all pixels of the first channel come first, then those of the second ("contiguous"). In
"channels last" the channels of the first pixel come first. Results are the same but for rounding; which is faster
depends on the net, the size of its images and the machine, so it is measured.
"""

import copy
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["faster_memory_format"]

_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}  # for images, for volumes
GAIN = 1.05  # channels last has to be that much faster: a change for nothing is none


def faster_memory_format(
    model: nn.Module, images: Tensor, *, rounds: int = 5, clock: Callable[[], float] = time.perf_counter
) -> torch.memory_format:
    """Time one pass forward and one back in both orders, in turns, and name the faster.

    Use it as ``model.to(memory_format=faster_memory_format(model, images))`` before `fit`; a run that is to be repeated
    bit by bit names the format instead, since another machine may choose differently.

    Parameters
    ----------
    model : nn.Module
        Stays as it is; copies of it are timed, in its own mode (training or evaluation).
    images : (B, C, H, W) or (B, C, D, H, W) floating-point tensor
        A batch as the model will meet it, on the model's device.
    rounds : int
        Passes of each order, at least 1, after one that is not timed; the medians are compared.
    clock : callable
        Gives seconds.

    Returns
    -------
    torch.memory_format
        ``torch.channels_last`` (volumes: ``torch.channels_last_3d``) if it is at least 5 % faster, else
        ``torch.contiguous_format``.

    Raises
    ------
    ValueError
        If rounds is below 1, or the batch has other axes than those of images or volumes.

    Examples
    --------
    >>> chosen = faster_memory_format(nn.Conv2d(3, 8, 3), torch.zeros(4, 3, 32, 32))
    >>> chosen in (torch.contiguous_format, torch.channels_last)
    True
    """
    if rounds < 1:
        raise ValueError(f"rounds is at least 1, got {rounds}")
    if images.ndim not in _CHANNELS_LAST:
        raise ValueError(f"wanted a batch (B, C, H, W) or (B, C, D, H, W), got {tuple(images.shape)}")
    formats = (torch.contiguous_format, _CHANNELS_LAST[images.ndim])
    twin: Any = model  # torch declares no memory_format for the `to` of a module
    copies = [copy.deepcopy(twin).to(memory_format=one) for one in formats]
    batches = [images.detach().to(memory_format=one) for one in formats]
    devices = [images.device] if images.is_cuda else []
    with torch.random.fork_rng(devices=devices), torch.enable_grad():
        for one in zip(copies, batches, strict=True):
            _step_seconds(*one, clock)  # the first pass also prepares
        seconds = [[_step_seconds(*one, clock) for one in zip(copies, batches, strict=True)] for _ in range(rounds)]
    contiguous, channels_last = (statistics.median(times) for times in zip(*seconds, strict=True))
    return formats[1] if contiguous > GAIN * channels_last else formats[0]


def _step_seconds(model: nn.Module, images: Tensor, clock: Callable[[], float]) -> float:
    start = clock()
    loss: Any = sum(scores.float().square().mean() for scores in _tensors(model(images)))
    loss.backward()
    if images.is_cuda:
        torch.cuda.synchronize(images.device)
    return clock() - start


def _tensors(outputs: Any) -> list[Tensor]:
    return list(outputs.values()) if isinstance(outputs, Mapping) else [outputs]
