"""Slips that students make, as changes of a syntax tree: what else might stand at a place of a solution.

Another operator, a condition turned round, a number off by one, a term, call, keyword or statement forgotten, two
neighbours swapped, a name that came into being beside the right one, an intermediate value returned, a `return` inside
the loop.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Spot", "slips_at", "spots"]

_OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.Div),
    ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Mult, ast.Div),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitXor: (ast.BitOr,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
}
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_ORDER_MATTERS = (ast.Sub, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult)
_TWINS = {"max": "min", "argmax": "argmin", "sum": "mean", "any": "all", "floor": "ceil", "eval": "train"}
_TWINS |= {second: first for first, second in _TWINS.items()}
_NOT_CODE = ("annotation", "returns", "decorator_list", "type_comment")


@dataclass(frozen=True)
class Spot:
    """A place in the tree: `node` is `owner.field`, or `owner.field[index]`, and belongs to `statement`."""

    owner: ast.AST
    field: str
    index: int | None
    node: ast.AST
    statement: ast.AST
    function: ast.AST | None

    @property
    def line(self) -> int:
        """Return the line of the statement; 0 for the whole."""
        return int(getattr(self.statement, "lineno", 0))

    def put(self, new: Sequence[ast.AST], old: int = 1) -> None:
        """Put nodes in place of `old` nodes."""
        if self.index is None:
            setattr(self.owner, self.field, new[0])
        else:
            getattr(self.owner, self.field)[self.index : self.index + old] = new


def spots(owner: ast.AST, statement: ast.AST | None = None, function: ast.AST | None = None) -> Iterator[Spot]:
    """Give every place below a node, from the top down.

    Examples
    --------
    >>> [ast.unparse(spot.node) for spot in spots(ast.parse("x + 1")) if isinstance(spot.node, ast.expr)]
    ['x + 1', 'x', '1']
    """
    statement = statement or owner
    inside = owner if isinstance(owner, (ast.FunctionDef, ast.AsyncFunctionDef)) else function
    for field, value in ast.iter_fields(owner):
        for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(node, ast.AST) and field not in _NOT_CODE:
                nearest = node if isinstance(node, ast.stmt) else statement
                yield Spot(owner, field, index, node, nearest, inside)
                yield from spots(node, nearest, inside)


def slips_at(spot: Spot) -> Iterator[Sequence[ast.AST]]:
    """Give what may stand at a spot: one expression, or the statements in place of one (none: it is forgotten).

    Examples
    --------
    >>> place = next(spot for spot in spots(ast.parse("x - 1")) if isinstance(spot.node, ast.BinOp))
    >>> [ast.unparse(other) for other, in slips_at(place)]
    ['x + 1', 'x', '1', '1 - x']
    """
    if isinstance(spot.node, ast.stmt):
        yield from _other_statements(spot.node, spot)
    else:
        yield from ([other] for other in _other_expressions(spot.node, spot))


def _other_statements(node: ast.stmt, spot: Spot) -> Iterator[Sequence[ast.AST]]:
    """Give what may stand in a statement's place; an empty list for nothing."""
    bound = _bound_before(node, spot.function)
    if isinstance(node, ast.Assign):
        if _stored(*node.targets) <= set(bound):  # else its names would be missing, which nobody overlooks
            yield []
    elif isinstance(node, ast.AugAssign):
        yield []
        yield [ast.Assign([node.target], node.value, lineno=node.lineno)]
        for kind in _OPERATORS[type(node.op)]:
            yield [_with(node, op=kind())]
    elif isinstance(node, ast.Return):
        yield []
        for name in bound:
            yield [ast.Return(ast.Name(name, ast.Load()))]
    elif isinstance(node, ast.If):
        yield []
        yield node.body
    elif isinstance(node, ast.For):
        yield []
        block: list[ast.stmt] = getattr(spot.owner, spot.field)
        after = block[(spot.index or 0) + 1 :]
        if after and isinstance(after[0], ast.Return):
            yield [_with(node, body=[*node.body, after[0]])]
    elif isinstance(node, ast.With):
        yield node.body
    elif not _is_docstring(node) and isinstance(node, (ast.Expr, ast.Raise, ast.Assert, ast.Break, ast.Continue)):
        yield []


def _other_expressions(node: ast.AST, spot: Spot) -> Iterator[ast.AST]:
    """Give what may stand in an expression's place."""
    if spot.field in ("test", "ifs") and isinstance(node, ast.expr):
        yield ast.UnaryOp(ast.Not(), node)
    if isinstance(node, ast.BinOp):
        kinds = _OPERATORS[type(node.op)]
        if isinstance(node.right, ast.Constant) and node.right.value == 1:
            kinds = tuple(kind for kind in kinds if kind not in (ast.Mult, ast.Div))  # which leaves the term out
        yield from (_with(node, op=kind()) for kind in kinds)
        yield from (node.left, node.right)
        if isinstance(node.op, _ORDER_MATTERS) and not _is_absolute(spot.owner):
            yield _with(node, left=node.right, right=node.left)
    elif isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            for kind in _COMPARISONS[type(operator)]:
                yield _with(node, ops=_replaced(node.ops, place, kind()))
    elif isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        yield from node.values
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
        yield from map(_number, _other_numbers(node.value, spot.owner))
    elif isinstance(node, ast.Call):
        yield from _other_calls(node, spot)
    elif isinstance(node, (ast.Tuple, ast.List)) and (isinstance(node.ctx, ast.Load) or spot.field == "target"):
        if not (isinstance(spot.owner, ast.keyword) and spot.owner.arg in ("axis", "dim")):  # their order is no matter
            yield from (_with(node, elts=order) for order in _swapped(node.elts))
    elif isinstance(node, ast.Slice):
        yield from _other_slices(node)
    elif isinstance(node, ast.Attribute) and node.attr in _TWINS and isinstance(node.ctx, ast.Load):
        yield _with(node, attr=_TWINS[node.attr])
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield from (ast.Name(name, ast.Load()) for name in _companions(node.id, spot.function))
        if node.id in _TWINS:
            yield ast.Name(_TWINS[node.id], ast.Load())


