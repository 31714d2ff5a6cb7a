"""Vessel trees: the branching law to the last digit, angles, and pieces that join."""

import numpy as np
import pytest

from course_lib.data.phantoms.vessel_tree import Eye, GrownVessels, grow_vessels


def _grown(number: int, size: int = 128) -> list[GrownVessels]:
    eyes = [Eye(np.array([89.0, 63]), np.array([47.0, 66]), 62) for _ in range(number)]
    return grow_vessels(eyes, [np.random.default_rng([0, index]) for index in range(number)], size=size)


def test_diameters_follow_the_branching_law() -> None:
    for tree in (grown.tree for grown in _grown(5)):
        exponent = np.where(tree.artery, 2.6, 2.0)
        before, after = tree.parent_px**exponent, (tree.branches_px ** exponent[:, None]).sum(axis=1)
        assert np.allclose(before, after, rtol=1e-5)
        assert (tree.branches_px[:, 0] >= tree.branches_px[:, 1]).all()
        assert {True, False} == set(tree.artery.tolist())


def test_angles_are_78_degrees_on_average() -> None:
    angles = np.concatenate([grown.tree.angle_degrees for grown in _grown(30)])
    assert len(angles) > 600
    assert angles.mean() == pytest.approx(78, abs=1.5)
    assert angles.std() == pytest.approx(10, abs=2)


def test_an_eye_grows_the_same_alone_or_beside_others() -> None:
    [alone], beside = _grown(1), _grown(4)
    assert np.array_equal(alone.segments.starts, beside[0].segments.starts)
    assert np.array_equal(alone.segments.diameters, beside[0].segments.diameters)
    assert not np.array_equal(beside[0].segments.starts[:50], beside[1].segments.starts[:50])


def test_vessels_stay_out_of_the_fovea_and_pieces_join() -> None:
    for segments in (grown.segments for grown in _grown(6)):
        assert np.hypot(*(segments.starts - (47, 66)).T).min() > 5
        assert np.allclose(np.hypot(*(segments.ends - segments.starts).T), 1)
        for vessel in np.unique(segments.vessel):
            own = segments.vessel == vessel
            assert np.allclose(segments.ends[own][:-1], segments.starts[own][1:])
            assert len(set(segments.diameters[own])) == 1


def test_diameters_of_a_tree_are_in_pixels_of_the_image() -> None:
    [small], [large] = _grown(1, 128), _grown(1, 256)
    assert np.allclose(2 * small.tree.parent_px, large.tree.parent_px)


def test_no_eyes_have_no_vessels() -> None:
    assert grow_vessels([], [], size=128) == []
