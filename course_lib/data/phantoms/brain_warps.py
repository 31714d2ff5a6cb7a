"""How a brain changes shape: tissues that swell and shrink at prescribed rates, carried by one smooth displacement.

A volume-change rate is prescribed for each tissue: above 0 in the lateral ventricles, below 0 in white matter, and the
fluid of the sulci takes the balance, so that the skull need not grow. The displacement whose divergence is that rate is
the gradient of a potential φ with ∇²φ = rate, solved by a cosine transform. Small steps are composed, each measured,
and the next one corrected by what the last one missed, so that large changes do not fold (imposed volume change on
MRI: Khanal et al., Frontiers in Neuroscience 11:132, 2017).

The template is MNI152 (ICBM 2009a, symmetric, 1 mm) with its maps of grey and white matter, as nilearn brings it.
Lateral ventricles are not among its maps: here they are the connected fluid near the middle that is neither grey nor
white, without the third ventricle. White matter that goes with the ventricles is chosen, see `white_ratio`.

Differs: Khanal et al. have a biomechanical model with stiffness; here there is the divergence only.

Lacks: regions of white matter with rates of their own, midline shift, an elastic brain that pushes back.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AgeingWarps",
    "BrainTemplate",
    "ageing_warps",
    "cosine_waves",
    "jacobian_determinant",
    "load_brain_template",
    "pull_back",
    "smooth_displacement",
    "solve_poisson",
    "white_ratio",
]

FIELD_MM = (192, 224, 192)  # what is scanned: foot to head, front to back, right to left
LOG_RATIOS = tuple(np.round(np.arange(-1.0, 2.01, 0.1), 1).tolist())  # of the ventricles, e^−1 … e^2 times the template
STORED_EVERY = 2  # steps between two displacements that are kept
_Row = tuple[float, NDArray[np.float32], float, float]


@dataclass(frozen=True, eq=False)
class BrainTemplate:
    """The template's image and how much of each voxel is which tissue.

    Axes are foot → head, front → back, patient's right → left, so that ``image[k]`` is an axial slice as radiologists
    look at it.

    Parameters
    ----------
    image : (D, H, W) float32 array, 0 … 1
        T1-weighted intensity.
    grey, white, ventricles, sulci : (D, H, W) float32 arrays, 0 … 1
        Tissue fractions; ``sulci`` is all fluid outside the lateral ventricles. They add up to the brain's fraction.
    spacing_mm : float
        Edge of the voxels.
    """

    image: NDArray[np.float32]
    grey: NDArray[np.float32]
    white: NDArray[np.float32]
    ventricles: NDArray[np.float32]
    sulci: NDArray[np.float32]
    spacing_mm: float

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel in millilitres."""
        return self.spacing_mm**3 / 1000


@dataclass(frozen=True, eq=False)
class AgeingWarps:
    """Displacements from an aged brain back to the template, for a row of ventricle sizes.

    Parameters
    ----------
    log_ratios : (K,) float64 array
        Natural logarithm of ventricle volume / template's, as measured, increasing.
    displacements : (K, 3, D, H, W) float32 array
        In voxels; point x of the aged brain shows what the template has at x + displacement(x).
    white_ratios : (K,) float64 array
        White matter / template's, as measured.
    smallest_jacobians : (K,) float64 array
        Smallest determinant of x → x + displacement(x) over the field; above 0 where nothing folds.
    """

    log_ratios: NDArray[np.float64]
    displacements: NDArray[np.float32]
    white_ratios: NDArray[np.float64]
    smallest_jacobians: NDArray[np.float64]

    def at(self, log_ratio: float) -> NDArray[np.float32]:
        """Interpolate the displacement, (3, D, H, W) in voxels; the ends of the row hold beyond it."""
        right = int(np.clip(np.searchsorted(self.log_ratios, log_ratio), 1, len(self.log_ratios) - 1))
        low, high = self.log_ratios[right - 1], self.log_ratios[right]
        share = np.float32(np.clip((log_ratio - low) / (high - low), 0, 1))
        mixed = self.displacements[right - 1] * (1 - share)
        mixed += share * self.displacements[right]
        return mixed


