# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: Is this classifier good, and how sure are we?
#     level: intermediate
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["02_neurons", "04_lenet"]
#     facts: [R23, R24, R25, R26, K03]
# ---

# %% [markdown]
# # 09 · Is this classifier good, and how sure are we?
#
# **Level** intermediate · **your time** about 120 minutes, with a good place to pause after part 8 · **the machine's
# time** about 1 minute on two CPU cores · **download** nothing · **needs** the lumps and the small net of lesson 02,
# the training loop of lesson 04
#
# *For teaching, not for clinical use.*

# %% [markdown]
# ## The question
#
# A screening unit looks at 1,000 women a month. About ten of them have cancer. A firm offers a program and writes on
# the first page: *sensitivity 90%, specificity 90%*. The radiologist asks what she will see on a Monday: "It rings.
# How often is it right?"
#
# Most people answer 90%. Below the set-up, all 1,000 women are drawn, and you can count.
#
# A classifier is never good by itself. It is good at *something* (ranking, deciding, telling how likely), *somewhere*
# (with so many ill among the healthy), *for someone* (who pays for which mistake), and we know it only as well as the
# cases that we tried it on allow. Each of these four words is a part of this lesson.
#
# After this lesson you can
#
# 1. derive every rate of the table from four counts, and say who owns each denominator;
# 2. carry a classifier to a place with another prevalence, and say what moves with it and what does not;
# 3. choose a threshold for stated costs, on cases that are not the test;
# 4. give an area under the curve, or a difference of two, with an interval, and say when the interval is too short;
# 5. check whether 70% means 70%, score ordered grades, and compare a model with readers without deceiving yourself.

# %% [markdown]
# ## Set-up
#
# The libraries, and the rooms of the course that this lesson visits. Nearly all of it is `metrics` today. New are
# `figures.rates` and one explorer.

# %% tags=["setup"]
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import clear_output
from scipy.stats import norm
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_lib import data, figures, metrics
from course_lib.classroom import reveal, where_am_i
from course_lib.figures.rates import at_prevalence, plot_crowd, plot_estimates, plot_precision_recall
from course_lib.figures.rates import plot_profiles, plot_reliability, plot_roc, plot_scores
from course_lib.training import fit, predict
from course_lib.widgets.prevalence import prevalence_explorer

figures.use_course_style()

# %% [markdown]
# What you may change; everything below follows.

# %% tags=["parameters"]
FAST = True  # False simulates five times as many studies, and trains ten more nets in part 10 instead of four
SEED = 0  # of the split, the first weights, the order of the cases and the draws of the bootstrap
EPOCHS = None  # times through the training data; a number here overrules 150
CHECKPOINT_DIR = None  # a folder that outlives this session, such as one on your Drive

# %% [markdown]
# Where does this notebook run?

# %%
where_am_i(minutes_cpu=1, minutes_gpu=1)

# %% [markdown]
# The thousand women. Ten are ill, and nine of these are found, as promised. Of the 990 healthy ones, 10% are alarmed
# for nothing. **Predict** before you count: of 100 alarms, how many are right?

# %%
predicted_right_alarms = None  # type your number, in per cent

# %% tags=["nbval-check-output"]
screened = metrics.Counts(tp=9, fn=1, fp=99, tn=891)
figure, ax = plt.subplots(figsize=(8, 4.4))
plot_crowd(screened, ax)
figures.show(
    figure,
    alt="A thousand marks, one for each woman. Nine ill women are found, one is missed; 99 healthy women are alarmed, "
    "eleven times as many as those found; 891 are left alone.",
)
reveal(predicted_right_alarms, round(100 * screened.ppv, 1), unit="per cent of the alarms")

# %% [markdown]
# Eleven of twelve alarms are false, and nobody lied. Keep this picture; part 4 does the sums.

# %% [markdown]
# ## Warm-up
#
# Three questions on what came before. Answer each on paper, then open it.
#
# **From lesson 08.** Five runs of a net took 50, 10, 11, 10 and 90 ms. Which number do you report?
#
# <details>
# <summary>Answer</summary>
#
# The first run is cold and is left out; the median of the other four is 10.5 ms. Today, too, the question is which
# number stands for many, and how far it may be off.
# </details>
#
# **From lesson 06.** Label smoothing pulls the targets away from 0 and 1. What does it do to the net's confidence?
#
# <details>
# <summary>Answer</summary>
#
# It lowers it: the net is no longer rewarded for growing logits without end. In part 11 we meet a net without
# smoothing.
# </details>
#
# **From lesson 02.** In the file of the Wisconsin lumps, what does the label 0 mean?
#
# <details>
# <summary>Answer</summary>
#
# *Malignant.* Whoever forgets it reports the sensitivity for benign lumps.
# </details>

# %% [markdown]
# ## 1 Try first: which one would you buy?
#
# **Three minutes.** Four programs were each tried on 200 people, 100 ill and 100 healthy (the lecture's example). Rank
# them, first by eye.
#
# | | A | B | C | C′ |
# |---|---|---|---|---|
# | ill, found (TP) | 63 | 77 | 24 | 76 |
# | ill, missed (FN) | 37 | 23 | 76 | 24 |
# | healthy, alarmed (FP) | 28 | 77 | 88 | 12 |
# | healthy, left alone (TN) | 72 | 23 | 12 | 88 |
#
# Two students:
#
# - *Ann* buys B before A: it finds 77 ill people, A only 63. And C, she says, is worthless.
# - *Ben* buys A before B. And he would pay as much for C as for C′.
#
# **Predict** the accuracy of C, and the balanced accuracy of B, in per cent.

# %%
predicted_c = None  # type your number, in per cent
predicted_b = None  # type your number, in per cent

# %% tags=["nbval-check-output"]
four = {
    "A": metrics.Counts(tp=63, fn=37, fp=28, tn=72),
    "B": metrics.Counts(tp=77, fn=23, fp=77, tn=23),
    "C": metrics.Counts(tp=24, fn=76, fp=88, tn=12),
    "C′": metrics.Counts(tp=76, fn=24, fp=12, tn=88),
}
print("     TPR   FPR   PPV    F1   ACC")
for name, c in four.items():
    print(f"{name:3}", *(f"{rate:5.2f}" for rate in (c.tpr, c.fpr, c.ppv, c.f1, c.accuracy)))
reveal(predicted_c, round(100 * four["C"].accuracy), unit="per cent")
reveal(predicted_b, round(100 * four["B"].balanced_accuracy), unit="per cent")

# %% [markdown]
# These are the numbers of the slide, all twenty. Now put the four into a plane: to the right those who are alarmed for
# nothing, upwards those who are found. Top left is heaven, and on the diagonal a coin decides.

# %%
figure, ax = plt.subplots(figsize=(4.6, 4.6))
plot_roc({}, ax, points={name: (c.fpr, c.tpr) for name, c in four.items()})
figures.show(
    figure,
    alt="The plane of false positive rate and sensitivity. A lies above the diagonal at (0.28, 0.63), B exactly on it at "
    "(0.77, 0.77), C far below it at (0.88, 0.24), and C prime far above it at (0.12, 0.76), C mirrored in the middle.",
)

# %% [markdown]
# Ann's B calls 77 of 100 ill people ill, and 77 of 100 *healthy* people too. It does not look at the patient. Ben saw
# that C is wrong so reliably that it must know something: turn each of its answers round, and C becomes C′. Below the
# diagonal is not ignorance, it is a sign error. (Check your label coding before you throw such a model away.)

# %% tags=["nbval-check-output"]
c = four["C"]
turned = metrics.Counts(tp=c.fn, fn=c.tp, fp=c.tn, tn=c.fp)
print("C with its answers inverted is C′:", turned == four["C′"])

