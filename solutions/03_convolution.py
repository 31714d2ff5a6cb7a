# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: "Why convolve? Exercises"
#     level: beginner
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["03_convolution"]
#     facts: [R05, R06, R07, R08, R09, R10, R11]
# ---

# %% [markdown]
# # 03 · Why convolve? Exercises
#
# Six tasks, 25 points, about 90 minutes. You write in numpy, by hand, what the library does in one call, because
# whoever has written it once predicts it for ever after.
#
# How it works: read the contract, write your code where `NotImplementedError` stands, run the cell, then run the checks
# below it. A check never stops the notebook; it shows what your code gave, what was wanted, and one question. Stuck?
# Open the first hint, try again, and only then the next. The first task leaves one gap, later ones leave more, and
# the last two are all yours. Graded are these checks and others of the same kind with other numbers, so write for
# every input that the contract allows.

# %% tags=["setup"]
import numpy as np

from course_lib.classroom import explain, hint_for

# what the lecture prints about upsampling: for task 6
small_map = np.array([[5.0, 3, 1], [0, 2, 4], [4, 3, 5]])
fill_kernel = np.array([[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]])
printed_table = np.array([
    [5, 4, 3, 2, 1, 0.5], [2.5, 2.5, 3.5, 2.5, 2.5, 1.3], [0, 1, 2, 3, 4, 2],
    [2, 2.3, 2.5, 3.5, 4.5, 2.3], [4, 3.5, 3, 4, 5, 2.5], [2, 1.8, 1.5, 2, 2.5, 1.3],
])  # fmt: skip

# %% [markdown]
# ## Warm-up: a worked example
#
# One axis, all steps given. A kernel slides along a row of pixels. The three labels (*size*, *window*, *multiply and
# add*) stay the same all the way to task 6. Before you run it: what is the middle number of the result?


# %%
def slide_row(pixels, kernel):
    # 1 size: at how many places the kernel fits
    output = np.zeros(len(pixels) - len(kernel) + 1)
    for place in range(len(output)):
        # 2 window: what the kernel covers there
        covered = pixels[place : place + len(kernel)]
        # 3 multiply and add
        output[place] = (covered * kernel).sum()
    return output


slide_row(np.array([1, 4, 2, 0]), np.array([1, 2]))

# %% [markdown]
# ## Task 1 · A kernel on an image (4 points)
#
# The same on two axes, with a stride. One gap is yours: step 2, the window.
#
# | | |
# |---|---|
# | `image` | array (H, W), any numbers |
# | `kernel` | array (h, w), not larger than the image; it is **not turned** |
# | `stride` | whole number ≥ 1: the step from one place to the next, on both axes |
# | returns | array ((H − h) // stride + 1, (W − w) // stride + 1) |
#
# Example: a kernel `[[1, 0], [0, 0]]` picks the upper left pixel of each window.


