# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: Where is every cell?
#     level: intermediate
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["03_convolution", "04_lenet", "10_segmentation_metrics"]
#     facts: [L05]
# ---

# %% [markdown]
# # 16 · Where is every cell?
#
# **Level** intermediate · **your time** about 100 minutes, with a good place to pause after part 5 · **the machine's
# time** about 1 minute on two CPU cores, less on a GPU · **download** nothing · **needs** convolution, transposed
# convolution and output sizes (lesson 03), the training loop (lesson 04), overlap and instance measures (lesson 10)
#
# *For teaching, not for clinical use.*

# %% [markdown]
# ## The question
#
# A pathologist wants to know which share of the nuclei of a tumour is dividing. A drug laboratory wants to know how
# many cells of a dish survived the night. Both questions begin with the same humble one: *where is every cell, and
# where does it end?* A dish has a hundred thousand of them, and they touch.
#
# A net that paints "cell" and "not cell" can be right in nearly every pixel and still give a useless answer: if the
# thin dark line between two nuclei is painted over, two cells become one. A line one pixel wide is a thousandth of the
# image. Whoever asks for pixels gets pixels; who wants cells has to ask for cells.
#
# In 2015 three people in Freiburg had thirty images of nerve tissue to learn from, not thirty thousand, and painted its
# membranes better than the best net before. With 35 and 20 images, not even fully labelled, the same net won the year's
# contest for two kinds of living cells by a wide margin. It is drawn as a **U**, and it is still the first thing to try
# on a new segmentation problem. This lesson builds it exactly as published, with the three tricks that came with it:
#
# ```text
#  1  a loss that cares for the border between touching cells    (parts 6 and 8)
#  2  images bent as tissue bends                                (part 7)
#  3  tiles that overlap, so that no image is too large          (part 11)
# ```
#
# After this lesson you can
#
# 1. follow an image of 572 pixels through the published U-Net, map by map, and say which image sizes fit;
# 2. build the net from its parts, crop the skip at the right place, and prove that your net is the library's;
# 3. compute the border weight map from its formula, and say what it costs and what it buys, over several seeds;
# 4. bend an image and its labels by one field, and tell what goes wrong with two;
# 5. segment an image of any size in tiles with constant memory, equal to the whole, and name what still fails.

# %% [markdown]
# ## Set-up
#
# The libraries, and the rooms of the course that this lesson visits. New today: `data.elastic`, `losses`, `models.unet`
# and `models.tiles`.

# %% tags=["setup"]
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import clear_output
from scipy import ndimage
from torch import nn
from torch.nn import functional as F

from course_lib import data, figures, metrics
from course_lib.classroom import reveal, where_am_i
from course_lib.data.elastic import deform_image, deform_labels, elastic_field, smallest_stretch
from course_lib.data.phantoms.touching_cells import contact_masks, make_touching_cells
from course_lib.figures.cells import plot_bent_grid, plot_cells, plot_precision_by_overlap, plot_weights
from course_lib.losses import border_weight_map, weighted_cross_entropy
from course_lib.models.tiles import UFigure, mirror_pad, overlap_tile
from course_lib.models.unet import U_NET, PaddedUNet, UNet
from course_lib.summary import summarize
from course_lib.training import fit
from course_lib.training.forward_cost import measure_forward
from course_lib.widgets.unet_shapes import draw_u, u_shapes, unet_shapes_explorer

figures.use_course_style()

# %% [markdown]
# What you may change; everything below follows. `CELLS = "real"` takes real nuclei, if you have a copy of them.

# %% tags=["parameters"]
FAST = True  # False, for a GPU: twice as many images, a net four times as wide, four times as many epochs
SEED = 0  # of the images, the deformations, the first weights and the order of the tiles
EPOCHS = None  # of 25 steps each; a number here overrules FAST
BATCH_SIZE = 4  # tiles a step
LEARNING_RATE = 0.003  # of Adam
CELLS = "phantom"  # "real" reads 40 images of the Data Science Bowl 2018
CHECKPOINT_DIR = None  # a folder that outlives this session, such as one on your Drive

# %% [markdown]
# Where does this notebook run?

# %%
where_am_i(minutes_cpu=1, minutes_gpu=1)

# %% [markdown]
# ## Warm-up
#
# Three questions on what came before. Answer each on paper, then open it.
#
# **From lesson 03.** A transposed convolution with a kernel of 2 × 2 and a stride of 2 reads a map of 28 × 28. How
# large is what it makes?
#
# <details>
# <summary>Answer</summary>
#
# 56 × 56: (28 − 1) · 2 + 2. Kernel and stride are equal, so the stamps lie side by side and nothing overlaps.
# </details>
#
# **From lesson 10.** A net paints 100 true pixels of a cell and 25 pixels beside it, and misses none. Which Dice?
#
# <details>
# <summary>Answer</summary>
#
# 2 · 100 / (100 + 125) = 0.89. And its overlap (IoU) is 100 / 125 = 0.8: the two are not the same number.
# </details>
#
# **From lesson 05.** Why did we not pad when a classifier was to look everywhere?
#
# <details>
# <summary>Answer</summary>
#
# Zeros at the edge of a tile are not what lies there. Without padding each answer rests on real pixels, and tiles agree
# with the whole. The U-Net of 2015 took the same decision.
# </details>

# %% [markdown]
# ## The data: nuclei that touch
#
# | | phantom (used here) | real |
# |---|---|---|
# | what | fluorescent nuclei, drawn by `course_lib.data.phantoms.touching_cells` | 40 fluorescence images, chosen from the Data Science Bowl 2018 |
# | size | 128 × 128 pixels | cut into pieces of 128 × 128 |
# | truth | known, since we drew it | outlines by experts: one mask a nucleus |
# | licence | the course's own | CC0 1.0 (Caicedo et al. 2019) |
# | how to get it | nothing to do | a copy in the folder that `COURSE_DATA_DIR` names, and `CELLS = "real"` above |
#
# **These are phantoms.** They are tuned to one number that was counted in 50 images of the contest, these 40 and 10 of
# stained tissue: 0.21 touching pairs a nucleus. They lack nuclei on top of each other, dividing ones, and layers out of
# focus. Part 12 says what the real ones gave.
#
# The split is by **image**: pieces of one real image show the same dish under the same light, so all of them go to one
# side.


# %%
class Cells(NamedTuple):
    images: np.ndarray  # (N, 128, 128), 0 … 1
    labels: np.ndarray  # (N, 128, 128): 0 outside, another number for each nucleus
    owners: np.ndarray  # (N,): the image from which each was cut


def phantom_cells():
    made = make_touching_cells(48 if FAST else 96, seed=SEED)
    return Cells(made.images[:, 0], made.labels, np.arange(len(made.images)))


# %%
def real_cells():
    found = data.read_nuclei(data.fetch("dsb2018_nuclei/stage1_train_subset.zip"))
    dark = [each for each in found if np.median(each.image) < 80]  # fluorescence has a dark ground, stained tissue not
    pieces = []
    for owner, each in enumerate(dark):
        rows, columns = (range(0, size - 127, 128) for size in each.labels.shape)
        for part in [np.s_[row : row + 128, column : column + 128] for row in rows for column in columns]:
            numbers = np.unique(each.labels[part], return_inverse=True)[1].reshape(128, 128)
            pieces.append((each.image[part].mean(axis=2, dtype=np.float32) / 255, numbers, owner))
    images, labels, owners = zip(*[piece for piece in pieces if piece[1].max() > 1], strict=True)
    return Cells(np.stack(images), np.stack(labels).astype(np.int32), np.array(owners))


# %% tags=["nbval-check-output"]
cells = real_cells() if CELLS == "real" else phantom_cells()
split = data.subject_split(cells.owners, val_fraction=0.1, test_fraction=0.5, seed=SEED)
data.assert_no_overlap(split, subjects=cells.owners)
for name in ("train", "val", "test"):
    chosen = getattr(split, name)
    nuclei = sum(int(cells.labels[case].max()) for case in chosen)
    touching = sum(len(data.touching_pairs(cells.labels[case])) for case in chosen)
    print(f"{name:6}{len(chosen):3} images, {nuclei:4} nuclei, {touching:3} pairs touch")

# %% [markdown]
# Half of the images are kept for the test, more than is usual: the question is whether one loss is better than another,
# and a small test answers with a wide interval.

