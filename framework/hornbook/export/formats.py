"""`model.export`: a model's forward pass in the format of a serving system."""

import os
from typing import Any

import tensorflow as tf
from tensorflow.python.util import deprecation

from hornbook.core.arguments import one_of
from hornbook.export.archive import ExportArchive
from hornbook.export.litert import write_litert
from hornbook.export.onnx import write_onnx, write_openvino
from hornbook.export.tfjs import write_graph_model
from hornbook.export.tfjs_layers import write_layers_model
from hornbook.models import Functional, Sequential

# The format, and how the name of its file must end; a SavedModel is a folder.
FORMATS = {
    "tf_saved_model": None,
    "litert": ".tflite",
    "onnx": ".onnx",
    "openvino": ".xml",
    "tfjs_graph_model": None,
    "tfjs_layers_model": None,
    "torch": None,
}


def export_model(
    model: Any,
    filepath: Any,
    format: str = "tf_saved_model",
    verbose: bool | None = None,
    input_signature: Any = None,
    **kwargs: Any,
) -> None:
    """Write a model's forward pass (training=False) to files that need no Python.

    Args:
        model: a built model.
        filepath: a folder, or a file that ends as the format wants it.
        format: "tf_saved_model", a folder for TensorFlow Serving; "litert" (".tflite") for phones and small devices;
            "onnx" (".onnx"), which needs the package tf2onnx; "openvino" (".xml"), which needs openvino as well;
            "tfjs_graph_model" and "tfjs_layers_model", folders for TensorFlow.js.
        verbose: whether to say what was written; True if None.
        input_signature: a spec for each input, where those of the model should not be used.
        kwargs: what the format takes further: `options` (tf_saved_model), `quantization`, `representative_dataset` and
            attributes of TensorFlow's converter (litert), `opset_version` (onnx).

    Raises:
        ValueError: for an unknown format, a wrong ending, a model that is not built, and for what the format cannot
            carry, by the layer's name.
        ImportError: where the package for a format is not installed.

    >>> import hornbook as keras
    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     keras.export.export_model(model, folder + "/served", verbose=False)
    """
    one_of(format, tuple(FORMATS), "format")
    if format == "torch":
        raise ValueError(
            "The format 'torch' is not written by the TensorFlow backend. It holds models of the PyTorch backend; "
            "export with format='tf_saved_model' or 'onnx'."
        )
    filepath, ending, verbose = os.fspath(filepath), FORMATS[format], verbose is not False
    if ending is not None and not filepath.endswith(ending):
        raise ValueError(f"With format={format!r} the filepath must end in {ending!r}, got {filepath!r}.")
    specs = _signature_of(model) if input_signature is None else input_signature
    with deprecation.silence():  # TensorFlow's and tf2onnx's converters call functions that TensorFlow warns of
        said = _write(model, filepath, format, verbose, specs, **kwargs)
    if verbose and said:
        print(said)


def _write(model: Any, filepath: str, format: str, verbose: bool, specs: Any, **kwargs: Any) -> str:
    """Write the files; what there is to say of them, where it is not said yet."""
    said = f"Saved to {filepath!r}."
    if format == "tf_saved_model":
        archive = ExportArchive()
        archive.track_and_add_endpoint("serve", model, specs)
        archive.write_out(filepath, verbose=verbose, **kwargs)
        return ""
    if format == "litert":
        write_litert(model, filepath, specs, **kwargs)
    elif format == "onnx":
        opset = write_onnx(model, filepath, specs, **kwargs)
        said = f"Saved to {filepath!r}, in version {opset} of ONNX's operators."
    elif format == "openvino":
        write_openvino(model, filepath, specs, **kwargs)
    elif format == "tfjs_graph_model":
        write_graph_model(model, filepath, specs, **kwargs)
    elif format == "tfjs_layers_model":
        write_layers_model(model, filepath, **kwargs)
    return said


def _signature_of(model: Any) -> list:
    """A spec for each argument of the model's call."""
    if not model.built:
        raise ValueError(f"Model {model.name!r} is not built, so it has no weights to export: call it on data first.")
    functional = model._functional if isinstance(model, Sequential) else model
    if isinstance(functional, Functional):
        return [functional._inputs_struct]
    shapes = model._build_shapes
    if not shapes:
        raise ValueError(
            f"Model {model.name!r} does not know the shapes of its inputs: pass input_signature=[InputSpec(shape=...)]."
        )
    return [_specs_of(shape, model.compute_dtype) for shape in shapes.values()]


def _specs_of(shape: Any, dtype: str) -> Any:
    """Specs for shapes a subclassed model was built for, with a free batch size."""
    if isinstance(shape, dict):
        return {key: _specs_of(value, dtype) for key, value in shape.items()}
    if isinstance(shape, list | tuple) and any(isinstance(size, list | tuple | dict) for size in shape):
        return [_specs_of(value, dtype) for value in shape]
    return tf.TensorSpec([None, *shape[1:]], dtype)
