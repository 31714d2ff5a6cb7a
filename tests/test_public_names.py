"""The public door of every module: `__all__` complete, sorted and documented."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "course_lib"
MODULES = sorted(
    ".".join(["course_lib", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
)


def _order(name: str) -> tuple[int, list[tuple[str, int]]]:
    """Constants, then classes, then functions, each by the alphabet, 18 before 101: the order that ruff keeps."""
    words = [(word, int(number or -1)) for word, number in re.findall(r"(\D*)(\d*)", name)]
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), words


@pytest.mark.parametrize("name", MODULES)
def test_the_door_is_sorted_and_leads_somewhere(name: str) -> None:
    module = importlib.import_module(name)
    assert inspect.getdoc(module), f"{name} has no docstring"
    names = list(getattr(module, "__all__", []))
    assert names == sorted(set(names), key=_order), f"{name}.__all__ is not sorted, or names something twice"
    missing = [item for item in names if not hasattr(module, item)]
    assert not missing, f"{name}.__all__ names what is not there: {missing}"


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_stands_in_the_door_and_is_documented(name: str) -> None:
    module = importlib.import_module(name)
    own = {
        key: value
        for key, value in vars(module).items()
        if not key.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == name
    }
    assert set(own) <= set(getattr(module, "__all__", [])), f"{name}.__all__ lacks {set(own) - set(module.__all__)}"
    undocumented = [key for key, value in own.items() if not inspect.getdoc(value)]
    assert not undocumented, f"{name}: no docstring for {undocumented}"
