"""The small net that phantoms of pictures are tried with."""

from collections.abc import Callable

import pytest
import torch
from torch import nn


class _SmallUNet(nn.Module):
    """One step down, one up; some 7,500 weights."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.fine, self.coarse, self.joined = _block(in_channels, 10), _block(10, 16), _block(20, 10)
        self.up = nn.ConvTranspose2d(16, 10, kernel_size=2, stride=2)
        self.last = nn.Conv2d(10, num_classes, kernel_size=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        fine = self.fine(x)
        coarse = self.coarse(nn.functional.max_pool2d(fine, 2))
        return self.last(self.joined(torch.cat([fine, self.up(coarse)], dim=1)))


def _block(in_channels: int, out_channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (in_channels, out_channels):
        layers += [nn.Conv2d(channels, out_channels, kernel_size=3, padding=1), nn.BatchNorm2d(out_channels), nn.ReLU()]
    return nn.Sequential(*layers)


@pytest.fixture
def small_unet() -> Callable[[int, int], nn.Module]:
    """A function that makes the net: (channels of the image, classes) → net."""
    return _SmallUNet
