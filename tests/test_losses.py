"""Losses: worked by hand, beside slow loops in float64, beside torch and our own metrics, and their gradients."""

from collections.abc import Callable
from math import exp, log, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from course_lib.data.phantoms.touching_cells import contact_masks, make_touching_cells
from course_lib.losses import border_weight_map, cox_loss, dice_loss, focal_loss, weighted_cross_entropy
from course_lib.metrics.segmentation import dice_score
from course_lib.metrics.survival import breslow_log_likelihood, efron_log_likelihood

seeds = st.integers(0, 2**32 - 1)


def draw(seed: int, *shape: int, scale: float = 2.0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale


def draw_labels(seed: int, *shape: int, num_classes: int = 3) -> Tensor:
    return torch.randint(num_classes, shape, generator=torch.Generator().manual_seed(seed))


# Dice


def slow_dice(scores: NDArray, labels: NDArray, smooth: float) -> float:
    """Voxel by voxel."""
    losses = []
    for case, truth in zip(scores, labels, strict=True):
        for k in range(1, len(case)):
            both = total = 0.0
            for place in np.ndindex(truth.shape):
                p = exp(case[(k, *place)]) / sum(exp(each[place]) for each in case)
                both += p * (truth[place] == k)
                total += p + (truth[place] == k)
            losses.append(1 - (2 * both + smooth) / (total + smooth))
    return sum(losses) / len(losses)


def test_dice_of_four_pixels_by_hand() -> None:
    # p of the cell: ½ at each; the cell has 1 of 4 pixels: 2 · ½ of ½ · 4 + 1, and smooth on both sides
    loss = dice_loss(torch.zeros(1, 2, 2, 2), torch.tensor([[[1, 0], [0, 0]]]))
    assert loss.item() == pytest.approx(1 - (2 * 0.5 + 1) / (2 + 1 + 1))


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 2)])
def test_dice_loss_is_the_slow_one(shape: tuple[int, ...]) -> None:
    scores, labels = draw(1, 2, 3, *shape), draw_labels(2, 2, *shape)
    assert dice_loss(scores, labels, smooth=0.3).item() == pytest.approx(
        slow_dice(scores.numpy(), labels.numpy(), 0.3), abs=1e-12
    )


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_dice_loss_of_a_certain_net_is_one_minus_the_metric(seed: int) -> None:
    truth, answer = draw_labels(seed, 1, 6, 6, num_classes=2), draw_labels(seed + 1, 1, 6, 6, num_classes=2)
    scores = 200.0 * F.one_hot(answer, 2).movedim(-1, 1).double()
    metric = dice_score(truth[0].bool(), answer[0].bool())
    assert dice_loss(scores, truth, smooth=1e-9).item() == pytest.approx(1 - metric, abs=1e-8)


def test_dice_of_empty_masks_counts_what_the_net_invents() -> None:
    empty = torch.zeros(1, 4, 4, dtype=torch.int64)
    silent = torch.stack([torch.full((1, 4, 4), 100.0), torch.full((1, 4, 4), -100.0)], dim=1)
    assert dice_loss(silent, empty).item() == 0
    one_voxel = silent.clone()
    one_voxel[0, :, 0, 0] = torch.tensor([-100.0, 100.0])
    assert dice_loss(one_voxel, empty).item() == 0.5  # Σp / (Σp + s)
    scores = torch.zeros(1, 2, 4, 4, requires_grad=True)
    dice_loss(scores, empty).backward()
    assert (scores.grad[:, 1] > 0).all()  # descent makes the cell less likely


def test_dice_loss_does_not_see_added_background() -> None:
    scores, labels = torch.full((1, 2, 4, 4), -50.0), torch.zeros(1, 4, 4, dtype=torch.int64)
    scores[:, 0] = 50.0
    scores[0, :, 0, :2] = torch.tensor([[-50.0, -50.0], [50.0, 50.0]])
    labels[0, 0, 1:3] = 1
    wide = F.pad(scores, (0, 60)), F.pad(labels, (0, 60))
    wide[0][:, 0, :, 4:], wide[0][:, 1, :, 4:] = 50.0, -50.0
    assert dice_loss(*wide).item() == pytest.approx(dice_loss(scores, labels).item(), abs=1e-6)


