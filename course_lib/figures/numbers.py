"""Arrays from whatever a lesson holds, and numbers written as books write them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["as_array", "written"]


def as_array(values: Any) -> NDArray[Any]:
    """Return a numpy array of a list, an array, or a tensor on any device.

    Examples
    --------
    >>> as_array([[1, 2]]).shape
    (1, 2)
    """
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)


def written(value: float, *, digits: int = 3) -> str:
    """Write a whole number in full and another one with a few digits, with a true minus.

    Examples
    --------
    >>> written(1204.0), written(-0.123456)
    ('1204', '−0.123')
    """
    text = f"{value:.0f}" if float(value).is_integer() else f"{value:.{digits}g}"
    return text.replace("-", "−")
