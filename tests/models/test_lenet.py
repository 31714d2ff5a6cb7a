"""LeNet-5 against the paper, row by row, and the plain variant beside it."""

import copy
import itertools
import math

import pytest
import torch
from torch import nn

from course_lib.models.lenet import (
    C3_TABLE,
    DIGIT_CODES,
    LeNet5,
    PlainLeNet,
    RadialBasis,
    ScaledTanh,
    SparseConv2d,
    Subsample,
    map_loss,
)

# Table I as it is printed in the paper: a row for each map of S2, an X for each map of C3 that reads it.
PRINTED_TABLE = [
    "X...XXX..XXXX.XX",
    "XX...XXX..XXXX.X",
    "XXX...XXX..X.XXX",
    ".XXX..XXXX..X.XX",
    "..XXX..XXXX.XX.X",
    "...XXX..XXXX.XXX",
]


@pytest.fixture
def net() -> LeNet5:
    torch.manual_seed(0)
    return LeNet5()


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(1))


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def test_c3_reads_the_maps_of_table_1() -> None:
    printed = [tuple(row for row in range(6) if PRINTED_TABLE[row][column] == "X") for column in range(16)]
    assert sorted(map(sorted, C3_TABLE)) == sorted(map(sorted, printed))
    assert [set(reads) for reads in C3_TABLE] == [set(reads) for reads in printed]


@pytest.mark.parametrize(
    ("layer", "parameters"),
    [("c1", 156), ("s2", 12), ("c3", 1_516), ("s4", 32), ("c5", 48_120), ("f6", 10_164), ("output", 0)],
)
def test_each_layer_has_the_parameters_of_the_paper(net: LeNet5, layer: str, parameters: int) -> None:
    assert count(getattr(net, layer)) == parameters


def test_the_whole_net_has_60000_trained_numbers_and_840_fixed_ones(net: LeNet5) -> None:
    assert count(net) == 60_000
    fixed = set(net.state_dict()) - {name for name, _ in net.named_parameters()}
    assert {name: tuple(net.state_dict()[name].shape) for name in fixed} == {"output.codes": (10, 84)}


def test_the_parameters_serve_the_340908_connections_of_the_paper(net: LeNet5) -> None:
    places = {"c1": 28 * 28, "c3": 10 * 10, "c5": 1, "f6": 1}
    connections = sum(count(getattr(net, name)) * number for name, number in places.items())
    connections += (4 + 1) * 6 * 14 * 14 + (4 + 1) * 16 * 5 * 5  # S2 and S4: four inputs and a bias a unit
    assert connections + net.output.codes.numel() == 340_908


def test_subsampling_starts_as_a_mean() -> None:
    x = torch.rand(2, 3, 8, 8)
    assert torch.allclose(Subsample(3)(x), nn.functional.avg_pool2d(x, 2))


def test_each_layer_gives_the_shape_of_the_paper(net: LeNet5, images: torch.Tensor) -> None:
    shapes = {}
    for name, layer in net.named_children():
        layer.register_forward_hook(lambda _, __, out, name=name: shapes.__setitem__(name, tuple(out.shape)))
    net(images)
    shapes.pop("squash")
    assert shapes == {
        "c1": (4, 6, 28, 28),
        "s2": (4, 6, 14, 14),
        "c3": (4, 16, 10, 10),
        "s4": (4, 16, 5, 5),
        "c5": (4, 120, 1, 1),
        "f6": (4, 84),
        "output": (4, 10),
    }


def test_six_layers_are_squashed(net: LeNet5, images: torch.Tensor) -> None:
    calls = []
    net.squash.register_forward_hook(lambda *_: calls.append(1))
    net(images)
    assert len(calls) == 6


def test_the_squashing_keeps_1_and_is_odd_and_bounded() -> None:
    x = torch.linspace(-50, 50, 1001, dtype=torch.float64)
    y = ScaledTanh()(x)
    assert torch.allclose(y, -y.flip(0))
    assert y.abs().max() <= 1.7159
    assert ScaledTanh()(torch.ones(1)).item() == pytest.approx(1, abs=1e-4)
    assert ScaledTanh()(torch.tensor([0.3])).item() == pytest.approx(1.7159 * math.tanh(0.2), rel=1e-6)


