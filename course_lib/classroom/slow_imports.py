"""One library that a grader can do without, and that takes seconds to load."""

import sys

__all__ = ["skip_slow_imports"]


def skip_slow_imports() -> None:
    """
    Keep jsonschema, which nbformat loads, from building a grammar of web addresses that no notebook needs.

    It saves about 2.5 processor seconds a process where JupyterLab is installed. Nothing happens once the grammar is
    there.

    >>> skip_slow_imports()
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None is how Python refuses an import
