"""Patches of a slide: normal lymph node, metastasis, and metastasis with a mitosis in the middle.

A phantom by the painter of the whole slide (`slide_paint`, which cites its numbers). Chosen so that colour alone does
not tell: normal patches are also germinal centres with large pale nuclei, sinuses, capsule and fat; a metastasis may
fill only part of its patch; each patch may come from another laboratory, with dyes and strengths of its own, and its
section is thicker or thinner (by 15 %).
Lacks: what the painter lacks; and neighbours: real patches of one slide are alike.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from course_lib.data.phantoms.slide_anatomy import GRID_UM, smooth_noise
from course_lib.data.phantoms.slide_nuclei import make_stamps
from course_lib.data.phantoms.slide_paint import Nuclei, Tissue, paint, scatter_nuclei, site_table

__all__ = ["SlidePatches", "make_slide_patches"]

_NUM_SITES = 24
_HABITS = ("lymphocytes", "centre", "sinus", "capsule")  # of normal patches
_MARGIN = 2  # points of the coarse grid around a patch


@dataclass(frozen=True, eq=False)
class SlidePatches:
    """Patches with their classes.

    Parameters
    ----------
    images : (N, 3, H, W) float32 array, 0 … 1
        Red, green, blue.
    labels : (N,) int64 array
        0 normal, 1 metastasis, 2 metastasis with a mitosis in the middle.
    sites : (N,) int64 array
        The laboratory, 0 … 23.
    tumour_fraction : (N,) float32 array, 0 … 1
        Share of the patch that the metastasis takes.
    mpp : float
        Micrometres a pixel.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    sites: NDArray[np.int64]
    tumour_fraction: NDArray[np.float32]
    mpp: float


