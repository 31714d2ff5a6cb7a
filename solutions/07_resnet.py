# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: "Why does a deeper plain net train worse? Exercises"
#     level: intermediate
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["07_resnet"]
#     facts: [R19, R20]
# ---

# %% [markdown]
# # 07 · Why does a deeper plain net train worse? Exercises
#
# Five tasks, 20 points, about 75 minutes: the residual block, its shortcut where the shape changes, both faces of batch
# normalisation, and the diagnosis. Each task has a slip in mind that raises no error and spoils a net.
#
# How it works: read the contract, write your code where `NotImplementedError` stands, run the cell, then run the checks
# below it. A check never stops the notebook; it shows what your code gave, what was wanted, and one question. Stuck?
# Open the first hint, try again, and only then the next. The first task leaves two small gaps, later ones leave more,
# and the last two are all yours. Graded are these checks and others of the same kind with other numbers, so write for
# every input that the contract allows.

# %% tags=["setup"]
import numpy as np

from course_lib.classroom import explain, hint_for

# %% [markdown]
# ## Warm-up: a worked example
#
# A plain block of two dense layers, all given: *first*, *second*, *activate*. Before you run it: what comes out for the
# input (1, 2)?


# %%
def plain_block(x, first, second):
    # 1 first: a layer and its ReLU
    inside = np.maximum(x @ first.T, 0)
    # 2 second: a layer
    made = inside @ second.T
    # 3 activate
    return np.maximum(made, 0)


plain_block(np.array([[1.0, 2]]), np.array([[1.0, 0], [0, -1]]), np.array([[2.0, 0], [-1, 0]]))

# %% [markdown]
# ## Task 1 · The residual block (3 points)
#
# The same two layers with a shortcut. The branch is given; the last two steps are yours: *sum* and *activate*.
#
# | | |
# |---|---|
# | `x` | array (B, n), any numbers, also below 0 |
# | `first`, `second` | arrays (n, n), the weights of the two layers |
# | returns | array (B, n): ReLU(F(x) + x), where F is the branch |
#
# Example: x = 1 and a branch that says F = −3 give ReLU(−2) = 0.


# %% task="residual_block" points=3 withhold="course_lib.models.resnet"
def residual_block(x, first, second):
    """Give ReLU(F(x) + x) for a branch of two dense layers."""
    # 1 branch
    branch = np.maximum(x @ first.T, 0) @ second.T
    # 2 sum: what the branch makes, and what came in
    ### BEGIN SOLUTION
    total = branch + x
    ### END SOLUTION
    # 3 activate
    ### BEGIN SOLUTION
    # equivalent: `np.maximum(0, total)`: the larger of two has no order
    return np.maximum(total, 0)
    ### END SOLUTION


# %% check="residual_block" requirement="sums before it activates" points=1
eye = np.eye(3)
got = residual_block(np.array([[1.0, 2, -1]]), eye, np.diag([-3.0, 2, 1]))
assert np.shape(got) == (1, 3), explain(
    "The shape of residual_block(a 1 × 3 array, …)", np.shape(got), "(1, 3)", ask="Does a sum change a shape?"
)
assert np.allclose(got, [[0, 6, 0]]), explain(
    "residual_block([[1, 2, −1]], …) with the branch F = [[−3, 4, 0]]",
    got,
    "[[0, 6, 0]]",
    known=[
        ([[1, 6, -1]], "The branch wants to lower the first value a lot. Can it still do so in your block?"),
        (
            [[1, 6, 0]],
            "The branch wants to lower the first value a lot. Can it still do so when it is activated alone?",
        ),
        ([[0, 4, 0]], "That is the plain block. What goes round the branch?"),
        ([[-2, 6, -1]], "Nearly there: the sum is right. Which step is still missing?"),
        ([[0, 2, 0]], "The signs are turned: is x added to the branch, or taken from it?"),
    ],
    ask="By hand: F is (−3, 4, 0) and x is (1, 2, −1). What is their sum, and what does ReLU leave of it?",
)

# %% check="residual_block" requirement="adds x as it came in" points=1 after="In a net of such blocks x is never below 0. Which blocks would have hidden the slip?"
got = residual_block(np.array([[-2.0, 1]]), np.eye(2), np.array([[0.0, 3], [0, 1]]))
assert np.allclose(got, [[1, 2]]), explain(
    "residual_block([[−2, 1]], …) with the branch F = [[3, 1]]",
    got,
    "[[1, 2]]",
    known=[
        ([[3, 2]], "Is the x that you add still what came in? It was −2."),
        ([[3, 1]], "That is the plain block. What goes round the branch?"),
        ([[4, 2]], "A −2 became 1 or 2 somewhere. Which step changed x before it was added?"),
    ],
    ask="By hand: F is (3, 1) and x is (−2, 1). What is their sum?",
)

