"""Models of every kind in every format, run by the format's own runtime where hornbook cannot be imported."""

import importlib.util
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import warnings
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import hornbook
from hornbook import layers, ops

HERE = Path(__file__).resolve().parent
TFJS = [Path(folder) for folder in os.environ.get("NODE_PATH", "").split(os.pathsep) if folder]
TFJS = [folder / "@tensorflow/tfjs" for folder in [*TFJS, HERE.parents[1] / "build/npm/node_modules"]]
TFJS = next((folder for folder in TFJS if folder.is_dir()), None)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


def perceptron():
    return hornbook.Sequential(
        [
            hornbook.Input((64,), name="x"),
            layers.Dense(128, activation="relu", kernel_initializer="he_normal"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(4, activation="softmax", kernel_initializer=spread()),
        ]
    )


def convnet():
    """Convolutions of all kinds, and a shortcut as in a residual network."""
    image = hornbook.Input((12, 12, 3), name="image")
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False)(image)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Add()([x, layers.Conv2D(16, 3, padding="same", activation="relu")(x)])
    x = layers.MaxPooling2D()(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.GlobalAveragePooling2D()(layers.SeparableConv2D(16, 3, activation="gelu")(x))
    return hornbook.Model(image, layers.Dense(4, activation="softmax", kernel_initializer=spread())(x))


def lstm():
    return hornbook.Sequential(
        [
            hornbook.Input((5, 3), name="x"),
            layers.LSTM(6, return_sequences=True),
            layers.LSTM(4, go_backwards=True),
            layers.Dense(2),
        ]
    )


def reader():
    """Recurrence in both directions, over words that are there."""
    return hornbook.Sequential(
        [
            hornbook.Input((4,), dtype="int32", name="ids"),
            layers.Embedding(10, 3, mask_zero=True),
            layers.Bidirectional(layers.GRU(3)),
            layers.Dense(2),
        ]
    )


def encoder():
    ids = hornbook.Input((6,), dtype="int32", name="ids")
    x = layers.Embedding(20, 16)(ids)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 8)(x, x))
    x = layers.LayerNormalization()(x + layers.Dense(16)(layers.Dense(32, activation="gelu")(x)))
    return hornbook.Model(ids, layers.Dense(3)(x[:, 0]))


