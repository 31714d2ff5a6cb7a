# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: "Can one net find 14 findings? Exercises"
#     level: intermediate
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["11_chest_xray"]
#     facts: [R27, R28]
# ---

# %% [markdown]
# # 11 · Can one net find 14 findings? Exercises
#
# Six tasks, 21 points, about 90 minutes. The first two write CheXNet's loss with weights and with reports that were
# unsure; the third makes the table of areas; the fourth and fifth draw an activation map and test it; the last finds a
# shortcut.
#
# How it works: read the contract, write your code where `NotImplementedError` stands, run the cell, then run the checks
# below it. A check never stops the notebook; it shows what your code gave, what was wanted, and one question. Stuck?
# Open the first hint, try again, and only then the next. The first task leaves one gap, the second two, and the last
# four are all yours. Graded are these checks and others of the same kind with other numbers, so write for every input
# that the contract allows.

# %% tags=["setup"]
import numpy as np

from course_lib.classroom import explain, hint_for

# %% [markdown]
# ## Warm-up: a worked example
#
# What does one score cost when the finding is there, and what when it is not? Three steps, all given: *probability*,
# *given to the truth*, *penalty*. Before you run it: which of the three costs most?


# %%
def penalty(score, there):
    # 1 probability: each finding has a sigmoid of its own
    chance = 1 / (1 + np.exp(-score))
    # 2 given to the truth
    right = chance if there else 1 - chance
    # 3 penalty
    return -np.log(right)


penalty(2.0, True), penalty(2.0, False), penalty(-1.0, False)

# %% [markdown]
# ## Task 1 · The loss, with reports that were unsure (4 points)
#
# A program read the reports. It wrote 1 (there), 0 (not there) or −1 ("cannot be excluded"). What is unsure shall
# neither be rewarded nor punished. Findings that are there count `weights` times. One gap is yours: step 2. (Step 1 is
# the penalty of the warm-up in a form that also holds for a score of 800, where `exp` overflows: log(1 + e^−z) and
# log(1 + e^z).)
#
# | | |
# |---|---|
# | `scores` | (N, L) array: scores of N films for L findings, before any sigmoid |
# | `labels` | (N, L) array of 1, 0 and −1; at least one is not −1 |
# | `weights` | (L,) array: how often a film counts where the finding is there |
# | returns | number: the mean over all *known* entries of (weight ·) penalty |
#
# Example: scores [[0, 0]], labels [[1, −1]], weights [3, 3]: 3 · log 2 = 2.079.


# %% task="finding_loss" points=4 withhold="course_lib.losses"
def finding_loss(scores, labels, weights):
    """Mean cross-entropy over the known entries; what is there counts `weights` times."""
    # 1 penalties: if the finding were there, and if it were not
    if_there, if_not = np.logaddexp(0, -scores), np.logaddexp(0, scores)
    # 2 each entry's own: weighted where it is there, plain where it is not; only known entries are averaged
    ### BEGIN SOLUTION
    own = np.where(labels == 1, weights * if_there, if_not)
    loss = own[labels != -1].mean()
    ### END SOLUTION
    # 3 one number
    return float(loss)


# %% check="finding_loss" requirement="fourteen questions, not one" points=1
scores = np.array([[2.0, 2.0, -1.0]])
got = finding_loss(scores, np.array([[1, 1, 0]]), np.ones(3))
assert abs(got - 0.189039) < 1e-4, explain(
    "finding_loss of scores [[2, 2, -1]], labels [[1, 1, 0]], weights of 1",
    got,
    "0.189",
    known=[
        (0.486687, "May a patient have two findings at once, both for sure? Each has a sigmoid of its own."),
        (0.567117, "That is the sum. What did the contract ask for?"),
        (0.510039, "The scores went through a sigmoid twice. What do the two penalties of step 1 take?"),
        (1.855706, "Look at which penalty is paid: for a finding that is there, which of the two of step 1?"),
    ],
    ask="Three entries: what does each pay by the warm-up's function, and what is their mean?",
)

# %% check="finding_loss" requirement="weights and unsure entries" points=1 after="Why is an unsure entry not simply a 0?"
scores = np.array([[1.0, -3.0], [0.5, 2.0]])
labels = np.array([[1, -1], [0, 1]])
got = finding_loss(scores, labels, np.array([2.0, 5.0]))
there, absent = np.logaddexp(0, -scores), np.logaddexp(0, scores)
right = (2 * there[0, 0] + absent[1, 0] + 5 * there[1, 1]) / 3
assert abs(got - right) < 1e-6, explain(
    "finding_loss of scores [[1, -3], [0.5, 2]], labels [[1, -1], [0, 1]], weights [2, 5]",
    got,
    f"{right:.4f}",
    known=[
        ((3 * right + absent[0, 1]) / 4, "The unsure entry was taken for a 0. Should it take part at all?"),
        (
            (3 * right - there[0, 1]) / 4,
            "A penalty went below zero, or an unsure entry took part. Which target caused it?",
        ),
        ((3 * right) / 4, "Nearly there: the unsure entry pays nothing. Is it still counted in the mean?"),
        ((there[0, 0] + absent[1, 0] + there[1, 1]) / 3, "Where do the weights enter?"),
        (
            (2 * there[0, 0] + 2 * absent[1, 0] + 5 * there[1, 1]) / 3,
            "Do the weights count where a finding is *not* there?",
        ),
        ((3 * right + 5 * there[0, 1]) / 4, "The unsure entry was taken for a 1. Should it take part at all?"),
    ],
    ask="Three of the four entries are known. What does each of them pay?",
)