# %% hidden="residual_block" requirement="any numbers" points=1
for _ in range(10):
    count, width = (int(n) for n in rng.integers((2, 2), (5, 6)))
    x, first, second = rng.normal(size=(count, width)), *rng.normal(size=(2, width, width))
    branch = np.maximum(x @ first.T, 0) @ second.T
    got = residual_block(x, first, second)
    assert np.shape(got) == x.shape, "The result has another shape than x."
    assert np.allclose(got, np.maximum(branch + x, 0)), hint_for(
        got,
        known=[
            (np.maximum(branch, 0) + x, "The sum comes before the activation."),
            (np.maximum(branch, 0) + np.maximum(x, 0), "The sum comes before the activation."),
            (np.maximum(branch + np.maximum(x, 0), 0), "Add x as it came in, below 0 or not."),
            (np.maximum(branch, 0), "What goes round the branch?"),
            (branch + x, "Which step is still missing?"),
        ],
        otherwise="Some numbers differ. Try x = (−1, 1) with a branch whose two numbers have different signs.",
    )


# %% right="residual_block"
def residual_block(x, first, second):  # by where
    total = x + np.where(x @ first.T > 0, x @ first.T, 0) @ second.T
    return total * (total > 0)


# %% wrong="residual_block" hint="Can it still do so"
def residual_block(x, first, second):  # ReLU before the sum
    return x + np.maximum(np.maximum(x @ first.T, 0) @ second.T, 0)


# %% wrong="residual_block" hint="still what came in"
def residual_block(x, first, second):  # an in-place ReLU spoils x
    branch = np.maximum(x @ first.T, 0) @ second.T
    x = np.array(x)
    np.maximum(x, 0, out=x)
    return np.maximum(branch + x, 0)


# %% wrong="residual_block" hint="What goes round the branch"
def residual_block(x, first, second):  # plain
    return np.maximum(np.maximum(x @ first.T, 0) @ second.T, 0)


# %% wrong="residual_block" hint="step is still missing"
def residual_block(x, first, second):  # no last ReLU
    return np.maximum(x @ first.T, 0) @ second.T + x


# %% [markdown] hint="residual_block" step=1
# Look at the drawing in the lecture: on which side of the plus sign does the last ReLU stand?

# %% [markdown] hint="residual_block" step=2
# x = (2, −1) and F = (−3, 5). Sum: (−1, 4). After ReLU: (0, 4). With the ReLU first, F becomes (0, 5), and no branch can
# ever make a number smaller. Which of the two orders did you write?

# %% [markdown] hint="residual_block" step=3
# ```python
# total = branch + ...
# return np.maximum(..., 0)
# ```

# %% [markdown]
# ## Task 2 · A shortcut where the shape changes (4 points)
#
# Option A of the paper: no parameters. Two steps are yours: *thin* (keep every `stride`-th pixel along both axes, from
# the first on) and *pad* (new channels of zeros **after** the old ones).
#
# | | |
# |---|---|
# | `x` | array (B, C, H, W) |
# | `out_channels` | whole number ≥ C |
# | `stride` | whole number ≥ 1 |
# | returns | array (B, out_channels, ⌈H/stride⌉, ⌈W/stride⌉) |
#
# Example: one map of 4 × 4 with the numbers 0 … 15, 2 channels out and stride 2: `[[0, 2], [8, 10]]` and zeros.


# %% task="shortcut" points=4 withhold="course_lib.models.resnet_cifar"
def shortcut(x, out_channels, stride):
    """Bring x to the shape of the branch, without parameters."""
    # 1 thin
    ### BEGIN SOLUTION
    thinned = x[:, :, ::stride, ::stride]
    ### END SOLUTION
    # 2 pad
    ### BEGIN SOLUTION
    batch, channels, height, width = thinned.shape
    empty = np.zeros((batch, out_channels - channels, height, width))
    return np.concatenate([thinned, empty], axis=1)
    ### END SOLUTION


# %% check="shortcut" requirement="keeps every second pixel" points=1
x = np.arange(24.0).reshape(1, 1, 4, 6)
got = shortcut(x, 1, 2)
assert np.shape(got) == (1, 1, 2, 3), explain(
    "The shape of shortcut(a 1 × 1 × 4 × 6 array, 1, 2)",
    np.shape(got),
    "(1, 1, 2, 3)",
    known=[
        ((1, 1, 4, 6), "The channels are right. Did you use the stride?"),
        ((1, 1, 2, 6), "One axis is thinned. Which one is not?"),
        ((1, 1, 4, 3), "One axis is thinned. Which one is not?"),
    ],
    ask="Which two axes are the pixels?",
)
assert np.allclose(got, [[[[0, 2, 4], [12, 14, 16]]]]), explain(
    "shortcut(the numbers 0 … 23 as a map of 4 × 6, 1, 2)",
    got,
    "[[0, 2, 4], [12, 14, 16]]",
    known=[
        ([[[[3.5, 5.5, 7.5], [15.5, 17.5, 19.5]]]], "You took means of 2 × 2. The contract keeps pixels as they are."),
        ([[[[7, 9, 11], [19, 21, 23]]]], "Every second pixel, yes. From which one on?"),
        ([[[[0, 1, 2], [6, 7, 8]]]], "That is the upper left corner. Which pixels does a step of 2 visit?"),
    ],
    ask="Cross out every second row and every second column. What is left?",
)

