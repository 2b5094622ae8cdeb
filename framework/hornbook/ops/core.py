"""Conversion, slices and control flow."""

import builtins
import functools
from collections.abc import Callable, Sequence
from typing import Any

from hornbook import backend, tree
from hornbook.backend.spec import Spec
from hornbook.core import rules
from hornbook.core.keras_tensor import KerasTensor, any_symbolic
from hornbook.core.op import op
from hornbook.core.variable import Variable

__all__ = [
    "associative_scan",
    "cast",
    "cond",
    "convert_to_numpy",
    "convert_to_tensor",
    "custom_gradient",
    "dtype",
    "fori_loop",
    "is_tensor",
    "map",
    "saturate_cast",
    "scan",
    "scatter",
    "scatter_update",
    "shape",
    "slice",
    "slice_update",
    "stop_gradient",
    "switch",
    "unstack",
    "vectorized_map",
    "while_loop",
]


# ---------------------------------------------------------------------------------------------------------- conversion
@op(rules.cast)
def cast(x: Any, dtype: Any) -> Any:
    """x with its numbers converted to `dtype`.

    >>> from hornbook import ops
    >>> print(ops.cast([1.7], "int32").numpy())
    [1]
    """
    return backend.cast(x, dtype)


@op(rules.cast)
def saturate_cast(x: Any, dtype: Any) -> Any:
    """x converted to `dtype`, numbers outside of its range moved to the nearest inside.

    >>> from hornbook import ops
    >>> print(ops.saturate_cast([-5.0, 300.0], "uint8").numpy())
    [  0 255]
    """
    return backend.saturate_cast(x, dtype)


def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Any:
    """An array, number or list as a tensor.

    >>> from hornbook import ops
    >>> ops.convert_to_tensor([1.0, 2.0]).shape
    TensorShape([2])
    """
    if isinstance(x, KerasTensor):
        return x if dtype is None else cast(x, dtype)
    return backend.convert_to_tensor(x, dtype, sparse)


def convert_to_numpy(x: Any) -> Any:
    """The numbers of a tensor as a NumPy array.

    >>> from hornbook import ops
    >>> ops.convert_to_numpy(ops.ones(2))
    array([1., 1.], dtype=float32)
    """
    return backend.convert_to_numpy(x)


def is_tensor(x: Any) -> bool:
    """Whether x is a tensor of the backend.

    >>> from hornbook import ops
    >>> ops.is_tensor(ops.ones(2)), ops.is_tensor([1.0])
    (True, False)
    """
    return backend.is_tensor(x)


def dtype(x: Any) -> str:
    """The name of the dtype of x.

    >>> from hornbook import ops
    >>> ops.dtype(ops.ones(2))
    'float32'
    """
    return backend.standardize_dtype(x.dtype)


def shape(x: Any) -> tuple:
    """The sizes of x; a size that only the running graph knows is a tensor (None for a symbolic x).

    >>> from hornbook import ops
    >>> ops.shape(ops.ones((2, 3)))
    (2, 3)
    """
    return x.shape if isinstance(x, KerasTensor) else backend.shape(x)


@op(rules.like_first)
def stop_gradient(variable: Any) -> Any:
    """The same numbers, through which no gradient flows.

    >>> from hornbook import ops
    >>> float(ops.stop_gradient(2.0))
    2.0
    """
    return backend.stop_gradient(variable)


def custom_gradient(f: Callable) -> Callable:
    """A function with a gradient of its own, where the one found by the rules is not exact, or not wanted.

    Args:
        f: gives (outputs, gradient function). The gradient function takes the gradients of the outputs, by position or
            as `upstream`, and gives those of the arguments of f.

    Returns:
        A function with the outputs of f. In a Functional model call it inside of a layer.

    >>> from hornbook import ops
    >>> @ops.custom_gradient
    ... def softplus(x):
    ...     e = ops.exp(x)
    ...     def gradient(*args, upstream=None):
    ...         (upstream,) = args or (upstream,)
    ...         return ops.multiply(upstream, 1 - 1 / (1 + e))
    ...     return ops.log(1 + e), gradient
    >>> print(softplus(ops.convert_to_tensor(0.0)).numpy().round(4))
    0.6931
    """
    function = backend.custom_gradient(f)

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args, kwargs):
            name = getattr(f, "__name__", "this function")
            raise ValueError(
                f"{name} has a gradient of its own and takes no symbolic inputs: call it inside of a layer."
            )
        args, kwargs = tree.map_structure(
            lambda x: backend.convert_to_tensor(x) if isinstance(x, Variable) else x, (args, kwargs)
        )
        return function(*args, **kwargs)

    return call


