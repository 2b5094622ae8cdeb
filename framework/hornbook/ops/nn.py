"""Neural networks: activations, convolution and pooling, crossentropy, normalization, attention."""

import math
from collections.abc import Sequence
from typing import Any

from hornbook import backend
from hornbook.backend.spec import Spec
from hornbook.backend.windows import transposed_size
from hornbook.core import rules
from hornbook.core.op import op
from hornbook.ops.patches import (
    adaptive_average_pool,
    adaptive_max_pool,
    depth_to_space,
    fold,
    space_to_depth,
    unfold,
)

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "average_pool",
    "batch_normalization",
    "binary_crossentropy",
    "categorical_crossentropy",
    "celu",
    "conv",
    "conv_transpose",
    "ctc_decode",
    "ctc_loss",
    "depth_to_space",
    "depthwise_conv",
    "dot_product_attention",
    "elu",
    "fold",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "layer_normalization",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "max_pool",
    "moments",
    "multi_hot",
    "normalize",
    "one_hot",
    "polar",
    "psnr",
    "relu",
    "relu6",
    "rms_normalization",
    "selu",
    "separable_conv",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "space_to_depth",
    "sparse_categorical_crossentropy",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh_shrink",
    "threshold",
    "unfold",
]


# ---------------------------------------------------------------------------------------------------------- activations
@op(rules.like_first)
def relu(x: Any) -> Any:
    """max(x, 0).

    >>> from hornbook import ops
    >>> print(ops.relu([-1.0, 2.0]).numpy())
    [0. 2.]
    """
    return backend.relu(x)


@op(rules.like_first)
def relu6(x: Any) -> Any:
    """min(max(x, 0), 6).

    >>> from hornbook import ops
    >>> print(ops.relu6([-1.0, 8.0]).numpy())
    [0. 6.]
    """
    return backend.relu6(x)


@op(rules.float_like_first)
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)).

    >>> from hornbook import ops
    >>> print(ops.sigmoid([0.0]).numpy())
    [0.5]
    """
    return backend.sigmoid(x)


@op(rules.float_like_first)
def sparse_sigmoid(x: Any) -> Any:
    """0 below -1, 1 above 1, (x + 1) / 2 between.

    >>> from hornbook import ops
    >>> print(ops.sparse_sigmoid([-2.0, 0.0]).numpy())
    [0.  0.5]
    """
    x = backend.as_float(x)
    return backend.clip(backend.multiply(backend.add(x, 1.0), 0.5), 0.0, 1.0)


@op(rules.float_like_first)
def softplus(x: Any) -> Any:
    """log(1 + exp(x)).

    >>> from hornbook import ops
    >>> print(ops.softplus([0.0]).numpy())
    [0.6931472]
    """
    return backend.softplus(x)


@op(rules.float_like_first)
def softsign(x: Any) -> Any:
    """x / (1 + |x|).

    >>> from hornbook import ops
    >>> print(ops.softsign([1.0]).numpy())
    [0.5]
    """
    return backend.softsign(x)


@op(rules.float_like_first)
def silu(x: Any) -> Any:
    """x sigmoid(x).

    >>> from hornbook import ops
    >>> print(ops.silu([0.0]).numpy())
    [0.]
    """
    return backend.silu(x)


@op(rules.float_like_first)
def log_sigmoid(x: Any) -> Any:
    """log(sigmoid(x)).

    >>> from hornbook import ops
    >>> print(ops.log_sigmoid([0.0]).numpy())
    [-0.6931472]
    """
    return backend.log_sigmoid(x)


@op(rules.float_like_first)
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where positive, negative_slope x elsewhere.

    >>> from hornbook import ops
    >>> print(ops.leaky_relu([-1.0, 2.0]).numpy())
    [-0.2  2. ]
    """
    return backend.leaky_relu(x, negative_slope)


@op(rules.float_like_first)
def hard_sigmoid(x: Any) -> Any:
    """min(max(x / 6 + 1 / 2, 0), 1).

    >>> from hornbook import ops
    >>> print(ops.hard_sigmoid([-3.0, 0.0]).numpy())
    [0.  0.5]
    """
    x = backend.as_float(x)
    return backend.clip(backend.add(backend.divide(x, 6.0), 0.5), 0.0, 1.0)


