"""The configs of Keras 2, and of Keras 3's older `.h5` files, as those of Keras 3: plain data in, plain data out.

Keras 2 wrote layers without the module they come from, calls as lists `[name, call, output, arguments]`, and arguments that
Keras 3 no longer has. What says nothing any more is left out; what would change the numbers is an error that names the layer.
"""

import inspect
from collections.abc import Callable
from typing import Any

from hornbook import backend, ops
from hornbook.core.registry import get_family, get_registered_object, register_keras_serializable
from hornbook.models.op_configs import find

MODELS = ("Functional", "Model", "Sequential")
RAW = "hornbook.core.operation"
_ANY: Callable = lambda value: True  # noqa: E731
_EMPTY: Callable = lambda value: not value  # noqa: E731

# Arguments that only Keras 2 has, and the values with which leaving them out changes nothing.
GONE: dict[str, Callable] = {
    "implementation": _ANY,
    "input_length": _ANY,
    "query_shape": _ANY,
    "key_shape": _ANY,
    "value_shape": _ANY,
    "softmax_robust_masking": _ANY,
    "has_input_vocabulary": _ANY,
    "jit_compile": _ANY,
    "trainable": _ANY,  # of layers without weights
    "noise_shape": _EMPTY,
    "rng_type": _ANY,
    "is_legacy_optimizer": _ANY,
    "kernel_initializer": _ANY,  # of depthwise and separable convolutions, which have two of them by other names
    "kernel_regularizer": _EMPTY,
    "kernel_constraint": _EMPTY,
    "activity_regularizer": _EMPTY,
    "time_major": _EMPTY,
    "ragged": _EMPTY,
    "sparse": _EMPTY,
    "dynamic": _ANY,
    "fused": _ANY,
    "virtual_batch_size": _EMPTY,
    "adjustment": _EMPTY,
    "momentum_decay": _EMPTY,
    "decay": _EMPTY,
    "groups": lambda value: value in (None, 1),
    "experimental_run_tf_function": _ANY,
    "idf_weights": _EMPTY,
}
_LAMBDA_NOTES = ("module", "function_type", "output_shape_type", "output_shape_module")


def is_older(keras_version: Any) -> bool:
    """Whether a file's version of Keras is one whose configs are translated here.

    >>> from hornbook.models.keras2 import is_older
    >>> is_older("2.15.0"), is_older("3.15.1"), is_older(None)
    (True, False, False)
    """
    return isinstance(keras_version, str) and keras_version.split(".")[0] in ("1", "2")


# ---------------------------------------------------------------------------------------------------- layers, models
def translated(config: Any) -> Any:
    """The config of a model or layer as Keras 3 writes it.

    Raises:
        ValueError: for an argument that has no meaning here any more, and for a Lambda layer that holds code; both name the
            layer.

    >>> from hornbook.models.keras2 import translated
    >>> old = {"class_name": "Embedding", "config": {"name": "e", "input_dim": 5, "output_dim": 2, "input_length": 7}}
    >>> translated(old)["config"]
    {'name': 'e', 'input_dim': 5, 'output_dim': 2}
    """
    return _translated(_plain(config))


