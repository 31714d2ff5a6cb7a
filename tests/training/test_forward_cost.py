"""What one forward pass costs: memory by hand, times by number, and the machine as it was."""

import pytest
import torch
from torch import nn

from course_lib.models.zoo import build_quickly
from course_lib.training.forward_cost import ForwardCost, measure_forward


def test_the_memory_of_a_chain_is_its_two_largest_neighbours() -> None:
    net = nn.Sequential(*(nn.Conv2d(1, 1, 1) for _ in range(5)))
    assert measure_forward(net, torch.zeros(1, 1, 500, 500)).working_memory_mb == pytest.approx(2.0)


def test_weights_and_input_are_not_counted() -> None:
    assert measure_forward(nn.Linear(1000, 1), torch.zeros(5, 1000)).working_memory_mb < 0.001


def test_the_latency_is_the_median_of_the_processor_times() -> None:
    assert ForwardCost((0.5, 0.1, 0.2), (9.0, 9.0, 9.0), 0.0).latency == 0.2


def test_the_number_of_runs_and_of_threads_is_kept() -> None:
    threads = torch.get_num_threads()
    cost = measure_forward(nn.Linear(2, 2), torch.zeros(1, 2), runs=5)
    assert len(cost.seconds) == len(cost.clock_seconds) == 5
    assert torch.get_num_threads() == threads
    with pytest.raises(ValueError, match="at least 1"):
        measure_forward(nn.Linear(2, 2), torch.zeros(1, 2), runs=0)


def test_a_net_built_quickly_is_in_evaluation_mode_and_gives_finite_numbers() -> None:
    net = build_quickly(lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU()))
    assert not net.training
    assert torch.isfinite(net(torch.rand(1, 1, 8, 8))).all()
