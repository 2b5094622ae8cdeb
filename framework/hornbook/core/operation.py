"""Operations and the graph they leave behind: what the Functional API records.

Each symbolic call leaves a `Node` on its operation. A KerasTensor remembers (operation, which call, which output), so
from the outputs of a model the way back to its inputs can be walked.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hornbook import backend, tree
from hornbook.backend.spec import Spec
from hornbook.core import global_state
from hornbook.core.budget import check_call_budget
from hornbook.core.keras_tensor import KerasTensor, any_symbolic
from hornbook.core.operators import OPS
from hornbook.core.registry import Configurable
from hornbook.core.scopes import StatelessScope, SymbolicScope


class KerasHistory(NamedTuple):
    """Where a KerasTensor came from: the operation, the number of its call, the number of the output in that call."""

    operation: Any
    node_index: int
    tensor_index: int


class Node:
    """One symbolic call of an operation.

    Args:
        operation: the layer or op that was called.
        args, kwargs: what it was called with; KerasTensors may stand anywhere in them.
        outputs: the KerasTensors that came out, nested as the operation nests them.
    """

    def __init__(self, operation: "Operation", args: tuple, kwargs: dict, outputs: Any) -> None:
        self.operation, self.args, self.kwargs, self.outputs = operation, args, kwargs, outputs
        self.inputs = [x for x in tree.flatten((args, kwargs)) if isinstance(x, KerasTensor)]
        self.index = len(operation._inbound_nodes)
        operation._inbound_nodes.append(self)
        for position, tensor in enumerate(tree.flatten(outputs)):
            if isinstance(tensor, KerasTensor):
                tensor._keras_history = KerasHistory(operation, self.index, position)  # type: ignore[attr-defined]

    @property
    def parents(self) -> list["Node"]:
        """The calls that made this call's inputs."""
        return [node for node in (node_of(x) for x in self.inputs) if node is not None]

    def __repr__(self) -> str:
        return f"<Node operation={self.operation.name}, call={self.index}>"


def node_of(tensor: KerasTensor) -> Node | None:
    """The call that made a KerasTensor; None for one made by hand."""
    history = getattr(tensor, "_keras_history", None)
    return None if history is None else history.operation._inbound_nodes[history.node_index]


