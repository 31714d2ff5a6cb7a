"""The two solution marks, read so strictly that a slip of the pen is an error and never a leak.

A region is written as teachers know it from nbgrader: marks on lines of their own, indented as the code between them::

    ### BEGIN SOLUTION
    ...
    ### END SOLUTION

Inside a function, students get one `raise NotImplementedError("…")` in its place; at column 0 they get `name = ...`.
Anything that looks like a mark and is not exactly one (other spacing, case, number of hashes, a tab) is refused.
"""

import ast
import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from course_lib.errors import CourseError

__all__ = [
    "BEGIN",
    "END",
    "EXCUSE",
    "Region",
    "bound_names",
    "find_regions",
    "looks_like_a_marker",
    "make_stub",
    "without_markers",
]

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"
EXCUSE = re.compile(r"\s*# equivalent: (`.+`): (\S.*)")
"""A line for `course check`: which slip in the next line gives the same answer, and why (see `mutation.py`)."""

_OPENING = ("begin", "start", "end", "stop", "close")
_OBJECTS = ("solution", "solutions", "answer", "hidden")


@dataclass(frozen=True)
class Region:
    """One pair of marks: indices of its two marker lines in the cell, and their indentation in blanks.

    Examples
    --------
    >>> find_regions(["### BEGIN SOLUTION", "x = 1", "### END SOLUTION"], place="a.py", line=1)
    (Region(first=0, last=2, indent=0),)
    """

    first: int
    last: int
    indent: int


def looks_like_a_marker(text: str) -> bool:
    """Whether a line could be meant as a solution mark, however it is spelt.

    Parameters
    ----------
    text
        One line.

    Returns
    -------
    bool
        True for the two marks, for near misses of them, and for every line that begins with three hashes.

    Examples
    --------
    >>> [looks_like_a_marker(line) for line in ("  #Begin_solution", "x = 1  # END SOLUTON", "# resolution at the end")]
    [True, True, False]
    """
    text = unicodedata.normalize("NFKC", text)
    if re.match(r"\s*#\s*#\s*#", text):
        return True
    return any(_is_near(re.findall(r"[a-z]+", part.lower())) for part in text.split("#")[1:])


def _is_near(words: list[str]) -> bool:
    """Two or three words such as `begin solution`, in either order, glued or misspelt."""
    if not 1 <= len(words) <= 4:
        return False
    if len(words) == 1:
        return bool(difflib.get_close_matches(words[0], ["beginsolution", "endsolution"], cutoff=0.85))
    opening = [word for word in words[:2] if difflib.get_close_matches(word, _OPENING, cutoff=0.75)]
    meant = [word for word in words[:3] if difflib.get_close_matches(word, _OBJECTS, cutoff=0.8)]
    return bool(opening) and any(word != "resolution" for word in meant)


def find_regions(lines: Sequence[str], *, place: str, line: int) -> tuple[Region, ...]:
    """Find the solution regions of one code cell.

    Parameters
    ----------
    lines
        The lines of the cell.
    place
        The file, for messages.
    line
        The number of the cell's first line in that file.

    Returns
    -------
    tuple of Region
        In order; empty when the cell has no mark.

    Raises
    ------
    CourseError
        For a mark that is unclosed, nested, unmatched, empty, oddly spelt or indented.

    Examples
    --------
    >>> find_regions(["x = 1"], place="a.py", line=1)
    ()
    """
    regions: list[Region] = []
    opened: tuple[int, int] | None = None
    for index, text in enumerate(lines):
        if not looks_like_a_marker(text):
            continue
        here = f"{place}:{line + index}"
        mark, indent = text.lstrip(" "), len(text) - len(text.lstrip(" "))
        if mark not in (BEGIN, END):
            raise CourseError(
                f"{here}: {text.strip()!r} looks like a solution mark and is not one; wanted exactly {BEGIN!r} or "
                f"{END!r} after blanks (lines with three hashes are kept for marks): write it so, or reword it"
            )
        if mark == BEGIN:
            if opened:
                raise CourseError(
                    f"{here}: {BEGIN!r} inside the region opened in line {line + opened[0]}; regions cannot be nested: "
                    f"close the first with {END!r}"
                )
            opened = (index, indent)
            continue
        if not opened:
            raise CourseError(f"{here}: {END!r} without a {BEGIN!r} above it in the same cell: add that line")
        if indent != opened[1]:
            raise CourseError(
                f"{here}: {END!r} is indented by {indent} and its {BEGIN!r} in line {line + opened[0]} by {opened[1]}; "
                "wanted the same indentation for both"
            )
        if not "".join(lines[opened[0] + 1 : index]).strip():
            raise CourseError(f"{here}: the region opened in line {line + opened[0]} is empty: put the solution in it")
        regions.append(Region(opened[0], index, indent))
        opened = None
    if opened:
        raise CourseError(
            f"{place}:{line + opened[0]}: {BEGIN!r} is never closed in its cell: add {END!r} at the same indentation"
        )
    return tuple(regions)


def without_markers(source: str) -> str:
    """Return the cell without its marker lines and excuses, all else kept: what the solution notebook shows.

    Examples
    --------
    >>> without_markers("### BEGIN SOLUTION" + chr(10) + "x = 1" + chr(10) + "### END SOLUTION")
    'x = 1'
    """
    lines = source.splitlines()
    return "\n".join(text for text in lines if text.strip() not in (BEGIN, END) and not EXCUSE.fullmatch(text))


