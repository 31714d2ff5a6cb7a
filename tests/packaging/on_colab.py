"""The way of a learner on Colab, in an environment with the versions that Colab brings and nothing of ours.

`make test-colab` runs it, a plain `pytest` does not. What the course imports is installed in the versions of
`colab_packages.txt`; the rest of that list stands there by name, so that pip sees it. This machine's Python and torch
stand in for Colab's, an empty `google.colab` for its own, and a server on this machine for the course's releases.
The environment is kept (`COURSE_COLAB_ENV`, or a folder in `~/.cache/course`); a copy of it is used and thrown away.
"""

import functools
import hashlib
import http.server
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import tomllib
import venv
from collections.abc import Callable, Iterator
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course_lib.classroom.colab import Release, add_colab
from course_lib.classroom.lesson import read_lesson

ROOT = Path(__file__).parent.parent.parent
LISTED = [
    line
    for line in Path(__file__).with_name("colab_packages.txt").read_text().splitlines()
    if line[:1] not in ("#", "")
]
COLAB = {canonicalize_name(name): number for name, number in (line.split("==") for line in LISTED)}
# Installed truly; each brings what it asks for.
REAL = [
    "ipykernel",
    "ipython",
    "ipywidgets",
    "widgetsnbextension",
    "jupyterlab-widgets",
    "jupyter-client",
    "matplotlib",
]
REAL += ["nibabel", "numpy", "pandas", "pillow", "pooch", "requests", "scikit-learn", "scipy", "tifffile", "tqdm"]
REAL += ["attrs", "debugpy", "jinja2", "joblib", "jupyter-core", "matplotlib-inline", "networkx", "packaging", "psutil"]
REAL += ["platformdirs", "pyyaml", "pyzmq", "sympy", "threadpoolctl", "tornado", "traitlets"]
LARGEST_WHEEL = 3_000_000
TO_THE_END = "03_convolution"
WIDGET = "application/vnd.jupyter.widget-view+json"


# The machine


def _link(here: str, there: str) -> None:
    """One file under two names costs no room; neither loses it when pip removes the other."""
    try:
        os.link(here, there)
    except OSError:  # another disk
        shutil.copy2(here, there)


def _with_what_it_asks_for(name: str, found: set[str]) -> set[str]:
    """A package of this environment and, of those that Colab's list does not name, all that it needs."""
    found.add(name)
    for asked in (Requirement(text) for text in distribution(name).requires or []):
        wanted = canonicalize_name(asked.name)
        if wanted not in COLAB and wanted not in found and (not asked.marker or asked.marker.evaluate({"extra": ""})):
            _with_what_it_asks_for(wanted, found)
    return found


def _make_environment(folder: Path) -> None:
    """What a Colab machine holds before a notebook is opened."""
    venv.create(folder, with_pip=True)
    site = next(folder.glob("lib/python*/site-packages"))
    _run(folder / "bin" / "python", "-m", "pip", "uninstall", "--yes", "--quiet", "setuptools")  # too old for torch
    for name in _with_what_it_asks_for("torch", set()):
        for file in distribution(name).files or []:
            if ".." not in file.parts and not site.joinpath(file).exists():
                site.joinpath(file).parent.mkdir(parents=True, exist_ok=True)
                _link(str(file.locate()), str(site / file))
    for name in COLAB.keys() - {*REAL, "torch"}:
        info = site / f"{name.replace('-', '_')}-{COLAB[name]}.dist-info"
        info.mkdir()
        info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {COLAB[name]}\n")
        info.joinpath("RECORD").write_text("")
    site.joinpath("google", "colab").mkdir(parents=True)
    site.joinpath("google", "colab", "__init__.py").write_text("")
    keep = folder / "constraints.txt"  # the newest tifffile is for newer Pythons than the oldest of ours
    keep.write_text("".join(f"{name}{'<=' if name == 'tifffile' else '=='}{COLAB[name]}\n" for name in REAL))
    _run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--constraint", str(keep), *REAL)


