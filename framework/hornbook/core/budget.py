"""Limits for a model that a file describes: the memory of its weights, and the work of laying it out."""

from typing import Any

import numpy as np

from hornbook.core import global_state
from hornbook.core.scopes import Scope


class WeightBudgetError(ValueError):
    """A weight that is larger than what the file it comes from can fill."""


class WeightBudget(Scope):
    """Inside, all new Variables together may take `size` bytes.

    A config of a few hundred bytes can ask for a layer of terabytes. The weights that a file holds say how much a model from
    it can need.

    >>> import hornbook as keras
    >>> from hornbook.core.budget import WeightBudget
    >>> with WeightBudget(1000):
    ...     keras.layers.Dense(10**6).build((None, 10**6))
    Traceback (most recent call last):
    hornbook.core.budget.WeightBudgetError: The weight 'kernel' of shape (1000000, 1000000) would take ...
    """

    slot = "weight_budget"

    def __init__(self, size: int) -> None:
        self.size = self.left = size

    def take(self, name: str, shape: tuple, dtype: str) -> None:
        """Take the bytes of a new Variable off.

        Raises:
            WeightBudgetError: where they are not there.
        """
        wanted = 1 if dtype == "string" else np.dtype(dtype).itemsize if dtype in np.sctypeDict else 2
        for size in shape:
            wanted *= size or 0  # Python's integers do not overflow
        self.left -= wanted
        if self.left < 0:
            raise WeightBudgetError(
                f"The weight {name!r} of shape {shape} would take {wanted:,} bytes, and all weights together may take "
                f"{self.size:,} here."
            )


def check_weight_budget(name: str, shape: tuple, dtype: str) -> None:
    """Take a new Variable off the budget around the code, if there is one."""
    budget: Any = getattr(global_state._state, WeightBudget.slot, None)
    if budget is not None:
        budget.take(name, shape, dtype)


class CallBudgetError(ValueError):
    """A model whose parts are called far more often than its description has parts."""


class CallBudget(Scope):
    """Inside, the parts of models may be called `count` times on symbols.

    A model inside of a model is described once and may be called twice; twenty of them inside of each other are a million
    calls, from a description of a few thousand letters.

    >>> import hornbook as keras
    >>> from hornbook.core.budget import CallBudget
    >>> inner = keras.Sequential([keras.Input((None,)), keras.layers.Flatten(), keras.layers.Flatten()])
    >>> with CallBudget(3):
    ...     for size in range(1, 3):
    ...         _ = inner(keras.Input((size,)))
    Traceback (most recent call last):
    hornbook.core.budget.CallBudgetError: The parts of the model are called more than 3 times while it is made.
    """

    slot = "call_budget"

    def __init__(self, count: int) -> None:
        self.count = self.left = count

    def take(self, count: int) -> None:
        """Take calls off.

        Raises:
            CallBudgetError: where they are not there.
        """
        self.left -= count
        if self.left < 0:
            raise CallBudgetError(f"The parts of the model are called more than {self.count:,} times while it is made.")


def check_call_budget(count: int = 1) -> None:
    """Take calls off the budget around the code, if there is one."""
    budget: Any = getattr(global_state._state, CallBudget.slot, None)
    if budget is not None:
        budget.take(count)
