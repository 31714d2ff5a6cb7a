"""The order of numbers in memory is chosen by time, and choosing leaves no trace."""

import copy
import itertools

import pytest
import torch
from torch import Tensor, nn

from course_lib.training import faster_memory_format


class _Recorder(nn.Module):
    """Writes down the order of each batch, and needs as long as it is told."""

    def __init__(self, seconds: dict[str, float]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.dropout = nn.Dropout(0.5)
        self.seconds = seconds
        self.now = [0.0]
        self.met: list[str] = []

    def __deepcopy__(self, memo: dict[int, object]) -> "_Recorder":
        twin = _Recorder(self.seconds)
        twin.load_state_dict(self.state_dict())
        twin.now, twin.met = self.now, self.met
        return twin

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        order = "contiguous" if x.is_contiguous() else "channels last"
        self.met.append(order)
        self.now[0] += self.seconds[order]
        scores = self.dropout(self.norm(self.conv(x))).mean((2, 3))
        return {"scores": scores, "aux1": scores}

    def clock(self) -> float:
        return self.now[0]


@pytest.mark.parametrize(
    ("contiguous", "channels_last", "wanted"),
    [
        (2.0, 1.0, torch.channels_last),
        (1.0, 2.0, torch.contiguous_format),
        (1.0, 1.0, torch.contiguous_format),
        (1.04, 1.0, torch.contiguous_format),
        (1.06, 1.0, torch.channels_last),
    ],
)
def test_the_faster_is_named_and_a_draw_changes_nothing(contiguous, channels_last, wanted) -> None:
    model = _Recorder({"contiguous": contiguous, "channels last": channels_last})
    assert faster_memory_format(model, torch.rand(2, 3, 8, 8), rounds=3, clock=model.clock) is wanted
    assert model.met == ["contiguous", "channels last"] * 4  # in turns, the first round only prepares


def test_one_slow_pass_does_not_decide() -> None:
    durations = itertools.chain([1.0] * 2, [9.0], itertools.repeat(1.0))  # the first that counts is slow
    ends = itertools.accumulate(itertools.chain.from_iterable((0.0, seconds) for seconds in durations))
    model, images = nn.Conv2d(3, 4, 3), torch.rand(2, 3, 8, 8)
    assert faster_memory_format(model, images, clock=lambda: next(ends)) is torch.contiguous_format


def test_model_images_and_random_numbers_stay_as_they_were() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.LazyLinear(2))
    images = torch.rand(2, 3, 8, 8)
    model(images)
    before, random = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    assert faster_memory_format(model, images, rounds=1) in (torch.contiguous_format, torch.channels_last)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model[0].weight.is_contiguous()
    assert torch.equal(torch.get_rng_state(), random)


@pytest.mark.parametrize(("slow", "wanted"), [(0, torch.channels_last_3d), (1, torch.contiguous_format)])
def test_volumes_are_timed_too(slow: int, wanted: torch.memory_format) -> None:
    durations = itertools.cycle([9.0 if turn == slow else 1.0 for turn in range(2)])
    ends = itertools.accumulate(itertools.chain.from_iterable((0.0, seconds) for seconds in durations))
    volumes = torch.rand(1, 1, 4, 4, 4)
    assert faster_memory_format(nn.Conv3d(1, 1, 3), volumes, clock=lambda: next(ends)) is wanted


def test_no_round_is_refused() -> None:
    with pytest.raises(ValueError, match="rounds is at least 1, got 0"):
        faster_memory_format(nn.Conv2d(3, 4, 3), torch.rand(2, 3, 8, 8), rounds=0)


def test_what_is_neither_images_nor_volumes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(B, C, H, W\) or \(B, C, D, H, W\), got \(4, 3\)"):
        faster_memory_format(nn.Linear(3, 2), torch.rand(4, 3))
