# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: "What did depth and GPUs change? Exercises"
#     level: beginner
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["05_alexnet_vgg"]
#     facts: [R13, R14, R15]
# ---

# %% [markdown]
# # 05 · What did depth and GPUs change? Exercises
#
# Six tasks, 22 points, about 80 minutes. The first three settle the tables of AlexNet and VGG for good; the fourth
# corrects dropout once and not twice; the last two turn a classifier into a net that looks everywhere.
#
# How it works: read the contract, write your code where `NotImplementedError` stands, run the cell, then run the checks
# below it. A check never stops the notebook; it shows what your code gave, what was wanted, and one question. Stuck?
# Open the first hint, try again, and only then the next. The first task leaves one gap, later ones leave more, and
# the last three are all yours. Graded are these checks and others of the same kind with other numbers, so write for
# every input that the contract allows.

# %% tags=["setup"]
import numpy as np

from course_lib.classroom import explain, hint_for

vgg16_blocks = [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]]

# %% [markdown]
# ## Warm-up: a worked example
#
# How many places does a kernel find, when the image, the stride and the padding are known? Three steps, all given:
# *span*, *room*, *steps*. Before you run it: which of the three images is AlexNet's?


# %%
def places(image_size, kernel_size, stride, padding):
    # 1 span: what the kernel covers at its first place
    span = kernel_size
    # 2 room: how far it can be pushed from there
    room = image_size + 2 * padding - span
    # 3 steps: whole strides that go into the room; the first place counts, too
    return room // stride + 1


places(224, 11, 4, padding=0), places(224, 11, 4, padding=2), places(227, 11, 4, padding=0)

# %% [markdown]
# ## Task 1 · 224 or 227? (3 points)
#
# Now backwards: the number of places is printed, the image is asked for. Several sizes may fit, since a stride can
# leave pixels over at the end. One gap is yours: step 2.
#
# | | |
# |---|---|
# | `num_places` | whole number ≥ 1, the width of the map |
# | `kernel_size`, `stride` | whole numbers ≥ 1 |
# | `padding` | whole number ≥ 0: pixels added at *each* end |
# | returns | list of all image sizes that give just so many places, from the smallest to the largest |
#
# The kernel is at least as large as the two paddings together, so every size is at least 1 when there are two places or
# more. Example: 2 places, kernel 3, stride 2, no padding: `[5, 6]`.


# %% task="image_sizes" points=3 withhold="course_lib.arithmetic"
def image_sizes(num_places, kernel_size, stride, padding=0):
    """List the sizes of image on which the kernel has so many places."""
    # 1 steps: between the first place and the last
    steps = num_places - 1
    # 2 smallest: the kernel stands at its last place, and no pixel is left over; the padding is no part of the image
    ### BEGIN SOLUTION
    smallest = steps * stride + kernel_size - 2 * padding
    ### END SOLUTION
    # 3 slack: one pixel less than a stride may be left over
    return list(range(smallest, smallest + stride))


# %% check="image_sizes" requirement="AlexNet's first layer" points=1 after="Which of these sizes wastes no pixel?"
got = image_sizes(55, 11, 4)
assert list(got) == [227, 228, 229, 230], explain(
    "image_sizes(55, 11, 4)",
    got,
    "[227, 228, 229, 230]",
    known=[
        ([231, 232, 233, 234], "Nearly there. How many steps lie between 55 places?"),
        ([216, 217, 218, 219], "The steps are right. How far does the kernel reach at its last place?"),
        ([220, 221, 222, 223], "Between 55 places lie 54 steps. And how far does the kernel reach at the last?"),
        ([227], "That one is right. Would one more pixel make a new place?"),
        ([605, 606, 607, 608], "Places are a stride apart, not a kernel apart: windows overlap."),
        (
            [226, 227, 228, 229],
            "Off by one: the kernel covers 11 pixels at its last place, the first of them included.",
        ),
    ],
    ask="Put the kernel on pixels 1 to 11 and push it 54 times by 4. On which pixel does it end?",
)

# %% check="image_sizes" requirement="padding is no part of the image" points=1
got = image_sizes(55, 11, 4, padding=2)
assert list(got) == [223, 224, 225, 226], explain(
    "image_sizes(55, 11, 4, padding=2)",
    got,
    "[223, 224, 225, 226]",
    known=[
        (
            [231, 232, 233, 234],
            "You made the image larger. Does padding *replace* pixels of the image, or add to them?",
        ),
        ([225, 226, 227, 228], "You took padding away at one end. At how many ends is it added?"),
        ([227, 228, 229, 230], "That is the padded image. How much of it is padding?"),
    ],
    ask="The padded image has 227 pixels. How many of them did somebody photograph?",
)

