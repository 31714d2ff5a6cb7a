# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: "Is this contour good? Exercises"
#     level: intermediate
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["10_segmentation_metrics"]
#     facts: [C06, C07]
# ---

# %% [markdown]
# # 10 · Is this contour good? Exercises
#
# Six tasks, 22 points, about 80 minutes. You build the measures of the lecture yourself: overlap with its empty case,
# distances in millimetres, both HD95, lesions, one point of an FROC curve, and a RECIST class.
#
# How it works: read the contract, write your code where `NotImplementedError` stands, run the cell, then run the checks
# below it. A check never stops the notebook; it shows what your code gave, what was wanted, and one question. Stuck?
# Open the first hint, try again, and only then the next. The first two tasks leave gaps, the last four are all yours.
# Graded are these checks and others of the same kind with other numbers, so write for every input that the contract
# allows.

# %% tags=["setup"]
import numpy as np
from scipy import ndimage

from course_lib.classroom import explain, hint_for

# %% [markdown]
# ## Warm-up: a worked example
#
# The volumetric overlap error of one case, in three steps, all given: *both*, *either*, *share*. Before you run it: what
# does the third call have to give, and why is it no number?


# %%
def overlap_error(mask_true, mask_pred):
    # 1 both: what the two masks share
    both = (mask_true & mask_pred).sum()
    # 2 either: what at least one of them has
    either = (mask_true | mask_pred).sum()
    # 3 share: what is not shared; without any voxel nothing was measured
    return float(1 - both / either) if either else np.nan


small = np.array([True, True, False, False])
overlap_error(small, small), overlap_error(small, small[::-1]), overlap_error(~(small | True), ~(small | True))

# %% [markdown]
# ## Task 1 · Dice over patients (4 points)
#
# The mean Dice of several patients, each counted the same. Two empty masks measure nothing: such a patient is left out
# of the mean. Two gaps are yours: steps 1 and 2.
#
# | | |
# |---|---|
# | `masks_true`, `masks_pred` | lists of as many bool arrays; the two of a patient have one shape, patients may differ |
# | returns | number from 0 to 1; NaN if no patient is left |
#
# Example: one patient, 3 voxels true, 3 drawn, 2 shared: 2 · 2 / (3 + 3) = 0.667.


# %% task="mean_dice" points=4 withhold="course_lib.metrics"
def mean_dice(masks_true, masks_pred):
    """Average the Dice of the patients in whom there was something to measure."""
    scores = []
    for mask_true, mask_pred in zip(masks_true, masks_pred, strict=True):
        # 1 counts: voxels of both masks, and of the two sizes together
        ### BEGIN SOLUTION
        both = (mask_true & mask_pred).sum()
        total = mask_true.sum() + mask_pred.sum()
        ### END SOLUTION
        # 2 Dice: of this patient, if there is one
        ### BEGIN SOLUTION
        if total:
            scores.append(2 * both / total)
        ### END SOLUTION
    # 3 mean over patients
    return float(np.mean(scores)) if scores else np.nan


# %% check="mean_dice" requirement="one patient" points=1 after="Why is Dice never below IoU?"
got = mean_dice([np.array([1, 1, 1, 1, 0, 0]) > 0], [np.array([0, 0, 1, 1, 1, 1]) > 0])
assert np.allclose(got, 0.5), explain(
    "mean_dice of one patient: 4 voxels true, 4 drawn, 2 shared",
    got,
    "0.5",
    known=[
        (0.25, "Try two identical masks: what should a perfect score be, and what is yours?"),
        (1 / 3, "That is the intersection over the union. What does Dice divide by?"),
        (1.0, "The upper part is right. How many sizes are added below?"),
        (2 / 3, "Nearly: by what do you divide, the sizes of both masks or what either has?"),
    ],
    ask="Write the three counts on paper first: true, drawn, both. Which of them enters twice?",
)

# %% check="mean_dice" requirement="a missed patient, and one without anything" points=1 after="Which patient would the global Dice have hidden?"
here, there = np.zeros((2, 60), bool)
here[:50], there[:50] = True, True
one, other = np.eye(2, 60, 55, dtype=bool)
got = mean_dice([here, one, np.zeros(60, bool)], [there, other, np.zeros(60, bool)])
assert np.allclose(got, 0.5), explain(
    "mean_dice of three patients: 50 of 50 voxels right; 1 voxel in the wrong place; two empty masks",
    got,
    "0.5: the mean of 1 and 0",
    known=[
        (100 / 102, "One patient was missed fully. Can you still see that in your number?"),
        (1 / 3, "The program rightly drew nothing in the third patient. Did your number punish it?"),
        (2 / 3, "You gave the third patient a full score. What does the contract say about two empty masks?"),
        (1.0, "Patients with a score of 0 are patients, too. Whom did you leave out?"),
        (np.nan, "One patient has no score. Must the mean then have none?"),
    ],
    ask="What is the Dice of each of the three, one by one?",
)

# %% hidden="mean_dice" requirement="any patients, and none that can be measured" points=2
got = mean_dice([np.zeros(4, bool)], [np.zeros(4, bool)])
assert np.isnan(got), hint_for(
    got, otherwise="Where nobody is left, there is no mean: what does the contract want then?"
)
for _ in range(10):
    shapes = [tuple(int(n) for n in rng.integers(2, 7, size=2)) for _ in range(4)]
    trues, preds = ([rng.random(shape) < 0.5 for shape in shapes] for _ in range(2))
    trues[1][:], preds[1][:] = False, False
    preds[2] = ~trues[2]  # nothing shared
    sums = (
        [(a & b).sum() for a, b in zip(trues, preds, strict=True)],
        [a.sum() + b.sum() for a, b in zip(trues, preds, strict=True)],
    )
    left = [2 * both / total for both, total in zip(*sums, strict=True) if total]
    union = [both / (total - both) for both, total in zip(*sums, strict=True) if total]
    known = [
        (np.mean(left) / 2, "What should two identical masks get?"),
        (np.mean(union), "What does Dice divide by, both sizes or the union?"),
        (2 * sum(sums[0]) / sum(sums[1]), "Each patient counts the same, however large."),
        (sum(left) / 4, "Did your number punish a patient in whom rightly nothing was drawn?"),
        ((sum(left) + 1) / 4, "What does the contract say about two empty masks?"),
    ]
    got = mean_dice(trues, preds)
    assert np.allclose(got, np.mean(left)), hint_for(
        got, known=known, otherwise="A mean is off. Compute the Dice of each patient by hand, on masks of four voxels."
    )


