"""The base of all layers: a function with weights.

A layer of yours stores its arguments in `__init__`, makes its weights in `build` and writes its formula in `call`; the
rest happens here, in the order of `__call__`: inputs become tensors of the compute dtype, missing weights are built,
`training` and masks are filled in, `call` runs, masks and losses of the outputs are noted.
"""

import contextlib
import functools
import importlib
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hornbook import backend, tree
from hornbook.backend.config import is_float_dtype, standardize_dtype
from hornbook.backend.spec import Spec
from hornbook.core import dtype_policies, finite, global_state
from hornbook.core.global_state import _state
from hornbook.core.input_spec import InputSpec, check_inputs
from hornbook.core.keras_tensor import KerasTensor, any_symbolic
from hornbook.core.operation import Operation, infer, to_keras_tensors
from hornbook.core.registry import get_family
from hornbook.core.remat import current_remat_scope
from hornbook.core.scopes import (
    AutocastScope,
    NameScope,
    StatelessScope,
    current_path,
    get_stateless_scope,
    in_stateless_scope,
)
from hornbook.core.tracebacks import filtered
from hornbook.core.variable import Variable

__all__ = ["InputSpec", "Layer"]


class CallSignature:
    """What `Layer.__call__` needs to know of a class's `call`, found once for each class."""

    def __init__(self, call: Callable) -> None:
        parameters = list(inspect.signature(call).parameters.values())[1:]
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        self.signature = inspect.Signature(parameters)
        self.names = [p.name for p in parameters if p.kind in named]
        self.takes_anything = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
        self.takes_training = "training" in self.names
        self.takes_mask = "mask" in self.names
        self.takes_named_masks = any(name.endswith("_mask") for name in self.names)
        default = self.signature.parameters["training"].default if self.takes_training else None
        self.training_default = None if default is inspect.Parameter.empty else default
        self.training_position = self.names.index("training") if self.takes_training else None

    def bind(self, args: tuple, kwargs: dict) -> dict[str, Any]:
        """The arguments by name, in the order of the signature."""
        return self.signature.bind_partial(*args, **kwargs).arguments


class CallContext:
    """What the outermost layer's call tells the layers inside it."""

    __slots__ = ("training",)

    def __init__(self, training: bool | None) -> None:
        self.training = training


