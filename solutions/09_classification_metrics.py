# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: "Is this classifier good, and how sure are we? Exercises"
#     level: intermediate
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["09_classification_metrics"]
#     facts: [R24, R25, R26, K03]
# ---

# %% [markdown]
# # 09 · Is this classifier good, and how sure are we? Exercises
#
# Six tasks, 23 points, about 75 minutes. None of the slips that they have in mind stops with an error. Each gives a
# number, the number is often the nicer one, and it would pass into a paper.
#
# How it works: read the contract, write your code where `NotImplementedError` stands, run the cell, then run the checks
# below it. A check never stops the notebook; it shows what your code gave, what was wanted, and one question. Stuck?
# Open the first hint, try again, and only then the next. The first tasks leave gaps in code that is there, the last ones
# are all yours. Graded are these checks and others of the same kind with other numbers, so write for every input that the
# contract allows.

# %% tags=["setup"]
from itertools import pairwise

import numpy as np

from course_lib.classroom import explain, hint_for

# %% [markdown]
# ## Warm-up: a worked example
#
# A table of counts lies as in scikit-learn: rows are the truth, columns the answers, class 0 (healthy) first. Three
# steps, all given: *read*, *owner*, *share*. Before you run it: which of the two numbers below does the row of the ill
# own?


# %%
def sensitivity(matrix):
    # 1 read: first the row of the healthy, then that of the ill
    (_, _), (missed, found) = matrix
    # 2 owner: all who are ill
    ill = missed + found
    # 3 share
    return found / ill


sensitivity([[72, 28], [37, 63]])  # program A of the lecture

# %% [markdown]
# ## Task 1 · A PPV in another place (3 points)
#
# A study tried a program on some ill and some healthy people. In another place, the share of ill people is another one.
# Of the alarms *there*, which share will be right? Two gaps are yours: *read* and *carry*.
#
# | | |
# |---|---|
# | `matrix` | 2 × 2 counts of the study: `[[healthy left alone, healthy alarmed], [ill missed, ill found]]` |
# | `prevalence` | share of ill people in the other place, between 0 and 1 |
# | returns | positive predictive value there, 0 to 1 |
#
# Example: `[[90, 10], [10, 90]]` and 0.5 give 0.9. You may take it that the ill look as ill there, and the healthy as
# healthy.


# %% task="ppv_elsewhere" points=3 withhold="course_lib.metrics.rates course_lib.figures.rates"
def ppv_elsewhere(matrix, prevalence):
    """Share of right alarms in a place with another prevalence."""
    # 1 read: four counts by name
    ### BEGIN SOLUTION
    (tn, fp), (fn, tp) = matrix
    ### END SOLUTION
    # 2 rates that travel: each is owned by one row
    sensitivity, false_positive_rate = tp / (tp + fn), fp / (tn + fp)
    # 3 carry: which share of all people there is ill and found, which is healthy and alarmed?
    ### BEGIN SOLUTION
    found = prevalence * sensitivity
    alarmed = (1 - prevalence) * false_positive_rate
    return found / (found + alarmed)
    ### END SOLUTION


# %% check="ppv_elsewhere" requirement="at screening" points=1 after="Why does the study's own PPV not travel, while its sensitivity does?"
got = ppv_elsewhere([[450, 50], [20, 80]], 0.01)
assert abs(got - 0.0747664) < 1e-6, explain(
    "ppv_elsewhere([[450, 50], [20, 80]], 0.01)",
    got,
    "0.0748",
    known=[
        (80 / 130, "Picture 1,000 people at screening. How many of them are ill, and how many alarms are real?"),
        (0.127457, "A count stands in the wrong cell. Rows and columns have owners: whose row is the second one?"),
        (0.0245180, "You read the ill first. Which class comes first in this table?"),
        (0.0740741, "Nearly there: the ill are weighted. How many people are healthy in that place?"),
        (0.00889878, "The ill are weighted well. Which share of the *healthy* is alarmed?"),
        (0.442478, "You weighted the ill as if they were the healthy. Which share of the people is ill?"),
    ],
    ask="Of 1,000 people there, 10 are ill. How many of these are found, and how many of the 990 are alarmed?",
)

# %% check="ppv_elsewhere" requirement="at home" points=1
got = ppv_elsewhere([[120, 80], [30, 20]], 0.2)
assert abs(got - 0.2) < 1e-6, explain(
    "ppv_elsewhere([[120, 80], [30, 20]], 0.2), a place like the study itself",
    got,
    "20 of 100 alarms, as in the study",
    known=[
        (1 / 6, "Nearly there: the ill are weighted. How many people are healthy in that place?"),
        (1 / 7, "The ill are weighted well. Which share of the *healthy* is alarmed?"),
        (0.5, "You weighted both alike, or not at all. Which share of the people is ill?"),
        (0.8, "You weighted the ill as if they were the healthy. Which share of the people is ill?"),
    ],
    ask="50 of 250 were ill in the study, too. So which alarms would be right, and how many are there?",
)

# %% hidden="ppv_elsewhere" requirement="any study, any place" points=1
for _ in range(12):
    tn, fp, fn, tp = (int(n) for n in rng.integers(5, 300, size=4))
    there = float(rng.uniform(0.001, 0.6))
    tpr, fpr = tp / (tp + fn), fp / (tn + fp)
    want = there * tpr / (there * tpr + (1 - there) * fpr)
    got = ppv_elsewhere([[tn, fp], [fn, tp]], there)
    assert abs(got - want) < 1e-6, hint_for(
        got,
        known=[
            (tp / (tp + fp), "That is the study's PPV. Does it travel?"),
            (there * tpr / (there * tpr + fpr), "How many people are healthy in that place?"),
        ],
        otherwise="A number is off. Try 1,000 people by hand, with 10 ill ones.",
    )


# %% right="ppv_elsewhere"
def ppv_elsewhere(matrix, prevalence):  # by odds
    table = np.asarray(matrix, dtype=float)
    likelihood_ratio = (table[1, 1] / table[1].sum()) / (table[0, 1] / table[0].sum())
    odds = prevalence / (1 - prevalence) * likelihood_ratio
    return float(odds / (1 + odds))