# %% right="mean_dice"
def mean_dice(masks_true, masks_pred):  # as F1 of the voxels
    scores = []
    for a, b in zip(masks_true, masks_pred, strict=True):
        hit, missed, invented = (a & b).sum(), (a & ~b).sum(), (b & ~a).sum()
        scores.append(hit / (hit + (missed + invented) / 2) if hit + missed + invented else np.nan)
    return float(np.nanmean(scores)) if np.isfinite(scores).any() else float("nan")


# %% wrong="mean_dice" hint="a perfect score"
def mean_dice(masks_true, masks_pred):  # the factor lost
    pairs = [(a, b) for a, b in zip(masks_true, masks_pred, strict=True) if a.sum() + b.sum()]
    return float(np.mean([(a & b).sum() / (a.sum() + b.sum()) for a, b in pairs])) if pairs else np.nan


# %% wrong="mean_dice" hint="intersection over the union"
def mean_dice(masks_true, masks_pred):  # Jaccard's index
    pairs = [(a, b) for a, b in zip(masks_true, masks_pred, strict=True) if a.sum() + b.sum()]
    return float(np.mean([(a & b).sum() / (a | b).sum() for a, b in pairs])) if pairs else np.nan


# %% wrong="mean_dice" hint="Did your number punish it"
def mean_dice(masks_true, masks_pred):  # an epsilon settles it
    pairs = zip(masks_true, masks_pred, strict=True)
    return float(np.mean([2 * (a & b).sum() / (a.sum() + b.sum() + 1e-7) for a, b in pairs]))


# %% wrong="mean_dice" hint="Can you still see that"
def mean_dice(masks_true, masks_pred):  # all voxels in one pot
    both = sum((a & b).sum() for a, b in zip(masks_true, masks_pred, strict=True))
    total = sum(a.sum() + b.sum() for a, b in zip(masks_true, masks_pred, strict=True))
    return float(2 * both / total) if total else np.nan


# %% wrong="mean_dice" hint="a full score"
def mean_dice(masks_true, masks_pred):  # nothing in nothing is perfect
    pairs = zip(masks_true, masks_pred, strict=True)
    return float(np.mean([2 * (a & b).sum() / (a.sum() + b.sum()) if a.any() or b.any() else 1.0 for a, b in pairs]))


# %% [markdown] hint="mean_dice" step=1
# Which three counts does one patient give, and in which patient can nothing be divided?

# %% [markdown] hint="mean_dice" step=2
# Two patients: 3 true, 3 drawn, 2 shared; and nothing, nothing. The first has 4 / 6. The second has 0 / 0: it is no
# number, so the list of scores has one entry, and the mean is 0.667. What must stand before the division?

# %% [markdown] hint="mean_dice" step=3
# ```python
# total = mask_true.sum() + ...
# if total:
#     scores.append(2 * ... / total)
# ```

# %% [markdown]
# ## Task 2 · How far is the worst point off? (4 points)
#
# Hausdorff's distance of two borders, in millimetres: from each border voxel of the one to the nearest of the other, and
# back; the largest of all. Two gaps: steps 2 and 3.
#
# | | |
# |---|---|
# | `border_true`, `border_pred` | whole numbers (N, axes) and (M, axes): the indices of border voxels; N and M at least 1 |
# | `spacing_mm` | (axes,) numbers: the distance of neighbours along each axis |
# | returns | number in mm |
#
# Example: the voxels (0, 0) and (1, 0), spacing (3, 1): 3 mm.


# %% task="hausdorff_mm" points=4 withhold="course_lib.metrics"
def hausdorff_mm(border_true, border_pred, spacing_mm):
    """Find the largest distance from a border voxel of either mask to the border of the other."""
    # 1 steps: index differences of every pair, (N, M, axes)
    steps = np.asarray(border_true)[:, None] - np.asarray(border_pred)[None]
    # 2 lengths: of every pair in mm, (N, M)
    ### BEGIN SOLUTION
    lengths = np.sqrt(((steps * np.asarray(spacing_mm)) ** 2).sum(axis=2))
    ### END SOLUTION
    # 3 nearest, there and back; then the largest
    ### BEGIN SOLUTION
    there, back = lengths.min(axis=1), lengths.min(axis=0)
    return float(max(there.max(), back.max()))
    ### END SOLUTION


# %% check="hausdorff_mm" requirement="millimetres" points=1 after="Which contract would have prevented a spacing in the wrong order?"
got = hausdorff_mm(np.array([[0, 1, 1]]), np.array([[1, 1, 3]]), (3, 1, 0.5))
assert np.allclose(got, np.sqrt(10)), explain(
    "hausdorff_mm of the voxels (0, 1, 1) and (1, 1, 3), spacing (3, 1, 0.5)",
    got,
    "3.162 mm: 3 mm along the first axis, 1 mm along the last",
    known=[
        (np.sqrt(5), "How thick is a slice here? Your steps are counted in voxels."),
        (np.sqrt(36.25), "All three spacings are used. Which of them belongs to the first axis?"),
        (4.0, "You walked along the axes, like a taxi. How long is the straight line?"),
        (10.0, "That is the square of it. What is missing at the end?"),
        (np.sqrt(11), "Does the second axis add anything? Both voxels have the same index there."),
    ],
    ask="One step along axis 0 and two along axis 2: how many mm is each of them?",
)

# %% check="hausdorff_mm" requirement="both directions" points=1 after="Which direction sees what was missed, and which what was invented?"
got = hausdorff_mm(np.array([[0, 0], [0, 1]]), np.array([[0, 0], [0, 1], [0, 6]]), (1, 0.5))
swapped = hausdorff_mm(np.array([[0, 0], [0, 1], [0, 6]]), np.array([[0, 0], [0, 1]]), (1, 0.5))
assert np.allclose([got, swapped], 2.5), explain(
    "hausdorff_mm of the columns {0, 1} and {0, 1, 6}, then of {0, 1, 6} and {0, 1}, 0.5 mm each",
    [got, swapped],
    "[2.5, 2.5]",
    known=[
        ([0, 2.5], "You went from A to B. Go from B to A as well: is any point far away?"),
        ([2.5, 0], "You went from B to A. Go from A to B as well: is any point far away?"),
        ([0, 0], "You took the better of the two directions. Which one hides the far voxel?"),
        ([3, 3], "That is the farthest *pair*. To which voxel does each one go: the nearest, or the farthest?"),
        ([5, 5], "How wide is a column? Your steps are counted in voxels."),
        ([1.25, 1.25], "The mean of the two directions halves the error. Which of the two is the distance?"),
        ([0.5, 0.5], "A mean over all voxels is another measure. Which single voxel decides here?"),
    ],
    ask="Column 6 was drawn by mistake. How far is the nearest true column?",
)

