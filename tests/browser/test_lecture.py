"""Lecture 03 as a student meets it: opened, run from the first cell to the last, its explorers moved."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def notebook(open_notebook: Callable[[str], Any], record_seconds: Callable[[str, float], None]) -> Any:
    """Open the lecture, run all cells, and measure when the first figure and the end are there."""
    begin = time.monotonic()
    opened = open_notebook("notebooks/03_convolution.ipynb")
    opened.wait_until_ready()
    record_seconds("lecture 03, opened, its kernel ready", time.monotonic() - begin)
    code = [number for number, cell in enumerate(opened.cells) if cell.cell_type == "code"]
    figure = next(number for number in code if "figures.show(" in opened.cells[number].source)
    run = time.monotonic()
    opened.menu("Run", "Run All Cells")
    expect(opened.prompt(code[-1])).to_have_text("[*]:")
    opened.wait_until_run(figure)
    expect(opened.outputs(figure).locator("img")).to_be_visible()
    record_seconds("lecture 03, from opening to the first figure drawn here (15 asked)", time.monotonic() - begin)
    opened.wait_until_run(code[-1])
    opened.wait_until_ready()
    record_seconds("lecture 03, Run All (60 asked)", time.monotonic() - run)
    return opened


def test_run_all_shows_no_error(notebook: Any, pictures: Path) -> None:
    failed = []
    for number, cell in enumerate(notebook.save().cells):
        wrong = [one for one in cell.get("outputs", []) if one.output_type == "error" or one.get("name") == "stderr"]
        if "raises-exception" not in cell.metadata.get("tags", []):
            assert not wrong, f"cell {number}"
        elif wrong:
            failed.append(number)
    (meant,) = failed
    expect(notebook.outputs(meant)).to_contain_text("RuntimeError")
    notebook.outputs(meant).scroll_into_view_if_needed()
    notebook.photograph(pictures / "lecture 03, the cell that is meant to fail.png")


@pytest.mark.parametrize("name", ["convolution_explorer", "receptive_field_explorer"])
def test_its_explorers_move_by_keyboard_and_mouse(notebook: Any, name: str, pictures: Path) -> None:
    cell = next(number for number, cell in enumerate(notebook.cells) if f"{name}()" in cell.source)
    explorer = notebook.explorer(cell)
    happened = [explorer.move_by_keyboard(number) for number in range(explorer.controls.count())]
    assert set(happened) == {"redrawn"}
    before = explorer.pixels()
    explorer.drag(explorer.output.get_by_role("slider").first, 40)
    assert explorer.reaction(before) == "redrawn"
    notebook.photograph(pictures / f"lecture 03, {name.replace('_', ' ')} moved.png")


def test_nobody_else_has_an_explorer_there(notebook: Any) -> None:
    assert sum("_explorer(" in cell.source for cell in notebook.cells if cell.cell_type == "code") == 2