def _translated(config: Any) -> Any:
    """The config of a model or layer, in which shapes and tuples are lists already."""
    if isinstance(config, dict):
        config = {key: value for key, value in config.items() if key != "build_config"}  # the calls build the layers
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise ValueError(f"The config of a model is a dictionary with a class_name, got {type(config).__name__}.")
    name, inner = config["class_name"], config.get("config")
    if name in MODELS:
        if isinstance(inner, list):  # what Sequential models wrote first
            inner = {"layers": inner}
        return {**config, "module": "keras", "config": _model(inner)}
    if not isinstance(inner, dict):
        raise ValueError(f"The config of {name!r} must be a dictionary, got {type(inner).__name__}.")
    if name in ("TFOpLambda", "SlicingOpLambda"):
        return _operation(config)
    if _is_op(config):
        return {**config, "module": "keras.src.ops.numpy", "registered_name": None}
    classes = get_family("layers").classes
    cls = classes.get(name) or next((c for c in classes.values() if vars(c).get("_called") == name), None)
    if cls is None or get_registered_object(name) is not None:
        return config
    config["class_name"] = cls.__name__
    inner = {key: _inner(value) for key, value in inner.items()}
    shape = inner.pop("batch_input_shape", None)
    if name == "InputLayer" and shape is not None:
        inner["batch_shape"] = shape
    if isinstance(inner.get("axis"), list) and len(inner["axis"]) == 1:
        inner["axis"] = inner["axis"][0]
    if isinstance(inner.get("dtype"), dict) and inner["dtype"].get("class_name") in ("Policy", "PolicyV1"):
        inner["dtype"] = inner["dtype"]["config"]["name"]
    if name == "Lambda":
        inner = _lambda(inner)
    return {**config, "config": _without_gone(cls, inner, f"Layer {inner.get('name')!r} of class {name}")}


@register_keras_serializable("keras2", "hard_sigmoid")
def keras2_hard_sigmoid(x: Any) -> Any:
    """max(0, min(1, 0.2 x + 0.5)): what Keras 1 and 2 called "hard_sigmoid", and their recurrent layers had as a default.

    Keras 3's function of that name is max(0, min(1, x / 6 + 0.5)).

    >>> from hornbook.models.keras2 import keras2_hard_sigmoid
    >>> print(keras2_hard_sigmoid([-3.0, 1.0]).numpy().round(2))
    [0.  0.7]
    """
    return ops.clip(ops.convert_to_tensor(x) * 0.2 + 0.5, 0.0, 1.0)


def from_keras2(config: Any) -> Any:
    """The config of a model of Keras 1 or 2, whose functions keep the numbers that they had."""
    return _with_older_functions(translated(config))


