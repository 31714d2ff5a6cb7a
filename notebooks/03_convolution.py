# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: Why convolve?
#     level: beginner
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["01_images", "02_neurons"]
#     facts: [R04, R05, R06, R07, R08, R09, R10, R11]
# ---

# %% [markdown]
# # 03 · Why convolve?
#
# **Level** beginner · **your time** about 90 minutes, with a good place to pause after part 7 · **the machine's time**
# under 1 minute on two CPU cores or on a GPU · **download** nothing · **needs** images as arrays of Hounsfield units
# (lesson 01), a neuron and its training (lesson 02)
#
# *For teaching, not for clinical use.*

# %% [markdown]
# ## The question
#
# A radiologist looks through a chest CT for a small bright spot: a nodule, a calcification, a vessel seen end-on. It
# can lie anywhere, and nobody lies on the table twice in the same place. A person who has learned what a spot looks
# like on the left does not learn it again for the right.
#
# Does a neuron? In lesson 02 it had one weight for each input. You will see such a neuron fail within five minutes,
# and the repair is this lesson: look at a small window, and use the same weights everywhere.
#
# After this lesson you can
#
# 1. count the weights of a dense, a locally connected and a convolutional layer, and say what sharing saves;
# 2. compute a convolution by hand, and say whether a formula or a library turns the kernel;
# 3. predict the size, the weights and the receptive field of a stack of layers before you run it;
# 4. compute pooling and upsampling by hand, and find where a printed result is wrong;
# 5. show by measurement where weight sharing helps, where it does not, and what its limits are.

# %% [markdown]
# ## Set-up
#
# The libraries, and the rooms of the course that this lesson visits. `arithmetic` counts sizes and weights, `data`
# holds images, `figures` draws.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from course_lib import arithmetic, data, figures, metrics, training, widgets
from course_lib.arithmetic import Layer
from course_lib.classroom import reveal, where_am_i

figures.use_course_style()

# %% [markdown]
# Three numbers that you may change; everything below follows them.

# %% tags=["parameters"]
FAST = True  # False trains four times as long
SEED = 0  # of the split, the first weights and the order of the images
EPOCHS = None  # a number here overrules FAST

# %% [markdown]
# Where does this notebook run? On a slower machine only part 12, the contest, takes noticeably longer.

# %%
where_am_i(minutes_cpu=1, minutes_gpu=1)

# %% [markdown]
# ## Warm-up
#
# Two questions on what came before. Answer each on paper, then open it.
#
# **From lesson 02.** A neuron with ReLU has the weights (0.5, −1) and the bias 0.5. What does it say to the input
# (1, 2), and does a training step on this image change its weights?
#
# <details>
# <summary>Answer</summary>
#
# 0.5·1 − 1·2 + 0.5 = −1, and ReLU makes it 0. There the slope of ReLU is 0, so the gradient is 0 as well: this image
# changes nothing.
# </details>
#
# **From lesson 01.** A CT file stores 1000 for a pixel, with rescale slope 1 and intercept −1024. What is that in
# Hounsfield units, and which tissue could it be?
#
# <details>
# <summary>Answer</summary>
#
# 1·1000 − 1024 = −24 HU: between fat (about −100) and water (0), for example a pixel with some of both.
# </details>

# %% [markdown]
# ## The data: one real CT slice
#
# The slice is `CT_small.dcm`, which is installed with pydicom (MIT licence). Its makers took it from the sample
# images `CT1_UNC` of the DICOM working group 4 and kept a square of 128 × 128 pixels. It belongs to one anonymous
# patient. So nothing that we measure on it says anything about patients in general, and there is nothing to split:
# whatever is fitted to it has seen this patient. For the contest in part 12 we take digits, with a proper split.

# %% tags=["nbval-check-output"]
ct = data.load_ct_slice()
height, width = ct.hu.shape
print(f"{ct.modality}: {height} × {width} pixels, {ct.spacing_mm[0]:.3f} mm apart")
print(f"slice {ct.thickness_mm:g} mm thick")
print(f"values from {ct.hu.min():.0f} to {ct.hu.max():.0f} HU")

# %% [markdown]
# Look before you compute. The same numbers through two windows of lesson 01: soft tissue on the left, lung on the
# right. The patient lies on the back, front at the top.

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2))
figures.plot_ct(ct, axes[0])
figures.plot_ct(ct, axes[1], centre_hu=-600, width_hu=1200)
arrow = {"color": "white", "arrowstyle": "->"}
axes[0].annotate("the spot", (39.4, 62.5), (52, 74), color="white", arrowprops=arrow)
figures.show(
    figure,
    alt="The CT slice twice. Left, soft tissue: a white vertebra around the dark spinal canal, "
    "the bright round aorta, grey back muscles, and amid these a small white spot with an "
    "arrow. Right: lungs with branching vessels.",
)

# %% [markdown]
# The arrow points at the tip of a spinous process: bone, 3 to 4 mm wide, in the middle of muscle. It is harmless. But
# it has the size and the look of what one searches for, so it will be our target.

# %% [markdown]
# ## 1 One neuron for one spot
#
# **Try first, two minutes, pen and paper.** Design a neuron that answers strongly when this spot is there: which
# pixels get a weight above zero, which below, which none? Two answers that students give:
#
# - *Ann* gives every pixel of the image a weight: positive on the spot, negative in a ring around it, zero elsewhere.
# - *Ben* connects the neuron to a window of 11 × 11 pixels around the spot, with the same weights, and leaves all
#   other connections out.
#
# Both compute the same number: how many HU the spot is brighter than its surroundings. Here is Ben's.

# %% tags=["nbval-check-output"]
hu = torch.from_numpy(ct.hu)  # (128, 128)
row, column = 94, 59  # the centre of the spot
# 1 kernel: spot minus surroundings
kernel = torch.full((11, 11), -1 / 96)  # 121 − 25 pixels around the spot
kernel[3:8, 3:8] = 1 / 25  # 5 × 5 pixels of the spot
# 2 window: what the neuron sees
window = hu[row - 5 : row + 6, column - 5 : column + 6]
# 3 multiply and add
print(f"the spot is {(window * kernel).sum():.0f} HU brighter than its surroundings")

# %% [markdown]
# A clear answer. Now the patient comes back a year later and lies 6 pixels (4 mm) further to the right. **Predict**
# what the neuron says then, in HU. Type a number; a wrong one teaches as much as a right one.

# %%
predicted_response = None  # type your number, in HU

# %% tags=["nbval-check-output"]
moved = torch.roll(hu, 6, dims=1)  # every row goes 6 pixels to the right
window = moved[row - 5 : row + 6, column - 5 : column + 6]
reveal(predicted_response, round(float((window * kernel).sum())), unit="HU")

# %% [markdown]
# The spot is as bright as before, and the neuron is blind to it: below zero, since the spot now lies in the ring with
# negative weights. Ann's neuron says exactly the same, because all her other weights are zero. Ben's saves weights
# and cures nothing.
#
# So there are two faults here, and it pays to keep them apart. *Too many weights* is the first. **Predict** how many
# weights one pattern costs on a full CT slice of 512 × 512 pixels when a neuron is connected to every pixel, without
# bias.

# %%
predicted_weights = None  # type your number

# %% tags=["nbval-check-output"]
dense_weights = arithmetic.linear_parameters(512 * 512, 1, bias=False)
local_weights = arithmetic.conv_parameters(1, 1, kernel_size=10, bias=False)
reveal(predicted_weights, dense_weights, unit="weights for one pattern")
print(f"connected to 10 × 10 pixels: {local_weights}")

