# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: How old is this brain, and what does the gap mean?
#     level: intermediate
#     minutes_cpu: 2
#     minutes_gpu: 2
#     download_mb: 0
#     needs: ["04_lenet", "05_alexnet_vgg", "09_classification_metrics"]
#     facts: [R31, R32, R33]
# ---

# %% [markdown]
# # 15 · How old is this brain, and what does the gap mean?
#
# **Level** intermediate · **your time** about 100 minutes, with a good place to pause after part 7 · **the machine's
# time** one or two minutes on two CPU cores, most of it to make the brains · **download** nothing · **needs** the
# training loop (lesson 04), convolutions in groups (lesson 05), intervals (lesson 09)
#
# *For teaching, not for clinical use.*

# %% [markdown]
# ## The question
#
# With the years the ventricles of a brain grow and its cortex thins. A net that has seen many healthy heads can guess
# the age of a new one. Now suppose that it says 75, and the person is 70. Is this brain five years too old? That
# difference, predicted minus true age, is called the **brain-age gap**, and people hope that it tells of diseases such
# as Alzheimer's before the person does.
#
# Whoever looks into a real scanner never learns how old the brain "really" is. So this lesson makes its brains: each
# person gets an age and a hidden number δ, and the anatomy is drawn as that of age + δ. The net is not told δ. We are,
# and can ask what nobody can ask in a clinic: *is the gap that we report the gap that is there?*
#
# After this lesson you can
#
# 1. train a small 3-D net on ages, and judge it beside baselines, with an interval;
# 2. explain why young brains look too old and old ones too young, and take the trend out on validation subjects only;
# 3. say what that correction knows, why the error after it must not be reported as accuracy, and how dividing fails;
# 4. map which part of the brain predicts, and join patches by mean and by regression;
# 5. say how much of a hidden gap is recovered, between persons and within one, and check an importance map against the
#    truth.

# %% [markdown]
# ## Set-up
#
# The libraries, and the rooms of the course that this lesson visits. New today: `brain_age`, for corrections and
# ensembles, and `explain`, for maps of what a net looks at.

# %% tags=["setup"]
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import clear_output
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from course_lib import brain_age, data, explain, figures, metrics
from course_lib.classroom import reveal, where_am_i
from course_lib.data.phantoms.ageing_brain import make_ageing_brains
from course_lib.figures.brain_age import plot_ages, plot_brain_map, plot_gaps, plot_patch_errors
from course_lib.models.volumes import VolumeRegressor
from course_lib.summary import summarize
from course_lib.training import fit
from course_lib.widgets.age_bias import age_bias_explorer

figures.use_course_style()

# %% [markdown]
# What you may change; everything below follows.

# %% tags=["parameters"]
FAST = True  # False makes three times as many people: some minutes
SEED = 0  # of the people, the first weights and the order of the images
EPOCHS = None  # times through the training data; a number here overrules 12
BATCH_SIZE = 16  # brains a step
LEARNING_RATE = 1e-4  # of gradient descent with momentum
CHECKPOINT_DIR = None  # a folder that outlives this session, such as one on your Drive

# %% [markdown]
# Where does this notebook run?

# %%
where_am_i(minutes_cpu=2, minutes_gpu=2)

# %% [markdown]
# ## Warm-up
#
# **From lesson 05.** A convolution with 36 input maps and 288 output maps works in 36 groups. How many input maps does
# one output map read?
#
# <details>
# <summary>Answer</summary>
#
# One: 36 / 36. Thirty-six small nets lie side by side and never meet. In part 8 each of them gets its own piece of
# brain.
# </details>
#
# **From lesson 09.** A threshold was chosen on the test patients, and the sensitivity reported on them. What is wrong?
#
# <details>
# <summary>Answer</summary>
#
# The test has helped to make what it judges, so the number is too good. A line that corrects ages is a choice, too: it
# is fitted on validation subjects.
# </details>
#
# **From lesson 04.** Why do we look at baselines before the net?
#
# <details>
# <summary>Answer</summary>
#
# A number alone says nothing. "Nine years off" is poor for faces of children; for brains we shall know when we have seen
# what an answer without looking, and a simple one, reach.
# </details>

# %% [markdown]
# ## The data: people made from one real template
#
# | | |
# |---|---|
# | what | T1-weighted brains without skull, ages 20 to 90, three scanners |
# | made from | the real template MNI152 (mean of 152 young adults), bent and thinned by a phantom |
# | source | V. Fonov et al., *Unbiased nonlinear average age-appropriate brain templates*, NeuroImage 47, 2009; inside nilearn |
# | licence | the template is free to use, copy and change; the phantom is the course's own |
# | truth | age, and the hidden gap δ (standard deviation 3 years in healthy people) |
# | lacks | skull, diseases, a hippocampus of its own pace, sulci of one's own: results say nothing of patients |
#
# First one and the same person at four ages. Everything but the age stays: head, bends, noise, δ.

# %%
one_person = [
    make_ageing_brains(1, seed=SEED, first=4, spacing_mm=4, age_years=[age], with_tissues=True)
    for age in (25, 45, 65, 85)
]
for brain in one_person:
    print(f"{brain.age_years[0]:.0f} years: ventricles {brain.ventricles_ml[0]:.0f} ml", end=", ")
    print(f"grey matter {brain.grey_ml[0]:.0f} ml, δ {brain.brain_age_gap_years[0]:+.1f} years")


# %%
def in_shades(images):  # 16 steps of grey keep the notebook small
    return (16 * np.clip(images / 1.05, 0, 1)).round()


figure, axes = plt.subplots(1, 4, figsize=(8.4, 2.7))
for ax, brain in zip(axes, one_person, strict=True):
    ax.imshow(in_shades(brain.images[0, 25]), cmap="gray", vmin=0, vmax=16, extent=(0, 192, 224, 0))
    ax.contour(brain.tissues[0, 3, 25], [0.5], colors=["#56B4E9"], extent=(2, 190, 2, 222), linewidths=1)
    ax.set(title=f"{brain.age_years[0]:.0f} years", xlabel="mm", xticks=(0, 100), yticks=(0, 100))
axes[0].set_ylabel("mm")
figures.show(
    figure,
    alt="Four axial slices of one person at 25, 45, 65 and 85 years. The two lateral ventricles in the middle, outlined "
    "in blue, grow several times wider, the dark furrows of the cortex open, and the white matter fades.",
)

# %% [markdown]
# Now a cohort. Voxels of 8 mm are enough for what follows: the phantom is made at 4 mm, and eight voxels are averaged
# into one. Scanners differ in brightness, so each brain is brought to mean 0 and deviation 1.
#
# A person is one image here, and the split is by person all the same, since it costs nothing to be sure.


# %%
def prepare(images):
    """(N, 48, 56, 48) arrays → (N, 1, 24, 28, 24) tensors of mean 0 and deviation 1."""
    coarse = F.avg_pool3d(torch.from_numpy(images)[:, None], 2)
    spread = coarse.std(dim=(2, 3, 4), keepdim=True)
    return (coarse - coarse.mean(dim=(2, 3, 4), keepdim=True)) / spread


