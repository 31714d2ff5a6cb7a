# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: Is this contour good?
#     level: intermediate
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["01_images", "09_classification_metrics"]
#     facts: [C05, C06, C07, L13, H02]
# ---

# %% [markdown]
# # 10 · Is this contour good?
#
# **Level** intermediate · **your time** about 120 minutes, with a good place to pause after part 8 · **the machine's
# time** about 1 minute on two CPU cores · **download** nothing · **needs** spacing and millilitres (lesson 01), rates
# and intervals (lesson 09)
#
# *For teaching, not for clinical use.*

# %% [markdown]
# ## The question
#
# A patient has tumours in the liver. Three people wait for a contour. The *surgeon* asks how much liver will be left,
# in millilitres. The *radiotherapist* asks where the border runs, in millimetres: a beam that is 5 mm off burns the
# bowel. The *oncologist* asks whether the tumours grew since March, and whether there are new ones: a count, and a
# length. One contour, three questions. Which number says that it is good?
#
# ```text
#   how much is shared?      how far is the border off?      was each lesion found?
#      voxels: Dice              mm: ASSD, HD95                 lesions: recall, FROC
#           ╲                          │                           ╱
#            ╰──── one case, all cases, empty cases, another reader ────╯
#                                      │
#                      a table, a winner, or a treatment
# ```
#
# Nobody can tell you the measure. But you can learn which error moves which measure, and then choose the one that sees
# the errors that hurt *your* patient.
#
# After this lesson you can
#
# 1. say of each usual measure which errors it sees and which it is blind to, and show it on a contour that you spoilt;
# 2. state what a number leaves open: spacing, direction, which HD95, what becomes of empty cases, per case or global;
# 3. count lesions apart from voxels: matched at an overlap, with corner neighbours, and as an FROC curve with intervals;
# 4. read a challenge's table, and tell a winner from an accident by drawing the cases anew;
# 5. hold a contour against what two people differ by, and turn two scans into a RECIST response class.

# %% [markdown]
# ## Set-up
#
# The libraries, and the rooms of the course that this lesson visits. New today: nearly all of `metrics` that has to do
# with masks, and six figures of `figures.contours`.

# %% tags=["setup"]
import itertools
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import clear_output
from scipy import ndimage
from scipy.spatial.distance import pdist
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

from course_lib import data, figures, metrics
from course_lib.classroom import reveal, where_am_i
from course_lib.data.phantoms.crowd_masks import ask_readers
from course_lib.data.phantoms.liver_ct import make_liver_ct
from course_lib.data.phantoms.liver_tumours import insert_liver_tumours
from course_lib.data.phantoms.touching_cells import make_touching_cells
from course_lib.figures.contours import plot_boxes, plot_contours, plot_froc, plot_percentiles
from course_lib.figures.contours import plot_places, plot_readers
from course_lib.summary import summarize
from course_lib.training import fit
from course_lib.widgets.segmentation_error import disturb_mask, segmentation_error_explorer

figures.use_course_style()

# %% [markdown]
# What you may change; everything below follows.

# %% tags=["parameters"]
FAST = True  # False takes three times as many patients, and trains four times as long
SEED = 0  # of the patients, the splits, the readers and the first weights
EPOCHS = None  # rounds of training of each net; a number here overrules FAST
BATCH_SIZE = 16  # slices a step
LEARNING_RATE = 0.004  # of Adam
CHECKPOINT_DIR = None  # a folder that outlives this session, such as one on your Drive
REAL_DATA = False  # True: a real CT's liver and real nuclei; `course data get` fetches them (8 MB)

# %% [markdown]
# Where does this notebook run?

# %%
where_am_i(minutes_cpu=1, minutes_gpu=1)

# %% [markdown]
# ## Warm-up
#
# Three questions on what came before. Answer each on paper, then open it.
#
# **From lesson 09.** A finder raises 30 alarms. 20 of them are right, and it misses 5 of 25 lesions. What is its F1?
#
# <details>
# <summary>Answer</summary>
#
# Precision 20/30, recall 20/25, F1 = 2 · 20 / (30 + 25) = 0.727. Keep the formula in mind: Dice is the F1 of voxels.
# </details>
#
# **From lesson 07.** Two nets differ by 0.4 points of accuracy, on one seed. Which of them is better?
#
# <details>
# <summary>Answer</summary>
#
# Nobody knows: another seed, or other cases, may turn it round. Part 13 does this to a challenge.
# </details>
#
# **From lesson 01.** A voxel measures 3 × 1 × 1 mm. How far apart are the centres of two voxels that are neighbours
# along the first axis?
#
# <details>
# <summary>Answer</summary>
#
# 3 mm. An index is no length.
# </details>

# %% [markdown]
# ## The data: masks
#
# | | |
# |---|---|
# | livers, tumours | **phantoms**: CTs of made-up abdomens, drawn by `course_lib.data.phantoms.liver_ct` |
# | nuclei | **phantoms**: `touching_cells`, which touch as often as those of the Data Science Bowl 2018 |
# | ventricles | real: those of the mean of 152 brains (ICBM 2009a; McConnell Brain Imaging Centre, free for any use) |
# | with `REAL_DATA` | the liver of a real CT (J. Wasserthal et al. 2023, Apache-2.0; its outline is a *program's*, not an expert's) and real nuclei with experts' outlines (J. Caicedo et al. 2019, CC0) |
#
# Why phantoms, where real masks exist? Because this lesson spoils contours on purpose, and asks what a measure says of
# an error that is known to the last voxel. For that the true contour must be known, and in a phantom it is. Each
# patient has one scan, so a split by case is a split by patient; only part 11 trains, and its split is asserted there.

# %%
cases = make_liver_ct(12 if FAST else 36, seed=SEED, size=96)
truth, image, spacing_mm = cases.livers[0], cases.images[0, 0], tuple(cases.spacing_mm)
nuclei = make_touching_cells(8, seed=SEED).labels  # a number for each nucleus
if REAL_DATA:  # a file's axes run right, front, up; ours run up, back, left
    folder, turned = "totalsegmentator_ct", (slice(None), slice(None, None, -1), slice(None, None, -1))
    mask = data.read_nifti_mask(data.fetch(f"{folder}/example_seg_v1_2022/liver.nii.gz")).reoriented_to_ras()
    scan = data.read_nifti(data.fetch(f"{folder}/example_ct.nii.gz")).reoriented_to_ras()
    truth, image, spacing_mm = mask.array.T[turned] > 0, scan.array.T[turned], tuple(mask.spacing_mm[::-1])
    nuclei = [each.labels for each in data.read_nuclei(data.fetch("dsb2018_nuclei/stage1_train_subset.zip"))]

# %%
ventricles = data.load_mni152_ventricles().array > 0  # 1 mm
print(f"voxels of {' × '.join(f'{size:.2f}' for size in spacing_mm)} mm: slices, rows, columns")
for name, mask, size in (("liver", truth, spacing_mm), ("ventricles", ventricles, (1, 1, 1))):
    print(f"{name:11}{mask.sum():7,} voxels, {metrics.volume_ml(mask, spacing_mm=size):7.1f} ml")
print(f"{len(cases.diameters_mm)} tumours of {min(cases.diameters_mm):.0f} to {max(cases.diameters_mm):.0f} mm")

# %% [markdown]
# ## 1 Try first: the same Dice twice
#
# Two programs outlined this liver. Judged by **Dice** (1 for the same contour, 0 for nothing in common; part 2 has the
# formula) they are alike to two digits. *Ann*: "Then they are equally good." *Ben*: "I would want to see them." One
# contour is moved by a pixel, the other has small islands where no liver is. **Predict**: by how many millimetres is
# the worst point of each contour off?

# %%
predicted_left = None  # type your number, in mm
predicted_right = None  # type your number, in mm

