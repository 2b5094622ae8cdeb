"""Arrays: NumPy's primitives on TensorFlow's tensors, with the dtypes of `hornbook.backend.dtypes`.

Three habits hold everywhere. Arguments may be tensors, arrays, lists, Python numbers or Variables. Functions that only
make sense on floats take integers to `floatx()`. And the raw kernels are called directly when the arguments already are
tensors of one dtype, which in eager code costs a third of the public functions of `tf`; these are kept for the ragged
tensors, which they dispatch on. Sparse tensors are made dense, but for the left side of `matmul`.
"""

import builtins
import functools
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from hornbook.backend.config import floatx, standardize_dtype
from hornbook.backend.dtypes import result_type
from hornbook.backend.tensorflow.products import few_with_matrix
from hornbook.backend.tensorflow.services import cast, convert_to_tensor
from hornbook.backend.tensorflow.services import shape as sizes_of

__all__ = [
    "absolute",
    "add",
    "all",
    "amax",
    "amin",
    "angle",
    "any",
    "arange",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "argmax",
    "argmin",
    "argsort",
    "array",
    "as_float",
    "bessel_i0",
    "bincount",
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "broadcast_to",
    "ceil",
    "clip",
    "concatenate",
    "conjugate",
    "cos",
    "cosh",
    "cumprod",
    "cumsum",
    "diag",
    "diagonal",
    "divide",
    "divide_no_nan",
    "einsum",
    "empty",
    "empty_like",
    "equal",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "expand_dims",
    "expm1",
    "fft",
    "fft2",
    "flip",
    "floor",
    "floor_divide",
    "frame",
    "full",
    "full_like",
    "gcd",
    "get_item",
    "greater",
    "greater_equal",
    "ifft2",
    "imag",
    "in_top_k",
    "irfft",
    "isfinite",
    "isinf",
    "isnan",
    "left_shift",
    "less",
    "less_equal",
    "lgamma",
    "linspace",
    "log",
    "log1p",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logsumexp",
    "matmul",
    "max",
    "maximum",
    "mean",
    "meshgrid",
    "min",
    "minimum",
    "mod",
    "moveaxis",
    "multiply",
    "negative",
    "nonzero",
    "not_equal",
    "ones",
    "ones_like",
    "overlap_and_add",
    "pad",
    "power",
    "prod",
    "ravel",
    "real",
    "reciprocal",
    "repeat",
    "reshape",
    "rfft",
    "right_shift",
    "roll",
    "round",
    "rsqrt",
    "searchsorted",
    "segment_max",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "sign",
    "sin",
    "sinh",
    "sort",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "subtract",
    "sum",
    "swapaxes",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tensordot",
    "tile",
    "to_complex",
    "top_k",
    "transpose",
    "true_divide",
    "trunc",
    "unique_with_counts",
    "var",
    "view",
    "where",
    "zeros",
    "zeros_like",
]

raw = tf.raw_ops
_FLOATS = frozenset({tf.float16, tf.bfloat16, tf.float32, tf.float64})
_SHORT = {tf.float16, tf.bfloat16}
_INEXACT = _FLOATS | {tf.complex64, tf.complex128}
_INTEGERS = frozenset({tf.uint8, tf.uint16, tf.uint32, tf.uint64, tf.int8, tf.int16, tf.int32, tf.int64})
_NUMBERS = _INTEGERS | _INEXACT


# ------------------------------------------------------------------------------------------------------------ arguments
def _tensor(x: Any) -> Any:
    if isinstance(x, tf.Tensor):
        return x
    x = convert_to_tensor(x)
    return tf.sparse.to_dense(x) if isinstance(x, tf.SparseTensor) else x


def as_float(x: Any) -> Any:
    """`x` as a tensor of numbers that have fractions: integers and truth values become `floatx()`."""
    x = _tensor(x)
    return x if x.dtype in _INEXACT else tf.cast(x, floatx())


def _bool(x: Any) -> Any:
    x = _tensor(x)
    return x if x.dtype is tf.bool else tf.cast(x, tf.bool)


def _numeric(x: Any) -> Any:
    x = _tensor(x)
    return tf.cast(x, tf.int32) if x.dtype is tf.bool else x


_AT_LEAST = {None: _NUMBERS | {tf.bool}, int: _NUMBERS, float: _INEXACT}
_WEAK = (int, float, complex)


def _operands(x1: Any, x2: Any, least: Any = None) -> tuple[Any, Any]:
    """Both in the dtype where they meet (`least` joins in); a Python number that fits is left to the kernel."""
    if isinstance(x1, tf.Tensor):
        dtype = x1.dtype
        if isinstance(x2, tf.Tensor):
            alike = x2.dtype is dtype
        else:
            alike = (type(x2) is int and dtype in _NUMBERS) or (type(x2) is float and dtype in _INEXACT)
        if alike and dtype in _AT_LEAST[least]:
            return x1, x2
    return _meet(x1, x2, least=least)


