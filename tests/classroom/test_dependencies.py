"""Which files of the library a lesson depends on."""

from pathlib import Path

import pytest

from course_lib.classroom.dependencies import library_files

FILES = {
    "__init__.py": "",
    "errors.py": "",
    "arithmetic.py": "import math\nfrom course_lib.errors import CourseError\n",
    "figures.py": 'STYLE = "course.mplstyle"\nUNKNOWN = "no.such"\ndef late():\n    from . import arithmetic\n',
    "course.mplstyle": "",
    "models/__init__.py": "",
    "models/lenet.py": "from ..arithmetic import Layer\n",
    "models/vgg.py": "",
    "data/__init__.py": "from course_lib.data.digits import load\n",
    "data/digits.py": "from .splits import split\n",
    "data/splits.py": "",
}


@pytest.fixture
def root(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / "course_lib" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("import numpy", []),
        ("import course_lib.errors", ["__init__.py", "errors.py"]),
        ("from course_lib.arithmetic import Layer", ["__init__.py", "arithmetic.py", "errors.py"]),
        ("from course_lib import arithmetic as a", ["__init__.py", "arithmetic.py", "errors.py"]),
        ("def f():\n    import course_lib.models.vgg", ["__init__.py", "models/__init__.py", "models/vgg.py"]),
        ("from course_lib.data import load", ["__init__.py", "data/__init__.py", "data/digits.py", "data/splits.py"]),
        (
            "from course_lib.models import lenet",
            ["__init__.py", "arithmetic.py", "errors.py", "models/__init__.py", "models/lenet.py"],
        ),
        ("import course_lib.figures", ["__init__.py", "arithmetic.py", "course.mplstyle", "errors.py", "figures.py"]),
        ("%load_ext course_lib.errors\n%matplotlib inline", ["__init__.py", "errors.py"]),
        ("    %pip install x\nimport course_lib.errors", ["__init__.py", "errors.py"]),
        ("if 1:\n    %pip install x\n    1\nimport course_lib.errors", ["__init__.py", "errors.py"]),
        ("1 +", []),
        ("await f()\nimport course_lib.errors", ["__init__.py", "errors.py"]),
    ],
)
def test_the_files_behind_an_import_are_found(root, code, wanted):
    assert [path.relative_to(root / "course_lib").as_posix() for path in library_files(root, [code])] == sorted(wanted)


def test_the_classroom_is_reached_only_as_far_as_lessons_use_it(root):
    checkout = Path(__file__).parent.parent.parent
    names = {path.name for path in library_files(checkout, ["from course_lib.classroom import explain"])}
    assert {"messages.py", "feedback.py", "machine.py"} <= names
    assert not names & {"build.py", "cli.py", "lesson.py", "doctor.py", "sandbox.py"}
