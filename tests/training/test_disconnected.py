"""A machine that goes away in the middle of a training, as Colab's do: the same call, made again, goes on."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

# The whole program of a learner, run once in a process that is killed and once more after that.
PROGRAM = """
import sys, time
import torch
from torch import nn
from course_lib.training import fit


class Slow(torch.utils.data.Dataset):
    looks, stops_at = 0, None
    points = torch.randn(12, 2, generator=torch.Generator().manual_seed(2))

    def __len__(self):
        return len(self.points)

    def __getitem__(self, place):
        Slow.looks += 1
        if Slow.looks == Slow.stops_at:
            print("stopped", flush=True)
            time.sleep(600)
        return self.points[place], int(self.points[place].sum() > 0)


def train(folder, on_epoch_end=None):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 8), nn.Dropout(0.3), nn.Linear(8, 2))
    loader = torch.utils.data.DataLoader(Slow(), 4, shuffle=True)
    settings = {"checkpoint_dir": folder, "device": "cpu", "progress": False, "on_epoch_end": on_epoch_end}
    return fit(net, loader, epochs=4, **settings), net
"""
IN_EPOCH_2, IN_EPOCH_4 = (f"Slow.stops_at = {looks}\ntrain(sys.argv[1])\n" for looks in (12 + 6, 36 + 6))
# As if the machine went while it writes the checkpoint of the third epoch.
WRITING = """
whole = torch.save

def save(checkpoint, path):
    whole(checkpoint, path)
    if len(checkpoint["log"]) == 3:
        path.write_bytes(path.read_bytes()[:100])
        print("stopped", flush=True)
        time.sleep(600)

torch.save = save
train(sys.argv[1])
"""


def killed(program: str, folder: Path) -> None:
    """Start a training in a process of its own, and kill that where it stands still."""
    command = [sys.executable, "-c", PROGRAM + program, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "stopped\n"
        process.kill()


@pytest.mark.parametrize(
    ("program", "wanted"),
    [(IN_EPOCH_2, [2, 3, 4]), (IN_EPOCH_4, [4]), (WRITING, [3, 4])],
    ids=["in epoch 2", "in epoch 4", "while writing"],
)
def test_the_same_call_goes_on_where_the_killed_process_was(tmp_path: Path, program: str, wanted: list[int]) -> None:
    killed(program, tmp_path / "run")
    names: dict[str, Any] = {}
    exec(PROGRAM, names)
    epochs: list[int] = []
    history, net = names["train"](tmp_path / "run", lambda history: epochs.append(len(history.train_loss)))
    assert epochs == wanted
    whole, other = names["train"](tmp_path / "whole")
    assert np.array_equal(history.train_loss, whole.train_loss)
    assert all(torch.equal(here, there) for here, there in zip(net.parameters(), other.parameters(), strict=True))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["last.ckpt"]
