# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: How to be deep and cheap?
#     level: intermediate
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["04_lenet", "05_alexnet_vgg"]
#     facts: [R16, R17, R18]
# ---

# %% [markdown]
# # 06 · How to be deep and cheap?
#
# **Level** intermediate · **your time** about 90 minutes, with a good place to pause after part 6 · **the machine's
# time** about 1 minute on two CPU cores, less on a GPU · **download** nothing · **needs** convolution and its sizes
# (lesson 03), the training loop (lesson 04), VGG (lesson 05)
#
# *For teaching, not for clinical use.*

# %% [markdown]
# ## The question
#
# A lymph node has been cut, stained and scanned. A slide of 80,000 × 60,000 pixels falls into nearly 100,000 patches of
# 224 × 224, and a net looks at each of them for metastases. Every multiplication in that net is done a hundred thousand
# times, for one slide of one patient. The pathologist waits. In the lessons before, nets became good by becoming deep,
# and VGG paid for it with 15 billion multiplications an image. Can a net be deep *and* cheap?
#
# GoogLeNet won the contest of 2014 with 22 layers and a tenth of VGG's multiplications. Its module looks at the same
# maps in four ways, and three of the four are made cheap by a layer that seems to do nothing at all: a convolution of
# one single pixel.
#
# ```text
#                 ┌→ 1×1 ────────────────┐
#                 ├→ 1×1 → 3×3 ──────────┤
#  maps from  →   ┤                      ├→  laid behind each other  →  maps for
#  the layer      ├→ 1×1 → 5×5 ──────────┤                              the next one
#                 └→ maximum 3×3 → 1×1 ──┘
# ```
#
# After this lesson you can
#
# 1. count the multiplications of a branch with and without a 1×1 convolution: 112.9 million against 5.3;
# 2. prove that a 1×1 convolution is one dense layer, applied at each pixel;
# 3. build an inception module from its parts, and compare its shapes and costs with the paper's table;
# 4. take a 5×5 and a 7×7 kernel apart, count what that saves and say what it loses;
# 5. measure over several seeds what auxiliary heads and label smoothing do, and say so when the answer is *we cannot
#    tell*.

# %% [markdown]
# ## Set-up
#
# The libraries, and the rooms of the course that this lesson visits. New today: `models.nin`, `models.googlenet` and
# `models.inception`, a paper each.

# %% tags=["setup"]
import tempfile
import time
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import clear_output
from scipy.stats import t as student_t
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional as F

from course_lib import arithmetic, data, figures, metrics
from course_lib.arithmetic import Layer, conv_macs, linear_parameters
from course_lib.classroom import reveal, where_am_i
from course_lib.data.phantoms.slide_patches import make_slide_patches
from course_lib.figures.inception import plot_effects, plot_operations
from course_lib.models.googlenet import GOOGLENET_TABLE, ConvReLU, InceptionModule
from course_lib.models.googlenet import auxiliary_cross_entropy, googlenet_paper
from course_lib.models.inception import INCEPTION_V2_TABLE, INCEPTION_V3_TABLE, Conv, Mixed
from course_lib.models.inception import inception_v2, inception_v3
from course_lib.models.nin import nin_imagenet
from course_lib.summary import summarize
from course_lib.training import fit, predict
from course_lib.widgets.bottleneck import bottleneck_explorer

figures.use_course_style()

# %% [markdown]
# What you may change; everything below follows.

# %% tags=["parameters"]
FAST = True  # False measures over 20 seeds and trains longer: some 10 minutes by estimate
SEED = 0  # of the split, the first weights and the order of the images
EPOCHS = None  # times through the training data; a number here overrules 12
LABEL_NOISE = 0.2  # share of the training labels that are made wrong on purpose
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
# **From lesson 05.** Two 3×3 convolutions, one after the other, see as far as one of 5×5. How many weights has each of
# the two ways, from one map to one map?
#
# <details>
# <summary>Answer</summary>
#
# 9 + 9 = 18 against 25. VGG is built on it, and part 8 takes it further.
# </details>
#
# **From lesson 03.** A convolution goes from 64 to 128 channels with kernels of 3×3. How many weights, without biases?
#
# <details>
# <summary>Answer</summary>
#
# Each of the 128 filters reads all 64 channels: 128 · 64 · 9 = 73,728.
# </details>
#
# **From lesson 04.** A net reads 349 of 359 test digits rightly, another one 352. Which is better?
#
# <details>
# <summary>Answer</summary>
#
# These numbers alone do not say: their 95% intervals overlap widely. Keep that doubt for part 11.
# </details>

# %% [markdown]
# ## The data: small images, and labels that are partly wrong
#
# We count on nets for images of 224 × 224, and train on images of 8 × 8, the digits of lesson 04 as they are in the
# file. A training run then takes about a second, so we can afford twenty of them, and only many runs can tell a real
# effect from luck.
#
# | | |
# |---|---|
# | what | 1,797 handwritten digits, 8 × 8 pixels of 17 grey levels |
# | who wrote | 13 people; the file does not say who wrote which |
# | source | E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI repository, 1998 |
# | licence | CC BY 4.0; a copy is installed with scikit-learn |
#
# As in lesson 04 the split cannot be by writer; we assert that no image is on two sides. Then we do something that
# hospitals do without wanting to: **a fifth of the training labels becomes wrong**. Reports are read by machines,
# readers are tired, and a slide says that label smoothing helps with just that. Validation and test keep their true
# labels.

# %% tags=["nbval-check-output"]
digits = data.load_digits(image_size=8)
split = data.stratified_split(digits.labels, seed=SEED)
data.assert_no_overlap(split, subjects=np.arange(len(digits)))
train, val, test = (digits.subset(part) for part in (split.train, split.val, split.test))
print(f"{len(train)} to train from, {len(val)} to compare, {len(test)} to judge, each {tuple(digits.images.shape[1:])}")


# %% [markdown]
# Each seed draws 320 digits of its own from the training part, and its own mistakes. Two subgoals: *draw*, *spoil*.


# %%
def training_set(seed, noise=LABEL_NOISE, number=320):
    rng = np.random.default_rng(seed)
    # 1 draw
    chosen = train.subset(rng.permutation(len(train))[:number])
    # 2 spoil: a wrong label is the true one plus 1 … 9, round the clock
    wrong = torch.from_numpy(rng.random(number) < noise)
    shift = torch.from_numpy(rng.integers(1, 10, size=number))
    labels = torch.where(wrong, (chosen.labels + shift) % 10, chosen.labels)
    return data.LabelledImages(chosen.images, labels, chosen.class_names), chosen.labels


