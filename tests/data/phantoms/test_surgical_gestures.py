"""Surgical gestures: a grammar, a robot that obeys geometry, surgeons who differ, and something to learn."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn

from course_lib.data.phantoms.surgical_gestures import CHANNELS, SKILLS, SurgicalTrials, make_surgical_trials
from course_lib.data.phantoms.surgical_grammar import GESTURES, PLACES, TASKS, draw_gestures


@pytest.fixture(scope="module")
def suturing() -> SurgicalTrials:
    return make_surgical_trials(40)


def arm(kinematics: NDArray[np.float32], number: int) -> dict[str, NDArray[np.float64]]:
    """The 19 columns of one of four manipulators."""
    block = kinematics[:, 19 * number : 19 * number + 19].astype(np.float64)
    return {
        "position": block[:, :3],
        "rotation": block[:, 3:12].reshape(-1, 3, 3),
        "velocity": block[:, 12:15],
        "angular": block[:, 15:18],
        "grip": block[:, 18],
    }


def order_of(gestures: NDArray[np.int64]) -> list[int]:
    """Gestures without their repetition by frames."""
    return gestures[np.flatnonzero(np.diff(gestures, prepend=0))].tolist()


def test_it_has_the_shape_of_jigsaws(suturing: SurgicalTrials) -> None:
    assert len(CHANNELS) == len(set(CHANNELS)) == 76
    assert CHANNELS[0] == "master left x"
    assert CHANNELS[75] == "tool right gripper angle"
    assert len(GESTURES) == 16
    assert np.array_equal(np.bincount(suturing.surgeons), np.full(8, 5))
    assert np.bincount(suturing.skills[::5]).tolist() == [4, 2, 2]
    assert SKILLS[suturing.skills[0]] == "novice"
    assert suturing.repetitions.tolist() == [0, 1, 2, 3, 4] * 8
    assert (suturing.task, suturing.rate_hz) == ("suturing", 30.0)
    for kinematics, gestures in zip(suturing.kinematics, suturing.gestures, strict=True):
        assert kinematics.shape == (len(gestures), 76)
        assert kinematics.dtype == np.float32
        assert gestures.dtype == np.int64
        assert np.isfinite(kinematics).all()


@pytest.mark.parametrize("number", range(4))
def test_rotation_matrices_turn_and_do_nothing_else(suturing: SurgicalTrials, number: int) -> None:
    for kinematics in suturing.kinematics[::8]:
        turn = arm(kinematics, number)["rotation"]
        assert np.abs(turn @ turn.transpose(0, 2, 1) - np.eye(3)).max() < 1e-5
        assert np.linalg.det(turn) == pytest.approx(np.ones(len(turn)), abs=1e-5)


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("rate_hz", [25.0, 30.0])
def test_velocities_are_the_derivatives_of_positions(number: int, rate_hz: float) -> None:
    of = arm(make_surgical_trials(1, rate_hz=rate_hz).kinematics[0], number)
    central = (of["position"][2:] - of["position"][:-2]) * rate_hz / 2
    assert np.abs(of["velocity"][1:-1] - central).max() < 2e-5
    assert np.abs(of["velocity"]).max() > 0.01
    travelled = of["velocity"].sum(axis=0) / rate_hz
    assert travelled == pytest.approx(of["position"][-1] - of["position"][0], abs=3e-3)


@pytest.mark.parametrize("number", range(4))
def test_angular_velocities_turn_each_matrix_into_the_next(suturing: SurgicalTrials, number: int) -> None:
    of = arm(suturing.kinematics[3], number)
    step = Rotation.from_rotvec(of["angular"][1:-1] * 2 / 30).as_matrix()
    assert np.abs(step @ of["rotation"][:-2] - of["rotation"][2:]).max() < 1e-4


def test_masters_move_three_times_as_far_as_the_tools(suturing: SurgicalTrials) -> None:
    for kinematics in suturing.kinematics[::9]:
        for master, tool in ((0, 2), (1, 3)):
            hand, end = arm(kinematics, master), arm(kinematics, tool)
            fast = np.linalg.norm(hand["velocity"], axis=1)
            assert fast == pytest.approx(3 * np.linalg.norm(end["velocity"], axis=1), abs=1e-5)
            between = end["rotation"] @ hand["rotation"].transpose(0, 2, 1)
            assert np.abs(between - between[0]).max() < 1e-5


def test_tools_stay_on_the_bench(suturing: SurgicalTrials) -> None:
    for kinematics in suturing.kinematics:
        for number in (2, 3):
            of = arm(kinematics, number)
            assert np.abs(of["position"]).max() < 0.15
            assert np.linalg.norm(of["velocity"], axis=1).max() < 0.6
            assert 0 <= of["grip"].min() < of["grip"].max() < np.radians(70)
    left, right = arm(suturing.kinematics[0], 2), arm(suturing.kinematics[0], 3)
    assert np.mean(left["position"][:, 0] < right["position"][:, 0]) > 0.9


@pytest.mark.parametrize("task", TASKS)
def test_gestures_follow_the_grammar(task: str) -> None:
    trials = make_surgical_trials(40, task=task)
    orders = [order_of(gestures) for gestures in trials.gestures]
    assert {order[0] for order in orders} <= {1, 12}
    assert {order[-1] for order in orders} == {11}
    assert all(11 not in order[:-1] for order in orders)
    pairs = {pair for order in orders for pair in pairwise(order)}
    if task == "knot tying":
        assert {gesture for order in orders for gesture in order} == {1, 11, 12, 13, 14, 15}
        assert pairs <= {
            (1, 12),
            (12, 13),
            (13, 14),
            (14, 15),
            (15, 12),
            (15, 13),
            (15, 11),
            (13, 12),
            (14, 13),
            (15, 14),
        }
        assert all(order.count(15) >= 2 for order in orders)
    else:
        assert {gesture for order in orders for gesture in order} == {1, 2, 3, 4, 5, 6, 8, 9, 10, 11}  # ten, as in L10
        assert {a for a, b in pairs if b == 3} == {2}
        assert {b for a, b in pairs if a == 3} == {6, 2}
        assert {a for a, b in pairs if b == 11} <= {6, 9}
        assert all(sum(pair == (3, 6) for pair in pairwise(order)) == 4 for order in orders)


def test_without_failures_four_stitches_are_four_pushes() -> None:
    for seed in range(20):
        sequence = draw_gestures("suturing", 0.0, np.random.default_rng(seed))
        assert [stitch for gesture, stitch in sequence if gesture == 3] == [0, 1, 2, 3]
        assert all(gesture in PLACES for gesture, _ in sequence)


@pytest.fixture(scope="module")
def many() -> SurgicalTrials:
    return make_surgical_trials(160, seed=1)


def test_suturing_takes_as_long_as_in_jigsaws(many: SurgicalTrials) -> None:
    seconds = [many.seconds[many.skills == skill].mean() for skill in range(3)]
    assert seconds == pytest.approx([138, 89, 88], rel=0.1)


def test_novices_do_more_gestures_than_experts(many: SurgicalTrials) -> None:
    counts = np.array([len(order_of(gestures)) for gestures in many.gestures])
    ratio = counts[many.skills == 0].mean() / counts[many.skills == 2].mean()
    assert 1.05 < ratio < 1.3  # 31.3 / 26.3 in Vedula 2016, at another task


def test_novices_go_further_and_tremble(suturing: SurgicalTrials) -> None:
    way, shake = np.zeros(40), np.zeros(40)
    for trial, kinematics in enumerate(suturing.kinematics):
        position = arm(kinematics, 3)["position"]
        way[trial] = np.linalg.norm(np.diff(position, axis=0), axis=1).sum()
        window = np.hanning(len(position))[:, None]
        power = np.abs(np.fft.rfft((position - position.mean(axis=0)) * window, axis=0)) ** 2 / (window**2).mean()
        frequency = np.fft.rfftfreq(len(position), 1 / 30)
        shake[trial] = np.sqrt(2 * power[(frequency > 6.5) & (frequency < 11.5)].sum() / 3) / len(position)
    of = [suturing.skills == skill for skill in range(3)]
    assert way[of[0]].mean() > 1.5 * way[of[1]].mean() > 1.5 * way[of[2]].mean()
    assert 1000 * np.array([shake[k].mean() for k in of]) == pytest.approx([0.15, 0.08, 0.05], rel=0.25)


def test_strokes_have_least_jerk_bells_of_speed() -> None:
    trials = make_surgical_trials(15)
    quiet = trials.kinematics[10]  # an expert
    speed = np.linalg.norm(arm(quiet, 3)["angular"], axis=1)  # tools turn without tremor
    assert (speed < 1e-3).mean() > 0.05  # pauses
    assert np.abs(np.diff(speed)).max() < 0.5 * speed.max()


def class_numbers(trials: SurgicalTrials) -> tuple[list[NDArray[np.float32]], list[NDArray[np.int64]]]:
    """The tools' 38 columns five times a second, and gestures numbered without gaps."""
    present = np.unique(np.concatenate(trials.gestures))
    signals = [kinematics[::6, 38:] for kinematics in trials.kinematics]
    return signals, [np.searchsorted(present, gestures[::6]) for gestures in trials.gestures]


