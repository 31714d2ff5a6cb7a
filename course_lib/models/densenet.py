"""Dense nets: each layer reads the feature maps of all layers before it, and adds a few of its own.

Source: G. Huang, Z. Liu, L. van der Maaten, K. Q. Weinberger, "Densely connected convolutional networks", CVPR 2017:
section 3 (the layers; these nets are DenseNet-BC, with bottlenecks and compression), table 1 (the nets).
Memory: G. Pleiss et al., "Memory-efficient implementation of DenseNets", 2017 (the joined maps are made twice).

Differs: table 1 does not list the batch normalisation and the ReLU after the last block, which the published weights
have: without them the maps of the last layer would never meet a ReLU.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from course_lib.models.inputs import check_arguments, check_batch

__all__ = [
    "DENSENET_TABLE",
    "DenseBlock",
    "DenseLayer",
    "DenseNet",
    "RecomputingDenseBlock",
    "Transition",
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
]

# Table 1, column by column: how many layers [1×1, 4k; 3×3, k] stand in each dense block. After a block, a transition
# halves the channels and the image.
#  block         (1)     (2)     (3)     (4)
#  output        56²     28²     14²      7²     pixels
DENSENET_TABLE = {
    121:       (  6,     12,     24,     16),  # k = 32, and 2k = 64 channels enter the first block
    169:       (  6,     12,     32,     32),
    201:       (  6,     12,     48,     32),
    161:       (  6,     12,     36,     24),  # k = 48, and 2k = 96 channels
}  # fmt: skip


class DenseLayer(nn.Module):
    """One layer H of a dense block: from all maps before it, `growth_rate` new ones.

    Parameters
    ----------
    in_channels : int
        Maps before it.
    growth_rate : int
        Maps that it makes: k of the paper.

    References
    ----------
    Huang et al. 2017, section 3, "Bottleneck layers": BN–ReLU–Conv(1×1, 4k maps)–BN–ReLU–Conv(3×3, k maps).

    Examples
    --------
    >>> DenseLayer(64, growth_rate=32)(torch.zeros(1, 64, 56, 56)).shape
    torch.Size([1, 32, 56, 56])
    """

    def __init__(self, in_channels: int, growth_rate: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, 4 * growth_rate, kernel_size=1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth_rate)
        self.conv2 = nn.Conv2d(4 * growth_rate, growth_rate, kernel_size=3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)

    def squeeze(self, x: Tensor) -> Tensor:
        """Mix the maps, however many, into a fixed number: (B, in_channels, H, W) → (B, 4k, H, W)."""
        return self.conv1(self.relu(self.norm1(x)))

    def look_around(self, x: Tensor) -> Tensor:
        """Make the new maps: (B, 4k, H, W) → (B, k, H, W)."""
        return self.conv2(self.relu(self.norm2(x)))

    def forward(self, x: Tensor) -> Tensor:
        """Make new maps: (B, in_channels, H, W) → (B, k, H, W)."""
        return self.look_around(self.squeeze(x))


class DenseBlock(nn.Module):
    """Layers of which each reads the block's input and the maps of all layers before it.

    Parameters
    ----------
    layers : int
        At least 1.
    in_channels : int
        Maps that come in; ``in_channels + layers · growth_rate`` go out.
    growth_rate : int
        Maps that each layer adds.

    References
    ----------
    Huang et al. 2017, equation 2 and figure 1.
    """

    def __init__(self, layers: int, in_channels: int, growth_rate: int) -> None:
        super().__init__()
        self.out_channels = in_channels + layers * growth_rate
        for i in range(layers):
            self.add_module(f"denselayer{i + 1}", DenseLayer(in_channels + i * growth_rate, growth_rate))

    def forward(self, x: Tensor) -> Tensor:
        """Add the maps of each layer: (B, in_channels, H, W) → (B, out_channels, H, W)."""
        for layer in self.children():
            x = torch.cat([x, layer(x)], dim=1)  # k maps more
        return x


class RecomputingDenseBlock(DenseBlock):
    """The same block with less memory and more work: what its layers read is forgotten, and made again for gradients.

    Kept are k maps of each layer and 4k of its bottleneck: memory grows with the number of layers, not with its square.
    Loss, gradients and running statistics are those of `DenseBlock`.

    Parameters
    ----------
    layers, in_channels, growth_rate : int
        As of `DenseBlock`.

    References
    ----------
    Pleiss et al. 2017, section 3.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Add the maps of each layer: (B, in_channels, H, W) → (B, out_channels, H, W)."""
        if not torch.is_grad_enabled() or torch.compiler.is_compiling():
            return super().forward(x)  # nothing is kept; a compiler decides for itself what it computes twice
        maps = [x]
        for layer in cast(Iterator[DenseLayer], self.children()):
            maps.append(layer.look_around(_squeeze_twice(layer, maps)))
        return torch.cat(maps, dim=1)


def _squeeze_twice(layer: DenseLayer, maps: Sequence[Tensor]) -> Tensor:
    """Join and squeeze the maps now, and again in the backward pass; running statistics count them once."""

    def squeeze(*maps: Tensor) -> Tensor:
        return layer.squeeze(torch.cat(maps, dim=1))

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _StatisticsAside(layer.norm1)

    return checkpoint(squeeze, *maps, use_reentrant=False, preserve_rng_state=False, context_fn=contexts)


class _StatisticsAside(AbstractContextManager[None]):
    """Meanwhile a batch normalisation counts into copies of its running statistics, which are thrown away."""

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        self.norm = norm

    def __enter__(self) -> None:
        self.statistics = dict(self.norm.named_buffers())
        for name, statistic in self.statistics.items():
            setattr(self.norm, name, statistic.clone())

    def __exit__(self, *_: object) -> None:
        for name, statistic in self.statistics.items():
            setattr(self.norm, name, statistic)


class Transition(nn.Sequential):
    """What lies between two blocks: half the channels (compression θ = 0.5) on half the pixels along each axis.

    Parameters
    ----------
    in_channels, out_channels : int

    References
    ----------
    Huang et al. 2017, section 3, "Pooling layers" and "Compression".
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            OrderedDict(
                norm=nn.BatchNorm2d(in_channels),
                relu=nn.ReLU(inplace=True),
                conv=nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False),
                pool=nn.AvgPool2d(kernel_size=2, stride=2),
            )
        )


