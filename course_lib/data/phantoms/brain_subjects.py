"""One subject of the ageing brains: latent values, where its voxels lie in the template, its tissues, its scan.

The numbers that steer it stand in `ageing_brain`, whose second half this is.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from course_lib.data.phantoms.brain_warps import (
    AgeingWarps,
    BrainTemplate,
    ageing_warps,
    cosine_waves,
    jacobian_determinant,
    load_brain_template,
    pull_back,
    smooth_displacement,
)

__all__ = [
    "Kit",
    "Subject",
    "age_subject",
    "brain_kit",
    "draw_subject",
    "expected_grey_ml",
    "expected_ventricles_ml",
    "place_subject",
    "scan_subject",
]

VENTRICLE_SCATTER, GREY_SCATTER, HEAD_SCATTER = 0.40, 0.06, 0.09  # of the logarithm
LARGEST_VENTRICLES_ML = 90.0
WARP_SD_MM = 2.5
REGIONAL_LOSS = 0.006  # a year: how much deeper the loss goes in frontal and temporal cortex, of white to pia as 1
WHITE_FADING = (0.001, 0.0015)  # of the intensity a year: everywhere, and besides in frontal and temporal lobes
FRONT_WIDTH = 0.3  # of white to pia as 1: how soft the new surface of the cortex is
SITES = (  # change of the intensity of fluid, grey and white matter; spread of the bias field; noise of white matter 1
    (0.00, 0.00, 0.00, 0.03, 0.020),
    (0.05, -0.03, 0.02, 0.05, 0.030),
    (-0.04, 0.02, -0.03, 0.04, 0.040),
)


def expected_ventricles_ml(age_years: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Lateral ventricles of the mean person: 18 ml at 20 years, +0.3 ml a year to 60, then +3 % a year.

    Examples
    --------
    >>> expected_ventricles_ml(np.array([20.0, 60.0, 80.0])).round(1).tolist()
    [18.0, 30.0, 54.2]
    """
    age = np.asarray(age_years, np.float64)
    return (18 + 0.3 * (np.minimum(age, 60) - 20)) * 1.03 ** np.maximum(age - 60, 0)


