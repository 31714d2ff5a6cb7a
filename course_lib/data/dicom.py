"""One real CT slice in Hounsfield units, from the DICOM file that comes inside pydicom."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from course_lib.errors import CourseError

__all__ = ["CtSlice", "load_ct_slice"]


@dataclass(frozen=True, eq=False)
class CtSlice:
    """A slice of computed tomography.

    Parameters
    ----------
    hu : (H, W) float32 array
        Hounsfield units: air −1000, water 0. Rows run from front to back of the patient, columns from right to left.
    spacing_mm : (2,) float64 array
        Distance between the centres of neighbouring rows, and of neighbouring columns, in mm.
    thickness_mm : float
        Thickness of the slice in mm.
    modality : str
        ``"CT"``.
    """

    hu: NDArray[np.float32]
    spacing_mm: NDArray[np.float64]
    thickness_mm: float
    modality: str


def load_ct_slice() -> CtSlice:
    """Load the CT slice that is installed with pydicom (``CT_small.dcm``); nothing is downloaded.

    The file stores whole numbers; its header says how they become Hounsfield units:
    ``HU = slope · stored + intercept`` (slope first, then intercept).

    Returns
    -------
    CtSlice
        hu (128, 128), cut out of a slice of 512×512; spacing 0.66 mm; thickness 5 mm. To be seen: a thoracic vertebra
        with the spinal canal, muscles of the back, lung on both sides, the aorta (bright, with contrast agent).

    Raises
    ------
    CourseError
        If this installation of pydicom came without its example files.

    References
    ----------
    pydicom test files, https://pydicom.github.io/; DICOM PS3.3, C.11.1 (modality look-up).

    Examples
    --------
    >>> ct = load_ct_slice()
    >>> ct.hu.shape, ct.hu.min(), ct.modality
    ((128, 128), np.float32(-896.0), 'CT')
    """
    import pydicom  # here, since no other part of the data room needs it
    from pydicom.data import get_testdata_file

    path = get_testdata_file("CT_small.dcm", download=False)
    if path is None:
        raise CourseError("pydicom is here without its example CT_small.dcm: reinstall it with `pip install pydicom`")
    file = pydicom.dcmread(path)
    hu = float(file.RescaleSlope) * file.pixel_array.astype(np.float32) + float(file.RescaleIntercept)
    spacing_mm = np.array(file.PixelSpacing, dtype=np.float64)  # rows first, then columns
    return CtSlice(hu.astype(np.float32), spacing_mm, float(file.SliceThickness), str(file.Modality))
