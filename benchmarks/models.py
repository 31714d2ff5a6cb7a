"""Training steps and memory of the zoo beside those whom people use today, and beside plain nets of the same maths.

Run with `make bench`, or `python benchmarks/models.py [--only NAME ...] [--all] [--rounds N] [--no-memory]`; it prints
Markdown tables for docs/measurements.md.

A step is forward, cross entropy, backward and plain gradient descent, in training mode, on one thread. Its time is the
processor's: other programs on the machine disturb it less than the clock's. In each round each variant makes one step,
and each round begins with another variant; a ratio is taken within a round, and its median and range are printed. More
than 1 means that the second one is faster. Memory is the largest resident size of a process that makes two steps, less
its size before the net was built; each number comes from a process of its own (Linux only).
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from course_lib.models import alexnet, densenet, googlenet, inception, resnet, vgg
from course_lib.models.tiles import UFigure
from course_lib.models.unet import PaddedUNet
from course_lib.models.volumes import VolumeClassifier
from course_lib.models.weights import PUBLISHED

HOW_TO_GET_PEERS = (
    "plain nets are the only peers here; for the others: pip install --no-deps --target DIR torchvision==0.28.0 monai, "
    "then PYTHONPATH=DIR python benchmarks/models.py"
)
AT_LEAST = 0.97  # wanted of float32 against the peer
CHANNELS_LAST = ("densenet", "googlenet", "inception")  # names that channels-last is to make faster,
GAIN = 1.1  # by this factor against the peer as it comes


# The peers


def import_torchvision():
    """Import the published wheel beside a torch that it was not built for: it misses two operators, unused here."""
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision

    torchvision.declared = library  # the declarations live as long as it does
    return torchvision


def plain_vgg11() -> nn.Module:
    """VGG-11 as one list of torch's own layers."""
    layers: list[nn.Module] = []
    channels = 3
    for widths in ((64,), (128,), (256, 256), (512, 512), (512, 512)):
        for width in widths:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        layers.append(nn.MaxPool2d(2))
    layers += [nn.AdaptiveAvgPool2d(7), nn.Flatten()]
    for inputs in (512 * 49, 4096):
        layers += [nn.Linear(inputs, 4096), nn.ReLU(inplace=True), nn.Dropout(0.5)]
    return nn.Sequential(*layers, nn.Linear(4096, 1000))


