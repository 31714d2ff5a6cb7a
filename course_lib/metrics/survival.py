"""Time until an event, when for some all that is known is that it had not come yet: such a case is censored.

A case is a time and whether the event came then (1) or the case was last seen then without it (0). A time may have any
unit, as long as it is one. Where an event and a censoring share a time, the event came first: who was last seen on day
90 was still at risk on day 90.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from course_lib.metrics.door import as_binary, as_measurements, as_scores, same_shape

__all__ = [
    "ConcordanceCounts",
    "SurvivalCurve",
    "breslow_log_likelihood",
    "concordance_counts",
    "concordance_index",
    "efron_log_likelihood",
    "kaplan_meier",
]


@dataclass(frozen=True)
class ConcordanceCounts:
    """Pairs of cases of which it is known who had the event first, and pairs of two events at one time.

    Parameters
    ----------
    concordant, discordant, tied_risk : int
        Comparable pairs in which the earlier one had the higher, the lower or exactly the same risk.
    tied_time : int
        Pairs of two events at the same time: not comparable, in no other count.

    Examples
    --------
    >>> ConcordanceCounts(concordant=7, discordant=2, tied_risk=1, tied_time=0).index
    0.75
    """

    concordant: int
    discordant: int
    tied_risk: int
    tied_time: int

    @property
    def comparable(self) -> int:
        """Number of comparable pairs."""
        return self.concordant + self.discordant + self.tied_risk

    @property
    def index(self) -> float:
        """Harrell's C, 0 … 1: concordant pairs over comparable ones, equal risks counted half; NaN if there is none."""
        return (self.concordant + self.tied_risk / 2) / self.comparable if self.comparable else float("nan")


def concordance_counts(time: ArrayLike, event: ArrayLike, risk: ArrayLike) -> ConcordanceCounts:
    """Count the pairs of cases that a risk puts into the right order.

    A pair is comparable if one of them had the event, and the other had it later, or was last seen later or at the same
    time. Two events at the same time are not comparable. Risks are tied if they are exactly equal: there is no
    tolerance.

    Parameters
    ----------
    time : (N,) array or tensor
        Time of the event or of the last visit, finite; only the order matters.
    event : (N,) array or tensor of 0 and 1, or bool
        1 if the event came, 0 if it had not.
    risk : (N,) array or tensor
        A higher risk should have its event earlier; of any scale, infinite ones are ranked. For predicted times give
        their negatives.

    Returns
    -------
    ConcordanceCounts
        All zero if no pair is comparable.

    Raises
    ------
    ValueError
        If the shapes are not (N,) or differ, an event is neither 0 nor 1, a time is NaN or infinite, or a risk is NaN.
    TypeError
        If these are not real numbers.

    References
    ----------
    F. E. Harrell, K. L. Lee and D. B. Mark, "Multivariable prognostic models", Statistics in Medicine 15, 1996,
    section 5.5.

    Examples
    --------
    >>> concordance_counts([1, 2, 2, 3], [1, 1, 0, 1], [9.0, 5.0, 7.0, 5.0])
    ConcordanceCounts(concordant=3, discordant=1, tied_risk=1, tied_time=0)
    """
    times, events = _times_and_events(time, event)
    risks = as_scores("risk", risk)
    same_shape(time=times, risk=risks)
    # Who had the event first stands first. Two events of one time stand in rising risk, so they never look concordant.
    order = np.lexsort((risks, ~events, times))
    times, events, risks = times[order], events[order], risks[order]
    event_times, event_risks = times[events], risks[events]
    tied_time = _pairs_in_runs(event_times)
    comparable = int((len(times) - 1 - np.flatnonzero(events)).sum()) - tied_time
    ranks = np.unique(risks, return_inverse=True)[1]
    concordant, equal = _pairs_after_events(events, ranks)
    tied_risk = equal - _pairs_in_runs(event_times, event_risks)
    return ConcordanceCounts(concordant, comparable - concordant - tied_risk, tied_risk, tied_time)


