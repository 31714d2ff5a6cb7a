"""Residual nets: layers that learn what to add to their input, and the plain nets that they are compared with.

Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", CVPR 2016: table 1 (the nets),
figure 3 (the plain net), figure 5 (the two blocks), section 3.3 (shortcuts), section 3.4 (first weights).
The small nets of section 4.2 are in `resnet_cifar.py`.

Differs: a bottleneck halves the image in its 3×3 convolution, as in the weights that are published for these nets. The
paper's count for 50 layers, 3.8·10⁹ operations, is that of halving in the 1×1 before it (here: 4.1·10⁹).
Differs: ResNet-18 and -34 project where the shape changes (option B of section 3.3), as in the published weights. The
paper's comparison with plain nets (table 2) pads with zeros (option A), as `PaddedBlock` of `resnet_cifar.py` does.
Differs: the first weights of the last layer are torch's: the paper's are made for layers that a ReLU follows.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from course_lib.models.inputs import check_arguments, check_batch

__all__ = [
    "RESNET_TABLE",
    "BasicBlock",
    "Bottleneck",
    "PlainBlock",
    "Projection",
    "ResNet",
    "Stage",
    "first_weights",
    "plain18",
    "plain34",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "zero_last_gammas",
]

# Table 1, column by column: how often the block stands in each stage.
#  stage   conv2_x conv3_x conv4_x conv5_x
#  output     56²     28²     14²      7²      pixels
#  width      64     128     256     512       channels
RESNET_TABLE = {
    18:       (2,      2,      2,      2),  #  [3×3, width; 3×3, width]
    34:       (3,      4,      6,      3),
    50:       (3,      4,      6,      3),  #  [1×1, width; 3×3, width; 1×1, 4·width]
    101:      (3,      4,     23,      3),
    152:      (3,      8,     36,      3),
}  # fmt: skip


class PlainBlock(nn.Module):
    """Two 3×3 convolutions, each with batch normalisation and ReLU: what remains of `BasicBlock` without its shortcut.

    Parameters
    ----------
    in_channels, channels : int
        Channels that come in and that go out.
    stride : int
        Stride of the first convolution: 2 halves the image.

    References
    ----------
    He et al. 2016, figure 3, the net in the middle.
    """

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.out_channels = channels
        self.conv1 = nn.Conv2d(in_channels, channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def residual(self, x: Tensor) -> Tensor:
        """Give F(x), what the layers make of x: (B, in_channels, H, W) → (B, channels, H/stride, W/stride)."""
        x = self.relu(self.bn1(self.conv1(x)))
        return self.bn2(self.conv2(x))

    def forward(self, x: Tensor) -> Tensor:
        """Give ReLU(F(x))."""
        return self.relu(self.residual(x))


class Projection(nn.Sequential):
    """The shortcut where the shape changes: a 1×1 convolution with batch normalisation (option B of section 3.3)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False),
            nn.BatchNorm2d(out_channels),
        )


class BasicBlock(PlainBlock):
    """The plain block and its shortcut: ``ReLU(F(x) + x)``.

    Parameters
    ----------
    in_channels, channels, stride : int
        As of `PlainBlock`.
    shortcut : made from in_channels, channels and stride
        What x goes through where its shape is not that of F(x); everywhere else it is added as it is.

    References
    ----------
    He et al. 2016, figure 5, left.

    Examples
    --------
    >>> block = BasicBlock(64, 128, stride=2)
    >>> block(torch.zeros(1, 64, 56, 56)).shape, sum(p.numel() for p in block.downsample.parameters())
    (torch.Size([1, 128, 28, 28]), 8448)
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        *,
        shortcut: Callable[[int, int, int], nn.Module] = Projection,
    ) -> None:
        super().__init__(in_channels, channels, stride)
        same = stride == 1 and in_channels == channels
        self.downsample = nn.Identity() if same else shortcut(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Give ReLU(F(x) + x)."""
        return self.relu(self.residual(x).add_(self.downsample(x)))  # in place, since F(x) is needed no more