people = 520 if FAST else 1560
brains = make_ageing_brains(people, seed=SEED, spacing_mm=4)
volumes = prepare(brains.images)
ages, delta = brains.age_years, brains.brain_age_gap_years

# %% tags=["nbval-check-output"]
subjects = np.arange(people)
split = data.subject_split(subjects, val_fraction=3 / 13, test_fraction=3 / 13, seed=SEED)
data.assert_no_overlap(split, subjects)
print(f"{len(split.train)} people to learn from, {len(split.val)} to choose and correct, {len(split.test)} to judge")
print(f"each {tuple(volumes.shape[2:])} voxels of 8 mm: {volumes[0].numel():,} numbers")

# %% [markdown]
# Look before you model: twelve test people in one axial slice, sorted by age. Cover the titles and **guess** some ages;
# then look.

# %%
twelve = split.test[np.argsort(ages[split.test])][:: len(split.test) // 12][:12]
figure, ax = plt.subplots(figsize=(7, 3.2))
titles = [f"{ages[i]:.0f} y, δ {delta[i]:+.0f}" for i in twelve]
figures.plot_image_grid(in_shades(brains.images[twelve, 25]), ax, titles=titles, columns=6)
figures.show(
    figure,
    alt="Axial slices of twelve people from about 20 to 90 years. Ventricles tend to widen with age, but some people of "
    "40 have larger ones than others of 60; brightness and noise differ by scanner.",
)

# %% [markdown]
# ## 1 Try first: read the age off the ventricles
#
# Your eye looks for the dark lakes in the middle. So does the simplest feature: the **share of fluid**, voxels of the
# head that are darker than half way between fluid and grey matter. A straight line from that share to the age is a
# rival for the net; *always the mean age* is the floor.
#
# **Predict** both mean absolute errors (MAE) on the test people, whose ages lie evenly between 20 and 90.

# %%
predicted_mean_mae = None  # type your number, in years
predicted_fluid_mae = None  # type your number, in years

# %%
head = (brains.images > 0.15).sum(axis=(1, 2, 3))
fluid = ((brains.images > 0.15) & (brains.images < 0.5)).sum(axis=(1, 2, 3)) / head
line = np.polyfit(fluid[split.train], ages[split.train], 1)
mean_age = ages[split.train].mean()
mean_mae = metrics.mean_absolute_error(ages[split.test], np.full(len(split.test), mean_age))
by_fluid = metrics.bootstrap_mean(np.abs(np.polyval(line, fluid[split.test]) - ages[split.test]), seed=SEED)
fluid_mae = by_fluid.value
reveal(predicted_mean_mae, round(mean_mae, 1), unit="years: always the mean age")
reveal(predicted_fluid_mae, round(fluid_mae, 1), unit="years: a line through the share of fluid")

# %% [markdown]
# For ages spread evenly over 70 years, the distance to the middle is 70 / 4 = 17.5 years on average: the floor follows
# from the *cohort*, not from any skill. Keep that for comparisons of papers. **Predict** for two made-up studies: net A
# is off by 4 years on people of 20 to 80, net B by 3 years on people of 45 to 55. Which has the larger **skill**, 1 −
# MAE / MAE of the mean age?

# %%
predicted_better = None  # type "A" or "B"

# %% tags=["nbval-check-output"]
skill = {"A": 1 - 4 / ((80 - 20) / 4), "B": 1 - 3 / ((55 - 45) / 4)}
for name, value in skill.items():
    print(f"net {name}: skill {value:+.2f}")
reveal(predicted_better, max(skill, key=skill.get))

# %% [markdown]
# B is worse than an answer without looking. An MAE travels badly between cohorts; send the range of ages along.

# %% [markdown]
# ## 2 A net for volumes
#
# A volume has a third axis, and a kernel gets one, too: 3 × 3 × 3 weights for each input map. The net of Cole and
# colleagues (2017) for brain age stacks five blocks, each two convolutions and a pool, on 182 × 218 × 182 voxels.
# **Predict** how many voxels of a map are left after five halvings, depth × height × width, and how many of the net's
# 903,417 parameters sit in the last, linear layer.

# %%
predicted_left = None  # type three numbers, such as (9, 9, 9)
predicted_head = None  # type your number

# %% tags=["nbval-check-output"]
with torch.device("meta"):
    cole = summarize(VolumeRegressor(), torch.zeros(1, 1, 182, 218, 182), depth=2)
sizes = [row.output_shape for row in cole.rows if len(row.output_shape) == 5]
for shape in dict.fromkeys(sizes[1:]):
    print(f"{shape[1]:4} maps of {' × '.join(map(str, shape[2:]))}")
reveal(predicted_left, sizes[-1][2:])
reveal(predicted_head, 128 * 5 * 6 * 5 + 1, unit=f"of {cole.parameters:,} parameters")

# %% [markdown]
# On thousands of scans such a net pays. We have a few hundred small volumes, so ours has *one* convolution,
# a squashing (tanh) and a linear layer. Eight kernels look for edges between fluid and tissue, and the linear layer asks
# where they are. Two choices will matter in part 9. The weights of the linear layer begin at 0, and learn in small steps:
# a voxel that never helped keeps no say. And kernels of 4 with a stride of 2 read every voxel equally often (twice along
# each axis; kernels of 3 would read every other voxel once only).


# %%
def make_net():
    net = nn.Sequential(
        nn.Conv3d(1, 8, kernel_size=4, stride=2, padding=1),  # (B, 8, 12, 14, 12)
        nn.Tanh(),
        nn.Flatten(),  # (B, 16128)
        nn.Linear(8 * 12 * 14 * 12, 1),  # (B, 1)
        nn.Flatten(0),  # (B,)
    )
    nn.init.zeros_(net[3].weight)
    return net


# %% tags=["nbval-check-output"]
table = summarize(make_net(), torch.zeros(1, 1, 24, 28, 24))
for row in table.rows:
    print(f"{row.type:8} {' × '.join(map(str, row.output_shape[1:])) or 'one number':18} {row.parameters:>7,}")
print(f"sum {table.parameters:>32,} parameters")

# %% [markdown]
# Why the last line, `Flatten(0)`? Without it the net gives a column (B, 1), and the ages are a row (B,). **Predict**
# the shape of `column - row` for four people.

# %%
predicted_shape = None  # type a shape, such as (4,)

# %% tags=["nbval-check-output"]
row = torch.tensor([30.0, 50.0, 70.0, 90.0])
reveal(predicted_shape, tuple((row[:, None] - row).shape))
print("four perfect answers, in a column, cost", (row[:, None] - row).square().mean().item(), "squared years")
print("the mean age for all costs", (torch.full((4, 1), 60.0) - row).square().mean().item())

# %% [markdown]
# Every answer is compared with every age: sixteen differences, no error message (a warning at most), and by that loss
# the mean age beats the truth. A net that minimises it learns the mean age and nothing else. A common slip in
# regression, and a silent one.

# %% [markdown]
# ## 3 Train
#
# Targets are brought to the size of one: y = (age − 55) / 20. Left and right are alike in this template, so each
# training brain is shown a second time as its mirror image. The mean *training* brain is subtracted from all.

# %%
mean_brain = volumes[split.train].mean(dim=0)
inputs = volumes - mean_brain
targets = torch.tensor((ages - 55) / 20, dtype=torch.float32)
learn_x = torch.cat([inputs[split.train], inputs[split.train].flip(4)])
learn_y = targets[split.train].repeat(2)
train_loader = DataLoader(TensorDataset(learn_x, learn_y), BATCH_SIZE, shuffle=True, generator=torch.Generator())
val_loader = DataLoader(TensorDataset(inputs[split.val], targets[split.val]), 128)
print(f"{len(learn_x)} volumes in {len(train_loader)} batches")

# %% [markdown]
# **Predict** the test error of the net before you train it. Remember the line through the fluid.

# %%
predicted_net_mae = None  # type your number, in years


# %%
def draw_curve(history):  # after every third epoch
    if len(history.train_loss) % 3:
        return
    figure, ax = plt.subplots(figsize=(6.5, 2.6))
    figures.plot_learning_curves(history, ax)
    ax.set_ylabel("squared error\n(20 years = 1)")
    clear_output(wait=True)
    figures.show(
        figure,
        alt="Learning curve: the squared error of training and validation people falls steeply at first, then ever more "
        "slowly; that of the training people stays lower.",
    )


# %%
epochs = EPOCHS or 12
checkpoints = Path(CHECKPOINT_DIR or tempfile.mkdtemp())
torch.manual_seed(SEED)
net = make_net()
descent = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE, momentum=0.9, weight_decay=1e-3)
how = {"loss_function": F.mse_loss, "seed": SEED, "device": "auto", "precision": "32-true"}
history = fit(
    net, train_loader, val_loader, epochs=epochs, optimizer=descent,
    checkpoint_dir=checkpoints / "whole", on_epoch_end=draw_curve, **how,
)  # fmt: skip


