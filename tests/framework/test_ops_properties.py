"""Ops against NumPy over shapes, dtypes and axes that nobody chose: what holds for any array.

Each property also says that the shape and dtype of a symbolic input are those of a real one.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hornbook import KerasTensor, backend, ops

few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
DTYPES = ["float32", "int32", "uint8", "bool"]
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


@st.composite
def arrays(draw, dtypes=DTYPES, shapes=SHAPES, **limits):
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    if dtype.kind == "f":
        elements = st.floats(-100, 100, width=32, allow_subnormal=False)
    elif dtype.kind == "b":
        elements = st.booleans()
    else:
        elements = st.integers(0 if dtype.kind == "u" else -50, 50)
    return draw(hnp.arrays(dtype, draw(shapes), elements=elements))


def axes_of(draw, rank, several=True):
    """An axis, several of them, or None; counted from either end."""
    if not rank:
        return None
    one = st.integers(-rank, rank - 1)
    kinds = [st.none(), one]
    if several:
        kinds.append(st.lists(one, min_size=1, max_size=rank, unique_by=lambda a: a % rank).map(tuple))
    return draw(st.one_of(kinds))


def same(function, expected, *inputs, rtol=1e-4, atol=1e-4):
    """The result equals NumPy's; the symbolic result has its shape and dtype."""
    result = function(*[ops.convert_to_tensor(x) for x in inputs])
    assert tuple(result.shape) == np.shape(expected)
    symbolic = function(*[KerasTensor(x.shape, x.dtype.name) for x in inputs])
    assert (tuple(symbolic.shape), symbolic.dtype) == (tuple(result.shape), backend.standardize_dtype(result.dtype))
    np.testing.assert_allclose(
        np.asarray(result).astype("float64"), np.asarray(expected).astype("float64"), rtol=rtol, atol=atol
    )


@few
@given(st.data(), arrays(), st.sampled_from(["sum", "mean", "amax", "amin", "prod", "any", "all", "count_nonzero"]))
def test_reductions_over_any_axes(data, x, name):
    axis = axes_of(data.draw, x.ndim)
    reduced = x.shape if axis is None else [x.shape[a] for a in np.atleast_1d(axis)]
    if 0 in reduced and name in ("mean", "amax", "amin"):
        return  # of nothing
    if name == "prod":
        x = np.clip(x, 0, 2) if x.dtype != bool else x
    keepdims = {} if name == "count_nonzero" else {"keepdims": data.draw(st.booleans())}
    wide = x.astype("float64") if name == "mean" else x
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(wide, axis=axis, **keepdims)
    if name in ("sum", "prod") and x.dtype.kind in "iu":
        expected = np.asarray(expected).astype("int32" if x.dtype.kind == "i" else "uint32")
    same(lambda t: getattr(ops, name)(t, axis=axis, **keepdims), expected, x, rtol=1e-3, atol=1e-3)


@few
@given(st.data(), arrays(["float32", "int32"]), st.sampled_from(["argmax", "argmin", "sort", "argsort", "cumsum"]))
def test_along_one_axis(data, x, name):
    axis = axes_of(data.draw, x.ndim, several=False)
    if x.ndim == 0 or x.size == 0 or (axis is None and name in ("sort", "argsort")):
        return
    if name in ("argmax", "argmin", "argsort"):  # ties may be broken either way
        x = np.argsort(np.argsort(x, axis=None)).reshape(x.shape).astype(x.dtype)
    expected = getattr(np, name)(x, axis=axis)
    same(lambda t: getattr(ops, name)(t, axis=axis), expected, x, atol=1e-2)


@few
@given(
    arrays(), st.sampled_from(["abs", "negative", "square", "sign", "floor", "isfinite", "logical_not", "tanh", "exp"])
)
def test_each_number_by_itself(x, name):
    if name in ("negative", "sign", "square") and x.dtype == bool:
        return
    y = np.clip(x, -5, 5) if name == "exp" and x.dtype != bool else x
    wide = y.astype("float32") if name in ("tanh", "exp", "floor") else y
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(wide)
    same(getattr(ops, name), expected, y, rtol=1e-3)


