"""The explorer of lesson 07: its words are true, and every control changes something."""

import itertools

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from course_lib.widgets import depth
from course_lib.widgets.depth import depth_explorer

mpl.use("Agg")


def written(**values: object) -> str:
    """The title, and all that stands below the picture."""
    figure = depth._draw_depth(**values)  # type: ignore[arg-type]
    plt.close(figure)
    return "\n".join([figure.axes[0].get_title(), *(text.get_text() for text in figure.texts)])


def test_the_words_for_those_who_do_not_see_it_are_true(capsys: pytest.CaptureFixture[str]) -> None:
    depth_explorer()
    plt.close("all")
    assert "some hundred times longer" in capsys.readouterr().out
    figure = depth._draw_depth()
    plt.close(figure)
    gradient, signal = (line.get_ydata() for line in figure.axes[0].lines)
    assert 100 < gradient[0] / gradient[-1] < 400
    assert min(signal) > 0.3
    assert max(signal) < 1


def test_a_plain_net_without_batch_norm_has_no_signal_left_and_shortcuts_bring_it_back() -> None:
    for shortcuts, silent in ((False, True), (True, False)):
        figure = depth._draw_depth(depth=56, shortcuts=shortcuts, batch_norm=False)
        plt.close(figure)
        assert (figure.axes[0].lines[1].get_ydata()[-1] < 1e-3) == silent


def test_a_last_gamma_of_zero_takes_the_gradient_of_the_blocks() -> None:
    assert "the last layer has none" in written(depth=8, shortcuts=True, zero_last_gamma=True)
    assert "residual net of 8 layers, with batch norm" in written(depth=8, shortcuts=True)


@pytest.mark.parametrize("values", [{"shortcuts": False}, {"shortcuts": True, "batch_norm": False}])
def test_a_last_gamma_of_zero_needs_shortcuts_and_batch_norm(values: dict[str, bool]) -> None:
    with pytest.raises(ValueError, match="needs batch norm"):
        depth._draw_depth(depth=8, zero_last_gamma=True, **values)


def test_every_corner_of_the_controls_can_be_drawn() -> None:
    for layers, shortcuts, batch_norm in itertools.product((8, 56), (False, True), (False, True)):
        assert "nan" not in written(depth=layers, shortcuts=shortcuts, batch_norm=batch_norm, seed=9)