# %% hidden="hausdorff_mm" requirement="any borders" points=2
for _ in range(12):
    axes = int(rng.integers(2, 4))
    a, b = (rng.integers(0, 12, size=(int(rng.integers(2, 9)), axes)) for _ in range(2))
    spacing = tuple(float(size) for size in rng.uniform(0.5, 5, size=axes))
    far = [
        np.array([[np.sqrt((((p - q) * np.array(size)) ** 2).sum()) for q in b] for p in a])
        for size in (spacing, (1,) * axes, spacing[::-1])
    ]
    there, back = far[0].min(axis=1).max(), far[0].min(axis=0).max()
    known = [
        (max(far[1].min(axis=1).max(), far[1].min(axis=0).max()), "How thick is a slice? Count in mm."),
        (max(far[2].min(axis=1).max(), far[2].min(axis=0).max()), "Which spacing belongs to the first axis?"),
        (far[0].max(), "To which voxel does each one go: the nearest, or the farthest?"),
        (min(there, back), "One direction is not enough."),
        ((there + back) / 2, "Which of the two directions is the distance? Not their mean."),
    ]
    got = hausdorff_mm(a, b, spacing)
    assert np.allclose(got, max(there, back)), hint_for(
        got, known=known, otherwise="A distance is off. Try one voxel against two, with three different spacings."
    )
    if there > back:
        assert np.allclose(hausdorff_mm(b, a, spacing), there), "The two masks may change places: does your value stay?"


# %% right="hausdorff_mm"
def hausdorff_mm(border_true, border_pred, spacing_mm):  # by loops, as on paper
    one, other = ([np.multiply(voxel, spacing_mm) for voxel in border] for border in (border_true, border_pred))
    there = [min(np.linalg.norm(p - q) for q in other) for p in one]
    back = [min(np.linalg.norm(p - q) for p in one) for q in other]
    return max(there + back)


# %% wrong="hausdorff_mm" hint="How thick is a slice"
def hausdorff_mm(border_true, border_pred, spacing_mm):  # in voxels
    steps = border_true[:, None] - border_pred[None]
    lengths = np.sqrt((steps**2).sum(axis=2))
    return float(max(lengths.min(axis=1).max(), lengths.min(axis=0).max()))


# %% wrong="hausdorff_mm" hint="Go from B to A"
def hausdorff_mm(border_true, border_pred, spacing_mm):  # one way
    steps = (border_true[:, None] - border_pred[None]) * np.array(spacing_mm)
    return float(np.sqrt((steps**2).sum(axis=2)).min(axis=1).max())


# %% wrong="hausdorff_mm" hint="belongs to the first axis"
def hausdorff_mm(border_true, border_pred, spacing_mm):  # spacing in the order x, y, z
    steps = (border_true[:, None] - border_pred[None]) * np.array(spacing_mm)[::-1]
    lengths = np.sqrt((steps**2).sum(axis=2))
    return float(max(lengths.min(axis=1).max(), lengths.min(axis=0).max()))


# %% wrong="hausdorff_mm" hint="the nearest, or the farthest"
def hausdorff_mm(border_true, border_pred, spacing_mm):  # the farthest pair
    steps = (border_true[:, None] - border_pred[None]) * np.array(spacing_mm)
    return float(np.sqrt((steps**2).sum(axis=2)).max())


# %% wrong="hausdorff_mm" hint="like a taxi"
def hausdorff_mm(border_true, border_pred, spacing_mm):  # along the axes
    lengths = np.abs((border_true[:, None] - border_pred[None]) * np.array(spacing_mm)).sum(axis=2)
    return float(max(lengths.min(axis=1).max(), lengths.min(axis=0).max()))


# %% [markdown] hint="hausdorff_mm" step=1
# `lengths` is a table: a row for each true voxel, a column for each drawn one. What do you look for in a row, and what
# in a column?

# %% [markdown] hint="hausdorff_mm" step=2
# True: column 0. Drawn: columns 0 and 5, 1 mm each. The table has one row: 0, 5. The smallest of the row is 0: the true
# voxel is well. The smallest of the columns are 0 and 5: one drawn voxel is 5 mm astray. The answer is 5.

# %% [markdown] hint="hausdorff_mm" step=3
# ```python
# lengths = np.sqrt(((steps * ...) ** 2).sum(axis=2))
# there, back = lengths.min(axis=1), lengths.min(axis=...)
# return float(max(...))
# ```

# %% [markdown]
# ## Task 3 · Two HD95 (3 points)
#
# Both conventions from the same two heaps of distances: the percentile of each direction and then the larger, and the
# percentile of one common heap. `np.percentile` interpolates as wanted. From here on all is yours.
#
# | | |
# |---|---|
# | `true_to_pred_mm`, `pred_to_true_mm` | (N,) and (M,) numbers in mm, N and M at least 1, in any order |
# | returns | a dict: `"worse"` and `"pooled"`, in mm |
#
# Example: [0, 0] and [2, 2]: worse 2.0, pooled 2.0.


# %% task="both_hd95" points=3 withhold="course_lib.metrics"
def both_hd95(true_to_pred_mm, pred_to_true_mm):
    """Give the 95th percentile of the worse direction, and of both directions pooled."""
    ### BEGIN SOLUTION
    worse = max(np.percentile(true_to_pred_mm, 95), np.percentile(pred_to_true_mm, 95))
    # equivalent: `[pred_to_true_mm, true_to_pred_mm]`: a heap has no order
    pooled = np.percentile(np.concatenate([true_to_pred_mm, pred_to_true_mm]), 95)
    return {"worse": float(worse), "pooled": float(pooled)}
    ### END SOLUTION


# %% check="both_hd95" requirement="one far voxel among ten" points=1 after="Which of the two would a paper like to report?"
got = both_hd95(np.array([0.0] * 9 + [10]), np.zeros(10))
assert isinstance(got, dict), explain(
    "both_hd95(…)", got, "a dict with two numbers", ask="Which two names does it need?"
)
got = [got.get("worse"), got.get("pooled")]
assert np.allclose(np.array(got, float), [5.5, 0.5]), explain(
    "worse and pooled of [nine times 0, and 10] and [ten times 0]",
    got,
    "[5.5, 0.5]",
    known=[
        ([0.5, 0.5], "Name the convention: percentile of each direction, or of the heap? You have the heap twice."),
        ([5.5, 5.5], "You have the worse direction twice. What changes when both lie in one heap?"),
        ([0.5, 5.5], "Both numbers are there. Which is which?"),
        ([10, 10], "That is the largest distance. Which share of the voxels is forgiven?"),
        ([2.75, 0.5], "The mean of two directions hides the worse one. What does its name say?"),
        ([0, 0.5], "You took the better direction. Which of the two would you want to know?"),
        ([0, 0], "`np.percentile` counts to 100, `np.quantile` to 1. What is 95% for yours?"),
    ],
    ask="Sort each heap on paper. At which place of ten does 95% lie, counted from 0?",
)