def concordance_index(time: ArrayLike, event: ArrayLike, risk: ArrayLike) -> float:
    """Harrell's C: how often, of two patients, the one with the higher risk had the event first.

    Parameters
    ----------
    time : (N,) array or tensor
        Time of the event or of the last visit, finite; only the order matters.
    event : (N,) array or tensor of 0 and 1, or bool
        1 if the event came, 0 if it had not.
    risk : (N,) array or tensor
        A higher risk should have its event earlier. Exactly equal risks count half, without any tolerance.

    Returns
    -------
    float
        1 (always in order), 0.5 (as by chance), 0 (always reversed).

    Raises
    ------
    ValueError
        If no pair is comparable, as without events; if the shapes are not (N,) or differ, an event is neither 0 nor 1,
        a time is NaN or infinite, or a risk is NaN.
    TypeError
        If these are not real numbers.

    References
    ----------
    As for `concordance_counts`, which states which pairs are comparable.

    Examples
    --------
    >>> concordance_index([1, 2, 2, 3], [1, 1, 0, 1], [9.0, 5.0, 7.0, 5.0])
    0.7
    """
    counts = concordance_counts(time, event, risk)
    if counts.comparable == 0:
        raise ValueError(
            "no pair of cases is comparable: that needs an event, and another case that was seen at least as long"
        )
    return counts.index


@dataclass(frozen=True, eq=False)
class SurvivalCurve:
    """Kaplan–Meier estimate: a step down at each event, 1 before the first.

    Parameters
    ----------
    time : (T,) float64 array
        The distinct times at which a case had the event or was last seen, rising.
    at_risk, events, censored : (T,) int64 arrays
        Cases seen until then or longer; how many of them had the event then; how many were last seen then.
    survival : (T,) float64 array
        Estimated share without the event after that time, 1 … 0, falling.
    low, high : (T,) float64 arrays
        Pointwise interval of `survival`, within 0 … 1; both NaN where nobody is left and the variance is 0/0.

    Examples
    --------
    >>> kaplan_meier([1, 2, 4], [1, 0, 1]).at([0, 1.5, 4])
    array([1.        , 0.66666667, 0.        ])
    """

    time: NDArray[np.float64]
    at_risk: NDArray[np.int64]
    events: NDArray[np.int64]
    censored: NDArray[np.int64]
    survival: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def at(self, time: ArrayLike) -> NDArray[np.float64]:
        """Survival, (N,), at N times of at least 0; NaN after the last case was seen, unless nobody was left."""
        wanted = np.atleast_1d(as_scores("time", time))
        if (wanted < 0).any():
            raise ValueError(f"time needs values of at least 0, got {wanted.min():g}")
        survival = np.concatenate(([1.0], self.survival))[np.searchsorted(self.time, wanted, side="right")]
        return np.where((wanted > self.time[-1]) & (self.survival[-1] > 0), np.nan, survival)

    @property
    def median(self) -> float:
        """Earliest time at which no more than half are without the event; infinite if that was not reached."""
        for step in np.flatnonzero(self.survival < 0.5 + 1e-9):
            # A product of rounded shares may miss one half by a hair: near it, whole numbers decide.
            at_risk, events = self.at_risk[: step + 1].tolist(), self.events[: step + 1].tolist()
            stayed = (there - left for there, left in zip(at_risk, events, strict=True))
            if self.survival[step] < 0.5 - 1e-9 or 2 * prod(stayed) <= prod(at_risk):
                return float(self.time[step])
        return float("inf")


