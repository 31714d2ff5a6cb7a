"""Signals by layer: worked by hand on one weight, and the net is left as it came."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.training.signals import measure_signals, without_batch_norm


def test_signal_and_gradient_of_one_weight_are_those_worked_by_hand() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.Flatten())
    nn.init.zeros_(net[0].weight)
    found = measure_signals(net, torch.tensor([3.0, 5.0]).reshape(2, 1, 1, 1), torch.tensor([0, 0]))
    assert found.signal == pytest.approx([np.sqrt((9 + 25) / 2)])
    # both scores are 0: the loss is log 2, its gradient by the scores ±1/2, by the weights ±1/2 times the mean of x, 4
    assert found.loss == pytest.approx(np.log(2))
    assert found.gradient == pytest.approx([np.hypot(2, 2)])


def test_layers_come_in_the_order_in_which_they_are_applied() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.second = nn.Conv2d(3, 2, 1)
            self.first = nn.Conv2d(1, 3, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second(100 * self.first(x)).flatten(1)

    signal = measure_signals(Backwards(), torch.ones(2, 1, 1, 1), torch.tensor([0, 1])).signal
    assert signal[0] == 1
    assert signal[1] > 5


def test_the_net_stays_as_it_is() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.Flatten()).eval()
    net[1].train()
    before = copy.deepcopy(net.state_dict())
    with torch.no_grad():  # measured all the same
        measure_signals(net, torch.rand(4, 1, 1, 1), torch.tensor([0, 1, 0, 1]))
    with pytest.raises(ValueError, match="batch_size"):  # where it breaks off too
        measure_signals(net, torch.rand(4, 1, 1, 1), torch.tensor([0]))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert [module.training for module in net.modules()] == [False, False, True, False]
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not net[0]._forward_pre_hooks


def test_batch_normalisation_is_measured_as_it_trains() -> None:
    net = nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 2, 1), nn.Flatten()).eval()
    net[0].running_mean += 100
    found = measure_signals(net, torch.rand(4, 1, 1, 1), torch.tensor([0, 1, 0, 1]))
    assert found.signal == pytest.approx([1], rel=1e-3)


def test_a_net_without_convolutions_is_refused() -> None:
    with pytest.raises(ValueError, match="with convolutions, got Sequential"):
        measure_signals(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), torch.rand(2, 1, 2, 2), torch.tensor([0, 1]))


def test_without_batch_norm_nothing_else_changes() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(nn.BatchNorm2d(2), nn.ReLU()))
    bare = without_batch_norm(net)
    assert [type(module).__name__ for module in bare.modules() if not list(module.children())] == [
        "Conv2d",
        "Identity",
        "ReLU",
    ]
    assert torch.equal(bare[0].weight, net[0].weight)
    assert isinstance(net[1][0], nn.BatchNorm2d)
