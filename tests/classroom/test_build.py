"""Sources to notebooks: executed once, the same again, and never executed without need."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import NoSuchKernel

from course_lib.classroom import build as building
from course_lib.classroom import execution
from course_lib.classroom.build import build, build_check, build_missing
from course_lib.errors import CourseError

HEADER = "# ---\n# jupyter:\n#   course: {title: Sums}\n# ---\n\n"
LECTURE = HEADER + "# %% [markdown]\n# # Sums\n\n# %%\nprint(1 + 1)\n"
EXERCISE = (
    HEADER
    + '# %% tags=["setup"]\nimport math\n\n# %% task="half" points=2\ndef half(x):\n    ### BEGIN SOLUTION\n'
    + '    return x / 2\n    ### END SOLUTION\n\n# %% check="half" requirement="of 6"\n'
    + 'assert half(6) == 3, "half(6) is 3"\n\n# %% hidden="half" requirement="of any"\n'
    + 'assert half(5) == 2.5, "halves may be odd"\n'
)
NOTEBOOKS = ("notebooks/01_sums.ipynb", "solutions/01_sums.ipynb", "exercises/01_sums.ipynb")


def texts(root, names=NOTEBOOKS):
    return [(root / name).read_text(encoding="utf-8") for name in names]


def states(report):
    return [(entry.source, entry.state) for entry in report.entries]


@pytest.fixture
def executed(monkeypatch):
    """Take the kernel's place: every code cell prints its number; the list tells what was executed."""
    runs = []

    def execute(notebook, *, folder, place, progress=None):
        runs.append(f"{folder.name}/{place.split('/')[1]}")
        for number, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
            cell.execution_count = number
            cell.outputs = [nbformat.v4.new_output("stream", text=f"{number}\n", name="stdout")]
            cell.metadata["execution"] = {"iopub.status.busy": "2026-01-01T00:00:00Z"}
        notebook.metadata["language_info"] = {"name": "python", "version": "3.99.0"}
        notebook.metadata["widgets"] = {"state": {}}

    monkeypatch.setattr(building, "execute", execute)
    monkeypatch.setattr(building, "prove_run_all", lambda notebook, *, folder, place: None)
    return runs


@pytest.fixture
def root(make_course):
    course = make_course({"notebooks/01_sums.py": LECTURE, "solutions/01_sums.py": EXERCISE})
    (course / "course_lib").mkdir()
    (course / "course_lib" / "__init__.py").write_text("")
    (course / "course_lib" / "arithmetic.py").write_text("x = 1\n")
    return course


