"""Challenge tables: ranks in each column, their mean, and how stable the order is when other cases are drawn.

Follows for the stability M. Wiesenfarth et al., "Methods and open-source toolkit for analyzing and visualizing
challenge results", Scientific Reports 11, 2021.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.metrics.door import as_scores
from course_lib.metrics.intervals import Interval

__all__ = ["ChallengeTable", "RankStability", "challenge_table", "rank_stability"]


@dataclass(frozen=True, eq=False)
class ChallengeTable:
    """Values and ranks of T teams in M columns, (T, M); rank 1 is best, equal values share the mean of their ranks.

    `mean_rank` (T,) is the mean over the columns; `places` (T,) its order, where equal teams share the better place.
    """

    teams: tuple[str, ...]
    columns: tuple[str, ...]
    values: NDArray[np.float64]
    ranks: NDArray[np.float64]
    mean_rank: NDArray[np.float64]
    places: NDArray[np.int64]


def challenge_table(
    values: ArrayLike, *, teams: Sequence[str], columns: Sequence[str], higher_is_better: Sequence[bool]
) -> ChallengeTable:
    """Rank teams in each column, and by the mean of these ranks.

    Parameters
    ----------
    values : (T, M) array of float
        Value of each team in each column; infinite allowed. Of a signed error, such as RVD, give the size.
    teams : sequence of T str
        Names of the rows.
    columns : sequence of M str
        Names of the columns.
    higher_is_better : sequence of M bool
        Whether a larger value is better, column by column.

    Returns
    -------
    ChallengeTable
        In the order of `teams`.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a value is NaN: what was not measured has no rank.

    Examples
    --------
    >>> values = [[0.70, 1.2], [0.68, 1.1], [0.68, 1.3]]
    >>> table = challenge_table(values, teams="ABC", columns=["Dice", "ASSD"], higher_is_better=[True, False])
    >>> table.ranks.tolist(), table.places.tolist()
    ([[1.0, 2.0], [2.5, 1.0], [2.5, 3.0]], [1, 2, 3])
    """
    scores = as_scores("values", values)
    if scores.shape != (len(teams), len(columns)) or scores.size == 0:
        raise ValueError(f"values needs shape ({len(teams)} teams, {len(columns)} columns), got {scores.shape}")
    ranks = _ranks(_more_is_better(scores, higher_is_better))
    mean_rank = ranks.mean(axis=1)
    return ChallengeTable(tuple(teams), tuple(columns), scores, ranks, mean_rank, _places(mean_rank))


@dataclass(frozen=True, eq=False)
class RankStability:
    """What becomes of the places if the challenge had drawn other cases; T teams.

    `places` (T,) of all cases; `interval` of each team's place; `first_share` (T,), share of the resamples in which a
    team comes first, alone or not; `ahead_share` (T, T), share in which the team of the row is placed before that of
    the column.
    """

    places: NDArray[np.int64]
    interval: tuple[Interval, ...]
    first_share: NDArray[np.float64]
    ahead_share: NDArray[np.float64]


def rank_stability(
    case_values: ArrayLike,
    *,
    higher_is_better: Sequence[bool],
    num_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int | np.random.Generator = 0,
) -> RankStability:
    """Draw the cases anew with replacement and rank the teams each time, by their means over cases.

    Parameters
    ----------
    case_values : (T, N, M) array of float
        Value of each team in each case and column, finite.
    higher_is_better : sequence of M bool
        Whether a larger value is better, column by column.
    num_resamples : int
        Drawn sets of N cases.
    confidence : float
        Share of the resamples inside an interval, between 0 and 1.
    seed : int or generator
        For the draws.

    Returns
    -------
    RankStability
        Places from 1 to T, shares from 0 to 1.

    Raises
    ------
    ValueError
        If the shapes do not fit, a value is not finite, or a number is outside its range.

    Examples
    --------
    >>> dice = [[[0.9], [0.8], [0.7]], [[0.6], [0.5], [0.4]]]
    >>> rank_stability(dice, higher_is_better=[True]).first_share.tolist()
    [1.0, 0.0]
    """
    values = as_scores("case_values", case_values)
    if values.ndim != 3 or values.size == 0:
        raise ValueError(f"case_values needs shape (teams, cases, columns), got {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("case_values needs finite values: give a case that was missed the value it is worth")
    if num_resamples < 1:
        raise ValueError(f"num_resamples must be at least 1, got {num_resamples}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, such as 0.95, got {confidence}")
    oriented = _more_is_better(values, higher_is_better)
    cases = oriented.shape[1]
    draws = np.random.default_rng(seed).integers(cases, size=(num_resamples, cases))
    places = np.array([_places(_ranks(oriented[:, drawn].mean(axis=1)).mean(axis=1)) for drawn in draws])
    low, high = np.quantile(places, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return RankStability(
        places=_places(_ranks(oriented.mean(axis=1)).mean(axis=1)),
        interval=tuple(Interval(float(a), float(b)) for a, b in zip(low, high, strict=True)),
        first_share=(places == 1).mean(axis=0),
        ahead_share=(places[:, :, None] < places[:, None, :]).mean(axis=0),
    )


def _more_is_better(values: NDArray[np.float64], higher_is_better: Sequence[bool]) -> NDArray[np.float64]:
    if len(higher_is_better) != values.shape[-1]:
        wanted, got = values.shape[-1], len(higher_is_better)
        raise ValueError(f"higher_is_better needs {wanted} values, one a column, got {got}")
    return np.where(np.asarray(higher_is_better, dtype=bool), values, -values)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank the rows in each column, the largest first: 1 + those above + half of those equal."""
    above = (values[:, None] < values[None]).sum(axis=1)
    equal = (values[:, None] == values[None]).sum(axis=1) - 1
    return 1 + above + equal / 2


def _places(mean_rank: NDArray[np.float64]) -> NDArray[np.int64]:
    return 1 + (mean_rank[:, None] > mean_rank[None] + 1e-9).sum(axis=1)  # a mean of ranks is rounded
