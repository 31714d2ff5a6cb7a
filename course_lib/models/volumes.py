"""Nets for volumes: one that convolves in three directions, and two ways to look at a volume with nets for images.

Sources: J. H. Cole et al., "Predicting brain age with deep learning from raw imaging data results in a reliable and
heritable biomarker", NeuroImage 163, 2017: its convolutional net (`VolumeRegressor`). H. R. Roth et al., "A new
2.5D representation for lymph node detection using random sets of deep convolutional neural network observations",
MICCAI 2014: three orthogonal views in one net (`orthogonal_views`, `ThreeViews`). A. Prasoon et al., "Deep feature
learning for knee cartilage segmentation using a triplanar convolutional neural network", MICCAI 2013: a net of its own
for each of three orthogonal planes (`ThreeViews`, `OrthoMean`).

Differs: Cole et al. predict one number; `VolumeClassifier` has the same blocks and one score a class.
Differs: Cole et al. name neither padding nor first weights; convolutions pad with zeros here, so that only pooling
shrinks the volume (182×218×182 voxels → 5×6×5), and begin as He et al. 2015 say, for ReLU.
Differs: Roth et al. hand the three views to one net as its three channels, and average over 100 randomly turned
copies; here each view passes by itself, the scores are averaged, and turning the volume is left to augmentation.
Differs: Prasoon et al. join the three nets in a last trained layer; here their answers are averaged, as Chlebus does.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.models.inputs import check_batch

__all__ = ["COLE_2017", "OrthoMean", "ThreeViews", "VolumeClassifier", "VolumeRegressor", "orthogonal_views"]

COLE_2017: tuple[int, ...] = (  # channels of the five blocks; sizes of a volume of 182×218×182 voxels
    8,  #    91×109×91
    16,  #   45×54×45
    32,  #   22×27×22
    64,  #   11×13×11
    128,  #  5×6×5
)


class _VolumeNet(nn.Module):
    """Blocks of two convolutions that end in a pooling, and one linear layer that reads all that is left."""

    def __init__(
        self, num_outputs: int, in_channels: int, input_size: tuple[int, int, int], channels: Sequence[int]
    ) -> None:
        super().__init__()
        if num_outputs < 1 or in_channels < 1:
            raise ValueError(f"a net has at least 1 output and 1 input channel, got {num_outputs} and {in_channels}")
        self.in_channels, self.input_size = in_channels, tuple(input_size)
        self.min_size = 2 ** len(channels)
        if len(self.input_size) != 3 or min(self.input_size) < self.min_size:
            raise ValueError(f"input_size needs 3 numbers of at least {self.min_size}, got {input_size}")
        left = math.prod(size // self.min_size for size in self.input_size)
        self.features = nn.Sequential(*(_block(*pair) for pair in pairwise([in_channels, *channels])))
        self.head = nn.Linear(channels[-1] * left, num_outputs)
        self.apply(_first_weights)

    def scores(self, x: Tensor) -> Tensor:
        """Check the volumes and map them to numbers: (B, in_channels, D, H, W) → (B, num_outputs)."""
        check_batch(x, channels=self.in_channels, min_size=self.min_size, dims=3)
        if tuple(x.shape[2:]) != self.input_size:
            raise ValueError(
                f"the linear layer reads volumes of {self.input_size} voxels, got {tuple(x.shape)}: resample or crop "
                "them, or make the net with their input_size"
            )
        x = self.features(x)  # (B, 128, 5, 6, 5)
        x = torch.flatten(x, start_dim=1)  # (B, 19200)
        return self.head(x)  # (B, num_outputs)


class VolumeRegressor(_VolumeNet):
    """One number from one volume: the net that reads the age from a brain (Cole et al. 2017).

    Each of the five blocks is convolution 3³, ReLU, convolution 3³, batch normalisation, ReLU, maximum pooling 2³.

    The answer has the shape (B,), which is the shape of a batch of ages. A net that gave (B, 1) would be broadcast
    against them to (B, B) by a loss such as the squared error: every answer against every age, without an error.

    Parameters
    ----------
    in_channels : int
        At least 1.
    input_size : tuple of three int
        Voxels along D, H, W, at least 32; the linear layer has a weight for each place that five poolings leave.
    channels : sequence of int
        Of each block.

    Examples
    --------
    >>> from course_lib.summary import summarize
    >>> with torch.device("meta"):
    ...     summary = summarize(VolumeRegressor(), torch.zeros(1, 1, 182, 218, 182), depth=1)
    >>> [(row.name, row.output_shape, row.parameters) for row in summary.rows]
    [('features', (1, 128, 5, 6, 5), 884216), ('head', (1, 1), 19201)]
    """

    def __init__(
        self,
        in_channels: int = 1,
        *,
        input_size: tuple[int, int, int] = (182, 218, 182),
        channels: Sequence[int] = COLE_2017,
    ) -> None:
        super().__init__(1, in_channels, input_size, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Give one number for each volume: (B, in_channels, D, H, W) → (B,)."""
        return self.scores(x).squeeze(1)


