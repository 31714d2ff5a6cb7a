"""The explorer of windows: it moves, it starts where it was told to, and says what is to be seen."""

from typing import Any

import ipywidgets
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_lib.widgets.window import window_explorer

mpl.use("Agg")

VIEW = "application/vnd.jupyter.widget-view+json"
HOW = {"class_names": ("0", "1", "nothing"), "window_size": 24, "stride": 4}


@pytest.fixture
def shares() -> np.ndarray:
    drawn = np.random.default_rng(0).random((3, 3, 5))
    drawn[:, 1, 2] = (0.2, 0.7, 0.1)
    return drawn / drawn.sum(axis=0)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a notebook would have been sent."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr("IPython.get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", lambda bundle, *, raw, metadata: sent.append(bundle))
    return sent


def test_it_starts_at_the_cell_that_was_asked_for(shown: list[dict[str, Any]], shares: np.ndarray) -> None:
    window_explorer(np.zeros((32, 40)), shares, start=(1, 2), **HOW)
    [bundle] = shown
    assert {VIEW, "image/png", "text/plain"} <= set(bundle)
    assert bundle["text/plain"] == (
        "Cell (1, 2) of a map of 3 by 5 cells sees rows 4 to 27, columns 8 to 31, and says 1 with a probability of 70%."
    )


def test_both_sliders_move_the_picture_and_reach_every_cell(shown: list[dict[str, Any]], shares: np.ndarray) -> None:
    window_explorer(np.random.default_rng(1).random((32, 40)), shares, **HOW)
    box = ipywidgets.widgets.widget._instances[shown[0][VIEW]["model_id"]]
    panel, message, picture = box.children
    row, column = panel.children
    assert (row.min, row.max, column.min, column.max) == (0, 2, 0, 4)
    before = picture.value
    row.value, column.value = 2, 4
    assert picture.value != before
    assert "rows 8 to 31" in message.value
    assert "cell (2, 4)" in message.value
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"class_names": ("0", "1")}, "got 2 names for the shape \\(3, 3, 5\\)"),
        ({"start": (3, 0)}, "rows 0 to 2, columns 0 to 4, got \\(3, 0\\)"),
        ({"start": (0, -1)}, "start needs a cell of the map"),
    ],
)
def test_what_does_not_fit_is_refused(shares: np.ndarray, how: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        window_explorer(np.zeros((32, 40)), shares, **(HOW | how))
