# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: "How old is this brain, and what does the gap mean? Exercises"
#     level: intermediate
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["15_brain_age"]
#     facts: [R31, R32, R33]
# ---

# %% [markdown]
# # 15 · How old is this brain, and what does the gap mean? Exercises
#
# Six tasks, 22 points, about 80 minutes. The first two correct the bias of a net, the third writes the report that may be
# published, the fourth joins patches, the fifth averages maps, and the last one cleans a table of ages, which in a real
# study would come first.
#
# How it works: read the contract, write your code where `NotImplementedError` stands, run the cell, then run the checks
# below it. A check never stops the notebook; it shows what your code gave, what was wanted, and one question. Stuck?
# Open the first hint, try again, and only then the next. The first task leaves one gap, later ones leave more, and
# the last three are all yours. Graded are these checks and others of the same kind with other numbers, so write for
# every input that the contract allows.

# %% tags=["setup"]
import numpy as np

from course_lib.classroom import explain, hint_for

# %% [markdown]
# ## Warm-up: a worked example
#
# A line through points, in two steps, all given. Before you run it: what are slope and height at 0 of the line through
# (1, 5), (2, 7) and (3, 9)?


# %%
def line_through(x, y):
    # 1 centre both
    dx, dy = x - x.mean(), y - y.mean()
    # 2 least squares
    slope = (dx * dy).sum() / (dx**2).sum()
    return slope, y.mean() - slope * x.mean()


line_through(np.array([1.0, 2, 3]), np.array([5.0, 7, 9]))

# %% [markdown]
# ## Task 1 · The line of the bias (3 points)
#
# A net answers for people whose ages are known. How does its gap lean on the age? One gap is yours: step 1.
#
# | | |
# |---|---|
# | `age_years`, `predicted_years` | arrays (N,), true and predicted age, N ≥ 2 and not all of one age |
# | returns | `(slope, intercept_years)`: years of gap for each year of *true* age, and the gap at age 0. A brain that looks older than it is has a gap above 0 |
#
# Example: ages 50, 60, 70 and answers 55, 60, 65: `(-0.5, 30.0)`.


# %% task="bias_line" points=3 withhold="course_lib.brain_age"
def bias_line(age_years, predicted_years):
    """Fit the usual gap as a line of the true age."""
    # 1 gap: of each person; and what it leans on
    ### BEGIN SOLUTION
    x, gap = age_years, predicted_years - age_years
    ### END SOLUTION
    # 2 line
    slope, intercept_years = np.polyfit(x, gap, 1)
    return float(slope), float(intercept_years)


# %% check="bias_line" requirement="an old-looking brain counts as plus" points=1
got = bias_line(np.array([50.0, 60, 70]), np.array([75.0, 85, 95]))
assert np.allclose(got, (0, 25)), explain(
    "bias_line([50, 60, 70], [75, 85, 95])",
    got,
    "(0, 25)",
    known=[
        ((0, -25), "Should an old-looking brain give plus or minus? Say it in words first."),
        ((1, 25), "That is the line of the answers themselves. By how much does each answer miss?"),
        ((25, 0), "The numbers are right. Which comes first?"),
    ],
    ask="All three look 25 years too old, whatever their age. What are slope and height of such a line?",
)

# %% check="bias_line" requirement="leans on the true age" points=1 after="Why is the slope of nearly every net below 0?"
got = bias_line(np.array([30.0, 50, 70, 80]), np.array([41.0, 52, 62, 71]))
assert np.allclose(got, (-0.420339, 23.169492), atol=1e-4), explain(
    "bias_line([30, 50, 70, 80], [41, 52, 62, 71])",
    got,
    "(−0.42, 23.17)",
    known=[
        ((0.420339, -23.169492), "Should an old-looking brain give plus or minus? Say it in words first."),
        ((0.579661, 23.169492), "That is the line of the answers themselves. By how much does each answer miss?"),
        ((-0.706587, 38.922156), "The gap is right. Over which age do you plot it, the true or the predicted one?"),
        ((-2.330827, 55.169173), "Which of the two goes on the horizontal axis, the gap or the age?"),
        ((23.169492, -0.420339), "The numbers are right. Which comes first?"),
    ],
    ask="Write the four gaps under the four ages. How much do they fall from 30 to 80?",
)

# %% hidden="bias_line" requirement="any people" points=1
for _ in range(10):
    ages = rng.uniform(20, 90, size=30)
    answers = 55 + rng.uniform(0.3, 0.9) * (ages - 50) + rng.normal(0, 6, size=30)
    right = np.polyfit(ages, answers - ages, 1)
    known = [
        (-right, "Plus or minus for an old-looking brain?"),
        (right[::-1], "Which of the two numbers comes first?"),
        (np.polyfit(ages, answers, 1), "That is the line of the answers. By how much do they miss?"),
        (np.polyfit(answers, answers - ages, 1), "Over which of the two ages is the gap plotted?"),
        (np.polyfit(answers - ages, ages, 1), "Which of the two goes on the horizontal axis?"),
    ]
    got = bias_line(ages, answers)
    assert np.allclose(got, right), hint_for(got, known=known, otherwise="A line is off. Try three people by hand.")


# %% right="bias_line"
def bias_line(age_years, predicted_years):  # the line of the answers, less one year a year
    slope, intercept = np.polyfit(age_years, predicted_years, 1)
    return float(slope - 1), float(intercept)


# %% wrong="bias_line" hint="plus or minus"
def bias_line(age_years, predicted_years):  # age minus prediction
    return tuple(np.polyfit(age_years, age_years - predicted_years, 1).tolist())


# %% wrong="bias_line" hint="line of the answers"
def bias_line(age_years, predicted_years):  # no gap at all
    return tuple(np.polyfit(age_years, predicted_years, 1).tolist())


# %% wrong="bias_line" hint="true or the predicted"
def bias_line(age_years, predicted_years):  # over the predicted age
    return tuple(np.polyfit(predicted_years, predicted_years - age_years, 1).tolist())


