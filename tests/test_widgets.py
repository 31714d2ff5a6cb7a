"""Explorers: they move where widgets run, and are a picture with words everywhere else."""

import base64
import gc
import io
import itertools
import sys
from typing import Any

import ipywidgets
import matplotlib as mpl
import matplotlib.pyplot as plt
import nbclient
import nbformat
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from course_lib import widgets
from course_lib.widgets import convolution, receptive_field

mpl.use("Agg")

VIEW = "application/vnd.jupyter.widget-view+json"
Sent = list[tuple[dict[str, Any], dict[str, Any]]]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What a notebook would have been sent: content and metadata."""
    sent: Sent = []
    monkeypatch.setattr("IPython.get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", lambda bundle, *, raw, metadata: sent.append((bundle, metadata)))
    return sent


def draw_line(*, slope: float = 1.0, colour: str = "black", dashed: bool = False) -> Figure:
    """A figure that is different for every value."""
    if slope > 4:
        raise ValueError("a slope of more than 4\nleaves the <page>")
    if slope < -4:
        raise RuntimeError("the pen broke")
    figure = plt.figure(figsize=(2, 1))
    figure.add_axes((0, 0, 1, 1)).plot([0, 1], [0, slope], color=colour, linestyle="--" if dashed else "-")
    figure.axes[0].set_ylim(-5, 5)
    return figure


def start(shown: Sent, draw: Any = draw_line, **controls: Any) -> tuple[list[Any], Any, Any]:
    """Show an explorer; return its controls, its line for messages and its picture."""
    widgets.explore(draw, alt="A line.", **controls)
    bundle, _ = shown[-1]
    box = ipywidgets.widgets.widget._instances[bundle[VIEW]["model_id"]]
    panel, message, picture = box.children
    return list(panel.children), message, picture


def drawing(png: bytes) -> np.ndarray:
    """The picture as (H, W, 3) numbers."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


# --- one output -----------------------------------------------------------------------------------------------------


def test_one_output_holds_the_widget_the_still_and_the_words(shown: Sent) -> None:
    widgets.explore(draw_line, alt="A line that can be turned.", slope=(-4.0, 4.0))
    [(bundle, metadata)] = shown
    assert set(bundle) == {VIEW, "image/png", "text/plain"}
    assert bundle[VIEW]["version_major"] == 2
    assert bundle["text/plain"] == "A line that can be turned."
    assert metadata == {"image/png": {"alt": "A line that can be turned."}}
    assert drawing(base64.b64decode(bundle["image/png"])).shape == (100, 200, 3)


def test_the_widget_starts_with_the_still(shown: Sent) -> None:
    _, message, picture = start(shown, slope=(-4.0, 4.0))
    assert picture.value == base64.b64decode(shown[0][0]["image/png"])
    assert message.value == ""


def test_no_figure_stays_open_to_be_shown_a_second_time(shown: Sent) -> None:
    [slope], _, _ = start(shown, slope=(-6.0, 6.0))
    slope.value = 2.0
    slope.value = 5.0
    assert plt.get_fignums() == []


def test_a_figure_that_was_open_before_stays_open(shown: Sent) -> None:
    mine = plt.figure()
    start(shown, slope=(-4.0, 4.0))
    assert plt.get_fignums() == [mine.number]
    plt.close(mine)


def test_outside_a_notebook_the_words_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    widgets.explore(draw_line, alt="A line.", slope=(-4.0, 4.0))
    assert capsys.readouterr().out == "A line.\n"


