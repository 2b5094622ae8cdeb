"""ONNX, which many runtimes read, and OpenVINO's own files, made from it."""

import contextlib
import importlib
import logging
import os
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from hornbook.export.forward import Forward, freeze, refuse_loop, trace
from hornbook.export.layer_names import operations_of, refuse

# The version of ONNX's operators that is written where none is asked for.
OPSET = 15
# What lives in a session of TensorFlow: no other runtime has these.
TABLES = {"LookupTableFindV2", "MutableHashTableV2", "HashTableV2"}


def write_onnx(model: Any, filepath: str, specs: Any, opset_version: int | None = None) -> int:
    """Write an `.onnx` file, converted by tf2onnx; inputs and outputs have the names that a SavedModel gives them.

    Args:
        model: a built model.
        filepath: the file.
        specs: a spec for each argument.
        opset_version: the version of ONNX's operators, 15 if None.

    Returns:
        the version of the operators.

    Raises:
        ImportError: where tf2onnx is not installed.
        ValueError: where ONNX lacks an operation, by its layer.
    """
    opset = opset_version or OPSET
    onnx, _ = _packages()
    onnx.save_model(convert(trace(model, specs), opset), filepath)
    return opset


def write_openvino(model: Any, filepath: str, specs: Any) -> None:
    """Write OpenVINO's `.xml` and, beside it, `.bin`, converted from ONNX, with weights in float32.

    Raises:
        ImportError: where openvino or tf2onnx is not installed.
        ValueError: where ONNX or OpenVINO lacks an operation, by its layer.
    """
    with _needed("OpenVINO", "openvino"):
        openvino = importlib.import_module("openvino")
    onnx, _ = _packages()
    forward = trace(model, specs, unroll=True)
    with tempfile.TemporaryDirectory() as folder:
        between = os.path.join(folder, "model.onnx")
        onnx.save_model(convert(forward, OPSET), between)
        root = logging.getLogger()
        level, handlers = root.level, list(root.handlers)
        try:
            converted = openvino.convert_model(between)
        except Exception as error:
            if "Loop" in str(error):
                raise refuse_loop("OpenVINO", forward) from error
            raise ValueError(f"OpenVINO could not read the model: {str(error).strip().splitlines()[-1]}") from error
        finally:  # OpenVINO silences all logging of the program where it fails
            root.setLevel(level)
            root.handlers[:] = handlers
    openvino.save_model(converted, filepath, compress_to_fp16=False)


def convert(forward: Forward, opset: int) -> Any:
    """The forward pass as ONNX's message.

    Raises:
        ValueError: where ONNX lacks an operation, by its layer.
    """
    graph = forward.graph
    if tables := TABLES & operations_of(graph):
        hint = "Look strings and integers up before the model, or export to a SavedModel, which takes the table along."
        raise refuse("ONNX", tables, graph, forward.owners, hint)
    _, tf2onnx = _packages()
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    frozen = freeze(forward)
    ends = {**frozen.inputs, **frozen.outputs}
    inputs, outputs = ([tensor.name for tensor in part.values()] for part in (frozen.inputs, frozen.outputs))
    with tf.Graph().as_default(), tf.device("CPU:0"):
        simpler = tf2onnx.tf_loader.tf_optimize(inputs, outputs, frozen.graph)
    with tf.Graph().as_default() as read:
        tf.import_graph_def(simpler, name="")
        converted = tf2onnx.tfonnx.process_tf_graph(
            read,
            continue_on_error=True,
            input_names=inputs,
            output_names=outputs,
            tensors_to_rename={tensor.name: name for name, tensor in ends.items()},
            opset=opset,
            custom_op_handlers={"Erfc": (_one_minus_erf, [])},
        )
    # Left out: the step that writes sizes of a Reshape as "the same as before", which is wrong once another step has joined
    # that Reshape with the one before it.
    steps = {k: step for k, step in tf2onnx.optimizer._get_optimizers().items() if k != "reshape_optimizer"}
    message = tf2onnx.optimizer.optimize_graph(converted, optimizers=steps).make_model(forward.function.__name__)
    unknown = _unknown_operations(message.graph, opset)
    if unknown:
        hint = f"tf2onnx {tf2onnx.__version__} writes them in no version of ONNX's operators up to {opset}."
        raise refuse("ONNX", unknown, graph, forward.owners, hint)
    return message


def _one_minus_erf(context: Any, node: Any, name: str, arguments: Any) -> None:
    """erfc(x) = 1 - erf(x), which ONNX has."""
    del arguments
    shapes, types = node.output_shapes, node.output_dtypes
    erf = context.make_node("Erf", [node.input[0]], shapes=shapes, dtypes=types)
    one = context.make_const(f"{name}_one", np.ones((), _packages()[0].helper.tensor_dtype_to_np_dtype(types[0])))
    context.remove_node(node.name)
    context.make_node(
        "Sub", [one.output[0], erf.output[0]], outputs=node.output, shapes=shapes, dtypes=types, name=name
    )


def _unknown_operations(graph: Any, opset: int) -> set[str]:
    """The operations of a graph, and of the graphs in it, that no version of ONNX has."""
    schemas = _packages()[0].defs
    found = set()
    for node in graph.node:
        if not schemas.has(node.op_type, opset, node.domain):
            found.add(node.op_type)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                found |= _unknown_operations(attribute.g, opset)
    return found


def _packages() -> tuple[Any, Any]:
    """(onnx, tf2onnx)"""
    with _needed("ONNX", "tf2onnx"):
        onnx, tf2onnx = importlib.import_module("onnx"), importlib.import_module("tf2onnx")
        importlib.import_module("tf2onnx.convert")
    return onnx, tf2onnx


@contextlib.contextmanager
def _needed(purpose: str, package: str) -> Iterator[None]:
    """What is imported in this context is needed for a format; where it is not there, say what to install."""
    try:
        yield
    except ImportError as error:
        raise ImportError(f"To export to {purpose}, install the converter: pip install {package}.") from error
