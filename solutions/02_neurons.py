# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   course:
#     title: "What does a net learn that a hand-made feature does not have? Exercises"
#     level: beginner
#     minutes_cpu: 1
#     minutes_gpu: 1
#     download_mb: 0
#     needs: ["02_neurons"]
#     facts: [R03]
# ---

# %% [markdown]
# # 02 · What does a net learn that a hand-made feature does not have? Exercises
#
# Five tasks, 23 points, about 80 minutes. From one neuron to a step of training, in the order in which a net computes:
# answer, slope, step, the way back, and all of it with torch. Nearly every slip in here is *silent*: the loss still
# falls, or falls at first, and the net is merely worse than it could be. So each check looks at numbers.
#
# How it works: read the contract, write your code where `NotImplementedError` stands, run the cell, then run the checks
# below it. A check never stops the notebook; it shows what your code gave, what was wanted, and one question. Stuck?
# Open the first hint, try again, and only then the next. The first task leaves one gap, later ones leave more, and
# the last two are all yours. Graded are these checks and others of the same kind with other numbers, so write for
# every input that the contract allows.

# %% tags=["setup"]
import numpy as np
import torch

from course_lib.classroom import explain, hint_for, there

# %% [markdown]
# ## Warm-up: a worked example
#
# One neuron and one case, all steps given: *multiply*, *add*, *activate*. Before you run it: which number comes out, and
# which would come out for the input (0, 0)?


# %%
def one_case(x, weights, bias):
    # 1 multiply: each input by its weight
    products = x * weights
    # 2 add: the products, and the bias
    z = products.sum() + bias
    # 3 activate: ReLU
    return max(z, 0.0)


one_case(np.array([2.0, -1.0]), np.array([1.5, 0.5]), bias=-1.0)

# %% [markdown]
# ## Task 1 · A neuron for all cases (3 points)
#
# The same for N cases at once, and with a sigmoid. One gap is yours: steps 1 and 2.
#
# | | |
# |---|---|
# | `x` | array (N, D): N cases, D inputs each |
# | `weights` | array (D,), one weight for each input |
# | `bias` | a number |
# | returns | array (N,), one answer for each case, between 0 and 1 |
#
# Example: inputs (1, 2) with weights (3, −1) and bias −1 add up to 0, and the sigmoid of 0 is 0.5.


# %% task="neuron" points=3
def neuron(x, weights, bias):
    """Return what a neuron with a sigmoid says to each case."""
    # 1 multiply: each input by its weight
    # 2 add: the products of a case, and the bias
    ### BEGIN SOLUTION
    z = x @ weights + bias
    ### END SOLUTION
    # 3 activate: sigmoid
    return 1 / (1 + np.exp(-z))


# %% check="neuron" requirement="one answer for each case" points=1 after="Which shape would x have with a single case?"
x = np.array([[1.0, 2, 0], [0, 1, 1], [2, 0, -1], [1, 1, 1]])  # four cases, three inputs
got = neuron(x, np.array([3.0, -1, 2]), -1.0)
assert np.shape(got) == (4,), explain(
    "The shape of neuron(4 × 3 array, 3 weights, −1)",
    np.shape(got),
    "(4,)",
    known=[
        ((), "One number for all four cases: you added up patients. Over which axis may the sum go?"),
        ((3,), "One number for each *input*: the sum went down the cases. Which axis holds the inputs of one case?"),
        ((4, 3), "The products are there. What is still to be added up, and over which axis?"),
    ],
    ask="Each row of x is a case. What must become of a row?",
)

# %% check="neuron" requirement="multiply, add, activate" points=1
x = np.array([[1.0, 2, 0], [0, 1, 1], [2, 0, -1], [1, 1, 1]])
weights, bias = np.array([3.0, -1, 2]), -1.0  # the sums are 0, 0, 3, 3
got = neuron(x, weights, bias)
sums = np.array([0.0, 0, 3, 3])
assert np.allclose(got, 1 / (1 + np.exp(-sums))), explain(
    "neuron([[1, 2, 0], [0, 1, 1], [2, 0, −1], [1, 1, 1]], [3, −1, 2], −1)",
    got,
    "the sigmoid of the sums 0, 0, 3, 3: 0.5, 0.5, 0.953, 0.953",
    known=[
        (1 / (1 + np.exp(-sums - 1)), "The products are right. One number of the neuron is not in your sum: which?"),
        (1 / (1 + np.exp(-sums - 2)), "The products are right. The bias is −1: is it added, or taken away?"),
        (
            1 / (1 + np.exp(-(sums + 1) / 3 + 1)),
            "Does a neuron take the mean of its products? Try twice as many inputs.",
        ),
        (1 / (1 + np.exp(-1 / (1 + np.exp(-sums)))), "Step 3 holds the sigmoid already. How often is yours taken?"),
    ],
    ask="The first case by hand: 1·3 + 2·(−1) + 0·2 − 1. At which of the steps do you differ?",
)

# %% hidden="neuron" requirement="any number of cases and inputs" points=1
for _ in range(10):
    cases, inputs = (int(n) for n in rng.integers((2, 2), (7, 6)))
    x, weights, bias = rng.normal(size=(cases, inputs)), rng.normal(size=inputs), float(rng.normal())
    z = (x * weights).sum(axis=1)
    got = neuron(x, weights, bias)
    assert np.shape(got) == (cases,), "One answer for each case is wanted: over which axis does your sum go?"
    assert np.allclose(got, 1 / (1 + np.exp(-z - bias))), hint_for(
        got,
        known=[
            (1 / (1 + np.exp(-z)), "One number of the neuron is not in your sum."),
            (1 / (1 + np.exp(-z + bias)), "Is the bias added, or taken away?"),
            (1 / (1 + np.exp(-z / inputs - bias)), "A sum is wanted, not a mean."),
        ],
        otherwise="Some answers differ. Try two cases with two inputs by hand.",
    )


# %% right="neuron"
def neuron(x, weights, bias):  # case by case
    z = np.array([sum(value * weight for value, weight in zip(case, weights, strict=True)) + bias for case in x])
    return 1 / (1 + np.exp(-z))


# %% wrong="neuron" hint="you added up patients"
def neuron(x, weights, bias):  # one sum over everything
    z = (x * weights).sum() + bias
    return 1 / (1 + np.exp(-z))


# %% wrong="neuron" hint="down the cases"
def neuron(x, weights, bias):  # the wrong axis
    z = (x * weights).sum(axis=0) + bias
    return 1 / (1 + np.exp(-z))