# %% check="shortcut" requirement="new channels are zeros, after the old" points=1 after="With one channel in, x + F(x) would run without any shortcut. What would be added to what?"
x = np.stack([np.full((2, 2), 1.0), np.full((2, 2), 2.0)])[None]  # two maps: ones and twos
got = shortcut(x, 5, 1)
assert np.shape(got) == (1, 5, 2, 2), explain(
    "The shape of shortcut(a 1 × 2 × 2 × 2 array, 5, 1)",
    np.shape(got),
    "(1, 5, 2, 2)",
    known=[
        ((1, 2, 2, 2), "The pixels are right. Will a sum with 5 channels work?"),
        ((1, 7, 2, 2), "You added 5 channels. How many are to come out?"),
    ],
    ask="How many channels are missing?",
)
levels = np.asarray(got)[0, :, 0, 0]
assert np.allclose(got, np.array([1, 2, 0, 0, 0.0]).reshape(1, 5, 1, 1)), explain(
    "The five channels of shortcut(ones and twos, 5, 1), one pixel each",
    levels,
    "[1, 2, 0, 0, 0]",
    known=[
        ([0, 0, 0, 1, 2], "Zeros they are. On which side of the old channels does the contract want them?"),
        ([0, 1, 2, 0, 0], "Zeros on both sides? The contract wants them after the old channels."),
        ([1, 2, 1, 2, 1], "You repeated the maps. What does the contract fill new channels with?"),
        ([1, 1, 1, 1, 1], "That is one map, five times. Where did the other one go?"),
    ],
    ask="The old channels stay first. What comes after them?",
)

# %% hidden="shortcut" requirement="any shape, any stride" points=2
for _ in range(10):
    batch, channels, height, width, stride = (int(n) for n in rng.integers((1, 1, 3, 3, 1), (4, 5, 8, 8, 4)))
    more = int(rng.integers(0, 4))
    x = rng.normal(size=(batch, channels, height, width))
    thinned = x[:, :, ::stride, ::stride]
    wanted = np.zeros((batch, channels + more, *thinned.shape[2:]))
    wanted[:, :channels] = thinned
    got = shortcut(x, channels + more, stride)
    assert np.shape(got) == wanted.shape, "The result has another shape than the contract says. Odd sizes, too?"
    assert np.allclose(got, wanted), hint_for(
        got,
        known=[(np.roll(wanted, more, axis=1), "The new channels come after the old ones.")],
        otherwise="Some numbers differ. Try two maps of 3 × 5, three channels out, and a stride of 2.",
    )


# %% right="shortcut"
def shortcut(x, out_channels, stride):  # by np.pad
    extra = out_channels - x.shape[1]
    return np.pad(x, ((0, 0), (0, extra), (0, 0), (0, 0)))[..., ::stride, ::stride]


# %% wrong="shortcut" hint="Will a sum with 5 channels work"
def shortcut(x, out_channels, stride):  # hopes for broadcasting
    return x[:, :, ::stride, ::stride]


# %% wrong="shortcut" hint="On which side of the old channels"
def shortcut(x, out_channels, stride):  # zeros first
    extra = out_channels - x.shape[1]
    return np.pad(x, ((0, 0), (extra, 0), (0, 0), (0, 0)))[..., ::stride, ::stride]