@op(rules.float_like_first)
def hard_silu(x: Any) -> Any:
    """x hard_sigmoid(x).

    >>> from hornbook import ops
    >>> print(ops.hard_silu([3.0]).numpy())
    [3.]
    """
    x = backend.as_float(x)
    return backend.multiply(x, hard_sigmoid(x))


@op(rules.float_like_first)
def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where positive, alpha (exp(x) - 1) elsewhere.

    >>> from hornbook import ops
    >>> print(ops.elu([2.0]).numpy())
    [2.]
    """
    return backend.elu(x, alpha)


@op(rules.float_like_first)
def selu(x: Any) -> Any:
    """1.0507 x where positive, 1.0507 * 1.6733 (exp(x) - 1) elsewhere (Klambauer et al. 2017).

    >>> from hornbook import ops
    >>> print(ops.selu([0.0]).numpy())
    [0.]
    """
    return backend.selu(x)


@op(rules.float_like_first)
def celu(x: Any, alpha: float = 1.0) -> Any:
    """max(x, 0) + min(0, alpha (exp(x / alpha) - 1)).

    >>> from hornbook import ops
    >>> print(ops.celu([2.0]).numpy())
    [2.]
    """
    x = backend.as_float(x)
    return backend.add(
        backend.maximum(x, 0.0), backend.multiply(alpha, backend.expm1(backend.divide(backend.minimum(x, 0.0), alpha)))
    )


@op(rules.float_like_first)
def gelu(x: Any, approximate: bool = True) -> Any:
    """x Phi(x), Phi the normal distribution function; by default its tanh approximation (Hendrycks & Gimpel 2016).

    >>> from hornbook import ops
    >>> print(ops.gelu([0.0]).numpy())
    [0.]
    """
    return backend.gelu(x, approximate)


@op(rules.float_like_first)
def softmax(x: Any, axis: Any = -1) -> Any:
    """exp(x) / sum(exp(x)) along `axis`.

    >>> from hornbook import ops
    >>> print(ops.softmax([0.0, 0.0]).numpy())
    [0.5 0.5]
    """
    return backend.softmax(x, axis)


@op(rules.float_like_first)
def log_softmax(x: Any, axis: Any = -1) -> Any:
    """x - log(sum(exp(x))) along `axis`.

    >>> from hornbook import ops
    >>> print(ops.log_softmax([0.0, 0.0]).numpy())
    [-0.6931472 -0.6931472]
    """
    return backend.log_softmax(x, axis)


@op(rules.float_like_first)
def tanh_shrink(x: Any) -> Any:
    """x - tanh(x).

    >>> from hornbook import ops
    >>> print(ops.tanh_shrink([0.0]).numpy())
    [0.]
    """
    x = backend.as_float(x)
    return backend.subtract(x, backend.tanh(x))


@op(rules.float_like_first)
def hard_tanh(x: Any) -> Any:
    """min(max(x, -1), 1).

    >>> from hornbook import ops
    >>> print(ops.hard_tanh([-3.0, 0.5]).numpy())
    [-1.   0.5]
    """
    x = backend.as_float(x)
    return backend.clip(x, -1.0, 1.0)


@op(rules.float_like_first)
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x where |x| > threshold, 0 elsewhere.

    >>> from hornbook import ops
    >>> print(ops.hard_shrink([0.3, 1.0]).numpy())
    [0. 1.]
    """
    x = backend.as_float(x)
    return backend.where(backend.greater(backend.absolute(x), threshold), x, backend.zeros_like(x))


@op(rules.float_like_first)
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """sign(x) max(|x| - threshold, 0).

    >>> from hornbook import ops
    >>> print(ops.soft_shrink([0.3, 1.0]).numpy())
    [0.  0.5]
    """
    x = backend.as_float(x)
    return backend.multiply(backend.sign(x), backend.maximum(backend.subtract(backend.absolute(x), threshold), 0.0))


@op(rules.float_like_first)
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """x where x > threshold, default_value elsewhere.

    >>> from hornbook import ops
    >>> print(ops.threshold([0.0, 2.0], 1.0, 9.0).numpy())
    [9. 2.]
    """
    x = backend.as_float(x)
    return backend.where(backend.greater(x, threshold), x, backend.full_like(x, default_value))


@op(rules.float_like_first)
def squareplus(x: Any, b: float = 4) -> Any:
    """(x + sqrt(x^2 + b)) / 2.

    >>> from hornbook import ops
    >>> print(ops.squareplus([0.0]).numpy())
    [1.]
    """
    x = backend.as_float(x)
    return backend.multiply(backend.add(x, backend.sqrt(backend.add(backend.square(x), b))), 0.5)