# %%
middle = int(truth.sum(axis=(1, 2)).argmax())  # the slice with the most liver
organ, grey, pixel_mm = truth[middle], np.clip(image[middle], -100, 200), spacing_mm[1:]
shifted = disturb_mask(organ, shift=1)
wanted = metrics.dice_score(organ, shifted)
patches = range(40)  # an island of 3 × 3 pixels each
islands = [disturb_mask(organ, islands=count) for count in patches]
astray = min(islands, key=lambda each: abs(metrics.dice_score(organ, each) - wanted))
far_mm = {}
for name, drawn in (("left", shifted), ("right", astray)):
    far_mm[name] = metrics.surface_distances(organ, drawn, spacing_mm=pixel_mm).max_mm()
    print(f"{name:6} Dice {metrics.dice_score(organ, drawn):.3f}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.8), sharey=True)
for ax, drawn, title in zip(axes, (shifted, astray), ("shifted by a pixel", "with islands"), strict=True):
    plot_contours(grey, ax, mask_true=organ, mask_pred=drawn, spacing_mm=pixel_mm)
    ax.set_title(title)
figures.show(
    figure,
    alt="An axial slice through an abdomen with the outline of the liver, twice. On the left a dashed contour that is "
    "moved sideways by one pixel; on the right the true contour, and small square islands elsewhere in the picture.",
)
reveal(predicted_left, round(far_mm["left"], 1), unit="mm")
reveal(predicted_right, round(far_mm["right"], 1), unit="mm")

# %% [markdown]
# The same Dice, and errors of a few millimetres here and of many centimetres there. Ann's number counted wrong voxels;
# it did not ask *where* they lie. Which contour would you rather correct by hand? (An island is one click. The shifted
# border must be drawn again, all round.) So even "the worse one" depends on who will use it.

# %% [markdown]
# ## 2 Overlap, counted
#
# Everything about overlap is made of three counts: the voxels of the true mask, of the drawn one, and of both.
#
# | | formula | what it says |
# |---|---|---|
# | Dice | 2 · both / (true + drawn) | the F1 of voxels: 1 is best |
# | IoU (Jaccard) | both / either | the same order of contours, lower numbers |
# | VOE | 1 − IoU | an error: 0 is best |
# | RVD | (drawn − true) / true | too large (+) or too small (−) |
#
# **Predict**: the true mask has 4 voxels, the drawn one 4, they share 2. What are Dice and IoU?

# %%
predicted_dice = None  # type your number
predicted_iou = None  # type your number

# %% tags=["nbval-check-output"]
counts = metrics.overlap([1, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1])
print(counts)
reveal(predicted_dice, counts.dice())
reveal(predicted_iou, round(counts.jaccard(), 3))
print(f"VOE {counts.voe():.3f}, RVD {counts.rvd():.3f}")

# %% [markdown]
# Look at RVD: 0, "no error of volume", although half of the contour lies in the wrong place. RVD alone is never enough.
#
# And Dice and IoU are one and the same measure on two scales: IoU = Dice / (2 − Dice). Dice 0.95 is IoU 0.905. So a
# paper that reports both has reported one. (Over many cases the *means* can part, since the curve bends.)
#
# Why not accuracy, as in lesson 09? **Predict** the accuracy of a program that draws *nothing* in this CT.

# %%
predicted_nothing = None  # type your number, in per cent of the voxels

# %%
reveal(predicted_nothing, round(100 * (~truth).mean(), 1), unit="per cent of the voxels right")

# %% [markdown]
# Most of a scan is not liver, and with a larger field of view the number would rise. Overlap leaves those voxels out:
# none of the three counts knows how much air there is around the patient.

# %% [markdown]
# ## 3 Millimetres
#
# The second family asks how far the borders lie apart. From each border voxel of one mask we go to the nearest border
# voxel of the other; then the same back. That gives two heaps of distances:
#
# | | made of the distances |
# |---|---|
# | ASSD | their mean, both directions together |
# | RMSD | the root of the mean of their squares: far ones weigh more |
# | HD (Hausdorff; "MSD" in some tables) | the largest |
# | HD95 | the 95th percentile: the farthest twentieth is forgiven |
# | surface Dice | the share within a tolerance, such as 3 mm |
#
# First trap: **voxels are no millimetres**. Two voxels, one slice apart, slices of 3 mm, pixels of 1 mm. **Predict**
# the distance with the spacing, and what a program says that forgot it.

# %%
predicted_with_spacing = None  # type your number, in mm
predicted_without = None  # type your number, as the program would print it

# %% tags=["nbval-check-output"]
one, other = np.zeros((2, 3, 4, 4), bool)
one[0, 1, 1] = other[1, 1, 1] = True
in_mm = metrics.surface_distances(one, other, spacing_mm=(3, 1, 1)).max_mm()
in_voxels = metrics.surface_distances(one, other, spacing_mm=(1, 1, 1)).max_mm()
reveal(predicted_with_spacing, in_mm, unit="mm")
reveal(predicted_without, in_voxels, unit="of something that is called mm")

# %% [markdown]
# Our measure refuses to guess: it wants one number an axis, in the order of the axes. The next cell is **meant to
# fail**, since it gives the spacing of a slice to a volume.

# %% tags=["raises-exception"]
metrics.surface_distances(truth, truth, spacing_mm=pixel_mm)

# %% [markdown]
# It cannot notice a *wrong order*, though: (1, 1, 3) for (3, 1, 1) is three numbers, too. Look where a spacing comes
# from, always.
#
# Second trap: **one way is not enough**. True: the pixel 0. Drawn: the pixels 0 and 5. **Predict** the largest distance
# from true to drawn, and from drawn to true, in pixels.

# %%
predicted_there = None  # type your number
predicted_back = None  # type your number

# %% tags=["nbval-check-output"]
both_ways = metrics.surface_distances([[1, 0, 0, 0, 0, 0]], [[1, 0, 0, 0, 0, 1]], spacing_mm=(1, 1))
reveal(predicted_there, both_ways.true_to_pred_mm.max(), unit="from true to drawn")
reveal(predicted_back, both_ways.pred_to_true_mm.max(), unit="from drawn to true")

# %% [markdown]
# Every true voxel has a drawn one on it, so the way there sees nothing. The way *there* finds what was missed, the way
# *back* finds what was invented. A symmetric measure looks both ways.

# %% [markdown]
# ## 4 Which error moves which measure?
#
# Now the heart of the lesson. We spoil the liver in seven ways, one at a time, and let seven measures speak. All errors
# are small; you would find each of them in a clinic.


# %%
def spoil(mask):
    rows = np.flatnonzero(mask.any(axis=(1, 2)))
    cut, spur = mask.copy(), mask.copy()
    cut[rows[-3:]] = False  # the top three slices forgotten
    level, row = middle if mask is truth else rows[len(rows) // 2], np.argwhere(mask.any(axis=(0, 2)))[0, 0]
    column = int(np.median(np.flatnonzero(mask[level].any(axis=0))))
    spur[level, max(0, row - 12) : row + 12, column] = True  # a leak, one voxel thick
    drawn = {"shifted": {"shift": 1}, "too large": {"grow": 1}, "too small": {"grow": -1}}
    drawn |= {"ten holes": {"holes": 10}, "an island": {"islands": 1}}
    return {name: disturb_mask(mask, **how) for name, how in drawn.items()} | {"a leak": spur, "slices lost": cut}


spoilt = spoil(truth)
print(", ".join(f"{name} {(each ^ truth).sum():,}" for name, each in spoilt.items()), "voxels wrong")


# %%
def measure(mask_true, mask_pred, size):
    counts = metrics.overlap(mask_true, mask_pred)
    surfaces = metrics.surface_distances(mask_true, mask_pred, spacing_mm=size)
    return {
        "Dice": counts.dice(), "RVD (%)": 100 * counts.rvd(), "ASSD": surfaces.mean_mm(), "RMSD": surfaces.rms_mm(),
        "HD95": surfaces.worse_percentile_mm(), "HD": surfaces.max_mm(), "within 3 mm": surfaces.surface_dice(3.0),
    }  # fmt: skip


# %% [markdown]
# **Predict** before you look: which error has the largest HD? Which has the lowest Dice? And which leaves RVD at zero?

# %%
predicted_largest_hd = None  # type its name, such as "ten holes"
predicted_lowest_dice = None  # type its name
predicted_no_rvd = None  # type its name

# %%
table = {name: measure(truth, each, spacing_mm) for name, each in spoilt.items()}
print("distances: mm" + "".join(f"{name:>13}" for name in table["shifted"]))
for name, row in table.items():
    print(f"{name:13}" + "".join(f"{value:13.3f}" if abs(value) < 1.1 else f"{value:13.1f}" for value in row.values()))
reveal(predicted_largest_hd, max(table, key=lambda name: table[name]["HD"]))
reveal(predicted_lowest_dice, min(table, key=lambda name: table[name]["Dice"]))
reveal(predicted_no_rvd, min(table, key=lambda name: abs(table[name]["RVD (%)"])))

# %%
figure, axes = plt.subplots(2, 4, figsize=(8.4, 4.4), sharex=True, sharey=True)
for ax, (name, each) in zip(axes.flat, spoilt.items(), strict=False):
    level = int((each ^ truth).sum(axis=(1, 2)).argmax()) if name in ("an island", "ten holes") else middle
    level = int(np.flatnonzero((each ^ truth).any(axis=(1, 2)))[-1]) if name == "slices lost" else level
    plot_contours(image[level] > -300, ax, mask_true=truth[level], mask_pred=each[level], spacing_mm=pixel_mm)
    ax.set(title=name, xlabel="", ylabel="")
axes.flat[-1].set_axis_off()
figure.supxlabel("mm", fontsize=9)
figures.show(
    figure,
    alt="The body's outline in seven slices with the true liver and a spoilt contour, dashed: shifted, too large, too small, with holes, with "
    "an island far from the liver, with a thin leak at the front, and a slice in which nothing was drawn.",
)

# %% [markdown]
# Read the table row by row, and say each time *who would care*.
#
# - *Too large* and *too small* move Dice and RVD; of all seven, RVD alone tells the one from the other.
# - *An island* is nearly invisible to Dice (a few voxels) and a catastrophe to HD. HD95 forgives it: it is less than a
#   twentieth of the border.
# - *A leak* is like it, though a beam would follow it.
# - *Ten holes* in the liver are cheap in voxels. But every hole has a border of its own, deep inside, and together these
#   borders are more than a twentieth: HD95 sees them.
# - *Slices lost* at the top move RVD, HD and HD95. Dice stays above that of a border which is a voxel off all round.
#
# No row is bad in all columns. That is why challenges report many measures, and why "Dice went up" is half a sentence.

# %% [markdown]
# ## 5 Two numbers, one name: HD95
#
# You compare your HD95 with a paper's. Do you know which one it is? There are two of them in wide use:
#
# 1. *worse of two*: the percentile of each direction, then the larger;
# 2. *pooled*: all distances of both directions in one heap, then its percentile.
#
# By hand. From true to drawn: nine times 0 mm and once 10 mm. From drawn to true: ten times 0 mm. **Predict** both
# (percentiles are interpolated: among ten sorted numbers, 95% lies at place 8.55, counted from 0).

# %%
predicted_worse = None  # type your number, in mm
predicted_pooled = None  # type your number, in mm

# %% tags=["nbval-check-output"]
by_hand = metrics.SurfaceDistances(true_to_pred_mm=np.array([0.0] * 9 + [10]), pred_to_true_mm=np.zeros(10))
reveal(predicted_worse, round(by_hand.worse_percentile_mm(), 3), unit="mm, the worse of two directions")
reveal(predicted_pooled, round(by_hand.pooled_percentile_mm(), 3), unit="mm, pooled")

# %% [markdown]
# A factor of eleven, from one pair of masks. The same on a picture: the left tip of the liver was not drawn. From the
# tip it is far to the drawn contour; but every drawn voxel has a true one near by.

# %%
lobe = organ & (np.cumsum(organ.sum(axis=0)) > 0.98 * organ.sum())[None]  # its last 2%, on the patient's left
drawn = organ & ~lobe
on_picture = metrics.surface_distances(organ, drawn, spacing_mm=pixel_mm)
figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.5), width_ratios=(1.1, 1))
plot_contours(image[middle] > -300, axes[0], mask_true=organ, mask_pred=drawn, spacing_mm=pixel_mm)
plot_percentiles(on_picture, axes[1], lowest=80)
two = {"worse": on_picture.worse_percentile_mm(), "pooled": on_picture.pooled_percentile_mm()}
figures.show(
    figure,
    alt="Left: a liver whose left tip lies outside the dashed contour. Right: the share of the border within a distance, "
    f"from 80 per cent up, rising from the left. At 95 per cent the pooled curve reads {two['pooled']:.1f} mm, the worse direction "
    f"{two['worse']:.1f} mm.",
)

