"""More rows of the corpus: whole `.h5` models, Keras 2's configs and SavedModels, weights in shards, `.npz` and safetensors."""

import base64
import contextlib
import functools
import io
import json
import marshal
import os
import struct
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
from corpus import (
    ATTACKS,
    HARMLESS,
    HUGE,
    attack,
    entry,
    good,
    hub_folder,
    load_model,
    load_weights,
    read_tensors,
    small_model,
)

CODE = base64.b64encode(marshal.dumps(compile("__import__('os').system('touch x')", "x", "eval"))).decode()


def load_model_uncompiled(path):
    import hornbook as keras

    return keras.saving.load_model(path, compile=False)


# ------------------------------------------------------------------------------------------- a model as Keras 2 wrote it
def older_config():
    """model_config and training_config of `small_model`, in the words of Keras 2."""
    plain = {"trainable": True, "dtype": "float32"}
    zeros, glorot = {"class_name": "Zeros", "config": {}}, {"class_name": "GlorotUniform", "config": {"seed": None}}
    dense = {
        **plain,
        "use_bias": True,
        "kernel_initializer": glorot,
        "bias_initializer": zeros,
        "kernel_regularizer": None,
    }
    layers = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 6], "dtype": "float32", "name": "input"}},
        {"class_name": "Dense", "config": {**dense, "name": "first", "units": 8, "activation": "relu"}},
        {"class_name": "BatchNormalization", "config": {**plain, "name": "norm", "axis": [1], "momentum": 0.99}},
        {"class_name": "Dense", "config": {**dense, "name": "last", "units": 3, "activation": "softmax"}},
    ]
    adam = {"name": "Adam", "learning_rate": 0.001, "decay": 0.0, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-07}
    training = {
        **{"loss": "sparse_categorical_crossentropy", "metrics": [["accuracy"]], "weighted_metrics": None},
        **{"loss_weights": None, "optimizer_config": {"class_name": "Adam", "config": {**adam, "amsgrad": False}}},
    }
    return {"class_name": "Sequential", "config": {"name": "small", "layers": layers}}, training


cached_model = functools.cache(small_model)


def older_h5(path, model_config, training, change=lambda file: None):
    """A whole `.h5` model of Keras 2; the configs are dictionaries, or texts."""
    model = cached_model()
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = "2.15.0"
        for name, value in (("model_config", model_config), ("training_config", training)):
            if value is not None:
                file.attrs[name] = (value if isinstance(value, str) else json.dumps(value)).encode()
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = weights.create_group(layer.name)
            write_named(group, {f"{layer.name}/{w.name}:0": w.numpy() for w in _ordered(layer)})
        slots = {"Adam/iter:0": np.int64(3)}
        for kind in "mv":
            slots |= {f"Adam/{w.path}/{kind}:0": np.zeros(w.shape, "f4") for w in model.trainable_weights}
        write_named(file.create_group("optimizer_weights"), slots)
        change(file)


def _ordered(layer):
    return layer.trainable_weights + layer.non_trainable_weights


def write_named(group, arrays):
    group.attrs["weight_names"] = [name.encode() for name in arrays]
    for name, array in arrays.items():
        group[name] = array


@functools.cache
def older_weights():
    """The bytes of model.weights.h5 in a `.keras` file: Keras 2's tree is today's, for these layers."""
    with zipfile.ZipFile(io.BytesIO(good(".keras"))) as archive:
        return archive.read("model.weights.h5")


def older_keras(path, model_config, training):
    """A `.keras` file of Keras 2."""
    text = model_config
    if not isinstance(text, str):
        whole = model_config
        if isinstance(training, dict) and isinstance(whole, dict):
            compiled = {key: value for key, value in training.items() if key != "optimizer_config"}
            whole = {**whole, "compile_config": {**compiled, "optimizer": training.get("optimizer_config")}}
        text = json.dumps(whole)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", text)
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.15.0"}))
        archive.writestr("model.weights.h5", older_weights())