def test_cases_count_alike_however_large_their_masks() -> None:
    scores, labels = draw(3, 4, 2, 5, 5), draw_labels(4, 4, 5, 5, num_classes=2)
    alone = [dice_loss(scores[i : i + 1], labels[i : i + 1]).item() for i in range(4)]
    assert dice_loss(scores, labels).item() == pytest.approx(np.mean(alone))


# Focal


def test_focal_loss_by_hand() -> None:
    # p = ¾ given to a one, and to a zero: ¼² log ¾ each, weighed ¼ and ¾
    scores, targets = torch.tensor([log(3), -log(3)]), torch.tensor([1, 0])
    assert focal_loss(scores, targets).item() == pytest.approx(-(0.25 + 0.75) * log(0.75) / 16 / 2)


def test_focal_loss_is_the_slow_one() -> None:
    scores, targets = draw(5, 6, 14), draw_labels(6, 6, 14, num_classes=2)
    slow = []
    for score, target in zip(scores.flatten().tolist(), targets.flatten().tolist(), strict=True):
        p = 1 / (1 + exp(-score))
        p_true, alpha = (p, 0.3) if target else (1 - p, 0.7)
        slow.append(-alpha * (1 - p_true) ** 1.5 * log(p_true))
    assert focal_loss(scores, targets, gamma=1.5, alpha=0.3).item() == pytest.approx(np.mean(slow), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_without_focus_it_is_half_of_torchs_binary_cross_entropy(seed: int) -> None:
    scores, targets = draw(seed, 5, 3, scale=20), draw_labels(seed, 5, 3, num_classes=2)
    plain = F.binary_cross_entropy_with_logits(scores, targets.double())
    torch.testing.assert_close(focal_loss(scores, targets, gamma=0, alpha=0.5), plain / 2)


@settings(max_examples=30, deadline=None)
@given(seeds, st.floats(0, 5), st.floats(0, 5))
def test_more_focus_never_costs_more(seed: int, gamma: float, more: float) -> None:
    scores, targets = draw(seed, 5, 3), draw_labels(seed, 5, 3, num_classes=2)
    less_loss = focal_loss(scores, targets, gamma=gamma + more)
    assert 0 <= less_loss <= focal_loss(scores, targets, gamma=gamma)


def test_exchanging_zeros_and_ones_changes_nothing_but_alpha() -> None:
    scores, targets = draw(7, 5, 3), draw_labels(8, 5, 3, num_classes=2)
    torch.testing.assert_close(focal_loss(scores, targets, alpha=0.2), focal_loss(-scores, 1 - targets, alpha=0.8))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_gradients_of_certain_nets_are_numbers(gamma: float) -> None:
    scores = torch.tensor([1e4, -1e4, 200.0, -200.0, 0.0], requires_grad=True)
    loss = focal_loss(scores, torch.tensor([1, 1, 0, 0, 1]), gamma=gamma)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(scores.grad).all()


# Weighted cross-entropy


def test_weighted_cross_entropy_by_hand() -> None:
    scores = torch.tensor([[[log(3), 0.0], [0.0, 0.0]]])  # (1, 2, 2): p of class 0 is ¾, then ½
    loss = weighted_cross_entropy(scores, torch.tensor([[0, 1]]), torch.tensor([[2.0, 8.0]]))
    assert loss.item() == pytest.approx(-(2 * log(0.75) + 8 * log(0.5)) / 2)


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 2)])
def test_weighted_cross_entropy_is_the_slow_one(shape: tuple[int, ...]) -> None:
    scores, labels, weights = draw(9, 2, 3, *shape), draw_labels(10, 2, *shape), draw(11, 2, *shape).abs()
    slow = []
    for place in np.ndindex(labels.shape):
        case, *pixel = place
        p = [exp(scores[(case, k, *pixel)]) for k in range(3)]
        slow.append(-weights[place].item() * log(p[labels[place]] / sum(p)))
    assert weighted_cross_entropy(scores, labels, weights).item() == pytest.approx(np.mean(slow), abs=1e-12)