# %% [markdown]
# The axis starts at 80%: most of either border lies on the other one. Where the line at 95% meets the dotted curve stands
# one HD95, where it meets the worse of the other two stands the other. Neither is wrong. Pooled, a missed piece is
# diluted by the border of the whole organ. *Name your convention*, and never compare across.

# %% [markdown]
# ## 6 Small and large
#
# "Our liver has a Dice of 0.95, our tumours only 0.65." Is the tumour net bad? Let *one hand* draw balls of all
# sizes, each border one voxel of 1 mm too far out: the same skill everywhere. **Predict** the Dice of a ball of
# 10 mm, and of one of 100 mm.

# %%
predicted_small = None  # type your number
predicted_large = None  # type your number


# %%
def ball(diameter_mm):  # voxels of 1 mm
    half = diameter_mm / 2
    steps = np.arange(-half - 3, half + 4)
    return sum(axis**2 for axis in np.meshgrid(steps, steps, steps, sparse=True)) < half**2


by_size = {}
for diameter_mm in (6, 10, 15, 20, 30, 50, 100):
    small = ball(diameter_mm)
    by_size[diameter_mm] = measure(small, disturb_mask(small, grow=1), (1, 1, 1))
reveal(predicted_small, round(by_size[10]["Dice"], 2))
reveal(predicted_large, round(by_size[100]["Dice"], 2))

# %% [markdown]
# And the real thing: shapes that are no balls. The ventricles are thin horns; the liver is compact; nuclei are small
# discs. Each is shifted by a single voxel of its own grid.

# %%
nucleus_mm = []  # diameter of the disc of the same area, in pixels; Dice
for labels in nuclei[:8]:
    for number in range(1, labels.max() + 1):
        mask = np.pad(labels == number, 2)
        if mask.any():
            nucleus_mm.append((2 * np.sqrt(mask.sum() / np.pi), metrics.dice_score(mask, disturb_mask(mask, shift=1))))
across, dice_of_nucleus = np.array(nucleus_mm).T
organ_dice = {"liver": metrics.dice_score(truth, disturb_mask(truth, shift=1))}
organ_dice["ventricles"] = metrics.dice_score(ventricles, disturb_mask(ventricles, shift=1))
print(", ".join(f"{name}: Dice {value:.3f}" for name, value in organ_dice.items()))

# %%
figure, axes = plt.subplots(1, 2, figsize=(8.8, 3.5), sharey=True)
axes[0].plot(list(by_size), [each["Dice"] for each in by_size.values()], "o-")
axes[0].set(xscale="log", xticks=[6, 10, 20, 50, 100], xlabel="diameter of a ball (mm)", ylabel="Dice", ylim=(0.4, 1))
axes[0].set_xticks([], minor=True)
axes[0].set_xticklabels(["6", "10", "20", "50", "100"])
axes[0].set_title("border 1 mm too far out")
axes[1].plot(across, dice_of_nucleus, "o", markersize=3.5)
axes[1].set(xlabel="diameter of a nucleus (pixels)", title="nuclei, shifted by one pixel")
figures.show(
    figure,
    alt="Two rising curves of Dice. A ball of 6 mm that is drawn 1 mm too large has a Dice below 0.7, one of 100 mm "
    "above 0.97. Nuclei shifted by one pixel: small ones near 0.8, large ones above 0.9.",
)

# %% [markdown]
# The *hand* was the same for all; only the object grew. So never compare the Dice of organs of different size, nor of
# two data sets, as if it were skill. What stays the same? **Predict** the ASSD of the ball of 10 mm and of 100 mm.

# %%
predicted_assd = None  # type two numbers, in mm: (…, …)

# %% tags=["nbval-check-output"]
reveal(predicted_assd, tuple(round(by_size[size]["ASSD"], 1) for size in (10, 100)), unit="mm")

# %% [markdown]
# A distance does not care how large the thing is. For small lesions, give one.

# %% [markdown]
# ## 7 When there is nothing
#
# Many patients have no tumour. What is the Dice of an empty contour there: 0 (nothing shared), 1 (nothing wrong), or no
# number at all? The formula says 0 / 0. Four kinds of patients:

# %% tags=["nbval-check-output"]
full, none = np.ones((2, 2), bool), np.zeros((2, 2), bool)
kinds = {"both drawn": (full, full), "missed": (full, none), "invented": (none, full), "rightly nothing": (none, none)}
for name, (mask_true, mask_pred) in kinds.items():
    surfaces = metrics.surface_distances(mask_true, mask_pred, spacing_mm=(1, 1))
    print(f"{name:16} Dice {metrics.dice_score(mask_true, mask_pred):4.1f}   HD {surfaces.max_mm()} mm")

# %% [markdown]
# NaN means *not measured*, and infinity *nothing to walk to*. A mean over patients needs a rule for both. **Predict**
# the mean Dice of these four patients under three rules: NaN is left out; counted as 1; counted as 0 (which an epsilon
# in the denominator does without telling you).

# %%
predicted_rules = None  # type three numbers: (left out, as 1, as 0)

# %% tags=["nbval-check-output"]
each_dice = np.array([metrics.dice_score(*pair) for pair in kinds.values()])
rules = {"left out": np.nanmean(each_dice), "as 1": np.nan_to_num(each_dice, nan=1.0).mean()}
rules["as 0, by an epsilon"] = np.mean([2 * (a & b).sum() / (a.sum() + b.sum() + 1e-7) for a, b in kinds.values()])
reveal(predicted_rules, tuple(round(float(value), 2) for value in rules.values()))

# %% [markdown]
# One program, one set of masks, and 0.33, 0.50 or 0.25. The epsilon gives a patient for whom the program rightly kept
# silent the same 0 as one whom it missed. A distance needs a rule as well; some challenges give a missed case the
# diagonal of the image.

# %% tags=["nbval-check-output"]
worst = metrics.image_diagonal_mm((155, 240, 240), (1, 1, 1))
missed = metrics.surface_distances(full, none, spacing_mm=(1, 1), one_empty_mm=worst)
print(f"a missed case: {missed.max_mm():.2f} mm, the diagonal of the brain tumour challenge's images")

# %% [markdown]
# ## 8 Per case, or all in one pot
#
# Two patients. The first has 50 voxels of tumour, all found; the second has one, and one other voxel was drawn.
# **Predict** the mean of the two Dice values, and the Dice of all voxels thrown together ("global").

# %%
predicted_per_case = None  # type your number
predicted_global = None  # type your number

