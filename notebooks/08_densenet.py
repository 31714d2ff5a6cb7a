# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: What do we pay for accuracy?
#     level: intermediate
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["05_alexnet_vgg", "06_inception", "07_resnet"]
#     facts: [R21, R22]
# ---

# %% [markdown]
# # 08 · What do we pay for accuracy?
#
# **Level** intermediate · **your time** about 90 minutes, with a good place to pause after part 8 · **the machine's
# time** about 1 minute on two CPU cores · **download** nothing · **needs** VGG (lesson 05), 1×1 convolutions and
# counting (lesson 06), residual blocks (lesson 07)
#
# *For teaching, not for clinical use.*

# %% [markdown]
# ## The question
#
# A breast clinic wants a net in each of its twelve ultrasound carts. The carts have an old processor and no GPU. Three
# firms make offers. One praises its *small* net: a tenth of the parameters! One has the *fewest operations*. One has
# the *highest accuracy*. The radiologist asks something else: "I hold the probe. How long do I wait for an answer?"
#
# Four prices, and they are not the same price: **parameters** (what is stored and downloaded), **operations** (what is
# multiplied and added; counted in MACs, as in lesson 06), **latency** (how long one image takes), **memory** (what must
# fit while it runs). Today you count or measure all four for every net of this course, and set them against the
# accuracies that others have reported.
#
# The newest of these nets is made to be thrifty: in a **DenseNet** (Gao Huang and colleagues, 2017) each layer makes
# only a few maps, and reads those of *all* layers before it. Nothing that was found once is found again.
#
# ```text
#  input ──┬──────────┬──────────┬──────────┐
#          └→ layer 1 ┼──────────┼──────────┤   every line is a bundle of maps;
#                     └→ layer 2 ┼──────────┤   bundles are laid behind each other,
#                                └→ layer 3 ┴→  64 + 32 + 32 + 32 channels
# ```
#
# After this lesson you can
#
# 1. count the channels at each point of a dense net, and build one from its layers;
# 2. see from the weights which layers read which, and say what such a picture cannot prove;
# 3. compare nets at an equal budget over several seeds, and report what you found, whoever wins;
# 4. measure latency so that the number belongs to the net and not to a cold machine;
# 5. draw the frontier of a zoo, and show with two nets that operations do not predict time.

# %% [markdown]
# ## Set-up
#
# The libraries, and the rooms of the course that this lesson visits. New today: `models.densenet`, `models.zoo` (all
# nets of the lectures in one table) and `training.forward_cost`, our stopwatch.

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
from course_lib.figures.dense import find_frontier, plot_frontier, plot_reuse, plot_swap
from course_lib.models.densenet import DENSENET_TABLE, DenseBlock, DenseLayer, RecomputingDenseBlock, Transition
from course_lib.models.densenet import densenet121
from course_lib.models.resnet import PlainBlock
from course_lib.models.resnet_cifar import CifarResNet, PaddedBlock
from course_lib.models.zoo import ZOO, build_quickly
from course_lib.summary import summarize
from course_lib.training import fit, predict
from course_lib.training.forward_cost import measure_forward
from course_lib.training.signals import measure_signals
from course_lib.widgets.dense_block import dense_block_explorer

figures.use_course_style()

# %% [markdown]
# What you may change; everything below follows.

# %% tags=["parameters"]
FAST = True  # False trains on all images, and measures the nets with batch normalisation and without weights, too
SEED = 0  # of the first weights and the order of the images; two more seeds follow it
EPOCHS = None  # times through the training data; a number here overrules 5 (20 if not FAST)
BATCH_SIZE = 32  # images a step
LEARNING_RATE = 0.003  # of Adam
CHECKPOINT_DIR = None  # a folder that outlives this session, such as one on your Drive

# %% [markdown]
# Where does this notebook run? Today the answer matters: each second below is a second of *this* machine.

# %%
where_am_i(minutes_cpu=1, minutes_gpu=1)

# %% [markdown]
# ## Warm-up
#
# Three questions on what came before. Answer each on paper, then open it.
#
# **From lesson 07.** A residual block has 64 channels at its input. How many leave it, if nothing is done about shapes?
#
# <details>
# <summary>Answer</summary>
#
# 64. A sum keeps the number of channels. Today we do not add.
# </details>
#
# **From lesson 06.** What does a 1×1 convolution from 256 to 128 channels cost, without bias, and what does it see?
#
# <details>
# <summary>Answer</summary>
#
# 256 · 128 = 32,768 weights. It sees one pixel, and all its 256 channels.
# </details>
#
# **From lesson 05.** Where are most parameters of VGG-16, and where is most of its work?
#
# <details>
# <summary>Answer</summary>
#
# The parameters are in the first dense layer (102,764,544 of 138,357,544), the work is in the convolutions. So one
# number cannot stand for the other. Keep that for part 9.
# </details>