# %% wrong="bias_line" hint="Which comes first"
def bias_line(age_years, predicted_years):  # the intercept first
    return tuple(np.polyfit(age_years, predicted_years - age_years, 1)[::-1].tolist())


# %% [markdown] hint="bias_line" step=1
# The net says 75, the passport 70. Say in a sentence what the gap means. Is it plus or minus, and which of the two ages
# does the contract want on the horizontal axis?

# %% [markdown] hint="bias_line" step=2
# Ages 50, 60, 70, answers 55, 60, 65: gaps +5, 0, −5. From 50 to 70 the gap falls by 10 in 20 years. Which pairs (x, gap)
# are handed to step 2?

# %% [markdown] hint="bias_line" step=3
# ```python
# x, gap = age_years, ... - ...
# ```

# %% [markdown]
# ## Task 2 · Corrected, and by whom (4 points)
#
# Take from each answer the gap that is usual at that person's true age, Y_corr = Y_pred − (α · age + β). The line comes
# from validation people alone. Two gaps: steps 1 and 2.
#
# | | |
# |---|---|
# | `age_val`, `said_val` | arrays (M,), true and predicted age of the validation people |
# | `age_test`, `said_test` | arrays (N,), the same of the test people; N may be 1 |
# | returns | array (N,), corrected ages of the test people |
#
# Example: validation ages 50, 60, 70 with answers 55, 60, 65, one test person of 45 with the answer 52.5: `[45.0]`.


# %% task="corrected_ages" points=4 withhold="course_lib.brain_age"
def corrected_ages(age_val, said_val, age_test, said_test):
    """Correct the test answers by a line that was fitted on validation people."""
    # 1 line: of the gap, on those who may decide
    ### BEGIN SOLUTION
    slope, intercept = np.polyfit(age_val, said_val - age_val, 1)
    ### END SOLUTION
    # 2 usual: the gap that this line expects of each test person
    ### BEGIN SOLUTION
    usual = slope * age_test + intercept
    ### END SOLUTION
    # 3 subtract
    return said_test - usual


# %% check="corrected_ages" requirement="the line of the validation people" points=1
age_val, said_val = np.array([30.0, 50, 70]), np.array([40.0, 50, 60])
age_test, said_test = np.array([40.0, 60, 80]), np.array([44.0, 62, 66])
got = corrected_ages(age_val, said_val, age_test, said_test)
assert np.allclose(got, [39, 67, 81]), explain(
    "corrected_ages([30, 50, 70], [40, 50, 60], [40, 60, 80], [44, 62, 66])",
    got,
    "[39, 67, 81]",
    known=[
        ([37.666667, 64.666667, 77.666667], "Would you know these true ages in clinic? Whose line did you fit?"),
        ([38.476190, 65.619048, 78.761905], "The test people helped to fit the line. Who may?"),
        ([49, 57, 51], "The line is right. Does one add the usual gap, or take it away?"),
        ([38, 74, 82], "You divided by the slope. Here a line is subtracted."),
        ([41, 68, 74], "Nearly there: at which age is the usual gap read, the true or the predicted one?"),
        ([-1, 7, 1], "Those are gaps. A corrected *age* is wanted: was the gap fitted, or the answer?"),
    ],
    ask="The validation gaps are +10, 0, −10. What is usual at 40, at 60 and at 80?",
)

# %% check="corrected_ages" requirement="one person is enough" points=1 after="The person above is corrected to 45 without a doubt. What did you have to know of him?"
got = corrected_ages(np.array([50.0, 60, 70]), np.array([55.0, 60, 65]), np.array([45.0]), np.array([52.5]))
assert np.allclose(got, [45]), explain(
    "corrected_ages(three validation people, [45], [52.5])",
    got,
    "[45]",
    known=[([60], "Does one add the usual gap, or take it away?"), ([48.75], "Read the usual gap at the *true* age.")],
    ask="By the line of the three, the gap at 45 is −0.5 · 45 + 30. What is left of 52.5?",
)

# %% hidden="corrected_ages" requirement="any two groups" points=2
for _ in range(10):
    age_val, age_test = rng.uniform(20, 90, size=25), rng.uniform(40, 90, size=15)
    said_val, said_test = (60 + 0.6 * (each - 55) + rng.normal(0, 5, size=len(each)) for each in (age_val, age_test))
    a, b = np.polyfit(age_val, said_val - age_val, 1)
    c, d = np.polyfit(age_test, said_test - age_test, 1)
    right = said_test - (a * age_test + b)
    known = [
        (said_test - (c * age_test + d), "Whose line did you fit? Would you know these true ages in clinic?"),
        (said_test + (a * age_test + b), "Add the usual gap, or take it away?"),
        (said_test - (a * said_test + b), "At which age is the usual gap read?"),
        ((said_test - b) / (1 + a), "A line is subtracted here; nothing is divided."),
        (right - age_test, "Those are gaps. A corrected age is wanted."),
    ]
    got = corrected_ages(age_val, said_val, age_test, said_test)
    otherwise = "An answer is off. Take three validation people on a plain line, and one test person."
    assert np.allclose(got, right), hint_for(got, known=known, otherwise=otherwise)


# %% right="corrected_ages"
def corrected_ages(age_val, said_val, age_test, said_test):  # by the line of the answers
    a, b = np.polyfit(age_val, said_val, 1)
    return said_test - (a * age_test + b) + age_test


# %% wrong="corrected_ages" hint="in clinic"
def corrected_ages(age_val, said_val, age_test, said_test):  # fitted on test
    slope, intercept = np.polyfit(age_test, said_test - age_test, 1) if len(age_test) > 1 else (0, 0)
    return said_test - (slope * age_test + intercept)


# %% wrong="corrected_ages" hint="or take it away"
def corrected_ages(age_val, said_val, age_test, said_test):  # added
    slope, intercept = np.polyfit(age_val, said_val - age_val, 1)
    return said_test + (slope * age_test + intercept)


# %% wrong="corrected_ages" hint="divided by the slope"
def corrected_ages(age_val, said_val, age_test, said_test):  # the other correction
    a, b = np.polyfit(age_val, said_val, 1)
    return (said_test - b) / a