class Heads(layers.Layer):
    """(batch, time, 8) -> (batch, time, 2, 4), of sizes that are known when it runs."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(8)

    def call(self, x):
        x = self.dense(x)
        return ops.reshape(x, (*ops.shape(x)[:2], 2, 4))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], 2, 4)


def heads():
    """One reshape after another: tf2onnx makes one of them."""
    x = hornbook.Input((None, 6), name="x")
    return hornbook.Model(x, ops.sum(Heads()(x), axis=-1))


def positions():
    """A tensor that was computed while the model was made, beside weights."""
    ids = hornbook.Input((6,), dtype="int32", name="ids")
    return hornbook.Model(ids, ops.mean(layers.Embedding(20, 32)(ids) + layers.Embedding(6, 32)(ops.arange(6)), axis=1))


def many_ends():
    a, b = hornbook.Input((3,), name="a"), hornbook.Input((2,), name="b")
    both = layers.Concatenate()([a, b])
    return hornbook.Model(
        {"b": b, "a": a}, {"z": layers.Dense(1)(both), "p": layers.Dense(2, activation="tanh")(both) * 2}
    )


def normalized():
    normalization = layers.Normalization()
    normalization.adapt(np.random.default_rng(0).normal(3.0, 2.0, size=(50, 8)).astype("float32"))
    return hornbook.Sequential([hornbook.Input((8,), name="x"), normalization, layers.Dense(3)])


def texts():
    words = layers.TextVectorization(output_sequence_length=4, name="words")
    words.adapt(["a good film", "a bad one"])
    return hornbook.Sequential(
        [
            hornbook.Input((), dtype="string", name="text"),
            words,
            layers.Embedding(20, 3),
            layers.GlobalAveragePooling1D(),
        ]
    )


def categories():
    lookup = layers.StringLookup(vocabulary=["red", "blue"], output_mode="one_hot", name="colours")
    return hornbook.Sequential([hornbook.Input((1,), dtype="string", name="colour"), lookup, layers.Dense(2)])


def any_time():
    return hornbook.Sequential([hornbook.Input((None, 3), name="x"), layers.LSTM(4, name="over_time"), layers.Dense(2)])


def resnet():
    from hornbook_applications import ResNet50

    return ResNet50(weights=None, input_shape=(32, 32, 3), classes=10)


def spread():
    """Weights that tell classes apart, so that the first of them is not a matter of rounding."""
    return hornbook.initializers.RandomNormal(stddev=2.0)


STRINGS = {"texts": ["a bad film", "a GOOD one!", "unknown"], "categories": [["red"], ["blue"], ["green"]]}
NUMBERS = [perceptron, convnet, lstm, reader, encoder, positions, many_ends, normalized]


def model_of(row):
    """(the model, inputs by name, outputs by name)"""
    hornbook.utils.set_random_seed(3)
    model = row()
    random = np.random.default_rng(1)
    inputs = {}
    for tensor in model.inputs:
        shape = (32, *[size or 5 for size in tensor.shape[1:]])
        if tensor.dtype == "string":
            inputs[tensor.name] = np.array(STRINGS[row.__name__])
        elif tensor.dtype == "int32":
            inputs[tensor.name] = random.integers(0, 6, shape).astype("int32")
        else:
            inputs[tensor.name] = random.normal(size=shape).astype("float32")
    given = {name: tf.constant(x) for name, x in inputs.items()}
    outputs = model(given if len(given) > 1 else next(iter(given.values())), training=False)
    named = outputs if isinstance(outputs, dict) else {"output_0": outputs}
    return model, inputs, {name: np.asarray(x) for name, x in named.items()}


def outputs_of(format, rows, options, folder):
    """{name of the row: (outputs expected, outputs found)}, of all rows in one process of the format's runtime."""
    jobs, expected = [], {}
    for row in rows:
        model, inputs, expected[row.__name__] = model_of(row)
        ending = {"tf_saved_model": "", "litert": ".tflite", "onnx": ".onnx", "openvino": ".xml"}[format]
        more = {"representative_dataset": inputs} if options.get("quantization") == "int8" else {}
        model.export(folder / (row.__name__ + ending), format=format, verbose=False, **options, **more)
        np.savez(folder / f"{row.__name__}.npz", **inputs)
        jobs.append({"name": row.__name__, "path": row.__name__ + ending})
    (folder / "jobs.json").write_text(json.dumps(jobs))
    program = [sys.executable, "-W", "ignore", str(HERE / "exported_program.py"), format, str(folder)]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        program, capture_output=True, text=True, timeout=300, check=False, env=environment, cwd=folder
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {name: (expected[name], dict(np.load(folder / f"{name}.out.npz"))) for name in expected}


def assert_close(found, tolerance=1e-4):
    for name, (expected, outputs) in found.items():
        assert sorted(outputs) == sorted(expected), name
        for key, values in expected.items():
            np.testing.assert_allclose(outputs[key], values, rtol=tolerance, atol=tolerance, err_msg=f"{name}: {key}")


def need(format):
    packages = {"onnx": ["tf2onnx", "onnxruntime"], "openvino": ["tf2onnx", "openvino"]}.get(format, [])
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


EVERY_RUN = {
    "tf_saved_model": [convnet, lstm, many_ends, texts, categories],
    "litert": [convnet, lstm, encoder, normalized],
    "onnx": [convnet, lstm, heads, positions, many_ends],
    "openvino": [perceptron, many_ends],
}
RARELY = {
    "tf_saved_model": [*NUMBERS, any_time],
    "litert": [*NUMBERS, heads],
    "onnx": [*NUMBERS, any_time],
    "openvino": [*NUMBERS, heads],
}


@pytest.mark.slow
@pytest.mark.parametrize("format", EVERY_RUN)
def test_kinds_of_models(format, tmp_path):
    need(format)
    assert_close(outputs_of(format, EVERY_RUN[format], {}, tmp_path))


@pytest.mark.exhaustive
@pytest.mark.parametrize("format", RARELY)
def test_all_kinds_of_models(format, tmp_path):
    need(format)
    assert_close(outputs_of(format, RARELY[format], {}, tmp_path))


@pytest.mark.exhaustive
@pytest.mark.parametrize("format", RARELY)
def test_resnet(format, tmp_path):
    need(format)
    assert_close(outputs_of(format, [resnet], {}, tmp_path))


@pytest.mark.exhaustive
def test_another_version_of_the_operators(tmp_path):
    need("onnx")
    assert_close(outputs_of("onnx", NUMBERS, {"opset_version": 18}, tmp_path))


