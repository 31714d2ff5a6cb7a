# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: "What is a medical image to a computer? Exercises"
#     level: beginner
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["01_images"]
#     facts: [C01]
# ---

# %% [markdown]
# # 01 · What is a medical image to a computer? Exercises
#
# Six tasks, 25 points, about 80 minutes. Unit, place, volume, grid, scale, owner: each is a few lines, and each has a
# way of going wrong without any error message.
#
# How it works: read the contract, write your code where `NotImplementedError` stands, run the cell, then run the checks
# below it. A check never stops the notebook; it shows what your code gave, what was wanted, and one question. Stuck?
# Open the first hint, try again, and only then the next. The first task leaves one gap, later ones leave more, and
# the last two are all yours. Graded are these checks and others of the same kind with other numbers, so write for
# every input that the contract allows.

# %% tags=["setup"]
import numpy as np

from course_lib.classroom import explain, hint_for

# %% [markdown]
# ## Warm-up: a worked example
#
# All steps given. A thermometer stores whole numbers; degrees are 0.5 · stored − 40, and the display shows the range
# from 30 to 42 degrees as a bar from 0 to 1. The labels (*unit*, *ends*, *scale*, *clip*) come back in task 1. Before
# you run it: which of the three readings fills half of the bar?


# %%
def bar(stored):
    # 1 unit: slope first, then intercept
    degrees = 0.5 * stored - 40
    # 2 ends: of what the display shows
    low, high = 36 - 12 / 2, 36 + 12 / 2
    # 3 scale: how far between the ends
    length = (degrees - low) / (high - low)
    # 4 clip
    return np.clip(length, 0, 1)


bar(np.array([100, 152, 200]))

# %% [markdown]
# ## Task 1 · From stored values to shades (4 points)
#
# The same for CT. One gap is yours: steps 2 and 3, the ends and the scale.
#
# | | |
# |---|---|
# | `stored` | array of any shape, as the file holds it |
# | `slope`, `intercept` | numbers of the header: HU = slope · stored + intercept |
# | `centre_hu`, `width_hu` | the window; the width is the distance from its lowest to its highest HU, above 0 |
# | returns | array of the same shape, 0 (black) to 1 (white) |
#
# Example: stored 1000 with slope 2 and intercept −1024 is 976 HU; in a window with centre 976 that is 0.5.


# %% task="to_shades" points=4 withhold="course_lib.data.windows.apply_ct_window"
def to_shades(stored, slope, intercept, centre_hu, width_hu):
    """Return the shade of each stored value, 0 to 1, seen through a window."""
    # 1 unit: slope first, then intercept
    hu = slope * stored + intercept
    ### BEGIN SOLUTION
    # 2 ends: of what the window shows
    low = centre_hu - width_hu / 2
    # 3 scale: how far between the ends
    shade = (hu - low) / width_hu
    ### END SOLUTION
    # 4 clip
    return np.clip(shade, 0, 1)


# %% check="to_shades" requirement="ends and scale" points=1 after="Why does slope 1 make a poor test?"
stored = np.array([404, 432, 492, 552, 612])  # −216, −160, −40, 80, 200 HU
got = to_shades(stored, slope=2, intercept=-1024, centre_hu=40, width_hu=400)
assert np.shape(got) == (5,), explain(
    "The shape of to_shades(five values, …)", np.shape(got), "(5,)", ask="Does each stored value get one shade?"
)
assert np.allclose(got, [0, 0, 0.3, 0.6, 0.9]), explain(
    "to_shades([404, 432, 492, 552, 612], slope=2, intercept=-1024, centre_hu=40, width_hu=400)",
    got,
    "[0, 0, 0.3, 0.6, 0.9]",
    known=[
        ([0.18, 0.25, 0.4, 0.55, 0.7], "How wide is your window in HU, from the lowest to the highest shade?"),
        ([0.36, 0.5, 0.8, 1, 1], "The lowest end is one width away from the centre. Where should it be?"),
        (
            [0, 0, 0, 0, 0],
            "Everything is black. In the unit step, where does the line begin: slope first or shift first?",
        ),
        ([0, 0, 0, 0.1, 0.4], "Zero lies at the centre of your window. Which HU should be black?"),
        ([1, 1, 0.7, 0.4, 0.1], "Black and white have changed places. Which end should be 0?"),
    ],
    ask="Write the two ends in HU first: 40 minus half of 400, and 40 plus half of 400. Where between them does 80 lie?",
)

# %% check="to_shades" requirement="what lies outside" points=1
got = to_shades(np.array([[0, 2000]]), slope=1, intercept=-1024, centre_hu=-600, width_hu=1500)
assert np.shape(got) == (1, 2), explain(
    "The shape of to_shades(a 1 × 2 image, …)", np.shape(got), "(1, 2)", ask="Is the shape of the image kept?"
)
assert np.allclose(got, [[0.217333, 1]], atol=1e-4), explain(
    "to_shades([[0, 2000]], slope=1, intercept=-1024, centre_hu=-600, width_hu=1500)",
    got,
    "[[0.2173, 1]]",
    known=[
        ([[0.358667, 1]], "How wide is your window in HU, from the lowest to the highest shade?"),
        ([[0.217333, 1.550667]], "A shade above 1 is whiter than white. Is the clip still there?"),
    ],
    ask="−1024 HU in a window from −1350 to 150 HU: how far up is that?",
)

