"""VGG: small 3×3 kernels, one after the other, in nets of 11, 13, 16 and 19 layers with weights.

Source: K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015
(arXiv 1409.1556): table 1 (columns A, B, D and E), table 2 (parameters), section 3.1 (dropout, first weights).

Two 3×3 kernels see 5×5 pixels, three see 7×7, with fewer weights than one large kernel and a ReLU after each.

Differs: the paper trained column A first and started the deeper nets from its weights. Here all start from He's first
weights (normal, fan-in; biases 0), which need no such detour.
Differs: batch normalisation is younger than the paper; the published weights with it (`vgg16_bn`) have it between each
convolution, which keeps its bias, and its ReLU.
Differs: an adaptive mean pool before the dense layers, which does nothing at 224×224, lets other sizes in.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from course_lib.models.inputs import check_arguments, check_batch

__all__ = [
    "VGG",
    "VGG11_BLOCKS",
    "VGG13_BLOCKS",
    "VGG16_BLOCKS",
    "VGG19_BLOCKS",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
]

Blocks = Sequence[Sequence[int]]

# Table 1: the maps of each 3×3 convolution, block by block; after each block a 2×2 maximum pool.
VGG11_BLOCKS: Blocks = ((64,), (128,), (256, 256), (512, 512), (512, 512))  # column A
VGG13_BLOCKS: Blocks = ((64, 64), (128, 128), (256, 256), (512, 512), (512, 512))  # column B
VGG16_BLOCKS: Blocks = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))  # column D
VGG19_BLOCKS: Blocks = (  # column E
    (64, 64),
    (128, 128),
    (256, 256, 256, 256),
    (512, 512, 512, 512),
    (512, 512, 512, 512),
)


class VGG(nn.Module):
    """Blocks of 3×3 convolutions, each block ending in a pool that halves the maps, and three dense layers.

    Parameters
    ----------
    blocks : sequence of sequences of int
        The maps of each convolution, block by block: a row of the paper's table, or one of your own.
    num_classes, in_channels : int
        At least 1.
    batch_norm : bool
        Put batch normalisation between each convolution and its ReLU.
    dropout : float, 0 … 1
        Share of the outputs of the two hidden dense layers that is set to 0 in training.
    hidden_units : int
        Width of the two hidden dense layers, at least 1.

    Attributes
    ----------
    min_size : int
        The smallest image in pixels: every block halves it, so 32 with five blocks.

    Raises
    ------
    ValueError
        If a number is too small, a block is empty, or `dropout` is not from 0 to 1.

    References
    ----------
    Simonyan and Zisserman 2015, table 1.

    Examples
    --------
    >>> from course_lib.summary import summarize
    >>> with torch.device("meta"):  # sizes without numbers
    ...     summary = summarize(vgg16(), torch.zeros(1, 3, 224, 224), depth=1)
    >>> for row in summary.rows:
    ...     print(f"{row.name:10} {row.output_shape!s:17} {row.parameters:>11,}")
    features   (1, 512, 7, 7)     14,714,688
    avgpool    (1, 512, 7, 7)              0
    classifier (1, 1000)         123,642,856
    >>> summary.parameters, summary.macs
    (138357544, 15470264320)
    """

    def __init__(
        self,
        blocks: Blocks,
        num_classes: int = 1000,
        in_channels: int = 3,
        *,
        batch_norm: bool = False,
        dropout: float = 0.5,
        hidden_units: int = 4096,
    ) -> None:
        super().__init__()
        if not blocks or not all(blocks) or min(maps for block in blocks for maps in block) < 1:
            raise ValueError(
                f"blocks names the maps, at least 1, of each convolution, such as ((64,), (128,)), got {blocks}"
            )
        check_arguments(num_classes=num_classes, in_channels=in_channels, hidden_units=hidden_units)
        self.in_channels = in_channels
        self.min_size = 2 ** len(blocks)
        layers: list[nn.Module] = []  #                           (B, 3, 224, 224)
        channels = in_channels
        for block in blocks:
            for maps in block:
                layers.append(nn.Conv2d(channels, maps, kernel_size=3, padding=1))
                if batch_norm:
                    layers.append(nn.BatchNorm2d(maps))
                layers.append(nn.ReLU(inplace=True))
                channels = maps
            # (B, 64, 112, 112), (B, 128, 56, 56), (B, 256, 28, 28), (B, 512, 14, 14), (B, 512, 7, 7)
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
        self.features = nn.Sequential(*layers)  #                 (B, 512, 7, 7)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))  #            (B, 512, 7, 7)
        self.classifier = nn.Sequential(  #                       (B, 25088)
            nn.Linear(channels * 7 * 7, hidden_units),  #         (B, 4096)
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden_units, hidden_units),  #             (B, 4096)
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden_units, num_classes),  #              (B, num_classes)
        )
        self.apply(_he_weights)

    def forward(self, x: Tensor) -> Tensor:
        """Give scores, the largest wins: (B, in_channels, H, W), H and W at least `min_size` → (B, num_classes)."""
        check_batch(x, channels=self.in_channels, min_size=self.min_size)
        x = self.avgpool(self.features(x))  # (B, 512, 7, 7)
        return self.classifier(torch.flatten(x, start_dim=1))  # (B, num_classes)


def vgg11(num_classes: int = 1000, in_channels: int = 3, *, dropout: float = 0.5) -> VGG:
    """Build column A of table 1: 132,863,336 parameters; the arguments are those of `VGG`."""
    return VGG(VGG11_BLOCKS, num_classes, in_channels, dropout=dropout)


def vgg13(num_classes: int = 1000, in_channels: int = 3, *, dropout: float = 0.5) -> VGG:
    """Build column B of table 1: 133,047,848 parameters; the arguments are those of `VGG`."""
    return VGG(VGG13_BLOCKS, num_classes, in_channels, dropout=dropout)


def vgg16(num_classes: int = 1000, in_channels: int = 3, *, dropout: float = 0.5) -> VGG:
    """Build column D of table 1: 138,357,544 parameters; the arguments are those of `VGG`."""
    return VGG(VGG16_BLOCKS, num_classes, in_channels, dropout=dropout)


def vgg19(num_classes: int = 1000, in_channels: int = 3, *, dropout: float = 0.5) -> VGG:
    """Build column E of table 1: 143,667,240 parameters; the arguments are those of `VGG`."""
    return VGG(VGG19_BLOCKS, num_classes, in_channels, dropout=dropout)


def vgg11_bn(num_classes: int = 1000, in_channels: int = 3, *, dropout: float = 0.5) -> VGG:
    """Build column A with batch normalisation: 132,868,840 parameters; the arguments are those of `VGG`."""
    return VGG(VGG11_BLOCKS, num_classes, in_channels, batch_norm=True, dropout=dropout)


def vgg13_bn(num_classes: int = 1000, in_channels: int = 3, *, dropout: float = 0.5) -> VGG:
    """Build column B with batch normalisation: 133,053,736 parameters; the arguments are those of `VGG`."""
    return VGG(VGG13_BLOCKS, num_classes, in_channels, batch_norm=True, dropout=dropout)


def vgg16_bn(num_classes: int = 1000, in_channels: int = 3, *, dropout: float = 0.5) -> VGG:
    """Build column D with batch normalisation: 138,365,992 parameters; the arguments are those of `VGG`."""
    return VGG(VGG16_BLOCKS, num_classes, in_channels, batch_norm=True, dropout=dropout)


def vgg19_bn(num_classes: int = 1000, in_channels: int = 3, *, dropout: float = 0.5) -> VGG:
    """Build column E with batch normalisation: 143,678,248 parameters; the arguments are those of `VGG`."""
    return VGG(VGG19_BLOCKS, num_classes, in_channels, batch_norm=True, dropout=dropout)


def _he_weights(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # every layer above has a bias
