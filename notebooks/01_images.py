# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: What is a medical image to a computer?
#     level: beginner
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: []
#     facts: [R01, L01, C01, H01]
# ---

# %% [markdown]
# # 01 · What is a medical image to a computer?
#
# **Level** beginner · **your time** about 90 minutes, with a good place to pause after part 6 · **the machine's time**
# about 1 minute on two CPU cores or on a GPU · **download** nothing · **needs** Python and numpy arrays; no medicine
#
# *For teaching, not for clinical use.*

# %% [markdown]
# ## The question
#
# Ms K. is 74. Her steps have become short and unsure, and she forgets appointments. The fluid-filled chambers in her
# brain, the **ventricles**, may be too wide. If so, a small drain can help some patients, and an operation without
# need can harm. So somebody must say from a scan: how wide are they, in millilitres, and on which side?
#
# A person looks at the scan and sees a head. A computer gets an array of numbers and a few lines of text. Between the
# two lie four places where everything can go wrong **without any error message**:
#
# ```text
#   patient  →  scanner  →   file   →   array   →   net   →   test
#                  │           │          │                     │
#             which unit?  which side?  how large?       whose slices?
#             (3, 4, 5)       (7)        (8, 9)             (11)
# ```
#
# The numbers are the parts of this lesson. No net of the other twenty-five lessons can be better than its answers to
# these four questions.
#
# After this lesson you can
#
# 1. turn stored values into Hounsfield units and into shades of grey, and say what to do where there is no unit;
# 2. lead a voxel index to millimetres in the patient and back, and catch an image that lies the wrong way round;
# 3. measure a volume in millilitres, and put an image on another grid without changing millimetres or millilitres;
# 4. show by measurement how much too good a model looks when slices of one patient are on both sides of a split;
# 5. fill in the card *value, knowledge, data, target* for a clinical question before you train anything.

# %% [markdown]
# ## Set-up
#
# The libraries, and the rooms of the course that this lesson visits. `data` reads and resamples images, `figures`
# draws, `training` trains.

# %% tags=["setup"]
import tempfile
from dataclasses import replace
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pydicom
import torch
from IPython.display import clear_output
from pydicom.data import get_testdata_file
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from course_lib import data, figures, metrics
from course_lib.classroom import reveal, where_am_i
from course_lib.data.mni152 import find_mni152_file, load_mni152_ventricles
from course_lib.figures.volumes import plot_slice
from course_lib.training import fit, predict
from course_lib.widgets.volume import volume_explorer, window_explorer

figures.use_course_style()

# %% [markdown]
# What you may change; everything below follows.

# %% tags=["parameters"]
FAST = True  # False repeats the experiment of part 11 ten times instead of three
SEED = 0  # of the made-up patients, the splits and the first weights
EPOCHS = None  # times through the training data; a number here overrules 12

# %% [markdown]
# Where does this notebook run?

# %%
where_am_i(minutes_cpu=1, minutes_gpu=1)

# %% [markdown]
# ## Warm-up
#
# This is the first lesson, so the two questions are about what you bring along. Answer each on paper, then open it.
#
# **Arrays.** `scan` has the shape (197, 233, 189). What is the shape of `scan[:, :, 82]`, and what of
# `scan[:, :, 82].T`?
#
# <details>
# <summary>Answer</summary>
#
# (197, 233) and (233, 197). Which of the two axes runs across the picture is not written in the array. That is part 7.
# </details>
#
# **Units.** A box is 20 mm wide, 30 mm deep and 10 mm high. How many millilitres does it hold?
#
# <details>
# <summary>Answer</summary>
#
# 6,000 mm³, and 1 ml is 1 cm³ = 1,000 mm³: 6 ml. Nearly every wrong volume in this field is a wrong factor here.
# </details>

# %% [markdown]
# ## The data: three real images, and patients that are made up
#
# | what | where it comes from | licence |
# |---|---|---|
# | CT, one slice through the chest | `CT_small.dcm`, installed with pydicom; a cut-out of a test image of the DICOM working group 4 | MIT (pydicom) |
# | MR, one slice through the abdomen | `examples_overlay.dcm`, installed with pydicom; name and number of the patient are replaced | MIT (pydicom) |
# | MR, a whole brain | MNI152, the mean of 152 brains, installed with nilearn (ICBM 2009a, symmetric) | free for any use |
# | 100 patients × 6 slices | `make_patient_slices`: **a phantom**, drawn by a random generator, for part 11 | of this course |
#
# Each of the two slices is of one person, the brain is of nobody. Whatever we measure on them explains an operation
# and says nothing about patients. There is nothing to split yet; for the phantom there will be, and an assertion will
# watch over it.
#
# The three real images are the first and the second of the **modalities** that a lecture on the subject lists: CT, MR,
# PET/CT, histology, flow cytometry, ultrasound, X-ray, optical coherence tomography. It also lists why they are hard to
# learn from: people differ, studies are small, bodies develop, diseases have many faces, and labels need experts.
# (Licandro, *Deep Learning in Medical Imaging*.)

# %% [markdown]
# ## 1 What is asked of an image?
#
# Before the pixels, the question. One lecture sorts what deep learning is asked to do in medicine into five **tasks**
# (Chlebus and Meine): *detection* (is it there?), *classification* (what kind is it?), *segmentation* (how large is it,
# what shape?), *prediction* (what will happen?) and *recommendation* (what should we do?). To a computer they differ in
# one thing, the array that counts as the answer. Here they are for Ms K.; the values are invented.

# %% tags=["nbval-check-output"]
scan_shape = (197, 233, 189)
targets = {
    "detection": np.array(True),  # are the ventricles wide?
    "classification": np.array(2),  # 0 normal, 1 shrunken brain, 2 blocked flow
    "segmentation": np.zeros(scan_shape, dtype=np.uint8),  # which voxels are ventricle?
    "prediction": np.array(0.3),  # chance to walk better a year after a drain
    "recommendation": np.array([1, 0, 2]),  # drain, wait, more tests: the best first
}
for task, target in targets.items():
    print(f"{task:15} {target.dtype!s:8} shape {target.shape}")

# %% [markdown]
# Another lecture (Rueckert) sorts by the answer's kind. **Classification** of an image gives a category: its modality,
# the sequence of an MR scan, pass or fail of its quality, the disease. **Regression** gives a number: the age of the
# patient, a quality from 0 to 1. **Classification of regions** finds anomalies and organs. Note that *quality* is in
# both lists: pass or fail is a class, 0.7 is a number. You choose, and with the choice come the loss and the metric.
#
# **Predict**: how many answers must a segmentation of Ms K.'s scan give? A rough number will do.