# %%
def in_years(net, volumes):
    with torch.no_grad():
        return 55 + 20 * net.cpu().eval()(volumes).numpy().astype(float)


age_val, age_test = ages[split.val], ages[split.test]
said_val, said_test = in_years(net, inputs[split.val]), in_years(net, inputs[split.test])
net_mae = metrics.bootstrap_mean(np.abs(said_test - age_test), seed=SEED)
reveal(predicted_net_mae, round(net_mae.value, 1), unit="years")
print(f"95% of resamples: {net_mae.interval.low:.1f} to {net_mae.interval.high:.1f} years", end="; ")
print(f"R² {metrics.r2_score(age_test, said_test):.2f}")
print(f"share of fluid: {fluid_mae:.1f} years, {by_fluid.interval.low:.1f} to {by_fluid.interval.high:.1f}")

# %% [markdown]
# R² is the share of the variance of the ages that the answers explain. The net beats the floor by far. Against one
# number made by hand it is about a draw: look at the two intervals. With 280 brains a net has little to learn from
# (lesson 02 was a draw, too), and that should be said whenever a net is praised.
#
# Is it a poor net? We made the brains, so we can ask what is possible: a regression on the **exact volumes** of
# ventricles, grey matter, white matter and the other fluid, with the head's size taken out, which no net is ever given.
# **Predict** its error.

# %%
predicted_exact_mae = None  # type your number, in years

# %%
exact = np.stack([brains.ventricles_ml, brains.grey_ml, brains.white_ml, brains.sulci_ml], axis=1)
exact = np.column_stack([exact / brains.head_ratio[:, None], np.ones(people)])
weights = np.linalg.lstsq(exact[split.train], ages[split.train])[0]
exact_mae = metrics.mean_absolute_error(age_test, exact[split.test] @ weights)
reveal(predicted_exact_mae, round(exact_mae, 1), unit="years")

# %%
given = EPOCHS is None
if given:
    assert net_mae.value < mean_mae - 4, "the net has learned to see age"
    assert abs(net_mae.value - exact_mae) < 2.5, "about what exact volumes allow"
print(f"skill {1 - net_mae.value / mean_mae:.2f}: net; {1 - exact_mae / mean_mae:.2f}: exact volumes")

# %% [markdown]
# About the same. Healthy people of one age differ so much in their ventricles (a factor of 1.5 either way in this
# phantom) that volumes cannot tell the years much better. An error of nine years is no failure of training here; it is
# what these people are like.

# %% [markdown]
# ## 4 The bias
#
# Now look at *where* the answers lie. Left the answers, right the gap, both over true age.

# %%
gap_test = brain_age.brain_age_gap(age_test, said_test)
trend = np.polyfit(age_test, gap_test, 1)
figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.3))
plot_ages(age_test, said_test, axes[0])
plot_gaps(age_test, gap_test, axes[1], line=tuple(trend))
figures.show(
    figure,
    alt="Left: predicted over true age; the line of the answers is flatter than the line of perfect answers. Right: the "
    f"gap falls by {-trend[0]:.2f} years for each year of age, from above zero in the young to below zero in the old.",
)

# %% [markdown]
# The young are made too old and the old too young. Nobody taught that; it is **regression dilution**. A net that is
# unsure loses least by answering nearer the mean, and the less it knows, the more it does so. It is good for the squared
# error and bad for the gap, which now measures age.
#
# First the sign: papers use both, and the wrong one turns every result around. **Predict** the gap for 75 seen, 70 true.
# And what does a student get who writes `age - predicted`?

# %%
predicted_gap = None  # type your number, with its sign

# %% tags=["nbval-check-output"]
reveal(predicted_gap, float(brain_age.brain_age_gap([70], [75])[0]), unit="years: an old-looking brain counts as plus")
print("the student with the other sign gets", 70 - 75)

# %% [markdown]
# ## 5 The correction
#
# The lecture's remedy (fact R31) has two lines. Fit the usual gap as a line of the true age, then take it off:
#
# $$\Delta = \alpha \cdot Y_{\text{chron}} + \beta$$
#
# $$Y_{\text{corr}} = Y_{\text{pred}} - (\alpha \cdot Y_{\text{chron}} + \beta)$$
#
# Three people by hand: ages 50, 60, 70, answers 55, 60, 65. **Predict** α, β, and the corrected answer for a person of
# 45 for whom the net says 52.5.

# %%
predicted_alpha = None  # type your number
predicted_corrected = None  # type your number, in years

# %% tags=["nbval-check-output"]
by_hand = brain_age.BiasCorrection.fit([50, 60, 70], [55, 60, 65])
reveal(predicted_alpha, by_hand.slope, unit=f"years a year; β = {by_hand.intercept_years:g} years")
reveal(predicted_corrected, by_hand.apply([52.5], age_years=[45]).tolist()[0], unit="years")

# %% [markdown]
# The usual gap at 45 is −0.5 · 45 + 30 = 7.5 years, so 52.5 was just usual: corrected, 45.
#
# For the net, the line comes from the **validation** people. The training people it knows partly by heart: on them the
# gaps are smaller, and their line too flat. With test people the line would be fitted to what it is to correct.
# **Predict** the slope that is left on test people.

# %%
predicted_left_slope = None  # type your number, years a year