# %% hidden="to_shades" requirement="any header, any window, any shape" points=2
for _ in range(20):
    slope, intercept = float(rng.choice([0.5, 2, 3])), float(rng.integers(-1100, -800))
    centre, width = float(rng.integers(-300, 300)), float(rng.integers(200, 900))
    stored = rng.integers(0, 1500, size=(4, 7))
    hu = slope * stored + intercept
    right = np.clip((hu - centre + width / 2) / width, 0, 1)
    shifted = slope * (stored + intercept)
    known = [
        (np.clip((hu - centre + width) / (2 * width), 0, 1), "How wide is your window, from lowest to highest shade?"),
        (
            np.clip((hu - centre + width) / width, 0, 1),
            "One end is a whole width away from the centre. Where should it be?",
        ),
        (np.clip((hu - centre) / width, 0, 1), "Zero lies at the centre of your window. Which HU should be black?"),
        (
            np.clip((shifted - centre + width / 2) / width, 0, 1),
            "Slope first or shift first? Read the line in the contract.",
        ),
        (np.clip((stored - centre + width / 2) / width, 0, 1), "These are shades of stored values. Where is the unit?"),
        ((hu - centre + width / 2) / width, "Some shades lie outside 0 to 1. Is the clip still there?"),
    ]
    got = to_shades(stored, slope, intercept, centre, width)
    otherwise = "A shade is wrong. Compute the HU of one pixel on paper, then the two ends of the window."
    fits = np.shape(got) == right.shape and np.allclose(got, right)
    assert fits, hint_for(got, known=known, otherwise=otherwise)


# %% right="to_shades"
def to_shades(stored, slope, intercept, centre_hu, width_hu):
    low, high = centre_hu - width_hu / 2, centre_hu + width_hu / 2
    return np.interp(slope * np.asarray(stored) + intercept, [low, high], [0.0, 1.0])


# %% wrong="to_shades" hint="How wide is your window"
def to_shades(stored, slope, intercept, centre_hu, width_hu):  # the width as a distance from the centre
    hu = slope * stored + intercept
    return np.clip((hu - (centre_hu - width_hu)) / (2 * width_hu), 0, 1)


# %% wrong="to_shades" hint="one width away from the centre"
def to_shades(stored, slope, intercept, centre_hu, width_hu):
    hu = slope * stored + intercept
    return np.clip((hu - (centre_hu - width_hu)) / width_hu, 0, 1)


# %% wrong="to_shades" hint="Which HU should be black"
def to_shades(stored, slope, intercept, centre_hu, width_hu):  # half of the window is lost
    return np.clip((slope * stored + intercept - centre_hu) / width_hu, 0, 1)


# %% wrong="to_shades" hint="where does the line begin"
def to_shades(stored, slope, intercept, centre_hu, width_hu):  # shift first, then scale
    hu = slope * (stored + intercept)
    return np.clip((hu - centre_hu + width_hu / 2) / width_hu, 0, 1)


# %% wrong="to_shades" hint="whiter than white"
def to_shades(stored, slope, intercept, centre_hu, width_hu):  # no clip above
    return np.maximum((slope * stored + intercept - centre_hu + width_hu / 2) / width_hu, 0)


# %% [markdown] hint="to_shades" step=1
# A window with centre 40 and width 400: which HU is black, which is white, and how many HU lie between them?

# %% [markdown] hint="to_shades" step=2
# Black at −160, white at 240. The value 80 lies 240 above black, of 400 in all: 0.6. Now do the same for −100, and write
# down which of your four numbers came from the contract and which you computed.

# %% [markdown] hint="to_shades" step=3
# ```python
# low = centre_hu - ...
# shade = (hu - low) / ...
# ```

# %% picture="to_shades" alt="A CT slice in a soft-tissue window and in a lung window."
import matplotlib.pyplot as plt
import pydicom
from pydicom.data import get_testdata_file

from course_lib import figures

figures.use_course_style()
stored = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False)).pixel_array
figure, axes = plt.subplots(1, 2, figsize=(5, 2.6))
for ax, (centre, width) in zip(axes, ((40, 400), (-600, 1500)), strict=True):
    ax.imshow(to_shades(stored, 1, -1024, centre, width), vmin=0, vmax=1)
    ax.set(title=f"centre {centre}, width {width}", xticks=[], yticks=[])
figures.show(figure, alt="A CT slice in a soft-tissue window, and in a lung window in which vessels of the lung show.")

# %% [markdown]
# ## Task 2 · Where a voxel lies (4 points)
#
# Two functions, one gap in each. The affine leads from an index (i, j, k) to millimetres.
#
# | | |
# |---|---|
# | `affine` | array (4, 4): three columns of steps, the last one is the place of voxel (0, 0, 0) |
# | `index` | three numbers |
# | `voxel_to_mm` returns | array (3,): (x, y, z) in mm, in the order of the affine |
# | `lps_to_ras` takes and returns | three numbers; DICOM's x grows to the left and y to the back, NIfTI's to the right and front |
#
# Example: with the affine `[[0, 0, 3, 10], [2, 0, 0, 20], [0, 2, 0, 30], [0, 0, 0, 1]]` voxel (1, 0, 0) lies at (10, 22, 30).


# %% task="place" points=4 defines="voxel_to_mm lps_to_ras"
def voxel_to_mm(affine, index):
    """Return where a voxel lies, in mm."""
    # 1 steps: i, j, k steps along the three columns
    ### BEGIN SOLUTION
    walked = affine[:3, :3] @ np.asarray(index)
    ### END SOLUTION
    # 2 start: the place of voxel (0, 0, 0)
    return walked + affine[:3, 3]


def lps_to_ras(mm):
    """Return a place of DICOM in the coordinates of NIfTI."""
    # 1 turn: which of the three axes point the other way?
    ### BEGIN SOLUTION
    return np.array([-1, -1, 1]) * np.asarray(mm)
    ### END SOLUTION


