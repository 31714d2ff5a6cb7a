# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: "What was the first one that worked? Exercises"
#     level: beginner
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["04_lenet"]
#     facts: [R12, C04]
# ---

# %% [markdown]
# # 04 · What was the first one that worked? Exercises
#
# Five tasks, 21 points, about 75 minutes. Two are about LeNet-5, three about the loop that trains and judges it. The
# loop is where most nets go wrong without a word: nothing crashes, the numbers are merely not what they seem. Each task
# here has such a silent slip in mind.
#
# How it works: read the contract, write your code where `NotImplementedError` stands, run the cell, then run the checks
# below it. A check never stops the notebook; it shows what your code gave, what was wanted, and one question. Stuck?
# Open the first hint, try again, and only then the next. The first task leaves one gap, later ones leave more, and
# the last two are all yours. Graded are these checks and others of the same kind with other numbers, so write for
# every input that the contract allows.

# %% tags=["setup"]
import numpy as np
import torch
from torch.nn import functional as F

from course_lib.classroom import explain, hint_for, there

# for each of the 16 maps of C3, the maps of S2 that it reads: table I of the paper
c3_table = [
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
]  # fmt: skip

# %% [markdown]
# ## Warm-up: a worked example
#
# The parameters of a layer in three steps, all given: *kernels*, *biases*, *sum*. Before you run it: what are the two
# numbers for C1 (one image, six maps, kernel 5) and S2 (six maps)?


# %%
def dense_parameters(in_maps, out_maps, kernel_size):
    # 1 kernels: each output map has one for each input map
    weights = out_maps * in_maps * kernel_size**2
    # 2 biases: one for each output map
    biases = out_maps
    # 3 sum
    return weights + biases


def subsampling_parameters(maps):
    return maps * 2  # a coefficient and a bias


dense_parameters(1, 6, kernel_size=5), subsampling_parameters(6)

# %% [markdown]
# ## Task 1 · The row C3 (3 points)
#
# In C3, each output map reads only some of the input maps. The table says which. One gap is yours: step 1, the kernels.
#
# | | |
# |---|---|
# | `table` | a list; for each output map, a tuple with the numbers of the input maps that it reads |
# | `kernel_size` | whole number ≥ 1, height and width of every kernel |
# | returns | whole number: all trainable parameters of the layer |
#
# Example: `[(0,), (0, 1)]` with kernel 2 has three kernels of 4 weights and two biases: 14.


# %% task="sparse_parameters" points=3 withhold="course_lib.models.lenet"
def sparse_parameters(table, kernel_size):
    """Count the trainable parameters of a convolution that is connected as the table says."""
    # 1 kernels: each output map has one for each input map that it reads
    ### BEGIN SOLUTION
    weights = sum(len(sources) for sources in table) * kernel_size**2
    ### END SOLUTION
    # 2 biases: one for each output map
    biases = len(table)
    # 3 sum
    return weights + biases


# %% check="sparse_parameters" requirement="counts what each map reads" points=1
got = sparse_parameters([(0, 1, 3), (2,)], 3)
assert got == 38, explain(
    "sparse_parameters([(0, 1, 3), (2,)], 3)",
    got,
    "38",
    known=[
        (20, "Your kernels are the right size, but each map has only one. How many maps does the first one read?"),
        (74, "That is a layer in which every map reads all. Which of the eight pairs are in the table?"),
        (56, "Nearly there: the first map reads three maps, the second just one. Does your sum know that?"),
        (14, "Four kernels, you have them. How many weights are in a kernel of 3 × 3?"),
        (40, "The kernels are right. Step 2 already counts a bias for each *output map*: who else needs one?"),
    ],
    ask="Draw the two output maps and an arrow from each map that they read. How many arrows, and what is on each?",
)

# %% check="sparse_parameters" requirement="gives the row C3 of the paper" points=1 after="Someone reports 2,416 for C3. What did they build?"
got = sparse_parameters(c3_table, 5)
assert got == 1516, explain(
    "sparse_parameters(c3_table, 5)",
    got,
    "1516",
    known=[
        (416, "Each map has one kernel in your count. How many maps does the last one read?"),
        (2416, "That is the C3 of today. In the paper, not every map reads all six: count the entries of the table."),
        (316, "Sixty kernels, you have them. How many weights are in a kernel of 5 × 5?"),
        (1560, "Sixty biases? Step 2 counts one for each output map already."),
        (1576, "Step 2 counts one bias for each output map already. Who else needs one?"),
    ],
    ask="Six maps read three, nine read four, one reads six. How many kernels is that?",
)

# %% hidden="sparse_parameters" requirement="any table, any kernel" points=1
for _ in range(10):
    in_maps, out_maps, kernel_size = (int(n) for n in rng.integers((3, 2, 1), (8, 9, 8)))
    sizes = [1, *(int(n) for n in rng.integers(2, in_maps + 1, size=out_maps))]
    table = [tuple(int(n) for n in rng.permutation(in_maps)[:size]) for size in sizes]
    arrows, area, maps = sum(sizes), kernel_size**2, len(table)
    got = sparse_parameters(table, kernel_size)
    assert got == arrows * area + maps, hint_for(
        got,
        known=[
            (
                maps * area + maps,
                "Each output map has one kernel in your count. It has one for each map that it reads.",
            ),
            (maps * max(sizes) * area + maps, "Not every map reads as many as the largest. Does your sum know that?"),
            (maps * sizes[0] * area + maps, "Not every map reads as many as the first. Does your sum know that?"),
            (arrows * kernel_size + maps, "How many weights are in a square kernel?"),
            (arrows * (area + 1) + maps, "Step 2 counts one bias for each output map already. Who else needs one?"),
        ],
        otherwise="A count is off. Try a table of three maps that read one, two and three maps, with a kernel of 2.",
    )


