"""A model's forward pass as one function whose outputs have names: what the converters start from."""

from typing import Any, NamedTuple

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


def frozen(forward: Forward) -> Any:
    """The concrete function with weights as constants, without functions in it: loops are Enter, Exit, Switch, Merge."""
    return convert_to_constants.convert_variables_to_constants_v2(forward.concrete, lower_control_flow=True)
