"""What is measured: one file a topic, each with a list CASES."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


def close(ours: Any, theirs: Any) -> bool:
    """Whether two answers are the same numbers, to 1e-9 of their size."""
    return np.allclose(np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float), rtol=1e-9, equal_nan=True)


@dataclass(frozen=True)
class Case:
    """One question asked of ours and of each peer, with the same arguments.

    `make(quick)` gives the arguments, small ones if `quick`; the name tells the full size. A peer is called as ours is;
    it imports its library itself, so that one that is not installed can be left out. Its name begins with that of its
    distribution, if it has one: "scipy mannwhitneyu". `agree(ours, theirs)` is asked before anything is timed; None
    where answers cannot be compared.
    `wanted` is how many times as fast as the best peer ours should be.
    """

    name: str
    make: Callable[[bool], tuple[Any, ...]]
    ours: Callable[..., Any]
    wanted: float
    peers: dict[str, Callable[..., Any]] = field(default_factory=dict)
    agree: Callable[[Any, Any], bool] | None = close
