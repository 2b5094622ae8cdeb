"""Sums of products: matrices, tensors, and their relatives."""

from typing import Any

from hornbook import backend
from hornbook.core import rules
from hornbook.core.op import op

__all__ = [
    "cdist",
    "corrcoef",
    "cross",
    "dot",
    "einsum",
    "inner",
    "kron",
    "matmul",
    "outer",
    "tensordot",
    "vdot",
]


@op(rules.matmul)
def matmul(x1: Any, x2: Any) -> Any:
    """Matrix product over the last two axes: out[..., i, j] = sum_k x1[..., i, k] * x2[..., k, j].

    Args:
        x1: (..., n, k), or (k,) for a row.
        x2: (..., k, m), or (k,) for a column. The axes in front broadcast. Two int8 arrays give int32.

    >>> from hornbook import ops
    >>> ops.matmul([[1, 2], [3, 4]], [[1, 0], [1, 1]]).numpy()
    array([[3, 2],
           [7, 4]], dtype=int32)
    """
    return backend.matmul(x1, x2)


@op
def matmul_and_add(x: Any, kernel: Any, bias: Any) -> Any:
    """x kernel + bias, in one kernel where the backend has it: (..., inner) by (inner, columns) plus (columns,).

    >>> from hornbook.ops.numpy.products import matmul_and_add
    >>> matmul_and_add([[1.0, 2.0]], [[1.0], [1.0]], [0.5]).numpy()
    array([[3.5]], dtype=float32)
    """
    return backend.matmul_and_add(x, kernel, bias)


@op
def dot(x1: Any, x2: Any) -> Any:
    """Sum of products over the last axis of x1 and the last but one of x2.

    >>> from hornbook import ops
    >>> int(ops.dot([1, 2, 3], [4, 5, 6]))
    32
    """
    x1, x2 = backend.convert_to_tensor(x1), backend.convert_to_tensor(x2)
    if not len(x1.shape) or not len(x2.shape):
        return backend.multiply(x1, x2)
    if len(x1.shape) <= 2 and len(x2.shape) <= 2:
        return backend.matmul(x1, x2)
    return backend.tensordot(x1, x2, [[-1], [-1 if len(x2.shape) == 1 else -2]])


@op
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """Sum of products over pairs of axes.

    Args:
        axes: how many of the last axes of x1 meet as many of the first of x2; or (axes of x1, axes of x2).

    >>> from hornbook import ops
    >>> ops.tensordot([[1, 2], [3, 4]], [[1, 0], [1, 1]], axes=1).numpy()
    array([[3, 2],
           [7, 4]], dtype=int32)
    """
    return backend.tensordot(x1, x2, axes)


