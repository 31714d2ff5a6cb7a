"""What is particular to the machine: its devices, its number formats, its random numbers."""

import contextlib
import logging
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["make_fabric", "one_thread", "put_back_afterwards", "seed_epoch"]


def make_fabric(device: str, precision: str) -> "Fabric":
    """Choose where to calculate, and in which number format; `fit` describes the choices.

    Raises
    ------
    ValueError
        If the device or the precision is unknown, or this machine has no such device.
    """
    from lightning_fabric import Fabric  # here, since the import takes seconds

    machine = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    names = [name for name, is_there in machine.items() if is_there]
    if device == "auto":
        device = names[0]
    if device not in names:
        raise ValueError(f"device is 'auto' or one that this machine has ({', '.join(names)}), got {device!r}")
    if precision not in ("auto", "32-true", "bf16-mixed"):
        raise ValueError(f"precision is 'auto', '32-true' or 'bf16-mixed', got {precision!r}")
    if precision == "auto":  # older GPUs only imitate bfloat16, slowly
        is_fast = device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        precision = "bf16-mixed" if is_fast else "32-true"
    with _quiet_fabric():
        return Fabric(accelerator=device, devices=1, precision="bf16-mixed" if precision == "bf16-mixed" else "32-true")


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Calculate on one core: small layers gain little from several, and wait long once another program runs.

    Examples
    --------
    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def put_back_afterwards(model: nn.Module, optimizer: torch.optim.Optimizer | None, *loaders: Any) -> Iterator[None]:
    """Calculate as reproducibly as the machine can; afterwards all that is the caller's is as it was.

    That is: the device of the net and its optimizer, the mode of each layer, the random numbers of Python, NumPy,
    torch and the loaders, the flags of cuDNN, the level of Fabric's log.
    """
    home = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    with contextlib.ExitStack() as afterwards:  # the last that is registered comes first
        if optimizer is not None:  # loading its own state brings it to where its parameters are
            afterwards.callback(lambda: optimizer.load_state_dict(optimizer.state_dict()))
        afterwards.callback(model.to, home)
        for module in model.modules():
            afterwards.callback(setattr, module, "training", module.training)
        afterwards.callback(random.setstate, random.getstate())
        afterwards.callback(np.random.set_state, np.random.get_state())
        afterwards.callback(torch.set_rng_state, torch.get_rng_state())
        if torch.cuda.is_available():
            afterwards.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())
        if torch.backends.mps.is_available():
            afterwards.callback(torch.mps.set_rng_state, torch.mps.get_rng_state())
        for generator in _generators(loaders):
            afterwards.callback(generator.set_state, generator.get_state())
        for flag, value in (("deterministic", True), ("benchmark", False)):
            afterwards.callback(setattr, torch.backends.cudnn, flag, getattr(torch.backends.cudnn, flag))
            setattr(torch.backends.cudnn, flag, value)
        afterwards.enter_context(_quiet_fabric())
        yield


def seed_epoch(seed: int, epoch: int, *loaders: Any) -> None:
    """Start all random numbers of an epoch from a seed of its own, so that a run can be resumed at any epoch."""
    number = int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)
    for generator in _generators(loaders):
        generator.manual_seed(number)


@contextlib.contextmanager
def _quiet_fabric() -> Iterator[None]:
    """Keep Fabric's announcements out of the lesson; its warnings stay."""
    log = logging.getLogger("lightning_fabric")
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(level)


def _generators(owners: tuple[Any, ...]) -> Iterator[torch.Generator]:
    """Find the generators that belong to loaders, or to the samplers and data sets in them."""
    for owner in owners:
        if isinstance(getattr(owner, "generator", None), torch.Generator):
            yield owner.generator
        parts = (getattr(owner, name, None) for name in ("sampler", "batch_sampler", "dataset"))
        yield from _generators(tuple(part for part in parts if part is not None))