@op(rules.float_like_first)
def sparse_plus(x: Any) -> Any:
    """0 below -1, x above 1, (x + 1)^2 / 4 between.

    >>> from hornbook import ops
    >>> print(ops.sparse_plus([-2.0, 0.0]).numpy())
    [0.   0.25]
    """
    x = backend.as_float(x)
    return backend.where(
        backend.less_equal(x, -1.0),
        backend.zeros_like(x),
        backend.where(backend.less(x, 1.0), backend.multiply(0.25, backend.square(backend.add(x, 1.0))), x),
    )


@op
def glu(x: Any, axis: int = -1) -> Any:
    """a sigmoid(b), where a and b are the halves of x along `axis` (Dauphin et al. 2017).

    >>> from hornbook import ops
    >>> print(ops.glu([2.0, 0.0]).numpy())
    [1.]
    """
    x = backend.as_float(x)
    if x.shape[axis] is None or x.shape[axis] % 2:
        raise ValueError(f"glu() halves axis {axis}, which must have an even size; got shape {tuple(x.shape)}.")
    a, b = backend.split(x, 2, axis=axis)
    return backend.multiply(a, backend.sigmoid(b))


@op(rules.float_like_first)
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The point of the probability simplex nearest to x (Martins & Astudillo 2016): max(x - tau, 0).

    >>> from hornbook import ops
    >>> print(ops.sparsemax([2.0, 0.0]).numpy())
    [1. 0.]
    """
    x = backend.moveaxis(backend.as_float(x), axis, -1)
    z = backend.flip(backend.sort(x, axis=-1), axis=-1)
    total = backend.cumsum(z, axis=-1)
    k = backend.cast(backend.arange(1, x.shape[-1] + 1), x.dtype)
    inside = backend.greater(backend.add(1.0, backend.multiply(k, z)), total)
    count = backend.sum(backend.cast(inside, x.dtype), axis=-1, keepdims=True)
    kept = backend.sum(backend.where(inside, z, backend.zeros_like(z)), axis=-1, keepdims=True)
    tau = backend.divide(backend.subtract(kept, 1.0), count)
    return backend.moveaxis(backend.maximum(backend.subtract(x, tau), 0.0), -1, axis)


swish, hard_swish = silu, hard_silu


# -------------------------------------------------------------------------------------------------------- convolution
def _per_axis(value: Any, rank: int) -> tuple:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def window_output_shape(
    shape: Sequence, window: Sequence, strides: Sequence, padding: str, dilation: Sequence, what: str
) -> tuple:
    """The spatial sizes that a window slid over sizes `shape` gives.

    Raises:
        ValueError: for a window that is larger than the input.
    """
    sizes = []
    for size, length, stride, gap in zip(shape, window, strides, dilation, strict=True):
        reach = (length - 1) * gap + 1
        if size is None:
            sizes.append(None)
        elif padding in ("same", "causal"):
            sizes.append(-(-size // stride))
        elif size < reach:
            raise ValueError(
                f"{what}: a window of {reach} does not fit into an axis of {size} (input {tuple(shape)}, window "
                f"{tuple(window)}). Use padding='same', a smaller window, or larger inputs."
            )
        else:
            sizes.append((size - reach) // stride + 1)
    return tuple(sizes)


def _windowed(arguments: dict, window: Any, strides: Any, filters: Any, what: str) -> Spec:
    x = arguments["inputs"]
    rank = len(x.shape) - 2
    last = backend.standardize_data_format(arguments["data_format"]) == "channels_last"
    space = x.shape[1:-1] if last else x.shape[2:]
    window = _per_axis(window, rank)
    dilation = _per_axis(arguments.get("dilation_rate", 1), rank)
    sizes = window_output_shape(space, window, _per_axis(strides, rank), arguments["padding"], dilation, what)
    filters = x.shape[-1 if last else 1] if filters is None else filters
    return Spec((x.shape[0], *sizes, filters) if last else (x.shape[0], filters, *sizes), rules.dtype_name(x))


@rules.OutputRule
def pooled(arguments: dict) -> Spec:
    """The spec of a pooling."""
    strides = arguments["pool_size"] if arguments["strides"] is None else arguments["strides"]
    return _windowed(arguments, arguments["pool_size"], strides, None, "Pooling")


@rules.OutputRule
def convolved(arguments: dict) -> Spec:
    """The spec of a convolution."""
    kernel = arguments["kernel"]
    spec = _windowed(arguments, kernel.shape[:-2], arguments["strides"], kernel.shape[-1], "Convolution")
    return Spec(spec.shape, rules.float_dtype(rules.common_dtype(arguments["inputs"], kernel)))


@rules.OutputRule
def convolved_by_channel(arguments: dict) -> Spec:
    """The spec of a depthwise convolution."""
    kernel = arguments["kernel"]
    filters = kernel.shape[-2] * kernel.shape[-1]
    spec = _windowed(arguments, kernel.shape[:-2], arguments["strides"], filters, "Convolution")
    return Spec(spec.shape, rules.float_dtype(rules.common_dtype(arguments["inputs"], kernel)))


@rules.OutputRule
def convolved_in_two_steps(arguments: dict) -> Spec:
    """The spec of a separable convolution."""
    window, mixture = arguments["depthwise_kernel"], arguments["pointwise_kernel"]
    spec = _windowed(arguments, window.shape[:-2], arguments["strides"], mixture.shape[-1], "Convolution")
    return Spec(spec.shape, rules.float_dtype(rules.common_dtype(arguments["inputs"], window, mixture)))


@rules.OutputRule
def convolved_back(arguments: dict) -> Spec:
    """The spec of a transposed convolution."""
    x, kernel, extra = arguments["inputs"], arguments["kernel"], arguments["output_padding"]
    rank = len(kernel.shape) - 2
    last = backend.standardize_data_format(arguments["data_format"]) == "channels_last"
    strides, dilation = (_per_axis(arguments[name], rank) for name in ("strides", "dilation_rate"))
    extras = (None,) * rank if extra is None else _per_axis(extra, rank)
    sizes = [
        None if size is None else transposed_size(size, window, stride, arguments["padding"], more, gap)
        for size, window, stride, more, gap in zip(
            x.shape[1:-1] if last else x.shape[2:], kernel.shape[:-2], strides, extras, dilation, strict=True
        )
    ]
    shape = (x.shape[0], *sizes, kernel.shape[-2]) if last else (x.shape[0], kernel.shape[-2], *sizes)
    return Spec(shape, rules.float_dtype(rules.common_dtype(x, kernel)))


@op(pooled)
def max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """The largest number of each window of (batch, *space, channels).

    >>> import numpy as np
    >>> from hornbook import ops
    >>> ops.max_pool(np.arange(4.0).reshape(1, 4, 1), 2).numpy().ravel()
    array([1., 3.])
    """
    return backend.max_pool(inputs, pool_size, strides, padding, data_format)


@op(pooled)
def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """The mean of each window of (batch, *space, channels); what lies outside does not count.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> ops.average_pool(np.arange(4.0).reshape(1, 4, 1), 2).numpy().ravel()
    array([0.5, 2.5])
    """
    return backend.average_pool(inputs, pool_size, strides, padding, data_format)


@op(convolved)
def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolution over one, two or three axes: y[i, f] = sum_{k, c} x[stride i + dilation k, c] kernel[k, c, f].

    Args:
        inputs: (batch, *space, channels), or (batch, channels, *space) for "channels_first".
        kernel: (*window, channels / groups, filters).
        strides, dilation_rate: steps between windows, and between the places inside a window.
        padding: "valid", "same" or (along time) "causal".

    >>> import numpy as np
    >>> from hornbook import ops
    >>> ops.conv(np.ones((1, 5, 1)), np.ones((3, 1, 1))).numpy().ravel()
    array([3., 3., 3.])
    """
    return backend.conv(inputs, kernel, strides, padding, data_format, dilation_rate)


