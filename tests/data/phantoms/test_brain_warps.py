"""Deformations of the brain: mechanics by hand, the template against its known volumes, no folding."""

import numpy as np
import pytest

from course_lib.data.phantoms.brain_warps import (
    ageing_warps,
    cosine_waves,
    jacobian_determinant,
    load_brain_template,
    pull_back,
    smooth_displacement,
    solve_poisson,
    white_ratio,
)


def test_the_potential_has_the_asked_laplacian_and_no_flow_through_the_faces() -> None:
    rate = np.random.default_rng(0).standard_normal((6, 7, 8)).astype(np.float32)
    phi = np.pad(solve_poisson(rate), 1, mode="edge").astype(np.float64)  # an edge that goes on: no flow through it
    laplacian = sum(
        np.roll(phi, 1, axis) + np.roll(phi, -1, axis) - 2 * phi for axis in range(3)
    )[1:-1, 1:-1, 1:-1]  # fmt: skip
    np.testing.assert_allclose(laplacian, rate - rate.mean(), atol=1e-5)


def test_a_swelling_ball_pushes_outwards_and_its_jacobian_says_by_how_much() -> None:
    z, y, x = np.indices((32, 32, 32)) - 15.5
    ball = (np.sqrt(z**2 + y**2 + x**2) < 6).astype(np.float32)
    displacement = np.stack(np.gradient(solve_poisson(0.1 * ball)))
    assert displacement[2, 16, 16, 20] > 0 > displacement[2, 16, 16, 11]
    grown = jacobian_determinant(np.indices(ball.shape) + displacement)
    assert grown[15, 15, 15] == pytest.approx(1.1, abs=0.02)


def test_jacobians_of_scaling_mirroring_and_folding() -> None:
    grid = np.indices((4, 4, 4)).astype(np.float32)
    assert jacobian_determinant(grid).min() == jacobian_determinant(grid).max() == 1
    assert jacobian_determinant(grid * np.array([2, 3, 0.5], np.float32)[:, None, None, None]).max() == 3
    assert jacobian_determinant(grid[:, ::-1]).max() == -1, "a mirrored map is folded everywhere"


def test_pulling_back_reads_between_voxels() -> None:
    ramp = np.arange(4, dtype=np.float32)[:, None, None] * np.ones((4, 2, 2), np.float32)
    points = np.array([[0.0, 1.25, 9.0], [0, 0, 0], [0, 0, 0]], np.float32)
    assert pull_back(ramp, points).tolist() == [0.0, 1.25, 3.0]


def test_cosines_are_those_of_the_formula() -> None:
    coefficients = np.random.default_rng(1).standard_normal((3, 3, 3))
    z, y, x = (np.arange(size) + 0.5 for size in (4, 5, 6))
    slow = np.zeros((4, 5, 6))
    for (k, m, n), value in np.ndenumerate(coefficients):
        waves = [np.cos(np.pi * k * z / 4), np.cos(np.pi * m * y / 5), np.cos(np.pi * n * x / 6)]
        slow += value * waves[0][:, None, None] * waves[1][None, :, None] * waves[2][None, None, :]
    np.testing.assert_allclose(cosine_waves(coefficients, (4, 5, 6)), slow, atol=1e-5)


@pytest.mark.parametrize("sd", [0.2, 20.0])
def test_a_random_warp_never_folds_however_large_it_is_asked(sd: float) -> None:
    displacement = smooth_displacement(np.random.default_rng(3), (48, 56, 48), sd=sd)
    assert jacobian_determinant(np.indices((48, 56, 48)) + displacement).min() > 0.1
    assert displacement.std() == pytest.approx(sd, rel=0.5) if sd < 1 else displacement.std() < 2


def test_the_template_has_its_known_volumes_at_both_spacings() -> None:
    for spacing_mm, shape in ((2, (96, 112, 96)), (4, (48, 56, 48))):
        template = load_brain_template(spacing_mm)
        tissues = (template.grey, template.white, template.ventricles, template.sulci)
        assert template.image.shape == shape
        assert template.image.dtype == np.float32
        volumes = [float(tissue.sum(dtype=np.float64)) * template.voxel_ml for tissue in tissues]
        assert volumes[0] == pytest.approx(1008, abs=1)
        assert volumes[1] == pytest.approx(670, abs=1)
        assert volumes[2] == pytest.approx(17.8, rel=0.07)  # as fractions; 17.6 as voxels of more than half
        assert sum(volumes) == pytest.approx(1887, rel=0.01)


def test_the_ventricles_lie_in_the_middle_on_both_sides() -> None:
    ventricles = load_brain_template(4).ventricles
    left, right = ventricles[:, :, 24:].sum(), ventricles[:, :, :24].sum()
    assert left == pytest.approx(right, rel=0.1)
    places = np.argwhere(ventricles > 0.5)
    assert (places.min(axis=0) > [18, 15, 12]).all()
    assert (places.max(axis=0) < [34, 42, 36]).all()


def test_the_cache_reaches_ventricles_and_white_matter_and_never_folds() -> None:
    warps = ageing_warps(4)
    assert warps.log_ratios[0] < -0.95
    assert warps.log_ratios[-1] > 1.95
    assert (np.diff(warps.log_ratios) > 0).all()
    assert (warps.smallest_jacobians > 0).all()
    np.testing.assert_allclose(warps.white_ratios, white_ratio(warps.log_ratios), atol=0.01)
    template, grid = load_brain_template(4), np.indices((48, 56, 48), dtype=np.float32)
    for log_ratio in (-0.5, 0.0, 0.9, 1.7):
        points = grid + warps.at(log_ratio)
        ratio = float(pull_back(template.ventricles, points).sum() / template.ventricles.sum())
        assert np.log(ratio) == pytest.approx(log_ratio, abs=0.03)
        assert jacobian_determinant(points).min() > 0


def test_beyond_its_ends_the_cache_stays_as_it_is() -> None:
    warps = ageing_warps(4)
    assert np.array_equal(warps.at(9), warps.displacements[-1])
    assert np.array_equal(warps.at(-9), warps.displacements[0])


def test_another_spacing_is_refused() -> None:
    with pytest.raises(ValueError, match="spacing_mm needs to be 1, 2 or 4, got 3"):
        load_brain_template(3)
