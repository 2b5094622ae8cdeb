"""Convolutions, pooling and their neighbours: against their definitions, and against Keras where it has the numbers."""

import inspect

import numpy as np
import pytest
import tensorflow as tf

from hornbook import ops
from hornbook.core.keras_tensor import KerasTensor
from hornbook.core.operation import infer
from hornbook.ops import nn

rng = np.random.default_rng(0)


def normal(*shape, dtype="float32"):
    return rng.normal(size=shape).astype(dtype)


# ---------------------------------------------------------------------------------------------------------- convolution
WINDOWS = [  # spatial sizes, window, strides, dilation
    ((9,), (3,), 1, 2),
    ((9,), (3,), 2, 2),
    ((6, 7), (3, 2), (2, 1), 1),
    ((6, 7), (2, 2), (1, 2), (2, 1)),
    ((4, 5, 4), (2, 2, 2), 1, 2),
]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("space", "window", "strides", "dilation"), WINDOWS)
def test_a_depthwise_convolution_is_one_convolution_for_each_channel(space, window, strides, dilation, padding):
    x, kernel = normal(2, *space, 3), normal(*window, 3, 2)
    how = {"strides": strides, "padding": padding, "dilation_rate": dilation}
    ours = ops.depthwise_conv(x, kernel, **how).numpy()
    each = [convolved(x[..., c : c + 1], kernel[..., c : c + 1, :], **how) for c in range(3)]
    np.testing.assert_allclose(ours, np.concatenate(each, -1), atol=1e-5)
    symbol = ops.depthwise_conv(KerasTensor((None, *space, 3)), kernel, **how)
    assert symbol.shape == (None, *ours.shape[1:])


def convolved(x, kernel, strides, padding, dilation_rate):
    """By the formula: a sum over the places of the window."""
    rank = kernel.ndim - 2
    strides, dilation = np.broadcast_to(strides, rank), np.broadcast_to(dilation_rate, rank)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel.shape, dilation, strict=False)]
    size = np.array(x.shape[1:-1])
    count = -(-size // strides) if padding == "same" else (size - reach) // strides + 1
    missing = np.maximum((count - 1) * strides + reach - size, 0)
    x = np.pad(x, [(0, 0), *[(m // 2, m - m // 2) for m in missing], (0, 0)])
    total = 0
    for place in np.ndindex(*kernel.shape[:rank]):
        start = [p * d for p, d in zip(place, dilation, strict=True)]
        cut = [slice(a, a + (n - 1) * s + 1, s) for a, n, s in zip(start, count, strides, strict=True)]
        total = total + x[(slice(None), *cut)] @ kernel[place]
    return total


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("space", "window", "strides", "dilation"), [w for w in WINDOWS if w[2] == 1 or w[3] == 1])
def test_a_transposed_convolution_is_the_gradient_of_a_convolution(space, window, strides, dilation, padding):
    how = {"strides": strides, "padding": padding, "dilation_rate": dilation}
    kernel = normal(*window, 2, 3)
    x = normal(2, *space, 3)
    ours = ops.conv_transpose(x, kernel, **how)
    y = tf.zeros(ours.shape)
    with tf.GradientTape() as tape:
        tape.watch(y)
        convolution = ops.conv(y, kernel, **how)
        total = tf.reduce_sum(convolution * x)
    np.testing.assert_allclose(ours, tape.gradient(total, y), atol=1e-5)
    symbol, traced = (KerasTensor((None, *space, 3)) for _ in range(2))
    assert ops.conv_transpose(symbol, kernel, **how).shape == (None, *ours.shape[1:])
    assert infer(nn.conv_transpose.__wrapped__, (traced, kernel), how).shape == (None, *ours.shape[1:])


# ----------------------------------------------------------------------------------------------------------- signatures
@pytest.mark.parity
def test_signatures_are_those_of_keras():
    keras = pytest.importorskip("keras")
    for name in set(nn.__all__) - {"multi_hot"}:  # which swallows unknown arguments there
        ours, theirs = inspect.signature(getattr(ops, name)), inspect.signature(getattr(keras.ops, name))
        strip = lambda s: [(p.name, p.kind, p.default) for p in s.parameters.values()]  # noqa: E731
        assert strip(ours) == strip(theirs), name
