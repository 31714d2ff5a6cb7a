"""`%%check TASK` and `%progress`: what a student sees at once, in any notebook front end, without a network.

A check never stops the notebook: whatever the student's code does, one of three states is shown, by symbol, word and
colour: ○ not attempted, ✗ not yet, ✓ right. Only the student's own interrupt goes through.
`%%check` knows nothing of points or hidden checks; those are the grader's.
"""

import ast
import linecache
import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_lib.classroom.messages import as_html, explain, hint_for, reveal

__all__ = ["Outcome", "explain", "hint_for", "judge", "load_ipython_extension", "reveal", "there"]

_STATES = {  # state: (symbol, colour that reads on white and on black)
    "not attempted": ("○", "#767676"),
    "not yet": ("✗", "#D55E00"),
    "right": ("✓", "#009E73"),
}


@dataclass(frozen=True)
class Outcome:
    """State of one check ("not attempted", "not yet" or "right") and the lines that explain it.

    Examples
    --------
    >>> judge("assert f(1) == 2, 'f(1) is not 2'", {"f": lambda x: x})
    Outcome(state='not yet', lines=('f(1) is not 2',))
    """

    state: str
    lines: tuple[str, ...] = ()


def there(expression: str) -> Any:
    """Build an object where the student's code runs; in the student's own notebook that is simply here.

    Parameters
    ----------
    expression
        Python that may use `np` and `torch`.

    Returns
    -------
    object
        Its value. The grader replaces this function by one that evaluates in the student's kernel.

    Examples
    --------
    >>> there("np.arange(3).tolist()")
    [0, 1, 2]
    """
    names: dict[str, Any] = {"np": np}
    if "torch" in expression:
        import torch

        names["torch"] = torch
    return eval(expression, names)


def judge(source: str, namespace: Mapping[str, Any]) -> Outcome:
    """Run the asserts of a check on a copy of a namespace and say what came of it.

    Parameters
    ----------
    source
        The check: plain asserts, whose messages are hints.
    namespace
        The student's names; nothing is added to it or taken from it.

    Returns
    -------
    Outcome
        Never raises, except `KeyboardInterrupt`: whoever stops a check wants it stopped.

    Examples
    --------
    >>> judge("assert f(1) == 1, 'no'", {}).state
    'not attempted'
    """
    try:
        tree = ast.parse(source)
        # asserts are the point, so they stay even in a kernel that runs with -O
        code = compile(tree, "<check>", "exec", optimize=0)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        return Outcome(
            "not yet", (f"The check itself was changed (line {line}): copy it from the notebook handed out.",)
        )
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    open_names = sorted(name for name in used if namespace.get(name, None) is ...)
    if open_names:
        return Outcome(
            "not attempted", (f"`{open_names[0]}` is still `...`: write your answer, run its cell, then this.",)
        )
    scratch = {**namespace, "rng": np.random.default_rng(0), "there": there, "__name__": "__main__"}
    try:
        exec(code, scratch)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: a check never stops the notebook
        return _outcome_of(error, source, namespace)
    return Outcome("right")


def _outcome_of(error: BaseException, source: str, namespace: Mapping[str, Any]) -> Outcome:
    frames = list(traceback.walk_tb(error.__traceback__))
    mine = [(frame, line) for frame, line in frames if frame.f_globals is namespace]
    checks = [line for frame, line in frames if frame.f_code.co_filename == "<check>"]
    if isinstance(error, NotImplementedError) and mine and frames[-1][0] is mine[-1][0]:
        return Outcome("not attempted", (f"{_text(error)}." if _text(error) else "Write your code in the cell above.",))
    if isinstance(error, NameError) and not mine and getattr(error, "name", None) not in namespace:
        name = getattr(error, "name", None) or _text(error)
        return Outcome("not attempted", (f"There is no `{name}` yet: run the cell above first, it makes it.",))
    if isinstance(error, AssertionError) and not mine:
        return Outcome("not yet", (_text(error) or f"This does not hold: `{_line(source, checks)}`",))
    lines = [f"Your code stopped with {type(error).__name__}" + (f": {_text(error)}" if _text(error) else ".")]
    if mine:
        frame, number = mine[-1]
        text = linecache.getline(frame.f_code.co_filename, number).strip()
        lines.append(f"In `{frame.f_code.co_name}`, line {number} of its cell" + (f": `{text}`" if text else "."))
    lines.append(f"It was asked for: `{_line(source, checks)}`")
    lines.append("What does each name in that line hold at that moment?")
    return Outcome("not yet", tuple(lines))