teacher, truth_of_teacher = training_set(SEED)
spoilt = teacher.labels != truth_of_teacher
print(f"{int(spoilt.sum())} of {len(teacher)} training labels are wrong ({spoilt.float().mean():.0%})")

# %%
order = torch.argsort(~spoilt[:24], stable=True)
titles = [f"{label} ✗" if bad else f"{label}" for label, bad in zip(teacher.labels[order], spoilt[order], strict=True)]
figure, ax = plt.subplots(figsize=(8, 3.9))
figures.plot_image_grid(teacher.images[order], ax, titles=titles, columns=8)
figures.show(
    figure,
    alt=f"Twenty-four digits of 8 by 8 pixels with the labels that the nets are told; {int(spoilt[:24].sum())} of "
    "them, marked with a cross, have a wrong label.",
)

# %% [markdown]
# ## 1 Try first: make this layer cheap
#
# **Two minutes.** In the middle of GoogLeNet lie 480 maps of 14 × 14. A layer is to make 48 new maps of the same size
# with kernels of 5 × 5. You may use a tenth of the multiplications. What do you do? Two students:
#
# - *Ann* keeps the layer and gives it fewer inputs: each tenth map, 48 of the 480.
# - *Ben* first makes 16 new maps, each a mixture of all 480 at the same pixel, and lets the 5 × 5 kernels read those.
#
# Both save more than nine tenths. Before we count: what does Ann lose that Ben keeps? (Nine tenths of what the layers
# before have found never reach her kernels. Ben's mixture can use every map, and *training chooses the mixture*.)

# %% [markdown]
# ## 2 Count: 112.9 million against 5.3
#
# One output value of a convolution costs *kernel height × kernel width × input channels* multiplications, each with an
# addition. Such a pair is a **MAC**, multiply and accumulate. So a layer costs that product, times the number of
# output values. Note *output*: with a stride of 2 the kernel is laid down at a quarter of the places.
#
# **Predict** the multiplications of the direct way in millions: 5×5, from 480 channels to 48, on 14 × 14.

# %%
predicted_direct = None  # type your number, in millions

# %% tags=["nbval-check-output"]
direct = (14 * 14 * 48) * (5 * 5 * 480)  # output values × multiplications for each
assert direct == conv_macs(480, 48, kernel_size=5, output_size=14)
reveal(predicted_direct, round(direct / 1e6, 1), unit="million")

# %% [markdown]
# Now Ben's way, the one of the paper: first 1×1 from 480 to 16, then 5×5 from 16 to 48. **Predict** the sum, in
# millions. (Did you pay for the cheap layer too?)

# %%
predicted_bottleneck = None  # type your number, in millions

# %% tags=["nbval-check-output"]
first = (14 * 14 * 16) * (1 * 1 * 480)
then = (14 * 14 * 48) * (5 * 5 * 16)
print(f"1×1: {first / 1e6:.1f} million, 5×5: {then / 1e6:.1f} million")
reveal(predicted_bottleneck, round((first + then) / 1e6, 1), unit="million")
print(f"{direct:,} / {first + then:,} = {direct / (first + then):.1f} times fewer")

# %%
ways = {
    "directly": {"5×5": direct},
    "Ann: 48 of 480 maps": {"5×5": conv_macs(48, 48, 5, 14)},
    "Ben: 1×1 to 16": {"5×5": then, "1×1": first},
}
figure, ax = plt.subplots(figsize=(7, 2.4))
plot_operations(ways, ax)
figures.show(
    figure,
    alt="Three bars. The direct way takes 112.9 million multiplications, Ann's tenth 11.3 million, Ben's bottleneck "
    "5.3 million, of which the 1 by 1 convolution takes 1.5.",
)

# %% [markdown]
# Ben is cheaper than Ann and reads ten times as many maps. The narrow place in the middle is called a **bottleneck**.
# These are the numbers on the lecture's slide, 112.9 and 1.5 + 3.8 = 5.3. Two words of care: the slide says
# *operations* where it counts multiplications; whoever counts additions too (FLOPs) gets twice as many. And fewer
# multiplications are not fewer seconds. **Predict** how many times less of the processor's time the bottleneck takes on
# this machine.

# %%
predicted_speed_up = None  # type your number


# %%
def fastest(layer, maps, repeats=20):
    seconds = []
    with torch.no_grad():
        for _ in range(repeats):
            start = time.process_time()  # stands still while other programs use the machine
            layer(maps)
            seconds.append(time.process_time() - start)
    return min(seconds)


maps = torch.rand(4, 480, 14, 14)
wide = nn.Conv2d(480, 48, kernel_size=5, padding=2)
narrow = nn.Sequential(nn.Conv2d(480, 16, kernel_size=1), nn.Conv2d(16, 48, kernel_size=5, padding=2))
reveal(predicted_speed_up, round(fastest(wide, maps) / fastest(narrow, maps), 1), unit="times less processor time")

# %% [markdown]
# Not 21.4 (10 to 17 where this page was written), and another number when you run it again. Small layers spend their
# time on fetching numbers and on starting up; large kernels may be calculated by another method than small ones. Lesson
# 08 measures that for the whole zoo. For now: MACs are what we can count on paper, seconds are what the pathologist
# waits.

# %% [markdown]
# ## 3 A convolution of one pixel
#
# What can a kernel of 1 × 1 do? "One pixel, one factor: it makes the map louder", says a student. **Predict** what this
# one gives. There is one pixel with two channels, (1, 2), and the weights are [[1, 1], [1, −1]].

# %%
predicted_pixel = None  # type [first channel, second channel]

# %% tags=["nbval-check-output"]
weights = torch.tensor([[1.0, 1], [1, -1]])  # (out, in)
pixel = torch.tensor([1.0, 2]).reshape(1, 2, 1, 1)
mixed = F.conv2d(pixel, weights[:, :, None, None])
reveal(predicted_pixel, mixed.flatten().tolist())

# %% [markdown]
# Space is one pixel, but *all channels* meet there: 1·1 + 1·2 = 3 and 1·1 − 1·2 = −1. That is a matrix times a vector,
# and so a dense layer. Let us prove it on maps of random numbers: the same weights, once as a convolution, once as a
# dense layer that is given the pixels one by one. **Predict** the largest difference.

