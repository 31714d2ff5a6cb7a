"""Textures of the slide that repeat without a seam: noise, strands of fibre, walls of fat cells and of epithelium.

Cells are those of a Voronoi diagram of shaken lattice points on a torus, bent a little. Chosen: their distances, 14 µm
for carcinoma cells and 64 µm for fat cells, and the period, 512 µm.
Lacks: any larger pattern; who looks for the period will find it.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom
from scipy.spatial import cKDTree

from course_lib.data.phantoms.slide_nuclei import ORIENTATIONS

__all__ = ["ADIPOCYTE_UM", "EPITHELIUM_UM", "PERIOD_UM", "cell_seeds", "make_textures", "wall_places"]

PERIOD_UM = 512  # of the textures
EPITHELIUM_UM, ADIPOCYTE_UM = 14.2, 64.0  # distance of neighbouring cells


@lru_cache(maxsize=4)
def cell_seeds(spacing_um: float) -> NDArray[np.float64]:
    """Place cells that fill a period without a seam.

    Parameters
    ----------
    spacing_um : float
        Distance of neighbours.

    Returns
    -------
    (n, 2) float64 array
        x and y in µm, 0 … 512.

    Examples
    --------
    >>> cell_seeds(64.0).shape  # 8 columns, 10 rows
    (80, 2)
    """
    rng = np.random.default_rng(5)
    columns, rows = round(PERIOD_UM / spacing_um), 2 * round(PERIOD_UM / spacing_um / 0.866 / 2)
    row, column = np.divmod(np.arange(rows * columns), columns)
    points = np.stack([(column + 0.5 * (row % 2)) / columns, row / rows], axis=1) * PERIOD_UM
    return (points + rng.normal(0, spacing_um / 7, points.shape)) % PERIOD_UM


@lru_cache(maxsize=4)
def wall_places() -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Place the nuclei of fat cells, pressed flat against a wall.

    Returns
    -------
    (n, 2) float64 array, (n,) int32 array
        x and y in µm, and the number of the direction, 0 … 11 over half a turn.
    """
    points = np.random.default_rng(11).uniform(0, PERIOD_UM, (3000, 2))
    tree = cKDTree(cell_seeds(ADIPOCYTE_UM), boxsize=PERIOD_UM)
    apart, pair = tree.query(_warped(points), k=2)
    close = np.flatnonzero(apart[:, 1] - apart[:, 0] < 3)[:60]
    across = (tree.data[pair[close, 1]] - tree.data[pair[close, 0]] + PERIOD_UM / 2) % PERIOD_UM - PERIOD_UM / 2
    along = np.arctan2(across[:, 1], across[:, 0]) + np.pi / 2
    return points[close], (np.rint(along * ORIENTATIONS / np.pi) % ORIENTATIONS).astype(np.int32)


def _warped(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bend the plane a little, so that walls are not straight."""
    x, y = (2 * np.pi / PERIOD_UM * points).T
    bend = np.stack([np.sin(9 * y + 2 * np.sin(4 * x)), np.sin(8 * x + 2 * np.sin(5 * y))], axis=1)
    return (points + 3.5 * bend) % PERIOD_UM


@lru_cache(maxsize=4)
def make_textures(mpp: float) -> dict[str, NDArray[np.float32]]:
    """Make what repeats.

    Parameters
    ----------
    mpp : float
        Micrometres a pixel.

    Returns
    -------
    dict of float32 arrays
        `fine` and `coarse` noise of mean 0 and deviation about 1; `epithelium` and `adipocytes`, 1 on cell walls and 0
        inside the cells, all of one period; `strands` of fibre across their direction, four numbers a µm.
    """
    rng, period = np.random.default_rng(7), round(PERIOD_UM / mpp)
    out = {}
    for name, sigma_um in (("fine", 0.75), ("coarse", 5.0)):
        noise = gaussian_filter(rng.standard_normal((period, period)), sigma_um / mpp, mode="wrap")
        out[name] = np.clip(noise / noise.std(), -2, 2).astype(np.float32)
    for name, spacing_um, wall_um in (("epithelium", EPITHELIUM_UM, 0.9), ("adipocytes", ADIPOCYTE_UM, 0.8)):
        out[name] = _walls(cell_seeds(spacing_um), wall_um, period)
    strand = gaussian_filter(rng.standard_normal(4096), 7, mode="wrap")  # a quarter of a µm each
    out["strands"] = np.clip(0.5 + 0.8 * strand / strand.std(), -0.6, 1.6).astype(np.float32)
    return out


def _walls(seeds: NDArray[np.float64], wall_um: float, period: int) -> NDArray[np.float32]:
    """Return 1 where two cells of a Voronoi diagram meet, 0 inside them."""
    coarse = 256
    middle = (np.arange(coarse) + 0.5) * PERIOD_UM / coarse
    points = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2)
    near, second = cKDTree(seeds, boxsize=PERIOD_UM).query(_warped(points), k=2)[0].T
    gap = zoom((second - near).reshape(coarse, coarse), period / coarse, order=1, mode="grid-wrap", grid_mode=True)
    return np.exp(-((gap / (2 * wall_um)) ** 2)).astype(np.float32)