def plain_volumes() -> nn.Module:
    """The volume classifier as one list of torch's own layers."""
    layers: list[nn.Module] = []
    for inputs, width in pairwise((1, 8, 16, 32, 64, 128)):
        layers += [nn.Conv3d(inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
        layers += [nn.Conv3d(width, width, 3, padding=1), nn.BatchNorm3d(width), nn.ReLU(inplace=True), nn.MaxPool3d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 8, 2))


class PlainUNet(nn.Module):
    """A padded U-Net: on each level two 3×3 convolutions with batch norm, half the channels on the way up."""

    def __init__(self, dims: int, width: int, levels: int) -> None:
        super().__init__()
        conv, norm, pool, up = {
            2: (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.ConvTranspose2d),
            3: (nn.Conv3d, nn.BatchNorm3d, nn.MaxPool3d, nn.ConvTranspose3d),
        }[dims]

        def double(inputs: int, outputs: int) -> nn.Module:
            return nn.Sequential(
                *(conv(inputs, outputs, 3, padding=1), norm(outputs), nn.ReLU(inplace=True)),
                *(conv(outputs, outputs, 3, padding=1), norm(outputs), nn.ReLU(inplace=True)),
            )

        widths = [width * 2**level for level in range(levels)]
        self.pool = pool(2)
        self.down = nn.ModuleList(double(a, b) for a, b in pairwise([1, *widths]))
        self.up = nn.ModuleList(up(2 * w, w, 2, stride=2) for w in reversed(widths[:-1]))
        self.join = nn.ModuleList(double(2 * w, w) for w in reversed(widths[:-1]))
        self.head = conv(width, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for number, block in enumerate(self.down):
            x = block(self.pool(x) if number else x)
            skips.append(x)
        skips.pop()
        for up, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat([skips.pop(), up(x)], dim=1))
        return self.head(x)


# The cases


@dataclass(frozen=True)
class Case:
    """Two nets of the same maths, and the shape of a batch for them; those that are not quick ask for --all."""

    name: str
    peer_name: str
    ours: Callable[[], nn.Module]
    peer: Callable[[], nn.Module]
    shape: tuple[int, ...]
    quick: bool = True


def plain_cases() -> list[Case]:
    narrow = UFigure(
        down=((16, 16), (32, 32), (64, 64), (128, 128)),
        up_convolutions=(64, 32, 16),
        up=((64, 64), (32, 32), (16, 16)),
    )
    unet_3d = partial(PaddedUNet, figure=narrow, dims=3), partial(PlainUNet, 3, 16, 4)
    volumes = partial(VolumeClassifier, input_size=(64, 64, 64)), plain_volumes
    return [
        Case("vgg11", "plain", vgg.vgg11, plain_vgg11, (2, 3, 128, 128)),
        Case("unet", "plain", PaddedUNet, partial(PlainUNet, 2, 64, 5), (1, 1, 128, 128)),
        Case("unet-3d", "plain", *unet_3d, (1, 1, 48, 48, 48)),
        Case("volumes", "plain", *volumes, (2, 1, 64, 64, 64)),
    ]


def torchvision_cases() -> list[Case]:
    theirs = import_torchvision().models
    shape = (2, 3, 224, 224)
    heads = {"aux_logits": False, "init_weights": True}
    googlenets = partial(googlenet.googlenet, aux=False), partial(theirs.googlenet, **heads)
    inceptions = partial(inception.inception_v3, aux=False), partial(theirs.inception_v3, **heads)
    cases = [
        Case("alexnet", "torchvision", alexnet.AlexNet, theirs.alexnet, shape),
        Case("googlenet", "torchvision", *googlenets, shape),
        Case("inception_v3", "torchvision", *inceptions, (4, 3, 299, 299)),
        Case("inception_v3-128", "torchvision", *inceptions, (4, 3, 128, 128), quick=False),
    ]
    for family, quick in ((vgg, "vgg11"), (resnet, "resnet50"), (densenet, "densenet121")):
        for name in sorted(vars(family).keys() & PUBLISHED.keys()):
            nets = getattr(family, name), getattr(theirs, name)
            cases.append(Case(name, "torchvision", *nets, shape, quick=name == quick))
    return cases


def monai_cases() -> list[Case]:
    from monai.networks.nets import BasicUNet, DenseNet121

    widths = (16, 32, 64, 128, 256)
    figure = UFigure(
        down=tuple((width, width) for width in widths),
        up_convolutions=(128, 64, 32, 32),  # MONAI's last one keeps its channels
        up=((128, 128), (64, 64), (32, 32), (16, 16)),
    )
    unet = partial(BasicUNet, features=(*widths, 16), norm="batch", act=("relu", {"inplace": True}))
    dense = partial(DenseNet121, spatial_dims=2, in_channels=3, out_channels=1000)
    return [
        Case("unet-3d", "MONAI", partial(PaddedUNet, figure=figure, dims=3), unet, (1, 1, 48, 48, 48)),
        Case("unet-2d", "MONAI", partial(PaddedUNet, figure=figure), partial(unet, spatial_dims=2), (4, 1, 128, 128)),
        Case("densenet121", "MONAI", densenet.densenet121, dense, (2, 3, 224, 224), quick=False),
    ]


PEERS = {"plain": plain_cases, "torchvision": torchvision_cases, "MONAI": monai_cases}


# Measuring

VARIANTS = ("peer", "ours", "channels-last")


class Step:
    """One training step of a net on a fixed batch, as often as it is called."""

    def __init__(self, case: Case, variant: str) -> None:
        torch.manual_seed(0)
        layout = torch.contiguous_format
        if variant == "channels-last":
            layout = torch.channels_last if len(case.shape) == 4 else torch.channels_last_3d
        self.net = (case.peer if variant == "peer" else case.ours)().to(memory_format=layout).train()
        self.images = torch.randn(case.shape).contiguous(memory_format=layout)
        self.half = variant == "bfloat16"
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=1e-4)
        with torch.no_grad():
            scores = self.net(self.images)
        self.labels = torch.randint(scores.shape[1], (scores.shape[0], *scores.shape[2:]))

    def __call__(self) -> float:
        """Make a step; give the processor time in seconds."""
        start = time.process_time()
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            loss = F.cross_entropy(self.net(self.images), self.labels)
        loss.backward()
        self.optimizer.step()
        return time.process_time() - start


def check_maths(case: Case) -> None:
    """Stop unless both nets have parameters of the same sizes and make as many operations."""
    found = []
    for make in (case.ours, case.peer):
        with torch.device("meta"), FlopCounterMode(display=False) as counter:
            net = make()
            net(torch.zeros(case.shape))
        found.append((sorted(p.shape for p in net.parameters()), counter.get_total_flops()))
    if found[0] != found[1]:
        raise SystemExit(f"{case.name}: {case.peer_name} calculates something else")


