"""CI compares the outputs that are tagged for it: a changed number in such a cell makes it fail."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest


def _notebook(folder: Path, *, stored: str, tags: list[str]) -> Path:
    cell = nbformat.v4.new_code_cell("print(28 * 28 * 6)", metadata={"tags": tags}, execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=f"{stored}\n")]
    spec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    path = folder / "one.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": spec}), path)
    return path


@pytest.mark.parametrize(
    ("stored", "tags", "passes"),
    [
        ("4704", ["nbval-check-output"], True),
        ("4705", ["nbval-check-output"], False),
        ("4705", [], True),
    ],
    ids=["the right number", "a changed number", "a changed number that is not compared"],
)
def test_a_changed_number_in_a_compared_cell_fails(tmp_path: Path, stored: str, tags: list[str], passes: bool) -> None:
    path = _notebook(tmp_path, stored=stored, tags=tags)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode == 0) is passes, done.stdout
    assert passes or "4704" in done.stdout
