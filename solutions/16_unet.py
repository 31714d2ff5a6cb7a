# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: "Where is every cell? Exercises"
#     level: intermediate
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["16_unet"]
#     facts: [L05]
# ---

# %% [markdown]
# # 16 · Where is every cell? Exercises
#
# Six tasks, 21 points, about 80 minutes. You walk the sizes of a U, join a skip with what comes from below, turn an
# image with its labels, weigh the gaps between cells, put the weights where they belong, and cut an image of any size
# into tiles.
#
# How it works: read the contract, write your code where `NotImplementedError` stands, run the cell, then run the checks
# below it. A check never stops the notebook; it shows what your code gave, what was wanted, and one question. Stuck?
# Open the first hint, try again, and only then the next. The first task leaves one gap, the next two leave more, and
# the last three are all yours. Graded are these checks and others of the same kind with other numbers, so write for
# every input that the contract allows.

# %% tags=["setup"]
import numpy as np

from course_lib.classroom import explain, hint_for

# %% [markdown]
# ## Warm-up: a worked example
#
# One level of a U, downwards, without padding. Three steps, all given: *convolve*, *check*, *pool*. Before you run it:
# which of the three sizes cannot be pooled?


# %%
def one_level_down(size, convolutions):
    # 1 convolve: a 3 × 3 convolution without padding takes one pixel at each end
    size = size - 2 * convolutions
    # 2 check: a map of odd width would lose its last pixel in the pool
    if size % 2:
        return None
    # 3 pool: windows of 2 × 2
    return size // 2


one_level_down(572, 2), one_level_down(571, 2), one_level_down(140, 3)

# %% [markdown]
# ## Task 1 · Down and up (3 points)
#
# Now the whole U: which width has the map of scores? The way down is given. One gap is yours: steps 2 and 3.
#
# | | |
# |---|---|
# | `size` | whole number ≥ 1, pixels of the image along one axis |
# | `levels` | whole number ≥ 2; there is one pool less |
# | `convolutions` | whole number ≥ 1: 3 × 3 convolutions at each level, on each side |
# | returns | whole number ≥ 1: pixels that get a score; `None` if a map that is to be pooled is odd, or if nothing is left at the end |
#
# An up-convolution doubles the width; the crop of the skip and the 1 × 1 convolution at the end change nothing here.
# Example: 12 pixels, 2 levels, 1 convolution: 12 → 10, pooled 5 → 3, raised 6 → 4: `4`.


# %% task="scored_pixels" points=3 withhold="course_lib.models course_lib.arithmetic course_lib.widgets"
def scored_pixels(size, levels=5, convolutions=2):
    """Count the pixels along one axis that a U-Net without padding gives a score."""
    # 1 down: at each level but the lowest, convolve, check and pool
    for _ in range(levels - 1):
        size = size - 2 * convolutions
        if size % 2:
            return None
        size = size // 2
    ### BEGIN SOLUTION
    # 2 the lowest level convolves, too
    size = size - 2 * convolutions
    # 3 up: raise and convolve, as often as there were pools
    for _ in range(levels - 1):
        size = 2 * size - 2 * convolutions
    # equivalent: `size > 1`: what was doubled is even
    return size if size > 0 else None
    ### END SOLUTION


# %% check="scored_pixels" requirement="the published net" points=1 after="Where do the 184 pixels go that are read and not scored?"
got = scored_pixels(572)
assert got == 388, explain(
    "scored_pixels(572)",
    got,
    "388",
    known=[
        (572, "As large as the image? Take one pixel off each side per convolution and walk down and up once."),
        (452, "Nearly there: does the lowest level convolve, too?"),
        (448, "The pools are undone. Do the levels on the way up convolve, too?"),
        (480, "One convolution a level on the way up? How many are drawn?"),
        (28, "That is the bottom. What has to be undone four times?"),
        (392, "One convolution pair is missing, the last. How often did you go up?"),
        (196, "You went up three times. How many pools were there?"),
        (772, "You went up five times. How many pools were there?"),
    ],
    ask="At the bottom 28 pixels are left. What does the first step up make of them: 56, then?",
)

# %% check="scored_pixels" requirement="images that do not fit" points=1
got = [scored_pixels(570), scored_pixels(172), scored_pixels(8, 2, 1), scored_pixels(10, 2, 1)]
assert list(got) == [None, None, None, 2], explain(
    "scored_pixels of 570, 172 (5 levels, 2 convolutions), 8 and 10 (2 levels, 1 convolution)",
    got,
    "[None, None, None, 2]: an odd map, nothing left, nothing left, 2 pixels",
    known=[
        ([None, -12, 0, 2], "A map of −12 pixels? What should be given when nothing is left?"),
        ([None, None, 0, 2], "Is a map of 0 pixels something?"),
        ([570, 172, 8, 10], "Take one pixel off each side per convolution and walk down and up once."),
    ],
    ask="8 pixels, 2 levels, 1 convolution: 8 → 6, pooled 3 → 1, raised 2 → ?",
)

# %% hidden="scored_pixels" requirement="any U" points=1
for _ in range(30):
    levels, convolutions, left = (int(number) for number in rng.integers((2, 1, 1), (6, 4, 9)))
    image, scores = left, left
    for _ in range(levels - 1):
        image, scores = 2 * (image + 2 * convolutions), 2 * scores - 2 * convolutions
    image += 2 * convolutions
    right = scores if scores > 0 else None
    deep = left + 2 * convolutions
    known = [(image, "As large as the image? What does each convolution take?")]
    known += [(scores, "What should be given when nothing is left?")] if right is None else []
    known += [(left * 2 ** (levels - 1), "Do the levels on the way up convolve, too?")]
    no_bottom = deep
    for _ in range(levels - 1):
        no_bottom = 2 * no_bottom - 2 * convolutions
    known += [(no_bottom, "Does the lowest level convolve, too?")]
    got = scored_pixels(image, levels, convolutions)
    otherwise = "A size is off. Draw the U for 12 pixels, 2 levels, 1 convolution, and write the size at each arrow."
    assert got == right, hint_for(got, known=known, otherwise=otherwise)
    assert scored_pixels(image + 1, levels, convolutions) is None, "An image that is one pixel wider cannot be pooled."


# %% right="scored_pixels"
def scored_pixels(size, levels=5, convolutions=2):  # by a formula
    poolings = levels - 1
    step = 2**poolings
    lost_down = 2 * convolutions * (step - 1)  # in pixels of the image
    if (size - lost_down) % step:
        return None
    bottom = (size - lost_down) // step - 2 * convolutions
    out = bottom * step - lost_down
    return out if out > 0 else None


