"""Concordance, Kaplan–Meier and Cox."""

from typing import Any

import numpy as np

from course_lib.metrics.survival import concordance_index, efron_log_likelihood, kaplan_meier
from metric_cases import Case


def cohort(num_cases: int, *, days: bool = True) -> tuple[np.ndarray, ...]:
    """Times, in whole days or without ties, events of about half, and risks to three decimals."""
    rng = np.random.default_rng(0)
    risk = rng.normal(size=num_cases).round(3)
    time, last_seen = rng.exponential(1000 * np.exp(-risk)), rng.exponential(1000, num_cases)
    seen = np.minimum(time, last_seen)
    return np.ceil(seen) if days else seen, time <= last_seen, risk


def all_pairs(time: np.ndarray, event: np.ndarray, risk: np.ndarray) -> float:
    """Compare each event with all cases: the definition, one event at a time."""
    won = comparable = 0.0
    for moment, its_risk in zip(time[event], risk[event], strict=True):
        others = risk[(time > moment) | ((time == moment) & ~event)]
        won += (its_risk > others).sum() + 0.5 * (its_risk == others).sum()
        comparable += len(others)
    return won / comparable


def sksurv_concordance(time: np.ndarray, event: np.ndarray, risk: np.ndarray) -> Any:
    from sksurv.metrics import concordance_index_censored

    return concordance_index_censored(event, time, risk, tied_tol=0)[0]


def lifelines_concordance(time: np.ndarray, event: np.ndarray, risk: np.ndarray) -> Any:
    from lifelines.utils import concordance_index as theirs

    return theirs(time, -risk, event)


def sksurv_kaplan_meier(time: np.ndarray, event: np.ndarray) -> Any:
    from sksurv.nonparametric import kaplan_meier_estimator

    return kaplan_meier_estimator(event, time, conf_type="log-log")[1]


def lifelines_kaplan_meier(time: np.ndarray, event: np.ndarray) -> Any:
    from lifelines import KaplanMeierFitter

    return KaplanMeierFitter().fit(time, event).survival_function_.to_numpy()[1:, 0]  # without the row of time 0


def sksurv_efron(time: np.ndarray, event: np.ndarray, risk: np.ndarray) -> Any:
    from sksurv.linear_model.coxph import CoxPHOptimizer

    optimizer = CoxPHOptimizer(risk[:, None], event, time, alpha=np.zeros(1), ties="efron")
    return -optimizer.nlog_likelihood(np.ones(1)) * len(time)


PEERS = {"scikit-survival": sksurv_concordance, "lifelines": lifelines_concordance, "all pairs": all_pairs}
QUICKEST = {"lifelines": lifelines_concordance}  # the others go through all pairs, which takes minutes

CASES = [
    Case("concordance, 10⁴ cases", lambda quick: cohort(2_000 if quick else 10**4), concordance_index, 5, PEERS),
    Case("concordance, 10⁵ cases", lambda quick: cohort(10**4 if quick else 10**5), concordance_index, 5, QUICKEST),
    Case(
        "concordance, 10⁵ cases, no ties of time",
        *(lambda quick: cohort(10**4 if quick else 10**5, days=False), concordance_index, 5, QUICKEST),
    ),
    Case(
        "Kaplan–Meier with its interval, 10⁵ cases",
        lambda quick: cohort(10**4 if quick else 10**5)[:2],
        lambda time, event: kaplan_meier(time, event).survival,
        *(1, {"scikit-survival": sksurv_kaplan_meier, "lifelines": lifelines_kaplan_meier}),
    ),
    Case(
        "Cox, likelihood of Efron, 10⁴ cases",
        *(lambda quick: cohort(2_000 if quick else 10**4), efron_log_likelihood, 1),
        {"scikit-survival": sksurv_efron},
    ),
]
