"""The training loop: what it measures, what it gives back, what it leaves alone."""

import copy
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

from course_lib.training import History, fit, predict

QUIET: dict[str, Any] = {"device": "cpu", "progress": False}


def points(number: int = 40) -> TensorDataset:
    """Points of the plane, in two classes that a line almost parts."""
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(number, 2, generator=generator)
    return TensorDataset(x, (x.sum(dim=1) + 0.3 * torch.randn(number, generator=generator) > 0).long())


def small_net(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 2))


def loaders() -> tuple[DataLoader[Any], DataLoader[Any]]:
    return DataLoader(points(), 8, shuffle=True), DataLoader(points(20), 8)


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def scripted(val_losses: list[float]) -> Callable[[Tensor, Tensor], Tensor]:
    """Cross entropy in training; in validation (one batch an epoch) what the script says."""
    script = iter(val_losses)

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            return nn.functional.cross_entropy(outputs, targets)
        return torch.tensor(next(script))

    return loss


# What is learnt and measured


def test_a_net_learns_what_can_be_learnt() -> None:
    history = fit(small_net(), *loaders(), epochs=30, learning_rate=0.02, **QUIET)
    assert history.train_loss[-1] < 0.5 * history.train_loss[0]
    assert history.val_accuracy[-1] >= 0.8


def test_a_history_has_a_row_for_each_epoch() -> None:
    history = fit(small_net(), *loaders(), epochs=3, **QUIET)
    for column in ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "seconds"):
        values = getattr(history, column)
        assert values.shape == (3,), column
        assert values.dtype == np.float64, column
        assert np.isfinite(values).all(), column
    assert (history.seconds > 0).all()
    assert history.best_epoch == history.val_loss.argmin()
    assert history.stopped_early is False


def test_the_loop_is_the_plain_loop_of_torch() -> None:
    net, twin = nn.Linear(2, 2), nn.Linear(2, 2)
    twin.load_state_dict(net.state_dict())
    loader = DataLoader(points(), 8)
    fit(net, loader, epochs=3, learning_rate=0.01, **QUIET)
    optimizer = torch.optim.Adam(twin.parameters(), lr=0.01)
    for _ in range(3):
        for x, y in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(twin(x), y).backward()
            optimizer.step()
    assert same_weights(net, twin)


def test_losses_are_means_over_images_not_over_batches() -> None:
    """Batches of 4, 4 and 2 with mean losses 1, 1 and 4: 1.6, where a mean over batches says 2.0."""
    sizes, losses = (4, 4, 2), (1.0, 1.0, 4.0)
    batches = [(torch.zeros(n, 2), torch.full((n,), value)) for n, value in zip(sizes, losses, strict=True)]

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return targets.mean() + 0 * outputs.sum()

    history = fit(nn.Linear(2, 2), batches, batches, epochs=1, loss_function=loss, **QUIET)
    assert history.train_loss[0] == pytest.approx(1.6)
    assert history.val_loss[0] == pytest.approx(1.6)


def test_accuracies_are_means_over_images_not_over_batches() -> None:
    """Of 4, 4 and 2 images 4, 4 and 0 are right: 0.8, where a mean over batches says 0.667."""
    scores = torch.tensor([[0.0, 9.0]]).repeat(4, 1)
    batches = [(scores, torch.ones(4).long()), (scores, torch.ones(4).long()), (scores[:2], torch.zeros(2).long())]
    net = nn.Linear(2, 2, bias=False)
    nn.init.eye_(net.weight)
    history = fit(net, batches, batches, epochs=1, learning_rate=1e-9, **QUIET)
    assert history.train_accuracy[0] == pytest.approx(0.8)
    assert history.val_accuracy[0] == pytest.approx(0.8)


def test_without_validation_data_its_columns_are_nan_and_the_best_epoch_is_that_of_training() -> None:
    history = fit(small_net(), loaders()[0], epochs=2, **QUIET)
    assert np.isnan(history.val_loss).all()
    assert np.isnan(history.val_accuracy).all()
    assert history.best_epoch == history.train_loss.argmin()


def test_a_regression_has_losses_and_no_accuracy() -> None:
    batches = [(torch.rand(4, 2), torch.rand(4, 1))]
    history = fit(nn.Linear(2, 1), batches, batches, epochs=2, loss_function=nn.MSELoss(), **QUIET)
    assert np.isfinite(history.val_loss).all()
    assert np.isnan([history.train_accuracy, history.val_accuracy]).all()


