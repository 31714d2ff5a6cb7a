"""GoogLeNet: 22 layers of branches side by side, with fewer parameters than AlexNet; as printed and as downloaded.

Source: C. Szegedy, W. Liu, Y. Jia, P. Sermanet, S. Reed, D. Anguelov, D. Erhan, V. Vanhoucke, A. Rabinovich, "Going
deeper with convolutions", CVPR 2015: table 1 (the widths), figure 2b (the module), figure 3 (the whole net), section 5
(the auxiliary heads). Label smoothing: C. Szegedy et al., "Rethinking the Inception architecture for computer vision",
CVPR 2016, section 7.

`googlenet_paper` is the net of the paper.
Differs: the paper gives no constants of local response normalisation; 5 channels, α = 0.0001, β = 0.75, k = 1 are those
of Caffe's GoogLeNet.
Differs: the paper is made for 224²; where the 5×5/3 pooling of a head does not give 4×4, it is averaged to 4×4.

`googlenet` is the net whose weights are published, and where it is another net, its constructor says `Differs:`.

Differs, in both: the paper names no first weights; convolutions have those of He et al. 2015, dense layers torch's own.
(The published net was drawn from a normal distribution of standard deviation 0.01, which batch norm makes harmless.)
Differs, in both: scores come out, not probabilities; the soft-max is in the loss.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.models.inputs import check_arguments, check_batch

__all__ = [
    "GOOGLENET_TABLE",
    "AuxiliaryHead",
    "AuxiliaryScores",
    "ConvBatchNorm",
    "ConvReLU",
    "GoogLeNet",
    "GoogLeNetForm",
    "InceptionModule",
    "auxiliary_cross_entropy",
    "googlenet",
    "googlenet_paper",
]

Widths = tuple[int, int, int, int, int, int]

# Table 1, the rows of the inception modules.
GOOGLENET_TABLE: dict[str, Widths] = {
    # 1×1, 3×3 reduce, 3×3, 5×5 reduce, 5×5, pool proj
    "3a": (64, 96, 128, 16, 32, 32),  # (B, 256, 28, 28)
    "3b": (128, 128, 192, 32, 96, 64),  # (B, 480, 28, 28)
    "4a": (192, 96, 208, 16, 48, 64),  # (B, 512, 14, 14)
    "4b": (160, 112, 224, 24, 64, 64),  # (B, 512, 14, 14)
    "4c": (128, 128, 256, 24, 64, 64),  # (B, 512, 14, 14)
    "4d": (112, 144, 288, 32, 64, 64),  # (B, 528, 14, 14)
    "4e": (256, 160, 320, 32, 128, 128),  # (B, 832, 14, 14)
    "5a": (256, 160, 320, 32, 128, 128),  # (B, 832, 7, 7)
    "5b": (384, 192, 384, 48, 128, 128),  # (B, 1024, 7, 7)
}


class AuxiliaryScores(TypedDict):
    """What a net with auxiliary heads gives in training: named scores, each (B, num_classes)."""

    scores: Tensor
    aux1: Tensor
    aux2: NotRequired[Tensor]


class ConvReLU(nn.Module):
    """A convolution with biases and the positive part of its result: the unit of the paper.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size, stride, padding : int or pair of int
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]  # it has one

    def forward(self, x: Tensor) -> Tensor:
        """Filter and cut: (B, in_channels, H, W) → (B, out_channels, H', W')."""
        return F.relu(self.conv(x), inplace=True)


class ConvBatchNorm(nn.Module):
    """A convolution without biases, batch normalisation, and the positive part: the unit of the published nets.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size, stride, padding : int or pair of int
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Filter, normalise and cut: (B, in_channels, H, W) → (B, out_channels, H', W')."""
        return F.relu(self.bn(self.conv(x)), inplace=True)


