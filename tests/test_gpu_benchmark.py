"""The benchmark for a GPU runs here too, on tiny nets, and says plainly what it cannot measure."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch


@pytest.fixture(scope="module")
def gpu() -> ModuleType:
    """The script, which is in no package."""
    path = Path(__file__).parent.parent / "benchmarks" / "gpu.py"
    spec = importlib.util.spec_from_file_location("gpu_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def run(gpu: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu.py", *arguments])
    gpu.main()


def test_tiny_nets_of_all_three_lessons_train_here(
    gpu: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "find_spec", lambda name: None)  # whether peers are here or not
    run(gpu, monkeypatch, "--device", "cpu", "--tiny", "--rounds", "1")
    lines = capsys.readouterr().out.splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| 1")]
    assert [row[0] for row in rows] == ["11", "15", "16"]
    for row in rows:
        before, after = map(float, row[2].split(" → "))
        assert after <= before
        assert float(row[3]) > 0
        assert 0 < float(row[5].split("%")[0]) < 100
        assert row[4] == "–"
        assert row[7:] == ["–", "–", "–"]
    (missing,) = (line for line in lines if line.startswith("No "))
    assert missing.startswith("No MONAI and no torchvision here, so nothing is compared with it: pip install --no-deps")


def test_the_peer_learns_by_the_same_loss(gpu: ModuleType) -> None:
    for make in gpu.CASES.values():
        case = make(True)
        torch.manual_seed(0)
        images, targets = case.data(2)
        scores = case.ours()(images)
        torch.testing.assert_close(case.loss(scores, targets), case.peer_loss(scores, targets))


def test_operations_of_the_full_nets_are_counted_without_calculating(gpu: ModuleType) -> None:
    sizes, operations = gpu.operations(gpu.chest_case(False).ours, (1, 1, 224, 224))
    other_head, two_channels_less = 14 * 1025 - 1000 * 1025, 2 * 64 * 7 * 7
    assert sum(torch.Size(size).numel() for size in sizes) == 7_978_856 + other_head - two_channels_less
    assert 3 * 2 * 2.7e9 < operations < 3 * 2 * 2.9e9  # forward once, back twice, two operations a product


def test_without_a_gpu_it_says_so_and_measures_nothing(
    gpu: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    run(gpu, monkeypatch)
    assert capsys.readouterr().out == gpu.NO_GPU + "\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--device", "cpu"], "--device cpu needs --tiny"), (["--tiny", "--rounds", "0"], "are at least 1")],
)
def test_what_makes_no_sense_is_refused(
    gpu: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    with pytest.raises(SystemExit):
        run(gpu, monkeypatch, *arguments)
    assert words in capsys.readouterr().err