# %% wrong="shortcut" hint="means of 2 × 2"
def shortcut(x, out_channels, stride):  # average pooling
    batch, channels, height, width = x.shape
    height, width = height // stride * stride, width // stride * stride
    windows = x[..., :height, :width].reshape(batch, channels, height // stride, stride, width // stride, stride)
    return np.pad(windows.mean(axis=(3, 5)), ((0, 0), (0, out_channels - channels), (0, 0), (0, 0)))


# %% wrong="shortcut" hint="You repeated the maps"
def shortcut(x, out_channels, stride):  # old maps over and over
    thinned = x[:, :, ::stride, ::stride]
    return np.take(thinned, np.arange(out_channels) % x.shape[1], axis=1)


# %% wrong="shortcut" hint="Did you use the stride"
def shortcut(x, out_channels, stride):  # padding only
    return np.pad(x, ((0, 0), (0, out_channels - x.shape[1]), (0, 0), (0, 0)))


# %% wrong="shortcut" hint="How many are to come out"
def shortcut(x, out_channels, stride):  # out_channels more
    return np.pad(x, ((0, 0), (0, out_channels if out_channels > x.shape[1] else 0), (0, 0), (0, 0)))[
        ..., ::stride, ::stride
    ]


# %% [markdown] hint="shortcut" step=1
# A slice has a third number, the step. And which axis of (B, C, H, W) must grow?

# %% [markdown] hint="shortcut" step=2
# One map `[[1, 2], [3, 4]]`, three channels out, stride 2. Thin: `[[1]]`. Pad: the channels are 1, 0, 0. The zeros are
# an array of shape (1, 2, 1, 1): batch, missing channels, height and width *after* thinning.

# %% [markdown] hint="shortcut" step=3
# ```python
# thinned = x[:, :, ::..., ::...]
# empty = np.zeros((..., out_channels - ..., ..., ...))
# return np.concatenate([thinned, empty], axis=...)
# ```

# %% [markdown]
# ## Task 3 · Batch normalisation, in training (6 points)
#
# For each channel: mean and variance over *all images and pixels of the batch*. Four steps: *measure*, *normalise*,
# *remember the mean*, *remember the variance*. Step 3 is given and shows what `momentum` weighs.
#
# | | |
# |---|---|
# | `x` | array (B, C, H, W), more than one number a channel |
# | `gamma`, `beta` | arrays (C,) |
# | `running_mean`, `running_var` | arrays (C,), what was remembered so far |
# | `momentum` | 0 … 1, how much the *new* batch counts |
# | returns | dict with `out` (B, C, H, W), `running_mean` (C,) and `running_var` (C,) |
#
# To normalise, the variance is that of the batch (divided by n), and 1e-5 is added to it under the root. To *remember*,
# it is the estimate for all images (divided by n − 1).
#
# Example: one channel with 1, 2, 3, 4: mean 2.5, variance 1.25 to normalise and 1.6667 to remember.


# %% task="batch_norm_train" points=6
def batch_norm_train(x, gamma, beta, running_mean, running_var, momentum):
    """Normalise a batch by its own statistics, and remember them."""
    # 1 measure: one mean and one variance for each channel
    ### BEGIN SOLUTION
    mean = x.mean(axis=(0, 2, 3))
    variance = x.var(axis=(0, 2, 3))
    ### END SOLUTION
    # 2 normalise, then scale by gamma and shift by beta
    ### BEGIN SOLUTION
    normalised = (x - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None]
    out = gamma[:, None, None] * normalised + beta[:, None, None]
    ### END SOLUTION
    # 3 remember the mean
    new_mean = (1 - momentum) * running_mean + momentum * x.mean(axis=(0, 2, 3))
    # 4 remember the variance
    ### BEGIN SOLUTION
    new_var = (1 - momentum) * running_var + momentum * x.var(axis=(0, 2, 3), ddof=1)
    ### END SOLUTION
    return {"out": out, "running_mean": new_mean, "running_var": new_var}


# %% check="batch_norm_train" requirement="images of a batch share a mean" points=1
two = np.array([0.0, 2]).reshape(2, 1, 1, 1)
got = batch_norm_train(two, np.ones(1), np.zeros(1), np.zeros(1), np.ones(1), 0.1)["out"]
assert np.shape(got) == (2, 1, 1, 1), explain(
    "The shape of out for a batch (2, 1, 1, 1)", np.shape(got), "(2, 1, 1, 1)", ask="Where did an axis come from?"
)
assert np.allclose(got, [[[[-1]]], [[[1]]]], atol=1e-4), explain(
    "out for two images of one pixel, 0 and 2",
    np.ravel(got),
    "[−1, 1]",
    known=[
        ([0, 0], "Each of your images has a mean of its own. Over which axes do the images of a batch share one?"),
        ([-0.7071, 0.7071], "To normalise *this* batch, is the variance divided by n or by n − 1?"),
        ([-0.5, 0.5], "Is the root there?"),
    ],
    ask="Mean 1, variance 1: what is (0 − 1) / √1?",
)

# %% check="batch_norm_train" requirement="each channel for itself, gamma and beta too" points=1
x = np.stack([np.array([[[0.0, 2], [4, 6]], [[10, 10], [30, 30]], [[1, 2], [3, 4]]])] * 2)  # (2, 3, 2, 2)
got = batch_norm_train(x, np.array([1.0, 2, 3]), np.array([0.0, 5, 10]), np.zeros(3), np.ones(3), 0.1)["out"]
means, spreads = np.asarray(got).mean(axis=(0, 2, 3)), np.asarray(got).std(axis=(0, 2, 3))
assert np.allclose(means, [0, 5, 10], atol=1e-3), explain(
    "Mean of each channel of out, for beta = [0, 5, 10]",
    means,
    "[0, 5, 10]",
    known=[([0, 0, 0], "Normalised they are. What shifts them?")],
    ask="After normalising, each channel has mean 0. What does beta make of it, and along which axis?",
)
assert np.allclose(spreads, [1, 2, 3], atol=1e-3), explain(
    "Spread of each channel of out, for gamma = [1, 2, 3]",
    spreads,
    "[1, 2, 3]",
    known=[([1, 1, 1], "Normalised they are. What scales them?")],
    ask="After normalising, each channel has spread 1. What does gamma make of it, and along which axis?",
)

# %% check="batch_norm_train" requirement="remembers the variance of all images" points=2 after="With 100,000 pixels a channel, does n − 1 matter? And with 4?"
four = np.array([1.0, 2, 3, 4]).reshape(4, 1, 1, 1)
got = batch_norm_train(four, np.ones(1), np.zeros(1), np.zeros(1), np.ones(1), 0.1)
assert np.allclose(got["running_mean"], [0.25]), explain(
    "running_mean after 1, 2, 3, 4 with momentum 0.1, 0 before", got["running_mean"], "0.25", ask="Step 3 was given."
)
assert np.allclose(got["running_var"], [1.06667], atol=1e-4), explain(
    "running_var after 1, 2, 3, 4 with momentum 0.1, 1 before",
    got["running_var"],
    "1.0667",
    known=[
        ([1.025], "Normalising this batch and estimating all images: do both divide by n?"),
        ([1.6], "If 0.1 weighed the old value, what would one noisy batch do? Compare with step 3."),
        ([1.225], "Two slips at once: look at step 3 for the momentum, and at the example for the divisor."),
        ([1.66667], "That is this batch alone. What of the memory?"),
        ([1.0], "The memory has not changed. What does this batch add to it?"),
        ([1.02910], "A running *variance* is wanted, not a spread."),
    ],
    ask="0.9 of the old variance, 1, and 0.1 of which variance?",
)

# %% hidden="batch_norm_train" requirement="any batch" points=2
for _ in range(8):
    batch, channels, height, width = (int(n) for n in rng.integers((2, 2, 1, 2), (5, 5, 4, 5)))
    x = rng.normal(size=(batch, channels, height, width)) * 3 + 1
    gamma, beta, old_mean = rng.normal(size=(3, channels))
    old_var, momentum = rng.uniform(0.5, 2, size=channels), float(rng.uniform(0.05, 0.4))
    mean, variance = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
    n = batch * height * width
    scaled = (x - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None] * gamma[:, None, None]
    got = batch_norm_train(x, gamma, beta, old_mean, old_var, momentum)
    assert np.shape(got["out"]) == x.shape, "`out` has another shape than x."
    assert np.allclose(got["out"], scaled + beta[:, None, None], atol=1e-6), hint_for(
        got["out"],
        known=[(scaled, "What shifts the channels?")],
        otherwise="`out` is off: one mean and one variance a channel, divided by n, 1e-5 under the root.",
    )
    assert np.allclose(got["running_mean"], (1 - momentum) * old_mean + momentum * mean), "Step 3 was given: leave it."
    seen = variance * n / (n - 1)
    assert np.allclose(got["running_var"], (1 - momentum) * old_var + momentum * seen), hint_for(
        got["running_var"],
        known=[
            ((1 - momentum) * old_var + momentum * variance, "To remember, which divisor?"),
            (momentum * old_var + (1 - momentum) * seen, "Momentum weighs the new batch."),
        ],
        otherwise="The running variance is off. Try 1, 2, 3, 4 by hand.",
    )

# a batch that hardly varies shows what stands under the root
x = np.array([0.0, 0.01]).reshape(2, 1, 1, 1)
got = batch_norm_train(x, np.ones(1), np.zeros(1), np.zeros(1), np.ones(1), 0.1)["out"]
assert abs(np.ravel(got)[1] - 0.005 / np.sqrt(2.5e-5 + 1e-5)) < 1e-6, "What is added to the variance, and where?"


# %% right="batch_norm_train"
def batch_norm_train(x, gamma, beta, running_mean, running_var, momentum):  # channels as rows
    rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
    n = rows.shape[1]
    mean = rows.sum(axis=1) / n
    variance = ((rows.T - mean) ** 2).sum(axis=0) / n
    out = np.moveaxis((np.moveaxis(x, 1, -1) - mean) / np.sqrt(variance + 1e-5) * gamma + beta, -1, 1)
    return {
        "out": out,
        "running_mean": running_mean + momentum * (mean - running_mean),
        "running_var": running_var + momentum * (variance * n / (n - 1) - running_var),
    }


# %% wrong="batch_norm_train" hint="a mean of its own"
def batch_norm_train(x, gamma, beta, running_mean, running_var, momentum):  # each image for itself
    mean, variance = x.mean(axis=(2, 3), keepdims=True), x.var(axis=(2, 3), keepdims=True)
    out = gamma[:, None, None] * (x - mean) / np.sqrt(variance + 1e-5) + beta[:, None, None]
    new_mean = (1 - momentum) * running_mean + momentum * x.mean(axis=(0, 2, 3))
    new_var = (1 - momentum) * running_var + momentum * x.var(axis=(0, 2, 3), ddof=1)
    return {"out": out, "running_mean": new_mean, "running_var": new_var}


# %% wrong="batch_norm_train" hint="do both divide by n"
def batch_norm_train(x, gamma, beta, running_mean, running_var, momentum):  # one variance for two uses
    mean, variance = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
    normalised = (x - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None]
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * variance
    out = gamma[:, None, None] * normalised + beta[:, None, None]
    return {"out": out, "running_mean": new_mean, "running_var": new_var}


# %% wrong="batch_norm_train" hint="divided by n or by n − 1"
def batch_norm_train(x, gamma, beta, running_mean, running_var, momentum):  # n − 1 to normalise, too
    mean, variance = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3), ddof=1)
    normalised = (x - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None]
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * variance
    out = gamma[:, None, None] * normalised + beta[:, None, None]
    return {"out": out, "running_mean": new_mean, "running_var": new_var}


