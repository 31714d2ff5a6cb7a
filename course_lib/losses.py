"""Losses that torch lacks: for few pixels, for rare labels, for borders between cells, for times until an event.

Each formula stands at the end of its function, with the shapes beside it; what may not enter is refused before it.
Half-precision scores are raised to float32 first: sums over an image leave bfloat16 after a few hundred pixels.
`fit` hands a loss one tensor of targets: stack what belongs together, as in ``torch.stack([labels, weights], dim=1)``,
and take it apart again in a function of two lines around the loss.
"""

from math import ceil
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import distance_transform_edt, find_objects
from torch import Tensor
from torch.nn import functional as F

from course_lib.metrics.door import as_labels

__all__ = ["border_weight_map", "cox_loss", "dice_loss", "focal_loss", "weighted_cross_entropy"]


def dice_loss(scores: Tensor, labels: Tensor, *, smooth: float = 1.0) -> Tensor:
    """One minus the soft Dice of each foreground class of each case, averaged: it does not see how much is background.

    With p = softmax(scores) and g = 1 where the label is the class: 1 − (2 Σ p·g + s) / (Σ p + Σ g + s).

    Parameters
    ----------
    scores : (B, K, ...) floating-point tensor
        Before the softmax; K of at least 2, class 0 is the background, which is not averaged. (…): H, W or D, H, W.
    labels : (B, ...) int64 tensor
        0 … K − 1.
    smooth : float
        s, above 0, in voxels. It decides the empty case: a mask without the class costs Σp / (Σp + s), so 0 if the net
        keeps silent, and 0.8 for four voxels too many at s = 1.

    Returns
    -------
    () tensor
        0 (equal) … 1 (nothing shared); 0 for a batch without cases.

    Raises
    ------
    ValueError
        If shapes do not fit, a label is no class, a score is NaN or infinite, or ``smooth`` is not above 0.
    TypeError
        If labels are not int64, or scores not floating-point.

    References
    ----------
    F. Milletari, N. Navab and S.-A. Ahmadi, "V-Net", 3DV 2016, section 3. Differs: its denominator adds squares, this
    one plain sums, as the metric does; ``smooth`` is not in the paper.

    Examples
    --------
    >>> scores = torch.tensor([[[-50.0, -50.0, 50.0], [50.0, 50.0, -50.0]]])  # sure of: cell, cell, background
    >>> round(dice_loss(scores, torch.tensor([[1, 0, 0]]), smooth=1e-6).item(), 4)  # Dice of 2 voxels and 1 is 2/3
    0.3333
    """
    scores = _class_scores(scores, labels)
    if not smooth > 0:
        raise ValueError(f"smooth must be above 0, since two empty masks would be 0/0, got {smooth}")
    if labels.numel() == 0:
        return scores.sum()
    num_classes = scores.shape[1]
    found = scores.softmax(dim=1)[:, 1:].flatten(2)  # (B, K − 1, voxels)
    true = F.one_hot(labels.flatten(1), num_classes)[..., 1:].transpose(1, 2).to(found)  # (B, K − 1, voxels)
    both, total = (found * true).sum(dim=2), (found + true).sum(dim=2)  # (B, K − 1)
    return (1 - (2 * both + smooth) / (total + smooth)).mean()


