# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: Why does a deeper plain net train worse?
#     level: intermediate
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["04_lenet", "05_alexnet_vgg", "06_inception"]
#     facts: [R19, R20]
# ---

# %% [markdown]
# # 07 · Why does a deeper plain net train worse?
#
# **Level** intermediate · **your time** about 90 minutes, with a good place to pause after part 5 · **the machine's
# time** about 1 minute on two CPU cores, less on a GPU · **download** nothing · **needs** the training loop
# (lesson 04), VGG (lesson 05), counting of parameters (lesson 06)
#
# *For teaching, not for clinical use.*

# %% [markdown]
# ## The question
#
# A group has a net that reads chest X-rays. It misses too much, so they make it deeper: 56 layers instead of 20. The
# deeper net misses more. "Overfitting", says someone, and a year goes by in which they collect ten thousand more images
# to cure it. The deeper net is still the worse one.
#
# One number would have saved the year, and it was in their log all the time: the error on the *training* images. A net
# that overfits knows its training images too well. This one did not know them. It had not learned.
#
# In 2015, Kaiming He and colleagues showed this effect plainly, gave it a name, **degradation**, and cured it with a
# change so small that it has no parameters at all: each pair of layers hands on its input beside its output. With that,
# 152 layers could be trained, and nearly every deep net since has the same detour in it.
#
# ```text
#            ┌──────────────────────────────┐
#            │                              ↓
#  x ────────┴→ 3×3 → ReLU → 3×3 → F(x) ──→ + ──→ ReLU ──→ the next block
# ```
#
# After this lesson you can
#
# 1. tell degradation from overfitting by two numbers, and say what each of them would be cured by;
# 2. build by hand a deep plain net that is as good as a shallow one, and say what its existence proves;
# 3. write a residual block, with its sum before the ReLU and a shortcut where the shape changes;
# 4. measure the gradient layer by layer, with and without shortcuts, with and without batch normalisation;
# 5. start a residual block as the identity, and say which of its parameters move at the first step.

# %% [markdown]
# ## Set-up
#
# The libraries, and the rooms of the course that this lesson visits. New today: `models.resnet`, `models.resnet_cifar`,
# and `training.signals`, a stethoscope for nets that do not learn.

# %% tags=["setup"]
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import clear_output
from sklearn.linear_model import LogisticRegression
from torch import nn

from course_lib import data, figures, metrics
from course_lib.classroom import reveal, where_am_i
from course_lib.figures.depth import plot_blocks, plot_by_layer, plot_errors
from course_lib.models import resnet
from course_lib.models.resnet import RESNET_TABLE, BasicBlock, PlainBlock, zero_last_gammas
from course_lib.models.resnet_cifar import CifarResNet, PaddedBlock, PaddedIdentity
from course_lib.summary import summarize
from course_lib.training import fit, predict
from course_lib.training.signals import measure_signals, without_batch_norm
from course_lib.widgets.depth import depth_explorer

figures.use_course_style()

# %% [markdown]
# What you may change; everything below follows.

# %% tags=["parameters"]
FAST = True  # False takes the depths of the paper, 20 and 56, and four times the images: some ten minutes
SEED = 0  # of the first weights and the order of the images; two more seeds follow it
EPOCHS = None  # times through the training data; a number here overrules 4 (10 if not FAST)
BATCH_SIZE = 32  # images a step
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
# **From lesson 06.** GoogLeNet lays the results of its branches behind each other. What would adding them demand of the
# branches?
#
# <details>
# <summary>Answer</summary>
#
# The same number of channels, and the same size. Today we do add, and the demand comes back in part 6.
# </details>
#
# **From lesson 04.** What does `net.eval()` switch?
#
# <details>
# <summary>Answer</summary>
#
# Layers that behave differently while training: dropout stops, and batch normalisation uses what it remembers. Part 8
# shows what happens to one who forgets it.
# </details>
#
# **From lesson 02.** Ten layers each multiply the gradient by 1.3 on its way back. By how much is it longer at the
# first layer?
#
# <details>
# <summary>Answer</summary>
#
# 1.3¹⁰ is almost 14. For 50 layers it is half a million. Depth turns small factors into large ones.
# </details>

# %% [markdown]
# ## The data: few digits, small ones
#
# Whether a net can be *trained* shows on any data. We take the smallest that we have, the digits of lesson 04 at
# 8 × 8 pixels, so that a net of 38 layers learns within seconds and each experiment can be done three times.
#
# | | |
# |---|---|
# | what | 1,797 handwritten digits, 8 × 8 pixels of 17 grey levels |
# | who wrote | 13 people; the file does not say who wrote which |
# | source | E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI repository, 1998 |
# | licence | CC BY 4.0; a copy is installed with scikit-learn |
#
# As before, the split cannot be by writer. We assert that no image is on two sides. For the question of today the
# training part matters most.

# %% tags=["nbval-check-output"]
digits = data.load_digits(image_size=8)
split = data.stratified_split(digits.labels, seed=0)
data.assert_no_overlap(split, subjects=np.arange(len(digits)))
train, val, test = (digits.subset(part) for part in (split.train, split.val, split.test))
learn_from = train.subset(np.arange(256)) if FAST else train
print(f"{len(learn_from)} of {len(train)} images to train, {len(val)} to compare, {len(test)} to judge")