class InceptionModule(nn.Module):
    """Four branches on the same input, one behind the other in the output: 1×1, 3×3, 5×5, and a pooled copy.

    A 1×1 convolution first brings down the number of channels, so that the larger kernels have less to do: the 5×5
    branch of module 4a takes 5.3 million multiplications for 112.9 million.

    Parameters
    ----------
    in_channels : int
    widths : six int
        A row of table 1: 1×1, 3×3 reduce, 3×3, 5×5 reduce, 5×5, pool proj.
    conv : ConvReLU or ConvBatchNorm
    large_kernel : int
        Kernel of the third branch: 5 in the paper.

    References
    ----------
    Szegedy et al. 2015, figure 2b.

    Examples
    --------
    >>> InceptionModule(192, GOOGLENET_TABLE["3a"], conv=ConvReLU)(torch.zeros(1, 192, 28, 28)).shape
    torch.Size([1, 256, 28, 28])
    """

    def __init__(
        self, in_channels: int, widths: Widths, *, conv: Callable[..., nn.Module], large_kernel: int = 5
    ) -> None:
        super().__init__()
        ones, reduce3, threes, reduce5, fives, pooled = widths
        self.branch1 = conv(in_channels, ones, kernel_size=1)
        self.branch2 = nn.Sequential(
            conv(in_channels, reduce3, kernel_size=1),
            conv(reduce3, threes, kernel_size=3, padding=1),
        )
        self.branch3 = nn.Sequential(
            conv(in_channels, reduce5, kernel_size=1),
            conv(reduce5, fives, kernel_size=large_kernel, padding=large_kernel // 2),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1),
            conv(in_channels, pooled, kernel_size=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Look with all four: (B, in_channels, H, W) → (B, 1×1 + 3×3 + 5×5 + pool proj, H, W)."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


class AuxiliaryHead(nn.Module):
    """A small classifier on maps halfway: in training it brings the gradient there by a shorter way.

    Parameters
    ----------
    in_channels, num_classes : int
    conv : ConvReLU or ConvBatchNorm
    pool : layer
        (B, in_channels, H, W) → (B, in_channels, 4, 4).
    dropout : float
        Share of the 1024 units that are left out in training, 0 … 1.

    References
    ----------
    Szegedy et al. 2015, section 5.
    """

    def __init__(
        self, in_channels: int, num_classes: int, *, conv: Callable[..., nn.Module], pool: nn.Module, dropout: float
    ) -> None:
        super().__init__()
        self.pool = pool  #                                     (B, in_channels, 4, 4)
        self.conv = conv(in_channels, 128, kernel_size=1)  #    (B, 128, 4, 4)
        self.fc1 = nn.Linear(2048, 1024)  #                     (B, 1024)
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(1024, num_classes)  #              (B, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Give scores from what is known halfway: (B, in_channels, H, W) → (B, num_classes)."""
        x = torch.flatten(self.conv(self.pool(x)), start_dim=1)  # (B, 2048)
        x = F.relu(self.fc1(x), inplace=True)  # (B, 1024)
        return self.fc2(self.dropout(x))  # (B, num_classes)


@dataclass(frozen=True)
class GoogLeNetForm:
    """What the net of the paper and the published one do not share.

    Attributes
    ----------
    conv : ConvReLU or ConvBatchNorm
    large_kernel : int
        Kernel of the third branch of each module.
    normalize : callable that makes a layer
        Between the first layers (figure 3, "LocalRespNorm").
    last_pool : int
        Kernel of the maximum pooling before module 5a.
    head_pool : callable that makes a layer
        How an auxiliary head gets its 4×4 maps.
    min_size, min_size_with_heads : int
        Smallest height and width in pixels; the second for training with auxiliary heads.
    """

    conv: Callable[..., nn.Module]
    large_kernel: int
    normalize: Callable[[], nn.Module]
    last_pool: int
    head_pool: Callable[[], nn.Module]
    min_size: int
    min_size_with_heads: int


class GoogLeNet(nn.Module):
    """Table 1 of the paper, in one of its two forms; `googlenet_paper` and `googlenet` make them.

    Parameters
    ----------
    form : GoogLeNetForm
    num_classes, in_channels : int
        At least 1.
    aux : bool
        With the two auxiliary heads, or without them.
    dropout, dropout_aux : float
        Share of the units left out in training, before the last layer and in the heads, 0 … 1.

    Raises
    ------
    ValueError
        If there is no class or no channel.

    References
    ----------
    Szegedy et al. 2015, table 1 and figure 3.
    """

    def __init__(
        self,
        form: GoogLeNetForm,
        num_classes: int = 1000,
        in_channels: int = 3,
        *,
        aux: bool = True,
        dropout: float = 0.4,
        dropout_aux: float = 0.7,
    ) -> None:
        super().__init__()
        check_arguments(num_classes=num_classes, in_channels=in_channels)
        self.in_channels, self.min_size, self.min_size_with_heads = in_channels, form.min_size, form.min_size_with_heads

        def inception(name: str, in_channels: int) -> InceptionModule:
            widths = GOOGLENET_TABLE[name]
            return InceptionModule(in_channels, widths, conv=form.conv, large_kernel=form.large_kernel)

        def head(in_channels: int) -> AuxiliaryHead:
            pool = form.head_pool()
            return AuxiliaryHead(in_channels, num_classes, conv=form.conv, pool=pool, dropout=dropout_aux)

        self.conv1 = form.conv(in_channels, 64, kernel_size=7, stride=2, padding=3)  # (B, 64, 112, 112)
        self.maxpool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)  #       (B, 64, 56, 56)
        self.norm1 = form.normalize()
        self.conv2 = form.conv(64, 64, kernel_size=1)  #                               (B, 64, 56, 56)
        self.conv3 = form.conv(64, 192, kernel_size=3, padding=1)  #                   (B, 192, 56, 56)
        self.norm2 = form.normalize()
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)  #       (B, 192, 28, 28)
        self.inception3a = inception("3a", 192)  #                                     (B, 256, 28, 28)
        self.inception3b = inception("3b", 256)  #                                     (B, 480, 28, 28)
        self.maxpool3 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)  #       (B, 480, 14, 14)
        self.inception4a = inception("4a", 480)  #                                     (B, 512, 14, 14)
        self.inception4b = inception("4b", 512)  #                                     (B, 512, 14, 14)
        self.inception4c = inception("4c", 512)  #                                     (B, 512, 14, 14)
        self.inception4d = inception("4d", 512)  #                                     (B, 528, 14, 14)
        self.inception4e = inception("4e", 528)  #                                     (B, 832, 14, 14)
        self.maxpool4 = nn.MaxPool2d(form.last_pool, stride=2, ceil_mode=True)  #      (B, 832, 7, 7)
        self.inception5a = inception("5a", 832)  #                                     (B, 832, 7, 7)
        self.inception5b = inception("5b", 832)  #                                     (B, 1024, 7, 7)
        self.aux1 = head(512) if aux else None  #                                      (B, num_classes), after 4a
        self.aux2 = head(528) if aux else None  #                                      (B, num_classes), after 4d
        self.avgpool = nn.AdaptiveAvgPool2d(1)  #                                      (B, 1024, 1, 1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes)  #                                      (B, num_classes)

    def forward(self, x: Tensor) -> Tensor | AuxiliaryScores:
        """Give scores, the largest wins.

        Parameters
        ----------
        x : (B, in_channels, H, W) floating-point tensor

        Returns
        -------
        (B, num_classes) tensor; in training with auxiliary heads a dict of three: ``scores``, ``aux1``, ``aux2``.

        Raises
        ------
        TypeError, ValueError
            If x is not such a batch, or too small.
        """
        with_heads = self.training and self.aux1 is not None
        min_size = self.min_size_with_heads if with_heads else self.min_size
        check_batch(x, channels=self.in_channels, min_size=min_size)
        x = self.norm1(self.maxpool1(self.conv1(x)))  # (B, 64, 56, 56)
        x = self.maxpool2(self.norm2(self.conv3(self.conv2(x))))  # (B, 192, 28, 28)
        x = self.maxpool3(self.inception3b(self.inception3a(x)))  # (B, 480, 14, 14)
        after_4a = self.inception4a(x)  # (B, 512, 14, 14)
        after_4d = self.inception4d(self.inception4c(self.inception4b(after_4a)))  # (B, 528, 14, 14)
        x = self.maxpool4(self.inception4e(after_4d))  # (B, 832, 7, 7)
        x = self.inception5b(self.inception5a(x))  # (B, 1024, 7, 7)
        x = torch.flatten(self.avgpool(x), start_dim=1)  # (B, 1024)
        scores = self.fc(self.dropout(x))  # (B, num_classes)
        if not self.training or self.aux1 is None or self.aux2 is None:
            return scores
        return {"scores": scores, "aux1": self.aux1(after_4a), "aux2": self.aux2(after_4d)}