# %% [markdown]
# ## 2 Every rate from four counts
#
# The table has some twenty rates, and every one is made of the same four counts. Do not learn them by heart: ask **who
# owns the denominator**.
#
# - *The ill* own sensitivity (TPR) and miss rate (FNR); *the healthy* own specificity (TNR) and false positive rate. A
#   row of the table. You know the truth and ask what the program says.
# - *The alarms* own precision (PPV) and false discovery rate (FDR); *the all-clears* own NPV and the false omission
#   rate (FOR). A column. You know what the program says and ask for the truth, as a doctor must.
# - *All* own accuracy and prevalence. The rest are mixtures:
#
# | mixture | made of |
# |---|---|
# | balanced accuracy | (TPR + TNR) / 2 |
# | F1 | 2 TP / (2 TP + FP + FN), the harmonic mean of TPR and PPV |
# | Fowlkes–Mallows | √(TPR · PPV), their geometric mean |
# | threat score (Jaccard) | TP / (TP + FN + FP) |
# | informedness, markedness | TPR + TNR − 1, PPV + NPV − 1 |
# | LR+, LR− | TPR / FPR, FNR / TNR |
# | diagnostic odds ratio (DOR) | LR+ / LR− |
#
# Libraries differ in how they lay the table. scikit-learn's has the true class in rows and class 0 first, so it reads
# `[[TN, FP], [FN, TP]]`. Three ill and two healthy people; one ill person is missed. **Predict** the sensitivity.

# %%
predicted_sensitivity = None  # type your number

# %% tags=["nbval-check-output"]
y_true, y_pred = [1, 1, 1, 0, 0], [1, 1, 0, 0, 0]
table = metrics.confusion_matrix(y_true, y_pred, num_classes=2)
tn, fp, fn, tp = table.ravel().tolist()
print(table)
reveal(predicted_sensitivity, round(tp / (tp + fn), 3))
tn, fn, fp, tp = table.ravel().tolist()  # read column by column, by mistake
print(f"read crosswise: {tp / (tp + fn):.3f}, and nobody seems to be missed")

# %% [markdown]
# The wrong reading gives 1.0 and no error message. So count by name, not by place: `metrics.Counts` takes `tp=`,
# `fn=`, `fp=`, `tn=`. All rates of A at once:

# %% tags=["nbval-check-output"]
a = four["A"]
owners = {
    "the ill": ("tpr", "fnr"),
    "the healthy": ("tnr", "fpr"),
    "the alarms": ("ppv", "fdr"),
    "the all-clears": ("npv", "false_omission_rate"),
    "all": ("prevalence", "accuracy"),
    "means": ("balanced_accuracy", "f1", "fowlkes_mallows", "threat_score"),
    "−1 to 1": ("mcc", "informedness", "markedness"),
    "odds": ("lr_plus", "lr_minus", "diagnostic_odds_ratio"),
}

# %% tags=["nbval-check-output"]
for owner, rates in owners.items():
    print(f"{owner:15}", "  ".join(f"{rate} {getattr(a, rate):.3f}" for rate in rates))

# %% [markdown]
# Three of them, in words. **MCC** is a plain correlation of truth and answer: 0 for B, and it changes its sign for C
# and C′. **LR+** is the factor by which an alarm raises the odds of disease: 2.25 for A, which is little (a test that
# decides something has 10 or more). **F1** is silent about the healthy who are left alone: TN is in none of its terms.
#
# Our copy of the slide writes MCC as $\sqrt{TPR · TNR · PPV · NPV} − \sqrt{FNR · FPR · FOR · DOR}$. One of its
# factors cannot be right. **Predict** what this formula, taken as printed, gives for A; the true MCC of A is 0.35.

# %%
predicted_mcc = None  # type your number

# %% tags=["nbval-check-output"]
first = np.sqrt(a.tpr * a.tnr * a.ppv * a.npv)
printed = first - np.sqrt(a.fnr * a.fpr * a.false_omission_rate * a.diagnostic_odds_ratio)
with_fdr = first - np.sqrt(a.fnr * a.fpr * a.false_omission_rate * a.fdr)
reveal(predicted_mcc, round(printed, 2))
print(f"with FDR in place of DOR: {with_fdr:.3f}; from the counts: {a.mcc:.3f}")

# %% [markdown]
# Nearly 0, a coin's correlation, for a program well above the diagonal. Under the second root stand shares of
# mistakes, and the odds ratio DOR is none: for a good test it may be a thousand. The last factor is the false
# *discovery* rate, FDR. A formula that you did not try on a case is a rumour.
#
# And one more trap. A month in which nobody is ill: the sensitivity is 0/0, *not a number*. Some libraries print 0
# here, or 1. **Meant to fail**: a ROC curve of ten healthy women.

# %% tags=["raises-exception"]
metrics.roc_auc(np.zeros(10, dtype=int), np.linspace(0, 1, 10))

# %% [markdown]
# ## 3 Precise, true, accurate
#
# *Precision* has just meant PPV. In a laboratory it means something else, and doctors use both words. The
# international standard ISO 5725 knows three:
#
# - **precision**: repeat the measurement, and the results lie close together (a small *random* error);
# - **trueness**: their mean is right (a small *systematic* error, or bias);
# - **accuracy**: both of these. (In the older use, and in many books, accuracy means trueness alone. Ask.)
#
# Three instruments measure a nodule of 10 mm, thirty times each (simulated). **Predict** which one you can mend with a
# screwdriver: "first", "second" or "third".

# %%
predicted_instrument = None  # type "first", "second" or "third"

# %% tags=["nbval-check-output"]
rng = np.random.default_rng(0)
instruments = {"first": (0.0, 1.0), "second": (2.0, 0.3), "third": (0.1, 0.3)}  # bias and spread, in mm
errors = {}
for name, (bias, spread) in instruments.items():
    measured = 10 + bias + spread * rng.normal(size=30)
    errors[name] = metrics.bland_altman(measured, np.full(30, 10.0))
    found = errors[name]
    print(f"{name:7} bias {found.bias:+.2f} mm, standard deviation {found.standard_deviation:.2f} mm")
reveal(predicted_instrument, max(errors, key=lambda name: abs(errors[name].bias)))

# %%
figure, ax = plt.subplots(figsize=(7, 1.9))
rows = [(name, 10 + e.bias, 10 + e.limits.low, 10 + e.limits.high) for name, e in errors.items()]
plot_estimates(rows, ax, name="diameter (mm): mean, and where 95% of the measurements lie", expected=10)
figures.show(
    figure,
    alt="Three horizontal bars of measured diameters. The first is long and lies around 10 mm, the second is short and lies "
    "at 12 mm without reaching 10, the third is short and lies at 10.",
)

# %% [markdown]
# The second one: precise but not true. A known bias can be subtracted; a spread stays. The same two words return for
# *our* numbers. An area under the curve has a random error (which patients came) and a systematic one (which never
# come to this hospital), and only the first can be seen in an interval. The third word of the slide, **robustness**,
# waits for part 14: how much is lost when noise and artefacts grow.

# %% [markdown]
# ## 4 Prevalence: the same test in two places
#
# Sensitivity is owned by the ill, specificity by the healthy. If there are more healthy people, each still is alarmed
# with the same chance. But there are *more of them*, and so PPV, which the alarms own, must move. In odds it is one
# line:
#
# $$\text{odds after the alarm} = \text{odds before} · LR^+$$
#
# **Predict** the PPV of the firm's program (sensitivity and specificity 90%) where half the people are ill, where 10%
# are, and where 1 in 1,000 is.

# %%
predicted_ppv_half = None  # type your number, in per cent
predicted_ppv_tenth = None  # type your number, in per cent
predicted_ppv_thousandth = None  # type your number, in per cent