# %% wrong="corrected_ages" hint="true or the predicted"
def corrected_ages(age_val, said_val, age_test, said_test):  # read at the predicted age
    slope, intercept = np.polyfit(age_val, said_val - age_val, 1)
    return said_test - (slope * said_test + intercept)


# %% wrong="corrected_ages" hint="Those are gaps"
def corrected_ages(age_val, said_val, age_test, said_test):  # the line of the answers taken away
    a, b = np.polyfit(age_val, said_val, 1)
    return said_test - (a * age_test + b)


# %% [markdown] hint="corrected_ages" step=1
# Two groups, four arrays. Which two may shape the line, and which does the line have never seen?

# %% [markdown] hint="corrected_ages" step=2
# Validation: ages 50, 60, 70, gaps +5, 0, −5, so the usual gap is −0.5 · age + 30. A test person of 45: −22.5 + 30 = 7.5
# years are usual. What does that leave of an answer of 52.5?

# %% [markdown] hint="corrected_ages" step=3
# ```python
# slope, intercept = np.polyfit(age_val, ... - age_val, 1)
# usual = slope * ... + intercept
# ```

# %% picture="corrected_ages" alt="The gap over age before and after correction: a falling cloud of forty test people becomes a level one."
import matplotlib.pyplot as plt

from course_lib import figures
from course_lib.figures.brain_age import plot_gaps

figures.use_course_style()
draws = np.random.default_rng(0)
ages = [draws.uniform(20, 90, size=40) for _ in range(2)]
answers = [55 + 0.6 * (each - 55) + draws.normal(0, 5, size=40) for each in ages]
fixed = corrected_ages(ages[0], answers[0], ages[1], answers[1])
figure, axes = plt.subplots(1, 2, figsize=(7.5, 2.6), sharey=True)
for ax, said, name in zip(axes, (answers[1], fixed), ("before", "after"), strict=True):
    plot_gaps(ages[1], said - ages[1], ax)
    ax.set_title(name)
figures.show(
    figure,
    alt="The gap over age before and after correction: a falling cloud of forty test people becomes a level one.",
)

# %% [markdown]
# ## Task 3 · The report that may be published (4 points)
#
# Which numbers describe the *net*, and which the correction? Two are of the answers as they came, one of the corrected
# gap. Two gaps: steps 1 and 3.
#
# | | |
# |---|---|
# | `age_train` | array, true ages of those the net learned from |
# | `age_test`, `said_test`, `corrected_test` | arrays (N,), true age, the net's answer and the corrected answer |
# | returns | a dict: `"mae"`, mean absolute error in years that may be called the net's accuracy; `"skill"`, 1 − that error / the error of always answering the mean *training* age; `"trend"`, years of corrected gap for each year of true age |
#
# Example: trained on 40 and 60; tested on 30, 50, 70 with answers 35, 50, 65, corrected to 30, 50, 70: the mean training
# age 50 misses by 13.3 years, so `{"mae": 3.33, "skill": 0.75, "trend": 0.0}`.


# %% task="honest_report" points=4 withhold="course_lib.brain_age course_lib.metrics.regression"
def honest_report(age_train, age_test, said_test, corrected_test):
    """Accuracy of the net before correction, its skill, and the trend that the correction leaves."""
    # 1 error: of the answers that did not know the true age
    ### BEGIN SOLUTION
    mae = np.abs(said_test - age_test).mean()
    ### END SOLUTION
    # 2 floor: what a reader without eyes would reach
    floor = np.abs(age_train.mean() - age_test).mean()
    # 3 skill and trend
    ### BEGIN SOLUTION
    skill = 1 - mae / floor
    trend = np.polyfit(age_test, corrected_test - age_test, 1)[0]
    ### END SOLUTION
    return {"mae": float(mae), "skill": float(skill), "trend": float(trend)}


# %% check="honest_report" requirement="a reader that knows nothing" points=1 after="Which number of a paper on brain age will you look for first from now on?"
ages = np.array([30.0, 40, 60, 70])
got = honest_report(np.array([40.0, 60]), ages, np.full(4, 50.0), ages.copy())
assert dict(got) == {"mae": 15, "skill": 0, "trend": got["trend"]}, explain(
    "honest_report for someone who always says 50, corrected to perfection",
    got,
    "an error of 15 years and a skill of 0",
    known=[
        (
            {"mae": 0, "skill": 1, "trend": 0},
            "A reader that knows nothing now looks perfect. What did the correction look at?",
        ),
        ({"mae": 15, "skill": 1, "trend": 0}, "Skill is 0 for an answer without looking. What is 1 − 15 / 15?"),
        ({"mae": 15, "skill": 0, "trend": -1}, "Of which gap is the trend wanted?"),
        ({"mae": 0, "skill": 0, "trend": 0}, "Errors of both signs cancel. What is the mean of their *sizes*?"),
    ],
    ask="Which of the two arrays of answers has never been told the true age?",
)
assert abs(got["trend"]) < 1e-9, explain(
    '… and its "trend"',
    got["trend"],
    "0: the corrected gaps are all 0",
    known=[
        (-1, "That is the trend of the answers before correction. Of which gap is it wanted?"),
        (1, "That is the slope of the corrected *ages*. What becomes of it for gaps?"),
    ],
    ask="Over the true age, draw the corrected gaps.",
)

