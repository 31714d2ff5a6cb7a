"""A small course on disk, made anew for each test; classes of hostile submissions, graded together."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
MARKS = {"double": 4.0, "counter": 2.0, "answer": 1.0}
"""Full marks of the tasks in 01_doubling.txt."""


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


@pytest.fixture(scope="session")
def doubling(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A lesson of three small tasks."""
    from course_lib.classroom.lesson import read_lesson

    path = tmp_path_factory.mktemp("solutions") / "01_doubling.py"
    path.write_text((NOTEBOOKS / "01_doubling.txt").read_text())
    return read_lesson(path)


@pytest.fixture(scope="session")
def grade_many(doubling: Any) -> Callable[..., dict[str, Any]]:
    """Give a function that grades one class: name → cells, and the folder for what was executed; name → result."""
    from course_lib.classroom.grading import GradingPlan
    from course_lib.classroom.sandbox import SandboxLimits
    from course_lib.classroom.session import TimeLimits
    from course_lib.classroom.submission import Submission
    from course_lib.classroom.workers import grade_class

    plan = GradingPlan(
        times=TimeLimits(cell_s=3, call_s=2, submission_s=60),
        limits=SandboxLimits(memory_mb=4_096, resident_mb=800, disk_mb=32, cpu_seconds=60),
    )

    def grade(cases: Mapping[str, list[str]], folder: Path) -> dict[str, Any]:
        class_ = [
            Submission(name, f"page-{place}", folder / "x.ipynb", tuple(("code", cell) for cell in cells), name)
            for place, (name, cells) in enumerate(cases.items())
        ]
        results = {one.student: one for one in grade_class(doubling, class_, plan=plan, executed=folder, workers=2)}
        assert set(results) == set(cases)
        return results

    return grade
