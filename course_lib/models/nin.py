"""Network in network: a small dense net slides over the image in place of a linear kernel, and no dense layers follow.

Source: M. Lin, Q. Chen, S. Yan, "Network in network", ICLR 2014 (arXiv 1312.4400): section 3.1 (mlpconv layer), 3.2
(global average pooling), figure 2 (the net). The paper does not list the sizes: they are those of the authors' own
configurations for CIFAR-10 (cuda-convnet) and, made after the paper, for ImageNet (Caffe model zoo).

A dense layer that reads the maps at one place, and is the same at every place, is a 1×1 convolution. So an mlpconv
layer is a convolution and two 1×1 convolutions, each with a ReLU; the last layer has one map for each class, and the
mean of that map is the score of the class. As in equation 2 the last layer has its ReLU too: scores are at least 0.

Differs: first weights are He's (normal, fan-in; biases 0); the paper does not say. The ReLU behind the scores needs
care: a class whose map is 0 everywhere gets no gradient, and with He's weights in the last layer too, some classes
start so and others soon follow. So the last layer starts narrow (standard deviation 0.01) with biases of 1.
Differs: the mean is taken over maps of any size, so that images of other sizes fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from course_lib.models.inputs import check_arguments, check_batch

__all__ = ["CIFAR10_LAYERS", "IMAGENET_LAYERS", "MlpConv", "NiN", "nin_cifar10", "nin_imagenet"]


@dataclass(frozen=True)
class MlpConv:
    """One line of the table: an mlpconv layer, after which a 3×3 maximum pool with stride 2 follows, but for the last.

    Attributes
    ----------
    kernel_size, stride, padding : int
        Of the first convolution; the others are 1×1.
    maps : three numbers
        Of the convolution and of the two 1×1 convolutions; None stands for one map for each class.
    dropout : bool
        Whether dropout follows the pool.
    """

    kernel_size: int
    maps: tuple[int, int, int | None]
    stride: int = 1
    padding: int = 0
    dropout: bool = False


IMAGENET_LAYERS = (
    MlpConv(kernel_size=11, stride=4, maps=(96, 96, 96)),
    MlpConv(kernel_size=5, padding=2, maps=(256, 256, 256)),
    MlpConv(kernel_size=3, padding=1, maps=(384, 384, 384), dropout=True),
    MlpConv(kernel_size=3, padding=1, maps=(1024, 1024, None)),
)
CIFAR10_LAYERS = (
    MlpConv(kernel_size=5, padding=2, maps=(192, 160, 96), dropout=True),
    MlpConv(kernel_size=5, padding=2, maps=(192, 192, 192), dropout=True),
    MlpConv(kernel_size=3, padding=1, maps=(192, 192, None)),
)


class NiN(nn.Module):
    """Mlpconv layers with overlapping maximum pools between them, and the mean over each map of the last.

    Parameters
    ----------
    layers : sequence of MlpConv
        At least one; `None` stands in the last one only, for the classes.
    num_classes, in_channels : int
        At least 1.
    dropout : float, 0 … 1
        Share of the values that is set to 0 in training, where the table says so.

    Attributes
    ----------
    min_size : int
        The smallest image in pixels for which every layer has an output.

    Raises
    ------
    ValueError
        If a number is too small, the table has no layer or another one ends in None than the last, or `dropout` is not
        from 0 to 1.

    References
    ----------
    Lin, Chen and Yan 2014, figure 2.

    Examples
    --------
    >>> import torch
    >>> from course_lib.summary import summarize
    >>> with torch.device("meta"):  # sizes without numbers
    ...     summary = summarize(nin_imagenet(), torch.zeros(1, 3, 224, 224), depth=2)
    >>> for row in summary.rows:
    ...     print(f"{row.name:17} {row.output_shape!s:17} {row.parameters:>9,}")
    features.mlpconv1 (1, 96, 54, 54)      53,568
    features.pool1    (1, 96, 27, 27)           0
    features.mlpconv2 (1, 256, 27, 27)    746,240
    features.pool2    (1, 256, 13, 13)          0
    features.mlpconv3 (1, 384, 13, 13)  1,180,800
    features.pool3    (1, 384, 6, 6)            0
    features.dropout3 (1, 384, 6, 6)            0
    features.mlpconv4 (1, 1000, 6, 6)   5,614,568
    >>> summary.parameters
    7595176
    """

    def __init__(
        self, layers: Sequence[MlpConv], num_classes: int = 1000, in_channels: int = 3, *, dropout: float = 0.5
    ) -> None:
        super().__init__()
        check_arguments(num_classes=num_classes, in_channels=in_channels)
        if [layer.maps[-1] is None for layer in layers] != [False] * (len(layers) - 1) + [True]:
            raise ValueError(f"maps ends in None, for the classes, in the last layer and in no other, got {layers}")
        self.in_channels = in_channels
        self.min_size = _smallest_input(layers)
        self.features = nn.Sequential()
        channels = in_channels
        for number, layer in enumerate(layers, start=1):
            maps = [num_classes if width is None else width for width in layer.maps]
            self.features.add_module(f"mlpconv{number}", _mlpconv(channels, layer, maps))
            if number < len(
                layers
            ):  # ceil_mode: a last window that hangs over the edge counts, as in the authors' code
                self.features.add_module(f"pool{number}", nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True))
            if layer.dropout:
                self.features.add_module(f"dropout{number}", nn.Dropout(dropout))
            channels = maps[-1]
        self._first_weights()

    def forward(self, x: Tensor) -> Tensor:
        """Give scores, the largest wins: (B, in_channels, H, W), H and W at least `min_size` → (B, num_classes)."""
        check_batch(x, channels=self.in_channels, min_size=self.min_size)
        x = self.features(x)  # (B, num_classes, 6, 6) for ImageNet, (B, num_classes, 8, 8) for CIFAR-10
        return x.mean(dim=(2, 3))  # (B, num_classes)

    def _first_weights(self) -> None:
        *hidden, last = [layer for layer in self.modules() if isinstance(layer, nn.Conv2d)]
        for conv in hidden:
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.constant_(conv.bias, 0)  # type: ignore[arg-type]  # every layer above has a bias
        nn.init.normal_(last.weight, std=0.01)
        nn.init.constant_(last.bias, 1)  # type: ignore[arg-type]  # every layer above has a bias


def nin_imagenet(num_classes: int = 1000, in_channels: int = 3, *, dropout: float = 0.5) -> NiN:
    """Build the net for 224×224 images: 7,595,176 parameters, at least 39 pixels; the arguments are those of `NiN`."""
    return NiN(IMAGENET_LAYERS, num_classes, in_channels, dropout=dropout)


def nin_cifar10(num_classes: int = 10, in_channels: int = 3, *, dropout: float = 0.5) -> NiN:
    """Build the net for 32×32 images: 966,986 parameters, at least 4 pixels; the arguments are those of `NiN`."""
    return NiN(CIFAR10_LAYERS, num_classes, in_channels, dropout=dropout)


def _mlpconv(in_channels: int, layer: MlpConv, maps: Sequence[int]) -> nn.Sequential:
    first, second, third = maps
    return nn.Sequential(
        nn.Conv2d(in_channels, first, layer.kernel_size, stride=layer.stride, padding=layer.padding),
        nn.ReLU(inplace=True),
        nn.Conv2d(first, second, kernel_size=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(second, third, kernel_size=1),
        nn.ReLU(inplace=True),
    )


def _smallest_input(layers: Sequence[MlpConv]) -> int:
    """Go from one cell of the last layer back to the image: the pools double, the convolutions undo their stride."""
    cells = 1
    for number, layer in enumerate(reversed(layers)):
        cells = 2 * cells if number else cells
        cells = max(1, (cells - 1) * layer.stride + layer.kernel_size - 2 * layer.padding)
    return cells