# %% tags=["nbval-check-output"]
patients = [metrics.Overlap(50, 50, 50), metrics.Overlap(1, 1, 0)]
reveal(predicted_per_case, metrics.dice_per_case(patients), unit="per case")
reveal(predicted_global, round(metrics.dice_global(patients), 2), unit="global")

# %% [markdown]
# In the pot, the patient who was missed cannot be seen. Per case, each *patient* counts the same; global, each *voxel*;
# and part 9 lets each *lesion* count the same. Now with our tumours. A cautious program drops every lesion below 12 mm
# and draws all others perfectly.

# %%
kept = [np.isin(tumours, 1 + np.flatnonzero(cases.diameters_mm[cases.tumour_cases == index] >= 12))
        for index, tumours in enumerate(cases.tumours)]  # fmt: skip
of_cases = [metrics.overlap(tumours > 0, drawn) for tumours, drawn in zip(cases.tumours, kept, strict=True)]
both = metrics.dice_per_case(of_cases), metrics.dice_global(of_cases)
print(f"Dice per case {both[0]:.3f}, global {both[1]:.3f}")
print("patient by patient:", " ".join(f"{each.dice():.2f}" for each in of_cases))

# %% [markdown]
# This is why a table has both columns: with the lecture's tumours, 0.702 per case and 0.794 global belong to one and
# the same team.
#
# *A good place to pause. When you come back, say aloud which error Dice does not see, and which HD95 you would report.*

# %% [markdown]
# ## 9 Lesions, counted
#
# The oncologist's question is a count. Reference: one tumour of 1,000 voxels and one of 5. A program draws the large
# one perfectly and nothing else. **Predict** its Dice, and its share of lesions found.

# %%
predicted_voxels = None  # type your number, its Dice
predicted_lesions = None  # type your number, its share of lesions found

# %% tags=["nbval-check-output"]
row = np.zeros(1100, bool)
row[:1000] = row[1050:1055] = True
only_large = row & (np.arange(1100) < 1000)
matches = metrics.match_lesions(metrics.label_lesions(row), metrics.label_lesions(only_large))
reveal(predicted_voxels, round(metrics.dice_score(row, only_large), 4))
reveal(predicted_lesions, matches.counts().recall, unit="of the lesions")

# %% [markdown]
# To count lesions, three things must be said.
#
# 1. *What is one lesion?* A connected piece. But are two voxels that touch at a corner connected?
# 2. *When is it found?* When a predicted lesion overlaps it: by one voxel ("> 0"), or by half ("> 50%" of what either
#    has).
# 3. *Who may be whose partner?* One to one, or one to many.
#
# **Predict** how many lesions the diagonal of a 3 × 3 image holds, with edges only, and with corners.

# %%
predicted_pieces = None  # type two numbers: (edges only, with corners)

# %% tags=["nbval-check-output"]
pieces = tuple(int(metrics.label_lesions(np.eye(3), connectivity=each).max()) for each in (1, 2))
reveal(predicted_pieces, pieces)

# %% [markdown]
# And the case that Dice cannot see *at all*: touching nuclei. Suppose that a net finds every pixel of nucleus, and only
# that. Its mask is perfect, Dice 1. But which pixel belongs to which nucleus is found by numbering the pieces. **Predict**
# the score of its instances: pairs / (pairs + missed + invented), at an overlap of half.

# %%
predicted_instances = None  # type your number

# %%
instance = []
for labels in nuclei[:8]:
    numbered = metrics.label_lesions(labels > 0)  # a perfect mask, in pieces
    instance.append((labels.max(), numbered.max(), *metrics.instance_average_precision(labels, numbered)[[0, 5, 9]]))
there, seen, *_ = np.sum(instance, axis=0)
at = np.mean(instance, axis=0)[2:]
print(f"{there:.0f} nuclei in {len(instance)} images, {seen:.0f} pieces; the mask has Dice 1")
reveal(predicted_instances, round(float(at[0]), 2), unit="at 0.5, mean over images")

# %%
crowd = int(np.argmax([row[0] - row[1] for row in instance]))
figure, axes = plt.subplots(1, 2, figsize=(8, 3.9))
for ax, labels, title in zip(
    axes, (nuclei[crowd], metrics.label_lesions(nuclei[crowd] > 0)), ("the nuclei", "the pieces"), strict=True
):
    ax.imshow(np.where(labels > 0, 1 + labels * 7 % 10, 0), cmap="cividis", interpolation="nearest")
    ax.set(title=f"{title}: {labels.max()}", xlabel="pixels", ylabel="pixels")
figures.show(
    figure,
    alt="The same image of nuclei twice, each object in its own shade. On the left touching nuclei differ in shade; on "
    "the right several that touch have one shade: there are fewer pieces than nuclei.",
)

# %% [markdown]
# A perfect mask with wrong counts. Whoever counts cells must judge cells. (Lesson 16 trains a net that keeps them apart.)
#
# Now the tumours. A program smooths its mask a little, as nets do, so that small tumours shrink or go, and neighbours
# melt together. The overlap that is asked for changes the verdict.

# %%
blurred = [ndimage.gaussian_filter((labels > 0).astype(np.float32), 1.2) > 0.4 for labels in cases.tumours]
both = [metrics.match_lesions(true, metrics.label_lesions(drawn))
        for true, drawn in zip(cases.tumours.astype(int), blurred, strict=True)]  # fmt: skip
for wanted in (0.0, 0.25, 0.5, 0.75):
    counted = sum((each.counts(min_overlap=wanted) for each in both), metrics.LesionCounts(0, 0, 0, 0))
    print(f"overlap > {100 * wanted:2.0f}%: {counted.found:2} of {counted.true} found, "
          f"{counted.right:2} of {counted.predicted} right, F1 {counted.f1:.2f}")  # fmt: skip
print(f"Dice per case {metrics.dice_per_case(map(metrics.overlap, cases.tumours > 0, blurred)):.2f}")

# %% [markdown]
# ## 10 FROC: a finder with a threshold
#
# A detector gives suspicious points with a score. Lower the threshold, and more lesions are found, and more false
# alarms come. FROC draws one against the other: share of *lesions* found, false alarms *a patient*.
#
# First by hand. Three patients, two lesions in all. A detector gives six points: two of them on the *same* lesion, four
# on nothing. **Predict** its sensitivity and its false alarms a patient.

# %%
predicted_sensitivity = None  # type your number
predicted_alarms = None  # type your number

# %% tags=["nbval-check-output"]
six = metrics.Detections(
    y_score=[0.9, 0.8, 0.7, 0.6, 0.5, 0.4], image=[0, 0, 0, 1, 2, 2], lesion=[0, 0, -1, -1, -1, -1],
    lesions_per_image=[1, 1, 0],
)  # fmt: skip
by_hand = metrics.froc_curve(six)
reveal(predicted_sensitivity, by_hand.sensitivity[-1], unit="of the lesions; the second hit finds nothing new")
reveal(predicted_alarms, round(by_hand.false_positives_per_image[-1], 2), unit="false alarms a patient")

# %% [markdown]
# Two slips are common: to count the second hit as a second find (sensitivity 1.0), and to divide by nothing (4 false
# alarms: in how many patients?).
#
# Now a simple detector for our patients: smooth the scan, and take the places inside the liver that are darker than all
# around. The darker, the more suspicious.


# %%
def find_tumours(hu, liver, labels):  # scores, and the tumour that each peak lies in (−1: none)
    inside = ndimage.binary_erosion(liver, iterations=2)
    darker = np.median(hu[liver]) - ndimage.gaussian_filter(hu, (1.2, 1, 1))
    peak = (darker == ndimage.maximum_filter(darker, size=5)) & inside
    return darker[peak], labels[peak].astype(int) - 1


found = [find_tumours(hu, *masks) for hu, *masks in zip(cases.images[:, 0], cases.livers, cases.tumours, strict=True)]
detections = metrics.Detections(
    y_score=np.concatenate([scores for scores, _ in found]),
    image=np.repeat(np.arange(len(found)), [len(scores) for scores, _ in found]),
    lesion=np.concatenate([hits for _, hits in found]),
    lesions_per_image=np.bincount(cases.tumour_cases, minlength=len(found)),
)

# %% [markdown]
# **Predict**: how many of the tumours does it find, if one false alarm a patient is allowed?

# %%
predicted_at_one = None  # type your number, in per cent

# %%
curve = metrics.froc_curve(detections)
intervals = metrics.froc_intervals(detections, seed=SEED)
reveal(predicted_at_one, round(100 * curve.sensitivity_at(1.0)), unit="per cent of the tumours")
figure, ax = plt.subplots(figsize=(6.4, 3.5))
plot_froc(curve, ax, intervals=intervals)
figures.show(
    figure,
    alt=f"A FROC curve with intervals: {100 * curve.sensitivity_at(1):.0f} per cent of the tumours are found at one "
    f"false alarm a patient and {100 * curve.sensitivity_at(8):.0f} per cent at eight.",
)
low, high = intervals.score.low, intervals.score.high
print(f"mean of the six rates: {curve.score():.2f} [{low:.2f}, {high:.2f}]")