def test_without_ipywidgets_there_is_the_still(shown: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    widgets.explore(draw_line, alt="A line.", slope=(-4.0, 4.0))
    [(bundle, _)] = shown
    assert set(bundle) == {"image/png", "text/plain"}


def test_with_a_broken_ipywidgets_there_is_the_still(shown: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no comm here")

    monkeypatch.setattr(ipywidgets.Image, "__init__", fail)
    widgets.explore(draw_line, alt="A line.", slope=(-4.0, 4.0))
    [(bundle, _)] = shown
    assert set(bundle) == {"image/png", "text/plain"}


@pytest.mark.parametrize("alt", ["", " "])
def test_an_explorer_without_words_is_refused(shown: Sent, alt: str) -> None:
    with pytest.raises(ValueError, match="alt needs a sentence"):
        widgets.explore(draw_line, alt=alt, slope=(-4.0, 4.0))
    assert shown == []


# --- controls -------------------------------------------------------------------------------------------------------


def test_a_changed_control_changes_the_picture_and_back_again(shown: Sent) -> None:
    [slope], _, picture = start(shown, slope=(-4.0, 4.0))
    first = drawing(picture.value)
    slope.value = 3.0
    assert not np.array_equal(drawing(picture.value), first)
    slope.value = 1.0
    assert np.abs(drawing(picture.value).astype(int) - first).max() <= 8


def test_each_kind_of_control_becomes_its_widget_with_a_name_beside_it(shown: Sent) -> None:
    def draw(*, whole_number: int, part: float, colour: str, size: int, dashed: bool, own: int) -> Figure:
        assert (whole_number, part, colour, size, dashed, own) == (3, 0.5, "red", 7, True, 5)
        return plt.figure(figsize=(1, 1))

    own = ipywidgets.IntText(value=5, description="mine")
    knobs, message, _ = start(
        shown,
        draw,
        whole_number=(1, 5),
        part=(0.0, 1.0, 0.25),
        colour=["red", "blue"],
        size={"small": 7},
        dashed=True,
        own=own,
    )
    kinds = [
        ipywidgets.IntSlider,
        ipywidgets.FloatSlider,
        ipywidgets.Dropdown,
        ipywidgets.Dropdown,
        ipywidgets.Checkbox,
    ]
    assert [type(knob) for knob in knobs] == [*kinds, ipywidgets.IntText]
    assert [knob.description for knob in knobs] == ["whole number", "part", "colour", "size", "dashed", "mine"]
    assert (knobs[0].min, knobs[0].max, knobs[0].step) == (1, 5, 1)
    assert (knobs[1].min, knobs[1].max, knobs[1].step) == (0, 1, 0.25)
    assert message.value == ""


def test_the_unit_that_ends_a_name_is_written_as_a_unit(shown: Sent) -> None:
    def draw(*, width_hu: int, shift_mm: int, threshold_percent: int, mm: int) -> Figure:
        return plt.figure(figsize=(1, 1))

    knobs, _, _ = start(shown, draw, width_hu=(0, 9), shift_mm=(0, 9), threshold_percent=(0, 9), mm=(0, 9))
    assert [knob.description for knob in knobs] == ["width (HU)", "shift (mm)", "threshold (%)", "mm"]


def test_the_garbage_collector_runs_after_the_picture_and_not_within(shown: Sent) -> None:
    within = []

    def draw(*, slope: float = 1.0) -> Figure:
        within.append(gc.isenabled())
        return draw_line(slope=slope)

    [slope], _, _ = start(shown, draw, slope=(-4.0, 4.0))
    slope.value = 2.0
    assert within == [True, False]
    assert gc.isenabled()


def test_a_control_starts_with_the_default_of_the_drawing(shown: Sent) -> None:
    [slope, colour], _, _ = start(shown, slope=(-4.0, 4.0), colour=["red", "black"])
    assert (slope.value, colour.value) == (1.0, "black")


def test_a_default_outside_the_range_gives_way_to_the_middle(shown: Sent) -> None:
    [slope], _, _ = start(shown, slope=(2.0, 4.0))
    assert slope.value == 3.0


@pytest.mark.parametrize("control", [(1,), (3, 1), (1, 5, 0), (1, 2, 3, 4), ("a", "b"), [], {}, "word", 3, None])
def test_a_control_that_cannot_be_understood_is_refused(shown: Sent, control: Any) -> None:
    with pytest.raises(ValueError, match=r"slope needs \(low, high\), \(low, high, step\), a list or dict.*; got "):
        widgets.explore(draw_line, alt="A line.", slope=control)


# --- what cannot be drawn -------------------------------------------------------------------------------------------


def test_impossible_values_give_one_kind_line_in_place_of_the_picture(shown: Sent) -> None:
    [slope], message, picture = start(shown, slope=(-6.0, 6.0))
    slope.value = 5.0
    assert "Not possible: a slope of more than 4 leaves the &lt;page&gt;" in message.value
    assert 'role="alert"' in message.value
    assert picture.layout.visibility == "hidden"
    slope.value = 2.0
    assert "alert" not in message.value
    assert picture.layout.visibility == "visible"


def test_any_other_failure_is_one_line_too(shown: Sent) -> None:
    [slope], message, _ = start(shown, slope=(-6.0, 6.0))
    slope.value = -5.0
    assert "This cannot be drawn: the pen broke" in message.value


def test_a_drawing_that_refuses_its_own_start_is_the_teachers_to_mend(shown: Sent) -> None:
    with pytest.raises(ValueError, match="a slope of more than 4"):
        widgets.explore(draw_line, alt="A line.", slope=(5.0, 7.0))


def test_a_drawing_that_returns_nothing_is_the_teachers_to_mend(shown: Sent) -> None:
    def forgets(*, slope: float) -> None:
        plt.figure(figsize=(1, 1))

    with pytest.raises(TypeError, match="forgets needs to return the Figure it has drawn, got None"):
        widgets.explore(forgets, alt="A line.", slope=(-4.0, 4.0))
    assert plt.get_fignums() == []


# --- the explorers of the lessons -----------------------------------------------------------------------------------


def words(figure: Figure) -> str:
    """Every text of a figure and its axes."""
    found = [*figure.texts, *itertools.chain.from_iterable(ax.texts for ax in figure.axes)]
    plt.close(figure)
    return "\n".join(text.get_text() for text in found)


def test_the_convolution_starts_with_the_example_of_the_lecture() -> None:
    pixels, kernel = convolution.PIXELS[:5, :5], convolution.KERNELS[3]
    covered = np.arange(3)[:, None] + np.arange(3)
    output = convolution._cross_correlation(pixels, kernel, covered)
    assert output.tolist() == [[12, 12, 17], [10, 17, 19], [9, 6, 14]]
    text = words(convolution._draw_convolution())
    assert "output size = ⌊(5 + 2·0 − 1·(3 − 1) − 1) / 1⌋ + 1 = 3" in text
    assert "row 1, column 1 = 3·0 + 3·1 + 2·2 + 0·2 + 0·2 + 1·0 + 3·0 + 1·1 + 2·2 = 12" in text
    assert "input 5 × 5" in text
    assert "output 3 × 3" in text


@pytest.mark.parametrize("size", range(1, 6))
@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (1, 2, 2), (3, 2, 1)])
def test_the_explorer_computes_what_torch_computes(size: int, stride: int, padding: int, dilation: int) -> None:
    pixels, kernel = convolution.PIXELS, convolution.KERNELS[size]
    wanted = torch.nn.functional.conv2d(
        torch.tensor(pixels[None, None]),
        torch.tensor(kernel[None, None]),
        stride=stride,
        padding=padding,
        dilation=dilation,
    )[0, 0].numpy()
    steps = stride * np.arange(len(wanted))[:, None] + dilation * np.arange(size)
    assert np.array_equal(convolution._cross_correlation(np.pad(pixels, padding), kernel, steps), wanted)
    values = {"stride": stride, "padding": padding, "dilation": dilation, "row": 2, "column": 1}
    text = words(convolution._draw_convolution(input_size=8, kernel_size=size, **values))
    assert f"= {wanted[1, 0]}" in text.splitlines()[2]
    assert f"+ 1 = {len(wanted)}" in text


