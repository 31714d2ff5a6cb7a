"""Maps of what a net looked at: nets whose right map is known, a slow occlusion, and each map beside another."""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from course_lib.explain import (
    class_activation_map,
    grad_cam,
    occlusion_map,
    pointing_game,
    population_map,
    voxel_importance,
)
from course_lib.models.densenet import DenseNet
from course_lib.models.volumes import VolumeRegressor

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"))]


class GapNet(nn.Module):
    """One convolution, ReLU, mean over all places, one linear layer; for images or volumes."""

    def __init__(self, dims: int = 2, stride: int = 1) -> None:
        super().__init__()
        conv, norm = {2: (nn.Conv2d, nn.BatchNorm2d), 3: (nn.Conv3d, nn.BatchNorm3d)}[dims]
        self.features = nn.Sequential(conv(1, 5, 3, stride=stride, padding=1), norm(5), nn.ReLU(inplace=True))
        self.drop = nn.Dropout(0.5)
        self.linear = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.drop(self.features(x).flatten(2).mean(dim=2)))


def make_net(seed: int = 0, **options: int) -> GapNet:
    torch.manual_seed(seed)
    return GapNet(**options)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Corner(nn.Module):
    """Two scores: the sum of the upper left 2 × 2 (× 2) places, and its negative."""

    def forward(self, x: Tensor) -> Tensor:
        score = x[(slice(None), slice(None), *[slice(0, 2)] * (x.ndim - 2))].flatten(1).sum(dim=1)
        return torch.stack([score, -score], dim=1)


# Class-activation maps


def test_two_maps_by_hand() -> None:
    net = nn.Sequential(nn.Identity(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    net[3].load_state_dict({"weight": torch.tensor([[1.0, 10.0], [0.0, -1.0]]), "bias": torch.tensor([7.0, 8.0])})
    images = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]], [[0.0, 1.0], [0.0, -1.0]]]]).repeat(2, 1, 1, 1)
    maps = class_activation_map(net, images, layer=net[0], linear=net[3], target=[0, 1])
    np.testing.assert_allclose(maps, [[[1, 12], [3, -6]], [[0, -1], [0, 1]]])


@pytest.mark.parametrize(("dims", "shape"), [(2, (9, 7)), (3, (5, 4, 6))])
def test_the_mean_of_the_map_is_the_score_without_its_bias(dims: int, shape: tuple[int, ...]) -> None:
    net, images = make_net(dims=dims).double(), draw(4, 1, *shape).double()
    for target in range(3):
        maps = class_activation_map(net, images, layer=net.features, linear=net.linear, target=target)
        scores = net.eval()(images)[:, target] - net.linear.bias[target]
        np.testing.assert_allclose(maps.reshape(4, -1).mean(axis=1), scores.detach(), atol=1e-12)
        assert maps.shape == (4, *shape)
        assert maps.dtype == np.float64


def test_a_coarse_map_is_enlarged_to_the_image() -> None:
    net, images = make_net(stride=2), draw(2, 1, 8, 12)
    maps = class_activation_map(net, images, layer=net.features, linear=net.linear, target=0)
    coarse = torch.einsum("k,bkhw->bhw", net.linear.weight[0], net.eval().features(images)).detach()
    large = nn.functional.interpolate(coarse[:, None], size=(8, 12), mode="bilinear")[:, 0]
    np.testing.assert_allclose(maps, large, atol=1e-6)


def test_a_net_of_another_form_is_refused() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(ValueError, match="the score is not the mean of this map: the net must end in layer"):
        class_activation_map(net, draw(2, 1, 8, 8), layer=net[0], linear=net[3], target=0)
    with pytest.raises(ValueError, match=r"layer must give the 4 maps that are averaged, once, got \[\(2, 4\)\]"):
        class_activation_map(net, draw(2, 1, 8, 8), layer=net[2], linear=net[3], target=0)


def test_the_dense_net_of_the_course_ends_as_it_should() -> None:
    torch.manual_seed(0)
    net, images = DenseNet((2, 2), growth_rate=4, num_classes=14, in_channels=1), draw(2, 1, 48, 48)
    cam = class_activation_map(net, images, layer=net.relu, linear=net.classifier, target=5)
    assert cam.shape == (2, 48, 48)
    for layer in (net.relu, net.features):  # the second is overwritten in place by the ReLU behind it
        assert grad_cam(net, images, layer=layer, target=5).max() > 0


