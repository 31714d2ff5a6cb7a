# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: "How to be deep and cheap? Exercises"
#     level: intermediate
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["06_inception"]
#     facts: [R16, R17, R18]
# ---

# %% [markdown]
# # 06 · How to be deep and cheap? Exercises
#
# Five tasks, 20 points, about 60 minutes: the cost of a branch, the convolution of one pixel, branches side by side,
# the loss of a net with auxiliary heads, and smoothed labels. None is long. Each has a silent slip in mind: code that
# runs, and gives a number that is merely not the right one.
#
# How it works: read the contract, write your code where `NotImplementedError` stands, run the cell, then run the checks
# below it. A check never stops the notebook; it shows what your code gave, what was wanted, and one question. Stuck?
# Open the first hint, try again, and only then the next. The first task leaves a gap, later ones leave more, and the
# last two are all yours. Graded are these checks and others of the same kind with other numbers, so write for every
# input that the contract allows.

# %% tags=["setup"]
import numpy as np
import torch
from torch.nn import functional as F

from course_lib.classroom import explain, hint_for

# %% [markdown]
# ## Warm-up: a worked example
#
# The multiplications of one convolution in three steps, all given: *places*, *products*, *sum*. Before you run it: what
# does the 5×5 layer of module 3a cost if it reads all 192 channels?


# %%
def direct_macs(in_channels, out_channels, kernel_size, size):
    height, width = size
    # 1 places: how often each filter is laid down
    places = height * width
    # 2 products: what one filter multiplies at one place
    products = kernel_size**2 * in_channels
    # 3 sum: over all filters and places
    return places * products * out_channels


direct_macs(192, 32, kernel_size=5, size=(28, 28))

# %% [markdown]
# ## Task 1 · The cost of a branch (4 points)
#
# A 1×1 convolution brings `in_channels` down to `reduced`, then a larger kernel makes `out_channels` of them. The first
# reads every place of the grid; the second has a stride. Its padding is half its kernel, so that step 1 (given) is the
# number of its places. One gap is yours: the products of both layers.
#
# | | |
# |---|---|
# | `in_channels`, `reduced`, `out_channels` | whole numbers ≥ 1 |
# | `kernel_size` | odd whole number ≥ 1, height and width of the second kernel |
# | `size` | (height, width) of the maps that come in |
# | `stride` | whole number ≥ 1, of the second layer alone |
# | returns | whole number: multiplications of **both** layers for one image (a multiplication with its addition is 1) |
#
# Example: 2 → 1 → 1 channels, kernel 3, on 2 × 2: 4 places · 2 and 4 places · 9, together 44.