def test_subsampling_worked_by_hand() -> None:
    layer = Subsample(2)
    with torch.no_grad():
        layer.coefficient[:] = torch.tensor([0.5, -1.0]).reshape(2, 1, 1)
        layer.bias[:] = torch.tensor([1.0, 0.0]).reshape(2, 1, 1)
    x = torch.arange(16.0).reshape(1, 1, 4, 4).repeat(1, 2, 1, 1)  # the first window holds 0, 1, 4, 5
    assert layer(x).tolist() == [[[[6.0, 10.0], [22.0, 26.0]], [[-10.0, -18.0], [-42.0, -50.0]]]]


def test_a_map_of_c3_does_not_change_with_a_map_of_s2_that_it_does_not_read() -> None:
    torch.manual_seed(0)
    layer, x = SparseConv2d(C3_TABLE, 5), torch.rand(1, 6, 14, 14)
    before = layer(x)
    for changed in range(6):
        other = x.clone()
        other[:, changed] += 1
        differs = [bool((layer(other)[:, k] != before[:, k]).any()) for k in range(16)]
        assert differs == [changed in reads for reads in C3_TABLE]


def test_the_sparse_convolution_is_a_full_one_with_zero_kernels() -> None:
    torch.manual_seed(0)
    sparse, full, x = SparseConv2d(C3_TABLE, 5), nn.Conv2d(6, 16, 5), torch.rand(2, 6, 14, 14)
    with torch.no_grad():
        full.weight.zero_()
        kernels = iter(sparse.weight)
        for row, reads in enumerate(C3_TABLE):
            for read in reads:
                full.weight[row, read] = next(kernels)
        full.bias.copy_(sparse.bias)
    assert torch.allclose(sparse(x), full(x), atol=1e-6)


def test_penalties_are_squared_distances_to_the_codes() -> None:
    layer = RadialBasis(torch.tensor([[1.0, 1.0], [-1.0, 1.0]]))
    assert layer(torch.tensor([[1.0, 1.0], [0.0, 0.0], [-1.0, 3.0]])).tolist() == [[0, 4], [2, 2], [8, 4]]


def test_scores_are_the_penalties_with_a_minus(net: LeNet5, images: torch.Tensor) -> None:
    assert torch.equal(net(images), -net.penalties(images))
    assert (net.penalties(images) >= 0).all()
    assert net.penalties(images).max() < 84 * 2.7159**2


def test_an_image_whose_f6_is_a_code_has_penalty_0_and_wins(net: LeNet5) -> None:
    codes = net.output.codes
    penalties = net.output(codes)
    assert torch.equal(penalties.diagonal(), torch.zeros(10))
    assert penalties.argmin(dim=1).tolist() == list(range(10))


def test_the_codes_are_ten_drawings_that_differ_in_at_least_13_of_84_pixels() -> None:
    assert {len(code) for code in DIGIT_CODES} == {84}
    assert {pixel for code in DIGIT_CODES for pixel in code} == {-1, 1}
    distances = [
        sum(a != b for a, b in zip(one, other, strict=True)) for one, other in itertools.combinations(DIGIT_CODES, 2)
    ]
    assert min(distances) == 13


def test_the_drawing_of_an_eight_is_that_of_a_zero_with_a_waist() -> None:
    zero, eight = (torch.tensor(DIGIT_CODES[digit]).reshape(12, 7) for digit in (0, 8))
    rows_that_differ = (zero != eight).any(dim=1).nonzero().flatten().tolist()
    assert rows_that_differ == [4, 5, 6]


def test_first_weights_stay_within_2_4_over_fan_in_and_fill_that_range(net: LeNet5) -> None:
    limits = {"c1": 2.4 / 25, "s2": 2.4 / 4, "s4": 2.4 / 4, "c5": 2.4 / 400, "f6": 2.4 / 120}
    for name, limit in limits.items():
        values = torch.cat([p.detach().flatten() for p in getattr(net, name).parameters()])
        assert values.abs().max() <= limit, name
        assert values.abs().max() > 0.7 * limit, name
    for row, reads in enumerate(C3_TABLE):
        largest = net.c3.weight[net.c3.places[0] == row].abs().max()
        assert 0.8 * 2.4 / (25 * len(reads)) < largest <= 2.4 / (25 * len(reads))
        assert net.c3.bias[row].abs() <= 2.4 / (25 * len(reads))


def test_first_weights_follow_the_seed() -> None:
    nets = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        nets.append(LeNet5())
    assert torch.equal(nets[0].c5.weight, nets[1].c5.weight)
    assert not torch.equal(nets[0].c5.weight, nets[2].c5.weight)


