"""The survival phantom: its times against the formulas that made them, and what can be learned from it."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from course_lib.data.phantoms.survival import (
    COVARIATES,
    LOG_HAZARD_RATIOS,
    SurvivalCohort,
    make_survival_cohort,
)
from course_lib.metrics import breslow_log_likelihood, concordance_index, kaplan_meier


def gradient_and_information(
    cohort: SurvivalCohort, columns: NDArray[np.float64], beta: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of Cox's partial log-likelihood: at each death, own covariates minus the weighted mean of those still at risk."""
    order = np.argsort(-cohort.time_days)
    x, died = columns[order], cohort.event[order]
    weight = np.exp(x @ beta)
    total = np.cumsum(weight)[:, None]
    mean = np.cumsum(weight[:, None] * x, axis=0) / total
    square = np.cumsum(weight[:, None, None] * x[:, :, None] * x[:, None, :], axis=0) / total[..., None]
    information = (square - mean[:, :, None] * mean[:, None, :])[died].sum(axis=0)
    return (x - mean)[died].sum(axis=0), information


def cox(cohort: SurvivalCohort, columns: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients and standard errors by Newton's method."""
    beta = np.zeros(columns.shape[1])
    for _ in range(6):
        gradient, information = gradient_and_information(cohort, columns, beta)
        beta = beta + np.linalg.solve(information, gradient)
    return beta, np.sqrt(np.diag(np.linalg.inv(information)))


def test_the_cohort_looks_like_the_paper() -> None:
    cohorts = [make_survival_cohort(302, seed=seed) for seed in range(20)]
    assert np.mean([cohort.event.mean() for cohort in cohorts]) == pytest.approx(0.28, abs=0.02)
    assert np.mean([np.median(cohort.time_days) for cohort in cohorts]) == pytest.approx(371, rel=0.08)


def test_concordance_of_the_truth_is_above_the_net_of_the_paper_and_that_of_the_line_below() -> None:
    cohort = make_survival_cohort(20_000)
    assert concordance_index(cohort.time_days, cohort.event, cohort.log_hazard) == pytest.approx(0.77, abs=0.02)
    assert concordance_index(cohort.time_days, cohort.event, cohort.linear_log_hazard) == pytest.approx(0.63, abs=0.02)
    assert concordance_index(cohort.time_days, cohort.event, cohort.motion_log_hazard) > 0.68


def test_kaplan_meier_finds_the_true_curve_though_two_thirds_are_censored() -> None:
    cohort = make_survival_cohort(20_000)
    days = np.array([90, 180, 365, 730, 1460])
    assert cohort.event.mean() < 0.35
    truth = cohort.true_survival(days).mean(axis=0)
    assert kaplan_meier(cohort.time_days, cohort.event).at(days) == pytest.approx(truth, abs=0.012)


@pytest.mark.parametrize("seed", range(3))
def test_those_who_leave_before_they_die_make_the_curve_too_good(seed: int) -> None:
    cohort = make_survival_cohort(5000, seed=seed, leave_before_death=0.5)
    truth = cohort.true_survival(730).mean()
    assert kaplan_meier(cohort.time_days, cohort.event).at(730)[0] > truth + 0.08


def test_without_loss_everybody_is_followed_until_death() -> None:
    cohort = make_survival_cohort(2000, median_follow_up_days=float("inf"))
    assert cohort.event.all()
    assert np.array_equal(cohort.time_days, cohort.death_days)


def test_times_are_weibull_with_proportional_hazards() -> None:
    cohort = make_survival_cohort(2000)
    left = np.sort(np.diag(cohort.true_survival(cohort.death_days)))
    assert left == pytest.approx(np.linspace(0, 1, 2000), abs=0.04)  # the probability integral is uniform


def test_the_gradient_is_zero_within_its_error_at_the_true_coefficients() -> None:
    cohort = make_survival_cohort(20_000)
    columns = np.column_stack([cohort.covariates, cohort.motion_log_hazard])
    truth = np.array([*LOG_HAZARD_RATIOS, 1.0])
    gradient, information = gradient_and_information(cohort, columns, truth)
    assert gradient @ np.linalg.solve(information, gradient) < 20  # chi square with 5 degrees: 99.9 % are below 20.5
    far, _ = gradient_and_information(cohort, columns, np.zeros(5))
    assert far @ np.linalg.solve(information, far) > 500
    best = breslow_log_likelihood(cohort.time_days, cohort.event, columns @ truth)
    for change in 0.15 * np.eye(5):
        assert breslow_log_likelihood(cohort.time_days, cohort.event, columns @ (truth + change)) < best
        assert breslow_log_likelihood(cohort.time_days, cohort.event, columns @ (truth - change)) < best


def test_cox_finds_the_hazard_ratios_and_that_kidneys_do_nothing_beside_age() -> None:
    cohort = make_survival_cohort(20_000)
    assert COVARIATES[3] == "kidney filtration"
    beta, error = cox(cohort, np.column_stack([cohort.covariates, cohort.motion_log_hazard]))
    assert (np.abs(beta - [*LOG_HAZARD_RATIOS, 1.0]) < 3.5 * error).all()
    assert np.abs(beta - [*LOG_HAZARD_RATIOS, 1.0]).max() < 0.08
    alone, error_alone = cox(cohort, cohort.covariates[:, 3:])
    assert alone[0] < -4 * error_alone[0]  # by themselves they look like a warning
    assert np.corrcoef(cohort.age_years, cohort.egfr_ml_min)[0, 1] == pytest.approx(-0.6, abs=0.03)


def test_who_drops_the_motion_finds_hazard_ratios_nearer_to_one() -> None:
    cohort = make_survival_cohort(20_000)
    beta, _ = cox(cohort, cohort.covariates)
    assert (np.abs(beta[:3]) < np.abs(LOG_HAZARD_RATIOS[:3])).all()


class MotionNet(nn.Module):
    """A hidden layer on the curves, another on what it found and on the covariates: 2,000 weights."""

    def __init__(self) -> None:
        super().__init__()
        self.curves, self.both, self.risk = nn.Linear(40, 32), nn.Linear(36, 16), nn.Linear(16, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = torch.cat([x[:, :4], torch.relu(self.curves(x[:, 4:]))], dim=1)
        return self.risk(torch.relu(self.both(found)))[:, 0]


@pytest.mark.parametrize("seed", [0])
def test_a_line_beats_chance_a_net_beats_the_line_and_the_truth_beats_the_net(seed: int) -> None:
    cohort = make_survival_cohort(3000, seed=seed)
    columns = np.concatenate([cohort.covariates, cohort.motion.reshape(3000, 40)], axis=1)
    columns = (columns - columns[:2000].mean(axis=0)) / columns[:2000].std(axis=0)
    kept = {field.name: getattr(cohort, field.name) for field in fields(cohort)}
    train = replace(cohort, **{name: values[:2000] for name, values in kept.items()})

    def judged(risk: NDArray[np.float64]) -> float:
        return concordance_index(cohort.time_days[2000:], cohort.event[2000:], risk)

    line = judged(columns[2000:] @ cox(train, columns[:2000])[0])
    torch.manual_seed(seed)
    net, x = MotionNet(), torch.tensor(columns, dtype=torch.float32)
    order = torch.tensor(np.argsort(-train.time_days).copy())
    died = torch.tensor(train.event)[order]
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2, weight_decay=1e-3)
    for _ in range(40):
        risk = net(x[:2000])[order]
        loss = (risk.logcumsumexp(0) - risk)[died].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    learned = judged(net(x[2000:]).detach().numpy())
    assert line > 0.57
    assert learned > line + 0.05
    assert judged(cohort.log_hazard[2000:]) > learned + 0.005


def test_ranges_and_types_are_what_the_docstring_says() -> None:
    cohort = make_survival_cohort(5000)
    assert cohort.motion.shape == (5000, 2, 20)
    for name in ("age_years", "ejection_percent", "egfr_ml_min", "motion", "delay_percent"):
        assert getattr(cohort, name).dtype == np.float32
    assert cohort.female.dtype == cohort.event.dtype == bool
    assert cohort.female.mean() == pytest.approx(0.6, abs=0.03)
    assert 18 <= cohort.age_years.min() < 30
    assert 85 < cohort.age_years.max() <= 95
    assert cohort.time_days.min() > 0
    assert (cohort.time_days <= cohort.death_days).all()
    assert np.array_equal(cohort.event, cohort.time_days == cohort.death_days)
    assert cohort.covariates.mean(axis=0) == pytest.approx(np.zeros(4), abs=0.06)
    assert cohort.motion_log_hazard.std() == pytest.approx(0.9, rel=0.05)


def test_the_curves_hold_the_delay() -> None:
    cohort = make_survival_cohort(3000)
    first = np.angle((cohort.motion * np.exp(-2j * np.pi * np.arange(20) / 20)).sum(axis=2))
    delay = np.angle(np.exp(1j * (first[:, 0] - first[:, 1]))) / (2 * np.pi) * 100
    assert np.corrcoef(delay, cohort.delay_percent)[0, 1] > 0.9
    assert np.abs(np.corrcoef(cohort.motion.reshape(3000, 40).T, cohort.motion_log_hazard)[-1, :-1]).max() < 0.1
    deepest = cohort.motion.max(axis=(1, 2))
    assert np.corrcoef(deepest, cohort.ejection_percent)[0, 1] > 0.8


def test_more_patients_never_change_the_first_ones() -> None:
    few, many = (
        make_survival_cohort(5, seed=3, leave_before_death=0.5),
        make_survival_cohort(9, seed=3, leave_before_death=0.5),
    )
    for field in fields(few):
        assert np.array_equal(getattr(few, field.name), getattr(many, field.name)[:5])
    assert not np.array_equal(few.motion, make_survival_cohort(5, seed=4).motion)


def test_an_empty_cohort_has_the_types_of_a_full_one() -> None:
    empty, full = make_survival_cohort(0), make_survival_cohort(2)
    for field in fields(empty):
        assert getattr(empty, field.name).shape == (0, *getattr(full, field.name).shape[1:])
        assert getattr(empty, field.name).dtype == getattr(full, field.name).dtype
    assert empty.covariates.shape == (0, 4)


def test_survival_starts_at_one_and_falls() -> None:
    curve = make_survival_cohort(4).true_survival([0, 10, 1000, 1e9])
    assert curve.shape == (4, 4)
    assert (curve[:, 0] == 1).all()
    assert (np.diff(curve) < 0).all()
    assert curve[:, 3] == pytest.approx(0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": -2}, "count is at least 0, got -2"),
        ({"median_follow_up_days": 0}, "median_follow_up_days is above 0, got 0"),
        ({"median_follow_up_days": float("nan")}, "median_follow_up_days is above 0, got nan"),
        ({"leave_before_death": 2}, "leave_before_death is a share from 0 to 1, got 2"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_survival_cohort(**{"count": 3, **arguments})


def test_days_before_the_start_are_named() -> None:
    with pytest.raises(ValueError, match="days are at least 0, got -1"):
        make_survival_cohort(2).true_survival([3, -1])