# %% wrong="scored_pixels" hint="one pixel off each side"
def scored_pixels(size, levels=5, convolutions=2):  # each convolution keeps the size
    return size


# %% wrong="scored_pixels" hint="does the lowest level convolve"
def scored_pixels(size, levels=5, convolutions=2):  # the bottom is forgotten
    for _ in range(levels - 1):
        size = size - 2 * convolutions
        if size % 2:
            return None
        size = size // 2
    for _ in range(levels - 1):
        size = 2 * size - 2 * convolutions
    return size if size > 0 else None


# %% wrong="scored_pixels" hint="the way up convolve"
def scored_pixels(size, levels=5, convolutions=2):  # up only doubles
    for _ in range(levels - 1):
        size = size - 2 * convolutions
        if size % 2:
            return None
        size = size // 2
    size = (size - 2 * convolutions) * 2 ** (levels - 1)
    return size if size > 0 else None


# %% wrong="scored_pixels" hint="nothing is left"
def scored_pixels(size, levels=5, convolutions=2):  # negative maps
    for _ in range(levels - 1):
        size = size - 2 * convolutions
        if size % 2:
            return None
        size = size // 2
    size = size - 2 * convolutions
    for _ in range(levels - 1):
        size = 2 * size - 2 * convolutions
    return size


# %% wrong="scored_pixels" hint="How many pools were there"
def scored_pixels(size, levels=5, convolutions=2):  # once too often up
    for _ in range(levels - 1):
        size = size - 2 * convolutions
        if size % 2:
            return None
        size = size // 2
    size = size - 2 * convolutions
    for _ in range(levels):
        size = 2 * size - 2 * convolutions
    return size if size > 0 else None


# %% [markdown] hint="scored_pixels" step=1
# The given steps leave you with what the last pool made. What happens there, before the way up begins? And how often
# does the way up double?

# %% [markdown] hint="scored_pixels" step=2
# 44 pixels, 3 levels, 2 convolutions. Down: 44 → 40, pooled 20 → 16, pooled 8. Lowest level: 8 → 4. Up: 8 → 4. Up: 8 →
# 4. Four pixels get a score. Which number would come out if the lowest level did nothing?

# %% [markdown] hint="scored_pixels" step=3
# ```python
# size = size - ...  # the lowest level
# for _ in range(levels - 1):
#     size = 2 * size - ...
# return size if ... else None
# ```

# %% [markdown]
# ## Task 2 · Join the skip (3 points)
#
# The map that was copied across is larger than the map from below. Crop its *middle*, and put both on top of each other
# along the axis of the maps: first the skip, then what came from below. Two gaps: steps 2 and 3.
#
# | | |
# |---|---|
# | `skip` | array (C, H, W) |
# | `from_below` | array (D, h, w), h ≤ H, w ≤ W; both differences are even |
# | returns | array (C + D, h, w) |
#
# Example: a skip of (64, 568, 568) and a map of (64, 392, 392) give (128, 392, 392).


# %% task="join_skip" points=3 withhold="course_lib.models"
def join_skip(skip, from_below):
    """Crop the middle of the skip, and put it in front of the maps from below."""
    # 1 sizes
    height, width = from_below.shape[1:]
    # 2 corner: where the middle begins
    ### BEGIN SOLUTION
    top, left = (skip.shape[1] - height) // 2, (skip.shape[2] - width) // 2
    ### END SOLUTION
    # 3 crop and join
    ### BEGIN SOLUTION
    middle = skip[:, top : top + height, left : left + width]
    return np.concatenate([middle, from_below])
    ### END SOLUTION


# %% check="join_skip" requirement="the same tissue" points=1 after="Why would the corner crop train without an error, and worse?"
skip, below = np.arange(64.0).reshape(1, 8, 8), -np.ones((1, 4, 4))
got = np.asarray(join_skip(skip, below))
assert got.shape == (2, 4, 4), explain(
    "The shape of join_skip(1 map of 8 × 8, 1 map of 4 × 4)",
    got.shape,
    "(2, 4, 4)",
    known=[
        ((1, 4, 4), "Should the decoder be able to tell the two sources apart? Sum or side by side?"),
        ((1, 8, 4), "You joined along the rows. Which axis counts the maps?"),
        ((2, 8, 8), "You made the small map larger. Which of the two has pixels to spare?"),
    ],
    ask="One map from each source: how many maps go on, and how large?",
)
assert got[0, 0, 0] == 18, explain(
    "The first value of the cropped skip (its pixels are numbered 0, 1, 2, …)",
    got[0, 0, 0],
    "18, which is row 2, column 2",
    known=[
        (0, "The shapes fit, but are you looking at the same tissue? Which pixels of the skip lie over the small map?"),
        (36, "You began in the middle. Where must a window of 4 begin to *lie* in the middle of 8?"),
        (-1, "What comes from below stands first. Which of the two should?"),
        (2, "The columns are right. And the rows?"),
        (16, "The rows are right. And the columns?"),
        (27, "One too far: the frame is (8 − 4) / 2 wide."),
    ],
    ask="8 pixels, of which the middle 4 stay: how many go on each side?",
)

# %% check="join_skip" requirement="several maps, rows and columns of their own" points=1
skip, below = np.arange(2 * 6 * 10.0).reshape(2, 6, 10), -np.arange(3 * 4 * 4.0).reshape(3, 4, 4)
got = np.asarray(join_skip(skip, below))
assert got.shape == (5, 4, 4), explain(
    "The shape of join_skip(2 maps of 6 × 10, 3 maps of 4 × 4)", got.shape, "(5, 4, 4)", ask="2 + 3 maps, how large?"
)
assert np.array_equal(got[:2], skip[:, 1:5, 3:7]), explain(
    "The cropped skip of join_skip(2 maps of 6 × 10, 3 maps of 4 × 4), first values of each row",
    got[0, :, 0],
    "[13, 23, 33, 43]: rows 1 to 4, from column 3",
    known=[
        ([11, 21, 31, 41], "You took the same number off rows and columns. Is the frame as wide at all sides?"),
        ([33, 43, 53, 33], "Rows and columns are exchanged somewhere."),
        ([0, 10, 20, 30], "The shapes fit, but are you looking at the same tissue?"),
    ],
    ask="6 rows, of which 4 stay, and 10 columns, of which 4 stay: where does each begin?",
)
assert np.array_equal(got[2:], below), explain(
    "The last 3 maps of join_skip(…)", "other values", "the maps from below, unchanged", ask="Did you change them?"
)