class Operation(Configurable):
    """A thing with a name that can be called on tensors and on KerasTensors: a layer, an op, or one of your own.

    A subclass writes its formula in `call`. What its outputs look like is found by tracing, unless it says so in
    `compute_output_spec`.

    Args:
        name: a name; made from the class's if None.

    Raises:
        ValueError: for a name that is no string or has a "/" in it.

    >>> import hornbook as keras
    >>> class Twice(keras.Operation):
    ...     def call(self, x):
    ...         return x * 2
    >>> Twice()(keras.Input((3,))).shape
    (None, 3)
    """

    name: str
    _inbound_nodes: list[Node]

    def __init__(self, name: str | None = None) -> None:
        self.name = (
            name if name is not None else global_state.auto_name(global_state.to_snake_case(type(self).__name__))
        )
        if not isinstance(self.name, str) or "/" in self.name:
            raise ValueError(f"The name of an operation must be a string without '/', got {name!r}.")
        self._inbound_nodes = []

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs as KerasTensors, and a Node that remembers the call."""
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Shape and dtype of what a call would give, as fresh KerasTensors."""
        return infer(self.call, args, kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The formula. Each operation writes its own."""
        raise NotImplementedError(f"{type(self).__name__} has no `call` method; write its formula there.")

    def quantized_call(self, *args: Any, **kwargs: Any) -> Any:
        """The formula on quantized weights. Operations that can be quantized write their own."""
        raise NotImplementedError(f"{type(self).__name__} has no `quantized_call`: it cannot be quantized.")

    def rematerialized_call(self, fn: Callable, *args: Any, **kwargs: Any) -> Callable:
        """`fn` (the formula), in the form that computes its outputs a second time in the backward pass."""
        return backend.remat(fn)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args, kwargs):
            return self.symbolic_call(*args, **kwargs)
        return self.call(*args, **kwargs)

    def _history_tensors(self, kind: str) -> Any:
        nodes = self._inbound_nodes
        if not nodes:
            raise AttributeError(f"{self.name!r} has never been called on a symbolic input, so it has no {kind}.")
        if len(nodes) > 1 and kind == "input":
            raise ValueError(f"{self.name!r} was called {len(nodes)} times, so it has no single {kind}.")
        return nodes[0].outputs if kind == "output" else _single(nodes[0].inputs)

    @property
    def input(self) -> Any:
        """The symbolic input of the operation's one call."""
        return self._history_tensors("input")

    @property
    def output(self) -> Any:
        """The symbolic output of the operation's first call."""
        return self._history_tensors("output")


def _single(items: Sequence) -> Any:
    return items[0] if len(items) == 1 else list(items)


class FunctionOperation(Operation):
    """A call of an op (a function made by `@op`) in a symbolic graph.

    Args:
        function: the function to call on real tensors.
        rule: the declared rule of its output, None where tracing finds it.
        bind: names the arguments, for the rule.
    """

    def __init__(self, function: Callable, rule: Callable | None, bind: Callable, name: str | None = None) -> None:
        self.function, self.rule, self.bind = function, rule, bind
        super().__init__(name or global_state.auto_name(global_state.to_snake_case(function.__name__)))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """By the declared rule where there is one, else by tracing."""
        if self.rule is not None:
            try:
                return to_keras_tensors(self.rule(self.bind(*args, **kwargs)))
            except ValueError as error:
                raise ValueError(f"ops.{self.function.__name__}: {error}") from None
        return infer(self.function, args, kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        """What `pickle` takes along: the op by name."""
        return {"function": self.function.__name__, "name": self.name, "_inbound_nodes": self._inbound_nodes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(vars(OPS[state["function"]].operation()))  # type: ignore[attr-defined]
        vars(self).update({"name": state["name"], "_inbound_nodes": state["_inbound_nodes"]})


class RawOperation(Operation):
    """A call of one of the backend's own functions, such as `tf.nn.softmax`, in a symbolic graph.

    Args:
        function: its public name.
        name: a name; made from the function's if None.

    >>> import tensorflow as tf, hornbook as keras
    >>> tf.concat([keras.Input((3,)), keras.Input((4,))], axis=1).shape
    (None, 7)
    """

    def __init__(self, function: str, name: str | None = None) -> None:
        if function not in backend.raw_functions():
            raise ValueError(
                f"{function!r} is not among the functions of the backend that may stand in a model: these compute "
                f"numbers from numbers ({', '.join(list(backend.raw_functions())[:3])}, ...)."
            )
        self.function = function
        super().__init__(name or global_state.auto_name(global_state.to_snake_case(function.split(".")[-1])))

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """What the backend's function gives."""
        return backend.raw_functions()[self.function](*args, **kwargs)


def _record_raw_call(name: str, function: Callable, args: tuple, kwargs: dict) -> Any:
    if not any_symbolic(args, kwargs):
        return NotImplemented
    return RawOperation(name).symbolic_call(*args, **kwargs)


backend.on_raw_call(_record_raw_call)


def to_keras_tensors(specs: Any) -> Any:
    """Each `Spec` of a structure as a KerasTensor."""
    return tree.map_structure(
        lambda s: KerasTensor(s.shape, s.dtype, sparse=s.sparse, ragged=s.ragged) if isinstance(s, Spec) else s, specs
    )


def infer(function: Callable, args: tuple = (), kwargs: dict | None = None) -> Any:
    """What `function` gives for KerasTensors, as KerasTensors, found by tracing it once; no state is changed."""
    args, kwargs = tree.map_structure(
        lambda x: Spec(x.shape, x.dtype, ragged=x.ragged, sparse=x.sparse) if isinstance(x, KerasTensor) else x,
        (args, kwargs or {}),
    )
    check_call_budget()
    with StatelessScope(), SymbolicScope():
        return to_keras_tensors(backend.infer(function, args, kwargs))
