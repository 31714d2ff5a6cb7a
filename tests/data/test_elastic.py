"""Elastic deformation: smooth, seeded, the same for image and labels, and honest about folds."""

import numpy as np
import pytest
from scipy import ndimage

from course_lib.data.elastic import deform_image, deform_labels, elastic_field, smallest_stretch


def test_the_nodes_of_the_grid_carry_the_random_vectors_themselves() -> None:
    field = elastic_field((65, 129), seed=3, std_px=10)
    vectors = np.random.default_rng(3).normal(0, 10, (2, 3, 3))
    np.testing.assert_allclose(field[:, ::32, ::64], vectors, atol=1e-9)


def test_the_vectors_have_the_standard_deviation_that_was_asked_for() -> None:
    corners = np.array([elastic_field((9, 9), seed=seed, std_px=4)[:, 0, 0] for seed in range(400)])
    assert corners.std() == pytest.approx(4, rel=0.1)
    assert corners.mean() == pytest.approx(0, abs=0.5)


def test_the_same_seed_gives_the_same_field_and_another_one_another() -> None:
    one, same, other = (elastic_field((20, 30), seed=seed) for seed in (1, 1, 2))
    assert (one == same).all()
    assert not np.allclose(one, other)


def test_no_arrows_leave_image_and_labels_as_they_were() -> None:
    image = np.random.default_rng(0).random((12, 17)).astype(np.float32)
    nothing = elastic_field((12, 17), seed=0, std_px=0)
    np.testing.assert_allclose(deform_image(image, nothing), image, atol=1e-6)
    assert (deform_labels(image > 0.5, nothing) == (image > 0.5)).all()


@pytest.mark.parametrize("order", [0, 1, 3])
def test_a_whole_step_moves_the_image_and_mirrors_the_edge(order: int) -> None:
    image = np.arange(5.0)[None].repeat(4, axis=0)
    step = np.stack([np.zeros((4, 5)), np.full((4, 5), 2.0)])
    assert deform_image(image, step, order=order)[0].round(4).tolist() == [2, 3, 4, 3, 2]


def test_labels_go_where_the_nearest_pixel_of_the_image_goes_and_no_new_one_appears() -> None:
    labels = np.random.default_rng(0).integers(0, 9, (40, 50)) * 7
    for seed in range(5):
        field = elastic_field((40, 50), seed=seed)
        bent = deform_labels(labels, field)
        assert bent.dtype == labels.dtype
        assert set(np.unique(bent)) <= set(np.unique(labels))
        places = np.indices(labels.shape) + field
        slow = ndimage.map_coordinates(labels, places, order=0, mode="mirror")
        assert (bent != slow).mean() < 0.01  # they may differ where a place lies halfway


def test_image_and_labels_bend_together() -> None:
    rows, columns = np.indices((64, 64))
    disc = np.hypot(rows - 30, columns - 35) < 14
    smooth = ndimage.gaussian_filter(disc.astype(float), 1.5)
    for seed in range(5):
        field = elastic_field((64, 64), seed=seed, std_px=4)
        assert ((deform_image(smooth, field) > 0.5) != deform_labels(smooth > 0.5, field)).mean() < 0.01


def test_a_bent_image_stays_in_the_range_of_the_image() -> None:
    image = np.zeros((30, 30))
    image[10:20, 10:20] = 1  # a cubic overshoots at such an edge
    bent = deform_image(image, elastic_field((30, 30), seed=0, std_px=3))
    assert bent.dtype == np.float32
    assert bent.min() >= 0
    assert bent.max() <= 1


def test_areas_are_those_of_a_stretch_and_a_fold_is_negative() -> None:
    rows, columns = np.indices((20, 30)).astype(float)
    assert smallest_stretch(np.stack([rows, columns / 2])) == pytest.approx(3)  # twice as far, one and a half as far
    assert smallest_stretch(np.stack([-2 * rows, 0 * columns])) == pytest.approx(-1)
    assert smallest_stretch(elastic_field((128, 128), seed=0, std_px=80)) < 0


def test_two_nodes_give_straight_lines() -> None:
    field = elastic_field((9, 9), seed=5, nodes=2)
    np.testing.assert_allclose(np.diff(field, n=2, axis=1), 0, atol=1e-9)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"shape": (1, 5)}, "at least 2 of each"),
        ({"std_px": -1}, "std_px is at least 0"),
        ({"nodes": 1}, "nodes at least 2"),
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        elastic_field(**{"shape": (8, 8), "seed": 0} | wrong)


@pytest.mark.parametrize("bend", [deform_image, deform_labels])
def test_a_field_of_another_shape_is_refused(bend: object) -> None:
    with pytest.raises(ValueError, match=r"the shape \(2, H, W\) of the image \(4, 5\), got \(2, 5, 4\)"):
        bend(np.zeros((4, 5), int), np.zeros((2, 5, 4)))  # type: ignore[operator]