# %%
figure, ax = plt.subplots(figsize=(8, 2.7))
figures.plot_image_grid(learn_from.images[:16], ax, titles=learn_from.labels[:16].tolist(), columns=8)
figures.show(figure, alt="Sixteen handwritten digits of 8 by 8 pixels, coarse but readable, each with its label.")

# %% [markdown]
# ## 1 Try first: what is wrong with the deeper net?
#
# **Two minutes.** Four errors in per cent, from an experiment as in the question above:
#
# | | training error | test error |
# |---|---|---|
# | 20 layers | 8 | 10 |
# | 56 layers | 12 | 14 |
#
# *Ann*: "The test error rose, so the deeper net overfits. We need more images, or dropout." *Ben*: "It is worse on what
# it has *seen*. It cannot have learned that too well." Who is right, and what would Ann's remedy do? **Predict** first:
# for a net that overfits, would the training error of the deeper net be higher or lower than 8?

# %%
predicted_overfit = None  # type "higher" or "lower"

# %% tags=["nbval-check-output"]
reveal(predicted_overfit, "lower")
shallow, deep = {"train": 8, "test": 10}, {"train": 12, "test": 14}
print(f"gap between test and training: {shallow['test'] - shallow['train']} and {deep['test'] - deep['train']} points")
print("degradation" if deep["train"] > shallow["train"] else "no degradation: look at the gap")

# %% [markdown]
# The gap is the same in both, and the training error rose. Ben is right. Dropout makes training harder, so Ann's remedy
# would treat a disease that the net has not got, and worsen the one that it has.

# %% [markdown]
# ## 2 How deep were they?
#
# The slides count layers with weights on the way from image to scores: AlexNet 8, VGG 19, GoogLeNet 22, ResNet 152. The
# last is seven times as deep as the one before. **Predict** from table 1 of the paper: four stages of 3, 8, 36 and 3
# blocks, three layers a block, a convolution before them and a dense layer after. How many?

# %%
predicted_depth = None  # type your number

# %% tags=["nbval-check-output"]
blocks = RESNET_TABLE[152]
reveal(predicted_depth, 1 + 3 * sum(blocks) + 1, unit="layers")
for depth, stages in RESNET_TABLE.items():
    layers_a_block = 2 if depth < 50 else 3
    print(f"ResNet-{depth}: 1 + {layers_a_block} · {sum(stages)} + 1 = {2 + layers_a_block * sum(stages)}")

# %% [markdown]
# Our own nets are those that the paper built for small images: a convolution, three stages of n blocks, a dense layer,
# so 6n + 2 layers. The second and third stage halve the maps and double the channels: 16, 32, 64. Behind each
# convolution stands **batch normalisation**: it shifts and scales every channel so that its mean is 0 and its variance
# 1 within the batch, and remembers both for later. Part 9 looks into it.

# %%
depths = (14, 38) if FAST else (20, 56)
epochs = EPOCHS or (4 if FAST else 10)
steps = epochs * int(np.ceil(len(learn_from) / BATCH_SIZE))
print(f"plain and residual nets of {depths[0]} and {depths[1]} layers, {epochs} epochs = {steps} steps each")

# %% [markdown]
# ## 3 Baselines, and the shallow net
#
# First what a net must beat. *Always the commonest digit* and logistic regression on 64 pixels, both judged on the
# **training** images this time.

# %%
commonest = int(learn_from.labels.bincount().argmax())
pixels, labels = learn_from.images.flatten(1).numpy(), learn_from.labels.numpy()
logistic = LogisticRegression(max_iter=2000).fit(pixels, labels)
print(f"training error, always {commonest}: {np.mean(labels != commonest):.0%}")
print(f"training error, logistic regression: {1 - logistic.score(pixels, labels):.1%}")

# %% [markdown]
# Now the plain net, with a live curve, and a checkpoint after each epoch. The training error is taken as the paper took
# it: during the epoch, in training mode.


# %%
def draw_curve(history):
    figure, ax = plt.subplots(figsize=(6.5, 2.6))
    figures.plot_learning_curves(history, ax)
    clear_output(wait=True)
    first, last = history.train_loss[[0, -1]]
    figures.show(
        figure,
        alt=f"Learning curve over {len(history.train_loss)} epochs: the training loss goes from {first:.2f} to {last:.2f}.",
    )


loader = data.make_loader(learn_from, batch_size=BATCH_SIZE, shuffle=True)
checkpoints = Path(CHECKPOINT_DIR or tempfile.mkdtemp())
how = {"epochs": epochs, "learning_rate": LEARNING_RATE}

# %%
torch.manual_seed(SEED)
shallow_net = CifarResNet(PlainBlock, depths[0], in_channels=1)
watched = fit(shallow_net, loader, **how, seed=SEED, checkpoint_dir=checkpoints, on_epoch_end=draw_curve)
print(f"training error of the plain net of {depths[0]} layers: {1 - watched.train_accuracy[-1]:.1%}")