@op(convolved_by_channel)
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Each channel convolved with kernels of its own, (*window, channels, multiplier).

    >>> import numpy as np
    >>> from hornbook import ops
    >>> ops.depthwise_conv(np.ones((1, 4, 4, 2), "float32"), np.ones((3, 3, 2, 1), "float32")).shape
    TensorShape([1, 2, 2, 2])
    """
    return backend.depthwise_conv(inputs, kernel, strides, padding, data_format, dilation_rate)


@op(convolved_in_two_steps)
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """A depthwise convolution, then one with a window of one.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> x, window, mix = (np.ones(s, "float32") for s in ((1, 4, 4, 2), (3, 3, 2, 1), (1, 1, 2, 5)))
    >>> ops.separable_conv(x, window, mix).shape
    TensorShape([1, 2, 2, 5])
    """
    return backend.separable_conv(
        inputs, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation_rate
    )


@op(convolved_back)
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """The gradient of a convolution as a layer of its own; the kernel is (*window, filters, channels).

    >>> import numpy as np
    >>> from hornbook import ops
    >>> ops.conv_transpose(np.ones((1, 2, 2, 1), "float32"), np.ones((2, 2, 3, 1), "float32"), strides=2).shape
    TensorShape([1, 4, 4, 3])
    """
    return backend.conv_transpose(inputs, kernel, strides, padding, output_padding, data_format, dilation_rate)


@op
def polar(abs_: Any, angle: Any) -> Any:
    """Complex numbers from lengths and angles in radians: abs_ (cos(angle) + i sin(angle)).

    Args:
        abs_, angle: real arrays that broadcast against each other.

    Returns:
        complex64, or complex128 for float64.

    >>> from hornbook import ops
    >>> print(ops.polar([2.0], [0.0]).numpy())
    [2.+0.j]
    """
    length, angle = backend.as_float(abs_), backend.as_float(angle)
    return backend.to_complex(
        backend.multiply(length, backend.cos(angle)), backend.multiply(length, backend.sin(angle))
    )


# ------------------------------------------------------------------------------------------------ labels, crossentropy
@op
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """Class numbers as rows with a one; numbers out of range give rows of zeros.

    >>> from hornbook import ops
    >>> print(ops.one_hot([1, 0], 2).numpy())
    [[0. 1.]
     [1. 0.]]
    """
    return backend.one_hot(x, num_classes, axis, dtype or backend.floatx(), sparse)


@op
def multi_hot(
    inputs: Any, num_classes: int | None = None, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Any:
    """Sets of class numbers (..., size) as rows with a one for each member: (..., num_classes).

    >>> from hornbook import ops
    >>> print(ops.multi_hot([[0, 2]], 3).numpy())
    [[1. 0. 1.]]
    """
    if num_classes is None:
        raise ValueError("multi_hot() needs num_classes, the length of the rows.")
    x = backend.convert_to_tensor(inputs)
    members = 1 if len(x.shape) > 1 else 0
    return backend.max(backend.one_hot(x, num_classes, axis, dtype or backend.floatx(), sparse), axis=members)


@op
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-sum(target log(output)) along `axis`: target holds probabilities, such as one-hot rows.

    >>> from hornbook import ops
    >>> print(ops.categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).numpy())
    [0.6931472]
    """
    return backend.categorical_crossentropy(target, output, from_logits, axis)