# %% wrong="ppv_elsewhere" hint="Picture 1,000 people"
def ppv_elsewhere(matrix, prevalence):  # the PPV of the study
    (_, fp), (_, tp) = matrix
    return tp / (tp + fp)


# %% wrong="ppv_elsewhere" hint="Rows and columns have owners"
def ppv_elsewhere(matrix, prevalence):  # read column by column
    (tn, fn), (fp, tp) = matrix
    found, alarmed = prevalence * tp / (tp + fn), (1 - prevalence) * fp / (tn + fp)
    return found / (found + alarmed)


# %% wrong="ppv_elsewhere" hint="Which class comes first"
def ppv_elsewhere(matrix, prevalence):  # the ill first
    (tp, fp), (fn, tn) = matrix
    found, alarmed = prevalence * tp / (tp + fn), (1 - prevalence) * fp / (tn + fp)
    return found / (found + alarmed)


# %% wrong="ppv_elsewhere" hint="How many people are healthy"
def ppv_elsewhere(matrix, prevalence):  # the healthy are not weighted
    (tn, fp), (fn, tp) = matrix
    found, alarmed = prevalence * tp / (tp + fn), fp / (tn + fp)
    return found / (found + alarmed)


# %% wrong="ppv_elsewhere" hint="Which share of the *healthy*"
def ppv_elsewhere(matrix, prevalence):  # specificity for the false positive rate
    (tn, fp), (fn, tp) = matrix
    found, alarmed = prevalence * tp / (tp + fn), (1 - prevalence) * tn / (tn + fp)
    return found / (found + alarmed)


# %% [markdown] hint="ppv_elsewhere" step=1
# Of all alarms in that place, some belong to ill people and some to healthy ones. Who decides how many there are of each?

# %% [markdown] hint="ppv_elsewhere" step=2
# Sensitivity 0.9, false positive rate 0.1, 1% ill. Of 1,000 people 10 are ill: 9 are found. 990 are healthy: 99 are
# alarmed. 9 of 108 alarms are right. Now with shares in place of people.

# %% [markdown] hint="ppv_elsewhere" step=3
# ```python
# found = prevalence * ...
# alarmed = (1 - prevalence) * ...
# ```

# %% picture="ppv_elsewhere" alt="Positive predictive value against prevalence, for three programs: each rises from 0 to 1, steeply where the disease is rare."
import matplotlib.pyplot as plt

from course_lib import figures

figures.use_course_style()
shares = np.linspace(0.001, 0.6, 200)
figure, ax = plt.subplots(figsize=(6.5, 3.2))
for name, table in {
    "90 % and 90 %": [[90, 10], [10, 90]],
    "90 % and 99 %": [[99, 1], [10, 90]],
    "program A": [[72, 28], [37, 63]],
}.items():
    ax.plot(100 * shares, [100 * ppv_elsewhere(table, share) for share in shares], label=name)
ax.set(xlabel="people who are ill (%)", ylabel="alarms that are right (%)", ylim=(0, 102))
ax.legend(title="sensitivity and specificity", loc="lower right")
figures.show(
    figure,
    alt="Positive predictive value against prevalence, for three programs: each rises from 0 to 1, steeply where the disease "
    "is rare.",
)

# %% [markdown]
# ## Task 2 · The area, pair by pair (4 points)
#
# The area under the ROC curve without a curve: take each ill person with each healthy one. How often does the ill one
# have the higher score? A pair of equal scores counts one half. Two gaps are yours: *pairs* and *count*.
#
# | | |
# |---|---|
# | `y_true` | array (N,) of 0 and 1; both occur |
# | `y_score` | array (N,) of numbers on any scale, larger for more suspicion |
# | returns | number from 0 to 1 |
#
# Example: ill 0.9 and 0.4, healthy 0.4: one pair in order, one tie: 0.75.


# %% task="area" points=4 withhold="course_lib.metrics.curves course_lib.metrics.delong course_lib.metrics.multilabel"
def area(y_true, y_score):
    """Chance that an ill case gets a higher score than a healthy one, ties half."""
    # 1 groups
    ill, healthy = y_score[y_true == 1], y_score[y_true == 0]
    # 2 pairs: each ill one against each healthy one
    ### BEGIN SOLUTION
    difference = ill[:, None] - healthy
    ### END SOLUTION
    # 3 count: wins, and half of the ties, as a share of all pairs
    ### BEGIN SOLUTION
    return float(np.mean(difference > 0) + np.mean(difference == 0) / 2)
    ### END SOLUTION


# %% check="area" requirement="wins and ties" points=1
got = area(np.array([0, 1, 0, 1, 1]), np.array([0.2, 0.9, 0.6, 0.6, 0.4]))
assert abs(got - 0.75) < 1e-6, explain(
    "area([0, 1, 0, 1, 1], [0.2, 0.9, 0.6, 0.6, 0.4])",
    got,
    "0.75",
    known=[
        (4 / 6, "One pair has equal scores. If the model cannot tell them apart, what would a fair coin score?"),
        (5 / 6, "A tie counts as a win in yours. What would a fair coin score?"),
        (3.5 / 6, "The area wants the whole ranking. What did the threshold throw away?"),
        (0.25, "You counted the pairs in which the healthy one is higher. Who should win?"),
        (4.5, "These are the pairs. Of how many?"),
    ],
    ask="Three ill, two healthy: six pairs. Write each down: win, tie or loss?",
)

# %% check="area" requirement="any scale" points=1 after="Why would scores times a thousand, plus seven, have the same area?"
got = area(np.array([0, 1, 0, 0, 1, 0]), np.array([-3.0, 12.0, -8.0, 0.7, -3.0, 2.0]))
assert abs(got - 0.6875) < 1e-6, explain(
    "area([0, 1, 0, 0, 1, 0], [−3, 12, −8, 0.7, −3, 2])",
    got,
    "0.6875",
    known=[
        (0.625, "One pair has equal scores. What would a fair coin score?"),
        (0.75, "A tie counts as a win in yours. What would a fair coin score?"),
        (0.5, "The area wants the whole ranking. What did the threshold throw away?"),
        (0.3125, "You counted the pairs in which the healthy one is higher. Who should win?"),
        (5.5, "These are the pairs. Of how many?"),
    ],
    ask="Two ill, four healthy: eight pairs. The ill one with 12 wins four. And the other?",
)

