"""Training on a GPU: the nets of lessons 11, 15 and 16 in full size through `fit`, beside the same net in a plain loop.

Run with `python benchmarks/gpu.py [--rounds N] [--only 11 15 16] [--batch N]` wherever there is a GPU; it prints a
Markdown table for docs/measurements.md. `--device cpu --tiny` tries the script without one, in less than a minute, on
nets so small that its numbers mean nothing.

Ours is `course_lib.training.fit` with its own choice of precision (bfloat16 where the GPU calculates in it); the peer
is the same net of torchvision or MONAI in the eight steps of a training loop, with autocast in the same precision (the
U-Net is the one whose convolutions pad, since MONAI's do). Both get the same batches from the computer's memory, the
same loss and Adam. In each round each of them trains once, and each round begins with the other one; a ratio is taken
within a round, and its median and range are printed. More than 1 means that ours is faster.

Images a second: by the clock, from the first batch to the last result, the median of the rounds; what is made once for
a run, such as Fabric's set-up and the optimizer, counts too. Memory: the most that tensors held on the GPU, weights and
optimizer included. Share: operations of forward and back as torch counts them, for the images a second of ours, by the
rate of a product of two large square matrices in the same precision, measured between the rounds.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from course_lib.data.phantoms.ageing_brain import make_ageing_brains
from course_lib.data.phantoms.chest_xray import make_chest_xrays
from course_lib.data.phantoms.touching_cells import contact_masks, make_touching_cells
from course_lib.losses import border_weight_map, weighted_cross_entropy
from course_lib.models.densenet import DENSENET_TABLE, DenseNet
from course_lib.models.tiles import UFigure
from course_lib.models.unet import PaddedUNet
from course_lib.models.volumes import COLE_2017, VolumeRegressor
from course_lib.training import History, fit

NO_GPU = "no GPU here: nothing was measured. To try the script: python benchmarks/gpu.py --device cpu --tiny"
INSTALL = "pip install --no-deps --target DIR torchvision==0.28.0 monai, then PYTHONPATH=DIR python benchmarks/gpu.py"
EPOCHS, LEARNING_RATE = 2, 1e-3
Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Case:
    """Two nets of the same maths, and what they learn from; the batches are made when they are first needed."""

    lesson: str
    name: str
    peer_name: str
    ours: Callable[[], nn.Module]
    peer: Callable[[], nn.Module]
    loss: Callable[[Tensor, Tensor], Tensor]
    peer_loss: Callable[[Tensor, Tensor], Tensor]
    data: Callable[[int], Batch]  # so many images with their targets
    batch_size: int
    batches: int  # different ones
    repeats: int  # of each in an epoch, so that what comes once an epoch stays small


# Lesson 11


def chest_case(tiny: bool) -> Case:
    blocks, growth, size = ((2, 2), 4, 32) if tiny else (DENSENET_TABLE[121], 32, 224)

    def data(count: int) -> Batch:
        films = make_chest_xrays(count, size=size)
        return torch.from_numpy(films.images), torch.from_numpy(films.labels).float()

    def peer() -> nn.Module:
        models = import_torchvision().models
        net = models.DenseNet(growth, tuple(blocks), 2 * growth, num_classes=14)
        net.features.conv0 = nn.Conv2d(1, 2 * growth, 7, stride=2, padding=3, bias=False)  # films have one channel
        return net

    loss = F.binary_cross_entropy_with_logits
    ours = partial(DenseNet, blocks, growth, num_classes=14, in_channels=1)
    name = f"DenseNet-{2 * sum(blocks) + len(blocks) + 1}, 14 labels"
    return Case("11", name, "torchvision", ours, peer, loss, loss, data, *((4, 2, 1) if tiny else (64, 4, 5)))


def import_torchvision():
    """Import torchvision, also one that was built for another torch: it then misses two operators, unused here."""
    try:
        import torchvision
    except RuntimeError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision

        torchvision.declared = library  # the declarations live as long as it does
    return torchvision


# Lesson 15


def brain_case(tiny: bool) -> Case:
    channels, spacing, size = ((2, 2, 4, 4, 8), 4, (48, 56, 48)) if tiny else (COLE_2017, 2, (96, 112, 96))

    def data(count: int) -> Batch:
        brains = make_ageing_brains(count, spacing_mm=spacing)
        return torch.from_numpy(brains.images)[:, None], torch.from_numpy((brains.age_years - 55) / 20).float()

    def peer() -> nn.Module:
        """Cole's net of MONAI's blocks, since MONAI has no such net of its own."""
        from monai.networks.blocks import Convolution

        layers: list[nn.Module] = []
        for before, width in pairwise((1, *channels)):
            layers.append(Convolution(3, before, width, act="relu", norm=None))
            layers.append(Convolution(3, width, width, act="relu", norm="batch", adn_ordering="NA"))
            layers.append(nn.MaxPool3d(2))
        left = int(np.prod([side // 2 ** len(channels) for side in size]))
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * left, 1), nn.Flatten(0))

    ours = partial(VolumeRegressor, input_size=size, channels=channels)
    name = f"Cole's 3-D net, {'×'.join(map(str, size))}"
    sizes = (2, 1, 1) if tiny else (8, 4, 5)
    return Case("15", name, "MONAI", ours, peer, F.mse_loss, F.mse_loss, data, *sizes)


# Lesson 16


def cells_case(tiny: bool) -> Case:
    first, size = (2, 32) if tiny else (64, 512)
    widths = tuple(first * 2**level for level in range(5))
    figure = UFigure(
        down=tuple((width, width) for width in widths),
        up_convolutions=(*widths[-2:0:-1], widths[1]),  # MONAI's last one keeps its channels
        up=tuple((width, width) for width in widths[-2::-1]),
    )

    def data(count: int) -> Batch:
        cells = make_touching_cells(count, size=size)
        labels = np.where(contact_masks(cells.labels), 0, cells.labels)
        targets = np.stack([np.stack([image > 0, border_weight_map(image)]) for image in labels])
        return torch.from_numpy(cells.images), torch.from_numpy(targets.astype(np.float32))

    def loss(scores: Tensor, targets: Tensor) -> Tensor:
        return weighted_cross_entropy(scores, targets[:, 0].long(), targets[:, 1])

    def peer_loss(scores: Tensor, targets: Tensor) -> Tensor:
        return (targets[:, 1] * F.cross_entropy(scores, targets[:, 0].long(), reduction="none")).mean()

    def peer() -> nn.Module:
        from monai.networks.nets import BasicUNet

        return BasicUNet(2, 1, 2, features=(*widths, first), norm="batch", act=("relu", {"inplace": True}))

    ours = partial(PaddedUNet, figure=figure)
    sizes = (2, 2, 1) if tiny else (8, 2, 10)
    name = f"U-Net with border weights, {size}×{size}"
    return Case("16", name, "MONAI", ours, peer, loss, peer_loss, data, *sizes)


CASES = {"11": chest_case, "15": brain_case, "16": cells_case}


# Measuring


@dataclass(frozen=True)
class Run:
    """What one training gave: images a second, and on a GPU the most memory in 10⁹ bytes."""

    rate: float
    memory_gb: float | None
    history: History | None = None


def plain_loop(net: nn.Module, batches: list[Batch], loss: Callable, device: torch.device, bfloat16: bool) -> None:
    """The peer: nothing but the steps that are needed."""
    optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
    net.train()
    for _ in range(EPOCHS):
        for images, targets in batches:
            images, targets = images.to(device, non_blocking=True), targets.to(device, non_blocking=True)
            optimizer.zero_grad()
            with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                scores = net(images)
            loss(scores.float(), targets).backward()
            optimizer.step()


def train(case: Case, who: str, net: nn.Module, batches: list[Batch], device: torch.device, bfloat16: bool) -> Run:
    """Train once; the net is on the device only meanwhile, and its moving there is not timed."""
    cuda = device.type == "cuda"
    net.to(device)
    history = None
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    if who == "ours":
        how = {"loss_function": case.loss, "learning_rate": LEARNING_RATE, "device": device.type, "progress": False}
        history = fit(net, batches, epochs=EPOCHS, **how)
    else:
        plain_loop(net, batches, case.peer_loss, device, bfloat16)
    if cuda:
        torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    memory_gb = torch.cuda.max_memory_allocated() / 1e9 if cuda else None
    net.zero_grad()
    net.to("cpu")
    return Run(EPOCHS * sum(len(images) for images, _ in batches) / seconds, memory_gb, history)


def matrix_rate(device: torch.device, bfloat16: bool, tiny: bool) -> float:
    """Operations a second of a product of two square matrices: the best of five."""
    size, dtype = 256 if tiny else 8192, torch.bfloat16 if bfloat16 else torch.float32
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    best = 0.0
    for _ in range(6):  # the first also prepares, and is never the best
        if device.type == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(10):
            left @ right
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = max(best, 10 * 2 * size**3 / (time.perf_counter() - start))
    return best


def operations(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> tuple[list[tuple[int, ...]], int]:
    """Sizes of the parameters, and operations of one pass forward and back; nothing is calculated."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        net = make()
        net(torch.zeros(shape)).sum().backward()
    return sorted(tuple(weights.shape) for weights in net.parameters()), counter.get_total_flops()