# %%
correction = brain_age.BiasCorrection.fit(age_val, said_val)
corrected = correction.apply(said_test, age_years=age_test)
corrected_gap = corrected - age_test
left_slope = np.polyfit(age_test, corrected_gap, 1)[0]
print(f"fitted on validation: α = {correction.slope:+.2f} years a year, β = {correction.intercept_years:+.1f} years")
print(f"trend on test: {trend[0]:+.2f} before, {left_slope:+.2f} after")
reveal(predicted_left_slope, round(left_slope, 2))
if given:
    assert abs(left_slope) < 0.15 < abs(trend[0])

# %%
rows = {"before": said_test, "after": corrected}
for name, answers in rows.items():
    mae = metrics.bootstrap_mean(np.abs(answers - age_test), seed=SEED)
    r2 = metrics.r2_score(age_test, answers)
    print(f"{name:7} MAE {mae.value:5.2f} [{mae.interval.low:.2f}, {mae.interval.high:.2f}] years, R² {r2:.2f}")
figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.0), sharey=True)
for ax, (name, answers) in zip(axes, rows.items(), strict=True):
    plot_gaps(age_test, answers - age_test, ax, line=tuple(np.polyfit(age_test, answers - age_test, 1)))
    ax.set_title(name)
figures.show(figure, alt="The gap over age before and after correction: a falling cloud becomes a level one, as wide.")

# %% [markdown]
# It works: what is left of the trend is within chance, since 120 people fix a slope to about ± 0.1. And it is needed.
# Suppose that a study compares patients of 75 with controls of 60: without correction the *patients'* brains would look
# younger, for their age alone.
#
# The MAE went down and R² up, just as on the lecture's slide (2.64 → 2.43 years, .77 → .80). So the net became better?

# %% [markdown]
# ## 6 What the correction knows
#
# Read the formula again:
#
# $$Y_{\text{corr}} = Y_{\text{pred}} - (\alpha \cdot \mathbf{Y_{chron}} + \beta)$$
#
# The corrected *prediction of the age* contains the **true age**. In a clinic one may use it to judge a gap, since the
# birthday is in the file. One may not call it a prediction of the age.
#
# The proof is a reader that never looks: it says 50 to everyone. Before correction it is off by some eighteen years,
# like any answer without looking. **Predict** its MAE on the test people after correction by the same recipe.

# %%
predicted_blind_after = None  # type your number, in years

# %% tags=["nbval-check-output"]
blind_val, blind_test = np.full(len(age_val), 50.0), np.full(len(age_test), 50.0)
blind = brain_age.BiasCorrection.fit(age_val, blind_val)
blind_after = metrics.mean_absolute_error(age_test, blind.apply(blind_test, age_years=age_test))
print(f"α = {blind.slope:.2f}, β = {blind.intercept_years:.2f}")
reveal(predicted_blind_after, round(blind_after, 6) + 0.0, unit="years")

# %% [markdown]
# **Perfect.** A reader that knows nothing has the error 50 − age, a straight line without scatter; the correction takes
# the line away and puts in the truth. MAE 0, R² 1, fitted on validation as it should be.
#
# It is no special case. Pull our net's answers to the mean age by a factor λ: 1 is our net, 0 the blind reader. Nothing
# is learned on the way from right to left, only forgotten. **Predict**: at λ = 0.2, is the corrected MAE larger or
# smaller than at 1?

# %%
predicted_forgetful = None  # type "larger" or "smaller"

# %%
factors = np.linspace(0, 1, 21)
before, after = np.empty(21), np.empty(21)
for place, factor in enumerate(factors):
    val, test = (mean_age + factor * (answers - mean_age) for answers in (said_val, said_test))
    fixed = brain_age.BiasCorrection.fit(age_val, val).apply(test, age_years=age_test)
    before[place], after[place] = (metrics.mean_absolute_error(age_test, each) for each in (test, fixed))
reveal(predicted_forgetful, "smaller" if after[4] < after[-1] else "larger")
assert after[0] < 1e-6
assert (np.diff(after) > 0).all(), "the more is forgotten, the better it looks"

# %%
figure, ax = plt.subplots(figsize=(6.5, 2.9))
ax.plot(factors, before, "-o", markevery=4, label="before correction")
ax.plot(factors, after, "--s", markevery=4, label="after correction with the true age")
ax.set(xlabel="λ: share of the net's answer that is kept", ylabel="MAE (years)", ylim=(0, None))
ax.legend()
figures.show(
    figure,
    alt="Mean absolute error over the share of the answer that is kept. Before correction it falls from about 18 years "
    "at 0 to about 9 at 1; after correction it rises in a straight line from 0 to about 7.",
)

# %% [markdown]
# The dashed line rewards ignorance. Does the corrected gap at least know more about the *brain*? Take two people of the
# same age: the same number is subtracted from both, so their difference stays what it was. For all people at once: the
# part of the gap that is free of age, and its correlation with the hidden δ. **Predict** by how much the correlation
# changes.

# %%
predicted_change = None  # type your number


# %%
def free_of_age(values):
    return values - np.polyval(np.polyfit(age_test, values, 1), age_test)


delta_test = delta[split.test]
knows = [metrics.pearson_correlation(free_of_age(gap), free_of_age(delta_test)) for gap in (gap_test, corrected_gap)]
reveal(predicted_change, round(knows[1] - knows[0], 6) + 0.0)
print(f"correlation with δ at equal age: {knows[0]:.3f} before, {knows[1]:.3f} after")
assert abs(knows[1] - knows[0]) < 1e-9

# %% [markdown]
# Nothing: the correction levels the gap and adds no knowledge. *Report MAE and R² before it; use the gap after it.*
#
# Is there a correction that does not need the birthday? One divides: fit $Y_{\text{pred}}$ = a · age + b, and turn the
# line around, ($Y_{\text{pred}}$ − b) / a. **Predict** for a = 0.5 and b = 25 what an answer of 60 becomes, and how
# much larger the scatter gets.

# %%
predicted_divided = None  # type your number, in years

# %% tags=["nbval-check-output"]
divide = brain_age.DividingBiasCorrection.fit([50, 60, 70], [50, 55, 60])  # a = 0.5, b = 25
reveal(predicted_divided, divide.apply([60]).tolist()[0], unit=f"years; scatter × {divide.noise_gain:g}")
print("who multiplies by the slope instead gets", (60 - 25) * 0.5)

# %% [markdown]
# It needs no true age on new people, so its errors are honest. The price is that all that is *not* age is divided by a
# as well. For our net:

# %%
divide = brain_age.DividingBiasCorrection.fit(age_val, said_val)
divided = divide.apply(said_test)
print(f"a = {divide.slope:.2f}: scatter × {divide.noise_gain:.2f}")
print(f"MAE {metrics.mean_absolute_error(age_test, divided):.1f} years after dividing, {net_mae.value:.1f} before")
print(f"answers now reach from {divided.min():.0f} to {divided.max():.0f} years")

# %% [markdown]
# Worse, not better: look at the ends of that range. The less a net knows, the smaller is a. For the blind reader a is 0,
# and this cell is meant to fail:

# %% tags=["raises-exception"]
brain_age.DividingBiasCorrection.fit(age_val, blind_val)

# %% [markdown]
# An error is the kind way to fail. In part 8 we meet a reader with a small a, who gets an answer.
#
# *Good moment to pause after the next part. Say in one sentence what the perfect 0 years of this part were made of.*

