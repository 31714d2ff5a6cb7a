"""Screening mammograms of made-up women: both breasts in two views each, with lesions, density and the truth.

A phantom. Each breast is a compressed pad of fat with gland in it; rays are weakened by Beer and Lambert's law, counted
(Poisson) and shown as −log, so that gland is white. The gland's texture falls off as 1/f^β with β = 3 (Burgess 2001;
Chen 2012 measured 3.17 in CC and 3.30 in MLO views). Left and right share half of their texture and all of their size,
so that what one breast has and the other has not is the sign to look for. Density a to d has the percent density that
readers' classes had in a study of 200 films (medians 6, 15, 51 and 78 %; Academic Radiology 2006, PubMed 16935726;
the ranges are chosen around them) and occurs in 10, 40, 40 and 10 % of women (BI-RADS atlas). The risk that a breast
of a BI-RADS category holds a cancer is that of the atlas: 1 and 2 none, 3 at most 2 %, 4 between, 5 at least 95 %.
Masses of 6 to 24 mm, clusters of 6 to 18 specks and all contrasts are chosen.

Lacks: clips, scars, skin folds, implants, lymph nodes, earlier films, distortion without a mass; specks of less than a
pixel are blurred over it; the two views do not share their texture, only size, density and lesion.

References
----------
A. Burgess, F. Jacobson, P. Judy, Medical Physics 28:419, 2001. L. Chen and others, Medical Physics 39:1435, 2012.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.data.phantoms.mammogram_anatomy import HEIGHT_MM, THICK_MM, Breast, Map, draw_breast, power_law_noise

__all__ = ["MAMMOGRAM_SIDES", "MAMMOGRAM_VIEWS", "MammogramPairs", "make_mammogram_pairs"]

MAMMOGRAM_SIDES = ("right", "left")
MAMMOGRAM_VIEWS = ("CC", "MLO")
_SHARES = (0.10, 0.40, 0.40, 0.10)  # of the densities a to d
_PERCENT = ((3, 10), (10, 26), (36, 64), (70, 86))
_FAT, _GLAND, _SPECK = 0.046, 0.080, 1.6  # weakening per mm at about 20 keV; a speck is calcium salt


@dataclass(frozen=True, eq=False)
class MammogramPairs:
    """Examinations of women and the truth about them.

    Axis 1 is the side, in the order of `MAMMOGRAM_SIDES`; axis 2 the view, in the order of `MAMMOGRAM_VIEWS`.

    Parameters
    ----------
    images : (N, 2, 2, H, W) float32 array
        0 (air) … 1; the chest wall is at the right edge for the right breast, at the left edge for the left one.
    densities : (N,) int64 array
        0 to 3 for the BI-RADS classes a to d.
    percent_densities : (N, 2) float32 array
        Share of the breast's area that is gland, in per cent, on the CC view.
    birads : (N, 2) int64 array
        Category of each breast: 1 negative, 2 benign, 3 probably benign, 4 suspicious, 5 highly suggestive of cancer.
    malignant : (N, 2) bool array
        Whether this breast holds a cancer.
    breast_masks, gland_masks, muscle_masks : (N, 2, 2, H, W) bool array
        All of the breast with muscle; gland; the pectoral muscle, on MLO views only.
    mass_masks, calcification_masks : (N, 2, 2, H, W) bool array
        Lesions, on both views of the breast that has them.
    spacing_mm : (float, float)
        Height and width of a pixel.
    """

    images: NDArray[np.float32]
    densities: NDArray[np.int64]
    percent_densities: NDArray[np.float32]
    birads: NDArray[np.int64]
    malignant: NDArray[np.bool_]
    breast_masks: NDArray[np.bool_]
    gland_masks: NDArray[np.bool_]
    muscle_masks: NDArray[np.bool_]
    mass_masks: NDArray[np.bool_]
    calcification_masks: NDArray[np.bool_]
    spacing_mm: tuple[float, float]


@dataclass
class _Lesion:
    """What one breast holds: suspicion 0 … 1 makes a mass spiky and specks small, many and unlike each other."""

    birads: int
    mass_mm: float
    specks: int
    suspicion: float
    out: float  # place: share of the way from the chest wall to the skin
    along: float  # and along the chest wall, −1 … 1


def make_mammogram_pairs(
    count: int, *, seed: int = 0, size: int = 256, densities: ArrayLike | None = None, lesion_share: float = 0.4
) -> MammogramPairs:
    """Make examinations of four films each; woman i depends on the arguments and on i, never on the count.

    Parameters
    ----------
    count : int
        0 or more women.
    seed : int
        0 or more; the same seed gives the same films.
    size : int
        Height in pixels, even and at least 64; the width is half of it. A film is 200 mm high.
    densities : (count,) array of 0 … 3, optional
        The BI-RADS class of each woman; drawn without it.
    lesion_share : float
        Share of women with a lesion (BI-RADS 2 to 5) in one breast, 0 … 1; screening has far fewer.

    Returns
    -------
    MammogramPairs

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> make_mammogram_pairs(2, size=64).images.shape
    (2, 2, 2, 64, 32)
    """
    _check(count, seed, size)
    if not 0 <= lesion_share <= 1:
        raise ValueError(f"lesion_share is a number from 0 to 1, got {lesion_share}")
    given = None if densities is None else np.asarray(densities)
    if given is not None and (given.shape != (count,) or not np.isin(given, (0, 1, 2, 3)).all()):
        raise ValueError(f"densities needs {count} classes from 0 (a) to 3 (d), got {densities!r}")
    shape = (count, 2, 2, size, size // 2)
    images = np.zeros(shape, np.float32)
    breasts, glands, muscles, masses, specks = (np.zeros(shape, bool) for _ in range(5))
    classes, birads = np.zeros(count, np.int64), np.ones((count, 2), np.int64)
    malignant, percent = np.zeros((count, 2), bool), np.zeros((count, 2), np.float32)
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        drawn = int(rng.choice(4, p=_SHARES))
        classes[i] = drawn if given is None else int(given[i])
        low, high = _PERCENT[classes[i]]
        share = float(rng.uniform(low, high)) / 100
        ill_side = int(rng.integers(2)) if rng.random() < lesion_share else -1
        lesion = _draw_lesion(rng)
        if ill_side >= 0:
            birads[i, ill_side] = lesion.birads
            risk = (0, 0, 0, 0.02, 0.1 + 0.7 * lesion.suspicion, 0.97)[lesion.birads]
            malignant[i, ill_side] = rng.random() < risk
        depth_mm, half_mm = rng.uniform(62, 90), rng.uniform(72, 96)
        for view in (0, 1):
            shared = power_law_noise(rng, size)
            bend, seed_strands = rng.uniform(-6, 6), int(rng.integers(2**31))
            for side in (0, 1):
                own = np.random.default_rng([seed, i, view, side])
                breast = draw_breast(own, shared, size, view, (depth_mm, half_mm, bend), share, seed_strands)
                held = lesion if side == ill_side else None
                mm_mass, mm_specks, masks = _draw_lesions(held, breast, np.random.default_rng([seed, i, view, 2]), size)
                film = _expose(own, breast, mm_mass, mm_specks, size)
                maps = (film, breast.inside, breast.gland, breast.muscle, *masks)
                for out, one in zip((images, breasts, glands, muscles, masses, specks), maps, strict=True):
                    out[i, side, view] = one if side else one[:, ::-1]
        area = breasts[i, :, 0].sum(axis=(1, 2))
        percent[i] = 100 * glands[i, :, 0].sum(axis=(1, 2)) / area
    mm = HEIGHT_MM / size
    return MammogramPairs(
        images, classes, percent, birads, malignant, breasts, glands, muscles, masses, specks, (mm, mm)
    )


def _check(count: int, seed: int, size: int) -> None:
    for name, value, least in (("count", count, 0), ("seed", seed, 0), ("size", size, 64)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError(f"{name} is a whole number, got {value!r}")
        if value < least:
            raise ValueError(f"{name} is at least {least}, got {value}")
    if size % 2:
        raise ValueError(f"size is an even number, got {size}")


def _draw_lesion(rng: np.random.Generator) -> _Lesion:
    """Draw category, kind and place; a breast has a mass, a cluster of specks, or both."""
    birads = int(rng.choice([2, 3, 4, 5], p=[0.2, 0.2, 0.35, 0.25]))
    low, high = {2: (0, 0.1), 3: (0.1, 0.3), 4: (0.3, 0.75), 5: (0.75, 1)}[birads]
    kind = rng.random()
    return _Lesion(
        birads=birads,
        mass_mm=float(rng.uniform(6, 24)) if kind < 0.7 else 0.0,
        specks=int(rng.integers(6, 19)) if kind > 0.5 else 0,
        suspicion=float(rng.uniform(low, high)),
        out=float(rng.uniform(0.25, 0.7)),
        along=float(rng.uniform(-0.5, 0.5)),
    )


def _draw_lesions(
    lesion: _Lesion | None, breast: Breast, rng: np.random.Generator, size: int
) -> tuple[Map, Map, tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Draw what a mass adds in mm of gland and what specks add in mm of calcium."""
    empty = np.zeros((size, size // 2), np.float32)
    if lesion is None:
        return empty, empty, (empty > 0, empty > 0)
    border = np.where(breast.muscle, breast.x_mm, 0).max() if breast.muscle.any() else 0
    y0 = lesion.along * breast.half_mm * 0.8 + (14 if border else 0)
    row = min(max(int((y0 + HEIGHT_MM / 2) / HEIGHT_MM * size), 0), size - 1)
    free = np.flatnonzero(breast.inside[row] & ~breast.muscle[row] & (breast.rim_mm[row] > 7))
    column = int(free[int(lesion.out * (len(free) - 1))]) if len(free) else 0
    x0, y0 = float(breast.x_mm[0, column]), float(breast.y_mm[row, 0])
    across, along = breast.x_mm - x0, breast.y_mm - y0
    far, turn = np.hypot(across, along), np.arctan2(along, across)
    mass, mass_mask = empty, empty > 0
    if lesion.mass_mm:
        r = lesion.mass_mm / 2
        waves = sum(np.sin(k * turn + rng.uniform(0, 6.28)) / k for k in (3, 5, 7))
        edge = r * (1 + 0.30 * lesion.suspicion * waves)
        core = 2 * r * np.sqrt(np.maximum(1 - (far / edge) ** 2, 0))
        rays = np.maximum(np.cos(turn * int(rng.integers(7, 12)) + waves + 0.35 * np.sin(far / 3)) - 0.55, 0) / 0.45
        spikes = (
            lesion.suspicion
            * 7.5
            * rays
            * np.exp(-np.maximum(far - 0.6 * r, 0) / (0.9 * r))
            * np.clip((far - 0.6 * r) / 2, 0, 1)
        )
        soft = 1 - 0.35 * lesion.suspicion
        mass = ((soft * 0.85 * core + spikes) * (breast.rim_mm > 2)).astype(np.float32)
        mass_mask = (far < edge) & breast.inside
    if not lesion.specks:
        return mass, empty, (mass_mask, empty > 0)
    # Suspicious specks are small, many and unlike each other; benign ones large, few and round.
    number = lesion.specks if lesion.suspicion > 0.3 else lesion.specks // 2
    spread = rng.standard_normal((number, 2)) * (4.5 if lesion.suspicion > 0.3 else 7)
    diameter = rng.uniform(0.3, 0.75, number) if lesion.suspicion > 0.3 else rng.uniform(0.9, 1.6, number)
    mm = HEIGHT_MM / size
    calcium = np.zeros_like(mass)
    for (dx, dy), d in zip(spread, diameter, strict=True):
        sigma = math.hypot(0.35 * d, 0.42 * mm)
        blob = np.exp(-((across - dx) ** 2 + (along - dy) ** 2) / (2 * sigma * sigma))
        calcium += d**3 / (12 * sigma * sigma) * blob  # a ball of d mm, spread over the pixels
    calcium *= breast.rim_mm > 2
    return mass, calcium, (mass_mask, (calcium > min(0.02, 0.5 * float(calcium.max()))) & breast.inside)


def _expose(rng: np.random.Generator, breast: Breast, mass_mm: Map, speck_mm: Map, size: int) -> Map:
    """Count photons, take −log, and spread the range of a breast from dark to white."""
    gland = np.clip(breast.gland_mm + mass_mm, 0, np.maximum(breast.thick_mm, 2.6))
    fat = np.maximum(breast.thick_mm - gland, 0) * breast.inside
    weakened = _FAT * fat + _GLAND * gland + _SPECK * speck_mm
    # Thickness falls off towards the skin; films are shown with that evened out in part.
    even = 0.75 * _FAT * (THICK_MM - breast.thick_mm) * breast.inside
    dose = 16000 * (HEIGHT_MM / size / 0.78) ** 2
    counted = np.maximum(rng.poisson(dose * np.exp(-weakened)), 1).astype(np.float32) / dose
    shown = (-np.log(counted) + even - 1.75) / 2.35
    grey = np.where(breast.inside, 0.10 + 0.86 * np.clip(shown, 0, 1.05), 0.02)
    return np.clip(grey, 0, 1).astype(np.float32)
