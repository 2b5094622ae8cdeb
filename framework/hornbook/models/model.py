"""`Model`: a layer that can be trained, saved and summed up."""

import importlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from hornbook.core.keras_tensor import any_symbolic
from hornbook.core.layer import Layer
from hornbook.core.registry import serialize_keras_object
from hornbook.core.untrusted import read_json
from hornbook.training.trainer import Trainer


class Model(Trainer, Layer):
    """A layer with `compile`, `fit`, `evaluate`, `predict`, `save` and `summary`.

    Written in one of three manners: `Model(inputs, outputs)` from symbolic tensors, `Sequential([...])`, or a subclass
    with a `call` of its own.

    >>> import hornbook as keras
    >>> inputs = keras.Input((4,))
    >>> outputs = keras.layers.Dense(2)(inputs)
    >>> keras.Model(inputs, outputs).count_params()
    10
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and _is_functional(args, kwargs):
            from hornbook.models.functional import Functional

            return Functional.__new__(Functional, *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if _is_functional(args, kwargs):
            from hornbook.models.functional import Functional

            if not isinstance(self, Functional):
                _become_functional(type(self))
            Functional.__init__(self, *args, **kwargs)  # type: ignore[arg-type]
            return
        Layer.__init__(self, *args, **kwargs)
        self._init_trainer()

    # ------------------------------------------------------------------------------------------------- layers
    @property
    def layers(self) -> list[Layer]:
        """The layers directly inside, in the order they were set."""
        return self._sublayers()

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError("`Model.layers` is found from the attributes and cannot be set; use another name.")

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by name or by position.

        Raises:
            ValueError: where there is none; the names are listed.
        """
        if (name is None) == (index is None):
            raise ValueError("get_layer() takes either a name or an index.")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(f"The model has {len(layers)} layers, so there is none at index {index}.")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(f"No layer is called {name!r}. The layers are: {[layer.name for layer in layers]}.")

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Callable | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print a table of the layers, their output shapes and numbers of parameters.

        Args:
            line_length: width of the table in characters.
            positions: accepted for signature's sake; columns are as wide as they need to be.
            print_fn: called with the text, in place of printing.
            expand_nested: list the layers of inner models too.
            show_trainable: add a column for it.
            layer_range: names (or patterns) of the first and last layer to list.
        """
        from hornbook.models.summary import print_summary

        print_summary(self, line_length, print_fn, expand_nested, show_trainable, layer_range)

    # ------------------------------------------------------------------------------------------------- building
    def build(self, input_shape: Any = None) -> None:
        """Make all weights for inputs of this shape (a tuple; a list or dictionary of tuples for several inputs)."""
        if input_shape is None:
            raise ValueError(f"Model {self.name!r} needs the input's shape to be built: build((None, 28, 28)).")
        self._build_by_tracing({"inputs": input_shape})
        self._build_shapes = {"input_shape": input_shape}
        self.built = True

    def _build_for(self, arguments: Mapping[str, Any]) -> None:
        """In a call: a subclass without a `build` of its own has its layers built by the call itself."""
        if type(self).build is not Model.build:
            super()._build_for(arguments)
            return
        self._build_shapes = self._shapes_of(arguments)
        self.built = True

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build for the shapes a file keeps; a model that cannot be traced builds itself in its first call."""
        shapes = config.get("shapes_dict") or (
            {"input_shape": config["input_shape"]} if config.get("input_shape") else {}
        )
        if not shapes:
            return
        if type(self).build is not Model.build and "input_shape" in shapes:
            self.build(_tuples(shapes["input_shape"]))
            self._restore_powers(config)
            return
        self._build_by_tracing({key: _tuples(shape) for key, shape in shapes.items()})
        self._build_shapes = dict(shapes)
        self.built = True
        self._restore_powers(config)

    # ------------------------------------------------------------------------------------------------- quantization
    def quantize(self, mode: str | None = None, config: Any = None, filters: Any = None, **kwargs: Any) -> None:
        """Keep the large weights in fewer bits from now on: those of Dense, EinsumDense and Embedding layers inside.

        Args:
            mode: "int8", "int4" or "float8"; "gptq" or "awq" with a config.
            config: a `QuantizationConfig`, in place of a mode.
            filters: which layers: a regular expression for names, a list of them, or a function of the layer.

        Raises:
            ValueError: for an unknown mode, a model without weights, or filters of another kind.
        """
        if kwargs:
            raise ValueError(f"{type(self).__name__}.quantize() got unexpected arguments: {sorted(kwargs)}.")
        importlib.import_module("hornbook.quantization").quantize_model(self, mode, config, filters)

    def get_quantization_layer_structure(self, mode: str | None = None) -> dict[str, Any] | None:
        """What GPTQ and AWQ take one after the other: {"pre_block_layers": [...], "sequential_blocks": [...]}.

        None makes the whole model one block. A subclass may say more.
        """
        return None

    # ------------------------------------------------------------------------------------------------- files
    def save(self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Write the whole model, with optimizer state, to a `.keras` file.

        Args:
            filepath: where to; it ends in ".keras".
            overwrite: whether a file there may be replaced.
            zipped: accepted for signature's sake: a `.keras` file is a zip archive.
        """
        _saving().save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Write the weights to a `.weights.h5` file."""
        _saving().save_weights(self, filepath, overwrite=overwrite, **kwargs)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Read the weights from a `.weights.h5` or `.keras` file."""
        _saving().load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """Write the forward pass to files that need no Python: a SavedModel with signatures for serving, and others.

        Args:
            filepath: a folder, or a file that ends in ".tflite", ".onnx" or ".xml".
            format: "tf_saved_model", "litert", "onnx", "openvino", "tfjs_graph_model" or "tfjs_layers_model".
            verbose: whether to say what was written; True if None.
            input_signature: a spec for each input, where those of the model should not be used.
            kwargs: what the format takes further, such as `quantization="int8"` for "litert"; the page "Exporting" and
                `hornbook.export.export_model` tell.

        Raises:
            ValueError: for an unknown format, a wrong ending, a model that is not built, and a layer that the format
                cannot carry.
            ImportError: where the package for a format is not installed.
        """
        exporter = importlib.import_module("hornbook.export")
        exporter.export_model(self, filepath, format, verbose, input_signature, **kwargs)

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as JSON, without weights."""
        return json.dumps(serialize_keras_object(self), **kwargs)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict | None = None) -> Any:
        """The model that a config describes."""
        from hornbook.models.functional import Functional, functional_from_config

        if {"layers", "input_layers", "output_layers"} <= set(config) and issubclass(cls, Functional | Model):
            return functional_from_config(cls, config, custom_objects)
        return cls(**config)