# Grad-CAM


@pytest.mark.parametrize(("dims", "shape"), [(2, (9, 7)), (3, (5, 4, 6))])
def test_grad_cam_is_the_class_activation_map_above_zero_over_the_places(dims: int, shape: tuple[int, ...]) -> None:
    net, images = make_net(dims=dims).double(), draw(4, 1, *shape).double()
    target = [0, 2, 1, 1]
    cam = class_activation_map(net, images, layer=net.features, linear=net.linear, target=target)
    np.testing.assert_allclose(
        grad_cam(net, images, layer=net.features, target=target), np.maximum(cam, 0) / np.prod(shape), atol=1e-12
    )
    assert (cam < 0).any()


def test_grad_cam_is_the_gradient_written_out() -> None:
    net, images = make_net(stride=2).eval(), draw(2, 1, 8, 8)
    maps = net.features(images).detach().requires_grad_(True)
    score = net.linear(maps.tanh().flatten(2).mean(dim=2))[:, 1].sum()
    (slopes,) = torch.autograd.grad(score, maps)

    class Bent(GapNet):
        def forward(self, x: Tensor) -> Tensor:
            return self.linear(self.features(x).tanh().flatten(2).mean(dim=2))

    net.__class__ = Bent
    expected = (slopes.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1, keepdim=True).relu().detach()
    large = nn.functional.interpolate(expected, size=(8, 8), mode="bilinear")[:, 0]
    np.testing.assert_allclose(grad_cam(net, images, layer=net.features, target=1), large, atol=1e-6)


def test_a_net_with_frozen_weights_and_one_number_an_image_has_a_map() -> None:
    torch.manual_seed(0)
    net = VolumeRegressor(input_size=(32, 32, 32), channels=(2, 3, 4)).requires_grad_(False)
    with torch.no_grad():
        maps = grad_cam(net, draw(2, 1, 32, 32, 32), layer=net.features[1])
    assert maps.shape == (2, 32, 32, 32)
    assert (maps >= 0).all()
    assert maps.max() > 0


def test_a_layer_without_places_is_refused() -> None:
    net = make_net()
    with pytest.raises(ValueError, match=r"layer must give maps .* got an output of 2 axes"):
        grad_cam(net, draw(2, 1, 8, 8), layer=net.linear, target=0)


# Occlusion


def slow_occlusion(net: nn.Module, images: Tensor, window: int, stride: int, fill: float, target: int) -> NDArray:
    """Cover each square in turn; the last ones may reach over the edge."""
    shape = images.shape[2:]
    total, covered = np.zeros((len(images), *shape)), np.zeros(shape)
    steps = [int(np.ceil((size - window) / stride)) + 1 for size in shape]
    for place in np.ndindex(*steps):
        square = tuple(slice(stride * i, stride * i + window) for i in place)
        hidden = images.clone()
        hidden[(slice(None), slice(None), *square)] = fill
        fall = (net(images) - net(hidden))[:, target].detach().numpy()
        total[(slice(None), *square)] += fall.reshape(-1, *[1] * len(shape))
        covered[square] += 1
    return total / covered


@pytest.mark.parametrize(
    ("dims", "shape", "window", "stride"), [(2, (7, 8), 3, 2), (2, (6, 6), 2, 2), (3, (4, 5, 4), 3, 1)]
)
def test_occlusion_is_the_slow_one(dims: int, shape: tuple[int, ...], window: int, stride: int) -> None:
    net, images = make_net(dims=dims).double().eval(), draw(3, 1, *shape).double()
    maps = occlusion_map(net, images, window=window, stride=stride, fill=0.4, target=2)
    np.testing.assert_allclose(maps, slow_occlusion(net, images, window, stride, 0.4, 2), atol=1e-7)


