"""Nets that score fewer pixels than they read: which sizes fit, and how tiles make up for it on any image.

Source: O. Ronneberger, P. Fischer, T. Brox, "U-Net: convolutional networks for biomedical image segmentation",
MICCAI 2015: section 2 and figure 2. What lies beyond the edge of the image is the image mirrored.

Differs: tiles do not step by their whole output (388), but by its largest multiple of 16 (384), the pixels that four
poolings bring together. With another step a tile would pool other pairs of pixels than its neighbour and than the net
on the whole image, and the seams would show.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, product
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from course_lib.models.inputs import check_batch

if TYPE_CHECKING:  # it reads this file
    from course_lib.models.unet import UNet

__all__ = ["TileSize", "UFigure", "mirror_pad", "overlap_tile"]


@dataclass(frozen=True)
class TileSize:
    """Pixels along one axis that a net without padding reads, and those that it gives a score.

    Attributes
    ----------
    input_size, output_size : int
        The output lies in the middle of the input.
    """

    input_size: int
    output_size: int


@dataclass(frozen=True)
class UFigure:
    """A U as it is drawn: how many channels come out of each 3×3 convolution, level by level.

    Parameters
    ----------
    down : tuple of tuples of int
        The left side from the image to the bottom, one inner tuple a level.
    up_convolutions : tuple of int
        Channels that come out of each up-convolution, from the bottom to the top.
    up : tuple of tuples of int
        The right side from the bottom to the top; ``()`` where nothing follows the concatenation.

    Raises
    ------
    ValueError
        If the two sides do not have the same height, or a level on the left is empty.

    Examples
    --------
    >>> small = UFigure(down=((4, 4), (8, 8)), up_convolutions=(4,), up=((4, 4),))
    >>> small.smallest_tile, small.multiple, small.output_size(26)
    (TileSize(input_size=18, output_size=2), 2, 10)
    """

    down: tuple[tuple[int, ...], ...]
    up_convolutions: tuple[int, ...]
    up: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if not len(self.down) - 1 == len(self.up) == len(self.up_convolutions):
            raise ValueError(
                f"a U of {len(self.down)} levels goes up {len(self.down) - 1} times, got {len(self.up_convolutions)} "
                f"up-convolutions and {len(self.up)} levels on the right"
            )
        if not all(self.down):
            raise ValueError(f"each level on the left needs a convolution, got {self.down}")

    @property
    def multiple(self) -> int:
        """Pixels of the image under one pixel of the lowest level: 2 to the power of the poolings."""
        return 2 ** (len(self.down) - 1)

    @property
    def smallest_tile(self) -> TileSize:
        """The smallest image that a net without padding can read; `multiple` more pixels can be read each time."""
        return next(tile for tile in map(self._tile, count(1)) if tile.output_size > 0)

    def output_size(self, input_size: int) -> int:
        """Give the size of the map of scores of a net without padding, along one axis.

        Parameters
        ----------
        input_size : int
            Pixels of the image; each 3×3 convolution takes two, and what is pooled has to be even.

        Returns
        -------
        int
            At least 1.

        Raises
        ------
        ValueError
            If no map comes out; it names the nearest sizes that fit, and what they give.
        """
        first, step = self.smallest_tile, self.multiple
        steps, rest = divmod(input_size - first.input_size, step)
        poolings = len(self.down) - 1
        wanted = f"a side of {input_size} pixels cannot pass {poolings} poolings and convolutions without padding"
        if steps < 0:
            raise ValueError(f"{wanted}: the smallest that fits is {first.input_size} (gives {first.output_size})")
        if rest:
            near = [TileSize(first.input_size + n * step, first.output_size + n * step) for n in (steps, steps + 1)]
            words = " and ".join(f"{tile.input_size} (gives {tile.output_size})" for tile in near)
            raise ValueError(f"{wanted}: the nearest that fit are {words}")
        return first.output_size + steps * step

    def _tile(self, bottom: int) -> TileSize:
        """Follow both sides up from the pixels that come out of the lowest level."""
        image, scores = bottom + 2 * len(self.down[-1]), bottom
        for level in reversed(self.down[:-1]):
            image = 2 * image + 2 * len(level)
        for level in self.up:
            scores = 2 * scores - 2 * len(level)
        return TileSize(image, scores)


def mirror_pad(x: Tensor, before: Sequence[int], after: Sequence[int]) -> Tensor:
    """Continue images beyond their edges by mirroring, as often as it takes; the edge itself is not repeated.

    Parameters
    ----------
    x : (B, C, [D,] H, W) tensor
        At least one pixel along each axis.
    before, after : sequences of int
        Pixels to add in front of and behind each axis of the image, at least 0.

    Returns
    -------
    (B, C, …) tensor

    Examples
    --------
    >>> mirror_pad(torch.tensor([[[1, 2, 3]]]), [3], [4]).tolist()
    [[[2, 3, 2, 1, 2, 3, 2, 1, 2, 3]]]
    """
    for axis, (front, back) in enumerate(zip(before, after, strict=True), start=2):
        size = x.shape[axis]
        there_and_back = max(2 * (size - 1), 1)
        place = torch.arange(-front, size + back, device=x.device) % there_and_back
        x = x.index_select(axis, torch.minimum(place, there_and_back - place))
    return x


@torch.no_grad()
def overlap_tile(net: "UNet", images: Tensor, *, tile_size: int | tuple[int, ...], batch_size: int = 1) -> Tensor:
    """Score each pixel of images of any size, as the net would if it ran on the whole mirrored image at once.

    Parameters
    ----------
    net : UNet
        In evaluation mode, since dropout would differ from tile to tile.
    images : (B, C, [D,] H, W) floating-point tensor
        On the device of the net, of any size.
    tile_size : int or tuple of int
        Pixels that the net reads at a time, along each axis: a size that it accepts and of which it scores at least
        `net.figure.multiple`, such as 572. Larger tiles repeat less work and need more memory.
    batch_size : int
        Tiles of each image at a time, at least 1.

    Returns
    -------
    (B, num_classes, [D,] H, W) tensor

    Raises
    ------
    ValueError
        If the net is training, or the tiles or the images do not fit it.

    Examples
    --------
    >>> from course_lib.models.unet import UNet
    >>> net = UNet(figure=UFigure(down=((4, 4), (8, 8)), up_convolutions=(4,), up=((4, 4),))).eval()
    >>> overlap_tile(net, torch.zeros(1, 1, 30, 45), tile_size=26).shape
    torch.Size([1, 2, 30, 45])
    """
    if net.training:
        raise ValueError("overlap_tile needs a net in evaluation mode, got one that is training: call net.eval() first")
    if batch_size < 1:
        raise ValueError(f"batch_size is at least 1, got {batch_size}")
    check_batch(images, channels=net.in_channels, min_size=1, dims=net.dims)
    sizes, tiles = images.shape[2:], _tile_sizes(net, tile_size)
    outputs = [net.figure.output_size(tile) for tile in tiles]
    steps = [output // net.figure.multiple * net.figure.multiple for output in outputs]
    margins = [(tile - output) // 2 for tile, output in zip(tiles, outputs, strict=True)]
    covered = [-(-size // step) * step for size, step in zip(sizes, steps, strict=True)]
    # The last tile of an axis begins one step before the end of what is covered, and reads a whole tile from there.
    after = [
        end - step + tile - margin - size
        for end, step, tile, margin, size in zip(covered, steps, tiles, margins, sizes, strict=True)
    ]
    mirrored = mirror_pad(images, margins, after)
    corners = list(product(*(range(0, end, step) for end, step in zip(covered, steps, strict=True))))
    parts = [
        net(torch.cat([_window(mirrored, corner, tiles) for corner in corners[start : start + batch_size]]))
        for start in range(0, len(corners), batch_size)
    ]
    scores = torch.cat(parts).unflatten(0, (len(corners), len(images)))  # (tiles, B, num_classes, …)
    whole = scores.new_empty(scores.shape[1:3] + tuple(covered))
    for corner, tile in zip(corners, scores, strict=True):
        _window(whole, corner, steps).copy_(_window(tile, [0] * len(steps), steps))
    return _window(whole, [0] * len(sizes), sizes).contiguous()


def _tile_sizes(net: "UNet", tile_size: int | tuple[int, ...]) -> tuple[int, ...]:
    """Give the size of a tile along each axis, of which the net scores at least one step."""
    tiles = (tile_size,) * net.dims if isinstance(tile_size, int) else tile_size
    if len(tiles) != net.dims:
        raise ValueError(f"tile_size is one number or {net.dims}, one for each axis, got {tile_size}")
    first, step = net.figure.smallest_tile, net.figure.multiple
    for tile in tiles:
        if net.figure.output_size(tile) < step:
            enough = first.input_size + -(-(step - first.output_size) // step) * step
            raise ValueError(f"tiles step by multiples of {step}, so {tile} is too small a tile_size: take {enough}")
    return tiles


def _window(x: Tensor, corner: Sequence[int], size: Sequence[int]) -> Tensor:
    """Look at a part of images or volumes, without copying it."""
    for axis, (start, length) in enumerate(zip(corner, size, strict=True), start=2):
        x = x.narrow(axis, start, length)
    return x
