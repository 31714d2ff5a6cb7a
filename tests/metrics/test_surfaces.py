"""Distances between surfaces: by hand, at the edges, by their invariances, and beside brute force and scipy."""

from collections.abc import Callable
from itertools import product
from math import dist, hypot, inf, isnan, nan, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from course_lib.metrics.spacing import image_diagonal_mm
from course_lib.metrics.surfaces import SurfaceDistances, surface_distances, surface_distances_per_class

few = settings(max_examples=40, deadline=None)
MEASURES = {
    "mean": SurfaceDistances.mean_mm,
    "rms": SurfaceDistances.rms_mm,
    "max": SurfaceDistances.max_mm,
    "pooled 95": SurfaceDistances.pooled_percentile_mm,
    "worse 95": SurfaceDistances.worse_percentile_mm,
    "surface Dice": lambda distances: distances.surface_dice(1.0),
}


def border_points(mask: np.ndarray) -> list[tuple[int, ...]]:
    """Voxels of the mask with a face neighbour that is not in it: the definition, voxel by voxel."""
    inside = set(zip(*np.nonzero(mask), strict=True))
    steps = [
        tuple(sign * (axis == other) for other in range(mask.ndim)) for axis in range(mask.ndim) for sign in (1, -1)
    ]
    return [
        voxel
        for voxel in inside
        if any(tuple(a + b for a, b in zip(voxel, step, strict=True)) not in inside for step in steps)
    ]


def by_brute_force(start: np.ndarray, goal: np.ndarray, spacing_mm: tuple[float, ...]) -> list[float]:
    def in_mm(mask: np.ndarray) -> list[tuple[float, ...]]:
        return [tuple(a * b for a, b in zip(voxel, spacing_mm, strict=True)) for voxel in border_points(mask)]

    return sorted(min(dist(one, other) for other in in_mm(goal)) for one in in_mm(start))


def test_two_rods_by_hand() -> None:
    # rows 1 mm apart, columns 2 mm apart; both rods are one voxel wide, so that each voxel is border
    true = [[1, 1, 1], [0, 0, 0], [0, 0, 0]]
    pred = [[0, 0, 0], [1, 1, 0], [0, 0, 0]]
    distances = surface_distances(true, pred, spacing_mm=(1, 2))
    np.testing.assert_allclose(distances.true_to_pred_mm, [1, 1, sqrt(5)])
    np.testing.assert_allclose(distances.pred_to_true_mm, [1, 1])
    assert distances.mean_mm() == pytest.approx((4 + sqrt(5)) / 5)
    assert distances.rms_mm() == pytest.approx(sqrt((4 + 5) / 5))
    assert distances.max_mm() == pytest.approx(sqrt(5))
    # 95 % of the way through 5 pooled distances is place 3.8, through the 3 of the worse direction place 1.9
    assert distances.pooled_percentile_mm(95) == pytest.approx(1 + 0.8 * (sqrt(5) - 1))
    assert distances.worse_percentile_mm(95) == pytest.approx(1 + 0.9 * (sqrt(5) - 1))
    assert distances.surface_dice(1) == 4 / 5
    assert distances.surface_dice(0.99) == 0.0
    assert distances.surface_dice(3) == 1.0


def test_the_border_is_what_has_a_face_neighbour_outside_mask_or_image() -> None:
    full = np.ones((4, 5), dtype=bool)
    distances = surface_distances(full, full, spacing_mm=(1, 1))
    assert len(distances.true_to_pred_mm) == 4 * 5 - 2 * 3
    assert len(surface_distances(np.ones((3, 3, 3)), np.ones((3, 3, 3)), spacing_mm=(1, 1, 1)).pred_to_true_mm) == 26


def test_equal_masks_are_0_apart() -> None:
    mask = np.random.default_rng(0).random((6, 7, 8)) < 0.5
    distances = surface_distances(mask, mask, spacing_mm=(3, 1, 1))
    assert [measure(distances) for measure in MEASURES.values()] == [0, 0, 0, 0, 0, 1]


def test_between_two_empty_masks_there_is_no_distance() -> None:
    empty = np.zeros((4, 4))
    distances = surface_distances(empty, empty, spacing_mm=(1, 1), one_empty_mm=7.0)
    assert all(isnan(measure(distances)) for measure in MEASURES.values())