# %%
figure, axes = plt.subplots(2, 3, figsize=(6.4, 4.5))
for case, (above, below) in zip(split.train[:3], axes.T, strict=True):
    plot_cells(cells.images[case], above, title=f"image {case}")
    nuclei, pairs = cells.labels[case].max(), len(data.touching_pairs(cells.labels[case]))
    plot_cells(cells.images[case], below, labels=cells.labels[case], title=f"{nuclei} nuclei, {pairs} pairs touch")
figures.show(
    figure,
    alt="Three fluorescence images of 128 by 128 pixels with bright round nuclei on a dark ground, below each the same "
    "image with a blue outline around every nucleus; several nuclei share a piece of outline.",
)

# %% [markdown]
# **Look before you model.** Cover the lower row and count the nuclei of one image. At which pairs did you hesitate?
# What did you use: the dark gap, the waist of the shape, the size? Keep the answer; the baseline in part 2 will use one
# of these, and the net another.

# %% [markdown]
# ## 1 Try first: right in every pixel
#
# Suppose that a net is *perfect*: it paints each pixel of a nucleus as "nucleus", and no other. To count, we give every
# connected piece of paint a number. Then we ask for each true nucleus: is there a piece with which it shares at least
# half of what either covers (IoU ≥ 0.5)? Pairs are **TP**, nuclei without partner **FN**, pieces without partner
# **FP**, and the score is TP / (TP + FP + FN), as in the Data Science Bowl. It is called *average precision* there,
# though it is a ratio of counts.
#
# Four neighbours make a connection: above, below, left, right. **Predict** the score of the perfect mask, averaged over
# the test images. (How many pairs touch there is printed above.)

# %%
predicted_perfect = None  # type your number, 0 to 1


# %% tags=["nbval-check-output"]
def precision(found, cases):  # (images, 10): one column for each overlap 0.50, 0.55, … 0.95
    pairs = zip(cells.labels[cases], found, strict=True)
    return np.array([metrics.instance_average_precision(true, pred) for true, pred in pairs])


masks = cells.labels[split.test] > 0
perfect = precision([metrics.label_lesions(mask) for mask in masks], split.test)
print(f"Dice of the perfect mask: {np.mean([metrics.dice_score(mask, mask) for mask in masks]):.2f}")
reveal(predicted_perfect, round(perfect[:, 0].mean(), 2), unit="at IoU ≥ 0.5, for a mask without a single error")

# %% [markdown]
# A Dice of 1, and of all nuclei and pieces together three in ten have no partner. No training, no better net and no more
# data can cure that: *the target itself has lost the answer*. Two classes, cell and background, cannot say where one
# cell ends if no background lies between.
#
# The cure is older than deep learning: **open a gap in the target**. A pixel that has a pixel of another nucleus among
# its eight neighbours is called background. The net is then asked to paint a dark line of two pixels between any two
# nuclei that touch. **Predict** the score of a net that learns this target perfectly.

# %%
predicted_opened = None  # type your number, 0 to 1

# %% tags=["nbval-check-output"]
opened = np.where(contact_masks(cells.labels), 0, cells.labels)  # the labels with gaps between them
cut = precision([metrics.label_lesions(mask > 0) for mask in opened[split.test]], split.test)
reveal(predicted_opened, round(cut[:, 0].mean(), 2), unit="at IoU ≥ 0.5")
share = (contact_masks(cells.labels)[split.test]).mean()
print(f"averaged over all ten overlaps: {cut.mean():.2f}; the gap has {100 * share:.2f}% of the pixels")

# %% [markdown]
# Everything now hangs on these pixels, and they are one in three hundred. A net that never paints a gap is right in
# 99.6% of the image. *That* is the problem of this lesson, and a loss that averages over pixels hardly sees it.

# %% [markdown]
# ## 2 Baselines first
#
# Two methods that need no training. **Otsu's threshold** (1979) looks for the grey value that parts the pixels into two
# groups, as far apart as possible: share below × share above × squared distance of the two means. A light smoothing
# comes before it.


# %%
def otsu_mask(image):
    smooth = ndimage.gaussian_filter(image, 1)
    counts, edges = np.histogram(smooth, bins=128)
    middles = (edges[1:] + edges[:-1]) / 2
    below, sums = np.cumsum(counts)[:-1], np.cumsum(counts * middles)[:-1]
    above = counts.sum() - below
    apart = sums / below - ((counts * middles).sum() - sums) / above
    return smooth > middles[np.argmax(below * above * apart**2)]


case = split.test[2]
print(f"image {case}: {otsu_mask(cells.images[case]).mean():.0%} is bright, {masks[2].mean():.0%} is nucleus")

# %% [markdown]
# The second baseline goes on to cut at the **waist**, as a person does who sees only the outline. Measure for each
# pixel of the mask how far it is from the outside; the peaks of these distances are the middles of nuclei; each pixel
# goes to the nearest peak. It is a simple form of the *watershed*: two lakes in two basins meet at the ridge.


# %%
def split_at_waists(mask):
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 1.5)  # pixels from the outside
    peaks = (ndimage.maximum_filter(depth, size=11) == depth) & mask
    numbers, _ = ndimage.label(peaks, structure=np.ones((3, 3)))
    rows, columns = ndimage.distance_transform_edt(numbers == 0, return_distances=False, return_indices=True)
    return np.where(mask, numbers[rows, columns], 0)


bright = [otsu_mask(image) for image in cells.images[split.test]]
baselines = {
    "threshold, connected pieces": precision([metrics.label_lesions(mask) for mask in bright], split.test),
    "threshold, cut at waists": precision([split_at_waists(mask) for mask in bright], split.test),
}

# %% [markdown]
# **Predict**: does cutting at the waists help, and by how much at IoU ≥ 0.5?

# %%
predicted_waists = None  # type the difference, such as 0.1

# %%
for name, table in baselines.items():
    each = metrics.bootstrap_mean(table[:, 0], seed=SEED)
    print(f"{name:29}{each.value:.2f}  [{each.interval.low:.2f}, {each.interval.high:.2f}] at IoU ≥ 0.5", end="")
    print(f"   {table.mean():.2f} over all overlaps")
by_pieces, by_waists = (table[:, 0].mean() for table in baselines.values())
reveal(predicted_waists, round(by_waists - by_pieces, 2))

# %%
figure, axes = plt.subplots(1, 3, figsize=(6.6, 2.5))
mask = bright[2]
plot_cells(cells.images[case], axes[0], labels=cells.labels[case], title="the truth")
plot_cells(cells.images[case], axes[1], labels=metrics.label_lesions(mask), colour="#E69F00", title="connected pieces")
plot_cells(cells.images[case], axes[2], labels=split_at_waists(mask), colour="#E69F00", title="cut at waists")
figures.show(
    figure,
    alt="One test image three times: the true outlines in blue, the outlines of the thresholded pieces, in which "
    "neighbours are merged, and the pieces cut at their waists, in orange.",
)

# %% [markdown]
# The intervals come from drawing the test images again (lesson 09). Remember the second number: a method of ten lines,
# without a single label, and any net has to beat it. It knows one thing only, that nuclei are round; where the light is
# uneven it fails before it begins.

# %% [markdown]
# ## 3 Down the U and up again
#
# What must a net know to say of a pixel "this is a gap"? *What* lies around it, over a wide field: two nuclei, and this
# pixel between. And *where* the edge is, to the pixel. LeNet and VGG know the what, and lose the where with every pool.
# The U-Net pools, too, on its way down (the **contracting path**); then it goes up again (the **expanding path**),
# doubling the map at every step, and at each level it is handed the map of the same level from the way down, before
# that was pooled. These bridges are the **skips**.
#
# Each level on both sides has two 3 × 3 convolutions with ReLU, **without padding**. Down: a pool of 2 × 2, and the
# channels double. Up: an up-convolution of 2 × 2 that halves them. One axis, by hand: an image of 572 pixels.
# **Predict** the three sizes of the first level, what the pool makes of the last, and the size at the very bottom,
# after four pools and ten convolutions.

# %%
predicted_level_1 = None  # type three numbers: (image, after one convolution, after two)
predicted_bottom = None  # type your number

# %% tags=["nbval-check-output"]
shapes = u_shapes(572)
reveal(predicted_level_1, shapes.down[0], unit=f"and {shapes.down[1][0]} after the pool")
reveal(predicted_bottom, shapes.down[-1][-1])
print("down:", "   ".join(" → ".join(map(str, level)) for level in shapes.down))

# %% [markdown]
# Two pixels are lost at each convolution, but a pixel at the bottom is 16 pixels of the image: there, each convolution
# costs 32. Now up. 28 becomes 56, two convolutions make 52 of it, and so on. **Predict** how many pixels of the 572 get
# a score, and to which size the uppermost skip, 568 pixels wide, has to be cropped.

