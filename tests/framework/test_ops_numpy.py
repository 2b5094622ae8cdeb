"""Every array op: against NumPy, against its declared or traced spec, and beside Keras over the dtypes.

An op is tested because it is a row of `ROWS`: its name and arguments that NumPy's function of that name takes too.
Arrays among the arguments become KerasTensors in the test of specs, and take each dtype in the test beside Keras.
"""

import inspect
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hornbook import KerasTensor, backend, ops
from hornbook.ops import linalg
from hornbook.ops import numpy as numpy_ops

nan, inf = np.nan, np.inf


def f(*rows):
    return np.array(rows[0] if len(rows) == 1 else rows, np.float32)


def i(*rows):
    return np.array(rows[0] if len(rows) == 1 else rows, np.int32)


def b(*rows):
    return np.array(rows[0] if len(rows) == 1 else rows, bool)


SIGNED = f([-2.5, -0.5, 0.0], [0.5, 1.5, 7.0])
POSITIVE = f([0.5, 1.0, 2.0], [3.0, 4.0, 10.0])
UNIT = f([-0.9, -0.5, 0.0], [0.1, 0.5, 0.9])
WHOLE = i([3, 1, 2], [0, 5, 1])
HOLES = f([1.0, nan, 3.0], [nan, nan, 2.0])
CUBE = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
SQUARE = f([4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0])

