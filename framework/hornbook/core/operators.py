"""`x + y`, `x[0]`, `-x` for what is not a tensor itself but stands for one: Variables and KerasTensors.

The operators call the public ops by name, from the table that `@op` fills.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

OPS: dict[str, Callable] = {}  # every function made by @op, under its name


def _forward(name: str) -> Callable:
    def operator(self: Any, other: Any) -> Any:
        return OPS[name](self, other)

    return operator


def _reflected(name: str) -> Callable:
    def operator(self: Any, other: Any) -> Any:
        return OPS[name](other, self)

    return operator


def _unary(name: str) -> Callable:
    def operator(self: Any) -> Any:
        return OPS[name](self)

    return operator


class Operators:
    """Python's operators by way of `hornbook.ops`."""

    __add__, __radd__ = _forward("add"), _reflected("add")
    __sub__, __rsub__ = _forward("subtract"), _reflected("subtract")
    __mul__, __rmul__ = _forward("multiply"), _reflected("multiply")
    __truediv__, __rtruediv__ = _forward("divide"), _reflected("divide")
    __floordiv__, __rfloordiv__ = _forward("floor_divide"), _reflected("floor_divide")
    __mod__, __rmod__ = _forward("mod"), _reflected("mod")
    __pow__, __rpow__ = _forward("power"), _reflected("power")
    __matmul__, __rmatmul__ = _forward("matmul"), _reflected("matmul")
    __and__, __rand__ = _forward("logical_and"), _reflected("logical_and")
    __or__, __ror__ = _forward("logical_or"), _reflected("logical_or")
    __xor__, __rxor__ = _forward("logical_xor"), _reflected("logical_xor")
    __lt__, __le__ = _forward("less"), _forward("less_equal")
    __gt__, __ge__ = _forward("greater"), _forward("greater_equal")
    __neg__, __abs__, __invert__ = _unary("negative"), _unary("absolute"), _unary("logical_not")

    def __getitem__(self, key: Any) -> Any:
        # A list of indices is an array: in a file, where tuples are lists, it can then be told from a tuple.
        if isinstance(key, list):
            key = np.asarray(key)
        elif isinstance(key, tuple):
            key = tuple([np.asarray(part) if isinstance(part, list) else part for part in key])
        return OPS["get_item"](self, key)

    def __round__(self, ndigits: int | None = None) -> Any:
        return OPS["round"](self, ndigits or 0)
