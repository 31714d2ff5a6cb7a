"""Lesson 04: its facts by the numbers, its loop, and the form of its two sources."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib.arithmetic import conv_output_size, conv_parameters, linear_parameters, pool_output_size
from course_lib.classroom.lesson import Lesson, read_lesson
from course_lib.data import load_digits, make_loader, stratified_split
from course_lib.metrics import accuracy_score
from course_lib.models.lenet import C3_TABLE, DIGIT_CODES, LeNet5, PlainLeNet, ScaledTanh, SparseConv2d, Subsample
from course_lib.training import fit, predict

ROOT = Path(__file__).parents[2]
PAPER_ROWS = {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164}


@pytest.fixture(scope="module")
def lecture() -> Lesson:
    return read_lesson(ROOT / "notebooks" / "04_lenet.py")


@pytest.fixture(scope="module")
def exercise() -> Lesson:
    return read_lesson(ROOT / "solutions" / "04_lenet.py")


def number_of(layer: nn.Module) -> int:
    return sum(parameter.numel() for parameter in layer.parameters())


# R12: LeNet-5


def test_each_row_has_the_parameters_of_the_paper() -> None:
    net = LeNet5()
    assert {name: number_of(getattr(net, name)) for name in PAPER_ROWS} == PAPER_ROWS
    assert number_of(net) == sum(PAPER_ROWS.values()) == 60_000


def test_each_row_follows_from_arithmetic() -> None:
    kernels = sum(map(len, C3_TABLE))
    assert conv_parameters(1, 6, 5) == 156
    assert (2 * 6, 2 * 16) == (12, 32)
    assert (kernels, kernels * 25 + 16) == (60, 1_516)
    assert conv_parameters(16, 120, 5) == 48_120
    assert linear_parameters(120, 84) == 10_164


def test_maps_shrink_from_32_to_1_as_in_the_paper() -> None:
    sizes = [32]
    for layer in ("conv", "pool", "conv", "pool", "conv"):
        sizes.append(conv_output_size(sizes[-1], 5) if layer == "conv" else pool_output_size(sizes[-1], 2))
    assert sizes == [32, 28, 14, 10, 5, 1]


def test_a_full_c3_would_have_2416_parameters_and_the_sparse_one_saves_38_per_cent_of_the_products() -> None:
    assert conv_parameters(6, 16, 5) == 2_416
    assert 1 - sum(map(len, C3_TABLE)) / (6 * 16) == pytest.approx(0.375)


def test_a_dense_layer_in_place_of_c1_would_have_almost_five_million_parameters() -> None:
    assert linear_parameters(32 * 32, 28 * 28 * 6) == 4_821_600


def test_the_plain_net_of_today_has_61706_parameters() -> None:
    assert number_of(PlainLeNet()) == 61_706


def test_the_squashing_keeps_one_at_one() -> None:
    assert ScaledTanh()(torch.tensor([1.0, -1.0])).tolist() == pytest.approx([1, -1], abs=1e-4)


def test_a_silent_f6_is_84_from_every_drawing_and_the_closest_drawings_are_52_apart() -> None:
    codes = np.array(DIGIT_CODES)
    between = ((codes[:, None] - codes) ** 2).sum(axis=2)
    closest = [(i, j) for i in range(10) for j in range(i + 1, 10) if between[i, j] == 52]
    assert (codes**2).sum(axis=1).tolist() == [84] * 10
    assert closest == [(3, 9), (5, 6)]
    assert between[between > 0].min() == 52


# R09 and the sub-sampling of 1998


def test_pooling_of_today_has_no_parameters_and_that_of_1998_two_a_map() -> None:
    assert [number_of(layer) for layer in (nn.AvgPool2d(2), nn.MaxPool2d(2), Subsample(6))] == [0, 0, 12]


def test_the_example_of_subsampling_in_the_lecture_is_right() -> None:
    layer = Subsample(1)
    with torch.no_grad():
        layer.coefficient.fill_(0.5)
        layer.bias.fill_(-1)
        maps = torch.tensor([[1.0, 3, 0, 2], [2, 0, 4, 2], [0, 1, 1, 1], [6, 2, 1, 2]])
        assert layer(maps[None, None])[0, 0].tolist() == [[2, 3], [3.5, 1.5]]


# R03: the + of the slide


@pytest.mark.parametrize(("sign", "theta", "loss"), [(-1, 2.678, 0.104), (+1, -15.575, 345.1)])
def test_a_minus_descends_and_the_plus_of_the_slide_climbs(sign: int, theta: float, loss: float) -> None:
    at = 0.0
    for _ in range(10):
        at += sign * 0.1 * 2 * (at - 3)
    assert at == pytest.approx(theta, abs=1e-3)
    assert (at - 3) ** 2 == pytest.approx(loss, rel=1e-2)


# C04: the eight steps


def test_the_loop_by_hand_is_the_loop_of_the_library(lecture: Lesson) -> None:
    source = next(cell.source for cell in lecture.cells if "def train_by_hand" in cell.source)
    room = {"torch": torch, "F": F, "LEARNING_RATE": 0.003}
    exec(source, room)
    digits = load_digits().subset(np.arange(48))
    loader = make_loader(digits, batch_size=16)
    nets = []
    for _ in range(2):
        torch.manual_seed(0)
        nets.append(LeNet5())
    room["train_by_hand"](nets[0], loader, epochs=2)  # type: ignore[operator]  # made by exec
    fit(nets[1], loader, epochs=2, learning_rate=0.003, loss_function=F.nll_loss, device="cpu", progress=False)
    for mine, library in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.allclose(mine, library, atol=1e-6)


def test_the_loop_by_hand_names_all_eight_steps_in_their_order(lecture: Lesson) -> None:
    source = next(cell.source for cell in lecture.cells if "def train_by_hand" in cell.source)
    places = [source.index(f" {step} ") for step in range(1, 9)]
    assert places == sorted(places)


def test_four_epochs_of_the_recipe_read_nine_digits_in_ten() -> None:
    digits = load_digits()
    split = stratified_split(digits.labels, seed=0)
    torch.manual_seed(0)
    net = LeNet5()
    loader = make_loader(digits.subset(split.train), batch_size=32, shuffle=True)
    fit(net, loader, epochs=4, learning_rate=0.003, loss_function=F.nll_loss, progress=False)
    val = make_loader(digits.subset(split.val), batch_size=256)
    predictions = predict(net, val)
    assert accuracy_score(predictions.y_true, predictions.y_pred) > 0.9


def test_the_test_split_has_at_least_350_images_and_shares_none_with_training() -> None:
    for seed in range(3):
        split = stratified_split(load_digits().labels, seed=seed)
        assert len(split.test) >= 350
        assert not set(split.train) & set(split.test)
        assert not set(split.val) & (set(split.train) | set(split.test))


# the form of the sources


def test_the_lecture_names_its_facts(lecture: Lesson) -> None:
    assert {"R12", "C04"} <= set(lecture.metadata["facts"])


def test_the_lecture_has_one_cell_that_is_meant_to_fail_and_it_fails_for_its_size(lecture: Lesson) -> None:
    (cell,) = (cell for cell in lecture.cells if "raises-exception" in cell.tags)
    with pytest.raises(ValueError, match="32, 32"):
        exec(cell.source, {"lenet": LeNet5(), "torch": torch})


def test_papermill_finds_the_parameters(lecture: Lesson) -> None:
    (cell,) = (cell for cell in lecture.cells if cell.role == "parameters")
    room: dict[str, object] = {}
    exec(cell.source, room)
    assert room["FAST"] is True
    assert {"SEED", "EPOCHS", "BATCH_SIZE", "LEARNING_RATE", "CHECKPOINT_DIR"} <= set(room)


def test_the_table_in_the_exercise_is_that_of_the_library(exercise: Lesson) -> None:
    room: dict[str, object] = {}
    exec(exercise.setup(), room)
    assert room["c3_table"] == list(C3_TABLE)
    assert number_of(SparseConv2d(C3_TABLE, 5)) == 1_516
