"""Kernels of neural networks: activations, convolution, pooling, crossentropy, attention."""

import contextlib
import contextvars
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from hornbook.backend.config import epsilon, standardize_data_format, standardize_dtype
from hornbook.backend.tensorflow.arguments import as_float
from hornbook.backend.tensorflow.contractions import einsum
from hornbook.backend.tensorflow.services import all_reduce_sum, cast, convert_to_tensor
from hornbook.backend.windows import transposed_size

__all__ = [
    "average_pool",
    "binary_crossentropy",
    "categorical_crossentropy",
    "conv",
    "conv_transpose",
    "ctc_beam_search_decode",
    "ctc_greedy_decode",
    "ctc_loss",
    "depthwise_conv",
    "dot_product_attention",
    "elu",
    "gelu",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "max_pool",
    "moments",
    "one_hot",
    "relu",
    "relu6",
    "selu",
    "separable_conv",
    "sigmoid",
    "silu",
    "small_kernels",
    "softmax",
    "softplus",
    "softsign",
    "sparse_categorical_crossentropy",
]


FEW_CLASSES = 128
_small_kernels = contextvars.ContextVar("a step of small kernels is traced", default=False)


# ------------------------------------------------------------------------------------------------- activations
def _of_float(function: Callable) -> Callable:
    def kernel(x: Any) -> Any:
        return function(as_float(x))

    return kernel


def relu(x: Any) -> Any:
    """max(x, 0)."""
    return tf.nn.relu(convert_to_tensor(x))


def relu6(x: Any) -> Any:
    """min(max(x, 0), 6)."""
    return tf.nn.relu6(convert_to_tensor(x))


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where positive, negative_slope x elsewhere."""
    return tf.nn.leaky_relu(as_float(x), alpha=negative_slope)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)); remembers x, so that a crossentropy can work on logits."""
    x = as_float(x)
    y = tf.nn.sigmoid(x)
    y._keras_logits = x
    return y


@contextlib.contextmanager
def small_kernels() -> Iterator[None]:
    """While a step is traced in this context, kernels that wake another core for a few microseconds of work are avoided."""
    before = _small_kernels.set(not tf.config.list_physical_devices("GPU"))
    try:
        yield
    finally:
        _small_kernels.reset(before)


def softmax(x: Any, axis: int | Sequence[int] = -1) -> Any:
    """exp(x) / sum(exp(x)) along one or several axes; remembers x, so that a crossentropy can work on logits."""
    x = as_float(x)
    if isinstance(axis, int):
        if _small_kernels.get() and x.shape.rank == 2 and axis in (-1, 1) and (x.shape[1] or math.inf) <= FEW_CLASSES:
            return tf.exp(tf.nn.log_softmax(x))  # oneDNN's softmax hands half of a batch of 32 to another core
        y = tf.nn.softmax(x, axis=axis)
        if axis in (-1, len(x.shape) - 1):
            y._keras_logits = x
        return y
    shifted = tf.exp(x - tf.stop_gradient(tf.reduce_max(x, axis, keepdims=True)))
    return shifted / tf.reduce_sum(shifted, axis, keepdims=True)


def log_softmax(x: Any, axis: int | Sequence[int] = -1) -> Any:
    """x - log(sum(exp(x))) along one or several axes."""
    x = as_float(x)
    if isinstance(axis, int):
        return tf.nn.log_softmax(x, axis=axis)
    return x - tf.reduce_logsumexp(x, axis, keepdims=True)