def _meet(*xs: Any, least: Any = None) -> tuple:
    """All as tensors of the dtype in which they meet."""
    xs = tuple([x if type(x) in _WEAK else _tensor(x) for x in xs])
    kinds = [type(x) if type(x) in _WEAK else x.dtype.name for x in xs]
    if least is None and len(set(kinds)) == 1 and isinstance(kinds[0], str):
        return xs
    dtype = result_type(*kinds, *([] if least is None else [least]))
    return tuple([tf.constant(x, dtype) if type(x) in _WEAK else cast(x, dtype) for x in xs])


@functools.lru_cache(maxsize=4096)
def _numbers(values: tuple) -> np.ndarray:
    return np.array(values, np.int32)  # a list is converted anew, slowly, at every call of a kernel; an array is not


def _vector(sizes: Any) -> Any:
    """A shape as a vector; among its numbers there may be some that only the running graph knows."""
    if isinstance(sizes, tf.Tensor):
        return sizes if sizes.shape.rank else sizes[None]
    sizes = tuple(sizes) if isinstance(sizes, Sequence | tf.TensorShape | np.ndarray) else (sizes,)
    try:
        return _numbers(sizes)
    except TypeError:  # tensors cannot be hashed
        return tf.stack([tf.cast(size, tf.int32) for size in sizes])


def _axes(x: Any, axis: Any) -> Any:
    """The axes to reduce; None means all."""
    if axis is None:
        rank = x.shape.rank
        return tf.range(tf.rank(x)) if rank is None else _numbers(tuple(range(rank)))
    return axis if isinstance(axis, int) else _numbers(tuple([operator.index(a) for a in axis]))


def _canonical_axis(axis: Any, rank: int) -> int:
    axis = operator.index(axis)
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} does not exist in an array of {rank} dimensions.")
    return axis % rank if rank else 0


def _named(function: Callable, kernel: Any) -> Any:
    function.__name__ = function.__qualname__ = getattr(kernel, "__name__", "array_primitive")
    return function


def _unary(kernel: Any, public: Any, argument: Callable) -> Any:
    def apply(x: Any) -> Any:
        x = argument(x)
        return kernel(x=x) if isinstance(x, tf.Tensor) else public(x)

    return _named(apply, public)


def _binary(kernel: Any, public: Any, least: Any = None, on_bools: Any = None) -> Any:
    def apply(x1: Any, x2: Any) -> Any:
        x1, x2 = _operands(x1, x2, least)
        if isinstance(x1, tf.RaggedTensor) or isinstance(x2, tf.RaggedTensor):
            return public(x1, x2)
        if on_bools is not None and x1.dtype is tf.bool:
            return on_bools(x=x1, y=x2)
        return kernel(x=x1, y=x2)

    return _named(apply, public)


# ---------------------------------------------------------------------------------------------- functions of one number
exp = _unary(raw.Exp, tf.exp, as_float)
expm1 = _unary(raw.Expm1, tf.math.expm1, as_float)
log = _unary(raw.Log, tf.math.log, as_float)
log1p = _unary(raw.Log1p, tf.math.log1p, as_float)
sqrt = _unary(raw.Sqrt, tf.sqrt, as_float)
rsqrt = _unary(raw.Rsqrt, tf.math.rsqrt, as_float)
reciprocal = _unary(raw.Reciprocal, tf.math.reciprocal, as_float)
sin = _unary(raw.Sin, tf.sin, as_float)
cos = _unary(raw.Cos, tf.cos, as_float)
tan = _unary(raw.Tan, tf.tan, as_float)
arcsin = _unary(raw.Asin, tf.asin, as_float)
arccos = _unary(raw.Acos, tf.acos, as_float)
arctan = _unary(raw.Atan, tf.atan, as_float)
sinh = _unary(raw.Sinh, tf.sinh, as_float)
cosh = _unary(raw.Cosh, tf.cosh, as_float)
tanh = _unary(raw.Tanh, tf.tanh, as_float)
arcsinh = _unary(raw.Asinh, tf.asinh, as_float)
arccosh = _unary(raw.Acosh, tf.acosh, as_float)
arctanh = _unary(raw.Atanh, tf.atanh, as_float)
erf = _unary(raw.Erf, tf.math.erf, as_float)
erfc = _unary(raw.Erfc, tf.math.erfc, as_float)
erfinv = _unary(raw.Erfinv, tf.math.erfinv, as_float)
lgamma = _unary(raw.Lgamma, tf.math.lgamma, as_float)
floor = _unary(raw.Floor, tf.floor, as_float)
ceil = _unary(raw.Ceil, tf.math.ceil, as_float)
square = _unary(raw.Square, tf.square, _numeric)
_negative = _unary(raw.Neg, tf.negative, _numeric)


def negative(x: Any) -> Any:
    x = _numeric(x)
    return tf.zeros_like(x) - x if x.dtype.is_unsigned else _negative(x)