def kaplan_meier(time: ArrayLike, event: ArrayLike, *, confidence: float = 0.95) -> SurvivalCurve:
    """Estimate the share of cases without the event over time, though some were not seen to the end.

    At each time the share that stayed, of those still at risk, is multiplied on. Greenwood's variance gives the
    interval, on the scale log(−log S), on which it cannot leave 0 … 1.

    Parameters
    ----------
    time : (N,) array or tensor
        Time of the event or of the last visit, at least 0.
    event : (N,) array or tensor of 0 and 1, or bool
        1 if the event came, 0 if it had not.
    confidence : float
        Share of such intervals that should cover the true survival at a time, between 0 and 1.

    Returns
    -------
    SurvivalCurve
        One entry for each distinct time.

    Raises
    ------
    ValueError
        If there is no case, the shapes are not (N,) or differ, an event is neither 0 nor 1, a time is negative, NaN or
        infinite, or `confidence` is outside its range.
    TypeError
        If these are not real numbers.

    References
    ----------
    E. L. Kaplan and P. Meier, "Nonparametric estimation from incomplete observations", Journal of the American
    Statistical Association 53, 1958; J. D. Kalbfleisch and R. L. Prentice, "The Statistical Analysis of Failure Time
    Data", 2002, section 1.4, for the interval.

    Examples
    --------
    >>> curve = kaplan_meier([1, 2, 3, 4], [1, 0, 1, 0])
    >>> curve.survival.tolist(), curve.median
    ([0.75, 0.75, 0.375, 0.375], 3.0)
    """
    times, events_of_cases = _times_and_events(time, event)
    if len(times) == 0:
        raise ValueError("a survival curve needs at least 1 case, got 0")
    if times.min() < 0:
        raise ValueError(f"time needs values of at least 0, got {times.min():g}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, such as 0.95, got {confidence}")
    distinct, step, seen_last = np.unique(times, return_inverse=True, return_counts=True)
    events = np.bincount(step, weights=events_of_cases, minlength=len(distinct)).astype(np.int64)
    at_risk = seen_last[::-1].cumsum()[::-1]
    survival = np.cumprod((at_risk - events) / at_risk)
    low, high = _greenwood(survival, events, at_risk, float(ndtri((1 + confidence) / 2)))
    return SurvivalCurve(distinct, at_risk, events, seen_last - events, survival, low, high)


def breslow_log_likelihood(time: ArrayLike, event: ArrayLike, log_risk: ArrayLike) -> float:
    """Cox's partial log-likelihood in Breslow's form: Σ over events of log(own risk / risks of all then at risk).

    Events at the same time all count in full below each other's fraction. In float64, as the reference for a loss of a
    net: that is the negative of this, usually over the number of events.

    Parameters
    ----------
    time : (N,) array or tensor
        Time of the event or of the last visit, finite; only the order matters.
    event : (N,) array or tensor of 0 and 1, or bool
        1 if the event came, 0 if it had not.
    log_risk : (N,) array or tensor
        Logarithm of the relative hazard (the output of the net), finite; adding a constant to all changes nothing.

    Returns
    -------
    float
        0 (each event was certain to come next) or less; 0 without events, an empty sum.

    Raises
    ------
    ValueError
        If the shapes are not (N,) or differ, an event is neither 0 nor 1, or a time or risk is NaN or infinite.
    TypeError
        If these are not real numbers.

    References
    ----------
    D. R. Cox, "Regression models and life-tables", Journal of the Royal Statistical Society B 34, 1972, and the
    discussion by N. Breslow, pages 216-217.

    Examples
    --------
    >>> round(breslow_log_likelihood([1, 2, 3], [1, 1, 0], [0.0, 0.0, 0.0]), 6)  # log(1/3) + log(1/2)
    -1.791759
    """
    sets = _RiskSets.of(time, event, log_risk)
    return float((sets.log_risk - sets.log_at_risk).sum())


def efron_log_likelihood(time: ArrayLike, event: ArrayLike, log_risk: ArrayLike) -> float:
    """Cox's partial log-likelihood in Efron's form, which is closer to the exact one where events share a time.

    Of d events at one time, the l-th leaves l/d of the risk of those d out of its denominator, l = 0 … d − 1, as if
    they had come one after the other in an unknown order. Without shared times it is Breslow's.

    Parameters
    ----------
    time : (N,) array or tensor
        Time of the event or of the last visit, finite; only the order matters.
    event : (N,) array or tensor of 0 and 1, or bool
        1 if the event came, 0 if it had not.
    log_risk : (N,) array or tensor
        Logarithm of the relative hazard (the output of the net), finite; adding a constant to all changes nothing.

    Returns
    -------
    float
        Never less than Breslow's; 0 without events, an empty sum.

    Raises
    ------
    ValueError
        If the shapes are not (N,) or differ, an event is neither 0 nor 1, or a time or risk is NaN or infinite.
    TypeError
        If these are not real numbers.

    References
    ----------
    B. Efron, "The efficiency of Cox's likelihood function for censored data", Journal of the American Statistical
    Association 72, 1977, section 7.

    Examples
    --------
    >>> round(efron_log_likelihood([1, 1, 3], [1, 1, 0], [0.0, 0.0, 0.0]), 6)  # log(1/3) + log(1/2)
    -1.791759
    """
    sets = _RiskSets.of(time, event, log_risk)
    left_out = np.log1p(-sets.place / sets.num_tied * np.exp(sets.log_tied - sets.log_at_risk))
    return float((sets.log_risk - sets.log_at_risk - left_out).sum())


