"""Axes by name: split, reordered and merged as a pattern says."""

import math
import re
from typing import Any

from hornbook import backend
from hornbook.backend.spec import Spec
from hornbook.core import rules
from hornbook.core.op import op

__all__ = ["rearrange"]

Groups = list[list[str]]  # the names of each axis: one, several in parentheses, or none for an axis of size 1
EXAMPLE = "'b (h w) c -> b h w c'"


def _words(side: str, pattern: str) -> list[tuple[bool, list[str]]]:
    """For each axis of a side whether it stands in parentheses, and its names.

    Raises:
        ValueError: for signs without a meaning, and names that stand twice.
    """
    words = re.findall(r"\([^()]*\)|\.\.\.|\w+|\S", side)
    axes = [(word[0] == "(", re.findall(r"\.\.\.|\w+|\S", word.strip("()"))) for word in words]
    axes = [(merged, [name for name in names if name != "1"]) for merged, names in axes]
    names = [name for _, group in axes for name in group]
    for name in names:
        if name != "..." and not name.isidentifier():
            raise ValueError(f"pattern {pattern!r}: {name!r} is no name of an axis. Write it as in {EXAMPLE}.")
        if names.count(name) > 1:
            raise ValueError(f"pattern {pattern!r}: {name!r} stands twice on one side.")
    return axes


def _parse(pattern: str, rank: int) -> tuple[Groups, Groups]:
    """Both sides of a pattern for an array of `rank` axes, an ellipsis replaced by as many names as it stands for.

    Raises:
        ValueError: for a pattern that does not fit.
    """
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError(f"pattern {pattern!r} must have two sides, as in {EXAMPLE}.")
    left, right = (_words(side, pattern) for side in sides)
    if any(merged and "..." in names for merged, names in left):
        raise ValueError(f"pattern {pattern!r}: on the left, '...' must stand by itself, not in parentheses.")
    hidden = rank - len(left) + 1 if (False, ["..."]) in left else 0
    if hidden < 0 or (rank != len(left) and (False, ["..."]) not in left):
        raise ValueError(f"pattern {pattern!r} names {len(left)} axes on the left, but the array has {rank}.")
    dots = [f"...{i}" for i in range(hidden)]

    def filled(axes: list[tuple[bool, list[str]]]) -> Groups:
        groups: Groups = []
        for merged, names in axes:
            group = [n for name in names for n in (dots if name == "..." else [name])]
            groups += [group] if merged or names != ["..."] else [[dot] for dot in group]
        return groups

    before, after = filled(left), filled(right)
    unlike = {n for group in before for n in group} ^ {n for group in after for n in group}
    if unlike:
        raise ValueError(f"pattern {pattern!r}: {min(unlike)!r} stands on one side only.")
    return before, after


def _known(sizes: list) -> bool:
    return not any(size is None for size in sizes)


def _sizes(left: Groups, shape: tuple, lengths: dict, pattern: str) -> dict[str, Any]:
    """The size of each name; None where it is not known.

    Raises:
        ValueError: where the sizes do not fit, or several in one parenthesis are not given.
    """
    found: dict[str, Any] = dict(lengths)
    for group, size in zip(left, shape, strict=True):
        missing = [name for name in group if name not in lengths]
        given = math.prod(lengths[name] for name in group if name in lengths)
        if len(missing) > 1:
            raise ValueError(
                f"pattern {pattern!r}: give the sizes of all but one of {', '.join(group)}, as {missing[0]}=2."
            )
        if isinstance(size, int) and (size % given if missing else size != given):
            raise ValueError(
                f"pattern {pattern!r}: an axis of size {size} is not made of ({' '.join(group) or '1'}) with "
                f"{', '.join(f'{name}={lengths[name]}' for name in group if name in lengths) or 'size 1'}."
            )
        if missing:
            found[missing[0]] = None if size is None else size // given
    return found


def _read(pattern: str, shape: tuple, lengths: dict) -> tuple[Groups, Groups, dict[str, Any]]:
    left, right = _parse(pattern, len(shape))
    unknown = set(lengths) - {name for group in left for name in group}
    if unknown:
        raise ValueError(f"pattern {pattern!r} has no axis {min(unknown)!r}, whose size was given.")
    return left, right, _sizes(left, shape, lengths, pattern)


@rules.OutputRule
def _rearranged(arguments: dict) -> Spec:
    x = arguments["tensor"]
    _, right, sizes = _read(arguments["pattern"], tuple(x.shape), arguments.get("axes_lengths", {}))
    axes = [[sizes[name] for name in group] for group in right]
    return Spec(tuple([math.prod(axis) if _known(axis) else None for axis in axes]), rules.dtype_name(x))


@op(_rearranged)
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """An array whose axes are split, reordered and merged as a pattern says.

    On the left stand the axes of the array, on the right those of the result. Names in parentheses are one axis: the
    last of them varies fastest. `...` stands for any number of axes, 1 for an axis of that size.

    Args:
        tensor: any array.
        pattern: such as "b (h w) c -> b c h w".
        axes_lengths: the sizes of names in parentheses on the left; one in each may be left out.

    Returns:
        The same numbers in the shape of the right side.

    Raises:
        ValueError: for a pattern that does not fit the array.

    Source: Rogozhnikov 2022, Einops, https://openreview.net/forum?id=oapKSVM2bcj

    >>> import numpy as np
    >>> from hornbook import ops
    >>> ops.rearrange(np.ones((2, 12, 5)), "b (h w) c -> b c h w", h=3).shape
    TensorShape([2, 5, 3, 4])
    """
    x = backend.convert_to_tensor(tensor)
    left, right, sizes = _read(pattern, backend.shape(x), axes_lengths)
    before, after = ([name for group in side for name in group] for side in (left, right))
    x = backend.reshape(x, [sizes[name] for name in before])
    x = backend.transpose(x, [before.index(name) for name in after])
    return backend.reshape(x, [math.prod(sizes[name] for name in group) for group in right])
