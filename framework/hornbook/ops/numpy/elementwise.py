"""Functions of numbers, applied element by element.

Functions that only make sense on floats take integers to `floatx()`. Two arrays broadcast against each other and meet
in the dtype that `result_type` names; a Python number takes the dtype of its partner where it can.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from hornbook import backend
from hornbook.core import rules
from hornbook.core.op import op

__all__ = [
    "abs",
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
    "cbrt",
    "ceil",
    "clip",
    "conj",
    "conjugate",
    "cos",
    "cosh",
    "deg2rad",
    "divide",
    "divide_no_nan",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "gcd",
    "heaviside",
    "hypot",
    "i0",
    "imag",
    "lcm",
    "ldexp",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "logaddexp2",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "nan_to_num",
    "negative",
    "nextafter",
    "power",
    "rad2deg",
    "real",
    "reciprocal",
    "round",
    "rsqrt",
    "sign",
    "sin",
    "sinc",
    "sinh",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "true_divide",
    "trunc",
    "vectorize",
    "view_as_complex",
    "view_as_real",
]


# ----------------------------------------------------------------------------------------------------------- Arithmetic


@op(rules.broadcast)
def add(x1: Any, x2: Any) -> Any:
    """Sum: x1 + x2.

    >>> from hornbook import ops
    >>> ops.add([1, 2], [[10], [20]]).numpy()
    array([[11, 12],
           [21, 22]], dtype=int32)
    """
    return backend.add(x1, x2)


@op(rules.number_broadcast)
def subtract(x1: Any, x2: Any) -> Any:
    """Difference: x1 - x2.

    >>> from hornbook import ops
    >>> ops.subtract([5, 7], 2).numpy()
    array([3, 5], dtype=int32)
    """
    return backend.subtract(x1, x2)


@op(rules.broadcast)
def multiply(x1: Any, x2: Any) -> Any:
    """Product: x1 * x2.

    >>> from hornbook import ops
    >>> ops.multiply([1.0, 2.0], 3).numpy()
    array([3., 6.], dtype=float32)
    """
    return backend.multiply(x1, x2)


@op(rules.float_broadcast)
def divide(x1: Any, x2: Any) -> Any:
    """Quotient: x1 / x2; of integers too, a float.

    >>> from hornbook import ops
    >>> ops.divide([1, 2], 4).numpy()
    array([0.25, 0.5 ], dtype=float32)
    """
    return backend.divide(x1, x2)


true_divide = divide


@op(rules.float_broadcast)
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """Quotient x1 / x2, and 0 where x2 is 0.

    >>> from hornbook import ops
    >>> ops.divide_no_nan([1.0, 2.0], [0.0, 4.0]).numpy()
    array([0. , 0.5], dtype=float32)
    """
    return backend.divide_no_nan(x1, x2)


@op(rules.number_broadcast)
def floor_divide(x1: Any, x2: Any) -> Any:
    """Largest integer not above x1 / x2.

    >>> from hornbook import ops
    >>> ops.floor_divide([7, -7], 2).numpy()
    array([ 3, -4], dtype=int32)
    """
    return backend.floor_divide(x1, x2)


@op(rules.number_broadcast)
def mod(x1: Any, x2: Any) -> Any:
    """Remainder with the sign of the divisor: x1 - x2 * floor(x1 / x2).

    >>> from hornbook import ops
    >>> ops.mod([7, -7], 3).numpy()
    array([1, 2], dtype=int32)
    """
    return backend.mod(x1, x2)


@op(rules.number_broadcast)
def fmod(x1: Any, x2: Any) -> Any:
    """Remainder with the sign of the dividend, as C has it: x1 - x2 * trunc(x1 / x2).

    >>> from hornbook import ops
    >>> ops.fmod([7, -7], 3).numpy()
    array([ 1, -1], dtype=int32)
    """
    return backend.multiply(backend.sign(x1), backend.mod(backend.absolute(x1), backend.absolute(x2)))


@op(rules.number_broadcast)
def power(x1: Any, x2: Any) -> Any:
    """x1 to the power x2.

    >>> from hornbook import ops
    >>> ops.power([2, 3], 2).numpy()
    array([4, 9], dtype=int32)
    """
    return backend.power(x1, x2)


@op(rules.number_like_first)
def negative(x: Any) -> Any:
    """-x.

    >>> from hornbook import ops
    >>> ops.negative([1, -2]).numpy()
    array([-1,  2], dtype=int32)
    """
    return backend.negative(x)


@op(rules.float_like_first)
def reciprocal(x: Any) -> Any:
    """1 / x.

    >>> from hornbook import ops
    >>> ops.reciprocal([2.0, 4.0]).numpy()
    array([0.5 , 0.25], dtype=float32)
    """
    return backend.reciprocal(x)


@op(rules.real_like_first)
def absolute(x: Any) -> Any:
    """Distance from zero: |x|, for a complex number its modulus.

    >>> from hornbook import ops
    >>> ops.absolute([-1.5, 2.0]).numpy()
    array([1.5, 2. ], dtype=float32)
    """
    return backend.absolute(x)


abs = absolute


@op(rules.float_like_first)
def fabs(x: Any) -> Any:
    """|x| as a float.

    >>> from hornbook import ops
    >>> ops.fabs([-1, 2]).numpy()
    array([1., 2.], dtype=float32)
    """
    return backend.absolute(backend.as_float(x))


@op(rules.number_like_first)
def sign(x: Any) -> Any:
    """-1, 0 or 1.

    >>> from hornbook import ops
    >>> ops.sign([-3.0, 0.0, 2.0]).numpy()
    array([-1.,  0.,  1.], dtype=float32)
    """
    return backend.sign(x)


@op(rules.number_like_first)
def square(x: Any) -> Any:
    """x * x.

    >>> from hornbook import ops
    >>> ops.square([1, 2, 3]).numpy()
    array([1, 4, 9], dtype=int32)
    """
    return backend.square(x)


@op(rules.float_like_first)
def sqrt(x: Any) -> Any:
    """The positive root of x.

    >>> from hornbook import ops
    >>> ops.sqrt([1, 4, 9]).numpy()
    array([1., 2., 3.], dtype=float32)
    """
    return backend.sqrt(x)


@op(rules.float_like_first)
def rsqrt(x: Any) -> Any:
    """1 / sqrt(x).

    >>> from hornbook import ops
    >>> ops.rsqrt([1.0, 4.0]).numpy()
    array([1. , 0.5], dtype=float32)
    """
    return backend.rsqrt(x)


@op(rules.float_like_first)
def cbrt(x: Any) -> Any:
    """The real number whose cube is x.

    >>> from hornbook import ops
    >>> ops.cbrt([-8.0, 27.0]).numpy().round(4)
    array([-2.,  3.], dtype=float32)
    """
    x = backend.as_float(x)
    return backend.multiply(backend.sign(x), backend.power(backend.absolute(x), 1 / 3))


@op(rules.float_broadcast)
def hypot(x1: Any, x2: Any) -> Any:
    """Length of the hypotenuse: sqrt(x1**2 + x2**2), with no overflow on the way.

    >>> from hornbook import ops
    >>> ops.hypot([3.0, 5.0], [4.0, 12.0]).numpy()
    array([ 5., 13.], dtype=float32)
    """
    x1, x2 = backend.absolute(backend.as_float(x1)), backend.absolute(backend.as_float(x2))
    long, short = backend.maximum(x1, x2), backend.minimum(x1, x2)
    length = backend.multiply(long, backend.sqrt(backend.add(backend.square(backend.divide_no_nan(short, long)), 1)))
    return backend.where(backend.isinf(long), long, length)


@op
def gcd(x1: Any, x2: Any) -> Any:
    """Greatest common divisor of integers.

    >>> from hornbook import ops
    >>> ops.gcd([12, 18], 8).numpy()
    array([4, 2], dtype=int32)
    """
    return backend.gcd(x1, x2)


@op
def lcm(x1: Any, x2: Any) -> Any:
    """Least common multiple of integers: |x1 * x2| / gcd(x1, x2).

    >>> from hornbook import ops
    >>> ops.lcm([4, 6], 10).numpy()
    array([20, 30], dtype=int32)
    """
    divisor = backend.maximum(backend.gcd(x1, x2), 1)
    return backend.absolute(backend.multiply(backend.floor_divide(x1, divisor), x2))


@op
def ldexp(x1: Any, x2: Any) -> Any:
    """x1 * 2**x2 for integer x2.

    >>> from hornbook import ops
    >>> ops.ldexp([0.5, 3.0], [1, 2]).numpy()
    array([ 1., 12.], dtype=float32)
    """
    return backend.multiply(x1, backend.power(2.0, backend.cast(x2, backend.as_float(x1).dtype)))


# -------------------------------------------------------------------------------------------------- Limits and rounding


@op(rules.broadcast)
def maximum(x1: Any, x2: Any) -> Any:
    """The larger of two numbers; NaN if one is NaN.

    >>> from hornbook import ops
    >>> ops.maximum([1, 5], 3).numpy()
    array([3, 5], dtype=int32)
    """
    return backend.maximum(x1, x2)


@op(rules.broadcast)
def minimum(x1: Any, x2: Any) -> Any:
    """The smaller of two numbers; NaN if one is NaN.

    >>> from hornbook import ops
    >>> ops.minimum([1, 5], 3).numpy()
    array([1, 3], dtype=int32)
    """
    return backend.minimum(x1, x2)


@op(rules.broadcast)
def fmax(x1: Any, x2: Any) -> Any:
    """The larger of two numbers; the other one if one is NaN.

    >>> from hornbook import ops
    >>> ops.fmax([1.0, float("nan")], 0.5).numpy()
    array([1. , 0.5], dtype=float32)
    """
    x1, x2 = backend.where(backend.isnan(x1), x2, x1), backend.where(backend.isnan(x2), x1, x2)
    return backend.maximum(x1, x2)


@op(rules.broadcast)
def fmin(x1: Any, x2: Any) -> Any:
    """The smaller of two numbers; the other one if one is NaN.

    >>> from hornbook import ops
    >>> ops.fmin([1.0, float("nan")], 0.5).numpy()
    array([0.5, 0.5], dtype=float32)
    """
    x1, x2 = backend.where(backend.isnan(x1), x2, x1), backend.where(backend.isnan(x2), x1, x2)
    return backend.minimum(x1, x2)


@op(rules.clip)
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """Numbers below x_min raised to it, numbers above x_max lowered to it.

    >>> from hornbook import ops
    >>> ops.clip([-1.0, 0.5, 2.0], 0, 1).numpy()
    array([0. , 0.5, 1. ], dtype=float32)
    """
    return backend.clip(x, x_min, x_max)


@op(rules.float_like_first)
def ceil(x: Any) -> Any:
    """The smallest integer not below x.

    >>> from hornbook import ops
    >>> ops.ceil([1.2, -1.2]).numpy()
    array([ 2., -1.], dtype=float32)
    """
    return backend.ceil(x)


@op(rules.float_like_first)
def floor(x: Any) -> Any:
    """The largest integer not above x.

    >>> from hornbook import ops
    >>> ops.floor([1.2, -1.2]).numpy()
    array([ 1., -2.], dtype=float32)
    """
    return backend.floor(x)


@op(rules.like_first)
def trunc(x: Any) -> Any:
    """The integer between zero and x that is nearest to x.

    >>> from hornbook import ops
    >>> ops.trunc([1.7, -1.7]).numpy()
    array([ 1., -1.], dtype=float32)
    """
    return backend.trunc(x)


@op(rules.number_like_first)
def round(x: Any, decimals: int = 0) -> Any:
    """The nearest number with so many decimals; halves go to the even neighbour.

    >>> from hornbook import ops
    >>> ops.round([0.5, 1.5, 2.345]).numpy(), ops.round([2.345], 2).numpy()
    (array([0., 2., 2.], dtype=float32), array([2.34], dtype=float32))
    """
    return backend.round(x, decimals)


@op(rules.like_first)
def nan_to_num(x: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """NaN replaced by `nan`, the infinities by `posinf` and `neginf` (None: the largest finite numbers).

    >>> from hornbook import ops
    >>> ops.nan_to_num([1.0, float("nan"), float("inf")], posinf=9).numpy()
    array([1., 0., 9.], dtype=float32)
    """
    x = backend.convert_to_tensor(x)
    dtype = backend.standardize_dtype(x.dtype)
    if not backend.is_float_dtype(dtype):
        return x
    largest = _LARGEST[dtype]
    x = backend.where(backend.isnan(x), backend.cast(nan, dtype), x)
    high = backend.cast(largest if posinf is None else posinf, dtype)
    low = backend.cast(-largest if neginf is None else neginf, dtype)
    infinite = backend.isinf(x)
    return backend.where(infinite, backend.where(backend.greater(x, 0), high, low), x)


_LARGEST = {"float16": 65504.0, "bfloat16": (2 - 2**-7) * 2.0**127, "float32": (2 - 2**-23) * 2.0**127}
_LARGEST["float64"] = float(np.finfo(np.float64).max)


@op(rules.float_broadcast)
def nextafter(x1: Any, x2: Any) -> Any:
    """The float next to x1 on the way to x2.

    >>> from hornbook import ops
    >>> ops.nextafter([1.0], [2.0]).numpy() > 1
    array([ True])
    """
    x1, x2 = backend.as_float(x1), backend.as_float(x2)
    x1, x2 = backend.add(x1, backend.zeros_like(x2)), backend.add(x2, backend.zeros_like(x1))
    integer = {"float16": "int16", "bfloat16": "int16", "float32": "int32", "float64": "int64"}[_name(x1)]
    bits = backend.view(x1, integer)  # neighbouring floats have neighbouring bits
    outwards = backend.equal(backend.greater(x2, x1), backend.greater(x1, 0))
    moved = backend.view(backend.add(bits, backend.where(outwards, 1, -1)), _name(x1))
    tiny = backend.view(backend.ones_like(bits), _name(x1))
    moved = backend.where(
        backend.equal(x1, 0), backend.where(backend.greater(x2, 0), tiny, backend.negative(tiny)), moved
    )
    stays = backend.logical_or(backend.equal(x1, x2), backend.logical_or(backend.isnan(x1), backend.isnan(x2)))
    return backend.where(stays, backend.add(x2, backend.where(backend.isnan(x1), x1, 0)), moved)


def _name(x: Any) -> str:
    return backend.standardize_dtype(x.dtype)


# ------------------------------------------------------------------------------------------ Exponentials and logarithms


@op(rules.float_like_first)
def exp(x: Any) -> Any:
    """e to the power x.

    >>> from hornbook import ops
    >>> ops.exp([0.0, 1.0]).numpy().round(3)
    array([1.   , 2.718], dtype=float32)
    """
    return backend.exp(x)


@op(rules.float_like_first)
def exp2(x: Any) -> Any:
    """2 to the power x.

    >>> from hornbook import ops
    >>> ops.exp2([0.0, 3.0]).numpy()
    array([1., 8.], dtype=float32)
    """
    return backend.power(2.0, x)


@op(rules.float_like_first)
def expm1(x: Any) -> Any:
    """exp(x) - 1, exact for small x.

    >>> from hornbook import ops
    >>> ops.expm1([0.0, 1.0]).numpy().round(3)
    array([0.   , 1.718], dtype=float32)
    """
    return backend.expm1(x)


@op(rules.float_like_first)
def log(x: Any) -> Any:
    """Natural logarithm.

    >>> from hornbook import ops
    >>> ops.log([1.0, 10.0]).numpy().round(3)
    array([0.   , 2.303], dtype=float32)
    """
    return backend.log(x)


@op(rules.float_like_first)
def log1p(x: Any) -> Any:
    """log(1 + x), exact for small x.

    >>> from hornbook import ops
    >>> ops.log1p([0.0, 1.0]).numpy().round(3)
    array([0.   , 0.693], dtype=float32)
    """
    return backend.log1p(x)


@op(rules.float_like_first)
def log2(x: Any) -> Any:
    """Logarithm to base 2.

    >>> from hornbook import ops
    >>> ops.log2([1.0, 8.0]).numpy().round(3)
    array([0., 3.], dtype=float32)
    """
    return backend.divide(backend.log(x), math.log(2))


@op(rules.float_like_first)
def log10(x: Any) -> Any:
    """Logarithm to base 10.

    >>> from hornbook import ops
    >>> ops.log10([1.0, 100.0]).numpy().round(3)
    array([0., 2.], dtype=float32)
    """
    return backend.divide(backend.log(x), math.log(10))


@op(rules.float_broadcast)
def logaddexp(x1: Any, x2: Any) -> Any:
    """log(exp(x1) + exp(x2)), with no overflow: max + log(1 + exp(-|x1 - x2|)).

    >>> from hornbook import ops
    >>> ops.logaddexp([1000.0], [1000.0]).numpy().round(2)
    array([1000.69], dtype=float32)
    """
    x1, x2 = backend.as_float(x1), backend.as_float(x2)
    gap = backend.subtract(x1, x2)
    larger = backend.add(backend.maximum(x1, x2), backend.log1p(backend.exp(backend.negative(backend.absolute(gap)))))
    return backend.where(backend.isnan(gap), backend.add(x1, x2), larger)  # NaN, or both the same infinity


@op(rules.float_broadcast)
def logaddexp2(x1: Any, x2: Any) -> Any:
    """log2(2**x1 + 2**x2), with no overflow.

    >>> from hornbook import ops
    >>> ops.logaddexp2([3.0], [3.0]).numpy()
    array([4.], dtype=float32)
    """
    x1, x2 = backend.as_float(x1), backend.as_float(x2)
    gap = backend.subtract(x1, x2)
    rest = backend.log1p(backend.power(2.0, backend.negative(backend.absolute(gap))))
    larger = backend.add(backend.maximum(x1, x2), backend.divide(rest, math.log(2)))
    return backend.where(backend.isnan(gap), backend.add(x1, x2), larger)


# --------------------------------------------------------------------------------------------------------------- Angles


@op(rules.float_like_first)
def sin(x: Any) -> Any:
    """Sine.

    >>> from hornbook import ops
    >>> ops.sin([0.0, 1.0]).numpy().round(3)
    array([0.   , 0.841], dtype=float32)
    """
    return backend.sin(x)


@op(rules.float_like_first)
def cos(x: Any) -> Any:
    """Cosine.

    >>> from hornbook import ops
    >>> ops.cos([0.0, 1.0]).numpy().round(3)
    array([1.  , 0.54], dtype=float32)
    """
    return backend.cos(x)


@op(rules.float_like_first)
def tan(x: Any) -> Any:
    """Tangent.

    >>> from hornbook import ops
    >>> ops.tan([0.0, 1.0]).numpy().round(3)
    array([0.   , 1.557], dtype=float32)
    """
    return backend.tan(x)


@op(rules.float_like_first)
def arcsin(x: Any) -> Any:
    """The angle from -pi/2 to pi/2 whose sine is x.

    >>> from hornbook import ops
    >>> ops.arcsin([0.0, 1.0]).numpy().round(3)
    array([0.   , 1.571], dtype=float32)
    """
    return backend.arcsin(x)


@op(rules.float_like_first)
def arccos(x: Any) -> Any:
    """The angle from 0 to pi whose cosine is x.

    >>> from hornbook import ops
    >>> ops.arccos([0.0, 1.0]).numpy().round(3)
    array([1.571, 0.   ], dtype=float32)
    """
    return backend.arccos(x)


@op(rules.float_like_first)
def arctan(x: Any) -> Any:
    """The angle from -pi/2 to pi/2 whose tangent is x.

    >>> from hornbook import ops
    >>> ops.arctan([0.0, 1.0]).numpy().round(3)
    array([0.   , 0.785], dtype=float32)
    """
    return backend.arctan(x)


@op(rules.float_broadcast)
def arctan2(x1: Any, x2: Any) -> Any:
    """The angle from -pi to pi of the point with ordinate x1 and abscissa x2.

    >>> from hornbook import ops
    >>> ops.arctan2([1.0, -1.0], [-1.0, 1.0]).numpy().round(3)
    array([ 2.356, -0.785], dtype=float32)
    """
    return backend.arctan2(x1, x2)


@op(rules.float_like_first)
def sinh(x: Any) -> Any:
    """Hyperbolic sine: (exp(x) - exp(-x)) / 2.

    >>> from hornbook import ops
    >>> ops.sinh([0.0, 1.0]).numpy().round(3)
    array([0.   , 1.175], dtype=float32)
    """
    return backend.sinh(x)


@op(rules.float_like_first)
def cosh(x: Any) -> Any:
    """Hyperbolic cosine: (exp(x) + exp(-x)) / 2.

    >>> from hornbook import ops
    >>> ops.cosh([0.0, 1.0]).numpy().round(3)
    array([1.   , 1.543], dtype=float32)
    """
    return backend.cosh(x)


@op(rules.float_like_first)
def tanh(x: Any) -> Any:
    """Hyperbolic tangent: sinh(x) / cosh(x).

    >>> from hornbook import ops
    >>> ops.tanh([0.0, 1.0]).numpy().round(3)
    array([0.   , 0.762], dtype=float32)
    """
    return backend.tanh(x)


@op(rules.float_like_first)
def arcsinh(x: Any) -> Any:
    """The number whose hyperbolic sine is x.

    >>> from hornbook import ops
    >>> ops.arcsinh([0.0, 1.0]).numpy().round(3)
    array([0.   , 0.881], dtype=float32)
    """
    return backend.arcsinh(x)


@op(rules.float_like_first)
def arccosh(x: Any) -> Any:
    """The positive number whose hyperbolic cosine is x.

    >>> from hornbook import ops
    >>> ops.arccosh([1.0, 2.0]).numpy().round(3)
    array([0.   , 1.317], dtype=float32)
    """
    return backend.arccosh(x)


@op(rules.float_like_first)
def arctanh(x: Any) -> Any:
    """The number whose hyperbolic tangent is x.

    >>> from hornbook import ops
    >>> ops.arctanh([0.0, 0.5]).numpy().round(3)
    array([0.   , 0.549], dtype=float32)
    """
    return backend.arctanh(x)


@op(rules.float_like_first)
def deg2rad(x: Any) -> Any:
    """Degrees as radians: x * pi / 180.

    >>> from hornbook import ops
    >>> ops.deg2rad([180.0, 90.0]).numpy().round(3)
    array([3.142, 1.571], dtype=float32)
    """
    return backend.multiply(backend.as_float(x), math.pi / 180)


@op(rules.float_like_first)
def rad2deg(x: Any) -> Any:
    """Radians as degrees: x * 180 / pi.

    >>> from hornbook import ops
    >>> ops.rad2deg([3.1415927]).numpy().round(1)
    array([180.], dtype=float32)
    """
    return backend.multiply(backend.as_float(x), 180 / math.pi)


@op(rules.float_like_first)
def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x), and 1 at 0.

    >>> from hornbook import ops
    >>> ops.sinc([0.0, 0.5]).numpy().round(3)
    array([1.   , 0.637], dtype=float32)
    """
    x = backend.as_float(x)
    at_zero = backend.equal(x, 0)
    angle = backend.multiply(backend.where(at_zero, 1, x), math.pi)
    return backend.where(at_zero, 1, backend.divide(backend.sin(angle), angle))


