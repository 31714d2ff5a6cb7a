"""The 14 findings of ChestX-ray14, drawn into the thorax of the chest X-ray phantom.

A finding is air replaced by tissue or fluid (or tissue by air), so many millimetres along the ray, and never more than
there is air; some also change the body before it is drawn. Cardiomegaly is a cardiothoracic ratio above 0.5 on a PA
film. An effusion holds 200 ml or more: about 175 to 200 ml show on a frontal film. Nodules measure 5 to 30 mm, masses
more (the border of the Fleischner Society). All other sizes and densities are chosen to look as in a textbook.

Lacks: pneumonia is told from consolidation and infiltration by its form alone, as even experts do not agree on;
no lung collapses whole, no effusion is encapsulated, no mediastinum is pushed aside.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from course_lib.data.phantoms.chest_anatomy import FIELD_MM, Body, Map, Thorax, smooth_noise

__all__ = ["CHEST_FINDINGS", "DrawnFindings", "change_body", "draw_findings"]


@dataclass(frozen=True, eq=False)
class DrawnFindings:
    """What the findings add to the ray, in mm of water (H, W); where each can be seen (14, H, W); ml of effusion."""

    water_mm: Map
    masks: NDArray[np.bool_]
    effusion_ml: float


def change_body(body: Body, present: Mapping[str, np.random.Generator]) -> Body:
    """Change a healthy body by its findings; each finding comes with a generator of its own.

    Examples
    --------
    >>> from course_lib.data.phantoms.chest_anatomy import make_body
    >>> rng = np.random.default_rng(0)
    >>> body = change_body(make_body(rng, age_years=60, female=False), {"Cardiomegaly": rng})
    >>> 0.5 < body.cardiothoracic_ratio < 0.66
    True
    """
    dome = body.dome_mm.copy()
    if "Cardiomegaly" in present:
        body = replace(body, cardiothoracic_ratio=float(present["Cardiomegaly"].uniform(0.505, 0.655)))
    if "Emphysema" in present:
        strength = present["Emphysema"].uniform(0.5, 1)
        dome += 24 * strength
        density = body.lung_density * (1 - 0.38 * strength)
        body = replace(body, lung_density=density, dome_height_mm=body.dome_height_mm * (1 - 0.6 * strength))
        body = replace(body, depth_mm=body.depth_mm * (1 + 0.06 * strength))
    if "Fibrosis" in present:
        dome -= present["Fibrosis"].uniform(4, 14)
    if "Atelectasis" in present:
        rng = present["Atelectasis"]
        dome[_side(rng)] -= rng.uniform(12, 26)
    return replace(body, dome_mm=dome)


def draw_findings(thorax: Thorax, present: Mapping[str, np.random.Generator]) -> DrawnFindings:
    """Draw all findings that are present; give each a fresh generator, seeded as for `change_body`."""
    size = thorax.water_mm.shape[0]
    masks = np.zeros((len(CHEST_FINDINGS), size, size), bool)
    air = (1 - thorax.body.lung_density) * thorax.lungs_mm.sum(axis=0)
    opaque, clear = np.zeros_like(air), np.zeros_like(air)
    millilitres = 0.0
    for name, rng in present.items():
        water, mask = _DRAW[name](thorax, rng)
        masks[CHEST_FINDINGS.index(name)] = mask
        if name in ("Pneumothorax", "Emphysema", "Hernia"):
            clear += water  # these may be lighter than lung
        elif name == "Effusion":
            millilitres = float(water.sum()) / (1 - thorax.body.lung_density) * (FIELD_MM / size) ** 2 / 1000
            opaque += water
        else:
            opaque += water
    return DrawnFindings(np.minimum(opaque, air) + clear, masks, millilitres)


def _side(rng: np.random.Generator) -> int:
    """0 is the patient's right side, 1 the left."""
    return int(rng.random() < 0.5)


def _air(thorax: Thorax, side: int) -> Map:
    return (1 - thorax.body.lung_density) * thorax.lungs_mm[side]


def _soft(values: Map, width: float) -> Map:
    """0 below −width / 2, 1 above width / 2, straight between."""
    return np.clip(values / width + 0.5, 0, 1)


def _place(
    thorax: Thorax, rng: np.random.Generator, side: int, across: tuple[float, float], down: tuple[float, float]
) -> tuple[float, float]:
    """Choose a point of a lung between shares of its width and of its height; x and y in mm."""
    across_, down_ = thorax.inside[side], thorax.down[side]
    fits = (across_ > across[0]) & (across_ < across[1]) & (down_ > down[0]) & (down_ < down[1])
    spots = np.flatnonzero(fits & (thorax.lungs_mm[side] > 35))
    spot = int(rng.choice(spots)) if len(spots) else int(thorax.lungs_mm[side].argmax())
    row, column = divmod(spot, thorax.x_mm.shape[1])
    return float(thorax.x_mm[0, column]), float(thorax.y_mm[row, 0])