# %% [markdown]
# ## 7 Is the gap the gap?
#
# Now the question that only a phantom can answer. δ has a standard deviation of 3 years in these healthy people, and
# the corrected gap one of about nine. **Predict** the correlation between the two on the test people.

# %%
predicted_r = None  # type your number, −1 to 1


# %%
def with_interval(x, y):
    """Pearson's r with its 95% interval by Fisher's transformation."""
    r = metrics.pearson_correlation(x, y)
    low, high = np.tanh(np.arctanh(r) + np.array([-1.96, 1.96]) / np.sqrt(len(x) - 3))
    return r, f"r = {r:.2f} [{low:.2f}, {high:.2f}], {len(x)} people"


r_healthy, words = with_interval(corrected_gap, delta_test)
reveal(predicted_r, round(r_healthy, 2), unit="between people, healthy")
print(words)

# %% [markdown]
# Low. Is it the net's fault? The same for the regression on exact volumes of part 3:

# %%
exact_val, exact_test = exact[split.val] @ weights, exact[split.test] @ weights
exact_gap = brain_age.BiasCorrection.fit(age_val, exact_val).apply(exact_test, age_years=age_test) - age_test
r_exact, words = with_interval(exact_gap, delta_test)
print(f"exact volumes: {words}")

# %% [markdown]
# Hardly better: look at the two intervals. Two sources make the gap of a person: δ, and everything else that differs
# between heads. The second is larger.
#
# Two ways out, each a study that people really do.
#
# - *Larger gaps.* A memory clinic, where δ spreads by 9 years instead of 3. (The phantom takes a standard deviation of
#   10 and cuts it at two of them.)
# - *The same person twice.* We make each of these people again with δ = 0: same age, head, scanner, noise. What changes
#   between the two images is δ alone: the best case of a study that follows one person over years.
#
# **Predict** both correlations. The net stays as it is; it has seen healthy people only.

# %%
predicted_r_clinic = None  # type your number, −1 to 1
predicted_r_within = None  # type your number, −1 to 1

# %%
clinic = make_ageing_brains(120, seed=SEED, first=10_000, spacing_mm=4, gap_sd_years=10)
same_without = make_ageing_brains(120, seed=SEED, first=10_000, spacing_mm=4, gap_sd_years=0)
said_clinic, said_without = (in_years(net, prepare(each.images) - mean_brain) for each in (clinic, same_without))
clinic_gap = correction.apply(said_clinic, age_years=clinic.age_years) - clinic.age_years
within = said_clinic - said_without
clinic_delta = clinic.brain_age_gap_years
assert (clinic.age_years == same_without.age_years).all()

# %%
(r_clinic, words_clinic), (r_within, words_within) = (with_interval(x, clinic_delta) for x in (clinic_gap, within))
reveal(predicted_r_clinic, round(r_clinic, 2), unit="between people, clinic")
reveal(predicted_r_within, round(r_within, 2), unit="within a person")
print(f"clinic: {words_clinic}\nwithin: {words_within}")
if given:
    assert r_clinic > 0.15, "large gaps are seen"
    assert r_within > 0.85, "a change in one person is seen well"
    assert r_within > max(r_clinic, r_healthy) + 0.2

# %%
figure, axes = plt.subplots(1, 3, figsize=(8.8, 3.0))
shown = {
    "healthy, between": (delta_test, corrected_gap, r_healthy),
    "clinic, between": (clinic_delta, clinic_gap, r_clinic),
    "within a person": (clinic_delta, within, r_within),
}
for ax, (name, (x, y, r)) in zip(axes, shown.items(), strict=True):
    ax.plot(x, y, "o", markersize=3, alpha=0.7)
    ax.set(title=f"{name}: r = {r:.2f}", xlabel="hidden δ (years)", xlim=(-22, 22), ylim=(-40, 40))
axes[0].set_ylabel("gap, or its change (years)")
figures.show(
    figure,
    alt=f"Three clouds of the net's gap over the hidden gap. Healthy people: hardly a trend, r = {r_healthy:.2f}. Clinic: "
    f"a broad rising cloud, r = {r_clinic:.2f}. The same person with and without the gap: nearly a line, r = {r_within:.2f}.",
)

# %% [markdown]
# One net, three answers. It *sees* δ: change nothing else, and it follows nearly in a line (flatter than 1 : 1, by the
# same dilution). But a gap of 10 years in one person, seen once, says little about δ, because others of that age differ
# by as much without any. For groups with large gaps it is a fair marker; for one healthy person it is mostly anatomy.
# A correlation that is reported should therefore come with the spread of the gaps in that cohort.

# %% [markdown]
# ## 8 Which part of the brain predicts?
#
# The lecture's group (Bintsi et al. 2020) cut the brain into patches and trained a net on each, which gives a map. Ours
# are 3 × 4 × 3 = 36 boxes of 8 × 7 × 8 voxels. **Predict** the shape of a batch of five people after cutting.

# %%
predicted_cut = None  # type a shape, such as (5, 1, 24, 28, 24)


# %% tags=["nbval-check-output"]
def cut(volumes):
    """(B, 1, 24, 28, 24) → (B, 36, 8, 7, 8), patches from foot to head, front to back, right to left."""
    blocks = volumes.reshape(-1, 3, 8, 4, 7, 3, 8)
    return blocks.permute(0, 1, 3, 5, 2, 4, 6).flatten(1, 3)


example = torch.arange(2 * 24 * 28 * 24).reshape(2, 1, 24, 28, 24)
reveal(predicted_cut, tuple(cut(example[:1].repeat(5, 1, 1, 1, 1)).shape))
print("patch 0 is the lower front right box:", torch.equal(cut(example)[:, 0], example[:, 0, :8, :7, :8]))
print("patch 35 is the upper back left box:", torch.equal(cut(example)[:, 35], example[:, 0, 16:, 21:, 16:]))

# %% [markdown]
# Thirty-six nets in one, by groups, as the two towers of AlexNet: convolution and last layer know only their own patch.
# **Predict** the parameters, if one patch's net has 8 kernels of 27 weights, and a last layer that reads 8 × 4 × 4 × 4
# numbers (and biases).

# %%
predicted_patch_parameters = None  # type your number, all 36 nets


# %% tags=["nbval-check-output"]
def make_patch_nets():
    return nn.Sequential(
        nn.Conv3d(36, 288, kernel_size=3, stride=2, padding=1, groups=36),  # (B, 288, 4, 4, 4)
        nn.Tanh(),
        nn.Conv3d(288, 36, kernel_size=4, groups=36),  # (B, 36, 1, 1, 1)
        nn.Flatten(),  # (B, 36)
    )


count = sum(p.numel() for p in make_patch_nets().parameters())
reveal(predicted_patch_parameters, count, unit=f"= 36 · {count // 36}")


# %%
def each_patch_error(answers, targets):
    return F.mse_loss(answers, targets[:, None].expand_as(answers))


patches = cut(inputs)
patch_loader = DataLoader(
    TensorDataset(patches[split.train], targets[split.train]), BATCH_SIZE, shuffle=True, generator=torch.Generator()
)

