"""The upper abdomen of a CT without noise: soft-edged organs drawn one over the other, bent from case to case.

A phantom: ellipsoids, tubes and rounded boxes in a reference body, scaled by ± 7 % and bent smoothly by a few
millimetres. The shapes and the HU of all organs are chosen by eye, beside a real CT.

Lacks: the folds of the bowel, adrenals, nerves, the arms, lobes of the liver that vary; its vessels are few and
simple; men and women, young and old are alike.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_abdomen"]

# The reference body in mm: z from the lowest slice up, y from front to back, x to the patient's left (to the right of
# the picture); HU without contrast, and what the portal phase adds. Later rows are drawn over earlier ones.
_ORGANS = (  # center (z, y, x), half axes, HU, gain
    ((0, 40, -36), (125, 20, 13), 52, 12),  #   right psoas
    ((0, 40, 36), (125, 20, 13), 52, 12),  #    left psoas
    ((62, 30, -74), (52, 25, 26), 33, 130),  #  right kidney
    ((60, 22, -62), (26, 9, 11), -40, 20),  #   right renal sinus
    ((82, 32, 73), (52, 25, 26), 33, 130),  #   left kidney
    ((80, 24, 61), (26, 9, 11), -40, 20),  #    left renal sinus
    ((140, 32, 104), (48, 44, 25), 48, 70),  #  spleen
    ((70, -8, -38), (26, 13, 17), 32, 30),  #   duodenum
    ((98, -16, 26), (12, 10, 50), 38, 60),  #   pancreas
    ((84, -16, -14), (22, 14, 18), 38, 60),  #  head of the pancreas
    ((155, -36, 62), (50, 38, 42), 44, 50),  #  wall of the stomach
    ((155, -36, 62), (45, 33, 37), 18, 0),  #   stomach
    ((55, 16, 110), (85, 14, 14), 40, 25),  #   wall of the descending colon
    ((55, 16, 110), (82, 10, 10), -60, 0),  #   descending colon
)
_BESIDE_LIVER = (  # the same; the liver leaves room for them
    ((70, -42, -62), (28, 13, 15), 8, 0),  #      gallbladder
    ((125, -58, 14), (34, 24, 3), -70, 20),  #    fissure of the round ligament
    ((112, -8, -24), (14, 10, 16), -80, 20),  #   hilum
    ((55, 32, -70), (58, 31, 34), -102, 0),  #    fat around the right kidney
    ((-10, 15, -98), (45, 30, 20), -102, 0),  #   fat around the ascending colon
)
_VESSELS = (  # points (z, y, x), radius in mm, more gain than a vein
    (((-20, 2, 9), (100, 2, 9), (230, 10, 14)), 10.5, 10),  # aorta
    (((-20, 4, -20), (100, 5, -20), (210, 2, -22)), 10.0, 0),  # vena cava
    (((-20, -18, -8), (95, -12, -2), (112, -6, -26), (118, -10, -50)), 6.0, 15),  # mesenteric and portal vein
    (((118, -10, -50), (128, 10, -80), (126, 20, -105)), 4.0, 15),  # right branch
    (((118, -10, -50), (110, -30, -80)), 3.5, 15),
    (((112, -6, -26), (130, -40, -10), (140, -60, 5)), 3.5, 15),  # left branch
    (((95, -12, -2), (104, 8, 50), (130, 22, 85)), 4.0, 15),  # splenic vein
    (((-20, -18, 6), (90, -8, 8)), 4.0, 10),  # mesenteric artery
    (((200, 5, -26), (172, 12, -75), (140, 25, -105)), 4.0, 0),  # right vein of the liver
    (((200, 2, -26), (175, -30, -55), (140, -50, -75)), 4.0, 0),  # middle one
    (((200, 2, -22), (180, -30, 5), (165, -50, 25)), 3.5, 0),  # left one
)
_Line = Sequence[float] | NDArray[Any]  # three numbers: slice, row, column

_BLOOD_HU, _BLOOD_GAIN = 40.0, 110.0


def draw_abdomen(
    shape: tuple[int, int, int],
    generator: np.random.Generator,
    *,
    field_mm: tuple[float, float, float],
    liver_hu: float,
    gain: float,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Draw one patient.

    Parameters
    ----------
    shape : three ints
        Slices, rows, columns.
    generator : numpy Generator
        Decides on all that differs between patients.
    field_mm : three floats
        Height, depth and width of what is scanned.
    liver_hu : float
        HU of the liver.
    gain : float
        How much of the portal phase's gain the other organs have, 0 … 1.

    Returns
    -------
    (D, H, W) float32 array and (D, H, W) bool array
        HU without noise, and the liver without its large vessels at the border.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> hu, liver = draw_abdomen((32, 32, 32), rng, field_mm=(200, 370, 370), liver_hu=60, gain=0)
    >>> hu.shape, bool(liver.any()), bool(abs(np.median(hu[liver]) - 60) < 8)
    ((32, 32, 32), True, True)
    """
    canvas = _Canvas(shape, generator, field_mm)
    cavity = _draw_walls(canvas, generator.uniform(8, 24), gain)
    _draw_bowel(canvas, gain)
    dome = _draw_lungs(canvas, cavity)
    for center, axes, hu, added in _BESIDE_LIVER + _ORGANS:
        canvas.ellipsoid(center, axes, hu + gain * added)
    _draw_air_of_stomach(canvas)
    liver = _draw_liver(canvas, np.maximum(cavity + 1.5, dome + 3), liver_hu)
    _draw_spine(canvas)
    _draw_vessels(canvas, gain)
    whole_hu, whole_liver = np.full(shape, -1000, np.float32), np.zeros(shape, bool)
    whole_hu[:, canvas.rows], whole_liver[:, canvas.rows] = canvas.hu, liver
    return whole_hu, whole_liver