# %%
predicted_difference = None  # type your number

# %%
one_by_one = nn.Conv2d(480, 16, kernel_size=1)
dense = nn.Linear(480, 16)
with torch.no_grad():
    dense.weight.copy_(one_by_one.weight[:, :, 0, 0])
    dense.bias.copy_(one_by_one.bias)
    as_convolution = one_by_one(maps)  # (4, 16, 14, 14)
    pixels = maps.permute(0, 2, 3, 1).reshape(-1, 480)  # (784, 480), one row a pixel
    as_dense = dense(pixels).reshape(4, 14, 14, 16).permute(0, 3, 1, 2)
difference = (as_convolution - as_dense).abs().max().item()
reveal(predicted_difference, difference)
assert difference < 1e-5

# %% [markdown]
# Equal up to rounding, with 16 · 480 + 16 = 7,696 parameters in either form. The receptive field is a single pixel: a
# 1×1 convolution never looks sideways. It only mixes what is known *here*.
#
# Pathologists know such a layer under another name. A stained slide has three channels, red, green and blue, and two
# dyes: haematoxylin colours nuclei blue, eosin the rest pink. Light is absorbed layer by layer, so the negative
# logarithm of the colour is a *mixture* of the dyes, the same at each pixel. Unmixing is a 1×1 convolution with 3
# inputs and 2 outputs, and its weights are the inverse of a matrix that was measured in 2001. The patch is a phantom.

# %%
patch = torch.from_numpy(make_slide_patches(2, seed=SEED, size=128, mpp=0.5).images[1:])  # (1, 3, 128, 128)
dyes = torch.tensor([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])  # haematoxylin, eosin, rest × RGB
dyes = dyes / dyes.norm(dim=1, keepdim=True)
unmix = torch.linalg.inv(dyes).T[:2]  # (2 dyes, 3 colours)
density = -torch.log10(patch.clamp(min=1 / 255))
amounts = F.conv2d(density, unmix[:, :, None, None])  # a 1×1 convolution: (1, 2, 128, 128)
print(f"{tuple(density.shape)} → {tuple(amounts.shape)} with {unmix.numel()} weights")

# %%
figure, axes = plt.subplots(1, 3, figsize=(8.4, 3))
axes[0].imshow(patch[0].permute(1, 2, 0), extent=(0, 64, 64, 0))
for ax, amount in zip(axes[1:], amounts[0], strict=True):
    ax.imshow(-amount, extent=(0, 64, 64, 0))
for ax, title in zip(axes, ("stained patch (phantom)", "haematoxylin (dark: much)", "eosin (dark: much)"), strict=True):
    ax.set(title=title, xlabel="µm")
axes[0].set_ylabel("µm")
figures.show(
    figure,
    alt="A stained patch of a lymph node with violet nuclei on pink; beside it the two maps that a 1 by 1 convolution "
    "makes of it: in the first the nuclei are dark, in the second mainly the tissue between them.",
)

# %% [markdown]
# ## 4 A net in the net
#
# In 2013, Min Lin and colleagues put two 1×1 convolutions, each with a ReLU, behind every ordinary one. A convolution
# takes a weighted sum of its window, a *linear* look. With the two layers behind it, a small dense net slides over the
# image: a **network in network**, NiN. What the window shows is now judged by three layers.
#
# Their second idea did away with the dense layers at the end. VGG's first dense layer reads 512 maps of 7 × 7 and has
# 4,096 units. NiN's last layer has *one map for each class*, and the mean of that map is the score. **Predict** the
# millions of parameters of that VGG layer, and of the whole NiN for 1,000 classes.

# %%
predicted_vgg_layer = None  # type your number, in millions
predicted_nin = None  # type your number, in millions

# %% tags=["nbval-check-output"]
reveal(predicted_vgg_layer, round(linear_parameters(512 * 7 * 7, 4096) / 1e6, 1), unit="million in one layer")
with torch.device("meta"):  # sizes only, nothing is calculated
    nin = summarize(nin_imagenet(), torch.zeros(1, 3, 224, 224), depth=2)
reveal(predicted_nin, round(nin.parameters / 1e6, 1), unit="million in the whole net")
for row in nin.rows:
    print(f"{row.name:17} {' × '.join(map(str, row.output_shape[1:])):16} {row.parameters:>9,}")

# %% [markdown]
# The mean over a map has nothing to train and takes maps of any size; and each of the last maps says *where* its class
# was seen, which lesson 11 will use to ask a net about an X-ray.

# %% [markdown]
# ## 5 The inception module
#
# Which kernel is right: 3×3 for nuclei, 5×5 for groups of them, 1×1 for the dye alone? GoogLeNet does not choose. It
# looks in four ways at once and lays the results **behind each other**. Module 3a, as the paper's table 1 gives it, has
# 192 channels coming in; its branches end with 64, 128, 32 and 32. **Predict** how many come out.

# %%
predicted_channels = None  # type your number

# %% tags=["nbval-check-output"]
ones, reduce3, threes, reduce5, fives, pooled = GOOGLENET_TABLE["3a"]
look_1 = ConvReLU(192, ones, 1)
look_3 = nn.Sequential(ConvReLU(192, reduce3, 1), ConvReLU(reduce3, threes, 3, padding=1))
look_5 = nn.Sequential(ConvReLU(192, reduce5, 1), ConvReLU(reduce5, fives, 5, padding=2))
look_pool = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), ConvReLU(192, pooled, 1))
x = torch.rand(1, 192, 28, 28)
branches = [look(x) for look in (look_1, look_3, look_5, look_pool)]
for branch in branches:
    print(tuple(branch.shape))
reveal(predicted_channels, torch.cat(branches, dim=1).shape[1])

# %% [markdown]
# Laid side by side, not added: a sum needs branches of equal width and blends what they found, so that nobody later
# knows whether the fine or the coarse kernel spoke. The numbers add up, 64 + 128 + 32 + 32, not the maps.
#
# What does the module cost, and what would it cost without the three 1×1 convolutions that make things narrow? Then
# pooling hands all 192 maps through, so 416 maps leave the module, and the next one would pay for those. **Predict**:
# how many times the multiplications?

# %%
predicted_naive = None  # type your number