# %% check="both_hd95" requirement="heaps of different size" points=1
got = both_hd95(np.array([4.0, 0, 2]), np.array([1.0] * 17))
got = [got["worse"], got["pooled"]]
assert np.allclose(got, [3.8, 2.1]), explain(
    "worse and pooled of [4, 0, 2] and [17 times 1]",
    got,
    "[3.8, 2.1]",
    known=[
        ([3.8, 1.42], "A mean of the two percentiles, weighted by size, is no percentile of the heap."),
        ([3.8, 2.4], "The mean of the two percentiles is not the percentile of the heap. Put all 20 into one."),
        ([2.4, 2.1], "The mean of two directions hides the worse one."),
        ([1.0, 2.1], "Take the larger of the two percentiles."),
        ([2.1, 2.1], "Percentile of each direction, or of the heap? You have the heap twice."),
    ],
    ask="Put all 20 distances into one heap and sort it. Between which two lies 95%?",
)

# %% hidden="both_hd95" requirement="any heaps" points=1
for turn in range(12):
    a, b = (rng.exponential(2, size=int(rng.integers(2, 30))) for _ in range(2))
    if turn % 2:
        a, b = a, b + 3
    each = np.percentile(a, 95), np.percentile(b, 95)
    heap = np.percentile(np.concatenate([a, b]), 95)
    got = both_hd95(a, b)
    assert np.allclose(got["worse"], max(each)), hint_for(
        got["worse"],
        known=[
            (heap, "Percentile of each direction, or of the heap?"),
            (np.mean(each), "A mean of the two directions hides the worse one."),
            (min(each), "Which of the two directions would you want to know?"),
            (max(a.max(), b.max()), "That is the largest distance: what is forgiven?"),
        ],
        otherwise="`worse` is off: the percentile of each direction first, then one decision.",
    )
    assert np.allclose(got["pooled"], heap), hint_for(
        got["pooled"],
        known=[(max(each), "What changes when both lie in one heap?"), (np.mean(each), "A mean of two is no heap.")],
        otherwise="`pooled` is off: put all distances into one heap first.",
    )


# %% right="both_hd95"
def both_hd95(true_to_pred_mm, pred_to_true_mm):  # the percentile by hand
    def at_95(values):
        values = sorted(values)
        place = 0.95 * (len(values) - 1)
        low = int(place)
        high = min(low + 1, len(values) - 1)
        return float(values[low] + (place - low) * (values[high] - values[low]))

    heaps = list(true_to_pred_mm), list(pred_to_true_mm)
    return {"pooled": at_95(heaps[0] + heaps[1]), "worse": max(map(at_95, heaps))}


# %% wrong="both_hd95" hint="the heap twice"
def both_hd95(true_to_pred_mm, pred_to_true_mm):  # there is but one HD95
    pooled = np.percentile(np.concatenate([true_to_pred_mm, pred_to_true_mm]), 95)
    return {"worse": float(pooled), "pooled": float(pooled)}


# %% wrong="both_hd95" hint="the worse direction twice"
def both_hd95(true_to_pred_mm, pred_to_true_mm):  # or but the other
    worse = max(np.percentile(true_to_pred_mm, 95), np.percentile(pred_to_true_mm, 95))
    return {"worse": float(worse), "pooled": float(worse)}


# %% wrong="both_hd95" hint="Which is which"
def both_hd95(true_to_pred_mm, pred_to_true_mm):  # swapped
    worse = max(np.percentile(true_to_pred_mm, 95), np.percentile(pred_to_true_mm, 95))
    pooled = np.percentile(np.concatenate([true_to_pred_mm, pred_to_true_mm]), 95)
    return {"worse": float(pooled), "pooled": float(worse)}


# %% wrong="both_hd95" hint="hides the worse one"
def both_hd95(true_to_pred_mm, pred_to_true_mm):  # the mean of two directions
    pooled = np.percentile(np.concatenate([true_to_pred_mm, pred_to_true_mm]), 95)
    mean = (np.percentile(true_to_pred_mm, 95) + np.percentile(pred_to_true_mm, 95)) / 2
    return {"worse": float(mean), "pooled": float(pooled)}


# %% wrong="both_hd95" hint="is forgiven"
def both_hd95(true_to_pred_mm, pred_to_true_mm):  # Hausdorff's distance itself
    far = float(max(np.max(true_to_pred_mm), np.max(pred_to_true_mm)))
    return {"worse": far, "pooled": far}


# %% [markdown] hint="both_hd95" step=1
# Two verbs: *take the percentile* and *join*. In which order does each convention do them?

# %% [markdown] hint="both_hd95" step=2
# [0, 0, 0, 8] and [0, 0]. Worse: 95% of four lies at place 2.85, so 0 + 0.85 · 8 = 6.8; the other has 0; the larger is
# 6.8. Pooled: six numbers, place 4.75, so 0 + 0.75 · 8 = 6.0.

# %% [markdown] hint="both_hd95" step=3
# ```python
# worse = max(np.percentile(..., 95), np.percentile(..., 95))
# pooled = np.percentile(np.concatenate([...]), 95)
# ```

# %% [markdown]
# ## Task 4 · How many lesions were found? (4 points)
#
# A lesion is a connected piece of a mask; voxels that touch at a *corner* belong together here. A true lesion is found
# if *one* predicted lesion overlaps it by *more than* the wanted share (what both have, by what either has).
#
# | | |
# |---|---|
# | `mask_true`, `mask_pred` | bool arrays of one shape, of two or three axes |
# | `min_overlap` | number, 0 ≤ min_overlap < 1; 0 asks for a single voxel |
# | returns | share of the true lesions that were found, 0 to 1; NaN if there is none |
#
# `ndimage.label(mask, structure)` numbers the pieces; its default counts faces only. Example: two true lesions, one of
# them drawn perfectly: 0.5.


