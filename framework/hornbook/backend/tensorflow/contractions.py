"""Products that sum over axes: of matrices, along given axes, and in Einstein's notation."""

import functools
import re
from typing import Any

import tensorflow as tf

from hornbook.backend.dtypes import result_type
from hornbook.backend.tensorflow.arguments import INEXACT, SHORT, as_tensor, meet, operands, raw
from hornbook.backend.tensorflow.arithmetic import add
from hornbook.backend.tensorflow.products import few_with_matrix
from hornbook.backend.tensorflow.services import cast
from hornbook.backend.tensorflow.services import shape as sizes_of
from hornbook.backend.tensorflow.shapes import reshape

__all__ = [
    "einsum",
    "matmul",
    "matmul_and_add",
    "tensordot",
]


def _multipliable(x1: Any, x2: Any) -> tuple[Any, Any, str]:
    """Both in a dtype that the kernels of products know, and the dtype that the product is to have."""
    x1, x2 = operands(as_tensor(x1), as_tensor(x2))
    if x1.dtype in INEXACT or x1.dtype is tf.int32 or x1.dtype is tf.int64:
        return x1, x2, x1.dtype.name
    dtype = "int32" if x1.dtype is tf.int8 else x1.dtype.name  # a product of int8 overflows at once
    wide = tf.int64 if x1.dtype in (tf.uint32, tf.uint64) else tf.int32
    return tf.cast(x1, wide), tf.cast(x2, wide), dtype


def matmul(x1: Any, x2: Any) -> Any:
    if isinstance(x1, tf.SparseTensor):
        x2 = as_tensor(x2)
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


def matmul_and_add(x: Any, kernel: Any, bias: Any) -> Any:
    """x kernel + bias, (..., inner) by (inner, columns) plus (columns,).

    The bias is added before the product takes the shape of x again: then TensorFlow adds it within the product's kernel.
    """
    if not isinstance(x, tf.Tensor) or (x.shape.rank or 0) <= 2:
        return add(matmul(x, kernel), bias)
    flat = add(matmul(reshape(x, (-1, sizes_of(x)[-1])), kernel), bias)
    return reshape(flat, _product_shape(x, flat))


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
    xs = meet(*[as_tensor(x) for x in operands])
    dtype = xs[0].dtype
    if dtype not in INEXACT:
        xs = tuple([tf.cast(x, tf.int64) for x in xs])
        dtype = tf.int32 if dtype is tf.int8 else dtype
    if len(xs) == 2 and dtype in SHORT and (product := einsum_as_product(subscripts, *xs)) is not None:
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
    if any(len(set(term)) < len(term) for term in (a, b)) or {*batch, *rows, *columns} != set(result) or not summed:
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