# %% tags=["nbval-check-output"]
with_ones = summarize(InceptionModule(192, GOOGLENET_TABLE["3a"], conv=ConvReLU), x).macs
naive = sum(conv_macs(192, width, kernel, 28) for width, kernel in ((ones, 1), (threes, 3), (fives, 5)))
print(f"as published {with_ones / 1e6:.0f} million, without bottlenecks {naive / 1e6:.0f} million")
reveal(predicted_naive, round(naive / with_ones, 1), unit="times")
print(f"channels out: {ones + threes + fives + pooled} as published, {ones + threes + fives + 192} without")

# %% [markdown]
# **Meant to fail.** The padding of each branch keeps the maps at 28 × 28. A student forgets it for the 3×3 branch.
# **Predict** at which line it stops, and with which complaint.

# %% tags=["raises-exception"]
no_padding = nn.Sequential(ConvReLU(192, reduce3, 1), ConvReLU(reduce3, threes, 3))
torch.cat([look_1(x), no_padding(x), look_5(x), look_pool(x)], dim=1)

# %% [markdown]
# The branch itself runs, and gives maps of 26 × 26. Only side by side do they not fit: 28 against 26.

# %% [markdown]
# ## 6 GoogLeNet, row by row
#
# Nine modules, a short stem before them, the mean of each map and one dense layer after them. The paper prints the
# multiplications of each module; here they stand beside ours. **Predict** the layers with weights from image to scores:
# three in the stem, two on the longest way through each of nine modules, and the last.

# %%
predicted_layers = None  # type your number

# %% tags=["nbval-check-output"]
paper_millions = {"3a": 128, "3b": 304, "4a": 73, "4b": 88, "4c": 100, "4d": 119, "4e": 170, "5a": 54, "5b": 71}
with torch.device("meta"):
    whole = summarize(googlenet_paper(aux=False), torch.zeros(1, 3, 224, 224), depth=1)
for row in whole.rows:
    name = row.name.removeprefix("inception")
    if name in paper_millions:
        size = " × ".join(map(str, row.output_shape[1:]))
        print(f"{name}  {size:15} {row.macs / 1e6:6.1f} million, the paper prints {paper_millions[name]}")
reveal(predicted_layers, 3 + 2 * len(GOOGLENET_TABLE) + 1, unit="layers")

# %% tags=["nbval-check-output"]
print(f"GoogLeNet {whole.parameters / 1e6:6.1f} million parameters, {whole.macs / 1e9:5.2f} billion multiplications")
print(f"AlexNet   {61_100_840 / 1e6:6.1f} million parameters,  0.71 billion multiplications")
print(f"VGG-16    {138_357_544 / 1e6:6.1f} million parameters, 15.47 billion multiplications")
print(f"on 100,000 patches of a slide: {whole.macs * 1e5:.1e} against {15.47e9 * 1e5:.1e}")

# %% [markdown]
# In eight of the nine modules our count is within one million of the printed one. In 5a it is not, 51.1 against 54, and
# we do not know why: with the widths of the paper's own table we get 51.1 each time.
#
# Deeper than VGG, with a twentieth of its parameters and a tenth of its multiplications. AlexNet multiplies still less:
# it is shallow, and it keeps most of its parameters in dense layers that are used once an image.
#
# *A good place to pause. When you come back, say aloud where 1.5 and 3.8 come from.*

# %% [markdown]
# ## 7 Heads on the way
#
# In 22 layers, will the gradient reach the first ones? The authors were worried, and hung two small classifiers on the
# way, after 4a and after 4d. In training each adds its own loss at a weight of 0.3; afterwards they are thrown away.
# **Predict** the whole loss when the main one is 1, and the two heads have 2 and 3.

# %%
predicted_loss = None  # type your number

# %% tags=["nbval-check-output"]
reveal(predicted_loss, 1 + 0.3 * (2 + 3))
two_classes = torch.tensor([[0.0, 0.0]])
outputs = {"scores": two_classes, "aux1": two_classes, "aux2": two_classes}  # each has a loss of log 2
print(f"{auxiliary_cross_entropy(outputs, torch.tensor([1])):.4f} = 1.6 · log 2 = {1.6 * np.log(2):.4f}")

# %% [markdown]
# A trap for those who use such a net: in training it gives *several* scores, in evaluation one tensor. Our nets give
# a dictionary with names, `scores` first, so that nobody picks by position. **Predict** the shape of
# `net(images)[0]` after `net.eval()`, for 4 images and 5 classes.

# %%
predicted_shape = None  # type a tuple

# %% tags=["nbval-check-output"]
net = googlenet_paper(num_classes=5)
images = torch.rand(4, 3, 96, 96)
print({name: tuple(scores.shape) for name, scores in net.train()(images).items()})
with torch.no_grad():
    scores = net.eval()(images)
print(f"in evaluation: a tensor {tuple(scores.shape)}")
reveal(predicted_shape, tuple(scores[0].shape))

# %% [markdown]
# `[0]` took the first *image*, not the first output: no error, a wrong shape, and perhaps a bad afternoon.
#
# And what do the heads weigh?

# %% tags=["nbval-check-output"]
with torch.device("meta"):
    with_heads = sum(p.numel() for p in googlenet_paper().parameters())
print(f"{with_heads:,} parameters in training, {whole.parameters:,} afterwards")
print(f"{1 - whole.parameters / with_heads:.0%} of them teach and are thrown away")

# %% [markdown]
# ## 8 Taking large kernels apart
#
# A year later the same group asked what else can be had for less. Replace 5×5 by two layers of 3×3, and 7×7 by three:
# the view stays as wide. **Predict** how many per cent of the weights the 7×7 saves.

# %%
predicted_saving = None  # type your number, in per cent

# %% tags=["nbval-check-output"]
for large, number in ((5, 2), (7, 3)):
    sees = arithmetic.receptive_field([Layer(3)] * number).size
    print(f"{large}×{large}: {large**2} weights; {number} times 3×3: {9 * number}, sees {sees} × {sees}")
reveal(predicted_saving, round(100 * (1 - 27 / 49)), unit="per cent")

# %% [markdown]
# The second step is bolder: a **column and a row**. First a kernel n × 1, then 1 × n. With n = 7 that is 14 weights for
# 49, and with n = 3 it is 6 for 9. **Predict** the millions of multiplications that remain of a 7×7 from 192 to 192
# channels on 17 × 17.

# %%
predicted_flat = None  # type your number, in millions