# %% hidden="join_skip" requirement="any sizes" points=1
for _ in range(20):
    c, d, h, w, dy, dx = (int(number) for number in rng.integers((1, 1, 2, 2, 1, 3), (5, 5, 7, 7, 3, 6)))
    skip, below = rng.normal(size=(c, h + 2 * dy, w + 2 * dx)), rng.normal(size=(d, h, w))
    got = np.asarray(join_skip(skip, below))
    assert got.shape == (c + d, h, w), "The shape is off: how many maps go on, and how large are they?"
    middle = skip[:, dy : dy + h, dx : dx + w]
    known = [
        (np.concatenate([skip[:, :h, :w], below]), "Are you looking at the same tissue?"),
        (np.concatenate([below, middle]), "Which of the two should stand first?"),
        (np.concatenate([skip[:, dy : dy + h, dy : dy + w], below]), "Is the frame as wide at all sides?"),
    ]
    otherwise = "A value is off. Number the pixels of a small skip, and look at which ones you kept."
    assert np.allclose(got, np.concatenate([middle, below])), hint_for(got, known=known, otherwise=otherwise)


# %% right="join_skip"
def join_skip(skip, from_below):  # trimmed from the outside
    while skip.shape[1] > from_below.shape[1]:
        skip = skip[:, 1:-1]
    while skip.shape[2] > from_below.shape[2]:
        skip = skip[:, :, 1:-1]
    return np.vstack([skip, from_below])


# %% wrong="join_skip" hint="the same tissue"
def join_skip(skip, from_below):  # from the corner
    height, width = from_below.shape[1:]
    return np.concatenate([skip[:, :height, :width], from_below])


# %% wrong="join_skip" hint="tell the two sources apart"
def join_skip(skip, from_below):  # added
    height, width = from_below.shape[1:]
    top, left = (skip.shape[1] - height) // 2, (skip.shape[2] - width) // 2
    return skip[:, top : top + height, left : left + width] + from_below


# %% wrong="join_skip" hint="Which of the two should"
def join_skip(skip, from_below):  # the other order
    height, width = from_below.shape[1:]
    top, left = (skip.shape[1] - height) // 2, (skip.shape[2] - width) // 2
    return np.concatenate([from_below, skip[:, top : top + height, left : left + width]])


# %% wrong="join_skip" hint="as wide at all sides"
def join_skip(skip, from_below):  # the rows' frame for the columns
    height, width = from_below.shape[1:]
    top = (skip.shape[1] - height) // 2
    return np.concatenate([skip[:, top : top + height, top : top + width], from_below])


# %% wrong="join_skip" hint="You began in the middle"
def join_skip(skip, from_below):  # begins at the middle
    height, width = from_below.shape[1:]
    top, left = skip.shape[1] // 2, skip.shape[2] // 2
    return np.concatenate([skip[:, top : top + height, left : left + width], from_below])


# %% [markdown] hint="join_skip" step=1
# Lay the small map on the large one so that their middles meet. How many rows of the large one look out at the top, and
# how many columns at the left?

# %% [markdown] hint="join_skip" step=2
# A skip of 10 × 14 and a map of 6 × 6: 4 rows are too many, 2 at the top and 2 at the bottom; 8 columns, 4 on each
# side. So rows 2 to 7 and columns 4 to 9 stay. Then `np.concatenate` joins along the first axis.

# %% [markdown] hint="join_skip" step=3
# ```python
# top, left = (skip.shape[1] - height) // 2, ...
# middle = skip[:, top : top + height, ...]
# return np.concatenate([...])
# ```

# %% [markdown]
# ## Task 3 · Turn both (3 points)
#
# An image and its labels are turned by the same random number of quarter turns, and mirrored or not. The random numbers
# come from `rng`, which is made for you from the seed; draw just two, in this order: the turns, `rng.integers(4)`, then
# the mirror, `rng.integers(2)`, where 1 means: mirror left and right, *after* the turn. Two gaps: steps 2 and 3.
#
# | | |
# |---|---|
# | `image`, `labels` | arrays (H, W) |
# | `seed` | whole number ≥ 0 |
# | returns | a pair of arrays: image, labels |
#
# `np.rot90(array, turns)` turns, `array[:, ::-1]` mirrors. With the labels handed in twice, both results must be equal.


# %% task="turn_both" points=3
def turn_both(image, labels, seed):
    """Turn and mirror an image and its labels alike, at random."""
    # 1 a source of random numbers
    rng = np.random.default_rng(seed)
    # 2 draw: once for both
    ### BEGIN SOLUTION
    turns, mirrored = rng.integers(4), rng.integers(2)
    ### END SOLUTION
    # 3 move both
    ### BEGIN SOLUTION
    image, labels = np.rot90(image, turns), np.rot90(labels, turns)
    if mirrored:
        image, labels = image[:, ::-1], labels[:, ::-1]
    return image, labels
    ### END SOLUTION


# %% check="turn_both" requirement="image and labels stay together" points=1 after="Which nuclei would a net learn to find if only the image were turned?"
labels = np.arange(12).reshape(3, 4)
pairs = [turn_both(labels.astype(float), labels, seed) for seed in range(8)]
unequal = [seed for seed, (one, other) in enumerate(pairs) if not np.array_equal(one, other)]
left_alone = sum(np.array_equal(other, labels) for _, other in pairs)
assert not unequal, explain(
    "turn_both(labels, labels, seed) for the seeds 0 to 7",
    f"different arrays for the seeds {unequal}",
    "the same array twice",
    ask="The labels stayed where they were. Who else has to move?"
    if left_alone == 8
    else "Both must roll the same dice. How could one call serve both?",
)

# %% check="turn_both" requirement="the turn first, then the mirror" points=1
labels = np.arange(12).reshape(3, 4)
got = [np.asarray(turn_both(labels, labels, seed)[1]).tolist() for seed in range(8)]
wanted, mirror_first, upside, no_mirror, no_turn = [], [], [], [], []
for seed in range(8):
    dice = np.random.default_rng(seed)
    turns, mirrored = int(dice.integers(4)), int(dice.integers(2))
    turned = np.rot90(labels, turns)
    wanted.append((turned[:, ::-1] if mirrored else turned).tolist())
    mirror_first.append(np.rot90(labels[:, ::-1] if mirrored else labels, turns).tolist())
    upside.append((turned[::-1] if mirrored else turned).tolist())
    no_mirror.append(turned.tolist())
    no_turn.append((labels[:, ::-1] if mirrored else labels).tolist())
