"""Which files of the library a lesson depends on: its imports, and theirs, read from the code without running it."""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["code_alone", "library_files"]

PACKAGE = "course_lib"


def library_files(root: Path, sources: Iterable[str]) -> tuple[Path, ...]:
    """List the files of the library that code reaches by its imports.

    Parameters
    ----------
    root
        The checkout, which holds `course_lib`.
    sources
        Code of notebook cells; `%load_ext course_lib.…` counts as an import, other magics are passed over.

    Returns
    -------
    tuple of Path
        Sorted; the modules, the packages above them, and files beside a module that it names in a string
        (such as a style file). Empty for code that imports nothing of the library.

    Examples
    --------
    >>> library_files(Path("/nowhere"), ["import course_lib.arithmetic"])
    ()
    """
    names = {name for source in sources for name in _imports(_plain(source), package="")}
    waiting = sorted(names)
    seen: set[str] = set()
    files: set[Path] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or name.partition(".")[0] != PACKAGE:
            continue
        seen.add(name)
        file = _file_of(root, name)
        if file is None:
            continue
        text = file.read_text(encoding="utf-8")
        files |= {file, *_named_files(file, text)}
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        waiting += [name.rpartition(".")[0], *_imports(text, package=package)]
    return tuple(sorted(files))


def code_alone(source: str) -> str:
    r"""Return a module's code without what no notebook shows: comments, empty lines, docstrings with code after them.

    Examples
    --------
    >>> code_alone('x = "#1"  # one\n\n# two\n')
    'x = "#1"'
    """
    lines: list[str | None] = [*source.splitlines()]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        row, column = token.start
        if token.type == tokenize.COMMENT:
            lines[row - 1] = (lines[row - 1] or "")[:column].rstrip() or None
        elif token.type == tokenize.NL and not token.line.strip():  # an empty line inside a string is no such token
            lines[row - 1] = None
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and _docstring(node):
            first, last = node.body[0].lineno, node.body[0].end_lineno or node.body[0].lineno
            lines[first - 1 : last] = [None] * (last - first + 1)
    return "\n".join(line for line in lines if line is not None)


def _docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a docstring stands there that can be taken out: on lines of its own, and not alone."""
    if ast.get_docstring(node, clean=False) is None or len(node.body) == 1:
        return False
    return isinstance(node, ast.Module) or node.body[0].lineno > node.lineno


def _plain(source: str) -> str:
    """Return the cell without magics."""
    loaded = re.findall(rf"^%(?:re)?load_ext\s+({PACKAGE}[\w.]*)", source, flags=re.MULTILINE)
    lines = ["" if line.lstrip().startswith(("%", "!", "?")) else line for line in source.splitlines()]
    return "\n".join([*lines, *(f"import {name}" for name in loaded)])


def _imports(source: str, *, package: str) -> Iterator[str]:
    """Dotted names that may be modules; code that cannot be parsed (a cell meant to fail) imports nothing."""
    try:
        tree = compile(source, "<cell>", "exec", flags=ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (item.name for item in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{item.name}" for item in node.names)


def _file_of(root: Path, name: str) -> Path | None:
    base = root.joinpath(*name.split("."))
    return next((path for path in (base / "__init__.py", base.with_name(f"{base.name}.py")) if path.is_file()), None)


def _named_files(module: Path, text: str) -> Iterator[Path]:
    """Yield files beside a module that a string in it names."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[\w-]+\.\w+", node.value):
            path = module.parent / node.value
            if path.is_file():
                yield path