# %% right="sparse_parameters"
def sparse_parameters(table, kernel_size):  # map by map
    total = 0
    for sources in table:
        total += len(sources) * kernel_size * kernel_size + 1
    return total


# %% wrong="sparse_parameters" hint="one kernel"
def sparse_parameters(table, kernel_size):  # a kernel for each output map
    return len(table) * kernel_size**2 + len(table)


# %% wrong="sparse_parameters" hint="not every map reads all six"
def sparse_parameters(table, kernel_size):  # everyone reads all
    in_maps = 1 + max(source for sources in table for source in sources)
    return len(table) * in_maps * kernel_size**2 + len(table)


# %% wrong="sparse_parameters" hint="one bias for each output map already"
def sparse_parameters(table, kernel_size):  # a bias for each kernel, too
    return sum(len(sources) * (kernel_size**2 + 1) for sources in table) + len(table)


# %% wrong="sparse_parameters" hint="How many weights are in a kernel"
def sparse_parameters(table, kernel_size):  # the area is not squared
    return sum(len(sources) for sources in table) * kernel_size + len(table)


# %% [markdown] hint="sparse_parameters" step=1
# What stands behind each entry of the table: a weight, or a kernel of weights?

# %% [markdown] hint="sparse_parameters" step=2
# `[(0,), (0, 1)]`, kernel 2. The first map reads one map: one kernel. The second reads two: two kernels. Three kernels
# of 2 · 2 weights are 12. Which function tells how many numbers a tuple holds?

# %% [markdown] hint="sparse_parameters" step=3
# ```python
# kernels = 0
# for sources in table:
#     kernels += ...  # how many maps does this one read?
# ```

# %% [markdown]
# ## Task 2 · Sub-sampling (4 points)
#
# The layers S2 and S4. Each window of 2 × 2 becomes one number: its *sum*, times the coefficient of the map (*scale*),
# plus the bias of the map (*shift*). Windows do not overlap. Three gaps are yours. Given is a view of the maps in which
# the windows have axes of their own: `windows[b, c, y, i, x, j]` is pixel (i, j) of window (y, x).
#
# | | |
# |---|---|
# | `maps` | array (B, C, H, W), H and W even |
# | `coefficient`, `bias` | arrays (C,), one number for each map |
# | returns | array (B, C, H/2, W/2) |
#
# Example: the window `[[1, 2], [3, 4]]` with coefficient 0.5 and bias −1 gives 10 · 0.5 − 1 = 4.


# %% task="subsample" points=4 withhold="course_lib.models.lenet"
def subsample(maps, coefficient, bias):
    """Sum each window of 2 × 2, scale it by the coefficient and shift it by the bias of its map."""
    batch, channels, height, width = maps.shape
    windows = maps.reshape(batch, channels, height // 2, 2, width // 2, 2)
    # 1 sum: the four pixels of each window
    ### BEGIN SOLUTION
    sums = windows.sum(axis=(3, 5))
    ### END SOLUTION
    # 2 scale: each map by its own coefficient
    ### BEGIN SOLUTION
    scaled = sums * coefficient[:, None, None]
    ### END SOLUTION
    # 3 shift: each map by its own bias
    ### BEGIN SOLUTION
    return scaled + bias[:, None, None]
    ### END SOLUTION


# %% check="subsample" requirement="sum, scale, shift on one map" points=1
one_map = np.array([[[[1.0, 2, 0, 5], [3, 4, 1, 0], [0, 0, 2, 2], [0, 8, 2, 2]]]])
got = subsample(one_map, np.array([0.5]), np.array([-1.0]))
assert np.shape(got) == (1, 1, 2, 2), explain(
    "The shape of subsample(a 1 × 1 × 4 × 4 array, …)",
    np.shape(got),
    "(1, 1, 2, 2)",
    known=[((1, 1, 3, 3), "Your windows overlap. Where does the second one begin?")],
    ask="Which axes of `windows` count the windows, and which the pixels inside one?",
)
assert np.allclose(got, [[[[4, 2], [3, 3]]]]), explain(
    "subsample([[1, 2, 0, 5], [3, 4, 1, 0], [0, 0, 2, 2], [0, 8, 2, 2]], 0.5, −1)",
    got,
    "[[4, 2], [3, 3]]",
    known=[
        ([[[[0.25, -0.25], [0, 0]]]], "Scale and shift are fine. Is it the mean of the window that the paper takes?"),
        ([[[[1, 1.5], [3, 0]]]], "That takes the largest of the four, as people do today. What did 1998 take?"),
        (
            [[[[4.5, 2.5], [3.5, 3.5]]]],
            "Nearly there: shift after you scale. Which of the two is the bias not part of?",
        ),
        (
            [[[[0.5, 3.5], [2, 6]]]],
            "You add pixels that lie two apart. Which two axes count pixels *inside* a window?",
        ),
        ([[[[5, 3], [4, 4]]]], "Sum and scale are right. What is still missing?"),
        ([[[[9, 5], [7, 7]]]], "Sum and shift are right. What is still missing?"),
    ],
    ask="By hand, the first window: 1 + 2 + 3 + 4, times 0.5, minus 1. At which of the three steps do you differ?",
)

# %% check="subsample" requirement="each map has its own coefficient and bias" points=1 after="With four maps the wrong axis stops with an error. Why not with three?"
ones = np.ones((2, 3, 6, 6))  # three maps, and three windows along each axis
got = subsample(ones, np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.5, 0.0]))
assert np.shape(got) == (2, 3, 3, 3), explain(
    "The shape of subsample(a 2 × 3 × 6 × 6 array, …)", np.shape(got), "(2, 3, 3, 3)", ask="Which axis went wrong?"
)
top = np.asarray(got)[0, :, 0]  # first image: for each map its upper three windows
assert np.allclose(top, [[4] * 3, [8.5] * 3, [12] * 3]), explain(
    "subsample(np.ones((2, 3, 6, 6)), [1, 2, 3], [0, 0.5, 0])[0, :, 0]",
    top,
    "[[4, 4, 4], [8.5, 8.5, 8.5], [12, 12, 12]], a row for each map",
    known=[
        ([[4, 8.5, 12]] * 3, "The numbers went along the columns, not along the maps. Which axis are the maps?"),
        (
            [[4, 4.5, 4], [8, 8.5, 8], [12, 12.5, 12]],
            "The coefficients are in place. Which axis did the bias go along?",
        ),
        ([[4, 8, 12], [4.5, 8.5, 12.5], [4, 8, 12]], "The bias is in place. Which axis did the coefficients go along?"),
    ],
    ask="Each map is constant, so all its windows must be alike. What differs, the maps or the columns?",
)