# %% [markdown]
# ## The data: few digits, small ones
#
# The nets that we *train* today are small ones, on the digits of lessons 04, 06 and 07, at 8 × 8 pixels. For the clock
# in parts 9 to 11 the content of an image does not matter, and we use random ones.
#
# | | |
# |---|---|
# | what | 1,797 handwritten digits, 8 × 8 pixels of 17 grey levels |
# | who wrote | 13 people; the file does not say who wrote which |
# | source | E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI repository, 1998 |
# | licence | CC BY 4.0; a copy is installed with scikit-learn |
#
# As before, the split cannot be by writer. We assert that no image is on two sides.

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
# ## 1 Try first: add or collect?
#
# **Two minutes.** 64 maps enter a block of six layers. Each layer makes 32 new maps and is to read *everything* that
# was made before it. Two students sketch a loop:
#
# - *Ann*: `x = x + layer(x)`
# - *Ben*: `x = concatenate(x, layer(x))`, along the channels
#
# Ann's line stops with an error at the first layer: 64 maps and 32 maps cannot be added. She lets each layer make 64
# instead, and it runs. **Predict** how many channels leave Ann's block, and how many leave Ben's.

# %%
predicted_ann = None  # type your number
predicted_ben = None  # type your number

# %% tags=["nbval-check-output"]
maps = torch.rand(1, 64, 8, 8)
added, collected = maps, maps
for number in range(6):
    added = added + DenseLayer(64, growth_rate=64)(added)
    collected = torch.cat([collected, DenseLayer(64 + 32 * number, growth_rate=32)(collected)], dim=1)
reveal(predicted_ann, added.shape[1], unit="channels when added")
reveal(predicted_ben, collected.shape[1], unit="channels when collected")

# %% [markdown]
# Ann has built a residual net. It works, but what layer 1 found is mixed into a sum: layer 6 cannot ask for it any
# more, only for the sum. Ben *collects*: the first 64 of his 256 channels are still the input, untouched.

# %% tags=["nbval-check-output"]
print("the input is still there:", torch.equal(collected[:, :64], maps))
print("in Ann's sum it is not: ", torch.equal(added, maps))

# %% [markdown]
# ## 2 Count the channels
#
# The number of new maps a layer, 32 here, is the **growth rate** k. With $k_0$ channels at the door, layer number l
# reads $k_0 + (l − 1) k$ channels: the *first* layer sees the input and nothing else. After L layers, $k_0 + L k$
# leave.
#
# **Predict** what the sixth layer reads, and, for the largest block of DenseNet-121 (24 layers, 256 channels at its
# door), what leaves.

# %%
predicted_sixth = None  # type your number
predicted_third_block = None  # type your number

# %% tags=["nbval-check-output"]
block = DenseBlock(6, in_channels=64, growth_rate=32)
print("layers read:", [layer.norm1.num_features for layer in block.children()])
reveal(predicted_sixth, list(block.children())[-1].norm1.num_features, unit="channels")
reveal(predicted_third_block, DenseBlock(24, in_channels=256, growth_rate=32).out_channels, unit="channels")

# %% [markdown]
# ## 3 One layer
#
# The late layers of a block read many maps: the last one of that large block reads 992. A 3×3 convolution on all of
# them would cost 992 · 32 · 9 weights. So a layer has a **bottleneck** (lesson 06): a 1×1 convolution to 4k maps, then
# 3×3 to k. In front of each stand batch normalisation and ReLU, not behind: every reader normalises the maps *in its
# own way*.
#
# **Predict** the weights of the two convolutions for 992 channels and k = 32, in thousands.

# %%
predicted_weights = None  # type your number, in thousands

# %% tags=["nbval-check-output"]
layer = DenseLayer(992, growth_rate=32)
print(*(f"{name:6} {type(part).__name__}" for name, part in layer.named_children()), sep="\n")
weights = layer.conv1.weight.numel() + layer.conv2.weight.numel()
reveal(predicted_weights, round(weights / 1000, 1), unit="thousand")
print(f"directly: {992 * 32 * 9 / 1000:.1f} thousand")

# %% [markdown]
# ## 4 Between the blocks
#
# Maps can only be laid behind each other if they have the same size. **Meant to fail**: collect across a halving.

# %% tags=["raises-exception"]
torch.cat([torch.rand(1, 64, 8, 8), torch.rand(1, 32, 4, 4)], dim=1)

# %% [markdown]
# So the net is cut into blocks, and between two blocks stands a **transition**: a 1×1 convolution, then mean pooling.
# The 1×1 convolution also keeps the growth in check. It hands on the share θ of the channels, the **compression**; nets
# with bottleneck and θ = ½ are called DenseNet-**BC**. **Predict** the channels after the first transition of
# DenseNet-121 (256 came in), and the channels in front of the classifier.

# %%
predicted_transition = None  # type your number
predicted_last = None  # type your number

# %% tags=["nbval-check-output"]
channels = 64
for number, layers in enumerate(DENSENET_TABLE[121], start=1):
    arrives, channels = channels, channels + 32 * layers
    print(f"block {number}: {arrives:4} → {channels:4}", end="")
    if number == 1:
        after_first = channels // 2
    if number < 4:
        channels //= 2
        print(f", transition to {channels}", end="")
    print()
reveal(predicted_transition, after_first, unit="channels")
reveal(predicted_last, channels, unit="channels")

# %% [markdown]
# Those are the numbers of the paper's table. Where do the 121 layers come from? One convolution at the start, two in
# each of 6 + 12 + 24 + 16 layers, three transitions, one dense layer at the end: 1 + 116 + 3 + 1.

# %% tags=["nbval-check-output"]
with torch.device("meta"):  # sizes only, nothing is calculated
    table = summarize(densenet121(), torch.zeros(1, 3, 224, 224), depth=2)
