"""Lesson 06: its facts by the numbers, what it claims of effects, and the form of its two sources."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib.arithmetic import Layer, conv_macs, conv_parameters, linear_parameters, receptive_field
from course_lib.classroom.lesson import Lesson, read_lesson
from course_lib.data import LabelledImages, load_digits, make_loader, stratified_split
from course_lib.metrics import Interval, accuracy_score
from course_lib.models.googlenet import (
    GOOGLENET_TABLE,
    ConvReLU,
    InceptionModule,
    auxiliary_cross_entropy,
    googlenet_paper,
)
from course_lib.models.inception import INCEPTION_V2_TABLE, INCEPTION_V3_TABLE, Conv, Mixed
from course_lib.models.nin import nin_imagenet
from course_lib.summary import summarize
from course_lib.training import fit, predict

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def lecture() -> Lesson:
    return read_lesson(ROOT / "notebooks" / "06_inception.py")


@pytest.fixture(scope="module")
def exercise() -> Lesson:
    return read_lesson(ROOT / "solutions" / "06_inception.py")


def run_cell(lecture: Lesson, mark: str, **room: object) -> dict[str, object]:
    """Run the one cell of the lecture in which `mark` stands, in a room that holds what is given."""
    (source,) = (cell.source for cell in lecture.cells if cell.kind == "code" and mark in cell.source)
    exec(source, room)
    return room


# R16: network in network, 1×1 convolutions


def test_r16_a_1x1_convolution_is_a_dense_layer_at_each_pixel() -> None:
    torch.manual_seed(0)
    maps, conv, dense = torch.rand(2, 7, 5, 3), nn.Conv2d(7, 4, 1), nn.Linear(7, 4)
    dense.load_state_dict({"weight": conv.weight[:, :, 0, 0], "bias": conv.bias})
    by_pixel = torch.stack([torch.stack([dense(maps[:, :, y, x]) for x in range(3)], dim=2) for y in range(5)], dim=2)
    assert torch.allclose(conv(maps), by_pixel, atol=1e-6)
    assert conv_parameters(480, 16, 1) == linear_parameters(480, 16) == 7_696


def test_r16_the_pixel_of_the_lecture_is_mixed_and_not_scaled() -> None:
    weights = torch.tensor([[1.0, 1], [1, -1]])
    mixed = F.conv2d(torch.tensor([1.0, 2]).reshape(1, 2, 1, 1), weights[:, :, None, None])
    assert mixed.flatten().tolist() == [3, -1]


def test_r16_network_in_network_has_fewer_parameters_than_one_dense_layer_of_vgg() -> None:
    assert linear_parameters(512 * 7 * 7, 4096) == 102_764_544
    with torch.device("meta"):
        assert sum(p.numel() for p in nin_imagenet().parameters()) == 7_595_176


# R17: GoogLeNet


def test_r17_the_branch_takes_112_9_million_multiplications_and_5_3_with_a_bottleneck_of_16() -> None:
    direct, first, then = conv_macs(480, 48, 5, 14), conv_macs(480, 16, 1, 14), conv_macs(16, 48, 5, 14)
    assert (direct, first, then) == (112_896_000, 1_505_280, 3_763_200)
    assert [round(macs / 1e6, 1) for macs in (direct, first, then, first + then)] == [112.9, 1.5, 3.8, 5.3]
    assert direct / (first + then) == pytest.approx(21.4, abs=0.05)


def test_r17_the_branch_of_the_slide_is_that_of_module_4a() -> None:
    _, _, _, reduce5, fives, _ = GOOGLENET_TABLE["4a"]
    assert (reduce5, fives) == (16, 48)
    with torch.device("meta"):
        rows = summarize(googlenet_paper().inception4a, torch.zeros(1, 480, 14, 14)).rows
    assert sum(row.macs or 0 for row in rows if row.name.startswith("branch3")) == 5_268_480


def test_r17_a_bottleneck_of_the_branch_saves_up_to_342_channels() -> None:
    cost = {r: conv_macs(480, r, 1, 14) + conv_macs(r, 48, 5, 14) for r in (342, 343)}
    assert cost[342] < conv_macs(480, 48, 5, 14) < cost[343]


def test_r17_22_layers_and_the_parameters_in_training_and_after() -> None:
    assert 3 + 2 * len(GOOGLENET_TABLE) + 1 == 22
    with torch.device("meta"):
        numbers = [sum(p.numel() for p in googlenet_paper(aux=aux).parameters()) for aux in (True, False)]
    assert numbers == [13_378_280, 6_998_552]
    assert round(1 - numbers[1] / numbers[0], 2) == 0.48


def test_r17_auxiliary_heads_speak_in_training_only() -> None:
    torch.manual_seed(0)
    net, images = googlenet_paper(num_classes=5), torch.rand(2, 3, 96, 96)
    assert list(net.train()(images)) == ["scores", "aux1", "aux2"]
    with torch.no_grad():
        assert net.eval()(images).shape == (2, 5)


def test_r17_global_average_pooling_stands_before_the_only_dense_layer() -> None:
    with torch.device("meta"):
        net = googlenet_paper(aux=False)
    assert isinstance(net.avgpool, nn.AdaptiveAvgPool2d)
    assert [name for name, layer in net.named_modules() if isinstance(layer, nn.Linear)] == ["fc"]


def test_r17_the_module_without_bottlenecks_costs_2_4_times_as_much() -> None:
    ones, _, threes, _, fives, pooled = GOOGLENET_TABLE["3a"]
    naive = sum(conv_macs(192, width, kernel, 28) for width, kernel in ((ones, 1), (threes, 3), (fives, 5)))
    with torch.device("meta"):
        built = summarize(InceptionModule(192, GOOGLENET_TABLE["3a"], conv=ConvReLU), torch.zeros(1, 192, 28, 28))
    assert naive / built.macs == pytest.approx(2.4, abs=0.05)
    assert (ones + threes + fives + pooled, ones + threes + fives + 192) == (256, 416)


# R18: versions 2 and 3


@pytest.mark.parametrize(("large", "number", "weights"), [(5, 2, 18), (7, 3, 27)])
def test_r18_small_kernels_see_as_far_as_a_large_one(large: int, number: int, weights: int) -> None:
    assert receptive_field([Layer(3)] * number).size == large
    assert 9 * number == weights < large**2


def test_r18_a_column_and_a_row_of_7_take_14_weights_for_49() -> None:
    square = conv_macs(192, 192, (7, 7), (17, 17))
    flat = conv_macs(192, 192, (7, 1), (17, 17)) + conv_macs(192, 192, (1, 7), (17, 17))
    assert flat * 49 == square * 14
    assert (round(square / 1e6), round(flat / 1e6)) == (522, 149)


def test_r18_a_column_and_a_row_make_their_product_and_no_diagonal() -> None:
    torch.manual_seed(0)
    image, column, row = torch.rand(1, 1, 9, 11), torch.rand(7, 1), torch.rand(1, 7)
    in_two = F.conv2d(F.conv2d(image, column[None, None]), row[None, None])
    assert torch.allclose(in_two, F.conv2d(image, (column @ row)[None, None]), atol=1e-4)
    assert torch.linalg.matrix_rank(torch.eye(7)) == 7


def test_r18_the_grid_is_halved_at_half_the_cost_of_pooling_first() -> None:
    assert 2 * conv_macs(320, 320, 3, 17) == conv_macs(320, 640, 3, 17) < conv_macs(320, 640, 3, 35)


def test_r18_five_modules_have_n_7_and_the_head_of_v3_has_batch_norm(lecture: Lesson) -> None:
    flat = [name for name in INCEPTION_V2_TABLE if name.startswith("grid17")]
    assert len(flat) == 5
    for name in flat:
        kernels = {conv.kernel_size for chain in INCEPTION_V2_TABLE[name].branches.values() for conv in chain}
        assert kernels == {1, (1, 7), (7, 1)}
    heads = INCEPTION_V2_TABLE["head"], INCEPTION_V3_TABLE["AuxLogits"]
    assert [head.conv.__name__ for head in heads] == ["ConvReLU", "ConvBatchNorm"]


def test_r18_42_layers_stay_a_reported_number(lecture: Lesson) -> None:
    room = run_cell(lecture, "def longest_way", Conv=Conv, Mixed=Mixed)
    assert [room["longest_way"](table) for table in (INCEPTION_V2_TABLE, INCEPTION_V3_TABLE)] == [53, 48]


def test_r18_the_first_step_of_rmsprop_does_not_depend_on_the_size_of_the_gradient() -> None:
    steps = []
    for gradient in (4.0, 0.004):
        weight = torch.zeros(1, requires_grad=True)
        weight.grad = torch.tensor([gradient])
        torch.optim.RMSprop([weight], lr=1.0, alpha=0.9, eps=1e-12).step()
        steps.append(weight.item())
    assert steps == pytest.approx([-(0.1**-0.5)] * 2, rel=1e-4)


def test_r18_label_smoothing_deals_the_share_to_all_classes() -> None:
    target = 0.9 * F.one_hot(torch.tensor(2), 4) + 0.1 / 4
    scores = torch.tensor([[0.5, -1.0, 2.0, 0.0]])
    assert target.tolist() == pytest.approx([0.025, 0.025, 0.925, 0.025])
    by_hand = -(target * scores.log_softmax(1)).sum()
    assert auxiliary_cross_entropy(scores, torch.tensor([2]), label_smoothing=0.1) == pytest.approx(by_hand.item())


def test_r18_the_smoothed_loss_is_lowest_at_a_probability_of_0_925() -> None:
    gaps = torch.linspace(0, 12, 2401)
    scores = torch.stack([gaps, *torch.zeros(3, 2401)], dim=1)
    smoothed = F.cross_entropy(scores, torch.zeros(2401, dtype=torch.long), label_smoothing=0.1, reduction="none")
    best = scores[smoothed.argmin()].softmax(0)[0].item()
    assert best == pytest.approx(0.925, abs=1e-3)


# What the lecture measures


def test_a_fifth_of_the_training_labels_is_wrong_and_each_wrong_one_differs(lecture: Lesson) -> None:
    digits = load_digits(image_size=8)
    train = digits.subset(stratified_split(digits.labels, seed=0).train)
    room = run_cell(
        lecture, "def training_set", np=np, torch=torch, train=train, LABEL_NOISE=0.2, SEED=0, data=_Namespace
    )
    shares = []
    for seed in range(10):
        told, true = room["training_set"](seed)  # type: ignore[operator]  # made by exec
        shares.append((told.labels != true).float().mean().item())
    assert np.mean(shares) == pytest.approx(0.2, abs=0.03)
    told, true = room["training_set"](0, noise=1.0)  # type: ignore[operator]  # made by exec
    assert (told.labels != true).all()


def test_the_interval_is_students(lecture: Lesson) -> None:
    from scipy import stats

    values = np.array([1.0, 2.0, 4.0, 3.0, 0.5])
    room = {"student_t": stats.t, "np": np, "metrics": _Namespace}
    source = next(cell.source for cell in lecture.cells if "def mean_interval" in cell.source)
    exec(source.split("\n\n\n")[0], room)
    interval = room["mean_interval"](values)  # type: ignore[operator]  # made by exec
    wanted = stats.t.interval(0.95, 4, loc=values.mean(), scale=stats.sem(values))
    assert (interval.low, interval.high) == pytest.approx(wanted)


def test_smoothing_makes_the_small_net_less_sure_and_it_learns(lecture: Lesson) -> None:
    digits = load_digits(image_size=8)
    split = stratified_split(digits.labels, seed=0)
    loader = make_loader(digits.subset(split.train[:320]), batch_size=64, shuffle=True)
    val = make_loader(digits.subset(split.val), batch_size=512)
    room = run_cell(
        lecture, "class SmallGoogLeNet", nn=nn, partial=partial, ConvReLU=ConvReLU, InceptionModule=InceptionModule
    )
    sureness = []
    for share in (0.0, 0.1):
        torch.manual_seed(0)
        net = room["SmallGoogLeNet"](heads=True)  # type: ignore[operator]  # made by exec

        def loss(outputs: object, labels: torch.Tensor, share: float = share) -> torch.Tensor:
            return auxiliary_cross_entropy(outputs, labels, label_smoothing=share)  # type: ignore[arg-type]

        fit(net, loader, epochs=12, learning_rate=0.01, loss_function=loss, progress=False, device="cpu")
        answers = predict(net, val, device="cpu")
        assert accuracy_score(answers.y_true, answers.y_pred) > 0.5
        sureness.append(torch.from_numpy(answers.scores).softmax(1).max(1).values.mean().item())
    assert sureness[1] < sureness[0]


class _Namespace:
    """Stands in for two rooms of the library in cells that are run alone."""

    LabelledImages = LabelledImages
    Interval = Interval


# the form of the sources


def test_the_lecture_names_its_facts(lecture: Lesson, exercise: Lesson) -> None:
    assert {"R16", "R17", "R18"} <= set(lecture.metadata["facts"])
    assert {"R16", "R17", "R18"} <= set(exercise.metadata["facts"])


def test_the_lecture_has_one_cell_that_is_meant_to_fail_and_it_fails_for_its_size(lecture: Lesson) -> None:
    (cell,) = (cell for cell in lecture.cells if "raises-exception" in cell.tags)
    maps = torch.rand(1, 192, 28, 28)

    def look(x: torch.Tensor) -> torch.Tensor:
        return x[:, :32]

    room = {"torch": torch, "nn": nn, "ConvReLU": ConvReLU, "reduce3": 96, "threes": 128, "x": maps}
    with pytest.raises(RuntimeError, match="28 but got size 26"):
        exec(cell.source, room | {"look_1": look, "look_5": look, "look_pool": look})


def test_papermill_finds_the_parameters(lecture: Lesson) -> None:
    (cell,) = (cell for cell in lecture.cells if cell.role == "parameters")
    room: dict[str, object] = {}
    exec(cell.source, room)
    assert room["FAST"] is True
    assert {"SEED", "EPOCHS", "LABEL_NOISE", "CHECKPOINT_DIR"} <= set(room)


def test_the_exercise_has_its_five_tasks(exercise: Lesson) -> None:
    assert len(exercise.tasks) == 5