@op
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-log(output[target]) along `axis`: target holds class numbers.

    >>> from hornbook import ops
    >>> print(ops.sparse_categorical_crossentropy([1], [[0.5, 0.5]]).numpy())
    [0.6931472]
    """
    return backend.sparse_categorical_crossentropy(target, output, from_logits, axis)


@op
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-(target log(output) + (1 - target) log(1 - output)), element by element.

    >>> from hornbook import ops
    >>> print(ops.binary_crossentropy([1.0], [0.5]).numpy())
    [0.6931472]
    """
    return backend.binary_crossentropy(target, output, from_logits)


@op
def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0) -> Any:
    """Connectionist temporal classification (Graves et al. 2006): -log of the summed probability of all alignments.

    Args:
        target: class numbers (batch, longest target).
        output: logits (batch, time, classes).
        target_length, output_length: how much of each row counts (batch,).
        mask_index: the class that stands for "nothing here".

    Returns:
        (batch,).

    >>> import numpy as np
    >>> from hornbook import ops
    >>> print(ops.ctc_loss([[1]], np.zeros((1, 1, 2), "float32"), [1], [1]).numpy())
    [0.6931472]
    """
    return backend.ctc_loss(target, output, target_length, output_length, mask_index)


@rules.OutputRule
def _decoded(arguments: dict) -> tuple[Spec, Spec]:
    x = arguments["inputs"]
    paths = 1 if arguments["strategy"] == "greedy" else arguments["top_paths"]
    dtype = rules.common_dtype(x, least="float32")
    return Spec((paths, *x.shape[:2]), "int32"), Spec((x.shape[0], paths), dtype)


