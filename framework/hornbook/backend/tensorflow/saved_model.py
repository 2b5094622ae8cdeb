"""SavedModels: TensorFlow's own files of compiled functions and their variables."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

__all__ = ["load_saved_model"]


def load_saved_model(filepath: str) -> tuple[Any, Callable, Callable]:
    """A SavedModel from its folder.

    Returns:
        What has to be held as long as its functions are used; a function that finds one of its functions by name
        (None for a name that it does not have); and one that gives the variables a function uses, as they are stored.

    Raises:
        OSError: where there is none.
    """
    loaded: Any = tf.saved_model.load(filepath)

    def find(name: str) -> Any:
        found = getattr(loaded, name, None) or loaded.signatures.get(name)
        return found if callable(found) else None

    def variables_of(function: Any) -> list:
        traces = getattr(function, "concrete_functions", [function])
        return list({id(v): v for trace in traces for v in trace.variables}.values())

    return loaded, find, variables_of
