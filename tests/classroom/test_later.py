"""PyTorch's compiler is loaded when it is needed, and an optimiser does not need it."""

import subprocess
import sys

import pytest

LIGHT = "import sys, torch\nimport course_lib.classroom.later\n"
NET = "net = torch.nn.Linear(3, 2)\n"
TRAIN = """
for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop):
    optimizer = kind(net.parameters(), lr=0.1)
    before = net.weight.detach().clone()
    optimizer.zero_grad()
    net(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    optimizer.load_state_dict(optimizer.state_dict())
    assert not torch.equal(before, net.weight)
    print(net.weight.sum().item().hex())
"""
LOADED = "print('torch._dynamo.eval_frame' in sys.modules)"


def run(code: str) -> list[str]:
    warnings = ["-W", "error", "-W", "ignore:Guards may run slower on Python 3.13.0"]  # its torch.compile says so
    done = subprocess.run([sys.executable, *warnings, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_optimisers_step_without_the_compiler_as_with_it() -> None:
    seed = "torch.manual_seed(0)\n"
    *light, loaded = run(LIGHT + seed + NET + TRAIN + LOADED)
    assert loaded == "False"
    *heavy, loaded = run("import sys, torch\n" + seed + NET + TRAIN + LOADED)
    assert loaded == "True"
    assert light == heavy


@pytest.mark.parametrize(
    "use",
    [
        NET + "assert torch.compile(net, backend='eager')(torch.ones(4, 3)).shape == (4, 2)",
        "import torch._dynamo.eval_frame",
        "from torch._dynamo import OptimizedModule",
        "assert torch._dynamo.is_compiling() is False",
        "assert torch._dynamo.config.cache_size_limit",
    ],
)
def test_whoever_asks_for_more_gets_the_compiler(use: str) -> None:
    loaded, there = run(f"{LIGHT}{use}\n{LOADED}\nprint(torch._dynamo.__file__ is not None)")
    assert (loaded, there) == ("True", "True")


def test_a_compiler_that_is_there_stays() -> None:
    text = "import sys, torch._dynamo as there\nimport course_lib.classroom.later\n"
    text += "print(sys.modules['torch._dynamo'] is there)"
    assert run(text) == ["True"]


def test_without_torch_nothing_happens() -> None:
    assert run("import course_lib.classroom.later, sys\nprint('torch' in sys.modules)") == ["False"]
