"""The training loop of the lectures, in eight steps that are numbered below, and its counterpart for prediction.

Around the steps stand the things that a long run needs: a device and a precision chosen by the machine (Lightning
Fabric), a check for losses that are no longer numbers, a checkpoint each epoch, an early stop, and one seed that rules
the run: every epoch starts from random numbers made of the seed and the number of the epoch. So a run that was broken
off and resumed gives the same weights, bit for bit, as one that was not (on the same machine).
"""

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.training.checkpoint import load_checkpoint, run_settings, save_checkpoint
from course_lib.training.machine import make_fabric, put_back_afterwards, seed_epoch
from course_lib.training.progress import progress_bar
from course_lib.training.results import Epoch, History, Predictions

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["Loader", "fit", "predict"]

Loss = Callable[[Any, Tensor], Tensor]


class Loader(Protocol):
    """A torch DataLoader, a list of batches, or anything else that gives pairs (inputs, targets) and has a length."""

    def __iter__(self) -> Iterator[Any]:
        """Go through the batches, from the first."""

    def __len__(self) -> int:
        """Count the batches."""


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
    settings = run_settings(
        optimizer,
        loss_function=getattr(loss_function, "__name__", type(loss_function).__name__),
        seed=seed,
        patience=patience,
        batches=len(train_loader),
        val_batches=0 if val_loader is None else len(val_loader),
    )
    path = None if checkpoint_dir is None else Path(checkpoint_dir) / "last.ckpt"
    fabric = make_fabric(device, precision)
    log: list[Epoch] = []
    best_weights: dict[str, Tensor] | None = None

    with put_back_afterwards(model, optimizer, train_loader, val_loader):
        net, stepper = fabric.setup(model, optimizer)
        if path is not None and path.exists():
            log, best_weights = load_checkpoint(path, model, optimizer, settings, epochs)
        batches = len(train_loader)
        with progress_bar(total=epochs * batches, initial=len(log) * batches, shown=progress) as bar:
            # 1 images with labels: the loaders; 2 random first weights: the net, as it came
            while len(log) < epochs and not _patience_is_over(log, patience):  # 3 do
                epoch, start = len(log), time.perf_counter()
                bar.set_description(f"epoch {epoch + 1}/{epochs}", refresh=False)
                seed_epoch(seed, epoch, train_loader, val_loader)
                train = _train(fabric, net, stepper, train_loader, loss_function, epoch=epoch, bar=bar)
                val = _validate(fabric, net, val_loader, loss_function, epoch=epoch)
                log.append(Epoch(train.loss, val.loss, train.accuracy, val.accuracy, time.perf_counter() - start))
                if patience is not None and _best_epoch(log) == epoch:
                    best_weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
                if path is not None:
                    save_checkpoint(path, model, optimizer, settings, log, best_weights)
                bar.set_postfix_str(_in_words(log[-1]), refresh=False)
                if on_epoch_end is not None:
                    on_epoch_end(_history(log, epochs, patience))
            # 8 until: all epochs are done, or patience is over
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
    fabric = make_fabric(device, precision)
    y_true, scores = [], []
    with put_back_afterwards(model, None, loader), torch.no_grad():
        net = fabric.setup(model)
        net.eval()
        for inputs, targets in _pairs(loader):
            y_true.append(targets.cpu().numpy())
            scores.append(net(fabric.to_device(inputs)).float().cpu().numpy())
    return Predictions(np.concatenate(y_true), np.concatenate(scores))


def _train(
    fabric: "Fabric",
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    loader: Loader,
    loss_function: Loss,
    *,
    epoch: int,
    bar: Any,
) -> "_Means":
    """Go through the training data once."""
    means, pieces = _Means(), 1
    net.train()
    for batch, (inputs, targets) in enumerate(_pairs(loader)):
        place = f"epoch {epoch + 1}, batch {batch + 1} (step {epoch * len(loader) + batch + 1})"
        inputs, targets = fabric.to_device((inputs, targets))
        while True:
            optimizer.zero_grad()
            try:
                for outputs, loss, labels in _gradients(fabric, net, loss_function, inputs, targets, pieces, place):
                    means.add(loss, outputs, labels)
                break
            except torch.OutOfMemoryError:
                if not isinstance(inputs, Tensor) or pieces >= len(targets):
                    raise
            pieces *= 2
            torch.cuda.empty_cache()
            print(f"The GPU's memory is full in {place}: in this epoch each batch is taken in {pieces} parts.")
        optimizer.step()  # 7 update
        bar.update()
    for weights in net.parameters():  # no loss has seen the last update
        _stop_unless_finite(weights, "after its update a weight", place)
    return means