@op(_decoded)
def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> tuple:
    """The class numbers that connectionist temporal classification reads out of logits (Graves et al. 2006).

    "greedy" takes the best class at each time, makes one of repeated classes and leaves out `mask_index`;
    "beam_search" keeps the `beam_width` most probable beginnings at each time.

    Args:
        inputs: logits (batch, time, classes).
        sequence_lengths: how many times of each row count, (batch,).
        strategy: "greedy" or "beam_search".
        beam_width, top_paths: of the beam search: how many beginnings are kept, how many readings are given.
        merge_repeated: of "greedy": whether repeated classes with nothing between count once.
        mask_index: the class that stands for "nothing here"; the last one if None.

    Returns:
        (class numbers (top_paths, batch, time), int32, -1 after their end; scores (batch, top_paths)). The score of
        "greedy" is minus the sum of its logits, that of "beam_search" the log probability.

    Raises:
        ValueError: for another strategy, or fewer beams than paths.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> logits = np.eye(3, dtype="float32")[None, [1, 1, 0, 1, 2]]  # the best classes: 1 1 0 1 2
    >>> print(ops.ctc_decode(logits, [5])[0].numpy())
    [[[ 1  1  2 -1 -1]]]
    """
    if strategy not in ("greedy", "beam_search"):
        raise ValueError(f"strategy must be 'greedy' or 'beam_search', got {strategy!r}.")
    if strategy == "greedy":
        return backend.ctc_greedy_decode(inputs, sequence_lengths, merge_repeated, mask_index)
    if top_paths > beam_width:
        raise ValueError(f"a beam of width {beam_width} cannot give top_paths={top_paths} readings; widen it.")
    return backend.ctc_beam_search_decode(inputs, sequence_lengths, beam_width, top_paths, mask_index)


# ------------------------------------------------------------------------------------------------------ normalization
@op
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> tuple:
    """Mean and variance over `axes`; `synchronized` takes all replicas together.

    >>> from hornbook import ops
    >>> [float(m) for m in ops.moments([1.0, 3.0], [0])]
    [2.0, 1.0]
    """
    return backend.moments(x, axes, keepdims, synchronized)


@op(shape=lambda arguments: Spec(arguments["x"].shape, rules.float_dtype(arguments["x"].dtype)))
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> Any:
    """scale (x - mean) / sqrt(variance + epsilon) + offset, the statistics lying along `axis`.

    >>> from hornbook import ops
    >>> print(ops.batch_normalization([[3.0]], [1.0], [4.0], axis=-1, epsilon=0.0).numpy())
    [[1.]]
    """
    x = backend.as_float(x)
    shape = [1] * len(x.shape)
    shape[axis] = -1
    mean, variance = backend.reshape(mean, shape), backend.reshape(variance, shape)
    factor = backend.rsqrt(backend.add(variance, epsilon))
    if scale is not None:
        factor = backend.multiply(factor, backend.reshape(scale, shape))
    shift = backend.multiply(backend.negative(mean), factor)
    if offset is not None:
        shift = backend.add(shift, backend.reshape(offset, shape))
    return backend.add(backend.multiply(x, backend.cast(factor, x.dtype)), backend.cast(shift, x.dtype))


def _along(parameter: Any, x: Any, axes: Sequence[int]) -> Any:
    """A parameter of the normalized axes in a shape that broadcasts against x."""
    shape = [x.shape[i] if i in axes else 1 for i in range(len(x.shape))]
    return backend.reshape(parameter, shape)


def _axes(axis: Any, rank: int) -> list[int]:
    return [a % rank for a in ([axis] if isinstance(axis, int) else axis)]


@op(shape=lambda arguments: Spec(arguments["x"].shape, rules.float_dtype(arguments["x"].dtype)))
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None, **kwargs: Any
) -> Any:
    """gamma (x - mean(x)) / sqrt(var(x) + epsilon) + beta along `axis` (Ba et al. 2016); computed in float32.

    >>> from hornbook import ops
    >>> print(ops.layer_normalization([[1.0, 3.0]], epsilon=0.0).numpy())
    [[-1.  1.]]
    """
    x = backend.as_float(x)
    dtype, wide = x.dtype, backend.cast(x, backend.result_type(backend.standardize_dtype(x.dtype), "float32"))
    axes = _axes(axis, len(x.shape))
    mean, variance = backend.moments(wide, axes, keepdims=True)
    factor = backend.rsqrt(backend.add(variance, backend.epsilon() if epsilon is None else epsilon))
    if gamma is not None:
        factor = backend.multiply(factor, backend.cast(_along(gamma, x, axes), wide.dtype))
    shift = backend.multiply(backend.negative(mean), factor)
    if beta is not None:
        shift = backend.add(shift, backend.cast(_along(beta, x, axes), wide.dtype))
    return backend.cast(backend.add(backend.multiply(wide, factor), shift), dtype)


