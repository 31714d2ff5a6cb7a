# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: What did depth and GPUs change?
#     level: beginner
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["03_convolution", "04_lenet"]
#     facts: [R13, R14, R15]
# ---

# %% [markdown]
# # 05 · What did depth and GPUs change?
#
# **Level** beginner · **your time** about 90 minutes, with a good place to pause after part 6 · **the machine's time**
# about 1 minute on two CPU cores, less on a GPU · **download** nothing · **needs** output sizes, receptive fields and
# parameter counts (lesson 03), LeNet-5 and the training loop (lesson 04)
#
# *For teaching, not for clinical use.*

# %% [markdown]
# ## The question
#
# A hospital wants to share thirty years of chest films with researchers. They were digitised from real film, and on
# some of them somebody once wrote a number with a white pen: a date, a file number. Such a number can lead back to the
# person. No header of a file tells where it stands; it is part of the picture. So before a film leaves the house, a
# machine should look at *every place* of it and ask: is there a digit here?
#
# In lesson 04 we made a reader that says which digit lies in a small image. A film is not a small image, and nobody
# tells us where to cut. This lesson turns a classifier into a net that looks everywhere at once. On the way we meet the
# two nets that brought deep learning into medical imaging:
#
# ```text
#  1998  LeNet-5          5 layers with weights           60,000 parameters   32 × 32 pixels, grey
#  2012  AlexNet          8 layers with weights       60,000,000 parameters   224 × 224 (or 227?), colour
#  2014  VGG-16          16 layers with weights      138,000,000 parameters   224 × 224, colour
# ```
#
# A thousand times the parameters in fourteen years: you will see what they were spent on, and whether that was wise.
#
# After this lesson you can
#
# 1. rebuild the tables of both AlexNets and of VGG row by row, and find what a printed table gets wrong or leaves out;
# 2. count a layer that is split into two towers, and tell where a net keeps its weights from where it does its work;
# 3. say why stacks of 3 × 3 kernels replaced large ones, and what must stand between them;
# 4. turn a classifier into a fully convolutional net, prove that its map is the sliding window, and measure the saving;
# 5. judge a finder on whole images: found, read, false alarms a film, each with an interval, and name its failures.

# %% [markdown]
# ## Set-up
#
# The libraries, and the rooms of the course that this lesson visits. New today: `models.alexnet`, `models.vgg` and
# `models.fcn`, one paper or idea in each file.

# %% tags=["setup"]
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import clear_output
from torch import nn
from torch.nn import functional as F

from course_lib import arithmetic, data, figures, metrics
from course_lib.arithmetic import Layer
from course_lib.classroom import reveal, where_am_i
from course_lib.data.phantoms.chest_xray import make_chest_xrays
from course_lib.figures.scenes import plot_scene, plot_score_map
from course_lib.models.alexnet import AlexNet, TwoTowerAlexNet
from course_lib.models.fcn import fully_convolutional, input_window
from course_lib.models.vgg import VGG, VGG11_BLOCKS, VGG13_BLOCKS, VGG16_BLOCKS, VGG19_BLOCKS, vgg16
from course_lib.summary import summarize
from course_lib.training import fit, predict
from course_lib.widgets.window import window_explorer

figures.use_course_style()

# %% [markdown]
# What you may change; everything below follows.

# %% tags=["parameters"]
FAST = True  # False takes three times as many films and trains twice as long
SEED = 0  # of the splits, the films, the first weights and the order of the images
EPOCHS = None  # times through the training data; a number here overrules FAST
BATCH_SIZE = 64  # windows a step
LEARNING_RATE = 0.003  # of Adam
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
# **From lesson 03.** Three 3 × 3 convolutions follow each other, stride 1. How many pixels does one cell of the third
# map see along an axis?
#
# <details>
# <summary>Answer</summary>
#
# Seven: each layer adds one pixel on each side, 3, 5, 7. (Not 9.) This is half of the idea behind VGG.
# </details>
#
# **From lesson 04.** Row C5 of LeNet-5 makes 120 maps of 1 × 1 from 16 maps of 5 × 5, with kernels of 5 × 5. How many
# parameters, and what would a dense layer from the same 400 numbers to 120 have?
#
# <details>
# <summary>Answer</summary>
#
# 120 · (16 · 25 + 1) = 48,120, and the dense layer 120 · (400 + 1) = 48,120. The same number, and no accident: part 7.
# </details>
#
# **From lesson 01.** A patient has four films. May two of them be trained on and two be tested on?
#
# <details>
# <summary>Answer</summary>
#
# No. All films of a patient go to one side: else the test asks for the patient's anatomy, which the net has seen.
# </details>

# %% [markdown]
# ## The data: real digits on phantom films
#
# | | |
# |---|---|
# | digits | 1,797 real ones, handwritten by 13 people: E. Alpaydin and C. Kaynak, UCI repository, 1998 (CC BY 4.0) |
# | films | **phantoms**: chest X-rays of made-up patients, drawn by `course_lib.data.phantoms.chest_xray` |
# | together | three lines of four digits written on each film, at random places, as with a white pen |
# | truth | we wrote the numbers, so we know each digit and its place |
#
# Two things could leak from training into the test, so there are **two splits**: by patient for the films, and by image
# for the digits (nobody knows the writers; the same hand may be on both sides, which makes our numbers a little too
# good for a new hand).

# %% tags=["nbval-check-output"]
digits = data.load_digits(image_size=16)
split = data.stratified_split(digits.labels, seed=SEED)
data.assert_no_overlap(split, subjects=np.arange(len(digits)))
films = make_chest_xrays(30 if FAST else 90, seed=SEED, size=192, marker=False)
patients = data.subject_split(films.patients, seed=SEED)
data.assert_no_overlap(patients, subjects=films.patients)
for name in ("train", "val", "test"):
    print(f"{name:6}{len(getattr(split, name)):5} digits, films of {len(getattr(patients, name)):2} patients")

# %% [markdown]
# Now take up the pen. Each digit is 16 × 16 pixels of ink. The film is dimmed, so that ink is the brightest thing on
# it, and where both meet the brighter one wins. We note the *corner* of the window of 24 × 24 pixels that has the digit
# in its middle.


# %%
def write_numbers(film, own, rng):
    scene, corners = 0.6 * film, []
    for line in rng.permutation(6)[:3]:  # three of six lines
        top, left = 6 + 30 * line + rng.integers(9), rng.integers(4, 120)
        for row, column in zip(top + rng.integers(-2, 3, size=4), left + 17 * np.arange(4), strict=True):
            paper = scene[row : row + 16, column : column + 16]
            np.maximum(paper, digits.images[own[len(corners)], 0], out=paper)
            corners.append((row - 4, column - 4))
    return scene, np.array(corners)


_, corners = write_numbers(films.images[0, 0], split.train[:12], np.random.default_rng(SEED))
print(f"{len(corners)} digits; the corners of the first line: {corners[:4].tolist()}")


# %% [markdown]
# Many films make a set of scenes: the images, the corners and the true digits, in one small type with names, so that
# nobody has to remember which comes first. Each film is used several times, with other digits each time; training films
# get training digits, test films test digits.


# %%
class Scenes(NamedTuple):
    images: np.ndarray  # (N, 192, 192), 0 … 1
    corners: np.ndarray  # (N, 12, 2): row and column of the window around each digit
    labels: np.ndarray  # (N, 12)


def make_scenes(part_films, part_digits, rounds, seed):
    rng = np.random.default_rng(seed)
    part_films = np.tile(part_films, rounds)
    order = np.resize(rng.permutation(part_digits), (len(part_films), 12))
    made = [write_numbers(films.images[film, 0], own, rng) for film, own in zip(part_films, order, strict=True)]
    images, corners = (np.stack(each) for each in zip(*made, strict=True))
    return Scenes(images, corners, digits.labels.numpy()[order])


