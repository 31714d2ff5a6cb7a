"""The breasts of the mammogram phantom: a compressed pad of fat with gland, muscle and skin, in mm along the ray.

The texture's power falls off as 1/f^β with β = 3 (Burgess 2001, Medical Physics 28:419). The outline is a D on CC
views; on MLO views it runs up to the armpit beside the pectoral muscle. Compression to 52 mm, sizes and the course
of the strands are chosen.

Lacks: the two views are drawn on their own, they are no projections of one body.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["HEIGHT_MM", "THICK_MM", "Breast", "draw_breast", "power_law_noise"]

HEIGHT_MM = 200.0
THICK_MM = 52.0
BETA = 3.0
Map = NDArray[Any]  # float32; numpy's stubs do not follow the kind through sums


@dataclass
class Breast:
    """A left breast: the chest wall is the left edge; thickness and gland in mm."""

    inside: NDArray[np.bool_]
    gland: NDArray[np.bool_]
    muscle: NDArray[np.bool_]
    thick_mm: Map
    gland_mm: Map
    rim_mm: Map  # distance from the skin
    x_mm: Map
    y_mm: Map
    depth_mm: float
    half_mm: float


def draw_breast(
    own: np.random.Generator,
    shared: Map,
    size: int,
    view: int,
    shape: tuple[float, float, float],
    share: float,
    strand_seed: int,
) -> Breast:
    """Draw one breast: its own generator, the texture that both sides share, and what the woman has alike.

    `shape` is how far the breast stands out, half its height and a bend, in mm; `share` how much of it is gland, 0 … 1;
    `view` is 0 for CC, 1 for MLO.
    """
    depth, half, bend = shape
    depth, half = depth * (1 + 0.02 * own.standard_normal()), half * (1 + 0.02 * own.standard_normal())
    mm = HEIGHT_MM / size
    x = ((np.arange(size // 2) + 0.5) * mm)[None, :].astype(np.float32)
    y = ((np.arange(size) + 0.5) * mm - HEIGHT_MM / 2)[:, None].astype(np.float32)
    middle = (18 if view else 0) + 0.3 * bend  # on an MLO film the breast hangs lower
    t = (y - middle) / half
    outline = depth * np.maximum(1 - np.abs(t) ** 2.2, 0) ** 0.55
    if view:  # above the breast an MLO film shows the way to the armpit
        outline = np.where(y < middle, depth * np.maximum(1 - 0.38 * np.abs(t) ** 1.7, 0.5), outline)
    outline = outline + 4.5 * np.exp(-((y - middle) ** 2) / 40)  # nipple
    rim = (outline - x) * np.minimum(1, 0.45 + outline / (2 * depth))
    inside = rim > 0
    thick = THICK_MM * np.sqrt(np.clip(rim / 16, 0, 1) * (2 - np.clip(rim / 16, 0, 1)))
    border = 50 - 0.56 * (y + 100) + 2 * np.sin(y / 23 + bend) if view else np.full_like(y, -1.0)
    muscle = (x < border) & inside
    texture = 0.7 * shared + 0.714 * power_law_noise(own, size)
    # Gland lies behind the nipple, like a fan, and leaves a layer of fat below the skin.
    fan = ((x / depth - 0.52) / 0.50) ** 2 + (t / 0.72) ** 2
    wish = np.where(inside & (rim > 4) & ~muscle, 0.75 * texture - (2.6 - 1.6 * share) * fan, np.float32(-1e3))
    places = wish[inside & ~muscle]
    most = len(places) - max(1, int(share * len(places)))
    level = float(np.partition(places, most)[most])
    body = 1 / (1 + np.exp(np.clip((level - wish) / 0.33, -30, 30)))
    strands = _strands(np.random.default_rng(strand_seed), x, y - middle, depth)
    share_of_ray = 0.09 + 0.045 * texture + 0.09 * strands + body * (0.36 + 0.16 * share + 0.10 * texture)
    gland_mm = thick * np.clip(share_of_ray, 0, 0.95)
    flesh = np.clip((border - x) / 3 + 0.5, 0, 1)
    gland_mm = gland_mm + flesh * (thick * (0.58 + np.clip(border - x, 0, 60) / 280 + 0.02 * texture) - gland_mm)
    gland_mm = np.where(rim < 1.8, 2.6, gland_mm) * inside  # skin
    gland_mm = np.clip(gland_mm, 0, np.maximum(thick, 2.6) * inside)
    return Breast(inside, (wish > level) & inside, muscle, thick, gland_mm, rim, x, y, depth, half)


def _strands(rng: np.random.Generator, x: Map, y: Map, depth: float) -> Map:
    """Draw Cooper's ligaments and ducts: thin curved lines that run together at the nipple."""
    turn = np.arctan2(y, depth + 12 - x)
    far = np.hypot(y, depth + 12 - x)
    waves = sum(np.sin(far / rng.uniform(9, 22) + rng.uniform(0, 6.28)) for _ in range(3))
    coarse = np.cos(turn * rng.uniform(16, 22) + 0.5 * waves + rng.uniform(0, 6.28))
    lines = coarse + 0.6 * np.cos(turn * rng.uniform(29, 37) - 0.7 * waves + rng.uniform(0, 6.28))
    return np.clip(lines - 0.75, 0, 1).astype(np.float32)


@lru_cache(maxsize=4)
def _filter(size: int) -> Map:
    """Amplitude 1/f^(β/2), flat below 2 waves a film, scaled so that the noise has a deviation of 1."""
    f = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size // 2)[None, :]) * size
    amplitude = np.maximum(f, 2.0) ** (-BETA / 2)
    amplitude[0, 0] = 0
    twice = np.full(f.shape[1], 2.0)
    twice[0] = twice[-1] = 1
    return (amplitude * size * math.sqrt(0.5) / math.sqrt(float((amplitude**2 * twice).sum()))).astype(np.float32)


def power_law_noise(rng: np.random.Generator, size: int) -> Map:
    """Draw noise with the power spectrum 1/f^β, mean 0 and deviation 1."""
    white = rng.standard_normal((size, size // 2), dtype=np.float32)
    return np.fft.irfft2(np.fft.rfft2(white) * _filter(size), s=white.shape).astype(np.float32)