@op(rules.float_like_first)
def i0(x: Any) -> Any:
    """Modified Bessel function of the first kind, of order 0.

    >>> from hornbook import ops
    >>> ops.i0([0.0, 1.0]).numpy().round(3)
    array([1.   , 1.266], dtype=float32)
    """
    return backend.bessel_i0(x)


@op(rules.float_broadcast)
def heaviside(x1: Any, x2: Any) -> Any:
    """The step from 0 to 1 at 0, with the value x2 at 0 itself.

    >>> from hornbook import ops
    >>> ops.heaviside([-1.0, 0.0, 2.0], 0.5).numpy()
    array([0. , 0.5, 1. ], dtype=float32)
    """
    x1, x2 = backend.as_float(x1), backend.as_float(x2)
    step = backend.where(backend.equal(x1, 0), x2, backend.cast(backend.greater(x1, 0), x1.dtype))
    return backend.where(backend.isnan(x1), x1, step)


@op(rules.float_like_first)
def erf(x: Any) -> Any:
    """Error function: 2 / sqrt(pi) times the integral of exp(-t**2) from 0 to x.

    >>> from hornbook import ops
    >>> ops.erf([0.0, 1.0]).numpy().round(3)
    array([0.   , 0.843], dtype=float32)
    """
    return backend.erf(x)