# %% tags=["nbval-check-output"]
square = conv_macs(192, 192, (7, 7), (17, 17))
flat = conv_macs(192, 192, (7, 1), (17, 17)) + conv_macs(192, 192, (1, 7), (17, 17))
small = 3 * conv_macs(192, 192, (3, 3), (17, 17))
print(f"7×7: {square / 1e6:.0f} million; three times 3×3: {small / 1e6:.0f}; 7×1 and 1×7: see below")
reveal(predicted_flat, round(flat / 1e6), unit=f"million, {1 - flat / square:.0%} saved")

# %% [markdown]
# What is lost? Between one map and one map, without an activation in between, a column and a row make a kernel that is
# their *product*: each row a multiple of the same row. A blur is such a kernel. A slanted line is not. In numbers:
# how much of a kernel is in its best single product (its first singular value)? **Predict**, for a diagonal line in a
# 7×7 kernel, in per cent of its squared weights.

# %%
predicted_diagonal = None  # type your number, in per cent

# %%
steps = torch.arange(7.0) - 3
blur = torch.exp(-(steps[:, None] ** 2 + steps**2) / 6)
kernels = {"blur": blur, "upright edge": steps * torch.ones(7, 1), "diagonal line": torch.eye(7)}
shares = {}
for name, kernel in kernels.items():
    sizes = torch.linalg.svdvals(kernel)  # how much each product of a column and a row adds
    shares[name] = (sizes[0] ** 2 / sizes.square().sum()).item()
    print(f"{name:14} {shares[name]:.0%} in one column and one row")
reveal(predicted_diagonal, round(100 * shares["diagonal line"]), unit="per cent")

# %%
figure, axes = plt.subplots(1, 2, figsize=(7.4, 3.3))
for ax, kernel, title in ((axes[0], blur, "blur: a column times a row"), (axes[1], torch.eye(7), "diagonal: not")):
    figures.plot_matrix(np.round(kernel.numpy(), 2), ax, title=title)
figures.show(
    figure,
    alt="Two 7 by 7 kernels with their numbers. In the blur each row is a multiple of the middle row. The diagonal line "
    "has ones from the upper left to the lower right, and no row is a multiple of another one.",
)

# %% [markdown]
# And the proof that nothing else is lost: the blur as one kernel, and as a column and then a row, on a digit.

# %%
column, row = blur[:, 3:4], blur[3:4, :]  # (7, 1) and (1, 7); the middle weight of the blur is 1
digit = digits.images[:1]
as_square = F.conv2d(digit, blur[None, None], padding=3)
in_two = F.conv2d(F.conv2d(digit, column[None, None], padding=(3, 0)), row[None, None], padding=(0, 3))
print(f"largest difference {(as_square - in_two).abs().max():.1e}, with 14 weights for 49")
assert torch.allclose(as_square, in_two, atol=1e-5)

# %% [markdown]
# A net has many maps between the column and the row: each pair of a column and a row adds one product, and seven of
# them make any 7×7 kernel. So the loss is one of *budget*, and training finds out what the budget is spent on.
#
# The third step: **halving the grid**. Pool first, and channels are squeezed through a narrow place; convolve first,
# and it is dear. Version 2 does both side by side and lays the results behind each other.

# %% tags=["nbval-check-output"]
dear = conv_macs(320, 640, 3, 35)  # 3×3 at full size, then pool 35 → 17
squeezed = conv_macs(320, 640, 3, 17)  # pool first, then 3×3
beside = conv_macs(320, 320, 3, 17)  # 3×3 with stride 2 makes 320 maps, pooling hands on the other 320
for name, macs in (("convolve, then pool", dear), ("pool, then convolve", squeezed), ("side by side", beside)):
    print(f"{name:20} {macs / 1e6:7.0f} million for 640 maps of 17 × 17")

# %% [markdown]
# ## 9 Versions 2 and 3
#
# The slide says *42 layers*. Count the longest way through our version of the paper's table: a convolution is one, a
# module as many as its longest branch, the last dense layer one. **Predict**, before you run it: 42?

# %%
predicted_v2_layers = None  # type your number


# %%
def longest_way(table):
    layers = 1  # the dense layer at the end
    for row in table.values():
        if isinstance(row, Conv):
            layers += 1
        elif isinstance(row, Mixed):
            layers += max(len(chain) for chain in row.branches.values())
    return layers


# %% tags=["nbval-check-output"]
reveal(predicted_v2_layers, longest_way(INCEPTION_V2_TABLE), unit="in version 2 as we built it")
print(f"{longest_way(INCEPTION_V3_TABLE)} in version 3 as its weights are published")
with torch.device("meta"):
    for make in (inception_v2, inception_v3):
        net = summarize(make(aux=False), torch.zeros(1, 3, 299, 299), depth=1)
        print(f"{make.__name__}: {net.parameters / 1e6:.1f} million parameters, {net.macs / 1e9:.2f} billion MACs")
print({name: table[head].conv.__name__ for name, table, head in
       (("v2", INCEPTION_V2_TABLE, "head"), ("v3", INCEPTION_V3_TABLE, "AuxLogits"))})  # fmt: skip

# %% [markdown]
# We get 53 and 48. The paper reports 42 without saying how it counts, and leaves the widths inside the modules to a
# file beside it. So 42 stays a *reported* number in this lesson. Do not repeat a count that you cannot repeat.
#
# What version 3 adds to version 2, by the paper's table: the optimiser RMSProp, label smoothing, the first 7×7 taken
# apart, and batch normalisation in the auxiliary head (the last line above). RMSProp in two steps:
#
# 1. *remember*: a running mean of the squared gradient, s ← 0.9 · s + 0.1 · g²;
# 2. *step*: w ← w − rate · g / √s.
#
# **Predict** the first step, in units of the rate, for a gradient of 4, and for one of 0.004. (s begins at 0.)

# %%
predicted_large = None  # type your number
predicted_tiny = None  # type your number

# %% tags=["nbval-check-output"]
for gradient in (4.0, 0.004):
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.RMSprop([weight], lr=1.0, alpha=0.9, eps=1e-12)
    weight.grad = torch.tensor([gradient])
    optimizer.step()
    print(f"gradient {gradient:g} → step {-weight.item():.3f}")
reveal(predicted_large, round(4 / np.sqrt(0.1 * 4**2), 3))
reveal(predicted_tiny, round(0.004 / np.sqrt(0.1 * 0.004**2), 3))

# %% [markdown]
# The same: only the *sign* and the history count, not the size. That suits a net whose layers have gradients of very
# different sizes.

