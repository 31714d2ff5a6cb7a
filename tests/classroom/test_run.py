"""`course run`: papermill with other parameters, and a clear line for whatever is wrong."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest

from course_lib.classroom.run import find_notebook, parse_parameters, run_notebook
from course_lib.errors import CourseError

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


@pytest.fixture
def root(make_course):
    course = make_course({"notebooks/04_lenet.py": "", "notebooks/05_vgg.py": ""})
    shutil.copy(NOTEBOOKS / "with_parameters.ipynb", course / "notebooks" / "04_lenet.ipynb")
    return course


def test_values_are_read_as_papermill_reads_them():
    typed = [("A", "True"), ("B", "3"), ("C", "1e-3"), ("D", "None"), ("E", "three"), ("B", "4"), ("F", "-1")]
    assert parse_parameters(typed) == {"A": True, "B": 4, "C": 0.001, "D": None, "E": "three", "F": -1}


def test_a_topic_runs_its_lecture_with_other_parameters_in_its_own_folder(root):
    result = run_notebook("lenet", root=root, parameters={"FAST": False, "DATA_DIR": 7}, progress=False)
    assert result.path == root / "runs" / "04_lenet.ipynb"
    executed = nbformat.read(result.path, 4)
    texts = [output.text for cell in executed.cells for output in cell.get("outputs", []) if "text" in output]
    assert texts == ["False 3 0.1 7 None notebooks\n", "end\n"]
    assert result.cells == 4
    assert "papermill-error" not in result.path.read_text(), "a cell that is meant to fail was taken for a failure"
    assert "1 / 0" in nbformat.read(root / "notebooks" / "04_lenet.ipynb", 4).cells[2].source


def test_a_failing_cell_is_named_and_the_notebook_up_to_there_is_kept(tmp_path):
    out = tmp_path / "new" / "out.ipynb"
    words = (
        r"failing_cell\.ipynb: cell 2 \(`# divide`\) fails with ZeroDivisionError: division by zero; the notebook up"
    )
    with pytest.raises(CourseError, match=words + r" to there is .*out\.ipynb: look at that cell$"):
        run_notebook(NOTEBOOKS / "failing_cell.ipynb", out=out, progress=False)
    assert "ZeroDivisionError" in out.read_text()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("not_json", "is not JSON; wanted a notebook: save it again from Jupyter"),
        ("no_notebook", r"is JSON, but no notebook \(.*\); wanted one: save it again from Jupyter"),
        (
            "unknown_kernel",
            "asks for the kernel 'fortran77', which is not here; wanted the kernel of this env",
        ),
        ("no_kernel_named", "names no kernel; wanted the kernel of this environment: python -m ipykernel install"),
        ("missing", "there is no notebook .*wanted the path of one, or a topic: mend the name"),
    ],
)
def test_what_cannot_be_run_is_told_in_one_line(tmp_path, name, words):
    with pytest.raises(CourseError, match=words) as caught:
        run_notebook(NOTEBOOKS / f"{name}.ipynb", out=tmp_path / "out.ipynb", progress=False)
    assert "\n" not in str(caught.value)


def test_a_kernel_that_dies_is_told(tmp_path):
    path = tmp_path / "dies.ipynb"
    notebook = nbformat.read(NOTEBOOKS / "failing_cell.ipynb", 4)
    notebook.cells[0].source = "import os; os._exit(1)"
    nbformat.write(notebook, path)
    with pytest.raises(
        CourseError, match=r"dies\.ipynb: the kernel died \(out of memory\?\); the notebook up to there is"
    ):
        run_notebook(path, out=tmp_path / "out.ipynb", progress=False)


def test_a_kernel_whose_program_is_gone_is_told(tmp_path, monkeypatch):
    spec = tmp_path / "kernels" / "fortran77"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(
        '{"argv": ["/nowhere/f77", "{connection_file}"], "display_name": "F", "language": "f"}'
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    with pytest.raises(
        CourseError, match=r"its kernel does not start \(.*/nowhere/f77.*\); wanted the kernel of this env"
    ):
        run_notebook(NOTEBOOKS / "unknown_kernel.ipynb", out=tmp_path / "out.ipynb", progress=False)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"FSAT": True},
            'has no parameter "FSAT"; wanted one of FAST=True, EPOCHS=3, .*; did you mean "FAST"?',
        ),
        ({"EPOCHS": 2.5}, "parameter EPOCHS of .* got 2.5; wanted a whole number, such as 3"),
        ({"EPOCHS": True}, "parameter EPOCHS of .* got True; wanted a whole number, such as 3"),
        ({"FAST": 1}, "parameter FAST of .* got 1; wanted True or False, such as True"),
        ({"RATE": "low"}, "parameter RATE of .* got 'low'; wanted a number, such as 0.1"),
    ],
)
def test_an_unknown_parameter_or_one_of_another_kind_is_refused_before_anything_runs(tmp_path, values, words):
    with pytest.raises(CourseError, match=words):
        run_notebook(NOTEBOOKS / "with_parameters.ipynb", out=tmp_path / "out.ipynb", parameters=values)
    assert not (tmp_path / "out.ipynb").exists()


def test_a_notebook_without_parameters_says_that_it_has_none(tmp_path):
    with pytest.raises(
        CourseError, match=r'failing_cell\.ipynb has no parameter "FAST"; wanted one of \(it has none\)'
    ):
        run_notebook(NOTEBOOKS / "failing_cell.ipynb", out=tmp_path / "out.ipynb", parameters={"FAST": True})


def test_a_lecture_that_is_not_built_and_an_unknown_topic_are_told(root):
    with pytest.raises(CourseError, match=r"notebooks/05_vgg\.ipynb is not built yet: run `course build 05_vgg`"):
        find_notebook("05", root=root)
    with pytest.raises(CourseError, match=r'no topic "lennet"; .*did you mean "lenet"\?'):
        find_notebook("lennet", root=root)


def test_a_run_never_writes_over_its_own_notebook(root):
    path = root / "notebooks" / "04_lenet.ipynb"
    with pytest.raises(CourseError, match="would be written over itself; wanted another place: name one with --out"):
        run_notebook(path, out=path)
    assert re.search("papermill", path.read_text()) is None