def test_weights_of_one_give_torchs_cross_entropy_and_weights_are_linear() -> None:
    scores, labels, weights = draw(12, 2, 3, 4, 4), draw_labels(13, 2, 4, 4), draw(14, 2, 4, 4).abs()
    ones = torch.ones_like(weights)
    torch.testing.assert_close(weighted_cross_entropy(scores, labels, ones), F.cross_entropy(scores, labels))
    twice = weighted_cross_entropy(scores, labels, 2 * weights + ones)
    torch.testing.assert_close(
        twice, 2 * weighted_cross_entropy(scores, labels, weights) + F.cross_entropy(scores, labels)
    )


def test_a_weight_of_zero_leaves_a_pixel_out() -> None:
    scores, labels, weights = draw(15, 1, 2, 3, 3), draw_labels(16, 1, 3, 3, num_classes=2), torch.ones(1, 3, 3)
    weights[0, 1, 1] = 0
    scores.requires_grad_(True)
    weighted_cross_entropy(scores, labels, weights).backward()
    assert (scores.grad[0, :, 1, 1] == 0).all()
    assert weighted_cross_entropy(scores, labels, 0 * weights).item() == 0


# The weight map


def slow_map(labels: NDArray, w0: float, sigma: float) -> NDArray:
    """Each pixel to each pixel of each cell."""
    cells = [np.argwhere(labels == cell) for cell in np.unique(labels) if cell]
    shares = [(labels == 0).mean(), (labels > 0).mean()]
    result = np.ones(labels.shape)
    for place in np.ndindex(labels.shape):
        if min(shares) > 0:
            result[place] = 1 / (2 * shares[int(labels[place] > 0)])
        if labels[place] == 0 and len(cells) > 1:
            d1, d2 = sorted(min(sqrt(((p - place) ** 2).sum()) for p in cell) for cell in cells)[:2]
            result[place] += w0 * exp(-((d1 + d2) ** 2) / (2 * sigma**2))
    return result


def test_a_row_of_two_cells_by_hand() -> None:
    weights = border_weight_map([[3, 0, 0, 7, 0, 0]], w0=10, sigma=5)
    gap = 10 * np.exp(-(np.array([3, 3, 5, 7]) ** 2) / 50)  # d1 + d2: 1 + 2, 2 + 1, 1 + 4, 2 + 5
    np.testing.assert_allclose(weights, [[1.5, 0.75 + gap[0], 0.75 + gap[1], 1.5, 0.75 + gap[2], 0.75 + gap[3]]])
    assert weights.dtype == np.float32


@pytest.mark.parametrize(("shape", "sigma"), [((9, 12), 5.0), ((9, 12), 0.4), ((4, 5, 6), 2.0)])
def test_the_map_is_the_slow_one(shape: tuple[int, ...], sigma: float) -> None:
    rng = np.random.default_rng(0)
    labels = np.where(rng.random(shape) < 0.2, rng.choice([2, 5, 900], shape), 0)
    np.testing.assert_allclose(border_weight_map(labels, w0=7, sigma=sigma), slow_map(labels, 7, sigma), rtol=1e-6)


def test_far_cells_are_left_out_only_where_they_change_nothing() -> None:
    labels = np.zeros((3, 120), int)
    for cell, place in enumerate((0, 20, 50, 119), start=1):
        labels[1, place] = cell
    np.testing.assert_allclose(border_weight_map(labels, sigma=3), slow_map(labels, 10, 3), rtol=1e-6)


@pytest.mark.parametrize("labels", [np.zeros((4, 4), int), np.full((4, 4), 6), np.zeros((0, 4), int)])
def test_an_image_of_one_class_weighs_one_everywhere(labels: NDArray) -> None:
    np.testing.assert_array_equal(border_weight_map(labels), np.ones(labels.shape))


def test_one_cell_has_no_gap_and_both_classes_count_alike() -> None:
    labels = np.pad(np.full((2, 3), 4), 3)
    weights = border_weight_map(labels)
    assert len(np.unique(weights)) == 2
    assert weights[labels > 0].sum() == pytest.approx(weights[labels == 0].sum())
    assert weights.mean() == pytest.approx(1)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_neither_names_nor_direction_of_cells_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random((8, 10)) < 0.3, rng.integers(1, 4, (8, 10)), 0)
    weights = border_weight_map(labels)
    np.testing.assert_array_equal(border_weight_map(np.where(labels, 50 - labels, 0)), weights)
    np.testing.assert_array_equal(border_weight_map(labels.T[::-1]), weights.T[::-1])
    assert (weights >= border_weight_map(labels, w0=0)).all()