# %% wrong="neuron" hint="not in your sum"
def neuron(x, weights, bias):  # no bias
    z = x @ weights
    return 1 / (1 + np.exp(-z))


# %% wrong="neuron" hint="mean of its products"
def neuron(x, weights, bias):  # mean for sum
    z = (x * weights).mean(axis=1) + bias
    return 1 / (1 + np.exp(-z))


# %% wrong="neuron" hint="How often is yours taken"
def neuron(x, weights, bias):  # the sigmoid twice
    z = 1 / (1 + np.exp(-(x @ weights + bias)))
    return 1 / (1 + np.exp(-z))


# %% wrong="neuron" hint="what is still to be added up"
def neuron(x, weights, bias):  # products only
    z = x * weights + bias
    return 1 / (1 + np.exp(-z))


# %% [markdown] hint="neuron" step=1
# `x * weights` multiplies each row by the weights. Which axis of the result belongs to one case?

# %% [markdown] hint="neuron" step=2
# Two cases, `[[1, 2], [0, 1]]`, weights (3, −1), bias −1. Products `[[3, −2], [0, −1]]`; the sum of each *row* is 1 and
# −1; with the bias 0 and −2. Two cases, two numbers. What does `.sum(axis=…)` need?

# %% [markdown] hint="neuron" step=3
# ```python
# products = x * weights  # (N, D)
# z = products.sum(axis=...) + ...
# ```

# %% [markdown]
# ## Task 2 · The slopes of the loss (4 points)
#
# A neuron with one input and *no* activation says weight · x + bias. Its loss is the mean of the squared errors. Two gaps
# are yours: one slope each.
#
# | | |
# |---|---|
# | `x`, `y` | arrays (N,): inputs and targets |
# | `weight`, `bias` | numbers |
# | returns | `(slope_weight, slope_bias)`: by how much the loss grows for each unit that weight, or bias, grows |
#
# Example: one case with x = 3, y = 10, weight 2, bias 0. The error is −4, the loss 16; the slopes are 2·(−4)·3 = −24 and
# 2·(−4) = −8.


# %% task="slopes" points=4
def slopes(x, y, weight, bias):
    """Return the slopes of the mean squared error by weight and by bias."""
    # 1 errors: what the neuron says, minus the truth
    errors = weight * x + bias - y
    # 2 slope of the weight
    ### BEGIN SOLUTION
    slope_weight = 2 * (errors * x).mean()
    ### END SOLUTION
    # 3 slope of the bias
    ### BEGIN SOLUTION
    slope_bias = 2 * errors.mean()
    ### END SOLUTION
    return slope_weight, slope_bias


# %% check="slopes" requirement="the slopes of the lecture" points=1
got = slopes(np.array([1.0, 2.0]), np.array([3.0, 5.0]), 0.0, 0.0)
assert np.shape(got) == (2,), explain(
    "slopes(…)", got, "two numbers", ask="One slope for the weight, one for the bias: did one get lost?"
)
assert np.allclose(got, (-13, -8)), explain(
    "slopes([1, 2], [3, 5], weight=0, bias=0)",
    got,
    "(−13, −8)",
    known=[
        ((-26, -16), "That is the slope of the *sum* of the squares. The loss is their mean: what is missing?"),
        (
            (13, 8),
            "The size is right. Would a larger weight really make this loss larger? Look at the sign of the errors.",
        ),
        ((-6.5, -4), "Nearly there: the square has an inner and an outer derivative. Where is the outer one?"),
        ((-8, -8), "The bias is right. By how much does the answer change if the weight grows by 1? Not by 1."),
        ((-13, -13), "The weight is right. By how much does the answer change if the *bias* grows by 1?"),
        ((-12, -8), "The mean of a product is not the product of the means. Which of the two does step 2 need?"),
    ],
    ask="The errors are −3 and −5. Write the two squares as a function of the weight and differentiate.",
)

# %% check="slopes" requirement="does not depend on how often a case is in the file" points=1 after="Why is a mean the better choice for a learning rate that should suit files of any size?"
once = slopes(np.array([1.0, 2, -1]), np.array([3.0, 5, 2]), 0.5, 1.0)
twice = slopes(np.array([1.0, 2, -1] * 2), np.array([3.0, 5, 2] * 2), 0.5, 1.0)
assert np.allclose(once, twice), explain(
    "slopes(…) of a file in which each case stands twice, divided by that of the file once,",
    tuple(np.asarray(twice) / np.asarray(once)),
    "(1, 1): the loss has not changed, so neither has its slope",
    known=[((2, 2), "A sum doubles with the data. What does the mean do?")],
    ask="Which part of your slope grows with the number of cases?",
)
x, y = np.array([1.0, 2, -1]), np.array([3.0, 5, 2])
at = np.array([[0.5, 1], [0.5 + 1e-6, 1], [0.5, 1 + 1e-6]])  # here, a tiny step of the weight, one of the bias
losses = np.square(at[:, :1] * x + at[:, 1:] - y).mean(axis=1)
by_feeling = (losses[1:] - losses[0]) / 1e-6
assert np.allclose(once, by_feeling, atol=1e-3), explain(
    "slopes([1, 2, −1], [3, 5, 2], weight=0.5, bias=1)",
    once,
    f"what a tiny step to the side feels: {by_feeling[0]:.3f} and {by_feeling[1]:.3f}",
    ask="The errors are weight · x + bias − y. Are weight and bias in yours, and x in the slope of the weight?",
)

# %% hidden="slopes" requirement="any data, any neuron" points=2
for _ in range(10):
    cases = int(rng.integers(3, 9))
    x, y = rng.normal(1, 2, size=(2, cases))
    weight, bias = (float(value) for value in rng.normal(size=2))
    errors = weight * x + bias - y
    right = 2 * (errors * x).mean(), 2 * errors.mean()
    got = slopes(x, y, weight, bias)
    assert np.shape(got) == (2,), "Two numbers are wanted: the slope of the weight and that of the bias."
    assert np.allclose(got, right), hint_for(
        got,
        known=[
            (tuple(cases * slope for slope in right), "The loss is a mean: is your slope that of a sum?"),
            (tuple(-slope for slope in right), "Would a step against your slope make the loss smaller?"),
            (tuple(slope / 2 for slope in right), "Where is the outer derivative of the square?"),
            ((right[1], right[1]), "The weight's slope needs the inputs."),
            ((2 * errors.mean() * x.mean(), right[1]), "The mean of a product is not the product of the means."),
        ],
        otherwise="A slope is off. Compare it with (loss a tiny step further − loss here) / step.",
    )