class Layer(Operation):
    """A function with weights.

    Args:
        activity_regularizer: a penalty on the output, added to `losses`.
        trainable: whether training changes the weights.
        dtype: the dtype, or dtype policy, to compute and keep weights in.
        autocast: whether float inputs are cast to the compute dtype.
        name: a name; made from the class's if None.

    Raises:
        ValueError: in a call, for inputs that `input_spec` does not allow.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> class Scale(keras.layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
    ...     def call(self, inputs):
    ...         return inputs * self.factor
    >>> Scale()(np.ones((1, 2))).numpy()
    array([[1., 1.]], dtype=float32)
    """

    _call_signature: CallSignature
    _build_parameters: list[str]
    _initialized = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "call" in cls.__dict__:
            cls._call_signature = CallSignature(cls.__dict__["call"])
        if "build" in cls.__dict__:
            parameters = list(inspect.signature(cls.__dict__["build"]).parameters.values())[1:]
            variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
            cls._build_parameters = [p.name for p in parameters if p.kind not in variadic]
            cls.build = _recording_build(cls.__dict__["build"])  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if self._initialized:
            return
        early = [key for key, value in self.__dict__.items() if isinstance(value, Layer | Variable)]
        if early:
            raise RuntimeError(
                f"{type(self).__name__}.__init__ set {early} before it called super().__init__(); "
                "put super().__init__() first, so that weights are found."
            )
        self._initialized = True
        self.name = name if name is not None else global_state.auto_name(global_state.name_of_class(type(self)))
        if not isinstance(self.name, str) or "/" in self.name:
            raise ValueError(f"The name of a layer must be a string without '/', got {name!r}.")
        self._inbound_nodes = []
        self.built = False
        self.autocast = bool(autocast)
        self._dtype_policy = dtype_policies.get(dtype)
        self._policy_map: Any = None  # where the policy was found, if it was given as a map
        self.activity_regularizer = get_family("regularizers").get(activity_regularizer)
        self._trainable = bool(trainable)
        self._remat_scope = current_remat_scope()
        self.supports_masking = type(self).compute_mask is not Layer.compute_mask
        self.supports_jit = True
        self.input_spec: Any = None
        self._convert_input_args = True
        self._allow_non_tensor_positional_args = False
        self._own_weights: list[Variable] = []
        self._own_losses: dict[int, list] = {}  # by the replica that added them: replicas are traced side by side
        self._path: str | None = None
        self._settled = False  # a whole call has run: nothing is left to build
        self._building = False
        self._build_shapes: dict[str, Any] | None = None
        self._power: Any = None  # what was put around the layer from outside: an adapter, quantization
        self._wanted_power: dict[str, Any] = {}  # what a config asks to be put around it once it has weights
        self._input_shape_argument = _legacy_input_shape(type(self).__name__, kwargs)

    # ------------------------------------------------------------------------------------------------- weights
    def build(self, input_shape: Any) -> None:
        """Make the weights. The default has none of its own: it traces `call`, so that inner layers are built."""
        if type(self).build is Layer.build:
            with contextlib.suppress(Exception):
                self._build_by_tracing({"shapes": input_shape})
        self._build_shapes = self._build_shapes or {"input_shape": input_shape}
        self.built = True

    def _build_by_tracing(self, shapes: Mapping[str, Any]) -> None:
        """Run `call` on symbolic inputs of these shapes, so that everything inside gets its weights."""

        def to_symbol(shape: Any) -> Any:
            if _is_shape(shape):
                return KerasTensor(shape, self.compute_dtype)
            if isinstance(shape, dict):
                return {key: to_symbol(value) for key, value in shape.items()}
            return type(shape)(to_symbol(value) for value in shape)

        infer(self.call, tuple(to_symbol(shape) for shape in shapes.values()), {})

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """A new weight of this layer.

        What is not given is found by the weight's name: for `name="kernel"`, the layer's `kernel_initializer`,
        `kernel_regularizer` and `kernel_constraint`; then Glorot's initializer for floats, zeros for the rest.

        Args:
            shape: sizes of the axes; () for a number.
            initializer, regularizer, constraint: objects or names.
            dtype: the layer's `variable_dtype` if None.
            trainable: whether training changes it.
            autocast: whether it is read in the compute dtype.
            aggregation: how replicas agree on it ("mean" for running means).
            overwrite_with_gradient: the optimizer writes the gradient in its place.
            name: its name, also the last part of its path.
        """
        if not self._initialized:
            raise RuntimeError(
                f"{type(self).__name__} made a weight before super().__init__() was called; call that first."
            )
        dtype = standardize_dtype(dtype) if dtype is not None else self.variable_dtype

        def by_name(kind: str, given: Any) -> Any:
            if given is None and name is not None:
                given = getattr(self, f"{name}_{kind}", None)
            return get_family(f"{kind}s").get(given)

        initializer = by_name("initializer", initializer)
        if initializer is None:
            initializer = get_family("initializers").get("glorot_uniform" if is_float_dtype(dtype) else "zeros")
        with contextlib.nullcontext() if self._building else NameScope(self.name, path=self.path):
            variable = Variable(
                initializer,
                shape=() if shape is None else shape,
                dtype=dtype,
                trainable=trainable,
                autocast=autocast,
                aggregation=aggregation,
                name=name,
            )
        variable.regularizer, variable.constraint = (
            by_name("regularizer", regularizer),
            by_name("constraint", constraint),
        )
        variable.overwrite_with_gradient = overwrite_with_gradient
        if not self._trainable:
            variable.trainable = False
        self._own_weights.append(variable)
        return variable

    def _attributes(self) -> list[Any]:
        """What the layer's attributes hold, lists and dictionaries opened, in the order they were first set."""
        found: list[Any] = []
        for key, value in self.__dict__.items():
            if type(value) not in _PLAIN and key not in _NOT_WALKED:
                _open(value, found)
        return found

    def _own_variables(self) -> list[Variable]:
        found = {id(v): v for v in self._own_weights}
        for value in self._attributes():
            if isinstance(value, Variable):
                found.setdefault(id(value), value)
        own = list(found.values())
        return [v for v in own if v._made_trainable] + [v for v in own if not v._made_trainable]

    def _sublayers(self) -> list["Layer"]:
        found: dict[int, Layer] = {}
        for value in self._attributes():
            if isinstance(value, Layer) and value is not self:
                found.setdefault(id(value), value)
        return list(found.values())

    def _seed_states(self) -> list[Variable]:
        return [
            value.state
            for value in self._attributes()
            if not isinstance(value, Layer | Variable) and isinstance(getattr(value, "state", None), Variable)
        ]

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list["Layer"]:
        """This layer and those inside it, each once, outer ones first."""
        seen: dict[int, Layer] = {id(self): self}

        def walk(layer: Layer) -> None:
            for inner in layer._sublayers():
                if id(inner) not in seen:
                    seen[id(inner)] = inner
                    if recursive:
                        walk(inner)

        walk(self)
        return list(seen.values()) if include_self else list(seen.values())[1:]

    def _gather(self, of_layer: Callable[["Layer"], list]) -> list:
        found: dict[int, Any] = {}
        for layer in self._flatten_layers():
            for item in of_layer(layer):
                found.setdefault(id(item), item)
        return list(found.values())

    @property
    def weights(self) -> list[Variable]:
        """All weights: own trainable ones, own others, then those of inner layers in the order they were made."""
        return self._gather(Layer._own_variables)

    @property
    def variables(self) -> list[Variable]:
        """All weights and the states of random generators."""
        return self._gather(lambda layer: layer._own_variables() + layer._seed_states())

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes."""
        return [v for v in self.variables if v.trainable] if self._trainable else []

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [v for v in self.weights if v.trainable] if self._trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that training leaves alone."""
        return [v for v in self.variables if not v.trainable] if self._trainable else self.variables

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone."""
        return [v for v in self.weights if not v.trainable] if self._trainable else self.weights

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of the metrics kept by this layer and inner ones."""
        return [v for metric in self.metrics for v in metric.variables]

    @property
    def metrics(self) -> list:
        """The metrics kept as attributes by this layer and inner ones."""
        return self._gather(Layer._own_metrics)

    def _own_metrics(self) -> list:
        return [v for v in self._attributes() if hasattr(v, "update_state") and hasattr(v, "result")]

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; setting it reaches all inner layers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self._flatten_layers():
            layer._trainable = bool(value)
            for variable in layer._own_variables():
                if variable._made_trainable:
                    variable.trainable = bool(value)

    def get_weights(self) -> list[np.ndarray]:
        """The weights as NumPy arrays, in the order of `weights`."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: list) -> None:
        """Write the weights from arrays, in the order of `weights`.

        Raises:
            ValueError: where the number of arrays or a shape differs; nothing is written then.
        """
        variables = self.weights
        if len(variables) != len(weights):
            raise ValueError(
                f"Layer {self.name!r} has {len(variables)} weights, but set_weights() got {len(weights)} arrays."
            )
        for variable, array in zip(variables, weights, strict=True):
            if tuple(np.shape(array)) != tuple(variable.shape):
                raise ValueError(
                    f"Weight {variable.path!r} of layer {self.name!r} has shape {variable.shape}, "
                    f"the array for it {np.shape(array)}."
                )
        for variable, array in zip(variables, weights, strict=True):
            variable.assign(array)

    def count_params(self) -> int:
        """How many numbers the weights hold.

        Raises:
            ValueError: for a layer that has no weights yet.
        """
        if not self.built:
            raise ValueError(
                f"Layer {self.name!r} has no weights yet; call it on data or on keras.Input, or build(input_shape) it."
            )
        return int(sum(np.prod(v.shape, dtype=np.int64) for v in self.weights))

    # ------------------------------------------------------------------------------------------------- dtypes
    dtype = property(lambda self: self._dtype_policy.variable_dtype, doc="The dtype of the weights.")
    variable_dtype = property(lambda self: self._dtype_policy.variable_dtype, doc="The dtype of the weights.")
    compute_dtype = property(lambda self: self._dtype_policy.compute_dtype, doc="The dtype of inputs and outputs.")
    input_dtype = property(lambda self: self._dtype_policy.compute_dtype, doc="The dtype float inputs are cast to.")

    @property
    def dtype_policy(self) -> Any:
        """The dtype policy, or the map it is found in."""
        return self._policy_map or self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self._policy_map, self._dtype_policy = None, dtype_policies.get(value)
        if self._path is not None:
            self._find_policy()

    quantization_mode = property(lambda self: self._dtype_policy.quantization_mode, doc='"int8", ...; None for none.')

    def quantize(self, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
        """Keep the weights in fewer bits from now on: see `hornbook.quantization`.

        Args:
            mode: "int8", "int4" or "float8".
            type_check: refuse subclasses, which may compute something else.
            config: a `QuantizationConfig`, in place of a mode.

        Raises:
            ValueError: for an unknown mode, a layer without weights, or one that is quantized already.
            NotImplementedError: for a layer that has no large weight.
        """
        importlib.import_module("hornbook.quantization").quantize_layer(self, mode, type_check, config)

    @property
    def path(self) -> str:
        """The names of the layers around it and its own, joined by "/"."""
        return self._path if self._path is not None else self._path_here()

    def _settle_path(self) -> None:
        """The place where the layer is built or first called is its place for good."""
        self._path = self._path_here()
        self._find_policy()

    def _find_policy(self) -> None:
        if isinstance(self._dtype_policy, dtype_policies.DTypePolicyMap):
            self._policy_map = self._dtype_policy
            self._dtype_policy = self._policy_map[self.path]

    def _path_here(self) -> str:
        outer = current_path()
        return f"{outer}/{self.name}" if outer else self.name

    # ------------------------------------------------------------------------------------------------- calling
    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The formula. Each layer writes its own."""
        raise NotImplementedError(f"Layer {type(self).__name__} has no `call` method; write its formula there.")

    @filtered
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self._initialized:
            raise RuntimeError(f"{type(self).__name__}.__init__ must call super().__init__() before the layer is used.")
        known = self._call_signature
        symbolic = any_symbolic(args, kwargs)
        if self._path is None:
            self._settle_path()

        if self._convert_input_args:
            dtype = self._dtype_policy.compute_dtype if self.autocast else None
            args = tuple([_to_input(x, dtype) for x in args])
            if kwargs:
                kwargs = {key: _to_input(x, dtype) if key != "training" else x for key, x in kwargs.items()}
        if not self._allow_non_tensor_positional_args:
            self._refuse_non_tensors(args)

        context = getattr(_state, "call_context", None)
        training = kwargs.pop("training", None) if len(args) <= (known.training_position or 99) else None
        asked = training
        if training is None and context is not None:
            training = context.training
        if training is None:
            training = known.training_default
        masks = self._fill_masks(known, args, kwargs)
        if masks is None and kwargs:
            masks = kwargs.get("mask")  # given by hand, it goes on with the output like one that came with the input
        first = args[0] if args else next(iter(kwargs.values()), None)
        if self.input_spec is not None:
            check_inputs(self.input_spec, first, self.name)

        if not self.built:
            repeats = getattr(_state, "repeats", None)
            if repeats is not None and not symbolic:
                return repeats.call(self, args, kwargs)
            self._build_for(known.bind(args, kwargs))
        if symbolic:
            if asked is not None and (known.takes_training or known.takes_anything):
                kwargs["training"] = asked
            outputs = self.symbolic_call(*args, **kwargs)
            self._settled = True
            return outputs

        if training is not None and (known.takes_training or (known.takes_anything and asked is not None)):
            if len(args) <= (known.training_position or 99):
                kwargs["training"] = training
        if context is None:
            self._clear_losses()
        if finite._enabled:
            finite.check_inputs(self, args, kwargs, outermost=context is None)
        outer_cast = getattr(_state, "autocast_scope", None)
        policy = self._dtype_policy
        mixed = policy.compute_dtype != policy.variable_dtype
        _state.call_context = CallContext(training)
        if mixed or outer_cast is not None:
            _state.autocast_scope = AutocastScope(policy.compute_dtype if mixed and self.autocast else None)
        try:
            if self._settled and self._remat_scope is None:
                outputs = self.call(*args, **kwargs)
            else:
                with NameScope(self.name, path=self._path):
                    outputs = self.rematerialized_call(self.call, *args, **kwargs)(*args, **kwargs)
                self._settled = True
        finally:
            _state.call_context = context
            _state.autocast_scope = outer_cast
        if finite._enabled:
            finite.check_call(self, outputs)
        if masks is not None or self.supports_masking:
            self._note_masks(first, masks, outputs)
        if self.activity_regularizer is not None:
            for output in tree.flatten(outputs):
                rows = backend.cast(backend.shape(output)[0], output.dtype) if len(output.shape) else 1
                self.add_loss(self.activity_regularizer(output) / rows)
        return outputs

    def rematerialized_call(self, fn: Callable, *args: Any, **kwargs: Any) -> Callable:
        """`fn` (the layer's `call`), in the form that the RematScope around the layer's making asks for."""
        scope = self._remat_scope
        if scope is None or scope.mode is None or in_stateless_scope() or not self._settled:
            return fn
        if scope.mode == "activations":
            return self._with_rematerialized_activation(fn) if callable(getattr(self, "activation", None)) else fn
        outputs = infer(fn, args, kwargs) if scope.mode == "larger_than" else None
        if not scope.applies_to(self, outputs):
            return fn
        before = [(v, backend.convert_to_tensor(v._value)) for v in self.non_trainable_variables]
        around = {slot: getattr(_state, slot, None) for slot in ("autocast_scope", "call_context", "name_scope")}
        calls = 0

        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 1:
                return fn(*args, **kwargs)
            # Again, in the backward pass: with the random seeds and running means of the first time, which stay as
            # that left them.
            outer = {slot: getattr(_state, slot, None) for slot in around}
            vars(_state).update(around)
            try:
                with StatelessScope(before):
                    return fn(*args, **kwargs)
            finally:
                vars(_state).update(outer)

        return backend.remat(call)

    def _with_rematerialized_activation(self, fn: Callable) -> Callable:
        def call(*args: Any, **kwargs: Any) -> Any:
            activation = self.activation  # type: ignore[attr-defined]
            self.activation = backend.remat(activation)
            try:
                return fn(*args, **kwargs)
            finally:
                self.activation = activation

        return call

    def _refuse_non_tensors(self, args: tuple) -> None:
        for x in args:
            if x is None or backend.is_tensor(x) or isinstance(x, KerasTensor):
                continue
            for leaf in tree.flatten(x):
                if leaf is not None and not backend.is_tensor(leaf) and not isinstance(leaf, KerasTensor | Variable):
                    raise ValueError(
                        f"Layer {self.name!r} takes tensors and arrays as positional arguments, got {leaf!r} (of type "
                        f"{type(leaf).__name__}). Pass a NumPy array, or other values by name."
                    )

    def _fill_masks(self, known: CallSignature, args: tuple, kwargs: dict) -> Any:
        """Pass on the masks that the inputs carry; gives the mask of the first argument, None if there is none."""
        if len(args) == 1 and not kwargs and not isinstance(args[0], list | tuple | dict):
            mask = getattr(args[0], "_keras_mask", None)
            if mask is not None and known.takes_mask:
                kwargs["mask"] = mask
            return mask
        arguments = known.bind(args, kwargs)
        tensors = {key: x for key, x in arguments.items() if not key.endswith("mask") and _holds_tensors(x)}
        if not tensors:
            return None
        masks = {key: tree.map_structure(lambda t: getattr(t, "_keras_mask", None), x) for key, x in tensors.items()}
        first = next(iter(masks.values()))
        for key, mask in masks.items():
            if all(m is None for m in tree.flatten(mask)):
                continue
            name = "mask" if len(tensors) == 1 else f"{key}_mask"
            if name in known.names and arguments.get(name) is None:
                kwargs[name] = mask
        return None if all(m is None for m in tree.flatten(first)) else first

    def _note_masks(self, inputs: Any, mask: Any, outputs: Any) -> None:
        """Hand the mask on to the outputs."""
        flat = tree.flatten(outputs)
        if not self.supports_masking:
            if any(getattr(x, "_keras_mask", None) is None for x in flat):
                warnings.warn(
                    f"Layer {self.name!r} ({type(self).__name__}) got an input with a mask but does not support masking "
                    "and will therefore destroy the mask. Set self.supports_masking = True in it, or write compute_mask().",
                    stacklevel=3,
                )
            return
        if all(getattr(x, "_keras_mask", None) is not None for x in flat):
            return
        output_masks = self.compute_mask(inputs, mask)
        if output_masks is None:
            return
        for x, m in zip(flat, tree.flatten(output_masks), strict=False):
            if m is not None and getattr(x, "_keras_mask", None) is None:
                with contextlib.suppress(AttributeError):
                    x._keras_mask = m

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the output: that of the input, unless a layer knows better."""
        return previous_mask

    def _build_for(self, arguments: Mapping[str, Any]) -> None:
        """Build for the tensors of a call."""
        if type(self).build is Layer.build:
            self.built = True
            self._build_shapes = self._shapes_of(arguments)
            return
        shapes = self._shapes_of(arguments)
        parameters = self._build_parameters
        if len(parameters) == 1:
            self.build(next(iter(shapes.values()), None))
            return
        unknown = [name for name in parameters if name not in shapes]
        if unknown and not all(name.endswith("_shape") for name in parameters):
            raise ValueError(
                f"The parameters of {type(self).__name__}.build() must be named after the arguments of call(), as "
                f"`<argument>_shape`; expected some of {list(shapes)}, got {parameters}."
            )
        self.build(**{name: shapes.get(name) for name in parameters})

    def _shapes_of(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {
            f"{key}_shape": tree.map_structure(_shape_of, value)
            for key, value in arguments.items()
            if key != "mask" and not key.endswith("_mask") and _holds_tensors(value)
        }

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape of the output for an input shape: found by tracing, unless a layer declares it for speed."""
        symbols = tuple(_symbols_of(shape, self.compute_dtype) for shape in args)
        named = {k.removesuffix("_shape"): _symbols_of(v, self.compute_dtype) for k, v in kwargs.items()}
        return tree.map_structure(lambda t: t.shape, infer(self, symbols, named))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Shape and dtype of the output, as KerasTensors."""
        if type(self).compute_output_shape is not Layer.compute_output_shape:
            shapes = self._shapes_of(self._call_signature.bind(args, kwargs))
            parameters = _parameter_names(self.compute_output_shape)
            if len(parameters) == 1:
                shape = self.compute_output_shape(next(iter(shapes.values())))
            else:
                shape = self.compute_output_shape(**{k: v for k, v in shapes.items() if k in parameters})
            return to_keras_tensors(_map_shapes(lambda s: Spec(s, self.compute_dtype), shape))
        return infer(self, args, kwargs)

    def stateless_call(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple:
        """The call as a pure function of the variables' values.

        Returns:
            (outputs, new values of the non-trainable variables), and the losses if `return_losses`.
        """
        if not self.built:
            raise ValueError(f"Layer {self.name!r} has no weights yet; build it before stateless_call().")
        variables = [*self.trainable_variables, *self.non_trainable_variables]
        values = [*trainable_variables, *non_trainable_variables]
        if len(variables) != len(values):
            raise ValueError(
                f"Layer {self.name!r} has {len(variables)} variables, but {len(values)} values were given."
            )
        with StatelessScope(zip(variables, values, strict=True), collect_losses=return_losses) as scope:
            outputs = self(*args, **kwargs)
            losses = self.losses if return_losses else None
        new = [scope.get_current_value(v) for v in self.non_trainable_variables]
        return (outputs, new, losses) if return_losses else (outputs, new)

    # ------------------------------------------------------------------------------------------------- losses
    def add_loss(self, loss: Any) -> None:
        """Add a number, or a list of numbers, to what training makes smaller."""
        items = [item for item in tree.flatten(loss) if item is not None]
        scope = get_stateless_scope()
        for item in items:
            if not backend.is_tensor(item) and not isinstance(item, int | float | Variable):
                raise ValueError(f"add_loss() takes scalar tensors, got {item!r}.")
            if scope is None:
                self._own_losses.setdefault(backend.replica_number(), []).append(item)
                _AllLayers.have_losses = True
            elif scope.collect_losses:
                scope.add_loss((id(self), item))

    @property
    def losses(self) -> list:
        """What `add_loss` was given in the latest call, and the penalties of trainable weights."""
        layers = self._flatten_layers()
        scope = get_stateless_scope()
        if scope is not None and scope.collect_losses:
            inside = {id(layer) for layer in layers}
            losses = [item for owner, item in scope.losses if owner in inside]
        else:
            replica = backend.replica_number() if _AllLayers.have_losses else 0
            losses = [item for layer in layers for item in layer._own_losses.get(replica, ())]
        for variable in self.trainable_weights:
            if variable.regularizer is not None:
                losses.append(variable.regularizer(variable))
        return losses

    def _clear_losses(self) -> None:
        if _AllLayers.have_losses:
            for layer in self._flatten_layers():
                layer._own_losses.pop(backend.replica_number(), None)

    # ------------------------------------------------------------------------------------------------- configs
    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data, with name, trainable and dtype."""
        base = {
            "name": self.name,
            "trainable": self._trainable,
            "dtype": dtype_policies.serialize(self.dtype_policy),
        }
        if self.activity_regularizer is not None:
            base["activity_regularizer"] = get_family("regularizers").serialize(self.activity_regularizer)
        arguments = super().get_config()
        for key in ("name", "trainable", "dtype", "autocast", "input_shape", "batch_input_shape", "input_dim"):
            arguments.pop(key, None)
        return {**base, **arguments}

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes it was built for, as files keep them."""
        shapes = self._build_shapes
        if shapes is None:
            return None
        config = {"input_shape": next(iter(shapes.values()))} if len(shapes) == 1 else {"shapes_dict": shapes}
        if "_config_holds_layers" not in type(self).__dict__ and any(
            layer._power is not None for layer in self._flatten_layers(False)
        ):
            config["powers"] = importlib.import_module("hornbook.quantization").inner_powers(self)
        return config

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build for the shapes that `get_build_config` gave."""
        if not config:
            return
        if "shapes_dict" in config:
            shapes = {key: tree.lists_to_tuples(value) for key, value in config["shapes_dict"].items()}
            if type(self).build is Layer.build:  # which takes one shape: the layer has no weights of its own
                with contextlib.suppress(Exception):
                    self._build_by_tracing(shapes)
                self._build_shapes = shapes
            else:
                self.build(**shapes)
        elif config.get("input_shape") is not None:
            self.build(tree.lists_to_tuples(config["input_shape"]))
        self.built = True
        self._restore_powers(config)

    def _restore_powers(self, config: dict[str, Any]) -> None:
        """Put around the layers inside what a build config says was there: quantization, LoRA."""
        if config.get("powers"):
            importlib.import_module("hornbook.quantization").restore_inner(self, config["powers"])

    def save_own_variables(self, store: Any) -> None:
        """Write this layer's own weights to `store`, a mapping from names to arrays: "0", "1", ..."""
        values = self._own_variables() if self._power is None else self._power.values()
        for position, value in enumerate(values):
            store[str(position)] = value

    def _stored_variables(self) -> list[Variable]:
        """The layer's own variables that files hold, in the order they do."""
        return self._own_variables() if self._power is None else self._power.stored()

    def load_own_variables(self, store: Any) -> None:
        """Read this layer's own weights from `store`.

        Raises:
            ValueError: where their number or a shape differs.
        """
        own = self._stored_variables()
        if len(store.keys()) != len(own):
            hint = (
                "" if self.built else " It has not been built: build(), or an `input_shape`, makes its weights first."
            )
            raise ValueError(
                f"Layer {self.path!r} has {len(own)} weights of its own, but the file holds {len(store.keys())}.{hint}"
            )
        for position, variable in enumerate(own):
            value = store[str(position)]
            if tuple(value.shape) != tuple(variable.shape):
                raise ValueError(
                    f"Weight {variable.path!r} has shape {variable.shape}, but the file holds one of shape "
                    f"{tuple(value.shape)}."
                )
        for position, variable in enumerate(own):
            variable.assign_from(store[str(position)])
        if self._power is not None:
            self._power.after_load()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