def gelu(x: Any, approximate: bool = True) -> Any:
    """x Phi(x); the tanh approximation of it by default."""
    x = as_float(x)
    if x.dtype in (tf.float16, tf.bfloat16):  # exact and faster so: the kernels of short floats round at every step
        return cast(tf.nn.gelu(cast(x, "float32"), approximate=approximate), x.dtype.name)
    return tf.nn.gelu(x, approximate=approximate)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where positive, alpha (exp(x) - 1) elsewhere."""
    x = as_float(x)
    y = tf.nn.elu(x)
    return y if alpha == 1 else tf.where(x > 0, y, alpha * y)


softplus, softsign = _of_float(tf.math.softplus), _of_float(tf.nn.softsign)
silu, selu, log_sigmoid = _of_float(tf.nn.silu), _of_float(tf.nn.selu), _of_float(tf.math.log_sigmoid)


# ------------------------------------------------------------------------------------------------- convolution
AXES: dict[int, Any] = {1: "NWC", 2: "NHWC", 3: "NDHWC"}  # named always: the eager gradients over volumes ask for them


def _spatial(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def _channels_last(function: Callable, x: Any, data_format: str) -> Any:
    """`function` of `x` with its channels last: the kernels of the CPU know no other order."""
    if data_format == "channels_last":
        return function(x)
    rank = len(x.shape)
    x = tf.transpose(x, (0, *range(2, rank), 1))
    return tf.transpose(function(x), (0, rank - 1, *range(1, rank - 1)))


def conv(
    inputs: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Any:
    """Convolution of (batch, *space, channels) with a kernel (*window, channels / groups, filters)."""
    x, kernel = as_float(inputs), as_float(kernel)
    rank = len(kernel.shape) - 2
    strides, dilation = _spatial(strides, rank), _spatial(dilation_rate, rank)

    def run(x: Any) -> Any:
        if padding == "causal":
            x = tf.pad(x, [[0, 0], [dilation[0] * (kernel.shape[0] - 1), 0], [0, 0]])
        how: Any = "VALID" if padding == "causal" else padding.upper()
        # CPU kernels have no gradient for dilated windows nor for groups: the first is rewritten by `convolution`,
        # the second compiled by XLA, which has them.
        if x.shape[-1] != kernel.shape[-2] == 1:  # a group for each channel
            own = tf.reshape(kernel, (*kernel.shape[:-2], x.shape[-1], -1))
            return depthwise_conv(x, own, strides, how.lower(), "channels_last", dilation)
        if x.shape[-1] != kernel.shape[-2]:
            return _grouped(x, kernel, strides, how, dilation)
        if rank == 2 and max(dilation) == 1:
            return tf.nn.conv2d(x, kernel, strides, how)
        return tf.nn.convolution(x, kernel, strides=strides, padding=how, data_format=AXES[rank], dilations=dilation)

    return _channels_last(run, x, standardize_data_format(data_format))


@tf.function(jit_compile=True)
def _grouped(x: Any, kernel: Any, strides: Any, padding: Any, dilation: Any) -> Any:
    return tf.nn.convolution(x, kernel, strides=strides, padding=padding, dilations=dilation)


def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Any:
    """Each channel convolved with its own kernels (*window, channels, multiplier)."""
    x, kernel = as_float(inputs), as_float(kernel)
    rank = len(kernel.shape) - 2
    strides, dilation = _spatial(strides, rank), _spatial(dilation_rate, rank)

    if max(strides) > 1 < max(dilation):  # together the kernel counts them wrongly
        kernel, dilation = _spread(kernel, dilation), (1,) * rank

    def run(x: Any) -> Any:
        how: Any = padding.upper()
        if rank == 3 or len(set(strides)) > 1:  # which the kernels for single channels do not know
            channels, multiplier = kernel.shape[-2:]
            return _grouped(
                x, tf.reshape(kernel, (*kernel.shape[:-2], 1, channels * multiplier)), strides, how, dilation
            )
        if rank == 2:
            return tf.nn.depthwise_conv2d(x, kernel, (1, *strides, 1), how, dilations=dilation)
        step = (1, strides[0], strides[0], 1)
        return tf.nn.depthwise_conv2d(x[:, None], kernel[None], step, how, dilations=(1, dilation[0]))[:, 0]

    return _channels_last(run, x, standardize_data_format(data_format))


def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Any:
    """A depthwise convolution, then one with a window of one."""
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, 1, "valid", data_format, 1)


def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    output_padding: int | Sequence[int] | None = None,
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Any:
    """The gradient of a convolution with a kernel (*window, filters, channels), taken as a layer."""
    x, given = as_float(inputs), as_float(kernel)
    rank = len(given.shape) - 2
    strides, dilation = _spatial(strides, rank), _spatial(dilation_rate, rank)
    kernel = _spread(given, dilation)
    extra = (None,) * rank if output_padding is None else _spatial(output_padding, rank)

    def size(n: Any, axis: int) -> Any:
        if n is None:
            return None
        return transposed_size(n, given.shape[axis], strides[axis], padding, extra[axis], dilation[axis])

    def run(x: Any) -> Any:
        sizes = [tf.shape(x)[i + 1] if n is None else n for i, n in enumerate(x.shape[1:-1])]
        output = [tf.shape(x)[0], *(size(n, axis) for axis, n in enumerate(sizes)), kernel.shape[-2]]
        how: Any = padding.upper()
        y = tf.nn.conv_transpose(x, kernel, tf.stack(output), strides, how)
        known = [size(n, axis) for axis, n in enumerate(x.shape[1:-1])]
        return tf.ensure_shape(y, [x.shape[0], *known, kernel.shape[-2]])

    return _channels_last(run, x, standardize_data_format(data_format))


def _spread(kernel: Any, dilation: tuple[int, ...]) -> Any:
    """A kernel with dilation - 1 zeros between neighbours: the CPU has no transposed convolution with gaps."""
    for axis, gap in enumerate(dilation):
        if gap > 1:
            length = kernel.shape[axis]
            apart = tf.pad(
                tf.expand_dims(kernel, axis + 1),
                [[0, gap - 1 if i == axis + 1 else 0] for i in range(len(kernel.shape) + 1)],
            )
            shape = [*kernel.shape[:axis], length * gap, *kernel.shape[axis + 1 :]]
            kernel = tf.gather(tf.reshape(apart, shape), tf.range((length - 1) * gap + 1), axis=axis)
    return kernel


def max_pool(
    inputs: Any,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """The largest number of each window."""
    return _pool(tf.nn.max_pool, inputs, pool_size, strides, padding, data_format)


def average_pool(
    inputs: Any,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """The mean of each window."""
    return _pool(tf.nn.avg_pool, inputs, pool_size, strides, padding, data_format)


def _pool(pool: Callable, inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None) -> Any:
    x = convert_to_tensor(inputs)
    rank = len(x.shape) - 2
    size = _spatial(pool_size, rank)
    steps = size if strides is None else _spatial(strides, rank)

    def run(x: Any) -> Any:
        return pool(x, size, steps, padding.upper(), data_format=AXES[rank])

    return _channels_last(run, x, standardize_data_format(data_format))


# ------------------------------------------------------------------------------------------------- statistics, labels
def moments(x: Any, axes: Sequence[int], keepdims: bool = False, synchronized: bool = False) -> tuple[Any, Any]:
    """Mean and variance; float16 is summed in float32. `synchronized`: over all replicas."""
    x = convert_to_tensor(x)
    short = x.dtype in (tf.float16, tf.bfloat16)
    wide = cast(x, "float32") if short else x
    if synchronized:
        sums = [tf.reduce_sum(values, axes, keepdims=True) for values in (wide, tf.square(wide), tf.ones_like(wide))]
        total, total_of_squares, count = all_reduce_sum(sums)
        mean = total / count
        variance = total_of_squares / count - tf.square(mean)
        if not keepdims:
            mean, variance = tf.squeeze(mean, list(axes)), tf.squeeze(variance, list(axes))
    else:
        mean, variance = tf.nn.moments(wide, axes, keepdims=keepdims)
    if short:
        limits = x.dtype.limits
        mean, variance = (cast(tf.clip_by_value(m, *limits), x.dtype.name) for m in (mean, variance))
    return mean, variance


def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """Class numbers as rows with a one; numbers out of range give zeros."""
    x = convert_to_tensor(x)
    x = cast(x, "int64") if not x.dtype.is_integer else x
    y = tf.one_hot(x, num_classes, axis=axis, dtype=standardize_dtype(dtype))
    return tf.sparse.from_dense(y) if sparse else y


def _logits_behind(output: Any, kind: str) -> Any:
    """What a softmax or sigmoid was computed from, where `output` comes straight from one; None elsewhere.

    A crossentropy of logits loses nothing to rounding, where log(softmax(x)) does.
    """
    if not tf.is_tensor(output):
        return None
    if tf.executing_eagerly() or type(output).__name__ == "EagerTensor":
        return getattr(output, "_keras_logits", None)
    op = output.op
    if kind == "Softmax" and op.type == "Exp" and op.inputs[0].op.type == "LogSoftmax":
        return op.inputs[0].op.inputs[0]
    return op.inputs[0] if op.type == kind else None


def _pair(target: Any, output: Any, kind: str, from_logits: bool) -> tuple[Any, Any, bool]:
    logits = None if from_logits else _logits_behind(output, kind)
    output = as_float(output if logits is None else logits)
    return convert_to_tensor(target), output, from_logits or logits is not None


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-sum(target log(output)) along `axis`."""
    target, output, from_logits = _pair(target, output, "Softmax", from_logits)
    target = cast(target, output.dtype.name)
    if from_logits:
        return tf.nn.softmax_cross_entropy_with_logits(target, output, axis=axis)
    output = output / tf.reduce_sum(output, axis, keepdims=True)
    output = tf.clip_by_value(output, epsilon(), 1.0 - epsilon())
    return -tf.reduce_sum(target * tf.math.log(output), axis)


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-log(output[target]) along `axis`."""
    target, output, from_logits = _pair(target, output, "Softmax", from_logits)
    if len(target.shape) == len(output.shape) and target.shape[-1] == 1:
        target = tf.squeeze(target, -1)
    target = target if target.dtype is tf.int32 else cast(target, "int64")
    if not from_logits:
        output = tf.math.log(tf.clip_by_value(output, epsilon(), 1.0 - epsilon()))
    last = len(output.shape) - 1
    if axis not in (-1, last):
        order = [i for i in range(last + 1) if i != axis % (last + 1)]
        output = tf.transpose(output, [*order, axis % (last + 1)])
    return tf.nn.sparse_softmax_cross_entropy_with_logits(target, output)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-(target log(output) + (1 - target) log(1 - output)), element by element."""
    target, output, from_logits = _pair(target, output, "Sigmoid", from_logits)
    target = cast(target, output.dtype.name)
    if from_logits:
        return tf.nn.sigmoid_cross_entropy_with_logits(target, output)
    output = tf.clip_by_value(output, epsilon(), 1.0 - epsilon())
    return -(target * tf.math.log(output) + (1 - target) * tf.math.log(1 - output))