# %% [markdown]
# The intervals are wide, and rightly: *patients* were drawn anew, and there are few. The mean over 1/4, 1/2, 1, 2, 4
# and 8 false alarms is the score of a challenge on lymph nodes. Which rate would *you* accept, with fifty patients
# a morning?
#
# Lesion-wise and voxel-wise answers meet in the lecture's numbers: its net has a Dice of 0.58 *per case* and of 0.69
# *per tumour*. Whenever you see two such numbers, ask: which tumours did the second mean leave out?

# %% [markdown]
# ## 11 A net, judged by all of this
#
# Enough of spoilt contours: here is a net with errors of its own. The lecture tells of a study on the **parotid gland**
# (a gland that a beam should spare), with a figure of box plots: a U-Net on slices, judged within a region of interest
# or on the full volume, before and after keeping only the **largest connected piece**, as an ensemble of views, and
# with more and more training cases. We copy the *design* on phantom livers, small enough for two cores.

# %%
livers = make_liver_ct(24 if FAST else 72, seed=SEED + 1, size=48, slices=48)
split = data.subject_split(np.arange(len(livers.livers)), val_fraction=0.125, test_fraction=0.5, seed=SEED)
data.assert_no_overlap(split, subjects=np.arange(len(livers.livers)))
windowed = np.clip((livers.images[:, 0] + 100) / 300, 0, 1)  # −100 to 200 HU
print(f"{len(split.train)} patients to train, {len(split.val)} to watch, {len(split.test)} to judge")


def slices_of(patients, axis):  # one image a slice, cut across an axis: 0 axial, 1 coronal, 2 sagittal
    pictures, masks = (np.moveaxis(each[patients], axis + 1, 1) for each in (windowed, livers.livers))
    return torch.tensor(pictures.reshape(-1, 1, 48, 48)), torch.tensor(masks.reshape(-1, 48, 48)).float()


# %% [markdown]
# The net is a U of three levels: down to see what it is, up to see where, and across so that the fine detail is kept.
# (Lesson 16 builds the one of the paper, 64 to 1,024 maps; here 6 to 24.) A level is two convolutions. **Predict** its
# parameters, roughly: hundreds, thousands, or millions?

# %%
predicted_parameters = None  # type your number


# %%
def level(in_maps, maps):
    return nn.Sequential(
        nn.Conv2d(in_maps, maps, 3, padding=1), nn.BatchNorm2d(maps), nn.ReLU(),
        nn.Conv2d(maps, maps, 3, padding=1), nn.BatchNorm2d(maps), nn.ReLU(),
    )  # fmt: skip


