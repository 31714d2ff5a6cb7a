"""Masks, surfaces, lesions and detections."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage

from course_lib.metrics.detection import CAMELYON16_RATES, Detections, froc_curve
from course_lib.metrics.lesions import match_lesions
from course_lib.metrics.segmentation import dice_score
from course_lib.metrics.surfaces import surface_distances
from metric_cases import Case

SPACING_MM = (1.5, 0.8, 0.8)
NUM_LESIONS, NUM_HITS = 50, 500


def roughly(ours: Any, theirs: Any) -> bool:
    """Whether two answers are the same in the peers' float32."""
    return np.allclose(np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float), rtol=1e-5)


def organ(*shape: int, form: type = bool) -> Callable[[bool], tuple[np.ndarray, ...]]:
    """Give a maker of a bumpy organ, and of a prediction some voxels off (Dice 0.97) with a false blob in a corner."""

    def make(quick: bool) -> tuple[np.ndarray, ...]:
        rng = np.random.default_rng(0)
        sizes = [max(24, size // 4) for size in shape] if quick else shape
        axes = np.meshgrid(*(np.linspace(-1, 1, size, dtype=np.float32) for size in sizes), indexing="ij", sparse=True)
        coarse = [rng.normal(size=(knots,) * 3).astype(np.float32) for knots in (8, 16)]
        bumps = [ndimage.zoom(each, [size / len(each) for size in sizes], order=1) for each in coarse]
        radius = sum((x / half) ** 2 for x, half in zip(axes, (0.7, 0.55, 0.5), strict=True)) + 0.12 * bumps[0]
        true, pred = radius < 1, radius + 0.08 * bumps[1] < 1
        pred[tuple(slice(size // 20, size // 20 + max(4, size // 20)) for size in sizes)] = True
        return true.astype(form), pred.astype(form)

    return make


def numpy_dice(true: np.ndarray, pred: np.ndarray) -> float:
    return 2 * (true & pred).sum() / (true.sum() + pred.sum())


def medpy_dice(true: np.ndarray, pred: np.ndarray) -> float:
    from medpy.metric.binary import dc

    return dc(pred, true)


def monai_dice(true: np.ndarray, pred: np.ndarray) -> float:
    import torch
    from monai.metrics import compute_dice

    return compute_dice(*(torch.from_numpy(mask)[None, None] for mask in (pred, true))).item()


def itk_dice(true: np.ndarray, pred: np.ndarray) -> float:
    import SimpleITK

    measured = SimpleITK.LabelOverlapMeasuresImageFilter()
    measured.SetNumberOfThreads(1)
    measured.Execute(*(SimpleITK.GetImageFromArray(mask.astype(np.uint8)) for mask in (pred, true)))
    return measured.GetDiceCoefficient()


def our_surfaces(true: np.ndarray, pred: np.ndarray) -> list[float]:
    distances = surface_distances(true, pred, spacing_mm=SPACING_MM)
    return [distances.mean_mm(), distances.max_mm()]


def _numbers(*directed: np.ndarray) -> list[float]:
    pooled = np.concatenate([np.asarray(each, dtype=float) for each in directed])
    return [pooled.mean(), pooled.max()]


def _borders(true: np.ndarray, pred: np.ndarray) -> list[np.ndarray]:
    box = ndimage.find_objects((true | pred).view(np.uint8))[0]
    crops = [np.pad(mask[box], 1) for mask in (true, pred)]
    return [mask & ~ndimage.binary_erosion(mask) for mask in crops]


def monai_surfaces(true: np.ndarray, pred: np.ndarray) -> list[float]:
    from monai.metrics.utils import get_mask_edges, get_surface_distance

    a, b = get_mask_edges(pred, true, crop=True)
    return _numbers(*(get_surface_distance(*pair, spacing=list(SPACING_MM)) for pair in ((a, b), (b, a))))


def scipy_tree(true: np.ndarray, pred: np.ndarray) -> list[float]:
    from scipy.spatial import KDTree

    a, b = (np.argwhere(border) * SPACING_MM for border in _borders(true, pred))
    return _numbers(KDTree(b).query(a)[0], KDTree(a).query(b)[0])


def scipy_transform(true: np.ndarray, pred: np.ndarray) -> list[float]:
    a, b = _borders(true, pred)
    return _numbers(*(ndimage.distance_transform_edt(~y, sampling=SPACING_MM)[x] for x, y in ((a, b), (b, a))))


def medpy_surfaces(true: np.ndarray, pred: np.ndarray) -> list[float]:
    from medpy.metric import binary

    directed = getattr(binary, "__surface_distances")
    return _numbers(directed(true, pred, SPACING_MM), directed(pred, true, SPACING_MM))


def itk_surfaces(true: np.ndarray, pred: np.ndarray) -> list[float]:
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)

    def directed(start: np.ndarray, goal: np.ndarray) -> np.ndarray:
        image = SimpleITK.GetImageFromArray(goal.astype(np.uint8))
        image.SetSpacing(SPACING_MM[::-1])
        far = SimpleITK.SignedMaurerDistanceMap(image, squaredDistance=False, useImageSpacing=True)
        return np.maximum(SimpleITK.GetArrayViewFromImage(far)[start], 0)

    a, b = _borders(true, pred)
    return _numbers(directed(a, b), directed(b, a))


def lesions(quick: bool) -> tuple[np.ndarray, ...]:
    """Give two maps of 50 balls, each a few voxels off in the second."""
    rng = np.random.default_rng(0)
    maps = np.zeros((2, 32, 160, 160) if quick else (2, 48, 256, 256), dtype=np.int32)
    step, half = (20, 4) if quick else (32, 6)
    grid = np.ogrid[(slice(-half, half + 1),) * 3]
    ball = sum(axis**2 for axis in grid) <= half**2
    for number in range(NUM_LESIONS):
        centre = np.array([maps.shape[1] // 2, step // 2 + number // 8 * step, step // 2 + number % 8 * step])
        for volume, place in zip(maps, (centre, centre + rng.integers(-2, 3, size=3)), strict=True):
            volume[tuple(slice(x - half, x + half + 1) for x in place)][ball] = number + 1
    return tuple(maps)


def our_matching(true: np.ndarray, pred: np.ndarray) -> list[int]:
    matches = match_lesions(true, pred)
    return [matches.voxels_shared.sum(), matches.found(min_overlap=0.5).sum()]


def naive_matching(true: np.ndarray, pred: np.ndarray) -> list[int]:
    shared, found = 0, 0
    for i in range(1, NUM_LESIONS + 1):
        for j in range(1, NUM_LESIONS + 1):
            both = np.count_nonzero((true == i) & (pred == j))
            if both:
                shared += both
                found += both / np.count_nonzero((true == i) | (pred == j)) > 0.5
    return [shared, found]


def alarms(quick: bool) -> tuple[np.ndarray, ...]:
    """Give 5,500 detections in 100 images, 500 of them hits of 600 lesions."""
    rng = np.random.default_rng(0)
    count = 1_000 if quick else 5_500
    place, alarm = np.arange(count), np.arange(count) >= NUM_HITS
    image = np.where(alarm, rng.integers(0, 100, size=count), place % 100)
    return rng.normal(~alarm, 1), image, np.where(alarm, -1, place // 100), np.full(100, 6)


def our_froc(score: np.ndarray, image: np.ndarray, lesion: np.ndarray, per_image: np.ndarray) -> float:
    return froc_curve(Detections(score, image, lesion, per_image)).score()


def monai_froc(score: np.ndarray, image: np.ndarray, lesion: np.ndarray, per_image: np.ndarray) -> float:
    from monai.metrics import compute_froc_curve_data, compute_froc_score

    hits = lesion >= 0
    rates, sensitivity = compute_froc_curve_data(score[~hits], score[hits], int(per_image.sum()), len(per_image))
    return compute_froc_score(rates, sensitivity, CAMELYON16_RATES)


DICE = {"MedPy": medpy_dice, "monai": monai_dice, "SimpleITK": itk_dice, "numpy": numpy_dice}
TREES = {"monai": monai_surfaces, "scipy KDTree": scipy_tree}
TRANSFORMS = {"scipy distance transform": scipy_transform, "MedPy": medpy_surfaces, "SimpleITK": itk_surfaces}
BYTES = {name: peer for name, peer in DICE.items() if name != "monai"}  # which takes one byte for a class

CASES = [
    Case("Dice, 200 × 512 × 512", organ(200, 512, 512), dice_score, 2, DICE, roughly),
    Case("Dice, 200 × 512 × 512 as bytes", organ(200, 512, 512, form=np.uint8), dice_score, 2, BYTES, roughly),
    Case("surface distances, 200 × 512 × 512", organ(200, 512, 512), our_surfaces, 3, TREES, roughly),
    Case("surface distances, 256³", organ(256, 256, 256), our_surfaces, 3, TREES | TRANSFORMS, roughly),
    Case("matching 50 lesions, 48 × 256 × 256", lesions, our_matching, 20, {"numpy, pair by pair": naive_matching}),
    Case("FROC, 5,500 detections", alarms, our_froc, 20, {"monai": monai_froc}),
]