# %%
train_scenes = make_scenes(patients.train, split.train, rounds=5, seed=SEED)
val_scenes = make_scenes(patients.val, split.val, rounds=2, seed=SEED)
test_scenes = make_scenes(patients.test, split.test, rounds=2, seed=SEED)
print(f"{len(train_scenes.images)} films to train on, {len(val_scenes.images)} and {len(test_scenes.images)} to judge")

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 3.7))
image, corners, labels = (each[0] for each in train_scenes)
plot_scene(image, axes[0])
axes[0].set_title("what the machine is given")
plot_scene(image, axes[1], corners=corners[::4], names=labels[::4].tolist())
axes[1].set_title("the truth, for the first digit of each line")
figures.show(
    figure,
    alt="A dimmed chest film with three lines of four handwritten digits each, twice. On the right an orange frame of "
    "24 by 24 pixels, with the true digit beside it, surrounds the first digit of each line and touches the second.",
)

# %% [markdown]
# **Look before you model.** Read all twelve. Which would you overlook: those over the dark lung, or those over bright
# tissue? Note also that a window around one digit shows pieces of its neighbours.

# %% [markdown]
# ## 1 Try first: 224 or 227?
#
# We begin with the net of 2012, and with a riddle. The paper says that its images have 224 × 224 pixels. Its first
# layer has kernels of 11 × 11 and a stride of 4, and its figure shows maps of 55 × 55. The lecture's table adds: "SAME"
# padding, which means that a map is as wide as the image divided by the stride, rounded up.
#
# **Five minutes, pen and paper.** Two students disagree:
#
# - *Ann* believes the image: 224 pixels, no padding is mentioned in the paper, so she computes the map.
# - *Ben* believes the lecture's table: 224 pixels with SAME padding.
#
# **Predict** both maps.

# %%
predicted_ann = None  # type your number
predicted_ben = None  # type your number

# %% tags=["nbval-check-output"]
ann = arithmetic.conv_output_size(224, 11, stride=4)
ben = -(-224 // 4)  # divided and rounded up
reveal(predicted_ann, ann, unit="cells without padding")
reveal(predicted_ben, ben, unit="cells with SAME padding")

# %% [markdown]
# 54 and 56, and the figure says 55: the printed numbers do not fit together. So turn the question round. **Which image,
# without padding, gives 55?** The kernel must take 54 steps of 4 pixels and still lie on the image. **Predict** the
# smallest such image, and how many pixels larger it could be without a 56th place.

# %%
predicted_smallest = None  # type your number
predicted_slack = None  # type your number

# %% tags=["nbval-check-output"]
fitting = [size for size in range(200, 250) if arithmetic.conv_output_size(size, 11, stride=4) == 55]
reveal(predicted_smallest, fitting[0], unit="pixels: 54 · 4 + 11")
reveal(predicted_slack, fitting[-1] - fitting[0], unit="more pixels, which no kernel would see")
for padding in range(5):
    places = arithmetic.conv_output_size(224, 11, stride=4, padding=padding)
    print(f"224 pixels and a padding of {padding} on each side: {places} cells")

# %% [markdown]
# So there are two repairs: **227 pixels and no padding**, or 224 pixels with a padding of 2 (or 3) on each side. The
# net whose weights are published takes 224 and 2, other builds take 227. Neither is "what the paper says", and both
# give 55. When you rebuild a net, the sizes must *close*, whatever is printed.
#
# Why did nobody stumble over it? Follow the wrong maps through the first pool (window 3, stride 2). **Predict** what it
# makes of 54, 55 and 56.

# %%
predicted_pooled = None  # type three numbers: (…, …, …)

# %% tags=["nbval-check-output"]
pooled = tuple(arithmetic.pool_output_size(size, 3, stride=2) for size in (54, 55, 56))
reveal(predicted_pooled, pooled)

# %% [markdown]
# 55 and 56 give the same 27: from the second row on, nobody can tell them apart. A slip that the next layer swallows is
# the kind that lives for years.

# %% [markdown]
# ## 2 Two towers
#
# In 2012 a graphics card had 3 GB, too little for this net in training. So the authors sawed it in two: half of the
# maps lived on each of two cards. In the second, fourth and fifth convolution each half reads only its own half; in the
# third, and in the dense layers, both read both. torch calls that `groups=2`:
#
# ```text
#  card 1   48 maps → 128 maps ─╮ ╭→ 192 maps → 192 maps → 128 maps ─╮ ╭→ 2048 ─╮ ╭→ 2048 ─╮
#                                ╳                                     ╳          ╳         ├→ 1000
#  card 2   48 maps → 128 maps ─╯ ╰→ 192 maps → 192 maps → 128 maps ─╯ ╰→ 2048 ─╯ ╰→ 2048 ─╯
# ```
#
# The second convolution makes 256 maps of 96, with kernels of 5 × 5. **Predict** its parameters in two towers, and in
# one.

# %%
predicted_towers = None  # type your number
predicted_one_tower = None  # type your number

# %% tags=["nbval-check-output"]
together = nn.Conv2d(96, 256, kernel_size=5, padding=2)
sawed = nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=2)
print("weights", tuple(sawed.weight.shape), "and not", tuple(together.weight.shape))
reveal(predicted_towers, sum(p.numel() for p in sawed.parameters()), unit="parameters: 256 · (48 · 25 + 1)")
reveal(predicted_one_tower, sum(p.numel() for p in together.parameters()), unit="parameters: 256 · (96 · 25 + 1)")

# %% [markdown]
# Half the weights; the biases stay. That one tower truly does not see the other can be tried: change the maps of the
# second card, and look at what changes. **Predict** how many of the first 128 maps change.

# %%
predicted_changed = None  # type your number

# %% tags=["nbval-check-output"]
maps = torch.rand(1, 96, 27, 27)
other_card = maps.clone()
other_card[:, 48:] += 1
with torch.no_grad():
    changed = (sawed(other_card) - sawed(maps)).abs().amax(dim=(0, 2, 3)) > 0
reveal(
    predicted_changed, int(changed[:128].sum()), unit=f"of the first 128, and {int(changed[128:].sum())} of the rest"
)

# %% [markdown]
# *What changed?* Nothing on the first card. So each tower had to learn its first kernels alone, and something curious
# happened: in the paper's picture of the 96 kernels, the 48 of one card answer to edges and stripes of any colour, and
# the 48 of the other to coloured blobs. Nobody had asked for it. The saw was a makeshift for small cards, and it went
# when cards grew; as a way to save weights, groups came back years later.
#
# **Say it in your own words**: why does the third convolution have to read both towers? (What would two nets be that
# never meet?)

# %% [markdown]
# ## 3 Both AlexNets, line by line
#
# The slide lists the layers from the last to the first. Here it is as data, the first layer first, and we hold the net of
# 2012 against it. `torch.device("meta")` makes nets
# that know their sizes and hold no numbers: 60 million parameters cost nothing.

# %%
slide = {
    "C1": (96, 55, 55), "S2": (96, 27, 27), "C3": (256, 27, 27), "S4": (256, 13, 13), "C5": (384, 13, 13),
    "C6": (384, 13, 13), "C7": (256, 13, 13), "F8": (4096,), "F9": (4096,), "Out": (1000,),
}  # fmt: skip
COUNTED = ("Conv2d", "MaxPool2d", "Linear")
with torch.device("meta"):
    two = summarize(TwoTowerAlexNet(), torch.zeros(1, 3, 227, 227))
    one = summarize(AlexNet(), torch.zeros(1, 3, 224, 224))
two_rows, one_rows = ([row for row in net.rows if row.type in COUNTED] for net in (two, one))
print(f"the slide has {len(slide)} rows, the net of 2012 has {len(two_rows)}")

# %% [markdown]
# One row more than on the slide! **Predict** which one the slide leaves out. (The size tells: between which two rows
# must something have happened?)

# %%
predicted_missing = None  # type the row it follows, such as "C3"

# %% tags=["nbval-check-output"]
names = [*list(slide)[:7], "?", *list(slide)[7:]]
for name, row, other in zip(names, two_rows, one_rows, strict=True):
    shape = row.output_shape[1:]
    verdict = "as on the slide" if slide.get(name) == shape else "not on the slide"
    print(f"{name:4}{row.type:10}{' × '.join(map(str, shape)):14}{row.parameters:>11,}  {verdict:17}", end="")
    print(f"one tower: {' × '.join(map(str, other.output_shape[1:])):14}{other.parameters:>11,}")