# %%
predicted_output = None  # type your number
predicted_crop = None  # type your number

# %% tags=["nbval-check-output"]
print("up:  ", "   ".join(" → ".join(map(str, level)) for level in shapes.up))
reveal(predicted_output, shapes.output_size, unit=f"pixels, {572 - shapes.output_size} fewer than went in")
reveal(predicted_crop, shapes.crops[-1][1], unit=f"of {shapes.crops[-1][0]}")

# %% [markdown]
# **572 → 388**: the two numbers that everybody remembers. The frame of 92 pixels on each side is not waste. The net
# reads it, so that every one of the 388 × 388 scores rests on real pixels. Here is the whole U, each map as long as it
# is wide:

# %%
figures.show(
    draw_u(),
    alt="The U of the paper as bars: on the left 572 to 568, pooled to 284, 140, 68 and 32 pixels, at the bottom 28, on "
    "the right up again by 56, 104, 200 and 392 to 388; between them grey arrows, cropped from 64 to 56, 136 to 104, "
    "280 to 200 and 568 to 392.",
)

# %% [markdown]
# Which other sizes fit? Every map that is pooled must be even. **Predict** the next larger image after 572, and what
# the net says to 512, the size of the images that the authors had.

# %%
predicted_next = None  # type your number

# %% tags=["nbval-check-output"]
fitting = []
for size in range(560, 640):
    try:
        fitting.append((size, U_NET.output_size(size)))
    except ValueError:
        continue
reveal(predicted_next, fitting[1][0], unit=f"pixels, which give {fitting[1][1]}; all that fit: {fitting}")
try:
    U_NET.output_size(512)
except ValueError as error:
    print(error)

# %% [markdown]
# Steps of 16, since four pools halve four times. 512 does not fit! The authors knew: they continued their images at the
# edges by *mirroring*, and cut them into tiles that do fit (part 11).
#
# ## 4 The net from its parts
#
# Part one is the pair of convolutions. Part two is the crop: the middle of the skip, because that is the tissue that
# lies over the smaller map.


# %%
def two_convolutions(reads, makes):  # (B, reads, n, n) → (B, makes, n − 4, n − 4)
    first, second = nn.Conv2d(reads, makes, kernel_size=3), nn.Conv2d(makes, makes, kernel_size=3)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU())