# %% check="honest_report" requirement="three numbers, three meanings" points=1
got = honest_report(
    np.array([20.0, 40, 90]), np.array([40.0, 60, 80]), np.array([50.0, 60, 66]), np.array([42.0, 63, 81])
)
assert abs(got["mae"] - 8) < 1e-6, explain(
    'honest_report([20, 40, 90], [40, 60, 80], [50, 60, 66], [42, 63, 81])["mae"]',
    got["mae"],
    "8 years",
    known=[
        (2, "The true age is inside of these answers. Which ones came from the net alone?"),
        (-4 / 3, "Errors of both signs cancel. What is the mean of their sizes?"),
        (9.933110, "That is the root of the mean square. Which error is named in the contract?"),
    ],
    ask="The three errors are +10, 0 and −14. What is the mean of their sizes?",
)
assert abs(got["skill"] - 0.52) < 1e-6, explain(
    '… and its "skill"',
    got["skill"],
    "0.52",
    known=[
        (0.88, "That is the skill of the corrected answers, which know the truth."),
        (0.4, "Whose mean age does a reader without eyes know, that of training or of test?"),
        (0.48, "That is the share of the error that is left. How much of it is gone?"),
        (0.632353, "That is R². Skill compares mean absolute errors."),
    ],
    ask="Always 50 misses 40, 60 and 80 by 10, 10 and 30. How much smaller is the net's error, as a share?",
)
assert abs(got["trend"] + 0.025) < 1e-6, explain(
    '… and its "trend"',
    got["trend"],
    "−0.025",
    known=[
        (-0.6, "That is the trend before correction. Of which gap is it wanted?"),
        (0.975, "That is the slope of the corrected *ages*. What becomes of it for gaps?"),
        (0.025, "Plus or minus for an old-looking brain?"),
    ],
    ask="The corrected gaps are +2, +3 and +1, at 40, 60 and 80. How do they lean?",
)

# %% hidden="honest_report" requirement="any cohort" points=2
for _ in range(10):
    train, ages = rng.uniform(20, 60, size=30), rng.uniform(40, 90, size=20)
    said, fixed = (ages + rng.normal(0, 8, size=20) - slope * (ages - 50) for slope in (0.4, 0.1))
    error, floor = np.abs(said - ages).mean(), np.abs(train.mean() - ages).mean()
    got = honest_report(train, ages, said, fixed)
    assert abs(got["mae"] - error) < 1e-6, hint_for(
        got["mae"],
        known=[(np.abs(fixed - ages).mean(), "Which answers know the truth already?")],
        otherwise="The error is off: mean of the sizes, of answers that never saw the true age.",
    )
    assert abs(got["skill"] - (1 - error / floor)) < 1e-6, hint_for(
        got["skill"],
        known=[
            (1 - error / np.abs(ages - ages.mean()).mean(), "Whose mean age is known without looking?"),
            (error / floor, "How much of the error is gone?"),
        ],
        otherwise="The skill is off. Always 50 for 40, 60 and 80: what is its error?",
    )
    assert abs(got["trend"] - np.polyfit(ages, fixed - ages, 1)[0]) < 1e-6, hint_for(
        got["trend"],
        known=[(np.polyfit(ages, said - ages, 1)[0], "Of which gap is the trend wanted?")],
        otherwise="The trend is off: corrected gap over true age.",
    )


# %% right="honest_report"
def honest_report(age_train, age_test, said_test, corrected_test):  # without polyfit
    floor = np.mean([abs(np.mean(age_train) - age) for age in age_test])
    mae = np.mean([abs(said - age) for said, age in zip(said_test, age_test, strict=True)])
    covariance = np.cov(age_test, corrected_test)
    trend = covariance[0, 1] / covariance[0, 0] - 1
    return {"mae": float(mae), "skill": float((floor - mae) / floor), "trend": float(trend)}


# %% wrong="honest_report" hint="What did the correction look at"
def honest_report(age_train, age_test, said_test, corrected_test):  # accuracy after correction
    mae = np.abs(corrected_test - age_test).mean()
    floor = np.abs(age_train.mean() - age_test).mean()
    trend = np.polyfit(age_test, corrected_test - age_test, 1)[0]
    return {"mae": float(mae), "skill": float(1 - mae / floor), "trend": float(round(trend, 9))}


# %% wrong="honest_report" hint="that of training or of test"
def honest_report(age_train, age_test, said_test, corrected_test):  # the mean of the test ages
    mae = np.abs(said_test - age_test).mean()
    floor = np.abs(age_test.mean() - age_test).mean()
    trend = np.polyfit(age_test, corrected_test - age_test, 1)[0]
    return {"mae": float(mae), "skill": float(1 - mae / floor), "trend": float(trend)}


# %% wrong="honest_report" hint="Of which gap"
def honest_report(age_train, age_test, said_test, corrected_test):  # the trend before correction
    mae = np.abs(said_test - age_test).mean()
    floor = np.abs(age_train.mean() - age_test).mean()
    trend = np.polyfit(age_test, said_test - age_test, 1)[0]
    return {"mae": float(mae), "skill": float(1 - mae / floor), "trend": float(trend)}


# %% wrong="honest_report" hint="What is 1 − 15 / 15"
def honest_report(age_train, age_test, said_test, corrected_test):  # the share that is left
    mae = np.abs(said_test - age_test).mean()
    floor = np.abs(age_train.mean() - age_test).mean()
    trend = np.polyfit(age_test, corrected_test - age_test, 1)[0]
    return {"mae": float(mae), "skill": float(mae / floor), "trend": float(round(trend, 9))}


# %% wrong="honest_report" hint="corrected *ages*"
def honest_report(age_train, age_test, said_test, corrected_test):  # slope of ages for slope of gaps
    mae = np.abs(said_test - age_test).mean()
    floor = np.abs(age_train.mean() - age_test).mean()
    trend = np.polyfit(age_test, corrected_test, 1)[0]
    return {"mae": float(mae), "skill": float(1 - mae / floor), "trend": float(trend)}


# %% [markdown] hint="honest_report" step=1
# Underline every place in which a true age of a test person enters. Which of the two arrays of answers already contains
# one?

# %% [markdown] hint="honest_report" step=2
# Trained on 40 and 60, tested on 30, 50, 70 with answers 35, 50, 65. Errors 5, 0, 5, mean 3.33. Always 50 misses by 20, 0,
# 20, mean 13.33. A quarter of the error is left: what is the skill?

# %% [markdown] hint="honest_report" step=3
# ```python
# mae = np.abs(... - age_test).mean()
# skill = 1 - ...
# trend = np.polyfit(age_test, ... - age_test, 1)[0]
# ```

