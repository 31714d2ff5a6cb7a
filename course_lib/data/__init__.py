"""Data: images, splits that do not leak, loaders."""

from course_lib.data.dicom import CtSlice, load_ct_slice
from course_lib.data.digits import load_digits
from course_lib.data.images import LabelledImages, make_loader
from course_lib.data.splits import Split, assert_no_overlap, stratified_split

__all__ = [
    "CtSlice",
    "LabelledImages",
    "Split",
    "assert_no_overlap",
    "load_ct_slice",
    "load_digits",
    "make_loader",
    "stratified_split",
]