# %% [markdown]
# ## 10 Smoothing the labels
#
# Cross entropy asks for a probability of 1. No finite score gives it, so the net grows surer and surer, also of labels
# that are wrong. **Label smoothing** takes a share ε from the true class and gives it to *all K classes* alike, the
# true one included. **Predict** the two targets for K = 4 and ε = 0.1.

# %%
predicted_targets = None  # type [true class, each other class]

# %% tags=["nbval-check-output"]
K, epsilon = 4, 0.1
target = (1 - epsilon) * F.one_hot(torch.tensor(2), K) + epsilon / K
reveal(predicted_targets, [round(target[2].item(), 4), round(target[0].item(), 4)])
print(f"all targets: {[round(share, 4) for share in target.tolist()]}, sum {target.sum():.1f}")
scores = torch.tensor([[0.5, -1.0, 2.0, 0.0]])
by_torch = F.cross_entropy(scores, torch.tensor([2]), label_smoothing=epsilon)
print(f"loss by these targets {-(target * scores.log_softmax(1)).sum():.4f}, by torch {by_torch:.4f}")

# %%
gap = np.linspace(0, 12, 200)  # how far the true score lies above the other three, which are equal
log_true, log_other = -np.log1p(3 * np.exp(-gap)), -gap - np.log1p(3 * np.exp(-gap))
figure, ax = plt.subplots(figsize=(6.4, 3))
ax.plot(gap, -log_true, label="ε = 0")
ax.plot(gap, -(0.925 * log_true + 3 * 0.025 * log_other), label="ε = 0.1")
lowest = np.log(0.925 / 0.025)
ax.axvline(lowest, color="#888888", linestyle=":", zorder=0, label=f"lowest at {lowest:.1f}")
ax.set(xlabel="true score − other scores", ylabel="loss", ylim=(0, 1.5))
ax.legend()
figures.show(
    figure,
    alt=f"Loss against the lead of the true score. Without smoothing it falls for ever towards 0. With smoothing it is "
    f"lowest at a lead of {lowest:.1f} and rises again beyond.",
)

# %% [markdown]
# With ε = 0 the loss rewards every further step. With ε = 0.1 it is lowest where the true class has a probability of
# 0.925, and being surer costs. That is a promise: of *calibration*, which means to be right in nine of ten cases in
# which it says 90%, and of patience with wrong labels. Is it kept?

# %% [markdown]
# ## 11 Measure it
#
# First the baselines: always the commonest digit, and logistic regression on the 64 pixels, taught the same spoilt
# labels. We compare on the validation part, and touch the test part once, at the end.

# %%
commonest = int(teacher.labels.bincount().argmax())
logistic = LogisticRegression(max_iter=2000, C=0.1).fit(teacher.images.flatten(1).numpy(), teacher.labels.numpy())
print(f"always {commonest}: {(val.labels == commonest).float().mean():.1%}")
print(f"logistic regression: {logistic.score(val.images.flatten(1).numpy(), val.labels.numpy()):.1%}")

# %% [markdown]
# Now a GoogLeNet for 8 × 8 pixels: a stem, two modules, the mean of each map, a dense layer; and a head after the first
# module, if we want one. It is built of the paper's own units, without batch normalisation.


# %%
class SmallGoogLeNet(nn.Module):
    def __init__(self, heads):
        super().__init__()
        module = partial(InceptionModule, conv=ConvReLU)
        self.early = nn.Sequential(ConvReLU(1, 16, 3, padding=1), module(16, (8, 8, 12, 4, 8, 4)))
        self.late = nn.Sequential(nn.MaxPool2d(2), module(32, (12, 12, 20, 4, 8, 8)), nn.AdaptiveAvgPool2d(1))
        self.scores = nn.Sequential(nn.Flatten(), nn.Linear(48, 10))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, 10)) if heads else None

    def forward(self, x):
        halfway = self.early(x)  # (B, 32, 8, 8)
        scores = self.scores(self.late(halfway))  # (B, 10)
        return {"scores": scores, "aux1": self.head(halfway)} if self.training and self.head else scores


# %% [markdown]
# One run, watched: the net with a head, at a rate of 0.01, with a checkpoint after each epoch. **Predict** its
# validation accuracy in per cent. A fifth of its labels is wrong: is 80% the ceiling?

# %%
predicted_accuracy = None  # type your number, in per cent
epochs = EPOCHS or (12 if FAST else 40)
val_loader, test_loader = (data.make_loader(part, batch_size=512) for part in (val, test))


# %%
def draw_curve(history):
    if len(history.train_loss) % 4:  # a new picture every fourth epoch
        return
    figure, ax = plt.subplots(figsize=(6.5, 2.8))
    figures.plot_accuracy_curves(history, ax)
    clear_output(wait=True)
    told, true = history.train_accuracy[-1], history.val_accuracy[-1]
    figures.show(
        figure,
        alt=f"Accuracy over {len(history.train_loss)} epochs: {told:.0%} of the training labels, a fifth of them wrong, "
        f"and {true:.0%} of the true validation labels in the last epoch.",
    )


# %%
torch.manual_seed(SEED)
watched = SmallGoogLeNet(heads=True)
outputs = watched(teacher.images[:2])
print({name: tuple(scores.shape) for name, scores in outputs.items()})

# %%
history = fit(
    watched,
    data.make_loader(teacher, batch_size=64, shuffle=True),
    val_loader,
    epochs=2 * epochs,
    learning_rate=0.01,
    loss_function=auxiliary_cross_entropy,
    seed=SEED,
    checkpoint_dir=Path(CHECKPOINT_DIR or tempfile.mkdtemp()),
    on_epoch_end=draw_curve,
)

# %%
reveal(predicted_accuracy, round(100 * history.val_accuracy[-1], 1), unit="per cent")

# %% [markdown]
# Validation lies *above* training: the net is scored on wrong labels there and on true ones here. It learns the digits
# better than its teacher knows them, since wrong labels contradict each other and true ones agree.
#
# Now the question. Two changes, heads and smoothing, each on or off: four nets a seed. All four of a seed see the same
# digits, mistakes and order, so that they can be compared *in pairs*; and each run answers two questions at once.
# **Predict** how many percentage points each change brings, with its sign.

# %%
predicted_heads = None  # type your number, in percentage points
predicted_smoothing = None  # type your number, in percentage points