ROWS = [  # name of the op, positional arguments, keyword arguments
    *[(name, (SIGNED,), {}) for name in "absolute abs fabs negative sign square floor ceil trunc round".split()],
    *[(name, (SIGNED,), {}) for name in "exp exp2 expm1 sin cos tan sinh cosh tanh arctan arcsinh cbrt sinc".split()],
    *[(name, (SIGNED,), {}) for name in "deg2rad rad2deg i0 real imag conj conjugate angle signbit isreal".split()],
    *[(name, (POSITIVE,), {}) for name in "sqrt rsqrt log log2 log10 log1p reciprocal erf erfc".split()],
    *[(name, (UNIT,), {}) for name in "arcsin arccos arctanh".split()],
    ("arccosh", (f(1.0, 2.0, 5.0),), {}),
    ("round", (POSITIVE * 1.37, 1), {}),
    *[(name, (f(1.0, nan, inf, -inf),), {}) for name in "isnan isinf isfinite isposinf isneginf nan_to_num".split()],
    ("nan_to_num", (f(1.0, nan, inf, -inf),), {"nan": 2.0, "posinf": 3.0, "neginf": -4.0}),
    # two arrays
    *[(name, (SIGNED, f(2.0, 0.5, 3.0)), {}) for name in "add subtract multiply divide true_divide".split()],
    *[(name, (SIGNED, f(2.0, 0.5, 3.0)), {}) for name in "maximum minimum fmax fmin arctan2 hypot".split()],
    *[(name, (SIGNED, f(2.0, 0.5, 3.0)), {}) for name in "logaddexp logaddexp2 heaviside isclose".split()],
    *[(name, (WHOLE, i(2, 3, 2)), {}) for name in "floor_divide mod fmod power".split()],
    *[(name, (i([-7, 7, -6]), i(2, -2, 4)), {}) for name in "floor_divide mod fmod".split()],
    *[
        (name, (SIGNED, 2), {})
        for name in "add subtract multiply divide floor_divide mod power maximum minimum".split()
    ],
    *[(name, (SIGNED, 1.5), {}) for name in "add subtract multiply divide floor_divide maximum minimum".split()],
    ("subtract", (1.5, SIGNED), {}),
    ("divide", (1, POSITIVE), {}),
    ("power", (2.0, SIGNED), {}),
    ("fmax", (f(1.0, nan, nan), f(nan, 2.0, nan)), {}),
    ("fmin", (f(1.0, nan, nan), f(nan, 2.0, nan)), {}),
    ("maximum", (f(1.0, nan), f(nan, 2.0)), {}),
    ("hypot", (f(inf, 3e38, 0.0), f(inf, 1.0, 0.0)), {}),
    ("logaddexp", (f(-inf, inf, 1.0), f(-inf, inf, -inf)), {}),
    ("nextafter", (f(1.0, 0.0, 0.0, -1.0, 2.0, nan), f(2.0, 1.0, -1.0, -2.0, 2.0, 1.0)), {}),
    ("ldexp", (f(0.5, 3.0), i(3, -1)), {}),
    ("gcd", (i(12, 18, 0), i(8, 27, 5)), {}),
    ("lcm", (i(4, 6, 0), i(10, 4, 5)), {}),
    *[(name, (WHOLE, i(2, 1, 2)), {}) for name in "equal not_equal greater greater_equal less less_equal".split()],
    *[(name, (WHOLE, 1), {}) for name in "equal not_equal greater greater_equal less less_equal".split()],
    *[
        (name, (b(True, True, False), b(True, False, False)), {})
        for name in "logical_and logical_or logical_xor".split()
    ],
    ("logical_not", (b(True, False),), {}),
    *[(name, (WHOLE, i(2, 3, 1)), {}) for name in "bitwise_and bitwise_or bitwise_xor left_shift right_shift".split()],
    *[(name, (WHOLE, i(2, 3, 1)), {}) for name in "bitwise_left_shift bitwise_right_shift".split()],
    ("bitwise_not", (WHOLE,), {}),
    ("bitwise_invert", (WHOLE,), {}),
    ("isclose", (f(1.0, nan, inf), f(1.000001, nan, inf)), {"equal_nan": True}),
    ("allclose", (f(1.0, 2.0), f(1.0, 2.000001)), {}),
    ("isin", (WHOLE, i(1, 5)), {}),
    ("isin", (WHOLE, i(1, 5)), {"invert": True}),
    ("clip", (SIGNED, -1, 1.5), {}),
    ("clip", (WHOLE, 1, 3), {}),
    ("where", (b([True, False, True], [False, False, True]), SIGNED, POSITIVE), {}),
    ("where", (b(True, False, True), SIGNED, 0.0), {}),
    ("select", ([b(True, False, False), b(True, True, False)], [i(1, 2, 3), i(10, 20, 30)], 7), {}),
    # reductions
    *[
        (name, (POSITIVE,), {"axis": axis, "keepdims": keepdims})
        for name in "sum prod mean max min amax amin all any var std median ptp".split()
        for axis, keepdims in ((None, False), (0, True), (-1, False), ((0, 1), False))
    ],
    *[
        (name, (HOLES,), {"axis": axis})
        for name in "nansum nanprod nanmax nanmin nanmean nanvar nanstd nanmedian".split()
        for axis in (None, 0, 1)
    ],
    *[(name, (f([1.0, nan, 3.0], [0.0, nan, 2.0]),), {"axis": 1}) for name in ("nanargmax", "nanargmin")],
    *[(name, (HOLES,), {"axis": axis}) for name in ("nancumsum", "nancumprod") for axis in (None, 1)],
    *[(name, (WHOLE,), {"axis": axis}) for name in ("argmax", "argmin") for axis in (None, 0, -1)],
    ("argmax", (WHOLE,), {"axis": 1, "keepdims": True}),
    *[(name, (WHOLE,), {"axis": axis}) for name in ("cumsum", "cumprod", "sort") for axis in (None, 0, 1)],
    ("argsort", (i([3, 1, 2], [0, 5, 1]),), {}),
    ("argsort", (i([3, 1, 2], [0, 5, 4]),), {"axis": None}),
    ("max", (WHOLE,), {"initial": 9}),
    ("average", (POSITIVE,), {"axis": 1, "weights": f(1.0, 2.0, 1.0)}),
    ("average", (POSITIVE,), {"weights": POSITIVE}),
    ("count_nonzero", (WHOLE,), {"axis": 0}),
    *[
        ("quantile", (CUBE, f(0.3, 0.8)), {"axis": axis, "method": method})
        for axis, method in ((None, "linear"), (1, "lower"), ((0, 2), "higher"), (-1, "nearest"), (0, "midpoint"))
    ],
    ("quantile", (CUBE, 0.4), {"axis": 1, "keepdims": True}),
    ("percentile", (POSITIVE, 30.0), {"axis": 0}),
    ("nanquantile", (HOLES, f(0.25, 0.5)), {"axis": 1}),
    ("nanpercentile", (HOLES, 40.0), {}),
    ("median", (HOLES,), {"axis": 1}),
    ("trace", (CUBE,), {"offset": 1, "axis1": 1, "axis2": 2}),
    ("diff", (WHOLE,), {"n": 2}),
    ("diff", (WHOLE,), {"axis": 0}),
    ("trapezoid", (POSITIVE,), {"dx": 0.5}),
    ("trapezoid", (POSITIVE, f(0.0, 1.0, 3.0)), {}),
    ("bincount", (i(1, 2, 2, 5),), {}),
    ("bincount", (i(1, 2, 2),), {"weights": f(1.0, 0.5, 2.0), "minlength": 5}),
    ("histogram", (f(1.0, 2.0, 2.5, 9.0),), {"bins": 4}),
    ("histogram", (f(1.0, 2.0, 2.5, 9.0),), {"bins": 3, "range": (2.0, 5.0)}),
    ("corrcoef", (f([1.0, 2.0, 4.0], [3.0, 1.0, 2.0]),), {}),
    # products
    ("matmul", (f([1, 2], [3, 4]), f([0, 1], [2, 1])), {}),
    ("matmul", (CUBE, f(*np.ones((4, 5)))), {}),
    ("matmul", (CUBE, np.swapaxes(CUBE, 1, 2)), {}),
    ("matmul", (CUBE, f(1, 2, 3, 4)), {}),
    ("matmul", (f(1, 2, 3), CUBE), {}),
    ("matmul", (f(1, 2, 3), f(4, 5, 6)), {}),
    ("matmul", (WHOLE, WHOLE.T), {}),
    ("dot", (CUBE, f(*np.ones((4, 5)))), {}),
    ("dot", (CUBE, f(1, 2, 3, 4)), {}),
    ("dot", (SIGNED, 2.0), {}),
    ("tensordot", (CUBE, CUBE), {"axes": ([1, 2], [1, 2])}),
    ("tensordot", (WHOLE, WHOLE.T), {"axes": 1}),
    ("einsum", ("ij,kj->ik", WHOLE, WHOLE), {}),
    ("einsum", ("bij,bkj->bik", CUBE, CUBE), {}),
    ("einsum", ("...ij->...ji", CUBE), {}),
    ("einsum", ("ij,jk", WHOLE, WHOLE.T), {}),
    ("einsum", ("bij,bij,j->b", CUBE, CUBE, f(1, 2, 3, 4)), {}),
    ("einsum", ("...ij, jk -> ...ik", CUBE, f(*np.ones((4, 5)))), {}),
    ("inner", (WHOLE, i(1, 2, 3)), {}),
    ("vdot", (WHOLE, WHOLE), {}),
    ("outer", (WHOLE, i(1, 2)), {}),
    ("kron", (WHOLE, i([1, 2], [3, 4])), {}),
    ("kron", (i(1, 2), WHOLE), {}),
    ("cross", (f([1, 2, 3], [4, 5, 6]), f(7, 8, 9)), {}),
    *[("correlate", (f(1, 2, 3, 4, 5), f(0, 1, 0.5)), {"mode": mode}) for mode in ("valid", "same", "full")],
    *[("correlate", (f(1, 2), f(0, 1, 0.5, 3)), {"mode": mode}) for mode in ("valid", "full")],
    # shapes
    ("reshape", (CUBE, (6, -1)), {}),
    ("reshape", (CUBE, -1), {}),
    ("ravel", (CUBE,), {}),
    ("transpose", (CUBE,), {}),
    ("transpose", (CUBE, (1, 0, 2)), {}),
    ("swapaxes", (CUBE, 0, -1), {}),
    ("moveaxis", (CUBE, 0, -1), {}),
    ("moveaxis", (CUBE, (0, 1), (-1, -2)), {}),
    ("expand_dims", (CUBE, -2), {}),
    ("expand_dims", (CUBE, (0, 2)), {}),
    ("squeeze", (f([[1.0], [2.0]]),), {}),
    ("squeeze", (f([[1.0], [2.0]]), -1), {}),
    ("broadcast_to", (SIGNED, (2, 2, 3)), {}),
    ("size", (CUBE,), {}),
    ("ndim", (CUBE,), {}),
    ("concatenate", ([WHOLE, WHOLE], 1), {}),
    ("concatenate", ([WHOLE, i(1, 2)], None), {}),
    ("stack", ([WHOLE, WHOLE], -1), {}),
    ("append", (WHOLE, i(1)), {}),
    ("append", (WHOLE, WHOLE), {"axis": 0}),
    *[(name, ([WHOLE, WHOLE],), {}) for name in ("hstack", "vstack", "dstack")],
    *[(name, ([i(1, 2), i(3, 4)],), {}) for name in ("hstack", "vstack", "dstack")],
    ("split", (CUBE, 2), {"axis": 2}),
    ("split", (CUBE, [1, 2]), {"axis": -1}),
    ("array_split", (i(1, 2, 3, 4, 5), 3), {}),
    ("hsplit", (CUBE, 3), {}),
    ("vsplit", (CUBE, 2), {}),
    ("dsplit", (CUBE, 2), {}),
    ("tile", (WHOLE, 2), {}),
    ("tile", (WHOLE, (2, 1, 2)), {}),
    ("repeat", (WHOLE, 2), {}),
    ("repeat", (WHOLE, [1, 2]), {"axis": 0}),
    ("flip", (CUBE,), {}),
    ("flip", (CUBE, (0, 2)), {}),
    ("fliplr", (WHOLE,), {}),
    ("flipud", (WHOLE,), {}),
    ("roll", (WHOLE, 2), {}),
    ("roll", (CUBE, (1, -1)), {"axis": (0, 2)}),
    *[("rot90", (WHOLE,), {"k": k}) for k in (-1, 0, 1, 2, 3)],
    ("rot90", (CUBE,), {"axes": (2, 0)}),
    ("pad", (WHOLE, 1), {}),
    ("pad", (WHOLE, ((1, 0), (0, 2))), {"constant_values": 7}),
    ("pad", (WHOLE, ((1, 1), (2, 0))), {"mode": "reflect"}),
    ("pad", (WHOLE, (1, 2)), {"mode": "symmetric"}),
    # picking, finding, order
    ("take", (WHOLE, i([0, -1], [2, 2])), {"axis": 1}),
    ("take", (WHOLE, -1), {"axis": 0}),
    ("take", (WHOLE, i(5, 0)), {}),
    ("take_along_axis", (WHOLE, i([0, -1], [2, 2])), {"axis": 1}),
    ("take_along_axis", (CUBE, np.zeros((1, 3, 2), np.int32)), {"axis": -1}),
    ("nonzero", (WHOLE,), {}),
    ("where", (b(True, False, True),), {}),
    ("searchsorted", (f(1, 3, 5), f([0, 3], [5, 6])), {"side": "right"}),
    ("digitize", (f(0.5, 1.0, 7.0), f(1.0, 2.0)), {}),
    ("unravel_index", (i(5, 7), (3, 4)), {}),
    ("unique", (i(3, 1, 2, 1),), {"return_index": True, "return_inverse": True, "return_counts": True}),
    ("unique", (WHOLE,), {"return_inverse": True}),
    ("unique", (i([1, 2], [0, 5], [1, 2], [0, 1]),), {"axis": 0, "return_index": True, "return_counts": True}),
    # creation
    ("array", (WHOLE,), {}),
    ("copy", (WHOLE,), {}),
    *[(name, (WHOLE,), {}) for name in ("zeros_like", "ones_like")],
    ("full_like", (WHOLE, 3), {}),
    *[(name, ((2, 3),), {}) for name in ("zeros", "ones")],
    ("zeros", (3,), {"dtype": "int32"}),
    ("full", ((2, 3), 1.5), {}),
    ("full", ((2, 3), i(1, 2, 3)), {"dtype": "int32"}),
    ("arange", (5,), {}),
    ("arange", (1.0, 2.0, 0.25), {}),
    ("arange", (5, 1, -2), {"dtype": "float16"}),
    ("linspace", (0, 1, 5), {}),
    ("linspace", (0.0, 1.0, 4), {"endpoint": False, "retstep": True}),
    ("linspace", (f(0.0, 1.0), f(1.0, 3.0), 3), {"axis": -1}),
    ("linspace", (0, 10, 4), {"dtype": "int32"}),
    ("logspace", (0, 3, 4), {"base": 2.0}),
    ("geomspace", (1.0, 16.0, 5), {}),
    ("geomspace", (-1.0, -16.0, 4), {"endpoint": False}),
    ("meshgrid", (i(1, 2), i(3, 4, 5)), {}),
    ("meshgrid", (i(1, 2), i(3, 4, 5)), {"indexing": "ij"}),
    ("eye", (3,), {}),
    ("eye", (2, 4), {"k": -1}),
    ("identity", (3,), {}),
    ("tri", (3, 4), {"k": 1}),
    *[(name, (CUBE,), {"k": k}) for name in ("tril", "triu") for k in (-1, 0, 2)],
    ("diag", (i(1, 2, 3),), {"k": -1}),
    ("diag", (WHOLE,), {"k": 1}),
    ("diagflat", (WHOLE,), {"k": 1}),
    ("diagonal", (CUBE,), {"offset": 1, "axis1": 2, "axis2": 0}),
    ("vander", (i(1, 2, 3),), {"N": 2, "increasing": True}),
    ("vander", (i(1, 2, 3),), {}),
    *[(name, (size,), {}) for name in ("bartlett", "blackman", "hamming", "hanning") for size in (1, 6)],
    ("kaiser", (6, 5.0), {}),
    # linear algebra
    *[(name, (SQUARE,), {}) for name in "cholesky det inv slogdet matrix_rank pinv norm".split()],
    *[("norm", (SQUARE,), {"ord": order, "axis": (0, 1)}) for order in ("fro", "nuc", 1, -1, 2, -2, inf, -inf)],
    *[("norm", (SQUARE,), {"ord": order, "axis": 1, "keepdims": True}) for order in (None, 0, 1, 3, inf, -inf)],
    ("solve", (SQUARE, f(1, 2, 3)), {}),
    ("solve", (SQUARE, SQUARE), {}),
    ("lstsq", (SQUARE[:, :2], f(1, 2, 3)), {}),
    ("svd", (SQUARE,), {"compute_uv": False}),
]
IDS = [f"{name}-{number}" for number, (name, _, _) in enumerate(ROWS)]
NO_ROW = set(  # what NumPy has not, or what has no numbers; tested by name below
    "divide_no_nan empty empty_like get_item view vectorize argpartition top_k in_top_k logsumexp cdist erfinv "
    "segment_sum segment_prod segment_max segment_min extract_sequences view_as_complex view_as_real "
    "fft fft2 ifft2 rfft irfft stft istft".split()
)
REFERENCES = {
    "erf": np.vectorize(math.erf),
    "erfc": np.vectorize(math.erfc),
    "lstsq": lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0],
    "rsqrt": lambda x: 1 / np.sqrt(x),
}