# %% right="slopes"
def slopes(x, y, weight, bias):  # as a matrix product
    errors = weight * x + bias - y
    both = 2 * np.stack([x, np.ones_like(x)]) @ errors / len(x)
    return tuple(both)


# %% wrong="slopes" hint="slope of the *sum*"
def slopes(x, y, weight, bias):  # sum for mean
    errors = weight * x + bias - y
    return 2 * (errors * x).sum(), 2 * errors.sum()


# %% wrong="slopes" hint="Look at the sign"
def slopes(x, y, weight, bias):  # truth minus answer
    errors = y - (weight * x + bias)
    return 2 * (errors * x).mean(), 2 * errors.mean()


# %% wrong="slopes" hint="Where is the outer one"
def slopes(x, y, weight, bias):  # the 2 is gone
    errors = weight * x + bias - y
    return (errors * x).mean(), errors.mean()


# %% wrong="slopes" hint="if the weight grows by 1"
def slopes(x, y, weight, bias):  # no inner derivative
    errors = weight * x + bias - y
    return 2 * errors.mean(), 2 * errors.mean()


# %% wrong="slopes" hint="product of the means"
def slopes(x, y, weight, bias):  # mean times mean
    errors = weight * x + bias - y
    return 2 * errors.mean() * x.mean(), 2 * errors.mean()


# %% [markdown] hint="slopes" step=1
# The loss is a mean of squares. What is the derivative of u²? And by how much does u = weight · x + bias − y change when
# the weight grows by 1? When the bias grows by 1?

# %% [markdown] hint="slopes" step=2
# One case, x = 3, y = 10, weight 2, bias 0: u = −4. Weight 2.01: u = −3.97, loss 15.7609, which is 0.2391 less than 16
# for a step of 0.01: a slope near −24 = 2 · (−4) · 3. For several cases: their mean.

# %% [markdown] hint="slopes" step=3
# ```python
# slope_weight = 2 * (errors * ...).mean()
# ```

# %% [markdown]
# ## Task 3 · Walk downhill (5 points)
#
# Gradient descent on the loss of task 2. Three gaps are yours; this time the slopes are given, so a slip in task 2 does
# no harm here.
#
# | | |
# |---|---|
# | `x`, `y` | arrays (N,) |
# | `learning_rate` | number > 0 |
# | `steps` | whole number ≥ 0 |
# | returns | array (steps + 1, 2): weight and bias at the start, which is (0, 0), and after each step |
#
# Example: `descend([1, 2], [3, 5], 0.1, 1)` gives `[[0, 0], [1.3, 0.8]]`.


# %% task="descend" points=5 withhold="course_lib.widgets.descent"
def descend(x, y, learning_rate, steps):
    """Walk down the mean squared error from weight 0 and bias 0, and return the path."""
    weight, bias = 0.0, 0.0
    # 1 start: the first point of the path
    ### BEGIN SOLUTION
    path = [(0.0, 0.0)]
    ### END SOLUTION
    for _ in range(steps):
        # 2 slopes: both at the point where we stand
        errors = weight * x + bias - y
        slope_weight, slope_bias = 2 * (errors * x).mean(), 2 * errors.mean()
        # 3 step: weight and bias
        ### BEGIN SOLUTION
        weight -= learning_rate * slope_weight
        bias -= learning_rate * slope_bias
        ### END SOLUTION
        # 4 path: note where we are now
        ### BEGIN SOLUTION
        path.append((weight, bias))
        ### END SOLUTION
    return np.array(path)


# %% check="descend" requirement="the path has its start and every step" points=1
got = descend(np.array([1.0, 2.0]), np.array([3.0, 5.0]), 0.1, 3)
assert np.shape(got) == (4, 2), explain(
    "The shape of descend([1, 2], [3, 5], learning_rate=0.1, steps=3)",
    np.shape(got),
    "(4, 2): the start and three steps",
    known=[
        ((3, 2), "A point is missing: the start, or the last step. Count fence posts, not fences."),
        ((1, 2), "Only one point: is every step noted?"),
        ((2,), "That is where the walk ends. Asked for is the whole path."),
    ],
    ask="How many points does a path of three steps have?",
)
assert np.allclose(np.asarray(got)[0], (0, 0)), explain(
    "The first point of the path",
    np.asarray(got)[0],
    "(0, 0)",
    ask="When do you note the start, before the first step or after it?",
)

# %% check="descend" requirement="against the slope, a rate's length, both at one point" points=2 after="Whose walk would differ more from yours with a smaller rate: one uphill, or one that mixes two points?"
got = descend(np.array([1.0, 2.0]), np.array([3.0, 5.0]), 0.1, 2)
assert np.shape(got) == (3, 2), explain(
    "The shape of a path of two steps", np.shape(got), "(3, 2)", ask="The start, and each step: how many points?"
)
assert np.allclose(got, [[0, 0], [1.3, 0.8], [1.71, 1.05]]), explain(
    "descend([1, 2], [3, 5], learning_rate=0.1, steps=2)",
    got,
    "[[0, 0], [1.3, 0.8], [1.71, 1.05]]",
    known=[
        (
            [[0, 0], [-1.3, -0.8], [-3.49, -2.15]],
            "Did the loss fall? It went from 17 to 48. Which way does a slope point?",
        ),
        (
            [[0, 0], [1.3, 0.41], [1.827, 0.5799]],
            "Both slopes belong to one and the same point. At which point was the second one taken?",
        ),
        ([[0, 0], [13, 8], [-63, -39]], "The direction is right, and the loss explodes. What makes a step short?"),
        ([[0, 0], [1.3, 0.8], [0.41, 0.25]], "The first step is right. From where does the second one begin?"),
        ([[0, 0], [1.3, 0], [2.08, 0]], "The weight walks. And the bias?"),
    ],
    ask="By hand: the slopes at (0, 0) are −13 and −8. Where does a tenth of that lead, downhill?",
)

