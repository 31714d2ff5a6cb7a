"""The command `course`: what it prints, where, and its exit status."""

import os
import signal
import subprocess
import sys
import time

import pytest

from course_lib.classroom import build as building
from course_lib.classroom import grading_commands
from course_lib.classroom.build import BuildReport, Built
from course_lib.classroom.cli import main
from course_lib.classroom.doctor import Finding
from course_lib.classroom.run import Run
from course_lib.errors import CourseError


@pytest.fixture
def root(make_course, monkeypatch):
    course = make_course({"notebooks/03_convolution.py": "", "notebooks/04_lenet.py": ""})
    monkeypatch.chdir(course)
    return course


def one_line(capsys):
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    return captured.err


def reports(*entries):
    return lambda root, topics=None, **options: BuildReport(tuple(entries))


def test_an_unknown_topic_is_one_line_on_stderr_and_status_2(root, capsys):
    assert main(["build", "lennet"]) == 2
    assert one_line(capsys) == (
        'course: no topic "lennet"; wanted one of 03_convolution, 04_lenet; did you mean "lenet"?\n'
    )
    assert main(["build", "--check", "no_such"]) == 2
    assert 'no topic "no_such"; wanted one of 03_convolution, 04_lenet\n' in one_line(capsys)
    assert main(["run", "conv"]) == 2
    assert 'no topic "conv"' in one_line(capsys)


def test_a_folder_without_a_course_is_one_line_and_status_2(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["build"]) == 2
    assert "course: no course at " in one_line(capsys)
    assert main(["build", "--root", str(tmp_path / "missing")]) == 2
    assert "or name it with --root" in one_line(capsys)


def test_a_current_course_is_status_0_and_one_line_a_source(root, capsys, monkeypatch):
    monkeypatch.setattr(building, "build_check", reports(Built("notebooks/03_convolution.py", "current")))
    assert main(["build", "--check"]) == 0
    assert capsys.readouterr().out == "✓ notebooks/03_convolution.py: current\n"


def test_a_stale_notebook_is_status_1_and_says_what_to_do(root, capsys, monkeypatch):
    entry = Built("notebooks/03_convolution.py", "stale", "its code changed: run `make build`")
    monkeypatch.setattr(building, "build_check", reports(entry))
    assert main(["build", "--check"]) == 1
    assert capsys.readouterr().out == "✗ notebooks/03_convolution.py: stale: its code changed: run `make build`\n"


def test_a_slip_in_a_source_is_status_2_and_stands_on_stderr(root, capsys):
    assert main(["build", "--check", "03"]) == 2
    assert one_line(capsys) == (
        "✗ notebooks/03_convolution.py: failed: notebooks/03_convolution.py: no cell at all; "
        "wanted cells that begin with a line '# %%': write the first one\n"
    )


