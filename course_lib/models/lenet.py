"""LeNet-5, the net that read the digits on bank cheques, and the plain version of it that people train today.

Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86(11), 1998: section II.B and table I (the net), appendix A (squashing, first weights),
section II.C and equation 9 (the loss).

Differs: the paper prints its ten 7×12 digits as a picture only; the digits below are drawn anew.
Differs: the net returns scores (the largest wins), which are the paper's penalties (the smallest wins) with a minus.
Differs: the paper was trained by stochastic diagonal Levenberg-Marquardt; any optimizer of torch works here.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from course_lib.models.inputs import check_arguments

__all__ = [
    "C3_TABLE",
    "DIGIT_CODES",
    "LeNet5",
    "PlainLeNet",
    "RadialBasis",
    "ScaledTanh",
    "SparseConv2d",
    "Subsample",
    "map_loss",
]

# Table I, column by column: the maps of S2 that each of the 16 maps of C3 reads.
C3_TABLE: tuple[tuple[int, ...], ...] = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),  # three neighbours
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),  # four neighbours
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),  # four with gaps
    (0, 1, 2, 3, 4, 5),  # all six
)  # fmt: skip

# The state of F6 that each digit asks for: a drawing of 7×12 pixels, # = +1, . = −1.
_DRAWINGS = """
.#####. ...##.. .#####. .#####. ....##. ####### ..####. ####### .#####. .#####.
##...## ..###.. ##...## ##...## ...###. ##..... .##.... .....## ##...## ##...##
##...## .####.. .....## .....## ..####. ##..... ##..... .....## ##...## ##...##
##...## ...##.. .....## .....## ..#.##. ##..... ##..... ....##. ##...## ##...##
##...## ...##.. ....##. .....## .##.##. ##..... ##..... ....##. .##.##. ##...##
##...## ...##.. ....##. ..####. .#..##. ######. ######. ...##.. ..###.. .######
##...## ...##.. ...##.. .....## ##..##. .....## ##...## ...##.. .##.##. .....##
##...## ...##.. ..##... .....## ####### .....## ##...## ..##... ##...## .....##
##...## ...##.. .##.... .....## ....##. .....## ##...## ..##... ##...## .....##
##...## ...##.. ##..... .....## ....##. .....## ##...## .##.... ##...## .....##
##...## ...##.. ##..... ##...## ....##. ##...## ##...## .##.... ##...## ....##.
.#####. .###### ####### .#####. ....##. .#####. .#####. .##.... .#####. .####..
"""
_ROWS = [line.split() for line in _DRAWINGS.split("\n")[1:-1]]  # 12 rows of ten words of 7 pixels
DIGIT_CODES: tuple[tuple[int, ...], ...] = tuple(
    tuple(1 if pixel == "#" else -1 for row in _ROWS for pixel in row[digit]) for digit in range(10)
)

PAPER_WHITE, PAPER_BLACK = -0.1, 1.175  # grey levels of empty paper and of full ink, which give mean ≈ 0, variance ≈ 1


class ScaledTanh(nn.Module):
    """The squashing of every layer up to F6: ``1.7159 · tanh(2/3 · a)``, so that f(1) = 1 and f(−1) = −1.

    References
    ----------
    LeCun et al. 1998, appendix A.

    Examples
    --------
    >>> ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0])).round(decimals=3)
    tensor([-1.,  0.,  1.])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Squash numbers of any shape into −1.7159 … 1.7159."""
        return 1.7159 * torch.tanh(2 / 3 * x)


class Subsample(nn.Module):
    """Sub-sampling: the sum of 2×2 neighbours, times a trained coefficient, plus a trained bias, one of each a map.

    Parameters
    ----------
    channels : int
        Maps that come in and go out, at least 1; the layer has ``2 · channels`` parameters. Before training it gives
        the mean (coefficient 1/4, bias 0); `LeNet5` draws both at random, as the paper did.

    References
    ----------
    LeCun et al. 1998, section II.B, layers S2 and S4. The squashing that follows is a layer of its own here.

    Examples
    --------
    >>> Subsample(6)(torch.zeros(1, 6, 28, 28)).shape
    torch.Size([1, 6, 14, 14])
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.sum = nn.AvgPool2d(kernel_size=2, divisor_override=1)  # a mean that is divided by 1: a sum
        self.coefficient = nn.Parameter(torch.full((channels, 1, 1), 0.25))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Halve the height and the width: (B, C, H, W) → (B, C, H/2, W/2)."""
        return self.coefficient * self.sum(x) + self.bias


class SparseConv2d(nn.Conv2d):
    """A convolution whose maps read only some of the maps before: one kernel for each entry of the table.

    The kernels are put into a full set of kernels whose others are zero, and one convolution does the rest. It adds up
    many zeros (240,000 products an image for the 150,000 of layer C3), and is still about eight times as fast as
    sixteen small convolutions.

    Parameters
    ----------
    table : sequence of sequences of int
        For each output map, the input maps that it reads.
    kernel_size : int
        Height and width of the kernels in pixels, at least 1.

    References
    ----------
    LeCun et al. 1998, table I (layer C3).

    Examples
    --------
    >>> c3 = SparseConv2d(C3_TABLE, kernel_size=5)
    >>> c3.weight.shape, c3.bias.shape, c3(torch.zeros(1, 6, 14, 14)).shape
    (torch.Size([60, 5, 5]), torch.Size([16]), torch.Size([1, 16, 10, 10]))
    """

    places: Tensor

    def __init__(self, table: Sequence[Sequence[int]], kernel_size: int) -> None:
        super().__init__(1 + max(map(max, table)), len(table), kernel_size)
        places = torch.tensor([(output, read) for output, reads in enumerate(table) for read in reads]).T
        self.register_buffer("places", places, persistent=False)  # (2, kernels): output map, input map
        self.weight = nn.Parameter(self.weight.detach()[tuple(places)])  # (kernels, k, k)

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Convolve (B, C, H, W) → (B, rows of the table, H − k + 1, W − k + 1); `forward` of torch calls this."""
        full = weight.new_zeros(self.out_channels, self.in_channels, *self.kernel_size)
        return super()._conv_forward(x, full.index_put(tuple(self.places), weight), bias)


