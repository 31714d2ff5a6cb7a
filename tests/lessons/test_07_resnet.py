"""Lesson 07: its facts by the numbers, its measurements, and the form of its two sources."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.classroom.lesson import Lesson, read_lesson
from course_lib.data import LabelledImages, load_digits, make_loader, stratified_split
from course_lib.models.alexnet import alexnet
from course_lib.models.googlenet import GOOGLENET_TABLE
from course_lib.models.resnet import RESNET_TABLE, BasicBlock, PlainBlock, resnet18, resnet152, zero_last_gammas
from course_lib.models.resnet_cifar import CifarResNet, PaddedBlock
from course_lib.models.vgg import vgg19
from course_lib.training import fit, predict
from course_lib.training.signals import measure_signals, without_batch_norm

ROOT = Path(__file__).parents[2]
DEPTHS = (14, 38)


@pytest.fixture(scope="module")
def lecture() -> Lesson:
    return read_lesson(ROOT / "notebooks" / "07_resnet.py")


@pytest.fixture(scope="module")
def exercise() -> Lesson:
    return read_lesson(ROOT / "solutions" / "07_resnet.py")


@pytest.fixture(scope="module")
def learn_from() -> LabelledImages:
    """The training images of the fast lecture."""
    digits = load_digits(image_size=8)
    return digits.subset(stratified_split(digits.labels, seed=0).train[:256])


@pytest.fixture(scope="module")
def batch(learn_from: LabelledImages) -> tuple[torch.Tensor, torch.Tensor]:
    return learn_from.images[:64], learn_from.labels[:64]


def number_of(layer: nn.Module) -> int:
    return sum(parameter.numel() for parameter in layer.parameters())


def make(block: type[PlainBlock], depth: int, seed: int = 0) -> CifarResNet:
    torch.manual_seed(seed)
    return CifarResNet(block, depth, in_channels=1)


# R19: degradation


def test_a_deeper_plain_net_has_a_higher_training_error_and_a_residual_one_has_not(learn_from: LabelledImages) -> None:
    """R19: with the fast parameters of the lecture and one of its seeds."""
    error = {}
    for block in (PlainBlock, PaddedBlock):
        for depth in DEPTHS:
            loader = make_loader(learn_from, batch_size=32, shuffle=True)
            history = fit(make(block, depth), loader, epochs=4, learning_rate=0.003, progress=False, device="cpu")
            error[block, depth] = 100 * (1 - history.train_accuracy[-1])
    assert error[PlainBlock, 38] > error[PlainBlock, 14] + 30
    assert error[PaddedBlock, 38] < error[PaddedBlock, 14] + 10


@pytest.mark.parametrize("depth", [20, 56])
def test_plain_and_residual_nets_of_a_depth_have_the_same_parameters(depth: int) -> None:
    """R19: what differs is the shortcut alone."""
    sizes = {number_of(CifarResNet(block, depth)) for block in (PlainBlock, PaddedBlock)}
    assert sizes == {269_722 if depth == 20 else 853_018}


def test_a_deep_plain_net_as_good_as_the_shallow_one_exists(lecture: Lesson, learn_from: LabelledImages) -> None:
    """R19: the solution by construction."""
    source = next(cell.source for cell in lecture.cells if "def identity_block" in cell.source)
    shallow = make(PlainBlock, 14)
    loader = make_loader(learn_from, batch_size=32, shuffle=True)
    fit(shallow, loader, epochs=1, learning_rate=0.003, progress=False, device="cpu")
    room = {"nn": nn, "PlainBlock": PlainBlock, "CifarResNet": CifarResNet, "depths": DEPTHS, "shallow_net": shallow}
    exec(source, room)
    deep = room["by_hand"]
    assert isinstance(deep, CifarResNet)
    assert sum(isinstance(module, nn.Conv2d | nn.Linear) for module in deep.modules()) == 38
    scores = [predict(net, make_loader(learn_from, batch_size=256), device="cpu").scores for net in (shallow, deep)]
    assert np.abs(scores[0] - scores[1]).max() < 0.01


@pytest.mark.parametrize("seed", range(5))
def test_gradients_of_plain_nets_grow_on_their_way_back_and_shortcuts_tame_them(
    batch: tuple[torch.Tensor, torch.Tensor], seed: int
) -> None:
    ratio = {}
    for block in (PlainBlock, PaddedBlock):
        gradient = measure_signals(make(block, 56, seed), *batch).gradient
        ratio[block] = gradient[0] / gradient[-1]
    assert ratio[PlainBlock] > 100
    assert 1 < ratio[PaddedBlock] < 40


def test_without_batch_norm_a_plain_net_falls_silent_and_a_residual_one_grows_loud(
    batch: tuple[torch.Tensor, torch.Tensor],
) -> None:
    plain, residual = (
        measure_signals(without_batch_norm(make(block, 56)), *batch) for block in (PlainBlock, PaddedBlock)
    )
    assert plain.signal[-1] < 1e-4
    assert plain.gradient.max() < 1e-4
    assert residual.signal[-1] > 10
    assert residual.loss > 10


# R20: H(x) = F(x) + x, and the depths


def test_a_residual_block_gives_the_sum_of_branch_and_input() -> None:
    """R20: H(x) = F(x) + x, then ReLU."""
    torch.manual_seed(0)
    block, x = BasicBlock(4, 4), torch.randn(3, 4, 6, 6)
    assert torch.allclose(block(x), torch.relu(block.residual(x) + x), atol=1e-6)


def test_the_depths_are_8_19_22_and_152() -> None:
    """R20: layers with weights on the way from image to scores; a shortcut's projection is beside the way."""

    def layers(net: nn.Module) -> int:
        return sum(
            isinstance(module, nn.Conv2d | nn.Linear) and "downsample" not in name
            for name, module in net.named_modules()
        )

    with torch.device("meta"):
        assert layers(vgg19()) == 19
        assert layers(resnet152()) == 152
        assert layers(resnet18()) == 18
    assert 3 + 2 * len(GOOGLENET_TABLE) + 1 == 22
    with torch.device("meta"):
        assert layers(alexnet()) == 8


