"""The MNI152 brain as a file that can be read, and its lateral ventricles as a mask; both come inside nilearn.

The template is the mean T1-weighted brain of 152 young adults (Fonov et al., "Unbiased average age-appropriate atlases
for pediatric studies", NeuroImage 54:313, 2011; ICBM 2009a, symmetric, 1 mm, brain only). Its makers mirrored it, so
left and right look alike: only the affine tells them apart. Licence: free to use, copy, change and pass on for any
purpose (McConnell Brain Imaging Centre).
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from course_lib.data.medical_image import MedicalImage
from course_lib.errors import CourseError

__all__ = ["find_mni152_file", "load_mni152_ventricles"]

_FILE = Path("datasets", "data", "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz")


def find_mni152_file() -> Path:
    """Find the NIfTI file of the T1-weighted template inside nilearn; nothing is downloaded.

    Returns
    -------
    Path
        197×233×189 voxels of 1 mm, whole numbers 0 … 255 without a unit, axes right, front, up.

    Raises
    ------
    CourseError
        If this installation of nilearn keeps it elsewhere.

    Examples
    --------
    >>> find_mni152_file().suffixes[-2:]
    ['.nii', '.gz']
    """
    package = find_spec("nilearn")
    path = Path(package.origin).parent / _FILE if package and package.origin else _FILE
    if not path.is_file():
        raise CourseError(f"nilearn is here without {_FILE.name}: reinstall it with `pip install 'nilearn<0.14'`")
    return path


def load_mni152_ventricles() -> MedicalImage:
    """Load a mask of the template's lateral ventricles, in the axis order of the brain phantom: up, back, left.

    The mask holds the voxels of which more than half is fluid of the lateral ventricles, as the phantom of the ageing
    brain finds them; nobody drew it by hand. The order of its axes is not that of the template's file, as often happens
    where two programs meet: the affine knows, the array does not.

    Returns
    -------
    MedicalImage
        uint8, 0 and 1, 192×224×192 voxels of 1 mm; `axis_codes` ``"SPL"``.

    Examples
    --------
    >>> ventricles = load_mni152_ventricles()
    >>> ventricles.axis_codes, round(float(ventricles.array.sum() * ventricles.voxel_ml), 1)  # ml
    ('SPL', 17.6)
    """
    from course_lib.data.phantoms.brain_warps import load_brain_template  # here, since it imports nilearn

    fraction = load_brain_template(1).ventricles  # (foot → head, front → back, right → left)
    affine = np.array([[0, 0, -1, 95], [0, -1, 0, 94], [1, 0, 0, -91], [0, 0, 0, 1]], dtype=np.float64)
    return MedicalImage((fraction > 0.5).astype(np.uint8), affine, "lateral ventricles of MNI152")
