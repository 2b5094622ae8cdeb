"""Linear algebra. Matrices lie on the last two axes; those in front are batches. Integers are taken to `floatx()`."""

from collections.abc import Callable
from typing import Any

from hornbook import backend
from hornbook.core.op import op

__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eig",
    "eigh",
    "inv",
    "jvp",
    "logdet",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
]


# ------------------------------------------------------------------------------------------------------- Decompositions


@op
def cholesky(x: Any, upper: bool = False) -> Any:
    """Lower triangular L with L L^T = x, for symmetric positive definite x; with `upper`, its transpose.

    >>> from hornbook import ops
    >>> ops.cholesky([[4.0, 2.0], [2.0, 2.0]]).numpy()
    array([[2., 0.],
           [1., 1.]], dtype=float32)
    """
    return backend.cholesky(x, upper)


@op
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """The inverse of L L^T, given L (with `upper`: of U^T U, given U).

    >>> from hornbook import ops
    >>> ops.cholesky_inverse([[2.0, 0.0], [1.0, 1.0]]).numpy()
    array([[ 0.5, -0.5],
           [-0.5,  1. ]], dtype=float32)
    """
    factor = backend.swapaxes(x, -1, -2) if upper else backend.convert_to_tensor(x)
    identity = backend.broadcast_to(backend.diag(backend.ones(factor.shape[-1], factor.dtype)), backend.shape(factor))
    return backend.cholesky_solve(factor, identity)


@op
def eig(x: Any) -> tuple:
    """Eigenvalues (..., n) and eigenvectors (..., n, n), in the columns, of square matrices; complex.

    >>> from hornbook import ops
    >>> values, vectors = ops.eig([[2.0, 0.0], [0.0, 3.0]])
    >>> values.numpy().real
    array([2., 3.], dtype=float32)
    """
    return backend.eig(x)


@op
def eigh(x: Any) -> tuple:
    """Eigenvalues, rising, and eigenvectors, in the columns, of symmetric matrices.

    >>> from hornbook import ops
    >>> values, vectors = ops.eigh([[2.0, 1.0], [1.0, 2.0]])
    >>> values.numpy().round(4)
    array([1., 3.], dtype=float32)
    """
    return backend.eigh(x)


@op
def lu_factor(x: Any) -> tuple:
    """(lu, p) with x = (L U)[p]: L below the diagonal of lu, its ones left out, U on and above; p orders rows, int32.

    >>> from hornbook import ops
    >>> lu, p = ops.lu_factor([[1.0, 2.0], [4.0, 4.0]])
    >>> lu.numpy(), p.numpy()
    (array([[4.  , 4.  ],
           [0.25, 1.  ]], dtype=float32), array([1, 0], dtype=int32))
    """
    return backend.lu_factor(x)


@op
def qr(x: Any, mode: str = "reduced") -> tuple:
    """(q, r) with q r = x: the columns of q orthonormal, r upper triangular.

    Args:
        mode: "reduced" (q as large as x) or "complete" (q square).

    >>> from hornbook import ops
    >>> q, r = ops.qr([[3.0, 1.0], [4.0, 2.0]])
    >>> abs(r.numpy()).round(3)
    array([[5. , 2.2],
           [0. , 0.4]], dtype=float32)
    """
    return backend.qr(x, mode)


@op
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """(u, s, v) with u diag(s) v = x: the columns of u and the rows of v orthonormal, s falling.

    Args:
        full_matrices: u and v square; else only the part that s meets.
        compute_uv: if False, only s.

    >>> from hornbook import ops
    >>> ops.svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False).numpy()
    array([4., 3.], dtype=float32)
    """
    return backend.svd(x, full_matrices, compute_uv)


# --------------------------------------------------------------------------------------- Numbers that describe a matrix


@op
def det(x: Any) -> Any:
    """Determinant.

    >>> from hornbook import ops
    >>> float(ops.det([[1.0, 2.0], [3.0, 4.0]]).numpy().round(4))
    -2.0
    """
    return backend.det(x)


@op
def slogdet(x: Any) -> tuple:
    """(sign, log |det x|), with no overflow.

    >>> from hornbook import ops
    >>> sign, log = ops.slogdet([[1.0, 2.0], [3.0, 4.0]])
    >>> float(sign), round(float(log), 4)
    (-1.0, 0.6931)
    """
    return backend.slogdet(x)


