"""Chest X-rays of made-up patients: 14 findings in any combination, with the truth, and a shortcut that can be set.

A phantom: rays cross a thorax of simple solids and are weakened by Beer and Lambert's law, scattered, counted
(Poisson), and turned into film by a detector's curve; bone is white, air black. Prevalences are those of
ChestX-ray14 (its table Data_Entry_2017; Wang 2017), where 53.8 % of the films show no finding and 40 % are AP. Which
findings come together is steered by four hidden causes (heart failure, infection, tumour, airways) whose strengths
are chosen. Site 1 differs from site 0 by the marker, dose, scatter and curve (chosen); tied to a label, it is the
shortcut that DeGrave 2021 found in real films.

Lacks: two patients differ by size and shape of few organs only, no film is tilted, cut off or carries tubes and wires,
labels are never wrong, and age shows by aorta, heart, bone, cartilage and depth of the chest alone.

References
----------
X. Wang and others, "ChestX-ray8", CVPR 2017. A. DeGrave, J. Janizek, S. Lee, Nature Machine Intelligence 3:610, 2021.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from course_lib.data.phantoms.chest_anatomy import FIELD_MM, Map, Thorax, blur, draw_thorax, make_body
from course_lib.data.phantoms.chest_findings import CHEST_FINDINGS, change_body, draw_findings

__all__ = ["CHEST_PREVALENCE", "ChestXrays", "make_chest_xrays"]

CHEST_PREVALENCE: Mapping[str, float] = MappingProxyType(
    {
        name: count / 112_120
        for name, count in zip(
            CHEST_FINDINGS,
            (11559, 2776, 13317, 19894, 5782, 6331, 1431, 5302, 4667, 2303, 2516, 1686, 3385, 227),
            strict=True,
        )
    }
)
_WATER_PER_MM = 0.015  # weakening of a hard beam, chosen between 60 and 80 keV and lowered for the spectrum
# How strongly heart failure, infection, tumour and airways drive each finding, and how much of it stays from film to
# film of a patient.
_CAUSES = {
    "Atelectasis": (0.40, 0.30, 0.15, 0.0, 0.3),
    "Cardiomegaly": (0.85, 0.0, 0.0, 0.0, 0.9),
    "Effusion": (0.70, 0.30, 0.30, 0.0, 0.4),
    "Infiltration": (0.20, 0.50, 0.0, 0.0, 0.3),
    "Mass": (0.0, 0.0, 0.60, 0.0, 0.9),
    "Nodule": (0.0, 0.0, 0.55, 0.0, 0.9),
    "Pneumonia": (0.10, 0.65, 0.0, 0.0, 0.2),
    "Pneumothorax": (0.0, 0.0, 0.10, 0.45, 0.3),
    "Consolidation": (0.25, 0.55, 0.10, 0.0, 0.3),
    "Edema": (0.60, 0.35, 0.0, 0.0, 0.3),
    "Emphysema": (0.0, 0.0, 0.0, 0.60, 0.9),
    "Fibrosis": (0.0, 0.0, 0.0, 0.35, 0.9),
    "Pleural_Thickening": (0.15, 0.0, 0.30, 0.20, 0.9),
    "Hernia": (0.0, 0.0, 0.0, 0.0, 0.95),
}
_CHRONIC = {name for name, row in _CAUSES.items() if row[-1] > 0.8}
_LETTERS = {"L": ("1000", "1000", "1000", "1000", "1111"), "R": ("1110", "1001", "1110", "1010", "1001")}


@dataclass(frozen=True, eq=False)
class ChestXrays:
    """Films and the truth about them.

    Parameters
    ----------
    images : (N, 1, H, W) float32 array
        0 (air) … 1 (bone); the patient's right side is on the left, as on every film.
    labels : (N, 14) bool array
        In the order of `CHEST_FINDINGS`.
    mask_bits : (N, H, W) uint16 array
        Bit k says that finding k can be seen here; see `masks_of`.
    boxes : (N, 14, 4) float32 array
        Left, top, right and bottom edge of a finding in pixels, NaN where there is none.
    lung_masks, heart_masks : (N, H, W) bool array
        Air-filled lung before any finding, and the shadow of the heart.
    cardiothoracic_ratios, film_ratios : (N,) float32 array
        Width of the heart over that of the thorax: as a PA film would show it, and as on this film.
    effusion_ml : (N,) float32 array
        Fluid of both sides, 0 without an effusion.
    ages_years : (N,) float32 array
    females, ap_views : (N,) bool array
        AP views are taken of the lying from the front: larger hearts, higher domes, shoulder blades over the lungs.
    sites, patients : (N,) int64 array
        Site 0 or 1; the number of the patient.
    spacing_mm : (float, float)
        Height and width of a pixel on the detector.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.bool_]
    mask_bits: NDArray[np.uint16]
    boxes: NDArray[np.float32]
    lung_masks: NDArray[np.bool_]
    heart_masks: NDArray[np.bool_]
    cardiothoracic_ratios: NDArray[np.float32]
    film_ratios: NDArray[np.float32]
    effusion_ml: NDArray[np.float32]
    ages_years: NDArray[np.float32]
    females: NDArray[np.bool_]
    ap_views: NDArray[np.bool_]
    sites: NDArray[np.int64]
    patients: NDArray[np.int64]
    spacing_mm: tuple[float, float]

    def masks_of(self, finding: str) -> NDArray[np.bool_]:
        """Return where a finding can be seen, (N, H, W); empty where it is absent."""
        if finding not in CHEST_FINDINGS:
            raise ValueError(f"finding needs one of {', '.join(CHEST_FINDINGS)}, got {finding!r}")
        return (self.mask_bits >> CHEST_FINDINGS.index(finding)) % 2 == 1


