"""Models as drawings of their graph, and the way back from a symbolic tensor to its inputs."""

import html
from pathlib import Path
from typing import Any

from hornbook import tree
from hornbook.core.input_layer import InputLayer
from hornbook.core.keras_tensor import KerasTensor
from hornbook.core.operation import FunctionOperation, Node, node_of
from hornbook.models import Functional, Sequential

_INSTALL = "pip install pydot"


def get_source_inputs(tensor: KerasTensor) -> list[KerasTensor]:
    """The symbolic inputs that a symbolic tensor depends on.

    >>> import hornbook as keras
    >>> x = keras.Input((2,))
    >>> keras.utils.get_source_inputs(keras.layers.Dense(3)(x))[0] is x
    True
    """
    found: dict[int, KerasTensor] = {}
    seen: set[int] = set()
    waiting = [tensor]
    while waiting:
        x = waiting.pop()
        node = node_of(x)
        if node is None or not node.inputs:
            found.setdefault(id(x), x)
        elif id(node) not in seen:
            seen.add(id(node))
            waiting.extend(reversed(node.inputs))
    return list(found.values())


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """A model's graph in the language of Graphviz.

    Args:
        model: a built model.
        show_shapes, show_dtype, show_layer_activations, show_trainable: what is said of each layer.
        show_layer_names: whether names are given, or the kinds of layers alone.
        rankdir: the direction of the arrows: "TB" down, "LR" to the right.
        expand_nested: draw the layers of models inside the model, in a frame.
        dpi: dots per inch.
        subgraph: make a frame for a larger graph, a `pydot.Cluster`.
        splines: how lines run: "ortho", "curved", "polyline", "spline".

    Returns:
        a `pydot.Dot`.

    Raises:
        ValueError: for a model that is not built yet.
        ImportError: where pydot is missing.

    >>> import hornbook as keras
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> len(keras.utils.model_to_dot(model).get_edges())
    1
    """
    if kwargs:
        raise ValueError(f"model_to_dot() got unexpected arguments: {sorted(kwargs)}.")
    if not model.built:
        raise ValueError(
            f"Model {model.name!r} is not built yet, so it has no graph: call it on data, or build(input_shape) it."
        )
    try:
        import pydot
    except ImportError:
        raise ImportError(f"Graphs are written by pydot, which is not installed: {_INSTALL}.") from None
    if subgraph:
        graph = pydot.Cluster(graph_name=_quoted(model.name), style="dashed", label=_quoted(model.name), labeljust="l")
    else:
        graph = pydot.Dot("model", graph_type="digraph", rankdir=rankdir, concentrate="true", dpi=str(dpi))
        graph.set("splines", splines)
        graph.set_node_defaults(shape="plaintext", fontname="Helvetica")
    options: dict[str, Any] = {
        "show_shapes": show_shapes,
        "show_dtype": show_dtype,
        "show_layer_names": show_layer_names,
        "show_layer_activations": show_layer_activations,
        "show_trainable": show_trainable,
    }
    if isinstance(model, Sequential):
        rows = [_Row(layer) for layer in model.layers]
        if not subgraph and model.inputs:
            rows = [_Row(node_of(x).operation) for x in model.inputs] + rows  # type: ignore[union-attr]
        links = list(zip(rows, rows[1:], strict=False))
    elif isinstance(model, Functional):
        by_operation = {id(op): _Row(op) for op in model.operations}
        rows = list(by_operation.values())
        links = [
            (by_operation[id(parent.operation)], by_operation[id(node.operation)])
            for node in model._nodes
            for parent in node.parents
            if id(parent.operation) in by_operation
        ]
    else:
        rows, links = [_Row(model)], []
    for row in rows:
        inner = row.operation
        if expand_nested and inner is not model and isinstance(inner, Functional | Sequential):
            graph.add_subgraph(model_to_dot(inner, expand_nested=True, subgraph=True, **options))
        else:
            graph.add_node(pydot.Node(row.key(), label=_label(inner, **options)))
    drawn = set()
    for source, target in links:
        ends = source.end(expand_nested and source.operation is not model), target.start(expand_nested)
        if ends not in drawn:
            drawn.add(ends)
            graph.add_edge(pydot.Edge(*ends, penwidth="2"))
    return graph


