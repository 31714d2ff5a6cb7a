"""Millimetres and millilitres: by hand and at the edges."""

from collections.abc import Callable
from math import inf, nan

import numpy as np
import pytest
import torch

from course_lib.metrics.spacing import as_spacing, image_diagonal_mm, volume_ml


def test_a_volume_is_voxels_times_spacing() -> None:
    mask = np.zeros((4, 5, 6), dtype=np.uint8)
    mask[1:3, 1:4, 2:4] = 1  # 12 voxels of 5 × 0.7 × 0.7 mm
    assert volume_ml(mask, spacing_mm=(5, 0.7, 0.7)) == pytest.approx(12 * 5 * 0.49 / 1000, rel=1e-12)
    assert volume_ml(np.zeros((2, 2, 2)), spacing_mm=(1, 1, 1)) == 0.0


def test_a_diagonal_runs_through_the_whole_image() -> None:
    assert image_diagonal_mm((3, 4), (1, 1)) == 5.0
    assert image_diagonal_mm((155, 240, 240), (1, 1, 1)) == pytest.approx(373.1286, abs=1e-4)  # what BraTS gives


def test_spacing_of_a_tensor_or_an_array_becomes_floats() -> None:
    assert as_spacing(np.array([5, 1]), axes=2) == as_spacing(torch.tensor([5, 1]), axes=2) == (5.0, 1.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: volume_ml([[1]], spacing_mm=(1, 1)), r"mask needs shape \(D, H, W\).*got \(1, 1\)"),
        (lambda: volume_ml([[[1]]], spacing_mm=(1, 1)), r"3 values for a 3-D mask, got \(1.0, 1.0\)"),
        (lambda: as_spacing((1, 0), axes=2), r"above 0 mm, got \(1.0, 0.0\)"),
        (lambda: as_spacing((1, -1), axes=2), "above 0 mm"),
        (lambda: as_spacing((1, nan), axes=2), "above 0 mm"),
        (lambda: as_spacing((1, inf), axes=2), "above 0 mm"),
        (lambda: image_diagonal_mm((3, 3, 3), (1, 1)), "3 values for a 3-D mask"),
    ],
)
def test_spacings_that_make_no_sense_are_refused_with_the_reason(call: Callable, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