# ------------------------------------------------------------------------------------------------------ helpers
class _AllLayers:
    """What is known of all layers together."""

    have_losses = False  # whether any called add_loss(), so that there may be something to clear


_NOT_WALKED = frozenset(
    {
        "_compile_arguments",
        "_constructor_call",
        "_inbound_nodes",
        "_own_weights",
        "_own_losses",
        "_build_shapes",
        "input_spec",
        "_dtype_policy",
        "_policy_map",
        "_power",
        "_wanted_power",
        "_remat_scope",
    }
)


_PLAIN = frozenset((bool, int, float, str, type(None)))


def _open(value: Any, found: list[Any]) -> None:
    """Append what lists and dictionaries hold to `found`, at any depth."""
    if isinstance(value, list | tuple):
        for item in value:
            _open(item, found)
    elif isinstance(value, dict):
        for item in value.values():
            _open(item, found)
    else:
        found.append(value)


def _parameter_names(method: Callable) -> list[str]:
    """What a method takes, but for `self`."""
    function = getattr(method, "__func__", None)
    return _all_parameter_names(method) if function is None else _all_parameter_names(function)[1:]


@functools.cache
def _all_parameter_names(function: Callable) -> list[str]:
    return list(inspect.signature(function).parameters)


def _recording_build(build: Callable) -> Callable:
    """`build`, run inside the layer's name scope, with a note of the shapes it got."""
    signature = inspect.signature(build)

    @functools.wraps(build)
    def recorded(self: Layer, *args: Any, **kwargs: Any) -> None:
        if self._building:  # a subclass calls super().build()
            build(self, *args, **kwargs)
            return
        if self._path is None:
            self._settle_path()
        self._building = True
        try:
            with NameScope(self.name, path=self._path):
                build(self, *args, **kwargs)
        finally:
            self._building = False
        arguments = signature.bind(self, *args, **kwargs).arguments
        self._build_shapes = {key: value for key, value in list(arguments.items())[1:]}
        self.built = True
        if self._wanted_power or self.quantization_mode is not None:
            importlib.import_module("hornbook.quantization").restore(self)

    return recorded