def reference(name):
    return REFERENCES.get(name) or getattr(np, name, None) or getattr(np.linalg, name)


def parts(result):
    return list(result) if isinstance(result, list | tuple) else [result]


def check(result, expected, rtol=2e-5):
    result, expected = parts(result), parts(expected) if isinstance(result, list | tuple) else [expected]
    assert len(result) == len(expected)
    for ours, theirs in zip(result, expected, strict=True):
        ours, theirs = np.asarray(ours), np.asarray(theirs)
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours.astype(np.complex128), theirs.astype(np.complex128), rtol=rtol, atol=rtol)


def test_every_op_has_a_row():
    assert set(numpy_ops.__all__) - {name for name, _, _ in ROWS} <= NO_ROW


@pytest.mark.parametrize(("name", "args", "kwargs"), ROWS, ids=IDS)
@pytest.mark.filterwarnings("ignore:All-NaN", "ignore:Mean of empty", "ignore:Degrees of freedom", "ignore:divide by")
@pytest.mark.filterwarnings("ignore:invalid value", "ignore:overflow")
def test_same_numbers_as_numpy(name, args, kwargs):
    check(getattr(ops, name)(*args, **kwargs), reference(name)(*args, **kwargs))


def test_lists_numbers_and_arrays_are_taken_alike():
    check(ops.add([1, 2], 1), [2, 3])
    check(ops.exp([0, 1]), np.exp([0, 1]))
    assert ops.add(1, 2).dtype == "int32" and ops.add(1, 2.0).dtype == "float32"
    assert ops.multiply(ops.ones((2,), "float16"), 2.0).dtype == "float16"
    assert ops.multiply(2.0, ops.ones((2,), "float16")).dtype == "float16"
    assert ops.multiply(2.5, ops.ones((2,), "int32")).dtype == "float32"


