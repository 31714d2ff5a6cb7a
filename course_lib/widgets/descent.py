"""A neuron that walks down its loss, with a step that can be made too small or too large."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from course_lib.figures.neurons import plot_descent
from course_lib.figures.page import BLUE, GREY, INK, RUST
from course_lib.widgets.explorer import explore
from course_lib.widgets.light import lighten

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["descent_explorer"]

X, Y = np.array([1.0, 2.0]), np.array([3.0, 5.0])  # the two cases of lecture 02
STARTS = {"weight 0, bias 0": (0.0, 0.0), "weight 0, bias 5": (0.0, 5.0)}
DOWNHILL, UPHILL = "− (downhill)", "+ (as printed on the slide)"


def descent_explorer() -> None:
    """Change rate, steps and sign of gradient descent on a neuron with one weight and one bias.

    Examples
    --------
    >>> descent_explorer()  # doctest: +ELLIPSIS
    Left, contours of the loss...
    """
    explore(
        _draw_descent,
        alt="Left, contours of the loss over weight and bias: a long narrow valley. Ten steps at a rate of 0.1 "
        "lead from (0, 0) down its side in three strides, and then creep towards the cross at (2, 1). Right, "
        "the loss after each step: it falls from 17 to 0.002, steeply for four steps, then hardly.",
        learning_rate=(0.01, 0.6, 0.01),
        steps=(0, 40),
        sign=[DOWNHILL, UPHILL],
        start=STARTS,
        standardised_input=False,
    )


def _draw_descent(
    *,
    learning_rate: float = 0.1,
    steps: int = 10,
    sign: str = DOWNHILL,
    start: tuple[float, float] = (0.0, 0.0),
    standardised_input: bool = False,
) -> Figure:
    """Draw the walk on the loss, the loss after each step, and what the slope allows."""
    x = (X - X.mean()) / X.std() if standardised_input else X
    path = _walk(x, start, learning_rate=learning_rate if sign == DOWNHILL else -learning_rate, steps=steps)
    losses = np.square(path[:, :1] * x + path[:, 1:] - Y).mean(axis=1)
    curvature = np.linalg.eigvalsh(2 * np.array([[np.mean(x**2), x.mean()], [x.mean(), 1]]))[-1]
    figure = plt.figure(figsize=(7.6, 4.1), layout="none")
    left, right = figure.add_axes((0.08, 0.3, 0.4, 0.63)), figure.add_axes((0.59, 0.3, 0.39, 0.63))
    plot_descent(path, x, Y, left)
    left.set_title("loss over weight and bias")
    right.plot(np.maximum(losses, 1e-8), color=BLUE, linestyle="-", marker="o", markersize=4)
    right.set(yscale="log", xlim=(-1, 41), ylim=(1e-8, 1e8), xlabel="step", ylabel="loss")
    right.set_title("loss after each step")
    weight, bias = path[-1]
    bad = losses[-1] > losses[0]
    verdict = "higher than" if bad else "lower than" if steps else "as high as"
    lines = {
        f"Steepest curvature {curvature:.2f}: a rate above 2 / {curvature:.2f} = {2 / curvature:.3f} climbs.": GREY,
        f"After {steps} steps: weight {weight:.4g}, bias {bias:.4g}.": INK,
        f"Loss {losses[0]:.4g} at the start, {losses[-1]:.4g} now: {verdict} before.": RUST if bad else INK,
    }
    for number, (line, colour) in enumerate(lines.items()):
        figure.text(0.03, 0.13 - 0.05 * number, line.replace("-", "−"), color=colour)
    return lighten(figure)


def _walk(
    x: NDArray[np.float64], start: tuple[float, float], *, learning_rate: float, steps: int
) -> NDArray[np.float64]:
    """Return weight and bias from the start to the last step, (steps + 1, 2)."""
    path = np.tile(np.asarray(start, dtype=np.float64), (steps + 1, 1))
    for step in range(steps):
        errors = path[step, 0] * x + path[step, 1] - Y
        slopes = 2 * np.array([np.mean(errors * x), np.mean(errors)])
        path[step + 1] = path[step] - learning_rate * slopes
    return path
