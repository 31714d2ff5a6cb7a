"""What spoils a slide: a pen's mark on the glass, dust, and a fold where the section lies double.

A fold absorbs twice, so its transmitted light is squared; pen and dust take a share of the light (Beer and Lambert).
Their number, place and colour are chosen.
Lacks: air bubbles, tears, knife marks, blur and stitching errors of the scanner.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

__all__ = ["Artefacts", "make_artefacts", "spoil"]

_PEN = np.array([0.10, 0.42, 0.28])  # light that green ink lets through


@dataclass(frozen=True, eq=False)
class Artefacts:
    """Marks on a coarse grid.

    Parameters
    ----------
    fold, pen, dust : (h, w) float32 arrays, 0 … 1
        How much of each is there.
    step : int
        Pixels of the slide a point of the grid.
    """

    fold: NDArray[np.float32]
    pen: NDArray[np.float32]
    dust: NDArray[np.float32]
    step: int


def make_artefacts(rng: np.random.Generator, shape: tuple[int, int], step: int) -> Artefacts:
    """Draw one fold, one stroke of a pen and some dust.

    Parameters
    ----------
    rng : numpy generator
    shape : two ints
        Of the coarse grid.
    step : int
        Pixels of the slide a point of the grid.

    Returns
    -------
    Artefacts

    Examples
    --------
    >>> make_artefacts(np.random.default_rng(0), (100, 100), 32).fold.shape
    (100, 100)
    """
    y, x = np.indices(shape) / max(shape)
    turn, shift = rng.uniform(0, np.pi), rng.uniform(-0.12, 0.12)
    across = (x - 0.5) * np.cos(turn) + (y - 0.5) * np.sin(turn) - shift
    along = -(x - 0.5) * np.sin(turn) + (y - 0.5) * np.cos(turn)
    across = across + 0.02 * np.sin(9 * along + rng.uniform(0, 6))
    fold = np.clip(1.5 - np.abs(across) / 0.006, 0, 1) * (np.abs(along) < 0.3)
    centre, radius = rng.uniform(0.2, 0.8, 2), rng.uniform(0.12, 0.2)
    ring = np.abs(np.hypot(x - centre[0], (y - centre[1]) * 1.2) - radius)
    pen = np.clip(2 - ring / 0.006, 0, 1) * (np.arctan2(y - centre[1], x - centre[0]) < 2)
    dust = np.zeros(shape)
    dust[tuple(rng.integers(0, side, 14) for side in shape)] = 1
    dust = np.clip(gaussian_filter(dust, 1.2) * 7, 0, 0.8)
    return Artefacts(fold.astype(np.float32), pen.astype(np.float32), dust.astype(np.float32), step)


def spoil(picture: NDArray[np.uint8], artefacts: Artefacts, *, x: int, y: int) -> NDArray[np.uint8]:
    """Put the artefacts over a rectangle of the slide.

    Parameters
    ----------
    picture : (h, w, 3 or 4) uint8 array
        What `paint` gave.
    artefacts : Artefacts
    x, y : int
        Upper left corner of the rectangle, in pixels of the slide.

    Returns
    -------
    (h, w, 3) uint8 array
    """
    height, width = picture.shape[:2]
    step = artefacts.step
    box = (x / step, y / step, (x + width) / step, (y + height) / step)

    def enlarged(layer: NDArray[np.float32]) -> NDArray[np.float32]:
        picture = Image.fromarray(layer).resize((width, height), Image.Resampling.BILINEAR, box=box)
        return np.asarray(picture)[..., None]

    fold, pen, dust = (enlarged(layer) for layer in (artefacts.fold, artefacts.pen, artefacts.dust))
    light = picture[..., :3].astype(np.float32) / 255
    if fold.any():
        light = light ** (1 + fold)
    if pen.any():
        light = light * (1 - pen * (1 - _PEN.astype(np.float32)))
    light = light * (1 - dust)
    return np.rint(255 * light).astype(np.uint8)