assert got == wanted, explain(
    "turn_both(0 … 11 in 3 rows, …) for the seeds 0 to 7",
    "other arrays for the seeds " + str([seed for seed in range(8) if got[seed] != wanted[seed]]),
    "first the quarter turns, then the mirror, left and right",
    ask="Turn and mirror do not commute. Which comes first?"
    if got == mirror_first
    else "You mirrored top and bottom. Which axis holds left and right?"
    if got == upside
    else "The turns are right. When the second number is 1, what happens?"
    if got == no_mirror
    else "The mirror is right. How many quarter turns does the first number say?"
    if got == no_turn
    else "Did you draw the turns first, then the mirror, and nothing else?",
)

# %% hidden="turn_both" requirement="any image, any seed" points=1
for seed in rng.integers(10_000, size=24):
    image = rng.normal(size=(int(rng.integers(2, 5)), int(rng.integers(5, 8))))
    labels = rng.integers(1, 99, size=image.shape)
    dice = np.random.default_rng(int(seed))
    turns, mirrored = int(dice.integers(4)), int(dice.integers(2))
    right, right_labels = np.rot90(image, turns), np.rot90(labels, turns)
    right, right_labels = (right[:, ::-1], right_labels[:, ::-1]) if mirrored else (right, right_labels)
    got_image, got_labels = (np.asarray(each) for each in turn_both(image, labels, int(seed)))
    assert got_image.shape == right.shape, "An image has another shape: how many quarter turns were drawn?"
    assert np.allclose(got_image, right), "The image is off: look at the order of turn and mirror, and at the axis."
    assert got_labels.shape == right.shape, (
        "Both must roll the same dice: the labels have another shape than the image."
    )
    assert np.array_equal(got_labels, right_labels), (
        "Both must roll the same dice. Did the labels move as the image did?"
    )


# %% right="turn_both"
def turn_both(image, labels, seed):  # one array of two layers
    rng = np.random.default_rng(seed)
    both = np.stack([image, labels]).astype(float)
    both = np.rot90(both, rng.integers(4), axes=(1, 2))
    if rng.integers(2) == 1:
        both = np.flip(both, axis=2)
    return both[0], both[1]


# %% wrong="turn_both" hint="roll the same dice"
def turn_both(image, labels, seed):  # two random calls
    rng = np.random.default_rng(seed)

    def move(array):
        array = np.rot90(array, rng.integers(4))
        return array[:, ::-1] if rng.integers(2) else array

    return move(image), move(labels)


# %% wrong="turn_both" hint="The labels stayed where they were"
def turn_both(image, labels, seed):  # only the image
    rng = np.random.default_rng(seed)
    image = np.rot90(image, rng.integers(4))
    return (image[:, ::-1] if rng.integers(2) else image), labels


# %% wrong="turn_both" hint="do not commute"
def turn_both(image, labels, seed):  # the mirror first
    rng = np.random.default_rng(seed)
    turns, mirrored = rng.integers(4), rng.integers(2)
    if mirrored:
        image, labels = image[:, ::-1], labels[:, ::-1]
    return np.rot90(image, turns), np.rot90(labels, turns)


# %% wrong="turn_both" hint="top and bottom"
def turn_both(image, labels, seed):  # the other axis
    rng = np.random.default_rng(seed)
    turns, mirrored = rng.integers(4), rng.integers(2)
    image, labels = np.rot90(image, turns), np.rot90(labels, turns)
    return (image[::-1], labels[::-1]) if mirrored else (image, labels)


# %% wrong="turn_both" hint="When the second number is 1"
def turn_both(image, labels, seed):  # no mirror
    turns = np.random.default_rng(seed).integers(4)
    return np.rot90(image, turns), np.rot90(labels, turns)


# %% [markdown] hint="turn_both" step=1
# How many random numbers does the contract allow? If you draw for the image and then again for the labels, how many are
# that?

# %% [markdown] hint="turn_both" step=2
# Draw both numbers before you touch an array. Then do the same to image and labels: first `np.rot90` with the first
# number, then, if the second is 1, `[:, ::-1]`.

# %% [markdown] hint="turn_both" step=3
# ```python
# turns, mirrored = rng.integers(4), ...
# image, labels = np.rot90(image, turns), ...
# if mirrored:
#     image, labels = image[:, ::-1], ...
# return ...
# ```

# %% [markdown]
# ## Task 4 · The border term (4 points)
#
# The second term of the weight map, $w_0 \exp(-(d_1 + d_2)^2 / 2\sigma^2)$, on the background only. The distances to
# each cell have been measured for you; the rest is all yours, from here on.
#
# | | |
# |---|---|
# | `to_each` | array (K, H, W): for each of K ≥ 1 cells the distance of every pixel to it, in pixels; 0 inside the cell |
# | `w0`, `sigma` | numbers > 0 |
# | returns | array (H, W): the term on the background, 0 inside every cell, and 0 everywhere if there is one cell only |
#
# $d_1$ is the distance to the nearest cell, $d_2$ to the second nearest. Example: distances 2 and 3 to the two nearest
# cells, w0 = 10, sigma = 5: 10 · exp(−25 / 50) = 6.07.


# %% task="border_term" points=4 withhold="course_lib.losses"
def border_term(to_each, w0=10.0, sigma=5.0):
    """Give the weight that keeps the gap between two cells open."""
    ### BEGIN SOLUTION
    if len(to_each) < 2:
        return np.zeros(to_each.shape[1:])
    nearest, second = np.sort(to_each, axis=0)[:2]
    return np.where(nearest > 0, w0 * np.exp(-((nearest + second) ** 2) / (2 * sigma**2)), 0)
    ### END SOLUTION


# %% check="border_term" requirement="the formula, at the two nearest cells" points=1 after="Why do the free sides of a cell get nothing?"
to_each = np.array([[[9.0, 4]], [[2, 30]], [[3, 6]]])  # 3 cells, 2 pixels
got = np.asarray(border_term(to_each))
assert got.shape == (1, 2), explain(
    "The shape of border_term(3 cells, 1 × 2 pixels)", got.shape, "(1, 2)", ask="One weight a pixel: which axis goes?"
)
wanted = 10 * np.exp(-np.array([[25.0, 100]]) / 50)
assert np.allclose(got, wanted), explain(
    "border_term for distances (9, 2, 3) and (4, 30, 6)",
    got,
    "[[6.07, 1.35]]: exp(−25/50) and exp(−100/50), times 10",
    known=[
        (10 * np.exp(-np.array([[13.0, 52]]) / 50), "Read the brackets in the paper: what is squared?"),
        (10 * np.exp(-np.array([[25.0, 100]]) / 25), "What stands beside sigma squared, below the line?"),
        (10 * np.exp(-np.array([[25.0, 100]]) / 10), "Is sigma squared below the line?"),
        (10 * np.exp(-np.array([[5.0, 10]]) / 50), "Is the sum squared above the line?"),
        (10 * np.exp(-np.array([[121.0, 34**2]]) / 50), "You took the first two cells. Which two are meant?"),
        (10 * np.exp(-np.array([[144.0, 36**2]]) / 50), "You took the two *farthest* cells. Which two are meant?"),
        (10 * np.exp(-np.array([[4.0, 16]]) / 50), "One distance only: where is the second nearest cell?"),
        (10 * np.exp(-np.array([[14.0**2, 40**2]]) / 50), "You added all cells. Which two are meant?"),
        (np.exp(-np.array([[25.0, 100]]) / 50), "The shape is right. By what is it multiplied?"),
        (10 * np.exp(np.array([[25.0, 100]]) / 50), "It grows with the distance. Which sign is missing?"),
    ],
    ask="First pixel: which two of 9, 2 and 3 are the nearest, and what is the square of their sum?",
)