def test_paper_and_ink_enter_with_the_grey_levels_of_the_paper(net: LeNet5) -> None:
    seen = []
    net.c1.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    net(torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1).expand(2, 1, 32, 32))
    assert seen[0][0].unique().tolist() == pytest.approx([-0.1])
    assert seen[0][1].unique().tolist() == pytest.approx([1.175])


@pytest.mark.parametrize("make", [LeNet5, PlainLeNet], ids=["LeNet5", "PlainLeNet"])
def test_one_training_step_lowers_the_loss(make: type[nn.Module], images: torch.Tensor) -> None:
    torch.manual_seed(0)
    net, labels = make(), torch.tensor([3, 1, 4, 5])
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    losses = []
    for _ in range(2):
        loss = map_loss(net(images), labels)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[1] < losses[0]


def test_every_trained_number_gets_a_gradient(net: LeNet5, images: torch.Tensor) -> None:
    map_loss(net(images), torch.tensor([3, 1, 4, 5])).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in net.parameters())


def test_gradients_of_the_parts_agree_with_differences() -> None:
    torch.manual_seed(0)
    x = torch.rand(2, 6, 6, 6, dtype=torch.float64, requires_grad=True)
    parts = [ScaledTanh(), Subsample(6).double(), SparseConv2d(C3_TABLE[:4], 3).double()]
    codes = RadialBasis(torch.tensor(DIGIT_CODES, dtype=torch.float64)[:, :6])
    assert all(torch.autograd.gradcheck(part, (x,)) for part in parts)
    assert torch.autograd.gradcheck(codes, (x[:, :, 0, 0].detach().requires_grad_(),))
    scores = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: map_loss(s, torch.tensor([0, 3, 3])), (scores,))


def test_a_copy_gives_the_same_scores_and_is_independent(net: LeNet5, images: torch.Tensor) -> None:
    twin = copy.deepcopy(net)
    assert torch.equal(twin(images), net(images))
    with torch.no_grad():
        twin.c1.weight += 1
    assert not torch.equal(twin(images), net(images))


def test_weights_are_carried_over_by_a_state_dict(net: LeNet5, images: torch.Tensor) -> None:
    other = LeNet5()
    other.load_state_dict(net.state_dict())
    assert torch.equal(other(images), net(images))


def test_fewer_classes_take_the_first_codes() -> None:
    assert LeNet5(3)(torch.zeros(1, 1, 32, 32)).shape == (1, 3)
    assert torch.equal(LeNet5(3).output.codes, LeNet5().output.codes[:3])


@pytest.mark.parametrize("num_classes", [1, 11])
def test_lenet5_knows_2_to_10_classes(num_classes: int) -> None:
    with pytest.raises(ValueError, match=f"codes for 2 to 10 digits, got num_classes={num_classes}: use PlainLeNet"):
        LeNet5(num_classes)


def test_an_empty_batch_gives_an_empty_answer(net: LeNet5) -> None:
    assert net(torch.zeros(0, 1, 32, 32)).shape == (0, 10)
    assert PlainLeNet()(torch.zeros(0, 1, 32, 32)).shape == (0, 10)


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (torch.zeros(32, 32), ValueError, r"got \(32, 32\): .*reshape\(1, 1, 32, 32\)"),
        (torch.zeros(1, 32, 32), ValueError, r"got \(1, 32, 32\): .* batch of one"),
        (torch.zeros(2, 3, 32, 32), ValueError, r"got \(2, 3, 32, 32\): that is 3 channels, .* reads 1"),
        (torch.zeros(2, 1, 28, 28), ValueError, r"got \(2, 1, 28, 28\): pad or resize to 32×32"),
        (torch.zeros(2, 1, 32, 32, dtype=torch.uint8), TypeError, r"got torch.uint8: convert"),
        ([[0.0]], TypeError, r"floating-point tensor from 0 to 1, got list"),
    ],
)
@pytest.mark.parametrize("make", [LeNet5, PlainLeNet], ids=["LeNet5", "PlainLeNet"])
def test_wrong_input_is_named_before_any_layer_runs(make, x, error, words) -> None:
    net, ran = make(), []
    for layer in net.children():
        layer.register_forward_hook(lambda *_: ran.append(1))
    with pytest.raises(error, match=r"wanted images of shape \(B, 1, 32, 32\).*" + words):
        net(x)
    assert not ran


