"""A course with an address: its notebooks open on Colab and install one release there; elsewhere nothing happens."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from course_lib.classroom import build as building
from course_lib.classroom.build import build, build_check
from course_lib.classroom.colab import Release, add_colab, find_release
from course_lib.errors import CourseError

HEADER = "# ---\n# jupyter:\n#   course: {title: Sums}\n# ---\n\n"
LECTURE = HEADER + "# %% [markdown]\n# # Sums\n#\n# *Two of them.*\n\n# %%\nprint(1 + 1)\n"
EXERCISE = (
    HEADER
    + '# %% [markdown]\n# # Sums\n\n# %% tags=["setup"]\nimport math\n\n# %% task="half" points=1\ndef half(x):\n'
    + "    ### BEGIN SOLUTION\n    return x / 2\n    ### END SOLUTION\n\n"
    + '# %% check="half" requirement="of 6"\nassert half(6) == 3, "half(6) is 3"\n'
)
ADDRESS = "https://github.com/some/course"
WHEEL = f"{ADDRESS}/releases/download/v1.2.0/course_lib-1.2.0-py3-none-any.whl"
FOLDERS = ("notebooks", "solutions", "exercises")


@pytest.fixture
def runs(monkeypatch):
    """Take the kernel's place; the list tells what was executed."""
    runs = []

    def execute(notebook, *, folder, place, progress=None):
        runs.append(place)
        for number, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
            cell.execution_count = number
            cell.outputs = [nbformat.v4.new_output("stream", text=f"{number}\n", name="stdout")]

    monkeypatch.setattr(building, "execute", execute)
    monkeypatch.setattr(building, "prove_run_all", lambda notebook, *, folder, place: None)
    return runs


@pytest.fixture
def root(make_course):
    return make_course({"notebooks/01_sums.py": LECTURE, "solutions/01_sums.py": EXERCISE})


def publish(root, repository=ADDRESS, project='[project]\nversion = "1.2.0"\n'):
    (root / "pyproject.toml").write_text(f'{project}[tool.course]\nrepository = "{repository}"\n')


def texts(root):
    return [(root / folder / "01_sums.ipynb").read_text(encoding="utf-8") for folder in FOLDERS]


def notebooks(root):
    return [nbformat.reads(text, as_version=4) for text in texts(root)]


def cell_for(release):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")])
    add_colab(notebook, release, path="notebooks/01_sums.ipynb")
    return notebook.cells[0].source


# What is written


def test_a_course_without_an_address_says_nothing_of_colab(root, runs):
    build(root)
    assert "colab" not in "".join(texts(root)).lower()


def test_the_first_cell_has_a_badge_that_names_a_release_and_says_what_it_is(root, runs):
    publish(root)
    build(root)
    for folder, notebook in zip(FOLDERS, notebooks(root), strict=True):
        title, _, badge, *_ = notebook.cells[0].source.splitlines()
        assert title == "# Sums"
        assert badge.startswith("[![Open this notebook in Colab](https://")
        assert badge.endswith(
            f"(https://colab.research.google.com/github/some/course/blob/v1.2.0/{folder}/01_sums.ipynb)"
        )
    assert notebooks(root)[0].cells[0].source.endswith("\n\n*Two of them.*")


def test_the_installing_cell_stands_before_all_other_code_and_is_folded(root, runs):
    publish(root)
    build(root)
    for notebook in notebooks(root):
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert [cell.id == "colab" for cell in code] == [True] + [False] * (len(code) - 1)
        assert code[0].source.splitlines()[0] == "#@title On Colab, this installs the course; elsewhere it does nothing"
        assert code[0].source.splitlines()[-1] == f"    install_course('1.2.0', '{WHEEL}')"
        assert (code[0].outputs, code[0].execution_count) == ([], None)
        assert code[0].metadata.cellView == "form"
        assert code[0].metadata.jupyter == {"source_hidden": True}
        nbformat.validate(notebook)


def test_giving_an_address_taking_it_back_and_a_new_release_execute_nothing(root, runs):
    build(root)
    plain = texts(root)
    publish(root)
    assert not build_check(root).ok
    assert [entry.state for entry in build(root).entries] == ["prose", "prose"]
    assert build_check(root).ok
    assert [entry.state for entry in build(root).entries] == ["current", "current"]
    publish(root, project='[project]\nversion = "1.3.0"\n')
    assert not build_check(root).ok
    build(root)
    assert all("v1.3.0" in text and "v1.2.0" not in text for text in texts(root))
    publish(root, repository="")
    build(root)
    assert texts(root) == plain
    assert len(runs) == 2