# %% hidden="area" requirement="any labels, any scores" points=2
for _ in range(10):
    number = int(rng.integers(4, 60))
    labels = np.concatenate([[0, 1], rng.integers(0, 2, size=number - 2)])
    values = rng.integers(-6, 7, size=number) / 2.0
    high, low = values[labels == 1], values[labels == 0]
    wins = sum(float(a > b) + 0.5 * float(a == b) for a in high for b in low) / (len(high) * len(low))
    strict = sum(float(a > b) for a in high for b in low) / (len(high) * len(low))
    got = area(labels, values)
    assert abs(got - wins) < 1e-6, hint_for(
        got,
        known=[(strict, "What would a fair coin score on a tie?"), (1 - wins, "Who should win a pair?")],
        otherwise="The area is off. Try two ill and one healthy person, with a tie, by hand.",
    )


# %% right="area"
def area(y_true, y_score):  # by ranks, as Mann and Whitney did
    order = np.unique(y_score)
    ranks = np.array([np.mean(np.flatnonzero(np.sort(y_score) == value)) + 1 for value in order])
    of_each = ranks[np.searchsorted(order, y_score)]
    ill = int((y_true == 1).sum())
    healthy = len(y_true) - ill
    return float((of_each[y_true == 1].sum() - ill * (ill + 1) / 2) / (ill * healthy))


# %% wrong="area" hint="a fair coin"
def area(y_true, y_score):  # ties lost
    return float((y_score[y_true == 1][:, None] > y_score[y_true == 0]).mean())


# %% wrong="area" hint="A tie counts as a win"
def area(y_true, y_score):  # ties won
    return float((y_score[y_true == 1][:, None] >= y_score[y_true == 0]).mean())


# %% wrong="area" hint="threshold throw away"
def area(y_true, y_score):  # labels for scores
    called = (y_score > 0.5).astype(float)
    difference = called[y_true == 1][:, None] - called[y_true == 0]
    return float(np.mean(difference > 0) + np.mean(difference == 0) / 2)


# %% wrong="area" hint="Who should win"
def area(y_true, y_score):  # the wrong way round
    difference = y_score[y_true == 0][:, None] - y_score[y_true == 1]
    return float(np.mean(difference > 0) + np.mean(difference == 0) / 2)


# %% wrong="area" hint="Of how many"
def area(y_true, y_score):  # a count, no share
    difference = y_score[y_true == 1][:, None] - y_score[y_true == 0]
    return float(np.sum(difference > 0) + np.sum(difference == 0) / 2)


# %% [markdown] hint="area" step=1
# How many pairs are there of three ill and two healthy people, and what is a tie worth?

# %% [markdown] hint="area" step=2
# Ill 0.9 and 0.4, healthy 0.4. Pairs: 0.9 against 0.4 is a win, 0.4 against 0.4 a tie. 1 + 0.5 of 2 pairs is 0.75.
# `ill[:, None]` is a column: a column minus a row is a table with a number for each pair.

# %% [markdown] hint="area" step=3
# ```python
# difference = ill[:, None] - ...
# return float(np.mean(difference > 0) + np.mean(difference == 0) / ...)
# ```

# %% [markdown]
# ## Task 3 · A threshold, and its honest price (4 points)
#
# A person is called ill if the score is *at least* the threshold. Each missed ill person costs `miss`, each healthy person
# who is called costs `alarm`. Choose the threshold on the validation cases, then say what it costs on the test cases. Three
# gaps are yours: *price*, *choose*, *judge*.
#
# | | |
# |---|---|
# | `y_val`, `s_val`, `y_test`, `s_test` | arrays: truth (0 and 1) and scores of the validation and of the test cases |
# | `miss`, `alarm` | costs, more than 0 |
# | returns | pair: the threshold, and the price of all test cases at it |
#
# Candidates are the scores of the validation cases. Of several that are equally cheap, take the highest.
#
# Example: validation truth [0, 1], scores [0.2, 0.7], test truth [0, 1], scores [0.8, 0.9], costs 5 and 2: threshold 0.7,
# and one healthy person is called in the test: (0.7, 2).


# %% task="choose_and_judge" points=4 withhold="course_lib.metrics.curves course_lib.metrics.rates"
def choose_and_judge(y_val, s_val, y_test, s_test, miss, alarm):
    """Choose the cheapest threshold on validation cases, and price it on test cases."""

    def price(y, s, threshold):
        called = s >= threshold
        # 1 price: missed ill people and called healthy people, each with its cost
        ### BEGIN SOLUTION
        return float(miss * np.sum((y == 1) & ~called) + alarm * np.sum((y == 0) & called))
        ### END SOLUTION

    # 2 choose: the cheapest candidate, the highest of several
    ### BEGIN SOLUTION
    candidates = sorted({float(score) for score in s_val}, reverse=True)
    threshold = min(candidates, key=lambda candidate: price(y_val, s_val, candidate))
    ### END SOLUTION
    # 3 judge
    ### BEGIN SOLUTION
    return threshold, price(y_test, s_test, threshold)
    ### END SOLUTION