# %%
def run(seed, heads, smoothing):
    loader = data.make_loader(training_set(seed)[0], batch_size=64, shuffle=True)
    loss = partial(auxiliary_cross_entropy, label_smoothing=smoothing)
    torch.manual_seed(seed)
    net = SmallGoogLeNet(heads)
    how = {"learning_rate": 0.01, "loss_function": loss, "seed": seed, "progress": False, "device": "cpu"}
    fit(net, loader, epochs=epochs, **how)
    answers = predict(net, val_loader, device="cpu")
    sureness = torch.from_numpy(answers.scores).softmax(1).max(dim=1).values.mean().item()
    return 100 * metrics.accuracy_score(answers.y_true, answers.y_pred), 100 * sureness


# %%
seeds = range(SEED, SEED + (5 if FAST else 20))
accuracy, sureness = np.empty((2, len(seeds), 2, 2))  # seed × heads × smoothing
for place, seed in enumerate(seeds):
    for heads in (0, 1):
        for smooth in (0, 1):
            accuracy[place, heads, smooth], sureness[place, heads, smooth] = run(seed, bool(heads), 0.1 * smooth)
    print(f"seed {seed}: " + "  ".join(f"{share:.1f}%" for share in accuracy[place].ravel()))


# %% [markdown]
# Read a row: neither, smoothing, heads, both. And read down a column: how far do seeds alone move an accuracy? Any
# paper that reports *one* run a method shows you one number of such a column.
#
# The effect of heads in a seed is the mean of the two runs with them minus the mean of the two without. The interval is
# Student's for the mean of these differences: it knows that there are few seeds, and it is honest only for *new seeds
# of this very experiment*, not for other data.


# %%
def mean_interval(values):
    half = student_t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return metrics.Interval(low=float(np.mean(values) - half), high=float(np.mean(values) + half))


effects = {
    "auxiliary head": (accuracy[:, 1] - accuracy[:, 0]).mean(axis=1),
    "label smoothing": (accuracy[:, :, 1] - accuracy[:, :, 0]).mean(axis=1),
}
intervals = {name: mean_interval(values) for name, values in effects.items()}
reveal(predicted_heads, round(effects["auxiliary head"].mean(), 1), unit="points by the head")
reveal(predicted_smoothing, round(effects["label smoothing"].mean(), 1), unit="points by smoothing")

# %%
words = []
for name, values in effects.items():
    low, high = intervals[name].low, intervals[name].high
    verdict = "helps here" if low > 0 else "harms here" if high < 0 else "we cannot tell: 0 lies in the interval"
    words.append(f"{name} {values.mean():+.1f} points [{low:+.1f}, {high:+.1f}], {len(values)} seeds: {verdict}")
print("\n".join(words))

# %%
figure, ax = plt.subplots(figsize=(6.8, 2.8))
plot_effects(effects, intervals, ax, unit="change of the validation accuracy (percentage points)")
figures.show(figure, alt="Effect of each change, a point a seed, with the mean and its interval. " + "; ".join(words))

# %% [markdown]
# Five seeds are a taste. Once, we ran more (November 2026, on two shared CPU cores, the code of this page):
#
# | | seeds | auxiliary head | label smoothing | less sure by |
# |---|---|---|---|---|
# | 12 epochs | 20 | +1.1 points [−0.9, +3.1] | +2.3 points [+0.9, +3.8] | 6.1 points [5.4, 6.8] |
# | 40 epochs (`FAST = False`) | 20 | +0.5 points [−0.7, +1.7] | +3.1 points [+2.1, +4.1] | 10.4 points [9.4, 11.4], 6 seeds |
#
# At 12 epochs the first five of the twenty seeds alone had said +5.0 [+0.3, +9.6] for smoothing: twice as much as all.
# A few lucky seeds make a large effect, and large effects get reported. Of the head we cannot say more than that it
# does neither great good nor great harm here; of smoothing, that it helps *this* net with *these* wrong labels.
#
# And one thing that a report must not hide. Our first tries had a learning rate of 0.005; we took 0.01 because the net
# trained better. At 0.005 five seeds had given −1.0 [−4.3, +2.3] for the head and +0.7 [−3.5, +4.8] for smoothing.
#
# What did the authors find, with a thousand classes, over a million images and days of training? Heads: *relatively
# minor*, around half a point, in the first paper; in the second they saw no help early in training and took them for a
# regulariser. Smoothing: about 0.2 points. How many seeds would we need to see half a point? The interval reaches about
# twice the spread, divided by √seeds, to each side. Set that equal to 0.5 and solve for the seeds.

# %%
for name, values in effects.items():
    needed = int(np.ceil((2 * np.std(values, ddof=1) / 0.5) ** 2))
    print(f"{name}: spread between seeds {np.std(values, ddof=1):.1f} points; for ±0.5 points some {needed} seeds")

# %% [markdown]
# So an experiment of five seeds *cannot* confirm or refute an effect of half a point, whatever it prints. "No effect"
# and "not enough seeds" look alike; only the width of the interval tells them apart.
#
# One effect of smoothing is plain, though. **Predict**: is the net surer or less sure of its answers, and by how many
# points of probability? And is that good?

# %%
predicted_sureness = None  # type your number, with its sign

# %%
less_sure = (sureness[:, :, 1] - sureness[:, :, 0]).mean(axis=1)
reveal(predicted_sureness, round(less_sure.mean(), 1), unit="points")
for smooth, name in enumerate(("without smoothing", "with smoothing")):
    right, said = accuracy[:, :, smooth].mean(), sureness[:, :, smooth].mean()
    print(f"{name:17} says {said:.0f}%, is right in {right:.0f}%: {right - said:+.0f} points too modest")
assert (less_sure < 0).all() or EPOCHS, "smoothing should make the net less sure in every seed"

# %% [markdown]
# In every seed, smoothing makes the net less sure: that is what its loss asks for. The slide praises it, since it
# *prevents a net from becoming too confident*. But here wrong labels had made our net too modest already: whoever
# learns from labels of which 80% are true learns to say no more than 80%, and the short training adds to it, while the
# answers are right more often. Smoothing takes it further from the truth, also after 40 epochs. The accuracy gained and
# the honesty lost come from the same change. A remedy against confidence helps where there is too much of it. Measure
# first: lesson 09 shows how.

# %% [markdown]
# ## 12 Judge, once
#
# The test part, for the watched net and its baselines. The intervals are Wilson's, for 359 images.

