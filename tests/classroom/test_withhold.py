import compileall
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from course_lib.classroom.withhold import copy_without, source_without
from course_lib.errors import CourseError

SOURCE = '''
SECRET = (1, 2, 3)
LIMIT: int = 7


@some.decorator
def answer(x, *, y=2):
    """The answer is forty-two."""
    return 42


class Net(Base):
    width = 5

    def forward(self, x):
        return x * 1234

    def other(self):
        return "kept"
'''


@pytest.fixture
def package(tmp_path) -> Path:
    folder = tmp_path / "lib"
    (folder / "nets").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "nets" / "__init__.py").write_text("from lib.nets.small import answer\n")
    (folder / "nets" / "small.py").write_text(SOURCE)
    (folder / "nets" / "__pycache__").mkdir()
    (folder / "nets" / "__pycache__" / "small.cpython-311.pyc").write_bytes(b"forty-two")
    return folder


@pytest.mark.parametrize(
    ("inside", "gone", "kept"),
    [
        ("answer", ["42", "forty-two"], ["def answer(x, *, y=2)", "1234", "(1, 2, 3)"]),
        ("Net.forward", ["1234"], ["'kept'", "42"]),
        ("Net", ["1234", "'kept'", "width = 5"], ["42", "class Net"]),
        ("SECRET", ["(1, 2, 3)"], ["42", "SECRET = ..."]),
        ("LIMIT", ["7"], ["LIMIT: int = ..."]),
        ("", ["42", "1234", "Net"], ["def __getattr__"]),
    ],
)
def test_what_is_withheld_is_gone_and_the_rest_is_kept(inside, gone, kept):
    text = source_without(SOURCE, inside, name=f"lib.{inside}")
    assert [words for words in gone if words in text] == []
    assert [words for words in kept if words not in text] == []


def test_a_withheld_function_says_why_it_does_not_work():
    names: dict = {}
    exec(source_without("def f(): return 1", "f", name="lib.f"), names)
    with pytest.raises(RuntimeError, match=r"lib\.f is what a task of this exercise asks you to write"):
        names["f"]()


def test_the_copy_holds_no_trace_of_it_not_even_compiled(package, tmp_path):
    copy = copy_without(["lib.nets.small.answer"], tmp_path / "copy", package=package)
    texts = {path.relative_to(copy): path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    assert Path("nets/small.py") in texts
    assert [path for path, text in texts.items() if b"forty-two" in text] == []
    assert any(path.suffix == ".pyc" for path in texts)


def test_what_is_compiled_already_is_taken_along_unless_its_source_is_newer(package, tmp_path):
    compileall.compile_dir(package, quiet=2)
    kept, old = (Path(cache_from_source(str(package / name))) for name in ("__init__.py", "nets/__init__.py"))
    old.write_bytes(old.read_bytes()[:8] + b"\0\0\0\0" + b"forty-two")  # the time of its source is 0
    kept.write_bytes(kept.read_bytes() + b"taken along")
    copy = copy_without(["lib.nets.small.answer"], tmp_path / "out" / "lib", package=package)
    assert (copy / kept.relative_to(package)).read_bytes().endswith(b"taken along")
    assert b"forty-two" not in (copy / old.relative_to(package)).read_bytes()


def test_everyone_may_read_the_copy(package, tmp_path):
    copy = copy_without([], tmp_path / "copy", package=package)
    assert {path.stat().st_mode & 0o777 for path in copy.rglob("*")} == {0o755, 0o644}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lib.nets.small.nothing", "the module has no nothing"),
        ("lib.nets.small.Net.nothing", r"the module has no Net\.nothing"),
        ("lib.nowhere.f", "no such module in lib"),
        ("os.system", "only what lib holds can be withheld"),
    ],
)
def test_a_name_that_is_not_there_is_an_error_never_a_leak(package, tmp_path, name, words):
    with pytest.raises(CourseError, match=words):
        copy_without([name], tmp_path / "copy", package=package)
