"""Outlines by several readers: as far from the truth, and from each other, as asked for."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from course_lib.data.phantoms.crowd_masks import ask_readers
from course_lib.metrics import dice_score


def ball(size: int, spacing_mm: float, radius_mm: float) -> NDArray[np.bool_]:
    away = (np.indices((size,) * 3) - (size - 1) / 2) * spacing_mm
    return np.sqrt((away**2).sum(axis=0)) < radius_mm


def disc(size: int, spacing_mm: float, radius_mm: float) -> NDArray[np.bool_]:
    return np.hypot(*((np.indices((size, size)) - (size - 1) / 2) * spacing_mm)) < radius_mm


@pytest.mark.parametrize(
    ("shape", "wobble_mm", "low", "high"),
    [((60, 3.0, 71.0), 2.3, 0.93, 0.955), ((48, 1.0, 15.0), 0.7, 0.895, 0.935)],
    ids=["liver", "tumour"],
)
def test_readers_agree_as_people_do(shape: tuple[int, float, float], wobble_mm: float, low: float, high: float) -> None:
    readers = ask_readers(
        ball(*shape), spacing_mm=(shape[1],) * 3, num_readers=6, wobble_mm=wobble_mm, habit_mm=wobble_mm / 2
    )
    agreement = [dice_score(one, other) for one, other in combinations(readers.masks, 2)]
    assert low < np.mean(agreement) < high


def test_the_majority_is_nearer_to_the_truth_than_any_reader() -> None:
    readers = ask_readers(disc(128, 1, 40), spacing_mm=(1, 1), num_readers=9, wobble_mm=2)
    alone = [dice_score(readers.truth, mask) for mask in readers.masks]
    assert dice_score(readers.truth, readers.masks.mean(axis=0) > 0.5) > max(alone)


def test_who_neither_wobbles_nor_has_habits_draws_the_truth() -> None:
    truth = np.random.default_rng(0).random((30, 31)) > 0.5
    readers = ask_readers(truth, spacing_mm=(0.7, 1.9), wobble_mm=0, habit_mm=0)
    assert (readers.masks == truth).all()


def test_habits_make_areas_larger_or_smaller_by_millimetres() -> None:
    readers = ask_readers(disc(400, 0.25, 30), spacing_mm=(0.25, 0.25), wobble_mm=0, habit_mm=1)
    radius = np.sqrt(readers.masks.sum(axis=(1, 2)) * 0.25**2 / np.pi)
    assert radius == pytest.approx(30 + readers.habits_mm, abs=0.15)
    assert readers.habits_mm.std() > 0.3


def test_the_surface_wobbles_by_what_was_asked_for() -> None:
    truth = np.zeros((1200, 400), dtype=bool)
    truth[:, :200] = True
    readers = ask_readers(truth, spacing_mm=(0.25, 0.25), num_readers=20, wobble_mm=2, habit_mm=0, smooth_mm=4)
    edge_mm = readers.masks.sum(axis=2) * 0.25 - 50
    assert edge_mm.mean() == pytest.approx(0, abs=0.25)
    assert edge_mm.std() == pytest.approx(2, rel=0.15)
    centred = edge_mm - edge_mm.mean(axis=1, keepdims=True)
    near, far = ((centred[:, lag:] * centred[:, : 1200 - lag]).mean() / (centred**2).mean() for lag in (8, 100))
    assert near > 0.8  # 2 mm apart
    assert far < 0.3  # 25 mm apart


def test_readers_know_millimetres_not_voxels() -> None:
    fine = ask_readers(disc(240, 0.5, 40), spacing_mm=(0.5, 0.5), num_readers=3)
    coarse = ask_readers(disc(120, 1, 40), spacing_mm=(1, 1), num_readers=3)
    areas = [readers.masks.sum(axis=(1, 2)) * np.prod(readers.spacing_mm) for readers in (fine, coarse)]
    assert areas[0] == pytest.approx(areas[1], rel=0.06)


def test_an_organ_cut_by_the_image_keeps_its_cut() -> None:
    truth = np.zeros((40, 40), dtype=bool)
    truth[:, :20] = True
    readers = ask_readers(truth, spacing_mm=(1, 1))
    assert readers.masks[:, :, 0].all()
    assert ask_readers(np.ones((9, 9)), spacing_mm=(1, 1)).masks.all()


def test_an_empty_truth_and_no_readers() -> None:
    assert not ask_readers(np.zeros((9, 9, 9)), spacing_mm=(1, 1, 1)).masks.any()
    nobody = ask_readers(disc(20, 1, 5), spacing_mm=(1, 1), num_readers=0)
    assert nobody.masks.shape == (0, 20, 20)
    assert nobody.habits_mm.shape == (0,)


def test_more_readers_never_change_the_first_ones() -> None:
    few, many = (ask_readers(disc(60, 1, 20), spacing_mm=(1, 1), num_readers=n, seed=3) for n in (2, 6))
    assert np.array_equal(few.habits_mm, many.habits_mm[:2])
    assert np.array_equal(few.masks, many.masks[:2])
    assert not np.array_equal(few.masks, ask_readers(disc(60, 1, 20), spacing_mm=(1, 1), num_readers=2, seed=4).masks)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"mask": np.ones(5)}, r"mask needs two or three axes and a voxel, got the shape \(5,\)"),
        ({"mask": np.ones((0, 5))}, r"got the shape \(0, 5\)"),
        ({"spacing_mm": (1.0,)}, r"spacing_mm needs 2 numbers above 0, got \(1.0,\)"),
        ({"spacing_mm": (1.0, 0.0)}, "spacing_mm needs 2 numbers above 0"),
        ({"num_readers": -1}, "num_readers is at least 0, got -1"),
        ({"wobble_mm": -0.1}, "wobble_mm is a number of at least 0, got -0.1"),
        ({"habit_mm": float("nan")}, "habit_mm is a number of at least 0, got nan"),
        ({"smooth_mm": 0}, "smooth_mm is a number above 0, got 0"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ask_readers(**{"mask": np.ones((5, 5)), "spacing_mm": (1.0, 1.0), **arguments})
