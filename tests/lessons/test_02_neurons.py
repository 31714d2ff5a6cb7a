"""Lesson 02: two pipelines on the same data, a neuron and its slopes by hand, and the form of its two sources."""

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_lib import data, metrics
from course_lib.classroom.lesson import Lesson, read_lesson
from course_lib.training import fit, predict

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def lecture() -> Lesson:
    return read_lesson(ROOT / "notebooks" / "02_neurons.py")


@pytest.fixture(scope="module")
def exercise() -> Lesson:
    return read_lesson(ROOT / "solutions" / "02_neurons.py")


@pytest.fixture(scope="module")
def room(lecture: Lesson) -> dict[str, Any]:
    """The functions of the lecture, from its cells, and what they need."""
    names: dict[str, Any] = {"np": np, "torch": torch, "nn": nn, "ndimage": ndimage, "StandardScaler": StandardScaler}
    names |= {"LogisticRegression": LogisticRegression, "DataLoader": DataLoader, "TensorDataset": TensorDataset}
    names |= {"fit": fit, "predict": predict, "x": np.array([1.0, 2.0]), "y": np.array([3.0, 5.0])}
    for cell in lecture.cells:
        if cell.kind != "code":
            continue
        functions = [node for node in ast.parse(cell.source).body if isinstance(node, ast.FunctionDef)]
        exec("\n".join(ast.unparse(function) for function in functions), names)
    return names


# R02: the classical pipeline and the learned one, on the same data and the same split


def test_on_thirty_measurements_pipeline_and_net_are_both_good_and_not_told_apart(room: dict[str, Any]) -> None:
    breast = load_breast_cancer()
    malignant = (breast.target_names[breast.target] == "malignant").astype(np.int64)
    split = data.stratified_split(malignant, seed=0)
    inputs = room["standardise"](breast.data, split)
    how = {"num_hidden": 8, "num_classes": 2, "epochs": 30, "seed": 0}
    by_pipeline, by_net, _ = room["contest"](inputs, malignant, split, **how)
    right = [int((answers == malignant[split.test]).sum()) for answers in (by_pipeline, by_net)]
    first, second = (metrics.wilson_interval(count, len(split.test)) for count in right)
    assert min(right) > 0.92 * len(split.test)
    assert max(first.low, second.low) < min(first.high, second.high)


def test_from_pixels_the_net_beats_the_hand_made_features_beyond_both_intervals(room: dict[str, Any]) -> None:
    digits = data.load_digits(image_size=8)
    images, labels = digits.images[:, 0].numpy(), digits.labels.numpy()
    split = data.stratified_split(labels, seed=0)
    how = {"num_hidden": 32, "num_classes": 10, "epochs": 20, "seed": 0}
    right = {}
    for name, measured in (("hand", room["hand_made_features"](images)), ("pixels", images.reshape(-1, 64))):
        logistic, net, _ = room["contest"](room["standardise"](measured, split), labels, split, **how)
        right[name] = [int((answers == labels[split.test]).sum()) for answers in (logistic, net)]
    number = len(split.test)
    assert (
        metrics.wilson_interval(right["pixels"][1], number).low > metrics.wilson_interval(right["hand"][0], number).high
    )
    assert right["pixels"][0] - right["hand"][0] > right["hand"][1] - right["hand"][0]  # features above classifier


def test_standardising_looks_at_the_training_part_alone(room: dict[str, Any]) -> None:
    features = np.array([[0.0], [2], [100], [1000]])
    split = data.Split(np.array([0, 1]), np.array([2]), np.array([3]))
    assert room["standardise"](features, split)[:, 0].tolist() == [-1, 1, 99, 999]


