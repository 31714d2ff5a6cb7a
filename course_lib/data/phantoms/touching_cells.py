"""Phantom of stained nuclei under the fluorescence microscope, many of them touching.

Sites in loose clumps are relaxed by pushing close ones apart; each nucleus is an ellipse with a wavy edge; where two
meet, the border is that of their Voronoi cells. In the image a gap of 1–2 pixels at the contact is darker, by much in
one image and hardly in another; the labels touch there, as experts' labels do. Brightness differs from nucleus to
nucleus, light is uneven, a halo lies around clumps; blur, photon noise and specks of dirt come last.

Measured on 50 images of the Data Science Bowl 2018 (Caicedo et al., Nature Methods 16:1247, 2019): 445 touching pairs
among 2,106 nuclei, 0.21 pairs a nucleus. A pair touches if a pixel of one has a pixel of the other above, below, left
or right of it; the phantom is tuned to that rate and counted in the same way.
Chosen: radius about 8 pixels, axis ratio up to 1.6, share of clumped nuclei, brightness, blur, photons.
Lacks: nuclei that lie on top of each other, mitoses, out-of-focus layers, cytoplasm, other stains and tissues.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["TouchingCells", "contact_masks", "count_touching_pairs", "make_touching_cells"]


@dataclass(frozen=True, eq=False)
class TouchingCells:
    """Images of nuclei with one label a nucleus.

    Parameters
    ----------
    images : (N, 1, H, W) float32 array, 0 … 1
        Bright nuclei on a dark ground.
    labels : (N, H, W) int32 array
        0 for the background, 1 … for the nuclei of each image; labels of touching nuclei are neighbours.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int32]

    @property
    def masks(self) -> NDArray[np.bool_]:
        """(N, H, W): nucleus or not; touching nuclei are one piece."""
        return self.labels > 0

    @property
    def num_nuclei(self) -> NDArray[np.int64]:
        """(N,): nuclei in each image."""
        return self.labels.max(axis=(1, 2), initial=0).astype(np.int64)


def make_touching_cells(count: int, *, seed: int = 0, size: int = 128) -> TouchingCells:
    """Draw images of nuclei; image i depends on the seed, the size and on i only.

    Parameters
    ----------
    count : int
        Number of images, 0 or more.
    seed : int
        0 or more; the same seed gives the same images.
    size : int
        Height and width in pixels, at least 32; a larger image shows more nuclei, not larger ones.

    Returns
    -------
    TouchingCells
        Arrays of length `count`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> cells = make_touching_cells(3)
    >>> cells.images.shape, cells.labels.shape, cells.num_nuclei.tolist()
    ((3, 1, 128, 128), (3, 128, 128), [3, 8, 19])
    """
    if count < 0 or seed < 0:
        raise ValueError(f"count and seed are 0 or more, got {count} and {seed}")
    if size < 32:
        raise ValueError(f"size is at least 32 pixels, got {size}")
    images = np.empty((count, 1, size, size), np.float32)
    labels = np.empty((count, size, size), np.int32)
    for index in range(count):
        random = np.random.default_rng([seed, index])
        nuclei = _place(random, size)
        labels[index], depth, gap = _partition(nuclei, random, size)
        images[index, 0] = _photograph(labels[index], depth, gap, random)
    return TouchingCells(images, labels)


def count_touching_pairs(labels: NDArray[Any]) -> int:
    """Count pairs of labels of which a pixel lies above, below, left or right of a pixel of the other.

    Parameters
    ----------
    labels : (H, W) integer array
        0 for the background.

    Returns
    -------
    int
        0 or more.

    Raises
    ------
    ValueError
        If the array has another number of dimensions.

    Examples
    --------
    >>> count_touching_pairs(np.array([[1, 1, 2], [0, 0, 2], [3, 0, 2]]))
    1
    """
    labels = np.asarray(labels)
    if labels.ndim != 2:
        raise ValueError(f"labels needs one image (H, W), got the shape {labels.shape}")
    pairs: set[tuple[int, int]] = set()
    for one, other in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        meet = (one != other) & (one > 0) & (other > 0)
        low, high = np.minimum(one[meet], other[meet]), np.maximum(one[meet], other[meet])
        pairs |= set(zip(low.tolist(), high.tolist(), strict=True))
    return len(pairs)