class RadialBasis(nn.Module):
    """The output units: the squared distance between the state of F6 and the fixed code of each class.

    Parameters
    ----------
    codes : (K, F) tensor of +1 and −1
        One code a class. They are a buffer: saved with the net, moved with it, never trained.

    References
    ----------
    LeCun et al. 1998, equation 7.
    """

    codes: Tensor

    def __init__(self, codes: Tensor) -> None:
        super().__init__()
        self.register_buffer("codes", codes)

    def forward(self, x: Tensor) -> Tensor:
        """Give the penalty of each class, 0 for a perfect match: (B, F) → (B, K)."""
        return (x[:, None, :] - self.codes).square().sum(dim=2)


class LeNet5(nn.Module):
    """LeNet-5 as published: 60,000 trained numbers behind 340,908 connections, since maps share their weights.

    Parameters
    ----------
    num_classes : int
        2 to 10; with fewer than 10, the digits 0 … num_classes − 1.

    References
    ----------
    LeCun et al. 1998, section II.B.

    Examples
    --------
    >>> net = LeNet5()
    >>> net(torch.zeros(2, 1, 32, 32)).shape, sum(p.numel() for p in net.parameters())
    (torch.Size([2, 10]), 60000)
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        if not 2 <= num_classes <= len(DIGIT_CODES):
            raise ValueError(f"LeNet5 has codes for 2 to 10 digits, got num_classes={num_classes}: use PlainLeNet")
        self.squash = ScaledTanh()  #                                         (B,   1, 32, 32)       parameters
        self.c1 = nn.Conv2d(1, 6, kernel_size=5)  #                           (B,   6, 28, 28)       156
        self.s2 = Subsample(6)  #                                             (B,   6, 14, 14)       12
        self.c3 = SparseConv2d(C3_TABLE, kernel_size=5)  #                    (B,  16, 10, 10)       1,516
        self.s4 = Subsample(16)  #                                            (B,  16,  5,  5)       32
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)  #                        (B, 120,  1,  1)       48,120
        self.f6 = nn.Linear(120, 84)  #                                       (B,  84)               10,164
        self.output = RadialBasis(torch.tensor(DIGIT_CODES[:num_classes], dtype=torch.float32))  # (B, num_classes)
        self.apply(_first_weights)

    def features(self, x: Tensor) -> Tensor:
        """Give the state of F6, which training draws towards the 7×12 code of the digit.

        Parameters
        ----------
        x : (B, 1, 32, 32) floating-point tensor, 0 (paper) … 1 (ink)

        Returns
        -------
        (B, 84) tensor, −1.7159 … 1.7159

        Raises
        ------
        TypeError, ValueError
            If x is not such a batch.
        """
        _check_images(x, channels=1)
        x = PAPER_WHITE + (PAPER_BLACK - PAPER_WHITE) * x
        x = self.squash(self.c1(x))  # (B, 6, 28, 28)
        x = self.squash(self.s2(x))  # (B, 6, 14, 14)
        x = self.squash(self.c3(x))  # (B, 16, 10, 10)
        x = self.squash(self.s4(x))  # (B, 16, 5, 5)
        x = self.squash(self.c5(x))  # (B, 120, 1, 1)
        x = torch.flatten(x, start_dim=1)  # (B, 120)
        return self.squash(self.f6(x))  # (B, 84)

    def penalties(self, x: Tensor) -> Tensor:
        """Give the paper's own outputs: how far each image is from each class; the smallest wins.

        Parameters
        ----------
        x : (B, 1, 32, 32) floating-point tensor, 0 (paper) … 1 (ink)

        Returns
        -------
        (B, num_classes) tensor, 0 (a perfect match) … 620 (= 84 · 2.7159²)
        """
        return self.output(self.features(x))

    def forward(self, x: Tensor) -> Tensor:
        """Give scores, the largest wins: (B, 1, 32, 32) → (B, num_classes)."""
        return -self.penalties(x)  # Differs: the sign, so that scores are read as those of any other net


class PlainLeNet(nn.Module):
    """What people train today under the name of LeNet: full connections, ReLU, maximum pooling, a linear output.

    Differs: C3 reads all six maps (2,416 parameters for 1,516), pooling has no parameters (0 for 12 and 32), the
    output is a trained linear layer (850 for 0), the first weights are torch's, the grey levels are not rescaled.

    Parameters
    ----------
    num_classes : int
        At least 1.
    in_channels : int
        1 for grey images, 3 for colour.
    activation, pooling : layers that are made without arguments, and with a kernel size
        ``activation=nn.Tanh, pooling=nn.AvgPool2d`` stays closer to 1998.

    Examples
    --------
    >>> net = PlainLeNet()
    >>> net(torch.zeros(2, 1, 32, 32)).shape, sum(p.numel() for p in net.parameters())
    (torch.Size([2, 10]), 61706)
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 1,
        *,
        activation: Callable[[], nn.Module] = nn.ReLU,
        pooling: Callable[[int], nn.Module] = nn.MaxPool2d,
    ) -> None:
        super().__init__()
        check_arguments(num_classes=num_classes, in_channels=in_channels)
        self.in_channels = in_channels
        self.activation = activation()  #                                     (B, in_channels, 32, 32)
        self.c1 = nn.Conv2d(in_channels, 6, kernel_size=5)  #                 (B,   6, 28, 28)
        self.s2 = pooling(2)  #                                               (B,   6, 14, 14)
        self.c3 = nn.Conv2d(6, 16, kernel_size=5)  #                          (B,  16, 10, 10)
        self.s4 = pooling(2)  #                                               (B,  16,  5,  5)
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)  #                        (B, 120,  1,  1)
        self.f6 = nn.Linear(120, 84)  #                                       (B,  84)
        self.output = nn.Linear(84, num_classes)  #                           (B, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Give scores, the largest wins: (B, in_channels, 32, 32) → (B, num_classes)."""
        _check_images(x, channels=self.in_channels)
        x = self.s2(self.activation(self.c1(x)))  # (B, 6, 14, 14)
        x = self.s4(self.activation(self.c3(x)))  # (B, 16, 5, 5)
        x = self.activation(self.c5(x))  # (B, 120, 1, 1)
        x = torch.flatten(x, start_dim=1)  # (B, 120)
        x = self.activation(self.f6(x))  # (B, 84)
        return self.output(x)  # (B, num_classes)