# %%
predicted_answers = None  # type your number

# %% tags=["nbval-check-output"]
reveal(predicted_answers, targets["segmentation"].size, unit="answers, one a voxel")

# %% [markdown]
# Close to nine million answers for one scan. Nobody types them: an expert draws the outline, slice after slice. That is
# why *labels need experts* stands in the list above.

# %% [markdown]
# ## 2 Try first: read this image
#
# **Two minutes.** Below are 4 × 4 stored numbers from each of three places of the CT. One is lung, one is muscle, one is
# bone. Which is which, and how sure are you? Could a fourth place be fat?

# %% tags=["nbval-check-output"]
file = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
stored = file.pixel_array  # (128, 128)
for name, row, column in (("first", 30, 10), ("second", 45, 45), ("third", 90, 30)):
    print(name, *stored[row : row + 4, column : column + 4], sep="\n  ")

# %% [markdown]
# Two students answered.
#
# - *Ann*: "I stretch the numbers from black to white and look at the picture. The middle one is the brightest, so that
#   is bone. Fat? I cannot tell, I have no scale."
# - *Ben*: "I look into the header of the file. It says how the numbers become a physical unit, and then I need no
#   picture."
#
# Ann is right about bone and stuck on fat. Worse, her stretch depends on the brightest pixel of *this* image: with a
# metal screw in view, everything else goes dark. Ben's way is the one to take.

# %% [markdown]
# ## 3 Stored values and Hounsfield units
#
# A DICOM file has a **header**, a list of named entries, and pixels. What a CT measures is how strongly tissue weakens
# X-rays, on a scale that is fixed by two materials: **air is −1000 HU, water is 0 HU** (Hounsfield units). What it
# *stores* are whole numbers. Two entries of the header lead from one to the other.

# %% tags=["nbval-check-output"]
entries = "Modality Rows Columns PixelSpacing SliceThickness RescaleSlope RescaleIntercept"
for entry in entries.split():
    print(f"{entry:17} {file[entry].value}")

# %% [markdown]
# Read the last two as a straight line: *HU = slope · stored + intercept*. The order matters: slope first, then
# intercept. **Predict** the HU of a stored 1000 in another file, with slope 2 and intercept −1024.

# %%
predicted_hu = None  # type your number, in HU

# %% tags=["nbval-check-output"]
slope, intercept = 2, -1024
reveal(predicted_hu, slope * 1000 + intercept, unit="HU")
print(f"shift first, then scale: {slope * (1000 + intercept)} HU; no rescaling: 1000 HU")

# %% [markdown]
# Hard bone, or something between fat and water, depending on the order of two operations. In our file the slope is 1,
# and *both orders give the same*: a test with slope 1 would let the mistake pass. Remember that trick of fate; it will
# come back as isotropic spacing, as a diagonal affine and as a symmetric brain.

# %% tags=["nbval-check-output"]
hu = float(file.RescaleSlope) * stored + float(file.RescaleIntercept)
places = {"lung": (30, 10), "aorta": (10, 95), "bone": (45, 45), "muscle": (90, 30), "fat under the skin": (120, 60)}
for name, (row, column) in places.items():
    patch = hu[row : row + 5, column : column + 5]
    print(f"{name:18} {patch.mean():6.0f} HU  (± {patch.std():.0f})")

# %% [markdown]
# *What changed?* The numbers are the same up to 1024, and now they mean something: they can be compared with a textbook,
# with another scanner, with last year. Fat is below water, muscle a little above, lung is mostly air. In CT, absolute
# numbers are worth keeping; a net should not be shown an image in which they were stretched away.

# %% [markdown]
# ## 4 Windows
#
# From −1000 to 2000 HU are 3,000 steps, a screen shows 256 shades, and most organs differ by 20 HU. So one looks through
# a **window**: a *centre* and a *width*, from the lowest to the highest shade. What lies below is black, what lies above
# is white. In three steps:
#
# 1. *ends*: centre minus half the width, centre plus half the width;
# 2. *scale*: how far between the ends, 0 to 1;
# 3. *clip*: below 0 to 0, above 1 to 1.
#
# **Predict** the shade, 0 to 1, of fat at −100 HU in the soft-tissue window with centre 40 and width 400.

# %%
predicted_shade = None  # type a number from 0 to 1


# %% tags=["nbval-check-output"]
def window(hu, centre_hu, width_hu):
    # 1 ends
    low = centre_hu - width_hu / 2
    # 2 scale
    shade = (hu - low) / width_hu
    # 3 clip
    return np.clip(shade, 0, 1)


reveal(predicted_shade, float(window(-100, 40, 400)))
print("the library agrees:", np.allclose(window(hu, 40, 400), data.apply_ct_window(hu, data.CtWindow(40, 400))))

# %% [markdown]
# (−100 + 160) / 400 = 0.15, a dark grey. Whoever takes the width for a distance from the centre gets (−100 + 360) / 800 =
# 0.325: no error, only a flat picture.
#
# Here is our slice three times. It is the back of a chest, seen from the feet: a vertebra in the middle, the round aorta
# above it to the right, lungs on both sides, and the muscles of the back at the bottom.

# %%
windows = {"no window": (500, 3000), "soft tissue": (40, 400), "lung": (-600, 1500)}
figure, axes = plt.subplots(1, 3, figsize=(6.2, 2.1))
for ax, (name, (centre_hu, width_hu)) in zip(axes, windows.items(), strict=True):
    ax.imshow(window(hu[:80], centre_hu, width_hu), vmin=0, vmax=1)
    ax.set(
        xticks=[],
        yticks=[],
        xlabel=f"{centre_hu - width_hu / 2:.0f} to {centre_hu + width_hu / 2:.0f} HU".replace("-", "−"),
    )
    ax.set_title(name)
figures.show(
    figure,
    alt="One CT slice three times. Without a window all soft tissue is one grey. Soft tissue: fat, muscle and the round "
    "aorta differ, lung is black, bone white. Lung: vessels show in the lung.",
)

# %% [markdown]
# Nothing was measured anew: the three pictures are the same numbers. Now move the window yourself. Three tasks: make the
# vessels of the lung appear; make the inside of the vertebra appear; find the narrowest window in which muscle and
# blood still differ. The grey bars are the histogram, the blue line is the window.

