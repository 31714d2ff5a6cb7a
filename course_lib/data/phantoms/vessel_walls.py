"""Vessels drawn: from pieces of a centre line with a diameter to the distance of every pixel from the nearest wall.

A mask is where that distance is below zero; an image can darken by how deep inside a pixel lies.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["VesselSegments", "signed_distance"]

_THINNEST_DRAWN = 1.2  # or its mask would fall to pieces


@dataclass(frozen=True, eq=False)
class VesselSegments:
    """Short straight pieces of the vessels of one eye, 1 long or less, in units of 1/128 of the image.

    Parameters
    ----------
    starts, ends : (S, 2) float64 array
        (x, y).
    diameters : (S,) float64 array
    vessel : (S,) int64 array
        The number of the vessel, from bifurcation to bifurcation.
    artery : (S,) bool array
    """

    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    diameters: NDArray[np.float64]
    vessel: NDArray[np.int64]
    artery: NDArray[np.bool_]


def signed_distance(
    segments: VesselSegments, layers: NDArray[np.int64], num_layers: int, *, size: int
) -> NDArray[np.float32]:
    """Return for every pixel the distance to the nearest wall of a vessel in pixels, below zero inside.

    Parameters
    ----------
    segments : VesselSegments
    layers : (S,) int64 array
        The layer that each segment is drawn in; −1 leaves it out.
    num_layers : int
    size : int
        Width of the image in pixels.

    Returns
    -------
    (num_layers, size, size) float32 array
        Up to 3 where no vessel is near.

    Examples
    --------
    >>> start, end, number = np.array([[64.0, 64]]), np.array([[65.0, 64]]), np.array([0])
    >>> one = VesselSegments(start, end, np.array([4.0]), number, np.array([True]))
    >>> signed_distance(one, np.array([0]), 1, size=128)[0, 60:69, 64].round(1).tolist()  # a column across
    [3.0, 0.5, -0.5, -1.5, -1.5, -0.5, 0.5, 1.5, 3.0]
    """
    scale = size / 128
    kept = layers >= 0
    parts = max(1, round(scale))  # points about a pixel apart
    weights = (np.arange(parts) + 0.5) / parts
    starts, ends = segments.starts[kept][:, None], segments.ends[kept][:, None]
    points = (scale * (starts + weights[:, None] * (ends - starts))).reshape(-1, 2).astype(np.float32)
    radii = np.repeat(0.5 * scale * np.maximum(segments.diameters[kept], _THINNEST_DRAWN), parts).astype(np.float32)
    layer = np.repeat(layers[kept], parts)
    reach = int(np.ceil(radii.max(initial=0.5) + 1))
    pad = reach + 3 * int(np.ceil(scale)) + 2
    frame = size + 2 * pad
    steps = np.arange(-reach, reach + 1)
    middle = np.floor(points).astype(np.int64)
    x = steps - (points[:, :1] - middle[:, :1] - 0.5)  # pixel middles lie at one half
    y = steps - (points[:, 1:] - middle[:, 1:] - 0.5)
    distance = np.sqrt((x * x)[:, None, :] + (y * y)[:, :, None]) - radii[:, None, None]
    inside = ((middle + pad >= reach) & (middle + pad < frame - reach)).all(axis=1)
    corner = (layer * frame + middle[:, 1] + pad) * frame + middle[:, 0] + pad
    places = corner[:, None, None] + (steps[:, None] * frame + steps)
    field = np.full(num_layers * frame * frame, 3, np.float32)
    np.minimum.at(field, places[inside].ravel(), distance[inside].astype(np.float32).ravel())
    return field.reshape(num_layers, frame, frame)[:, pad : pad + size, pad : pad + size]