def make_chest_xrays(
    count: int,
    *,
    seed: int = 0,
    size: int = 128,
    films_per_patient: int = 1,
    labels: ArrayLike | None = None,
    prevalence: Mapping[str, float] | None = None,
    ap_share: float = 0.4,
    shortcut: str = "Pneumonia",
    shortcut_strength: float = 0.0,
    marker: bool = True,
    site_difference: float = 1.0,
) -> ChestXrays:
    """Make films; film i depends on the arguments and on i, never on the count.

    Parameters
    ----------
    count : int
        0 or more.
    seed : int
        0 or more; the same seed gives the same films.
    size : int
        Height and width in pixels, at least 32; a film is 350 mm wide.
    films_per_patient : int
        So many films follow each other that show one patient, 4 months apart; lasting findings mostly stay.
    labels : (count, 14) array of 0 and 1, optional
        What each film shows, in the order of `CHEST_FINDINGS`; drawn by prevalence without it.
    prevalence : mapping, optional
        Shares of films from 0 to 1 that replace those of `CHEST_PREVALENCE` for some findings.
    ap_share : float
        Share of AP views, 0 … 1.
    shortcut : str
        The finding that the site is tied to.
    shortcut_strength : float
        Site 1 takes the share (1 + strength) / 2 of the films with that finding and (1 − strength) / 2 of the others:
        0 is no tie, 1 a perfect one, −1 the perfect opposite.
    marker : bool
        Whether the sites burn their letter into the corner: L on the right of the image at 0, R on its left at 1.
    site_difference : float
        How far the films of site 1 differ in dose, scatter and curve, 0 … 1.

    Returns
    -------
    ChestXrays

    Raises
    ------
    ValueError
        If an argument is outside its range, or a finding unknown.

    Examples
    --------
    >>> films = make_chest_xrays(3, size=64)
    >>> films.images.shape, films.labels.shape
    ((3, 1, 64, 64), (3, 14))
    """
    _check(count, seed, size, films_per_patient)
    shares = _shares(prevalence)
    given = _given(labels, count)
    if shortcut not in CHEST_FINDINGS:
        raise ValueError(f"shortcut needs one of {', '.join(CHEST_FINDINGS)}, got {shortcut!r}")
    ranges = (("ap_share", ap_share, 0), ("shortcut_strength", shortcut_strength, -1))
    for name, value, least in (*ranges, ("site_difference", site_difference, 0)):
        if not least <= value <= 1:
            raise ValueError(f"{name} is a number from {least} to 1, got {value}")
    out = _empty(count, size)
    tied = CHEST_FINDINGS.index(shortcut)
    for i in range(count):
        patient = i // films_per_patient
        of_patient, of_film = np.random.default_rng([seed, 0, patient]), np.random.default_rng([seed, 1, i])
        age = of_patient.uniform(20, 90) + 0.33 * (i % films_per_patient)
        female = bool(of_patient.random() < 0.44)  # 48,780 of 112,120 films
        drawn = _draw_labels(of_patient, of_film, shares)
        shown = drawn if given is None else given[i]
        body = make_body(of_patient, age_years=age, female=female)
        ap_view = bool(of_film.random() < ap_share)
        site = int(of_film.random() < 0.5 + 0.5 * shortcut_strength * (1 if shown[tied] else -1))
        body.shift_mm = body.shift_mm + 2 * of_film.standard_normal(2)
        if ap_view:
            zoom = (0.00099 * 180 + 0.79) / (0.00099 * of_film.uniform(100, 130) + 0.79)
            body = replace(body, supine=True, heart_zoom=zoom, dome_mm=body.dome_mm - of_film.uniform(4, 16))
        keys = {name: (2, patient) if name in _CHRONIC else (3, i) for name in CHEST_FINDINGS}
        present = [(k, name) for k, name in enumerate(CHEST_FINDINGS) if shown[k]]
        body = change_body(body, {name: np.random.default_rng([seed, *keys[name], k]) for k, name in present})
        thorax = draw_thorax(body, np.random.default_rng([seed, 4, patient]), size=size)
        found = draw_findings(thorax, {name: np.random.default_rng([seed, *keys[name], k]) for k, name in present})
        film = _expose(thorax, found.water_mm, of_film, ap_view, site * site_difference)
        out.images[i, 0] = _burn(film, site) if marker else film
        out.labels[i], out.boxes[i] = shown, _boxes(found.masks)
        weights = (1 << np.arange(14)).astype(np.uint16)
        out.mask_bits[i] = np.einsum("khw,k->hw", found.masks.astype(np.uint16), weights)
        out.lung_masks[i], out.heart_masks[i] = thorax.lungs_mm.sum(axis=0) > 8, thorax.heart
        out.cardiothoracic_ratios[i] = body.cardiothoracic_ratio
        out.film_ratios[i] = thorax.heart_width_mm / thorax.thorax_width_mm
        out.effusion_ml[i], out.ages_years[i], out.females[i] = found.effusion_ml, age, female
        out.ap_views[i], out.sites[i], out.patients[i] = ap_view, site, patient
    return out


