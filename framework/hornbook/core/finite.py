"""Where the first number that is not finite comes from: checks behind every layer, while they are asked for."""

from collections.abc import Sequence
from typing import Any

from hornbook import backend, tree

_enabled = False


def enable_debug_nans() -> None:
    """Stop at the first number that is not finite, and say which layer, weight or gradient it is in.

    Each call of a layer checks its weights and its outputs; a training step also the loss and the gradients. It costs
    time, and steps are not compiled with XLA then. It counts from the next `fit`, `evaluate` or `predict` on.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> keras.config.enable_debug_nans()
    >>> root = keras.layers.Lambda(keras.ops.log, name="root")
    >>> root(np.array([[1.0, -1.0]]))
    Traceback (most recent call last):
    ...
    FloatingPointError: The output of layer 'root' (Lambda), of shape (1, 2), is not finite: it has NaN. What went into ...
    >>> keras.config.disable_debug_nans()
    """
    global _enabled
    _enabled = True


def disable_debug_nans() -> None:
    """Check nothing, as at the start.

    >>> import hornbook as keras
    >>> keras.config.disable_debug_nans()
    >>> keras.config.is_debug_nans_enabled()
    False
    """
    global _enabled
    _enabled = False


def is_debug_nans_enabled() -> bool:
    """Whether every layer checks that its numbers are finite."""
    return _enabled


def check_inputs(layer: Any, inputs: Any) -> None:
    """What goes into the outermost layer or model."""
    _check(inputs, f"The input of {_name(layer)}", "Look at the data: they hold it already.")


def check_call(layer: Any, outputs: Any) -> None:
    """A layer's own weights, then its outputs."""
    for variable in layer._own_variables():
        _check(variable, f"Weight {variable.path!r} of {_name(layer)}", "An earlier update has made it so.")
    _check(outputs, f"The output of {_name(layer)}", "What went into it, and its weights, are finite.")


def check_loss(loss: Any) -> None:
    """The loss of a step."""
    _check(loss, "The loss", "All layers' outputs are finite: look at the labels, the weights of samples, the loss.")


def check_gradients(gradients: Sequence, variables: Sequence) -> None:
    """The gradients of a step, from the last variable to the first, as they come about."""
    for gradient, variable in reversed(list(zip(gradients, variables, strict=True))):
        if gradient is not None:
            _check(
                gradient,
                f"The gradient of {variable.path!r}",
                "The outputs, the loss and the gradients of what comes after it are finite: look for a derivative that "
                "is not (a root, a division, a norm at 0), or clip the gradients.",
            )


def _name(layer: Any) -> str:
    return f"layer {layer.name!r} ({type(layer).__name__})"


def _check(values: Any, what: str, hint: str) -> None:
    for x in tree.flatten(values):
        x = getattr(x, "value", x)  # of a variable
        if backend.is_tensor(x) and backend.is_float_dtype(getattr(x.dtype, "name", x.dtype)):
            backend.check_finite(x, f"{what}, of shape {tuple(x.shape)}, is not finite", hint)
