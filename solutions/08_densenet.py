# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: "What do we pay for accuracy? Exercises"
#     level: intermediate
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["08_densenet"]
#     facts: [R21, R22]
# ---

# %% [markdown]
# # 08 · What do we pay for accuracy? Exercises
#
# Five tasks, 19 points, about 60 minutes. The first three build a dense net from its counts, the last two choose a net by
# measurements. None of the slips that they have in mind stops with an error: a net that adds where it should collect
# runs, and a mean of five times is a number.
#
# How it works: read the contract, write your code where `NotImplementedError` stands, run the cell, then run the checks
# below it. A check never stops the notebook; it shows what your code gave, what was wanted, and one question. Stuck?
# Open the first hint, try again, and only then the next. The first task leaves one gap, later ones leave more, and
# the last two are all yours. Graded are these checks and others of the same kind with other numbers, so write for
# every input that the contract allows.

# %% tags=["setup"]
import numpy as np

from course_lib.classroom import explain, hint_for, there

# %% [markdown]
# ## Warm-up: a worked example
#
# The weights of one dense layer in three steps, all given: *mix*, *look*, *sum*. Before you run it: what are they for 64
# channels and a growth rate of 32?


# %%
def layer_weights(in_channels, growth_rate):
    # 1 mix: a 1×1 convolution to four times the growth rate
    mix = in_channels * 4 * growth_rate
    # 2 look: a 3×3 convolution from there to the growth rate
    look = 4 * growth_rate * growth_rate * 9
    # 3 sum
    return mix + look


layer_weights(64, 32)

# %% [markdown]
# ## Task 1 · What each layer reads (3 points)
#
# In a dense block, each layer reads the channels that came in and those that all layers before it have made. One gap is
# yours: step 2.
#
# | | |
# |---|---|
# | `in_channels` | whole number ≥ 1: channels at the door of the block |
# | `growth_rate` | whole number ≥ 1: channels that each layer makes |
# | `layers` | whole number ≥ 1 |
# | returns | list of `layers` + 1 whole numbers: what each layer reads, then what leaves the block |
#
# Example: 10 channels, growth rate 4, two layers: `[10, 14, 18]`.


# %% task="channels_read" points=3 withhold="course_lib.models.densenet course_lib.widgets.dense_block"
def channels_read(in_channels, growth_rate, layers):
    """List what each layer of a dense block reads, and last what leaves the block."""
    # 1 door: the first layer sees the input and nothing else
    counts = [in_channels]
    # 2 grow: one entry more for each layer
    ### BEGIN SOLUTION
    for _ in range(layers):
        counts.append(counts[-1] + growth_rate)
    ### END SOLUTION
    # 3 done
    return counts


# %% check="channels_read" requirement="the first block of DenseNet-121" points=1
got = channels_read(64, 32, 6)
assert got == [64, 96, 128, 160, 192, 224, 256], explain(
    "channels_read(64, 32, 6)",
    got,
    "[64, 96, 128, 160, 192, 224, 256]",
    known=[
        ([64, 96], "Each layer leaves something behind. How many layers are there?"),
        ([64] + [96] * 6, "The second layer reads 96, you have that. Each layer leaves something behind: the third?"),
        ([64] * 7, "Which net adds, which one collects? A sum keeps 64 channels."),
        ([96, 128, 160, 192, 224, 256, 288], "What does the very first layer see?"),
        ([64, 96, 128, 160, 192, 224], "Nearly there: these are the layers. What leaves the block?"),
        ([64, 128, 256, 512, 1024, 2048, 4096], "Does a layer double what it reads, or add 32 to it?"),
    ],
    ask="Layer by layer: which maps exist before it is called?",
)

# %% check="channels_read" requirement="input and growth are told apart" points=1 after="64 is twice 32: which mistakes would a check with those two numbers alone have missed?"
got = channels_read(5, 12, 3)
assert got == [5, 17, 29, 41], explain(
    "channels_read(5, 12, 3)",
    got,
    "[5, 17, 29, 41]",
    known=[
        ([5, 10, 15, 20], "What does each layer add: as many as came in, or the growth rate?"),
        ([12, 17, 22, 27], "The door and the growth rate have changed places. Which one is first?"),
        ([5, 17], "Each layer leaves something behind. How many layers are there?"),
        ([17, 29, 41, 53], "What does the very first layer see?"),
        ([5, 17, 29], "Nearly there: these are the layers. What leaves the block?"),
    ],
    ask="5 come in. What has been made when layer 2 is called?",
)