def measure(case: Case, rounds: int, device: torch.device, bfloat16: bool, tiny: bool) -> list[str]:
    """Give the cells of the case's row."""
    images, targets = case.data(case.batch_size * case.batches)
    if device.type == "cuda":
        images, targets = images.pin_memory(), targets.pin_memory()
    batches = list(zip(images.split(case.batch_size), targets.split(case.batch_size), strict=True)) * case.repeats
    shape = tuple(batches[0][0].shape)
    makers = {"ours": case.ours}
    if find_spec(case.peer_name.lower()):
        makers["peer"] = case.peer
    found = [operations(make, shape) for make in makers.values()]
    if any(other != found[0] for other in found):
        raise SystemExit(f"lesson {case.lesson}: {case.peer_name} calculates something else")
    torch.manual_seed(0)
    nets = {who: make() for who, make in makers.items()}
    runs: dict[str, list[Run]] = {who: [] for who in nets}
    peaks = []
    for number in range(rounds + 1):
        for who in sorted(nets, reverse=bool(number % 2)):
            runs[who].append(train(case, who, nets[who], batches, device, bfloat16))
        peaks.append(matrix_rate(device, bfloat16, tiny))
    first = runs["ours"][0].history
    runs = {who: those[1:] for who, those in runs.items()}  # the first round warms up
    rate = statistics.median(run.rate for run in runs["ours"])
    share = rate * found[0][1] / shape[0] / statistics.median(peaks)
    size = "×".join(map(str, shape))
    row = [case.lesson, f"{case.name}, batch {size}", f"{first.train_loss[0]:.2f} → {first.train_loss[-1]:.2f}"]
    row += [
        f"{rate:.4g}",
        memory_words(runs["ours"]),
        f"{100 * share:.2g}% of {statistics.median(peaks) / 1e12:.3g} TFLOP/s",
    ]
    if "peer" not in runs:
        return [*row, f"no {case.peer_name} here", "–", "–", "–"]
    peer_rate = statistics.median(run.rate for run in runs["peer"])
    ratios = sorted(ours.rate / peer.rate for ours, peer in zip(runs["ours"], runs["peer"], strict=True))
    ratio = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    return [*row, case.peer_name, f"{peer_rate:.4g}", memory_words(runs["peer"]), ratio]