# %% wrong="batch_norm_train" hint="what would one noisy batch do"
def batch_norm_train(x, gamma, beta, running_mean, running_var, momentum):  # momentum weighs the past
    mean, variance = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
    normalised = (x - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None]
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = momentum * running_var + (1 - momentum) * x.var(axis=(0, 2, 3), ddof=1)
    out = gamma[:, None, None] * normalised + beta[:, None, None]
    return {"out": out, "running_mean": new_mean, "running_var": new_var}


# %% wrong="batch_norm_train" hint="What shifts them"
def batch_norm_train(x, gamma, beta, running_mean, running_var, momentum):  # beta forgotten
    mean, variance = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
    normalised = (x - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None]
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * x.var(axis=(0, 2, 3), ddof=1)
    return {"out": gamma[:, None, None] * normalised, "running_mean": new_mean, "running_var": new_var}


# %% [markdown] hint="batch_norm_train" step=1
# A channel has *one* mean. Which three of the four axes disappear? And numpy knows two divisors: which argument of
# `var` chooses?

# %% [markdown] hint="batch_norm_train" step=2
# 1, 2, 3, 4: mean 2.5, squared differences 2.25, 0.25, 0.25, 2.25, sum 5. Divided by 4: 1.25, to normalise. Divided by
# 3: 1.667, to remember. With (C,) numbers and an array (B, C, H, W), numpy aligns from the right: `mean[:, None, None]`.