# %% task="slide" points=4
def slide(image, kernel, stride=1):
    """Slide the kernel over the image, as deep-learning libraries do, and return the map of its answers."""
    # 1 size: at how many places the kernel fits
    height, width = kernel.shape
    output = np.zeros(np.subtract(image.shape, kernel.shape) // stride + 1)
    for row, column in np.ndindex(*output.shape):
        # 2 window: what the kernel covers there
        ### BEGIN SOLUTION
        top, left = row * stride, column * stride
        window = image[top : top + height, left : left + width]
        ### END SOLUTION
        # 3 multiply and add
        output[row, column] = (window * kernel).sum()
    return output


# %% check="slide" requirement="products are added, kernel as it is" points=1 after="What does a symmetric kernel hide?"
image = np.array([[3, 0, 1, 2], [1, 4, 0, 0], [2, 1, 5, 1]])
kernel = np.array([[1, 0, 2], [0, 3, 0]])
got = slide(image, kernel)
assert np.shape(got) == (2, 2), explain(
    "The shape of slide(3 × 4 image, 2 × 3 kernel)", np.shape(got), "(2, 2)", ask="Is step 1 still as it was given?"
)
assert np.allclose(got, [[17, 4], [4, 19]]), explain(
    "slide(image, kernel)",
    got,
    "[[17, 4], [4, 19]]",
    known=[
        ([[2, 11], [21, 3]], "Your sums are fine, but the kernel came in upside down: lay it on without turning it."),
        (np.array([[17, 4], [4, 19]]) / 6, "All six products are there. Does a kernel add them, or average them?"),
    ],
    ask="Write the first window under the kernel and multiply by hand: 3·1 + 0·0 + 1·2 + 1·0 + 4·3 + 0·0. Which "
    "of the six differs in your code?",
)

# %% check="slide" requirement="the stride moves the window on both axes" points=1
image = np.arange(35).reshape(5, 7)
kernel = np.array([[1, 0], [0, 0]])  # picks the upper left pixel of each window
got = slide(image, kernel, stride=2)
assert np.shape(got) == (2, 3), explain(
    "The shape of slide(5 × 7 image, 2 × 2 kernel, stride=2)", np.shape(got), "(2, 3)", ask="Is step 1 as it was given?"
)
assert np.allclose(got, [[0, 2, 4], [14, 16, 18]]), explain(
    "slide(np.arange(35).reshape(5, 7), [[1, 0], [0, 0]], stride=2)",
    got,
    "[[0, 2, 4], [14, 16, 18]]",
    known=[
        ([[0, 1, 2], [7, 8, 9]], "The first window is right. How far from it does the second one begin?"),
        ([[0, 1, 2], [14, 15, 16]], "Down the rows you step well. Do the columns step, too?"),
        ([[0, 2, 4], [7, 9, 11]], "Along the columns you step well. Do the rows step, too?"),
        ([[8, 10, 12], [22, 24, 26]], "The windows are right, but the kernel came in upside down: without turning it."),
        ([[0, 0.5, 1], [3.5, 4, 4.5]], "The windows are right. Does a kernel add its products, or average them?"),
    ],
    ask="Output cell (1, 2) belongs to the window that begins at row 1·2, column 2·2. Where does yours begin?",
)

# %% hidden="slide" requirement="any image, kernel and stride" points=2
for _ in range(12):
    kernel = rng.integers(-4, 5, size=rng.integers(2, 5, size=2)) + 0.5
    image = rng.normal(size=kernel.shape + rng.integers(4, 9, size=2))
    stride = int(rng.integers(1, 4))
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    everywhere = np.einsum("rcij,ij->rc", windows, kernel)
    right = everywhere[::stride, ::stride]
    rows, columns = right.shape
    turned = np.einsum("rcij,ij->rc", windows, kernel[::-1, ::-1])[::stride, ::stride]
    got = slide(image, kernel, stride)
    assert np.shape(got) == right.shape, "The map has another shape than the contract says. Which axis is it?"
    known = [
        (turned, "The numbers are those of a kernel that was turned by 180°: lay it on without turning it."),
        (right / kernel.size, "The numbers are too small by a constant factor: add the products, do not average them."),
    ]
    if stride > 1:
        known += [
            (everywhere[:rows, :columns], "How far from the first window does the second one begin when stride is 2?"),
            (everywhere[::stride, :columns], "Down the rows you step well. Do the columns step, too?"),
            (everywhere[:rows, ::stride], "Along the columns you step well. Do the rows step, too?"),
        ]
    assert np.allclose(got, right), hint_for(
        got,
        known=known,
        otherwise="A map differs from the sums of products. Try a 2 × 3 kernel on a 4 × 6 image by hand.",
    )


# %% right="slide"
def slide(image, kernel, stride=1):
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return np.einsum("rcij,ij->rc", windows, kernel)[::stride, ::stride]


# %% right="slide"
def slide(image, kernel, stride=1):  # nested lists are fine, too
    height, width = kernel.shape
    rows, columns = (range(0, i - k + 1, stride) for i, k in zip(image.shape, kernel.shape, strict=True))
    return [[(image[y : y + height, x : x + width] * kernel).sum() for x in columns] for y in rows]


# %% wrong="slide" hint="without turning it"
def slide(image, kernel, stride=1):  # the textbook's convolution
    from scipy.signal import convolve2d

    return convolve2d(image, kernel, mode="valid")[::stride, ::stride]


# %% wrong="slide" hint="How far from it does the second one begin"
def slide(image, kernel, stride=1):  # the stride changes the size and not the place
    height, width = kernel.shape
    output = np.zeros(np.subtract(image.shape, kernel.shape) // stride + 1)
    for row, column in np.ndindex(*output.shape):
        window = image[row : row + height, column : column + width]
        output[row, column] = (window * kernel).sum()
    return output


# %% wrong="slide" hint="Do the columns step, too"
def slide(image, kernel, stride=1):  # one axis forgotten
    height, width = kernel.shape
    output = np.zeros(np.subtract(image.shape, kernel.shape) // stride + 1)
    for row, column in np.ndindex(*output.shape):
        window = image[row * stride : row * stride + height, column : column + width]
        output[row, column] = (window * kernel).sum()
    return output


# %% wrong="slide" hint="average"
def slide(image, kernel, stride=1):
    height, width = kernel.shape
    output = np.zeros(np.subtract(image.shape, kernel.shape) // stride + 1)
    for row, column in np.ndindex(*output.shape):
        top, left = row * stride, column * stride
        output[row, column] = (image[top : top + height, left : left + width] * kernel).mean()
    return output


# %% [markdown] hint="slide" step=1
# Which pixel of the image lies under the upper left weight of the kernel, for output cell (0, 0)? And for output cell
# (0, 1), when the stride is 2?

# %% [markdown] hint="slide" step=2
# Take an image of 4 × 6, a kernel of 2 × 3 and a stride of 2. Draw the windows of the output cells (0, 0), (0, 1) and
# (1, 0). Write down the first and the last row, and the first and the last column, of each. How do the first ones
# follow from the cell, and the last ones from the first?

# %% [markdown] hint="slide" step=3
# ```python
# top = row * stride                           # the same for the column
# window = image[top : top + height, ...]      # and its columns
# ```

# %% picture="slide" alt="A CT slice, and its map for changes from left to right: only borders are left."
import matplotlib.pyplot as plt

from course_lib import data, figures

figures.use_course_style()
ct = data.load_ct_slice()
figure, axes = plt.subplots(1, 2, figsize=(7, 3.4))
axes[0].imshow(ct.hu, cmap="gray", vmin=-160, vmax=240)
axes[1].imshow(slide(ct.hu, np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8), cmap="gray", vmin=-150, vmax=150)
for ax, title in zip(axes, ("a CT slice, 128 × 128", "slide(ct.hu, left to right), 126 × 126"), strict=True):
    ax.set(title=title, xticks=[], yticks=[])
figures.show(
    figure, alt="A CT slice, and beside it the map of a kernel for changes from left to right: only borders are left."
)

# %% [markdown]
# ## Task 2 · The size of the map (4 points)
#
# Two gaps: steps 1 and 3. Everything is for one axis.
#
# | | |
# |---|---|
# | `input_size`, `kernel_size` | pixels along the axis, whole numbers ≥ 1 |
# | `stride`, `dilation` | whole numbers ≥ 1: step from place to place, step from weight to weight |
# | `padding` | whole number ≥ 0: pixels added at *each* end |
# | returns | `int`, the number of places |
#
# The kernel fits: you need not test that. Example: `output_size(5, 4, padding=2)` is 6.


# %% task="output_size" points=4 withhold="course_lib.arithmetic"
def output_size(input_size, kernel_size, stride=1, padding=0, dilation=1):
    """Return how many places a kernel can take along one axis."""
    # 1 span: how many pixels the kernel covers, from its first weight to its last
    ### BEGIN SOLUTION
    span = dilation * (kernel_size - 1) + 1
    ### END SOLUTION
    # 2 room: how far it can be pushed from its first place
    room = input_size + 2 * padding - span
    # 3 steps: how many whole strides go into the room; the first place counts, too
    ### BEGIN SOLUTION
    return room // stride + 1
    ### END SOLUTION


# %% check="output_size" requirement="the lecture's three examples" points=1
for sizes, settings, wanted in (((5, 3), {}, 3), ((5, 4), {"padding": 2}, 6), ((5, 3), {"padding": 1, "stride": 2}, 3)):
    got = output_size(*sizes, **settings)
    assert got == wanted, explain(
        f"output_size{sizes} with {settings or 'nothing else'}",
        got,
        str(wanted),
        known=[
            (wanted - 1, "Nearly there: you counted the steps. How many fence posts do three gaps have?"),
            (wanted + 1, "One too many. How many pixels does the kernel cover: is the first weight counted twice?"),
            (wanted - 2, "Two places are missing. At how many ends is the padding added?"),
        ],
        ask="Draw the five pixels in a row and push the kernel along. How many places do you see?",
    )

# %% check="output_size" requirement="dilation, and a window that hangs over" points=1 after="Why is 16 wrong?"
got = output_size(32, 3, dilation=2)
assert got == 28, explain(
    "output_size(32, 3, dilation=2)",
    got,
    "28",
    known=[
        (
            30,
            "That is the size without dilation. How many pixels from the first weight to the last?",
        ),
        (27, "One too few. Are both ends of the span counted? Is the first place counted?"),
    ],
    ask="Put three weights two pixels apart on squared paper. How many squares from the first to the last?",
)
got = output_size(30, 3, stride=2, padding=1)
assert (got, type(got)) == (15, int), explain(
    "output_size(30, 3, stride=2, padding=1)",
    got,
    "15, as a whole number (int)",
    known=[
        (16, "You rounded up. Does a window that hangs half over the edge still make a step?"),
        (15.5, "There is no half window. Which whole number of steps fits into the room?"),
        (15.0, "The number is right, its type is float. Which division gives a whole number?"),
    ],
    ask="The room is 29 pixels. How many steps of 2 fit into it, and what did you do with the rest?",
)

# %% hidden="output_size" requirement="all sizes, strides, paddings and dilations" points=2
from math import ceil

for k, s, p, d, n in rng.integers([4, 2, 4, 2, 30], [9, 4, 13, 4, 90], size=(80, 5)).tolist():
    room = n + 2 * p - d * (k - 1) - 1
    right = room // s + 1
    known = [
        ((n + 2 * p - k) // s + 1, "A dilated kernel covers more pixels than it has weights. How many?"),
        (ceil(room / s) + 1, "A window that hangs over the edge was counted. Is there a step for half a window?"),
        ((n + p - d * (k - 1) - 1) // s + 1, "Padding is added at *each* end. At how many ends did you add it?"),
        (right - 1, "One place is missing: the steps are counted, the first place is not."),
        (room / s + 1, "There is no half place. Which whole number of steps fits into the room?"),
    ]
    if len({right, *(wrong for wrong, _ in known)}) < 6:
        continue  # here two mistakes would give the same number
    got = output_size(n, k, s, p, d)
    otherwise = "A size is wrong. Which of stride, padding and dilation can you leave out so that it is right?"
    assert got == right, hint_for(got, known=known, otherwise=otherwise)
    assert isinstance(got, int), "The numbers are right, but not whole ones (int). Which division gives those?"
for n, k in ((7, 3), (9, 9), (1, 1)):
    assert output_size(n, k) == n - k + 1, (
        "Without stride, padding and dilation the size should be i − k + 1. What is left?"
    )


# %% right="output_size"
def output_size(input_size, kernel_size, stride=1, padding=0, dilation=1):
    last = input_size + padding - 1 - dilation * (kernel_size - 1)  # the last place where the first weight may lie
    return len(range(-padding, last + 1, stride))


# %% wrong="output_size" hint="without dilation"
def output_size(input_size, kernel_size, stride=1, padding=0, dilation=1):
    return (input_size + 2 * padding - kernel_size) // stride + 1


# %% wrong="output_size" hint="You rounded up"
def output_size(input_size, kernel_size, stride=1, padding=0, dilation=1):
    return round((input_size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1)


# %% wrong="output_size" hint="there is no half"
def output_size(input_size, kernel_size, stride=1, padding=0, dilation=1):
    return (input_size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1


# %% wrong="output_size" hint="At how many ends"
def output_size(input_size, kernel_size, stride=1, padding=0, dilation=1):
    return (input_size + padding - dilation * (kernel_size - 1) - 1) // stride + 1


# %% wrong="output_size" hint="you counted the steps"
def output_size(input_size, kernel_size, stride=1, padding=0, dilation=1):
    return (input_size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride


# %% [markdown] hint="output_size" step=1
# Three weights lie two pixels apart. If the first lies on pixel 0, on which pixels do the others lie, and how many
# pixels is that from the first to the last, both counted?

# %% [markdown] hint="output_size" step=2
# Take 6 pixels, kernel 3, stride 2, no padding. The room is 3: the kernel can be pushed by 0, 1, 2 or 3 pixels. With
# a stride of 2 it stops at 0 and at 2. So the map has 2 numbers. Now write 3, 2 and 2 into one line of arithmetic.

# %% [markdown] hint="output_size" step=3
# ```python
# span = dilation * (...) + 1
# steps = room // stride      # whole steps only
# ```

# %% [markdown]
# ## Task 3 · What a layer holds (4 points)
#
# A layer has `out_channels` filters. Every filter reads all input channels, with a kernel of its own for each. Three
# gaps this time.
#
# | | |
# |---|---|
# | `in_channels`, `out_channels` | whole numbers ≥ 1 |
# | `kernel_size` | (height, width) of the kernel, which need not be square |
# | `bias` | if True, each filter has one bias |
# | `weight_shape` returns | 4 whole numbers, in the order of torch: the first axis picks the filter |
# | `count_parameters` returns | `int`, all weights and biases |
#
# Example: an RGB image and four filters of 5 × 5 without bias hold 300 weights.


# %% task="layer_weights" points=4 defines="weight_shape count_parameters" withhold="course_lib.arithmetic"
def weight_shape(in_channels, out_channels, kernel_size):
    """Return the four axes of a layer's weights."""
    ### BEGIN SOLUTION
    return (out_channels, in_channels, kernel_size[0], kernel_size[1])
    ### END SOLUTION


def count_parameters(in_channels, out_channels, kernel_size, bias=True):
    """Return how many numbers a layer learns."""
    # 1 one filter: a kernel for each plane that it reads
    ### BEGIN SOLUTION
    one_filter = in_channels * kernel_size[0] * kernel_size[1]
    ### END SOLUTION
    # 2 all filters, each with its bias if there is one
    ### BEGIN SOLUTION
    return out_channels * (one_filter + (1 if bias else 0))
    ### END SOLUTION


# %% check="layer_weights" requirement="the axes of the weights" points=1
got = tuple(weight_shape(3, 8, (5, 7)))
assert got == (8, 3, 5, 7), explain(
    "weight_shape(3, 8, (5, 7))",
    got,
    "(8, 3, 5, 7)",
    known=[
        (
            (3, 8, 5, 7),
            "All four numbers are there. Which index should pick a filter? (Yours is that of a *transposed* layer.)",
        ),
        ((8, 3, 7, 5), "Filters and channels are right. Which comes first in (height, width)?"),
        ((8, 5, 7), "Three axes: is there one kernel a filter, or one for each plane that the filter reads?"),
    ],
    ask="Eight filters, each reading three planes with kernels of 5 × 7: which axis picks what?",
)

# %% check="layer_weights" requirement="the lecture's layer" points=1 after="Why is 100 a tempting wrong answer?"
for bias, wanted in ((False, 300), (True, 304)):
    got = count_parameters(3, 4, (5, 5), bias=bias)
    assert got == wanted, explain(
        f"count_parameters(3, 4, (5, 5), bias={bias})",
        got,
        str(wanted),
        known=[
            (100 + 4 * bias, "One kernel for each filter. But how many input planes does one filter read?"),
            (75 + bias, "That is one filter. How many are there?"),
            (301, "Nearly there: who needs a bias, the layer or every filter?"),
            (303, "Biases belong to what a layer makes, not to what it reads. How many maps does it make?"),
            (600, "One bias for each weight is too many. How many numbers does a filter add at the end?"),
            (300, "The weights are right. What does `bias=True` add?"),
        ],
        ask="Count one filter first: how many numbers does it multiply, over all the planes that it reads?",
    )

# %% hidden="layer_weights" requirement="any channels and kernels, square or not" points=2
for _ in range(20):
    c, d = (int(number) for number in rng.choice(np.arange(2, 40), size=2, replace=False))
    h, w = (int(number) for number in rng.choice(np.arange(1, 9), size=2, replace=False))
    shape = tuple(weight_shape(c, d, (h, w)))
    assert shape == (d, c, h, w), hint_for(
        shape,
        known=[((c, d, h, w), "The shape is that of a transposed layer: which index should pick a filter?")],
        otherwise="The shape of the weights is not (filters, planes, height, width). Print it for four numbers.",
    )
    for bias in (False, True):
        right = d * c * h * w + d * bias
        got = count_parameters(c, d, (h, w), bias=bias)
        known = [
            (d * h * w + d * bias, "How many input planes does one filter read? One is not enough."),
            (d * c * h * h + d * bias, "Right for square kernels only: where does the width come in?"),
            (d * c * w * w + d * bias, "Right for square kernels only: where does the height come in?"),
        ]
        if bias:
            known += [
                (right - d + 1, "Who needs a bias: the layer, or every filter?"),
                (right - d + c, "Biases belong to what a layer makes, not to what it reads."),
                (2 * (right - d), "One bias for each weight is too many: one for each filter."),
                (right - d, "With bias=True something is missing."),
            ]
        otherwise = "The number of parameters is wrong. Count one filter on paper first, then all of them."
        assert got == right, hint_for(got, known=known, otherwise=otherwise)


# %% right="layer_weights"
def weight_shape(in_channels, out_channels, kernel_size):
    import torch

    return torch.nn.Conv2d(in_channels, out_channels, kernel_size).weight.shape


def count_parameters(in_channels, out_channels, kernel_size, bias=True):
    import torch

    layer = torch.nn.Conv2d(in_channels, out_channels, kernel_size, bias=bias)
    return sum(numbers.numel() for numbers in layer.parameters())


# %% wrong="layer_weights" hint="how many input planes"
def weight_shape(in_channels, out_channels, kernel_size):
    return (out_channels, in_channels, *kernel_size)


def count_parameters(in_channels, out_channels, kernel_size, bias=True):  # one kernel a filter
    return out_channels * kernel_size[0] * kernel_size[1] + (out_channels if bias else 0)


# %% wrong="layer_weights" hint="Which index should pick a filter"
def weight_shape(in_channels, out_channels, kernel_size):
    return (in_channels, out_channels, *kernel_size)


def count_parameters(in_channels, out_channels, kernel_size, bias=True):
    return out_channels * (in_channels * kernel_size[0] * kernel_size[1] + bool(bias))


# %% wrong="layer_weights" hint="the layer or every filter"
def weight_shape(in_channels, out_channels, kernel_size):
    return (out_channels, in_channels, *kernel_size)


def count_parameters(in_channels, out_channels, kernel_size, bias=True):  # one bias for the layer
    return out_channels * in_channels * kernel_size[0] * kernel_size[1] + (1 if bias else 0)


# %% wrong="layer_weights" hint="where does the width come in"
def weight_shape(in_channels, out_channels, kernel_size):
    return (out_channels, in_channels, *kernel_size)


def count_parameters(in_channels, out_channels, kernel_size, bias=True):  # square kernels only
    return out_channels * (in_channels * kernel_size[0] ** 2 + bool(bias))


# %% [markdown] hint="layer_weights" step=1
# To compute *one* number of *one* map, how many numbers of the input does a filter multiply?

# %% [markdown] hint="layer_weights" step=2
# Two input planes, kernels of 1 × 3, five filters. One filter multiplies 3 numbers of plane one and 3 of plane two, and
# adds its bias: 7 numbers to learn. Five filters: 35. Which two of the four axes do the 2 and the 5 belong to, when
# the first axis picks a filter?

# %% [markdown] hint="layer_weights" step=3
# ```python
# one_filter = in_channels * ...     # height, width
# filters_with_bias = out_channels * (one_filter + 1)
# ```

# %% [markdown]
# ## Task 4 · The receptive field (4 points)
#
# How many pixels along one axis can one number of the last map depend on? All three steps are gaps.
#
# | | |
# |---|---|
# | `layers` | list of `(kernel_size, stride)`, the layer next to the image first; may be empty |
# | returns | `int`, in pixels; without a layer a number sees itself: 1 |
#
# Example: two kernels of 3 with stride 1, `[(3, 1), (3, 1)]`, see 5 pixels.


# %% task="seen_pixels" points=4 withhold="course_lib.arithmetic"
def seen_pixels(layers):
    """Return the receptive field of a stack of layers along one axis."""
    # 1 start: what a pixel sees of itself, and how far apart neighbouring pixels are
    ### BEGIN SOLUTION
    size, jump = 1, 1
    ### END SOLUTION
    for kernel_size, stride in layers:
        # 2 size: the kernel adds its steps, measured in pixels of the image
        ### BEGIN SOLUTION
        size = size + (kernel_size - 1) * jump
        ### END SOLUTION
        # 3 jump: how many pixels apart two neighbours of this layer's map are
        ### BEGIN SOLUTION
        jump = jump * stride
        ### END SOLUTION
    return size


# %% check="seen_pixels" requirement="stacks without a stride" points=1
for layers, wanted in (([], 1), ([(5, 1)], 5), ([(3, 1), (3, 1)], 5), ([(3, 1), (5, 1), (2, 1)], 8)):
    got = seen_pixels(layers)
    assert got == wanted, explain(
        f"seen_pixels({layers})",
        got,
        str(wanted),
        known=[
            (
                sum(k for k, _ in layers),
                "The windows of neighbours overlap. How many *new* pixels does a kernel of 3 add?",
            ),
            (wanted - 1, "Nearly there: does a number without any layer see nothing, or itself?"),
        ],
        ask="Draw two rows of cells and mark what one cell at the top depends on, row by row.",
    )

# %% check="seen_pixels" requirement="strides" points=1 after="Would the stride do as much in the last layer?"
got = seen_pixels([(3, 2), (5, 1), (3, 3)])
assert got == 15, explain(
    "seen_pixels([(3, 2), (5, 1), (3, 3)])",
    got,
    "15",
    known=[
        (
            25,
            "A layer was stretched by its own stride. What does the first kernel see, whatever its stride?",
        ),
        (9, "The strides had no effect. Two pixels apart: how much does a step of the next layer span?"),
        (11, "You added the kernels. Do the windows of neighbours not overlap?"),
        (21, "The layers were taken from the top down. Which one lies on the image?"),
        (14, "Nearly there: the first pixel counts, too."),
    ],
    ask="After the first layer, how many pixels apart are two neighbours? And after the second?",
)

# %% hidden="seen_pixels" requirement="any stack of layers" points=2
from course_lib.arithmetic import Layer, receptive_field


def field(layers):
    return receptive_field([Layer(kernel_size, stride=stride) for kernel_size, stride in layers]).size


for numbers in rng.integers([2, 1], [8, 4], size=(60, 4, 2)).tolist():
    layers = [(kernel_size, stride) for kernel_size, stride in numbers]
    right = field(layers)
    own_first, jump = 1, 1
    for k, s in layers:
        jump *= s
        own_first += (k - 1) * jump
    known = [
        (own_first, "A layer is stretched by its own stride. Whose steps does a stride stretch?"),
        (
            1 + sum(k - 1 for k, _ in layers),
            "The strides have no effect in your answer. What do they do to the layers above?",
        ),
        (sum(k for k, _ in layers), "Kernels were added in full, but the windows of neighbours overlap."),
        (field(layers[::-1]), "The layers were taken from the last to the first. Which one lies on the image?"),
        (right - 1, "One pixel is missing: what does a number see without any layer?"),
    ]
    if len({right, *(wrong for wrong, _ in known)}) < 6:
        continue  # here two mistakes would give the same number
    got = seen_pixels(layers)
    otherwise = "A field is wrong. Try two layers, the first with stride 2, on squared paper."
    assert got == right, hint_for(got, known=known, otherwise=otherwise)
assert seen_pixels([]) == 1, "Without a layer a number sees itself: one pixel."


# %% right="seen_pixels"
def seen_pixels(layers):
    size = 1
    for kernel_size, stride in reversed(layers):  # from the last layer down: how many cells of the row below
        size = (size - 1) * stride + kernel_size
    return size


# %% wrong="seen_pixels" hint="its own stride"
def seen_pixels(layers):
    size, jump = 1, 1
    for kernel_size, stride in layers:
        jump = jump * stride
        size = size + (kernel_size - 1) * jump
    return size


# %% wrong="seen_pixels" hint="The strides had no effect"
def seen_pixels(layers):
    return 1 + sum(kernel_size - 1 for kernel_size, _ in layers)


# %% wrong="seen_pixels" hint="new* pixels"
def seen_pixels(layers):
    return sum(kernel_size for kernel_size, _ in layers) or 1


# %% wrong="seen_pixels" hint="from the top down"
def seen_pixels(layers):
    size, jump = 1, 1
    for kernel_size, stride in reversed(layers):
        size = size + (kernel_size - 1) * jump
        jump = jump * stride
    return size


# %% [markdown] hint="seen_pixels" step=1
# A first layer has the stride 2. How many pixels of the image lie between the centres of two neighbours in its map?
# Does that change what *one* of them sees?

# %% [markdown] hint="seen_pixels" step=2
# Layers (3, 2) and (3, 1). One number of the first map sees 3 pixels. The second layer reads three neighbours that are
# 2 pixels apart: the first of them sees pixels 0 to 2, the second 2 to 4, the third 4 to 6. Together: 7. Write 7 as 3
# plus something with a 2 in it.

# %% [markdown] hint="seen_pixels" step=3
# ```python
# size = size + (kernel_size - 1) * jump     # first this, with the jump from below
# jump = ...                                 # then the stride stretches what comes after
# ```

# %% picture="seen_pixels" alt="Rows of cells: one cell after layers (3, 2), (5, 1), (3, 3) spans 15 input pixels."
import matplotlib.pyplot as plt

from course_lib import figures
from course_lib.arithmetic import Layer

figures.use_course_style()
figure, ax = plt.subplots(figsize=(7, 3))
figures.plot_receptive_field([Layer(3, stride=2), Layer(5), Layer(3, stride=3)], ax)
assert seen_pixels([(3, 2), (5, 1), (3, 3)]) == 15
figures.show(figure, alt="What one cell after the layers (3, 2), (5, 1), (3, 3) sees: 15 input pixels.")

# %% [markdown]
# ## Task 5 · Max pooling, with a border (4 points)
#
# Now the whole function is yours. The labels *size*, *window* and *the largest* will do.
#
# | | |
# |---|---|
# | `image` | array (H, W) of any numbers, for example Hounsfield units |
# | `kernel_size`, `stride` | whole numbers ≥ 1, the same on both axes |
# | `padding` | whole number, at most `kernel_size` // 2: a border on each side that must never win |
# | returns | array (size of the rows, size of the columns), by the formula of task 2 |
#
# Example: `max_pool` of `[[1, 3], [4, 2]]` with `kernel_size=2, stride=2` is `[[4]]`.


# %% task="max_pool" points=4
def max_pool(image, kernel_size, stride, padding=0):
    """Return the largest value of each window."""
    ### BEGIN SOLUTION
    # 1 size
    bordered = np.pad(np.asarray(image, dtype=float), padding, constant_values=-np.inf)
    output = np.zeros((np.array(bordered.shape) - kernel_size) // stride + 1)
    for row, column in np.ndindex(*output.shape):
        # 2 window
        top, left = row * stride, column * stride
        # 3 the largest
        output[row, column] = bordered[top : top + kernel_size, left : left + kernel_size].max()
    return output
    ### END SOLUTION


# %% check="max_pool" requirement="windows, stride and maximum" points=1
image = np.array([[1, 7, 2, 0, 3, 1], [4, 2, 1, 1, 0, 5], [0, 1, 8, 2, 2, 2], [2, 2, 3, 6, 1, 9]])
got = max_pool(image, kernel_size=2, stride=2)
assert np.shape(got) == (2, 3), explain(
    "The shape of max_pool(4 × 6 image, kernel_size=2, stride=2)",
    np.shape(got),
    "(2, 3)",
    known=[
        ((3, 5), "That is one window for every pixel that fits. How far apart should windows begin?"),
        ((3, 2), "Rows and columns have changed places. Which one does the height belong to?"),
    ],
    ask="How many windows of 2 fit side by side into 6 columns?",
)
assert np.allclose(got, [[7, 2, 5], [2, 8, 9]]), explain(
    "max_pool(image, kernel_size=2, stride=2)",
    got,
    "[[7, 2, 5], [2, 8, 9]]",
    known=[
        (
            [[3.5, 1, 2.25], [1.25, 4.75, 3.5]],
            "These are means, a pooling too. Which number of a window does *max* keep?",
        ),
        ([[1, 0, 0], [0, 2, 1]], "These are the smallest values. Which end did you want?"),
        ([[7, 7, 2], [4, 8, 8]], "The first window is right. How far from it does the second one begin?"),
    ],
    ask="The first window holds 1, 7, 4 and 2. Which pixels does yours hold?",
)

# %% check="max_pool" requirement="a border never wins" points=1 after="On which images does a border of 0 do no harm?"
lung = np.array([[-850, -840, -870, -835], [-820, -860, -830, -845], [-855, -825, -865, -815]])  # Hounsfield units
got = max_pool(lung, kernel_size=3, stride=1, padding=1)
assert np.shape(got) == (3, 4), explain(
    "The shape of max_pool(3 × 4 image, kernel_size=3, stride=1, padding=1)",
    np.shape(got),
    "(3, 4)",
    known=[
        ((1, 2), "That is the size without a border. Where does `padding` come in?"),
        ((2, 3), "The border was added at one end only. How many ends has an axis?"),
    ],
    ask="How large is the image once the border is added?",
)
assert np.allclose(got, [[-820, -820, -830, -830], [-820, -820, -815, -815], [-820, -820, -815, -815]]), explain(
    "The first row of max_pool(a piece of lung, kernel_size=3, stride=1, padding=1)",
    got[0],
    "[-820, -820, -830, -830]",
    known=[
        (np.zeros(4), "0 HU is water, and there is none in this lung. Which border value can never be the largest?"),
    ],
    ask="Can a maximum be larger than every true pixel of its window?",
)

# %% hidden="max_pool" requirement="any image, window, stride and border" points=2
for _ in range(12):
    k = int(rng.integers(2, 5))
    s, p = int(rng.integers(1, 4)), int(rng.integers(1, k // 2 + 1))
    image = rng.normal(-700, 60, size=rng.choice(np.arange(6, 14), size=2, replace=False))
    bordered, with_zeros = (np.pad(image, p, constant_values=value) for value in (-np.inf, 0.0))
    windows, zero_windows = (
        np.lib.stride_tricks.sliding_window_view(picture, (k, k))[::s, ::s] for picture in (bordered, with_zeros)
    )
    right = windows.max(axis=(2, 3))
    got = max_pool(image, k, s, p)
    shapes = [
        (zero_windows.shape[1::-1], "Rows and columns have changed places."),
        (
            tuple((np.array(image.shape) - k) // s + 1),
            "The border is missing: padding belongs to both ends of each axis.",
        ),
        (tuple(np.array(image.shape) + 2 * p - k + 1), "There is a window at every pixel. What does the stride do?"),
    ]
    assert np.shape(got) == right.shape, hint_for(
        np.shape(got), known=shapes, otherwise="A map has another size than the formula of task 2 gives."
    )
    known = [
        (
            zero_windows.max(axis=(2, 3)),
            "At the border a maximum exceeds every true pixel. Which border value can never win?",
        ),
        (zero_windows.mean(axis=(2, 3)), "These are means. Which number of a window does *max* keep?"),
        (zero_windows.min(axis=(2, 3)), "These are the smallest values. Which end did you want?"),
    ]
    otherwise = "A value is not the largest true pixel of its window. Try a 3 × 5 image on paper."
    assert np.allclose(got, right), hint_for(got, known=known, otherwise=otherwise)


# %% right="max_pool"
def max_pool(image, kernel_size, stride, padding=0):
    bordered = np.pad(image, padding, mode="edge")  # repeats true pixels of the same window, so it never wins alone
    windows = np.lib.stride_tricks.sliding_window_view(bordered, (kernel_size, kernel_size))
    return windows.max(axis=(2, 3))[::stride, ::stride]


# %% right="max_pool"
def max_pool(image, kernel_size, stride, padding=0):
    import torch

    pool = torch.nn.MaxPool2d(kernel_size, stride=stride, padding=padding)
    return pool(torch.tensor(image, dtype=torch.float64)[None, None])[0, 0]


# %% wrong="max_pool" hint="can never be the largest"
def max_pool(image, kernel_size, stride, padding=0):
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, padding), (kernel_size, kernel_size))
    return windows.max(axis=(2, 3))[::stride, ::stride]


# %% wrong="max_pool" hint="These are means"
def max_pool(image, kernel_size, stride, padding=0):
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(image, padding), (kernel_size, kernel_size))
    return windows.mean(axis=(2, 3))[::stride, ::stride]


# %% wrong="max_pool" hint="How far apart should windows begin"
def max_pool(image, kernel_size, stride, padding=0):  # one window a pixel
    bordered = np.pad(np.asarray(image, dtype=float), padding, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(bordered, (kernel_size, kernel_size))
    return windows.max(axis=(2, 3))


# %% wrong="max_pool" hint="Where does `padding` come in"
def max_pool(image, kernel_size, stride, padding=0):
    windows = np.lib.stride_tricks.sliding_window_view(image, (kernel_size, kernel_size))
    return windows.max(axis=(2, 3))[::stride, ::stride]


# %% [markdown] hint="max_pool" step=1
# It is task 1 with another third step. What takes the place of "multiply and add"? And which number, put around an
# image, leaves every maximum as it was?

# %% [markdown] hint="max_pool" step=2
# Pool the single row −5, −3, −9 with a window of 3, a stride of 1 and a border of one on each side. With a border of 0
# the three answers are 0, −3, 0; the true ones are −3, −3, −3. What must stand at the two ends to get these?

# %% [markdown] hint="max_pool" step=3
# ```python
# bordered = np.pad(image.astype(float), padding, constant_values=...)     # integers cannot hold infinity
# output[row, column] = bordered[top : top + kernel_size, ...].max()
# ```

# %% picture="max_pool" alt="A CT slice, and the slice after max pooling in blocks of 4: coarse, its bone thickened."
import matplotlib.pyplot as plt

from course_lib import data, figures

figures.use_course_style()
ct = data.load_ct_slice()
figure, axes = plt.subplots(1, 2, figsize=(7, 3.4))
for ax, image, title in zip(axes, (ct.hu, max_pool(ct.hu, 4, 4)), ("a CT slice", "max_pool(ct.hu, 4, 4)"), strict=True):
    ax.imshow(image, cmap="gray", vmin=-160, vmax=240)
    ax.set(title=f"{title}, {image.shape[0]} × {image.shape[1]}", xticks=[], yticks=[])
figures.show(
    figure, alt="A CT slice, and beside it the slice after max pooling in blocks of 4: coarse, bone thickened."
)

# %% [markdown]
# ## Task 6 · Stamps, and a slip on a slide (5 points)
#
# A transposed convolution presses a copy of the kernel onto the output for each value of the small image, scaled by
# that value, one stride further each time; overlapping stamps add up. Then `padding` pixels are *cut away* on each
# side. `output_padding` is added at the far end of both axes before that. The kernel is not turned.
#
# | | |
# |---|---|
# | `image`, `kernel` | arrays (H, W) and (h, w) |
# | `stride` | whole number ≥ 1 |
# | `padding`, `output_padding` | whole numbers ≥ 0, the same on both axes |
# | `grow` returns | array ((H − 1)·stride + h + output_padding − 2·padding, and the same with W, w) |
# | `slip` returns | `(row, column, value)`, counted from 1 as on the slide |
#
# Example: `grow` of `[[1, 2]]` with the kernel `[[1, 5]]` and a stride of 1 is `[[1, 7, 10]]`.
#
# The second half is a review. The lecture upsamples a small map by inserting zeros and sliding a kernel, which is the
# same as `grow(small_map, fill_kernel, stride=2, padding=1, output_padding=1)`. Its table is below, rounded to one
# decimal. One number is wrong beyond rounding. Where is it, and what should be there?

# %%
print(small_map, fill_kernel, printed_table, sep="\n\n")


# %% task="grow" points=5 defines="grow slip" withhold="course_lib.arithmetic"
def grow(image, kernel, stride=2, padding=0, output_padding=0):
    """Return the transposed convolution of an image."""
    ### BEGIN SOLUTION
    # 1 size
    height, width = (np.array(image.shape) - 1) * stride + kernel.shape + output_padding
    output = np.zeros((height, width))
    for row, column in np.ndindex(*image.shape):
        # 2 window: where this stamp lands
        top, left = row * stride, column * stride
        # 3 multiply and add
        output[top : top + kernel.shape[0], left : left + kernel.shape[1]] += image[row, column] * kernel
    return output[padding : height - padding, padding : width - padding]
    ### END SOLUTION


def slip():
    """Return row and column (from 1) of the wrong number in the slide's table, and the right number."""
    ### BEGIN SOLUTION
    # equivalent: `>=` `[-1]`: the table has one slip, of 1; all else is rounded by 0.05 at most
    row, column = np.argwhere(np.abs(grow(small_map, fill_kernel, 2, 1, 1) - printed_table) > 0.051)[0]
    # equivalent: `(row +` `, column +`: a whole number of numpy is as good
    return int(row) + 1, int(column) + 1, 2.5
    ### END SOLUTION


# %% check="grow" requirement="stamps add up where they overlap" points=1
image = np.array([[1, 2, 0], [0, 1, 3]])
kernel = np.array([[1, 2], [0, 1], [3, 0]])
got = grow(image, kernel, stride=2)
assert np.shape(got) == (5, 6), explain(
    "The shape of grow(2 × 3 image, 3 × 2 kernel, stride=2)",
    np.shape(got),
    "(5, 6)",
    known=[
        ((4, 6), "Twice the input is a common belief. Where does the last stamp begin, and where does it end?"),
        ((6, 8), "Does the last stamp begin at row 2·2, or at row (2 − 1)·2?"),
    ],
    ask="The last stamp begins at row 2, column 4. Where does it end?",
)
assert np.allclose(
    got, [[1, 2, 2, 4, 0, 0], [0, 1, 0, 2, 0, 0], [3, 0, 7, 2, 3, 6], [0, 0, 0, 1, 0, 3], [0, 0, 3, 0, 9, 0]]
), explain(
    "Row 3 of grow(image, kernel, stride=2)",
    got[2],
    "[3, 0, 7, 2, 3, 6]",
    known=[
        ([0, 0, 1, 2, 3, 6], "The later stamp wiped the earlier one out. What should happen where two stamps overlap?"),
        ([2, 1, 4, 5, 0, 9], "The places are right, but the kernel came in upside down: stamp it as it is."),
    ],
    ask="Cell (3, 3) is hit by 2 · 3 from above and by 1 · 1 from below. What does yours add up?",
)

# %% check="grow" requirement="stride 2 does not double" points=1 after="Why can the layer not know the size?"
image = np.arange(140.0).reshape(14, 10)
kernel = np.array([[0, 1, 0], [2, 3, 0], [0, 0, 1]])
for extra, wanted in ((0, (27, 19)), (1, (28, 20))):
    got = np.shape(grow(image, kernel, stride=2, padding=1, output_padding=extra))
    assert got == wanted, explain(
        f"The shape of grow(14 × 10 image, 3 × 3 kernel, stride=2, padding=1, output_padding={extra})",
        got,
        str(wanted),
        known=[
            ((28, 20), "Exactly twice the input: is that so without output padding? Count where the last stamp ends."),
            ((31 + extra, 23 + extra), "The map grew by the padding. Here padding is a cut: which pixels go?"),
            ((29 + extra, 21 + extra), "The stamps are right. What does padding do at the end?"),
            ((27, 19), "Without output padding this would be right. At which end does `output_padding` add?"),
        ],
        ask="Write the size of all the stamps first, then add and cut.",
    )

# %% check="grow" requirement="the slip is a place and a number" points=1
got = slip()
assert np.shape(got) == (3,), explain(
    "slip()", got, "three numbers: row, column, value", ask="Does it end in `return row, column, value`?"
)
assert {got[0], got[1]} <= {1, 2, 3, 4, 5, 6}, explain(
    "slip()",
    got,
    "a row and a column from 1 to 6",
    ask="The slide's table has six rows and six columns. Do you count from 1?",
)
assert abs(printed_table[int(got[0]) - 1, int(got[1]) - 1] - got[2]) > 0.051, explain(
    "slip()", got, "a value that differs from the printed one at that place beyond rounding",
    ask="Did you return the value that is printed there, or the one that should be?",
)  # fmt: skip

# %% hidden="grow" requirement="any image, kernel, stride and padding" points=1
for _ in range(12):
    h, w = (int(number) for number in rng.choice(np.arange(2, 6), size=2, replace=False))
    s = int(rng.integers(1, 4))
    p, extra = int(rng.integers(0, min(h, w) // 2 + 1)), int(rng.integers(0, s))
    image = rng.normal(size=rng.choice(np.arange(3, 7), size=2, replace=False))
    kernel = rng.normal(size=(h, w))
    results = []
    for stamp, mode in ((kernel, "add"), (kernel, "overwrite"), (kernel[::-1, ::-1], "add")):
        whole = np.zeros((np.array(image.shape) - 1) * s + kernel.shape + extra)
        for (row, column), value in np.ndenumerate(image):
            place = np.s_[row * s : row * s + h, column * s : column * s + w]
            whole[place] = value * stamp + (whole[place] if mode == "add" else 0)
        results.append(whole[p : whole.shape[0] - p, p : whole.shape[1] - p])
    right, overwritten, turned = results
    got = grow(image, kernel, s, p, extra)
    shapes = [
        (
            tuple(np.array(image.shape) * s),
            "The size is just the stride times the input. Where does the last stamp end?",
        ),
        (tuple(np.array(right.shape) + 4 * p), "Padding made the map larger. Here it is a cut."),
        (tuple(np.array(right.shape) + 2 * p), "Padding had no effect. Which pixels does it cut away?"),
        (tuple(np.array(right.shape) - extra), "Output padding had no effect. At which end does it add?"),
    ]
    assert np.shape(got) == right.shape, hint_for(
        np.shape(got),
        known=shapes,
        otherwise="The size is not (i − 1)·s + k + output padding − 2p. Which part differs?",
    )
    known = [
        (overwritten, "A later stamp wiped an earlier one out. What should happen where two stamps overlap?"),
        (turned, "The numbers are those of a kernel upside down: stamp it as it is."),
    ]
    otherwise = "A value is not the sum of its stamps. Try a 1 × 2 image with a 1 × 3 kernel on paper."
    assert np.allclose(got, right), hint_for(got, known=known, otherwise=otherwise)

# %% hidden="grow" requirement="the slip on the slide is found" points=1
got = tuple(slip())
row, column, value = (round(float(number), 3) for number in got)
slips = [
    ((3, 2, value), "You found it. But which is the row and which is the column?"),
    ((1, 2, value), "You found it. The slide counts its rows and columns from 1."),
    ((2, 3, 3.5), "The place is right. Which number *should* be there: what lies halfway between 3 and 2?"),
]
assert (row, column, value) == (2, 3, 2.5), hint_for(
    (row, column, value),
    known=slips,
    otherwise="That cell is fine up to rounding. Subtract the two tables: where is the difference larger than 0.051?",
)


# %% right="grow"
def grow(image, kernel, stride=2, padding=0, output_padding=0):
    height, width = kernel.shape  # zeros between the values, then slide the kernel, turned for once
    wide = np.zeros((np.array(image.shape) - 1) * stride + 1)
    wide[::stride, ::stride] = image
    wide = np.pad(wide, ((height - 1, height - 1 + output_padding), (width - 1, width - 1 + output_padding)))
    windows = np.lib.stride_tricks.sliding_window_view(wide, kernel.shape)
    output = np.einsum("rcij,ij->rc", windows, kernel[::-1, ::-1])
    return output[padding : output.shape[0] - padding, padding : output.shape[1] - padding]


def slip():
    return [2, 3, 2.5]


# %% right="grow"
def grow(image, kernel, stride=2, padding=0, output_padding=0):
    import torch

    small, stamp = (torch.tensor(array, dtype=torch.float64)[None, None] for array in (image, kernel))
    settings = {"stride": stride, "padding": padding, "output_padding": output_padding}
    return torch.nn.functional.conv_transpose2d(small, stamp, **settings)[0, 0]


def slip():
    return 2, 3, 5 / 2


# %% wrong="grow" hint="Twice the input"
def grow(image, kernel, stride=2, padding=0, output_padding=0):
    output = np.zeros(np.array(image.shape) * stride)  # stride 2 doubles
    for (row, column), value in np.ndenumerate(image):
        part = output[
            row * stride : row * stride + kernel.shape[0], column * stride : column * stride + kernel.shape[1]
        ]
        part += value * kernel[: part.shape[0], : part.shape[1]]
    return output


def slip():
    return 2, 3, 2.5


# %% wrong="grow" hint="wiped the earlier one out"
def grow(image, kernel, stride=2, padding=0, output_padding=0):  # overwrites
    size = (np.array(image.shape) - 1) * stride + kernel.shape + output_padding
    output = np.zeros(size)
    for (row, column), value in np.ndenumerate(image):
        place = np.s_[
            row * stride : row * stride + kernel.shape[0], column * stride : column * stride + kernel.shape[1]
        ]
        output[place] = value * kernel
    return output[padding : size[0] - padding, padding : size[1] - padding]


def slip():
    return 2, 3, 2.5


# %% wrong="grow" hint="upside down"
def grow(image, kernel, stride=2, padding=0, output_padding=0):
    size = (np.array(image.shape) - 1) * stride + kernel.shape + output_padding
    output = np.zeros(size)
    for (row, column), value in np.ndenumerate(image):
        place = np.s_[
            row * stride : row * stride + kernel.shape[0], column * stride : column * stride + kernel.shape[1]
        ]
        output[place] += value * kernel[::-1, ::-1]
    return output[padding : size[0] - padding, padding : size[1] - padding]


def slip():
    return 2, 3, 2.5


# %% wrong="grow" hint="Here padding is a cut"
def grow(image, kernel, stride=2, padding=0, output_padding=0):  # padding as in a convolution
    size = (np.array(image.shape) - 1) * stride + kernel.shape + output_padding
    output = np.zeros(size)
    for (row, column), value in np.ndenumerate(image):
        place = np.s_[
            row * stride : row * stride + kernel.shape[0], column * stride : column * stride + kernel.shape[1]
        ]
        output[place] += value * kernel
    return np.pad(output, padding)


def slip():
    return 2, 3, 2.5


# %% wrong="grow" hint="What does padding do at the end"
def grow(image, kernel, stride=2, padding=0, output_padding=0):  # padding forgotten
    size = (np.array(image.shape) - 1) * stride + kernel.shape + output_padding
    output = np.zeros(size)
    for (row, column), value in np.ndenumerate(image):
        place = np.s_[
            row * stride : row * stride + kernel.shape[0], column * stride : column * stride + kernel.shape[1]
        ]
        output[place] += value * kernel
    return output


def slip():
    return 2, 3, 2.5


# %% wrong="grow" hint="which is the row and which is the column"
def grow(image, kernel, stride=2, padding=0, output_padding=0):
    size = (np.array(image.shape) - 1) * stride + kernel.shape + output_padding
    output = np.zeros(size)
    for (row, column), value in np.ndenumerate(image):
        place = np.s_[
            row * stride : row * stride + kernel.shape[0], column * stride : column * stride + kernel.shape[1]
        ]
        output[place] += value * kernel
    return output[padding : size[0] - padding, padding : size[1] - padding]


def slip():
    return 3, 2, 2.5


# %% wrong="grow" hint="counts its rows and columns from 1"
def grow(image, kernel, stride=2, padding=0, output_padding=0):
    size = (np.array(image.shape) - 1) * stride + kernel.shape + output_padding
    output = np.zeros(size)
    for (row, column), value in np.ndenumerate(image):
        place = np.s_[
            row * stride : row * stride + kernel.shape[0], column * stride : column * stride + kernel.shape[1]
        ]
        output[place] += value * kernel
    return output[padding : size[0] - padding, padding : size[1] - padding]


def slip():
    return 1, 2, 2.5


# %% wrong="grow" hint="or the one that should be"
def grow(image, kernel, stride=2, padding=0, output_padding=0):
    size = (np.array(image.shape) - 1) * stride + kernel.shape + output_padding
    output = np.zeros(size)
    for (row, column), value in np.ndenumerate(image):
        place = np.s_[
            row * stride : row * stride + kernel.shape[0], column * stride : column * stride + kernel.shape[1]
        ]
        output[place] += value * kernel
    return output[padding : size[0] - padding, padding : size[1] - padding]


def slip():
    return 2, 3, 3.5


# %% [markdown] hint="grow" step=1
# The first value stamps a kernel into the upper left corner. Where does the last value of the image stamp its own, and
# where does that stamp end? For the slip: how do you compare two tables without reading 36 numbers?

# %% [markdown] hint="grow" step=2
# One axis: the image 1, 2, the kernel 1, 5, a stride of 1. First stamp: 1, 5 at places 0 and 1. Second: 2, 10 at places
# 1 and 2. Added: 1, 7, 10. With a stride of 2 the second begins at place 2: 1, 5, 2, 10. With `padding=1` the two ends
# go: 5,
# 2. Now write down where a stamp begins, for any stride.

# %% [markdown] hint="grow" step=3
# ```python
# output = np.zeros((np.array(image.shape) - 1) * stride + kernel.shape + output_padding)
# output[top : top + kernel.shape[0], ...] += image[row, column] * kernel
# differs = np.abs(my_table - printed_table) > 0.051
# ```

# %% picture="grow" alt="Stamps on each of 9 by 9 pixels: ones, twos and fours alternate like a checkerboard."
import matplotlib.pyplot as plt

from course_lib import figures

figures.use_course_style()
figure, ax = plt.subplots(figsize=(4, 3.6))
figures.plot_matrix(
    grow(np.ones((4, 4)), np.ones((3, 3)), stride=2).astype(int), ax, title="grow(ones 4 × 4, ones 3 × 3)"
)
figures.show(figure, alt="Stamps on each of 9 by 9 pixels: ones, twos and fours alternate like a checkerboard.")

# %% [markdown]
# ## Before you go
#
# One sentence each, without looking back; nobody marks them. Why does a non-square image make a better test than a
# square one? Why does a layer of 64 filters with 3 × 3 kernels have many more than 64 · 9 weights? Why does a border of
# zeros hurt a maximum of Hounsfield units, and a mean as well?