# %% check="place" requirement="steps along axes that are flipped and turned" points=1
flipped = np.array([[-2, 0, 0, 90], [0, 2, 0, -126], [0, 0, 3, -72], [0, 0, 0, 1]])
got = voxel_to_mm(flipped, (10, 20, 30))
assert np.shape(got) == (3,), explain("The shape of voxel_to_mm(affine, (10, 20, 30))", np.shape(got), "(3,)")
assert np.allclose(got, [70, -86, 18]), explain(
    "voxel_to_mm([[-2, 0, 0, 90], [0, 2, 0, -126], [0, 0, 3, -72], …], (10, 20, 30))",
    got,
    "[70, -86, 18]",
    known=[
        ([110, -86, 18], "Every step is taken forwards. Which way does axis 0 run? The affine knows."),
        ([20, 40, 90], "Where does voxel (0, 0, 0) lie, and which way does axis 0 run? The affine knows both."),
        ([-20, 40, 90], "The steps are right. Where did they begin?"),
        ([160, -212, -54], "The start was added twice. Is step 2 still as it was given?"),
    ],
    ask="Ten steps along the first column: how far, and in which direction?",
)
turned = np.array([[0, 0, 3, 10], [2, 0, 0, 20], [0, 2, 0, 30], [0, 0, 0, 1]])
got = voxel_to_mm(turned, (1, 2, 5))
assert np.allclose(got, [25, 22, 34]), explain(
    "voxel_to_mm([[0, 0, 3, 10], [2, 0, 0, 20], [0, 2, 0, 30], …], (1, 2, 5))",
    got,
    "[25, 22, 34]",
    known=[
        ([10, 20, 30], "No step was taken: the diagonal of this affine is zero. Along what does one walk?"),
        ([12, 24, 45], "That would be right if axis 0 ran along x. Along what does one step of i go here?"),
        ([14, 30, 33], "Rows and columns of the affine have changed places. Is a step a column or a row?"),
    ],
    ask="One step along the first array axis adds the first column (0, 2, 0). What do the other steps add?",
)

# %% check="place" requirement="the two coordinate systems" points=1 after="Why would a place on the midline be a poor test?"
got = lps_to_ras((12, -5, 40))
assert np.allclose(got, [-12, 5, 40]), explain(
    "lps_to_ras((12, -5, 40))",
    got,
    "[-12, 5, 40]",
    known=[
        ([12, -5, 40], "Nothing changed. Two of the three letters in LPS and RAS differ: which?"),
        ([-12, 5, -40], "One sign too many. Both systems end in S: which way is up?"),
        ([-12, -5, 40], "Left and right are turned. What about front and back?"),
        ([12, 5, 40], "Front and back are turned. What about left and right?"),
        ([-5, 12, 40], "Two numbers have changed places. Are the axes in another order, or in another direction?"),
    ],
    ask="L and R are opposites, P and A are opposites, S and S are the same. What does that do to the signs?",
)

# %% hidden="place" requirement="any affine, any index, any place" points=2
for _ in range(20):
    affine = np.eye(4)
    affine[:3, :3] = rng.normal(size=(3, 3)) * 3
    affine[:3, 3] = rng.normal(size=3) * 80
    index = tuple(int(number) for number in rng.integers(1, 90, size=3))
    step = affine[:3, :3]
    right = step @ index + affine[:3, 3]
    known = [
        (step.T @ index + affine[:3, 3], "Rows and columns of the affine have changed places. Is a step a column?"),
        (np.diag(step) * index + affine[:3, 3], "Only the diagonal was used. What if the axes are turned?"),
        (np.linalg.norm(step, axis=0) * index + affine[:3, 3], "Every step is taken forwards, along its own axis."),
        (np.linalg.norm(step, axis=0) * index, "That is spacing times index. Where does voxel (0, 0, 0) lie?"),
        (step @ index, "The steps are right. Where did they begin?"),
    ]
    got = voxel_to_mm(affine, index)
    otherwise = "A place is wrong for an oblique affine. Walk one step along one axis and compare with a column."
    fits = np.shape(got) == (3,) and np.allclose(got, right)
    assert fits, hint_for(got, known=known, otherwise=otherwise)
    place = rng.normal(size=3) * 50
    got = lps_to_ras(tuple(place.tolist()))
    known = [
        (place, "LPS and RAS are not the same. Which two letters differ?"),
        (-place, "One sign too many: both systems end in S."),
    ]
    otherwise = "A sign is wrong. Which axes of DICOM and NIfTI point in opposite directions?"
    assert np.allclose(got, place * [-1, -1, 1]), hint_for(got, known=known, otherwise=otherwise)


# %% right="place"
def voxel_to_mm(affine, index):
    return (affine @ np.array([*index, 1]))[:3]


def lps_to_ras(mm):
    return [-mm[0], -mm[1], mm[2]]


# %% wrong="place" hint="Where does voxel (0, 0, 0) lie"
def voxel_to_mm(affine, index):  # spacing for the affine
    return np.linalg.norm(affine[:3, :3], axis=0) * np.asarray(index)


def lps_to_ras(mm):
    return np.array([-1, -1, 1]) * np.asarray(mm)


# %% wrong="place" hint="No step was taken"
def voxel_to_mm(affine, index):  # axes never turn
    return np.diag(affine)[:3] * np.asarray(index) + affine[:3, 3]


def lps_to_ras(mm):
    return np.array([-1, -1, 1]) * np.asarray(mm)


# %% wrong="place" hint="Is a step a column or a row"
def voxel_to_mm(affine, index):
    return affine[:3, :3].T @ np.asarray(index) + affine[:3, 3]


def lps_to_ras(mm):
    return np.array([-1, -1, 1]) * np.asarray(mm)


# %% wrong="place" hint="Nothing changed"
def voxel_to_mm(affine, index):
    return affine[:3, :3] @ np.asarray(index) + affine[:3, 3]


def lps_to_ras(mm):  # DICOM and NIfTI share their axes
    return np.asarray(mm)


# %% wrong="place" hint="One sign too many"
def voxel_to_mm(affine, index):
    return affine[:3, :3] @ np.asarray(index) + affine[:3, 3]


def lps_to_ras(mm):
    return -np.asarray(mm)


# %% [markdown] hint="place" step=1
# You stand on voxel (0, 0, 0). Which four numbers of the affine tell where that is? (One of them is not needed.) Now take
# one step along the first array axis. Which numbers tell how you moved?

# %% [markdown] hint="place" step=2
# Two dimensions: the columns are (0, 2) and (3, 0), the start is (10, 20). Voxel (1, 2) is reached by one step (0, 2) and
# two steps (3, 0): (10 + 0 + 6, 20 + 2 + 0) = (16, 22). Which product of a table and a row of numbers does just that? And
# for the signs: hold your left hand up; is it at larger x in DICOM or in NIfTI?

