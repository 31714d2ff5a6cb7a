"""Sizes asked of torch itself, receptive fields found by gradients, counts worked by hand."""

from collections.abc import Callable, Iterator
from itertools import product

import pytest
import torch
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from torch import nn

from course_lib.arithmetic import (
    Layer,
    ReceptiveField,
    conv_macs,
    conv_output_size,
    conv_parameters,
    linear_parameters,
    pool_output_size,
    receptive_field,
    transposed_output_size,
)

LENGTHS, KERNELS, STRIDES, PADDINGS, DILATIONS = range(1, 41), range(1, 12), range(1, 5), range(6), range(1, 4)
SIGNALS = {length: torch.zeros(1, 1, length) for length in LENGTHS}
WEIGHTS = {size: torch.zeros(1, 1, size) for size in KERNELS}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tensors of 40 numbers are slower with several threads, and much slower beside other tests."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def assert_sizes_are_those_of_torch(layer: Callable[[torch.Tensor], torch.Tensor], ours: Callable) -> int:
    """Run a layer of torch on every length; our sizes must be the same, and ours must refuse what torch refuses."""
    accepted = {}
    for length in LENGTHS:
        try:
            accepted[length] = layer(SIGNALS[length]).shape[-1]
        except RuntimeError:
            with pytest.raises(ValueError, match=r"\w+"):
                ours(length)
    if accepted:
        assert ours(tuple(accepted)) == tuple(accepted.values())
    return len(accepted)


def test_convolution_sizes_are_those_of_torch() -> None:
    accepted = 0
    for k, s, p, d in product(KERNELS, STRIDES, PADDINGS, DILATIONS):
        accepted += assert_sizes_are_those_of_torch(
            lambda x, k=k, s=s, p=p, d=d: torch.conv1d(x, WEIGHTS[k], None, s, p, d),
            lambda n, k=k, s=s, p=p, d=d: conv_output_size(n, k, stride=s, padding=p, dilation=d),
        )
    assert accepted == 31_680 - 4_952, "a check that compares nothing would pass too"


# Why the warning is let through: torch copies the input where "same" needs one more cell on one side; sizes are right.
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_named_paddings_give_the_sizes_of_torch(padding: str) -> None:
    for k, d in product(KERNELS, DILATIONS):
        assert_sizes_are_those_of_torch(
            lambda x, k=k, d=d: torch.conv1d(x, WEIGHTS[k], None, 1, padding, d),
            lambda n, k=k, d=d: conv_output_size(n, k, padding=padding, dilation=d),
        )


def test_transposed_convolution_sizes_are_those_of_torch() -> None:
    accepted = 0
    for k, s, p, d in product(KERNELS, STRIDES, PADDINGS, DILATIONS):
        for extra in range(max(s, d)):
            accepted += assert_sizes_are_those_of_torch(
                lambda x, k=k, s=s, p=p, d=d, e=extra: torch.conv_transpose1d(x, WEIGHTS[k], None, s, p, e, 1, d),
                lambda n, k=k, s=s, p=p, d=d, e=extra: transposed_output_size(
                    n, k, stride=s, padding=p, output_padding=e, dilation=d
                ),
            )
    assert accepted == 89_760 - 1_136


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_max_pool_sizes_are_those_of_torch(ceil_mode: bool) -> None:
    accepted = 0
    for k, s, p, d in product(KERNELS, STRIDES, PADDINGS, DILATIONS):
        accepted += assert_sizes_are_those_of_torch(
            lambda x, k=k, s=s, p=p, d=d: torch.max_pool1d(x, k, s, p, d, ceil_mode),
            lambda n, k=k, s=s, p=p, d=d: pool_output_size(n, k, stride=s, padding=p, dilation=d, ceil_mode=ceil_mode),
        )
    assert accepted > 12_000


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_average_pool_sizes_are_those_of_torch(ceil_mode: bool) -> None:
    accepted = 0
    for k, s, p in product(KERNELS, STRIDES, PADDINGS):
        accepted += assert_sizes_are_those_of_torch(
            lambda x, k=k, s=s, p=p: nn.functional.avg_pool1d(x, k, s, p, ceil_mode),
            lambda n, k=k, s=s, p=p: pool_output_size(n, k, stride=s, padding=p, ceil_mode=ceil_mode),
        )
    assert accepted > 5_000