def map_loss(scores: Tensor, labels: Tensor, *, rubbish: float = 10.0) -> Tensor:
    """Pull the penalty of the true class down and push the others up: equation 9, "maximum a posteriori".

    With y the penalties and d the true class, it is the mean over images of ``y_d + log(exp(−j) + Σ_k exp(−y_k))``:
    the cross entropy of the scores with one more score, −j, beside them.

    So the constant j is the penalty of an eleventh class, "rubbish", that fits every image equally. It works twice.
    The true class has to beat it, which pulls F6 close to the code (until y_d is well below j). And a wrong class whose
    penalty is far above j is left in peace: exp(−y_k) is nothing beside exp(−j). ``rubbish=float("inf")`` leaves the
    term out, and plain cross entropy remains.

    Parameters
    ----------
    scores : (B, K) tensor, what `LeNet5` returns (minus the penalties)
    labels : (B,) int64 tensor, 0 … K − 1
    rubbish : float
        The constant j, larger than 0. The paper gives no number. Two codes lie at least 52 apart, and a silent F6
        (all zeros) is 84 from each, so a useful j is well below both.

    Returns
    -------
    Scalar tensor, at least 0; NaN for an empty batch.

    Raises
    ------
    ValueError
        If ``rubbish`` is not larger than 0, or the shapes do not belong together.

    References
    ----------
    LeCun et al. 1998, section II.C, equation 9.

    Examples
    --------
    >>> scores, labels = torch.tensor([[0.0, -4.0]]), torch.tensor([0])
    >>> [round(map_loss(scores, labels, rubbish=j).item(), 4) for j in (1.0, float("inf"))]
    [0.3266, 0.0181]
    """
    if not rubbish > 0:
        raise ValueError(f"rubbish is a penalty larger than 0 (infinity leaves it out), got {rubbish}")
    if scores.ndim != 2 or labels.shape != scores.shape[:1]:
        raise ValueError(f"scores (B, K) need labels (B,), got {tuple(scores.shape)} and {tuple(labels.shape)}")
    true_scores = scores.gather(1, labels[:, None]).squeeze(1)  # (B,)
    with_rubbish = torch.cat([scores, torch.full_like(scores[:, :1], -rubbish)], dim=1)  # (B, K + 1)
    return (with_rubbish.logsumexp(dim=1) - true_scores).mean()


