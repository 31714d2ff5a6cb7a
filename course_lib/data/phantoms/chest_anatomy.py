"""The healthy thorax of the chest X-ray phantom: what a ray crosses, in millimetres, added up along each line.

Body, lungs, heart, domes of the diaphragm, aorta, spine and breasts are solids whose chord along the ray has a formula
(ellipsoids, and ellipsoids with a sheared axis); ribs, clavicles and shoulder blades are tubes; vessels are branching
tubes put down point by point. All lengths are those on the detector. The sizes of organs are chosen to look like an
adult, but for these: the heart's width follows from the cardiothoracic ratio; the aortic knob is 0.0199 cm × age + 1.95
cm wide (films of 113 healthy adults, Ribat Hospital, Sudan, 2019–2020); an AP film from d cm shows
the heart 0.968 / (0.00099 d + 0.79) times as wide as a PA film from 180 cm (Chon 2011, J Korean Med Sci 26:1446).

Lacks: hila with named vessels, heart chambers, fissures of the healthy, rotation and tilt of the patient, devices.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FIELD_MM", "Body", "Thorax", "blur", "draw_thorax", "make_body", "smooth_noise"]

FIELD_MM = 350.0  # side of the film
Map = NDArray[Any]  # float32; numpy's stubs do not follow the kind through sums


@dataclass
class Body:
    """What is known of a patient on the day of a film, before it is drawn.

    `cardiothoracic_ratio` is that of a PA film; `dome_mm` holds the height of the right and the left dome of the
    diaphragm below the middle of the film; lengths in mm.
    """

    age_years: float
    female: bool
    supine: bool
    cardiothoracic_ratio: float
    thorax_mm: float
    depth_mm: float
    fat_mm: float
    dome_mm: NDArray[np.float64]
    dome_height_mm: float
    knob_mm: float
    rib_gap_mm: float
    heart_zoom: float
    lung_density: float
    shift_mm: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Thorax:
    """A drawn thorax; the first of two is the patient's right side, which is the left one of the image.

    `water_mm` (H, W) is all that weakens the ray, as millimetres of water, with the lungs full of air; `lungs_mm`
    (2, H, W) how much of the ray is lung, `vessels_mm` (H, W) how much of it vessels; `inside` (2, H, W) runs over a
    lung from its inner to its outer border, 0 … 1; `down` (2, H, W) from the apex to the dome; `heart` (H, W) is the
    shadow of the heart; `x_mm` (1, W) and `y_mm` (H, 1) are the places of the pixels.
    """

    water_mm: Map
    lungs_mm: Map
    vessels_mm: Map
    inside: Map
    down: Map
    heart: NDArray[np.bool_]
    thorax_width_mm: float
    heart_width_mm: float
    x_mm: Map
    y_mm: Map
    body: Body


def make_body(rng: np.random.Generator, *, age_years: float, female: bool) -> Body:
    """Draw a healthy patient of an age and a sex; men are larger by 8 %.

    Examples
    --------
    >>> body = make_body(np.random.default_rng(0), age_years=60, female=False)
    >>> bool(body.cardiothoracic_ratio < 0.5)
    True
    """
    large = 0.92 if female else 1.0
    ratio = 0.405 + 0.0009 * age_years + 0.015 * female + 0.022 * rng.standard_normal()
    old = max(age_years - 50, 0) / 40
    return Body(
        age_years=age_years,
        female=female,
        supine=False,
        cardiothoracic_ratio=float(np.clip(ratio, 0.36, 0.495)),
        thorax_mm=288 * large * (1 + 0.035 * rng.standard_normal()),
        depth_mm=215 * large * (1 + 0.05 * rng.standard_normal() + 0.06 * old),
        fat_mm=float(rng.uniform(14, 34)),
        dome_mm=np.array([70, 84]) + 7 * rng.standard_normal() + 3 * rng.standard_normal(2),
        dome_height_mm=float(rng.uniform(46, 60)),
        knob_mm=float(np.clip(19.47 + 0.199 * age_years + 2.5 * rng.standard_normal(), 15, 48)),
        rib_gap_mm=25.5 * large * (1 + 0.04 * rng.standard_normal()) * (1 - 0.05 * old),
        heart_zoom=1.0,
        lung_density=float(0.26 + 0.02 * rng.standard_normal()),
        shift_mm=np.array([4.0, 5.0]) * rng.standard_normal(2),
    )


def draw_thorax(body: Body, rng: np.random.Generator, *, size: int) -> Thorax:
    """Add up what each ray crosses."""
    x, y = _grid(size, *body.shift_mm)
    side = np.array([-1, 1], np.float32).reshape(2, 1, 1)
    away = np.abs(x)
    gap = 13 + 3 * float(body.fat_mm > 24)
    lungs, inside, down = _lungs(body, x, y, side, gap)
    (heart, waist), heart_width = _heart(body, x, y)
    lungs -= np.minimum(lungs, np.maximum(heart, waist))
    # The arch lies behind the trachea and the descending aorta beside the spine; with age both move to the left.
    old = max(body.age_years - 50, 0) / 40
    lungs[1] -= np.minimum(lungs[1], _ellipsoid(x, y, (8 + body.knob_mm - 21, -62), (21, 22 + 4 * old), 90))
    course = 18 + 0.55 * (body.knob_mm - 21) + 10 * old * np.sin(np.clip((y + 60) / 150, 0, 1) * np.pi)
    lungs[1] -= np.minimum(lungs[1], 24 * _tube((x - course) / 15) * (y > -60))
    vessels = _vessels(rng, size, body.shift_mm, lungs)
    bone = _ribs(body, x, y, away, lungs) + _spine(body, x, y) + _shoulders(body, x, y, away)
    water = _soft_tissue(body, x, y, away) + (1.0 if body.age_years < 20 else 1.15 - 0.005 * body.age_years) * bone
    trachea = 26 * _tube((x - 2 * old * (y > -110)) / (9 - 1.5 * body.female)) * _between(y, -185, -48)
    bronchi = 20 * _tube((away - 4 - 0.75 * (y + 48)) / 6) * _between(y, -46, -18)
    water = water - trachea - bronchi - _stomach(body, x, y, rng)
    water = water - (1 - body.lung_density) * (lungs[0] + lungs[1]) + vessels
    return Thorax(
        water.astype(np.float32),
        lungs,
        vessels,
        inside,
        down,
        heart > 0,
        float(body.thorax_mm),
        heart_width,
        x,
        y,
        body,
    )


def smooth_noise(rng: np.random.Generator, size: int, cells: int) -> Map:
    """Noise of mean 0 and deviation about 1 that varies over 1 / `cells` of the film."""
    weights = _spline(size, cells)
    return weights @ rng.standard_normal((weights.shape[1],) * 2, dtype=np.float32) @ weights.T


def blur(image: Map, sigma_px: float) -> Map:
    """Blur by a Gaussian; what lies beyond the border is as the border."""
    weights = _gaussian(image.shape[-1], round(float(sigma_px), 3))
    return weights @ image @ weights.T


@lru_cache(maxsize=16)
def _spline(size: int, cells: int) -> Map:
    place = (np.arange(size) + 0.5)[:, None] * cells / size
    weights = np.exp(-2 * (place - np.arange(-1, cells + 2)) ** 2)
    return (weights / np.sqrt((weights**2).sum(axis=1, keepdims=True))).astype(np.float32)


@lru_cache(maxsize=64)
def _gaussian(size: int, sigma_px: float) -> Map:
    places = np.arange(size)
    beyond = np.clip(np.arange(-size, 2 * size), 0, size - 1)
    weights = np.exp(-0.5 * ((places[:, None] - np.arange(-size, 2 * size)) / max(sigma_px, 1e-3)) ** 2)
    folded = np.zeros((size, size))
    np.add.at(folded.T, beyond, weights.T)
    return (folded / folded.sum(axis=1, keepdims=True)).astype(np.float32)


def _grid(size: int, right_mm: float, down_mm: float) -> tuple[Map, Map]:
    """Return where the pixels lie, seen from the middle of the patient."""
    places = ((np.arange(size) + 0.5) / size - 0.5) * FIELD_MM
    return (places - right_mm)[None, :].astype(np.float32), (places - down_mm)[:, None].astype(np.float32)


def _tube(distance: Map) -> Map:
    """Chord of a cylinder, 1 in the middle, 0 from a distance of one radius on."""
    return np.sqrt(np.maximum(1 - distance * distance, 0))


def _ellipsoid(x: Map, y: Map, middle: tuple[float, float], half: tuple[float, float], chord: float) -> Map:
    """Chord of an ellipsoid that is `chord` thick in the middle."""
    return chord * np.sqrt(np.maximum(1 - ((x - middle[0]) / half[0]) ** 2 - ((y - middle[1]) / half[1]) ** 2, 0))


def _between(y: Map, start: float, end: float) -> Map:
    """1 between two heights, with soft ends of some mm."""
    return np.clip((y - start) / 8, 0, 1) * np.clip((end - y) / 8, 0, 1)


def _lungs(body: Body, x: Map, y: Map, side: Map, gap: float) -> tuple[Map, Map, Map]:
    """Lungs are ellipsoids whose axis leans so that the inner border stays at the mediastinum; domes cut them below."""
    apex, belly = -140.0, 62.0
    high = (belly - y) / (belly - apex)  # (H, 1): 1 at the apex
    level = np.sqrt(np.maximum(1 - np.abs(high) ** 2.3, 0))
    half = (body.thorax_mm / 4 - gap / 2) * level
    inner = gap + 26 * np.clip(high, 0, 1) ** 4
    across = (side * x - inner - half) / np.maximum(half, 1e-3)  # (2, H, W): −1 inner border … 1 outer border
    chord = 0.76 * body.depth_mm * level * np.maximum(1 - across * across, 0) ** 0.42
    dome = body.dome_mm.astype(np.float32).reshape(2, 1, 1)
    wide = body.thorax_mm / 4 + 8
    rise = body.dome_height_mm
    # A dome hides the lung within 6 mm of its edge; to the side it falls off into the costophrenic angle.
    off = (side * x - wide + 8) / wide
    fall = rise * (1 - np.sqrt(np.maximum(1 - np.where(off < 0, 0.62 * off, off) ** 2, 0)))
    lungs = (chord * np.clip((dome + fall - y) / 6 + 0.5, 0, 1)).astype(np.float32)
    return lungs, np.clip((across + 1) / 2, 0, 1), np.clip((y - apex) / (dome - apex) + 0 * across, 0, 1)


def _heart(body: Body, x: Map, y: Map) -> tuple[tuple[Map, Map], float]:
    """Left chambers lean to the left, two thirds of the width; the right atrium is the last third on the right."""
    width = float(body.cardiothoracic_ratio * body.thorax_mm * body.heart_zoom)
    floor = float(body.dome_mm.mean()) + 8
    lean, thin = math.radians(42), 0.78
    long = 0.43 * width / math.hypot(math.cos(lean), thin * math.sin(lean))
    tall = long * math.hypot(math.sin(lean), thin * math.cos(lean))
    across, along = x - 0.24 * width, y - floor + tall
    u = (across * math.cos(lean) + along * math.sin(lean)) / long
    v = (along * math.cos(lean) - across * math.sin(lean)) / (thin * long)
    left = np.sqrt(np.maximum(1 - u * u - v * v, 0))
    right = _ellipsoid(x, y, (-0.03 * width, floor - 0.40 * width), (0.30 * width, 0.42 * width), 1.0)
    root = np.maximum(left, right).astype(np.float32)
    # The trunk of the lung artery fills the waist between heart and arch.
    waist = _ellipsoid(x, y, (6, floor - 1.6 * tall), (30, 40), 90)
    return (1.05 * width * root, waist), width


def _soft_tissue(body: Body, x: Map, y: Map, away: Map) -> Map:
    wide = body.thorax_mm / 2 + 1.1 * body.fat_mm + 12
    round_ = np.maximum(1 - (away / wide) ** 6, 0) ** 0.6
    chest = (body.depth_mm + 1.5 * body.fat_mm) * round_ * np.clip((y + 260) / 170, 0, 1) ** 0.5
    top = -162 + 0.20 * np.maximum(away - 55, 0) + 0.0007 * np.maximum(away - 55, 0) ** 2
    depth = np.maximum(y - top, 0)
    shoulder = np.minimum(25 * np.sqrt(depth), 165) * np.clip((50 - y) / 110, 0, 1)
    neck = 118 * _tube(x / 60) * np.clip((-40 - y) / 90, 0, 1)
    tissue = np.maximum(np.maximum(chest * np.clip(depth / 40, 0, 1) ** 0.5, shoulder), neck)
    if body.female:
        for sign in (-1, 1):
            breast = _ellipsoid(x, y, (sign * 82, 44), (60, 52), 1.0)
            tissue = tissue + (10 + 0.9 * body.fat_mm) * breast**1.5
    return tissue


def _ribs(body: Body, x: Map, y: Map, away: Map, lungs: Map) -> Map:
    """Ribs behind fall from the spine outwards and ribs in front rise outwards; both meet at the chest wall."""
    level = np.maximum(1 - np.maximum((62 - y) / 206, 0) ** 2.3, 0.02) ** 0.5
    share = away / (body.thorax_mm / 2 * level + 5)
    bent = y + 4 * np.sin(y / 50)
    behind = (bent - 34 * share**2 + 14 * np.sqrt(np.maximum(share - 0.1, 0))) / body.rib_gap_mm
    front = (bent + 62 * share**1.5 - 12) / body.rib_gap_mm
    edge = np.clip(1 / np.sqrt(np.maximum(1.02 - share**2, 0.1)), 1, 2.6) * (share < 1.02)
    chest = np.clip(1 - (np.abs(y + 15) / 150) ** 6, 0, 1)
    out = np.zeros_like(share * y)
    for lines, radius, shown, first in ((behind, 5.4, 13.0, 0.10), (front, 6.4, 7.0, 0.36)):
        off = (lines - np.round(lines)) * body.rib_gap_mm / radius
        t = np.minimum(off * off, 1)
        out += shown * np.sqrt(1 - t) * (0.75 + 0.5 * t) * np.clip((share - first) / 0.06, 0, 1)
    out *= edge * chest
    calcified = max(body.age_years - 35, 0) / 45  # cartilage of the first ribs hardens with age
    spots = np.abs(np.sin(x * 0.9) * np.sin(y * 0.8))
    out += 12 * calcified * spots * _between(share, 0.20, 0.36) * (np.abs(front - np.round(front)) < 0.2) * (y < 40)
    return out * np.where(lungs.sum(axis=0) > 0, np.float32(1), np.float32(0.55))


def _spine(body: Body, x: Map, y: Map) -> Map:
    disc = np.abs(((y + 5 * body.rib_gap_mm) % 23) - 11.5) < 9.2
    return np.where(disc, np.float32(22), np.float32(13)) * _tube(x / 21) + 6 * _tube(x / 4) * (
        np.abs((y % 23) - 16) < 5
    )


def _shoulders(body: Body, x: Map, y: Map, away: Map) -> Map:
    """Collar bones, shoulder blades (rolled out of the lungs on PA films only) and the heads of the arms."""
    line = -112 - 0.30 * (away - 20) + 7 * np.sin((away - 20) / 21)
    off = (y - line) / 6.4
    bone = 27 * _tube(off) * (0.75 + 0.5 * np.minimum(off * off, 1)) * _between(away, 10, 158)
    border = (118 if body.supine else 141) + 0.10 * (y + 60) - 0.0016 * (y + 60) ** 2
    blade = 10 * _tube((away - border) / 4) + 4 * np.clip((away - border) / 10, 0, 1)
    bone += blade * _between(y, -118, 12) * (away < border + 62 - 0.35 * (y + 118))
    return bone + _ellipsoid(away, y, (176, -112), (24, 26), 38)


def _stomach(body: Body, x: Map, y: Map, rng: np.random.Generator) -> Map:
    """Air in the stomach under the left dome."""
    wide = rng.uniform(14, 30)
    bubble = _ellipsoid(
        x, y, (rng.uniform(50, 72), float(body.dome_mm[1]) + 22 + wide * 0.5), (wide, wide * 0.6), 2 * wide
    )
    return np.minimum(bubble, 45.0)


def _vessels(rng: np.random.Generator, size: int, shift: NDArray[np.float64], lungs: Map) -> Map:
    """Arteries and veins fan out from each hilum and divide twice; each point lays down its share of a tube."""
    paths, (right, left) = 96, ((-1, -10), (1, -18))
    side, hilum = np.repeat(np.array([right, left], np.float32), paths // 2, axis=0).T
    main = rng.integers(0, 9, paths).astype(np.float32)
    angle = -1.25 + 2.75 * (main + 0.5) / 9 + 0.16 * rng.standard_normal(paths, np.float32)
    split = np.where(np.arange(paths) % 4 == 0, 0, 12 + 63 * rng.random(paths, np.float32))[:, None]
    turn = 0.45 * rng.standard_normal(paths, np.float32)[:, None] * (split > 0)
    r = np.arange(0, 130, FIELD_MM / size / 1.5, dtype=np.float32)[None, :]
    heading = angle[:, None] + 0.0025 * rng.standard_normal(paths, np.float32)[:, None] * r
    after = np.maximum(r - split, 0) * turn
    cos, sin = np.cos(heading), np.sin(heading)
    xs = side[:, None] * (24 + r * cos - after * sin)
    start = hilum + 3.4 * (main - 4) + 2 * rng.standard_normal(paths, np.float32)
    ys = start[:, None] + r * sin + after * cos
    radius = 3 * np.exp(-r / 75) * np.where(split > 0, 0.62, 1) * (0.6 + 0.55 * rng.random((paths, 1), np.float32))
    pixel = FIELD_MM / size
    volume = np.pi * radius**2 * (pixel / 1.5) * (r >= np.maximum(split, 6))
    columns = np.floor((xs + float(shift[0])) / pixel + size / 2).astype(np.int64)
    rows = np.floor((ys + float(shift[1])) / pixel + size / 2).astype(np.int64)
    inside = (rows >= 0) & (rows < size) & (columns >= 0) & (columns < size)
    laid = np.bincount((rows * size + columns)[inside], weights=volume[inside] / pixel**2, minlength=size * size)
    tree = blur(laid.reshape(size, size).astype(np.float32), 1.7 / pixel + 0.25)
    hila = sum(_ellipsoid(*_grid(size, *shift), (s * 31, y0), (12, 22), 20) for s, y0 in ((-1, -8.0), (1, -18.0)))
    full = np.clip(lungs.sum(axis=0) / 60, 0, 1)
    grain = 2.2 * smooth_noise(rng, size, 40) + 2.0 * smooth_noise(rng, size, 16)
    return (4.5 * tree + hila + grain) * full