# ------------------------------------------------------------------------------------------------- shapes and dtypes
def symbolic(x, unknown=False):
    if isinstance(x, np.ndarray) and x.ndim and unknown:
        return KerasTensor((None, *x.shape[1:]), x.dtype.name)
    if isinstance(x, np.ndarray):
        return KerasTensor(x.shape, x.dtype.name)
    return [symbolic(item, unknown) for item in x] if isinstance(x, list) else x


def specs(x):
    if isinstance(x, KerasTensor):
        return backend.Spec(x.shape, x.dtype)
    return [specs(item) for item in x] if isinstance(x, list | tuple) else x


def first_spec_arguments(args):
    """The places of array arguments; what names a shape, an axis or a weight stays as it is."""
    return [isinstance(x, np.ndarray) or (isinstance(x, list) and isinstance(x[0], np.ndarray)) for x in args]


DATA_DEPENDENT = {"unique", "bincount", "nonzero", "ndim"}  # sizes that only the numbers tell
SYMBOLIC = [
    (name, args, kwargs)
    for name, args, kwargs in ROWS
    if any(first_spec_arguments(args)) and name not in DATA_DEPENDENT and not (name == "where" and len(args) == 1)
]


@pytest.mark.parametrize(("name", "args", "kwargs"), SYMBOLIC, ids=[name for name, _, _ in SYMBOLIC])
def test_the_declared_spec_is_the_traced_one_and_the_real_one(name, args, kwargs):
    function = getattr(ops, name)
    given = [symbolic(x) if array else x for x, array in zip(args, first_spec_arguments(args), strict=True)]
    declared = specs(parts(function(*given, **kwargs)))
    traced = parts(
        backend.infer(
            inspect.unwrap(function),
            tuple(specs(x) if array else x for x, array in zip(given, first_spec_arguments(args), strict=True)),
            kwargs,
        )
    )
    real = [backend.Spec(tuple(x.shape), backend.standardize_dtype(x.dtype)) for x in parts(function(*args, **kwargs))]
    if name != "repeat":  # the size along its axis is the sum of the repeats, which tracing does not add up
        assert declared == real
    assert [(x.dtype, len(x.shape)) for x in traced] == [(x.dtype, len(x.shape)) for x in declared]
    for ours, theirs in zip(declared, traced, strict=True):  # tracing may know less
        assert all(size in (None, known) for size, known in zip(theirs.shape, ours.shape, strict=True))


