"""Stand-ins: on the trusted side they look like the student's functions and objects; every use of them is a question.

Arguments go over as plain data, answers come back as plain data (`course_lib.classroom.wire`). What is no plain data
stays in the student's kernel, and a `Remote` stands for it here. Exceptions of the student's code arrive as
`StudentError`; where it is a built-in one, as a `StudentError` that is also of that type, so that ``except ValueError``
in a check works.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Protocol

from course_lib.classroom.wire import WireError, decode, encode

__all__ = ["Door", "Interruption", "NotAttempted", "Remote", "StudentError", "bind", "read_reply", "there_for"]

# StopIteration and its like would end a loop of the check silently, an AssertionError would speak for the check.
_NOT_MAPPED = {
    "StopIteration",
    "StopAsyncIteration",
    "AssertionError",
    "Exception",
    "ExceptionGroup",
    "NotImplementedError",
}
_MOST_ITEMS = 100_000


class Interruption(BaseException):
    """The question has no answer; no ``except Exception`` of a check may take it for one."""


class NotAttempted(Interruption):
    """The student's code raised NotImplementedError, holds `...`, or does not define the name."""


class StudentError(Exception):
    """
    An exception that the student's code raised.

    Attributes
    ----------
    kind : str
        Name of its type over there.
    line : str or None
        The last line of the student's own code that was running.
    """

    def __init__(self, kind: str, message: str, line: str | None = None) -> None:
        super().__init__(message)
        self.kind, self.message, self.line = kind, message, line

    def __str__(self) -> str:
        return self.message


class Door(Protocol):
    """The way into one student's kernel."""

    def ask(self, request: dict[str, Any]) -> Any:
        """Put a question; return the value, or raise StudentError or Interruption."""

    def generation(self) -> int:
        """Return how often the kernel was started; what was kept in an earlier one is lost."""


class Remote:
    """
    Stands for an object in the student's kernel.

    It can be called, indexed, measured, iterated, asked for attributes and methods, and passed back as an argument.
    """

    __slots__ = ("__born", "__door", "__kind", "__reference")

    def __init__(self, door: Door, reference: dict[str, Any], kind: str = "object") -> None:
        self.__door, self.__reference, self.__kind, self.__born = door, reference, kind, door.generation()

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call the object over there; give back what it gives back."""
        return self.__ask("call", arguments=_write((arguments, keywords)))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name not in ("__name__", "__doc__", "__dict__"):
            raise AttributeError(name)
        return self.__ask("attribute", name=name)

    def __getitem__(self, key: Any) -> Any:
        return self.__ask("item", key=_write(key))

    def __contains__(self, key: Any) -> bool:
        return self.__ask("contains", key=_write(key)) is True

    def __len__(self) -> int:
        length = self.__ask("length")
        return length if type(length) is int and length >= 0 else 0

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        items = self.__ask("iterate")
        for _ in range(_MOST_ITEMS):
            found = items.__ask("next", count=1) if isinstance(items, Remote) else []
            if type(found) is not list or len(found) != 1:
                return
            yield found[0]

    def __repr__(self) -> str:
        return f"<a {self.__kind} in the student's kernel>"

    def __ask(self, question: str, **details: Any) -> Any:
        return self.__door.ask({"kind": question, "target": _write(self), **details})

    def _reference_for_wire(self) -> dict[str, Any]:
        if "ref" in self.__reference and self.__born != self.__door.generation():
            raise StudentError("KernelRestarted", "this object was lost when the kernel was started again")
        return self.__reference


def bind(door: Door, name: str) -> Any:
    """
    Return what stands for a name that a task defines: plain data as itself, anything else as a `Remote`.

    Raises
    ------
    NotAttempted
        The name is not defined, or is still `...`.
    """
    try:
        value = door.ask({"kind": "name", "name": name})
    except StudentError as problem:
        if problem.kind == "KeyError":
            raise NotAttempted(f"`{name}` is not defined in this notebook.") from None
        raise
    if value is ...:
        raise NotAttempted(f"`{name}` is still `...`.")
    return Remote(door, {"name": name}, _kind_of(value)) if isinstance(value, Remote) else value


def there_for(door: Door) -> Callable[..., Any]:
    """Return ``there(expression)``: evaluates an expression in the student's kernel, which has `np` and `torch`."""

    def there(expression: str) -> Any:
        return door.ask({"kind": "evaluate", "expression": expression})

    return there


def read_reply(door: Door, text: Any) -> Any:
    """
    Return the value in a reply of `student_side.answer`, or raise what it describes.

    Raises
    ------
    StudentError, NotAttempted
        The student's code raised something.
    WireError
        The reply cannot be read, or a value was too large to travel.
    """
    start, end = '{"value":', "}"
    if isinstance(text, str) and text.startswith(start):
        return decode(text[len(start) : -len(end)], resolve=lambda kind, payload: _resolve(door, kind, payload))
    problem = _error_in(text)
    if problem["type"] == "WireError":
        raise WireError(problem["message"])
    if "NotImplementedError" in problem["kinds"]:
        raise NotAttempted(problem["message"])
    base = next((kind for kind in problem["kinds"] if _is_mapped(kind)), None)
    raise _error_type(base)(problem["type"], problem["message"], problem["line"])


def _error_in(text: str) -> dict[str, Any]:
    import json

    try:
        error = json.loads(text)["error"]
        kinds = [str(kind)[:100] for kind in error.get("kinds", [])[:20]]
        line = error.get("line")
        return {
            "type": str(error["type"])[:100], "kinds": kinds, "message": str(error["message"])[:500],
            "line": line[:200] if isinstance(line, str) else None,
        }  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise WireError("the answer cannot be read") from None


def _is_mapped(kind: str) -> bool:
    found = getattr(builtins, kind, None)
    return (
        isinstance(found, type)
        and issubclass(found, Exception)
        and not issubclass(found, (Warning, UnicodeError))
        and kind not in _NOT_MAPPED
    )


@cache
def _error_type(base: str | None) -> type[StudentError]:
    return StudentError if base is None else type(f"Student{base}", (StudentError, getattr(builtins, base)), {})


def _resolve(door: Door, kind: str, payload: Any) -> Remote:
    number, name, _ = payload
    if kind != "ref" or type(number) is not int or not isinstance(name, str):
        raise WireError("the answer is malformed")
    return Remote(door, {"ref": [number]}, name[:100])


def _write(value: Any) -> str:
    return encode(value, unknown=_reference)


def _reference(value: object) -> dict[str, Any]:
    if isinstance(value, Remote):
        return value._reference_for_wire()
    return encode(value)  # type: ignore[return-value]  # raises WireError with the reason


def _kind_of(remote: Remote) -> str:
    return repr(remote).removeprefix("<a ").removesuffix(" in the student's kernel>")