# %% hidden="finding_loss" requirement="any scores, any labels" points=2
for _ in range(15):
    n, width = (int(k) for k in rng.integers((2, 2), (7, 5)))
    scores = rng.normal(0, 3, size=(n, width))
    labels = rng.integers(-1, 2, size=(n, width))
    labels[0, :2], labels[1, 0] = (1, 0), -1
    weights = rng.uniform(2, 9, size=width)
    there, absent = np.logaddexp(0, -scores), np.logaddexp(0, scores)
    own = np.where(labels == 1, weights * there, absent)
    sure = labels != -1
    known = [
        (own.mean(), "Should an unsure entry take part?"),
        (own[sure].sum() / labels.size, "The mean over which entries?"),
        (np.where(labels == 1, there, absent)[sure].mean(), "Where do the weights enter?"),
        ((weights * np.where(labels == 1, there, absent))[sure].mean(), "Do the weights count for both answers?"),
        (own[sure].sum(), "A sum or a mean?"),
    ]
    got = finding_loss(scores, labels, weights)
    otherwise = "A loss is off. Take two films and two findings with one unsure entry, and add up on paper."
    assert abs(got - own[sure].mean()) < 1e-6, hint_for(got, known=known, otherwise=otherwise)
got = finding_loss(np.array([[-800.0, 800.0]]), np.array([[1, 1]]), np.array([1.0, 1.0]))
assert abs(got - 400) < 1e-6, "A score of 800 must not overflow: use the two penalties of step 1 as they are."


# %% right="finding_loss"
def finding_loss(scores, labels, weights):  # entry by entry
    total, count = 0.0, 0
    for row, truth in zip(scores, labels, strict=True):
        for score, label, weight in zip(row, truth, weights, strict=True):
            if label == -1:
                continue
            count += 1
            total += weight * np.logaddexp(0, -score) if label == 1 else np.logaddexp(0, score)
    return float(total / count)


# %% wrong="finding_loss" hint="two findings at once"
def finding_loss(scores, labels, weights):  # soft-max over findings
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares = shares / shares.sum(axis=1, keepdims=True)
    own = np.where(labels == 1, -weights * np.log(shares), -np.log(1 - shares))
    return float(own[labels != -1].mean())


# %% wrong="finding_loss" hint="sigmoid twice"
def finding_loss(scores, labels, weights):  # probabilities where scores are wanted
    scores = 1 / (1 + np.exp(-scores))
    own = np.where(labels == 1, weights * np.logaddexp(0, -scores), np.logaddexp(0, scores))
    return float(own[labels != -1].mean())


# %% wrong="finding_loss" hint="taken for a 0"
def finding_loss(scores, labels, weights):  # unsure is absent
    own = np.where(labels == 1, weights * np.logaddexp(0, -scores), np.logaddexp(0, scores))
    return float(own.mean())


# %% wrong="finding_loss" hint="Is it still counted in the mean"
def finding_loss(scores, labels, weights):  # unsure pays nothing and is counted
    own = np.where(labels == 1, weights * np.logaddexp(0, -scores), np.logaddexp(0, scores))
    return float((own * (labels != -1)).mean())


# %% wrong="finding_loss" hint="where a finding is *not* there"
def finding_loss(scores, labels, weights):  # both sides weighted
    own = weights * np.where(labels == 1, np.logaddexp(0, -scores), np.logaddexp(0, scores))
    return float(own[labels != -1].mean())


# %% wrong="finding_loss" hint="What did the contract ask for"
def finding_loss(scores, labels, weights):  # the sum
    own = np.where(labels == 1, weights * np.logaddexp(0, -scores), np.logaddexp(0, scores))
    return float(own[labels != -1].sum())


# %% [markdown] hint="finding_loss" step=1
# An entry can be 1, 0 or −1. Which of the two penalties of step 1 does each of them pay, and which entry pays none?

# %% [markdown] hint="finding_loss" step=2
# One film, two findings, both scores 0: each penalty is log 2 = 0.693. Labels [1, −1], weights [3, 3]. The first pays
# 3 · 0.693, the second takes no part. The mean over *one* known entry is 2.079. Which mask picks the known ones?

# %% [markdown] hint="finding_loss" step=3
# ```python
# own = np.where(labels == 1, weights * ..., ...)
# loss = own[labels != ...].mean()
# ```

# %% [markdown]
# ## Task 2 · Weights the right way up (3 points)
#
# For each finding: how often must a film with it count, so that both sides weigh the same? Two gaps: steps 1 and 2.
#
# | | |
# |---|---|
# | `labels` | (N, L) array of 1, 0 and −1 (unsure) |
# | returns | (L,) array: films without the finding ÷ films with it, unsure ones left out; 1.0 where no film has it |
#
# Example: a column with 100 ones and 300 zeros: 3.0.


# %% task="positive_weights" points=3 withhold="course_lib.losses"
def positive_weights(labels):
    """Healthy ÷ sick, finding by finding."""
    # 1 sick: films that have the finding, for each finding
    ### BEGIN SOLUTION
    sick = (labels == 1).sum(axis=0)
    ### END SOLUTION
    # 2 healthy: films that surely do not have it
    ### BEGIN SOLUTION
    healthy = (labels == 0).sum(axis=0)
    ### END SOLUTION
    # 3 weigh; where there is no sick film nothing is to be balanced
    return np.where(sick > 0, healthy / np.maximum(sick, 1), 1.0)


# %% check="positive_weights" requirement="the rare side counts more" points=1 after="What would the weight 0.333 do to a rare finding?"
labels = np.array([[1, 0]] * 100 + [[0, 1]] * 300)
got = np.asarray(positive_weights(labels))
assert np.shape(got) == (2,), explain(
    "The shape of positive_weights(400 films, 2 findings)",
    np.shape(got),
    "(2,)",
    ask="One weight a film, or one a finding?",
)
assert np.allclose(got, [3, 1 / 3]), explain(
    "positive_weights(100 films with only the first finding, 300 with only the second)",
    got,
    "[3, 0.333]",
    known=[
        (np.array([1 / 3, 3]), "Which side is rare and should count more? Then is your number above or below 1?"),
        (np.array([4, 4 / 3]), "Nearly there: you compared with *all* films. Which ones balance the sick?"),
        (np.array([1.0, 1.0]), "One number for all findings. Is each of them equally rare?"),
    ],
    ask="For the first finding: how many films have it, and how many do not?",
)