# %% [markdown]
# ## Task 4 · A team of patches (4 points)
#
# Each patch of the brain has a net of its own. Choose the patches with the smallest mean absolute error on the
# validation people, let the mean of their answers be the team's answer, and give the team's error on the test people.
# From here on all is yours.
#
# | | |
# |---|---|
# | `age_val`, `patch_val` | arrays (M,) and (P, M): true ages, and each patch's answers, one row a patch |
# | `age_test`, `patch_test` | arrays (N,) and (P, N): the same of the test people |
# | `num_patches` | how many to choose, 1 … P; no two patches are equally good |
# | returns | number: mean absolute error of the team on the test people, in years |
#
# Example: two patches, both chosen, say 60 and 80 for one test person of 70: `0.0`.


# %% task="team_error" points=4 withhold="course_lib.brain_age course_lib.metrics.regression"
def team_error(age_val, patch_val, age_test, patch_test, num_patches):
    """Choose on validation, average the answers, judge on test."""
    ### BEGIN SOLUTION
    errors = np.abs(patch_val - age_val).mean(axis=1)
    chosen = np.argsort(errors)[:num_patches]
    team = patch_test[chosen].mean(axis=0)
    return float(np.abs(team - age_test).mean())
    ### END SOLUTION


# %% check="team_error" requirement="the error of the mean" points=1
got = team_error(np.array([50.0, 60]), np.array([[51.0, 60], [52, 60]]), np.array([70.0]), np.array([[60.0], [80]]), 2)
assert abs(got) < 1e-9, explain(
    "team_error with two patches that say 60 and 80 for a person of 70",
    got,
    "0",
    known=[(10, "Average the answers or the mistakes: which is the ensemble?")],
    ask="What does the team say, and how far is that from 70?",
)

# %% check="team_error" requirement="chosen on validation" points=1 after="Why may the choice not see the test people?"
age_val, age_test = np.array([50.0, 70]), np.array([40.0, 60, 80])
patch_val = np.array([[52.0, 71], [60, 60], [49, 68], [40, 85]]) + np.array([[0.0], [0], [0.25], [0]])
patch_test = np.array([[46.0, 57, 88], [50, 62, 70], [40, 66, 70], [41, 60, 79]])
got = team_error(age_val, patch_val, age_test, patch_test, 2)
assert abs(got - 11 / 6) < 1e-6, explain(
    "team_error of four patches, two to be chosen",
    got,
    "1.833",
    known=[
        (5.5, "Average the answers or the mistakes: which is the ensemble?"),
        (3.0, "Those two are best on the *test* people. Who may choose?"),
        (35 / 12, "All four were asked. How many should be?"),
        (4.0, "Those two are the worst. Which end of the order is wanted?"),
        (19 / 3, "Do errors of both signs cancel in your choice? A patch that misses by +10 and −10 is not good."),
        (19 / 6, "You asked the first two rows. Which two are the best?"),
        (7 / 6, "Nearly there: the sizes of the team's errors are wanted, without their signs."),
        (2.020726, "That is the root of the mean square. Which error is wanted?"),
    ],
    ask="The validation errors of the four patches are 1.5, 10, 1.25 and 12.5. Which two rows are asked on test?",
)

# %% hidden="team_error" requirement="any team" points=2
for _ in range(10):
    age_val, age_test = rng.uniform(20, 90, size=20), rng.uniform(20, 90, size=15)
    skills, wanted = rng.permutation(np.arange(1, 9)) * 2.0, int(rng.integers(2, 5))
    val, test = (
        ages + rng.normal(0, 1, size=(8, len(ages))) * skills[:, None] + rng.normal(0, 3, size=(8, 1))
        for ages in (age_val, age_test)
    )
    order = np.argsort(np.abs(val - age_val).mean(axis=1))
    by_test = np.argsort(np.abs(test - age_test).mean(axis=1))

    def of(rows, test=test, age_test=age_test):
        return np.abs(test[rows].mean(axis=0) - age_test).mean()

    got = team_error(age_val, val, age_test, test, wanted)
    known = [
        (np.abs(test[order[:wanted]] - age_test).mean(), "Average the answers or the mistakes?"),
        (of(by_test[:wanted]), "Who may choose the patches?"),
        (of(slice(None)), "How many patches should be asked?"),
        (of(order[-wanted:]), "Which end of the order is wanted?"),
    ]
    otherwise = "An error is off. Two patches and one person are enough to find out."
    assert abs(got - of(order[:wanted])) < 1e-6, hint_for(got, known=known, otherwise=otherwise)


# %% right="team_error"
def team_error(age_val, patch_val, age_test, patch_test, num_patches):  # patch by patch
    errors = [(np.mean([abs(s - a) for s, a in zip(row, age_val, strict=True)]), i) for i, row in enumerate(patch_val)]
    total = np.zeros(len(age_test))
    for _, i in sorted(errors)[:num_patches]:
        total += patch_test[i]
    return float(np.mean(np.abs(total / num_patches - age_test)))


# %% wrong="team_error" hint="or the mistakes"
def team_error(age_val, patch_val, age_test, patch_test, num_patches):  # the mean of the errors
    chosen = np.argsort(np.abs(patch_val - age_val).mean(axis=1))[:num_patches]
    return float(np.abs(patch_test[chosen] - age_test).mean())


# %% wrong="team_error" hint="Who may choose"
def team_error(age_val, patch_val, age_test, patch_test, num_patches):  # chosen on test
    chosen = np.argsort(np.abs(patch_test - age_test).mean(axis=1))[:num_patches]
    return float(np.abs(patch_test[chosen].mean(axis=0) - age_test).mean())


# %% wrong="team_error" hint="How many should be"
def team_error(age_val, patch_val, age_test, patch_test, num_patches):  # all of them
    return float(np.abs(patch_test.mean(axis=0) - age_test).mean())


# %% wrong="team_error" hint="Which end of the order"
def team_error(age_val, patch_val, age_test, patch_test, num_patches):  # the worst
    chosen = np.argsort(np.abs(patch_val - age_val).mean(axis=1))[-num_patches:]
    return float(np.abs(patch_test[chosen].mean(axis=0) - age_test).mean())


