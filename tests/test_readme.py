"""README stays true: its commands exist and parse, its files are there."""

import re
import shlex
from pathlib import Path

import pytest

from course_lib.classroom.cli import build_parser

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = [line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines() if line.strip()]
INLINE = [code for code in re.findall(r"`([^`\n]+)`", README) if code.startswith(("make ", "course "))]
MAKE = sorted({c for c in COMMANDS + INLINE if c.startswith("make ")})
COURSE = sorted({c for c in COMMANDS + INLINE if c.startswith("course ")})


@pytest.mark.parametrize("command", MAKE)
def test_a_make_command_of_the_readme_has_its_target(command: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    target = shlex.split(command)[1]
    assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), f"README: `{command}`; the Makefile has no {target}"


@pytest.mark.parametrize("command", COURSE)
def test_a_course_command_of_the_readme_is_understood(command: str) -> None:
    build_parser().parse_args(shlex.split(command)[1:])


def test_the_readme_has_commands_of_both_kinds() -> None:
    assert len(MAKE) >= 6
    assert len(COURSE) >= 6


def test_the_two_commands_stand_first() -> None:
    assert [line.split()[:2] for line in COMMANDS[:2]] == [["make", "lab"], ["make", "test"]]


def test_every_lesson_stands_in_the_table_of_lessons() -> None:
    for source in sorted((ROOT / "notebooks").glob("*.py")):
        assert f"| `{source.stem}` |" in README


def test_every_path_of_the_readme_exists() -> None:
    paths = re.findall(r"`((?:[\w.-]+/)*[\w.-]+\.(?:md|py|yml|txt|ipynb)|[\w-]+/)`", README)
    missing = [path for path in paths if not (ROOT / path.replace("NN_topic", "03_convolution")).exists()]
    examples = {
        "NN_topic.py",
        "NN_topic.ipynb",
        "index.html",
        "results.csv",
        "ada.ipynb",
        "ada/03_convolution.ipynb",
        "marks/",
    }
    assert set(missing) <= examples


def test_ci_runs_the_readmes_test_command() -> None:
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().endswith("make test")