isnan = _unary(raw.IsNan, tf.math.is_nan, as_float)
isinf = _unary(raw.IsInf, tf.math.is_inf, as_float)
isfinite = _unary(raw.IsFinite, tf.math.is_finite, as_float)
logical_not = _unary(raw.LogicalNot, tf.logical_not, _bool)


def absolute(x: Any) -> Any:
    x = _tensor(x)
    return x if x.dtype.is_unsigned or x.dtype is tf.bool else tf.abs(x)


def sign(x: Any) -> Any:
    x = _numeric(x)
    return tf.cast(x > 0, x.dtype) if x.dtype.is_unsigned else tf.sign(x)


def round(x: Any, decimals: int = 0) -> Any:
    x = _numeric(x)
    if x.dtype in _INTEGERS and decimals >= 0:
        return x
    if decimals == 0:
        return tf.round(x)
    dtype, factor = x.dtype, 10.0**decimals
    x = as_float(x)
    return tf.cast(tf.round(x * tf.cast(factor, x.dtype)) / tf.cast(factor, x.dtype), dtype)


def trunc(x: Any) -> Any:
    x = _tensor(x)
    return tf.where(x < 0, tf.math.ceil(x), tf.floor(x)) if x.dtype in _FLOATS else x


def bessel_i0(x: Any) -> Any:
    x = as_float(x)
    return (
        tf.cast(tf.math.bessel_i0(tf.cast(x, tf.float32)), x.dtype) if x.dtype is tf.bfloat16 else tf.math.bessel_i0(x)
    )


def real(x: Any) -> Any:
    x = _tensor(x)
    return tf.math.real(x) if x.dtype.is_complex else x


def imag(x: Any) -> Any:
    x = _tensor(x)
    return tf.math.imag(x) if x.dtype.is_complex else tf.zeros_like(x)


def angle(x: Any) -> Any:
    x = as_float(x)
    return tf.math.angle(x) if x.dtype.is_complex else tf.where(x < 0, tf.cast(np.pi, x.dtype), tf.zeros_like(x))


def conjugate(x: Any) -> Any:
    x = _tensor(x)
    return tf.math.conj(x) if x.dtype.is_complex else x


def to_complex(real: Any, imaginary: Any) -> Any:
    return tf.complex(*_meet(real, imaginary, least=float))


# --------------------------------------------------------------------------------------------- functions of two numbers
add = _binary(raw.AddV2, tf.add, on_bools=raw.LogicalOr)
subtract = _binary(raw.Sub, tf.subtract, least=int)
multiply = _binary(raw.Mul, tf.multiply, on_bools=raw.LogicalAnd)
divide = true_divide = _binary(raw.RealDiv, tf.divide, least=float)
divide_no_nan = _binary(raw.DivNoNan, tf.math.divide_no_nan, least=float)
floor_divide = _binary(raw.FloorDiv, tf.math.floordiv, least=int)
mod = _binary(raw.FloorMod, tf.math.floormod, least=int)
_power = _binary(raw.Pow, tf.pow, least=int)
maximum = _binary(raw.Maximum, tf.maximum, on_bools=raw.LogicalOr)
minimum = _binary(raw.Minimum, tf.minimum, on_bools=raw.LogicalAnd)
arctan2 = _binary(lambda x, y: raw.Atan2(y=x, x=y), tf.atan2, least=float)  # its y comes first

equal = _binary(raw.Equal, tf.equal)
not_equal = _binary(raw.NotEqual, tf.not_equal)
greater = _binary(raw.Greater, tf.greater, least=int)
greater_equal = _binary(raw.GreaterEqual, tf.greater_equal, least=int)
less = _binary(raw.Less, tf.less, least=int)
less_equal = _binary(raw.LessEqual, tf.less_equal, least=int)

bitwise_and = _binary(raw.BitwiseAnd, tf.bitwise.bitwise_and, on_bools=raw.LogicalAnd)
bitwise_or = _binary(raw.BitwiseOr, tf.bitwise.bitwise_or, on_bools=raw.LogicalOr)
bitwise_xor = _binary(raw.BitwiseXor, tf.bitwise.bitwise_xor, on_bools=raw.NotEqual)
left_shift = _binary(raw.LeftShift, tf.bitwise.left_shift, least=int)
right_shift = _binary(raw.RightShift, tf.bitwise.right_shift, least=int)


def power(x1: Any, x2: Any) -> Any:
    return _signed(_power, *_operands(x1, x2, int))


def gcd(x1: Any, x2: Any) -> Any:
    return _signed(tf.experimental.numpy.gcd, *_meet(x1, x2))


def _signed(function: Callable, x1: Any, x2: Any) -> Any:
    """A function whose kernel knows no unsigned integers."""
    if not x1.dtype.is_unsigned:
        return function(x1, x2)
    return tf.cast(function(tf.cast(x1, tf.int64), tf.cast(x2, tf.int64)), x1.dtype)


