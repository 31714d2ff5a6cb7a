"""Tissue becomes pixels: nuclei are stamped, fibres, membranes and fat are woven, and two stains absorb light.

Light follows Beer and Lambert: I = I₀ exp(−(h·H + e·E)) in each of red, green and blue (Ruifrok and Johnston, 2001).
The colours H and E are the reference stains of Macenko et al. 2009 as in M. Veta's code, haematoxylin
(0.5626, 0.7201, 0.4062) and eosin (0.2159, 0.8012, 0.5581), whose 99th percentiles of density are 1.97 and 1.03.
Other laboratories lie between these and Ruifrok's (0.65, 0.70, 0.29), (0.07, 0.99, 0.11), with strengths that scatter
by 20 % (chosen).
Differs: every pixel is painted from its place in the slide alone, never from the tile it lies in, so that tiles of any
size meet without a seam; textures repeat after half a millimetre.
Lacks: focus, section thickness, refraction, red cells and pigment.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from course_lib.data.phantoms.slide_nuclei import ORIENTATIONS, make_stamps
from course_lib.data.phantoms.slide_textures import EPITHELIUM_UM, PERIOD_UM, cell_seeds, make_textures, wall_places

__all__ = ["EOSIN", "GLASS", "HAEMATOXYLIN", "Nuclei", "Tissue", "paint", "scatter_nuclei", "site_table", "stain_table"]

HAEMATOXYLIN = (0.5626, 0.7201, 0.4062)
EOSIN = (0.2159, 0.8012, 0.5581)
_RUIFROK_HAEMATOXYLIN, _RUIFROK_EOSIN = (0.65, 0.70, 0.29), (0.07, 0.99, 0.11)
GLASS = (243, 242, 244)


@dataclass(frozen=True, eq=False)
class Tissue:
    """What lies where, on a coarse grid; between its points the painter interpolates.

    Parameters
    ----------
    layers : dict of (h, w) float32 arrays, 0 … 1
        `tissue`, `fat`, `fibre`, `tumour`, `centre` (of a follicle), `sinus`, and `lymphocytes`, the share of their
        places that is taken.
    depth_um : (h, w) float32 array
        Fibres run along lines of equal depth.
    step : int
        Pixels of the slide a point of the grid.
    mpp : float
        Micrometres a pixel of the slide.
    offset : two ints
        Where in their period the textures begin, x and y in pixels.
    """

    layers: dict[str, NDArray[np.float32]]
    depth_um: NDArray[np.float32]
    step: int
    mpp: float
    offset: tuple[int, int] = (0, 0)


@dataclass(frozen=True, eq=False)
class Nuclei:
    """Where which stamp goes.

    Parameters
    ----------
    x, y : (N,) int32 arrays
        Pixel of the middle.
    stamp : (N,) int32 array
        Its number in `Stamps.images`.
    mitoses : (M, 2) int32 array
        x and y of those that divide.
    """

    x: NDArray[np.int32]
    y: NDArray[np.int32]
    stamp: NDArray[np.int32]
    mitoses: NDArray[np.int32]


def stain_table(
    haematoxylin: tuple[float, float, float] = HAEMATOXYLIN,
    eosin: tuple[float, float, float] = EOSIN,
    *,
    strength: tuple[float, float] = (1.0, 1.0),
) -> NDArray[np.uint32]:
    """Work out the colour of every pair of densities once.

    Parameters
    ----------
    haematoxylin, eosin : three numbers each
        Density in red, green and blue of one unit of the stain.
    strength : two numbers above 0
        How strongly a laboratory stains with each.

    Returns
    -------
    (65536,) uint32 array
        Red, green, blue and 255 as four bytes; the place is 256 × haematoxylin + eosin, in hundredths.

    Examples
    --------
    >>> stain_table()[:1].view(np.uint8).tolist()  # no stain: glass
    [243, 242, 244, 255]
    """
    steps = np.arange(256) / 100
    density = strength[0] * steps[:, None, None] * np.array(haematoxylin) + strength[1] * steps[
        None, :, None
    ] * np.array(eosin)
    rgba = np.full((256, 256, 4), 255, np.uint8)
    rgba[..., :3] = np.rint(np.array(GLASS) * np.exp(-density))
    return rgba.reshape(-1, 4).view(np.uint32)[:, 0].copy()


def site_table(site: int) -> NDArray[np.uint32]:
    """Work out the colours of a laboratory: its dyes, their strengths.

    Parameters
    ----------
    site : int
        0 is the reference; every other number is another laboratory, always the same.

    Returns
    -------
    (65536,) uint32 array
        As `stain_table`.

    Examples
    --------
    >>> bool((site_table(0) == stain_table()).all()), bool((site_table(1) == stain_table()).all())
    (True, False)
    """
    if site == 0:
        return stain_table()
    rng = np.random.default_rng([site, 31])
    share, strength = rng.uniform(0, 0.5), np.exp(rng.normal(0, 0.2, 2))
    dyes = [
        (1 - share) * np.array(reference) + share * np.array(other) + rng.normal(0, 0.03, 3)
        for reference, other in ((HAEMATOXYLIN, _RUIFROK_HAEMATOXYLIN), (EOSIN, _RUIFROK_EOSIN))
    ]
    unit = [tuple(np.clip(dye / np.linalg.norm(dye), 0.01, 1)) for dye in dyes]
    return stain_table(unit[0], unit[1], strength=(float(strength[0]), float(strength[1])))


def scatter_nuclei(
    tissue: Tissue, rng: np.random.Generator, *, width: int, height: int, mitoses_per_mm2: float = 10.0
) -> Nuclei:
    """Put nuclei where the tissue wants them, each kind on a shaken lattice of its own.

    Parameters
    ----------
    tissue : Tissue
    rng : numpy generator
    width, height : int
        Of the slide, in pixels.
    mitoses_per_mm2 : float
        Dividing nuclei, an area of tumour.

    Returns
    -------
    Nuclei
    """
    stamps, layer = make_stamps(tissue.mpp), tissue.layers
    fibre, tumour = layer["fibre"], layer["tumour"]
    soft = np.clip(1 - fibre - tumour - layer["fat"], 0, 1)
    parts: list[tuple[NDArray[np.int32], ...]] = []

    def put(kind: str, spacing_um: float, share: NDArray[np.float32]) -> None:
        if not share.any():
            return
        x, y = _lattice(rng, spacing_um / tissue.mpp, width, height)
        point = _point(tissue, *(np.stack([x, y]) + rng.normal(0, 0.3 * tissue.step, (2, len(x)))))
        keep = rng.random(len(x)) < share[point]
        number = rng.integers(0, stamps.count[kind], len(x))
        if kind == "spindle":
            along = np.arctan2(*np.gradient(tissue.depth_um)) + np.pi / 2
            turn = np.rint(along * ORIENTATIONS / np.pi).astype(np.int32) % ORIENTATIONS
            each = stamps.count[kind] // ORIENTATIONS
            number = turn[point] * each + number % each
        parts.append((x[keep], y[keep], (stamps.first[kind] + number[keep]).astype(np.int32)))

    put("lymphocyte", 7.4, layer["lymphocytes"] * soft * layer["tissue"])
    put("lymphocyte", 16.0, (0.10 * fibre + 0.06 * tumour) * layer["tissue"])
    put("centre", 9.8, 0.85 * layer["centre"] * soft)
    put("histiocyte", 17.0, 0.7 * layer["sinus"] * soft + 0.12 * soft * layer["tissue"])
    put("spindle", 15.0, 0.55 * fibre * layer["tissue"])
    parts.append(_fat_nuclei(tissue, rng, width, height))
    x, y, stamp = _tumour_nuclei(tissue, rng, width, height)
    area_mm2 = float(tumour.sum()) * (tissue.step * tissue.mpp / 1000) ** 2
    dividing = rng.permutation(len(x))[: int(np.ceil(mitoses_per_mm2 * area_mm2))]
    stamp[dividing] = stamps.first["mitosis"] + rng.integers(0, stamps.count["mitosis"], len(dividing))
    parts.append((x, y, stamp))
    mitoses = np.stack([x[dividing], y[dividing]], axis=1)
    every_x, every_y, every_stamp = (np.concatenate([part[i] for part in parts]).astype(np.int32) for i in range(3))
    return Nuclei(every_x, every_y, every_stamp, mitoses[np.lexsort(mitoses.T)].astype(np.int32))


def paint(
    tissue: Tissue, nuclei: Nuclei, table: NDArray[np.uint32], *, x: int, y: int, width: int, height: int
) -> NDArray[np.uint8]:
    """Paint a rectangle of the slide.

    Parameters
    ----------
    tissue : Tissue
    nuclei : Nuclei
        At least those that reach into the rectangle.
    table : (65536,) uint32 array
        From `stain_table`.
    x, y, width, height : int
        The rectangle, in pixels of the slide.

    Returns
    -------
    (height, width, 4) uint8 array
        Red, green, blue and 255; the same pixels whatever rectangle they are painted in.
    """
    if not _enlarge(tissue.layers["tissue"], tissue.step, x, y, width, height).any():
        return np.full((height, width), table[0]).view(np.uint8).reshape(height, width, 4)
    maps = {name: _enlarge(layer, tissue.step, x, y, width, height) for name, layer in tissue.layers.items()}
    texture = make_textures(tissue.mpp)
    period = texture["fine"].shape[0]
    left, top = x + tissue.offset[0], y + tissue.offset[1]
    places = np.ix_((top + np.arange(height)) % period, (left + np.arange(width)) % period)
    fine, coarse = texture["fine"][places], texture["coarse"][places]
    inside, fat, fibre, tumour = (_crisp(maps[name], coarse) for name in ("tissue", "fat", "fibre", "tumour"))
    tumour = np.minimum(tumour, 1 - fibre)
    soft = 1 - fibre - tumour
    eosin = soft * (28 - 12 * maps["sinus"] + 4 * maps["centre"]) + 42 * tumour + 44 * fibre
    haze = soft * (14 + 22 * maps["lymphocytes"] - 4 * maps["centre"]) + 16 * tumour + 4 * fibre
    eosin = eosin * (1 + 0.12 * fine + 0.20 * coarse)
    haze = haze * (1 + 0.20 * fine + 0.20 * coarse)
    if fibre.any():
        depth = _enlarge(tissue.depth_um, tissue.step, x, y, width, height)
        strand = texture["strands"][((depth + 2.5 * coarse) * 4).astype(np.int32) % len(texture["strands"])]
        eosin += fibre * (18 * strand)
    if tumour.any():
        eosin += tumour * (16 * texture["epithelium"][places])
    if fat.any():
        wall = texture["adipocytes"][places]
        eosin += fat * (52 * wall - eosin)
        haze += fat * (6 * wall - haze)
    eosin *= inside
    haze *= inside
    stained = _stamp(nuclei, tissue.mpp, x, y, width, height)
    ink = np.maximum(stained * (1 + 0.06 * fine), haze)
    eosin *= 1 - 0.0035 * stained
    code = np.clip(ink + 0.5, 0, 255).astype(np.uint16) * 256 + np.clip(eosin + 0.5, 0, 255).astype(np.uint16)
    return table[code].view(np.uint8).reshape(height, width, 4)


def _fat_nuclei(
    tissue: Tissue, rng: np.random.Generator, width: int, height: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Return x, y and stamps of nuclei that lie flat against the walls of fat cells."""
    stamps = make_stamps(tissue.mpp)
    walls, turns = wall_places()
    x, y, which = _repeat(walls, tissue, width, height)
    keep = rng.random(len(x)) < tissue.layers["fat"][_point(tissue, x, y)]
    each = stamps.count["spindle"] // ORIENTATIONS
    stamp = stamps.first["spindle"] + turns[which] * each + rng.integers(0, each, len(x))
    return x[keep], y[keep], stamp[keep].astype(np.int32)