class DenseNet(nn.Module):
    """The net of table 1 for images of ImageNet's size.

    Parameters
    ----------
    layers : sequence of int
        Layers in each block, a row of `DENSENET_TABLE`.
    growth_rate : int
        Maps that each layer adds: k of the paper; 2k enter the first block.
    num_classes, in_channels : int
        At least 1.
    recompute : bool
        Save memory in training: see `RecomputingDenseBlock`.

    Notes
    -----
    With 4 blocks, images have at least 29 pixels along each axis, so that the last transition has 2 pixels to pool.
    Below 61 the last maps are single pixels, and training then needs two images at least: batch normalisation has
    nothing else to take its statistics of.

    References
    ----------
    Huang et al. 2017, table 1. Convolutions begin as He et al. 2015 ("Delving deep into rectifiers") draw them, by the
    number of inputs; each batch normalisation begins as the identity; the bias of the last layer begins at 0.

    Examples
    --------
    >>> from course_lib.summary import summarize
    >>> with torch.device("meta"):
    ...     print(summarize(densenet121(), torch.zeros(1, 3, 224, 224), depth=2))
    DenseNet, input (1, 3, 224, 224)
    ...
    layer                 type               output shape       parameters           MACs  receptive field
    ...
    features.conv0        Conv2d             (1, 64, 112, 112)       9,408    118,013,952            7 × 7
    features.norm0        BatchNorm2d        (1, 64, 112, 112)         128              –            7 × 7
    features.relu0        ReLU               (1, 64, 112, 112)           0              –            7 × 7
    features.pool0        MaxPool2d          (1, 64, 56, 56)             0              –          11 × 11
    features.denseblock1  DenseBlock         (1, 256, 56, 56)      335,040  1,040,449,536                –
    features.transition1  Transition         (1, 128, 28, 28)       33,280    102,760,448                –
    features.denseblock2  DenseBlock         (1, 512, 28, 28)      919,680    712,900,608                –
    features.transition2  Transition         (1, 256, 14, 14)      132,096    102,760,448                –
    features.denseblock3  DenseBlock         (1, 1024, 14, 14)   2,837,760    549,126,144                –
    features.transition3  Transition         (1, 512, 7, 7)        526,336    102,760,448                –
    features.denseblock4  DenseBlock         (1, 1024, 7, 7)     2,158,080    104,366,080                –
    features.norm5        BatchNorm2d        (1, 1024, 7, 7)         2,048              –                –
    relu                  ReLU               (1, 1024, 7, 7)             0              –                –
    avgpool               AdaptiveAvgPool2d  (1, 1024, 1, 1)             0              –                –
    classifier            Linear             (1, 1000)           1,025,000      1,024,000                –
    ...
    total                                                        7,978,856  2,834,161,664
    ...
    """

    def __init__(
        self,
        layers: Sequence[int],
        growth_rate: int = 32,
        num_classes: int = 1000,
        in_channels: int = 3,
        *,
        recompute: bool = False,
    ) -> None:
        super().__init__()
        check_arguments(num_classes=num_classes, in_channels=in_channels)
        if not layers or min(layers) < 1 or growth_rate < 1:
            raise ValueError(
                f"each block has at least 1 layer and growth_rate is at least 1, got {layers!r} and {growth_rate}"
            )
        self.in_channels = in_channels
        self.min_size = 4 * 2 ** (len(layers) - 1) - 3  # halved twice rounding up, then down to 1 by the transitions
        channels = 2 * growth_rate
        self.features = nn.Sequential(  # shapes of DenseNet-121
            OrderedDict(
                conv0=nn.Conv2d(in_channels, channels, kernel_size=7, stride=2, padding=3, bias=False),
                norm0=nn.BatchNorm2d(channels),  # (B, 64, 112, 112)
                relu0=nn.ReLU(inplace=True),
                pool0=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),  # (B, 64, 56, 56)
            )
        )
        # denseblock1 (B,  256, 56, 56)   transition1 (B, 128, 28, 28)
        # denseblock2 (B,  512, 28, 28)   transition2 (B, 256, 14, 14)
        # denseblock3 (B, 1024, 14, 14)   transition3 (B, 512,  7,  7)
        # denseblock4 (B, 1024,  7,  7)
        make_block = RecomputingDenseBlock if recompute else DenseBlock
        for i, number in enumerate(layers, start=1):
            block = make_block(number, channels, growth_rate)
            self.features.add_module(f"denseblock{i}", block)
            channels = block.out_channels
            if i < len(layers):
                self.features.add_module(f"transition{i}", Transition(channels, channels // 2))
                channels = channels // 2
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.relu = nn.ReLU(inplace=True)
        self.avgpool = nn.AdaptiveAvgPool2d(1)  # (B, 1024, 1, 1)
        self.classifier = nn.Linear(channels, num_classes)  # (B, num_classes)
        self.apply(_first_weights)

    def forward(self, x: Tensor) -> Tensor:
        """Give scores, the largest wins: (B, in_channels, H, W) → (B, num_classes)."""
        check_batch(x, channels=self.in_channels, min_size=self.min_size)
        x = self.relu(self.features(x))
        return self.classifier(torch.flatten(self.avgpool(x), start_dim=1))


def _first_weights(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    elif isinstance(layer, nn.Linear):
        nn.init.zeros_(layer.bias)


def densenet121(num_classes: int = 1000, in_channels: int = 3, *, recompute: bool = False) -> DenseNet:
    """Build DenseNet-121: 7,978,856 parameters for 1,000 classes of colour images."""
    return DenseNet(DENSENET_TABLE[121], 32, num_classes, in_channels, recompute=recompute)


def densenet161(num_classes: int = 1000, in_channels: int = 3, *, recompute: bool = False) -> DenseNet:
    """Build DenseNet-161: 28,681,000 parameters for 1,000 classes of colour images."""
    return DenseNet(DENSENET_TABLE[161], 48, num_classes, in_channels, recompute=recompute)


def densenet169(num_classes: int = 1000, in_channels: int = 3, *, recompute: bool = False) -> DenseNet:
    """Build DenseNet-169: 14,149,480 parameters for 1,000 classes of colour images."""
    return DenseNet(DENSENET_TABLE[169], 32, num_classes, in_channels, recompute=recompute)


def densenet201(num_classes: int = 1000, in_channels: int = 3, *, recompute: bool = False) -> DenseNet:
    """Build DenseNet-201: 20,013,928 parameters for 1,000 classes of colour images."""
    return DenseNet(DENSENET_TABLE[201], 32, num_classes, in_channels, recompute=recompute)