# %% check="positive_weights" requirement="unsure films and findings nobody has" points=1
labels = np.array([[1, 0], [1, -1], [-1, 0], [-1, 0], [0, 0], [0, 0], [0, 0]])
got = np.asarray(positive_weights(labels), dtype=float)
assert np.allclose(got, [1.5, 1]), explain(
    "positive_weights(first finding: 2 ones, 3 zeros, 2 unsure; second: 6 zeros, 1 unsure)",
    got,
    "[1.5, 1]",
    known=[
        (np.array([2.5, 1]), "Were the unsure films counted as healthy?"),
        (np.array([0.75, 1]), "Were the unsure films counted as sick?"),
        (np.array([2 / 3, 1]), "Which side is rare and should count more?"),
        (np.array([1.5, 6]), "The first is right. Nobody has the second finding: which weight does the contract name?"),
    ],
    ask="Which of the seven films say something sure about the first finding?",
)

# %% hidden="positive_weights" requirement="any labels" points=1
for _ in range(10):
    n, width = (int(k) for k in rng.integers((20, 3), (40, 6)))
    labels = rng.choice([-1, 0, 1], p=[0.2, 0.6, 0.2], size=(n, width))
    labels[0], labels[1], labels[2] = 1, 0, -1
    labels[:, 1] = np.where(labels[:, 1] == 1, 0, labels[:, 1])
    sick, healthy, unsure = ((labels == k).sum(axis=0) for k in (1, 0, -1))
    right = np.where(sick > 0, healthy / np.maximum(sick, 1), 1.0)
    turned = np.where(sick > 0, sick / healthy, 1.0)
    known = [
        (turned, "Which side is rare and should count more?"),
        (np.where(sick > 0, n / np.maximum(sick, 1), 1.0), "You compared with all films. Which ones balance the sick?"),
        (np.where(sick > 0, (healthy + unsure) / np.maximum(sick, 1), 1.0), "Were unsure films counted as healthy?"),
    ]
    got = np.asarray(positive_weights(labels), dtype=float)
    assert np.shape(got) == np.shape(right), "One weight for each finding."
    assert np.allclose(got, right), hint_for(got, known=known, otherwise="A weight is off: count one column by hand.")


# %% right="positive_weights"
def positive_weights(labels):  # column by column
    weights = []
    for column in np.asarray(labels).T:
        sick, healthy = list(column).count(1), list(column).count(0)
        weights.append(healthy / sick if sick else 1.0)
    return np.array(weights)


# %% wrong="positive_weights" hint="Which side is rare"
def positive_weights(labels):  # upside down
    sick, healthy = (labels == 1).sum(axis=0), (labels == 0).sum(axis=0)
    return np.where(sick > 0, sick / np.maximum(healthy, 1), 1.0)


# %% wrong="positive_weights" hint="compared with *all* films"
def positive_weights(labels):  # all ÷ sick
    sick = (labels == 1).sum(axis=0)
    return np.where(sick > 0, len(labels) / np.maximum(sick, 1), 1.0)


# %% wrong="positive_weights" hint="counted as healthy"
def positive_weights(labels):  # unsure is healthy
    sick = (labels == 1).sum(axis=0)
    return np.where(sick > 0, (len(labels) - sick) / np.maximum(sick, 1), 1.0)


# %% wrong="positive_weights" hint="Is each of them equally rare"
def positive_weights(labels):  # one number for all
    return np.full(labels.shape[1], (labels == 0).sum() / (labels == 1).sum())


# %% wrong="positive_weights" hint="one a finding"
def positive_weights(labels):  # film by film
    return (labels == 0).sum(axis=1) / np.maximum((labels == 1).sum(axis=1), 1)


# %% [markdown] hint="positive_weights" step=1
# 100 films have the finding, 300 do not. How many times must each of the 100 count until both sides weigh the same?

# %% [markdown] hint="positive_weights" step=2
# A column of seven films: 1, 1, −1, −1, 0, 0, 0. Two are sick, three are healthy, two say nothing. The weight is
# 3 ÷ 2 = 1.5. Which comparison picks the three?

# %% [markdown] hint="positive_weights" step=3
# ```python
# sick = (labels == ...).sum(axis=0)
# healthy = (labels == ...).sum(axis=0)
# ```

# %% [markdown]
# ## Task 3 · The table of areas (4 points)
#
# The area under the ROC curve is the share of pairs, one sick and one healthy film, in which the sick one has the higher
# score; a tie counts half. Make it for each finding, and the mean. All yours.
#
# | | |
# |---|---|
# | `labels` | (N, L) array of 0 and 1 |
# | `scores` | (N, L) array of numbers |
# | returns | a dict: `"areas"`, (L,) array with NaN for a finding that all films have, or none; `"mean"`, over the findings that have an area; `"number"`, how many these are |
#
# At least one finding has an area. Example: labels [[0], [1], [1]], scores [[.1], [.1], [.9]]: areas [0.75], mean 0.75,
# number 1.


# %% task="area_table" points=4 withhold="course_lib.metrics"
def area_table(labels, scores):
    """Area of each finding, their mean, and how many have one."""
    ### BEGIN SOLUTION
    areas = np.full(labels.shape[1], np.nan)
    for k in range(labels.shape[1]):
        sick, healthy = scores[labels[:, k] == 1, k], scores[labels[:, k] == 0, k]
        if len(sick) and len(healthy):
            above = sick[:, None] > healthy
            tied = sick[:, None] == healthy
            areas[k] = (above + 0.5 * tied).mean()
    return {"areas": areas, "mean": float(np.nanmean(areas)), "number": int(np.isfinite(areas).sum())}
    ### END SOLUTION


# %% check="area_table" requirement="each finding on its own scale" points=1
labels = np.array([[0, 0], [1, 1]])
scores = np.array([[0.1, 0.8], [0.2, 0.9]])
got = area_table(labels, scores)
assert abs(got["mean"] - 1) < 1e-6, explain(
    "area_table(labels [[0, 0], [1, 1]], scores [[.1, .8], [.2, .9]])['mean']",
    got["mean"],
    "1.0",
    known=[
        (0.75, "All labels on one heap. Each finding has its own scale: should one finding's score race another's?"),
        (0.0, "Upside down: is the sick film above or below the healthy one?"),
    ],
    ask="In each column there is one pair. Which of the two has the higher score?",
)