def logical_and(x1: Any, x2: Any) -> Any:
    return tf.logical_and(_bool(x1), _bool(x2))


def logical_or(x1: Any, x2: Any) -> Any:
    return tf.logical_or(_bool(x1), _bool(x2))


def logical_xor(x1: Any, x2: Any) -> Any:
    return tf.not_equal(_bool(x1), _bool(x2))


def bitwise_not(x: Any) -> Any:
    x = _tensor(x)
    return tf.logical_not(x) if x.dtype is tf.bool else tf.bitwise.invert(x)


def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    x = _numeric(x)
    if x.dtype in _FLOATS:
        lowest, highest = _filling(x_min, x.dtype), _filling(x_max, x.dtype)
    else:
        x, lowest, highest = _meet(x, x_min, x_max)
    return raw.Minimum(x=raw.Maximum(x=x, y=lowest), y=highest)


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    if x1 is None and x2 is None:
        return nonzero(condition)
    if x1 is None or x2 is None:
        raise ValueError("where(condition, x1, x2) needs both x1 and x2, or neither.")
    return tf.where(_bool(condition), *_meet(x1, x2))


# ----------------------------------------------------------------------------------------------------------- reductions
_SUM_DTYPES = {tf.bool: tf.int32, tf.int8: tf.int32, tf.int16: tf.int32, tf.uint8: tf.uint32, tf.uint16: tf.uint32}
_HALVES = (tf.float16, tf.bfloat16)


