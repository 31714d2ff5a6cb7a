"""FROC and precision of detections: by hand, at the edges, beside a loop over all thresholds; coverage of intervals."""

from collections.abc import Callable
from math import inf, isnan, nan

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.metrics.detection import (
    CAMELYON16_RATES,
    LUNA16_RATES,
    Detections,
    froc_curve,
    froc_intervals,
)
from course_lib.metrics.intervals import Interval

few = settings(max_examples=60, deadline=None)


@st.composite
def any_detections(draw: st.DrawFn) -> Detections:
    lesions = draw(st.lists(st.integers(0, 3), min_size=1, max_size=4).filter(any))
    image = draw(st.lists(st.integers(0, len(lesions) - 1), max_size=12))
    lesion = [draw(st.integers(-1, lesions[i] - 1)) for i in image]
    score = [draw(st.sampled_from([-inf, -3.0, 0.0, 0.25, 0.5, 1.0])) for _ in image]
    return Detections(score, image=image, lesion=lesion, lesions_per_image=lesions)


def slow_curve(detections: Detections) -> list[tuple[float, int, int, int]]:
    """Threshold, found lesions, further hits and false detections: counted anew at each threshold."""
    rows = list(zip(detections.y_score.tolist(), detections.image.tolist(), detections.lesion.tolist(), strict=True))
    points = [(inf, 0, 0, 0)]
    for threshold in sorted({score for score, _, _ in rows}, reverse=True):
        above = [(image, lesion) for score, image, lesion in rows if score >= threshold]
        hits = [pair for pair in above if pair[1] >= 0]
        points.append((threshold, len(set(hits)), len(hits) - len(set(hits)), len(above) - len(hits)))
    return points


def scan() -> Detections:
    """Two images, of two lesions and of one: a hit, a false alarm, a second hit of the same lesion, then the third."""
    return Detections(
        [0.9, 0.8, 0.7, 0.7, 0.2],
        image=[0, 0, 0, 1, 1],
        lesion=[1, -1, 1, 0, -1],
        lesions_per_image=[2, 1],
    )