# %% check="area_table" requirement="ties, and findings without a question" points=1 after="No sick film in this fold: did the net fail?"
labels = np.array([[0, 0, 1], [1, 0, 1], [1, 0, 1], [0, 0, 1]])
scores = np.array([[0.1, 0.3, 0.2], [0.1, 0.2, 0.1], [0.9, 0.5, 0.7], [0.3, 0.4, 0.4]])
got = area_table(labels, scores)
areas = np.asarray(got["areas"], dtype=float)
assert np.shape(areas) == (3,), explain(
    "The shape of ['areas'] for 3 findings", np.shape(areas), "(3,)", ask="One area a finding?"
)
assert np.isnan(areas[1:]).all(), explain(
    "The areas of a finding that no film has and of one that all have",
    areas[1:],
    "[nan, nan]",
    known=[
        (np.zeros(2), "No sick film in this fold: did the net fail, or was there no question?"),
        (np.full(2, 0.5), "A half would say: like a coin. Was a coin thrown at all?"),
        (np.ones(2), "Perfect? Was there a pair to get right?"),
    ],
    ask="How many pairs of a sick and a healthy film are there?",
)
assert abs(areas[0] - 0.625) < 1e-6, explain(
    "The area for labels 0, 1, 1, 0 and scores .1, .1, .9, .3",
    areas[0],
    "0.625",
    known=[
        (0.5, "What does a tie count?"),
        (0.75, "A tie counted as won. What does the contract say?"),
        (0.375, "Upside down: is the sick film above or below the healthy one?"),
    ],
    ask="There are four pairs of a sick and a healthy film. Write them down.",
)
assert abs(got["mean"] - 0.625) < 1e-6, explain(
    "['mean'] of the areas [0.625, nan, nan]",
    got["mean"],
    "0.625",
    known=[(0.625 / 3, "The mean over three findings. How many have an area?")],
    ask="What should a finding without an area do to the mean?",
)
assert got["number"] == 1, explain(
    "['number'] of findings with an area", got["number"], "1", ask="How many are not NaN?"
)

# %% hidden="area_table" requirement="any table" points=2
for _ in range(10):
    n, width = (int(k) for k in rng.integers((8, 3), (20, 6)))
    labels = rng.integers(0, 2, size=(n, width))
    labels[:2] = [[0] * width, [1] * width]
    labels[:, 0] = rng.integers(0, 2)
    scores = rng.integers(0, 6, size=(n, width)) / 5 + np.arange(width)
    right = np.full(width, np.nan)
    for k in range(1, width):
        pairs = [(s > h) + 0.5 * (s == h) for s in scores[labels[:, k] == 1, k] for h in scores[labels[:, k] == 0, k]]
        right[k] = np.mean(pairs)
    got = area_table(labels, scores)
    areas = np.asarray(got["areas"], dtype=float)
    assert np.shape(areas) == (width,), "One area for each finding."
    assert np.isnan(areas[0]), "A finding that all have, or none, has no pairs. What is its area?"
    assert np.allclose(areas[1:], right[1:]), "An area is off. Take four films with a tie and list the pairs."
    assert abs(got["mean"] - np.nanmean(right)) < 1e-6, hint_for(
        got["mean"],
        known=[(np.nansum(right) / width, "The mean over which findings?")],
        otherwise="Each finding has its own scale: the mean is one of areas, not an area of all.",
    )
    assert got["number"] == width - 1, "How many findings have an area?"


# %% right="area_table"
def area_table(labels, scores):  # by ranks
    areas = []
    for truth, said in zip(np.asarray(labels).T, np.asarray(scores).T, strict=True):
        sick, healthy = int(truth.sum()), int((1 - truth).sum())
        ranks = np.array([(said < one).sum() + ((said == one).sum() + 1) / 2 for one in said])
        won = ranks[truth == 1].sum() - sick * (sick + 1) / 2
        areas.append(won / (sick * healthy) if sick and healthy else float("nan"))
    known = [area for area in areas if area == area]
    return {"areas": np.array(areas), "mean": sum(known) / len(known), "number": len(known)}


# %% wrong="area_table" hint="on one heap"
def area_table(labels, scores):  # the heap
    sick, healthy = scores[labels == 1], scores[labels == 0]
    area = ((sick[:, None] > healthy) + 0.5 * (sick[:, None] == healthy)).mean()
    return {"areas": np.full(labels.shape[1], area), "mean": float(area), "number": labels.shape[1]}


# %% wrong="area_table" hint="did the net fail, or was there no question"
def area_table(labels, scores):  # no question counts 0
    areas = np.zeros(labels.shape[1])
    for k in range(labels.shape[1]):
        sick, healthy = scores[labels[:, k] == 1, k], scores[labels[:, k] == 0, k]
        if len(sick) and len(healthy):
            areas[k] = ((sick[:, None] > healthy) + 0.5 * (sick[:, None] == healthy)).mean()
    return {"areas": areas, "mean": float(areas.mean()), "number": len(areas)}


# %% wrong="area_table" hint="What does a tie count"
def area_table(labels, scores):  # ties lose
    areas = np.full(labels.shape[1], np.nan)
    for k in range(labels.shape[1]):
        sick, healthy = scores[labels[:, k] == 1, k], scores[labels[:, k] == 0, k]
        if len(sick) and len(healthy):
            areas[k] = (sick[:, None] > healthy).mean()
    return {"areas": areas, "mean": float(np.nanmean(areas)), "number": int(np.isfinite(areas).sum())}


# %% wrong="area_table" hint="How many have an area"
def area_table(labels, scores):  # the mean over all findings
    areas = np.full(labels.shape[1], np.nan)
    for k in range(labels.shape[1]):
        sick, healthy = scores[labels[:, k] == 1, k], scores[labels[:, k] == 0, k]
        if len(sick) and len(healthy):
            areas[k] = ((sick[:, None] > healthy) + 0.5 * (sick[:, None] == healthy)).mean()
    return {"areas": areas, "mean": float(np.nansum(areas) / len(areas)), "number": int(np.isfinite(areas).sum())}