@functools.cache
def checkpoint():
    """The files of a checkpoint of `small_model`, as a SavedModel of Keras 2 has them."""
    import tensorflow as tf

    variables = [tf.Variable(w.numpy()) for layer in small_model().layers for w in _ordered(layer)]
    with tempfile.TemporaryDirectory() as folder:
        tf.train.Checkpoint(variables=variables).write(f"{folder}/variables")
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def field(number, content):
    """A field of a protocol buffer."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value):
    data = bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    return bytes([*data, value])


def older_saved_model(path, model_config, training, metadata=None, files=None):
    """A SavedModel of Keras 2: `keras_metadata.pb`, and a checkpoint."""
    if metadata is None:
        text = model_config
        if not isinstance(text, str):
            text = json.dumps({"model_config": model_config, "training_config": training})
        metadata = field(1, field(3, b"root") + field(5, text.encode()))
    (path / "variables").mkdir(parents=True)
    (path / "saved_model.pb").write_bytes(b"")
    (path / "keras_metadata.pb").write_bytes(metadata)
    for name, data in (checkpoint() if files is None else files).items():
        (path / "variables" / name).write_bytes(data)


WRITERS = {"older.h5": older_h5, "older.keras": older_keras, "saved": older_saved_model}


def in_older(name, change, why, formats=tuple(WRITERS), opens=load_model):
    """A change to the configs (model_config, training_config, folder), in each format that holds them.

    The change gives (model_config, training_config), either of which may be a text, or None for what it changed in place.
    """
    for kind in formats:

        def make(folder, kind=kind):
            model, training = older_config()
            model, training = change(model, training, folder) or (model, training)
            WRITERS[kind](folder / kind, model, training)
            return folder / kind

        ATTACKS.append((f"{kind}: {name}", make, opens, why))


def layer_with(**entries):
    def change(model, training, folder):
        model["config"]["layers"][1].update(entries)

    return change


def option(argument, value, layer=1):
    def change(model, training, folder):
        model["config"]["layers"][layer]["config"][argument] = filled(value, folder)

    return change


def laughing(layer, calls, depth):
    """Models inside of models, each called several times: 2^depth calls from a config of a few thousand letters."""

    def change(model, training, folder):
        inner, name = layer, layer["config"]["name"]
        for level in range(depth):
            first = {"class_name": "InputLayer", "name": f"i{level}", "inbound_nodes": []}
            shape = [None, None if level < depth - 1 else 2**22, 3]  # so that each call is of another shape
            first["config"] = {"batch_input_shape": shape, "dtype": "float32", "name": f"i{level}"}
            before = int(level > 0)  # Keras 2 counts the call that made a model
            nodes = [[[f"i{level}", 0, 0, {}]], *[[[name, before + n, 0, {}]] for n in range(calls - 1)]]
            config = {"name": f"m{level}", "layers": [first, {**inner, "name": name, "inbound_nodes": nodes}]}
            config |= {"input_layers": [[f"i{level}", 0, 0]], "output_layers": [[name, before + calls - 1, 0]]}
            inner, name = {"class_name": "Functional", "config": config}, f"m{level}"
        return inner, None

    return change


def filled(value, folder):
    return json.loads(json.dumps(value).replace("CANARY", str(folder / "canary")))


def another(class_name, config, **entries):
    def change(model, training, folder):
        inner = {"name": "first", "trainable": True, "dtype": "float32", **filled(config, folder)}
        model["config"]["layers"][1] = {"class_name": class_name, "config": inner, **entries}

    return change


def trained(argument, value):
    def change(model, training, folder):
        training[argument] = value

    return change


H5 = ("older.h5",)
LAMBDA_2 = {"function": [CODE, None, None], "function_type": "lambda", "arguments": {}}
CODED = {"class_name": "__lambda__", "config": {"code": CODE, "defaults": None, "closure": None}}
NO_MODEL = "does not describe|describes|neither built|Unknown|must be|must hold|xpected|do not make sense"

in_older("a Lambda with its code", another("Lambda", LAMBDA_2), "code of a Python lambda")
in_older("a Lambda with its code, compile=False", another("Lambda", LAMBDA_2), "code", opens=load_model_uncompiled)
in_older(
    "a Lambda with code for its output's shape",
    another(
        "Lambda",
        {
            "function": "relu",
            **{"function_type": "function", "output_shape": [CODE, None, None], "output_shape_type": "lambda"},
        },
    ),
    "code|" + NO_MODEL,
)
in_older(
    "a Lambda with code as bytes",
    another("Lambda", {"function": {"class_name": "__bytes__", "config": {"value": CODE}}, "function_type": "lambda"}),
    "code|" + NO_MODEL,
)
in_older("a Lambda with code that is not said to be any", another("Lambda", {"function": [CODE, None, None]}), "code")
in_older("a Lambda with today's code", another("Lambda", {"function": CODED, "function_type": "function"}), "code")
for function, module in (("system", "os"), ("os.system", None), ("eval", "builtins"), ("py_function", "tensorflow"), (
    "enable_unsafe_deserialization", "keras.config"), ("get_file", "keras.utils"), ("<lambda>", "__main__")):  # fmt: skip
    in_older(
        f"a Lambda that names {module}.{function}",
        another("Lambda", {"function": function, "function_type": "function", "module": module}),
        NO_MODEL,
        H5,
    )
in_older(
    "a Lambda in a Sequential in a TimeDistributed",
    another(
        "TimeDistributed",
        {
            "layer": {
                "class_name": "Sequential",
                "config": {"layers": [{"class_name": "Lambda", "config": {"name": "x", **LAMBDA_2}}]},
            }
        },
    ),
    "code",
)
in_older(
    "a Lambda in a Bidirectional",
    another("Bidirectional", {"layer": {"class_name": "Lambda", "config": {"name": "x", **LAMBDA_2}}}),
    "code",
    H5,
)
for argument in (
    "activation",
    "kernel_initializer",
    "kernel_regularizer",
    "bias_constraint",
    "activity_regularizer",
    "units",
):
    in_older(f"code as {argument}", option(argument, [CODE, None, None]), "code|" + NO_MODEL)
    in_older(f"a __lambda__ as {argument}", option(argument, CODED), "code|" + NO_MODEL, H5)
    in_older(
        f"os.system as {argument}", option(argument, {"class_name": "system", "module": "os", "config": {}}), NO_MODEL
    )
    in_older(f"'os.system' as {argument}", option(argument, "os.system"), NO_MODEL, H5)
for argument in ("loss", "metrics", "weighted_metrics", "loss_weights", "optimizer_config"):
    in_older(f"code as {argument}", trained(argument, [CODE, None, None]), "code|" + NO_MODEL)
    in_older(f"a __lambda__ as {argument}", trained(argument, CODED), "code|" + NO_MODEL)
    in_older(
        f"os.system as {argument}", trained(argument, {"class_name": "system", "module": "os", "config": {}}), NO_MODEL
    )
    in_older(f"'os.system' as {argument}", trained(argument, "os.system"), NO_MODEL, H5)
in_older(
    "os.system as a wrapped metric",
    trained("metrics", [{"class_name": "MeanMetricWrapper", "config": {"name": "x", "fn": "os.system"}}]),
    NO_MODEL,
)
in_older(
    "code in a wrapped loss",
    trained("loss", {"class_name": "LossFunctionWrapper", "config": {"fn": [CODE, None, None]}}),
    "code|" + NO_MODEL,
)
in_older(
    "os.system as a schedule",
    trained(
        "optimizer_config",
        {"class_name": "Adam", "config": {"learning_rate": {"class_name": "system", "module": "os", "config": {}}}},
    ),
    NO_MODEL,
)
in_older(
    "os.system in a loss-scaling optimizer",
    trained(
        "optimizer_config",
        {"class_name": "LossScaleOptimizer", "config": {"inner_optimizer": {"class_name": "os.system", "config": {}}}},
    ),
    NO_MODEL,
)
for class_name, entries in (
    ("os.system", {}),
    ("system", {"module": "os"}),
    ("Popen", {"module": "subprocess", "registered_name": "subprocess.Popen"}),
    ("enable_unsafe_deserialization", {"module": "keras.config"}),
    ("Custom>os.system", {}),
    ("__class__", {}),
    ("function", {}),
    ("ModelCheckpoint", {"module": "keras.callbacks"}),
    ("TorchModuleWrapper", {"module": "keras.layers"}),
):
    in_older(f"the class {class_name}", another(class_name, {"units": 3}, **entries), NO_MODEL + "|backend")
in_older("TFSMLayer", another("TFSMLayer", {"filepath": "CANARY"}), "SavedModel")
in_older("a KerasLayer of TensorFlow Hub", another("KerasLayer", {"handle": "https://127.0.0.1/x"}), NO_MODEL)
for class_name in ("StringLookup", "IntegerLookup", "TextVectorization"):
    for place in ("CANARY", "http://169.254.169.254/latest/meta-data", "/etc/passwd"):
        in_older(
            f"CVE-2025-12058: {class_name} reads {place[:12]}",
            another(class_name, {"vocabulary": place}),
            "vocabulary",
            H5 if place != "CANARY" else tuple(WRITERS),
        )
for name in ("../../../x", "/tmp/x"):
    in_older(f"CVE-2026-12479: a layer called {name!r}", option("name", name), "name")


def calling(class_name, function, *constants, **kwargs):
    """A Functional model of Keras 2 with one operation of TensorFlow in it."""

    def change(model, training, folder):
        operation = {
            **{
                "class_name": class_name,
                "name": "op",
                "config": {"name": "op", "trainable": True, "function": function},
            },
            "inbound_nodes": [["input", 0, 0, filled(kwargs, folder)]],
        }
        first = {"class_name": "InputLayer", "name": "input", "inbound_nodes": []}
        first["config"] = {"batch_input_shape": [None, 6], "dtype": "float32", "name": "input"}
        config = {"name": "f", "layers": [first, operation], "input_layers": [["input", 0, 0]]}
        return {"class_name": "Functional", "config": {**config, "output_layers": [["op", 0, 0]]}}, training

    return change


for function in (
    *(
        "io.read_file",
        "io.write_file",
        "compat.v1.py_func",
        "py_function",
        "numpy_function",
        "saved_model.load",
        "os.system",
    ),
    *("__operators__.__class__", "math.__loader__", "function", "io.gfile.copy", "raw_ops.ReadFile", "load_library"),
):
    in_older(f"TensorFlow's {function}", calling("TFOpLambda", function), "among the functions|not read", H5)
in_older("a slice that is none", calling("SlicingOpLambda", "__operators__.getitem", slice_spec=7), NO_MODEL)
in_older("a slice without its places", calling("SlicingOpLambda", "__operators__.getitem"), NO_MODEL)
in_older("a fill of 4 TB", calling("TFOpLambda", "fill", dims=[10**6, 10**6], value=0.0), NO_MODEL + "|fill|would take")
in_older("an operator without its other half", calling("TFOpLambda", "__operators__.add"), NO_MODEL)

# Numbers that ask for memory.
for what, change in {
    "a Dense of 4 TB": option("units", 10**11),
    "a size of 2^63": option("units", 2**63),
    "a negative size": option("units", -5),
    "an Embedding of 4 PB": another("Embedding", {"input_dim": HUGE, "output_dim": 10**6, "input_length": 6}),
    "a convolution of 2 TB": another("Conv1D", {"filters": HUGE, "kernel_size": [500]}),
    "an LSTM of 4 EB": another("LSTM", {"units": 10**9}),
    "a vocabulary with 10^10 unknowns": another("StringLookup", {"vocabulary": ["a"], "num_oov_indices": 10**10}),
    "a Hashing with 10^18 bins, one by one": another("CategoryEncoding", {"num_tokens": 10**18}),
    "an input of 10^12 numbers": option("batch_input_shape", [None, 10**12], layer=0),
    "an input of 5,000 axes": option("batch_input_shape", [None] + [2**62] * 5_000, layer=0),
    "a Reshape to 50,000 axes": another("Reshape", {"target_shape": [2**62] * 50_000}),
    "a metric of 4 TB": trained("metrics", [{"class_name": "MeanIoU", "config": {"num_classes": 10**6}}]),
    "a metric with 10^9 thresholds": trained("metrics", [{"class_name": "AUC", "config": {"num_thresholds": 10**12}}]),
    "a weighted metric of 4 TB": trained(
        "weighted_metrics", [{"class_name": "MeanIoU", "config": {"num_classes": 10**6}}]
    ),
    **{
        f"{arguments} for {name}": trained(
            "metrics", [{"class_name": name, "config": {**arguments, "num_thresholds": 10**9}}]
        )
        for name, arguments in (
            ("PrecisionAtRecall", {"recall": 0.5}),
            ("SensitivityAtSpecificity", {"specificity": 0.5}),
        )
    },
    "a spectrogram of 10^12 numbers": another("STFTSpectrogram", {"frame_length": 10**12, "fft_length": 10**12}),
    "a spectrogram of 10^12 bins": another("MelSpectrogram", {"num_mel_bins": 10**12, "fft_length": 2**40}),
    "10^12 bins": another("Discretization", {"num_bins": 10**12}),
    "10^12 heads": another("MultiHeadAttention", {"num_heads": 10**6, "key_dim": 10**6}),
    "10^9 crosses": another("HashedCrossing", {"num_bins": 10**12, "output_mode": "one_hot"}),
    "a repetition of 10^12": another("RepeatVector", {"n": 10**12}),
    "a padding of 10^12": another("ZeroPadding1D", {"padding": 10**12}),
    "an upsampling of 10^12": another("UpSampling1D", {"size": 10**12}),
    "a seed of 30 digits": option("kernel_initializer", {"class_name": "GlorotUniform", "config": {"seed": 10**19}}),
}.items():
    in_older(what, change, NO_MODEL + "|would take|do not fit|holds|negative|positive|axes|Reshape|axis|unknown")


for what, layer in (
    ("a layer", {"class_name": "Activation", "config": {"name": "a", "activation": "relu"}}),
    ("a layer that crops", {"class_name": "Cropping1D", "config": {"name": "a", "cropping": [1, 0]}}),
    ("a Lambda", {"class_name": "Lambda", "config": {"name": "a", "function": "relu", "function_type": "function"}}),
):
    change = laughing(layer, 2, 18)
    in_older(f"2^18 calls of {what}, by models inside of models", change, "called more than|holds weights", H5)
for wrapper, argument in (("Bidirectional", "layer"), ("SpectralNormalization", "layer")):
    inside = {"class_name": "Dense", "config": {"name": "d", "trainable": True, "units": 2}}
    for level in range(24):
        inside = {"class_name": wrapper, "config": {"name": f"w{level}", "trainable": True, argument: inside}}
    in_older(f"24 {wrapper}s inside of each other", layer_with(**inside), NO_MODEL + "|called more|weights|RNN", H5)


# Shapes of the configs that are none.
def whole(value):
    return lambda model, training, folder: (value, training)


def model_entry(**entries):
    return lambda model, training, folder: model.update(entries)


for what, change in {
    "layers is null": model_entry(config={"layers": None}),
    "layers is a number": model_entry(config={"layers": 7}),
    "layers of nothing": model_entry(config={"layers": [None, 3, "x", []]}),
    "the config is null": model_entry(config=None),
    "the config is a list": model_entry(config=[1, 2]),
    "the class name is a list": model_entry(class_name=["Sequential"]),
    "no class name": lambda model, training, folder: model.pop("class_name") and None,
    "a layer's config is a list": layer_with(config=[1, 2]),
    "a layer's config is a text": layer_with(config="x"),
    "a layer's class name is a dictionary": layer_with(class_name={"a": 1}),
    "calls that are numbers": model_entry(class_name="Functional", config={"layers": [
        {"class_name": "Dense", "name": "d", "config": {"units": 3}, "inbound_nodes": [7]}],
        "input_layers": [["d", 0, 0]], "output_layers": [["d", 0, 0]]}),
    "calls without inputs": model_entry(class_name="Functional", config={"layers": [
        {"class_name": "Dense", "name": "d", "config": {"units": 3}, "inbound_nodes": [[[]]]}],
        "input_layers": [["d", 0, 0]], "output_layers": [["d", 0, 0]]}),
    "calls that go round": model_entry(class_name="Functional", config={"layers": [
        {"class_name": "Dense", "name": "d", "config": {"name": "d", "units": 3}, "inbound_nodes": [[["d", 0, 0, {}]]]}],
        "input_layers": [["d", 0, 0]], "output_layers": [["d", 0, 0]]}),
    "a shape of truths": option("batch_input_shape", [None, True, "x"], layer=0),
    "a shape that is a text": option("batch_input_shape", "abc", layer=0),
    "tuples of a number": option("units", {"class_name": "__tuple__", "items": 7}),
    "a list": whole([1, 2]),
    "a text": whole('"Sequential"'),
    "a number": whole("7"),
}.items():  # fmt: skip
    in_older(
        what, change, NO_MODEL + "|layers|config|class|not read|no dictionary|InputLayer|say what the model is|not fit"
    )
for what, value in {
    **{"the optimizer is a number": {"optimizer_config": 7}, "an optimizer without a class": {"optimizer_config": {"a": 1}}},
    **{"an optimizer's config is a list": {"optimizer_config": {"class_name": "Adam", "config": [1]}}},
    "an optimizer's rate is a list": {"optimizer_config": {"class_name": "Adam", "config": {"learning_rate": [1, 2]}}},
    "an optimizer's rate is a text": {"optimizer_config": {"class_name": "Adam", "config": {"learning_rate": "x"}}},
    "an optimizer's argument that nobody has": {"optimizer_config": {"class_name": "Adam", "config": {"trust": True}}},
    **{"losses of lists of lists": {"loss": [[[[]]], 3]}},
    "a metric that is a number": {"metrics": [[[7]]]},
    "a metric's config is a list": {"metrics": [{"class_name": "MeanMetricWrapper", "config": [1, 2]}]},
    "a loss's reduction is a list": {"loss": {"class_name": "MeanSquaredError", "config": {"reduction": ["auto"]}}},
    "weights of losses that are texts": {"loss_weights": {"a": "x"}},
}.items():  # fmt: skip

    def change(model, training, folder, value=value):
        training.update(value)

    in_older(what, change, NO_MODEL + "|loss|metric|optimizer|learning_rate|reduction|class_name|compile")

in_older("no layers", model_entry(config={"layers": []}), "not fit|layers", ("older.h5", "saved"))
in_older("no layers and compile settings", model_entry(config={"layers": []}), HARMLESS, ("older.keras",))
in_older("a loss for an output that is not there", trained("loss", {"zz": "mse"}), HARMLESS, H5)  # an error of fit()
in_older("a metric that is an empty structure", trained("metrics", [{"config": {}}]), HARMLESS, H5)


# ------------------------------------------------------------------------------------------------------------------ JSON
DEEP = {"class_name": "Dense", "config": {"units": 1}}
for _ in range(60):
    DEEP = {"class_name": "Sequential", "config": {"layers": [DEEP]}}
LONG = {"class_name": "Dense", "config": {"name": "x", "units": [0] * 400_000}}
for _ in range(25):
    LONG = {"class_name": "Sequential", "config": {"layers": [LONG]}}
NESTED = {"class_name": "Sequential", "config": {"name": "n", "layers": [DEEP]}}

for what, text, why in (
    ("100,000 brackets", "[" * 100_000, "deeper"),
    ("models 60 deep", json.dumps(DEEP), "deeper"),
    ("models 25 deep around a long list", json.dumps(LONG), NO_MODEL + "|do not fit|holds"),
    ("NaN", '{"class_name": "Sequential", "config": {"layers": [NaN]}}', "NaN"),
    ("1e999", '{"class_name": "Sequential", "config": {"layers": [1e999]}}', "1e999"),
    ("a key twice", '{"class_name": "Sequential", "class_name": "Model", "config": {"layers": []}}', "twice"),
    ("a number of 5,000 digits", '{"class_name": "Sequential", "config": {"layers": [' + "9" * 5000 + "]}}", "digits"),
    ("cut off", '{"class_name": "Sequential", "conf', "JSON"),
    ("empty", "", "JSON|dictionary|say what the model"),
    ("a pickle", "\\x80\\x04cos\\nsystem\\n", "JSON"),
):

    def as_model(model, training, folder, text=text):
        return text, training

    def as_training(model, training, folder, text=text):
        return model, text

    in_older(f"JSON: {what}", as_model, why)
    if "models" not in what:
        in_older(f"JSON: {what}, in training_config", as_training, why, H5)


# --------------------------------------------------------------------------------------------- the parts of an `.h5` model
def in_h5(name, why, opens=load_model):
    def note(change):
        def make(folder):
            older_h5(folder / "attack.h5", *older_config(), lambda file: change(file, folder / "canary"))
            return folder / "attack.h5"

        ATTACKS.append((f"whole .h5: {name}", make, opens, why))
        return change

    return note


def names_of(group, names, attribute="weight_names"):
    return lambda file, canary: file[group].attrs.__setitem__(attribute, names)


def put(place, make):
    def change(file, canary):
        del file[place]
        group, _, name = place.rpartition("/")
        make(file[group] if group else file, name, canary)

    return change


in_h5("layers by names that lead out", "does not hold")(
    names_of("model_weights", [b"../x", b"norm", b"last"], "layer_names")
)
in_h5("weights by names that lead out", "does not hold")(
    names_of("model_weights/first", [b"../norm/gamma:0", b"/model_weights/last/kernel:0"])
)
in_h5("weights by names that are paths", "does not hold")(names_of("model_weights/first", [b"/etc/passwd", b"C:\\x"]))
in_h5("a weight by two names", "twice")(names_of("model_weights/first", [b"first/kernel:0", b"first/kernel:0"]))
in_h5("names that are not text", "no text|names")(names_of("model_weights/first", [b"\xff\xfe", b"x"]))
in_h5("names that are numbers", "no text|names")(names_of("model_weights/first", np.array([3.0, 4.0])))
in_h5("no names", "holds weights of 2 layers")(
    lambda file, canary: file["model_weights/first"].attrs.__delitem__("weight_names")
)
in_h5("no layers", "holds weights of 0 layers")(
    lambda file, canary: file["model_weights"].attrs.__delitem__("layer_names")
)
in_h5("no weights at all", "neither")(lambda file, canary: file.__delitem__("model_weights"))
in_h5("a weight of another shape", "shape")(
    put("model_weights/first/first/kernel:0", lambda g, n, c: g.create_dataset(n, data=np.zeros((8, 6), "f4")))
)
in_h5("a weight of 4 TB, not stored", "shape|stores")(
    put("model_weights/first/first/kernel:0", lambda g, n, c: g.create_dataset(n, (10**6, 10**6), "f4"))
)
in_h5("a weight that is not stored", "stores")(
    put("model_weights/first/first/kernel:0", lambda g, n, c: g.create_dataset(n, (6, 8), "f4"))
)
in_h5("a weight in another file", "another file")(
    put(
        "model_weights/first/first/kernel:0",
        lambda g, n, c: g.create_dataset(n, (6, 8), "f4", external=[(str(c), 0, 4096)]),
    )
)
for what in ("model_weights", "model_weights/first", "optimizer_weights"):
    in_h5(f"an external link for {what}", "link")(
        put(what, lambda g, n, c: g.__setitem__(n, h5py.ExternalLink(str(c), "/")))
    )
    in_h5(f"a soft link for {what}", "link")(put(what, lambda g, n, c: g.__setitem__(n, h5py.SoftLink("/"))))
in_h5("text for the model's group", "no group")(
    put("model_weights", lambda g, n, c: g.create_dataset(n, data=np.ones(3)))
)
in_h5("text for the optimizer's group", "no group")(
    put("optimizer_weights", lambda g, n, c: g.create_dataset(n, data=np.ones(3)))
)
in_h5("optimizer's names that lead out", "does not hold")(names_of("optimizer_weights", [b"../model_weights/x", b"/y"]))
in_h5("an optimizer's weight by two names", "twice")(names_of("optimizer_weights", [b"Adam/iter:0", b"Adam/iter:0"]))
in_h5("an optimizer's number in another file", "another file")(
    put("optimizer_weights/Adam/iter:0", lambda g, n, c: g.create_dataset(n, (1,), "i8", external=[(str(c), 0, 8)]))
)
in_h5("an optimizer's number of 8 TB, not stored", HARMLESS)(  # left out, with a warning
    put("optimizer_weights/Adam/iter:0", lambda g, n, c: g.create_dataset(n, (10**6, 10**6), "i8"))
)
in_h5("an optimizer's number of texts", "not numbers")(
    put("optimizer_weights/Adam/iter:0", lambda g, n, c: g.create_dataset(n, data=np.array([b"abc"])))
)
in_h5("model_config that is a number", "no text")(lambda file, canary: file.attrs.__setitem__("model_config", 7))
in_h5("model_config that is a list of texts", "no text")(
    lambda file, canary: file.attrs.__setitem__("model_config", [b"{}", b"{}"])
)
in_h5("training_config that is a number", "no text")(lambda file, canary: file.attrs.__setitem__("training_config", 7))
in_h5("a pickle as names", "names|kind")(names_of("model_weights/first", np.void(b"\x80\x04cos\nsystem\n")))


@in_h5("10,000 times the same layer of 10,000 times the same weight", "twice")
def _(file, canary):
    file["model_weights"].attrs["layer_names"] = np.array([b"first"] * 10_000)
    file["model_weights/first"].attrs["weight_names"] = np.array([b"k"] * 50_000)


@in_h5("the same by other attributes", "twice")
def _(file, canary):
    for number in range(40):
        file["model_weights/first"].attrs[f"weight_names{number}"] = np.array([b"k"] * 50_000)
    del file["model_weights/first"].attrs["weight_names"]


# ------------------------------------------------------------------------------------------------- keras_metadata.pb
def metadata(name, data, why, **options):
    def make(folder):
        older_saved_model(folder / "saved", None, None, data, **options)
        return folder / "saved"

    ATTACKS.append((f"keras_metadata.pb: {name}", make, load_model, why))


def described(model=None, training=None):
    own, own_training = older_config()
    return json.dumps({"model_config": model or own, "training_config": training or own_training}).encode()


ROOT = field(3, b"root")
metadata("empty", b"", "say what the model is")
metadata("a text", b"not a protocol buffer", "damaged")
metadata("a number that has no end", b"\xff" * 1000, "64 bits")
metadata("a number that is cut off", b"\x80", "damaged")
metadata("a number of 64 bits for a length", b"\x0a" + b"\xff" * 9 + b"\x01" + bytes(100), "beyond the end")
metadata("a length behind the end", b"\x0a\xff\xff\xff\xff\x0f" + bytes(100), "beyond the end")
metadata("a group that is never closed", b"\x0b" * 1000, "kind 3")
metadata("a kind that nobody has", b"\x0f\x00", "kind 7")
metadata("a million objects", field(1, b"") * 1_000_000, "fields")
metadata("an object of a million fields", field(1, ROOT + field(9, b"") * 1_000_000), "fields")
metadata("an object inside of itself, 5,000 deep", functools.reduce(
    lambda inner, _: field(1, inner), range(5000), b""), "say what the model is")  # fmt: skip
metadata("no root", field(1, field(3, b"root.layer-0") + field(5, described())), "say what the model is")
metadata("a root whose config is a number", field(1, ROOT + varint(5 << 3) + varint(7)), "say what the model is")
metadata("a root whose config is no text", field(1, ROOT + field(5, b"\xff\xfe{}")), "JSON")
metadata("a root whose config is a list", field(1, ROOT + field(5, b"[]")), "say what the model is")
metadata("a root that describes nothing", field(1, ROOT + field(5, b"{}")), "class|describe")
metadata("a model that is a list", field(1, ROOT + field(5, b'{"model_config": [1, 2]}')), "class|describe")
metadata("a class that is a list", field(1, ROOT + field(5, b'{"class_name": [[]], "config": {}}')), "class|describe")
metadata("a class of its own", field(1, ROOT + field(5, b'{"class_name": "os.system", "config": {}}')), "class")
metadata("NaN", field(1, ROOT + field(5, b'{"model_config": {"class_name": NaN}}')), "NaN")
metadata("a key twice", field(1, ROOT + field(5, b'{"model_config": {}, "model_config": {}}')), "twice")

# ------------------------------------------------------------------------------------------- the checkpoint beside it
GOOD_METADATA = field(1, ROOT + field(5, described()))


def variables(name, why, change):
    def make(folder):
        files = change(dict(checkpoint()))
        older_saved_model(folder / "saved", None, None, GOOD_METADATA, files=files)
        return folder / "saved"

    ATTACKS.append((f"a checkpoint: {name}", make, load_model, why))


def of_shapes(*shapes, **more):
    def change(files):
        import tensorflow as tf

        with tempfile.TemporaryDirectory() as folder:
            inside = {"variables": [tf.Variable(np.zeros(shape, "f4")) for shape in shapes], **more}
            tf.train.Checkpoint(**inside).write(f"{folder}/variables")
            return {path.name: path.read_bytes() for path in Path(folder).iterdir()}

    return change


INDEX, DATA = "variables.index", "variables.data-00000-of-00001"
variables("of another model", "do not fit", of_shapes((6, 8), (8,)))
variables("of other shapes", "do not fit", of_shapes((8, 6), (8,), (8,), (8,), (8,), (8,), (8, 3), (3,)))
variables("without variables", "do not fit", of_shapes())
variables("not there", "checkpoint|No such file|variables", lambda files: {})
variables("without its numbers", "checkpoint|No such file|variables", lambda files: {INDEX: files[INDEX]})
variables("numbers alone", "checkpoint|No such file|variables", lambda files: {DATA: files[DATA]})
variables("numbers that are cut off", "checkpoint", lambda files: files | {DATA: files[DATA][:100]})
variables("other numbers", "checkpoint", lambda files: files | {DATA: bytes(len(files[DATA]))})
variables("an index that is a text", "checkpoint", lambda files: files | {INDEX: b"not an index"})
variables("an index that is cut off", "checkpoint", lambda files: files | {INDEX: files[INDEX][:-60]})
variables("an empty index", "checkpoint", lambda files: files | {INDEX: b""})


# ------------------------------------------------------------------------------------------------- weights in shards
def shards(name, table, why, change=None, text=None):
    """A `.weights.json` beside a shard that holds all of `small_model`'s weights."""

    def make(folder):
        path = folder / "attack.weights.json"
        (folder / "attack_00000.weights.h5").write_bytes(good(".weights.h5"))
        (folder / "text_00000.weights.h5").write_text("no weights\n")
        whole = {
            "metadata": {"total_size": 100},
            "weight_map": dict.fromkeys(PLACES, "attack_00000.weights.h5") | table,
        }
        path.write_text(json.dumps(whole) if text is None else text)
        if change is not None:
            change(folder)
        return path

    ATTACKS.append((f".weights.json: {name}", make, load_weights, why))