# %% task="branch_macs" points=4 withhold="course_lib.arithmetic.conv_macs"
def branch_macs(in_channels, reduced, out_channels, kernel_size, size, stride=1):
    """Count the multiplications of a 1×1 convolution and of the larger kernel behind it."""
    # 1 places: of the first layer, and of the second
    height, width = size
    first_places = height * width
    then_places = ((height - 1) // stride + 1) * ((width - 1) // stride + 1)
    # 2 products: each layer's filters, at each of its places
    ### BEGIN SOLUTION
    first = first_places * in_channels * reduced
    then = then_places * kernel_size**2 * reduced * out_channels
    ### END SOLUTION
    # 3 sum
    return first + then


# %% check="branch_macs" requirement="counts both layers" points=1 after="Someone reports 24.9 million. What did they count?"
got = branch_macs(192, 16, 32, 5, (28, 28))
assert got == 12_443_648, explain(
    "branch_macs(192, 16, 32, 5, (28, 28))",
    got,
    "12443648",
    known=[
        (10_035_200, "You saved a lot. Did you pay for the cheap layer, too?"),
        (120_422_400, "That is the direct way. How many channels reach the 5×5 kernel?"),
        (122_830_848, "The 1×1 is there. How many channels reach the kernel behind it?"),
        (24_887_296, "Twice too many: the contract counts a multiplication with its addition as one."),
        (4_415_488, "How many weights has a kernel of 5 × 5 for each channel?"),
        (2_408_448, "That is the first layer alone. Who reads its 16 maps?"),
    ],
    ask="Write down two products: places · inputs · filters of the 1×1, places · 25 · inputs · filters of the 5×5. "
    "Which of the two differs?",
)

# %% check="branch_macs" requirement="counts where the kernel is laid down" points=1
got = branch_macs(8, 4, 6, 3, (9, 5), stride=2)
assert got == 4_680, explain(
    "branch_macs(8, 4, 6, 3, (9, 5), stride=2)",
    got,
    "4680",
    known=[
        (11_160, "At how many places is the second kernel really laid down?"),
        (3_720, "The stride belongs to the second layer. How many places does the first one see?"),
        (3_240, "Did you pay for the cheap layer, too?"),
        (9_360, "Twice too many: the contract counts a multiplication with its addition as one."),
        (7_920, "How many channels reach the second kernel?"),
        (2_520, "How many weights has a kernel of 3 × 3 for each channel?"),
    ],
    ask="The first layer has 45 places, the second 15. Which of your products uses which?",
)

# %% hidden="branch_macs" requirement="any branch" points=2
for _ in range(12):
    c, r, k, half, h, w, s = (int(n) for n in rng.integers((9, 2, 3, 1, 5, 5, 2), (40, 8, 20, 4, 20, 20, 4)))
    kernel = 2 * half + 1
    places = len(range(0, h, s)) * len(range(0, w, s))
    got = branch_macs(c, r, k, kernel, (h, w), stride=s)
    assert got == h * w * c * r + places * kernel**2 * r * k, hint_for(
        got,
        known=[
            (places * kernel**2 * r * k, "Did you pay for the cheap layer, too?"),
            (h * w * (c * r + kernel**2 * r * k), "At how many places is the second kernel really laid down?"),
            (places * (c * r + kernel**2 * r * k), "How many places does the first layer see?"),
            (2 * (h * w * c * r + places * kernel**2 * r * k), "A multiplication with its addition is one."),
            (h * w * c * r + places * kernel**2 * c * k, "How many channels reach the second kernel?"),
            (h * w * c * r + places * kernel * r * k, "How many weights has a square kernel for each channel?"),
        ],
        otherwise="A count is off. Try 3 → 2 → 5 channels with a kernel of 3 on 4 × 6, stride 2, by hand.",
    )


# %% right="branch_macs"
def branch_macs(in_channels, reduced, out_channels, kernel_size, size, stride=1):  # place by place
    total = 0
    for row in range(size[0]):
        for column in range(size[1]):
            total += in_channels * reduced
            if row % stride == 0 and column % stride == 0:
                total += kernel_size * kernel_size * reduced * out_channels
    return total


# %% wrong="branch_macs" hint="pay for the cheap layer"
def branch_macs(in_channels, reduced, out_channels, kernel_size, size, stride=1):  # the 1×1 is free
    places = ((size[0] - 1) // stride + 1) * ((size[1] - 1) // stride + 1)
    return places * kernel_size**2 * reduced * out_channels


# %% wrong="branch_macs" hint="really laid down"
def branch_macs(in_channels, reduced, out_channels, kernel_size, size, stride=1):  # at the size of the input
    return size[0] * size[1] * (in_channels * reduced + kernel_size**2 * reduced * out_channels)


# %% wrong="branch_macs" hint="Twice too many"
def branch_macs(in_channels, reduced, out_channels, kernel_size, size, stride=1):  # FLOPs
    places = ((size[0] - 1) // stride + 1) * ((size[1] - 1) // stride + 1)
    return 2 * (size[0] * size[1] * in_channels * reduced + places * kernel_size**2 * reduced * out_channels)


# %% wrong="branch_macs" hint="How many channels reach"
def branch_macs(in_channels, reduced, out_channels, kernel_size, size, stride=1):  # the kernel reads all channels
    places = ((size[0] - 1) // stride + 1) * ((size[1] - 1) // stride + 1)
    return size[0] * size[1] * in_channels * reduced + places * kernel_size**2 * in_channels * out_channels


# %% wrong="branch_macs" hint="places does the first one see"
def branch_macs(in_channels, reduced, out_channels, kernel_size, size, stride=1):  # the stride comes too early
    places = ((size[0] - 1) // stride + 1) * ((size[1] - 1) // stride + 1)
    return places * (in_channels * reduced + kernel_size**2 * reduced * out_channels)


# %% [markdown] hint="branch_macs" step=1
# Two layers, two products. For each: how many places, how many channels does one filter read, how many filters?

# %% [markdown] hint="branch_macs" step=2
# 2 → 1 → 3 channels, kernel 3, on 2 × 2 with stride 2. The 1×1 has 4 places, reads 2 channels, and has 1 filter: 8. The
# second is laid down once, reads 1 channel through 9 weights, and has 3 filters: 27. Together 35.

# %% [markdown] hint="branch_macs" step=3
# ```python
# first = first_places * in_channels * ...
# then = then_places * kernel_size**2 * ... * out_channels
# ```

# %% picture="branch_macs" alt="Cost of the 5 by 5 branch of module 4a against the width of its bottleneck: a straight line that meets the direct cost near 343 channels."
import matplotlib.pyplot as plt

from course_lib import figures

figures.use_course_style()
widths = np.arange(8, 481, 8)
figure, ax = plt.subplots(figsize=(6.4, 3))
ax.plot(widths, [branch_macs(480, int(r), 48, 5, (14, 14)) / 1e6 for r in widths], label="with a bottleneck")
ax.axhline(112.9, color="#D55E00", linestyle="--", label="directly: 112.9")
ax.set(xlabel="channels of the bottleneck", ylabel="million multiplications", ylim=(0, None))
ax.legend()
figures.show(
    figure,
    alt="Cost of the 5 by 5 branch of module 4a against the width of its bottleneck: a straight line that meets the "
    "direct cost near 343 channels.",
)

# %% [markdown]
# ## Task 2 · A convolution of one pixel (4 points)
#
# Write the 1×1 convolution as what it is: one dense layer, applied at each pixel. Three steps, *pixels*, *dense*,
# *back*; the last is given.
#
# | | |
# |---|---|
# | `maps` | array (B, C, H, W) |
# | `weight` | array (K, C): row k holds the weights with which output channel k reads the C input channels |
# | `bias` | array (K,) |
# | returns | array (B, K, H, W) |
#
# Example: one pixel with the channels (1, 2), weights [[1, 3]] and bias [10] give 1·1 + 3·2 + 10 = 17.


# %% task="pointwise" points=4
def pointwise(maps, weight, bias):
    """Mix the channels of each pixel by the same weights."""
    batch, channels, height, width = maps.shape
    # 1 pixels: an array with one row for each pixel, (B · H · W, C)
    # 2 dense: each row becomes K numbers, (B · H · W, K)
    ### BEGIN SOLUTION
    pixels = maps.transpose(0, 2, 3, 1).reshape(-1, channels)
    mixed = pixels @ weight.T + bias
    ### END SOLUTION
    # 3 back
    return mixed.reshape(batch, height, width, len(bias)).transpose(0, 3, 1, 2)


# %% check="pointwise" requirement="all channels of a pixel meet" points=1 after="Why would the weights [[1, 1], [1, −1]] hide one of the slips?"
pixel = np.array([1.0, 2.0]).reshape(1, 2, 1, 1)
got = pointwise(pixel, np.array([[1.0, 3.0], [0.0, -1.0]]), np.array([0.0, 10.0]))
assert np.shape(got) == (1, 2, 1, 1), explain(
    "The shape of pointwise(1 × 2 × 1 × 1 array, 2 × 2 weights, …)",
    np.shape(got),
    "(1, 2, 1, 1)",
    ask="How many numbers does each pixel get?",
)
assert np.allclose(np.ravel(got), [7, 8]), explain(
    "pointwise(pixel (1, 2), weights [[1, 3], [0, −1]], bias [0, 10])",
    np.ravel(got),
    "[7, 8]",
    known=[
        ([1, 8], "Space is one pixel, but how many channels meet there?"),
        ([1, 11], "Row k of the weights belongs to *output* channel k. Did you take rows or columns?"),
        ([7, -2], "The mixture is right. What is still missing?"),
    ],
    ask="By hand, the first output: 1·1 + 3·2 + 0. What do you get instead?",
)

# %% check="pointwise" requirement="each pixel keeps its place" points=1
maps = np.arange(2 * 3 * 2 * 4, dtype=float).reshape(2, 3, 2, 4)
got = pointwise(maps, np.array([[1.0, 0, 0], [0, 0, 2.0]]), np.array([0.0, 0.5]))
assert np.shape(got) == (2, 2, 2, 4), explain(
    "The shape of pointwise(2 × 3 × 2 × 4 array, 2 × 3 weights, …)",
    np.shape(got),
    "(2, 2, 2, 4)",
    ask="B, H and W stay; C becomes K.",
)
first = np.asarray(got)[:, 0]
assert np.allclose(first, maps[:, 0]), explain(
    "An output channel that copies input channel 0",
    first[0],
    "[[0, 1, 2, 3], [4, 5, 6, 7]] for the first image",
    known=[
        (
            [[0, 3, 6, 9], [12, 15, 18, 21]],
            "Neighbours of a map became channels of a pixel: `reshape` does not move axes. What does?",
        ),
    ],
    ask="Which axis must come last before you flatten the others?",
)
second = np.asarray(got)[:, 1]
assert np.allclose(second, 2 * maps[:, 2] + 0.5), explain(
    "An output channel with the weights [0, 0, 2] and the bias 0.5",
    second[0],
    "[[32.5, 34.5, 36.5, 38.5], [40.5, 42.5, 44.5, 46.5]] for the first image",
    known=[
        ([[32, 34, 36, 38], [40, 42, 44, 46]], "Which bias belongs to which channel?"),
        ([[0.5] * 4] * 2, "Its weight for input channel 2 is 2. Which input channels may an output channel read?"),
    ],
    ask="Which input channel does the weight 2 belong to, and which bias is added?",
)

# %% hidden="pointwise" requirement="any maps and weights" points=2
for _ in range(10):
    b, c, k, h, w = (int(n) for n in rng.integers((1, 2, 2, 2, 2), (4, 6, 6, 6, 6)))
    maps, weight, bias = rng.normal(size=(b, c, h, w)), rng.normal(size=(k, c)), rng.normal(size=k)
    wanted = np.stack(
        [sum(weight[o, i] * maps[:, i] for i in range(c)) + bias[o] for o in range(k)],
        axis=1,
    )
    got = pointwise(maps, weight, bias)
    assert np.shape(got) == wanted.shape, "The result has another shape than the contract says. Which axis is it?"
    scrambled = (maps.reshape(-1, c) @ weight.T + bias).reshape(b, h, w, k).transpose(0, 3, 1, 2)
    assert np.allclose(got, wanted), hint_for(
        got,
        known=[
            (wanted - bias[:, None, None], "The mixture is right. What is still missing?"),
            (scrambled, "`reshape` does not move axes. What does?"),
        ],
        otherwise="Some numbers differ. Try one pixel with three channels and two outputs by hand.",
    )


# %% right="pointwise"
def pointwise(maps, weight, bias):  # by Einstein's sum
    return np.einsum("kc,bchw->bkhw", weight, maps) + bias[:, None, None]


# %% wrong="pointwise" hint="how many channels meet there"
def pointwise(maps, weight, bias):  # a factor for each channel
    mixed = maps[:, : len(bias)] * np.diagonal(weight)[:, None, None]
    return mixed + bias[:, None, None]


# %% wrong="pointwise" hint="rows or columns"
def pointwise(maps, weight, bias):  # weights turned
    return np.einsum("ck,bchw->bkhw", weight, maps) + bias[:, None, None]


# %% wrong="pointwise" hint="still missing"
def pointwise(maps, weight, bias):  # no bias
    return np.einsum("kc,bchw->bkhw", weight, maps)


# %% wrong="pointwise" hint="does not move axes"
def pointwise(maps, weight, bias):  # reshape in place of transpose
    batch, channels, height, width = maps.shape
    mixed = maps.reshape(-1, channels) @ weight.T + bias
    return mixed.reshape(batch, height, width, len(bias)).transpose(0, 3, 1, 2)


# %% [markdown] hint="pointwise" step=1
# A dense layer wants rows of C numbers that belong together. Which C numbers belong to one pixel, and along which axis
# do they lie?

# %% [markdown] hint="pointwise" step=2
# Two channels of 1 × 2: `[[1, 2]]` and `[[10, 20]]`. The pixels are (1, 10) and (2, 20). `reshape(-1, 2)` alone gives
# (1, 2) and (10, 20): neighbours, not channels. Move the channels to the end first.

# %% [markdown] hint="pointwise" step=3
# ```python
# pixels = maps.transpose(0, 2, 3, ...).reshape(-1, channels)
# mixed = pixels @ weight.T + ...
# ```

# %% [markdown]
# ## Task 3 · Side by side (3 points)
#
# The branches of a module come together. Two gaps are yours.
#
# | | |
# |---|---|
# | `branches` | list of arrays (B, C₁, H, W), (B, C₂, H, W), …; B, H and W are the same in all, the channels may differ |
# | returns | two things: the array (B, C₁ + C₂ + …, H, W), branches in the order of the list; and a list with the number of the *first* channel of each branch |
#
# Example: branches of 64, 128, 32 and 32 channels give 256, and the first channels are [0, 64, 192, 224].


# %% task="side_by_side" points=3
def side_by_side(branches):
    """Lay the maps of all branches behind each other, and say where each branch begins."""
    # 1 join
    # 2 starts: the channels of all branches before
    ### BEGIN SOLUTION
    joined = np.concatenate(branches, axis=1)
    widths = [branch.shape[1] for branch in branches]
    starts = [sum(widths[:number]) for number in range(len(widths))]
    ### END SOLUTION
    return joined, starts


# %% check="side_by_side" requirement="keeps every map" points=1 after="Which net of the next lesson adds, and what must hold for it?"
small = [np.full((2, channels, 3, 4), value) for channels, value in ((2, 1.0), (2, 5.0), (2, 7.0))]
got, _ = side_by_side(small)
assert np.shape(got) == (2, 6, 3, 4), explain(
    "The shape of side_by_side([three arrays 2 × 2 × 3 × 4])[0]",
    np.shape(got),
    "(2, 6, 3, 4)",
    known=[
        ((2, 2, 3, 4), "Should the branches be blended, or laid side by side?"),
        ((6, 2, 3, 4), "You have more images now, not more channels. Which axis holds the channels?"),
        ((2, 2, 9, 4), "The images grew higher. Which axis holds the channels?"),
        ((2, 2, 3, 12), "The images grew wider. Which axis holds the channels?"),
        ((3, 2, 2, 3, 4), "There is a new axis. `stack` makes one; what joins along one that is there?"),
    ],
    ask="Three branches with two maps each: how many maps?",
)
assert np.allclose(np.asarray(got)[0, :, 0, 0], [1, 1, 5, 5, 7, 7]), explain(
    "The six channels at one pixel",
    np.asarray(got)[0, :, 0, 0],
    "[1, 1, 5, 5, 7, 7]",
    ask="Are the branches in the order of the list?",
)

# %% check="side_by_side" requirement="says where a branch begins" points=1
uneven = [np.zeros((1, channels, 2, 2)) for channels in (3, 1, 4)]
_, starts = side_by_side(uneven)
assert list(starts) == [0, 3, 4], explain(
    "The starts for branches of 3, 1 and 4 channels",
    list(starts),
    "[0, 3, 4]",
    known=[
        ([3, 4, 8], "These are the ends. Where does the first branch begin?"),
        ([3, 1, 4], "These are the widths. How many channels come before each?"),
        ([0, 3, 6], "Not every branch is as wide as the first. What comes before the third?"),
        ([0, 1, 2], "These are the numbers of the branches. How many channels come before each?"),
    ],
    ask="The first branch begins at 0. How many channels come before the second?",
)

# %% hidden="side_by_side" requirement="any branches" points=1
for _ in range(10):
    widths = [int(n) for n in rng.permutation(np.arange(1, 7))[: int(rng.integers(2, 6))]]
    b, h, w = (int(n) for n in rng.integers(2, 5, size=3))
    branches = [rng.normal(size=(b, n, h, w)) for n in widths]
    joined, starts = side_by_side(branches)
    assert np.shape(joined) == (b, sum(widths), h, w), "Count the maps that come in. All of them go out."
    assert list(starts) == [int(n) for n in np.cumsum([0, *widths[:-1]])], hint_for(
        list(starts),
        known=[([int(n) for n in np.cumsum(widths)], "These are the ends. Where does the first branch begin?")],
        otherwise="A start is off. How many channels come before each branch?",
    )
    joined = np.asarray(joined)
    for branch, start in zip(branches, starts, strict=True):
        assert np.allclose(joined[:, start : start + branch.shape[1]], branch), (
            "A branch is not found where it should begin: are they in the order of the list?"
        )


# %% right="side_by_side"
def side_by_side(branches):  # filled in, branch by branch
    batch, _, height, width = branches[0].shape
    joined = np.empty((batch, sum(branch.shape[1] for branch in branches), height, width))
    starts, place = [], 0
    for branch in branches:
        starts.append(place)
        joined[:, place : place + branch.shape[1]] = branch
        place += branch.shape[1]
    return joined, starts


# %% wrong="side_by_side" hint="blended, or laid side by side"
def side_by_side(branches):  # added, like a shortcut
    return sum(branches[1:], branches[0]), list(range(len(branches)))


# %% wrong="side_by_side" hint="more images now"
def side_by_side(branches):  # the default axis
    starts = np.cumsum([0] + [branch.shape[1] for branch in branches[:-1]])
    return np.concatenate(branches) if len({b.shape for b in branches}) == 1 else branches[0], starts.tolist()


# %% wrong="side_by_side" hint="grew wider"
def side_by_side(branches):  # the last axis, as in frameworks with channels last
    starts = np.cumsum([0] + [branch.shape[1] for branch in branches[:-1]])
    return np.concatenate(branches, axis=3) if len({b.shape for b in branches}) == 1 else branches[0], starts.tolist()


# %% wrong="side_by_side" hint="These are the ends"
def side_by_side(branches):  # ends for starts
    return np.concatenate(branches, axis=1), np.cumsum([branch.shape[1] for branch in branches]).tolist()


# %% wrong="side_by_side" hint="as wide as the first"
def side_by_side(branches):  # all as wide as the first
    return np.concatenate(branches, axis=1), [n * branches[0].shape[1] for n in range(len(branches))]


# %% [markdown] hint="side_by_side" step=1
# A map that a branch has found must be there afterwards, untouched. Which axis becomes longer, and by how much?

# %% [markdown] hint="side_by_side" step=2
# Branches of 2, 1 and 3 channels: 6 channels go out, numbered 0 to 5. The first takes 0 and 1, the second 2, the third
# 3, 4 and 5. The starts are 0, 2 and 3: sums of the widths *before*.

# %% [markdown] hint="side_by_side" step=3
# ```python
# joined = np.concatenate(branches, axis=...)
# starts = [sum(widths[:number]) for number in ...]
# ```

# %% [markdown]
# ## Task 4 · The loss of a net with heads (5 points)
#
# In training such a net gives a dictionary of scores; afterwards it gives one tensor. From here on it is all yours.
#
# | | |
# |---|---|
# | `outputs` | in training a dict of tensors (N, K): the main one is named `"scores"`, all others are heads, in *any order* and any number; in evaluation the tensor (N, K) of the scores alone |
# | `labels` | int64 tensor (N,) |
# | `weight` | float ≥ 0, of *each* head |
# | returns | float: cross entropy of the scores (mean over images), plus `weight` times that of each head |
#
# Example: losses of 1 for the scores and of 2 and 3 for two heads, weight 0.3: 1 + 0.3 · 2 + 0.3 · 3 = 2.5.


# %% task="total_loss" points=5 withhold="course_lib.models.googlenet"
def total_loss(outputs, labels, weight):
    """Return the cross entropy of the scores, and a fraction of that of each head."""
    ### BEGIN SOLUTION
    if not isinstance(outputs, dict):
        return F.cross_entropy(outputs, labels).item()
    loss = F.cross_entropy(outputs["scores"], labels).item()
    for name, scores in outputs.items():
        if name != "scores":
            loss += weight * F.cross_entropy(scores, labels).item()
    return loss
    ### END SOLUTION


# %% check="total_loss" requirement="the heads only help" points=1
labels = torch.tensor([0, 1])
outputs = {
    "scores": torch.tensor([[2.0, 0.0], [0.0, 2.0]]),  # loss 0.1269
    "aux1": torch.tensor([[0.0, 0.0], [0.0, 0.0]]),  # loss 0.6931
    "aux2": torch.tensor([[0.0, 1.0], [1.0, 0.0]]),  # loss 1.3133
}
got = total_loss(outputs, labels, 0.3)
assert isinstance(got, float), explain(
    "total_loss(…)", got, "a float", ask="What turns a tensor with one element into a Python number?"
)
assert abs(got - 0.7288) < 1e-3, explain(
    "total_loss of losses 0.127 (scores), 0.693 and 1.313 (heads), weight 0.3",
    round(got, 4),
    "0.127 + 0.3 · 0.693 + 0.3 · 1.313 = 0.729",
    known=[
        (2.1333, "Who is the main teacher, and who only helps?"),
        (0.64, "The heads' share fell on the main loss, too. Who has no fraction?"),
        (0.3349, "One head is missing. How many are there?"),
        (0.5209, "One head is missing. How many are there?"),
        (0.4279, "You took the mean of the heads. The contract has the weight for *each* head."),
        (0.1269, "That is the main loss alone. What do the heads add?"),
    ],
    ask="Add up by hand: which of the three terms differs?",
)

# %% check="total_loss" requirement="reads by name" points=1 after="When would an answer by position be right all the same?"
got = total_loss(
    {"aux1": torch.tensor([[0.0, 0.0, 0.0]]), "scores": torch.tensor([[3.0, 0.0, 0.0]])}, torch.tensor([0]), 0.5
)
assert abs(got - 0.6442) < 1e-3, explain(
    'total_loss({"aux1": loss 1.099, "scores": loss 0.095}, …, weight 0.5)',
    round(got, 4),
    "0.095 + 0.5 · 1.099 = 0.644",
    known=[(1.1461, "You took the first entry for the main one. By what do you know it?")],
    ask="Here the head comes first. By what do you know the main scores?",
)

# %% check="total_loss" requirement="reads one tensor in evaluation" points=1
got = total_loss(torch.tensor([[0.0, 2.0, 0.0], [1.0, 0.0, 0.0]]), torch.tensor([1, 2]), 0.3)
assert abs(got - 0.8955) < 1e-3, explain(
    "total_loss(a tensor of scores (2, 3), labels [1, 2], 0.3)",
    round(got, 4),
    "the cross entropy of the two rows, 0.896",
    known=[(0.2395, "That is the loss of the first image alone. What does `[0]` take from a tensor?")],
    ask="Do side heads speak after training? Print the type in both modes.",
)

# %% hidden="total_loss" requirement="any outputs" points=2
for heads in (0, 1, 2, 3, None):
    n, classes = (int(value) for value in rng.integers((2, 3), (7, 6)))
    labels = torch.tensor(rng.integers(0, classes, size=n))
    made = [torch.tensor(rng.normal(size=(n, classes))).float() for _ in range(1 + (heads or 0))]
    losses = [F.cross_entropy(scores, labels).item() for scores in made]
    names = ["scores", *(f"head{number}" for number in range(heads or 0))]
    order = rng.permutation(len(made))
    outputs = made[0] if heads is None else {names[i]: made[i] for i in order}
    weight = float(rng.uniform(0.2, 0.8))
    got = total_loss(outputs, labels, weight)
    assert isinstance(got, float), "Return a float, not a tensor."
    assert abs(got - (losses[0] + weight * sum(losses[1:]))) < 1e-3, hint_for(
        got,
        known=[
            (sum(losses), "Who is the main teacher, and who only helps?"),
            (weight * sum(losses), "Who has no fraction?"),
            (losses[0], "What do the heads add?"),
        ],
        otherwise="A loss is off: are all heads in it, whatever they are called and wherever they stand?",
    )


# %% right="total_loss"
def total_loss(outputs, labels, weight):  # everything as a dict, the main one taken out
    named = dict(outputs) if hasattr(outputs, "items") else {"scores": outputs}
    main = F.cross_entropy(named.pop("scores"), labels)
    return float(main + weight * sum(F.cross_entropy(head, labels) for head in named.values()))


# %% wrong="total_loss" hint="who only helps"
def total_loss(outputs, labels, weight):  # heads at full weight
    named = outputs if isinstance(outputs, dict) else {"scores": outputs}
    return float(sum(F.cross_entropy(scores, labels) for scores in named.values()))


# %% wrong="total_loss" hint="Who has no fraction"
def total_loss(outputs, labels, weight):  # all at the weight of a head
    named = outputs if isinstance(outputs, dict) else {"scores": outputs}
    return float(weight * sum(F.cross_entropy(scores, labels) for scores in named.values()))


# %% wrong="total_loss" hint="took the first entry"
def total_loss(outputs, labels, weight):  # by position
    if not isinstance(outputs, dict):
        return F.cross_entropy(outputs, labels).item()
    main, *heads = outputs.values()
    return float(F.cross_entropy(main, labels) + weight * sum(F.cross_entropy(head, labels) for head in heads))


# %% wrong="total_loss" hint="for *each* head"
def total_loss(outputs, labels, weight):  # the mean of the heads
    if not isinstance(outputs, dict):
        return F.cross_entropy(outputs, labels).item()
    heads = [F.cross_entropy(scores, labels).item() for name, scores in outputs.items() if name != "scores"]
    return F.cross_entropy(outputs["scores"], labels).item() + weight * (sum(heads) / len(heads) if heads else 0)


# %% wrong="total_loss" hint="first image alone"
def total_loss(outputs, labels, weight):  # [0] of a tensor, made to fit
    if isinstance(outputs, dict):
        heads = sum(F.cross_entropy(scores, labels) for name, scores in outputs.items() if name != "scores")
        return float(F.cross_entropy(outputs["scores"], labels) + weight * heads)
    return F.cross_entropy(outputs[0].unsqueeze(0), labels[:1]).item()


# %% wrong="total_loss" hint="One head is missing"
def total_loss(outputs, labels, weight):  # one head, by its name
    if not isinstance(outputs, dict):
        return F.cross_entropy(outputs, labels).item()
    loss = F.cross_entropy(outputs["scores"], labels).item()
    if "aux1" in outputs:
        loss += weight * F.cross_entropy(outputs["aux1"], labels).item()
    return loss


# %% [markdown] hint="total_loss" step=1
# Two questions before any loss. Is it a dictionary or a tensor? And which entry of the dictionary is the main one, by
# what is it known?

# %% [markdown] hint="total_loss" step=2
# Losses `{"aux2": 3, "scores": 1, "aux1": 2}` with a weight of 0.3: the entry named `scores` counts once, 1; the others
# count 0.3 each, 0.9 and 0.6. Together 2.5. Without a dictionary there is one loss, and no weight.

# %% [markdown] hint="total_loss" step=3
# ```python
# if not isinstance(outputs, dict):
#     return F.cross_entropy(outputs, labels).item()
# loss = F.cross_entropy(outputs["scores"], labels).item()
# for name, scores in outputs.items():
#     ...  # which names are heads?
# ```

# %% [markdown]
# ## Task 5 · Smooth the labels (4 points)
#
# A share ε is taken from the true class and given to **all K classes alike**, the true one included.
#
# | | |
# |---|---|
# | `labels` | array (N,) of whole numbers, 0 … K − 1 |
# | `num_classes` | K, at least 2 |
# | `epsilon` | float, 0 … 1 |
# | returns | array (N, K): for each image the target of each class; every row has the sum 1 |
#
# Example: K = 4, ε = 0.1 and the true class 2 give [0.025, 0.025, 0.925, 0.025].


# %% task="smooth_targets" points=4
def smooth_targets(labels, num_classes, epsilon):
    """Return one row of targets for each image."""
    ### BEGIN SOLUTION
    targets = np.full((len(labels), num_classes), epsilon / num_classes)
    targets[np.arange(len(labels)), labels] += 1 - epsilon
    return targets
    ### END SOLUTION


# %% check="smooth_targets" requirement="the share goes to all classes" points=1 after="With 1,000 classes, how far apart are the right answer and the commonest wrong one?"
got = smooth_targets(np.array([2]), 4, 0.1)
assert np.shape(got) == (1, 4), explain(
    "The shape of smooth_targets([2], 4, 0.1)", np.shape(got), "(1, 4)", ask="One row an image, one column a class."
)
assert np.allclose(got, [[0.025, 0.025, 0.925, 0.025]]), explain(
    "smooth_targets([2], 4, 0.1)",
    got,
    "[[0.025, 0.025, 0.925, 0.025]]",
    known=[
        ([[1 / 30, 1 / 30, 0.9, 1 / 30]], "Is the small share spread over all classes, or only over the others?"),
        ([[0.025, 0.025, 0.9, 0.025]], "Add up the row. Who did not get their part of the share?"),
        ([[0.025, 0.025, 0.975, 0.025]], "Add up the row: more than 1. How much was taken from the true class?"),
        ([[0.025, 0.025, 1.0, 0.025]], "Add up the row: nothing was taken from the true class. Take before you give."),
        (
            [[0.025, 0.025, 1.025, 0.025]],
            "Add up the row: nothing was taken from the true class. Take before you give.",
        ),
        ([[0.1, 0.1, 0.9, 0.1]], "Each class got the whole share. Divided by what?"),
        ([[0, 0, 1, 0]], "These are hard labels. Where does the share go?"),
    ],
    ask="Take 0.1 from the true class, and deal it out to four classes. What has each?",
)

# %% check="smooth_targets" requirement="one row an image" points=1
got = smooth_targets(np.array([1, 0, 1]), 2, 0.4)
assert np.shape(got) == (3, 2), explain(
    "The shape of smooth_targets([1, 0, 1], 2, 0.4)", np.shape(got), "(3, 2)", ask="One row an image."
)
assert np.allclose(got, [[0.2, 0.8], [0.8, 0.2], [0.2, 0.8]]), explain(
    "smooth_targets([1, 0, 1], 2, 0.4)",
    got,
    "[[0.2, 0.8], [0.8, 0.2], [0.2, 0.8]]",
    known=[
        ([[0.4, 0.6], [0.6, 0.4], [0.4, 0.6]], "Is the small share spread over all classes, or only over the others?"),
        ([[0.8, 0.8]] * 3, "All rows are alike: each image has a true class of its own. Which rows did you index?"),
    ],
    ask="Row by row: which class has the larger number?",
)

# %% hidden="smooth_targets" requirement="any labels, classes and shares" points=2
for epsilon in (0.0, 0.1, 0.37, 1.0):
    n, classes = (int(value) for value in rng.integers((4, 3), (9, 8)))
    labels = rng.integers(0, classes, size=n)
    hard = np.eye(classes)[labels]
    got = smooth_targets(labels, classes, epsilon)
    assert np.shape(got) == hard.shape, "One row an image, one column a class."
    assert np.allclose(got, (1 - epsilon) * hard + epsilon / classes), hint_for(
        got,
        known=[
            (
                np.where(hard == 1, 1 - epsilon, epsilon / (classes - 1)),
                "Is the small share spread over all classes, or only over the others?",
            ),
            (np.where(hard == 1, 1 - epsilon, epsilon / classes), "Add up a row: who did not get their part?"),
            (np.where(hard == 1, 1 - epsilon / classes, epsilon / classes), "Add up a row: it is more than 1."),
        ],
        otherwise="Targets differ. Try ε = 0 (hard labels) and ε = 1 (all classes alike).",
    )


# %% right="smooth_targets"
def smooth_targets(labels, num_classes, epsilon):  # a mixture of two targets
    hard = np.eye(num_classes)[np.asarray(labels)]
    return (1 - epsilon) * hard + epsilon * np.ones_like(hard) / num_classes


# %% wrong="smooth_targets" hint="only over the others"
def smooth_targets(labels, num_classes, epsilon):  # the others share it
    return np.where(np.eye(num_classes)[labels] == 1, 1 - epsilon, epsilon / (num_classes - 1))


# %% wrong="smooth_targets" hint="Who did not get their part"
def smooth_targets(labels, num_classes, epsilon):  # the true class gets nothing back
    return np.where(np.eye(num_classes)[labels] == 1, 1 - epsilon, epsilon / num_classes)


# %% wrong="smooth_targets" hint="How much was taken"
def smooth_targets(labels, num_classes, epsilon):  # too little is taken
    return np.where(np.eye(num_classes)[labels] == 1, 1 - epsilon / num_classes, epsilon / num_classes)


# %% wrong="smooth_targets" hint="Take before you give"
def smooth_targets(labels, num_classes, epsilon):  # nothing is taken
    return np.eye(num_classes)[labels] + epsilon / num_classes


# %% wrong="smooth_targets" hint="Divided by what"
def smooth_targets(labels, num_classes, epsilon):  # each gets all of it
    return np.where(np.eye(num_classes)[labels] == 1, 1 - epsilon, epsilon)


# %% [markdown] hint="smooth_targets" step=1
# What must every row add up to? And how many classes share ε: K, or K − 1?

# %% [markdown] hint="smooth_targets" step=2
# K = 5, ε = 0.5, true class 0. Hard: [1, 0, 0, 0, 0]. Half of it stays, 0.5; the other half is dealt out to five
# classes, 0.1 each. The row is [0.6, 0.1, 0.1, 0.1, 0.1]: it adds up to 1.

# %% [markdown] hint="smooth_targets" step=3
# ```python
# targets = np.full((len(labels), num_classes), epsilon / ...)
# targets[np.arange(len(labels)), labels] += ...
# ```

# %% [markdown]
# ## Before you go
#
# One sentence each, without looking back; nobody marks them. Why is a layer that looks at one pixel worth 21 times its
# price? Why is a sum of branches not the same as branches side by side? Why would K − 1 in place of K go unnoticed with
# a thousand classes? And how many seeds would you want to see before you believe in a gain of half a point?