def _text(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # an exception whose own message fails
        text = ""
    return text.strip().rstrip(".") if isinstance(error, NotImplementedError) else text.strip()[:2000]


def _line(source: str, numbers: list[int]) -> str:
    lines = source.splitlines()
    text = lines[numbers[0] - 1].strip() if numbers and numbers[0] <= len(lines) else "the check"
    return text if len(text) <= 160 else text[:159] + "…"


class _Board:
    """Progress of one kernel: the last outcome of every requirement of every task."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.outcomes: dict[str, dict[str, Outcome]] = {}

    def check(self, line: str, cell: str) -> None:
        """Run the asserts below on your answer: `%%check task: requirement`."""
        task, _, requirement = (part.strip() for part in line.partition(":"))
        if not task:
            _publish(_Box("not attempted", "%%check", ("Name the task: %%check output_size",)), {})
            return
        outcome = judge(cell, self.shell.user_ns)
        self.outcomes.setdefault(task, {})[requirement] = outcome
        lines = outcome.lines
        if outcome.state == "right":
            lines = tuple(re.findall(r"^# after: (.+)$", cell, flags=re.MULTILINE))
        title = f"{task}: {requirement}" if requirement else task
        _publish(_Box(outcome.state, title, lines), {"course": {"task": task, "state": outcome.state}})

    def progress(self, line: str) -> None:
        """Show the state of all tasks: `%progress output_size=2 receptive_field`, with the number of checks of each."""
        wanted = dict(part.partition("=")[::2] for part in line.split())
        wanted.update({task: "" for task in self.outcomes if task not in wanted})
        rows = [self._row(task, count) for task, count in wanted.items()]
        done = sum(state == "right" for _, state, _ in rows)
        title = (
            f"{done} of {len(rows)} tasks right"
            if rows
            else "No task was checked yet: run a cell that begins with %%check."
        )
        _publish(_Table(title, tuple(rows)), {"course": {"right": done, "tasks": len(rows)}})

    def _row(self, task: str, count: str) -> tuple[str, str, str]:
        seen = self.outcomes.get(task, {})
        right = sum(outcome.state == "right" for outcome in seen.values())
        number = max(int(count) if count.isdigit() else 1, len(seen))
        if right == number:
            state = "right"
        elif right or any(outcome.state == "not yet" for outcome in seen.values()):
            state = "not yet"
        else:
            state = "not attempted"
        return task, state, f"{right} of {number} check{'s' if number > 1 else ''} right"


@dataclass(frozen=True)
class _Box:
    """One outcome as text and as HTML."""

    state: str
    title: str
    lines: tuple[str, ...]

    def text(self) -> str:
        symbol, _ = _STATES[self.state]
        return "\n".join([f"{symbol} {self.title} · {self.state}", *(f"  {line}" for line in self.lines)])

    def html(self) -> str:
        symbol, colour = _STATES[self.state]
        head = f"{_mark(symbol, colour)} <b>{as_html(self.title)}</b> · <b>{self.state}</b>"
        lines = (f'<div style="margin-top:.3em;white-space:pre-wrap">{as_html(line)}</div>' for line in self.lines)
        body = "".join(lines)
        return (
            f'<div role="status" style="border-left:.3em solid {colour};padding:.4em .8em;margin:.2em 0;'
            f'max-width:56em;line-height:1.45">{head}{body}</div>'
        )


@dataclass(frozen=True)
class _Table:
    """The progress of all tasks as text and as HTML."""

    title: str
    rows: tuple[tuple[str, str, str], ...]

    def text(self) -> str:
        width = max([len(task) for task, _, _ in self.rows], default=0)
        rows = [f"  {_STATES[state][0]} {task:<{width}}  {state:<13}  {checks}" for task, state, checks in self.rows]
        return "\n".join([self.title, *(row.rstrip() for row in rows)])

    def html(self) -> str:
        cell = '<td style="text-align:left;padding:.15em 1em .15em 0;background:none">'
        rows = "".join(
            f'<tr style="background:none">{cell}{_mark(*_STATES[state])} {as_html(task)}</td>{cell}{state}</td>'
            f"{cell}{checks}</td></tr>"
            for task, state, checks in self.rows
        )
        head = "".join(f'<th scope="col" style="text-align:left">{name}</th>' for name in ("task", "state", "checks"))
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if rows else ""
        return f'<div role="status"><b>{as_html(self.title)}</b>{table}</div>'


def _mark(symbol: str, colour: str) -> str:
    return f'<span aria-hidden="true" style="color:{colour};font-weight:bold">{symbol}</span>'


def _publish(shown: _Box | _Table, metadata: dict[str, Any]) -> None:
    from IPython.display import publish_display_data

    publish_display_data({"text/plain": shown.text(), "text/html": shown.html()}, metadata)


def load_ipython_extension(shell: Any) -> None:
    """Give a notebook `%%check` and `%progress`: what `%load_ext course_lib.classroom` does.

    Parameters
    ----------
    shell
        The running IPython; its progress is kept when the extension is loaded again.
    """
    from IPython.core.magic import no_var_expand

    for function in (_Board.check, _Board.progress):
        no_var_expand(function)  # `$` and braces in a requirement are text
    board = getattr(shell, "_course_board", None)
    if not isinstance(board, _Board):
        board = shell._course_board = _Board(shell)
    shell.register_magic_function(board.check, magic_kind="cell", magic_name="check")
    shell.register_magic_function(board.progress, magic_kind="line", magic_name="progress")
