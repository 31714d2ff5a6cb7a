"""Small round lesions in volumes, among what looks like them in a slice: lung nodules, microbleeds of the brain.

Phantoms. A nodule is a ball with a wavy border in the lung, soft tissue in a sponge of −850 HU; its mimics are vessels:
tubes of the same width and density, which are round in the slice that cuts them across and long in the others, and
their forks. A microbleed is a dark ball in a susceptibility-weighted image; its mimics are veins, dark tubes, and
calcifications, dark balls with a bright rim beside them. A lesion is told from its mimics by its shape in 3-D, hardly
by its size or its darkness.

Numbers that steer them, all chosen: nodules of 4–12 mm, that is small ones (a nodule is at most 30 mm across: Bankier
et al., "Fleischner Society: glossary of terms for thoracic imaging", 2024), −100 … 60 HU; microbleeds of 2–10 mm
(Greenberg et al., "Cerebral microbleeds: a guide to detection and interpretation", Lancet Neurology 8, 2009), blurred
by the point spread of the scanner; volumes of 64 mm (lung) and 48 mm (brain).

Lacks: lobes, bronchi, scars, nodules that are ground glass or touch the pleura; sulci, phase, iron in basal ganglia;
movement. Vessels are straight between forks.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["SmallLesions", "make_lung_nodules", "make_microbleeds"]

NODULE_MM = (4.0, 12.0)
MICROBLEED_MM = (2.0, 10.0)
KINDS = ("lesion", "vessel", "calcification")
_LUNG_FIELD_MM, _BRAIN_FIELD_MM = 64.0, 48.0
_LESIONS, _VESSELS, _CALCIFICATIONS = (1, 4), (7, 11), (1, 4)  # from, to below


@dataclass(frozen=True, eq=False)
class SmallLesions:
    """Volumes with lesions and mimics; a row of the tables is a thing, case after case, lesions first.

    Parameters
    ----------
    images : (N, 1, D, H, W) float32 array
        HU for the lung; arbitrary units for the brain, tissue about 1.
    labels : (N, D, H, W) uint8 array
        0 background, k the k-th thing of the case, lesion or mimic.
    masks : (N, D, H, W) bool array
        The lesions alone.
    cases : (T,) int64 array
        The case of each thing.
    kinds : (T,) int64 array
        0 lesion, 1 vessel, 2 calcification: an index into `KINDS`.
    centers : (T, 3) float64 array
        Slice, row, column, in voxels: of a ball its center; of a vessel a point on its axis.
    diameters_mm : (T,) float64 array
        Of a ball; of a vessel across.
    spacing_mm : (3,) float64 array
        Distance of slices, rows, columns.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    cases: NDArray[np.int64]
    kinds: NDArray[np.int64]
    centers: NDArray[np.float64]
    diameters_mm: NDArray[np.float64]
    spacing_mm: NDArray[np.float64]


def make_lung_nodules(count: int, *, seed: int = 0, size: int = 64) -> SmallLesions:
    """Draw pieces of lung, 64 mm wide, in a CT: one to three nodules among vessels that fork.

    Parameters
    ----------
    count : int
        Cases, 0 or more.
    seed : int
        Case i depends on the seed and i only.
    size : int
        Voxels along each side, at least 32; 64 are voxels of 1 mm.

    Returns
    -------
    SmallLesions

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> cases = make_lung_nodules(2)
    >>> cases.images.shape, bool((cases.diameters_mm[cases.kinds == 0] >= 4).all())
    ((2, 1, 64, 64, 64), True)
    """
    return _made(count, seed, size, _LUNG_FIELD_MM, _lung)


def make_microbleeds(count: int, *, seed: int = 0, size: int = 64) -> SmallLesions:
    """Draw pieces of brain, 48 mm wide, in a susceptibility-weighted image: microbleeds, veins, calcifications.

    Parameters
    ----------
    count : int
        Cases, 0 or more; each has one to three microbleeds.
    seed : int
        Case i depends on the seed and i only.
    size : int
        Voxels along each side, at least 32; 64 are voxels of 0.75 mm.

    Returns
    -------
    SmallLesions

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> cases = make_microbleeds(2)
    >>> sorted({KINDS[kind] for kind in cases.kinds})
    ['calcification', 'lesion', 'vessel']
    """
    return _made(count, seed, size, _BRAIN_FIELD_MM, _brain)


@dataclass(frozen=True)
class _Thing:
    """What was drawn: kind, center in mm, diameter in mm, the box around it and where it is in that box."""

    kind: int
    center: NDArray[np.float64]
    diameter_mm: float
    box: tuple[slice, ...]
    inside: NDArray[np.bool_]