# %% check="border_term" requirement="nothing inside a cell, nothing with one cell" points=1
to_each = np.array([[[0.0, 1, 2, 3]], [[3, 2, 1, 0]]])  # two cells, a gap of two pixels between
got, alone = np.asarray(border_term(to_each, w0=4, sigma=3)), np.asarray(border_term(to_each[:1], w0=4, sigma=3))
edge = 4 * np.exp(-9 / 18)
assert np.allclose(got, [[0, edge, edge, 0]]), explain(
    "border_term for two cells with a gap of two pixels, w0=4, sigma=3",
    got,
    "[[0, 2.43, 2.43, 0]]",
    known=[
        ([[edge] * 4], "The gap is right. A pixel inside a cell has nothing to keep apart: what is its weight?"),
        ([[0, 10 * np.exp(-9 / 50), 10 * np.exp(-9 / 50), 0]], "Are w0 and sigma those that were given?"),
        ([[0, 4 * np.exp(-5 / 18), 4 * np.exp(-5 / 18), 0]], "Read the brackets in the paper: what is squared?"),
        ([[0, 4 * np.exp(-1), 4 * np.exp(-1), 0]], "What stands beside sigma squared, below the line?"),
        ([[0, 4 * np.exp(-1 / 18), 4 * np.exp(-1 / 18), 0]], "One distance only: where is the second nearest cell?"),
    ],
    ask="Which of the four pixels are background?",
)
assert np.allclose(alone, np.zeros((1, 4))), explain(
    "border_term for one cell", alone, "zeros, one a pixel", ask="Where is the second nearest cell?"
)

# %% hidden="border_term" requirement="any cells" points=2
for _ in range(12):
    k, h, w = (int(number) for number in rng.integers((3, 2, 3), (7, 5, 7)))
    to_each = rng.uniform(1, 12, size=(k, h, w))
    to_each[int(rng.integers(k)), 0, 0] = 0
    w0, sigma = float(rng.uniform(2, 12)), float(rng.uniform(2, 6))
    one, two = np.sort(to_each, axis=0)[:2]
    back = one > 0
    right = w0 * np.exp(-((one + two) ** 2) / (2 * sigma**2)) * back
    got = np.asarray(border_term(to_each, w0, sigma))
    assert got.shape == (h, w), "The shape is off: one weight a pixel."
    known = [
        (w0 * np.exp(-(one**2 + two**2) / (2 * sigma**2)) * back, "Read the brackets: what is squared?"),
        (w0 * np.exp(-((one + two) ** 2) / sigma**2) * back, "What stands beside sigma squared, below the line?"),
        (w0 * np.exp(-((one + two) ** 2) / (2 * sigma**2)), "What is the weight of a pixel inside a cell?"),
        (w0 * np.exp(-((to_each[0] + to_each[1]) ** 2) / (2 * sigma**2)) * back, "Which two cells are meant?"),
        (w0 * np.exp(-(one**2) / (2 * sigma**2)) * back, "Where is the second nearest cell?"),
    ]
    otherwise = "A weight is off. Try two cells with distances 1 and 1, then 1 and 3, by hand."
    assert np.allclose(got, right), hint_for(got, known=known, otherwise=otherwise)
    alone = np.asarray(border_term(to_each[:1], w0, sigma))
    assert alone.shape == (h, w), "One cell alone: one weight a pixel, too."
    assert not alone.any(), "One cell alone has nobody to be kept apart from."


# %% right="border_term"
def border_term(to_each, w0=10.0, sigma=5.0):  # pixel by pixel
    term = np.zeros(to_each.shape[1:])
    for row, column in np.ndindex(*term.shape):
        near = sorted(float(number) for number in to_each[:, row, column])[:2]
        if len(near) == 2 and near[0] > 0:
            term[row, column] = w0 * np.exp(-(sum(near) ** 2) / 2 / sigma**2)
    return term


# %% wrong="border_term" hint="what is squared"
def border_term(to_each, w0=10.0, sigma=5.0):  # the sum of the squares
    if len(to_each) < 2:
        return np.zeros(to_each.shape[1:])
    nearest, second = np.sort(to_each, axis=0)[:2]
    return np.where(nearest > 0, w0 * np.exp(-(nearest**2 + second**2) / (2 * sigma**2)), 0)


# %% wrong="border_term" hint="beside sigma squared"
def border_term(to_each, w0=10.0, sigma=5.0):  # no 2
    if len(to_each) < 2:
        return np.zeros(to_each.shape[1:])
    nearest, second = np.sort(to_each, axis=0)[:2]
    return np.where(nearest > 0, w0 * np.exp(-((nearest + second) ** 2) / sigma**2), 0)


# %% wrong="border_term" hint="You took the first two cells"
def border_term(to_each, w0=10.0, sigma=5.0):  # not sorted
    if len(to_each) < 2:
        return np.zeros(to_each.shape[1:])
    inside = to_each.min(axis=0) == 0
    return np.where(inside, 0, w0 * np.exp(-((to_each[0] + to_each[1]) ** 2) / (2 * sigma**2)))


# %% wrong="border_term" hint="One distance only"
def border_term(to_each, w0=10.0, sigma=5.0):  # the nearest alone
    nearest = to_each.min(axis=0)
    return np.where((nearest > 0) & (len(to_each) > 1), w0 * np.exp(-(nearest**2) / (2 * sigma**2)), 0)


# %% wrong="border_term" hint="nothing to keep apart"
def border_term(to_each, w0=10.0, sigma=5.0):  # inside the cells, too
    if len(to_each) < 2:
        return np.zeros(to_each.shape[1:])
    nearest, second = np.sort(to_each, axis=0)[:2]
    return w0 * np.exp(-((nearest + second) ** 2) / (2 * sigma**2))


