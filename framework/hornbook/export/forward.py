"""A model's forward pass as one function whose outputs have names: what the converters start from."""

from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

from hornbook import tree
from hornbook.backend.tensorflow.recurrence import unrolled_loops
from hornbook.export.archive import ExportArchive, forward_of
from hornbook.export.layer_names import refuse


class Forward(NamedTuple):
    """A traced forward pass.

    function: a `tf.function` with its signature; its outputs are a dictionary.
    owners: the layer of each scope of its graph.
    archive: holds the function as the endpoint "serve", and the weights.
    """

    function: Any
    owners: dict[str, str]
    archive: ExportArchive

    @property
    def concrete(self) -> Any:
        """The function with its graph."""
        return self.function.get_concrete_function()

    @property
    def inputs(self) -> list[str]:
        """The names of its inputs; those that follow are weights, and tensors that the model computed before."""
        concrete = self.concrete
        return [tensor.op.name for tensor in concrete.inputs[: len(concrete.inputs) - len(concrete.graph.captures)]]

    @property
    def graph(self) -> Any:
        """The graph as a message."""
        return self.concrete.graph.as_graph_def()


def trace(model: Any, specs: Any, unroll: bool = False) -> Forward:
    """The forward pass with training=False.

    Args:
        model: a built model.
        specs: a spec for each argument.
        unroll: whether loops over a known number of times are written out.
    """
    owners: dict[str, str] = {}
    call = forward_of(model, owners)

    def serve(*args: Any) -> Any:
        if not unroll:
            return named_outputs(call(*args))
        with unrolled_loops():
            return named_outputs(call(*args))

    archive = ExportArchive()
    archive.track(model)
    return Forward(archive.add_endpoint("serve", serve, specs), owners, archive)


def refuse_loop(what: str, forward: Forward) -> ValueError:
    """The error for a runtime that knows no loop over a number of times that is not known."""
    hint = (
        "It loops over a number of times that is not known; with a fixed one in input_signature, such as "
        "InputSpec(shape=(None, 50, 8)), the loop is written out."
    )
    return refuse(what, {"While", "StatelessWhile"}, forward.graph, forward.owners, hint)


def named_outputs(outputs: Any) -> dict[str, Any]:
    """Outputs under the names that a SavedModel gives them: a dictionary's keys, or output_0, output_1, ...

    >>> named_outputs(["a", "b"])
    {'output_0': 'a', 'output_1': 'b'}
    """
    if isinstance(outputs, dict) and not any(isinstance(value, dict | list | tuple) for value in outputs.values()):
        return outputs
    return {f"output_{i}": value for i, value in enumerate(tree.flatten(outputs))}


class Frozen(NamedTuple):
    """A graph with its weights in it.

    graph: the GraphDef; weights are operations "Const".
    inputs, outputs: its tensors by the names of the signature.
    """

    graph: Any
    inputs: dict[str, Any]
    outputs: dict[str, Any]


def freeze(forward: Forward, functions: bool = True) -> Frozen:
    """The forward pass with weights, and tensors that the model computed before, as constants.

    Args:
        forward: the forward pass.
        functions: False leaves no functions in the graph: loops are Enter, Exit, Switch, Merge and NextIteration.
    """
    concrete = forward.concrete
    function = convert_to_constants.convert_variables_to_constants_v2(concrete, lower_control_flow=not functions)
    graph = function.graph.as_graph_def()
    captured = {inner.op.name: outer for outer, inner in concrete.graph.captures if inner.dtype != tf.resource}
    for node in graph.node:
        if node.op == "Placeholder" and node.name in captured:
            name, value = node.name, captured[node.name].numpy()
            node.Clear()
            node.name, node.op = name, "Const"
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
            node.attr["dtype"].type = node.attr["value"].tensor.dtype
    inputs = {tensor.op.name: tensor for tensor in function.inputs if tensor.op.name in forward.inputs}
    # TensorFlow flattens a dictionary by its sorted keys.
    outputs = dict(zip(sorted(concrete.structured_outputs), function.outputs, strict=True))
    return Frozen(graph, inputs, outputs)