# %% [markdown] hint="place" step=3
# ```python
# walked = affine[:3, :3] @ ...
# return np.array([-1, ..., ...]) * np.asarray(mm)
# ```

# %% [markdown]
# ## Task 3 · How large is it? (4 points)
#
# | | |
# |---|---|
# | `mask` | array of 0 and 1, three axes |
# | `affine` | array (4, 4), mm; its axes may be flipped, turned and oblique |
# | `spacing` returns | array (3,): mm from voxel to voxel along each *array* axis, all above 0 |
# | `volume_ml` returns | a number: the volume of the ones in ml |
#
# Example: ten voxels of 1 mm × 2 mm × 5 mm are 0.1 ml.


# %% task="volume" points=4 defines="spacing volume_ml" withhold="course_lib.data.medical_image.MedicalImage.spacing_mm course_lib.data.medical_image.MedicalImage.voxel_ml"
def spacing(affine):
    """Return the distance of neighbouring voxels along each array axis, in mm."""
    ### BEGIN SOLUTION
    # 1 step: how long is each column
    return np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    ### END SOLUTION


def volume_ml(mask, affine):
    """Return the volume of a mask in ml."""
    # 1 one voxel: the volume that three steps span, in mm³
    voxel_mm3 = abs(np.linalg.det(affine[:3, :3]))
    # 2 all voxels, in ml
    ### BEGIN SOLUTION
    return mask.sum() * voxel_mm3 / 1000
    ### END SOLUTION


# %% check="volume" requirement="spacing of turned axes" points=1
turned = np.array([[0, 0, 3.5, 10], [-2, 0, 0, 20], [0, 0.5, 0, 30], [0, 0, 0, 1]])
got = spacing(turned)
assert np.shape(got) == (3,), explain("The shape of spacing(affine)", np.shape(got), "(3,)", ask="One number an axis?")
assert np.allclose(got, [2, 0.5, 3.5]), explain(
    "spacing([[0, 0, 3.5, 10], [-2, 0, 0, 20], [0, 0.5, 0, 30], …])",
    got,
    "[2, 0.5, 3.5]",
    known=[
        (
            [0, 0, 0],
            "These are the numbers on the diagonal. Take one step along an array axis: how far did you travel?",
        ),
        ([3.5, 2, 0.5], "The lengths are those of rows. Is a step along an array axis a row or a column?"),
        ([-2, 0.5, 3.5], "A distance below 0? Which way one goes does not change how far it is."),
        ([4, 0.25, 12.25], "These are squares of the lengths. What is still missing?"),
    ],
    ask="One step along the first array axis is the first column, (0, -2, 0). How long is it?",
)

# %% check="volume" requirement="millilitres" points=1 after="On which spacing does counting voxels / 1000 pass?"
turned = np.array([[0, 0, 3.5, 10], [-2, 0, 0, 20], [0, 0.5, 0, 30], [0, 0, 0, 1]])
mask = np.zeros((3, 4, 5), dtype=np.uint8)
mask[0, :3, :4] = 1  # 12 voxels
got = volume_ml(mask, turned)
assert np.isclose(got, 0.042), explain(
    "volume_ml(12 voxels of 2 × 0.5 × 3.5 mm, affine)",
    got,
    "0.042",
    known=[
        (0.012, "You counted voxels. How many mm³ does one hold?"),
        (42, "That is in mm³. How many of them make a millilitre?"),
        (4.2, "1 cm is 10 mm, but how many mm³ fit into 1 cm³?"),
        (0.42, "1 cm is 10 mm, but how many mm³ fit into 1 cm³?"),
        (0.21, "You counted all voxels of the box. Which ones belong to the mask?"),
    ],
    ask="One voxel is 2 · 0.5 · 3.5 mm³. Twelve of them, in ml?",
)

# %% hidden="volume" requirement="any affine, any mask" points=2
for _ in range(15):
    affine = np.eye(4)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    mm = rng.choice([0.4, 0.7, 1.3, 2.5, 5.0], size=3, replace=False)
    affine[:3, :3] = turn * mm
    affine[:3, 3] = rng.normal(size=3) * 60
    got = spacing(affine)
    known = [
        (np.diag(affine)[:3], "The diagonal is no spacing when the axes are turned. How long is one step?"),
        (np.abs(np.diag(affine)[:3]), "The diagonal is no spacing when the axes are turned. How long is one step?"),
        (np.linalg.norm(affine[:3, :3], axis=1), "These are lengths of rows. Is a step a row or a column?"),
        (mm**2, "These are squares of the lengths."),
    ]
    otherwise = "A spacing is wrong for turned axes. Take one step along one array axis: how far did you travel?"
    fits = np.shape(got) == (3,) and np.allclose(got, mm)
    assert fits, hint_for(got, known=known, otherwise=otherwise)
    mask = (rng.random((7, 9, 6)) < 0.3).astype(np.uint8)
    right = float(mask.sum() * mm.prod() / 1000)
    known = [
        (mask.sum() / 1000, "Voxels were counted. How many mm³ does one hold?"),
        (right * 1000, "That is in mm³. How many of them make a millilitre?"),
        (mask.size * mm.prod() / 1000, "All voxels of the box were counted. Which ones belong to the mask?"),
    ]
    got = volume_ml(mask, affine)
    otherwise = "A volume is wrong. Compute voxels · mm³ / 1000 on paper for one small mask."
    assert np.isclose(got, right), hint_for(got, known=known, otherwise=otherwise)


# %% right="volume"
def spacing(affine):
    return [float(np.linalg.norm(affine[:3, axis])) for axis in range(3)]


def volume_ml(mask, affine):
    return np.count_nonzero(mask) * abs(np.linalg.det(affine)) * 1e-3


# %% wrong="volume" hint="numbers on the diagonal"
def spacing(affine):
    return np.abs(np.diag(affine))[:3]