# %% [markdown] hint="border_term" step=1
# For one pixel you have K distances. Which two does the formula want, and how do you find them for all pixels at once?

# %% [markdown] hint="border_term" step=2
# Distances 9, 2 and 3: sorted 2, 3, 9. The first two: 2 + 3 = 5, squared 25, over 2 · 5² = 50: exp(−0.5) = 0.607, times
# 10. Sort along the axis of the cells and do just this with whole arrays. Where is the nearest distance 0?

# %% [markdown] hint="border_term" step=3
# ```python
# if len(to_each) < 2:
#     return ...
# nearest, second = np.sort(to_each, axis=...)[:2]
# return np.where(nearest > 0, w0 * np.exp(...), 0)
# ```

# %% picture="border_term" alt="Two round cells, outlined, with a narrow gap; the weight is large in the gap only, and fades as the gap widens."
import matplotlib.pyplot as plt

from course_lib import figures
from course_lib.figures.cells import plot_weights

figures.use_course_style()
rows, columns = np.indices((60, 90))
cells = [np.hypot(rows - 30, columns - middle) for middle in (24, 66)]
distances = np.stack([np.maximum(distance - 18.5, 0) for distance in cells])
figure, ax = plt.subplots(figsize=(5.2, 2.8))
plot_weights(border_term(distances), ax, title="two cells (white lines), 5 pixels apart")
ax.contour(distances.min(axis=0) > 0, levels=[0.5], colors="white", linewidths=1)
figures.show(
    figure,
    alt="Two round cells, outlined, with a narrow gap; the weight is large in the gap only, and fades as the gap widens.",
)

# %% [markdown]
# ## Task 5 · Weights where they belong (4 points)
#
# The weighted cross entropy: each pixel's loss is minus the logarithm of the probability (softmax of its scores) that
# it gives to its true class; it is multiplied by the weight of *that* pixel; then the mean over all pixels is taken.
#
# | | |
# |---|---|
# | `scores` | array (K, N): a score of each of K classes for each of N pixels; they may be as large as 1,000 |
# | `labels` | array (N,) of whole numbers 0 … K − 1: the true class |
# | `weights` | array (N,), ≥ 0 |
# | returns | number: mean over the N pixels of weight · loss |
#
# Example: two pixels, scores [[0, 0], [0, 0]], labels [0, 1], weights [1, 3]: each loss is log 2, (1 + 3) / 2 · log 2
# = 1.386.


# %% task="weighted_loss" points=4 withhold="course_lib.losses"
def weighted_loss(scores, labels, weights):
    """Average the cross entropy of each pixel, times its weight."""
    ### BEGIN SOLUTION
    shifted = scores - scores.max(axis=0)  # the softmax does not change
    log_p = shifted - np.log(np.exp(shifted).sum(axis=0))
    # equivalent: `np.arange(len(weights))`: a weight for each label
    losses = -log_p[labels, np.arange(len(labels))]
    return (weights * losses).mean()
    ### END SOLUTION


# %% check="weighted_loss" requirement="each weight meets its own pixel" points=1 after="Which pixels of an image have a weight of ten, and what do they earn by it?"
scores = np.log([[0.2, 0.9, 0.5], [0.8, 0.1, 0.5]])
labels, weights = np.array([0, 0, 1]), np.array([1.0, 9, 2])
got = float(weighted_loss(scores, labels, weights))
losses = -np.log([0.2, 0.9, 0.5])
assert abs(got - (losses * weights).mean()) < 1e-6, explain(
    "weighted_loss for probabilities 0.2, 0.9 and 0.5 of the true class, weights 1, 9 and 2",
    got,
    "1.3147: (1 · 1.609 + 9 · 0.105 + 2 · 0.693) / 3",
    known=[
        (losses.mean() * weights.mean(), "Does the heavy pixel still meet its own error? Multiply before you average."),
        ((losses * weights).sum() / weights.sum(), "You divided by the weights. What does the contract divide by?"),
        ((losses * weights).sum(), "That is the sum. What does the contract ask for?"),
        (-(losses * weights).mean(), "Nearly there: a loss is positive. Which sign has the logarithm of 0.2?"),
        (losses.mean(), "Where do the weights come in?"),
        ((-np.log([0.8, 0.1, 0.5]) * weights).mean(), "You took the other class. Which row belongs to label 0?"),
        ((weights * (1 - np.array([0.2, 0.9, 0.5]))).mean(), "Is there a logarithm?"),
    ],
    ask="Write down the three losses, −log 0.2, −log 0.9, −log 0.5. What is done with each, before the mean?",
)

# %% check="weighted_loss" requirement="scores are not probabilities, and may be large" points=1
scores, labels = np.array([[1.0, 900, 2], [3, 901, 2], [0, -5, 2]]), np.array([1, 0, 2])
weights = np.array([2.0, 1, 6])
got = float(weighted_loss(scores, labels, weights))
wanted = (2 * np.log(1 + np.exp(-2) + np.exp(-3)) + 1 * np.log(1 + np.e) + 6 * np.log(3)) / 3
assert np.isfinite(got), explain(
    "weighted_loss with scores up to 901",
    got,
    "a finite number",
    ask="exp(900) is too large for a computer. Does the softmax change if you take the largest score off all of them?",
)
assert abs(got - wanted) < 1e-6, explain(
    "weighted_loss for three classes, scores up to 901",
    got,
    f"{wanted:.4f}",
    known=[
        (-(2 * 3 + 900 + 6 * 2) / 3, "These are the scores themselves. What turns scores into probabilities?"),
    ],
    ask="By hand, the last pixel: three equal scores, so each class has a probability of 1/3.",
)

# %% hidden="weighted_loss" requirement="any pixels" points=2
for _ in range(12):
    k, n = int(rng.integers(2, 5)), int(rng.integers(5, 12))
    scores = rng.normal(size=(k, n)) * 3 + float(rng.integers(800, 1200))
    labels, weights = rng.integers(k, size=n), rng.uniform(0.5, 9, size=n)
    shifted = scores - scores.max(axis=0)
    losses = np.log(np.exp(shifted).sum(axis=0)) - shifted[labels, np.arange(n)]
    got = float(weighted_loss(scores, labels, weights))
    known = [
        (losses.mean() * weights.mean(), "Does the heavy pixel still meet its own error?"),
        ((losses * weights).sum() / weights.sum(), "What does the contract divide by?"),
        ((losses * weights).sum(), "That is the sum. What does the contract ask for?"),
        (losses.mean(), "Where do the weights come in?"),
    ]
    assert np.isfinite(got), "Large scores give no finite number. What may be taken off all scores of a pixel?"
    otherwise = "A loss is off. Try one pixel with the scores 0 and 0 and the weight 3."
    assert abs(got - (losses * weights).mean()) < 1e-6, hint_for(got, known=known, otherwise=otherwise)