def expected_grey_ml(age_years: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Grey matter of the mean person: the template's 1,008 ml at 20 years, −0.3 % a year, −0.8 % after 65.

    Examples
    --------
    >>> expected_grey_ml(np.array([20.0, 65.0, 85.0])).round().tolist()
    [1008.0, 881.0, 750.0]
    """
    age = np.asarray(age_years, np.float64)
    return 1008 * 0.997 ** (np.minimum(age, 65) - 20) * 0.992 ** np.maximum(age - 65, 0)


class Subject(NamedTuple):
    """The latent values of a subject, in the order of the fields of `AgeingBrains`."""

    age_years: float
    brain_age_gap_years: float
    sex: int
    site: int
    head_ratio: float
    target_ventricles_ml: float
    target_grey_ml: float

    @property
    def brain_age_years(self) -> float:
        """Age of the anatomy, age + δ."""
        return self.age_years + self.brain_age_gap_years


@dataclass(frozen=True, eq=False)
class Kit:
    """The template, its deformations, and what else is the same for all subjects."""

    template: BrainTemplate
    warps: AgeingWarps
    maps: NDArray[np.float32]  # other fluid, grey, white, ventricles, image: read together
    height: NDArray[np.float32]  # in the cortex: 0 at white matter, 1 at the pia
    region: NDArray[np.float32]  # 1 in frontal and temporal lobes, 0 elsewhere
    brain: NDArray[np.bool_]  # the brain with one voxel around it
    near: NDArray[np.bool_]  # the brain with 4 mm around it
    box: tuple[slice, ...]  # the ventricles with 16 mm around them
    levels: tuple[float, float]  # intensity of pure fluid and of pure grey matter


@lru_cache(maxsize=2)
def brain_kit(spacing_mm: int) -> Kit:
    """Compute what all subjects of one spacing share; once a process."""
    from scipy.ndimage import binary_dilation, find_objects, gaussian_filter  # here, since it takes half a second

    template = load_brain_template(spacing_mm)
    brain = template.grey + template.white + template.ventricles + template.sulci
    fluid, white = (gaussian_filter(part, 2 / spacing_mm) for part in (template.sulci, template.white))
    ventricles = find_objects((template.ventricles > 0).astype(np.uint8))[0]
    margin = 16 // spacing_mm
    return Kit(
        template=template,
        warps=ageing_warps(spacing_mm),
        maps=np.stack([template.sulci, template.grey, template.white, template.ventricles, template.image]),
        height=fluid / np.maximum(fluid + white, 1e-3),
        region=_frontal_or_temporal(template.image.shape, spacing_mm),
        brain=binary_dilation(brain > 0),
        near=binary_dilation(brain > 0, iterations=4 // spacing_mm),
        box=tuple(slice(side.start - margin, side.stop + margin) for side in ventricles),
        levels=(_level(template.image, template.sulci), _level(template.image, template.grey)),
    )


def _level(image: NDArray[np.float32], tissue: NDArray[np.float32]) -> float:
    """Intensity where a tissue is nearly alone."""
    return float((image * tissue**4).sum() / (tissue**4).sum())


def _frontal_or_temporal(shape: tuple[int, ...], spacing_mm: int) -> NDArray[np.float32]:
    """1 in frontal and temporal lobes, 0 elsewhere, with borders some 2 cm wide."""
    depth, height, width = ((np.arange(size) + 0.5) * spacing_mm for size in shape)
    x, y, z = abs(width - 96), (95 - height)[:, None], (depth - 91)[:, None, None]  # mm in MNI space, x to either side

    def step(distance_mm: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(1 / (1 + np.exp(-distance_mm / 5)))

    frontal = step(y - 5) * step(z + 15)
    temporal = step(x - 28) * step(-2 - z) * step(y + 50)
    return np.asarray(1 - (1 - frontal) * (1 - temporal), np.float32)


def draw_subject(generator: np.random.Generator, *, age: float | None, gap_sd: float) -> Subject:
    """Draw all latent values, always all of them, so that another age leaves the rest as it was."""
    drawn = float(generator.uniform(20, 90))
    gap, head, ventricles, grey = np.clip(generator.standard_normal(4), -2, 2)
    sex, site = int(generator.integers(2)), int(generator.integers(len(SITES)))
    age, gap = drawn if age is None else age, float(gap_sd * gap)
    head_ratio = float(np.exp(HEAD_SCATTER * head + (sex - 0.5) * np.log(1.1)))
    ventricles_ml = float(expected_ventricles_ml(age + gap) * np.exp(VENTRICLE_SCATTER * ventricles))
    grey_ml = float(expected_grey_ml(age + gap) * np.exp(GREY_SCATTER * grey))
    ventricles_ml = min(ventricles_ml, LARGEST_VENTRICLES_ML)
    return Subject(age, gap, sex, site, head_ratio, ventricles_ml * head_ratio, grey_ml * head_ratio)


def place_subject(
    generator: np.random.Generator, subject: Subject, kit: Kit
) -> tuple[NDArray[np.float32], NDArray[np.bool_], float]:
    """Where in the template the brain's voxels lie, (3, M); which they are; the smallest Jacobian in and around it."""
    template = kit.template
    shape = template.image.shape
    sizes = np.exp(0.02 * generator.standard_normal(3))
    sizes *= (subject.head_ratio / sizes.prod()) ** (1 / 3)  # a long or a high head of the same volume
    points = smooth_displacement(generator, shape, sd=WARP_SD_MM / template.spacing_mm)
    for axis, size in enumerate(shape):
        along = (np.arange(size, dtype=np.float32) - (size - 1) / 2) / np.float32(sizes[axis]) + (size - 1) / 2
        points[axis] += along.reshape([-1 if a == axis else 1 for a in range(3)])
    inside = _lookup(kit.near, points.reshape(3, -1)).reshape(shape)
    chosen = points[:, inside]
    chosen += pull_back(kit.warps.at(_log_ratio(chosen, subject, kit)), chosen)
    points[:] = np.nan  # no folding is a question of the head, not of the air around it
    points[:, inside] = chosen
    smallest = float(np.nanmin(jacobian_determinant(points)))
    brain = _lookup(kit.brain, chosen)
    inside[inside] = brain
    return chosen[:, brain], inside, smallest


def _lookup(volume: NDArray[Any], points: NDArray[np.float32]) -> NDArray[Any]:
    """Read a volume at the voxel nearest to each point, (3, M) → (M,)."""
    flat = np.zeros(points.shape[1], np.int32)
    for along, size in zip(points, volume.shape, strict=True):
        flat *= size
        flat += np.clip(along + np.float32(0.5), 0, size - 1).astype(np.int32)
    return volume.ravel()[flat]


def _log_ratio(points: NDArray[np.float32], subject: Subject, kit: Kit) -> float:
    """Find the size of the template's ventricles that becomes the target, once the subject's warp has changed it."""
    low, high = ([side.start for side in kit.box], [side.stop - 1 for side in kit.box])
    around = np.all([(points[a] >= low[a]) & (points[a] <= high[a]) for a in range(3)], axis=0)
    around_points = points[:, around][:, :: round((4 / kit.template.spacing_mm) ** 2)]  # a sample is enough to know
    sampled = around_points.shape[1] / np.count_nonzero(around)
    target = subject.target_ventricles_ml / kit.template.voxel_ml * sampled
    whole = float(kit.template.ventricles.sum(dtype=np.float64)) * sampled
    log_ratio = float(np.log(target / whole / subject.head_ratio))
    for _ in range(2):
        moved = around_points + pull_back(kit.warps.at(log_ratio), around_points)
        log_ratio += float(np.log(target / pull_back(kit.template.ventricles, moved).sum(dtype=np.float64)))
    return log_ratio


def age_subject(
    points: NDArray[np.float32], subject: Subject, kit: Kit
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Intensities, (M,), and fractions of other fluid, grey, white, ventricles, (4, M), with grey matter thinned."""
    sulci, grey, white, ventricles, image = pull_back(kit.maps, points)
    region = _lookup(kit.region, points)  # so smooth that the nearest voxel is good enough
    years = np.float32(max(subject.brain_age_years - 20, 0))
    exchange = _grey_to_fluid(points, grey, sulci, subject, kit, deeper=REGIONAL_LOSS * years * region)
    grey -= exchange
    sulci += exchange
    fluid_level, grey_level = kit.levels
    image -= (grey_level - fluid_level) * exchange
    for fraction, change in zip((sulci + ventricles, grey, white), SITES[subject.site][:3], strict=True):
        image += change * fraction
    image -= years * (np.float32(WHITE_FADING[0]) + np.float32(WHITE_FADING[1]) * region) * white
    return image, np.stack([sulci, grey, white, ventricles])


def _grey_to_fluid(
    points: NDArray[np.float32],
    grey: NDArray[np.float32],
    sulci: NDArray[np.float32],
    subject: Subject,
    kit: Kit,
    *,
    deeper: NDArray[np.float32],
) -> NDArray[np.float32]:
    """How much grey matter of each voxel becomes fluid, (M,): a front goes from the pia inwards until enough is lost.

    Who has more grey matter than the template gets it the other way round, from fluid in voxels that have both.
    """
    surplus = float(grey.sum(dtype=np.float64)) - subject.target_grey_ml / kit.template.voxel_ml
    if surplus < 0:
        both = np.minimum(sulci, grey)
        return both * np.float32(max(surplus / float(both.sum(dtype=np.float64)), -1))
    cortex = np.flatnonzero(grey > 0.02)
    points, thick = points[:, cortex], grey[cortex]
    height = pull_back(kit.height, points) + deeper[cortex]
    height /= np.float32(FRONT_WIDTH)
    low, high = -5.0, 5.0
    for _ in range(14):
        front = (low + high) / 2
        lost = thick * np.clip(height - np.float32(front), 0, 1)
        low, high = (front, high) if float(lost.sum(dtype=np.float64)) > surplus else (low, front)
    exchange = np.zeros_like(grey)
    exchange[cortex] = lost
    return exchange


def scan_subject(
    generator: np.random.Generator, subject: Subject, image: NDArray[np.float32], inside: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Uneven coil, and the noise of a magnitude image (Rician: two channels of Gaussian noise)."""
    *_, bias_sd, noise_sd = SITES[subject.site]
    bias = cosine_waves(bias_sd * generator.standard_normal((3, 3, 3)) / 2, inside.shape)
    signal = noise_sd * generator.standard_normal(inside.shape, dtype=np.float32)
    signal[inside] += image * np.exp(bias[inside])
    other = noise_sd * generator.standard_normal(inside.shape, dtype=np.float32)
    return np.sqrt(signal * signal + other * other)