@pytest.mark.parametrize(("stride", "dilation"), list(product(STRIDES, DILATIONS)))
def test_output_padding_as_large_as_stride_and_dilation_is_refused_here_and_in_torch(
    stride: int, dilation: int
) -> None:
    extra = max(stride, dilation)
    with pytest.raises(RuntimeError, match="output padding must be smaller"):
        torch.conv_transpose1d(SIGNALS[5], WEIGHTS[3], None, stride, 0, extra, 1, dilation)
    with pytest.raises(ValueError, match=f"output_padding must be smaller .* at most {extra - 1} .* got {extra}"):
        transposed_output_size(5, 3, stride=stride, output_padding=extra, dilation=dilation)


def test_each_axis_has_its_own_numbers_as_in_torch() -> None:
    image, volume = torch.zeros(2, 3, 21, 34), torch.zeros(1, 2, 9, 10, 11)
    conv = nn.Conv2d(3, 4, (3, 5), stride=(1, 2), padding=(0, 3), dilation=(2, 1))
    pool = nn.MaxPool2d((2, 3), stride=None, padding=(1, 0), ceil_mode=True)
    transposed = nn.ConvTranspose3d(2, 1, (1, 2, 3), stride=(1, 2, 3), output_padding=(0, 1, 2))
    assert conv_output_size((21, 34), (3, 5), stride=(1, 2), padding=(0, 3), dilation=(2, 1)) == conv(image).shape[2:]
    assert pool_output_size((21, 34), (2, 3), padding=(1, 0), ceil_mode=True) == pool(image).shape[2:]
    assert (
        transposed_output_size((9, 10, 11), (1, 2, 3), stride=(1, 2, 3), output_padding=(0, 1, 2))
        == transposed(volume).shape[2:]
    )