@few
@given(st.data(), arrays())
def test_moving_axes(data, x):
    rank = x.ndim
    order = data.draw(st.permutations(range(rank)))
    same(lambda t: ops.transpose(t, order), np.transpose(x, order), x)
    if rank:
        axis, to = data.draw(st.integers(-rank, rank - 1)), data.draw(st.integers(-rank, rank - 1))
        same(lambda t: ops.moveaxis(t, axis, to), np.moveaxis(x, axis, to), x)
        same(lambda t: ops.swapaxes(t, axis, to), np.swapaxes(x, axis, to), x)
        same(lambda t: ops.flip(t, axis), np.flip(x, axis), x)
        shift = data.draw(st.integers(-5, 5))
        same(lambda t: ops.roll(t, shift, axis), np.roll(x, shift, axis), x)
    place = data.draw(st.integers(-rank - 1, rank))
    same(lambda t: ops.expand_dims(t, place), np.expand_dims(x, place), x)
    same(lambda t: ops.squeeze(ops.expand_dims(t, place), place), x, x)


@few
@given(st.data(), arrays(shapes=hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)))
def test_putting_together_and_taking_apart(data, x):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    same(lambda a, b: ops.concatenate([a, b], axis), np.concatenate([x, x], axis), x, x)
    same(lambda a, b: ops.stack([a, b], axis), np.stack([x, x], axis), x, x)
    repeats = data.draw(st.integers(1, 3))
    same(lambda t: ops.repeat(t, repeats, axis), np.repeat(x, repeats, axis), x)
    same(lambda t: ops.tile(t, repeats), np.tile(x, repeats), x)
    widths = data.draw(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=x.ndim, max_size=x.ndim))
    same(lambda t: ops.pad(t, widths), np.pad(x, widths), x)
    parts = data.draw(st.sampled_from([n for n in range(1, 5) if x.shape[axis] % n == 0]))
    for ours, theirs in zip(ops.split(x, parts, axis), np.split(x, parts, axis), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    indices = data.draw(
        hnp.arrays("int32", hnp.array_shapes(max_dims=2, max_side=3), elements=st.integers(0, x.shape[axis] - 1))
    )
    same(lambda t: ops.take(t, indices, axis), np.take(x, indices, axis), x)


@few
@given(st.data(), arrays(shapes=hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)))
def test_indices_and_slices(data, x):
    index = data.draw(hnp.basic_indices(x.shape, allow_newaxis=True))
    result = ops.convert_to_tensor(x)[index]
    np.testing.assert_array_equal(result, x[index])
    assert tuple(KerasTensor(x.shape, x.dtype.name)[index].shape) == x[index].shape


@few
@given(st.data(), st.integers(0, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_products_of_matrices(data, batch, n, k, m):
    shape = data.draw(hnp.array_shapes(min_dims=batch, max_dims=batch, max_side=3)) if batch else ()
    numbers = {"elements": st.floats(-2, 2, width=32, allow_subnormal=False)}
    a = data.draw(hnp.arrays("float32", (*shape, n, k), **numbers))
    b = data.draw(hnp.arrays("float32", (*data.draw(st.sampled_from([(), shape])), k, m), **numbers))
    same(ops.matmul, a @ b, a, b)
    same(lambda s, t: ops.einsum("...ij,...jk->...ik", s, t), a @ b, a, b)


@few
@given(st.data(), arrays(["float32"], hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5)))
def test_softmax_sums_to_one_and_logsumexp_bounds_the_largest(data, x):
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    np.testing.assert_allclose(np.sum(ops.softmax(x, axis), axis), 1.0, rtol=1e-4)
    bound = np.asarray(ops.logsumexp(x, axis))
    assert (bound >= x.max(axis) - 1e-4).all() and (bound <= x.max(axis) + np.log(x.shape[axis]) + 1e-4).all()


@pytest.mark.parametrize("name", ["sum", "mean", "amax", "argmax", "sort", "softmax", "cumsum", "flip", "squeeze"])
@pytest.mark.parametrize("symbolic", [False, True])
def test_an_axis_that_is_not_there_is_named(name, symbolic):
    x = KerasTensor((2, 3)) if symbolic else np.ones((2, 3), "float32")
    with pytest.raises(ValueError, match=r"(?i)(axis|dimension)"):
        getattr(ops, name)(x, axis=5)


@few
@given(st.data(), arrays(["float32", "int32"], hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)))
def test_a_block_is_replaced(data, x):
    sizes = [data.draw(st.integers(1, n)) for n in x.shape]  # axes that are replaced from end to end among them
    starts = [data.draw(st.integers(0, n - size)) for n, size in zip(x.shape, sizes, strict=True)]
    block = (np.arange(np.prod(sizes)).reshape(sizes) + 200).astype(x.dtype)
    wanted = x.copy()
    wanted[tuple(slice(start, start + size) for start, size in zip(starts, sizes, strict=True))] = block
    same(lambda a, b: ops.slice_update(a, starts, b), wanted, x, block)
