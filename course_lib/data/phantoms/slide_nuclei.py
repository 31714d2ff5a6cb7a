"""Nuclei of a made-up lymph node, drawn once in many shapes and then stamped: small arrays of haematoxylin.

Sizes are chosen after textbooks: the nucleus of a small lymphocyte is hardly larger than a red cell (7 µm; here 6.5), a
cell of a germinal centre or a histiocyte has a larger and paler one (8.5), a carcinoma cell a larger one still (10.5),
pleomorphic, with open chromatin and nucleoli; a mitosis is a dark, ragged clump without a membrane. Densities are
chosen by eye.
Lacks: overlap in depth, focus, apoptosis, plasma cells, eosinophils and neutrophils.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

__all__ = ["KINDS", "ORIENTATIONS", "Stamps", "make_stamps"]

ORIENTATIONS = 12  # of spindle nuclei, over half a turn
KINDS = ("lymphocyte", "centre", "histiocyte", "tumour", "spindle", "mitosis")
_COPIES = {"lymphocyte": 96, "centre": 48, "histiocyte": 32, "tumour": 96, "spindle": 4 * ORIENTATIONS, "mitosis": 48}
# radius and its scatter (µm), longest aspect, wobble of the outline, density, rim, clumps of chromatin, nucleoli
_LOOKS = {
    "lymphocyte": (3.1, 0.30, 1.20, 0.04, 1.75, 0.10, 0.30, 0),
    "centre": (4.2, 0.60, 1.45, 0.05, 0.80, 0.40, 0.26, 2),
    "histiocyte": (4.0, 0.50, 1.70, 0.06, 0.60, 0.30, 0.18, 1),
    "tumour": (5.2, 1.05, 1.45, 0.035, 0.70, 0.50, 0.24, 2),
    "spindle": (3.0, 0.40, 5.00, 0.05, 1.35, 0.10, 0.20, 0),
}


@dataclass(frozen=True, eq=False)
class Stamps:
    """Nuclei ready to be stamped.

    Parameters
    ----------
    images : list of (n, n) uint8 arrays
        Optical density of haematoxylin in hundredths, 0 outside the nucleus; n is odd and the same within a kind.
    first : dict
        Where each kind of `KINDS` begins in the list.
    count : dict
        How many of each kind there are.
    """

    images: list[NDArray[np.uint8]]
    first: dict[str, int]
    count: dict[str, int]


@lru_cache(maxsize=4)
def make_stamps(mpp: float) -> Stamps:
    """Draw all nuclei for a resolution; always the same ones.

    Parameters
    ----------
    mpp : float
        Micrometres a pixel.

    Returns
    -------
    Stamps

    Examples
    --------
    >>> stamps = make_stamps(0.5)
    >>> stamps.count["lymphocyte"], stamps.images[0].shape  # 7 µm and room for its edge
    (96, (23, 23))
    """
    rng = np.random.default_rng(20_01)
    images: list[NDArray[np.uint8]] = []
    first, count = {}, {}
    for kind in KINDS:
        drawn = _mitoses(rng, mpp) if kind == "mitosis" else _nuclei(rng, kind, mpp)
        first[kind], count[kind] = len(images), len(drawn)
        images += list(np.clip(100 * drawn, 0, 255).astype(np.uint8))
    return Stamps(images, first, count)


def _grid(half: int, mpp: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return y and x in micrometres from the middle."""
    steps = np.arange(-half, half + 1, dtype=np.float64) * mpp
    return steps[:, None], steps[None, :]


