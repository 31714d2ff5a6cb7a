"""Screening mammograms of made-up women."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from course_lib.data.phantoms.mammogram import MAMMOGRAM_SIDES, MAMMOGRAM_VIEWS, MammogramPairs, make_mammogram_pairs

HALF = 20  # of a patch, in pixels


@pytest.fixture(scope="module")
def women() -> MammogramPairs:
    return make_mammogram_pairs(300, size=64, lesion_share=0.8, seed=3)


def alike(one: MammogramPairs, other: MammogramPairs, count: int) -> bool:
    return all(np.array_equal(getattr(one, f)[:count], getattr(other, f)[:count]) for f in vars(one) if "mm" not in f)


def test_films_depend_on_the_seed_and_their_number_alone() -> None:
    few, more = (make_mammogram_pairs(count, size=64, seed=5, lesion_share=1) for count in (2, 4))
    assert alike(few, more, 2)
    assert not np.array_equal(few.images, make_mammogram_pairs(2, size=64, seed=6).images)


def test_shapes_kinds_and_ranges_are_as_written(women: MammogramPairs) -> None:
    assert (MAMMOGRAM_SIDES, MAMMOGRAM_VIEWS) == (("right", "left"), ("CC", "MLO"))
    assert women.images.shape == women.mass_masks.shape == (300, 2, 2, 64, 32)
    assert women.images.dtype == np.float32
    assert women.images.min() >= 0
    assert women.images.max() <= 1
    masks = (women.breast_masks, women.gland_masks, women.muscle_masks, women.mass_masks, women.calcification_masks)
    assert {mask.dtype for mask in masks} == {np.dtype(bool)}
    assert set(np.unique(women.birads)) == {1, 2, 3, 4, 5}
    assert women.spacing_mm == (3.125, 3.125)


def test_no_woman_is_an_empty_array_of_the_right_shape() -> None:
    none = make_mammogram_pairs(0, size=80)
    assert none.images.shape == (0, 2, 2, 80, 40)
    assert none.percent_densities.shape == (0, 2)


def test_density_classes_occur_as_in_the_atlas_and_hold_the_measured_gland(women: MammogramPairs) -> None:
    shares = np.bincount(women.densities, minlength=4) / 300
    assert np.abs(shares - [0.1, 0.4, 0.4, 0.1]).max() < 0.09
    for density, median in enumerate((6.0, 14.8, 51.2, 78.4)):  # Academic Radiology 2006, PubMed 16935726
        assert np.median(women.percent_densities[women.densities == density]) == pytest.approx(median, abs=6)
    assert np.abs(np.diff(women.percent_densities, axis=1)).max() < 4


def test_dense_breasts_are_whiter() -> None:
    women = make_mammogram_pairs(24, size=64, densities=np.arange(24) % 4)
    assert np.array_equal(women.densities, np.arange(24) % 4)
    grey = [women.images[d::4, :, 0][women.breast_masks[d::4, :, 0]].mean() for d in range(4)]
    assert (np.diff(grey) > 0.02).all()


def test_texture_falls_off_as_one_over_f_cubed() -> None:
    women = make_mammogram_pairs(40, size=256, densities=np.full(40, 3), lesion_share=0)
    window = np.outer(np.hanning(64), np.hanning(64))
    # The middle of right breasts; the chest wall is at their right edge.
    patches = women.images[:, 0, 0, 96:160, 50:114]
    patches = (patches - patches.mean(axis=(1, 2), keepdims=True)) * window
    power = (np.abs(np.fft.fft2(patches)) ** 2).mean(axis=0)
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(64) * 64, np.fft.fftfreq(64) * 64))
    rings = np.arange(3, 15)
    mean = [power[np.round(radius) == ring].mean() for ring in rings]
    slope = np.polyfit(np.log(rings), np.log(mean), 1)[0]
    assert -slope == pytest.approx(3.0, abs=0.5)  # Burgess 2001: 3; Chen 2012: 3.17 ± 0.23 in CC


def test_anatomy_lies_where_it_should(women: MammogramPairs) -> None:
    assert not women.muscle_masks[:, :, 0].any()
    assert women.muscle_masks[:, :, 1].any(axis=(2, 3)).all()
    assert not (women.gland_masks & ~women.breast_masks).any()
    assert not (women.gland_masks & women.muscle_masks).any()
    wall = women.breast_masks[:, 0, :, :, -1].sum(axis=2), women.breast_masks[:, 1, :, :, 0].sum(axis=2)
    far = women.breast_masks[:, 0, :, :, 0].sum(axis=2), women.breast_masks[:, 1, :, :, -1].sum(axis=2)
    assert min(edge.min() for edge in wall) > 30
    assert max(edge.max() for edge in far) < 10
    assert women.images[~women.breast_masks].max() < 0.1


def test_left_and_right_are_alike_but_not_the_same() -> None:
    women = make_mammogram_pairs(16, size=96, lesion_share=0, densities=np.full(16, 2))
    right, left = women.images[:, 0, 0, 24:72, ::-1][..., :24], women.images[:, 1, 0, 24:72, :24]

    def likeness(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(one, other, strict=True)]))

    assert 0.25 < likeness(right, left) < 0.9
    assert likeness(right, left) > likeness(right, np.roll(left, 1, axis=0)) + 0.1


def test_a_lesion_is_on_both_views_of_one_breast(women: MammogramPairs) -> None:
    held = (women.mass_masks | women.calcification_masks).any(axis=(3, 4))  # (N, side, view)
    assert np.array_equal(held[:, :, 0], held[:, :, 1])
    assert (held[:, :, 0].sum(axis=1) <= 1).all()
    assert np.array_equal(held[:, :, 0], women.birads > 1)
    assert (held.any(axis=(1, 2))).mean() == pytest.approx(0.8, abs=0.08)


def test_the_risk_of_a_category_is_that_of_the_atlas() -> None:
    women = make_mammogram_pairs(500, size=64, lesion_share=1)
    risk = {k: women.malignant[women.birads == k].mean() for k in range(1, 6)}
    assert risk[1] == risk[2] == 0
    assert risk[3] <= 0.07  # 2 %, and chance
    assert 0.3 < risk[4] < 0.6
    assert risk[5] >= 0.93


def test_masses_and_specks_are_brighter_than_what_surrounds_them() -> None:
    women = make_mammogram_pairs(40, size=192, densities=np.arange(40) % 2, lesion_share=1)
    for masks in (women.mass_masks, women.calcification_masks):
        gains = []
        for i, side, view in np.argwhere(masks.any(axis=(3, 4))):
            other = women.images[i, 1 - side, view][:, ::-1]
            mask = masks[i, side, view]
            gains.append(women.images[i, side, view][mask].mean() - other[mask].mean())
        assert np.mean(gains) > 0.03


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": -1}, "count is at least 0, got -1"),
        ({"seed": -1}, "seed is at least 0, got -1"),
        ({"size": 62}, "size is at least 64, got 62"),
        ({"size": 65}, "size is an even number, got 65"),
        ({"lesion_share": 1.5}, r"lesion_share is a number from 0 to 1, got 1\.5"),
        ({"densities": [0, 1, 2]}, r"densities needs 2 classes from 0 .a. to 3 .d., got \[0, 1, 2\]"),
        ({"densities": [0, 4]}, r"densities needs 2 classes .*, got \[0, 4\]"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_mammogram_pairs(**({"count": 2, "size": 64} | arguments))


def test_a_count_is_a_whole_number() -> None:
    with pytest.raises(TypeError, match=r"count is a whole number, got 2\.5"):
        make_mammogram_pairs(2.5)  # type: ignore[arg-type]


def patches_of(women: MammogramPairs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut a patch around each lesion and one from the same place of the other breast: patches, labels, women."""
    patches, labels, owners = [], [], []
    for masks in (women.mass_masks, women.calcification_masks):
        for i, side, view in np.argwhere(masks.any(axis=(3, 4))):
            row, column = np.argwhere(masks[i, side, view]).mean(axis=0).round().astype(int)
            for image, label in ((women.images[i, side, view], 1), (women.images[i, 1 - side, view][:, ::-1], 0)):
                padded = np.pad(image, HALF, mode="edge")
                patches.append(padded[row : row + 2 * HALF, column : column + 2 * HALF])
                labels.append(label)
                owners.append(i)
    return np.array(patches), np.array(labels), np.array(owners)