def _run(*command: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _recipe() -> str:
    """What the kept environment depends on."""
    text = "\n".join([*LISTED, *REAL, version("torch"), platform.python_version(), sys.prefix, "2"])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Python of a fresh Colab machine."""
    cache = Path(os.environ.get("COURSE_COLAB_ENV") or Path.home() / ".cache" / "course")
    kept = cache / f"colab-{_recipe()}"
    cache.mkdir(parents=True, exist_ok=True)
    if not kept.is_dir():
        with tempfile.TemporaryDirectory(dir=cache) as making:
            _make_environment(Path(making, "made"))
            Path(making, "made").rename(kept)
    with tempfile.TemporaryDirectory(dir=cache) as used:
        shutil.copytree(kept, Path(used, "colab"), symlinks=True, copy_function=_link)
        yield Path(used, "colab", "bin", "python")


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """This checkout, published on a server of this machine."""
    folder = tmp_path_factory.mktemp("release")
    source, served = folder / "source", folder / "served"
    shutil.copytree(ROOT / "course_lib", source / "course_lib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT.md"):
        shutil.copy(ROOT / name, source)
    number = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    files = served / "some" / "course" / "releases" / "download" / f"v{number}"
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", files, source)
    handler = functools.partial(_Silent, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Release(f"http://127.0.0.1:{server.server_port}/some/course", number)
        server.shutdown()


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None: ...


@pytest.fixture(scope="session")
def run(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Give a function that runs a notebook there, in an empty folder, in a kernel of that machine."""
    home = tmp_path_factory.mktemp("home")
    spec = home / "kernels" / "colab"
    spec.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.joinpath("kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Colab", "language": "python"}))
    places = {"JUPYTER_PATH": str(home), "IPYTHONDIR": str(home / "ipython"), "MPLCONFIGDIR": str(home / "matplotlib")}
    places |= {"PYDEVD_DISABLE_FILE_VALIDATION": "1", "PIP_REPORT": str(home / "report.json")}

    def run(notebook: Any, **options: Any) -> Any:
        content = tmp_path_factory.mktemp("content")
        client = NotebookClient(notebook, timeout=600, kernel_name="colab", **options)
        client.resources = {"metadata": {"path": str(content)}}
        with pytest.MonkeyPatch.context() as patch:
            for name, place in places.items():
                patch.setenv(name, place)
            client.execute(env={**os.environ})
        return notebook

    run.report = home / "report.json"  # type: ignore[attr-defined]
    return run


# Installing


class Installed(NamedTuple):
    """What the cell said at a wrong address, without a network, the first time and the second, and pip's own report."""

    wrong_address: Any
    no_network: Any
    first: Any
    second: Any
    seconds: float
    before: dict[str, str]
    report: dict[str, str]


def _cell(release: Release) -> Any:
    notebook = new_notebook(cells=[new_code_cell("None")])
    add_colab(notebook, release, path="notebooks/01.ipynb")
    return new_code_cell(notebook.cells[0].source)


@pytest.fixture(scope="session")
def installed(python: Path, release: Release, run: Callable[..., Any]) -> Installed:
    """The course on that machine; all other tests need it."""
    listed = json.loads(_run(python, "-m", "pip", "list", "--format=json"))
    before = {canonicalize_name(item["name"]): item["version"] for item in listed}
    tried = [Release(f"{release.repository}/gone", release.version), Release("http://127.0.0.1:9/a/b", release.version)]
    cells = [_cell(one) for one in (*tried, release, release)]
    watch = new_code_cell("import time\nstart = time.process_time()"), new_code_cell("time.process_time() - start")
    done = run(new_notebook(cells=[*cells[:3], watch[0], cells[3], watch[1]]), allow_errors=True).cells
    said = [cell.outputs for cell in done]
    items = json.loads(run.report.read_text())["install"]  # type: ignore[attr-defined]
    report = {canonicalize_name(item["metadata"]["name"]): item["metadata"]["version"] for item in items}
    return Installed(*said[:3], said[4], float(said[5][0].data["text/plain"]), before, report)


def test_the_environment_holds_colabs_versions_and_nothing_of_ours(installed: Installed) -> None:
    older = {name: number for name, number in COLAB.items() if name not in ("torch", "tifffile")}
    assert {name: installed.before.get(name) for name in older} == older
    assert not {"course-lib", "pytest", "jupytext", "papermill"} & installed.before.keys()


def test_what_is_downloaded_of_the_course_is_small(release: Release, tmp_path: Path) -> None:
    import urllib.request

    with urllib.request.urlopen(release.wheel) as answer:
        assert int(answer.headers["Content-Length"]) < LARGEST_WHEEL


def test_pips_own_report_says_that_nothing_of_colab_was_changed(installed: Installed) -> None:
    assert "course-lib" in installed.report
    assert not installed.report.keys() & installed.before.keys()


def test_one_line_says_what_was_done(installed: Installed) -> None:
    (output,) = installed.first
    new = ", ".join(sorted(installed.report.keys() - {"course-lib"}))
    assert output.text == f"course_lib {version('course-lib')} is installed with {new}. Changed on Colab: nothing.\n"


def test_the_second_time_one_line_says_so_within_a_second(installed: Installed) -> None:
    (output,) = installed.second
    assert output.text == f"course_lib {version('course-lib')} is here already: nothing to do.\n"
    assert installed.seconds < 1  # of the processor: this machine may be busy with other things


@pytest.mark.parametrize(("which", "words"), [("wrong_address", "404"), ("no_network", "Connection refused")])
def test_a_failure_is_one_line_with_the_reason(installed: Installed, which: str, words: str) -> None:
    (output,) = getattr(installed, which)
    assert output.output_type == "error"
    (line,) = output.traceback
    assert "\n" not in line
    assert line.startswith("The course was not installed. Is there a network? Is this the address: http://127.0.0.1:")
    assert words in line


