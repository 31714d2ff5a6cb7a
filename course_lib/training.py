"""Training and prediction: `fit` gives a `History`, `predict` gives `Predictions`.

The loop is the one of the lectures, in eight steps that are numbered below. Around it stand the things that a long
run needs: a device and a precision chosen by the machine (Lightning Fabric), a seed, a check for losses that are no
longer numbers, a checkpoint each epoch, an early stop.

One seed rules a run: every epoch starts from random numbers made of ``seed`` and the number of the epoch. So a run
that was broken off and resumed gives the same weights, bit for bit, as one that was not (on the same machine).
"""

import contextlib
import logging
import math
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]  # tqdm comes without types

from course_lib.errors import CourseError

__all__ = ["History", "Predictions", "fit", "predict"]

Loss = Callable[[Tensor, Tensor], Tensor]


class Loader(Protocol):
    """A torch DataLoader, a list of batches, or anything else that gives pairs (inputs, targets) and has a length."""

    def __iter__(self) -> Iterator[Any]: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, eq=False)
class History:
    """What each of E epochs gave; the means are over images, not over batches.

    Parameters
    ----------
    train_loss, train_accuracy : (E,) float64 arrays
        Measured while the weights change, with dropout on, so usually a little worse than the validation values.
    val_loss, val_accuracy : (E,) float64 arrays
        After the epoch; NaN without validation data. Accuracies, 0 … 1, are NaN where targets are not classes.
    seconds : (E,) float64 array
        Duration of each epoch.
    best_epoch : int
        Row with the lowest validation loss (training loss without validation data); the first row is 0.
    stopped_early : bool
        True if patience ran out before the last epoch asked for.
    """

    train_loss: NDArray[np.float64]
    val_loss: NDArray[np.float64]
    train_accuracy: NDArray[np.float64]
    val_accuracy: NDArray[np.float64]
    seconds: NDArray[np.float64]
    best_epoch: int
    stopped_early: bool


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a net says of N cases, beside the truth.

    Parameters
    ----------
    y_true : (N, …) array
        The targets, in the order of the loader.
    scores : (N, K, …) float32 array
        What the net returned: any real numbers, not probabilities.

    Examples
    --------
    >>> Predictions(np.array([1, 0]), np.array([[0.2, 3.0], [0.1, 0.4]])).y_pred
    array([1, 1])
    """

    y_true: NDArray[Any]
    scores: NDArray[np.float32]

    @property
    def y_pred(self) -> NDArray[np.int64]:
        """The class with the largest score, (N, …)."""
        return self.scores.argmax(axis=1)


def fit(
    model: nn.Module,
    train_loader: Loader,
    val_loader: Loader | None = None,
    *,
    epochs: int,
    learning_rate: float = 1e-3,
    optimizer: torch.optim.Optimizer | None = None,
    loss_function: Loss | None = None,
    seed: int = 0,
    patience: int | None = None,
    checkpoint_dir: str | os.PathLike[str] | None = None,
    device: str = "auto",
    precision: str = "auto",
    progress: bool = True,
    on_epoch_end: Callable[[History], object] | None = None,
) -> History:
    """Train a net in place, and give back what each epoch measured.

    Parameters
    ----------
    model : nn.Module
        Comes back trained, on the device it was on, in the mode it was in.
    train_loader, val_loader : loaders of (inputs, targets)
        Targets of a classification: (B,) int64. Shuffling follows ``seed``.
    epochs : int
        Times through the training data, at least 1, those of a resumed run included.
    learning_rate : float
        Of Adam, larger than 0; not used where ``optimizer`` is given.
    optimizer : torch.optim.Optimizer, optional
        Made on the parameters of ``model``.
    loss_function : callable (outputs, targets) → mean over the batch, optional
        Cross entropy unless given.
    seed : int
        0 or larger. The same seed gives the same run; the random numbers of the caller are left as they were. (The
        first weights are the caller's: call ``torch.manual_seed`` before making the net.)
    patience : int, optional
        Stop after so many epochs without a lower validation loss. At the end, whether stopped early or not, the
        weights of the best epoch are put back; without patience those of the last epoch stay.
    checkpoint_dir : path, optional
        Where ``last.ckpt`` is written after each epoch. If it is there already, the run goes on from it; a run that
        had ended returns its history at once.
    device : "auto", "cuda", "mps" or "cpu"
        "auto" takes the first of the three that this machine has.
    precision : "auto", "32-true" or "bf16-mixed"
        "auto" is bf16-mixed where the GPU calculates in bfloat16, else 32-true.
    progress : bool
        Show one line that moves on.
    on_epoch_end : callable, optional
        Is given the history so far after each epoch, for example to draw a live curve.

    Returns
    -------
    History

    Raises
    ------
    ValueError
        If an argument is out of range, or a loader gives no pairs.
    FloatingPointError
        If a loss is NaN or infinite: epoch, batch and step are named, the last checkpoint is that of a good epoch.
    CourseError
        If ``last.ckpt`` is damaged, or of another net or another run.

    Examples
    --------
    >>> batch = torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([0, 1])
    >>> fit(nn.Linear(2, 2), [batch], epochs=2, device="cpu", progress=False).train_loss.shape
    (2,)
    """
    if epochs < 1 or seed < 0 or not learning_rate > 0 or (patience is not None and patience < 1):
        came = f"epochs={epochs}, seed={seed}, learning_rate={learning_rate}, patience={patience}"
        raise ValueError(f"epochs and patience are at least 1, seed at least 0, learning_rate above 0, got {came}")
    if patience is not None and val_loader is None:
        raise ValueError("patience watches the validation loss: give a val_loader, or leave patience out")
    loss_function = loss_function or nn.functional.cross_entropy
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=learning_rate)
    settings = _settings(optimizer, loss_function, seed=seed, patience=patience, batches=len(train_loader))
    path = None if checkpoint_dir is None else Path(checkpoint_dir) / "last.ckpt"
    fabric = _fabric(device, precision)
    log: dict[str, list[float]] = {name: [] for name in _COLUMNS}
    best_weights: dict[str, Tensor] | None = None

    with _put_back(model, optimizer, train_loader, val_loader), _progress_bar(shown=progress) as bar:
        net, stepper = fabric.setup(model, optimizer)
        if path is not None and path.exists():
            log, best_weights = _resume(path, model, optimizer, settings, epochs)
        bar.total, bar.n = epochs * len(train_loader), len(log["seconds"]) * len(train_loader)

        # 1 images with labels: the loaders   2 random first weights: the model, as it came
        while len(log["seconds"]) < epochs and not _patience_is_over(log, patience):  # 3 do …
            epoch, started = len(log["seconds"]), time.perf_counter()
            bar.set_description(f"epoch {epoch + 1}/{epochs}", refresh=False)
            _seed_epoch(seed, epoch, train_loader, val_loader)
            train = _train(fabric, net, stepper, train_loader, loss_function, epoch, bar)
            val = _validate(fabric, net, val_loader, loss_function, epoch) if val_loader is not None else _Means()
            row = (train.loss, val.loss, train.accuracy, val.accuracy, time.perf_counter() - started)
            for name, value in zip(_COLUMNS, row, strict=True):
                log[name].append(value)
            if patience is not None and _best_epoch(log) == epoch:
                best_weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
            if path is not None:
                _save(path, model, optimizer, settings, log, best_weights)
            bar.set_postfix_str(" ".join(f"{name} {log[name][-1]:.3f}" for name in _COLUMNS[:4]))
            if on_epoch_end is not None:
                on_epoch_end(_history(log, epochs, patience))
        # 8 … until all epochs are done, or patience is over

        if best_weights is not None:
            model.load_state_dict(best_weights)
    return _history(log, epochs, patience)


def predict(model: nn.Module, loader: Loader, *, device: str = "auto", precision: str = "auto") -> Predictions:
    """Apply a net to all cases of a loader, with dropout off and running means in use.

    Parameters
    ----------
    model : nn.Module
        Comes back on the device and in the mode it was in.
    loader : loader of (inputs, targets)
        Without shuffling, rows stay in the order of the data.
    device, precision : str
        As in `fit`.

    Returns
    -------
    Predictions

    Raises
    ------
    ValueError
        If the loader gives no batch, or no pairs.

    Examples
    --------
    >>> batch = torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([0, 1])
    >>> predict(nn.Identity(), [batch], device="cpu").y_pred
    array([1, 0])
    """
    fabric = _fabric(device, precision)
    y_true, scores = [], []
    with _put_back(model, None, loader), torch.no_grad():
        net = fabric.setup(model)
        model.eval()
        for inputs, targets in _pairs(loader):
            y_true.append(targets.cpu().numpy())
            scores.append(net(fabric.to_device(inputs)).float().cpu().numpy())
    return Predictions(np.concatenate(y_true), np.concatenate(scores))


_COLUMNS = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "seconds")


class _Means:
    """Means over images of batches that may differ in size; NaN before the first."""

    def __init__(self) -> None:
        self.images, self.loss, self.accuracy = 0, math.nan, math.nan

    def add(self, loss: float, outputs: Tensor, targets: Tensor) -> None:
        old, new = self.images, len(targets)
        accuracy = math.nan
        if not targets.is_floating_point() and outputs.argmax(dim=1).shape == targets.shape:  # classes
            accuracy = (outputs.argmax(dim=1) == targets).float().mean().item()
        self.images = old + new
        self.loss = loss if old == 0 else (old * self.loss + new * loss) / self.images
        self.accuracy = accuracy if old == 0 else (old * self.accuracy + new * accuracy) / self.images


def _train(
    fabric: Any, net: nn.Module, optimizer: Any, loader: Loader, loss_function: Loss, epoch: int, bar: Any
) -> _Means:
    """Go through the training data once."""
    means = _Means()
    net.train()
    for batch, (inputs, targets) in enumerate(_pairs(loader)):
        inputs, targets = fabric.to_device((inputs, targets))
        outputs = net(inputs)  # 4 apply the net to a batch
        loss = loss_function(outputs, targets)  # 5 compare with the labels
        place = f"epoch {epoch + 1}, batch {batch + 1} (step {epoch * len(loader) + batch + 1})"
        _stop_unless_finite(loss, f"the training loss is {loss.item()} in {place}")
        optimizer.zero_grad()
        fabric.backward(loss)  # 6 gradients
        optimizer.step()  # 7 update
        means.add(loss.item(), outputs, targets)
        bar.update()
    for name, weights in net.state_dict().items():  # the last loss did not see the last update
        _stop_unless_finite(weights, f"{name} is no longer finite after {place}")
    return means


@torch.no_grad()
def _validate(fabric: Any, net: nn.Module, loader: Loader, loss_function: Loss, epoch: int) -> _Means:
    """Measure, without training."""
    means = _Means()
    net.eval()
    for batch, (inputs, targets) in enumerate(_pairs(loader)):
        inputs, targets = fabric.to_device((inputs, targets))
        outputs = net(inputs)
        loss = loss_function(outputs, targets)
        _stop_unless_finite(loss, f"the validation loss is {loss.item()} in epoch {epoch + 1}, batch {batch + 1}")
        means.add(loss.item(), outputs, targets)
    return means


def _pairs(loader: Loader) -> Iterator[tuple[Any, Tensor]]:
    """Hand on the batches, checked."""
    empty = True
    for batch in loader:
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            raise ValueError(f"a loader gives pairs (inputs, targets), got a {type(batch).__name__}: see make_loader")
        empty = False
        yield batch[0], batch[1]
    if empty:
        raise ValueError("a loader gives at least one batch, got none: is a part of the split empty?")


def _stop_unless_finite(values: Tensor, message: str) -> None:
    if not torch.isfinite(values).all():
        raise FloatingPointError(f"{message}: try a smaller learning rate, and look for NaN in the data")


def _best_epoch(log: dict[str, list[float]]) -> int:
    watched = log["train_loss"] if math.isnan(log["val_loss"][0]) else log["val_loss"]
    return watched.index(min(watched))


def _patience_is_over(log: dict[str, list[float]], patience: int | None) -> bool:
    return patience is not None and len(log["seconds"]) > 0 and len(log["seconds"]) - 1 - _best_epoch(log) >= patience


def _history(log: dict[str, list[float]], epochs: int, patience: int | None) -> History:
    columns = {name: np.array(values, dtype=np.float64) for name, values in log.items()}
    stopped_early = len(log["seconds"]) < epochs and _patience_is_over(log, patience)
    return History(**columns, best_epoch=_best_epoch(log), stopped_early=stopped_early)


def _settings(optimizer: torch.optim.Optimizer, loss_function: Loss, **others: Any) -> dict[str, str]:
    """All that must be the same for a run to be resumed."""
    loss_name = getattr(loss_function, "__name__", type(loss_function).__name__)
    settings = {"format": "1", "loss_function": loss_name, "optimizer": type(optimizer).__name__}
    for place, group in enumerate(optimizer.param_groups):
        of_group = f" of group {place}" if place else ""
        settings |= {f"{name}{of_group}": str(value) for name, value in group.items() if name != "params"}
    return settings | {name: str(value) for name, value in others.items()}


def _save(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    settings: dict[str, str],
    log: dict[str, list[float]],
    best_weights: dict[str, Tensor] | None,
) -> None:
    """Write beside the old checkpoint, then swap: whatever interrupts, one whole file is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    checkpoint = {"settings": settings, "log": log, "weights": model.state_dict(), "best_weights": best_weights}
    part = path.with_suffix(".part")
    try:
        torch.save(checkpoint | {"optimizer": optimizer.state_dict()}, part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _resume(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, settings: dict[str, str], epochs: int
) -> tuple[dict[str, list[float]], dict[str, Tensor] | None]:
    """Put net and optimizer where the checkpoint left them, and give its log and best weights."""
    remedy = "delete it, or name another checkpoint_dir"
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        there, weights, log = saved["settings"], saved["weights"], saved["log"]
    except OSError:
        raise
    except Exception as error:  # torch.load meets a damaged file with many kinds of error
        raise CourseError(f"{path} is damaged, or not a checkpoint of fit: {remedy}") from error
    for name, value in model.state_dict().items():
        if name not in weights or weights[name].shape != value.shape:
            came = f"{name} {tuple(weights[name].shape)}" if name in weights else f"no {name}"
            raise CourseError(f"{path} is of another net, it has {came}, wanted {name} {tuple(value.shape)}: {remedy}")
    if extra := weights.keys() - model.state_dict().keys():
        raise CourseError(f"{path} is of another net, it has {min(extra)}, which this one lacks: {remedy}")
    for name in settings.keys() | there.keys():
        if settings.get(name) != there.get(name):
            raise CourseError(
                f"{path} is of another run, with {name} {there.get(name)}, not {settings.get(name)}: {remedy}"
            )
    if len(log["seconds"]) > epochs:
        raise CourseError(f"{path} has {len(log['seconds'])} epochs already, wanted {epochs}: {remedy}")
    model.load_state_dict(weights)
    optimizer.load_state_dict(saved["optimizer"])
    return log, saved["best_weights"]


def _fabric(device: str, precision: str) -> Any:
    """Choose where to calculate and with which numbers."""
    from lightning_fabric import Fabric  # here, since the import takes seconds

    machine = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        device = next(name for name, is_there in machine.items() if is_there)
    if not machine.get(device, False):
        names = [name for name, is_there in machine.items() if is_there]
        raise ValueError(f"device is 'auto' or one that this machine has ({', '.join(names)}), got {device!r}")
    if precision == "auto":  # some GPUs only imitate bfloat16, slowly
        is_fast = device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        precision = "bf16-mixed" if is_fast else "32-true"
    if precision not in ("32-true", "bf16-mixed"):
        raise ValueError(f"precision is 'auto', '32-true' or 'bf16-mixed', got {precision!r}")
    return Fabric(accelerator=device, devices=1, precision="bf16-mixed" if precision == "bf16-mixed" else "32-true")


@contextlib.contextmanager
def _put_back(model: nn.Module, optimizer: torch.optim.Optimizer | None, *loaders: Loader | None) -> Iterator[None]:
    """Afterwards, leave random numbers, flags, modes and devices as they were before."""
    home = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    fabric_log = logging.getLogger("lightning_fabric")
    with contextlib.ExitStack() as after:  # runs backwards
        if optimizer is not None:
            after.callback(lambda: optimizer.load_state_dict(optimizer.state_dict()))  # follows its parameters home
        after.callback(model.to, home)
        after.callback(random.setstate, random.getstate())
        after.callback(np.random.set_state, np.random.get_state())
        after.callback(torch.set_rng_state, torch.get_rng_state())
        if torch.cuda.is_available():
            after.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())
        if torch.backends.mps.is_available():
            after.callback(torch.mps.set_rng_state, torch.mps.get_rng_state())
        for generator in _generators(*loaders):
            after.callback(generator.set_state, generator.get_state())
        for module in model.modules():
            after.callback(setattr, module, "training", module.training)
        for flag, value in (("deterministic", True), ("benchmark", False)):
            after.callback(setattr, torch.backends.cudnn, flag, getattr(torch.backends.cudnn, flag))
            setattr(torch.backends.cudnn, flag, value)
        after.callback(fabric_log.setLevel, fabric_log.level)
        fabric_log.setLevel(logging.WARNING)  # it gives advice on matrix products at every start
        yield


def _seed_epoch(seed: int, epoch: int, *loaders: Loader | None) -> None:
    """Start all random numbers of an epoch from its own seed."""
    number = int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)
    for generator in _generators(*loaders):
        generator.manual_seed(number)


