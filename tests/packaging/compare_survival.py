"""Run where lifelines and scikit-survival can be imported: prints how far from ours their survival analysis is.

Each line is {"name", "difference"}: the largest relative difference over random cohorts with ties (of counts, the
absolute one). What the peers do otherwise is left out on purpose: scikit-survival calls risks within 1e-8 tied unless
told not to, and counts as `tied_time` an event and a censoring at the same time; and an interval where nobody is left
is 0/0, for which each has its own answer.
"""

import json
from collections.abc import Iterator

import numpy as np
import pandas
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.utils import concordance_index as lifelines_concordance
from numpy.typing import ArrayLike, NDArray
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.linear_model.coxph import CoxPHOptimizer
from sksurv.metrics import concordance_index_censored
from sksurv.nonparametric import kaplan_meier_estimator

from course_lib.metrics.survival import (
    breslow_log_likelihood,
    concordance_counts,
    concordance_index,
    efron_log_likelihood,
    kaplan_meier,
)

Cohort = tuple[NDArray, NDArray, NDArray]


def cohorts() -> Iterator[Cohort]:
    """Times, events and risks: few and many ties, rare and frequent events, several types."""
    rng = np.random.default_rng(0)
    for num_cases, num_times, frequent in ((30, 8, 0.9), (200, 40, 0.5), (600, 10_000, 0.1), (1_000, 365, 0.6)):
        for form in (np.float32, np.float64, np.int16):
            risk = (rng.normal(size=num_cases) * 20).astype(form)
            time = rng.integers(1, num_times, num_cases).astype(form)
            yield time, rng.random(num_cases) < frequent, risk


def relative(ours: ArrayLike, theirs: ArrayLike) -> float:
    """Give the largest difference over the size of theirs."""
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    return float((np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-300)).max())


def concordances(time: NDArray, event: NDArray, risk: NDArray) -> Iterator[tuple[str, float]]:
    """Compare Harrell's C, and the counts behind it."""
    counts = concordance_counts(time, event, risk)
    index, *numbers = concordance_index_censored(event, time, risk, tied_tol=0)[:4]
    yield "concordance, scikit-survival", relative(counts.index, index)
    ours = [counts.concordant, counts.discordant, counts.tied_risk]
    yield "concordant, discordant and tied pairs, scikit-survival", float(np.abs(np.subtract(ours, numbers)).max())
    wanted = lifelines_concordance(time, -risk.astype(float), event)
    yield "concordance, lifelines", relative(concordance_index(time, event, risk), wanted)


def curves(time: NDArray, event: NDArray) -> Iterator[tuple[str, float]]:
    """Compare Kaplan–Meier and its interval where somebody is left."""
    curve = kaplan_meier(time, event)
    times, survival, interval = kaplan_meier_estimator(event, time, conf_type="log-log")
    yield "Kaplan-Meier, scikit-survival", max(relative(curve.time, times), relative(curve.survival, survival))
    inside = (curve.survival < 1) & (curve.survival > 0)
    both = np.stack([curve.low, curve.high])[:, inside]
    yield "interval of Kaplan-Meier, scikit-survival", relative(both, interval[:, inside])
    fitted = KaplanMeierFitter().fit(time, event)
    yield "Kaplan-Meier, lifelines", relative(curve.at(fitted.timeline), fitted.survival_function_.to_numpy()[:, 0])
    theirs = fitted.confidence_interval_.loc[curve.time[inside]].to_numpy().T
    yield "interval of Kaplan-Meier, lifelines", relative(both, theirs)


def likelihoods(time: NDArray, event: NDArray, feature: NDArray) -> Iterator[tuple[str, float]]:
    """Compare the partial likelihood, and its maximum, of a model of one feature."""
    feature = feature.astype(float)[:, None] / 20
    ours = {"breslow": breslow_log_likelihood, "efron": efron_log_likelihood}
    for ties, likelihood in ours.items():
        optimizer = CoxPHOptimizer(feature, event, time, alpha=np.zeros(1), ties=ties)
        for slope in (-0.7, 0.0, 1.3):
            theirs = -optimizer.nlog_likelihood(np.array([slope])) * len(time)
            yield (
                f"likelihood of {ties}, scikit-survival",
                relative(likelihood(time, event, slope * feature[:, 0]), theirs),
            )
        structured = np.array(
            list(zip(event, time.astype(float), strict=True)), dtype=[("event", bool), ("time", float)]
        )
        slope = CoxPHSurvivalAnalysis(ties=ties).fit(feature, structured).coef_[0]
        best = likelihood(time, event, slope * feature[:, 0])
        beside = [likelihood(time, event, (slope + step) * feature[:, 0]) for step in (-1e-3, 1e-3)]
        yield f"maximum of {ties}, scikit-survival", float(max(max(beside) - best, 0))
    table = pandas.DataFrame({"feature": feature[:, 0], "time": time.astype(float), "event": event})
    fitted = CoxPHFitter().fit(table, "time", "event")
    log_risk = fitted.params_.iloc[0] * feature[:, 0]
    yield (
        "likelihood of efron, lifelines",
        relative(efron_log_likelihood(time, event, log_risk), fitted.log_likelihood_),
    )


def main() -> None:
    found: dict[str, float] = {}
    for time, event, risk in cohorts():
        for rows in (concordances(time, event, risk), curves(time, event), likelihoods(time, event, risk)):
            for name, difference in rows:
                found[name] = max(found.get(name, 0.0), difference)
    for name, difference in found.items():
        print(json.dumps({"name": name, "difference": difference}), flush=True)


if __name__ == "__main__":
    main()
