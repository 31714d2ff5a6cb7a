"""Ageing brains: what was asked is reached, nothing folds, volumes follow the cited rates, a net can learn the age."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from course_lib.data.phantoms.ageing_brain import (
    AgeingBrains,
    make_ageing_brains,
    stream_ageing_brains,
)
from course_lib.data.phantoms.brain_subjects import expected_grey_ml, expected_ventricles_ml


@pytest.fixture(scope="module")
def brains() -> AgeingBrains:
    return make_ageing_brains(120, seed=5, spacing_mm=4)


def test_shapes_types_and_ranges(brains: AgeingBrains) -> None:
    assert brains.images.shape == (120, 48, 56, 48)
    assert brains.images.dtype == np.float32
    assert brains.images.min() >= 0
    assert 0.8 < brains.images.max() < 2
    assert brains.tissues is None
    assert brains.spacing_mm == 4
    assert ((brains.age_years >= 20) & (brains.age_years <= 90)).all()
    assert set(brains.sex.tolist()) == {0, 1}
    assert set(brains.site.tolist()) == {0, 1, 2}
    for field in fields(brains):
        if field.name not in ("images", "tissues", "spacing_mm"):
            assert getattr(brains, field.name).shape == (120,), field.name


def test_asked_volumes_are_reached_and_nothing_folds(brains: AgeingBrains) -> None:
    np.testing.assert_allclose(brains.ventricles_ml, brains.target_ventricles_ml, rtol=0.05)
    np.testing.assert_allclose(brains.grey_ml, brains.target_grey_ml, rtol=0.02)
    assert (brains.smallest_jacobian > 0).all()


def test_the_skull_does_not_grow_with_age(brains: AgeingBrains) -> None:
    np.testing.assert_allclose(brains.intracranial_ml / brains.head_ratio, 1887, rtol=0.08)
    assert abs(np.corrcoef(brains.age_years, brains.intracranial_ml / brains.head_ratio)[0, 1]) < 0.3


def test_the_mean_person_follows_the_rates() -> None:
    assert expected_ventricles_ml(20) == 18
    assert expected_ventricles_ml(60) == pytest.approx(30)
    assert expected_ventricles_ml(61) / expected_ventricles_ml(60) == pytest.approx(1.03)
    assert expected_grey_ml(41) / expected_grey_ml(40) == pytest.approx(0.997)
    assert expected_grey_ml(71) / expected_grey_ml(70) == pytest.approx(0.992)


def test_scatter_and_gap_are_as_stated(brains: AgeingBrains) -> None:
    brain_age = brains.age_years + brains.brain_age_gap_years
    assert brains.brain_age_gap_years.std() == pytest.approx(3, abs=0.6)
    ventricles = np.log(brains.target_ventricles_ml / brains.head_ratio / expected_ventricles_ml(brain_age))
    grey = np.log(brains.target_grey_ml / brains.head_ratio / expected_grey_ml(brain_age))
    assert ventricles.std() == pytest.approx(0.37, abs=0.06)  # 0.40 less what the cuts take
    assert grey.std() == pytest.approx(0.06, abs=0.015)
    assert np.log(brains.head_ratio).std() == pytest.approx(0.1, abs=0.03)
    assert brains.head_ratio[brains.sex == 1].mean() > brains.head_ratio[brains.sex == 0].mean()


def test_white_matter_falls_and_other_fluid_grows_with_age(brains: AgeingBrains) -> None:
    old = brains.age_years > 65
    for name, sign in (("white_ml", -1), ("sulci_ml", 1)):
        volume = getattr(brains, name) / brains.head_ratio
        assert sign * (volume[old].mean() - volume[~old].mean()) > 30, name


def test_tissues_are_fractions_that_make_up_the_volumes() -> None:
    brains = make_ageing_brains(2, spacing_mm=4, with_tissues=True)
    tissues = brains.tissues
    assert tissues is not None
    assert tissues.shape == (2, 4, 48, 56, 48)
    assert tissues.dtype == np.float32
    assert tissues.min() > -1e-5
    assert tissues.sum(axis=1).max() < 1 + 1e-3
    volumes = tissues.sum(axis=(2, 3, 4), dtype=np.float64) * 0.064
    for place, name in enumerate(("sulci_ml", "grey_ml", "white_ml", "ventricles_ml")):
        np.testing.assert_allclose(volumes[:, place], getattr(brains, name), rtol=1e-4)
    for image, (_, grey, white, ventricles) in zip(brains.images, tissues, strict=True):
        means = [image[part > 0.9].mean() for part in (ventricles, grey, white)]
        assert means[0] < means[1] < means[2], "fluid is dark, grey matter grey, white matter white"


def test_a_subject_depends_on_the_seed_and_its_number_only() -> None:
    three = make_ageing_brains(3, seed=2, spacing_mm=4)
    assert np.array_equal(make_ageing_brains(1, seed=2, first=2, spacing_mm=4).images[0], three.images[2])
    assert not np.array_equal(make_ageing_brains(1, seed=3, first=2, spacing_mm=4).images[0], three.images[2])
    streamed = list(stream_ageing_brains(3, seed=2, spacing_mm=4, threads=2))
    assert np.array_equal(np.concatenate([one.images for one in streamed]), three.images)
    assert [float(one.age_years[0]) for one in streamed] == three.age_years.tolist()


def test_the_same_subject_ages() -> None:
    young = make_ageing_brains(1, first=4, spacing_mm=4, age_years=[25])
    old = make_ageing_brains(1, first=4, spacing_mm=4, age_years=[85])
    assert young.brain_age_gap_years == old.brain_age_gap_years
    assert young.head_ratio == old.head_ratio
    assert old.ventricles_ml[0] > 2 * young.ventricles_ml[0]
    assert old.grey_ml[0] < 0.85 * young.grey_ml[0]


def test_without_a_gap_the_anatomy_is_that_of_the_age() -> None:
    assert not make_ageing_brains(2, spacing_mm=4, gap_sd_years=0).brain_age_gap_years.any()


def test_nobody_gives_empty_arrays_of_the_right_shape() -> None:
    nobody = make_ageing_brains(0, spacing_mm=4, with_tissues=True)
    assert nobody.images.shape == (0, 48, 56, 48)
    assert nobody.age_years.shape == nobody.intracranial_ml.shape == (0,)
    assert nobody.tissues is not None
    assert nobody.tissues.shape == (0, 4, 48, 56, 48)
    assert nobody.site.dtype == np.int64


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": -1}, "count needs to be at least 0, got -1"),
        ({"seed": -1}, "seed needs to be at least 0, got -1"),
        ({"first": -2}, "first needs to be at least 0, got -2"),
        ({"spacing_mm": 3}, "spacing_mm needs to be 2 or 4, got 3"),
        ({"gap_sd_years": 11}, "gap_sd_years needs to be from 0 to 10 years, got 11"),
        ({"age_years": [30, 40]}, "one age for each of 1 subjects, got 2"),
        ({"age_years": [17]}, "ages from 18 to 95, got"),
        ({"age_years": [float("nan")]}, "ages from 18 to 95, got"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict, words: str) -> None:
    arguments = {"count": 1, "spacing_mm": 4} | arguments
    with pytest.raises(ValueError, match=words):
        make_ageing_brains(arguments.pop("count"), **arguments)


def test_a_stream_needs_a_thread() -> None:
    with pytest.raises(ValueError, match="threads needs to be at least 1, got 0"):
        stream_ageing_brains(1, threads=0)


def test_a_small_net_beats_the_amount_of_fluid_and_that_beats_the_mean_age(brains: AgeingBrains) -> None:
    torch.manual_seed(0)
    known = make_ageing_brains(280, seed=6, spacing_mm=4)
    mean_error = np.abs(brains.age_years - known.age_years.mean()).mean()
    line = np.polyfit(_fluid_share(known.images), known.age_years, 1)
    line_error = np.abs(brains.age_years - np.polyval(line, _fluid_share(brains.images))).mean()
    mean_image = _at_8_mm(known.images).mean(dim=0)
    inputs, ages = _at_8_mm(known.images) - mean_image, torch.tensor(known.age_years, dtype=torch.float32)
    net = nn.Sequential(
        nn.Conv3d(1, 8, 3, stride=2, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(8 * 12 * 14 * 12, 1)
    )
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-4, weight_decay=0.5)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-4, total_steps=40 * 18)
    for _ in range(40):
        for batch in torch.randperm(280).split(16):
            chosen = inputs[batch].flip(4) if torch.rand(()) < 0.5 else inputs[batch]  # left and right are alike
            loss = functional.mse_loss(net(chosen)[:, 0], (ages[batch] - 55) / 20)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        predicted = net(_at_8_mm(brains.images) - mean_image)[:, 0].numpy() * 20 + 55
    net_error = np.abs(brains.age_years - predicted).mean()
    assert net_error + 0.5 < line_error < mean_error - 4, f"{net_error:.1f}, {line_error:.1f}, {mean_error:.1f} years"


def _fluid_share(images: np.ndarray) -> np.ndarray:
    """How much of the head is darker than half way from fluid to grey matter."""
    head = (images > 0.15).sum(axis=(1, 2, 3))
    return ((images > 0.15) & (images < 0.5)).sum(axis=(1, 2, 3)) / head


def _at_8_mm(images: np.ndarray) -> torch.Tensor:
    """Halve the resolution and bring each image to mean 0 and deviation 1."""
    pooled = functional.avg_pool3d(torch.from_numpy(images)[:, None], 2)
    return (pooled - pooled.mean((2, 3, 4), keepdim=True)) / pooled.std((2, 3, 4), keepdim=True)