@pytest.mark.parametrize(("name", "args", "kwargs"), SYMBOLIC, ids=[name for name, _, _ in SYMBOLIC])
def test_an_unknown_batch_size_never_contradicts_the_real_shape(name, args, kwargs):
    if name in {"array_split", "vsplit", "correlate", "cross"}:
        pytest.skip("needs to know the size of the first axis")
    function = getattr(ops, name)
    arrays = first_spec_arguments(args)
    given = [symbolic(x, unknown=True) if array else x for x, array in zip(args, arrays, strict=True)]
    declared = parts(function(*given, **kwargs))
    real = parts(function(*args, **kwargs))
    assert len(declared) == len(real)
    for ours, theirs in zip(declared, real, strict=True):
        assert ours.dtype == backend.standardize_dtype(theirs.dtype)
        assert len(ours.shape) == len(theirs.shape)
        assert all(size in (None, known) for size, known in zip(ours.shape, theirs.shape, strict=True))


# These must know how many: rows to cut into pieces, numbers in a vector, columns to sort by.
NEED_SIZES = {"array_split", "hsplit", "dsplit", "vsplit", "split", "correlate", "cross", "squeeze"}


@pytest.mark.parametrize(("name", "args", "kwargs"), SYMBOLIC, ids=[name for name, _, _ in SYMBOLIC])
def test_a_graph_that_knows_no_sizes_gives_the_same_numbers(name, args, kwargs):
    if name in NEED_SIZES:
        pytest.skip("needs to know sizes")
    tf = pytest.importorskip("tensorflow")
    arrays = first_spec_arguments(args)

    def function(given):
        given = iter(given)
        return getattr(ops, name)(
            *[next(given) if array else x for x, array in zip(args, arrays, strict=True)], **kwargs
        )

    given = [x for x, array in zip(args, arrays, strict=True) if array]
    signature = tf.nest.map_structure(lambda x: tf.TensorSpec([None] * x.ndim, x.dtype), given)
    graph = tf.function(function, input_signature=[signature], autograph=False)
    expected = getattr(ops, name)(*args, **kwargs)
    check(graph(given), expected if not isinstance(expected, list | tuple) else list(expected))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.add(KerasTensor((2, 3)), KerasTensor((4,))), r"\(2, 3\) and \(4,\) do not broadcast"),
        (lambda: ops.matmul(KerasTensor((2, 3)), KerasTensor((4, 5))), r"\(2, 3\) and \(4, 5\).*Transpose or reshape"),
        (lambda: ops.reshape(KerasTensor((2, 3)), (4, -1)), r"\(2, 3\) \(6 numbers\) cannot take shape \(4, -1\)"),
        (lambda: ops.concatenate([KerasTensor((2, 3)), KerasTensor((2, 4))], 0), "cannot be joined along axis 0"),
        (lambda: ops.stack([KerasTensor((2, 3)), KerasTensor((2, 4))]), "cannot be stacked"),
        (lambda: ops.squeeze(KerasTensor((2, 3)), 1), "only axes of size 1"),
        (lambda: ops.sum(KerasTensor((2, 3)), axis=2), "axis=2 does not exist in a shape of 2 dimensions"),
        (lambda: ops.transpose(KerasTensor((2, 3)), (0, 0)), "must name each of the 2 axes"),
        (lambda: ops.einsum("ij,jk->ik", KerasTensor((2, 3)), KerasTensor((4, 5))), "axis 'j'.*has sizes"),
        (lambda: KerasTensor((2, 3))[5], "index 5 is outside an axis of size 2"),
        (lambda: ops.max(np.zeros((0, 3), np.float32)), "no elements.*Give `initial`"),
        (lambda: ops.split(np.zeros(5), 2), "use array_split"),
        (lambda: ops.split(KerasTensor((2, 5)), 2, axis=1), "use array_split"),
        (lambda: ops.pad([1], 1, mode="wrap"), "mode of pad must be"),
        (lambda: ops.quantile([1.0], 0.5, method="cubic"), "method must be"),
        (lambda: ops.searchsorted([[1.0]], [1.0]), "must have one dimension"),
        (lambda: ops.where([True], [1]), "needs both"),
    ],
)
def test_errors_say_what_came_and_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ------------------------------------------------------------------------------------------------ what has no row
@pytest.mark.parametrize(
    "key",
    [
        0,
        -1,
        slice(1, None),
        (slice(None), slice(None, None, -1)),
        (Ellipsis, 0),
        (None, 1),
        (0, slice(0, 2), None, -1),
        CUBE > 5,
        [1, 0, 1],
        (slice(None), np.array([2, -1])),
        (np.array([0, 1]), np.array([[2], [0]])),
        (slice(None), np.array([0, 1]), np.array([2, -1])),
        (Ellipsis, np.array([0, 1])),
    ],
    ids=str,
)
def test_get_item(key):
    check(ops.get_item(CUBE, key), CUBE[key])
    ours = ops.get_item(KerasTensor(CUBE.shape), key)
    assert all(size in (None, real) for size, real in zip(ours.shape, CUBE[key].shape, strict=True))