class _Block:
    """A cube of tissue to draw balls and tubes on; places in mm from its corner."""

    def __init__(self, size: int, field_mm: float, generator: np.random.Generator) -> None:
        self.size, self.field_mm, self.generator = size, field_mm, generator
        self.step = field_mm / size
        self.lines = np.ogrid[0:size, 0:size, 0:size]
        self.cover = np.zeros((size, size, size), np.float32)  # what differs from the tissue, in its unit
        self.things: list[_Thing] = []

    def place(self, radius: float) -> NDArray[np.float64] | None:
        """Find a place that keeps its distance from all balls drawn before."""
        for _ in range(50):
            center = self.generator.uniform(radius + 3, self.field_mm - radius - 3, 3)
            if all(np.linalg.norm(center - thing.center) > radius + thing.diameter_mm / 2 + 4 for thing in self.things):
                return np.asarray(center)
        return None

    def ball(self, kind: int, diameter_mm: float, contrast: float, *, rim: float = 0.0) -> None:
        """Draw a ball with a wavy border, and a rim of the opposite contrast where asked."""
        radius = diameter_mm / 2
        center = self.place(radius)
        if center is None:
            return
        z, y, x, box = self._steps(center, center, 1.4 * radius + 2 + 2 * (rim != 0))
        stretch = np.exp(self.generator.normal(0, 0.1, 3))
        stretch /= stretch.prod() ** (1 / 3)
        away = np.sqrt((z / stretch[0]) ** 2 + (y / stretch[1]) ** 2 + (x / stretch[2]) ** 2)
        bend, phase = self.generator.normal(0, 1.6, 3), self.generator.uniform(0, 6.28)
        outside = away - radius * (1 + 0.08 * np.sin((z * bend[0] + y * bend[1] + x * bend[2]) / radius + phase))
        self._paint(kind, center, diameter_mm, box, outside, contrast)
        if rim:
            ring = np.exp(-0.5 * ((away - radius - 0.9) / 0.55) ** 2) * (np.abs(z) / (away + 0.5))  # along the field
            self.cover[box] += (rim * ring).astype(np.float32)

    def tube(
        self,
        start: NDArray[np.float64],
        stop: NDArray[np.float64],
        diameter_mm: float,
        contrast: float,
    ) -> None:
        """Draw a straight vessel."""
        z, y, x, box = self._steps(start, stop, diameter_mm / 2 + 2)
        along = stop - start
        share = np.clip((z * along[0] + y * along[1] + x * along[2]) / (along @ along), 0, 1)
        away = (z - share * along[0]) ** 2 + (y - share * along[1]) ** 2 + (x - share * along[2]) ** 2
        self._paint(1, (start + stop) / 2, diameter_mm, box, np.sqrt(away) - diameter_mm / 2, contrast)

    def _steps(self, start: NDArray[np.float64], stop: NDArray[np.float64], reach: float) -> tuple[Any, ...]:
        """Return distances in mm from the start, along each axis, in the box around a line, and the box."""
        low = np.clip((np.minimum(start, stop) - reach) / self.step, 0, self.size - 1).astype(int)
        high = np.clip((np.maximum(start, stop) + reach) / self.step + 1, 1, self.size).astype(int)
        box = tuple(slice(int(first), int(last)) for first, last in zip(low, high, strict=True))
        shapes = ((-1, 1, 1), (1, -1, 1), (1, 1, -1))
        steps = (
            ((np.arange(first, last) + 0.5) * self.step - at).reshape(shape).astype(np.float32)
            for first, last, at, shape in zip(low, high, start, shapes, strict=True)
        )
        return (*steps, box)

    def _paint(
        self,
        kind: int,
        center: NDArray[np.float64],
        diameter_mm: float,
        box: tuple[slice, ...],
        outside_mm: NDArray[np.float32],
        contrast: float,
    ) -> None:
        cover = contrast * np.clip(0.5 - outside_mm / self.step, 0, 1)
        strongest = np.maximum if contrast > 0 else np.minimum
        self.cover[box] = strongest(self.cover[box], cover)
        self.things.append(_Thing(kind, np.asarray(center), diameter_mm, box, outside_mm < 0))

    def noise(self, sigma_mm: float) -> NDArray[np.float32]:
        """Return smooth noise, standard deviation 1."""
        noise = self.generator.standard_normal((self.size,) * 3, dtype=np.float32)
        noise = ndimage.gaussian_filter(noise, sigma_mm / self.step, mode="wrap", truncate=2.5)
        return noise / noise.std()


