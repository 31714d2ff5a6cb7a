"""A student's whole way: answer wrongly, read the hint, answer rightly, save, hand in; then the mark and its page."""

import csv
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect

from course_lib.classroom.lesson import read_lesson

TOPIC = "03_convolution"


def grade(root: Path, submissions: Path, out: Path) -> list[dict[str, str]]:
    """Run the installed command as a teacher does, and read the marks it wrote."""
    command = [Path(sys.executable).with_name("course"), "grade", TOPIC, submissions, "--out", out, "--root", root]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    with (out / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_from_a_wrong_answer_to_the_mark(
    open_notebook: Callable[[str], Any], browser: Browser, root: Path, pictures: Path, tmp_path: Path
) -> None:
    slide, output_size = read_lesson(root / "solutions" / f"{TOPIC}.py").tasks[:2]
    wrong, right = slide.wrongs[0], slide.rights[0]
    notebook = open_notebook(f"exercises/{TOPIC}.ipynb")
    notebook.wait_until_ready()
    task, check, check_2 = (notebook.number(name) for name in ("task-slide", "check-slide", "check-slide-2"))
    notebook.run(notebook.number("setup"))

    notebook.write(task, wrong.source)
    notebook.run(task)
    notebook.run_next()
    expect(notebook.outputs(check)).to_contain_text("not yet")
    expect(notebook.outputs(check)).to_contain_text(wrong.hint)
    notebook.photograph(pictures / "student 1, a wrong answer and its hint.png")

    notebook.write(task, right)
    notebook.run(task)
    for number in (check, check_2):
        notebook.run_next()
        expect(notebook.outputs(number)).to_contain_text("right")
        expect(notebook.outputs(number)).not_to_contain_text("not yet")
    notebook.photograph(pictures / "student 2, it turns right.png")

    notebook.run(notebook.number(f"task-{output_size.name}"))
    notebook.run_next()
    its_check = notebook.number(f"check-{output_size.name}")
    expect(notebook.outputs(its_check)).to_contain_text("not attempted")
    notebook.photograph(pictures / "student 3, a task not attempted.png")

    saved = notebook.save()
    assert saved.cells[task].source == right
    submissions, marks = tmp_path / "submissions", tmp_path / "marks"
    submissions.mkdir()
    shutil.copy(notebook.path, submissions / "ada.ipynb")
    (row,) = grade(root, submissions, marks)
    assert (row["student"], row["problem"]) == ("ada", "")
    assert float(row["points"]) == float(row[slide.name]) == slide.points
    assert float(row[output_size.name]) == 0

    page = browser.new_context(viewport={"width": 1000, "height": 900}).new_page()
    page.goto((marks / "feedback" / "ada.html").as_uri())
    expect(page.get_by_role("heading", level=1)).to_have_text("ada")
    expect(page.locator(".marks")).to_have_text(f"{slide.points:g} of {float(row['max_points']):g} points")
    expect(page.locator(".state.not-attempted")).to_have_count(5)
    page.screenshot(path=pictures / "student 4, the feedback page.png", full_page=True)