# %% right="weighted_loss"
def weighted_loss(scores, labels, weights):  # pixel by pixel
    total = 0.0
    for pixel, label in enumerate(labels):
        own = scores[:, pixel]
        total += weights[pixel] * np.log(sum(np.exp(other - own[label]) for other in own))
    return total / len(labels)


# %% wrong="weighted_loss" hint="meet its own error"
def weighted_loss(scores, labels, weights):  # too late
    shifted = scores - scores.max(axis=0)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=0))
    return -log_p[labels, np.arange(len(labels))].mean() * weights.mean()


# %% wrong="weighted_loss" hint="divided by the weights"
def weighted_loss(scores, labels, weights):  # a weighted mean
    shifted = scores - scores.max(axis=0)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=0))
    return np.average(-log_p[labels, np.arange(len(labels))], weights=weights)


# %% wrong="weighted_loss" hint="That is the sum"
def weighted_loss(scores, labels, weights):  # not averaged
    shifted = scores - scores.max(axis=0)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=0))
    return (weights * -log_p[labels, np.arange(len(labels))]).sum()


# %% wrong="weighted_loss" hint="too large for a computer"
def weighted_loss(scores, labels, weights):  # overflows
    with np.errstate(all="ignore"):
        p = np.exp(scores) / np.exp(scores).sum(axis=0)
        return (weights * -np.log(p[labels, np.arange(len(labels))])).mean()


# %% wrong="weighted_loss" hint="turns scores into probabilities"
def weighted_loss(scores, labels, weights):  # scores taken for logarithms of probabilities
    return (weights * -scores[labels, np.arange(len(labels))]).mean()


# %% [markdown] hint="weighted_loss" step=1
# Three things happen to a pixel: its scores become probabilities, the true one becomes a loss, the loss is weighed. At
# which of the three does the number of pixels matter?

# %% [markdown] hint="weighted_loss" step=2
# The logarithm of the softmax is: score minus log of the sum of exp of all scores. With 901 and 900: take 901 off both,
# 0 and −1, and the sum is 1 + e⁻¹. `array[labels, np.arange(N)]` picks one class for each pixel.

# %% [markdown] hint="weighted_loss" step=3
# ```python
# shifted = scores - scores.max(axis=0)
# log_p = shifted - np.log(...)
# losses = -log_p[labels, np.arange(...)]
# return ...
# ```

# %% [markdown]
# ## Task 6 · Tiles that overlap (4 points)
#
# Which pixels does each tile read? Along one axis: tile k *scores* the pixels from k · step up to (k + 1) · step − 1
# and *reads* `margin` more at both ends. A place before the first pixel or behind the last is mirrored: the edge pixel
# itself is not repeated, so −1 means 1 and −2 means 2. All tiles are equally long, also the last one, which may score
# places beyond the end. There are as many tiles as are needed to score every pixel once.
#
# | | |
# |---|---|
# | `size` | whole number: pixels of the image along the axis |
# | `step` | whole number ≥ 1, `margin` whole number ≥ 0; step + margin < size, so one mirror is enough |
# | returns | list of lists of whole numbers: for each tile the places, 0 … size − 1, that it reads, in order |
#
# Example: 5 pixels, step 3, margin 1: `[[1, 0, 1, 2, 3], [2, 3, 4, 3, 2]]`. The second tile scores places 3, 4 and the
# place behind the end.


# %% task="tile_places" points=4 withhold="course_lib.models"
def tile_places(size, step, margin):
    """List the places that each tile reads along one axis."""
    ### BEGIN SOLUTION
    tiles = []
    for start in range(0, size, step):
        places = np.abs(np.arange(start - margin, start + step + margin))  # mirrored at the first pixel
        places = size - 1 - np.abs(size - 1 - places)  # and at the last
        tiles.append(places.tolist())
    return tiles
    ### END SOLUTION


# %% check="tile_places" requirement="tiles overlap in what they read, not in what they score" points=1 after="Why is the margin of the published net 92 pixels?"
got = [list(tile) for tile in tile_places(12, 4, 2)]
assert len(got) == 3, explain(
    "The number of tiles of tile_places(12, 4, 2)",
    len(got),
    "3",
    known=[
        (2, "You stepped by what a tile *reads*. How many pixels does it score?"),
        (4, "12 pixels, 4 scored by each tile: is the fourth needed?"),
        (1, "One tile scores 4 pixels. Who scores the others?"),
    ],
    ask="12 pixels, 4 scored by each tile: how many tiles?",
)
assert got[1] == [2, 3, 4, 5, 6, 7, 8, 9], explain(
    "The second tile of tile_places(12, 4, 2)",
    got[1],
    "[2, 3, 4, 5, 6, 7, 8, 9]: it scores 4 to 7 and reads 2 more at both ends",
    known=[
        ([4, 5, 6, 7], "It reads only what it scores. What does a net without padding need around that?"),
        ([4, 5, 6, 7, 8, 9], "There is a margin at one end. And at the other?"),
        ([2, 3, 4, 5, 6, 7], "There is a margin at one end. And at the other?"),
    ],
    ask="The tile scores pixels 4 to 7. Which two pixels lie before, and which behind?",
)

# %% check="tile_places" requirement="mirrored at both ends" points=1
got = [list(tile) for tile in tile_places(12, 4, 2)]
assert got[0] == [2, 1, 0, 1, 2, 3, 4, 5], explain(
    "The first tile of tile_places(12, 4, 2)",
    got[0],
    "[2, 1, 0, 1, 2, 3, 4, 5]",
    known=[
        (
            [1, 0, 0, 1, 2, 3, 4, 5],
            "The edge pixel stands there twice. What lies one step before pixel 0 in a mirror *on* it?",
        ),
        ([0, 0, 0, 1, 2, 3, 4, 5], "The edge is repeated. A mirror shows pixel 1 first, then pixel 2."),
        ([10, 11, 0, 1, 2, 3, 4, 5], "You wrapped round to the other end of the image. Does that tissue lie there?"),
        ([-2, -1, 0, 1, 2, 3, 4, 5], "In Python −1 is the *last* pixel. Is that the tissue beside the first one?"),
        ([0, 1, 2, 3, 4, 5], "This tile is shorter than the others. What lies before the first pixel?"),
    ],
    ask="Place −1 means 1 and place −2 means 2. What does the tile read, from −2 to 5?",
)
assert got[2] == [6, 7, 8, 9, 10, 11, 10, 9], explain(
    "The last tile of tile_places(12, 4, 2)",
    got[2],
    "[6, 7, 8, 9, 10, 11, 10, 9]",
    known=[
        ([6, 7, 8, 9, 10, 11, 12, 13], "There is no pixel 12. What does the mirror show behind pixel 11?"),
        ([6, 7, 8, 9, 10, 11, 11, 10], "The edge pixel stands there twice."),
        ([6, 7, 8, 9, 10, 11], "This tile is shorter than the others. What lies behind the last pixel?"),
    ],
    ask="Behind pixel 11 the mirror shows 10, then 9.",
)

