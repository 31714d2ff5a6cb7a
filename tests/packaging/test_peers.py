"""The published nets beside torchvision's, in an environment of its own; the library itself never needs torchvision."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from course_lib.models.weights import PUBLISHED

HERE = Path(__file__).parent
TORCHVISION = "torchvision==0.28.0"  # the release that belongs to the pinned torch


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds torchvision alone: without its dependencies it leaves this environment as it is."""
    folder = tmp_path_factory.mktemp("peers")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run([*command, "--target", folder, TORCHVISION], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def compared(peers: Path) -> dict[str, dict[str, Any]]:
    """What the comparison says of each net."""
    environment = os.environ | {"PYTHONPATH": str(peers), "OMP_NUM_THREADS": "1"}
    script = HERE / "compare_with_torchvision.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}


@pytest.mark.registry
def test_with_the_same_weights_our_nets_score_as_torchvisions(compared: dict[str, dict[str, Any]]) -> None:
    assert set(compared) == set(PUBLISHED)  # so each of them loaded our state dict strictly
    too_far = {name: row["difference"] for name, row in compared.items() if not row["difference"] <= 1e-5}
    assert not too_far
    assert all(row["same_order"] for row in compared.values())


@pytest.mark.registry
def test_the_table_of_published_files_is_torchvisions(compared: dict[str, dict[str, Any]]) -> None:
    for name, published in PUBLISHED.items():
        row = compared[name]
        assert published.url == row["url"]
        assert published.size_pixels == row["size_pixels"]
        if name not in ("googlenet", "inception_v3"):  # torchvision's own two rescale to −1 … 1 in their forward
            assert list(published.mean) == row["mean"]
            assert list(published.std) == row["std"]
