"""The set-up files agree with each other, and the plain install is small and changes nothing of what Colab brings."""

import json
import re
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import distribution, distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BASE = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = {
    name: [Requirement(line) for line in lines if not line.startswith("course-lib[")]
    for name, lines in PROJECT["optional-dependencies"].items()
}


def _pins(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


PINS = _pins(ROOT / "constraints.txt")
COLAB = _pins(Path(__file__).parent / "colab_packages.txt")


@pytest.mark.parametrize(
    "requirement",
    BASE + [r for n in ("classroom", "cluster", "lab", "site", "slides", "dev") for r in EXTRAS[n]],
    ids=str,
)
def test_every_direct_dependency_is_pinned_within_its_bounds(requirement: Requirement) -> None:
    assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)])


INSTALLED = {canonicalize_name(one.name): Version(one.version).public for one in distributions()}


@pytest.mark.parametrize("name", [name for name, version in sorted(PINS.items()) if INSTALLED.get(name) == version])
def test_every_pin_installs_on_every_python_of_ours(name: str) -> None:
    """One pin that asks for a newer patch release sends pip searching for minutes (Debian 12 has 3.11.2)."""
    bounds = SpecifierSet(distribution(name).metadata.get("Requires-Python", ""))
    pythons = [
        python for python in ("3.11.0", "3.12.0", "3.13.0") if python in SpecifierSet(PROJECT["requires-python"])
    ]
    assert [python for python in pythons if python not in bounds] == []


def test_torch_is_pinned_to_the_tested_version() -> None:
    assert PINS["torch"] == "2.13.0"


def test_environment_yml_names_what_pyproject_names_in_the_versions_of_constraints() -> None:
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    by_pip = next(entry["pip"] for entry in dependencies if isinstance(entry, dict))
    listed = {}
    for entry in [*(e for e in dependencies if isinstance(e, str)), *by_pip]:
        match = re.fullmatch(r"([a-z0-9-]+)(?:==?)([\d.]+?)(?:\.\*)?", entry)
        if match:
            listed[canonicalize_name(match[1])] = match[2]
    wanted = {
        canonicalize_name(r.name)
        for r in BASE + [r for n in ("classroom", "cluster", "lab", "site", "slides", "dev") for r in EXTRAS[n]]
    }
    assert set(listed) == wanted
    for name, version in listed.items():
        parts = len(version.split("."))
        assert PINS[name].split(".")[:parts] == version.split("."), f"{name}: {version} here, {PINS[name]} pinned"
    assert f"python{PROJECT['requires-python']}" in dependencies
    assert "--editable .[dev]" in by_pip


@pytest.mark.parametrize("requirement", BASE, ids=str)
def test_colab_meets_every_lower_bound_of_the_plain_install(requirement: Requirement) -> None:
    name = canonicalize_name(requirement.name)
    assert name not in COLAB or requirement.specifier.contains(Version(COLAB[name]))


def test_the_plain_install_holds_no_tool_of_those_who_build_and_grade() -> None:
    tools = {"papermill", "jupyterlab", "dask", "distributed", "jupytext", "nbval", "nbclient", "ipykernel"}
    assert not tools & {canonicalize_name(r.name) for r in BASE}


@pytest.fixture(scope="module")
def colab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that pip takes for Colab's: every package of its list stands there as installed."""
    folder = tmp_path_factory.mktemp("colab")
    venv.create(folder, with_pip=False)
    packages = next(folder.glob("lib/python*/site-packages"))
    for name, version in COLAB.items():
        info = packages / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        info.joinpath("INSTALLER").write_text("pip\n")
        info.joinpath("RECORD").write_text("")
    return folder / "bin" / "python"


def _install_report(python: Path, *what: str) -> dict[str, str]:
    """What pip would install, and in which version, by pip's own report; nothing is installed."""
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--dry-run", "--quiet"]
    command += ["--disable-pip-version-check", "--report", "-", *what]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout[done.stdout.index("{") :])
    return {canonicalize_name(item["metadata"]["name"]): item["metadata"]["version"] for item in report["install"]}


@pytest.mark.registry
def test_the_plain_install_changes_none_of_colabs_packages(colab: Path) -> None:
    would_install = _install_report(colab, ".")
    assert "course-lib" in would_install
    changed = {name: (COLAB[name], version) for name, version in would_install.items() if name in COLAB}
    assert not changed, f"these would be changed on Colab (brought, installed): {changed}"


@pytest.mark.registry
def test_the_report_would_show_a_changed_package(colab: Path) -> None:
    assert _install_report(colab, "--no-deps", "tqdm>4.67.3")["tqdm"] != COLAB["tqdm"]