# %% [markdown]
# It learns. The deeper one has the same first layers, and more of them. Whatever the shallow net can do, the deep one
# can do too, can it not? **Predict** its training error after as many steps, in per cent.

# %%
predicted_deep = None  # type your number, in per cent

# %%
torch.manual_seed(SEED)
deep_net = CifarResNet(PlainBlock, depths[1], in_channels=1)
deep_history = fit(deep_net, loader, **how, seed=SEED, progress=False)
reveal(predicted_deep, round(100 * (1 - deep_history.train_accuracy[-1]), 1), unit=f"per cent with {depths[1]} layers")

# %% [markdown]
# ## 4 A good deep net exists
#
# Is the deep net perhaps *unable* to know these digits? No, and the proof is a construction. Take the trained shallow
# net and put further blocks behind each stage, blocks that change nothing. A 3×3 kernel with a single 1 in its middle
# hands its map on; the maps come out of a ReLU, so another ReLU does nothing; and batch normalisation begins as the
# identity while it uses its memory (mean 0, variance 1).
#
# **Predict** how many of the 359 validation digits the two nets read differently.

# %%
predicted_different = None  # type your number


# %%
def identity_block(channels):
    block = PlainBlock(channels, channels)
    for convolution in (block.conv1, block.conv2):
        nn.init.dirac_(convolution.weight)  # 1 in the middle of the own map, 0 elsewhere
    return block


by_hand = CifarResNet(PlainBlock, depths[0], in_channels=1)
by_hand.load_state_dict(shallow_net.state_dict())
further = (depths[1] - depths[0]) // 6  # blocks more in each stage
for stage, channels in ((by_hand.layer1, 16), (by_hand.layer2, 32), (by_hand.layer3, 64)):
    for _ in range(further):
        stage.append(identity_block(channels))

# %%
val_loader = data.make_loader(val, batch_size=512)
before, after = predict(shallow_net, val_loader), predict(by_hand, val_loader)
layers = sum(isinstance(module, nn.Conv2d | nn.Linear) for module in by_hand.modules())
reveal(predicted_different, int((before.y_pred != after.y_pred).sum()), unit=f"of {len(val)}, with {layers} layers")
print(f"largest difference between two scores: {np.abs(before.scores - after.scores).max():.1e}")
assert layers == depths[1]
assert np.abs(before.scores - after.scores).max() < 0.05

# %% [markdown]
# So among all plain nets of this depth there is one as good as the shallow net. Training has not found it. The trouble
# lies with the *search*, not with what the net could express: a difficulty of optimisation, as the slide says. And the
# construction says what is hard to find: layers that do **nothing**. Out of random weights, two convolutions must learn
# to be an exact copy.

# %% [markdown]
# ## 5 The residual block
#
# Then let us make *nothing* easy. Let H be what two layers should make of x. Plain layers make H(x). A residual block
# has them make only the change, F(x) = H(x) − x, and adds x itself on a **shortcut**: H(x) = F(x) + x. To do nothing, F
# must be zero, and weights go to zero readily.

# %%
figure, ax = plt.subplots(figsize=(7.6, 3.6))
plot_blocks(ax)
figures.show(
    figure,
    alt="Two blocks. Left, x passes two boxes of 3 by 3 convolutions and a ReLU. Right, the same two boxes, and a blue "
    "line that carries x around them to a plus sign in front of the last ReLU.",
)

# %% [markdown]
# (A slide prints this with the letters exchanged, H(x) = F(x) − x. The thought is the same. With other people's
# formulas, ask which letter is the branch.)
#
# Where is the last ReLU: before the sum, or after it? Take one number, x = 1, and a branch that says F = −3.
# **Predict** what the block gives.

# %%
predicted_sum = None  # type your number

# %% tags=["nbval-check-output"]
x, branch = torch.tensor(1.0), torch.tensor(-3.0)
reveal(predicted_sum, torch.relu(branch + x).item())
print(f"ReLU before the sum would give {(torch.relu(branch) + x).item()}")

# %% [markdown]
# With the ReLU before the sum, a branch could only ever *add*: no block could lower a value, and signals would grow
# from block to block. (Later nets move the ReLU in front of the convolutions instead. Then the shortcut is free from
# end to end.)
#
# Does the shortcut cost parameters? **Predict** how many a residual net of 20 layers has more than a plain one.

# %%
predicted_extra = None  # type your number

# %% tags=["nbval-check-output"]
sizes = {}
for block in (PlainBlock, PaddedBlock):
    for depth in (20, 56):
        with torch.device("meta"):  # sizes only, nothing is calculated
            table = summarize(CifarResNet(block, depth), torch.zeros(1, 3, 32, 32), depth=1)
        sizes[block, depth] = table.parameters
        print(f"{block.__name__:11} {depth} layers: {table.parameters:,} parameters, {table.macs:,} multiplications")
reveal(predicted_extra, sizes[PaddedBlock, 20] - sizes[PlainBlock, 20], unit="parameters")

# %% [markdown]
# None, and no multiplication either. (The paper prints 0.27 and 0.85 million for 20 and 56 layers.) So whatever differs
# below is not bought by size.
#
# *A good place to pause. When you come back, say aloud why the existence of a good deep net does not help to find it.*