# %%
class SmallU(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([level(1, 6), level(6, 12), level(12, 24)])
        self.up, self.score = nn.ModuleList([level(24 + 12, 12), level(12 + 6, 6)]), nn.Conv2d(6, 1, 1)

    def forward(self, x):  # (B, 1, 48, 48)
        fine = self.down[0](x)  # (B, 6, 48, 48)
        middle = self.down[1](F.max_pool2d(fine, 2))  # (B, 12, 24, 24)
        x = F.interpolate(self.down[2](F.max_pool2d(middle, 2)), scale_factor=2)  # (B, 24, 24, 24)
        x = F.interpolate(self.up[0](torch.cat([x, middle], dim=1)), scale_factor=2)  # (B, 12, 48, 48)
        return self.score(self.up[1](torch.cat([x, fine], dim=1)))[:, 0]  # (B, 48, 48)


# %%
torch.manual_seed(SEED)
summary = summarize(SmallU(), torch.zeros(1, 1, 48, 48))
print(f"{summary.macs / 1e6:.0f} million MACs a slice")
reveal(predicted_parameters, summary.parameters, unit="parameters")

# %% [markdown]
# **Baseline first**: a window of Hounsfield units (liver is 35 to 85), *opened* (worn off by two voxels all round and
# grown again, so that thin bridges break), largest piece. It knows no shape. Then the judge, which takes one volume a
# patient and gives Dice, ASSD and HD95; a case with nothing drawn gets the image's diagonal.


# %%
def largest_piece(mask):
    numbered = metrics.label_lesions(mask)
    return numbered == 1 + np.bincount(numbered.ravel())[1:].argmax() if mask.any() else mask


def judge(drawn):  # (patients, 3)
    size, rows = tuple(livers.spacing_mm), []
    for index, mask in zip(split.test, drawn, strict=True):
        far = metrics.image_diagonal_mm(mask.shape, size)
        surfaces = metrics.surface_distances(livers.livers[index], mask, spacing_mm=size, one_empty_mm=far)
        dice = metrics.dice_score(livers.livers[index], mask)
        rows.append((dice, surfaces.mean_mm(), surfaces.worse_percentile_mm()))
    return np.array(rows)


# %%
smooth = [ndimage.gaussian_filter(livers.images[index, 0], 1) for index in split.test]
thresholded = [ndimage.binary_opening((hu > 35) & (hu < 85), iterations=2) for hu in smooth]
judged = {"baseline": judge([largest_piece(mask) for mask in thresholded])}
dice, assd, hd95 = judged["baseline"].mean(axis=0)
print(f"baseline: Dice {dice:.2f}, ASSD {assd:.0f} mm, HD95 {hd95:.0f} mm")

# %% [markdown]
# Training: every net gets the *same number of steps*, whatever the number of its patients, so that only the data
# differ. An epoch is 20 steps on slices drawn at random; the validation patients are watched.


# %%
keep = Path(CHECKPOINT_DIR or tempfile.mkdtemp())


def train_net(patients, axis, seed, name, on_epoch_end=None):
    pictures, masks = slices_of(patients, axis)
    drawn = RandomSampler(pictures, replacement=True, num_samples=20 * BATCH_SIZE)
    loader = DataLoader(TensorDataset(pictures, masks), batch_size=BATCH_SIZE, sampler=drawn)
    watch = DataLoader(TensorDataset(*slices_of(split.val, axis)), batch_size=48)
    torch.manual_seed(seed)
    net = SmallU()
    how = {"learning_rate": LEARNING_RATE, "seed": seed, "checkpoint_dir": keep / f"lesson_10_{name}"}
    how |= {"loss_function": F.binary_cross_entropy_with_logits, "on_epoch_end": on_epoch_end}
    return net, fit(net, loader, watch, epochs=EPOCHS or (3 if FAST else 12), **how)


# %%
def draw_curve(history):
    figure, ax = plt.subplots(figsize=(6.2, 2.6))
    figures.plot_learning_curves(history, ax)
    ax.set_ylabel("cross entropy a pixel")
    clear_output(wait=True)
    figures.show(figure, alt="Training and validation loss of the net on axial slices fall from epoch to epoch.")


nets = {}
nets["all patients"], history = train_net(split.train, 0, SEED, "axial_all", on_epoch_end=draw_curve)

# %% [markdown]
# Now with fewer patients, and another net that sees coronal slices. **Predict** the mean Dice of the axial net on the
# test patients, trained on one patient, and on all.

# %%
predicted_one = None  # type your number
predicted_all = None  # type your number

# %%
for count in (1, 3):
    nets[f"{count} patient{'s' * (count > 1)}"], _ = train_net(split.train[:count], 0, SEED, f"axial_{count}")
nets["coronal"], _ = train_net(split.train, 1, SEED, "coronal")


def ask(net, index, axis):  # probability of liver, voxel by voxel
    with torch.no_grad():
        answer = net.eval()(slices_of([index], axis)[0]).sigmoid()
    return np.moveaxis(answer.numpy(), 0, axis)


said = {name: [ask(net, index, int(name == "coronal")) for index in split.test] for name, net in nets.items()}
said["two views"] = [(a + b) / 2 for a, b in zip(said["all patients"], said["coronal"], strict=True)]

# %%
for name, volumes in said.items():
    judged[name] = judge([volume > 0.5 for volume in volumes])
for name, rows in judged.items():
    dice = metrics.bootstrap_mean(rows[:, 0], seed=SEED)
    print(f"{name:12} Dice {dice.value:.3f} [{dice.interval.low:.3f}, {dice.interval.high:.3f}]  "
          f"ASSD {rows[:, 1].mean():5.1f} mm  HD95 {rows[:, 2].mean():5.1f} mm")  # fmt: skip
reveal(predicted_one, round(float(judged["1 patient"][:, 0].mean()), 2))
reveal(predicted_all, round(float(judged["all patients"][:, 0].mean()), 2))

# %%
if EPOCHS is None:
    baseline = judged["baseline"][:, 0].mean()
    assert judged["all patients"][:, 0].mean() > max(0.75, baseline + 0.05), "the net beats the window"
    assert history.train_loss[-1] < 0.8 * history.train_loss[0], "and it has learned"
shown = {name: judged[name] for name in ("1 patient", "3 patients", "all patients", "two views")}
figure, axes = plt.subplots(1, 2, figsize=(9.2, 3.5))
plot_boxes({name: rows[:, 0] for name, rows in shown.items()}, axes[0], label="Dice a patient")
plot_boxes({name: rows[:, 1] for name, rows in shown.items()}, axes[1], label="ASSD a patient (mm)")
figures.show(
    figure,
    alt="Box plots over the test patients, for training on one, on three and on all patients and for two views together: "
    "Dice on the left, ASSD in millimetres on the right, a point for each patient.",
)

# %% [markdown]
# Look before you believe in a trend. Made-up patients are more alike than real ones: one of them teaches most of what all
# teach, and with another seed the boxes of three and of all, even that of one, may change places. In the lecture's figures
# they rise with the cases. A flat result is a result, too. (A net on whole volumes is the last box of the paper; lesson 14 compares 2-D and 3-D.)
#
# **Region and post-processing.** Two helps that the study tried: a box around the organ, outside of which nothing may be
# drawn; and keeping the largest connected piece. Both remove islands. **Predict** what the second does to the mean ASSD
# of our net: does it fall, rise, or stay?

# %%
predicted_piece = None  # type "falls", "rises" or "stays"


# %%
def within_box(mask, index):  # a box 4 voxels around the true liver, as if somebody had marked it
    (box,) = ndimage.find_objects(livers.livers[index].astype(int))
    near = np.zeros_like(mask)
    near[tuple(slice(max(0, side.start - 4), side.stop + 4) for side in box)] = True
    return mask & near


# %%
raw = [volume > 0.5 for volume in said["all patients"]]
boxed = [within_box(mask, index) for mask, index in zip(raw, split.test, strict=True)]
four = {"box": judge(boxed), "box, one piece": judge([largest_piece(mask) for mask in boxed])}
four |= {"full": judge(raw), "full, one piece": judge([largest_piece(mask) for mask in raw])}
for name, rows in four.items():
    print(f"{name:16} Dice {rows[:, 0].mean():.3f}  ASSD {rows[:, 1].mean():5.2f} mm  HD95 {rows[:, 2].mean():5.1f} mm")
change = (four["full, one piece"] - four["full"])[:, 1].mean()
reveal(
    predicted_piece, "stays" if abs(change) < 0.05 else "falls" if change < 0 else "rises", unit=f"({change:+.2f} mm)"
)

# %% [markdown]
# Islands are few voxels, far away: Dice hardly notices that they went, a distance does. But the largest piece is no free
# lunch. Where the net missed a thin bridge of the liver, all that lies beyond it is thrown away, true liver too, and
# then HD95 rises. It is a *bet* on which of the two errors the net makes, and it must be judged like a net: on other
# patients. That is why the study shows each set-up with and without.

# %% [markdown]
# ## 12 Look at the mistakes
#
# The three test patients on whom the net that learned from all training patients is worst, by Dice, each at the slice
# with most wrong pixels. The true outline is solid, the net's is dashed.

# %%
worst = np.argsort(judged["all patients"][:, 0])[:3]
figure, axes = plt.subplots(1, 3, figsize=(9.4, 3.5), sharey=True)
for ax, place in zip(axes, worst, strict=True):
    index, drawn = split.test[place], raw[place]
    at = int((drawn ^ livers.livers[index]).sum(axis=(1, 2)).argmax())
    plot_contours(windowed[index, at], ax, mask_true=livers.livers[index, at], mask_pred=drawn[at],
                  spacing_mm=livers.spacing_mm[1:])  # fmt: skip
    dice, assd, _ = judged["all patients"][place]
    ax.set_title(f"Dice {dice:.2f}, ASSD {assd:.1f} mm", fontsize=9)
figures.show(
    figure,
    alt="Axial slices of the three test patients with the lowest Dice, true liver solid, the net's dashed. The two part "
    "where the liver meets organs of the same grey.",
)

# %% [markdown]
# Name the error of each with the words of part 4: too large, too small, a leak, slices lost? Which measure would have
# warned you? And would *you* find the border there, from grey alone?

# %% [markdown]
# ## 13 A challenge and its winner
#
# How do groups compare their programs? In a **challenge**: an organiser states the task, keeps the truth of the test
# cases secret, fixes the metrics beforehand, and runs all entries through one program. The lecture names
# VISCERAL, The Cancer Imaging Archive (data) and grand-challenge.org, where hundreds are listed. That is a fair
# comparison. Is it also a sure one?
#
# These are the top three rows of a table of the liver tumour challenge (LiTS, 2017; 28 teams), *reported* on the
# lecture's slide. They stand in the order of the first column. **Predict**: who wins if each team's places in all nine
# columns are averaged?

# %%
predicted_winner = None  # type "leHealth", "hchen" or "hans.meine"

# %% tags=["nbval-check-output"]
columns = ["Dice/case", "Dice/global", "VOE", "RVD", "ASSD", "MSD", "RMSD", "precision", "recall"]
reported = {
    "leHealth": (0.702, 0.794, 0.394, 5.921, 1.189, 6.682, 1.726, 0.156, 0.437),
    "hchen": (0.686, 0.829, 0.356, 5.164, 1.073, 6.055, 1.562, 0.409, 0.408),
    "hans.meine": (0.676, 0.796, 0.383, 0.464, 1.143, 7.322, 1.728, 0.496, 0.397),
}
better = metrics.LITS_HIGHER_IS_BETTER[:9]
lits = metrics.challenge_table(list(reported.values()), teams=list(reported), columns=columns, higher_is_better=better)
for team, ranks, mean in zip(lits.teams, lits.ranks, lits.mean_rank, strict=True):
    print(f"{team:11}" + "".join(f"{rank:4.0f}" for rank in ranks) + f"   mean rank {mean:.2f}")
reveal(predicted_winner, lits.teams[int(np.argmin(lits.mean_rank))])

# %% [markdown]
# Three teams, and the order depends on the column: the first of the table found the most tumours (recall 0.437), but of
# six tumours that it drew, five were wrong (precision 0.156). A *rule* made the winner. And RVD of 5.9, a mean of
# relative errors of volume, is what a few tiny lesions do to a mean: 592% too large.
#
# Now a contest of our own, with five teams whose habits we know:
#
# | team | habit |
# |---|---|
# | steady | the border wobbles by 1.5 mm |
# | twin | the *same* hand on another day: the same wobble, drawn anew |
# | generous | the same, and a voxel too far out |
# | sparing | the same, but leaves out all tumours below 10 mm |
# | eager | the same, and three islands that are no tumours |


# %%
def wobble(mask, seed):
    how = {"wobble_mm": 1.5, "habit_mm": 0, "smooth_mm": 12}
    return ask_readers(mask, spacing_mm=size, num_readers=1, seed=seed, **how).masks[0]


# %%
size = tuple(cases.spacing_mm)
entries = {"steady": [], "twin": [], "generous": [], "sparing": [], "eager": []}
for index, labels in enumerate(cases.tumours):
    large = 1 + np.flatnonzero(cases.diameters_mm[cases.tumour_cases == index] >= 10)
    steady, twin = wobble(labels, SEED + index), wobble(labels, SEED + index + 1000)
    entries["steady"].append(steady)
    entries["twin"].append(twin)
    entries["generous"].append(disturb_mask(steady, grow=1))
    entries["sparing"].append(wobble(np.isin(labels, large), SEED + index))
    entries["eager"].append(disturb_mask(steady, islands=3))

# %%
scores = {
    team: metrics.lits_scores(cases.tumours > 0, drawn, spacings_mm=[size] * len(drawn))
    for team, drawn in entries.items()
}
values = [[s.dice_per_case, s.dice_global, s.voe, abs(s.rvd), s.assd_mm, s.msd_mm, s.rmsd_mm, s.precision_50,
           s.recall_50] for s in scores.values()]  # fmt: skip
contest = metrics.challenge_table(values, teams=list(scores), columns=columns, higher_is_better=better)
print(" " * 10 + "".join(f"{name:>12}" for name in columns))
for team, row, place in zip(contest.teams, contest.values, contest.places, strict=True):
    print(f"{team:10}" + "".join(f"{value:12.3f}" for value in row) + f"   place {place}")

# %% [markdown]
# Follow *sparing* through the columns: its distances are close to steady's, since what it never drew has no distance
# (they are means over the *found* lesions), and its precision is the highest. Only recall falls far. *Eager* pays in
# precision and in Dice, *generous* in all columns of the border.
#
# And is the order sure? *Steady* and *twin* are the same hand: no table should call one better. Draw the patients anew,
# a thousand times, and rank each time. **Predict**: in which share of the draws does today's winner come first?

# %%
predicted_first = None  # type your number, in per cent

# %%
per_case = []
for drawn in entries.values():
    lesions = [metrics.match_lesions(true, metrics.label_lesions(mask)).counts()
               for true, mask in zip(cases.tumours.astype(int), drawn, strict=True)]  # fmt: skip
    distances = [metrics.surface_distances(true > 0, mask, spacing_mm=size, one_empty_mm=400).mean_mm()
                 for true, mask in zip(cases.tumours, drawn, strict=True)]  # fmt: skip
    dice = [metrics.dice_score(true > 0, mask) for true, mask in zip(cases.tumours, drawn, strict=True)]
    per_case.append(np.column_stack([dice, distances, [each.f1 for each in lesions]]))
stability = metrics.rank_stability(np.array(per_case), higher_is_better=(True, False, True), seed=SEED)
reveal(predicted_first, round(100 * stability.first_share[np.argmin(stability.places)]), unit="per cent of the draws")

# %%
figure, ax = plt.subplots(figsize=(7.4, 3.0))
plot_places(list(entries), stability, ax)
figures.show(
    figure,
    alt="Five teams by place, the winner on top, each with a point for its place and a bar over the places of 95 per "
    "cent of the draws. Bars of neighbours overlap.",
)

# %% [markdown]
# Where bars overlap, the order of those teams may be an accident of the patients; of two of them we *know* that it is. A
# table of means does not show it; report the bars. (Two teams can share the first place of a draw: the shares may add up
# to more than 100%. And other metrics would give another order again: here Dice, ASSD and the F1 of lesions decided.)
#
# **Points instead of ranks.** An older liver contest gave points: 100 for no error, 75 for the error of a trained human,
# and 0 from four times that on; the mean over five measures. **Predict** the points of a VOE of 3.2%, when the
# human's is 6.4%.

# %%
predicted_points = None  # type your number

# %% tags=["nbval-check-output"]
human = metrics.SLIVER07_HUMAN["voe"]
reveal(predicted_points, metrics.miccai_points(0.032, human_error=human), unit="points")
print(f"a human: {metrics.miccai_points(human, human_error=human):.0f} points, four times a human's error: "
      f"{metrics.miccai_points(4 * human, human_error=human):.0f}")  # fmt: skip

# %% [markdown]
# The lecture's program has 79 points, a trained human without a radiologist's education 75. Such a scale says what a
# table of Dice does not: what people do.

# %% [markdown]
# ## 14 How far do two people differ?
#
# There is no true contour of a living liver. There are readers, and each draws another one. So ask: is the program
# farther from a reader than the readers are from each other? Five made-up readers outline one liver and one tumour.
# Each has a habit (large or small) and a wobble. **Predict** the mean Dice of two readers, for the liver and for the
# tumour.

# %%
predicted_liver_pair = None  # type your number
predicted_tumour_pair = None  # type your number


# %%
def pairwise_dice(masks):
    return np.array([metrics.dice_score(a, b) for a, b in itertools.combinations(masks, 2)])


block = data.MedicalImage(np.full((48, 48, 48), 60, np.float32), np.eye(4))  # a piece of liver, voxels of 1 mm
whole = data.MedicalImage(np.pad(np.ones((46, 46, 46), np.uint8), 1), np.eye(4))
one_tumour = insert_liver_tumours(block, whole, diameters_mm=(30,), seed=SEED)
of_liver = ask_readers(truth, spacing_mm=spacing_mm, seed=SEED, wobble_mm=2.3, habit_mm=1.2, smooth_mm=12)
of_tumour = ask_readers(one_tumour.labels.array.T, spacing_mm=(1, 1, 1), seed=SEED, wobble_mm=0.7, habit_mm=0.35)
pairs = {"liver": pairwise_dice(of_liver.masks), "tumour": pairwise_dice(of_tumour.masks)}
for name, values in pairs.items():
    print(f"{name:7} Dice of two readers {values.mean():.3f} (from {values.min():.3f} to {values.max():.3f})")
reveal(predicted_liver_pair, round(float(pairs["liver"].mean()), 2))
reveal(predicted_tumour_pair, round(float(pairs["tumour"].mean()), 2))

# %%
figure, axes = plt.subplots(1, 2, figsize=(9.2, 4.0))
most = int(of_tumour.truth.sum(axis=(1, 2)).argmax())
for ax, grey_slice, masks, pixel in (
    (axes[0], organ, of_liver.masks[:, middle], pixel_mm),
    (axes[1], of_tumour.truth[most], of_tumour.masks[:, most], (1, 1)),
):
    rows, columns = (slice(max(0, min(at) - 2), max(at) + 3) for at in np.nonzero(masks.any(axis=0)))
    plot_readers(~grey_slice[rows, columns], ax, masks=masks[:, rows, columns], spacing_mm=pixel)
axes[1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
axes[0].set_title("a liver (grey), five readers")
axes[1].set_title("a tumour (grey), five readers")
figures.show(
    figure,
    alt="Left: a liver, grey, and the outlines of five readers, each with a pattern of dashes of its own; they part by a "
    "few millimetres. Right: a tumour of 30 mm with five outlines; they part by less, but the tumour is smaller.",
)

# %% [markdown]
# Reported by the lecture: two people agree with a Dice of 0.94 to 0.95 on the liver in MR, the program reaches 0.95, so
# it is *one of them*. On tumours people reach 0.90 to 0.93, the program 0.65: it is not. Above the readers' agreement,
# a better Dice only means to copy one reader's habits.
#
# For a surgeon volumes count. Two readers outline all our livers; a **Bland–Altman** plot has the difference of the
# two against their mean. **Predict**: is one reader's liver always larger?

# %%
predicted_bias = None  # type "yes" or "no"

# %%
ml = []
for mask in cases.livers:
    both = ask_readers(mask, spacing_mm=size, num_readers=2, seed=SEED, wobble_mm=2.3, habit_mm=1.2, smooth_mm=12)
    ml.append([metrics.volume_ml(each, spacing_mm=size) for each in both.masks])
first, second = np.array(ml).T
agreement = metrics.bland_altman(first, second)
correlation = metrics.intraclass_correlation(np.array(ml))
reveal(predicted_bias, "yes" if (first > second).all() or (first < second).all() else "no")
print(f"bias {agreement.bias:.0f} ml, limits {agreement.limits.low:.0f} to {agreement.limits.high:.0f} ml; "
      f"ICC(2,1) {correlation.icc_2_1:.3f}, ICC(3,1) {correlation.icc_3_1:.3f}")  # fmt: skip

# %%
figure, ax = plt.subplots(figsize=(6.4, 3.2))
ax.plot(agreement.means, agreement.differences, "o")
ax.axhline(agreement.bias, linestyle="-", linewidth=1, color="#707070", label="bias")
for limit, name in ((agreement.limits.low, "limits of 95%"), (agreement.limits.high, None)):
    ax.axhline(limit, linestyle="--", linewidth=1, color="#707070", label=name)
ax.axhline(0, linestyle=":", linewidth=1, color="black", label="no difference")
ax.set(xlabel="mean of the two readers (ml)", ylabel="first − second (ml)")
ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)
figures.show(
    figure,
    alt=f"Bland-Altman plot of liver volumes by two readers: differences lie around {agreement.bias:.0f} ml, nearly all "
    f"between the limits of {agreement.limits.low:.0f} and {agreement.limits.high:.0f} ml.",
)

# %% [markdown]
# Two things part the readers. The *wobble* differs from patient to patient and makes the limits wide; the *habit* shifts
# all differences the same way, and does not go away with more patients. ICC(2,1) counts a habit as error, ICC(3,1)
# forgives it. Which one a paper prints, it should say.

# %% [markdown]
# ## 15 Two scans, one class: RECIST
#
# Last, the oncologist. RECIST 1.1 turns target lesions (up to five, two an organ, at least 10 mm at the start) into one
# number a visit: the **sum of their longest diameters** in axial slices. Then into a class:
#
# | class | rule |
# |---|---|
# | complete response, CR | all are gone |
# | partial response, PR | at least 30% below the *first* visit |
# | progression, PD | at least 20% *and* 5 mm above the *smallest* sum so far, or a new lesion |
# | stable disease, SD | neither |
#
# **Predict** the class of the third visit, when the sums are 100, 60 and 75 mm.

# %%
predicted_class = None  # type "CR", "PR", "SD" or "PD"


# %% tags=["nbval-check-output"]
def response(sums_mm):  # of the last visit; a new lesion would be progression at once
    *before, now = sums_mm
    smallest = min(before)
    if now - smallest >= 5 and now >= 1.2 * smallest:
        return "PD"
    if now == 0:
        return "CR"
    return "PR" if now <= 0.7 * before[0] else "SD"


reveal(predicted_class, response((100, 60, 75)))
print("the second visit:", response((100, 60)), "· 100 → 71:", response((100, 71)), "· 100 → 0:", response((100, 0)))

# %% [markdown]
# 75 mm is 25% below the start, and 25% above the *smallest* sum: the tumour grows again. Whoever compares with the
# first visit alone sees stable disease in a patient who needs another drug.
#
# A diameter is no volume. **Predict**: a ball shrinks by 30% in diameter. How much of its volume is gone?

# %%
predicted_volume = None  # type your number, in per cent

# %% tags=["nbval-check-output"]
reveal(predicted_volume, round(100 * (1 - 0.7**3)), unit="per cent")

# %% [markdown]
# Now two visits of three patients. The phantom draws the same tumours at the same places, at another size: 60%, 71% and
# 85% of their diameter. The true class is PR, SD (by a hair) and SD.


# %%
def longest_mm(mask, pixel):  # in one axial slice, with the width of a pixel
    spans = (pdist(np.argwhere(plane) * pixel).max(initial=0) for plane in mask if plane.any())
    return max(spans, default=-min(pixel)) + min(pixel)


# %%
fine = make_liver_ct(1, seed=SEED + 2, size=192, max_tumours=0)
pixel = fine.spacing_mm[1:]
affine = np.diag([*fine.spacing_mm[::-1], 1])
ct = data.MedicalImage(fine.images[0, 0].T.copy(), affine)
liver = data.MedicalImage(fine.livers[0].T.astype(np.uint8), affine)
visits = {times: insert_liver_tumours(ct, liver, diameters_mm=(34, 26), seed=SEED, times=times).labels.array.T
          for times in (1.0, 0.6, 0.71, 0.85)}  # fmt: skip
sums = {times: sum(longest_mm(labels == k, pixel) for k in (1, 2)) for times, labels in visits.items()}
for times in (0.6, 0.71, 0.85):
    print(
        f"{sums[1.0]:.0f} → {sums[times]:.0f} mm ({sums[times] / sums[1.0] - 1:+.0%}): {response((sums[1.0], sums[times]))}"
    )

# %% [markdown]
# The lecture quotes a study in which 100 radiologists read three such cases. We ask 40 made-up readers to outline every
# tumour at every visit, measure the longest diameter of *their* outline, and give a class. **Predict** for the second
# patient: which share of the readers says PR?

# %%
predicted_share = None  # type your number, in per cent


# %%
def read_sums(labels, visit):  # one sum for each reader
    total = np.zeros(40)
    for k in (1, 2):
        (box,) = ndimage.find_objects((labels == k).astype(int))
        crop = np.pad(labels[box] == k, 4)
        readers = ask_readers(crop, spacing_mm=tuple(fine.spacing_mm), num_readers=40, seed=SEED + 10 * k + visit,
                              wobble_mm=0.7, habit_mm=0.35)  # fmt: skip
        total += [longest_mm(mask, pixel) for mask in readers.masks]
    return total


read = {times: read_sums(labels, visit) for visit, (times, labels) in enumerate(visits.items())}
classes = {times: [response(pair) for pair in zip(read[1.0], read[times], strict=True)] for times in (0.6, 0.71, 0.85)}
reveal(predicted_share, round(100 * classes[0.71].count("PR") / 40), unit="per cent of the readers")

# %%
figure, ax = plt.subplots(figsize=(7, 2.7))
looks = {"PR": ("#0072B2", ""), "SD": ("#BBBBBB", ""), "PD": ("#D55E00", "//")}
for row, given in enumerate(classes.values()):
    left = 0.0
    for name, (colour, hatch) in looks.items():
        share = 100 * given.count(name) / len(given)
        ax.barh(row, share, left=left, color=colour, hatch=hatch, edgecolor="white", label=name if row == 0 else None)
        left += share
ax.set_yticks(range(3), [f"patient {row}: {100 * times - 100:+.0f}%" for row, times in enumerate(classes, start=1)])
ax.set(xlabel="share of the readers (%)", ylim=(2.5, -0.5))
ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
figures.show(
    figure,
    alt="A bar for each of three patients, split by the class that 40 readers gave. In the first all say partial "
    "response, in the third all say stable disease, in the second, near the limit, both answers are given.",
)

# %% [markdown]
# Far from the limit, readers agree though none of their contours do. Near it, a wobble of less than a millimetre decides
# about a drug. A contour is *good enough* if the decision that hangs on it does not change: that is the last measure,
# and the one that is asked for.

# %% [markdown]
# ## 16 Explorer
#
# Spoil a contour yourself. Find settings in which (1) Dice is above 0.98 and HD above 20 mm; (2) the volume is right and
# Dice below 0.8; (3) both HD95 differ by more than 10 mm. Then make the organ small, and leave the error as it is.

# %%
segmentation_error_explorer()

# %% [markdown]
# <details>
# <summary>What there was to find</summary>
#
# With no shift, one island beside the organ of 40 mm does both (1) and (3): Dice 0.996, HD 22 mm, and HD95 of 0 mm
# pooled, 20 mm in the worse direction. A shift of 8 mm does (2): the volume is the same, Dice 0.75. And a shift of 2 mm
# costs an organ of 12 mm 0.21 of its Dice, one of 40 mm 0.06; HD is 2 mm for both.
# </details>

# %% [markdown]
# ## What we learned
#
# **The objectives, answered.**
#
# 1. *Errors and measures.* Dice sees what is large and is blind to where; HD sees one voxel far away; RVD tells large
#    from small and nothing of place; only a distance is fair to small things.
# 2. *What a number leaves open.* Spacing in the order of the axes; both directions; HD95 of the worse direction or of
#    the heap (5.5 or 0.5 mm on one pair of masks); a rule for empty cases; per case or global.
# 3. *Lesions.* A piece by edges or corners; found at an overlap; a second hit finds nothing. A perfect mask may have
#    wrong counts. FROC with intervals over patients.
# 4. *Challenges.* Task, metrics and truth are fixed by the organiser: fair. The order is a matter of the rule and of
#    the patients drawn: not sure. Report places with their bars.
# 5. *People and decisions.* The agreement of readers is the yardstick; a habit is a bias. RECIST compares with the first
#    visit for response and with the smallest sum for progression.
#
# **Pitfalls.** Accuracy of voxels · RVD alone · voxels called millimetres · one direction · HD95 without its convention
# · an epsilon as a rule for empty masks · the pot that hides a missed patient · Dice compared across sizes · Dice for
# counts · double hits · distances of the found lesions only · the largest piece as a free lunch · a winner without bars
# · progression measured from the first visit.
#
# **Without looking back**, one sentence each: Which measure sees a leak? Why is the Dice of tumours lower? What does the
# diagonal of an image have to do with a missed case?
#
# Last, what is *reported* elsewhere and what was *measured* here. Theirs are patients, ours phantoms: the numbers
# cannot be compared, only the questions.

# %% [markdown]
# | | reported | by whom, on what |
# |---|---|---|
# | liver, CT | 79 points; a trained human 75 | Chlebus, Meine (lecture), 40 test cases, scale of Heimann 2009 |
# | liver tumours, CT | Dice 0.58 per case, 0.69 per tumour; people 0.70 and 0.72 | the same, 30 test cases |
# | liver, MR | Dice 0.95; people 0.94–0.95 | the same, 28 test cases |
# | liver tumours, MR | Dice 0.65; people 0.90–0.93 | the same, 20 test cases; Budjan 2016 |
# | LiTS 2017 | the three rows of part 13 | the lecture's slide, 28 teams |
# | parotid gland, CT | box plots over six set-ups and over training cases, 40 test cases | Hänsch 2018 (lecture of Hahn) |
# | RECIST classes | 100 radiologists, three cases: classes differ | Bellomi 2017 (lecture) |

# %%
nine, window = judged["all patients"].mean(axis=0), judged["baseline"].mean(axis=0)
print(
    f"phantom livers here: Dice {nine[0]:.2f}, ASSD {nine[1]:.1f} mm (a window of HU: {window[0]:.2f}, {window[1]:.0f} mm)"
)
print(f"two phantom readers here: liver {pairs['liver'].mean():.2f}, tumour {pairs['tumour'].mean():.2f}")
print(f"phantom tumours found here at one false alarm a patient: {curve.sensitivity_at(1.0):.0%}")
print(f"the winner of our contest comes first in {stability.first_share.max():.0%} of the draws")

# %% [markdown]
# **References.** T. Heimann et al., *Comparison and evaluation of methods for liver segmentation from CT datasets*, IEEE
# TMI 28, 2009 · P. Bilic et al., *The liver tumor segmentation benchmark (LiTS)*, Medical Image Analysis 84, 2023 ·
# L. Maier-Hein, A. Reinke et al., *Metrics reloaded*, Nature Methods 21, 2024 · A. Reinke et al., *Understanding
# metric-related pitfalls in image analysis validation*, Nature Methods 21, 2024 · M. Wiesenfarth et al., *Methods and
# open-source toolkit for analyzing and visualizing challenge results*, Scientific Reports 11, 2021 · J. Caicedo et al.,
# *Nucleus segmentation across imaging experiments*, Nature Methods 16, 2019 · B. Ehteshami Bejnordi et al.
# (CAMELYON16), JAMA 318, 2017 · E. Eisenhauer et al., *New response evaluation criteria in solid tumours (RECIST 1.1)*,
# European Journal of Cancer 45, 2009 · M. Bellomi et al., 2017, on RECIST 1.1 between observers (quoted by the
# lecture) · A. Hänsch et al., *Comparison of different deep learning approaches for parotid gland segmentation from CT
# images*, SPIE 10575, 2018 · G. Chlebus, H. Meine, *Deep learning algorithms for liver and tumor segmentation*, and
# H. Hahn, *Why deep learning will not replace radiologists* (lecture slides) · R. Licandro, *Deep learning in medical
# imaging* (lecture slides: challenges).
#
# **Now the exercises**, `exercises/10_segmentation_metrics.ipynb`: Dice with its empty case, distances in millimetres,
# both HD95, lesions counted, FROC without double hits, and RECIST.
