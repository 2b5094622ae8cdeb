"""`model.export`: a model's forward pass in the format of a serving system."""

import importlib
import os
from typing import Any

import tensorflow as tf

from hornbook.core.arguments import one_of
from hornbook.export.archive import ExportArchive
from hornbook.models import Functional, Sequential

FORMATS = ("tf_saved_model", "onnx", "openvino", "litert", "torch")


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
        filepath: a directory for a SavedModel, a file that ends in ".onnx" or ".tflite" else.
        format: "tf_saved_model"; "litert" (for phones and small devices); "onnx", which needs the package tf2onnx.
        verbose: whether to say what was written; True if None.
        input_signature: a spec for each input, where those of the model should not be used.

    Raises:
        ValueError: for an unknown format, a wrong ending, and a model that is not built.
        ImportError: where the package for a format is not installed.
    """
    one_of(format, FORMATS, "format")
    write = {"tf_saved_model": _saved_model, "litert": _litert, "onnx": _onnx}.get(format)
    if write is None:
        hint = (
            "Export with format='onnx' (pip install tf2onnx), then convert with `ovc` (pip install openvino)"
            if format == "openvino"
            else "It holds models of the PyTorch backend; export with format='tf_saved_model'"
        )
        raise ValueError(f"The format {format!r} is not written by the TensorFlow backend. {hint}.")
    specs = _signature_of(model) if input_signature is None else input_signature
    write(model, os.fspath(filepath), specs, verbose is not False, **kwargs)


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


def _saved_model(model: Any, filepath: str, specs: Any, verbose: bool, **kwargs: Any) -> None:
    archive = ExportArchive()
    archive.track_and_add_endpoint("serve", model, specs)
    archive.write_out(filepath, verbose=verbose, **kwargs)


def _forward(model: Any, specs: Any) -> Any:
    """The forward pass as a compiled function of TensorFlow."""
    return ExportArchive().track_and_add_endpoint("serve", model, specs)


def _litert(model: Any, filepath: str, specs: Any, verbose: bool, **options: Any) -> None:
    """A `.tflite` file; options are attributes of `tf.lite.TFLiteConverter`, such as `optimizations`."""
    _check_ending(filepath, ".tflite", "litert")
    converter = tf.lite.TFLiteConverter.from_concrete_functions([_forward(model, specs).get_concrete_function()])
    for name, value in options.items():
        if not hasattr(converter, name):
            raise ValueError(f"TensorFlow's converter to LiteRT has no option {name!r}.")
        setattr(converter, name, value)
    with open(filepath, "wb") as file:
        file.write(converter.convert())
    _say(filepath, verbose)


def _onnx(model: Any, filepath: str, specs: Any, verbose: bool, opset_version: int | None = None) -> None:
    """An `.onnx` file, converted by tf2onnx, in the given version of ONNX's operators."""
    _check_ending(filepath, ".onnx", "onnx")
    try:
        convert = importlib.import_module("tf2onnx.convert")
    except ImportError as error:
        raise ImportError("To export to ONNX, install the converter: pip install tf2onnx.") from error
    function = _forward(model, specs)
    convert.from_function(function, function.input_signature, opset=opset_version, output_path=filepath)
    _say(filepath, verbose)


def _check_ending(filepath: str, ending: str, format: str) -> None:
    if not filepath.endswith(ending):
        raise ValueError(f"With format={format!r} the filepath must end in {ending!r}, got {filepath!r}.")


def _say(filepath: str, verbose: bool) -> None:
    if verbose:
        print(f"Saved to {filepath!r}.")