def volume_ml(mask, affine):
    return mask.sum() * abs(np.linalg.det(affine[:3, :3])) / 1000


# %% wrong="volume" hint="a row or a column"
def spacing(affine):
    return np.linalg.norm(affine[:3, :3], axis=1)


def volume_ml(mask, affine):
    return mask.sum() * abs(np.linalg.det(affine[:3, :3])) / 1000


# %% wrong="volume" hint="You counted voxels"
def spacing(affine):
    return np.linalg.norm(affine[:3, :3], axis=0)


def volume_ml(mask, affine):  # as if every voxel were 1 mm
    return mask.sum() / 1000


# %% wrong="volume" hint="That is in mm³"
def spacing(affine):
    return np.linalg.norm(affine[:3, :3], axis=0)


def volume_ml(mask, affine):
    return mask.sum() * abs(np.linalg.det(affine[:3, :3]))


# %% wrong="volume" hint="all voxels of the box"
def spacing(affine):
    return np.linalg.norm(affine[:3, :3], axis=0)


def volume_ml(mask, affine):
    return mask.size * abs(np.linalg.det(affine[:3, :3])) / 1000


# %% [markdown] hint="volume" step=1
# You take one step along the second array axis. Which three numbers of the affine are that step? How long is it? And how
# many mm³ fit into a cube with sides of 1 cm?

# %% [markdown] hint="volume" step=2
# In two dimensions: the columns (0, −2) and (3, 0) have the lengths 2 and 3, whatever their direction. For (3, 4) the
# length is 5: root of 9 + 16. Five voxels of 2 mm × 3 mm × 10 mm are 300 mm³, that is 0.3 ml. Which axis of the table do
# you add along?

# %% [markdown] hint="volume" step=3
# ```python
# np.sqrt((affine[:3, :3] ** 2).sum(axis=...))
# mask.sum() * voxel_mm3 / ...
# ```

# %% [markdown]
# ## Task 4 · A new grid for labels (4 points)
#
# Along one axis. The new grid begins at the same outer edge as the old one. All three steps are gaps.
#
# | | |
# |---|---|
# | `labels` | array (n,) of whole numbers, one a voxel |
# | `old_mm`, `new_mm` | size of a voxel along the axis, before and after, above 0 |
# | returns | array (m,): each new voxel takes the label of the old voxel that its *centre* lies in |
#
# m is `n * old_mm / new_mm`, rounded to the nearest whole number. No centre lies exactly on an edge or outside: you need
# not test that. Labels are never mixed. Example: 1 and 2 with voxels of 2 mm become 1 1 2 2 with voxels of 1 mm.


# %% task="regrid" points=4 withhold="course_lib.data.resample.resample_nearest"
def regrid(labels, old_mm, new_mm):
    """Return the labels on voxels of another size."""
    # 1 how many: the patient keeps the length in mm
    ### BEGIN SOLUTION
    count = round(len(labels) * old_mm / new_mm)
    ### END SOLUTION
    # 2 where: the centre of each new voxel, in mm from the outer edge
    ### BEGIN SOLUTION
    centres_mm = (np.arange(count) + 0.5) * new_mm
    ### END SOLUTION
    # 3 what: the old voxel that it lies in
    ### BEGIN SOLUTION
    return labels[(centres_mm / old_mm).astype(int)]
    ### END SOLUTION


# %% check="regrid" requirement="how many voxels" points=1 after="Does the patient grow when voxels do?"
got = len(regrid(np.arange(100), 0.8, 1.0))
assert got == 80, explain(
    "The number of voxels of regrid(100 labels, old_mm=0.8, new_mm=1.0)",
    got,
    "80",
    known=[
        (125, "The body keeps its length in mm. Do bigger voxels need more or fewer of them?"),
        (100, "As many as before. But they are bigger now: would they not be too many?"),
        (81, "One too many. How many voxels of 1 mm fill 80 mm?"),
        (79, "One too few. How many voxels of 1 mm fill 80 mm?"),
    ],
    ask="How long is the row of 100 voxels in mm, and how many voxels of 1 mm fill that?",
)

# %% check="regrid" requirement="the label under the centre" points=1
got = regrid(np.array([7, 1, 4, 9, 2, 5, 8, 3, 6, 0]), 2.0, 5.0)
assert np.shape(got) == (4,), explain("The shape of regrid(10 labels, 2.0, 5.0)", np.shape(got), "(4,)")
assert np.array_equal(got, [1, 9, 8, 6]), explain(
    "regrid([7, 1, 4, 9, 2, 5, 8, 3, 6, 0], old_mm=2.0, new_mm=5.0)",
    got,
    "[1, 9, 8, 6]",
    known=[
        ([7, 4, 5, 3], "Each label is that of the *left edge* of the new voxel. Where is its centre?"),
        ([7, 4, 5, 6], "Each label is that of the *left edge* of the new voxel, rounded. Where is its centre?"),
        ([1, 2, 8, 0], "Rounding goes to the next voxel. A centre at 7.5 mm lies in which voxel of 2 mm?"),
        (
            [7, 9, 8, 0],
            "First and last centres were laid on each other: the patient was stretched. Where are the edges?",
        ),
        ([7, 1, 4, 9], "These are the first four labels, but the new voxels are larger. Where do they lie?"),
        ([2.5, 7.25, 7.25, 4.5], "Labels were mixed. Which organ lies halfway between 7 and 1?"),
    ],
    ask="Draw ten boxes of 2 mm and under them four of 5 mm. Mark the centres: 2.5, 7.5, 12.5 and 17.5 mm.",
)

# %% hidden="regrid" requirement="any sizes, larger and smaller" points=2
from math import floor

