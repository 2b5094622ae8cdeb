"""One network in every format, each called by its own runtime.

What:     the network of mnist_convnet.py, trained for one epoch, as a SavedModel, as LiteRT in four kinds of numbers, as
          ONNX, OpenVINO and TensorFlow.js; then each answers for the same test digits.
Why:      what is trained in Python is often used where there is no Python: on a server, a phone, in a browser.
Data:     MNIST.
Hardware: two CPU cores, about two minutes.
Expect:   the floats give the same probabilities within 1e-4; int8 gives the same digit for at least 99 % of the images.
Run:      pip install "hornbook[export]" and npm install @tensorflow/tfjs; what is not installed is said and left out.
          python recipes/export_and_serve.py
"""

import importlib.util
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import command_line

# name: (format, options of model.export, where it lies, packages that write it, packages that run it)
FORMATS = {
    "saved_model": ("tf_saved_model", {}, "digits/1", [], []),
    "litert": ("litert", {}, "digits.tflite", [], ["ai_edge_litert"]),
    "litert_float16": ("litert", {"quantization": "float16"}, "digits16.tflite", [], ["ai_edge_litert"]),
    "litert_dynamic_int8": ("litert", {"quantization": "dynamic_int8"}, "dynamic8.tflite", [], ["ai_edge_litert"]),
    "litert_int8": ("litert", {"quantization": "int8"}, "digits8.tflite", [], ["ai_edge_litert"]),
    "onnx": ("onnx", {}, "digits.onnx", ["tf2onnx"], ["onnxruntime"]),
    "openvino": ("openvino", {}, "digits.xml", ["tf2onnx", "openvino"], []),
    "tfjs_graph": ("tfjs_graph_model", {}, "digits_graph", [], ["@tensorflow/tfjs"]),
    "tfjs_layers": ("tfjs_layers_model", {}, "digits_layers", [], ["@tensorflow/tfjs"]),
}

# What Node runs. In a page of the web it is `tf.loadGraphModel("digits_graph/model.json")`, which fetches the files.
JAVASCRIPT = """
const tf = require("@tensorflow/tfjs"), fs = require("fs");
const folder = process.argv[1];
const bytes = (paths) => Uint8Array.from(Buffer.concat(paths.map((path) => fs.readFileSync(path)))).buffer;
const { weightsManifest: [{ paths, weights }], ...rest } = JSON.parse(fs.readFileSync(`${folder}/model.json`));
const weightData = bytes(paths.map((path) => `${folder}/${path}`));
const files = { load: async () => ({ ...rest, weightSpecs: weights, weightData }) };
(async () => {
  const load = rest.format === "graph-model" ? tf.loadGraphModel : tf.loadLayersModel;
  const images = tf.tensor1d(new Float32Array(bytes([`${folder}/images`]))).reshape([-1, 28, 28]);
  console.log(JSON.stringify((await load(files)).predict(images).arraySync()));
})();
"""


def missing(packages: list[str]) -> list[str]:
    """Those of the packages that are not installed, for Python or for Node."""
    return [
        package for package in packages if not (in_node if package[0] == "@" else importlib.util.find_spec)(package)
    ]


def in_node(package: str) -> bool:
    """Whether there is Node, and it finds the package here or in NODE_PATH."""
    found = shutil.which("node") and subprocess.run(
        ["node", "-e", f"require.resolve('{package}')"], capture_output=True
    )
    return bool(found) and found.returncode == 0


def call(format: str, path: Path) -> Callable:
    """The exported network as a function: images (batch, 28, 28) -> probabilities (batch, 10)."""
    if format == "tf_saved_model":
        import tensorflow as tf

        loaded = tf.saved_model.load(str(path))
        return lambda x: loaded.signatures["serving_default"](images=tf.constant(x))["output_0"].numpy()
    if format == "litert":
        from ai_edge_litert.interpreter import Interpreter

        serve = Interpreter(str(path)).get_signature_runner("serving_default")
        return lambda x: serve(images=x)["output_0"]
    if format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path))
        return lambda x: session.run(["output_0"], {"images": x})[0]
    if format == "openvino":
        import openvino

        compiled = openvino.Core().compile_model(str(path), "CPU")
        return lambda x: compiled({"images": x})[compiled.outputs[0]]

    def in_javascript(x: np.ndarray) -> np.ndarray:
        (path / "images").write_bytes(x.tobytes())
        done = subprocess.run(["node", "-e", JAVASCRIPT, str(path)], capture_output=True, text=True, check=True)
        (path / "images").unlink()
        return np.array(json.loads(done.stdout.splitlines()[-1]))

    return in_javascript


def train(arguments: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    """(the network, images it has seen, images it has not)."""
    from hornbook_datasets import mnist

    (x_train, y_train), (x_test, _) = mnist.load_data()
    if arguments.smoke:
        x_train, y_train, x_test = x_train[: 2 * arguments.batch_size], y_train[: 2 * arguments.batch_size], x_test[:50]

    import hornbook as keras
    import mnist_convnet

    keras.utils.set_random_seed(arguments.seed)
    network, images = mnist_convnet.build(), keras.Input((28, 28), name="images")
    model = keras.Sequential([images, *network.layers])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=arguments.batch_size, epochs=arguments.epochs)
    return model, x_train[:200].astype("float32"), x_test[:1000].astype("float32")


def main(arguments: Any) -> dict[str, Any]:
    """Train, export, call, compare."""
    model, seen, images = train(arguments)
    expected = model.predict(images, verbose=0)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (format, options, place, writers, runners) in FORMATS.items():
            if absent := missing(writers):
                found[name] = {"not_called": f"not installed: {', '.join(absent)}"}
                continue
            path = (arguments.out or Path(folder)) / place
            path.parent.mkdir(parents=True, exist_ok=True)
            more = {"representative_dataset": seen} if options.get("quantization") == "int8" else {}
            model.export(path, format=format, **options, **more)
            files = [path, path.with_suffix(".bin")] if path.suffix else path.rglob("*")
            found[name] = {"kilobytes": sum(f.stat().st_size for f in files if f.is_file()) // 1000}
            if absent := missing(runners):
                found[name]["not_called"] = f"not installed: {', '.join(absent)}"
                continue
            count = 100 if "tfjs" in format else len(images)  # without a GPU JavaScript is slow
            outputs, wanted = call(format, path)(images[:count]), expected[:count]
            found[name]["same_digit"] = float((outputs.argmax(-1) == wanted.argmax(-1)).mean())
            found[name]["largest_difference"] = float(abs(outputs - wanted).max())
    return {"formats": found}


if __name__ == "__main__":
    command_line.run(main, command_line.parser(__doc__ or "", epochs=1, batch_size=64))
