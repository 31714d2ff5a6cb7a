"""PyTorch's compiler, loaded when something asks for it: an optimiser does not need it, but imports it.

`torch.optim` asks `torch._dynamo`, which takes two seconds to load, for two things: not to be compiled itself, and to
break what is being compiled. Where nothing is compiled, both do nothing. Importing this file puts a module there that
does just that; whatever else is asked of it loads the compiler.
"""

import importlib
import sys
import types
from typing import Any

__all__ = ["load_the_compiler_later"]

_NAME = "torch._dynamo"


class _Later(types.ModuleType):
    """What stands there until the compiler is needed."""

    @staticmethod
    def graph_break(*_: Any, **__: Any) -> None:
        """Break nothing, for nothing is compiled."""

    @staticmethod
    def disable(function: Any = None, *_: Any, **__: Any) -> Any:
        """Return a function as it is, for nothing compiles it."""
        return function if function is not None else lambda one: one

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__path__":  # asked by whoever looks through all modules
            raise AttributeError(name)
        if sys.modules.get(_NAME) is self:
            del sys.modules[_NAME]
            sys.modules["torch"].__dict__.pop("_dynamo", None)
        return getattr(importlib.import_module(_NAME), name)


def load_the_compiler_later() -> None:
    """Put the small module in the compiler's place, unless the compiler is there or PyTorch is not."""
    if "torch" in sys.modules and _NAME not in sys.modules:
        sys.modules[_NAME] = sys.modules["torch"]._dynamo = _Later(_NAME)  # type: ignore[attr-defined]  # torch loads it late


load_the_compiler_later()
