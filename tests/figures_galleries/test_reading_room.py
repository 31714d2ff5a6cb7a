"""The gallery of the reading room."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_lib.data.phantoms.reading_room import make_reading_room, read_studies
from course_lib.figures.galleries.reading_room import plot_reading_room


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def test_it_draws_arrivals_queue_and_waits_with_units() -> None:
    room = make_reading_room(2000)
    figure = plot_reading_room(room)
    figure.canvas.draw()
    day, queue, waits = figure.axes
    assert (day.get_xlabel(), day.get_ylabel()) == ("hour of the day", "studies an hour")
    assert (queue.get_xlabel(), queue.get_ylabel()) == ("time (days)", "studies that wait")
    assert waits.get_xlabel() == "from arrival to report (hours)"
    assert [text.get_text() for text in waits.get_legend().get_texts()] == ["as ordered", "with the net"]
    assert waits.get_yticklabels()[0].get_text() == "bleeding, flagged by the net"
    assert sum(bar.get_height() for bar in day.patches) == pytest.approx(2000 / (room.arrival_minutes[-1] / 1440))


def test_the_points_are_medians() -> None:
    room = make_reading_room(2000)
    waits = plot_reading_room(room).axes[2]
    chosen = room.urgent & ~room.ordered_urgent & room.flagged
    found = read_studies(room.arrival_minutes, room.reading_minutes, room.ordered_priority, num_radiologists=2)
    median = np.median((found.end_minutes - room.arrival_minutes)[chosen]) / 60
    assert waits.lines[1].get_xdata()[0] == pytest.approx(median)


def test_nothing_to_compare_is_told() -> None:
    with pytest.raises(ValueError, match="needs a bleeding that was not ordered as urgent, got none"):
        plot_reading_room(make_reading_room(5, prevalence=0))