def focal_loss(scores: Tensor, targets: Tensor, *, gamma: float = 2.0, alpha: float = 0.25) -> Tensor:
    """Binary cross-entropy of each label, turned down where the net is right already, so that rare labels are heard.

    With p the probability given to what is true: −α (1 − p)^γ log p for a 1, −(1 − α) (1 − p)^γ log p for a 0.

    Parameters
    ----------
    scores : floating-point tensor of any shape, such as (B, 14)
        Before the sigmoid.
    targets : tensor of the same shape
        0 and 1, of any type.
    gamma : float
        At least 0; 0 is plain cross-entropy.
    alpha : float
        Weight of the ones, 0 … 1; zeros have 1 − α. At 0.5 both are halved.

    Returns
    -------
    () tensor
        Mean over all labels, 0 or more; 0 if there is none.

    Raises
    ------
    ValueError
        If shapes differ, a target is neither 0 nor 1 (NaN too), a score is NaN or infinite, or a number is out of
        range.
    TypeError
        If scores are not floating-point.

    References
    ----------
    T.-Y. Lin, P. Goyal, R. Girshick, K. He and P. Dollár, "Focal loss for dense object detection", ICCV 2017, section
    3.2. Differs: a mean over the labels, where the paper divides by the number of boxes that hold an object.

    Examples
    --------
    >>> scores, targets = torch.tensor([2.0, 0.0]), torch.tensor([1, 1])  # right already, undecided
    >>> [round(focal_loss(score, target).item(), 4) for score, target in zip(scores, targets)]
    [0.0005, 0.0433]
    """
    scores = _finite("scores", scores)
    _same_shape(scores=scores, targets=targets)
    if not gamma >= 0 or not 0 <= alpha <= 1:
        raise ValueError(f"gamma must be at least 0 and alpha 0 to 1, got gamma={gamma}, alpha={alpha}")
    _refuse_all_but("targets", targets, (targets == 0) | (targets == 1), "0 and 1")
    if scores.numel() == 0:
        return scores.sum()
    true = targets.to(scores)
    weight = alpha * true + (1 - alpha) * (1 - true)
    toward_truth = (2 * true - 1) * scores  # its sigmoid is p
    # (1 − p)^γ through the logarithm: its gradient is a number also where p is 1
    missing = torch.exp(gamma * F.logsigmoid(-toward_truth))
    return -(weight * missing * F.logsigmoid(toward_truth)).mean()