# %% hidden="channels_read" requirement="any block" points=1
for _ in range(10):
    door, growth, layers = (int(n) for n in rng.integers((3, 3, 1), (90, 50, 12)))
    got = channels_read(door, growth, layers)
    want = [door + growth * n for n in range(layers + 1)]
    assert got == want, hint_for(
        got,
        known=[
            ([door, door + growth], "Each layer leaves something behind. How many layers are there?"),
            ([n + growth for n in want], "What does the very first layer see?"),
            (want[:-1], "These are the layers. What leaves the block?"),
        ],
        otherwise="A count is off. Try a block of one layer, and one of three, by hand.",
    )


# %% right="channels_read"
def channels_read(in_channels, growth_rate, layers):  # by the formula
    return [in_channels + number * growth_rate for number in range(layers + 1)]


# %% wrong="channels_read" hint="How many layers"
def channels_read(in_channels, growth_rate, layers):  # growth once
    return [in_channels, in_channels + growth_rate]


# %% wrong="channels_read" hint="Which net adds, which one collects"
def channels_read(in_channels, growth_rate, layers):  # sum for concat
    return [in_channels] * (layers + 1)


# %% wrong="channels_read" hint="very first layer"
def channels_read(in_channels, growth_rate, layers):  # off by one
    return [in_channels + number * growth_rate for number in range(1, layers + 2)]


# %% wrong="channels_read" hint="What leaves the block"
def channels_read(in_channels, growth_rate, layers):  # the block's output forgotten
    return [in_channels + number * growth_rate for number in range(layers)]


# %% wrong="channels_read" hint="double what it reads"
def channels_read(in_channels, growth_rate, layers):  # each layer makes as many as it reads
    return [in_channels * 2**number for number in range(layers + 1)]


# %% [markdown] hint="channels_read" step=1
# Which maps exist before layer 1 is called, and which one more bundle exists before layer 2?

# %% [markdown] hint="channels_read" step=2
# 10 at the door, growth rate 4. Layer 1 reads 10 and makes 4: there are 14. Layer 2 reads 14 and makes 4: there are 18.
# What is added each time, and how often?

# %% [markdown] hint="channels_read" step=3
# ```python
# for _ in range(...):
#     counts.append(counts[-1] + ...)
# ```

# %% [markdown]
# ## Task 2 · A dense block (4 points)
#
# Now the maps themselves. Two gaps are yours: *join* and *leave*.
#
# | | |
# |---|---|
# | `x` | array (B, C, H, W) |
# | `layers` | list of functions; each takes an array (B, any number of channels, H, W) and gives (B, k, H, W) |
# | returns | array (B, C + all k, H, W): the input first, then the maps of each layer in their order |
#
# Each layer reads everything before it: the input and the maps of all earlier layers, laid behind each other along the
# channels.


# %% task="dense_block" points=4 withhold="course_lib.models.densenet"
def dense_block(x, layers):
    """Let each layer read all maps before it, and collect what they make."""
    bundles = [x]
    for layer in layers:
        # 1 join: all bundles so far, behind each other along the channels
        ### BEGIN SOLUTION
        joined = np.concatenate(bundles, axis=1)
        ### END SOLUTION
        # 2 make: the new maps, as a bundle of their own
        bundles.append(layer(joined))
    # 3 leave: everything that was collected
    ### BEGIN SOLUTION
    return np.concatenate(bundles, axis=1)
    ### END SOLUTION


# %% check="dense_block" requirement="collects along the channels" points=1
pixel = np.array([1.0, 2.0]).reshape(1, 2, 1, 1)
layers = [
    there("lambda x: x.sum(axis=1, keepdims=True) + 10"),
    there("lambda x: 100 * x[:, -1:] + x[:, :1]"),
]
got = dense_block(pixel, layers)
assert np.shape(got) == (1, 4, 1, 1), explain(
    "The shape of dense_block(a pixel with 2 channels, two layers of one map each)",
    np.shape(got),
    "(1, 4, 1, 1)",
    known=[
        ((1, 2, 1, 1), "Two channels came in and each layer made one. Are they added to something, or collected?"),
        ((1, 1, 1, 1), "That is what the last layer made. Who else's maps leave the block?"),
        ((3, 2, 1, 1), "You joined along the images. Which axis are the channels?"),
    ],
    ask="Count: 2 that came in, 1 of each layer. Along which axis do they lie?",
)
assert np.allclose(np.ravel(got), [1, 2, 13, 1301]), explain(
    "dense_block of the pixel (1, 2), layers: sum of all + 10, then 100 · last + first",
    np.ravel(got),
    "[1, 2, 13, 1301]",
    known=[
        ([13, 1301, 1, 2], "All maps are there. In which order does the contract want them?"),
        ([1301, 13, 1, 2], "Right maps, but the newest are in front. In which order does the contract want them?"),
        ([1, 2, 13, 1313], "What does the second layer read: only the new map, or everything before it?"),
        ([1, 2, 13, 201], "What does the second layer read: only the block's input, or everything before it?"),
    ],
    ask="The second layer reads (1, 2, 13): which one is its first channel, which its last?",
)