# %% hidden="image_sizes" requirement="any kernel, stride and padding" points=1
for _ in range(20):
    k, s, n = (int(number) for number in rng.integers((4, 2, 3), (12, 7, 40)))
    p = int(rng.integers(1, k // 2 + 1))
    first = (n - 1) * s + k - 2 * p
    known = [
        (list(range(first + s, first + 2 * s)), "How many steps lie between the places?"),
        (list(range(first - k, first - k + s)), "How far does the kernel reach at its last place?"),
        ([first], "Would one more pixel make a new place?"),
        (list(range(first + 4 * p, first + 4 * p + s)), "Does padding replace pixels of the image, or add to them?"),
        (list(range(first + p, first + p + s)), "At how many ends is padding added?"),
        (list(range(first + 2 * p, first + 2 * p + s)), "That is the padded image. How much of it is padding?"),
    ]
    got = image_sizes(n, k, s, p)
    assert list(got) == list(range(first, first + s)), hint_for(
        got, known=known, otherwise="A list is off. Try 3 places, kernel 4, stride 3, padding 1 on squared paper."
    )


# %% right="image_sizes"
def image_sizes(num_places, kernel_size, stride, padding=0):  # by trying
    fits = []
    for size in range(1, num_places * stride + kernel_size + 1):
        room = size + 2 * padding - kernel_size
        if room >= 0 and room // stride + 1 == num_places:
            fits.append(size)
    return fits


# %% wrong="image_sizes" hint="steps lie between"
def image_sizes(num_places, kernel_size, stride, padding=0):  # a step for each place
    smallest = num_places * stride + kernel_size - 2 * padding
    return list(range(smallest, smallest + stride))


# %% wrong="image_sizes" hint="How far does the kernel reach"
def image_sizes(num_places, kernel_size, stride, padding=0):  # the kernel has no size
    smallest = (num_places - 1) * stride - 2 * padding
    return list(range(smallest, smallest + stride))


# %% wrong="image_sizes" hint="replace"
def image_sizes(num_places, kernel_size, stride, padding=0):  # padding with the wrong sign
    smallest = (num_places - 1) * stride + kernel_size + 2 * padding
    return list(range(smallest, smallest + stride))


# %% wrong="image_sizes" hint="At how many ends"
def image_sizes(num_places, kernel_size, stride, padding=0):  # padding once
    smallest = (num_places - 1) * stride + kernel_size - padding
    return list(range(smallest, smallest + stride))


# %% wrong="image_sizes" hint="one more pixel"
def image_sizes(num_places, kernel_size, stride, padding=0):  # the slack forgotten
    return [(num_places - 1) * stride + kernel_size - 2 * padding]


# %% wrong="image_sizes" hint="That is the padded image"
def image_sizes(num_places, kernel_size, stride, padding=0):  # 224 without its padding
    smallest = (num_places - 1) * stride + kernel_size
    return list(range(smallest, smallest + stride))


# %% [markdown] hint="image_sizes" step=1
# The kernel stands at its last place. Which pixels, counted from the first one of the *padded* image, lie left of it,
# and which under it?

# %% [markdown] hint="image_sizes" step=2
# Three places, kernel 4, stride 3, padding 1. The last place begins after 2 · 3 = 6 pixels and covers 4: the padded
# image has 10. How many of the 10 are image, if one pixel was added at each end?

# %% [markdown] hint="image_sizes" step=3
# ```python
# padded = steps * stride + ...
# smallest = padded - ...
# ```

# %% [markdown]
# ## Task 2 · Towers (3 points)
#
# A convolution in groups: the input maps are dealt into as many groups of equal size, the output maps as well, and an
# output map reads the input maps of its own group only. Two gaps: steps 1 and 2.
#
# | | |
# |---|---|
# | `in_maps`, `out_maps` | whole numbers ≥ 1, multiples of `groups` |
# | `kernel_size` | whole number ≥ 1, height and width of a kernel |
# | `groups` | whole number ≥ 1; AlexNet's two towers are `groups=2` |
# | returns | whole number: weights and biases, a bias for each output map |
#
# Example: 4 maps into 2, kernel 3, two groups: each of the 2 output maps reads 2 maps, 2 · 2 · 9 + 2 = 38.


# %% task="tower_parameters" points=3 withhold="course_lib.arithmetic course_lib.models.alexnet course_lib.summary"
def tower_parameters(in_maps, out_maps, kernel_size, groups=1):
    """Count the trainable parameters of a convolution in groups."""
    # 1 read: how many input maps one output map reads
    ### BEGIN SOLUTION
    read = in_maps // groups
    ### END SOLUTION
    # 2 weights: of all output maps
    ### BEGIN SOLUTION
    weights = out_maps * read * kernel_size**2
    ### END SOLUTION
    # 3 biases
    return weights + out_maps


# %% check="tower_parameters" requirement="the second convolution of 2012" points=1 after="Why are the biases not halved?"
got = tower_parameters(96, 256, 5, groups=2)
assert got == 307_456, explain(
    "tower_parameters(96, 256, 5, groups=2)",
    got,
    "307456",
    known=[
        (614_656, "That is one tower. Does each filter see all 96 maps?"),
        (153_856, "Halved twice. There are two towers: did you count both?"),
        (307_328, "Nearly there: the weights are halved. Does each output map still have a bias of its own?"),
        (61_696, "How many weights are in a kernel of 5 × 5?"),
        (6_656, "Each filter reads 48 maps, with a kernel for each of them."),
        (307_200, "Those are the weights. Step 3 is given: is it still there?"),
    ],
    ask="One filter of the first tower: how many maps does it read, and how many weights has it?",
)
assert isinstance(got, int | np.integer), explain(
    "tower_parameters(96, 256, 5, groups=2)", got, "a whole number", ask="Which division gives a whole number?"
)

# %% check="tower_parameters" requirement="one group, and many" points=1
got = tower_parameters(3, 64, 3), tower_parameters(12, 24, 3, groups=4), tower_parameters(6, 6, 5, groups=6)
assert list(got) == [1_792, 672, 156], explain(
    "tower_parameters for 3 → 64 (kernel 3), 12 → 24 (kernel 3, 4 groups), 6 → 6 (kernel 5, 6 groups)",
    got,
    "[1792, 672, 156]",
    known=[
        ([1_792, 2_616, 906], "The first is right. Does each filter still see all maps when there are groups?"),
        ([1_792, 186, 31], "The first is right. Do groups make the *number of output maps* smaller, too?"),
    ],
    ask="With 6 groups of one map each, how many weights has a filter?",
)

# %% hidden="tower_parameters" requirement="any layer in groups" points=1
for _ in range(20):
    groups, a, b, k = (int(number) for number in rng.integers((2, 2, 2, 2), (6, 9, 9, 8)))
    in_maps, out_maps = groups * a, groups * b
    known = [
        (out_maps * in_maps * k * k + out_maps, "Does each filter see all maps?"),
        (b * a * k * k + out_maps, "You divided twice. There are several towers: did you count all?"),
        (b * a * k * k + b, "You counted one tower. How many are there?"),
        (out_maps * a * k * k + b, "Does each output map still have a bias of its own?"),
        (out_maps * a * k + out_maps, "How many weights are in a square kernel?"),
    ]
    got = tower_parameters(in_maps, out_maps, k, groups=groups)
    otherwise = "A count is off. Draw 4 maps, 2 output maps and 2 groups, and count the arrows."
    assert got == out_maps * a * k * k + out_maps, hint_for(got, known=known, otherwise=otherwise)


# %% right="tower_parameters"
def tower_parameters(in_maps, out_maps, kernel_size, groups=1):  # tower by tower
    one_tower = (out_maps // groups) * ((in_maps // groups) * kernel_size * kernel_size + 1)
    return groups * one_tower


# %% wrong="tower_parameters" hint="see all 96 maps"
def tower_parameters(in_maps, out_maps, kernel_size, groups=1):  # groups ignored
    return in_maps * out_maps * kernel_size**2 + out_maps


# %% wrong="tower_parameters" hint="did you count both"
def tower_parameters(in_maps, out_maps, kernel_size, groups=1):  # both numbers divided
    return (in_maps // groups) * (out_maps // groups) * kernel_size**2 + out_maps


# %% wrong="tower_parameters" hint="a bias of its own"
def tower_parameters(in_maps, out_maps, kernel_size, groups=1):  # biases divided
    return out_maps * (in_maps // groups) * kernel_size**2 + out_maps // groups


# %% wrong="tower_parameters" hint="a kernel of 5 × 5"
def tower_parameters(in_maps, out_maps, kernel_size, groups=1):  # a kernel is a row
    return out_maps * (in_maps // groups) * kernel_size + out_maps


# %% wrong="tower_parameters" hint="a kernel for each of them"
def tower_parameters(in_maps, out_maps, kernel_size, groups=1):  # one kernel an output map
    return out_maps * kernel_size**2 + out_maps


# %% [markdown] hint="tower_parameters" step=1
# Follow *one* output map. Which input maps does it read, and which does it never see?

# %% [markdown] hint="tower_parameters" step=2
# 6 maps into 4, kernel 1, two groups. Output maps 1 and 2 read input maps 1 to 3; output maps 3 and 4 read 4 to 6. That
# is 4 · 3 = 12 weights, and 4 biases: 16. In one tower it would be 4 · 6 + 4 = 28. What became smaller, and what not?

# %% [markdown] hint="tower_parameters" step=3
# ```python
# read = in_maps // ...
# weights = out_maps * ...  # kernels, and weights in a kernel
# ```

# %% [markdown]
# ## Task 3 · A net as one line of data (5 points)
#
# A VGG is a list of blocks; a block is the list of maps that its 3 × 3 convolutions make (stride 1, padding 1, so the
# size stays). After each block a pool halves the maps. Then come three dense layers: to `hidden` units, to `hidden`
# units, to `classes`. Every layer has biases; MACs count weights only (a multiplication with its addition). Two gaps:
# steps 1 and 3.
#
# | | |
# |---|---|
# | `blocks` | list of lists of whole numbers, such as `vgg16_blocks` |
# | `image_size` | whole number that can be halved once a block |
# | `in_maps`, `hidden`, `classes` | whole numbers ≥ 1 |
# | returns | a dict: `"conv_parameters"`, a list with a number for each *block*; `"dense_parameters"`, a list of three; `"conv_macs"` and `"dense_macs"`, whole numbers, for one image |
#
# Example: `[[2]]` on 4 × 4 grey pixels: one block with 2 · (1 · 9 + 1) = 20 parameters and 2 · 9 · 16 = 288 MACs, and a
# first dense layer that reads 2 maps of 2 × 2.


# %% task="count_vgg" points=5 withhold="course_lib.arithmetic course_lib.models.vgg course_lib.summary"
def count_vgg(blocks, image_size, in_maps=3, hidden=4096, classes=1000):
    """Count parameters and work of a VGG."""
    conv_parameters, conv_macs, size = [], 0, image_size
    for block in blocks:
        parameters = 0
        for maps in block:
            # 1 convolution: its parameters, and its work at every place; it reads the maps of the layer before
            ### BEGIN SOLUTION
            parameters += maps * (in_maps * 9 + 1)
            conv_macs += maps * in_maps * 9 * size**2
            in_maps = maps
            ### END SOLUTION
        conv_parameters.append(parameters)
        # 2 pool
        size = size // 2
    # 3 dense layers: what the first one reads, then parameters and work of all three
    ### BEGIN SOLUTION
    pairs = [(in_maps * size**2, hidden), (hidden, hidden), (hidden, classes)]  # what it reads, what it makes
    dense_parameters = [(reads + 1) * makes for reads, makes in pairs]
    # equivalent: `makes, reads`: a product has no order
    dense_macs = sum(reads * makes for reads, makes in pairs)
    ### END SOLUTION
    return {
        "conv_parameters": conv_parameters,
        "dense_parameters": dense_parameters,
        "conv_macs": conv_macs,
        "dense_macs": dense_macs,
    }


# %% check="count_vgg" requirement="the blocks of VGG-16" points=1
got = count_vgg(vgg16_blocks, 224)["conv_parameters"]
assert list(got) == [38_720, 221_440, 1_475_328, 5_899_776, 7_079_424], explain(
    'count_vgg(vgg16_blocks, 224)["conv_parameters"]',
    got,
    "[38720, 221440, 1475328, 5899776, 7079424]",
    known=[
        (
            [1_280, 2_560, 7_680, 15_360, 15_360],
            "Each map has one kernel in your count. How many maps does a filter read?",
        ),
        (
            [38_592, 221_184, 1_474_560, 5_898_240, 7_077_888],
            "Those are the weights. What else does each map train?",
        ),
        (
            [3_584, 7_168, 21_504, 43_008, 43_008],
            "Every layer of yours reads the 3 colours. What does the second convolution read?",
        ),
    ],
    ask="By hand, block 1: 64 · (3 · 9 + 1) and 64 · (64 · 9 + 1). At which of the two do you differ?",
)

# %% check="count_vgg" requirement="the dense layers of VGG-16" points=1 after="What is the 49 in 512 · 49?"
got = count_vgg(vgg16_blocks, 224)["dense_parameters"]
assert list(got) == [102_764_544, 16_781_312, 4_097_000], explain(
    'count_vgg(vgg16_blocks, 224)["dense_parameters"]',
    got,
    "[102764544, 16781312, 4097000]",
    known=[
        ([2_101_248, 16_781_312, 4_097_000], "What is left of width and height when you flatten?"),
        ([14_684_160, 16_781_312, 4_097_000], "Seven cells a map? The maps have rows *and* columns."),
        ([102_760_448, 16_777_216, 4_096_000], "Those are the weights. What else does each unit train?"),
        ([411_045_888, 16_781_312, 4_097_000], "Your maps are 14 × 14. Is there a pool after the last block?"),
    ],
    ask="512 maps come out of the last pool. How large are they, and how many numbers is that in all?",
)

# %% check="count_vgg" requirement="where the work is" points=1 after="A colleague says that the dense layers make VGG slow. Your answer, in one sentence?"
counts = count_vgg(vgg16_blocks, 224)
got = [counts["conv_macs"], counts["dense_macs"]]
assert got == [15_346_630_656, 123_633_664], explain(
    "conv_macs and dense_macs of VGG-16",
    got,
    "[15346630656, 123633664]",
    known=[
        ([14_710_464, 123_633_664], "A weight of a kernel is used once in your count. At how many places is it used?"),
        ([14_714_688, 123_642_856], "Those are the parameters. How often is a weight of a kernel used in one image?"),
        ([15_346_630_656, 123_642_856], "The dense layers: is there a multiplication in a bias?"),
    ],
    ask="The first convolution makes 64 maps of 224 × 224, each number from 27 products. Is that what you count?",
)

# %% hidden="count_vgg" requirement="any blocks" points=2
for _ in range(10):
    blocks = [[int(m) for m in rng.integers(2, 9, size=rng.integers(1, 4))] for _ in range(int(rng.integers(2, 4)))]
    size, channels, hidden, classes = (int(number) for number in rng.integers((3, 1, 3, 2), (6, 4, 9, 7)))
    image, shape, reads, macs, parameters = size * 2 ** len(blocks), size * 2 ** len(blocks), channels, 0, []
    for block in blocks:
        sizes = [reads, *block]
        parameters.append(sum(b * (9 * a + 1) for a, b in zip(sizes[:-1], block, strict=True)))
        macs += sum(9 * a * b * shape**2 for a, b in zip(sizes[:-1], block, strict=True))
        shape, reads = shape // 2, block[-1]
    flat = reads * shape**2
    dense = [hidden * (flat + 1), hidden * (hidden + 1), classes * (hidden + 1)]
    got = count_vgg(blocks, image, channels, hidden, classes)
    assert list(got["conv_parameters"]) == parameters, (
        "A block is off: what does each convolution read, and is its bias counted?"
    )
    assert list(got["dense_parameters"]) == dense, hint_for(
        list(got["dense_parameters"]),
        known=[
            ([hidden * (reads + 1), *dense[1:]], "What is left of width and height when you flatten?"),
            ([hidden * (reads * shape + 1), *dense[1:]], "The maps have rows *and* columns."),
            ([hidden * (4 * flat + 1), *dense[1:]], "Is there a pool after the last block?"),
        ],
        otherwise="A dense layer is off: what does it read, and is its bias counted?",
    )
    assert got["conv_macs"] == macs, "The work of the convolutions is off: how large are the maps at each layer?"
    assert got["dense_macs"] == hidden * flat + hidden**2 + classes * hidden, (
        "The work of the dense layers is off: every weight is used once, and a bias is no multiplication."
    )


# %% right="count_vgg"
def count_vgg(blocks, image_size, in_maps=3, hidden=4096, classes=1000):  # layers first, then sums
    layers = []  # (block, reads, makes, size)
    for number, block in enumerate(blocks):
        for maps in block:
            layers.append((number, in_maps, maps, image_size // 2**number))
            in_maps = maps
    flat = in_maps * (image_size // 2 ** len(blocks)) ** 2
    return {
        "conv_parameters": [
            sum(b * (9 * a + 1) for n, a, b, _ in layers if n == number) for number in range(len(blocks))
        ],
        "dense_parameters": [hidden * (flat + 1), hidden * (hidden + 1), classes * (hidden + 1)],
        "conv_macs": sum(9 * a * b * size * size for _, a, b, size in layers),
        "dense_macs": hidden * (flat + hidden + classes),
    }


# %% wrong="count_vgg" hint="width and height when you flatten"
def count_vgg(blocks, image_size, in_maps=3, hidden=4096, classes=1000):  # flatten leaves the channels
    conv_parameters, conv_macs, size = [], 0, image_size
    for block in blocks:
        conv_parameters.append(0)
        for maps in block:
            conv_parameters[-1] += maps * (in_maps * 9 + 1)
            conv_macs += maps * in_maps * 9 * size**2
            in_maps = maps
        size //= 2
    pairs = [(in_maps, hidden), (hidden, hidden), (hidden, classes)]
    return {
        "conv_parameters": conv_parameters,
        "dense_parameters": [b * (a + 1) for a, b in pairs],
        "conv_macs": conv_macs,
        "dense_macs": sum(a * b for a, b in pairs),
    }


# %% wrong="count_vgg" hint="How many maps does a filter read"
def count_vgg(blocks, image_size, in_maps=3, hidden=4096, classes=1000):  # one kernel a map
    conv_parameters, conv_macs, size = [], 0, image_size
    for block in blocks:
        conv_parameters.append(sum(maps * 10 for maps in block))
        conv_macs += sum(maps * 9 * size**2 for maps in block)
        size //= 2
    pairs = [(blocks[-1][-1] * size**2, hidden), (hidden, hidden), (hidden, classes)]
    return {
        "conv_parameters": conv_parameters,
        "dense_parameters": [b * (a + 1) for a, b in pairs],
        "conv_macs": conv_macs,
        "dense_macs": sum(a * b for a, b in pairs),
    }


# %% wrong="count_vgg" hint="reads the 3 colours"
def count_vgg(blocks, image_size, in_maps=3, hidden=4096, classes=1000):  # the maps before are not passed on
    conv_parameters, conv_macs, size = [], 0, image_size
    for block in blocks:
        conv_parameters.append(sum(maps * (in_maps * 9 + 1) for maps in block))
        conv_macs += sum(maps * in_maps * 9 * size**2 for maps in block)
        size //= 2
    pairs = [(blocks[-1][-1] * size**2, hidden), (hidden, hidden), (hidden, classes)]
    return {
        "conv_parameters": conv_parameters,
        "dense_parameters": [b * (a + 1) for a, b in pairs],
        "conv_macs": conv_macs,
        "dense_macs": sum(a * b for a, b in pairs),
    }


# %% wrong="count_vgg" hint="At how many places is it used"
def count_vgg(blocks, image_size, in_maps=3, hidden=4096, classes=1000):  # weights taken for work
    conv_parameters, conv_macs = [], 0
    for block in blocks:
        conv_parameters.append(0)
        for maps in block:
            conv_parameters[-1] += maps * (in_maps * 9 + 1)
            conv_macs += maps * in_maps * 9
            in_maps = maps
    pairs = [(in_maps * (image_size // 2 ** len(blocks)) ** 2, hidden), (hidden, hidden), (hidden, classes)]
    return {
        "conv_parameters": conv_parameters,
        "dense_parameters": [b * (a + 1) for a, b in pairs],
        "conv_macs": conv_macs,
        "dense_macs": sum(a * b for a, b in pairs),
    }


# %% wrong="count_vgg" hint="Is there a pool after the last block"
def count_vgg(blocks, image_size, in_maps=3, hidden=4096, classes=1000):  # pools between blocks only
    conv_parameters, conv_macs, size = [], 0, image_size
    for number, block in enumerate(blocks):
        size = image_size // 2**number
        conv_parameters.append(0)
        for maps in block:
            conv_parameters[-1] += maps * (in_maps * 9 + 1)
            conv_macs += maps * in_maps * 9 * size**2
            in_maps = maps
    pairs = [(in_maps * size**2, hidden), (hidden, hidden), (hidden, classes)]
    return {
        "conv_parameters": conv_parameters,
        "dense_parameters": [b * (a + 1) for a, b in pairs],
        "conv_macs": conv_macs,
        "dense_macs": sum(a * b for a, b in pairs),
    }


# %% wrong="count_vgg" hint="What else does each map train"
def count_vgg(blocks, image_size, in_maps=3, hidden=4096, classes=1000):  # no biases
    conv_parameters, conv_macs, size = [], 0, image_size
    for block in blocks:
        conv_parameters.append(0)
        for maps in block:
            conv_parameters[-1] += maps * in_maps * 9
            conv_macs += maps * in_maps * 9 * size**2
            in_maps = maps
        size //= 2
    pairs = [(in_maps * size**2, hidden), (hidden, hidden), (hidden, classes)]
    return {
        "conv_parameters": conv_parameters,
        "dense_parameters": [a * b for a, b in pairs],
        "conv_macs": conv_macs,
        "dense_macs": sum(a * b for a, b in pairs),
    }


# %% [markdown] hint="count_vgg" step=1
# Walk through the net with two notes in your hand: how many maps come in, and how large they are. After which steps
# does each note change?

# %% [markdown] hint="count_vgg" step=2
# `[[2, 3]]` on 4 × 4 grey pixels. First layer: 2 · (1 · 9 + 1) = 20 parameters, 2 · 1 · 9 · 16 = 288 MACs. Second: 3 ·
# (2 · 9 + 1) = 57 and 3 · 2 · 9 · 16 = 864. Then the pool: 3 maps of 2 × 2. How many numbers does the first dense layer
# read?

# %% [markdown] hint="count_vgg" step=3
# ```python
# parameters += maps * (in_maps * 9 + 1)
# conv_macs += ...  # the same weights, at every place
# in_maps = ...
# pairs = [(in_maps * ..., hidden), (hidden, hidden), (hidden, classes)]
# ```

# %% picture="count_vgg" alt="Parameters and work of VGG-16: dense layers hold most of the first, convolutions nearly all of the second."
import matplotlib.pyplot as plt

from course_lib import figures

figures.use_course_style()
counts = count_vgg(vgg16_blocks, 224)
shares = {
    "parameters": (sum(counts["conv_parameters"]), sum(counts["dense_parameters"])),
    "work (MACs)": (counts["conv_macs"], counts["dense_macs"]),
}
figure, ax = plt.subplots(figsize=(6.5, 2))
for row, (conv, dense) in enumerate(shares.values()):
    for left, part, colour in ((0, conv, "#0072B2"), (conv, dense, "#E69F00")):
        ax.barh(row, 100 * part / (conv + dense), left=100 * left / (conv + dense), color=colour)
ax.set_yticks(range(2), shares)
ax.set(xlabel="share of VGG-16 (%), blue: convolutions, orange: dense layers", xlim=(0, 100))
figures.show(
    figure,
    alt="Parameters and work of VGG-16: dense layers hold most of the first, convolutions nearly all of the second.",
)

# %% [markdown]
# ## Task 4 · Dropout, corrected once (3 points)
#
# As torch does it: in training, units are set to zero with a chance of `p`, and the others are made larger so that the
# *expected* value stays what it was. In evaluation there is nothing to correct. Which units survive has been drawn for
# you; the rest is all yours, from here on.
#
# | | |
# |---|---|
# | `x` | array, any shape, any numbers |
# | `survives` | bool array of the same shape: True with a chance of 1 − p |
# | `p` | number, 0 ≤ p < 1: the chance to be set to *zero* |
# | `training` | True in training, False in evaluation |
# | returns | array of the same shape |
#
# Example: in training with p = 0.75, a surviving 1 becomes 4.


# %% task="dropout" points=3
def dropout(x, survives, p, training):
    """Set units to zero in training so that the expected value of each stays; leave them alone in evaluation."""
    ### BEGIN SOLUTION
    if not training:
        return x
    return x * survives / (1 - p)
    ### END SOLUTION


# %% check="dropout" requirement="the expected value stays in training" points=1
x = np.array([[1.0, -2], [3, 4]])
survives = np.array([[True, False], [True, True]])
got = dropout(x, survives, 0.2, True)
assert np.shape(got) == (2, 2), explain(
    "The shape of dropout(2 × 2 numbers, …)", np.shape(got), "(2, 2)", ask="Are lost units set to zero, or left out?"
)
assert np.allclose(got, [[1.25, 0], [3.75, 5]]), explain(
    "dropout([[1, −2], [3, 4]], all but −2 survive, p=0.2, training=True)",
    got,
    "[[1.25, 0], [3.75, 5]]",
    known=[
        ([[1, 0], [3, 4]], "The right ones are gone. On average a unit now says less than before: by which factor?"),
        ([[0.8, 0], [2.4, 3.2]], "The survivors became smaller. Must they speak louder or softer for the missing?"),
        ([[5, 0], [15, 20]], "p is the chance to be *lost*. Which share survives?"),
        ([[0, -2.5], [0, 0]], "You kept the lost and lost the kept: what does True stand for?"),
        ([[1, -2], [3, 4]], "Nothing happened. In which of the two modes are units set to zero?"),
    ],
    ask="A 1 survives with a chance of 0.8. By what must it be multiplied so that its mean is still 1?",
)

# %% check="dropout" requirement="nothing to correct in evaluation" points=1 after="In the paper of 2012, what was done at test time, and why not here?"
x = np.array([[1.0, -2], [3, 4]])
survives = np.array([[True, False], [True, True]])
got = dropout(x, survives, 0.2, False)
assert np.shape(got) == (2, 2), explain(
    "The shape of dropout(2 × 2 numbers, …)", np.shape(got), "(2, 2)", ask="Which axis is gone?"
)
assert np.allclose(got, [[1, -2], [3, 4]]), explain(
    "dropout([[1, −2], [3, 4]], all but −2 survive, p=0.2, training=False)",
    got,
    "[[1, −2], [3, 4]], as it came",
    known=[
        ([[0.8, -1.6], [2.4, 3.2]], "When were the lost units already made up for, in training or now?"),
        (
            [[1.25, 0], [3.75, 5]],
            "Units are lost in evaluation, too: the same scan would get another answer each time.",
        ),
        ([[1, 0], [3, 4]], "Units are lost in evaluation, too: the same scan would get another answer each time."),
        ([[1.25, -2.5], [3.75, 5]], "All units speak now. For whom do they speak louder?"),
    ],
    ask="Nobody is missing in evaluation. What is there to make up for?",
)
# %% hidden="dropout" requirement="any p, any shape" points=1
for training in (True, False, True, False):
    shape = tuple(int(n) for n in rng.integers(2, 6, size=rng.integers(1, 4)))
    p = float(rng.uniform(0.1, 0.4))
    x = rng.normal(size=shape) + 3
    survives = rng.random(shape) > p
    survives.flat[0], survives.flat[1] = True, False
    right = x * survives / (1 - p) if training else x
    got = dropout(x, survives, p, training)
    assert np.shape(got) == shape, "The result has another shape than x."
    known = [
        (x * survives, "On average a unit now says less than in evaluation: by which factor?"),
        (x * survives / p, "p is the chance to be lost. Which share survives?"),
        (x * ~survives / (1 - p), "What does True stand for, the lost or the kept?"),
        (x * (1 - p), "When were the lost units already made up for, in training or in evaluation?"),
        (x * survives / (1 - p), "Units are lost in evaluation, too."),
    ]
    otherwise = "A value is off. Try p = 0.1 with a single unit that survives, in both modes."
    assert np.allclose(got, right), hint_for(got, known=known, otherwise=otherwise)


# %% right="dropout"
def dropout(x, survives, p, training):  # by choosing
    return np.where(survives, x / (1 - p), 0.0) if training else x.copy()


# %% wrong="dropout" hint="already made up for"
def dropout(x, survives, p, training):  # corrected twice, after the paper
    return x * survives / (1 - p) if training else x * (1 - p)


# %% wrong="dropout" hint="by which factor"
def dropout(x, survives, p, training):  # not corrected
    return x * survives if training else x


# %% wrong="dropout" hint="Which share survives"
def dropout(x, survives, p, training):  # divided by the wrong chance
    return x * survives / p if training else x


# %% wrong="dropout" hint="what does True stand for"
def dropout(x, survives, p, training):  # the mask is read the other way round
    return x * ~survives / (1 - p) if training else x


# %% wrong="dropout" hint="another answer each time"
def dropout(x, survives, p, training):  # no evaluation mode
    return x * survives / (1 - p)


# %% [markdown] hint="dropout" step=1
# Two questions. In which mode is somebody missing? And if each unit is heard in 8 of 10 rounds only, how loud must it
# speak to be as loud on average?

# %% [markdown] hint="dropout" step=2
# p = 0.75: of four rounds, one is heard. A 1 must say 4 in that round: (4 + 0 + 0 + 0) / 4 = 1. Which formula gives 4
# for 0.75, and 1.25 for 0.2?

# %% [markdown] hint="dropout" step=3
# ```python
# if not training:
#     return ...
# return x * survives / ...
# ```

# %% [markdown]
# ## Task 5 · A dense layer, everywhere (4 points)
#
# A dense layer was trained on maps of h × w cells: `y = weight @ maps.reshape(-1) + bias`. Now the maps are larger.
# Give its answer at every place where its h × w window fits; numpy will do, and so will loops.
#
# | | |
# |---|---|
# | `maps` | array (C, H, W), H ≥ h, W ≥ w |
# | `weight`, `bias` | arrays (O, C·h·w) and (O,) |
# | `size` | (h, w), the size of the maps in training |
# | returns | array (O, H − h + 1, W − w + 1) |
#
# Example: `maps` of shape (16, 93, 141) and a weight of (64, 144) with size (3, 3) give (64, 91, 139).


# %% task="dense_everywhere" points=4 withhold="course_lib.models.fcn"
def dense_everywhere(maps, weight, bias, size):
    """Apply a dense layer at every place of larger maps."""
    ### BEGIN SOLUTION
    # equivalent: `len(bias)`: an output for each bias
    kernels = weight.reshape(len(weight), len(maps), *size)  # flatten ran over maps, then rows, then columns
    windows = np.lib.stride_tricks.sliding_window_view(maps, size, axis=(1, 2))  # (C, rows, columns, h, w)
    return np.einsum("ocij,cyxij->oyx", kernels, windows) + bias[:, None, None]
    ### END SOLUTION


# %% check="dense_everywhere" requirement="the dense layer itself, where there is one place" points=1
maps = np.arange(12.0).reshape(2, 2, 3) ** 2  # 2 maps of 2 × 3
weight = np.array([[1.0, 0, 0, 0, 0, 2], [0, 3, 0, 1, 0, 0]])
weight = np.concatenate([weight, weight[::-1] - 1], axis=1)  # (2, 12)
bias = np.array([0.5, -100])
got = dense_everywhere(maps, weight, bias, (2, 3))
assert np.shape(got) == (2, 1, 1), explain(
    "The shape of dense_everywhere(2 maps of 2 × 3, …, size=(2, 3))",
    np.shape(got),
    "(2, 1, 1)",
    known=[((2,), "The numbers stand in a row. Where are the axes of the map, with one place each?")],
    ask="Two outputs, and one place down and one across: how many axes is that?",
)
by_hand = weight @ maps.reshape(-1) + bias
last = (maps.transpose(1, 2, 0).reshape(-1) * weight).sum(axis=1) + bias
columns_first = (maps.transpose(0, 2, 1).reshape(-1) * weight).sum(axis=1) + bias
turned = (maps[:, ::-1, ::-1].reshape(-1) * weight).sum(axis=1) + bias
assert np.allclose(got, by_hand[:, None, None]), explain(
    "dense_everywhere(maps, weight, bias, (2, 3))[:, 0, 0]",
    np.asarray(got)[:, 0, 0],
    "what weight @ maps.reshape(-1) + bias gives",
    known=[
        (last, "flatten ran through which axis last? Your view must undo just that: maps, rows, columns."),
        (columns_first, "The maps are in order. Within a map, did flatten run along the rows or down the columns?"),
        (turned, "The kernel came in upside down: lay it on without turning it."),
        (by_hand - bias, "The products are right. What is still missing?"),
    ],
    ask="Number the cells of the maps in the order of reshape(-1). Which weight meets cell (map 1, row 0, column 2)?",
)

# %% check="dense_everywhere" requirement="at every place of larger maps" points=1 after="Which weights were trained again for the larger maps?"
maps = np.arange(2 * 4 * 6.0).reshape(2, 4, 6) ** 1.5
weight = np.arange(24.0).reshape(2, 12) % 7
bias = np.array([0.5, -100])
got = dense_everywhere(maps, weight, bias, (2, 3))
assert np.shape(got) == (2, 3, 4), explain(
    "The shape of dense_everywhere(2 maps of 4 × 6, …, size=(2, 3))",
    np.shape(got),
    "(2, 3, 4)",
    known=[
        ((2, 2, 2), "Your windows stand side by side. May they overlap?"),
        ((2, 4, 6), "As large as the maps: does the window fit around the last cell?"),
        ((3, 4, 2), "All numbers may be there. Which axis should the outputs be?"),
    ],
    ask="At how many rows can a window of 2 rows begin, when there are 4?",
)
corner = weight @ maps[:, 2:, 3:].reshape(-1) + bias  # the last place
assert np.allclose(np.asarray(got)[:, 2, 3], corner), explain(
    "dense_everywhere(2 maps of 4 × 6, …)[:, 2, 3]",
    np.asarray(got)[:, 2, 3],
    "what the dense layer says of maps[:, 2:4, 3:6]",
    known=[(corner - bias, "The products are right. What is still missing?")],
    ask="Which cells of the maps does the window at row 2, column 3 cover?",
)

# %% hidden="dense_everywhere" requirement="any maps, any window" points=2
for _ in range(10):
    c, o, h, w = (int(n) for n in rng.integers((2, 2, 2, 2), (5, 5, 4, 4)))
    w = h + 1 if w == h else w
    maps = rng.normal(size=(c, h + int(rng.integers(1, 5)), w + int(rng.integers(1, 5))))
    weight, bias = rng.normal(size=(o, c * h * w)), rng.normal(size=o) + 5
    rows, columns = maps.shape[1] - h + 1, maps.shape[2] - w + 1
    right, last, turned = (np.zeros((o, rows, columns)) for _ in range(3))
    for y, x in np.ndindex(rows, columns):
        window = maps[:, y : y + h, x : x + w]
        right[:, y, x] = weight @ window.reshape(-1) + bias
        last[:, y, x] = weight @ window.transpose(1, 2, 0).reshape(-1) + bias
        turned[:, y, x] = weight @ window[:, ::-1, ::-1].reshape(-1) + bias
    got = dense_everywhere(maps, weight, bias, (h, w))
    assert np.shape(got) == right.shape, (
        "The map of answers has another shape than the contract says. Which axis is it?"
    )
    known = [
        (last, "flatten ran through which axis last? Your view must undo just that."),
        (turned, "The kernel came in upside down: lay it on without turning it."),
        (right - bias[:, None, None], "The products are right. What is still missing?"),
    ]
    otherwise = "An answer is off. Try one map of 2 × 4, a window of 2 × 3 and weights 1 to 6 on paper."
    assert np.allclose(got, right), hint_for(got, known=known, otherwise=otherwise)


# %% right="dense_everywhere"
def dense_everywhere(maps, weight, bias, size):  # window by window
    rows, columns = maps.shape[1] - size[0] + 1, maps.shape[2] - size[1] + 1
    answers = np.zeros((len(weight), rows, columns))
    for row in range(rows):
        for column in range(columns):
            window = maps[:, row : row + size[0], column : column + size[1]]
            answers[:, row, column] = weight @ window.reshape(-1) + bias
    return answers


# %% right="dense_everywhere"
def dense_everywhere(maps, weight, bias, size):  # as the lecture does
    import torch

    maps, weight, bias = (torch.tensor(array, dtype=torch.float64) for array in (maps, weight, bias))
    return torch.nn.functional.conv2d(maps[None], weight.reshape(len(bias), len(maps), *size), bias)[0].numpy()


# %% wrong="dense_everywhere" hint="flatten ran through which axis last"
def dense_everywhere(maps, weight, bias, size):  # channels last
    kernels = weight.reshape(len(weight), *size, len(maps)).transpose(0, 3, 1, 2)
    windows = np.lib.stride_tricks.sliding_window_view(maps, size, axis=(1, 2))
    return np.einsum("ocij,cyxij->oyx", kernels, windows) + bias[:, None, None]


# %% wrong="dense_everywhere" hint="along the rows or down the columns"
def dense_everywhere(maps, weight, bias, size):  # rows and columns exchanged
    kernels = weight.reshape(len(weight), len(maps), size[1], size[0]).transpose(0, 1, 3, 2)
    windows = np.lib.stride_tricks.sliding_window_view(maps, size, axis=(1, 2))
    return np.einsum("ocij,cyxij->oyx", kernels, windows) + bias[:, None, None]


# %% wrong="dense_everywhere" hint="What is still missing"
def dense_everywhere(maps, weight, bias, size):  # no bias
    kernels = weight.reshape(len(weight), len(maps), *size)
    windows = np.lib.stride_tricks.sliding_window_view(maps, size, axis=(1, 2))
    return np.einsum("ocij,cyxij->oyx", kernels, windows)


# %% wrong="dense_everywhere" hint="May they overlap"
def dense_everywhere(maps, weight, bias, size):  # windows side by side
    kernels = weight.reshape(len(weight), len(maps), *size)
    windows = np.lib.stride_tricks.sliding_window_view(maps, size, axis=(1, 2))[:, :: size[0], :: size[1]]
    return np.einsum("ocij,cyxij->oyx", kernels, windows) + bias[:, None, None]


# %% wrong="dense_everywhere" hint="without turning it"
def dense_everywhere(maps, weight, bias, size):  # the textbook's convolution
    kernels = weight.reshape(len(weight), len(maps), *size)[:, :, ::-1, ::-1]
    windows = np.lib.stride_tricks.sliding_window_view(maps, size, axis=(1, 2))
    return np.einsum("ocij,cyxij->oyx", kernels, windows) + bias[:, None, None]


# %% [markdown] hint="dense_everywhere" step=1
# What would the dense layer say of the upper left h × w cells of all maps? And which cells does the next place need?

# %% [markdown] hint="dense_everywhere" step=2
# One map of 2 × 4, size (2, 3): there are two places, columns 0 to 2 and columns 1 to 3. Cut out each window as
# `maps[:, 0:2, ...]`, flatten it, multiply with `weight`, add `bias`. Which shape has the answer for one output?

# %% [markdown] hint="dense_everywhere" step=3
# ```python
# window = maps[:, row : row + h, ...]
# answers[:, row, column] = weight @ window.reshape(-1) + ...
# ```

# %% [markdown]
# ## Task 6 · What a cell sees (4 points)
#
# A map of answers is of use only if one knows where on the image each answer belongs. Layers without padding follow
# each other; give the window of the image that one cell of the last map depends on.
#
# | | |
# |---|---|
# | `row`, `column` | whole numbers ≥ 0: the cell of the last map |
# | `layers` | list of pairs `(kernel_size, stride)` from the image up: convolutions and pools alike, the same on both axes |
# | returns | `(top, bottom, left, right)`: first row and the row *after* the last one, first column and the column after the last one, so that `image[top:bottom, left:right]` is the window |
#
# Example: a 3 × 3 convolution and a pool of 2 × 2 with stride 2. Cell (0, 1) sees rows 0 to 3 and columns 2 to 5:
# `(0, 4, 2, 6)`.


# %% task="cell_window" points=4 withhold="course_lib.arithmetic course_lib.models.fcn course_lib.summary"
def cell_window(row, column, layers):
    """Return the window of the image that a cell of the last map sees."""
    ### BEGIN SOLUTION
    field, jump = 1, 1
    for kernel_size, stride in layers:
        field += (kernel_size - 1) * jump
        jump *= stride
    return row * jump, row * jump + field, column * jump, column * jump + field
    ### END SOLUTION


# %% check="cell_window" requirement="VGG's threes" points=1
got = cell_window(0, 2, [(3, 1)] * 3)
assert tuple(got) == (0, 7, 2, 9), explain(
    "cell_window(0, 2, three 3 × 3 convolutions)",
    got,
    "(0, 7, 2, 9)",
    known=[
        ((0, 27, 2, 29), "Fields do not multiply. How many new pixels does each further layer add on each side?"),
        ((0, 9, 2, 11), "Three times three? How many new pixels does each further layer add on each side?"),
        ((0, 6, 2, 8), "One too few: is the last index the row after the last one?"),
        ((2, 9, 0, 7), "The numbers are right. Which pair belongs to the rows?"),
        ((0, 7, 14, 21), "Do neighbouring cells see windows side by side, or do the windows overlap?"),
    ],
    ask="The third layer's cell sees 3 cells of the second map. How many of the first map do these 3 see together?",
)

# %% check="cell_window" requirement="strides stretch what comes after them" points=1 after="Why did the lecture's reader learn digits up to 2 pixels off the middle?"
reader = [(3, 1), (3, 1), (2, 2), (3, 1), (3, 1), (2, 2), (3, 1)]
got = cell_window(30, 70, reader)
assert tuple(got) == (120, 144, 280, 304), explain(
    "cell_window(30, 70, the layers of the lecture's reader)",
    got,
    "(120, 144, 280, 304)",
    known=[
        ((120, 148, 280, 308), "A pool's own window is as wide as before. Whose steps does a stride stretch?"),
        ((120, 133, 280, 293), "Strides stretch the steps of later layers: how far apart are two cells after a pool?"),
        ((60, 84, 140, 164), "The size is right. Two pools with stride 2: how many pixels from a cell to the next?"),
        ((30, 54, 70, 94), "The size is right. How many pixels lie between two neighbouring cells of the last map?"),
        ((120, 143, 280, 303), "One too few: is the last index the row after the last one?"),
        ((720, 744, 1680, 1704), "Do neighbouring cells see windows side by side, or do the windows overlap?"),
    ],
    ask="After the first pool two cells are 2 pixels apart, after the second 4. What does a 3 × 3 kernel add there?",
)

# %% hidden="cell_window" requirement="any layers, any cell" points=2
for _ in range(20):
    count = int(rng.integers(4, 7))
    kernels, strides = rng.integers(2, 6, size=count), rng.integers(1, 4, size=count)
    strides[:2] = rng.permutation([2, 3])
    layers = [(int(k), int(s)) for k, s in zip(kernels, strides, strict=True)]
    row, column = (int(n) for n in rng.permutation(np.arange(2, 9))[:2])
    field = own_first = jump = jump_first = 1
    for k, s in layers:
        field += (k - 1) * jump
        jump *= s
        jump_first *= s
        own_first += (k - 1) * jump_first
    flat = 1 + sum(k - 1 for k, _ in layers)
    top, left = row * jump, column * jump
    known = [
        (
            (top, top + own_first, left, left + own_first),
            "Whose steps does a stride stretch, its own or the later ones?",
        ),
        ((top, top + flat, left, left + flat), "Strides stretch the steps of later layers. By how much?"),
        ((top, top + field - 1, left, left + field - 1), "Is the last index the row after the last one?"),
        ((left, left + field, top, top + field), "Which pair belongs to the rows?"),
        (
            (row * sum(strides), row * sum(strides) + field, column * sum(strides), column * sum(strides) + field),
            "Two strides of 2: are two cells 4 pixels apart? And after three?",
        ),
    ]
    got = cell_window(row, column, layers)
    otherwise = "A window is off. Draw one axis: kernel 2 with stride 2, then kernel 3, and follow cell 1 down."
    assert tuple(got) == (top, top + field, left, left + field), hint_for(tuple(got), known=known, otherwise=otherwise)


# %% right="cell_window"
def cell_window(row, column, layers):  # from the cell down to the image
    spans = []
    for cell in (row, column):
        first = last = cell
        for kernel_size, stride in reversed(layers):
            first, last = first * stride, last * stride + kernel_size - 1
        spans += [first, last + 1]
    return tuple(spans)


# %% wrong="cell_window" hint="How many new pixels"
def cell_window(row, column, layers):  # fields multiply
    field, jump = 1, 1
    for kernel_size, stride in layers:
        field *= kernel_size
        jump *= stride
    return row * jump, row * jump + field, column * jump, column * jump + field


# %% wrong="cell_window" hint="How many new pixels"
def cell_window(row, column, layers):  # fields add
    field, jump = 0, 1
    for kernel_size, stride in layers:
        field += kernel_size * jump
        jump *= stride
    return row * jump, row * jump + field, column * jump, column * jump + field


# %% wrong="cell_window" hint="Whose steps does a stride stretch"
def cell_window(row, column, layers):  # its own stride first
    field, jump = 1, 1
    for kernel_size, stride in layers:
        jump *= stride
        field += (kernel_size - 1) * jump
    return row * jump, row * jump + field, column * jump, column * jump + field


# %% wrong="cell_window" hint="how far apart are two cells"
def cell_window(row, column, layers):  # strides move the window and do not stretch it
    field, jump = 1, 1
    for kernel_size, stride in layers:
        field += kernel_size - 1
        jump *= stride
    return row * jump, row * jump + field, column * jump, column * jump + field


# %% wrong="cell_window" hint="the row after the last one"
def cell_window(row, column, layers):  # the last pixel itself
    field, jump = 1, 1
    for kernel_size, stride in layers:
        field += (kernel_size - 1) * jump
        jump *= stride
    return row * jump, row * jump + field - 1, column * jump, column * jump + field - 1


# %% wrong="cell_window" hint="side by side"
def cell_window(row, column, layers):  # windows that do not overlap
    field, jump = 1, 1
    for kernel_size, stride in layers:
        field += (kernel_size - 1) * jump
        jump *= stride
    return row * field, (row + 1) * field, column * field, (column + 1) * field


# %% [markdown] hint="cell_window" step=1
# Two numbers are enough: how many pixels one cell sees, and how many pixels lie from one cell to the next. Which of the
# two does a stride change at once, and which only through the layers after it?

# %% [markdown] hint="cell_window" step=2
# Kernel 2 with stride 2, then kernel 3 with stride 1. After the first layer: a cell sees 2 pixels, the next cell begins
# 2 further. The second layer adds 2 cells of that map, and each of them lies 2 pixels on: 2 + 2 · 2 = 6 pixels. Cell 1
# begins at pixel 2. Check it by drawing.

# %% [markdown] hint="cell_window" step=3
# ```python
# field, jump = 1, 1
# for kernel_size, stride in layers:
#     field += (kernel_size - 1) * ...
#     jump *= ...
# ```

# %% [markdown]
# ## Before you go
#
# One sentence each, without looking back; nobody marks them. Why can the number of units not tell 54 from 55? Why is
# the first dense layer of VGG-16 the place to save memory, and the wrong place to save time? A colleague slides a
# padded classifier over a slide and is surprised that the heat map differs from single tiles: what do you tell her?
