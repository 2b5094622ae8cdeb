"""Picking and finding: elements by place, places by value, and order."""

import math
from collections.abc import Sequence
from typing import Any

from hornbook import backend
from hornbook.core import rules
from hornbook.core.op import op

__all__ = [
    "argpartition",
    "argsort",
    "digitize",
    "get_item",
    "in_top_k",
    "nonzero",
    "searchsorted",
    "select",
    "sort",
    "take",
    "take_along_axis",
    "top_k",
    "unique",
    "unravel_index",
    "where",
]


# -------------------------------------------------------------------------------------------------------------- Picking


@op(rules.get_item)
def get_item(x: Any, key: Any) -> Any:
    """x[key]: integers, slices, None, an ellipsis, a mask, or arrays of integers that stand side by side.

    >>> from hornbook import ops
    >>> ops.get_item([[1, 2, 3], [4, 5, 6]], (slice(None), -1)).numpy()
    array([3, 6], dtype=int32)
    """
    return backend.get_item(x, key)


@op(rules.take)
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The elements at `indices` along an axis; of the flattened array if None. -1 is the last one.

    >>> from hornbook import ops
    >>> ops.take([10, 20, 30], [[0, -1], [1, 1]]).numpy()
    array([[10, 30],
           [20, 20]], dtype=int32)
    """
    return backend.take(x, indices, axis)


@op
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """For each place, the element that `indices` names along an axis; the other axes correspond.

    >>> from hornbook import ops
    >>> ops.take_along_axis([[10, 20], [30, 40]], [[1], [0]], axis=1).numpy()
    array([[20],
           [30]], dtype=int32)
    """
    return backend.take_along_axis(x, indices, axis)


@op(rules.where)
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """x1 where the condition holds, x2 elsewhere; without these, the indices where it holds, as `nonzero`.

    >>> from hornbook import ops
    >>> ops.where([True, False, True], [1, 2, 3], 0).numpy()
    array([1, 0, 3], dtype=int32)
    """
    return backend.where(condition, x1, x2)


@op
def select(condlist: Sequence, choicelist: Sequence, default: Any = 0) -> Any:
    """From each place's first condition that holds, the choice of the same number; `default` where none does.

    >>> from hornbook import ops
    >>> ops.select([[True, False, False], [True, True, False]], [[1, 2, 3], [10, 20, 30]]).numpy()
    array([ 1, 20,  0], dtype=int32)
    """
    if len(condlist) != len(choicelist):
        raise ValueError(f"select needs a choice for each condition, got {len(choicelist)} for {len(condlist)}.")
    result = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = backend.where(condition, choice, result)
    return result


# -------------------------------------------------------------------------------------------------------------- Finding


@op
def nonzero(x: Any) -> tuple:
    """The indices of the elements that are not 0, an int32 array for each axis.

    >>> from hornbook import ops
    >>> [indices.numpy() for indices in ops.nonzero([[1, 0], [0, 2]])]
    [array([0, 1], dtype=int32), array([0, 1], dtype=int32)]
    """
    return backend.nonzero(x)


@op
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Where values would have to be put in so that the sequence stays sorted, as int32.

    Args:
        sorted_sequence: (n,), rising.
        side: "left" of equal elements, or "right" of them.

    >>> from hornbook import ops
    >>> ops.searchsorted([1, 3, 5], [0, 3, 6]).numpy()
    array([0, 1, 3], dtype=int32)
    """
    return backend.searchsorted(sorted_sequence, values, side)


@op
def digitize(x: Any, bins: Any) -> Any:
    """The number of the bin, rising edges given, in which each element lies: bins[i - 1] <= x < bins[i]; as int32.

    >>> from hornbook import ops
    >>> ops.digitize([0.5, 1.0, 7.0], [1.0, 2.0]).numpy()
    array([0, 1, 2], dtype=int32)
    """
    return backend.searchsorted(bins, x, side="right")


@op
def unravel_index(indices: Any, shape: Any) -> tuple:
    """Indices into the flattened array as indices into each axis.

    >>> from hornbook import ops
    >>> [axis.numpy() for axis in ops.unravel_index([5, 7], (3, 4))]
    [array([1, 1], dtype=int32), array([1, 3], dtype=int32)]
    """
    rest = backend.convert_to_tensor(indices)
    result = []
    for size in reversed(shape):
        result.append(backend.mod(rest, size))
        rest = backend.floor_divide(rest, size)
    return tuple(reversed(result))


# ---------------------------------------------------------------------------------------------------------------- Order