def test_a_row_beyond_the_output_is_the_last_row() -> None:
    assert "row 3, column 3 =" in words(convolution._draw_convolution(row=12, column=12))


def test_a_screen_reader_is_told_what_changed(shown: Sent) -> None:
    widgets.convolution_explorer()
    box = ipywidgets.widgets.widget._instances[shown[0][0][VIEW]["model_id"]]
    panel, message, _ = box.children
    panel.children[5].value = 3
    assert 'role="status"' in message.value
    assert "row 3, column 1 = 3·0 + 1·1 + 2·2 + 2·2 + 0·2 + 0·0 + 2·0 + 0·1 + 0·2 = 9" in message.value


def test_the_convolution_explorer_answers_every_position_of_its_sliders_kindly(shown: Sent) -> None:
    widgets.convolution_explorer()
    box = ipywidgets.widgets.widget._instances[shown[0][0][VIEW]["model_id"]]
    panel, message, picture = box.children
    knobs = {knob.description: knob for knob in panel.children}
    assert list(knobs) == ["input size", "kernel size", "stride", "padding", "dilation", "row", "column"]
    knobs["kernel size"].value = 5
    before = picture.value
    knobs["dilation"].value = 3
    assert "Not possible: " in message.value
    assert "Traceback" not in message.value
    knobs["padding"].value = 2
    knobs["input size"].value = 8
    knobs["dilation"].value = 2
    assert "alert" not in message.value
    assert picture.value != before