# %% hidden="descend" requirement="any data, rate and number of steps" points=2
for steps in (0, 1, 5, 12):
    x, y = rng.normal(1, 1, size=(2, int(rng.integers(3, 7))))
    rate = float(rng.uniform(0.02, 0.15))
    walks = {"right": [np.zeros(2)], "up": [np.zeros(2)], "mixed": [np.zeros(2)]}
    for name, walk in walks.items():
        for _ in range(steps):
            w, b = walk[-1]
            sign = -1 if name == "up" else 1
            new_w = w - sign * rate * 2 * ((w * x + b - y) * x).mean()
            at = new_w if name == "mixed" else w
            walk.append(np.array([new_w, b - sign * rate * 2 * (at * x + b - y).mean()]))
    got = descend(x, y, rate, steps)
    assert np.shape(got) == (steps + 1, 2), "The path has its start and every step: how many points are that?"
    assert np.allclose(got, walks["right"]), hint_for(
        got,
        known=[
            (np.array(walks["up"]), "Did the loss fall? Which way does a slope point?"),
            (np.array(walks["mixed"]), "Both slopes belong to one and the same point."),
        ],
        otherwise="The walk is off. Do two steps by hand, with a rate that is not 0.1.",
    )


# %% right="descend"
def descend(x, y, learning_rate, steps):  # both at once, into an array
    path = np.zeros((steps + 1, 2))
    inputs = np.stack([x, np.ones_like(x)], axis=1)
    for step in range(steps):
        path[step + 1] = path[step] - learning_rate * 2 * inputs.T @ (inputs @ path[step] - y) / len(x)
    return path


# %% wrong="descend" hint="Which way does a slope point"
def descend(x, y, learning_rate, steps):  # uphill
    weight, bias = 0.0, 0.0
    path = [(weight, bias)]
    for _ in range(steps):
        errors = weight * x + bias - y
        slope_weight, slope_bias = 2 * (errors * x).mean(), 2 * errors.mean()
        weight += learning_rate * slope_weight
        bias += learning_rate * slope_bias
        path.append((weight, bias))
    return np.array(path)


# %% wrong="descend" hint="At which point was the second one taken"
def descend(x, y, learning_rate, steps):  # the bias asks at the new weight
    weight, bias = 0.0, 0.0
    path = [(weight, bias)]
    for _ in range(steps):
        weight -= learning_rate * 2 * ((weight * x + bias - y) * x).mean()
        bias -= learning_rate * 2 * (weight * x + bias - y).mean()
        path.append((weight, bias))
    return np.array(path)


# %% wrong="descend" hint="What makes a step short"
def descend(x, y, learning_rate, steps):  # no rate
    weight, bias = 0.0, 0.0
    path = [(weight, bias)]
    for _ in range(steps):
        errors = weight * x + bias - y
        slope_weight, slope_bias = 2 * (errors * x).mean(), 2 * errors.mean()
        weight -= slope_weight
        bias -= slope_bias
        path.append((weight, bias))
    return np.array(path)


# %% wrong="descend" hint="Count fence posts"
def descend(x, y, learning_rate, steps):  # without the start
    weight, bias = 0.0, 0.0
    path = []
    for _ in range(steps):
        errors = weight * x + bias - y
        slope_weight, slope_bias = 2 * (errors * x).mean(), 2 * errors.mean()
        weight -= learning_rate * slope_weight
        bias -= learning_rate * slope_bias
        path.append((weight, bias))
    return np.array(path)


# %% wrong="descend" hint="From where does the second one begin"
def descend(x, y, learning_rate, steps):  # each step sets off at zero
    weight, bias = 0.0, 0.0
    path = [(weight, bias)]
    for _ in range(steps):
        errors = weight * x + bias - y
        slope_weight, slope_bias = 2 * (errors * x).mean(), 2 * errors.mean()
        weight = -learning_rate * slope_weight
        bias = -learning_rate * slope_bias
        path.append((weight, bias))
    return np.array(path)


# %% [markdown] hint="descend" step=1
# Two numbers are multiplied to make a step. And the sign: at (0, 0) the slope of the weight is −13. Is the valley to the
# left of you, or to the right?

# %% [markdown] hint="descend" step=2
# On paper, one number: loss (w − 3)², start 0, rate 0.1. The slope at 0 is −6, so w becomes 0 − 0.1 · (−6) = 0.6. There
# the slope is −4.8, and w becomes 1.08. The path of two steps: 0, 0.6, 1.08. Three points.

# %% [markdown] hint="descend" step=3
# ```python
# path = [(weight, bias)]
# ...
#     weight -= learning_rate * ...
#     bias -= ...
#     path.append(...)
# ```

# %% picture="descend" alt="The loss as an oblique valley over weight and bias; fifteen steps lead from (0, 0) into it and creep towards the cross at (2, 1)."
import matplotlib.pyplot as plt

from course_lib import figures
from course_lib.figures.neurons import plot_descent

figures.use_course_style()
x, y = np.array([1.0, 2.0]), np.array([3.0, 5.0])
figure, ax = plt.subplots(figsize=(4.6, 3.4))
plot_descent(descend(x, y, 0.1, 15), x, y, ax)
ax.set_title("15 steps at a rate of 0.1")
figures.show(
    figure,
    alt="The loss as an oblique valley over weight and bias; fifteen steps lead from (0, 0) into it and creep towards "
    "the cross at (2, 1).",
)

# %% [markdown]
# ## Task 4 · The way back (6 points)
#
# Back-propagation through a net with one hidden layer. Forward is given; the five steps back are yours.
#
# | | |
# |---|---|
# | `x` | array (N, D) |
# | `y` | array **(N,)**, targets 0 or 1 |
# | `w1`, `b1` | arrays (D, H) and (H,): the hidden layer, with ReLU (take its slope at exactly 0 as 0) |
# | `w2`, `b2` | arrays (H, 1) and (1,): the output, with sigmoid |
# | loss | mean over the N cases of (p − y)², as in the lecture |
# | returns | dict with the slopes of the loss by `"w1"`, `"b1"`, `"w2"`, `"b2"`, each of the shape of its parameter |
#
# Mind the shapes: the answers p are (N, 1).


