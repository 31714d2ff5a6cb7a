"""Inception v2 and v3: large kernels taken apart into small ones, and grids halved without a bottleneck.

Source: C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, "Rethinking the Inception architecture for computer
vision", CVPR 2016: table 1 (the net), figures 5 to 7 (the modules), 8 (the auxiliary head), 10 (the grid reduction),
section 7 (label smoothing: see `course_lib.models.googlenet.auxiliary_cross_entropy`).

`inception_v2` is table 1, row by row.
Differs: the paper prints how wide the grids are (288, 768, 1280, 2048), and leaves the widths of the branches to a file
beside it; those here are of the published v3, with the first ones of the two grid reductions and a fifth module on the
17×17 grid (128, 160, 160, 160, 192) chosen to fit.
Differs: the row "conv 3×3/1" before the modules is padded, or the 35×35 of the next row would be 33×33; the table does
not mark it so.
Differs: table 1 has the first layer as three kernels of 3×3 already, and table 3 counts that step ("factorized 7×7") to
v3, as it does the batch norm in the dense layer of the head; here v2 has the first and not the second.
Differs: so it takes 4.1 times the multiplications of GoogLeNet, where the paper says "about 2.5" (published v3: 3.6).

`inception_v3` is the net whose weights are published.
Differs: its rows before the modules are 1×1 (80), 3×3 (192) and a maximum pooling, for three 3×3 (80, 192/2, 288).
Differs: on the 35×35 grid one branch has a kernel of 5×5 where figure 5 has 3×3.
Differs: four modules on the 17×17 grid for five; their long branch begins with 7×1, where figure 6 begins with 1×7.
Differs: the first grid reduction lacks a 1×1 of figure 10, and the second has 1×7 and 7×1 in the place of a 3×3.
Differs: the head has 768 units for 1024.
Differs: 48 layers lie between image and scores (the paper says 42 of its own net, 22 of GoogLeNet's).

Differs, in both: the paper names no first weights; convolutions have those of He et al. 2015, dense layers torch's own.
(The published net was drawn from truncated normal distributions of standard deviation 0.1, in the head 0.01 and 0.001.)
Differs, in both: dropout of 0.5 before the last layer, as in the published v3; the paper is silent.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_lib.models.googlenet import AuxiliaryScores, ConvBatchNorm, ConvReLU
from course_lib.models.inputs import check_arguments, check_batch

__all__ = [
    "INCEPTION_V2_TABLE",
    "INCEPTION_V3_TABLE",
    "BatchNormHead",
    "Conv",
    "Head",
    "Inception",
    "MaxPool",
    "Mixed",
    "ParallelBranches",
    "inception_v2",
    "inception_v3",
]


class Conv(NamedTuple):
    """A row of a table: convolution, batch norm, ReLU."""

    width: int
    kernel_size: int | tuple[int, int]
    stride: int = 1
    padding: int | tuple[int, int] = 0


class MaxPool(NamedTuple):
    """A row of a table: maximum pooling without padding."""

    kernel_size: int
    stride: int


class Mixed(NamedTuple):
    """A row of a table: branches on the same input, by their names; a branch may end in a pair of convolutions."""

    branches: Mapping[str, Sequence[Conv | tuple[Conv, Conv]]]
    pool: Callable[[], nn.Module]  # what the branch named "branch_pool" does first


class Head(NamedTuple):
    """A row of a table: the auxiliary head stands beside the way, and looks at what comes by in training."""

    width: int
    conv: Callable[..., nn.Module]  # the unit of its dense layer


Row = Conv | MaxPool | Mixed | Head


def _valid(width: int, kernel_size: int, stride: int = 1) -> Conv:
    """Leave out what would look over the edge."""
    return Conv(width, kernel_size, stride)


def _same(width: int, kernel_size: int | tuple[int, int]) -> Conv:
    """Keep the size, with zeros around."""
    height, across = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    return Conv(width, kernel_size, padding=(height // 2, across // 2))


def _mean_of_neighbours() -> nn.Module:
    return nn.AvgPool2d(kernel_size=3, stride=1, padding=1)


def _halve() -> nn.Module:
    return nn.MaxPool2d(kernel_size=3, stride=2)


def _figure_5(pooled: int, *, kernel_size: int) -> Mixed:
    """Take 5×5 apart: two 3×3 see as far with 18 numbers for 25."""
    branches = {
        "branch1x1": [_same(64, 1)],
        "branch5x5": [_same(48, 1), _same(64, kernel_size)],
        "branch3x3dbl": [_same(64, 1), _same(96, 3), _same(96, 3)],
        "branch_pool": [_same(pooled, 1)],
    }
    return Mixed(branches, pool=_mean_of_neighbours)


def _figure_6(width: int, *, first: tuple[int, int], then: tuple[int, int]) -> Mixed:
    """Take n×n apart, n = 7: a row and a column see as far with 14 numbers for 49."""
    branches = {
        "branch1x1": [_same(192, 1)],
        "branch7x7": [_same(width, 1), _same(width, (1, 7)), _same(192, (7, 1))],
        "branch7x7dbl": [
            _same(width, 1), _same(width, first), _same(width, then), _same(width, first), _same(192, then)
        ],
        "branch_pool": [_same(192, 1)],
    }  # fmt: skip
    return Mixed(branches, pool=_mean_of_neighbours)


def _figure_7() -> Mixed:
    """Go wide where the grid is coarsest: row and column side by side, not one after the other."""
    row_and_column = (_same(384, (1, 3)), _same(384, (3, 1)))
    branches: dict[str, list[Conv | tuple[Conv, Conv]]] = {
        "branch1x1": [_same(320, 1)],
        "branch3x3": [_same(384, 1), row_and_column],
        "branch3x3dbl": [_same(448, 1), _same(384, 3), row_and_column],
        "branch_pool": [_same(192, 1)],
    }
    return Mixed(branches, pool=_mean_of_neighbours)


def _figure_10(width: int, long_width: int) -> Mixed:
    """Halve the grid by convolution and by pooling side by side: no bottleneck, and few channels at full size."""
    branches = {
        "branch3x3": [_same(192, 1), _valid(width, 3, stride=2)],
        "branch3x3dbl": [_same(192, 1), _same(long_width, 3), _valid(long_width, 3, stride=2)],
        "branch_pool": [],
    }
    return Mixed(branches, pool=_halve)


INCEPTION_V2_TABLE: dict[str, Row] = {
    "conv1": _valid(32, 3, stride=2),  #                        (B, 32, 149, 149)
    "conv2": _valid(32, 3),  #                                  (B, 32, 147, 147)
    "conv3": _same(64, 3),  #                                   (B, 64, 147, 147)
    "pool1": MaxPool(3, stride=2),  #                           (B, 64, 73, 73)
    "conv4": _valid(80, 3),  #                                  (B, 80, 71, 71)
    "conv5": _valid(192, 3, stride=2),  #                       (B, 192, 35, 35)
    "conv6": _same(288, 3),  #                                  (B, 288, 35, 35)
    "grid35_1": _figure_5(64, kernel_size=3),  #                (B, 288, 35, 35)
    "grid35_2": _figure_5(64, kernel_size=3),  #                (B, 288, 35, 35)
    "grid35_3": _figure_5(64, kernel_size=3),  #                (B, 288, 35, 35)
    "reduction17": _figure_10(384, 96),  #                      (B, 768, 17, 17)
    "grid17_1": _figure_6(128, first=(1, 7), then=(7, 1)),  #   (B, 768, 17, 17)
    "grid17_2": _figure_6(160, first=(1, 7), then=(7, 1)),  #   (B, 768, 17, 17)
    "grid17_3": _figure_6(160, first=(1, 7), then=(7, 1)),  #   (B, 768, 17, 17)
    "grid17_4": _figure_6(160, first=(1, 7), then=(7, 1)),  #   (B, 768, 17, 17)
    "grid17_5": _figure_6(192, first=(1, 7), then=(7, 1)),  #   (B, 768, 17, 17)
    "head": Head(1024, conv=ConvReLU),  #                       (B, num_classes)
    "reduction8": _figure_10(320, 192),  #                      (B, 1280, 8, 8)
    "grid8_1": _figure_7(),  #                                  (B, 2048, 8, 8)
    "grid8_2": _figure_7(),  #                                  (B, 2048, 8, 8)
}

INCEPTION_V3_TABLE: dict[str, Row] = {
    "Conv2d_1a_3x3": _valid(32, 3, stride=2),  #                (B, 32, 149, 149)
    "Conv2d_2a_3x3": _valid(32, 3),  #                          (B, 32, 147, 147)
    "Conv2d_2b_3x3": _same(64, 3),  #                           (B, 64, 147, 147)
    "maxpool1": MaxPool(3, stride=2),  #                        (B, 64, 73, 73)
    "Conv2d_3b_1x1": _same(80, 1),  #                           (B, 80, 73, 73)
    "Conv2d_4a_3x3": _valid(192, 3),  #                         (B, 192, 71, 71)
    "maxpool2": MaxPool(3, stride=2),  #                        (B, 192, 35, 35)
    "Mixed_5b": _figure_5(32, kernel_size=5),  #                (B, 256, 35, 35)
    "Mixed_5c": _figure_5(64, kernel_size=5),  #                (B, 288, 35, 35)
    "Mixed_5d": _figure_5(64, kernel_size=5),  #                (B, 288, 35, 35)
    "Mixed_6a": Mixed(
        {
            "branch3x3": [_valid(384, 3, stride=2)],
            "branch3x3dbl": [_same(64, 1), _same(96, 3), _valid(96, 3, stride=2)],
            "branch_pool": [],
        },
        pool=_halve,
    ),  #                                                       (B, 768, 17, 17)
    "Mixed_6b": _figure_6(128, first=(7, 1), then=(1, 7)),  #   (B, 768, 17, 17)
    "Mixed_6c": _figure_6(160, first=(7, 1), then=(1, 7)),  #   (B, 768, 17, 17)
    "Mixed_6d": _figure_6(160, first=(7, 1), then=(1, 7)),  #   (B, 768, 17, 17)
    "Mixed_6e": _figure_6(192, first=(7, 1), then=(1, 7)),  #   (B, 768, 17, 17)
    "AuxLogits": Head(768, conv=ConvBatchNorm),  #              (B, num_classes)
    "Mixed_7a": Mixed(
        {
            "branch3x3": [_same(192, 1), _valid(320, 3, stride=2)],
            "branch7x7x3": [_same(192, 1), _same(192, (1, 7)), _same(192, (7, 1)), _valid(192, 3, stride=2)],
            "branch_pool": [],
        },
        pool=_halve,
    ),  #                                                       (B, 1280, 8, 8)
    "Mixed_7b": _figure_7(),  #                                 (B, 2048, 8, 8)
    "Mixed_7c": _figure_7(),  #                                 (B, 2048, 8, 8)
}


class ParallelBranches(nn.Module):
    """A row of branches on the same input, one behind the other in the output.

    A convolution is named after its branch and its place in it, where there is more than one: ``branch5x5_2``; those
    that stand side by side at the end of a branch also have a letter: ``branch3x3_2a``, ``branch3x3_2b``.

    Parameters
    ----------
    in_channels : int
    row : Mixed

    Attributes
    ----------
    out_channels : int

    Examples
    --------
    >>> halved = ParallelBranches(288, INCEPTION_V3_TABLE["Mixed_6a"])
    >>> halved(torch.zeros(1, 288, 35, 35)).shape  # 384 and 96 by convolution, 288 by pooling
    torch.Size([1, 768, 17, 17])
    """

    def __init__(self, in_channels: int, row: Mixed) -> None:
        super().__init__()
        self.pool = row.pool()
        self.steps: dict[str, list[list[str]]] = {}  # of each branch, the names of the convolutions of each step
        self.out_channels = 0
        for branch, chain in row.branches.items():
            self.steps[branch], width = [], in_channels
            for number, step in enumerate(chain, start=1):
                name = f"{branch}_{number}" if len(chain) > 1 else branch
                convs = {name: step} if isinstance(step, Conv) else {name + "a": step[0], name + "b": step[1]}
                for each, conv in convs.items():
                    self.add_module(each, ConvBatchNorm(width, *conv))
                self.steps[branch].append(list(convs))
                width = sum(conv.width for conv in convs.values())
            self.out_channels += width

    def forward(self, x: Tensor) -> Tensor:
        """Follow each branch: (B, in_channels, H, W) → (B, out_channels, H', W')."""
        outputs = []
        for branch, steps in self.steps.items():
            ends = [self.pool(x) if branch == "branch_pool" else x]
            for names in steps:
                ends = [getattr(self, name)(ends[0]) for name in names]
            outputs += ends
        return torch.cat(outputs, dim=1)


class BatchNormHead(nn.Module):
    """The auxiliary head of figure 8, on the last 17×17 grid; its dense layer is a convolution as large as its grid.

    Parameters
    ----------
    in_channels, num_classes : int
    row : Head
    """

    def __init__(self, in_channels: int, num_classes: int, row: Head) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(kernel_size=5, stride=3)  #                (B, 768, 5, 5)
        self.conv0 = ConvBatchNorm(in_channels, 128, kernel_size=1)  #      (B, 128, 5, 5)
        self.conv1 = row.conv(128, row.width, kernel_size=5)  #             (B, width, 1, 1)
        self.avgpool = nn.AdaptiveAvgPool2d(1)  #                           (B, width, 1, 1), also for a larger image
        self.fc = nn.Linear(row.width, num_classes)  #                      (B, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Give scores from what is known here: (B, in_channels, 17, 17) or larger → (B, num_classes)."""
        x = self.conv1(self.conv0(self.pool(x)))  # (B, width, 1, 1)
        return self.fc(torch.flatten(self.avgpool(x), start_dim=1))  # (B, num_classes)