# %% wrong="team_error" hint="Do errors of both signs cancel"
def team_error(age_val, patch_val, age_test, patch_test, num_patches):  # signed errors in the choice
    chosen = np.argsort(np.abs((patch_val - age_val).mean(axis=1)))[:num_patches]
    return float(np.abs(patch_test[chosen].mean(axis=0) - age_test).mean())


# %% [markdown] hint="team_error" step=1
# Three decisions: who is chosen, what does the team say, how good is it? Which people take part in each?

# %% [markdown] hint="team_error" step=2
# Two patches say 60 and 80 for a person of 70. Each misses by 10, the mean of the misses is 10. The team says (60 + 80) /
# 2. By how much does *it* miss?

# %% [markdown] hint="team_error" step=3
# ```python
# errors = np.abs(patch_val - age_val).mean(axis=...)
# chosen = np.argsort(errors)[...]
# team = patch_test[chosen].mean(axis=...)
# ```

# %% [markdown]
# ## Task 5 · One map for many people (3 points)
#
# Signed maps of many people, on one grid: how much each place pushed the answer up (above 0) or down (below 0). Make a
# population map of what *matters*: the mean size of the push at each place, kept where it is among the largest, 0
# elsewhere.
#
# | | |
# |---|---|
# | `maps` | array (N, D, H, W) or (N, H, W), signed |
# | `share` | number above 0, at most 1: the share of *places* that is kept; share · places is a whole number |
# | returns | array (D, H, W) or (H, W); no two places have the same mean |
#
# Example: two people with maps `[[3, 1]]` and `[[-3, 0]]`, share 0.5: `[[3, 0]]`.


# %% task="population_map" points=3 withhold="course_lib.explain"
def population_map(maps, share):
    """Mean size over people, and the largest share of the places."""
    ### BEGIN SOLUTION
    size = np.abs(maps).mean(axis=0)
    kept = round(share * size.size)
    least = np.sort(size, axis=None)[-kept]
    return np.where(size >= least, size, 0.0)
    ### END SOLUTION


# %% check="population_map" requirement="pushes of both signs count" points=1 after="Two people disagree on the sign. What could that mean, medically?"
got = population_map(np.array([[[3.0, 1, 0.5, 2.2]], [[-3.0, 0, 0.7, 2.0]]]), 0.5)
assert np.allclose(got, [[3, 0, 0, 2.1]]), explain(
    "population_map([[[3, 1, 0.5, 2.2]], [[−3, 0, 0.7, 2.0]]], 0.5)",
    got,
    "[[3, 0, 0, 2.1]]",
    known=[
        ([[0, 0, 0.6, 2.1]], "Two people disagree on the sign. Is the region unimportant?"),
        ([[3, 0.5, 0.6, 2.1]], "The means are right. How many of the four places are kept?"),
        ([[0, 0.5, 0.6, 0]], "Those are the smallest. Which half is wanted?"),
        ([[6, 0, 0, 4.2]], "A sum grows with the number of people. Which average is wanted?"),
        ([[1, 0, 0, 1]], "These say where. How much is wanted, too."),
    ],
    ask="Write the size of each push, average over the two people, and keep the two largest places.",
)

# %% check="population_map" requirement="a share of the places" points=1
got = population_map(np.array([[[10.0, 1, 2], [3, 4, 5]]]), 0.5)
assert np.allclose(got, [[10, 0, 0], [0, 4, 5]]), explain(
    "population_map(one person with 10, 1, 2, 3, 4, 5, share 0.5)",
    got,
    "10, 4 and 5 kept: half of the six places",
    known=[
        ([[10, 0, 0], [0, 0, 5]], "You kept what reaches half of the *largest value*. A share of what is asked?"),
        ([[10, 0, 0], [3, 4, 5]], "One place too many: is the threshold itself kept twice?"),
        ([[10, 0, 0], [0, 0, 0]], "Too few. Half of six places are how many?"),
    ],
    ask="How many of six places are half, and which?",
)

# %% hidden="population_map" requirement="any maps" points=1
for _ in range(10):
    shape = (int(rng.integers(3, 6)), 4, 5, 10)
    maps, share = rng.normal(size=shape), float(rng.choice([0.05, 0.1, 0.25, 1.0]))
    size = np.abs(maps).mean(axis=0)

    def keep(values, kept):
        return np.where(values >= np.sort(values, axis=None)[-kept], values, 0.0)

    kept = round(share * size.size)
    got = population_map(maps, share)
    known = [
        (keep(np.abs(maps.mean(axis=0)), kept), "Two people disagree on the sign. Is the place unimportant?"),
        (np.where(size >= share * size.max(), size, 0.0), "A share of the places, or of the largest value?"),
        (keep(np.abs(maps).sum(axis=0), kept), "A mean is wanted, not a sum."),
    ]
    assert np.shape(got) == size.shape, "One value for each place is wanted: over which axis does your mean go?"
    assert np.allclose(got, keep(size, kept)), hint_for(got, known=known, otherwise="A place is off. Try four places.")


# %% right="population_map"
def population_map(maps, share):  # by the order of the places
    size = np.mean(np.abs(maps), axis=0)
    order = np.argsort(-size, axis=None)[: round(share * size.size)]
    result = np.zeros(size.size)
    result[order] = size.ravel()[order]
    return result.reshape(size.shape)


# %% wrong="population_map" hint="disagree on the sign"
def population_map(maps, share):  # mean first
    size = np.abs(maps.mean(axis=0))
    return np.where(size >= np.sort(size, axis=None)[-round(share * size.size)], size, 0.0)


# %% wrong="population_map" hint="largest value"
def population_map(maps, share):  # a share of the largest value
    size = np.abs(maps).mean(axis=0)
    return np.where(size >= share * size.max(), size, 0.0)


# %% wrong="population_map" hint="How many of the four places"
def population_map(maps, share):  # nothing left out
    return np.abs(maps).mean(axis=0)


# %% wrong="population_map" hint="Which half"
def population_map(maps, share):  # the smallest
    size = np.abs(maps).mean(axis=0)
    return np.where(size <= np.sort(size, axis=None)[round(share * size.size) - 1], size, 0.0)