@op(rules.float_like_first)
def erfc(x: Any) -> Any:
    """1 - erf(x), exact for large x.

    >>> from hornbook import ops
    >>> ops.erfc([0.0, 1.0]).numpy().round(3)
    array([1.   , 0.157], dtype=float32)
    """
    return backend.erfc(x)


@op(rules.float_like_first)
def erfinv(x: Any) -> Any:
    """The number whose error function is x.

    >>> from hornbook import ops
    >>> ops.erfinv([0.0, 0.5]).numpy().round(3)
    array([0.   , 0.477], dtype=float32)
    """
    return backend.erfinv(x)


# ------------------------------------------------------------------------------------------------------ Complex numbers


@op
def real(x: Any) -> Any:
    """The real part.

    >>> from hornbook import ops
    >>> ops.real([1 + 2j]).numpy()
    array([1.])
    """
    return backend.real(x)


@op
def imag(x: Any) -> Any:
    """The imaginary part; zeros for real numbers.

    >>> from hornbook import ops
    >>> ops.imag([1 + 2j]).numpy()
    array([2.])
    """
    return backend.imag(x)


@op
def angle(x: Any) -> Any:
    """The angle of a complex number with the positive real axis, in radians.

    >>> from hornbook import ops
    >>> ops.angle([1j, -1.0]).numpy().round(3)
    array([1.571, 3.142])
    """
    return backend.angle(x)


