"""The explorer of findings: it moves, it starts where it was told to, and says what is to be seen."""

from typing import Any

import ipywidgets
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_lib.widgets.findings import findings_explorer

mpl.use("Agg")

VIEW = "application/vnd.jupyter.widget-view+json"
NAMES = ["Mass", "Pleural_Thickening", "Edema"]


@pytest.fixture
def films() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    masks = np.zeros((2, 3, 8, 8), bool)
    masks[0, 1, 2:4, 2:5] = True
    return {
        "images": rng.random((2, 8, 8)),
        "probabilities": np.array([[0.2, 0.7, 0.6], [0.1, 0.4, 0.3]]),
        "activations": rng.normal(size=(2, 3, 8, 8)),
        "masks": masks,
        "finding_names": NAMES,
        "spacing_mm": (5.0, 5.0),
    }


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a notebook would have been sent."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr("IPython.get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", lambda bundle, *, raw, metadata: sent.append(bundle))
    return sent


def test_it_starts_at_the_film_and_finding_that_were_asked_for(
    shown: list[dict[str, Any]], films: dict[str, Any]
) -> None:
    findings_explorer(**films, start=(0, 1))
    [bundle] = shown
    assert {VIEW, "image/png", "text/plain"} <= set(bundle)
    assert bundle["text/plain"] == (
        "Film 0 with the map of Pleural Thickening, probability 70%; 2 of 3 findings are at 50% or more."
    )


def test_film_finding_and_threshold_move_the_picture(shown: list[dict[str, Any]], films: dict[str, Any]) -> None:
    findings_explorer(**films, start=(0, 1))
    box = ipywidgets.widgets.widget._instances[shown[0][VIEW]["model_id"]]
    panel, message, picture = box.children
    film, finding, threshold = panel.children
    before = picture.value
    threshold.value = 65
    assert picture.value != before
    assert "called 1, of which right 1; truly 1" in message.value
    film.value = 1
    assert "Pleural Thickening: not on this film" in message.value
    finding.value = "Edema"
    assert "Edema: not on this film" in message.value
    assert plt.get_fignums() == []


def test_a_single_film_needs_no_slider(shown: list[dict[str, Any]], films: dict[str, Any]) -> None:
    one = {name: value[:1] if isinstance(value, np.ndarray) else value for name, value in films.items()}
    findings_explorer(**one)
    assert shown[0]["text/plain"].startswith("Film 0 with the map of Mass")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"finding_names": ["Mass"]}, r"wanted probabilities \(2, 1\)"),
        ({"masks": np.zeros((2, 3, 8, 7), bool)}, r"and \(2, 3, 8, 7\)"),
        ({"start": (2, 0)}, r"start needs a film below 2 and a finding below 3, got \(2, 0\)"),
        ({"start": (0, -1)}, "start needs a film"),
    ],
)
def test_what_does_not_fit_is_refused(films: dict[str, Any], change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        findings_explorer(**(films | change))