def _tumour_nuclei(
    tissue: Tissue, rng: np.random.Generator, width: int, height: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Return x, y and stamps of nuclei in the cells of the epithelium."""
    stamps = make_stamps(tissue.mpp)
    x, y, _ = _repeat(cell_seeds(EPITHELIUM_UM), tissue, width, height)
    keep = rng.random(len(x)) < 1.6 * tissue.layers["tumour"][_point(tissue, x, y)] - 0.4
    x, y = x[keep], y[keep]
    return x, y, (stamps.first["tumour"] + rng.integers(0, stamps.count["tumour"], len(x))).astype(np.int32)


def _lattice(
    rng: np.random.Generator, spacing: float, width: int, height: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return x and y of a hexagonal lattice, shaken by a sixth of its spacing."""
    rows, columns = int(height / (spacing * 0.866)) + 1, int(width / spacing) + 1
    shift_x, shift_y = rng.uniform(-spacing / 2, spacing / 2, 2)
    shake = rng.normal(0, spacing / 6, (2, rows, columns))
    x = (np.arange(columns)[None, :] + 0.5 * (np.arange(rows)[:, None] % 2)) * spacing + shake[0] + shift_x
    y = np.arange(rows)[:, None] * (0.866 * spacing) + shake[1] + shift_y
    keep = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return x[keep].astype(np.int32), y[keep].astype(np.int32)


def _point(tissue: Tissue, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return row and column of the grid for places in pixels."""
    rows, columns = tissue.depth_um.shape
    row, column = (y / tissue.step).astype(np.intp), (x / tissue.step).astype(np.intp)
    return np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)


def _repeat(
    points_um: NDArray[np.float64], tissue: Tissue, width: int, height: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.intp]]:
    """Return x and y in pixels of points that come again in every period, and which point each one is."""
    period = round(PERIOD_UM / tissue.mpp)
    pixels = ((points_um / PERIOD_UM * period).astype(np.int32) - np.array(tissue.offset)) % period
    corners = np.stack(np.meshgrid(np.arange(0, width, period), np.arange(0, height, period)), axis=-1).reshape(-1, 2)
    x, y = (corners[:, None] + pixels[None]).reshape(-1, 2).T
    which = np.flatnonzero((x < width) & (y < height))
    return x[which].astype(np.int32), y[which].astype(np.int32), which % len(pixels)


def _enlarge(layer: NDArray[np.float32], step: int, x: int, y: int, width: int, height: int) -> NDArray[np.float32]:
    """Interpolate a coarse layer in a rectangle of the slide; where there is nothing of it, give one 0 for all."""
    rows = slice(max(0, y // step - 1), (y + height) // step + 2)
    columns = slice(max(0, x // step - 1), (x + width) // step + 2)
    if not layer[rows, columns].any():
        return np.zeros((1, 1), np.float32)
    box = (x / step, y / step, (x + width) / step, (y + height) / step)
    return np.asarray(Image.fromarray(layer).resize((width, height), Image.Resampling.BILINEAR, box=box))


def _crisp(layer: NDArray[np.float32], coarse: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn a soft edge into a ragged, narrow one."""
    if layer.size == 1:
        return layer
    return np.clip((layer - 0.5) * 5 + 0.5 * coarse * (layer > 0) * (layer < 1) + 0.5, 0, 1)


def _stamp(nuclei: Nuclei, mpp: float, x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
    """Stamp the nuclei that reach into a rectangle; where two overlap, the darker is seen."""
    images = make_stamps(mpp).images
    reach = max(image.shape[0] for image in images) // 2
    canvas = np.zeros((height + 4 * reach, width + 4 * reach), np.uint8)
    left, top = x - 2 * reach, y - 2 * reach
    near = (nuclei.x >= x - reach) & (nuclei.x < x + width + reach)
    near &= (nuclei.y >= y - reach) & (nuclei.y < y + height + reach)
    chosen = np.flatnonzero(near)
    places = zip(
        (nuclei.x[chosen] - left).tolist(),
        (nuclei.y[chosen] - top).tolist(),
        nuclei.stamp[chosen].tolist(),
        strict=True,
    )
    for column, row, number in places:
        image = images[number]
        half = image.shape[0] // 2
        view = canvas[row - half : row + half + 1, column - half : column + half + 1]
        np.maximum(view, image, out=view)
    return canvas[2 * reach : -2 * reach, 2 * reach : -2 * reach]