def _first_weights(layer: nn.Module) -> None:
    """Draw weights and biases uniformly from ±2.4 / fan-in (appendix A); fan-in = inputs of one unit."""
    if isinstance(layer, SparseConv2d):
        with torch.no_grad():
            for output in range(layer.out_channels):
                own = layer.places[0] == output
                limit = 2.4 / layer.weight[own].numel()
                layer.weight[own] = torch.empty_like(layer.weight[own]).uniform_(-limit, limit)
                layer.bias[output].uniform_(-limit, limit)  # type: ignore[index]  # it has biases
    elif isinstance(layer, nn.Conv2d | nn.Linear):
        _fill_uniformly(2.4 / layer.weight[0].numel(), layer.weight, layer.bias)
    elif isinstance(layer, Subsample):
        _fill_uniformly(2.4 / 4, layer.coefficient, layer.bias)


def _fill_uniformly(limit: float, *parameters: Tensor | None) -> None:
    for parameter in parameters:
        if parameter is not None:  # a convolution may be without bias
            nn.init.uniform_(parameter, -limit, limit)


def _check_images(x: Tensor, *, channels: int) -> None:
    wanted = f"wanted images of shape (B, {channels}, 32, 32)"
    if not isinstance(x, Tensor) or not x.is_floating_point():
        came = f"{x.dtype}" if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"{wanted} as a floating-point tensor from 0 to 1, got {came}: convert them first")
    shape = tuple(x.shape)
    if x.ndim != 4:
        raise ValueError(
            f"{wanted}, got {shape}: a single image becomes a batch of one by image.reshape(1, {channels}, 32, 32)"
        )
    if x.shape[1] != channels:
        raise ValueError(f"{wanted}, got {shape}: that is {x.shape[1]} channels, and the first layer reads {channels}")
    if x.shape[2:] != (32, 32):
        raise ValueError(f"{wanted}, got {shape}: pad or resize to 32×32 (28×28 digits: padding of 2 on each side)")
