"""All nets of the lectures for ImageNet's images in one table, beside the accuracies that others report for them.

Source of the accuracies: top-1, one central crop, of the first weights that torchvision 0.28 publishes (see
the documentation of each net). They are quoted, not measured here; nets for which nobody publishes weights have none.
Each is of one training by one recipe, so differences below a point or so say nothing about an architecture.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from course_lib.models.alexnet import TwoTowerAlexNet, alexnet
from course_lib.models.densenet import densenet121, densenet161, densenet169, densenet201
from course_lib.models.googlenet import googlenet, googlenet_paper
from course_lib.models.inception import inception_v3
from course_lib.models.nin import nin_imagenet
from course_lib.models.resnet import resnet18, resnet34, resnet50, resnet101, resnet152
from course_lib.models.vgg import vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn

__all__ = ["ZOO", "ZooNet", "build_quickly"]


@dataclass(frozen=True)
class ZooNet:
    """One net of the zoo.

    Attributes
    ----------
    name, family : str
    make : callable
        Builds it for 1,000 classes, without auxiliary heads.
    reported_top1 : float or None
        Accuracy in per cent that torchvision reports for its published weights; None where there are none.
    size_pixels : int
        Height and width of the images that it was made for.
    """

    name: str
    family: str
    make: Callable[[], nn.Module]
    reported_top1: float | None
    size_pixels: int = 224


ZOO = (
    ZooNet("AlexNet", "AlexNet", alexnet, 56.522),
    ZooNet("AlexNet, two towers", "AlexNet", TwoTowerAlexNet, None, 227),
    ZooNet("VGG-11", "VGG", vgg11, 69.020),
    ZooNet("VGG-13", "VGG", vgg13, 69.928),
    ZooNet("VGG-16", "VGG", vgg16, 71.592),
    ZooNet("VGG-19", "VGG", vgg19, 72.376),
    ZooNet("VGG-11 bn", "VGG", vgg11_bn, 70.370),
    ZooNet("VGG-13 bn", "VGG", vgg13_bn, 71.586),
    ZooNet("VGG-16 bn", "VGG", vgg16_bn, 73.360),
    ZooNet("VGG-19 bn", "VGG", vgg19_bn, 74.218),
    ZooNet("GoogLeNet", "Inception", partial(googlenet, aux=False), 69.778),
    ZooNet("GoogLeNet, paper", "Inception", partial(googlenet_paper, aux=False), None),
    ZooNet("Inception v3", "Inception", partial(inception_v3, aux=False), 77.294, 299),
    ZooNet("ResNet-18", "ResNet", resnet18, 69.758),
    ZooNet("ResNet-34", "ResNet", resnet34, 73.314),
    ZooNet("ResNet-50", "ResNet", resnet50, 76.130),
    ZooNet("ResNet-101", "ResNet", resnet101, 77.374),
    ZooNet("ResNet-152", "ResNet", resnet152, 78.312),
    ZooNet("DenseNet-121", "DenseNet", densenet121, 74.434),
    ZooNet("DenseNet-169", "DenseNet", densenet169, 75.600),
    ZooNet("DenseNet-201", "DenseNet", densenet201, 76.896),
    ZooNet("DenseNet-161", "DenseNet", densenet161, 77.138),
    ZooNet("NiN", "NiN", nin_imagenet, None),
)


def build_quickly(make: Callable[[], nn.Module]) -> nn.Module:
    """Build a net in evaluation mode whose weights are all one small number: enough to take its time.

    Drawing 140 million random numbers takes longer than the answer to an image, and how long an answer takes does not
    depend on the numbers (only on there being no denormal ones).

    Parameters
    ----------
    make : callable
        Builds the net.

    Returns
    -------
    nn.Module

    Examples
    --------
    >>> build_quickly(lambda: nn.Linear(2, 1)).weight.tolist()
    [[0.0010000000474974513, 0.0010000000474974513]]
    """
    with torch.device("meta"):  # sizes only
        net = make()
    net = net.to_empty(device="cpu").eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(0.001)
        for buffer in net.buffers():
            buffer.fill_(1)
    return net