# %% tags=["nbval-check-output"]
def thousand_thousand(ill_of_a_thousand):
    ill = 1000 * ill_of_a_thousand  # of a million people, so that nothing is rounded
    healthy = 1_000_000 - ill
    return metrics.Counts(tp=ill * 9 // 10, fn=ill // 10, fp=healthy // 10, tn=healthy * 9 // 10)


places = {ill: thousand_thousand(ill) for ill in (500, 100, 10, 1)}
for ill, c in places.items():
    print(
        f"{ill / 10:4} % ill: TPR {c.tpr:.2f}, TNR {c.tnr:.2f}, PPV {c.ppv:.3f}, NPV {c.npv:.4f}, accuracy {c.accuracy:.2f}"
    )
reveal(predicted_ppv_half, round(100 * places[500].ppv, 1), unit="per cent")
reveal(predicted_ppv_tenth, round(100 * places[100].ppv, 1), unit="per cent")
reveal(predicted_ppv_thousandth, round(100 * places[1].ppv, 1), unit="per cent")

# %% [markdown]
# Two students read the same paper, in which half of the patients were ill and the PPV was 0.90. *Ann* writes 0.90 into
# the screening unit's contract. *Ben* writes 0.083. Ben asked where the patients came from. (And look at the last
# column. At 1 in 1,000, a program that always says *healthy* has an accuracy of 0.999.)

# %% [markdown]
# ## The data: 569 lumps again, and four measurements
#
# | | |
# |---|---|
# | what | nuclei of cells from breast lumps, measured under the microscope; 30 numbers a lump |
# | truth | the diagnosis of each lump: 212 malignant, 357 benign |
# | source | W. H. Wolberg, W. N. Street, O. L. Mangasarian, *Breast Cancer Wisconsin (Diagnostic)*, UCI repository, 1995 |
# | licence | CC BY 4.0; a copy is installed with scikit-learn |
#
# With all 30 numbers nearly every classifier is right in 97 of 100 lumps, and a lesson on mistakes needs mistakes. So
# we **hide everything about size** and keep the mean texture, smoothness, symmetry and fractal dimension. The results
# below are therefore worse than this file allows, on purpose.
#
# The copy has no patient numbers; we take each row as one patient and can only assert that no row is on two sides. 37%
# of these lumps are malignant: that is a clinic to which suspicious lumps were sent, not a screening unit.

# %% tags=["nbval-check-output"]
breast = load_breast_cancer()
malignant = (breast.target_names[breast.target] == "malignant").astype(np.int64)  # 1 is what we look for
seen = ["mean texture", "mean smoothness", "mean symmetry", "mean fractal dimension"]
split = data.stratified_split(malignant, val_fraction=0.3, test_fraction=0.3, seed=SEED)
data.assert_no_overlap(split, subjects=np.arange(len(malignant)))
raw = breast.data[:, [breast.feature_names.tolist().index(name) for name in seen]]
mean, spread = raw[split.train].mean(axis=0), raw[split.train].std(axis=0)  # of the training part only
inputs = ((raw - mean) / spread).astype(np.float32)
truth = {part: malignant[getattr(split, part)] for part in ("train", "val", "test")}
for part, labels in truth.items():
    print(f"{part:5} {len(labels)} lumps, {labels.sum()} malignant")

# %% [markdown]
# The validation part is larger than in other lessons: it has work to do. Thresholds and temperatures are chosen on it.
# The test part is for measuring alone.
#
# Look before you model: the best of the four measurements, and what it can do alone.

# %%
figure, ax = plt.subplots(figsize=(7, 2.7))
plot_scores(truth["train"], raw[split.train, 0], ax, name="mean texture: spread of the grey values (units of the file)")
figures.show(
    figure,
    alt="Two overlapping histograms of the mean texture of the training lumps. Benign ones lie mostly between 12 and 22, "
    "malignant ones between 16 and 28; no threshold separates them.",
)

# %% [markdown]
# ## 5 Two classifiers
#
# First the baseline: logistic regression, five numbers in all. Then a small net from its parts: four inputs, twice 64
# neurons, two answers. **Predict** the parameters of the net.

# %%
predicted_parameters = None  # type your number


# %% tags=["nbval-check-output"]
def make_net():
    return nn.Sequential(
        nn.Linear(4, 64), nn.ReLU(),  # (B, 64)
        nn.Linear(64, 64), nn.ReLU(),  # (B, 64)
        nn.Linear(64, 2),  # (B, 2): benign, malignant
    )  # fmt: skip


shapes = [tuple(weights.shape) for weights in make_net().parameters()]
print(shapes)
reveal(predicted_parameters, sum(int(np.prod(shape)) for shape in shapes), unit="parameters for 227 lumps")

# %% [markdown]
# Twenty parameters a lump. We train it for 150 epochs, which is far too long, without weight decay, without smoothing
# and without a look at the validation part, as one does who watches the training loss alone. You will see in which of
# its jobs it fails.


# %%
def draw_curve(history):
    if len(history.train_loss) % 30:
        return
    figure, ax = plt.subplots(figsize=(6.5, 2.6))
    figures.plot_learning_curves(history, ax)
    clear_output(wait=True)
    first, last = history.train_loss[[0, -1]]
    figures.show(
        figure,
        alt=f"Learning curve over {len(history.train_loss)} epochs: the training loss falls from {first:.2f} to {last:.2f} "
        "and would fall on.",
    )


def loader(part, shuffle=False):
    cases = TensorDataset(torch.from_numpy(inputs[getattr(split, part)]), torch.from_numpy(truth[part]))
    return DataLoader(cases, batch_size=32, shuffle=shuffle)


# %%
epochs = EPOCHS or 150
torch.manual_seed(SEED)
net = make_net()
checkpoints = Path(CHECKPOINT_DIR or tempfile.mkdtemp())
how = {"epochs": epochs, "learning_rate": 0.003}
history = fit(
    net, loader("train", shuffle=True), **how, seed=SEED, checkpoint_dir=checkpoints, on_epoch_end=draw_curve
)  # fmt: skip

# %% [markdown]
# Each classifier gives a **score**, its logit for *malignant*: any number, larger for more suspicion. All that follows
# is made of these scores.


# %%
def margin(net, part):
    outputs = predict(net, loader(part)).scores.astype(np.float64)  # (N, 2)
    return outputs[:, 1] - outputs[:, 0]


logistic = LogisticRegression(max_iter=2000).fit(inputs[split.train], truth["train"])
scores = {"logistic regression": {part: logistic.decision_function(inputs[getattr(split, part)]) for part in truth}}
scores["net"] = {part: margin(net, part) for part in truth}
commonest = np.zeros(len(truth["test"]), dtype=int)
print(f"always 'benign': accuracy {metrics.accuracy_score(truth['test'], commonest):.3f}")
for name, by_part in scores.items():
    shares = {part: metrics.accuracy_score(truth[part], (by_part[part] > 0).astype(int)) for part in truth}
    print(f"{name:19}", "  ".join(f"{part} {share:.3f}" for part, share in shares.items()))

# %% [markdown]
# Compare the net's first and last number: it has learned its training lumps nearly by heart. And *always benign*
# reaches 0.63, a reminder of what an accuracy is worth without its floor.

# %% [markdown]
# ## 6 Every threshold at once
#
# "Above 0 is malignant" was a choice. Let the threshold fall from the highest score to the lowest: each time it passes
# an ill person the curve steps up, each time it passes a healthy one it steps right. That is the **ROC curve**. The
# area below it (AUC) is a chance: draw one ill and one healthy person; how often has the ill one the higher score?
#
# By hand, with four people: healthy 0.1 and 0.6, ill 0.7 and 0.9. Two students compute the area. *Ann* gives the curve
# the scores. *Ben* applies his threshold of 0.5 first, and gives it zeros and ones. **Predict** both.

# %%
predicted_ann = None  # type your number
predicted_ben = None  # type your number

# %% tags=["nbval-check-output"]
y, s = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.7, 0.9])
reveal(predicted_ann, metrics.roc_auc(y, s), unit="with the scores")
reveal(predicted_ben, metrics.roc_auc(y, (s > 0.5).astype(int)), unit="with the labels")
ill, healthy = s[y == 1], s[y == 0]
wins = (ill[:, None] > healthy).mean() + (ill[:, None] == healthy).mean() / 2
print(f"pair by pair: {wins}; two equal scores: {metrics.roc_auc([0, 1], [0.5, 0.5])}, as a fair coin would")

# %% [markdown]
# All four pairs are in order: 1.0. Ben's zeros and ones have lost the order within each group, and a tie counts one
# half. His curve has one corner, and its area is that of *his threshold*. On the test lumps:

