"""Where in an image a net found its answer: four maps, and a test of maps where the true place is known.

Each asks something else. Class-activation map: which places voted for the class (nets that end in a mean over places
and one linear layer). Grad-CAM: the same for any layer of any net, by its gradient. Occlusion: by how much the score
falls when a place is covered. Voxel importance: how much noise each place bears before the answer suffers. None of them
says why, and a map can look sensible for a net that is wrong: check it against a known truth (`pointing_game`).

The net is looked at in evaluation mode, on its own device and in its own number format; its modes, weights and
gradients are afterwards as they were. Maps are numpy arrays as large as the image. Grad-CAM and occlusion are those of
captum, which is loaded when first used.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import distance_transform_edt
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.metrics.door import as_mask, as_scores, same_shape

__all__ = [
    "class_activation_map",
    "grad_cam",
    "occlusion_map",
    "pointing_game",
    "population_map",
    "voxel_importance",
]

Target = int | Sequence[int] | None


def class_activation_map(
    model: nn.Module, images: Tensor, *, layer: nn.Module, linear: nn.Linear, target: int | Sequence[int]
) -> NDArray[np.floating]:
    """Sum of a layer's maps, each with the weight that the class gives it: how each place votes for the class.

    Parameters
    ----------
    model : nn.Module
        Ends in ``layer``, a mean over all places, and ``linear``: then map and score agree, which is checked.
    images : (B, C, H, W) or (B, C, D, H, W) floating-point tensor
    layer : nn.Module
        Whose output is averaged: ``net.relu`` of `course_lib.models.densenet.DenseNet`.
    linear : nn.Linear
        The last layer.
    target : int or B of them
        The class, one for all images or one for each.

    Returns
    -------
    (B, H, W) or (B, D, H, W) array
        In units of the score, below 0 where a place votes against it; enlarged by linear interpolation.

    Raises
    ------
    ValueError
        If the score is not the mean of the map plus the bias, the layer was not passed once, or arguments do not fit.
    TypeError
        If images are not a floating-point tensor.

    References
    ----------
    B. Zhou, A. Khosla, A. Lapedriza, A. Oliva and A. Torralba, "Learning deep features for discriminative
    localization", CVPR 2016, equation 2.

    Examples
    --------
    >>> net = nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2))
    >>> _ = net[3].load_state_dict({"weight": torch.tensor([[1.0], [-2.0]]), "bias": torch.zeros(2)})
    >>> class_activation_map(net, torch.tensor([[[[3.0, -1.0]]]]), layer=net[0], linear=net[3], target=1)
    array([[[-6., -0.]]], dtype=float32)
    """
    images = _as_the_net_reads(model, images)
    passed: list[Tensor] = []
    hook = layer.register_forward_hook(lambda module, inputs, output: passed.append(output.detach().clone()))
    try:
        with _at_rest(model), torch.no_grad():
            scores = model(images)
    finally:
        hook.remove()
    if len(passed) != 1 or passed[0].ndim != images.ndim or passed[0].shape[1] != linear.in_features:
        came = [tuple(output.shape) for output in passed]
        raise ValueError(f"layer must give the {linear.in_features} maps that are averaged, once, got {came}")
    columns = _columns(scores, target)
    weights = linear.weight.detach()[columns]  # (B, K)
    maps = torch.einsum("bk,bk...->b...", weights, passed[0])  # (B, h, w)
    expected = maps.flatten(1).mean(dim=1) + (0 if linear.bias is None else linear.bias.detach()[columns])
    if not torch.allclose(expected, scores.gather(1, columns[:, None])[:, 0], rtol=1e-3, atol=1e-3):
        raise ValueError(
            "the score is not the mean of this map: the net must end in layer, a mean over all places, and linear; "
            "for others there is grad_cam"
        )
    return _enlarged(maps, images)


def grad_cam(model: nn.Module, images: Tensor, *, layer: nn.Module, target: Target = None) -> NDArray[np.floating]:
    """Sum of a layer's maps, each with the mean gradient of the score by it, where that is above 0.

    Where the net ends in a mean over N places and a linear layer, this is the class-activation map over N.

    Parameters
    ----------
    model : nn.Module
        Gives (B, K) scores, or (B,) numbers.
    images : (B, C, H, W) or (B, C, D, H, W) floating-point tensor
    layer : nn.Module
        A late one that still has places: the last convolution or what follows it.
    target : int or B of them, optional
        The class, one for all images or one for each; none for a net that gives (B,).

    Returns
    -------
    (B, H, W) or (B, D, H, W) array
        0 or more: what speaks against the score is left out; enlarged by linear interpolation.

    Raises
    ------
    ValueError
        If arguments do not fit each other.
    TypeError
        If images are not a floating-point tensor.

    References
    ----------
    R. R. Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based localization", ICCV
    2017, equations 1 and 2.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Flatten(), nn.LazyLinear(2))
    >>> grad_cam(net, torch.zeros(3, 1, 8, 6), layer=net[0], target=[0, 1, 1]).shape
    (3, 8, 6)
    """
    from captum.attr import LayerGradCam  # here, since the import takes a second or more

    images = _as_the_net_reads(model, images)
    with _at_rest(model):
        with torch.no_grad():
            columns = _columns_if_any(model(images), target)
        inputs = images.detach().clone().requires_grad_(True)  # so that a net with frozen weights has gradients too
        maps = LayerGradCam(model, layer).attribute(inputs, target=columns, relu_attributions=True)  # (B, 1, h, w)
    if maps.ndim != images.ndim:
        raise ValueError(f"layer must give maps (B, K, ...) with places, got an output of {maps.ndim} axes")
    return _enlarged(maps.detach()[:, 0], images)


def occlusion_map(
    model: nn.Module,
    images: Tensor,
    *,
    window: int,
    stride: int | None = None,
    fill: float = 0.0,
    target: Target = None,
) -> NDArray[np.floating]:
    """By how much the score falls when a square (a cube) over each place is covered, in all channels.

    Parameters
    ----------
    model : nn.Module
        Gives (B, K) scores, or (B,) numbers.
    images : (B, C, H, W) or (B, C, D, H, W) floating-point tensor
    window : int
        Side of the square in pixels, at most that of the image.
    stride : int, optional
        Its step, 1 … ``window``; ``window`` unless given. One pass through the net for each position of the square: a
        volume with a small step takes long.
    fill : float
        What covers it. Choose what tells nothing, such as the mean grey: a black square may be a finding of its own.
    target : int or B of them, optional
        The class, one for all images or one for each; none for a net that gives (B,).

    Returns
    -------
    (B, H, W) or (B, D, H, W) array
        Score of the image minus that of the covered one, averaged over all squares that cover the place; below 0 where
        covering raises the score.

    Raises
    ------
    ValueError
        If arguments do not fit each other or the image.
    TypeError
        If images are not a floating-point tensor.

    References
    ----------
    M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 4.2.

    Examples
    --------
    >>> net = nn.Flatten()  # the score of column 1 is the second pixel
    >>> occlusion_map(net, torch.tensor([[[[5.0, 7.0, 9.0]]]]), window=1, target=1)
    array([[[0., 7., 0.]]], dtype=float32)
    """
    from captum.attr import Occlusion  # here, since the import takes a second or more

    images = _as_the_net_reads(model, images)
    stride = window if stride is None else stride
    if not 1 <= stride <= window <= min(images.shape[2:]):
        raise ValueError(
            f"wanted 1 ≤ stride ≤ window ≤ {min(images.shape[2:])}, the shorter side of the image, "
            f"got stride={stride}, window={window}"
        )
    axes = images.ndim - 2
    with _at_rest(model), torch.no_grad():
        columns = _columns_if_any(model(images), target)
        maps = Occlusion(model).attribute(
            images,
            sliding_window_shapes=(images.shape[1], *[window] * axes),
            strides=(images.shape[1], *[stride] * axes),
            baselines=fill,
            target=columns,
            perturbations_per_eval=max(1, 8 // len(images)),
        )
    return np.asarray(maps[:, 0].to(images).cpu().numpy())  # captum divides in float32


def voxel_importance(
    model: nn.Module,
    images: Tensor,
    targets: Tensor,
    *,
    r: float,
    max_noise: float = 1.0,
    steps: int = 40,
    rate: float = 0.1,
    seed: int = 0,
) -> NDArray[np.floating]:
    """Learn for each voxel how much noise it bears before the answer suffers: little, where the answer is read.

    The noise n of each voxel is sought that makes (f(X + n · ε) − y)² − r · mean log n small, with normal ε. The first
    term wants no noise, the second as much as possible: so noise goes where it does no harm.

    Parameters
    ----------
    model : nn.Module
        Regression: gives (B,) or (B, 1) numbers.
    images : (B, C, H, W) or (B, C, D, H, W) floating-point tensor
    targets : (B,) tensor
        y, the true values, such as ages in years. Noise that happens to repair the net's own error is rewarded too;
        with the net's answers as targets it is not.
    r : float
        Above 0, in squared units of y. For a linear net the noise adds r / 2 to the squared error, and n of a voxel is
        proportional to 1 / abs(its weight); r = 2 · 3² lets the age err by 3 years more.
    max_noise : float
        The largest n, in units of the image; where the answer is not read, n goes there.
    steps : int
        Each passes two noised copies of each image through the net, forward and back. The mean of log n over the second
        half of the steps is taken.
    rate : float
        By how much log n changes in a step at most, above 0.
    seed : int
        Rules ε.

    Returns
    -------
    (B, H, W) or (B, D, H, W) array
        1 − n / max_noise: 0 (bears all noise) … 1 (bears none). A map for each image; for a map of many subjects see
        `population_map`.

    Raises
    ------
    ValueError
        If the net gives other than one number for each image, targets do not fit or a number is out of range.
    TypeError
        If images are not a floating-point tensor.

    Notes
    -----
    The squared error is that of the mean answer plus the spread that the noise causes. By autograd alone the spread's
    gradient at one voxel is drowned by the noise of all others. Where the net is linear over the width of the noise, it
    is 2 · n · slope², which is used here; that of the mean answer is taken as it comes. The start is the optimum for
    the slopes of the image without noise.

    References
    ----------
    K.-M. Bintsi et al., "Voxel-level importance maps for interpretable brain age estimation", iMIMIC at MICCAI 2021.
    Differs: there a net is trained that answers n for an image; here n itself is learnt for each image.

    Examples
    --------
    >>> net = nn.Sequential(nn.Flatten(), nn.Linear(4, 1, bias=False))
    >>> _ = net[1].load_state_dict({"weight": torch.tensor([[5.0, 2.5, 0.0, 0.0]])})
    >>> voxel_importance(net, torch.ones(1, 1, 1, 4), torch.tensor([7.5]), r=2).round(1)  # n: 0.1, 0.2, 1, 1
    array([[[0.9, 0.8, 0. , 0. ]]], dtype=float32)
    """
    images = _as_the_net_reads(model, images).detach()
    targets = targets.detach().to(images)
    if targets.shape != (len(images),) or not torch.isfinite(targets).all():
        raise ValueError(f"targets needs a finite number for each of {len(images)} images, got {tuple(targets.shape)}")
    if not (r > 0 and max_noise > 0 and rate > 0 and steps >= 1):
        came = f"r={r}, max_noise={max_noise}, rate={rate}, steps={steps}"
        raise ValueError(f"r, max_noise and rate are above 0, steps at least 1, got {came}")
    generator = torch.Generator().manual_seed(seed)  # on the CPU, so that every device gets the same
    voxels = images[0, 0].numel()
    log_most, chosen = math.log(max_noise), torch.zeros_like(images[:, :1])
    with _at_rest(model):
        _, slope = _answers_and_slopes(model, images)
        log_noise = (r / (2 * voxels * slope.square().sum(dim=1, keepdim=True))).log() / 2  # (B, 1, D, H, W)
        for step in range(steps):
            log_noise = log_noise.clamp(max=log_most)  # also where the slope is 0 and the optimum infinite
            noise, drawn = log_noise.exp(), torch.randn(images.shape, generator=generator).to(images)
            plus, slope_plus = _answers_and_slopes(model, images + noise * drawn)
            minus, slope_minus = _answers_and_slopes(model, images - noise * drawn)
            spread = 2 * noise * ((slope_plus + slope_minus) / 2).square()
            error = ((plus + minus) / 2 - targets).reshape(-1, *[1] * (images.ndim - 1))
            shift = 2 * error * (slope_plus - slope_minus) / 2 * drawn
            gradient = (spread + shift).sum(dim=1, keepdim=True)  # of the squared error, by n
            log_noise = log_noise - rate * (voxels * noise * gradient / r - 1).clamp(-1, 1)
            if step >= steps // 2:
                chosen += log_noise.clamp(max=log_most) / (steps - steps // 2)
    return np.asarray((1 - chosen.exp() / max_noise)[:, 0].cpu().numpy())


def population_map(maps: ArrayLike, *, share: float = 0.05) -> NDArray[np.float64]:
    """Average the maps of many subjects in one space, and keep the places with the highest means.

    Parameters
    ----------
    maps : (N, H, W) or (N, D, H, W) array
        One map a subject, on one grid: after registration a place means the same in each.
    share : float
        Of all places, how many are kept, above 0, at most 1; places that tie with the last one are kept too.

    Returns
    -------
    (H, W) or (D, H, W) float64 array
        The mean where it is kept and above 0, else 0.

    Raises
    ------
    ValueError
        If there is no map, a value is NaN, or ``share`` is out of range.
    TypeError
        If these are not real numbers.

    References
    ----------
    As for `voxel_importance`.

    Examples
    --------
    >>> population_map([[[1.0, 0.0, 0.5, 0.1]], [[0.8, 0.2, 0.7, 0.1]]], share=0.5)
    array([[0.9, 0. , 0.6, 0. ]])
    """
    values = as_scores("maps", maps)
    if values.ndim < 2 or values.size == 0:
        raise ValueError(f"maps needs shape (N, ...) with at least one subject and one place, got {values.shape}")
    if not 0 < share <= 1:
        raise ValueError(f"share must be above 0 and at most 1, got {share}")
    mean: NDArray[np.float64] = values.mean(axis=0)
    kept = max(1, round(share * mean.size))
    least = np.sort(mean, axis=None)[-kept]
    return np.where((mean >= least) & (mean > 0), mean, 0.0)


def pointing_game(maps: ArrayLike, masks: ArrayLike, *, tolerance_px: float = 0.0) -> NDArray[np.float64]:
    """Tell whether the largest value of each map lies where the finding truly is.

    Parameters
    ----------
    maps : (N, H, W) or (N, D, H, W) array
        One map a case.
    masks : array of 0 and 1, of the same shape
        Where the finding is. Leave out cases without it: nothing can be hit there.
    tolerance_px : float
        How far beside the mask still counts as a hit, 0 or more (Zhang et al.: 15 pixels of a photograph).

    Returns
    -------
    (N,) float64 array
        1 (hit) or 0; where several places share the largest value, their share within the mask: so a map that is the
        same everywhere gets what chance gets, the mask's share of the image. The mean over cases is the usual accuracy.

    Raises
    ------
    ValueError
        If shapes differ, a mask is empty, a map has NaN, or the tolerance is below 0.
    TypeError
        If these are not real numbers.

    References
    ----------
    J. Zhang, S. A. Bargal, Z. Lin, J. Brandt, X. Shen and S. Sclaroff, "Top-down neural attention by excitation
    backprop", IJCV 126, 2018, section 4.2. Differs: ties count in part.

    Examples
    --------
    >>> pointing_game([[[0, 3, 1]], [[0, 3, 1]], [[2, 2, 2]]], [[[0, 1, 1]], [[1, 0, 0]], [[1, 1, 1]]])
    array([1., 0., 1.])
    """
    values, truth = as_scores("maps", maps), as_mask("masks", masks)
    same_shape(maps=values, masks=truth)
    if values.ndim < 2:
        raise ValueError(f"maps needs shape (N, ...), one map a case, got {values.shape}")
    if not tolerance_px >= 0:
        raise ValueError(f"tolerance_px must be 0 or more, got {tolerance_px}")
    hits = np.empty(len(values))
    for i, (one, mask) in enumerate(zip(values, truth, strict=True)):
        if not mask.any():
            raise ValueError(f"mask {i} is empty, so nothing can be hit: leave out cases without the finding")
        allowed = distance_transform_edt(~mask) <= tolerance_px
        hits[i] = allowed[one == one.max()].mean()
    return hits


def _answers_and_slopes(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """One number for each image, and its derivative by each voxel; the weights' gradients stay untouched."""
    inputs = images.detach().clone().requires_grad_(True)
    answers = model(inputs)
    if answers.shape not in ((len(images),), (len(images), 1)):
        raise ValueError(f"the net must give one number for each image, got {tuple(answers.shape)}")
    (slopes,) = torch.autograd.grad(answers.sum(), inputs)
    return answers.detach().flatten(), slopes


