"""One type for a volume: voxels, and where each of them lies in the patient.

World coordinates are millimetres in the order of NIfTI (Cox et al., 2004): x grows to the patient's Right, y to the
front (Anterior), z to the head (Superior). Differs: DICOM counts x to the left and y to the back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MedicalImage"]


@dataclass(frozen=True, eq=False)
class MedicalImage:
    """A medical volume: an array and the affine that leads from its indices to millimetres.

    Parameters
    ----------
    array : (X, Y, Z) or (X, Y, Z, T) array
        float32 for intensities (HU for CT), integers for labels. The index order is that of the affine, not of a net.
    affine : (4, 4) float64 array
        Voxel index (i, j, k, 1) → (x, y, z, 1) in mm, RAS: x to the right, y to the front, z to the head.
    name : str
        What to call the image in messages and titles.
    metadata : mapping from str
        What else the file told.

    Raises
    ------
    TypeError
        If the array is neither float32 nor of integers.
    ValueError
        If the array is empty or not 3-D or 4-D, or the affine cannot be one.

    Examples
    --------
    >>> image = MedicalImage(np.zeros((4, 3, 2), np.float32), np.diag([-2.0, 2.0, 5.0, 1.0]))
    >>> image.spacing_mm.tolist(), image.axis_codes, round(image.voxel_ml, 6)
    ([2.0, 2.0, 5.0], 'LAS', 0.02)
    """

    array: NDArray[Any]
    affine: NDArray[np.float64]
    name: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "affine", np.array(self.affine, dtype=np.float64))
        if not isinstance(self.array, np.ndarray) or not (
            self.array.dtype == np.float32 or np.issubdtype(self.array.dtype, np.integer)
        ):
            kind = getattr(self.array, "dtype", type(self.array).__name__)
            raise TypeError(f"array needs float32 (intensities) or integers (labels), got {kind}")
        if self.array.ndim not in (3, 4) or self.array.size == 0:
            raise ValueError(f"array needs shape (X, Y, Z) or (X, Y, Z, T) with voxels in it, got {self.array.shape}")
        _check_affine(self.affine)

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """Distance between the centres of neighbouring voxels along each axis, (3,), in mm."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in ml; a mask's volume is ``(mask.array == label).sum() * mask.voxel_ml``."""
        return float(abs(np.linalg.det(self.affine[:3, :3])) / 1000)

    @property
    def axis_codes(self) -> str:
        """Where each array axis points, to the nearest direction of the body: ``"RAS"`` or ``"LPS"``."""
        from nibabel.orientations import aff2axcodes

        return "".join(aff2axcodes(self.affine))

    def reoriented_to_ras(self) -> "MedicalImage":
        """Turn and flip the axes until they point right, front and up; no voxel is interpolated, none moves in mm.

        Returns
        -------
        MedicalImage
            With `axis_codes` ``"RAS"``; an oblique scan stays oblique.

        Examples
        --------
        >>> image = MedicalImage(np.arange(2, dtype=np.int16).reshape(2, 1, 1), np.diag([-3.0, 1.0, 1.0, 1.0]))
        >>> ras = image.reoriented_to_ras()
        >>> ras.array.ravel().tolist(), ras.affine[0].tolist()
        ([1, 0], [3.0, 0.0, 0.0, -3.0])
        """
        from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation

        orientation = io_orientation(self.affine)
        array = np.ascontiguousarray(apply_orientation(self.array, orientation))
        return replace(self, array=array, affine=self.affine @ inv_ornt_aff(orientation, self.array.shape[:3]))


def _check_affine(affine: NDArray[np.float64]) -> None:
    """Raise unless the affine maps three different directions to millimetres."""
    if affine.shape != (4, 4):
        raise ValueError(f"affine needs shape (4, 4), got {affine.shape}")
    if not np.isfinite(affine).all() or affine[3].tolist() != [0, 0, 0, 1]:
        raise ValueError(f"affine needs finite numbers and the last row 0 0 0 1, got {affine.tolist()}")
    with np.errstate(all="ignore"):
        spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
        axes = affine[:3, :3] / spacing_mm
        volume = abs(np.linalg.det(axes)) if np.isfinite(axes).all() else 0.0
    if not ((spacing_mm > 1e-6) & (spacing_mm < 1e6)).all():
        raise ValueError(f"affine needs a spacing above 0 mm along each axis, got {spacing_mm.tolist()}")
    if volume < 1e-3:
        raise ValueError(f"affine needs axes that point in three different directions, got {affine.tolist()}")
