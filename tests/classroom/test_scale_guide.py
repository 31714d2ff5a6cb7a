"""The page on many machines: the real command lines read its commands, its table comes out of its calculation."""

import ast
import contextlib
import io
import re
import shlex
from pathlib import Path

import dask
import pytest
from distributed.cli import dask_scheduler, dask_worker

from course_lib.classroom.cli import build_parser

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text("utf-8")
LINES = [line for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def commands(program):
    return [shlex.split(line, comments=True) for line in LINES if line.startswith(f"{program} ")]


@pytest.mark.parametrize("command", commands("course"), ids=" ".join)
def test_a_course_command_is_one_that_the_command_line_knows(command):
    build_parser().parse_args(command[1:])


def test_the_dask_commands_are_ones_that_dask_knows():
    known = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}
    assert [command[1] for command in commands("dask")] == ["scheduler", "worker"]
    for _, name, *arguments in commands("dask"):
        known[name].make_context(name, arguments)


def test_the_settings_are_ones_that_dask_knows():
    found = [word.split("=")[0] for words in commands("export") for word in words[1:]]
    assert len(found) == 8
    for name in found:
        dask.config.get(name.removeprefix("DASK_").lower().replace("__", "."))


def test_the_table_comes_out_of_the_calculation():
    *recipes, calculation = PYTHON
    for recipe in recipes:
        ast.parse(recipe)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(calculation, {})
    assert said.getvalue() in PAGE
    assert said.getvalue().count("\n|") > 4