def auxiliary_cross_entropy(
    outputs: Tensor | Mapping[str, Any], labels: Tensor, *, weight: float = 0.3, label_smoothing: float = 0.0
) -> Tensor:
    """Cross entropy of the scores, plus a fraction of that of each auxiliary head: the loss of GoogLeNet and Inception.

    It is ``H(scores) + weight · Σ H(head)``, and for a tensor, which nets give outside training, ``H(scores)`` alone.
    H is the mean over images of ``−Σ_k q_k log p_k``, with p the soft-max of the scores and q the target: 1 for the
    true class y and 0 for all others.

    Label smoothing takes a share ε from the true class and gives it to all K classes alike:

        q_k = (1 − ε) · [k = y] + ε / K

    With q of only 0 and 1, the loss falls for ever as the score of the true class grows away from the others. With
    ε = 0.1 it is lowest where that class has p = 0.9 + 0.1 / K, so a net is not pushed to be surer than that.

    Parameters
    ----------
    outputs : (B, K) tensor, or dict of them with ``scores`` and heads
        What `googlenet`, `inception_v3` and others return.
    labels : (B,) int64 tensor, 0 … K − 1
    weight : float
        Of each head, at least 0. GoogLeNet has 0.3.
    label_smoothing : float
        The share ε, 0 … 1. Inception v3 has 0.1.

    Returns
    -------
    Scalar tensor, at least 0; NaN for an empty batch.

    Raises
    ------
    ValueError
        If ``weight`` or ``label_smoothing`` is out of range, or there are no ``scores`` among the outputs.

    References
    ----------
    Szegedy et al. 2015, section 5 (heads); Szegedy et al. 2016, section 7 (label smoothing).

    Examples
    --------
    >>> outputs, labels = {"scores": torch.zeros(1, 2), "aux1": torch.zeros(1, 2)}, torch.tensor([1])
    >>> auxiliary_cross_entropy(outputs, labels)  # 1.3 · log 2
    tensor(0.9011)
    """
    if not weight >= 0 or not 0 <= label_smoothing <= 1:
        came = f"weight={weight}, label_smoothing={label_smoothing}"
        raise ValueError(f"weight is at least 0 and label_smoothing from 0 to 1, got {came}")
    named = {"scores": outputs} if isinstance(outputs, Tensor) else outputs
    if not isinstance(named, Mapping) or "scores" not in named:
        came = f"a dict of {list(named)}" if isinstance(named, Mapping) else type(named).__name__
        raise ValueError(f"outputs are a tensor of scores, or a dict with 'scores' and auxiliary heads, got {came}")
    losses = {name: F.cross_entropy(each, labels, label_smoothing=label_smoothing) for name, each in named.items()}
    scores_loss = losses.pop("scores")
    return scores_loss + weight * sum(losses.values())