def check_in_fewer_bits(quantization, tolerance, agreement, rows, folder):
    """The most likely class is the same for that part of 32 rows, and the file is smaller than the floats."""
    found = outputs_of("litert", rows, {"quantization": quantization}, folder)
    assert_close(found, tolerance)
    for expected, outputs in found.values():
        same = expected["output_0"].argmax(-1) == outputs["output_0"].argmax(-1)
        assert same.mean() >= agreement
    floats = 4 * model_of(perceptron)[0].count_params()
    assert (folder / "perceptron.tflite").stat().st_size < (0.75 if quantization == "float16" else 0.6) * floats


FEWER_BITS = [("float16", 5e-3, 1.0), ("dynamic_int8", 5e-2, 1.0), ("int8", 0.2, 0.9)]


@pytest.mark.parametrize("quantization, tolerance, agreement", FEWER_BITS)
def test_litert_in_fewer_bits(quantization, tolerance, agreement, tmp_path):
    check_in_fewer_bits(quantization, tolerance, agreement, [perceptron], tmp_path)


@pytest.mark.exhaustive
@pytest.mark.parametrize("quantization, tolerance, agreement", FEWER_BITS)
def test_every_model_in_fewer_bits(quantization, tolerance, agreement, tmp_path):
    check_in_fewer_bits(quantization, tolerance, agreement, [perceptron, convnet, resnet], tmp_path)


# --------------------------------------------------------------------------------------------------- TensorFlow.js
class _Site(SimpleHTTPRequestHandler):
    """A folder, TensorFlow.js, and a place for results."""

    def do_POST(self):
        self.server.results = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()
        self.server.arrived.set()

    def log_message(self, *arguments):
        pass


def javascript(kind, rows, folder, browser=False):
    """{name: (expected, found)}, by TensorFlow.js in Node or in a browser without a window."""
    if shutil.which("node") is None and not browser:
        pytest.skip("node is not installed")
    if TFJS is None:
        pytest.skip("TensorFlow.js is not installed: npm install --prefix build/npm @tensorflow/tfjs@4.22.0")
    jobs, expected = [], {}
    for row in rows:
        name = row.__name__
        model, inputs, expected[name] = model_of(row)
        model.export(folder / name, format=f"tfjs_{kind}_model", verbose=False)
        arrays = {k: {"data": x.ravel().tolist(), "shape": x.shape, "dtype": x.dtype.name} for k, x in inputs.items()}
        jobs.append({"name": name, "kind": kind, "inputs": arrays, "loops": row is any_time})
    (folder / "jobs.json").write_text(json.dumps(jobs))
    (folder / "index.html").write_text('<script src="tf.min.js"></script><script src="exported_tfjs.js"></script>')
    shutil.copy(HERE / "exported_tfjs.js", folder)
    shutil.copy(TFJS / "dist/tf.min.js", folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Site, directory=str(folder))) as server:
        server.arrived = threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        command = ["node", "exported_tfjs.js", str(TFJS), url]
        if browser:
            command = [
                CHROMIUM,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                f"--user-data-dir={folder}/profile",
                url,
            ]
        with open(folder / "said", "w") as said:
            process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said, start_new_session=True)
            arrived = server.arrived.wait(90)
            if browser or not arrived:
                process.kill()
            process.wait(30)
        server.shutdown()
    assert arrived, (folder / "said").read_text()[-2000:]
    found = {}
    for name, outputs in server.results.items():
        assert "error" not in outputs, f"{name}: {outputs['error']}"
        found[name] = expected[name], {k: np.array(v["data"]).reshape(v["shape"]) for k, v in outputs.items()}
    assert len(found) == len(rows)
    return found


def test_tensorflow_js_graph_models(tmp_path):
    assert_close(javascript("graph", [convnet, lstm, encoder, positions, many_ends, any_time], tmp_path))


@pytest.mark.exhaustive
def test_all_kinds_of_graph_models(tmp_path):
    assert_close(javascript("graph", [*NUMBERS, many_layers], tmp_path))