# %% [markdown]
# ## 6 Where the shape changes
#
# At the beginning of a stage, F(x) has half the pixels and twice the channels of x. A sum wants equal shapes. Two ways:
#
# - **option A**, without parameters: take every second pixel of x, and add channels of zeros;
# - **option B**, a *projection*: a 1×1 convolution with stride 2, and batch normalisation after it.
#
# **Predict** the parameters of option B from 64 to 128 channels: weights without bias, gamma and beta.

# %%
predicted_projection = None  # type your number

# %% tags=["nbval-check-output"]
x = torch.arange(16.0).reshape(1, 1, 4, 4)
print(f"option A, from (1, 4, 4) to (2, 2, 2): {PaddedIdentity(1, 2, stride=2)(x)[0].tolist()}")
projection = BasicBlock(64, 128, stride=2).downsample
reveal(predicted_projection, sum(p.numel() for p in projection.parameters()), unit="parameters for option B")

# %% [markdown]
# **Meant to fail.** Forget the shortcut's shape, and add x as it is: 16 maps of 8 × 8 to 32 maps of 4 × 4.

# %% tags=["raises-exception"]
change = PlainBlock(16, 32, stride=2)
maps = torch.rand(4, 16, 8, 8)
change.residual(maps) + maps

# %% [markdown]
# Good that it stopped. With *one* input channel and no stride it would not have: one map is silently added to all 8,
# and no error tells you that a shortcut is missing. **Predict** the shape of that sum.

# %%
predicted_shape = None  # type a tuple

# %% tags=["nbval-check-output"]
image = torch.rand(4, 1, 8, 8)
reveal(predicted_shape, tuple((PlainBlock(1, 8).residual(image) + image).shape))

# %% [markdown]
# ## 7 Degradation, measured
#
# Four nets, three seeds each; the two of part 3 are done. All four of a seed start from the same number and see the
# images in the same order.
# **Predict** the training error of the deep *residual* net in per cent: nearer to that of the shallow nets, or to that
# of the deep plain one?

# %%
predicted_residual = None  # type your number, in per cent
kinds = {"plain": PlainBlock, "residual": PaddedBlock}
seeds = (SEED, SEED + 1, SEED + 2)


# %%
def train_one(block, depth, seed):
    torch.manual_seed(seed)
    net = CifarResNet(block, depth, in_channels=1)
    return net, fit(net, loader, **how, seed=seed, progress=False)


done = {("plain", depths[0], SEED): (shallow_net, watched), ("plain", depths[1], SEED): (deep_net, deep_history)}
errors, nets = {}, {}
for kind, block in kinds.items():
    for depth in depths:
        runs = [done.get((kind, depth, seed)) or train_one(block, depth, seed) for seed in seeds]
        errors[kind, depth] = np.array([100 * (1 - history.train_accuracy) for _, history in runs])  # (seeds, epochs)
        nets[kind, depth] = runs[0][0]
        print(f"{kind:8} {depth} layers, training error in the last epoch: {errors[kind, depth][:, -1].round(1)} %")

# %%
shallow_depth, deep_depth = depths
reveal(predicted_residual, round(errors["residual", deep_depth][:, -1].mean(), 1), unit="per cent, mean of three seeds")
last = {net: values[:, -1] for net, values in errors.items()}
costs = {kind: last[kind, deep_depth] - last[kind, shallow_depth] for kind in kinds}
for kind, points in costs.items():
    print(f"{kind:8}: {deep_depth} layers cost {points.round(1)} points of training error, seed by seed")
if EPOCHS is None:
    assert (costs["plain"] > 10).all(), "the deeper plain net should be worse in every seed"
    assert (costs["residual"] < costs["plain"] - 10).all(), "shortcuts should take most of that away in every seed"

# %%
figure, ax = plt.subplots(figsize=(7.6, 3.6))
plot_errors({f"{kind}, {depth} layers": values for (kind, depth), values in errors.items()}, ax)
figures.show(
    figure,
    alt="Training error against epochs, a thin line a seed and a thick mean. In the last epoch: "
    + "; ".join(f"{kind} {depth} layers {values.mean():.0f}%" for (kind, depth), values in last.items())
    + ".",
)

# %% [markdown]
# The deep plain net lies far above the other three, in every seed: a higher *training* error, so this is degradation.
# With shortcuts the deep net keeps up. The effect is many times larger than the spread between seeds, so three seeds
# are enough to be sure of its sign.
#
# The depths of the paper give the same picture. This is what `FAST = False` measured when the lesson was written (1,079
# images, ten epochs, training error in per cent, three seeds):
#
# | | 20 layers | 56 layers |
# |---|---|---|
# | plain | 3.2 · 3.8 · 4.1 | 52.5 · 53.7 · 61.5 |
# | residual | 0.8 · 0.3 · 1.1 | 0.7 · 0.9 · 1.5 |
#
# Read the curve honestly, too. The line of the deep plain net still falls when we stop. What we measured is that it
# learns *far more slowly*. Does it catch up? The paper gave its nets 64,000 steps, and after them the plain net of 56
# layers was still behind the one of 20. Our run cannot say that: it is a short one.

