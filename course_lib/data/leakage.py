"""Data that show leakage: a split by slice looks excellent, a split by subject tells the truth.

Each patient has an anatomy of their own, alike in all their slices, and one diagnosis. The disease itself is faint.
A classifier that merely knows the patient again is therefore right whenever other slices of the same patient were
trained on, and nearly as bad as a coin for a new patient.

Differs: real anatomy is no smooth noise; only the relation of patient, slice and label is as in real data.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PatientSlices", "make_patient_slices"]


@dataclass(frozen=True, eq=False)
class PatientSlices:
    """Slices of several patients.

    Parameters
    ----------
    images : (N, 1, H, W) float32 array, 0 … 1
    labels : (N,) int64 array
        0 healthy, 1 ill; the same for all slices of a patient.
    subjects : (N,) int64 array
        The patient's number, 0 … num_patients − 1.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    subjects: NDArray[np.int64]


def make_patient_slices(
    num_patients: int = 40, slices_per_patient: int = 10, *, image_size: int = 16, disease: float = 0.02, seed: int = 0
) -> PatientSlices:
    """Draw slices of patients, every second patient ill.

    A slice is grey 0.5, plus the patient's anatomy (smooth, standard deviation 0.1), plus noise of its own (0.05),
    plus, for the ill, a disc of the brightness ``disease`` in the middle; cut off at 0 and 1.

    Parameters
    ----------
    num_patients : int
        At least 2.
    slices_per_patient : int
        At least 1.
    image_size : int
        Height and width in pixels, at least 8.
    disease : float
        How much brighter the disc is, 0 … 0.5; 0 is a disease that nobody could see.
    seed : int
        The same seed gives the same slices.

    Returns
    -------
    PatientSlices
        num_patients × slices_per_patient slices, patient after patient.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> data = make_patient_slices(num_patients=4, slices_per_patient=3)
    >>> data.images.shape, data.labels[::3].tolist()
    ((12, 1, 16, 16), [0, 1, 0, 1])
    """
    wanted = {"num_patients": 2, "slices_per_patient": 1, "image_size": 8}
    came = {"num_patients": num_patients, "slices_per_patient": slices_per_patient, "image_size": image_size}
    for name, least in wanted.items():
        if came[name] < least:
            raise ValueError(f"{name} is at least {least}, got {came[name]}")
    if not 0 <= disease <= 0.5:
        raise ValueError(f"disease is a brightness from 0 to 0.5, got {disease}")
    generator = np.random.default_rng(seed)
    ill = np.arange(num_patients) % 2
    patients = 0.5 + 0.1 * _smooth(generator.standard_normal((num_patients, image_size, image_size)))
    patients += disease * ill[:, None, None] * _disc(image_size)
    slices = np.repeat(patients, slices_per_patient, axis=0)  # (N, H, W)
    slices += 0.05 * generator.standard_normal(slices.shape)
    images = np.clip(slices, 0, 1).astype(np.float32)[:, None]  # (N, 1, H, W)
    subjects = np.repeat(np.arange(num_patients), slices_per_patient)
    return PatientSlices(images, ill[subjects].astype(np.int64), subjects.astype(np.int64))


def _smooth(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Blur over about three pixels, and bring back to a standard deviation of 1."""
    from scipy.ndimage import gaussian_filter  # here, since it takes half a second

    blurred = gaussian_filter(noise, sigma=(0, 1.5, 1.5), mode="wrap")
    return blurred / blurred.std()


def _disc(image_size: int) -> NDArray[np.float64]:
    rows, columns = np.indices((image_size, image_size)) - (image_size - 1) / 2
    return (np.hypot(rows, columns) <= image_size / 4).astype(np.float64)