def test_the_hand_made_features_are_what_they_are_called(room: dict[str, Any]) -> None:
    ring, bar = np.zeros((8, 8), dtype=np.float32), np.zeros((8, 8), dtype=np.float32)
    ring[1:7, 2:6] = 1
    ring[2:6, 3:5] = 0
    bar[0:8, 6] = 1
    of_ring, of_bar = room["hand_made_features"](np.stack([ring, bar]))
    ink, row, column, tall, wide = of_ring[:5]
    assert (ink, row, column) == pytest.approx((16, 3.5, 3.5))
    assert tall > wide
    assert of_ring[5:8] == pytest.approx(0, abs=1e-6)  # no slant, and it mirrors itself both ways
    assert (of_ring[-1], of_bar[-1]) == (1, 0)  # holes
    assert of_bar[2] == 6  # the middle of its ink lies in column 6
    assert of_bar[7] == pytest.approx(16 / 64)  # left and right differ in 16 pixels


def test_of_the_lumps_212_are_malignant_and_the_file_calls_them_0() -> None:
    breast = load_breast_cancer()
    assert breast.target_names.tolist() == ["malignant", "benign"]
    assert np.bincount(breast.target).tolist() == [212, 357]
    assert len(np.unique(breast.data, axis=0)) == 569


# R03: the neuron, its loss, gradient descent, activations, history


def test_a_neuron_multiplies_adds_and_activates(room: dict[str, Any]) -> None:
    total = (np.array([2.0, -1.0]) * np.array([1.5, 0.5])).sum() - 1
    assert total == 1.5
    assert [room["sigmoid"](total), np.tanh(total), room["relu"](total)] == pytest.approx([0.818, 0.905, 1.5], abs=1e-3)


def test_the_activations_are_those_of_torch_and_the_largest_slopes_are_a_quarter_and_one(room: dict[str, Any]) -> None:
    z = torch.linspace(-6, 6, 241, dtype=torch.float64, requires_grad=True)
    for name, function, steepest in (
        ("sigmoid", torch.sigmoid, 0.25),
        ("relu", torch.relu, 1.0),
        ("", torch.tanh, 1.0),
    ):
        (slope,) = torch.autograd.grad(function(z).sum(), z)
        assert slope.max().item() == pytest.approx(steepest)
        if name:
            assert np.allclose(room[name](z.detach().numpy()), function(z).detach().numpy(), atol=1e-12)


def test_the_loss_and_the_slopes_worked_by_hand_are_right(room: dict[str, Any]) -> None:
    assert room["loss_at"](0, 0) == 17
    assert room["gradient_at"](0, 0) == (-13, -8)
    weight, bias = (torch.tensor(0.0, requires_grad=True) for _ in range(2))
    (weight * torch.tensor([1.0, 2]) + bias - torch.tensor([3.0, 5])).square().mean().backward()
    assert (weight.grad, bias.grad) == (-13, -8)


def test_the_plus_of_the_slide_climbs_and_a_minus_needs_a_rate(room: dict[str, Any]) -> None:
    dw, db = room["gradient_at"](0, 0)
    assert room["loss_at"](dw, db) == 1048.5
    assert room["loss_at"](-dw, -db) == 582.5
    assert room["loss_at"](-0.1 * dw, -0.1 * db) == pytest.approx(1.685)


def test_the_plus_of_rumelhart_is_a_minus_in_brackets(room: dict[str, Any]) -> None:
    x, y = room["x"], room["y"]
    delta = 2 * (y - 0 * x)
    assert 0.1 * (delta * x).mean() == pytest.approx(-0.1 * room["gradient_at"](0, 0)[0])


def test_descent_arrives_below_two_over_the_curvature_and_leaves_above_it(room: dict[str, Any]) -> None:
    bound = 2 / np.linalg.eigvalsh([[5, 3], [3, 2]])[-1]
    assert bound == pytest.approx(0.292, abs=5e-4)
    for factor, arrives in ((0.98, True), (1.02, False)):
        path = room["descend"]((0.0, 5.0), learning_rate=factor * bound, steps=2000)
        assert (np.abs(path[-1] - [2, 1]).max() < 0.01) == arrives