with_weights = 1 + 2 * sum(DENSENET_TABLE[121]) + 3 + 1
print(f"{with_weights} layers, {table.parameters:,} parameters, {table.macs:,} multiplications")
print({row.name.removeprefix("features."): row.output_shape[1:] for row in table.rows if "block" in row.name})

# %% [markdown]
# Eight million parameters: ResNet-50 has three times, VGG-16 seventeen times as many.

# %% [markdown]
# ## 5 A small one, from its parts
#
# For 8 × 8 pixels: a convolution to 2k maps, two blocks with a transition, and a classifier on the mean of each map.


# %%
class SmallDenseNet(nn.Sequential):
    def __init__(self, layers, growth_rate):
        channels = 2 * growth_rate
        parts = [nn.Conv2d(1, channels, kernel_size=3, padding=1, bias=False)]  # (B, 2k, 8, 8)
        for number, layers_here in enumerate(layers):
            if number:
                parts.append(Transition(channels, channels // 2))  # half the channels, half the pixels
                channels //= 2
            parts.append(DenseBlock(layers_here, channels, growth_rate))
            channels = parts[-1].out_channels
        parts += [nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]
        super().__init__(*parts)


# %% tags=["nbval-check-output"]
rows = summarize(SmallDenseNet((3, 3), 16), torch.zeros(2, 1, 8, 8), depth=1).rows
for row in rows:
    print(f"{row.type:17} {row.output_shape!s:15} {row.parameters:6,} parameters")

# %% [markdown]
# Baselines first, on the validation digits: the commonest digit, and logistic regression on 64 pixels.

# %%
pixels, labels = learn_from.images.flatten(1).numpy(), learn_from.labels.numpy()
logistic = LogisticRegression(max_iter=2000).fit(pixels, labels)
commonest = int(learn_from.labels.bincount().argmax())
by_logistic = logistic.predict(val.images.flatten(1).numpy())
print(f"always {commonest}: {100 * metrics.accuracy_score(val.labels, torch.full_like(val.labels, commonest)):.1f}%")
print(f"logistic regression: {100 * metrics.accuracy_score(val.labels, by_logistic):.1f}%")

# %% [markdown]
# Now the small dense net, with a live curve and a checkpoint after each epoch.


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
val_loader, test_loader = (data.make_loader(part, batch_size=512) for part in (val, test))
epochs = EPOCHS or (5 if FAST else 20)

# %%
torch.manual_seed(SEED)
dense = SmallDenseNet((3, 3), 16)
untrained = [layer.conv1.weight.detach().clone() for block in (dense[1], dense[3]) for layer in block.children()]
how = {"epochs": epochs, "learning_rate": LEARNING_RATE}
checkpoints = Path(CHECKPOINT_DIR or tempfile.mkdtemp())
fit(dense, loader, **how, seed=SEED, checkpoint_dir=checkpoints, on_epoch_end=draw_curve)
dense_accuracy = metrics.accuracy_score(val.labels, predict(dense, val_loader).y_pred)
print(f"validation accuracy: {100 * dense_accuracy:.1f}%")

# %% [markdown]
# ## 6 Who reads whom?
#
# Every layer *may* read all before it. Does it? The 1×1 convolution at its door has a weight for each map, and we know
# who made which map. So take the mean absolute weight for each source. The paper draws this picture for a net of 40
# layers. Three subgoals: *door*, *cut*, *mean*.


# %%
def reuse(doors, in_channels, growth_rate):
    sources, readers = len(doors), len(doors)
    found = np.full((sources, readers), np.nan)
    for reader, weight in enumerate(doors):
        # 1 door: one row a mixture, one column a map
        door = weight.detach().abs()[:, :, 0, 0]
        # 2 cut: the block's input, then each layer's maps
        by_source = door.split([in_channels, *[growth_rate] * reader], dim=1)
        # 3 mean
        found[: reader + 1, reader] = [weights.mean().item() for weights in by_source]
    return found


blocks = {"block 1": (dense[1], 32), "block 2": (dense[3], 40)}

# %% [markdown]
# The last reader, called *next*, reads the finished block: the transition for block 1, the classifier for block 2. The
# transition has four sources: the block's input and three layers. **Predict** how many times as strongly it reads the
# one that it reads most as the one that it reads least.

# %%
predicted_times = None  # type your number

# %%
trained = {}
after = (dense[2].conv.weight, dense[8].weight[:, :, None, None])  # transition, classifier
for (name, (block, in_channels)), reader in zip(blocks.items(), after, strict=True):
    trained[name] = reuse([*(layer.conv1.weight for layer in block.children()), reader], in_channels, 16)
by_transition = trained["block 1"][:, -1]
reveal(predicted_times, round(float(by_transition.max() / by_transition.min()), 1), unit="times")

# %%
figure, axes = plt.subplots(1, 2, figsize=(8.6, 3.6))
largest = max(np.nanmax(values) for values in trained.values())
for ax, (name, values) in zip(axes, trained.items(), strict=True):
    plot_reuse(values, ax, largest=largest, title=f"{name}: mean |weight|")
figures.show(
    figure,
    alt="Two tables of mean absolute weights: rows are sources (the block's input and its layers), columns the readers. "
    f"All fields are above zero; values lie between {min(np.nanmin(v) for v in trained.values()):.2f} and {largest:.2f}.",
)
assert all(np.nanmin(values) > 0.01 for values in trained.values()), "every source should be read by every reader"

# %% [markdown]
# Read a column from top to bottom. No reader lives on its neighbour alone; early maps are used directly by late
# readers, and the classifier mixes maps of all depths, simple and complex ones (*diversified features*, says the
# slide).
#
# But be careful. These weights did not begin at zero. **Predict** how large the same means were *before* training:
# near 0, about half, or about the same?

# %%
predicted_before = None  # type "near 0", "about half" or "about the same"

# %%
before = reuse(untrained[:3], 32, 16)
ratio = float(np.nanmean(trained["block 1"][:3, :3] / before))
reveal(predicted_before, "near 0" if ratio > 4 else "about half" if ratio > 1.5 else "about the same")
print(f"trained / untrained, mean over the first block: {ratio:.2f}")

# %% [markdown]
# Much of the picture was there before the net had seen a digit: after so few steps a weight mostly says where it began.
# The paper trained for 300 epochs with weight decay, which lets unused weights shrink. Seen *here* is only that nothing
# forced a source out. A stronger question is what happens **without** a source. We silence one source of the second
# block for all who read it: its maps are replaced by zeros where they are laid down. A **hook** is a
# function that torch calls before a part of the net; ours stands at each reader's door. **Predict** whose loss costs
# most: the input's, or that of layer 1, 2 or 3?

# %%
predicted_dearest = None  # type "input", "layer 1", "layer 2" or "layer 3"


# %%
def accuracy_without(net, source):
    first, last = [(0, 40), (40, 56), (56, 72), (72, 88)][source]

    def silence(norm, inputs):
        number = torch.arange(inputs[0].shape[1])
        return inputs[0] * ((number < first) | (number >= last))[:, None, None]

    readers = [*(layer.norm1 for layer in net[3].children()), net[4]]  # who reads the second block's maps
    hooks = [norm.register_forward_pre_hook(silence) for norm in readers]
    share = metrics.accuracy_score(val.labels, predict(net, val_loader).y_pred)
    for hook in hooks:
        hook.remove()
    return 100 * share


# %%
sources = ("input", "layer 1", "layer 2", "layer 3")
lost_points = {name: 100 * dense_accuracy - accuracy_without(dense, number) for number, name in enumerate(sources)}
reveal(predicted_dearest, max(lost_points, key=lost_points.get))
for name, drop in lost_points.items():
    print(f"without {name:7}: {drop:5.1f} percentage points lost")

# %% [markdown]
# Compare that with the column *next* of the second block: whom the classifier reads most strongly, and whom it can
# spare. A large weight is a hint of use; a lost percentage point is use. Two cautions. The loss is measured on 359
# digits, so a point or two, up or down, is no difference. And the net never learned to do without: a source that was
# absent during the *training* would be missed less.

# %% [markdown]
# ## 7 Short ways for the gradient
#
# In a dense block, each layer's maps reach the block's end directly, so the loss speaks to each layer without detour.
# The slide calls it *implicit deep supervision*: as if every layer had a classifier of its own. Listen as in lesson 07,
# to untrained nets of 38 layers: how large is the gradient at the first layer, as a multiple of that at the last? In a
# plain net with batch normalisation it grows from layer to layer on its way back. **Predict**: does the dense net
# behave more like the plain net, or more like the residual one?

# %%
predicted_gradient = None  # type "plain" or "residual"

# %%
deep = {
    "plain": lambda: CifarResNet(PlainBlock, 38, in_channels=1),
    "residual": lambda: CifarResNet(PaddedBlock, 38, in_channels=1),
    "dense": lambda: SmallDenseNet((9, 9), 8),  # 1 + 2·18 + 1 convolutions
}

# %%
far = {}
for kind, make in deep.items():
    torch.manual_seed(SEED)
    heard = measure_signals(make(), learn_from.images[:64], learn_from.labels[:64]).gradient
    far[kind] = heard[0] / heard[-1]
    print(f"{kind:9} {len(heard)} convolutions: gradient at the first {far[kind]:6.1f} times that at the last")
nearer = min(("plain", "residual"), key=lambda kind: abs(np.log(far["dense"] / far[kind])))
reveal(predicted_gradient, nearer)
assert far["plain"] > 3 * far["dense"]

# %% [markdown]
# Both the sum and the collection give the gradient a way back that passes few layers, and what the first layer hears
# stays within a small multiple of what the last one hears. In the plain net it passes all of them, and is stretched by
# each.

# %% [markdown]
# ## 8 Equal budget
#
# "DenseNets need fewer parameters", says the slide. Let us see *here*. Four nets, three seeds each, all for the same
# epochs: plain and residual nets with some 75,000 parameters, a dense one with a similar number, and a dense one with
# less than a third of it. **Predict** the winner, by the mean over seeds.

# %%
predicted_winner = None  # type "plain", "residual", "dense" or "dense, small"
contest = {
    "plain": lambda: CifarResNet(PlainBlock, 8, in_channels=1),
    "residual": lambda: CifarResNet(PaddedBlock, 8, in_channels=1),
    "dense": lambda: SmallDenseNet((3, 3), 16),
    "dense, small": lambda: SmallDenseNet((3, 3), 8),
}

# %%
seeds, results, sizes, judges = (SEED, SEED + 1, SEED + 2), {}, {}, {}
for kind, make in contest.items():
    reached = []
    for seed in seeds:
        torch.manual_seed(seed)
        net = make()
        fit(net, loader, **how, seed=seed, progress=False)
        reached.append(100 * metrics.accuracy_score(val.labels, predict(net, val_loader).y_pred))
    results[kind], judges[kind] = np.array(reached), net
    sizes[kind] = summarize(net.eval(), torch.zeros(1, 1, 8, 8), depth=1)
reveal(predicted_winner, max(results, key=lambda kind: results[kind].mean()))

# %%
for kind, shares in results.items():
    words = f"{sizes[kind].parameters:7,} parameters, {sizes[kind].macs / 1e6:5.2f} million MACs"
    print(f"{kind:12} {words}: {shares.mean():.1f}% (seeds {shares.round(1)})")
if EPOCHS is None:
    assert all(shares.mean() > 40 for shares in results.values()), "each kind should learn something"

# %%
figure, ax = plt.subplots(figsize=(7, 3.4))
for (kind, shares), mark, shift in zip(results.items(), "soD^", (-0.8, 0.8, 0, 0), strict=True):  # side by side
    thousands = np.full(3, sizes[kind].parameters / 1000 + shift)
    ax.plot(thousands, shares, mark, linestyle="none", markersize=8, alpha=0.8, label=kind)
ax.set(xlabel="parameters (thousands)", ylabel="validation accuracy (%)", xlim=(0, 100))
ax.legend(loc="center")
means = ", ".join(f"{kind} {shares.mean():.0f}%" for kind, shares in results.items())
figures.show(figure, alt=f"Validation accuracy against parameters, a mark for each of three seeds. Means: {means}.")

# %% [markdown]
# Look at the spread of one kind before you compare two kinds. If the marks of two nets overlap, three seeds and 359
# digits do not name a winner. And read the other column: at *equal parameters* the dense net makes four times as many
# multiplications; the small one, with under a third of the parameters, makes as many as the nets three times its size.
# Its maps are few, but they are large for longer. Equal in one price is not equal in another. Whoever comes last after
# so few epochs may be slow, not weak. The claim of the paper is about hundreds of epochs on 50,000 images. Ours is a
# small test, and it is reported as it fell.
#
# More of both changes the picture. Once, in November 2026, we ran this page with `FAST = False` (1,079 images, 20
# epochs). Validation accuracy in per cent, three seeds:
#
# | plain | residual | dense | dense, small |
# |---|---|---|---|
# | 98.6 · 98.3 · 98.6 | 99.2 · 98.9 · 98.9 | 87.5 · 99.2 · 99.7 | 99.7 · 96.7 · 99.4 |
#
# So they were slow, not weak: the small dense net keeps up with nets of three times its parameters, as the slide says.
# And look at the 87.5. One bad run of three moves a mean by four points, and whoever shows means alone hides it. That
# net read 99% of its *training* images. Which disease of lesson 07 is that?
#
# <details>
# <summary>Answer</summary>
#
# A stale memory. We gave its batch normalisation fresh means and variances, without changing a weight, and the same net
# read 98.3% of the validation digits.
# </details>
#
# **What collecting costs in training.** For the gradient, each layer keeps what it reads. With 64 + 32 a layer over six
# layers, **predict** how many *channels* the six doors keep in all, if each keeps its own joined copy.

# %%
predicted_stored = None  # type your number

# %% tags=["nbval-check-output"]
reveal(predicted_stored, sum(64 + 32 * number for number in range(6)), unit="channels, while 256 leave the block")


# %%
def kept_mb(block):
    kept = {}

    def note(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes() / 1e6
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = block(torch.rand(1, 64, 56, 56))  # alive until we have counted
    return sum(kept.values()) if result is not None else 0.0


for kind in (DenseBlock, RecomputingDenseBlock):
    print(f"{kind.__name__:21} of 6 layers keeps {kept_mb(kind(6, 64, 32)):5.1f} MB for the gradients of one image")

# %% [markdown]
# 864 channels of 56 × 56 numbers are 10.8 MB. The block keeps four times as much, since normalisation wants its input
# for the way back, and the convolution behind it wants what it was given: 864 channels joined, the same 864 normalised,
# and twice 128 for each of the six bottlenecks, 3,264 in all. (The rest are 1.3 MB of weights.)
#
# The early maps are copied again and again: the sum grows with the *square* of the number of layers. So memory does not
# follow weights. The second block forgets both copies and makes them again on the way back (Pleiss and colleagues,
# 2017): less memory, some 15 to 20% more time, by their report.
#
# *A good place to pause. When you come back, say aloud the four prices of a net.*

# %% [markdown]
# ## 9 Measure time honestly
#
# Here are five runs of a net in milliseconds: 50, 10, 11, 10, 90. **Predict** what you would write into the offer.

# %%
predicted_latency = None  # type your number, in ms

# %% tags=["nbval-check-output"]
times = np.array([50, 10, 11, 10, 90])
print(f"mean of all: {times.mean():.1f} ms; median without the first: {np.median(times[1:]):.1f} ms")
reveal(predicted_latency, float(np.median(times[1:])), unit="ms")

# %% [markdown]
# The first run is cold: memory is asked for, methods are chosen. That is a fact of the start, not of the net. The 90 is
# another program that wanted the processor. So: one **warm-up** that is thrown away, then the **median** of several.
# What we time is one image on one thread, and we take the *processor's* time beside the clock's. On a busy machine the
# clock runs on while the net waits in the queue; the processor's time is nearly that of a quiet machine (nearly: others
# also crowd the caches).

# %%
resnet_18 = next(net for net in ZOO if net.name == "ResNet-18")
cost = measure_forward(build_quickly(resnet_18.make), torch.rand(1, 3, 224, 224), runs=5)
print("processor:", *(f"{1000 * seconds:.0f}" for seconds in cost.seconds), "ms")
print("clock:    ", *(f"{1000 * seconds:.0f}" for seconds in cost.clock_seconds), "ms")

# %% [markdown]
# If the two rows differ much, this machine is busy, or shared. Believe the first row, and repeat at night.

# %% [markdown]
# ## 10 The whole zoo
#
# Every net of lessons 05 to 08 with published weights, and NiN: one image of the size that it was made for, one thread,
# three timed runs. Each net is built, measured and forgotten before the next. Weights are not random here, they are all
# one small number: the time does not depend on them. **Predict**: DenseNet-121 has 2.8 billion MACs, ResNet-34 3.7.
# Which one answers first?

# %%
predicted_first = None  # type "DenseNet-121" or "ResNet-34"


# %%
def price(entry):
    images = torch.zeros(1, 3, entry.size_pixels, entry.size_pixels)
    net = build_quickly(entry.make)
    cost = measure_forward(net, images + 0.5)
    table = summarize(net.to("meta"), images.to("meta"), depth=1)
    return {"parameters": table.parameters, "macs": table.macs, "cost": cost}


chosen = [net for net in ZOO if not FAST or net.name == "NiN" or (net.reported_top1 and "bn" not in net.name)]
prices = {net.name: price(net) for net in chosen}
latency = {name: 1000 * found["cost"].latency for name, found in prices.items()}
reveal(predicted_first, min(("DenseNet-121", "ResNet-34"), key=latency.get))

# %%
print(f"{'':20}MEASURED HERE                                         | REPORTED")
print(f"{'':20}parameters      MACs  latency     clock weights    maps | top-1")
for net in chosen:
    found, cost = prices[net.name], prices[net.name]["cost"]
    print(
        f"{net.name:19} {found['parameters'] / 1e6:8.1f} M {found['macs'] / 1e9:7.2f} G {latency[net.name]:6.0f} ms "
        f"{1000 * np.median(cost.clock_seconds):6.0f} ms {4 * found['parameters'] / 1e6:5.0f} MB "
        f"{cost.working_memory_mb:4.0f} MB | " + (f"{net.reported_top1:.1f} %" if net.reported_top1 else "none")
    )

# %% [markdown]
# Left of the line: what *we* measured or counted. Latency is the processor's time, clock the wall's; on a quiet machine
# they agree, and the radiologist waits for both. *Weights* are 4 bytes a parameter, *maps* the most that intermediate
# results held at one time: without a gradient each map is forgotten as soon as its last reader has read it, so for one
# image the weights are most of the memory. Right of the line: top-1 accuracy on ImageNet as
# torchvision reports it for its published weights. We have not measured that, and these nets hold no such weights.
#
# Which column predicts the latency? Spearman's correlation compares orders: 1 if both columns sort the nets alike.
# **Predict** it for the parameters, and for the MACs.

# %%
predicted_by_parameters = None  # type your number
predicted_by_macs = None  # type your number

# %%
columns = {what: [prices[net.name][what] for net in chosen if net.reported_top1] for what in ("parameters", "macs")}
waits = [latency[net.name] for net in chosen if net.reported_top1]
order = {what: metrics.spearman_correlation(values, waits) for what, values in columns.items()}
reveal(predicted_by_parameters, round(order["parameters"], 2))
reveal(predicted_by_macs, round(order["macs"], 2))
assert order["macs"] > order["parameters"], "operations should predict time better than parameters do"

# %% [markdown]
# Parameters sort the nets only roughly: AlexNet stores 61 million and is quick, since most of them are used once each.
# MACs do much better: nets whose work differs by a factor of 28 are sorted well by it. That is the easy part. Do they
# also say *how long*? If they did, each net would take the same time for a billion MACs. **Predict** how many times as
# long the slowest takes for a billion as the quickest.

# %%
predicted_spread = None  # type your number

# %%
per_billion = {name: latency[name] / (found["macs"] / 1e9) for name, found in prices.items()}
reveal(predicted_spread, round(max(per_billion.values()) / min(per_billion.values()), 1), unit="times")
for name in sorted(per_billion, key=per_billion.get):
    print(f"{name:19} {per_billion[name]:5.1f} ms for a billion MACs")
assert max(per_billion.values()) > 1.2 * min(per_billion.values()), "a MAC should not cost the same everywhere"

# %% [markdown]
# And one does not choose between AlexNet and VGG-19, one chooses between neighbours. Here are the pairs in which the
# net with **fewer** MACs takes **longer**, the clearest first. (Below some 1.1 times, another run may turn the pair
# round.)

# %%
swaps = []
for fewer in prices:
    for more in prices:
        if prices[fewer]["macs"] < prices[more]["macs"] and latency[fewer] > latency[more]:
            swaps.append((latency[fewer] / latency[more], fewer, more))
swaps.sort(reverse=True)
for times_longer, fewer, more in swaps[:6]:
    work = f"{prices[fewer]['macs'] / 1e9:.2f} against {prices[more]['macs'] / 1e9:.2f} billion MACs"
    print(f"{fewer} and {more}: {work}, yet {times_longer:.2f} times the time")
assert swaps, "at least one pair should swap its order"

# %%
worst = swaps[0]
figure, ax = plt.subplots(figsize=(7.4, 4.2))
plot_swap(
    [prices[net.name]["macs"] / 1e9 for net in chosen],
    [latency[net.name] for net in chosen],
    [net.name for net in chosen],
    [net.family for net in chosen],
    ax,
    swap=worst[1:],
)
figures.show(
    figure,
    alt=f"Latency against MACs, both logarithmic, for {len(chosen)} nets. The cloud rises, but {worst[1]} with fewer MACs "
    f"lies {worst[0]:.1f} times as high as {worst[2]}.",
)

# %% [markdown]
# Why? A MAC is not the only work. Batch normalisation, ReLU, pooling and *laying maps behind each other* are counted as
# nothing, and take time. A dense layer multiplies each weight only once, and waits for it to come from memory
# (AlexNet). Many small convolutions keep a processor less busy than a few large ones (GoogLeNet's branches beside VGG's
# 3×3).
#
# On another machine, with a GPU, with other libraries or a batch of 32, the order is another one. The rule stays:
# **measure the net that you will use, on the machine that will run it.**

# %% [markdown]
# ## 11 The frontier
#
# Now the plot that one sees in every survey (Bianco and colleagues, 2018, on the slide): accuracy against price. A net
# is on the **frontier** if no other is at least as cheap *and* at least as good. Only nets on it are worth a thought;
# which of them is a matter of the purse. The upward axis is **reported** by torchvision, the axes to the right are
# **counted or measured here**; each has a logarithmic scale. **Predict** how many of the 16 nets with a reported
# accuracy (20 if not `FAST`) are on *all four* frontiers.

# %%
predicted_on_all = None  # type your number

# %%
rated = [net for net in chosen if net.reported_top1]
scores = [net.reported_top1 for net in rated]
axes_of_price = {
    "million parameters (counted)": [prices[net.name]["parameters"] / 1e6 for net in rated],
    "billion MACs (counted)": [prices[net.name]["macs"] / 1e9 for net in rated],
    "latency (ms, measured here)": [latency[net.name] for net in rated],
    "memory (MB of weights and maps)": [
        4 * prices[net.name]["parameters"] / 1e6 + prices[net.name]["cost"].working_memory_mb for net in rated
    ],
}
on = {what: find_frontier(costs, scores) for what, costs in axes_of_price.items()}
reveal(predicted_on_all, int(np.logical_and.reduce(list(on.values())).sum()), unit=f"of {len(rated)}")

# %%
figure, axes = plt.subplots(4, 1, figsize=(7.6, 12.6))
names, families = [net.name for net in rated], [net.family for net in rated]
for ax, (what, costs) in zip(axes, axes_of_price.items(), strict=True):
    plot_frontier(costs, scores, names, families, ax, cost=what, score="top-1, ImageNet (%, REPORTED)")
axes[0].legend(loc="lower left", ncols=2)
words = "; ".join(f"by {what}: " + ", ".join(np.array(names)[who]) for what, who in on.items())
figures.show(figure, alt=f"Four panels, reported accuracy against a price; a stair joins the frontier. {words}.")
for what, who in on.items():
    print(f"{what:31}: {', '.join(np.array(names)[who])}")
assert not any(who[names.index("VGG-19")] for who in on.values())

# %% [markdown]
# Four prices, and not the same nets on each stair. By *parameters*, and so by *memory* for one image, the dense nets
# stand at the cheap end: that is what they were made for. By *operations* and *latency* others join them, such as
# AlexNet: nets that store much and calculate little. No VGG is on any of them: for each, another net is better and
# cheaper. Near the stair, a difference of some milliseconds decides who is on it, so repeat the measurement before you
# throw a net away. And if someone shows you one panel only, ask for the others.
#
# Two cautions. The upward axis mixes recipes: torchvision trained GoogLeNet and Inception v3 by other recipes (their
# weights came from elsewhere), and newer recipes lift ResNet-50 by more than four points without touching the net. And
# accuracy on photographs of dogs is not accuracy on ultrasound.
#
# **Back to the clinic.** The radiologist waits one second, and the cart's old processor needs about five times as long
# as ours (a guess; you would measure it there). That leaves 200 ms here. **Predict** from the table the most accurate
# net that answers in that time.

# %%
predicted_choice = None  # type a name

# %%
quick = [net for net in rated if latency[net.name] < 200] or rated
reveal(predicted_choice, max(quick, key=lambda net: net.reported_top1).name)

# %% [markdown]
# ## 12 Judge, once
#
# Back to the digits: the test part, with 95% intervals (Wilson), for the nets of the last seed and the two baselines.

# %%
truth = test.labels.numpy()
answers = {kind: predict(net, test_loader).y_pred for kind, net in judges.items()}
answers["logistic regression"] = logistic.predict(test.images.flatten(1).numpy())
answers["always the commonest"] = np.full(len(test), commonest)
for name, y_pred in answers.items():
    right = int((y_pred == truth).sum())
    interval = metrics.wilson_interval(right, len(test))
    share = f"{100 * right / len(test):5.1f}% [{100 * interval.low:.0f}, {100 * interval.high:.0f}]"
    print(f"{name:20} {right:3} of {len(test)} {share}")

# %% [markdown]
# Which intervals overlap? And look where logistic regression stands: on tiny clean digits and few epochs, thrift begins
# with asking whether a net is needed at all.

# %% [markdown]
# ## 13 Look at the mistakes
#
# The twelve test digits on which the dense net of the last seed is most confidently wrong: truth → dense, and the
# residual net in brackets.

# %%
judged = predict(judges["dense"], test_loader)
shares = torch.from_numpy(judged.scores).softmax(dim=1).numpy()
lost = shares.max(axis=1) - shares[np.arange(len(test)), truth]
worst_digits = np.argsort(-lost)[:12]
titles = [f"{truth[i]} → {judged.y_pred[i]} ({answers['residual'][i]})" for i in worst_digits]
figure, ax = plt.subplots(figsize=(8.4, 3.4))
figures.plot_image_grid(test.images[worst_digits], ax, titles=titles, columns=6)
figures.show(
    figure,
    alt="Twelve test digits that the dense net gets wrong or nearly so, each with truth, its answer and that of the "
    f"residual net: {', '.join(titles)}.",
)

# %% [markdown]
# Where both nets are wrong, look at the digit: would you have read it? Where only one is, look at the other answers of
# that net: does it prefer a digit?

# %% [markdown]
# ## 14 Explorer
#
# A dense block of any size. Find three things: the number of layers at which the last layer reads ten times what the
# first one reads; whether the bottleneck saves with one layer and 8 input channels; and what doubling k does to the
# weights (it does not double them).

# %%
dense_block_explorer()

# %% [markdown]
# <details>
# <summary>What there was to find</summary>
#
# With 64 channels and k = 32: 19 layers, since 64 + 18 · 32 = 640. With one layer and 8 channels the bottleneck does
# not save: 37,888 weights instead of 2,304, for it widens 8 maps to 128 first. It saves in a layer that reads more than
# 7.2 · k maps (4k · c + 36k² against 9k · c), so for k = 32 from 231 on: in late layers and late blocks. Doubling k
# makes nearly four times as many weights, 1.23 million for 0.33: each layer makes twice as many maps and reads up to
# twice as many.
# </details>

# %% [markdown]
# ## What we learned
#
# 1. **Channels**: layer l reads $k_0 + (l − 1)k$, and $k_0 + Lk$ leave; a transition halves channels and pixels.
#    DenseNet-121: 256, 512, 1,024, 1,024; 7,978,856 parameters.
# 2. **Who reads whom**: every source is read by every later layer. Part of that picture is the random beginning, so test
#    it by silencing a source.
# 3. **Equal budget**: several seeds, all marks shown, and no winner where they overlap.
# 4. **Latency**: one warm-up thrown away, median of several, processor time beside the clock, machine named.
# 5. **The frontier** depends on the price. MACs sort nets that differ much, but not neighbours.
#
# **Pitfalls.** Adding where one should collect · growth counted once · the first layer given k maps too many · a
# transition that forgets to compress · fewer parameters read as faster · the cold run in the mean · memory guessed from
# weights · reported and measured numbers on one axis without a word · one seed.
#
# Last, what is *reported* elsewhere and what was *measured* here.

# %% [markdown]
# | | reported | by whom, on what |
# |---|---|---|
# | best known for | dense blocks, parameter efficiency, strong gradients, diverse features | the lecture's slides |
# | DenseNet-BC, 100 layers, k = 12 | 4.51% error with 0.8 M parameters; ResNet of 1,001 layers: 4.62% with 10.2 M | Huang 2017, CIFAR-10 with augmentation |
# | DenseNet-121, 169, 201, 161 | top-1 error 25.0, 23.8, 22.6, 22.3% | Huang 2017, ImageNet, one crop |
# | the same | top-1 accuracy 74.4, 75.6, 76.9, 77.1% | torchvision, ImageNet, its published weights |
# | accuracy, operations and parameters of many nets | accuracy does not simply follow complexity | Bianco 2018, two GPUs; on the lecture's slide |

# %%
for kind, shares in results.items():
    print(f"here: {kind:12} {sizes[kind].parameters:6,} parameters, {shares.mean():.1f}% of {len(val)} digits")
print(f"here: order of latency, Spearman with parameters {order['parameters']:.2f}, with MACs {order['macs']:.2f}")
print(f"here: {worst[1]} has fewer MACs than {worst[2]} and takes {worst[0]:.2f} times as long")

# %% [markdown]
# **References.** G. Huang, Z. Liu, L. van der Maaten, K. Q. Weinberger, *Densely connected convolutional networks*,
# CVPR 2017 · G. Pleiss et al., *Memory-efficient implementation of DenseNets*, 2017 · S. Bianco, R. Cadene, L. Celona,
# P. Napoletano, *Benchmark analysis of representative deep neural network architectures*, IEEE Access 6, 2018 ·
# torchvision 0.28, documentation of its models (accuracies) · D. Rueckert, *AI in Medicine I* (lecture slides:
# DenseNet, benchmark) · E. Alpaydin, C. Kaynak, *Optical Recognition of Handwritten Digits*, doi 10.24432/C50P49.
#
# **Now the exercises**, `exercises/08_densenet.ipynb`: you count the channels, write the block, time the nets and draw
# the frontier.