def test_get_item_with_symbolic_indices():
    x, rows = KerasTensor((None, 3)), KerasTensor((None,), "int32")
    assert x[rows].shape == (None, 3) and x[:, rows].shape == (None, None)
    assert x[KerasTensor((None,), "bool")].shape == (None, 3)
    assert x[:, None, -1].shape == (None, 1) and x[1:].shape == (None, 3)


def test_sorted_beginnings():
    values, indices = ops.top_k(f([3, 1, 2], [0, 5, 1]), 2)
    check((values, indices), ([[3, 2], [5, 1]], [[0, 2], [1, 2]]))
    assert [(x.shape, x.dtype) for x in ops.top_k(KerasTensor((None, 3)), 2)] == [
        ((None, 2), "float32"),
        ((None, 2), "int32"),
    ]
    check(ops.in_top_k(i(1, 0), f([0.1, 0.9], [0.3, 0.7]), 1), [True, False])
    order = np.asarray(ops.argpartition(i(5, 3, 4, 1, 2), 2))
    assert set(order[:2]) == {3, 4} and order[2] == 1


def test_bytes_seen_as_another_dtype():
    for x, dtype in ((f(1.0, 2.0), "int32"), (f(1.0, 2.0), "uint8"), (np.arange(8, dtype=np.uint8), "int16")):
        check(ops.view(x, dtype), x.view(dtype))


def test_division_that_knows_no_infinity():
    check(ops.divide_no_nan(f(1.0, 0.0, 3.0), f(0.0, 0.0, 2.0)), [0.0, 0.0, 1.5])


def test_logsumexp():
    check(ops.logsumexp(CUBE, axis=(0, 2)), np.log(np.sum(np.exp(CUBE), axis=(0, 2))))
    check(ops.logsumexp(f(1e4, 1e4)), 1e4 + np.log(2))


def test_a_sparse_matrix_times_a_dense_one():
    tf = pytest.importorskip("tensorflow")
    sparse = tf.sparse.from_dense(WHOLE.astype(np.float32))
    check(ops.matmul(sparse, CUBE[0]), WHOLE @ CUBE[0])
    check(ops.add(sparse, 1.0), WHOLE + 1.0)


def test_ragged_rows_are_computed_row_by_row():
    tf = pytest.importorskip("tensorflow")
    ragged = tf.ragged.constant([[1.0, 2.0], [3.0]])
    assert ops.add(ragged, 1.0).to_list() == [[2.0, 3.0], [4.0]]
    assert ops.square(ragged).to_list() == [[1.0, 4.0], [9.0]]
    check(ops.sum(ragged, axis=1), [3.0, 3.0])


def test_error_function_undone():
    check(ops.erf(ops.erfinv(UNIT)), UNIT)


def test_distances_between_rows():
    x, y = CUBE[0], CUBE[1, :2]
    check(ops.cdist(x, y), np.linalg.norm(x[:, None] - y[None], axis=-1))


def test_segments():
    data, ids = f([1, 2], [3, 4], [5, 6], [7, 8]), i(0, 2, 2, 0)
    check(ops.segment_sum(data, ids), [[8, 10], [0, 0], [8, 10]])
    check(ops.segment_prod(data, ids, num_segments=4), [[7, 16], [1, 1], [15, 24], [1, 1]])
    check(ops.segment_max(data, ids)[2], [5, 6])
    check(ops.segment_min(data, ids)[2], [3, 4])


def test_frames():
    check(ops.extract_sequences(CUBE, 3, 1), np.lib.stride_tricks.sliding_window_view(CUBE, 3, axis=-1))


def test_complex_numbers_as_pairs():
    pairs = f([1, 2], [3, -4])
    check(ops.view_as_complex(pairs), [1 + 2j, 3 - 4j])
    check(ops.view_as_real(ops.view_as_complex(pairs)), pairs)


