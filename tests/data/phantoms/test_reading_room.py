"""The reading room: its arrivals, and its waits against the formulas of queueing theory."""

from dataclasses import fields
from math import factorial

import numpy as np
import pytest
from numpy.typing import NDArray

from course_lib.data.phantoms.reading_room import HOURLY_PROFILE, Readings, make_reading_room, read_studies
from course_lib.metrics import roc_auc


def markov_queue(
    count: int, *, load: float, radiologists: int, shares: tuple[float, ...] = (1.0,), seed: int = 0
) -> tuple[NDArray[np.int64], Readings]:
    """Poisson arrivals, exponential reading of mean 1, priorities drawn by their shares: M/M/c."""
    rng = np.random.default_rng(seed)
    arrival = np.cumsum(rng.exponential(1 / (load * radiologists), count))
    priority = rng.choice(len(shares), count, p=shares)
    return priority, read_studies(arrival, rng.exponential(1.0, count), priority, num_radiologists=radiologists)


def erlang_c(load: float, radiologists: int) -> float:
    """Probability that an arrival has to wait (Erlang 1917)."""
    offered = load * radiologists
    all_busy = offered**radiologists / factorial(radiologists) / (1 - load)
    return all_busy / (sum(offered**k / factorial(k) for k in range(radiologists)) + all_busy)


def slow_starts(
    arrival: NDArray[np.float64], reading: NDArray[np.float64], priority: NDArray[np.int64], radiologists: int
) -> NDArray[np.float64]:
    """The rule as it is told: at every moment at which something happens, ask everybody anew."""
    start, free_from = np.full(len(arrival), np.nan), np.zeros(radiologists)
    moments = set(arrival)
    while moments:
        now = min(moments)
        moments.remove(now)
        for reader in np.flatnonzero(free_from <= now):
            there = [k for k in range(len(arrival)) if np.isnan(start[k]) and arrival[k] <= now]
            if there:
                study = min(there, key=lambda k: (priority[k], k))
                start[study], free_from[reader] = now, now + reading[study]
                moments.add(free_from[reader])
    return start


def test_by_hand_the_urgent_one_overtakes_but_does_not_interrupt() -> None:
    found = read_studies([0, 1, 2, 3], [5, 5, 5, 5], [1, 1, 0, 0], num_radiologists=1)
    assert found.start_minutes.tolist() == [0, 15, 5, 10]
    assert found.end_minutes.tolist() == [5, 20, 10, 15]
    assert found.wait_minutes.tolist() == [0, 14, 3, 7]


def test_two_idle_radiologists_take_two_studies_at_once() -> None:
    assert read_studies([7, 7, 7], [2, 4, 1], [0, 0, 0], num_radiologists=2).start_minutes.tolist() == [7, 7, 9]


@pytest.mark.parametrize("radiologists", [1, 2, 3])
def test_fast_and_slow_simulation_agree(radiologists: int) -> None:
    rng = np.random.default_rng(radiologists)
    arrival, reading = np.cumsum(rng.exponential(1, 60)), rng.exponential(0.95 * radiologists, 60)
    priority = rng.integers(0, 3, 60)
    found = read_studies(arrival, reading, priority, num_radiologists=radiologists)
    assert found.start_minutes == pytest.approx(slow_starts(arrival, reading, priority, radiologists))


@pytest.mark.parametrize(("load", "radiologists"), [(0.5, 1), (0.8, 1), (0.8, 2), (0.85, 4), (0.7, 10)])
def test_mean_waits_agree_with_erlang(load: float, radiologists: int) -> None:
    _, found = markov_queue(300_000, load=load, radiologists=radiologists)
    wanted = erlang_c(load, radiologists) / (radiologists * (1 - load))
    assert found.wait_minutes.mean() == pytest.approx(wanted, rel=0.05)
    assert (found.wait_minutes > 0).mean() == pytest.approx(erlang_c(load, radiologists), rel=0.02)


def test_waits_by_priority_agree_with_cobham() -> None:
    load, radiologists, shares = 0.85, 3, (0.2, 0.3, 0.5)
    priority, found = markov_queue(300_000, load=load, radiologists=radiologists, shares=shares)
    left = erlang_c(load, radiologists) / radiologists
    more = [1 - load * sum(shares[:k]) for k in range(4)]
    for rank in range(3):
        wanted = left / (more[rank] * more[rank + 1])
        assert found.wait_minutes[priority == rank].mean() == pytest.approx(wanted, rel=0.06)