# %%
rocs = {name: metrics.roc_curve(truth["test"], by_part["test"]) for name, by_part in scores.items()}
rocs["texture alone"] = metrics.roc_curve(truth["test"], inputs[split.test, 0])
figure, ax = plt.subplots(figsize=(5, 5))
plot_roc(rocs, ax)
areas = ", ".join(f"{name} {curve.auc:.3f}" for name, curve in rocs.items())
figures.show(
    figure, alt=f"Three ROC curves in steps above the diagonal. Areas: {areas}. The first two cross several times."
)
assert min(rocs[name].auc for name in scores) > 0.75, "both should rank most pairs rightly"

# %% [markdown]
# What does the area *not* see? The slide lists two things, and calls them virtues. **Predict** the area of the net if
# we multiply each score by 1,000 and add 7, if we take its exponential at the tenth of its size, and if we turn its
# sign.

# %%
predicted_scaled = None  # type your number
predicted_turned = None  # type your number

# %%
score, y_test = scores["net"]["test"], truth["test"]
area = metrics.roc_auc(y_test, score)
print(f"as it is {area:.6f}")
reveal(predicted_scaled, round(metrics.roc_auc(y_test, 1000 * score + 7), 3))
reveal(predicted_turned, round(metrics.roc_auc(y_test, -score), 3), unit="= 1 − area")
assert metrics.roc_auc(y_test, np.exp(score / 10)) == area, "only the order counts"
print(f"all pairs right: {metrics.roc_auc(y_test, y_test)}, all wrong: {metrics.roc_auc(y_test, -y_test)}")

# %% [markdown]
# It is **scale-invariant**: any score in the same order has the same area. So it cannot tell whether 70% means 70%
# (part 11). And it is **threshold-invariant**: no threshold is chosen, so nobody has yet decided anything (part 7). An
# area of 0 is no bad model, it is a perfect one that has its sign wrong, like C
# only more so.

# %% [markdown]
# ## 7 A threshold has a price
#
# On Monday someone must be called or not called. Suppose that a missed cancer is 50 times as bad as a needless recall.
# (Who may say such a number? Not we, and not the net. But if nobody says it, the threshold says it unasked.) For 1,000
# women the price of a threshold is
#
# $$50 · \text{missed} + 1 · \text{needlessly recalled}$$
#
# and it depends on the *place*, since the place decides how many can be missed at all. `at_prevalence` weights a curve
# as if so many of 1,000 were ill; the ill stay as ill as they are, the healthy as healthy. **Predict**: the same
# costs, in this clinic (37% ill) and in the screening unit (1%). In which place is the best threshold *higher*?

# %%
predicted_higher = None  # type "clinic" or "screening"


# %%
def price(curve, per_mille):
    counts = at_prevalence(curve, per_mille=per_mille).counts
    return 1000 * (50 * counts.fn + counts.fp) / counts.total


judge = metrics.roc_curve(truth["val"], scores["logistic regression"]["val"])  # the validation lumps
wheres = {"clinic": 373, "screening": 10}
best = {where: judge.point(int(np.argmin(price(judge, ill)))) for where, ill in wheres.items()}
for where, point in best.items():
    print(f"{where:9} threshold {point.threshold:+.2f}: sensitivity {point.counts.tpr:.2f}, FPR {point.counts.fpr:.2f}")
reveal(predicted_higher, max(best, key=lambda where: best[where].threshold))
assert best["screening"].threshold > best["clinic"].threshold

# %%
figure, ax = plt.subplots(figsize=(7, 3.2))
for where, ill in wheres.items():
    ax.plot(judge.thresholds[1:], price(judge, ill)[1:], label=f"{where}, {ill / 10:g}% ill")
    ax.plot([best[where].threshold], [price(judge, ill).min()], "o", color="#222222", markersize=7)
ax.set(yscale="log", xlabel="threshold on the score of the logistic regression", ylabel="price for 1,000 women")
ax.legend()
figures.show(
    figure,
    alt="Price of 1,000 women against the threshold, for two places, on the validation lumps. Each curve has a lowest point, "
    f"marked: at {best['clinic'].threshold:.1f} for the clinic and at {best['screening'].threshold:.1f} for screening.",
)

# %% [markdown]
# Where many are ill, a strict threshold misses many; where few are ill, a lax one alarms many. Books like **Youden's
# point**, the largest sensitivity + specificity − 1. It is the best threshold for *one* ratio of costs only, at 37%
# ill for a miss that costs 1.7 recalls. Use it if that is your price.
#
# Now two students choose for the screening unit. *Ann* takes the threshold from the validation lumps. *Ben* finds the
# best one on the *test* lumps, and reports the price there. Ben's number is smaller. **Predict** by how many per cent
# it is too rosy, if Ann's is honest.

# %%
predicted_rosy = None  # type your number, in per cent

# %%
y_score = scores["logistic regression"]["test"]
on_test = metrics.Counts.from_labels(y_test, (y_score >= best["screening"].threshold).astype(int))
honest = 50 * 10 * on_test.fnr + 990 * on_test.fpr
rosy = float(price(metrics.roc_curve(y_test, y_score), 10).min())
reveal(predicted_rosy, round(100 * (1 - rosy / honest)), unit="per cent")
print(f"price for 1,000 women: chosen on validation {honest:.0f}, chosen on test {rosy:.0f}, recalling nobody 500")
assert rosy <= honest

# %% [markdown]
# Ben's threshold cannot lose, since it was picked as the winner on the very cases that then judge it. On the day when
# new women come, he does not have their diagnoses. Compare also with *recalling nobody*: at 1% ill a program must be
# good before it is worth anything at all.

# %% [markdown]
# ## 8 ROC or precision–recall?
#
# The ROC curve has the ill and the healthy on an axis each, so it does not mind how many there are of each.
# **Predict**: the same scores, weighted to 1% ill. What happens to the area under the ROC curve, and to the average
# precision (the area under precision against recall, which is another name of sensitivity)?

# %%
predicted_roc_rare = None  # type "rises", "falls" or "stays"
predicted_ap_rare = None  # type your number

# %%
precision = metrics.precision_recall_curve(y_test, y_score)
here, rare = precision, at_prevalence(precision, per_mille=10)
common = rocs["logistic regression"]
common_area, rare_area = common.auc, at_prevalence(common, per_mille=10).auc
reveal(predicted_roc_rare, "stays" if common_area == rare_area else "moves")
reveal(predicted_ap_rare, round(rare.average_precision, 2), unit="average precision at 1%")
print(f"ROC area {common_area:.3f}, {rare_area:.3f} at 1% ill; average precision at 37% {here.average_precision:.3f}")
assert common_area == rare_area
assert rare.average_precision < here.average_precision - 0.1

# %%
figure, axes = plt.subplots(1, 2, figsize=(8.6, 4.4))
plot_roc({"any prevalence": rocs["logistic regression"]}, axes[0])
plot_precision_recall({"37% ill": here, "1% ill": rare}, axes[1])
figures.show(
    figure,
    alt=f"Left, one ROC curve with an area of {common_area:.2f} for every prevalence. Right, precision against recall: at 37% "
    f"ill the curve stays high, average precision {here.average_precision:.2f}; at 1% it drops at once, "
    f"average precision {rare.average_precision:.2f}.",
)

# %% [markdown]
# Neither curve lies. The left one tells how the *method* ranks and can be carried from place to place. The right one
# tells what a *doctor in that place* will see. Report the ROC area together with the prevalence and the precision at
# the threshold you mean to use, and nobody is misled. (Two cautions. The left end of the right curve hangs on a
# handful of lumps, since one benign lump stands for nearly a hundred healthy women. And the women of a screening unit
# are not the lumps of this clinic made rarer: their tumours are smaller. Weighting mends the counts, not that.)
#
# *A good place to pause. When you come back, say aloud who owns the denominator of PPV.*

# %% [markdown]
# ## 9 How sure?
#
# Our test part has 64 malignant and 107 benign lumps. Another 171 would have given another area. An **interval** says
# how much. Three ways, each for its own kind of number:
#
# - *Wilson* for a share, such as a sensitivity: so many of so many;
# - *DeLong* for an area. Each ill person contributes the share of the healthy who have a lower score than hers, each
#   healthy one the share of the ill who have a higher score. The area is the mean of either; how far they spread says
#   how sure it is;
# - *bootstrap* for anything: draw the patients again, with replacement, a thousand times, and look at what the number
#   does.
#
# **Predict** the width of the 95% interval of the net's area (high minus low).

