"""Tumours put into a liver: into the phantom's, or into that of a real CT whose liver is outlined.

A phantom lesion: an ellipsoid whose radius is wavy, wholly inside the liver, darker than it, mottled, and soft at the
border as far as voxels are large. Numbers that steer it, all chosen: diameters of 5–60 mm, as many between 5 and 10
as between 30 and 60 (log-uniform); 20–50 HU darker; mottling with a standard deviation of 5 HU; radius wavy by 8 %;
large ones darker in the middle.
For scale: the best methods of the liver tumour benchmark reach a Dice of 0.67–0.74 on real tumours and find 0.46–0.55
of them (P. Bilic et al., "The liver tumor segmentation benchmark (LiTS)", Medical Image Analysis 84, 2023).

Lacks: capsules, rims of contrast, calcification, pressure on vessels and on the liver's border, tumours that reach the
liver's surface; all tumours darken alike in every phase.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import pdist

from course_lib.data.medical_image import MedicalImage

__all__ = ["LiverTumours", "insert_liver_tumours"]

DIAMETERS_MM = (5.0, 60.0)
DARKER_HU = (20.0, 50.0)
MOTTLE_HU = 5.0
WAVINESS = 0.08
_FINE = 3  # points a voxel along each axis, to share border voxels out between tumour and liver
_TRIES = 20


@dataclass(frozen=True, eq=False)
class LiverTumours:
    """A CT with tumours in its liver, and the truth about them.

    Parameters
    ----------
    image : MedicalImage
        float32 HU, with the tumours.
    labels : MedicalImage
        int32 on the same grid: 0 no tumour, k the k-th.
    diameters_mm : (K,) float64 array
        Of the ball of the same volume, as it was drawn.
    longest_axial_mm : (K,) float64 array
        Longest distance across the tumour in one axial slice, as a reader of RECIST would measure it: between the
        outermost points of its voxels.
    volumes_ml : (K,) float64 array
        With the share that border voxels have.
    darker_hu : (K,) float64 array
        How much darker than the liver.
    """

    image: MedicalImage
    labels: MedicalImage
    diameters_mm: NDArray[np.float64]
    longest_axial_mm: NDArray[np.float64]
    volumes_ml: NDArray[np.float64]
    darker_hu: NDArray[np.float64]


def insert_liver_tumours(
    image: MedicalImage,
    liver: MedicalImage,
    *,
    count: int = 3,
    seed: int = 0,
    diameters_mm: tuple[float, ...] = (),
    times: float = 1.0,
) -> LiverTumours:
    """Put tumours into the liver of a CT.

    Parameters
    ----------
    image : MedicalImage
        3-D float32 HU, its third axis along the body as in NIfTI.
    liver : MedicalImage
        3-D integers on the same grid, above 0 in the liver.
    count : int
        Tumours to draw, 0 or more; each is drawn anew, smaller or larger, if it finds no room, 20 times.
    seed : int
        The same seed gives the same tumours; more tumours never change the first ones.
    diameters_mm : floats, optional
        The diameters, instead of drawing them; then `count` is not looked at.
    times : float
        All tumours at so many times their diameter and at their old places, above 0, at most 1.5: a later scan of the
        same patient, with 0.5 of one who responds. Where a grown tumour reaches the border of the liver it ends.

    Returns
    -------
    LiverTumours
        Fewer than asked for if the liver has no more room.

    Raises
    ------
    TypeError
        If the image is not float32.
    ValueError
        If the shapes differ or are not 3-D, the mask is empty, or count, a diameter or times is out of its range.

    Examples
    --------
    >>> ct = MedicalImage(np.full((40, 40, 40), 60, np.float32), np.diag([3.0, 3, 3, 1]))
    >>> liver = MedicalImage(np.pad(np.ones((38, 38, 38), np.uint8), 1), ct.affine)
    >>> found = insert_liver_tumours(ct, liver, diameters_mm=(30, 12))
    >>> found.volumes_ml.round(1).tolist(), int(found.labels.array.max())
    ([14.0, 0.9], 2)
    """
    _check(image, liver, count, diameters_mm, times)
    around = ndimage.find_objects((liver.array > 0).astype(np.uint8))[0]
    room_mm = ndimage.distance_transform_edt(np.pad(liver.array[around] > 0, 1), sampling=image.spacing_mm)
    room_mm = room_mm[1:-1, 1:-1, 1:-1].astype(np.float32)
    hu, labels = image.array.copy(), np.zeros(image.array.shape, np.int32)
    found: list[tuple[float, float, float, float]] = []
    for number in range(len(diameters_mm) or count):
        generator = np.random.default_rng([seed, number])
        tumour = _draw(room_mm, image.spacing_mm, generator, diameters_mm[number] if diameters_mm else None, times)
        if tumour is None:
            continue
        tumour.share[liver.array[around][tumour.box] == 0] = 0
        mask = tumour.share > 0.5
        mask[tumour.middle] = True  # at least one voxel
        hu[around][tumour.box] -= tumour.share * tumour.darkening(generator)
        labels[around][tumour.box][mask] = len(found) + 1
        _shrink_room(room_mm, tumour, image.spacing_mm)
        found.append((tumour.diameter_mm, _longest_axial(mask, image), tumour.ml(image), tumour.darker_hu))
    table = np.array(found, dtype=np.float64).reshape(-1, 4).T
    with_tumours = MedicalImage(hu, image.affine, image.name, image.metadata)
    return LiverTumours(with_tumours, MedicalImage(labels, image.affine, "tumours"), *table)


@dataclass(frozen=True, eq=False)
class _Tumour:
    """One tumour on the voxels of its box: the share of each voxel that it fills."""

    box: tuple[slice, ...]
    center: NDArray[np.float64]  # voxel indices
    reach_mm: float  # no point of it is farther from the center
    share: NDArray[np.float32]
    diameter_mm: float
    darker_hu: float

    @property
    def middle(self) -> tuple[int, ...]:
        """The voxel of the box in which the center lies."""
        return tuple(round(float(at)) - part.start for at, part in zip(self.center, self.box, strict=True))

    def darkening(self, generator: np.random.Generator) -> NDArray[np.float32]:
        """Return how many HU are taken away where a voxel is full: mottled, more in the middle of a large tumour."""
        mottle = ndimage.gaussian_filter(generator.standard_normal(self.share.shape, dtype=np.float32), 1, mode="wrap")
        middle = 8 * max(0.0, self.diameter_mm - 25) / 35 * (ndimage.gaussian_filter(self.share, 2) - 0.6)
        return np.asarray(self.darker_hu + MOTTLE_HU * mottle / (mottle.std() + 1e-6) + middle, dtype=np.float32)

    def ml(self, image: MedicalImage) -> float:
        return float(self.share.sum(dtype=np.float64) * image.voxel_ml)


def _draw(
    room_mm: NDArray[np.float32],
    spacing_mm: NDArray[np.float64],
    generator: np.random.Generator,
    wanted_mm: float | None,
    times: float,
) -> _Tumour | None:
    """Draw a tumour and a place for it; None if there is no place."""
    half_voxel = float(np.linalg.norm(spacing_mm)) / 2
    for _ in range(_TRIES):
        diameter = wanted_mm or float(np.exp(generator.uniform(*np.log(DIAMETERS_MM))))
        darker = float(generator.uniform(*DARKER_HU))
        shape = _Shape.drawn(generator, diameter)
        places = np.flatnonzero(room_mm > shape.reach_mm + half_voxel)
        if len(places):
            center = np.array(
                np.unravel_index(places[generator.integers(len(places))], room_mm.shape), dtype=np.float64
            )
            center += generator.uniform(-0.5, 0.5, 3)
            reach = np.ceil(times * shape.reach_mm / spacing_mm + 1)
            low = np.maximum(np.floor(center - reach), 0).astype(int)
            high = np.minimum(np.ceil(center + reach) + 1, room_mm.shape).astype(int)
            share = shape.share(low, high, center, spacing_mm / times)
            box = tuple(slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))
            return _Tumour(box, center, shape.reach_mm, share, times * diameter, darker)
    return None


@dataclass(frozen=True, eq=False)
class _Shape:
    """A turned ellipsoid whose radius is wavy: radius in a direction = ellipsoid × (1 + waves)."""

    turned: NDArray[np.float64]  # (3, 3), mm → unit ball
    waves: NDArray[np.float64]  # (4, 3)
    phases: NDArray[np.float64]  # (4, 1, 1, 1)
    reach_mm: float

    @classmethod
    def drawn(cls, generator: np.random.Generator, diameter_mm: float) -> "_Shape":
        axes = np.exp(generator.normal(0, 0.12, 3))
        axes *= diameter_mm / 2 / axes.prod() ** (1 / 3)
        rotation = np.linalg.qr(generator.standard_normal((3, 3)))[0]
        waves, phases = 2.5 * generator.standard_normal((4, 3)), generator.uniform(0, 2 * np.pi, (4, 1, 1, 1))
        return cls(rotation.T / axes[:, None], waves, phases, float(axes.max()) * (1 + 2 * WAVINESS))

    def share(
        self,
        low: NDArray[np.int64],
        high: NDArray[np.int64],
        center: NDArray[np.float64],
        spacing_mm: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        """Return how much of each voxel of the box lies inside, 0 … 1."""
        lines = [
            (np.arange(start * _FINE, stop * _FINE) + 0.5) / _FINE - 0.5 - middle
            for start, stop, middle in zip(low, high, center, strict=True)
        ]
        points = np.stack(np.meshgrid(*[line * mm for line, mm in zip(lines, spacing_mm, strict=True)], indexing="ij"))
        ball = np.tensordot(self.turned, points, 1).astype(np.float32)  # (3, X, Y, Z)
        radius = np.sqrt((ball**2).sum(axis=0))
        near = (radius > 1 - 2 * WAVINESS) & (radius < 1 + 2 * WAVINESS)
        direction = np.tensordot(self.waves, ball[:, near] / radius[near], 1)  # (4, points of the border)
        inside = radius <= 1 - 2 * WAVINESS
        wave = np.sin(direction + self.phases[..., 0, 0]).sum(axis=0) / np.sqrt(2)  # standard deviation about 1
        inside[near] = radius[near] < 1 + WAVINESS * np.clip(wave, -2, 2)
        coarse = inside.reshape(*[part for size in high - low for part in (size, _FINE)])
        return np.asarray(coarse.mean(axis=(1, 3, 5)), dtype=np.float32)


def _shrink_room(room_mm: NDArray[np.float32], tumour: _Tumour, spacing_mm: NDArray[np.float64]) -> None:
    """Leave room in the liver only as far as the tumour is away."""
    x, y, z = np.ogrid[tuple(slice(0, size) for size in room_mm.shape)]
    steps = [(line - middle) * mm for line, middle, mm in zip((x, y, z), tumour.center, spacing_mm, strict=True)]
    away = np.sqrt(sum((step**2).astype(np.float32) for step in steps))
    np.minimum(room_mm, away - tumour.reach_mm, out=room_mm)


def _longest_axial(mask: NDArray[np.bool_], image: MedicalImage) -> float:
    """Return the longest line in one slice along the third axis, from corner to corner of voxels, in mm."""
    some: NDArray[np.bool_] = np.any(
        mask, axis=1
    )  # (X, Z): rows that hold a voxel; the line ends at the first or last voxel of a row
    first, last = mask.argmax(axis=1), mask.shape[1] - mask[:, ::-1].argmax(axis=1)
    longest = 0.0
    for z in np.flatnonzero(some.any(axis=0)):
        rows = np.flatnonzero(some[:, z])
        corners = [(rows + side, end[rows, z]) for side in (0, 1) for end in (first, last)]
        points = np.concatenate([np.stack(corner, axis=1) for corner in corners])
        longest = max(longest, float(pdist(points * image.spacing_mm[:2]).max()))
    return longest


def _check(image: MedicalImage, liver: MedicalImage, count: int, diameters_mm: tuple[float, ...], times: float) -> None:
    if image.array.dtype != np.float32:
        raise TypeError(f"image needs float32 Hounsfield units, got {image.array.dtype}")
    if image.array.ndim != 3 or liver.array.shape != image.array.shape:
        raise ValueError(
            f"image and liver need one 3-D grid, got the shapes {image.array.shape} and {liver.array.shape}"
        )
    if not (liver.array > 0).any():
        raise ValueError("liver needs at least one voxel above 0, got an empty mask")
    if count < 0:
        raise ValueError(f"count needs 0 tumours or more, got {count}")
    if not 0 < times <= 1.5:
        raise ValueError(f"times needs a number above 0 and at most 1.5, got {times}")
    if not all(0 < diameter < np.inf for diameter in diameters_mm):
        raise ValueError(f"diameters_mm needs numbers above 0, got {diameters_mm}")
