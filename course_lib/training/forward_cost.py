"""What one forward pass costs on this machine: processor time, time on the clock, memory."""

import statistics
import time
import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode  # the way that torch documents, in spite of its underscore

from course_lib.training.machine import one_thread

__all__ = ["ForwardCost", "measure_forward"]

MB = 1_000_000


@dataclass(frozen=True)
class ForwardCost:
    """One forward pass, after a warm-up.

    Attributes
    ----------
    seconds : tuple of float
        Processor time of each timed run, on one thread: hardly disturbed by other programs.
    clock_seconds : tuple of float
        What the clock on the wall says of the same runs.
    working_memory_mb : float
        The most that intermediate results held at one time, in 10⁶ bytes, without weights, input and what one
        operation needs inside of itself.
    """

    seconds: tuple[float, ...]
    clock_seconds: tuple[float, ...]
    working_memory_mb: float

    @property
    def latency(self) -> float:
        """Median processor time in seconds: what one waits for on a core that has nothing else to do.

        Examples
        --------
        >>> ForwardCost((0.3, 0.1, 0.2), (0.5, 0.5, 0.5), 1.0).latency
        0.2
        """
        return statistics.median(self.seconds)


def measure_forward(net: nn.Module, images: Tensor, *, runs: int = 3) -> ForwardCost:
    """Time a net on a batch, on one thread of the processor; its first, cold run is used to watch the memory.

    Parameters
    ----------
    net : nn.Module
        In the mode in which it is to be measured, on the CPU.
    images : (B, C, H, W) tensor
    runs : int
        How many runs are timed, at least 1.

    Returns
    -------
    ForwardCost

    Raises
    ------
    ValueError
        If no run is asked for.

    Examples
    --------
    >>> cost = measure_forward(nn.Conv2d(1, 4, 3, padding=1), torch.zeros(1, 1, 500, 500))
    >>> cost.working_memory_mb, len(cost.seconds)
    (4.0, 3)
    """
    if runs < 1:
        raise ValueError(f"runs must be at least 1, got {runs}")
    with one_thread(), torch.no_grad():
        with _Watch(images, *net.parameters(), *net.buffers()) as watch:
            net(images)
        times = [_time(net, images) for _ in range(runs)]
    seconds, clock_seconds = zip(*times, strict=True)
    return ForwardCost(seconds, clock_seconds, watch.most / MB)


def _time(net: nn.Module, images: Tensor) -> tuple[float, float]:
    processor, clock = time.process_time(), time.perf_counter()
    net(images)
    return time.process_time() - processor, time.perf_counter() - clock


class _Watch(TorchDispatchMode):
    """Looks after each operation how many bytes its results and those before it still hold, and keeps the most."""

    def __init__(self, *known: Tensor) -> None:
        super().__init__()
        self.known = {tensor.untyped_storage().data_ptr() for tensor in known}  # weights and input: not counted
        self.results: list[weakref.ref[Tensor]] = []
        self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        found = result if isinstance(result, tuple | list) else [result]
        self.results += [weakref.ref(tensor) for tensor in found if isinstance(tensor, Tensor)]
        alive = [tensor for reference in self.results if (tensor := reference()) is not None]
        self.results = [weakref.ref(tensor) for tensor in alive]
        storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in alive}
        self.most = max(self.most, sum(size for place, size in storages.items() if place not in self.known))
        return result