def test_to_one_empty_mask_it_is_infinitely_far_or_as_far_as_asked() -> None:
    mask, empty = np.zeros((4, 5)), np.zeros((4, 5))
    mask[1:3, 1:3] = 1
    for pair in ((mask, empty), (empty, mask)):
        distances = surface_distances(*pair, spacing_mm=(3, 1))
        assert [measure(distances) for measure in MEASURES.values()] == [inf, inf, inf, inf, inf, 0]
        diagonal = image_diagonal_mm(mask.shape, (3, 1))
        assert diagonal == hypot(12, 5)
        distances = surface_distances(*pair, spacing_mm=(3, 1), one_empty_mm=diagonal)
        assert [measure(distances) for measure in MEASURES.values()] == [*[pytest.approx(13.0)] * 5, 0]


@given(
    hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6).flatmap(
        lambda shape: st.tuples(hnp.arrays(bool, shape), hnp.arrays(bool, shape))
    ),
    st.tuples(*[st.sampled_from([0.4, 0.75, 1.0, 5.0])] * 3),
)
@few
def test_distances_are_those_of_brute_force(pair: tuple[np.ndarray, np.ndarray], spacing: tuple[float, ...]) -> None:
    true, pred = pair
    if not (true.any() and pred.any()):
        return
    distances = surface_distances(true, pred, spacing_mm=spacing[: true.ndim])
    np.testing.assert_allclose(distances.true_to_pred_mm, by_brute_force(true, pred, spacing[: true.ndim]), rtol=1e-12)
    np.testing.assert_allclose(distances.pred_to_true_mm, by_brute_force(pred, true, spacing[: true.ndim]), rtol=1e-12)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (5.0, 0.7, 0.7), (0.5, 2.0, 1.3)])
def test_far_and_near_distances_are_those_of_the_distance_transform(seed: int, spacing: tuple[float, ...]) -> None:
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.normal(size=(20, 40, 50)), 2)
    true, pred = noise > 0.1, np.roll(noise, 2, axis=2) > 0.12
    pred[:3, :4, :5] = True  # something far from the rest, which only the tree finds
    true[:10] = False
    borders = [mask & ~ndimage.binary_erosion(mask) for mask in (true, pred)]
    wanted = [
        np.sort(ndimage.distance_transform_edt(~goal, sampling=spacing)[start])
        for start, goal in (borders, reversed(borders))
    ]
    distances = surface_distances(true, pred, spacing_mm=spacing)
    np.testing.assert_allclose(distances.true_to_pred_mm, wanted[0], rtol=1e-12)
    np.testing.assert_allclose(distances.pred_to_true_mm, wanted[1], rtol=1e-12)
    pooled = np.concatenate(wanted)
    assert distances.mean_mm() == pytest.approx(pooled.mean(), rel=1e-12)
    assert distances.rms_mm() == pytest.approx(sqrt((pooled**2).mean()), rel=1e-12)
    for percent in (0, 50, 95, 99.9, 100):
        assert distances.pooled_percentile_mm(percent) == pytest.approx(np.percentile(pooled, percent), rel=1e-12)
        worse = max(np.percentile(each, percent) for each in wanted)
        assert distances.worse_percentile_mm(percent) == pytest.approx(worse, rel=1e-12)
        assert distances.worse_percentile_mm(percent) <= distances.max_mm()


def test_exchanging_axes_with_their_spacing_or_masks_or_units_changes_nothing_else() -> None:
    rng = np.random.default_rng(3)
    true, pred = ndimage.gaussian_filter(rng.normal(size=(2, 9, 12, 15)), (0, 1, 1, 1)) > 0.1
    spacing = np.array([2.5, 0.8, 1.1])
    reference = surface_distances(true, pred, spacing_mm=spacing)
    for order in ([1, 2, 0], [2, 1, 0]):
        turned = surface_distances(true.transpose(order), pred.transpose(order), spacing_mm=spacing[order])
        np.testing.assert_allclose(turned.pooled_mm, reference.pooled_mm, rtol=1e-12)
    np.testing.assert_allclose(
        surface_distances(true[::-1], pred[::-1], spacing_mm=spacing).pooled_mm, reference.pooled_mm, rtol=1e-12
    )
    exchanged = surface_distances(pred, true, spacing_mm=spacing)
    for name, measure in MEASURES.items():
        assert measure(exchanged) == measure(reference), name
    doubled = surface_distances(true, pred, spacing_mm=2 * spacing)
    np.testing.assert_allclose(doubled.pooled_mm, 2 * reference.pooled_mm, rtol=1e-12)


