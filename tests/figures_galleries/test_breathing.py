"""The gallery of the breathing pairs."""

import pytest

from course_lib.data.phantoms.breathing import make_breathing_pairs
from course_lib.figures.galleries.breathing import plot_breathing_pairs


def test_both_scans_their_difference_and_the_motion_are_drawn() -> None:
    pairs = make_breathing_pairs(2, size=32)
    figure = plot_breathing_pairs(pairs)
    titles = [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes[:8]]
    assert titles[:3] == ["pair 0: breathed in", "breathed out", "in minus out"]
    assert titles[7] == f"landmarks: {pairs.landmark_ways_mm[1].mean():.1f} mm"
    assert figure.axes[0].images[0].get_clim() == (-1350, 150)
    assert figure.axes[8].get_ylabel() == "down (mm)"
    assert figure.axes[0].get_ylabel() == "up (mm)"


def test_landmarks_are_drawn_where_they_are() -> None:
    pairs = make_breathing_pairs(1, size=32)
    drawn = plot_breathing_pairs(pairs).axes[1].lines[0].get_xydata()
    places = pairs.landmarks_exhale_mm[0][:, [2, 0]] + pairs.spacing_mm[[2, 0]] / 2
    assert len(drawn) > 3
    assert all((abs(places - point).sum(axis=1) < 1e-6).any() for point in drawn)


def test_no_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="pairs needs at least one pair to draw, got none"):
        plot_breathing_pairs(make_breathing_pairs(0, size=32))