# %% [markdown] hint="batch_norm_train" step=3
# ```python
# mean = x.mean(axis=(0, ..., ...))
# normalised = (x - mean[:, None, None]) / np.sqrt(... + 1e-5)[:, None, None]
# new_var = (1 - momentum) * running_var + momentum * x.var(axis=..., ddof=...)
# ```

# %% [markdown]
# ## Task 4 · Batch normalisation, in use (3 points)
#
# Now the other face. A patient comes alone, and the answer must be that of any other day. All yours.
#
# | | |
# |---|---|
# | `x` | array (B, C, H, W), B may be 1 |
# | `gamma`, `beta`, `running_mean`, `running_var` | arrays (C,) |
# | returns | array (B, C, H, W), normalised by what was *remembered*, with 1e-5 added to the variance under the root |
#
# Example: x = 5, remembered mean 1 and variance 4, gamma 3, beta 10: (5 − 1) / 2 · 3 + 10 = 16.


# %% task="batch_norm_use" points=3
def batch_norm_use(x, gamma, beta, running_mean, running_var):
    """Normalise by remembered statistics."""
    ### BEGIN SOLUTION
    scale = gamma / np.sqrt(running_var + 1e-5)
    return scale[:, None, None] * (x - running_mean[:, None, None]) + beta[:, None, None]
    ### END SOLUTION


# %% check="batch_norm_use" requirement="one image alone" points=1
got = batch_norm_use(np.full((1, 1, 1, 2), 5.0), np.array([3.0]), np.array([10.0]), np.array([1.0]), np.array([4.0]))
assert np.shape(got) == (1, 1, 1, 2), explain(
    "The shape for an image (1, 1, 1, 2)", np.shape(got), "(1, 1, 1, 2)", ask="Where did an axis come from?"
)
assert np.allclose(got, 16, atol=1e-3), explain(
    "x = 5 with mean 1, variance 4, gamma 3 and beta 10",
    np.ravel(got),
    "[16, 16]",
    known=[
        ([10, 10], "Only beta is left: an image was compared with itself. Which mean should it be compared with?"),
        ([13, 13], "You divided by the variance. What has the unit of x?"),
        ([22, 22], "The mean is taken off. What is it divided by?"),
        ([36, 36], "The shift came before the scale. To what does beta belong?"),
        ([17.5, 17.5], "The mean has not been taken off."),
    ],
    ask="(5 − 1) / √4 · 3 + 10: which of the four numbers did your line use?",
)

# %% check="batch_norm_use" requirement="neighbours change nothing" points=1 after="A colleague forgot `eval()`. On which batch sizes would somebody notice?"
x = np.array([[[[1.0]], [[4]]], [[[3]], [[-2]]]])  # two images, two channels of one pixel
how = np.array([1.0, 2]), np.array([0.0, 1]), np.array([2.0, 0]), np.array([1.0, 16])
together, alone = batch_norm_use(x, *how), batch_norm_use(x[:1], *how)
assert np.allclose(np.asarray(together)[:1], alone, atol=1e-6), explain(
    "The first of two images, beside the same image alone",
    f"{np.ravel(together)[:2].round(2).tolist()} beside {np.ravel(alone).round(2).tolist()}",
    "the same numbers",
    ask="May a neighbour in the queue change a diagnosis? Which line looks at the whole batch?",
)
assert np.allclose(together, [[[[-1]], [[3]]], [[[1]], [[0]]]], atol=1e-3), explain(
    "Two images with the channels (1, 4) and (3, −2)",
    np.reshape(together, (2, 2)),
    "[[−1, 3], [1, 0]]",
    ask="Which numbers belong to the second channel: mean 0, variance 16, gamma 2, beta 1. What becomes of 4?",
)

# %% hidden="batch_norm_use" requirement="any batch" points=1
for _ in range(8):
    batch, channels, height, width = (int(n) for n in rng.integers((1, 2, 2, 2), (4, 5, 6, 6)))
    x = rng.normal(size=(batch, channels, height, width))
    gamma, beta, mean = rng.normal(size=(3, channels))
    variance = rng.uniform(0.2, 5, size=channels)
    if _ == 0:
        variance[0] = 0.0  # a channel that never varied
    root = np.sqrt(variance + 1e-5)[:, None, None]
    wanted = (x - mean[:, None, None]) / root * gamma[:, None, None] + beta[:, None, None]
    got = batch_norm_use(x, gamma, beta, mean, variance)
    assert np.shape(got) == x.shape, "The result has another shape than x."
    assert np.allclose(got, wanted, atol=1e-5), hint_for(
        got,
        known=[
            ((x - mean[:, None, None]) / root**2 * gamma[:, None, None] + beta[:, None, None], "Is the root there?")
        ],
        otherwise="Some numbers differ. Each channel has its own four numbers, and 1e-5 stands under the root.",
    )