# %% wrong="population_map" hint="grows with the number of people"
def population_map(maps, share):  # a sum
    size = np.abs(maps).sum(axis=0)
    return np.where(size >= np.sort(size, axis=None)[-round(share * size.size)], size, 0.0)


# %% [markdown] hint="population_map" step=1
# One person is pushed up by a place, another is pushed down by it as much. Does that place matter to the net?

# %% [markdown] hint="population_map" step=2
# Two people, `[3, 1]` and `[−3, 0]`. Sizes 3, 1 and 3, 0; means 3 and 0.5. With a share of one half, one of two places is
# kept. What is written at the other?

# %% [markdown] hint="population_map" step=3
# ```python
# size = np.abs(maps).mean(axis=...)
# least = np.sort(size, axis=None)[-...]  # the smallest value that is still kept
# ```

# %% [markdown]
# ## Task 6 · A messy table (4 points)
#
# Before any net there is a table of ages, typed by hand in three hospitals. The table of the open collection IXI, for one,
# has subjects that stand in it twice, some with two different ages, missing ages, and zeros and impossible numbers where
# somebody had nothing to type. The rows here are made up, with those troubles and two more that come with spreadsheets.
# A wrong age is worse than a missing one: it teaches.
#
# | | |
# |---|---|
# | `rows` | list of dicts with the texts `"id"` and `"age"`, such as `{"id": "007", "age": "34,5"}` |
# | ids | whole numbers as text, perhaps with blanks around and zeros in front: `"007"` and `" 7"` are one person |
# | ages | numbers as text, perhaps with blanks around; a comma may stand for the point; `""` if missing. Below 18 or above 100 they cannot be true and count as missing |
# | returns | list of pairs `(id, age_years)`, an int and a float, from the smallest id to the largest, each person once |
#
# A person whose usable ages differ by more than 0.5 years is left out, since nobody knows which one is true; else the
# first usable age counts. A person without a usable age is left out.
#
# Example: `[{"id": "12", "age": "0"}, {"id": "007", "age": "34,5"}, {"id": "7", "age": "34.5"}]` gives `[(7, 34.5)]`.


# %% task="clean_ages" points=4
def clean_ages(rows):
    """One true age for each person, or none."""
    ### BEGIN SOLUTION
    usable = {}
    for row in rows:
        text = row["age"].strip().replace(",", ".")
        age = float(text) if text else 0.0
        if 18 <= age <= 100:
            usable.setdefault(int(row["id"]), []).append(age)
    return [(person, ages[0]) for person, ages in sorted(usable.items()) if max(ages) - min(ages) <= 0.5]
    ### END SOLUTION


# %% check="clean_ages" requirement="one person, written in many ways" points=1
rows = [
    {"id": "12", "age": "61.5"}, {"id": " 7", "age": "34,5"}, {"id": "007", "age": "34.5 "}, {"id": "3", "age": ""},
    {"id": "9", "age": " 18"}, {"id": "30", "age": "100"},
]  # fmt: skip
got = clean_ages(rows)
assert [tuple(pair) for pair in got] == [(7, 34.5), (9, 18.0), (12, 61.5), (30, 100.0)], explain(
    "clean_ages(six rows of five people, one without an age)",
    got,
    "[(7, 34.5), (9, 18.0), (12, 61.5), (30, 100.0)]",
    known=[
        ([(12, 61.5), (7, 34.5), (9, 18.0), (30, 100.0)], "The right people. In which order are they wanted?"),
        ([(7, 34.5), (7, 34.5), (9, 18.0), (12, 61.5), (30, 100.0)], "Someone is in your list twice. Who?"),
        ([(7, 34.5), (12, 61.5)], "Below 18 and above 100 are out. Are 18 and 100?"),
        ([(3, 0.0), (7, 34.5), (9, 18.0), (12, 61.5), (30, 100.0)], "Is somebody 0 years old, or is the age missing?"),
        ([(9, 18.0), (12, 61.5), (30, 100.0)], "A person got lost. What do \" 7\" and \"007\" have in common?"),
        ([("007", 34.5), ("12", 61.5), ("30", 100.0), ("9", 18.0)], "Ids are wanted as whole numbers."),
    ],
    ask="Go through the rows with a pencil: how many people are there, and who of them has an age?",
)  # fmt: skip

# %% check="clean_ages" requirement="what cannot be true is missing" points=1 after="Would the mean of the two ages of a person have been safer?"
rows = [
    {"id": "5", "age": "0"}, {"id": "5", "age": "70,25"}, {"id": "6", "age": "53.1"}, {"id": "6", "age": "58.1"},
    {"id": "8", "age": "720"}, {"id": "4", "age": "44.2"}, {"id": "4", "age": "44.6"}, {"id": "2", "age": "17.9"},
]  # fmt: skip
got = clean_ages(rows)
assert [tuple(pair) for pair in got] == [(4, 44.2), (5, 70.25)], explain(
    "clean_ages(eight rows: a zero beside an age, two ages of one person, 720 years)",
    got,
    "[(4, 44.2), (5, 70.25)]",
    known=[
        ([(4, 44.2), (5, 70.25), (6, 53.1)], "Person 6 has two ages, five years apart. Who says that the first is true?"),
        ([(4, 44.6), (5, 70.25), (6, 58.1)], "Person 6 has two ages, five years apart. Who says that the last is true?"),
        ([(4, 44.4), (5, 70.25), (6, 55.6)], "A mean of a true and a wrong age is a wrong age. Who is to be left out?"),
        ([(4, 44.6), (5, 70.25)], "The right people. Which of two close ages counts?"),
        ([(4, 44.2)], "Person 5 stands there twice, once with a zero. Is the zero an age that disagrees?"),
        ([(5, 70.25)], "Person 4: do 44.2 and 44.6 differ by more than half a year?"),
        ([(2, 17.9), (4, 44.2), (5, 70.25)], "Can a person of 17.9 be in your list?"),
        ([(4, 44.2), (5, 70.25), (8, 720.0)], "Look at the largest age."),
        ([], "Nobody who stands twice is left. Are all doubles in doubt?"),
    ],
    ask="Strike out the ages that cannot be true first. Which people still have two, and how far apart?",
)  # fmt: skip