print(f"{'sum':28}{two.parameters:>11,}  {'':17}one tower: {'':14}{one.parameters:>11,}")
reveal(predicted_missing, names[names.index("?") - 1])

# %% [markdown]
# A third pool, from 13 × 13 to 6 × 6, stands before the dense layers. Is it a detail? Build the slide as printed, with
# F8 reading 256 maps of 13 × 13. **Predict** the sum in millions; the slide itself says 60.

# %%
predicted_as_printed = None  # type your number, in millions

# %% tags=["nbval-check-output"]
f8 = arithmetic.linear_parameters(256 * 6 * 6, 4096)
f8_as_printed = arithmetic.linear_parameters(256 * 13 * 13, 4096)
as_printed = two.parameters - f8 + f8_as_printed
print(f"F8 with the pool {f8:,}, without it {f8_as_printed:,}")
reveal(predicted_as_printed, round(as_printed / 1e6), unit="million parameters without the third pool")

# %% [markdown]
# 200 million: the slide's own total proves that a row is missing. *A table and its sum check each other.*
#
# Now compare the two AlexNets column against column.
#
# | | two towers (2012) | one tower (2014) |
# |---|---|---|
# | maps | 96, 256, 384, 384, 256 | 64, 192, 384, 256, 256 |
# | image | 227, no padding | 224, padding 2 |
# | who reads whom | own half, but in C5 | everybody |
# | after C1 and C3 | response normalisation | nothing |
# | dropout | after F8 and F9 | before F8 and F9 |
# | parameters | 60,965,224 | 61,100,840 |
#
# Nearly the same sum from rather different rows. Whoever writes "we used AlexNet" should say which; most mean the
# right one, since its weights are published.
#
# And the 650,000 units of the paper? A unit is a cell of a map of a layer with weights, or an output of a dense layer.

# %% tags=["nbval-check-output"]
units = {54: 0, 55: 0, 56: 0}
rest = sum(int(np.prod(row.output_shape)) for row in two_rows[1:] if row.type != "MaxPool2d")
for width in units:
    units[width] = 96 * width**2 + rest
    print(f"with maps of {width} × {width} in C1: {units[width]:,} units")

# %% [markdown]
# All three lie within four per cent of a round number, and the nearest belongs to a map that is *wrong*. So 650,000
# cannot settle the riddle of part 1; the pools can. Know what a number can tell before you call it a proof.

# %% [markdown]
# ## 4 Where the weights are, and where the work is
#
# A dense weight is used once an image. A weight of a kernel is used at every place. So weights and work (MACs:
# multiplications, each with its addition) may lie in quite different layers. **Predict**, for the net of 2012, which
# share of the *weights* the three dense layers hold, and which share of the *work* they do.

# %%
predicted_weight_share = None  # type your number, in per cent
predicted_work_share = None  # type your number, in per cent


# %% tags=["nbval-check-output"]
def dense_shares(net):
    dense = [row for row in net.rows if row.type == "Linear"]
    return (
        100 * sum(row.parameters for row in dense) / net.parameters,
        100 * sum(row.macs for row in dense) / net.macs,
    )


weight_share, work_share = dense_shares(two)
reveal(predicted_weight_share, round(weight_share, 1), unit="per cent of the parameters")
reveal(predicted_work_share, round(work_share, 1), unit="per cent of the work")

# %%
with torch.device("meta"):
    deep = summarize(vgg16(), torch.zeros(1, 3, 224, 224))
figure, axes = plt.subplots(1, 2, figsize=(8.5, 4.2), width_ratios=[8, 16])
for ax, net, title in zip(axes, (two, deep), ("AlexNet (2012)", "VGG-16 (2014)"), strict=True):
    rows = [row for row in net.rows if row.macs]
    place = np.arange(len(rows))
    ax.bar(place - 0.2, [100 * row.parameters / net.parameters for row in rows], 0.4, label="parameters")
    ax.bar(place + 0.2, [100 * row.macs / net.macs for row in rows], 0.4, label="work (MACs)", hatch="//")
    ax.set(title=title, xlabel="layer", ylabel="share of the net (%)", xticks=place, ylim=(0, 80))
    ax.set_xticklabels([f"{row.type[0]}{n}" for n, row in enumerate(rows, start=1)], fontsize=8)
axes[0].legend()
vgg_shares = dense_shares(deep)
figures.show(
    figure,
    alt="Bars of each layer's share of parameters and of work, C for convolution, L for dense. In both nets the "
    "convolutions do nearly all the work; the first dense layer holds 62 per cent of AlexNet's parameters and 74 per "
    "cent of VGG-16's.",
)

# %% [markdown]
# Check one bar by hand, as always when a picture surprises. The second convolution of VGG-16 makes 64 maps of 64, at
# 224 × 224 places: 64 · 64 · 9 = 36,864 weights, each used 50,176 times, 1.85 thousand million products, 12% of the
# net's 15.5. Its share of the parameters is 0.03%, too small to be seen in the picture at all.
#
# Two nets in one: convolutions that *work* and dense layers that *store*. In VGG-16 the dense layers hold 89% of the
# parameters and do 0.8% of the work. To save memory, attack the dense layers (lesson 06 will); to save time, attack the
# convolutions. Whoever says "a large net, so a slow one" has mixed up the two.
#
# How much work is that in days? The paper reports 90 rounds through 1.2 million images, in five to six days on two
# cards. A training step costs about three forward passes (one forward, and two products backward for each weight). We
# time the convolutions of one AlexNet here, on one of these processor cores or more. **Predict** how many days *this*
# machine would train, if it did nothing else.

# %%
predicted_days = None  # type your number, in days

# %%
net = AlexNet(hidden_units=8).features.eval()  # the convolutions alone: 92% of the work
images = torch.rand(2, 3, 224, 224)
conv_macs = sum(row.macs for row in one.rows if row.type == "Conv2d")
seconds = []
with torch.no_grad():
    for _ in range(3):
        start = time.perf_counter()
        net(images)
        seconds.append(time.perf_counter() - start)
macs_per_second = 2 * conv_macs / min(seconds)
days = 90 * 1.2e6 * 3 * two.macs / macs_per_second / 86_400
reveal(predicted_days, round(days), unit=f"days, at {macs_per_second / 1e9:.0f} thousand million MACs a second")

# %% [markdown]
# That is what GPUs changed: not the idea (LeNet's layers are all there) but the time from an idea to its answer, from
# many months to days. (An estimate: reading images, and what a processor does better or worse in training, are left
# out; on a busy machine the number is larger.)

# %% [markdown]
# ## 5 What else was new in 2012
#
# | | LeNet-5 | AlexNet | why |
# |---|---|---|---|
# | activation | scaled tanh | ReLU | its slope is 1 wherever it is open; a small net of theirs learned six times as fast |
# | pooling | 2 × 2, with weights | largest of 3 × 3, stride 2, so windows overlap | keeps the strongest answer |
# | order | a pool after each convolution | C5, C6, C7 directly on each other | depth without shrinking |
# | against overfitting | shifted copies | crops, mirror images, colours; **dropout** | 60 million parameters, 1.2 million images |
#
# **Dropout** sets each unit to zero with a chance of one half, another set for each image, so that no unit can rely on
# one other. At test time all units speak. In the paper, their outputs were then multiplied by 0.5; today the correction
# is done in training instead. **Predict** what torch's layer makes of a 1 with p = 0.5: the two values in training,
# their mean, and the value in evaluation mode.

# %%
predicted_in_training = None  # type two values, such as (0, 1)
predicted_in_evaluation = None  # type your number

# %% tags=["nbval-check-output"]
drop, ones = nn.Dropout(p=0.5), torch.ones(100_000)
torch.manual_seed(0)
in_training = drop.train()(ones)
reveal(predicted_in_training, tuple(in_training.unique().tolist()), unit=f"with a mean of {in_training.mean():.1f}")
reveal(predicted_in_evaluation, drop.eval()(ones).unique().item())

