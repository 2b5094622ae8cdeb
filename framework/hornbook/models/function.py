"""`Function`: a graph of operations from inputs to outputs as one operation, without weights of its own."""

from typing import Any

from hornbook import tree
from hornbook.core.input_layer import InputLayer
from hornbook.core.keras_tensor import KerasTensor
from hornbook.core.operation import Operation, node_of
from hornbook.models.functional import graph_plan, run_plan, sorted_graph, specs_of_plan, symbols_of


class Function(Operation):
    """An operation that computes `outputs` from `inputs`, symbolic tensors that operations connect.

    Args:
        inputs: a KerasTensor, or a structure of them.
        outputs: likewise; what the function gives has this structure.
        name: a name; made up if None.

    Raises:
        ValueError: for what is no symbolic tensor, and where an output does not depend on the inputs alone.

    >>> import hornbook as keras
    >>> x = keras.Input((2,))
    >>> f = keras.Function(x, keras.ops.square(x) + 1)
    >>> f(keras.ops.ones((1, 2))).numpy()
    array([[2., 2.]], dtype=float32)
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        super().__init__(name)
        for what, structure in (("inputs", inputs), ("outputs", outputs)):
            leaves = tree.flatten(structure)
            if not leaves or not all(isinstance(leaf, KerasTensor) for leaf in leaves):
                raise ValueError(
                    f"The {what} of a Function must be symbolic tensors, such as keras.Input gives and operations make "
                    f"from it; got {structure!r}."
                )
        self._inputs_struct, self._outputs_struct = inputs, outputs
        self._inputs, self._outputs = tree.flatten(inputs), tree.flatten(outputs)
        nodes, operations = sorted_graph(self._inputs, self._outputs)
        given = {id(node_of(x)) for x in self._inputs}
        nodes = [node for node in nodes if id(node) not in given]
        kept = {id(node.operation) for node in nodes}
        self._operations = [op for op in operations if id(op) in kept or isinstance(op, InputLayer)]
        self._plan = graph_plan(nodes)

    inputs = property(lambda self: self._inputs, doc="The symbolic inputs, as a flat list.")
    outputs = property(lambda self: self._outputs, doc="The symbolic outputs, as a flat list.")
    operations = property(lambda self: list(self._operations), doc="The layers and ops of the graph.")

    def call(self, inputs: Any) -> Any:
        """The outputs for inputs: each operation in turn."""
        return run_plan(self._plan, self._inputs, self._given(inputs), self._outputs_struct)

    def compute_output_spec(self, inputs: Any) -> Any:
        """Shape and dtype of the outputs."""
        return specs_of_plan(self._plan, self._inputs, self._given(inputs), self._outputs_struct)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for the shapes of the inputs."""
        given = tree.flatten(symbols_of(input_shape, self._inputs))
        outputs = specs_of_plan(self._plan, self._inputs, given, self._outputs_struct)
        return tree.map_structure(lambda x: x.shape, outputs)

    def _given(self, inputs: Any) -> list:
        given = tree.flatten(inputs)
        if len(given) != len(self._inputs):
            raise ValueError(f"{self.name!r} has {len(self._inputs)} inputs, but got {len(given)}.")
        return given
