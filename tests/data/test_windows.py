"""CT windows and intensity normalisation."""

from pathlib import Path

import numpy as np
import pytest

from course_lib.data.nifti import read_nifti, read_nifti_mask
from course_lib.data.windows import CT_WINDOWS, CtWindow, apply_ct_window, rescale_percentiles, z_score


@pytest.mark.parametrize("name", CT_WINDOWS)
def test_every_window_leads_from_0_over_a_half_to_1(name: str) -> None:
    window = CT_WINDOWS[name]
    hu = np.array([-2000, window.low_hu, window.center_hu, window.high_hu, 5000])
    out = apply_ct_window(hu, name)
    assert out.dtype == np.float32
    assert out.tolist() == pytest.approx([0, 0, 0.5, 1, 1])
    assert np.array_equal(apply_ct_window(hu, window), out)


def test_the_lung_window_shows_lung_and_hides_what_bone_is_made_of() -> None:
    lung, muscle, bone = apply_ct_window(np.array([-850, 50, 700]), "lung")
    assert 0.2 < lung < 0.5 < muscle < 1
    assert bone == 1
    assert apply_ct_window(np.array([-850]), "bone") == 0


def test_the_scan_is_not_written_over() -> None:
    hu = np.full((2, 2), 3000, np.float32)
    apply_ct_window(hu, "lung")
    rescale_percentiles(hu)
    z_score(hu)
    assert (hu == 3000).all()


def test_a_window_of_no_name_and_of_no_width_is_refused() -> None:
    with pytest.raises(ValueError, match=r"window needs one of abdomen, bone, .*, got 'livr'"):
        apply_ct_window(np.zeros(2), "livr")
    with pytest.raises(ValueError, match="a width above 0 in HU, got 40, 0"):
        CtWindow(40, 0)
    with pytest.raises(ValueError, match="hu needs numbers, got NaN"):
        apply_ct_window(np.array([np.nan]), "bone")


def test_z_score_does_not_know_the_scanner() -> None:
    scan = np.random.default_rng(0).gamma(2, 100, (8, 8, 8)).astype(np.float32)
    out = z_score(scan)
    assert out.dtype == np.float32
    assert (out.mean(), out.std()) == pytest.approx((0, 1), abs=1e-5)
    assert np.allclose(z_score(3 * scan + 7), out, atol=1e-5)


def test_z_score_takes_its_numbers_inside_the_mask() -> None:
    scan = np.array([[10, 20, 30], [0, 0, 0]])
    out = z_score(scan, mask=np.array([[1, 1, 1], [0, 0, 0]]))
    assert out[0].tolist() == pytest.approx([-1.2247, 0, 1.2247], abs=1e-4)


def test_percentiles_forget_one_bright_voxel() -> None:
    scan = np.linspace(0, 1, 1000)
    spoiled = scan.copy()
    spoiled[-1] = 1e6
    assert np.abs(rescale_percentiles(spoiled) - rescale_percentiles(scan)).max() < 1e-3


def test_percentiles_are_cut_and_taken_inside_the_mask() -> None:
    out = rescale_percentiles(np.array([0, 10, 20, 90]), low=0, high=100, mask=np.array([0, 1, 1, 0]))
    assert out.tolist() == [0, 0, 1, 1]


def test_a_constant_image_becomes_0() -> None:
    flat = np.full((3, 3), 0.1, np.float32)
    assert not z_score(flat).any()
    assert not rescale_percentiles(flat).any()


@pytest.mark.parametrize("normalise", [z_score, rescale_percentiles])
def test_intensities_and_masks_that_set_no_scale_are_refused(normalise) -> None:  # type: ignore[no-untyped-def]
    for bad in (np.array([1, np.nan]), np.array([1, np.inf]), np.array([])):
        with pytest.raises(ValueError, match="intensities need to be finite numbers, at least one"):
            normalise(bad)
    with pytest.raises(ValueError, match=r"mask needs the shape of the intensities, \(2,\), got \(3,\)"):
        normalise(np.ones(2), mask=np.ones(3))
    with pytest.raises(ValueError, match="mask needs at least one voxel above 0"):
        normalise(np.ones(2), mask=np.zeros(2))


@pytest.mark.parametrize(("low", "high"), [(50, 50), (-1, 99), (1, 101)])
def test_percentiles_out_of_order_are_refused(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="percentiles need 0 ≤ low < high ≤ 100"):
        rescale_percentiles(np.ones(2), low=low, high=high)


@pytest.mark.real_data
def test_the_liver_window_shows_a_real_liver_in_middle_grey(data_dir: Path) -> None:
    folder = data_dir / "totalsegmentator_ct"
    grey = apply_ct_window(read_nifti(folder / "example_ct.nii.gz").array, "liver")
    liver = read_nifti_mask(folder / "example_seg_v1_2022" / "liver.nii.gz").array == 1
    assert 0.4 < grey[liver].mean() < 0.75
    assert (grey.min(), grey.max()) == (0, 1)