def memory_words(runs: list[Run]) -> str:
    """Give the largest of the runs; on the CPU it is not measured."""
    known = [run.memory_gb for run in runs if run.memory_gb is not None]
    return f"{max(known):.2f} GB" if known else "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=sorted(CASES), default=sorted(CASES), help="lessons")
    parser.add_argument("--batch", type=int, help="images a batch, where the memory is smaller")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="tiny nets and images: tries the script, measures nothing")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or (arguments.batch is not None and arguments.batch < 1):
        parser.error("--rounds and --batch are at least 1")
    if arguments.device == "cpu" and not arguments.tiny:
        parser.error("--device cpu needs --tiny: in full size it would take hours")
    if arguments.device == "cuda" and not torch.cuda.is_available():
        print(NO_GPU)
        return
    device = torch.device(arguments.device)
    bfloat16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)  # as `fit` chooses
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU, tiny nets: these numbers mean nothing"
    precision = "bfloat16 with autocast" if bfloat16 else "float32"
    print(f"{name}, {precision}, torch {torch.__version__}, {time.strftime('%Y-%m-%d %H:%M')}, ", end="")
    print(f"{arguments.rounds} interleaved rounds: median (range).")
    cases = [CASES[lesson](arguments.tiny) for lesson in arguments.only]
    absent = sorted({case.peer_name for case in cases if not find_spec(case.peer_name.lower())})
    if absent:
        print(f"No {' and no '.join(absent)} here, so nothing is compared with it: {INSTALL}")
    print(
        "\n| lesson | net | loss of ours in its first run | images a second | memory | share of the matrix rate ",
        end="",
    )
    print("| peer | its images a second | its memory | ours / peer |\n|---|---|---|---|---|---|---|---|---|---|")
    for case in cases:
        chosen = replace(case, batch_size=arguments.batch) if arguments.batch else case
        try:
            row = measure(chosen, arguments.rounds, device, bfloat16, arguments.tiny)
        except torch.OutOfMemoryError:
            raise SystemExit(f"lesson {chosen.lesson}: {chosen.batch_size} images do not fit: see --batch") from None
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
