"""The line that moves on while a net is trained."""

import sys
from collections.abc import Callable
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]  # tqdm comes without types

__all__ = ["progress_bar"]


def progress_bar(*, total: int, initial: int, shown: bool) -> Any:
    """Make a tqdm bar that suits the place where it is shown.

    In a notebook it is one display that is written over, so a saved notebook keeps the last state only, as plain text
    that needs no widget. In a terminal it is tqdm as everybody knows it. In a log it is a line every ten seconds.
    """
    options = {"total": total, "initial": initial, "disable": not shown, "unit": "batch", "miniters": 1}
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shown and getattr(shell, "kernel", None) is not None:
        from IPython.display import display

        handle = display({"text/plain": ""}, raw=True, display_id=True)
        return tqdm(file=_Line(lambda line: handle.update({"text/plain": line}, raw=True)), mininterval=0.2, **options)
    if not sys.stderr.isatty():
        return tqdm(file=_Line(lambda line: print(line, file=sys.stderr)), mininterval=10, **options)
    return tqdm(**options)


class _Line:
    """A file for tqdm: each state of the line is shown by a function, not written over the one before."""

    encoding = "utf-8"

    def __init__(self, show: Callable[[str], object]) -> None:
        self.show = show

    def write(self, text: str) -> None:
        if text.strip():
            self.show(text.strip())

    def flush(self) -> None: ...