# %% task="backward" points=6
def backward(x, y, w1, b1, w2, b2):
    """Return the slopes of the mean squared error by all four parameters of the net."""
    z1 = x @ w1 + b1  # (N, H)
    a1 = np.maximum(z1, 0)  # (N, H)
    z2 = a1 @ w2 + b2  # (N, 1)
    p = 1 / (1 + np.exp(-z2))  # (N, 1)
    # 1 loss, 2 sigmoid, 3 last layer, 4 ReLU, 5 first layer
    ### BEGIN SOLUTION
    # equivalent: `len(x)`: an input row for each target
    dp = 2 * (p - y[:, None]) / len(y)  # (N, 1)
    dz2 = dp * p * (1 - p)  # (N, 1)
    # equivalent: `dz2 * w2.T`: a column times a row is their outer product
    da1 = dz2 @ w2.T  # (N, H)
    dz1 = da1 * (z1 > 0)  # (N, H)
    return {"w1": x.T @ dz1, "b1": dz1.sum(axis=0), "w2": a1.T @ dz2, "b2": dz2.sum(axis=0)}
    ### END SOLUTION


# %% check="backward" requirement="slopes have the shapes of their parameters" points=1
x, y = np.array([[1.0, 0, 2], [2, 1, 0]]), np.array([1.0, 0])  # 2 cases, 3 inputs, 4 hidden neurons
w1, b1 = np.array([[1.0, -1, 0, 2], [0, 1, 1, -1], [1, 0, -2, 1]]), np.array([0.5, 0, 1, -1])
w2, b2 = np.array([[1.0], [-2], [1], [-1]]), np.array([0.25])
got = backward(x, y, w1, b1, w2, b2)
shapes = {name: np.shape(got[name]) for name in ("w1", "b1", "w2", "b2")}
assert shapes == {"w1": (3, 4), "b1": (4,), "w2": (4, 1), "b2": (1,)}, explain(
    "The shapes of backward(…) with 3 inputs and 4 hidden neurons",
    shapes,
    "w1 (3, 4), b1 (4,), w2 (4, 1), b2 (1,)",
    known=[
        (
            {"w1": (3, 4), "b1": (4,), "w2": (4, 2), "b2": (2,)},
            "The answers are (2, 1) and the targets (2,): print p − y. How many differences were taken?",
        ),
        (
            {"w1": (4, 3), "b1": (4,), "w2": (1, 4), "b2": (1,)},
            "Each is there, but lies on its side: turn the products.",
        ),
    ],
    ask="A slope has the shape of what it is the slope of. Which factor must be turned so that it fits?",
)

# %% check="backward" requirement="the last layer: loss and sigmoid" points=1
x, y = np.array([[1.0], [2], [-1]]), np.array([1.0, 0, 1])  # 3 cases, 1 input, 2 hidden neurons
got = backward(x, y, np.array([[1.0, -1]]), np.array([0, 0.5]), np.array([[1.0], [-2]]), np.array([0.5]))
assert np.allclose(got["w2"], [[0.068242], [-0.064786]], atol=1e-5), explain(
    'backward(…)["w2"] for answers p = 0.818, 0.924, 0.076 and hidden outputs (1, 0), (2, 0), (0, 1.5)',
    got["w2"],
    "[[0.0682], [−0.0648]]",
    known=[
        (
            [[0.224779], [-0.230703]],
            "You hold the output of the sigmoid already. Can its slope be written with p alone?",
        ),
        ([[0.204727], [-0.194357]], "Loss and slope must agree on N. Would your slope double with twice the data?"),
        (
            [[-0.068242], [0.064786]],
            "The size is right. Is the error the answer minus the truth, or the other way round?",
        ),
        ([[0.034121], [-0.032393]], "Nearly there: the outer derivative of the square is missing."),
        ([[1.110572], [-0.924142]], "The loss is differentiated. Through which function does the slope go next?"),
        ([[0.039072], [-0.041418]], "Each answer was compared with every target: what is the shape of p − y?"),
    ],
    ask="First case by hand: p = 0.818, y = 1, so dp = 2 · (−0.182) / 3. What does the sigmoid make of it, and which "
    "hidden outputs spoke to it?",
)
assert np.allclose(got["b2"], [-0.018139], atol=1e-5), explain(
    'backward(…)["b2"] of the same net',
    got["b2"],
    "[−0.0181]",
    known=[([-0.018139 / 3], "The mean over the cases is in the loss already. How do the cases add up in the bias?")],
    ask="The bias speaks to every case with weight 1. What is its slope, then?",
)

# %% check="backward" requirement="through the ReLU into the first layer" points=1 after="Why can a ReLU that is shut for all cases never open again?"
x, y = np.array([[1.0], [2], [-1]]), np.array([1.0, 0, 1])
got = backward(x, y, np.array([[1.0, -1]]), np.array([0, 0.5]), np.array([[1.0], [-2]]), np.array([0.5]))
assert np.allclose(got["w1"], [[0.068242, -0.086381]], atol=1e-5), explain(
    'backward(…)["w1"] for z1 = (1, −0.5), (2, −1.5), (−1, 1.5)',
    got["w1"],
    "[[0.0682, −0.0864]]",
    known=[
        (
            [[0.086381, -0.050104]],
            "ReLU decided to open or to shut on the way forward. At what did it look: at the slope that comes back?",
        ),
        ([[0.111433, -0.222866]], "Every gate is open in yours. Which of the hidden sums are below zero?"),
        ([[0.224779, -0.307605]], "The ReLU is right. Is the slope of the sigmoid taken from its answer p?"),
        ([[0.204727, -0.259143]], "The ReLU is right. Does your slope grow with the number of cases?"),
        ([[-0.068242, 0.086381]], "The ReLU is right. Is the error the answer minus the truth?"),
    ],
    ask="What reaches hidden neuron 1 from case 1: dz2 times which weight? And is its gate open there?",
)
assert np.allclose(got["b1"], [0.025052, 0.086381], atol=1e-5), explain(
    'backward(…)["b1"] of the same net',
    got["b1"],
    "[0.0251, 0.0864]",
    ask="w1 is right. A bias is a weight whose input is always 1: what becomes of x.T @ dz1 then?",
)

