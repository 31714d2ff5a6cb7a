"""Labelled images, and the loader that hands them out in batches.

torch is imported where it is used: whoever only reads the register or a file of this room need not load it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor
    from torch.utils.data import DataLoader

__all__ = ["LabelledImages", "make_loader"]


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images of one size, each with the number of its class.

    Parameters
    ----------
    images : (N, C, H, W) float32 tensor, 0 … 1
    labels : (N,) int64 tensor, 0 … K − 1
    class_names : K names, in the order of the labels

    Raises
    ------
    ValueError
        If shapes, types or ranges are not these.

    Examples
    --------
    >>> import torch
    >>> data = LabelledImages(torch.zeros(3, 1, 8, 8), torch.tensor([0, 1, 1]), ("healthy", "ill"))
    >>> len(data), len(data.subset([0, 2]))
    (3, 2)
    """

    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        import torch

        object.__setattr__(self, "class_names", tuple(self.class_names))
        images, labels, num_classes = self.images, self.labels, len(self.class_names)
        if images.ndim != 4 or images.dtype != torch.float32:
            raise ValueError(f"images are a float32 (N, C, H, W) tensor, got {images.dtype} {tuple(images.shape)}")
        if labels.shape != images.shape[:1] or labels.dtype != torch.int64:
            wanted = f"({len(images)},)"
            raise ValueError(
                f"labels are an int64 {wanted} tensor, one an image, got {labels.dtype} {tuple(labels.shape)}"
            )
        if len(images) and not (images.min() >= 0 and images.max() <= 1):
            low, high = images.min().item(), images.max().item()
            raise ValueError(f"images reach from 0 to 1, got {low:g} to {high:g}: rescale them first")
        if len(labels) and not (labels.min() >= 0 and labels.max() < num_classes):
            low, high = labels.min().item(), labels.max().item()
            raise ValueError(f"{num_classes} class names allow labels 0 to {num_classes - 1}, got {low} to {high}")

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: NDArray[np.int64] | Tensor | Sequence[int]) -> LabelledImages:
        """Give the images at these places, in this order.

        Parameters
        ----------
        indices : (M,) whole numbers, 0 … N − 1

        Returns
        -------
        LabelledImages
            Copies; M may be 0.

        Raises
        ------
        ValueError, IndexError
            If the indices are not whole numbers, or lie outside the data.
        """
        import torch

        chosen = np.asarray(indices)
        if chosen.size == 0:
            chosen = chosen.astype(np.int64)
        if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
            raise ValueError(f"indices are a row of whole numbers, got {chosen.dtype} of shape {chosen.shape}")
        if chosen.size and not (chosen.min() >= 0 and chosen.max() < len(self)):
            raise IndexError(
                f"{len(self)} images allow indices 0 to {len(self) - 1}, got {chosen.min()} to {chosen.max()}"
            )
        places = torch.from_numpy(chosen.astype(np.int64))
        return LabelledImages(self.images[places], self.labels[places], self.class_names)


def make_loader(
    data: LabelledImages, *, batch_size: int, shuffle: bool = False, seed: int = 0
) -> DataLoader[tuple[Tensor, ...]]:
    """Hand out the images in batches; the last batch may be smaller.

    Parameters
    ----------
    data : LabelledImages
        At least one image.
    batch_size : int
        Images a batch, at least 1.
    shuffle : bool
        A new order each time round: for training, not for testing.
    seed : int
        Two loaders with the same seed give the same orders, whatever else draws random numbers.
        (`course_lib.training.fit` orders by its own seed instead, so that a run can be resumed.)

    Returns
    -------
    torch.utils.data.DataLoader
        Of pairs: images (B, C, H, W) float32 and labels (B,) int64.

    Raises
    ------
    ValueError
        If there is no image, or the batch size is below 1.

    Examples
    --------
    >>> import torch
    >>> data = LabelledImages(torch.zeros(10, 1, 8, 8), torch.zeros(10, dtype=torch.int64), ("digit",))
    >>> [len(labels) for images, labels in make_loader(data, batch_size=4)]
    [4, 4, 2]
    """
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    if len(data) == 0:
        raise ValueError("a loader needs at least one image, got none: is a part of the split empty?")
    if batch_size < 1:
        raise ValueError(f"batch_size is at least 1, got {batch_size}")
    generator = torch.Generator().manual_seed(seed)
    return DataLoader(TensorDataset(data.images, data.labels), batch_size, shuffle=shuffle, generator=generator)
