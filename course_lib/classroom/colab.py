"""What lets a reader open a notebook in Colab: a badge under its title, and a cell that installs one release there.

Both name the tag of a release and never a branch: a notebook that worked when it was published works next year. They
are written only where `[tool.course]` gives the course's address, after a notebook is executed: no output depends on
them.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from course_lib.classroom.topics import course_settings
from course_lib.errors import CourseError

__all__ = ["Release", "add_colab", "find_release", "is_colab_cell"]

_ID = "colab"
_BADGE = "https://colab.research.google.com/assets/colab-badge.svg"

# What the page runs on and what is large is handed to pip as constraints: it would rather fail than change it. All
# that is there would be too much: one package of Colab that does not fit another, and pip refuses.
_CELL = """\
#@title On Colab, this installs the course; elsewhere it does nothing
def install_course(version, wheel):
    import importlib, subprocess, sys, tempfile
    from importlib.metadata import distributions

    def installed():
        importlib.invalidate_caches()
        found = {}
        for each in distributions():
            try:
                name = each.name
            except Exception:  # half removed
                continue
            if name:  # the first of a name is the one that is imported
                found.setdefault(name.lower().replace("_", "-"), each.version)
        return found

    before = installed()
    if before.get("course-lib") == version:
        print(f"course_lib {version} is here already: nothing to do.")
        return
    kept = "torch torchvision torchaudio numpy scipy pandas scikit-learn matplotlib pillow requests"
    kept += " ipython ipykernel ipywidgets jupyter-client jupyter-core traitlets tornado pyzmq"
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as keep:
        for name in kept.split():
            if name in before:
                print(f"{name}=={before[name]}", file=keep, flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--retries", "2", "--constraint", keep.name, wheel]
        done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.splitlines() or ["pip gave no reason"]
        why = ([line for line in said if line.startswith("ERROR")] or said)[-1]
        raise NotInstalled(f"The course was not installed. Is there a network? Is this the address: {wheel}? {why}")
    after = installed()
    changed = [name for name in before if name != "course-lib" and after.get(name) != before[name]]
    new = ", ".join(sorted(after.keys() - before.keys() - {"course-lib"})) or "nothing else"
    print(f"course_lib {version} is installed with {new}. Changed on Colab: {', '.join(changed) or 'nothing'}.")


class NotInstalled(Exception):
    def _render_traceback_(self):  # one line in place of a traceback
        return [str(self)]


try:
    import google.colab
except ImportError:
    pass
else:
    install_course(VERSION, WHEEL)
"""


@dataclass(frozen=True)
class Release:
    """Where the course is published, and as which version.

    Examples
    --------
    >>> Release("https://github.com/some/course", "1.2.0").wheel
    'https://github.com/some/course/releases/download/v1.2.0/course_lib-1.2.0-py3-none-any.whl'
    """

    repository: str
    version: str

    @property
    def tag(self) -> str:
        """The tag of the release."""
        return f"v{self.version}"

    @property
    def wheel(self) -> str:
        """The address of the package, a file of the release: the repository itself is many times as large."""
        return f"{self.repository}/releases/download/{self.tag}/course_lib-{self.version}-py3-none-any.whl"

    def in_colab(self, notebook: str) -> str:
        """Return where Colab opens a notebook, given by its path in the repository; empty outside of GitHub."""
        parts = urlsplit(self.repository)
        if parts.netloc != "github.com":
            return ""
        return f"https://colab.research.google.com/github{parts.path}/blob/{self.tag}/{notebook}"


def find_release(root: Path) -> Release | None:
    """Read a course's address and version from its pyproject.toml.

    Parameters
    ----------
    root
        The checkout.

    Returns
    -------
    Release or None
        None for a course without an address.

    Raises
    ------
    CourseError
        When the address is none, or the project has no version.
    """
    repository = str((course_settings(root) or {}).get("repository", "")).rstrip("/").removesuffix(".git")
    if not repository:
        return None
    parts = urlsplit(repository)
    if parts.scheme not in ("http", "https") or parts.path.count("/") < 2:
        raise CourseError(
            f'[tool.course] repository is "{repository}"; wanted one such as https://github.com/OWNER/NAME, or none'
        )
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    if "version" not in project:
        raise CourseError(
            "pyproject.toml has a [tool.course] repository and no [project] version; a badge names a release: add it"
        )
    return Release(repository, str(project["version"]))


def add_colab(notebook: Any, release: Release, *, path: str) -> None:
    """Write the badge under the title, and the installing cell before the first cell of code.

    Parameters
    ----------
    notebook
        Without either; is changed.
    release
        What is installed.
    path
        Of the notebook in the repository.
    """
    from nbformat.v4 import new_code_cell

    address = release.in_colab(path)
    if address and notebook.cells and notebook.cells[0].cell_type == "markdown":
        title, _, rest = notebook.cells[0].source.partition("\n")
        notebook.cells[0].source = f"{title}\n\n[![Open this notebook in Colab]({_BADGE})]({address})\n{rest}".rstrip()
    code = [place for place, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    if code:
        source = _CELL.rstrip("\n").replace("VERSION, WHEEL", f"{release.version!r}, {release.wheel!r}")
        # folded to its title on Colab and in JupyterLab, left out of the reading site
        folded = {"cellView": "form", "jupyter": {"source_hidden": True}, "tags": ["remove-cell"]}
        notebook.cells.insert(code[0], new_code_cell(source, id=_ID, metadata=folded))


def is_colab_cell(cell: Any) -> bool:
    """Whether a cell is the one that `add_colab` writes."""
    return bool(cell.get("id") == _ID)
