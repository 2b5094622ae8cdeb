"""Runs exported models in a process that cannot import hornbook: python exported_program.py FORMAT FOLDER

FOLDER/jobs.json holds a list of {"name", "path"}; FOLDER/<name>.npz the inputs. The outputs go to <name>.out.npz.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

sys.modules["hornbook"] = None  # type: ignore[assignment]


def saved_model(path, inputs):
    import tensorflow as tf

    loaded = tf.saved_model.load(path)
    dtypes = {
        name: spec.dtype for name, spec in loaded.signatures["serving_default"].structured_input_signature[1].items()
    }
    return loaded.signatures["serving_default"](**{k: tf.constant(v, dtypes[k]) for k, v in inputs.items()})


def litert(path, inputs):
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        import tensorflow as tf

        Interpreter = tf.lite.Interpreter
    return Interpreter(path).get_signature_runner("serving_default")(**inputs)


def onnx(path, inputs):
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def openvino(path, inputs):
    import openvino

    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    results = compiled(inputs)
    return {output.any_name: results[output] for output in compiled.outputs}


def main(format, folder):
    try:
        import hornbook
    except ImportError:
        pass
    else:
        raise SystemExit(f"hornbook can be imported from {hornbook}")
    run = {"tf_saved_model": saved_model, "litert": litert, "onnx": onnx, "openvino": openvino}[format]
    for job in json.loads((folder / "jobs.json").read_text()):
        inputs = dict(np.load(folder / f"{job['name']}.npz"))
        outputs = run(os.fspath(folder / job["path"]), inputs)
        np.savez(folder / f"{job['name']}.out.npz", **{name: np.asarray(value) for name, value in outputs.items()})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