def make_slide_patches(
    count: int, *, seed: int = 0, size: int = 128, mpp: float = 0.5, mitosis_fraction: float = 0.0
) -> SlidePatches:
    """Draw patches, every second of them normal.

    Parameters
    ----------
    count : int
        At least 0; more patches do not change the first ones.
    seed : int
        The same seed gives the same patches.
    size : int
        Height and width in pixels, 16 to 1024.
    mpp : float
        Micrometres a pixel, 0.2 to 4.
    mitosis_fraction : float
        Share of the metastases that show a mitosis in their middle, 0 … 1.

    Returns
    -------
    SlidePatches

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> patches = make_slide_patches(6, size=64, mitosis_fraction=1)
    >>> patches.images.shape, patches.labels.tolist()
    ((6, 3, 64, 64), [0, 2, 0, 2, 0, 2])
    """
    if count < 0:
        raise ValueError(f"count is at least 0, got {count}")
    if not 16 <= size <= 1024:
        raise ValueError(f"size needs 16 to 1024 pixels, got {size}")
    if not 0.2 <= mpp <= 4:
        raise ValueError(f"mpp needs 0.2 to 4 micrometres a pixel, got {mpp}")
    if not 0 <= mitosis_fraction <= 1:
        raise ValueError(f"mitosis_fraction needs to be 0 to 1, got {mitosis_fraction}")
    images = np.empty((count, 3, size, size), np.float32)
    labels, sites = np.empty(count, np.int64), np.empty(count, np.int64)
    fraction = np.empty(count, np.float32)
    tables = _tables()
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        labels[i] = i % 2 * (1 + (rng.random() < mitosis_fraction))
        sites[i] = rng.integers(_NUM_SITES)
        tissue = _tissue(rng, size, mpp, ill=bool(labels[i]))
        start = _MARGIN * tissue.step
        whole = size + 2 * start
        nuclei = scatter_nuclei(tissue, rng, width=whole, height=whole, mitoses_per_mm2=0)
        if labels[i] == 2:
            nuclei = _with_mitosis(rng, nuclei, whole // 2, mpp)
        shift = 0 if labels[i] == 2 else int(rng.integers(-tissue.step, tissue.step + 1))
        picture = paint(tissue, nuclei, tables[sites[i]], x=start + shift, y=start, width=size, height=size)
        thickness = rng.uniform(0.85, 1.15)  # a thicker section absorbs more
        light = ((np.arange(256) / 255) ** thickness).astype(np.float32)
        images[i] = np.take(light, picture[..., :3]).transpose(2, 0, 1)
        fraction[i] = tissue.layers["tumour"][_MARGIN:-_MARGIN, _MARGIN:-_MARGIN].mean()
    return SlidePatches(images, labels, sites, fraction, mpp)


@cache
def _tables() -> list[NDArray[np.uint32]]:
    """Return the colours of all laboratories."""
    return [site_table(site) for site in range(_NUM_SITES)]


def _tissue(rng: np.random.Generator, size: int, mpp: float, *, ill: bool) -> Tissue:
    """Draw the coarse layers of one patch."""
    step = max(1, round(GRID_UM / mpp))
    points = -(-size // step) + 2 * _MARGIN
    y, x = (np.indices((points, points), dtype=np.float32) - (points - 1) / 2) * GRID_UM
    turn = rng.uniform(0, 2 * np.pi)
    across = (x * np.cos(turn) + y * np.sin(turn)).astype(np.float32)  # µm from a line through the middle
    across += 10 * smooth_noise(rng, across.shape, 2)
    half = size * mpp / 2
    zero = np.zeros_like(across)
    layers = dict.fromkeys(("fat", "fibre", "tumour", "centre", "sinus"), zero)
    layers["tissue"] = zero + 1
    layers["lymphocytes"] = zero + np.float32(rng.uniform(0.55, 0.95))
    if ill:
        layers["tumour"] = _side(across, rng.uniform(-0.2, 0.9) * half) if rng.random() < 0.75 else zero + 1
        if rng.random() < 0.4:
            layers["fibre"] = _stripe(across, rng.uniform(-1, 1) * half, rng.uniform(8, 25))
    else:
        habit = _HABITS[rng.integers(len(_HABITS))]
        if habit == "centre":
            layers["centre"] = _side(across, rng.uniform(-0.2, 1.5) * half)
        elif habit == "sinus":
            layers["sinus"] = _stripe(across, rng.uniform(-0.6, 0.6) * half, rng.uniform(10, 40))
        elif habit == "capsule":
            border = rng.uniform(-0.7, 0.7) * half
            layers["fibre"] = _stripe(across, border, rng.uniform(8, 25))
            layers["fat"] = _side(-across, -border - 10)
    taken = np.clip(layers["fibre"] + layers["fat"], 0, 1)
    layers["tumour"] = layers["tumour"] * (1 - taken)
    covered = np.clip(layers["tumour"] + taken, 0, 1)
    layers["lymphocytes"] = (
        layers["lymphocytes"] * (1 - covered) * (1 - 0.9 * layers["centre"]) * (1 - 0.8 * layers["sinus"])
    )
    offset = rng.integers(0, round(512 / mpp), 2)
    return Tissue(layers, across, step, mpp, (int(offset[0]), int(offset[1])))


def _side(across: NDArray[np.float32], border: float) -> NDArray[np.float32]:
    """Return 1 on one side of a line, 0 on the other."""
    return np.clip((np.float32(border) - across) / np.float32(GRID_UM) + np.float32(0.5), 0, 1)


def _stripe(across: NDArray[np.float32], middle: float, half_width: float) -> NDArray[np.float32]:
    """Return 1 along a line, 0 away from it."""
    return np.clip(
        (np.float32(half_width) - np.abs(across - np.float32(middle))) / np.float32(GRID_UM) + np.float32(0.5), 0, 1
    )


def _with_mitosis(rng: np.random.Generator, nuclei: Nuclei, middle: int, mpp: float) -> Nuclei:
    """Put a dividing nucleus into the middle and take away those that it would touch."""
    stamps = make_stamps(mpp)
    away = np.hypot(nuclei.x - middle, nuclei.y - middle) * mpp > 10
    number = stamps.first["mitosis"] + int(rng.integers(stamps.count["mitosis"]))
    x, y, stamp = (
        np.append(array[away], value).astype(np.int32)
        for array, value in ((nuclei.x, middle), (nuclei.y, middle), (nuclei.stamp, number))
    )
    return Nuclei(x, y, stamp, np.array([[middle, middle]], np.int32))