# %% task="share_found" points=4 withhold="course_lib.metrics"
def share_found(mask_true, mask_pred, min_overlap):
    """Count the true lesions that have a predicted partner."""
    ### BEGIN SOLUTION
    corners = np.ones((3,) * mask_true.ndim)
    true, number = ndimage.label(mask_true, corners)
    pred, _ = ndimage.label(mask_pred, corners)
    found = 0
    for k in range(1, number + 1):
        lesion = true == k
        partners = [pred == j for j in np.unique(pred[lesion]) if j > 0]
        found += any((lesion & each).sum() / (lesion | each).sum() > min_overlap for each in partners)
    return found / number if number else np.nan
    ### END SOLUTION


# %% check="share_found" requirement="lesions, not voxels" points=1 after="What is the Dice here, and who would be fooled by it?"
mask_true, mask_pred = np.zeros((2, 30, 44), bool)
mask_true[2:22, 2:27] = mask_pred[2:22, 2:27] = True  # 500 voxels, drawn
mask_true[25, 38:43] = True  # 5 voxels, not drawn
got = share_found(mask_true, mask_pred, 0.0)
assert np.allclose(got, 0.5), explain(
    "share_found of two lesions, 500 voxels drawn perfectly and 5 not drawn",
    got,
    "0.5",
    known=[
        (1000 / 1005, "Voxels look perfect. Now count lesions: how many of the two were found?"),
        (500 / 505, "That is the share of *voxels* that were found. And of lesions?"),
        (1.0, "Two lesions are true, one was drawn. By which number do you divide?"),
        (1, "Two lesions are true, one was drawn. By which number do you divide?"),
    ],
    ask="Number the true lesions. Which of them have a voxel that was drawn?",
)

# %% check="share_found" requirement="corners and overlaps" points=1 after="Which overlap would you ask for before surgery?"
mask_true = np.zeros((8, 12), bool)
mask_true[[0, 1, 2], [0, 1, 2]] = True  # a diagonal: one lesion
mask_true[5:7, 4:8] = True  # eight voxels
mask_pred = np.zeros((8, 12), bool)
mask_pred[[0, 1], [0, 1]] = True
mask_pred[5:7, 6:8] = True  # half of the eight
got = [share_found(mask_true, mask_pred, each) for each in (0.0, 0.5, 0.6)]
assert np.allclose(got, [1, 0.5, 0.5]), explain(
    "share_found of a diagonal of 3 (2 drawn) and a block of 8 (4 drawn), asked for more than 0, 0.5 and 0.6",
    got,
    "[1.0, 0.5, 0.5]",
    known=[
        ([0.75, 0.5, 0.5], "Do voxels that touch at a corner belong together in this task?"),
        ([1, 1, 0.5], "The block is overlapped by just half. Does the contract ask for *at least*, or for *more*?"),
        ([1, 0.5, 0], "The diagonal: 2 of 3 voxels are shared. Is its overlap above 0.6?"),
        ([1, 0, 0], "What do you divide by: the voxels of *this* pair, or of the whole masks?"),
        ([1, 1, 1], "Dice of a pair is larger than its overlap: what either has stands below the line."),
        ([2, 1, 1], "Those are counts. The share is asked for."),
    ],
    ask="The diagonal shares 2 of 3 voxels, the block 4 of 8. Which of them is above 0.5?",
)

# %% hidden="share_found" requirement="any masks, and none" points=2
empty = np.zeros((5, 5), bool)
got = share_found(empty, np.eye(5, dtype=bool), 0.0)
assert np.isnan(got), hint_for(got, otherwise="Without a true lesion there is no share: what does the contract want?")
got = share_found(np.eye(5, dtype=bool), empty, 0.0)
assert got == 0, hint_for(got, otherwise="Nothing was drawn: how many of the lesions were found?")
two_pieces = np.zeros((1, 12), bool)
two_pieces[0, [1, 2, 3, 5, 6]] = True
got = share_found(np.arange(12)[None] < 8, two_pieces, 0.5)
assert got == 0, hint_for(
    got,
    otherwise="One *single* predicted lesion must overlap enough: do yours join forces, or do you look at one side?",
)
got = share_found(np.arange(12)[None] < 4, np.arange(12)[None] < 2, 0.5)
assert got == 0, "The contract asks for *more than* the wanted share. What is just the half?"
got = share_found(np.arange(12)[None] < 2, np.arange(12)[None] < 9, 0.5)
assert got == 0, "A blob that covers a small lesion and much else: what does either have?"
for axes in (2, 3, 2, 3):
    a = ndimage.binary_dilation(rng.random((9,) * axes) < 0.2 / 3**axes * 2)
    a |= rng.random((9,) * axes) < 0.02
    b = ndimage.binary_dilation(a) & (rng.random((9,) * axes) < 0.8)
    corners = np.ones((3,) * axes)
    (true, n), (pred, m) = ndimage.label(a, corners), ndimage.label(b, corners)
    shared = np.zeros((n + 1, m + 1))
    np.add.at(shared, (true.ravel(), pred.ravel()), 1)
    for wanted in (0.0, 0.3):
        either = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0) - shared
        right = np.mean((shared / either)[1:, 1:].max(axis=1, initial=0) > wanted) if n else np.nan
        got = share_found(a, b, wanted)
        assert np.allclose(got, right, equal_nan=True), (
            "A share is off on random masks. Check it on a diagonal, in two axes and in three."
        )


# %% right="share_found"
def share_found(mask_true, mask_pred, min_overlap):  # through one table of all pairs
    corners = ndimage.generate_binary_structure(mask_true.ndim, mask_true.ndim)
    (true, n), (pred, m) = ndimage.label(mask_true, corners), ndimage.label(mask_pred, corners)
    if n == 0:
        return float("nan")
    shared = np.bincount((true * (m + 1) + pred).ravel(), minlength=(n + 1) * (m + 1)).reshape(n + 1, m + 1)
    either = shared.sum(axis=1)[:, None] + shared.sum(axis=0)[None] - shared
    overlaps = shared[1:, 1:] / either[1:, 1:]
    return float((overlaps.max(axis=1, initial=0) > min_overlap).mean())


# %% wrong="share_found" hint="how many of the two were found"
def share_found(mask_true, mask_pred, min_overlap):  # Dice will tell
    total = mask_true.sum() + mask_pred.sum()
    return float(2 * (mask_true & mask_pred).sum() / total) if total else np.nan


# %% wrong="share_found" hint="touch at a corner"
def share_found(mask_true, mask_pred, min_overlap):  # the default neighbourhood
    (true, number), (pred, _) = ndimage.label(mask_true), ndimage.label(mask_pred)
    found = 0
    for k in range(1, number + 1):
        lesion = true == k
        partners = [pred == j for j in np.unique(pred[lesion]) if j > 0]
        found += any((lesion & each).sum() / (lesion | each).sum() > min_overlap for each in partners)
    return found / number if number else np.nan


