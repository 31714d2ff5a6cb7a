"""Residual nets for small images, and the plain nets of the same depths: the degradation experiment.

Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016: section 4.2
(the nets and their training), table 6 (their sizes), section 3.3 (shortcuts without parameters, option A).

Residual and plain net of one depth have the same parameters: only the shortcuts differ, which have none. In the paper a
plain net of 56 layers has a higher *training* error than one of 20; residual nets of these depths do not.

Differs: of the channels that are new, the paper does not say which they are; here they come after the old ones.
Differs: the first weights of the last layer are torch's: the paper's are made for layers that a ReLU follows.
"""

import torch
from torch import Tensor, nn

from course_lib.models.inputs import check_arguments, check_batch
from course_lib.models.resnet import BasicBlock, Block, PlainBlock, Stage, first_weights

__all__ = [
    "CifarResNet",
    "PaddedBlock",
    "PaddedIdentity",
    "plain20",
    "plain32",
    "plain44",
    "plain56",
    "plain110",
    "resnet20",
    "resnet32",
    "resnet44",
    "resnet56",
    "resnet110",
]


class PaddedIdentity(nn.Module):
    """The shortcut without parameters: every second pixel, and zeros for the channels that are new (option A).

    Parameters
    ----------
    in_channels, out_channels : int
        Channels that come in and that go out, at least as many.
    stride : int
        Distance of the pixels that are kept.

    Examples
    --------
    >>> PaddedIdentity(1, 2, stride=2)(torch.arange(16.0).reshape(1, 1, 4, 4)).tolist()
    [[[[0.0, 2.0], [8.0, 10.0]], [[0.0, 0.0], [0.0, 0.0]]]]
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        if out_channels < in_channels:
            raise ValueError(f"a shortcut can add channels and drop none, got {in_channels} in and {out_channels} out")
        self.new_channels, self.stride = out_channels - in_channels, stride

    def forward(self, x: Tensor) -> Tensor:
        """Thin the pixels out and add empty channels: (B, C, H, W) → (B, out_channels, H/stride, W/stride)."""
        x = x[:, :, :: self.stride, :: self.stride]
        return nn.functional.pad(x, (0, 0, 0, 0, 0, self.new_channels))


class PaddedBlock(BasicBlock):
    """The basic block whose shortcuts have no parameters anywhere.

    Parameters
    ----------
    in_channels, channels, stride : int
        As of `PlainBlock`.
    """

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__(in_channels, channels, stride, shortcut=PaddedIdentity)


class CifarResNet(nn.Module):
    """The net of section 4.2 for images of 32×32 pixels: a convolution, three stages of n blocks, and a linear layer.

    =====================  =====  =====  ====
    output, pixels         32×32  16×16  8×8
    layers of 3×3 kernels  1+2n   2n     2n
    channels               16     32     64
    =====================  =====  =====  ====

    Parameters
    ----------
    block : PaddedBlock or PlainBlock
        Or whatever makes a block from (in_channels, width, stride).
    depth : int
        Layers with weights: 6n + 2 for n = 1, 2, 3, …, that is 8, 14, 20, …
    num_classes, in_channels : int
        At least 1.

    Notes
    -----
    The paper trains with SGD (momentum 0.9, weight decay 1e-4, batches of 128, learning rate 0.1, divided by 10 after
    32,000 and 48,000 of 64,000 steps); with 110 layers it begins at 0.01 until the training error is below 80 %.
    A plain net is hard to train from its first step: the gradient of its parameters is about 7 long at 20 layers, 5·10³
    at 56 and 10⁷ at 110; with shortcuts 4, 15 and 30 (measured on 8 random images).

    Images have at least 1 pixel along each axis. Below 5 the last maps are single pixels, and training then needs two
    images at least: batch normalisation has nothing else to take its statistics of.

    References
    ----------
    He et al. 2016, section 4.2. First weights as in `resnet.ResNet`.

    Examples
    --------
    >>> from course_lib.summary import summarize
    >>> with torch.device("meta"):
    ...     print(summarize(resnet20(), torch.zeros(1, 3, 32, 32), depth=1))
    CifarResNet, input (1, 3, 32, 32)
    ...
    layer    type               output shape     parameters        MACs  receptive field
    ...
    conv1    Conv2d             (1, 16, 32, 32)         432     442,368            3 × 3
    bn1      BatchNorm2d        (1, 16, 32, 32)          32           –            3 × 3
    relu     ReLU               (1, 16, 32, 32)           0           –            3 × 3
    layer1   Stage              (1, 16, 32, 32)      14,016  14,155,776                –
    layer2   Stage              (1, 32, 16, 16)      51,072  12,976,128                –
    layer3   Stage              (1, 64, 8, 8)       203,520  12,976,128                –
    avgpool  AdaptiveAvgPool2d  (1, 64, 1, 1)             0           –                –
    fc       Linear             (1, 10)                 650         640                –
    ...
    total                                           269,722  40,551,040
    ...
    """

    def __init__(self, block: Block, depth: int, num_classes: int = 10, in_channels: int = 3) -> None:
        super().__init__()
        check_arguments(num_classes=num_classes, in_channels=in_channels)
        if depth < 8 or depth % 6 != 2:
            raise ValueError(f"depth is 6n + 2, such as 8, 14, 20, 32, 44, 56 or 110, got {depth}")
        self.in_channels = in_channels
        n = (depth - 2) // 6  # two layers a block, three stages, and two layers more      (B, in_channels, 32, 32)
        self.conv1 = nn.Conv2d(in_channels, 16, kernel_size=3, padding=1, bias=False)  # (B, 16, 32, 32)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = Stage(block, n, 16, 16, stride=1)  # (B, 16, 32, 32)
        self.layer2 = Stage(block, n, 16, 32, stride=2)  # (B, 32, 16, 16)
        self.layer3 = Stage(block, n, 32, 64, stride=2)  # (B, 64, 8, 8)
        self.avgpool = nn.AdaptiveAvgPool2d(1)  # (B, 64, 1, 1)
        self.fc = nn.Linear(64, num_classes)  # (B, num_classes)
        self.apply(first_weights)

    def forward(self, x: Tensor) -> Tensor:
        """Give scores, the largest wins: (B, in_channels, H, W) → (B, num_classes)."""
        check_batch(x, channels=self.in_channels, min_size=1)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(torch.flatten(self.avgpool(x), start_dim=1))


def resnet20(num_classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """Build the residual net of 20 layers: 269,722 parameters for 10 classes of colour images."""
    return CifarResNet(PaddedBlock, 20, num_classes, in_channels)


def resnet32(num_classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """Build the residual net of 32 layers: 464,154 parameters for 10 classes of colour images."""
    return CifarResNet(PaddedBlock, 32, num_classes, in_channels)


def resnet44(num_classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """Build the residual net of 44 layers: 658,586 parameters for 10 classes of colour images."""
    return CifarResNet(PaddedBlock, 44, num_classes, in_channels)


def resnet56(num_classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """Build the residual net of 56 layers: 853,018 parameters for 10 classes of colour images."""
    return CifarResNet(PaddedBlock, 56, num_classes, in_channels)


def resnet110(num_classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """Build the residual net of 110 layers: 1,727,962 parameters for 10 classes of colour images."""
    return CifarResNet(PaddedBlock, 110, num_classes, in_channels)


def plain20(num_classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """Build the plain net of 20 layers: the 269,722 parameters of `resnet20`, without shortcuts."""
    return CifarResNet(PlainBlock, 20, num_classes, in_channels)


def plain32(num_classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """Build the plain net of 32 layers: the 464,154 parameters of `resnet32`, without shortcuts."""
    return CifarResNet(PlainBlock, 32, num_classes, in_channels)


def plain44(num_classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """Build the plain net of 44 layers: the 658,586 parameters of `resnet44`, without shortcuts."""
    return CifarResNet(PlainBlock, 44, num_classes, in_channels)


def plain56(num_classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """Build the plain net of 56 layers: the 853,018 parameters of `resnet56`, without shortcuts."""
    return CifarResNet(PlainBlock, 56, num_classes, in_channels)


def plain110(num_classes: int = 10, in_channels: int = 3) -> CifarResNet:
    """Build the plain net of 110 layers: the 1,727,962 parameters of `resnet110`, without shortcuts."""
    return CifarResNet(PlainBlock, 110, num_classes, in_channels)