def _with_older_functions(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_older_functions(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: "keras2>hard_sigmoid"
        if key in ("activation", "recurrent_activation") and _names_hard_sigmoid(item)
        else _with_older_functions(item)
        for key, item in value.items()
    }


def _names_hard_sigmoid(value: Any) -> bool:
    """Whether it is the name, or the config of a function of that name."""
    return value == "hard_sigmoid" or (isinstance(value, dict) and value.get("config") == "hard_sigmoid")


def from_older(config: dict[str, Any]) -> dict[str, Any]:
    """The content of `config.json` of a `.keras` file that Keras 2 wrote."""
    compiled = config.get("compile_config")
    config = from_keras2(config)
    if isinstance(compiled, dict) and compiled.get("optimizer"):
        training = {**compiled, "optimizer_config": compiled["optimizer"]}
        config["compile_config"] = compile_arguments(training)
    return config


def _plain(value: Any) -> Any:
    """Tuples and shapes, which Keras 2 wrote as dictionaries, as lists."""
    if isinstance(value, dict):
        if value.get("class_name") in ("__tuple__", "TensorShape") and "items" in value:
            return [_plain(item) for item in value["items"] or ()]
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _inner(value: Any) -> Any:
    """An argument that is a layer, or a list of them, translated."""
    if isinstance(value, dict) and isinstance(value.get("config"), dict):
        known = value.get("class_name") in get_family("layers").classes or value.get("class_name") in MODELS
        named = get_family("initializers").classes.get(str(value.get("class_name")))
        if known and named is None:
            return _translated(value)
        if named is not None and "dtype" in value["config"]:  # what TensorFlow 1 wrote
            return {**value, "config": {key: item for key, item in value["config"].items() if key != "dtype"}}
        return value
    return [_inner(item) for item in value] if isinstance(value, list) else value


def _model(config: Any) -> dict[str, Any]:
    if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
        raise ValueError("The config of a model must hold a list of layers.")
    old = config["layers"]
    layers = [_translated(layer) for layer in old]
    if "input_layers" not in config:
        first = old[0]["config"] if old and isinstance(old[0].get("config"), dict) else {}
        if layers and layers[0]["class_name"] != "InputLayer" and first.get("batch_input_shape"):
            shape = {"batch_shape": first["batch_input_shape"], "dtype": layers[0]["config"].get("dtype")}
            shape["dtype"] = shape["dtype"] if isinstance(shape["dtype"], str) else None
            layers.insert(0, {"class_name": "InputLayer", "config": {**shape, "name": f"{first.get('name')}_input"}})
        return {**config, "layers": layers}
    first_calls = {_name(layer): _first_call(layer) for layer in layers}
    as_lists = any(isinstance(node, list) for layer in layers for node in layer.get("inbound_nodes", ()))
    for layer in layers:
        layer["inbound_nodes"] = [_call(node, layer, first_calls) for node in layer.get("inbound_nodes", ())]
    if as_lists:
        for key in ("input_layers", "output_layers"):
            config = {**config, key: _renumbered(config[key], first_calls)}
    return {**config, "layers": layers}


def _first_call(layer: dict[str, Any]) -> int:
    """Which number Keras 2 gives to the first call of a layer: models that begin with an InputLayer were called once before."""
    inside = layer["config"].get("layers") if layer["class_name"] in MODELS else None
    return int(bool(inside) and inside[0]["class_name"] == "InputLayer")


def _renumbered(entry: Any, first_calls: dict[Any, int]) -> Any:
    """A history [name, call, output], or a structure of them, with calls that count from zero."""
    if isinstance(entry, list) and len(entry) >= 3 and isinstance(entry[0], str) and entry[0] in first_calls:
        return [entry[0], entry[1] - first_calls[entry[0]], *entry[2:]]
    if isinstance(entry, list):
        return [_renumbered(item, first_calls) for item in entry]
    return {key: _renumbered(item, first_calls) for key, item in entry.items()} if isinstance(entry, dict) else entry


def _name(layer: dict[str, Any]) -> Any:
    return layer.get("name") or layer["config"].get("name")


def _without_gone(cls: type, config: dict[str, Any], what: str) -> dict[str, Any]:
    """The arguments without those that a class no longer takes.

    Raises:
        ValueError: where one of them would change the numbers.
    """
    known: set[str] = set()
    for base in cls.__mro__:
        parameters = inspect.signature(base.__init__).parameters
        known |= set(parameters)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            break  # nothing is handed on to the next base
    kept = {}
    for key, value in config.items():
        if key in GONE and key not in known:
            if not GONE[key](value):
                raise ValueError(f"{what} was saved with {key}={value!r}, which does not exist here any more.")
        else:
            kept[key] = value
    return kept


def _lambda(config: dict[str, Any]) -> dict[str, Any]:
    if isinstance(config.get("function"), list) or config.get("function_type") == "lambda":
        raise ValueError(
            f"The Lambda layer {config.get('name')!r} holds the code of a Python lambda. A file is data, never code, so it is "
            "not run. Make the model anew with a named function under @hornbook.saving.register_keras_serializable(), and "
            "load the weights alone: model.load_weights(path)."
        )
    return {key: value for key, value in config.items() if key not in _LAMBDA_NOTES}


# -------------------------------------------------------------------------------------------------- operations, calls
def _is_op(config: dict[str, Any]) -> bool:
    """Whether this is an op of Keras 3 in one of its `.h5` files: a layer would say whether it is trainable."""
    return find(config["class_name"]) is not None and "trainable" not in config["config"] and "module" not in config


_OPERATORS = {"add": "add", "eq": "equal", "ne": "not_equal"}


def _operation(config: dict[str, Any]) -> dict[str, Any]:
    """A function of TensorFlow that stood in a model: one of its functions of numbers, or an op.

    Raises:
        ValueError: for another function.
    """
    name, function = config["config"].get("name"), str(config["config"].get("function", ""))
    kept = {key: config[key] for key in ("name", "inbound_nodes") if key in config}
    if config["class_name"] == "SlicingOpLambda" and function.endswith("getitem"):
        op = {"module": "keras.src.ops.numpy", "class_name": "GetItem", "config": {"name": name}}
        return {**op, "registered_name": None, **kept}
    head, _, last = function.rpartition(".")
    if head == "__operators__" and last in _OPERATORS:
        op = {"module": "keras.src.ops.numpy", "class_name": _OPERATORS[last], "config": {"name": name}}
        return {**op, "registered_name": None, **kept}
    public = f"tf.{function.removeprefix('compat.v1.')}"
    if public not in backend.raw_functions():
        raise ValueError(
            f"Layer {name!r} calls TensorFlow's {function!r}, which is not among the functions that may stand in a model here."
        )
    raw = {"function": public, "name": str(name).replace("/", "_")}
    return {"module": RAW, "class_name": "RawOperation", "config": raw, "registered_name": None, **kept}


def _symbol(entry: list) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": entry[:3]}}


def _call(node: Any, layer: dict[str, Any], first_calls: dict[Any, int]) -> dict[str, Any]:
    """One call of a layer as {"args": [...], "kwargs": {...}}."""
    if isinstance(node, dict) and "args" in node:
        return node
    if not isinstance(node, list) or not node:
        raise ValueError(f"Layer {_name(layer)!r} was called in a way that is not read from Keras 2's files: {node!r}.")
    node = _renumbered(node, first_calls)
    entries = [node] if isinstance(node[0], str) else node

    def filled(value: Any) -> Any:
        if isinstance(value, list):
            if len(value) == 3 and isinstance(value[0], str) and value[0] in first_calls:
                return _symbol(_renumbered(value, first_calls))
            return [filled(item) for item in value]
        return {key: filled(item) for key, item in value.items()} if isinstance(value, dict) else value

    args = [entry[2] if entry[0] == "_CONSTANT_VALUE" else _symbol(entry) for entry in entries]
    kwargs = filled(entries[0][3]) if len(entries[0]) > 3 else {}
    if layer.get("module") == RAW or layer["class_name"] in ("GetItem", *_OPERATORS.values()):
        kwargs.pop("name", None)
    if layer["class_name"] == "GetItem":
        return {"args": [args[0], [_slice(part) for part in kwargs["slice_spec"]]], "kwargs": {}}
    if layer["class_name"] in _OPERATORS.values():
        args, kwargs = [args[0], kwargs["y"]], {}
    together = len(args) > 1 and layer["class_name"] not in _OPERATORS.values()
    given = {"given": ["training"]} if kwargs.get("training") is not None else {}
    return {"args": [args] if together else args, "kwargs": kwargs, **given}


def _slice(part: Any) -> Any:
    if isinstance(part, dict) and "start" in part:
        return {"class_name": "__slice__", "config": part}
    ellipsis = part == "..." or (isinstance(part, dict) and part.get("class_name") == "__ellipsis__")
    return {"class_name": "__ellipsis__", "config": {}} if ellipsis else part


# ------------------------------------------------------------------------------------------------------ compile()
_REDUCTIONS = {"reduction": {"auto": "sum_over_batch_size"}}


def compile_arguments(training: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `compile` from the training config of a file, as Keras 3 writes them.

    >>> from hornbook.models.keras2 import compile_arguments
    >>> old = {"loss": "mse", "metrics": [["mae"]], "optimizer_config": {"class_name": "SGD", "config": {"lr": 0.1}}}
    >>> compile_arguments(old)["optimizer"]["config"]
    {'learning_rate': 0.1}
    """
    training = _plain(training)
    arguments = {
        "optimizer": _optimizer(training["optimizer_config"]),
        "loss": _each(training.get("loss"), "losses", _REDUCTIONS),
    }
    for key in ("metrics", "weighted_metrics"):
        found = _each(training.get(key), "metrics", {})
        alone = isinstance(found, list) and len(found) == 1 and isinstance(found[0], list)  # a list for the only output
        arguments[key] = found[0] if alone else found
    weights = training.get("loss_weights")
    return {**arguments, "loss_weights": weights if weights else None}


def _optimizer(config: dict[str, Any]) -> dict[str, Any]:
    name = str(config["class_name"])
    short = name.removeprefix("Custom>")
    inner = dict(config["config"])
    family = get_family("optimizers")
    if get_registered_object(name) is not None or short not in family.classes:
        return {**config, "registered_name": name}
    if "lr" in inner:
        inner["learning_rate"] = inner.pop("lr")
    if "inner_optimizer" in inner:
        inner["inner_optimizer"] = _optimizer(inner["inner_optimizer"])
    rate = inner.get("learning_rate")
    if isinstance(rate, dict) and "module" not in rate:
        inner["learning_rate"] = rate = {"module": "keras.optimizers.schedules", **rate}
    decay = inner.pop("decay", 0.0)
    if decay and not isinstance(rate, dict):  # rate / (1 + decay * step)
        schedule = {"initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay}
        inner["learning_rate"] = {
            "module": "keras.optimizers.schedules",
            "class_name": "InverseTimeDecay",
            "config": schedule,
        }
    inner = _without_gone(family.classes[short], inner, f"The optimizer {short}")
    return {"module": "keras.optimizers", "class_name": short, "config": inner, "registered_name": None}


def _each(config: Any, namespace: str, renamed: dict[str, dict]) -> Any:
    """Every object of a nested structure with its module; `renamed` says which values have other names now."""
    if isinstance(config, list):
        return [_each(item, namespace, renamed) for item in config]
    if not isinstance(config, dict):
        return config
    if "class_name" not in config:
        return {key: _each(item, namespace, renamed) for key, item in config.items()}
    family = get_family(namespace)
    name, inner = config["class_name"], dict(config.get("config") or {})
    if name == "MeanMetricWrapper" and isinstance(inner.get("fn"), str):
        found = family.classes.get("".join(part.capitalize() for part in inner["fn"].split("_")))
        if found is not None:
            name = found.__name__
    if name not in family.classes or get_registered_object(name) is not None:
        return config
    inner.pop("fn", None)
    inner = {
        key: renamed.get(key, {}).get(value, value) if isinstance(value, str) else value for key, value in inner.items()
    }
    inner = _without_gone(family.classes[name], inner, f"{name} in the {namespace}")
    return {"module": family.module, "class_name": name, "config": inner, "registered_name": None}


# -------------------------------------------------------------------------------------------------------- the reverse
def older(config: Any) -> Any:
    """A config of Keras 3 as its `.h5` files have it: the registered name of a class, or its own, and no module.

    Layers of a model are written so, models inside models too; what stands in their arguments keeps its modules.
    """
    if isinstance(config, list | tuple):
        return [older(item) for item in config]
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or "config" not in config:
        return {key: older(item) for key, item in config.items()}
    if config["class_name"] == "function":
        return config["config"]
    if config.get("module") == RAW:
        return config
    kept = {key: config[key] for key in ("name", "inbound_nodes") if key in config}
    is_op = str(config.get("module", "")).startswith("keras.src.ops.")
    name = config["class_name"] if is_op else config.get("registered_name") or config["class_name"]
    cls = get_family("layers").classes.get(name)
    inner = config["config"]
    if isinstance(inner, dict) and isinstance(inner.get("layers"), list) and name in MODELS:
        inner = {**inner, "layers": [older(layer) for layer in inner["layers"]]}
    return {"class_name": name if cls is None else vars(cls).get("_called", name), "config": inner, **kept}
