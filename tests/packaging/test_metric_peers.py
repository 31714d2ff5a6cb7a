"""Every metric beside the libraries of its field, in a folder of their own; this library needs none of them.

Each script `compare_<topic>.py` prints lines {"name", "difference"}, where a peer keeps float32 also a "tolerance".
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCRIPTS = sorted(set(HERE.glob("compare_*.py")) - {HERE / "compare_with_torchvision.py"})
PEERS = ("lifelines==0.30.3", "MedPy==0.5.2", "monai==1.6.1", "scikit-survival==0.28.0", "SimpleITK==2.5.7")
# What they import and this environment lacks. Without further dependencies torch and numpy stay the pinned ones.
THEIR_NEEDS = (
    *("autograd==1.9.1", "autograd-gamma==0.5.0", "ecos==2.0.14", "formulaic==1.2.2", "interface-meta==2.0.1"),
    *("numexpr==2.14.2", "osqp==1.1.3", "pandas==2.3.3", "patsy==1.0.3", "pytz==2026.6", "statsmodels==0.15.0"),
    "wrapt==2.5.2",
)


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the peers alone."""
    folder = tmp_path_factory.mktemp("metric_peers")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--target", str(folder), *PEERS, *THEIR_NEEDS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.registry
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem.removeprefix("compare_"))
def test_metrics_are_those_of_the_libraries_of_the_field(peers: Path, script: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(peers), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows, f"{script.name} compared nothing"
    assert all(row.get("tolerance", 1e-9) <= 1e-5 for row in rows)
    too_far = {row["name"]: row["difference"] for row in rows if not row["difference"] <= row.get("tolerance", 1e-9)}
    assert not too_far
