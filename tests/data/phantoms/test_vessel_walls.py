"""Vessels drawn: the walls of a straight one lie where they are expected."""

import numpy as np
import pytest

from course_lib.data.phantoms.vessel_walls import VesselSegments, signed_distance


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