def _atelectasis(thorax: Thorax, rng: np.random.Generator) -> tuple[Map, NDArray[np.bool_]]:
    """Plates of airless lung above a dome that stands high."""
    side = _side(rng)
    rng.random()  # the height of the dome was drawn in `change_body`
    fill = 0.22 * _soft(thorax.down[side] - rng.uniform(0.78, 0.86), 0.12)
    for _ in range(int(rng.integers(1, 4))):
        x0, y0 = _place(thorax, rng, side, (0.25, 0.7), (0.6, 0.9))
        slope = rng.uniform(-0.3, 0.3)
        away = np.abs(thorax.y_mm - y0 - slope * (thorax.x_mm - x0)) / rng.uniform(2.6, 5)
        along = np.abs(thorax.x_mm - x0) / rng.uniform(22, 44)
        fill = np.maximum(fill, 0.55 * _soft(1 - away, 1) * _soft(1 - along, 0.8))
    return _air(thorax, side) * fill, (fill > 0.15) & (thorax.lungs_mm[side] > 10)


def _cardiomegaly(thorax: Thorax, rng: np.random.Generator) -> tuple[Map, NDArray[np.bool_]]:
    return np.zeros_like(thorax.water_mm), thorax.heart


def _effusion(thorax: Thorax, rng: np.random.Generator) -> tuple[Map, NDArray[np.bool_]]:
    """Fluid sinks to the dome and climbs the chest wall; its level is where the volume is reached."""
    water, mask = np.zeros_like(thorax.water_mm), np.zeros(thorax.water_mm.shape, bool)
    first = _side(rng)
    for side in (first, 1 - first)[: 1 + int(rng.random() < 0.35)]:
        lung = thorax.lungs_mm[side]
        wanted = 1000 * np.exp(rng.uniform(np.log(225), np.log(1500)))  # cubic mm
        depth = thorax.y_mm + 42 * thorax.inside[side] ** 3 + 10 * (1 - thorax.inside[side]) ** 4
        order = np.argsort(-depth, axis=None)
        volume = np.cumsum(lung.ravel()[order]) * (FIELD_MM / lung.shape[0]) ** 2
        last = min(int(np.searchsorted(volume, wanted)), len(order) - 1)
        level = depth.ravel()[order[last]]
        fluid = _soft(depth - level, 5) * (lung > 0)
        water += _air(thorax, side) * fluid
        mask |= fluid > 0.5
    return water, mask


def _infiltration(thorax: Thorax, rng: np.random.Generator) -> tuple[Map, NDArray[np.bool_]]:
    """Ill-defined patches in a part of one lung or both."""
    size = thorax.water_mm.shape[0]
    fill = np.zeros_like(thorax.water_mm)
    first = _side(rng)
    for side in (first, 1 - first)[: 1 + int(rng.random() < 0.4)]:
        x0, y0 = _place(thorax, rng, side, (0.25, 0.75), (0.3, 0.85))
        zone = np.exp(-(((thorax.x_mm - x0) / 38) ** 2) - ((thorax.y_mm - y0) / rng.uniform(34, 58)) ** 2)
        patches = _soft(smooth_noise(rng, size, 22) + 0.6 * smooth_noise(rng, size, 9), 1.6)
        fill = np.maximum(fill, rng.uniform(0.30, 0.46) * zone * patches * (thorax.lungs_mm[side] > 0))
    return _air(thorax, 0) * fill + _air(thorax, 1) * fill, (fill > 0.1) & (thorax.lungs_mm.sum(axis=0) > 10)


def _ball(thorax: Thorax, rng: np.random.Generator, diameter: float, ragged: float) -> tuple[Map, NDArray[np.bool_]]:
    side = _side(rng)
    x0, y0 = _place(thorax, rng, side, (0.12, 0.88), (0.1, 0.9))
    across, along = thorax.x_mm - x0, thorax.y_mm - y0
    turn = np.arctan2(along, across)
    waves = sum(np.sin(k * turn + rng.uniform(0, 6.28)) / k for k in (2, 3, 5))
    r = diameter / 2 * (1 + ragged * waves)
    square = r * r - across * across - along * along
    chord = 2 * np.sqrt(np.maximum(square, 0)) * (1 - thorax.body.lung_density)
    half = FIELD_MM / len(chord) / 2
    return np.minimum(chord, _air(thorax, side)), (square > 0) | ((np.abs(across) <= half) & (np.abs(along) <= half))


def _mass(thorax: Thorax, rng: np.random.Generator) -> tuple[Map, NDArray[np.bool_]]:
    return _ball(thorax, rng, rng.uniform(31, 70), 0.09)