def _to_input(x: Any, dtype: str | None) -> Any:
    """An argument of a call with its arrays as tensors, floats in the compute dtype; masks stay on what is cast."""
    if backend.is_tensor(x):
        if dtype is None or not is_float_dtype(x.dtype.name if hasattr(x.dtype, "name") else x.dtype):
            return x
        if standardize_dtype(x.dtype) == dtype:
            return x
        mask = getattr(x, "_keras_mask", None)
        x = backend.cast(x, dtype)
        if mask is not None:
            x._keras_mask = mask
        return x
    if x is None or isinstance(x, KerasTensor | str | bool | int | float):
        return x
    if isinstance(x, list | tuple | dict):
        return tree.map_structure(lambda leaf: _to_input(leaf, dtype), x)
    if isinstance(x, Variable):
        x = x.value
    elif not hasattr(x, "__array__"):
        return x
    x = backend.convert_to_tensor(x)
    return backend.cast(x, dtype) if dtype is not None and is_float_dtype(x.dtype) else x


def _holds_tensors(x: Any) -> bool:
    if backend.is_tensor(x) or isinstance(x, KerasTensor):
        return True
    if isinstance(x, list | tuple):
        return any(_holds_tensors(item) for item in x)
    if isinstance(x, dict):
        return any(_holds_tensors(item) for item in x.values())
    return False