def test_the_accuracy_of_a_net_with_auxiliary_heads_is_that_of_its_scores() -> None:
    class WithHead(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"scores": self.scale * x, "aux1": -self.scale * x}

    def loss(outputs: dict[str, Tensor], y: Tensor) -> Tensor:
        return nn.functional.cross_entropy(outputs["scores"], y)

    batch = torch.eye(3), torch.arange(3)
    history = fit(WithHead(), [batch], epochs=1, loss_function=loss, device="cpu", progress=False)
    assert history.train_accuracy.tolist() == [1.0]


def test_several_labels_an_image_have_no_accuracy() -> None:
    batches = [(torch.rand(4, 2), torch.ones(4, 2).long())]

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits(outputs, targets.float())

    assert np.isnan(fit(nn.Linear(2, 2), batches, epochs=1, loss_function=loss, **QUIET).train_accuracy[0])


def test_the_accuracy_of_a_segmentation_is_that_of_its_pixels() -> None:
    scores = torch.zeros(2, 2, 3, 3)
    scores[:, 1] = 1
    mask = torch.ones(2, 3, 3).long()
    mask[0, 0] = 0  # 3 of 18 pixels are wrong
    net = nn.Conv2d(2, 2, 1, bias=False)
    nn.init.dirac_(net.weight)
    assert fit(net, [(scores, mask)], epochs=1, **QUIET).train_accuracy[0] == pytest.approx(15 / 18)


