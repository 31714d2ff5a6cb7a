"""Which files of the library a lesson depends on."""

import ast
from pathlib import Path

import pytest

from course_lib.classroom.dependencies import code_alone, library_files

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


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("", ""),
        ("x = 1  # one\n\n# two\n", "x = 1"),
        ('x = "# no comment"\n', 'x = "# no comment"'),
        ('"""Doc."""\nx = """\nno docstring # at all\n"""\n', 'x = """\nno docstring # at all\n"""'),
        ('class A:\n    """Doc\n    of A."""\n\n    x = 1\n', "class A:\n    x = 1"),
        ('class A:\n    """Doc."""\n', 'class A:\n    """Doc."""'),
        ('def f(): "doc"\n', 'def f(): "doc"'),
        ('def f(x="a"):\n    x\n    "no docstring"\n', 'def f(x="a"):\n    x\n    "no docstring"'),
    ],
)
def test_words_about_the_code_are_left_out(source, wanted):
    assert code_alone(source) == wanted


LIBRARY = Path(__file__).parents[2] / "course_lib"


@pytest.mark.parametrize("path", sorted(LIBRARY.rglob("*.py")), ids=lambda path: str(path.relative_to(LIBRARY)))
def test_what_is_left_of_the_library_is_its_code(path):
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(wanted := ast.parse(text)):
        is_place = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        if is_place and len(node.body) > 1 and ast.get_docstring(node):
            del node.body[0]
    assert ast.dump(ast.parse(code_alone(text))) == ast.dump(wanted)