# %% wrong="area_table" hint="Upside down"
def area_table(labels, scores):  # healthy above sick
    areas = np.full(labels.shape[1], np.nan)
    for k in range(labels.shape[1]):
        sick, healthy = scores[labels[:, k] == 1, k], scores[labels[:, k] == 0, k]
        if len(sick) and len(healthy):
            areas[k] = ((sick[:, None] < healthy) + 0.5 * (sick[:, None] == healthy)).mean()
    return {"areas": areas, "mean": float(np.nanmean(areas)), "number": int(np.isfinite(areas).sum())}


# %% [markdown] hint="area_table" step=1
# Take one column alone. Which films are its sick ones, which its healthy ones, and how many pairs can be formed?

# %% [markdown] hint="area_table" step=2
# Sick films with scores .1 and .9, healthy ones with .1 and .3. The pairs: (.1, .1) tie, (.1, .3) lost, (.9, .1) won,
# (.9, .3) won. (½ + 0 + 1 + 1) ÷ 4 = 0.625. A column without sick films has no pair, so its area is NaN.

# %% [markdown] hint="area_table" step=3
# ```python
# for k in range(labels.shape[1]):
#     sick, healthy = scores[labels[:, k] == 1, k], ...
#     if len(sick) and len(healthy):
#         areas[k] = ((sick[:, None] > healthy) + ...).mean()
# ```

# %% [markdown]
# ## Task 4 · The map of one finding (3 points)
#
# A net ends in a mean over all places and one linear layer. Draw where the votes for *one* finding lie. All yours.
#
# | | |
# |---|---|
# | `maps` | (C, H, W) array: the last maps of one film |
# | `weights`, `biases` | (L, C) and (L,) arrays of the linear layer |
# | `finding` | whole number, 0 … L − 1 |
# | returns | (H, W) array of votes, whose mean *plus the finding's bias* is its score |
#
# Votes may be negative: a place can speak against a finding.


# %% task="finding_map" points=3 withhold="course_lib.explain"
def finding_map(maps, weights, biases, finding):
    """Class-activation map: how each place votes for the finding."""
    ### BEGIN SOLUTION
    return np.tensordot(weights[finding], maps, axes=1)
    ### END SOLUTION


# %% check="finding_map" requirement="the weights of this finding" points=1
maps = np.array([[[4.0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 6.0]]])
got = np.asarray(finding_map(maps, np.array([[1.0, 0], [0, 1.0], [2, 3]]), np.array([5.0, 5, 5]), 1))
assert np.shape(got) == (2, 3), explain(
    "The shape of finding_map(2 maps of 2 × 3, …)", np.shape(got), "(2, 3)", ask="Which axis is summed away?"
)
assert np.allclose(got, maps[1]), explain(
    "finding_map(map 0 peaks at (0, 0), map 1 at (1, 2); weights of finding 1: [0, 1])",
    got,
    "map 1 as it is, with its peak of 6 at (1, 2)",
    known=[
        (
            maps.mean(axis=0),
            "The mean of the maps. Each finding weighs them in its own way: where do these weights enter?",
        ),
        (
            maps.sum(axis=0),
            "The sum of the maps. Each finding weighs them in its own way: where do these weights enter?",
        ),
        (maps[1] + 5, "Nearly there: is the bias part of the map, or added to its mean?"),
        (maps[1] / 2, "Divided by the number of maps. Does the linear layer divide?"),
        (maps[0], "That is another finding's map. Which row of the weights is finding 1?"),
    ],
    ask="Which row of the weights belongs to finding 1, and what does it say about map 0?",
)

# %% check="finding_map" requirement="votes against, and the score" points=1 after="Why is a clipped map no longer the score?"
maps = np.array([[[3.0, 1.0]], [[2.0, 4.0]]])
weights = np.array([[1.0, -2.0], [0.5, 0.5]])
got = np.asarray(finding_map(maps, weights, np.array([1.0, 0.0]), 0))
assert np.allclose(got, [[-1, -7]]), explain(
    "finding_map(maps [[3, 1]] and [[2, 4]], weights [1, -2])",
    got,
    "[[-1, -7]]",
    known=[
        (np.array([[3.0, 1.0]]), "Some maps speak against the finding. Are they allowed to?"),
        (np.array([[0.0, 0.0]]), "Cut off at 0: then the mean is no longer the score. What may a place say?"),
        (np.array([[7.0, 9.0]]), "Signs were lost. What does a weight of −2 mean?"),
        (np.array([[0.0, -6.0]]), "Is the bias part of the map, or added to its mean?"),
    ],
    ask="At the first place: 1 · 3 and −2 · 2. What is the vote?",
)

# %% hidden="finding_map" requirement="any net" points=1
for _ in range(10):
    c, h, w, width = (int(k) for k in rng.integers((3, 2, 4, 3), (6, 4, 7, 6)))
    maps, weights, biases = rng.normal(size=(c, h, w)), rng.normal(size=(width, c)), rng.normal(size=width) + 3
    k = int(rng.integers(width))
    right = sum(weights[k, i] * maps[i] for i in range(c))
    known = [
        (maps.mean(axis=0), "Where do the weights of this finding enter?"),
        (right + biases[k], "Is the bias part of the map?"),
        (np.maximum(right, 0), "What may a place say against a finding?"),
        (sum(max(weights[k, i], 0) * maps[i] for i in range(c)), "Are maps allowed to speak against a finding?"),
    ]
    got = np.asarray(finding_map(maps, weights, biases, k))
    assert np.shape(got) == (h, w), "A map has one vote for each place."
    assert np.allclose(got, right), hint_for(
        got, known=known, otherwise="The mean of the map plus the bias must be the score."
    )


# %% right="finding_map"
def finding_map(maps, weights, biases, finding):  # map by map
    votes = np.zeros(maps.shape[1:])
    for weight, one in zip(weights[finding], maps, strict=True):
        votes = votes + weight * one
    return votes


