"""A small course on disk, made anew for each test."""

from collections.abc import Callable
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


@pytest.fixture(scope="session")
def example_source() -> str:
    """An exercise in percent text with one of everything."""
    return (NOTEBOOKS / "01_sizes.txt").read_text(encoding="utf-8")


@pytest.fixture
def make_course(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes a course: sources by their path, such as `{"solutions/01_sizes.py": text}`."""

    def make(sources: dict[str, str], *, repository: str = "") -> Path:
        root = tmp_path / "course"
        for folder in ("notebooks", "solutions", "exercises"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "pyproject.toml").write_text(f'[tool.course]\nrepository = "{repository}"\n', encoding="utf-8")
        for name, text in sources.items():
            (root / name).write_text(text, encoding="utf-8")
        return root

    return make