def bound_names(statements: Iterable[ast.AST]) -> set[str]:
    """Names that statements bind in the scope they stand in: assignments, functions, classes, imports, loops.

    Examples
    --------
    >>> sorted(bound_names(ast.parse("a, b = 1, 2" + chr(10) + "def f(x): y = x").body))
    ['a', 'b', 'f']
    """
    names: set[str] = set()
    for node in statements:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((item.asname or item.name).split(".")[0] for item in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            names |= bound_names(ast.iter_child_nodes(node))
    return names


def make_stub(source: str, *, task: str, defines: Sequence[str], place: str, line: int) -> str:
    """Turn a solved cell into what students get.

    Parameters
    ----------
    source
        The task cell, with its marks; valid Python.
    task
        The task's name, said in the stub.
    defines
        The names that the task asks for; a region at column 0 becomes `name = ...` for those it binds.
    place, line
        File and number of the cell's first line, for messages.

    Returns
    -------
    str
        The cell with every region replaced; never a line of a region.

    Raises
    ------
    CourseError
        For a cell without a region, and for a region that is not whole statements of a function body or of column 0.

    Examples
    --------
    >>> cell = chr(10).join(["### BEGIN SOLUTION", "a = 1", "### END SOLUTION"])
    >>> make_stub(cell, task="a", defines=["a"], place="x.py", line=1)
    'a = ...  # your answer'
    """
    lines = source.splitlines()
    regions = find_regions(lines, place=place, line=line)
    if not regions:
        raise CourseError(
            f"{place}:{line}: the task {task!r} has no solution region; wanted the answer between {BEGIN!r} and "
            f"{END!r}, or students would get it: add the two lines"
        )
    tree = ast.parse(source)
    kept: list[str] = []
    done = 0
    for number, region in enumerate(regions, start=1):
        kept += lines[done : region.first]
        statements = _statements_of(tree, region, place=place, line=line)
        if region.indent == 0:
            names = [name for name in defines if name in bound_names(statements)]
            if not names:
                raise CourseError(
                    f"{place}:{line + region.first}: this region at column 0 binds none of the names in "
                    f'defines="{" ".join(defines)}", so there is nothing to ask students for: move it into a function, '
                    "or name in `defines` what it binds"
                )
            kept += [f"{name} = ...  # your answer" for name in names]
        else:
            which = "write your code here" if len(regions) == 1 else f"gap {number} of {len(regions)} is yours to fill"
            kept.append(" " * region.indent + f'raise NotImplementedError("{task}: {which}")')
        done = region.last + 1
    stub = "\n".join(kept + lines[done:])
    try:
        ast.parse(stub)
    except SyntaxError as error:
        raise CourseError(
            f"{place}:{line + regions[0].first}: without its regions the cell is not Python ({error.msg}); wanted "
            "whole statements between the marks: move the marks"
        ) from None
    return stub


def _statements_of(tree: ast.Module, region: Region, *, place: str, line: int) -> list[ast.stmt]:
    """Return the statements of one block that a region holds; a region that cuts the code otherwise is refused."""
    first, last = region.first + 1, region.last + 1
    here = f"{place}:{line + region.first}"
    within: list[ast.stmt] = []
    scope = ""
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    end = max((_span(node)[1] for node in statements if _starts_in(node, first, last)), default=0)
    for kind, block in _blocks(tree, "block outside of functions"):
        for statement in block:
            begins, ends = _span(statement)
            starts_in = _starts_in(statement, first, last)
            if starts_in and statement.col_offset < region.indent:
                raise CourseError(
                    f"{here}: the region's marks are indented by {region.indent}, but line {line + begins - 1} in it "
                    f"by {statement.col_offset}: indent the marks as the code between them"
                )
            # a statement may lie in the region, around it, or around all that is in it
            if (starts_in and ends > last) or (begins < first < ends < end) or _hides(statement, region):
                raise CourseError(
                    f"{here}: the region cuts the statement of line {line + begins - 1} in two; wanted whole "
                    "statements between the marks: move the marks"
                )
        if not within:
            within = [statement for statement in block if _starts_in(statement, first, last)]
            scope = kind
    if not within:
        raise CourseError(f"{here}: the region holds no statement (only comments or text): put the solution in it")
    if within[0].col_offset != region.indent:
        raise CourseError(
            f"{here}: the region's marks are indented by {region.indent}, the code between them by "
            f"{within[0].col_offset}: indent the marks as the code"
        )
    if region.indent and scope != "function":
        raise CourseError(
            f"{here}: this region stands in a {scope}, where the stub would stop the whole notebook; wanted it "
            "inside a function or at column 0: move the marks into the method or function"
        )
    return within


def _starts_in(statement: ast.stmt, first: int, last: int) -> bool:
    return first < _span(statement)[0] < last


def _hides(statement: ast.stmt, region: Region) -> bool:
    """Whether a mark lies within one simple statement, such as a long string."""
    begins, ends = _span(statement)
    simple = not hasattr(statement, "body") and not hasattr(statement, "cases")
    return simple and any(begins <= mark + 1 <= ends for mark in (region.first, region.last))


def _span(statement: ast.stmt) -> tuple[int, int]:
    """Return its first line (decorators counted) and its last."""
    decorators = getattr(statement, "decorator_list", [])
    begins = min([statement.lineno, *(item.lineno for item in decorators)])
    return begins, statement.end_lineno or statement.lineno


def _blocks(node: ast.AST, scope: str) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Every list of statements, outermost first, with the kind of scope it stands in."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        scope = "function"
    elif isinstance(node, ast.ClassDef):
        scope = "class body"
    for field in ("body", "orelse", "finalbody"):
        block = getattr(node, field, None)
        if isinstance(block, list):
            yield scope, block
    for child in ast.iter_child_nodes(node):
        yield from _blocks(child, scope)
