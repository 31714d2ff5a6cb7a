"""The front door of the data."""

import importlib
import re
import tomllib
from pathlib import Path

from course_lib import data

FILES = {path.stem for path in Path(data.__file__).parent.glob("*.py")} - {"__init__"}


def test_the_map_names_every_file_and_the_door_everything_in_them() -> None:
    assert set(re.findall(r"^`(\w+)`", data.__doc__ or "", flags=re.MULTILINE)) == FILES
    names = [name for file in FILES for name in importlib.import_module(f"course_lib.data.{file}").__all__]
    assert sorted(names) == sorted(data.__all__)


def test_the_register_is_installed_with_the_library(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert "*.toml" in project["tool"]["setuptools"]["package-data"]["course_lib.data"]
