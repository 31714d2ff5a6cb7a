"""Words for students: what their code gave, what was wanted, and one question that fits the slip, if it is a known one.

These functions run in the student's notebook and in the grader. They look at values and never call into them, so an
object that answers cleverly is only shown.
"""

import html
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["as_html", "explain", "hint_for", "reveal", "same_value", "show_value"]

_LONGEST = 160
_MARKED = re.compile(r"`(?P<code>[^`\n]+)`|(?<![\w*])\*(?P<em>\w(?:[^*`\n]*\w)?)\*(?![\w*])")


def explain(call: str, got: Any, wanted: str, *, known: Sequence[tuple[Any, str]] = (), ask: str = "") -> str:
    """Say what came, what was wanted, and the hint that fits: the message of a visible check.

    Parameters
    ----------
    call
        What was run, as code.
    got
        What it gave.
    wanted
        The value or property that was wanted, in words.
    known
        Pairs of a known wrong value and its hint, compared by `same_value`; the first that fits is shown.
    ask
        The question to ask when none fits.

    Returns
    -------
    str
        "CALL gave GOT. Wanted: WANTED. HINT"

    Examples
    --------
    >>> explain("half(6)", 4, "3", known=[(4, "Nearly there: what is 6 / 2?")], ask="What is a half?")
    'half(6) gave 4. Wanted: 3. Nearly there: what is 6 / 2?'
    """
    hint = hint_for(got, known=known, otherwise=ask)
    return f"{call} gave {show_value(got)}. Wanted: {wanted.rstrip('. ')}. {hint}".strip()


def hint_for(got: Any, *, known: Sequence[tuple[Any, str]] = (), otherwise: str) -> str:
    """Return the hint alone: the message of a hidden check, which shows neither the input nor the value wanted.

    Parameters
    ----------
    got
        What the student's code gave.
    known
        Pairs of a known wrong value and its hint.
    otherwise
        What to say when none fits: the property that is missed, and a question.

    Returns
    -------
    str
        The first hint that fits, else `otherwise`.

    Examples
    --------
    >>> hint_for(2.0, known=[(2, "Which way does it turn?")], otherwise="Look again.")
    'Which way does it turn?'
    """
    return next((hint for wrong, hint in known if same_value(got, wrong)), otherwise)


def reveal(prediction: Any, actual: Any, *, unit: str = "") -> None:
    """Print what a prediction was worth, kindly, in one line; it never raises.

    Parameters
    ----------
    prediction
        What was typed; None for nothing.
    actual
        The value computed.
    unit
        Said after the value.

    Examples
    --------
    >>> reveal(28, 28, unit="pixels")
    ✓ You said 28 and it is 28 pixels. Which step of your reasoning was the key?
    >>> reveal(None, 28)
    ○ It is 28. You typed no prediction; a guess, right or wrong, makes it stick: try the next one.
    """
    value = f"{show_value(actual)} {unit}".rstrip()
    if prediction is None or prediction is ...:
        print(f"○ It is {value}. You typed no prediction; a guess, right or wrong, makes it stick: try the next one.")
    elif same_value(_plain(prediction), _plain(actual)):
        print(f"✓ You said {show_value(prediction)} and it is {value}. Which step of your reasoning was the key?")
    elif same_value(prediction, actual, relative=0.05):
        print(f"≈ You said {show_value(prediction)} and it is {value}: close. What makes the difference?")
    else:
        print(f"→ You said {show_value(prediction)} and it is {value}. What did your picture of it leave out?")


def _plain(value: Any) -> Any:
    """Make typed words equal whatever their case."""
    return value.strip().lower() if isinstance(value, str) else value


def same_value(got: Any, wrong: Any, *, relative: float = 1e-3, absolute: float = 1e-6) -> bool:
    """Whether two plain values are the same, for numbers within a tolerance; anything odd is False.

    Parameters
    ----------
    got, wrong
        Numbers, text, None, arrays, tensors, and lists, tuples and dicts of these. Shapes must agree; a list, a tuple
        and an array of the same numbers are the same; True and False are no numbers.
    relative, absolute
        Tolerances, measured at `wrong`.

    Returns
    -------
    bool
        Never raises.

    Examples
    --------
    >>> same_value((1, 2.0001), [1, 2]), same_value(True, 1), same_value([1, 2], [[1, 2]])
    (True, False, False)
    """
    try:
        return _same(got, wrong, relative, absolute)
    except Exception:  # whatever an unknown object does when it is looked at, it is not the same
        return False