# %% [markdown]
# *Pixels are correlated with their neighbours*, says the first repair: a small pattern needs a small window. That
# brings 262,144 weights down to 100, and the lecture calls such a layer **locally connected**.
#
# The second fault is *blindness elsewhere*. A locally connected layer puts another neuron, with weights of its own, at
# every place. **Predict**: is that still cheaper than the dense neuron?

# %%
cheaper = None  # type "yes" or "no"

# %% tags=["nbval-check-output"]
places = arithmetic.conv_output_size(512, kernel_size=10) ** 2
own_weights = places * local_weights
reveal(cheaper, "yes" if own_weights < dense_weights else "no")
print(f"{places:,} places × {local_weights} weights = {own_weights:,} weights for one pattern")

# %% [markdown]
# Twenty-five million weights to know one pattern, and each place must learn it from the few images in which it happened
# to lie just there. *The same feature may appear anywhere*, says the second repair. So let all places **share** one set
# of weights: 100 for the pattern, wherever it lies, and every place of every image helps to train them.
#
# Sharing has a simple picture: take the window and slide it. torch does that with `conv2d`. It wants images as
# (batch, channels, height, width), so `[None, None]` adds two axes of length one.

# %%
response = F.conv2d(hu[None, None], kernel[None, None])[0, 0]  # (118, 118)
response_moved = F.conv2d(moved[None, None], kernel[None, None])[0, 0]
print(f"{tuple(hu.shape)} pixels become a map of {tuple(response.shape)} answers")

# %%
figure, axes = plt.subplots(1, 2, figsize=(7.2, 3))
for ax, each in zip(axes, (response, response_moved), strict=True):
    picture = ax.imshow(each.numpy(), cmap="RdBu_r", vmin=-400, vmax=400)
    ax.set(xlabel="column of the map", ylabel="row of the map")
axes[0].set_title("before")
axes[1].set_title("patient 4 mm to the right")
figure.colorbar(picture, ax=axes, label="spot minus surroundings (HU)")
figures.show(
    figure,
    alt="Two maps, the right one moved by 6 columns. Red, brighter than the surroundings: along "
    "the bone, and a small dot at the spot in the muscle.",
)

# %% [markdown]
# Such an image of answers is called a **feature map**. Find the small red dot at row 89: that is our spot (94 minus the
# 5 pixels that the window needs above it). In the right map it has moved, together with everything else. Where is it
# brightest among the muscles, and how far did that go?

# %% tags=["nbval-check-output"]
for name, feature_map in (("before", response), ("moved", response_moved)):
    muscles = feature_map[80:100, 40:80]  # below the bone
    at_row, at_column = np.unravel_index(int(muscles.argmax()), muscles.shape)
    print(f"{name:6}: {muscles.max():.0f} HU at row {80 + at_row}, column {40 + at_column} of the map")

# %% [markdown]
# The same answer, 6 columns further: nothing was lost and nothing had to be learned again.
#
# Be fair to what it cannot do. The corners of the bone answer far louder than the spot (up to 432 HU). One pattern is
# not yet a diagnosis; a layer has many, and the next layer combines them. That is the road to lesson 04.

# %% [markdown]
# ## 2 Convolution by hand
#
# What slides is called a **kernel**. At each place: cover a window, multiply each pixel with the weight that lies on
# it, add everything up. Here is the example of the lecture, an input of 5 × 5 and a kernel of 3 × 3.

# %%
image = np.array([[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]])
weights = np.array([[0, 1, 2], [2, 2, 0], [0, 1, 2]])
figure, axes = plt.subplots(1, 2, figsize=(6.5, 3), width_ratios=[5, 3])
first = (slice(0, 3), slice(0, 3))
figures.plot_matrix(image, axes[0], title="input, first window framed", highlight=first)
figures.plot_matrix(weights, axes[1], title="kernel")
figures.show(
    figure,
    alt="Left, the input of 5 by 5 numbers with the 3 by 3 window at its top left framed. Right, "
    "the kernel: rows 0 1 2, 2 2 0, 0 1 2.",
)

# %% [markdown]
# **Predict** the first number of the output: lay the kernel on the framed window, do not turn it, multiply and add.

# %%
predicted_first = None  # type your number

# %% tags=["nbval-check-output"]
window = image[0:3, 0:3]
print(window * weights)
reveal(predicted_first, int((window * weights).sum()))

# %% [markdown]
# Now every place. The three steps carry labels that come back in the exercises: *size*, *window*, *multiply and add*.


# %% tags=["nbval-check-output"]
def slide(image, kernel):
    # 1 size: at how many places the kernel fits
    output = np.zeros(np.subtract(image.shape, kernel.shape) + 1, dtype=image.dtype)
    for row, column in np.ndindex(output.shape):
        # 2 window: what the kernel covers there
        window = image[row : row + kernel.shape[0], column : column + kernel.shape[1]]
        # 3 multiply and add
        output[row, column] = (window * kernel).sum()
    return output


print(slide(image, weights))

# %% [markdown]
# That is the table on the lecture's slide: 12 12 17, 10 17 19, 9 6 14. *What changed?* The input had 25 numbers, the
# output has 9: a 3 × 3 kernel fits at three places along an axis of five.
#
# Does torch compute the same? If so, we may use it from here on, which is far faster than our loop.

# %% tags=["nbval-check-output"]
by_torch = F.conv2d(torch.tensor(image)[None, None], torch.tensor(weights)[None, None])[0, 0]
print(by_torch.numpy())
print("torch agrees with our loop:", bool((by_torch.numpy() == slide(image, weights)).all()))

# %% [markdown]
# Now move it yourself. In the explorer, change `row` and `column` first, and say the sum before you read it; leave
# stride, padding and dilation for part 5.

# %%
widgets.convolution_explorer()

# %% [markdown]
# ## 3 Two definitions, one name
#
# Some slides before its example, the lecture defines convolution with a formula:
#
# $$(f \ast g)[x, y] = \sum_{i=0}^{n-1} \sum_{j=0}^{n-1} f\left(x - i + \lfloor n/2 \rfloor,\; y - j + \lfloor n/2
# \rfloor\right)\, g(i, j)$$
#
# Read the signs: while $i$ grows, the place in the image *shrinks*. The next cell follows the formula letter by
# letter, wherever the window lies inside the image. **Predict** its first number, at the place where our loop said 12.

# %%
predicted_by_formula = None  # type your number


# %% tags=["nbval-check-output"]
def by_formula(f, g):
    n, half = len(g), len(g) // 2
    inside = range(half, len(f) - half)  # centres whose window lies in the image
    output = np.zeros((len(inside), len(inside)), dtype=f.dtype)
    for x, y in np.ndindex(output.shape):
        for i, j in np.ndindex(n, n):
            output[x, y] += f[inside[x] - i + half, inside[y] - j + half] * g[i, j]
    return output


textbook = by_formula(image, weights)
reveal(predicted_by_formula, int(textbook[0, 0]))
print(textbook)

# %% [markdown]
# Another table! **Find the reason before you read on**: which line of the comparison below is true, and what does it
# tell you about the formula?

# %% tags=["nbval-check-output"]
from scipy import signal  # not before it is needed: two seconds

turned = weights[::-1, ::-1]  # upside down and left to right: by 180°
tables = {
    "our loop": slide(image, weights),
    "our loop with the kernel turned": slide(image, turned),
    "scipy's convolve2d": signal.convolve2d(image, weights, "valid"),
    "scipy's correlate2d": signal.correlate2d(image, weights, "valid"),
}
for name, table in tables.items():
    print(f"the formula gives the table of {name}: {np.array_equal(textbook, table)}")

