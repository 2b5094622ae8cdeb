"""Activations: functions of one array, given to layers by name, `Dense(8, activation="relu")`, or as they are.

Most are operations and live in `hornbook.ops`; what stands here differs from the operation of that name or has none.
"""

import types
from typing import Any

from hornbook import ops
from hornbook.core.registry import Family
from hornbook.ops import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """Rectified linear unit: max(x, 0), with three knobs.

    f(x) = max_value for x >= max_value; x for threshold <= x < max_value; negative_slope * (x - threshold) below.

    Args:
        x: array of any shape.
        negative_slope: the slope below the threshold.
        max_value: where it saturates; nowhere if None.
        threshold: below it the negative slope begins.

    Returns:
        Array of the same shape and dtype.

    >>> from hornbook import activations
    >>> activations.relu([-2.0, 1.0, 9.0]).numpy().tolist()
    [0.0, 1.0, 9.0]
    >>> activations.relu([-2.0, 1.0, 9.0], negative_slope=0.5, max_value=6.0).numpy().tolist()
    [-1.0, 1.0, 6.0]
    """
    if negative_slope == 0.0 and threshold == 0.0:
        if max_value is None:
            return ops.relu(x)
        return ops.relu6(x) if max_value == 6 else ops.clip(x, 0.0, max_value)
    x = ops.convert_to_tensor(x)
    below = negative_slope * (x - threshold)
    above = x if max_value is None else ops.minimum(x, max_value)
    return ops.where(x >= threshold, above, below)


def gelu(x: Any, approximate: bool = False) -> Any:
    """Gaussian error linear unit: x * P(X <= x) for X ~ N(0, 1), that is 0.5 x (1 + erf(x / sqrt(2))).

    Args:
        x: array of any shape.
        approximate: use 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) instead.

    Returns:
        Array of the same shape and dtype.

    Source: Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", https://arxiv.org/abs/1606.08415.

    >>> from hornbook import activations
    >>> activations.gelu([-1.0, 0.0, 1.0]).numpy().round(4)
    array([-0.1587,  0.    ,  0.8413], dtype=float32)
    """
    return ops.gelu(x, approximate=approximate)


def mish(x: Any) -> Any:
    """x * tanh(softplus(x)).

    Args:
        x: array of any shape.

    Source: Misra 2019, "Mish: A Self Regularized Non-Monotonic Activation Function", https://arxiv.org/abs/1908.08681.

    >>> from hornbook import activations
    >>> activations.mish([0.0, 1.0]).numpy().round(4)
    array([0.    , 0.8651], dtype=float32)
    """
    x = ops.convert_to_tensor(x)
    return x * ops.tanh(ops.softplus(x))


def exponential(x: Any) -> Any:
    """exp(x).

    >>> from hornbook import activations
    >>> activations.exponential([0.0, 1.0]).numpy().round(4)
    array([1.    , 2.7183], dtype=float32)
    """
    return ops.exp(x)


def linear(x: Any) -> Any:
    """x as it is: no activation.

    >>> from hornbook import activations
    >>> activations.linear(3.0)
    3.0
    """
    return x


swish, hard_swish = silu, hard_silu

_FUNCTIONS = (
    *(celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu, linear),
    *(
        log_sigmoid,
        log_softmax,
        mish,
        relu,
        relu6,
        selu,
        sigmoid,
        silu,
        soft_shrink,
        softmax,
        softplus,
        softsign,
        sparse_plus,
    ),
    *(sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink, threshold),
)
family = Family(
    "activations",
    base=types.FunctionType,
    members={**{f.__name__: f for f in _FUNCTIONS}, "swish": silu, "hard_swish": hard_silu},
    functions_too=True,
)
deserialize = family.deserialize


def serialize(activation: Any) -> Any:
    """An activation function as a config (a built-in function as its name), which `deserialize` reads back.

    >>> import hornbook as keras
    >>> keras.activations.serialize(keras.activations.relu)
    'relu'
    """
    return family.serialize(activation)


def get(identifier: Any) -> Any:
    """The activation of this name or config; a function or layer is returned as it is, None gives `linear`.

    Raises:
        ValueError: for a name nobody has.

    >>> from hornbook import activations
    >>> activations.get("relu").__name__, activations.get(None).__name__
    ('relu', 'linear')
    """
    return linear if identifier is None else family.get(identifier)