# %%
torch.manual_seed(SEED)
patch_nets = make_patch_nets()
adam = torch.optim.AdamW(patch_nets.parameters(), lr=1e-3, weight_decay=0.5)
fit(patch_nets, patch_loader, epochs=epochs, optimizer=adam, **how | {"loss_function": each_patch_error})
patch_val, patch_test = (in_years(patch_nets, patches[part]).T for part in (split.val, split.test))  # (36, people)

# %% [markdown]
# The errors of the 36 on *validation* people, as a map. **Predict** first where the best patch lies: low, middle or
# high in the head; front, middle or back?

# %%
predicted_place = None  # type two words, such as "low, front"

# %%
errors = brain_age.patch_errors(age_val, patch_val)
best = int(errors.argmin())
layer, row_, column_ = np.unravel_index(best, (3, 4, 3))
height = ("low", "middle", "high")[layer]
along = ("front", "middle", "middle", "back")[row_]
floor = np.abs(age_val - mean_age).mean()
reveal(predicted_place, f"{height}, {along}", unit=f"at {errors[best]:.1f} years")
print(f"worst patch {errors.max():.1f} years, always the mean age {floor:.1f}, whole brain", end=" ")
print(f"{np.abs(said_val - age_val).mean():.1f}, all on validation people")

# %%
figure, axes = plt.subplots(1, 3, figsize=(8.6, 3.5))
plot_patch_errors(errors.reshape(3, 4, 3), mean_brain[0], axes)
for ax, name in zip(axes, ("low", "middle", "high"), strict=True):
    ax.set(title=name, xlabel="right ← patient → left")
axes[0].set_ylabel("back ← → front")
figures.show(
    figure,
    alt="Three axial slices of the mean brain, each under twelve boxes with their error in years. Boxes around the "
    "ventricles in the middle of the head have the smallest errors, about 10 years; empty corners are as bad as the mean age.",
)

# %% [markdown]
# The corners hold air, and their nets answer the mean age: the floor again. The best patches, around the ventricles, are
# about as good by themselves as the whole brain.
#
# Join them, in two ways: by the **mean** of the answers, or by a **linear regression** on them, fitted on validation
# people. Each way can use all patches, or the eight best on validation people: four ensembles. One step by hand: two
# patches say 60 and 80, the truth is 70. **Predict** the error of the mean, and the mean of the errors.

# %%
predicted_of_mean = None  # type your number, in years
predicted_mean_of = None  # type your number, in years

# %% tags=["nbval-check-output"]
two = np.array([[60.0], [80.0]])
reveal(predicted_of_mean, abs(brain_age.mean_ensemble(two)[0] - 70).item(), unit="years: the ensemble")
reveal(predicted_mean_of, np.abs(two - 70).mean().item(), unit="years: its members, one by one")

# %% [markdown]
# Mistakes in opposite directions cancel; where all lean the same way, nothing does. **Predict** on the test people:
# which is best, and which is worst?

# %%
predicted_best = None  # type "mean of all", "mean of selected", "regression of all" or "regression of selected"
predicted_worst = None  # type one of the same

# %%
selected = brain_age.best_patches(age_val, patch_val, num_patches=8)
joined = {
    "mean of all": (brain_age.mean_ensemble(patch_val), brain_age.mean_ensemble(patch_test)),
    "mean of selected": (brain_age.mean_ensemble(patch_val[selected]), brain_age.mean_ensemble(patch_test[selected])),
}
for name, chosen in (("regression of all", slice(None)), ("regression of selected", selected)):
    ensemble = brain_age.LinearEnsemble.fit(age_val, patch_val[chosen])
    joined[name] = (ensemble.apply(patch_val[chosen]), ensemble.apply(patch_test[chosen]))

# %%
measured = {
    name: (metrics.mean_absolute_error(age_test, test), metrics.r2_score(age_test, test))
    for name, (_, test) in joined.items()
}
reveal(predicted_best, min(measured, key=measured.get))
reveal(predicted_worst, max(measured, key=measured.get))

# %% [markdown]
# In the layout of the lecture (fact R32). **The left two columns are reported by others on real scans, the right
# two were measured here on phantoms**; only the order may be compared, never the years.

# %%
reported = {
    "mean of all": (2.66, 0.78),
    "mean of selected": (2.28, 0.83),
    "regression of all": (2.13, 0.85),
    "regression of selected": (2.16, 0.85),
}
print(f"{'':24}reported: MAE   R²    | measured here: MAE    R²")
for name, (mae, r2) in reported.items():
    print(f"{name:24}{mae:13.2f}{r2:7.2f}   |{measured[name][0]:18.2f}{measured[name][1]:7.2f}")
if given:
    assert measured["mean of all"][0] > measured["mean of selected"][0] + 1
    assert measured["mean of all"][0] > measured["regression of all"][0] + 1

# %% [markdown]
# Here as there the mean of all is the worst, since corners vote; choosing helps much, and so does regression, which
# weighs the patches and stretches the answers back. Between the other three the order is not theirs. A regression of
# all 36 has 37 numbers to learn from 120 validation people, one of selected patches 9. Which is better here, and
# would you expect it with 1,200? (With the 360 of `FAST = False`, measured once, all 36 gave 7.6 years and the
# selected 8.0.) And could you name the best of the four on these test people, and then report *that* number as your
# result?
#
# The last line of the slide is "regression of all, corrected for bias: 1.96 years, R² .87". You know now what that
# sentence may not mean. *Both rows of the next cell are one and the same ensemble:*

# %%
val_all, test_all = joined["regression of all"]
with_truth = brain_age.BiasCorrection.fit(age_val, val_all).apply(test_all, age_years=age_test)
for name, answers in (("as predicted", test_all), ("corrected with the true age", with_truth)):
    mae, r2 = metrics.mean_absolute_error(age_test, answers), metrics.r2_score(age_test, answers)
    print(f"{name:28} MAE {mae:5.2f} years, R² {r2:.2f}")
print("the slide (reported)         2.13 → 1.96 years, .85 → .87")

# %% [markdown]
# And the promised reader with a small a: among patches whose answers rise with age at all, the one that rises least.
# Its answers are divided by a. **Predict** its error after that; before, it is about that of the mean age.

# %%
predicted_weak = None  # type your number, in years

# %%
rises = np.array([np.polyfit(age_val, answers, 1)[0] for answers in patch_val])
weak = int(np.where(rises > 0.01, rises, np.inf).argmin())
stretch = brain_age.DividingBiasCorrection.fit(age_val, patch_val[weak])
stretched = stretch.apply(patch_test[weak])
weak_mae = metrics.mean_absolute_error(age_test, stretched)
print(
    f"patch {weak}: a = {stretch.slope:.3f}, before {metrics.mean_absolute_error(age_test, patch_test[weak]):.1f} years"
)
reveal(predicted_weak, round(weak_mae, 1), unit=f"years; answers from {stretched.min():.0f} to {stretched.max():.0f}")
assert weak_mae > mean_mae

# %% [markdown]
# Divided, it is worse than not looking, and the people it describes have not been born or are long dead. Yet on the
# validation people, where a and b were fitted, the trend of its gap is exactly 0: a flat trend alone proves nothing.

