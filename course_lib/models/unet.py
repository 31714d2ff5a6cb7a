"""U-Net: down to see what it is, up to see where it is, and across so that the way up knows the fine detail.

Sources: O. Ronneberger, P. Fischer, T. Brox, "U-Net: convolutional networks for biomedical image segmentation",
MICCAI 2015: figure 1, sections 2 and 3 (`UNet`). Ö. Çiçek, A. Abdulkadir, S. S. Lienkamp, T. Brox, O. Ronneberger,
"3D U-Net: learning dense volumetric segmentation from sparse annotation", MICCAI 2016: figure 2 (`unet3d`).
M. Drozdzal, E. Vorontsov, G. Chartrand, S. Kadoury, C. Pal, "The importance of skip connections in biomedical image
segmentation", LABELS 2016: short skip connections. J. Tompson et al., "Efficient object localization using
convolutional networks", CVPR 2015: spatial dropout. The numbers of `liver_net` come from a lecture by G. Chlebus.

Differs: an up-convolution is one transposed convolution (2×2, stride 2), which does what upsampling and a 2×2
convolution are drawn to do, with the same parameters.
Differs: the 2015 paper has dropout "at the end of the contracting path"; it is put where the authors' own net has it,
behind each of the two lowest levels, before the pooling and the copy to the other side.
Differs: the 2016 paper does not say how its weights begin; all nets here begin as the 2015 paper says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.models.inputs import check_arguments, check_batch
from course_lib.models.tiles import UFigure

__all__ = ["LIVER_NET", "U_NET", "U_NET_3D", "PaddedUNet", "ShortSkip", "UNet", "liver_net", "unet3d"]

U_NET = UFigure(  # Ronneberger 2015, figure 1; sizes without padding, of an image of 572×572
    down=(
        (64, 64),  #       570, 568, pooled to 284
        (128, 128),  #     282, 280, pooled to 140
        (256, 256),  #     138, 136, pooled to 68
        (512, 512),  #     66, 64, pooled to 32
        (1024, 1024),  #   30, 28
    ),
    up_convolutions=(512, 256, 128, 64),  # half of what comes: 56, 104, 200, 392
    up=(
        (512, 512),  #     54, 52
        (256, 256),  #     102, 100
        (128, 128),  #     198, 196
        (64, 64),  #       390, 388
    ),
)
U_NET_3D = UFigure(  # Çiçek 2016, figure 2; sizes without padding, of a volume of 132×132×116
    down=(
        (32, 64),  #       128×128×112, pooled to 64×64×56: channels double before the pooling, not behind it
        (64, 128),  #      60×60×52, pooled to 30×30×26
        (128, 256),  #     26×26×22, pooled to 13×13×11
        (256, 512),  #     9×9×7
    ),
    up_convolutions=(512, 256, 128),  # as many as come: 18×18×14, 28×28×20, 48×48×32
    up=(
        (256, 256),  #     14×14×10
        (128, 128),  #     24×24×16
        (64, 64),  #       44×44×28
    ),
)
LIVER_NET = UFigure(  # found from the numbers of the lecture, see `liver_net`; sizes with padding, of 96×96
    down=(
        (64, 64, 64),  #   96: one convolution that brings the channels, then a block of two
        (128, 128),  #     48
        (256, 256),  #     24
        (512, 512),  #     12
    ),
    up_convolutions=(512, 256, 128),
    up=(
        (256, 256),  #     24
        (128, 128),  #     48
        (),  #             96: the scores are read from the concatenation
    ),
)


class ShortSkip(nn.Module):
    """The convolutions of one level with a short skip: the first one brings the channels, the others add a change.

    With two convolutions it is the "simple block" of Drozdzal et al. behind a convolution, with three a residual
    block of two. Nothing but the identity lies on the skip, so it has no parameters.

    Parameters
    ----------
    first, others : nn.Module
        Batch of maps → batch of maps; ``others`` keeps channels and size, and ends before its activation.
    """

    def __init__(self, first: nn.Module, others: nn.Module) -> None:
        super().__init__()
        self.first = first
        self.others = others
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Give what the first convolution sees, changed by what the others add."""
        x = self.first(x)
        return self.relu(x + self.others(x))


