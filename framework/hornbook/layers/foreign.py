"""Models of other libraries as layers: TFSMLayer, TorchModuleWrapper, JaxLayer, FlaxLayer."""

import os
from collections.abc import Callable
from typing import Any, NoReturn

from hornbook import backend
from hornbook.backend import config
from hornbook.core.layer import Layer
from hornbook.core.variable import Variable

__all__ = ["FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"]


class TFSMLayer(Layer):
    """A TensorFlow SavedModel as a layer: output = endpoint(inputs).

    A SavedModel is a program. It is loaded where code makes this layer, never because a file names it.

    Args:
        filepath: the folder of the SavedModel.
        call_endpoint: the name of the function to call, or of a signature, which gives a dictionary.
        call_training_endpoint: the function to call while training, where it differs.
        trainable: whether training changes its variables.
        name, dtype: as in `Layer`.

    Raises:
        ValueError: for a name that the SavedModel does not have, and in `from_config`.
        OSError: where there is no SavedModel.

    >>> import tempfile
    >>> import tensorflow as tf
    >>> from hornbook import layers
    >>> module = tf.Module()
    >>> module.double = tf.function(lambda x: x * 2, input_signature=[tf.TensorSpec((None, 2), name="x")])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tf.saved_model.save(module, folder)
    ...     layer = layers.TFSMLayer(folder, call_endpoint="double")
    >>> layer(tf.ones((1, 2))).numpy()
    array([[2., 2.]], dtype=float32)
    """

    def __init__(
        self,
        filepath: Any,
        call_endpoint: str = "serve",
        call_training_endpoint: str | None = None,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(trainable=trainable, name=name, dtype=dtype)
        self.filepath = os.fspath(filepath)
        self.call_endpoint, self.call_training_endpoint = call_endpoint, call_training_endpoint
        self.supports_jit = False
        self._loaded, find, variables_of = backend.load_saved_model(self.filepath)
        self._endpoints: dict[str, Callable] = {}
        stored: dict[int, Any] = {}
        for endpoint in (call_endpoint, *([call_training_endpoint] if call_training_endpoint else [])):
            self._endpoints[endpoint] = find(endpoint)
            if self._endpoints[endpoint] is None:
                raise ValueError(
                    f"The SavedModel {self.filepath} has no function or signature {endpoint!r}; it has the signatures "
                    f"{sorted(self._loaded.signatures)}."
                )
            stored.update((id(v), v) for v in variables_of(self._endpoints[endpoint]))
        self._variables = [self._held(variable) for variable in stored.values()]
        self.built = True

    def _held(self, stored: Any) -> Variable:
        """A variable of the SavedModel as one of this layer's weights: the same storage, so that training changes it."""
        variable = Variable(
            stored.value(),
            trainable=stored.trainable and self.trainable,
            autocast=False,
            name=stored.name.removesuffix(":0").replace("/", "_"),
        )
        variable._value = stored
        return variable

    def call(self, inputs: Any, training: bool | None = False, **kwargs: Any) -> Any:
        endpoint = self.call_training_endpoint if training else None
        return self._endpoints[endpoint or self.call_endpoint](inputs, **kwargs)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None, safe_mode: bool | None = None) -> Any:
        """The layer of a config; only with safe_mode=False, said in code, as it loads and runs another file."""
        if safe_mode is not False:
            raise ValueError(
                f"The config names the SavedModel {config.get('filepath')!r}. A SavedModel is a program, and a file is "
                "data here that starts none: make the layer in your code, layers.TFSMLayer(filepath)."
            )
        return cls(**config)


class TorchModuleWrapper(Layer):
    """A `torch.nn.Module` as a layer; only with the PyTorch backend.

    Args:
        module: the module.
        name: its name.
        output_shape: the shape of what it gives, where that cannot be found by running it.

    Raises:
        RuntimeError: with another backend, whose tensors no module of PyTorch takes.
    """

    def __init__(self, module: Any, name: str | None = None, output_shape: Any = None, **kwargs: Any) -> None:
        _only_with("torch", "TorchModuleWrapper")


class JaxLayer(Layer):
    """A function of JAX with its parameters as a layer; only with the JAX backend.

    Args:
        call_fn: the function, of (params, inputs) and, where it names them, state, rng and training.
        init_fn: makes params and state, of (rng, inputs).
        params, state: what it starts from, where there is no init_fn.
        seed: makes the random keys repeatable.
        native_serialization_platforms: for which devices an exported model is compiled.

    Raises:
        RuntimeError: with another backend, whose tensors no function of JAX takes.
    """

    def __init__(
        self,
        call_fn: Callable,
        init_fn: Callable | None = None,
        params: Any = None,
        state: Any = None,
        seed: int | None = None,
        native_serialization_platforms: Any = None,
        **kwargs: Any,
    ) -> None:
        _only_with("jax", "JaxLayer")


class FlaxLayer(JaxLayer):
    """A `flax.linen.Module` as a layer; only with the JAX backend.

    Args:
        module: the module.
        method: the name of its method to call, or a function; `__call__` if None.
        variables: the collections of variables it starts from.

    Raises:
        RuntimeError: with another backend, whose tensors no module of Flax takes.
    """

    def __init__(self, module: Any, method: Any = None, variables: Any = None, **kwargs: Any) -> None:
        _only_with("jax", "FlaxLayer")


def _only_with(wanted: str, layer: str) -> NoReturn:
    raise RuntimeError(
        f"{layer} runs code of {wanted} and so needs that backend, but this program runs on {config.backend()}. Write "
        "the model with hornbook.layers, or take its weights over into one that is (layer.set_weights)."
    )