# %%
predicted_width = None  # type your number

# %%
by_delong = metrics.delong_auc(y_test, score)
by_bootstrap = metrics.bootstrap_auc(y_test, score, seed=SEED)
reveal(predicted_width, round(by_delong.interval.high - by_delong.interval.low, 3))
for how_made, found in (("DeLong", by_delong), ("bootstrap", by_bootstrap)):
    print(
        f"{how_made:9} {area:.3f} [{found.interval.low:.3f}, {found.interval.high:.3f}], standard error {found.standard_error:.4f}"
    )
hits, positives = int((score[y_test == 1] > 0).sum()), int(y_test.sum())
interval = metrics.wilson_interval(hits, positives)
print(
    f"sensitivity at 0: {hits} of {positives} = {hits / positives:.3f} [{interval.low:.3f}, {interval.high:.3f}] (Wilson)"
)

# %% [markdown]
# DeLong and the bootstrap agree to a few thousandths, as they should here. The sensitivity is less sure than you may
# like: it rests on 64 women.
#
# **Is 95% really 95%?** An interval is a promise: of many such studies, 95 in 100 should catch the true area. We can
# keep watch, because in a simulation the truth is known. Healthy scores come from a normal distribution, ill ones from
# the same, shifted so that the true area is what we want. **Predict** how many of 100 DeLong intervals catch the truth
# with 50 ill and 50 healthy people and an area of 0.85, and with only 8 ill and 100 healthy and an area of 0.99.

# %%
predicted_large = None  # type your number, in per cent
predicted_small = None  # type your number, in per cent


# %%
def coverage(make_interval, area, ill, healthy, times):
    rng, shift = np.random.default_rng(0), np.sqrt(2) * norm.ppf(area)
    labels, caught = np.repeat([1, 0], [ill, healthy]), 0
    for study in range(times):
        drawn = rng.normal(size=ill + healthy) + shift * labels
        interval = make_interval(labels, drawn, study).interval
        caught += interval.low <= area <= interval.high
    return caught


# %% tags=["nbval-check-output"]
def delong(labels, drawn, study):
    return metrics.delong_auc(labels, drawn)


studies = 1000 if FAST else 5000
settings = ((0.85, 50, 50), (0.97, 10, 90), (0.99, 8, 100))  # true area, ill, healthy
caught = {setting: coverage(delong, *setting, studies) for setting in settings}
reveal(predicted_large, round(100 * caught[settings[0]] / studies, 1), unit="per cent")
reveal(predicted_small, round(100 * caught[settings[2]] / studies, 1), unit="per cent")


# %%
def bootstrap(labels, drawn, study):
    return metrics.bootstrap_auc(labels, drawn, seed=study, num_resamples=500)


few = studies // 4  # the bootstrap takes longer
rows = []
for area_true, ill, healthy in settings:
    by_drawing = coverage(bootstrap, area_true, ill, healthy, few)
    for how_made, hit, times in (("DeLong", caught[area_true, ill, healthy], studies), ("bootstrap", by_drawing, few)):
        sure, name = metrics.wilson_interval(hit, times), f"{ill} ill, {healthy} healthy, area {area_true}: {how_made}"
        rows.append((name, 100 * hit / times, 100 * sure.low, 100 * sure.high))

# %%
figure, ax = plt.subplots(figsize=(8, 2.9))
plot_estimates(rows, ax, name="intervals that catch the true area (%), with Wilson's interval", expected=95)
figures.show(
    figure, alt="Coverage of 95% intervals. " + "; ".join(f"{name} {value:.0f}%" for name, value, *_ in rows) + "."
)
assert rows[0][1] > 90 > 80 > rows[4][1], "many cases: about what is promised; few cases near 1: far less"

# %% [markdown]
# With fifty of each, some 92 hold of the 95 that were promised: a little too proud already. With eight ill people and
# a very good model, *one third* of the intervals miss, both methods. DeLong's 372 misses all lie on the same side,
# above the truth: too short, too proud. When all eight lie above all healthy ones, the interval is the single point
# 1.000, which happened in 192 of these 1,000 studies. That is the setting of many papers on rare disease. Near 1 and
# with few cases, do not believe a short interval; count how many ill people there were.
#
# **Who is drawn?** 60 patients had 10 images each, and for this example all ten images of a patient are equal. A
# program is right for 52 patients. *Ann* draws patients again, *Ben* draws the 600 images. **Predict** the widths of
# the two intervals.

# %%
predicted_patients = None  # type your number
predicted_images = None  # type your number

# %% tags=["nbval-check-output"]
right = np.repeat([1.0, 0.0], [52, 8])  # one number a patient
by_patient = metrics.bootstrap_mean(right, seed=0).interval
by_image = metrics.bootstrap_mean(np.repeat(right, 10), seed=0).interval
reveal(predicted_patients, round(by_patient.high - by_patient.low, 2), unit="by patient")
reveal(predicted_images, round(by_image.high - by_image.low, 2), unit="by image")

# %% [markdown]
# Copying an image adds no patient, and no knowledge. Ben's interval is three times too short. Draw what is
# independent: patients, and where whole hospitals differ, hospitals. (And with replacement. A resample without it
# holds the same people each time, and the interval has no width at all.)

# %% [markdown]
# ## 10 Two models, the same patients
#
# The net or logistic regression? Both scored the same 171 lumps, and hard lumps are hard for both. So their errors go
# up and down together, and in the difference what they share cancels. For two areas with variances $v_a$, $v_b$ and
# covariance $c$, the standard error of the difference is $\sqrt{v_a + v_b − 2c}$. **Predict** it for two variances of
# 0.0004 each and a covariance of 0.0003; a student who forgets the last term gets 0.0283.

# %%
predicted_paired = None  # type your number

# %% tags=["nbval-check-output"]
reveal(predicted_paired, round(np.sqrt(0.0004 + 0.0004 - 2 * 0.0003), 4))

# %%
other = scores["logistic regression"]["test"]
paired = metrics.compare_auc(y_test, score, other)
unpaired = np.hypot(by_delong.standard_error, metrics.delong_auc(y_test, other).standard_error)
again = metrics.bootstrap_auc_difference(y_test, score, other, seed=SEED).difference.interval
print(f"net − logistic regression: {paired.difference:+.3f}, standard error {paired.standard_error:.4f}")
print(f"DeLong, paired [{paired.interval.low:+.3f}, {paired.interval.high:+.3f}], p = {paired.p_value:.2f}")
print(f"bootstrap      [{again.low:+.3f}, {again.high:+.3f}]")
print(f"as if on different lumps, the error would be {unpaired:.4f}")
assert paired.standard_error < unpaired

# %% [markdown]
# If 0 lies inside, these lumps do not tell the two apart; that is *not* the same as "they are equal". 4,610 parameters
# against 5, and the test cannot see a difference.
#
# **What decides the last digit?** Papers argue about the third decimal. Two things move it: *which lumps* were in the
# test part, and *which first weights* the net happened to get. The first is DeLong's standard error. For the second we
# train a few nets more, with other seeds, and judge them on the same lumps. **Predict** the share of the cases in the
# sum of both variances, in per cent.

# %%
predicted_share = None  # type your number, in per cent

# %%
nets = [area]
for seed in range(SEED + 1, SEED + (5 if FAST else 11)):
    torch.manual_seed(seed)
    again_net = make_net()
    fit(again_net, loader("train", shuffle=True), **how, seed=seed, progress=False)
    nets.append(metrics.roc_auc(y_test, margin(again_net, "test")))
cases_variance, seeds_variance = by_delong.standard_error**2, float(np.var(nets, ddof=1))
share = cases_variance / (cases_variance + seeds_variance)
print("areas:", np.round(nets, 3), f"standard deviation over seeds {np.sqrt(seeds_variance):.4f}")
print(f"standard error over cases {by_delong.standard_error:.4f}")
reveal(predicted_share, round(100 * share), unit="per cent of the variance")

