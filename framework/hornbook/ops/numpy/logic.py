"""Questions that are answered by True or False, and operations on bits."""

from typing import Any

from hornbook import backend
from hornbook.core import rules
from hornbook.core.op import op

__all__ = [
    "allclose",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "equal",
    "greater",
    "greater_equal",
    "isclose",
    "isfinite",
    "isin",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "left_shift",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "not_equal",
    "right_shift",
    "signbit",
]


# ---------------------------------------------------------------------------------------------------------- Comparisons


@op(rules.boolean)
def equal(x1: Any, x2: Any) -> Any:
    """Whether x1 == x2.

    >>> from hornbook import ops
    >>> ops.equal([1, 2], [1, 3]).numpy()
    array([ True, False])
    """
    return backend.equal(x1, x2)


@op(rules.boolean)
def not_equal(x1: Any, x2: Any) -> Any:
    """Whether x1 != x2.

    >>> from hornbook import ops
    >>> ops.not_equal([1, 2], [1, 3]).numpy()
    array([False,  True])
    """
    return backend.not_equal(x1, x2)


@op(rules.boolean)
def greater(x1: Any, x2: Any) -> Any:
    """Whether x1 > x2.

    >>> from hornbook import ops
    >>> ops.greater([1, 2, 3], 2).numpy()
    array([False, False,  True])
    """
    return backend.greater(x1, x2)


@op(rules.boolean)
def greater_equal(x1: Any, x2: Any) -> Any:
    """Whether x1 >= x2.

    >>> from hornbook import ops
    >>> ops.greater_equal([1, 2, 3], 2).numpy()
    array([False,  True,  True])
    """
    return backend.greater_equal(x1, x2)


@op(rules.boolean)
def less(x1: Any, x2: Any) -> Any:
    """Whether x1 < x2.

    >>> from hornbook import ops
    >>> ops.less([1, 2, 3], 2).numpy()
    array([ True, False, False])
    """
    return backend.less(x1, x2)


@op(rules.boolean)
def less_equal(x1: Any, x2: Any) -> Any:
    """Whether x1 <= x2.

    >>> from hornbook import ops
    >>> ops.less_equal([1, 2, 3], 2).numpy()
    array([ True,  True, False])
    """
    return backend.less_equal(x1, x2)


@op(rules.boolean)
def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether |x1 - x2| <= atol + rtol * |x2|; infinities are close to themselves, NaNs if `equal_nan`.

    >>> from hornbook import ops
    >>> ops.isclose([1.0, 1.1], [1.000001, 1.0]).numpy()
    array([ True, False])
    """
    x1, x2 = backend.as_float(x1), backend.as_float(x2)
    margin = backend.add(backend.multiply(backend.absolute(x2), rtol), atol)
    near = backend.less_equal(backend.absolute(backend.subtract(x1, x2)), margin)
    finite = backend.logical_and(backend.isfinite(x1), backend.isfinite(x2))
    close = backend.where(finite, near, backend.equal(x1, x2))
    if equal_nan:
        close = backend.logical_or(close, backend.logical_and(backend.isnan(x1), backend.isnan(x2)))
    return close


@op
def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether all elements are close, as `isclose` has it.

    >>> from hornbook import ops
    >>> bool(ops.allclose([1.0, 2.0], [1.0, 2.000001]))
    True
    """
    return backend.all(isclose(x1, x2, rtol, atol, equal_nan))


