"""Patches of a made-up slide: what a small net sees, and mean colours do not."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from course_lib.data.phantoms.slide_paint import EOSIN, GLASS, HAEMATOXYLIN
from course_lib.data.phantoms.slide_patches import SlidePatches, make_slide_patches


def mean_stains(patches: SlidePatches) -> np.ndarray:
    """Mean haematoxylin and eosin of each patch."""
    glass = np.array(GLASS)[:, None, None] / 255
    density = np.log(glass / np.maximum(patches.images, 1 / 255)).mean(axis=(2, 3))
    return density @ np.linalg.pinv(np.array([HAEMATOXYLIN, EOSIN]))


def accuracy_of_small_net(train: SlidePatches, test: SlidePatches, *, seed: int, epochs: int = 10) -> float:
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for inputs, outputs, size, stride in ((3, 12, 5, 2), (12, 16, 3, 1), (16, 24, 3, 2)):
        layers += [nn.Conv2d(inputs, outputs, size, stride), nn.BatchNorm2d(outputs), nn.ReLU()]
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 2))
    assert sum(weights.numel() for weights in net.parameters()) < 7000
    images, labels = torch.from_numpy(train.images), torch.from_numpy(train.labels)
    optimiser = torch.optim.Adam(net.parameters())
    steps = epochs * len(torch.arange(len(labels)).split(32))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.01, total_steps=steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(labels)).split(32):
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(images[batch]), labels[batch]).backward()
            optimiser.step()
            schedule.step()
    net.eval()
    with torch.no_grad():
        return float((net(torch.from_numpy(test.images)).argmax(dim=1).numpy() == test.labels).mean())


@pytest.fixture(scope="module")
def train() -> SlidePatches:
    return make_slide_patches(600, seed=0, size=64, mpp=1.0)


@pytest.fixture(scope="module")
def test() -> SlidePatches:
    return make_slide_patches(300, seed=100, size=64, mpp=1.0)


def test_colour_beats_a_coin_and_a_small_net_beats_colour(train: SlidePatches, test: SlidePatches) -> None:
    by_colour = LogisticRegression().fit(mean_stains(train), train.labels).score(mean_stains(test), test.labels)
    by_net = accuracy_of_small_net(train, test, seed=0)
    assert 0.6 < by_colour < 0.83
    assert by_net > by_colour + 0.05


def test_haematoxylin_alone_hardly_tells(train: SlidePatches, test: SlidePatches) -> None:
    one = LogisticRegression().fit(mean_stains(train)[:, :1], train.labels)
    assert 0.45 < one.score(mean_stains(test)[:, :1], test.labels) < 0.7


def test_patches_are_what_the_docstring_says(train: SlidePatches) -> None:
    assert (train.images.shape, train.images.dtype) == ((600, 3, 64, 64), np.float32)
    assert (train.labels.dtype, train.sites.dtype, train.tumour_fraction.dtype) == (np.int64, np.int64, np.float32)
    assert train.images.min() >= 0
    assert train.images.max() <= 1
    assert np.array_equal(train.labels, np.arange(600) % 2)
    assert set(train.sites) == set(range(24))
    assert (train.tumour_fraction[train.labels == 0] == 0).all()
    assert (train.tumour_fraction[train.labels == 1] > 0).mean() > 0.97


def test_the_same_seed_gives_the_same_patches_and_more_do_not_change_the_first() -> None:
    few, many, other = (make_slide_patches(*how, size=32) for how in ((3,), (5,), (3,)))
    assert np.array_equal(few.images, many.images[:3])
    assert np.array_equal(few.images, other.images)
    assert not np.array_equal(few.images, make_slide_patches(3, seed=1, size=32).images)


def test_no_patches_are_empty_arrays_of_the_right_shape() -> None:
    none = make_slide_patches(0, size=48)
    assert none.images.shape == (0, 3, 48, 48)
    assert none.labels.shape == none.sites.shape == none.tumour_fraction.shape == (0,)


def test_the_middle_of_a_patch_with_a_mitosis_is_darker() -> None:
    patches = make_slide_patches(60, seed=5, size=64, mitosis_fraction=0.5)
    assert set(patches.labels) == {0, 1, 2}
    grey = patches.images.mean(axis=1)
    middle = grey[:, 24:40, 24:40].min(axis=(1, 2)) / grey.mean(axis=(1, 2))
    assert np.median(middle[patches.labels == 2]) < 0.85 * np.median(middle[patches.labels == 1])


@pytest.mark.parametrize(
    ("count", "arguments", "words"),
    [
        (-1, {}, "count is at least 0, got -1"),
        (1, {"size": 8}, "size needs 16 to 1024 pixels, got 8"),
        (1, {"mpp": 9}, "mpp needs 0.2 to 4 micrometres a pixel, got 9"),
        (1, {"mitosis_fraction": 2}, "mitosis_fraction needs to be 0 to 1, got 2"),
    ],
)
def test_arguments_out_of_range_are_refused(count: int, arguments: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_slide_patches(count, **arguments)  # type: ignore[arg-type]
