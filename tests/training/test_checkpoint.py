"""A run that is broken off and resumed is the run that was not, and no file leads to a traceback."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from course_lib.errors import CourseError
from course_lib.training import History, fit

QUIET: dict[str, Any] = {"device": "cpu", "progress": False}
COLUMNS = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")


class NoisyPoints(Dataset[tuple[Tensor, int]]):
    """Points of the plane that get new noise from NumPy each time they are looked at; counts the looks."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.points = torch.randn(24, 2, generator=torch.Generator().manual_seed(2))
        self.looks, self.fails_at = 0, fails_at

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        self.looks += 1
        if self.looks == self.fails_at:
            raise KeyboardInterrupt
        noise = torch.from_numpy(np.random.normal(scale=0.1, size=2)).float()
        return self.points[place] + noise, int(self.points[place].sum() > 0)


def small_net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))


def run(folder: Path | None, *, epochs: int, net: nn.Module | None = None, **options: Any) -> tuple[History, nn.Module]:
    net = small_net() if net is None else net
    data = options.pop("data", None) or NoisyPoints()
    train, val = DataLoader(data, 6, shuffle=True), DataLoader(NoisyPoints(), 6)
    settings = {"learning_rate": 0.02, "checkpoint_dir": folder} | QUIET | options
    return fit(net, train, val, epochs=epochs, **settings), net


def assert_same(one: tuple[History, nn.Module], other: tuple[History, nn.Module]) -> None:
    for column in COLUMNS:
        assert np.array_equal(getattr(one[0], column), getattr(other[0], column)), column
    assert (one[0].best_epoch, one[0].stopped_early) == (other[0].best_epoch, other[0].stopped_early)
    here, there = one[1].state_dict(), other[1].state_dict()
    assert all(torch.equal(here[name], there[name]) for name in here | there)


def test_a_checkpoint_changes_nothing_in_the_run(tmp_path: Path) -> None:
    assert_same(run(tmp_path, epochs=3), run(None, epochs=3))
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize("kept", [1, 4])
def test_a_resumed_run_is_bit_for_bit_the_run_that_was_not_interrupted(tmp_path: Path, kept: int) -> None:
    run(tmp_path, epochs=kept)
    torch.rand(7)
    np.random.rand(7)
    assert_same(run(tmp_path, epochs=5), run(None, epochs=5))


def test_a_run_with_momentum_and_patience_is_resumed_too(tmp_path: Path) -> None:
    def one_go(folder: Path | None, epochs: int) -> tuple[History, nn.Module]:
        net = small_net()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.3, momentum=0.9)
        return run(folder, epochs=epochs, net=net, optimizer=optimizer, patience=3)

    whole = one_go(None, 12)
    for epochs in (2, 4, 12):
        resumed = one_go(tmp_path, epochs)
    assert_same(resumed, whole)


@pytest.mark.parametrize("look", [1, 30, 70])
def test_a_run_that_a_person_interrupts_goes_on_from_its_last_whole_epoch(tmp_path: Path, look: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, epochs=4, data=NoisyPoints(fails_at=look))
    assert_same(run(tmp_path, epochs=4), run(None, epochs=4))


def test_seconds_of_kept_epochs_are_kept(tmp_path: Path) -> None:
    before, _ = run(tmp_path, epochs=2)
    after, _ = run(tmp_path, epochs=3)
    assert np.array_equal(after.seconds[:2], before.seconds)


def test_a_finished_run_comes_back_at_once_with_its_weights(tmp_path: Path) -> None:
    first, data = run(tmp_path, epochs=2), NoisyPoints()
    again = run(tmp_path, epochs=2, data=data)
    assert data.looks == 0
    assert_same(again, first)
    assert np.array_equal(again[0].seconds, first[0].seconds)


def test_a_run_that_patience_ended_comes_back_at_once(tmp_path: Path) -> None:
    options = {"patience": 1, "learning_rate": 2.0}
    first, data = run(tmp_path, epochs=30, **options), NoisyPoints()
    assert first[0].stopped_early
    assert_same(run(tmp_path, epochs=30, data=data, **options), first)
    assert data.looks == 0


def test_a_finished_run_can_be_trained_on(tmp_path: Path) -> None:
    run(tmp_path, epochs=2, patience=9)
    assert_same(run(tmp_path, epochs=4, patience=9), run(None, epochs=4, patience=9))


def test_a_loss_that_is_no_number_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    class Spoilt(NoisyPoints):
        def __getitem__(self, place: int) -> tuple[Tensor, int]:
            x, y = super().__getitem__(place)
            return (x * torch.nan if self.looks == 60 else x), y

    with pytest.raises(FloatingPointError, match="the training loss is nan in epoch 3, batch 2"):
        run(tmp_path, epochs=4, data=Spoilt())
    assert_same(run(tmp_path, epochs=2), run(None, epochs=2))


