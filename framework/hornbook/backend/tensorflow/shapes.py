"""Other shapes of the same numbers, parts of arrays, and arrays that are made anew."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from hornbook.backend.config import standardize_dtype
from hornbook.backend.dtypes import result_type
from hornbook.backend.tensorflow.arguments import (
    FLOATS,
    INEXACT,
    NUMBERS,
    WEAK,
    as_tensor,
    as_vector,
    canonical_axis,
    int_vector,
    meet,
    raw,
)
from hornbook.backend.tensorflow.services import cast, convert_to_tensor
from hornbook.backend.tensorflow.services import shape as sizes_of

__all__ = [
    "arange",
    "array",
    "broadcast_to",
    "concatenate",
    "diag",
    "diagonal",
    "empty",
    "empty_like",
    "expand_dims",
    "flip",
    "full",
    "full_like",
    "get_item",
    "linspace",
    "meshgrid",
    "moveaxis",
    "ones",
    "ones_like",
    "pad",
    "ravel",
    "repeat",
    "reshape",
    "roll",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "take",
    "take_along_axis",
    "tile",
    "transpose",
    "view",
    "zeros",
    "zeros_like",
]


# --------------------------------------------------------------------------------------------------------------- shapes
def reshape(x: Any, newshape: Any) -> Any:
    x = as_tensor(x)
    if isinstance(x, tf.Tensor):
        return raw.Reshape(tensor=x, shape=as_vector(newshape))
    return tf.reshape(x, newshape)


def ravel(x: Any) -> Any:
    return reshape(x, (-1,))


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    x = as_tensor(x)
    if axes is None:
        rank = x.shape.rank
        axes = tf.range(tf.rank(x) - 1, -1, -1) if rank is None else range(rank - 1, -1, -1)
    return raw.Transpose(x=x, perm=axes if isinstance(axes, tf.Tensor) else int_vector(tuple(axes)))


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    x = as_tensor(x)
    order = list(range(x.shape.rank))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return transpose(x, order)


def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    x = as_tensor(x)
    rank = x.shape.rank
    sources = [canonical_axis(a, rank) for a in ([source] if isinstance(source, int) else source)]
    targets = [canonical_axis(a, rank) for a in ([destination] if isinstance(destination, int) else destination)]
    order = [a for a in range(rank) if a not in sources]
    for target, moved in sorted(zip(targets, sources, strict=True)):
        order.insert(target, moved)
    return transpose(x, order)


def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    return tf.squeeze(as_tensor(x), axis if axis is None or isinstance(axis, int) else list(axis))


def expand_dims(x: Any, axis: int | Sequence[int]) -> Any:
    x = as_tensor(x)
    if isinstance(axis, int):
        return raw.ExpandDims(input=x, axis=axis) if isinstance(x, tf.Tensor) else tf.expand_dims(x, axis)
    rank = x.shape.rank + len(axis)
    for place in sorted(canonical_axis(a, rank) for a in axis):
        x = tf.expand_dims(x, place)
    return x


def broadcast_to(x: Any, shape: Any) -> Any:
    return raw.BroadcastTo(input=as_tensor(x), shape=as_vector(shape))


def concatenate(xs: Sequence, axis: int | None = 0) -> Any:
    xs = meet(*[as_tensor(x) for x in xs])
    if axis is None:
        xs, axis = tuple([ravel(x) for x in xs]), 0
    if len(xs) < 2 or not isinstance(xs[0], tf.Tensor):
        return tf.concat(xs, axis)
    return raw.ConcatV2(values=xs, axis=axis)


def stack(x: Sequence, axis: int = 0) -> Any:
    if isinstance(x, tf.Tensor):
        return x if axis == 0 else moveaxis(x, 0, axis)
    xs = meet(*[as_tensor(item) for item in x])
    return raw.Pack(values=xs, axis=axis) if isinstance(xs[0], tf.Tensor) else tf.stack(xs, axis)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list:
    x = as_tensor(x)
    if isinstance(indices_or_sections, int):
        size = x.shape[axis]
        if size is not None and size % indices_or_sections:
            raise ValueError(
                f"Axis {axis} of x has size {size}, which {indices_or_sections} equal parts do not divide; "
                "use array_split, or give the indices where to split."
            )
        return list(tf.split(x, indices_or_sections, axis))
    cuts = [int(i) for i in np.asarray(indices_or_sections)]
    size = x.shape[axis]
    if size is None:
        return list(tf.split(x, [*np.diff([0, *cuts]), -1], axis, num=len(cuts) + 1))
    cuts = [0, *[min(i + size if i < 0 else i, size) for i in cuts], size]
    return list(tf.split(x, np.maximum(np.diff(cuts), 0), axis))


def tile(x: Any, repeats: Any) -> Any:
    x = as_tensor(x)
    if isinstance(repeats, tf.Tensor) and repeats.shape.rank:
        return tf.tile(x, repeats)
    repeats = tuple(repeats) if isinstance(repeats, Sequence | np.ndarray) else (repeats,)
    rank = x.shape.rank
    if len(repeats) > rank:
        x = reshape(x, (*[1] * (len(repeats) - rank), *sizes_of(x)))
    return tf.tile(x, as_vector((*[1] * (rank - len(repeats)), *repeats)))


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    return tf.repeat(as_tensor(x), repeats, axis)


def flip(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    x = as_tensor(x)
    axes = range(x.shape.rank) if axis is None else [axis] if isinstance(axis, int) else axis
    return tf.reverse(x, int_vector(tuple(axes)))


def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    x = as_tensor(x)
    return reshape(tf.roll(ravel(x), shift, 0), tf.shape(x)) if axis is None else tf.roll(x, shift, axis)


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    x = as_tensor(x)
    if mode not in ("constant", "reflect", "symmetric"):
        raise ValueError(f"mode of pad must be 'constant', 'reflect' or 'symmetric', got {mode!r}.")
    if constant_values is not None and mode != "constant":
        raise ValueError(f"constant_values can only be given with mode='constant', not with mode={mode!r}.")
    widths, shape = pad_width, None
    if not isinstance(pad_width, tf.Tensor):
        try:
            widths = np.broadcast_to(np.asarray(pad_width, np.int32), (x.shape.rank, 2))
        except (TypeError, NotImplementedError):  # widths that only the running graph knows
            widths = tf.broadcast_to(tf.convert_to_tensor(pad_width), (x.shape.rank, 2))
            if len(pad_width) == x.shape.rank:
                shape = [_padded(n, *pair) for n, pair in zip(x.shape, pad_width, strict=True)]
    y = tf.pad(x, widths, mode, constant_values=tf.cast(constant_values or 0, x.dtype))
    return y if shape is None else tf.ensure_shape(y, shape)


def _padded(size: int | None, before: Any, after: Any) -> int | None:
    """A size after padding, None where that is not known."""
    return size + before + after if size is not None and isinstance(before, int) and isinstance(after, int) else None


def view(x: Any, dtype: Any = None) -> Any:
    x = as_tensor(x)
    target = tf.as_dtype(x.dtype if dtype is None else standardize_dtype(dtype))
    if x.dtype is tf.bool or target is tf.bool:
        return tf.cast(tf.cast(x, tf.uint8) if x.dtype is tf.bool else tf.bitcast(x, tf.uint8), target)
    if x.dtype.size < target.size:
        ratio = target.size // x.dtype.size
        return tf.bitcast(reshape(x, (*sizes_of(x)[:-1], -1, ratio)), target)
    viewed = tf.bitcast(x, target)
    return viewed if x.dtype.size == target.size else reshape(viewed, (*sizes_of(x)[:-1], -1))


# ------------------------------------------------------------------------------------------------------------- indexing
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    return tf.gather(x, _from_the_front(indices, sizes_of(x)[axis]), axis=axis)


def _from_the_front(indices: Any, size: Any) -> Any:
    """Indices that count from the end as indices that count from the start."""
    if isinstance(indices, int):
        return indices + size if indices < 0 else indices
    indices = as_tensor(indices)
    if indices.dtype not in (tf.int32, tf.int64):
        indices = tf.cast(indices, tf.int32)
    return tf.where(indices < 0, indices + tf.cast(size, indices.dtype), indices)


def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    x, indices = as_tensor(x), as_tensor(indices)
    if axis is None:
        x, indices, axis = ravel(x), ravel(indices), 0
    x, indices = moveaxis(x, axis, -1), moveaxis(indices, axis, -1)
    indices = _from_the_front(indices, sizes_of(x)[-1])
    lead_sizes = x.shape[:-1].as_list()
    if lead_sizes != indices.shape[:-1].as_list() or None in lead_sizes:  # the other axes broadcast
        lead = tf.broadcast_dynamic_shape(tf.shape(x)[:-1], tf.shape(indices)[:-1])
        lead_shape = tf.broadcast_static_shape(x.shape[:-1], indices.shape[:-1])
        columns = x.shape[-1], indices.shape[-1]
        x = tf.broadcast_to(x, tf.concat([lead, tf.shape(x)[-1:]], 0))
        indices = tf.broadcast_to(indices, tf.concat([lead, tf.shape(indices)[-1:]], 0))
        x, indices = tf.ensure_shape(x, lead_shape + columns[:1]), tf.ensure_shape(indices, lead_shape + columns[1:])
    return moveaxis(tf.gather(x, indices, batch_dims=x.shape.rank - 1), -1, axis)


def get_item(x: Any, key: Any) -> Any:
    x = as_tensor(x)
    keys = list(key) if isinstance(key, tuple) else [key]
    keys = [as_tensor(k) if hasattr(k, "shape") or isinstance(k, list) else k for k in keys]
    arrays = [k for k in keys if isinstance(k, tf.Tensor) and (k.shape.rank or k.dtype is tf.bool)]
    if not arrays:
        return x[tuple(keys)]
    if len(keys) == 1 and arrays[0].dtype is tf.bool:
        return tf.boolean_mask(x, arrays[0])
    if any(k.dtype is tf.bool for k in arrays):
        raise ValueError("A boolean mask must be the only index: x[mask]. Use `where` or `take` for other selections.")
    # Slices and integers first, then the arrays of indices, all along neighbouring axes, in one gather.
    if Ellipsis in [k for k in keys if not isinstance(k, tf.Tensor)]:
        place = next(i for i, k in enumerate(keys) if k is Ellipsis)
        missing = x.shape.rank - (len(keys) - 1 - len([k for k in keys if k is None]))
        keys[place : place + 1] = [slice(None)] * missing
    is_array = [isinstance(k, tf.Tensor) and bool(k.shape.rank) for k in keys]
    first, last = is_array.index(True), len(keys) - is_array[::-1].index(True)
    if not all(is_array[first:last]):
        raise ValueError("Arrays of indices must stand side by side, as in x[:, rows, columns].")
    x = x[tuple([slice(None) if array else k for array, k in zip(is_array, keys, strict=True)])]
    first -= len([k for k in keys[:first] if isinstance(k, int) or (isinstance(k, tf.Tensor) and not k.shape.rank)])
    sizes = sizes_of(x)
    indices = [_from_the_front(k, sizes[first + i]) for i, k in enumerate(arrays)]
    if len(indices) == 1:
        return tf.gather(x, indices[0], axis=first)
    x = transpose(x, [*range(first, first + len(arrays)), *range(first), *range(first + len(arrays), x.shape.rank)])
    shape = functools.reduce(tf.broadcast_dynamic_shape, [tf.shape(i) for i in indices])
    rank = max(i.shape.rank for i in indices)
    found = tf.gather_nd(x, tf.stack([tf.broadcast_to(i, shape) for i in indices], -1))
    return transpose(found, [*range(rank, rank + first), *range(rank), *range(rank + first, found.shape.rank)])


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return tf.linalg.diag_part(moveaxis(as_tensor(x), (axis1, axis2), (-2, -1)), k=offset)


def diag(x: Any, k: int = 0) -> Any:
    x = as_tensor(x)
    if x.shape.rank == 1:
        above, left = max(-k, 0), max(k, 0)
        return tf.pad(tf.linalg.diag(x), [[above, left], [left, above]])
    if x.shape.rank == 2:
        return tf.linalg.diag_part(x, k=k)
    raise ValueError(f"diag takes a vector or a matrix, got shape {tuple(x.shape)}.")


# ------------------------------------------------------------------------------------------------------------- creation
def array(x: Any, dtype: Any = None) -> Any:
    return convert_to_tensor(x, dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    return broadcast_to(filling(fill_value, standardize_dtype(dtype)), shape)


def filling(value: Any, dtype: Any) -> Any:
    dtype = tf.as_dtype(dtype)
    if (type(value) is int and dtype in NUMBERS) or (type(value) is float and dtype in INEXACT):
        return tf.constant(value, dtype)
    return cast(as_tensor(value), dtype)


def zeros(shape: Any, dtype: Any = None) -> Any:
    return _all_equal(shape, 0, standardize_dtype(dtype))


def ones(shape: Any, dtype: Any = None) -> Any:
    return _all_equal(shape, 1, standardize_dtype(dtype))


def _all_equal(shape: Any, number: int, dtype: str) -> Any:
    """An array of one number; a small one outside of a graph comes from NumPy, in a third of a kernel's time."""
    small = type(shape) is tuple and len(shape) == 1 and type(shape[0]) is int and 0 <= shape[0] <= 4096
    if small and tf.executing_eagerly():
        return tf.constant(np.full(shape, number, tf.as_dtype(dtype).as_numpy_dtype))
    return raw.Fill(dims=as_vector(shape), value=filling(number, dtype))


