"""Run where MONAI, medpy and SimpleITK can be imported: prints how far from ours their segmentation metrics are.

Each line is {"name", "difference"}, the largest relative difference over random masks; MONAI and SimpleITK keep
distances as float32, so that their lines have a wider {"tolerance"}. What the peers do otherwise is left out on
purpose: medpy's `assd` is the mean of the two directions' means, not of all distances (each direction is compared);
MONAI's surface Dice changes its surface where a spacing is given; MONAI's FROC drops the lowest threshold (the others
are compared).
"""

import json
from collections.abc import Iterator
from math import sqrt

import numpy as np
import SimpleITK
import torch
from medpy.metric import binary as medpy
from monai import metrics as monai
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from course_lib.metrics.detection import CAMELYON16_RATES, Detections, froc_curve
from course_lib.metrics.segmentation import overlap
from course_lib.metrics.surfaces import surface_distances

Row = tuple[str, float] | tuple[str, float, float]
FLOAT32 = 1e-5


def cases() -> Iterator[tuple[NDArray, NDArray, tuple[float, ...]]]:
    """Masks that overlap well or hardly, compact or full of holes, of several types, with their spacing."""
    rng = np.random.default_rng(0)
    kinds = [((60, 70), (0.7, 1.3)), ((20, 40, 50), (5.0, 0.7, 0.7)), ((30, 31, 32), (1.0, 1.0, 1.0))]
    for shape, spacing in kinds:
        for smoothness, shift, form in ((0.8, 1, bool), (2, 3, np.uint8), (3, 9, np.int64), (2, 0, np.float32)):
            noise = ndimage.gaussian_filter(rng.normal(size=shape), smoothness)
            other = np.roll(noise, shift, axis=-1) + 0.3 * noise.std() * rng.normal(size=shape)
            true, pred = noise > noise.std(), other > other.std()
            yield true.astype(form), pred.astype(form), spacing


def relative(ours: ArrayLike, theirs: ArrayLike) -> float:
    """Give the largest difference over the size of theirs; of what is 0 in both, 0."""
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    return float((np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-12)).max())


def one_hot(mask: NDArray) -> torch.Tensor:
    return torch.from_numpy(mask.astype(bool))[None, None]


def overlaps(true: NDArray, pred: NDArray) -> Iterator[Row]:
    counts = overlap(true, pred)
    yield "Dice, medpy", relative(counts.dice(), medpy.dc(pred, true))
    yield "Jaccard, medpy", relative(counts.jaccard(), medpy.jc(pred, true))
    yield "RVD, medpy", relative(counts.rvd(), medpy.ravd(pred, true))
    yield "Dice, MONAI", relative(counts.dice(), monai.compute_dice(one_hot(pred), one_hot(true)).item()), FLOAT32
    yield "Jaccard, MONAI", relative(counts.jaccard(), monai.compute_iou(one_hot(pred), one_hot(true)).item()), FLOAT32
    measured = SimpleITK.LabelOverlapMeasuresImageFilter()
    measured.Execute(*(SimpleITK.GetImageFromArray(mask.astype(np.uint8)) for mask in (pred, true)))
    yield "Dice, SimpleITK", relative(counts.dice(), measured.GetDiceCoefficient())
    yield "Jaccard, SimpleITK", relative(counts.jaccard(), measured.GetJaccardCoefficient())