_PAPER = GoogLeNetForm(
    conv=ConvReLU,
    large_kernel=5,
    normalize=lambda: nn.LocalResponseNorm(size=5, alpha=0.0001, beta=0.75, k=1.0),
    last_pool=3,
    head_pool=lambda: nn.Sequential(nn.AvgPool2d(kernel_size=5, stride=3), nn.AdaptiveAvgPool2d(4)),
    min_size=31,
    min_size_with_heads=79,
)
_PUBLISHED = GoogLeNetForm(
    conv=ConvBatchNorm,  #      Differs: batch norm, and no biases
    large_kernel=3,  #          Differs: the "5×5" branch has kernels of 3×3
    normalize=nn.Identity,  #   Differs: no local response normalisation, since batch norm is there
    last_pool=2,  #             Differs: the last maximum pooling has windows of 2×2 for 3×3
    head_pool=lambda: nn.AdaptiveAvgPool2d(4),  # Differs: 4×4 windows of equal size, for any input, for 5×5/3
    min_size=15,
    min_size_with_heads=15,
)


def googlenet_paper(
    num_classes: int = 1000, in_channels: int = 3, *, aux: bool = True, dropout: float = 0.4, dropout_aux: float = 0.7
) -> GoogLeNet:
    """Make GoogLeNet as it was printed: 6,998,552 parameters, 13,378,280 with its two auxiliary heads.

    The input has 31 pixels or more along each axis, 79 in training with heads; the paper has 224.

    Parameters
    ----------
    num_classes, in_channels, aux, dropout, dropout_aux
        See `GoogLeNet`.

    Returns
    -------
    GoogLeNet

    References
    ----------
    Szegedy et al. 2015, table 1.

    Examples
    --------
    >>> from course_lib.summary import summarize
    >>> with torch.device("meta"):  # sizes only, nothing is calculated
    ...     summary = summarize(googlenet_paper(aux=False), torch.zeros(1, 3, 224, 224), depth=1)
    >>> [(row.name, row.output_shape) for row in summary.rows if "inception4" in row.name][:2]
    [('inception4a', (1, 512, 14, 14)), ('inception4b', (1, 512, 14, 14))]
    >>> summary.parameters, summary.macs
    (6998552, 1582671872)
    """
    return GoogLeNet(_PAPER, num_classes, in_channels, aux=aux, dropout=dropout, dropout_aux=dropout_aux)