# -------------------------------------------------------------------------------------------------------------- slices
@op
def slice(inputs: Any, start_indices: Any, shape: Sequence[int]) -> Any:
    """The block of that shape that begins at `start_indices`.

    >>> from hornbook import ops
    >>> print(ops.slice([[1, 2], [3, 4]], [1, 0], [1, 2]).numpy())
    [[3 4]]
    """
    return backend.slice(inputs, start_indices, shape)


@op(rules.like_first)
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """The array with the block that begins at `start_indices` replaced by `updates`.

    >>> from hornbook import ops
    >>> print(ops.slice_update([1, 2, 3], [1], [9]).numpy())
    [1 9 3]
    """
    return backend.slice_update(inputs, start_indices, updates)


@op
def scatter(indices: Any, values: Any, shape: Sequence[int]) -> Any:
    """Zeros of that shape with `values` added at `indices`.

    >>> from hornbook import ops
    >>> print(ops.scatter([[1], [1]], [2.0, 3.0], (3,)).numpy())
    [0. 5. 0.]
    """
    return backend.scatter(indices, values, shape)


@op(rules.like_first)
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """The array with `updates` written at `indices`, or combined there: "add", "max", "min" or "mul".

    >>> from hornbook import ops
    >>> print(ops.scatter_update([1, 2, 3], [[0]], [9]).numpy())
    [9 2 3]
    """
    return backend.scatter_update(inputs, indices, updates, reduction)


@op
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list:
    """The slices of x along an axis, as a list.

    >>> from hornbook import ops
    >>> [float(row) for row in ops.unstack([1.0, 2.0])]
    [1.0, 2.0]
    """
    return backend.unstack(x, num, axis)


# -------------------------------------------------------------------------------------------------------- control flow
@op
def cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
    """`true_fn()` where the scalar `pred` holds, else `false_fn()`.

    >>> from hornbook import ops
    >>> ops.cond(True, lambda: 1, lambda: 2)
    1
    """
    return backend.cond(pred, true_fn, false_fn)


@op
def switch(index: Any, branches: Sequence[Callable], *operands: Any) -> Any:
    """`branches[index](*operands)`; an index out of range is moved to the nearest branch.

    >>> from hornbook import ops
    >>> int(ops.switch(1, [lambda x: x + 1, lambda x: x * 10], ops.convert_to_tensor(2)))
    20
    """
    return backend.switch(index, branches, *operands)


@op
def while_loop(cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: int | None = None) -> Any:
    """Apply `body` to the loop variables as long as `cond` holds of them.

    >>> from hornbook import ops
    >>> int(ops.while_loop(lambda i: i < 5, lambda i: (i + 2,), (0,))[0])
    6
    """
    return backend.while_loop(cond, body, loop_vars, maximum_iterations)


@op
def fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any) -> Any:
    """`val = body_fun(i, val)` for each i from lower to upper - 1.

    >>> from hornbook import ops
    >>> int(ops.fori_loop(0, 4, lambda i, total: total + i, 0))
    6
    """
    return backend.fori_loop(lower, upper, body_fun, init_val)


@op
def scan(
    f: Callable, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False, unroll: int | bool = 1
) -> tuple:
    """`carry, y = f(carry, x)` for each row x of xs: (last carry, all ys stacked).

    >>> from hornbook import ops
    >>> total, sums = ops.scan(lambda c, x: (c + x, c + x), ops.convert_to_tensor(0), ops.convert_to_tensor([1, 2, 3]))
    >>> print(int(total), sums.numpy())
    6 [1 3 6]
    """
    return backend.scan(f, init, xs, length, reverse, unroll)