@pytest.mark.parametrize(("name", "function"), [("fft", np.fft.fft), ("fft2", np.fft.fft2), ("ifft2", np.fft.ifft2)])
def test_fourier_transforms(name, function):
    expected = function(CUBE + 2j * np.flip(CUBE))
    check(getattr(ops, name)((CUBE, 2 * np.flip(CUBE))), [expected.real, expected.imag], rtol=2e-4)


def test_fourier_transforms_of_real_numbers():
    expected = np.fft.rfft(CUBE, 6)
    check(ops.rfft(CUBE, 6), [expected.real, expected.imag])
    check(ops.irfft(ops.rfft(CUBE)), CUBE)
    with pytest.raises(ValueError, match=r"pair of real ones"):
        ops.fft(CUBE)


@pytest.mark.parametrize("lengths", [(16, 8, 16), (12, 5, 16), (16, 4, 32)], ids=str)
@pytest.mark.parametrize("window", ["hann", "hamming", None])
def test_short_time_fourier_transform_is_undone(lengths, window):
    x = np.sin(np.arange(200, dtype=np.float32) ** 1.3).reshape(2, 100)
    spectrum = ops.stft(x, *lengths, window=window)
    back = ops.istft(spectrum, *lengths, length=90, window=window)
    check(back, x[:, :90])


@pytest.mark.parity
def test_short_time_fourier_transform_is_that_of_keras():
    keras = pytest.importorskip("keras")
    x = np.sin(np.arange(200, dtype=np.float32) ** 1.3).reshape(2, 100)
    for center in (True, False):
        for window in ("hann", None, np.linspace(0, 1, 12, dtype=np.float32)):
            given = {"window": window, "center": center}
            check(ops.stft(x, 12, 5, 16, **given), [np.asarray(p) for p in keras.ops.stft(x, 12, 5, 16, **given)])


def test_unique_of_a_given_size():
    check(ops.unique(i(3, 1, 1), size=4, fill_value=-1), [1, 3, -1, -1])
    check(ops.unique(i(3, 1, 2, 1), sorted=False), [3, 1, 2])


def test_empty_arrays_have_a_shape():
    assert tuple(ops.empty((2, 3)).shape) == (2, 3) and ops.empty_like(WHOLE).dtype == "int32"


def test_a_function_of_numbers_as_one_of_arrays():
    fused = ops.vectorize(lambda x, y, scale: scale * ops.maximum(x, y), excluded={2})
    check(fused(f([1.0, 5.0], [2.0, 0.0]), f(3.0, 1.0), 10.0), [[30.0, 50.0], [30.0, 10.0]])


def test_decompositions_put_together_again():
    q, r = linalg.qr(SQUARE)
    check(ops.matmul(q, r), SQUARE)
    q, r = linalg.qr(SQUARE[:, :2], mode="complete")
    assert q.shape == (3, 3) and r.shape == (3, 2)
    u, s, v = linalg.svd(SQUARE[:, :2], full_matrices=False)
    check(ops.matmul(u * s, v), SQUARE[:, :2])
    values, vectors = linalg.eigh(SQUARE)
    check(ops.matmul(vectors * values, ops.transpose(vectors)), SQUARE)
    values, vectors = linalg.eig(SQUARE)
    check(ops.matmul(SQUARE.astype(np.complex64), vectors), vectors * values)
    mixed = SQUARE[[2, 0, 1]]
    lu, p = linalg.lu_factor(mixed)
    lower, upper = np.tril(lu, -1) + np.eye(3), np.triu(lu)
    check((lower @ upper)[np.asarray(p)], mixed)
    check(linalg.cholesky_inverse(linalg.cholesky(SQUARE)), np.linalg.inv(SQUARE), rtol=1e-4)
    check(linalg.cholesky(SQUARE, upper=True), np.linalg.cholesky(SQUARE).T)
    check(linalg.solve_triangular(np.triu(SQUARE), f(1, 2, 3)), np.linalg.solve(np.triu(SQUARE), f(1, 2, 3)))
    check(linalg.logdet(SQUARE), np.log(np.linalg.det(SQUARE)))


def test_forward_derivative():
    check(linalg.jvp(ops.sin, [f(0.5)], [f(2.0)]), (np.sin(0.5), 2 * np.cos(0.5)))
    check(linalg.jvp(lambda x: (x * x, x), (3.0,), (1.0,), has_aux=True), (9.0, 6.0, 3.0))


# ------------------------------------------------------------------------------------------------------- properties
DTYPES = ["float32", "int32", "bool", "uint8", "int8", "float16", "int64"]


@st.composite
def broadcastable(draw):
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)).input_shapes
    return [
        draw(hnp.arrays(np.int64, shape, elements=st.integers(0, 5))).astype(draw(st.sampled_from(DTYPES)))
        for shape in shapes
    ]


@settings(max_examples=60, deadline=None)
@given(broadcastable(), st.sampled_from(["add", "multiply", "maximum", "minimum", "divide", "less", "equal"]))
def test_any_two_arrays_broadcast_as_in_numpy(arrays, name):
    x1, x2 = arrays
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x1, x2)
    result = getattr(ops, name)(x1, x2)
    assert tuple(result.shape) == expected.shape
    declared = getattr(ops, name)(KerasTensor(x1.shape, x1.dtype.name), KerasTensor(x2.shape, x2.dtype.name))
    assert (declared.shape, declared.dtype) == (expected.shape, backend.standardize_dtype(result.dtype))
    if expected.size:
        check(result, expected, rtol=1e-3)