def _shape_of(x: Any) -> Any:
    if x is None or not hasattr(x, "shape"):
        return None
    return tuple(x.shape)


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, list | tuple) and all(size is None or isinstance(size, int | np.integer) for size in shape)


def _map_shapes(function: Callable, shape: Any) -> Any:
    """`function` on each shape of a structure of shapes."""
    if _is_shape(shape) and not (isinstance(shape, list) and not shape):
        return function(tuple(shape))
    if isinstance(shape, dict):
        return {key: _map_shapes(function, value) for key, value in shape.items()}
    if isinstance(shape, list | tuple):
        return type(shape)(_map_shapes(function, value) for value in shape)
    return shape


def _symbols_of(shape: Any, dtype: str) -> Any:
    return _map_shapes(lambda s: KerasTensor(s, dtype), shape)


def _legacy_input_shape(layer: str, kwargs: dict) -> tuple | None:
    """The shape given as `input_shape=`, `batch_shape=` or `input_dim=` to the first layer of a Sequential."""
    batch_size = kwargs.pop("batch_size", None)
    batch_shape = kwargs.pop("batch_input_shape", kwargs.pop("batch_shape", None))
    input_shape, input_dim = kwargs.pop("input_shape", None), kwargs.pop("input_dim", None)
    if kwargs:
        raise TypeError(f"{layer} got unexpected keyword arguments: {sorted(kwargs)}.")
    if batch_shape is not None:
        return tuple(batch_shape)
    if input_shape is not None:
        return (batch_size, *((input_shape,) if isinstance(input_shape, int) else input_shape))
    return None if input_dim is None else (batch_size, input_dim)