# %% [markdown]
# What survives is doubled, so that the mean stays 1; in evaluation mode nothing is left to do. *Whoever also halves the
# output at test time, after the paper, has corrected twice.*

# %% [markdown]
# ## 6 VGG: a table of threes
#
# Two years later the Oxford group asked one clean question: what does depth alone do? They fixed everything else (3 × 3
# kernels, stride 1, padding 1, five blocks with a pool after each) and added layers. A net is then one line of data:

# %% tags=["nbval-check-output"]
for name, blocks in {"A": VGG11_BLOCKS, "B": VGG13_BLOCKS, "D": VGG16_BLOCKS, "E": VGG19_BLOCKS}.items():
    with torch.device("meta"):
        parameters = sum(p.numel() for p in VGG(blocks).parameters())
    depth = sum(map(len, blocks)) + 3
    print(f"column {name}: {depth} layers with weights, {parameters / 1e6:.0f} million, maps {blocks}")

# %% [markdown]
# Did depth help? In the paper, the error fell from 11 layers to 16, and from 16 to 19 it hardly moved: with this plain
# kind of stack, depth had come to an end. Lesson 07 finds out why, and how to go on to 152.
#
# 133, 133, 138 and 144 million: table 2 of the paper. Eight layers more cost 8%, because nearly all the weight sits in
# the first dense layer. **Predict** that one: 512 maps of 7 × 7 into 4,096 units. Then its first block: 3 → 64 → 64
# maps.

# %%
predicted_fc1 = None  # type your number
predicted_block1 = None  # type your number

# %% tags=["nbval-check-output"]
printed = (38_720, 221_440, 1_475_328, 5_899_776, 7_079_424, 102_764_544, 16_781_312, 4_097_000)  # the slide
counted, channels = [], 3
for block in VGG16_BLOCKS:
    sizes = [channels, *block]
    counted.append(sum(arithmetic.conv_parameters(a, b, 3) for a, b in zip(sizes, block, strict=False)))
    channels = block[-1]
counted += [arithmetic.linear_parameters(a, b) for a, b in ((channels * 7 * 7, 4096), (4096, 4096), (4096, 1000))]
reveal(predicted_fc1, counted[5], unit="parameters in the first dense layer")
reveal(predicted_block1, counted[0], unit="parameters in the first block")
print(f"all eight numbers as on the slide: {tuple(counted) == printed}; sum {sum(counted):,}")

# %% [markdown]
# This time the slide is right to the last digit. Look at how little code it took: the net *is* its list of maps, and a
# reader can hold that list against the paper's table line by line. `models/vgg.py` builds its nets from the same lists.
#
# **Why threes?** Three 3 × 3 layers see 7 × 7 pixels, as you know, with 27 C² weights instead of 49 C². But if that
# were all, the stack would be a cheap 7 × 7 kernel and nothing more. Try it: stack two 3 × 3 convolutions *without*
# anything between. A single bright pixel, sent through, comes out as the kernel of the whole stack. **Predict**: can
# one 5 × 5 kernel do the same as the stack, on any image?

# %%
predicted_without_relu = None  # type "yes" or "no"
predicted_with_relu = None  # type "yes" or "no"

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
first, second = torch.randn(2, 1, 1, 3, 3)
pixel = torch.zeros(1, 1, 9, 9)
pixel[0, 0, 4, 4] = 1
one_kernel = F.conv2d(F.conv2d(pixel, first), second).flip(2, 3)  # 5 × 5; a pixel comes out turned
image = torch.randn(1, 1, 30, 30)
plain = F.conv2d(F.conv2d(image, first), second)
with_relu = F.conv2d(F.relu(F.conv2d(image, first)), second)
same = [torch.allclose(stack, F.conv2d(image, one_kernel), atol=1e-4) for stack in (plain, with_relu)]
reveal(predicted_without_relu, "yes" if same[0] else "no", unit="without ReLU")
reveal(predicted_with_relu, "yes" if same[1] else "no", unit="with ReLU")

# %% [markdown]
# Without ReLU two layers are one. What depth buys is the *bend* between them: three chances to say "only if". So the
# threes have two reasons: fewer weights for the same view, and more bends.
#
# *A good place to pause. When you come back, say aloud why 55, why 38,720, and why ReLU.*

# %% [markdown]
# ## 7 A dense layer is a convolution
#
# Back to the films. Take the smallest example: two maps of 3 × 3, and a dense layer that makes four numbers of the
# eighteen. Each output weighs *every* cell of *every* map. But that is what a 3 × 3 kernel does at one place! The
# lecture draws it with arrows; we do it with `reshape`. `flatten` ran through the maps, then the rows, then the
# columns, so the weights fold back in the same order: (4, 18) → (4, 2, 3, 3).
#
# **Predict** the shape of the answer for the maps themselves, and for larger maps of 5 × 8.

# %%
predicted_same_size = None  # type four numbers: (batch, outputs, rows, columns)
predicted_larger = None  # type four numbers

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
dense = nn.Linear(2 * 3 * 3, 4)
as_kernel = dense.weight.reshape(4, 2, 3, 3)
maps = torch.randn(1, 2, 3, 3)
by_dense, by_conv = dense(maps.flatten(1)), F.conv2d(maps, as_kernel, dense.bias)
reveal(predicted_same_size, tuple(by_conv.shape))
print("the same four numbers:", torch.allclose(by_dense, by_conv.flatten(1), atol=1e-6))
reveal(predicted_larger, tuple(F.conv2d(torch.randn(1, 2, 5, 8), as_kernel, dense.bias).shape))

# %% [markdown]
# On a larger map the kernel has room to slide, and the answers become a **map of answers**. Nothing was trained again.
#
# One trap: any reshape of the right size runs, and only one is right. Channels last, as some libraries keep images?

# %% tags=["nbval-check-output"]
wrong_kernel = dense.weight.reshape(4, 3, 3, 2).permute(0, 3, 1, 2)  # the same shape: (4, 2, 3, 3)
difference = (F.conv2d(maps, wrong_kernel, dense.bias).flatten(1) - by_dense).abs().max().item()
print(f"right shape, wrong order: answers differ by up to {difference:.1f}, and no error is raised")

# %% [markdown]
# *A shape that fits proves nothing; compare numbers.* We shall, on the real net.

# %% [markdown]
# ## 8 A reader of windows
#
# The plan: train a classifier on *windows* of 24 × 24 pixels, then let it loose on whole films. It needs an eleventh
# answer, **nothing**: most places of a film hold no digit. From each training film we cut
#
# 1. *near*: two windows for each digit, with the digit within 2 pixels of the middle; the answer is the digit;
# 2. *far*: 24 windows whose corner is at least 6 pixels from every digit's corner; the answer is "nothing". Half lie
#    anywhere, half close by, with a slice of a digit or the gap between two. These are the hard ones.


# %%
def far_corners(corners, rng):
    anywhere = rng.integers(0, 169, size=(200, 2))
    beside = corners[rng.integers(12, size=200)] + rng.integers(-12, 13, size=(200, 2))
    chosen = []
    for places in (anywhere, beside.clip(0, 168)):
        distance = np.abs(places[:, None] - corners).max(axis=2).min(axis=1)  # to the nearest digit, in pixels
        chosen.append(places[distance >= 6][:12])
    return np.concatenate(chosen)


places = far_corners(train_scenes.corners[0], np.random.default_rng(SEED))
print(f"{len(places)} windows without a digit in the middle, such as {places[0].tolist()} and {places[-1].tolist()}")


# %%
def cut_windows(scenes, seed):
    rng, windows, answers = np.random.default_rng(seed), [], []
    for image, corners, labels in zip(*scenes, strict=True):
        near = np.repeat(corners, 2, axis=0) + rng.integers(-2, 3, size=(24, 2))
        places = np.concatenate([near.clip(0, 168), far_corners(corners, rng)])
        windows += [image[row : row + 24, column : column + 24] for row, column in places]
        answers += [*np.repeat(labels, 2), *[10] * 24]
    names = (*digits.class_names, "nothing")
    return data.LabelledImages(torch.tensor(np.array(windows))[:, None], torch.tensor(np.array(answers)), names)