# %%
if EPOCHS is None:
    assert share > 0.5, "with 171 lumps the cases should decide more than the seeds"

# %% [markdown]
# Here the cases decide most. Three honest limits: a variance from five nets is itself rough (the true one may be a
# third of it, or eight times as large); the *training* lumps were the same for all, and would be a third source; and
# with 100,000 test cases the first part would all but vanish and the seeds would decide. But for a test set of this
# size, a paper that reports five seeds and no interval over cases has shown the smaller part.

# %% [markdown]
# ## 11 Is 70% really 70%?
#
# The net says *0.7*. Collect all lumps that were given about 0.7: seven of ten should be malignant. If so, it is
# **calibrated**. A ranking can be perfect and every probability wrong. **Predict** for our net, which was trained far
# too long: on which side does it err?

# %%
predicted_side = None  # type "too sure" or "too timid"

# %%
temperature = metrics.TemperatureScaling.fit(scores["net"]["val"], truth["val"])  # on the validation lumps
as_given = metrics.TemperatureScaling(1.0)
given, mended = (way.apply(scores["net"]["test"]) for way in (as_given, temperature))
before, after = (metrics.reliability_curve(y_test, p, edges=np.linspace(0, 1, 6)) for p in (given, mended))
reveal(predicted_side, "too sure" if temperature.temperature > 1 else "too timid")
print(
    f"temperature {temperature.temperature:.2f}; share of answers beyond 95%: {np.mean(np.abs(given - 0.5) > 0.45):.0%}"
)

# %% [markdown]
# **Temperature scaling** (Guo and colleagues, 2017) divides every logit by one number, fitted on cases kept apart.
# Above 1 it cools a net that is too sure.
#
# Two numbers judge it. The **calibration error** (ECE) sorts the lumps into five bins, 0 to 20% and so on, and takes
# the mean gap between what was said and what happened. The **Brier score** is the mean square of probability minus
# truth (0 or 1), lump by lump: 0 is best, and who always says 50% has 0.25. **Predict** what the temperature does to
# the area under the ROC curve.

# %%
predicted_area_after = None  # type "rises", "falls" or "stays"

# %%
figure, ax = plt.subplots(figsize=(4.4, 5.2))
plot_reliability({"as given": before, "one temperature": after}, ax)
figures.show(
    figure,
    alt="Reliability in five bins on the test lumps. As given, lumps with a probability near 0 are malignant more often than "
    f"said and those near 1 less often, calibration error {before.expected_calibration_error:.2f}; after one temperature the "
    f"marks lie nearer to the diagonal, error {after.expected_calibration_error:.2f}.",
)
reveal(
    predicted_area_after,
    "stays" if np.isclose(metrics.roc_auc(y_test, mended), metrics.roc_auc(y_test, score)) else "moves",
)
for words, p in (("as given", given), ("one temperature", mended)):
    print(f"{words:16} Brier score {metrics.brier_score(y_test, p):.3f}, area {metrics.roc_auc(y_test, p):.3f}")

# %%
if EPOCHS is None:
    assert temperature.temperature > 1.5
    assert metrics.brier_score(y_test, mended) < metrics.brier_score(y_test, given)
    assert after.expected_calibration_error < before.expected_calibration_error

# %% [markdown]
# The order is untouched, the probabilities are mended. How the gaps are added up matters: the calibration error is
# their mean *weighted by cases* (a larger mark holds more of them). 90 cases in a bin with no gap, 10 in a bin with a gap of 0.5: **predict** the error,
# and what a plain mean over the two bins would say.

# %%
predicted_ece = None  # type your number
predicted_plain = None  # type your number

# %% tags=["nbval-check-output"]
happened = np.repeat([1, 0, 1, 0], [18, 72, 9, 1])
said = np.repeat([0.2, 0.4], [90, 10])  # 18 of 90 is 0.2, right; 9 of 10 is 0.9, where 0.4 was said
two_bins = metrics.reliability_curve(happened, said, edges=[0, 0.3, 1])
reveal(predicted_ece, round(two_bins.expected_calibration_error, 3))
reveal(predicted_plain, round(float(np.mean(np.abs(two_bins.gaps))), 3))

# %% [markdown]
# (Name the bins when you report it: five bins and twenty give different errors. With 171 lumps, a part of any such
# error is chance, since even a perfect model would not hit each bin. The Brier score needs no bins.)
#
# **And in another place?** A calibrated net of this clinic says 70%. The same lump in the screening unit, where 1% are
# ill: **predict** what it should say there.

# %%
predicted_moved = None  # type your number, in per cent

# %% tags=["nbval-check-output"]
moved = metrics.shift_prior([0.7], prior_train=0.373, prior_deploy=0.01)[0]
reveal(predicted_moved, round(100 * moved, 1), unit="per cent")

# %% [markdown]
# The odds of 0.7 are divided by how much rarer the disease is. A probability is a statement about a place, like PPV.
# (It holds only if the ill look alike in both places, and they may not.)

# %% [markdown]
# ## 12 Grades: kappa and Spearman
#
# Not every question is yes or no. A pathologist grades how fast a tumour grows: 1, 2 or 3, by counting dividing cells
# (mitoses). Two graders on 100 tumours, here with two grades: they agree on 40 + 40. *Ann* reports an agreement of
# 0.8. *Ben* asks how often two careless graders would agree who each say "high" half of the time. **Cohen's kappa** is
# what is left beyond that chance. **Predict** it.

# %%
predicted_kappa = None  # type your number

# %% tags=["nbval-check-output"]
first, second = np.repeat([0, 0, 1, 1], [40, 10, 10, 40]), np.repeat([0, 1, 0, 1], [40, 10, 10, 40])
print(f"agreement {metrics.accuracy_score(first, second):.2f}, by chance 0.50")
reveal(predicted_kappa, round(metrics.cohen_kappa_score(first, second, num_classes=2), 2))

# %% [markdown]
# Grades have an order: 1 taken for 3 is worse than 1 taken for 2. **Quadratic weighted kappa** counts a disagreement
# by its steps, squared. A **phantom** of 500 tumours: each has a true rate of growth; the pathologist's grade and two
# programs' grades come from it. The *careful* program errs often, by one step. The *bold* one errs seldom, but then by
# whatever comes. **Predict** whom each kappa prefers.

# %%
predicted_plain_kappa = None  # type "careful" or "bold"
predicted_quadratic_kappa = None  # type "careful" or "bold"

# %% tags=["nbval-check-output"]
rng = np.random.default_rng(1)
growth = rng.gamma(shape=2.0, scale=5.0, size=500)  # mitoses in a field of standard size, on average
truth_grade = np.digitize(growth, [6, 12])  # 0, 1, 2 for grades 1, 2, 3; our limits, for this phantom only
one_step = np.clip(truth_grade + rng.choice([-1, 1], size=500), 0, 2)
programs = {
    "careful": np.where(rng.random(500) < 0.40, one_step, truth_grade),
    "bold": np.where(rng.random(500) < 0.30, rng.integers(0, 3, size=500), truth_grade),
    "always grade 1": np.zeros(500, dtype=int),
}
print("tumours of grade 1, 2 and 3:", np.bincount(truth_grade).tolist())

# %% tags=["nbval-check-output"]
print("                agreement  kappa  linear  quadratic")
ways = (metrics.cohen_kappa_score, metrics.linear_kappa_score, metrics.quadratic_kappa_score)
kappas = {}
for name, grade in programs.items():
    kappas[name] = np.array([kappa(truth_grade, grade, num_classes=3) for kappa in ways])
    each = kappas[name]
    print(f"{name:16}{metrics.accuracy_score(truth_grade, grade):9.2f}", "  ".join(f"{k:6.3f}" for k in each))
reveal(predicted_plain_kappa, max(programs, key=lambda name: kappas[name][0]))
reveal(predicted_quadratic_kappa, max(programs, key=lambda name: kappas[name][2]))

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 3.6))
for ax, name in zip(axes, ("careful", "bold"), strict=True):
    matrix = metrics.confusion_matrix(truth_grade, programs[name], num_classes=3)
    figures.plot_confusion_matrix(matrix, ax, class_names=["1", "2", "3"])
    ax.set_title(f"{name}, quadratic kappa {kappas[name][2]:.2f}")