def weighted_cross_entropy(scores: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy of each pixel times the weight of that pixel, averaged over the pixels: mean of −w log p.

    Parameters
    ----------
    scores : (B, K, ...) floating-point tensor
        Before the softmax. (…): H, W or D, H, W.
    labels : (B, ...) int64 tensor
        0 … K − 1.
    weights : (B, ...) floating-point tensor
        0 or more; 0 leaves a pixel out. See `border_weight_map`.

    Returns
    -------
    () tensor
        0 or more; 0 without pixels. Divided by their number and not by the sum of weights, as torch divides for weights
        of classes: so an image with many borders pulls harder than one without.

    Raises
    ------
    ValueError
        If shapes do not fit, a label is no class, a score is NaN or infinite, or a weight is below 0, NaN or infinite.
    TypeError
        If labels are not int64, or scores or weights not floating-point.

    References
    ----------
    O. Ronneberger, P. Fischer and T. Brox, "U-Net", MICCAI 2015, equation 1. Differs: a mean, where the paper adds up;
    the sign, which the paper leaves out.

    Examples
    --------
    >>> scores = torch.zeros(1, 2, 1, 3)  # undecided: log 2 at each pixel
    >>> round(weighted_cross_entropy(scores, torch.tensor([[[0, 1, 1]]]), torch.tensor([[[1.0, 0.0, 5.0]]])).item(), 4)
    1.3863
    """
    scores = _class_scores(scores, labels)
    weights = _finite("weights", weights).to(scores)
    _same_shape(labels=labels, weights=weights)
    _refuse_all_but("weights", weights, weights >= 0, "0 or more")
    if labels.numel() == 0:
        return scores.sum()
    return (weights * F.cross_entropy(scores, labels, reduction="none")).mean()


def border_weight_map(labels: ArrayLike, *, w0: float = 10.0, sigma: float = 5.0) -> NDArray[np.float32]:
    """Weight of each pixel for training: both classes count alike, and the gaps between cells count most.

    w = w_c + w0 · exp(−(d1 + d2)² / 2σ²), with d1 and d2 the distances to the nearest cell and to the one after it.

    Parameters
    ----------
    labels : (H, W) or (D, H, W) array of int
        0 for the background, any other number for one cell. Where cells touch there is no gap to weigh: open it first,
        for example with ``numpy.where(contact_masks(labels), 0, labels)`` on a batch.
    w0 : float
        The weight that is added in a gap of no width, at least 0; 0 leaves the classes' balance alone.
    sigma : float
        σ in pixels, above 0: the weight of a gap 2σ wide, in its middle, has fallen to exp(−2) = 14 %.

    Returns
    -------
    array of float32, as labels
        w_c is the same for all pixels of a class, cell or background: number of pixels / (2 · pixels of that class).
        Where one class is missing, the other has 1. With fewer than two cells nothing is added.

    Raises
    ------
    ValueError
        If labels are below 0 or have other axes, ``w0`` is below 0 or ``sigma`` is not above 0, both finite.
    TypeError
        If labels are not whole numbers.

    References
    ----------
    O. Ronneberger, P. Fischer and T. Brox, "U-Net", MICCAI 2015, equation 2, with its w0 and σ. Differs: the paper
    does not say how w_c balances; the term stands on the background alone, as its purpose is to keep a gap open;
    distances are those between the middles of pixels.

    Examples
    --------
    >>> border_weight_map([[1, 1, 0, 2, 2, 0]]).round(2)  # in the gap of one pixel d1 = d2 = 1
    array([[ 0.75,  0.75, 10.73,  0.75,  0.75,  7.57]], dtype=float32)
    """
    cells = as_labels("labels", labels)
    if cells.ndim not in (2, 3):
        raise ValueError(f"labels needs shape (H, W) or (D, H, W), got {cells.shape}: give one image at a time")
    if cells.size == 0:
        return np.ones(cells.shape, np.float32)
    if cells.min() < 0:
        raise ValueError(f"labels needs numbers from 0, got {cells.min()}")
    if not 0 <= w0 < np.inf or not 0 < sigma < np.inf:
        raise ValueError(f"w0 must be at least 0 and sigma above 0, both finite, got w0={w0}, sigma={sigma}")
    background = cells == 0
    inside = int(cells.size - background.sum())
    balance = np.ones(cells.shape)
    if 0 < inside < cells.size:
        balance = np.where(background, cells.size / (2 * (cells.size - inside)), cells.size / (2 * inside))
    nearest, second = _two_nearest(cells, reach=ceil(7 * sigma))  # beyond, the term is less than w0 · 10⁻¹⁰
    gap = np.exp(-((nearest + second) ** 2) / (2 * sigma**2))  # exp(−∞) = 0 with fewer than two cells
    return (balance + w0 * gap * background).astype(np.float32)


def cox_loss(log_risk: Tensor, time: Tensor, event: Tensor, *, ties: Literal["breslow", "efron"] = "efron") -> Tensor:
    """Negative log partial likelihood: of all still at risk, was the patient who had the event expected to have it.

    Mean over the events of log(Σ exp h of all at risk) − h. Of d events that share a time, Breslow leaves the sum as it
    is; Efron takes from it l/d of the sum over those d, l = 0 … d − 1, as if they came one after another.

    Parameters
    ----------
    log_risk : (B,) floating-point tensor
        h, the net's output for each patient. Only differences count.
    time : (B,) tensor
        Of the event, or of the last visit; one unit.
    event : (B,) tensor of 0 and 1
        1 if the event came, 0 if it had not: who was last seen at the time of an event was still at risk.
    ties : "efron" or "breslow"
        The same where no events share a time. Efron's is never larger.

    Returns
    -------
    () tensor
        0 or more; 0, with gradients of 0, for a batch without event. "At risk" means in this batch: take large ones.

    Raises
    ------
    ValueError
        If the shapes are not (B,), an event is neither 0 nor 1, a number is NaN or infinite, or ``ties`` is unknown.
    TypeError
        If ``log_risk`` is not floating-point.

    References
    ----------
    D. R. Cox, "Regression models and life-tables", JRSS B 34, 1972; N. Breslow, in its discussion, pages 216-217;
    B. Efron, JASA 72, 1977, section 7. J. L. Katzman et al., "DeepSurv", BMC Medical Research Methodology 18, 2018,
    for the mean over events as the loss of a net. The same sums for numpy: `course_lib.metrics.survival`.

    Examples
    --------
    >>> time, event = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1, 1, 0])
    >>> round(cox_loss(torch.zeros(3), time, event).item(), 4)  # (log 3 + log 2) / 2
    0.8959
    """
    log_risk = _finite("log_risk", log_risk)
    _refuse_all_but("time", time, torch.isfinite(time), "finite numbers")
    _refuse_all_but("event", event, (event == 0) | (event == 1), "0 and 1")
    if log_risk.ndim != 1:
        raise ValueError(f"log_risk needs shape (B,), got {tuple(log_risk.shape)}: one column of a net is scores[:, 0]")
    _same_shape(log_risk=log_risk, time=time, event=event)
    if ties not in ("breslow", "efron"):
        raise ValueError(f"ties must be 'breslow' or 'efron', got {ties!r}")
    came = event == 1
    if not came.any():
        return (log_risk * 0).sum()
    when = time[came][:, None]  # (E, 1), compared with (B,)
    log_at_risk = _log_sum_exp(log_risk, time >= when)  # (E,)
    if ties == "efron":
        together = (time == when) & came  # (E, B)
        num_tied = together.sum(dim=1)
        place = torch.tril(together[:, came], diagonal=-1).sum(dim=1)  # l: how many of them stand before
        share = torch.exp(_log_sum_exp(log_risk, together) - log_at_risk)
        log_at_risk = log_at_risk + torch.log1p(-place.to(share) / num_tied * share)
    return (log_at_risk - log_risk[came]).mean()


def _two_nearest(cells: NDArray[Any], reach: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distances of each pixel to the nearest cell and to the second nearest; infinite where none is within reach."""
    nearest, second = np.full(cells.shape, np.inf), np.full(cells.shape, np.inf)
    numbered = np.unique(np.append(cells, 0), return_inverse=True)[1][:-1].reshape(cells.shape)
    for cell, box in enumerate(find_objects(numbered), start=1):
        window = tuple(slice(max(0, axis.start - reach), axis.stop + reach) for axis in box)
        distance = distance_transform_edt(numbered[window] != cell)
        second[window] = np.minimum(second[window], np.maximum(nearest[window], distance))
        nearest[window] = np.minimum(nearest[window], distance)
    return nearest, second