def test_each_class_of_a_label_map_is_measured_as_its_own_mask() -> None:
    true, pred = np.random.default_rng(5).integers(0, 3, size=(2, 7, 8))
    classes = surface_distances_per_class(true, torch.tensor(pred), num_classes=4, spacing_mm=(2, 1))
    for k in range(3):
        wanted = surface_distances(true == k, pred == k, spacing_mm=(2, 1))
        np.testing.assert_array_equal(classes[k].pooled_mm, wanted.pooled_mm)
    assert isnan(classes[3].mean_mm())  # a class that nobody has keeps its place
    one_sided = surface_distances_per_class([[0, 1]], [[0, 0]], num_classes=2, spacing_mm=(1, 1), one_empty_mm=9)
    assert one_sided[1].mean_mm() == 9.0


def test_thick_slices_count_with_their_thickness() -> None:
    true, pred = np.zeros((2, 5, 6, 7))
    true[2, 1:5, 1:5], pred[3, 1:5, 1:5] = 1, 1
    assert surface_distances(true, pred, spacing_mm=(5, 0.7, 0.7)).mean_mm() == pytest.approx(5)
    assert surface_distances(true, pred, spacing_mm=(0.7, 5, 0.7)).mean_mm() == pytest.approx(0.7)


def test_tensors_and_bytes_are_taken_as_they_are() -> None:
    true, pred = np.random.default_rng(4).random((2, 8, 9)) < 0.5
    wanted = surface_distances(true, pred, spacing_mm=(1, 2)).pooled_mm
    for kind in (torch.tensor, np.uint8, np.float32):
        np.testing.assert_array_equal(surface_distances(kind(true), kind(pred), spacing_mm=(1, 2)).pooled_mm, wanted)


def test_the_near_and_the_far_search_meet_without_a_gap() -> None:
    true = np.zeros((3, 40))
    true[1, 0] = 1
    for column, spacing in product(range(1, 12), (0.3, 1.0, 1.7)):
        pred = np.zeros((3, 40))
        pred[2, column] = 1
        distances = surface_distances(true, pred, spacing_mm=(1.1, spacing))
        assert distances.max_mm() == pytest.approx(hypot(1.1, column * spacing), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: surface_distances([[1]], [[1, 0]], spacing_mm=(1, 1)), r"same shape, got \(1, 1\) and \(1, 2\)"),
        (lambda: surface_distances([[2]], [[1]], spacing_mm=(1, 1)), "mask_true needs .* 0 and 1, got 2"),
        (lambda: surface_distances([[1]], [[0.5]], spacing_mm=(1, 1)), "mask_pred needs .* 0 and 1, got 0.5"),
        (lambda: surface_distances_per_class([[2]], [[0]], num_classes=2, spacing_mm=(1, 1)), "labels_true .* got 2"),
        (lambda: surface_distances([1], [1], spacing_mm=(1,)), r"one mask a call, got \(1,\)"),
        (lambda: surface_distances([[[[1]]]], [[[[1]]]], spacing_mm=(1, 1, 1, 1)), "one mask a call"),
        (
            lambda: surface_distances([[[1]]], [[[1]]], spacing_mm=(1.0, 1.0)),
            r"3 values for a 3-D mask, got \(1.0, 1.0\)",
        ),
        (lambda: surface_distances([[1]], [[1]], spacing_mm=1.0), r"2 values for a 2-D mask, got \(1.0,\)"),
        (lambda: surface_distances([[1]], [[1]], spacing_mm=(1, 0)), "above 0 mm"),
        (lambda: surface_distances([[1]], [[1]], spacing_mm=(1, 1), one_empty_mm=nan), "must be a distance.*got nan"),
        (lambda: surface_distances([[1]], [[1]], spacing_mm=(1, 1), one_empty_mm=-1), "must be a distance.*got -1"),
        (
            lambda: surface_distances([[1]], [[1]], spacing_mm=(1, 1)).surface_dice(-1),
            "tolerance_mm must be at least 0",
        ),
        (lambda: surface_distances([[1]], [[1]], spacing_mm=(1, 1)).surface_dice(nan), "tolerance_mm .*got nan"),
        (lambda: surface_distances([[1]], [[1]], spacing_mm=(1, 1)).pooled_percentile_mm(101), "between 0 and 100"),
    ],
)
def test_masks_and_spacings_that_make_no_sense_are_refused_with_the_reason(call: Callable, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