# %% [markdown]
# The formula turns the kernel by 180° before it slides; mathematicians call *that* convolution. Sliding the kernel as
# it is, they call **cross-correlation**. The slide's formula is the first and the slide's worked example the second:
# they disagree. It is an erratum of the slides, and a widespread one, because every deep-learning library says `conv`
# and computes cross-correlation. (A smaller slip on the same slide: it names the kernel $g$ and writes the output as
# $f \ast h$.)
#
# Does it matter? Where weights are *learned*, no: training finds the turned numbers just as easily. Where weights are
# *taken over*, from a paper, from scipy or from a microscope's manual, yes: a kernel that is not symmetric then does
# something else. **In this course, convolution means what torch computes: the kernel is not turned.**

# %% [markdown]
# ## 4 What kernels do to a CT
#
# Before nets learned their kernels, people designed them, and a CT is full of them: its header has a field named
# *Convolution Kernel* (0018,1210), in our file `STANDARD`, which tells how sharp the scanner made the image.
#
# Two classics. The first replaces each pixel by the mean of 5 × 5. The second has weights that add up to zero;
# **predict** what it answers inside a region where all pixels are 100 HU.

# %%
predicted_in_flat_region = None  # type your number

# %% tags=["nbval-check-output"]
kernels = {
    "mean of 5 × 5": torch.full((5, 5), 1 / 25),
    "left to right": torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8,
}
filtered = {name: F.conv2d(hu[None, None], k[None, None])[0, 0] for name, k in kernels.items()}
all_100_hu = float((100 * kernels["left to right"]).sum())
reveal(predicted_in_flat_region, all_100_hu, unit="HU")

# %% [markdown]
# Zero: such a kernel sees changes only. Look at what each of the two keeps of the slice.

# %%
figure, axes = plt.subplots(1, 2, figsize=(6, 3))
axes[0].imshow(filtered["mean of 5 × 5"].numpy(), vmin=-160, vmax=240)
axes[1].imshow(filtered["left to right"].numpy(), vmin=-150, vmax=150)
for ax, name in zip(axes, filtered, strict=True):
    ax.set(title=name, xticks=[], yticks=[])
figures.show(
    figure,
    alt="The slice after two kernels. Mean: blurred. Left to right: grey, with bright borders "
    "where bone begins and dark ones where it ends.",
)

# %% [markdown]
# The mean is bought for its smoothness. In the back muscle the values scatter, mostly from noise. **Predict**: if the
# scatter (standard deviation) is 26.5 HU before, what is it after a mean of 25 pixels? Lesson from statistics: the mean
# of 25 *independent* values scatters $\sqrt{25} = 5$ times less.

# %%
predicted_scatter = None  # type your number, in HU

# %% tags=["nbval-check-output"]
muscle = hu[84:92, 20:50]
smooth_muscle = filtered["mean of 5 × 5"][82:90, 18:48]  # 2 pixels are lost at each border
print(f"before {muscle.std():.1f} HU, if neighbours were independent {muscle.std() / 5:.1f} HU")
reveal(predicted_scatter, round(float(smooth_muscle.std()), 1), unit="HU")

# %% [markdown]
# Only 2.4 times less. The noise of neighbouring CT pixels is *not* independent (the scanner's own kernel saw to that),
# and muscle has real texture. A formula is a prediction; the measurement decides.

# %% [markdown]
# ## 5 How large is the output?
#
# Each axis counts for itself. Call the input size $i$, the kernel size $k$, the **stride** $s$ (the step from one place
# to the next), the **padding** $p$ (zeros added at both ends) and the **dilation** $d$ (the step between two weights of
# the kernel). Three steps, the same ones as in the exercises:
#
# 1. *span*: from its first to its last weight, the kernel covers $d\,(k-1)+1$ pixels;
# 2. *room*: it can be pushed from its first place by $i + 2p - \text{span}$ pixels;
# 3. *steps*: that makes $\lfloor \text{room} / s \rfloor$ steps, and the first place counts too:
#
# $$o = \left\lfloor \frac{i + 2p - d\,(k-1) - 1}{s} \right\rfloor + 1$$
#
# With $d = 1$ it is the lecture's formula. **Predict** the lecture's three examples: 5 pixels with kernel 3; 5 pixels
# with kernel 4 and padding 2; 5 pixels with kernel 3, padding 1 and stride 2.

# %%
predicted_sizes = None  # type three numbers, such as (1, 2, 3)

# %% tags=["nbval-check-output"]
sizes = (
    arithmetic.conv_output_size(5, kernel_size=3),
    arithmetic.conv_output_size(5, kernel_size=4, padding=2),
    arithmetic.conv_output_size(5, kernel_size=3, padding=1, stride=2),
)
reveal(predicted_sizes, sizes, unit="pixels")

# %% [markdown]
# Two cases where people slip. When a last window would hang over the edge, it makes *no* step: the division is rounded
# down, never to the nearest. And dilation makes the kernel reach further. **Predict** both sizes: 30 pixels with kernel
# 3, padding 1, stride 2; and 32 pixels with kernel 3, dilation 2.

# %%
predicted_tricky = None  # type two numbers

# %% tags=["nbval-check-output"]
tricky = (
    arithmetic.conv_output_size(30, kernel_size=3, padding=1, stride=2),
    arithmetic.conv_output_size(32, kernel_size=3, dilation=2),
)
reveal(predicted_tricky, tricky, unit="pixels")

# %% [markdown]
# Without padding, every layer shrinks its map by $k - 1$ pixels; the padding $p = (k-1)/2$ of an odd kernel keeps the
# size (torch calls it `"same"`).
#
# Images are seldom square, and the axes may differ in everything. The library takes one number for each axis. Is torch
# of the same opinion?