def white_ratio(log_ratio: NDArray[np.float64] | float) -> NDArray[np.float64] | float:
    """White matter / template's where the ventricles' logarithmic ratio is that: 1 − 0.13 ln r (chosen).

    With the ventricles of the mean person it falls to 0.93 at 60 and 0.82 at 90 years.

    Examples
    --------
    >>> round(white_ratio(float(np.log(4))), 2)
    0.82
    """
    return 1 - 0.13 * log_ratio


def solve_poisson(rate: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return φ with ∇²φ = rate − mean(rate) and no flow through the faces of the box; one voxel is the unit.

    Parameters
    ----------
    rate : (D, H, W) float array
        Relative volume change of each voxel.

    Returns
    -------
    (D, H, W) float32 array
        The potential, of mean 0; its gradient is the displacement.

    Examples
    --------
    >>> cosine = np.cos(np.pi * (np.arange(8) + 0.5) / 8)[:, None, None] * np.ones((8, 4, 4))
    >>> phi = solve_poisson(cosine)
    >>> bool(np.allclose(phi, -cosine / (2 - 2 * np.cos(np.pi / 8)), atol=1e-5))
    True
    """
    from scipy.fft import dctn, idctn  # here, since it takes a tenth of a second

    spectrum = dctn(rate.astype(np.float32, copy=False))
    laplacian = np.zeros(rate.shape, np.float32)
    for axis, size in enumerate(rate.shape):
        eigenvalues = 2 * np.cos(np.pi * np.arange(size) / size) - 2  # of the difference f(x−1) − 2 f(x) + f(x+1)
        laplacian += eigenvalues.astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
    laplacian[0, 0, 0] = 1
    spectrum /= laplacian
    spectrum[0, 0, 0] = 0
    return idctn(spectrum).astype(np.float32, copy=False)


def pull_back(volumes: NDArray[np.float32], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Read volumes at points given in voxel indices, linearly; beyond their faces the last voxel goes on.

    Parameters
    ----------
    volumes : (D, H, W) or (C, D, H, W) float32 array
        One volume or several, read at the same points.
    points : (3, …) float32 array
        In voxel indices.

    Returns
    -------
    (…) or (C, …) float32 array

    Examples
    --------
    >>> ramp = np.arange(4, dtype=np.float32).reshape(1, 1, 4).repeat(2, axis=0).repeat(2, axis=1)
    >>> pull_back(ramp, np.array([[0, 1], [0.5, 0], [1.25, 9]], np.float32)).tolist()
    [1.25, 3.0]
    """
    import torch  # here, since it takes a second; its interpolation is five times as fast as scipy's

    *channels, depth, height, width = volumes.shape
    # grid_sample counts from −1 to 1, and the axes from the last one
    grid = np.stack([points[a].ravel() * np.float32(2 / (volumes.shape[a - 3] - 1)) - 1 for a in (2, 1, 0)], axis=-1)
    with torch.no_grad():
        values = torch.nn.functional.grid_sample(
            torch.from_numpy(volumes).reshape(1, -1, depth, height, width),
            torch.from_numpy(grid).reshape(1, 1, 1, -1, 3),
            padding_mode="border",
            align_corners=True,
        )
    return values.numpy().reshape(*channels, *points.shape[1:])


def jacobian_determinant(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much volume of the target a voxel of the source covers, from differences of neighbouring points.

    Parameters
    ----------
    points : (3, D, H, W) float32 array
        Where each voxel goes, in voxel indices.

    Returns
    -------
    (D−1, H−1, W−1) float32 array
        1 where volume is kept, below 1 where the target is smaller, 0 or less where the map folds.

    Examples
    --------
    >>> grid = np.indices((3, 3, 3)).astype(np.float32)
    >>> float(jacobian_determinant(grid * 2).min())
    8.0
    """
    corner = points[:, :-1, :-1, :-1]
    a = points[:, 1:, :-1, :-1] - corner
    b = points[:, :-1, 1:, :-1] - corner
    c = points[:, :-1, :-1, 1:] - corner
    determinant: NDArray[np.float32] = a[0] * (b[1] * c[2] - b[2] * c[1])
    determinant += a[1] * (b[2] * c[0] - b[0] * c[2])
    determinant += a[2] * (b[0] * c[1] - b[1] * c[0])
    return determinant


def cosine_waves(coefficients: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Add up products of three cosines, one an axis: smooth whatever the coefficients are.

    Parameters
    ----------
    coefficients : (…, K, K, K) float array
        Of 0 … K − 1 half-waves along each axis.
    shape : (D, H, W)
        Of the field.

    Returns
    -------
    (…, D, H, W) float32 array

    Examples
    --------
    >>> half_wave = np.zeros((2, 2, 2))
    >>> half_wave[0, 0, 1] = 1.0
    >>> (cosine_waves(half_wave, (1, 1, 4))[0, 0] > 0).tolist()
    [True, True, False, False]
    """
    total = coefficients.astype(np.float32)
    for size in shape:
        numbers, places = np.arange(coefficients.shape[-1])[:, None], (np.arange(size) + 0.5) / size
        waves = np.cos(np.pi * numbers * places).astype(np.float32)  # (K, size)
        total = np.tensordot(total, waves, axes=(coefficients.ndim - 3, 0))  # the axis goes to the end
    return np.ascontiguousarray(total)


def smooth_displacement(
    generator: np.random.Generator, shape: tuple[int, int, int], *, sd: float, steepest: float = 0.7, modes: int = 7
) -> NDArray[np.float32]:
    """Draw a displacement out of a few cosines that cannot fold.

    A map x + r(x) is invertible where r changes by less than the distance walked; the sum of its absolute partial
    derivatives is therefore kept below ``steepest`` < 1 by making r smaller where that is needed.

    Parameters
    ----------
    generator : numpy.random.Generator
        Where the coefficients come from.
    shape : (D, H, W)
        Of the field.
    sd : float
        Standard deviation of each component in voxels, before it is made smaller.
    steepest : float
        Bound for the sum of absolute derivatives of each component.
    modes : int
        Half-waves along each axis, 0 … modes − 1.

    Returns
    -------
    (3, D, H, W) float32 array
        In voxels.
    """
    number = np.arange(modes)
    squares = number[:, None, None] ** 2 + number[None, :, None] ** 2 + number[None, None, :] ** 2
    weights = np.where(squares > 0, 1 / (1 + squares / 9), 0)  # slow waves are the large ones; no shift
    weights *= sd / np.sqrt((weights**2 / 8).sum())  # a product of three cosines has the variance 1/8
    coefficients = generator.standard_normal((3, modes, modes, modes)) * weights
    coarse = cosine_waves(coefficients, tuple(size // 4 for size in shape))
    slopes = sum(np.abs(np.gradient(coarse, axis=axis)) for axis in (1, 2, 3)) / 4
    coefficients *= min(1, steepest / max(float(np.max(slopes)), 1e-6))
    return cosine_waves(coefficients, shape)


@lru_cache(maxsize=2)
def load_brain_template(spacing_mm: int = 2) -> BrainTemplate:
    """Load MNI152 with its tissues, averaged to voxels of 1, 2 or 4 mm in a field of 192×224×192 mm.

    Raises
    ------
    ValueError
        If the spacing is another one.
    """
    if spacing_mm not in (1, 2, 4):
        raise ValueError(f"spacing_mm needs to be 1, 2 or 4, got {spacing_mm}")
    from nilearn.datasets import load_mni152_gm_template, load_mni152_template, load_mni152_wm_template

    image, grey, white = (
        np.asarray(load(resolution=1).dataobj, np.float32)
        for load in (load_mni152_template, load_mni152_gm_template, load_mni152_wm_template)
    )
    fluid = np.where(image > 0, np.clip(1 - grey - white, 0, 1), 0).astype(np.float32)
    ventricles = fluid * _near_lateral_ventricles(fluid)
    maps = (image, grey, white, ventricles, fluid - ventricles)
    image, grey, white, ventricles, sulci = (_to_field(volume, spacing_mm) for volume in maps)
    return BrainTemplate(image, grey, white, ventricles, sulci, float(spacing_mm))


@lru_cache(maxsize=2)
def ageing_warps(spacing_mm: int = 2) -> AgeingWarps:
    """Grow and shrink the template's ventricles step by step, and keep the displacements; computed once a process."""
    template = load_brain_template(spacing_mm)
    start = LOG_RATIOS.index(0.0)
    still = np.zeros((3, *template.image.shape), np.float32)
    rows: list[_Row] = [(0.0, still, 1.0, 1.0)]
    rows += _grow(template, LOG_RATIOS[start + 1 :])
    rows = _grow(template, LOG_RATIOS[:start][::-1])[::-1] + rows
    return AgeingWarps(
        log_ratios=np.array([row[0] for row in rows]),
        displacements=np.stack([row[1] for row in rows]),
        white_ratios=np.array([row[2] for row in rows]),
        smallest_jacobians=np.array([row[3] for row in rows]),
    )


def _grow(template: BrainTemplate, goals: tuple[float, ...]) -> list[_Row]:
    """Walk to the goals one after another; every second one: ln ratio, displacement, white ratio, least Jacobian."""
    grid: NDArray[np.float32] = np.indices(template.image.shape, dtype=np.float32)
    displacement = np.zeros_like(grid)
    tissues = np.stack([template.ventricles, template.white, template.sulci])
    whole = [float(tissue.sum()) for tissue in tissues]
    gains = np.ones(2)  # a soft edge swells less than asked: what the last step missed makes the next one larger
    rows = []
    now = tissues
    for step, goal in enumerate(goals, start=1):
        before = np.array([float(tissue.sum()) for tissue in now])
        wanted = np.log([np.exp(goal) * whole[0], white_ratio(goal) * whole[1]]) - np.log(before[:2])
        rates = gains * wanted
        balance = -(rates * before[:2]).sum() / before[2]
        potential = solve_poisson(rates[0] * now[0] + rates[1] * now[1] + np.float32(balance) * now[2])
        moved = grid - np.stack([np.gradient(potential, axis=axis) for axis in range(3)])
        displacement = pull_back(displacement, moved) + (moved - grid)
        now = pull_back(tissues, grid + displacement)
        reached = np.log([float(tissue.sum()) for tissue in now[:2]]) - np.log(before[:2])
        gains *= np.clip(wanted / reached, 0.5, 2)
        if step % STORED_EVERY == 0 or step == len(goals):
            ratios = [float(tissue.sum()) / total for tissue, total in zip(now, whole, strict=True)]
            least = float(jacobian_determinant(grid + displacement).min())
            rows.append((float(np.log(ratios[0])), displacement, ratios[1], least))
    return rows


def _near_lateral_ventricles(fluid: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Find the lateral ventricles in the template's own 1 mm voxels, with a rim of one voxel for their soft edge."""
    from scipy.ndimage import binary_dilation, label

    x, y, z = np.ogrid[-98:99, -134:99, -72:117]  # mm in MNI space
    box = (abs(x) < 42) & (y > -62) & (y < 42) & (z > -20) & (z < 34) & ~((abs(x) < 3) & (z < 6))
    pieces, _ = label((fluid > 0.5) & box)
    largest = np.bincount(pieces.ravel())[1:].argmax() + 1
    return np.asarray(binary_dilation(pieces == largest) & box)


def _to_field(volume: NDArray[np.float32], spacing_mm: int) -> NDArray[np.float32]:
    """Turn to (foot → head, front → back, right → left), pad and cut to the field, and average blocks of voxels."""
    turned = volume.transpose(2, 1, 0)[:173, 5:229, 2:194]  # the brain lies in the middle of the field
    padded = np.pad(turned[:, ::-1, ::-1], ((19, 0), (0, 0), (0, 0)))
    depth, height, width = (size // spacing_mm for size in FIELD_MM)
    blocks = padded.reshape(depth, spacing_mm, height, spacing_mm, width, spacing_mm)
    return np.ascontiguousarray(blocks.mean(axis=(1, 3, 5), dtype=np.float32))