def many_layers():
    """The layers that TensorFlow.js has and the other rows do not."""
    image = hornbook.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, dilation_rate=2, activation="silu")(
        layers.ZeroPadding2D(1)(layers.Rescaling(0.5, 0.1)(image))
    )
    x = layers.PReLU()(layers.LeakyReLU(0.1)(layers.LayerNormalization()(layers.Cropping2D(1)(x))))
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same")(layers.AveragePooling2D(2)(layers.UpSampling2D()(x)))
    x = layers.Permute((2, 1))(layers.Reshape((16, -1))(layers.Flatten()(x)))
    x = layers.GRU(3, reset_after=False, return_sequences=True)(layers.SpatialDropout1D(0.5)(x))
    x = layers.Concatenate()([layers.GlobalMaxPooling1D()(x), layers.GlobalAveragePooling1D()(layers.Conv1D(3, 2)(x))])
    shared = layers.Dense(6, activation="gelu")
    y = shared(x)
    x = layers.Average()([layers.Multiply()([layers.Maximum()([x, y]), shared(y)]), layers.Minimum()([x, y])])
    again = layers.SimpleRNN(4)(layers.Masking()(layers.RepeatVector(3)(x)))
    return hornbook.Model(image, {"output_0": layers.Softmax()(x), "output_1": layers.ReLU(max_value=0.5)(again)})


def words():
    return hornbook.Sequential(
        [hornbook.Input((4,), dtype="int32", name="ids"), layers.Embedding(10, 3, mask_zero=True), layers.LSTM(4)]
    )


def test_tensorflow_js_layers_models(tmp_path):
    assert_close(javascript("layers", [perceptron, convnet, lstm, words, any_time, many_layers], tmp_path))


@pytest.mark.slow
@pytest.mark.exhaustive
def test_tensorflow_js_in_a_browser(tmp_path):
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    (tmp_path / "graph").mkdir()
    (tmp_path / "layers").mkdir()
    assert_close(javascript("graph", [convnet, encoder], tmp_path / "graph", browser=True))
    assert_close(javascript("layers", [convnet, lstm], tmp_path / "layers", browser=True))


@pytest.mark.exhaustive
def test_resnet_in_tensorflow_js(tmp_path):
    """Its weights fill 23 files of 4 MiB."""
    assert_close(javascript("graph", [resnet], tmp_path))
    assert len(list((tmp_path / "resnet").glob("group1-shard*of23.bin"))) == 23


# ------------------------------------------------------------------------------------- what a format cannot carry
def odd():
    """igamma is in TensorFlow alone."""
    x = hornbook.Input((3,), name="x")
    inner = hornbook.Sequential(
        [hornbook.Input((3,)), layers.Lambda(lambda x: tf.math.igamma(abs(x), 1.0), name="odd one")]
    )
    return hornbook.Model(x, inner(layers.Dense(3)(x)))


ENDINGS = {
    "litert": "m.tflite",
    "onnx": "m.onnx",
    "openvino": "m.xml",
    "tfjs_graph_model": "m",
    "tfjs_layers_model": "m",
}


@pytest.mark.parametrize(
    "format, row, layer",
    [
        ("litert", odd, "odd one"),
        ("litert", categories, "colours"),
        ("litert", any_time, "over_time"),
        ("onnx", odd, "odd one"),
        ("onnx", texts, "words"),
        ("openvino", any_time, "over_time"),
        ("tfjs_graph_model", odd, "odd one"),
        ("tfjs_graph_model", categories, "colours"),
        ("tfjs_layers_model", categories, "colours"),
        ("tfjs_layers_model", encoder, "multi_head_attention"),
        ("tfjs_layers_model", reader, "bidirectional"),
    ],
)
def test_the_layer_that_a_format_cannot_carry_is_named(format, row, layer, tmp_path):
    need(format)
    hornbook.utils.clear_session()
    model = row()
    with pytest.raises(ValueError, match=f"'{layer}'"):
        model.export(tmp_path / ENDINGS[format], format=format, verbose=False)
    assert not list(tmp_path.iterdir())
    assert all("call" not in vars(each) for each in model._flatten_layers())


def test_a_failed_export_leaves_the_log_of_the_program_alone(tmp_path):
    need("openvino")
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    with pytest.raises(ValueError, match="over_time"):
        any_time().export(tmp_path / "m.xml", format="openvino", verbose=False)
    assert (root.level, list(root.handlers)) == before


def test_a_layer_with_the_same_operation_elsewhere_is_not_blamed(tmp_path):
    """LiteRT has slices, but none that make axes where sizes are free."""
    x = hornbook.Input((None,))
    half = layers.Lambda(lambda x: x[:, :2], name="half")(x)
    model = hornbook.Model(x, layers.Lambda(lambda x: x[:, None, None, :], name="wide")(half))
    with pytest.raises(ValueError, match="layer 'wide' because of: StridedSlice"):
        model.export(tmp_path / "m.tflite", format="litert", verbose=False)