def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0) -> Any:
    """-log p(target | output), summed over all alignments; `output` holds logits (batch, time, classes)."""
    return tf.nn.ctc_loss(
        cast(target, "int32"),
        as_float(output),
        cast(target_length, "int32"),
        cast(output_length, "int32"),
        logits_time_major=False,
        blank_index=mask_index,
    )


def _ctc_logits(output: Any, lengths: Any) -> tuple[Any, Any]:
    x = as_float(output)
    x = cast(x, "float32") if x.dtype in (tf.float16, tf.bfloat16) else x
    return tf.transpose(x, (1, 0, 2)), cast(convert_to_tensor(lengths), "int32")


def ctc_greedy_decode(
    output: Any, output_length: Any, merge_repeated: bool = True, mask_index: int | None = 0
) -> tuple[Any, Any]:
    """(class numbers of the best alignment (1, batch, time), -1 after their end; minus its logits (batch, 1))."""
    x, lengths = _ctc_logits(output, output_length)
    (classes,), scores = tf.nn.ctc_greedy_decoder(x, lengths, merge_repeated, mask_index)
    return _ctc_paths([classes], x), scores


def ctc_beam_search_decode(
    output: Any, output_length: Any, beam_width: int = 100, top_paths: int = 1, mask_index: int | None = 0
) -> tuple[Any, Any]:
    """(class numbers of the most probable readings (paths, batch, time), -1 after their end; log p (batch, paths))."""
    x, lengths = _ctc_logits(output, output_length)
    count = tf.shape(x)[-1]
    blank = count - 1 if mask_index is None else mask_index if mask_index >= 0 else mask_index + count
    order = tf.concat([tf.range(blank), tf.range(blank + 1, count), [blank]], 0)
    x = tf.gather(x, order, axis=-1)  # the search takes the last class for the blank
    paths, scores = tf.nn.ctc_beam_search_decoder(x, lengths, beam_width, top_paths)
    classes = _ctc_paths(paths, x)
    return tf.where(classes >= blank, classes + 1, classes), scores