# Lectures


@pytest.mark.parametrize("topic", sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb")))
def test_a_lecture_opens_on_colab(topic: str, installed: Installed, release: Release, run: Callable[..., Any]) -> None:
    """Up to its first figure, one of them to its end; numbers that are the same everywhere are so there, too."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{topic}.ipynb", as_version=4)
    drawn = [place for place, cell in enumerate(notebook.cells) if _has(cell, "image/png")]
    if topic != TO_THE_END:
        notebook.cells = notebook.cells[: drawn[0] + 1]
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    stored = [cell.outputs for cell in cells]
    for cell in cells:
        cell.outputs = []
    add_colab(notebook, release, path=f"notebooks/{topic}.ipynb")
    done = [cell for cell in run(notebook).cells if cell.cell_type == "code"]
    assert done[0].outputs[0].text.endswith("is here already: nothing to do.\n")
    assert not [output.text for cell in done for output in cell.outputs if output.get("name") == "stderr"]
    assert _has(done[-1], "image/png") or topic == TO_THE_END
    for cell, before in zip(done[1:], stored, strict=True):
        if "nbval-check-output" in cell.metadata.get("tags", []):
            assert "".join(_words(cell.outputs)) == "".join(_words(before)), cell.source


def _has(cell: Any, kind: str) -> bool:
    return any(kind in output.get("data", {}) for output in cell.get("outputs", []))


def _words(outputs: Any) -> list[str]:
    return ["".join(output.get("text") or output.get("data", {}).get("text/plain", "")) for output in outputs]


# Explorers


EXPLORERS = {
    "arithmetic of a convolution": "from course_lib.widgets import convolution_explorer as explorer\nexplorer()",
    "receptive field": "from course_lib.widgets import receptive_field_explorer as explorer\nexplorer()",
    "window of a CT": "from course_lib.widgets.volume import window_explorer as explorer\nexplorer()",
    "volume": "from course_lib.data.medical_image import MedicalImage\n"
    "from course_lib.widgets.volume import volume_explorer as explorer\n"
    "ramp = np.arange(9.0**3, dtype=np.float32).reshape(9, 9, 9)\n"
    "explorer(MedicalImage(ramp, np.diag([25.0, 25.0, 25.0, 1.0])), alt='A ramp.')",
    "descent": "from course_lib.widgets.descent import descent_explorer as explorer\nexplorer()",
    "any drawing": "from course_lib.widgets import explore\n"
    "def draw(*, slope=1.0):\n    figure, ax = plt.subplots()\n    ax.plot([0, 1], [0, slope])\n    return figure\n"
    "explore(draw, alt='A line.', slope=(0.0, 4.0))",
    "window of a net": "from course_lib.widgets.window import window_explorer as explorer\n"
    "shares = np.stack([np.linspace(0, 1, 15), np.linspace(1, 0, 15)]).reshape(2, 3, 5)\n"
    "explorer(np.random.rand(32, 40), shares, class_names=('1', 'nothing'), window_size=24, stride=4)",
    "bottleneck": "from course_lib.widgets.bottleneck import bottleneck_explorer as explorer\nexplorer()",
    "depth": "from course_lib.widgets.depth import depth_explorer as explorer\nexplorer()",
    "dense block": "from course_lib.widgets.dense_block import dense_block_explorer as explorer\nexplorer()",
    "prevalence": "from course_lib.widgets.prevalence import prevalence_explorer as explorer\n"
    "explorer([0, 0, 1, 1, 0, 1], [0.1, 0.6, 0.5, 0.9, 0.3, 0.2])",
    "segmentation error": "from course_lib.widgets.segmentation_error import segmentation_error_explorer as explorer\n"
    "explorer()",
    "findings": "from course_lib.widgets.findings import findings_explorer as explorer\n"
    "maps = np.random.rand(2, 2, 16, 16)\n"
    "explorer(maps[:, 0], [[0.7, 0.2], [0.1, 0.6]], maps, maps > 0.9, finding_names=['Mass', 'Edema'], "
    "spacing_mm=(1, 1))",
    "bias of age": "from course_lib.widgets.age_bias import age_bias_explorer as explorer\n"
    "explorer([30, 50, 70], [38, 50, 62])",
    "shapes of a U-Net": "from course_lib.widgets.unet_shapes import unet_shapes_explorer as explorer\nexplorer()",
}

# What a hand does, in the kernel: each control of the newest explorer, one after the other, to another value.
MOVE = """\
box = [one for one in ipywidgets.Widget.widgets.values() if type(one) is ipywidgets.VBox][-1]
panel, message, picture = box.children
moved, failed = set(), []
for knob in panel.children:
    start, seen = knob.value, picture.value
    if hasattr(knob, "options"):
        others = [value for _, value in knob._options_full if value != start]
    elif isinstance(start, bool):
        others = [not start]
    else:
        others = [knob.max, knob.min, (knob.min + knob.max) // 2, start + knob.step]
    for other in others:
        knob.value = other
        if "cannot be drawn" in message.value:
            failed.append(message.value)
        if picture.value != seen or "Not possible" in message.value:
            moved.add(knob.description)
    knob.value = start
print(len(moved), "of", len(panel.children), *failed)"""


@pytest.fixture(scope="session")
def explored(installed: Installed, run: Callable[..., Any]) -> dict[str, Any]:
    """All explorers in one kernel: what each showed, and what came of moving it."""
    cells = ["import ipywidgets, numpy as np, matplotlib.pyplot as plt"]
    for code in EXPLORERS.values():
        cells += [code, MOVE]
    done = run(new_notebook(cells=[new_code_cell(cell) for cell in cells]), allow_errors=True).cells[1:]
    return dict(zip(EXPLORERS, zip(done[::2], done[1::2], strict=True), strict=True))


@pytest.mark.parametrize("name", EXPLORERS)
def test_an_explorer_moves_on_colabs_old_widgets(name: str, explored: dict[str, Any]) -> None:
    shown, moved = explored[name]
    (output,) = shown.outputs
    assert output.output_type == "display_data", output
    assert {WIDGET, "image/png", "text/plain"} <= output.data.keys()
    (said,) = moved.outputs
    assert said.output_type == "stream", said
    assert re.fullmatch(r"[1-9] of \d\n", said.text), said.text  # a control may have nothing to say at first


# Training


TRAIN = """\
import os, torch
from torch import nn
from course_lib.training import fit

class Net(nn.Module):  # as on a GPU whose memory holds six images
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 2)
    def forward(self, x):
        if len(x) > 6:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.layer(x)

images = torch.randn(24, 3, generator=torch.Generator().manual_seed(0))
batches = list(zip(images.split(12), (images.sum(1) > 0).long().split(12)))
seen = []
def on_epoch_end(history):
    seen.append(len(history.train_loss))
    if len(seen) == LOST_AFTER:
        os._exit(1)
history = fit(Net(), batches, epochs=4, checkpoint_dir=FOLDER, on_epoch_end=on_epoch_end, progress=False)
print(seen, len(history.train_loss))"""


def test_training_goes_on_without_a_gpu_with_a_full_one_and_where_a_lost_machine_left_it(
    installed: Installed, run: Callable[..., Any], tmp_path: Path
) -> None:
    def train(lost_after: int) -> str:
        here = f"LOST_AFTER, FOLDER = {lost_after}, {str(tmp_path)!r}\n"
        (cell,) = run(new_notebook(cells=[new_code_cell(here + TRAIN)])).cells
        return "".join(_words(cell.outputs))

    with pytest.raises(DeadKernelError):
        train(lost_after=2)
    *said, last = train(lost_after=9).splitlines()
    assert [line.split(" in ")[0] for line in said] == ["The GPU's memory is full"] * 2
    assert last == "[3, 4] 4"


# Exercises


def test_an_exercise_says_not_attempted_not_yet_and_right(
    installed: Installed, release: Release, run: Callable[..., Any]
) -> None:
    """The exercise as handed out, run to its end; then a known wrong answer to its first task, and the right one."""
    exercise = nbformat.read(ROOT / "exercises" / f"{TO_THE_END}.ipynb", as_version=4)
    task = read_lesson(ROOT / "solutions" / f"{TO_THE_END}.py").tasks[0]
    checks = [cell for cell in exercise.cells if cell.metadata.get("course", {}).get("check") == task.name]
    for answer in (task.wrongs[0].source, task.source):
        exercise.cells += [new_code_cell(answer), *(new_code_cell(check.source) for check in checks)]
    add_colab(exercise, release, path=f"exercises/{TO_THE_END}.ipynb")
    done = run(exercise).cells
    said = [_words(cell.outputs) for cell in done if cell.cell_type == "code" and cell.source.startswith("%%check")]
    first, wrong, right = said[: -2 * len(checks)], said[-2 * len(checks) : -len(checks)], said[-len(checks) :]
    assert all(len(words) == 1 and words[0].startswith("○ ") and "not attempted" in words[0] for words in first)
    assert task.wrongs[0].hint in str(wrong)
    assert any(words[0].startswith("✗ ") and "not yet" in words[0] for words in wrong)
    assert all(words[0].startswith("✓ ") and "right" in words[0] for words in right)
    (progress,) = [cell for cell in done if cell.source.startswith("%progress")]
    assert "not attempted" in str(progress.outputs) or "○" in str(progress.outputs)
