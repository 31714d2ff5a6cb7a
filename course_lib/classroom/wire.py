"""Plain data ⇄ JSON text: all that ever passes between the grader and a student's kernel.

No pickle and no class travels. What arrives is rebuilt from built-in types, NumPy arrays and torch tensors, so an
object that claims to equal everything arrives as the plain value that it is. Both sides hold the sizes to `WireLimits`;
the receiving side trusts nothing that it is told. Anything else is left to two hooks: `unknown` turns an object into a
reference, `resolve` turns a reference into a stand-in.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from types import EllipsisType
from typing import Any

__all__ = ["LIMITS", "WireError", "WireLimits", "decode", "encode"]


class WireError(ValueError):
    """A value that cannot travel: too large, too deeply nested, or not plain data."""


@dataclass(frozen=True)
class WireLimits:
    """How large one message may be: characters of JSON text, values, levels of nesting, bits of a whole number."""

    characters: int = 96 * 2**20
    values: int = 500_000
    depth: int = 40
    integer_bits: int = 8_192


LIMITS = WireLimits()

_AS_IT_IS = frozenset({bool, float, str, type(None)})
_CONTAINERS = frozenset({dict, list, tuple})
_SHORT = 2**63
_ARRAY_DTYPE = re.compile(r"[<>|=]?([biufcSU])(\d{1,9})")
_TENSOR_DTYPES = {
    "bool": ("?", 1), "uint8": ("u1", 1), "int8": ("i1", 1), "int16": ("<i2", 2),
    "int32": ("<i4", 4), "int64": ("<i8", 8),
    "float16": ("<f2", 2), "bfloat16": ("<i2", 2), "float32": ("<f4", 4), "float64": ("<f8", 8),
    "complex64": ("<c8", 8), "complex128": ("<c16", 16),
}  # fmt: skip


def _refuse(value: object) -> Any:
    raise WireError(
        f"a {type(value).__name__} cannot be sent to the student's kernel: only plain data (numbers, text, containers, "
        "arrays, tensors) travels; build other objects over there with there('...')"
    )


def _no_references(kind: str, _payload: Any) -> Any:
    raise WireError(f"a reference ({kind}) where plain data was expected")


def encode(value: object, *, unknown: Callable[[object], Any] = _refuse, limits: WireLimits = LIMITS) -> str:
    """
    JSON text of `value`.

    Parameters
    ----------
    value : object
        None, bool, int, float, complex, str, bytes, Ellipsis, list, tuple, dict, set, range, slice, NumPy array or
        scalar, torch tensor, and these inside each other. Objects of derived classes lose their class.
    unknown : callable
        What to write for anything else: gets the object, returns ``{"ref": [...]}``. By default it is refused.
    limits : WireLimits
        Largest message.

    Returns
    -------
    str
        ASCII text that `decode` reads.

    Raises
    ------
    WireError
        Too large, too deep, or refused by `unknown`.

    Examples
    --------
    >>> encode((1, 2.5, "three"))
    '{"tuple":[1,2.5,"three"]}'
    """
    text = json.dumps(_Encoder(unknown, limits).plain(value, 0), separators=(",", ":"))
    if len(text) > limits.characters:
        raise WireError(f"{len(text):,} characters are too many to send: {limits.characters:,} are allowed")
    return text


def decode(text: str, *, resolve: Callable[[str, Any], Any] = _no_references, limits: WireLimits = LIMITS) -> Any:
    """
    Read the value that `encode` wrote, made of built-in types, arrays and tensors.

    Parameters
    ----------
    text : str
        JSON text; it may come from a stranger.
    resolve : callable
        Gets kind and payload of a reference, returns what stands for it. By default references are refused.
    limits : WireLimits
        Largest message.

    Raises
    ------
    WireError
        Whatever is wrong with the text.

    Examples
    --------
    >>> decode('{"tuple":[1,2.5,"three"]}')
    (1, 2.5, 'three')
    """
    if not isinstance(text, str):
        raise WireError(f"the message is not text but a {type(text).__name__}")
    if len(text) > limits.characters:
        raise WireError(f"the answer is too large: {len(text):,} characters, {limits.characters:,} are allowed")
    if text.count(",") + text.count("[") > 4 * limits.values:  # to read it would take minutes
        raise WireError(f"the answer holds more than {limits.values:,} values")
    try:
        return _Decoder(resolve, limits).value(json.loads(text), 0)
    except WireError:
        raise
    except RecursionError:
        raise WireError("the answer is nested too deeply") from None
    except Exception as problem:  # a stranger's text can fail in any way; none of them may stop the class
        raise WireError(f"the answer cannot be read: {type(problem).__name__}") from None


class _Encoder:
    def __init__(self, unknown: Callable[[object], Any], limits: WireLimits) -> None:
        self.unknown, self.limits, self.values = unknown, limits, 0

    def many(self, values: Any, depth: int) -> list[Any]:
        return [self.plain(value, depth + 1) for value in values]

    def plain(self, value: object, depth: int) -> Any:
        self.values += 1
        if depth > self.limits.depth:
            raise WireError(f"nested more than {self.limits.depth} levels deep")
        if self.values > self.limits.values:
            raise WireError(f"more than {self.limits.values:,} values in one message; an array travels as one value")
        kind = type(value)
        if kind in _AS_IT_IS or (kind is int and -_SHORT < value < _SHORT):  # type: ignore[operator]
            return value
        array = None if kind in _CONTAINERS else self._array(value)
        return self._builtin(value, depth) if array is None else array

    def _array(self, value: object) -> Any:
        numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
        if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
            array = numpy.asarray(value)
            if array.dtype.kind not in "biufcSU":
                return self.unknown(value)
            self._room(array.nbytes)
            kind = "array" if isinstance(value, numpy.ndarray) else "scalar"
            return {kind: [array.dtype.str, list(array.shape), base64.b64encode(array.tobytes()).decode("ascii")]}
        if numpy is not None and isinstance(value, numpy.dtype) and value.kind in "biufcSU":
            return {"dtype": ["numpy", value.str]}
        if torch is not None and isinstance(value, torch.Tensor):
            return self._tensor(value, torch)
        if torch is not None and isinstance(value, torch.dtype):
            return {"dtype": ["torch", str(value).removeprefix("torch.")]}
        return None

    def _tensor(self, value: Any, torch: Any) -> Any:
        name = str(value.dtype).removeprefix("torch.")
        if name not in _TENSOR_DTYPES or value.layout is not torch.strided or value.device.type == "meta":
            return self.unknown(value)
        self._room(value.numel() * _TENSOR_DTYPES[name][1])
        data = value.detach().cpu().resolve_conj().resolve_neg().contiguous()
        data = data.view(torch.int16) if name == "bfloat16" else data
        text = base64.b64encode(data.numpy().tobytes()).decode("ascii")
        return {"tensor": [name, list(value.shape), text, bool(value.requires_grad)]}

    def _room(self, size: int) -> None:
        if size * 4 // 3 > self.limits.characters:
            raise WireError(f"an array of {size:,} bytes is too large to send")

    def _builtin(self, value: object, depth: int) -> Any:
        if value is None or value is True or value is False:
            return value
        if value is ...:
            return {"ellipsis": 0}
        if isinstance(value, int):
            number = int.__int__(value)
            if number.bit_length() > self.limits.integer_bits:
                raise WireError(f"a whole number of {number.bit_length():,} bits is too large to send")
            return number if number.bit_length() < 64 else {"int": hex(number)}
        if isinstance(value, float):
            return float.__float__(value)
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, complex):
            return {"complex": [value.real, value.imag]}
        if isinstance(value, (bytes, bytearray)):
            self._room(len(value))
            return {"bytes": base64.b64encode(value).decode("ascii")}
        if isinstance(value, tuple):
            items = self.many(tuple.__iter__(value), depth)
            fields = getattr(type(value), "_fields", None)
            if (
                isinstance(fields, tuple)
                and len(fields) == len(items)
                and all(isinstance(name, str) for name in fields)
            ):
                return {"named": [type(value).__name__, list(fields), items]}
            return {"tuple": items}
        if isinstance(value, list):
            return self.many(list.__iter__(value), depth)
        if isinstance(value, dict):
            return {"dict": [[self.plain(k, depth + 1), self.plain(v, depth + 1)] for k, v in dict.items(value)]}
        if isinstance(value, (set, frozenset)):
            return {"set" if isinstance(value, set) else "frozenset": self.many(value, depth)}
        if isinstance(value, (range, slice)):
            return {type(value).__name__: [self.plain(v, depth + 1) for v in (value.start, value.stop, value.step)]}
        return self.unknown(value)


class _Decoder:
    def __init__(self, resolve: Callable[[str, Any], Any], limits: WireLimits) -> None:
        self.resolve, self.limits, self.values = resolve, limits, 0

    def many(self, values: Any, depth: int) -> list[Any]:
        if not isinstance(values, list):
            raise WireError("the answer is malformed")
        return [self.value(value, depth + 1) for value in values]

    def value(self, plain: Any, depth: int) -> Any:
        self.values += 1
        if depth > self.limits.depth:
            raise WireError("the answer is nested too deeply")
        if self.values > self.limits.values:
            raise WireError(f"the answer holds more than {self.limits.values:,} values")
        if isinstance(plain, list):
            return self.many(plain, depth)
        if not isinstance(plain, dict):
            return plain
        if len(plain) != 1:
            raise WireError("the answer is malformed")
        ((kind, payload),) = plain.items()
        reader = getattr(self, f"_read_{kind}", None)
        if reader is None:
            return self.resolve(kind, payload)
        return reader(payload, depth)

    def _read_ellipsis(self, _payload: Any, _depth: int) -> EllipsisType:
        return ...

    def _read_int(self, payload: str, _depth: int) -> int:
        if len(payload) > self.limits.integer_bits // 4 + 4:
            raise WireError("the answer holds a whole number that is too large")
        return int(payload, 16)

    def _read_complex(self, payload: Any, _depth: int) -> complex:
        real, imag = payload
        return complex(float(real), float(imag))

    def _read_bytes(self, payload: Any, _depth: int) -> bytes:
        return base64.b64decode(payload, validate=True)

    def _read_tuple(self, payload: Any, depth: int) -> tuple[Any, ...]:
        return tuple(self.many(payload, depth))

    def _read_named(self, payload: Any, depth: int) -> tuple[Any, ...]:
        name, fields, items = payload
        if len(fields) > 100 or len(name) > 100 or not all(isinstance(f, str) and len(f) < 100 for f in fields):
            raise WireError("the answer is malformed")
        return namedtuple(name, fields)(*self.many(items, depth))

    def _read_dict(self, payload: Any, depth: int) -> dict[Any, Any]:
        return dict(self.many(pair, depth) for pair in payload)

    def _read_set(self, payload: Any, depth: int) -> set[Any]:
        return set(self.many(payload, depth))

    def _read_frozenset(self, payload: Any, depth: int) -> frozenset[Any]:
        return frozenset(self.many(payload, depth))

    def _read_range(self, payload: Any, depth: int) -> range:
        return range(*self.many(payload, depth))

    def _read_slice(self, payload: Any, depth: int) -> slice:
        return slice(*self.many(payload, depth))

    def _read_dtype(self, payload: Any, _depth: int) -> Any:
        library, name = payload
        if library == "torch" and name in _TENSOR_DTYPES:
            import torch

            return getattr(torch, name)
        return _array_dtype(name)

    def _read_array(self, payload: Any, _depth: int) -> Any:
        import numpy as np

        dtype, shape, text = payload
        return (
            np.frombuffer(base64.b64decode(text, validate=True), dtype=_array_dtype(dtype))
            .reshape(_shape(shape))
            .copy()
        )

    def _read_scalar(self, payload: Any, depth: int) -> Any:
        array = self._read_array(payload, depth)
        if array.shape != ():
            raise WireError("the answer is malformed")
        return array[()]

    def _read_tensor(self, payload: Any, _depth: int) -> Any:
        import numpy as np
        import torch

        name, shape, text, requires_grad = payload
        array = np.frombuffer(base64.b64decode(text, validate=True), dtype=_TENSOR_DTYPES[name][0])
        tensor = torch.from_numpy(array.reshape(_shape(shape)).copy())
        tensor = tensor.view(torch.bfloat16) if name == "bfloat16" else tensor
        return tensor.requires_grad_() if requires_grad is True and tensor.is_floating_point() else tensor


def _array_dtype(name: str) -> Any:
    import numpy as np

    if not _ARRAY_DTYPE.fullmatch(name):
        raise WireError("the answer holds an array of an unknown kind")
    return np.dtype(name)


def _shape(shape: Any) -> tuple[int, ...]:
    sizes = tuple(shape)
    if len(sizes) > 32 or not all(type(size) is int and 0 <= size < 2**40 for size in sizes) or prod(sizes) >= 2**40:
        raise WireError("the answer holds an array of an impossible shape")
    return sizes