def _nodule(thorax: Thorax, rng: np.random.Generator) -> tuple[Map, NDArray[np.bool_]]:
    """One to three balls."""
    drawn = [_ball(thorax, rng, rng.uniform(5, 30), 0.03) for _ in range(int(rng.choice([1, 1, 2, 3])))]
    return np.sum([water for water, _ in drawn], axis=0), np.any([mask for _, mask in drawn], axis=0)


def _pneumonia(thorax: Thorax, rng: np.random.Generator) -> tuple[Map, NDArray[np.bool_]]:
    """One segment, ragged, with air in its bronchi."""
    side, size = _side(rng), thorax.water_mm.shape[0]
    x0, y0 = _place(thorax, rng, side, (0.25, 0.75), (0.35, 0.85))
    far = np.hypot((thorax.x_mm - x0) / rng.uniform(30, 46), (thorax.y_mm - y0) / rng.uniform(24, 40))
    fill = _soft(1 - far + 0.22 * smooth_noise(rng, size, 14), 0.5) * rng.uniform(0.16, 0.5)
    fill = fill * _bronchi(thorax, side) * (thorax.lungs_mm[side] > 0)
    return _air(thorax, side) * fill, fill > 0.3 * float(fill.max())


def _bronchi(thorax: Thorax, side: int) -> Map:
    """Below 1 along lines that fan out from the hilum and fade outwards: air in bronchi."""
    far = np.hypot(thorax.y_mm + 15, np.abs(thorax.x_mm) - 20)
    turn = np.arctan2(thorax.y_mm + 15, np.abs(thorax.x_mm) - 20) + 0.1 * np.sin(far / 13)
    return 1 - 0.28 * np.clip(np.cos(17 * turn) - 0.72, 0, 1) / 0.28 * np.clip(1.3 - far / 75, 0, 1)


def _pneumothorax(thorax: Thorax, rng: np.random.Generator) -> tuple[Map, NDArray[np.bool_]]:
    """Air without lung markings outside a fine white line, widest at the apex."""
    side = _side(rng)
    wide = rng.uniform(14, 52)
    lung, across, down = thorax.lungs_mm[side], thorax.inside[side], thorax.down[side]
    half = thorax.thorax_width_mm / 2 - 16
    edge = 1 - wide / half * (1.15 - 0.85 * down) - (wide / 40) * np.clip((0.24 - down) / 0.24, 0, 1) ** 2
    beyond = (across - edge) * half  # mm outside the lung's new border
    free = _soft(beyond, 2.5) * (lung > 0)
    line = 9 * np.exp(-((beyond / 1.8) ** 2)) * np.clip(lung / 30, 0, 1)
    left = thorax.body.lung_density * lung + thorax.vessels_mm  # what was there
    return line - left * free + 0.10 * lung * (1 - free) * np.minimum(wide / 40, 1), (free > 0.5) & (lung > 5)


def _consolidation(thorax: Thorax, rng: np.random.Generator) -> tuple[Map, NDArray[np.bool_]]:
    """Draw a lobe or a part of it without air but in its bronchi; a fissure bounds it."""
    side, size = _side(rng), thorax.water_mm.shape[0]
    down, across = thorax.down[side], thorax.inside[side]
    ragged = 0.07 * smooth_noise(rng, size, 9)
    if rng.random() < 0.4:
        region = _soft(rng.uniform(0.40, 0.50) - down, 0.02) * _soft(down - rng.uniform(0.05, 0.2) + ragged, 0.2)
    else:
        region = _soft(down - rng.uniform(0.55, 0.70) + ragged, 0.16)
    region = region * _soft(rng.uniform(0.75, 1.2) - across + ragged, 0.25) * (thorax.lungs_mm[side] > 0)
    fill = rng.uniform(0.68, 0.88) * region * _bronchi(thorax, side)
    return _air(thorax, side) * fill, region > 0.3


def _edema(thorax: Thorax, rng: np.random.Generator) -> tuple[Map, NDArray[np.bool_]]:
    """Haze on both sides around the hila like wings, thick vessels, short lines at the outer border."""
    size = thorax.water_mm.shape[0]
    far = np.hypot((np.abs(thorax.x_mm) - 34) / 46, (thorax.y_mm + 4) / 62)
    strength = rng.uniform(0.26, 0.44)
    fill = strength * np.exp(-far * far) * (1 + 0.22 * smooth_noise(rng, size, 18)) + 0.05
    across, down = thorax.inside.max(axis=0), thorax.down.max(axis=0)
    outer = np.where(thorax.lungs_mm.sum(axis=0) > 0, across, 0)
    lines = 7 * (np.cos(thorax.y_mm * 0.75) > 0.7) * _soft(outer - 0.84, 0.04) * _soft(down - 0.6, 0.1) * (outer < 0.99)
    air = _air(thorax, 0) + _air(thorax, 1)
    return air * np.clip(fill, 0, 0.6) + lines + 0.45 * thorax.vessels_mm, (air > 8) & (fill > 0.12)