@op(rules.like_first)
def conjugate(x: Any) -> Any:
    """The complex conjugate: the imaginary part with its sign turned.

    >>> from hornbook import ops
    >>> ops.conjugate([1 + 2j]).numpy()
    array([1.-2.j])
    """
    return backend.conjugate(x)


conj = conjugate


@op
def view_as_complex(x: Any) -> Any:
    """Pairs (real, imaginary) on the last axis, which is 2 long, as complex numbers.

    >>> from hornbook import ops
    >>> ops.view_as_complex([[1.0, 2.0], [3.0, 4.0]]).numpy()
    array([1.+2.j, 3.+4.j], dtype=complex64)
    """
    return backend.to_complex(backend.get_item(x, (Ellipsis, 0)), backend.get_item(x, (Ellipsis, 1)))


@op
def view_as_real(x: Any) -> Any:
    """Complex numbers as pairs (real, imaginary) on a new last axis.

    >>> from hornbook import ops
    >>> ops.view_as_real([1 + 2j]).numpy()
    array([[1., 2.]])
    """
    return backend.stack([backend.real(x), backend.imag(x)], -1)


# ----------------------------------------------------------------------------------------------- Functions of functions


def vectorize(pyfunc: Callable, *, excluded: Any = None, signature: str | None = None) -> Callable:
    """A function of single numbers made a function of arrays, called for each element with broadcasting.

    Args:
        pyfunc: a function of scalars, written with ops.
        excluded: positions of the arguments that are handed on as they are.
        signature: only None.

    Raises:
        NotImplementedError: for a signature of arrays; use `vectorized_map` there.

    >>> from hornbook import ops
    >>> ops.vectorize(lambda a, b: ops.where(a > b, a - b, a + b))([1, 2, 3, 4], 2).numpy()
    array([3, 4, 1, 2], dtype=int32)
    """
    if signature is not None:
        raise NotImplementedError(f"vectorize takes no signature, got {signature!r}; use ops.vectorized_map instead.")
    kept = set(excluded or ())

    def apply(*args: Any) -> Any:
        places = [i for i in range(len(args)) if i not in kept]
        arrays = [backend.convert_to_tensor(args[i]) for i in places]
        shape = rules.broadcast_shapes(*[rules.shape_of(x) for x in arrays])
        columns = tuple([backend.reshape(backend.broadcast_to(x, shape), (-1,)) for x in arrays])

        def on_scalars(numbers: tuple) -> Any:
            given = dict(zip(places, numbers, strict=True))
            return pyfunc(*[given.get(i, args[i]) for i in range(len(args))])

        return backend.reshape(backend.vectorized_map(on_scalars, columns), shape)

    return apply
