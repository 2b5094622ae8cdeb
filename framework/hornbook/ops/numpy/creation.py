"""Arrays out of nothing: constants, ranges, grids, diagonals. Without a dtype they are `floatx()`."""

from typing import Any

from hornbook import backend
from hornbook.core import rules
from hornbook.core.op import op

__all__ = [
    "arange",
    "array",
    "copy",
    "diag",
    "diagflat",
    "diagonal",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "geomspace",
    "identity",
    "linspace",
    "logspace",
    "meshgrid",
    "ones",
    "ones_like",
    "tri",
    "tril",
    "triu",
    "vander",
    "zeros",
    "zeros_like",
]


# ------------------------------------------------------------------------------------------------------------ Constants


@op(rules.filled_like_first)
def array(x: Any, dtype: Any = None) -> Any:
    """x as a tensor.

    >>> from hornbook import ops
    >>> ops.array([1, 2], dtype="float32").numpy()
    array([1., 2.], dtype=float32)
    """
    return backend.array(x, dtype)


@op(rules.like_first)
def copy(x: Any) -> Any:
    """A tensor with the numbers of x.

    >>> from hornbook import ops
    >>> ops.copy([1, 2]).numpy()
    array([1, 2], dtype=int32)
    """
    return backend.array(x)


@op
def zeros(shape: Any, dtype: Any = None) -> Any:
    """Filled with 0.

    >>> from hornbook import ops
    >>> ops.zeros((2,)).numpy()
    array([0., 0.], dtype=float32)
    """
    return backend.zeros(shape, dtype)


@op
def ones(shape: Any, dtype: Any = None) -> Any:
    """Filled with 1.

    >>> from hornbook import ops
    >>> ops.ones((2,)).numpy()
    array([1., 1.], dtype=float32)
    """
    return backend.ones(shape, dtype)


@op
def empty(shape: Any, dtype: Any = None) -> Any:
    """With numbers that have no meaning yet.

    >>> from hornbook import ops
    >>> tuple(ops.empty((2,)).shape)
    (2,)
    """
    return backend.empty(shape, dtype)


@op
def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Filled with `fill_value`, a number or an array that broadcasts to `shape`.

    >>> from hornbook import ops
    >>> ops.full((2, 2), [1, 2], dtype="int32").numpy()
    array([[1, 2],
           [1, 2]], dtype=int32)
    """
    return backend.full(shape, fill_value, dtype)


@op(rules.filled_like_first)
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Filled with 0, in the shape (and dtype) of x.

    >>> from hornbook import ops
    >>> ops.zeros_like([1, 2]).numpy()
    array([0, 0], dtype=int32)
    """
    return backend.zeros_like(x, dtype)


@op(rules.filled_like_first)
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Filled with 1, in the shape (and dtype) of x.

    >>> from hornbook import ops
    >>> ops.ones_like([1, 2]).numpy()
    array([1, 1], dtype=int32)
    """
    return backend.ones_like(x, dtype)


@op(rules.filled_like_first)
def empty_like(x: Any, dtype: Any = None) -> Any:
    """With numbers that have no meaning yet, in the shape (and dtype) of x.

    >>> from hornbook import ops
    >>> tuple(ops.empty_like([1, 2]).shape)
    (2,)
    """
    return backend.empty_like(x, dtype)


@op(rules.filled_like_first)
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Filled with `fill_value`, in the shape (and dtype) of x.

    >>> from hornbook import ops
    >>> ops.full_like([1, 2], 7).numpy()
    array([7, 7], dtype=int32)
    """
    return backend.full_like(x, fill_value, dtype)


# ----------------------------------------------------------------------------------------------------- Ranges and grids


@op
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """Numbers from `start` up to, but without, `stop`, `step` apart; with one argument from 0 up to it.

    >>> from hornbook import ops
    >>> ops.arange(3).numpy(), ops.arange(1.0, 2.0, 0.5).numpy()
    (array([0, 1, 2], dtype=int32), array([1. , 1.5], dtype=float32))
    """
    return backend.arange(start, stop, step, dtype)