# %%
window_explorer()

# %% [markdown]
# ## 5 MR has no unit
#
# An MR scanner gives numbers, too, and they are in no unit at all: the same person on the next scanner, or on the
# next day, gets others. Here is a real slice through an abdomen. **Predict** what share of its pixels the soft-tissue
# window of CT turns pure white, in per cent.

# %%
predicted_white = None  # type your number, in per cent

# %% tags=["nbval-check-output"]
mr_file = pydicom.dcmread(get_testdata_file("examples_overlay.dcm", download=False))
mr = mr_file.pixel_array.astype(np.float32)  # (300, 484)
print("modality", mr_file.Modality, "| rescale slope in the header:", mr_file.get("RescaleSlope"))
print(f"values {mr.min():.0f} to {mr.max():.0f}, half of them below {np.median(mr):.0f}")
reveal(predicted_white, round(100 * float((window(mr, 40, 400) == 1).mean()), 1), unit="per cent")

# %% [markdown]
# No slope in the header, no unit, and a window for HU is meaningless here, whatever share it turns white. What one does
# instead is to let the image set its own scale: from the 1st to the 99th percentile, so that a few bright pixels do not
# decide. Part 10 comes back to it.

# %%
figure, ax = plt.subplots(figsize=(4, 2.6))
ax.imshow(data.rescale_percentiles(mr).round(1), vmin=0, vmax=1)  # eleven shades keep this file small
ax.set(title="MR, 1st to 99th percentile", xlabel="column (pixels)", ylabel="row (pixels)")
figures.show(
    figure,
    alt="An MR slice through the abdomen. At the left of the picture lies the grey liver with a round dark spot in it, below "
    "it and on the other side a bright kidney, between them the spine.",
)

# %% [markdown]
# Look for the largest organ. It is the **liver**, and it lies at the *left* of the picture; in people it lies on the
# *right*. The picture is as radiologists draw it: you look at the patient from the feet, so that the patient's right is
# on your left. The dark round spot in it is what the radiologist marked. Remember the liver: it is a compass, and in
# part 7 it is one of our three checks.

# %% [markdown]
# ## 6 A volume knows where it is
#
# Slices stacked up make a volume of **voxels**. Its file must tell where each of them lies in the patient. That is the
# job of the **affine**, a table of 4 × 4 numbers. We read MNI152 from its NIfTI file.

# %% tags=["nbval-check-output"]
brain = data.read_nifti(find_mni152_file())
print("shape", brain.array.shape, "| values", brain.array.min(), "to", brain.array.max())
print(brain.affine)

# %% [markdown]
# A voxel has an **index** (i, j, k), its place in the array. Multiplied with the affine it gives (x, y, z) in
# millimetres. In NIfTI, x grows to the patient's **R**ight, y to the front (**A**nterior), z to the head (**S**uperior):
# RAS. In words: start at the last column, the place of voxel (0, 0, 0), and walk i steps along the first column, j along
# the second, k along the third.
#
# **Predict** where voxel (68, 114, 82) lies.

# %%
predicted_mm = None  # type (x, y, z) in mm


# %% tags=["nbval-check-output"]
def to_mm(affine, index):
    return affine[:3, :3] @ index + affine[:3, 3]


def to_index(affine, mm):
    return np.linalg.solve(affine[:3, :3], np.subtract(mm, affine[:3, 3]))


place = to_mm(brain.affine, (68, 114, 82))
reveal(predicted_mm, tuple(place.tolist()), unit="mm")
print("and back:", to_index(brain.affine, place))

# %% [markdown]
# x is −30: 30 mm to the patient's *left*. So the voxels on the left come first in this array.
#
# **Spacing** hides in the affine as well: one step along an array axis is one column, and the length of that column is
# the distance of two voxels. Many programs read the diagonal instead. Here is a mask of the ventricles, made by another
# program that stores its axes in another order. **Predict** what the diagonal of its affine says.

# %%
predicted_diagonal = None  # type three numbers

# %% tags=["nbval-check-output"]
ventricles = load_mni152_ventricles()
print(ventricles.affine)
reveal(predicted_diagonal, tuple(np.diag(ventricles.affine)[:3].tolist()), unit="on the diagonal")
print("length of the columns:", np.linalg.norm(ventricles.affine[:3, :3], axis=0), "mm")
print("the axes point to", ventricles.axis_codes, "in the mask, to", brain.axis_codes, "in the image")

# %% [markdown]
# A spacing of 0 mm would make every volume vanish. The column lengths are right however the axes are turned. `SPL`
# reads: the first array axis goes up, the second to the back (posterior), the third to the left.
#
# *This is a good place to pause.*

# %% [markdown]
# ## 7 Four ways to lie, and three ways to notice
#
# **The wrong side.** Turn the brain left to right, as a program does that ignores the affine. **Predict** how many of the
# 8.7 million voxels change.

# %%
predicted_changed = None  # type your number

# %% tags=["nbval-check-output"]
mirrored = brain.array[::-1]
reveal(predicted_changed, int((mirrored != brain.array).sum()), unit="voxels changed")

# %% [markdown]
# None. Its makers averaged each brain with its mirror image. Whoever tests a pipeline with this template will never
# notice that left and right are exchanged. Real brains are nearly as symmetric, and operations have been done on the
# wrong side.
#
# So let us put a lesion into it: a dark ball 30 mm to the left. It is our own drawing.

# %%
x, y, z = (start + np.arange(size) for start, size in zip(brain.affine[:3, 3], brain.array.shape, strict=True))
distance_mm = np.sqrt((x[:, None, None] + 30) ** 2 + (y[:, None] + 20) ** 2 + (z - 10) ** 2)  # from (-30, -20, 10)
patient = replace(brain, array=np.where(distance_mm < 8, np.float32(60), brain.array), name="patient")
print(f"{(distance_mm < 8).sum()} voxels made dark")

# %% [markdown]
# **LPS taken for RAS.** DICOM counts x to the **L**eft and y to the back (**P**osterior), NIfTI to the right and to the
# front. A radiologist's workstation reports the lesion at (30, 20, 10) in DICOM's coordinates. **Predict**: which signs
# must change to find it in our NIfTI image?

# %%
predicted_signs = None  # type three signs, such as "+ + +"

