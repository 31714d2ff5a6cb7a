"""Mutants of a solution: the same cell with one small slip in it, so that a teacher sees which slips the checks miss.

The idea is DeMillo, Lipton and Sayward's (1978, "Hints on test data selection"): checks that tell a solution from all
its near neighbours also tell it from most wrong programs. `course_lib.classroom.slips` says which slips.
"""

from __future__ import annotations

import ast
import random
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import CodeType
from typing import Any

from course_lib.classroom.markers import EXCUSE, find_regions
from course_lib.classroom.slips import Spot, slips_at, spots
from course_lib.errors import CourseError

__all__ = ["Mutant", "mutants"]


@dataclass(frozen=True)
class Mutant:
    """
    One slip.

    `source` is the whole cell with it, `line` the line of the solved cell that it is in (from 1), `before` and `after`
    that statement's code. `excuse` is the reason given in the cell why no check can tell this one from the solution.
    """

    source: str
    line: int
    before: str
    after: str
    excuse: str = ""


def mutants(source: str, *, most: int = 100, seed: str = "") -> list[Mutant]:
    """
    Return the mutants of a solved cell, in the order of its lines.

    Only what stands between the solution marks is changed. A slip that compiles to the solution's own code, or to that
    of another mutant, is left out. A slip that no check can tell from the solution is excused by a comment in the line
    above: ``# equivalent: `CODE`: REASON``. Mutants of that line that have CODE where the solution has not carry the
    reason as their `excuse`; there may be several `CODE`.

    Parameters
    ----------
    source : str
        The cell with its marks.
    most : int
        Where there are more, as many are drawn by `seed`.

    Raises
    ------
    CourseError
        An excuse that no mutant needs.

    Examples
    --------
    >>> cell = ["def double(x):", "    ### BEGIN SOLUTION", "    return 2 * x", "    ### END SOLUTION"]
    >>> [one.after for one in mutants(chr(10).join(cell))][:4]
    ['nothing', 'return 2 + x', 'return 2 / x', 'return 2']
    """
    lines = source.splitlines()
    tree = ast.parse(source)
    regions = find_regions(lines, place="solution", line=1)
    excuses = _excuses(lines)
    seen = {_meaning(ast.unparse(tree))}
    found: list[Mutant] = []
    for spot in spots(tree):
        if not any(region.first < spot.line - 1 < region.last for region in regions):
            continue
        for one in _mutants_at(spot, tree):
            meaning = _meaning(one.source)
            if meaning and meaning not in seen:
                seen.add(meaning)
                found.append(one)
    found = [replace(one, excuse=excuse) if (excuse := _excuse_of(one, excuses)) else one for one in found]
    for line, after, reason in excuses:
        if not any(one.line == line and one.excuse == reason and after in one.after for one in found):
            raise CourseError(f"a solution excuses `{after}` ({reason}), which no slip in its line gives: take it away")
    if len(found) > most:
        drawn = sorted(random.Random(seed).sample(range(len(found)), most))
        found = [found[place] for place in drawn]
    return found


def _mutants_at(spot: Spot, tree: ast.AST) -> Iterator[Mutant]:
    before = _first_line(spot.statement)
    for new in slips_at(spot):
        spot.put(new or [ast.Pass()])
        after = "; ".join(map(_first_line, new)) if isinstance(spot.node, ast.stmt) else _first_line(spot.statement)
        if after == before:  # the slip is in the last line of its block
            after += " … " + ast.unparse(new[0]).split("\n")[-1].strip()
        text = ast.unparse(ast.fix_missing_locations(tree))
        spot.put([spot.node], max(len(new), 1))
        yield Mutant(text, getattr(spot.node, "lineno", spot.line), before, after or "nothing")


def _first_line(node: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(node)).strip().split("\n")[0]


def _excuses(lines: Sequence[str]) -> list[tuple[int, str, str]]:
    """Return line, code and reason of each excuse; it stands above its line."""
    matches = [(number + 1, match) for number, text in enumerate(lines, 1) if (match := EXCUSE.fullmatch(text))]
    return [(line, after, match[2]) for line, match in matches for after in re.findall("`(.+?)`", match[1])]


def _excuse_of(mutant: Mutant, excuses: Sequence[tuple[int, str, str]]) -> str:
    fitting = (
        reason
        for line, after, reason in excuses
        if line == mutant.line and after in mutant.after and after not in mutant.before
    )
    return next(fitting, "")


def _meaning(source: str) -> Any:
    """Return what the cell compiles to, the same for cells that do the same; None for what is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a slip such as `2(x)` is one that Python warns of
            return _essence(compile(source, "<mutant>", "exec"))
    except (SyntaxError, ValueError):
        return None


def _essence(code: CodeType) -> tuple[Any, ...]:
    constants = tuple(
        _essence(one) if isinstance(one, CodeType) else (type(one).__name__, repr(one)) for one in code.co_consts
    )
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
    return code.co_code, code.co_exceptiontable, constants, names, counts