# %% check="tile_places" requirement="a last tile that is not filled" points=1
got = [list(tile) for tile in tile_places(10, 4, 1)]
assert got == [[1, 0, 1, 2, 3, 4], [3, 4, 5, 6, 7, 8], [7, 8, 9, 8, 7, 6]], explain(
    "tile_places(10, 4, 1)",
    got,
    "[[1, 0, 1, 2, 3, 4], [3, 4, 5, 6, 7, 8], [7, 8, 9, 8, 7, 6]]",
    known=[
        ([[1, 0, 1, 2, 3, 4], [3, 4, 5, 6, 7, 8]], "Nobody scores pixels 8 and 9. How many tiles are needed?"),
        (
            [[1, 0, 1, 2, 3, 4], [3, 4, 5, 6, 7, 8], [7, 8, 9, 8]],
            "The last tile is shorter. A net without padding reads tiles of one size only.",
        ),
        (
            [[1, 0, 1, 2, 3, 4], [3, 4, 5, 6, 7, 8], [5, 6, 7, 8, 9, 8]],
            "You pushed the last tile back. Then it scores pixels 6 and 7 a second time, out of step with the pools.",
        ),
    ],
    ask="The third tile scores places 8, 9, 10 and 11, and reads 7 to 12. What does the mirror show behind 9?",
)

# %% hidden="tile_places" requirement="any size" points=1
for _ in range(25):
    size = int(rng.integers(9, 40))
    step, margin = int(rng.integers(2, size // 2)), int(rng.integers(1, size // 3))
    right, edge_twice = [], []
    for start in range(0, size, step):
        places = range(start - margin, start + step + margin)
        once = [-p if p < 0 else p for p in places]
        right.append([2 * (size - 1) - p if p >= size else p for p in once])
        twice = [-p - 1 if p < 0 else p for p in places]
        edge_twice.append([2 * size - 1 - p if p >= size else p for p in twice])
    got = [[int(place) for place in tile] for tile in tile_places(size, step, margin)]
    assert len(got) == len(right), "The number of tiles is off: how many are needed to score each pixel once?"
    assert {len(tile) for tile in got} == {step + 2 * margin}, "All tiles are equally long, the last one, too."
    known = [(edge_twice, "The edge pixel stands there twice.")]
    assert got == right, hint_for(
        got, known=known, otherwise="A place is off. Try 5 pixels, step 3, margin 1 on paper."
    )


# %% right="tile_places"
def tile_places(size, step, margin):  # numpy's mirror, then windows
    tiles = -(-size // step)
    padded = np.pad(np.arange(size), (margin, tiles * step - size + margin), mode="reflect")
    return [padded[k * step : (k + 1) * step + 2 * margin].tolist() for k in range(tiles)]


# %% wrong="tile_places" hint="You stepped by what a tile"
def tile_places(size, step, margin):  # tiles side by side in what they read
    tiles = []
    for start in range(margin, size, step + 2 * margin):
        places = np.abs(np.arange(start - margin, start + step + margin))
        tiles.append((size - 1 - np.abs(size - 1 - places)).tolist())
    return tiles


# %% wrong="tile_places" hint="The edge pixel stands there twice"
def tile_places(size, step, margin):  # the other kind of mirror
    tiles = -(-size // step)
    padded = np.pad(np.arange(size), (margin, tiles * step - size + margin), mode="symmetric")
    return [padded[k * step : (k + 1) * step + 2 * margin].tolist() for k in range(tiles)]


# %% wrong="tile_places" hint="The edge is repeated"
def tile_places(size, step, margin):  # clipped
    return [
        np.clip(np.arange(start - margin, start + step + margin), 0, size - 1).tolist()
        for start in range(0, size, step)
    ]


# %% wrong="tile_places" hint="the *last* pixel"
def tile_places(size, step, margin):  # no mirror
    return [list(range(start - margin, start + step + margin)) for start in range(0, size, step)]


# %% wrong="tile_places" hint="Nobody scores pixels 8 and 9"
def tile_places(size, step, margin):  # the last tile is lost
    tiles = []
    for start in range(0, size - step + 1, step):
        places = np.abs(np.arange(start - margin, start + step + margin))
        tiles.append((size - 1 - np.abs(size - 1 - places)).tolist())
    return tiles


# %% wrong="tile_places" hint="pushed the last tile back"
def tile_places(size, step, margin):  # the last tile begins earlier
    tiles = []
    for start in range(0, size, step):
        start = min(start, size - step)
        places = np.abs(np.arange(start - margin, start + step + margin))
        tiles.append((size - 1 - np.abs(size - 1 - places)).tolist())
    return tiles


# %% [markdown] hint="tile_places" step=1
# Forget the mirror at first. Where does each tile begin to score, and from where to where does it read? How many tiles
# are there?

# %% [markdown] hint="tile_places" step=2
# 5 pixels, step 3, margin 1. Tile 0 scores 0 to 2 and reads −1 to 3; tile 1 scores 3 to 5 and reads 2 to 6. Mirror at
# 0: −1 becomes 1. Mirror at 4: 5 becomes 3, and 6 becomes 2. Which function turns −1 into 1 and leaves 3 alone?

# %% [markdown] hint="tile_places" step=3
# ```python
# for start in range(0, size, step):
#     places = np.abs(np.arange(start - margin, ...))
#     places = size - 1 - np.abs(...)
# ```

# %% [markdown]
# ## Before you go
#
# One sentence each, without looking back; nobody marks them. A colleague reports a Dice of 0.98 for nuclei and cannot
# count them: what do you ask her? Why must a step of tiles be a multiple of 16 for five levels? Your augmentation
# library turns images and masks in two calls: which one-line test do you write first?
#
# The table at the end says what is done.
