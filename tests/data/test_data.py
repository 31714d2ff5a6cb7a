"""The front door of the data."""

import importlib
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from course_lib import data
from course_lib.data import phantoms
from course_lib.figures import galleries

HERE = Path(data.__file__).parent
FILES = {path.stem for path in HERE.glob("*.py")} - {"__init__"}
PHANTOMS = {path.stem for path in (HERE / "phantoms").glob("*.py")} - {"__init__"}
GALLERIES = {path.stem for path in Path(galleries.__file__).parent.glob("*.py")} - {"__init__"}


def _mapped(module: ModuleType) -> set[str]:
    return set(re.findall(r"^`(\w+)`", module.__doc__ or "", flags=re.MULTILINE))


def test_the_map_names_every_file_and_the_door_everything_in_them() -> None:
    assert _mapped(data) == FILES | {"phantoms"}
    names = [name for file in FILES - {"door"} for name in importlib.import_module(f"course_lib.data.{file}").__all__]
    assert sorted(names) == sorted(data.__all__)


def test_the_register_is_installed_with_the_library(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert "*.toml" in project["tool"]["setuptools"]["package-data"]["course_lib.data"]


def test_the_map_of_the_phantoms_names_every_file() -> None:
    assert _mapped(phantoms) == PHANTOMS


PARTS = set(re.findall(r"^`(\w+)`\s+`\w+`: ", phantoms.__doc__ or "", flags=re.MULTILINE))


@pytest.mark.parametrize("name", sorted(PHANTOMS - PARTS))
def test_a_phantom_says_that_it_is_one_and_what_it_lacks(name: str) -> None:
    words = importlib.import_module(f"course_lib.data.phantoms.{name}").__doc__ or ""
    assert "phantom" in words.casefold()
    assert "Lacks: " in words


def test_every_gallery_shows_a_phantom_and_has_its_card_and_its_figure(root: Path) -> None:
    assert GALLERIES <= PHANTOMS
    cards = "".join(path.read_text(encoding="utf-8") for path in (root / "datasets").glob("*.md"))
    for name in GALLERIES:
        assert f"course_lib.data.phantoms.{name}" in cards, f"no card in datasets/ names the phantom {name}"
    for figure in (root / "datasets" / "figures").glob("*.png"):
        assert f"](figures/{figure.name})" in cards, f"no card shows {figure.name}"
        assert figure.stat().st_size < 200_000
