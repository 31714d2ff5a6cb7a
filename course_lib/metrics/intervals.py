"""Confidence intervals: how sure a measured share is.

The share of right answers on a test set is an estimate: another test set of the same size would give another share.
"""

from dataclasses import dataclass
from math import sqrt
from operator import index
from statistics import NormalDist

__all__ = ["Interval", "wilson_interval"]


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`, both included."""

    low: float
    high: float


def wilson_interval(successes: int, trials: int, *, confidence: float = 0.95) -> Interval:
    """Interval for a proportion by Wilson's score, which stays inside 0 to 1 and holds for few trials too.

    It is all proportions that a two-sided score test would not reject, given what was counted.

    Parameters
    ----------
    successes : int
        Cases that were right, 0 to `trials`.
    trials : int
        Cases in all, at least 0.
    confidence : float
        Share of such intervals that should cover the true proportion, between 0 and 1, both excluded.

    Returns
    -------
    Interval
        Within 0 to 1. `low` is exactly 0 without a success, `high` exactly 1 without a failure. Without a trial nothing
        is known: `Interval(0.0, 1.0)`.

    Raises
    ------
    ValueError
        If a number is outside its range.
    TypeError
        If a count is not a whole number, such as a share.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
    Statistical Association 22, 1927, pages 209-212.

    Examples
    --------
    >>> interval = wilson_interval(90, 100)
    >>> f"{interval.low:.3f} to {interval.high:.3f}"
    '0.826 to 0.945'
    """
    k, n = _count("successes", successes), _count("trials", trials)
    if k > n:
        raise ValueError(f"successes cannot be more than trials, got {k} of {n}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, such as 0.95, got {confidence}")
    if n == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    centre = (k + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * sqrt(k * (n - k) / n + z**2 / 4)
    # Rounding would leave 1e-18 where the formula gives 0.
    return Interval(low=0.0 if k == 0 else centre - half, high=1.0 if k == n else centre + half)


def _count(name: str, value: int) -> int:
    try:
        count = index(value)
    except TypeError:
        raise TypeError(f"{name} needs a whole number of cases, got {value!r}") from None
    if count < 0:
        raise ValueError(f"{name} must be at least 0, got {count}")
    return count
