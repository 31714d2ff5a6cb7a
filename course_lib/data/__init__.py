"""Data: images with their millimetres, splits that do not leak, a register of public sets, loaders.

================ =======================================================================================================
file             what it holds
================ =======================================================================================================
`digits`         1,797 real handwritten digits, from scikit-learn
`dicom`          one real CT slice, from pydicom
`mni152`         the mean of 152 brains as a file, from nilearn, and its ventricles as a mask
`images`         images with labels, and loaders for training
`medical_image`  a volume that knows where its voxels lie in the patient
`nifti`          NIfTI images and masks, read strictly
`dicom_series`   a folder of DICOM slices as one volume
`nrrd`           NRRD images and masks, read as strictly, LPS turned to RAS
`medmnist`       the npz layout of MedMNIST, checked array by array
`chest_xray14`   the table and folders of ChestX-ray14; X-rays loaded when asked for
`instance_masks` one number a nucleus, from one mask a nucleus
`fcs`            flow cytometry: FCS files read strictly, spillover undone once, the arcsinh scale
`slides`         whole slides, region by region
`windows`        named CT windows, and intensities on one scale
`resample`       other voxels, the same millimetres and millilitres; cropping and padding
`elastic`        images bent together with their labels
`splits`         training, validation, test: by case, by subject
`shifts`         tests on other sites and on the future
`folds`          the same in k parts
`leakage`        slices of patients that show what a leaking split does
`phantoms`       made-up patients with the truth beside them: a folder, with a map of its own
`registry_file`  how the register of public sets is read
`registry`       where a file of a public set is on this machine, how it comes, whether it is right
`download`       one file from the network, continued where it broke off
`archives`       zip and tar unpacked whole and inside their own folder, or not at all
`door`           what every reader checks alike and says in the same words
================ =======================================================================================================
"""

from course_lib.data.archives import extract_archive
from course_lib.data.chest_xray14 import CHEST_XRAY14_FINDINGS, ChestXray14, read_chest_xray14
from course_lib.data.dicom import CtSlice, load_ct_slice
from course_lib.data.dicom_series import read_dicom_series
from course_lib.data.digits import load_digits
from course_lib.data.download import download_file, find_fault
from course_lib.data.elastic import deform_image, deform_labels, elastic_field, smallest_stretch
from course_lib.data.fcs import FlowSample, arcsinh_transform, compensate, read_fcs, write_fcs
from course_lib.data.folds import site_folds, stratified_folds, stratified_subject_folds, subject_folds
from course_lib.data.images import LabelledImages, make_loader
from course_lib.data.instance_masks import (
    NucleiImage,
    labels_from_masks,
    masks_from_labels,
    read_nuclei,
    touching_pairs,
)
from course_lib.data.leakage import PatientSlices, make_patient_slices
from course_lib.data.medical_image import MedicalImage
from course_lib.data.medmnist import MedMnist, read_medmnist
from course_lib.data.mni152 import find_mni152_file, load_mni152_ventricles
from course_lib.data.nifti import read_nifti, read_nifti_mask
from course_lib.data.nrrd import read_nrrd, read_nrrd_mask
from course_lib.data.registry import cache_folder, fetch, locate_file, verify_file
from course_lib.data.registry_file import Entry, find_entries, read_registry
from course_lib.data.resample import crop_or_pad, crop_to_mask, resample_linear, resample_mask, resample_nearest
from course_lib.data.shifts import site_split, time_split
from course_lib.data.slides import Slide, SlideLevel, open_slide
from course_lib.data.splits import (
    Split,
    assert_no_overlap,
    stratified_split,
    stratified_subject_split,
    subject_split,
)
from course_lib.data.windows import CT_WINDOWS, CtWindow, apply_ct_window, rescale_percentiles, z_score

__all__ = [
    "CHEST_XRAY14_FINDINGS",
    "CT_WINDOWS",
    "ChestXray14",
    "CtSlice",
    "CtWindow",
    "Entry",
    "FlowSample",
    "LabelledImages",
    "MedMnist",
    "MedicalImage",
    "NucleiImage",
    "PatientSlices",
    "Slide",
    "SlideLevel",
    "Split",
    "apply_ct_window",
    "arcsinh_transform",
    "assert_no_overlap",
    "cache_folder",
    "compensate",
    "crop_or_pad",
    "crop_to_mask",
    "deform_image",
    "deform_labels",
    "download_file",
    "elastic_field",
    "extract_archive",
    "fetch",
    "find_entries",
    "find_fault",
    "find_mni152_file",
    "labels_from_masks",
    "load_ct_slice",
    "load_digits",
    "load_mni152_ventricles",
    "locate_file",
    "make_loader",
    "make_patient_slices",
    "masks_from_labels",
    "open_slide",
    "read_chest_xray14",
    "read_dicom_series",
    "read_fcs",
    "read_medmnist",
    "read_nifti",
    "read_nifti_mask",
    "read_nrrd",
    "read_nrrd_mask",
    "read_nuclei",
    "read_registry",
    "resample_linear",
    "resample_mask",
    "resample_nearest",
    "rescale_percentiles",
    "site_folds",
    "site_split",
    "smallest_stretch",
    "stratified_folds",
    "stratified_split",
    "stratified_subject_folds",
    "stratified_subject_split",
    "subject_folds",
    "subject_split",
    "time_split",
    "touching_pairs",
    "verify_file",
    "write_fcs",
    "z_score",
]
