"""A lymph node on a coarse grid: capsule, sinuses, follicles, fat around it, and metastases with their outlines.

The order of the layers is that of any textbook of histology: capsule, subcapsular sinus, cortex with follicles (a pale
germinal centre in a dark mantle), paracortex, medulla with cords and sinuses, fat around. A deposit above 2 mm is a
macrometastasis, from 0.2 to 2 mm a micrometastasis (AJCC, UICC). Chosen: all widths, follicles of 0.35 to 0.7 mm of
which three in four have a germinal centre, nests of tumour between septa of collagen.
Lacks: hilum with vessels, high endothelial venules, lymphatics, necrosis, glands, extranodal growth.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from course_lib.data.phantoms.slide_paint import Tissue

__all__ = ["GRID_UM", "Deposit", "Node", "draw_node", "smooth_noise"]

GRID_UM = 16.0  # a point of the grid


@dataclass(frozen=True, eq=False)
class Deposit:
    """Outline of a metastasis.

    Parameters
    ----------
    center_um : (2,) float64 array
        x and y.
    outline_um : (K, 2) float64 array
        x and y of the corners, in order.
    diameter_mm : float
        Largest distance of two corners.
    """

    center_um: NDArray[np.float64]
    outline_um: NDArray[np.float64]
    diameter_mm: float


@dataclass(frozen=True, eq=False)
class Node:
    """A lymph node and what is in it.

    Parameters
    ----------
    tissue : Tissue
        For the painter.
    deposits : tuple of Deposit
        Its metastases, largest first.
    metastasis, node : (h, w) bool arrays
        Inside a metastasis, and inside the capsule, on the grid of the tissue.
    """

    tissue: Tissue
    deposits: tuple[Deposit, ...]
    metastasis: NDArray[np.bool_]
    node: NDArray[np.bool_]


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> NDArray[np.float32]:
    """Return noise of mean 0 and deviation 1 that is smooth over `sigma` points.

    Parameters
    ----------
    rng : numpy generator
    shape : two ints
    sigma : float

    Returns
    -------
    float32 array
    """
    noise = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), sigma, mode="wrap")
    return ((noise - noise.mean()) / (noise.std() + 1e-9)).astype(np.float32)


def draw_node(rng: np.random.Generator, *, size: int, mpp: float, diameters_mm: tuple[float, ...]) -> Node:
    """Draw a node that fills most of the slide.

    Parameters
    ----------
    rng : numpy generator
    size : int
        Width and height of the slide in pixels.
    mpp : float
        Micrometres a pixel.
    diameters_mm : floats
        Largest diameters of the metastases, largest first; each is placed below the capsule.

    Returns
    -------
    Node

    Raises
    ------
    ValueError
        If a metastasis finds no place.
    """
    step = max(1, round(GRID_UM / mpp))
    points, grid_um = -(-size // step), step * mpp
    shape = (points, points)
    y, x = (np.indices(shape, dtype=np.float32) + 0.5) * grid_um
    extent_um = size * mpp
    outline = _node_outline(rng, x / extent_um - 0.5, y / extent_um - 0.5)
    inner, outer = distance_transform_edt(outline > 0), distance_transform_edt(outline <= 0)
    depth = ((inner - outer + 0.35 * smooth_noise(rng, shape, 3)) * grid_um).astype(np.float32)
    deposits = _place_deposits(rng, depth, grid_um, diameters_mm)
    within = np.zeros(shape, np.float32)
    for deposit in deposits:
        within = np.maximum(within, _membership(deposit, x, y, grid_um))
    layers, along = _layers(rng, depth, outline, within, x, y, extent_um)
    return Node(Tissue(layers, along, step, mpp), deposits, within > 0.5, depth > 0)


def _layers(
    rng: np.random.Generator,
    depth: NDArray[np.float32],
    outline: NDArray[np.float32],
    within: NDArray[np.float32],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    extent_um: float,
) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float32]]:
    """Return the painter's layers and the field along whose level lines fibres run; depth is µm below the capsule."""
    shape, grid_um = depth.shape, float(x[0, 1] - x[0, 0])
    scale = min(1.0, extent_um / 5000)  # a small slide shows a small node
    broad, middling = smooth_noise(rng, shape, 0.04 * extent_um / grid_um), smooth_noise(rng, shape, 45 / grid_um)
    node, healthy = _step(depth, grid_um), 1 - within
    capsule = _band(depth, 0, 30 + 12 * np.clip(broad, -1, 2), grid_um)
    trabecula = _step(0.045 - np.abs(smooth_noise(rng, shape, 260 / grid_um)), 0.03) * _band(depth, 0, 900 * scale, 80)
    nests = within * _step(np.abs(smooth_noise(rng, shape, 70 / grid_um)) - 0.16 - 0.08 * broad, 0.12)
    fibre = np.clip(np.maximum(capsule, 0.9 * trabecula) * healthy + within - nests, 0, 1)
    fibre = np.maximum(fibre, _band(depth, -12, 0, grid_um))
    medulla = _step(depth - 1300 * scale - 250 * scale * broad, 200 * scale) * _step(outline - 0.35, 0.2)
    below = _band(depth, 34, 62 + 18 * np.clip(broad, -1, 1), grid_um)
    sinus = np.maximum(below, 0.9 * medulla * _step(0.22 - np.abs(middling), 0.25)) * healthy * node * (1 - fibre)
    follicle, centre = _follicles(rng, depth, x, y, scale)
    centre = centre * healthy * node
    crowd = 0.80 + 0.15 * follicle - 0.10 * np.clip(broad, 0, 1) * (1 - follicle)
    fat = _step(-depth - 14, 10) * _step(0.055 * extent_um * np.clip(1 + 0.9 * broad, 0.1, 2.2) + depth, 30)
    layers = {
        "tissue": np.maximum(node, fat),
        "fat": fat,
        "fibre": fibre,
        "tumour": nests * node,
        "centre": centre,
        "sinus": sinus,
        "lymphocytes": node * healthy * crowd * (1 - 0.90 * centre) * (1 - 0.82 * sinus),
    }
    along = (depth + 40 * middling * gaussian_filter(within, 3)).astype(np.float32)
    return {name: np.clip(layer, 0, 1).astype(np.float32) for name, layer in layers.items()}, along


