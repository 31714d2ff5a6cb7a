"""Survival times of patients whose heart motion says more than the numbers that are usually read from it.

A phantom in the shape of Bello 2019: patients with pulmonary hypertension, followed for some years. The risk of dying
has a part that is linear in age, sex and ejection fraction, and a larger one that depends on whether the two walls of
the ventricle contract together: one early or one late is bad, whichever it is. A weighted sum of the motion curves sees
next to nothing of that, since recordings start at different moments of the beat; a small net sees most of it.

Numbers: 302 patients, 28 % of whom died, followed for 371 days in the median; concordance 0.75 for a net on the motion
of the heart, 0.59 for the usual measurements (Bello 2019). The hazard ratio of a higher ejection fraction of the right
ventricle is 0.64 (Garg 2021, another kind of pulmonary hypertension; taken here for one standard deviation). Chosen:
the other hazard ratios, shape 1.1 and scale of the Weibull baseline, the follow-up, means and deviations of the
covariates.

Lacks: images (the curve stands for what a segmentation would give), treatment, causes of death, hazards that are not
proportional, missing values and hospitals that differ.

References
----------
G. A. Bello and others, "Deep-learning cardiac motion analysis for human survival prediction", Nature Machine
Intelligence 1, 2019; P. Garg and others, "Cardiovascular magnetic resonance predicts all-cause mortality in pulmonary
hypertension associated with heart failure with preserved ejection fraction", International Journal of Cardiovascular
Imaging 37, 2021; R. Bender, T. Augustin and M. Blettner, "Generating survival times to simulate Cox proportional
hazards models", Statistics in Medicine 24, 2005 (the method).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["COVARIATES", "LOG_HAZARD_RATIOS", "SurvivalCohort", "make_survival_cohort"]

COVARIATES = ("age", "female", "ejection fraction", "kidney filtration")
"""The columns of `SurvivalCohort.covariates`."""
LOG_HAZARD_RATIOS = (float(np.log(1.3)), float(np.log(0.75)), float(np.log(0.64)), 0.0)
"""What one unit of each column adds to the log hazard; kidneys filter less with age, and by themselves do nothing."""
MEANS = np.array([63.0, 0.6, 45.0, 70.0])
DEVIATIONS = np.array([13.0, 1.0, 12.0, 20.0])
SHAPE, SCALE_DAYS = 1.1, 2150.0
MOTION_WEIGHT = 0.9  # standard deviation of the log hazard that the motion holds
PHASES = np.arange(20) / 20
COMMON_PERCENT, DELAY_PERCENT = (
    20.0,
    10.0,
)  # of a beat; standard deviations of when a recording starts, and of the delay
NOISE_PERCENT = 2.0


@dataclass(frozen=True, eq=False)
class SurvivalCohort:
    """Patients with what is seen of them, and with what is true.

    Parameters
    ----------
    age_years, ejection_percent, egfr_ml_min : (N,) float32 arrays
        Age at diagnosis; ejection fraction of the right ventricle, from images; filtration of the kidneys.
    female : (N,) bool array
    motion : (N, 2, 20) float32 array
        Shortening of the septum and of the free wall, in percent, in 20 phases of a heart beat; noisy, and
        started at different moments of the beat.
    time_days : (N,) float64 array
        Time of death, or of the last visit.
    event : (N,) bool array
        Whether the patient died then; False: last seen alive.
    death_days : (N,) float64 array
        Truth: when the patient would die if followed for ever.
    delay_percent : (N,) float32 array
        Truth: how much later the free wall contracts than the septum, in percent of a beat.
    linear_log_hazard, motion_log_hazard : (N,) float64 arrays
        Truth: the two parts of the logarithm of the hazard ratio.

    Examples
    --------
    >>> make_survival_cohort(3).covariates.shape
    (3, 4)
    """

    age_years: NDArray[np.float32]
    female: NDArray[np.bool_]
    ejection_percent: NDArray[np.float32]
    egfr_ml_min: NDArray[np.float32]
    motion: NDArray[np.float32]
    time_days: NDArray[np.float64]
    event: NDArray[np.bool_]
    death_days: NDArray[np.float64]
    delay_percent: NDArray[np.float32]
    linear_log_hazard: NDArray[np.float64]
    motion_log_hazard: NDArray[np.float64]

    @property
    def covariates(self) -> NDArray[np.float64]:
        """(N, 4) the columns of `COVARIATES`, minus the mean and over the deviation (female: 0 or 1, minus 0.6)."""
        columns = (self.age_years, self.female, self.ejection_percent, self.egfr_ml_min)
        return (np.column_stack([column.astype(np.float64) for column in columns]) - MEANS) / DEVIATIONS

    @property
    def log_hazard(self) -> NDArray[np.float64]:
        """(N,) truth: logarithm of the hazard ratio to a patient for whom both parts are 0."""
        return self.linear_log_hazard + self.motion_log_hazard

    def true_survival(self, days: ArrayLike) -> NDArray[np.float64]:
        """(N, T) probability of each patient to live longer than T times; its mean is what Kaplan–Meier looks for."""
        elapsed = np.atleast_1d(np.asarray(days, dtype=np.float64))
        if elapsed.size and not elapsed.min() >= 0:
            raise ValueError(f"days are at least 0, got {elapsed.min():g}")
        return np.exp(-((elapsed / SCALE_DAYS) ** SHAPE) * np.exp(self.log_hazard)[:, None])


def make_survival_cohort(
    count: int, *, seed: int = 0, median_follow_up_days: float = 480.0, leave_before_death: float = 0.0
) -> SurvivalCohort:
    """Draw patients whose time to death is Weibull with proportional hazards, and follow them until they are lost.

    Parameters
    ----------
    count : int
        Number of patients, at least 0; more of them never change the first ones.
    seed : int
        The same seed gives the same patients.
    median_follow_up_days : float
        Median of the log-normal time until a patient who lives is last seen (independent censoring), above 0; infinity
        follows everybody until death.
    leave_before_death : float
        Share of patients who stay away once they get worse, after 70 to 100 % of their time to death, 0 … 1. Above 0
        the censoring is informative, and no curve that assumes otherwise is right.

    Returns
    -------
    SurvivalCohort
        `count` patients.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> cohort = make_survival_cohort(302)
    >>> bool(0.2 < cohort.event.mean() < 0.36), cohort.motion.shape
    (True, (302, 2, 20))
    """
    _check(count, median_follow_up_days, leave_before_death)
    people, hearts, noise, death, loss, leaving = (np.random.default_rng([seed, stream]) for stream in range(6))
    covariates = _draw_covariates(people.standard_normal((count, 4)))
    common, delay = hearts.standard_normal((count, 2)).T
    linear = (covariates - MEANS) / DEVIATIONS @ np.array(LOG_HAZARD_RATIOS)
    # The mean of |z| of a standard normal z is √(2/π), its variance 1 − 2/π.
    from_motion = MOTION_WEIGHT * (np.abs(delay) - np.sqrt(2 / np.pi)) / np.sqrt(1 - 2 / np.pi)
    death_days = SCALE_DAYS * (death.standard_exponential(count) * np.exp(-linear - from_motion)) ** (1 / SHAPE)
    lost_days = median_follow_up_days * np.exp(0.9 * loss.standard_normal(count))
    away, when = leaving.random((count, 2)).T
    lost_days = np.where(away < leave_before_death, np.minimum(lost_days, death_days * (0.7 + 0.3 * when)), lost_days)
    motion = _motion(covariates[:, 2], common, delay) + NOISE_PERCENT * noise.standard_normal((count, 2, 20))
    age, female, ejection, egfr = covariates.T
    return SurvivalCohort(
        age.astype(np.float32),
        female > 0.5,
        ejection.astype(np.float32),
        egfr.astype(np.float32),
        motion.astype(np.float32),
        np.minimum(death_days, lost_days),
        death_days <= lost_days,
        death_days,
        (DELAY_PERCENT * delay).astype(np.float32),
        linear,
        from_motion,
    )


def _draw_covariates(normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Age, sex, ejection fraction and kidneys; the last two are lower in the old."""
    age, sex, ejection, kidneys = normal.T
    columns = (age, sex < 0.2533, 0.98 * ejection - 0.2 * age, 0.8 * kidneys - 0.6 * age)  # 60 % are below 0.2533
    drawn = np.column_stack(columns) * DEVIATIONS + np.where(np.arange(4) == 1, 0, MEANS)
    drawn[:, [0, 2, 3]] = np.clip(drawn[:, [0, 2, 3]], [18, 10, 10], [95, 80, 130])
    return drawn


def _motion(
    ejection: NDArray[np.float64], common: NDArray[np.float64], delay: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Shortening of both walls, (N, 2, 20): one wave a beat, deeper with the ejection fraction."""
    half = DELAY_PERCENT / 200 * delay
    top = 0.4 + COMMON_PERCENT / 100 * common + np.stack([-half, half])  # (2, N)
    wave = np.exp(3 * (np.cos(2 * np.pi * (PHASES - top[..., None])) - 1))  # (2, N, 20)
    return (0.5 * ejection[:, None] * wave).transpose(1, 0, 2)


def _check(count: int, median_follow_up_days: float, leave_before_death: float) -> None:
    if count < 0:
        raise ValueError(f"count is at least 0, got {count}")
    if not median_follow_up_days > 0:
        raise ValueError(f"median_follow_up_days is above 0, got {median_follow_up_days}")
    if not 0 <= leave_before_death <= 1:
        raise ValueError(f"leave_before_death is a share from 0 to 1, got {leave_before_death}")
