"""Where the first number that is not finite comes from: checks behind every layer, while they are asked for."""

from collections.abc import Sequence
from typing import Any

from hornbook import backend, tree
from hornbook.core.global_state import _state

_enabled = False


def enable_debug_nans() -> None:
    """Stop at the first number that is not finite, and say which layer, weight or gradient it is in.

    Each call of a layer checks its inputs, weights and outputs; a training step also the loss and the gradients. It costs
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
    """Whether every layer checks that its numbers are finite.

    >>> import hornbook as keras
    >>> keras.config.is_debug_nans_enabled()
    False
    """
    return _enabled


def check_inputs(layer: Any, args: tuple, kwargs: dict[str, Any], outermost: bool) -> None:
    """What goes into a layer; a mask may hold infinities."""
    hint = "The outputs of the layers before it are finite: look at what is computed between them and it."
    if outermost:
        hint = "Look at the data: they hold it already."
        _state.variables_found_finite = set()
    kwargs = {name: value for name, value in kwargs.items() if "mask" not in name}
    _check((args, kwargs), f"The input of {_name(layer)}", hint)


def check_call(layer: Any, outputs: Any) -> None:
    """The weights of a layer, each once in a call of the outermost one, then its outputs."""
    found = _state.variables_found_finite
    for variable in layer.variables:
        if id(variable) not in found:
            found.add(id(variable))
            weight = backend.convert_to_tensor(variable.value)
            _check(weight, f"Weight {variable.path!r} of {_name(layer)}", "An earlier update has made it so.")
    _check(outputs, f"The output of {_name(layer)}", "What went into it, and its weights, are finite.")


def check_loss(loss: Any) -> list:
    """The loss of a step; gives it, checked."""
    return _check(
        loss, "The loss", "All layers' outputs are finite: look at the labels, the weights of samples, the loss."
    )


def check_gradients(gradients: Sequence, variables: Sequence) -> list:
    """The gradients of a step, from the last variable to the first, as they come about; gives them, checked."""
    checked = []
    for gradient, variable in reversed(list(zip(gradients, variables, strict=True))):
        hint = (
            "The outputs, the loss and the gradients of what comes after it are finite: look for a derivative that is not "
            "(a root, a division, a norm at 0), or clip the gradients."
        )
        checked += _check(gradient, f"The gradient of {variable.path!r}", hint)
    return checked


def _name(layer: Any) -> str:
    return f"layer {layer.name!r} ({type(layer).__name__})"


def _check(values: Any, what: str, hint: str) -> list:
    """The tensors of floats among the values, checked."""
    return [
        backend.check_finite(x, f"{what}, of shape {tuple(x.shape)}, is not finite", hint)
        for x in tree.flatten(values)
        if backend.is_tensor(x) and backend.is_float_dtype(getattr(x.dtype, "name", x.dtype))
    ]