@pytest.mark.parametrize("axes", [2, 3])
def test_occlusion_finds_the_corner_that_is_read(axes: int) -> None:
    images = torch.ones(2, 3, *[6] * axes)
    maps = occlusion_map(Corner(), images, window=2, target=[0, 1])
    expected = np.zeros((2, *[6] * axes))
    expected[(0, *[slice(0, 2)] * axes)] = 3 * 2**axes  # all channels are covered together
    expected[1] = -expected[0]
    np.testing.assert_allclose(maps, expected)


def test_what_covers_decides_what_falls() -> None:
    assert not occlusion_map(Corner(), torch.full((1, 1, 4, 4), 0.5), window=2, fill=0.5, target=0).any()


# Voxel importance


def linear_net(weights: Tensor, bias: float = 0.0) -> nn.Sequential:
    net = nn.Sequential(nn.Flatten(), nn.Linear(weights.numel(), 1)).to(weights.dtype)
    net[1].load_state_dict({"weight": weights.reshape(1, -1), "bias": torch.tensor([bias], dtype=weights.dtype)})
    return net


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 20), st.floats(0.2, 3))
def test_noise_on_a_linear_net_is_what_the_loss_wants(seed: int, r: float, max_noise: float) -> None:
    # d/dn of (w n)² − r log(n) / N is 0 at n = √(r / 2N) / |w|
    weights = draw(2, 3, 4, seed=seed).double()
    images = draw(2, 1, 2, 3, 4, seed=seed + 1).double()
    targets = linear_net(weights)(images)[:, 0].detach() + torch.tensor([0.0, 4.0])  # right, and wrong by 4
    maps = voxel_importance(linear_net(weights), images, targets, r=r, max_noise=max_noise, steps=2)
    wanted = np.minimum(np.sqrt(r / 2 / 24) / weights.abs().numpy(), max_noise)
    np.testing.assert_allclose(max_noise * (1 - maps), np.stack([wanted, wanted]), rtol=1e-9, atol=1e-12)


def test_only_voxels_that_are_read_matter() -> None:
    weights = torch.zeros(6, 6)
    weights[1:3, 2:5] = torch.tensor([[3.0, -3.0, 5.0], [2.0, 4.0, -6.0]])
    maps = voxel_importance(linear_net(weights), draw(3, 1, 6, 6), torch.zeros(3), r=1.0)
    assert (maps[:, weights.numpy() == 0] == 0).all()
    assert (maps[:, weights.numpy() != 0] > 0.5).all()


def test_noise_of_a_trained_net_has_a_lower_loss_than_any_even_noise_and_keeps_off_what_is_read() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(8 * 36, 1)),
    )
    net[-1].bias.data.fill_(70.0)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)

    def cases(count: int) -> tuple[Tensor, Tensor]:
        ages = 50 + 40 * torch.rand(count)
        images = 0.3 * torch.randn(count, 1, 12, 12)
        images[:, 0, 2:6, 5:9] += ((ages - 70) / 12)[:, None, None]
        return images, ages

    for _ in range(150):
        images, ages = cases(32)
        loss = (net(images)[:, 0] - ages).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    images, ages = cases(8)
    maps = voxel_importance(net, images, ages, r=18.0)
    true = np.zeros((12, 12), bool)
    true[2:6, 5:9] = True
    found = population_map(maps, share=true.mean()) > 0
    assert (found & true).sum() >= 0.9 * true.sum()

    @torch.no_grad()
    def mean_loss(noise: Tensor) -> float:
        errors = [(net(images + noise * torch.randn_like(images))[:, 0] - ages).square() for _ in range(300)]
        return (torch.stack(errors).mean() - 18 * noise.log().mean()).item()

    net.eval()
    even = min(mean_loss(torch.full_like(images, noise)) for noise in (0.05, 0.1, 0.2, 0.4, 0.7, 1.0))
    assert mean_loss(torch.from_numpy(1 - maps)[:, None]) < even - 2