def crop_to(maps, size):  # the middle, as large as the map that comes from below
    top, left = ((have - want) // 2 for have, want in zip(maps.shape[2:], size, strict=True))
    return maps[:, :, top : top + size[0], left : left + size[1]]


# %% [markdown]
# **The contracting path** keeps what each level made before it is pooled. At its end stands a dropout, as in the paper:
# with thirty images, the coarse maps would soon know them by heart.


# %%
class Contracting(nn.Module):
    def __init__(self, channels, dropout=0.5):
        super().__init__()
        self.levels = nn.ModuleList(two_convolutions(reads, makes) for reads, makes in pairwise((1, *channels)))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        maps = []  # from the image to the bottom
        for level in self.levels:
            x = level(F.max_pool2d(x, 2) if maps else x)
            maps.append(x)
        return [*maps[:-1], self.dropout(maps[-1])]


# %% [markdown]
# **The expanding path** begins at the bottom. At each level: up-convolution, crop the skip, put both *beside* each
# other along the axis of channels, two convolutions. They are not added: the net should be able to tell the coarse
# knowledge from the fine one. A 1 × 1 convolution at the top turns 64 channels into a score for each class.


# %%
class Expanding(nn.Module):
    def __init__(self, channels, num_classes=2):
        super().__init__()
        steps = list(pairwise(channels[::-1]))  # (1024, 512), (512, 256), …
        self.up_convolutions = nn.ModuleList(nn.ConvTranspose2d(a, b, kernel_size=2, stride=2) for a, b in steps)
        self.levels = nn.ModuleList(two_convolutions(2 * b, b) for _, b in steps)
        self.head = nn.Conv2d(channels[0], num_classes, kernel_size=1)

    def forward(self, *across, x):
        for up_convolution, level, skip in zip(self.up_convolutions, self.levels, across[::-1], strict=True):
            x = up_convolution(x)
            x = level(torch.cat([crop_to(skip, x.shape[2:]), x], dim=1))
        return self.head(x)


# %%
class OurUNet(nn.Module):
    def __init__(self, channels=(64, 128, 256, 512, 1024), dropout=0.5):
        super().__init__()
        self.contracting, self.expanding = Contracting(channels, dropout), Expanding(channels)
        for layer in self.modules():  # section 3 of the paper: √(2 / N), N the numbers that one output adds up
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                added = layer.in_channels * (layer.kernel_size[0] ** 2 if isinstance(layer, nn.Conv2d) else 1)
                nn.init.normal_(layer.weight, std=(2 / added) ** 0.5)
                nn.init.zeros_(layer.bias)

    def forward(self, x):
        *across, x = self.contracting(x)
        return self.expanding(*across, x=x)


# %% [markdown]
# Now hold it against figure 1 of the paper, row by row. The figure as data: channels and size of each map. (A net on
# the device `meta` knows its sizes and holds no numbers; 31 million parameters cost nothing.) **Predict** how many
# parameters the net has, in millions, and how many layers with weights.

# %%
predicted_parameters = None  # type your number, in millions
predicted_layers = None  # type your number

# %% tags=["nbval-check-output"]
figure_1 = [(64, 570), (64, 568), (128, 282), (128, 280), (256, 138), (256, 136), (512, 66), (512, 64), (1024, 30),
            (1024, 28), (512, 56), (512, 54), (512, 52), (256, 104), (256, 102), (256, 100), (128, 200), (128, 198),
            (128, 196), (64, 392), (64, 390), (64, 388), (2, 388)]  # fmt: skip
with torch.device("meta"):
    published = summarize(OurUNet(), torch.zeros(1, 1, 572, 572))
layers = [row for row in published.rows if row.type in ("Conv2d", "ConvTranspose2d")]
for row, (channels, size) in zip(layers, figure_1, strict=True):
    same = "as in figure 1" if row.output_shape[1:] == (channels, size, size) else "NOT as in figure 1"
    print(f"{row.type:16}{channels:5} × {f'{size} × {size}':11}{row.parameters:>12,} parameters   {same}")

# %% tags=["nbval-check-output"]
reveal(predicted_parameters, round(published.parameters / 1e6, 1), unit=f"million: {published.parameters:,}")
reveal(predicted_layers, len(layers), unit="convolutions; the paper says 23 as well")
joined = [row.parameters for row in layers][11:22:3]
print(f"the four layers that read a concatenation hold {sum(joined) / 1e6:.1f} million of them")

# %% [markdown]
# The heaviest layers are those at the bottom and the first one after each concatenation, which reads twice the channels
# that it makes. Had we *added* skip and map from below, it would read half. **Predict** the channels that the first
# convolution after the uppermost concatenation reads, here and with a sum.

# %%
predicted_joined = None  # type two numbers: (concatenated, added)

# %% tags=["nbval-check-output"]
skip, from_below = torch.zeros(1, 64, 568, 568), torch.zeros(1, 64, 392, 392)
cropped = crop_to(skip, (392, 392))
reveal(predicted_joined, (torch.cat([cropped, from_below], dim=1).shape[1], (cropped + from_below).shape[1]))

# %% [markdown]
# Is ours the library's? `models/unet.py` was written from the same paper, before this lesson. Copy our weights into it, in their
# order, and compare the scores of both on noise. Two small nets of three levels will do. (In evaluation mode: the
# library has dropout behind the two lowest levels, as the authors' own program; we have it at the end only.)

# %% tags=["nbval-check-output"]
SMALL = UFigure(down=((8, 8), (16, 16), (32, 32)), up_convolutions=(16, 8), up=((16, 16), (8, 8)))


def into_library(ours, figure):
    theirs = UNet(figure=figure)
    with torch.no_grad():
        for copy, original in zip(theirs.parameters(), ours.parameters(), strict=True):
            copy.copy_(original)
    return theirs.eval()


torch.manual_seed(SEED)
ours, noise = OurUNet((8, 16, 32)).eval(), torch.randn(1, 1, 92, 92)
difference = (ours(noise) - into_library(ours, SMALL)(noise)).abs().max().item()
print(f"{tuple(noise.shape)} → {tuple(ours(noise).shape)}; same scores: {difference < 1e-5}")

# %% [markdown]
# ## 5 The crop, forgotten and misplaced
#
# Go one step by hand with the net of three levels: down to the bottom, and up once.

# %% tags=["nbval-check-output"]
across_1, across_2, bottom = ours.contracting(noise)
raised = ours.expanding.up_convolutions[0](bottom)
print(f"the bottom of an image of 92 × 92 is {bottom.shape[-1]} × {bottom.shape[-1]}")

# %% [markdown]
# What if the crop is forgotten? **This cell is meant to fail. Predict** the two sizes that do not fit: that of the map
# that was raised from the bottom, and that of the skip beside it.

# %%
predicted_mismatch = None  # type two numbers: (raised, skip)

# %% tags=["raises-exception"]
torch.cat([across_2, raised], dim=1)

# %%
reveal(predicted_mismatch, (raised.shape[-1], across_2.shape[-1]))

# %% [markdown]
# That error is a good one: it stops you. The bad one fits. Crop from the upper left corner, and all shapes are right.
# Look at which tissue meets which: we write its own place into each pixel, and see what lies over pixel (0, 0) of the
# map from below. **Predict** the place that the corner crop takes, and the right one, for a skip of 40 and a map of 32.

# %%
predicted_places = None  # type two pairs: ((row, column) of the corner crop, (row, column) of the middle)

# %% tags=["nbval-check-output"]
places = torch.stack(torch.meshgrid(torch.arange(40), torch.arange(40), indexing="ij"))[None]  # (1, 2, 40, 40)
corner, middle = places[:, :, :32, :32], crop_to(places, (32, 32))
reveal(predicted_places, (tuple(corner[0, :, 0, 0].tolist()), tuple(middle[0, :, 0, 0].tolist())))

# %% [markdown]
# Four pixels to the upper left, at a level where a pixel is two of the image: the skip would tell of an edge eight
# pixels away. The net would still learn something, and you would never be told. *Shapes that fit prove nothing.*
#
# **Today** most people pad each convolution with zeros, so that nothing has to be cropped and the scores are as large
# as the image: `PaddedUNet`. The price: sides must be multiples of 16, and pixels near the edge rest on invented zeros.

# %% tags=["nbval-check-output"]
with torch.device("meta"):
    scores = PaddedUNet()(torch.zeros(1, 1, 512, 512))
print(f"padded: 512 → {scores.shape[-1]}; published: the smallest image has {U_NET.smallest_tile.input_size} pixels")
try:
    PaddedUNet(figure=SMALL)(torch.zeros(1, 1, 90, 90))
except ValueError as error:
    print(error)

# %% [markdown]
# *A good place to pause. When you come back, say aloud: 572, 284, 140, 68, 32, 28, and the way up.*

# %% [markdown]
# ## 6 A weight for every pixel
#
# The gaps have one pixel in three hundred, and the answer hangs on them. So let these pixels count more. The paper
# gives each pixel a weight before training, computed from the truth:
#
# $$w(x) = w_c(x) + w_0 \cdot \exp\left(-\frac{(d_1(x) + d_2(x))^2}{2\sigma^2}\right)$$
#
# $d_1$ is the distance to the nearest nucleus, $d_2$ that to the *second* nearest, in pixels; $w_0 = 10$ and
# $\sigma = 5$. The first term balances the two classes. Read the second like a sentence: it is large only where *both*
# nuclei are near, so only between them. A pixel at the free side of a nucleus has a small $d_1$ and a large $d_2$, and
# gets nothing.
#
# By hand: a pixel 2 pixels from one nucleus and 3 from the next. **Predict** the second term. (Mind the brackets: what
# is squared?)

# %%
predicted_weight = None  # type your number

# %% tags=["nbval-check-output"]
right, wrong = 10 * np.exp(-((2 + 3) ** 2) / (2 * 5**2)), 10 * np.exp(-(2**2 + 3**2) / (2 * 5**2))
reveal(predicted_weight, round(right, 2), unit=f"(with the sum of the squares it would be {wrong:.2f})")
for gap in (1, 3, 5, 10, 20):
    print(f"in the middle of a gap {gap:2} px wide: {10 * np.exp(-((gap + 1) ** 2) / 50):5.2f}")

# %% [markdown]
# At ten pixels it is nearly over: between nuclei that lie apart nobody needs help. Now for a whole image. One distance
# map for each nucleus, sorted at each pixel; the two smallest are $d_1$ and $d_2$. The library's version adds the
# border term on the background only (a pixel inside a nucleus has nothing to keep apart) and takes for $w_c$ the number
# that makes both classes weigh the same; the paper leaves both open.


# %%
def border_term(labels, w0=10.0, sigma=5.0):
    numbers = np.unique(labels[labels > 0])
    if len(numbers) < 2:  # nothing to keep apart
        return np.zeros(labels.shape)
    to_each = np.stack([ndimage.distance_transform_edt(labels != number) for number in numbers])  # (nuclei, H, W)
    first, second = np.partition(to_each, 1, axis=0)[:2]
    return w0 * np.exp(-((first + second) ** 2) / (2 * sigma**2)) * (labels == 0)


crowded = split.train[np.argmax([len(data.touching_pairs(cells.labels[case])) for case in split.train])]
by_hand, by_library = border_term(opened[crowded]), border_weight_map(opened[crowded])
balance = border_weight_map(opened[crowded], w0=0)
print("ours and the library's are the same:", np.allclose(balance + by_hand, by_library, atol=1e-4))

# %%
figure, axes = plt.subplots(1, 3, figsize=(7.8, 2.5), width_ratios=[1, 1, 1.12])
plot_cells(cells.images[crowded], axes[0], title="the image")
plot_cells(opened[crowded] > 0, axes[1], title="the target, gaps opened")
plot_weights(by_library, axes[2], title="the weight map")
figures.show(
    figure,
    alt="A crowded training image, its target of white nuclei with thin dark gaps between those that touch, and the "
    "weight map: bright lines of weight about 10 in the gaps, a weak glow between near nuclei, flat elsewhere.",
)

# %% [markdown]
# The map is a drawing of what the net must not overlook. How much does it shift? **Predict**, for this image: which
# share of all pixels lies in an opened gap, and which share of all *weight* do they carry?

# %%
predicted_gap_pixels = None  # type your number, in per cent
predicted_gap_weight = None  # type your number, in per cent

# %% tags=["nbval-check-output"]
in_gap = (cells.labels[crowded] > 0) & (opened[crowded] == 0)
reveal(predicted_gap_pixels, round(100 * in_gap.mean(), 1), unit="per cent of the pixels")
carried = by_library[in_gap].sum() / by_library.sum()
reveal(predicted_gap_weight, round(100 * carried, 1), unit="per cent of the weight")

# %% [markdown]
# One warning, because nothing stops you here: the weight must meet the error of *its own* pixel, before anything is
# averaged. Two pixels with losses 1 and 0 and weights 1 and 9: the heavy pixel is right. **Predict** the weighted mean
# done properly, mean(w · loss), and done too late, mean(w) · mean(loss).

# %%
predicted_losses = None  # type two numbers: (properly, too late)

# %% tags=["nbval-check-output"]
loss, weight = torch.tensor([1.0, 0.0]), torch.tensor([1.0, 9.0])
reveal(predicted_losses, ((weight * loss).mean().item(), (weight.mean() * loss.mean()).item()))
scores = torch.tensor([[[2.0, -1.0]], [[0.0, 3.0]]])[None]  # (1, 2 classes, 1, 2 pixels)
truth, weights = torch.tensor([[[0, 0]]]), torch.tensor([[[1.0, 10.0]]])
by_hand = (weights * -scores.log_softmax(dim=1).gather(1, truth[:, None])[:, 0]).mean()
same = torch.isclose(weighted_cross_entropy(scores, truth, weights), by_hand)
print("the library's loss is the first kind:", same.item())

# %% [markdown]
# (Another cure for rare pixels is a loss made of Dice itself, 1 − 2 Σpg / (Σp + Σg). It has a trap of its own: p are
# *probabilities*. Two pixels with scores 4 and −4, truth 1 and 0. **Predict** the loss if the scores are put in as they
# are, though a loss of this kind lies between 0 and 1.)

# %%
predicted_dice_of_scores = None  # type your number

# %% tags=["nbval-check-output"]
scores, truth = torch.tensor([4.0, -4.0]), torch.tensor([1.0, 0.0])
losses = [1 - 2 * (p * truth).sum() / (p.sum() + truth.sum()) for p in (scores, scores.sigmoid())]
reveal(predicted_dice_of_scores, losses[0].item(), unit=f"and with probabilities {losses[1]:.3f}")

# %% [markdown]
# ## 7 Bend the tissue
#
# Thirty images are few. But tissue is soft: bent a little, it is another image that could have come from the same
# dish, and we know its truth, for it bends along. The paper draws a random arrow at each node of a coarse grid of 3 by
# 3, each component normal with a standard deviation of 10 pixels, and continues them smoothly to each pixel. Every
# pixel of the new image is then *fetched* from where its arrow points.

# %%
field = elastic_field((128, 128), seed=SEED)
bent_image = deform_image(cells.images[crowded], field)
bent_labels = deform_labels(cells.labels[crowded], field)
figure, axes = plt.subplots(1, 3, figsize=(7.8, 2.7))
plot_cells(cells.images[crowded], axes[0], labels=cells.labels[crowded], title="as it came")
plot_bent_grid(field, axes[1], title="where each pixel is fetched")
plot_cells(bent_image, axes[2], labels=bent_labels, title="bent, with its labels")
figures.show(
    figure,
    alt="A training image with outlined nuclei; a square grid of lines bent in smooth waves by up to some twenty "
    "pixels; the bent image, in which the outlines still follow the nuclei.",
)

# %% [markdown]
# *Image and labels by one field*: the outlines still sit on the nuclei. Whoever draws a field for the image and another
# one for the labels trains on a lie. Test any augmentation so: hand it the labels twice, once as image and once as
# labels. **Predict** how many pixels differ with one field; and with two, which share of the nuclei's pixels the net
# would be told to call background.

# %%
predicted_one_field = None  # type your number of pixels
predicted_two_fields = None  # type your number, in per cent of the nuclei's pixels

# %% tags=["nbval-check-output"]
labels, another = cells.labels[crowded], elastic_field((128, 128), seed=SEED + 1)
as_image, as_labels = deform_labels(labels, field), deform_labels(labels, field)
torn = (as_image > 0) & (deform_labels(labels, another) == 0)
reveal(predicted_one_field, int((as_image != as_labels).sum()), unit="pixels")
reveal(predicted_two_fields, round(100 * torn.sum() / (as_image > 0).sum()), unit="per cent")

# %% [markdown]
# Two more traps. Grey values may be mixed between two pixels, labels may not: halfway between nucleus 4 and background
# lies no nucleus 2. And arrows that are too long *fold* the tissue over itself. **Predict** which values a row of
# labels 0, 4 has after it was stretched to four pixels by straight lines.

# %%
predicted_values = None  # type four numbers

# %% tags=["nbval-check-output"]
stretched = F.interpolate(torch.tensor([[[0.0, 4.0]]]), size=4, mode="linear")[0, 0]
reveal(predicted_values, tuple(stretched.int().tolist()), unit="where nobody drew a nucleus 1 or 3")
for std_px in (5, 10, 20, 40):
    smallest = [smallest_stretch(elastic_field((128, 128), seed=seed, std_px=std_px)) for seed in range(40)]
    folded = np.mean(np.array(smallest) < 0)
    print(
        f"arrows of {std_px:2} pixels: {folded:4.0%} of the fields fold; smallest area factor {np.median(smallest):.2f}"
    )

# %% [markdown]
# (The factor is that of the place that shrinks most, in the middle one of forty fields.) A standard deviation of 10 was
# chosen for images of 512 pixels; on our 128 the same arrows bend four times as sharply, and now and then they fold. We
# take 6 from here on: **a number from a paper belongs to the paper's pixels**.

# %% [markdown]
# ## 8 Train, with the map and without
#
# Each training image is used three times, as it came and bent twice. Two targets travel together: the class of each
# pixel (gaps opened) and its weight. "With the map" it is the whole map, both terms; "without" all weights are 1.
# Nothing else differs: the same images, the same first weights, the same tiles in the same order.


# %%
def bend(case, seed):
    field = elastic_field((128, 128), seed=seed, std_px=6)
    return deform_image(cells.images[case], field), deform_labels(cells.labels[case], field)


def with_bent_copies(cases, copies, seed):
    pairs = [(cells.images[case], cells.labels[case]) for case in cases]
    pairs += [bend(case, [seed, copy, int(case)]) for copy in range(copies) for case in cases]
    images, labels = zip(*pairs, strict=True)
    return np.stack(images), np.stack(labels)


images, labels = with_bent_copies(split.train, 2, SEED)
print(f"{len(split.train)} images became {len(images)}")


# %%
def as_input(images):  # each image with mean 0 and deviation 1
    return torch.tensor(np.stack([data.z_score(image) for image in images]))[:, None]


def as_target(labels, border):  # (N, 2, H, W): the class of each pixel, and its weight
    opened = np.where(contact_masks(labels), 0, labels)
    weights = [border_weight_map(each) if border else np.ones(each.shape, np.float32) for each in opened]
    return torch.tensor(np.stack([(opened > 0).astype(np.float32), np.stack(weights)], axis=1))


targets = {border: as_target(labels, border) for border in (False, True)}
print(f"input {tuple(as_input(images).shape)}, target {tuple(targets[True].shape)}")

# %% [markdown]
# The small net has three levels and reads 40 pixels more than it scores, 20 on each side. So an image is mirrored by 20
# pixels all round, as in the paper, and then every pixel of it gets a score. For a step of training we cut random tiles
# of 104 pixels, of which 64 are scored, and turn and mirror each at random: nuclei know no up and down. Anything that
# gives pairs and has a length is a loader for `fit`, which takes a GPU by itself if there is one.

# %%
MARGIN, TILE = 20, 64  # pixels that are read around what is scored; pixels that are scored


class Tiles:
    def __init__(self, images, targets, steps=25):
        self.images, self.targets, self.steps = mirror_pad(images, [MARGIN] * 2, [MARGIN] * 2), targets, steps

    def __len__(self):
        return self.steps

    def __iter__(self):
        for _ in range(self.steps):
            tiles = [random_tile(self.images, self.targets) for _ in range(BATCH_SIZE)]
            yield tuple(torch.stack(each) for each in zip(*tiles, strict=True))


# %%
def random_tile(images, targets):
    room = targets.shape[-1] - TILE + 1
    case, row, column, turns, mirrored = (int(torch.randint(n, ())) for n in (len(images), room, room, 4, 2))
    image = images[case, :, row : row + TILE + 2 * MARGIN, column : column + TILE + 2 * MARGIN]
    target = targets[case, :, row : row + TILE, column : column + TILE]
    return tuple(torch.rot90(each.flip(2) if mirrored else each, turns, (1, 2)) for each in (image, target))


torch.manual_seed(SEED)
inputs, wanted = next(iter(Tiles(as_input(images), targets[True])))
print(f"a step reads {tuple(inputs.shape)} and is told {tuple(wanted.shape)}")


# %%
def border_loss(scores, target):  # the targets come together, so they are taken apart here
    return weighted_cross_entropy(scores, target[:, 0].long(), target[:, 1])


def draw_curve(history):
    figure, ax = plt.subplots(figsize=(6.5, 2.6))
    figures.plot_learning_curves(history, ax)
    ax.set_ylabel("weighted cross entropy")
    clear_output(wait=True)
    last = f"training loss {history.train_loss[-1]:.2f}, validation loss {history.val_loss[-1]:.2f}"
    figures.show(figure, alt=f"Learning curve over {len(history.train_loss)} epochs of 25 steps; at the end {last}.")


# %%
CHANNELS = (8, 16, 32) if FAST else (32, 64, 128)
epochs = EPOCHS or (4 if FAST else 16)
val_batch = mirror_pad(as_input(cells.images[split.val]), [MARGIN] * 2, [MARGIN] * 2)


def train(border, seed, **how):
    torch.manual_seed(seed)
    net = OurUNet(CHANNELS, dropout=0.0)  # so small a net on so many tiles has nothing to forget
    val = [(val_batch, as_target(cells.labels[split.val], border))]
    tiles = Tiles(as_input(images), targets[border])
    fit(net, tiles, val, epochs=epochs, learning_rate=LEARNING_RATE, loss_function=border_loss, seed=seed, **how)
    return net.eval()


# %% [markdown]
# First with the map, with a curve that grows and a checkpoint after each epoch.

# %%
checkpoints = Path(CHECKPOINT_DIR or tempfile.mkdtemp())
net = train(True, SEED, on_epoch_end=draw_curve, checkpoint_dir=checkpoints)

# %% [markdown]
# A hundred steps, some seconds. Is that enough? Look at the end of the curve; `FAST = False` goes on for four times
# as long with a wider net, and part 9 says what came of it. And a loss with weights cannot be compared with one
# without: pixels of the gap count ten times. Only cells can be compared with cells.

# %% [markdown]
# ## 9 Judge by cells
#
# From scores to cells: the larger score wins, connected pieces get numbers, and pieces under 12 pixels are dust. The
# baselines lose their dust, too.


# %%
def without_dust(numbers, least=12):
    return np.where(np.bincount(numbers.ravel())[numbers] >= least, numbers, 0)


def find_cells(net, images):  # (N, 128, 128) → numbered cells
    with torch.no_grad():
        scores = net(mirror_pad(as_input(images), [MARGIN] * 2, [MARGIN] * 2))
    return [without_dust(metrics.label_lesions(mask)) for mask in (scores[:, 1] > scores[:, 0]).numpy()]


found = find_cells(net, cells.images[split.test])
dusted = {
    "threshold, connected pieces": [without_dust(metrics.label_lesions(mask)) for mask in bright],
    "threshold, cut at waists": [without_dust(split_at_waists(mask)) for mask in bright],
}
baselines = {name: precision(numbers, split.test) for name, numbers in dusted.items()}

# %% [markdown]
# Now the same net without the map, and both once more for two other seeds: another start, other tiles. One run proves
# little; three of each begin to. **Predict** for IoU ≥ 0.5: the score without the map and with it, averaged over seeds.
# The baselines, without dust, are printed below.

# %%
predicted_plain = None  # type your number, 0 to 1
predicted_border = None  # type your number, 0 to 1

# %%
seeds = [SEED, SEED + 1, SEED + 2]
nets = {(True, SEED): net}
for key in [(border, seed) for seed in seeds for border in (False, True) if (border, seed) not in nets]:
    nets[key] = train(*key, progress=False)
cells_found = {key: find_cells(each, cells.images[split.test]) for key, each in nets.items()}
results = {key: precision(numbers, split.test) for key, numbers in cells_found.items()}
plain, border = (np.stack([results[kind, seed] for seed in seeds]) for kind in (False, True))  # (3, images, 10)
reveal(predicted_plain, round(plain[..., 0].mean(), 2), unit="without the map")
reveal(predicted_border, round(border[..., 0].mean(), 2), unit="with it")

# %%
rows = {**baselines, "U-Net, all weights 1": plain.mean(axis=0), "U-Net, border weight map": border.mean(axis=0)}
print(f"{'score at':28}IoU ≥ 0.5, interval; all overlaps")
for name, table in rows.items():
    interval = metrics.bootstrap_mean(table[:, 0], seed=SEED).interval
    print(f"{name:28}{table[:, 0].mean():.2f}  [{interval.low:.2f}, {interval.high:.2f}]; {table.mean():.2f}")
for seed, without, with_map in zip(seeds, plain[..., 0], border[..., 0], strict=True):
    print(f"seed {seed}: {without.mean():.2f} without the map, {with_map.mean():.2f} with it")
gain = metrics.bootstrap_mean((border - plain)[..., 0].mean(axis=0), seed=SEED)
print(f"gain, image by image: {gain.value:+.2f}  [{gain.interval.low:+.2f}, {gain.interval.high:+.2f}]")

# %%
figure, ax = plt.subplots(figsize=(6.4, 3.6))
curves = {
    "U-Net, border weight map": border.mean(axis=1),
    "U-Net, all weights 1": plain.mean(axis=1),
    "threshold, cut at waists": rows["threshold, cut at waists"].mean(axis=0),
    "perfect mask, gaps closed": perfect.mean(axis=0),
}
plot_precision_by_overlap(curves, metrics.DSB2018_IOUS, ax)
ax.set_title("bands: from the lowest seed to the highest")
figures.show(
    figure,
    alt="Score against the overlap that a pair needs, 0.5 to 0.95. The net with the weight map lies highest up to 0.85; "
    "the net without it begins lower than the threshold cut at waists and ends above it; the perfect mask with closed "
    "gaps falls from 0.7 to 0.55 and stays there, while all methods fall steeply beyond 0.85.",
)

# %%
as_given = (EPOCHS, BATCH_SIZE, LEARNING_RATE, CELLS) == (None, 4, 0.003, "phantom")
if as_given:
    assert gain.value > 0.03 or not FAST, "the map helps the small net; a wide one, trained for longer, does without"
    assert border.mean() > baselines["threshold, cut at waists"].mean(), "over all overlaps it beats the baseline"


# %%
def mean_dice(numbers):
    return np.mean([metrics.dice_score(true, pred > 0) for true, pred in zip(masks, numbers, strict=True)])


dice = {key: mean_dice(numbers) for key, numbers in cells_found.items()}
print(f"threshold: Dice {mean_dice(dusted['threshold, cut at waists']):.3f}")
for seed in seeds:
    print(f"seed {seed}: Dice {dice[False, seed]:.3f} without the map, {dice[True, seed]:.3f} with it")

# %% [markdown]
# Two lessons lie in these tables. First, *the net without the map loses against ten lines that never saw a label*: its
# mask is better by far, as Dice says, but it joins what touches, and the threshold's pieces were cut at their waists.
# (Cut the net's mask at its waists, too? The next cell does.) Second, Dice hardly notices the map. It moves by one or
# two hundredths, up for one seed and down for another, while the score by cells jumps. Averaged over the three nets it
# even went *down* by 0.001 to 0.013 in each of five runs of this lecture, with `SEED` from 0 to 4. **Whoever chooses a
# loss by Dice throws the map away.** Choose by the measure that the question asks for.

# %%
cut_nets = {key: [split_at_waists(numbers > 0) for numbers in each] for key, each in cells_found.items()}
for kind, name in ((False, "without the map"), (True, "with the map")):
    after = [precision(cut_nets[kind, seed], split.test)[:, 0].mean() for seed in seeds]
    print(f"{name:16} and cut at waists: {np.mean(after):.2f}, seeds from {min(after):.2f} to {max(after):.2f}")

# %% [markdown]
# **That was to be expected, and is easily forgotten**: cut at the waists, the net without the map does as well as the
# one with it, or better. These nuclei are round, and a rule that knows it does for nothing what the map has to teach.
# Where cells are not round (the HeLa cells of the paper, neurons, muscle) such a rule cuts whole cells in two, and the
# border has to be learned. The lesson is not "weight map or not". It is: *write down what you know about your cells,
# and ask first whether ten lines can use it*.
#
# Is the map necessary, and which part of it helps? An honest answer needs more runs than a lecture has time for.
# Measured once with the same net, on five other sets of phantoms (20 images to train, each bent twice with arrows of 10
# pixels, 24 to test, 100 steps, one run each):
#
# | weights | score at IoU ≥ 0.5, mean of five | lowest, highest | Dice |
# |---|---|---|---|
# | all 1 | 0.77 | 0.72, 0.84 | 0.958 |
# | classes balanced, no border term | 0.62 | 0.55, 0.72 | 0.947 |
# | balanced, with the border term | 0.90 | 0.85, 0.97 | 0.951 |
#
# So balancing the classes alone does *harm*: it makes nuclei heavier than background, and the gap is background. The
# border term more than makes up for it. And this lecture itself, run with `SEED` from 0 to 4: the map gained 0.19,
# 0.11, 0.15, 0.09 and 0.08, each time with an interval above zero. But in one of the five (`SEED = 4`) even the net
# with the map, at 0.77, was still below the threshold cut at waists, at 0.78, after its hundred steps.
#
# Small nets, short training. **Does the map help a better net as well?** Guess before you read on. The lecture once
# more with `EPOCHS = 16`, and once with `FAST = False` (48 test images, where the threshold cut at waists
# reaches 0.80), each with `SEED = 0` and three seeds of training:
#
# | net | training images | steps | all weights 1 | border map | gain and its interval |
# |---|---|---|---|---|---|
# | 8, 16, 32 channels | 19 | 100 | 0.69 | 0.88 | +0.19 [+0.14, +0.25] |
# | the same | 19 | 400 | 0.86 | 0.97 | +0.11 [+0.07, +0.15] |
# | 32, 64, 128 channels | 38 | 400 | 0.97 | 0.95 | −0.02 [−0.03, −0.00] |
#
# The wide net finds nearly all gaps by itself: of 2,343 nuclei (781, three seeds) 44 merge without the map and 6 with
# it. But with the map it sees gaps that are not there and invents 88 cells, against 20. The map shows a weak or hasty
# net where to look: *a shortcut, not a law*. (Whether the width or the images did it was not measured.)
#
# Did bending help? With four training images only, 200 steps, without bent copies and with six of each: 0.92 and 0.97,
# 0.90 and 0.88, 0.81 and 0.85, 0.93 and 0.96 for four seeds. Three of four up, by 0.02 in the mean: a hint, no proof.

# %% [markdown]
# ## 10 Look at what fails
#
# Four kinds of failure can be counted. A true nucleus can be **merged** (it lies mostly in a piece that mostly covers
# another nucleus as well), **split** (two or more pieces each hold a fifth of it), **missed** (no piece at all), and a
# piece can be **invented**. **Predict** which kind is the most frequent with the map, and which without.

# %%
predicted_without_map = None  # type "merged", "split", "missed" or "invented"
predicted_with_map = None  # type "merged", "split", "missed" or "invented"


# %%
def count_failures(true, pred):
    pairs = metrics.match_lesions(true, pred)
    inside = pairs.voxels_shared / pairs.voxels_true[pairs.pair_true]  # share of the nucleus in that piece
    covers = np.bincount(pairs.pair_pred[inside > 0.5], minlength=len(pairs.ids_pred))  # nuclei mostly in each piece
    pieces = np.bincount(pairs.pair_true[inside >= 0.2], minlength=len(pairs.ids_true))
    missed = len(pairs.ids_true) - len(np.unique(pairs.pair_true))
    invented = len(pairs.ids_pred) - len(np.unique(pairs.pair_pred))
    return np.array([covers[covers > 1].sum(), (pieces > 1).sum(), missed, invented])


print("merged, split, missed, invented in the first test image:", count_failures(cells.labels[split.test[0]], found[0]))

# %%
kinds = ("merged", "split", "missed", "invented")
failures = {"without the map": np.zeros(4, int), "with the map": np.zeros(4, int)}
for (with_map, _), each in cells_found.items():  # all three seeds
    for true, pred in zip(cells.labels[split.test], each, strict=True):
        failures["with the map" if with_map else "without the map"] += count_failures(true, pred)
for name, counts in failures.items():
    print(f"{name:16}", ", ".join(f"{n} {kind}" for kind, n in zip(kinds, counts, strict=True)))
total = sum(int(cells.labels[case].max()) for case in split.test)
print(f"of {len(seeds) * total} nuclei: {total} in the test images, judged with {len(seeds)} seeds")

# %%
reveal(predicted_without_map, kinds[failures["without the map"].argmax()])
reveal(predicted_with_map, kinds[failures["with the map"].argmax()])

# %%
worst = np.argsort(results[True, SEED][:, 0])[:3]
figure, axes = plt.subplots(2, 3, figsize=(6.4, 4.5))
for place, (above, below) in zip(worst, axes.T, strict=True):
    image, true = cells.images[split.test[place]], cells.labels[split.test[place]]
    plot_cells(image, above, labels=true, title=f"{true.max()} nuclei")
    score = results[True, SEED][place, 0]
    plot_cells(image, below, labels=found[place], colour="#E69F00", title=f"score {score:.2f}")
figures.show(
    figure,
    alt="The three test images with the lowest score of the net with the weight map: above the true outlines in blue, "
    "below what the net found in orange. Specks of dirt and slivers beside bright nuclei are outlined as cells.",
)

# %% [markdown]
# Go through them one by one. With the map far fewer nuclei merge. With `SEED` 0, 1 and 2 (not with 3 and 4) merging is
# no longer the main fault: it is **invented** cells. Specks of dirt are bright and small, and slivers beside bright
# nuclei are cut off by a gap that the net saw where there is none (heavy weights teach it to see gaps). A rule about
# size would sweep many of them away (our 12 pixels are a cautious one), and it would have to be chosen on the
# validation images, not on these.
#
# The score has its own harshness. In an image with three nuclei one speck costs a quarter. Slivers of nuclei at the
# edge of the image count as whole ones, though nobody could tell what they belong to; many contests leave them out.
# And a single pixel of paint across a gap joins two cells, where the mask is nearly right. (A later idea, that of
# Cellpose, 2021, is to predict for each pixel the direction to the middle of its own cell; then one wrong pixel does no
# harm.)

# %% [markdown]
# ## 11 No image is too large
#
# A dish under a good microscope has a thousand million pixels. How much memory does the net need for an image? We
# watch what the intermediate maps hold at one time. **Predict** how it grows when the side doubles, and then what an
# image of 100,000 × 100,000 pixels would take, in terabytes (10¹² bytes).

# %%
predicted_growth = None  # type a factor
predicted_terabytes = None  # type your number

# %%
raised = CHANNELS[-2::-1]  # channels on the way up
small = into_library(net, UFigure(tuple((c, c) for c in CHANNELS), raised, tuple((c, c) for c in raised)))
memory = {}
for side in (128, 256, 512, 1024):
    image = torch.zeros(1, 1, side + 2 * MARGIN, side + 2 * MARGIN)
    memory[side] = measure_forward(small, image, runs=1).working_memory_mb
    print(f"{side:5} × {side:<5} pixels at once: {memory[side]:6.1f} MB of maps")
reveal(predicted_growth, round(memory[1024] / memory[512], 1))
reveal(predicted_terabytes, round(memory[1024] / 1e6 * (1e5 / 1024) ** 2, 1), unit="terabytes, for this tiny net")

# %% [markdown]
# So, tiles. Each is read with its margin of 20 pixels and gives scores for its middle; tiles *overlap* in what they
# read and lie side by side in what they score. Because no convolution pads, a tile's scores are the very scores that
# the whole image would give. That is the **overlap-tile strategy**, and the reason why the paper did not pad.
#
# With one condition. The net pools twice, so it groups pixels by fours. **Predict**: tiles that step by 128 pixels, and
# tiles that step by 126: do both agree with the whole?

# %%
predicted_step_128 = None  # type "yes" or "no"
predicted_step_126 = None  # type "yes" or "no"


# %%
def mirrored(places, size):  # places beyond an edge, folded back; the edge itself is not repeated
    places = np.abs(places)
    return size - 1 - np.abs(size - 1 - places)


def score_in_tiles(net, source, target, step):
    for row, column in np.ndindex(*(-(-size // step) for size in source.shape)):
        places = [np.arange(step * n - MARGIN, step * n + 128 + MARGIN) for n in (row, column)]
        tile = source[np.ix_(*(mirrored(each, size) for each, size in zip(places, source.shape, strict=True)))]
        with torch.no_grad():
            scores = net(torch.from_numpy(tile)[None, None])[0]
        here = target[step * row : step * row + step, step * column : step * column + step]
        here[:] = (scores[1] - scores[0]).numpy()[: here.shape[0], : here.shape[1]]


# %%
scene = data.z_score(make_touching_cells(1, seed=SEED + 7, size=512).images[0, 0])
with torch.no_grad():
    whole = small(mirror_pad(torch.tensor(scene)[None, None], [MARGIN] * 2, [MARGIN] * 2))[0]
    by_library = overlap_tile(small, torch.tensor(scene)[None, None], tile_size=128 + 2 * MARGIN)[0]
differences = {}
for step in (128, 126):
    tiled = np.empty_like(scene)
    score_in_tiles(small, scene, tiled, step)
    differences[step] = np.abs(tiled - (whole[1] - whole[0]).numpy()).max()
    print(f"steps of {step}: largest difference to the whole {differences[step]:.1e}")
print(f"the library's overlap_tile: {(by_library - whole).abs().max():.1e}")

# %%
reveal(predicted_step_128, "yes" if differences[128] < 1e-3 else "no")
reveal(predicted_step_126, "yes" if differences[126] < 1e-3 else "no")
assert differences[128] < 1e-3 < differences[126]

# %% [markdown]
# With 126 the second tile begins in the middle of a group of four: other pixels are pooled together, and the scores
# change. The step must be a multiple of 4 here, and of 16 for the published net; 388 is no multiple of 16, so our
# library steps by 384. A seam that nobody looks for is found only by subtracting.
#
# Now the real thing: an image that is too large for us. Say that the maps may take 100 MB, no more, and the dish has
# 1536 × 1536 pixels (a phantom of 768 × 768, mirrored twice). It lies on the disk and is never loaded as a whole:
# `np.memmap` is an array that lives in a file, and what is not touched is not read. Input and output are both such
# files. **Predict**, from the table above, what the maps of one tile hold, and what the whole dish would take at once.

# %%
predicted_tile_memory = None  # type your number, in MB
predicted_dish_memory = None  # type your number, in MB

# %%
ALLOWED_MB = 100  # for maps
folder = Path(tempfile.mkdtemp())
dish = make_touching_cells(1, seed=SEED + 8, size=768)
quarter = data.z_score(dish.images[0, 0])
source = np.memmap(folder / "dish.f32", dtype=np.float32, mode="w+", shape=(1536, 1536))
source[:768, :768], source[:768, 768:] = quarter, quarter[:, ::-1]
source[768:] = source[767::-1]
target = np.memmap(folder / "scores.f16", dtype=np.float16, mode="w+", shape=source.shape)
score_in_tiles(small, source, target, 128)
print(f"on the disk: {source.nbytes / 1e6:.1f} MB of image, {target.nbytes / 1e6:.1f} MB of scores")

# %%
at_once = memory[1024] * (1536 / 1024) ** 2
reveal(predicted_tile_memory, round(memory[128], 1), unit="MB, however large the dish is")
reveal(predicted_dish_memory, round(at_once), unit=f"MB at once, of {ALLOWED_MB} that are allowed")
assert memory[128] < ALLOWED_MB < at_once

# %%
counted = without_dust(metrics.label_lesions(target[:768, :768] > 0))
at_half = metrics.match_lesions(dish.labels[0], counted).instance_precision(min_iou=0.5)
print(
    f"{dish.num_nuclei[0]} nuclei in a quarter, {len(np.unique(counted)) - 1} found, score {at_half:.2f} at IoU ≥ 0.5"
)
figure, axes = plt.subplots(1, 2, figsize=(6.6, 3.4))
plot_cells(source[:192, :192], axes[0], title="a corner of the dish on the disk")
plot_cells(source[:192, :192], axes[1], labels=counted[:192, :192], colour="#E69F00", title="found, tile by tile")
figures.show(
    figure,
    alt="A corner of 192 by 192 pixels of a large image of nuclei, and the same with orange outlines around the nuclei "
    "that were found tile by tile; no seam is to be seen at row and column 128, where tiles meet.",
)

# %% [markdown]
# The quarter, the whole dish or a slide of ten thousand million pixels: the maps of one tile are all that is ever in
# memory. The price is work done twice: a tile reads 168² pixels and scores 128², so each pixel is read 1.7 times.
# Larger tiles waste less and need more memory. (What remains: the numbering of connected pieces was done in one go
# here. For a real slide that has to be done tile by tile, too, and joined at the seams; lesson 19 works with slides.)

# %% [markdown]
# ## 12 Real nuclei
#
# With a copy of the 40 real fluorescence images, set `CELLS = "real"` and run everything again: the same code, the same
# small net, the same hundred steps. Measured once so, with `SEED = 0` and three seeds of training, test images unseen:
#
# | method | score at IoU ≥ 0.5 |
# |---|---|
# | perfect mask, gaps closed | 0.91 |
# | threshold, connected pieces | 0.69 |
# | threshold, cut at waists | 0.72 |
# | U-Net, all weights 1 | 0.63, 0.68, 0.69 |
# | U-Net, border weight map | 0.62, 0.67, 0.59 |
#
# **Nothing that we were proud of survived.** The map *costs* 0.04 here, with an interval from 0.02 to 0.06, and neither
# net beats a threshold. Of 2,277 nuclei (759, three seeds) 622 merged with the map, 602 without; it invented 210 cells,
# against 139. Why? We can count one reason: the 40 images have 0.14 touching pairs a nucleus, our phantom test
# images 0.26, and a perfect mask scores 0.91. There is little for the map to win. The rest is a guess: the images come
# from several microscopes, with nuclei of quite different sizes, and a hundred steps of a net with 29,330 parameters
# are few for that. More steps and a wider net (`FAST = False`), which kept the phantoms apart without any map, are the
# first thing to try; on the real nuclei they have not been measured, and it was one split.
#
# Keep this table. A phantom shows *how* a method works and lets you count what you know to be true. Whether it works on
# your microscope's images, only your microscope's images can say.
#
# ## 13 Explorer
#
# Set the size of the image, the levels, the convolutions a level, and padding. Find the smallest image that fits five
# levels. Then find out what three convolutions a level cost, and why nobody asks for a sixth level without padding. An
# image that does not fit is refused, with the nearest that do: click on the number beside the slider and type one of
# them.

# %%
unet_shapes_explorer()

# %% [markdown]
# ## What we learned
#
# **The objectives, answered.**
#
# 1. *Shapes.* 572 → 568, pooled 284 → 280, 140 → 136, 68 → 64, 32 → 28, and up by 56, 104, 200, 392 to 388. Every map
#    that is pooled must be even, so sizes that fit lie 16 apart; 512 does not.
# 2. *From its parts.* Two convolutions, pool, up-convolution, crop, concatenate: 23 convolutions, 31,030,658
#    parameters, the same scores as the library's. The middle of the skip is cropped, not its corner.
# 3. *The weight map.* Square the sum of the two distances. One pixel in three hundred gets ten times the weight. Fewer
#    phantoms merge, and more are invented; it pays with every seed of the small net that we tried, and Dice does not
#    notice. A cut at the waists does as much where cells are round, and a wide net that trains for longer needs no map.
#    On the real nuclei, of which half as many touch, the map cost more than it brought.
# 4. *One field.* Image and labels bend together, labels by the nearest pixel; the test is to hand in the labels twice.
# 5. *Tiles.* Equal to the whole where steps are multiples of 2 to the power of the pools; the memory is that of a tile.
#    What still fails: invented cells from dirt and slivers of light, gaps that cannot be seen, pixels that join two
#    cells.
#
# **Pitfalls.** Dice for a question about cells · a target that has lost the answer · the crop from the corner · a sum
# of squares for the square of the sum · weights multiplied after the mean · two fields · mixed labels · a paper's
# pixels on your images · one seed · tiles out of step with the pools.
#
# **Without looking back**, one sentence each: Why can a perfect mask score 0.7? Why are skip and map concatenated and
# not added? Why did the paper not pad?
#
# Last, what is *reported* elsewhere and what was *measured* here. Nothing here reproduces the reported numbers: the
# images are others.

# %% [markdown]
# | | reported | by whom, on what |
# |---|---|---|
# | training set | 30 images of 512 × 512 | the lecture's slides; nerve tissue (ISBI 2012) |
# | error there | warping 0.000353, Rand 0.0382 | Ronneberger 2015, section 4; 7 turned copies averaged |
# | the net before it | warping 0.000420, Rand 0.0504 | the same; Ciresan 2012 |
# | PhC-U373, phase contrast | mean IoU 0.92, next best 0.83 | the same; 35 images partly labelled |
# | DIC-HeLa, touching | mean IoU 0.775, next best 0.46 | the same; 20 images partly labelled |
# | its training | about 10 hours on a card of 6 GB | Ronneberger 2015, section 5 |
#
# (Both errors ask, in two ways, how much of what belongs together was parted and how much of what belongs apart was
# joined; 0 is perfect.)
#
# (The slide dates the paper 2016; it was presented at MICCAI 2015, as the slides' own list of references says.)

# %%
print(
    f"the net as published: {published.parameters:,} parameters, {published.macs / 1e9:.0f} thousand million MACs for 572²"
)
small_parameters = sum(p.numel() for p in net.parameters())
print(f"the net trained here: {small_parameters:,} parameters, {epochs * 25} steps of {BATCH_SIZE} tiles")
print(f"cells found at IoU ≥ 0.5: {plain[..., 0].mean():.2f} without the map, {border[..., 0].mean():.2f} with it")
print(f"baseline, threshold cut at waists: {baselines['threshold, cut at waists'][:, 0].mean():.2f}")

# %% [markdown]
# **References.** O. Ronneberger, P. Fischer, T. Brox, *U-Net: convolutional networks for biomedical image
# segmentation*, MICCAI 2015, arXiv 1505.04597 · P. Simard, D. Steinkraus, J. Platt, *Best practices for convolutional
# neural networks applied to visual document analysis*, ICDAR 2003 (elastic deformation) · N. Otsu, *A threshold
# selection method from gray-level histograms*, IEEE Trans. SMC 9, 1979 · J. C. Caicedo et al., *Nucleus segmentation
# across imaging experiments: the 2018 Data Science Bowl*, Nature Methods 16, 2019 · C. Stringer et al., *Cellpose: a
# generalist algorithm for cellular segmentation*, Nature Methods 18, 2021 · M. Drozdzal et al., *The importance of skip
# connections in biomedical image segmentation*, LABELS 2016 · R. Licandro, *Deep Learning in Medical Imaging* (lecture
# slides: the U-Net, its two paths, its thirty images, its weight map).
#
# **Now the exercises**, `exercises/16_unet.ipynb`: you walk the sizes of any U, crop, weigh, bend and tile yourself.
