"""The nets whose weights are published hold the same tensors as the published files, in the same order."""

import hashlib
from collections.abc import Callable
from math import prod
from pathlib import Path

import pytest
import torch
from torch import nn

from course_lib.models.alexnet import AlexNet
from course_lib.models.densenet import densenet121, densenet161, densenet169, densenet201
from course_lib.models.googlenet import googlenet
from course_lib.models.inception import inception_v3
from course_lib.models.resnet import resnet18, resnet34, resnet50, resnet101, resnet152
from course_lib.models.vgg import vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn
from course_lib.models.weights import PUBLISHED

NETS: dict[str, Callable[..., nn.Module]] = {"alexnet": AlexNet} | {
    make.__name__: make
    for make in (
        *(vgg11, vgg13, vgg16, vgg19, vgg11_bn, vgg13_bn, vgg16_bn, vgg19_bn),
        *(googlenet, inception_v3),
        *(resnet18, resnet34, resnet50, resnet101, resnet152),
        *(densenet121, densenet161, densenet169, densenet201),
    )
}
HERE = Path(__file__).parent


def _read_parts() -> dict[str, list[str]]:
    """The rows of each net, a row for each part, blanks made one."""
    nets: dict[str, list[str]] = {}
    for line in (HERE / "published_parts.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, *row = line.split()
            nets.setdefault(name, []).append(" ".join(row))
    return nets


def _read_keys() -> dict[str, list[str]]:
    """The lines `name size` of each net that is given in full."""
    sections = (HERE / "published_keys.txt").read_text(encoding="utf-8").split("\n[")[1:]
    return {name: lines.splitlines() for name, lines in (section.split("]\n") for section in sections)}


PARTS, KEYS = _read_parts(), _read_keys()


def _lines(name: str) -> dict[str, str]:
    """The line `name size` of each tensor of our net."""
    with torch.device("meta"):
        state = NETS[name]().state_dict()
    return {key: f"{key} {'x'.join(map(str, value.shape)) or '-'}" for key, value in state.items()}


def _part(key: str) -> str:
    first, second = key.split(".")[:2]
    return first if first != "features" or second.isdigit() else f"{first}.{second}"


def _numbers(line: str) -> int:
    size = line.split()[1]
    return prod(map(int, size.split("x"))) if size != "-" else 1


def test_the_published_nets_are_these() -> None:
    assert set(NETS) == set(PARTS) == set(PUBLISHED)
    assert len(NETS) == 20


@pytest.mark.parametrize("name", NETS)
def test_each_part_has_the_names_sizes_and_order_of_the_published_file(name: str) -> None:
    parts: dict[str, list[str]] = {}
    for key, line in _lines(name).items():
        parts.setdefault(_part(key), []).append(line)
    rows = []
    for part, lines in parts.items():
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
        rows.append(f"{part} {len(lines)} {sum(map(_numbers, lines))} {digest}")
    assert rows == PARTS[name]


@pytest.mark.parametrize("name", KEYS)
def test_line_by_line(name: str) -> None:
    assert list(_lines(name).values()) == KEYS[name]


@pytest.mark.parametrize("name", KEYS)
def test_the_parts_are_made_from_such_lines(name: str) -> None:
    parts: dict[str, list[str]] = {}
    for line in KEYS[name]:
        parts.setdefault(_part(line.split()[0]), []).append(line)
    wanted = {row.split()[0]: row.split()[3] for row in PARTS[name]}
    assert {p: hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] for p, lines in parts.items()} == wanted