def test_the_same_seed_gives_the_same_map_and_nobody_elses_random_numbers_move() -> None:
    net, images = nn.Sequential(make_net(), nn.Linear(3, 1)), draw(2, 1, 6, 6)
    state = torch.get_rng_state()
    maps = [voxel_importance(net, images, torch.zeros(2), r=0.01, steps=3, seed=seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(maps[0], maps[1])
    assert (maps[0] != maps[2]).any()
    assert torch.equal(torch.get_rng_state(), state)


# Population


def test_a_population_map_by_hand() -> None:
    maps = [[[0.9, 0.1], [0.5, 0.3]], [[0.7, 0.3], [0.5, 0.1]]]
    np.testing.assert_allclose(population_map(maps, share=0.25), [[0.8, 0], [0, 0]])
    np.testing.assert_allclose(population_map(maps, share=0.75), [[0.8, 0.2], [0.5, 0.2]])  # two tie with the third
    np.testing.assert_allclose(population_map(maps, share=1), np.mean(maps, axis=0))
    assert (population_map(np.zeros((3, 4)), share=0.5) == 0).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.02, 1))
def test_it_keeps_the_share_that_it_was_asked_for(seed: int, share: float) -> None:
    maps = np.random.default_rng(seed).random((3, 4, 5, 6)) + 0.1
    kept = population_map(maps, share=share)
    assert (kept > 0).sum() == max(1, round(share * 120))
    assert kept[kept > 0].min() >= maps.mean(axis=0)[kept == 0].max(initial=0)


# The pointing game


def test_the_pointing_game_by_hand() -> None:
    maps = np.zeros((4, 5, 5))
    maps[0, 2, 2] = maps[1, 0, 4] = 1  # a hit, a miss by two pixels
    maps[2, 2, 2] = maps[2, 4, 4] = 1  # two places tie, one of them is right
    masks = np.zeros((4, 5, 5), bool)
    masks[:, 1:4, 1:4] = True
    masks[1] = False
    masks[1, 0, 2] = True
    np.testing.assert_allclose(pointing_game(maps, masks), [1, 0, 0.5, 9 / 25])  # nothing in the last: chance
    np.testing.assert_allclose(pointing_game(maps, masks, tolerance_px=2)[:2], [1, 1])
    assert pointing_game(maps, masks, tolerance_px=1)[1] == 0
    assert pointing_game(np.zeros((0, 5, 5)), np.zeros((0, 5, 5))).shape == (0,)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_only_the_order_of_a_map_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    maps, masks = rng.normal(size=(3, 4, 4, 4)), rng.random((3, 4, 4, 4)) < 0.3
    masks[:, 0, 0, 0] = True
    hits = pointing_game(maps, masks)
    np.testing.assert_array_equal(pointing_game(np.exp(3 * maps) - 5, masks), hits)
    assert (pointing_game(maps, masks, tolerance_px=1) >= hits).all()


# What all share

GAP = make_net()
MAPS: dict[str, Callable[[nn.Module, Tensor], NDArray]] = {
    "class_activation_map": lambda net, x: class_activation_map(
        net, x, layer=net.features, linear=net.linear, target=1
    ),
    "grad_cam": lambda net, x: grad_cam(net, x, layer=net.features, target=1),
    "occlusion_map": lambda net, x: occlusion_map(net, x, window=3, target=1),
    "voxel_importance": lambda net, x: voxel_importance(
        nn.Sequential(net, nn.Flatten(0), nn.Unflatten(0, (-1, 3)), Second()), x, torch.zeros(len(x)), r=0.1, steps=3
    ),
}