def _ctc_paths(paths: Sequence, x: Any) -> Any:
    shape = tf.shape(x, out_type="int64")
    dense = [tf.sparse.to_dense(tf.SparseTensor(p.indices, p.values, [shape[1], shape[0]]), -1) for p in paths]
    return tf.ensure_shape(cast(tf.stack(dense), "int32"), [len(paths), x.shape[1], x.shape[0]])


# ------------------------------------------------------------------------------------------------- attention
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    soft_cap: float | None = None,
) -> Any:
    """softmax(q k^T scale + bias) v on (batch, time, heads, dim); fewer key heads than query heads are shared."""
    query, key, value = as_float(query), as_float(key), as_float(value)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    groups = query.shape[2] // key.shape[2]
    if groups > 1:
        key, value = tf.repeat(key, groups, axis=2), tf.repeat(value, groups, axis=2)
    scores = einsum("btnh,bsnh->bnts", query, key)  # (B, T, N, H) x (B, S, N, H) -> (B, N, T, S)
    scores = cast(scores, "float32") * scale
    if soft_cap is not None:
        scores = soft_cap * tf.tanh(scores / soft_cap)
    if bias is not None:
        scores += cast(bias, "float32")
    if is_causal:
        rows, columns = tf.shape(scores)[-2], tf.shape(scores)[-1]
        causal = tf.range(rows)[:, None] >= tf.range(columns)
        mask = causal if mask is None else tf.logical_and(convert_to_tensor(mask), causal)
    if mask is not None:
        lowest = 0.7 * tf.float32.min
        scores = tf.where(cast(mask, "bool"), scores, lowest)
    weights = cast(tf.nn.softmax(scores, axis=-1), value.dtype.name)
    return einsum("bnts,bsnh->btnh", weights, value)