class Inception(nn.Module):
    """A table of rows as a net; `inception_v2` and `inception_v3` make the two of the paper.

    Parameters
    ----------
    table : dict of rows
        From the image to the last grid; each row is a layer of that name.
    num_classes, in_channels : int
        At least 1.
    aux : bool
        With the auxiliary head, or without it.
    dropout : float
        Share of the units before the last layer that are left out in training, 0 … 1.
    min_size, min_size_with_head : int
        Smallest height and width in pixels; the second for training with the auxiliary head.

    Raises
    ------
    ValueError
        If there is no class or no channel.
    """

    def __init__(
        self,
        table: Mapping[str, Row],
        num_classes: int = 1000,
        in_channels: int = 3,
        *,
        aux: bool = True,
        dropout: float = 0.5,
        min_size: int = 75,
        min_size_with_head: int = 299,
    ) -> None:
        super().__init__()
        check_arguments(num_classes=num_classes, in_channels=in_channels)
        self.in_channels, self.min_size, self.min_size_with_head = in_channels, min_size, min_size_with_head
        self.has_head = aux and any(isinstance(row, Head) for row in table.values())
        self.names = [name for name, row in table.items() if aux or not isinstance(row, Head)]
        channels = in_channels
        for name in self.names:
            match table[name]:
                case Conv() as row:
                    self.add_module(name, ConvBatchNorm(channels, *row))
                    channels = row.width
                case MaxPool() as row:
                    self.add_module(name, nn.MaxPool2d(*row))
                case Mixed() as row:
                    branches = ParallelBranches(channels, row)
                    self.add_module(name, branches)
                    channels = branches.out_channels
                case Head() as row:
                    self.add_module(name, BatchNormHead(channels, num_classes, row))
        self.avgpool = nn.AdaptiveAvgPool2d(1)  #       (B, 2048, 1, 1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, num_classes)  #   (B, num_classes)

    def forward(self, x: Tensor) -> Tensor | AuxiliaryScores:
        """Give scores, the largest wins.

        Parameters
        ----------
        x : (B, in_channels, H, W) floating-point tensor

        Returns
        -------
        (B, num_classes) tensor; in training with the auxiliary head a dict of two: ``scores``, ``aux1``.

        Raises
        ------
        TypeError, ValueError
            If x is not such a batch, or too small.
        """
        with_head = self.training and self.has_head
        check_batch(x, channels=self.in_channels, min_size=self.min_size_with_head if with_head else self.min_size)
        beside: list[Tensor] = []
        for name in self.names:
            layer = getattr(self, name)
            if not isinstance(layer, BatchNormHead):
                x = layer(x)
            elif self.training:
                beside.append(layer(x))
        x = torch.flatten(self.avgpool(x), start_dim=1)  # (B, 2048)
        scores = self.fc(self.dropout(x))  # (B, num_classes)
        return {"scores": scores, "aux1": beside[0]} if beside else scores