# %% wrong="finding_map" hint="The mean of the maps"
def finding_map(maps, weights, biases, finding):  # no class
    return maps.mean(axis=0)


# %% wrong="finding_map" hint="speak against the finding"
def finding_map(maps, weights, biases, finding):  # weights clipped before the sum
    return np.tensordot(np.maximum(weights[finding], 0), maps, axes=1)


# %% wrong="finding_map" hint="Cut off at 0"
def finding_map(maps, weights, biases, finding):  # the sum clipped
    return np.maximum(np.tensordot(weights[finding], maps, axes=1), 0)


# %% wrong="finding_map" hint="is the bias part of the map"
def finding_map(maps, weights, biases, finding):  # bias in every place
    return np.tensordot(weights[finding], maps, axes=1) + biases[finding]


# %% wrong="finding_map" hint="Does the linear layer divide"
def finding_map(maps, weights, biases, finding):  # a mean over maps
    return (weights[finding][:, None, None] * maps).mean(axis=0)


# %% [markdown] hint="finding_map" step=1
# The score is a weighted sum of C means. If the linear layer spoke at each place *before* the mean, what would it say
# there?

# %% [markdown] hint="finding_map" step=2
# Two maps of one place each, 3 and 2; weights 1 and −2. The vote is 1 · 3 + (−2) · 2 = −1. For more places the same sum
# is made at each. Which axis of `maps` do the weights run along?

# %% [markdown] hint="finding_map" step=3
# ```python
# votes = 0
# for weight, one_map in zip(weights[...], maps):
#     votes = votes + ...
# ```

# %% [markdown]
# ## Task 5 · The pointing game (3 points)
#
# Does the peak of a map lie where the finding is? Films without the finding (empty masks) are no question and do not
# count. Where several places share the peak, the case earns the share of them that lies within the mask. All yours.
#
# | | |
# |---|---|
# | `maps` | (N, H, W) array of votes |
# | `masks` | (N, H, W) array of bool, the truth |
# | returns | a dict: `"rate"`, the mean over the films that have the finding; `"number"`, how many these are |
#
# At least one mask is not empty. Example: a map that is the same everywhere, a mask of a quarter of the film: 0.25.


# %% task="pointing_rate" points=3 withhold="course_lib.explain"
def pointing_rate(maps, masks):
    """Share of films with the finding in which the peak lies within the truth."""
    ### BEGIN SOLUTION
    hits = [mask[one == one.max()].mean() for one, mask in zip(maps, masks, strict=True) if mask.any()]
    return {"rate": float(np.mean(hits)), "number": len(hits)}
    ### END SOLUTION


# %% check="pointing_rate" requirement="the peak, in films that have the finding" points=1
maps = np.array([[[0, 3.0, 1], [0, 1, 0]], [[0, 0.5, 1.0], [-9, 0, 0]], [[5.0, 0, 0], [0, 0, 0]]])
masks = np.array([[[0, 1, 1], [0, 0, 0]], [[0, 1, 0], [0, 1, 1]], [[0, 0, 0], [0, 0, 0]]], dtype=bool)
got = pointing_rate(maps, masks)
assert abs(got["rate"] - 0.5) < 1e-6, explain(
    "pointing_rate of three films (a hit, a miss, a film without the finding)['rate']",
    got["rate"],
    "0.5",
    known=[
        (1 / 3, "Nothing can be hit where nothing is. Does the third film take part?"),
        (1.0, "Is a hit that the *peak* lies within, or that some vote does?"),
        (2 / 3, "Does the third film take part?"),
        (0.0, "Is it the highest or the lowest place?"),
    ],
    ask="Where is the peak of the first map, and where of the second?",
)
assert got["number"] == 2, explain(
    "['number']", got["number"], "2", ask="How many of the three films have the finding?"
)

# %% check="pointing_rate" requirement="shared peaks" points=1 after="What does a map without any opinion earn?"
maps = np.array([[[2.0, 2, 0, 2]], [[1, 1, 1, 1]]])
masks = np.array([[[1, 0, 0, 0]], [[0, 1, 1, 1]]], dtype=bool)
got = pointing_rate(maps, masks)
assert abs(got["rate"] - (1 / 3 + 3 / 4) / 2) < 1e-6, explain(
    "pointing_rate(peaks shared by 3 places, 1 within; by 4 places, 3 within)['rate']",
    got["rate"],
    "(1/3 + 3/4) / 2 = 0.542",
    known=[
        (0.5, "The first of several peaks was taken. Which share of them lies within?"),
        (1.0, "One peak within was enough. Which share of them lies within?"),
        (0.875, "The share of the mask, or the share of the peaks?"),
    ],
    ask="In the first film three places share the peak. How many of them are right?",
)

# %% hidden="pointing_rate" requirement="any films" points=1
for _ in range(10):
    n, h, w = (int(k) for k in rng.integers((4, 2, 4), (8, 4, 7)))
    maps = rng.integers(-4, 3, size=(n, h, w)).astype(float)
    masks = rng.random((n, h, w)) < 0.4
    masks[0], masks[1, 0, 0] = False, True
    cases = [i for i in range(n) if masks[i].any()]
    right = np.mean([masks[i][maps[i] == maps[i].max()].mean() for i in cases])
    firsts = [masks[i].ravel()[maps[i].argmax()] for i in cases]
    known = [
        (right * len(cases) / n, "Do films without the finding take part?"),
        (np.mean(firsts), "What if several places share the peak?"),
    ]
    got = pointing_rate(maps, masks)
    assert abs(got["rate"] - right) < 1e-6, hint_for(
        got["rate"], known=known, otherwise="A rate is off. Try two films of one row and three places on paper."
    )
    assert got["number"] == len(cases), "How many films have the finding?"


# %% right="pointing_rate"
def pointing_rate(maps, masks):  # peak by peak
    total, number = 0.0, 0
    for one, mask in zip(maps, masks, strict=True):
        if mask.sum() == 0:
            continue
        peaks = np.argwhere(one == one.max())
        total += sum(bool(mask[row, column]) for row, column in peaks) / len(peaks)
        number += 1
    return {"rate": total / number, "number": number}