def _emphysema(thorax: Thorax, rng: np.random.Generator) -> tuple[Map, NDArray[np.bool_]]:
    """Fewer vessels and some bullae; the large dark lungs come from the body."""
    rng.random()  # the strength was drawn in `change_body`
    lungs = thorax.lungs_mm.sum(axis=0)
    water = -0.45 * thorax.vessels_mm
    for _ in range(int(rng.integers(2, 5))):
        x0, y0 = _place(thorax, rng, _side(rng), (0.3, 0.9), (0.05, 0.5))
        r = rng.uniform(9, 22)
        square = 1 - ((thorax.x_mm - x0) ** 2 + (thorax.y_mm - y0) ** 2) / r**2
        water -= thorax.body.lung_density * np.minimum(2 * r * np.sqrt(np.maximum(square, 0)), lungs * 0.5)
        water += 3 * (np.abs(square) < 2.2 / r) * (lungs > 0)
    return water, lungs > 10


def _fibrosis(thorax: Thorax, rng: np.random.Generator) -> tuple[Map, NDArray[np.bool_]]:
    """Draw a net of fine lines at the base and the outer border of both lungs."""
    size = thorax.water_mm.shape[0]
    rng.random()  # the height of the domes was drawn in `change_body`
    net = np.exp(-((smooth_noise(rng, size, 42) / 0.45) ** 2)) + 0.6 * np.exp(
        -((smooth_noise(rng, size, 26) / 0.3) ** 2)
    )
    water, where = np.zeros_like(thorax.water_mm), np.zeros_like(thorax.water_mm)
    for side in (0, 1):
        zone = _soft(thorax.down[side] - 0.55, 0.6) * (0.45 + 0.55 * thorax.inside[side] ** 2)
        zone = zone * (thorax.lungs_mm[side] > 0)
        water += _air(thorax, side) * zone * (0.10 + rng.uniform(0.16, 0.28) * net)
        where += zone
    return water, where > 0.3


def _thickening(thorax: Thorax, rng: np.random.Generator) -> tuple[Map, NDArray[np.bool_]]:
    """Draw a white seam along the chest wall, 4 to 13 mm wide."""
    side, size = _side(rng), thorax.water_mm.shape[0]
    half = thorax.thorax_width_mm / 2 - 16
    wide = rng.uniform(4, 13) * (1 + 0.25 * smooth_noise(rng, size, 10))
    start = rng.uniform(0, 0.5)
    stretch = _soft(thorax.down[side] - start, 0.1) * _soft(start + rng.uniform(0.3, 0.55) - thorax.down[side], 0.1)
    seam = _soft(thorax.inside[side] - 1 + wide / half, 0.02) * stretch * (thorax.lungs_mm[side] > 0)
    return np.minimum(_air(thorax, side), 42) * seam, seam > 0.3


def _hernia(thorax: Thorax, rng: np.random.Generator) -> tuple[Map, NDArray[np.bool_]]:
    """Draw the stomach above the diaphragm, behind the heart: a round shadow with air over a level of fluid."""
    x0, r = rng.uniform(2, 22), rng.uniform(24, 40)
    y0 = float(thorax.body.dome_mm.mean()) - 0.5 * r
    across, along = thorax.x_mm - x0, thorax.y_mm - y0
    chord = np.sqrt(np.maximum(r * r - across * across - along * along, 0))
    inner = np.sqrt(np.maximum((r - 4) ** 2 - across * across - along * along, 0))
    air = 1.5 * inner * (along < rng.uniform(-0.1, 0.35) * r)
    return 0.55 * chord + 5 * (chord > 0) * (inner == 0) - air, chord > 0


Draw = Callable[[Thorax, np.random.Generator], tuple[Map, NDArray[np.bool_]]]
_DRAW: Mapping[str, Draw] = MappingProxyType(
    {
        "Atelectasis": _atelectasis,
        "Cardiomegaly": _cardiomegaly,
        "Effusion": _effusion,
        "Infiltration": _infiltration,
        "Mass": _mass,
        "Nodule": _nodule,
        "Pneumonia": _pneumonia,
        "Pneumothorax": _pneumothorax,
        "Consolidation": _consolidation,
        "Edema": _edema,
        "Emphysema": _emphysema,
        "Fibrosis": _fibrosis,
        "Pleural_Thickening": _thickening,
        "Hernia": _hernia,
    }
)
CHEST_FINDINGS = tuple(_DRAW)  # in the order of ChestX-ray14
