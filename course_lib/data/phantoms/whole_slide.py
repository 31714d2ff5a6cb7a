"""A whole slide: a sentinel lymph node in haematoxylin and eosin, with metastases and mitoses, as a pyramidal TIFF.

A phantom: nothing in it was ever alive. Steered by these numbers: a deposit above 2 mm is a macrometastasis, from 0.2
to 2 mm a micrometastasis (AJCC Cancer Staging Manual, 8th edition; as in CAMELYON16, Ehteshami Bejnordi et al., JAMA
2017); stains by Ruifrok and Johnston 2001 and Macenko et al. 2009 (`slide_paint`). Chosen: half a micrometre a pixel,
ten mitoses a mm² of tumour, about 16,000 lymphocytes a mm² where they are dense, and the anatomy (`slide_anatomy`).
Real slides reach 100,000² pixels, and the best net of Liu et al. ("Detecting cancer metastases on gigapixel pathology
images", 2017) found 92.4 % of their lesions at 8 false positives a slide.
Lacks: several sections a slide, isolated tumour cells, other cancers than solid nests, necrosis, vessels with blood,
focus, and everything that the parts name in their own files.
"""

import os
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from course_lib.data.phantoms.pyramid import write_pyramid
from course_lib.data.phantoms.slide_anatomy import Deposit, draw_node
from course_lib.data.phantoms.slide_artefacts import make_artefacts, spoil
from course_lib.data.phantoms.slide_paint import paint, scatter_nuclei, site_table

__all__ = ["MACRO_MM", "MICRO_MM", "Metastasis", "SlideTruth", "write_slide"]

MACRO_MM, MICRO_MM = 2.0, 0.2  # above the first: macrometastasis; from the second on: micrometastasis
_MITOSES_PER_MM2 = 10.0


@dataclass(frozen=True, eq=False)
class Metastasis:
    """One deposit of tumour.

    Parameters
    ----------
    center_xy : (2,) float64 array
        In pixels of level 0.
    outline_xy : (K, 2) float64 array
        Corners in order, in pixels of level 0.
    diameter_mm : float
        The largest, as a pathologist measures it.
    size_class : "macro" or "micro"
        Above 2 mm, or from 0.2 to 2 mm.
    """

    center_xy: NDArray[np.float64]
    outline_xy: NDArray[np.float64]
    diameter_mm: float
    size_class: Literal["macro", "micro"]


@dataclass(frozen=True, eq=False)
class SlideTruth:
    """What is where in a slide.

    Parameters
    ----------
    size : int
        Width and height in pixels of level 0.
    mpp : float
        Micrometres a pixel of level 0.
    mask_step : int
        Pixels of level 0 a pixel of the masks.
    tissue_mask : (h, w) bool array
        Node and fat, against glass.
    node_mask : (h, w) bool array
        Inside the capsule.
    tumour_mask : (h, w) bool array
        Inside a metastasis, septa included.
    centre_mask : (h, w) bool array
        Germinal centres: pale, and normal.
    metastases : tuple of Metastasis
        Largest first.
    mitoses_xy : (M, 2) int32 array
        Middles of dividing nuclei, in pixels of level 0.
    """

    size: int
    mpp: float
    mask_step: int
    tissue_mask: NDArray[np.bool_]
    node_mask: NDArray[np.bool_]
    tumour_mask: NDArray[np.bool_]
    centre_mask: NDArray[np.bool_]
    metastases: tuple[Metastasis, ...]
    mitoses_xy: NDArray[np.int32]


def write_slide(
    path: str | os.PathLike[str],
    *,
    size: int = 20_000,
    seed: int = 0,
    mpp: float = 0.5,
    num_macro: int | None = None,
    num_micro: int | None = None,
    site: int = 0,
    artefacts: bool = False,
    quality: int = 80,
    progress: bool = True,
) -> SlideTruth:
    """Draw a lymph node, write it as a pyramid of JPEG tiles, and tell what is in it.

    Parameters
    ----------
    path : path
        A .tif or .tiff file; it appears when it is whole.
    size : int
        Width and height in pixels, a multiple of 16, at least 512.
    seed : int
        The same seed gives the same bytes.
    mpp : float
        Micrometres a pixel, 0.2 to 4.
    num_macro, num_micro : int, optional
        Metastases of 2.2 to 3 mm and of 0.22 to 1.4 mm (at most 0.3 of the slide). Without them 1 and 2 on a slide that
        is at least 8 mm wide, 0 and 1 from 0.8 mm on, none on a smaller one.
    site : int
        The laboratory: 0 for the reference stain, others for others.
    artefacts : bool
        Whether to add a fold, a pen's mark and dust.
    quality : int
        Of the JPEG tiles, 1 … 95.
    progress : bool
        Whether to draw a bar.

    Returns
    -------
    SlideTruth

    Raises
    ------
    ValueError
        If an argument is out of range, or the metastases find no place.
    CourseError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> truth = write_slide(Path(tempfile.mkdtemp()) / "node.tif", size=1600, progress=False)
    >>> [one.size_class for one in truth.metastases], len(truth.mitoses_xy)
    (['micro'], 1)
    """
    if not 512 <= size <= 80_000 or size % 16:
        raise ValueError(f"size needs a multiple of 16 pixels, 512 to 80000, got {size}")
    if not 0.2 <= mpp <= 4:
        raise ValueError(f"mpp needs 0.2 to 4 micrometres a pixel, got {mpp}")
    width_mm = size * mpp / 1000
    macro = num_macro if num_macro is not None else int(width_mm >= 8)
    micro = num_micro if num_micro is not None else int(width_mm >= 0.8) + int(width_mm >= 8)
    if macro < 0 or micro < 0:
        raise ValueError(f"num_macro and num_micro need to be 0 or more, got {macro} and {micro}")
    if micro and width_mm < 0.8:
        raise ValueError(f"a micrometastasis needs a slide of at least 0.8 mm, got {width_mm:g} mm")
    rng = np.random.default_rng([seed, 17])
    diameters = [*rng.uniform(2.2, 3.0, macro), *rng.uniform(0.22, max(0.22, min(1.4, 0.3 * width_mm)), micro)]
    node = draw_node(rng, size=size, mpp=mpp, diameters_mm=tuple(sorted(map(float, diameters), reverse=True)))
    nuclei = scatter_nuclei(node.tissue, rng, width=size, height=size, mitoses_per_mm2=_MITOSES_PER_MM2)
    marks = make_artefacts(rng, node.node.shape, node.tissue.step) if artefacts else None
    table = site_table(site)

    def painted(x: int, y: int, width: int, height: int) -> NDArray[np.uint8]:
        picture = paint(node.tissue, nuclei, table, x=x, y=y, width=width, height=height)
        return spoil(picture, marks, x=x, y=y) if marks else picture

    write_pyramid(path, painted, size=size, mpp=mpp, quality=quality, progress=progress)
    return SlideTruth(
        size,
        mpp,
        node.tissue.step,
        node.tissue.layers["tissue"] > 0.5,
        node.node,
        node.metastasis,
        node.tissue.layers["centre"] > 0.5,
        tuple(_in_pixels(deposit, mpp) for deposit in node.deposits),
        nuclei.mitoses,
    )


def _in_pixels(deposit: Deposit, mpp: float) -> Metastasis:
    return Metastasis(
        deposit.center_um / mpp,
        deposit.outline_um / mpp,
        deposit.diameter_mm,
        "macro" if deposit.diameter_mm > MACRO_MM else "micro",
    )