# %%
train, val, test = (cut_windows(scenes, SEED) for scenes in (train_scenes, val_scenes, test_scenes))
print(f"{len(train):,} windows to train, {len(val)} to watch, {len(test)} to judge; half of them are nothing")
figure, ax = plt.subplots(figsize=(8.5, 3.4))
some = [*range(0, 24, 2), *range(24, 48, 2)]
figures.plot_image_grid(train.images[some], ax, titles=[train.class_names[train.labels[i]] for i in some], columns=12)
figures.show(
    figure,
    alt="Upper row: twelve windows with a digit in the middle, with pieces of neighbours. Lower row: twelve windows "
    "called nothing: plain film, ribs, and windows in which a digit or a gap lies off the middle.",
)

# %% [markdown]
# Some windows of the lower row show nearly a whole digit, only not in the middle. That is right: on the film, another
# window will have it in the middle, and a finder that answers everywhere near a digit would find it five times.
#
# Without the hard ones the task would be learned in a minute and be worthless: "is anything bright here?" would do. The
# net must learn that a digit belongs in the *middle*, and that two halves are not one whole. Whoever trains a detector
# of nodules meets the same question: what else looks bright and round? Those go into the training as "nothing".
#
# Now the net, a VGG of two blocks, **without padding**, for a reason that part 11 gives. First its parts and their
# shapes. **Predict** the maps after each block: two 3 × 3 convolutions and a pool of 2 × 2, from 24 × 24 pixels.

# %%
predicted_block_shapes = None  # type two sizes: (after block 1, after block 2)


# %% tags=["nbval-check-output"]
def block(in_maps, maps):  # as in VGG
    first, second = nn.Conv2d(in_maps, maps, kernel_size=3), nn.Conv2d(maps, maps, kernel_size=3)
    return [first, nn.ReLU(), second, nn.ReLU(), nn.MaxPool2d(2)]


windows = train.images[:1]
after_1 = nn.Sequential(*block(1, 8))(windows)
after_2 = nn.Sequential(*block(8, 16))(after_1)
print(f"{tuple(windows.shape)} → {tuple(after_1.shape)} → {tuple(after_2.shape)}")
reveal(predicted_block_shapes, (after_1.shape[-1], after_2.shape[-1]))

# %% [markdown]
# Two dense layers follow, with dropout between them. The first weights are drawn at random, with a spread that keeps the
# signals about equally large from layer to layer, though each ReLU silences half of them (He and others, 2015).


# %%
class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(*block(1, 8), *block(8, 16))  # (B, 16, 3, 3)
        self.classifier = nn.Sequential(nn.Linear(144, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 11))
        for layer in [*self.features, *self.classifier]:
            if isinstance(layer, nn.Conv2d | nn.Linear):  # as in models/vgg.py
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def forward(self, windows):  # (B, 1, 24, 24)
        return self.classifier(self.features(windows).flatten(1))  # (B, 11)


# %%
torch.manual_seed(SEED)
reader = Reader()
summarize(reader, windows)

# %% [markdown]
# **Baselines first.** Two of them: *always nothing*, which half of the windows reward; and a **linear reader**, one
# dense layer from the 576 pixels to the eleven answers. It trains by the same loop on the same windows, so whatever the
# deep reader does better is due to its layers. **Predict** the share of validation windows that the linear one names
# rightly.

# %%
predicted_linear = None  # type your number, in per cent

# %%
train_loader = data.make_loader(train, batch_size=BATCH_SIZE, shuffle=True)
val_loader, test_loader = (data.make_loader(part, batch_size=256) for part in (val, test))
epochs = EPOCHS or (8 if FAST else 16)
torch.manual_seed(SEED)
linear = nn.Sequential(nn.Flatten(), nn.Linear(576, 11))
linear_history = fit(linear, train_loader, val_loader, epochs=epochs, learning_rate=LEARNING_RATE, seed=SEED)
reveal(predicted_linear, round(100 * linear_history.val_accuracy[-1], 1), unit="per cent of the windows")

# %% [markdown]
# Now the deep reader, with a curve that grows and a checkpoint after each epoch.


# %%
def draw_curve(history):
    figure, ax = plt.subplots(figsize=(6.5, 2.8))
    figures.plot_learning_curves(history, ax)
    ax.set_ylabel("cross entropy")
    ax.legend(loc="upper center")
    clear_output(wait=True)
    figures.show(
        figure,
        alt=f"Learning curve over {len(history.train_loss)} epochs: the training loss falls to "
        f"{history.train_loss[-1]:.2f}, the validation loss ends at {history.val_loss[-1]:.2f}.",
    )


how = {"epochs": epochs, "learning_rate": LEARNING_RATE, "seed": SEED, "on_epoch_end": draw_curve}
history = fit(reader, train_loader, val_loader, checkpoint_dir=Path(CHECKPOINT_DIR or tempfile.mkdtemp()), **how)

# %% [markdown]
# Read the curve before you read the numbers. Do both losses still fall at the end? Then more epochs would help, and the
# run with `FAST = False` has them. Does the validation loss lie *below* the training loss? Dropout is on while the
# training loss is measured, and off for validation; and the training loss is a mean over an epoch in which the net was
# still getting better. Only when validation rises while training falls has the net begun to learn its windows by heart.
#
# Judge on the test windows, with Wilson's intervals. (Several windows come from one film and one digit, so the true
# intervals are wider; part 12 counts by film.)

# %%
judged = {
    "always nothing": int((test.labels == 10).sum()),
    "linear reader": int((predict(linear, test_loader).y_pred == test.labels.numpy()).sum()),
    "deep reader": int((predict(reader, test_loader).y_pred == test.labels.numpy()).sum()),
}
for name, right in judged.items():
    interval = metrics.wilson_interval(right, len(test))
    low, high = 100 * interval.low, 100 * interval.high
    print(f"{name:15} {right:3} of {len(test)} windows  {100 * right / len(test):5.1f}%  [{low:.1f}, {high:.1f}]")
as_given = (EPOCHS, BATCH_SIZE, LEARNING_RATE) == (None, 64, 0.003)
assert not as_given or judged["deep reader"] > 0.82 * len(test), "the deep reader names most windows rightly"
assert not as_given or judged["deep reader"] > judged["linear reader"], "and more than the linear one"

# %% [markdown]
# ## 9 The large scene
#
# Six films on one light box: 384 × 576 pixels. The straight way is to slide: a window every 4 pixels, each through the
# reader. **Predict** how many windows that makes.

# %%
predicted_windows = None  # type your number

# %% tags=["nbval-check-output"]
rows_of_films = [np.concatenate(test_scenes.images[first : first + 3], axis=1) for first in (0, 3)]
scene = torch.tensor(np.concatenate(rows_of_films))  # (384, 576)
windows = scene.unfold(0, 24, 4).unfold(1, 24, 4)  # (rows, columns, 24, 24)
reveal(predicted_windows, windows.shape[0] * windows.shape[1], unit=f"windows in {windows.shape[0]} rows")

# %%
reader.eval()
start = time.perf_counter()
with torch.no_grad():
    answers = [reader(batch[:, None]) for batch in windows.reshape(-1, 24, 24).split(512)]
seconds_sliding = time.perf_counter() - start
by_sliding = torch.cat(answers).T.reshape(11, *windows.shape[:2])  # (11, 91, 139)
print(f"{tuple(by_sliding.shape)} scores in {seconds_sliding:.2f} s")

# %% [markdown]
# It works, and it is wasteful: each pixel is read by 36 windows, and the same edges are found 36 times. Why not hand
# the scene to the reader as it is? Its convolutions take any size. **This cell is meant to fail; predict** at which
# layer, and the first of the two sizes in the message. (384 → 93 rows and 576 → 141 columns after the second block, 16
# maps.)

# %%
predicted_first_size = None  # type "1x…" with your number

# %% tags=["raises-exception"]
reader(scene[None, None])

# %%
maps_of_scene = reader.features(scene[None, None])
reveal(predicted_first_size, f"1x{maps_of_scene.numel()}")
print(f"the maps of the scene, {tuple(maps_of_scene.shape)}, are fine")