@op
def logdet(x: Any) -> Any:
    """Logarithm of the determinant of positive definite matrices, by Cholesky's factor: 2 sum log L[i, i].

    >>> from hornbook import ops
    >>> round(float(ops.logdet([[2.0, 0.0], [0.0, 2.0]])), 4)
    1.3863
    """
    diagonal = backend.diagonal(backend.cholesky(x), 0, -2, -1)
    return backend.multiply(backend.sum(backend.log(diagonal), -1), 2)


@op
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Length of vectors, or size of matrices.

    Args:
        ord: for vectors 0, inf, -inf or p, in (sum |x|**p)**(1 / p); for matrices "fro", "nuc", 1, -1, 2, -2, inf,
            -inf. None: the root of the sum of squares.
        axis: the axis of the vectors, or the two of the matrices; all if None.

    >>> from hornbook import ops
    >>> float(ops.norm([3.0, 4.0])), float(ops.norm([3.0, -4.0], ord=1))
    (5.0, 7.0)
    """
    return backend.norm(x, ord, axis, keepdims)


@op
def matrix_rank(x: Any, tol: Any = None) -> Any:
    """The number of singular values above `tol` (None: the largest times max(n, m) times the rounding error), int32.

    >>> from hornbook import ops
    >>> int(ops.matrix_rank([[1.0, 2.0], [2.0, 4.0]]))
    1
    """
    values = backend.svd(x, compute_uv=False)
    if tol is None:
        dtype = backend.standardize_dtype(values.dtype)
        rounding = {"float64": 2.0**-52, "float16": 2.0**-10, "bfloat16": 2.0**-7}.get(dtype, 2.0**-23)
        rows, columns = backend.shape(x)[-2:]
        size = backend.cast(backend.maximum(rows, columns), dtype)
        tol = backend.multiply(backend.max(values, -1, True), backend.multiply(size, rounding))
    return backend.sum(backend.cast(backend.greater(values, tol), "int32"), -1)


# ------------------------------------------------------------------------------------------------------------ Equations


@op
def inv(x: Any) -> Any:
    """The inverse: x inv(x) = identity.

    >>> from hornbook import ops
    >>> ops.inv([[2.0, 0.0], [0.0, 4.0]]).numpy()
    array([[0.5 , 0.  ],
           [0.  , 0.25]], dtype=float32)
    """
    return backend.inv(x)


@op
def pinv(x: Any, rcond: Any = None) -> Any:
    """The pseudo-inverse of Moore and Penrose; singular values below rcond times the largest count as 0.

    >>> from hornbook import ops
    >>> ops.pinv([[2.0, 0.0], [0.0, 4.0], [0.0, 0.0]]).numpy().round(4) + 0.0
    array([[0.5 , 0.  , 0.  ],
           [0.  , 0.25, 0.  ]], dtype=float32)
    """
    return backend.pinv(x, rcond)


@op
def solve(a: Any, b: Any) -> Any:
    """The x with a x = b; b is a vector (..., n) or a matrix (..., n, k).

    >>> from hornbook import ops
    >>> ops.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0]).numpy()
    array([1. , 0.5], dtype=float32)
    """
    return backend.solve(a, b)


@op
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """The x with a x = b, where a is upper (`lower`: lower) triangular.

    >>> from hornbook import ops
    >>> ops.solve_triangular([[2.0, 1.0], [0.0, 4.0]], [4.0, 8.0]).numpy()
    array([1., 2.], dtype=float32)
    """
    return backend.solve_triangular(a, b, lower)


@op
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """The x that makes |a x - b| least, of several the shortest.

    Args:
        a: (m, n).
        b: (m,) or (m, k).

    >>> from hornbook import ops
    >>> ops.lstsq([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [1.0, 2.0, 3.0]).numpy().round(3)
    array([1., 1.], dtype=float32)
    """
    return backend.lstsq(a, b, rcond)


# ---------------------------------------------------------------------------------------------------------- Derivatives


def jvp(fun: Callable, primals: Any, tangents: Any, has_aux: bool = False) -> tuple:
    """A function's value and its derivative along a direction, in one forward pass: (fun(x), J(x) v).

    Args:
        fun: a function of as many arrays as there are primals.
        primals, tangents: the place x and the direction v, lists of arrays.
        has_aux: fun gives (output, extra), and extra comes third.

    >>> from hornbook import ops
    >>> value, slope = ops.jvp(ops.square, (3.0,), (1.0,))
    >>> float(value), float(slope)
    (9.0, 6.0)
    """
    return backend.jvp(fun, primals, tangents, has_aux)