def _log_sum_exp(values: Tensor, chosen: Tensor) -> Tensor:
    """For each row of a (E, B) choice, log Σ exp of the chosen of (B,) values; no row is empty."""
    return torch.where(chosen, values, -torch.inf).logsumexp(dim=1)


def _class_scores(scores: Tensor, labels: Tensor) -> Tensor:
    """Give scores of classes in float32 or float64 that fit the labels."""
    if labels.dtype != torch.int64:
        raise TypeError(f"labels needs classes as int64, got {labels.dtype}: labels.long() makes them")
    if scores.ndim < 2 or scores.shape[1] < 2 or scores.shape[:1] + scores.shape[2:] != labels.shape:
        raise ValueError(
            f"scores needs (B, K, ...) with a score for each of 2 classes or more, labels (B, ...), "
            f"got {tuple(scores.shape)} and {tuple(labels.shape)}"
        )
    scores = _finite("scores", scores)
    _refuse_all_but("labels", labels, (labels >= 0) & (labels < scores.shape[1]), f"classes 0 to {scores.shape[1] - 1}")
    return scores


def _finite(name: str, values: Tensor) -> Tensor:
    if not values.is_floating_point():
        raise TypeError(f"{name} needs a floating-point tensor, got {values.dtype}")
    _refuse_all_but(name, values, torch.isfinite(values), "finite numbers")
    return values if values.dtype == torch.float64 else values.float()


def _refuse_all_but(name: str, values: Tensor, fits: Tensor, wanted: str) -> None:
    if not fits.all():
        place = tuple(torch.nonzero(~fits)[0].tolist())
        raise ValueError(f"{name} needs {wanted}, got {values[place].item():g} at index {place}")


def _same_shape(**tensors: Tensor) -> None:
    (first, wanted), *others = ((name, tuple(tensor.shape)) for name, tensor in tensors.items())
    for name, shape in others:
        if shape != wanted:
            raise ValueError(f"{first} and {name} need the same shape, got {wanted} and {shape}")
