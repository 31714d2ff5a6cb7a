"""README's four ways are walked: each recipe's commands are run as they stand, but for ports and folders."""

import csv
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SECTION = (ROOT / "README.md").read_text(encoding="utf-8").split("## Choose your way")[1].split("\n## ")[0]
RECIPES = {
    name: [line.split("#")[0].strip() for line in block.splitlines()]
    for name, block in re.findall(r"^\*\*([^*]+)\*\*.*?```bash\n(.*?)```", SECTION, flags=re.DOTALL | re.MULTILINE)
}
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def run(command: str) -> None:
    done = subprocess.run(
        command, shell=True, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def test_there_are_four_short_recipes() -> None:
    assert list(RECIPES) == ["A student, at a desk.", "An instructor.", "On Colab.", "CI."]
    assert all(len(commands) <= 2 for commands in RECIPES.values())


def test_the_students_way_opens_jupyterlab() -> None:
    (command,) = RECIPES["A student, at a desk."]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    desk = subprocess.Popen(
        [*command.split(), f"PORT={port}", "NO_BROWSER=1", f"VENV={Path(sys.executable).parents[1]}"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert answers(f"http://127.0.0.1:{port}/api", desk), f"nothing answers at {port}"
    finally:
        os.killpg(desk.pid, signal.SIGTERM)
        said = desk.communicate(timeout=60)[0]
    assert re.search(rf"127\.0\.0\.1:{port}/lab/tree/\S+\.ipynb", said), said[-3_000:]


def answers(address: str, desk: "subprocess.Popen[str]") -> bool:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and desk.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            time.sleep(0.2)
    return False


@pytest.mark.sandbox
def test_the_instructors_way_ends_in_marks_and_in_an_nbgrader_course(tmp_path: Path) -> None:
    grade, build = RECIPES["An instructor."]
    (tmp_path / "submissions").mkdir()
    shutil.copy(ROOT / "exercises" / "03_convolution.ipynb", tmp_path / "submissions" / "untouched.ipynb")
    shutil.copy(ROOT / "solutions" / "03_convolution.ipynb", tmp_path / "submissions" / "right.ipynb")
    run(re.sub(r" (submissions|marks)\b", rf" {tmp_path}/\1", grade))
    with (tmp_path / "marks" / "results.csv").open(newline="") as file:
        points = {row["student"]: (float(row["points"]), float(row["max_points"])) for row in csv.DictReader(file)}
    assert points["untouched"][0] == 0
    assert points["right"][0] == points["right"][1] > 0
    run(build.replace("my_course", str(tmp_path / "my_course")))
    assert (tmp_path / "my_course" / "source" / "03_convolution" / "03_convolution.ipynb").is_file()


def test_the_way_to_colab_and_that_of_ci_are_what_ci_runs() -> None:
    """`course build` has nothing to do where `make check`, which CI runs first, finds every notebook current."""
    build, test_colab = RECIPES["On Colab."]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipes = dict(re.findall(r"^(\S+):(.*?)(?=^\S|\Z)", makefile, flags=re.MULTILINE | re.DOTALL))
    assert f"$(BIN)/{build} --check" in recipes["check"]
    assert {"check", test_colab.removeprefix("make ")} <= set(recipes["test"].split())
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().endswith(RECIPES["CI."][0])