# %% check="choose_and_judge" requirement="chosen without the test cases" points=1 after="On the day when the test cases arrive, what is known of them?"
val, test = np.array([0, 0, 1, 1, 0]), np.array([0, 1, 1, 0, 0])
s_val, s_test = np.array([0.1, 0.3, 0.4, 0.8, 0.6]), np.array([0.5, 0.7, 0.9, 0.2, 0.45])
got = choose_and_judge(val, s_val, test, s_test, 5, 2)
assert np.allclose(got, (0.4, 4)), explain(
    "choose_and_judge(val [0, 0, 1, 1, 0], scores [0.1, 0.3, 0.4, 0.8, 0.6], test [0, 1, 1, 0, 0], scores [0.5, 0.7, "
    "0.9, 0.2, 0.45], 5, 2)",
    got,
    "(0.4, 4)",
    known=[
        ((0.7, 0), "Good eye for the best point. Who would know it on the day the test cases arrive?"),
        ((0.4, 2), "Threshold right. On which cases was this price measured?"),
        ((0.8, 2), "Are the two costs where they belong? Which mistake costs 5?"),
        ((0.8, 1), "Each mistake costs one in yours. What do `miss` and `alarm` say?"),
        ((0.8, 5), "You chose as if each mistake cost one. What do `miss` and `alarm` say?"),
        ((0.3, 4), "Nearly there: a person with exactly this score is called. Is your comparison strict?"),
    ],
    ask="On the validation cases: what does each of the five thresholds cost? Then leave them, and go to the test cases.",
)

# %% check="choose_and_judge" requirement="any scale, the highest of equal ones" points=1
val, test = np.array([1, 0, 0, 1, 0, 1, 0, 0]), np.array([1, 0, 1, 0, 1, 0])
s_val = np.array([2.0, -1.0, 0.5, -2.0, -3.0, 1.0, 1.5, -2.5])
s_test = np.array([1.2, 0.8, -1.5, -2.2, 0.6, 3.0])
got = choose_and_judge(val, s_val, test, s_test, 2, 1)
assert np.allclose(got, (1, 5)), explain(
    "choose_and_judge of eight validation and six test cases, scores from −3 to 3, costs 2 and 1",
    got,
    "(1, 5)",
    known=[
        ((-1.5, 2), "Good eye for the best point. Who would know it on the day the test cases arrive?"),
        ((1, 3), "Threshold right. On which cases was this price measured?"),
        ((2, 5), "Are the two costs where they belong? Which mistake costs 2?"),
        ((-2, 2), "Several thresholds are equally cheap. Which of them does the contract want?"),
        ((0.5, 4), "A person with exactly this score is called. Is your comparison strict?"),
    ],
    ask="Two thresholds cost 3 on the validation cases. Which are they, and which one does the contract want?",
)

# %% hidden="choose_and_judge" requirement="any cases, any costs" points=2
for number in range(10):
    sizes = [int(n) for n in rng.integers(6, 30, size=2)]
    truths = [np.concatenate([[0, 1], rng.integers(0, 2, size=n - 2)]) for n in sizes]
    values = [rng.integers(-8, 9, size=n) / 2.0 for n in sizes]
    miss, alarm = (float(c) for c in rng.integers(1, 12, size=2))
    if number == 0:  # two thresholds are equally cheap
        alarm, shift = miss, float(rng.integers(-5, 5))
        truths, values = [np.array([0, 1, 0, 1])] * 2, [np.arange(4) + shift, np.array([0, 1, 2.5, 2.0]) + shift]
    tried = {}
    for candidate in sorted({float(v) for v in values[0]}):
        prices = []
        for truth, value in zip(truths, values, strict=True):
            missed = sum(1 for y, v in zip(truth, value, strict=True) if y == 1 and v < candidate)
            called = sum(1 for y, v in zip(truth, value, strict=True) if y == 0 and v >= candidate)
            prices.append(miss * missed + alarm * called)
        tried[candidate] = prices
    cheapest = min(prices[0] for prices in tried.values())
    want = max(candidate for candidate, prices in tried.items() if prices[0] == cheapest)
    got = choose_and_judge(truths[0], values[0], truths[1], values[1], miss, alarm)
    assert np.allclose(got, (want, tried[want][1])), hint_for(
        got,
        known=[((want, cheapest), "Threshold right. On which cases was this price measured?")],
        otherwise="Threshold or price is off. Try three validation cases and two test cases by hand, with costs 5 and 1.",
    )


# %% right="choose_and_judge"
def choose_and_judge(y_val, s_val, y_test, s_test, miss, alarm):  # with a loop, from below
    best = None
    for threshold in np.unique(s_val):
        cost = miss * np.count_nonzero(s_val[y_val == 1] < threshold)
        cost += alarm * np.count_nonzero(s_val[y_val == 0] >= threshold)
        if best is None or cost <= best[1]:
            best = (float(threshold), cost)
    missed = np.count_nonzero(s_test[y_test == 1] < best[0])
    return best[0], float(miss * missed + alarm * np.count_nonzero(s_test[y_test == 0] >= best[0]))


# %% wrong="choose_and_judge" hint="Who would know it"
def choose_and_judge(y_val, s_val, y_test, s_test, miss, alarm):  # chosen on the test cases
    def price(t):
        return float(miss * np.sum((y_test == 1) & (s_test < t)) + alarm * np.sum((y_test == 0) & (s_test >= t)))

    threshold = min(sorted({float(s) for s in s_test}, reverse=True), key=price)
    return threshold, price(threshold)


# %% wrong="choose_and_judge" hint="On which cases"
def choose_and_judge(y_val, s_val, y_test, s_test, miss, alarm):  # judged on the validation cases
    def price(t):
        return float(miss * np.sum((y_val == 1) & (s_val < t)) + alarm * np.sum((y_val == 0) & (s_val >= t)))

    threshold = min(sorted({float(s) for s in s_val}, reverse=True), key=price)
    return threshold, price(threshold)


# %% wrong="choose_and_judge" hint="costs where they belong"
def choose_and_judge(y_val, s_val, y_test, s_test, miss, alarm):  # costs swapped
    def price(y, s, t):
        return float(alarm * np.sum((y == 1) & (s < t)) + miss * np.sum((y == 0) & (s >= t)))

    threshold = min(sorted({float(s) for s in s_val}, reverse=True), key=lambda t: price(y_val, s_val, t))
    return threshold, price(y_test, s_test, threshold)


# %% wrong="choose_and_judge" hint="Each mistake costs one"
def choose_and_judge(y_val, s_val, y_test, s_test, miss, alarm):  # accuracy, no costs
    def price(y, s, t):
        return float(np.sum((y == 1) != (s >= t)))

    threshold = min(sorted({float(s) for s in s_val}, reverse=True), key=lambda t: price(y_val, s_val, t))
    return threshold, price(y_test, s_test, threshold)