PLACES = ("/layers/dense/vars", "/layers/batch_normalization/vars", "/layers/dense_1/vars", "/optimizer/vars")
FIRST, SHARD = PLACES[0], "attack_00000.weights.h5"
shards("all in order", {}, HARMLESS)
for what in (
    *("../attack_00000.weights.h5", "/etc/passwd", "/tmp/attack_00000.weights.h5", "..\\attack_00000.weights.h5"),
    *("sub/attack_00000.weights.h5", "C:attack_00000.weights.h5/..", "http://127.0.0.1/attack_00000.weights.h5"),
    *("attack.weights.json", "attack_00000.weights.h5\0.json", "attack_00000.weights.h5\n", "", ".", "canary"),
    *("attack_0.weights.h5", "attack_00000.weights.h5.pkl", "x" * 5000 + "_00000.weights.h5"),
):
    shards(f"a file called {what[:40]!r}", {FIRST: what}, "names the file")
shards("a file that is a number", {FIRST: 7}, "list of weight files")
shards("a file that is an object", {FIRST: {"a": 1}}, "names the file")
shards("files that are numbers", {FIRST: [7, None]}, "names the file")
shards("a file that is not there", {FIRST: "attack_00001.weights.h5"}, "not beside it")
shards("a file that is no file of weights", {FIRST: "text_00000.weights.h5"}, "damaged|not a whole")
shards("200,000 times the same file", {FIRST: [SHARD] * 200_000}, "twice")
shards("400,000 places", {f"/{i}": SHARD for i in range(400_000)}, "list of weight files")
shards("the same weight in two files", {FIRST: [SHARD, "attack_00001.weights.h5"]}, "twice", lambda folder: (
    folder / "attack_00001.weights.h5").write_bytes(good(".weights.h5")))  # fmt: skip
