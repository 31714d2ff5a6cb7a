"""The file ``last.ckpt`` that a broken-off training goes on from."""

import io
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.errors import CourseError
from course_lib.training.results import Epoch

__all__ = ["load_checkpoint", "run_settings", "save_checkpoint"]

Weights = dict[str, Tensor]


def run_settings(optimizer: torch.optim.Optimizer, **others: object) -> dict[str, str]:
    """List what must be the same for a run to be resumed: with other settings it would be another run."""
    settings = {"format": "1", "optimizer": type(optimizer).__name__}
    for place, group in enumerate(optimizer.param_groups):
        of_group = f" of group {place}" if place else ""
        settings |= {f"{name}{of_group}": str(value) for name, value in group.items() if name != "params"}
    return settings | {name: str(value) for name, value in others.items()}


def save_checkpoint(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    settings: dict[str, str],
    log: list[Epoch],
    best_weights: Weights | None,
) -> None:
    """Write a new file beside the old one, then swap them: whatever interrupts this, one whole file is there."""
    checkpoint = {"settings": settings, "log": [list(row) for row in log], "best_weights": best_weights}
    checkpoint |= {"weights": model.state_dict(), "optimizer": optimizer.state_dict()}
    part = path.with_suffix(".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.save(checkpoint, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, settings: dict[str, str], epochs: int
) -> tuple[list[Epoch], Weights | None]:
    """Set net and optimizer to where the checkpoint left them; give its log and its best weights.

    Raises
    ------
    CourseError
        If the file is damaged, of another net, of another run, or of more epochs than are wanted.
    """
    remedy = "delete it, or name another checkpoint_dir"
    saved = _read(path, remedy)
    there, log = saved["settings"], [Epoch(*row) for row in saved["log"]]
    if difference := _difference(saved["weights"], model.state_dict()):
        raise CourseError(f"{path} is of another net, {difference}: {remedy}")
    for name in sorted(settings.keys() | there.keys()):
        if settings.get(name) != there.get(name):
            came = f"{name} was {there.get(name)}, is now {settings.get(name)}"
            raise CourseError(f"{path} is of another run, {came}: set it back, or {remedy}")
    if len(log) > epochs:
        raise CourseError(f"{path} has {len(log)} epochs, wanted {epochs}: ask for more, or {remedy}")
    model.load_state_dict(saved["weights"])
    optimizer.load_state_dict(saved["optimizer"])
    return log, saved["best_weights"]


def _read(path: Path, remedy: str) -> dict[str, Any]:
    content = io.BytesIO(path.read_bytes())
    try:
        saved = torch.load(content, map_location="cpu", weights_only=True)
        complete = {"settings", "log", "weights", "best_weights", "optimizer"} <= saved.keys()
    except Exception as error:  # torch.load meets a damaged file with errors of many kinds
        raise CourseError(f"{path} is damaged, or not a checkpoint of fit: {remedy}") from error
    if not complete:
        raise CourseError(f"{path} is not a checkpoint of fit: {remedy}")
    return saved


def _difference(there: Weights, here: Weights) -> str | None:
    """Name the first layer in which two nets differ."""
    for name in [*here, *there]:
        sizes = [tuple(net[name].shape) if name in net else "nothing" for net in (there, here)]
        if sizes[0] != sizes[1]:
            return f"{name} is {sizes[0]} in it, {sizes[1]} in this net"
    return None
