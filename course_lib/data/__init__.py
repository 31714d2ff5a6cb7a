"""Data: images with their millimetres, splits that do not leak, a register of public sets, loaders.

===============  =======================================================================================================
file             what it holds
===============  =======================================================================================================
`digits`         1,797 real handwritten digits, from scikit-learn
`dicom`          one real CT slice, from pydicom
`images`         images with labels, and loaders for training
`medical_image`  a volume that knows where its voxels lie in the patient
`nifti`          NIfTI images and masks, read strictly
`dicom_series`   a folder of DICOM slices as one volume
`windows`        named CT windows, and intensities on one scale
`resample`       other voxels, the same millimetres and millilitres; cropping and padding
`splits`         training, validation, test: by case, by subject
`shifts`         tests on other sites and on the future
`folds`          the same in k parts
`leakage`        slices of patients that show what a leaking split does
`registry_file`  how the register of public sets is read
`registry`       where a file of a public set is on this machine, how it comes, whether it is right
`download`       one file from the network, continued where it broke off
===============  =======================================================================================================
"""

from course_lib.data.dicom import CtSlice, load_ct_slice
from course_lib.data.dicom_series import read_dicom_series
from course_lib.data.digits import load_digits
from course_lib.data.download import download_file, find_fault
from course_lib.data.folds import site_folds, stratified_folds, stratified_subject_folds, subject_folds
from course_lib.data.images import LabelledImages, make_loader
from course_lib.data.leakage import PatientSlices, make_patient_slices
from course_lib.data.medical_image import MedicalImage
from course_lib.data.nifti import read_nifti, read_nifti_mask
from course_lib.data.registry import cache_folder, fetch, locate_file, verify_file
from course_lib.data.registry_file import Entry, find_entries, read_registry
from course_lib.data.resample import crop_or_pad, crop_to_mask, resample_linear, resample_mask, resample_nearest
from course_lib.data.shifts import site_split, time_split
from course_lib.data.splits import (
    Split,
    assert_no_overlap,
    stratified_split,
    stratified_subject_split,
    subject_split,
)
from course_lib.data.windows import CT_WINDOWS, CtWindow, apply_ct_window, rescale_percentiles, z_score

__all__ = [
    "CT_WINDOWS",
    "CtSlice",
    "CtWindow",
    "Entry",
    "LabelledImages",
    "MedicalImage",
    "PatientSlices",
    "Split",
    "apply_ct_window",
    "assert_no_overlap",
    "cache_folder",
    "crop_or_pad",
    "crop_to_mask",
    "download_file",
    "fetch",
    "find_entries",
    "find_fault",
    "load_ct_slice",
    "load_digits",
    "locate_file",
    "make_loader",
    "make_patient_slices",
    "read_dicom_series",
    "read_nifti",
    "read_nifti_mask",
    "read_registry",
    "resample_linear",
    "resample_mask",
    "resample_nearest",
    "rescale_percentiles",
    "site_folds",
    "site_split",
    "stratified_folds",
    "stratified_split",
    "stratified_subject_folds",
    "stratified_subject_split",
    "subject_folds",
    "subject_split",
    "time_split",
    "verify_file",
    "z_score",
]