def test_inputs_may_be_a_dictionary_and_outputs_several() -> None:
    class TwoHeads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
            return self.layer(inputs["a"]), self.layer(inputs["b"])

    def loss(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
        return sum(nn.functional.cross_entropy(output, targets) for output in outputs)

    batches = [({"a": torch.rand(4, 2), "b": torch.rand(4, 2)}, torch.tensor([0, 1, 1, 0]))]
    history = fit(TwoHeads(), batches, epochs=2, loss_function=loss, **QUIET)
    assert history.train_loss[1] < history.train_loss[0]


def test_dropout_is_off_in_validation() -> None:
    class Witness(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.modes = nn.Linear(2, 2), []

        def forward(self, x: Tensor) -> Tensor:
            self.modes.append((self.training, torch.is_grad_enabled()))
            return self.layer(x)

    net = Witness()
    fit(net, [*DataLoader(points(8), 4)], [*DataLoader(points(4), 4)], epochs=2, **QUIET)
    assert net.modes == 2 * [(True, True), (True, True), (False, False)]


def test_an_optimizer_of_ones_own_is_used_and_keeps_its_memory() -> None:
    net, twin = nn.Linear(2, 2), nn.Linear(2, 2)
    twin.load_state_dict(net.state_dict())
    loader = DataLoader(points(), 8)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for _ in range(2):
        fit(net, loader, epochs=1, optimizer=optimizer, **QUIET)
    fit(twin, loader, epochs=2, optimizer=torch.optim.SGD(twin.parameters(), lr=0.1, momentum=0.9), **QUIET)
    assert same_weights(net, twin)


def test_each_epoch_hands_its_history_on() -> None:
    seen: list[History] = []
    final = fit(small_net(), *loaders(), epochs=3, on_epoch_end=seen.append, **QUIET)
    assert [len(history.train_loss) for history in seen] == [1, 2, 3]
    assert np.array_equal(seen[-1].val_loss, final.val_loss)


# One seed rules a run


def draw_numbers() -> list[float]:
    return [random.random(), float(np.random.rand()), torch.rand(1).item()]


def test_the_same_seed_gives_the_same_run_whatever_was_drawn_before() -> None:
    net, again, other = small_net(), small_net(), small_net()
    one = fit(net, *loaders(), epochs=2, seed=3, **QUIET)
    draw_numbers()
    two = fit(again, *loaders(), epochs=2, seed=3, **QUIET)
    fit(other, *loaders(), epochs=2, seed=4, **QUIET)
    assert same_weights(net, again)
    assert np.array_equal(one.train_loss, two.train_loss)
    assert not same_weights(net, other)


def test_a_used_loader_gives_the_same_run_as_a_new_one() -> None:
    loader = DataLoader(points(), 8, shuffle=True, generator=torch.Generator().manual_seed(1))
    net, again = small_net(), small_net()
    fit(net, loader, epochs=2, **QUIET)
    list(loader)
    fit(again, loader, epochs=2, **QUIET)
    assert same_weights(net, again)


def test_a_sampler_with_its_own_generator_follows_the_seed() -> None:
    sampler = WeightedRandomSampler([0.5, 0.5] * 20, 40, generator=torch.Generator().manual_seed(1))
    net, again = small_net(), small_net()
    fit(net, DataLoader(points(), 8, sampler=sampler), epochs=2, **QUIET)
    list(sampler)
    fit(again, DataLoader(points(), 8, sampler=sampler), epochs=2, **QUIET)
    assert same_weights(net, again)


def test_every_epoch_has_its_own_order_and_its_own_dropout() -> None:
    class Witness(nn.Linear):
        seen: list[list[float]]

        def forward(self, x: Tensor) -> Tensor:
            self.seen.append(x[:, 0].tolist())
            return super().forward(x)

    net = Witness(2, 2)
    net.seen = []
    fit(net, DataLoader(points(), 40, shuffle=True), epochs=2, **QUIET)
    assert net.seen[0] != net.seen[1]
    assert sorted(net.seen[0]) == sorted(net.seen[1])


@pytest.mark.parametrize("call", ["fit", "predict", "broken fit"])
def test_the_random_numbers_of_the_caller_go_on_as_if_nothing_had_been_called(call: str) -> None:
    def seeded_loader() -> DataLoader[Any]:
        return DataLoader(points(), 8, shuffle=True, generator=torch.Generator().manual_seed(1))

    def broken(_: History) -> None:
        raise RuntimeError("broken")

    net = small_net()
    outcomes = []
    for called in (False, True):
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)
        loader = seeded_loader()
        if called and call == "fit":
            fit(net, loader, DataLoader(points(), 8, shuffle=True), epochs=1, **QUIET)
        elif called and call == "predict":
            predict(net, loader, device="cpu")
        elif called:
            with pytest.raises(RuntimeError, match="broken"):
                fit(net, loader, epochs=1, on_epoch_end=broken, **QUIET)
        outcomes.append((draw_numbers(), [labels.tolist() for _, labels in loader]))
    assert outcomes[0] == outcomes[1]


def test_flags_and_modes_are_put_back() -> None:
    cudnn = torch.backends.cudnn
    net = small_net()
    net[1].eval()  # a frozen layer
    before = (cudnn.benchmark, cudnn.deterministic, torch.are_deterministic_algorithms_enabled())
    fit(net, *loaders(), epochs=1, **QUIET)
    predict(net, loaders()[1], device="cpu")
    assert (cudnn.benchmark, cudnn.deterministic, torch.are_deterministic_algorithms_enabled()) == before
    assert [layer.training for layer in net] == [True, False, True, True, True]
    assert net.training


def test_a_trained_net_is_an_ordinary_net() -> None:
    net = small_net()
    fit(net, *loaders(), epochs=1, **QUIET)
    assert same_weights(copy.deepcopy(net), net)
    assert type(net) is nn.Sequential
    net(torch.rand(4, 2)).sum().backward()


# The early stop


def test_patience_stops_and_puts_the_best_weights_back() -> None:
    net, weights = small_net(), []
    history = fit(
        net, *[[*DataLoader(points(), 40)]] * 2, epochs=9, patience=2, loss_function=scripted([3, 2, 1, 2, 3, 0, 0, 0]),
        on_epoch_end=lambda _: weights.append(copy.deepcopy(net)), **QUIET,
    )  # fmt: skip
    assert history.val_loss.tolist() == [3, 2, 1, 2, 3]
    assert (history.best_epoch, history.stopped_early) == (2, True)
    assert same_weights(net, weights[2])
    assert not same_weights(net, weights[4])


def test_patience_puts_the_best_weights_back_also_when_all_epochs_were_run() -> None:
    net, weights = small_net(), []
    history = fit(
        net, *[[*DataLoader(points(), 40)]] * 2, epochs=3, patience=2, loss_function=scripted([3, 1, 2]),
        on_epoch_end=lambda _: weights.append(copy.deepcopy(net)), **QUIET,
    )  # fmt: skip
    assert (history.best_epoch, history.stopped_early) == (1, False)
    assert same_weights(net, weights[1])


def test_without_patience_the_last_weights_stay() -> None:
    net, weights = small_net(), []
    history = fit(
        net, *[[*DataLoader(points(), 40)]] * 2, epochs=4, loss_function=scripted([3, 1, 2, 3]),
        on_epoch_end=lambda _: weights.append(copy.deepcopy(net)), **QUIET,
    )  # fmt: skip
    assert (history.best_epoch, history.stopped_early) == (1, False)
    assert same_weights(net, weights[3])


def test_patience_that_ends_with_the_last_epoch_did_not_stop_early() -> None:
    data = [*DataLoader(points(), 40)]
    history = fit(small_net(), data, data, epochs=3, patience=2, loss_function=scripted([1, 2, 3]), **QUIET)
    assert history.stopped_early is False


def test_patience_watches_validation_data() -> None:
    with pytest.raises(ValueError, match="patience watches the validation loss: give a val_loader"):
        fit(small_net(), loaders()[0], epochs=2, patience=1, **QUIET)


# Numbers that are none


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_training_loss_that_is_no_number_stops_with_its_place(value: float) -> None:
    calls = []

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        calls.append(1)
        return nn.functional.cross_entropy(outputs, targets) + (value if len(calls) == 8 else 0)

    words = rf"the training loss is {value} in epoch 2, batch 3 \(step 8\): try a smaller learning rate"
    with pytest.raises(FloatingPointError, match=words):
        fit(small_net(), DataLoader(points(), 8), epochs=3, loss_function=loss, **QUIET)
    assert len(calls) == 8


def test_a_validation_loss_that_is_no_number_stops_with_its_place() -> None:
    data = [*DataLoader(points(), 40)]
    with pytest.raises(FloatingPointError, match="the validation loss is nan in epoch 3, batch 1:"):
        fit(small_net(), data, data, epochs=4, loss_function=scripted([2, 1, math.nan]), **QUIET)


def test_weights_that_the_last_update_of_an_epoch_spoilt_are_found() -> None:
    """The root of 0 is 0, and its slope is infinite: a good loss with a bad gradient."""

    def loss(outputs: Tensor, _: Tensor) -> Tensor:
        return (0 * outputs).abs().sqrt().sum()

    with pytest.raises(FloatingPointError, match=r"after its update a weight is nan in epoch 1, batch 1 \(step 1\)"):
        fit(nn.Linear(2, 2), [(torch.rand(4, 2), torch.zeros(4).long())], epochs=2, loss_function=loss, **QUIET)


def test_buffers_may_be_infinite() -> None:
    net = small_net()
    net.register_buffer("mask", torch.tensor([0.0, -math.inf]))
    fit(net, *loaders(), epochs=1, **QUIET)


# Wrong arguments


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"epochs": 0}, "epochs and patience are at least 1, .* got epochs=0"),
        ({"epochs": 1, "seed": -1}, "seed at least 0, .* seed=-1"),
        ({"epochs": 1, "learning_rate": 0}, "learning_rate above 0, got .*learning_rate=0"),
        ({"epochs": 1, "learning_rate": math.nan}, "learning_rate=nan"),
        ({"epochs": 1, "patience": 0}, "patience=0"),
    ],
)
def test_numbers_out_of_range_are_named(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fit(small_net(), *loaders(), **(QUIET | arguments))


@pytest.mark.parametrize("batch", [torch.rand(4, 2), (torch.rand(4, 2),), (torch.rand(4, 2), [0, 1, 0, 1])])
def test_a_loader_gives_pairs(batch: Any) -> None:
    for call in (lambda: fit(small_net(), [batch], epochs=1, **QUIET), lambda: predict(small_net(), [batch])):
        with pytest.raises(ValueError, match=r"a loader gives pairs \(inputs, targets tensor\), got"):
            call()


def test_a_loader_gives_at_least_one_batch() -> None:
    for call in (
        lambda: fit(small_net(), [], epochs=1, **QUIET),
        lambda: fit(small_net(), loaders()[0], [], epochs=1, **QUIET),
        lambda: predict(small_net(), []),
    ):
        with pytest.raises(ValueError, match="at least one batch, got none: is a part of the split empty"):
            call()


# Prediction


def test_predictions_are_numpy_in_the_order_of_the_loader() -> None:
    net, data = small_net(), points(20)
    predictions = predict(net, DataLoader(data, 8), device="cpu")
    net.eval()
    assert predictions.y_true.tolist() == data.tensors[1].tolist()
    assert predictions.scores.dtype == np.float32
    with torch.no_grad():
        expected = net(data.tensors[0])
    assert torch.allclose(torch.from_numpy(predictions.scores), expected, atol=1e-6)
    assert predictions.y_pred.tolist() == expected.argmax(dim=1).tolist()


def test_a_prediction_is_the_same_twice_and_changes_nothing() -> None:
    net = small_net()
    before = copy.deepcopy(net)
    one, two = (predict(net, loaders()[1], device="cpu").scores for _ in range(2))
    assert np.array_equal(one, two)
    assert same_weights(net, before)
    assert all(parameter.grad is None for parameter in net.parameters())


@pytest.mark.parametrize("training", [True, False])
def test_predicting_leaves_the_mode_as_it_was(training: bool) -> None:
    net = small_net().train(training)
    predict(net, loaders()[1], device="cpu")
    assert all(layer.training is training for layer in net.modules())


def test_predictions_of_pixels_have_a_class_for_each_pixel() -> None:
    predictions = predict(nn.Identity(), [(torch.rand(2, 3, 4, 5), torch.zeros(2, 4, 5).long())], device="cpu")
    assert predictions.y_pred.shape == predictions.y_true.shape == (2, 4, 5)