def test_the_map_is_largest_in_the_opened_contacts_of_the_phantom() -> None:
    cells = make_touching_cells(6, seed=3)
    contact = contact_masks(cells.labels)
    opened = np.where(contact, 0, cells.labels)
    weights = np.stack([border_weight_map(image) for image in opened])
    assert contact.any()
    assert weights[contact].mean() > 8
    assert weights[~contact].mean() < 2


# Cox

outcomes = st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.floats(-30, 30)), min_size=1, max_size=12)


def slow_cox(time: list[float], event: list[int], log_risk: list[float], ties: str) -> float:
    """Event by event, with exp as it stands."""
    total = 0.0
    for moment in set(time):
        died = [i for i in range(len(time)) if time[i] == moment and event[i]]
        at_risk = sum(exp(log_risk[i]) for i in range(len(time)) if time[i] >= moment)
        for place, i in enumerate(died):
            out = place / len(died) * sum(exp(log_risk[j]) for j in died) if ties == "efron" else 0
            total += log(at_risk - out) - log_risk[i]
    return total / max(1, sum(event))


def test_cox_by_hand() -> None:
    # risks 2, 1, 1, 4: at time 1 two die among 8, at time 3 one among 4; the second at time 2 was only last seen
    log_risk = torch.tensor([log(2), 0.0, 0.0, log(4)], dtype=torch.float64)
    time, event = torch.tensor([1, 1, 2, 3]), torch.tensor([1, 1, 0, 1])
    breslow = cox_loss(log_risk, time, event, ties="breslow").item()
    assert breslow == pytest.approx((log(8 / 2) + log(8 / 1) + log(4 / 4)) / 3)
    efron = cox_loss(log_risk, time, event).item()
    assert efron == pytest.approx((log(8 / 2) + log((8 - 3 / 2) / 1)) / 3)


