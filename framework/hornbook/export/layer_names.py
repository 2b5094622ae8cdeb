"""Which layer an operation belongs to, so that what a format cannot carry is told by the layer's name."""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import tensorflow as tf

from hornbook.core.layer import Layer


@contextlib.contextmanager
def named_layers(model: Layer, owners: dict[str, str]) -> Iterator[None]:
    """While a graph is traced in this context, the operations of each layer lie in a scope: "encoder/dense/MatMul".

    Args:
        model: the layer or model whose layers are meant, at any depth.
        owners: gets the layer's name for each scope.
    """
    layers = model._flatten_layers(include_self=False)
    before = [(layer, vars(layer).get("call")) for layer in layers]
    for layer in layers:
        vars(layer)["call"] = _scoped(layer.call, layer.name, owners)
    try:
        yield
    finally:
        for layer, call in before:
            if call is None:
                del vars(layer)["call"]
            else:
                vars(layer)["call"] = call


def _scoped(call: Callable, name: str, owners: dict[str, str]) -> Callable:
    letters = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    scope_name = letters if letters[:1].isalnum() else f"layer{letters}"

    def call_in_scope(*args: Any, **kwargs: Any) -> Any:
        with tf.name_scope(scope_name) as scope:
            owners[scope] = name
            return call(*args, **kwargs)

    return call_in_scope


def operations_of(graph: Any) -> set[str]:
    """The kinds of all operations of a graph and of the functions in it, such as {"MatMul", "Relu"}."""
    found = {node.op for node in graph.node}
    for function in graph.library.function:
        found |= {node.op for node in function.node_def}
    return found


def layers_with(operations: set[str], graph: Any, owners: dict[str, str], names: Iterable[str] = ()) -> list[str]:
    """The names of the layers whose operations are of these kinds.

    Args:
        operations: such as {"Erf"}.
        names: those operations alone that have these names, where it is known which they are.
        graph: a GraphDef; what stands in a function belongs to the layer that calls it.
        owners: the layer of each scope, from `named_layers`.
    """
    functions = {function.signature.name: function.node_def for function in graph.library.function}
    found: dict[str, None] = {}

    def walk(nodes: Any, caller: str | None) -> None:
        for node in nodes:
            scopes = [scope for scope in owners if node.name.startswith(scope)]
            owner = owners[max(scopes, key=len)] if scopes else caller
            if node.op in operations and owner is not None and (not names or node.name in names):
                found[owner] = None
            for attribute in node.attr.values():
                if attribute.func.name in functions:
                    walk(functions[attribute.func.name], owner)

    walk(graph.node, None)
    return list(found)


def refuse(
    what: str, operations: set[str], graph: Any, owners: dict[str, str], hint: str, names: Iterable[str] = ()
) -> ValueError:
    """The error that says which layer has operations that a format does not have.

    Args:
        what: the format.
        operations: those it has no place for.
        graph, owners: the graph they stand in, and the layers of its scopes.
        hint: what to do instead.
        names: the names of these operations, where only some of their kind are meant.
    """
    operations = operations & operations_of(graph) or operations
    layers = layers_with(operations, graph, owners, names)
    where = f"layer {', '.join(repr(name) for name in layers)}" if layers else "the model, outside its layers,"
    return ValueError(f"{what} cannot carry {where} because of: {', '.join(sorted(operations))}. {hint}")