# %%
truth = test.labels.numpy()
judged = predict(watched, test_loader)
said = {
    "always the commonest": np.full(len(test), commonest),
    "logistic regression": logistic.predict(test.images.flatten(1).numpy()),
    "small GoogLeNet": judged.y_pred,
}

# %%
for name, y_pred in said.items():
    right = int((y_pred == truth).sum())
    interval = metrics.wilson_interval(right, len(test))
    low, high = 100 * interval.low, 100 * interval.high
    print(f"{name:21} {right:3} of {len(test)} {100 * right / len(test):5.1f}% [{low:.0f}, {high:.0f}]")
given = (EPOCHS, LABEL_NOISE) == (None, 0.2)
assert (judged.y_pred == truth).mean() > 0.7 or not given, "70% should be reached with these parameters"

# %% tags=["nbval-check-output"]
small = summarize(SmallGoogLeNet(heads=False), torch.zeros(1, 1, 8, 8))
print(f"small GoogLeNet {small.parameters:,} parameters, {small.macs:,} multiplications a digit")
print(f"logistic regression {linear_parameters(64, 10):,} parameters, 640 multiplications a digit")

# %% [markdown]
# Look at the last two lines before you praise the net. On 320 tiny digits the cheapest reader is hard to beat, and it
# takes 640 multiplications for 206,560. *Cheap* means: enough for the task, and no more.

# %% [markdown]
# ## 13 Look at the mistakes
#
# The twelve test digits that the net gets most confidently wrong, truth → answer.

# %%
shares = torch.from_numpy(judged.scores).softmax(dim=1).numpy()
lost = shares.max(axis=1) - shares[np.arange(len(test)), truth]
worst = np.argsort(-lost)[:12]
titles = [f"{truth[i]} → {judged.y_pred[i]} ({shares[i].max():.0%})" for i in worst]
figure, ax = plt.subplots(figsize=(8.4, 3.4))
figures.plot_image_grid(test.images[worst], ax, titles=titles, columns=6)
figures.show(
    figure,
    alt=f"Twelve test digits that the net misreads most confidently, each with truth, answer and how sure it was: {', '.join(titles)}.",
)

# %% [markdown]
# Which would you have read? Compare with the mistakes of lesson 04: at 8 × 8 pixels a digit leaves little to look at,
# and a net that was told wrong labels had fewer true ones to learn a rare way of writing from.

# %% [markdown]
# ## 14 Explorer
#
# Set the channels, the bottleneck, the kernel and the grid. Find three things: the widest bottleneck that still saves;
# the kernel for which it saves least; and what the grid changes (the ratio, or only the sum?).

# %%
bottleneck_explorer()

# %% [markdown]
# A bottleneck of r channels pays as long as r · (C + K · k²) < C · K · k², for C channels in, K out and a k × k kernel:
# fewer than 343 channels for the branch of module 4a. GoogLeNet takes 16, twenty times fewer than it must. It saves
# least in front of another 1 × 1, 2.7 times with 16 channels: there is no large kernel to make cheap. The grid
# multiplies both sides alike.

# %% [markdown]
# ## What we learned
#
# 1. **112.9 against 5.3**: 14 · 14 · 48 · 5 · 5 · 480 directly, 1.5 + 3.8 with a 1×1 convolution to 16 in front.
# 2. **A 1×1 convolution is a dense layer at each pixel**: equal up to rounding, no look sideways, all channels mixed.
# 3. **The module**: four looks side by side, 64 + 128 + 32 + 32 = 256; GoogLeNet has 22 layers and 7.0 million
#    parameters, and eight of its nine modules cost what the paper prints.
# 4. **Taken apart**: 25 → 18, 49 → 27, 49 → 14 weights. What a column and a row lose is what is slanted.
# 5. **Measured over seeds**: smoothing makes a net less sure, in every seed, and helped ours by 2.3 points [0.9, 3.8] in
#    twenty seeds with wrong labels; of the head we cannot tell. Half a point is not to be seen with five seeds.
#
# **Pitfalls.** The bottleneck's own cost forgotten · MACs taken for FLOPs (twice as many) or for seconds · counted at
# the input's size where there is a stride · branches added · heads at full weight · `[0]` of a tensor in evaluation ·
# ε/(K − 1) for ε/K · one run a method · *no effect* said where the interval is wide.
#
# Last, what is *reported* elsewhere and what was *measured* here, on other data.

# %% [markdown]
# | | reported | by whom, on what |
# |---|---|---|
# | one branch of 4a | 112.9 against 5.3 million operations | the lecture's slides |
# | GoogLeNet | 22 layers, winner of 2014, heads in training only | the lecture's slides; Szegedy 2015 |
# | heads | a minor effect, around 0.5 points; one does as well as two | Szegedy 2015, ImageNet |
# | label smoothing | about 0.2 points | Szegedy 2016, ImageNet |
# | versions 2 and 3 | 42 layers; RMSProp; batch norm in the head; smoothing against label noise | the lecture's slides; Szegedy 2016 |

# %%
print(f"one branch of 4a here: {direct / 1e6:.1f} against {(first + then) / 1e6:.1f} million multiplications, computed")
print("\n".join(f"here, 320 digits of 8 × 8 with {LABEL_NOISE:.0%} wrong labels: {line}" for line in words))
print(
    f"layers here: {3 + 2 * len(GOOGLENET_TABLE) + 1}, {longest_way(INCEPTION_V2_TABLE)}, {longest_way(INCEPTION_V3_TABLE)}"
)

# %% [markdown]
# **References.** M. Lin, Q. Chen, S. Yan, *Network in network*, ICLR 2014 · C. Szegedy et al., *Going deeper with
# convolutions*, CVPR 2015 · C. Szegedy et al., *Rethinking the Inception architecture for computer vision*, CVPR 2016 ·
# D. Rueckert, *AI in Medicine I* (lecture slides: the operations of the branch, 42 layers, what v3 adds) · A. Ruifrok,
# D. Johnston, *Quantification of histochemical staining by color deconvolution*, Anal Quant Cytol Histol 23, 2001 ·
# E. Alpaydin, C. Kaynak, *Optical Recognition of Handwritten Digits*, doi 10.24432/C50P49.
#
# **Now the exercises**, `exercises/06_inception.ipynb`: you count a branch, write the 1×1 convolution, join branches,
# add up the losses of heads, and smooth labels yourself.