# %% hidden="subsample" requirement="any number of images and maps, any even size" points=2
for _ in range(10):
    batch, channels, height, width = (int(n) for n in rng.integers((1, 2, 1, 4), (4, 5, 4, 7)))
    maps = rng.normal(size=(batch, channels, 2 * height, 2 * width))
    coefficient, bias = rng.normal(size=(2, channels))
    sums = maps.reshape(batch, channels, height, 2, width, 2).sum(axis=(3, 5))
    scale, shift = coefficient[:, None, None], bias[:, None, None]
    largest = maps.reshape(batch, channels, height, 2, width, 2).max(axis=(3, 5))
    got = subsample(maps, coefficient, bias)
    assert np.shape(got) == sums.shape, "The result has another shape than the contract says. Which axis is it?"
    assert np.allclose(got, sums * scale + shift), hint_for(
        got,
        known=[
            (sums / 4 * scale + shift, "Is it the mean of the window that the paper takes?"),
            (largest * scale + shift, "That takes the largest of the four. What did 1998 take?"),
            ((sums + shift) * scale, "Shift after you scale: the bias is not multiplied."),
            (sums * scale, "Sum and scale are right. What is still missing?"),
        ],
        otherwise="Some numbers differ. Try two maps of 2 × 4 by hand, with different coefficients.",
    )


# %% right="subsample"
def subsample(maps, coefficient, bias):  # by slices
    sums = maps[..., ::2, ::2] + maps[..., 1::2, ::2] + maps[..., ::2, 1::2] + maps[..., 1::2, 1::2]
    return np.stack([sums[:, c] * coefficient[c] + bias[c] for c in range(maps.shape[1])], axis=1)


