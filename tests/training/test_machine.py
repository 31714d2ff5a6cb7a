"""Which device and precision are chosen, and that the import stays light."""

import logging
import subprocess
import sys
from typing import Any

import lightning_fabric
import numpy as np
import pytest
import torch
from torch import nn

from course_lib.training import fit, predict
from course_lib.training.machine import make_fabric

BATCHES = [(torch.rand(8, 4, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 2)]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pretend to be on a machine with these parts; answers what Fabric was asked for."""

    def pretend(*, cuda: bool, mps: bool, bf16: bool) -> Any:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16 or including_emulation)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(lightning_fabric, "Fabric", lambda **asked: (asked["accelerator"], asked["precision"]))

    return pretend


@pytest.mark.parametrize(
    ("cuda", "mps", "bf16", "expected"),
    [
        (True, True, True, ("cuda", "bf16-mixed")),
        (True, False, False, ("cuda", "32-true")),  # a T4 of Colab, which only imitates bfloat16
        (False, True, True, ("mps", "32-true")),
        (False, False, True, ("cpu", "32-true")),
    ],
)
def test_the_machine_chooses_device_and_precision(
    machine: Any, cuda: bool, mps: bool, bf16: bool, expected: Any
) -> None:
    machine(cuda=cuda, mps=mps, bf16=bf16)
    assert make_fabric("auto", "auto") == expected


def test_a_person_may_choose_otherwise(machine: Any) -> None:
    machine(cuda=True, mps=False, bf16=True)
    assert make_fabric("cpu", "auto") == ("cpu", "32-true")
    assert make_fabric("cuda", "32-true") == ("cuda", "32-true")
    assert make_fabric("cpu", "bf16-mixed") == ("cpu", "bf16-mixed")


@pytest.mark.parametrize("device", ["cuda", "gpu", "", "mps"])
def test_a_device_that_is_not_there_is_named_with_those_that_are(machine: Any, device: str) -> None:
    machine(cuda=False, mps=False, bf16=False)
    with pytest.raises(ValueError, match=rf"'auto' or one that this machine has \(cpu\), got '{device}'"):
        make_fabric(device, "auto")


def test_an_unknown_precision_is_named() -> None:
    with pytest.raises(ValueError, match=r"precision is 'auto', '32-true' or 'bf16-mixed', got '16'"):
        make_fabric("cpu", "16")


def test_a_net_learns_in_mixed_precision_and_its_weights_stay_float32() -> None:
    torch.manual_seed(0)
    net = nn.Linear(4, 2)
    settings: dict[str, Any] = {"device": "cpu", "precision": "bf16-mixed"}
    history = fit(net, BATCHES, BATCHES, epochs=5, learning_rate=0.05, progress=False, **settings)
    assert history.train_loss[-1] < history.train_loss[0]
    assert net.weight.dtype == torch.float32
    mixed, full = predict(net, BATCHES, **settings), predict(net, BATCHES, device="cpu")
    assert mixed.scores.dtype == np.float32
    assert mixed.scores != pytest.approx(full.scores, abs=1e-6)
    assert mixed.scores == pytest.approx(full.scores, abs=0.05)


def test_fabric_announces_nothing_and_its_log_is_put_back(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("lightning_fabric")
    before = log.level
    with caplog.at_level(logging.INFO):
        fit(nn.Linear(4, 2), BATCHES, epochs=1, device="cpu", precision="bf16-mixed", progress=False)
    assert not caplog.records
    assert log.level == before


def test_importing_the_training_room_does_not_load_fabric() -> None:
    code = "import sys, course_lib.training; sys.exit('lightning_fabric' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU of NVIDIA")
def test_on_a_gpu_the_net_comes_home_and_a_seed_repeats() -> None:
    histories, nets = [], []
    for _ in range(2):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(8 * 36, 2))
        optimizer = torch.optim.Adam(net.parameters())
        batches = [(torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(1)), torch.arange(16) % 2)]
        histories.append(fit(net, batches, batches, epochs=3, optimizer=optimizer, device="cuda", progress=False))
        nets.append(net)
        assert {value.device.type for value in net.state_dict().values()} == {"cpu"}
        assert {state["exp_avg"].device.type for state in optimizer.state.values()} == {"cpu"}
    assert np.array_equal(histories[0].train_loss, histories[1].train_loss)
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))