# %% hidden="clean_ages" requirement="any table" points=2
for _ in range(10):
    rows, truth = [], []
    for person in rng.choice(np.arange(1, 900), size=40, replace=False).tolist():
        age = round(float(rng.uniform(19, 90)), 2)
        written = [f"{age}", f"{age}".replace(".", ","), f" {age} "][int(rng.integers(3))]
        name = [f"{person}", f"{person:04d}", f" {person}"][int(rng.integers(3))]
        kind = int(rng.integers(8))
        if kind == 0:  # missing
            rows.append({"id": name, "age": ["", " ", "0", "999", "-1", "12,5"][int(rng.integers(6))]})
        elif kind == 1:  # two that disagree
            rows += [{"id": name, "age": written}, {"id": f"{person}", "age": f"{age + rng.choice([0.8, 3]):.2f}"}]
        else:
            if kind == 2:  # an unusable one first
                rows.append({"id": f"{person:03d}", "age": ["0", "", "101"][int(rng.integers(3))]})
            rows.append({"id": name, "age": written})
            if kind == 3:  # twice, nearly the same
                rows.append({"id": f"{person}", "age": f"{age + 0.3:.2f}"})
            truth.append((person, age))
    got = [(int(person), float(age)) for person, age in clean_ages([rows[i] for i in range(len(rows))])]
    people = {person for person, _ in got}
    wanted = {person for person, _ in truth}
    assert len(people) == len(got), "Somebody is in your list twice. When are two ids the same person?"
    assert not people - wanted, "Somebody is in your list whose age nobody knows. Missing, impossible, or two ages?"
    assert not wanted - people, "Somebody got lost who has one usable age. Twice in the table, or a zero beside it?"
    assert got == sorted(truth), "The people are right. Look at their order, and at which of two close ages counts."


# %% right="clean_ages"
def clean_ages(rows):  # with a table for each step
    pairs = []
    for row in rows:
        try:
            pairs.append((int(row["id"].strip()), float(row["age"].replace(",", "."))))
        except ValueError:
            continue
    result = []
    for person in sorted({person for person, _ in pairs}):
        ages = [age for who, age in pairs if who == person and not (age < 18 or age > 100)]
        if ages and np.ptp(ages) <= 0.5:
            result.append((person, ages[0]))
    return result


# %% wrong="clean_ages" hint="the first is true"
def clean_ages(rows):  # the first row of a person wins
    found = {}
    for row in rows:
        text = row["age"].strip().replace(",", ".")
        if text and 18 <= float(text) <= 100:
            found.setdefault(int(row["id"]), float(text))
    return sorted(found.items())


# %% wrong="clean_ages" hint="the last is true"
def clean_ages(rows):  # the last row of a person wins
    found = {}
    for row in rows:
        text = row["age"].strip().replace(",", ".")
        if text and 18 <= float(text) <= 100:
            found[int(row["id"])] = float(text)
    return sorted(found.items())


# %% wrong="clean_ages" hint="A mean of a true and a wrong age"
def clean_ages(rows):  # the mean of what is there
    found = {}
    for row in rows:
        text = row["age"].strip().replace(",", ".")
        if text and 18 <= float(text) <= 100:
            found.setdefault(int(row["id"]), []).append(float(text))
    return [(person, sum(ages) / len(ages)) for person, ages in sorted(found.items())]


# %% wrong="clean_ages" hint="Is the zero an age that disagrees"
def clean_ages(rows):  # doubt first, impossible ages afterwards
    found = {}
    for row in rows:
        text = row["age"].strip().replace(",", ".")
        if text:
            found.setdefault(int(row["id"]), []).append(float(text))
    agree = [(person, ages[0]) for person, ages in sorted(found.items()) if max(ages) - min(ages) <= 0.5]
    return [(person, age) for person, age in agree if 18 <= age <= 100]


# %% wrong="clean_ages" hint="Someone is in your list twice"
def clean_ages(rows):  # ids as text
    found = {}
    for row in rows:
        text = row["age"].strip().replace(",", ".")
        if text and 18 <= float(text) <= 100:
            found.setdefault(row["id"], []).append(float(text))
    return sorted((int(name), ages[0]) for name, ages in found.items() if max(ages) - min(ages) <= 0.5)


# %% wrong="clean_ages" hint="or is the age missing"
def clean_ages(rows):  # a missing age is 0
    found = {}
    for row in rows:
        age = float(row["age"].strip().replace(",", ".") or 0)
        found.setdefault(int(row["id"]), []).append(age)
    return [(person, ages[0]) for person, ages in sorted(found.items()) if max(ages) - min(ages) <= 0.5]


# %% [markdown] hint="clean_ages" step=1
# Three questions for each row: who is it, is there an age, and can the age be true? Only then, for each person: do the
# ages agree? What goes wrong if the last question is asked first?

# %% [markdown] hint="clean_ages" step=2
# Rows ("5", "0"), ("5", "70,25"), ("6", "53.1"), ("6", "58.1"). The zero is no age, so person 5 has one usable age, 70.25.
# Person 6 has two, 5 years apart, and goes. What is kept while you walk through the rows, so that you can decide at the
# end?

# %% [markdown] hint="clean_ages" step=3
# ```python
# usable = {}  # from person to list of ages
# for row in rows:
#     text = row["age"].strip().replace(",", ".")
#     ...
#     usable.setdefault(int(row["id"]), []).append(age)
# return [(person, ages[0]) for person, ages in sorted(usable.items()) if ...]
# ```

# %% [markdown]
# ## Before you go
#
# One sentence each, without looking back; nobody marks them. A colleague reports a mean absolute error of 1.5 years
# "after bias correction": what do you ask her? Why can a correction by the true age not change who of two people of 70
# looks older? Which of your six functions would have run without an error on wrong ages, and what would have told you?