# %% wrong="share_found" hint="at least*, or for *more"
def share_found(mask_true, mask_pred, min_overlap):  # at least
    corners = np.ones((3,) * mask_true.ndim)
    (true, number), (pred, _) = ndimage.label(mask_true, corners), ndimage.label(mask_pred, corners)
    found = 0
    for k in range(1, number + 1):
        lesion = true == k
        partners = [pred == j for j in np.unique(pred[lesion]) if j > 0]
        found += any((lesion & each).sum() / (lesion | each).sum() >= min_overlap for each in partners)
    return found / number if number else np.nan


# %% wrong="share_found" hint="of the whole masks"
def share_found(mask_true, mask_pred, min_overlap):  # against all that was drawn
    true, number = ndimage.label(mask_true, np.ones((3,) * mask_true.ndim))
    found = 0
    for k in range(1, number + 1):
        lesion = true == k
        found += (lesion & mask_pred).sum() / (lesion | mask_pred).sum() > min_overlap
    return found / number if number else np.nan


# %% wrong="share_found" hint="By which number do you divide"
def share_found(mask_true, mask_pred, min_overlap):  # found by predicted
    corners = np.ones((3,) * mask_true.ndim)
    (true, number), (pred, drawn) = ndimage.label(mask_true, corners), ndimage.label(mask_pred, corners)
    found = 0
    for k in range(1, number + 1):
        lesion = true == k
        partners = [pred == j for j in np.unique(pred[lesion]) if j > 0]
        found += any((lesion & each).sum() / (lesion | each).sum() > min_overlap for each in partners)
    return found / drawn if number and drawn else np.nan


# %% [markdown] hint="share_found" step=1
# You need the numbered pieces of both masks. For one true lesion: which numbers of the other map lie under it?

# %% [markdown] hint="share_found" step=2
# One row: true 1 1 1 0 2 2, predicted 1 1 1 1 0 2. Under lesion 1 lies prediction 1: they share 3, either has 4, overlap
# 0.75. Under lesion 2 lie nothing and prediction 2: they share 1, either has 2, overlap 0.5. Asked for more than 0.5,
# one of two is found.

# %% [markdown] hint="share_found" step=3
# ```python
# corners = np.ones((3,) * mask_true.ndim)
# true, number = ndimage.label(mask_true, ...)
# for k in range(1, number + 1):
#     lesion = true == k
#     partners = [pred == j for j in np.unique(pred[lesion]) if ...]
#     found += any(... > min_overlap for each in partners)
# ```

# %% picture="share_found" alt="Two masks side by side: true lesions numbered by their pieces, and predicted ones; a diagonal is one piece."
import matplotlib.pyplot as plt

from course_lib import figures

figures.use_course_style()
mask_true = np.zeros((8, 12), bool)
mask_true[[0, 1, 2], [0, 1, 2]] = True
mask_true[5:7, 4:8] = True
mask_pred = np.zeros((8, 12), bool)
mask_pred[[0, 1], [0, 1]] = True
mask_pred[5:7, 6:8] = True
figure, axes = plt.subplots(1, 2, figsize=(7, 2.6))
for ax, mask, title in zip(axes, (mask_true, mask_pred), ("true", "predicted"), strict=True):
    ax.imshow(ndimage.label(mask, np.ones((3, 3)))[0], cmap="cividis", vmin=0, vmax=2)
    ax.set(title=title, xlabel="pixels", ylabel="pixels")
figures.show(
    figure,
    alt="Two masks side by side: true lesions numbered by their pieces, and predicted ones; a diagonal is one piece.",
)

# %% [markdown]
# ## Task 5 · One point of an FROC curve (3 points)
#
# A detector gave points, each with a score. At one threshold: which share of all lesions is found, and how many false
# alarms are there for each image?
#
# | | |
# |---|---|
# | `detections` | list of (score, image, lesion): image from 0; lesion is its number *in that image*, or −1 for a point on nothing |
# | `lesions_per_image` | list of whole numbers: the lesions of each image, images without any included; at least one lesion in all |
# | `threshold` | number: points with this score or more are shown |
# | returns | two numbers: share of the lesions found, false alarms an image |
#
# A second hit of the same lesion finds nothing new, and is no false alarm either.


# %% task="froc_point" points=3 withhold="course_lib.metrics"
def froc_point(detections, lesions_per_image, threshold):
    """Give sensitivity and false alarms an image at one threshold."""
    ### BEGIN SOLUTION
    shown = [(image, lesion) for score, image, lesion in detections if score >= threshold]
    found = {(image, lesion) for image, lesion in shown if lesion >= 0}
    alarms = sum(lesion < 0 for _, lesion in shown)
    return len(found) / sum(lesions_per_image), alarms / len(lesions_per_image)
    ### END SOLUTION


# %% check="froc_point" requirement="double hits" points=1 after="Why does the third image count, although it holds no lesion?"
points = [(0.9, 0, 0), (0.8, 0, 0), (0.7, 0, -1), (0.6, 1, -1), (0.5, 2, -1), (0.4, 2, -1)]
got = froc_point(points, [1, 1, 0], 0.0)
assert np.shape(got) == (2,), explain(
    "froc_point(…)", got, "two numbers", ask="Which two numbers does the contract name?"
)
assert np.allclose(got, [0.5, 4 / 3]), explain(
    "froc_point: 2 lesions, 3 images, two hits on one lesion, four points on nothing",
    got,
    "(0.5, 1.333)",
    known=[
        ((1.0, 4), "Two hits, but on how many lesions? And false alarms per what?"),
        ((1.0, 4 / 3), "Two hits, but on how many lesions?"),
        ((0.5, 4), "The share is right. False alarms per what?"),
        ((0.5, 5 / 3), "Is the second hit of a lesion a false alarm? Read the last line of the contract."),
        ((0.5, 2), "You divide the alarms by the lesions. The contract says: for each ...?"),
        ((1 / 3, 4 / 3), "The alarms are right. Of what is the first number a share: lesions, or images?"),
        ((0.5, 2 / 3), "Which points are false alarms? Those with the lesion −1, in every image."),
    ],
    ask="Cross out each point that hits a lesion already hit. What is left?",
)