# %% tags=["nbval-check-output"]
reported_lps = np.array([30, 20, 10])
as_ras = np.array([-1, -1, 1]) * reported_lps
reveal(predicted_signs, "- - +")
for name, mm in (("signs turned", as_ras), ("taken as it is", reported_lps)):
    i, j, k = np.round(to_index(patient.affine, mm)).astype(int)
    print(f"{name:15} {mm} mm → value {patient.array[i, j, k]:.0f}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(6.2, 2.9))
marks = {"turned": as_ras, "as it is": reported_lps}
for ax, plane, at_mm in zip(axes, ("axial", "coronal"), (10, -20), strict=True):
    plot_slice(patient, ax, plane=plane, at_mm=at_mm, window=(60, 240), marks=marks)
figures.show(
    figure,
    alt="Axial and coronal cut through the brain with two rings. The one with turned signs lies on a dark ball at the letter "
    "L, the patient's left; the other one on healthy tissue at the right and further to the front.",
)

# %% [markdown]
# Wrong side *and* 40 mm too far to the front, and still well inside the brain: no program would complain.
#
# **Axes in another order.** The mask of part 6 has axes up, back, left. Suppose a program lays the two arrays on each
# other, corner on corner. Ventricles are dark in this kind of MR image; the mean of the brain is 177. **Predict** the
# mean image value under the mask, laid on like that.

# %%
predicted_under = None  # type your number

# %% tags=["nbval-check-output"]
common = tuple(slice(0, min(sizes)) for sizes in zip(brain.array.shape, ventricles.array.shape, strict=True))
under = brain.array[common][ventricles.array[common] > 0]
reveal(predicted_under, round(float(under.mean())))
in_mm = [to_mm(ventricles.affine, voxel) for voxel in np.argwhere(ventricles.array)]  # index in the mask → patient
in_brain = (
    np.array([to_index(brain.affine, place) for place in in_mm]).round().astype(int)
)  # patient → index in the image
print(f"through both affines: {brain.array[tuple(in_brain.T)].mean():.0f}")

# %% [markdown]
# The right way is the detour through the patient: from an index of the mask to millimetres, and from there to an index of
# the image. It finds the dark fluid that must lie under this mask. A mean like that of the whole brain says that the mask lies anywhere but on the
# ventricles. *Shapes that fit prove nothing*; with a cube of 192 voxels a side, not even an error would be left.
#
# **The picture on its side.** `imshow` takes the first axis as rows, from the top. A volume in RAS order shown like that
# lies on its side, and radiologists will not recognise their own patient.

# %%
figure, axes = plt.subplots(1, 2, figsize=(5.8, 2.5))
axes[0].imshow(patient.array[:, :, 82], vmin=60, vmax=240)
axes[0].set(title="imshow(array[:, :, 82])", xlabel="axis 1 (voxels)", ylabel="axis 0 (voxels)")
plot_slice(patient, axes[1], at_mm=10, window=(60, 240), outline=ventricles)
axes[1].set_title("by their affines")
figures.show(
    figure,
    alt="Left, the slice lies on its side, the front of the brain to the right. Right, by its affine, the front is up, the "
    "dark ball at L, and an orange outline follows the dark ventricles exactly.",
)

# %% [markdown]
# **Three ways to notice**, cheap enough to run on every image that comes in:
#
# 1. *Ask the affine.* `image.axis_codes` says where the axes point; turn all images to one order
#    (`reoriented_to_ras()`), and compare affines before you lay one array on another.
# 2. *Ask the anatomy.* Liver right, aorta and heart left; a place that somebody measured by another way.
# 3. *Ask the numbers.* Under a mask of fluid there must be fluid, under a mask of bone above 200 HU.
#
# Now in code for our CT: on which side of the vertebra does the bright aorta lie? **Predict**: at larger or smaller column
# numbers than the vertebra? (In DICOM, columns of this slice grow to the patient's left.)

# %%
predicted_side = None  # type "larger" or "smaller"

# %% tags=["nbval-check-output"]
direction = [float(number) for number in file.ImageOrientationPatient[:3]]
print("one step along a row goes", direction, "in DICOM's coordinates, x to the left")
vertebra_column, aorta_column = 58, int(places["aorta"][1])
reveal(predicted_side, "larger" if aorta_column > vertebra_column else "smaller")
print("aorta on the patient's", "left, as it should be" if aorta_column > vertebra_column else "right: mirrored!")

# %% [markdown]
# Now cut the patient wherever you like, and choose in `read` how the axes are read. Which misreading can you see at once,
# and which only because of the lesion?

# %%
volume_explorer(
    patient,
    alt="Axial slice of the brain at z = 10 mm with the letters R and L at its sides; the drawn lesion, a dark ball, lies on "
    "the side of L.",
)

# %% [markdown]
# ## 8 Volumes in millilitres
#
# How wide are the ventricles of this mean brain? The mask knows: count its voxels, and multiply by the volume of one.
# **Predict** the millilitres from the number of voxels; all sides are 1 mm.

# %%
print(f"{ventricles.array.sum():,} voxels")
predicted_ml = None  # type your number, in ml

# %% tags=["nbval-check-output"]
voxel_ml = abs(np.linalg.det(ventricles.affine[:3, :3])) / 1000  # mm³ → ml; works for turned axes, too
reveal(predicted_ml, round(float(ventricles.array.sum() * voxel_ml), 1), unit="ml")

# %% [markdown]
# Now a scan as clinics make them: slices 5 mm thick, to save time. We make one from the mask. Two students measure it.
# *Ann* counts voxels and divides by 1,000, as above, where it worked. *Ben* asks the affine. **Predict** what Ann gets.

# %%
predicted_ann = None  # type your number, in ml

# %% tags=["nbval-check-output"]
mask = ventricles.reoriented_to_ras()  # axes turned, nothing interpolated, no millimetre changed
thick = data.resample_mask(mask, spacing_mm=(1, 1, 5))
reveal(predicted_ann, round(float(thick.array.sum() / 1000), 1), unit="ml by Ann")
print(f"Ben: {thick.array.sum()} voxels × {thick.voxel_ml:.3f} ml = {thick.array.sum() * thick.voxel_ml:.1f} ml")

# %% [markdown]
# A fifth of the truth. And Ms K.'s doctor would have compared it with last year's, on another scanner. A volume without
# spacing is not a volume; and spacing that is 1 mm on every axis is one more input on which wrong code passes.

# %% [markdown]
# ## 9 Another grid, the same patient
#
# Nets want voxels of one size, scanners give many. **Resampling** computes the values on a new grid. Three steps, which
# come back in the exercises:
#
# 1. *how many*: the patient keeps the length in mm, so bigger voxels are fewer;
# 2. *where*: the centre of each new voxel, in old indices;
# 3. *what*: take the nearest old value, or mix the neighbours.
#
# **Predict** how many slices 189 slices of 1 mm become at 5 mm. The new grid must cover all of the old one.

# %%
predicted_slices = None  # type your number

# %% tags=["nbval-check-output"]
coarse = data.resample_linear(brain, spacing_mm=(1, 1, 5))
reveal(predicted_slices, coarse.array.shape[2], unit="slices")
for name, image in (("fine", brain), ("coarse", coarse)):
    print(f"{name:7} {image.array.shape} × {image.spacing_mm} mm = {image.array.shape * image.spacing_mm} mm")

# %% [markdown]
# The patient is as long as before, up to the part of a voxel that juts out at the end. Who turns the ratio round
# (189 · 5) gets 945 slices and a giant.
#
# **Mixing labels.** With 1 for ventricle and 3 for tumour, what lies halfway between the two? A mean says 2, which may be
# the label of the brain stem. So intensities are mixed, labels never; `resample_linear` refuses a mask for this reason.
# But the nearest label has a price of its own: watch the volume while voxels grow.

# %% tags=["nbval-check-output"]
print("voxels of (mm)   nearest   fullest voxels   mean ≥ ½   (all in ml)")
soft = replace(mask, array=mask.array.astype(np.float32))
for spacing_mm in ((1, 1, 1), (1, 1, 5), (1, 1, 10), (5, 5, 5), (10, 10, 10)):
    nearest, fullest = (way(mask, spacing_mm=spacing_mm) for way in (data.resample_nearest, data.resample_mask))
    mixed = data.resample_linear(soft, spacing_mm=spacing_mm)
    ml = [float((each.array >= 0.5).sum() * each.voxel_ml) for each in (nearest, fullest, mixed)]
    print(f"{spacing_mm!s:14} " + "   ".join(f"{value:9.1f}" for value in ml))

# %% [markdown]
# With slices of 5 or 10 mm all three stay within half a millilitre: the ventricles are long, and a few thick slices still
# cut them often. Cubes of 10 mm are another matter. The mean loses more than a third, because thin horns fill no voxel by
# half. This is the **partial volume effect**, and no resampling brings back what large voxels did not see. Taking the
# fullest voxels keeps the total (to half a voxel), not the shape.

# %%
figure, axes = plt.subplots(1, 3, figsize=(6.8, 2.3))
for ax, spacing_mm in zip(axes, ((1, 1, 1), (1, 1, 5), (1, 1, 10)), strict=True):
    image, outline = data.resample_linear(brain, spacing_mm=spacing_mm), data.resample_mask(mask, spacing_mm=spacing_mm)
    plot_slice(image, ax, plane="coronal", at_mm=-20, window=(60, 240), outline=outline)
    ax.set_title(f"slices of {spacing_mm[2]} mm")
figures.show(
    figure,
    alt="Coronal cut through the brain with slices of 1, 5 and 10 mm. The brain keeps its size in millimetres while it "
    "turns into ever thicker rows; the outline of the ventricles becomes boxes.",
)

# %% [markdown]
# ## 10 One scale for all
#
# MR has no unit, so two scanners give two scales. We let a second, made-up scanner see the same brain with another gain
# and offset. The usual cure is the **z-score**: subtract the mean, divide by the standard deviation. Of which voxels?
# **Predict**: a voxel of white matter has a z-score of about 1 within the brain. What becomes of it when all voxels of the
# slice count, air included: larger or smaller?

# %%
predicted_z = None  # type "larger" or "smaller"

# %% tags=["nbval-check-output"]
first = brain.array[:, :, 82]  # (197, 233)
second = np.where(first > 0, 0.6 * first + 40, 0)
white = (62, 100)
for name, scan in (("scanner 1", first), ("scanner 2", second), ("scanner 1, wider view", np.pad(first, 60))):
    at = white if scan.shape == first.shape else (white[0] + 60, white[1] + 60)
    everywhere, in_brain = data.z_score(scan), data.z_score(scan, mask=scan > 0)
    print(
        f"{name:22} value {scan[at]:4.0f}   z of all voxels {everywhere[at]:5.2f}   z in the brain {in_brain[at]:5.2f}"
    )
reveal(predicted_z, "larger" if data.z_score(first)[white] > data.z_score(first, mask=first > 0)[white] else "smaller")

# %% [markdown]
# In the brain, all three agree. With air, the same tissue gets another number whenever the field of view is wider: the
# net would be told about the size of the box instead of the tissue. Three rules:
#
# - CT: keep HU, cut to a window. MR: z-score or percentiles, **within the body**.
# - Whatever you estimate for normalising over *several* images (a mean, a range), estimate on the training part alone.
# - Look at a histogram before and after. (A gain that differs from place to place needs more than a z-score.)

# %% [markdown]
# ## 11 Whose slices are these?
#
# Now the most expensive mistake of the field. A patient has many slices, and a program deals *slices* out to training
# and test. We measure what that does, with patients that a generator draws: each has an anatomy of their own, alike in
# all slices, every second one is ill, and the disease is so faint that it can hardly be seen. So we know the honest
# answer: close to 50%.

# %% tags=["nbval-check-output"]
patients = data.make_patient_slices(num_patients=100, slices_per_patient=6, seed=SEED)
images = data.LabelledImages(torch.from_numpy(patients.images), torch.from_numpy(patients.labels), ("healthy", "ill"))
print(f"{len(images)} slices of {tuple(images.images.shape[1:])} from {len(set(patients.subjects))} patients")

# %%
shown = [patient * 6 + number for patient in range(3) for number in range(4)]
names = [f"no. {patients.subjects[n]}, {images.class_names[patients.labels[n]]}" for n in shown]
figure, ax = plt.subplots(figsize=(5.4, 4.1))
figures.plot_image_grid(images.images[shown], ax, titles=names, columns=4)
figures.show(
    figure,
    alt="Four slices each of three made-up patients, one patient a row: the blotches of a row look alike and differ from "
    "those of the other rows. Ill and healthy cannot be told apart by eye.",
)

# %% [markdown]
# One patient a row. You know a patient again at once; can you see who is ill?
#
# Two splits of the same 600 slices. The first deals out slices, the second patients, and only of the second can we
# assert that nobody is on both sides. **Predict** how many of the 100 patients the first split has in training *and* in test.

# %%
predicted_shared = None  # type your number


# %% tags=["nbval-check-output"]
def deal(name, drawn, seed):
    shares = {"val_fraction": 0.2, "test_fraction": 0.3, "seed": seed}
    if name == "by slice":
        return data.stratified_split(drawn.labels, **shares)
    return data.stratified_subject_split(drawn.labels, drawn.subjects, **shares)


splits = {name: deal(name, patients, SEED) for name in ("by slice", "by patient")}
in_both = {name: set(patients.subjects[s.train]) & set(patients.subjects[s.test]) for name, s in splits.items()}
reveal(predicted_shared, len(in_both["by slice"]), unit="patients in training and in test")
data.assert_no_overlap(splits["by patient"], patients.subjects)
print("by patient:", len(in_both["by patient"]), "shared; the assertion is content")

# %% [markdown]
# **The cell that is meant to fail.** The same assertion on the first split. One line in your own code saves a retraction.

# %% tags=["raises-exception"]
data.assert_no_overlap(splits["by slice"], patients.subjects)

# %% [markdown]
# ### Baselines first
#
# Half of the patients are ill: always saying the same is right for 50%. The second baseline needs no training at all: a
# new slice gets the label of the **nearest** slice of the training part, pixel by pixel. **Predict** its accuracy on the
# test part of each split, in per cent.

# %%
predicted_nearest = None  # type two numbers, (by slice, by patient)

# %%
flat = patients.images.reshape(len(images), -1)  # (600, 256)
nearest_right = {}
for name, split in splits.items():
    nearest = KNeighborsClassifier(n_neighbors=1).fit(flat[split.train], patients.labels[split.train])
    nearest_right[name] = nearest.predict(flat[split.test]) == patients.labels[split.test]
reveal(predicted_nearest, tuple(round(100 * right.mean(), 1) for right in nearest_right.values()), unit="per cent")

# %% [markdown]
# Nothing was *learned* here, and one of the two numbers looks like a finished product. Whom did it find?

# %%
figure, ax = plt.subplots(figsize=(6.6, 2.9))
split = splits["by slice"]
found = KNeighborsClassifier(n_neighbors=1).fit(flat[split.train], patients.subjects[split.train])
some = split.test[:6]
twins = split.train[found.kneighbors(flat[some], return_distance=False)[:, 0]]
titles = [f"test: no. {patients.subjects[n]}" for n in some] + [f"train: no. {patients.subjects[n]}" for n in twins]
figures.plot_image_grid(images.images[[*some, *twins]], ax, titles=titles, columns=6)
figures.show(figure, alt="Upper row: six test slices. Below each the nearest training slice: it is the same patient.")
same = (found.predict(flat[split.test]) == patients.subjects[split.test]).mean()
print(f"{same:.0%} of the nearest training slices are of the same patient")

# %% [markdown]
# It found the patient, and the patient's label came along. Does a net do the same? It is free to look for the disease
# instead.

# %% [markdown]
# ### The net
#
# A small one; lesson 02 takes such a net apart, here it is a box with 8,802 numbers to learn. Its first layer computes a
# z-score, for each pixel over the slices that pass through together (part 10 took it over the voxels of one image). Read
# the shapes.


# %% tags=["nbval-check-output"]
def make_net():
    return nn.Sequential(  # (B, 1, 16, 16)
        nn.Flatten(),  # (B, 256)
        nn.BatchNorm1d(256),  # (B, 256): each pixel minus its mean, by its deviation
        nn.Linear(256, 32),  # (B, 32)
        nn.ReLU(),  # (B, 32): what is below 0 becomes 0
        nn.Linear(32, 2),  # (B, 2): a score for healthy, a score for ill
    )


print(sum(numbers.numel() for numbers in make_net().parameters()), "numbers to learn")
print(tuple(make_net()(images.images[:3]).shape), "scores for three slices")

# %% [markdown]
# Training lowers the error on the training part, epoch by epoch; after each epoch everything is saved, so that a broken
# session could go on. Here is the whole experiment as one function, and what it says after a single epoch.


# %%
def train_and_test(slices, split, seed, **more):
    parts = [slices.subset(part) for part in (split.train, split.val, split.test)]
    loaders = [data.make_loader(part, batch_size=32, shuffle=part is parts[0]) for part in parts]
    torch.manual_seed(seed)
    net = make_net()
    more = {"epochs": EPOCHS or 12, "learning_rate": 0.003, "checkpoint_dir": tempfile.mkdtemp(), **more}
    fit(net, *loaders[:2], seed=seed, **more)
    return predict(net, loaders[2])


torch.set_num_threads(1)  # a net this small runs fastest on one core
early = train_and_test(images, splits["by slice"], SEED, epochs=1, progress=False)
print(f"after one epoch: {metrics.accuracy_score(early.y_true, early.y_pred):.0%} right, by slice")

# %% [markdown]
# Now in earnest, with a curve that grows while the net learns. First the split by slice.


# %%
def draw_curve(history):
    figure, ax = plt.subplots(figsize=(6.5, 2.8))
    figures.plot_accuracy_curves(history, ax)
    ax.set_ylim(0, 103)
    clear_output(wait=True)
    last = f"{history.train_accuracy[-1]:.0%} of the training and {history.val_accuracy[-1]:.0%} of the validation"
    figures.show(figure, alt=f"Accuracy over {len(history.seconds)} epochs, in the end {last} slices.")


said = {"by slice": train_and_test(images, splits["by slice"], SEED, on_epoch_end=draw_curve)}

# %% [markdown]
# Two fine curves, training and validation alike. A reader would see no sign of trouble: the validation part leaks just as
# the test part does. Now the split by patient. **Predict** the accuracy on *training* slices, and on test slices.

# %%
predicted_train_and_test = None  # type two numbers in per cent: (training, test)

# %%
training_accuracy = []
said["by patient"] = train_and_test(
    images,
    splits["by patient"],
    SEED,
    on_epoch_end=lambda history: (draw_curve(history), training_accuracy.append(history.train_accuracy[-1])),
)
accuracies = {name: 100 * metrics.accuracy_score(each.y_true, each.y_pred) for name, each in said.items()}
reveal(predicted_train_and_test, (round(100 * training_accuracy[-1]), round(accuracies["by patient"])), unit="per cent")

# %% [markdown]
# Now a gap opens and warns you. (That the validation curve may lie below 50% is chance: it is of 20 patients.) The net did not change, nor did the slices; only the question of the test did: *do you
# know this patient?* or *do you know this disease?*
#
# ### How much too good?
#
# Once is an anecdote. We repeat both splits with other patients, other splits and other first weights. And we add the
# sharpest test of all: the same with **no disease at all**, where "ill" is a word beside every second name. **Predict**
# the mean accuracy by slice when there is nothing to see, in per cent.

# %%
predicted_nothing = None  # type your number, in per cent

# %%
repeats = 3 if FAST else 10
measured = {(disease, name): [] for disease in (0.02, 0.0) for name in splits}
for (disease, name), results in measured.items():
    for seed in range(SEED, SEED + repeats):
        drawn = data.make_patient_slices(100, 6, disease=disease, seed=seed)
        slices = data.LabelledImages(torch.from_numpy(drawn.images), torch.from_numpy(drawn.labels), images.class_names)
        split = deal(name, drawn, seed)
        answers = train_and_test(slices, split, seed, progress=False)
        results.append((answers.y_pred == answers.y_true, drawn.subjects[split.test]))
mean = {key: 100 * np.mean([hits.mean() for hits, _ in results]) for key, results in measured.items()}
reveal(predicted_nothing, round(mean[0.0, "by slice"], 1), unit="per cent")

# %% [markdown]
# An interval belongs to each number: the range in which the accuracy could well lie, had we seen other cases of the same
# kind (95% of such ranges hold the true one; lesson 09 shows how). But of how many *cases*? Six slices of one patient are not six witnesses. So by
# patient we count patients: one is right when more than half of the slices are. By slice we do what a careless paper
# does, and count slices.


# %%
def with_interval(results, count_patients):
    votes = [hits[owners == one].mean() > 0.5 for hits, owners in results for one in np.unique(owners)]
    cases = np.array(votes) if count_patients else np.concatenate([hits for hits, _ in results])
    interval = metrics.wilson_interval(int(cases.sum()), len(cases))
    return f"{100 * cases.mean():5.1f}%  [{100 * interval.low:.1f}, {100 * interval.high:.1f}] of {len(cases)}"


for (disease, name), results in measured.items():
    what = "slices" if name == "by slice" else "patients"
    kind = "faint disease" if disease else "no disease"
    print(f"{kind:14} {name:11} {with_interval(results, what == 'patients')} {what}")

# %%
figure, ax = plt.subplots(figsize=(7, 2.7))
labels = []
for row, ((disease, name), results) in enumerate(measured.items()):
    runs = [100 * hits.mean() for hits, _ in results]
    heights = row + np.linspace(-0.2, 0.2, len(runs))  # one above the other, so that none hides another
    ax.plot(runs, heights, "o" if name == "by slice" else "s", color="C1" if name == "by slice" else "C0")
    labels.append(f"{'faint disease' if disease else 'no disease'}, split {name}")
ax.axvline(50, color="0.6", linestyle=":")
ax.set(xlabel="slices of the test part that are right (%)", xlim=(0, 103), yticks=range(4), yticklabels=labels)
ax.set_title("each mark is one run")
ax.set_ylim(3.5, -0.5)
figures.show(
    figure,
    alt="Accuracy of each run. Split by slice: above 90 percent, with and without a disease. Split by patient: "
    "scattered around the dotted line at 50 percent.",
)

# %% [markdown]
# This is what leakage is: **an excellent score for a disease that does not exist**. By patient, the runs scatter about
# 50%; some lie below, which is chance as well (there are only 30 test patients a run). The difference between the two rows is
# how much too good the first one looks. The cell below keeps the story honest: it fails if the numbers ever say
# something else.

# %%
too_good = {disease: mean[disease, "by slice"] - mean[disease, "by patient"] for disease in (0.02, 0.0)}
for disease, points in too_good.items():
    print(f"{'faint disease' if disease else 'no disease':14} too good by {points:.0f} percentage points")
as_given = EPOCHS is None
assert min(mean[disease, "by slice"] for disease in too_good) > 85 or not as_given, "by slice the net knows everybody"
assert max(mean[disease, "by patient"] for disease in too_good) < 70 or not as_given, "by patient it can only guess"

# %% [markdown]
# Slices are the plainest case. The same happens with two visits of one patient, left and right breast, a film and its
# copy, tiles of one slide, copies from augmentation made *before* the split, and a mean that was estimated over all
# images. The question is always: *what could the model know again?*

# %% [markdown]
# ## 12 Before you train: four lines
#
# A lecture on radiologists and deep learning (Hahn) starts clinical projects with a card of four entries, in this order:
# **value** (which clinical question, and what is gained by an answer), **knowledge** (what is known of the disease that
# makes an answer possible), **data** (which images and protocols are enough, *and* can be had in large numbers) and
# **target** (which measured end point the answer is compared with). Here it is for Ms K., filled in by us as an example.

# %%
card = {
    "value": "Who walks better after a drain? Spares an operation without benefit, and finds those who would gain.",
    "knowledge": "Fluid that drains badly widens the ventricles more than shrinking of the brain does; gait suffers first.",
    "data": "T1-weighted MR, voxels of at most 1 mm, head in RAS, scanner known; 300 patients of several clinics, "
    "one scan each before the drain, no slice of a patient on two sides.",
    "target": "Walking speed over 10 m a year after, at least 20% faster: measured by someone who has not seen the scan.",
}
for entry, answer in card.items():
    print(fill(answer, width=110, initial_indent=f"{entry.upper():10} ", subsequent_indent=" " * 11))

# %% [markdown]
# Read it from the end. The *target* is not "wide ventricles": that could be measured and would help nobody. It makes this
# a **prediction** in the list of part 1, not a segmentation. The *data* line would have caught each mistake of this
# lesson: unit, side, size, owner. And *value* tells what a wrong answer costs, which lesson 09 turns into a threshold.
#
# **Two minutes:** fill in the card for a question of your own. If one of the four lines stays empty, the project is not
# ready, however good the net.

# %% [markdown]
# ## 13 Failure gallery
#
# **One patient, three programs.** None of them raised an error. Say for each what it did before you read the titles.

# %%
slabs = data.resample_linear(patient, spacing_mm=(1, 1, 5))
misread = {
    "LPS taken for RAS": replace(patient, affine=np.diag([-1.0, -1, 1, 1]) @ patient.affine),
    "slices of 5 mm taken for 1 mm": replace(slabs, affine=brain.affine),
    "axes in another order": replace(patient, array=patient.array.transpose(1, 0, 2)),
}
figure, axes = plt.subplots(1, 3, figsize=(6.8, 2.3))
for ax, (name, image) in zip(axes, misread.items(), strict=True):
    at_mm = 20 if "LPS" in name else -20
    plot_slice(image, ax, plane="coronal", at_mm=at_mm, window=(60, 240))
    ax.set_title(name.replace(" taken", "\ntaken"), fontsize=10)
figures.show(
    figure,
    alt="Three coronal cuts. LPS for RAS: the dark ball at R instead of L, all else as it should be. Slices of 5 mm "
    "taken for 1 mm: a flat brain. Axes in another order: a cut from the side, labelled as if from the front.",
)

# %% [markdown]
# The flat brain everybody sees. The one with the lesion on the wrong side nobody sees, and it is the one that harms.
#
# **Patients that the honest net gets wrong**, the surest mistakes first; under each the nearest patient of the training
# part. Is there anything that you would have seen?

# %%
split, answers = splits["by patient"], said["by patient"]
shares_said = torch.tensor(answers.scores).softmax(dim=1).numpy()
wrong = np.flatnonzero(answers.y_pred != answers.y_true)
worst = wrong[np.argsort(-shares_said[wrong].max(axis=1))]
worst = worst[np.sort(np.unique(patients.subjects[split.test[worst]], return_index=True)[1])][:5]  # one slice a patient
near = KNeighborsClassifier(n_neighbors=1).fit(flat[split.train], patients.labels[split.train])
near = split.train[near.kneighbors(flat[split.test[worst]], return_distance=False)[:, 0]]
both = [*split.test[worst], *near]
figure, ax = plt.subplots(figsize=(5.6, 2.8))
titles = [f"{images.class_names[patients.labels[n]]}, no. {patients.subjects[n]}" for n in both]
figures.plot_image_grid(images.images[both], ax, titles=titles, columns=len(worst))
figures.show(
    figure, alt="Upper row: misjudged test patients. Below each the nearest training slice, of another patient."
)

# %% [markdown]
# Nothing to be seen: the net took a likeness of anatomies for a likeness of diseases. With a disease that *can* be seen it
# would do better; try `disease=0.15` in part 11, and watch the two splits come together from below.

# %% [markdown]
# ## 14 What we learned
#
# **The objectives, answered.**
#
# 1. *Unit.* HU = slope · stored + intercept, then a window: ends, scale, clip. MR has no unit: scale it by its own
#    values, within the body.
# 2. *Side.* The affine leads from index to mm; its columns are the steps. DICOM counts x and y the other way than NIfTI.
#    Ask the affine, the anatomy and the numbers.
# 3. *Size.* Millilitres are voxels times |det| / 1000. A new grid keeps the length in mm: bigger voxels are fewer. Mix
#    intensities, never labels.
# 4. *Owner.* Split by slice the net was right nearly always, with and without a disease; by patient it guessed.
# 5. *Card.* Value, knowledge, data, target, before anything is trained.
#
# **Pitfalls.** Shift before scale · width taken for half a width · a CT window on MR · spacing read from the diagonal ·
# LPS taken for RAS · arrays laid on each other because their shapes fit · voxels counted for millilitres · the ratio of a
# resampling upside down · air in the z-score · slices dealt out instead of patients. And tests on slope 1, on spacing
# 1 mm, on a symmetric brain: they hide every one of these.
#
# Last, what is *reported* elsewhere and what was *measured* here. Theirs are real scans, ours a phantom: the numbers
# stand side by side for orientation, and none of theirs is reproduced.

# %% [markdown]
# | | reported | by whom, on what |
# |---|---|---|
# | too good, Alzheimer's disease | accuracy raised by 29% and 30% | Yagis 2021, slices of ADNI and OASIS |
# | too good, Parkinson's disease | accuracy raised by 48% and 55% | Yagis 2021, slices of PPMI and a local set |
# | labels at random, by slice and by patient | about 96% and 50% | Yagis 2021, slices of OASIS |
# | tasks | five; classes, numbers, regions | lectures of Chlebus and Meine, and of Rueckert |
# | modalities | eight, from CT to optical coherence tomography | lecture of Licandro |
# | the card | value, knowledge, data, target | lecture of Hahn |

# %%
print(f"too good here: {too_good[0.02]:.0f} points with a faint disease, {too_good[0.0]:.0f} without one")
print(f"no disease: {mean[0.0, 'by slice']:.0f}% of slices right by slice, {mean[0.0, 'by patient']:.0f}% by patient")
print(f"tasks here: {len(targets)} ({', '.join(targets)}); entries of the card: {len(card)}")

# %% [markdown]
# **Without looking back**, in one sentence each: Why does a test on an image with slope 1 prove little? Why does a mirror
# not show on MNI152? Why did the validation curve give no warning?
#
# **References.** D. Rueckert, *AI in Medicine I* (lecture slides: classification, regression, regions) · R. Licandro,
# *Deep Learning in Medical Imaging* (lecture slides: modalities, challenges) · G. Chlebus, H. Meine, *Liver and tumor
# segmentation* (lecture slides: five tasks) · H. K. Hahn, *Why deep learning will not replace radiologists* (lecture
# slides: value, knowledge, data, target) · E. Yagis and others, *Effect of data leakage in brain MRI classification using
# 2D convolutional neural networks*, Scientific Reports 11:22544, 2021 · V. Fonov and others, *Unbiased average
# age-appropriate atlases for pediatric studies*, NeuroImage 54, 2011 (MNI152) · R. W. Cox and others, *A (sort of) new
# image data format standard: NIfTI-1*, 2004 · DICOM PS3.3, C.7.6.2 and C.11.1 · N. Relkin and others, *Diagnosing
# idiopathic normal-pressure hydrocephalus*, Neurosurgery 57, 2005 (Ms K.'s question).
#
# **Now the exercises**, `exercises/01_images.ipynb`: you write the unit, the place, the volume, the grid, the scale and
# the split yourself.
