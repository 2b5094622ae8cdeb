"""Functions of one number and of two, on every number of an array, with the dtypes of `hornbook.backend.dtypes`."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from hornbook.backend.tensorflow.arguments import (
    FLOATS,
    INTEGERS,
    as_bool,
    as_float,
    as_numeric,
    as_tensor,
    binary,
    meet,
    operands,
    raw,
    unary,
)
from hornbook.backend.tensorflow.reductions import nonzero
from hornbook.backend.tensorflow.shapes import filling

__all__ = [
    "absolute",
    "add",
    "angle",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "bessel_i0",
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "ceil",
    "clip",
    "conjugate",
    "cos",
    "cosh",
    "divide",
    "divide_no_nan",
    "equal",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "expm1",
    "floor",
    "floor_divide",
    "gcd",
    "greater",
    "greater_equal",
    "imag",
    "isfinite",
    "isinf",
    "isnan",
    "left_shift",
    "less",
    "less_equal",
    "lgamma",
    "log",
    "log1p",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "negative",
    "not_equal",
    "power",
    "real",
    "reciprocal",
    "right_shift",
    "round",
    "rsqrt",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "to_complex",
    "true_divide",
    "trunc",
    "where",
]


# ---------------------------------------------------------------------------------------------- functions of one number
exp = unary(raw.Exp, tf.exp, as_float)
expm1 = unary(raw.Expm1, tf.math.expm1, as_float)
log = unary(raw.Log, tf.math.log, as_float)
log1p = unary(raw.Log1p, tf.math.log1p, as_float)
sqrt = unary(raw.Sqrt, tf.sqrt, as_float)
rsqrt = unary(raw.Rsqrt, tf.math.rsqrt, as_float)
reciprocal = unary(raw.Reciprocal, tf.math.reciprocal, as_float)
sin = unary(raw.Sin, tf.sin, as_float)
cos = unary(raw.Cos, tf.cos, as_float)
tan = unary(raw.Tan, tf.tan, as_float)
arcsin = unary(raw.Asin, tf.asin, as_float)
arccos = unary(raw.Acos, tf.acos, as_float)
arctan = unary(raw.Atan, tf.atan, as_float)
sinh = unary(raw.Sinh, tf.sinh, as_float)
cosh = unary(raw.Cosh, tf.cosh, as_float)
tanh = unary(raw.Tanh, tf.tanh, as_float)
arcsinh = unary(raw.Asinh, tf.asinh, as_float)
arccosh = unary(raw.Acosh, tf.acosh, as_float)
arctanh = unary(raw.Atanh, tf.atanh, as_float)
erf = unary(raw.Erf, tf.math.erf, as_float)
erfc = unary(raw.Erfc, tf.math.erfc, as_float)
erfinv = unary(raw.Erfinv, tf.math.erfinv, as_float)
lgamma = unary(raw.Lgamma, tf.math.lgamma, as_float)
floor = unary(raw.Floor, tf.floor, as_float)
ceil = unary(raw.Ceil, tf.math.ceil, as_float)
square = unary(raw.Square, tf.square, as_numeric)
_negative = unary(raw.Neg, tf.negative, as_numeric)


def negative(x: Any) -> Any:
    x = as_numeric(x)
    return tf.zeros_like(x) - x if x.dtype.is_unsigned else _negative(x)


isnan = unary(raw.IsNan, tf.math.is_nan, as_float)
isinf = unary(raw.IsInf, tf.math.is_inf, as_float)
isfinite = unary(raw.IsFinite, tf.math.is_finite, as_float)
logical_not = unary(raw.LogicalNot, tf.logical_not, as_bool)


def absolute(x: Any) -> Any:
    x = as_tensor(x)
    return x if x.dtype.is_unsigned or x.dtype is tf.bool else tf.abs(x)


def sign(x: Any) -> Any:
    x = as_numeric(x)
    return tf.cast(x > 0, x.dtype) if x.dtype.is_unsigned else tf.sign(x)


def round(x: Any, decimals: int = 0) -> Any:
    x = as_numeric(x)
    if x.dtype in INTEGERS and decimals >= 0:
        return x
    if decimals == 0:
        return tf.round(x)
    dtype, factor = x.dtype, 10.0**decimals
    x = as_float(x)
    return tf.cast(tf.round(x * tf.cast(factor, x.dtype)) / tf.cast(factor, x.dtype), dtype)


def trunc(x: Any) -> Any:
    x = as_tensor(x)
    return tf.where(x < 0, tf.math.ceil(x), tf.floor(x)) if x.dtype in FLOATS else x


def bessel_i0(x: Any) -> Any:
    x = as_float(x)
    return (
        tf.cast(tf.math.bessel_i0(tf.cast(x, tf.float32)), x.dtype) if x.dtype is tf.bfloat16 else tf.math.bessel_i0(x)
    )


def real(x: Any) -> Any:
    x = as_tensor(x)
    return tf.math.real(x) if x.dtype.is_complex else x


def imag(x: Any) -> Any:
    x = as_tensor(x)
    return tf.math.imag(x) if x.dtype.is_complex else tf.zeros_like(x)


def angle(x: Any) -> Any:
    x = as_float(x)
    return tf.math.angle(x) if x.dtype.is_complex else tf.where(x < 0, tf.cast(np.pi, x.dtype), tf.zeros_like(x))


def conjugate(x: Any) -> Any:
    x = as_tensor(x)
    return tf.math.conj(x) if x.dtype.is_complex else x


def to_complex(real: Any, imaginary: Any) -> Any:
    return tf.complex(*meet(real, imaginary, least=float))


# --------------------------------------------------------------------------------------------- functions of two numbers
add = binary(raw.AddV2, tf.add, on_bools=raw.LogicalOr)
subtract = binary(raw.Sub, tf.subtract, least=int)
multiply = binary(raw.Mul, tf.multiply, on_bools=raw.LogicalAnd)
divide = true_divide = binary(raw.RealDiv, tf.divide, least=float)
divide_no_nan = binary(raw.DivNoNan, tf.math.divide_no_nan, least=float)
floor_divide = binary(raw.FloorDiv, tf.math.floordiv, least=int)
mod = binary(raw.FloorMod, tf.math.floormod, least=int)
_power = binary(raw.Pow, tf.pow, least=int)
maximum = binary(raw.Maximum, tf.maximum, on_bools=raw.LogicalOr)
minimum = binary(raw.Minimum, tf.minimum, on_bools=raw.LogicalAnd)
arctan2 = binary(lambda x, y: raw.Atan2(y=x, x=y), tf.atan2, least=float)  # its y comes first

equal = binary(raw.Equal, tf.equal)
not_equal = binary(raw.NotEqual, tf.not_equal)
greater = binary(raw.Greater, tf.greater, least=int)
greater_equal = binary(raw.GreaterEqual, tf.greater_equal, least=int)
less = binary(raw.Less, tf.less, least=int)
less_equal = binary(raw.LessEqual, tf.less_equal, least=int)

bitwise_and = binary(raw.BitwiseAnd, tf.bitwise.bitwise_and, on_bools=raw.LogicalAnd)
bitwise_or = binary(raw.BitwiseOr, tf.bitwise.bitwise_or, on_bools=raw.LogicalOr)
bitwise_xor = binary(raw.BitwiseXor, tf.bitwise.bitwise_xor, on_bools=raw.NotEqual)
left_shift = binary(raw.LeftShift, tf.bitwise.left_shift, least=int)
right_shift = binary(raw.RightShift, tf.bitwise.right_shift, least=int)


def power(x1: Any, x2: Any) -> Any:
    return _signed(_power, *operands(x1, x2, int))


def gcd(x1: Any, x2: Any) -> Any:
    return _signed(tf.experimental.numpy.gcd, *meet(x1, x2))


def _signed(function: Callable, x1: Any, x2: Any) -> Any:
    """A function whose kernel knows no unsigned integers."""
    if not x1.dtype.is_unsigned:
        return function(x1, x2)
    return tf.cast(function(tf.cast(x1, tf.int64), tf.cast(x2, tf.int64)), x1.dtype)


def logical_and(x1: Any, x2: Any) -> Any:
    return tf.logical_and(as_bool(x1), as_bool(x2))


def logical_or(x1: Any, x2: Any) -> Any:
    return tf.logical_or(as_bool(x1), as_bool(x2))


def logical_xor(x1: Any, x2: Any) -> Any:
    return tf.not_equal(as_bool(x1), as_bool(x2))


def bitwise_not(x: Any) -> Any:
    x = as_tensor(x)
    return tf.logical_not(x) if x.dtype is tf.bool else tf.bitwise.invert(x)


def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    x = as_numeric(x)
    if x.dtype in FLOATS:
        lowest, highest = filling(x_min, x.dtype), filling(x_max, x.dtype)
    else:
        x, lowest, highest = meet(x, x_min, x_max)
    return raw.Minimum(x=raw.Maximum(x=x, y=lowest), y=highest)


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    if x1 is None and x2 is None:
        return nonzero(condition)
    if x1 is None or x2 is None:
        raise ValueError("where(condition, x1, x2) needs both x1 and x2, or neither.")
    return tf.where(as_bool(condition), *meet(x1, x2))
