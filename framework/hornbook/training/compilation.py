"""What `fit` has XLA compile where `jit_compile` is "auto": what is known to be faster, never at the price of the numbers.

On CPUs XLA makes loops of small products two to four times faster, and convolutions, tables and draws slower or other.
"""

import math
from typing import Any

from hornbook import backend, losses, metrics
from hornbook.core.finite import is_debug_nans_enabled

TURNS = 20_000  # of recurrent loops, which win the second or two back that XLA compiles
SMALL = 2**17  # weights; the products of larger models are TensorFlow's


def compiled_part(model: Any, steps: int) -> str | None:
    """What XLA is to compile of so many steps of a model that has seen a batch: "steps", recurrent "loops" alone, or nothing.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> from hornbook.training.compilation import compiled_part
    >>> model = keras.Sequential([keras.Input((20, 8)), keras.layers.GRU(4), keras.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> _ = model.fit(np.ones((4, 20, 8)), np.ones((4, 1)), verbose=0)
    >>> compiled_part(model, 100), compiled_part(model, 10_000)
    (None, 'steps')
    """
    walks = [layer for layer in model._flatten_layers() if getattr(layer, "loop_length", None)]
    turns = steps * sum(layer.loop_length for layer in walks)
    if model._jit_compile != "auto" or model.run_eagerly or is_debug_nans_enabled() or turns <= TURNS:
        return None
    if _is_small_and_plain(model):
        return "steps"
    return "loops" if any(layer.has_fused_loop for layer in walks) else None


def _is_small_and_plain(model: Any) -> bool:
    """Whether all that a step computes is known here, and small."""
    from hornbook.models import Functional, Sequential  # which are Trainers

    if type(model) not in (Functional, Sequential) or model._strategy is not None:
        return False
    parts = model.operations if type(model) is Functional else model.layers
    return (
        sum(math.prod(weight.shape) for weight in model.weights) <= SMALL
        and all(map(_is_plain_layer, parts))
        and all(weight.regularizer is None and weight.constraint is None for weight in model.weights)
        and _is_ours(type(model.optimizer))
        and _is_ours(type(model.optimizer._learning_rate))
        and all(map(_is_plain_loss, model._compile_loss.functions if model._compile_loss else ()))
        and all(map(_is_plain_metric, model._compile_metrics.built_metrics if model._compile_metrics else ()))
    )


def _is_plain_layer(layer: Any) -> bool:
    from hornbook import layers

    kind = type(layer)
    if kind is layers.Bidirectional:
        return _is_plain_layer(layer.forward_layer) and _is_plain_layer(layer.backward_layer)
    if kind in (layers.LSTM, layers.GRU, layers.SimpleRNN):
        draws_or_keeps = layer.dropout or layer.recurrent_dropout or layer.stateful or layer.unroll
        if draws_or_keeps or (kind is layers.LSTM and backend.is_wide(layer.units)):
            return False
    elif kind not in (layers.InputLayer, layers.Dense, layers.Flatten, layers.Reshape, layers.RepeatVector):
        return False
    functions = (getattr(layer, name, None) for name in ("activation", "recurrent_activation"))
    plain = layer._power is None and getattr(layer, "activity_regularizer", None) is None
    return plain and all(function is None or _is_ours(function) for function in functions)


def _is_plain_loss(loss: Any) -> bool:
    return loss is None or (
        type(loss) is not losses.CTC and isinstance(loss, losses.LossFunctionWrapper) and _is_ours(loss.fn)
    )


def _is_plain_metric(metric: Any) -> bool:
    return isinstance(metric, metrics.MeanMetricWrapper) and _is_ours(type(metric)) and _is_ours(metric._fn)


def _is_ours(thing: Any) -> bool:
    """Whether a class or a function was written here: what users write may do what XLA cannot."""
    return getattr(thing, "__module__", "").startswith("hornbook.")