# %% check="dense_block" requirement="the input leaves unchanged" points=1 after="What would a net lose in which each layer's maps were added instead?"
x = np.arange(24.0).reshape(2, 3, 2, 2)
got = dense_block(x, [there("lambda x: 0 * x[:, :2] + x.shape[1]")] * 3)
assert np.shape(got) == (2, 9, 2, 2), explain(
    "The shape of dense_block(a 2 × 3 × 2 × 2 array, three layers of two maps)",
    np.shape(got),
    "(2, 9, 2, 2)",
    ask="3 + 2 + 2 + 2 channels, in two images of 2 × 2. Which axis went wrong?",
)
seen = np.asarray(got)[0, 3::2, 0, 0]
assert np.allclose(seen, [3, 5, 7]), explain(
    "The number of channels that each layer was given",
    seen,
    "[3, 5, 7]",
    known=[
        ([3, 2, 2], "A layer was given only the maps of the one before. What about the earlier ones?"),
        ([3, 3, 3], "Each layer was given the block's input alone. What about the earlier layers?"),
    ],
    ask="What has been collected when each layer is called?",
)
assert np.allclose(np.asarray(got)[:, :3], x), explain(
    "The first three channels of the result", np.asarray(got)[0, :3, 0, 0], "those of the input", ask="What changed x?"
)

# %% hidden="dense_block" requirement="any input, any layers" points=2
for _ in range(6):
    batch, channels, height, width = (int(n) for n in rng.integers((1, 1, 2, 2), (4, 5, 4, 5)))
    x = rng.normal(size=(batch, channels, height, width))
    widths = [int(n) for n in rng.integers(1, 4, size=int(rng.integers(2, 5)))]
    layers = [
        there(f"lambda x: np.stack([x.sum(axis=1) * (0.5 + n) + x[:, -1] for n in range({w})], axis=1)") for w in widths
    ]
    want = x
    for w in widths:
        new = np.stack([want.sum(axis=1) * (0.5 + n) + want[:, -1] for n in range(w)], axis=1)
        want = np.concatenate([want, new], axis=1)
    got = dense_block(x, layers)
    assert np.shape(got) == want.shape, "The result has another shape than the contract says. Which axis is it?"
    assert np.allclose(got, want), "Some maps differ. What does each layer read, and in which order are the maps laid?"


# %% right="dense_block"
def dense_block(x, layers):  # one growing array
    for layer in layers:
        x = np.concatenate([x, layer(x)], axis=1)
    return x


# %% wrong="dense_block" hint="added to something, or collected"
def dense_block(x, layers):  # a residual net
    for layer in layers:
        x = x + layer(x)
    return x


# %% wrong="dense_block" hint="Who else's maps leave"
def dense_block(x, layers):  # only the last layer's maps leave
    bundles = [x]
    for layer in layers:
        bundles.append(layer(np.concatenate(bundles, axis=1)))
    return bundles[-1]


# %% wrong="dense_block" hint="only the new map"
def dense_block(x, layers):  # each layer reads the one before
    bundles = [x]
    for layer in layers:
        bundles.append(layer(bundles[-1]))
    return np.concatenate(bundles, axis=1)


# %% wrong="dense_block" hint="only the block's input"
def dense_block(x, layers):  # each layer reads the input
    return np.concatenate([x, *(layer(x) for layer in layers)], axis=1)


# %% wrong="dense_block" hint="In which order"
def dense_block(x, layers):  # the input last
    bundles = [x]
    for layer in layers:
        bundles.append(layer(np.concatenate(bundles, axis=1)))
    return np.concatenate([*bundles[1:], x], axis=1)


