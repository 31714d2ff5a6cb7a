"""The figures of lesson 10: outlines in mm, percentiles where both HD95 stand, boxes, FROC, places."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from course_lib.figures.contours import (
    plot_boxes,
    plot_contours,
    plot_froc,
    plot_percentiles,
    plot_places,
    plot_readers,
)
from course_lib.metrics import (
    Detections,
    SurfaceDistances,
    froc_curve,
    froc_intervals,
    rank_stability,
    surface_distances,
)

mpl.use("Agg")

MASK = np.pad(np.ones((4, 6), bool), 3)


def test_outlines_are_drawn_in_millimetres() -> None:
    ax = plot_contours(MASK, Figure().add_subplot(), mask_true=MASK, mask_pred=MASK[:, ::-1], spacing_mm=(2, 0.5))
    assert ax.get_xlim() == (0, 6)
    assert ax.get_ylim() == (20, 0)
    true, pred = ax.collections
    (corner,) = true.get_paths()
    assert corner.get_extents().bounds == pytest.approx((1.5, 6, 3, 8))  # half-way between the voxels' centres
    assert true.get_edgecolor().tolist() != pred.get_edgecolor().tolist()


def test_an_empty_mask_has_no_outline_and_a_flat_image_is_drawn() -> None:
    ax = plot_contours(np.ones((5, 5)), Figure().add_subplot(), mask_true=np.zeros((5, 5)), mask_pred=np.eye(5),
                       spacing_mm=(1, 1))  # fmt: skip
    assert len(ax.collections) == 1


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="one shape"):
        plot_contours(MASK, Figure().add_subplot(), mask_true=MASK, mask_pred=MASK[1:], spacing_mm=(1, 1))


def test_five_readers_differ_without_their_colours_and_stand_in_the_legend() -> None:
    masks = np.stack([np.roll(MASK, step, axis=1) for step in range(-2, 3)])
    ax = plot_readers(MASK, Figure().add_subplot(), masks=masks, spacing_mm=(2, 0.5))
    assert len(ax.collections) == 5
    assert len({str(one.get_linestyle()) for one in ax.collections}) == 5
    assert [line.get_label() for line in ax.lines] == [f"reader {number}" for number in range(1, 6)]
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 6), (20, 0))


def test_a_reader_who_drew_nothing_has_no_outline() -> None:
    ax = plot_readers(MASK, Figure().add_subplot(), masks=[MASK, np.zeros_like(MASK)], spacing_mm=(1, 1))
    assert len(ax.collections) == 1
    assert len(ax.lines) == 2


@pytest.mark.parametrize(("number", "words"), [(0, "got 0"), (6, "got 6")])
def test_readers_are_one_to_five(number: int, words: str) -> None:
    with pytest.raises(ValueError, match=f"1 to 5 readers, {words}"):
        plot_readers(MASK, Figure().add_subplot(), masks=np.zeros((number, *MASK.shape)), spacing_mm=(1, 1))


def test_readers_need_masks_of_the_images_shape() -> None:
    with pytest.raises(ValueError, match="one shape"):
        plot_readers(MASK, Figure().add_subplot(), masks=[MASK[1:]], spacing_mm=(1, 1))


def test_both_hd95_stand_on_the_curves_that_they_belong_to() -> None:
    wrong = MASK.copy()
    wrong[:, 8:] = False
    distances = surface_distances(MASK, wrong, spacing_mm=(1, 1))
    ax = plot_percentiles(distances, Figure().add_subplot())
    lines = {line.get_label(): line for line in ax.lines}
    at = [
        np.interp(95, lines[name].get_ydata(), lines[name].get_xdata())
        for name in ("from true to drawn", "from drawn to true")
    ]
    assert max(at) == pytest.approx(distances.worse_percentile_mm())
    pooled = lines["both pooled"]
    assert np.interp(95, pooled.get_ydata(), pooled.get_xdata()) == pytest.approx(distances.pooled_percentile_mm())
    assert f"{distances.worse_percentile_mm():.1f}" in ax.texts[1].get_text()


def test_one_distance_is_drawn_and_none_is_refused() -> None:
    plot_percentiles(SurfaceDistances(np.array([2.0]), np.array([1.0])), Figure().add_subplot())
    with pytest.raises(ValueError, match="two empty masks"):
        plot_percentiles(SurfaceDistances(np.empty(0), np.empty(0)), Figure().add_subplot())


def test_the_axis_of_percentiles_may_start_higher_but_shows_the_percentile() -> None:
    distances = SurfaceDistances(np.array([0.0] * 9 + [10]), np.zeros(10))
    ax = plot_percentiles(distances, Figure().add_subplot(), lowest=80)
    assert ax.get_ylim() == pytest.approx((80, 100.4))
    assert {text.xy[1] for text in ax.texts} == {80}  # both numbers stand at the foot of their lines
    with pytest.raises(ValueError, match="below the percentile 95, got 95"):
        plot_percentiles(distances, Figure().add_subplot(), lowest=95)


def test_each_case_is_a_point_upon_its_box() -> None:
    ax = plot_boxes({"1": [0.7, 0.8, 0.9], "9": [0.95]}, Figure().add_subplot(), label="Dice")
    points = [line for line in ax.lines if line.get_marker() == "o"]
    assert [sorted(line.get_ydata()) for line in points] == [[0.7, 0.8, 0.9], [0.95]]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "9"]


@pytest.mark.parametrize("groups", [{}, {"a": []}])
def test_boxes_need_cases(groups: dict[str, list[float]]) -> None:
    with pytest.raises(ValueError, match="at least one group"):
        plot_boxes(groups, Figure().add_subplot(), label="Dice")


def test_the_froc_curve_goes_on_to_the_end_of_the_axis_and_shows_its_intervals() -> None:
    detections = Detections([0.9, 0.8, 0.7], image=[0, 1, 1], lesion=[0, -1, 0], lesions_per_image=[1, 2])
    curve = froc_curve(detections)
    ax = plot_froc(curve, Figure().add_subplot(), intervals=froc_intervals(detections, num_resamples=20), most=4)
    assert ax.lines[0].get_xdata()[-1] == 4
    assert ax.lines[0].get_ydata()[-1] == pytest.approx(100 * 2 / 3)
    assert len(ax.lines) == 1 + 2 * 6
    with pytest.raises(ValueError, match="above 0"):
        plot_froc(curve, Figure().add_subplot(), most=0)


def test_the_winner_is_on_top_and_bars_span_the_places() -> None:
    values = [[[0.5], [0.6]], [[0.9], [0.9]], [[0.7], [0.1]]]
    stability = rank_stability(values, higher_is_better=[True], num_resamples=50)
    ax = plot_places(["a", "b", "c"], stability, Figure().add_subplot())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "a", "c"]
    assert ax.texts[0].get_text() == "first in 100%"
    with pytest.raises(ValueError, match="needs 3 names"):
        plot_places(["a"], stability, Figure().add_subplot())