def test_the_answer_has_the_form_of_the_input_size() -> None:
    assert conv_output_size(32, 5) == 28
    assert conv_output_size((32,), 5) == (28,)
    assert conv_output_size(torch.zeros(1, 1, 32, 16).shape[2:], 5) == (28, 12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: conv_output_size(4, 3, dilation=2),
            r"spans 5 cells \(kernel_size=3, dilation=2\).*padded input has 4",
        ),
        (lambda: conv_output_size(2, 7, padding=1), r"spans 7 cells.* has 4 \(2 and 1 on each side\).*more padding"),
        (lambda: conv_output_size(8, 3, padding="same", stride=2), r'"same" needs stride=1, got stride=2'),
        (
            lambda: conv_output_size(8, 3, padding="full"),
            'padding needs a whole number, "same" or "valid", got \'full\'',
        ),
        (lambda: conv_output_size(0, 3), "input_size must be at least 1, got 0"),
        (lambda: conv_output_size(8, 0), "kernel_size must be at least 1, got 0"),
        (lambda: conv_output_size(8, 3, stride=0), "stride must be at least 1, got 0"),
        (lambda: conv_output_size(8, 3, padding=-1), "padding must be at least 0, got -1"),
        (lambda: conv_output_size(8, 3, dilation=0), "dilation must be at least 1, got 0"),
        (
            lambda: conv_output_size((8, 8), (3, 3, 3)),
            r"kernel_size needs one number, or .* \(axes: 2\), got \(3, 3, 3\)",
        ),
        (lambda: conv_output_size(8, (3, 3)), r"kernel_size needs one number, or .* \(axes: 1\), got \(3, 3\)"),
        (lambda: conv_output_size((), 3), r"input_size needs one number, or .*, got \(\)"),
        (lambda: pool_output_size(8, 3, padding=2), "at most half of kernel_size=3, so at most 1, got 2"),
        (lambda: pool_output_size(2, 3), "no window fits: it spans 3 cells .* padded input has 2"),
        (lambda: pool_output_size(2, 2, dilation=3), "no window fits: it spans 4 cells .*dilation=3"),
        (lambda: transposed_output_size(1, 2, padding=1), "takes 2 cells away but the layer makes only 2: .*at most 0"),
        (lambda: transposed_output_size(5, 3, output_padding=-1), "output_padding must be at least 0, got -1"),
        (lambda: Layer(3, stride=0), "stride must be at least 1, got 0"),
        (lambda: conv_parameters(4, 6, 3, groups=4), "groups must divide .*, got groups=4 for 4 and 6"),
        (lambda: conv_parameters(4, 6, 3, dims=0), "dims must be at least 1, got 0"),
        (lambda: conv_macs(4, 6, (3, 3), (8, 8, 8)), r"kernel_size needs one number.*\(axes: 3\), got \(3, 3\)"),
        (lambda: linear_parameters(0, 3), "in_features must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: conv_output_size(32 / 2, 3), "input_size needs a whole number, got 16.0"),
        (lambda: pool_output_size((8, 8), 2, stride=(2, 1.5)), "stride needs a whole number, got 1.5"),
        (lambda: transposed_output_size(8, 3, padding="same"), "padding needs a whole number, got 'same'"),
        (lambda: conv_output_size((8, 8), 3, padding=("same", 0)), "padding needs a whole number, got 'same'"),
        (lambda: Layer((3, 3)), r"kernel_size needs a whole number, got \(3, 3\)"),
        (lambda: receptive_field([3, 3]), r"receptive_field needs Layer\(.*\) for each layer, got 3"),
        (lambda: conv_parameters(3.0, 4, 5), "in_channels needs a whole number, got 3.0"),
    ],
)
def test_what_is_no_whole_number_is_refused_by_name(call: Callable[[], object], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        call()


def test_output_sizes_of_the_lecture() -> None:
    assert conv_output_size(5, 3) == 3
    assert conv_output_size(5, 4, padding=2) == 6
    assert conv_output_size(5, 3, padding=1, stride=2) == 3
    assert conv_output_size((5, 5), 3, stride=(1, 2), padding=(0, 1)) == (3, 3)


def test_four_filters_on_colour_have_300_weights() -> None:
    assert conv_parameters(3, 4, 5, bias=False) == 300
    assert conv_parameters(3, 4, 5) == 304


def test_small_kernels_see_as_much_with_fewer_parameters() -> None:
    assert receptive_field([Layer(3)] * 3) == receptive_field([Layer(7)]) == ReceptiveField(7, 1, 3.0)
    three_small, one_large = 3 * conv_parameters(64, 64, 3, bias=False), conv_parameters(64, 64, 7, bias=False)
    assert (three_small, one_large) == (110_592, 200_704)


def test_a_stride_stretches_the_layers_after_it_and_not_its_own() -> None:
    assert receptive_field([Layer(3, stride=2), Layer(3), Layer(3)]).size == 11


def test_no_layer_sees_the_pixel_itself() -> None:
    assert receptive_field([]) == ReceptiveField(size=1, jump=1, start=0.0)


def test_pooling_steps_by_its_own_size_unless_told_otherwise() -> None:
    assert pool_output_size(28, 2) == pool_output_size(28, 2, stride=2) == 14
    assert pool_output_size(28, 2, stride=1) == 27


def test_the_upsampled_map_of_the_slide_is_6_wide_and_holds_two_and_a_half_where_3_5_is_printed() -> None:
    kernel = torch.tensor([[0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]])
    image = torch.tensor([[5.0, 3.0, 1.0], [0.0, 2.0, 4.0], [4.0, 3.0, 5.0]])
    made = torch.conv_transpose2d(image[None, None], kernel[None, None], None, 2, 1, 1)[0, 0]
    assert transposed_output_size((3, 3), 3, stride=2, padding=1, output_padding=1) == made.shape == (6, 6)
    assert made[0].tolist() == [5.0, 4.0, 3.0, 2.0, 1.0, 0.5]
    assert made[1, 2] == 2.5


def test_a_transposed_convolution_does_not_simply_double() -> None:
    assert transposed_output_size(14, 3, stride=2, padding=1) == 27


def test_lenet_shrinks_from_32_to_1_and_its_plain_layers_count_as_in_the_paper() -> None:
    size, sizes = 32, []
    for layer in (conv_output_size, pool_output_size) * 2 + (conv_output_size,):
        size = layer(size, 5 if layer is conv_output_size else 2)
        sizes.append(size)
    assert sizes == [28, 14, 10, 5, 1]
    assert conv_parameters(1, 6, 5) == 156
    assert conv_parameters(16, 120, 5) == linear_parameters(400, 120) == 48_120
    assert linear_parameters(120, 84) == 10_164
    # C3 by its table: 6 maps that see 3 inputs, 9 that see 4, 1 that sees 6
    assert 6 * conv_parameters(3, 1, 5) + 9 * conv_parameters(4, 1, 5) + conv_parameters(6, 1, 5) == 1_516


def test_lenet_fields_grow_until_one_cell_sees_the_whole_image() -> None:
    chain = [Layer(5), Layer(2, stride=2), Layer(5), Layer(2, stride=2), Layer(5)]
    fields = [receptive_field(chain[: depth + 1]) for depth in range(5)]
    assert [field.size for field in fields] == [5, 6, 14, 16, 32]
    assert [field.jump for field in fields] == [1, 2, 2, 4, 4]
    assert fields[-1].start == 15.5, "the middle of 32 pixels"


def test_counts_are_those_of_the_layers_of_torch() -> None:
    for layer, count in (
        (nn.Conv2d(64, 128, 3), conv_parameters(64, 128, 3)),
        (nn.Conv2d(96, 256, 5, groups=2), conv_parameters(96, 256, 5, groups=2)),
        (nn.Conv1d(4, 6, 7, groups=2, bias=False), conv_parameters(4, 6, 7, groups=2, bias=False, dims=1)),
        (nn.Conv3d(2, 3, (1, 2, 3)), conv_parameters(2, 3, (1, 2, 3))),
        (nn.ConvTranspose2d(3, 8, 5), conv_parameters(3, 8, 5)),
        (nn.Linear(7, 5, bias=False), linear_parameters(7, 5, bias=False)),
    ):
        assert sum(p.numel() for p in layer.parameters()) == count, layer


def test_operations_are_weights_times_positions() -> None:
    assert conv_macs(1, 6, 5, (28, 28)) == 150 * 784
    assert conv_macs(4, 8, 3, 10, groups=2) == 8 * 2 * 9 * 100, "one number stands for two equal axes"
    assert conv_macs(4, 8, 3, (10,), groups=2) == 8 * 2 * 3 * 10
    assert conv_macs(1, 1, (1, 2, 3), 4) == conv_macs(1, 1, (1, 2, 3), (4, 4, 4)) == 6 * 64


def test_a_bottleneck_of_1_by_1_saves_the_work_of_the_lecture() -> None:
    direct = conv_macs(480, 48, 5, 14)
    bottleneck = conv_macs(480, 16, 1, 14) + conv_macs(16, 48, 5, 14)
    assert (round(direct / 1e6, 1), round(bottleneck / 1e6, 1)) == (112.9, 5.3)


layers = st.builds(Layer, st.integers(1, 5), st.integers(1, 3), st.integers(0, 2), st.integers(1, 3))


@given(st.integers(1, 200), layers)
def test_a_transposed_convolution_goes_back_to_the_size_that_a_convolution_came_from(size: int, layer: Layer) -> None:
    remainder = (size + 2 * layer.padding - layer.dilation * (layer.kernel_size - 1) - 1) % layer.stride
    numbers = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    try:
        smaller = conv_output_size(size, layer.kernel_size, **numbers)
    except ValueError:
        reject()
    assert transposed_output_size(smaller, layer.kernel_size, output_padding=remainder, **numbers) == size


@given(st.integers(1, 200), st.integers(1, 9), st.integers(1, 4), st.data())
def test_rounding_up_adds_at_most_one_window(size: int, kernel: int, stride: int, data: st.DataObject) -> None:
    padding = data.draw(st.integers(0, kernel // 2))
    try:
        down = pool_output_size(size, kernel, stride=stride, padding=padding)
    except ValueError:
        reject()
    assert pool_output_size(size, kernel, stride=stride, padding=padding, ceil_mode=True) - down in (0, 1)


@given(st.lists(layers, min_size=1, max_size=4), st.lists(layers, max_size=3))
def test_fields_of_two_stacks_join_like_two_layers(first: list[Layer], second: list[Layer]) -> None:
    one, two, both = receptive_field(first), receptive_field(second), receptive_field(first + second)
    assert both == ReceptiveField(
        size=one.size + (two.size - 1) * one.jump, jump=one.jump * two.jump, start=one.start + two.start * one.jump
    )


def pixels_seen(layers: list[Layer], length: int, cell: int) -> tuple[int, int]:
    """First and last input pixel with a gradient from one output cell, through a stack of torch's own layers."""
    signal = torch.ones(1, 1, length, dtype=torch.float64, requires_grad=True)
    value = signal
    for layer in layers:
        ones = torch.ones(1, 1, layer.kernel_size, dtype=torch.float64)
        value = torch.conv1d(value, ones, None, layer.stride, layer.padding, layer.dilation)
    (gradient,) = torch.autograd.grad(value[0, 0, cell], signal)
    seen = gradient[0, 0].nonzero().flatten()
    return int(seen[0]), int(seen[-1])


@settings(deadline=None, max_examples=60)
@given(st.lists(layers, min_size=1, max_size=4))
def test_size_jump_and_start_are_those_that_gradients_show(layers: list[Layer]) -> None:
    field = receptive_field(layers)
    # A cell whose field no padding touches in any layer: far enough from the near edge, the input long enough.
    cell = -(-(field.size + sum(layer.padding for layer in layers) * field.jump) // field.jump)
    length = 2 * (field.size + (cell + 2) * field.jump)
    first, last = pixels_seen(layers, length, cell)
    assert last - first + 1 == field.size
    assert (first + last) / 2 == field.start + cell * field.jump
    assert pixels_seen(layers, length, cell + 1) == (first + field.jump, last + field.jump)