# %% [markdown] hint="dense_block" step=1
# Arrays are (image, channel, row, column). Which axis becomes longer, and which function lays arrays behind each other?

# %% [markdown] hint="dense_block" step=2
# Input (1, 2, 1, 1), two layers that make one map each. Layer 1 is given 2 channels, layer 2 is given 3, and 4 leave the
# block. How many bundles are in the list at each of these moments?

# %% [markdown] hint="dense_block" step=3
# ```python
# joined = np.concatenate(bundles, axis=...)
# ```

# %% [markdown]
# ## Task 3 · Blocks and transitions (4 points)
#
# A whole dense net, in numbers. Each layer of a block adds `growth_rate` channels. *Between* two blocks a transition keeps
# the share `compression`, rounded down. Two gaps are yours.
#
# | | |
# |---|---|
# | `first` | whole number: channels that enter the first block |
# | `blocks` | list: how many layers each block has |
# | `growth_rate` | whole number |
# | `compression` | number in (0, 1]: 0.5 for DenseNet-BC |
# | returns | list: the channels that *leave* each block |
#
# Example: first 10, blocks [2, 1], growth rate 4, compression 0.5: 18 leave the first block, 9 enter the second, 13 leave
# it: `[18, 13]`.


# %% task="channels_after_blocks" points=4 withhold="course_lib.models.densenet"
def channels_after_blocks(first, blocks, growth_rate, compression):
    """List the channels that leave each dense block."""
    leaving, channels = [], first
    for layers in blocks:
        # 1 block: each layer adds its maps
        ### BEGIN SOLUTION
        channels = channels + layers * growth_rate
        ### END SOLUTION
        leaving.append(channels)
        # 2 transition: a share is handed on, rounded down
        ### BEGIN SOLUTION
        channels = int(channels * compression)
        ### END SOLUTION
    return leaving


# %% check="channels_after_blocks" requirement="DenseNet-121" points=1
got = channels_after_blocks(64, [6, 12, 24, 16], 32, 0.5)
assert got == [256, 512, 1024, 1024], explain(
    "channels_after_blocks(64, [6, 12, 24, 16], 32, 0.5)",
    got,
    "[256, 512, 1024, 1024]",
    known=[
        ([256, 640, 1408, 1920], "Nothing is compressed. What does the C in DenseNet-BC promise?"),
        ([96, 80, 72, 68], "Each layer leaves something behind. How many layers has the first block?"),
        ([128, 256, 512, 512], "That is what the transitions hand on. What leaves the *blocks*?"),
    ],
    ask="64 + 6 · 32 leave block 1. What enters block 2?",
)

# %% check="channels_after_blocks" requirement="rounds down" points=1 after="The two halves of a net are often written by two people. Why must the contract say how to round?"
got = channels_after_blocks(7, [1, 3, 2], 6, 0.7)
assert got == [13, 27, 30], explain(
    "channels_after_blocks(7, [1, 3, 2], 6, 0.7)",
    got,
    "[13, 27, 30]",
    known=[
        ([13, 27.1, 30.97], "Half a channel? The contract says what to do with fractions."),
        ([13, 28, 32], "Rounded up. The contract says down."),
        ([13, 27, 31], "18.9 channels: the contract says down, not to the nearest."),
        ([13, 31, 43], "Nothing is compressed between the blocks. What does `compression` say?"),
        ([13, 21, 18], "You handed on what is *dropped*. Which share does a transition keep?"),
        ([13, 24, 24], "Is `compression` used, or always one half?"),
    ],
    ask="13 leave block 1. 13 · 0.7 is 9.1: what enters block 2?",
)

# %% hidden="channels_after_blocks" requirement="any net" points=2
for _ in range(10):
    first, growth = (int(n) for n in rng.integers(3, 60, size=2))
    blocks = [int(n) for n in rng.integers(1, 9, size=int(rng.integers(2, 6)))]
    share = float(rng.choice([0.25, 0.5, 0.75, 1.0]))
    want, plain, channels, bare = [], [], first, first
    for layers in blocks:
        channels, bare = channels + layers * growth, bare + layers * growth
        want.append(channels)
        plain.append(bare)
        channels = int(channels * share)
    got = channels_after_blocks(first, blocks, growth, share)
    assert list(got) == want, hint_for(
        got,
        known=[(plain, "Nothing is compressed. What does the C in DenseNet-BC promise?")],
        otherwise="A count is off. Try two blocks with a compression of 0.5 and an odd number of channels by hand.",
    )


