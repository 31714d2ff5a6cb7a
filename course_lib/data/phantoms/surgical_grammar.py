"""The grammar of surgical gestures: what they are called, where each ends, how long it takes and what may follow it.

Names: Gao 2014 (JIGSAWS). Chosen: everything else, so that four stitches or two loops of a knot look plausible.

References
----------
Y. Gao and others, "JHU-ISI gesture and skill assessment working set (JIGSAWS)", MICCAI Workshop M2CAI, 2014.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

__all__ = ["GESTURES", "PLACES", "TASKS", "draw_gestures"]

GESTURES = (
    "",
    "reaching for needle with right hand",
    "positioning needle",
    "pushing needle through tissue",
    "transferring needle from left to right",
    "moving to center with needle in grip",
    "pulling suture with left hand",
    "pulling suture with right hand",
    "orienting needle",
    "using right hand to help tighten suture",
    "loosening more suture",
    "dropping suture at end and moving to end points",
    "reaching for needle with left hand",
    "making C loop around right hand",
    "reaching for suture with right hand",
    "pulling suture with both hands",
)
"""Names of G1 … G15, as Gao 2014 has them; there is no G0."""
TASKS = ("suturing", "needle passing", "knot tying")
PLACES: Mapping[int, tuple[tuple[float, ...], tuple[float, ...], float, int]] = MappingProxyType(
    {
        1: ((-22, -2, 14, 0, 0, 0, 20), (22, -10, 4, 0, 20, 0, 5), 2.5, 1),
        2: ((-10, 4, 6, 10, 0, 0, 15), (5, 0, 3, 0, -50, 0, 5), 2.8, 2),
        3: ((-8, 3, 5, 10, 0, 0, 8), (-3, 0, 2, 0, 60, 0, 5), 7.0, 2),
        4: ((-4, 0, 15, 20, 0, -20, 25), (4, 0, 15, 0, 10, 20, 5), 4.2, 2),
        5: ((-14, 0, 11, 0, 0, 0, 15), (9, 2, 10, 0, -10, 0, 5), 2.5, 1),
        6: ((-30, 6, 32, 30, 0, 0, 5), (8, 0, 9, 0, 10, 0, 30), 5.2, 1),
        8: ((-5, 1, 13, 20, 0, -10, 8), (4, 1, 12, 0, -30, 40, 5), 3.8, 3),
        9: ((-28, 8, 28, 30, 0, 0, 5), (26, 6, 22, 0, 20, 0, 5), 3.5, 1),
        10: ((-14, 3, 16, 20, 0, 0, 5), (14, 0, 15, 0, 10, 0, 5), 3.5, 2),
        11: ((-32, -14, 18, 0, 0, 0, 40), (32, -14, 18, 0, 0, 0, 40), 3.5, 1),
        12: ((-4, -4, 5, 10, 0, 0, 5), (16, 0, 12, 0, 0, 0, 20), 3.0, 1),
        13: ((4, 4, 14, 40, 0, 30, 5), (2, 0, 12, 0, -10, 0, 10), 5.0, 3),
        14: ((-2, 2, 14, 30, 0, 10, 5), (-9, -6, 4, 0, 30, 0, 5), 4.0, 1),
        15: ((-30, 0, 13, 10, 0, 0, 5), (28, -2, 12, 0, 10, 0, 5), 5.0, 1),
    }
)
"""Where a gesture ends: millimetres from the stitch (right, away, up), turn of the tool in degrees, opening in degrees,
for the left and then the right tool; mean seconds of an expert; strokes."""

# What follows a gesture, and what follows if it failed.
_STITCH = {
    1: (5, 5, 2, 8),
    2: (3,),
    3: (6,),
    4: (2, 2, 8),
    5: (2, 2, 8),
    6: (4, 4, 4, 4, 9),
    8: (2,),
    9: (4,),
    10: (6,),
}
_STITCH_FAILED = {2: 8, 3: 2, 4: 8, 6: 10, 8: 1}
_KNOT = {1: (12,), 12: (13,), 13: (14,), 14: (15,), 15: (12, 13)}
_KNOT_FAILED = {13: 12, 14: 13, 15: 14}


def draw_gestures(task: str, failures: float, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Draw what is done, from the first reach to the drop at the end.

    Parameters
    ----------
    task : str
        Of `TASKS`; suturing and needle passing are four stitches, knot tying is two loops.
    failures : float
        Share of gestures that have to be done again, 0 … 1 (not included).
    rng : numpy Generator

    Returns
    -------
    list of (gesture, stitch)
        Gesture 1 … 15; stitch 0 … 3, always 0 in a knot.

    Examples
    --------
    >>> [gesture for gesture, _ in draw_gestures("knot tying", 0.0, np.random.default_rng(0))]
    [12, 13, 14, 15, 13, 14, 15, 11]
    """
    return _knot(failures, rng) if task == "knot tying" else _stitches(failures, rng)


def _stitches(failures: float, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Gestures with the stitch they belong to, until the fourth is pulled tight."""
    gesture, stitch, sequence = 1, 0, []
    while True:
        sequence.append((gesture, min(stitch, 3)))
        failed = rng.random() < failures and gesture in _STITCH_FAILED
        if gesture == 3 and not failed:
            stitch += 1
        if stitch == 4 and gesture in (6, 9) and not failed:
            return [*sequence, (11, 3)]
        gesture = _STITCH_FAILED[gesture] if failed else int(rng.choice(_STITCH[gesture]))


def _knot(failures: float, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Two loops, each pulled with both hands."""
    gesture, loop, sequence = int(rng.choice((1, 12))), 0, []
    while True:
        sequence.append((gesture, 0))
        failed = rng.random() < failures and gesture in _KNOT_FAILED
        loop += gesture == 15 and not failed
        if loop == 2:
            return [*sequence, (11, 0)]
        gesture = _KNOT_FAILED[gesture] if failed else int(rng.choice(_KNOT[gesture]))