# %% [markdown]
# ## 8 Listen to the layers
#
# What is different in a deep plain net before its first step? We measure two things at each convolution of an untrained
# net: the **signal** that arrives on the way forward (the root of the mean square of the numbers that enter), and the
# length of the **gradient** of its weights on the way back. These depths are the paper's own, 20 and 56, since nothing
# is trained. **Predict** for the plain net of 56 layers: how many times as long is the gradient at the first layer as
# at the last? Below 1 means that it vanishes on its way.

# %%
predicted_ratio = None  # type your number

# %%
batch = learn_from.images[:64], learn_from.labels[:64]


def listen(block, depth, seed=SEED, prepare=lambda net: net):
    torch.manual_seed(seed)
    return measure_signals(prepare(CifarResNet(block, depth, in_channels=1)), *batch)


heard = {(kind, depth): listen(block, depth) for kind, block in kinds.items() for depth in (20, 56)}
ratios = {net: signals.gradient[0] / signals.gradient[-1] for net, signals in heard.items()}
reveal(predicted_ratio, round(ratios["plain", 56]), unit="times")
for (kind, depth), ratio in ratios.items():
    print(f"{kind:8} {depth} layers: gradient at the first layer {ratio:.1f} times that at the last")

# %%
figure, ax = plt.subplots(figsize=(7.2, 3.4))
plot_by_layer(
    {f"{kind}, {depth} layers": heard[kind, depth].gradient for kind, depth in heard},
    ax,
    name="length of the gradient",
)
words = ", ".join(f"{kind} {depth} layers {ratio:.0f}" for (kind, depth), ratio in ratios.items())
figures.show(
    figure,
    alt=f"Gradient by layer, logarithmic, four nets. Gradient at the first layer as a multiple of the last: {words}.",
)
assert ratios["plain", 56] > 50 > ratios["residual", 56]

# %% [markdown]
# It does not vanish. In the plain net it *grows* from layer to layer on its way back, by some 15% each, and over 55
# layers that makes a thousand or two. One learning rate must serve them all: what is right for the last layer throws
# the first one about. With shortcuts there is a way back that multiplies by 1, and the gradient stays within about one
# power of ten.
#
# Here we differ from our source, and say so. The paper argues that vanishing gradients are *unlikely* to be the cause,
# since batch normalisation keeps the norms healthy. Nothing vanishes here either. But growth by this much, at the first
# step, is not healthy, and later authors describe it for deep plain nets with batch normalisation. Whether it is the
# *whole* cause, our measurement does not show: the gradient is measured before the first step only.

# %% [markdown]
# ## 9 What batch normalisation changes
#
# Batch normalisation stands between convolution and ReLU. In training it takes, for each channel, mean and variance
# over *all images and pixels of the batch*, and gives (x − mean) / √(variance + ε), times gamma, plus beta. Beside it,
# it keeps running means for later. Four values of one channel: 1, 2, 3, 4. With torch's momentum of 0.1, the running
# mean (0 at first) and running variance (1 at first) go a tenth of the way. **Predict** both after this batch.

# %%
predicted_running = None  # type [mean, variance]

# %% tags=["nbval-check-output"]
bn = nn.BatchNorm2d(1)
values = torch.tensor([1.0, 2, 3, 4]).reshape(4, 1, 1, 1)
print(f"out: {[round(v, 3) for v in bn(values).flatten().tolist()]}")
reveal(predicted_running, [round(bn.running_mean.item(), 4), round(bn.running_var.item(), 4)])

# %% [markdown]
# 0.9 · 0 + 0.1 · 2.5 = 0.25. The variance holds a trap: to normalise *this* batch one divides by n = 4 (1.25). To
# estimate that of *all* images one divides by n − 1 = 3 (1.667), so 0.9 · 1 + 0.1 · 1.667 = 1.0667.
#
# A second trap: in training mode an answer depends on the other images of the batch. Here is one digit in two
# companies. **Predict** how much its scores change: nothing, a little, much?

# %%
predicted_company = None  # type "nothing", "a little" or "much"

# %%
net = nets["residual", shallow_depth]
zeros, ones = (test.images[test.labels == digit] for digit in (0, 1))
companies = [torch.cat([ones[:1], others[1:16]]) for others in (zeros, ones)]
for mode in (True, False):
    copied = CifarResNet(PaddedBlock, shallow_depth, in_channels=1)
    copied.load_state_dict(net.state_dict())
    copied.train(mode)
    with torch.no_grad():
        one, other = (copied(company)[0] for company in companies)
    print(f"{'training' if mode else 'evaluation'} mode: largest change of a score {(one - other).abs().max():.2f}")
    if mode:
        reveal(predicted_company, "much" if (one - other).abs().max() > 1 else "a little")

# %% [markdown]
# No patient's diagnosis may depend on who else is in the queue. That is what `eval()` is for.
#
# A third trap follows from the second. The memory goes a tenth of the way at each step, and our nets have made few
# steps, in which their weights changed quickly. What it holds is the past of another net. Here is the deep residual
# net, whose training error in part 7 was nearly 0. **Predict** its error on the *same images* in evaluation mode, in
# per cent.