class _U(nn.Module):
    """Down, across and up: what all forms share. They bring their own levels and their own check of the input."""

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        figure: UFigure,
        dims: int,
        *,
        down_level: Callable[[int, int, Sequence[int]], nn.Module],
        up_level: Callable[[int, Sequence[int]], nn.Module],
    ) -> None:
        super().__init__()
        check_arguments(num_classes=num_classes, in_channels=in_channels)
        layers = _layers(dims)
        self.figure, self.in_channels, self.dims = figure, in_channels, dims
        ends = [in_channels, *(level[-1] for level in figure.down)]
        self.down = nn.ModuleList(
            down_level(depth, ends[depth], channels) for depth, channels in enumerate(figure.down)
        )
        self.pool = layers.max_pool(2)
        self.up_convolutions, self.up = nn.ModuleList(), nn.ModuleList()
        below = ends.pop()
        for raised, channels in zip(figure.up_convolutions, figure.up, strict=True):
            self.up_convolutions.append(layers.up_conv(below, raised, kernel_size=2, stride=2))
            joined = ends.pop() + raised
            self.up.append(up_level(joined, channels))
            below = channels[-1] if channels else joined
        self.head = layers.conv(below, num_classes, kernel_size=1)
        self.apply(_first_weights)

    def forward(self, x: Tensor) -> Tensor:
        """Give scores for each pixel, the largest wins: (B, in_channels, [D,] H, W) → (B, num_classes, …)."""
        self._check(x)
        across = []
        for level in self.down[:-1]:
            x = level(x)
            across.append(x)
            x = self.pool(x)
        x = self.down[-1](x)
        for up_convolution, level in zip(self.up_convolutions, self.up, strict=True):
            x = up_convolution(x)
            x = level(torch.cat([_middle(across.pop(), x.shape[2:]), x], dim=1))
        return self.head(x)

    def _check(self, x: Tensor) -> None:
        raise NotImplementedError


class UNet(_U):
    """U-Net as published: convolutions without padding, so every score rests on real pixels, and the map is smaller.

    The sizes that fit are those of `UFigure.output_size`, 188, 204, … with 184 pixels less of scores; an image of any
    size is read in tiles by `course_lib.models.tiles.overlap_tile`. First weights: normal with the standard deviation
    √(2 / N), N the numbers that one output adds up (section 3 of the paper); biases 0.

    Parameters
    ----------
    num_classes, in_channels : int
        At least 1.
    figure : UFigure
        Channels of each level.
    dims : 2 or 3
        Axes of an image.
    batch_norm : bool
        Batch normalisation between each convolution and its ReLU; the convolutions keep their biases.
    dropout : float
        Share of the numbers that are dropped behind each of the two lowest levels while training.

    Examples
    --------
    >>> from course_lib.summary import summarize
    >>> with torch.device("meta"):
    ...     summary = summarize(UNet(), torch.zeros(1, 1, 572, 572), depth=1)
    >>> summary.parameters, summary.macs, summary.rows[-1].output_shape
    (31030658, 150428424448, (1, 2, 388, 388))
    """

    def __init__(
        self,
        num_classes: int = 2,
        in_channels: int = 1,
        *,
        figure: UFigure = U_NET,
        dims: int = 2,
        batch_norm: bool = False,
        dropout: float = 0.5,
    ) -> None:
        def level(channels_in: int, channels: Sequence[int]) -> nn.Sequential:
            return nn.Sequential(*_convolutions(channels_in, channels, dims=dims, padding=0, batch_norm=batch_norm))

        def down_level(depth: int, channels_in: int, channels: Sequence[int]) -> nn.Sequential:
            lowest_two = depth >= len(figure.down) - 2
            return level(channels_in, channels).extend([nn.Dropout(dropout)] if lowest_two else [])

        super().__init__(num_classes, in_channels, figure, dims, down_level=down_level, up_level=level)

    def _check(self, x: Tensor) -> None:
        check_batch(x, channels=self.in_channels, min_size=self.figure.smallest_tile.input_size, dims=self.dims)
        for size in x.shape[2:]:
            self.figure.output_size(size)