# %% [markdown]
# Only the dense layer balks: it wants 144 numbers. And we know what a dense layer is.

# %% [markdown]
# ## 10 Look everywhere at once
#
# Everything is ready: the convolutions take any size, and part 7 showed what a dense layer is. Three steps, which come
# back in the exercises: make a convolution with a kernel as large as the maps that the dense layer read; copy the
# weights, *folded* in the order of flatten; copy the biases. No loss, no gradient, no data: this is book-keeping, not
# learning.
#
# Fold both dense layers into kernels. The first one reads 16 maps of 3 × 3; the second sees one cell at a time, so its
# kernel is 1 × 1.


# %%
def as_convolution(dense, in_maps, size, stride=1):
    conv = nn.Conv2d(in_maps, dense.out_features, kernel_size=size, stride=stride)
    with torch.no_grad():
        conv.weight.copy_(dense.weight.reshape(conv.weight.shape))  # flatten ran over maps, rows, columns
        conv.bias.copy_(dense.bias)
    return conv


hidden, relu, dropout, output = reader.classifier
everywhere = nn.Sequential(
    reader.features, as_convolution(hidden, 16, size=3), relu, dropout, as_convolution(output, 64, size=1)
).eval()

# %% [markdown]
# **Predict** the shape of its answer to the scene, and the largest difference to the 12,649 answers of the sliding
# window. Then run it.

# %%
predicted_map_shape = None  # type three numbers: (answers, rows, columns)
predicted_largest_difference = None  # type your number

# %%
with torch.no_grad():
    score_map = everywhere(scene[None, None])[0]  # (11, 91, 139)
reveal(predicted_map_shape, tuple(score_map.shape))
largest_difference = (score_map - by_sliding).abs().max().item()
reveal(predicted_largest_difference, largest_difference, unit=f"(scores reach {score_map.abs().max():.0f})")
assert torch.allclose(score_map, by_sliding, rtol=1e-5, atol=1e-5), "the map is the sliding window"
of_probabilities = (score_map.softmax(dim=0) - by_sliding.softmax(dim=0)).abs().max().item()
assert of_probabilities < 1e-5
print(f"as probabilities they differ by at most {of_probabilities:.0e}")

# %% [markdown]
# Not bit by bit: a sum of many products, added in another order, is rounded otherwise. If that is all, twice as many
# digits of precision should make the difference vanish. The first row of windows will do.

# %%
with torch.no_grad():
    row_of_map = everywhere.double()(scene.double()[None, None])[0, :, 0]  # (11, 139)
    row_of_windows = reader.double()(windows[0].double()[:, None]).T
print(f"with 16 digits the largest difference is {(row_of_map - row_of_windows).abs().max():.0e}")
assert torch.allclose(row_of_map, row_of_windows, rtol=1e-10, atol=1e-10)
reader, everywhere = reader.float(), everywhere.float()

# %% [markdown]
# The same net, in another shape. How much was saved? Count the work first. **Predict** how many times as many MACs the
# sliding window needs.

# %%
predicted_times_macs = None  # type your number

# %% tags=["nbval-check-output"]
of_a_window = summarize(Reader(), torch.zeros(1, 1, 24, 24))
of_the_scene = summarize(everywhere, torch.zeros(1, 1, 384, 576))
sliding_macs = 91 * 139 * of_a_window.macs
reveal(predicted_times_macs, round(sliding_macs / of_the_scene.macs, 1), unit="times as many")
kinds = ("Conv2d", "Linear")
pairs = zip(*([row for row in net.rows if row.type in kinds] for net in (of_a_window, of_the_scene)), strict=True)
for number, (small, large) in enumerate(pairs, start=1):
    slid = 91 * 139 * small.macs
    print(
        f"layer {number}: {slid / 1e6:8.1f} million slid, {large.macs / 1e6:6.1f} at once, {slid / large.macs:4.1f} ×"
    )

# %% [markdown]
# Early layers save most: neighbouring windows share nearly all of their edges. The last two layers save *nothing*: each
# place needs its own 144 products a unit either way. And in seconds? **Predict**: more or less than the count?

# %%
predicted_times_seconds = None  # type your number

# %%
seconds = []
with torch.no_grad():
    for _ in range(3):
        start = time.perf_counter()
        everywhere(scene[None, None])
        seconds.append(time.perf_counter() - start)
speed_up = seconds_sliding / min(seconds)
reveal(predicted_times_seconds, round(speed_up, 1), unit=f"times as fast: {min(seconds):.3f} s")
assert speed_up > 1.5, "one pass should be faster than 12,649 small ones"

# %% [markdown]
# The clock and the count need not agree: small windows keep a processor busy with bookkeeping, large maps with fetching
# from memory. Only the clock tells the time (lesson 08 makes that point with the whole zoo).
#
# What does the map look like? We show the probability that there is *some* digit: 1 minus that of "nothing".

# %%
some_digit = 1 - score_map.softmax(dim=0)[10]  # (91, 139)
figure, ax = plt.subplots(figsize=(6.6, 4.0))
plot_score_map(scene, some_digit, ax, window_size=24, stride=4)
figures.show(
    figure,
    alt="Six chest films with handwritten numbers, and over them the map of the reader: orange spots on every "
    "digit, and faint orange along some spines.",
)

# %% [markdown]
# A heat map from a classifier that was never told a place.
#
# And if the scene does not fit into memory? Cut it into tiles that overlap, and put the maps side by side. **Predict**
# by how many rows an upper and a lower tile must overlap so that no cell is missing and none comes twice. (Windows have
# 24 rows, and a new one begins every 4.)

# %%
predicted_overlap = None  # type your number, in rows

# %%
upper, lower = scene[:200], scene[180:]  # cells 0 to 44, and 45 to 90
with torch.no_grad():
    tiles = torch.cat([everywhere(part[None, None])[0] for part in (upper, lower)], dim=1)
reveal(predicted_overlap, 200 - 180, unit="rows: 24 − 4")
print(f"map {tuple(tiles.shape)}, the same as in one piece: {torch.allclose(tiles, score_map, rtol=1e-5, atol=1e-5)}")

# %% [markdown]
# So a slide of ten billion pixels needs no ten billion bytes (lesson 19); `models/tiles.py` does the same for nets that
# answer pixel by pixel (lesson 16). A tile must begin at a multiple of 4, or its pools bring other pixels together.
#
# **Each cell sees its own window and nothing else**, however large the scene: the lecture stresses it, so we test it.
# Replace everything *outside* the window of cell (30, 70) by noise. **Predict** how much the scores of that cell
# change; then the window's size from the layers, by lesson 03.

# %%
predicted_change = None  # type your number
predicted_field = None  # type your number, in pixels

# %%
window = input_window(everywhere, (384, 576), row=30, column=70)
noisy = torch.rand(384, 576)
inside = slice(window.top, window.bottom), slice(window.left, window.right)
noisy[inside] = scene[inside]
with torch.no_grad():
    change = (everywhere(noisy[None, None])[0, :, 30, 70] - score_map[:, 30, 70]).abs().max().item()
reveal(predicted_change, round(change, 4))
assert change < 1e-4

# %%
stack = [Layer(3), Layer(3), Layer(2, 2), Layer(3), Layer(3), Layer(2, 2), Layer(3), Layer(1)]
field = arithmetic.receptive_field(stack)
seen = f"from row {window.top} to {window.bottom - 1}"
reveal(predicted_field, field.size, unit=f"pixels, here {seen}; the next cell looks {field.jump} further")

# %% [markdown]
# 24 pixels: the size of the windows, and a step of 4: the two pools. The dense layer's kernel decided the first, the
# pools the second. A digit that lies between two steps is at most 2 pixels from a window's middle, and that is why we
# trained with digits up to 2 pixels off.
#
# ## 11 Why no padding?
#
# VGG pads every convolution. `fully_convolutional` turns our zoo's AlexNets and VGGs into maps, too; what does padding
# do to the equality? A small VGG, untrained, for images of 28 × 28. **Predict**: is the map still the sliding window,
# and how many pixels does one cell of VGG-16 see on a large image? (It was made for 224.)

