"""Run by test_peers.py where torchvision can be imported: prints what its nets and ours give for the same weights."""

import json
import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

IMAGES = (2, 3, 80, 96)  # larger than the minimum of every net, and not square


def import_torchvision():
    """Import the published wheel beside a torch that it was not built for.

    It misses two operators then, which no classifier uses: declared, they can be looked up.
    """
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision

    torchvision.declared = library  # as long as the module lives, so do the two declarations
    return torchvision


def ours() -> dict[str, Callable[..., nn.Module]]:
    """Give the published nets of this library by their names."""
    from course_lib.models import alexnet, densenet, googlenet, inception, resnet, vgg
    from course_lib.models.weights import PUBLISHED

    families = (densenet, googlenet, inception, resnet, vgg)
    named = {name: make for family in families for name, make in vars(family).items() if name in PUBLISHED}
    return {"alexnet": alexnet.AlexNet} | named


def random_numbers(net: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Give each tensor of a net numbers that keep its signals in range: random running statistics too."""
    generator = torch.Generator().manual_seed(0)
    pool = torch.randn(1_000_003, generator=generator)  # over and over where a layer has more: quicker than new ones
    for number, (name, value) in enumerate(net.state_dict().items()):
        kind = name.rpartition(".")[2]
        if kind == "num_batches_tracked":
            yield name, torch.tensor(3)
        elif value.ndim > 1:
            repeated = pool.roll(997 * number).repeat(value.numel() // len(pool) + 1)[: value.numel()]
            yield name, repeated.view(value.shape) * math.sqrt(2 / value[0].numel())
        elif kind in ("weight", "running_var"):
            yield name, torch.rand(value.shape, generator=generator) + 0.5
        else:
            yield name, torch.rand(value.shape, generator=generator) - 0.5


def compare(name: str, our_net: nn.Module, their_net: nn.Module) -> dict[str, object]:
    """Load the same numbers, taken from our state dict, strictly into both; compare their scores of the same images."""
    numbers = dict(random_numbers(our_net))
    their_order = list(their_net.state_dict())
    for net in (our_net, their_net):
        net.load_state_dict(numbers, strict=True, assign=True)
        net.eval()
    images = torch.randn(IMAGES, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        scores, wanted = our_net(images), their_net(images)
    difference = ((scores - wanted).abs().max() / wanted.abs().max()).item()
    return {"name": name, "same_order": list(numbers) == their_order, "difference": difference}


def main() -> None:
    torch.set_num_threads(1)
    theirs = import_torchvision().models
    for name, make in ours().items():
        heads = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        with torch.device("meta"):
            nets = make(), getattr(theirs, name)(**heads)
        weights = theirs.get_model_weights(name).IMAGENET1K_V1
        scaling = weights.transforms()
        published = {"url": weights.url, "mean": scaling.mean, "std": scaling.std, "size_pixels": scaling.crop_size[0]}
        print(json.dumps(compare(name, *nets) | published), flush=True)


if __name__ == "__main__":
    main()