for _ in range(40):
    old, new = (float(number) for number in rng.choice([0.7, 0.9, 1.1, 1.3, 1.9, 2.3, 3.1], size=2, replace=False))
    labels = rng.permutation(int(rng.integers(25, 60)))
    count = floor(len(labels) * old / new + 0.5)
    at = (np.arange(count) + 0.5) * new / old
    half = abs(len(labels) * old / new % 1 - 0.5) < 1e-6
    if half or at.max() > len(labels) - 1e-3 or np.abs(at - at.round()).min() < 1e-3:
        continue  # a centre on an edge or outside, or a number of voxels that can be rounded both ways
    right = labels[at.astype(int)]
    got = regrid(labels, old, new)
    assert len(got) != round(len(labels) * new / old), "The ratio is upside down: do bigger voxels need more of them?"
    assert len(got) == count, "The number of voxels is wrong: the length in mm should stay as it was."
    known = [
        (
            labels[(np.arange(count) * new / old).astype(int)],
            "These are the labels of left edges. Where is the centre?",
        ),
        (
            labels[np.linspace(0, len(labels) - 1, count).round().astype(int)],
            "First and last centres were laid on each other, which stretches the patient. Where are the edges?",
        ),
        (
            labels[np.minimum(at.round().astype(int), len(labels) - 1)],
            "Rounding goes to the next voxel. In which does a centre lie?",
        ),
        (labels[:count], "The new voxels have the size of the old ones. How far apart are their centres?"),
    ]
    otherwise = "A label is not that of the old voxel under the centre. Draw both rows of boxes for a small case."
    assert np.array_equal(got, right), hint_for(got, known=known, otherwise=otherwise)


# %% right="regrid"
def regrid(labels, old_mm, new_mm):
    count = int(np.floor(len(labels) * old_mm / new_mm + 0.5))
    edges = np.arange(1, len(labels)) * old_mm
    return [int(labels[np.searchsorted(edges, (place + 0.5) * new_mm, side="right")]) for place in range(count)]


# %% wrong="regrid" hint="more or fewer of them"
def regrid(labels, old_mm, new_mm):  # the ratio upside down
    count = round(len(labels) * new_mm / old_mm)
    places = ((np.arange(count) + 0.5) * old_mm / new_mm).astype(int)
    return labels[np.minimum(places, len(labels) - 1)]


# %% wrong="regrid" hint="left edge"
def regrid(labels, old_mm, new_mm):
    count = round(len(labels) * old_mm / new_mm)
    return labels[(np.arange(count) * new_mm / old_mm).astype(int)]


# %% wrong="regrid" hint="the patient was stretched"
def regrid(labels, old_mm, new_mm):  # corners on corners
    count = round(len(labels) * old_mm / new_mm)
    return labels[np.linspace(0, len(labels) - 1, count).round().astype(int)]


# %% wrong="regrid" hint="Labels were mixed"
def regrid(labels, old_mm, new_mm):
    count = round(len(labels) * old_mm / new_mm)
    return np.interp((np.arange(count) + 0.5) * new_mm / old_mm - 0.5, np.arange(len(labels)), labels)


# %% wrong="regrid" hint="Where do they lie"
def regrid(labels, old_mm, new_mm):  # right number, wrong places
    return labels[: round(len(labels) * old_mm / new_mm)]


# %% [markdown] hint="regrid" step=1
# A row of six voxels of 2 mm is 12 mm long. How many voxels of 3 mm fill it? And how many mm from the outer edge lies the
# centre of the first new voxel?

# %% [markdown] hint="regrid" step=2
# Centres at 1.5, 4.5, 7.5, 10.5 mm. The old voxels reach from 0 to 2, 2 to 4, 4 to 6 … mm. The first centre lies in voxel
# 0, the second in voxel 2. How does 2 follow from 4.5 and the old size, without looking at the drawing?

# %% [markdown] hint="regrid" step=3
# ```python
# count = round(len(labels) * ... / ...)
# centres_mm = (np.arange(count) + 0.5) * ...
# which = (centres_mm / old_mm).astype(int)     # cut off, do not round
# ```

# %% [markdown]
# ## Task 5 · One scale for MR (4 points)
#
# Now the whole function is yours. The labels *which*, *mean and deviation*, *scale* will do.
#
# | | |
# |---|---|
# | `scan` | array of any shape; air is exactly 0, the body is above 0 |
# | returns | array of the same shape: for every voxel, air included, (value − mean) / deviation, with mean and deviation of the voxels **above 0** |
#
# The deviation is numpy's usual one (`std()`). The body shows at least two different values. Example: in `[0, 0, 1, 3]` the
# body has mean 2 and deviation 1, so the answer is `[-2, -2, -1, 1]`.


# %% task="scale_mr" points=4 withhold="course_lib.data.windows.z_score"
def scale_mr(scan):
    """Return the z-score of each voxel, measured at the body."""
    ### BEGIN SOLUTION
    # 1 which: the voxels that set the scale
    body = scan[scan > 0]
    # 2 mean and deviation, 3 scale
    return (scan - body.mean()) / body.std()
    ### END SOLUTION


# %% check="scale_mr" requirement="mean and deviation of the body" points=1
scan = np.array([0.0] * 90 + [100] * 5 + [120] * 5).reshape(10, 10)
got = scale_mr(scan)
assert np.shape(got) == (10, 10), explain("The shape of scale_mr(10 × 10 scan)", np.shape(got), "(10, 10)")
got = got[9, 9]
assert np.isclose(got, 1), explain(
    "The z-score of a voxel of 120 in a scan with 90 × air, 5 × 100 and 5 × 120",
    got,
    "1",
    known=[
        (3.28797, "Should the air around the head help to set the mean? Try a larger field of view."),
        (0.301648, "The mean is that of the body, the deviation is not. Which voxels did it see?"),
        (10.9, "The deviation is that of the body, the mean is not. Which voxels did it see?"),
        (0.1, "The variance is the deviation squared. By which of the two does one divide?"),
        (10, "The mean is subtracted. What is still missing?"),
        (0.94868, "Nearly there: numpy's usual deviation divides by n. By what did yours divide?"),
        (12, "The scale is right, but where does it begin? What is subtracted first?"),
    ],
    ask="The body has five voxels of 100 and five of 120: what are their mean and their deviation?",
)

