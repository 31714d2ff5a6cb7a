"""Bars for whoever waits at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["bars"]


@contextmanager
def bars() -> Iterator[Progress]:
    """Give a `rich` Progress that draws on stderr, and draws nothing where that is no terminal.

    Lines printed meanwhile stand above the bars. Needs `rich`: ModuleNotFoundError without it.

    >>> with bars() as shown:
    ...     shown.advance(shown.add_task("looking", total=3))
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(
        *columns,
        console=console,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
        disable=not console.is_terminal,
    ) as shown:
        yield shown
