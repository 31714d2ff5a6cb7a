"""The fundus phantom: as many vessels as in real eyes, graders who differ as people do, a task for a net."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from torch import nn

from course_lib.data.phantoms.fundus import FundusImages, make_fundus_images


@pytest.fixture(scope="module")
def eyes() -> FundusImages:
    return make_fundus_images(60, seed=2)


def _dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def _box_dimension(mask: np.ndarray) -> float:
    """Slope of the number of boxes that hold a vessel against their width, 2 to 32 pixels."""
    widths = np.array([2, 4, 8, 16, 32])
    size = len(mask)
    counts = [mask.reshape(size // k, k, size // k, k).any(axis=(1, 3)).sum() for k in widths]
    return float(-np.polyfit(np.log(widths), np.log(counts), 1)[0])


def test_an_eye_depends_on_the_seed_and_its_place_only() -> None:
    few, many, other = make_fundus_images(2), make_fundus_images(5), make_fundus_images(2, seed=1)
    assert np.array_equal(few.images, many.images[:2])
    assert np.array_equal(few.second_grader, many.second_grader[:2])
    assert np.array_equal(few.trees[1].parent_px, many.trees[1].parent_px)
    assert not np.array_equal(few.images, other.images)


@pytest.mark.parametrize("size", [64, 128, 200])
def test_shapes_types_and_ranges(size: int) -> None:
    eyes = make_fundus_images(2, size=size)
    assert (eyes.images.dtype, eyes.images.shape) == (np.float32, (2, 3, size, size))
    for mask in (eyes.field_of_view, eyes.arteries, eyes.veins, eyes.second_grader, eyes.vessels):
        assert (mask.dtype, mask.shape) == (np.bool_, (2, size, size))
        assert not (mask & ~eyes.field_of_view).any()
    assert eyes.images.min() >= 0
    assert eyes.images.max() <= 1
    assert not eyes.images.transpose(0, 2, 3, 1)[~eyes.field_of_view].any()
    assert eyes.spacing_mm * 0.97 * size == pytest.approx(12)


def test_no_eyes_are_empty_arrays() -> None:
    none = make_fundus_images(0, size=70)
    assert none.images.shape == (0, 3, 70, 70)
    assert none.vessels.shape == (0, 70, 70)
    assert none.trees == ()


def test_nine_to_ten_percent_of_the_field_are_vessels(eyes: FundusImages) -> None:
    shares = eyes.vessels.sum(axis=(1, 2)) / eyes.field_of_view.sum(axis=(1, 2))
    assert 0.09 <= shares.mean() <= 0.10
    assert shares.std() < 0.01


def test_boxes_are_filled_by_a_tree_not_by_a_line_or_an_area(eyes: FundusImages) -> None:
    assert 1.2 < np.mean([_box_dimension(mask) for mask in eyes.vessels]) < 1.45


@pytest.mark.real_data
def test_real_eyes_fill_boxes_alike(eyes: FundusImages, data_dir: Path) -> None:
    """At 128 pixels real masks depend on how they were made smaller: half or a quarter of a pixel is a vessel."""
    dimensions = []
    for path in sorted((data_dir / "chase_db1" / "masks").glob("*.jpg")):
        with Image.open(path) as image:
            small = np.asarray(image.convert("L").resize((128, 128), Image.Resampling.BOX))
        dimensions.append([_box_dimension(small > threshold) for threshold in (127, 64)])
    half, quarter = np.mean(dimensions, axis=0)
    assert half < np.mean([_box_dimension(mask) for mask in eyes.vessels]) < quarter


def test_graders_differ_as_people_do(eyes: FundusImages) -> None:
    agreement = np.mean([_dice(*pair) for pair in zip(eyes.vessels, eyes.second_grader, strict=True)])
    assert 0.72 < agreement < 0.85
    thick = ndimage.binary_opening(eyes.vessels, np.ones((1, 2, 2)))
    found_thick, found_thin = (eyes.second_grader[part].mean() for part in (thick, eyes.vessels & ~thick))
    assert found_thick > found_thin + 0.1


def test_vessels_are_darker_in_green_and_veins_darker_than_arteries(eyes: FundusImages) -> None:
    green = eyes.images[:, 1]
    around = np.stack([ndimage.binary_dilation(mask, iterations=3) for mask in eyes.vessels]) & ~eyes.vessels
    artery, vein = eyes.arteries & ~eyes.veins, eyes.veins & ~eyes.arteries
    assert green[vein].mean() < green[artery].mean() < green[around & eyes.field_of_view].mean()


def test_eyes_are_right_and_left_in_turn(eyes: FundusImages) -> None:
    brightest = [int(ndimage.gaussian_filter(image[1], 4).argmax() % 128) for image in eyes.images[:6]]
    assert [column > 64 for column in brightest] == [True, False] * 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": -1}, "count and seed are 0 or more, got -1 and 0"),
        ({"count": 1, "seed": -1}, "count and seed are 0 or more, got 1 and -1"),
        ({"count": 1, "size": 63}, "size is at least 64 pixels, got 63"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_fundus_images(**arguments)


def test_a_small_net_beats_a_top_hat(small_unet: Callable[[int, int], nn.Module]) -> None:
    training, test = make_fundus_images(40), make_fundus_images(16, seed=100)
    hats, inner = _top_hats(training), _inner_field(training)
    threshold = max(np.linspace(0.01, 0.1, 30), key=lambda one: _dice((hats > one) & inner, training.vessels))
    by_hat = _dice((_top_hats(test) > threshold) & _inner_field(test), test.vessels)
    by_net = _dice(_net_probabilities(training, test.images, small_unet) > 0.4, test.vessels)
    by_chance = _dice(test.field_of_view, test.vessels)  # everything is a vessel
    assert by_chance + 0.2 < by_hat
    assert by_hat + 0.12 < by_net < 0.95


def _top_hats(eyes: FundusImages) -> np.ndarray:
    """How much darker the green channel is than the closing of 7×7 pixels around it."""
    green = np.where(eyes.field_of_view, eyes.images[:, 1], np.median(eyes.images[:, 1][eyes.field_of_view]))
    return np.stack([ndimage.black_tophat(ndimage.gaussian_filter(image, 0.5), size=7) for image in green])


def _inner_field(eyes: FundusImages) -> np.ndarray:
    return np.stack([ndimage.binary_erosion(field, iterations=4) for field in eyes.field_of_view])


def _net_probabilities(
    training: FundusImages, images: np.ndarray, small_unet: Callable[[int, int], nn.Module]
) -> np.ndarray:
    x, y = torch.tensor(training.images), torch.tensor(training.vessels, dtype=torch.float32)[:, None]
    torch.manual_seed(0)
    net, random = small_unet(3, 1), np.random.default_rng(0)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-2, total_steps=200)
    for _ in range(200):
        some, (top, left) = random.choice(len(x), 4, replace=False), random.integers(0, 65, 2)
        part = (slice(None), slice(top, top + 64), slice(left, left + 64))
        loss = nn.functional.binary_cross_entropy_with_logits(net(x[some][:, *part]), y[some][:, *part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    net.eval()
    with torch.no_grad():
        return torch.sigmoid(net(torch.tensor(images)))[:, 0].numpy()
