"""TensorFlow's own functions by their public names, and who is asked when one of them meets a symbolic tensor.

`tf.nn.softmax(x)` on the KerasTensor of a Functional model fails inside TensorFlow; its global dispatcher then asks whether
somebody else can do it. Here it is told: the call is recorded as an operation, by its public name.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import tensorflow as tf

__all__ = ["on_raw_call", "raw_functions"]

# Functions of numbers alone. None of them reads or writes a file, runs Python code or loads a library, so a saved model
# may name them.
NOT_OF_NUMBERS = ("tf.nn.fixed_unigram_candidate_sampler",)  # can read its vocabulary from a file
NAMESPACES = ("nn", "math", "linalg", "signal", "image", "strings")
ARRAYS = (
    "argsort batch_to_space bitcast boolean_mask broadcast_to cast clip_by_norm clip_by_value concat cumsum einsum "
    "ensure_shape expand_dims eye fill gather gather_nd identity linspace matmul meshgrid norm "
    "one_hot ones_like pad range rank repeat reshape reverse reverse_sequence roll scatter_nd searchsorted "
    "sequence_mask shape size slice sort space_to_batch split squeeze stack stop_gradient strided_slice "
    "tensor_scatter_nd_add tensor_scatter_nd_update tensordot tile transpose unique unstack where zeros_like"
).split()


@functools.cache
def raw_functions() -> dict[str, Callable]:
    """TensorFlow's functions of numbers, by public name ("tf.nn.softmax").

    >>> from hornbook import backend
    >>> sorted(name for name in backend.raw_functions() if name.startswith("tf.nn.relu"))
    ['tf.nn.relu', 'tf.nn.relu6']
    """
    found = {f"tf.{name}": getattr(tf, name) for name in ARRAYS if hasattr(tf, name)}
    for namespace in NAMESPACES:
        members = vars(getattr(tf, namespace))
        for name, member in sorted(members.items()):
            if callable(member) and not inspect.isclass(member) and not name.startswith("_"):
                found[f"tf.{namespace}.{name}"] = member
    return {name: function for name, function in found.items() if name not in NOT_OF_NUMBERS}


def on_raw_call(record: Callable[[str, Callable, tuple, dict], Any]) -> None:
    """From now on, a call of one of the `raw_functions` that TensorFlow cannot carry out is offered to `record`.

    Args:
        record: gets the public name, the function, its positional and its named arguments; gives the result, or
            NotImplemented for a call that is not its business.
    """
    _Offer(record).register()


class _Offer(tf.__internal__.dispatch.GlobalOpDispatcher):
    def __init__(self, record: Callable) -> None:
        self.record = record

    def handle(self, op: Any, args: Any, kwargs: Any) -> Any:
        name = _names().get(inspect.unwrap(op))
        if name is None:
            return self.NOT_SUPPORTED
        result = self.record(name, raw_functions()[name], args, kwargs)
        return self.NOT_SUPPORTED if result is NotImplemented else result


@functools.cache
def _names() -> dict[Callable, str]:
    """The first public name of each function, whatever it is wrapped in."""
    names: dict[Callable, str] = {}
    for name, function in raw_functions().items():
        names.setdefault(inspect.unwrap(function), name)
    return names