@dataclass(frozen=True, eq=False)
class _RiskSets:
    """For each of E events: its risk, that of all still at risk, and of the events that share its time."""

    log_risk: NDArray[np.float64]
    log_at_risk: NDArray[np.float64]
    log_tied: NDArray[np.float64]
    num_tied: NDArray[np.int64]
    place: NDArray[np.int64]  # among those that share its time, from 0

    @classmethod
    def of(cls, time: ArrayLike, event: ArrayLike, log_risk: ArrayLike) -> "_RiskSets":
        times, events = _times_and_events(time, event)
        logs = as_measurements("log_risk", log_risk)
        same_shape(time=times, log_risk=logs)
        order = np.argsort(times)
        times, events, logs = times[order], events[order], logs[order]
        from_here_on = np.logaddexp.accumulate(logs[::-1])[::-1]  # never overflows, as exp(1000) would
        first_at_risk = np.searchsorted(times, times[events])
        _, starts, group, sizes = np.unique(times[events], return_index=True, return_inverse=True, return_counts=True)
        tied = np.logaddexp.reduceat(logs[events], starts) if len(starts) else np.empty(0)
        place = np.arange(len(group)) - starts[group]
        return cls(logs[events], from_here_on[first_at_risk], tied[group], sizes[group], place)


def _times_and_events(time: ArrayLike, event: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    times, events = as_measurements("time", time), as_binary("event", event)
    same_shape(time=times, event=events)
    return times, events


def _pairs_in_runs(*keys: NDArray[np.float64]) -> int:
    """Pairs of neighbours, near or far, that are equal in all keys; sorted by them."""
    changes = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    sizes = np.diff(np.concatenate(([0], np.flatnonzero(changes) + 1, [len(keys[0])])))
    return int((sizes * (sizes - 1) // 2).sum())


def _pairs_after_events(event: NDArray[np.bool_], rank: NDArray[np.int64]) -> tuple[int, int]:
    """Pairs of an event and a case after it, the latter of lower, and of equal, rank.

    Two ranks first differ in one bit, so each pair is met once: where, among those whose higher bits are the same, the
    event has a 1 and the other a 0. That makes log₂ N passes of N² pairs. Sorting by that bit, each half still in the
    order of time, brings those with the same bits together.
    """
    lower = 0
    for bit in reversed(range(int(rank.max(initial=0)).bit_length())):
        high = (rank >> bit) % 2 == 1
        lower += int(_earlier_in_group(event & high, rank >> (bit + 1))[~high].sum())
        order = np.concatenate((np.flatnonzero(~high), np.flatnonzero(high)))
        event, rank = event[order], rank[order]
    return lower, int(_earlier_in_group(event, rank).sum())


def _earlier_in_group(marked: NDArray[np.bool_], group: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many marked ones stand before each, within its group; a group stands together."""
    before: NDArray[np.int64] = np.cumsum(marked) - marked
    first = np.concatenate(([True], group[1:] != group[:-1]))[: len(group)]
    return before - np.maximum.accumulate(np.where(first, before, 0))


def _greenwood(
    survival: NDArray[np.float64], events: NDArray[np.int64], at_risk: NDArray[np.int64], z: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval on the scale log(−log S): exactly 1 before the first event, NaN where nobody is left."""
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(events / (at_risk * (at_risk - events)))
        exponent = z * np.sqrt(variance) / -np.log(survival)
        low, high = survival ** np.exp(exponent), survival ** np.exp(-exponent)
    undefined = np.where(survival == 1, 1.0, np.nan)
    inside = (survival > 0) & (survival < 1)
    return np.where(inside, low, undefined), np.where(inside, high, undefined)