# %% right="channels_after_blocks"
def channels_after_blocks(first, blocks, growth_rate, compression):  # the transition in front of each later block
    leaving = []
    for number, layers in enumerate(blocks):
        arrives = first if number == 0 else int(np.floor(leaving[-1] * compression))
        leaving.append(arrives + growth_rate * layers)
    return leaving


# %% wrong="channels_after_blocks" hint="What does the C"
def channels_after_blocks(first, blocks, growth_rate, compression):  # no compression
    return [first + growth_rate * sum(blocks[: number + 1]) for number in range(len(blocks))]


# %% wrong="channels_after_blocks" hint="How many layers has the first block"
def channels_after_blocks(first, blocks, growth_rate, compression):  # growth once a block
    leaving, channels = [], first
    for _ in blocks:
        leaving.append(channels + growth_rate)
        channels = int(leaving[-1] * compression)
    return leaving


# %% wrong="channels_after_blocks" hint="transitions hand on"
def channels_after_blocks(first, blocks, growth_rate, compression):  # after the transition
    handed_on, channels = [], first
    for layers in blocks:
        channels = int((channels + layers * growth_rate) * compression)
        handed_on.append(channels)
    return handed_on


# %% wrong="channels_after_blocks" hint="do with fractions"
def channels_after_blocks(first, blocks, growth_rate, compression):  # fractions of a channel
    leaving, channels = [], first
    for layers in blocks:
        leaving.append(channels + layers * growth_rate)
        channels = leaving[-1] * compression
    return leaving


# %% wrong="channels_after_blocks" hint="Which share does a transition keep"
def channels_after_blocks(first, blocks, growth_rate, compression):  # the share that is dropped
    leaving, channels = [], first
    for layers in blocks:
        leaving.append(channels + layers * growth_rate)
        channels = int(leaving[-1] * (1 - compression))
    return leaving


# %% [markdown] hint="channels_after_blocks" step=1
# Two things happen to the number of channels, in turn: it grows in a block, and it shrinks in a transition. By how much
# does it grow in a block of 6 layers?

# %% [markdown] hint="channels_after_blocks" step=2
# First 10, blocks [2, 1], growth rate 4, compression 0.5. Block 1: 10 + 2 · 4 = 18 leave. Transition: 9. Block 2:
# 9 + 1 · 4 = 13 leave. Which of these numbers belong into the list?

# %% [markdown] hint="channels_after_blocks" step=3
# ```python
# channels = channels + layers * ...
# leaving.append(channels)
# channels = int(channels * ...)
# ```

# %% [markdown]
# ## Task 4 · Fastest first (4 points)
#
# Several nets were timed, and their weights were counted, too. Sort them by latency: the **median** of a net's runs
# *without the first one*, which is cold. From here on it is all yours.
#
# | | |
# |---|---|
# | `nets` | dict: name → dict with `"megabytes"` (a number) and `"milliseconds"` (list of at least 2 times, in the order in which they were taken) |
# | returns | list of pairs (name, latency in ms), the fastest first |
#
# Example: `{"A": {"megabytes": 9, "milliseconds": [50, 10, 11, 10, 90]}}` gives `[("A", 10.5)]`.


# %% task="fastest_first" points=4 withhold="course_lib.training.forward_cost"
def fastest_first(nets):
    """Sort nets by the median of their warm runs, the fastest first."""
    ### BEGIN SOLUTION
    latency = {name: float(np.median(net["milliseconds"][1:])) for name, net in nets.items()}
    return sorted(latency.items(), key=lambda pair: pair[1])
    ### END SOLUTION


# %% check="fastest_first" requirement="the median of the warm runs" points=1
got = fastest_first({"A": {"megabytes": 9, "milliseconds": [50, 10, 11, 10, 90]}})
assert [pair[0] for pair in got] == ["A"], explain(
    "fastest_first of one net",
    got,
    '[("A", 10.5)]',
    ask="A list of pairs: name first, then the latency. What is missing?",
)
assert abs(got[0][1] - 10.5) < 1e-6, explain(
    "The latency of 50, 10, 11, 10, 90 ms",
    got[0][1],
    "10.5",
    known=[
        (34.2, "Which runs tell of the net, and which of the machine waking up or being busy?"),
        (30.25, "The cold run is out. One of the four has met another program: which average does not mind?"),
        (11.0, "The median, yes. Of which runs? The first one is cold."),
        (10.0, "The best run is what the net can do on its best day. The contract asks for another number."),
    ],
    ask="Cross out the first run, sort the rest: what lies in the middle?",
)