shards("nothing for a layer", {FIRST: []}, "weights")
shards("a folder for a file", {FIRST: "attack_00001.weights.h5"}, "beside it", lambda folder: (
    folder / "attack_00001.weights.h5").mkdir())  # fmt: skip
shards("a loop of links for a file", {FIRST: "attack_00001.weights.h5"}, "beside it", lambda folder: (
    folder / "attack_00001.weights.h5").symlink_to("attack_00001.weights.h5"))  # fmt: skip
shards("a file with a link inside", {}, "link", lambda folder: linked(folder / SHARD, folder / "canary"))
shards("a file that is cut off", {}, "not a whole|damaged", lambda folder: (folder / SHARD).write_bytes(
    good(".weights.h5")[:3000]))  # fmt: skip
for what, text, why in (
    *(("a list", "[1, 2]", "list of weight files"), ("a number", "7", "list of weight files")),
    *(
        ("no map", '{"metadata": {}}', "list of weight files"),
        ("a map that is a list", '{"weight_map": [1]}', "list of"),
    ),
    *(("NaN", '{"weight_map": NaN}', "NaN"), ("a key twice", '{"weight_map": {}, "weight_map": {}}', "twice")),
    *(("100,000 brackets", "[" * 100_000, "deeper"), ("YAML", "!!python/object/apply:os.system ['x']", "JSON")),
    ("100,000 brackets, in the map", '{"weight_map": {"/a": ' + "[" * 50_000 + "]" * 50_000 + "}}", "deeper"),
):
    shards(what, {}, why, text=text)