# %% wrong="pointing_rate" hint="Nothing can be hit"
def pointing_rate(maps, masks):  # empty masks are misses
    hits = [mask[one == one.max()].mean() for one, mask in zip(maps, masks, strict=True)]
    return {"rate": float(np.mean(hits)), "number": len(hits)}


# %% wrong="pointing_rate" hint="The first of several peaks"
def pointing_rate(maps, masks):  # argmax
    hits = [mask.ravel()[one.argmax()] for one, mask in zip(maps, masks, strict=True) if mask.any()]
    return {"rate": float(np.mean(hits)), "number": len(hits)}


# %% wrong="pointing_rate" hint="One peak within was enough"
def pointing_rate(maps, masks):  # any peak
    hits = [mask[one == one.max()].any() for one, mask in zip(maps, masks, strict=True) if mask.any()]
    return {"rate": float(np.mean(hits)), "number": len(hits)}


# %% wrong="pointing_rate" hint="that some vote does"
def pointing_rate(maps, masks):  # overlap with any vote but 0
    hits = [((one != 0) & mask).any() for one, mask in zip(maps, masks, strict=True) if mask.any()]
    return {"rate": float(np.mean(hits)), "number": len(hits)}


# %% wrong="pointing_rate" hint="highest or the lowest"
def pointing_rate(maps, masks):  # the lowest place
    hits = [mask[one == one.min()].mean() for one, mask in zip(maps, masks, strict=True) if mask.any()]
    return {"rate": float(np.mean(hits)), "number": len(hits)}


# %% [markdown] hint="pointing_rate" step=1
# For one film: which places have the largest value of the map, and which of them are inside the mask?

# %% [markdown] hint="pointing_rate" step=2
# A map 2, 2, 0, 2 and a mask 1, 0, 0, 0. Three places share the peak, one of them is inside: the film earns 1 ÷ 3. A
# film whose mask is empty earns nothing and *is not counted*. What is the mean of 1/3 and 3/4?

# %% [markdown] hint="pointing_rate" step=3
# ```python
# for one, mask in zip(maps, masks):
#     if mask.any():
#         hits.append(mask[one == ...].mean())
# ```

# %% [markdown]
# ## Task 6 · The table that finds a shortcut (4 points)
#
# A net has an excellent area on films from several hospitals. Make the table that would show whether it reads the
# hospital: for each hospital, who is called sick among the sick, and who among the others. All yours.
#
# | | |
# |---|---|
# | `labels`, `calls` | (N,) arrays of bool: truth, and what the net calls sick |
# | `sites` | (N,) array of whole numbers: the hospital of each film |
# | returns | a dict from hospital (int, in rising order) to `{"sick": n, "others": n, "called_sick": share, "called_others": share}` |
#
# `called_sick` is the share of the *sick* films of this hospital that are called sick, `called_others` the share of its
# *other* films that are called sick; NaN where there is no such film. Example: hospital 1 has 2 sick films, both called,
# and 4 others, one called: `{1: {"sick": 2, "others": 4, "called_sick": 1.0, "called_others": 0.25}}`.


# %% task="hospital_table" points=4 withhold="course_lib.metrics"
def hospital_table(labels, calls, sites):
    """Who is called sick, hospital by hospital."""
    ### BEGIN SOLUTION
    table = {}
    for site in np.unique(sites):
        row = {}
        for name, group in (("sick", labels), ("others", ~labels)):
            chosen = group & (sites == site)
            row[name] = int(chosen.sum())
            row[f"called_{name}"] = float(calls[chosen].mean()) if chosen.any() else float("nan")
        table[int(site)] = row
    return table
    ### END SOLUTION


# %% check="hospital_table" requirement="a net that reads the hospital" points=1 after="What is this net's share of right answers, and what does it know?"
sites = np.array([1] * 10 + [0] * 10)
labels = np.array([1] * 9 + [0] + [1] + [0] * 9, dtype=bool)
got = hospital_table(labels, sites == 1, sites)
assert list(got) == [0, 1], explain(
    "The hospitals of the table", list(got), "[0, 1]", ask="One row for each hospital, from the lowest?"
)
shares = [got[site][name] for site in (0, 1) for name in ("called_sick", "called_others")]
assert np.allclose(shares, [0, 0, 1, 1]), explain(
    "called_sick and called_others of hospitals 0 and 1, for a net that calls all of hospital 1",
    shares,
    "[0, 0, 1, 1]",
    known=[
        ([0.9, 0.1, 0.9, 0.1], "The same for both hospitals: whose films were counted?"),
        ([0, 1, 1, 0], "Among the others: is it the share *called sick*, or the share called right?"),
        ([0, 0, 0.9, 0.1], "Divided by all films of the hospital. By which should it be?"),
    ],
    ask="The one sick film of hospital 0: is it called?",
)
counts = [got[site][name] for site in (0, 1) for name in ("sick", "others")]
assert counts == [1, 9, 9, 1], explain(
    "sick and others of hospitals 0 and 1", counts, "[1, 9, 9, 1]", ask="How many sick films has hospital 0?"
)

# %% check="hospital_table" requirement="shares of the right films, and empty groups" points=1
labels = np.array([1, 1, 0, 0, 0, 0, 0, 1, 1, 1], dtype=bool)
calls = np.array([1, 0, 1, 0, 0, 0, 1, 1, 1, 0], dtype=bool)
sites = np.array([7, 7, 7, 7, 7, 7, 3, 4, 4, 4])
got = hospital_table(labels, calls, sites)
shares = [got[7]["called_sick"], got[7]["called_others"], got[4]["called_sick"]]
assert np.allclose(shares, [0.5, 0.25, 2 / 3]), explain(
    "called_sick and called_others of hospital 7, called_sick of hospital 4",
    shares,
    "[0.5, 0.25, 0.667]",
    known=[
        ([0.5, 0.5, 1.0], "That is the share of the *calls* that are right. Whose share was asked for?"),
        ([0.5, 0.75, 2 / 3], "Among the others: is it the share *called sick*, or the share called right?"),
        ([1 / 6, 1 / 6, 2 / 3], "Divided by all films of the hospital. By which should it be?"),
        ([0.6, 0.4, 0.6], "Whose films were counted?"),
    ],
    ask="Hospital 7 has four films that are not sick. How many of them are called?",
)
empty = [got[3]["called_sick"], got[4]["called_others"]]
assert np.isnan(empty).all(), explain(
    "called_sick where no film is sick, and called_others where all are",
    empty,
    "[nan, nan]",
    known=[([0.0, 0.0], "0 would say: none of them was called. Was there any?")],
    ask="How many films is this share taken of?",
)