# %% [markdown]
# ## 9 Where does the net look?
#
# The lecture ends with **importance maps** (Bintsi et al. 2021, fact R33). Add noise to each voxel, as much as it bears:
# learn a noise level n for each voxel that makes
#
# $$ \mathcal L = (f(X + n\,\varepsilon) - y)^2 - r \,\overline{\log n} $$
#
# small. The first term wants the answer to stay; the second wants noise everywhere. Noise goes where it does no harm,
# so *little noise means important*. Here n is at most 1, and **importance** is 1 − n: 0 for a voxel that bears all noise,
# near 1 for one that bears none. r is what an error is worth: for a linear net the answer may err by √(r/2) more. (In the
# paper, a second net draws n for an image; `explain.voxel_importance` learns n itself, for each image.)
#
# Try it where the truth is plain: a linear net of four voxels with weights 3, 1, 0 and −3. **Predict** which voxel is
# the least important, and whether the first or the last is more so.

# %%
predicted_least = None  # type a voxel, 0 to 3

# %% tags=["nbval-check-output"]
toy = nn.Sequential(nn.Flatten(), nn.Linear(4, 1))
with torch.no_grad():
    toy[1].weight[:] = torch.tensor([[3.0, 1.0, 0.0, -3.0]])
    toy[1].bias.zero_()
toy_map = explain.voxel_importance(toy, torch.zeros(1, 1, 1, 4), torch.zeros(1), r=0.5, steps=100)[0, 0]
reveal(predicted_least, int(toy_map.argmin()), unit=f"with importance {abs(toy_map.min()):.1f}")
print(
    "first and last alike:",
    bool(abs(toy_map[0] - toy_map[3]) < 0.1),
    "· both above the second:",
    toy_map[0] > toy_map[1],
)

# %% [markdown]
# The sign does not matter: importance asks *whether* a voxel is read. That is why one may average such maps over people.
# With signed maps one may not. Two people have +3 and −3 at a place. **Predict** the importance from the mean of the
# absolute values, and from the absolute value of the mean.

# %%
predicted_absolute = None  # type two numbers, such as (1, 1)

# %% tags=["nbval-check-output"]
signed = np.array([3.0, -3.0])
reveal(predicted_absolute, (np.abs(signed).mean().item(), np.abs(signed.mean()).item()))

# %% [markdown]
# Now our net, on sixteen test people, with an error of 5 years allowed. The average over people is the **population
# map**; it is cut at a threshold, and we keep its highest 5%.

# %%
asked = inputs[split.test[:16]]
answers = net(asked).detach()
allowed = 2 * (5 / 20) ** 2  # 5 years, in the net's unit of 20 years
maps = explain.voxel_importance(net, asked, answers, r=allowed, seed=SEED)
population = explain.population_map(maps, share=0.05)
print(f"maps {maps.shape}; {np.count_nonzero(population)} of {population.size:,} voxels kept")

# %% [markdown]
# Sensible maps have been drawn by senseless nets, so we hold it against the truth. Twelve people are made at 25 and at
# 85; where their images differ, the phantom ages.
#
# What would a map without any sense reach? Choose the rival with care. Most of the volume is air, which never ages: a map
# that only tells brain from air would look splendid beside voxels drawn by lot from the *whole volume*. So we look inside
# the brain. **Predict**: if voxels of the brain were kept by lot, what share of them would fall into the fifth of the
# *brain* that ages most? And by the net?

# %%
predicted_by_lot = None  # type your number, in per cent
predicted_by_net = None  # type your number, in per cent

# %%
young, old = (
    make_ageing_brains(12, seed=SEED, first=20_000, spacing_mm=4, age_years=[age] * 12, with_tissues=True)
    for age in (25, 85)
)
tissues = F.avg_pool3d(torch.from_numpy(np.concatenate([young.tissues, old.tissues]).mean(axis=0)[None]), 2)[0].numpy()
change = (prepare(old.images) - prepare(young.images)).mean(dim=0)[0].abs().numpy()
brain_voxels = tissues.sum(axis=0) > 0.5
ages_most = brain_voxels & (change >= np.quantile(change[brain_voxels], 0.8))
print(f"{brain_voxels.sum():,} voxels of brain, {ages_most.sum()} of them in the fifth that ages most")

# %%
kept = population > 0
hit = 100 * ages_most[kept & brain_voxels].mean()
print(f"{100 * brain_voxels[kept].mean():.0f}% of the kept voxels lie in the brain, which is", end=" ")
print(f"{100 * brain_voxels.mean():.0f}% of the volume")
reveal(predicted_by_lot, 20, unit="per cent by lot")
reveal(predicted_by_net, round(hit), unit="per cent by the net")

# %%
mean_map = maps.mean(axis=0)
places = {
    "ventricles": tissues[3] > 0.15,
    "cortex (grey matter)": tissues[1] > 0.45,
    "white matter": tissues[2] > 0.7,
    "whole brain": brain_voxels,
    "air": tissues.sum(axis=0) < 0.02,
}

# %%
importance = {name: mean_map[where].mean() for name, where in places.items()}
for name, where in places.items():
    print(f"{name:21}{where.sum():6} voxels   change {change[where].mean():.2f}   importance {importance[name]:.2f}")
if given:
    assert hit > 26, "more than by lot"
    assert importance["ventricles"] > importance["whole brain"] + 0.05
    assert importance["cortex (grey matter)"] > importance["air"] + 0.1

# %%
figure, axes = plt.subplots(2, 4, figsize=(7.2, 4.2))
levels = [8, 11, 13, 16]
plot_brain_map(population, mean_brain[0], axes[0], slices=levels)
plot_brain_map(np.where(ages_most, change, 0), mean_brain[0], axes[1], slices=levels)
axes[0, 0].set_ylabel("importance, top 5%")
axes[1, 0].set_ylabel("change, top fifth")
figures.show(
    figure,
    alt="Four axial slices. Upper row: voxels that matter to the net, in orange, many at the ventricles, others scattered "
    "over the brain. Lower row: the fifth of the brain that ages most, the ventricles brightest.",
)

# %% [markdown]
# Nearly all kept voxels lie in the brain, many of them at the ventricles, and the part that ages most gets more than its
# share. The cortex ages, too, but a little everywhere: it is read, and no more than the rest of the brain. So the map
# shows the strongest sign of ageing, and it is *not* a picture of ageing. A net needs no voxel whose neighbour says the
# same, and it reads some that do not age at all, to cancel what disturbs (a head's size, a scanner). The lecture's own map
# misses the cortex as well; its explanations are a small range of ages and images registered non-linearly, which undoes
# the very change.
#
# *Modify*: with `LEARNING_RATE = 3e-4` the net guesses ages about as well, and its map hardly beats the lots (28% when we
# tried). We chose the smaller steps with this map in view, and could, since we know the truth. A net that answers well need
# not have a sensible map.

# %% [markdown]
# ## 10 Look at the mistakes
#
# The eight test people with the largest corrected gaps. Titles: true age → predicted before correction, and the hidden
# δ.

