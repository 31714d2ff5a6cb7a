"""AlexNet, which won the ImageNet challenge of 2012: in its later form with one tower, and in the first with two.

Sources: A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional neural networks",
NIPS 2012: sections 3 and 5, figure 2 (two towers, one on each graphics card). A. Krizhevsky, "One weird trick for
parallelizing convolutional neural networks", 2014 (arXiv 1404.5997), and the code released with it (one tower).

Why 227, or 224 with a padding of 2? The paper says 224×224, and draws 55×55 maps after 11×11 kernels with a stride of
4. These do not fit together: without padding (224 − 11) / 4 + 1 = 54.25, so 54; and "same" padding, which lecture
tables often state, makes ⌈224 / 4⌉ = 56. The maps are 55×55 if the image has 227 pixels, (227 − 11) / 4 + 1 = 55, or
if 224 pixels get a padding of 2 on each side, (224 + 4 − 11) / 4 + 1 = 55.25, so 55. `TwoTowerAlexNet` takes the first
way, `AlexNet` the second, as the published weights do.

With 55×55 maps the two-tower net has 659,272 units, the paper's "650,000"; its figure lists 253,440 in the first layer,
where 96 · 55 · 55 is 290,400.

Differs: an adaptive mean pool before the dense layers, which does nothing at the published size, lets other sizes in.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from course_lib.models.inputs import check_arguments, check_batch

__all__ = ["AlexNet", "ResponseNorm", "TwoTowerAlexNet", "alexnet"]


class AlexNet(nn.Module):
    """The form with one tower: 61,100,840 parameters, 714 million multiplications for an image of 224×224.

    Differs: no local response normalisation, and dropout stands before each hidden dense layer instead of after it,
    both as in the published weights. First weights are He's (normal, fan-in), biases 0, where the released code draws
    narrower ones and starts some biases at 1.

    Parameters
    ----------
    num_classes, in_channels : int
        At least 1.
    dropout : float, 0 … 1
        Share of the inputs of the two hidden dense layers that is set to 0 in training.
    hidden_units : int
        Width of the two hidden dense layers, at least 1.

    Attributes
    ----------
    min_size : int
        The smallest image in pixels: 63.

    Raises
    ------
    ValueError
        If a number is too small, or `dropout` is not from 0 to 1.

    References
    ----------
    Krizhevsky 2014.

    Examples
    --------
    >>> from course_lib.summary import summarize
    >>> with torch.device("meta"):  # sizes without numbers
    ...     summary = summarize(AlexNet(), torch.zeros(1, 3, 224, 224), depth=1)
    >>> for row in summary.rows:
    ...     print(f"{row.name:10} {row.output_shape!s:17} {row.parameters:>10,}")
    features   (1, 256, 6, 6)     2,469,696
    avgpool    (1, 256, 6, 6)             0
    classifier (1, 1000)         58,631,144
    >>> summary.parameters, summary.macs
    (61100840, 714188480)
    """

    min_size: ClassVar[int] = 63  # pixels: the last pool needs 3 cells, so 7 and 15 before it: (63 + 4 − 11) / 4 + 1

    def __init__(
        self, num_classes: int = 1000, in_channels: int = 3, *, dropout: float = 0.5, hidden_units: int = 4096
    ) -> None:
        super().__init__()
        check_arguments(num_classes=num_classes, in_channels=in_channels, hidden_units=hidden_units)
        self.in_channels = in_channels
        self.features = nn.Sequential(  #                                     (B, 3, 224, 224)
            nn.Conv2d(in_channels, 64, kernel_size=11, stride=4, padding=2),  # (B, 64, 55, 55)
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),  #                         (B, 64, 27, 27)
            nn.Conv2d(64, 192, kernel_size=5, padding=2),  #                  (B, 192, 27, 27)
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),  #                         (B, 192, 13, 13)
            nn.Conv2d(192, 384, kernel_size=3, padding=1),  #                 (B, 384, 13, 13)
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),  #                 (B, 256, 13, 13)
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),  #                 (B, 256, 13, 13)
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),  #                         (B, 256, 6, 6)
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))  #                        (B, 256, 6, 6)
        self.classifier = nn.Sequential(  #                                   (B, 9216)
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, hidden_units),  #                          (B, 4096)
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden_units, hidden_units),  #                         (B, 4096)
            nn.ReLU(inplace=True),
            nn.Linear(hidden_units, num_classes),  #                          (B, num_classes)
        )
        self.apply(_he_weights)

    def forward(self, x: Tensor) -> Tensor:
        """Give scores, the largest wins: (B, in_channels, H, W), H and W at least 63 → (B, num_classes)."""
        check_batch(x, channels=self.in_channels, min_size=self.min_size)
        x = self.avgpool(self.features(x))  # (B, 256, 6, 6)
        return self.classifier(torch.flatten(x, start_dim=1))  # (B, num_classes)


class ResponseNorm(nn.Module):
    """Local response normalisation: loud neighbours among the maps make a map quieter at the same place.

    Each value a becomes ``a / (2 + 10⁻⁴ · Σ a²)^0.75``, where the sum runs over the map itself and the two maps on each
    side, fewer at the ends. (`torch.nn.LocalResponseNorm` takes the mean of the five squares where the paper adds them
    up, and on a CPU it does not calculate in bfloat16.)

    References
    ----------
    Krizhevsky, Sutskever and Hinton 2012, section 3.3: k = 2, n = 5, α = 10⁻⁴, β = 0.75.

    Examples
    --------
    >>> ResponseNorm()(torch.full((1, 1, 1, 1), 100.0)).item()  # 100 / (2 + 1)^0.75
    43.86...
    """

    def forward(self, x: Tensor) -> Tensor:
        """Divide by the neighbours: (B, C, H, W) → (B, C, H, W)."""
        squares = pad(x.square(), (0, 0, 0, 0, 2, 2))  # (B, 2 + C + 2, H, W): two maps of zeros at each end
        sums = sum(squares[:, first : first + x.shape[1]] for first in range(5))  # (B, C, H, W)
        return x * (2 + 1e-4 * sums) ** -0.75


class TwoTowerAlexNet(nn.Module):
    """The net of 2012: 60,965,224 parameters in two towers, which see each other's maps in the third convolution only.

    A convolution with ``groups=2`` is two towers side by side: the first half of its maps reads the first half of the
    maps before, the second half the second. First weights are the paper's: normal with a standard deviation of 0.01;
    biases 1 in the second, fourth and fifth convolution and in the hidden dense layers, 0 elsewhere.

    Differs: the towers' maps lie in one tensor, so that response normalisation, which runs over all maps of a layer as
    in the paper's equation, joins two maps of each tower with two of the other where the halves meet.

    Parameters
    ----------
    num_classes, in_channels : int
        At least 1.
    dropout : float, 0 … 1
        Share of the outputs of the two hidden dense layers that is set to 0 in training.
    hidden_units : int
        Width of the two hidden dense layers, at least 1.

    Attributes
    ----------
    min_size : int
        The smallest image in pixels: 67.

    Raises
    ------
    ValueError
        If a number is too small, or `dropout` is not from 0 to 1.

    References
    ----------
    Krizhevsky, Sutskever and Hinton 2012: section 3.3 (response normalisation), 3.4 (overlapping pooling), 3.5 and
    figure 2 (layers), 4.2 (dropout), 5 (first weights).

    Examples
    --------
    >>> from course_lib.summary import summarize
    >>> with torch.device("meta"):  # sizes without numbers
    ...     summary = summarize(TwoTowerAlexNet(), torch.zeros(1, 3, 227, 227), depth=1)
    >>> for row in summary.rows:
    ...     print(f"{row.name:10} {row.output_shape!s:17} {row.parameters:>10,}")
    features   (1, 256, 6, 6)     2,334,080
    avgpool    (1, 256, 6, 6)             0
    classifier (1, 1000)         58,631,144
    >>> summary.parameters, summary.macs
    (60965224, 724406816)
    """

    min_size: ClassVar[int] = 67  # pixels: the last pool needs 3 cells, so 7 and 15 before it: (67 − 11) / 4 + 1 = 15

    def __init__(
        self, num_classes: int = 1000, in_channels: int = 3, *, dropout: float = 0.5, hidden_units: int = 4096
    ) -> None:
        super().__init__()
        check_arguments(num_classes=num_classes, in_channels=in_channels, hidden_units=hidden_units)
        self.in_channels = in_channels
        self.features = nn.Sequential(  #                                     (B, 3, 227, 227)
            nn.Conv2d(in_channels, 96, kernel_size=11, stride=4),  #          (B, 96, 55, 55)
            nn.ReLU(inplace=True),
            ResponseNorm(),
            nn.MaxPool2d(kernel_size=3, stride=2),  #                         (B, 96, 27, 27)
            nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=2),  #        (B, 256, 27, 27)
            nn.ReLU(inplace=True),
            ResponseNorm(),
            nn.MaxPool2d(kernel_size=3, stride=2),  #                         (B, 256, 13, 13)
            nn.Conv2d(256, 384, kernel_size=3, padding=1),  #                 (B, 384, 13, 13), from both towers
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 384, kernel_size=3, padding=1, groups=2),  #       (B, 384, 13, 13)
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, kernel_size=3, padding=1, groups=2),  #       (B, 256, 13, 13)
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),  #                         (B, 256, 6, 6)
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))  #                        (B, 256, 6, 6)
        self.classifier = nn.Sequential(  #                                   (B, 9216)
            nn.Linear(256 * 6 * 6, hidden_units),  #                          (B, 4096)
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden_units, hidden_units),  #                         (B, 4096)
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden_units, num_classes),  #                          (B, num_classes)
        )
        self._first_weights()

    def forward(self, x: Tensor) -> Tensor:
        """Give scores, the largest wins: (B, in_channels, H, W), H and W at least 67 → (B, num_classes)."""
        check_batch(x, channels=self.in_channels, min_size=self.min_size)
        x = self.avgpool(self.features(x))  # (B, 256, 6, 6)
        return self.classifier(torch.flatten(x, start_dim=1))  # (B, num_classes)

    def _first_weights(self) -> None:
        """Draw weights as in section 5; layers that start with a bias of 1 pass on something positive at once."""
        layers = [layer for layer in self.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
        for layer, bias in zip(layers, (0, 1, 0, 1, 1, 1, 1, 0), strict=True):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.constant_(layer.bias, bias)  # type: ignore[arg-type]  # every layer above has a bias


def alexnet(num_classes: int = 1000, in_channels: int = 3, *, dropout: float = 0.5) -> AlexNet:
    """Build the net whose weights are published under this name; the arguments are those of `AlexNet`."""
    return AlexNet(num_classes, in_channels, dropout=dropout)


def _he_weights(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # every layer above has a bias
