"""Nodules and microbleeds among their mimics."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from torch import nn

from course_lib.data.phantoms.small_lesions import KINDS, SmallLesions, make_lung_nodules, make_microbleeds

SEED = 0  # of what is learned; 1 and 2 were tried too
MAKERS = pytest.mark.parametrize("make", [make_lung_nodules, make_microbleeds])


@MAKERS
def test_arrays_have_the_promised_shapes(make: Callable[..., SmallLesions]) -> None:
    cases = make(3, size=48)
    assert cases.images.shape == (3, 1, 48, 48, 48)
    assert cases.labels.shape == cases.masks.shape == (3, 48, 48, 48)
    assert (cases.images.dtype, cases.labels.dtype, cases.masks.dtype) == (np.float32, np.uint8, np.bool_)
    assert cases.centers.shape == (len(cases.kinds), 3)
    assert np.isfinite(cases.images).all()
    assert make(0, size=32).images.shape == (0, 1, 32, 32, 32)
    assert make(0, size=32).centers.shape == (0, 3)


@MAKERS
def test_the_first_cases_stay_when_more_are_made(make: Callable[..., SmallLesions]) -> None:
    fewer, more = make(1, seed=3, size=32), make(2, seed=3, size=32)
    assert np.array_equal(fewer.images[0], more.images[0])
    assert np.array_equal(fewer.centers, more.centers[more.cases == 0])
    assert not np.array_equal(fewer.images, make(1, seed=4, size=32).images)


@MAKERS
def test_each_thing_has_its_label_and_only_lesions_are_in_the_mask(make: Callable[..., SmallLesions]) -> None:
    cases = make(4, seed=1)
    for case in range(4):
        of_case = cases.kinds[cases.cases == case]
        lesions = int((of_case == 0).sum())
        assert 1 <= lesions <= 3
        assert (of_case[:lesions] == 0).all()
        assert cases.labels[case].max() <= len(of_case)
        assert np.array_equal(cases.masks[case], (cases.labels[case] > 0) & (cases.labels[case] <= lesions))


@MAKERS
def test_the_mask_of_a_lesion_is_its_ball(make: Callable[..., SmallLesions]) -> None:
    cases = make(12, seed=2)
    number = 0
    for case in range(12):
        for label, row in enumerate(np.flatnonzero(cases.cases == case), start=1):
            if cases.kinds[row] == 0 and cases.diameters_mm[row] > 5:
                voxels = np.argwhere(cases.labels[case] == label)
                assert voxels.mean(axis=0) == pytest.approx(cases.centers[row], abs=0.7)
                volume = len(voxels) * cases.spacing_mm.prod()
                assert volume == pytest.approx(np.pi / 6 * cases.diameters_mm[row] ** 3, rel=0.25)
                number += 1
    assert number > 8


def test_sizes_lie_in_the_named_ranges_and_mimics_are_as_wide() -> None:
    lung, brain = make_lung_nodules(30, size=32), make_microbleeds(30, size=32)
    assert 4 <= lung.diameters_mm[lung.kinds == 0].min() < lung.diameters_mm[lung.kinds == 0].max() <= 12
    assert 2 <= brain.diameters_mm[brain.kinds != 1].min() < brain.diameters_mm[brain.kinds != 1].max() <= 10
    assert lung.diameters_mm[lung.kinds == 1].max() > 5
    assert [KINDS[kind] for kind in sorted(set(brain.kinds))] == ["lesion", "vessel", "calcification"]
    assert set(lung.kinds) == {0, 1}


def test_lung_is_in_hounsfield_units_and_a_bleed_is_dark() -> None:
    lung, brain = make_lung_nodules(8, seed=5), make_microbleeds(8, seed=5)
    assert np.median(lung.images) == pytest.approx(-850, abs=15)
    assert -450 < lung.images[lung.masks[:, None]].mean() < 100
    assert np.median(brain.images) == pytest.approx(1, abs=0.06)
    assert brain.images[brain.masks[:, None]].mean() < 0.65
    assert brain.images.min() >= 0


@MAKERS
def test_wrong_arguments_are_named(make: Callable[..., SmallLesions]) -> None:
    with pytest.raises(ValueError, match="count is at least 0, got -1"):
        make(-1)
    with pytest.raises(ValueError, match="size is at least 32, got 31"):
        make(1, size=31)


def candidates(cases: SmallLesions, generator: np.random.Generator, half: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Cubes of 16³ around lesions and around as many mimics, and 1 for a lesion."""
    middle = np.round(cases.centers).astype(int)
    whole = ((middle >= 2) & (middle < cases.images.shape[-1] - 2)).all(axis=1)
    lesions, mimics = (np.flatnonzero(whole & wanted) for wanted in (cases.kinds == 0, cases.kinds != 0))
    chosen = np.concatenate([lesions, generator.permutation(mimics)[: len(lesions)]])
    padded = np.pad(cases.images[:, 0], ((0, 0), *((half, half),) * 3), mode="reflect")
    cubes = [padded[cases.cases[row]][tuple(slice(at, at + 2 * half) for at in middle[row])] for row in chosen]
    return np.array(cubes), (cases.kinds[chosen] == 0).astype(int)