# %% tags=["nbval-check-output"]
settings = {"kernel_size": (3, 5), "stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}
ours = arithmetic.conv_output_size((96, 64), **settings)
torchs = tuple(nn.Conv2d(1, 1, **settings)(torch.zeros(1, 1, 96, 64)).shape[2:])
print("96 × 64 becomes", ours, "- torch says", torchs)

# %% [markdown]
# Go back to the explorer of part 2 for a minute, now with stride, padding and dilation. Set the input to 6, the kernel
# to 3 and the stride to 2: which row of the input does no window ever reach?

# %% [markdown]
# ## 6 Channels
#
# An RGB image has three numbers a pixel, and so have the feature maps of a layer with three kernels: **channels**. A
# filter reads *all* channels of its input at once, so it has one k × k kernel for each of them and adds up what they
# say. One filter makes one feature map; $D$ filters make $D$ maps.
#
# The lecture's layer reads RGB (3 channels) with four filters of 5 × 5. **Predict** how many weights it has, without
# bias.

# %%
predicted_filter_weights = None  # type your number

# %% tags=["nbval-check-output"]
rgb_layer = nn.Conv2d(in_channels=3, out_channels=4, kernel_size=5, bias=False)
reveal(predicted_filter_weights, rgb_layer.weight.numel(), unit="weights")
print("shape of the weights:", tuple(rgb_layer.weight.shape), "= (filter, input channel, row, column)")
print("by the library:", arithmetic.conv_parameters(3, 4, kernel_size=5, bias=False))

# %% [markdown]
# $5 \cdot 5 \cdot 3 \cdot 4 = 300$. The usual slip is 100: one kernel a filter, as if it read a single channel. The
# first axis of the weights picks a filter; remember that order.
#
# Nothing in those 300 weights knows how large the image is. The same layer takes any, and only the maps change:

# %% tags=["nbval-check-output"]
for size in ((32, 32), (47, 61), (512, 384)):
    maps = rgb_layer(torch.zeros(1, 3, *size))
    dense = arithmetic.linear_parameters(3 * size[0] * size[1], 4, bias=False)
    print(f"{size} → maps {tuple(maps.shape[1:])}, still 300 weights; four dense neurons: {dense:,}")

# %% [markdown]
# ## 7 The receptive field
#
# How much of the input does one number deep in the net depend on? That is its **receptive field**. One 3 × 3 kernel
# sees 3 pixels along an axis. A second one reads 3 numbers of the first map, whose windows overlap. **Predict** how
# many pixels a third one sees.

# %%
predicted_field = None  # type your number of pixels along one axis

# %% [markdown]
# We can ask the net itself: take one number of the third map, compute its gradient, and count the pixels with a
# gradient that is not zero. A pixel without one cannot change that number.

# %% tags=["nbval-check-output"]
torch.manual_seed(SEED)
three_layers = nn.Sequential(*[nn.Conv2d(1, 1, kernel_size=3, bias=False) for _ in range(3)])
pixels = torch.zeros(1, 1, 21, 21, requires_grad=True)
three_layers(pixels)[0, 0, 7, 7].backward()
seen = pixels.grad[0, 0] != 0
reveal(predicted_field, int(seen.any(dim=0).sum()), unit="pixels")
print("by the library:", arithmetic.receptive_field([Layer(3), Layer(3), Layer(3)]).size)

# %% [markdown]
# So three small kernels see as far as one of 7 × 7. What does each cost? **Predict**, for 64 channels in and out at
# every layer and no bias, which is cheaper and by which factor, roughly.

# %%
predicted_factor = None  # type how many times more weights the dearer one has

# %% tags=["nbval-check-output"]
three_small = 3 * arithmetic.conv_parameters(64, 64, kernel_size=3, bias=False)
one_large = arithmetic.conv_parameters(64, 64, kernel_size=7, bias=False)
print(f"three of 3 × 3: {three_small:,} weights, one of 7 × 7: {one_large:,}")
reveal(predicted_factor, round(one_large / three_small, 2), unit="times")

# %% [markdown]
# 27 against 49 for each pair of channels, and the stack has two more nonlinearities. This is why later nets stack 3 × 3
# kernels (lesson 05).
#
# A stride makes the field grow faster: it stretches the steps of *all layers after it*, not its own. **Predict** the
# field of a kernel 3 with stride 2, followed by two kernels 3 with stride 1.

# %%
predicted_strided = None  # type your number

# %% tags=["nbval-check-output"]
strided = [Layer(3, stride=2), Layer(3), Layer(3)]
reveal(predicted_strided, arithmetic.receptive_field(strided).size, unit="pixels")

# %% [markdown]
# The drawing tells why. From below: neighbours in the first layer lie two pixels apart, so every step above counts
# double: 3, then 3 + 2·2 = 7, then 7 + 2·2 = 11.

# %%
figure, ax = plt.subplots(figsize=(7, 3))
figures.plot_receptive_field(strided, ax)
figures.show(
    figure,
    alt="Four rows of cells, the input below. One cell of layer 3 depends on three cells of layer "
    "2, these on five of layer 1, and these on 11 input pixels. Cells of the layers stand two "
    "pixels apart.",
)

# %% [markdown]
# What does that mean in millimetres, on our patient? Take blocks of two 3 × 3 kernels and a pooling of 2 (part 9), as
# many nets do. How many blocks until one number sees the whole vertebra, 60 mm with its processes?

# %% tags=["nbval-check-output"]
block = [Layer(3), Layer(3), Layer(2, stride=2)]
fields = [arithmetic.receptive_field(block * blocks).size for blocks in (1, 2, 3, 4)]
for blocks, size in enumerate(fields, start=1):
    print(f"after block {blocks}: {size:3d} pixels = {size * ct.spacing_mm[0]:5.1f} mm")

# %%
figure, ax = plt.subplots(figsize=(3.9, 3.2))
figures.plot_ct(ct, ax)
for size in fields:
    side = size * ct.spacing_mm[0]
    corner = (39 - side / 2, 33 - side / 2)
    ax.add_patch(plt.Rectangle(corner, side, side, fill=False, color="#E69F00", linewidth=1.5))
ax.set(title="seen after 1, 2, 3, 4 blocks", xlim=(0, 84.6), ylim=(84.6, 0))
figures.show(
    figure,
    alt="The CT slice with nested squares: 4 and 11 mm lie within the spinal canal, 24 mm within "
    "the vertebra, 50 mm holds most of it.",
)

# %% [markdown]
# Four blocks see most of it, five would see all. A net with one block decides from 4 mm of tissue, whatever its
# training: before you train, compare the field with the size of what is searched. Try `stride` and `dilation` in the
# explorer; which of them costs no weights and shrinks no map?

# %%
widgets.receptive_field_explorer()

# %% [markdown]
# *A good place to pause. When you come back, say aloud: what is shared, and what does sharing save?*

# %% [markdown]
# ## 8 Shift the input, and the map shifts along
#
# In part 1 the map moved with the patient. The word for it is **equivariance**: shift first and convolve, or convolve
# first and shift, the result is the same. It is exact for a stride of 1, away from the borders.
#
# Now the limit. With a stride of 2 the kernel visits every second place. **Predict**, for shifts of 0, 1, 2, 3 and 4
# pixels, at which of them the map with stride 2 is an exact copy, only moved.

# %%
predicted_shifts = None  # type the shifts, such as (1, 3)

# %% [markdown]
# The next cell compares the map of the shifted slice with every shifted copy of the first map, and keeps the best: 0%
# is an exact copy. (`[:, 9:]` leaves out the border, where `roll` brings in the other side of the image.)


# %% tags=["nbval-check-output"]
def spot_map(shift, stride=1):
    return F.conv2d(torch.roll(hu, shift, dims=1)[None, None], kernel[None, None], stride=stride)[0, 0]


def mismatch(shift, stride):
    before, after = spot_map(0, stride), spot_map(shift, stride)
    copies = [torch.roll(before, by, dims=1) for by in range(shift + 1)]
    best = min((after - copy)[:, 9:].abs().mean() for copy in copies)
    return round(100 * float(best / before.abs().mean()))


table = {stride: [mismatch(shift, stride) for shift in range(5)] for stride in (1, 2, 4)}
print("percent, for shifts of 0 to 4 pixels:", table)
reveal(predicted_shifts, tuple(shift for shift, percent in enumerate(table[2]) if percent == 0))

# %% [markdown]
# A layer with stride $s$ copies only shifts by multiples of $s$. A patient does not move by whole strides: with a
# stride of 4, a nodule that moved by 2 pixels is seen on a different grid, and the answer changes by two thirds. Deep
# nets multiply their strides, so keep this table in mind when one says that a CNN "does not care about position".

# %% [markdown]
# ## 9 Pooling
#
# A **pooling** layer slides a window over each map and keeps one number: the largest (max) or the mean. It makes maps
# smaller, and its answer less dependent on the exact place. **Predict** the four numbers of a max pooling with a
# window of 2 and a stride of 2, and how many weights it learns.

# %%
small_map = np.array([[1, 3, 2, 0], [4, 2, 1, 1], [0, 1, 5, 2], [2, 2, 3, 6]])
predicted_pool = None  # type [[first row], [second row]]
predicted_pool_weights = None  # type your number

# %% tags=["nbval-check-output"]
maps = torch.tensor(small_map, dtype=torch.float32)[None, None]
reveal(predicted_pool, F.max_pool2d(maps, kernel_size=2)[0, 0].int().tolist(), unit="by max")
print("by mean:", F.avg_pool2d(maps, kernel_size=2)[0, 0].tolist())
pool_weights = sum(p.numel() for pool in (nn.MaxPool2d(2), nn.AvgPool2d(2)) for p in pool.parameters())
reveal(predicted_pool_weights, pool_weights, unit="weights")

# %% [markdown]
# Its size follows the formula of part 5. How much steadier is the answer? Take the spot's feature map without its
# negative values (ReLU), move the patient by *one* pixel, and measure how much the map changes: without pooling, with
# max and mean pooling, and with plain skipping (a stride and nothing else). **Predict** the steadiest of the four.

# %%
predicted_steadiest = None  # type "none", "max", "mean" or "skip"

# %%
before, after = (F.relu(spot_map(shift))[None, None] for shift in (0, 1))
ways = {
    "none": lambda x: x,
    "max": lambda x: F.max_pool2d(x, 4),
    "mean": lambda x: F.avg_pool2d(x, 4),
    "skip": lambda x: x[..., ::4, ::4],
}

# %% tags=["nbval-check-output"]
change = {}
for name, way in ways.items():
    difference = (way(after) - way(before))[..., 1:].abs().mean()
    change[name] = round(100 * float(difference / way(before).mean()))
print("percent of the map that changes:", change)
reveal(predicted_steadiest, min(change, key=change.get))

# %% [markdown]
# Max pooling halves the change; skipping gains nothing. Steadier is not the same as unmoved: a sixth of the map still
# changes. "Invariance to small translations" is a matter of degree.
#
# One more thing, and it is about CT. Pooling may add a border. What value should it have? Lung is near −850 HU, so
# **predict** the pooled corner of a piece of lung if the border were filled with zeros.

# %%
predicted_corner = None  # type your number, in HU

# %% tags=["nbval-check-output"]
lung = hu[40:44, 4:8][None, None]
with_zeros = F.max_pool2d(F.pad(lung, (1, 1, 1, 1)), kernel_size=3, stride=1)
by_torch = F.max_pool2d(lung, kernel_size=3, stride=1, padding=1)
reveal(predicted_corner, float(with_zeros[0, 0, 0, 0]), unit="HU with zeros at the border")
print(f"torch's own padding: {by_torch[0, 0, 0, 0]:.0f} HU, brightest true pixel: {lung.max():.0f} HU")

# %% [markdown]
# Zero is water: the border would put fluid into a lung. A maximum must not exceed every true pixel, so torch pads max
# pooling with −∞, a value that never wins.

# %% [markdown]
# ## 10 Upsampling: zeros, then a kernel
#
# A label for each *pixel* needs maps as large as the image, so nets must also grow maps. The lecture's recipe: put each
# value into the corner of a 2 × 2 block of zeros, then convolve, so that the kernel fills the gaps between the values.


# %% tags=["nbval-check-output"]
def insert_zeros(image, factor=2):
    # 1 size: each pixel becomes a block of factor × factor
    wide = np.zeros(np.multiply(image.shape, factor))
    # 2 place: the value goes to the first corner of its block
    wide[::factor, ::factor] = image
    return wide


small = np.array([[5.0, 3, 1], [0, 2, 4], [4, 3, 5]])
padded = np.pad(insert_zeros(small), 1)
print(padded.astype(int))

# %% [markdown]
# Compare with the slide: it prints eight rows as well, but *nine* columns, one column of zeros too many. Which width
# does its 6 × 6 result need? A 3 × 3 kernel on $n$ columns makes $n - 2$: eight give six, nine would give seven.

# %% tags=["nbval-check-output"]
spread = np.array([[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]])
upsampled = slide(padded, spread)
nine_columns = np.pad(padded, ((0, 0), (0, 1)))  # as printed
print("8 × 8 gives", upsampled.shape, "- 8 × 9 gives", slide(nine_columns, spread).shape)
print("its last column:", slide(nine_columns, spread)[:, -1])

# %% [markdown]
# So 8 × 8 it is; the ninth column is a slip of the slide. Now the result. **Predict** the number in row 2, column 3
# (counted from 1): it lies halfway between the 3 and the 2 of the small map.

# %%
predicted_between = None  # type your number

# %% tags=["nbval-check-output"]
print(upsampled)
reveal(predicted_between, float(upsampled[1, 2]))

# %% [markdown]
# The kernel is a rule of fairness: on a value it is that value, between two it is their mean, between four the mean
# of the four. **Now read the slide's table like a reviewer.** One of its 36 numbers is wrong beyond rounding. Look for
# it by eye before you run the cell.

# %% tags=["nbval-check-output"]
printed = np.array([
    [5, 4, 3, 2, 1, 0.5], [2.5, 2.5, 3.5, 2.5, 2.5, 1.3], [0, 1, 2, 3, 4, 2],
    [2, 2.3, 2.5, 3.5, 4.5, 2.3], [4, 3.5, 3, 4, 5, 2.5], [2, 1.8, 1.5, 2, 2.5, 1.3],
])  # fmt: skip
for r, c in np.argwhere(np.abs(upsampled - printed) > 0.051):  # the slide rounds to one decimal
    print(f"row {r + 1}, column {c + 1}: printed {printed[r, c]}, computed {upsampled[r, c]}")

# %% [markdown]
# (3 + 2)/2 is 2.5. You have just checked a published table, and found an error in it: do it again whenever numbers
# look odd. Look at the last column and the last row too: they fade to one half. Beyond the last value there is only
# zero, so the border darkens. Part 13 comes back to borders.

# %% [markdown]
# ## 11 Transposed convolution: learn to upsample
#
# If a fixed kernel can fill the gaps, a learned one can too. The layer that does so in one go is the **transposed
# convolution**. Picture it as a stamp: each value of the small map presses a copy of the kernel, scaled by the value,
# onto the output; the next value stamps one stride further; where stamps overlap, they add.


# %% tags=["nbval-check-output"]
def stamp(image, kernel, stride):
    # 1 size: the last stamp begins at (size − 1) · stride
    output = np.zeros((np.array(image.shape) - 1) * stride + kernel.shape)
    for row, column in np.ndindex(image.shape):
        # 2 window: where this stamp lands
        top, left = row * stride, column * stride
        window = output[top : top + kernel.shape[0], left : left + kernel.shape[1]]
        # 3 multiply and add
        window += image[row, column] * kernel
    return output


print(stamp(small, spread, stride=2).shape)

# %% [markdown]
# 7 × 7, and part 10 gave 6 × 6. The lecture warns: "Padding: careful, to get the exact output shape". In a transposed
# convolution, padding *takes away* $p$ pixels on each side, and `output_padding` keeps some of the far side:
#
# $$o = (i - 1)\,s - 2p + d\,(k - 1) + \text{output padding} + 1$$
#
# **Predict** the size for $i = 3$, $s = 2$, $k = 3$, $p = 1$, output padding 1.

# %%
predicted_up = None  # type your number

# %% tags=["nbval-check-output"]
settings = {"stride": 2, "padding": 1, "output_padding": 1}
reveal(predicted_up, arithmetic.transposed_output_size(3, 3, **settings), unit="pixels")
x, w = torch.tensor(small)[None, None], torch.tensor(spread)[None, None]
in_one_go = F.conv_transpose2d(x, w, **settings)[0, 0].numpy()
print("the same as zeros and kernel:", np.allclose(in_one_go, upsampled))
stamped = stamp(small, spread, stride=2)
print("the same as stamping, first row and column cut:", np.allclose(in_one_go, stamped[1:, 1:]))

# %% [markdown]
# Three descriptions, one operation. (The kernel here is symmetric. With another one, zeros-and-kernel must turn it:
# the stamp and the sliding window see it from opposite sides.)
#
# "Stride 2 doubles the size" is a common belief. **Predict** what a transposed convolution with kernel 3, stride 2 and
# padding 1, without output padding, makes of 14 pixels.

# %%
predicted_from_14 = None  # type your number

# %% tags=["nbval-check-output"]
reveal(predicted_from_14, arithmetic.transposed_output_size(14, 3, stride=2, padding=1), unit="pixels")
for size in (27, 28):
    shrunk = arithmetic.conv_output_size(size, 3, stride=2, padding=1)
    print(f"a convolution with these settings makes {shrunk} of {size} pixels")

# %% [markdown]
# 27 and 28 both shrink to 14, because the size was rounded down. On the way back the layer cannot know which it was;
# `output_padding` tells it. Does the formula hold wherever torch allows? Ask about a few hundred settings.

# %% tags=["nbval-check-output"]
agree, asked = 0, 0
for i, k, s, p, extra, d in np.ndindex(6, 5, 3, 3, 2, 2):
    i, k, s, d = i + 3, k + 1, s + 1, d + 1
    if extra < max(s, d) and (i - 1) * s + d * (k - 1) + extra + 1 > 2 * p:
        settings = {"stride": s, "padding": p, "output_padding": extra, "dilation": d}
        made = F.conv_transpose1d(torch.zeros(1, 1, i), torch.zeros(1, 1, k), **settings).shape[-1]
        agree += made == arithmetic.transposed_output_size(i, k, **settings)
        asked += 1
print(f"{agree} of {asked} sizes agree with torch")

# %% [markdown]
# And *learned*? Shrink our slice to half (means of 2 × 2), and let a transposed convolution with 16 weights learn to
# bring it back, from the upper half of the slice only. Its loss is the mean squared error; LBFGS is a fast optimiser
# for few weights.

# %%
half, full = F.avg_pool2d(hu[None, None], 2) / 1000, hu[None, None] / 1000  # in 1000 HU
upper, lower = slice(2, 62), slice(66, 126)  # rows; the border and the seam are left out
up = nn.ConvTranspose2d(1, 1, kernel_size=4, stride=2, padding=1, bias=False)
nn.init.constant_(up.weight, 0.25)
optimizer = torch.optim.LBFGS(up.parameters(), max_iter=100, line_search_fn="strong_wolfe")


def loss_of(rows):
    optimizer.zero_grad()
    loss = ((up(half) - full)[..., rows, 2:-2] ** 2).mean()
    loss.backward()
    return loss


optimizer.step(lambda: loss_of(upper))
print(f"{up.weight.numel()} weights fitted")

# %% [markdown]
# Judge it on the lower half, which it has not seen (of the same patient: this is a demonstration, not a study), beside
# two ways that learn nothing: copying the nearest pixel, and bilinear interpolation. **Predict** the winner.

# %%
predicted_winner = None  # type "nearest", "bilinear" or "learned"

# %% tags=["nbval-check-output"]
with torch.no_grad():
    ways = {
        "nearest": F.interpolate(half, scale_factor=2, mode="nearest"),
        "bilinear": F.interpolate(half, scale_factor=2, mode="bilinear", align_corners=False),
        "learned": up(half),
    }
errors = {}
for name, way in ways.items():
    errors[name] = 1000 * float(((way - full)[..., lower, 2:-2] ** 2).mean().sqrt())
    print(f"{name:8}: root mean square error {errors[name]:.1f} HU")
reveal(predicted_winner, min(errors, key=errors.get))

# %%
bilinear = np.outer([0.25, 0.75, 0.75, 0.25], [0.25, 0.75, 0.75, 0.25])
figure, ax = plt.subplots(figsize=(6, 2.6))
figures.plot_kernels(np.stack([bilinear, up.weight.detach().numpy()[0, 0]]), ax)
ax.set_title("1 bilinear interpolation, 2 learned", pad=18)
figures.show(
    figure,
    alt="Two 4 by 4 kernels, both strongest in the middle 2 by 2 weights and weak at the corners. "
    "The learned one is a little stronger in the middle.",
)

# %% [markdown]
# Learned wins, by little: it has rediscovered something close to bilinear interpolation, slightly sharper. That is what
# "learn to upsample" means, and also how much to expect of it when a good fixed rule is at hand. Can you see 0.7 HU?
# Here is the spot of part 1, as it was and as the three ways bring it back.

# %%
crops = {"the slice": full, **ways}
figure, ax = plt.subplots(figsize=(7.5, 2.2))
pictures = np.stack([each[0, 0, 80:112, 43:75].numpy() for each in crops.values()])
figures.plot_image_grid(pictures.clip(-0.16, 0.24), ax, titles=list(crops))
figures.show(
    figure,
    alt="Four pictures of the bright spot in the muscle: the slice; nearest, with visible "
    "blocks; bilinear and learned, both smooth and softer than the slice, hardly different.",
)

# %% [markdown]
# No: the eye tells blocks from smoothness, and the two smooth ones hardly apart. None of the three brings back the fine
# grain of the slice; what the shrinking threw away is gone.

# %% [markdown]
# ## 12 A contest: dense, local, shared
#
# Time to test the claim of part 1 with training. **The data** are 1,797 digits handwritten by 13 people, 8 × 8 pixels
# each (E. Alpaydin and C. Kaynak, UCI repository, 1998, CC BY 4.0; the copy in scikit-learn). We lay each digit into
# the middle of an empty scene of 16 × 16: a spot search with ten kinds of spots.
#
# Three parts: one to train on, one to watch, one to judge. The file does not say who wrote which digit, so we cannot
# split by writer; what we can assert is that no *image* is on two sides. With patients that would not be enough.

# %% tags=["nbval-check-output"]
digits = data.load_digits(image_size=8)
scenes = data.LabelledImages(F.pad(digits.images, (4, 4, 4, 4)), digits.labels, digits.class_names)
split = data.stratified_split(scenes.labels, seed=SEED)
data.assert_no_overlap(split, subjects=np.arange(len(scenes)))
train, val, test = (scenes.subset(part) for part in (split.train, split.val, split.test))
print(f"{len(train)} to train, {len(val)} to watch, {len(test)} to judge")

# %% [markdown]
# Look at them: in the middle, as the nets will meet them in training, and moved by three pixels, as they will not.

# %%
some = test.images[:8]
figure, ax = plt.subplots(figsize=(8, 2.4))
both = torch.cat([some, torch.roll(some, 3, dims=3)])
figures.plot_image_grid(both, ax, titles=test.labels[:8].tolist() * 2)
figures.show(
    figure,
    alt="Two rows of eight handwritten digits on black scenes. Upper row: in the middle. Lower "
    "row: the same, three pixels further to the right.",
)

# %% [markdown]
# **The net, from its parts.** (1) cut the scene into windows; (2) let each of 16 patterns say how well it fits each
# window; (3) keep the best fit over all places; (4) ten scores from the 16 best fits. The three layers of part 1
# differ in two numbers only: how large a window is, and how many *sets* of weights there are. One class makes them all.


# %%
class PatternNet(nn.Module):
    def __init__(self, window, padding, sets, patterns=16):
        super().__init__()
        self.cut = nn.Unfold(window, padding=padding)
        self.weight = nn.Parameter(torch.randn(sets, window**2, patterns) / window)
        self.bias = nn.Parameter(torch.zeros(sets, 1, patterns))
        self.output = nn.Linear(patterns, 10)

    def forward(self, images):  # (B, 1, 16, 16)
        windows = self.cut(images).permute(2, 0, 1)  # 1 windows: (places, B, pixels of a window)
        fit = F.relu(windows @ self.weight + self.bias)  # 2 patterns: (places, B, 16)
        return self.output(fit.amax(dim=0))  # 3 best place: (B, 16); 4 scores: (B, 10)


# %% [markdown]
# With one set for 256 places, `@` uses it for all of them: that *is* sharing. **Predict** how many trainable numbers
# the three nets have: dense (one window of 16 × 16), local (5 × 5 at 256 places, each with a set of its own) and
# shared (5 × 5, one set). All have 16 patterns with a bias each, and the output layer with 16 · 10 + 10.

# %%
predicted_counts = None  # type three numbers: (dense, local, shared)

# %% tags=["nbval-check-output"]
kinds = {
    "dense": {"window": 16, "padding": 0, "sets": 1},
    "local": {"window": 5, "padding": 2, "sets": 256},
    "shared": {"window": 5, "padding": 2, "sets": 1},
}
counts = {name: sum(p.numel() for p in PatternNet(**kind).parameters()) for name, kind in kinds.items()}
reveal(predicted_counts, tuple(counts.values()), unit="(dense, local, shared)")
shared_layer, output_layer = arithmetic.conv_parameters(1, 16, 5), arithmetic.linear_parameters(16, 10)
print(f"shared: {shared_layer} in the convolution + {output_layer} in the output layer")

# %% [markdown]
# Is the shared net truly a convolution? The library layer must say the same when it holds the same weights.

# %% tags=["nbval-check-output"]
net = PatternNet(**kinds["shared"])
conv = nn.Conv2d(1, 16, kernel_size=5, padding=2)
with torch.no_grad():
    conv.weight.copy_(net.weight[0].T.reshape(16, 1, 5, 5))
    conv.bias.copy_(net.bias[0, 0])
    by_conv = net.output(F.relu(conv(some)).amax(dim=(2, 3)))
    print("windows", tuple(net.cut(some).shape), "maps", tuple(conv(some).shape))
    print("the same scores:", torch.allclose(by_conv, net(some), atol=1e-4))

# %% [markdown]
# **Train.** Each kind three times, with other first weights each time, since one run proves little. `training.fit` is
# the loop of lesson 02 with a progress line; lesson 04 opens it up. The digits always lie in the middle.

# %%
torch.set_num_threads(1)  # nets this small run fastest on one core
epochs = EPOCHS or (10 if FAST else 40)
loaders = [data.make_loader(part, batch_size=64, shuffle=part is train) for part in (train, val)]
nets, histories = {}, {}
how = {"epochs": epochs, "learning_rate": 0.02}
for name, seed in [(name, SEED + run) for run in range(3) for name in kinds]:
    torch.manual_seed(seed)
    nets[name, seed] = PatternNet(**kinds[name])
    histories[name, seed] = training.fit(nets[name, seed], *loaders, seed=seed, **how)

# %% [markdown]
# Did they learn, and had they time enough? The shared net has the fewest numbers and needs the most epochs; here is
# its first run. The curves should be nearly flat at the end.

# %%
figure, ax = plt.subplots(figsize=(6.5, 3))
figures.plot_learning_curves(histories["shared", SEED], ax)
figures.show(
    figure,
    alt="Training and validation loss of the shared net by epoch. Both fall from above 1.5 to "
    "about 0.2 and are nearly flat at the end; the validation loss lies a little lower.",
)

# %% [markdown]
# **Evaluate, baseline first.** Whoever always says the most frequent class of the test part is right this often, with
# the 95% interval that 359 images allow (Wilson):


# %% tags=["nbval-check-output"]
def with_interval(hits):
    interval = metrics.wilson_interval(hits, len(test))
    return f"{100 * hits / len(test):5.1f}%  [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


print("always the most frequent class:", with_interval(int(test.labels.bincount().max())))

# %% [markdown]
# **Predict** before you look: in the middle, where all digits lay in training, which net is best? And when the digits
# of the test part lie 3 pixels further to the right, how accurate is the dense net?

# %%
predicted_best_in_the_middle = None  # type "dense", "local", "shared" or "no clear winner"
predicted_dense_moved = None  # type a percentage


# %%
def hits(net, shift):
    moved = data.LabelledImages(torch.roll(test.images, shift, dims=3), test.labels, test.class_names)
    answers = training.predict(net, data.make_loader(moved, batch_size=len(moved)))
    return int((answers.y_pred == answers.y_true).sum())


right = {key: [hits(net, shift) for shift in range(5)] for key, net in nets.items()}
for (name, seed), of_shift in right.items():
    print(f"{name:6} seed {seed}   in the middle", with_interval(of_shift[0]))
    print(f"{'moved by 3':>28}", with_interval(of_shift[3]))
reveal(predicted_dense_moved, round(100 * right["dense", SEED][3] / len(test)), unit="percent")

# %%
figure, ax = plt.subplots(figsize=(6.2, 3.4))
for number, name in enumerate(kinds):
    runs = np.array([right[name, SEED + run] for run in range(3)]) / len(test) * 100
    ax.plot(range(5), runs.mean(axis=0), marker="o", label=f"{name}, {counts[name]:,} numbers")
    ax.fill_between(range(5), runs.min(axis=0), runs.max(axis=0), color=f"C{number}", alpha=0.2)
ax.set(xlabel="digit moved by (pixels)", ylabel="accuracy (%)", ylim=(0, 102), xticks=range(5))
ax.legend(loc="center right")
figures.show(
    figure,
    alt="Accuracy against shift, mean and range of three runs. Dense and local fall from 96 "
    "percent in the middle to guessing at two pixels; shared stays at 96.",
)

# %% [markdown]
# And who won in the middle? A winner is clear when its interval lies above the others.

# %%
intervals = [metrics.wilson_interval(right[name, SEED][0], len(test)) for name in kinds]
overlap = max(interval.low for interval in intervals) < min(interval.high for interval in intervals)
best = max(kinds, key=lambda name: right[name, SEED][0])
reveal(predicted_best_in_the_middle, "no clear winner" if overlap else best)

# %% [markdown]
# The claim of the lecture, measured. Read it with care:
#
# - *In the middle there is no clear winner*: the intervals overlap. Where things always lie in the same place, sharing
#   is not needed for accuracy, only for thrift.
# - *Elsewhere* dense and local guess. Seven times (dense) or 180 times (local) as many numbers did not help: no image
#   ever told them.
# - *Shared* has 586 numbers and does not mind, because it takes the best fit over all places. The convolution moves the
#   map along; it is the maximum at the end that forgets the place. When the place matters (is the spot in the lung or
#   in the rib?), forgetting it is a loss.
#
# One could also show the dense net moved digits in training. That works, and costs images and time for what sharing has
# by construction. The cell below keeps the story honest: it fails if the numbers ever say something else.

# %% tags=["nbval-check-output"]
runs = {name: [right[name, SEED + run] for run in range(3)] for name in kinds}
accuracy = {name: np.mean(runs[name], axis=0) / len(test) for name in kinds}  # (5,), one for each shift
assert min(of_shift[0] for of_shift in accuracy.values()) > 0.85, "every net learns the middle"
assert accuracy["shared"][3] > 0.85, "the shared net finds them elsewhere"
assert max(accuracy["dense"][3], accuracy["local"][3]) < 0.35, "the others do not"
print("in the middle all learn; elsewhere only the shared net does")

# %% [markdown]
# ## 13 Failure gallery
#
# Things that go wrong, on purpose and in one place.
#
# **Digits that the shared net gets wrong**, the surest mistakes first. Would you have known?

# %%
answers = training.predict(nets["shared", SEED], data.make_loader(test, batch_size=len(test)))
shares = torch.tensor(answers.scores).softmax(dim=1).numpy()
wrong = np.flatnonzero(answers.y_pred != answers.y_true)
worst = wrong[np.argsort(-shares[wrong].max(axis=1))][:8]
titles = [f"{answers.y_true[n]}, said {answers.y_pred[n]}" for n in worst]
figure, ax = plt.subplots(figsize=(8, 1.9))
figures.plot_image_grid(test.images[worst], ax, titles=titles)
figures.show(
    figure,
    alt="Up to eight test digits with their true class and what the net said.",
)

# %% [markdown]
# **Borders.** A "left to right" kernel on raw HU, with padding so that the size stays. Outside the image torch puts
# zeros, that is water, next to lung at −850 HU. **Predict** how many times stronger the mean answer of the first column
# in the lung becomes than with `replicate` padding, which repeats the last pixel.

# %%
predicted_times = None  # type your number

# %% tags=["nbval-check-output"]
edge_kernel = kernels["left to right"][None, None]
zeros = F.conv2d(hu[None, None], edge_kernel, padding=1)[0, 0]
repeated = F.conv2d(F.pad(hu[None, None], (1, 1, 1, 1), mode="replicate"), edge_kernel)[0, 0]
first_column = [float(image[2:50, 0].abs().mean()) for image in (zeros, repeated)]
print(f"zeros: {first_column[0]:.0f} HU a pixel, repeated: {first_column[1]:.0f} HU a pixel")
reveal(predicted_times, round(first_column[0] / first_column[1]), unit="times stronger")

# %% [markdown]
# An "edge" stronger than most of the anatomy, made by the padding. Two cures: scale the image so that air is 0, or pad
# with real values. And distrust the outermost pixels of any map.
#
# **Checkerboards.** Stamp a kernel of ones onto a map of ones: how many stamps hit each pixel?

# %%
figure, axes = plt.subplots(1, 2, figsize=(6.6, 2.9))
for ax, k in zip(axes, (3, 4), strict=True):
    stamps = stamp(np.ones((4, 4)), np.ones((k, k)), stride=2).astype(int)
    figures.plot_matrix(stamps, ax, title=f"kernel {k}, stride 2")
figures.show(
    figure,
    alt="Stamps on each pixel. Kernel 3: ones, twos and fours alternate like a checkerboard. "
    "Kernel 4: four everywhere inside, less at the border.",
)

# %% [markdown]
# With kernel 3 and stride 2, pixels are hit once, twice or four times in turn, and the net must unlearn the pattern.
# It shows as a checkerboard in the output. With a kernel size that the stride divides, such as 4, all inner pixels are
# hit equally often. (Odena, Dumoulin and Olah, 2016.)
#
# **Odd sizes: the cell that is meant to fail.** Shrink 28 pixels with stride 2, grow them back, add to the original as
# a U-Net does (lesson 16). **Predict** the two sizes in the error message.

# %% tags=["raises-exception"]
original = torch.zeros(1, 1, 28, 28)
shrunk = F.conv2d(original, torch.ones(1, 1, 3, 3), stride=2, padding=1)  # (1, 1, 14, 14)
grown = F.conv_transpose2d(shrunk, torch.ones(1, 1, 3, 3), stride=2, padding=1)  # (1, 1, 27, 27)
original + grown

# %% [markdown]
# 28 and 27: part 11 told you so. What would you change in the third line? Write it before you look at the repair.

# %% tags=["nbval-check-output"]
grown = F.conv_transpose2d(shrunk, torch.ones(1, 1, 3, 3), stride=2, padding=1, output_padding=1)
print((original + grown).shape)

# %% [markdown]
# ## 14 What we learned
#
# **The objectives, answered.**
#
# 1. *Weights.* One pattern on 512 × 512 pixels costs 262,144 weights dense, 100 in a window of 10 × 10, and 100 for all
#    places together when they are shared.
# 2. *By hand.* Size, window, multiply and add. Libraries slide the kernel as it is; the textbook formula turns it.
# 3. *Before running.* Size: ⌊(i + 2p − d(k−1) − 1)/s⌋ + 1 for each axis. Weights: k·k·channels in·channels out. Field:
#    each layer adds d(k−1) steps, and a stride stretches the steps of the layers after it.
# 4. *Pooling and upsampling.* No weights in a pool; zeros and a kernel, a stamp and a transposed convolution are the
#    same thing. You found the 3.5 that should be 2.5.
# 5. *Measured.* Sharing did not win in the middle; elsewhere it was the only net that worked. Limits: strides, borders,
#    and that the place itself is forgotten when one takes the maximum.
#
# **The lecture's values beside ours.** All are arithmetic, so they must agree exactly. Which two do not?

# %% tags=["nbval-check-output"]
beside = {
    "dense, and 10 × 10": ("> 260,000, 100", f"{dense_weights:,}, {local_weights}"),
    "by hand, first row": ("12 12 17", " ".join(map(str, slide(image, weights)[0]))),
    "by its own formula": ("12 12 17", " ".join(map(str, textbook[0]))),
    "three sizes": ("3 6 3", " ".join(map(str, sizes))),
    "four RGB filters": ("300", str(rgb_layer.weight.numel())),
    "weights of a pool": ("0", str(pool_weights)),
    "upsampled, row 2, column 3": ("3.5", str(upsampled[1, 2])),
}
for what, (lecture, ours) in {"": ("lecture", "ours"), **beside}.items():
    print(f"{what:28}{lecture:>16}{ours:>16}")

# %% [markdown]
# **Pitfalls.**
#
# - *Forgetting dilation*: the reach of a kernel is d(k−1)+1 pixels.
# - *Rounding to the nearest*: a window that hangs over the edge makes no step.
# - *One kernel a filter*: a filter reads every input channel.
# - *The own stride first*: a stride stretches only what comes after it.
# - *Zeros in a max pool*: the neutral value of a maximum is −∞.
# - *Stride 2 doubles*: only with the right output padding.
# - *Symmetric kernels and square images in tests*: they hide every one of these mistakes.
#
# **Without looking back**, in one sentence each: Why would 100 be a wrong answer for the four RGB filters? Why does the
# dense net need moved digits in training, and the shared one not? Why is a CNN with strides not perfectly equivariant?
#
# Then open the exercises, `exercises/03_convolution.ipynb`: the same three labels, with fewer and fewer lines given.
#
# **References.**
#
# - D. Rueckert, *AI in Medicine I: image classification and/or regression*, lecture slides (the values marked
#   "lecture").
# - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE
#   86, 1998 (local fields, shared weights, subsampling).
# - K. Fukushima, "Neocognitron", Biological Cybernetics 36, 1980 (the idea).
# - V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", 2016, arXiv 1603.07285.
# - A. Araujo, W. Norris, J. Sim, "Computing receptive fields of convolutional neural networks", Distill 2019, doi
#   10.23915/distill.00021.
# - A. Odena, V. Dumoulin, C. Olah, "Deconvolution and checkerboard artifacts", Distill 2016, doi
#   10.23915/distill.00003.
# - R. Zhang, "Making convolutional networks shift-invariant again", ICML 2019, arXiv 1904.11486 (strides and shifts).
# - E. Alpaydin, C. Kaynak, "Optical recognition of handwritten digits", UCI, 1998, doi 10.24432/C50P49.