# %% check="scale_mr" requirement="air is scaled like all else" points=1 after="Why does a z-score of 0 not mean air?"
got = scale_mr(np.array([[0.0, 0, 1], [3, 0, 0]]))
assert np.allclose(got, [[-2, -2, -1], [1, -2, -2]]), explain(
    "scale_mr([[0, 0, 1], [3, 0, 0]])",
    got,
    "[[-2, -2, -1], [1, -2, -2]]",
    known=[
        (
            [[0, 0, -1], [1, 0, 0]],
            "Air was left at 0, which is now the mean of the body. What does the contract ask for air?",
        ),
        ([-1, 1], "Only the body came back. Which voxels should be scaled?"),
        ([[-0.6030, -0.6030, 0.3015], [2.1106, -0.6030, -0.6030]], "Should the air help to set the mean?"),
    ],
    ask="Mean 2 and deviation 1 come from the body. What becomes of a 0 with them?",
)

# %% hidden="scale_mr" requirement="any scan, any field of view" points=2
for _ in range(12):
    body = rng.normal(rng.uniform(200, 400), 30, size=tuple(rng.integers(3, 7, size=3)))
    pad = int(rng.integers(1, 4))
    scan = np.pad(body, pad)
    right = (scan - body.mean()) / body.std()
    known = [
        ((scan - scan.mean()) / scan.std(), "Should the air around the body help to set the scale?"),
        ((scan - body.mean()) / scan.std(), "The deviation is not that of the body."),
        ((scan - scan.mean()) / body.std(), "The mean is not that of the body."),
        (np.where(scan > 0, right, 0), "Air was left at 0. What does the contract ask for air?"),
        ((scan - body.mean()) / body.var(), "By the variance, or by the deviation?"),
        (scan - body.mean(), "The mean is subtracted. What is still missing?"),
    ]
    got = scale_mr(scan)
    otherwise = "The body should have mean 0 and deviation 1 afterwards. Which of the two fails?"
    fits = np.shape(got) == scan.shape and np.allclose(got, right)
    assert fits, hint_for(got, known=known, otherwise=otherwise)


# %% right="scale_mr"
def scale_mr(scan):
    mean = scan.sum() / (scan > 0).sum()
    variance = ((scan - mean) ** 2)[scan > 0].mean()
    return (scan - mean) * variance**-0.5


# %% wrong="scale_mr" hint="air around the head"
def scale_mr(scan):  # all voxels belong to the image
    return (scan - scan.mean()) / scan.std()


# %% wrong="scale_mr" hint="The mean is that of the body, the deviation is not"
def scale_mr(scan):
    return (scan - scan[scan > 0].mean()) / scan.std()


# %% wrong="scale_mr" hint="Air was left at 0"
def scale_mr(scan):
    body = scan[scan > 0]
    return np.where(scan > 0, (scan - body.mean()) / body.std(), 0)


# %% wrong="scale_mr" hint="The variance is the deviation squared"
def scale_mr(scan):
    body = scan[scan > 0]
    return (scan - body.mean()) / body.var()


# %% wrong="scale_mr" hint="By what did yours divide"
def scale_mr(scan):
    body = scan[scan > 0]
    return (scan - body.mean()) / body.std(ddof=1)


# %% [markdown] hint="scale_mr" step=1
# The same head is scanned with a wider view: more air, nothing else. Which numbers of your function change, and should
# they?

# %% [markdown] hint="scale_mr" step=2
# In `[0, 0, 1, 3]` the body is 1 and 3. Mean 2, deviations −1 and 1, so the standard deviation is 1. Now put each of the
# four values, also the two zeros, into (value − 2) / 1.

# %% [markdown] hint="scale_mr" step=3
# ```python
# body = scan[scan > 0]
# return (scan - ...) / ...
# ```

# %% [markdown]
# ## Task 6 · Whose slices? (5 points)
#
# All yours. Deal *patients* out, never slices.
#
# | | |
# |---|---|
# | `subjects` | array (N,): whose slice each is, numbers or names; patients may have different numbers of slices |
# | `test_share` | 0 to 1: share of the **patients** that go to the test part, rounded to the nearest whole number |
# | `seed` | whole number: the same seed gives the same split, another seed gives another one |
# | returns | array (N,) of bool: True where a slice is in the test part |
#
# Example: ten patients with twenty slices each and a share of 0.3 give 60 times True, of three patients. Use
# `np.random.default_rng(seed)` for the chance.


# %% task="test_slices" points=5 withhold="course_lib.data.splits.subject_split course_lib.data.splits.stratified_subject_split"
def test_slices(subjects, test_share, seed):
    """Return which slices are in the test part, such that no patient is on both sides."""
    ### BEGIN SOLUTION
    # 1 who: each patient once
    patients = np.unique(subjects)
    # 2 deal: so many of them, at random
    chosen = np.random.default_rng(seed).permutation(patients)[: round(test_share * len(patients))]
    # 3 slices: all of theirs
    return np.isin(subjects, chosen)
    ### END SOLUTION


# %% check="test_slices" requirement="nobody on both sides" points=1 after="What could a net know again, besides slices?"
subjects = np.repeat(np.arange(10), 20)
got = np.asarray(test_slices(subjects, 0.3, seed=1))
assert (got.shape, got.dtype) == ((200,), bool), explain(
    "The shape and type of test_slices(200 slices, 0.3, seed=1)",
    (tuple(got.shape), str(got.dtype)),
    "(200,) and bool",
    ask="One True or False for each slice, in the order of `subjects`?",
)
shared = sorted(set(subjects[got].tolist()) & set(subjects[~got].tolist()))
assert not shared, explain(
    "Patients on both sides of test_slices(10 patients × 20 slices, 0.3, seed=1)",
    len(shared),
    "0",
    ask="Could the net meet the same head twice? Ask who owns each slice, and deal out the owners.",
)
assert got.sum() == 60, explain(
    "The number of test slices of 10 patients × 20 slices, share 0.3",
    int(got.sum()),
    "60",
    known=[
        (140, "Training and test have changed places. Which side is True?"),
        (0, "Nobody is in the test part. Is the share of patients rounded to 0?"),
        (80, "That is one patient too many. To the nearest whole number: what is 0.3 · 10?"),
        (40, "That is one patient too few. To the nearest whole number: what is 0.3 · 10?"),
    ],
    ask="Three of ten patients, twenty slices each.",
)