class PaddedUNet(_U):
    """U-Net as it is used today: convolutions pad with zeros, and the map of scores is as large as the image.

    Sides are halved at each pooling and doubled on the way up, so they must be multiples of `UFigure.multiple` (16 for
    the five levels of 2015); other sizes are refused with the nearest that fit, because what is best to do (crop, pad
    with zeros, mirror) depends on the image. First weights as in `UNet`.

    Parameters
    ----------
    num_classes, in_channels : int
        At least 1.
    figure : UFigure
        Channels of each level.
    dims : 2 or 3
        Axes of an image.
    batch_norm : bool
        Batch normalisation between each convolution and its ReLU; the convolutions keep their biases.
    short_skips : bool
        Within each level, add the output of the first convolution to that of the last (`ShortSkip`).
    dropout : float
        Share of the *maps* that are dropped behind each concatenation while training (spatial dropout): neighbouring
        pixels know each other's value, so dropping single ones hides little.

    Raises
    ------
    ValueError
        If short skips meet a level that begins and ends with different channels.

    Examples
    --------
    >>> from course_lib.summary import summarize
    >>> with torch.device("meta"):
    ...     net = PaddedUNet(num_classes=4, figure=U_NET_3D, dims=3)
    ...     summary = summarize(net, torch.zeros(1, 1, 64, 64, 64))
    >>> summary.parameters, summary.rows[-1].output_shape
    (19073860, (1, 4, 64, 64, 64))
    """

    def __init__(
        self,
        num_classes: int = 2,
        in_channels: int = 1,
        *,
        figure: UFigure = U_NET,
        dims: int = 2,
        batch_norm: bool = True,
        short_skips: bool = False,
        dropout: float = 0.0,
    ) -> None:
        def level(channels_in: int, channels: Sequence[int]) -> nn.Module:
            convolutions = _convolutions(channels_in, channels, dims=dims, padding=1, batch_norm=batch_norm)
            if not short_skips or len(channels) < 2:
                return nn.Sequential(*convolutions)
            if channels[0] != channels[-1]:
                raise ValueError(f"a short skip needs equal channels at both ends of a level, got {tuple(channels)}")
            each = len(convolutions) // len(channels)
            return ShortSkip(nn.Sequential(*convolutions[:each]), nn.Sequential(*convolutions[each:-1]))

        def up_level(channels_in: int, channels: Sequence[int]) -> nn.Sequential:
            return nn.Sequential(_layers(dims).dropout(dropout), level(channels_in, channels))

        super().__init__(
            num_classes,
            in_channels,
            figure,
            dims,
            down_level=lambda depth, channels_in, channels: level(channels_in, channels),
            up_level=up_level,
        )

    def _check(self, x: Tensor) -> None:
        step = self.figure.multiple
        check_batch(x, channels=self.in_channels, min_size=step, dims=self.dims)
        for size in x.shape[2:]:
            if size % step:
                below = size - size % step
                raise ValueError(
                    f"wanted sides that are multiples of {step}, since they are halved {len(self.figure.up)} times, "
                    f"got {tuple(x.shape)}: crop {size} to {below} or pad it to {below + step}"
                )


def unet3d(num_classes: int = 3, in_channels: int = 3) -> UNet:
    """Make the 3D U-Net of 2016: no padding, batch normalisation before each ReLU, 132×132×116 → 44×44×28 voxels.

    Counted here: everything, 19,075,523. The paper's 19,069,955 leaves out what batch normalisation trains (4,672)
    and the biases of the up-convolutions (896).

    Parameters
    ----------
    num_classes, in_channels : int
        At least 1. The paper's frog kidneys have three channels, and three classes.

    Returns
    -------
    UNet
        Reads 92 voxels along an axis, 100, 108, …, and scores 88 less.

    Examples
    --------
    >>> from course_lib.summary import summarize
    >>> with torch.device("meta"):
    ...     summary = summarize(unet3d(), torch.zeros(1, 3, 132, 132, 116))
    >>> summary.parameters, summary.rows[-1].output_shape
    (19075523, (1, 3, 44, 44, 28))
    """
    return UNet(num_classes, in_channels, figure=U_NET_3D, dims=3, batch_norm=True, dropout=0.0)


