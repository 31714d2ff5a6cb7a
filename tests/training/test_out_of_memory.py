"""A GPU whose memory is full: the batch is taken in parts, a line says so, and the net learns the same."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from course_lib.training import fit

IMAGES = torch.randn(24, 3, generator=torch.Generator().manual_seed(0))
LABELS = (IMAGES.sum(1) > 0).long()


class Cramped(nn.Module):
    """A layer in which so many images find room and no more."""

    def __init__(self, room: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.room, self.seen = nn.Linear(3, 2), room, []

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.seen.append(len(x))
        return self.layer(x)


def train(room: int, batch_size: int) -> tuple[Any, Cramped]:
    net = Cramped(room)
    batches = list(zip(IMAGES.split(batch_size), LABELS.split(batch_size), strict=True))
    return fit(net, batches, epochs=2, learning_rate=0.05, device="cpu", progress=False), net


def test_a_batch_without_room_is_halved_until_it_has_and_a_line_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    history, net = train(4, 12)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("The GPU's memory is full in epoch 1, batch 1 (step 1): in this epoch each batch is")
    assert [line.rsplit(" ", 2)[1] for line in said] == ["2", "4", "2", "4"]
    assert set(net.seen) == {3}
    whole, other = train(99, 12)
    assert history.train_loss == pytest.approx(whole.train_loss, rel=1e-5)
    assert history.train_accuracy == pytest.approx(whole.train_accuracy)
    for here, there in zip(net.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(here, there, rtol=1e-4, atol=1e-6)


def test_with_room_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    train(12, 12)
    assert capsys.readouterr().out == ""


def test_one_image_without_room_is_an_error_all_the_same() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        train(0, 12)
