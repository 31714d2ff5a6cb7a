"""Phantom of the fundus: optic disc, macula, arteries and veins in colour, and two graders who do not quite agree.

The vessels are those of `vessel_tree`. Quoted: branching exponents 2.6 (arteries) and 2.0 (veins) and an angle of 78°
(PMC6024667), a fractal dimension of about 1.7 (Masters, Annu Rev Biomed Eng 6:427, 2004). Measured on six images of
CHASE_DB1 (Fraz et al., IEEE TBME 59:2538, 2012): 9.3 % of the field of view are vessel pixels.
Chosen: colours (near those of CHASE_DB1), contrast, a bright line on thick arteries, uneven light, spots of pigment,
blur, noise; the second grader leaves out most of the thinnest vessels, shifts the others and draws them wider or
thinner. Vessels are about 1.5 times as wide as in life, so that they can be seen in 128 pixels.
Lacks: disease, crossings with their signs, tortuous vessels, layers of nerve fibres, reflexes of young eyes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from course_lib.data.phantoms.vessel_tree import Eye, VesselTree, grow_vessels
from course_lib.data.phantoms.vessel_walls import VesselSegments, signed_distance

__all__ = ["FundusImages", "make_fundus_images"]

_FIELD_MM = 12.0  # about 40 degrees
_CHUNK = 128  # eyes whose vessels grow side by side


@dataclass(frozen=True, eq=False)
class FundusImages:
    """Colour images of the back of the eye, with every vessel known.

    Parameters
    ----------
    images : (N, 3, H, W) float32 array, 0 … 1
        Red, green, blue; 0 outside the field of view.
    field_of_view : (N, H, W) bool array
        The round part that the camera sees.
    arteries, veins : (N, H, W) bool array
        The truth; where they cross, a pixel is both.
    second_grader : (N, H, W) bool array
        Vessels as another person drew them.
    trees : tuple of N VesselTree
        The bifurcations of each eye.
    spacing_mm : float
        Width and height of a pixel on the retina.
    """

    images: NDArray[np.float32]
    field_of_view: NDArray[np.bool_]
    arteries: NDArray[np.bool_]
    veins: NDArray[np.bool_]
    second_grader: NDArray[np.bool_]
    trees: tuple[VesselTree, ...]
    spacing_mm: float

    @property
    def vessels(self) -> NDArray[np.bool_]:
        """(N, H, W): arteries and veins together, the truth of a segmentation."""
        return self.arteries | self.veins


def make_fundus_images(count: int, *, seed: int = 0, size: int = 128) -> FundusImages:
    """Draw eyes, left and right; eye i depends on the seed, the size and on i only.

    Parameters
    ----------
    count : int
        Number of images, 0 or more.
    seed : int
        0 or more; the same seed gives the same images.
    size : int
        Height and width in pixels, at least 64; a larger image shows the same field in more detail.

    Returns
    -------
    FundusImages
        Arrays of length `count`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    References
    ----------
    B. R. Masters, "Fractal analysis of the vascular tree in the human retina", Annu Rev Biomed Eng 6:427, 2004.

    Examples
    --------
    >>> eyes = make_fundus_images(2)
    >>> eyes.images.shape, eyes.vessels.shape, len(eyes.trees)
    ((2, 3, 128, 128), (2, 128, 128), 2)
    """
    if count < 0 or seed < 0:
        raise ValueError(f"count and seed are 0 or more, got {count} and {seed}")
    if size < 64:
        raise ValueError(f"size is at least 64 pixels, got {size}")
    images = np.empty((count, 3, size, size), np.float32)
    masks = np.empty((4, count, size, size), bool)
    trees: list[VesselTree] = []
    for first in range(0, count, _CHUNK):
        places = range(first, min(first + _CHUNK, count))
        randoms = [np.random.default_rng([seed, place]) for place in places]
        eyes = [_eye(random) for random in randoms]
        all_grown = grow_vessels(eyes, randoms, size=size)
        trees += [grown.tree for grown in all_grown]
        for place, eye, random, grown in zip(places, eyes, randoms, all_grown, strict=True):
            segments = grown.segments
            walls = signed_distance(segments, np.where(segments.artery, 0, 1), 2, size=size)
            image, field = _photograph(eye, walls, random)
            second = _second_grader(segments, random, size)
            mirrored = slice(None, None, -1 if place % 2 else 1)  # every second eye is a left one
            images[place] = image[:, :, mirrored]
            for mask, drawn in zip(masks, (field, walls[0] < 0, walls[1] < 0, second), strict=True):
                mask[place] = (drawn & field)[:, mirrored]
    spacing_mm = _FIELD_MM / (2 * 0.485 * size)
    field_of_view, arteries, veins, second_grader = masks
    return FundusImages(images, field_of_view, arteries, veins, second_grader, tuple(trees), spacing_mm)


def _eye(random: np.random.Generator) -> Eye:
    fovea = np.array([64 - 17, 66]) + random.normal(0, 2, 2)
    disc = np.array([64 + 25, 63]) + random.normal(0, 2, 2)
    return Eye(disc.astype(np.float32), fovea.astype(np.float32), 0.485 * 128)


def _second_grader(segments: VesselSegments, random: np.random.Generator, size: int) -> NDArray[np.bool_]:
    """Draw most vessels again: the thinnest are often missed, the others shifted, wider or thinner."""
    number = int(segments.vessel.max(initial=0)) + 1
    thickness = np.zeros(number)
    np.maximum.at(thickness, segments.vessel, segments.diameters)
    missed = random.random(number) < 0.55 / (1 + np.exp((thickness - 0.95) / 0.05))
    shift = random.normal(0, 0.25, (number, 2))
    wider = random.normal(0.05, 0.12, number) + random.normal(0, 0.08)
    moved = VesselSegments(
        segments.starts + shift[segments.vessel],
        segments.ends + shift[segments.vessel],
        segments.diameters * (1 + wider[segments.vessel]),
        segments.vessel,
        segments.artery,
    )
    layers = np.where(missed[segments.vessel], -1, 0)
    return signed_distance(moved, layers, 1, size=size)[0] < 0


def _photograph(
    eye: Eye, walls: NDArray[np.float32], random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the image (3, H, W) and the field of view."""
    from scipy.ndimage import gaussian_filter  # here, since it takes half a second

    size = walls.shape[-1]
    scale = size / 128
    axis = ((np.arange(size) + 0.5) / scale).astype(np.float32)
    x, y = axis[None], axis[:, None]
    centre_squared = (x - 64) ** 2 + (y - 64) ** 2
    field = centre_squared < eye.field_radius**2
    noise = random.standard_normal((2, size, size), np.float32)

    tilt_x, tilt_y = (float(value) for value in random.uniform(-0.004, 0.004, 2))
    light = 1.05 - 0.42 * centre_squared / eye.field_radius**2 + tilt_x * (x - 64) + tilt_y * (y - 64)
    choroid = gaussian_filter(noise[0], 1.8 * scale, truncate=3) * (6.4 * scale)  # a standard deviation of about 1
    macula = np.exp(-((x - eye.fovea[0]) ** 2) / 81) * np.exp(-((y - eye.fovea[1]) ** 2) / 81)
    disc_distance = np.sqrt(((x - eye.disc[0]) / random.uniform(0.85, 0.98)) ** 2 + (y - eye.disc[1]) ** 2)
    disc = np.clip((random.uniform(8, 9.4) - disc_distance) / 1.6 + 0.5, 0, 1)
    cup = np.clip(1.5 - disc_distance / random.uniform(3.2, 4.8), 0, 1)
    glow = np.clip(1 - disc_distance / 30, 0, 1) ** 2
    spots = _spots(random, size)

    arteries, veins = walls / np.float32(scale)
    artery, vein = (np.clip(0.5 - wall, 0, 1) * (0.5 + 0.5 * np.clip(-1.4 * wall, 0, 1)) for wall in (arteries, veins))
    artery *= 1 - 0.6 * np.clip((-arteries - 0.5) / 0.35, 0, 1)  # light comes back from the middle of an artery
    contrast = random.uniform(0.85, 1.2)
    image = np.empty((3, size, size), np.float32)
    tints = (
        (0.74, 0.03, 0.10, 0.16, 0.26, 0.15),
        (0.31, 0.07, 0.30, 0.32, 0.52, 0.36),
        (0.09, 0.06, 0.3, 0.2, 0.4, 0.3),
    )
    pale, cup_light = (0.24, 0.38, 0.22), (0.06, 0.20, 0.22)
    for channel, (colour, grain, dark, of_artery, of_vein, of_spot) in enumerate(tints):
        ground = (
            colour * random.normal(1, 0.08) * light * (1 + grain * choroid) * (1 - dark * macula) * (1 + 0.3 * glow)
        )
        ground = ground * (1 - of_spot * spots) + pale[channel] * disc + cup_light[channel] * cup
        seen = (1 - contrast * of_artery * artery) * (1 - contrast * of_vein * vein)
        image[channel] = gaussian_filter(ground * seen, 0.55 * scale, truncate=3)
    grain = random.uniform(0.008, 0.02)
    image += np.float32(grain) * np.array([1, 0.8, 0.6], np.float32)[:, None, None] * noise[1]
    return np.clip(image, 0, 1) * field, field


def _spots(random: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Draw spots of pigment, 0 … 1."""
    spots = np.zeros((size, size), np.float32)
    scale = size / 128
    for row, column, width in random.uniform((10, 10, 0.8), (118, 118, 2), (random.poisson(7), 3)):
        reach = int(3 * width * scale) + 1
        top, left = int(row * scale) - reach, int(column * scale) - reach
        window = (slice(max(top, 0), top + 2 * reach), slice(max(left, 0), left + 2 * reach))
        near = np.exp(-((np.arange(-reach, reach) / (width * scale)) ** 2))
        spot = np.outer(near[max(-top, 0) :][: size - max(top, 0)], near[max(-left, 0) :][: size - max(left, 0)])
        spots[window] = np.maximum(spots[window], spot)
    return spots
