"""What `fit` costs beside the same training loop written by hand: one interleaved run, ratio of times with its spread.

Run with `make bench`, or `python benchmarks/training.py`.
"""

import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

from course_lib.data import load_digits, make_loader, stratified_split
from course_lib.models.lenet import PlainLeNet
from course_lib.training import fit

EPOCHS, BATCH_SIZE, LEARNING_RATE, ROUNDS = 3, 64, 1e-3, 9


def plain_loop(net: nn.Module, train_loader, val_loader) -> None:
    """The peer: nothing but the eight steps, with the validation pass that `fit` makes too."""
    optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
    for _ in range(EPOCHS):
        net.train()
        for images, labels in train_loader:
            optimizer.zero_grad()
            F.cross_entropy(net(images), labels).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            for images, labels in val_loader:
                F.cross_entropy(net(images), labels)


def with_fit(net: nn.Module, train_loader, val_loader) -> None:
    """Ours, without progress bar and checkpoints."""
    fit(net, train_loader, val_loader, epochs=EPOCHS, learning_rate=LEARNING_RATE, device="cpu", progress=False)


def seconds(run, *arguments) -> float:
    start = time.perf_counter()
    run(PlainLeNet(), *arguments)
    return time.perf_counter() - start


def main() -> None:
    digits = load_digits()
    split = stratified_split(digits.labels, seed=0)
    loaders = [make_loader(digits.subset(part), batch_size=BATCH_SIZE) for part in (split.train, split.val)]
    for run in (plain_loop, with_fit):
        seconds(run, *loaders)
    pairs = [(seconds(plain_loop, *loaders), seconds(with_fit, *loaders)) for _ in range(ROUNDS)]
    ratios = sorted(ours / peer for peer, ours in pairs)
    peer, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"PlainLeNet, {len(split.train)} digits of 32x32, {EPOCHS} epochs, {ROUNDS} interleaved rounds")
    print(f"plain loop {peer:.2f} s, fit {ours:.2f} s (torch {torch.__version__}, {torch.get_num_threads()} threads)")
    print(f"fit / plain loop: {statistics.median(ratios):.2f} (from {ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