# %% hidden="backward" requirement="any net and any data" points=3
for trial in range(8):
    cases, inputs, hidden = (int(n) for n in rng.integers((3, 2, 2), (8, 5, 6)))
    x, y = rng.integers(-2, 3, size=(cases, inputs)).astype(float), rng.integers(0, 2, size=cases).astype(float)
    w1, b1 = rng.integers(-2, 3, size=(inputs, hidden)).astype(float), rng.integers(-1, 2, size=hidden).astype(float)
    if trial % 2:  # sums of exactly zero in half of the trials, none in the others
        w1, b1 = w1 + rng.normal(0, 0.3, size=w1.shape), b1 + rng.normal(0, 0.3, size=hidden)
    w2, b2 = rng.normal(size=(hidden, 1)), rng.normal(size=1)
    given = {"w1": w1, "b1": b1, "w2": w2, "b2": b2}
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in given.items()}
    sums = torch.tensor(x) @ tensors["w1"] + tensors["b1"]
    answers = torch.sigmoid(sums.relu() @ tensors["w2"] + tensors["b2"])[:, 0]
    (answers - torch.tensor(y)).square().mean().backward()
    got = backward(x, y, **given)
    for name in ("b2", "w2", "b1", "w1"):
        right = tensors[name].grad.numpy()
        assert np.shape(got[name]) == right.shape, "A slope has the shape of its parameter: look at p − y first."
        assert np.allclose(got[name], right, atol=1e-8), hint_for(
            got[name],
            known=[
                (cases * right, "Loss and slope must agree on N: a mean is no sum."),
                (-right, "Is the error the answer minus the truth, or the other way round?"),
                (right / 2, "The outer derivative of the square is missing."),
            ],
            otherwise={
                "b2": "The output's bias is off: does the slope pass the loss and the sigmoid, once each?",
                "w2": "The output's weights are off: which hidden outputs spoke to them?",
                "b1": "The hidden biases are off: which gates were open, and which weight leads back to each neuron?",
                "w1": "The hidden weights are off: which inputs spoke to them?",
            }[name],
        )


# %% right="backward"
def backward(x, y, w1, b1, w2, b2):  # case by case
    slopes = {"w1": np.zeros_like(w1), "b1": np.zeros_like(b1), "w2": np.zeros_like(w2), "b2": np.zeros_like(b2)}
    for case, target in zip(x, y, strict=True):
        z1 = case @ w1 + b1
        a1 = np.where(z1 > 0, z1, 0)
        p = 1 / (1 + np.exp(-(a1 @ w2[:, 0] + b2[0])))
        dz2 = 2 * (p - target) * p * (1 - p) / len(y)
        dz1 = np.where(z1 > 0, dz2 * w2[:, 0], 0)
        slopes["w1"] += np.outer(case, dz1)
        slopes["b1"] += dz1
        slopes["w2"] += (a1 * dz2)[:, None]
        slopes["b2"] += dz2
    return slopes


# %% right="backward"
def backward(x, y, w1, b1, w2, b2):  # let autograd do it
    given = {"w1": w1, "b1": b1, "w2": w2, "b2": b2}
    t = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in given.items()}
    hidden = (torch.tensor(x, dtype=torch.float64) @ t["w1"] + t["b1"]).relu()
    p = torch.sigmoid(hidden @ t["w2"] + t["b2"])[:, 0]
    (p - torch.tensor(y, dtype=torch.float64)).square().mean().backward()
    return {name: tensor.grad.numpy() for name, tensor in t.items()}


# %% wrong="backward" hint="written with p alone"
def backward(x, y, w1, b1, w2, b2):  # the sigmoid of a sigmoid
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    z1 = x @ w1 + b1
    a1 = np.maximum(z1, 0)
    p = sigmoid(a1 @ w2 + b2)
    dp = 2 * (p - y[:, None]) / len(y)
    dz2 = dp * sigmoid(p) * (1 - sigmoid(p))
    dz1 = dz2 @ w2.T * (z1 > 0)
    return {"w1": x.T @ dz1, "b1": dz1.sum(axis=0), "w2": a1.T @ dz2, "b2": dz2.sum(axis=0)}


# %% wrong="backward" hint="At what did it look"
def backward(x, y, w1, b1, w2, b2):  # the gate looks at the incoming slope
    z1 = x @ w1 + b1
    a1 = np.maximum(z1, 0)
    p = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    dz2 = 2 * (p - y[:, None]) / len(y) * p * (1 - p)
    da1 = dz2 @ w2.T
    dz1 = da1 * (da1 > 0)
    return {"w1": x.T @ dz1, "b1": dz1.sum(axis=0), "w2": a1.T @ dz2, "b2": dz2.sum(axis=0)}


# %% wrong="backward" hint="Every gate is open"
def backward(x, y, w1, b1, w2, b2):  # no gate
    z1 = x @ w1 + b1
    a1 = np.maximum(z1, 0)
    p = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    dz2 = 2 * (p - y[:, None]) / len(y) * p * (1 - p)
    dz1 = dz2 @ w2.T
    return {"w1": x.T @ dz1, "b1": dz1.sum(axis=0), "w2": a1.T @ dz2, "b2": dz2.sum(axis=0)}


# %% wrong="backward" hint="Loss and slope must agree on N"
def backward(x, y, w1, b1, w2, b2):  # sum for mean
    z1 = x @ w1 + b1
    a1 = np.maximum(z1, 0)
    p = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    dz2 = 2 * (p - y[:, None]) * p * (1 - p)
    dz1 = dz2 @ w2.T * (z1 > 0)
    return {"w1": x.T @ dz1, "b1": dz1.sum(axis=0), "w2": a1.T @ dz2, "b2": dz2.sum(axis=0)}


# %% wrong="backward" hint="How many differences were taken"
def backward(x, y, w1, b1, w2, b2):  # a column minus a row
    z1 = x @ w1 + b1
    a1 = np.maximum(z1, 0)
    p = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    dz2 = 2 * (p - y) / len(y) * p * (1 - p)  # (N, N)
    dz1 = dz2.sum(axis=1, keepdims=True) @ w2.T * (z1 > 0)
    return {"w1": x.T @ dz1, "b1": dz1.sum(axis=0), "w2": a1.T @ dz2, "b2": dz2.sum(axis=0)}


# %% wrong="backward" hint="Is the error the answer minus the truth"
def backward(x, y, w1, b1, w2, b2):  # truth minus answer
    z1 = x @ w1 + b1
    a1 = np.maximum(z1, 0)
    p = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    dz2 = 2 * (y[:, None] - p) / len(y) * p * (1 - p)
    dz1 = dz2 @ w2.T * (z1 > 0)
    return {"w1": x.T @ dz1, "b1": dz1.sum(axis=0), "w2": a1.T @ dz2, "b2": dz2.sum(axis=0)}


# %% wrong="backward" hint="Through which function does the slope go next"
def backward(x, y, w1, b1, w2, b2):  # the sigmoid is left out
    z1 = x @ w1 + b1
    a1 = np.maximum(z1, 0)
    p = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    dz2 = 2 * (p - y[:, None]) / len(y)
    dz1 = dz2 @ w2.T * (z1 > 0)
    return {"w1": x.T @ dz1, "b1": dz1.sum(axis=0), "w2": a1.T @ dz2, "b2": dz2.sum(axis=0)}