def test_a_build_says_what_was_made_and_how_long_it_took(root, capsys, monkeypatch):
    entries = [Built("notebooks/a.py", "built", "its code changed", 3.6), Built("solutions/a.py", "prose")]
    monkeypatch.setattr(building, "build", reports(*entries))
    assert main(["build"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "✓ notebooks/a.py: built (4 s): its code changed",
        "✓ solutions/a.py: prose",
    ]
    monkeypatch.setattr(building, "build", reports())
    assert main(["build"]) == 0
    assert "no lesson in course/notebooks or course/solutions yet" in capsys.readouterr().out


def test_topics_force_and_progress_reach_the_build(root, capsys, monkeypatch):
    seen = {}

    def build(folder, topics, *, force, progress):
        seen.update(folder=folder, topics=topics, force=force)
        progress("notebooks/a.py", 1, 2)
        progress("notebooks/a.py", 2, 2)
        return BuildReport(())

    monkeypatch.setattr(building, "build", build)
    assert main(["build", "03", "lenet", "--force"]) == 0
    assert seen == {"folder": root, "topics": ["03", "lenet"], "force": True}
    assert capsys.readouterr().err.count("notebooks/a.py: executing 2 cells\n") == 1


def test_run_hands_parameters_over_and_prints_where_the_result_lies(root, capsys, monkeypatch):
    seen = {}

    def run_notebook(name, *, out, parameters, root):
        seen.update(name=name, out=out, parameters=parameters)
        return Run(out, 12, 3.2)

    monkeypatch.setattr("course_lib.classroom.run.run_notebook", run_notebook)
    assert main(["run", "04_lenet", "-p", "FAST", "False", "-p", "EPOCHS", "2", "--out", "x.ipynb"]) == 0
    assert seen == {"name": "04_lenet", "out": "x.ipynb", "parameters": {"FAST": False, "EPOCHS": 2}}
    assert capsys.readouterr().out == "✓ 12 cells in 3 s: x.ipynb\n"


def test_a_lecture_that_is_not_built_is_one_line(root, capsys):
    assert main(["run", "lenet"]) == 2
    assert one_line(capsys) == "course: notebooks/04_lenet.ipynb is not built yet: run `course build 04_lenet`\n"


@pytest.mark.parametrize(
    ("state", "status", "last"), [("has", 0, "All that is needed is here."), ("lacks", 1, "1 to mend")]
)
def test_the_doctor_prints_each_finding_and_counts_what_lacks(capsys, monkeypatch, state, status, last):
    findings = [Finding("torch", state, "2.13"), Finding("GPU", "optional", "none")]
    monkeypatch.setattr("course_lib.classroom.doctor.examine", lambda: iter(findings))
    assert main(["doctor"]) == status
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [str(item) for item in findings]
    assert lines[2].startswith(last)


def test_a_missing_package_of_an_extra_names_the_extra(root, capsys, monkeypatch):
    def missing(root, topics, **options):
        raise ModuleNotFoundError("No module named 'jupytext'", name="jupytext")

    monkeypatch.setattr(building, "build_check", missing)
    assert main(["build", "--check"]) == 2
    assert one_line(capsys) == (
        "course: the package 'jupytext' is not installed; wanted the extra that builds, runs and grades: "
        "python -m pip install --editable '.[classroom]'\n"
    )


def test_a_slip_of_the_course_itself_is_not_hidden(root, monkeypatch):
    def broken(root, topics, **options):
        raise ModuleNotFoundError("No module named 'course_lib.nope'", name="course_lib.nope")

    monkeypatch.setattr(building, "build_check", broken)
    with pytest.raises(ModuleNotFoundError):
        main(["build", "--check"])


def test_an_interrupt_is_one_line_and_status_130(root, capsys, monkeypatch):
    def stop(root, topics, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "build_check", stop)
    assert main(["build", "--check"]) == 130
    assert one_line(capsys) == "course: stopped\n"


def test_an_error_of_several_lines_is_printed_whole(root, capsys, monkeypatch):
    def failing(root, topics, **options):
        raise CourseError("a.py:3: the cell fails\n    in f(0)")

    monkeypatch.setattr(building, "build_check", failing)
    assert main(["build", "--check"]) == 2
    assert capsys.readouterr().err == "course: a.py:3: the cell fails\n    in f(0)\n"


@pytest.mark.parametrize("words", [[], ["no_such_command"], ["run"], ["run", "x", "-p", "ONE"]])
def test_a_command_that_does_not_parse_is_status_2(words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "usage: course" in capsys.readouterr().err


def test_help_loads_neither_torch_nor_jupyter():
    code = (
        "import sys; from course_lib.classroom.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'IPython', 'nbclient', 'papermill', 'numpy') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "build" in result.stdout
    assert "doctor" in result.stdout
    assert result.stdout.endswith("[]\n")


def test_a_table_keeps_all_its_columns_on_a_narrow_page(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with grading_commands._table("marks", ("student", "story", "wanted", "got"), shrinks="story") as add:
        add(
            "✓", "truncated", "a task that is a function that never returns, told at length", "cannot be graded", "7.25"
        )
    printed = capsys.readouterr().out
    assert "got" in printed
    assert "7.25" in printed
    assert "length" in printed


def test_the_signal_that_asks_a_program_to_end_lets_it_tidy_up(root, capsys, monkeypatch):
    before, tidied = signal.getsignal(signal.SIGTERM), []

    def killed(root, topics, **options):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        finally:
            tidied.append(True)

    monkeypatch.setattr(building, "build_check", killed)
    assert main(["build", "--check"]) == 130
    assert tidied
    assert capsys.readouterr().err == "course: stopped\n"
    assert signal.getsignal(signal.SIGTERM) is before
