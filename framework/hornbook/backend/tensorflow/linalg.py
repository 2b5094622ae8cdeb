"""Linear algebra on the last two axes; integers are taken to `floatx()`."""

from typing import Any

import numpy as np
import tensorflow as tf

from hornbook.backend.tensorflow.arguments import as_float, meet
from hornbook.backend.tensorflow.arithmetic import square

__all__ = [
    "cholesky",
    "cholesky_solve",
    "det",
    "eig",
    "eigh",
    "inv",
    "jvp",
    "lstsq",
    "lu_factor",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
]


def cholesky(x: Any, upper: bool = False) -> Any:
    lower = tf.linalg.cholesky(as_float(x))
    return tf.linalg.adjoint(lower) if upper else lower


def cholesky_solve(factor: Any, b: Any) -> Any:
    """x with (L L^T) x = b, from the lower triangular L."""
    return tf.linalg.cholesky_solve(*meet(as_float(factor), b))


def det(x: Any) -> Any:
    return tf.linalg.det(as_float(x))


def slogdet(x: Any) -> tuple:
    return tuple(tf.linalg.slogdet(as_float(x)))


def eig(x: Any) -> tuple:
    return tuple(tf.linalg.eig(as_float(x)))


def eigh(x: Any) -> tuple:
    return tuple(tf.linalg.eigh(as_float(x)))


def inv(x: Any) -> Any:
    return tf.linalg.inv(as_float(x))


def pinv(x: Any, rcond: Any = None) -> Any:
    return tf.linalg.pinv(as_float(x), rcond=rcond)


def lu_factor(x: Any) -> tuple:
    """L (below the diagonal, its ones left out) and U in one matrix, and the order of rows p with x = (L U)[p]."""
    factors, permutation = tf.linalg.lu(as_float(x))
    return factors, tf.argsort(permutation)


def qr(x: Any, mode: str = "reduced") -> tuple:
    if mode not in ("reduced", "complete"):
        raise ValueError(f"mode of qr must be 'reduced' or 'complete', got {mode!r}.")
    return tuple(tf.linalg.qr(as_float(x), full_matrices=mode == "complete"))


def solve(a: Any, b: Any) -> Any:
    a, b = meet(as_float(a), as_float(b))
    if b.shape.rank == a.shape.rank - 1:
        return tf.squeeze(tf.linalg.solve(a, b[..., None]), -1)
    return tf.linalg.solve(a, b)


def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    a, b = meet(as_float(a), as_float(b))
    if b.shape.rank == a.shape.rank - 1:
        return tf.squeeze(tf.linalg.triangular_solve(a, b[..., None], lower=lower), -1)
    return tf.linalg.triangular_solve(a, b, lower=lower)


def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    x = as_float(x)
    if not compute_uv:
        return tf.linalg.svd(x, compute_uv=False)
    values, left, right = tf.linalg.svd(x, full_matrices=full_matrices)
    return left, values, tf.linalg.adjoint(right)


def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """The x that makes |a x - b| least, of the shortest length: by the pseudo-inverse."""
    a, b = meet(as_float(a), as_float(b))
    inverse = tf.linalg.pinv(a, rcond=rcond)
    return tf.linalg.matvec(inverse, b) if b.shape.rank == 1 else tf.matmul(inverse, b)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = as_float(x)
    rank = x.shape.rank
    axes = tuple(range(rank)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    if axis is None and ord is None or ord == "fro" or (ord in (None, 2) and len(axes) == 1):
        return tf.sqrt(tf.reduce_sum(square(tf.abs(x)), axes, keepdims))
    if len(axes) == 1:
        size = tf.abs(x)
        if ord in (np.inf, -np.inf):
            return (tf.reduce_max if ord > 0 else tf.reduce_min)(size, axes, keepdims)
        if ord == 0:
            return tf.reduce_sum(tf.cast(tf.not_equal(x, 0), size.dtype), axes, keepdims)
        if isinstance(ord, int | float):
            return tf.reduce_sum(size**ord, axes, keepdims) ** (1.0 / ord)
    if len(axes) == 2:
        if ord is None:
            return tf.sqrt(tf.reduce_sum(square(tf.abs(x)), axes, keepdims))
        rows, columns = (a % rank for a in axes)
        if ord in (1, -1, np.inf, -np.inf):
            summed, compared = (rows, columns) if abs(ord) == 1 else (columns, rows)
            sums = tf.reduce_sum(tf.abs(x), summed, keepdims=True)
            result = (tf.reduce_max if ord > 0 else tf.reduce_min)(sums, compared, keepdims=True)
            return result if keepdims else tf.squeeze(result, axes)
        if ord in (2, -2, "nuc"):
            others = [a for a in range(rank) if a not in (rows, columns)]
            values = tf.linalg.svd(tf.transpose(x, [*others, rows, columns]), compute_uv=False)
            reduce = tf.reduce_sum if ord == "nuc" else tf.reduce_max if ord == 2 else tf.reduce_min
            result = reduce(values, -1)
            for place in sorted((rows, columns)) if keepdims else ():
                result = tf.expand_dims(result, place)
            return result
    raise ValueError(
        f"norm has no order {ord!r} for {len(axes)} axes: a vector takes None, 0, a number or inf; "
        "a matrix None, 'fro', 'nuc', 1, -1, 2, -2, inf, -inf."
    )


def jvp(fun: Any, primals: Any, tangents: Any, has_aux: bool = False) -> tuple:
    """fun(primals) and its derivative along the tangents (forward mode); `has_aux`: fun gives (output, extra)."""
    primals = [as_float(x) for x in (primals if isinstance(primals, list | tuple) else [primals])]
    tangents = [as_float(x) for x in (tangents if isinstance(tangents, list | tuple) else [tangents])]
    with tf.autodiff.ForwardAccumulator(primals, tangents) as accumulator:
        result = fun(*primals)
        output, extra = result if has_aux else (result, None)
    slope = accumulator.jvp(output)
    return (output, slope, extra) if has_aux else (output, slope)
