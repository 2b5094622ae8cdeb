"""What the primitives take: tensors, arrays, lists, Python numbers and Variables, brought to tensors of one dtype.

Three habits hold in all of them. Functions that only make sense on floats take integers to `floatx()`. The raw kernels are
called directly when the arguments already are tensors of one dtype, which in eager code costs a third of the public
functions of `tf`; these are kept for the ragged tensors, which they dispatch on. Sparse tensors are made dense, but for the
left side of `matmul`.
"""

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from hornbook.backend.config import floatx
from hornbook.backend.dtypes import result_type
from hornbook.backend.tensorflow.services import cast, convert_to_tensor

__all__ = [
    "as_float",
]


raw = tf.raw_ops
FLOATS = frozenset({tf.float16, tf.bfloat16, tf.float32, tf.float64})
SHORT = {tf.float16, tf.bfloat16}
INEXACT = FLOATS | {tf.complex64, tf.complex128}
INTEGERS = frozenset({tf.uint8, tf.uint16, tf.uint32, tf.uint64, tf.int8, tf.int16, tf.int32, tf.int64})
NUMBERS = INTEGERS | INEXACT


def as_tensor(x: Any) -> Any:
    if isinstance(x, tf.Tensor):
        return x
    x = convert_to_tensor(x)
    return tf.sparse.to_dense(x) if isinstance(x, tf.SparseTensor) else x


def as_float(x: Any) -> Any:
    """`x` as a tensor of numbers that have fractions: integers and truth values become `floatx()`."""
    x = as_tensor(x)
    return x if x.dtype in INEXACT else tf.cast(x, floatx())


def as_bool(x: Any) -> Any:
    x = as_tensor(x)
    return x if x.dtype is tf.bool else tf.cast(x, tf.bool)


def as_numeric(x: Any) -> Any:
    x = as_tensor(x)
    return tf.cast(x, tf.int32) if x.dtype is tf.bool else x


_AT_LEAST = {None: NUMBERS | {tf.bool}, int: NUMBERS, float: INEXACT}
WEAK = (int, float, complex)


def operands(x1: Any, x2: Any, least: Any = None) -> tuple[Any, Any]:
    """Both in the dtype where they meet (`least` joins in); a Python number that fits is left to the kernel."""
    if isinstance(x1, tf.Tensor):
        dtype = x1.dtype
        if isinstance(x2, tf.Tensor):
            alike = x2.dtype is dtype
        else:
            alike = (type(x2) is int and dtype in NUMBERS) or (type(x2) is float and dtype in INEXACT)
        if alike and dtype in _AT_LEAST[least]:
            return x1, x2
    return meet(x1, x2, least=least)


def meet(*xs: Any, least: Any = None) -> tuple:
    """All as tensors of the dtype in which they meet."""
    xs = tuple([x if type(x) in WEAK else as_tensor(x) for x in xs])
    kinds = [type(x) if type(x) in WEAK else x.dtype.name for x in xs]
    if least is None and len(set(kinds)) == 1 and isinstance(kinds[0], str):
        return xs
    dtype = result_type(*kinds, *([] if least is None else [least]))
    return tuple([tf.constant(x, dtype) if type(x) in WEAK else cast(x, dtype) for x in xs])


@functools.lru_cache(maxsize=4096)
def int_vector(values: tuple) -> np.ndarray:
    return np.array(values, np.int32)  # a list is converted anew, slowly, at every call of a kernel; an array is not


def as_vector(sizes: Any) -> Any:
    """A shape as a vector; among its numbers there may be some that only the running graph knows."""
    if isinstance(sizes, tf.Tensor):
        return sizes if sizes.shape.rank else sizes[None]
    sizes = tuple(sizes) if isinstance(sizes, Sequence | tf.TensorShape | np.ndarray) else (sizes,)
    try:
        return int_vector(sizes)
    except TypeError:  # tensors cannot be hashed
        return tf.stack([tf.cast(size, tf.int32) for size in sizes])


def axes_of(x: Any, axis: Any) -> Any:
    """The axes to reduce; None means all."""
    if axis is None:
        rank = x.shape.rank
        return tf.range(tf.rank(x)) if rank is None else int_vector(tuple(range(rank)))
    return axis if isinstance(axis, int) else int_vector(tuple([operator.index(a) for a in axis]))


def canonical_axis(axis: Any, rank: int) -> int:
    axis = operator.index(axis)
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} does not exist in an array of {rank} dimensions.")
    return axis % rank if rank else 0


def named(function: Callable, kernel: Any) -> Any:
    function.__name__ = function.__qualname__ = getattr(kernel, "__name__", "array_primitive")
    return function


def unary(kernel: Any, public: Any, argument: Callable) -> Any:
    def apply(x: Any) -> Any:
        x = argument(x)
        return kernel(x=x) if isinstance(x, tf.Tensor) else public(x)

    return named(apply, public)


def binary(kernel: Any, public: Any, least: Any = None, on_bools: Any = None) -> Any:
    def apply(x1: Any, x2: Any) -> Any:
        x1, x2 = operands(x1, x2, least)
        if isinstance(x1, tf.RaggedTensor) or isinstance(x2, tf.RaggedTensor):
            return public(x1, x2)
        if on_bools is not None and x1.dtype is tf.bool:
            return on_bools(x=x1, y=x2)
        return kernel(x=x1, y=x2)

    return named(apply, public)