# %% [markdown] hint="backward" step=1
# Write one line for each line of the forward pass, the last one first. Under each, its shape. The slope of a sum by a
# weight is what the weight was multiplied with; by a bias it is 1, for every case. Which line comes
# first on the way back?

# %% [markdown] hint="backward" step=2
# One case, one hidden neuron: x = 1, w1 = 1, b1 = 0, so z1 = a1 = 1; w2 = 2, b2 = −2, so z2 = 0 and p = 0.5; y = 1. Back:
# dp = 2 · (−0.5) = −1; dz2 = −1 · 0.5 · 0.5 = −0.25; slope of w2 = −0.25 · a1 = −0.25; da1 = −0.25 · w2 = −0.5; the gate is
# open, dz1 = −0.5; slope of w1 = −0.5 · x = −0.5.

# %% [markdown] hint="backward" step=3
# ```python
# dp = 2 * (p - y[:, None]) / len(y)
# dz2 = dp * p * ...
# da1 = dz2 @ w2.T
# dz1 = da1 * (... > 0)
# return {"w1": x.T @ dz1, "b1": ..., "w2": ... @ dz2, "b2": ...}
# ```

# %% [markdown]
# ## Task 5 · A step of training, without an optimiser (5 points)
#
# Now torch finds the slopes, and you take the step yourself, as `torch.optim.SGD` would.
#
# | | |
# |---|---|
# | `net` | a module; `net(inputs)` gives answers **(N, 1)** |
# | `inputs` | float tensor (N, D) |
# | `targets` | float tensor **(N,)** |
# | `learning_rate` | number > 0 |
# | loss | mean over the N cases of (answer − target)² |
# | does | moves every parameter of the net *in place*, by the rate, against its slope; slopes from earlier do not count |
# | returns | float: the loss *before* the step |
#
# The parameters must stay those of the net: torch goes on watching the same tensors.


# %% task="sgd_step" points=5 withhold="course_lib.training.loop"
def sgd_step(net, inputs, targets, learning_rate):
    """Take one step of gradient descent on the mean squared error, and return the loss before it."""
    ### BEGIN SOLUTION
    # equivalent: `targets -` `[:, -1]`: it is squared, and there is one column
    loss = (net(inputs)[:, 0] - targets).square().mean()
    net.zero_grad()
    loss.backward()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter -= learning_rate * parameter.grad
    return loss.item()
    ### END SOLUTION


# %% check="sgd_step" requirement="the loss compares each answer with its own target" points=1
net = there("torch.nn.Linear(1, 1)")
net.load_state_dict({"weight": torch.tensor([[1.0]]), "bias": torch.tensor([0.0])})  # it says what it is shown
got = sgd_step(net, torch.tensor([[1.0], [2], [3]]), torch.tensor([1.0, 2, 6]), 0.1)
assert isinstance(got, float), explain(
    "sgd_step(…)",
    got,
    "a float",
    ask="A tensor that is kept for the log keeps all that led to it. How do you get the bare number?",
)
assert abs(got - 3) < 1e-5, explain(
    "sgd_step for the answers [[1], [2], [3]] and the targets [1, 2, 6]",
    got,
    "(0 + 0 + 9) / 3 = 3",
    known=[
        (57 / 9, "Nine differences were taken, not three. Print both shapes: what is a column minus a row?"),
        (9.0, "That is the sum of the squares. The loss is their mean: over how many?"),
        (1.0, "Is that the mean of the squares, or of the sizes?"),
    ],
    ask="Which shape have the answers, which the targets, and which the difference?",
)

# %% check="sgd_step" requirement="moves the net's own parameters downhill" points=1
net = there("torch.nn.Linear(1, 1)")
net.load_state_dict({"weight": torch.tensor([[0.0]]), "bias": torch.tensor([0.0])})
problem = ""
try:
    sgd_step(net, torch.tensor([[1.0], [2]]), torch.tensor([3.0, 5]), 0.1)
except NotImplementedError:  # a RuntimeError, too: nothing was tried yet
    raise
except RuntimeError as error:
    problem = str(error)
assert "in-place" not in problem, explain(
    "sgd_step(…)",
    problem,
    "a step",
    ask="Torch records what happens to a parameter, and the step itself must not be recorded. Which block turns it off?",
)
assert problem == "", explain("sgd_step(…)", problem, "a step", ask="What does that message say about the loss?")
state = net.state_dict()
moved = [state["weight"].item(), state["bias"].item()]
assert np.allclose(moved, [1.3, 0.8], atol=1e-4), explain(
    "Weight and bias, 0 and 0 before, after sgd_step with inputs [[1], [2]], targets [3, 5] and a rate of 0.1,",
    moved,
    "[1.3, 0.8]",
    known=[
        ([0.0, 0.0], "The net has not moved. Is what you assigned to still the tensor that the net holds?"),
        ([-1.3, -0.8], "Did the loss fall? Which way does a slope point?"),
        ([13.0, 8.0], "The direction is right. What makes a step short?"),
        ([2.6, 1.6], "Twice as far as it should go. Is the loss a mean?"),
        ([1.2, 0.8], "The weight is off: was each answer compared with its own target?"),
    ],
    ask="The slopes are −13 and −8. What is a tenth of that, and which way is down?",
)

# %% check="sgd_step" requirement="forgets the slopes of earlier steps" points=1 after="SGD with momentum remembers on purpose. What is the difference to forgetting zero_grad?"
net = there("torch.nn.Linear(1, 1)")
net.load_state_dict({"weight": torch.tensor([[0.0]]), "bias": torch.tensor([0.0])})
for _ in range(2):
    sgd_step(net, torch.tensor([[1.0], [2]]), torch.tensor([3.0, 5]), 0.1)
state = net.state_dict()
moved = [state["weight"].item(), state["bias"].item()]
assert np.allclose(moved, [1.71, 1.05], atol=1e-4), explain(
    "Weight and bias after two steps",
    moved,
    "[1.71, 1.05]",
    known=[
        ([3.01, 1.85], "The second step went too far. Is its slope new, or new plus old?"),
        ([1.3, 0.8], "The first step is right, the second did not happen. Does torch still watch the parameters?"),
        ([0.0, 0.0], "The net has not moved. Is what you assigned to still the tensor that the net holds?"),
        ([1.56, 1.08], "The first step is off already: was each answer compared with its own target?"),
        ([1.64, 1.0], "The first step is off already: is the loss a mean?"),
        ([-3.49, -2.15], "The first step is off already: which way does a slope point?"),
    ],
    ask="What does `backward` do with slopes that are already there?",
)