def test_fixed_reading_times_halve_the_queue_as_pollaczek_and_khinchine_say() -> None:
    arrival = np.cumsum(np.random.default_rng(0).exponential(1 / 0.8, 300_000))
    found = read_studies(arrival, np.ones(300_000), np.zeros(300_000, dtype=int), num_radiologists=1)
    assert found.wait_minutes.mean() == pytest.approx(0.8 / (2 * (1 - 0.8)), rel=0.05)


@pytest.mark.parametrize("triage", [False, True])
def test_littles_law_the_mean_queue_is_the_rate_times_the_mean_wait(triage: bool) -> None:
    room = make_reading_room(3000, seed=3)
    priority = room.triage_priority if triage else room.ordered_priority
    found = read_studies(room.arrival_minutes, room.reading_minutes, priority, num_radiologists=2)
    events = np.concatenate([room.arrival_minutes, found.start_minutes])
    steps = np.repeat([1, -1], 3000)
    order = np.lexsort((-steps, events))
    waiting = np.cumsum(steps[order])
    assert waiting.min() >= 0
    assert waiting[-1] == 0
    area = (waiting[:-1] * np.diff(events[order])).sum()
    assert area == pytest.approx(found.wait_minutes.sum())


def test_no_order_changes_the_total_wait_if_all_need_the_same_time() -> None:
    room = make_reading_room(4000, seed=1, sd_reading_minutes=0)
    sums = [
        read_studies(room.arrival_minutes, room.reading_minutes, priority, num_radiologists=2).wait_minutes.sum()
        for priority in (room.ordered_priority, room.triage_priority, np.arange(4000)[::-1])
    ]
    assert sums == pytest.approx([sums[0]] * 3)


def test_nobody_reads_two_studies_at_once_and_nobody_idles_while_one_waits() -> None:
    room = make_reading_room(2000, seed=2)
    found = read_studies(room.arrival_minutes, room.reading_minutes, room.triage_priority, num_radiologists=2)
    assert (found.wait_minutes >= 0).all()
    begun = np.sort(found.start_minutes)
    ended = np.sort(found.end_minutes)
    busy = np.arange(1, 2001) - np.searchsorted(ended, begun, side="right")
    assert busy.max() == 2
    late = found.start_minutes[found.wait_minutes > 1e-9]
    assert np.isin(late, found.end_minutes).all()


def test_numbers_of_the_net_are_those_of_the_paper() -> None:
    room = make_reading_room(200_000)
    assert room.urgent.mean() == pytest.approx(0.061, abs=0.003)
    assert room.flagged[room.urgent].mean() == pytest.approx(0.73, abs=0.02)
    assert 1 - room.flagged[~room.urgent].mean() == pytest.approx(0.79, abs=0.005)
    assert roc_auc(room.urgent, room.scores) == pytest.approx(0.842, abs=0.006)
    assert room.ordered_urgent[room.urgent].mean() == pytest.approx(0.5, abs=0.02)
    assert room.ordered_urgent[~room.urgent].mean() == pytest.approx(0.15, abs=0.005)


def test_reading_times_are_log_normal_with_the_asked_moments() -> None:
    minutes = make_reading_room(200_000, mean_reading_minutes=8, sd_reading_minutes=4).reading_minutes
    assert minutes.mean() == pytest.approx(8, rel=0.01)
    assert minutes.std() == pytest.approx(4, rel=0.02)
    logs = np.log(minutes)
    assert ((logs - logs.mean()) ** 3).mean() / logs.std() ** 3 == pytest.approx(0, abs=0.03)


