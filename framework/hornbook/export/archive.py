"""A TensorFlow SavedModel made of named functions, which C++, Java and TensorFlow Serving can call."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from hornbook import tree
from hornbook.backend.tensorflow.strings import Table
from hornbook.core.keras_tensor import KerasTensor
from hornbook.core.layer import InputSpec, Layer
from hornbook.core.variable import Variable
from hornbook.export.layer_names import named_layers, operations_of, refuse

# What calls back into the Python process that made it.
PYTHON_OPERATIONS = {"EagerPyFunc", "PyFunc", "PyFuncStateless"}


class ExportArchive:
    """Collects functions and the layers whose weights they use, then writes them as a SavedModel.

    Args:
        format: "saved_model", the one format.

    Raises:
        ValueError: for another format.

    >>> import tempfile, tensorflow as tf
    >>> import hornbook as keras
    >>> from hornbook.export import ExportArchive
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
    >>> archive = ExportArchive()
    >>> archive.track(model)
    >>> doubled = archive.add_endpoint("doubled", lambda x: 2 * model(x), [keras.InputSpec(shape=(None, 2))])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     archive.write_out(folder, verbose=False)
    ...     loaded = tf.saved_model.load(folder)
    >>> loaded.doubled(tf.ones((1, 2))).numpy()
    array([[4.]], dtype=float32)
    """

    def __init__(self, format: str = "saved_model", **kwargs: Any) -> None:
        if format != "saved_model":
            raise ValueError(
                f"An ExportArchive is written in the format 'saved_model', got {format!r}. For 'onnx' and 'litert' "
                "there is model.export(filepath, format=...)."
            )
        if kwargs:
            raise TypeError(f"ExportArchive got unexpected arguments: {sorted(kwargs)}.")
        self._root: Any = tf.__internal__.tracking.AutoTrackable()
        self._endpoints: dict[str, Any] = {}
        self._resources: list[Any] = []
        self._tables: list[Any] = []
        self._variables: dict[int, Any] = {}
        self._owners: dict[str, str] = {}

    variables = property(lambda self: list(self._variables.values()), doc="All variables that were tracked.")
    trainable_variables = property(
        lambda self: [v for v in self.variables if v.trainable], doc="Those that training changes."
    )
    non_trainable_variables = property(
        lambda self: [v for v in self.variables if not v.trainable], doc="Those that it leaves alone."
    )

    # ------------------------------------------------------------------------------------------------- collecting
    def track(self, resource: Any) -> None:
        """Take along the weights and look-up tables of a layer, a model, a Variable or an object of TensorFlow.

        Raises:
            ValueError: for a layer that has no weights yet, and for anything else.
        """
        if isinstance(resource, Layer):
            if not resource.built:
                raise ValueError(
                    f"Layer {resource.name!r} is not built, so it has no weights to take along: call it on data first."
                )
            self._add_variables(resource.variables)
            for layer in resource._flatten_layers():
                tables = [value for value in vars(layer).values() if isinstance(value, Table)]
                self._tables.extend(table.resource for table in tables)
        elif isinstance(resource, Variable):
            self._add_variables([resource])
        elif isinstance(resource, tf.__internal__.tracking.Trackable):
            self._resources.append(resource)
        else:
            raise ValueError(
                "An ExportArchive can track layers, models, Variables, and what TensorFlow can save; got "
                f"{type(resource).__name__}."
            )

    def _add_variables(self, variables: Sequence) -> None:
        for variable in variables:
            self._variables.setdefault(id(variable), variable)

    def add_endpoint(self, name: str, fn: Callable, input_signature: Any = None, **kwargs: Any) -> Any:
        """Add a function that the SavedModel offers under `name`.

        Args:
            name: how it is called after `tf.saved_model.load`; the first one is also "serving_default".
            fn: the function, or a `tf.function` that was called before.
            input_signature: a spec for each argument (InputSpec, KerasTensor, `tf.TensorSpec`, or nested ones), with
                None for sizes that are free; it may be left out for a `tf.function` that was called before.

        Returns:
            the function, compiled.

        Raises:
            ValueError: for a name that is taken, and where the signature is needed.
        """
        if kwargs:
            raise TypeError(f"add_endpoint() got unexpected arguments: {sorted(kwargs)}.")
        if name in self._endpoints or hasattr(self._root, name):
            raise ValueError(f"The name {name!r} is taken already; the endpoints are {sorted(self._endpoints)}.")
        if input_signature is not None:
            specs = [tree.map_structure(to_tensor_spec, argument) for argument in _arguments(input_signature)]
            function = tf.function(getattr(fn, "python_function", fn), input_signature=specs, autograph=False)
            concrete = function.get_concrete_function()
        else:
            function = fn
            known = fn._list_all_concrete_functions() if hasattr(fn, "_list_all_concrete_functions") else []
            if not known:
                raise ValueError(
                    f"Endpoint {name!r} needs an input_signature, a list with a spec for each argument such as "
                    "[InputSpec(shape=(None, 28, 28))]; only a tf.function that was called before can do without."
                )
            concrete = known[0]
        self._endpoints[name] = concrete
        setattr(self._root, name, function)
        return function

    def track_and_add_endpoint(self, name: str, resource: Any, input_signature: Any, **kwargs: Any) -> Any:
        """`track(resource)`, and its call as an endpoint.

        Args:
            name: the endpoint.
            resource: a layer or model; layers that know of training are called with training=False.
            input_signature: a spec for each argument.
        """
        self.track(resource)
        call = forward_of(resource, self._owners) if isinstance(resource, Layer) else lambda *args: resource(*args)
        return self.add_endpoint(name, call, input_signature, **kwargs)

    def add_variable_collection(self, name: str, variables: Sequence) -> None:
        """A list of variables that is called `name` after `tf.saved_model.load`.

        Raises:
            ValueError: for anything but Variables.
        """
        if not isinstance(variables, list | tuple) or not all(isinstance(v, Variable) for v in variables):
            raise ValueError(f"A variable collection is a list of Variables, got {variables!r}.")
        self._add_variables(variables)
        setattr(self._root, name, [v._value for v in variables])

    # ------------------------------------------------------------------------------------------------- writing
    def write_out(self, filepath: Any, options: Any = None, verbose: bool = True) -> None:
        """Write the SavedModel.

        Args:
            filepath: its directory.
            options: `tf.saved_model.SaveOptions`.
            verbose: whether to print the endpoints with their inputs and outputs.

        Raises:
            ValueError: where there is no endpoint, or one uses weights that nobody tracks, or calls Python.
        """
        if not self._endpoints:
            raise ValueError("There is nothing to write: add_endpoint() adds the functions that can be called later.")
        for concrete in self._endpoints.values():
            graph = concrete.graph.as_graph_def()
            if python := PYTHON_OPERATIONS & operations_of(graph):
                hint = "It calls Python, which a server does not have: write it with `hornbook.ops` or TensorFlow."
                raise refuse("A SavedModel", python, graph, self._owners, hint)
        root = self._root
        root._resources, root._tables = list(self._resources), list(self._tables)
        root.variables = [v._value for v in self.variables]
        root.trainable_variables = [v._value for v in self.trainable_variables]
        root.non_trainable_variables = [v._value for v in self.non_trainable_variables]
        signatures = dict(self._endpoints)
        signatures.setdefault("serving_default", next(iter(signatures.values())))
        try:
            tf.saved_model.save(root, str(filepath), signatures=signatures, options=options)
        except AssertionError as error:
            if "untracked" not in str(error):
                raise
            raise ValueError(
                "An endpoint uses weights or tables that are not in the archive: track() the layers they belong to."
            ) from error
        if verbose:
            print(f"Saved to {str(filepath)!r}. It offers:")
            for name, concrete in self._endpoints.items():
                print(f"  {name}: {_described(concrete)}")


def forward_of(layer: Layer, owners: dict[str, str]) -> Callable:
    """The layer's call, with training=False where it knows of training.

    Args:
        layer: a layer or model.
        owners: gets the layer of each scope of the graph that is traced.
    """
    takes_training = layer._call_signature.takes_training

    def call(*args: Any) -> Any:
        with named_layers(layer, owners):
            return layer(*args, training=False) if takes_training else layer(*args)

    return call


def _arguments(input_signature: Any) -> list:
    """A signature as a list of arguments: a single spec is the only argument."""
    return list(input_signature) if isinstance(input_signature, list | tuple) else [input_signature]


def to_tensor_spec(spec: Any) -> Any:
    """An InputSpec, KerasTensor, tensor or `tf.TypeSpec` as a `tf.TypeSpec`.

    Raises:
        TypeError: for anything else.
        ValueError: for an InputSpec without a shape.
    """
    if isinstance(spec, tf.TypeSpec):
        return spec
    if isinstance(spec, InputSpec):
        if spec.shape is None:
            raise ValueError(f"A signature needs shapes, with None for free sizes; got {spec}.")
        return tf.TensorSpec(spec.shape, spec.dtype or "float32", name=spec.name)
    if isinstance(spec, KerasTensor):
        return tf.TensorSpec(spec.shape, spec.dtype, name=spec.name)
    if isinstance(spec, tf.Tensor):
        return tf.TensorSpec.from_tensor(spec)
    raise TypeError(f"A signature is made of InputSpec, KerasTensor or tf.TensorSpec objects, got {spec!r}.")


def _described(concrete: Any) -> str:
    inputs = ", ".join(_of_spec(spec) for spec in tree.flatten(concrete.structured_input_signature[0]))
    outputs = ", ".join(_of_spec(spec) for spec in tree.flatten(concrete.structured_outputs))
    return f"({inputs}) -> ({outputs})"


def _of_spec(spec: Any) -> str:
    shape = tuple(spec.shape) if spec.shape.rank is not None else "any shape"
    return f"{spec.dtype.name} {shape}"
