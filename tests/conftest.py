"""What all tests share: the course's root, and real medical data where COURSE_DATA_DIR points at them."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real medical data; tests that ask for it are left out, and counted, where there is none."""
    return Path(os.environ["COURSE_DATA_DIR"])


@pytest.fixture(autouse=True)
def _no_figure_stays_open() -> Iterator[None]:
    """Close what a test drew, so that the next one finds none."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave `tests/browser` to `make test-browser`, which names it."""
    named = any("browser" in argument for argument in config.args)
    return True if collection_path.name == "browser" and not named else None


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a parameter of bytes by its size: its content may hold a time of day, and every worker must agree."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests on real data where there are none; `pytest_terminal_summary` prints how many."""
    real = [item for item in items if "data_dir" in getattr(item, "fixturenames", ())]
    config.stash[REAL_DATA_COUNT] = len(real)
    if "COURSE_DATA_DIR" not in os.environ:
        for item in real:
            item.add_marker(pytest.mark.skip(reason="needs real medical data: COURSE_DATA_DIR is not set"))


REAL_DATA_COUNT = pytest.StashKey[int]()


def pytest_terminal_summary(terminalreporter, exitstatus: int, config: pytest.Config) -> None:
    """Print how many tests use real medical data, whether they ran or not."""
    ran = "ran" if "COURSE_DATA_DIR" in os.environ else "were left out: set COURSE_DATA_DIR to run them"
    # With several workers the collection happens in them; every worker collects the same tests.
    count = config.stash.get(REAL_DATA_COUNT, None)
    if count is None:
        count = getattr(config, "_real_data_count", 0)
    terminalreporter.write_line(f"{count} tests on real medical data {ran}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Hand the count from a worker to the process that prints the summary."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["real_data_count"] = session.config.stash.get(REAL_DATA_COUNT, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error) -> None:
    """Take the count from a worker."""
    node.config._real_data_count = getattr(node, "workeroutput", {}).get("real_data_count", 0)