def measure(case: Case, variants: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Time each variant once a round; each round begins with another one."""
    steps = {variant: Step(case, variant) for variant in variants}
    for step in steps.values():
        step()
    times: dict[str, list[float]] = {variant: [] for variant in variants}
    for number in range(rounds):
        for place in range(len(variants)):
            variant = variants[(number + place) % len(variants)]
            times[variant].append(steps[variant]())
    return times


def bfloat16_is_quick() -> bool:
    """Say if the processor multiplies bfloat16; others imitate it, many times slower than float32."""
    return any(
        flag in Path("/proc/cpuinfo").read_text(encoding="utf-8") for flag in ("avx512_bf16", "amx_bf16", " bf16")
    )


def resident_mb(kind: str) -> float:
    """Size of this process now (VmRSS) or at its largest (VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kind)) / 1024


def memory_mb(case: Case, variant: str) -> float:
    """Give what two steps of one variant add to this process; meant for a process of its own."""
    before = resident_mb("VmRSS")
    step = Step(case, variant)
    step()
    step()
    return resident_mb("VmHWM") - before


def measure_memory(case: Case, variant: str) -> float:
    """Call `memory_mb` in a process of its own."""
    command = [sys.executable, __file__, "--memory-of", case.name, case.peer_name, variant]
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}  # what is freed goes back to the system at once
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout.split()[-1])


# The tables


def print_times(cases: Sequence[Case], rounds: int, bfloat16: bool) -> None:
    """Print a row for each case, and a line for each target that it missed."""
    print("| net | batch | peer | step of ours | peer / ours | peer / ours channels-last | ours / ours bfloat16 |")
    print("|---|---|---|---|---|---|---|")
    missed = []
    for case in cases:
        check_maths(case)
        times = measure(case, [*VARIANTS, *(["bfloat16"] if bfloat16 else [])], rounds)
        float32, words = ratio(times["peer"], times["ours"])
        last, last_words = ratio(times["peer"], times["channels-last"])
        half_words = ratio(times["ours"], times["bfloat16"])[1] if bfloat16 else "no such instructions"
        step = f"{statistics.median(times['ours']):.2f} s"
        print_row(case.name, "×".join(map(str, case.shape)), case.peer_name, step, words, last_words, half_words)
        if float32 < AT_LEAST:
            missed.append(f"{case.name} beside {case.peer_name}: float32 {float32:.2f}, wanted {AT_LEAST}")
        if case.name.startswith(CHANNELS_LAST) and last < GAIN:
            missed.append(f"{case.name} beside {case.peer_name}: channels-last {last:.2f}, wanted {GAIN}")
    print("", *missed or ["every target was met"], sep="\n")


def print_memory(cases: Sequence[Case]) -> None:
    """Print a row for each case."""
    print(
        "\n| net | batch | peer | MB of the peer | MB of ours | MB of ours, channels-last |\n|---|---|---|---|---|---|"
    )
    for case in cases:
        sizes = [f"{measure_memory(case, variant):.0f}" for variant in VARIANTS]
        print_row(case.name, "×".join(map(str, case.shape)), case.peer_name, *sizes)


def print_row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


def ratio(above: Sequence[float], below: Sequence[float]) -> tuple[float, str]:
    """Median of the ratios of the rounds, and the words for the table."""
    ratios = sorted(a / b for a, b in zip(above, below, strict=True))
    median = statistics.median(ratios)
    return median, f"{median:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def print_machine(rounds: int) -> None:
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(": ")[2] for line in cpuinfo if line.startswith("model name")), "unknown processor")
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    print(f"{model}, one thread, torch {torch.__version__}, {time.strftime('%Y-%m-%d %H:%M')}, load {load}, ", end="")
    print(f"{rounds} interleaved rounds: median (range).\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="0: only memory")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only the nets of these names, quick or not")
    parser.add_argument("--all", action="store_true", help="all members of each family")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--bfloat16", action="store_true", help="even where the processor only imitates it: very slow")
    parser.add_argument("--memory-of", nargs=3, metavar=("NAME", "PEER", "VARIANT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="The default weight initialization")
    if arguments.memory_of:
        name, peer_name, variant = arguments.memory_of
        print(memory_mb(next(case for case in PEERS[peer_name]() if case.name == name), variant))
        return
    there = [name for name in PEERS if name == "plain" or find_spec(name.lower())]
    cases = [case for name in there for case in PEERS[name]()]
    if unknown := sorted(set(arguments.only or []) - {case.name for case in cases}):
        parser.error(f"no {', '.join(unknown)} here; there is {', '.join(dict.fromkeys(case.name for case in cases))}")
    if len(there) < len(PEERS):
        print(HOW_TO_GET_PEERS)
    print_machine(arguments.rounds)
    chosen = [c for c in cases if (c.name in arguments.only if arguments.only else c.quick or arguments.all)]
    if arguments.rounds:
        print_times(chosen, arguments.rounds, bfloat16=arguments.bfloat16 or bfloat16_is_quick())
    if not arguments.no_memory:
        print_memory(chosen)


if __name__ == "__main__":
    main()