@contextmanager
def _at_rest(model: nn.Module) -> Iterator[None]:
    """Set evaluation mode, allow gradients; afterwards each layer is in the mode it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.enable_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def _as_the_net_reads(model: nn.Module, images: Tensor) -> Tensor:
    """Check the batch; give it on the device and in the number format of the net."""
    if not isinstance(images, Tensor) or not images.is_floating_point():
        came = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(f"images needs a floating-point tensor, got {came}")
    if images.ndim not in (4, 5) or images.numel() == 0:
        raise ValueError(f"images needs a batch (B, C, H, W) or (B, C, D, H, W), got {tuple(images.shape)}")
    if not torch.isfinite(images).all():
        raise ValueError("images needs finite numbers, got NaN or infinity: no map can be drawn of it")
    weights = next(model.parameters(), None)
    return images if weights is None else images.to(weights)


def _columns_if_any(scores: Tensor, target: Target) -> Tensor | None:
    """One column of the scores for each image; none for a net that gives one number an image."""
    return None if scores.ndim == 1 and target is None else _columns(scores, target)


def _columns(scores: Tensor, target: Target) -> Tensor:
    """One column of the scores for each image."""
    if scores.ndim != 2 or target is None:
        raise ValueError(
            f"target needs a column of (B, K) scores, or None for a net that gives (B,), "
            f"got target={target} and scores {tuple(scores.shape)}"
        )
    columns = torch.as_tensor(target, device=scores.device)
    if columns.ndim > 1 or columns.is_floating_point() or (columns.ndim == 1 and len(columns) != len(scores)):
        raise ValueError(f"target needs one whole number, or {len(scores)} of them, got {target}")
    if columns.min() < 0 or columns.max() >= scores.shape[1]:
        raise ValueError(f"target needs columns 0 to {scores.shape[1] - 1}, got {target}")
    return columns.long().expand(len(scores))


def _enlarged(maps: Tensor, images: Tensor) -> NDArray[np.floating]:
    """(B, h, w) → (B, H, W), or with a depth, by linear interpolation."""
    mode = "bilinear" if images.ndim == 4 else "trilinear"
    large = F.interpolate(maps[:, None], size=images.shape[2:], mode=mode, align_corners=False)
    return np.asarray(large[:, 0].cpu().numpy())
