"""A copy of `course_lib` for the student's kernel, in which what a task asks for is taken out.

The course's own library holds some of the answers. A task names them
(``withhold="course_lib.arithmetic.conv_output_size"``); in the copy the body of that function is gone, on disk as well
as in memory, and calling it says why.
"""

from __future__ import annotations

import ast
import compileall
import shutil
from collections.abc import Iterable
from importlib.util import cache_from_source
from pathlib import Path

from course_lib.errors import CourseError

__all__ = ["copy_without", "source_without"]

_PACKAGE = Path(__file__).parents[1]


def copy_without(names: Iterable[str], target: Path, *, package: Path = _PACKAGE) -> Path:
    """
    Copy the package into `target` without the bodies of `names`.

    Parameters
    ----------
    names : iterable of str
        Dotted names of functions, methods, classes, constants or whole modules of the package.
    target : Path
        The folder to make; it becomes a package folder of the same name as `package`.
    package : Path
        The package folder to copy.

    Returns
    -------
    Path
        `target`.

    Raises
    ------
    CourseError
        A name that the package does not have.
    """
    shutil.copytree(package, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"), symlinks=False)
    withheld = set()
    for name in sorted(set(names)):
        path, inside = _locate(name, target, package.name)
        path.write_text(source_without(path.read_text("utf-8"), inside, name=name), "utf-8")
        withheld.add(path)
    _copy_compiled(set(target.rglob("*.py")) - withheld, target, package)
    compileall.compile_dir(target, quiet=2)  # what is missing, and what is older than its source
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


def source_without(source: str, inside: str, *, name: str) -> str:
    """
    Return source in which one thing only says that it is withheld.

    `inside` is its dotted name within the module, empty for the whole module; `name` is its full name.

    >>> print(source_without("def f(x): return x + 1", "f", name="lib.f"))
    def f(x):
        raise RuntimeError('lib.f is what a task of this exercise asks you to write, so it cannot be used while it is
        graded')
    """
    tree = ast.parse(source)
    if not inside:
        tree.body = [*ast.parse(f"def __getattr__(name):\n    {_refusal(name)}").body]
        return ast.unparse(tree)
    body, wanted = tree.body, inside.split(".")
    for outer in wanted[:-1]:
        body = next((node.body for node in body if isinstance(node, ast.ClassDef) and node.name == outer), [])
    places = [place for place, node in enumerate(body) if wanted[-1] in _defined_by(node)]
    if not places:
        raise CourseError(
            f'withhold="{name}": the module has no {inside}; name a function, class or constant that it has'
        )
    for place in places:
        body[place] = _emptied(body[place], _refusal(name))
    return ast.unparse(tree)


def _copy_compiled(sources: Iterable[Path], target: Path, package: Path) -> None:
    """Take along what Python has compiled of these sources; it is bound to a source's time and size."""
    for source in sources:
        compiled = Path(cache_from_source(str(package / source.relative_to(target))))
        if compiled.is_file():
            folder = source.parent / "__pycache__"
            folder.mkdir(exist_ok=True)
            shutil.copyfile(compiled, folder / compiled.name)


def _refusal(name: str) -> str:
    message = f"{name} is what a task of this exercise asks you to write, so it cannot be used while it is graded"
    return f"raise RuntimeError({message!r})"


def _defined_by(node: ast.stmt) -> set[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}


def _emptied(node: ast.stmt, refusal: str) -> ast.stmt:
    """Give the definition back without what it says: no body, no docstring, no value."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        node.body = list(ast.parse(refusal).body)
    elif isinstance(node, ast.ClassDef):
        node.bases, node.keywords, node.decorator_list = [], [], []
        node.body = list(ast.parse(f"def __init__(self, *args, **kwargs):\n    {refusal}").body)
    elif isinstance(node, (ast.Assign, ast.AnnAssign)):
        node.value = ast.Constant(...)
    return node


def _locate(name: str, target: Path, package: str) -> tuple[Path, str]:
    """Return the copied file that a dotted name lies in, and what is left of the name inside it."""
    parts = name.split(".")
    if parts[0] != package:
        raise CourseError(
            f'withhold="{name}": only what {package} holds can be withheld; write {package}.module.function'
        )
    for end in range(len(parts), 0, -1):
        base = target.joinpath(*parts[1:end])
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file() and path != target / "__init__.py":
                return path, ".".join(parts[end:])
    raise CourseError(f'withhold="{name}": no such module in {package}')