def distances(true: NDArray, pred: NDArray, spacing: tuple[float, ...]) -> Iterator[Row]:
    ours = surface_distances(true, pred, spacing_mm=spacing)
    yield (
        "mean distance to the true border, medpy",
        relative(ours.pred_to_true_mm.mean(), medpy.asd(pred, true, spacing)),
    )
    yield "mean distance to the predicted, medpy", relative(ours.true_to_pred_mm.mean(), medpy.asd(true, pred, spacing))
    yield "largest distance, medpy", relative(ours.max_mm(), medpy.hd(pred, true, spacing))
    yield "HD95, pooled, medpy", relative(ours.pooled_percentile_mm(95), medpy.hd95(pred, true, spacing))
    masks = {"y_pred": one_hot(pred), "y": one_hot(true), "include_background": True, "spacing": list(spacing)}
    pooled = monai.compute_average_surface_distance(**masks, symmetric=True).item()
    yield "ASSD, MONAI", relative(ours.mean_mm(), pooled), FLOAT32
    yield "largest distance, MONAI", relative(ours.max_mm(), monai.compute_hausdorff_distance(**masks).item()), FLOAT32
    worse = monai.compute_hausdorff_distance(**masks, percentile=95).item()
    yield "HD95, worse direction, MONAI", relative(ours.worse_percentile_mm(95), worse), FLOAT32
    grid = surface_distances(true, pred, spacing_mm=(1,) * true.ndim)
    for tolerance in (0.0, 1.0, 2.5):
        share = monai.compute_surface_dice(
            one_hot(pred), one_hot(true), class_thresholds=[tolerance], include_background=True
        )
        yield "surface Dice, MONAI", relative(grid.surface_dice(tolerance), share.item()), FLOAT32
    theirs = np.sort(np.concatenate([itk_mm(true, pred, spacing), itk_mm(pred, true, spacing)]))
    yield "all distances, SimpleITK", relative(ours.pooled_mm, theirs), FLOAT32
    yield "RMSD, SimpleITK", relative(ours.rms_mm(), sqrt((theirs**2).mean())), FLOAT32


def itk_mm(start: NDArray, goal: NDArray, spacing: tuple[float, ...]) -> NDArray:
    borders = [mask.astype(bool) & ~ndimage.binary_erosion(mask) for mask in (start, goal)]
    image = SimpleITK.GetImageFromArray(borders[1].astype(np.uint8))
    image.SetSpacing([float(step) for step in reversed(spacing)])
    far = SimpleITK.SignedMaurerDistanceMap(image, squaredDistance=False, useImageSpacing=True)
    return np.maximum(SimpleITK.GetArrayFromImage(far)[borders[0]], 0).astype(float)


def curves() -> Iterator[Row]:
    rng = np.random.default_rng(1)
    for images, hits, alarms in ((5, 10, 30), (40, 100, 400), (20, 30, 0)):
        score = rng.normal(size=hits + alarms).round(1)  # with ties
        lesion = np.concatenate([np.arange(hits), np.full(alarms, -1)])
        per_image = np.zeros(images, dtype=int)
        per_image[0] = hits + 7  # MONAI looks at the sums only
        curve = froc_curve(Detections(score, np.zeros(hits + alarms, dtype=int), lesion, per_image))
        rates, sensitivity = monai.compute_froc_curve_data(score[hits:], score[:hits], hits + 7, images)
        yield "false positives an image, MONAI", relative(curve.false_positives_per_image[:-1], rates[::-1])
        yield "sensitivity, MONAI", relative(curve.sensitivity[:-1], sensitivity[::-1])
        whole = np.append(curve.false_positives_per_image[::-1], 0), np.append(curve.sensitivity[::-1], 0)
        yield (
            "score of all thresholds, MONAI",
            relative(curve.score(), monai.compute_froc_score(*whole, CAMELYON16_RATES)),
        )


def main() -> None:
    found: dict[str, dict[str, float]] = {}
    rows: list[Row] = list(curves())
    for true, pred, spacing in cases():
        rows += [*overlaps(true, pred), *distances(true, pred, spacing)]
    for name, difference, *tolerance in rows:
        line = found.setdefault(name, {"difference": 0.0, **({"tolerance": tolerance[0]} if tolerance else {})})
        line["difference"] = max(line["difference"], difference)
    for name, line in found.items():
        print(json.dumps({"name": name, **line}), flush=True)


if __name__ == "__main__":
    main()