@pytest.mark.parametrize(
    "layer, message",
    [
        (layers.Dense(2, activation="hard_sigmoid"), "no activation 'hard_sigmoid'"),
        (layers.GRU(2), "reset_after=False"),
        (layers.Conv1D(3, 1, groups=3), "no setting 'groups', which is 3"),
    ],
)
def test_settings_that_javascript_would_read_otherwise_are_refused(layer, message, tmp_path):
    model = hornbook.Sequential([hornbook.Input((4, 3)), layer])
    with pytest.raises(ValueError, match=f"'{layer.name}'.*{message}"):
        model.export(tmp_path, format="tfjs_layers_model")
    assert not list(tmp_path.iterdir())


def test_a_saved_model_that_calls_python_is_refused(tmp_path):
    double = layers.Lambda(
        lambda x: tf.ensure_shape(tf.py_function(lambda y: 2 * y, [x], "float32"), x.shape), name="twice"
    )
    x = hornbook.Input((3,))
    with pytest.raises(ValueError, match="layer 'twice' because of: EagerPyFunc"):
        hornbook.Model(x, double(x)).export(tmp_path / "m")
    assert not (tmp_path / "m").exists()


# ------------------------------------------------------------------------------------------------------ what is said
def test_the_version_of_the_operators_is_said(tmp_path, capsys):
    need("onnx")
    import onnx

    model = many_ends()
    for asked, written in ((None, 15), (17, 17)):
        model.export(tmp_path / "m.onnx", format="onnx", opset_version=asked)
        assert f"version {written} of ONNX" in capsys.readouterr().out
        message = onnx.load(tmp_path / "m.onnx")
        assert [row.version for row in message.opset_import if not row.domain] == [written]
        assert sorted(x.name for x in message.graph.input) == ["a", "b"]
        assert sorted(x.name for x in message.graph.output) == ["p", "z"]


def test_options_of_litert(tmp_path):
    model = perceptron()
    path = tmp_path / "m.tflite"
    with pytest.raises(ValueError, match="quantization.*must be one of"):
        model.export(path, format="litert", quantization="int4")
    with pytest.raises(ValueError, match="pass representative_dataset"):
        model.export(path, format="litert", quantization="int8")
    with pytest.raises(ValueError, match="no option 'shape'"):
        model.export(path, format="litert", shape=3)
    with pytest.raises(ValueError, match="no attribute 'ops'"):
        model.export(path, format="litert", target_spec={"ops": []})
    with pytest.raises(ValueError, match=r"each input \['x'\], got 2 arrays"):
        model.export(path, format="litert", quantization="int8", representative_dataset=[np.zeros((1, 64))] * 2)
    data = np.random.default_rng(0).normal(size=(8, 64)).astype("float32")
    options = {"inference_input_type": tf.int8, "inference_output_type": tf.int8}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow says that types of inputs should not be given, and takes them
        model.export(path, format="litert", quantization="int8", representative_dataset=data, verbose=False, **options)
        interpreter = tf.lite.Interpreter(str(path))
    assert interpreter.get_input_details()[0]["dtype"] == np.int8
    assert interpreter.get_output_details()[0]["dtype"] == np.int8


def test_numbers_that_javascript_does_not_have(tmp_path):
    from hornbook.export.tfjs import write_files

    with pytest.raises(ValueError, match="no dtype complex128, which the weight or constant 'w'"):
        write_files(str(tmp_path), "graph-model", {}, {"w": np.zeros(2, "complex128")})
    with pytest.raises(ValueError, match="32 bits; the constant 'w'"):
        write_files(str(tmp_path), "graph-model", {}, {"w": np.array([2**40])})
    assert not list(tmp_path.iterdir())


def test_the_signature_that_a_server_shows(tmp_path):
    """The names, dtypes and shapes by which TensorFlow Serving and Vertex AI take requests, as the site shows them."""
    from google.protobuf import json_format
    from tensorflow.core.protobuf import saved_model_pb2

    texts().export(tmp_path, verbose=False)
    message = saved_model_pb2.SavedModel.FromString((tmp_path / "saved_model.pb").read_bytes())
    shown = json_format.MessageToDict(message.meta_graphs[0].signature_def["serving_default"])
    assert shown["methodName"] == "tensorflow/serving/predict"
    assert shown["inputs"]["text"]["dtype"] == "DT_STRING"
    assert shown["inputs"]["text"]["tensorShape"] == {"dim": [{"size": "-1"}]}
    assert shown["outputs"]["output_0"]["tensorShape"] == {"dim": [{"size": "-1"}, {"size": "3"}]}
