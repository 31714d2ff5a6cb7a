"""Intensities on one scale: windows for CT, whose units are absolute, and normalisation for the rest.

Centres and widths follow Radiopaedia, "Windowing (CT)"; other houses use others by some ten HU.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CT_WINDOWS", "CtWindow", "apply_ct_window", "rescale_percentiles", "z_score"]


@dataclass(frozen=True)
class CtWindow:
    """The range of Hounsfield units that is spread from black to white.

    Parameters
    ----------
    center_hu : float
        What becomes middle grey; radiology calls it the level.
    width_hu : float
        White minus black, above 0.

    Examples
    --------
    >>> CtWindow(50, 400).low_hu, CtWindow(50, 400).high_hu
    (-150.0, 250.0)
    """

    center_hu: float
    width_hu: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.center_hu) and np.isfinite(self.width_hu) and self.width_hu > 0):
            raise ValueError(
                f"a window needs a centre and a width above 0 in HU, got {self.center_hu}, {self.width_hu}"
            )

    @property
    def low_hu(self) -> float:
        """What becomes black, with all below."""
        return self.center_hu - self.width_hu / 2

    @property
    def high_hu(self) -> float:
        """What becomes white, with all above."""
        return self.center_hu + self.width_hu / 2


CT_WINDOWS: Mapping[str, CtWindow] = MappingProxyType(
    {
        "abdomen": CtWindow(50, 400),
        "bone": CtWindow(400, 1800),
        "brain": CtWindow(40, 80),
        "liver": CtWindow(30, 150),
        "lung": CtWindow(-600, 1500),
        "mediastinum": CtWindow(50, 350),
        "spine": CtWindow(50, 250),
        "stroke": CtWindow(40, 40),
        "subdural": CtWindow(75, 215),
        "temporal bone": CtWindow(600, 2800),
    }
)


def apply_ct_window(hu: NDArray[Any], window: CtWindow | str) -> NDArray[np.float32]:
    """Spread a range of Hounsfield units from 0 to 1; what lies outside is cut to 0 or 1.

    Parameters
    ----------
    hu : array
        Hounsfield units, any shape.
    window : CtWindow or str
        A window, or the name of one of `CT_WINDOWS`.

    Returns
    -------
    float32 array
        Same shape, 0 … 1.

    Raises
    ------
    ValueError
        If there is no window of that name, or a value is NaN.

    Examples
    --------
    >>> apply_ct_window(np.array([-1000, -150, 50, 250, 3000]), "abdomen").tolist()
    [0.0, 0.0, 0.5, 1.0, 1.0]
    """
    if isinstance(window, str):
        if window not in CT_WINDOWS:
            raise ValueError(f"window needs one of {', '.join(CT_WINDOWS)}, got {window!r}")
        window = CT_WINDOWS[window]
    out = np.array(hu, dtype=np.float32)
    if np.isnan(out).any():
        raise ValueError("hu needs numbers, got NaN; replace what lies outside the scan by −1000")
    np.clip(out, window.low_hu, window.high_hu, out=out)
    out -= np.float32(window.low_hu)
    out /= np.float32(window.width_hu)
    return np.clip(out, 0, 1, out=out)


def z_score(intensities: NDArray[Any], *, mask: NDArray[Any] | None = None) -> NDArray[np.float32]:
    """Subtract the mean and divide by the standard deviation: for MR, whose units are arbitrary.

    Parameters
    ----------
    intensities : array
        Any shape, finite.
    mask : array of the same shape, optional
        Where mean and deviation are taken (above 0), such as the brain; everywhere without it.

    Returns
    -------
    float32 array
        Same shape; mean 0 and deviation 1 in the mask; 0 everywhere if the mask shows one value only.

    Raises
    ------
    ValueError
        If an intensity is not finite, or the mask is empty or of another shape.

    Examples
    --------
    >>> z_score(np.array([1.0, 3.0, 100.0]), mask=np.array([1, 1, 0])).tolist()
    [-1.0, 1.0, 98.0]
    """
    chosen = _chosen(intensities, mask)
    mean, deviation = float(chosen.mean(dtype=np.float64)), float(chosen.std(dtype=np.float64))
    if chosen.min() == chosen.max():
        return np.zeros(intensities.shape, dtype=np.float32)
    return ((intensities - mean) / deviation).astype(np.float32)


def rescale_percentiles(
    intensities: NDArray[Any], *, low: float = 1, high: float = 99, mask: NDArray[Any] | None = None
) -> NDArray[np.float32]:
    """Spread the range between two percentiles from 0 to 1, so that a few extreme voxels do not set the scale.

    Parameters
    ----------
    intensities : array
        Any shape, finite.
    low, high : float
        Percentiles that become 0 and 1, 0 ≤ low < high ≤ 100; what lies outside is cut.
    mask : array of the same shape, optional
        Where the percentiles are taken (above 0).

    Returns
    -------
    float32 array
        Same shape, 0 … 1; 0 everywhere if both percentiles are equal.

    Raises
    ------
    ValueError
        If the percentiles are out of order, an intensity is not finite, or the mask is empty or of another shape.

    References
    ----------
    Nyúl and Udupa, "On standardizing the MR image intensity scale", 1999 (why percentiles).

    Examples
    --------
    >>> rescale_percentiles(np.array([0, 1, 2, 3, 4]), low=0, high=50).tolist()
    [0.0, 0.5, 1.0, 1.0, 1.0]
    """
    if not 0 <= low < high <= 100:
        raise ValueError(f"percentiles need 0 ≤ low < high ≤ 100, got {low} and {high}")
    bottom, top = (float(value) for value in np.percentile(_chosen(intensities, mask), [low, high]))
    if bottom == top:
        return np.zeros(intensities.shape, dtype=np.float32)
    return np.clip((intensities - bottom) / (top - bottom), 0, 1).astype(np.float32)


def _chosen(intensities: NDArray[Any], mask: NDArray[Any] | None) -> NDArray[Any]:
    """Return the intensities that set the scale."""
    if intensities.size == 0 or not np.isfinite(intensities).all():
        raise ValueError("intensities need to be finite numbers, at least one; got NaN, infinity or an empty array")
    if mask is None:
        return intensities
    if mask.shape != intensities.shape:
        raise ValueError(f"mask needs the shape of the intensities, {intensities.shape}, got {mask.shape}")
    if not (mask > 0).any():
        raise ValueError("mask needs at least one voxel above 0, got none")
    return intensities[mask > 0]
