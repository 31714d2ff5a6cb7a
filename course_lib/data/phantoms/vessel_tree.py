"""Trees of retinal vessels, grown from the optic disc and branching by the law of diameters.

At a bifurcation d₀ˣ = d₁ˣ + d₂ˣ with x = 2.6 for arteries and 2.0 for veins, and the branches part by 78° on average
(PMC6024667); the thinner one turns more. Four arteries and four veins leave the disc, two of each to the temporal side,
where they bend around the macula as arcades; their branches run towards the fovea, all others away from it. A branch
ends where it meets another of its kind, near the fovea, at the edge of the field, or where it is too thin to be seen.

Chosen: diameters at the disc, lengths between bifurcations, how vessels wind, the smallest diameter.
Lacks: tapering between bifurcations (vessels thin out by branching only), signs of crossing, tortuosity, disease.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.data.phantoms.vessel_walls import VesselSegments

__all__ = ["Eye", "GrownVessels", "VesselTree", "grow_vessels"]

_EXPONENT = np.array([2.6, 2.0])  # arteries, veins
_THINNEST = 0.75  # of 128 pixels across, as all lengths here
_STEP = 1.0
_TABLE = 320  # vessels an eye may have
_DRAWS = 8  # random numbers for each of them


@dataclass(frozen=True, eq=False)
class VesselTree:
    """All bifurcations of one eye, B of them.

    Parameters
    ----------
    parent_px : (B,) float32 array
        Diameter of the vessel before the bifurcation, in pixels of the image.
    branches_px : (B, 2) float32 array
        Diameters of the branches, the thicker first.
    angle_degrees : (B,) float32 array
        Angle between the branches where they part.
    artery : (B,) bool array
        Whether it is one of an artery.
    """

    parent_px: NDArray[np.float32]
    branches_px: NDArray[np.float32]
    angle_degrees: NDArray[np.float32]
    artery: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Eye:
    """Where things lie in one eye, in units of 1/128 of the image; the temporal side is to the left (x, y).

    Parameters
    ----------
    disc, fovea : (2,) float64 array
        Middles.
    field_radius : float
        Of the round field of view, around (64, 64).
    """

    disc: NDArray[np.float64]
    fovea: NDArray[np.float64]
    field_radius: float


@dataclass(frozen=True, eq=False)
class GrownVessels:
    """All vessels of one eye.

    Parameters
    ----------
    segments : VesselSegments
        Where they run.
    tree : VesselTree
        Where they branch.
    """

    segments: VesselSegments
    tree: VesselTree


@dataclass
class _Tips:
    """The growing ends of all eyes at once, a row each."""

    eye: NDArray[np.int64]
    vessel: NDArray[np.int64]
    kind: NDArray[np.int64]  # 0 artery, 1 vein
    arcade: NDArray[np.int64]  # 1 or −1: bends around the macula, above or below; 0: does not
    place: NDArray[np.float64]
    heading: NDArray[np.float64]
    diameter: NDArray[np.float64]
    age: NDArray[np.float64]

    def keep(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "_Tips":
        return _Tips(*(values[chosen] for values in vars(self).values()))

    def join(self, other: "_Tips") -> "_Tips":
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return _Tips(*(np.concatenate(pair) for pair in pairs))


def grow_vessels(eyes: list[Eye], randoms: list[np.random.Generator], *, size: int) -> list[GrownVessels]:
    """Grow the trees of several eyes side by side; each eye draws its own random numbers, so none depends on another.

    Parameters
    ----------
    eyes : list of Eye
    randoms : list of numpy Generator
        One an eye.
    size : int
        Width of the image in pixels: the unit of the diameters of the trees.

    Returns
    -------
    list of GrownVessels
        One an eye.

    Examples
    --------
    >>> eye = Eye(disc=np.array([89.0, 63]), fovea=np.array([47.0, 66]), field_radius=62)
    >>> [grown] = grow_vessels([eye], [np.random.default_rng(0)], size=128)
    >>> artery = grown.tree.artery
    >>> before, after = grown.tree.parent_px[artery] ** 2.6, (grown.tree.branches_px[artery] ** 2.6).sum(axis=1)
    >>> bool(np.allclose(before, after))
    True
    """
    table = np.array([random.random((_TABLE, _DRAWS)) for random in randoms]).reshape(-1, _TABLE, _DRAWS)
    disc, fovea = (np.array([vars(eye)[name] for eye in eyes]).reshape(-1, 2) for name in ("disc", "fovea"))
    radius = np.array([eye.field_radius for eye in eyes])
    born = np.full(len(eyes), 8)
    tips = _trunks(disc, table)
    lengths = 8 + 20 * table[..., 0]
    taken = np.full((len(eyes), 2, 136, 136), -1, np.int64)
    parents = np.full((len(eyes), _TABLE), -1)
    pieces: list[tuple[NDArray[Any], ...]] = []
    forks: list[tuple[NDArray[Any], ...]] = []
    while len(tips.eye):
        draws = table[tips.eye, tips.vessel]
        tips.heading += _steering(tips, disc[tips.eye], fovea[tips.eye])
        tips.heading += (0.03 + 0.09 * draws[:, 1]) * np.sin(tips.age * (0.2 + 0.5 * draws[:, 2]) + 6.28 * draws[:, 3])
        start = tips.place
        step = _STEP * np.stack([np.cos(tips.heading), np.sin(tips.heading)], axis=1)
        tips.place, tips.age = start + step, tips.age + _STEP
        pieces.append((tips.eye, tips.vessel, tips.kind, start, tips.place, tips.diameter))

        column, row = np.clip(np.round(tips.place + 2 * step) + 4, 0, 135).astype(int).T
        met = taken[tips.eye, tips.kind, row, column]
        known = (met == tips.vessel) | (met == parents[tips.eye, tips.vessel])
        known |= parents[tips.eye, np.maximum(met, 0)] == tips.vessel
        column, row = np.clip(np.round(tips.place) + 4, 0, 135).astype(int).T
        taken[tips.eye, tips.kind, row, column] = tips.vessel
        from_fovea = np.linalg.norm(tips.place - fovea[tips.eye], axis=1)
        out = np.linalg.norm(tips.place - 64, axis=1) > radius[tips.eye] + 2
        ended = out | (from_fovea < 6) | ((met >= 0) & ~known & (tips.age > 4))
        tips = tips.keep(~ended)

        forking = tips.age >= lengths[tips.eye, tips.vessel]
        mothers, tips = tips.keep(forking), tips.keep(~forking)
        if len(mothers.eye):
            daughters, angle, thick, thin = _branch(mothers, table, born)
            forks.append((mothers.eye, mothers.kind, mothers.diameter, thick, thin, angle))
            mother = np.concatenate([mothers.vessel, mothers.vessel])
            fits = (daughters.vessel < _TABLE) & (daughters.diameter >= _THINNEST)
            daughters, mother = daughters.keep(fits), mother[fits]
            parents[daughters.eye, daughters.vessel] = mother
            tips = tips.join(daughters)
    segments, trees = _segments(pieces, len(eyes)), _trees(forks, len(eyes), size / 128)
    return [GrownVessels(*pair) for pair in zip(segments, trees, strict=True)]


def _trunks(disc: NDArray[np.float64], table: NDArray[np.float64]) -> _Tips:
    """Four arteries and four veins an eye: above and below, temporal and nasal."""
    number = len(disc)
    eye, vessel = np.divmod(np.arange(8 * number), 8)
    kind, nasal, below = vessel % 2, vessel // 2 % 2, vessel // 4
    draws = table[eye, vessel]
    up = np.where(nasal, -0.6, -1.75) + 0.35 * (draws[:, 4] - 0.5) + np.where(kind, 0.3, -0.3)
    diameter = np.where(kind, 2.15, 1.7) * np.where(nasal, 0.78, 1) * (0.9 + 0.2 * draws[:, 5])
    arcade = np.where(nasal, 0, np.where(below, -1, 1))
    place = disc[eye] + 1.5 * (draws[:, 6:8] - 0.5)
    return _Tips(eye, vessel, kind, arcade, place, np.where(below, -up, up), diameter, np.zeros(len(eye)))


def _steering(tips: _Tips, disc: NDArray[np.float64], fovea: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much each heading turns in one step."""
    to_fovea = fovea - tips.place
    distance = np.hypot(*to_fovea.T)
    inward = np.arctan2(to_fovea[:, 1], to_fovea[:, 0])
    arc = np.hypot(*(fovea - disc).T)
    # An arcade runs at right angles to the line to the fovea; that of the artery a little further out.
    target = np.where(tips.kind, 0.68, 0.84)
    around = inward + tips.arcade * (np.pi / 2 - 1.2 * np.clip(distance / arc - target, -0.5, 0.5))
    around = np.where(tips.place[:, 0] < fovea[:, 0] - 6, np.pi, around)  # beyond it, away to the temporal side
    from_disc = tips.place - disc
    away = np.arctan2(from_disc[:, 1], from_disc[:, 0])
    free = np.where(np.cos(tips.heading - inward) > 0, inward, inward + np.pi)
    free = np.where(tips.place[:, 0] > disc[:, 0] - 4, away, free)
    wanted = np.where(tips.arcade != 0, around, free)
    turn = (wanted - tips.heading + np.pi) % (2 * np.pi) - np.pi
    firm = (tips.arcade != 0) & (tips.place[:, 0] > fovea[:, 0] - 6)
    return np.where(firm, 0.09, 0.022) * turn