class _Row:
    """An operation in a drawing, and the keys of the first and last things drawn for it."""

    def __init__(self, operation: Any) -> None:
        self.operation = operation

    def key(self) -> str:
        return str(id(self.operation))

    def start(self, expanded: bool) -> str:
        """Where an arrow to it ends: at the first layer of a model that is drawn opened."""
        inner = self.operation
        while expanded and isinstance(inner, Functional | Sequential) and inner.layers:
            inner = inner.layers[0]
        return str(id(inner))

    def end(self, expanded: bool) -> str:
        """Where an arrow from it begins: at the last layer."""
        inner = self.operation
        while expanded and isinstance(inner, Functional | Sequential) and inner.layers:
            inner = node_of(inner.outputs[0]).operation if isinstance(inner, Functional) else inner.layers[-1]  # type: ignore[union-attr]
        return str(id(inner))


def _label(
    operation: Any,
    show_shapes: bool,
    show_dtype: bool,
    show_layer_names: bool,
    show_layer_activations: bool,
    show_trainable: bool,
) -> str:
    """What is said of an operation, as a table in Graphviz's HTML."""
    kind = _kind(operation)
    title = f"<b>{html.escape(operation.name)}</b> ({kind})" if show_layer_names else f"<b>{kind}</b>"
    activation = getattr(operation, "activation", None)
    if show_layer_activations and activation is not None and getattr(activation, "__name__", "") != "linear":
        title += f"<br/>Activation: <b>{html.escape(getattr(activation, '__name__', str(activation)))}</b>"
    cells = []
    node = operation._inbound_nodes[-1] if getattr(operation, "_inbound_nodes", None) else None
    if show_shapes:
        if not isinstance(operation, InputLayer):
            cells.append(f"Input shape: <b>{html.escape(_shapes(node, 'inputs'))}</b>")
        cells.append(f"Output shape: <b>{html.escape(_shapes(node, 'outputs'))}</b>")
    if show_dtype:
        dtypes = [] if node is None else [x.dtype for x in tree.flatten(node.outputs)]
        cells.append(f"Output dtype: <b>{', '.join(dtypes) or '?'}</b>")
    if show_trainable and getattr(operation, "weights", None):
        cells.append(f"<b>{'Trainable' if operation.trainable else 'Non-trainable'}</b>")
    columns = max(len(cells), 1)
    row = "".join(f'<td bgcolor="white">{cell}</td>' for cell in cells)
    return (
        '<<table border="0" cellborder="1" cellspacing="0" cellpadding="8">'
        f'<tr><td colspan="{columns}" bgcolor="black"><font color="white">{title}</font></td></tr>'
        f"{f'<tr>{row}</tr>' if row else ''}</table>>"
    )


def _kind(operation: Any) -> str:
    if isinstance(operation, FunctionOperation):
        return "".join(word.capitalize() for word in operation.function.__name__.split("_"))
    return type(operation).__name__


def _shapes(node: Node | None, what: str) -> str:
    if node is None:
        return "?"
    found = tree.map_structure(lambda x: x.shape, getattr(node, what))
    if what == "inputs" and len(found) == 1:
        found = found[0]
    return str(found)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', "'") + '"'


def plot_model(
    model: Any,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """Draw a model's graph into a file.

    Args:
        model: a built model.
        to_file: the file; its ending says the format: png, svg, pdf, dot (text, which needs no Graphviz) ...
        show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi: as for `model_to_dot`.
        show_layer_activations, show_trainable, splines: likewise.

    Returns:
        in a notebook, the picture.

    Raises:
        ValueError: for a model that is not built yet.
        ImportError: where pydot or Graphviz is missing.

    >>> import hornbook as keras
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> keras.utils.plot_model(model, "model.dot", show_shapes=True)
    """
    dot = model_to_dot(
        model,
        show_shapes=show_shapes,
        show_dtype=show_dtype,
        show_layer_names=show_layer_names,
        rankdir=rankdir,
        expand_nested=expand_nested,
        dpi=dpi,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
        splines=splines,
        **kwargs,
    )
    path = Path(to_file)
    file_format = path.suffix[1:].lower() or "png"
    if file_format == "dot":
        path.write_text(dot.to_string())
        return None
    try:
        dot.write(str(path), format=file_format)
    except FileNotFoundError:
        raise ImportError(
            "Graphs are drawn by Graphviz, whose program `dot` was not found: install it (https://graphviz.org/download), "
            "or write the graph as text with to_file='model.dot'."
        ) from None
    try:
        from IPython import display  # type: ignore[import-not-found]
    except ImportError:
        return None
    return (
        display.SVG(str(path)) if file_format == "svg" else display.Image(str(path)) if file_format == "png" else None
    )
