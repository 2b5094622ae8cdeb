"""A TensorFlow.js layers model: the layers with their settings, as Keras 2 wrote them, which JavaScript can train on."""

import inspect
from typing import Any

import numpy as np

from hornbook.export.tfjs import write_files
from hornbook.models import Functional, Sequential

_INSTEAD = "format='tfjs_graph_model' takes any model."
_EVERY_CONVOLUTION = "filters kernel_size strides padding data_format dilation_rate activation use_bias"
_POOL = "pool_size strides padding data_format"
_RECURRENT = "units activation recurrent_activation use_bias return_sequences return_state go_backwards stateful unroll"
# The settings of each layer that tfjs-layers 4.22 reads. What is not here must stand as a layer has it by itself.
LAYERS = {
    "InputLayer": "",
    "Activation": "activation",
    "Add": "",
    "Average": "",
    "AveragePooling1D": _POOL,
    "AveragePooling2D": _POOL,
    "AveragePooling3D": _POOL,
    "BatchNormalization": "axis momentum epsilon center scale",
    "Concatenate": "axis",
    "Conv1D": _EVERY_CONVOLUTION,
    "Conv2D": _EVERY_CONVOLUTION,
    "Conv2DTranspose": "filters kernel_size strides padding data_format activation use_bias",
    "Conv3D": _EVERY_CONVOLUTION,
    "Cropping2D": "cropping data_format",
    "Dense": "units activation use_bias",
    "DepthwiseConv2D": "kernel_size strides padding depth_multiplier data_format dilation_rate activation use_bias",
    "Dropout": "rate noise_shape",
    "ELU": "alpha",
    "Embedding": "input_dim output_dim mask_zero",
    "Flatten": "",
    "GRU": _RECURRENT + " reset_after",
    "GaussianDropout": "rate",
    "GaussianNoise": "stddev",
    "GlobalAveragePooling1D": "",
    "GlobalAveragePooling2D": "data_format",
    "GlobalMaxPooling1D": "",
    "GlobalMaxPooling2D": "data_format",
    "LSTM": _RECURRENT + " unit_forget_bias",
    "LayerNormalization": "axis epsilon center scale",
    "LeakyReLU": "negative_slope",
    "Masking": "mask_value",
    "MaxPooling1D": _POOL,
    "MaxPooling2D": _POOL,
    "MaxPooling3D": _POOL,
    "Maximum": "",
    "Minimum": "",
    "Multiply": "",
    "PReLU": "shared_axes",
    "Permute": "dims",
    "ReLU": "max_value",
    "RepeatVector": "n",
    "Rescaling": "scale offset",
    "Reshape": "target_shape",
    "SeparableConv2D": "filters kernel_size strides padding depth_multiplier data_format dilation_rate activation use_bias",
    "SimpleRNN": "units activation use_bias return_sequences return_state go_backwards stateful unroll",
    "Softmax": "axis",
    "SpatialDropout1D": "rate",
    "UpSampling2D": "size data_format interpolation",
    "ZeroPadding2D": "padding data_format",
}
# What a layer must be told where its setting here means nothing else there.
RENAMED = {("LeakyReLU", "negative_slope"): "alpha"}
WEIGHTS = {("DepthwiseConv2D", "kernel"): "depthwise_kernel"}
# Names of activations here and there. Keras 2's hard_sigmoid is another function, so it is not among them.
ACTIVATIONS = {name: name for name in "elu gelu linear log_softmax mish relu relu6 selu sigmoid softmax".split()}
ACTIVATIONS |= {name: name for name in "softplus softsign swish tanh".split()} | {"silu": "swish"}
# Settings that mean something only while weights are made, or for the layer in Python.
_UNIMPORTANT = {"name", "trainable", "dtype", "seed", "synchronized", "unroll", "data_format"}
_UNIMPORTANT_ENDINGS = ("_initializer", "_regularizer", "_constraint", "dropout", "_momentum")