# %% check="fastest_first" requirement="sorts by time and not by size" points=1 after="What else than weights takes time? Name two things."
got = fastest_first(
    {
        "dense": {"megabytes": 36, "milliseconds": [150, 200, 201, 199]},
        "plain": {"megabytes": 106, "milliseconds": [400, 100, 102, 101]},
        "tiny": {"megabytes": 5, "milliseconds": [120, 160, 90, 170]},
    }
)
assert [name for name, _ in got] == ["plain", "tiny", "dense"], explain(
    "The order of plain (106 MB, 101 ms), tiny (5 MB, 160 ms) and dense (36 MB, 200 ms)",
    [name for name, _ in got],
    "['plain', 'tiny', 'dense']",
    known=[
        (["tiny", "dense", "plain"], "Weights say what is stored. What takes the time?"),
        (["dense", "tiny", "plain"], "The slowest is in front. Who is first in a race?"),
        (["dense", "plain", "tiny"], "That is the order in which they came. By what should they be sorted?"),
    ],
    ask="Which number of each pair must grow along the list?",
)

# %% hidden="fastest_first" requirement="any nets, any times" points=2
for _ in range(8):
    nets, want = {}, {}
    for name in rng.permutation(list("abcdefg"))[: int(rng.integers(2, 7))]:
        times = [float(t) for t in rng.uniform(5, 200, size=int(rng.integers(2, 8)))]
        nets[str(name)] = {"megabytes": float(rng.uniform(1, 500)), "milliseconds": times}
        want[str(name)] = float(np.median(times[1:]))
    got = fastest_first(nets)
    names = [name for name, _ in got]
    assert sorted(names) == sorted(want), "Every net once, please: a name is missing, or twice there."
    mine = [value for _, value in got]
    assert np.allclose(mine, [want[name] for name in names]), hint_for(
        mine,
        known=[
            ([float(np.mean(nets[name]["milliseconds"][1:])) for name in names], "A mean minds each busy moment."),
            ([float(np.median(nets[name]["milliseconds"])) for name in names], "The first run is cold: leave it out."),
        ],
        otherwise="A latency is off. Try a net with two runs, and one with five, by hand.",
    )
    assert names == sorted(want, key=want.get), hint_for(
        names,
        known=[
            (
                sorted(nets, key=lambda name: nets[name]["megabytes"]),
                "Weights say what is stored. What takes the time?",
            ),
            (sorted(want, key=want.get)[::-1], "The slowest is in front."),
        ],
        otherwise="The latencies are right, the order is not.",
    )


# %% right="fastest_first"
def fastest_first(nets):  # by hand
    found = []
    for name, net in nets.items():
        warm = sorted(net["milliseconds"][1:])
        middle = len(warm) // 2
        latency = warm[middle] if len(warm) % 2 else (warm[middle - 1] + warm[middle]) / 2
        found.append((latency, name))
    return [(name, latency) for latency, name in sorted(found)]


# %% wrong="fastest_first" hint="What takes the time"
def fastest_first(nets):  # fewer weights = faster
    latency = {name: float(np.median(net["milliseconds"][1:])) for name, net in nets.items()}
    return sorted(latency.items(), key=lambda pair: nets[pair[0]]["megabytes"])


# %% wrong="fastest_first" hint="machine waking up"
def fastest_first(nets):  # mean of all runs
    latency = {name: float(np.mean(net["milliseconds"])) for name, net in nets.items()}
    return sorted(latency.items(), key=lambda pair: pair[1])


# %% wrong="fastest_first" hint="Of which runs"
def fastest_first(nets):  # the cold run counts
    latency = {name: float(np.median(net["milliseconds"])) for name, net in nets.items()}
    return sorted(latency.items(), key=lambda pair: pair[1])


# %% wrong="fastest_first" hint="which average does not mind"
def fastest_first(nets):  # mean of the warm runs
    latency = {name: float(np.mean(net["milliseconds"][1:])) for name, net in nets.items()}
    return sorted(latency.items(), key=lambda pair: pair[1])


# %% wrong="fastest_first" hint="The slowest is in front"
def fastest_first(nets):  # the wrong way round
    latency = {name: float(np.median(net["milliseconds"][1:])) for name, net in nets.items()}
    return sorted(latency.items(), key=lambda pair: -pair[1])