# %% wrong="choose_and_judge" hint="Is your comparison strict"
def choose_and_judge(y_val, s_val, y_test, s_test, miss, alarm):  # above, not at least
    def price(y, s, t):
        return float(miss * np.sum((y == 1) & (s <= t)) + alarm * np.sum((y == 0) & (s > t)))

    threshold = min(sorted({float(s) for s in s_val}, reverse=True), key=lambda t: price(y_val, s_val, t))
    return threshold, price(y_test, s_test, threshold)


# %% wrong="choose_and_judge" hint="Which of them does the contract want"
def choose_and_judge(y_val, s_val, y_test, s_test, miss, alarm):  # the lowest of equal ones
    def price(y, s, t):
        return float(miss * np.sum((y == 1) & (s < t)) + alarm * np.sum((y == 0) & (s >= t)))

    threshold = min(sorted({float(s) for s in s_val}), key=lambda t: price(y_val, s_val, t))
    return threshold, price(y_test, s_test, threshold)


# %% [markdown] hint="choose_and_judge" step=1
# Which of the four arrays may you look at while you choose, and which only afterwards?

# %% [markdown] hint="choose_and_judge" step=2
# Validation truth [0, 1], scores [0.2, 0.7], costs 5 and 2. At 0.7: nobody missed, nobody called for nothing, price 0. At
# 0.2: the healthy one is called, price 2. So 0.7. In the test, 0.8 belongs to a healthy person and is called: 2.
# `min(list, key=function)` keeps the *first* of equally cheap ones. In which order should the candidates come?

# %% [markdown] hint="choose_and_judge" step=3
# ```python
# return float(miss * np.sum((y == 1) & ~called) + alarm * np.sum(...))
# candidates = sorted({float(score) for score in s_val}, reverse=...)
# threshold = min(candidates, key=lambda candidate: price(y_val, s_val, candidate))
# ```

# %% [markdown]
# ## Task 4 · Draw patients (4 points)
#
# A number was measured on each *image*, and patients have several images. How sure is its mean over **patients**? Three
# steps, all yours: *patients* (the mean of each patient's images), *draw* (as many patients as there are, with
# replacement, 1,000 times; the mean of each draw), *interval* (what the middle 95% of the 1,000 means span).
#
# | | |
# |---|---|
# | `values` | array (N,), one number an image |
# | `patients` | array (N,), the number of the patient that each image belongs to |
# | `seed` | whole number for `np.random.default_rng` |
# | returns | pair (low, high): the 2.5% and the 97.5% quantile of the 1,000 means |


# %% task="patient_interval" points=4 withhold="course_lib.metrics.bootstrap"
def patient_interval(values, patients, seed):
    """95% bootstrap interval of the mean over patients."""
    rng = np.random.default_rng(seed)
    # 1 patients
    # 2 draw
    # 3 interval
    ### BEGIN SOLUTION
    each = np.array([values[patients == patient].mean() for patient in np.unique(patients)])
    means = rng.choice(each, (1000, len(each))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
    ### END SOLUTION


# %% check="patient_interval" requirement="copies add no patient" points=1
values, patients = np.repeat(np.linspace(50, 100, 60), 10), np.repeat(np.arange(60), 10)
low, high = patient_interval(values, patients, 0)
width = high - low
known = "Wanted: a width of about 7.4, as with one image a patient."
said = (
    f"60 patients from 50 to 100, with 10 equal images each: {low:.2f} to {high:.2f}, a width of {width:.2f}. {known} "
)
assert width > 0.1, said + "Each round holds the same people. What must be allowed to happen twice?"
assert width > 4, said + "Copying images added no patient. Should certainty grow?"
assert width > 6.5, said + "Nearly there: which two quantiles leave 95% between them?"
assert width < 9, said + "Far too wide: is it the spread of single patients, or that of their mean?"

# %% check="patient_interval" requirement="each patient counts once" points=1 after="A hospital scans its sickest patients most often. What happens to a mean over images?"
patients = np.concatenate([np.arange(40), np.repeat(np.arange(40, 80), 9)])  # 40 with one image, 40 with nine
values = (patients < 40).astype(float)
low, high = patient_interval(values, patients, 3)
said = f"40 patients with one image (1.0) and 40 with nine (0.0): from {low:.3f} to {high:.3f}. Wanted: about 0.39 to 0.61. "
assert high > 0.4, said + "Half of the patients have 1.0. Who speaks nine times in your mean?"
assert abs(low - 0.39) < 0.035, said + "What is the mean over patients, and how wide was the interval to be?"
assert abs(high - 0.61) < 0.035, said + "What is the mean over patients, and how wide was the interval to be?"

# %% hidden="patient_interval" requirement="any images of any patients" points=2
for _ in range(6):
    count = int(rng.integers(40, 90))
    level = rng.normal(3, 2, size=count)
    times = rng.integers(1, 4, size=count) + 4 * (level > 3)  # the sickest are scanned most often
    order = rng.permutation(int(times.sum()))
    numbers, images = np.repeat(rng.permutation(500)[:count], times)[order], np.repeat(level, times)[order]
    low, high = patient_interval(images, numbers, int(rng.integers(1000)))
    error = float(level.std() / np.sqrt(count))
    assert high - low > 0.1 * error, "Each round holds the same people. What must be allowed to happen twice?"
    assert abs((low + high) / 2 - level.mean()) < 0.45 * error, "The middle is off. Does each patient count once?"
    assert high - low > 3.4 * error, "Too narrow. What is drawn, how many of them, and which quantiles are taken?"
    assert high - low < 4.5 * error, "Too wide. What is drawn, how many of them, and which quantiles are taken?"


# %% right="patient_interval"
def patient_interval(values, patients, seed):  # with a loop
    rng, means = np.random.default_rng(seed), []
    names = sorted(set(patients.tolist()))
    each = [float(np.mean(values[patients == name])) for name in names]
    for _ in range(1000):
        drawn = rng.integers(0, len(names), size=len(names))
        means.append(np.mean([each[number] for number in drawn]))
    return float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))