def _check(count: int, seed: int, size: int, films_per_patient: int) -> None:
    for name, value, least in (
        ("count", count, 0),
        ("seed", seed, 0),
        ("size", size, 32),
        ("films_per_patient", films_per_patient, 1),
    ):
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError(f"{name} is a whole number, got {value!r}")
        if value < least:
            raise ValueError(f"{name} is at least {least}, got {value}")


def _shares(prevalence: Mapping[str, float] | None) -> NDArray[np.float64]:
    shares = dict(CHEST_PREVALENCE)
    for name, share in (prevalence or {}).items():
        if name not in shares:
            raise ValueError(f"prevalence knows {', '.join(CHEST_FINDINGS)}, got {name!r}")
        if not 0 <= share <= 1:
            raise ValueError(f"prevalence needs shares from 0 to 1, got {share} for {name}")
        shares[name] = share
    return np.array(list(shares.values()))


def _given(labels: ArrayLike | None, count: int) -> NDArray[np.bool_] | None:
    if labels is None:
        return None
    given = np.asarray(labels)
    if given.shape != (count, len(CHEST_FINDINGS)):
        raise ValueError(f"labels needs the shape ({count}, 14), a row a film, got {given.shape}")
    if not np.isin(given, (0, 1)).all():
        raise ValueError("labels needs 0 (absent) or 1 (present) for each finding")
    return given.astype(bool)