# The loss


def test_map_loss_worked_by_hand() -> None:
    scores = -torch.tensor([[1.0, 3.0], [2.0, 0.5]])  # penalties 1 3 and 2 0.5
    by_hand = [
        1 + math.log(math.exp(-4) + math.exp(-1) + math.exp(-3)),
        2 + math.log(math.exp(-4) + math.exp(-2) + math.exp(-0.5)),
    ]
    assert map_loss(scores, torch.tensor([0, 0]), rubbish=4).item() == pytest.approx(sum(by_hand) / 2, rel=1e-6)


def test_map_loss_without_rubbish_is_cross_entropy() -> None:
    scores, labels = torch.randn(8, 10, generator=torch.Generator().manual_seed(0)), torch.arange(8)
    expected = nn.functional.cross_entropy(scores, labels)
    assert torch.allclose(map_loss(scores, labels, rubbish=math.inf), expected)


def test_map_loss_leaves_a_class_in_peace_that_is_far_beyond_rubbish() -> None:
    scores = -torch.tensor([[5.0, 12.0, 40.0]])
    scores.requires_grad_()
    map_loss(scores, torch.tensor([0]), rubbish=10).backward()
    pull, near, far = scores.grad[0].tolist()
    assert pull < 0 < near
    assert abs(far) < 1e-10


def test_map_loss_pulls_a_true_class_that_already_wins_until_it_beats_rubbish() -> None:
    def pull(penalty: float) -> float:
        scores = -torch.tensor([[penalty, 200.0]])
        scores.requires_grad_()
        map_loss(scores, torch.tensor([0]), rubbish=10).backward()
        return scores.grad[0, 0].item()

    assert pull(30) == pytest.approx(-1)
    assert pull(1) == pytest.approx(0, abs=1e-3)


def test_map_loss_of_large_penalties_stays_finite() -> None:
    scores = torch.full((2, 10), -600.0)
    assert map_loss(scores, torch.tensor([0, 1])).item() == pytest.approx(590)


def test_map_loss_of_an_empty_batch_is_nan() -> None:
    assert map_loss(torch.zeros(0, 10), torch.zeros(0, dtype=torch.int64)).isnan()


@pytest.mark.parametrize("rubbish", [0, -1.0, math.nan])
def test_rubbish_is_larger_than_0(rubbish: float) -> None:
    with pytest.raises(ValueError, match=r"rubbish is a penalty larger than 0 .* got"):
        map_loss(torch.zeros(1, 10), torch.tensor([0]), rubbish=rubbish)


def test_scores_and_labels_belong_together() -> None:
    with pytest.raises(ValueError, match=r"scores \(B, K\) need labels \(B,\), got \(2, 10\) and \(3,\)"):
        map_loss(torch.zeros(2, 10), torch.zeros(3, dtype=torch.int64))


# The plain variant


@pytest.mark.parametrize(
    ("layer", "parameters"),
    [("c1", 156), ("s2", 0), ("c3", 2_416), ("s4", 0), ("c5", 48_120), ("f6", 10_164), ("output", 850)],
)
def test_each_layer_of_the_plain_variant_has_its_parameters(layer: str, parameters: int) -> None:
    assert count(getattr(PlainLeNet(), layer)) == parameters
    assert count(PlainLeNet()) == 61_706


def test_the_plain_variant_reads_colour_and_any_number_of_classes(images: torch.Tensor) -> None:
    net = PlainLeNet(num_classes=26, in_channels=3)
    assert net(images.expand(4, 3, 32, 32)).shape == (4, 26)
    assert count(net.c1) == 6 * (3 * 25 + 1)


def test_activation_and_pooling_of_the_plain_variant_can_be_those_of_1998(images: torch.Tensor) -> None:
    net = PlainLeNet(activation=ScaledTanh, pooling=nn.AvgPool2d)
    assert isinstance(net.activation, ScaledTanh)
    assert isinstance(net.s2, nn.AvgPool2d)
    assert isinstance(net.s4, nn.AvgPool2d)
    assert net(images).shape == (4, 10)


@pytest.mark.parametrize("arguments", [{"num_classes": 0}, {"in_channels": 0}])
def test_the_plain_variant_has_at_least_one_class_and_one_channel(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="are at least 1, got"):
        PlainLeNet(**arguments)