@op(rules.boolean_like_first)
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether each element of x1 is one of those in x2 (with `invert`: is none of them).

    >>> from hornbook import ops
    >>> ops.isin([1, 2, 3], [2, 5]).numpy()
    array([False,  True, False])
    """
    x1 = backend.convert_to_tensor(x1)
    found = backend.any(backend.equal(backend.expand_dims(x1, -1), backend.ravel(x2)), axis=-1)
    return backend.logical_not(found) if invert else found


# -------------------------------------------------------------------------------------------------- What kind of number


@op(rules.boolean_like_first)
def isfinite(x: Any) -> Any:
    """Whether x is neither infinite nor NaN.

    >>> from hornbook import ops
    >>> ops.isfinite([1.0, float("inf"), float("nan")]).numpy()
    array([ True, False, False])
    """
    return backend.isfinite(x)


@op(rules.boolean_like_first)
def isinf(x: Any) -> Any:
    """Whether x is infinite.

    >>> from hornbook import ops
    >>> ops.isinf([1.0, float("inf"), float("nan")]).numpy()
    array([False,  True, False])
    """
    return backend.isinf(x)


@op(rules.boolean_like_first)
def isnan(x: Any) -> Any:
    """Whether x is not a number.

    >>> from hornbook import ops
    >>> ops.isnan([1.0, float("inf"), float("nan")]).numpy()
    array([False, False,  True])
    """
    return backend.isnan(x)


@op(rules.boolean_like_first)
def isposinf(x: Any) -> Any:
    """Whether x is +infinity.

    >>> from hornbook import ops
    >>> ops.isposinf([1.0, float("inf"), -float("inf")]).numpy()
    array([False,  True, False])
    """
    return backend.logical_and(backend.isinf(backend.real(x)), backend.greater(backend.real(x), 0))


@op(rules.boolean_like_first)
def isneginf(x: Any) -> Any:
    """Whether x is -infinity.

    >>> from hornbook import ops
    >>> ops.isneginf([1.0, float("inf"), -float("inf")]).numpy()
    array([False, False,  True])
    """
    return backend.logical_and(backend.isinf(backend.real(x)), backend.less(backend.real(x), 0))


@op(rules.boolean_like_first)
def isreal(x: Any) -> Any:
    """Whether the imaginary part is 0.

    >>> from hornbook import ops
    >>> ops.isreal([1 + 0j, 2j]).numpy()
    array([ True, False])
    """
    return backend.equal(backend.imag(x), 0)


@op(rules.boolean_like_first)
def signbit(x: Any) -> Any:
    """Whether the sign is negative, also that of -0.0.

    >>> from hornbook import ops
    >>> ops.signbit([-1.0, -0.0, 0.0]).numpy()
    array([ True,  True, False])
    """
    x = backend.convert_to_tensor(x)
    dtype = backend.standardize_dtype(x.dtype)
    bits = {"float16": "int16", "bfloat16": "int16", "float32": "int32", "float64": "int64"}.get(dtype)
    return backend.less(x if bits is None else backend.view(x, bits), 0)


# ---------------------------------------------------------------------------------------------------------------- Logic


@op(rules.boolean)
def logical_and(x1: Any, x2: Any) -> Any:
    """Whether both are true (not 0).

    >>> from hornbook import ops
    >>> ops.logical_and([True, True], [True, False]).numpy()
    array([ True, False])
    """
    return backend.logical_and(x1, x2)


@op(rules.boolean)
def logical_or(x1: Any, x2: Any) -> Any:
    """Whether at least one is true (not 0).

    >>> from hornbook import ops
    >>> ops.logical_or([True, False], [False, False]).numpy()
    array([ True, False])
    """
    return backend.logical_or(x1, x2)


@op(rules.boolean)
def logical_xor(x1: Any, x2: Any) -> Any:
    """Whether exactly one is true (not 0).

    >>> from hornbook import ops
    >>> ops.logical_xor([True, True], [True, False]).numpy()
    array([False,  True])
    """
    return backend.logical_xor(x1, x2)


@op(rules.boolean_like_first)
def logical_not(x: Any) -> Any:
    """Whether x is false (0).

    >>> from hornbook import ops
    >>> ops.logical_not([True, False]).numpy()
    array([False,  True])
    """
    return backend.logical_not(x)


# ----------------------------------------------------------------------------------------------------------------- Bits


@op(rules.broadcast)
def bitwise_and(x: Any, y: Any) -> Any:
    """The bits that are set in both.

    >>> from hornbook import ops
    >>> ops.bitwise_and([12], [10]).numpy()
    array([8], dtype=int32)
    """
    return backend.bitwise_and(x, y)


@op(rules.broadcast)
def bitwise_or(x: Any, y: Any) -> Any:
    """The bits that are set in at least one.

    >>> from hornbook import ops
    >>> ops.bitwise_or([12], [10]).numpy()
    array([14], dtype=int32)
    """
    return backend.bitwise_or(x, y)


@op(rules.broadcast)
def bitwise_xor(x: Any, y: Any) -> Any:
    """The bits that are set in exactly one.

    >>> from hornbook import ops
    >>> ops.bitwise_xor([12], [10]).numpy()
    array([6], dtype=int32)
    """
    return backend.bitwise_xor(x, y)


@op(rules.like_first)
def bitwise_not(x: Any) -> Any:
    """Every bit turned over.

    >>> from hornbook import ops
    >>> ops.bitwise_not([0, 5]).numpy()
    array([-1, -6], dtype=int32)
    """
    return backend.bitwise_not(x)


bitwise_invert = bitwise_not


@op(rules.number_broadcast)
def left_shift(x: Any, y: Any) -> Any:
    """The bits moved y places up: x * 2**y.

    >>> from hornbook import ops
    >>> ops.left_shift([1, 3], 2).numpy()
    array([ 4, 12], dtype=int32)
    """
    return backend.left_shift(x, y)


bitwise_left_shift = left_shift


@op(rules.number_broadcast)
def right_shift(x: Any, y: Any) -> Any:
    """The bits moved y places down: floor(x / 2**y).

    >>> from hornbook import ops
    >>> ops.right_shift([8, 7], 2).numpy()
    array([2, 1], dtype=int32)
    """
    return backend.right_shift(x, y)


bitwise_right_shift = right_shift