def _generators(*loaders: Loader | None) -> list[torch.Generator]:
    """Find the generators that shuffle for the loaders."""
    owners = [owner for loader in loaders for owner in (loader, getattr(loader, "sampler", None))]
    found = [getattr(owner, "generator", None) for owner in owners]
    return [generator for generator in found if isinstance(generator, torch.Generator)]


class _Line:
    """A file for tqdm: each state of its line is shown by a function instead of written over the last."""

    encoding = "utf-8"

    def __init__(self, show: Callable[[str], object]) -> None:
        self.show = show

    def write(self, text: str) -> None:
        if text.strip():
            self.show(text.strip())

    def flush(self) -> None: ...


def _progress_bar(*, shown: bool) -> Any:
    """Show one line: in a notebook a display written over, in a log a line every ten seconds, else the terminal's."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    file, seconds = sys.stderr, 0.1
    if shown and getattr(shell, "kernel", None) is not None:
        from IPython.display import display

        handle = display({"text/plain": ""}, raw=True, display_id=True)
        file, seconds = _Line(lambda line: handle.update({"text/plain": line}, raw=True)), 0.2
    elif not sys.stderr.isatty():
        file, seconds = _Line(lambda line: print(line, file=sys.stderr)), 10
    return tqdm(total=0, disable=not shown, file=file, mininterval=seconds, unit="batch")
