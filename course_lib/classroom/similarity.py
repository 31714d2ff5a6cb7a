"""Submissions that resemble each other: pairs for a teacher to look at, never a verdict.

Code is cut into tokens by Python's own `tokenize`; the names that a student may choose, numbers and texts become one
sign each, so that renaming hides nothing. What is compared are fragments, runs of `LENGTH` tokens (S. Schleimer,
D. S. Wilkerson and A. Aiken, Winnowing, 2003, call them k-grams), weighted by how rare they are in this class and held
against each other by the cosine: scikit-learn's `TfidfVectorizer`, which the course has anyway, does both at once for
a thousand hand-ins. Not counted: the cells and stubs that were given, the answers that the exercise knows (many find
them alone), and whatever more than a tenth of the class wrote (more than three in a small one).

Differs: no winnowing (all fragments are kept: hand-ins are short) and no longest common runs, as in JPlag.
"""

from __future__ import annotations

import builtins
import io
import keyword
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from course_lib.classroom.lesson import Lesson
from course_lib.classroom.submission import Submission

__all__ = ["LENGTH", "Line", "Pair", "Side", "similar_pairs"]

LENGTH = 16
"""Tokens in a fragment: one or two lines of code."""

_MOST_CHARACTERS = 60_000  # of one submission's own code; an exercise has about a tenth of it
_FEWEST_SHARED = 15
_LEAST_ALIKE = 0.5
_MOST_LINES = 80
_WIDEST = 200
_BLOCK = 500
_SKIPPED = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}
_LAYOUT = {tokenize.NEWLINE: "newline", tokenize.INDENT: "indent", tokenize.DEDENT: "dedent"}
_KEPT = frozenset(dir(builtins)) | frozenset(keyword.kwlist)


@dataclass(frozen=True)
class Line:
    """A line of code; `shared` where it belongs to a fragment that both have and hardly anyone else."""

    text: str
    shared: bool


@dataclass(frozen=True)
class Side:
    """One of a pair: the cells that share something, `left_out` lines cut off at the end."""

    student: str
    page: str
    lines: tuple[Line, ...]
    left_out: int


@dataclass(frozen=True)
class Pair:
    """Two submissions: `alike` in [0, 1] is the cosine of their rare fragments, `shared` how many both have."""

    alike: float
    shared: int
    left: Side
    right: Side