def googlenet(
    num_classes: int = 1000, in_channels: int = 3, *, aux: bool = True, dropout: float = 0.2, dropout_aux: float = 0.7
) -> GoogLeNet:
    """Make GoogLeNet as its published weights want it: 6,624,904 parameters, 13,004,888 with its two auxiliary heads.

    The input has 15 pixels or more along each axis; the paper has 224. The published weights were trained on colours
    scaled to −1 … 1 (mean and standard deviation 0.5); the net itself changes nothing about its input.

    Differs: batch norm (ε = 0.001) for biases and for local response normalisation; kernels of 3×3 in the "5×5" branch;
    windows of 2×2 in the last maximum pooling; heads with windows of equal size; dropout of 0.2 for 0.4.

    Parameters
    ----------
    num_classes, in_channels, aux, dropout, dropout_aux
        See `GoogLeNet`.

    Returns
    -------
    GoogLeNet

    References
    ----------
    Szegedy et al. 2015, table 1.

    Examples
    --------
    >>> from course_lib.summary import summarize
    >>> with torch.device("meta"):  # sizes only, nothing is calculated
    ...     summary = summarize(googlenet(aux=False), torch.zeros(1, 3, 224, 224), depth=1)
    >>> summary.parameters, summary.macs
    (6624904, 1498376192)
    """
    return GoogLeNet(_PUBLISHED, num_classes, in_channels, aux=aux, dropout=dropout, dropout_aux=dropout_aux)
