"""Recurrence: a loop over time of any step, and the long short-term memory with its gradient written out."""

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from hornbook.backend.tensorflow.products import has_cores
from hornbook.backend.tensorflow.services import cast, convert_to_tensor

__all__ = ["compiled_loops", "is_wide", "lstm", "rnn", "unrolled_loops"]

WIDE = 64  # units; from there on halves of a batch side by side are faster than the whole
_compiled = contextvars.ContextVar("loops are compiled by XLA", default=False)
_unrolled = contextvars.ContextVar("loops are written out", default=False)


@contextlib.contextmanager
def compiled_loops(wanted: bool) -> Iterator[None]:
    """While a graph is traced in this context, the loops over a known number of times in it are compiled by XLA."""
    before = _compiled.set(wanted)
    try:
        yield
    finally:
        _compiled.reset(before)


@contextlib.contextmanager
def unrolled_loops() -> Iterator[None]:
    """While a graph is traced in this context, a loop over a known number of times is these steps one after the other.

    Runtimes on small devices and in browsers have no loop that keeps the outputs of all times, or a slow one.
    """
    before = _unrolled.set(True)
    try:
        yield
    finally:
        _unrolled.reset(before)


def _loop(function: Callable, steps: int | None) -> Callable:
    """A function that runs a loop of `steps` turns, compiled by XLA where that is wanted and the number is known."""
    if not _compiled.get() or steps is None:
        return function
    return tf.function(function, jit_compile=True, autograph=False)