# %%
predicted_still_same = None  # type "yes" or "no"
predicted_vgg_field = None  # type your number, in pixels

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
padded = VGG(((8, 8), (16, 16)), num_classes=11, in_channels=1, hidden_units=32).eval()
converted = fully_convolutional(padded)
image = torch.rand(1, 1, 60, 60)
with torch.no_grad():
    one_window = (converted(image[..., :28, :28])[0, :, 0, 0] - padded(image[..., :28, :28])[0]).abs().max()
    from_map = (converted(image)[0, :, 4, 4] - padded(image[..., 16:44, 16:44])[0]).abs().max()
print(f"on an image of its own size both agree: {bool(one_window < 1e-5)}")
reveal(predicted_still_same, "yes" if from_map < 1e-5 else "no")
with torch.device("meta"):
    large = input_window(fully_convolutional(vgg16()), (1024, 1024), row=12, column=12)
reveal(predicted_vgg_field, large.bottom - large.top, unit="pixels")

# %% [markdown]
# On its own image size the two agree; inside a larger one they do not. The small net was used to a frame of zeros
# around each window, at every layer; in the large image it sees real neighbours there. A cell of VGG-16 looks at 404
# pixels: 212 after the fifth pool, and the folded dense layer adds 6 steps of 32. On its own 224, the rest was a black
# frame. The map is not wrong, but it is *another* function than the classifier you
# judged: measure again on whole images.

# %% [markdown]
# ## 12 Find and read
#
# From a map to a list: a **peak** is a cell whose evidence for a digit is positive and not topped within 2 cells. As
# evidence we take the logarithm of "digit" over "nothing", since probabilities of 1.000 would tie. A peak within 6
# pixels of a true corner has *found* the digit; a second one there, or one elsewhere, is a *false alarm*.


# %%
def find_digits(net, image):
    with torch.no_grad():
        scores = net(torch.as_tensor(image)[None, None])[0]  # (11, rows, columns)
    evidence = scores[:10].logsumexp(dim=0) - scores[10]
    highest = F.max_pool2d(evidence[None], kernel_size=5, stride=1, padding=2)[0]
    cells = ((evidence > 0) & (evidence == highest)).nonzero()  # (peaks, 2)
    return 4 * cells.numpy(), scores[:10, cells[:, 0], cells[:, 1]].argmax(dim=0).numpy()


peaks, said = find_digits(everywhere, test_scenes.images[0])
print(f"first test film: {len(peaks)} peaks, read as {said.tolist()}; the truth: {test_scenes.labels[0].tolist()}")

# %% [markdown]
# The same digits, perhaps, in another order: peaks come from the top down. To judge them, each peak is given to the
# nearest digit, if that is near enough; then three numbers are counted, digits found, digits read, and peaks too many.


# %%
def judge(net, image, corners, labels):
    peaks, said = find_digits(net, image)
    distance = np.abs(peaks[:, None] - corners).max(axis=2)  # (peaks, 12)
    nearest = np.where(distance.min(axis=1) <= 6, distance.argmin(axis=1), -1)  # −1: no digit is near
    found = np.unique(nearest[nearest >= 0])
    read = np.unique(nearest[(nearest >= 0) & (said == labels[nearest])])
    return len(found), len(read), len(peaks) - len(found)


film = (each[0] for each in test_scenes)
print("(found, read, false alarms) on the first test film:", judge(everywhere, *film))

# %% [markdown]
# The baseline first, again: the linear reader is a dense layer, too, so it becomes a convolution with a kernel of
# 24 × 24 and a stride of 4.
#
# The intervals are those of the **bootstrap**: from the twelve films draw twelve again, some of them twice and some not at
# all, do so a thousand times or more, and see how far the mean wanders. Films are drawn and not digits, since the digits of
# a film share its background. (Each patient's film was written on twice, so even these intervals are a little too narrow.)
#
# **Predict** for the deep reader: which share of the digits on the test films does it find,
# and which share does it find *and* read rightly?

# %%
predicted_found = None  # type your number, in per cent
predicted_read = None  # type your number, in per cent

# %%
finders = {"linear reader": as_convolution(linear[1], 1, size=24, stride=4), "deep reader": everywhere}
measures = {"found (%)": 100 / 12, "found and read (%)": 100 / 12, "false alarms a film": 1}
counts = {}
for name, net in finders.items():
    counts[name] = np.array([judge(net, *film) for film in zip(*test_scenes, strict=True)])  # (films, 3)
    for (what, factor), column in zip(measures.items(), counts[name].T, strict=True):
        each = metrics.bootstrap_mean(factor * column, seed=SEED)
        print(f"{name:14} {what:20}{each.value:6.1f}  [{each.interval.low:.1f}, {each.interval.high:.1f}]")

# %%
found, read, alarms = counts["deep reader"].mean(axis=0)
reveal(predicted_found, round(100 * found / 12, 1), unit="per cent found")
reveal(predicted_read, round(100 * read / 12, 1), unit="per cent found and read")

# %%
linear_read, linear_alarms = counts["linear reader"].mean(axis=0)[1:]
if as_given and FAST:
    assert found / 12 > 0.95, "nearly every digit is found"
    assert read / 12 > 0.7, "most are read"
    assert read > linear_read + 1, "more than the linear reader reads"
    assert alarms < min(2, linear_alarms / 2), "with fewer false alarms"
total, hits = test_scenes.labels.size, int(counts["deep reader"][:, 0].sum())
interval = metrics.wilson_interval(hits, total)
print(f"{hits} of {total} found: Wilson's interval is [{100 * interval.low:.1f}, {100 * interval.high:.1f}]%")

# %% [markdown]
# Three things to read off.
#
# - *Finding is easy here, reading is not.* Ink is the brightest thing on these films, so even one dense layer finds
#   nearly all of it. What two blocks of convolutions buy is reading, and silence where nothing is.
# - *An interval from 100 to 100 is no certainty.* Where no film has a miss, no draw of films has one either. Wilson's
#   interval, printed last, does not fall for it (though it takes digits as independent).
# - *Which error costs what?* For the hospital, a number must be painted over, not read: a miss costs a person's
#   privacy, a false alarm a patch of lung. Which way would you move the threshold, and who should decide?
#
# The price list, with the threshold of evidence from strict to lax. **Predict**: does the strictest one still find half
# of the digits?

# %%
predicted_half = None  # type "yes" or "no"


# %%
def with_bias(bias):  # as if digits were more likely, or less
    shifted = as_convolution(output, 64, size=1)
    with torch.no_grad():
        shifted.bias[10] += bias
    return nn.Sequential(*everywhere[:4], shifted).eval()


biases = (8, 4, 0, -4, -8)
trade = np.array([[judge(with_bias(b), *film) for film in zip(*test_scenes, strict=True)] for b in biases]).mean(axis=1)
for bias, (hit, _, alarm) in zip(biases, trade, strict=True):
    print(f"threshold {bias:+}: {100 * hit / 12:5.1f}% found, {alarm:5.2f} false alarms a film")
reveal(predicted_half, "yes" if trade[0, 0] > 6 else "no")

# %% [markdown]
# Strict, it stays silent where ink is faint; lax, it begins to see digits in ribs and in the gaps of a line. No
# threshold is right by itself: it follows from the two costs. And it may not be chosen on these test films, which we
# have now looked at; the validation films are there for it.
#
# Found against false alarms a film, over all thresholds: that is the FROC curve, and lesson 10 draws it.

# %% [markdown]
# ## 13 Look at the mistakes
#
# First all that the deep reader missed, misread or saw where nothing was, on the test films. Misses and false alarms
# come first, if there are any.


# %%
def mistakes_on(image, corners, labels):
    peaks, said = find_digits(everywhere, image)
    distance = np.abs(peaks[:, None] - corners).max(axis=2)  # (peaks, 12)
    for corner, label, far in zip(corners, labels, distance.T, strict=True):
        answer = said[far.argmin()] if far.min(initial=99) <= 6 else "missed"
        if answer != label:
            yield image, corner, f"{label} → {answer}"
    for corner, answer, far in zip(peaks, said, distance, strict=True):
        if far.min() > 6:
            yield image, corner, f"nothing → {answer}"