def test_a_small_curve_by_hand() -> None:
    curve = froc_curve(scan())
    assert curve.thresholds.tolist() == [inf, 0.9, 0.8, 0.7, 0.2]
    assert curve.found.tolist() == [0, 1, 1, 2, 2]
    assert curve.repeated.tolist() == [0, 0, 0, 1, 1]
    assert curve.false.tolist() == [0, 0, 1, 1, 2]
    np.testing.assert_allclose(curve.sensitivity, [0, 1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert curve.false_positives_per_image.tolist() == [0, 0, 0.5, 0.5, 1.0]
    assert curve.sensitivity_at(0) == 1 / 3
    assert curve.sensitivity_at(0.25) == pytest.approx(1 / 3)  # flat up to the false alarm
    assert curve.sensitivity_at(0.5) == curve.sensitivity_at(8) == 2 / 3
    assert curve.score(rates=(0.25, 0.5)) == pytest.approx(1 / 2)
    np.testing.assert_allclose(curve.precision, [nan, 1, 1 / 2, 2 / 4, 2 / 5])
    assert curve.average_precision == pytest.approx((1 + 2 / 4) / 3)
    assert curve.interpolated_average_precision == pytest.approx((1 + 2 / 4) / 3)


def test_between_two_points_the_sensitivity_is_that_of_the_straight_line() -> None:
    # two equal scores, one of them false: the curve runs from (0, 0) straight to (1, 1)
    curve = froc_curve(Detections([0.5, 0.5], image=[0, 0], lesion=[0, -1], lesions_per_image=[1]))
    assert curve.sensitivity_at(0.25) == 0.25


def test_without_false_positives_the_curve_still_reaches_its_sensitivity() -> None:
    # one lesion of two is found: 0.5 at every rate, where a library that drops the lowest threshold gives 0.25
    curve = froc_curve(Detections([0.9], image=[0], lesion=[0], lesions_per_image=[1, 1]))
    assert curve.sensitivity_at(0) == curve.sensitivity_at(1) == curve.score() == 0.5
    curve = froc_curve(Detections([0.9, 0.6], image=[0, 1], lesion=[0, 0], lesions_per_image=[2, 2]))
    assert curve.score() == 0.5


def test_without_detections_nothing_is_found_and_without_lesions_there_is_no_sensitivity() -> None:
    nothing = froc_curve(Detections([], image=[], lesion=[], lesions_per_image=[1, 2]))
    assert nothing.score() == nothing.average_precision == nothing.interpolated_average_precision == 0.0
    healthy = froc_curve(Detections([0.5], image=[1], lesion=[-1], lesions_per_image=[0, 0]))
    assert isnan(healthy.score())
    assert isnan(healthy.average_precision)
    assert isnan(healthy.interpolated_average_precision)
    assert healthy.false_positives_per_image.tolist() == [0, 0.5]


def test_infinite_scores_are_ranked() -> None:
    curve = froc_curve(Detections([-inf, inf, 0], image=[0] * 3, lesion=[0, 1, -1], lesions_per_image=[2]))
    assert curve.thresholds.tolist() == [inf, inf, 0, -inf]
    assert curve.found.tolist() == [0, 1, 1, 2]


@given(any_detections())
@few
def test_the_curve_is_that_of_a_loop_over_all_thresholds(detections: Detections) -> None:
    curve = froc_curve(detections)
    points = zip(*(each.tolist() for each in (curve.thresholds, curve.found, curve.repeated, curve.false)), strict=True)
    assert list(points) == slow_curve(detections)
    assert 0 <= curve.average_precision <= curve.interpolated_average_precision + 1e-12 <= 1 + 2e-12
    assert 0 <= curve.score() <= curve.sensitivity[-1] + 1e-12


@given(any_detections())
@few
def test_only_the_order_of_the_scores_counts(detections: Detections) -> None:
    places = np.unique(detections.y_score, return_inverse=True)[1]
    curve = froc_curve(detections)
    other = froc_curve(Detections(places, detections.image, detections.lesion, detections.lesions_per_image))
    assert other.score() == curve.score()
    assert other.average_precision == curve.average_precision
    assert froc_intervals(detections, num_resamples=20).rates == CAMELYON16_RATES


def test_where_each_lesion_is_hit_once_average_precision_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    hit = rng.random(500) < 0.3
    score = (rng.normal(size=500) + hit).round(1)  # with ties
    lesion = np.where(hit, np.cumsum(hit) - 1, -1)
    detections = Detections(score, image=np.zeros(500, dtype=int), lesion=lesion, lesions_per_image=[hit.sum()])
    wanted = sklearn.metrics.average_precision_score(hit, score)
    assert froc_curve(detections).average_precision == pytest.approx(wanted, rel=1e-12)


def test_a_second_hit_costs_precision_and_no_false_positive() -> None:
    once = froc_curve(Detections([0.9], image=[0], lesion=[0], lesions_per_image=[1]))
    twice = froc_curve(Detections([0.9, 0.9], image=[0, 0], lesion=[0, 0], lesions_per_image=[1]))
    assert once.average_precision == 1.0
    assert twice.average_precision == 0.5
    assert twice.false_positives_per_image.tolist() == [0, 0]
    assert twice.score() == 1.0


def test_interpolated_precision_looks_ahead() -> None:
    # false first, then two hits: precision 0, 1/2, 2/3; ahead of both steps the best is 2/3
    detections = Detections([3, 2, 1], image=[0, 0, 0], lesion=[-1, 0, 1], lesions_per_image=[2])
    assert froc_curve(detections).average_precision == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert froc_curve(detections).interpolated_average_precision == pytest.approx(2 / 3)


def test_intervals_repeat_with_their_seed_and_hold_the_measured_value() -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(40, size=300)
    lesion = rng.integers(-1, 2, size=300)
    detections = Detections(rng.normal(size=300) + (lesion >= 0), image, lesion, np.full(40, 2))
    one, two = froc_intervals(detections, seed=3), froc_intervals(detections, seed=3)
    assert one == two
    assert one != froc_intervals(detections, seed=4)
    curve = froc_curve(detections)
    for rate, interval in zip(one.rates, one.sensitivity, strict=True):
        assert 0 <= interval.low <= curve.sensitivity_at(rate) <= interval.high <= 1
    bold = froc_intervals(detections, seed=3, confidence=0.5).score
    assert one.score.low < bold.low < bold.high < one.score.high


def test_a_resample_without_lesions_is_left_out() -> None:
    rare = Detections([0.9, 0.1], image=[0, 1], lesion=[0, -1], lesions_per_image=[1, 0, 0, 0])
    assert froc_intervals(rare).score == Interval(1.0, 1.0)
    healthy = froc_intervals(Detections([0.1], image=[0], lesion=[-1], lesions_per_image=[0]), rates=LUNA16_RATES)
    assert isnan(healthy.score.low)
    assert len(healthy.sensitivity) == 7


def test_intervals_cover_the_true_sensitivity_about_as_often_as_they_say() -> None:
    # each of 60 images has 2 lesions, found together in 4 images of 5 half of the time: the truth is 0.6
    rng, covered, runs = np.random.default_rng(5), 0, 200
    for _ in range(runs):
        easy = np.repeat(rng.random(60) < 0.5, 2)
        found = rng.random(120) < np.where(easy, 0.9, 0.3)
        image, lesion = np.divmod(np.arange(120), 2)
        detections = Detections(rng.random(found.sum()), image[found], lesion[found], np.full(60, 2))
        interval = froc_intervals(detections, rates=(1.0,), num_resamples=200, seed=rng).score
        covered += interval.low <= 0.6 <= interval.high
    assert 0.89 < covered / runs < 0.985


def test_tensors_are_taken_as_they_are() -> None:
    wanted = froc_curve(scan())
    tensors = Detections(*(torch.tensor(each) for each in vars(scan()).values()))
    assert froc_curve(tensors).score() == wanted.score()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Detections([nan], [0], [0], [1]), ValueError, "y_score is NaN at index 0"),
        (lambda: Detections([0.5], [0, 0], [0], [1]), ValueError, "one value for each detection, got 1, 2 and 1"),
        (lambda: Detections([[0.5]], [[0]], [[0]], [1]), ValueError, r"y_score needs one axis, got shape \(1, 1\)"),
        (lambda: Detections([0.5], [0.0], [0], [1]), TypeError, "image needs whole numbers"),
        (lambda: Detections([0.5], [1], [0], [1]), ValueError, "image needs numbers from 0 to 0, got 1"),
        (lambda: Detections([0.5], [-1], [0], [1]), ValueError, "image needs numbers from 0 to 0, got -1"),
        (lambda: Detections([0.5], [0], [1], [1]), ValueError, "number below 1, the lesions of image 0, got 1"),
        (lambda: Detections([0.5], [0], [-2], [1]), ValueError, "lesion needs −1 or a number below 1.*got -2"),
        (lambda: Detections([], [], [], []), ValueError, "lesions_per_image needs at least one image"),
        (lambda: Detections([], [], [], [-1]), ValueError, "lesions_per_image must be at least 0, got -1"),
        (lambda: froc_curve(scan()).sensitivity_at(-1), ValueError, "rate must be at least 0.*got -1"),
        (lambda: froc_curve(scan()).score(rates=()), ValueError, "rates needs at least one rate"),
        (lambda: froc_intervals(scan(), rates=(-1,)), ValueError, "rate must be at least 0.*got -1"),
        (lambda: froc_intervals(scan(), rates=()), ValueError, "rates needs at least one rate"),
        (lambda: froc_intervals(scan(), num_resamples=0), ValueError, "num_resamples must be at least 1, got 0"),
        (lambda: froc_intervals(scan(), confidence=95), ValueError, "confidence must lie between 0 and 1.*got 95"),
    ],
)
def test_detections_that_make_no_sense_are_refused_with_the_reason(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
