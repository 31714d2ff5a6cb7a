"""A classifier as a fully convolutional net: dense layers become convolutions, a larger image gives a map of scores.

Sources: P. Sermanet et al., "OverFeat: integrated recognition, localization and detection using convolutional
networks", ICLR 2014, section 3.5; J. Long, E. Shelhamer, T. Darrell, "Fully convolutional networks for semantic
segmentation", CVPR 2015, section 3.1.

A dense layer behind maps of 7×7 cells weighs every cell of every map: that is a convolution with a 7×7 kernel, which on
such maps has one place to stand. On larger maps it has several, and each gives the scores of its own window of the
image. A dense layer behind that sees one cell at a time: a 1×1 convolution. The numbers are the same, in another shape.

What about the adaptive mean pool between them? At the size that the net was trained for it gives back what it gets, so
it is left out. On larger images it would shrink every map to 7×7 and the window of a score to "everything".

Two things agree less than one expects. The window of one score is larger than the image that the classifier was trained
on (VGG-16: 404 pixels, for images of 224), because the padding of each convolution was part of it; `input_window` says
how much of it was cut off. And a score inside a large map is not what the classifier says of a 224×224 piece of the
image: where the piece's edge met padding, the map sees the real neighbours.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from course_lib.arithmetic import Layer, conv_output_size, pool_output_size, receptive_field
from course_lib.models.alexnet import AlexNet, ResponseNorm, TwoTowerAlexNet
from course_lib.models.inputs import check_batch
from course_lib.models.vgg import VGG

__all__ = ["FullyConvolutional", "Window", "fully_convolutional", "input_window"]


@dataclass(frozen=True)
class Window:
    """The pixels that one output cell sees: ``image[..., top:bottom, left:right]``.

    Attributes
    ----------
    top, bottom, left, right : int
        First row and the row after the last one, first column and the column after the last one, in pixels.
    clipped_top, clipped_bottom, clipped_left, clipped_right : int
        Pixels of the whole receptive field that are cut off on each side, since they lie in the padding of the image or
        of a map on the way, at least 0. Window and clipped parts together are as large as the receptive field.
    """

    top: int
    bottom: int
    left: int
    right: int
    clipped_top: int
    clipped_bottom: int
    clipped_left: int
    clipped_right: int


class FullyConvolutional(nn.Module):
    """A net of convolutions from the image to the scores; `fully_convolutional` makes it from a classifier.

    Parameters
    ----------
    features, classifier : torch.nn.Sequential
        Convolutions, pools and what treats each position by itself.
    in_channels : int
        What the first layer reads.

    Attributes
    ----------
    min_size : int
        The smallest image in pixels, which gives one cell of scores.
    """

    def __init__(self, features: nn.Sequential, classifier: nn.Sequential, *, in_channels: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.features = features  #  VGG: (B, 3, 224, 320) → (B, 512, 7, 10)
        self.classifier = classifier  #                   → (B, num_classes, 1, 4)
        self.min_size = _smallest_input(_chain(self))

    def forward(self, x: Tensor) -> Tensor:
        """Give a map of scores: (B, in_channels, H, W), both at least `min_size` → (B, num_classes, rows, columns)."""
        check_batch(x, channels=self.in_channels, min_size=self.min_size)
        return self.classifier(self.features(x))


def fully_convolutional(net: AlexNet | TwoTowerAlexNet | VGG) -> FullyConvolutional:
    """Turn a classifier into a fully convolutional net with a copy of its weights.

    On an image of the size that the classifier was made for (224×224, `TwoTowerAlexNet` 227×227) both give the same
    scores. The new net has the classifier's names of layers; its ``classifier`` weights have two more axes.

    Parameters
    ----------
    net : AlexNet, TwoTowerAlexNet or VGG
        Stays as it is; the copy is in the same mode (training or evaluation), on the same device.

    Returns
    -------
    FullyConvolutional
        (B, in_channels, H, W) → (B, num_classes, rows, columns), one cell for each place where the first dense layer's
        kernel can stand.

    Raises
    ------
    TypeError
        If `net` is another net.

    References
    ----------
    Long, Shelhamer and Darrell 2015, section 3.1, figure 2.

    Examples
    --------
    >>> import torch
    >>> from course_lib.models.vgg import VGG
    >>> net = fully_convolutional(VGG(((4,), (8,)), num_classes=3, hidden_units=16)).eval()
    >>> net(torch.zeros(1, 3, 28, 28)).shape, net(torch.zeros(1, 3, 60, 40)).shape
    (torch.Size([1, 3, 1, 1]), torch.Size([1, 3, 9, 4]))
    """
    if not isinstance(net, AlexNet | TwoTowerAlexNet | VGG):
        raise TypeError(f"fully_convolutional knows AlexNet, TwoTowerAlexNet and VGG, got {type(net).__name__}")
    kernel_size: Any = net.avgpool.output_size  # the first dense layer reads maps of this size, the others one cell
    classifier = nn.Sequential()
    for layer in net.classifier:
        if isinstance(layer, nn.Linear):
            classifier.append(_as_convolution(layer, kernel_size))
            kernel_size = (1, 1)
        else:
            classifier.append(copy.deepcopy(layer))
    converted = FullyConvolutional(copy.deepcopy(net.features), classifier, in_channels=net.in_channels)
    return converted.train(net.training)


def input_window(
    net: FullyConvolutional | nn.Sequential, input_size: tuple[int, int], *, row: int, column: int
) -> Window:
    """Say which pixels of the image one cell of the output sees.

    Parameters
    ----------
    net : FullyConvolutional, or Sequential
        A chain of convolutions, pools and layers that treat each position by itself, such as the ``features`` of a net.
    input_size : (int, int)
        Height and width of the image in pixels.
    row, column : int
        The output cell, from 0.

    Returns
    -------
    Window
        From the first to the last pixel that the cell depends on. With a dilation, or a stride larger than the kernel,
        some between them are skipped.

    Raises
    ------
    ValueError
        If the output has no such cell, the image is too small, the cell sees padding alone, or a layer is something
        else (a dense layer, an adaptive pool: they see everything).
    TypeError
        If a number is not whole.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.MaxPool2d(2))
    >>> window = input_window(net, (8, 6), row=0, column=1)
    >>> window.top, window.bottom, window.clipped_top
    (0, 3, 1)
    >>> window.left, window.right, window.clipped_left
    (1, 5, 0)
    """
    chain = _chain(net)
    height, width = input_size
    rows = _span(chain, height, row, axis=0, name="row")
    columns = _span(chain, width, column, axis=1, name="column")
    return Window(
        top=rows.first,
        bottom=rows.last + 1,
        left=columns.first,
        right=columns.last + 1,
        clipped_top=rows.clipped_before,
        clipped_bottom=rows.clipped_after,
        clipped_left=columns.clipped_before,
        clipped_right=columns.clipped_after,
    )


@dataclass(frozen=True)
class _Span:
    """What a cell sees along one axis: pixels `first` to `last`, both included."""

    first: int
    last: int
    clipped_before: int
    clipped_after: int


_EACH_POSITION = (
    nn.Identity,
    nn.ReLU,
    nn.Sigmoid,
    nn.Tanh,
    nn.Dropout,
    nn.Dropout2d,
    nn.BatchNorm2d,
    nn.LocalResponseNorm,
    ResponseNorm,
)


def _as_convolution(dense: nn.Linear, kernel_size: tuple[int, int]) -> nn.Conv2d:
    """Give the convolution whose kernel, where it has one place to stand, is the dense layer."""
    rows, columns = kernel_size
    maps = dense.in_features // (rows * columns)
    conv = nn.Conv2d(maps, dense.out_features, kernel_size, device="meta")  # no first weights: they are replaced
    weight = dense.weight.detach().clone().reshape(conv.weight.shape)  # flatten ran over maps, then rows, then columns
    conv.weight = nn.Parameter(weight, requires_grad=dense.weight.requires_grad)
    conv.bias = nn.Parameter(dense.bias.detach().clone(), requires_grad=dense.bias.requires_grad)
    return conv


def _chain(module: nn.Module) -> list[Any]:
    """Give the convolutions and pools in the order of their calls."""
    if isinstance(module, FullyConvolutional):
        return [*_chain(module.features), *_chain(module.classifier)]
    if isinstance(module, nn.Sequential):
        return [layer for child in module for layer in _chain(child)]
    if isinstance(module, nn.Conv2d) and (isinstance(module.padding, str) or module.padding_mode != "zeros"):
        raise ValueError(f"a window needs convolutions padded with zeros, by a number of pixels, got {module}")
    if isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
        return [module]
    if isinstance(module, _EACH_POSITION):
        return []
    raise ValueError(f"a window needs a chain of convolutions and pools, got a layer of another kind: {module}")


def _span(chain: Sequence[Any], input_size: int, cell: int, *, axis: int, name: str) -> _Span:
    """Follow one cell back, layer by layer, to all cells that it reads; what would lie outside a map is padding."""
    layers, sizes = [_layer(module, axis) for module in chain], [input_size]
    for module, layer in zip(chain, layers, strict=True):
        sizes.append(_output_size(module, layer, sizes[-1]))
    if cell not in range(sizes[-1]):
        raise ValueError(f"an input of {input_size} pixels has the output {name}s 0 to {sizes[-1] - 1}, got {cell}")
    seen = {cell}
    for layer, size in zip(reversed(layers), reversed(sizes[:-1]), strict=True):
        starts = {number * layer.stride - layer.padding for number in seen}
        seen = {start + step * layer.dilation for start in starts for step in range(layer.kernel_size)} & set(
            range(size)
        )
    if not seen:
        raise ValueError(f"output {name} {cell} sees nothing but padding: the padding is larger than the kernel")
    field = receptive_field(layers)
    first = round(field.start + cell * field.jump - (field.size - 1) / 2)  # of the whole field, perhaps below 0
    last = first + field.size - 1
    return _Span(min(seen), max(seen), clipped_before=min(seen) - first, clipped_after=last - max(seen))


def _smallest_input(chain: Sequence[Any]) -> int:
    """Go from one cell of the output back to the image."""
    cells = 1
    for layer in reversed([_layer(module, axis=0) for module in chain]):
        reach = layer.dilation * (layer.kernel_size - 1)
        cells = max(1, (cells - 1) * layer.stride + reach + 1 - 2 * layer.padding)
    return cells


def _layer(module: Any, axis: int) -> Layer:
    numbers = (module.kernel_size, module.stride, module.padding, getattr(module, "dilation", 1))
    return Layer(*(number[axis] if isinstance(number, tuple) else number for number in numbers))


def _output_size(module: Any, layer: Layer, input_size: int) -> int:
    numbers = {"stride": layer.stride, "padding": layer.padding, "dilation": layer.dilation}
    if isinstance(module, nn.Conv2d):
        return conv_output_size(input_size, layer.kernel_size, **numbers)
    return pool_output_size(input_size, layer.kernel_size, **numbers, ceil_mode=module.ceil_mode)
