"""Products of a few vectors with a large matrix, as a compiled program on two or more cores makes them fast.

Reading the matrix is what they cost. XLA gives the product with one vector to a single core, which does not read as fast as the
memory can, and has Eigen pack the whole matrix anew for two. The same numbers as a batch of smaller products, of which each
core takes some, are read as they lie; the parts are the matrix under another shape, so nothing is copied.

For two vectors and more a matrix whose sums go along its rows is the faster. A table of pieces has such rows; a kernel has them
after `lay_rows`, which takes its memory a second time and a thirtieth of a second for 100 MB.
"""

import contextlib
import contextvars
import math
import os
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

__all__ = ["few_with_matrix", "in_program", "is_worth_rows", "lay_rows", "products_with_rows"]

LARGE = 2**18  # numbers of a matrix; below, it comes from a cache and not from the memory
FEW = 3  # vectors, each multiplied by itself; from four on Eigen is as fast with its copies
SUMS = 6  # parts of a sum, or more; with two, the cores wait for each other for a fifth of the time
FEW_WITH_ROWS = 16  # vectors, for a matrix whose sums go along its rows
MOST_PARTS = 64
_in_program = contextvars.ContextVar("a program is traced that XLA compiles", default=False)


@contextlib.contextmanager
def in_program() -> Iterator[None]:
    """What is traced in this context is compiled by XLA as one program."""
    before = _in_program.set(True)
    try:
        yield
    finally:
        _in_program.reset(before)


def has_cores() -> bool:
    """Whether graphs run on several cores of a CPU."""
    return (os.cpu_count() or 1) > 1 and not tf.config.list_physical_devices("GPU")


def is_worth_rows(variable: Any, vectors: int) -> bool:
    """Whether a product of so many vectors with a matrix is faster once the matrix has been laid out in rows."""
    large = len(variable.shape) == 2 and math.prod(variable.shape) >= LARGE and _parts(variable.shape[1]) > 1
    return has_cores() and large and variable.dtype == "float32" and 1 < vectors <= FEW_WITH_ROWS


@tf.function(autograph=False)
def lay_rows(matrices: list) -> list:
    """Matrices (K, N) as (N, K): a row for each column."""
    return [tf.transpose(matrix) for matrix in matrices]


def few_with_matrix(x: Any, matrix: Any) -> Any:
    """x (B, K) times a matrix (K, N), as a sum over parts of K; None where the plain product is as good."""
    rows = _rows_behind(matrix)
    if rows is not None and _is_worth_it(x, rows, FEW_WITH_ROWS):
        return products_with_rows(x, rows)
    if not _is_worth_it(x, matrix, FEW) or (parts := _parts(x.shape[1], SUMS)) == 1:
        return None
    cut = tf.reshape(matrix, (parts, -1, matrix.shape[1]))
    rows = [tf.reduce_sum(tf.matmul(tf.reshape(row, (parts, 1, -1)), cut), 0) for row in tf.unstack(x)]
    return tf.concat(rows, 0)


def products_with_rows(x: Any, rows: Any) -> Any:
    """x E^T: vectors (..., M) times the rows of a table (V, M)."""
    x, rows = tf.convert_to_tensor(x), tf.convert_to_tensor(rows)
    flat = tf.reshape(x, (-1, x.shape[-1]))
    parts = _parts(rows.shape[0])
    if not _is_worth_it(flat, rows, FEW_WITH_ROWS) or parts == 1:
        return tf.reshape(tf.matmul(flat, rows, transpose_b=True), (*_sizes(x)[:-1], _sizes(rows)[0]))
    table = tf.reshape(rows, (parts, -1, rows.shape[1]))
    if flat.shape[0] == 1:
        found = tf.einsum("pvm,m->pv", table, flat[0])
    else:
        found = tf.transpose(tf.matmul(table, tf.tile(flat[None], (parts, 1, 1)), transpose_b=True), (2, 0, 1))
    return tf.reshape(found, (*x.shape[:-1], rows.shape[0]))


def _rows_behind(matrix: Any) -> Any:
    """What a matrix is the transpose of, in a graph; None elsewhere."""
    op: Any = getattr(matrix, "op", None)  # an array from outside has none
    return op.inputs[0] if getattr(op, "type", None) == "Transpose" and matrix.shape.rank == 2 else None


def _is_worth_it(x: Any, matrix: Any, most: int) -> bool:
    """Whether x is known to hold few vectors, and the matrix to be large and to lie in memory, in a program for several cores."""
    return (
        _in_program.get()
        and _is_stored(matrix)
        and x.shape[0] is not None
        and 0 < x.shape[0] <= most
        and x.dtype == matrix.dtype == tf.float32
        and None not in matrix.shape
        and math.prod(matrix.shape) >= LARGE
        and has_cores()
    )


def _is_stored(matrix: Any) -> bool:
    """Whether a matrix of a graph is a variable or an argument, or one turned into floats, as XLA does before a loop."""
    op: Any = getattr(matrix, "op", None)
    if getattr(op, "type", None) == "Cast":
        op = op.inputs[0].op
    return getattr(op, "type", None) in ("ReadVariableOp", "Placeholder")


def _parts(length: int | None, least: int = 2) -> int:
    """In how many equal parts a table is cut: the smallest number that divides it; 1 where none up to `MOST_PARTS` does.

    >>> from hornbook.backend.tensorflow.products import _parts
    >>> _parts(32000), _parts(50257), _parts(101), _parts(3072, 6)
    (2, 29, 1, 6)
    """
    return next((n for n in range(least, MOST_PARTS + 1) if length and length % n == 0), 1)


def _sizes(x: Any) -> tuple:
    shape = tf.shape(x)
    return tuple(shape[i] if size is None else size for i, size in enumerate(x.shape))
