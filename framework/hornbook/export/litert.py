"""LiteRT (once TensorFlow Lite): a flat file for phones and small devices, with whole numbers where that is wanted.

| quantization | weights | computed in | needs |
|---|---|---|---|
| None | float32 | float32 | |
| "float16" | float16: half the size | float32, or float16 on a GPU | |
| "dynamic_int8" | int8, where a weight has 1024 numbers or more | int8 products of activations measured as they come | |
| "int8" | int8 | int8 throughout | a representative data set |
"""

import re
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from hornbook import tree
from hornbook.core.arguments import one_of
from hornbook.export.forward import Forward, refuse_loop, trace
from hornbook.export.layer_names import refuse

QUANTIZATIONS = (None, "float16", "dynamic_int8", "int8")
# Rows that are enough to see between which values activations lie.
REPRESENTATIVE_ROWS = 200


def write_litert(
    model: Any,
    filepath: str,
    specs: Any,
    quantization: str | None = None,
    representative_dataset: Any = None,
    **options: Any,
) -> None:
    """Write a `.tflite` file with the signature "serving_default".

    Args:
        model: a built model.
        filepath: the file.
        specs: a spec for each argument.
        quantization: None, "float16", "dynamic_int8" or "int8"; a table above says what each does.
        representative_dataset: inputs as the model will meet them: arrays as for `model.predict`, whose first 200 rows
            are taken, or a function that yields lists of inputs, as TensorFlow's converter wants it.
        options: further attributes of `tf.lite.TFLiteConverter`, such as `inference_input_type`; "target_spec" may be
            a dictionary of its attributes.

    Raises:
        ValueError: for an unknown option, for "int8" without data, and where LiteRT lacks an operation, by its layer.
    """
    one_of(quantization, QUANTIZATIONS, "quantization")
    if quantization == "int8" and representative_dataset is None:
        raise ValueError(
            "quantization='int8' must know between which values activations lie: pass representative_dataset=x, "
            "a few hundred inputs as the model will meet them."
        )
    forward = trace(model, specs, unroll=True)
    with tempfile.TemporaryDirectory() as folder:
        forward.archive.write_out(folder, verbose=False)
        converter: Any = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
        if quantization is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantization == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if quantization == "int8":
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        if representative_dataset is not None:
            converter.representative_dataset = _as_samples(representative_dataset, forward)
        _set_options(converter, options)
        try:
            with warnings.catch_warnings():
                # The converter measures activations with an interpreter that says that it is about to move.
                warnings.filterwarnings("ignore", "[\\s\\S]*tf.lite.Interpreter is deprecated")
                content = converter.convert()
        except Exception as error:
            raise _explained(error, forward) from error
    with open(filepath, "wb") as file:
        file.write(content)


def _as_samples(data: Any, forward: Forward) -> Callable:
    """A function that yields each row of the data as a dictionary of inputs."""
    if callable(data):
        return data
    names = forward.inputs
    arrays = [np.asarray(array) for array in tree.flatten(data)]
    if len(arrays) != len(names):
        raise ValueError(f"representative_dataset must have an array for each input {names}, got {len(arrays)} arrays.")

    def samples() -> Iterator[dict[str, np.ndarray]]:
        for row in range(min(len(arrays[0]), REPRESENTATIVE_ROWS)):
            yield {name: array[row : row + 1] for name, array in zip(names, arrays, strict=True)}

    return samples


def _set_options(converter: Any, options: dict[str, Any]) -> None:
    for name, value in options.items():
        if not hasattr(converter, name):
            raise ValueError(f"TensorFlow's converter to LiteRT has no option {name!r}.")
        if name != "target_spec" or not isinstance(value, dict):
            setattr(converter, name, value)
            continue
        for key, inner in value.items():
            if not hasattr(converter.target_spec, key):
                raise ValueError(f"The converter's target_spec has no attribute {key!r}.")
            setattr(converter.target_spec, key, inner)


def _explained(error: Exception, forward: Forward) -> Exception:
    """The converter's error as one that names the layer, where it names an operation."""
    message = str(error)
    graph = forward.graph
    operations = set(re.findall(r"\btf\.([A-Z]\w*)", message))
    if "TensorList" in message:
        return refuse_loop("LiteRT", forward)
    if operations:
        hint = (
            "target_spec={'supported_ops': [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]} takes "
            "TensorFlow's own operations along, for devices whose interpreter has them."
        )
        # fused["StridedSlice:", "encoder/strided_slice@__inference_serve_43"]
        places = re.findall(r'fused\["(\w+):", "([^"@]+)@', message)
        names = {name for operation, name in places if operation in operations}
        return refuse("LiteRT", operations, graph, forward.owners, hint, names)
    return ValueError(f"TensorFlow's converter to LiteRT failed: {message.strip().splitlines()[0]}")
