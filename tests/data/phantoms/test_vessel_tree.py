"""Vessel trees: the branching law to the last digit, angles, walls of vessels drawn by hand."""

import numpy as np
import pytest

from course_lib.data.phantoms.vessel_tree import Eye, VesselSegments, VesselTree, grow_vessels, signed_distance


def _grown(number: int, size: int = 128) -> tuple[list[VesselSegments], list[VesselTree]]:
    eyes = [Eye(np.array([89.0, 63]), np.array([47.0, 66]), 62) for _ in range(number)]
    return grow_vessels(eyes, [np.random.default_rng([0, index]) for index in range(number)], size=size)


def test_diameters_follow_the_branching_law() -> None:
    for tree in _grown(5)[1]:
        exponent = np.where(tree.artery, 2.6, 2.0)
        before, after = tree.parent_px**exponent, (tree.branches_px ** exponent[:, None]).sum(axis=1)
        assert np.allclose(before, after, rtol=1e-5)
        assert (tree.branches_px[:, 0] >= tree.branches_px[:, 1]).all()
        assert {True, False} == set(tree.artery.tolist())


def test_angles_are_78_degrees_on_average() -> None:
    angles = np.concatenate([tree.angle_degrees for tree in _grown(30)[1]])
    assert len(angles) > 600
    assert angles.mean() == pytest.approx(78, abs=1.5)
    assert angles.std() == pytest.approx(10, abs=2)


def test_an_eye_grows_the_same_alone_or_beside_others() -> None:
    (alone, _), (beside, _) = _grown(1), _grown(4)
    assert np.array_equal(alone[0].starts, beside[0].starts)
    assert np.array_equal(alone[0].diameters, beside[0].diameters)
    assert not np.array_equal(beside[0].starts[:50], beside[1].starts[:50])


def test_vessels_stay_out_of_the_fovea_and_pieces_join() -> None:
    for segments in _grown(6)[0]:
        assert np.hypot(*(segments.starts - (47, 66)).T).min() > 5
        assert np.allclose(np.hypot(*(segments.ends - segments.starts).T), 1)
        for vessel in np.unique(segments.vessel):
            own = segments.vessel == vessel
            assert np.allclose(segments.ends[own][:-1], segments.starts[own][1:])
            assert len(set(segments.diameters[own])) == 1


def test_diameters_of_a_tree_are_in_pixels_of_the_image() -> None:
    (_, small), (_, large) = _grown(1, 128), _grown(1, 256)
    assert np.allclose(2 * small[0].parent_px, large[0].parent_px)


def test_no_eyes_have_no_vessels() -> None:
    assert grow_vessels([], [], size=128) == ([], [])


@pytest.mark.parametrize("size", [128, 256])
def test_walls_lie_where_a_straight_vessel_ends(size: int) -> None:
    along = np.arange(20, 100.0)
    starts, ends = np.stack([along, 0 * along + 64], axis=1), np.stack([along + 1, 0 * along + 64], axis=1)
    straight = VesselSegments(starts, ends, np.full(80, 4.0), np.zeros(80, int), np.ones(80, bool))
    walls = signed_distance(straight, np.zeros(80, int), 2, size=size)
    assert walls.shape == (2, size, size)
    assert (walls[1] == 3).all()
    column = walls[0][:, size // 2]
    inside = np.flatnonzero(column < 0)
    assert len(inside) == 4 * size // 128
    assert inside.mean() + 0.5 == size / 2
    scale = size // 128
    assert column[size // 2 + 2 * scale] == pytest.approx(0.5, abs=0.1)  # the first pixel outside
    assert (signed_distance(straight, np.full(80, -1), 1, size=size) == 3).all()
