"""Phantom of the ageing brain: T1-weighted volumes of MNI152 whose ventricles grow and whose grey matter thins.

A latent gap δ is added to the age, and the anatomy follows age + δ: a net that predicts the age from the image has a
true answer for its brain-age gap, and for what bias correction does to it. The volumes follow (rates as suggested by
published lifespan studies; all numbers without a source are chosen):

- lateral ventricles 18 ml at 20 years, +0.3 ml a year to 60, then +3 % a year, times a log-normal scatter of 40 %;
- grey matter of the template at 20 years, −0.3 % a year, −0.8 % after 65, times a scatter of 6 %. Compare: −0.51 % a
  year of cortex at 23–87 (Storsve et al. 2014), −0.83 % at 65–82 (PLoS ONE 0114478), −0.20 % in the very healthy
  (PMC7321765);
- frontal and temporal cortex lose more than the rest of it (about −0.5 % a year at 60–91, J Neurosci 29:15223): how
  much more depends on age + δ alone, without scatter, so that a net that looks at regions can beat volumes;
- white matter fades where the cortex loses most, so that grey and white look more alike (direction and places: Salat
  et al., NeuroImage 48:21, 2009; amount chosen);
- white matter goes with the ventricles (`brain_warps.white_ratio`); fluid outside them takes what is left over;
- δ has a standard deviation of 3 years; heads differ by 9 % in volume, men's being 10 % larger; scatters are cut at
  two standard deviations, ventricles at 90 ml of a head as large as the template's.

Each subject has a smooth warp that cannot fold, one of three scanners (contrast, bias field, noise) and Rician noise.

Lacks: a skull, lesions of white matter, a hippocampus that shrinks faster, sulci of one's own (all share the blurred
ones of an averaged template), atrophy on one side, motion, thick slices, diseases.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from course_lib.data.phantoms.brain_subjects import (
    Subject,
    age_subject,
    brain_kit,
    draw_subject,
    place_subject,
    scan_subject,
)

__all__ = [
    "AgeingBrains",
    "make_ageing_brains",
    "stream_ageing_brains",
]


@dataclass(frozen=True, eq=False)
class AgeingBrains:
    """Volumes of brains, with what the maker knows about each.

    Axes are foot → head, front → back, patient's right → left: ``images[i, k]`` is an axial slice as radiologists look
    at it. Millilitres are counted in the finished subject.

    Parameters
    ----------
    images : (N, D, H, W) float32 array, 0 … about 1.5
        T1-weighted, without skull, white matter about 0.9.
    age_years, brain_age_gap_years : (N,) float64 arrays
        Age, and δ: the anatomy is that of age + δ.
    sex : (N,) int64 array
        0 female, 1 male.
    site : (N,) int64 array
        Scanner 0, 1 or 2.
    head_ratio : (N,) float64 array
        Volume of the head / template's; target volumes are multiplied by it.
    ventricles_ml, grey_ml, white_ml, sulci_ml : (N,) float64 arrays
        Reached: lateral ventricles, tissues, and all other fluid.
    target_ventricles_ml, target_grey_ml : (N,) float64 arrays
        Asked for.
    smallest_jacobian : (N,) float64 array
        Smallest volume in the template of a subject's voxel, in voxels, in and around the brain; above 0: no folding.
    tissues : (N, 4, D, H, W) float32 array, 0 … 1, or None
        Fractions of other fluid, grey matter, white matter and ventricles, where they were asked for.
    spacing_mm : float
        Edge of the voxels.
    """

    images: NDArray[np.float32]
    age_years: NDArray[np.float64]
    brain_age_gap_years: NDArray[np.float64]
    sex: NDArray[np.int64]
    site: NDArray[np.int64]
    head_ratio: NDArray[np.float64]
    ventricles_ml: NDArray[np.float64]
    grey_ml: NDArray[np.float64]
    white_ml: NDArray[np.float64]
    sulci_ml: NDArray[np.float64]
    target_ventricles_ml: NDArray[np.float64]
    target_grey_ml: NDArray[np.float64]
    smallest_jacobian: NDArray[np.float64]
    tissues: NDArray[np.float32] | None
    spacing_mm: float

    @property
    def intracranial_ml(self) -> NDArray[np.float64]:
        """All tissues and fluid together."""
        return self.ventricles_ml + self.grey_ml + self.white_ml + self.sulci_ml


def make_ageing_brains(
    count: int,
    *,
    seed: int = 0,
    first: int = 0,
    spacing_mm: int = 2,
    age_years: Sequence[float] | NDArray[np.floating] | None = None,
    gap_sd_years: float = 3.0,
    with_tissues: bool = False,
) -> AgeingBrains:
    """Make subjects of 20 to 90 years.

    The first call in a process computes the deformations: about 12 s of one core at 2 mm, 2 s at 4 mm.

    Parameters
    ----------
    count : int
        How many; 0 gives empty arrays.
    seed : int
        Subject i depends on the seed and i alone.
    first : int
        Number of the first subject.
    spacing_mm : int
        2 for 96×112×96 voxels, 4 for 48×56×48 (quick).
    age_years : sequence of count numbers, 18 … 95, optional
        Ages; drawn evenly from 20 to 90 without it. All else of a subject stays as it is.
    gap_sd_years : float
        Standard deviation of the brain-age gap δ, 0 … 10.
    with_tissues : bool
        Keep the tissue fractions: four times the memory of the images.

    Returns
    -------
    AgeingBrains

    Raises
    ------
    ValueError
        If an argument is outside its range, or there is not one age a subject.

    Examples
    --------
    >>> make_ageing_brains(0, spacing_mm=4).images.shape
    (0, 48, 56, 48)
    """
    _check(count, first=first, seed=seed, spacing_mm=spacing_mm, gap_sd_years=gap_sd_years)
    ages = [None] * count if age_years is None else [float(age) for age in age_years]
    if len(ages) != count:
        raise ValueError(f"age_years needs one age for each of {count} subjects, got {len(ages)}")
    if any(age is not None and not 18 <= age <= 95 for age in ages):
        raise ValueError(f"age_years needs ages from 18 to 95, got {ages}")
    kit = brain_kit(spacing_mm)
    shape = kit.template.image.shape
    images = np.empty((count, *shape), np.float32)
    tissues = np.zeros((count, 4, *shape), np.float32) if with_tissues else None
    cases = []
    for place in range(count):
        generator = np.random.default_rng([seed, first + place])
        subject = draw_subject(generator, age=ages[place], gap_sd=gap_sd_years)
        points, inside, smallest = place_subject(generator, subject, kit)
        image, fractions = age_subject(points, subject, kit)
        images[place] = scan_subject(generator, subject, image, inside)
        if tissues is not None:
            tissues[place][:, inside] = fractions
        reached_ml = fractions.sum(axis=1, dtype=np.float64) * kit.template.voxel_ml
        cases.append((*subject, *reached_ml, smallest))
    return _collect(cases, images=images, tissues=tissues, spacing_mm=float(spacing_mm))


def stream_ageing_brains(
    count: int, *, seed: int = 0, first: int = 0, spacing_mm: int = 2, gap_sd_years: float = 3.0, threads: int = 2
) -> Iterator[AgeingBrains]:
    """Yield subjects one by one, the same as `make_ageing_brains` makes, without holding all of them in memory.

    Parameters
    ----------
    count, seed, first, spacing_mm, gap_sd_years
        As there.
    threads : int
        How many subjects are made at a time, at least 1.

    Yields
    ------
    AgeingBrains
        Of one subject each.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> list(stream_ageing_brains(0))
    []
    """
    _check(count, seed=seed, first=first, spacing_mm=spacing_mm, gap_sd_years=gap_sd_years)
    if threads < 1:
        raise ValueError(f"threads needs to be at least 1, got {threads}")

    def make(index: int) -> AgeingBrains:
        return make_ageing_brains(1, seed=seed, first=index, spacing_mm=spacing_mm, gap_sd_years=gap_sd_years)

    return _in_order(make, range(first, first + count), threads=threads)


def _in_order(make: Callable[[int], AgeingBrains], indices: range, *, threads: int) -> Iterator[AgeingBrains]:
    """Work ahead by twice as many subjects as there are threads, and no further: memory stays small."""
    if indices:
        yield make(indices[0])  # computes the deformations once, before there are threads
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[AgeingBrains]] = deque()
        for index in indices[1:]:
            waiting.append(pool.submit(make, index))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _collect(
    cases: list[tuple[float, ...]],
    *,
    images: NDArray[np.float32],
    tissues: NDArray[np.float32] | None,
    spacing_mm: float,
) -> AgeingBrains:
    names = [*Subject._fields, "sulci_ml", "grey_ml", "white_ml", "ventricles_ml", "smallest_jacobian"]
    columns = {name: np.array([case[k] for case in cases], np.float64) for k, name in enumerate(names)}
    sex, site = (columns.pop(name).astype(np.int64) for name in ("sex", "site"))
    return AgeingBrains(images=images, tissues=tissues, spacing_mm=spacing_mm, sex=sex, site=site, **columns)


def _check(count: int, *, seed: int, first: int, spacing_mm: int, gap_sd_years: float) -> None:
    for name, value in (("count", count), ("seed", seed), ("first", first)):
        if value < 0:
            raise ValueError(f"{name} needs to be at least 0, got {value}")
    if spacing_mm not in (2, 4):
        raise ValueError(f"spacing_mm needs to be 2 or 4, got {spacing_mm}")
    if not 0 <= gap_sd_years <= 10:
        raise ValueError(f"gap_sd_years needs to be from 0 to 10 years, got {gap_sd_years}")