figures.show(
    figure,
    alt="Two confusion matrices of grades 1 to 3. The careful program errs only into neighbouring grades; the bold one has "
    "fewer errors, but also in the far corners, 1 taken for 3 and 3 for 1.",
)

# %% [markdown]
# *Always grade 1* agrees as often as grade 1 is common, and has a kappa of 0: it never looked. Neither kappa is the
# right one by itself; the squared steps are a statement about costs, like the 50 of part 7. Say which kappa you
# report, and how many of each grade there were.
#
# And if someone wants an F1 for three grades? Each grade has one of its own, itself against the others. The **macro**
# mean takes each grade once, however rare; the **weighted** one takes it as often as it occurs; the **micro** F1 adds
# up the counts first. **Predict** the micro F1 of *always grade 1*; one number of the table above says it.

# %%
predicted_micro = None  # type your number

# %% tags=["nbval-check-output"]
matrix = metrics.confusion_matrix(truth_grade, programs["always grade 1"], num_classes=3)
by_grade = metrics.Counts.from_matrix(matrix)
print("F1 of grade 1, 2 and 3:", by_grade.f1.round(3).tolist())
print(f"macro {metrics.macro_average(by_grade.f1):.3f}", end=", ")
print(f"weighted {metrics.weighted_average(by_grade.f1, support=by_grade.support):.3f}")
reveal(predicted_micro, round(by_grade.summed().f1, 2), unit="micro")

# %% [markdown]
# The micro F1 is the agreement again: with one answer for each tumour, every false positive of one grade is a miss of
# another. So "F1" alone is no report; say which mean.
#
# If the score is a *number* (here an activity of genes), no grade is needed. **Spearman's correlation** compares
# orders only. Our phantom's activity rises with the growth, but bends. **Predict**: if we take the exponential of the
# score, which correlation stays the same, Spearman's or Pearson's?

# %%
predicted_stays = None  # type "Spearman" or "Pearson"

# %% tags=["nbval-check-output"]
activity = np.log1p(growth) + 0.4 * rng.normal(size=500)
for name, expression in (("as it is", activity), ("exponential", np.exp(activity))):
    spearman, pearson = (
        metrics.spearman_correlation(growth, expression),
        metrics.pearson_correlation(growth, expression),
    )
    print(f"{name:12} Spearman {spearman:.3f}, Pearson {pearson:.3f}")
reveal(predicted_stays, "Spearman")

# %% [markdown]
# A challenge on real tumours (reported on the lecture's slide) used just these two: quadratic kappa for the score by
# mitoses, with the four best at 0.567, 0.534, 0.462 and 0.417, and Spearman for the score by gene expression, with
# 0.677, 0.516, 0.503, 0.488 and 0.474. Those are *reported* values; our phantom is another thing, and far easier.

# %% [markdown]
# ## 13 Readers and a model
#
# Often nobody knows the truth: no biopsy was taken, and there is only what radiologists said. CheXNet (2017) was
# judged so, on 420 chest X-rays, with four radiologists. Each one, and the net, was scored by F1 against *each other
# member in turn*. Reported, not measured by us:

# %% tags=["nbval-check-output"]
reported = [
    ("radiologist 1", 0.383, 0.309, 0.453),
    ("radiologist 2", 0.356, 0.282, 0.428),
    ("radiologist 3", 0.365, 0.291, 0.435),
    ("radiologist 4", 0.442, 0.390, 0.492),
    ("mean radiologist", 0.387, 0.330, 0.442),
    ("CheXNet", 0.435, 0.387, 0.481),
]
print(f"mean of the four {np.mean([value for _, value, *_ in reported[:4]]):.4f}, as printed: 0.387")
figure, ax = plt.subplots(figsize=(7, 2.6))
plot_estimates(reported, ax, name="F1 for pneumonia, with 95% intervals (REPORTED, Rajpurkar 2017)")
figures.show(figure, alt="Reported F1. " + "; ".join(f"{n} {v} [{lo}, {hi}]" for n, v, lo, hi in reported) + ".")

# %% [markdown]
# Read it with part 10 in mind. The intervals overlap, and that decides nothing: all six read the same images, so the
# *difference* needs an interval of its own. One radiologist has a higher F1 than the net. And an F1 of 0.4 among
# experts says above all how little they agree.
#
# Now the same comparison with a truth behind it. Two **simulated** readers look at our test lumps. Both judge by
# texture alone, with some noise of the hand, one stricter than the other. The net, with Youden's threshold from the
# validation lumps, is the third of the panel. **Predict** who has the higher F1 *against the panel*, the mean reader
# or the net, and who has it against the *diagnosis*.

# %%
predicted_by_panel = None  # type "readers" or "net"
predicted_by_truth = None  # type "readers" or "net"

# %%
rng = np.random.default_rng(SEED)
texture = inputs[split.test, 0]
readers = np.array([texture + 0.4 * rng.normal(size=len(texture)) > strict for strict in (0.1, 0.4)]).astype(int)
threshold = metrics.roc_curve(truth["val"], scores["net"]["val"]).youden().threshold
said_net = (score >= threshold).astype(int)
panel = metrics.compare_with_readers(readers, said_net, seed=SEED, num_resamples=2000)
by_truth = [metrics.Counts.from_labels(y_test, said).f1 for said in (*readers, said_net)]
gap = panel.difference.interval
reveal(predicted_by_panel, "net" if panel.difference.value > 0 else "readers")
reveal(predicted_by_truth, "net" if by_truth[2] > np.mean(by_truth[:2]) else "readers")
print(f"net − mean reader, by the panel: {panel.difference.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]")

# %%
members = ("reader 1", "reader 2", "net")
rows, words = [], []
for name, e, f1 in zip(members, [*panel.readers, panel.model], by_truth, strict=True):
    rows.append((name, e.value, e.interval.low, e.interval.high))
    words.append(f"{name} {e.value:.2f} by the panel, {f1:.2f} by the diagnosis")
figure, ax = plt.subplots(figsize=(7, 2.2))
plot_estimates(rows, ax, name="F1 (circle with interval: by the panel, diamond: by the diagnosis)")
ax.plot(by_truth, range(3), "D", color="#D55E00", markersize=8, linestyle="none")
figures.show(figure, alt=f"F1 of two simulated readers and the net: {'; '.join(words)}.")
if EPOCHS is None:
    assert panel.difference.value < 0 < by_truth[2] - np.mean(by_truth[:2])

# %% [markdown]
# By the panel, the net loses, and the interval even excludes 0. By the diagnosis it wins. The readers agree with *each
# other*, since both look at texture; where texture deceives, they are wrong together, and the net, which knows three
# things more, is called wrong by both. A panel measures likeness. It is not the truth, in either direction: a model
# that copies its teachers' slips would win. (These readers are a few lines of code. Do not carry the numbers into any
# clinic.)

# %% [markdown]
# ## 14 Robust?
#
# The third word of the slide. Two disturbances of the test lumps: **noise** on every measurement (another day, another
# hand), and an **artefact**, one constant added to the smoothness (another microscope). **Predict** for the logistic
# regression: after the artefact, by how much does its AUC change, and is its specificity still what it was?

# %%
predicted_change = None  # type your number
predicted_specificity = None  # type "the same", "higher" or "lower"


# %%
def disturbed(change):
    changed = (inputs[split.test] + change).astype(np.float32)
    with torch.no_grad():
        outputs = net(torch.from_numpy(changed)).double().numpy()
    return {"logistic regression": logistic.decision_function(changed), "net": outputs[:, 1] - outputs[:, 0]}


# %%
noise = np.random.default_rng(1).normal(size=inputs[split.test].shape)
losses = {}
for amount in (0, 0.5, 1, 2):
    found = [metrics.delong_auc(y_test, s) for s in disturbed(amount * noise).values()]
    losses[amount] = [each.auc for each in found]
    words = ", ".join(f"{each.auc:.3f} (standard error {each.standard_error:.3f})" for each in found)
    print(f"noise of {amount:3} standard deviations: {words}")