def inception_v2(num_classes: int = 1000, in_channels: int = 3, *, aux: bool = True, dropout: float = 0.5) -> Inception:
    """Make Inception v2, table 1 of the paper: 25,641,160 parameters, 30,042,544 with the auxiliary head.

    The input has 75 pixels or more along each axis, 299 in training with the head; the paper has 299.

    Parameters
    ----------
    num_classes, in_channels, aux, dropout
        See `Inception`.

    Returns
    -------
    Inception

    References
    ----------
    Szegedy et al. 2016, table 1.

    Examples
    --------
    >>> from course_lib.summary import summarize
    >>> with torch.device("meta"):  # sizes only, nothing is calculated
    ...     summary = summarize(inception_v2(aux=False), torch.zeros(1, 3, 299, 299), depth=1)
    >>> summary.parameters, summary.macs
    (25641160, 6451782240)
    """
    return Inception(INCEPTION_V2_TABLE, num_classes, in_channels, aux=aux, dropout=dropout)


def inception_v3(num_classes: int = 1000, in_channels: int = 3, *, aux: bool = True, dropout: float = 0.5) -> Inception:
    """Make Inception v3 as its published weights want it: 23,834,568 parameters, 27,161,264 with the auxiliary head.

    The input has 75 pixels or more along each axis, 299 in training with the head; the paper has 299. The published
    weights were trained on colours scaled to −1 … 1 (mean and standard deviation 0.5); the net itself changes nothing
    about its input.

    Parameters
    ----------
    num_classes, in_channels, aux, dropout
        See `Inception`.

    Returns
    -------
    Inception

    References
    ----------
    Szegedy et al. 2016, table 1, and table 3 for what v3 has more than v2.

    Examples
    --------
    >>> from course_lib.summary import summarize
    >>> with torch.device("meta"):  # sizes only, nothing is calculated
    ...     summary = summarize(inception_v3(aux=False), torch.zeros(1, 3, 299, 299), depth=1)
    >>> [(row.name, row.output_shape[1:]) for row in summary.rows if row.name.endswith("a")]
    [('Mixed_6a', (768, 17, 17)), ('Mixed_7a', (1280, 8, 8))]
    >>> summary.parameters, summary.macs
    (23834568, 5713216096)
    """
    return Inception(INCEPTION_V3_TABLE, num_classes, in_channels, aux=aux, dropout=dropout)
