"""`Functional`: a model that is a graph of layers from inputs to outputs."""

import inspect
import warnings
from collections.abc import Iterable
from typing import Any

from hornbook import backend, tree
from hornbook.core.budget import check_call_budget
from hornbook.core.global_state import auto_name
from hornbook.core.input_layer import Input, InputLayer
from hornbook.core.keras_tensor import KerasTensor, any_symbolic
from hornbook.core.layer import Layer
from hornbook.core.operation import FunctionOperation, KerasHistory, Node, Operation, RawOperation, node_of
from hornbook.core.registry import (
    CustomObjectScope,
    deserialize_keras_object,
    serialize_keras_object,
)
from hornbook.models.model import Model
from hornbook.models.op_configs import class_of, find, join_call, split_call


class Functional(Model):
    """A model that computes `outputs` from `inputs`, symbolic tensors that layers connect.

    Args:
        inputs: a KerasTensor, or a list or dictionary of them.
        outputs: likewise; what the model gives has this structure.
        name: a name; made up if None.

    Raises:
        ValueError: where an output does not depend on the inputs alone.

    >>> import hornbook as keras
    >>> a, b = keras.Input((3,)), keras.Input((3,))
    >>> model = keras.Model([a, b], keras.layers.Add()([a, b]))
    >>> model([keras.ops.ones((1, 3)), keras.ops.ones((1, 3))]).numpy()
    array([[2., 2., 2.]], dtype=float32)
    """

    _config_holds_layers = True  # with what is put around them
    _heeds_sizes = True  # what is given has the sizes of its input, not only as many of them

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return Layer.__new__(cls, *args, **kwargs)

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any) -> None:
        trainable = kwargs.pop("trainable", True)
        Layer.__init__(self, name=name, **kwargs)
        self._init_trainer()
        for what, structure in (("inputs", inputs), ("outputs", outputs)):
            for leaf in tree.flatten(structure):
                if not isinstance(leaf, KerasTensor):
                    raise ValueError(
                        f"The {what} of a Functional model must be symbolic tensors, such as keras.Input gives and "
                        f"layers make from it; got {leaf!r} of type {type(leaf).__name__}."
                    )
        if isinstance(outputs, list | tuple) and len(outputs) == 1 and isinstance(outputs[0], KerasTensor):
            outputs = outputs[0]
        flat = tree.flatten(inputs)
        if len({id(x) for x in flat}) != len(flat):
            raise ValueError("An input stands twice in `inputs`; name each once.")
        inputs = tree.map_structure(_with_input_layer, inputs)
        if any(a is not b for a, b in zip(flat, tree.flatten(inputs), strict=True)):
            outputs = _rewired(flat, tree.flatten(inputs), outputs)
        self._inputs_struct, self._outputs_struct = inputs, outputs
        self._inputs, self._outputs = tree.flatten(inputs), tree.flatten(outputs)
        self._nodes, self._operations = sorted_graph(self._inputs, self._outputs)
        names = [operation.name for operation in self._operations]
        doubles = sorted({n for n in names if names.count(n) > 1})
        if doubles:
            raise ValueError(f"All layers of a model need different names, but {doubles} stand more than once.")
        self._layers = [operation for operation in self._operations if isinstance(operation, Layer)]
        self._plan = graph_plan(self._nodes)
        self.input_names = [_history(x).operation.name for x in self._inputs]
        self.output_names = [_history(x).operation.name for x in self._outputs]
        self.built = True
        if not trainable:
            self.trainable = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy has tensors of its own, so its plan is made anew."""
        vars(self).update(state)
        self._plan = graph_plan(self._nodes)

    # ------------------------------------------------------------------------------------------------- structure
    def _sublayers(self) -> list[Layer]:
        known = {id(layer): layer for layer in self._layers} if "_layers" in self.__dict__ else {}
        for layer in super()._sublayers():
            known.setdefault(id(layer), layer)
        return list(known.values())

    @property
    def layers(self) -> list[Layer]:
        """The layers of the graph, those nearest the inputs first."""
        return self._sublayers()

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError("`Model.layers` is found from the graph and cannot be set; use another name.")

    @property
    def operations(self) -> list[Operation]:
        """The layers and ops of the graph."""
        return list(self._operations)

    inputs = property(lambda self: self._inputs, doc="The symbolic inputs, as a flat list.")
    outputs = property(lambda self: self._outputs, doc="The symbolic outputs, as a flat list.")

    @property
    def input(self) -> Any:
        """The symbolic inputs, in their structure."""
        return self._inputs_struct

    @property
    def output(self) -> Any:
        """The symbolic outputs, in their structure."""
        return self._outputs_struct

    @property
    def input_shape(self) -> Any:
        """The shapes of the inputs, in their structure."""
        return tree.map_structure(lambda x: x.shape, self._inputs_struct)

    @property
    def output_shape(self) -> Any:
        """The shapes of the outputs, in their structure."""
        return tree.map_structure(lambda x: x.shape, self._outputs_struct)

    @property
    def input_dtype(self) -> str:
        """The dtype of the first input."""
        return self._inputs[0].dtype

    def build(self, input_shape: Any = None) -> None:
        """A Functional model is built as soon as it is made."""
        self.built = True

    # ------------------------------------------------------------------------------------------------- calling
    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The outputs for inputs: each layer in turn."""
        given = self._given(inputs)
        if mask is not None:
            for x, m in zip(given, tree.flatten(mask), strict=False):
                if m is not None:
                    x._keras_mask = m
        return run_plan(self._plan, self._inputs, given, self._outputs_struct)

    def compute_output_spec(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Shape and dtype of the outputs, found layer by layer without tracing where layers declare them."""
        given = self._given(inputs)
        if all(g.shape == x.shape for g, x in zip(given, self._inputs, strict=True)):
            return tree.map_structure(lambda x: KerasTensor(x.shape, x.dtype), self._outputs_struct)
        return specs_of_plan(self._plan, self._inputs, given, self._outputs_struct)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for input shapes."""
        symbols = symbols_of(input_shape, self._inputs)
        return tree.map_structure(lambda t: t.shape, self.compute_output_spec(symbols))

    def _given(self, inputs: Any) -> list:
        """The inputs in the order of the model's, with their rank and dtype put right."""
        if len(self._inputs) == 1 and not isinstance(inputs, list | tuple | dict):
            given = [inputs]
        elif isinstance(inputs, dict):
            given = self._by_name(inputs)
        else:
            given = tree.flatten(inputs)
        if len(given) != len(self._inputs):
            raise ValueError(
                f"Model {self.name!r} has {len(self._inputs)} input(s), {self.input_names}, but got {len(given)}."
            )
        return [self._fitted(x, symbol) for x, symbol in zip(given, self._inputs, strict=True)]

    def _by_name(self, inputs: dict) -> list:
        if isinstance(self._inputs_struct, dict):
            names = sorted(self._inputs_struct)
            if not set(names) <= set(inputs) and set(self.input_names) <= set(inputs):
                names = [_history(self._inputs_struct[name]).operation.name for name in names]
        else:
            names = self.input_names
        optional = {_history(x).operation.name for x in self._inputs if _history(x).operation.optional}
        missing = sorted(set(names) - set(inputs) - optional)
        if missing:
            raise ValueError(f"Model {self.name!r} has the inputs {names}; {missing} missing among {sorted(inputs)}.")
        extra = sorted(set(inputs) - set(names))
        if extra:
            warnings.warn(f"Model {self.name!r} has no inputs named {extra}; they are ignored.", stacklevel=5)
        return [inputs.get(name) for name in names]

    def _fitted(self, x: Any, symbol: KerasTensor) -> Any:
        layer = _history(symbol).operation
        if x is None:
            if getattr(layer, "optional", False):
                return None
            raise ValueError(f"Input {layer.name!r} of model {self.name!r} is None, and it is not optional.")
        shape, wanted = x.shape, symbol.shape
        rank = len(shape) if getattr(shape, "rank", 0) is not None else len(wanted)
        mask = getattr(x, "_keras_mask", None)
        original = x
        if not isinstance(x, KerasTensor):
            if rank == len(wanted) - 1 and wanted[-1] == 1:
                x = backend.expand_dims(x, axis=-1)
            elif rank == len(wanted) + 1 and shape[-1] == 1:
                x = backend.squeeze(x, axis=-1)
            if symbol.dtype != getattr(x.dtype, "name", x.dtype) and self.autocast:
                x = backend.cast(x, symbol.dtype)
        shape = tuple(x.shape) if getattr(x.shape, "rank", 0) is not None else wanted
        # The first axis is the batch: a model that was built by one takes others, and a last one that is smaller.
        fits = len(shape) == len(wanted) and (
            not self._heeds_sizes
            or all(w is None or s is None or s == w for s, w in zip(shape[1:], wanted[1:], strict=True))
        )
        if not fits and not (isinstance(x, KerasTensor) and rank in (len(wanted) - 1, len(wanted) + 1)):
            raise ValueError(
                f"Input {layer.name!r} of model {self.name!r} must have shape {wanted}, got {tuple(original.shape)}."
            )
        if mask is not None and x is not original:
            x._keras_mask = mask
        return x

    # ------------------------------------------------------------------------------------------------- configs
    def get_config(self) -> dict[str, Any]:
        """The graph as plain data: the layers, and for each the calls that connect it."""
        if type(self).__init__ is not Functional.__init__ and type(self) is not Functional:
            return super().get_config()
        numbers = _node_numbers(self._nodes, self._operations)

        def history(x: KerasTensor) -> list:
            operation, node, position = _history(x)
            return [operation.name, numbers[id(operation._inbound_nodes[node])], position]

        def plain(x: Any) -> Any:
            if isinstance(x, KerasTensor):
                config = {"shape": x.shape, "dtype": x.dtype, "keras_history": history(x)}
                return {"class_name": "__keras_tensor__", "config": config}
            return serialize_keras_object(x)

        def call(node: Node) -> dict:
            args, kwargs = node.args, node.kwargs
            if isinstance(node.operation, FunctionOperation):
                _, args, kwargs = _op_call(node)
            call = {"args": tree.map_structure(plain, list(args)), "kwargs": tree.map_structure(plain, kwargs)}
            return {**call, "given": ["training"]} if kwargs.get("training") is not None else call

        own = {id(node) for node in self._nodes}
        layers = []
        for operation in self._operations:
            config = _operation_config(operation)
            config["name"] = operation.name
            config["inbound_nodes"] = [
                call(node) for node in operation._inbound_nodes if id(node) in own and node.inputs
            ]
            layers.append(config)
        return {
            "name": self.name,
            "trainable": self.trainable,
            "layers": layers,
            "input_layers": _unwrapped(self._inputs_struct, history),
            "output_layers": _unwrapped(self._outputs_struct, history),
        }


# ------------------------------------------------------------------------------------------------------ the graph
def _history(x: KerasTensor) -> KerasHistory:
    history = getattr(x, "_keras_history", None)
    if history is None:
        raise ValueError(
            f"{x!r} comes from no layer: a model is made from what keras.Input gives and what layers make of it."
        )
    return history


def _with_input_layer(x: KerasTensor) -> KerasTensor:
    """`x`, or a new input like it where `x` is what some layer made (a model cut out of a larger graph)."""
    history = getattr(x, "_keras_history", None)
    if history is not None and isinstance(history.operation, InputLayer):
        return x
    if history is None:
        return Input(tensor=x)
    return Input(batch_shape=x.shape, dtype=x.dtype, name=auto_name(f"{history.operation.name}_input"))


def sorted_graph(inputs: list, outputs: list) -> tuple[list[Node], list[Operation]]:
    """The calls between inputs and outputs, each after those it needs, and the operations by depth.

    The depth of a call is the longest way from it to an output. Layers are listed by falling depth, and within a depth
    in the order in which a walk back from the outputs meets them: the order of `model.layers` and of weights in files.
    """
    begin = {id(node_of(x)) for x in inputs}
    order: list[Node] = []
    met: dict[int, tuple[int, Operation]] = {}
    state: dict[int, int] = {}  # 1: open, 2: done
    for output in outputs:
        stack = [(node_of(output) or _history(output), False)]
        while stack:
            node, leaving = stack.pop()
            assert isinstance(node, Node)
            if leaving:
                state[id(node)] = 2
                order.append(node)
                continue
            if id(node) in state:
                continue
            state[id(node)] = 1
            met.setdefault(id(node.operation), (len(met), node.operation))
            stack.append((node, True))
            if id(node) in begin:
                continue
            if not node.inputs:
                raise ValueError(
                    f"The outputs depend on input {node.operation.name!r}, which is not among the inputs of the model."
                )
            for x in reversed(node.inputs):
                if node_of(x) is None:
                    _history(x)
                stack.append((node_of(x), False))  # type: ignore[arg-type]

    depth: dict[int, int] = {}
    operation_depth: dict[int, int] = {}
    for node in reversed(order):
        deep = max(depth.get(id(node), 0), operation_depth.get(id(node.operation), 0))
        depth[id(node)] = operation_depth[id(node.operation)] = deep
        if id(node) not in begin:
            for parent in node.parents:
                depth[id(parent)] = max(deep + 1, depth.get(id(parent), 0))
    for x in inputs:  # an input nobody uses
        node = node_of(x)
        assert node is not None
        if id(node) not in depth:
            depth[id(node)] = operation_depth[id(node.operation)] = 0
            met.setdefault(id(node.operation), (-1, node.operation))
            order.insert(0, node)
    operations = sorted(met.values(), key=lambda item: (-operation_depth[id(item[1])], item[0]))
    position = {id(node): i for i, node in enumerate(order)}
    nodes = sorted(order, key=lambda node: (-depth[id(node)], position[id(node)]))
    return nodes, [operation for _, operation in operations]


def graph_plan(nodes: Iterable[Node]) -> list[tuple]:
    """The calls as rows (operation, id of its only input or None, args, kwargs, ids of outputs), ready to run."""
    rows = []
    for node in nodes:
        if isinstance(node.operation, InputLayer):
            continue
        single = len(node.args) == 1 and isinstance(node.args[0], KerasTensor) and not node.kwargs
        outputs = [id(x) for x in tree.flatten(node.outputs)]
        rows.append((node.operation, id(node.args[0]) if single else None, node.args, node.kwargs, outputs))
    return rows


def run_plan(plan: list, symbols: list, given: list, outputs_struct: Any) -> Any:
    """The outputs of a graph for inputs: each operation in turn."""
    check_call_budget(len(plan))
    values = {id(symbol): x for symbol, x in zip(symbols, given, strict=True)}
    for operation, single, args, kwargs, outputs in plan:
        if single is not None:
            result = operation(values[single])
        else:
            fill = _filler(values)
            result = operation(*tree.map_structure(fill, args), **tree.map_structure(fill, kwargs))
        if len(outputs) == 1 and not isinstance(result, list | tuple | dict):
            values[outputs[0]] = result
        else:
            values.update(zip(outputs, tree.flatten(result), strict=True))
    return tree.map_structure(lambda symbol: values[id(symbol)], outputs_struct)


def specs_of_plan(plan: list, symbols: list, given: list, outputs_struct: Any) -> Any:
    """Shape and dtype of the outputs of a graph, found operation by operation."""
    check_call_budget(len(plan))
    values = {id(symbol): x for symbol, x in zip(symbols, given, strict=True)}
    for operation, _, args, kwargs, outputs in plan:
        fill = _filler(values)
        result = operation.compute_output_spec(*tree.map_structure(fill, args), **tree.map_structure(fill, kwargs))
        values.update(zip(outputs, tree.flatten(result), strict=True))
    return tree.map_structure(lambda symbol: values[id(symbol)], outputs_struct)


def _filler(values: dict) -> Any:
    return lambda x: values[id(x)] if isinstance(x, KerasTensor) else x


def _rewired(old: list, new: list, outputs: Any) -> Any:
    """The outputs recomputed on new inputs, where a model begins in the middle of a graph."""
    values = {id(a): b for a, b in zip(old, new, strict=True)}
    nodes, _ = sorted_graph(old, tree.flatten(outputs))
    begin = {id(x) for x in old}
    for node in nodes:
        produced = tree.flatten(node.outputs)
        if all(id(x) in begin for x in produced) or isinstance(node.operation, InputLayer):
            continue
        fill = _filler(values)
        args, kwargs = tree.map_structure(fill, node.args), tree.map_structure(fill, node.kwargs)
        result = node.operation.symbolic_call(*args, **kwargs)
        for x, y in zip(produced, tree.flatten(result), strict=True):
            values.setdefault(id(x), y)
    return tree.map_structure(lambda x: values[id(x)], outputs)


def symbols_of(input_shape: Any, inputs: list) -> Any:
    if len(inputs) == 1 and (not input_shape or input_shape[0] is None or isinstance(input_shape[0], int)):
        return KerasTensor(input_shape, inputs[0].dtype)
    shapes = list(input_shape.values()) if isinstance(input_shape, dict) else list(input_shape)
    symbols = [KerasTensor(shape, x.dtype) for shape, x in zip(shapes, inputs, strict=True)]
    return dict(zip(input_shape, symbols, strict=True)) if isinstance(input_shape, dict) else symbols


# ------------------------------------------------------------------------------------------------------ configs
def _node_numbers(nodes: list[Node], operations: list[Operation]) -> dict[int, int]:
    """The number of each call among its operation's calls inside the model."""
    own = {id(node) for node in nodes}
    numbers = {}
    for operation in operations:
        inside = [node for node in operation._inbound_nodes if id(node) in own]
        numbers.update({id(node): i for i, node in enumerate(inside)})
    return numbers


RAW = "hornbook.core.operation"  # where a config says that the backend's own functions come from


def _op_call(node: Node) -> tuple[dict, list, dict]:
    """An op's call as Keras writes it: (settings of its class, positional and named arguments of the call)."""
    operation: Any = node.operation
    return split_call(operation.function, operation.bind(*node.args, **node.kwargs))


def _operation_config(operation: Any) -> dict[str, Any]:
    if isinstance(operation, RawOperation):
        config = {"function": operation.function, "name": operation.name}
        return {"module": RAW, "class_name": "RawOperation", "config": config, "registered_name": None}
    if not isinstance(operation, FunctionOperation):
        return serialize_keras_object(operation)
    module, name = class_of(operation.function)
    settings, _, _ = _op_call(operation._inbound_nodes[0])
    return {
        "module": module,
        "class_name": name,
        "config": {"name": operation.name, **serialize_keras_object(settings)},
        "registered_name": name,
    }


def _unwrapped(structure: Any, history: Any) -> Any:
    """A single tensor as its history, a structure as the structure of histories."""
    if isinstance(structure, KerasTensor):
        return history(structure)
    if isinstance(structure, dict):
        return {key: _unwrapped(value, history) for key, value in structure.items()}
    return [_unwrapped(value, history) for value in structure]


def functional_from_config(cls: type, config: dict[str, Any], custom_objects: Any, made: dict | None = None) -> Any:
    """The Functional model that a config describes: make the layers, then repeat their calls.

    Args:
        cls: the class of the model.
        config: as `Functional.get_config` gives it.
        custom_objects: more classes that the config may name.
        made: layers by name, to be used in place of those in the config.
    """
    if not isinstance(config.get("layers"), list):
        raise ValueError(f"The config of a Functional model must hold a list of layers, got {config.get('layers')!r}.")
    with CustomObjectScope(custom_objects):
        operations: dict[str, Any] = dict(made or {})
        for layer in config["layers"]:
            name = layer.get("name") or layer["config"]["name"]
            if name not in operations:
                operations[name] = _operation_from_config(layer)

    tensors: dict[tuple, Any] = {}  # (name, call, output) -> KerasTensor
    for name, operation in operations.items():
        if isinstance(operation, InputLayer):
            tensors[name, 0, 0] = operation.output
    calls: dict[str, list] = {}
    for layer in config["layers"]:
        name = layer.get("name") or layer["config"]["name"]
        calls[name] = list(_calls_of(layer, operations[name]))
    done = dict.fromkeys(calls, 0)
    progress = True
    while progress:
        progress = False
        for name, waiting in calls.items():
            while done[name] < len(waiting):
                args, kwargs = waiting[done[name]]
                try:
                    args, kwargs = _filled(args, tensors), _filled(kwargs, tensors)
                except KeyError:
                    break
                if not any_symbolic(args, kwargs):  # would be computed here and now, with numbers from the file
                    raise ValueError(f"The config calls {name!r} on no tensor of the graph.")
                outputs = operations[name](*args, **kwargs)
                for position, x in enumerate(tree.flatten(outputs)):
                    tensors[name, done[name], position] = x
                done[name] += 1
                progress = True
    stuck = sorted(name for name, waiting in calls.items() if done[name] < len(waiting))
    if stuck:
        raise ValueError(f"The config does not say where the inputs of {stuck} come from.")

    def tensor(entry: Any) -> Any:
        if isinstance(entry, dict):
            return {key: tensor(value) for key, value in entry.items()}
        if len(entry) == 3 and isinstance(entry[0], str):
            if tuple(entry) not in tensors:
                raise ValueError(f"The config names {entry} as an input or output, but there is no such tensor.")
            return tensors[tuple(entry)]
        return [tensor(value) for value in entry]

    inputs, outputs = tensor(config["input_layers"]), tensor(config["output_layers"])
    model = cls(inputs=inputs, outputs=outputs, name=config.get("name"))
    if config.get("trainable") is False:
        model.trainable = False
    return model


def _operation_from_config(layer: dict[str, Any]) -> Any:
    module = layer.get("module") or ""
    if module == RAW:
        return RawOperation(layer["config"]["function"], layer["config"].get("name"))
    if module.startswith("keras.src.ops."):
        return _op_from_config(layer)
    return deserialize_keras_object(layer, family="layers")


def _op_from_config(layer: dict[str, Any]) -> Any:
    """A function that repeats the op of a config under its name."""
    name = layer["class_name"]
    function: Any = find(name)
    if function is None:
        raise ValueError(f"The config names the op {name!r}, which Hornbook does not have.")
    settings = {k: v for k, v in layer["config"].items() if k not in ("name", "dtype") or k == "dtype" and v}
    known = inspect.signature(function).parameters
    settings = {key: deserialize_keras_object(value) for key, value in settings.items() if key in known}
    operation = function.operation(name=layer["config"].get("name"))
    if function.__name__ == "get_item":  # JSON has no tuples, and an index is one
        return lambda x, key: operation.symbolic_call(x, tuple(key) if isinstance(key, list) else key)

    def call(*args: Any, **kwargs: Any) -> Any:
        positional, named = join_call(function, settings, list(args), kwargs)
        return operation.symbolic_call(*positional, **named)

    return call


def _calls_of(layer: dict[str, Any], operation: Any) -> Iterable[tuple]:
    """The recorded calls of a layer as (args, kwargs); Keras 2's lists of [name, node, tensor, kwargs] are read too.

    Keras also notes `training` where nobody gave it, as the default of the layer's `call`. Such a value says nothing, and
    the training of the model counts. Here it is noted only where it was given, under "given".
    """
    default = inspect.signature(operation.call).parameters.get("training") if isinstance(operation, Layer) else None
    for node in layer.get("inbound_nodes", ()):
        if isinstance(node, dict):
            kwargs = {k: v for k, v in node["kwargs"].items() if k != "mask" or v}
            if (
                "training" not in node.get("given", ())
                and default
                and kwargs.get("training") in (None, default.default)
            ):
                kwargs.pop("training", None)
            yield node["args"], kwargs
            continue
        entries = node if node and isinstance(node[0], list) else [node]
        symbols = [{"class_name": "__keras_tensor__", "config": {"keras_history": entry[:3]}} for entry in entries]
        kwargs = entries[0][3] if len(entries[0]) > 3 else {}
        yield ([symbols[0] if len(symbols) == 1 else symbols], kwargs)


def _filled(value: Any, tensors: dict) -> Any:
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            name, node, position = value["config"]["keras_history"]
            return tensors[name, node, position]
        if "class_name" in value and "config" in value:
            return deserialize_keras_object(value)
        return {key: _filled(item, tensors) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, tensors) for item in value]
    return tuple(_filled(item, tensors) for item in value) if isinstance(value, tuple) else value