# %%
predicted_stale = None  # type your number, in per cent


# %%
def error_of(net, part):
    answers = predict(net, data.make_loader(part, batch_size=512))
    return 100 * (1 - metrics.accuracy_score(answers.y_true, answers.y_pred))


stale = {net: (error_of(nets[net], learn_from), error_of(nets[net], val)) for net in nets}
reveal(predicted_stale, round(stale["residual", deep_depth][0], 1), unit="per cent of its own training images")

# %% [markdown]
# The cure needs no learning: forget the memory, send the training images through the finished net once, in training
# mode and without gradients, and take the plain mean over these batches. No weight changes.


# %%
def refresh_memory(net):
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the plain mean over the batches that follow
    net.train()
    with torch.no_grad():
        for images, _ in loader:
            net(images)
    return net.eval()


# %%
for (kind, depth), net in nets.items():
    refresh_memory(net)
    before, after = stale[kind, depth], (error_of(net, learn_from), error_of(net, val))
    print(
        f"{kind:8} {depth} layers, errors in evaluation mode: training {before[0]:.0f} → {after[0]:.0f}%, "
        f"validation {before[1]:.0f} → {after[1]:.0f}%"
    )
if EPOCHS is None:
    assert after[0] < 15, "with a fresh memory the deep residual net should know its training images"

# %% [markdown]
# A stale memory looks like overfitting: good in training, bad in use. It is neither that nor degradation, and an hour
# spent on dropout would not have touched it. It is the same net with the same weights. The deep plain net, though,
# stays bad: its trouble is real.
#
# And what does batch normalisation do for depth? Take it out, and listen again, forward and back. **Predict** for the
# plain net of 56 layers *without* it: the signal at the last layer, as a power of ten.

# %%
predicted_signal = None  # type your number, such as 1e-2

# %%
bare = {(kind, 56): listen(block, 56, prepare=without_batch_norm) for kind, block in kinds.items()}
reveal(predicted_signal, float(f"{bare['plain', 56].signal[-1]:.0e}"))
for kind in kinds:
    for name, found in (("with", heard[kind, 56]), ("without", bare[kind, 56])):
        print(
            f"{kind:8} {name:7}: signal {found.signal[0]:.2f} → {found.signal[-1]:.1e}, "
            f"gradient {found.gradient[0]:.1e} … {found.gradient[-1]:.1e}, loss {found.loss:.3g}"
        )

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), sharey=True)
for ax, what in zip(axes, ("signal", "gradient"), strict=True):
    found = {}
    for kind in kinds:
        found[f"{kind}, without"] = getattr(bare[kind, 56], what)
        found[f"{kind}, with"] = getattr(heard[kind, 56], what)
    plot_by_layer(found, ax, name=f"{what} by layer")
    ax.get_legend().remove()
axes[0].legend(loc="lower left", title="batch norm")
figures.show(
    figure,
    alt="Signal and gradient by layer in nets of 56 layers. Without batch norm the plain net's signal and gradient "
    "fall below a millionth, the residual net's signal grows; with batch norm both signals stay near 1.",
)
assert bare["plain", 56].signal[-1] < 1e-3 < heard["plain", 56].signal[-1]

# %% [markdown]
# Four different patients:
#
# - *plain, without*: each layer passes on a little less (a 3×3 kernel at the border of such small maps meets many zeros
#   of the padding), and after 55 layers nothing arrives. The gradient is as faint. This is the vanishing of the books.
# - *plain, with*: every signal is set right on the way forward. The price is paid on the way back: it grows.
# - *residual, without*: each block adds to what it is given, so the signal grows from block to block, and the loss with
#   it.
# - *residual, with*: both ways stay within reach. The two inventions need each other. (The signal zigzags since what
#   enters a block is a sum, while what stands between its two convolutions has just been set right.)
#
# Does the training of a *shallow* plain net need batch normalisation? **Predict** the training error without it, after
# the same steps, in per cent.

# %%
predicted_without = None  # type your number, in per cent

# %%
torch.manual_seed(SEED)
bare_net = without_batch_norm(CifarResNet(PlainBlock, shallow_depth, in_channels=1))
bare_history = fit(bare_net, loader, **how, seed=SEED, progress=False)
reveal(predicted_without, round(100 * (1 - bare_history.train_accuracy[-1]), 1), unit="per cent without batch norm")
print(f"with it: {100 * (1 - watched.train_accuracy[-1]):.1f}%, {shallow_depth} layers, plain, seed {SEED}")

# %% [markdown]
# At this depth a net learns without, and lags behind. So for 14 layers batch normalisation is a help; for 56 plain ones
# it is the difference between a signal and none, paid for with a gradient that grows.

# %% [markdown]
# ## 10 Begin as the identity
#
# A residual block does nothing when its branch gives zero. One can *start* there, with the last gamma of each block
# at zero. Then the net begins as its shortcuts alone, whatever its depth. **Predict** the largest difference between
# such a block's input (0 or above, as after a ReLU) and its output.

# %%
predicted_identity = None  # type your number