def contact_masks(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark the pixels of a nucleus that have a pixel of another one among their eight neighbours.

    This is the border that a net must find to keep touching nuclei apart: as a class of its own, or weighted in the
    loss as by Ronneberger et al., "U-Net", 2015.

    Parameters
    ----------
    labels : (N, H, W) integer array
        0 for the background.

    Returns
    -------
    (N, H, W) bool array
        A line of two pixels between touching nuclei, one on either side.

    Raises
    ------
    ValueError
        If the array has another number of dimensions.

    Examples
    --------
    >>> contact_masks(np.array([[[1, 1, 1, 2, 2, 0, 3]]])).astype(int).tolist()
    [[[0, 0, 1, 1, 0, 0, 0]]]
    """
    labels = np.asarray(labels)
    if labels.ndim != 3:
        raise ValueError(f"labels needs images (N, H, W), got the shape {labels.shape}")
    framed = np.pad(labels, ((0, 0), (1, 1), (1, 1)))
    contact = np.zeros(labels.shape, bool)
    height, width = labels.shape[1:]
    for down, right in np.ndindex(3, 3):
        neighbour = framed[:, down : down + height, right : right + width]
        contact |= (neighbour > 0) & (neighbour != labels)
    return contact & (labels > 0)


@dataclass(frozen=True)
class _Nuclei:
    """Middles (row, column) and mean radii in pixels."""

    middles: NDArray[np.float64]
    radii: NDArray[np.float64]


def _place(random: np.random.Generator, size: int) -> _Nuclei:
    """Draw sites, some alone, some in clumps, and push apart those that are closer than nuclei of their size lie."""
    radius = np.clip(random.lognormal(np.log(8), 0.2), 5.5, 12)
    number = 1 + random.poisson(random.uniform(0.08, 0.28) * size**2 / (np.pi * radius**2))
    radii = radius * np.clip(random.lognormal(0, 0.15, number), 0.6, 1.6)
    middles = random.uniform(0, size, (number, 2))
    clumped = random.random(number) < 0.15
    mothers = random.integers(number, size=number)
    middles[clumped] = middles[mothers[clumped]] + random.normal(0, 1.5 * radius, (int(clumped.sum()), 2))
    closest = random.uniform(0.93, 1.22) * (radii[:, None] + radii)
    self_distance = np.diag(np.full(number, 1e9))
    for _ in range(8):
        apart = middles[:, None] - middles
        distance = np.hypot(apart[..., 0], apart[..., 1]) + self_distance + 1e-6
        push = np.maximum(closest - distance, 0) / distance
        middles = middles + 0.45 * (push[:, :, None] * apart).sum(axis=1)
    inside = ((middles > -0.5 * radius) & (middles < size + 0.5 * radius)).all(axis=1)
    return _Nuclei(middles[inside], radii[inside])


def _partition(
    nuclei: _Nuclei, random: np.random.Generator, size: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Return labels, the depth inside the nucleus, and the distance to the border with the next one, in pixels."""
    number, radii = len(nuclei.radii), nuclei.radii.astype(np.float32)[:, None, None]
    reach = int(1.5 * radii.max(initial=1)) + 2
    side = 2 * reach + 1
    corners = np.round(nuclei.middles).astype(int)  # in a frame of `reach` pixels, the patch begins here
    steps = np.arange(-reach, reach + 1, dtype=np.float32)
    offsets = (corners - nuclei.middles).astype(np.float32)
    y, x = offsets[:, 0, None, None] + steps[:, None], offsets[:, 1, None, None] + steps
    turn = random.uniform(0, np.pi, (number, 1, 1)).astype(np.float32)
    stretch = np.sqrt(random.uniform(1, 1.55, (number, 1, 1))).astype(np.float32)
    u = (np.cos(turn) * x + np.sin(turn) * y) / stretch
    v = (np.cos(turn) * y - np.sin(turn) * x) * stretch
    norm = np.sqrt(u * u + v * v) + np.float32(1e-6)
    wave = 1 + np.zeros_like(norm)
    direction = (u + 1j * v) / norm
    harmonic = direction
    for order in (2, 3, 4, 5):  # an edge that waves 2 to 5 times around
        harmonic = harmonic * direction
        amplitude = random.normal(0, 0.08 / order, (2, number, 1, 1)).astype(np.float32)
        wave += amplitude[0] * harmonic.real + amplitude[1] * harmonic.imag
    outside = norm - radii * wave  # below zero within the nucleus

    frame = (size + 2 * reach, size + 2 * reach)
    first, second, labels = np.full(frame, 1e3, np.float32), np.full(frame, 1e3, np.float32), np.zeros(frame, np.int32)
    for place, (row, column) in enumerate(corners):
        window = (slice(max(row, 0), row + side), slice(max(column, 0), column + side))
        patch = outside[place, max(-row, 0) :, max(-column, 0) :][: frame[0] - max(row, 0), : frame[1] - max(column, 0)]
        nearest = first[window]
        np.minimum(second[window], np.maximum(nearest, patch), out=second[window])
        labels[window][patch < nearest] = place + 1
        np.minimum(nearest, patch, out=nearest)
    inner = (slice(reach, reach + size),) * 2
    first, second, labels = first[inner], second[inner], labels[inner]
    labels = np.where(first < 0, labels, 0)
    areas = np.bincount(labels.ravel(), minlength=number + 1)
    kept = areas >= 12  # of a nucleus at the edge of the image a crumb may remain
    kept[0] = False
    numbers = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    return numbers[labels], np.maximum(-first, 0).astype(np.float32), ((second - first) / 2).astype(np.float32)


def _photograph(
    labels: NDArray[np.int32], depth: NDArray[np.float32], gap: NDArray[np.float32], random: np.random.Generator
) -> NDArray[np.float32]:
    """Return the image of the nuclei: stain, gaps, halo, blur, uneven light, photons."""
    from scipy.ndimage import gaussian_filter  # here, since it takes half a second

    size = len(labels)
    stain = np.clip(random.lognormal(-0.7, 0.4, labels.max(initial=0) + 1), 0.12, 0.95).astype(np.float32)
    stain[0] = 0
    noise = random.standard_normal((2, size, size), np.float32)
    texture = gaussian_filter(noise[0], 1.5) * 5  # a standard deviation of about 1
    clear = np.float32(random.uniform(0.35, 0.95))  # how dark the gap is
    light = stain[labels] * (0.55 + 0.45 * np.minimum(depth / 3, 1)) * (1 + 0.1 * texture)
    light *= 1 - clear * np.exp(-((gap / np.float32(0.9)) ** 2))
    for row, column in random.uniform(2, size - 2, (random.poisson(size**2 / 12_000), 2)).astype(int):
        light[row - 1 : row + 2, column - 1 : column + 2] += np.float32(random.uniform(0.2, 0.8))  # a speck of dirt
    blurred = gaussian_filter(light, random.uniform(0.6, 1.3), truncate=3)
    small = light.reshape(size // 4, 4, -1, 4).mean(axis=(1, 3)) if size % 4 == 0 else light[::4, ::4]
    halo = np.kron(gaussian_filter(small, 2.5), np.ones((4, 4), np.float32))[:size, :size]
    slope = random.uniform(-0.35, 0.35, 2)
    across = np.linspace(-1, 1, size, dtype=np.float32)
    uneven = 1 + slope[0] * across[:, None] + slope[1] * across
    image = (blurred + 0.25 * halo + random.uniform(0.02, 0.1)) * uneven.astype(np.float32)
    photons = np.float32(random.uniform(80, 500))
    image = image + np.sqrt(np.maximum(image, 0) / photons + 1e-4) * noise[1]
    return np.clip(image, 0, 1)
