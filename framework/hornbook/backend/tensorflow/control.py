"""Control flow that becomes part of the graph: branches, loops, scans, maps."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from hornbook import tree
from hornbook.backend.tensorflow.services import convert_to_tensor

__all__ = ["cond", "fori_loop", "map", "scan", "switch", "unstack", "vectorized_map", "while_loop"]


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
    return tf.map_fn(f, xs)


def vectorized_map(function: Callable, elements: Any) -> Any:
    """`function` applied to all rows at once."""
    return tf.vectorized_map(function, elements)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list:
    """The slices of x along an axis."""
    return tf.unstack(convert_to_tensor(x), num=num, axis=axis)