# %% wrong="fastest_first" hint="on its best day"
def fastest_first(nets):  # the minimum
    latency = {name: float(min(net["milliseconds"][1:])) for name, net in nets.items()}
    return sorted(latency.items(), key=lambda pair: pair[1])


# %% [markdown] hint="fastest_first" step=1
# Two questions, one after the other. Which runs belong to the net, and which number stands for them? By which of the two
# entries of a pair is the list sorted?

# %% [markdown] hint="fastest_first" step=2
# 50, 10, 11, 10, 90: without the first 10, 11, 10, 90; sorted 10, 10, 11, 90; the middle lies between 10 and 11.
# `times[1:]` leaves the first one out. `sorted(pairs, key=...)` wants a function that says what counts.

# %% [markdown] hint="fastest_first" step=3
# ```python
# latency = {name: float(np.median(net["milliseconds"][...])) for name, net in nets.items()}
# return sorted(latency.items(), key=lambda pair: ...)
# ```

# %% [markdown]
# ## Task 5 · The frontier (4 points)
#
# Which nets does nobody beat? Net B **beats** net A if B costs *at most* as much, is *at least* as good, and is strictly
# better in one of the two. (Two nets with the same cost and the same score do not beat each other.)
#
# | | |
# |---|---|
# | `costs` | array (N,), less is better |
# | `scores` | array (N,), more is better |
# | returns | list of N truth values: True for each net that nobody beats, in the order in which the nets came |
#
# Example: costs [1, 2, 3], scores [70, 60, 80]: the second costs more than the first and gives less:
# `[True, False, True]`.


# %% task="on_frontier" points=4 withhold="course_lib.figures.dense"
def on_frontier(costs, scores):
    """Say for each net whether no other net beats it."""
    ### BEGIN SOLUTION
    result = []
    for cost, score in zip(costs, scores, strict=True):
        as_good = (costs <= cost) & (scores >= score)
        better = (costs < cost) | (scores > score)
        result.append(not bool((as_good & better).any()))
    return result
    ### END SOLUTION


# %% check="on_frontier" requirement="nets in any order" points=1
got = [bool(value) for value in on_frontier(np.array([3.0, 1, 2, 4, 5]), np.array([72.0, 60, 74, 75, 58]))]
assert got == [False, True, True, True, False], explain(
    "on_frontier(costs [3, 1, 2, 4, 5], scores [72, 60, 74, 75, 58])",
    got,
    "[False, True, True, True, False]",
    known=[
        (
            [True, False, True, True, False],
            "You compared each net with those before it in the list. Are the nets sorted?",
        ),
        (
            [False, False, False, False, False],
            "Does a net beat itself in your comparison? What must be strictly better?",
        ),
        ([False, True, False, False, False], "Is only the cheapest worth a thought?"),
        ([False, False, False, True, False], "Is only the most accurate worth a thought?"),
        ([True, False, False, False, True], "You found those that are beaten. Who is left?"),
        (
            [False, True, False, False, True],
            "Is a low score good? More is better in one of the two, less in the other.",
        ),
    ],
    ask="Is there one that costs at most as much and is at least as good? Ask that for each net.",
)

# %% check="on_frontier" requirement="ties" points=1 after="Why would strict signs everywhere be wrong, and why signs without any strictness?"
got = [
    bool(value) for value in on_frontier(np.array([1.0, 1.0, 2.0, 3.0, 3.0]), np.array([70.0, 65.0, 70.0, 80.0, 80.0]))
]
assert got == [True, False, False, True, True], explain(
    "on_frontier(costs [1, 1, 2, 3, 3], scores [70, 65, 70, 80, 80])",
    got,
    "[True, False, False, True, True]",
    known=[
        ([True, True, True, True, True], "Strict in both? The second costs as much as the first, and is worse."),
        (
            [False, False, False, False, False],
            "Does a net beat itself in your comparison? What must be strictly better?",
        ),
        ([True, False, False, False, False], "The last two are equal in both. Does one of them beat the other?"),
        ([True, False, False, True, False], "The last two are equal in both. Does one of them beat the other?"),
        ([True, False, True, True, True], "The third is as good as the first, and costs more. Is it beaten?"),
        ([True, True, False, True, True], "The second costs as much as the first, and is worse. Is it beaten?"),
    ],
    ask="At most as much, at least as good, and strictly better in one: which of the three is missing?",
)