# %% check="test_slices" requirement="a share of patients, and chance by the seed" points=2
names = np.array(["Ann"] * 30 + ["Bob"] * 2 + ["Cem"] * 5 + ["Dot"] * 1 + ["Eve"] * 4)
sizes = [len(set(names[np.asarray(test_slices(names, 0.4, seed=seed))].tolist())) for seed in range(8)]
assert sizes == [2] * 8, explain(
    "The number of test patients among five, share 0.4, for eight seeds",
    sizes,
    "2 each time",
    ask="Is it a share of patients, or of slices? Ann alone has most of the slices.",
)
one, again = (np.asarray(test_slices(names, 0.4, seed=3)) for _ in range(2))
assert np.array_equal(one, again), explain(
    "Whether test_slices(…, seed=3) gives the same twice", False, "True", ask="Where does the chance come from?"
)
splits = {tuple(np.asarray(test_slices(names, 0.4, seed=seed)).tolist()) for seed in range(12)}
assert len(splits) > 3, explain(
    "The number of different splits from twelve seeds",
    len(splits),
    "more than 3",
    ask="Is it always the same patients? The first in the list may all come from one clinic.",
)

# %% hidden="test_slices" requirement="any patients, any share" points=2
picked = np.zeros(12)
for number in range(30):
    order = rng.permutation(np.repeat(np.arange(12), rng.integers(1, 9, size=12)))  # slices in any order
    subjects = order * 7 + 100
    share = float(rng.choice([0.25, 0.5, 0.75]))
    got = np.asarray(test_slices(subjects, share, number))
    assert (got.shape, got.dtype) == (subjects.shape, bool), "One True or False for each slice is wanted."
    test, rest = set(subjects[got].tolist()), set(subjects[~got].tolist())
    assert not test & rest, "A patient is on both sides. Slices of one patient need not stand together: who owns each?"
    known = [
        (12 - round(share * 12), "Training and test have changed places."),
    ]
    otherwise = "The share is one of patients, rounded to the nearest whole number. How many patients are there?"
    assert len(test) == round(share * 12), hint_for(len(test), known=known, otherwise=otherwise)
    picked[[(one - 100) // 7 for one in test]] += 1
    again = np.asarray(test_slices(subjects, share, number))
    assert np.array_equal(got, again), "The same seed gave another split. Where does the chance come from?"
assert picked.min() > 3, "Some patients hardly ever reach the test part. Is it chance that decides, or the order?"
assert picked.max() < 27, "Some patients are nearly always in the test part. Is it chance that decides, or the order?"


# %% right="test_slices"
def test_slices(subjects, test_share, seed):
    names, owners = np.unique(subjects, return_inverse=True)
    lots = np.random.default_rng(seed).random(len(names))  # a lot for each patient, the highest go to the test part
    rank = (-lots).argsort().argsort()
    return (rank < round(test_share * len(names)))[owners]


# %% right="test_slices"
def test_slices(subjects, test_share, seed):
    import random

    patients = sorted(set(np.asarray(subjects).tolist()))
    chosen = set(random.Random(seed).sample(patients, round(test_share * len(patients))))
    return np.array([one in chosen for one in np.asarray(subjects).tolist()])


# %% wrong="test_slices" hint="Could the net meet the same head twice"
def test_slices(subjects, test_share, seed):  # slices are independent
    places = np.random.default_rng(seed).permutation(len(subjects))[: round(test_share * len(subjects))]
    return np.isin(np.arange(len(subjects)), places)


# %% wrong="test_slices" hint="Training and test have changed places"
def test_slices(subjects, test_share, seed):
    patients = np.unique(subjects)
    chosen = np.random.default_rng(seed).permutation(patients)[: round(test_share * len(patients))]
    return ~np.isin(subjects, chosen)


# %% wrong="test_slices" hint="Is it a share of patients, or of slices"
def test_slices(subjects, test_share, seed):  # patients until the slices suffice
    inside = np.zeros(len(subjects), dtype=bool)
    for one in np.random.default_rng(seed).permutation(np.unique(subjects)):
        if inside.sum() < test_share * len(subjects):
            inside |= subjects == one
    return inside


# %% wrong="test_slices" hint="Is it always the same patients"
def test_slices(subjects, test_share, seed):  # the first ones in the list
    patients = np.unique(subjects)
    return np.isin(subjects, patients[: round(test_share * len(patients))])


# %% wrong="test_slices" hint="Where does the chance come from"
def test_slices(subjects, test_share, seed):  # the seed is ignored
    patients = np.unique(subjects)
    chosen = np.random.default_rng().permutation(patients)[: round(test_share * len(patients))]
    return np.isin(subjects, chosen)


# %% [markdown] hint="test_slices" step=1
# You hold two hundred slices and ten envelopes with names. What goes into the hat: slices or names?

# %% [markdown] hint="test_slices" step=2
# Subjects 5 5 8 8 8 9. The patients are 5, 8 and 9, each once. A share of 0.3 is 0.9 patients, rounded 1. Chance draws 8:
# the answer is False False True True True False. Which call of numpy gives each patient once, and which one asks of every
# slice whether its owner is among the drawn?

# %% [markdown] hint="test_slices" step=3
# ```python
# patients = np.unique(subjects)
# chosen = np.random.default_rng(seed).permutation(patients)[: ...]
# return np.isin(subjects, ...)
# ```

# %% [markdown]
# ## Before you go
#
# One sentence each, without looking back; nobody marks them. Why is a diagonal affine a poor test? Why does the wrong
# z-score change with the field of view? Which of the five tasks (detection, classification, segmentation, prediction,
# recommendation) would still have leaked in task 6?