@op(shape=lambda arguments: Spec(arguments["x"].shape, rules.float_dtype(arguments["x"].dtype)))
def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Any:
    """scale x / sqrt(mean(x^2) + epsilon) along `axis` (Zhang & Sennrich 2019); computed in float32.

    >>> from hornbook import ops
    >>> print(ops.rms_normalization([[3.0, 3.0]], epsilon=0.0).numpy())
    [[1. 1.]]
    """
    x = backend.as_float(x)
    dtype, wide = x.dtype, backend.cast(x, backend.result_type(backend.standardize_dtype(x.dtype), "float32"))
    axes = _axes(axis, len(x.shape))
    square = backend.mean(backend.square(wide), axis=axes, keepdims=True)
    y = backend.multiply(wide, backend.rsqrt(backend.add(square, backend.epsilon() if epsilon is None else epsilon)))
    if scale is not None:
        y = backend.multiply(y, backend.cast(_along(scale, x, axes), wide.dtype))
    return backend.cast(y, dtype)


@op(rules.float_like_first)
def normalize(x: Any, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """x / max(||x||, epsilon), the norm of the given order along `axis`.

    >>> from hornbook import ops
    >>> print(ops.normalize([3.0, 4.0]).numpy())
    [0.6 0.8]
    """
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"order must be a positive integer, got {order!r}.")
    x = backend.as_float(x)
    epsilon = backend.epsilon() if epsilon is None else epsilon
    if order == 2:
        square = backend.sum(backend.square(x), axis=axis, keepdims=True)
        return backend.multiply(x, backend.rsqrt(backend.maximum(square, epsilon**2)))
    norm = backend.power(backend.sum(backend.power(backend.absolute(x), order), axis=axis, keepdims=True), 1.0 / order)
    return backend.divide(x, backend.maximum(norm, epsilon))


@op
def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """Peak signal-to-noise ratio in decibels: 20 log10(max_val) - 10 log10(mean((x1 - x2)^2)).

    >>> from hornbook import ops
    >>> float(ops.psnr([1.0], [0.0], 10.0))
    20.0
    """
    error = backend.mean(backend.square(backend.subtract(x1, x2)))
    decibels = 10 / math.log(10)  # from natural logarithms
    return backend.multiply(decibels, backend.subtract(2 * math.log(max_val), backend.log(error)))


# ---------------------------------------------------------------------------------------------------------- attention
@op(
    shape=lambda arguments: Spec(
        (*arguments["query"].shape[:-1], arguments["value"].shape[-1]), rules.float_dtype(arguments["query"].dtype)
    )
)
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """softmax(query key^T scale + bias) value (Vaswani et al. 2017).

    Args:
        query: (batch, time, heads, dim).
        key, value: (batch, source, key heads, dim); groups of query heads share a key head where there are fewer.
        bias, mask: (batch, heads, time, source) or what broadcasts to it; the mask is True where attention may go.
        scale: 1 / sqrt(dim) if None.
        is_causal: also forbid looking ahead.
        flash_attention: accepted for signature's sake; the backend chooses its kernel.
        attn_logits_soft_cap: squeeze the scores smoothly into (-cap, cap).

    Returns:
        (batch, time, heads, dim).

    >>> import numpy as np
    >>> from hornbook import ops
    >>> x = np.ones((1, 2, 1, 4), "float32")
    >>> print(ops.dot_product_attention(x, x, x).numpy().ravel())
    [1. 1. 1. 1. 1. 1. 1. 1.]
    """
    for name, array in (("query", query), ("key", key), ("value", value)):
        if len(array.shape) != 4:
            raise ValueError(f"{name} must be (batch, time, heads, dim), got shape {tuple(array.shape)}.")
    return backend.dot_product_attention(query, key, value, bias, mask, scale, is_causal, attn_logits_soft_cap)