def _saving() -> Any:
    return importlib.import_module("hornbook.saving")


def _tuples(shape: Any) -> Any:
    if isinstance(shape, list | tuple):
        items = [_tuples(item) for item in shape]
        return tuple(items) if all(item is None or isinstance(item, int) for item in items) else items
    return {key: _tuples(value) for key, value in shape.items()} if isinstance(shape, dict) else shape


def _is_functional(args: tuple, kwargs: dict) -> bool:
    """Whether a constructor was called as Model(inputs, outputs)."""
    if len(args) in (2, 3, 4) and any_symbolic(args[:1]) and any_symbolic(args[1:2]):
        return True
    inputs = args[0] if args else kwargs.get("inputs")
    return any_symbolic((inputs,)) and any_symbolic((kwargs.get("outputs"),))


def _become_functional(cls: type) -> None:
    """Let a subclass that calls `super().__init__(inputs, outputs)` derive from Functional."""
    from hornbook.models.functional import Functional

    if cls is not Model and not issubclass(cls, Functional):
        if Model in cls.__bases__:
            cls.__bases__ = tuple(Functional if base is Model else base for base in cls.__bases__)
            if "call" not in cls.__dict__:
                cls._call_signature = Functional._call_signature
        else:
            for base in cls.__bases__:
                _become_functional(base)


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable | None = None,
    call_function: Callable | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """A model of the same architecture with new weights.

    Args:
        model: a Functional or Sequential model (a subclassed one is made anew from its config).
        input_tensors, call_function, recursive: accepted for signature's sake.
        clone_function: from a layer to the layer that takes its place.

    >>> import hornbook as keras
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> keras.models.clone_model(model).count_params()
    3
    """
    from hornbook.models.functional import Functional
    from hornbook.models.sequential import Sequential

    if clone_function is None:
        return type(model).from_config(model.get_config())
    if isinstance(model, Sequential):
        clone = Sequential([clone_function(layer) for layer in model.layers], name=model.name)
        if model.built and not clone.built:
            clone.build(model.input_shape)
        return clone
    if isinstance(model, Functional):
        from hornbook.models.functional import functional_from_config

        made = {layer.name: clone_function(layer) for layer in model.layers if type(layer).__name__ != "InputLayer"}
        return functional_from_config(type(model), model.get_config(), None, made)
    raise ValueError("clone_function works on Functional and Sequential models, whose layers are known.")


def model_from_json(json_string: str, custom_objects: dict | None = None) -> Any:
    """The model whose architecture `to_json` gave.

    Raises:
        ValueError: for what is no JSON, describes no model, or names a class that nobody registered.

    >>> import hornbook as keras
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> keras.models.model_from_json(model.to_json()).count_params()
    3
    """
    from hornbook.models.described import model_from_config

    return model_from_config(read_json(json_string, "The model's JSON"), "The model's JSON", None, custom_objects)
