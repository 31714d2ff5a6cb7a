"""Points of SLIVER07 and columns of LiTS: by hand, at the edges, and the published table."""

from collections.abc import Callable
from dataclasses import asdict, fields
from math import inf, isnan, nan

import numpy as np
import pytest

from course_lib.metrics.challenge import (
    LITS_HIGHER_IS_BETTER,
    SLIVER07_HUMAN,
    LitsScores,
    lits_scores,
    miccai_points,
    miccai_score,
)
from course_lib.metrics.ranking import challenge_table
from course_lib.metrics.segmentation import overlap
from course_lib.metrics.surfaces import surface_distances

# The three best of the liver tumour challenge as the lecture shows them; the last two are at 50 % overlap.
LITS_TOP_THREE = [
    (0.702, 0.794, 0.394, 5.921, 1.189, 6.682, 1.726, 0.156, 0.437),
    (0.686, 0.829, 0.356, 5.164, 1.073, 6.055, 1.562, 0.409, 0.408),
    (0.676, 0.796, 0.383, 0.464, 1.143, 7.322, 1.728, 0.496, 0.397),
]


def test_a_trained_human_is_worth_75_points() -> None:
    assert miccai_points(1.8, human_error=1.8) == 75.0
    assert miccai_points(0, human_error=1.8) == 100.0
    assert miccai_points(-0.9, human_error=1.8) == 87.5
    assert miccai_points(7.2, human_error=1.8) == miccai_points(inf, human_error=1.8) == 0.0
    assert isnan(miccai_points(nan, human_error=1.8))


def test_the_score_is_the_mean_of_five_points() -> None:
    true, pred = np.zeros((2, 12, 12))
    true[2:10, 2:10], pred[2:10, 2:11] = 1, 1
    counts, distances = overlap(true, pred), surface_distances(true, pred, spacing_mm=(1, 1))
    errors = [counts.voe(), counts.rvd(), distances.mean_mm(), distances.rms_mm(), distances.max_mm()]
    points = [max(0, 100 - 25 * e / h) for e, h in zip(errors, SLIVER07_HUMAN.values(), strict=True)]
    assert miccai_score(counts, distances) == pytest.approx(np.mean(points))
    own = dict(zip(SLIVER07_HUMAN, errors, strict=True))
    assert miccai_score(counts, distances, human_errors=own) == pytest.approx(75)


def test_one_empty_mask_is_worth_nothing_and_two_are_nan() -> None:
    mask, empty = np.ones((3, 3)), np.zeros((3, 3))
    for true, pred in ((mask, empty), (empty, mask)):
        score = miccai_score(overlap(true, pred), surface_distances(true, pred, spacing_mm=(1, 1)))
        assert score == pytest.approx(0.0, abs=1e-12)
    assert isnan(miccai_score(overlap(empty, empty), surface_distances(empty, empty, spacing_mm=(1, 1))))


def test_lits_judges_detected_lesions_and_counts_all() -> None:
    true, pred = np.zeros((2, 1, 10, 20), dtype=np.uint8)
    true[0, 1:5, 1:5], pred[0, 1:5, 1:4] = 1, 1  # 16 voxels, 12 found: detected
    true[0, 1:5, 8:12], pred[0, 4:7, 11:14] = 1, 1  # one voxel shared: touched
    true[0, 8, 1] = 1  # missed
    pred[0, 8, 8] = 1  # false
    scores = lits_scores([true, true], [pred, true], spacings_mm=[(5, 1, 1)] * 2)
    shared, total = 12 + 1, 33 + 22
    assert scores.dice_per_case == pytest.approx((2 * shared / total + 1) / 2)
    assert scores.dice_global == pytest.approx((2 * shared + 66) / (total + 66))
    assert scores.voe == pytest.approx((1 - 12 / 16) / 4)  # four detected lesions, three of them perfect
    assert scores.rvd == pytest.approx(-4 / 16 / 4)
    assert scores.msd_mm == pytest.approx(1 / 4)
    assert (scores.precision_50, scores.recall_50) == (pytest.approx(4 / 6), pytest.approx(4 / 6))
    assert (scores.precision_0, scores.recall_0) == (pytest.approx(5 / 6), pytest.approx(5 / 6))
    detected = surface_distances(true[:, :7, :6], pred[:, :7, :6], spacing_mm=(5, 1, 1))
    assert scores.assd_mm == pytest.approx(detected.mean_mm() / 4)
    assert scores.rmsd_mm == pytest.approx(detected.rms_mm() / 4)


def test_lits_without_any_detected_lesion_is_nan_where_nothing_could_be_measured() -> None:
    mask, empty = np.ones((3, 3)), np.zeros((3, 3))
    missed = asdict(lits_scores([mask], [empty], spacings_mm=[(1, 1)]))
    assert {name for name, value in missed.items() if isnan(value)} == {
        *("voe", "rvd", "assd_mm", "msd_mm", "rmsd_mm", "precision_50", "precision_0")
    }
    assert missed["dice_per_case"] == missed["dice_global"] == missed["recall_0"] == 0.0
    assert isnan(lits_scores([mask, empty], [mask, empty], spacings_mm=[(1, 1)] * 2).dice_per_case)
    assert lits_scores([mask, empty], [mask, empty], spacings_mm=[(1, 1)] * 2, empty_dice=1).dice_per_case == 1.0


def test_the_lits_table_has_its_columns_under_their_names_and_its_order() -> None:
    columns = [field.name for field in fields(LitsScores)]
    assert columns == [
        *("dice_per_case", "dice_global", "voe", "rvd", "assd_mm", "msd_mm", "rmsd_mm"),
        *("precision_50", "recall_50", "precision_0", "recall_0"),
    ]
    assert len(LITS_HIGHER_IS_BETTER) == len(columns)
    table = challenge_table(
        LITS_TOP_THREE,
        teams=["first", "second", "third"],
        columns=columns[:9],
        higher_is_better=LITS_HIGHER_IS_BETTER[:9],
    )
    assert table.ranks[:, 0].tolist() == [1, 2, 3]  # the challenge ranks by Dice per case
    assert table.ranks[:, 1].tolist() == [3, 1, 2]
    assert table.ranks[:, 7].tolist() == [3, 2, 1]
    assert table.places.tolist() == [3, 1, 2]  # by all columns the second would have won


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: miccai_points(1, human_error=0), "human_error must be above 0, got 0"),
        (
            lambda: miccai_score(
                overlap([[1]], [[1]]),
                surface_distances([[1]], [[1]], spacing_mm=(1, 1)),
                human_errors={"voe": 1, "dice": 1},
            ),
            "human_errors needs voe, rvd, assd_mm, rmsd_mm, msd_mm, got voe, dice",
        ),
        (lambda: lits_scores([[[1]]], [[[1]]], spacings_mm=[]), "argument 3 is shorter"),
        (lambda: lits_scores([[[1]]], [[[1]]], spacings_mm=[(1, 1, 1)]), "2 values for a 2-D mask"),
        (lambda: lits_scores([[[1]]], [[[2]]], spacings_mm=[(1, 1)]), "mask_pred needs .* 0 and 1, got 2"),
    ],
)
def test_cases_that_make_no_sense_are_refused_with_the_reason(call: Callable, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