class TemporalNet(nn.Module):
    """Two convolutions over eight seconds: 14,000 weights."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(38, 24, 9, padding=4),
            nn.ReLU(),
            nn.Conv1d(24, 24, 9, padding=16, dilation=4),
            nn.ReLU(),
            nn.Conv1d(24, num_classes, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


@pytest.mark.parametrize("left_out", [0, 2])
def test_a_line_beats_chance_and_a_temporal_net_beats_the_line(suturing: SurgicalTrials, left_out: int) -> None:
    signals, labels = class_numbers(suturing)
    train, test = (np.flatnonzero((suturing.surgeons == left_out) == out) for out in (False, True))
    scale = StandardScaler().fit(np.concatenate([signals[k] for k in train]))
    x = [torch.tensor(scale.transform(signal).T[None], dtype=torch.float32) for signal in signals]
    y_test = np.concatenate([labels[k] for k in test])
    frames = np.concatenate([x[k][0].T for k in train])[::3], np.concatenate([labels[k] for k in train])[::3]
    line = LogisticRegression(max_iter=500, C=0.05, tol=1e-2).fit(*frames)
    line_right = line.score(np.concatenate([x[k][0].T for k in test]), y_test)
    chance = (y_test == np.bincount(frames[1]).argmax()).mean()
    torch.manual_seed(0)
    net = TemporalNet(len(line.classes_))
    optimiser = torch.optim.Adam(net.parameters(), lr=5e-3)
    rng = np.random.default_rng(0)
    for _ in range(6):
        for k in rng.permutation(train):
            loss = nn.functional.cross_entropy(net(x[k]), torch.tensor(labels[k][None]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        found = np.concatenate([net(x[k])[0].argmax(dim=0).numpy() for k in test])
    net_right = (found == y_test).mean()
    assert chance < 0.4
    assert line_right > chance + 0.2
    assert net_right > line_right + 0.03
    assert net_right < 0.97


def test_more_recordings_never_change_the_first_ones() -> None:
    few, many = make_surgical_trials(2, seed=7), make_surgical_trials(7, seed=7)
    for one, same in zip(few.kinematics, many.kinematics, strict=False):
        assert np.array_equal(one, same)
    assert not np.array_equal(few.kinematics[0][:50], make_surgical_trials(1, seed=8).kinematics[0][:50])
    assert not np.array_equal(
        few.kinematics[0][:50], make_surgical_trials(1, seed=7, task="needle passing").kinematics[0][:50]
    )


def test_no_recordings_are_empty() -> None:
    empty = make_surgical_trials(0)
    assert (empty.kinematics, empty.gestures) == ((), ())
    assert empty.surgeons.shape == empty.skills.shape == empty.seconds.shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": -1}, "count is at least 0, got -1"),
        ({"task": "cutting"}, "task needs one of suturing, needle passing, knot tying, got 'cutting'"),
        ({"rate_hz": 10}, "rate_hz is a number of 25 or more, got 10"),
        ({"rate_hz": float("inf")}, "rate_hz is a number of 25 or more, got inf"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_surgical_trials(**{"count": 1, **arguments})
