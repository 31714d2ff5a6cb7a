"""The check at the door of every net."""

import pytest
import torch

from course_lib.models.inputs import check_arguments, check_batch


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        ([[0.0]], TypeError, "floating-point tensor, got list: convert"),
        (torch.zeros(2, 3, 40, 40, dtype=torch.uint8), TypeError, "got torch.uint8: convert"),
        (torch.zeros(3, 40, 40), ValueError, r"got \(3, 40, 40\): a single one becomes .* x\[None\]"),
        (torch.zeros(40, 40), ValueError, r"got \(40, 40\): that is 2 axes, and 4 are needed"),
        (torch.zeros(1, 3, 9, 40, 40), ValueError, "that is 5 axes, and 4 are needed"),
        (torch.zeros(2, 1, 40, 40), ValueError, "1 channel where the first layer reads 3; see in_channels"),
        (torch.zeros(2, 4, 40, 40), ValueError, "4 channels where the first layer reads 3"),
        (torch.zeros(2, 3, 40, 31), ValueError, r"got \(2, 3, 40, 31\): too small .* resize or pad"),
        (torch.zeros(2, 3, 0, 40), ValueError, "too small"),
    ],
)
def test_what_does_not_fit_is_named_with_what_fits(x, error, words) -> None:
    with pytest.raises(error, match=r"wanted a batch \(B, 3, H, W\) of at least 32 pixels along H, W.*" + words):
        check_batch(x, channels=3, min_size=32)


@pytest.mark.parametrize("shape", [(2, 3, 32, 32), (2, 3, 33, 400), (0, 3, 32, 32)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_what_fits_passes(shape, dtype) -> None:
    check_batch(torch.zeros(shape, dtype=dtype), channels=3, min_size=32)


def test_one_pixel_is_singular() -> None:
    with pytest.raises(ValueError, match="of at least 1 pixel along H, W, got"):
        check_batch(torch.zeros(2, 1, 4, 4), channels=3, min_size=1)


def test_volumes_have_three_axes() -> None:
    check_batch(torch.zeros(1, 1, 8, 9, 10), channels=1, min_size=8, dims=3)
    with pytest.raises(ValueError, match=r"\(B, 1, D, H, W\) of at least 9 pixels along D, H, W, got .* too small"):
        check_batch(torch.zeros(1, 1, 8, 9, 10), channels=1, min_size=9, dims=3)


def test_every_argument_is_named_with_what_came() -> None:
    check_arguments(num_classes=1, in_channels=1, hidden_units=1)
    with pytest.raises(ValueError, match=r"^num_classes, in_channels and hidden_units are at least 1, got 2, 0 and 8$"):
        check_arguments(num_classes=2, in_channels=0, hidden_units=8)
