"""The descriptions for GitHub Actions can be read, and test nothing in another way than `make` and the README do."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent.parent
PATHS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in PATHS}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
# What only a runner needs: its own set-up, and the report.
OF_THE_RUNNER = r"sudo (apt-get|sysctl) |gh (label|issue) |number=\$\(gh issue |mkdir |\[ |printf |if |else$|fi$"
JOBS = [(name, key, job) for name, flow in WORKFLOWS.items() for key, job in flow["jobs"].items() if "steps" in job]
RUNS = [(f"{name}/{key}", step) for name, key, job in JOBS for step in job["steps"] if "run" in step]


def _on(flow: dict[Any, Any]) -> dict[str, Any]:
    return flow[True]  # YAML 1.1 reads the word `on` as true


def _steps(job: str) -> list[dict[str, Any]]:
    name, key = job.split("/")
    return WORKFLOWS[name]["jobs"][key]["steps"]


def test_there_are_two() -> None:
    assert list(WORKFLOWS) == ["tests", "weekly"]
    assert set(_on(WORKFLOWS["tests"])) == {"push", "pull_request", "workflow_call"}
    assert set(_on(WORKFLOWS["weekly"])) == {"schedule", "workflow_dispatch"}
    assert WORKFLOWS["weekly"]["jobs"]["pinned"]["uses"] == "./.github/workflows/tests.yml"


@pytest.mark.parametrize(("job", "step"), RUNS, ids=[f"{job}: {step['run'].split()[0]}" for job, step in RUNS])
def test_a_step_is_a_make_target_or_a_line_of_the_readme_or_the_runners_own(job: str, step: dict[str, Any]) -> None:
    for line in step["run"].splitlines():
        line = line.strip()
        if line.startswith("make "):
            (target,) = line.split()[1:]
            assert re.search(rf"^{target}:", MAKEFILE, flags=re.MULTILINE), f"{job}: the Makefile has no {target}"
        elif job in ("tests/macos", "tests/windows"):
            plain = line.replace(".venv\\Scripts\\", ".venv/bin/").replace("python -m venv", "python3 -m venv")
            assert plain in README or plain.replace(".venv/bin/", "$(BIN)/") in MAKEFILE, line
        else:
            assert re.match(OF_THE_RUNNER, line), f"{job}: {line}: wanted a make target"


def test_every_python_of_pyproject_is_tried_on_every_system_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = SpecifierSet(project["requires-python"])
    wanted = [f"3.{minor}" for minor in range(30) if f"3.{minor}" in bounds]
    jobs = WORKFLOWS["tests"]["jobs"]
    assert {job["runs-on"]: job["strategy"]["matrix"] for job in jobs.values()} == {
        f"{system}-latest": {"python": wanted} for system in ("ubuntu", "macos", "windows")
    }
    pythons = [step["with"]["python-version"] for step in _steps("weekly/newest") if "python" in str(step.get("uses"))]
    assert pythons == wanted[-1:]


def test_linux_tries_all_that_ci_has() -> None:
    made = [step["run"] for step in _steps("tests/linux") if step.get("run", "").startswith("make ")]
    assert made == ["make test", "make site"]
    (recipe,) = re.findall(r"^test:(.*?)(?=^\S)", MAKEFILE, flags=re.MULTILINE | re.DOTALL)
    assert {"test-browser", "test-colab"} <= set(recipe.split()), "a target that make test leaves out needs a step"


@pytest.mark.parametrize("name", list(WORKFLOWS))
def test_rights_are_least_and_runs_of_one_branch_do_not_pile_up(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}
    assert WORKFLOWS[name]["concurrency"]["group"].startswith(name)
    more = {key: job["permissions"] for key, job in WORKFLOWS[name]["jobs"].items() if "permissions" in job}
    assert more == ({"newest": {"contents": "read", "issues": "write"}} if name == "weekly" else {})


@pytest.mark.parametrize(("name", "key", "job"), JOBS, ids=[f"{name}/{key}" for name, key, _ in JOBS])
def test_a_job_ends_and_its_actions_are_of_a_major_version(name: str, key: str, job: dict[str, Any]) -> None:
    assert job["timeout-minutes"] <= 120
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", one) for one in used), used
    (python,) = (step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/setup-python@"))
    assert python["cache"] == "pip"
    assert (ROOT / python["cache-dependency-path"]).is_file()


def test_screenshots_are_kept_when_a_test_fails_too() -> None:
    (kept,) = (step for step in _steps("tests/linux") if "upload-artifact" in step.get("uses", ""))
    assert kept["if"] == "always()"
    assert kept["with"]["path"] == "runs/browser"


@pytest.fixture
def say(tmp_path: Path) -> Any:
    """Give a function that runs the step of the issue with a stand-in for gh, and returns what gh was asked."""
    assert shutil.which("bash")
    (step,) = (step for step in _steps("weekly/newest") if "GH_TOKEN" in step.get("env", {}))
    assert step["if"] == "failure()"

    def run(open_issue: str) -> list[str]:
        gh = tmp_path / "gh"
        gh.write_text(f'#!/bin/sh\necho "$1 $2" >> {tmp_path}/asked\n[ "$2" != list ] || echo "{open_issue}"\n')
        gh.chmod(0o755)
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "RUN": "https://example.org/run/1"}
        command = ["bash", "-e", "-o", "pipefail", "-c", step["run"]]
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
        return (tmp_path / "asked").read_text().splitlines()

    return run


@pytest.mark.parametrize(("open_issue", "last"), [("", "issue create"), ("7", "issue comment")])
def test_the_first_failure_opens_an_issue_and_the_next_ones_add_to_it(
    say: Any, tmp_path: Path, open_issue: str, last: str
) -> None:
    assert say(open_issue) == ["label create", "issue list", last]
    written = (tmp_path / "runs" / "newest.md").read_text()
    assert written.startswith("The newest releases could not even be installed.")
    assert written.endswith("The whole run: https://example.org/run/1\n")