# %% check="froc_point" requirement="threshold, and lesions of several images" points=1
points = [(0.9, 0, 0), (0.8, 1, 0), (0.5, 1, 1), (0.5, 2, -1), (0.3, 0, -1)]
got = froc_point(points, [1, 2, 1, 0], 0.5)
assert np.allclose(got, [0.75, 0.25]), explain(
    "froc_point at 0.5: hits on lesion 0 of image 0, lesions 0 and 1 of image 1; 4 lesions, 4 images",
    got,
    "(0.75, 0.25)",
    known=[
        ((0.5, 0.25), "Lesion 0 of image 0 and lesion 0 of image 1: are they the same lesion? (Or is 0.5 below 0.5?)"),
        ((0.5, 0.0), "Is a point with just the threshold's score shown?"),
        ((0.75, 0.5), "One alarm has a score below the threshold. Is it shown?"),
        ((0.25, 0.25), "Which hits are new? Look at image *and* number."),
    ],
    ask="Write down the pairs (image, lesion) that were hit. How many different ones are there?",
)

# %% hidden="froc_point" requirement="any detections" points=1
for _ in range(12):
    images = int(rng.integers(3, 7))
    lesions = [int(n) for n in rng.integers(0, 4, size=images)]
    lesions[0] += 1
    points = []
    for _ in range(25):
        image = int(rng.integers(images))
        points.append((round(float(rng.random()), 1), image, int(rng.integers(-1, lesions[image]))))
    threshold = 0.4
    shown = [point for point in points if point[0] >= threshold]
    hits = [(image, lesion) for _, image, lesion in shown if lesion >= 0]
    alarms = len(shown) - len(hits)
    right = (len(set(hits)) / sum(lesions), alarms / images)
    known = [
        ((len(hits) / sum(lesions), alarms / images), "How many *different* lesions were hit?"),
        ((right[0], alarms), "False alarms per what?"),
        ((right[0], alarms / sum(lesions)), "False alarms per what?"),
        ((right[0], (len(shown) - len(set(hits))) / images), "Is a second hit a false alarm?"),
        ((len({lesion for _, lesion in hits}) / sum(lesions), right[1]), "Lesions of two images share numbers."),
    ]
    got = froc_point(points, lesions, threshold)
    assert np.allclose(got, right), hint_for(
        got,
        known=known,
        otherwise="A number is off. Try two images with one lesion each, and a point at the threshold.",
    )


# %% right="froc_point"
def froc_point(detections, lesions_per_image, threshold):  # with a table of what was hit
    hit = [[False] * count for count in lesions_per_image]
    alarms = 0
    for score, image, lesion in detections:
        if score < threshold:
            continue
        if lesion == -1:
            alarms += 1
        else:
            hit[image][lesion] = True
    return sum(map(sum, hit)) / sum(map(len, hit)), alarms / len(hit)


# %% wrong="froc_point" hint="on how many lesions"
def froc_point(detections, lesions_per_image, threshold):  # each hit is a find
    shown = [(image, lesion) for score, image, lesion in detections if score >= threshold]
    hits, alarms = sum(k >= 0 for _, k in shown), sum(k < 0 for _, k in shown)
    return hits / sum(lesions_per_image), alarms


# %% wrong="froc_point" hint="False alarms per what"
def froc_point(detections, lesions_per_image, threshold):  # all alarms
    shown = [(image, lesion) for score, image, lesion in detections if score >= threshold]
    return len({s for s in shown if s[1] >= 0}) / sum(lesions_per_image), sum(k < 0 for _, k in shown)


# %% wrong="froc_point" hint="second hit of a lesion a false alarm"
def froc_point(detections, lesions_per_image, threshold):  # all but the first hit are false
    shown = [(image, lesion) for score, image, lesion in detections if score >= threshold]
    found = {s for s in shown if s[1] >= 0}
    return len(found) / sum(lesions_per_image), (len(shown) - len(found)) / len(lesions_per_image)


# %% wrong="froc_point" hint="are they the same lesion"
def froc_point(detections, lesions_per_image, threshold):  # numbers without their image
    shown = [lesion for score, _, lesion in detections if score >= threshold]
    found = {lesion for lesion in shown if lesion >= 0}
    return len(found) / sum(lesions_per_image), sum(k < 0 for k in shown) / len(lesions_per_image)


# %% wrong="froc_point" hint="just the threshold"
def froc_point(detections, lesions_per_image, threshold):  # above only
    shown = [(image, lesion) for score, image, lesion in detections if score > threshold]
    found = {s for s in shown if s[1] >= 0}
    return len(found) / sum(lesions_per_image), sum(k < 0 for _, k in shown) / len(lesions_per_image)


# %% [markdown] hint="froc_point" step=1
# What names a lesion: its number alone, or its number together with something else? And how do you count *different*
# ones?

# %% [markdown] hint="froc_point" step=2
# Two images with one lesion each. Points: (0.9, image 0, lesion 0), (0.8, image 0, lesion 0), (0.7, image 1, −1), at a
# threshold of 0.5. Different pairs that were hit: one, of two lesions: 0.5. Points on nothing: one, in two images: 0.5.

# %% [markdown] hint="froc_point" step=3
# ```python
# shown = [... for score, image, lesion in detections if score >= threshold]
# found = {(image, lesion) for image, lesion in shown if ...}  # a set keeps one of each
# ```

# %% [markdown]
# ## Task 6 · Response, or progression? (4 points)
#
# The RECIST 1.1 class of the *last* visit, from the sums of the longest diameters:
#
# 1. a new lesion, or a sum at least 20% *and* at least 5 mm above the smallest of the *earlier* sums: `"PD"`;
# 2. else a sum of 0: `"CR"`; 3. else at least 30% below the *first* sum: `"PR"`; 4. else `"SD"`.
#
# | | |
# |---|---|
# | `sums_mm` | list of at least two numbers ≥ 0, visit by visit; the first is above 0 |
# | `new_lesion` | True if the last visit shows one that was not there before |
# | returns | `"PD"`, `"CR"`, `"PR"` or `"SD"` |


# %% task="response" points=4
def response(sums_mm, new_lesion=False):
    """Classify the last visit by RECIST 1.1."""
    ### BEGIN SOLUTION
    first, now, smallest = sums_mm[0], sums_mm[-1], min(sums_mm[:-1])
    growth = now - smallest
    if new_lesion or (growth >= 5 and growth >= 0.2 * smallest):
        return "PD"
    if now == 0:
        return "CR"
    return "PR" if first - now >= 0.3 * first else "SD"
    ### END SOLUTION