class _Canvas:
    """Coordinates of one patient in millimetres of the reference body, and the HU that are drawn on them."""

    def __init__(
        self, shape: tuple[int, int, int], generator: np.random.Generator, field_mm: tuple[float, float, float]
    ) -> None:
        self.generator = generator
        scale = generator.uniform(0.93, 1.07, 3)
        start_mm = (0.0, -field_mm[1] / 2, -field_mm[2] / 2)
        steps = [mm / size / by for mm, size, by in zip(field_mm, shape, scale, strict=True)]
        self.lines = [  # straight, to find the box of an organ
            (start / by + step * (np.arange(size) + 0.5)).astype(np.float32)
            for start, step, size, by in zip(start_mm, steps, shape, scale, strict=True)
        ]
        rows = np.flatnonzero(np.abs(self.lines[1] - 4) < 136)  # what lies beyond is air
        self.rows = slice(int(rows[0]), int(rows[-1]) + 1)
        self.lines[1] = self.lines[1][self.rows]
        self.shape = (shape[0], len(rows), shape[2])
        self.border_mm = float(np.cbrt(np.prod(steps)))
        self.z, self.y, self.x = (
            line.reshape([-1 if axis == own else 1 for axis in range(3)]) + 3.5 * self.waves(5)
            for own, line in enumerate(self.lines)
        )
        self.hu = np.full(self.shape, -1000, np.float32)

    def waves(self, knots: int) -> NDArray[np.float32]:
        """Return smooth noise over the whole field, standard deviation about 1, from so many knots along each axis."""
        field = self.generator.standard_normal((knots, knots, knots)).astype(np.float32)
        for size in self.shape:  # each turn takes the first axis away and puts the fine one behind
            field = np.tensordot(field, _bumps(size, knots), axes=(0, 1))
        return field

    def box(self, center: _Line, reach: _Line) -> tuple[slice, ...]:
        """Voxels within reach of a point, with room for the bending."""
        ends = (
            np.searchsorted(line, (middle - half - 12, middle + half + 12))
            for line, middle, half in zip(self.lines, center, reach, strict=True)
        )
        return tuple(slice(int(low), int(high)) for low, high in ends)

    def paint(
        self, outside_mm: NDArray[np.float32], hu: NDArray[np.float32] | float, box: tuple[slice, ...] = ()
    ) -> None:
        """Lay HU over what is there, where the distance from a border is below 0; borders are as wide as a voxel."""
        cover = np.clip(0.5 - outside_mm / self.border_mm, 0, 1)
        self.hu[box] += cover * (hu - self.hu[box])

    def away(self, center: _Line, axes: _Line, box: tuple[slice, ...] = ()) -> NDArray[np.float32]:
        """Distance from an ellipsoid, in mm, below 0 inside; roughly, since it is that along its mean axis."""
        z, y, x = (
            (line[box] - at) / half for line, at, half in zip((self.z, self.y, self.x), center, axes, strict=True)
        )
        return (np.sqrt(z * z + y * y + x * x) - 1) * np.float32(np.sort(axes)[:2].mean())

    def ellipsoid(self, center: _Line, axes: _Line, hu: float) -> None:
        box = self.box(center, axes)
        self.paint(self.away(center, axes, box), hu, box)

    def tube(self, points: Sequence[_Line], radius: float, hu: NDArray[np.float32] | float) -> None:
        """Draw a bent tube through the points (z, y, x)."""
        nodes = np.asarray(points, dtype=np.float32)
        for start, stop in pairwise(nodes):
            box = self.box((start + stop) / 2, np.abs(stop - start) / 2 + radius)
            along = stop - start
            steps = [line[box] - at for line, at in zip((self.z, self.y, self.x), start, strict=True)]
            share = sum(step * part for step, part in zip(steps, along, strict=True)) / float(along @ along)
            share = np.clip(share, 0, 1)
            squares = sum((step - share * part) ** 2 for step, part in zip(steps, along, strict=True))
            self.paint(np.sqrt(squares) - radius, hu[box] if isinstance(hu, np.ndarray) else hu, box)

    def rounded(self, depth: float, width: float, *, y: float) -> NDArray[np.float32]:
        """Distance from a rounded box along the whole body, in mm, below 0 inside; between ellipse and rectangle."""
        across, down = (self.x / width) ** 2, ((self.y - y) / depth) ** 2
        radius = np.sqrt(across + down) + np.sqrt(np.sqrt(across * across + down * down))
        return (radius / 2 - 1) * np.float32(depth)


