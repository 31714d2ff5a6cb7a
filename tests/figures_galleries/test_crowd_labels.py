"""The gallery of the crowd."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest

from course_lib.data.phantoms.crowd_labels import make_crowd_labels
from course_lib.figures.galleries.crowd_labels import plot_crowd_labels


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def test_it_draws_votes_annotators_and_the_majority() -> None:
    cases = make_crowd_labels(200, prevalences=(0.5, 0.3, 0.2))
    figure = plot_crowd_labels(cases)
    figure.canvas.draw()
    votes, people, majority = figure.axes
    assert [label.get_text() for label in votes.get_xticklabels()] == ["truth", *cases.kinds]
    assert [text.get_text() for text in votes.get_legend().get_texts()] == [
        "class 0",
        "class 1",
        "class 2",
        "not asked",
    ]
    assert people.get_xlabel() == "share of right answers"
    assert len(people.patches) == 15
    assert majority.get_xlabel() == "hardness (0 … 1)"


def test_a_bar_is_the_share_of_right_answers() -> None:
    cases = make_crowd_labels(200)
    asked = cases.votes[:, 3] >= 0
    bar = plot_crowd_labels(cases).axes[1].patches[3]
    assert bar.get_width() == pytest.approx((cases.votes[asked, 3] == cases.truth[asked]).mean())


def test_items_without_hardness_are_drawn_too() -> None:
    assert len(plot_crowd_labels(make_crowd_labels(20, max_hardness=0)).axes) == 3


def test_too_few_items_are_named() -> None:
    with pytest.raises(ValueError, match="needs 10 items or more of 6 classes or fewer, got 9, 2"):
        plot_crowd_labels(make_crowd_labels(9))
