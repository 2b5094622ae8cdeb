"""The table that `model.summary()` prints."""

import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from hornbook import tree
from hornbook.core.input_layer import InputLayer
from hornbook.core.operation import Node


def count_params(weights: list) -> int:
    """How many numbers some weights hold.

    >>> import hornbook as keras
    >>> from hornbook.models.summary import count_params
    >>> count_params([keras.Variable([1.0, 2.0])])
    2
    """
    return int(sum(np.prod(v.shape, dtype=np.int64) for v in {id(v): v for v in weights}.values()))


def _memory(weights: list) -> str:
    size = sum(np.prod(v.shape, dtype=np.int64) * _BYTES.get(v._dtype, 4) for v in weights)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            return f"{size:.2f} {unit}"
        size = size / 1024
    raise AssertionError


_BYTES = {
    "float64": 8,
    "int64": 8,
    "uint64": 8,
    "float16": 2,
    "bfloat16": 2,
    "int16": 2,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
}


def _output_shape(layer: Any) -> str:
    if not layer._inbound_nodes:
        shapes = (layer._build_shapes or {}).values()
        if layer.built and len(shapes) == 1:
            try:
                return _text(layer.compute_output_shape(next(iter(shapes))))
            except Exception:
                return "?"
        return "?"
    return _text(tree.map_structure(lambda x: x.shape, layer._inbound_nodes[-1].outputs))


def _text(shape: Any) -> str:
    if isinstance(shape, dict):
        return ", ".join(f"{key}: {_text(value)}" for key, value in shape.items())
    if isinstance(shape, list):
        return ", ".join(_text(item) for item in shape)
    return str(shape)


def _connected(layer: Any, nodes: set[int]) -> str:
    lines = []
    for node in layer._inbound_nodes:
        if isinstance(node, Node) and (not nodes or id(node) in nodes):
            for x in node.inputs:
                history = x._keras_history  # type: ignore[attr-defined]
                lines.append(f"{history.operation.name}[{history.node_index}][{history.tensor_index}]")
    return "\n".join(lines) or "-"


def print_summary(
    model: Any,
    line_length: int | None = None,
    print_fn: Callable | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Any = None,
) -> None:
    """Print the table of a model's layers; `print_fn` gets it as one text."""
    nodes = {id(node) for node in getattr(model, "_nodes", ())}
    is_graph = bool(nodes) and any(
        len(getattr(op, "_inbound_nodes", ())) > 1 or _branches(op) for op in model.operations
    )
    columns = ["Layer (type)", "Output Shape", "Param #", *(["Connected to"] if is_graph else [])]
    table = Table(show_lines=is_graph, header_style="bold")
    for column in [*columns, *(["Trainable"] if show_trainable else [])]:
        table.add_column(column, justify="right" if column == "Param #" else "left", overflow="fold")

    def rows(layers: list, indent: str) -> None:
        for layer in layers:
            count = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
            row = [f"{indent}{layer.name} ({type(layer).__name__})", _output_shape(layer), count]
            if is_graph:
                row.append(_connected(layer, nodes))
            if show_trainable:
                row.append("-" if not layer.weights else "Y" if layer.trainable else "N")
            table.add_row(*row)
            if expand_nested and hasattr(layer, "layers"):
                rows(layer.layers, indent + "  ")

    rows(_ranged(list(model.layers), layer_range), "")
    trainable, frozen = model.trainable_weights, model.non_trainable_weights
    lines = [
        ("Total params", [*trainable, *frozen]),
        ("Trainable params", trainable),
        ("Non-trainable params", frozen),
    ]
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and getattr(optimizer, "built", False):
        lines.append(("Optimizer params", list(optimizer.variables)))
        lines[0] = ("Total params", [*trainable, *frozen, *optimizer.variables])
    buffer = io.StringIO()
    console = Console(file=buffer, width=line_length or 96, highlight=False, no_color=True)
    console.print(f'Model: "{model.name}"')
    console.print(table)
    for what, weights in lines:
        console.print(f" {what}: {count_params(weights):,} ({_memory(weights)})")
    (print_fn or print)(buffer.getvalue().rstrip("\n"))


def _branches(operation: Any) -> bool:
    nodes = operation._inbound_nodes
    return not isinstance(operation, InputLayer) and bool(nodes) and len(nodes[0].inputs) > 1


def _ranged(layers: list, layer_range: Any) -> list:
    if not layer_range:
        return layers
    if len(layer_range) != 2:
        raise ValueError(f"layer_range must hold two names, the first and the last layer; got {layer_range!r}.")
    names = [layer.name for layer in layers]
    found = [next((i for i, name in enumerate(names) if re.match(pattern, name)), -1) for pattern in layer_range]
    if -1 in found:
        raise ValueError(f"layer_range={layer_range!r} matches no layer. The layers are: {names}.")
    return layers[found[0] : found[1] + 1]