@lru_cache(maxsize=64)
def _bumps(size: int, knots: int) -> NDArray[np.float32]:
    """Weights (size, knots) that join knots smoothly; the squares of a row add up to 1."""
    place = (np.arange(size) + 0.5) / size * (knots - 1)
    weights = np.exp(-0.5 * ((place[:, None] - np.arange(knots)) / 0.6) ** 2)
    return (weights / np.sqrt((weights**2).sum(axis=1, keepdims=True))).astype(np.float32)


def _draw_walls(canvas: _Canvas, fat_mm: float, gain: float) -> NDArray[np.float32]:
    """Draw table, skin, fat, muscles and ribs, and the fat of the cavity; distance from the cavity, below 0 inside."""
    bed = canvas.y - 130 + (canvas.x / 45) ** 2
    canvas.paint(np.abs(bed) - 1.0, -80)
    skin = canvas.rounded(104 + 0.7 * fat_mm, 142 + fat_mm, y=4)
    canvas.paint(skin, -20)
    canvas.paint(skin + 2.5, -108)
    canvas.paint(canvas.rounded(96, 140, y=0), 54 + 10 * gain)
    cavity = canvas.rounded(86, 129, y=-4)
    strands = np.clip(
        1.2 - 2 * np.abs(canvas.waves(22)) - 2 * np.abs(canvas.waves(22)), 0, 1
    )  # small vessels in the fat
    canvas.paint(cavity, -108 + (110 + 60 * gain) * strands)
    for x in (-34, 34):  # the muscles along the spine
        center, axes = (100, 76, x), (900, 31, 35)
        box = canvas.box(center, axes)
        outside = canvas.away(center, axes, box)
        canvas.paint(outside, 54 + 10 * gain, box)
        cavity[box] = np.maximum(cavity[box], -outside)
    aside = np.abs(canvas.x)
    level = (canvas.z - 0.75 * canvas.y + 0.5 * aside) / 30  # ribs fall to the side and to the front
    rib = 30 * np.abs(level - np.floor(level) - 0.5) - 4.5
    end = 45 + 1.1 * np.maximum(0, 40 - canvas.y) - canvas.z
    rib = np.maximum(np.maximum(rib, np.abs(cavity - 4) - 3), np.maximum(end, 30 - aside))
    canvas.paint(rib, np.where((canvas.y < -45) & (aside < 75), 110, 330).astype(np.float32))
    return cavity


def _draw_bowel(canvas: _Canvas, gain: float) -> None:
    """Draw small bowel, and the colon with what is in it: air in front, stool behind."""
    generator = canvas.generator
    for z, y, x in generator.uniform((0, -55, -75), (72, 8, 80), (14, 3)):
        axes = generator.uniform(9, 15, 3)
        canvas.ellipsoid((z, y, x), axes, 36 + gain * 45)
        canvas.ellipsoid((z, y, x), axes - 4, generator.uniform(10, 30))
    turns = generator.uniform(-10, 10, (6, 2))
    across = [(44 + z, -56 + y / 3, x) for (z, y), x in zip(turns, range(-90, 111, 40), strict=True)]
    tubes = [[(-20, 8, -98), (20, 0, -96)], across, [(44 + turns[-1, 0], -40, 108), (90, 10, 110)]]
    stool = np.where(canvas.waves(40) > 0.5, -250, 25).astype(np.float32)
    for points in tubes:
        canvas.tube(points, 18, 40 + gain * 40)
        canvas.tube(points, 14.5, stool)
    for z, y, x in across:
        if generator.uniform() < 0.7:
            canvas.ellipsoid((z, y - 6, x), generator.uniform((8, 5, 10), (11, 8, 19)), -920)