# %% wrong="patient_interval" hint="Copying images added no patient"
def patient_interval(values, patients, seed):  # images drawn
    rng = np.random.default_rng(seed)
    means = rng.choice(values, (1000, len(values))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


# %% wrong="patient_interval" hint="allowed to happen twice"
def patient_interval(values, patients, seed):  # a shuffle
    rng = np.random.default_rng(seed)
    each = np.array([values[patients == patient].mean() for patient in np.unique(patients)])
    means = [rng.choice(each, len(each), replace=False).mean() for _ in range(1000)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


# %% wrong="patient_interval" hint="which two quantiles"
def patient_interval(values, patients, seed):  # 5 and 95 per cent
    rng = np.random.default_rng(seed)
    each = np.array([values[patients == patient].mean() for patient in np.unique(patients)])
    low, high = np.quantile(rng.choice(each, (1000, len(each))).mean(axis=1), [0.05, 0.95])
    return float(low), float(high)


# %% wrong="patient_interval" hint="spread of single patients"
def patient_interval(values, patients, seed):  # where single patients lie
    each = np.array([values[patients == patient].mean() for patient in np.unique(patients)])
    low, high = np.quantile(each, [0.025, 0.975])
    return float(low), float(high)


# %% wrong="patient_interval" hint="speaks nine times"
def patient_interval(values, patients, seed):  # patients drawn, their images pooled
    rng = np.random.default_rng(seed)
    names = np.unique(patients)
    total = np.array([values[patients == name].sum() for name in names])
    times = np.array([(patients == name).sum() for name in names])
    drawn = rng.integers(0, len(names), (1000, len(names)))
    low, high = np.quantile(total[drawn].sum(axis=1) / times[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


# %% [markdown] hint="patient_interval" step=1
# Who is an independent witness: an image, or a patient? And can a patient be drawn twice in one round?

# %% [markdown] hint="patient_interval" step=2
# Images [1, 1, 0], patients [7, 7, 9]: the patients' means are 1 and 0. A round draws two of these two: (1, 1), (1, 0),
# (0, 1) or (0, 0), with means 1, 0.5, 0.5, 0. `rng.choice(each, (1000, len(each)))` makes a thousand rounds at once, one a
# row.

# %% [markdown] hint="patient_interval" step=3
# ```python
# each = np.array([values[patients == patient].mean() for patient in np.unique(patients)])
# means = rng.choice(each, (1000, len(each))).mean(axis=...)
# low, high = np.quantile(means, [...])
# ```

# %% [markdown]
# ## Task 5 · Does 70% mean 70%? (4 points)
#
# The expected calibration error: sort the cases into bins by their probability. The **gap** of a bin is the size of the
# difference between its share of ill people and its mean probability. The error is the mean of the gaps, *each weighted by
# the cases of its bin*. From here on it is all yours.
#
# | | |
# |---|---|
# | `y_true` | array (N,) of 0 and 1 |
# | `y_prob` | array (N,), probabilities from 0 to 1 |
# | `edges` | list that rises from 0 to 1; a bin holds what is above its lower edge and at most its upper one; 0 belongs to the first bin |
# | returns | number from 0 to 1; empty bins count for nothing |
#
# Example: probabilities [0.2, 0.2, 0.9], truth [0, 1, 1], edges [0, 0.5, 1]: gaps 0.3 (two cases) and 0.1 (one): 0.2333.


# %% task="calibration_error" points=4 withhold="course_lib.metrics.calibration"
def calibration_error(y_true, y_prob, edges):
    """Mean gap between what was said and what happened, weighted by the cases of each bin."""
    ### BEGIN SOLUTION
    total = 0.0
    for low, high in pairwise(edges):
        inside = (y_prob > low) & (y_prob <= high)
        if low == 0:
            inside = inside | (y_prob == 0)
        if inside.any():
            total += inside.sum() * abs(y_true[inside].mean() - y_prob[inside].mean())
    return float(total / len(y_true))
    ### END SOLUTION


# %% check="calibration_error" requirement="weighted by cases" points=1
truth, said = np.repeat([1, 0, 1, 0], [18, 72, 9, 1]), np.repeat([0.2, 0.4], [90, 10])
got = calibration_error(truth, said, [0, 0.3, 1])
assert abs(got - 0.05) < 1e-6, explain(
    "calibration_error(90 cases with a gap of 0, 10 cases with a gap of 0.5)",
    got,
    "0.05",
    known=[
        (0.25, "Does a bin of 10 speak as loudly as a bin of 90?"),
        (0.5, "That is the largest gap. What does the contract ask for?"),
        (0.07, "Is it the middle of the bin, or the mean of the probabilities in it?"),
        (0.025, "The gaps are squared in yours. Which size is meant?"),
        (5.0, "The sum is right. Divided by what?"),
    ],
    ask="Which gap does each bin have, and how many of the 100 cases does it hold?",
)

# %% check="calibration_error" requirement="gaps of both signs, empty bins" points=1 after="How could a model that errs to both sides have a signed error of 0?"
truth, said = np.array([1, 0, 0, 1, 1, 0, 1, 1]), np.array([0.1, 0.2, 0.4, 0.3, 0.9, 0.8, 0.7, 0.95])
got = calibration_error(truth, said, [0, 0.25, 0.5, 0.6, 1])
assert abs(got - 0.16875) < 1e-6, explain(
    "calibration_error([1, 0, 0, 1, 1, 0, 1, 1], [0.1, 0.2, 0.4, 0.3, 0.9, 0.8, 0.7, 0.95], [0, 0.25, 0.5, 0.6, 1])",
    got,
    "0.16875",
    known=[
        (0.08125, "A gap upwards and a gap downwards cancel in yours. What is the *size* of a gap?"),
        (0.1958333, "Does a bin of 2 speak as loudly as a bin of 4?"),
        (0.146875, "A bin without a case speaks, too, in yours. Should it?"),
        (0.15, "Is it the middle of the bin, or the mean of the probabilities in it?"),
        (0.35, "That is the largest gap. What does the contract ask for?"),
        (float("nan"), "A bin is empty, and the mean of nothing is not a number. What should it count?"),
    ],
    ask="Bin by bin: who is in it, what was said on average, what happened?",
)

# %% hidden="calibration_error" requirement="any cases, any bins" points=2
for empty in [True] + [False] * 9:
    number = int(rng.integers(5, 80))
    truth, said = rng.integers(0, 2, size=number), rng.integers(0, 17, size=number) / 16
    inner = np.sort(rng.permutation(np.arange(1, 16))[: int(rng.integers(1, 6))]) / 16
    edges = [0.0, *inner.tolist(), 1.0]
    if empty:  # no case above one half
        said, edges = said / 2, [0.0, 0.25, 0.5, 0.75, 1.0]
    sums = {}
    for y, p in zip(truth.tolist(), said.tolist(), strict=True):
        place = next(n for n in range(len(edges) - 1) if p <= edges[n + 1])
        happened, spoken, cases = sums.get(place, (0.0, 0.0, 0))
        sums[place] = (happened + y, spoken + p, cases + 1)
    want = sum(abs(happened - spoken) for happened, spoken, _ in sums.values()) / number
    plain = float(np.mean([abs(happened - spoken) / cases for happened, spoken, cases in sums.values()]))
    got = calibration_error(truth, said, edges)
    assert abs(got - want) < 1e-6, hint_for(
        got,
        known=[
            (plain, "Does a bin of few cases speak as loudly as one of many?"),
            (float("nan"), "A bin is empty. What should it count?"),
        ],
        otherwise="The error is off. Try cases on an edge, at 0 and at 1, and a bin without a case.",
    )


# %% right="calibration_error"
def calibration_error(y_true, y_prob, edges):  # sums of each bin at once
    place = np.searchsorted(np.asarray(edges)[1:-1], y_prob, side="left")
    happened = np.bincount(place, weights=y_true, minlength=len(edges) - 1)
    said = np.bincount(place, weights=y_prob, minlength=len(edges) - 1)
    return float(np.abs(happened - said).sum() / len(y_prob))


# %% wrong="calibration_error" hint="speak as loudly"
def calibration_error(y_true, y_prob, edges):  # plain mean over bins
    place = np.searchsorted(np.asarray(edges)[1:-1], y_prob, side="left")
    return float(np.mean([abs(y_true[place == n].mean() - y_prob[place == n].mean()) for n in np.unique(place)]))


# %% wrong="calibration_error" hint="cancel in yours"
def calibration_error(y_true, y_prob, edges):  # gaps with their sign
    return float(abs(np.mean(y_true) - np.mean(y_prob)))


# %% wrong="calibration_error" hint="middle of the bin"
def calibration_error(y_true, y_prob, edges):  # the middle of the bin for what was said
    place = np.searchsorted(np.asarray(edges)[1:-1], y_prob, side="left")
    middle = (np.asarray(edges)[1:] + np.asarray(edges)[:-1]) / 2
    gaps = [abs(y_true[place == n].mean() - middle[n]) * (place == n).sum() for n in np.unique(place)]
    return float(sum(gaps) / len(y_true))


# %% wrong="calibration_error" hint="the largest gap"
def calibration_error(y_true, y_prob, edges):  # maximum
    place = np.searchsorted(np.asarray(edges)[1:-1], y_prob, side="left")
    return float(max(abs(y_true[place == n].mean() - y_prob[place == n].mean()) for n in np.unique(place)))


# %% wrong="calibration_error" hint="Divided by what"
def calibration_error(y_true, y_prob, edges):  # not divided
    place = np.searchsorted(np.asarray(edges)[1:-1], y_prob, side="left")
    return float(sum(abs(y_true[place == n].sum() - y_prob[place == n].sum()) for n in np.unique(place)))


# %% wrong="calibration_error" hint="mean of nothing"
def calibration_error(y_true, y_prob, edges):  # empty bins poison the sum
    place, total = np.searchsorted(np.asarray(edges)[1:-1], y_prob, side="left"), 0.0
    for n in range(len(edges) - 1):
        cases = int((place == n).sum())
        gap = abs(y_true[place == n].mean() - y_prob[place == n].mean()) if cases else float("nan")
        total += gap * cases
    return float(total / len(y_true))


# %% [markdown] hint="calibration_error" step=1
# For one bin: which two numbers are compared? And when all gaps are known, whose voice is louder?

# %% [markdown] hint="calibration_error" step=2
# Probabilities [0.2, 0.2, 0.9], truth [0, 1, 1], edges [0, 0.5, 1]. First bin: said 0.2, happened 0.5, gap 0.3, two cases.
# Second: said 0.9, happened 1, gap 0.1, one case. (2 · 0.3 + 1 · 0.1) / 3 = 0.2333.

# %% [markdown] hint="calibration_error" step=3
# ```python
# for low, high in pairwise(edges):
#     inside = (y_prob > low) & (y_prob <= high)  # and 0 belongs to the first bin
#     if inside.any():
#         total += inside.sum() * abs(... - ...)
# ```

# %% [markdown]
# ## Task 6 · Grades (4 points)
#
# Two graders gave grades 1 to K to the same tumours. **Quadratic weighted kappa**: each tumour costs the *square* of the steps
# between its two grades. Sum the costs that were *observed*. Sum those that would be *expected* if both graders kept their
# shares of each grade, but gave them without looking: then a cell holds (its row's sum) · (its column's sum) / (all).
# Kappa is 1 − observed / expected.
#
# | | |
# |---|---|
# | `matrix` | K × K counts, rows the first grader's grades, columns the second's; both used more than one grade |
# | returns | number, 1 at best, 0 by chance |
#
# Example: `[[40, 10], [10, 40]]`: observed 20, expected 50, kappa 0.6.


# %% task="quadratic_kappa" points=4 withhold="course_lib.metrics.agreement"
def quadratic_kappa(matrix):
    """Agreement on ordered grades beyond chance, disagreements by their steps squared."""
    ### BEGIN SOLUTION
    counts = np.asarray(matrix, dtype=float)
    grades = np.arange(len(counts))
    cost = (grades[:, None] - grades) ** 2
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    return float(1 - np.sum(cost * counts) / np.sum(cost * expected))
    ### END SOLUTION


# %% check="quadratic_kappa" requirement="beyond chance" points=1
got = quadratic_kappa([[40, 10], [10, 40]])
assert abs(got - 0.6) < 1e-6, explain(
    "quadratic_kappa([[40, 10], [10, 40]])",
    got,
    "0.6",
    known=[
        (0.8, "That is the share on which they agree. How often would two careless graders agree here?"),
        (0.4, "That is what is left to chance. What is kappa?"),
        (0.996, "Almost: did you divide the product of the two sums by all tumours?"),
    ],
    ask="Observed: which tumours cost something? Expected: how many would, if nobody looked?",
)

# %% check="quadratic_kappa" requirement="squared steps, both graders' habits" points=1 after="Why must the costs be said before the graders are compared?"
got = quadratic_kappa([[20, 5, 1], [4, 10, 6], [2, 3, 9]])
assert abs(got - 8 / 13) < 1e-6, explain(
    "quadratic_kappa([[20, 5, 1], [4, 10, 6], [2, 3, 9]])",
    got,
    "0.6154",
    known=[
        (0.65, "That is the share on which they agree. How often would two careless graders agree here?"),
        (0.538462, "One step costs 1, two steps cost 2 in yours. What does *quadratic* say?"),
        (0.461538, "Each disagreement costs the same in yours. Is 1 for 3 as bad as 1 for 2?"),
        (0.625, "Your careless graders give each grade equally often. Do these two?"),
        (0.601064, "Your careless graders both have the habits of the first. What are the second one's?"),
        (5 / 13, "That is what is left to chance. What is kappa?"),
    ],
    ask="The corner cells: 1 and 2 tumours. What does each of them cost?",
)

# %% hidden="quadratic_kappa" requirement="any grades, any graders" points=2
for _ in range(10):
    classes = int(rng.integers(2, 6))
    table = rng.integers(1, 30, size=(classes, classes)) + np.diag(rng.integers(0, 60, size=classes))
    total, seen, chance = int(table.sum()), 0.0, 0.0
    for i in range(classes):
        for j in range(classes):
            seen += (i - j) ** 2 * int(table[i, j])
            chance += (i - j) ** 2 * int(table[i].sum()) * int(table[:, j].sum()) / total
    got = quadratic_kappa(table.tolist())
    assert abs(got - (1 - seen / chance)) < 1e-6, hint_for(
        got,
        known=[
            (float(np.trace(table)) / total, "That is the share on which they agree. What would chance give?"),
            (seen / chance, "That is what is left to chance. What is kappa?"),
        ],
        otherwise="Kappa is off. Try two grades by hand, then three with a single tumour in a corner.",
    )


# %% right="quadratic_kappa"
def quadratic_kappa(matrix):  # tumour by tumour: all pairs of grades against each other
    first, second = [], []
    for row, counts in enumerate(matrix):
        for column, number in enumerate(counts):
            first += [row] * int(number)
            second += [column] * int(number)
    a, b = np.array(first, dtype=float), np.array(second, dtype=float)
    return float(1 - np.mean((a - b) ** 2) / np.mean((a[:, None] - b) ** 2))


# %% wrong="quadratic_kappa" hint="two careless graders"
def quadratic_kappa(matrix):  # agreement
    counts = np.asarray(matrix)
    return float(np.trace(counts) / counts.sum())


# %% wrong="quadratic_kappa" hint="What does *quadratic* say"
def quadratic_kappa(matrix):  # linear
    counts = np.asarray(matrix, dtype=float)
    cost = abs(np.arange(len(counts))[:, None] - np.arange(len(counts)))
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    return float(1 - np.sum(cost * counts) / np.sum(cost * expected))


# %% wrong="quadratic_kappa" hint="Is 1 for 3 as bad"
def quadratic_kappa(matrix):  # unweighted
    counts = np.asarray(matrix, dtype=float)
    chance = np.sum(counts.sum(axis=1) * counts.sum(axis=0)) / counts.sum() ** 2
    agreed = np.trace(counts) / counts.sum()
    return float((agreed - chance) / (1 - chance))


# %% wrong="quadratic_kappa" hint="each grade equally often"
def quadratic_kappa(matrix):  # chance without habits
    counts = np.asarray(matrix, dtype=float)
    cost = (np.arange(len(counts))[:, None] - np.arange(len(counts))) ** 2
    return float(1 - np.sum(cost * counts) / (np.mean(cost) * counts.sum()))


# %% wrong="quadratic_kappa" hint="habits of the first"
def quadratic_kappa(matrix):  # the first grader twice
    counts = np.asarray(matrix, dtype=float)
    cost = (np.arange(len(counts))[:, None] - np.arange(len(counts))) ** 2
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=1)) / counts.sum()
    return float(1 - np.sum(cost * counts) / np.sum(cost * expected))


# %% wrong="quadratic_kappa" hint="left to chance"
def quadratic_kappa(matrix):  # the ratio itself
    counts = np.asarray(matrix, dtype=float)
    cost = (np.arange(len(counts))[:, None] - np.arange(len(counts))) ** 2
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    return float(np.sum(cost * counts) / np.sum(cost * expected))


# %% [markdown] hint="quadratic_kappa" step=1
# Two tables of the same shape are compared. Which one has been counted, and which one would careless graders fill?

# %% [markdown] hint="quadratic_kappa" step=2
# `[[40, 10], [10, 40]]`. Costs `[[0, 1], [1, 0]]`: observed 10 + 10 = 20. Row sums 50 and 50, column sums 50 and 50, all
# 100: each expected cell is 50 · 50 / 100 = 25, so expected costs are 50. 1 − 20 / 50 = 0.6.

# %% [markdown] hint="quadratic_kappa" step=3
# ```python
# cost = (grades[:, None] - grades) ** ...
# expected = np.outer(counts.sum(axis=1), ...) / ...
# ```