class VolumeClassifier(_VolumeNet):
    """One score a class from one volume, by the blocks of `VolumeRegressor`.

    Parameters
    ----------
    num_classes, in_channels : int
        At least 1.
    input_size : tuple of three int
        Voxels along D, H, W, at least 32.
    channels : sequence of int
        Of each block.

    Examples
    --------
    >>> net = VolumeClassifier(num_classes=3, input_size=(32, 40, 32))
    >>> net(torch.zeros(2, 1, 32, 40, 32)).shape, sum(p.numel() for p in net.parameters())
    (torch.Size([2, 3]), 884603)
    """

    def __init__(
        self,
        num_classes: int = 2,
        in_channels: int = 1,
        *,
        input_size: tuple[int, int, int] = (182, 218, 182),
        channels: Sequence[int] = COLE_2017,
    ) -> None:
        super().__init__(num_classes, in_channels, input_size, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Give scores, the largest wins: (B, in_channels, D, H, W) → (B, num_classes)."""
        return self.scores(x)


class ThreeViews(nn.Module):
    """2.5-D: a net for images looks at the three slices through the middle of a volume; the mean of its scores counts.

    Parameters
    ----------
    nets : nn.Module, or list or tuple of three
        (B, C, size, size) → tensor of scores (B, K). One net sees all three views (shared weights, as Roth et al.),
        or one net each for the axial, coronal and sagittal view (as Prasoon et al.).
    in_channels : int
        Channels of the volumes and of the nets.
    size : int
        Side of the images, see `orthogonal_views`.

    Examples
    --------
    >>> from course_lib.models.lenet import PlainLeNet
    >>> ThreeViews(PlainLeNet(num_classes=2), size=32)(torch.zeros(4, 1, 20, 64, 64)).shape
    torch.Size([4, 2])
    """

    def __init__(self, nets: nn.Module | Sequence[nn.Module], in_channels: int = 1, *, size: int = 224) -> None:
        super().__init__()
        self.nets = _one_or_three(nets)
        self.in_channels, self.size = in_channels, size

    def forward(self, x: Tensor) -> Tensor:
        """Give the mean of the scores of three views: (B, in_channels, D, H, W) → (B, K)."""
        check_batch(x, channels=self.in_channels, min_size=1, dims=3)
        views = orthogonal_views(x, size=self.size)  # (3, B, in_channels, size, size)
        if len(self.nets) == 1:
            scores = _scores(self.nets[0], views.flatten(0, 1)).unflatten(0, (3, len(x)))  # (3, B, K)
        else:
            scores = torch.stack([_scores(net, view) for net, view in zip(self.nets, views, strict=True)])
        return scores.mean(dim=0)


class OrthoMean(nn.Module):
    """Segment a volume slice by slice in each of three directions, and average the three probabilities of each voxel.

    Parameters
    ----------
    nets : nn.Module, or list or tuple of three
        Slices (B, C, h, w) → scores of their pixels (B, K, h, w), K at least 2. Three nets for slices across D, H and
        W (axial, coronal, sagittal), as the lecture's liver segmentation has them; or one for all directions.
    in_channels : int
        Channels of the volumes and of the nets.
    slices_per_pass : int
        Slices that a net gets at a time, at least 1: it bounds the memory, and changes nothing else in evaluation.

    Notes
    -----
    Probabilities are averaged, not scores: a direction that is sure then counts no more than certainty. What is given
    is their logarithm, so that its soft-max is the mean probability, and a loss on scores can be used as ever. Voxels
    stay as they are: where slices lie farther apart than pixels, resample the volume before.

    Examples
    --------
    >>> from course_lib.models.unet import liver_net
    >>> nets = [liver_net().eval() for plane in ("axial", "coronal", "sagittal")]
    >>> with torch.no_grad():
    ...     OrthoMean(nets)(torch.zeros(1, 1, 8, 16, 8)).shape
    torch.Size([1, 2, 8, 16, 8])
    """

    def __init__(
        self, nets: nn.Module | Sequence[nn.Module], in_channels: int = 1, *, slices_per_pass: int = 16
    ) -> None:
        super().__init__()
        if slices_per_pass < 1:
            raise ValueError(f"slices_per_pass is at least 1, got {slices_per_pass}")
        self.nets = _one_or_three(nets)
        self.in_channels, self.slices_per_pass = in_channels, slices_per_pass

    def forward(self, x: Tensor) -> Tensor:
        """Give the logarithm of the mean probability: (B, in_channels, D, H, W) → (B, K, D, H, W)."""
        check_batch(x, channels=self.in_channels, min_size=1, dims=3)
        nets = list(self.nets) * (3 // len(self.nets))
        logs = [self._along(axis, net, x) for axis, net in zip((2, 3, 4), nets, strict=True)]
        return torch.logsumexp(torch.stack(logs), dim=0) - math.log(3)

    def _along(self, axis: int, net: nn.Module, x: Tensor) -> Tensor:
        """Give the log-probabilities that a net sees in the slices across one axis, as a volume."""
        slices = x.movedim(axis, 1).flatten(0, 1)  # (B · slices, C, h, w)
        scores = torch.cat([_scores(net, some) for some in slices.split(self.slices_per_pass)])
        if scores.shape[1] < 2 or scores.shape[2:] != slices.shape[2:]:
            raise ValueError(
                f"a net for slices {tuple(slices.shape[2:])} gives scores of 2 classes or more for each of their "
                f"pixels, got {tuple(scores.shape)}"
            )
        return scores.log_softmax(dim=1).unflatten(0, (x.shape[0], x.shape[axis])).movedim(1, axis)


def orthogonal_views(x: Tensor, *, size: int = 224) -> Tensor:
    """Cut the three slices that meet in the middle voxel of each volume, brought to one size.

    The middle of n voxels is number n // 2. Slices of a volume that is not a cube differ in their shapes, and its
    voxels may be longer than wide; each slice is stretched or shrunk to the same square, so that the nets of all
    volumes and views see the whole slice at one size (linear interpolation, smoothed where it shrinks). Lengths are
    then relative to the field of view: where they must be compared in millimetres, resample to equal voxels and crop
    to a cube before. For another place than the middle, such as a candidate, crop the volume around it.

    Parameters
    ----------
    x : (B, C, D, H, W) floating-point tensor
        D counts axial slices, H coronal ones, W sagittal ones (for volumes that are stored so).
    size : int
        Pixels of a side, at least 1.

    Returns
    -------
    (3, B, C, size, size) tensor
        Axial (rows H, columns W), coronal (D, W), sagittal (D, H). Roth's three channels of one net are
        ``views.squeeze(2).transpose(0, 1)``.

    Examples
    --------
    >>> orthogonal_views(torch.zeros(4, 1, 20, 64, 48), size=32).shape
    torch.Size([3, 4, 1, 32, 32])
    """
    middles = [x.select(axis, x.shape[axis] // 2) for axis in (2, 3, 4)]
    return torch.stack(
        [
            nn.functional.interpolate(view, size=(size, size), mode="bilinear", align_corners=False, antialias=True)
            for view in middles
        ]
    )


def _block(in_channels: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(in_channels, channels, kernel_size=3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv3d(channels, channels, kernel_size=3, padding=1),
        nn.BatchNorm3d(channels),
        nn.ReLU(inplace=True),
        nn.MaxPool3d(2),
    )


def _first_weights(layer: nn.Module) -> None:
    """Draw weights from a normal distribution of variance 2 / fan-in; nothing follows the linear layer: 1 / fan-in."""
    if isinstance(layer, nn.Conv3d | nn.Linear):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu" if isinstance(layer, nn.Conv3d) else "linear")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _one_or_three(nets: nn.Module | Sequence[nn.Module]) -> nn.ModuleList:
    chosen = [nets] if isinstance(nets, nn.Module) else list(nets)
    if len(chosen) not in (1, 3):
        raise ValueError(f"three views need one net that they share, or three, got {len(chosen)}")
    return nn.ModuleList(chosen)


def _scores(net: nn.Module, images: Tensor) -> Tensor:
    scores: Any = net(images)
    if not isinstance(scores, Tensor):
        raise TypeError(
            f"wanted a net that gives a tensor of scores, got {type(scores).__name__}: without second heads"
        )
    return scores
