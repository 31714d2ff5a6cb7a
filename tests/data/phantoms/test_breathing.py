"""Pairs of scans breathed in and out, and the motion between them."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates, zoom

from course_lib.data.phantoms.breathing import BreathingPairs, make_breathing_pairs


@pytest.fixture(scope="module")
def pairs() -> BreathingPairs:
    return make_breathing_pairs(10, seed=1)


def sampled(field: np.ndarray, places_mm: np.ndarray, pairs: BreathingPairs) -> np.ndarray:
    return map_coordinates(field, (places_mm / pairs.spacing_mm).T, order=1, mode="nearest")


def test_arrays_have_the_promised_shapes(pairs: BreathingPairs) -> None:
    assert pairs.inhale.shape == pairs.exhale.shape == (10, 1, 64, 64, 64)
    assert pairs.displacements_mm.shape == (10, 3, 64, 64, 64)
    assert pairs.landmarks_inhale_mm.shape == pairs.landmarks_exhale_mm.shape == (10, 50, 3)
    assert pairs.inhale.dtype == pairs.exhale.dtype == pairs.displacements_mm.dtype == pairs.jacobians.dtype
    assert pairs.inhale.dtype == np.float32
    assert pairs.lungs_inhale.dtype == pairs.lungs_exhale.dtype == np.bool_
    none = make_breathing_pairs(0, size=32)
    assert none.inhale.shape == (0, 1, 32, 32, 32)
    assert none.landmark_ways_mm.shape == (0, 50)


def test_the_first_cases_stay_when_more_are_made(pairs: BreathingPairs) -> None:
    fewer = make_breathing_pairs(1, seed=1)
    assert np.array_equal(fewer.exhale[0], pairs.exhale[0])
    assert np.array_equal(fewer.landmarks_inhale_mm[0], pairs.landmarks_inhale_mm[0])
    assert not np.array_equal(fewer.inhale, make_breathing_pairs(1, seed=2).inhale)


def test_mean_ways_of_the_landmarks_span_the_cited_range() -> None:
    means = make_breathing_pairs(60, seed=7, size=32).landmark_ways_mm.mean(axis=1)
    assert means.min() >= 12.2
    assert means.max() <= 31.0
    assert means.mean() == pytest.approx((12.3 + 30.9) / 2, abs=2)
    assert np.ptp(means) > 14


def test_the_true_field_leads_from_landmark_to_landmark(pairs: BreathingPairs) -> None:
    for case in range(10):
        places = pairs.landmarks_exhale_mm[case]
        way = np.stack([sampled(part, places, pairs) for part in pairs.displacements_mm[case]], axis=1)
        left = np.linalg.norm(places + way - pairs.landmarks_inhale_mm[case], axis=1)
        assert np.median(left) < 0.3
        assert left.max() < 6  # beside the wall a voxel already belongs to it


def test_nothing_folds_and_lungs_grow_as_the_jacobian_says(pairs: BreathingPairs) -> None:
    for case in range(10):
        lung = pairs.lungs_exhale[case]
        assert pairs.jacobians[case].min() > 0
        grown = pairs.jacobians[case][lung].sum() / pairs.lungs_inhale[case].sum()
        assert grown == pytest.approx(1, abs=0.05)
        assert 1.1 < pairs.lungs_inhale[case].sum() / lung.sum() < 2.2


def test_no_mass_is_lost_between_the_scans(pairs: BreathingPairs) -> None:
    for case in range(10):
        scans = ((pairs.inhale, pairs.lungs_inhale), (pairs.exhale, pairs.lungs_exhale))
        inhaled, exhaled = ((scan[case, 0][lung[case]] / 1000 + 1).sum() for scan, lung in scans)
        assert inhaled / exhaled == pytest.approx(1, abs=0.1)
    assert np.median(pairs.inhale[:, 0][pairs.lungs_inhale]) == pytest.approx(-870, abs=10)
    assert np.median(pairs.exhale[:, 0][pairs.lungs_exhale]) > -860


def test_motion_grows_to_the_diaphragm_and_slides_along_the_wall(pairs: BreathingPairs) -> None:
    for case in range(10):
        down = -pairs.displacements_mm[case, 0]
        by_height = [down[z][pairs.lungs_exhale[case, z]].mean() for z in (52, 44, 36, 30)]
        assert (np.diff(by_height) > 0).all()
        assert down[28, 32, 2] == 0  # the wall
        row = down[28, 32]
        assert np.abs(np.diff(row)).max() > 8  # a jump from one voxel to the next ...
        side = pairs.displacements_mm[case, 2, 28, 32]
        assert np.abs(np.diff(side)).max() < 2  # ... but only along the wall


def test_landmarks_lie_on_vessels_in_both_scans(pairs: BreathingPairs) -> None:
    for scan, places in ((pairs.inhale, pairs.landmarks_inhale_mm), (pairs.exhale, pairs.landmarks_exhale_mm)):
        there = np.concatenate([sampled(scan[case, 0], places[case], pairs) for case in range(10)])
        assert np.median(there) > np.median(scan[:, 0][pairs.lungs_exhale]) + 100


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"count": -1}, "count is at least 0, got -1"), ({"count": 1, "size": 31}, "size is at least 32, got 31")],
)
def test_wrong_arguments_are_named(arguments: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_breathing_pairs(**arguments)


def demons(fixed: np.ndarray, moving: np.ndarray, steps: int = 40) -> np.ndarray:
    """Way (3, D, H, W) in voxels from fixed to moving, by demons from coarse to fine (Thirion 1998)."""
    way = np.zeros((3, 2, 2, 2))
    for coarse in (4, 2):
        low_fixed, low_moving = (
            zoom(gaussian_filter(scan, coarse / 2), 1 / coarse, order=1) for scan in (fixed, moving)
        )
        shape = low_fixed.shape
        way = np.stack([zoom(part, np.divide(shape, part.shape), order=1) for part in way]) * (
            2 if way.shape[1] > 2 else 1
        )
        grid, slope = np.indices(shape), np.stack(np.gradient(low_fixed))
        for _ in range(steps):
            difference = map_coordinates(low_moving, grid + way, order=1, mode="nearest") - low_fixed
            force = -difference * slope / ((slope**2).sum(axis=0) + difference**2 + 1e-3)
            way = np.stack([gaussian_filter(part, 1.2) for part in way + force])
    return np.stack([zoom(part, np.divide(fixed.shape, shape), order=1) for part in way]) * coarse


def test_a_classical_registration_lowers_the_landmark_error_but_not_to_zero() -> None:
    pairs = make_breathing_pairs(3, seed=2)
    before, after = [], []
    for case in range(3):
        fixed, moving = (np.clip(scan[case, 0] / 1000 + 1, 0, 1) for scan in (pairs.exhale, pairs.inhale))
        way = demons(fixed, moving)
        places = pairs.landmarks_exhale_mm[case]
        moved = places + np.stack([sampled(part, places, pairs) for part in way], axis=1) * pairs.spacing_mm
        before.append(pairs.landmark_ways_mm[case].mean())
        after.append(np.linalg.norm(moved - pairs.landmarks_inhale_mm[case], axis=1).mean())
    print("landmark error in mm:", np.round(before, 1), "→", np.round(after, 1))
    assert np.mean(after) < 0.75 * np.mean(before)
    assert np.mean(after) > 2
