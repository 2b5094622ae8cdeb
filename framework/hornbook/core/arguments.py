"""Checks of arguments that several families share: each gives the argument in its final form or says why not."""

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["fraction", "known_sizes", "one_of", "positive_integer", "sizes"]


def positive_integer(value: Any, name: str) -> int:
    """`value` if it is an integer of at least 1.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"`{name}` must be a positive integer, got {name}={value!r}.")
    return int(value)


def fraction(value: Any, name: str) -> Any:
    """`value` if it lies between 0 and 1.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= value <= 1:
        raise ValueError(f"`{name}` must be a number between 0 and 1, got {name}={value!r}.")
    return value


def one_of(value: Any, allowed: Sequence, name: str) -> Any:
    """`value` if it is among the `allowed` ones.

    Raises:
        ValueError: which lists them.
    """
    if value not in allowed:
        raise ValueError(f"`{name}` must be one of {', '.join(map(repr, allowed))}, got {name}={value!r}.")
    return value


def sizes(value: Any, rank: int, name: str, least: int = 1) -> tuple[int, ...]:
    """One integer for each of `rank` axes; a single integer counts for all of them.

    Raises:
        ValueError: for another number of them, or one below `least`.
    """
    given: Any = (value,) * rank if isinstance(value, int | np.integer) else value
    whole = isinstance(given, list | tuple) and all(isinstance(size, int | np.integer) for size in given)
    if not whole or len(given) != rank or min(given) < least:
        many = f"a tuple of {rank} integers" if rank > 1 else "an integer"
        raise ValueError(f"`{name}` must be {many}, each at least {least}, got {name}={value!r}.")
    return tuple(int(size) for size in given)


def known_sizes(input_shape: Sequence, axes: Sequence[int], layer: str) -> tuple[int, ...]:
    """The sizes of `axes` in `input_shape`, which weights are made from and so have to be known.

    Raises:
        ValueError: where an axis does not exist or its size is None.
    """
    rank = len(input_shape)
    for axis in axes:
        if not -rank <= axis < rank:
            raise ValueError(
                f"{layer} works on axis {axis}, but its input has {rank} axes: shape {tuple(input_shape)}."
            )
        if input_shape[axis] is None:
            raise ValueError(
                f"{layer} makes weights of the size of axis {axis}, which is not known: the input has shape "
                f"{tuple(input_shape)}. Name that size in Input(shape=...)."
            )
    return tuple([int(input_shape[axis]) for axis in axes])