def test_a_host_that_colab_does_not_know_gets_no_badge_and_installs_all_the_same(root, runs):
    publish(root, repository="https://git.example.org/some/course.git/")
    build(root)
    for notebook in notebooks(root):
        assert "colab.research.google.com" not in notebook.cells[0].source
        assert "https://git.example.org/some/course/releases/download/v1.2.0/" in str(notebook)


@pytest.mark.parametrize(
    ("repository", "project", "words"),
    [
        (
            "some/course",
            '[project]\nversion = "1.2.0"\n',
            r'repository is "some/course"; wanted one such as https://',
        ),
        ("https://github.com/some", '[project]\nversion = "1.2.0"\n', "wanted one such as https://"),
        (ADDRESS, "", r"no \[project\] version; a badge names a release: add it"),
    ],
)
def test_an_address_that_is_none_and_a_missing_version_are_told(root, runs, repository, project, words):
    publish(root, repository, project)
    with pytest.raises(CourseError, match=words):
        find_release(root)
    assert [entry.state for entry in build(root).entries] == ["failed", "failed"]


# What it does; tests/packaging/on_colab.py lets the real pip install into a real environment


@pytest.fixture
def on_colab(monkeypatch):
    """Pretend to be on Colab, where pip is asked for and does nothing; give what it was asked."""
    asked = []

    def pip(command, **options):
        keep = command[command.index("--constraint") + 1]
        asked.append((command, Path(keep).read_text().splitlines()))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setitem(sys.modules, "google", ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    monkeypatch.setattr(subprocess, "run", pip)
    return asked


def test_elsewhere_the_cell_does_nothing_and_says_nothing(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "google.colab", None)
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: pytest.fail("pip was called"))
    exec(cell_for(Release(ADDRESS, "1.2.0")), {})
    assert capsys.readouterr() == ("", "")


def test_pip_may_not_change_what_the_page_runs_on(on_colab, capsys):
    exec(cell_for(Release(ADDRESS, "1.2.0")), {})
    ((command, keep),) = on_colab
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert command[-1] == WHEEL
    assert {f"{name}=={version(name)}" for name in ("torch", "numpy", "ipykernel", "ipywidgets", "ipython")} <= set(
        keep
    )
    said = "course_lib 1.2.0 is installed with nothing else. Changed on Colab: nothing.\n"
    assert capsys.readouterr() == (said, "")


def test_the_second_time_the_cell_says_so_and_asks_nobody(on_colab, capsys):
    there = version("course-lib")
    exec(cell_for(Release(ADDRESS, there)), {})
    assert on_colab == []
    assert capsys.readouterr() == (f"course_lib {there} is here already: nothing to do.\n", "")


@pytest.mark.parametrize("finder", ["importlib.metadata", "importlib_metadata"])  # either may find the packages
def test_what_is_not_there_is_not_asked_for_and_half_removed_packages_do_no_harm(
    finder, on_colab, tmp_path, monkeypatch
):
    pytest.importorskip(finder, reason="needs importlib_metadata")
    (tmp_path / "half_removed-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    exec(cell_for(Release(ADDRESS, "1.2.0")), {})
    ((_, keep),) = on_colab
    assert not [line for line in keep if line.startswith(("torchaudio", "half"))]


@pytest.mark.parametrize(
    ("stderr", "last"),
    [
        ("WARNING: x\nERROR: HTTP error 404\nERROR: no such file\nWARNING: y", "ERROR: no such file"),
        ("No module named pip", "No module named pip"),
        ("", "pip gave no reason"),
    ],
)
def test_a_failure_is_one_line_with_the_address_and_pips_last_word(on_colab, monkeypatch, stderr, last):
    monkeypatch.setattr(
        subprocess, "run", lambda command, **options: subprocess.CompletedProcess(command, 1, "", stderr)
    )
    names = {}
    with pytest.raises(Exception, match="The course was not installed") as told:
        exec(cell_for(Release(ADDRESS, "1.2.0")), names)
    (line,) = told.value._render_traceback_()
    assert line == f"The course was not installed. Is there a network? Is this the address: {WHEEL}? {last}"


@pytest.mark.sandbox
def test_a_submission_with_the_cell_is_graded_like_one_without(grade_many, tmp_path):
    answers = ["def double(x):\n    return 2 * x", "answer = 42"]
    with_cell = [cell_for(Release(ADDRESS, "1.2.0")), *answers]
    results = grade_many({"with": with_cell, "without": answers}, tmp_path)
    marks = {name: {task.name: task.points for task in result.tasks} for name, result in results.items()}
    assert marks["with"] == marks["without"] == {"double": 4.0, "counter": 0.0, "answer": 1.0}
