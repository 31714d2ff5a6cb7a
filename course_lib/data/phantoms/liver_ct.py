"""A CT of the upper abdomen in Hounsfield units, with a liver and tumours in it.

A phantom: the organs are drawn by `abdomen`, the tumours by `liver_tumours`. Numbers that steer it: liver without
contrast 58 ± 9 HU (PubMed 30788563), in the portal phase at least 50 HU more (jpm11121255 in J. Pers. Med. 2021);
chosen: noise with a standard deviation of 10–17 HU, correlated over neighbouring voxels; one to five tumours.

Lacks: what `abdomen` and `liver_tumours` lack, and breathing, streaks, beam hardening, noise that grows with the
patient. A net that works here has proved nothing for patients.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from course_lib.data.medical_image import MedicalImage
from course_lib.data.phantoms.abdomen import draw_abdomen
from course_lib.data.phantoms.liver_tumours import insert_liver_tumours

__all__ = ["LiverCts", "make_liver_ct"]

FIELD_MM = (200.0, 350.0, 350.0)  # height, depth, width of what is scanned
LIVER_HU = (58.0, 9.0)
PORTAL_GAIN_HU = (50.0, 70.0)
NOISE_HU = (10.0, 17.0)


@dataclass(frozen=True, eq=False)
class LiverCts:
    """CTs of the abdomen; axis 1 from feet to head, axis 2 from front to back, axis 3 to the patient's left.

    Parameters
    ----------
    images : (N, 1, D, H, W) float32 array
        Hounsfield units, −1,024 … 3,071.
    livers : (N, D, H, W) bool array
        The liver, tumours included.
    tumours : (N, D, H, W) uint8 array
        0 no tumour, k the k-th of the case.
    tumour_cases : (T,) int64 array
        The case of each tumour; the tables below have a row a tumour, case after case.
    diameters_mm, longest_axial_mm, volumes_ml, darker_hu : (T,) float64 arrays
        As in `LiverTumours`: of the ball of the same volume, RECIST, with the share of border voxels, contrast.
    liver_hu, noise_hu : (N,) float64 arrays
        What the liver has on average without tumours and vessels; the standard deviation of the noise.
    spacing_mm : (3,) float64 array
        Distance of slices, rows, columns.
    """

    images: NDArray[np.float32]
    livers: NDArray[np.bool_]
    tumours: NDArray[np.uint8]
    tumour_cases: NDArray[np.int64]
    diameters_mm: NDArray[np.float64]
    longest_axial_mm: NDArray[np.float64]
    volumes_ml: NDArray[np.float64]
    darker_hu: NDArray[np.float64]
    liver_hu: NDArray[np.float64]
    noise_hu: NDArray[np.float64]
    spacing_mm: NDArray[np.float64]


def make_liver_ct(
    count: int, *, seed: int = 0, size: int = 64, slices: int = 64, portal: bool = False, max_tumours: int = 5
) -> LiverCts:
    """Draw CTs of the upper abdomen, 200 mm high and 350 mm wide.

    Parameters
    ----------
    count : int
        Cases, 0 or more.
    seed : int
        Case i depends on the seed and i only.
    size, slices : int
        Pixels across and down, and number of slices; at least 16. 64 and 64 are voxels of 3.1×5.5×5.5 mm.
    portal : bool
        With contrast medium in the portal phase; without it by default.
    max_tumours : int
        Each case has one to so many, 0 … 255; 0 for none.

    Returns
    -------
    LiverCts

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> cases = make_liver_ct(1)
    >>> cases.images.shape, cases.livers.shape, len(cases.diameters_mm) >= 1
    ((1, 1, 64, 64, 64), (1, 64, 64, 64), True)
    """
    for name, least, came in (("count", 0, count), ("size", 16, size), ("slices", 16, slices)):
        if came < least:
            raise ValueError(f"{name} is at least {least}, got {came}")
    if not 0 <= max_tumours <= 255:
        raise ValueError(f"max_tumours is a number from 0 to 255, got {max_tumours}")
    shape = (slices, size, size)
    spacing_mm = np.array(FIELD_MM) / shape
    images, livers = np.empty((count, 1, *shape), np.float32), np.empty((count, *shape), bool)
    tumours, tables, of_case = np.empty((count, *shape), np.uint8), [np.empty((4, 0))], np.empty((count, 2))
    for index in range(count):
        generator = np.random.default_rng([seed, index])
        of_case[index] = liver_hu, noise_hu = _liver_hu(generator, portal), generator.uniform(*NOISE_HU)
        hu, livers[index] = draw_abdomen(shape, generator, field_mm=FIELD_MM, liver_hu=liver_hu, gain=float(portal))
        # A volume lies here as a net wants it, slices first; the tumours' truth wants the slices last.
        affine = np.diag([spacing_mm[2], spacing_mm[1], spacing_mm[0], 1])
        number = int(generator.integers(1, max_tumours + 1)) if max_tumours else 0
        found = insert_liver_tumours(
            MedicalImage(hu.T, affine),
            MedicalImage(livers[index].T.astype(np.uint8), affine),
            count=number,
            seed=int(generator.integers(2**31)),
        )
        images[index, 0] = np.clip(found.image.array.T + noise_hu * _noise(shape, generator), -1024, 3071)
        tumours[index] = found.labels.array.T
        tables.append(np.stack([found.diameters_mm, found.longest_axial_mm, found.volumes_ml, found.darker_hu]))
    cases = np.repeat(np.arange(count), [table.shape[1] for table in tables[1:]])
    diameters_mm, longest_mm, volumes_ml, darker_hu = np.concatenate(tables, axis=1)
    livers_hu, noises_hu = of_case.T
    return LiverCts(
        images=images,
        livers=livers,
        tumours=tumours,
        tumour_cases=cases,
        diameters_mm=diameters_mm,
        longest_axial_mm=longest_mm,
        volumes_ml=volumes_ml,
        darker_hu=darker_hu,
        liver_hu=livers_hu,
        noise_hu=noises_hu,
        spacing_mm=spacing_mm,
    )


def _liver_hu(generator: np.random.Generator, portal: bool) -> float:
    """Draw what a liver has, within three standard deviations."""
    plain = LIVER_HU[0] + LIVER_HU[1] * float(np.clip(generator.standard_normal(), -3, 3))
    return plain + portal * float(generator.uniform(*PORTAL_GAIN_HU))


def _noise(shape: tuple[int, int, int], generator: np.random.Generator) -> NDArray[np.float32]:
    """Return noise as of a soft kernel: neighbours in a slice are alike; standard deviation 1."""
    noise = generator.standard_normal(shape, dtype=np.float32)
    for axis in (1, 2):
        noise = ndimage.correlate1d(noise, np.array([0.3, 1, 0.3]) / np.sqrt(1.18), axis=axis, mode="wrap")
    return noise