class Bottleneck(nn.Module):
    """1×1 down to `width` channels, 3×3 there, 1×1 up to four times as many, and the shortcut beside them.

    Parameters
    ----------
    in_channels : int
        Channels that come in; `4 · width` go out.
    width : int
        Channels of the 3×3 convolution.
    stride : int
        Stride of the 3×3 convolution: 2 halves the image.

    References
    ----------
    He et al. 2016, figure 5, right.
    """

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.out_channels = 4 * width
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, stride=stride, padding=1, bias=False)  # Differs: the stride
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, self.out_channels, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(self.out_channels)
        self.relu = nn.ReLU(inplace=True)
        same = stride == 1 and in_channels == self.out_channels
        self.downsample = nn.Identity() if same else Projection(in_channels, self.out_channels, stride)

    def residual(self, x: Tensor) -> Tensor:
        """Give F(x), what the layers make of x: (B, in_channels, H, W) → (B, 4·width, H/stride, W/stride)."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.bn3(self.conv3(x))

    def forward(self, x: Tensor) -> Tensor:
        """Give ReLU(F(x) + x)."""
        return self.relu(self.residual(x).add_(self.downsample(x)))  # in place, since F(x) is needed no more


Block = Callable[[int, int, int], PlainBlock | Bottleneck]  # made from in_channels, width and stride


class Stage(nn.Sequential):
    """Blocks of one width, one after the other; only the first has the stride.

    Parameters
    ----------
    block : made from (in_channels, width, stride)
    repeats, in_channels, width, stride : int
    """

    def __init__(self, block: Block, repeats: int, in_channels: int, width: int, stride: int) -> None:
        first = block(in_channels, width, stride)
        super().__init__(first, *(block(first.out_channels, width, 1) for _ in range(repeats - 1)))
        self.out_channels = first.out_channels


class ResNet(nn.Module):
    """The net of table 1 for images of ImageNet's size.

    Parameters
    ----------
    block : BasicBlock, Bottleneck or PlainBlock
        Or whatever makes a block from (in_channels, width, stride).
    repeats : four ints
        Blocks in the stages conv2_x … conv5_x, a row of `RESNET_TABLE`.
    num_classes, in_channels : int
        At least 1.

    Notes
    -----
    Images have at least 1 pixel along each axis. Below 33 the last maps are single pixels (the image is halved five
    times), and training then needs two images at least: batch normalisation has nothing else to take statistics of.

    References
    ----------
    He et al. 2016, table 1. Convolutions begin as He et al. 2015 ("Delving deep into rectifiers") draw them, by the
    number of outputs; each batch normalisation begins as the identity.

    Examples
    --------
    >>> from course_lib.summary import summarize
    >>> with torch.device("meta"):
    ...     print(summarize(resnet50(), torch.zeros(1, 3, 224, 224), depth=1))
    ResNet, input (1, 3, 224, 224)
    ...
    layer    type               output shape       parameters           MACs  receptive field
    ...
    conv1    Conv2d             (1, 64, 112, 112)       9,408    118,013,952            7 × 7
    bn1      BatchNorm2d        (1, 64, 112, 112)         128              –            7 × 7
    relu     ReLU               (1, 64, 112, 112)           0              –            7 × 7
    maxpool  MaxPool2d          (1, 64, 56, 56)             0              –          11 × 11
    layer1   Stage              (1, 256, 56, 56)      215,808    667,942,912                –
    layer2   Stage              (1, 512, 28, 28)    1,219,584  1,027,604,480                –
    layer3   Stage              (1, 1024, 14, 14)   7,098,368  1,464,336,384                –
    layer4   Stage              (1, 2048, 7, 7)    14,964,736    809,238,528                –
    avgpool  AdaptiveAvgPool2d  (1, 2048, 1, 1)             0              –                –
    fc       Linear             (1, 1000)           2,049,000      2,048,000                –
    ...
    total                                          25,557,032  4,089,184,256
    ...
    """

    def __init__(self, block: Block, repeats: Sequence[int], num_classes: int = 1000, in_channels: int = 3) -> None:
        super().__init__()
        check_arguments(num_classes=num_classes, in_channels=in_channels)
        if len(repeats) != 4 or min(repeats) < 1:
            raise ValueError(f"repeats needs the blocks of 4 stages, such as (2, 2, 2, 2), got {repeats!r}")
        self.in_channels = in_channels
        conv2, conv3, conv4, conv5 = repeats  # shapes of ResNet-18; bottlenecks give 4 times the channels of a stage
        self.conv1 = nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=False)  # (B, 64, 112, 112)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)  # (B, 64, 56, 56)
        self.layer1 = Stage(block, conv2, 64, 64, stride=1)  # (B, 64, 56, 56)
        self.layer2 = Stage(block, conv3, self.layer1.out_channels, 128, stride=2)  # (B, 128, 28, 28)
        self.layer3 = Stage(block, conv4, self.layer2.out_channels, 256, stride=2)  # (B, 256, 14, 14)
        self.layer4 = Stage(block, conv5, self.layer3.out_channels, 512, stride=2)  # (B, 512, 7, 7)
        self.avgpool = nn.AdaptiveAvgPool2d(1)  # (B, 512, 1, 1)
        self.fc = nn.Linear(self.layer4.out_channels, num_classes)  # (B, num_classes)
        self.apply(first_weights)

    def forward(self, x: Tensor) -> Tensor:
        """Give scores, the largest wins: (B, in_channels, H, W) → (B, num_classes)."""
        check_batch(x, channels=self.in_channels, min_size=1)
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), start_dim=1))


def first_weights(layer: nn.Module) -> None:
    """Draw the weights of a convolution from a normal distribution of variance 2 / (outputs · kernel area).

    The batch normalisation after it begins as torch makes it: gamma 1, beta 0.

    References
    ----------
    He et al. 2015, "Delving deep into rectifiers", equation 14.
    """
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


def zero_last_gammas(net: nn.Module) -> None:
    """Set the last gamma of each residual block to 0, so that training begins with the shortcuts alone.

    Parameters
    ----------
    net : torch.nn.Module
        A net with residual blocks; it is changed.

    Raises
    ------
    ValueError
        If it has none: a plain net would pass nothing on.

    References
    ----------
    P. Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017, section 5.1.

    Examples
    --------
    >>> net = resnet18(num_classes=2)
    >>> zero_last_gammas(net)
    >>> net.layer1[0].residual(torch.rand(1, 64, 8, 8)).abs().max().item()
    0.0
    """
    blocks = [module for module in net.modules() if isinstance(module, BasicBlock | Bottleneck)]
    if not blocks:
        raise ValueError(f"wanted a net with residual blocks, got {type(net).__name__} without any: it would be silent")
    for block in blocks:
        nn.init.zeros_((block.bn3 if isinstance(block, Bottleneck) else block.bn2).weight)


def resnet18(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """Build ResNet-18: 11,689,512 parameters for 1,000 classes of colour images."""
    return ResNet(BasicBlock, RESNET_TABLE[18], num_classes, in_channels)


def resnet34(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """Build ResNet-34: 21,797,672 parameters for 1,000 classes of colour images."""
    return ResNet(BasicBlock, RESNET_TABLE[34], num_classes, in_channels)


def resnet50(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """Build ResNet-50: 25,557,032 parameters for 1,000 classes of colour images."""
    return ResNet(Bottleneck, RESNET_TABLE[50], num_classes, in_channels)


def resnet101(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """Build ResNet-101: 44,549,160 parameters for 1,000 classes of colour images."""
    return ResNet(Bottleneck, RESNET_TABLE[101], num_classes, in_channels)


def resnet152(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """Build ResNet-152: 60,192,808 parameters for 1,000 classes of colour images."""
    return ResNet(Bottleneck, RESNET_TABLE[152], num_classes, in_channels)


def plain18(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """Build the plain net of 18 layers: ResNet-18 without shortcuts, 173,824 parameters of projections fewer."""
    return ResNet(PlainBlock, RESNET_TABLE[18], num_classes, in_channels)


def plain34(num_classes: int = 1000, in_channels: int = 3) -> ResNet:
    """Build the plain net of 34 layers: ResNet-34 without shortcuts, 173,824 parameters of projections fewer."""
    return ResNet(PlainBlock, RESNET_TABLE[34], num_classes, in_channels)
