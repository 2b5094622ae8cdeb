"""What moves numbers and control: slices, scatters, branches, loops, scans, maps."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from hornbook import tree
from hornbook.backend.config import standardize_dtype
from hornbook.backend.spec import Spec
from hornbook.backend.tensorflow.services import convert_to_tensor, infer

__all__ = [
    "cond",
    "fori_loop",
    "map",
    "saturate_cast",
    "scan",
    "scatter",
    "scatter_update",
    "slice",
    "slice_update",
    "switch",
    "unstack",
    "vectorized_map",
    "while_loop",
]


def saturate_cast(x: Any, dtype: Any) -> Any:
    """`x` in `dtype`, numbers out of range moved to the nearest inside."""
    return tf.saturate_cast(convert_to_tensor(x), standardize_dtype(dtype))


def slice(inputs: Any, start_indices: Any, shape: Sequence[int]) -> Any:
    """The block of a shape that begins at `start_indices`."""
    return tf.slice(convert_to_tensor(inputs), convert_to_tensor(start_indices, "int32"), shape)


def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """The array with a block replaced."""
    x = convert_to_tensor(inputs)
    updates = convert_to_tensor(updates, x.dtype.name)
    whole = 0  # how many of the last axes are replaced from end to end: what a scatter moves in one piece
    while (
        whole < len(x.shape) - 1
        and x.shape[-1 - whole] is not None
        and x.shape[-1 - whole] == updates.shape[-1 - whole]
    ):
        whole += 1
    moved = len(x.shape) - whole
    axes = [tf.range(size) for size in updates.shape[:moved]]
    starts = tf.unstack(convert_to_tensor(start_indices, "int32"))[:moved]
    places = tf.meshgrid(*[axis + start for axis, start in zip(axes, starts, strict=True)], indexing="ij")
    return tf.tensor_scatter_nd_update(x, tf.stack(places, -1), updates)


def scatter(indices: Any, values: Any, shape: Sequence[int]) -> Any:
    """Zeros with values added at indices."""
    return tf.scatter_nd(convert_to_tensor(indices, "int32"), convert_to_tensor(values), shape)


def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """The array with updates written, or combined, at indices."""
    x, indices = convert_to_tensor(inputs), convert_to_tensor(indices, "int32")
    updates = convert_to_tensor(updates, x.dtype.name)
    kernels = {
        None: tf.tensor_scatter_nd_update,
        "add": tf.tensor_scatter_nd_add,
        "max": tf.tensor_scatter_nd_max,
        "min": tf.tensor_scatter_nd_min,
    }
    if reduction == "mul":
        return x * tf.tensor_scatter_nd_update(tf.ones_like(x), indices, updates)
    if reduction not in kernels:
        raise ValueError(f"reduction must be None, 'add', 'max', 'min' or 'mul', got {reduction!r}.")
    return kernels[reduction](x, indices, updates)


def cond(pred: Any, true_fn: Callable, false_fn: Callable) -> Any:
    """`true_fn()` where the scalar `pred` holds, else `false_fn()`."""
    if isinstance(pred, bool):
        return true_fn() if pred else false_fn()
    return tf.cond(convert_to_tensor(pred), true_fn, false_fn)


def switch(index: Any, branches: Sequence[Callable], *operands: Any) -> Any:
    """`branches[index](*operands)`; the index is clipped to the branches there are."""
    index = tf.clip_by_value(convert_to_tensor(index, "int32"), 0, len(branches) - 1)
    return tf.switch_case(index, [lambda branch=branch: branch(*operands) for branch in branches])


def while_loop(cond: Callable, body: Callable, loop_vars: Any, maximum_iterations: int | None = None) -> Any:
    """Apply `body` to the loop variables as long as `cond` holds."""
    is_sequence = isinstance(loop_vars, list | tuple)
    state = tuple(loop_vars) if is_sequence else (loop_vars,)

    def step(*state: Any) -> tuple:
        new = body(*state)
        return tuple(new) if is_sequence else (new,)

    state = tf.while_loop(cond, step, state, maximum_iterations=maximum_iterations)
    return state if is_sequence else state[0]


def fori_loop(lower: Any, upper: Any, body_fun: Callable, init_val: Any) -> Any:
    """`val = body_fun(i, val)` for i from lower to upper - 1."""
    return tf.while_loop(
        lambda i, _: i < upper, lambda i, val: (i + 1, body_fun(i, val)), (convert_to_tensor(lower), init_val)
    )[1]


def scan(
    f: Callable, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False, unroll: int | bool = 1
) -> tuple:
    """`carry, y = f(carry, x)` along the first axis of xs: (last carry, all ys stacked)."""
    leaves = [] if xs is None else tree.flatten(xs)
    count = int(leaves[0].shape[0]) if leaves else int(length or 0)
    carry, ys = init, []
    for i in reversed(range(count)) if reverse else range(count):
        x = None if xs is None else tree.map_structure(lambda a, i=i: a[i], xs)
        carry, y = f(carry, x)
        ys.append(y)
    if reverse:
        ys.reverse()
    if not ys or ys[0] is None:
        return carry, None
    return carry, tree.map_structure(lambda *parts: tf.stack(parts), *ys)


def map(f: Callable, xs: Any) -> Any:
    """`f` applied to each row of xs, one after another; the results are stacked."""
    xs = tree.map_structure(convert_to_tensor, xs)
    count = tree.flatten(xs)[0].shape[0]
    if count is not None:
        rows = [f(tree.map_structure(lambda a, i=i: a[i], xs)) for i in range(count)]
        return tree.map_structure(lambda *parts: tf.stack(parts), *rows)
    row = tree.map_structure(lambda a: Spec(tuple(a.shape[1:]), a.dtype.name), xs)
    kinds = tree.map_structure(lambda s: tf.TensorSpec(s.shape, s.dtype), infer(f, (row,)))
    return tf.map_fn(f, xs, fn_output_signature=kinds)


def vectorized_map(function: Callable, elements: Any) -> Any:
    """`function` applied to all rows at once."""
    return tf.vectorized_map(function, elements)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list:
    """The slices of x along an axis."""
    return tf.unstack(convert_to_tensor(x), num=num, axis=axis)