def liver_net(num_classes: int = 2, in_channels: int = 1, *, dropout: float = 0.5) -> PaddedUNet:
    """Make the liver net of the lecture: 4 levels, 3×3, short skips, batch normalisation, spatial dropout, field 94×94.

    The lecture draws no table; this is the simplest U found that meets all of its numbers. The usual sum over 3×3
    convolutions and poolings, 1 + 2·(n₀ + 2n₁ + 4n₂ + 8n₃) + (1 + 2 + 4) with n convolutions at each level, is 96 for
    two a level on each side, and 94 for one less at full resolution. But this sum is only a mean over the output
    pixels: a window of an odd number n of pixels always lies in (n + 1)/2 pixels of the next coarser level, but an even
    one in n/2 or n/2 + 1, wherever it begins. The net with two a level sees 92 from one pixel and 100 from the next.

    Of the nets that are made of one first convolution and of blocks of two, just one sees 94 from each pixel (away from
    the border): the first convolution and a block at full resolution, a block at every other place, and none behind
    the last concatenation. From a pixel of the scores back to the image, its window is 1 → 1, 5 → 3, 7 → 4, at the
    bottom 8, then 16, 20 → 40, 44 → 88, 94. At full resolution the first convolution brings the channels, and the short
    skip leads round the block; at other places the first one of the block does, and the skip leads round the second.
    With the channels of 2015, 64 to 512, these are 7.6 million parameters if up-convolutions halve the channels, and
    9.05 million if they keep them, as in 2016.

    Parameters
    ----------
    num_classes, in_channels : int
        At least 1.
    dropout : float
        Share of the maps that are dropped behind each concatenation while training; the lecture does not give it.

    Returns
    -------
    PaddedUNet
        Reads sides that are multiples of 8.

    Examples
    --------
    >>> from course_lib.summary import summarize
    >>> with torch.device("meta"):
    ...     summary = summarize(liver_net(), torch.zeros(1, 1, 96, 96))
    >>> summary.parameters, summary.macs
    (9054082, 5388042240)
    """
    return PaddedUNet(num_classes, in_channels, figure=LIVER_NET, short_skips=True, dropout=dropout)


@dataclass(frozen=True)
class _Layers:
    """The classes of torch for images with so many axes."""

    conv: Any
    up_conv: Any
    batch_norm: Any
    max_pool: Any
    dropout: Any


def _layers(dims: int) -> _Layers:
    if dims == 2:
        return _Layers(nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d, nn.MaxPool2d, nn.Dropout2d)
    if dims == 3:
        return _Layers(nn.Conv3d, nn.ConvTranspose3d, nn.BatchNorm3d, nn.MaxPool3d, nn.Dropout3d)
    raise ValueError(f"dims is 2 (images) or 3 (volumes), got {dims}")


def _convolutions(
    in_channels: int, channels: Sequence[int], *, dims: int, padding: int, batch_norm: bool
) -> list[nn.Module]:
    """Make each 3×3 convolution of a level, with batch normalisation or without, and its ReLU."""
    layers, made = _layers(dims), []
    for before, after in pairwise([in_channels, *channels]):
        made.append(layers.conv(before, after, kernel_size=3, padding=padding))
        made += [layers.batch_norm(after)] if batch_norm else []
        made.append(nn.ReLU(inplace=True))
    return made


def _middle(x: Tensor, size: Sequence[int]) -> Tensor:
    """Crop to the middle: what lies over the smaller map that came up from below."""
    for axis, (here, there) in enumerate(zip(x.shape[2:], size, strict=True), start=2):
        x = x.narrow(axis, (here - there) // 2, there)
    return x


def _first_weights(layer: nn.Module) -> None:
    """Draw weights from a normal distribution of variance 2 / N, N the numbers that one output adds up."""
    if isinstance(layer, nn.Conv2d | nn.Conv3d):
        added = layer.weight[0].numel()
    elif isinstance(layer, nn.ConvTranspose2d | nn.ConvTranspose3d):
        added = layer.in_channels * prod(layer.kernel_size) // prod(layer.stride)
    else:
        return
    nn.init.normal_(layer.weight, std=(2 / added) ** 0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
