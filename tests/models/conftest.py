"""What every net of the zoo must do, written once: learn, be right in its gradients, travel, refuse, be counted."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from course_lib.summary import summarize

Loss = Callable[[Any], Tensor]


@pytest.fixture
def assert_learns() -> Callable[..., None]:
    """One step of gradient descent on a fixed batch lowers the loss, and every trained number has a gradient."""

    def check(net: nn.Module, x: Tensor, loss_of: Loss, *, fraction: float = 0.02) -> None:
        def loss() -> Tensor:
            torch.manual_seed(0)  # the same numbers drop out before and after the step
            return loss_of(net(x))

        net.train()
        before = loss()
        before.backward()
        missing = [name for name, p in net.named_parameters() if p.requires_grad and p.grad is None]
        assert not missing, f"no gradient reaches {missing}"
        steepness = sum(p.grad.double().square().sum().item() for p in net.parameters() if p.grad is not None)
        assert steepness > 0
        with torch.no_grad():  # a step so long that a straight slope would take off the given fraction of the loss
            for parameter in net.parameters():
                if parameter.grad is not None:
                    parameter -= fraction * before.item() / steepness * parameter.grad
            assert loss() < before

    return check


@pytest.fixture
def assert_gradients_are_right() -> Callable[[nn.Module, Tensor], None]:
    """In float64, the gradients by the input and by each parameter agree with differences."""

    def check(net: nn.Module, x: Tensor) -> None:
        net = net.double().eval()
        names = [name for name, _ in net.named_parameters()]

        def run(x: Tensor, *values: Tensor) -> Tensor:
            return torch.func.functional_call(net, dict(zip(names, values, strict=True)), x)

        values = [p.detach().clone().requires_grad_() for p in net.parameters()]
        x = x.double().requires_grad_()
        assert torch.autograd.gradcheck(run, (x, *values), fast_mode=True, atol=1e-6)

    return check


@pytest.fixture
def assert_travels() -> Callable[[nn.Module, Tensor], None]:
    """A deep copy, a compiled net and an exported net give what the net itself gives."""

    def check(net: nn.Module, x: Tensor) -> None:
        net.eval()
        with torch.no_grad():
            wanted = net(x)
            twin = copy.deepcopy(net)
            assert torch.equal(twin(x), wanted)
            for parameter in twin.parameters():
                parameter.zero_()
            assert torch.equal(net(x), wanted), "the copy shares its weights with the net"
            torch.compiler.reset()
            compiled = torch.compile(net, backend="aot_eager", fullgraph=True)
            torch.testing.assert_close(compiled(x), wanted, rtol=1e-4, atol=1e-5)
            exported = torch.export.export(net, (x,))
            torch.testing.assert_close(exported.module()(x), wanted, rtol=1e-4, atol=1e-5)

    return check


@pytest.fixture
def assert_refuses() -> Callable[..., None]:
    """Input that does not fit raises, with these words, before any layer runs."""

    def check(net: nn.Module, x: Any, words: str, error: type[Exception] = ValueError) -> None:
        ran: list[str] = []
        hooks = [
            layer.register_forward_pre_hook(lambda *_, name=name: ran.append(name))
            for name, layer in net.named_modules()
            if name
        ]
        with pytest.raises(error, match=words):
            net(x)
        for hook in hooks:
            hook.remove()
        assert not ran, f"ran before the check: {ran}"

    return check


@pytest.fixture
def count_macs() -> Callable[[Callable[[], nn.Module], tuple[int, ...]], int]:
    """MACs of one pass, on which `summary` and torch's own counter agree; nothing is calculated ("meta" tensors)."""

    def count(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> int:
        with torch.device("meta"):
            net, x = make().eval(), torch.zeros(shape)
        ours = summarize(net, x).macs
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            net(x)
        assert 2 * ours == counter.get_total_flops()
        return ours

    return count