class Second(nn.Module):
    """Only the second column."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, 1]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", MAPS)
def test_the_net_is_left_as_it_was(name: str, device: str) -> None:
    net = make_net().to(device).train()
    net.drop.eval()  # each layer has a mode of its own
    net(draw(4, 1, 6, 6).to(device)).sum().backward()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    gradients = [weights.grad.clone() for weights in net.parameters()]
    images = draw(2, 1, 6, 6)
    MAPS[name](net, images)
    assert net.training
    assert net.features.training
    assert not net.drop.training
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert all(torch.equal(w.grad, g) for w, g in zip(net.parameters(), gradients, strict=True))
    assert not images.requires_grad
    assert not any(module._forward_hooks for module in net.modules())


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize(("dims", "shape"), [(2, (6, 8)), (3, (4, 6, 5))])
def test_maps_are_as_large_as_images_and_in_the_nets_own_numbers(
    name: str, dims: int, shape: tuple[int, ...], device: str
) -> None:
    net = make_net(dims=dims).to(device)
    images = draw(2, 1, *shape)
    small, large = MAPS[name](net, images), MAPS[name](net.double(), images)
    assert small.shape == large.shape == (2, *shape)
    assert (small.dtype, large.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(small, large, atol=1e-3)
    with torch.no_grad():
        np.testing.assert_array_equal(MAPS[name](net, images), large)


@pytest.mark.parametrize("name", MAPS)
def test_images_that_are_none_are_refused(name: str) -> None:
    for images, error, words in (
        (torch.zeros(6, 6), ValueError, r"images needs a batch \(B, C, H, W\) or \(B, C, D, H, W\), got \(6, 6\)"),
        (torch.zeros(0, 1, 6, 6), ValueError, r"got \(0, 1, 6, 6\)"),
        (torch.zeros(1, 1, 6, 6).long(), TypeError, r"images needs a floating-point tensor, got torch\.int64"),
        (torch.full((1, 1, 6, 6), float("nan")), ValueError, "images needs finite numbers, got NaN or infinity"),
    ):
        with pytest.raises(error, match=words):
            MAPS[name](GAP, images)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "no target": (lambda: grad_cam(GAP, draw(2, 1, 6, 6), layer=GAP.features), r"target needs a column of \(B, K\)"),
    "a target beyond": (
        lambda: occlusion_map(GAP, draw(2, 1, 6, 6), window=2, target=3),
        "target needs columns 0 to 2, got 3",
    ),
    "too many targets": (
        lambda: occlusion_map(GAP, draw(2, 1, 6, 6), window=2, target=[0, 1, 2]),
        r"target needs one whole number, or 2 of them, got \[0, 1, 2\]",
    ),
    "a window beyond": (
        lambda: occlusion_map(GAP, draw(2, 1, 6, 9), window=7, target=0),
        r"wanted 1 ≤ stride ≤ window ≤ 6, the shorter side of the image, got stride=7, window=7",
    ),
    "a stride that leaves gaps": (
        lambda: occlusion_map(GAP, draw(2, 1, 6, 6), window=2, stride=3, target=0),
        "got stride=3, window=2",
    ),
    "several answers": (
        lambda: voxel_importance(GAP, draw(2, 1, 6, 6), torch.zeros(2), r=1),
        r"the net must give one number for each image, got \(2, 3\)",
    ),
    "a target too few": (
        lambda: voxel_importance(GAP, draw(2, 1, 6, 6), torch.zeros(1), r=1),
        r"targets needs a finite number for each of 2 images, got \(1,\)",
    ),
    "no weight of the noise": (
        lambda: voxel_importance(GAP, draw(2, 1, 6, 6), torch.zeros(2), r=0),
        "r, max_noise and rate are above 0, steps at least 1, got r=0",
    ),
    "no subject": (lambda: population_map(np.zeros((0, 4))), r"maps needs shape \(N, ...\) .* got \(0, 4\)"),
    "no share": (lambda: population_map(np.zeros((2, 4)), share=0), "share must be above 0 and at most 1, got 0"),
    "a map with NaN": (
        lambda: population_map([[0.0, float("nan")]]),
        r"maps is NaN at index \(0, 1\)",
    ),
    "an empty mask": (
        lambda: pointing_game(np.zeros((2, 3)), [[1, 0, 0], [0, 0, 0]]),
        "mask 1 is empty, so nothing can be hit: leave out cases without the finding",
    ),
    "another shape": (
        lambda: pointing_game(np.zeros((2, 3)), np.ones((2, 4))),
        r"maps and masks need the same shape, got \(2, 3\) and \(2, 4\)",
    ),
    "a single row": (lambda: pointing_game([1.0], [1]), r"maps needs shape \(N, ...\), one map a case, got \(1,\)"),
    "a negative tolerance": (
        lambda: pointing_game([[1.0]], [[1]], tolerance_px=-1),
        "tolerance_px must be 0 or more, got -1",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_in_words(name: str) -> None:
    call, words = REFUSED[name]
    with pytest.raises(ValueError, match=words):
        call()


def test_captum_is_loaded_when_first_used() -> None:
    code = "import sys, course_lib.explain; assert 'captum' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