empty = zeros


def zeros_like(x: Any, dtype: Any = None) -> Any:
    return tf.zeros_like(as_tensor(x), dtype=None if dtype is None else standardize_dtype(dtype))


def ones_like(x: Any, dtype: Any = None) -> Any:
    return tf.ones_like(as_tensor(x), dtype=None if dtype is None else standardize_dtype(dtype))


empty_like = zeros_like


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    x = as_tensor(x)
    return full(
        tf.shape(x) if None in x.shape else tuple(x.shape), fill_value, x.dtype.name if dtype is None else dtype
    )


_RANGE_DTYPES = ("int32", "int64", "float32", "float64")


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    start, stop = (0, start) if stop is None else (start, stop)
    step = 1 if step is None else step
    if dtype is None:
        dtype = result_type(*[getattr(x, "dtype", type(x)) for x in (start, stop, step)])
    dtype = standardize_dtype(dtype)
    wide = dtype if dtype in _RANGE_DTYPES else "float32" if dtype in ("float16", "bfloat16") else "int64"
    return cast(tf.range(*[x if type(x) in WEAK else cast(x, wide) for x in (start, stop, step)], dtype=wide), dtype)


def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0
) -> Any:
    start, stop = meet(start, stop, least=float)
    dtype = start.dtype if dtype is None else tf.as_dtype(standardize_dtype(dtype))
    if dtype in FLOATS:
        start, stop = cast(start, dtype), cast(stop, dtype)
    shape = tf.broadcast_dynamic_shape(tf.shape(start), tf.shape(stop))
    start, stop = tf.broadcast_to(start, shape), tf.broadcast_to(stop, shape)
    parts = max(num - 1 if endpoint else num, 0)
    step = (stop - start) / tf.cast(parts, start.dtype)
    if num == 0:
        values = tf.zeros(tf.concat([[0], shape], 0), start.dtype)
        values = values if axis in (0, -values.shape.rank) else moveaxis(values, 0, axis)
    else:
        last = stop if endpoint else stop - step
        values = tf.linspace(start, last, num, axis=axis)
    values = tf.cast(values if dtype in INEXACT else tf.floor(values), dtype)
    return (values, step) if retstep else values


def meshgrid(*x: Any, indexing: str = "xy") -> list:
    return list(tf.meshgrid(*[as_tensor(item) for item in x], indexing=indexing))