def _nuclei(rng: np.random.Generator, kind: str, mpp: float) -> NDArray[np.float64]:
    """Draw nuclei of one kind, (copies, n, n): outline, membrane, clumped chromatin, nucleoli."""
    radius, scatter, aspect, wobble, density, rim, clumps, nucleoli = _LOOKS[kind]
    copies = _COPIES[kind]
    half = int(np.ceil((radius + 2 * scatter) * aspect**0.5 * 1.12 / mpp)) + 1
    y, x = _grid(half, mpp)
    spindle = kind == "spindle"
    turn = np.repeat(np.arange(ORIENTATIONS) * np.pi / ORIENTATIONS, copies // ORIENTATIONS) if spindle else None
    turns = turn if turn is not None else rng.uniform(0, np.pi, copies)
    stretch = np.sqrt(rng.uniform(0.6 * aspect if spindle else 1, aspect, copies))
    radii = radius + scatter * np.clip(rng.standard_normal(copies), -2, 2)
    out = np.empty((copies, 2 * half + 1, 2 * half + 1))
    for i in range(copies):
        dy, dx = rng.uniform(-0.5, 0.5, 2) * mpp
        u = ((x - dx) * np.cos(turns[i]) + (y - dy) * np.sin(turns[i])) / stretch[i]
        v = (-(x - dx) * np.sin(turns[i]) + (y - dy) * np.cos(turns[i])) * stretch[i]
        angle = np.arctan2(v, u)
        edge = 1 + sum(rng.normal(0, wobble) * np.cos(k * angle + rng.uniform(0, 6.3)) for k in (2, 3, 4))
        depth = radii[i] * edge - np.hypot(u, v)  # µm below the membrane
        soft = max(0.5, 0.8 * mpp)
        inside = np.clip(depth / soft + 0.5, 0, 1)
        chromatin = gaussian_filter(rng.standard_normal(out.shape[1:]), 0.55 / mpp)
        ink = density * rng.uniform(0.85, 1.15) + clumps * chromatin / (chromatin.std() + 1e-9)
        ink += rim * np.exp(-((depth / 0.7 - 0.6) ** 2))
        for _ in range(rng.integers(1, nucleoli + 1) if nucleoli else 0):
            place = rng.normal(0, 0.35 * radii[i], 2)
            size = 0.22 * radii[i] if kind == "tumour" else 0.16 * radii[i]
            ink += 0.9 * np.exp(-(((u - place[0]) ** 2 + (v - place[1]) ** 2) / (2 * (0.7 * size) ** 2)))
        out[i] = inside * np.clip(ink, 0.15, 2.4)
    return out


def _mitoses(rng: np.random.Generator, mpp: float) -> NDArray[np.float64]:
    """Draw figures of mitosis: plates, rings, two plates that part, and clumps, ragged and very dark."""
    half = int(np.ceil(9 / mpp))
    y, x = _grid(half, mpp)
    out = np.empty((_COPIES["mitosis"], 2 * half + 1, 2 * half + 1))
    for i in range(len(out)):
        along, across = rng.uniform(-1, 1, 60), rng.normal(0, 1, 60)
        if i % 4 == 0:  # metaphase
            points = np.stack([5.4 * along, 0.95 * across])
        elif i % 4 == 1:  # anaphase
            points = np.stack([4.6 * along, np.sign(across) * rng.uniform(2.2, 3.8) + 0.6 * rng.normal(0, 1, 60)])
        elif i % 4 == 2:  # prometaphase, seen from the pole
            points = rng.uniform(2.8, 3.8) * np.stack([np.cos(np.pi * along), np.sin(np.pi * along)])
            points += 0.7 * rng.normal(0, 1, (2, 60))
        else:  # a clump, often atypical
            points = 2.2 * rng.normal(0, 1, (2, 60)) * np.array([[1.3], [0.8]])
        turn = rng.uniform(0, np.pi)
        px = points[0] * np.cos(turn) - points[1] * np.sin(turn)
        py = points[0] * np.sin(turn) + points[1] * np.cos(turn)
        blobs = np.exp(-((x[..., None] - px) ** 2 + (y[..., None] - py) ** 2) / (2 * 0.75**2)).sum(axis=-1)
        out[i] = np.clip((blobs - 0.9) / 1.6, 0, 1) * rng.uniform(2.1, 2.5)
    return out