def _draw_air_of_stomach(canvas: _Canvas) -> None:
    """Fill the front of the stomach with air, up to a flat level: the patient lies on the back."""
    center, axes = (155, -36, 62), (45, 33, 37)
    level = -36 - canvas.generator.uniform(0, 22)
    box = canvas.box(center, axes)
    canvas.paint(np.maximum(canvas.away(center, axes, box), canvas.y[box] - level), -950, box)


def _draw_lungs(canvas: _Canvas, cavity: NDArray[np.float32]) -> NDArray[np.float32]:
    """Draw the lungs above the diaphragm; distance from what lies below it, below 0 there."""
    forward = ((canvas.y + 8) / 88) ** 2
    right = 228 - 95 * (((canvas.x + 62) / 72) ** 2 + forward) ** 2
    left = 214 - 95 * (((canvas.x - 62) / 72) ** 2 + forward) ** 2
    dome = 0.5 * (canvas.z - np.maximum(np.maximum(right, left), 120))
    middle = 38 - np.hypot(canvas.x, 0.6 * (canvas.y - 34))
    front = -20 - canvas.y - 0.6 * np.abs(canvas.x)
    canvas.paint(np.maximum(np.maximum(cavity + 2, middle), np.maximum(2.5 - dome, front)), -840)
    return dome


def _draw_liver(canvas: _Canvas, inside: NDArray[np.float32], liver_hu: float) -> NDArray[np.bool_]:
    """Draw the liver into the right of what is inside; return its mask."""
    h = np.clip((canvas.z - 10) / 185, 0, 1)
    front = (30 - canvas.y) / 110
    edge = -126 + 112 * h + 130 * front * h * (0.4 + 0.6 * front) + 4 * canvas.waves(10)
    liver = np.maximum(inside, 0.75 * (canvas.x - edge))
    for center, axes, _, _ in _BESIDE_LIVER:
        box = canvas.box(center, np.add(axes, 3))
        liver[box] = np.maximum(liver[box], -canvas.away(center, np.add(axes, 1.5), box))
    liver = np.maximum(liver, 10 - np.hypot(canvas.x + 20, canvas.y - 4))  # the vena cava
    canvas.paint(liver, liver_hu + 2.5 * canvas.waves(16))
    return liver < 0


def _draw_spine(canvas: _Canvas) -> None:
    """Draw vertebral bodies and discs, the canal, and the processes behind it."""
    box = canvas.box((100, 65, 0), (900, 50, 45))
    z, y, x = canvas.z[box], canvas.y[box], canvas.x[box]
    phase = np.mod(z / 34 + 0.2, 1)
    disc = phase > 0.78
    around = np.hypot(x, y - 58)
    wings = np.maximum(np.maximum(np.abs(x) - 33, np.abs(y - 57 - 0.1 * np.abs(x)) - 4), 8 - 34 * (phase - 0.1))
    spine = np.maximum(np.maximum(np.abs(x) - 3.5, np.abs(y - 80) - 14), 34 * np.abs(phase - 0.55) - 11)
    canvas.paint(np.minimum(np.maximum(wings, 34 * phase - 16), spine), 360, box)
    canvas.paint(around - 13, np.where(disc, 60, 400).astype(np.float32), box)
    body = (np.sqrt(((y - 34) / 17) ** 2 + (x / 23) ** 2) - 1) * 19
    canvas.paint(body, np.where(disc, 85, 340).astype(np.float32), box)
    canvas.paint(body + 3, np.where(disc, 90, 180).astype(np.float32), box)
    canvas.paint(around - 9, 25, box)


def _draw_vessels(canvas: _Canvas, gain: float) -> None:
    """Draw aorta, vena cava, portal vein and the veins of the liver."""
    for points, radius, extra in _VESSELS:
        canvas.tube(points, radius, _BLOOD_HU + gain * (_BLOOD_GAIN + extra))