def rnn(
    step_function: Callable,
    inputs: Any,
    initial_states: Sequence,
    go_backwards: bool = False,
    mask: Any = None,
    constants: Sequence | None = None,
    unroll: bool = False,
    input_length: int | None = None,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> tuple:
    """Run `step_function(input, states) -> (output, states)` over time.

    Args:
        step_function: one step.
        inputs: (batch, time, ...), or (time, batch, ...) with `time_major`; nested where the step takes it so.
        initial_states: the states before the first time.
        mask: (batch, time), or (time, batch); True where a time counts.
        constants: tensors handed to each step after the states.
        unroll: no loop, but the steps one after the other in the graph.
        zero_output_for_mask: where a time does not count the output is 0, not that of the time before.
        return_all_outputs: whether the outputs of all times are kept, or the last one.

    Returns:
        (last output, all outputs (batch, time, ...), last states). Where the mask is False the states stay, and so does
        the output (or it is zero, with `zero_output_for_mask`).
    """
    x = tf.nest.map_structure(lambda t: t if time_major else _time_first(t), inputs)
    flat = tf.nest.flatten(x)
    steps = flat[0].shape[0] if flat[0].shape[0] is not None else tf.shape(flat[0])[0]
    if go_backwards:
        x = tf.nest.map_structure(lambda t: tf.reverse(t, [0]), x)
    if mask is not None:
        mask = cast(mask, "bool")
        mask = mask if time_major else _time_first(mask)
        mask = tf.reverse(mask, [0]) if go_backwards else mask
    constants = list(constants or ())
    states = [convert_to_tensor(s) for s in initial_states]

    def advance(here: Any, keep: Any, states: list, before: Any) -> tuple:
        output, new = step_function(here, [*states, *constants])
        new = tf.nest.flatten(new)
        if keep is None:
            return output, new
        kept = tf.zeros_like(output) if before is None or zero_output_for_mask else before
        output = tf.where(_like_rank(keep, output), output, kept)
        return output, [tf.where(_like_rank(keep, n), n, s) for n, s in zip(new, states, strict=True)]

    if unroll or (_unrolled.get() and isinstance(steps, int)):
        outputs, output = [], None
        for t in range(int(steps)):
            here, keep = tf.nest.map_structure(lambda a, t=t: a[t], x), None if mask is None else mask[t]
            output, states = advance(here, keep, states, output)
            outputs.append(output)
        whole = tf.stack(outputs if return_all_outputs else outputs[-1:])
        return outputs[-1], _batch_first(whole) if not time_major else whole, states

    first, _ = step_function(tf.nest.map_structure(lambda a: tf.zeros_like(a[0]), x), [*states, *constants])

    # Arrays of tensors, not slices: the gradient of a slice is as large as all times together.
    rows, masks = tf.nest.map_structure(_rows, x), None if mask is None else _rows(mask)
    store = tf.TensorArray(first.dtype, size=steps if return_all_outputs else 1, element_shape=first.shape)

    def body(t: Any, store: Any, before: Any, *states: Any) -> tuple:
        here = tf.nest.map_structure(lambda a: a.read(t), rows)
        output, new = advance(here, None if masks is None else masks.read(t), list(states), before)
        return (t + 1, store.write(t if return_all_outputs else 0, output), output, *new)

    start = (tf.constant(0), store, tf.zeros_like(first), *states)
    _, store, last, *states = tf.while_loop(
        lambda t, *_: t < steps, body, start, parallel_iterations=32, maximum_iterations=steps
    )
    whole = store.stack()
    whole = tf.ensure_shape(whole, [flat[0].shape[0] if return_all_outputs else 1, *first.shape])
    return last, whole if time_major else _batch_first(whole), states


def _rows(x: Any) -> tf.TensorArray:
    """The rows along the first axis, each to be read once."""
    return tf.TensorArray(x.dtype, tf.shape(x)[0], element_shape=x.shape[1:]).unstack(x)


def _time_first(x: Any) -> Any:
    x = convert_to_tensor(x)
    return tf.transpose(x, (1, 0, *range(2, len(x.shape))))


_batch_first = _time_first


def _like_rank(mask: Any, x: Any) -> Any:
    return tf.reshape(mask, (-1, *(1,) * (len(x.shape) - 1)))


def lstm(
    inputs: Any,
    initial_state_h: Any,
    initial_state_c: Any,
    mask: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any,
    go_backwards: bool = False,
    return_all_outputs: bool = True,
) -> tuple[Any, Any, Any]:
    """A long short-term memory over (batch, time, features); the gates stand as input, forget, cell, output.

    The projection of the inputs is one product over all times; only the recurrent product is in the loop. Where the
    mask is False the states stay, and so does the output, which is 0 before the first time that counts.

    Returns:
        (outputs of all times (batch, time, units), or None, last h, last c).
    """
    x, kernel, recurrent_kernel = map(convert_to_tensor, (inputs, kernel, recurrent_kernel))
    bias = tf.zeros(kernel.shape[-1:], kernel.dtype) if bias is None else convert_to_tensor(bias)
    keep = None if mask is None else tf.expand_dims(tf.transpose(cast(mask, "bool")), -1)  # (time, batch, 1)
    if go_backwards:
        x, keep = tf.reverse(x, [1]), None if keep is None else tf.reverse(keep, [0])
    h, c = convert_to_tensor(initial_state_h), convert_to_tensor(initial_state_c)
    run = _lstm_side_by_side if _compiled.get() and _is_worth_halves(x, h) else _lstm_over_time
    last_h, last_c, *all_hs = run(x, kernel, bias, recurrent_kernel, h, c, keep, return_all_outputs)
    if not all_hs:
        return None, last_h, last_c
    (outputs,) = all_hs
    if keep is not None:
        begun = tf.cumsum(cast(keep, "int32")) > 0
        outputs = tf.where(begun, outputs, tf.zeros_like(outputs))
    return _batch_first(outputs), last_h, last_c


def is_wide(units: int) -> bool:
    """Whether the compiled loop of an LSTM of so many units is the faster for halves of a batch side by side."""
    return units >= WIDE


def _is_worth_halves(x: Any, h: Any) -> bool:
    return x.shape[1] is not None and is_wide(h.shape[-1]) and has_cores()


def _lstm_side_by_side(
    x: Any, kernel: Any, bias: Any, recurrent: Any, h0: Any, c0: Any, keep: Any, all_hs: bool
) -> tuple:
    """`_lstm_over_time` for each half of the batch, on a core of its own.

    The product of a step is too small to be worth dividing among cores, and steps wait for each other; rows do not.
    """
    rows = tf.shape(h0)[0]
    sizes = tf.stack([(rows + 1) // 2, rows // 2])
    whole = ((x, 0), (h0, 0), (c0, 0), (keep, 1))
    halves = zip(*([None] * 2 if x is None else tf.split(x, sizes, axis, num=2) for x, axis in whole), strict=True)
    parts = [_lstm_over_time(x, kernel, bias, recurrent, h, c, stays, all_hs) for x, h, c, stays in halves]
    return tuple(tf.concat(part, axis) for part, axis in zip(zip(*parts, strict=True), (0, 0, 1), strict=False))


def _lstm_over_time(x: Any, kernel: Any, bias: Any, recurrent: Any, h0: Any, c0: Any, keep: Any, all_hs: bool) -> tuple:
    """The recurrence, with its gradient written out: back through time, and the kernels' as one product at the end.

        a_t = x_t kernel + bias + h_(t-1) recurrent    (batch, 4 units)
        i, f, o = sigmoid(a_t), g = tanh(a_t)          (batch, units)
        c_t = f c_(t-1) + i g,  h_t = o tanh(c_t)

    A loop that TensorFlow differentiates by itself adds up the kernel's gradient at every time.

    Args:
        x: (batch, time, features).
        kernel: (features, 4 units).
        bias: (4 units,).
        recurrent: (units, 4 units).
        h0, c0: (batch, units).
        keep: (time, batch, 1) or None; where it is False the states stay.
        all_hs: whether the h of all times are asked for; what the way back then adds at each time is done without.

    Returns:
        (last h, last c (batch, units)), and with `all_hs` those of all times (time, batch, units).
    """
    time = x.shape[1]

    @tf.custom_gradient
    def recurrence(x: Any, kernel: Any, bias: Any, recurrent: Any, h0: Any, c0: Any) -> Any:
        hs, cs, gates, last_h, last_c = _loop(_lstm_forward, time)(x, kernel, bias, recurrent, h0, c0, keep)

        def gradient(*d_outputs: Any) -> tuple:
            back = _loop(_lstm_backward, time)
            d_projected, *others = back(x, recurrent, h0, c0, keep, hs, cs, gates, *d_outputs)
            flat = tf.reshape(d_projected, (-1, kernel.shape[-1]))  # the graph does without, where nobody asks for d_x
            d_x = tf.reshape(tf.matmul(flat, kernel, transpose_b=True), (*tf.unstack(tf.shape(d_projected)[:2]), -1))
            return (_batch_first(d_x), *others)

        return (last_h, last_c, *([hs] if all_hs else [])), gradient

    return recurrence(x, kernel, bias, recurrent, h0, c0)


def _projected(x: Any, kernel: Any, bias: Any) -> Any:
    """x kernel + bias for (batch, time, features): (time, batch, columns)."""
    early = x.shape[-1] < kernel.shape[-1]  # whichever is smaller is turned around
    x = _time_first(x) if early else x
    flat = tf.matmul(tf.reshape(x, (-1, x.shape[-1])), kernel) + bias
    product = tf.reshape(flat, (*tf.unstack(tf.shape(x)[:2]), kernel.shape[-1]))
    product.set_shape((*x.shape[:2], kernel.shape[-1]))
    return product if early else _time_first(product)


def _lstm_forward(x: Any, kernel: Any, bias: Any, recurrent: Any, h0: Any, c0: Any, keep: Any) -> tuple:
    """(h, c, gates of all times, last h, last c)."""
    projected = _projected(x, kernel, bias)
    units = h0.shape[-1]
    # The four gates as one tanh, by sigmoid(a) = tanh(a / 2) / 2 + 1 / 2.
    scale = tf.repeat(tf.constant([0.5, 0.5, 1.0, 0.5], h0.dtype), units)

    def advance(projected: Any, stays: Any, h: Any, c: Any) -> tuple:
        total = projected + tf.matmul(h, recurrent)
        ifgo = tf.tanh(total * scale) * scale + (1 - scale)
        i, f, g, o = tf.split(ifgo, 4, axis=-1)
        c_new = f * c + i * g
        h_new = o * tf.tanh(c_new)
        if stays is not None:
            h_new, c_new = tf.where(stays, h_new, h), tf.where(stays, c_new, c)
        return h_new, c_new, ifgo

    if _unrolled.get() and projected.shape[0] is not None:
        h, c, kept = h0, c0, []
        for t in range(projected.shape[0]):
            h, c, ifgo = advance(projected[t], None if keep is None else keep[t], h, c)
            kept.append((h, c, ifgo))
        return (*(tf.stack(rows) for rows in zip(*kept, strict=True)), h, c)

    steps = tf.shape(projected)[0]
    inputs, keeps = _rows(projected), None if keep is None else _rows(keep)

    def forward(t: Any, h: Any, c: Any, cs: Any, gates: Any, *hs: Any) -> tuple:
        h, c, ifgo = advance(inputs.read(t), None if keeps is None else keeps.read(t), h, c)
        return t + 1, h, c, cs.write(t, c), gates.write(t, ifgo), *(store.write(t, h) for store in hs)

    stores = [_store(h0, steps, width) for width in (units, 4 * units, *(() if keep is None else (units,)))]
    _, last_h, last_c, *stores = tf.while_loop(
        lambda t, *_: t < steps, forward, (tf.constant(0), h0, c0, *stores), maximum_iterations=steps
    )
    cs, gates, *hs = (store.stack() for store in stores)
    return hs[0] if hs else gates[..., 3 * units :] * tf.tanh(cs), cs, gates, last_h, last_c


def _lstm_backward(
    x: Any,
    recurrent: Any,
    h0: Any,
    c0: Any,
    keep: Any,
    hs: Any,
    cs: Any,
    gates: Any,
    d_h: Any,
    d_c: Any,
    d_hs: Any = None,
) -> tuple:
    """The gradients of (projected, kernel, bias, recurrent, h0, c0), from those of the last h, the last c and all h.

    What does not wait for a later time is computed for all times at once; the loop is left with

        dh = d_hs_t + skip_t dh + da recurrent',  dc = dc f + dh o tanh'(c_t),  da = (dc, dc, dc, dh) slope_t
    """
    steps, units, transposed = tf.shape(gates)[0], h0.shape[-1], tf.transpose(recurrent)
    h_before, c_before = tf.concat([h0[None], hs[:-1]], 0), tf.concat([c0[None], cs[:-1]], 0)
    i, f, g, o = tf.split(gates, 4, axis=-1)
    tanh_c = tf.tanh(f * c_before + i * g)
    slopes = tf.concat([g * i * (1 - i), c_before * f * (1 - f), i * (1 - g * g), tanh_c * o * (1 - o)], axis=-1)
    through = o * (1 - tanh_c * tanh_c)
    skips = None
    if keep is not None:  # where a time does not count, all of dh and dc pass by
        slopes, through = (tf.where(keep, x, tf.zeros_like(x)) for x in (slopes, through))
        f, skips = tf.where(keep, f, tf.ones_like(f)), _rows(cast(tf.logical_not(keep), h0.dtype.name))
    f, slopes, through = _rows(f), _rows(slopes), _rows(through)
    d_rows = None if d_hs is None else _rows(d_hs)

    def backward(t: Any, d_h: Any, d_c: Any, d_totals: Any) -> tuple:
        if d_rows is not None:
            d_h += d_rows.read(t)
        d_c += d_h * through.read(t)
        d_total = tf.concat([d_c, d_c, d_c, d_h], axis=-1) * slopes.read(t)
        d_before = tf.matmul(d_total, transposed)
        if skips is not None:
            d_before += d_h * skips.read(t)
        return t - 1, d_before, d_c * f.read(t), d_totals.write(t, d_total)

    start = (steps - 1, d_h, d_c, _store(h0, steps, 4 * units))
    _, d_h0, d_c0, d_totals = tf.while_loop(lambda t, *_: t >= 0, backward, start, maximum_iterations=steps)
    d_projected = d_totals.stack()
    d_kernel, d_recurrent = (tf.tensordot(a, d_projected, [[0, 1], [0, 1]]) for a in (_time_first(x), h_before))
    return d_projected, d_kernel, tf.reduce_sum(d_projected, (0, 1)), d_recurrent, d_h0, d_c0


def _store(like: Any, steps: Any, width: int) -> tf.TensorArray:
    """Room for rows (batch, width) of all times, of the dtype and batch of `like`."""
    return tf.TensorArray(like.dtype, steps, element_shape=(*like.shape[:-1], width))