def test_a_course_is_built_in_real_kernels_and_is_then_current(root):
    where = "\n# %%\nimport os\nprint(os.path.basename(os.getcwd()), os.environ['TZ'], os.environ['PYTHONHASHSEED'])\n"
    (root / "notebooks" / "01_sums.py").write_text(LECTURE + where)
    seen = []
    report = build(root, progress=lambda source, cell, cells: seen.append((source, cell, cells)))
    assert states(report) == [("notebooks/01_sums.py", "built"), ("solutions/01_sums.py", "built")]
    assert seen[:3] == [("notebooks/01_sums.py", cell, 3) for cell in (1, 2, 3)]
    first = texts(root)
    lecture, solution, exercise = (nbformat.reads(text, as_version=4) for text in first)
    assert [cell.outputs[0].text for cell in lecture.cells[1:]] == ["2\n", "notebooks UTC 0\n"]
    assert [cell.outputs[0].data["text/plain"] for cell in solution.cells if cell.source.startswith("%%check")] == [
        "✓ half: of 6 · right",
        "✓ half: of any · right",
    ]
    assert all(cell.get("outputs", []) == [] and cell.get("execution_count") is None for cell in exercise.cells)
    for notebook in (lecture, solution, exercise):
        nbformat.validate(notebook)
        assert "source_line" not in str(notebook)
    assert build_check(root).ok
    assert build(root, force=True).ok
    assert texts(root) == first, "the same sources gave other notebooks"


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_a_build_that_is_stopped_says_one_line_keeps_the_old_notebook_and_leaves_no_kernel(root, asked, tmp_path):
    old = root / "notebooks" / "01_sums.ipynb"
    old.write_text("the old one")
    begun = tmp_path / "begun"
    source = (
        f"\n# %%\nimport os, pathlib, time\npathlib.Path({str(begun)!r}).write_text(str(os.getpid()))\ntime.sleep(60)\n"
    )
    (root / "notebooks" / "01_sums.py").write_text(LECTURE + source)
    code = f"import sys; from course_lib.classroom.cli import main; sys.exit(main(['build', '--root', {str(root)!r}]))"
    command = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (begun.exists() and begun.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    command.send_signal(asked)
    said, complained = command.communicate(timeout=30)
    assert command.returncode == 130
    assert (said + complained).splitlines()[-1] == "course: stopped"
    assert "Traceback" not in said + complained
    assert old.read_text() == "the old one"
    assert not Path("/proc", begun.read_text()).exists()


def test_what_is_current_is_not_executed_again(root, executed):
    build(root)
    assert executed == ["notebooks/01_sums.py", "solutions/01_sums.py"]
    assert states(build(root)) == [("notebooks/01_sums.py", "current"), ("solutions/01_sums.py", "current")]
    assert len(executed) == 2
    build(root, force=True)
    assert len(executed) == 4


def test_changed_prose_is_written_without_executing(root, executed):
    build(root)
    source = root / "notebooks" / "01_sums.py"
    source.write_text(LECTURE.replace("# # Sums", "# # Sums and more"))
    stale = build_check(root).entries[0]
    assert stale.state == "stale"
    assert stale.message == "notebooks/01_sums.ipynb is not what its source gives: run `make build`"
    assert states(build(root))[0] == ("notebooks/01_sums.py", "prose")
    assert "Sums and more" in texts(root)[0]
    assert '"2\\n"' in texts(root)[0] or '"1\\n"' in texts(root)[0]
    assert len(executed) == 2


def test_changed_code_is_executed(root, executed):
    build(root)
    (root / "notebooks" / "01_sums.py").write_text(LECTURE.replace("1 + 1", "1 + 2"))
    assert build_check(root).entries[0].message == "its code changed: run `make build`"
    assert states(build(root)) == [("notebooks/01_sums.py", "built"), ("solutions/01_sums.py", "current")]


def test_a_changed_module_of_the_library_executes_the_lessons_that_reach_it_only(root, executed):
    (root / "notebooks" / "01_sums.py").write_text(LECTURE + "\n# %%\nimport course_lib.arithmetic\n")
    build(root)
    (root / "course_lib" / "arithmetic.py").write_text("x = 2\n")
    report = build_check(root)
    assert [entry.state for entry in report.entries] == ["stale", "current"]
    assert report.entries[0].message == "the part of course_lib that it uses changed: run `make build`"
    assert not report.ok
    build(root)
    assert len(executed) == 3
    assert build_check(root).ok


@pytest.mark.parametrize("text", ['"""What it is."""\n\nx = 1\n', "# why\nx = 1  # one\n"])
def test_words_about_the_library_execute_nothing(root, executed, text):
    (root / "notebooks" / "01_sums.py").write_text(LECTURE + "\n# %%\nimport course_lib.arithmetic\n")
    build(root)
    (root / "course_lib" / "arithmetic.py").write_text(text)
    assert build_check(root).ok


def test_a_changed_hidden_check_makes_solution_and_exercise_stale(root, executed):
    build(root)
    (root / "solutions" / "01_sums.py").write_text(EXERCISE.replace("half(5) == 2.5", "half(7) == 3.5"))
    assert [entry.state for entry in build_check(root).entries] == ["current", "stale"]


def test_a_moved_mark_runs_the_exercise_again(root, executed):
    text = EXERCISE.replace("    ### BEGIN SOLUTION\n", "    ### BEGIN SOLUTION\n    y = x\n")
    (root / "solutions" / "01_sums.py").write_text(text)
    build(root)
    moved = text.replace("    ### BEGIN SOLUTION\n    y = x\n", "    y = x\n    ### BEGIN SOLUTION\n")
    (root / "solutions" / "01_sums.py").write_text(moved)
    assert states(build(root))[1] == ("solutions/01_sums.py", "built")


def test_a_changed_wrong_answer_changes_no_notebook(root, executed):
    build(root)
    text = EXERCISE + '\n# %% wrong="half" hint="odd"\ndef half(x):\n    return x // 2\n'
    (root / "solutions" / "01_sums.py").write_text(text)
    assert build_check(root).ok


def test_outputs_changed_by_hand_are_found_and_made_again(root, executed):
    build(root)
    path = root / "notebooks" / "01_sums.ipynb"
    good = path.read_text()
    path.write_text(good.replace('"1\\n"', '"7\\n"'))
    assert path.read_text() != good
    assert (
        build_check(root).entries[0].message.startswith("the outputs of notebooks/01_sums.ipynb were changed by hand")
    )
    build(root)
    assert path.read_text() == good


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_missing_or_broken_notebook_is_stale(root, executed, name):
    build(root)
    (root / name).write_text("{")
    (entry,) = [entry for entry in build_check(root).entries if entry.state == "stale"]
    assert entry.message == f"{name} is missing or no notebook: run `make build`"
    (root / name).unlink()
    assert not build_check(root).ok
    build(root)
    assert build_check(root).ok


def test_an_exercise_edited_by_hand_is_stale(root, executed):
    build(root)
    path = root / "exercises" / "01_sums.ipynb"
    path.write_text(path.read_text().replace("import math", "import cmath"))
    assert (
        build_check(root).entries[1].message == "exercises/01_sums.ipynb is not what its source gives: run `make build`"
    )
    notebook = nbformat.read(root / "notebooks" / "01_sums.ipynb", 4)
    notebook.metadata["language_info"]["version"] = "3.13.1"
    nbformat.write(notebook, root / "notebooks" / "01_sums.ipynb")
    assert "the metadata of notebooks/01_sums.ipynb" in build_check(root).entries[0].message


def test_a_notebook_without_its_source_is_named(root, executed):
    build(root)
    (root / "solutions" / "01_sums.py").unlink()
    messages = [entry.message for entry in build_check(root).entries if entry.state == "stale"]
    assert messages == ["its source solutions/01_sums.py is gone: delete this notebook"] * 2


def test_no_time_version_or_machine_is_stored(root, executed):
    build(root)
    for text in texts(root):
        assert "2026-01-01" not in text
        assert "3.99.0" not in text
        assert '"widgets"' not in text


def test_a_lesson_with_a_slip_fails_alone_and_keeps_its_notebooks(root, executed):
    build(root)
    before = texts(root)
    (root / "solutions" / "01_sums.py").write_text(EXERCISE.replace("    ### END SOLUTION\n", ""))
    (root / "notebooks" / "01_sums.py").write_text(LECTURE.replace("1 + 1", "2 + 2"))
    report = build(root)
    assert [entry.state for entry in report.entries] == ["built", "failed"]
    assert "'### BEGIN SOLUTION' is never closed" in report.entries[1].message
    assert not report.ok
    assert texts(root)[1:] == before[1:]
    assert [entry.state for entry in build_check(root).entries] == ["current", "failed"]


def test_a_failing_cell_is_named_with_the_end_of_its_traceback_and_the_old_notebook_is_kept(make_course):
    source = LECTURE + "\n# %%\ndef f(x):\n    return 1 / x\n\n\nf(0)\n"
    root = make_course({"notebooks/01_sums.py": source, "notebooks/01_sums.ipynb": "old"})
    (entry,) = build(root).entries
    assert entry.state == "failed"
    first, *tail = entry.message.splitlines()
    assert first == (
        "notebooks/01_sums.py:12: the cell fails with ZeroDivisionError: division by zero; "
        "the old notebook was kept: mend the cell"
    )
    assert any("return 1 / x" in line for line in tail)
    assert (root / "notebooks" / "01_sums.ipynb").read_text() == "old"


def test_a_solution_that_does_not_meet_its_own_hidden_check_is_refused(make_course):
    root = make_course({"solutions/01_sums.py": EXERCISE.replace("return x / 2", "return x // 2")})
    (entry,) = build(root).entries
    assert entry.state == "failed"
    assert entry.message == (
        "solutions/01_sums.py:18: the solution does not meet its own check: ✗ half: of any · not yet "
        "halves may be odd; mend the solution or the check"
    )
    assert not (root / "exercises" / "01_sums.ipynb").exists()


def test_an_exercise_whose_open_task_would_stop_run_all_is_refused(make_course):
    root = make_course({"solutions/01_sums.py": EXERCISE + "\n# %%\nprint(half(4))\n"})
    (entry,) = build(root).entries
    assert entry.state == "failed"
    start = "in the notebook handed out, with every task open: solutions/01_sums.py:21: the cell fails with NotImplem"
    assert entry.message.startswith(start)


def test_the_picture_of_the_solution_is_shown_in_the_exercise(make_course, example_source):
    root = make_course({"solutions/01_sizes.py": example_source})
    assert build(root).ok, build(root).entries[0].message
    solution, exercise = (nbformat.read(root / name / "01_sizes.ipynb", 4) for name in ("solutions", "exercises"))
    (drawn,) = [cell for cell in solution.cells if cell.id == "picture-output_size"]
    (shown,) = [cell for cell in exercise.cells if cell.id == "picture-output_size"]
    assert drawn.outputs[0].metadata["image/png"]["alt"] == "A row of dots that rises."
    assert drawn.outputs[0].data["image/png"].strip() in shown.source
    assert build_check(root).ok


def test_a_picture_cell_that_draws_nothing_is_refused(make_course, example_source, executed):
    root = make_course({"solutions/01_sizes.py": example_source})
    (entry,) = build(root).entries
    assert entry.message == (
        'solutions/01_sizes.py:47: the picture of "output_size" draws 0 figures; '
        "wanted one: end the cell in figures.show(figure, alt=…)"
    )


def test_a_folder_without_a_course_is_refused(tmp_path):
    for work in (build, build_check):
        with pytest.raises(
            CourseError, match=r"holds no course; wanted a folder whose pyproject\.toml has \[tool\.course\]"
        ):
            work(tmp_path)


def test_an_empty_course_is_no_error(make_course):
    assert build(make_course({})).entries == ()


def test_a_kernel_that_is_missing_dies_or_never_ends_is_told(make_course, monkeypatch):
    root = make_course({"notebooks/01_sums.py": LECTURE + "\n# %%\nimport os\nos._exit(1)\n"})
    assert build(root).entries[0].message == "notebooks/01_sums.py:12: the kernel died in this cell (out of memory?)"
    monkeypatch.setattr(execution, "SECONDS_A_CELL", 2)
    (root / "notebooks" / "01_sums.py").write_text(LECTURE + "\n# %%\nwhile True: pass\n")
    assert "01_sums.py:12: the cell runs more than 2 s; the old notebook was kept" in build(root).entries[0].message
    monkeypatch.setattr("jupyter_client.kernelspec.KernelSpecManager.get_kernel_spec", _no_kernel)
    assert "no Jupyter kernel named python3; wanted the one of this environment" in build(root).entries[0].message


def _no_kernel(self, name):
    raise NoSuchKernel(name)


def test_what_is_missing_is_made_and_a_notebook_with_somebodys_answers_is_left_alone(root, executed):
    assert states(build_missing(root)) == [("notebooks/01_sums.py", "built"), ("solutions/01_sums.py", "built")]
    exercise = root / NOTEBOOKS[2]
    exercise.write_text(exercise.read_text().replace("raise NotImplementedError", "return 3  #"))
    (root / NOTEBOOKS[0]).write_text("my own notes")
    (root / NOTEBOOKS[1]).unlink()
    with_answers = texts(root, (NOTEBOOKS[0], NOTEBOOKS[2]))
    assert states(build_missing(root)) == [("notebooks/01_sums.py", "current"), ("solutions/01_sums.py", "built")]
    assert texts(root, (NOTEBOOKS[0], NOTEBOOKS[2])) == with_answers
    assert (root / NOTEBOOKS[1]).is_file()