@op(rules.sorting)
def sort(x: Any, axis: int | None = -1) -> Any:
    """In rising order along an axis; the flattened array if None.

    >>> from hornbook import ops
    >>> ops.sort([3, 1, 2]).numpy()
    array([1, 2, 3], dtype=int32)
    """
    return backend.sort(x, axis)


@op(rules.index_sorting)
def argsort(x: Any, axis: int | None = -1) -> Any:
    """The indices, int32, that put x in rising order; equal elements stay in theirs.

    >>> from hornbook import ops
    >>> ops.argsort([3, 1, 2]).numpy()
    array([1, 2, 0], dtype=int32)
    """
    return backend.argsort(x, axis)


@op(rules.index_sorting)
def argpartition(x: Any, kth: int, axis: int | None = -1) -> Any:
    """Indices that bring the kth smallest element to place k, the smaller ones before it.

    >>> from hornbook import ops
    >>> ops.argpartition([3, 1, 2, 0], 1).numpy()[:2]
    array([3, 1], dtype=int32)
    """
    return backend.argsort(x, axis)


@op(rules.top_k)
def top_k(x: Any, k: int, sorted: bool = True) -> tuple:
    """The k largest elements of the last axis and their indices: (values, int32 indices).

    >>> from hornbook import ops
    >>> values, indices = ops.top_k([1.0, 5.0, 3.0], 2)
    >>> values.numpy(), indices.numpy()
    (array([5., 3.], dtype=float32), array([1, 2], dtype=int32))
    """
    return backend.top_k(x, k, sorted)


@op
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether the prediction of the target class is among the k highest.

    Args:
        targets: class indices, (batch,).
        predictions: scores, (batch, classes).

    >>> from hornbook import ops
    >>> ops.in_top_k([1, 0], [[0.1, 0.9], [0.3, 0.7]], 1).numpy()
    array([ True, False])
    """
    return backend.in_top_k(targets, predictions, k)


@op
def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The distinct elements, or with an axis the distinct slices along it.

    Args:
        sorted: in rising order; else in that in which they first come.
        return_index: also where each first comes.
        return_inverse: also which of them each element of x is.
        return_counts: also how often each comes.
        size: cut or fill up to so many, with `fill_value` (0 if None).

    >>> from hornbook import ops
    >>> ops.unique([3, 1, 2, 1]).numpy()
    array([1, 2, 3], dtype=int32)
    >>> [part.numpy() for part in ops.unique([3, 1, 1], return_inverse=True, return_counts=True)]
    [array([1, 3], dtype=int32), array([1, 0, 0], dtype=int32), array([2, 1], dtype=int32)]
    """
    x = backend.convert_to_tensor(x)
    shape, along = backend.shape(x), 0 if axis is None else rules.canonical_axis(axis, len(x.shape))
    x = backend.ravel(x) if axis is None else x
    values, inverse, counts = backend.unique_with_counts(x, along)
    number = backend.shape(values)[along]
    index = backend.segment_min(backend.arange(backend.shape(x)[along]), inverse, number)
    if sorted:
        order = _row_order(backend.moveaxis(values, along, 0))
        values = backend.take(values, order, along)
        index, counts = backend.take(index, order), backend.take(counts, order)
        inverse = backend.take(backend.argsort(order), inverse)
    if size is not None:
        values = _to_size(values, size, along, 0 if fill_value is None else fill_value)
        index = _to_size(index, size, 0, index[0])
        counts = _to_size(counts, size, 0, 0)
    if axis is None and len(shape) > 1:
        inverse = backend.reshape(inverse, shape)
    wanted = ((return_index, index), (return_inverse, inverse), (return_counts, counts))
    result = (values, *[part for asked, part in wanted if asked])
    return result if len(result) > 1 else values


def _row_order(rows: Any) -> Any:
    if len(rows.shape) == 1:
        return backend.argsort(rows)
    columns = backend.unstack(backend.reshape(rows, (-1, math.prod(rows.shape[1:]))), axis=1)
    order = backend.argsort(columns[-1])
    for column in reversed(columns[:-1]):  # a stable sort by each column, the most important one last
        order = backend.take(order, backend.argsort(backend.take(column, order)))
    return order


def _to_size(x: Any, size: int, axis: int, fill_value: Any) -> Any:
    before = (slice(None),) * axis
    x = backend.get_item(x, (*before, slice(0, size)))
    shape = list(backend.shape(x))
    shape[axis] = backend.subtract(size, shape[axis])
    return backend.concatenate([x, backend.full(shape, fill_value, x.dtype)], axis)
