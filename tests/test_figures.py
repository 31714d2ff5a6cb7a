"""Figures: what is written, where it stands, and that nobody is left out."""

import base64
import io
import itertools
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from PIL import Image

from course_lib import figures
from course_lib.arithmetic import Layer, receptive_field
from course_lib.figures import page
from course_lib.figures.numbers import written

mpl.use("Agg")

LECTURE_INPUT = [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]

# G. M. Machado, M. M. Oliveira and L. A. F. Fernandes, "A physiologically-based model for simulation of color vision
# deficiency", IEEE TVCG 2009, severity 1.0; they act on linear RGB.
VISION = {
    "common": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.fixture
def ax() -> Iterator[Axes]:
    """An empty axis in the style of the course."""
    with plt.rc_context():
        figures.use_course_style()
        yield plt.figure().add_subplot()
        plt.close("all")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """What a notebook would have been sent: content and metadata."""
    sent: list[tuple[dict[str, Any], dict[str, Any]]] = []
    monkeypatch.setattr("IPython.get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", lambda bundle, *, raw, metadata: sent.append((bundle, metadata)))
    return sent


def texts(ax: Axes) -> list[str]:
    """Every text written into the axis."""
    return [text.get_text() for text in ax.texts]


def labels(axis: Any) -> list[str]:
    """The labels of the ticks."""
    return [label.get_text() for label in axis.get_ticklabels()]


def pixels(png: bytes) -> np.ndarray:
    """The picture as (H, W, 3) numbers from 0 to 255."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


# --- the page -------------------------------------------------------------------------------------------------------


def test_a_shown_figure_carries_its_picture_and_its_text_in_one_output(ax: Axes, shown: list) -> None:
    ax.plot([1, 2, 3])
    figures.show(ax.figure, "  A line that\n rises. ")
    [(bundle, metadata)] = shown
    assert set(bundle) == {"image/png", "text/plain"}
    assert bundle["text/plain"] == "A line that rises."
    assert metadata == {"image/png": {"alt": "A line that rises."}}
    assert pixels(base64.b64decode(bundle["image/png"])).std() > 1


def test_a_shown_figure_is_closed_so_that_it_is_not_shown_twice(ax: Axes, shown: list) -> None:
    assert plt.fignum_exists(ax.figure.number)
    figures.show(ax.figure, "Nothing.")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("alt", ["", "  \n", None])
def test_a_figure_without_words_is_refused_and_closed_all_the_same(ax: Axes, shown: list, alt: Any) -> None:
    with pytest.raises(ValueError, match="alt needs a sentence that says what there is to see"):
        figures.show(ax.figure, alt)
    assert shown == []
    assert plt.get_fignums() == []


def test_outside_a_notebook_the_words_are_printed(ax: Axes, capsys: pytest.CaptureFixture[str]) -> None:
    figures.show(ax.figure, "A line.")
    assert capsys.readouterr().out == "A line.\n"


def test_a_figure_of_lines_and_words_stays_small(ax: Axes) -> None:
    history = SimpleNamespace(train_loss=np.linspace(2, 0.1, 30), val_loss=np.linspace(2, 0.4, 30))
    figures.plot_learning_curves(history, ax)
    png = figures.to_png(ax.figure)
    assert len(png) < 20_000
    assert Image.open(io.BytesIO(png)).mode == "P"


def test_a_noisy_grey_picture_of_a_whole_figure_stays_below_60_kb(ax: Axes) -> None:
    noise = np.random.default_rng(0).normal(0, 300, size=(128, 128))
    figures.plot_ct(SimpleNamespace(hu=noise, spacing_mm=(1.0, 1.0)), ax)
    png = figures.to_png(ax.figure)
    assert len(png) < 60_000
    assert Image.open(io.BytesIO(png)).mode == "L"


def test_the_palette_changes_no_pixel_visibly(ax: Axes) -> None:
    figures.plot_receptive_field([Layer(3)] * 3, ax)
    ax.figure.draw_without_rendering()
    ax.figure.set_layout_engine("none")
    raw = io.BytesIO()
    ax.figure.savefig(raw, format="png", dpi=100)
    before, after = pixels(raw.getvalue()).astype(int), pixels(figures.to_png(ax.figure, trim=False))
    assert np.abs(before - after).max() <= 8


def test_a_picture_of_too_many_colours_keeps_them_all() -> None:
    figure = plt.figure(figsize=(2, 2))
    red, green = np.meshgrid(np.linspace(0, 1, 200), np.linspace(0, 1, 200))
    rainbow = np.stack([red, green, np.full_like(red, 0.5)], axis=-1)
    figure.add_axes((0, 0, 1, 1)).imshow(rainbow)
    assert Image.open(io.BytesIO(figures.to_png(figure))).mode == "RGB"


def test_a_figure_that_is_not_trimmed_keeps_its_size(ax: Axes) -> None:
    figure = plt.figure(figsize=(3, 2))
    assert pixels(figures.to_png(figure, trim=False)).shape == (200, 300, 3)


# --- the style ------------------------------------------------------------------------------------------------------


def lab(colour: str, vision: str) -> np.ndarray:
    """CIE L*a*b* (D65) of a colour as it is seen with this vision."""
    value = np.array(to_rgb(colour))
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(VISION[vision]) @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ seen / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("vision", VISION)
def test_the_colours_of_lines_are_at_least_15_lab_units_apart_for_every_vision(ax: Axes, vision: str) -> None:
    colours = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    distances = {
        pair: np.linalg.norm(lab(pair[0], vision) - lab(pair[1], vision)) for pair in itertools.combinations(colours, 2)
    }
    assert len(colours) == 7
    assert min(distances.values()) > 15, min(distances, key=lambda pair: distances[pair])
    assert min(np.linalg.norm(lab(colour, vision) - lab("white", vision)) for colour in colours) > 35


def test_the_simulation_finds_red_and_green_too_alike_for_a_deuteranope() -> None:
    assert np.linalg.norm(lab("#B22222", "common") - lab("#556B2F", "common")) > 60
    assert np.linalg.norm(lab("#B22222", "deuteranopia") - lab("#556B2F", "deuteranopia")) < 15


@pytest.mark.parametrize("words", [page.INK, page.RUST, page.GREY])
def test_the_colours_of_words_have_a_contrast_of_4_5_on_white(words: str) -> None:
    value = np.array(to_rgb(words))
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) > 4.5


def test_no_two_lines_of_a_figure_share_a_dash_pattern(ax: Axes) -> None:
    lines = [ax.plot([0, 1])[0] for _ in range(7)]
    assert len({str(line._dash_pattern) for line in lines}) == 7


def test_the_style_draws_anatomy_in_grey_and_no_needless_frame(ax: Axes) -> None:
    assert plt.rcParams["image.cmap"] == "gray"
    assert not ax.spines["top"].get_visible()
    assert not ax.spines["right"].get_visible()


# --- curves ---------------------------------------------------------------------------------------------------------


def test_learning_curves_name_the_epoch_of_the_lowest_validation_loss(ax: Axes) -> None:
    history = SimpleNamespace(train_loss=np.array([2.0, 1.0, 0.5, 0.2]), val_loss=np.array([2.1, 1.2, 0.9, 1.1]))
    assert figures.plot_learning_curves(history, ax) is ax
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "training",
        "validation",
        "lowest validation loss, 0.9, in epoch 3",
    ]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    train, val, best = ax.lines
    assert list(train.get_xdata()) == [1, 2, 3, 4]
    assert list(val.get_ydata()) == [2.1, 1.2, 0.9, 1.1]
    assert list(best.get_xdata()) == [3, 3]


def test_curves_differ_by_dash_and_marker_and_not_by_colour_alone(ax: Axes) -> None:
    figures.plot_learning_curves(SimpleNamespace(train_loss=[2.0, 1.0], val_loss=[2.0, 1.5]), ax)
    train, val, _ = ax.lines
    assert train.get_linestyle() != val.get_linestyle()
    assert train.get_marker() != val.get_marker()


def test_a_loss_is_drawn_from_zero_up_with_room_for_the_highest_point(ax: Axes) -> None:
    figures.plot_learning_curves(SimpleNamespace(train_loss=[2.0, 1.0], val_loss=[2.5, 1.5]), ax)
    bottom, top = ax.get_ylim()
    assert bottom == 0
    assert 2.5 < top < 3


def test_a_negative_loss_is_not_cut_off(ax: Axes) -> None:
    figures.plot_learning_curves(SimpleNamespace(train_loss=[1.0, -3.0]), ax)
    assert ax.get_ylim()[0] <= -3


@pytest.mark.parametrize("nothing", [None, [], [np.nan, np.nan]])
def test_without_validation_there_is_one_curve(ax: Axes, nothing: Any) -> None:
    figures.plot_learning_curves(SimpleNamespace(train_loss=[2.0, 1.0], val_loss=nothing), ax)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training"]


def test_a_run_of_one_epoch_is_drawn(ax: Axes) -> None:
    figures.plot_learning_curves(SimpleNamespace(train_loss=[2.0], val_loss=[1.0]), ax)
    ax.figure.draw_without_rendering()
    assert "1" in labels(ax.xaxis)


def test_accuracy_is_drawn_in_percent(ax: Axes) -> None:
    history = SimpleNamespace(train_accuracy=[0.5, 0.9], val_accuracy=[0.4, 0.8])
    figures.plot_accuracy_curves(history, ax)
    assert [list(line.get_ydata()) for line in ax.lines] == [[50, 90], [40, 80]]
    assert ax.get_ylabel() == "accuracy (%)"
    assert ax.get_ylim()[0] < 40
    assert 100 < ax.get_ylim()[1] < 103


def test_a_history_without_an_epoch_is_refused(ax: Axes) -> None:
    with pytest.raises(ValueError, match="one training value for each epoch, at least one; got the shape \\(0,\\)"):
        figures.plot_learning_curves(SimpleNamespace(train_loss=[]), ax)


def test_curves_of_different_length_are_refused(ax: Axes) -> None:
    with pytest.raises(ValueError, match="as many validation as training values, got 1 and 2"):
        figures.plot_learning_curves(SimpleNamespace(train_loss=[1.0, 2.0], val_loss=[1.0]), ax)


# --- images ---------------------------------------------------------------------------------------------------------


def test_an_image_grid_places_images_row_by_row_on_one_scale(ax: Axes) -> None:
    images = np.arange(5)[:, None, None] * np.ones((5, 4, 4))
    figures.plot_image_grid(images, ax, columns=3)
    extents = [image.get_extent() for image in ax.images]
    assert [image.get_clim() for image in ax.images] == [(0, 4)] * 5
    assert extents[0][0] < extents[1][0] < extents[2][0]
    assert extents[3][:2] == extents[0][:2]
    assert extents[3][3] > extents[0][2]
    assert np.array_equal(ax.images[4].get_array(), images[4])


def test_an_image_grid_writes_a_title_above_each_image(ax: Axes) -> None:
    figures.plot_image_grid(torch.zeros(3, 1, 8, 8), ax, titles=["a", 2, "c"])
    assert texts(ax) == ["a", "2", "c"]
    for image, text in zip(ax.images, ax.texts, strict=True):
        left, right, _, top = image.get_extent()
        assert left < text.get_position()[0] < right
        assert text.get_position()[1] < top


def test_titles_of_an_image_grid_do_not_touch_the_row_above(ax: Axes) -> None:
    figures.plot_image_grid(np.zeros((16, 8, 8)), ax, titles=range(16))
    ax.figure.draw_without_rendering()
    row_above = ax.images[0].get_window_extent().y0
    assert ax.texts[8].get_window_extent().y1 <= row_above


def test_colour_images_keep_their_colours(ax: Axes) -> None:
    red = np.zeros((1, 3, 4, 4))
    red[:, 0] = 1
    figures.plot_image_grid(red, ax)
    assert ax.images[0].get_array().shape == (4, 4, 3)
    assert ax.images[0].get_array()[0, 0].tolist() == [1, 0, 0]


@pytest.mark.parametrize("shape", [(4, 4), (2, 5, 4, 4), (1, 1, 1, 4, 4)])
def test_images_of_another_shape_are_refused(ax: Axes, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"images needs \(N, H, W\).*got the shape"):
        figures.plot_image_grid(np.zeros(shape), ax)


def test_an_empty_image_grid_is_refused(ax: Axes) -> None:
    with pytest.raises(ValueError, match="at least one image"):
        figures.plot_image_grid(np.zeros((0, 4, 4)), ax)


def test_a_title_too_few_is_refused(ax: Axes) -> None:
    with pytest.raises(ValueError, match="one for each of the 3 images, got 2"):
        figures.plot_image_grid(np.zeros((3, 4, 4)), ax, titles=["a", "b"])


def test_a_grid_without_columns_is_refused(ax: Axes) -> None:
    with pytest.raises(ValueError, match="at least 1 image in a row, got 0"):
        figures.plot_image_grid(np.zeros((3, 4, 4)), ax, columns=0)


def test_kernels_share_a_scale_that_is_symmetric_about_zero(ax: Axes) -> None:
    weights = torch.zeros(6, 1, 5, 5, requires_grad=True) + torch.arange(6.0)[:, None, None, None]
    figures.plot_kernels(weights, ax)
    assert [image.get_clim() for image in ax.images] == [(-5, 5)] * 6
    assert texts(ax) == ["1", "2", "3", "4", "5", "6"]
    assert ax.images[0].cmap(0.5)[:3] == pytest.approx((0.97, 0.97, 0.97), abs=0.02)
    [scale] = ax.child_axes
    assert labels(scale.yaxis) == ["−5", "0", "5"]
    assert scale.get_ylabel() == "weight"


def test_kernels_with_input_channels_become_a_table_of_out_and_in(ax: Axes) -> None:
    figures.plot_kernels(np.ones((2, 3, 5, 5)), ax)
    assert sorted(texts(ax)) == ["in 1", "in 2", "in 3", "out 1", "out 2"]
    assert len(ax.images) == 6


def test_kernels_that_are_all_zero_are_drawn(ax: Axes) -> None:
    figures.plot_kernels(np.zeros((2, 3, 3)), ax)
    assert ax.images[0].get_clim() == (-1, 1)


@pytest.mark.parametrize("shape", [(5, 5), (0, 1, 5, 5)])
def test_weights_that_are_no_kernels_are_refused(ax: Axes, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"weights needs \(K, H, W\) or \(out_channels, in_channels, H, W\), got"):
        figures.plot_kernels(np.ones(shape), ax)


def test_a_ct_slice_is_drawn_in_millimetres_through_its_window(ax: Axes) -> None:
    ct = SimpleNamespace(hu=np.zeros((10, 20), dtype=np.float32), spacing_mm=np.array([2.0, 0.5]))
    figures.plot_ct(ct, ax, centre_hu=-600, width_hu=1500)
    [image] = ax.images
    assert tuple(image.get_extent()) == (0, 10, 20, 0)
    assert image.get_clim() == (-1350, 150)
    assert ax.get_aspect() == 1
    assert ax.get_title(loc="left") == "window −1350 to 150 HU"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x (mm)", "y (mm)")
    assert ax.child_axes[0].get_ylabel() == "attenuation (HU)"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hu": np.zeros((2, 3, 4))}, r"hu needs rows and columns, \(H, W\), got the shape \(2, 3, 4\)"),
        ({"spacing_mm": (1.0, 1.0, 3.0)}, r"spacing_mm needs 2 positive numbers.*got \(1.0, 1.0, 3.0\)"),
        ({"spacing_mm": (1.0, 0.0)}, "spacing_mm needs 2 positive numbers"),
    ],
)
def test_a_ct_slice_that_cannot_be_right_is_refused(ax: Axes, change: dict[str, Any], message: str) -> None:
    ct = SimpleNamespace(**({"hu": np.zeros((4, 4)), "spacing_mm": (1.0, 1.0)} | change))
    with pytest.raises(ValueError, match=message):
        figures.plot_ct(ct, ax)


def test_a_window_without_width_is_refused(ax: Axes) -> None:
    ct = SimpleNamespace(hu=np.zeros((4, 4)), spacing_mm=(1.0, 1.0))
    with pytest.raises(ValueError, match="width_hu needs a positive number of Hounsfield units, got 0"):
        figures.plot_ct(ct, ax, width_hu=0)


# --- tables ---------------------------------------------------------------------------------------------------------


def test_a_matrix_has_its_numbers_in_its_cells(ax: Axes) -> None:
    figures.plot_matrix(LECTURE_INPUT, ax, title="input")
    assert {text.get_position(): text.get_text() for text in ax.texts} == {
        (column, row): str(value) for row, values in enumerate(LECTURE_INPUT) for column, value in enumerate(values)
    }
    assert ax.get_title(loc="left") == "input"
    assert labels(ax.xaxis) == []


def test_a_matrix_is_brighter_where_it_is_higher_and_always_pale_enough_for_black_ink(ax: Axes) -> None:
    figures.plot_matrix([[-5.0, 0.0], [2.5, 9.0]], ax)
    shown = ax.images[0].get_array()
    assert shown[0, 0] < shown[0, 1] < shown[1, 0] < shown[1, 1] == 1
    assert shown.min() > 0.7


@pytest.mark.parametrize(
    ("highlight", "cells"),
    [
        (None, set()),
        ((0, 1), {(0, 1)}),
        ((slice(0, 2), slice(1, 3)), {(0, 1), (0, 2), (1, 1), (1, 2)}),
        (np.eye(5, dtype=bool), {(i, i) for i in range(5)}),
    ],
)
def test_a_matrix_frames_the_cells_it_is_asked_to(ax: Axes, highlight: Any, cells: set[tuple[int, int]]) -> None:
    figures.plot_matrix(LECTURE_INPUT, ax, highlight=highlight)
    assert {(int(frame.get_y() + 0.5), int(frame.get_x() + 0.5)) for frame in ax.patches} == cells


def test_the_numbers_of_a_matrix_are_short_but_never_nothing(ax: Axes) -> None:
    figures.plot_matrix([[-0.004449, 0.0625, 2.5], [-0.0001, 1 / 3, -12345.0]], ax)
    assert texts(ax) == ["−0.004", "0.0625", "2.5", "0", "0.333", "−12345"]
    ax.clear()
    figures.plot_matrix([[-0.004449, 0.000625]], ax)
    assert texts(ax) == ["−0.00445", "0.000625"]


def test_the_numbers_of_a_matrix_fit_into_their_cells(ax: Axes) -> None:
    figures.plot_matrix(np.linspace(-0.12345, 0.98765, 144).reshape(12, 12), ax)
    ax.figure.draw_without_rendering()
    cell = ax.get_window_extent().width / 12
    assert max(text.get_window_extent().width for text in ax.texts) < cell


def test_a_matrix_of_one_value_is_drawn(ax: Axes) -> None:
    figures.plot_matrix(torch.ones(2, 2), ax)
    assert texts(ax) == ["1"] * 4


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), (0, 3)])
def test_what_is_no_matrix_is_refused(ax: Axes, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"matrix needs rows and columns, \(H, W\), got the shape"):
        figures.plot_matrix(np.zeros(shape), ax)


@pytest.mark.parametrize(
    ("value", "text"),
    [(3, "3"), (2.0, "2"), (-1.23456, "−1.23"), (1234567, "1234567"), (0.25, "0.25"), (np.nan, "nan")],
)
def test_numbers_are_written_as_in_books(value: float, text: str) -> None:
    assert written(value) == text


def test_a_confusion_matrix_shows_counts_with_true_classes_in_rows(ax: Axes) -> None:
    figures.plot_confusion_matrix(np.array([[50, 12], [5, 143]]), ax, class_names=["healthy", "ill"])
    assert {text.get_position(): text.get_text() for text in ax.texts} == {
        (0, 0): "50",
        (1, 0): "12",
        (0, 1): "5",
        (1, 1): "143",
    }
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert labels(ax.xaxis) == labels(ax.yaxis) == ["healthy", "ill"]


def test_right_answers_are_blue_mistakes_orange_and_nothing_white(ax: Axes) -> None:
    figures.plot_confusion_matrix([[30, 10], [0, 40]], ax, class_names="ab")
    shown = ax.images[0].get_array()
    assert shown[0, 0, 2] > shown[0, 0, 0]
    assert shown[0, 1, 0] > shown[0, 1, 2]
    assert shown[1, 0].tolist() == [1, 1, 1]
    assert shown[1, 1].mean() < shown[0, 0].mean()


@pytest.mark.parametrize("share", np.linspace(0, 1, 11))
def test_counts_can_be_read_on_every_shade(ax: Axes, share: float) -> None:
    hits = round(100 * share)
    figures.plot_confusion_matrix([[hits, 100 - hits], [100 - hits, hits]], ax, class_names="ab")
    for text in ax.texts:
        column, row = text.get_position()
        paper, ink = (luminance(colour) for colour in (ax.images[0].get_array()[row, column], to_rgb(text.get_color())))
        assert (max(paper, ink) + 0.05) / (min(paper, ink) + 0.05) > 4.5


def luminance(colour: Any) -> float:
    """Relative luminance as WCAG 2 defines it."""
    value = np.array(colour)
    return float(np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])


def test_a_class_that_never_occurs_is_drawn(ax: Axes) -> None:
    figures.plot_confusion_matrix([[0, 0], [1, 2]], ax, class_names="ab")
    assert np.isfinite(ax.images[0].get_array()).all()


def test_long_class_names_are_turned(ax: Axes) -> None:
    names = ["adenocarcinoma in situ", "squamous cell carcinoma", "no finding at all"]
    figures.plot_confusion_matrix(np.eye(3, dtype=int), ax, class_names=names)
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {45}


@pytest.mark.parametrize(
    ("matrix", "names", "message"),
    [
        (np.ones((2, 3)), "ab", r"as many rows as columns, \(K, K\), got the shape \(2, 3\)"),
        (np.array([[0.5, 0.5], [0.1, 0.9]]), "ab", "needs counts: whole numbers from 0 up, not shares"),
        (np.array([[-1, 0], [0, 1]]), "ab", "needs counts"),
        (np.eye(2), "abc", "class_names needs 2 names, one a row, got 3"),
    ],
)
def test_what_is_no_confusion_matrix_is_refused(ax: Axes, matrix: np.ndarray, names: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        figures.plot_confusion_matrix(matrix, ax, class_names=names)


# --- receptive field ------------------------------------------------------------------------------------------------


def cells(ax: Axes, depth: int) -> list[tuple[float, float]]:
    """Left and right end of the coloured cells of one row, sorted."""
    _cones, _pale, deeper, top = ax.collections
    boxes = [path.get_extents() for path in [*deeper.get_paths(), *top.get_paths()]]
    return sorted((box.x0, box.x1) for box in boxes if box.y0 < depth < box.y1)


def test_three_small_kernels_see_seven_pixels(ax: Axes) -> None:
    figures.plot_receptive_field([Layer(3)] * 3, ax)
    assert ax.get_title(loc="left") == "One cell after 3 layers sees 7 input pixels"
    assert texts(ax) == ["each sees 3 pixels", "each sees 5 pixels", "each sees 7 pixels"]
    assert labels(ax.yaxis) == ["input", "layer 1: kernel 3", "layer 2: kernel 3", "layer 3: kernel 3"]
    assert [len(cells(ax, depth)) for depth in range(4)] == [7, 5, 3, 1]
    assert labels(ax.xaxis) == ["1", "7"]


@pytest.mark.parametrize(
    "layers",
    [
        [Layer(5), Layer(2, stride=2), Layer(5), Layer(2, stride=2), Layer(5)],
        [Layer(3, stride=2, padding=1), Layer(3, dilation=2), Layer(4)],
        [Layer(1)],
        [Layer(7, stride=3), Layer(3, stride=2), Layer(3, stride=2), Layer(3, stride=2)],
    ],
)
def test_the_drawn_cone_is_as_wide_as_the_arithmetic_says(ax: Axes, layers: list[Layer]) -> None:
    figures.plot_receptive_field(layers, ax)
    left, right = cells(ax, 0)[0][0], cells(ax, 0)[-1][1]
    assert right - left == pytest.approx(receptive_field(layers).size, abs=0.2)
    assert left == pytest.approx(0.5, abs=0.1)


def test_the_holes_of_a_dilated_kernel_are_drawn_and_named(ax: Axes) -> None:
    figures.plot_receptive_field([Layer(2, dilation=3)], ax)
    assert ax.get_title(loc="left") == "One cell after 1 layer spans 4 input pixels and uses 2 of them"
    assert [round((left + right) / 2) for left, right in cells(ax, 0)] == [1, 4]
    assert labels(ax.yaxis)[1] == "layer 1: kernel 2, dilation 3"


def test_a_wide_field_is_drawn_as_bars(ax: Axes) -> None:
    figures.plot_receptive_field([Layer(3, stride=2)] * 8, ax)
    assert receptive_field([Layer(3, stride=2)] * 8).size == 511
    assert len(cells(ax, 0)) == 1
    assert cells(ax, 0)[0] == pytest.approx((0.5, 511.5))


def test_no_layer_has_no_receptive_field_to_draw(ax: Axes) -> None:
    with pytest.raises(ValueError, match="at least one Layer to draw a receptive field, got none"):
        figures.plot_receptive_field([], ax)
