"""Sums, means, extremes and counts along axes; sorting and searching."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from hornbook.backend.dtypes import result_type
from hornbook.backend.tensorflow.arguments import (
    as_bool,
    as_float,
    as_numeric,
    as_tensor,
    axes_of,
    int_vector,
    meet,
    named,
    raw,
)
from hornbook.backend.tensorflow.services import cast
from hornbook.backend.tensorflow.shapes import ravel

__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "argsort",
    "bincount",
    "cumprod",
    "cumsum",
    "in_top_k",
    "logsumexp",
    "max",
    "mean",
    "min",
    "nonzero",
    "prod",
    "searchsorted",
    "segment_max",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "sort",
    "std",
    "sum",
    "top_k",
    "unique_with_counts",
    "var",
]


# ----------------------------------------------------------------------------------------------------------- reductions
_SUM_DTYPES = {tf.bool: tf.int32, tf.int8: tf.int32, tf.int16: tf.int32, tf.uint8: tf.uint32, tf.uint16: tf.uint32}
_HALVES = (tf.float16, tf.bfloat16)


def _reduction(kernel: Any, public: Any, argument: Callable) -> Any:
    def apply(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        x = argument(x)
        if isinstance(x, tf.Tensor):
            return kernel(input=x, axis=axes_of(x, axis), keep_dims=keepdims)
        return public(x, axis=axis, keepdims=keepdims)

    return named(apply, public)


def _summable(x: Any) -> Any:
    x = as_tensor(x)
    dtype = _SUM_DTYPES.get(x.dtype)
    return x if dtype is None else tf.cast(x, dtype)


sum = _reduction(raw.Sum, tf.reduce_sum, _summable)
prod = _reduction(raw.Prod, tf.reduce_prod, _summable)
all = _reduction(raw.All, tf.reduce_all, as_bool)
any = _reduction(raw.Any, tf.reduce_any, as_bool)
_mean = _reduction(raw.Mean, tf.reduce_mean, as_float)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    x = as_tensor(x)
    if x.dtype in _HALVES:  # sums of half floats overflow
        return tf.cast(_mean(tf.cast(x, tf.float32), axis, keepdims), x.dtype)
    return _mean(x, axis, keepdims)


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    x = as_float(x)
    wide = tf.cast(x, tf.float32) if x.dtype in _HALVES else x
    deviation = tf.abs(wide - _mean(wide, axis, True))
    result = _mean(tf.square(deviation), axis, keepdims)
    return tf.cast(result, x.dtype) if x.dtype in _HALVES else result


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return tf.sqrt(var(x, axis, keepdims))


def _sizes_at(x: Any, axis: Any) -> list:
    sizes = list(x.shape)
    return sizes if axis is None else [sizes[a] for a in np.atleast_1d(axis)]


def _extreme(kernel: Any, public: Any, on_bools: Any, join: Any, name: str) -> Any:
    on_numbers = _reduction(kernel, public, as_tensor)

    def apply(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
        x = as_tensor(x)
        if x.dtype is tf.bool:
            return on_bools(x, axis, keepdims)
        if initial is None:
            if isinstance(x, tf.Tensor) and 0 in x.shape and 0 in _sizes_at(x, axis):
                raise ValueError(
                    f"{name}() of no elements at all has no value: x has shape {tuple(x.shape)}. Give `initial`."
                )
            return on_numbers(x, axis, keepdims)
        return join(on_numbers(x, axis, keepdims), tf.cast(initial, x.dtype))

    return named(apply, public)


max = amax = _extreme(raw.Max, tf.reduce_max, any, tf.maximum, "max")
min = amin = _extreme(raw.Min, tf.reduce_min, all, tf.minimum, "min")


def _arg_extreme(kernel: Any, public: Any) -> Any:
    def apply(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        x = as_tensor(x)
        rank = x.shape.rank
        flat = raw.Reshape(tensor=x, shape=int_vector((-1,))) if axis is None else x
        found = kernel(input=flat, dimension=0 if axis is None else axis, output_type=tf.int32)
        if not keepdims:
            return found
        return tf.reshape(found, (1,) * rank) if axis is None else tf.expand_dims(found, axis)

    return named(apply, public)


argmax = _arg_extreme(raw.ArgMax, tf.argmax)
argmin = _arg_extreme(raw.ArgMin, tf.argmin)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return tf.reduce_logsumexp(as_float(x), axis=axis, keepdims=keepdims)


def cumsum(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    x = as_numeric(x if dtype is None else cast(as_tensor(x), dtype))
    return tf.cumsum(ravel(x)) if axis is None else tf.cumsum(x, axis)


def cumprod(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    x = as_numeric(x if dtype is None else cast(as_tensor(x), dtype))
    return tf.math.cumprod(ravel(x)) if axis is None else tf.math.cumprod(x, axis)


def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    x = x if isinstance(x, tf.SparseTensor) else as_tensor(x)
    dtype = None
    if weights is not None:
        weights = as_tensor(weights)
        dtype = result_type(weights.dtype.name, "int32")
        weights = cast(weights, dtype)
    if sparse or isinstance(x, tf.SparseTensor):
        counts = tf.sparse.bincount(x, weights=weights, minlength=minlength, axis=-1)
        return cast(counts, dtype or "int32")
    x = x if x.dtype in (tf.int32, tf.int64) else tf.cast(x, tf.int32)
    return cast(tf.math.bincount(x, weights=weights, minlength=minlength, axis=-1), dtype or "int32")


def segment_sum(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    return _segment(tf.math.unsorted_segment_sum, data, segment_ids, num_segments)


def segment_max(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    return _segment(tf.math.unsorted_segment_max, data, segment_ids, num_segments)


def segment_min(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    return _segment(tf.math.unsorted_segment_min, data, segment_ids, num_segments)


def segment_prod(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Any:
    return _segment(tf.math.unsorted_segment_prod, data, segment_ids, num_segments)


def _segment(kernel: Callable, data: Any, segment_ids: Any, num_segments: Any) -> Any:
    segment_ids = as_tensor(segment_ids)
    return kernel(
        as_tensor(data), segment_ids, tf.reduce_max(segment_ids) + 1 if num_segments is None else num_segments
    )


# ------------------------------------------------------------------------------------------------ sorting and searching
def sort(x: Any, axis: int | None = -1) -> Any:
    x = as_tensor(x)
    x, axis = (ravel(x), 0) if axis is None else (x, axis)
    return tf.cast(tf.sort(tf.cast(x, tf.int8), axis), tf.bool) if x.dtype is tf.bool else tf.sort(x, axis)


def argsort(x: Any, axis: int | None = -1) -> Any:
    x = as_numeric(x)
    return tf.argsort(ravel(x), stable=True) if axis is None else tf.argsort(x, axis, stable=True)


def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    return tf.math.top_k(as_tensor(x), k, sorted=sorted)


def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    return tf.math.in_top_k(as_tensor(targets), as_tensor(predictions), k)


def nonzero(x: Any) -> tuple:
    x = as_bool(x)
    return tuple(tf.unstack(tf.cast(tf.where(x), tf.int32), num=x.shape.rank, axis=1))


def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    sequence, values = meet(as_numeric(sorted_sequence), as_numeric(values))
    if sequence.shape.rank != 1:
        raise ValueError(f"sorted_sequence must have one dimension, got shape {tuple(sequence.shape)}.")
    found = tf.searchsorted(sequence, tf.reshape(values, (-1,)), side=side)
    return tf.reshape(found, tf.shape(values))


def unique_with_counts(x: Any, axis: int = 0) -> tuple:
    """The distinct slices along `axis` in the order in which they first come, where each went, how often it came."""
    x = as_tensor(x)
    kinds = tf.cast(x, tf.int8) if x.dtype is tf.bool else x
    found = raw.UniqueWithCountsV2(x=kinds, axis=[axis])
    values = tf.ensure_shape(found.y, [None if i == axis else size for i, size in enumerate(x.shape)])
    return tf.cast(values, x.dtype), found.idx, found.count