def test_arrivals_follow_the_hours_and_are_poisson_within_them() -> None:
    room = make_reading_room(240_000, studies_per_hour=10)
    days = int(room.arrival_minutes[-1] // 1440)
    hours = (room.arrival_minutes // 60).astype(int)
    counts = np.bincount(hours)[: 24 * days].reshape(days, 24)
    assert np.mean(HOURLY_PROFILE) == pytest.approx(1)
    assert counts.mean(axis=0) == pytest.approx(10 * np.array(HOURLY_PROFILE), rel=0.06)
    assert (counts.var(axis=0) / counts.mean(axis=0)).mean() == pytest.approx(1, abs=0.05)
    assert (np.diff(room.arrival_minutes) >= 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_triage_helps_whom_it_flags_and_makes_the_rest_wait(seed: int) -> None:
    room = make_reading_room(20_000, seed=seed)
    before, after = (
        read_studies(room.arrival_minutes, room.reading_minutes, priority, num_radiologists=2).wait_minutes
        for priority in (room.ordered_priority, room.triage_priority)
    )
    routine = ~room.ordered_urgent
    found, missed = room.urgent & routine & room.flagged, room.urgent & routine & ~room.flagged
    assert np.median(before[found]) > 100
    assert np.median(after[found]) < 15
    assert np.median(after[missed]) > 1.15 * np.median(before[missed])
    assert after[room.urgent].mean() < 0.6 * before[room.urgent].mean()


def test_a_net_that_tosses_coins_helps_no_bleeding_more_than_the_rest() -> None:
    room = make_reading_room(40_000, sensitivity=0.3, specificity=0.7)
    wait = read_studies(room.arrival_minutes, room.reading_minutes, room.triage_priority, num_radiologists=2)
    routine = ~room.ordered_urgent
    means = [wait.wait_minutes[routine & (room.urgent == urgent)].mean() for urgent in (False, True)]
    assert means[1] == pytest.approx(means[0], rel=0.1)


def test_more_studies_never_change_the_first_ones() -> None:
    few, many = make_reading_room(10, seed=5), make_reading_room(50, seed=5)
    for field in fields(few):
        assert np.array_equal(getattr(few, field.name), getattr(many, field.name)[:10])
    assert not np.array_equal(few.scores, make_reading_room(10, seed=6).scores)


def test_one_changed_number_leaves_the_other_draws() -> None:
    plain, sharper = make_reading_room(100), make_reading_room(100, sensitivity=0.95, specificity=0.95)
    assert np.array_equal(plain.arrival_minutes, sharper.arrival_minutes)
    assert np.array_equal(plain.urgent, sharper.urgent)


def test_an_empty_room_has_the_types_of_a_full_one() -> None:
    empty, full = make_reading_room(0), make_reading_room(3)
    for field in fields(empty):
        assert getattr(empty, field.name).shape == (0,)
        assert getattr(empty, field.name).dtype == getattr(full, field.name).dtype
    found = read_studies(empty.arrival_minutes, empty.reading_minutes, empty.triage_priority, num_radiologists=2)
    assert found.wait_minutes.shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": -1}, "count is at least 0, got -1"),
        ({"studies_per_hour": 0}, "studies_per_hour is a number above 0, got 0"),
        ({"mean_reading_minutes": float("nan")}, "mean_reading_minutes is a number above 0, got nan"),
        ({"sd_reading_minutes": -1}, "sd_reading_minutes is a number of at least 0, got -1"),
        ({"prevalence": 1.1}, "prevalence is a share from 0 to 1, got 1.1"),
        ({"sensitivity": 1}, "sensitivity lies between 0 and 1, got 1"),
        ({"specificity": 0}, "specificity lies between 0 and 1, got 0"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_reading_room(**{"count": 3, **arguments})


@pytest.mark.parametrize(
    ("rows", "radiologists", "words"),
    [
        (([0, 1], [1], [0, 0]), 1, r"one arrival, reading time and priority a study, got the shapes \(2,\), \(1,\)"),
        (([0, np.inf], [1, 1], [0, 0]), 1, "need finite numbers, got NaN or infinity"),
        (([1, 0], [1, 1], [0, 0]), 1, "arrival_minutes need to rise: sort the studies"),
        (([0, 1], [1, -2], [0, 0]), 1, "reading_minutes are at least 0, got -2"),
        (([0, 1], [1, 1], [0, 0]), 0, "num_radiologists is at least 1, got 0"),
    ],
)
def test_wrong_worklists_are_named(rows: tuple[list[float], ...], radiologists: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_studies(*rows, num_radiologists=radiologists)


def test_priorities_are_whole_numbers() -> None:
    with pytest.raises(TypeError, match="priority needs whole numbers, got float64"):
        read_studies([0, 1], [1, 1], [0.5, 1.0], num_radiologists=1)