def test_the_still_of_each_explorer_is_small_and_has_words(shown: Sent) -> None:
    widgets.convolution_explorer()
    widgets.receptive_field_explorer()
    for bundle, metadata in shown:
        assert len(base64.b64decode(bundle["image/png"])) < 25_000
        assert metadata["image/png"]["alt"] == bundle["text/plain"]
    assert "12, the first cell of the 3 by 3 output" in shown[0][0]["text/plain"]
    assert "it sees 7 input pixels" in shown[1][0]["text/plain"]


def test_the_receptive_field_explorer_compares_the_stack_with_one_wide_kernel() -> None:
    text = words(receptive_field._draw_receptive_field())
    assert "One cell after 3 layers sees 7 input pixels" in text
    assert "this stack 3 × 3 × 3 = 27; one kernel as wide as the field 7 × 7 = 49" in text


@pytest.mark.parametrize("corner", list(itertools.product((1, 6), (2, 7), (1, 2), (1, 3))))
def test_the_receptive_field_explorer_keeps_its_words_on_the_page(corner: tuple[int, int, int, int]) -> None:
    layers, kernel_size, stride, dilation = corner
    figure = receptive_field._draw_receptive_field(
        layers=layers, kernel_size=kernel_size, stride=stride, dilation=dilation
    )
    figure.draw_without_rendering()
    page, (ax,) = figure.bbox, figure.axes
    for text in [*figure.texts, *ax.texts, *ax.get_yticklabels()]:
        place = text.get_window_extent()
        assert 0 <= place.x0 <= place.x1 <= page.x1, text.get_text()
    plt.close(figure)


# --- in a real kernel -----------------------------------------------------------------------------------------------


def test_a_real_kernel_sends_a_figure_and_an_explorer_whole() -> None:
    cells = [
        "from course_lib import figures, widgets\nimport matplotlib.pyplot as plt",
        "fig, ax = plt.subplots()\nfigures.show(fig, 'An empty axis.')",
        "widgets.convolution_explorer()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    _, figure, explorer = (cell.outputs for cell in notebook.cells)
    assert [output.output_type for output in figure + explorer] == ["display_data"] * 2
    assert set(figure[0].data) == {"image/png", "text/plain"}
    assert figure[0].metadata["image/png"]["alt"] == "An empty axis."
    assert set(explorer[0].data) == {VIEW, "image/png", "text/plain"}
    assert explorer[0].data["text/plain"].startswith("A 5 by 5 input")
    assert drawing(base64.b64decode(explorer[0].data["image/png"])).shape == (420, 720, 3)
