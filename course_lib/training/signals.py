"""How large the signal and the gradient of a net are, layer by layer: measured first when a net will not learn.

Follows K. He et al., "Deep residual learning for image recognition", CVPR 2016, section 4.1, where the authors say of
their plain nets that signals do not vanish on the way forward, nor gradients on the way back.
"""

import copy
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

__all__ = ["Signals", "measure_signals", "without_batch_norm"]


@dataclass(frozen=True, eq=False)
class Signals:
    """What the L convolutions of a net receive, in the order in which they are applied.

    Parameters
    ----------
    signal : (L,) float64 array
        Root of the mean square of the layer's input.
    gradient : (L,) float64 array
        Length of the gradient of the loss by the layer's weights.
    loss : float
        Cross entropy of the batch.
    """

    signal: NDArray[np.float64]
    gradient: NDArray[np.float64]
    loss: float


def measure_signals(net: nn.Module, images: Tensor, labels: Tensor) -> Signals:
    """Send one batch forward and its loss back, in training mode; the net stays as it is.

    Parameters
    ----------
    net : nn.Module
        With convolutions, each used once; gives scores (B, K).
    images : (B, C, H, W) tensor
    labels : (B,) int64 tensor

    Returns
    -------
    Signals

    Raises
    ------
    ValueError
        If the net has no convolution.

    Examples
    --------
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.Flatten())
    >>> measure_signals(net, torch.full((4, 1, 1, 1), 3.0), torch.tensor([0, 0, 1, 1])).signal
    array([3.])
    """
    signal: list[float] = []
    met: list[nn.Conv2d] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, nn.Conv2d)
        signal.append(inputs[0].detach().square().mean().sqrt().item())
        met.append(layer)

    # Batch normalisation learns its running means just by looking: copies of them learn, and are thrown away.
    buffers = {name: buffer.clone() for name, buffer in net.named_buffers()}
    with ExitStack() as undo, torch.enable_grad():
        for module in net.modules():
            undo.callback(setattr, module, "training", module.training)
            if isinstance(module, nn.Conv2d):
                undo.callback(module.register_forward_pre_hook(note).remove)
        loss = nn.functional.cross_entropy(functional_call(net.train(), buffers, images), labels)
        if not met:
            raise ValueError(f"wanted a net with convolutions, got {type(net).__name__} without any")
        gradients = torch.autograd.grad(loss, [layer.weight for layer in met])
    return Signals(np.array(signal), np.array([each.norm().item() for each in gradients]), loss.item())


def without_batch_norm(net: nn.Module) -> nn.Module:
    """Copy a net and leave its batch normalisations out.

    Parameters
    ----------
    net : nn.Module
        Stays as it is.

    Returns
    -------
    nn.Module
        With an identity in place of each `BatchNorm2d`; all other weights are the same.

    Examples
    --------
    >>> without_batch_norm(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)))[1]
    Identity()
    """
    # What a copier believes to have copied already, it takes as it is.
    return copy.deepcopy(net, {id(each): nn.Identity() for each in net.modules() if isinstance(each, nn.BatchNorm2d)})