def write_layers_model(model: Any, folder: str) -> None:
    """Write a layers model; `await tf.loadLayersModel(url)` has `predict`, `fit` and `summary`.

    Initializers, regularizers and constraints are left behind: the weights are there.

    Args:
        model: a built Sequential or Functional model of layers that TensorFlow.js has.
        folder: where the files go.

    Raises:
        ValueError: for another kind of model, and for a layer or setting that TensorFlow.js does not have.
    """
    functional = model._functional if isinstance(model, Sequential) else model
    if not isinstance(functional, Functional):
        raise ValueError(
            f"A layers model of TensorFlow.js is a Sequential or Functional model, got {type(model).__name__} "
            f"{model.name!r}. {_INSTEAD}"
        )
    config = functional.get_config()
    layers, known = [], {layer.name: layer for layer in functional.layers}
    for entry in config["layers"]:
        name = entry["name"]
        if name not in known:
            raise ValueError(f"A layers model of TensorFlow.js is made of layers; {name!r} is an operation. {_INSTEAD}")
        layers.append(
            {
                "class_name": entry["class_name"],
                "name": name,
                "config": _config(known[name], entry["class_name"], entry["config"]),
                "inbound_nodes": [_node(name, node) for node in entry["inbound_nodes"]],
            }
        )
    topology = {
        "keras_version": "2.15.0",
        "backend": "tensorflow",
        "model_config": {
            "class_name": "Functional",
            "config": {
                "name": model.name,
                "layers": layers,
                "input_layers": _ends(config["input_layers"]),
                "output_layers": _ends(config["output_layers"]),
            },
        },
    }
    weights = {}
    for layer in functional.layers:
        for variable in layer.weights:
            key = (type(layer).__name__, variable.name)
            weights[f"{layer.name}/{WEIGHTS.get(key, variable.name)}"] = np.asarray(variable.numpy())
    write_files(folder, "layers-model", topology, weights)


def _config(layer: Any, class_name: str, config: dict) -> dict:
    """The settings of a layer as TensorFlow.js reads them."""
    if class_name not in LAYERS or type(layer).__module__.split(".")[0] != "hornbook":
        raise _refuse(layer, f"there is no such layer as {class_name}")
    if class_name == "InputLayer":
        return {"name": layer.name, "batch_input_shape": config["batch_shape"], "dtype": config["dtype"]}
    kept = LAYERS[class_name].split()
    result = {"name": layer.name, "trainable": config.get("trainable", True), "dtype": "float32"}
    parameters = inspect.signature(type(layer).__init__).parameters
    for key, value in config.items():
        if key in kept:
            result[str(RENAMED.get((class_name, key), key))] = _value(layer, key, value)
        elif key not in _UNIMPORTANT and not key.endswith(_UNIMPORTANT_ENDINGS):
            as_by_default = value == parameters[key].default if key in parameters else value in (None, False)
            if not as_by_default:
                raise _refuse(layer, f"{class_name} has no setting {key!r}, which is {value!r} here")
    if result.get("data_format", "channels_last") != "channels_last" or config.get("data_format") == "channels_first":
        raise _refuse(layer, "channels are the last axis on a CPU")
    if result.get("reset_after"):
        raise _refuse(layer, "a GRU has reset_after=False")
    return result


def _value(layer: Any, key: str, value: Any) -> Any:
    if not key.endswith("activation"):
        return value
    if value is None:
        return "linear"
    if not isinstance(value, str) or value not in ACTIVATIONS:
        raise _refuse(layer, f"there is no activation {value!r}")
    return ACTIVATIONS[value]


def _node(name: str, node: dict) -> list:
    """One call of a layer: [[layer, node, tensor, {}] for each input]."""
    given = [value for key, value in node["kwargs"].items() if key not in ("training", "mask") and value is not None]
    if len(node["args"]) != 1 or given:
        raise ValueError(
            f"A layers model of TensorFlow.js cannot carry layer {name!r}: a layer is called with its inputs alone "
            f"there. {_INSTEAD}"
        )
    first = node["args"][0]
    tensors = first if isinstance(first, list) else [first]
    return [[*tensor["config"]["keras_history"], {}] for tensor in tensors]


def _ends(histories: Any) -> list:
    """[[layer, node, tensor], ...] of the inputs or outputs, which may be nested."""
    if isinstance(histories, dict):
        return [end for value in histories.values() for end in _ends(value)]
    if len(histories) == 3 and isinstance(histories[0], str):
        return [list(histories)]
    return [end for value in histories for end in _ends(value)]


def _refuse(layer: Any, reason: str) -> ValueError:
    return ValueError(f"A layers model of TensorFlow.js cannot carry layer {layer.name!r}: {reason} there. {_INSTEAD}")