def _gradients(
    fabric: "Fabric", net: nn.Module, loss_function: Loss, inputs: Any, targets: Tensor, pieces: int, place: str
) -> "list[tuple[Any, Tensor, Tensor]]":
    """Add up the gradients of a batch in pieces: the same as those of the whole, but for batch normalisation."""
    parts = [(inputs, targets)] if pieces == 1 else zip(inputs.chunk(pieces), targets.chunk(pieces), strict=True)
    measured = []
    for images, labels in parts:
        outputs = net(images)  # 4 output
        loss = loss_function(outputs, labels)  # 5 loss
        _stop_unless_finite(loss, "the training loss", place)
        fabric.backward(loss if pieces == 1 else loss * (len(labels) / len(targets)))  # 6 gradients
        measured.append((outputs, loss.detach(), labels))
    return measured


@torch.no_grad()
def _validate(fabric: "Fabric", net: nn.Module, loader: Loader | None, loss_function: Loss, *, epoch: int) -> "_Means":
    """Measure on the validation data, if there are any, and learn nothing."""
    means = _Means()
    if loader is None:
        return means
    net.eval()
    for batch, (inputs, targets) in enumerate(_pairs(loader)):
        inputs, targets = fabric.to_device((inputs, targets))
        outputs = net(inputs)
        loss = loss_function(outputs, targets)
        _stop_unless_finite(loss, "the validation loss", f"epoch {epoch + 1}, batch {batch + 1}")
        means.add(loss, outputs, targets)
    return means


class _Means:
    """Means over the images of all batches, which may differ in size; NaN where there is none."""

    def __init__(self) -> None:
        self.images, self.loss_sum, self.right = 0, 0.0, 0.0

    def add(self, loss: Tensor, outputs: Any, targets: Tensor) -> None:
        self.images += len(targets)
        self.loss_sum += loss.item() * len(targets)
        self.right += _accuracy(outputs, targets) * len(targets)

    @property
    def loss(self) -> float:
        return self.loss_sum / self.images if self.images else math.nan

    @property
    def accuracy(self) -> float:
        return self.right / self.images if self.images else math.nan


def _accuracy(outputs: Any, targets: Tensor) -> float:
    """Share of the targets that have the largest output; NaN where targets are not classes."""
    outputs = outputs.get("scores") if isinstance(outputs, Mapping) else outputs  # a net with auxiliary heads
    if targets.is_floating_point() or not isinstance(outputs, Tensor) or outputs.ndim < 2:
        return math.nan
    y_pred = outputs.argmax(dim=1)
    return (y_pred == targets).float().mean().item() if y_pred.shape == targets.shape else math.nan


def _pairs(loader: Loader) -> Iterator[tuple[Any, Tensor]]:
    """Hand on the batches, checked."""
    empty = True
    for batch in loader:
        if not isinstance(batch, tuple | list) or len(batch) != 2 or not isinstance(batch[1], Tensor):
            raise ValueError(
                f"a loader gives pairs (inputs, targets tensor), got {type(batch).__name__}: see make_loader"
            )
        empty = False
        yield batch[0], batch[1]
    if empty:
        raise ValueError("a loader gives at least one batch, got none: is a part of the split empty?")


def _stop_unless_finite(values: Tensor, what: str, place: str) -> None:
    finite = torch.isfinite(values)
    if not finite.all():
        value = values[~finite].flatten()[0].item()
        raise FloatingPointError(f"{what} is {value} in {place}: try a smaller learning rate, look for NaN in the data")


def _best_epoch(log: list[Epoch]) -> int:
    watched = [row.train_loss if math.isnan(row.val_loss) else row.val_loss for row in log]
    return watched.index(min(watched))


def _patience_is_over(log: list[Epoch], patience: int | None) -> bool:
    return patience is not None and len(log) > 0 and len(log) - 1 - _best_epoch(log) >= patience


def _history(log: list[Epoch], epochs: int, patience: int | None) -> History:
    columns = {name: np.array([getattr(row, name) for row in log], dtype=np.float64) for name in Epoch._fields}
    stopped_early = len(log) < epochs and _patience_is_over(log, patience)
    return History(**columns, best_epoch=_best_epoch(log), stopped_early=stopped_early)


def _in_words(row: Epoch) -> str:
    """Give an epoch as a line for the bar, without its time and without what was not measured."""
    measured = {name: value for name, value in row._asdict().items() if name != "seconds" and not math.isnan(value)}
    return ", ".join(f"{name} {value:.3f}" for name, value in measured.items())
