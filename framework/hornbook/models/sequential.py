"""`Sequential`: a model that is a row of layers."""

from typing import Any

from hornbook.core.input_layer import Input, InputLayer
from hornbook.core.keras_tensor import KerasTensor
from hornbook.core.layer import Layer
from hornbook.core.registry import deserialize_keras_object, serialize_keras_object
from hornbook.core.scopes import NameScope
from hornbook.models.functional import Functional
from hornbook.models.model import Model


class Sequential(Model):
    """Layers one after another, each with one input and one output.

    Once the shape of the input is known (from `keras.Input`, from `input_shape=` of the first layer, from `build` or from
    the first data) the row becomes a Functional model inside.

    Args:
        layers: the layers, first to last.
        trainable: whether training changes the weights.
        name: a name; made up if None.

    Raises:
        ValueError: for two layers of one name, and for what is no layer.

    >>> import hornbook as keras
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])
    >>> model.output_shape, model.count_params()
    ((None, 2), 23)
    """

    _config_holds_layers = True  # with what is put around them

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return Layer.__new__(cls, *args, **kwargs)

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None, **kwargs: Any) -> None:
        Layer.__init__(self, trainable=trainable, name=name, **kwargs)
        self._init_trainer()
        self._layers: list[Layer] = []
        self._functional: Functional | None = None
        for layer in layers or ():
            self.add(layer, rebuild=False)
        self._maybe_rebuild()

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer at the end."""
        if isinstance(layer, KerasTensor) and isinstance(layer._keras_history.operation, InputLayer):  # type: ignore[attr-defined]
            layer = layer._keras_history.operation  # type: ignore[attr-defined]
        if not isinstance(layer, Layer):
            if not callable(layer):
                raise ValueError(
                    f"Only layers can be added to a Sequential model, got {layer!r} ({type(layer).__name__})."
                )
            raise ValueError(
                f"Only layers can be added to a Sequential model, got the function {layer!r}; wrap it in a layer whose "
                "`call` calls it."
            )
        if not self._layers and not isinstance(layer, InputLayer) and layer._input_shape_argument is not None:
            self._layers.append(InputLayer(batch_shape=layer._input_shape_argument))
        if isinstance(layer, InputLayer) and self._layers and isinstance(self._layers[0], InputLayer):
            raise ValueError(
                f"Model {self.name!r} already begins with an input of shape {self._layers[0].batch_shape}."
            )
        if any(existing.name == layer.name for existing in self._layers):
            raise ValueError(
                f"Every layer of a Sequential model needs a name of its own, but {layer.name!r} is there already."
            )
        self._layers.append(layer)
        self._functional = None
        self.built = False
        if rebuild:
            self._maybe_rebuild()

    def pop(self, rebuild: bool = True) -> Layer:
        """Take away the last layer and give it back."""
        layer = self._layers.pop()
        self._functional, self.built = None, False
        if rebuild:
            self._maybe_rebuild()
        return layer

    def _maybe_rebuild(self) -> None:
        if len(self._layers) > 1 and isinstance(self._layers[0], InputLayer):
            self.build(self._layers[0].batch_shape)

    def build(self, input_shape: Any = None) -> None:
        """Make all weights for inputs of this shape.

        Raises:
            ValueError: without layers, or where a layer cannot take what the one before it gives.
        """
        if not self._layers:
            raise ValueError(f"Sequential model {self.name!r} has no layers yet; add some before building it.")
        if isinstance(self._layers[0], InputLayer):
            first = self._layers[0].output
        else:
            if input_shape is None:
                raise ValueError("The shape of the input is needed to build this model: build((None, 784)).")
            first = Input(batch_shape=input_shape, dtype=getattr(self, "_first_dtype", None))
        x = first
        for layer in self._layers:
            if isinstance(layer, InputLayer):
                continue
            try:
                x = layer(x)
            except NotImplementedError:
                return  # a layer that cannot be traced: the model runs its layers one by one
        functional = Functional(first, x, name=self.name)
        functional._heeds_sizes = False  # its layers say what they cannot take; the first data need not set a length
        self._functional = functional
        self._build_shapes = {"input_shape": tuple(first.shape)}

    @property
    def layers(self) -> list[Layer]:
        """The layers, first to last, without the input layer."""
        layers = self._layers
        return layers[1:] if layers and isinstance(layers[0], InputLayer) else list(layers)

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError("`Sequential.layers` cannot be set; use add() and pop().")

    def _sublayers(self) -> list[Layer]:
        known = {id(layer): layer for layer in self._layers}
        for layer in super()._sublayers():
            if layer is not self._functional:
                known.setdefault(id(layer), layer)
        return list(known.values())

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Each layer in turn."""
        if self._functional is not None:
            return self._functional.call(inputs, training=training, mask=mask)
        x = inputs
        for layer in self.layers:
            x = layer(x, mask=mask) if mask is not None and layer._call_signature.takes_mask else layer(x)
            mask = getattr(x, "_keras_mask", None)
        return x

    def compute_output_spec(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Shape and dtype of the output."""
        if self._functional is not None:
            return self._functional.compute_output_spec(inputs)
        return super().compute_output_spec(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output for the shape of an input."""
        if self._functional is not None:
            return self._functional.compute_output_shape(input_shape)
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def _of_functional(self, name: str) -> Any:
        if self._functional is None:
            raise AttributeError(f"Sequential model {self.name!r} has no {name} yet: it is built by its first data.")
        return getattr(self._functional, name)

    input_shape = property(lambda self: self._of_functional("input_shape"), doc="The shape of the input.")
    output_shape = property(lambda self: self._of_functional("output_shape"), doc="The shape of the output.")
    inputs = property(lambda self: self._of_functional("inputs"), doc="The symbolic input, in a list.")
    outputs = property(lambda self: self._of_functional("outputs"), doc="The symbolic output, in a list.")
    input = property(lambda self: self._of_functional("input"), doc="The symbolic input.")
    output = property(lambda self: self._of_functional("output"), doc="The symbolic output.")
    input_dtype = property(lambda self: self._of_functional("input_dtype"), doc="The dtype of the input.")

    @property
    def output_names(self) -> list[str] | None:
        """The name of the last layer, in a list."""
        return None if self._functional is None else self._functional.output_names

    def get_config(self) -> dict[str, Any]:
        """The layers as plain data."""
        config = super(Model, self).get_config() if type(self) is not Sequential else Layer.get_config(self)
        config = {key: config[key] for key in ("name", "trainable", "dtype")}
        config["layers"] = [serialize_keras_object(layer) for layer in self._layers]
        if self._functional is not None:
            config["build_input_shape"] = (
                self._layers[0].batch_shape
                if isinstance(self._layers[0], InputLayer)
                else (self._functional.input_shape)
            )
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict | None = None) -> "Sequential":
        """The model that a config describes."""
        if "layers" not in config:
            return cls(**config)
        if not isinstance(config["layers"], list):
            raise ValueError(f"The config of a Sequential model must hold a list of layers, got {config['layers']!r}.")
        model = cls(name=config.get("name"), trainable=config.get("trainable", True), dtype=config.get("dtype"))
        with NameScope(model.name, path=model.path):  # layers that are built here get the paths they had
            layers = deserialize_keras_object(config["layers"], custom_objects=custom_objects, family="layers")
        for layer in layers:
            model.add(layer, rebuild=False)
        model._maybe_rebuild()
        if not model.built and config.get("build_input_shape"):
            model.build(tuple(config["build_input_shape"]))
        return model