def linked(path, canary):
    with h5py.File(path, "a") as file:
        del file["layers/dense"]
        file["layers/dense"] = h5py.ExternalLink(str(canary), "/")


# ------------------------------------------------------------------------------------------- weights as a table of arrays
@functools.cache
def arrays():
    """The weights of `small_model` by the names they have in `.npz` and safetensors files."""
    with h5py.File(io.BytesIO(good(".weights.h5"))) as file:
        found = {}
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
        return found


KERNEL = "layers/dense/vars/0"


def npy(array=None, header=None, version=b"\1\0", data=None):
    """A `.npy` file, or one with another header or other numbers."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array if array is not None else np.zeros((6, 8), "f4")))
    if header is None and data is None:
        return stream.getvalue()
    text = header if isinstance(header, bytes) else (header or HEADER.format("(6, 8)")).encode()
    length = struct.pack("<H" if version == b"\1\0" else "<I", len(text))
    return b"\x93NUMPY" + version + length + text + (bytes(192) if data is None else data)


HEADER = "{{'descr': '<f4', 'fortran_order': False, 'shape': {}, }}\n"


def npz(name, kernel, why, more=(), method=zipfile.ZIP_STORED, patch=None):
    def make(folder):
        path = folder / "attack.npz"
        members = {f"{key}.npy": npy(array) for key, array in arrays().items()}
        members[f"{KERNEL}.npy"] = kernel(folder) if callable(kernel) else kernel
        import warnings

        with zipfile.ZipFile(path, "w", method) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for member, data in [*members.items(), *more]:
                if data is not None:
                    archive.writestr(member, data)
        if patch is not None:
            path.write_bytes(patch(path.read_bytes()))
        return path

    ATTACKS.append((f".npz of weights: {name}", make, load_weights, why))


def pickled(folder):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {folder / 'canary-was-touched'}",)

    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.array([Evil()] * 48, object).reshape(6, 8), allow_pickle=True)
    return stream.getvalue()


def described_as(descr, shape="(6, 8)"):
    return npy(header=f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n")


npz("all in order", npy(), HARMLESS)
npz("in Fortran's order", npy(np.asfortranarray(np.zeros((6, 8), "f4"))), HARMLESS)
npz("a pickle", pickled, "not numbers|numbers")
npz("a pickle without NumPy's header", b"\x80\x04cos\nsystem\n.", "cannot be read")
npz("4 TB declared", npy(header=HEADER.format("(1000000, 1000000)")), "takes")
npz("2^63 numbers declared", npy(header=HEADER.format("(9223372036854775808,)")), "takes|shape")
npz("a shape of 4,000 digits twice", npy(header=HEADER.format(f"({'9' * 4000}, {'9' * 4000})")), "header|shape")
npz("a shape of 3,000 axes", npy(header=HEADER.format(f"({'9, ' * 3000})")), "header|shape")
npz("negative sizes", npy(header=HEADER.format("(-6, -8)")), "header|shape")
npz("truths for sizes", npy(header=HEADER.format("(True, 48)")), "header|shape")
npz("fractions for sizes", npy(header=HEADER.format("(6.0, 8)")), "header|shape")
npz("a size too few", npy(header=HEADER.format("(6, 8, 1)")), "shape")
npz("numbers that are cut off", npy(data=bytes(100)), "takes")
npz("more numbers than declared", npy(data=bytes(1000)), "takes")
npz("another shape", npy(np.zeros((8, 6), "f4")), "shape")
npz("texts", npy(np.full((6, 8), "abc")), "not numbers|header")
npz("dates", npy(np.zeros((6, 8), "M8[s]")), "not numbers|header")
npz("a table", npy(np.zeros((6, 8), [("a", "f4")])), "not numbers|header")
for descr in ("'O'", "'|O'", "['<f4']", "[3]", "7", "('<f4', (1000000000,))", "[('a', '<f4', (99999999999,))]", "'<f999'",
              "'<f3'",
              "'U1000000000'", "{'names': ['a'], 'formats': ['O']}", "'f4,f4'", "'<f4; import os'", "None"):  # fmt: skip
    npz(f"elements of the kind {descr[:30]}", described_as(descr), "header|not numbers|takes")
for what, header in {
    "that calls": "__import__('os').system('touch evil')",
    "of 5,000 signs": "-" * 5000 + "1",
    "of 4,000 brackets": "[" * 4000 + "]" * 4000,
    "of 4,000 open brackets": "(" * 4000,
    "with other keys": "{'descr': '<f4', 7: False, 'shape': (6, 8)}",
    "with a key twice": "{'descr': '<f4', 'descr': '|O', 'fortran_order': False, 'shape': (6, 8)}",
    "that is a set": "{'descr', 'shape'}",
    "that is empty": "",
    "of nothing": "\0" * 100,
    "of 60,000 bytes": HEADER.format("(6, 8)") + " " * 60_000,
}.items():
    npz(f"a header {what}", npy(header=header.encode()), "header")
npz("a header that is no text", npy(header=b"\xff" * 100), "header")
npz(
    "a header of 4 GB",
    npy(header=b"", version=b"\2\0")[:8] + b"\xff\xff\xff\xff" + bytes(1000),
    "header|cannot be read",
)
npz("a version that nobody has", npy()[:6] + b"\x09\x09" + npy()[8:], "version|cannot be read")
npz("an array that is empty", b"", "cannot be read")
npz("a weight that is not there", None, "weights")
npz("a weight twice", npy(), "twice", [(f"{KERNEL}.npy", npy())])
npz("a name that leads out", npy(), HARMLESS, [("../../evil.npy", npy())])  # names are keys, and nothing is unpacked
npz("a program beside it", npy(), "no '.npz' file has", [("evil.py", b"x")])
npz("a link beside it", npy(), "link", [(functools.reduce(lambda info, _: setattr(info, "external_attr", 0o120777 << 16) or info,
    "x", zipfile.ZipInfo("link.npy")), b"/etc/passwd")])  # fmt: skip
npz("1 GB of zeros, packed", lambda folder: npy(header=HEADER.format(f"({2**26},)"), data=bytes(2**28)), "unpacks", (),
    zipfile.ZIP_DEFLATED)  # fmt: skip
npz("20,000 members", npy(), "members|directory", [(f"{i}.npy", b"") for i in range(20_000)])
npz("a wrong checksum", npy(np.ones((6, 8), "f4")), "cannot be read", patch=lambda data: data.replace(
    struct.pack("<48f", *[1.0] * 48), struct.pack("<48f", *[2.0] * 48)))  # fmt: skip
npz("cut off", npy(), "not a whole", patch=lambda data: data[: len(data) // 2])
npz("a text", npy(), "not a whole", patch=lambda data: b"not an archive")


def tensor_file(name, why, change, data=None):
    """The weights of `small_model` as safetensors, with another header."""

    def make(folder):
        path = folder / "attack.safetensors"
        header, end, whole = {}, 0, b""
        for key, array in arrays().items():
            raw = np.asarray(array, order="C")
            code = {"float32": "F32", "int64": "I64", "int32": "I32"}[raw.dtype.name]
            header[key] = entry(list(raw.shape), end, end + raw.nbytes, code)
            whole, end = whole + raw.tobytes(), end + raw.nbytes
        header = change(header) or header
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + whole)
        return path

    ATTACKS.append((f"safetensors of weights: {name}", make, load_weights, why))


def kernel_is(**entries):
    return lambda header: header[KERNEL].update(entries)


tensor_file("all in order", HARMLESS, lambda header: None)
for dtype, why in {
    **{"F64": "takes", "F8_E4M3": "takes", "F8_E5M2": "takes", "U16": "takes", "I8": "takes", "BOOL": "takes"},
    **{"F4": "dtype", "F8_E8M0": "dtype", "OBJECT": "dtype", "f32": "dtype", "": "dtype"},
}.items():
    tensor_file(f"the dtype {dtype}", why, kernel_is(dtype=dtype))
tensor_file("the bytes of a kernel as F8", "shape", kernel_is(dtype="F8_E4M3", shape=[24, 8]))
tensor_file("the bytes of a kernel as U16", "shape", kernel_is(dtype="U16", shape=[6, 16]))
tensor_file("the kernel as whole numbers", HARMLESS, kernel_is(dtype="I32"))  # numbers, of the same size
tensor_file("another shape", "shape", kernel_is(shape=[8, 6]))
tensor_file("a shape of 100,000 axes of 2^62", "axes", kernel_is(shape=[2**62] * 100_000))
tensor_file("a shape of 1,000 axes of 1", "axes", kernel_is(shape=[1] * 1000))
tensor_file("a shape with a zero and 2^62", "takes", kernel_is(shape=[0, 2**62]))
tensor_file(
    "names that lead out", "weights", lambda header: {k.replace("layers", "../x"): v for k, v in header.items()}
)
tensor_file("metadata that is a list", "__metadata__", lambda header: {"__metadata__": [1], **header})
tensor_file("metadata of numbers", "__metadata__", lambda header: {"__metadata__": {"a": 7}, **header})
tensor_file("a header that is null", "JSON object", lambda header: b"null")
tensor_file("a header of NaN", "NaN", lambda header: b'{"a": NaN}')


@attack("safetensors: an index that names itself", read_tensors, "beside it")
def _(folder):
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": {"a": path.name}}))
    return path


# ----------------------------------------------------------------------------------- doors that take a config, and others
def config_to(name, opens, config, why):
    """A config in a text, given to a function that makes objects of configs, outside of every scope."""

    def make(folder):
        (folder / "attack.json").write_text(json.dumps(filled(config, folder)))
        return folder / "attack.json"

    def open_it(path):
        import hornbook as keras

        return opens(keras, json.loads(path.read_text()))

    ATTACKS.append((f"CVE-2026-12481: {name}", make, open_it, why))


for what, function in (("a __lambda__", CODED), ("code", [CODE, None, None]), ("'os.system'", "os.system")):
    inner = {"name": "x", "function": function}
    config_to(f"Lambda.from_config with {what}", lambda k, c: k.layers.Lambda.from_config(c), inner, "code|" + NO_MODEL)
    whole_layer = {"module": "keras.layers", "class_name": "Lambda", "config": inner}
    config_to(f"layers.deserialize with {what}", lambda k, c: k.layers.deserialize(c), whole_layer, "code|" + NO_MODEL)
    config_to(
        f"deserialize_keras_object with {what}",
        lambda k, c: k.saving.deserialize_keras_object(c, safe_mode=False),
        whole_layer,
        "code|" + NO_MODEL,
    )
SYSTEM = {"module": "os", "class_name": "system", "config": {"command": "touch evil"}, "registered_name": "os.system"}
for family in (
    "layers",
    "losses",
    "metrics",
    "optimizers",
    "initializers",
    "regularizers",
    "constraints",
    "activations",
):
    config_to(
        f"{family}.deserialize with os.system", lambda k, c, f=family: getattr(k, f).deserialize(c), SYSTEM, NO_MODEL
    )

hub_folder(
    "HF #46279: a vocabulary that lies elsewhere",
    "lacks",
    settings={"vocab_file": "/etc/passwd", "vocab": "~/.ssh/id_rsa"},
    vocabulary="word\n",
)
for name in ("..", "a/../../evil", "..\\evil", "C:evil", "", "evil\0"):

    def get_file(path, name=name):
        import hornbook as keras

        keras.utils.get_file(name, origin=f"http://127.0.0.1:1/{name}")

    ATTACKS.append((f"13eda7aa: get_file called {name!r}", lambda folder: folder / "canary", get_file, "name"))


def warm_up(folder):
    """Open a good file of each kind, so that all that is imported late is there."""
    import hornbook as keras

    with contextlib.suppress(ValueError):
        keras.utils.get_file("..", origin="http://127.0.0.1:1/x")
    for kind, write in WRITERS.items():
        path = folder / "good" / kind
        path.parent.mkdir(exist_ok=True)
        write(path, *older_config())
        load_model(path)
