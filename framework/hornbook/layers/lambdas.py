"""A function as a layer."""

import inspect
from collections.abc import Callable
from typing import Any

from hornbook.core.layer import Layer
from hornbook.core.operation import infer
from hornbook.core.registry import deserialize_keras_object, get_registered_name, serialize_keras_object

__all__ = ["Lambda"]


class Lambda(Layer):
    """A function as a layer, for formulas without weights: output = function(inputs, **arguments).

    A file holds data and never code: a model is saved with the function's name, and opened where a function of that
    name is registered or passed in custom_objects. One with a Python lambda cannot be saved.

    Args:
        function: takes the inputs; `mask` and `training` too, if it has parameters of these names.
        output_shape: the shape of the output without its batch, or a function of the input's shape; found by tracing
            if None.
        mask: the mask of the output, or a function of (inputs, mask); the input's is dropped if None.
        arguments: a dictionary of more arguments of the function.

    Raises:
        TypeError: for what cannot be called.
        ValueError: in `from_config`, for code instead of a name.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Lambda(lambda x: x**2)(np.array([1.0, 3.0])).numpy()
    array([1., 9.], dtype=float32)
    """

    def __init__(
        self,
        function: Callable,
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"Lambda takes a function, got {function!r}.")
        self.function, self.mask, self.arguments = function, mask, arguments or {}
        self._output_shape = output_shape
        self.supports_masking = mask is not None
        try:
            self._takes = set(inspect.signature(function).parameters) & {"mask", "training"}
        except ValueError:  # some functions written in C do not tell
            self._takes = set()

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        context = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{k: context[k] for k in self._takes - set(self.arguments)})

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        first: Any = input_shape
        while isinstance(first[0], list | tuple):
            first = first[0]
        if all(size is None or isinstance(size, int) for size in self._output_shape):
            return (first[0], *self._output_shape)
        return type(self._output_shape)((first[0], *shape) for shape in self._output_shape)

    def compute_output_spec(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        if self._output_shape is None:
            return infer(self, (inputs,), {})
        return super().compute_output_spec(inputs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for key, value in (("function", self.function), ("output_shape", self._output_shape), ("mask", self.mask)):
            if value is None:
                del config[key]
            elif callable(value):
                config[key] = {
                    **serialize_keras_object(value),
                    "module": "builtins",
                    "config": get_registered_name(value),
                    "registered_name": "function",
                }
        return {**config, "arguments": self.arguments}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None, safe_mode: bool | None = None) -> "Lambda":
        config = dict(config)
        function_type = config.pop("function_type", "function")  # Keras 2 wrote the kind beside the function
        for key in ("module", "output_shape_type", "output_shape_module", "mask_type", "mask_module"):
            config.pop(key, None)
        if function_type == "lambda" or isinstance(config["function"], list | tuple):
            config["function"] = {"class_name": "__lambda__", "config": None}
        elif isinstance(config["function"], str):
            config["function"] = {"class_name": "function", "config": config["function"]}
        for key in ("function", "output_shape", "mask"):
            if isinstance(config.get(key), dict):
                config[key] = deserialize_keras_object(config[key], custom_objects=custom_objects)
        return cls(**config)
