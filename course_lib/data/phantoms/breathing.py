"""A thorax breathed in and breathed out, with the true motion of every voxel and landmarks on the vessels.

A phantom. Between the two scans the diaphragm moves along the body, the chest wall to the front and sideways. What lies
inside the chest moves by a smooth map without folds, from nothing at the top of the lung to the whole way at the
diaphragm; the wall does not move along the body, so that the lung slides along it: the motion jumps there, but only
along the surface, and no gap opens. No mass is lost: where the lung is breathed in to J times its volume, its density
falls to 1/J.

Numbers that steer it: the mean way of a case's landmarks, 12.3–30.9 mm, uniform (R. Castillo et al., "A reference
dataset for deformable image registration spatial accuracy evaluation using the COPDgene study archive", Physics in
Medicine and Biology 58, 2013, PMC3677192: the range of ten cases). Chosen: all shapes; noise of 15 HU; random motion of
2 mm on top.

Lacks: a heart that beats, bronchi, lobes that slide along each other, disease, tissue below the diaphragm that bulges;
the spine and the ribs keep their height.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

__all__ = ["BreathingPairs", "make_breathing_pairs"]

FIELD_MM = (290.0, 260.0, 340.0)
MEAN_WAY_MM = (12.3, 30.9)
LANDMARKS = 50
NOISE_HU = 15.0
_TARGETS = 150  # ends of vessels in a lung
AIRY = 0.13  # density of a lung breathed in, of water's: −870 HU
_TOP, _DIAPHRAGM = 262.0, 95.0  # height of the lungs' top, and about that of the diaphragm after breathing out, in mm
_ORIGIN = np.array([0, FIELD_MM[1] / 2, FIELD_MM[2] / 2])  # of a patient's coordinates, from the corner of the scan
_MIDDLE, _HALF = FIELD_MM[0] / 2, tuple(mm / 2 for mm in FIELD_MM)
_KNOTS = 4


@dataclass(frozen=True, eq=False)
class BreathingPairs:
    """Pairs of scans; axis 1 of a volume from feet to head, axis 2 from front to back, axis 3 to the patient's left.

    A place in mm is voxel index × `spacing_mm`: slice, row, column.

    Parameters
    ----------
    inhale, exhale : (N, 1, D, H, W) float32 arrays
        Hounsfield units.
    lungs_inhale, lungs_exhale : (N, D, H, W) bool arrays
        The lungs, vessels included.
    displacements_mm : (N, 3, D, H, W) float32 array
        What is added to a place in the exhale scan to find the same tissue in the inhale scan.
    jacobians : (N, D, H, W) float32 array
        How many times larger a piece of tissue of the exhale scan is in the inhale scan; across the surface of
        sliding no derivative is taken.
    landmarks_inhale_mm, landmarks_exhale_mm : (N, 50, 3) float64 arrays
        The same points on vessels in both scans.
    spacing_mm : (3,) float64 array
        Distance of slices, rows, columns.
    """

    inhale: NDArray[np.float32]
    exhale: NDArray[np.float32]
    lungs_inhale: NDArray[np.bool_]
    lungs_exhale: NDArray[np.bool_]
    displacements_mm: NDArray[np.float32]
    jacobians: NDArray[np.float32]
    landmarks_inhale_mm: NDArray[np.float64]
    landmarks_exhale_mm: NDArray[np.float64]
    spacing_mm: NDArray[np.float64]

    @property
    def landmark_ways_mm(self) -> NDArray[np.float64]:
        """Distance of each landmark from itself, (N, 50): the error of a registration that moves nothing."""
        return np.asarray(np.linalg.norm(self.landmarks_inhale_mm - self.landmarks_exhale_mm, axis=-1))


def make_breathing_pairs(count: int, *, seed: int = 0, size: int = 64) -> BreathingPairs:
    """Draw pairs of scans of a chest, 290 mm high, 260 mm deep and 340 mm wide.

    Parameters
    ----------
    count : int
        Pairs, 0 or more.
    seed : int
        Case i depends on the seed and i only.
    size : int
        Voxels along each side, at least 32; 64 are voxels of 4.5×4.1×5.3 mm.

    Returns
    -------
    BreathingPairs

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> pairs = make_breathing_pairs(1)
    >>> pairs.inhale.shape, bool(12.3 <= pairs.landmark_ways_mm.mean() <= 30.9)
    ((1, 1, 64, 64, 64), True)
    """
    for name, least, came in (("count", 0, count), ("size", 32, size)):
        if came < least:
            raise ValueError(f"{name} is at least {least}, got {came}")
    shape = (count, size, size, size)
    scans, lungs = np.empty((2, *shape), np.float32), np.empty((2, *shape), bool)
    ways, jacobians = np.empty((count, 3, size, size, size), np.float32), np.empty(shape, np.float32)
    landmarks = np.empty((2, count, LANDMARKS, 3))
    spacing_mm = np.array(FIELD_MM) / size
    for case in range(count):
        chest = _Chest(size, np.random.default_rng([seed, case]))
        ways[case], jacobians[case] = chest.motion()
        landmarks[:, case] = chest.moved(chest.marks), chest.marks
        for scan, (way, points) in enumerate(((None, chest.moved(chest.points)), (ways[case], chest.points))):
            hu, share = chest.scan(way)
            density = AIRY * jacobians[case] if scan else AIRY
            scans[scan, case] = chest.with_lungs(hu, share, points + _ORIGIN, density)
            lungs[scan, case] = share > 0.5
    landmarks += _ORIGIN - spacing_mm / 2  # the center of the first voxel is 0
    return BreathingPairs(
        inhale=scans[0, :, None],
        exhale=scans[1, :, None],
        lungs_inhale=lungs[0],
        lungs_exhale=lungs[1],
        displacements_mm=ways,
        jacobians=jacobians,
        landmarks_inhale_mm=landmarks[0],
        landmarks_exhale_mm=landmarks[1],
        spacing_mm=spacing_mm,
    )


class _Chest:
    """One patient: shapes in the inhale scan, and the way from the exhale scan to it. Places in mm from the middle."""

    def __init__(self, size: int, generator: np.random.Generator) -> None:
        self.size, self.generator = size, generator
        self.step = np.array(FIELD_MM) / size
        shapes = ((-1, 1, 1), (1, -1, 1), (1, 1, -1))
        lines = [(np.arange(size) + 0.5) * step for step in self.step]
        self.grid = [
            (line - shift).reshape(shape).astype(np.float32)
            for line, shift, shape in zip(lines, _ORIGIN, shapes, strict=True)
        ]
        self.width, self.depth = generator.uniform(118, 130), generator.uniform(82, 92)
        self.dome, self.heart = generator.uniform(32, 46), generator.uniform(0.9, 1.1)
        self.waves = generator.standard_normal((3, _KNOTS, _KNOTS, _KNOTS)).astype(np.float32)
        wanted = generator.uniform(*MEAN_WAY_MM)
        self.strength = wanted / 15  # near what will be needed; lungs of that size are filled with vessels
        self.points, self.marks, self.weights = self._tree()
        for _ in range(8):
            ways = np.linalg.norm(self.moved(self.marks) - self.marks, axis=1)
            self.strength *= wanted / float(ways.mean())

    def _way(self, z: Any, y: Any, x: Any, waves: Any) -> tuple[Any, Any, Any]:
        """Way in mm, down, to the front and aside, of tissue inside the chest; waves: three smooth random fields."""
        deep = np.clip((_TOP - z) / (_TOP - _DIAPHRAGM), 0, 1)
        grows = deep * deep * (3 - 2 * deep)
        down = grows * (2 * waves[0] - self.strength * (30 + 0.08 * y - 0.0006 * x * x))
        front = 0.05 * self.strength * np.minimum(y - 75, 0) + 1.5 * grows * waves[1]
        return down, front, 0.03 * self.strength * x + 1.5 * grows * waves[2]

    def moved(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places (P, 3) in the inhale scan of points of the exhale scan."""
        z, y, x = points.T
        down, front, side = (_bumps(at + half, 2 * half) for at, half in zip((z - _MIDDLE, y, x), _HALF, strict=True))
        across = (front[:, :, None] * side[:, None, :]).reshape(len(points), -1)  # (P, knots²)
        waves = [((down @ field.reshape(_KNOTS, -1)) * across).sum(axis=1) for field in self.waves]
        return points + np.stack(self._way(z, y, x, waves), axis=1)

    def motion(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Way of every voxel of the exhale scan (3, D, H, W), which jumps at the wall, and its Jacobian."""
        z, y, x = self.grid
        bumps = [_bumps(at.ravel() + half, 2 * half) for at, half in zip((z - _MIDDLE, y, x), _HALF, strict=True)]
        waves = []
        for field in self.waves:
            for weights in bumps:  # each turn takes the first axis away and puts the fine one behind
                field = np.tensordot(field, weights, axes=(0, 1))
            waves.append(field)
        ways = np.stack(np.broadcast_arrays(*self._way(z, y, x, waves))).astype(np.float32)
        slopes = [np.gradient(way, *self.step.tolist()) for way in ways]
        (zz, zy, zx), (yz, yy, yx), (xz, xy, xx) = slopes
        zz, yy, xx = zz + 1, yy + 1, xx + 1
        flat = yy * xx - yx * xy
        whole = zz * flat - zy * (yz * xx - yx * xz) + zx * (yz * xy - yy * xz)
        outside = self._outside_mm(y + ways[1], x + ways[2]) > 0
        ways[0][outside] = 0
        return ways, np.where(outside, flat, whole).astype(np.float32)

    def _outside_mm(self, y: Any, x: Any) -> Any:
        """Distance from the inside of the chest, a cylinder without the spine, below 0 within."""
        chest = (np.sqrt((y / self.depth) ** 2 + (x / self.width) ** 2) - 1) * self.depth
        return np.maximum(chest, 27 - np.sqrt((y - 88) ** 2 + x * x))

    def _outside_lung_mm(self, z: Any, y: Any, x: Any, outside_mm: Any) -> Any:
        """Distance from the lungs of the inhale scan, below 0 within; outside_mm: from the inside of the chest."""
        base = _DIAPHRAGM - 30 * self.strength
        aside = np.abs(x) - 66
        dome = base + self.dome * (1 - (aside / 52) ** 2 - ((y + 5) / 85) ** 2)
        top = ((np.maximum(z - 170, 0) / (_TOP - 170)) ** 2 + (aside / 56) ** 2 + (y / 88) ** 2 - 1) * 40
        heart = (np.sqrt(((z - base - 75) / 62) ** 2 + ((y + 28) / 52) ** 2 + ((x - 18) / 52) ** 2) - self.heart) * -50
        middle = np.maximum(24 + 0.12 * np.maximum(y, 0) - np.abs(x), heart)
        return np.maximum(np.maximum(dome - z, top), np.maximum(middle, outside_mm + 3))

    def scan(self, ways: NDArray[np.float32] | None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Draw the inhale scan, or, from the ways to it, the exhale scan; HU without lungs, and the share of lung."""
        z, y, x = self.grid if ways is None else [line + way for line, way in zip(self.grid, ways, strict=True)]
        outside = self._outside_mm(y, x)
        lung = self._outside_lung_mm(z, y, x, outside)
        body = (np.sqrt((y / (self.depth + 32)) ** 2 + (x / (self.width + 28)) ** 2) - 1) * (self.depth + 32)
        edge = float(self.step.mean())

        def paint(below: NDArray[Any], what: Any) -> None:
            hu[...] += np.clip(0.5 - below / edge, 0, 1) * (what - hu)

        hu = np.full((self.size,) * 3, -1000, np.float32)
        paint(body, -100)
        paint(outside - 13, 50)
        level = (z - 0.75 * y + 0.5 * np.abs(x)) / 30
        paint(np.maximum(30 * np.abs(level - np.floor(level) - 0.5) - 5, np.abs(outside - 5) - 3), 350)
        paint(np.sqrt((y - 88) ** 2 + x * x) - 19, 220)
        paint(np.sqrt((y - 114) ** 2 + x * x) - 8, 30)
        paint(outside, 45)
        paint(np.sqrt((y - 50) ** 2 + (x - 22) ** 2) - 11, 60)
        return hu, np.clip(0.5 - lung / edge, 0, 1)

    def with_lungs(
        self, hu: NDArray[np.float32], share: NDArray[np.float32], points: NDArray[np.float64], density: Any
    ) -> NDArray[np.float32]:
        """Fill the lungs with a sponge of that density (1 water, 0 air) and with vessels, and add noise."""
        hu += share * (1000 * density - 1000 - hu)
        cover = np.minimum(_splat(points / self.step, self.weights / self.step.prod(), self.size), 1)
        hu += cover * share * (40 - hu)
        noise = self.generator.standard_normal(hu.shape, dtype=np.float32)
        return np.asarray(hu + NOISE_HU * noise, dtype=np.float32)

    def in_lungs(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Say which points (P, 3) of the exhale scan lie in the lungs, at least 4 mm deep."""
        z, y, x = self.moved(points).T
        return np.asarray(self._outside_lung_mm(z, y, x, self._outside_mm(y, x)) < -4)

    def _tree(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Grow vessels into both lungs of the exhale scan: points in them, landmarks, and the volume of a point in mm³.

        Targets all over the lung are joined, the near ones first, to the tree that has grown from the hilum so far.
        """
        generator = self.generator
        starts, ends, radii = [], [], []
        for side in (-1, 1):
            hilum = np.array([160.0, 8, 32 * side])
            targets = generator.uniform((60, -90, 15), (_TOP, 85, 125), (4 * _TARGETS, 3)) * (1, 1, side)
            targets = targets[self.in_lungs(targets)][:_TARGETS]
            targets = targets[np.argsort(np.linalg.norm(targets - hilum, axis=1))]
            nodes, parents = np.concatenate([hilum[None], targets]), np.zeros(len(targets) + 1, int)
            trunk = np.zeros(len(nodes))  # way back to the hilum, which keeps vessels from turning back
            far = cdist(nodes, nodes)
            for node in range(1, len(nodes)):
                away = far[node, :node]
                parents[node] = (away + 0.35 * trunk[:node]).argmin()
                trunk[node] = trunk[parents[node]] + away[parents[node]]
            fed = np.ones(len(nodes))
            for node in range(len(nodes) - 1, 0, -1):
                fed[parents[node]] += fed[node]
            starts.append(nodes[parents[1:]])
            ends.append(nodes[1:])
            radii.append(1.3 * fed[1:] ** (1 / 3))  # Murray's law, in mm
        start, end, radius = np.concatenate(starts), np.concatenate(ends), np.concatenate(radii)
        points = max(14, self.size**2 // 300)  # that fill each piece of a vessel without gaps
        share = (np.arange(points) + 0.5)[:, None] / points
        line = start[:, None] + share * (end - start)[:, None]  # (segments, points, 3)
        ball = generator.standard_normal(line.shape) * (0.5 * radius[:, None, None])
        volume = np.pi * radius**2 * np.linalg.norm(end - start, axis=1) / points
        marks = end[radius > 1.6]  # where vessels meet, not where they end
        chosen = np.sort(generator.permutation(len(marks))[:LANDMARKS])
        return (line + ball).reshape(-1, 3), marks[chosen], np.repeat(volume, points)


def _bumps(place_mm: NDArray[Any], field_mm: float) -> NDArray[np.float32]:
    """Weights (P, knots) that join knots smoothly; the squares of a row add up to 1."""
    steps = (place_mm[:, None] / field_mm * (_KNOTS - 1) - np.arange(_KNOTS)) / 0.7
    weights = np.exp(-0.5 * steps**2)
    return (weights / np.sqrt((weights**2).sum(axis=1, keepdims=True))).astype(np.float32)


def _splat(places: NDArray[np.float64], weights: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """Share each point's weight out between the eight voxels around it."""
    low = np.floor(places - 0.5).astype(int)
    part = places - 0.5 - low
    indices, shares = [], []
    for corner in np.ndindex(2, 2, 2):
        index = np.clip(low + corner, 0, size - 1)
        indices.append((index[:, 0] * size + index[:, 1]) * size + index[:, 2])
        shares.append(np.where(corner, part, 1 - part).prod(axis=1) * weights)
    total = np.bincount(np.concatenate(indices), np.concatenate(shares), minlength=size**3)
    return total.reshape((size,) * 3).astype(np.float32)