# %% right="batch_norm_use"
def batch_norm_use(x, gamma, beta, running_mean, running_var):  # as one scale and one shift
    scale = gamma * (running_var + 1e-5) ** -0.5
    shift = beta - running_mean * scale
    return np.einsum("bchw,c->bchw", x, scale) + shift.reshape(1, -1, 1, 1)


# %% wrong="batch_norm_use" hint="Which mean should it be compared with"
def batch_norm_use(x, gamma, beta, running_mean, running_var):  # statistics of the batch
    mean, variance = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
    normalised = (x - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None]
    return gamma[:, None, None] * normalised + beta[:, None, None]


# %% wrong="batch_norm_use" hint="divided by the variance"
def batch_norm_use(x, gamma, beta, running_mean, running_var):  # no root
    normalised = (x - running_mean[:, None, None]) / (running_var + 1e-5)[:, None, None]
    return gamma[:, None, None] * normalised + beta[:, None, None]


# %% wrong="batch_norm_use" hint="The mean has not been taken off"
def batch_norm_use(x, gamma, beta, running_mean, running_var):  # no mean
    return gamma[:, None, None] * x / np.sqrt(running_var + 1e-5)[:, None, None] + beta[:, None, None]


# %% wrong="batch_norm_use" hint="The shift came before the scale"
def batch_norm_use(x, gamma, beta, running_mean, running_var):  # beta is scaled, too
    normalised = (x - running_mean[:, None, None]) / np.sqrt(running_var + 1e-5)[:, None, None]
    return gamma[:, None, None] * (normalised + beta[:, None, None])


# %% wrong="batch_norm_use" hint="a neighbour in the queue"
def batch_norm_use(x, gamma, beta, running_mean, running_var):  # looks at the batch when there is one
    mean = x.mean(axis=(0, 2, 3)) if len(x) > 1 else running_mean
    normalised = (x - mean[:, None, None]) / np.sqrt(running_var + 1e-5)[:, None, None]
    return gamma[:, None, None] * normalised + beta[:, None, None]


# %% [markdown] hint="batch_norm_use" step=1
# Is there anything in this formula that must be measured on `x`?

# %% [markdown] hint="batch_norm_use" step=2
# x = 5, mean 1: 4 is left. Variance 4: spread 2, so 4 / 2 = 2. Gamma 3: 6. Beta 10: 16. Each step takes one of the four
# arrays, along the axis of the channels.

# %% [markdown] hint="batch_norm_use" step=3
# ```python
# spread = np.sqrt(... + 1e-5)
# return gamma[:, None, None] * (x - ...) / spread[:, None, None] + ...
# ```

# %% [markdown]
# ## Task 5 · The diagnosis (4 points)
#
# A shallow and a deep net, trained with several seeds. Name what the errors show. All yours.
#
# | | |
# |---|---|
# | `train_shallow`, `train_deep`, `test_shallow`, `test_deep` | arrays (S,), errors in per cent, one number a seed |
# | `margin` | points; a difference of the means counts only if it is *larger* than this |
# | returns | `"degradation"`, `"overfitting"` or `"neither"` |
#
# - *degradation*: the mean training error of the deep net lies above that of the shallow one by more than the margin,
#   whatever the test says;
# - *overfitting*: not degradation, and the mean test error of the deep net lies above by more than the margin;
# - *neither*: anything else.
#
# Example: training 8 → 12, test 10 → 14, margin 1: degradation.


# %% task="diagnose" points=4
def diagnose(train_shallow, train_deep, test_shallow, test_deep, margin):
    """Tell degradation from overfitting."""
    ### BEGIN SOLUTION
    if np.mean(train_deep) - np.mean(train_shallow) > margin:
        return "degradation"
    if np.mean(test_deep) - np.mean(test_shallow) > margin:
        return "overfitting"
    return "neither"
    ### END SOLUTION


# %% check="diagnose" requirement="looks at the training error first" points=1
got = diagnose(np.array([8.0, 8]), np.array([12.0, 12]), np.array([10.0, 10]), np.array([14.0, 14]), 1.0)
assert got == "degradation", explain(
    "diagnose(training 8 → 12, test 10 → 14, margin 1)",
    got,
    "'degradation'",
    known=[
        ("overfitting", "Look at the training error of the deeper net too. Would overfitting do that?"),
        ("neither", "Four points are more than the margin. Which direction did you subtract?"),
    ],
    ask="Is the deeper net worse on what it has seen?",
)
got = diagnose(np.array([8.0, 8]), np.array([2.0, 2]), np.array([10.0, 10]), np.array([14.0, 14]), 1.0)
assert got == "overfitting", explain(
    "diagnose(training 8 → 2, test 10 → 14, margin 1)",
    got,
    "'overfitting'",
    known=[
        ("degradation", "The deeper net knows its training images *better*. Does the sign of a difference matter?"),
        ("neither", "It is better on what it has seen and worse on what it has not. What is that called?"),
    ],
    ask="Better in training, worse in the test: what is that called?",
)