def _same(got: Any, wrong: Any, relative: float, absolute: float) -> bool:
    if isinstance(got, Mapping) and isinstance(wrong, Mapping):
        return got.keys() == wrong.keys() and all(_same(got[key], wrong[key], relative, absolute) for key in wrong)
    arrays = _array(got), _array(wrong)
    if arrays[0] is not None and arrays[1] is not None:
        if arrays[0].shape != arrays[1].shape or (arrays[0].dtype.kind == "b") != (arrays[1].dtype.kind == "b"):
            return False
        return bool(np.allclose(arrays[0], arrays[1], rtol=relative, atol=absolute, equal_nan=True))
    if isinstance(got, list | tuple) and isinstance(wrong, list | tuple):
        return len(got) == len(wrong) and all(
            _same(mine, theirs, relative, absolute) for mine, theirs in zip(got, wrong, strict=True)
        )
    return type(got) is type(wrong) and isinstance(got, str | bytes | type(None)) and got == wrong


def _array(value: Any) -> Any:
    """Return numbers, arrays, tensors and regular lists of numbers as an array, everything else as None."""
    if type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "detach"):
        value = value.detach().cpu()
        value = (value.float() if str(value.dtype) == "torch.bfloat16" else value).numpy()
    if isinstance(value, list | tuple):
        if not all(isinstance(item, int | float | complex | np.generic | list | tuple) for item in value):
            return None
        try:
            value = np.asarray(value)
        except ValueError:  # rows of different length
            return None
    if isinstance(value, bool | int | float | complex | np.generic):
        value = np.asarray(value)
    return value if isinstance(value, np.ndarray) and value.dtype.kind in "biufc" else None


def show_value(value: Any) -> str:
    """Show a value in a few words: numbers as typed, small arrays in full, large ones by shape; never raises.

    Examples
    --------
    >>> show_value(np.float64(0.5)), show_value(np.zeros((2, 3, 4)))
    ('0.5', 'an array of shape (2, 3, 4)')
    """
    try:
        return _show(value)
    except Exception:  # an object whose own description fails
        return f"a {type(value).__name__}"


def _show(value: Any) -> str:
    if value is None:
        return "None (is a `return` missing?)"
    if value is ...:
        return "`...`"
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple) and len(value) <= 12:
        inside = ", ".join(_show(item) for item in value)
        inside += "," if isinstance(value, tuple) and len(value) == 1 else ""
        return _cut(f"[{inside}]" if isinstance(value, list) else f"({inside})")
    if isinstance(value, list | tuple | dict | set) and len(value) > 12:
        return f"a {type(value).__name__} of {len(value)} values"
    if isinstance(value, str | bytes):
        return repr(value[:_LONGEST])
    array = None if isinstance(value, bool | int | complex) else _array(value)
    if array is None:
        return _cut(repr(value))
    if array.ndim == 0:
        return _show(array[()])
    kind = "an array" if isinstance(value, np.ndarray) else "a tensor"
    if array.size > 12:
        return f"{kind} of shape {array.shape}"
    return _cut(f"{kind} {_show(array.tolist())}") if array.size else f"{kind} of shape {array.shape}, empty"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def as_html(text: str) -> str:
    """Escape a message; what stands in backticks is code, and what stands in asterisks is stressed.

    Parameters
    ----------
    text
        Plain text, from an author or from a student: no tag in it survives.

    Returns
    -------
    str

    Examples
    --------
    >>> as_html("`a < b`: which *axis*? 2 * 3 * 4")
    '<code>a &lt; b</code>: which <em>axis</em>? 2 * 3 * 4'
    """
    parts, end = [], 0
    for found in _MARKED.finditer(text):
        tag = found.lastgroup
        parts += [html.escape(text[end : found.start()]), f"<{tag}>{html.escape(found[found.lastindex or 0])}</{tag}>"]
        end = found.end()
    return "".join([*parts, html.escape(text[end:])])