def size_and_brightness(cubes: np.ndarray) -> np.ndarray:
    """What a first computer-aided system would measure in the middle slice: how much stands out, and how strongly."""
    slices = np.abs(cubes[:, 8] - np.median(cubes, axis=(1, 2, 3))[:, None, None])
    stands_out = slices > 0.5 * slices[:, 6:10, 6:10].max(axis=(1, 2), keepdims=True)
    return np.stack([stands_out.mean(axis=(1, 2)), slices.max(axis=(1, 2)), slices[:, 6:10, 6:10].mean(axis=(1, 2))], 1)


def small_net_scores(cubes: np.ndarray, labels: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Train about 4,800 weights on cubes that are mirrored and turned at random."""
    torch.manual_seed(SEED)
    net = nn.Sequential(
        nn.Conv3d(1, 8, 3, padding=1), nn.BatchNorm3d(8), nn.ReLU(), nn.MaxPool3d(2),
        nn.Conv3d(8, 16, 3, padding=1), nn.BatchNorm3d(16), nn.ReLU(), nn.MaxPool3d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(16 * 64, 1),
    )  # fmt: skip
    mean, deviation = cubes.mean(), cubes.std()
    x, y = torch.tensor((cubes - mean) / deviation)[:, None], torch.tensor(labels).float()
    epochs, batches = 12, len(x.split(16))
    optimizer = torch.optim.Adam(net.parameters(), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=epochs * batches)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(16):
            axes = torch.randperm(3)
            turned = (
                x[batch].permute(0, 1, *(2 + axes).tolist()).flip((2 + axes[: torch.randint(4, ()).item()]).tolist())
            )
            loss = nn.functional.binary_cross_entropy_with_logits(net(turned)[:, 0], y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    net.eval()
    with torch.no_grad():
        return net(torch.tensor((new - mean) / deviation)[:, None])[:, 0].numpy()


@MAKERS
def test_size_and_brightness_are_better_than_chance_and_a_small_net_is_better_still(
    make: Callable[..., SmallLesions],
) -> None:
    generator = np.random.default_rng(SEED)
    cubes, labels = candidates(make(56, seed=10 + SEED), generator)
    new, truth = candidates(make(36, seed=20 + SEED), generator)
    scaler = StandardScaler().fit(size_and_brightness(cubes))
    simple = LogisticRegression().fit(scaler.transform(size_and_brightness(cubes)), labels)
    by_features = roc_auc_score(truth, simple.decision_function(scaler.transform(size_and_brightness(new))))
    by_net = roc_auc_score(truth, small_net_scores(cubes, labels, new))
    print(f"AUC: size and brightness {by_features:.2f}, net {by_net:.2f}")
    assert by_features > 0.55
    assert by_net > by_features + 0.08
    assert by_net > 0.85