def test_a_hook_that_fails_leaves_the_checkpoint_of_its_epoch(tmp_path: Path) -> None:
    def fails(history: History) -> None:
        if len(history.train_loss) == 2:
            raise RuntimeError("no more paper")

    with pytest.raises(RuntimeError, match="no more paper"):
        run(tmp_path, epochs=4, on_epoch_end=fails)
    data = NoisyPoints()
    run(tmp_path, epochs=2, data=data)
    assert data.looks == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("disk full")])
def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Any) -> None:
    run(tmp_path, epochs=1)
    before = (tmp_path / "last.ckpt").read_bytes()

    def half_a_file(_: object, path: Path) -> None:
        path.write_bytes(before[:100])
        raise error

    monkeypatch.setattr(torch, "save", half_a_file)
    with pytest.raises((KeyboardInterrupt, OSError)):
        run(tmp_path, epochs=2)
    assert (tmp_path / "last.ckpt").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


# Files that are of no use


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_told_in_one_line(tmp_path: Path, share: float) -> None:
    run(tmp_path, epochs=1)
    path = tmp_path / "last.ckpt"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(
        CourseError, match=r"last\.ckpt is damaged, or not a checkpoint of fit: delete it, or name"
    ) as told:
        run(tmp_path, epochs=2)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("content", [[1, 2], {"weights": {}}, None])
def test_a_file_of_something_else_is_told_in_one_line(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "last.ckpt")
    with pytest.raises(CourseError, match="not a checkpoint of fit: delete it"):
        run(tmp_path, epochs=2)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    class Bad:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "touched",))

    (tmp_path / "last.ckpt").write_bytes(pickle.dumps(Bad()))
    with pytest.raises(CourseError, match="is damaged, or not a checkpoint"):
        run(tmp_path, epochs=2)
    assert not (tmp_path / "touched").exists()


def wider() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Dropout(0.3), nn.Linear(9, 2))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (wider, r"0\.weight is \(8, 2\) in it, \(9, 2\) in this net"),
        (lambda: nn.Sequential(*small_net(), nn.Linear(2, 2)), r"5\.weight is nothing in it, \(2, 2\) in this net"),
        (lambda: small_net()[:1], r"1\.weight is \(8,\) in it, nothing in this net"),
    ],
)
def test_a_checkpoint_of_another_net_is_told_in_one_line(tmp_path: Path, other: Any, words: str) -> None:
    run(tmp_path, epochs=1)
    with pytest.raises(CourseError, match=rf"last\.ckpt is of another net, {words}: delete it, or name another"):
        run(tmp_path, epochs=2, net=other())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": 1}, "seed was 0, is now 1"),
        ({"learning_rate": 0.01}, "lr was 0.02, is now 0.01"),
        ({"patience": 2}, "patience was None, is now 2"),
        ({"loss_function": nn.MultiMarginLoss()}, "loss_function was cross_entropy, is now MultiMarginLoss"),
    ],
)
def test_a_checkpoint_of_another_run_is_told_in_one_line(tmp_path: Path, options: Any, words: str) -> None:
    """Otherwise somebody changes the learning rate, runs again, and is shown the old curve."""
    run(tmp_path, epochs=1)
    with pytest.raises(CourseError, match=f"is of another run, {words}: set it back, or delete it, or name another"):
        run(tmp_path, epochs=2, **options)


def test_another_optimizer_is_another_run(tmp_path: Path) -> None:
    run(tmp_path, epochs=1)
    net = small_net()
    with pytest.raises(CourseError, match="is of another run, "):
        run(tmp_path, epochs=2, net=net, optimizer=torch.optim.SGD(net.parameters(), lr=0.02))


def test_a_checkpoint_with_more_epochs_than_asked_for_is_told_in_one_line(tmp_path: Path) -> None:
    run(tmp_path, epochs=3)
    with pytest.raises(CourseError, match=r"last\.ckpt has 3 epochs, wanted 2: ask for more, or delete it"):
        run(tmp_path, epochs=2)


def test_a_useless_checkpoint_leaves_the_net_as_it_was(tmp_path: Path) -> None:
    run(tmp_path, epochs=1)
    net = small_net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(CourseError):
        run(tmp_path, epochs=2, net=net, seed=9)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_the_folder_is_made(tmp_path: Path) -> None:
    run(tmp_path / "runs" / "first", epochs=1)
    assert (tmp_path / "runs" / "first" / "last.ckpt").is_file()