# %% tags=["nbval-check-output"]
block = PaddedBlock(16, 16)
nn.init.zeros_(block.bn2.weight)
maps = torch.rand(8, 16, 8, 8)
reveal(predicted_identity, (block(maps) - maps).abs().max().item())

# %% [markdown]
# Exactly 0. But if a block gives nothing, will it ever learn? **Predict**: which of the three get a gradient other than
# zero at the first step: the convolution `conv1`, the convolution `conv2`, the gamma of `bn2`?

# %%
predicted_moving = None  # type a list of names

# %% tags=["nbval-check-output"]
(block(maps) * torch.rand(8, 16, 8, 8, generator=torch.manual_seed(1))).sum().backward()
moving = {name: bool(p.grad.abs().max() > 0) for name, p in block.named_parameters()}
reveal(predicted_moving, [name for name in ("conv1.weight", "conv2.weight", "bn2.weight") if moving[name]])

# %% [markdown]
# Only gamma (and beta). The convolutions lie behind a factor of 0, so nothing reaches them; after the first step gamma
# is no longer 0, and they wake. Compare with lesson 02, where *all* weights were zero and the twins never parted: here
# the convolutions have different random weights, so they differ as soon as they are asked.


# %%
def begin_as_identity(net):
    zero_last_gammas(net)
    return net


for depth in (20, 56):
    usual, zeroed = listen(PaddedBlock, depth), listen(PaddedBlock, depth, prepare=begin_as_identity)
    print(f"{depth} layers: loss {usual.loss:.2f} usually, {zeroed.loss:.2f} from the identity (even guess: 2.30)")

# %%
torch.manual_seed(SEED)
from_identity = begin_as_identity(CifarResNet(PaddedBlock, deep_depth, in_channels=1))
quick = fit(from_identity, loader, epochs=2, learning_rate=LEARNING_RATE, seed=SEED, progress=False)
for epoch in range(2):
    usual = errors["residual", deep_depth][0, epoch]
    print(
        f"epoch {epoch + 1}: training error {usual:.0f}% usually, {100 * (1 - quick.train_accuracy[epoch]):.0f}% from it"
    )

# %% [markdown]
# The first loss no longer depends on the depth. But with our fast parameters the start from the identity is the
# *slower* one, with each of three seeds that we tried. The blocks sleep until their gammas have grown, and Adam moves a
# gamma by about 0.003 a step: after two epochs of 8 steps it is near 0.05. The source of this trick had another
# problem, batches of 8,192 images, for which the first steps were the dangerous ones. A remedy belongs to a disease.

# %% [markdown]
# ## 11 Judge, once
#
# The test part, for the four nets of the first seed, their memories fresh, and the two baselines, with 95% intervals
# (Wilson). These nets have seen few images for a few epochs, so do not expect the numbers of lesson 04.

# %%
truth, test_loader = test.labels.numpy(), data.make_loader(test, batch_size=512)
said = {f"{kind}, {depth} layers": predict(net, test_loader) for (kind, depth), net in nets.items()}
answers = {name: judged.y_pred for name, judged in said.items()}
answers["logistic regression"] = logistic.predict(test.images.flatten(1).numpy())
answers["always the commonest"] = np.full(len(test), commonest)
for name, y_pred in answers.items():
    right = int((y_pred == truth).sum())
    interval = metrics.wilson_interval(right, len(test))
    share = f"{100 * right / len(test):5.1f}% [{100 * interval.low:.0f}, {100 * interval.high:.0f}]"
    print(f"{name:20} {right:3} of {len(test)} {share}")

# %% [markdown]
# Put these beside the training errors of part 7. The deep plain net is bad on both: degradation. A net that is nearly
# perfect in training and clearly worse here overfits, and 256 images make that easy. (Without fresh memories, we would
# have blamed the nets for more.) Note what we did *not* see: that the deep residual net is better than the shallow one.
# Shortcuts took the harm out of depth. Whether depth is of use depends on the task, and on tiny digits it is not.
# Logistic regression, once more, is hard to beat there.

# %% [markdown]
# ## 12 Look at the mistakes
#
# Twelve test digits on which the deep residual net is most confidently wrong: truth → residual, and what the deep plain
# net says in brackets.

# %%
judged, plain_says = said[f"residual, {deep_depth} layers"], answers[f"plain, {deep_depth} layers"]
shares = torch.from_numpy(judged.scores).softmax(dim=1).numpy()
lost = shares.max(axis=1) - shares[np.arange(len(test)), truth]
worst = np.argsort(-lost)[:12]
titles = [f"{truth[i]} → {judged.y_pred[i]} ({plain_says[i]})" for i in worst]
figure, ax = plt.subplots(figsize=(8.4, 3.4))
figures.plot_image_grid(test.images[worst], ax, titles=titles, columns=6)
figures.show(
    figure,
    alt=f"Twelve test digits that the deep residual net gets wrong or nearly so, each with truth, its answer and that "
    f"of the plain net: {', '.join(titles)}.",
)
kinds_of_answers = len(np.unique(plain_says))
print(f"the deep plain net uses {kinds_of_answers} of the ten digits in its answers")