# ------------------------------------------------------------------------------------------------------ beside Keras
# Where Keras on TensorFlow departs from its own rules, and Hornbook does not: float64 out of int64; Python numbers that
# are not weak; an infinite hypotenuse as NaN; infinities that are not close to themselves; vectors stacked as one; half
# a turn as a shuffle; int64 chosen from truth values.
ODD_INT64 = set("cbrt deg2rad rad2deg hypot heaviside correlate i0 logaddexp2 trapezoid".split())
NOT_WEAK = set("mod fmod dot".split())
UNLIKE = set("histogram slogdet corrcoef nextafter ndim linspace logspace lstsq matrix_rank".split())
WRONG_THERE = {"hypot1", "isclose1", "vstack1", "rot90_3"}
ODD_BOOL = {"select", "vander"}
PARITY_DTYPES = ["float32", "float16", "bfloat16", "int32", "int64", "uint8", "bool"]


def as_dtype(x, dtype):
    if isinstance(x, np.ndarray) and dtype not in ("float32", "float16", "bfloat16"):
        x = np.nan_to_num(x, posinf=1, neginf=0)
        x = np.abs(x) if dtype in ("uint8", "bool") else x
    if isinstance(x, np.ndarray):
        return backend.cast(x, dtype)
    return [as_dtype(item, dtype) for item in x] if isinstance(x, list) else x


PARITY = [row for row in ROWS if row[0] not in UNLIKE | {"take", "take_along_axis"}]


@pytest.mark.parity
@pytest.mark.parametrize(("name", "args", "kwargs"), PARITY, ids=[name for name, _, _ in PARITY])
def test_values_and_dtypes_are_those_of_keras(name, args, kwargs, request):
    if request.node.callspec.id in WRONG_THERE:
        pytest.skip("Keras gives a wrong answer here")
    keras = pytest.importorskip("keras")
    theirs = getattr(keras.ops, name)
    for dtype in PARITY_DTYPES if any(first_spec_arguments(args)) else ["float32"]:
        if dtype == "bool" and name in ODD_BOOL:
            continue
        given = [as_dtype(x, dtype) if array else x for x, array in zip(args, first_spec_arguments(args), strict=True)]
        try:
            expected = parts(theirs(*given, **kwargs))
        except Exception:  # Keras takes no such dtype
            continue
        result = parts(getattr(ops, name)(*given, **kwargs))
        assert len(result) == len(expected)
        for x, y in zip(result, expected, strict=True):
            names = backend.standardize_dtype(x.dtype), keras.backend.standardize_dtype(y.dtype)
            odd = (name in ODD_INT64 and dtype == "int64") or (name in NOT_WEAK and not all(first_spec_arguments(args)))
            assert names[0] == names[1] or odd, f"{name} of {dtype}: {names}"
            tolerance = {"float16": 5e-3, "bfloat16": 4e-2}.get(dtype, 2e-5)
            x, y = (np.asarray(backend.cast(v, "complex128")) for v in (x, y))
            np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance, err_msg=f"{name} of {dtype}")


@pytest.mark.parity
def test_signatures_are_those_of_keras():
    keras = pytest.importorskip("keras")
    for name in [*numpy_ops.__all__, *linalg.__all__]:
        ours, theirs = inspect.signature(getattr(ops, name)), inspect.signature(getattr(keras.ops, name))
        strip = lambda s: [(p.name, p.kind, p.default) for p in s.parameters.values()]  # noqa: E731
        assert strip(ours) == strip(theirs), name


@pytest.mark.parity
def test_no_op_of_keras_is_missing():
    keras = pytest.importorskip("keras")
    from_numpy = {n for n, v in vars(keras.ops).items() if getattr(v, "__module__", "") == "keras.src.ops.numpy"}
    from_linalg = {n for n, v in vars(keras.ops).items() if getattr(v, "__module__", "") == "keras.src.ops.linalg"}
    assert from_numpy - set(dir(ops)) == set() and from_linalg - set(dir(ops)) == set()


@pytest.mark.parametrize(
    "subscripts",
    [
        "ab,bc->ac",
        "ab,cb->ca",
        "ba,bc->ac",
        "abc,cde->abde",
        "abcd,cde->abe",
        "btnh,bsnh->bnts",
        "bnts,bsnh->btnh",
        "ab,ab->a",
        "ab,b->a",
        "ab,ab->",
        "abc,dc->bad",
        "ab,cd->abcd",
        "aab,bc->ac",
        "abd,bc->ac",
    ],
)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_einsum_of_short_floats_is_a_matrix_product(subscripts, dtype):
    rng = np.random.default_rng(0)
    sizes = dict(zip("abcdehnst", (2, 3, 4, 5, 2, 4, 3, 5, 6), strict=True))
    arrays = [rng.normal(size=[sizes[axis] for axis in term]) for term in subscripts.split("->")[0].split(",")]
    given = [ops.cast(array, dtype) for array in arrays]
    wanted = np.einsum(subscripts, *(np.array(ops.cast(x, "float64")) for x in given))
    compiled = tf.function(
        lambda x, y: ops.einsum(subscripts, x, y),
        input_signature=[tf.TensorSpec([None] * len(a.shape), dtype) for a in arrays],
    )
    for found in (ops.einsum(subscripts, *given), compiled(*given)):
        assert found.dtype == dtype
        np.testing.assert_allclose(np.array(ops.cast(found, "float64")), wanted, rtol=0.02, atol=0.05)