@op
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0
) -> Any:
    """`num` numbers, evenly spaced, from `start` to `stop`.

    Args:
        endpoint: whether `stop` is the last of them.
        retstep: give (numbers, distance).
        axis: where the new axis lies if `start` and `stop` are arrays.

    >>> from hornbook import ops
    >>> ops.linspace(0, 1, 5).numpy()
    array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    return backend.linspace(start, stop, num, endpoint, retstep, dtype, axis)


@op
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10, dtype: Any = None, axis: int = 0
) -> Any:
    """`num` numbers, evenly spaced on a logarithmic scale, from base**start to base**stop.

    >>> from hornbook import ops
    >>> ops.logspace(0, 2, 3).numpy()
    array([  1.,  10., 100.], dtype=float32)
    """
    exponents = backend.linspace(start, stop, num, endpoint, axis=axis)
    numbers = backend.power(backend.cast(base, exponents.dtype), exponents)
    return numbers if dtype is None else backend.cast(numbers, dtype)


@op
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    """`num` numbers from `start` to `stop`, each the same multiple of the one before.

    >>> from hornbook import ops
    >>> ops.geomspace(1, 8, 4).numpy().round(4)
    array([1., 2., 4., 8.], dtype=float32)
    """
    first, last = backend.convert_to_tensor(start), backend.convert_to_tensor(stop)
    wide = rules.common_dtype(first, last, least=float)
    first, last = backend.cast(first, wide), backend.cast(last, wide)
    low, high = backend.log(backend.absolute(first)), backend.log(backend.absolute(last))
    sizes = backend.exp(backend.linspace(low, high, num, endpoint, axis=axis))
    signs = backend.sign(backend.add(first, backend.zeros_like(last)))
    numbers = backend.multiply(sizes, backend.expand_dims(signs, axis))
    return numbers if dtype is None else backend.cast(numbers, dtype)


@op
def meshgrid(*x: Any, indexing: str = "xy") -> list:
    """Vectors of coordinates as a grid: for each, an array of that coordinate at every point.

    Args:
        indexing: "xy" (the first two axes exchanged, as pictures have it) or "ij".

    >>> from hornbook import ops
    >>> [grid.numpy().tolist() for grid in ops.meshgrid([1, 2], [3, 4, 5])]
    [[[1, 2], [1, 2], [1, 2]], [[3, 3], [4, 4], [5, 5]]]
    """
    return backend.meshgrid(*x, indexing=indexing)


# ---------------------------------------------------------------------------------------------- Diagonals and triangles


@op
def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """N by M, with 1 on the kth diagonal and 0 elsewhere.

    >>> from hornbook import ops
    >>> ops.eye(2, 3, k=1).numpy()
    array([[0., 1., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    return backend.cast(backend.equal(*_rows_and_columns(N, M, k)), backend.standardize_dtype(dtype))


def _rows_and_columns(rows: Any, columns: Any, k: int) -> tuple[Any, Any]:
    """For each row the column of its kth diagonal, (rows, 1), and the columns' numbers."""
    numbers = backend.arange(rows if columns is None else columns)
    return backend.expand_dims(backend.add(backend.arange(rows), k), 1), numbers


@op
def identity(n: int, dtype: Any = None) -> Any:
    """The n by n matrix with 1 on the diagonal.

    >>> from hornbook import ops
    >>> ops.identity(2).numpy()
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """
    return eye(n, dtype=dtype)


@op
def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """N by M, with 1 on and below the kth diagonal and 0 above.

    >>> from hornbook import ops
    >>> ops.tri(3).numpy()
    array([[1., 0., 0.],
           [1., 1., 0.],
           [1., 1., 1.]], dtype=float32)
    """
    return backend.cast(backend.greater_equal(*_rows_and_columns(N, M, k)), backend.standardize_dtype(dtype))


@op(rules.like_first)
def tril(x: Any, k: int = 0) -> Any:
    """The lower triangle of the last two axes: 0 above the kth diagonal.

    >>> from hornbook import ops
    >>> ops.tril([[1, 2], [3, 4]]).numpy()
    array([[1, 0],
           [3, 4]], dtype=int32)
    """
    x = backend.convert_to_tensor(x)
    rows, columns = backend.shape(x)[-2:]
    below = backend.greater_equal(*_rows_and_columns(rows, columns, k))
    return backend.where(below, x, backend.zeros_like(x))


@op(rules.like_first)
def triu(x: Any, k: int = 0) -> Any:
    """The upper triangle of the last two axes: 0 below the kth diagonal.

    >>> from hornbook import ops
    >>> ops.triu([[1, 2], [3, 4]]).numpy()
    array([[1, 2],
           [0, 4]], dtype=int32)
    """
    x = backend.convert_to_tensor(x)
    rows, columns = backend.shape(x)[-2:]
    above = backend.less_equal(*_rows_and_columns(rows, columns, k))
    return backend.where(above, x, backend.zeros_like(x))


@op
def diag(x: Any, k: int = 0) -> Any:
    """A vector as the kth diagonal of a matrix; the kth diagonal of a matrix as a vector.

    >>> from hornbook import ops
    >>> ops.diag([1, 2]).numpy(), ops.diag([[1, 2], [3, 4]]).numpy()
    (array([[1, 0],
           [0, 2]], dtype=int32), array([1, 4], dtype=int32))
    """
    return backend.diag(x, k)


@op
def diagflat(x: Any, k: int = 0) -> Any:
    """All numbers of x as the kth diagonal of a matrix.

    >>> from hornbook import ops
    >>> ops.diagflat([[1, 2]]).numpy()
    array([[1, 0],
           [0, 2]], dtype=int32)
    """
    return backend.diag(backend.ravel(x), k)


@op
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonals of the matrices that two axes span, along a new last axis.

    >>> from hornbook import ops
    >>> ops.diagonal([[1, 2], [3, 4]]).numpy()
    array([1, 4], dtype=int32)
    """
    return backend.diagonal(x, offset, axis1, axis2)


@op
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Vandermonde's matrix: the columns are the powers of x, from the highest down to 0.

    Args:
        N: number of columns; as many as x has elements if None.
        increasing: from power 0 up.

    >>> from hornbook import ops
    >>> ops.vander([1, 2, 3]).numpy()
    array([[1, 1, 1],
           [4, 2, 1],
           [9, 3, 1]], dtype=int32)
    """
    x = backend.convert_to_tensor(x)
    powers = backend.cast(backend.arange(backend.shape(x)[0] if N is None else N), x.dtype)
    return backend.power(backend.expand_dims(x, -1), powers if increasing else backend.flip(powers))