# %% hidden="sgd_step" requirement="any net, several steps" points=2
for _ in range(3):
    inputs_number, hidden = (int(n) for n in rng.integers((2, 2), (5, 5)))
    layers = f"torch.nn.Sequential(torch.nn.Linear({inputs_number}, {hidden}), torch.nn.Tanh(), torch.nn.Linear({hidden}, 1))"
    net = there(layers)
    ours = torch.nn.Sequential(torch.nn.Linear(inputs_number, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, 1))
    ours.load_state_dict({key: torch.tensor(rng.normal(size=p.shape)).float() for key, p in ours.state_dict().items()})
    net.load_state_dict(ours.state_dict())
    rate = float(rng.uniform(0.05, 0.3))
    optimizer = torch.optim.SGD(ours.parameters(), lr=rate)
    for _ in range(3):
        cases = int(rng.integers(3, 7))
        inputs = torch.tensor(rng.normal(size=(cases, inputs_number))).float()
        targets = torch.tensor(rng.normal(size=cases)).float()
        answers = ours(inputs)
        loss = (answers[:, 0] - targets).square().mean()
        got = sgd_step(net, inputs, targets, rate)
        assert isinstance(got, float), "Return a float, not a tensor with its history."
        assert abs(got - loss.item()) < 1e-3, hint_for(
            got,
            known=[
                ((answers - targets).square().mean().item(), "Was each answer compared with its own target only?"),
                (cases * loss.item(), "The loss is a mean, not a sum."),
            ],
            otherwise="The loss of a later step is off: did the step before use its own slopes, and no others?",
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    mine = net.state_dict()
    assert all(torch.allclose(mine[key], value, atol=1e-3) for key, value in ours.state_dict().items()), (
        "After three steps a parameter is off: does every one of them move, each against its own slope?"
    )


# %% right="sgd_step"
def sgd_step(net, inputs, targets, learning_rate):  # slopes without .grad, so that nothing needs to be forgotten
    parameters = list(net.parameters())
    loss = torch.nn.functional.mse_loss(net(inputs), targets.unsqueeze(1))
    slopes = torch.autograd.grad(loss, parameters)
    for parameter, slope in zip(parameters, slopes, strict=True):
        parameter.data.sub_(learning_rate * slope)
    return float(loss)


# %% right="sgd_step"
def sgd_step(net, inputs, targets, learning_rate):  # the library's optimiser, made anew
    optimizer = torch.optim.SGD(net.parameters(), lr=learning_rate)
    optimizer.zero_grad()
    loss = ((net(inputs).flatten() - targets) ** 2).mean()
    loss.backward()
    optimizer.step()
    return loss.item()


# %% wrong="sgd_step" hint="Nine differences"
def sgd_step(net, inputs, targets, learning_rate):  # a column minus a row
    loss = (net(inputs) - targets).square().mean()
    net.zero_grad()
    loss.backward()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter -= learning_rate * parameter.grad
    return loss.item()


# %% wrong="sgd_step" hint="still the tensor that the net holds"
def sgd_step(net, inputs, targets, learning_rate):  # a new tensor beside the net
    loss = (net(inputs)[:, 0] - targets).square().mean()
    net.zero_grad()
    loss.backward()
    for parameter in net.parameters():
        parameter = parameter - learning_rate * parameter.grad
    return loss.item()


# %% wrong="sgd_step" hint="Which block turns it off"
def sgd_step(net, inputs, targets, learning_rate):  # the step is recorded
    loss = (net(inputs)[:, 0] - targets).square().mean()
    net.zero_grad()
    loss.backward()
    for parameter in net.parameters():
        parameter -= learning_rate * parameter.grad
    return loss.item()


# %% wrong="sgd_step" hint="new plus old"
def sgd_step(net, inputs, targets, learning_rate):  # slopes pile up
    loss = (net(inputs)[:, 0] - targets).square().mean()
    loss.backward()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter -= learning_rate * parameter.grad
    return loss.item()


# %% wrong="sgd_step" hint="Which way does a slope point"
def sgd_step(net, inputs, targets, learning_rate):  # uphill
    loss = (net(inputs)[:, 0] - targets).square().mean()
    net.zero_grad()
    loss.backward()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += learning_rate * parameter.grad
    return loss.item()


# %% wrong="sgd_step" hint="sum of the squares"
def sgd_step(net, inputs, targets, learning_rate):  # sum for mean
    loss = (net(inputs)[:, 0] - targets).square().sum()
    net.zero_grad()
    loss.backward()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter -= learning_rate * parameter.grad
    return loss.item()


# %% wrong="sgd_step" hint="the bare number"
def sgd_step(net, inputs, targets, learning_rate):  # a tensor with its graph
    loss = (net(inputs)[:, 0] - targets).square().mean()
    net.zero_grad()
    loss.backward()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter -= learning_rate * parameter.grad
    return loss


# %% [markdown] hint="sgd_step" step=1
# Four things: the loss of the answers (of which shape?), clean slopes, slopes, the step. For the step, two questions: how
# do you change a tensor instead of making a new one, and how do you keep torch from recording it?

# %% [markdown] hint="sgd_step" step=2
# `a = a - 1` makes a new tensor and calls it a; the old one, which the net holds, is as it was. `a -= 1` changes the old
# one. For a parameter torch forbids that, unless it stands in `with torch.no_grad():`. And slopes: after `backward` twice
# on (3w − 10)² at w = 2, `w.grad` is −48, not −24. What must happen in between?

# %% [markdown] hint="sgd_step" step=3
# ```python
# loss = (net(inputs)[:, 0] - targets).square().mean()
# ...  # clean, then slopes
# with torch.no_grad():
#     for parameter in net.parameters():
#         ...
# return loss.item()
# ```

# %% [markdown]
# ## Before you go
#
# One sentence each, without looking back; nobody marks them. Why would a walk that mixes two points still arrive, and one
# uphill not? Why does the ReLU of the way back look at z1 and not at the slope that comes in? In `sgd_step`, why would
# `p = p - rate * p.grad` leave the net as it was?
