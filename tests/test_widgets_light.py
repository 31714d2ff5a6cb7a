"""Light figures look like those of Matplotlib: the same words and ticks in the same places."""

import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from course_lib.figures.page import STYLE
from course_lib.widgets.light import lighten, write_words

mpl.use("Agg")


@pytest.fixture(autouse=True)
def style() -> object:
    with plt.style.context(STYLE):
        yield


def draw(scale: str = "linear") -> Figure:
    figure = plt.figure(figsize=(4, 3), layout="none")
    ax = figure.add_axes((0.2, 0.25, 0.6, 0.6), xlim=(1, 40), ylim=(1e-8, 1e8) if scale == "log" else (-2, 2))
    ax.set(xlabel="age (years)", ylabel="loss", yscale=scale)
    ax.set_title("a title of words")
    twin = ax.twinx()
    twin.set(ylim=(0, 1), ylabel="shade")
    twin.spines["right"].set_visible(True)
    figure.text(0.02, 0.02, "a line: 3 − 1 = 2", color="#A33F00", fontweight="bold")
    ax.text(0.5, 0.5, "middle", transform=ax.transAxes, ha="center", va="center")
    plt.close(figure)
    return figure


def ink(figure: Figure) -> np.ndarray:
    """How dark each pixel is, each place mixed with those around it: letters are sharper or softer, not elsewhere."""
    png = io.BytesIO()
    figure.savefig(png, dpi=100)
    return 255 - np.asarray(Image.open(png).convert("L").reduce(5), dtype=float)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_a_light_figure_has_its_ink_where_matplotlib_has_it(scale: str) -> None:
    wanted, light = ink(draw(scale)), ink(lighten(draw(scale)))
    assert np.corrcoef(wanted.ravel(), light.ravel())[0, 1] > 0.93  # moved by 2 pixels it is below 0.9
    assert light.sum() == pytest.approx(wanted.sum(), rel=0.1)


def test_what_the_axes_know_stays() -> None:
    figure = lighten(draw())
    ax, twin = figure.axes
    assert (ax.get_xlabel(), twin.get_ylabel(), ax.get_title(loc="left")) == (
        "age (years)",
        "shade",
        "a title of words",
    )
    assert figure.texts[0].get_text() == "a line: 3 − 1 = 2"


def test_what_is_not_a_straight_line_of_words_is_left_to_matplotlib() -> None:
    figure = plt.figure(layout="none")
    turned = figure.text(0.5, 0.5, "turned", rotation=30)
    formula = figure.text(0.5, 0.5, "$x^2$")
    boxed = figure.text(0.5, 0.5, "boxed", bbox={"facecolor": "white"})
    lighten(figure)
    assert all(text.get_visible() for text in (turned, formula, boxed))
    plt.close(figure)


def test_an_axis_without_a_number_or_a_name_is_drawn() -> None:
    figure = plt.figure(layout="none")
    figure.add_axes((0.1, 0.1, 0.8, 0.8), xticks=[], yticks=[0], yticklabels=[" "])
    assert ink(lighten(figure)).any()
    plt.close(figure)


def test_words_are_centred_at_their_places() -> None:
    figure = plt.figure(figsize=(1, 1), layout="none")
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, 1), ylim=(0, 1))
    ax.set_axis_off()
    write_words(["00"], [(0.5, 0.5)], ax, points=20, colours=["black"])
    png = io.BytesIO()
    figure.savefig(png, dpi=100)
    rows, columns = np.nonzero(np.asarray(Image.open(png).convert("L")) < 128)
    assert np.mean(columns) == pytest.approx(49.5, abs=1)
    assert np.mean(rows) == pytest.approx(49.5, abs=1)
    plt.close(figure)