# %% check="response" requirement="growth after a response" points=1 after="Which drug would the patient stay on, if you compared with the first visit?"
got = [response([100, 60, 75]), response([100, 50, 65]), response([100, 60, 63])]
assert got == ["PD", "PD", "PR"], explain(
    "response of 100, 60, 75 mm; of 100, 50, 65 mm; of 100, 60, 63 mm",
    got,
    "['PD', 'PD', 'PR']",
    known=[
        (["SD", "PR", "PR"], "The tumour was smaller in between. Which visit is the reference for growth?"),
        (
            ["PD", "PR", "PR"],
            "The second has shrunk since the start *and* grown since its best. Which rule comes first?",
        ),
        (["PD", "PD", "SD"], "Growth looks at the smallest sum. At which sum does response look?"),
        (["SD", "PR", "SD"], "Growth: which visit is the reference? And response: which one?"),
        (["PD", "PD", "PD"], "Is a growth of 3 mm, by 5%, enough?"),
    ],
    ask="Write below each visit the smallest sum before it. Which of the last visits lie 20% above that?",
)

# %% check="response" requirement="small tumours, none, and new ones" points=1 after="Why does RECIST ask for 5 mm as well?"
got = [response([20, 12, 16]), response([40, 0]), response([40, 30], new_lesion=True), response([40, 0, 12])]
assert got == ["SD", "CR", "PD", "PD"], explain(
    "response of 20, 12, 16 mm; of 40, 0 mm; of 40, 30 mm with a new lesion; of 40, 0, 12 mm",
    got,
    "['SD', 'CR', 'PD', 'PD']",
    known=[
        (["PD", "CR", "PD", "PD"], "12 → 16 mm is a third more. How many millimetres is it, and how many are needed?"),
        (["SD", "CR", "SD", "PD"], "All old lesions are stable. And the new one?"),
        (["SD", "PR", "PD", "PD"], "Nothing is left in the second patient: is there a better word than partial?"),
        (
            ["SD", "CR", "PD", "PR"],
            "The last one was free of tumour and is so no more. What is 12 mm, compared with 0?",
        ),
        (
            ["SD", "CR", "PD", "SD"],
            "The last one was free of tumour and is so no more. What is 12 mm, compared with 0?",
        ),
    ],
    ask="For each: the first sum, the smallest earlier one, the last. Which rule fits first?",
)

# %% hidden="response" requirement="any course, and the limits themselves" points=2
limits = {
    (100, 70): "PR", (100, 71): "SD", (100, 50, 60): "PD", (100, 50, 59): "PR", (100, 20, 25): "PD",
    (100, 20, 24): "PR", (100, 120): "PD", (100, 119): "SD", (30, 34): "SD", (100, 60, 40, 50): "PD",
    (100, 40, 60, 55): "PD", (100, 90, 95): "SD", (50, 0, 0): "CR", (50, 0, 4): "PR", (3, 2): "PR", (80, 40, 0): "CR",
}  # fmt: skip
for sums, right in limits.items():
    got = response(list(sums))
    known = [("PD", "Progression needs both: a fifth more, *and* 5 mm, than the smallest earlier sum.")]
    otherwise = "A class is off: which visit is the reference for growth, which for response, and are limits included?"
    assert got == right, hint_for(got, known=known, otherwise=otherwise)
    assert response(list(sums), new_lesion=True) == "PD", "A new lesion is progression, whatever the sums say."


# %% right="response"
def response(sums_mm, new_lesion=False):  # rule by rule
    *earlier, now = sums_mm
    best = sorted(earlier)[0]
    grown = now >= best + 5 and now >= best + best / 5
    classes = [(new_lesion or grown, "PD"), (now == 0, "CR"), (now <= sums_mm[0] - 3 * sums_mm[0] / 10, "PR")]
    return next((name for holds, name in classes if holds), "SD")


# %% wrong="response" hint="Which visit is the reference for growth"
def response(sums_mm, new_lesion=False):  # growth since the start
    first, now = sums_mm[0], sums_mm[-1]
    if new_lesion or (now - first >= 5 and now - first >= 0.2 * first):
        return "PD"
    if now == 0:
        return "CR"
    return "PR" if first - now >= 0.3 * first else "SD"


# %% wrong="response" hint="Which rule comes first"
def response(sums_mm, new_lesion=False):  # response first
    first, now, smallest = sums_mm[0], sums_mm[-1], min(sums_mm[:-1])
    if now == 0 and not new_lesion:
        return "CR"
    if first - now >= 0.3 * first and not new_lesion and smallest > 0 and now < 0.75 * first:
        return "PR"
    return "PD" if new_lesion or (now - smallest >= 5 and now - smallest >= 0.2 * smallest) else "SD"


# %% wrong="response" hint="how many are needed"
def response(sums_mm, new_lesion=False):  # 20% alone
    first, now, smallest = sums_mm[0], sums_mm[-1], min(sums_mm[:-1])
    if new_lesion or now - smallest >= 0.2 * smallest > 0 or now > smallest == 0:
        return "PD"
    if now == 0:
        return "CR"
    return "PR" if first - now >= 0.3 * first else "SD"


# %% wrong="response" hint="At which sum does response look"
def response(sums_mm, new_lesion=False):  # everything from the smallest sum
    now, smallest = sums_mm[-1], min(sums_mm[:-1])
    if new_lesion or (now - smallest >= 5 and now - smallest >= 0.2 * smallest):
        return "PD"
    if now == 0:
        return "CR"
    return "PR" if smallest - now >= 0.3 * smallest else "SD"


# %% wrong="response" hint="And the new one"
def response(sums_mm, new_lesion=False):  # new lesions have no diameter in the sum
    first, now, smallest = sums_mm[0], sums_mm[-1], min(sums_mm[:-1])
    if now - smallest >= 5 and now - smallest >= 0.2 * smallest:
        return "PD"
    if now == 0:
        return "CR"
    return "PR" if first - now >= 0.3 * first else "SD"


# %% [markdown] hint="response" step=1
# Two questions, two references. For "has it shrunk?": since when? For "has it grown?": since when?

# %% [markdown] hint="response" step=2
# Sums 80, 50, 58. Growth: the smallest earlier sum is 50, now 58: 8 mm and 16%, too little for PD. Response: 80 → 58 is
# 27.5% less, too little for PR. So SD. With 61 at the end: 11 mm and 22%: PD.

# %% [markdown] hint="response" step=3
# ```python
# first, now, smallest = sums_mm[0], sums_mm[-1], min(...)  # without the last
# if new_lesion or (now - smallest >= 5 and ...):
#     return "PD"
# ```

# %% [markdown]
# ## Before you go
#
# One sentence each, without looking back; nobody marks them. A paper reports "HD95 3.2 mm": what would you ask its
# authors? A team's mean Dice rose from 0.70 to 0.75 when they changed nothing but an epsilon: what had happened? Your
# program finds 9 of 10 lesions, and the lesion that it misses is new: what does RECIST say, with and without it?
