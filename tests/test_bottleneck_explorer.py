"""The explorer of lesson 06: it starts with the numbers of the lecture, and says when nothing is saved."""

import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from course_lib.widgets import bottleneck
from course_lib.widgets.bottleneck import bottleneck_explorer

mpl.use("Agg")


def drawn(**values: int) -> tuple[str, list[str]]:
    """The title, and the numbers behind the two bars."""
    figure = bottleneck._draw_bottleneck(**values)
    plt.close(figure)
    (ax,) = figure.axes
    return ax.get_title(loc="left"), [text.get_text() for text in ax.texts]


def test_it_starts_with_the_branch_of_the_lecture(capsys: pytest.CaptureFixture[str]) -> None:
    title, numbers = drawn()
    assert numbers == ["112.9", "5.3"]
    assert "21.4 times fewer" in title
    bottleneck_explorer()
    plt.close("all")
    said = capsys.readouterr().out
    assert all(number in said for number in ("112.9", "5.3", "342.9"))


@pytest.mark.parametrize(("reduced", "saved"), [(340, True), (344, False)])
def test_the_bound_in_the_title_is_where_the_saving_ends(reduced: int, saved: bool) -> None:
    title, _ = drawn(bottleneck=reduced)
    assert "342.9" in title
    assert ("times fewer" in title) == saved
    assert ("nothing is saved" in title) != saved


def test_the_grid_does_not_change_the_ratio() -> None:
    assert all("21.4 times fewer" in drawn(grid=grid)[0] for grid in (7, 28, 56))


def test_every_corner_of_the_controls_can_be_drawn() -> None:
    for values in itertools.product((16, 832), (4, 512), (16, 384), (1, 7), (7, 56)):
        names = ("in_channels", "bottleneck", "out_channels", "kernel_size", "grid")
        _, numbers = drawn(**dict(zip(names, values, strict=True)))
        assert len(numbers) == 2