# %% [markdown]
# The residual net's mistakes are those of a reader: strokes that are missing, or digits that look like others. The
# plain net's are of another kind. Read the brackets: does it read at all, or does it say one or two digits to
# everything? A gallery shows in a second what an accuracy hides.

# %% [markdown]
# ## 13 The family
#
# For images of 224 × 224 the paper has five members. From 50 layers on, a block is a **bottleneck** (1×1 down, 3×3, 1×1
# up), which you know from lesson 06. **Predict**: has ResNet-152, eight times as deep as VGG-19, more or fewer
# multiplications than VGG-19 with its 19.6 billion?

# %%
predicted_macs = None  # type "more" or "fewer"

# %% tags=["nbval-check-output"]
for depth in RESNET_TABLE:
    with torch.device("meta"):
        table = summarize(getattr(resnet, f"resnet{depth}")(), torch.zeros(1, 3, 224, 224), depth=1)
    print(f"ResNet-{depth:<3} {table.parameters / 1e6:5.1f} million parameters, {table.macs / 1e9:5.2f} billion MACs")
reveal(predicted_macs, "more" if table.macs > 19.6e9 else "fewer")

# %% [markdown]
# Eight times as deep, at six tenths of the work: the narrow 3×3 layers between two of 1×1 pay for the depth, and so
# does the start, which is down to 56 × 56 pixels before the first block.

# %% [markdown]
# ## 14 Explorer
#
# Any depth, with and without shortcuts and batch normalisation, untrained. Find three things: the depth at which the
# plain net without batch norm has lost its signal (below 1e-3); whether another seed changes the picture; and what a
# last gamma of zero does to the gradients.

# %%
depth_explorer()

# %% [markdown]
# <details>
# <summary>What there was to find</summary>
#
# With 20 layers some thousandths still arrive, from 26 layers on less than one thousandth, and with 56 about a
# millionth. Another seed moves these numbers by a few times and leaves the picture. With the last gammas at zero, only
# the convolution in front of the blocks has a gradient at the first step: all others lie inside a branch, behind a
# factor of 0, and a logarithmic axis has no place for a 0.
# </details>

# %% [markdown]
# ## What we learned
#
# 1. **Degradation or overfitting?** A deeper net with a higher *training* error degrades; a lower training error with a
#    higher test error is overfitting. Their remedies are opposite.
# 2. **A good deep plain net exists**: a shallow one with identity blocks behind it gives the same scores. Training does
#    not find it.
# 3. **The residual block** gives ReLU(F(x) + x): sum first. Where the shape changes, zeros (nothing to train) or a
#    projection (8,448 parameters from 64 to 128).
# 4. **Gradients**: without shortcuts they grow on their way back, in spite of batch normalisation, or because of it;
#    without both they vanish. Shortcuts and batch normalisation together keep both ways open.
# 5. **The identity at the start**: last gamma 0. At the first step only gamma and beta of that layer move.
#
# **Pitfalls.** ReLU before the sum · an in-place ReLU that spoils x before it is added · a missing shortcut that
# broadcasts in silence · one variance for two uses · momentum read the wrong way round · `eval()` forgotten, so that an
# answer depends on its neighbours · a memory that lags behind · *overfitting* said without a look at the training error
# · a slow start taken for a final result.
#
# Last, what is *reported* elsewhere and what was *measured* here, on other data and in far fewer steps.

# %% [markdown]
# | | reported | by whom, on what |
# |---|---|---|
# | plain 56 against plain 20 | higher training error *and* higher test error | the lecture's slides; He 2016, CIFAR-10 |
# | residual 20, 32, 44, 56, 110 | test error 8.75, 7.51, 7.17, 6.97, 6.43% | He 2016, table 6, CIFAR-10 |
# | depths | AlexNet 8, VGG 19, GoogLeNet 22, ResNet 152 | the lecture's slides |
# | gradients of plain nets | "healthy norms" with batch normalisation | He 2016, section 4.1 |
# | ResNet-152 | winner of ILSVRC 2015 (as an ensemble) | the lecture's slides; He 2016 |

# %%
for (kind, depth), values in last.items():
    print(f"here: {kind:8} {depth} layers, training error {values.mean():5.1f}% (seeds: {values.round(1)})")
print(f"here: gradient first / last layer, untrained, plain 56: {ratios['plain', 56]:.0f}")
print(f"here: gradient first / last layer, untrained, residual 56: {ratios['residual', 56]:.0f}")

# %% [markdown]
# **References.** K. He, X. Zhang, S. Ren, J. Sun, *Deep residual learning for image recognition*, CVPR 2016 · S. Ioffe,
# C. Szegedy, *Batch normalization*, ICML 2015 · P. Goyal et al., *Accurate, large minibatch SGD*, 2017 (last gamma
# zero) · G. Yang et al., *A mean field theory of batch normalization*, ICLR 2019 (growing gradients) · D. Rueckert, *AI
# in Medicine I* (lecture slides: depths, degradation, the solution by construction) · E. Alpaydin, C. Kaynak, *Optical
# Recognition of Handwritten Digits*, doi 10.24432/C50P49.
#
# **Now the exercises**, `exercises/07_resnet.ipynb`: you write the block, its shortcut, both faces of batch
# normalisation, and the diagnosis.