@settings(max_examples=60, deadline=None)
@given(outcomes, st.sampled_from(["breslow", "efron"]))
def test_cox_is_the_slow_one_and_that_of_the_metrics(drawn: list[tuple[int, bool, float]], ties: str) -> None:
    time, event, log_risk = (list(column) for column in zip(*drawn, strict=True))
    h = torch.tensor(log_risk, dtype=torch.float64)
    loss = cox_loss(h, torch.tensor(time), torch.tensor(event), ties=ties).item()
    assert loss == pytest.approx(slow_cox(time, event, log_risk, ties), abs=1e-9)
    likelihood = {"breslow": breslow_log_likelihood, "efron": efron_log_likelihood}[ties]
    assert loss * max(1, sum(event)) == pytest.approx(-likelihood(time, event, log_risk), abs=1e-9)
    assert cox_loss(h + 7, torch.tensor(time), torch.tensor(event), ties=ties).item() == pytest.approx(loss, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_efron_is_never_more_than_breslow_and_the_same_without_ties(seed: int) -> None:
    h, event = draw(seed, 10), draw_labels(seed, 10, num_classes=2)
    tied = draw_labels(seed + 1, 10, num_classes=4)
    assert cox_loss(h, tied, event) <= cox_loss(h, tied, event, ties="breslow") + 1e-12
    time = torch.arange(10)
    torch.testing.assert_close(cox_loss(h, time, event), cox_loss(h, time, event, ties="breslow"))


def test_a_batch_without_event_costs_nothing_and_teaches_nothing() -> None:
    log_risk = torch.tensor([3.0, -2.0], requires_grad=True)
    loss = cox_loss(log_risk, torch.tensor([1.0, 2.0]), torch.tensor([0, 0]))
    loss.backward()
    assert loss.item() == 0
    assert (log_risk.grad == 0).all()


def test_one_patient_with_an_event_is_certain() -> None:
    assert cox_loss(torch.tensor([5.0]), torch.tensor([1.0]), torch.tensor([1])).item() == 0


def test_large_risks_do_not_overflow() -> None:
    log_risk = torch.tensor([1000.0, -1000.0, 999.0, 0.0], requires_grad=True)
    loss = cox_loss(log_risk, torch.tensor([1.0, 1.0, 2.0, 3.0]), torch.tensor([1, 1, 1, 0]))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(log_risk.grad).all()


# What all share

LABELS = draw_labels(0, 2, 3, 3)
BINARY = draw_labels(0, 4, 5, num_classes=2)
TIME, EVENT = torch.tensor([1.0, 2, 2, 2, 3, 4]), torch.tensor([1, 1, 0, 1, 0, 1])
WEIGHTS = draw(1, 2, 3, 3).abs()

LOSSES: dict[str, tuple[Callable[[Tensor], Tensor], Tensor]] = {
    "dice": (lambda scores: dice_loss(scores, LABELS), draw(2, 2, 3, 3, 3)),
    "focal": (lambda scores: focal_loss(scores, BINARY), draw(3, 4, 5)),
    "focal, weak": (lambda scores: focal_loss(scores, BINARY, gamma=0.5), draw(3, 4, 5)),
    "weighted": (lambda scores: weighted_cross_entropy(scores, LABELS, WEIGHTS), draw(4, 2, 3, 3, 3)),
    "efron": (lambda h: cox_loss(h, TIME, EVENT), draw(5, 6)),
    "breslow": (lambda h: cox_loss(h, TIME, EVENT, ties="breslow"), draw(5, 6)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_small_steps(name: str) -> None:
    loss, scores = LOSSES[name]
    assert torch.autograd.gradcheck(loss, (scores.requires_grad_(True),))


@pytest.mark.parametrize("name", LOSSES)
def test_descent_lowers_it(name: str) -> None:
    loss, scores = LOSSES[name]
    before = loss(scores.requires_grad_(True))
    (step,) = torch.autograd.grad(before, scores)
    assert loss(scores - 0.1 * step) < before


@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_is_raised_and_float64_stays(name: str) -> None:
    loss, scores = LOSSES[name]
    half = scores.detach().to(torch.bfloat16)
    assert loss(half).dtype == torch.float32
    assert loss(half).item() == loss(half.float()).item()
    assert loss(scores).dtype == torch.float64


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_scores_that_are_no_numbers_are_refused(name: str, bad: float) -> None:
    loss, scores = LOSSES[name]
    broken = scores.detach().clone()
    broken.flatten()[3] = bad
    with pytest.raises(ValueError, match=rf"(scores|log_risk) needs finite numbers, got {bad:g} at index \("):
        loss(broken)
    with pytest.raises(TypeError, match=r"(scores|log_risk) needs a floating-point tensor, got torch\.int64"):
        loss(broken.nan_to_num().clamp(-9, 9).long())


def test_nothing_in_nothing_out() -> None:
    scores, labels = torch.zeros(0, 2, 4, 4, requires_grad=True), torch.zeros(0, 4, 4, dtype=torch.int64)
    for loss in (
        dice_loss(scores, labels),
        weighted_cross_entropy(scores, labels, torch.zeros(0, 4, 4)),
        focal_loss(scores, torch.zeros(0, 2, 4, 4)),
        cox_loss(scores.flatten(), torch.zeros(0), torch.zeros(0)),
    ):
        assert loss.item() == 0
        loss.backward()


REFUSED: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "labels of another type": (
        lambda: dice_loss(torch.zeros(1, 2, 4), torch.zeros(1, 4)),
        TypeError,
        r"labels needs classes as int64, got torch.float32: labels.long\(\) makes them",
    ),
    "labels of another shape": (
        lambda: weighted_cross_entropy(torch.zeros(1, 2, 4), LABELS, WEIGHTS),
        ValueError,
        r"scores needs \(B, K, ...\) .* got \(1, 2, 4\) and \(2, 3, 3\)",
    ),
    "a single class": (
        lambda: dice_loss(torch.zeros(1, 1, 4), torch.zeros(1, 4).long()),
        ValueError,
        "a score for each of 2 classes or more",
    ),
    "a label beyond the classes": (
        lambda: dice_loss(torch.zeros(2, 2, 3, 3), LABELS),
        ValueError,
        r"labels needs classes 0 to 1, got 2 at index \(",
    ),
    "no smoothing": (
        lambda: dice_loss(torch.zeros(1, 2, 4), torch.zeros(1, 4).long(), smooth=0),
        ValueError,
        "smooth must be above 0, since two empty masks would be 0/0, got 0",
    ),
    "soft targets": (
        lambda: focal_loss(torch.zeros(2), torch.tensor([0.0, 0.5])),
        ValueError,
        r"targets needs 0 and 1, got 0.5 at index \(1,\)",
    ),
    "targets that are NaN": (
        lambda: focal_loss(torch.zeros(2), torch.tensor([float("nan"), 0])),
        ValueError,
        r"targets needs 0 and 1, got nan at index \(0,\)",
    ),
    "targets of another shape": (
        lambda: focal_loss(torch.zeros(2, 1), torch.zeros(2)),
        ValueError,
        r"scores and targets need the same shape, got \(2, 1\) and \(2,\)",
    ),
    "negative focus": (
        lambda: focal_loss(torch.zeros(2), torch.zeros(2), gamma=-1),
        ValueError,
        "gamma must be at least 0 and alpha 0 to 1, got gamma=-1, alpha=0.25",
    ),
    "a negative weight": (
        lambda: weighted_cross_entropy(torch.zeros(2, 3, 3, 3), LABELS, WEIGHTS - 100),
        ValueError,
        r"weights needs 0 or more, got -\d.* at index \(0, 0, 0\)",
    ),
    "a weight that is NaN": (
        lambda: weighted_cross_entropy(torch.zeros(2, 3, 3, 3), LABELS, WEIGHTS * float("nan")),
        ValueError,
        "weights needs finite numbers, got nan",
    ),
    "weights of another shape": (
        lambda: weighted_cross_entropy(torch.zeros(2, 3, 3, 3), LABELS, WEIGHTS[0]),
        ValueError,
        r"labels and weights need the same shape, got \(2, 3, 3\) and \(3, 3\)",
    ),
    "a batch for the map": (
        lambda: border_weight_map(np.zeros((2, 3, 4, 4), int)),
        ValueError,
        r"labels needs shape \(H, W\) or \(D, H, W\), got \(2, 3, 4, 4\): give one image at a time",
    ),
    "labels below zero": (
        lambda: border_weight_map([[0, -1]]),
        ValueError,
        "labels needs numbers from 0, got -1",
    ),
    "probabilities for the map": (
        lambda: border_weight_map([[0.0, 0.5]]),
        TypeError,
        "labels needs whole numbers as labels, got float64",
    ),
    "no width": (
        lambda: border_weight_map([[0, 1]], sigma=0),
        ValueError,
        "w0 must be at least 0 and sigma above 0, both finite, got w0=10.0, sigma=0",
    ),
    "a width that is NaN": (
        lambda: border_weight_map([[0, 1]], sigma=float("nan")),
        ValueError,
        "sigma=nan",
    ),
    "a column of risks": (
        lambda: cox_loss(torch.zeros(6, 1), TIME, EVENT),
        ValueError,
        r"log_risk needs shape \(B,\), got \(6, 1\): one column of a net is scores\[:, 0\]",
    ),
    "a time that is NaN": (
        lambda: cox_loss(torch.zeros(6), TIME * float("nan"), EVENT),
        ValueError,
        r"time needs finite numbers, got nan at index \(0,\)",
    ),
    "an event that is neither": (
        lambda: cox_loss(torch.zeros(6), TIME, EVENT * 2),
        ValueError,
        r"event needs 0 and 1, got 2 at index \(0,\)",
    ),
    "fewer events than times": (
        lambda: cox_loss(torch.zeros(6), TIME, EVENT[:5]),
        ValueError,
        r"log_risk and event need the same shape, got \(6,\) and \(5,\)",
    ),
    "another way with ties": (
        lambda: cox_loss(torch.zeros(6), TIME, EVENT, ties="exact"),  # type: ignore[arg-type]
        ValueError,
        "ties must be 'breslow' or 'efron', got 'exact'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_in_words(name: str) -> None:
    call, error, words = REFUSED[name]
    with pytest.raises(error, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