def _branch(
    mothers: _Tips, table: NDArray[np.float64], born: NDArray[np.int64]
) -> tuple[_Tips, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return both branches of each vessel, the angle between them and their diameters."""
    draws = table[mothers.eye, mothers.vessel]
    exponent = _EXPONENT[mothers.kind]
    ratio = 0.45 + 0.5 * draws[:, 4]
    thick = mothers.diameter / (1 + ratio**exponent) ** (1 / exponent)
    thin = ratio * thick
    angle = np.radians(78) + np.radians(34) * (draws[:, 5] - 0.5)
    side = np.where(draws[:, 6] < 0.5, 1, -1)
    share = thin**2 / (thick**2 + thin**2)  # of the angle, for the thicker branch
    order = np.argsort(mothers.eye, kind="stable")
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order)) - np.searchsorted(mothers.eye[order], mothers.eye[order])
    first = born[mothers.eye] + 2 * ranks
    np.add.at(born, mothers.eye, 2)
    zeros = np.zeros(len(first))
    heading = mothers.heading
    eye, kind, place = mothers.eye, mothers.kind, mothers.place
    one = _Tips(eye, first, kind, mothers.arcade, place, heading - side * share * angle, thick, zeros)
    turned = heading + side * (1 - share) * angle
    other = _Tips(eye, first + 1, kind, np.zeros_like(kind), place, turned, thin, zeros)
    return one.join(other), angle, thick, thin


def _segments(pieces: list[tuple[NDArray[Any], ...]], number: int) -> list[VesselSegments]:
    return [
        VesselSegments(start, end, diameter, vessel.astype(np.int64), kind == 0)
        for _, vessel, kind, start, end, diameter in _by_eye(pieces, number)
    ]


def _trees(forks: list[tuple[NDArray[Any], ...]], number: int, scale: float) -> list[VesselTree]:
    return [
        VesselTree(
            (scale * parent).astype(np.float32),
            (scale * np.stack([thick, thin], axis=1)).astype(np.float32),
            np.degrees(angle).astype(np.float32),
            kind == 0,
        )
        for _, kind, parent, thick, thin, angle in _by_eye(forks, number)
    ]


def _by_eye(rows: list[tuple[NDArray[Any], ...]], number: int) -> list[list[NDArray[Any]]]:
    """Return the columns of each eye's rows, in the order in which they came; the first column is the eye."""
    if not rows:
        return []
    columns = [np.concatenate(parts) for parts in zip(*rows, strict=True)]
    order = np.argsort(columns[0], kind="stable")
    bounds = np.searchsorted(columns[0][order], np.arange(1, number))
    split = [np.split(column[order], bounds) for column in columns]
    return [list(parts) for parts in zip(*split, strict=True)]