def _empty(count: int, size: int) -> ChestXrays:
    maps = (count, size, size)
    return ChestXrays(
        images=np.zeros((count, 1, size, size), np.float32),
        labels=np.zeros((count, 14), bool),
        mask_bits=np.zeros(maps, np.uint16),
        boxes=np.full((count, 14, 4), np.nan, np.float32),
        lung_masks=np.zeros(maps, bool),
        heart_masks=np.zeros(maps, bool),
        cardiothoracic_ratios=np.zeros(count, np.float32),
        film_ratios=np.zeros(count, np.float32),
        effusion_ml=np.zeros(count, np.float32),
        ages_years=np.zeros(count, np.float32),
        females=np.zeros(count, bool),
        ap_views=np.zeros(count, bool),
        sites=np.zeros(count, np.int64),
        patients=np.zeros(count, np.int64),
        spacing_mm=(FIELD_MM / size, FIELD_MM / size),
    )


def _draw_labels(
    of_patient: np.random.Generator, of_film: np.random.Generator, shares: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Draw findings from correlated normal numbers, each with the wanted share above its threshold."""
    table = np.array([_CAUSES[name] for name in CHEST_FINDINGS])
    causes, lasting = table[:, :4], table[:, 4]
    own = np.sqrt(1 - (causes**2).sum(axis=1))
    kept, new = (causes @ rng.standard_normal(4) + own * rng.standard_normal(14) for rng in (of_patient, of_film))
    return np.sqrt(lasting) * kept + np.sqrt(1 - lasting) * new > ndtri(1 - shares)


def _expose(thorax: Thorax, finding_mm: Map, rng: np.random.Generator, ap_view: bool, other: float) -> Map:
    """Count photons behind the patient and turn them into grey: the lungs always come out dark, the heart white."""
    size = finding_mm.shape[0]
    mm = FIELD_MM / size
    primary = np.exp(-_WATER_PER_MM * (thorax.water_mm + finding_mm))
    beam = blur(primary, 0.5 / mm + 0.3 + 0.25 * other) + (0.32 + 0.15 * other) * blur(primary, 30 / mm)
    dose = 6000 * mm**2 * (0.5 if ap_view else 1.0) * (1 - 0.65 * other) * math.exp(0.2 * rng.standard_normal())
    exposure = np.log10(np.maximum(rng.poisson(float(dose) * beam), 1).astype(np.float32) / float(dose))
    lungs = exposure[thorax.lungs_mm.sum(axis=0) > 60]
    middle = float(np.median(lungs)) - 0.15 + 0.02 * rng.standard_normal() + 0.03 * other
    slope = 3.3 * (1 - 0.18 * other) * (1 + 0.05 * rng.standard_normal())
    return 1 / (1 + np.exp(slope * (exposure - middle)))


def _burn(film: Map, site: int) -> Map:
    """Put the letter of the site into its corner."""
    size = film.shape[0]
    dot = max(1, round(size / 80))
    bits = np.array([[int(bit) for bit in row] for row in _LETTERS["R" if site else "L"]])
    letter = np.kron(bits, np.ones((dot, dot), int)) == 1
    high, wide = letter.shape
    top = size // 16
    left = top if site else size - top - wide
    film[top : top + high, left : left + wide][letter] = 0.98
    return film


def _boxes(masks: NDArray[np.bool_]) -> NDArray[np.float32]:
    boxes = np.full((len(masks), 4), np.nan, np.float32)
    for k in np.flatnonzero(masks.any(axis=(1, 2))):
        rows, columns = np.flatnonzero(masks[k].any(axis=1)), np.flatnonzero(masks[k].any(axis=0))
        boxes[k] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return boxes
