"""The classroom: building, checking and grading notebooks; what students see of it is `%%check` and `%progress`.

Nothing here imports torch at module level. A notebook loads its part with `%load_ext course_lib.classroom`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_lib.classroom.feedback import load_ipython_extension, there
    from course_lib.classroom.machine import where_am_i
    from course_lib.classroom.messages import explain, hint_for, reveal

__all__ = ["explain", "hint_for", "load_ipython_extension", "reveal", "there", "where_am_i"]

_ROOMS = {
    "explain": "messages",
    "hint_for": "messages",
    "load_ipython_extension": "feedback",
    "reveal": "messages",
    "there": "feedback",
    "where_am_i": "machine",
}


def __getattr__(name: str) -> Any:
    """Fetch a public name from its room when it is asked for, so that the command line starts fast."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