def _reduction(kernel: Any, public: Any, argument: Callable) -> Any:
    def apply(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        x = argument(x)
        if isinstance(x, tf.Tensor):
            return kernel(input=x, axis=_axes(x, axis), keep_dims=keepdims)
        return public(x, axis=axis, keepdims=keepdims)

    return _named(apply, public)


def _summable(x: Any) -> Any:
    x = _tensor(x)
    dtype = _SUM_DTYPES.get(x.dtype)
    return x if dtype is None else tf.cast(x, dtype)


sum = _reduction(raw.Sum, tf.reduce_sum, _summable)
prod = _reduction(raw.Prod, tf.reduce_prod, _summable)
all = _reduction(raw.All, tf.reduce_all, _bool)
any = _reduction(raw.Any, tf.reduce_any, _bool)
_mean = _reduction(raw.Mean, tf.reduce_mean, as_float)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    x = _tensor(x)
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
    on_numbers = _reduction(kernel, public, _tensor)

    def apply(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
        x = _tensor(x)
        if x.dtype is tf.bool:
            return on_bools(x, axis, keepdims)
        if initial is None:
            if isinstance(x, tf.Tensor) and 0 in x.shape and 0 in _sizes_at(x, axis):
                raise ValueError(
                    f"{name}() of no elements at all has no value: x has shape {tuple(x.shape)}. Give `initial`."
                )
            return on_numbers(x, axis, keepdims)
        return join(on_numbers(x, axis, keepdims), tf.cast(initial, x.dtype))

    return _named(apply, public)


max = amax = _extreme(raw.Max, tf.reduce_max, any, tf.maximum, "max")
min = amin = _extreme(raw.Min, tf.reduce_min, all, tf.minimum, "min")


def _arg_extreme(kernel: Any, public: Any) -> Any:
    def apply(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        x = _tensor(x)
        rank = x.shape.rank
        flat = raw.Reshape(tensor=x, shape=_numbers((-1,))) if axis is None else x
        found = kernel(input=flat, dimension=0 if axis is None else axis, output_type=tf.int32)
        if not keepdims:
            return found
        return tf.reshape(found, (1,) * rank) if axis is None else tf.expand_dims(found, axis)

    return _named(apply, public)


argmax = _arg_extreme(raw.ArgMax, tf.argmax)
argmin = _arg_extreme(raw.ArgMin, tf.argmin)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return tf.reduce_logsumexp(as_float(x), axis=axis, keepdims=keepdims)


def cumsum(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    x = _numeric(x if dtype is None else cast(_tensor(x), dtype))
    return tf.cumsum(ravel(x)) if axis is None else tf.cumsum(x, axis)


def cumprod(x: Any, axis: Any = None, dtype: Any = None) -> Any:
    x = _numeric(x if dtype is None else cast(_tensor(x), dtype))
    return tf.math.cumprod(ravel(x)) if axis is None else tf.math.cumprod(x, axis)


def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    x = x if isinstance(x, tf.SparseTensor) else _tensor(x)
    dtype = None
    if weights is not None:
        weights = _tensor(weights)
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
    segment_ids = _tensor(segment_ids)
    return kernel(_tensor(data), segment_ids, tf.reduce_max(segment_ids) + 1 if num_segments is None else num_segments)


# ------------------------------------------------------------------------------------------------ sorting and searching
def sort(x: Any, axis: int | None = -1) -> Any:
    x = _tensor(x)
    x, axis = (ravel(x), 0) if axis is None else (x, axis)
    return tf.cast(tf.sort(tf.cast(x, tf.int8), axis), tf.bool) if x.dtype is tf.bool else tf.sort(x, axis)


def argsort(x: Any, axis: int | None = -1) -> Any:
    x = _numeric(x)
    return tf.argsort(ravel(x), stable=True) if axis is None else tf.argsort(x, axis, stable=True)


def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    return tf.math.top_k(_tensor(x), k, sorted=sorted)


def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    return tf.math.in_top_k(_tensor(targets), _tensor(predictions), k)


def nonzero(x: Any) -> tuple:
    x = _bool(x)
    return tuple(tf.unstack(tf.cast(tf.where(x), tf.int32), num=x.shape.rank, axis=1))


def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    sequence, values = _meet(_numeric(sorted_sequence), _numeric(values))
    if sequence.shape.rank != 1:
        raise ValueError(f"sorted_sequence must have one dimension, got shape {tuple(sequence.shape)}.")
    found = tf.searchsorted(sequence, tf.reshape(values, (-1,)), side=side)
    return tf.reshape(found, tf.shape(values))


def unique_with_counts(x: Any, axis: int = 0) -> tuple:
    """The distinct slices along `axis` in the order in which they first come, where each went, how often it came."""
    x = _tensor(x)
    kinds = tf.cast(x, tf.int8) if x.dtype is tf.bool else x
    found = raw.UniqueWithCountsV2(x=kinds, axis=[axis])
    values = tf.ensure_shape(found.y, [None if i == axis else size for i, size in enumerate(x.shape)])
    return tf.cast(values, x.dtype), found.idx, found.count


# ------------------------------------------------------------------------------------------------------------- products
def _multipliable(x1: Any, x2: Any) -> tuple[Any, Any, str]:
    """Both in a dtype that the kernels of products know, and the dtype that the product is to have."""
    x1, x2 = _operands(_tensor(x1), _tensor(x2))
    if x1.dtype in _INEXACT or x1.dtype is tf.int32 or x1.dtype is tf.int64:
        return x1, x2, x1.dtype.name
    dtype = "int32" if x1.dtype is tf.int8 else x1.dtype.name  # a product of int8 overflows at once
    wide = tf.int64 if x1.dtype in (tf.uint32, tf.uint64) else tf.int32
    return tf.cast(x1, wide), tf.cast(x2, wide), dtype


def matmul(x1: Any, x2: Any) -> Any:
    if isinstance(x1, tf.SparseTensor):
        x2 = _tensor(x2)
        dtype = result_type(x1.dtype.name, x2.dtype.name)
        return tf.sparse.sparse_dense_matmul(cast(x1, dtype), cast(x2, dtype))
    x1, x2, dtype = _multipliable(x1, x2)
    left, right = x1.shape.rank, x2.shape.rank
    if left == 2 and right == 2:
        product = _matrix_product(x1, x2)
    elif left == 1 or right == 1:
        if left == right:
            product = tf.reduce_sum(x1 * x2)
        elif left == 1:
            product = tf.squeeze(raw.BatchMatMulV2(x=x1[None], y=x2), -2)
        else:
            product = tf.linalg.matvec(x1, x2)
    elif right == 2 and left is not None:  # one large product; a broadcast one is far slower, its gradient even more so
        flat = _matrix_product(reshape(x1, (-1, sizes_of(x1)[-1])), x2)
        product = reshape(flat, _product_shape(x1, x2))
    else:
        product = raw.BatchMatMulV2(x=x1, y=x2)
    return product if product.dtype.name == dtype else tf.cast(product, dtype)


def _matrix_product(x1: Any, x2: Any) -> Any:
    found = few_with_matrix(x1, x2)
    return raw.MatMul(a=x1, b=x2) if found is None else found


def _product_shape(x1: Any, x2: Any) -> tuple:
    """(..., inner) x (inner, columns) -> (..., columns); one unknown size is left to the kernel as -1."""
    shape = [*x1.shape[:-1], x2.shape[-1]]
    if shape.count(None) <= 1:
        return tuple([-1 if size is None else size for size in shape])
    return (*sizes_of(x1)[:-1], sizes_of(x2)[-1])


def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    x1, x2, dtype = _multipliable(x1, x2)
    return cast(tf.tensordot(x1, x2, axes), dtype)


def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    xs = _meet(*[_tensor(x) for x in operands])
    dtype = xs[0].dtype
    if dtype not in _INEXACT:
        xs = tuple([tf.cast(x, tf.int64) for x in xs])
        dtype = tf.int32 if dtype is tf.int8 else dtype
    if len(xs) == 2 and dtype in _SHORT and (product := einsum_as_product(subscripts, *xs)) is not None:
        return product
    if len(xs) <= 2 and "->" in subscripts and " " not in subscripts:
        return cast(raw.Einsum(inputs=xs, equation=subscripts), dtype)
    return cast(tf.einsum(subscripts, *xs, **kwargs), dtype)


def einsum_as_product(subscripts: str, left: Any, right: Any) -> Any:
    """A sum over two operands as transpositions, reshapes and one matrix product; None where it is something else.

    In "btnh,bsnh->bnts" the axes b and n stand in both and in the result: a batch of products. h stands in both and is
    summed. t makes the rows and s the columns. TensorFlow's own kernel does the same, but knows no fast product of
    bfloat16: on a CPU it takes 10 to 30 times as long.
    """
    terms = re.fullmatch(r"([A-Za-z]+),([A-Za-z]+)->([A-Za-z]*)", subscripts.replace(" ", ""))
    if terms is None:
        return None
    a, b, result = terms.groups()
    batch = [axis for axis in a if axis in b and axis in result]
    summed = [axis for axis in a if axis in b and axis not in result]
    rows, columns = [axis for axis in a if axis not in b], [axis for axis in b if axis not in a]
    if (
        builtins.any(len(set(term)) < len(term) for term in (a, b))
        or {*batch, *rows, *columns} != set(result)
        or not summed
    ):
        return None
    sizes: dict[str, Any] = {}
    for axis, size in zip((*a, *b), (*sizes_of(left), *sizes_of(right)), strict=True):
        sizes[axis] = size if isinstance(size, int) else sizes.get(axis, size)

    def matrices(x: Any, term: str, first: list, second: list) -> Any:
        order = [term.index(axis) for axis in (*batch, *first, *second)]
        x = x if order == sorted(order) else tf.transpose(x, order)
        if len(first) == len(second) == 1:
            return x
        return tf.reshape(x, [*(sizes[axis] for axis in batch), *(_product(sizes, axes) for axes in (first, second))])

    # The last axis stays the last where it can: then at most the axes of the batch move.
    turned, turned_too = a[-1] in rows, b[-1] in summed
    x = matrices(left, a, *((summed, rows) if turned else (rows, summed)))
    y = matrices(right, b, *((columns, summed) if turned_too else (summed, columns)))
    z = tf.matmul(x, y, transpose_a=turned, transpose_b=turned_too)
    axes = [*batch, *rows, *columns]
    z = z if len(rows) == len(columns) == 1 else tf.reshape(z, [sizes[axis] for axis in axes])
    return z if list(result) == axes else tf.transpose(z, [axes.index(axis) for axis in result])


def _product(sizes: dict, axes: list) -> Any:
    return functools.reduce(lambda p, q: p * q, (sizes[axis] for axis in axes), 1)


# --------------------------------------------------------------------------------------------------------------- shapes
def reshape(x: Any, newshape: Any) -> Any:
    x = _tensor(x)
    if isinstance(x, tf.Tensor):
        return raw.Reshape(tensor=x, shape=_vector(newshape))
    return tf.reshape(x, newshape)


def ravel(x: Any) -> Any:
    return reshape(x, (-1,))


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    x = _tensor(x)
    if axes is None:
        rank = x.shape.rank
        axes = tf.range(tf.rank(x) - 1, -1, -1) if rank is None else range(rank - 1, -1, -1)
    return raw.Transpose(x=x, perm=axes if isinstance(axes, tf.Tensor) else _numbers(tuple(axes)))


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    x = _tensor(x)
    order = list(range(x.shape.rank))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return transpose(x, order)


def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    x = _tensor(x)
    rank = x.shape.rank
    sources = [_canonical_axis(a, rank) for a in ([source] if isinstance(source, int) else source)]
    targets = [_canonical_axis(a, rank) for a in ([destination] if isinstance(destination, int) else destination)]
    order = [a for a in range(rank) if a not in sources]
    for target, moved in builtins.sorted(zip(targets, sources, strict=True)):
        order.insert(target, moved)
    return transpose(x, order)


def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    return tf.squeeze(_tensor(x), axis if axis is None or isinstance(axis, int) else list(axis))


def expand_dims(x: Any, axis: int | Sequence[int]) -> Any:
    x = _tensor(x)
    if isinstance(axis, int):
        return raw.ExpandDims(input=x, axis=axis) if isinstance(x, tf.Tensor) else tf.expand_dims(x, axis)
    rank = x.shape.rank + len(axis)
    for place in builtins.sorted(_canonical_axis(a, rank) for a in axis):
        x = tf.expand_dims(x, place)
    return x


def broadcast_to(x: Any, shape: Any) -> Any:
    return raw.BroadcastTo(input=_tensor(x), shape=_vector(shape))


def concatenate(xs: Sequence, axis: int | None = 0) -> Any:
    xs = _meet(*[_tensor(x) for x in xs])
    if axis is None:
        xs, axis = tuple([ravel(x) for x in xs]), 0
    if len(xs) < 2 or not isinstance(xs[0], tf.Tensor):
        return tf.concat(xs, axis)
    return raw.ConcatV2(values=xs, axis=axis)


def stack(x: Sequence, axis: int = 0) -> Any:
    if isinstance(x, tf.Tensor):
        return x if axis == 0 else moveaxis(x, 0, axis)
    xs = _meet(*[_tensor(item) for item in x])
    return raw.Pack(values=xs, axis=axis) if isinstance(xs[0], tf.Tensor) else tf.stack(xs, axis)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list:
    x = _tensor(x)
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
    cuts = [0, *[builtins.min(i + size if i < 0 else i, size) for i in cuts], size]
    return list(tf.split(x, np.maximum(np.diff(cuts), 0), axis))


def tile(x: Any, repeats: Any) -> Any:
    x = _tensor(x)
    if isinstance(repeats, tf.Tensor) and repeats.shape.rank:
        return tf.tile(x, repeats)
    repeats = tuple(repeats) if isinstance(repeats, Sequence | np.ndarray) else (repeats,)
    rank = x.shape.rank
    if len(repeats) > rank:
        x = reshape(x, (*[1] * (len(repeats) - rank), *sizes_of(x)))
    return tf.tile(x, _vector((*[1] * (rank - len(repeats)), *repeats)))


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    return tf.repeat(_tensor(x), repeats, axis)


def flip(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    x = _tensor(x)
    axes = range(x.shape.rank) if axis is None else [axis] if isinstance(axis, int) else axis
    return tf.reverse(x, _numbers(tuple(axes)))


def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    x = _tensor(x)
    return reshape(tf.roll(ravel(x), shift, 0), tf.shape(x)) if axis is None else tf.roll(x, shift, axis)


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    x = _tensor(x)
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
    x = _tensor(x)
    target = tf.as_dtype(x.dtype if dtype is None else standardize_dtype(dtype))
    if x.dtype is tf.bool or target is tf.bool:
        return tf.cast(tf.cast(x, tf.uint8) if x.dtype is tf.bool else tf.bitcast(x, tf.uint8), target)
    if x.dtype.size < target.size:
        ratio = target.size // x.dtype.size
        return tf.bitcast(reshape(x, (*sizes_of(x)[:-1], -1, ratio)), target)
    viewed = tf.bitcast(x, target)
    return viewed if x.dtype.size == target.size else reshape(viewed, (*sizes_of(x)[:-1], -1))


# ---------------------------------------------------------------------------------------------------------- frequencies
def fft(x: Any) -> Any:
    return tf.signal.fft(x)


def fft2(x: Any) -> Any:
    return tf.signal.fft2d(x)


def ifft2(x: Any) -> Any:
    return tf.signal.ifft2d(x)


def rfft(x: Any, fft_length: int | None = None) -> Any:
    return tf.signal.rfft(as_float(x), None if fft_length is None else [fft_length])


def irfft(x: Any, fft_length: int | None = None) -> Any:
    return tf.signal.irfft(x, None if fft_length is None else [fft_length])


def frame(x: Any, length: int, step: int) -> Any:
    """Windows of the last axis: (..., frames, length)."""
    return tf.signal.frame(_tensor(x), length, step)


def overlap_and_add(x: Any, step: int) -> Any:
    """Frames (..., frames, length) laid `step` apart and added up: the transpose of `frame`."""
    return tf.signal.overlap_and_add(_tensor(x), step)


# ------------------------------------------------------------------------------------------------------------- indexing
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    x = _tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    return tf.gather(x, _from_the_front(indices, sizes_of(x)[axis]), axis=axis)


def _from_the_front(indices: Any, size: Any) -> Any:
    """Indices that count from the end as indices that count from the start."""
    if isinstance(indices, int):
        return indices + size if indices < 0 else indices
    indices = _tensor(indices)
    if indices.dtype not in (tf.int32, tf.int64):
        indices = tf.cast(indices, tf.int32)
    return tf.where(indices < 0, indices + tf.cast(size, indices.dtype), indices)


def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    x, indices = _tensor(x), _tensor(indices)
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
    x = _tensor(x)
    keys = list(key) if isinstance(key, tuple) else [key]
    keys = [_tensor(k) if hasattr(k, "shape") or isinstance(k, list) else k for k in keys]
    arrays = [k for k in keys if isinstance(k, tf.Tensor) and (k.shape.rank or k.dtype is tf.bool)]
    if not arrays:
        return x[tuple(keys)]
    if len(keys) == 1 and arrays[0].dtype is tf.bool:
        return tf.boolean_mask(x, arrays[0])
    if builtins.any(k.dtype is tf.bool for k in arrays):
        raise ValueError("A boolean mask must be the only index: x[mask]. Use `where` or `take` for other selections.")
    # Slices and integers first, then the arrays of indices, all along neighbouring axes, in one gather.
    if Ellipsis in [k for k in keys if not isinstance(k, tf.Tensor)]:
        place = next(i for i, k in enumerate(keys) if k is Ellipsis)
        missing = x.shape.rank - (len(keys) - 1 - len([k for k in keys if k is None]))
        keys[place : place + 1] = [slice(None)] * missing
    is_array = [isinstance(k, tf.Tensor) and bool(k.shape.rank) for k in keys]
    first, last = is_array.index(True), len(keys) - is_array[::-1].index(True)
    if not builtins.all(is_array[first:last]):
        raise ValueError("Arrays of indices must stand side by side, as in x[:, rows, columns].")
    x = x[tuple([slice(None) if array else k for array, k in zip(is_array, keys, strict=True)])]
    first -= len([k for k in keys[:first] if isinstance(k, int) or (isinstance(k, tf.Tensor) and not k.shape.rank)])
    sizes = sizes_of(x)
    indices = [_from_the_front(k, sizes[first + i]) for i, k in enumerate(arrays)]
    if len(indices) == 1:
        return tf.gather(x, indices[0], axis=first)
    x = transpose(x, [*range(first, first + len(arrays)), *range(first), *range(first + len(arrays), x.shape.rank)])
    shape = functools.reduce(tf.broadcast_dynamic_shape, [tf.shape(i) for i in indices])
    rank = builtins.max(i.shape.rank for i in indices)
    found = tf.gather_nd(x, tf.stack([tf.broadcast_to(i, shape) for i in indices], -1))
    return transpose(found, [*range(rank, rank + first), *range(rank), *range(rank + first, found.shape.rank)])


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return tf.linalg.diag_part(moveaxis(_tensor(x), (axis1, axis2), (-2, -1)), k=offset)


def diag(x: Any, k: int = 0) -> Any:
    x = _tensor(x)
    if x.shape.rank == 1:
        above, left = builtins.max(-k, 0), builtins.max(k, 0)
        return tf.pad(tf.linalg.diag(x), [[above, left], [left, above]])
    if x.shape.rank == 2:
        return tf.linalg.diag_part(x, k=k)
    raise ValueError(f"diag takes a vector or a matrix, got shape {tuple(x.shape)}.")


# ------------------------------------------------------------------------------------------------------------- creation
def array(x: Any, dtype: Any = None) -> Any:
    return convert_to_tensor(x, dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    return broadcast_to(_filling(fill_value, standardize_dtype(dtype)), shape)


def _filling(value: Any, dtype: Any) -> Any:
    dtype = tf.as_dtype(dtype)
    if (type(value) is int and dtype in _NUMBERS) or (type(value) is float and dtype in _INEXACT):
        return tf.constant(value, dtype)
    return cast(_tensor(value), dtype)


def zeros(shape: Any, dtype: Any = None) -> Any:
    return _all_equal(shape, 0, standardize_dtype(dtype))


def ones(shape: Any, dtype: Any = None) -> Any:
    return _all_equal(shape, 1, standardize_dtype(dtype))


def _all_equal(shape: Any, number: int, dtype: str) -> Any:
    """An array of one number; a small one outside of a graph comes from NumPy, in a third of a kernel's time."""
    small = type(shape) is tuple and len(shape) == 1 and type(shape[0]) is int and 0 <= shape[0] <= 4096
    if small and tf.executing_eagerly():
        return tf.constant(np.full(shape, number, tf.as_dtype(dtype).as_numpy_dtype))
    return raw.Fill(dims=_vector(shape), value=_filling(number, dtype))


empty = zeros


def zeros_like(x: Any, dtype: Any = None) -> Any:
    return tf.zeros_like(_tensor(x), dtype=None if dtype is None else standardize_dtype(dtype))


def ones_like(x: Any, dtype: Any = None) -> Any:
    return tf.ones_like(_tensor(x), dtype=None if dtype is None else standardize_dtype(dtype))


empty_like = zeros_like


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    x = _tensor(x)
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
    return cast(tf.range(*[x if type(x) in _WEAK else cast(x, wide) for x in (start, stop, step)], dtype=wide), dtype)


def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0
) -> Any:
    start, stop = _meet(start, stop, least=float)
    dtype = start.dtype if dtype is None else tf.as_dtype(standardize_dtype(dtype))
    if dtype in _FLOATS:
        start, stop = cast(start, dtype), cast(stop, dtype)
    shape = tf.broadcast_dynamic_shape(tf.shape(start), tf.shape(stop))
    start, stop = tf.broadcast_to(start, shape), tf.broadcast_to(stop, shape)
    parts = builtins.max(num - 1 if endpoint else num, 0)
    step = (stop - start) / tf.cast(parts, start.dtype)
    if num == 0:
        values = tf.zeros(tf.concat([[0], shape], 0), start.dtype)
        values = values if axis in (0, -values.shape.rank) else moveaxis(values, 0, axis)
    else:
        last = stop if endpoint else stop - step
        values = tf.linspace(start, last, num, axis=axis)
    values = tf.cast(values if dtype in _INEXACT else tf.floor(values), dtype)
    return (values, step) if retstep else values


def meshgrid(*x: Any, indexing: str = "xy") -> list:
    return list(tf.meshgrid(*[_tensor(item) for item in x], indexing=indexing))
