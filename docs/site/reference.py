"""The pages that are looked things up in: facts, the zoo, data cards, guides, and the library from its docstrings."""

import importlib
import pkgutil
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

ROOMS = (
    "arithmetic",
    "models",
    "summary",
    "data",
    "training",
    "metrics",
    "brain_age",
    "losses",
    "explain",
    "figures",
    "widgets",
    "errors",
)
GUIDES = {
    "instructor": "docs/instructor.md",
    "scale": "docs/scale.md",
    "contributing": "CONTRIBUTING.md",
    "measurements": "docs/measurements.md",
    "changelog": "CHANGELOG.md",
}
LECTURERS = {
    "R": "D. Rueckert, AI in Medicine I",
    "L": "R. Licandro, Deep Learning in Medical Imaging",
    "K": "V. Kovalev, Deep Learning in Big Medical Image Data",
    "C": "G. Chlebus and H. Meine, Liver and tumor segmentation",
    "H": "H. K. Hahn, Why deep learning will not replace radiologists",
}
PAPERS = {
    "LeNet": "LeCun et al., Proceedings of the IEEE 1998",
    "AlexNet": "Krizhevsky, arXiv 1404.5997, 2014",
    "AlexNet, two towers": "Krizhevsky et al., NIPS 2012",
    "VGG": "Simonyan and Zisserman, ICLR 2015",
    "NiN": "Lin et al., ICLR 2014",
    "GoogLeNet": "Szegedy et al., Going deeper, CVPR 2015",
    "Inception": "Szegedy et al., Rethinking Inception, CVPR 2016",
    "ResNet": "He et al., CVPR 2016",
    "DenseNet": "Huang et al., CVPR 2017",
    "U-Net": "Ronneberger et al., MICCAI 2015",
    "3-D U-Net": "Çiçek et al., MICCAI 2016",
    "brain age": "Cole et al., NeuroImage 2017",
}


def write_facts(out: Path) -> None:
    """Write the page of facts: `facts.toml` as one table a lecturer."""
    facts = tomllib.loads((Path(__file__).parent / "facts.toml").read_text(encoding="utf-8"))
    lines = [(Path(__file__).parent / "facts.md").read_text(encoding="utf-8")]
    for letter, lecturer in LECTURERS.items():
        lines += [f"\n## {lecturer}\n", "| row | what is taught | where, and how |", "|---|---|---|"]
        for row, fact in facts.items():
            if row.startswith(letter):
                where = "; ".join(
                    f"[lesson {topic[:2]}](lectures/{topic}.ipynb): {', '.join(ways)}"
                    for topic, ways in fact.get("taught", {}).items()
                )
                lines.append(f"| {row} | {fact['what']} | {where or 'no lesson yet'} |")
    (out / "facts.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_zoo(out: Path) -> None:
    """Write the table of the nets, each counted at the size of its paper; without weights, so it takes seconds."""
    import torch

    from course_lib.summary import summarize

    lines = [(Path(__file__).parent / "zoo.md").read_text(encoding="utf-8")]
    lines += ["| net | image | parameters | MACs | top-1, reported | paper |", "|---|---|--:|--:|--:|---|"]
    for name, paper, make, shape, top1 in _nets():
        with torch.device("cpu" if name == "LeNet-5" else "meta"):  # LeNet's table of weights needs real numbers
            counted = summarize(make().eval(), torch.zeros(1, *shape))
        size = "×".join(map(str, shape))
        accuracy = f"{top1:.1f} %" if top1 else "–"
        macs = f"{counted.macs / 1e6:,.1f} M"
        lines.append(f"| {name} | {size} | {counted.parameters:,} | {macs} | {accuracy} | {PAPERS[paper]} |")
    (out / "zoo.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


Net = tuple[str, str, Callable[[], object], tuple[int, ...], float | None]


def _nets() -> Iterator[Net]:
    """Give the name, the key of the paper, the builder, the shape of an input and the reported accuracy."""
    from course_lib.models import inception, lenet, nin, resnet_cifar, unet, volumes
    from course_lib.models.zoo import ZOO

    yield "LeNet-5", "LeNet", lenet.LeNet5, (1, 32, 32), None
    for net in ZOO:
        paper = next((key for key in (net.name, net.name.split(",")[0]) if key in PAPERS), net.family)
        yield net.name, paper, net.make, (3, net.size_pixels, net.size_pixels), net.reported_top1
    yield "Inception v2", "Inception", lambda: inception.inception_v2(aux=False), (3, 299, 299), None
    yield "NiN, CIFAR-10", "NiN", nin.nin_cifar10, (3, 32, 32), None
    for depth in (20, 56, 110):
        yield f"ResNet-{depth}, CIFAR-10", "ResNet", getattr(resnet_cifar, f"resnet{depth}"), (3, 32, 32), None
    yield "U-Net", "U-Net", lambda: unet.UNet(in_channels=1, num_classes=2), (1, 572, 572), None
    yield "3-D U-Net", "3-D U-Net", lambda: unet.unet3d(), (3, 132, 132, 116), None
    yield "brain age", "brain age", volumes.VolumeRegressor, (1, 182, 218, 182), None


def write_cards(root: Path, out: Path) -> list[str]:
    """Copy the data cards and their pictures; return the names of the cards."""
    folder = out / "datasets"
    shutil.copytree(root / "datasets" / "figures", folder / "figures", dirs_exist_ok=True)
    names = sorted(path.stem for path in (root / "datasets").glob("*.md") if path.stem != "README")
    for name in names:
        shutil.copyfile(root / "datasets" / f"{name}.md", folder / f"{name}.md")
    text = (root / "datasets" / "README.md").read_text(encoding="utf-8")
    (folder / "index.md").write_text(text + _contents(names, hidden=True), encoding="utf-8")
    return names


def write_guides(root: Path, out: Path) -> None:
    """Copy the guides."""
    for name, path in GUIDES.items():
        folder = out / "guides"
        folder.mkdir(exist_ok=True)
        shutil.copyfile(root / path, folder / f"{name}.md")


def write_library(out: Path) -> None:
    """Write a page for each public file of the library, under one for each room."""
    folder = out / "library"
    folder.mkdir(exist_ok=True)
    for room in ROOMS:
        for module in _files(importlib.import_module(f"course_lib.{room}")):
            _write_module(module, folder)


def _files(module: ModuleType) -> Iterator[ModuleType]:
    yield module
    for found in pkgutil.iter_modules(getattr(module, "__path__", ())):
        yield from _files(importlib.import_module(f"{module.__name__}.{found.name}"))


def _write_module(module: ModuleType, folder: Path) -> None:
    name = module.__name__
    inside = [f"{name}.{found.name}" for found in pkgutil.iter_modules(getattr(module, "__path__", ()))]
    title = name.removeprefix("course_lib.")
    lines = [title, "=" * len(title), "", f".. automodule:: {name}"]
    if not inside:
        lines += ["   :members:"]
    else:
        lines += ["", ".. toctree::", "   :maxdepth: 1", "", *(f"   {each}" for each in inside)]
    (folder / f"{name}.rst").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _contents(names: list[str], *, hidden: bool) -> str:
    return "\n".join(["", "```{toctree}", ":hidden:" if hidden else ":maxdepth: 1", *names, "```", ""])