# %% hidden="hospital_table" requirement="any hospitals" points=2
for _ in range(10):
    n, width = int(rng.integers(40, 70)), int(rng.integers(3, 6))
    names = np.sort(rng.choice(50, size=width, replace=False))
    sites = rng.choice(names, size=n)
    sites[:width], labels = names, rng.random(n) < 0.4
    calls = rng.random(n) < 0.3 + 0.4 * labels
    labels = np.where(sites == names[0], False, np.where(sites == names[1], True, labels))
    got = hospital_table(labels, calls, sites)
    assert list(got) == [int(name) for name in names], "One row for each hospital, from the lowest."
    for name in names:
        for group, key in ((labels, "sick"), (~labels, "others")):
            own = calls[(sites == name) & group]
            row = got[int(name)]
            assert row[key] == len(own), "A count is off: films of this hospital, with this truth."
            share = row[f"called_{key}"]
            if not len(own):
                assert np.isnan(share), "A share of no films is NaN."
                continue
            known = [
                (1 - own.mean(), "Is it the share called sick?"),
                (own.sum() / (sites == name).sum(), "By which films is it divided?"),
                (calls[group].mean(), "Whose films were counted?"),
            ]
            assert abs(share - own.mean()) < 1e-6, hint_for(
                share, known=known, otherwise="A share is off. Write down the films of one hospital and one truth."
            )


# %% right="hospital_table"
def hospital_table(labels, calls, sites):  # film by film
    table = {
        site: {"sick": 0, "others": 0, "called_sick": 0, "called_others": 0} for site in sorted({int(s) for s in sites})
    }
    for truth, call, site in zip(labels, calls, sites, strict=True):
        name = "sick" if truth else "others"
        table[int(site)][name] += 1
        table[int(site)][f"called_{name}"] += int(call)
    for row in table.values():
        for name in ("sick", "others"):
            row[f"called_{name}"] = row[f"called_{name}"] / row[name] if row[name] else float("nan")
    return table


# %% wrong="hospital_table" hint="whose films were counted"
def hospital_table(labels, calls, sites):  # hospitals pooled
    table = {}
    for site in np.unique(sites):
        here = sites == site
        table[int(site)] = {
            "sick": int((labels & here).sum()), "others": int((~labels & here).sum()),
            "called_sick": float(calls[labels].mean()), "called_others": float(calls[~labels].mean()),
        }  # fmt: skip
    return table


# %% wrong="hospital_table" hint="or the share called right"
def hospital_table(labels, calls, sites):  # specificity in place of false alarms
    table = {}
    for site in np.unique(sites):
        sick, others = labels & (sites == site), ~labels & (sites == site)
        table[int(site)] = {
            "sick": int(sick.sum()), "others": int(others.sum()),
            "called_sick": float(calls[sick].mean()) if sick.any() else float("nan"),
            "called_others": float((~calls[others]).mean()) if others.any() else float("nan"),
        }  # fmt: skip
    return table


# %% wrong="hospital_table" hint="By which should it be"
def hospital_table(labels, calls, sites):  # divided by all films of the hospital
    table = {}
    for site in np.unique(sites):
        here = sites == site
        table[int(site)] = {
            "sick": int((labels & here).sum()), "others": int((~labels & here).sum()),
            "called_sick": float((calls & labels & here).sum() / here.sum()),
            "called_others": float((calls & ~labels & here).sum() / here.sum()),
        }  # fmt: skip
    return table


# %% wrong="hospital_table" hint="Was there any"
def hospital_table(labels, calls, sites):  # nobody is 0
    table = {}
    for site in np.unique(sites):
        sick, others = labels & (sites == site), ~labels & (sites == site)
        table[int(site)] = {
            "sick": int(sick.sum()), "others": int(others.sum()),
            "called_sick": float(calls[sick].sum() / max(sick.sum(), 1)),
            "called_others": float(calls[others].sum() / max(others.sum(), 1)),
        }  # fmt: skip
    return table


# %% wrong="hospital_table" hint="share of the *calls* that are right"
def hospital_table(labels, calls, sites):  # what a call is worth
    table = {}
    for site in np.unique(sites):
        here = sites == site
        called = max((calls & here).sum(), 1)
        sick, others = labels & here, ~labels & here
        share = float((sick & calls).sum() / called)
        table[int(site)] = {
            "sick": int(sick.sum()), "others": int(others.sum()),
            "called_sick": share, "called_others": share if share in (0, 1) else 1 - share,
        }  # fmt: skip
    return table


# %% [markdown] hint="hospital_table" step=1
# Of which films is each share taken: of those that are called, or of those that *are* something, in *this* hospital?

# %% [markdown] hint="hospital_table" step=2
# Hospital 7 has two sick films, one called: 0.5. It has four others, one called: 0.25. Hospital 3 has one film that is
# not sick: its `called_sick` is a share of no films, NaN. Which mask picks the four?

# %% [markdown] hint="hospital_table" step=3
# ```python
# for site in np.unique(sites):
#     chosen = labels & (sites == ...)
#     share = calls[chosen].mean() if chosen.any() else float("nan")
# ```

# %% [markdown]
# ## Before you go
#
# One sentence each, without looking back; nobody marks them. Why is an unsure report neither a 0 nor a 1? Why can no
# weight change an area much? A firm shows you four beautiful activation maps of wide hearts: what do you ask for? And
# which two rows of the last table would you look at first, when nearly all the sick come from one hospital?