# %%
worst = np.argsort(-np.abs(corrected_gap))[:8]
titles = [f"{age_test[i]:.0f} → {said_test[i]:.0f}, δ {delta_test[i]:+.0f}" for i in worst]
figure, ax = plt.subplots(figsize=(6, 3.6))
figures.plot_image_grid(in_shades(brains.images[split.test[worst], 25]), ax, titles=titles, columns=4)
figures.show(
    figure,
    alt="Axial slices of the eight people with the largest gaps, titled true age → prediction and hidden δ: "
    f"{'; '.join(titles)}.",
)

# %% [markdown]
# Look at the ventricles of those made too old, and of those made too young, and then at their δ. Is a large gap a large
# δ? A suspicion can be counted: does the gap follow how large the person's ventricles are *for their brain's age*?
# **Predict** the correlation of the corrected gap with that, and compare it with the one for δ.

# %%
predicted_r_ventricles = None  # type your number, −1 to 1

# %%
usual = np.polyfit(ages + delta, np.log(brains.ventricles_ml / brains.head_ratio), 2)
own = np.log(brains.ventricles_ml / brains.head_ratio) - np.polyval(usual, ages + delta)
r_ventricles, words = with_interval(corrected_gap, own[split.test])
reveal(predicted_r_ventricles, round(r_ventricles, 2))
print(f"with the size of the ventricles for that age: {words}")
for site in range(3):
    here = brains.site[split.test] == site
    print(f"scanner {site}: mean gap {corrected_gap[here].mean():+.1f} years, {here.sum()} people")

# %% [markdown]
# The gap reads the ventricles that a person happens to have. That is anatomy, present since youth perhaps, and no ageing
# at all. Look at the three scanners, too: a mean gap of some years that comes from a machine would pass for a disease, if
# patients were scanned on one and controls on the other.
#
# That part of the error can be known: the scanner is written in the file. Take the mean gap of each scanner from the
# validation people and subtract it in the clinic. **Predict**: the correlation with δ in the clinic was printed in part
# 7; what is it now?

# %%
predicted_r_scanner = None  # type your number, −1 to 1

# %%
val_gap = correction.apply(said_val, age_years=age_val) - age_val
offset = np.array([val_gap[brains.site[split.val] == site].mean() for site in range(3)])
r_scanner, words = with_interval(clinic_gap - offset[clinic.site], clinic_delta)
print("mean gap of the scanners on validation people:", ", ".join(f"{years:+.1f}" for years in offset), "years")
reveal(predicted_r_scanner, round(r_scanner, 2), unit=f"after {r_clinic:.2f}")
print(words)

# %% [markdown]
# What a machine adds can be measured and removed, as long as healthy people were scanned on each machine. What anatomy
# adds cannot, from one image.

# %% [markdown]
# ## 11 Explorer
#
# Move the line by hand until the trend is gone: what are slope and height at 55 years? Then choose "always the mean age"
# and find its perfect score. Which slope does it need, and why just that?

# %%
age_bias_explorer(age_test, said_test)

# %% [markdown]
# ## What we learned
#
# **The objectives, answered.**
#
# 1. *A net for age.* One 3-D convolution gets down to about nine years here, where the mean age gives eighteen and the
#    exact volumes of the tissues eight or nine; a line through the share of fluid does as well. Skill travels between
#    cohorts, an MAE does not.
# 2. *The trend.* An unsure net answers nearer the mean, so the young look too old. A line of the gap on age, fitted on
#    validation people, takes the trend out on test people.
# 3. *What it knows.* The corrected age contains the true age: a blind reader gets MAE 0. Report errors before, use gaps
#    after. Correction changes no comparison at equal age. Dividing needs no birthday, multiplies the scatter by 1 / a,
#    and breaks down where a net knows little.
# 4. *Patches.* Those around the ventricles predict best. A mean lets empty corners vote, choosing and regression do not.
# 5. *The gap.* Between healthy people little of δ is recovered, in a cohort with large gaps more, within a person nearly
#    all of its order. The importance map favours the ventricles, which age most, and hardly tells the cortex from the
#    rest of the brain.
#
# **Pitfalls.** Gap with the wrong sign · (B, 1) against (B,) · line fitted on test people, or on training people ·
# corrected MAE sold as accuracy · groups of different age compared without correction · MAE compared between cohorts ·
# a small slope divided by · errors averaged where answers should be · signed maps averaged · a map praised for telling
# brain from air · a large gap read as disease · a scanner read as age.
#
# **Without looking back**, one sentence each: Why is α below 0? What is subtracted from two people of one age? Why is
# the correlation with δ so different in the three clouds of part 7?
#
# Last, what is *reported* elsewhere, on real scans of people, and what was *measured* here, on phantoms.
# They are printed apart, since nothing here reproduces those numbers.

# %% [markdown]
# | reported | value | by whom |
# |---|---|---|
# | before → after correction | MAE 2.64 → 2.43 years, R² .77 → .80 | the lecture's slides (R31) |
# | single patches | MAE 2.45 to 4.2 years, best at ventricles and hippocampus | Bintsi 2020, and the slides (R32) |
# | mean of all, of selected patches | 2.66 (.78), 2.28 (.83) | the same |
# | regression of all, of selected | 2.13 (.85), 2.16 (.85) | the same |
# | regression of all, corrected | 1.96 (.87): with the true age inside | the same |
# | state of the art | about 2.2 years | the lecture's slides |
# | importance | hippocampus and its surroundings, parts of the ventricles; cortex not | Bintsi 2021, and the slides (R33) |

# %%
print(f"measured on phantoms: net {net_mae.value:.2f} years before, with the true age inside {after[-1]:.2f}")
print(f"single patches {errors.min():.1f} to {errors.max():.1f} years")
print(f"correlation with the hidden gap {r_healthy:.2f} (healthy), {r_clinic:.2f} (clinic), {r_within:.2f} (within)")
print(f"importance: {hit:.0f}% of the voxels kept in the brain lie in the fifth of it that ages most; by lot 20%")

# %% [markdown]
# **References.** J. H. Cole et al., *Predicting brain age with deep learning from raw imaging data*, NeuroImage 163, 2017
# · J. H. Cole et al., *Brain age predicts mortality*, Molecular Psychiatry 23, 2018 (divides) · S. M. Smith et al.,
# *Estimation of brain age delta from brain imaging*, NeuroImage 200, 2019 · I. Beheshti et al., *Bias-adjustment in
# neuroimaging-based brain age frameworks*, NeuroImage: Clinical 24, 2019 · A.-M. G. de Lange, J. H. Cole, *Commentary:
# correction procedures in brain-age prediction*, NeuroImage: Clinical 26, 2020 · E. R. Butler et al., *Pitfalls in brain
# age analyses*, Human Brain Mapping 42, 2021 · K.-M. Bintsi et al., *Patch-based brain age estimation from MR images*,
# MLCN 2020 · K.-M. Bintsi et al., *Voxel-level importance maps for interpretable brain age estimation*, iMIMIC 2021 ·
# D. Rueckert, *AI in Medicine I* (lecture slides) · V. Fonov et al., NeuroImage 47:S102, 2009 (the template).
#
# **Now the exercises**, `exercises/15_brain_age.ipynb`: you fit and apply the correction, unmask a reader that knows
# nothing, join patches, average maps, and clean a table of ages in which every trouble of a real one waits.
