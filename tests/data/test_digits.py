"""The digits of scikit-learn, enlarged."""

import numpy as np
import pytest
import torch
from sklearn import datasets

from course_lib.data import LabelledImages, load_digits


@pytest.fixture(scope="module")
def digits() -> LabelledImages:
    return load_digits()


def test_there_are_1797_digits_of_ten_kinds(digits: LabelledImages) -> None:
    assert digits.images.shape == (1797, 1, 32, 32)
    assert digits.images.dtype == torch.float32
    assert digits.labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert digits.class_names == tuple("0123456789")


def test_ink_is_1_and_paper_is_0(digits: LabelledImages) -> None:
    assert digits.images.min() == 0
    assert digits.images.max() == 1


def test_a_margin_of_4_pixels_is_empty_and_the_inside_is_not(digits: LabelledImages) -> None:
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[4:28, 4:28] = True
    assert digits.images[..., ~inside].max() == 0
    assert (digits.images[..., inside].amax(dim=2) > 0).all()


def test_the_raw_size_gives_the_images_of_the_file() -> None:
    raw = datasets.load_digits()
    assert np.array_equal(load_digits(8).images[:, 0].numpy() * 16, raw.images)
    assert np.array_equal(load_digits(8).labels.numpy(), raw.target)


def test_enlarging_is_bilinear_between_pixel_centres(digits: LabelledImages) -> None:
    raw = datasets.load_digits().images / 16
    rows = np.clip((np.arange(24) + 0.5) / 3 - 0.5, 0, 7)  # where the 24 new centres lie between the 8 old ones
    low, share = np.minimum(rows.astype(int), 6), rows - np.minimum(rows.astype(int), 6)
    weights = np.zeros((24, 8))
    weights[np.arange(24), low] += 1 - share
    weights[np.arange(24), low + 1] += share
    by_hand = weights @ raw[:20] @ weights.T
    assert digits.images[:20, 0, 4:28, 4:28].numpy() == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize(("image_size", "margin"), [(8, 0), (28, 3), (33, 4), (64, 9)])
def test_any_size_from_8_on_is_filled_with_the_same_margin_all_round(image_size: int, margin: int) -> None:
    images = load_digits(image_size).images
    assert images.shape[2:] == (image_size, image_size)
    used = images.amax(dim=(0, 1)) > 0
    rows, columns = used.any(dim=1).nonzero().flatten(), used.any(dim=0).nonzero().flatten()
    assert rows.min() >= margin
    assert rows.max() < image_size - margin
    assert columns.max() < image_size - margin


def test_two_calls_give_the_same_and_share_nothing(digits: LabelledImages) -> None:
    other = load_digits()
    assert torch.equal(other.images, digits.images)
    other.images[:] = 0
    assert digits.images.max() == 1


def test_a_size_below_8_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"image_size is at least 8, .* got 7"):
        load_digits(7)