mistakes = [mistake for film in zip(*test_scenes, strict=True) for mistake in mistakes_on(*film)]
print(f"{len(mistakes)} mistakes on {len(test_scenes.images)} films with {test_scenes.labels.size} digits")

# %%
unlike = sorted(mistakes, key=lambda mistake: "→ missed" not in mistake[2] and "nothing" not in mistake[2])[:16]
crops = [image[row : row + 24, column : column + 24] for image, (row, column), _ in unlike]
figure, ax = plt.subplots(figsize=(8.5, 3.2))
figures.plot_image_grid(np.stack(crops), ax, titles=[words for *_, words in unlike], columns=8)
figures.show(
    figure,
    alt="Up to sixteen windows of the test films on which the reader failed, titled truth → answer: "
    f"{', '.join(words for *_, words in unlike)}.",
)

# %% [markdown]
# Sort them: is the ink drowned by a bright background, does a neighbour stand too close, or would you hesitate as well
# (a digit here has 8 × 8 measured pixels)? Which of the three would more films cure, and which only a sharper scan?
#
# A suspicion can be counted. We call the median of a window its background, and compare the half of the digits on
# darker ground with the half on brighter ground. **Predict** where the reader does better, and by how many points.

# %%
predicted_gap = None  # type percentage points, darker minus brighter

# %%
outcome = []  # background and whether it was read, digit by digit
for image, corners, labels in zip(*test_scenes, strict=True):
    wrong = {tuple(corner) for _, corner, words in mistakes_on(image, corners, labels) if "nothing" not in words}
    for row, column in corners:
        outcome.append((np.median(image[row : row + 24, column : column + 24]), (row, column) not in wrong))
ground, was_read = np.array(outcome).T
dark = ground <= np.median(ground)
for name, half in (("darker", dark), ("brighter", ~dark)):
    interval = metrics.wilson_interval(int(was_read[half].sum()), int(half.sum()))
    print(f"{name:9}{100 * was_read[half].mean():5.1f}% read  [{100 * interval.low:.1f}, {100 * interval.high:.1f}]")
reveal(predicted_gap, round(100 * (was_read[dark].mean() - was_read[~dark].mean()), 1), unit="points")

# %% [markdown]
# Look at the two intervals before you believe in a difference, or in none: with some seventy digits a half, each
# reaches several points to both sides.
#
# **Where nobody taught "nothing".** Suppose that we had trained on digits alone, with ten answers. We can ask our
# reader as if it had only ten: take the ten digit scores and make them add up to one. **Predict**: on test windows that
# hold *no* digit, how sure is it of its favourite digit, on average?

# %%
predicted_sure = None  # type your number, in per cent

# %%
empty = test.images[test.labels == 10]
with torch.no_grad():
    ten = reader(empty)[:, :10].softmax(dim=1)
    eleven = reader(empty).softmax(dim=1)
reveal(predicted_sure, round(100 * ten.amax(dim=1).mean().item()), unit="per cent sure of some digit")
print(f"with the eleventh answer: {100 * (1 - eleven[:, 10]).mean():.1f}% for all digits together")

# %% [markdown]
# More than half sure, on average, of a digit that is not there: a classifier must choose among its answers.
# Probabilities that add up to one over ten digits do not say that there *is* a digit. Before you slide a classifier
# over an organ, ask what it was taught to say where nothing is.

# %% [markdown]
# ## 14 Explorer
#
# Choose a cell of the map, and see the window that it looks at, and what it says. Walk over one digit cell by cell: how
# many cells answer? Then find the gap between two neighbours, and the place where the reader is least sure.

# %%
film = test_scenes.images[0]
with torch.no_grad():
    shares = everywhere(torch.tensor(film)[None, None])[0].softmax(dim=0)  # (11, 43, 43)
start = tuple(int(corner + 2) // 4 for corner in test_scenes.corners[0, 0])  # the nearest cell
window_explorer(film, shares, class_names=test.class_names, window_size=24, stride=4, start=start)

# %% [markdown]
# ## What we learned
#
# **The objectives, answered.**
#
# 1. *The tables.* 224 does not give 55; 227 without padding does, or 224 with 2. The slide's table lacks a pool, as its
#    own sum shows: 60 million with it, 200 without. VGG's eight numbers are right.
# 2. *Towers, weights and work.* Two towers halve the weights of a layer: 307,456 for 614,656. Dense layers hold 96%
#    (AlexNet) and 89% (VGG-16) of the parameters, and do 8% and 0.8% of the work.
# 3. *Threes.* Fewer weights for the same view, and more bends; without ReLU between, a stack is one kernel.
# 4. *Fully convolutional.* A dense layer is a kernel as large as its maps. Map and sliding window are equal within 1e-5
#    where nothing is padded; early layers are shared, the dense ones are not.
# 5. *Judged on whole films*: found, read and false alarms by film, beside a linear reader that finds as well, reads
#    half and raises many alarms. What went wrong was looked at, and a suspicion counted.
#
# **Pitfalls.** A printed size that does not close · a table without its sum · groups forgotten in a count · weights
# taken for work · a dense layer's input counted in maps, without their cells · weights folded in the wrong order, which
# fits and is wrong · dropout corrected twice · padding between classifier and map · no answer for "nothing" · windows
# counted as if they were patients · an interval of no width.
#
# **Without looking back**, one sentence each: Why does the third pool weigh 140 million parameters? Why do the last two
# layers save nothing? Why did we not pad?
#
# Last, what is *reported* elsewhere and what was *measured* here. ImageNet's errors are of photographs, for
# orientation only; nothing here reproduces them.

# %% [markdown]
# | | reported | by whom, on what |
# |---|---|---|
# | AlexNet | 60 million parameters, 650,000 units | Krizhevsky 2012, and the lecture's slides |
# | its training | five to six days on two cards of 3 GB ("a week" on the slides) | Krizhevsky 2012 |
# | its error, first five guesses | 15.3% (seven nets together), next best 26.2% | ILSVRC 2012, photographs |
# | VGG-16 by blocks | the eight numbers of part 6, 138,357,544 in all | the lecture's slides |
# | its training | two to three weeks on four cards | Simonyan 2015, and the slides |
# | VGG's error, first five guesses | 7.3% (seven nets together, 2014), 6.8% (two nets, later) | Simonyan 2015, photographs |

# %%
print(f"parameters here: {two.parameters:,} (2012), {one.parameters:,} (one tower), {deep.parameters:,} (VGG-16)")
print(f"one AlexNet's training on this machine: about {days:.0f} days (estimated from a timed forward pass)")
print(f"map against sliding window here: {sliding_macs / of_the_scene.macs:.1f} × fewer MACs, {speed_up:.1f} × as fast")
print(f"digits on phantom films here: {found / 12:.0%} found, {read / 12:.0%} read, {alarms:.2f} false alarms a film")

# %% [markdown]
# **References.** A. Krizhevsky, I. Sutskever, G. Hinton, *ImageNet classification with deep convolutional neural
# networks*, NIPS 2012 · A. Krizhevsky, *One weird trick for parallelizing convolutional neural networks*, 2014, arXiv
# 1404.5997 · K. Simonyan, A. Zisserman, *Very deep convolutional networks for large-scale image recognition*, ICLR
# 2015, arXiv 1409.1556 · P. Sermanet et al., *OverFeat*, ICLR 2014 · J. Long, E. Shelhamer, T. Darrell, *Fully
# convolutional networks for semantic segmentation*, CVPR 2015 · N. Srivastava et al., *Dropout*, JMLR 15, 2014 ·
# D. Rueckert, *AI in Medicine I* (lecture slides: AlexNet's table, VGG's counts, dense layers as convolutions) ·
# E. Alpaydin, C. Kaynak, *Optical Recognition of Handwritten Digits*, doi 10.24432/C50P49.
#
# **Now the exercises**, `exercises/05_alexnet_vgg.ipynb`: you settle 224 or 227 for any layer, count towers and blocks,
# and turn a dense layer into a convolution yourself.
