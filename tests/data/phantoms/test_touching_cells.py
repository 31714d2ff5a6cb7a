"""Touching nuclei: the truth fits the image, pairs touch as often as in real images, and borders have to be learned."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from course_lib.data.phantoms.touching_cells import (
    TouchingCells,
    contact_masks,
    count_touching_pairs,
    make_touching_cells,
)


@pytest.fixture(scope="module")
def cells() -> TouchingCells:
    return make_touching_cells(150, seed=5)


def test_an_image_depends_on_the_seed_and_its_place_only() -> None:
    few, many, other = (make_touching_cells(count, seed=seed, size=64) for count, seed in ((2, 0), (4, 0), (2, 1)))
    assert np.array_equal(few.images, many.images[:2])
    assert np.array_equal(few.labels, many.labels[:2])
    assert not np.array_equal(few.images, other.images)


@pytest.mark.parametrize("size", [32, 65, 128])
def test_shapes_types_and_ranges(size: int) -> None:
    cells = make_touching_cells(3, size=size)
    assert (cells.images.dtype, cells.images.shape) == (np.float32, (3, 1, size, size))
    assert (cells.labels.dtype, cells.labels.shape) == (np.int32, (3, size, size))
    assert cells.images.min() >= 0
    assert cells.images.max() <= 1


def test_no_images_are_empty_arrays() -> None:
    none = make_touching_cells(0, size=40)
    assert none.images.shape == (0, 1, 40, 40)
    assert none.labels.shape == (0, 40, 40)
    assert none.num_nuclei.shape == (0,)


def test_every_nucleus_is_one_piece_with_a_number_of_its_own(cells: TouchingCells) -> None:
    for labels in cells.labels[:30]:
        found = np.unique(labels)
        assert np.array_equal(found[found > 0], np.arange(1, labels.max() + 1))
        assert all(ndimage.label(labels == nucleus)[1] == 1 for nucleus in found[found > 0])
        assert np.bincount(labels.ravel())[1:].min() >= 12


def test_pairs_touch_as_often_as_in_real_images(cells: TouchingCells) -> None:
    pairs = sum(count_touching_pairs(labels) for labels in cells.labels)
    assert pairs / cells.num_nuclei.sum() == pytest.approx(445 / 2106, abs=0.04)


@pytest.mark.real_data
def test_the_quoted_rate_is_that_of_the_real_index(data_dir: Path) -> None:
    with (data_dir / "dsb2018_nuclei" / "index.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["touching_pairs_4conn"]) for row in rows) == 445
    assert sum(int(row["n_nuclei"]) for row in rows) == 2106


def test_nuclei_are_brighter_than_the_ground_and_contacts_darker_than_nuclei(cells: TouchingCells) -> None:
    images, inside = cells.images[:, 0], cells.masks
    contacts = contact_masks(cells.labels)
    deep = np.stack([ndimage.binary_erosion(mask, iterations=2) for mask in inside]) & ~contacts
    ground, nucleus, gap = (np.mean(images[part]) for part in (~inside, deep, contacts))
    assert nucleus > 2 * ground
    assert ground < gap < 0.8 * nucleus


def test_touching_is_counted_once_a_pair_and_not_across_corners() -> None:
    assert count_touching_pairs(np.array([[1, 1, 2], [1, 2, 2], [3, 3, 3]])) == 3
    assert count_touching_pairs(np.array([[1, 0], [0, 2]])) == 0
    assert count_touching_pairs(np.zeros((4, 4), int)) == 0


def test_contacts_lie_on_both_sides_of_a_border_also_across_corners() -> None:
    labels = np.array([[[1, 0, 0], [0, 2, 2], [0, 0, 0]], [[1, 1, 1], [1, 1, 1], [0, 0, 0]]])
    expected = np.zeros((2, 3, 3), bool)
    expected[0, 0, 0] = expected[0, 1, 1] = True
    assert np.array_equal(contact_masks(labels), expected)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": -1}, "count and seed are 0 or more, got -1 and 0"),
        ({"count": 1, "seed": -1}, "count and seed are 0 or more, got 1 and -1"),
        ({"count": 1, "size": 31}, "size is at least 32 pixels, got 31"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_touching_cells(**arguments)


def test_labels_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"labels needs one image \(H, W\), got the shape \(1, 2, 2\)"):
        count_touching_pairs(np.ones((1, 2, 2), int))
    with pytest.raises(ValueError, match=r"labels needs images \(N, H, W\), got the shape \(2, 2\)"):
        contact_masks(np.ones((2, 2), int))


def test_a_small_net_with_a_class_for_contacts_beats_a_threshold_and_its_pieces(
    small_unet: Callable[[int, int], nn.Module],
) -> None:
    training, test = make_touching_cells(60, seed=0), make_touching_cells(30, seed=100)
    by_threshold = _f1([_pieces(_above_otsu(image[0])) for image in test.images], test.labels)
    merged = _f1([_pieces(mask) for mask in test.masks], test.labels)  # the true mask, without borders
    by_net = _f1(_nuclei_of_a_net(training, test.images, small_unet), test.labels)
    assert 0.5 < by_threshold < merged < 0.95
    assert by_net > by_threshold + 0.07


def _above_otsu(image: np.ndarray) -> np.ndarray:
    """Threshold with the largest variance between both sides, after a light blur."""
    blurred = ndimage.gaussian_filter(image, 1)
    steps = np.linspace(blurred.min(), blurred.max(), 100)[1:-1]
    shares = np.array([(blurred > step).mean() for step in steps])
    means = np.array([blurred[blurred > step].mean() for step in steps])
    return blurred > steps[np.argmax(shares / (1 - shares) * (means - blurred.mean()) ** 2)]


def _pieces(mask: np.ndarray) -> np.ndarray:
    """Number the connected pieces, without crumbs."""
    pieces = ndimage.label(mask)[0]
    kept = np.bincount(pieces.ravel()) >= 12
    kept[0] = False
    return np.where(kept, np.cumsum(kept), 0)[pieces]


def _f1(predicted: list[np.ndarray], true: np.ndarray) -> float:
    """F1 over all nuclei; a pair counts as found if it overlaps by more than half (intersection over union)."""
    hits = total = 0
    for one, other in zip(predicted, true, strict=True):
        table = np.zeros((one.max() + 1, other.max() + 1))
        np.add.at(table, (one, other), 1)
        union = table.sum(axis=1, keepdims=True) + table.sum(axis=0) - table
        hits += int((table / union > 0.5)[1:, 1:].sum())
        total += one.max() + other.max()
    return 2 * hits / total


def _nuclei_of_a_net(
    training: TouchingCells, images: np.ndarray, small_unet: Callable[[int, int], nn.Module]
) -> list[np.ndarray]:
    x = torch.tensor(training.images)
    y = torch.tensor(np.where(contact_masks(training.labels), 2, training.masks))
    torch.manual_seed(0)
    net, random = small_unet(1, 3), np.random.default_rng(0)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-2, total_steps=150)
    for _ in range(150):
        some, (top, left) = random.choice(len(x), 4, replace=False), random.integers(0, 65, 2)
        part = (slice(top, top + 64), slice(left, left + 64))
        scores = net(x[some][:, :, *part])
        loss = nn.functional.cross_entropy(scores, y[some][:, *part].long(), weight=torch.tensor([1.0, 1.0, 4.0]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    net.eval()
    with torch.no_grad():
        classes = net(torch.tensor(images)).argmax(dim=1).numpy()
    return [_grown(_pieces(one == 1), one > 0) for one in classes]


def _grown(pieces: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Give every pixel of the mask to the nearest piece."""
    nearest = ndimage.distance_transform_edt(pieces == 0, return_distances=False, return_indices=True)
    return np.where(mask, pieces[tuple(nearest)], 0)