@pytest.mark.parametrize("seed", range(5))
def test_back_propagation_by_hand_agrees_with_autograd_to_1e_10(room: dict[str, Any], seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(64, 30)), rng.integers(0, 2, size=(64, 1)).astype(float)
    weights = rng.normal(0, 0.3, (30, 8)), rng.normal(size=8), rng.normal(0, 0.3, (8, 1)), rng.normal(size=1)
    tensors = [torch.tensor(weight, requires_grad=True) for weight in weights]
    w1, b1, w2, b2 = tensors
    p = torch.sigmoid((torch.tensor(x) @ w1 + b1).relu() @ w2 + b2)
    (p - torch.tensor(y)).square().mean().backward()
    for mine, tensor in zip(room["backward"](x, y, weights), tensors, strict=True):
        assert tensor.grad is not None
        assert np.abs(mine - tensor.grad.numpy()).max() < 1e-10


def test_equal_first_weights_stay_equal_and_random_ones_do_not(room: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    names = {"x64": rng.normal(size=(64, 30)), "y64": rng.integers(0, 2, size=(64, 1)).astype(float)}
    start = rng.normal(0, 0.3, (30, 8)), np.zeros(8), rng.normal(0, 0.3, (8, 1)), np.zeros(1)
    room |= names
    for weights, different in ((start, 8), (tuple(np.full_like(weight, 0.1) for weight in start), 1)):
        end = room["train_by_hand"](weights, steps=50)
        assert len(np.unique(end[0].T.round(6), axis=0)) == different


def test_no_single_neuron_judges_all_seven_patients_and_two_hidden_ones_do(room: dict[str, Any]) -> None:
    potassium = np.array([-3.0, -2.5, -1.0, 0.0, 1.0, 2.5, 3.0])
    dangerous = np.abs(potassium) > 2
    cuts = [sign * (potassium - cut) > 0 for sign in (1, -1) for cut in np.arange(-4, 4.1, 0.25)]
    assert max(int((cut == dangerous).sum()) for cut in cuts) == 5
    hidden = room["relu"](potassium) + room["relu"](-potassium) - 2
    assert ((hidden > 0) == dangerous).all()


def test_a_sure_and_wrong_answer_teaches_next_to_nothing_with_the_squared_loss(room: dict[str, Any]) -> None:
    z = torch.tensor(-8.0, dtype=torch.float64, requires_grad=True)
    (squared,) = torch.autograd.grad((torch.sigmoid(z) - 1).square(), z)
    (entropy,) = torch.autograd.grad(-torch.log(torch.sigmoid(z)), z)
    assert (squared.item(), entropy.item()) == pytest.approx((-0.00067, -0.99966), abs=1e-5)


def test_the_small_net_has_266_parameters(room: dict[str, Any]) -> None:
    assert sum(p.numel() for p in room["small_net"](30, 8, 2).parameters()) == 266


def test_the_years_of_the_slide_are_told(lecture: Lesson) -> None:
    prose = " ".join(cell.source for cell in lecture.cells if cell.kind == "markdown")
    for year in ("1958", "1980", "1985"):
        assert year in prose


# the form of the sources


def test_the_lecture_names_its_facts(lecture: Lesson) -> None:
    assert {"R02", "R03"} <= set(lecture.metadata["facts"])


def test_the_lecture_has_one_cell_that_is_meant_to_fail_and_it_fails_for_its_shapes(lecture: Lesson) -> None:
    (cell,) = (cell for cell in lecture.cells if "raises-exception" in cell.tags)
    names = {"answers": torch.ones(3, 1), "truths": torch.ones(3), "F": nn.functional}
    with pytest.raises(ValueError, match="must be the same as input size"):
        exec(cell.source, names)


def test_papermill_finds_the_parameters(lecture: Lesson) -> None:
    (cell,) = (cell for cell in lecture.cells if cell.role == "parameters")
    room: dict[str, object] = {}
    exec(cell.source, room)
    assert room["FAST"] is True
    assert {"SEED", "EPOCHS", "CHECKPOINT_DIR"} <= set(room)


def test_the_exercise_has_its_five_tasks(exercise: Lesson) -> None:
    assert len(exercise.tasks) == 5