# %% check="diagnose" requirement="takes the mean over seeds, with the margin" points=1 after="Three seeds say +9, −1, +1. What would you want before you publish?"
got = diagnose(np.array([8.0, 2, 5]), np.array([8.2, 3, 10]), np.array([9.0, 9, 9]), np.array([9.0, 9, 9]), 2.5)
assert got == "neither", explain(
    "diagnose(training [8, 2, 5] → [8.2, 3, 10], test unchanged, margin 2.5)",
    got,
    "'neither': the means differ by 2.07",
    known=[("degradation", "One seed differs by 5, the mean by 2.07. What is compared with the margin?")],
    ask="What is the mean of the three differences?",
)
got = diagnose(np.array([8.0, 2, 5]), np.array([8.2, 3, 10]), np.array([9.0, 9, 9]), np.array([9.0, 9, 9]), 1.5)
assert got == "degradation", explain(
    "diagnose(training [8, 2, 5] → [8.2, 3, 10], test unchanged, margin 1.5)",
    got,
    "'degradation': the means differ by 2.07",
    known=[
        ("neither", "Which number did you take for three seeds? Their means differ by 2.07."),
        ("overfitting", "The test error is the same in both. Which pair did you compare?"),
    ],
    ask="Must every seed agree, or the mean?",
)

# %% hidden="diagnose" requirement="any errors" points=2
for _ in range(20):
    seeds = int(rng.integers(2, 6))
    shallow, test_shallow = rng.uniform(5, 30, size=(2, seeds))
    change, test_change = rng.uniform(-4, 4, size=(2, seeds))
    margin = float(rng.uniform(0.2, 2))
    worse, test_worse = change.mean() > margin, test_change.mean() > margin
    wanted = "degradation" if worse else "overfitting" if test_worse else "neither"
    got = diagnose(shallow, shallow + change, test_shallow, test_shallow + test_change, margin)
    assert got == wanted, hint_for(
        got,
        known=[
            ("overfitting", "The training error comes first, and then the test."),
            ("degradation", "Only a *training* error that rises by more than the margin is degradation."),
        ],
        otherwise="A case is missed. Try errors that rise in both, in one only, and in none, near the margin.",
    )
assert diagnose(np.array([4.0]), np.array([5.0]), np.array([4.0]), np.array([5.0]), 1.0) == "neither", (
    "A difference that equals the margin is not larger than it."
)
assert diagnose(np.array([9.0]), np.array([3.0]), np.array([9.0]), np.array([3.0]), 1.0) == "neither", (
    "A deeper net that is better on both has neither trouble."
)


# %% right="diagnose"
def diagnose(train_shallow, train_deep, test_shallow, test_deep, margin):  # differences first
    in_training = np.subtract(train_deep, train_shallow).mean()
    in_test = np.subtract(test_deep, test_shallow).mean()
    signs = (in_training > margin, in_test > margin)
    return {(False, False): "neither", (False, True): "overfitting"}.get(signs, "degradation")


# %% wrong="diagnose" hint="Would overfitting do that"
def diagnose(train_shallow, train_deep, test_shallow, test_deep, margin):  # the test decides
    if np.mean(test_deep) - np.mean(test_shallow) > margin:
        return "overfitting"
    return "degradation" if np.mean(train_deep) - np.mean(train_shallow) > margin else "neither"


# %% wrong="diagnose" hint="Does the sign of a difference matter"
def diagnose(train_shallow, train_deep, test_shallow, test_deep, margin):  # any change of the training error
    if abs(np.mean(train_deep) - np.mean(train_shallow)) > margin:
        return "degradation"
    return "overfitting" if np.mean(test_deep) - np.mean(test_shallow) > margin else "neither"


# %% wrong="diagnose" hint="What is compared with the margin"
def diagnose(train_shallow, train_deep, test_shallow, test_deep, margin):  # one seed is enough
    if np.max(train_deep - train_shallow) > margin:
        return "degradation"
    return "overfitting" if np.max(test_deep - test_shallow) > margin else "neither"


# %% wrong="diagnose" hint="Which number did you take for three seeds"
def diagnose(train_shallow, train_deep, test_shallow, test_deep, margin):  # the first seed only
    if train_deep[0] - train_shallow[0] > margin:
        return "degradation"
    return "overfitting" if test_deep[0] - test_shallow[0] > margin else "neither"


# %% wrong="diagnose" hint="Which direction did you subtract"
def diagnose(train_shallow, train_deep, test_shallow, test_deep, margin):  # the other way round
    if np.mean(train_shallow) - np.mean(train_deep) > margin:
        return "degradation"
    return "overfitting" if np.mean(test_shallow) - np.mean(test_deep) > margin else "neither"


# %% [markdown] hint="diagnose" step=1
# Two questions, in this order: is the deeper net worse on what it has seen? And if not, is it worse on what it has not?

# %% [markdown] hint="diagnose" step=2
# Training [5, 7] → [9, 9]: means 6 and 9, a difference of 3. Margin 2: degradation, and the test is not asked any more.
# Margin 3: not larger, so go on to the test.

# %% [markdown] hint="diagnose" step=3
# ```python
# if np.mean(...) - np.mean(...) > margin:
#     return "degradation"
# ```
