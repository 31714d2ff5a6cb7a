"""Mend probabilities and leave the ranking: one temperature for a model that is too sure, new odds for new places.

Both are fitted on cases kept apart for this, not on the test set. C. Guo and others, "On calibration of modern neural
networks", ICML 2017, section 4.2; M. Saerens, P. Latinne and C. Decaestecker, "Adjusting the outputs of a classifier to
new a priori probabilities: a simple procedure", Neural Computation 14, 2002, pages 21-41, equation 2.4.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit, softmax

from course_lib.metrics.door import as_array, as_binary, as_labels, as_scores

__all__ = ["TemperatureScaling", "shift_prior"]


@dataclass(frozen=True)
class TemperatureScaling:
    """Logits divided by one `temperature`: above 1 the model becomes less sure, below 1 surer; the order stays.

    Parameters
    ----------
    temperature : float
        Above 0, finite.

    Raises
    ------
    ValueError
        If the temperature is out of its range.

    Examples
    --------
    >>> too_sure = TemperatureScaling.fit([4.0, 4.0, 4.0, -4.0], [1, 1, 0, 0])
    >>> too_sure.apply([4.0]).round(2).tolist()  # three of four such cases were right
    [0.75]
    """

    temperature: float

    def __post_init__(self) -> None:
        if not 0 < self.temperature < np.inf:
            raise ValueError(f"temperature must be above 0 and finite, got {self.temperature}")

    @classmethod
    def fit(cls, logits: ArrayLike, y_true: ArrayLike) -> "TemperatureScaling":
        """Find the temperature that makes the truth likeliest.

        Parameters
        ----------
        logits : (N,) or (N, K) array of float
            Finite; before sigmoid for (N,), before soft-max for (N, K).
        y_true : (N,) array of int
            0 and 1, or 0 to K − 1.

        Returns
        -------
        TemperatureScaling
            With a temperature above 0; the likelihood has one maximum (its logarithm is concave in 1 / temperature).

        Raises
        ------
        ValueError
            If every case is right (the likelihood then grows as the temperature falls to 0), if the logits are no
            better than none (it grows as the temperature rises), if a logit is NaN or infinite, a label is out of
            range, there is no case, or the shapes do not fit.
        TypeError
            If the values are not numbers, or the labels not whole ones.

        References
        ----------
        Guo and others 2017, equation 9.
        """
        columns = _two_columns(logits)
        labels = _labels(y_true, as_array("logits", logits).shape)
        above = columns - np.take_along_axis(columns, labels[:, np.newaxis], axis=1)  # logits less that of the truth

        def slope(sharpness: float) -> float:
            """Differentiate the negative log-likelihood: expected logit less that of the truth."""
            return float(np.sum(softmax(sharpness * above, axis=1) * above))

        if above.max() <= 0:
            raise ValueError("every case is right: no temperature is likeliest; fit on more cases, or on harder ones")
        if slope(0.0) >= 0:
            raise ValueError("the logits tell these cases apart no better than chance: no temperature mends that")
        largest = 1.0 / np.abs(above).max()
        while slope(largest) <= 0:
            largest *= 2
        return cls(temperature=1 / brentq(slope, 0.0, largest, xtol=1e-300, rtol=1e-12))

    def apply(self, logits: ArrayLike) -> NDArray[np.float64]:
        """Turn logits into probabilities at this temperature.

        Parameters
        ----------
        logits : (N,) or (N, K) array of float
            Finite, as of `fit`.

        Returns
        -------
        (N,) or (N, K) array of float
            Probability of class 1, or of each class (rows sum to 1).

        Raises
        ------
        ValueError
            If a logit is NaN or infinite, or the shape is neither (N,) nor (N, K).
        TypeError
            If these are not numbers.
        """
        values = _finite(logits) / self.temperature
        return expit(values) if values.ndim == 1 else softmax(values, axis=1)


def shift_prior(y_prob: ArrayLike, *, prior_train: ArrayLike, prior_deploy: ArrayLike) -> NDArray[np.float64]:
    """Correct probabilities for a place where disease is rarer or commoner than where the model learned.

    Each class's probability is multiplied by how much commoner it became, and the sum brought back to 1. Right only if
    the classes look the same in both places (label shift); the order of the cases of (N,) stays.

    Parameters
    ----------
    y_prob : (N,) or (N, K) array of float
        Calibrated probability of class 1, or of each class (each row sums to 1 within 0.01), 0 to 1.
    prior_train, prior_deploy : float, or (K,) array of float that sums to 1
        Share of class 1, or of each class, there and here; above 0 and below 1.

    Returns
    -------
    (N,) or (N, K) array of float
        Probabilities 0 to 1; 0 stays 0 and 1 stays 1.

    Raises
    ------
    ValueError
        If a probability is NaN or outside 0 to 1, a row or a prior does not sum to 1, a prior is 0 or 1, or the shapes
        do not fit.
    TypeError
        If these are not numbers.

    References
    ----------
    Saerens, Latinne and Decaestecker 2002, equation 2.4.

    Examples
    --------
    >>> shift_prior([0.5, 0.9], prior_train=0.5, prior_deploy=0.1).round(3).tolist()
    [0.1, 0.5]
    """
    prob = as_scores("y_prob", y_prob)
    if prob.ndim not in (1, 2):
        raise ValueError(f"y_prob needs shape (N,) or (N, K), got {prob.shape}")
    outside = prob[(prob < 0) | (prob > 1)]
    if len(outside):
        raise ValueError(f"y_prob needs probabilities from 0 to 1, got {outside[0]:g}: are these logits?")
    columns = prob if prob.ndim == 2 else np.column_stack([1 - prob, prob])
    if (abs(columns.sum(axis=1) - 1) > 0.01).any():
        raise ValueError("each row of y_prob must sum to 1: soft-max missing?")
    there, here = (
        _prior(name, values, prob.shape)
        for name, values in (("prior_train", prior_train), ("prior_deploy", prior_deploy))
    )
    shifted = columns * (here / there)
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted if prob.ndim == 2 else shifted[:, 1]


def _prior(name: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Shares of all classes, from that of class 1 where only this is asked."""
    prior, wanted = as_scores(name, values), shape[1:]
    if prior.shape != wanted:
        raise ValueError(f"{name} needs shape {wanted}, got {prior.shape}")
    if ((prior <= 0) | (prior >= 1)).any():
        raise ValueError(f"{name} must lie between 0 and 1, both excluded, got {prior.tolist()}")
    if prior.ndim and abs(prior.sum() - 1) > 1e-6:
        raise ValueError(f"{name} must sum to 1, got {prior.sum():g}")
    return prior if prior.ndim else np.array([1 - prior, prior])


def _finite(logits: ArrayLike) -> NDArray[np.float64]:
    values = as_scores("logits", logits)
    if values.ndim not in (1, 2):
        raise ValueError(f"logits need shape (N,) or (N, K), got {values.shape}")
    if np.isinf(values).any():
        raise ValueError(f"logits must be finite, got {values[np.isinf(values)][0]}")
    return values


def _two_columns(logits: ArrayLike) -> NDArray[np.float64]:
    """Logits of all classes: a single one is that of class 1 against 0."""
    values = _finite(logits)
    return values if values.ndim == 2 else np.column_stack([np.zeros_like(values), values])


def _labels(y_true: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.intp]:
    labels = as_binary("y_true", y_true) if len(shape) == 1 else as_labels("y_true", y_true)
    if labels.shape != shape[:1] or not len(labels):
        raise ValueError(f"y_true needs one label for each row of logits, at least one, got {labels.shape} for {shape}")
    outside = labels[(labels < 0) | (labels >= (shape[1] if len(shape) == 2 else 2))]
    if len(outside):
        raise ValueError(f"y_true needs labels from 0 to {shape[1] - 1}, got {outside[0]}")
    return labels.astype(np.intp)