@rules.OutputRule
def _like_elements(arguments: dict) -> Any:
    return tree.map_structure(lambda x: Spec(rules.shape_of(x), rules.dtype_name(x)), arguments["elems"])


@op(_like_elements)
def associative_scan(f: Callable, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """y[0] = x[0], y[i] = f(y[i - 1], x[i]) along an axis, in about 2 log2(n) steps, as f is associative.

    Args:
        f: `f(a, b)` of elements in the structure of `elems`, all along the axis at once; f(a, f(b, c)) = f(f(a, b), c).
        elems: an array or a structure of them, of the same size along `axis`.
        reverse: begin at the end.
        axis: the axis along which to go.

    Returns:
        What `elems` is, in structure and shape.

    Raises:
        TypeError: where f is no function.
        ValueError: for sizes that differ, or a size that is not known.

    Source: Blelloch 1990, Prefix sums and their applications

    >>> from hornbook import ops
    >>> print(ops.associative_scan(lambda a, b: a + b, ops.convert_to_tensor([1, 2, 3, 4])).numpy())
    [ 1  3  6 10]
    """
    if not callable(f):
        raise TypeError(f"`f` must be a function of two arguments, got {f!r}.")
    leaves = [backend.convert_to_tensor(x) for x in tree.flatten(elems)]
    places = [rules.canonical_axis(axis, len(x.shape)) for x in leaves]
    counts = {x.shape[place] for x, place in zip(leaves, places, strict=True)}
    if len(counts) != 1 or None in counts:
        raise ValueError(
            f"all elements must have one known size along axis {axis}, got shapes "
            f"{', '.join(str(tuple(x.shape)) for x in leaves)}."
        )

    def cut(xs: list, start: int, stop: int | None, step: int = 1) -> list:
        piece = builtins.slice(start, stop, step)
        return [x[(*[builtins.slice(None)] * place, piece)] for x, place in zip(xs, places, strict=True)]

    def combine(a: list, b: list) -> list:
        return tree.flatten(f(tree.pack_sequence_as(elems, a), tree.pack_sequence_as(elems, b)))

    def prefixes(xs: list, n: int) -> list:
        if n < 2:
            return xs
        odd = prefixes(combine(cut(xs, 0, n - 1, 2), cut(xs, 1, None, 2)), n // 2)  # y[1], y[3], ...
        even = cut(xs, 0, 1)  # y[0], and y[2], y[4], ... from the odd ones
        if n > 2:
            later = combine(cut(odd, 0, (n - 1) // 2), cut(xs, 2, None, 2))
            even = [backend.concatenate(pair, p) for pair, p in zip(zip(even, later, strict=True), places, strict=True)]
        order = [i // 2 + (i % 2) * ((n + 1) // 2) for i in range(n)]
        both = [backend.concatenate(pair, p) for pair, p in zip(zip(even, odd, strict=True), places, strict=True)]
        return [backend.take(x, order, axis=place) for x, place in zip(both, places, strict=True)]

    def turned(xs: list) -> list:
        return [backend.flip(x, p) for x, p in zip(xs, places, strict=True)] if reverse else xs

    return tree.pack_sequence_as(elems, turned(prefixes(turned(leaves), counts.pop())))


@op
def map(f: Callable, xs: Any) -> Any:
    """`f` applied to each row of xs, one after another; the results are stacked.

    >>> from hornbook import ops
    >>> print(ops.map(lambda x: x * 2, ops.convert_to_tensor([1, 2])).numpy())
    [2 4]
    """
    return backend.map(f, xs)


@op
def vectorized_map(function: Callable, elements: Any) -> Any:
    """`function` applied to all rows at once.

    >>> from hornbook import ops
    >>> print(ops.vectorized_map(lambda x: x * 2, ops.convert_to_tensor([1, 2])).numpy())
    [2 4]
    """
    return backend.vectorized_map(function, elements)
