"""Labelled images and their loader."""

import dataclasses

import numpy as np
import pytest
import torch

from course_lib.data import LabelledImages, make_loader


@pytest.fixture
def ten() -> LabelledImages:
    images = torch.arange(10.0).reshape(10, 1, 1, 1).expand(10, 1, 2, 2) / 10
    return LabelledImages(images, torch.arange(10) % 2, ("even", "odd"))


def test_a_subset_keeps_the_order_asked_for(ten: LabelledImages) -> None:
    few = ten.subset([7, 0, 7])
    assert few.images[:, 0, 0, 0].tolist() == pytest.approx([0.7, 0.0, 0.7])
    assert few.labels.tolist() == [1, 0, 1]
    assert few.class_names == ("even", "odd")


@pytest.mark.parametrize("indices", [[1, 2], np.array([1, 2]), np.array([1, 2], dtype=np.int32), torch.tensor([1, 2])])
def test_indices_may_be_a_list_an_array_or_a_tensor(ten: LabelledImages, indices) -> None:
    assert ten.subset(indices).labels.tolist() == [1, 0]


def test_a_subset_is_a_copy(ten: LabelledImages) -> None:
    ten.subset([0, 1]).labels[:] = 5
    assert ten.labels[:2].tolist() == [0, 1]


@pytest.mark.parametrize("nothing", [[], np.array([], dtype=np.int64)])
def test_a_subset_may_be_empty(ten: LabelledImages, nothing) -> None:
    assert len(ten.subset(nothing)) == 0
    assert ten.subset(nothing).images.shape == (0, 1, 2, 2)


@pytest.mark.parametrize("indices", [[10], [-1]])
def test_an_index_outside_the_data_is_an_error(ten: LabelledImages, indices: list[int]) -> None:
    with pytest.raises(IndexError, match=r"10 images allow indices 0 to 9, got"):
        ten.subset(indices)


@pytest.mark.parametrize("indices", [[0.5], [[0, 1]], [True, False]])
def test_a_mask_or_a_table_is_no_row_of_indices(ten: LabelledImages, indices) -> None:
    with pytest.raises(ValueError, match="indices are a row of whole numbers, got"):
        ten.subset(indices)


def test_the_data_cannot_be_exchanged(ten: LabelledImages) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ten.labels = torch.zeros(10)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": torch.zeros(2, 8, 8)}, r"float32 \(N, C, H, W\) tensor, got torch.float32 \(2, 8, 8\)"),
        ({"images": torch.zeros(2, 1, 8, 8, dtype=torch.float64)}, "got torch.float64"),
        ({"images": torch.full((2, 1, 8, 8), 255.0)}, "from 0 to 1, got 255 to 255: rescale"),
        ({"images": torch.full((2, 1, 8, 8), torch.nan)}, "from 0 to 1, got nan"),
        ({"labels": torch.tensor([0])}, r"int64 \(2,\) tensor, one an image, got torch.int64 \(1,\)"),
        ({"labels": torch.tensor([0.0, 1.0])}, "got torch.float32"),
        ({"labels": torch.tensor([0, 2])}, "2 class names allow labels 0 to 1, got 0 to 2"),
        ({"labels": torch.tensor([-1, 0])}, "got -1 to 0"),
    ],
)
def test_wrong_images_and_labels_are_named(changes: dict[str, torch.Tensor], words: str) -> None:
    right = {"images": torch.zeros(2, 1, 8, 8), "labels": torch.tensor([0, 1])}
    with pytest.raises(ValueError, match=words):
        LabelledImages(**(right | changes), class_names=("a", "b"))


def test_a_loader_gives_every_image_once_and_a_smaller_last_batch(ten: LabelledImages) -> None:
    batches = list(make_loader(ten, batch_size=4))
    assert [len(labels) for _, labels in batches] == [4, 4, 2]
    assert torch.equal(torch.cat([images for images, _ in batches]), ten.images)


def test_shuffling_gives_a_new_order_each_time_that_the_seed_repeats(ten: LabelledImages) -> None:
    def orders(seed: int) -> list[list[float]]:
        loader = make_loader(ten, batch_size=10, shuffle=True, seed=seed)
        return [images[:, 0, 0, 0].tolist() for _ in range(2) for images, _ in loader]

    first, second = orders(seed=0)
    assert first != second
    assert sorted(first) == sorted(second)
    torch.rand(5)  # other random numbers do not matter
    assert orders(seed=0) == [first, second]
    assert orders(seed=1) != [first, second]


def test_a_loader_leaves_the_global_random_numbers_alone(ten: LabelledImages) -> None:
    before = torch.get_rng_state()
    list(make_loader(ten, batch_size=3, shuffle=True))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loader_needs_an_image_and_a_batch_size(ten: LabelledImages) -> None:
    with pytest.raises(ValueError, match="at least one image, got none"):
        make_loader(ten.subset([]), batch_size=4)
    with pytest.raises(ValueError, match="batch_size is at least 1, got 0"):
        make_loader(ten, batch_size=0)