def _lung(block: _Block) -> NDArray[np.float32]:
    """Draw nodules, then vessels of the same widths and HU, most of which fork; HU."""
    generator = block.generator
    for _ in range(generator.integers(*_LESIONS)):
        diameter = float(np.exp(generator.uniform(*np.log(NODULE_MM))))
        block.ball(0, diameter, generator.uniform(750, 910))
    for _ in range(generator.integers(*_VESSELS)):
        width = float(np.exp(generator.uniform(np.log(2.5), np.log(8.0))))
        start, direction = _line(block, width)
        fork = start + direction * generator.uniform(12, 30)
        block.tube(start, fork, width, generator.uniform(750, 910))
        for _ in range(2):
            turn = direction + generator.normal(0, 0.5, 3)
            stop = fork + turn / np.linalg.norm(turn) * generator.uniform(12, 30)
            block.tube(fork, stop, 0.78 * width, generator.uniform(750, 910))
    sponge = -850 + 35 * block.noise(2.5)
    cover = ndimage.gaussian_filter(block.cover, 0.5 / block.step, truncate=3)
    return np.asarray(sponge + cover + 45 * block.noise(0.6), dtype=np.float32)


def _brain(block: _Block) -> NDArray[np.float32]:
    """Draw microbleeds, calcifications and veins in white and grey matter; units of tissue."""
    generator = block.generator
    for _ in range(generator.integers(*_LESIONS)):
        block.ball(0, float(np.exp(generator.uniform(*np.log(MICROBLEED_MM)))), -generator.uniform(0.45, 0.8))
    for _ in range(generator.integers(*_CALCIFICATIONS)):
        diameter = float(np.exp(generator.uniform(*np.log(MICROBLEED_MM))))
        block.ball(2, diameter, -generator.uniform(0.45, 0.8), rim=generator.uniform(0.35, 0.5))
    for _ in range(generator.integers(*_VESSELS)):
        width = float(np.exp(generator.uniform(np.log(1.2), np.log(4.5))))
        start, direction = _line(block, width)
        bend = start + direction * generator.uniform(10, 20)
        turn = direction + generator.normal(0, 0.35, 3)
        darkness = -generator.uniform(0.45, 0.8)
        block.tube(start, bend, width, darkness)
        block.tube(bend, bend + turn / np.linalg.norm(turn) * generator.uniform(10, 25), 0.9 * width, darkness)
    tissue = 1 + 0.1 * np.tanh(3 * block.noise(5.0)) * np.float32(1.0)
    cover = ndimage.gaussian_filter(block.cover, 0.45 / block.step, truncate=3)
    clean = tissue * (1 + cover) + 0.06 * block.noise(0.5)
    return np.asarray(np.maximum(clean, 0), dtype=np.float32)


def _line(block: _Block, width: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a start and a direction of a vessel that keeps away from the balls for its first 25 mm."""
    generator = block.generator
    balls = [thing for thing in block.things if thing.kind != 1]
    for _ in range(30):
        start = generator.uniform(0, block.field_mm, 3)
        direction = generator.standard_normal(3)
        direction /= np.linalg.norm(direction)
        points = start + np.linspace(0, 25, 9)[:, None] * direction
        if all(
            np.linalg.norm(points - ball.center, axis=1).min() > (ball.diameter_mm + width) / 2 + 2 for ball in balls
        ):
            break
    return start, direction


def _made(count: int, seed: int, size: int, field_mm: float, draw: Any) -> SmallLesions:
    for name, least, came in (("count", 0, count), ("size", 32, size)):
        if came < least:
            raise ValueError(f"{name} is at least {least}, got {came}")
    shape = (count, size, size, size)
    images, labels, masks = np.empty(shape, np.float32), np.zeros(shape, np.uint8), np.zeros(shape, bool)
    rows: list[tuple[float, ...]] = []
    for case in range(count):
        block = _Block(size, field_mm, np.random.default_rng([seed, case]))
        images[case] = draw(block)
        things = [thing for thing in block.things if thing.inside.any()]  # some vessels leave the cube at once
        for number, thing in reversed(list(enumerate(things, start=1))):  # lesions last, on top
            labels[case][thing.box][thing.inside] = number
        masks[case] = (labels[case] > 0) & (labels[case] <= sum(thing.kind == 0 for thing in things))
        rows += [(case, thing.kind, *(thing.center / block.step - 0.5), thing.diameter_mm) for thing in things]
    table = np.array(rows, dtype=np.float64).reshape(-1, 6)
    cases, kinds = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    spacing_mm = np.full(3, field_mm / size)
    return SmallLesions(images[:, None], labels, masks, cases, kinds, table[:, 2:5], table[:, 5], spacing_mm)