@op(rules.einsum)
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Sums of products in Einstein's notation: letters that the output lacks are summed over.

    Args:
        subscripts: such as "bij,bjk->bik"; "..." stands for any number of axes.
        operands: as many arrays as there are terms.

    >>> from hornbook import ops
    >>> ops.einsum("ij,kj->ik", [[1, 2], [3, 4]], [[1, 0], [1, 1]]).numpy()
    array([[1, 3],
           [3, 7]], dtype=int32)
    """
    return backend.einsum(subscripts, *operands, **kwargs)


@op
def inner(x1: Any, x2: Any) -> Any:
    """Sum of products over the last axes: out[i, j] = sum_k x1[i, k] * x2[j, k].

    >>> from hornbook import ops
    >>> int(ops.inner([1, 2, 3], [4, 5, 6]))
    32
    """
    x1, x2 = backend.convert_to_tensor(x1), backend.convert_to_tensor(x2)
    if not len(x1.shape) or not len(x2.shape):
        return backend.multiply(x1, x2)
    return backend.tensordot(x1, x2, [[-1], [-1]])


@op
def vdot(x1: Any, x2: Any) -> Any:
    """Sum of all products of corresponding elements, those of x1 conjugated.

    >>> from hornbook import ops
    >>> int(ops.vdot([[1, 2], [3, 4]], [[1, 0], [0, 1]]))
    5
    """
    return backend.tensordot(backend.ravel(backend.conjugate(x1)), backend.ravel(x2), 1)


@op
def outer(x1: Any, x2: Any) -> Any:
    """All products of an element of x1 and one of x2: out[i, j] = x1[i] * x2[j].

    >>> from hornbook import ops
    >>> ops.outer([1, 2], [3, 4, 5]).numpy()
    array([[ 3,  4,  5],
           [ 6,  8, 10]], dtype=int32)
    """
    return backend.multiply(backend.reshape(x1, (-1, 1)), backend.reshape(x2, (1, -1)))


@op
def kron(x1: Any, x2: Any) -> Any:
    """Kronecker product: each element of x1 replaced by that element times x2.

    >>> from hornbook import ops
    >>> ops.kron([1, 2], [1, 1, 0]).numpy()
    array([1, 1, 0, 2, 2, 0], dtype=int32)
    """
    x1, x2 = backend.convert_to_tensor(x1), backend.convert_to_tensor(x2)
    rank = max(len(x1.shape), len(x2.shape))
    left = (1,) * (rank - len(x1.shape)) + tuple(backend.shape(x1))
    right = (1,) * (rank - len(x2.shape)) + tuple(backend.shape(x2))
    blocks = backend.multiply(
        backend.reshape(x1, [size for n in left for size in (n, 1)]),
        backend.reshape(x2, [size for n in right for size in (1, n)]),
    )
    return backend.reshape(blocks, [n * m for n, m in zip(left, right, strict=True)])


@op
def cross(x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """Vector product of vectors of length 3 (or 2, the third number then being 0).

    Args:
        axisa, axisb, axisc: where the vectors lie in x1, x2 and the result; `axis` for all three.

    Raises:
        ValueError: for vectors of another length.

    >>> from hornbook import ops
    >>> ops.cross([1, 2, 3], [4, 5, 6]).numpy()
    array([-3,  6, -3], dtype=int32)
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    x1, x2 = backend.moveaxis(x1, axisa, -1), backend.moveaxis(x2, axisb, -1)
    sizes = x1.shape[-1], x2.shape[-1]
    if sizes[0] not in (2, 3) or sizes[1] not in (2, 3):
        raise ValueError(f"cross takes vectors of length 2 or 3, got shapes {tuple(x1.shape)} and {tuple(x2.shape)}.")
    a, b = ([_component(x, i) for i in range(size)] for x, size in zip((x1, x2), sizes, strict=True))
    third = backend.subtract(backend.multiply(a[0], b[1]), backend.multiply(a[1], b[0]))
    if sizes == (2, 2):
        return third
    zero = backend.zeros_like(third)
    a, b = ([*v, zero][:3] for v in (a, b))
    first = backend.subtract(backend.multiply(a[1], b[2]), backend.multiply(a[2], b[1]))
    second = backend.subtract(backend.multiply(a[2], b[0]), backend.multiply(a[0], b[2]))
    return backend.stack([first, second, third], axis=axisc)


def _component(x: Any, i: int) -> Any:
    return backend.get_item(x, (Ellipsis, i))


@op
def corrcoef(x: Any) -> Any:
    """Correlation coefficients (Pearson) of the rows of x: cov(i, j) / (std(i) std(j)).

    >>> from hornbook import ops
    >>> ops.corrcoef([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]).numpy().round(3)
    array([[ 1., -1.],
           [-1.,  1.]], dtype=float32)
    """
    x = backend.as_float(x)
    deviation = backend.subtract(x, backend.mean(x, axis=-1, keepdims=True))
    if len(x.shape) == 1:
        return backend.ones_like(backend.mean(x))
    covariance = backend.matmul(deviation, backend.conjugate(backend.swapaxes(deviation, -1, -2)))
    spread = backend.sqrt(backend.real(backend.diagonal(covariance)))
    spread = backend.cast(backend.multiply(backend.expand_dims(spread, 1), spread), covariance.dtype)
    return backend.divide(covariance, spread)


@op
def cdist(x: Any, y: Any) -> Any:
    """Distances between all rows of x and all rows of y: out[..., i, j] = |x[..., i, :] - y[..., j, :]|.

    >>> from hornbook import ops
    >>> ops.cdist([[0.0, 0.0]], [[3.0, 4.0], [1.0, 0.0]]).numpy()
    array([[5., 1.]], dtype=float32)
    """
    gap = backend.subtract(backend.expand_dims(backend.as_float(x), -2), backend.expand_dims(backend.as_float(y), -3))
    return backend.sqrt(backend.sum(backend.square(backend.absolute(gap)), -1))
