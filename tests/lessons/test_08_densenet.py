"""Lesson 08: its facts by the numbers, what it claims of weights and clocks, and the form of its two sources."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.classroom.lesson import Lesson, read_lesson
from course_lib.data import load_digits, make_loader, stratified_split
from course_lib.figures.dense import find_frontier
from course_lib.metrics import accuracy_score, spearman_correlation
from course_lib.models.densenet import (
    DENSENET_TABLE,
    DenseBlock,
    DenseLayer,
    RecomputingDenseBlock,
    Transition,
    densenet121,
)
from course_lib.models.resnet import PlainBlock
from course_lib.models.resnet_cifar import CifarResNet
from course_lib.models.zoo import ZOO
from course_lib.summary import summarize
from course_lib.training import fit, predict
from course_lib.training.signals import measure_signals

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def lecture() -> Lesson:
    return read_lesson(ROOT / "notebooks" / "08_densenet.py")


@pytest.fixture(scope="module")
def exercise() -> Lesson:
    return read_lesson(ROOT / "solutions" / "08_densenet.py")


def run_cell(lecture: Lesson, mark: str, **room: object) -> dict[str, object]:
    """Run the one cell of the lecture in which `mark` stands, in a room that holds what is given."""
    (source,) = (cell.source for cell in lecture.cells if cell.kind == "code" and mark in cell.source)
    exec(source, room)
    return room


@pytest.fixture(scope="module")
def small_dense_net(lecture: Lesson) -> type[nn.Module]:
    room = run_cell(lecture, "class SmallDenseNet", nn=nn, DenseBlock=DenseBlock, Transition=Transition)
    return room["SmallDenseNet"]  # type: ignore[return-value]  # made by exec


def number_of(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


# R21: DenseNet


def test_r21_a_dense_block_adds_k_channels_a_layer_and_keeps_its_input() -> None:
    block = DenseBlock(6, in_channels=64, growth_rate=32)
    assert [layer.norm1.num_features for layer in block.children()] == [64, 96, 128, 160, 192, 224]
    maps = torch.rand(2, 64, 4, 4)
    with torch.no_grad():
        out = block.eval()(maps)
    assert out.shape == (2, 256, 4, 4)
    assert torch.equal(out[:, :64], maps)


def test_r21_densenet_121_has_the_channels_and_the_parameters_of_the_paper() -> None:
    channels, leaving = 64, []
    for layers in DENSENET_TABLE[121]:
        channels += 32 * layers
        leaving.append(channels)
        channels //= 2
    assert leaving == [256, 512, 1024, 1024]
    assert 1 + 2 * sum(DENSENET_TABLE[121]) + 3 + 1 == 121
    with torch.device("meta"):
        table = summarize(densenet121(), torch.zeros(1, 3, 224, 224), depth=1)
    assert (table.parameters, table.macs) == (7_978_856, 2_834_161_664)


def test_r21_the_widest_layer_costs_163_8_thousand_weights_and_285_7_without_a_bottleneck() -> None:
    layer = DenseLayer(992, growth_rate=32)
    assert layer.conv1.weight.numel() + layer.conv2.weight.numel() == 163_840
    assert 992 * 32 * 9 == 285_696


def test_r21_parameter_efficiency_a_third_of_resnet_50_a_seventeenth_of_vgg_16() -> None:
    with torch.device("meta"):
        sizes = {net.name: number_of(net.make()) for net in ZOO if net.name in ("DenseNet-121", "ResNet-50", "VGG-16")}
    assert sizes["ResNet-50"] / sizes["DenseNet-121"] == pytest.approx(3.2, abs=0.05)
    assert sizes["VGG-16"] / sizes["DenseNet-121"] == pytest.approx(17.3, abs=0.05)


def test_r21_deep_supervision_the_gradient_of_a_dense_net_does_not_grow_as_in_a_plain_one(
    small_dense_net: type[nn.Module],
) -> None:
    digits = load_digits(image_size=8)
    for seed in range(5):
        far = []
        for make in (lambda: CifarResNet(PlainBlock, 38, in_channels=1), lambda: small_dense_net((9, 9), 8)):
            torch.manual_seed(seed)
            gradient = measure_signals(make(), digits.images[:64], digits.labels[:64]).gradient
            far.append(gradient[0] / gradient[-1])
        assert far[0] > 3 * far[1]


def test_r21_feature_reuse_is_read_from_the_right_columns_of_the_weights(lecture: Lesson) -> None:
    source = next(cell.source for cell in lecture.cells if "def reuse" in cell.source).split("\n\n\n")[0]
    room: dict[str, object] = {"np": np}
    exec(source, room)
    reuse = room["reuse"]
    first, second = torch.ones(8, 5, 1, 1), torch.ones(8, 7, 1, 1)
    second[:, 5:] = -3
    found = reuse([first, second], 5, 2)  # type: ignore[operator]  # made by exec
    assert found[:, 1].tolist() == [1, 3]
    assert found[0, 0] == 1
    assert np.isnan(found[1, 0])


def test_r21_the_doors_of_the_small_net_are_where_the_lecture_looks(small_dense_net: type[nn.Module]) -> None:
    net = list(small_dense_net((3, 3), 16).children())
    assert [type(net[i]).__name__ for i in (1, 2, 3, 4, 8)] == [
        "DenseBlock",
        "Transition",
        "DenseBlock",
        "BatchNorm2d",
        "Linear",
    ]
    assert next(net[1].children()).norm1.num_features == 32  # type: ignore[union-attr]
    assert next(net[3].children()).norm1.num_features == 40  # type: ignore[union-attr]
    assert net[4].num_features == 88


def test_r21_at_equal_parameters_the_dense_net_calculates_four_times_as_much(small_dense_net: type[nn.Module]) -> None:
    image = torch.zeros(1, 1, 8, 8)
    plain = summarize(CifarResNet(PlainBlock, 8, in_channels=1).eval(), image, depth=1)
    dense, small = (summarize(small_dense_net((3, 3), k).eval(), image, depth=1) for k in (16, 8))
    assert (plain.parameters, dense.parameters, small.parameters) == (75_002, 81_370, 21_074)
    assert dense.macs / plain.macs > 4
    assert small.macs == pytest.approx(plain.macs, rel=0.1)


def test_r21_doors_keep_864_channels_and_recomputing_keeps_less(lecture: Lesson) -> None:
    assert sum(64 + 32 * number for number in range(6)) == 864
    source = next(cell.source for cell in lecture.cells if "def kept_mb" in cell.source).split("\n\n\n")[0]
    room: dict[str, object] = {"torch": torch}
    exec(source, room)
    kept = [room["kept_mb"](kind(6, 64, 32)) for kind in (DenseBlock, RecomputingDenseBlock)]  # type: ignore[operator]
    assert kept[1] < 0.7 * kept[0]


def test_the_small_dense_net_learns(small_dense_net: type[nn.Module]) -> None:
    digits = load_digits(image_size=8)
    split = stratified_split(digits.labels, seed=0)
    loader = make_loader(digits.subset(split.train[:320]), batch_size=32, shuffle=True)
    val = make_loader(digits.subset(split.val), batch_size=512)
    torch.manual_seed(0)
    net = small_dense_net((3, 3), 16)
    fit(net, loader, epochs=5, learning_rate=0.003, progress=False, device="cpu")
    answers = predict(net, val, device="cpu")
    assert accuracy_score(answers.y_true, answers.y_pred) > 0.5


# R22: the zoo


def test_r22_the_zoo_holds_every_family_once_a_name() -> None:
    names = [net.name for net in ZOO]
    assert len(set(names)) == len(names) == 23
    assert {net.family for net in ZOO} == {"AlexNet", "VGG", "NiN", "Inception", "ResNet", "DenseNet"}
    rated = [net for net in ZOO if net.reported_top1]
    assert len(rated) == 20
    assert all(50 < net.reported_top1 < 80 for net in rated if net.reported_top1)


def test_r22_no_vgg_is_on_the_frontier_by_parameters_or_operations() -> None:
    rated = [net for net in ZOO if net.reported_top1 and "bn" not in net.name]
    tables = []
    for net in rated:
        with torch.device("meta"):
            images = torch.zeros(1, 3, net.size_pixels, net.size_pixels)
            tables.append(summarize(net.make().eval(), images, depth=1))
    scores = [net.reported_top1 for net in rated]
    for costs in ([table.parameters for table in tables], [table.macs for table in tables]):
        best = {net.name for net, on in zip(rated, find_frontier(costs, scores), strict=True) if on}
        assert not any(name.startswith("VGG") for name in best)
        assert {"DenseNet-121", "DenseNet-169", "DenseNet-201", "ResNet-152"} <= best


def test_r22_the_median_of_the_warm_runs_is_10_5() -> None:
    times = np.array([50, 10, 11, 10, 90])
    assert (times.mean(), np.median(times[1:])) == (pytest.approx(34.2), 10.5)


def test_r22_spearman_compares_orders() -> None:
    assert spearman_correlation([1, 2, 3], [1, 20, 300]) == pytest.approx(1)


# the form of the sources


def test_the_lecture_names_its_facts(lecture: Lesson, exercise: Lesson) -> None:
    assert {"R21", "R22"} <= set(lecture.metadata["facts"])
    assert {"R21", "R22"} <= set(exercise.metadata["facts"])


def test_the_lecture_has_one_cell_that_is_meant_to_fail_and_it_fails_for_its_size(lecture: Lesson) -> None:
    (cell,) = (cell for cell in lecture.cells if "raises-exception" in cell.tags)
    with pytest.raises(RuntimeError, match="8 but got size 4"):
        exec(cell.source, {"torch": torch})


def test_papermill_finds_the_parameters(lecture: Lesson) -> None:
    (cell,) = (cell for cell in lecture.cells if cell.role == "parameters")
    room: dict[str, object] = {}
    exec(cell.source, room)
    assert room["FAST"] is True
    assert {"SEED", "EPOCHS", "BATCH_SIZE", "LEARNING_RATE", "CHECKPOINT_DIR"} <= set(room)


def test_the_exercise_has_its_five_tasks(exercise: Lesson) -> None:
    assert len(exercise.tasks) == 5