def _node_outline(rng: np.random.Generator, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a field that is above 0 inside a bean and 1 in its middle; x and y run from −0.5 to 0.5."""
    turn = rng.uniform(0, np.pi)
    u, v = x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn)
    v = v + 0.6 * u**2 - 0.02  # the bend
    angle = np.arctan2(v, u)
    edge = 1 + sum(rng.normal(0, 0.02) * np.cos(k * angle + rng.uniform(0, 6.3)) for k in (2, 3, 4, 5, 7))
    return (edge - np.hypot(u / 0.38, v / 0.30)).astype(np.float32)


def _step(value: NDArray[Any], width: float) -> NDArray[Any]:
    """Rise from 0 to 1 around 0."""
    return np.clip(value / width + 0.5, 0, 1)


def _band(
    value: NDArray[np.float32], low: float, high: float | NDArray[np.float32], width: float
) -> NDArray[np.float32]:
    """Return 1 between two values, 0 outside."""
    return _step(value - low, width) * _step(high - value, width)


def _follicles(
    rng: np.random.Generator, depth: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32], scale: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return follicles and their germinal centres, in the cortex, at least 0.55 mm apart."""
    follicle, centre = np.zeros_like(depth), np.zeros_like(depth)
    cortex = np.flatnonzero((depth > 230 * scale) & (depth < 750 * scale))
    taken: list[tuple[float, float]] = []
    for place in rng.permutation(cortex)[:1500]:
        cx, cy = float(x.flat[place]), float(y.flat[place])
        if any(np.hypot(cx - a, cy - b) < 640 * scale for a, b in taken):
            continue
        taken.append((cx, cy))
        radius, turn, aspect = rng.uniform(190, 340) * scale, rng.uniform(0, np.pi), rng.uniform(1, 1.4)
        rows = (np.abs(y[:, 0] - cy) < 1.8 * radius).nonzero()[0]
        columns = (np.abs(x[0] - cx) < 1.8 * radius).nonzero()[0]
        window = np.ix_(rows, columns)
        dx, dy = x[window] - cx, y[window] - cy
        u, v = dx * np.cos(turn) + dy * np.sin(turn), -dx * np.sin(turn) + dy * np.cos(turn)
        angle = np.arctan2(v, u)
        edge = 1 + 0.06 * np.cos(2 * angle + rng.uniform(0, 6)) + 0.05 * np.cos(3 * angle + rng.uniform(0, 6))
        away = np.hypot(u / aspect**0.5, v * aspect**0.5) / edge
        follicle[window] = np.maximum(follicle[window], _step(radius - away, 60 * scale))
        if rng.random() < 0.75:
            centre[window] = np.maximum(centre[window], _step(rng.uniform(0.55, 0.72) * radius - away, 30 * scale))
    return follicle, centre


def _place_deposits(
    rng: np.random.Generator, depth: NDArray[np.float32], grid_um: float, diameters_mm: tuple[float, ...]
) -> tuple[Deposit, ...]:
    """Put each metastasis just below the capsule, away from the others."""
    deposits: list[Deposit] = []
    for diameter in diameters_mm:
        angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
        edge = np.ones(180)
        for k in (2, 3, 4, 5, 6, 8, 11, 14, 19):
            edge += rng.normal(0, 0.25 / k) * np.cos(k * angle + rng.uniform(0, 6.3))
        corners = np.stack([np.cos(angle), np.sin(angle)], axis=1) * edge[:, None]
        longest = float(np.linalg.norm(corners[:, None] - corners[None], axis=-1).max())
        corners *= 1000 * diameter / longest
        reach = float(np.linalg.norm(corners, axis=1).max())
        free = (depth > reach + 40) & (depth < reach + 40 + max(250, 0.3 * reach))
        for other in deposits:
            row, column = np.indices(depth.shape)
            away = np.hypot((column + 0.5) * grid_um - other.center_um[0], (row + 0.5) * grid_um - other.center_um[1])
            free &= away > reach + 500 * other.diameter_mm + 300
        places = np.flatnonzero(free)
        if not len(places):
            raise ValueError(f"a metastasis of {diameter:.2f} mm finds no place; ask for fewer, or for a larger slide")
        row, column = divmod(int(rng.choice(places)), depth.shape[1])
        center = (np.array([column, row]) + 0.5) * grid_um
        deposits.append(Deposit(center, center + corners, diameter))
    return tuple(deposits)


def _membership(
    deposit: Deposit, x: NDArray[np.float32], y: NDArray[np.float32], grid_um: float
) -> NDArray[np.float32]:
    """Return 1 inside an outline that is a star around its centre, 0 outside, soft over a point of the grid."""
    dx, dy = x - deposit.center_um[0], y - deposit.center_um[1]
    corners = deposit.outline_um - deposit.center_um
    angles, radii = np.arctan2(corners[:, 1], corners[:, 0]), np.linalg.norm(corners, axis=1)
    order = np.argsort(angles)
    edge = np.interp(np.arctan2(dy, dx), angles[order], radii[order], period=2 * np.pi)
    return _step((edge - np.hypot(dx, dy)).astype(np.float32), grid_um)