# %% hidden="on_frontier" requirement="any nets" points=2
for _ in range(12):
    number = int(rng.integers(1, 12))
    costs, scores = rng.integers(1, 8, size=(2, number)).astype(float)
    want = []
    for a in range(number):
        beaten = False
        for b in range(number):
            at_least = costs[b] <= costs[a] and scores[b] >= scores[a]
            beaten = beaten or bool(at_least and (costs[b] < costs[a] or scores[b] > scores[a]))
        want.append(not beaten)
    got = [bool(value) for value in on_frontier(costs, scores)]
    assert len(got) == number, "One truth value for each net, please."
    assert got == want, hint_for(
        got,
        known=[([not value for value in want], "You found those that are beaten. Who is left?")],
        otherwise="A net is judged wrongly. Try nets with equal costs, with equal scores, and with both equal.",
    )


# %% right="on_frontier"
def on_frontier(costs, scores):  # all pairs at once
    as_good = (costs[:, None] <= costs) & (scores[:, None] >= scores)
    better = (costs[:, None] < costs) | (scores[:, None] > scores)
    return (~(as_good & better).any(axis=0)).tolist()


# %% wrong="on_frontier" hint="Are the nets sorted"
def on_frontier(costs, scores):  # a new best in the order of the list
    best, result = -np.inf, []
    for score in scores:
        result.append(bool(score > best))
        best = max(best, score)
    return result


# %% wrong="on_frontier" hint="Does a net beat itself"
def on_frontier(costs, scores):  # nothing is strict
    return [not bool(((costs <= c) & (scores >= s)).any()) for c, s in zip(costs, scores, strict=True)]


# %% wrong="on_frontier" hint="Strict in both"
def on_frontier(costs, scores):  # strict in both
    return [not bool(((costs < c) & (scores > s)).any()) for c, s in zip(costs, scores, strict=True)]


# %% wrong="on_frontier" hint="those that are beaten"
def on_frontier(costs, scores):  # the others
    as_good = (costs[:, None] <= costs) & (scores[:, None] >= scores)
    better = (costs[:, None] < costs) | (scores[:, None] > scores)
    return (as_good & better).any(axis=0).tolist()


# %% wrong="on_frontier" hint="Is a low score good"
def on_frontier(costs, scores):  # less is better in both
    as_good = (costs[:, None] <= costs) & (scores[:, None] <= scores)
    better = (costs[:, None] < costs) | (scores[:, None] < scores)
    return (~(as_good & better).any(axis=0)).tolist()


# %% wrong="on_frontier" hint="does one of them beat the other"
def on_frontier(costs, scores):  # of two equals only the first
    order = np.lexsort((-scores, costs))
    best, result = -np.inf, [False] * len(costs)
    for net in order:
        result[net] = bool(scores[net] > best)
        best = max(best, scores[net])
    return result


# %% [markdown] hint="on_frontier" step=1
# Take one net and ask of each other one: does it beat this one? Three conditions. Which of them must hold together?

# %% [markdown] hint="on_frontier" step=2
# Costs 1, 1; scores 70, 65. The first beats the second: as cheap, and strictly better. The second does not beat the first.
# A net never beats itself, since it is not strictly better in anything.

# %% [markdown] hint="on_frontier" step=3
# ```python
# for cost, score in zip(costs, scores, strict=True):
#     as_good = (costs <= cost) & (scores ... score)
#     better = (costs < cost) | (scores ... score)
#     result.append(not bool((as_good & better).any()))
# ```

# %% picture="on_frontier" alt="Seventeen random nets, cost to the right, score upwards; those on the frontier are marked and climb from left to right."
import matplotlib.pyplot as plt

from course_lib import figures

figures.use_course_style()
draw = np.random.default_rng(4)
costs = draw.uniform(1, 100, 17)
scores = 60 + 8 * np.log10(costs) + draw.normal(0, 3, 17)
best = np.array(on_frontier(costs, scores))
figure, ax = plt.subplots(figsize=(6.5, 3.4))
ax.plot(costs[~best], scores[~best], "o", color="#707070", linestyle="none", label="beaten")
ax.plot(costs[best], scores[best], "s", color="#0072B2", linestyle="none", markersize=8, label="on the frontier")
ax.set(xlabel="cost (invented)", ylabel="score (invented, %)")
ax.legend(loc="lower right")
figures.show(
    figure,
    alt="Seventeen random nets, cost to the right, score upwards; those on the frontier are marked and climb from left "
    "to right.",
)