def test_grey_values_find_some_lesions_and_a_small_net_more() -> None:
    count, epochs = 130, 10
    x, y, owners = patches_of(make_mammogram_pairs(count, size=256, lesion_share=1))
    train, test = owners < 0.7 * count, owners >= 0.7 * count
    grey = np.column_stack([x.mean(axis=(1, 2)), x.std(axis=(1, 2))])
    classical = make_pipeline(StandardScaler(), LogisticRegression()).fit(grey[train], y[train])
    layers: list[nn.Module] = []
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for wide, next_wide in ((1, 12), (12, 16), (16, 24)):
            layers += [nn.Conv2d(wide, next_wide, 3, padding=1), nn.BatchNorm2d(next_wide), nn.ReLU(), nn.MaxPool2d(2)]
        net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(600, 1))  # 6,049 weights
        images = torch.from_numpy((x - x.mean()) / x.std())[:, None]
        wanted = torch.from_numpy(y.astype(np.float32))[:, None]
        numbers = torch.from_numpy(np.flatnonzero(train))
        optimiser = torch.optim.AdamW(net.parameters(), weight_decay=0.05)
        steps = epochs * -(-len(numbers) // 32)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=steps)
        for epoch in range(epochs):
            flipped = images.flip([(2,), (3,), (2, 3), ()][epoch % 4])
            for batch in numbers[torch.randperm(len(numbers))].split(32):
                optimiser.zero_grad()
                nn.functional.binary_cross_entropy_with_logits(net(flipped[batch]), wanted[batch]).backward()
                optimiser.step()
                schedule.step()
        with torch.no_grad():
            by_net = net.eval()(images)[:, 0].numpy()
    of_grey = roc_auc_score(y[test], classical.decision_function(grey[test]))
    of_net = roc_auc_score(y[test], by_net[test])
    assert of_grey > 0.55
    assert of_net > 0.75
    assert of_net > of_grey + 0.06