def similar_pairs(submissions: Sequence[Submission], lesson: Lesson, *, most: int = 40) -> tuple[Pair, ...]:
    """
    List pairs of submissions that share much of what hardly anyone else wrote, the most shared first.

    Parameters
    ----------
    submissions : sequence of Submission
        One a student; of each at most 60,000 characters are read. Code that is no Python counts up to its slip.
    lesson : Lesson
        The exercise: what it gave, and the answers that it knows, are no sign of anything.
    most : int
        Pairs returned at most.

    Returns
    -------
    tuple of Pair
        Those with 15 shared fragments or more and a cosine of at least 0.5; empty for fewer than two submissions.
    """
    given = _given_cells(lesson)
    ignored = set(chain.from_iterable(_fragments(source) for source in chain(given, _answers(lesson))))
    own = [_own_cells(one, given) for one in submissions]
    wrote = [set(chain.from_iterable(map(_fragments, cells))) - ignored for cells in own]
    holders = Counter(chain.from_iterable(wrote))
    commonest = max(3, len(wrote) // 10)
    rare = [{one for one in fragments if holders[one] <= commonest} for fragments in wrote]
    close = sorted(_close(rare), key=lambda one: (-one[1], -one[0], one[2], one[3]))[:most]
    return tuple(
        Pair(
            alike,
            shared,
            _side(submissions[left], own[left], rare[left] & rare[right]),
            _side(submissions[right], own[right], rare[left] & rare[right]),
        )
        for alike, shared, left, right in close
    )


def _given_cells(lesson: Lesson) -> set[str]:
    """Return the code of the notebook that students got: stubs too."""
    given = {cell.source.strip() for cell in lesson.cells if cell.role in ("setup", "parameters", "code", "check")}
    return given | {task.stub.strip() for task in lesson.tasks}


def _answers(lesson: Lesson) -> Iterable[str]:
    for task in lesson.tasks:
        yield from (task.source, *task.rights, *(wrong.source for wrong in task.wrongs))


def _own_cells(submission: Submission, given: set[str]) -> tuple[str, ...]:
    """Return the code cells that were not given, cut where the bound is reached."""
    room, cells = _MOST_CHARACTERS, []
    for kind, text in submission.cells:
        if kind == "code" and room > 0 and not re.match(r"\s*%%check\b", text) and text.strip() not in given:
            cells.append(text[:room])
            room -= len(text)
    return tuple(cells)


@lru_cache(maxsize=1_000)  # the same cells come again and again
def _fragments(source: str) -> tuple[int, ...]:
    """Return each run of `LENGTH` signs as a number (its hash, which takes little room), in the order of the text."""
    signs = [sign for sign, _ in _tokens(source)]
    return tuple(hash(run) for run in zip(*(signs[place:] for place in range(LENGTH)), strict=False))


def _tokens(source: str) -> list[tuple[str, int]]:
    """Return signs and their lines, up to the first slip if this is no Python."""
    found: list[tuple[str, int]] = []
    before = ""
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type not in _SKIPPED:
                found.append((_sign(token, before), token.start[0]))
                before = token.string
    except Exception:  # whatever a student's text does to the tokenizer, the class goes on
        pass
    return found


def _sign(token: tokenize.TokenInfo, before: str) -> str:
    """Return what is compared of a token: not the names of a student's own things, but those of the libraries'."""
    if token.type == tokenize.NAME:
        return token.string if token.string in _KEPT or before == "." else "name"
    if token.type == tokenize.NUMBER:
        return "number"
    if token.type == tokenize.STRING:
        return "text"
    return _LAYOUT.get(token.type) or token.string.strip() or "other"


def _close(rare: Sequence[set[int]]) -> list[tuple[float, int, int, int]]:
    """Return (cosine, shared fragments, place, place) of the pairs worth a look."""
    enough = [place for place, fragments in enumerate(rare) if len(fragments) >= _FEWEST_SHARED]
    if len(enough) < 2:
        return []
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    weights = TfidfVectorizer(analyzer=sorted).fit_transform([rare[place] for place in enough])
    held = (weights > 0).astype(np.int32)
    found = []
    for first in range(0, len(enough), _BLOCK):
        cosines = (weights[first : first + _BLOCK] @ weights.T).tocoo()
        shared = (held[first : first + _BLOCK] @ held.T).tocsr()
        worth = (cosines.data >= _LEAST_ALIKE) & (cosines.row + first < cosines.col)
        for row, column, cosine in zip(cosines.row[worth], cosines.col[worth], cosines.data[worth], strict=True):
            both = int(shared[row, column])
            if both >= _FEWEST_SHARED:
                found.append((min(1.0, round(float(cosine), 6)), both, enough[first + row], enough[column]))
    return found


def _side(submission: Submission, cells: Sequence[str], shared: set[int]) -> Side:
    lines: list[Line] = []
    for cell in cells:
        at = [line for _, line in _tokens(cell)]
        places = [place for place, one in enumerate(_fragments(cell)) if one in shared]
        marked = {line for place in places for line in range(at[place], at[place + LENGTH - 1] + 1)}
        if marked:
            texts = cell.strip("\n").split("\n")
            skipped = len(cell) - len(cell.lstrip("\n"))
            lines += [Line("", False)] if lines else []
            lines += [Line(text[:_WIDEST], place + skipped in marked) for place, text in enumerate(texts, 1)]
    return Side(submission.student, submission.page, tuple(lines[:_MOST_LINES]), max(0, len(lines) - _MOST_LINES))
