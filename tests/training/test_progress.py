"""The line of progress in a notebook, in a log and in a terminal."""

import io
import sys
from typing import Any

import IPython
import pytest
import torch
from torch import nn

from course_lib.training import fit

BATCHES = [(torch.rand(8, 4), torch.arange(8) % 2)] * 3


def train(*, progress: bool) -> None:
    fit(nn.Linear(4, 2), BATCHES, BATCHES, epochs=2, device="cpu", progress=progress)


def test_no_line_is_shown_unless_wanted(capfd: pytest.CaptureFixture[str]) -> None:
    train(progress=False)
    assert capfd.readouterr() == ("", "")


def test_a_log_gets_whole_lines_the_last_with_the_results(capfd: pytest.CaptureFixture[str]) -> None:
    train(progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "\r" not in err
    last = err.splitlines()[-1]
    assert last.startswith("epoch 2/2: 100%")
    for name in ("train_loss 0.", "val_loss 0.", "train_accuracy 0.", "val_accuracy 0."):
        assert name in last
    assert len(err.splitlines()) <= 3


def test_a_terminal_gets_one_line_that_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    train(progress=True)
    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().split("\r")[-1].startswith("epoch 2/2: 100%")


def test_a_notebook_gets_one_display_that_is_written_over(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Shell:
        kernel = object()

    class Handle:
        def update(self, data: dict[str, str], *, raw: bool) -> None:
            shown.append(data)

    def display(data: dict[str, str], *, raw: bool, display_id: bool) -> Handle:
        assert display_id
        shown.append(data)
        return Handle()

    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(IPython, "get_ipython", lambda: Shell())
    monkeypatch.setattr("IPython.display.display", display)
    train(progress=True)
    assert capfd.readouterr() == ("", "")
    assert all(set(data) == {"text/plain"} for data in shown)
    assert shown[-1]["text/plain"].startswith("epoch 2/2: 100%")
    assert "val_accuracy" in shown[-1]["text/plain"]