assert max(losses[2]) < min(losses[0]) - 0.05, "noise should cost both"

# %%
artefact = disturbed(np.array([0, 1, 0, 0]))["logistic regression"]
then, now = (metrics.Counts.from_labels(y_test, (s > 0).astype(int)) for s in (other, artefact))
reveal(predicted_change, round(metrics.roc_auc(y_test, artefact) - metrics.roc_auc(y_test, other), 6))
reveal(predicted_specificity, "lower" if now.tnr < then.tnr else "higher" if now.tnr > then.tnr else "the same")
print(f"specificity at the old threshold: {then.tnr:.2f} before, {now.tnr:.2f} with the other microscope")
assert now.tnr < then.tnr - 0.1

# %% [markdown]
# A constant on one input adds a constant to each score of a linear model: the order stays, the area is *exactly* the
# same, and the old threshold is in the wrong place. Threshold-invariance, praised on the slide, is also a blindness.
# So when a device is changed, look at the rates at the threshold in use, not at the area alone.

# %% [markdown]
# ## 15 Look at the mistakes
#
# The five test lumps on which the net (after cooling) is most confidently wrong. No images are in this file, so we
# look at their four measurements, beside the middle half of all benign and of all malignant lumps.

# %%
lost = np.abs(mended - y_test)
worst = np.argsort(-lost)[:5]
titles = [f"{'malignant' if y_test[i] else 'benign'}, net says {mended[i]:.0%}" for i in worst]
figure, ax = plt.subplots(figsize=(8.6, 3.8))
plot_profiles(inputs[split.test], y_test, worst, [name.removeprefix("mean ") for name in seen], ax, titles=titles)
figures.show(
    figure,
    alt="Four measurements of the five worst mistakes, as lines over bars that hold half of all benign and half of all "
    f"malignant lumps. The lines: {'; '.join(titles)}. Some run through the bars of the other class, some far outside of both.",
)

# %% [markdown]
# Look along each line. Does it run through the bars of the *other* class? Then no threshold saves it: these four
# numbers do not hold the answer. Or does it lie far outside of both, where the net has seen hardly any lump and
# guesses with confidence? Do we know more about these lumps? The file does: the size of the nuclei, which we hid.
# **Predict**: of these five, how many lie, by size alone, on the side of their true class?

# %%
predicted_by_size = None  # type your number

# %%
radius = breast.data[:, breast.feature_names.tolist().index("mean radius")]
middle = (radius[split.train][truth["train"] == 0].mean() + radius[split.train][truth["train"] == 1].mean()) / 2
by_size = (radius[split.test][worst] > middle).astype(int)
for i in worst:
    print(
        f"{'malignant' if y_test[i] else 'benign':9} net {mended[i]:.2f}, mean radius {radius[split.test][i]:.1f} (middle {middle:.1f})"
    )
reveal(predicted_by_size, int((by_size == y_test[worst]).sum()), unit="of 5")

# %% [markdown]
# A better measurement, not a better threshold and not a larger net, is what most of these need. That is a finding,
# too: before you tune, ask whether the answer is in the data at all.

# %% [markdown]
# ## 16 Explorer
#
# The net's test scores, weighted for any place. Three things to find: the sensitivity beyond which, at 1% ill, fewer
# than one alarm in thirty is right; what moves in the *left* panel when you change the prevalence (look twice); and
# the prevalence of the menu at which PPV and NPV are most alike, at a sensitivity of 0.8.

# %%
prevalence_explorer(y_test, score)

# %% [markdown]
# <details>
# <summary>What there was to find (with the seed 0)</summary>
#
# From a sensitivity of about 0.75 on, fewer than one alarm in thirty is right. In the left panel nothing moves, neither
# the curve nor the point. PPV and NPV are most alike at 50%, 0.71 and 0.78.
# </details>

# %% [markdown]
# ## What we learned
#
# **The objectives, answered.**
#
# 1. *Rates.* Four counts give all twenty. Ask who owns the denominator: the ill, the healthy, the alarms, the
#    all-clears. Below the diagonal is a sign error, and the slide's MCC needs FDR where DOR stands.
# 2. *Places.* Sensitivity, specificity and the ROC curve stay; PPV, NPV, accuracy, average precision and probabilities
#    move. 90% and 90% make 8.3% at 1% ill.
# 3. *Thresholds* come from costs and prevalence, on validation cases. The best point of the test curve flatters.
# 4. *Intervals.* Wilson for shares, DeLong or bootstrap for areas, over patients; paired where the patients are the
#    same. With eight ill people and an area near 1, a third of the 95% intervals miss.
# 5. *Probabilities, grades, readers.* One temperature mends what training overdid and leaves the order. Kappa takes
#    chance out, its weights state costs. A panel measures likeness, not truth.
#
# **Pitfalls.** A table read crosswise · PPV carried from a balanced study to a screening unit · accuracy without its
# floor · an area of labels instead of scores · ties counted as losses · a threshold picked on the test part · images
# drawn where patients should be · an interval of no width believed · two models compared as if on different patients ·
# a plain mean over bins · agreement reported for kappa · "not different" read as "equal" · the panel taken for the
# truth.
#
# **Without looking back**, one sentence each: Why is C worth as much as C′? Why does PPV fall when the disease gets
# rare? What does the area not see when the microscope is changed?
#
# Last, what is *reported* elsewhere and what was *measured* here.

# %% [markdown]
# | | reported | by whom, on what |
# |---|---|---|
# | A, B, C, C′ | the twenty rates of part 1 | the lecture's slides; recomputed here, all agree to two decimals |
# | area under the curve | 0 all wrong, 1 all right; blind to scale and threshold | the lecture's slides; checked in part 6 |
# | proliferation by mitoses | quadratic kappa 0.567, 0.534, 0.462, 0.417 (four best) | slide of V. Kovalev, TUPAC 2016; human tumours |
# | proliferation by gene expression | Spearman 0.677, 0.516, 0.503, 0.488, 0.474 | the same |
# | CheXNet | F1 0.435 [0.387, 0.481], mean radiologist 0.387 [0.330, 0.442] | Rajpurkar 2017, 420 chest X-rays |

# %%
print(
    f"here: net {area:.3f}, logistic regression {paired.auc_b:.3f} on {len(y_test)} lumps, four measurements, sizes hidden"
)
print(f"here: average precision {here.average_precision:.2f} at 37% ill and {rare.average_precision:.2f} at 1%")
print(f"here: calibration error {before.expected_calibration_error:.2f}, then {after.expected_calibration_error:.2f}")
print(f"here (phantom): quadratic kappa {kappas['careful'][2]:.2f} careful, {kappas['bold'][2]:.2f} bold")

# %% [markdown]
# **References.** T. Fawcett, *An introduction to ROC analysis*, Pattern Recognition Letters 27, 2006 · E. DeLong, D.
# DeLong, D. Clarke-Pearson, *Comparing the areas under two or more correlated ROC curves*, Biometrics 44, 1988 · B.
# Efron, R. Tibshirani, *An introduction to the bootstrap*, 1993 · E. B. Wilson, *Probable inference*, JASA 22, 1927 ·
# C. Guo et al., *On calibration of modern neural networks*, ICML 2017 · J. Cohen, *Weighted kappa*, Psychological
# Bulletin 70, 1968 · ISO 5725, *Accuracy (trueness and precision) of measurement methods and results* · P. Rajpurkar
# et al., *CheXNet*, arXiv 1711.05225, 2017 · D. Rueckert, *AI in Medicine I* (lecture slides: rates, A/B/C/C′, AUC,
# CheXNet) · V. Kovalev, *Deep learning in big medical image data* (lecture slides: proliferation) · W. H. Wolberg et
# al., *Breast Cancer Wisconsin (Diagnostic)*, doi 10.24432/C5DW2B.
#
# **Now the exercises**, `exercises/09_classification_metrics.ipynb`: you carry a PPV to another place, count pairs,
# choose a threshold, draw patients, and weigh bins and grades.