def test_the_depth_of_each_member_follows_from_its_row() -> None:
    for depth, stages in RESNET_TABLE.items():
        assert 2 + (2 if depth < 50 else 3) * sum(stages) == depth


def test_a_block_whose_last_gamma_is_zero_is_the_identity_and_only_that_layer_moves() -> None:
    block = PaddedBlock(16, 16)
    nn.init.zeros_(block.bn2.weight)
    maps = torch.rand(8, 16, 8, 8, generator=torch.manual_seed(0))
    out = block(maps)
    assert torch.equal(out, maps)
    (out * torch.rand(out.shape, generator=torch.manual_seed(1))).sum().backward()
    moving = {name for name, p in block.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
    assert moving == {"bn2.weight", "bn2.bias"}


def test_from_the_identity_the_first_loss_does_not_depend_on_depth(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    losses = []
    for depth in (20, 56):
        net = make(PaddedBlock, depth)
        zero_last_gammas(net)
        losses.append(measure_signals(net, *batch).loss)
    assert losses == pytest.approx([2.3, 2.3], abs=0.15)


# what the lecture says of batch normalisation and of shortcuts


def test_the_running_variance_divides_by_one_less_and_momentum_weighs_the_new() -> None:
    bn = nn.BatchNorm2d(1)
    bn(torch.tensor([1.0, 2, 3, 4]).reshape(4, 1, 1, 1))
    assert bn.running_mean is not None
    assert bn.running_var is not None
    assert bn.running_mean.item() == pytest.approx(0.25)
    assert bn.running_var.item() == pytest.approx(0.9 + 0.1 * 5 / 3)


def test_a_projection_from_64_to_128_channels_has_8448_parameters() -> None:
    assert number_of(BasicBlock(64, 128, stride=2).downsample) == 8_448


def test_a_missing_shortcut_broadcasts_in_silence_when_one_channel_comes_in() -> None:
    image = torch.rand(4, 1, 8, 8)
    assert (PlainBlock(1, 8).residual(image) + image).shape == (4, 8, 8, 8)


# the form of the sources


def test_the_lecture_names_its_facts(lecture: Lesson) -> None:
    assert {"R19", "R20"} <= set(lecture.metadata["facts"])


def test_the_lecture_has_one_cell_that_is_meant_to_fail_and_it_fails_for_its_shapes(lecture: Lesson) -> None:
    (cell,) = (cell for cell in lecture.cells if "raises-exception" in cell.tags)
    with pytest.raises(RuntimeError, match="size of tensor"):
        exec(cell.source, {"PlainBlock": PlainBlock, "torch": torch})


def test_papermill_finds_the_parameters(lecture: Lesson) -> None:
    (cell,) = (cell for cell in lecture.cells if cell.role == "parameters")
    room: dict[str, object] = {}
    exec(cell.source, room)
    assert room["FAST"] is True
    assert {"SEED", "EPOCHS", "BATCH_SIZE", "LEARNING_RATE", "CHECKPOINT_DIR"} <= set(room)