def _other_calls(node: ast.Call, spot: Spot) -> Iterator[ast.AST]:
    """Forget a keyword or one of its values, swap two arguments, miss the end of a range, leave the call out."""
    for place, word in enumerate(node.keywords):
        yield _with(node, keywords=node.keywords[:place] + node.keywords[place + 1 :])
        if isinstance(word.value, ast.Tuple):
            for kept in (word.value.elts[:-1], word.value.elts[1:]):
                shorter = _with(word, value=_with(word.value, elts=kept))
                yield _with(node, keywords=_replaced(node.keywords, place, shorter))
    yield from (_with(node, args=order) for order in _swapped(node.args))
    if isinstance(node.func, ast.Name) and node.func.id == "range" and node.args:
        end = min(len(node.args) - 1, 1)
        for step in (1, -1):
            yield _with(node, args=_replaced(node.args, end, _off_by(node.args[end], step)))
    of_object = isinstance(node.func, ast.Attribute) and not (
        isinstance(node.func.value, ast.Name) and node.func.value.id not in _local_names(spot.function)
    )
    if of_object and isinstance(node.func, ast.Attribute):
        yield node.func.value
    elif len(node.args) == 1 and not isinstance(node.args[0], (ast.GeneratorExp, ast.Starred)):
        yield node.args[0]


def _other_slices(node: ast.Slice) -> Iterator[ast.Slice]:
    for step in (1, -1):
        if node.lower or step == 1:
            yield _with(node, lower=_off_by(node.lower, step) if node.lower else ast.Constant(1))
        if node.upper:
            yield _with(node, upper=_off_by(node.upper, step))
    if node.upper is None:
        yield _with(node, upper=_number(-1))
    if node.step:
        yield from (_with(node, step=None), _with(node, step=_off_by(node.step, 1)))


def _companions(name: str, function: ast.AST | None) -> list[str]:
    """Return the neighbours of a name among those that come into being together: arguments, or targets of a line."""
    groups: list[list[str]] = []
    for node in ast.walk(function) if function else ():
        if isinstance(node, ast.arguments):
            groups.append([one.arg for one in (*node.posonlyargs, *node.args, *node.kwonlyargs)])
        elif isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Store):
            groups.append([part.id for part in node.elts if isinstance(part, ast.Name)])
    near = []
    for group in groups:
        if name in group:
            place = group.index(name)
            near += group[max(place - 1, 0) : place] + group[place + 1 : place + 2]
    return list(dict.fromkeys(near))


def _other_numbers(value: float, owner: ast.AST) -> tuple[float, ...]:
    if isinstance(value, bool):
        return (not value,)
    added = isinstance(owner, ast.BinOp) and isinstance(owner.op, (ast.Add, ast.Sub))
    return tuple(one for one in (value + 1, value - 1) if one or not added)  # + 0 leaves the term out


def _bound_before(node: ast.stmt, function: ast.AST | None) -> list[str]:
    """Return the variables of the function that are set above a statement."""
    above = [
        part for part in (ast.walk(function) if function else ())
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store) and part.lineno < node.lineno
    ]  # fmt: skip
    return list(dict.fromkeys(part.id for part in sorted(above, key=lambda part: (part.lineno, part.col_offset))))


def _local_names(function: ast.AST | None) -> set[str]:
    if function is None:
        return set()
    return {part.arg for part in ast.walk(function) if isinstance(part, ast.arg)} | _stored(function)


def _stored(*nodes: ast.AST) -> set[str]:
    """Return the variables that are set in nodes."""
    parts = [part for node in nodes for part in ast.walk(node)]
    return {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def _with(node: Any, **fields: Any) -> Any:
    """Return a copy of a node with other fields."""
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_absolute(node: ast.AST) -> bool:
    """Whether a node is a call of abs, which does not care about a sign."""
    return isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "abs"


def _replaced(items: list[Any], place: int, new: Any) -> list[Any]:
    return [*items[:place], new, *items[place + 1 :]]


def _swapped(items: list[Any]) -> Iterator[list[Any]]:
    """Give the list with two neighbours swapped, for each pair; swapped zeros are the same list."""
    for place in range(len(items) - 1):
        pair = items[place : place + 2]
        if all(isinstance(one, ast.Constant) for one in pair) and pair[0].value == pair[1].value:
            continue
        yield [*items[:place], items[place + 1], items[place], *items[place + 2 :]]


def _off_by(node: ast.expr, step: int) -> ast.expr:
    return ast.BinOp(node, ast.Add() if step > 0 else ast.Sub(), ast.Constant(abs(step)))


def _number(value: float) -> ast.expr:
    return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0 else ast.Constant(value)
