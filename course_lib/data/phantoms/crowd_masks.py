"""Outlines by several readers: the same organ, drawn by people who draw large or small and whose hands wobble.

A phantom of readers, not of images: give it a true mask, and it answers with one mask a reader. The true surface is
moved outwards by a reader's own habit and by a smooth random field, both in millimetres.

Numbers: two people who outline a liver on MR agree with a Dice of 0.94 to 0.95, liver tumours 0.90 to 0.93 (lecture of
Chlebus and Meine). On balls of the size of a liver (1,500 ml) and of a tumour (30 mm across) that takes a wobble of
about 2.3 and 0.7 mm. Chosen: the habit, half as large as the default wobble, and the length over which a hand wobbles.

Lacks: leaks where there is no edge, slices drawn one by one, readers who miss or invent a lesion, and images that
mislead all of them in the same way.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["ReaderMasks", "ask_readers"]


@dataclass(frozen=True, eq=False)
class ReaderMasks:
    """What R readers outlined, and the truth.

    Parameters
    ----------
    masks : (R, [D,] H, W) bool array
    truth : ([D,] H, W) bool array
    habits_mm : (R,) float64 array
        Truth about the readers: how far outside the true surface each draws on average.
    spacing_mm : tuple of numbers
        One an axis.
    """

    masks: NDArray[np.bool_]
    truth: NDArray[np.bool_]
    habits_mm: NDArray[np.float64]
    spacing_mm: tuple[float, ...]


def ask_readers(
    mask: ArrayLike,
    *,
    spacing_mm: tuple[float, ...],
    num_readers: int = 5,
    seed: int = 0,
    wobble_mm: float = 1.0,
    habit_mm: float = 0.5,
    smooth_mm: float = 6.0,
) -> ReaderMasks:
    """Let readers outline what is in a mask.

    Parameters
    ----------
    mask : ([D,] H, W) array
        The truth; above 0 is inside.
    spacing_mm : tuple of numbers
        Size of a voxel, one number an axis, above 0.
    num_readers : int
        At least 0; more of them never change the first ones.
    seed : int
        The same seed gives the same readers.
    wobble_mm, habit_mm : float
        Standard deviations of the surface of one reader, and between the readers; at least 0.
    smooth_mm : float
        Over what length a wobble lasts: the width of the Gaussian that would smooth white noise like it; above 0.

    Returns
    -------
    ReaderMasks
        An empty truth gives empty masks.

    Raises
    ------
    ValueError
        If the mask is neither 2-D nor 3-D, or an argument is outside its range.

    Examples
    --------
    >>> disc = np.hypot(*(np.indices((40, 40)) - 20)) < 12
    >>> readers = ask_readers(disc, spacing_mm=(1, 1), num_readers=3)
    >>> readers.masks.shape, bool((readers.masks.sum(axis=(1, 2)) > 300).all())
    ((3, 40, 40), True)
    """
    truth = np.asarray(mask) > 0
    spacing = tuple(float(size) for size in spacing_mm)
    _check(truth, spacing, num_readers, wobble_mm, habit_mm, smooth_mm)
    habits = habit_mm * np.random.default_rng([seed, 0]).standard_normal(num_readers)
    masks = np.zeros((num_readers, *truth.shape), dtype=bool)
    if truth.any() and num_readers:
        inside_mm = _inside_mm(truth, spacing)
        near = np.abs(inside_mm) < 4 * wobble_mm + np.abs(habits).max(initial=0)  # nobody is further off
        size_mm = np.array(spacing, dtype=np.float64)
        places_mm, ends_mm = (np.argwhere(near) + 0.5) * size_mm, np.multiply(truth.shape, size_mm)
        for reader in range(num_readers):
            rng = np.random.default_rng([seed, 1, reader])
            masks[reader] = inside_mm > 0
            masks[reader, near] = (
                inside_mm[near] + habits[reader] + wobble_mm * _wobble(places_mm, ends_mm, smooth_mm, rng) > 0
            )
    return ReaderMasks(masks, truth, habits, spacing)


def _inside_mm(truth: NDArray[np.bool_], spacing: tuple[float, ...]) -> NDArray[np.float64]:
    """Distance from the surface in millimetres, above 0 inside; an organ that the image cuts has no surface there."""
    from scipy.ndimage import distance_transform_edt  # here, since it takes half a second

    if truth.all():
        return np.full(truth.shape, np.inf)
    half = min(spacing) / 2
    inside, outside = (distance_transform_edt(part, sampling=spacing) for part in (truth, ~truth))
    return np.where(truth, inside - half, half - outside)


def _wobble(
    places_mm: NDArray[np.float64], ends_mm: NDArray[np.float64], smooth_mm: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Smooth noise of mean 0 and variance 1 at P places, (P,), drawn on a grid of a third of what it lasts."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    step_mm, room = smooth_mm / 3, 12  # room around it, so that the edge is as noisy as the rest
    rough = rng.standard_normal(np.ceil(ends_mm / step_mm).astype(int) + 2 * room)
    weights = np.exp(-0.5 * (np.arange(-12, 13) / 3) ** 2)
    fine = gaussian_filter(rough, 3, truncate=4) * ((weights.sum() ** 2 / (weights**2).sum()) ** (rough.ndim / 2))
    return np.asarray(map_coordinates(fine, (places_mm / step_mm + room).T, order=1))


def _check(
    truth: NDArray[np.bool_],
    spacing: tuple[float, ...],
    num_readers: int,
    wobble_mm: float,
    habit_mm: float,
    smooth_mm: float,
) -> None:
    if truth.ndim not in (2, 3) or not truth.size:
        raise ValueError(f"mask needs two or three axes and a voxel, got the shape {truth.shape}")
    if len(spacing) != truth.ndim or not all(np.isfinite(size) and size > 0 for size in spacing):
        raise ValueError(f"spacing_mm needs {truth.ndim} numbers above 0, got {spacing}")
    if num_readers < 0:
        raise ValueError(f"num_readers is at least 0, got {num_readers}")
    for name, value in (("wobble_mm", wobble_mm), ("habit_mm", habit_mm)):
        if not (np.isfinite(value) and value >= 0):
            raise ValueError(f"{name} is a number of at least 0, got {value}")
    if not (np.isfinite(smooth_mm) and smooth_mm > 0):
        raise ValueError(f"smooth_mm is a number above 0, got {smooth_mm}")