# %% wrong="subsample" hint="the mean of the window"
def subsample(maps, coefficient, bias):  # average pooling
    batch, channels, height, width = maps.shape
    means = maps.reshape(batch, channels, height // 2, 2, width // 2, 2).mean(axis=(3, 5))
    return means * coefficient[:, None, None] + bias[:, None, None]


# %% wrong="subsample" hint="shift after you scale"
def subsample(maps, coefficient, bias):  # the bias is scaled, too
    batch, channels, height, width = maps.shape
    sums = maps.reshape(batch, channels, height // 2, 2, width // 2, 2).sum(axis=(3, 5))
    return (sums + bias[:, None, None]) * coefficient[:, None, None]


# %% wrong="subsample" hint="along the columns"
def subsample(maps, coefficient, bias):  # numbers go along the last axis
    batch, channels, height, width = maps.shape
    sums = maps.reshape(batch, channels, height // 2, 2, width // 2, 2).sum(axis=(3, 5))
    return sums * coefficient + bias


# %% wrong="subsample" hint="two apart"
def subsample(maps, coefficient, bias):  # the axes that count the windows
    batch, channels, height, width = maps.shape
    sums = maps.reshape(batch, channels, height // 2, 2, width // 2, 2).sum(axis=(2, 4))
    return sums * coefficient[:, None, None] + bias[:, None, None]


# %% wrong="subsample" hint="windows overlap"
def subsample(maps, coefficient, bias):  # stride 1
    sums = maps[..., :-1, :-1] + maps[..., 1:, :-1] + maps[..., :-1, 1:] + maps[..., 1:, 1:]
    return sums * coefficient[:, None, None] + bias[:, None, None]


# %% wrong="subsample" hint="the largest of the four"
def subsample(maps, coefficient, bias):  # max pooling
    batch, channels, height, width = maps.shape
    largest = maps.reshape(batch, channels, height // 2, 2, width // 2, 2).max(axis=(3, 5))
    return largest * coefficient[:, None, None] + bias[:, None, None]


# %% [markdown] hint="subsample" step=1
# Six axes: image, map, window row, pixel row, window column, pixel column. Over which two do you add? And along which
# axis of the result does a coefficient belong?

# %% [markdown] hint="subsample" step=2
# One map of 2 × 4: `[[1, 2, 5, 6], [3, 4, 7, 8]]`. As windows it is (1, 1, 1, 2, 2, 2); the two sums are 10 and 26, of
# shape (1, 1, 1, 2). Now two maps with coefficients (1, 10): numpy aligns shapes from the *right*. Which shape must
# (2,) get so that it lies along the maps?

# %% [markdown] hint="subsample" step=3
# ```python
# sums = windows.sum(axis=(3, ...))
# scaled = sums * coefficient[:, None, ...]
# ```

# %% picture="subsample" alt="A handwritten 0 before, sub-sampled, and sub-sampled with a negative coefficient: inverted."
import matplotlib.pyplot as plt

from course_lib import figures
from course_lib.data import load_digits

figures.use_course_style()
digit = load_digits(image_size=32).images[:1].numpy()
panels = {
    "before: 32 × 32": digit,
    "coefficient ¼, bias 0: 16 × 16": subsample(digit, np.array([0.25]), np.array([0.0])),
    "coefficient −¼, bias 1: 16 × 16": subsample(digit, np.array([-0.25]), np.array([1.0])),
}
figure, axes = plt.subplots(1, 3, figsize=(8.5, 2.7))
for ax, (title, maps) in zip(axes, panels.items(), strict=True):
    ax.imshow(maps[0, 0], cmap="gray", vmin=0, vmax=1)
    ax.set(title=title, xticks=[], yticks=[])
figures.show(figure, alt="A handwritten 0 before, sub-sampled, and sub-sampled with a negative coefficient: inverted.")

# %% [markdown]
# ## Task 3 · Accuracy over images (4 points)
#
# A net returns scores, batch by batch, and the last batch is often smaller. Two gaps are yours: the loop is given.
#
# | | |
# |---|---|
# | `batches` | list of pairs: scores, tensor (B, K), and labels, int64 tensor (B,); B may differ from batch to batch |
# | returns | float, 0 … 1: the share of *all images* whose largest score is that of the true class |
#
# Example: 3 of 4 right in one batch and 0 of 2 in the next: 3 of 6 images, 0.5.


# %% task="accuracy" points=4 withhold="course_lib.metrics.classification course_lib.training.loop"
def accuracy(batches):
    """Return the share of all images that are classified rightly."""
    right, images = 0, 0
    for scores, labels in batches:
        # 1 answers: the class with the largest score, one for each image
        # 2 count: the right answers, and the images
        ### BEGIN SOLUTION
        answers = scores.argmax(dim=1)
        right += (answers == labels).sum().item()
        # equivalent: `len(scores)`: a row of scores for each label
        images += len(labels)
        ### END SOLUTION
    # 3 share
    ### BEGIN SOLUTION
    return right / images
    ### END SOLUTION


# %% check="accuracy" requirement="one class for each image" points=1
scores = torch.tensor([[2.0, 1, 0], [0, 3, 1], [5, 1, 2]])  # three images, three classes
labels = torch.tensor([0, 1, 1])
got = accuracy([(scores, labels)])
assert isinstance(got, float), explain(
    "accuracy([(scores, labels)])", got, "a float", ask="What turns a tensor with one element into a Python number?"
)
assert abs(got - 2 / 3) < 1e-6, explain(
    "accuracy of the scores [[2, 1, 0], [0, 3, 1], [5, 1, 2]] with the labels [0, 1, 1]",
    got,
    "2 of 3, 0.667",
    known=[
        (1 / 3, "You took the largest of each column. You need one class per image: which axis are the classes?"),
        (2.0, "Two are right, you have that. Divided by what is it a share?"),
    ],
    ask="Row by row: which class has the largest score, and is it the label?",
)

# %% check="accuracy" requirement="every image counts the same" points=1 after="When would the mean of the batches do?"
answers = [torch.tensor([0, 1, 2, 1]), torch.tensor([2, 2, 0, 1]), torch.tensor([1, 0])]
truths = [torch.tensor([0, 1, 2, 1]), torch.tensor([2, 2, 0, 1]), torch.tensor([0, 1])]
got = accuracy([(F.one_hot(a, 3).float(), t) for a, t in zip(answers, truths, strict=True)])
assert abs(got - 0.8) < 1e-6, explain(
    "accuracy of three batches with 4 of 4, 4 of 4 and 0 of 2 right",
    got,
    "8 of 10, 0.8",
    known=[
        (2 / 3, "An image of the small batch counts twice as much as the others. Count images, not batches."),
        (8 / 3, "Above 1? You divided by the number of batches. What does `len(batches)` count?"),
        (0.0, "That is the last batch alone. What must the loop keep from batch to batch?"),
    ],
    ask="How many images are there in all three batches, and how many are right?",
)

# %% hidden="accuracy" requirement="any batches" points=2
for _ in range(10):
    sizes, classes = rng.integers(1, 9, size=rng.integers(2, 5)), int(rng.integers(2, 7))
    batches = [
        (torch.tensor(rng.normal(size=(n, classes))), torch.tensor(rng.integers(0, classes, size=n))) for n in sizes
    ]
    right = [int((scores.numpy().argmax(axis=1) == labels.numpy()).sum()) for scores, labels in batches]
    got = accuracy(batches)
    assert isinstance(got, float), "Return a float, not a tensor: what turns one into the other?"
    assert abs(got - sum(right) / sizes.sum()) < 1e-6, hint_for(
        got,
        known=[
            (float(np.mean(right / sizes)), "Batches differ in size: count images, not batches."),
            (sum(right) / len(sizes), "You divided by the number of batches."),
            (right[-1] / sizes[-1], "What must the loop keep from batch to batch?"),
        ],
        otherwise="A share is off. Try batches of 1 and 3 images by hand, and more classes than images.",
    )


# %% right="accuracy"
def accuracy(batches):  # everything in one piece
    scores = torch.cat([scores for scores, _ in batches])
    labels = torch.cat([labels for _, labels in batches])
    return (scores.argmax(1) == labels).double().mean().item()


# %% wrong="accuracy" hint="one class per image"
def accuracy(batches):  # the wrong axis; the last step hides it from the eye
    right = sum(
        (scores.argmax(0)[: len(labels)] == labels[: scores.shape[1]]).sum().item() for scores, labels in batches
    )
    return right / sum(len(labels) for _, labels in batches)


# %% wrong="accuracy" hint="Count images, not batches"
def accuracy(batches):  # mean of means
    shares = [(scores.argmax(1) == labels).double().mean().item() for scores, labels in batches]
    return sum(shares) / len(shares)


# %% wrong="accuracy" hint="divided by the number of batches"
def accuracy(batches):  # len(loader) for the number of images
    return sum((scores.argmax(1) == labels).sum().item() for scores, labels in batches) / len(batches)


# %% wrong="accuracy" hint="Python number"
def accuracy(batches):  # a tensor
    right = sum((scores.argmax(1) == labels).sum() for scores, labels in batches)
    return right / sum(len(labels) for _, labels in batches)


# %% [markdown] hint="accuracy" step=1
# Scores are (images, classes). Which axis disappears when you ask for the best class, and how long is what is left?

# %% [markdown] hint="accuracy" step=2
# Two batches: `[[1, 5], [7, 2], [0, 3]]` with labels `[1, 0, 0]`, and `[[4, 1]]` with label `[0]`. Answers 1, 0, 1 and
# 0; right are 2 of 3 and 1 of 1. Together 3 of 4. The mean of 2/3 and 1 is 5/6: whose vote became too loud?

# %% [markdown] hint="accuracy" step=3
# ```python
# answers = scores.argmax(dim=...)
# right += (answers == labels).sum().item()
# ```

# %% [markdown]
# ## Task 4 · One training step (5 points)
#
# Steps 4 to 7 of the lecture, once. From here on it is all yours.
#
# | | |
# |---|---|
# | `net` | a module; `net(images)` gives scores (B, K), any real numbers |
# | `optimizer` | of torch, made on the parameters of `net` |
# | `images`, `labels` | one batch: a tensor (B, …) and an int64 tensor (B,) |
# | loss | the **cross entropy** of the scores, mean over the batch (`F.cross_entropy`) |
# | does | changes the parameters by one step; gradients of earlier batches must not count |
# | returns | float: the loss *before* the step |
#
# Example: a net that says `[[0, 0]]` to an image of class 1 has a loss of log 2 = 0.693, and after the step a smaller
# one.


# %% task="training_step" points=5 withhold="course_lib.training.loop"
def training_step(net, optimizer, images, labels):
    """Update the net once on a batch (4 output, 5 loss, 6 gradients, 7 update), and return the loss as a number."""
    ### BEGIN SOLUTION
    scores = net(images)  # 4 output
    loss = F.cross_entropy(scores, labels)  # 5 loss
    # equivalent: `net.zero_grad`: the optimizer has the parameters of the net, no more and no fewer
    optimizer.zero_grad()
    loss.backward()  # 6 gradients
    optimizer.step()  # 7 update
    return loss.item()
    ### END SOLUTION


# %% check="training_step" requirement="returns the loss of the scores, as a number" points=1
net = there("torch.nn.Linear(2, 3, bias=False)")
net.load_state_dict({"weight": torch.tensor([[0.0, 1], [1, 0], [-1, 1]])})
optimizer = there("torch.optim.SGD")(net.parameters(), lr=0.5)
images, labels = torch.tensor([[2.0, 0], [0, 1]]), torch.tensor([1, 0])
scores = torch.tensor([[0.0, 2, -2], [1, 0, 1]])  # what this net says before the step
got = training_step(net, optimizer, images, labels)
assert isinstance(got, float), explain(
    "training_step(…)",
    got,
    "a float",
    ask="A tensor that is kept for the log keeps all that led to it. How do you get the bare number?",
)
assert abs(got - F.cross_entropy(scores, labels).item()) < 1e-4, explain(
    "training_step on the scores [[0, 2, −2], [1, 0, 1]] with the labels [1, 0]",
    got,
    "0.5025",
    known=[
        (
            F.cross_entropy(scores.softmax(dim=1), labels).item(),
            "Is there a softmax before the loss? Cross entropy has one inside: what does it expect, scores or shares?",
        ),
        (-1.5, "That is the loss of LeNet-5, the mean penalty. Here the loss is the cross entropy of the scores."),
        (
            2 * F.cross_entropy(scores, labels).item(),
            "That is the sum. Mean over the batch, please: why does it matter?",
        ),
    ],
    ask="What do you hand to F.cross_entropy, and was it computed before the step?",
)

# %% check="training_step" requirement="changes the weights by one step downhill" points=1
net = there("torch.nn.Linear(2, 3, bias=False)")
start = torch.tensor([[0.0, 1], [1, 0], [-1, 1]])
net.load_state_dict({"weight": start})
optimizer = there("torch.optim.SGD")(net.parameters(), lr=0.5)
images, labels = torch.tensor([[2.0, 0], [0, 1]]), torch.tensor([1, 0])
training_step(net, optimizer, images, labels)
mine = net.state_dict()["weight"]
weight = start.clone().requires_grad_()
F.cross_entropy(images @ weight.T, labels).backward()
assert torch.allclose(mine, start - 0.5 * weight.grad, atol=1e-4), explain(
    "The weights after training_step with SGD at a rate of 0.5",
    mine,
    "the weights before, minus 0.5 times the gradient",
    known=[
        (
            start,
            "The weights are as they were. When `step` is called, are the gradients there, or gone or yet to come?",
        ),
    ],
    ask="Put the four lines in order: clean the gradients, differentiate the loss, step. Which of them must be last?",
)

# %% check="training_step" requirement="forgets the gradients of earlier batches" points=1 after="When would it be too late to clean after `step`, at the end?"
net = there("torch.nn.Linear(2, 3, bias=False)")
start = torch.tensor([[0.0, 1], [1, 0], [-1, 1]])
net.load_state_dict({"weight": start})
optimizer = there("torch.optim.SGD")(net.parameters(), lr=0.5)
images, labels = torch.tensor([[2.0, 0], [0, 1]]), torch.tensor([1, 0])
for _ in range(2):
    training_step(net, optimizer, images, labels)
mine = net.state_dict()["weight"]
weight, piled_up, kept = start.clone(), start.clone(), torch.zeros(3, 2)
for _ in range(2):
    gradients = []
    for w in (weight, piled_up):
        w.requires_grad_()
        gradients += torch.autograd.grad(F.cross_entropy(images @ w.T, labels), w)
    kept = kept + gradients[1]
    weight, piled_up = (weight - 0.5 * gradients[0]).detach(), (piled_up - 0.5 * kept).detach()
assert torch.allclose(mine, weight, atol=1e-4), explain(
    "The weights after two calls of training_step",
    mine,
    "two steps, each with the gradient of its own call",
    known=[(piled_up, "The second step went too far. Is its gradient new, or is it new plus old?")],
    ask="What does `backward` do with gradients that are already there?",
)

# %% hidden="training_step" requirement="any net, any optimiser, several batches" points=2
for name, rate in (("SGD", 0.3), ("Adam", 0.02), ("RMSprop", 0.01)):
    inputs, classes = (int(n) for n in rng.integers((2, 3), (6, 6)))
    net, ours = there(f"torch.nn.Linear({inputs}, {classes})"), torch.nn.Linear(inputs, classes)
    ours.load_state_dict({key: torch.tensor(rng.normal(size=p.shape)).float() for key, p in ours.state_dict().items()})
    net.load_state_dict(ours.state_dict())
    optimizer = there(f"torch.optim.{name}")(net.parameters(), lr=rate)
    reference = getattr(torch.optim, name)(ours.parameters(), lr=rate)
    for batch in rng.integers(2, 7, size=3):
        images = torch.tensor(rng.normal(size=(batch, inputs))).float()
        labels = torch.tensor(rng.integers(0, classes, size=batch))
        loss = F.cross_entropy(ours(images), labels)
        reference.zero_grad()
        got = training_step(net, optimizer, images, labels)
        assert isinstance(got, float), "Return a float, not a tensor with its history."
        assert abs(got - loss.item()) < 1e-3, hint_for(
            got,
            known=[
                (F.cross_entropy(ours(images).softmax(1), labels).item(), "Is there a softmax before the loss?"),
                (loss.item() * len(labels), "That is the sum over the batch, not the mean."),
            ],
            otherwise="The loss of a later batch is off: do the gradients of earlier batches still count?",
        )
        loss.backward()
        reference.step()
    mine = net.state_dict()
    assert all(torch.allclose(mine[key], value, atol=1e-3) for key, value in ours.state_dict().items()), (
        "After three batches the weights are off: does each step use the gradient of its own batch, and no other?"
    )


# %% right="training_step"
def training_step(net, optimizer, images, labels):  # the loss in two pieces, gradients set to zero and not to None
    optimizer.zero_grad(set_to_none=False)
    loss = F.nll_loss(F.log_softmax(net(images), dim=1), labels)
    loss.backward()
    optimizer.step()
    return float(loss.detach())


# %% right="training_step"
def training_step(net, optimizer, images, labels):  # cleaned at the end: fine as long as nobody else left gradients
    loss = torch.nn.CrossEntropyLoss()(net(images), labels)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


# %% wrong="training_step" hint="new plus old"
def training_step(net, optimizer, images, labels):  # no zero_grad
    loss = F.cross_entropy(net(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


# %% wrong="training_step" hint="softmax before the loss"
def training_step(net, optimizer, images, labels):  # softmax twice
    loss = F.cross_entropy(net(images).softmax(dim=1), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


# %% wrong="training_step" hint="keeps all that led to it"
def training_step(net, optimizer, images, labels):  # a tensor with its graph
    loss = F.cross_entropy(net(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


# %% wrong="training_step" hint="gone or yet to come"
def training_step(net, optimizer, images, labels):  # cleaned before they are used
    loss = F.cross_entropy(net(images), labels)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


# %% wrong="training_step" hint="gone or yet to come"
def training_step(net, optimizer, images, labels):  # the step comes before its gradients
    loss = F.cross_entropy(net(images), labels)
    optimizer.zero_grad()
    optimizer.step()
    loss.backward()
    return loss.item()


# %% wrong="training_step" hint="That is the sum"
def training_step(net, optimizer, images, labels):  # sum over the batch
    loss = F.cross_entropy(net(images), labels, reduction="sum")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


# %% [markdown] hint="training_step" step=1
# Four things have to happen: 4 output, 5 loss, 6 gradients, 7 update. One call more keeps the past out. Before which of
# the four must it stand, at the latest?

# %% [markdown] hint="training_step" step=2
# On paper: one weight w = 2, loss (3w − 10)², slope 6 · (3w − 10) = −24. `backward` once: `w.grad` is −24. `backward`
# again, without cleaning: −48. With which of the two numbers do you want to step? And the loss: `F.cross_entropy` takes
# the logarithm of the softmax itself. What should you hand to it?

# %% [markdown] hint="training_step" step=3
# ```python
# loss = F.cross_entropy(net(images), labels)
# optimizer.zero_grad()
# ...  # two calls
# return loss.item()
# ```

# %% [markdown]
# ## Task 5 · Judge without touching (5 points)
#
# After each epoch one wants the loss on the validation images, and the net must be afterwards as it was before.
#
# | | |
# |---|---|
# | `net` | a module; `net(images)` gives scores (B, K) |
# | `batches` | list of pairs: images, tensor (B, …), and labels, int64 tensor (B,); B may differ |
# | returns | float: the mean cross entropy over *all images* |
# | while it runs | evaluation mode (dropout is off), no gradients are recorded |
# | afterwards | the net is in the mode, training or evaluation, in which it came |
#
# Example: batches of 4, 4 and 2 images with mean losses 1, 1 and 4: (4 + 4 + 8) / 10 = 1.6.


# %% task="evaluate" points=5 withhold="course_lib.training.loop"
def evaluate(net, batches):
    """Return the mean cross entropy over all images, and leave the net as it came."""
    ### BEGIN SOLUTION
    mode = net.training
    net.eval()
    total, images_seen = 0.0, 0
    with torch.no_grad():
        for images, labels in batches:
            total += F.cross_entropy(net(images), labels, reduction="sum").item()
            # equivalent: `len(images)`: an image for each label
            images_seen += len(labels)
    net.train(mode)
    return total / images_seen
    ### END SOLUTION


# %% check="evaluate" requirement="every image counts the same" points=1
net = there("torch.nn.Identity()")  # it says what it is shown: the images are the scores
sure = torch.tensor([[4.0, 0, 0]])
batches = [
    (sure.repeat(4, 1), torch.tensor([0, 0, 0, 0])),
    (sure.repeat(4, 1), torch.tensor([0, 0, 0, 0])),
    (sure.repeat(2, 1), torch.tensor([1, 2])),
]
low, high = (F.cross_entropy(sure, torch.tensor([label])).item() for label in (0, 1))  # 0.036 and 4.036
got = evaluate(net, batches)
assert isinstance(got, float), explain(
    "evaluate(net, batches)", got, "a float", ask="What turns a tensor with one element into a Python number?"
)
assert abs(got - (8 * low + 2 * high) / 10) < 1e-4, explain(
    "evaluate: 8 images with a loss of 0.036 in two batches, 2 images with 4.036 in a third",
    got,
    "(8 · 0.036 + 2 · 4.036) / 10 = 0.836",
    known=[
        ((2 * low + high) / 3, "A patient in the small batch counts double here. Over what is the mean to be taken?"),
        (8 * low + 2 * high, "That is the sum over all images. Divided by what is it a mean?"),
        ((8 * low + 2 * high) / 3, "That is a sum over images, divided by the number of batches."),
    ],
    ask="Which batch gives which loss, and how many images stand behind each?",
)

# %% check="evaluate" requirement="dropout is off, and the mode is put back" points=1 after="What does no_grad not do?"
net = there("torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(50, 3))")
net.train()
batch = [(torch.ones(4, 50), torch.tensor([0, 1, 2, 1]))]
first, second = evaluate(net, batch), evaluate(net, batch)
assert net.training is True, explain(
    "net.training, which was True before evaluate(net, …),",
    net.training,
    "True again",
    ask="From now on the training would run without dropout. What did you forget to put back?",
)
assert first == second, explain(
    "evaluate on the same net and batch, twice,",
    (first, second),
    "twice the same number",
    ask="`no_grad` stops the gradients. What stops the dropout?",
)
net.eval()
evaluate(net, batch)
assert net.training is False, explain(
    "net.training, which was False before evaluate(net, …),",
    net.training,
    "False again",
    ask="Not every net comes in training mode. How can you know in which mode it came?",
)

# %% check="evaluate" requirement="records no gradients" points=1
spy = there(
    "type('Spy', (torch.nn.Linear,), {'forward': lambda self, x: (self.__dict__.setdefault('seen', []).append("
    "torch.is_grad_enabled()), torch.nn.functional.linear(x, self.weight))[1]})(2, 3)"
)  # a linear layer that notes at each call whether gradients are being recorded
evaluate(spy, [(torch.ones(2, 2), torch.tensor([0, 1]))] * 2)
assert not any(spy.seen), explain(
    "torch.is_grad_enabled() inside the net, call by call,",
    spy.seen,
    "False each time",
    ask="Nobody will differentiate this loss, but all maps are kept for it: on scans that fills the memory. What tells "
    "torch not to record?",
)

# %% hidden="evaluate" requirement="any net, any batches" points=2
for training in (True, False, True):
    inputs, classes = (int(n) for n in rng.integers((3, 2), (7, 6)))
    net = there(f"torch.nn.Sequential(torch.nn.Dropout(0.4), torch.nn.Linear({inputs}, {classes}))")
    net.train(training)
    state = net.state_dict()
    batches = [
        (torch.tensor(rng.normal(size=(n, inputs))).float(), torch.tensor(rng.integers(0, classes, size=n)))
        for n in (5, *(int(size) for size in rng.integers(1, 4, size=3)))
    ]
    each = [
        F.cross_entropy(images @ state["1.weight"].T + state["1.bias"], labels, reduction="none")
        for images, labels in batches
    ]
    got = evaluate(net, batches)
    assert isinstance(got, float), "Return a float, not a tensor."
    assert abs(got - torch.cat(each).mean().item()) < 1e-4, hint_for(
        got,
        known=[
            (float(np.mean([losses.mean().item() for losses in each])), "Images count, not batches."),
            (torch.cat(each).sum().item(), "That is a sum, not a mean."),
        ],
        otherwise="A loss is off: is the net in evaluation mode while you look, also when it came in training mode?",
    )
    assert net.training is training, "Afterwards the net must be in the mode in which it came."
    after = net.state_dict()
    assert all(torch.equal(after[key], state[key]) for key in state), "The weights have changed: evaluating only looks."


# %% right="evaluate"
@torch.inference_mode()
def evaluate(net, batches):  # all losses first
    came_in_training = net.training
    net.train(False)
    losses = [F.cross_entropy(net(images), labels, reduction="none") for images, labels in batches]
    if came_in_training:
        net.train()
    return torch.cat(losses).mean().item()


# %% wrong="evaluate" hint="counts double"
def evaluate(net, batches):  # mean of means
    mode = net.training
    net.eval()
    with torch.no_grad():
        losses = [F.cross_entropy(net(images), labels).item() for images, labels in batches]
    net.train(mode)
    return sum(losses) / len(losses)


# %% wrong="evaluate" hint="What stops the dropout"
def evaluate(net, batches):  # no eval()
    total, images_seen = 0.0, 0
    with torch.no_grad():
        for images, labels in batches:
            total += F.cross_entropy(net(images), labels, reduction="sum").item()
            images_seen += len(labels)
    return total / images_seen


# %% wrong="evaluate" hint="forget to put back"
def evaluate(net, batches):  # the net stays in evaluation mode
    net.eval()
    total, images_seen = 0.0, 0
    with torch.no_grad():
        for images, labels in batches:
            total += F.cross_entropy(net(images), labels, reduction="sum").item()
            images_seen += len(labels)
    return total / images_seen


# %% wrong="evaluate" hint="in which mode it came"
def evaluate(net, batches):  # always training mode afterwards
    net.eval()
    total, images_seen = 0.0, 0
    with torch.no_grad():
        for images, labels in batches:
            total += F.cross_entropy(net(images), labels, reduction="sum").item()
            images_seen += len(labels)
    net.train()
    return total / images_seen


# %% wrong="evaluate" hint="not to record"
def evaluate(net, batches):  # gradients are recorded
    mode = net.training
    net.eval()
    total, images_seen = 0.0, 0
    for images, labels in batches:
        total += F.cross_entropy(net(images), labels, reduction="sum").item()
        images_seen += len(labels)
    net.train(mode)
    return total / images_seen


# %% wrong="evaluate" hint="Python number"
def evaluate(net, batches):  # a tensor
    mode = net.training
    net.eval()
    with torch.no_grad():
        total = sum(F.cross_entropy(net(images), labels, reduction="sum") for images, labels in batches)
    net.train(mode)
    return total / sum(len(labels) for _, labels in batches)


# %% [markdown] hint="evaluate" step=1
# Three questions, one after the other. Which switch turns dropout off, and which attribute says how the switch stood?
# Which block keeps torch from recording? By what do you weight the loss of a batch?

# %% [markdown] hint="evaluate" step=2
# Batches of 3 images and 1 image, mean losses 2 and 6. Over images: (3 · 2 + 1 · 6) / 4 = 3; the mean of means would be
# 4. `reduction="sum"` gives 6 and 6 at once: what is left to divide by? A net with `net.training` False comes in: what
# must `net.training` be afterwards?

# %% [markdown] hint="evaluate" step=3
# ```python
# mode = net.training
# net.eval()
# with torch.no_grad():
#     ...  # add up losses and images
# net.train(mode)
# ```
